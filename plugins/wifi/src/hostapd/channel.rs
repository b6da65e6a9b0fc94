//! A radio leaves a channel, and its stations come along.

use tokio::time::Instant;

use super::difference::{Depth, Difference};
use super::lines::Lines;
use super::reply::{State, Status};
use super::standing::Radio;
use super::steps::START;
use super::text::merged;
use super::{radio, Hostapd};
use crate::back_end::Failure;
use crate::facts::{frequency_of, Band, Width};
use crate::plan::{RadioSettings, Tuning};

/// After how many beacons a channel is left.
const BEACONS_BEFORE_SWITCH: u8 = 5;

impl Hostapd {
    /// Leaves a channel for another one together with the stations, if that is all there is to do and it can be done.
    pub(super) async fn switched(&self, radio: &Radio, of_radio: &Difference) -> Result<bool, Failure> {
        let only_channel = of_radio.lines.iter().all(|(key, _)| radio::OF_CHANNEL.contains(&key));
        let (Some(known), true) = (radio.first_lines(), only_channel && of_radio.depth == Depth::Restart)
        else {
            return Ok(false);
        };
        if radio.state != State::On || radio.stations == 0 {
            return Ok(false);
        }
        let settings = radio::settings(&merged(known, &of_radio.lines));
        let Some((command, frequency)) = switch_command(&settings, known) else { return Ok(false) };
        let mut talk = self.talk(&radio.first)?;
        talk.attach().await?;
        if radio.frequency == Some(frequency) || !talk.order(&command).await? {
            return Ok(false);
        }
        let end = Instant::now() + START;
        // It tells of the new channel from when it has told the stations; it is there when it says so.
        while let Some(message) = talk.hear(end).await? {
            if message.starts_with("AP-CSA-FINISHED") {
                return Ok(true);
            }
        }
        let status = Status::parse(&talk.ask("STATUS").await?)?;
        // Radar is listened for on the new channel first; or the driver does not tell.
        Ok(status.state == State::Starting || status.frequency == Some(frequency))
    }
}

/// How to say that a radio goes to a channel, and the frequency that it is then on.
fn switch_command(settings: &RadioSettings, known: &Lines) -> Option<(String, u32)> {
    let (Some(Tuning::Number(channel)), Some(band)) = (settings.channel, settings.band) else { return None };
    let width = settings.width.unwrap_or(Width::W20);
    let frequency = frequency_of(band, channel)?;
    let shape = radio::Shape::of(band, Some(channel), width, settings.extension_above).ok()?;
    let megahertz = match width {
        Width::W20 => 20,
        Width::W40 => 40,
        Width::W80 => 80,
        Width::W160 => 160,
        Width::W320 => return None,
    };
    let center = match (width, shape.center) {
        (Width::W20, _) => None,
        (_, 0) => shape.second.map(|above| if above { frequency + 10 } else { frequency - 10 }),
        (_, center) => frequency_of(band, center),
    };
    let middle = center.map(|center| format!(" center_freq1={center}")).unwrap_or_default();
    let mut command = format!(
        "CHAN_SWITCH {BEACONS_BEFORE_SWITCH} {frequency} sec_channel_offset={} bandwidth={megahertz}{middle}",
        shape.offset()
    );
    for (key, word) in [("ieee80211n", " ht"), ("ieee80211ac", " vht"), ("ieee80211ax", " he")] {
        if known.is_on(key) && (key != "ieee80211ac" || band == Band::Five) {
            command += word;
        }
    }
    Some((command, frequency))
}
