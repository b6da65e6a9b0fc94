//! The channel of an access point, in the words of the service and back.
//!
//! It takes a frequency and how wide the channel is, beacons, and whether HT and VHT are spoken; the rest it takes from the
//! hardware.

use crate::back_end::Failure;
use crate::facts::{channel_of, frequency_of, Band, Standard, Width};
use crate::plan::{RadioSettings, Tuning};
use crate::supplicant::network::{Network, Wanted};
use crate::supplicant::wire::NAME;

/// What the service takes where it is told nothing, in MHz.
const DEFAULT_FREQUENCY: u32 = 2_462;
/// The first channel of 5 GHz, of which every country knows.
const FIRST_OF_FIVE: u16 = 36;
/// The first channel of 6 GHz that is announced by itself: a preferred scanning channel.
const FIRST_OF_SIX: u16 = 5;

/// No frame is so long that it is announced, or broken up: what the service has anyway. IEEE 802.11, dot11RTSThreshold.
const RTS_OFF: u16 = 2_347;
const FRAGMENTATION_OFF: u16 = 2_346;

/// What a radio is to be like, as a network of the service tells.
pub(crate) fn settings_of(network: &Network, country: Option<&str>) -> RadioSettings {
    let number = |name: &str| network.number(name);
    let frequency = frequency_of_network(network);
    let above = number("ht40").map(|offset| offset > 0);
    let width = match (above, number("max_oper_chwidth")) {
        (None, _) => Width::W20,
        (_, Some(1)) => Width::W80,
        (_, Some(2)) => Width::W160,
        _ => Width::W40,
    };
    RadioSettings {
        country: country.map(str::to_owned),
        band: Band::of(frequency),
        channel: channel_of(frequency).map(Tuning::Number),
        width: Some(width),
        extension_above: above,
        beacon_interval: number("beacon_int").and_then(|n| u16::try_from(n).ok()),
        dtim_period: number("dtim_period").and_then(|n| u8::try_from(n).ok()),
        ..RadioSettings::default()
    }
}

/// The frequency of a network, in MHz.
pub(crate) fn frequency_of_network(network: &Network) -> u32 {
    network.number("frequency").and_then(|f| u32::try_from(f).ok()).unwrap_or(DEFAULT_FREQUENCY)
}

/// The settings of a plan, where nothing is said as they are.
pub(crate) fn overlay(plan: &RadioSettings, running: Option<RadioSettings>) -> RadioSettings {
    let running = running.unwrap_or_default();
    let same_band = plan.band.is_none() || plan.band == running.band;
    RadioSettings {
        country: plan.country.clone().or(running.country),
        band: plan.band.or(running.band),
        channel: plan.channel.or(running.channel.filter(|_| same_band)),
        width: plan.width.or(running.width.filter(|_| same_band)),
        // The half that lay above one channel need not lie above another.
        extension_above: plan.extension_above,
        beacon_interval: plan.beacon_interval.or(running.beacon_interval),
        dtim_period: plan.dtim_period.or(running.dtim_period),
        ..plan.clone()
    }
}

/// Gives a network what a radio is to be like. What the service cannot be told is an error.
pub(crate) fn tune(wanted: &mut Wanted, settings: &RadioSettings) -> Result<(), Failure> {
    let impossible = |what: &str| Err(Failure::Impossible(format!("{NAME} cannot set {what}")));
    if settings.rts_threshold.is_some_and(|most| most < RTS_OFF) {
        return impossible("the RTS threshold");
    }
    if settings.fragmentation_threshold.is_some_and(|most| most < FRAGMENTATION_OFF) {
        return impossible("the fragmentation threshold");
    }
    if settings.short_guard.is_some() {
        return impossible("the guard interval");
    }
    let channel = match settings.channel {
        Some(Tuning::Number(channel)) => Some(channel),
        Some(Tuning::Auto) => return impossible("a channel of its own choice"),
        None => None,
    };
    let band = settings.band.unwrap_or(Band::Two);
    let channel = channel.or(match band {
        Band::Two => channel_of(DEFAULT_FREQUENCY),
        Band::Five => Some(FIRST_OF_FIVE),
        Band::Six => Some(FIRST_OF_SIX),
    });
    let frequency = channel.and_then(|channel| Some((channel, frequency_of(band, channel)?)));
    let Some((channel, frequency)) = frequency else {
        return Err(Failure::Impossible(format!("no channel {channel:?} in this band")));
    };
    number(wanted, "frequency", frequency);
    let speaks = |standard| settings.standards.as_ref().is_none_or(|all| all.contains(&standard));
    let (ht, vht) = (speaks(Standard::N) || speaks(Standard::Ac), speaks(Standard::Ac) && band != Band::Two);
    wanted.number("disable_ht", i32::from(!ht));
    wanted.number("disable_vht", i32::from(!vht));
    widen(wanted, settings, band, channel, (ht, vht))?;
    number(wanted, "beacon_int", settings.beacon_interval.map_or(0, u32::from));
    number(wanted, "dtim_period", settings.dtim_period.map_or(0, u32::from));
    Ok(())
}

fn number(wanted: &mut Wanted, name: &'static str, number: u32) {
    // Frequencies and intervals are far below the limit.
    wanted.number(name, i32::try_from(number).unwrap_or(i32::MAX));
}

fn widen(
    wanted: &mut Wanted,
    settings: &RadioSettings,
    band: Band,
    channel: u16,
    (ht, vht): (bool, bool),
) -> Result<(), Failure> {
    let width = settings.width.unwrap_or(Width::W20);
    let (above, group) = match band {
        Band::Two => (settings.extension_above.unwrap_or(channel < 8), None),
        Band::Five => {
            let first = if channel >= 149 { 149 } else { 36 };
            let place = (channel.saturating_sub(first)) / 4;
            (place % 2 == 0, Some((first, place)))
        }
        Band::Six => {
            let place = (channel.saturating_sub(1)) / 4;
            (place % 2 == 0, Some((1, place)))
        }
    };
    let impossible =
        || Err(Failure::Impossible(format!("{NAME} cannot have {width:?} on channel {channel}")));
    let (offset, kind, channels) = match width {
        Width::W20 => (0, 0, 1),
        Width::W40 if ht => (if above { 1 } else { -1 }, 0, 2),
        Width::W80 if vht => (if above { 1 } else { -1 }, 1, 4),
        Width::W160 if vht => (if above { 1 } else { -1 }, 2, 8),
        _ => return impossible(),
    };
    wanted.number("ht40", offset);
    if kind == 0 {
        wanted.number("max_oper_chwidth", 0);
        wanted.number("vht_center_freq1", 0);
        return Ok(());
    }
    let Some((first, place)) = group else { return impossible() };
    // The channel in the middle of those of 20 MHz that make up the wide one.
    let middle = first + (place / channels) * channels * 4 + (channels - 1) * 2;
    let Some(middle) = frequency_of(band, middle) else { return impossible() };
    wanted.number("max_oper_chwidth", kind);
    number(wanted, "vht_center_freq1", middle);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supplicant::network::Setting;

    fn tuned(settings: &RadioSettings) -> Result<Vec<Option<i32>>, Failure> {
        let mut wanted = Wanted::default();
        tune(&mut wanted, settings)?;
        let number = |name| match wanted.0.get(name) {
            Some(Setting::Number(number)) => Some(*number),
            _ => None,
        };
        Ok(["frequency", "ht40", "max_oper_chwidth", "vht_center_freq1"].into_iter().map(number).collect())
    }

    fn on(band: Band, channel: u16, width: Width) -> RadioSettings {
        let (band, channel) = (Some(band), Some(Tuning::Number(channel)));
        RadioSettings { band, channel, width: Some(width), ..RadioSettings::default() }
    }

    #[test]
    fn a_wide_channel_lies_where_the_standard_has_it() {
        let is = |settings: &RadioSettings, numbers: [i32; 4]| {
            assert_eq!(tuned(settings), Ok(numbers.map(Some).to_vec()), "{settings:?}");
        };
        is(&on(Band::Two, 6, Width::W20), [2_437, 0, 0, 0]);
        is(&on(Band::Two, 6, Width::W40), [2_437, 1, 0, 0]);
        is(&on(Band::Two, 11, Width::W40), [2_462, -1, 0, 0]);
        is(
            &RadioSettings { extension_above: Some(false), ..on(Band::Two, 6, Width::W40) },
            [2_437, -1, 0, 0],
        );
        is(&on(Band::Five, 36, Width::W40), [5_180, 1, 0, 0]);
        is(&on(Band::Five, 48, Width::W80), [5_240, -1, 1, 5_210]);
        is(&on(Band::Five, 153, Width::W80), [5_765, -1, 1, 5_775]);
        is(&on(Band::Five, 104, Width::W160), [5_520, -1, 2, 5_570]);
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let refused = |settings: &RadioSettings| {
            assert!(matches!(tuned(settings), Err(Failure::Impossible(_))), "{settings:?}");
        };
        let good = on(Band::Two, 1, Width::W20);
        assert!(tuned(&good).is_ok());
        let off = RadioSettings {
            rts_threshold: Some(2_347),
            fragmentation_threshold: Some(2_346),
            ..good.clone()
        };
        assert_eq!(tuned(&off), tuned(&good), "that is how it is anyway");
        refused(&RadioSettings { channel: Some(Tuning::Auto), ..good.clone() });
        refused(&RadioSettings { rts_threshold: Some(100), ..good.clone() });
        refused(&RadioSettings { fragmentation_threshold: Some(500), ..good.clone() });
        refused(&RadioSettings { short_guard: Some(true), ..good.clone() });
        refused(&on(Band::Two, 15, Width::W20));
        refused(&on(Band::Two, 1, Width::W80));
        refused(&on(Band::Five, 36, Width::W320));
        let old = Some(vec![Standard::A]);
        refused(&RadioSettings { standards: old, ..on(Band::Five, 36, Width::W40) });
    }

    #[test]
    fn what_is_not_said_stays_unless_the_band_changes() {
        let running = on(Band::Two, 6, Width::W20);
        let nothing = RadioSettings::default();
        assert_eq!(tuned(&overlay(&nothing, Some(running.clone()))), tuned(&running));
        let five = RadioSettings { band: Some(Band::Five), ..nothing };
        assert_eq!(tuned(&overlay(&five, Some(running))), tuned(&on(Band::Five, 36, Width::W20)));
    }
}
