//! Radios, from a dump that comes in many parts.

use std::collections::BTreeMap;
use std::path::Path;

use super::ability::Ability;
use super::attribute::{kind, of, Attributes};
use super::connection::Message;
use crate::facts::{channel_of, Band, BandAbility, Channel, Mac, Radio, Standard};

/// The most radios of a machine.
pub(super) const MAX_RADIOS: usize = 32;
/// The most channels of a band.
const MAX_CHANNELS: usize = 256;
/// The most rates of a band.
const MAX_RATES: usize = 64;
/// The most ciphers of a radio.
const MAX_CIPHERS: usize = 64;

/// `NL80211_BAND_ATTR_*`.
const FREQS: u16 = 1;
const RATES: u16 = 2;
/// `NL80211_BITRATE_ATTR_RATE`.
const RATE: u16 = 1;

/// `NL80211_FREQUENCY_ATTR_*`.
mod of_channel {
    pub(super) const FREQ: u16 = 1;
    pub(super) const DISABLED: u16 = 2;
    pub(super) const NO_IR: u16 = 3;
    pub(super) const RADAR: u16 = 5;
    pub(super) const MAX_TX_POWER: u16 = 6;
}

/// `NL80211_IFACE_COMB_*` and, inside of it, `NL80211_IFACE_LIMIT_*`.
const LIMITS: u16 = 1;
const MAXNUM: u16 = 2;
const LIMIT_MAX: u16 = 1;
const LIMIT_TYPES: u16 = 2;

/// A radio of which more may be told.
#[derive(Debug, Default)]
struct Part {
    name: Option<String>,
    bands: BTreeMap<Band, BandPart>,
    kinds: (bool, bool),
    max_access_points: u32,
    ciphers: Vec<u32>,
}

#[derive(Debug, Default)]
struct BandPart {
    channels: Vec<Channel>,
    rates: Vec<u32>,
    ability: Ability,
}

/// The radios of a dump, in the order of their numbers.
pub(super) fn radios(dump: &[Message], sys: &Path) -> Vec<Radio> {
    let mut parts = BTreeMap::<u32, Part>::new();
    for attributes in dump.iter().map(Message::attributes) {
        let Some(index) = attributes.u32(of::WIPHY) else { continue };
        if parts.len() < MAX_RADIOS || parts.contains_key(&index) {
            parts.entry(index).or_default().learn(attributes);
        }
    }
    let mut radios = parts.into_iter().filter_map(|(index, part)| part.finish(index)).collect::<Vec<_>>();
    name_for_ever(&mut radios, sys);
    radios
}

impl Part {
    fn learn(&mut self, attributes: Attributes<'_>) {
        if let Some(name) = attributes.text(of::WIPHY_NAME) {
            self.name = Some(name);
        }
        for (number, band) in attributes.inside(of::WIPHY_BANDS).iter() {
            let known = match number {
                0 => Band::Two,
                1 => Band::Five,
                3 => Band::Six,
                _ => continue,
            };
            self.bands.entry(known).or_default().learn(Attributes::new(band));
        }
        let kinds = attributes.inside(of::SUPPORTED_IFTYPES);
        self.kinds.0 |= kinds.has(kind::ACCESS_POINT);
        self.kinds.1 |= kinds.has(kind::STATION);
        for combination in attributes.inside(of::INTERFACE_COMBINATIONS).each() {
            self.max_access_points = self.max_access_points.max(access_points(combination));
        }
        if let Some(ciphers) = attributes.get(of::CIPHER_SUITES) {
            let number = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_ne_bytes);
            self.ciphers = ciphers.chunks_exact(4).take(MAX_CIPHERS).filter_map(number).collect();
        }
    }

    /// What has no name is no radio.
    fn finish(self, index: u32) -> Option<Radio> {
        let bands = self.bands.into_iter().map(|(band, part)| part.finish(band)).collect();
        let max_access_points = if self.kinds.0 { self.max_access_points.max(1) } else { 0 };
        Some(Radio {
            index,
            name: self.name?,
            key: String::new(),
            bands,
            max_access_points,
            can_be_station: self.kinds.1,
            ciphers: self.ciphers,
        })
    }
}

impl BandPart {
    fn learn(&mut self, band: Attributes<'_>) {
        for channel in band.inside(FREQS).each().filter_map(channel) {
            match self.channels.iter().position(|known| known.frequency == channel.frequency) {
                Some(at) => self.channels[at] = channel,
                None if self.channels.len() < MAX_CHANNELS => self.channels.push(channel),
                None => {}
            }
        }
        for rate in band.inside(RATES).each().filter_map(|rate| rate.u32(RATE)) {
            if !self.rates.contains(&rate) && self.rates.len() < MAX_RATES {
                self.rates.push(rate);
            }
        }
        self.ability.learn(band);
    }

    fn finish(mut self, band: Band) -> BandAbility {
        self.channels.sort_by_key(|channel| channel.frequency);
        self.rates.sort_unstable();
        // In 100 kbit/s.
        let any = |rates: &[u32]| self.rates.iter().any(|rate| rates.contains(rate));
        let mut standards = Vec::new();
        if band == Band::Five && any(&[60, 120, 240]) {
            standards.push(Standard::A);
        }
        if band == Band::Two && any(&[10, 20, 55, 110]) {
            standards.push(Standard::B);
        }
        if band == Band::Two && any(&[60, 120, 240]) {
            standards.push(Standard::G);
        }
        standards.extend(self.ability.standards(band));
        let legacy = self.rates.last().copied().unwrap_or_default() / 10;
        BandAbility {
            band,
            standards,
            widths: self.ability.widths(band),
            channels: self.channels,
            rates: self.rates.iter().map(|rate| f64::from(*rate) / 10.0).collect(),
            max_rate: legacy.max(self.ability.max_rate(band) / 1_000),
            streams: self.ability.streams().max(1),
            short_guard: self.ability.short_guard(),
        }
    }
}

/// What has no number of the standard is no channel.
fn channel(attributes: Attributes<'_>) -> Option<Channel> {
    let frequency = attributes.u32(of_channel::FREQ)?;
    Some(Channel {
        number: channel_of(frequency)?,
        frequency,
        disabled: attributes.has(of_channel::DISABLED),
        no_start: attributes.has(of_channel::NO_IR),
        radar: attributes.has(of_channel::RADAR),
        max_power: attributes.u32(of_channel::MAX_TX_POWER).unwrap_or_default(),
    })
}

/// How many access points a combination of interfaces allows.
fn access_points(combination: Attributes<'_>) -> u32 {
    let limits = combination.inside(LIMITS).each();
    let of_them = limits.filter(|limit| limit.inside(LIMIT_TYPES).has(kind::ACCESS_POINT));
    let sum = of_them.filter_map(|limit| limit.u32(LIMIT_MAX)).fold(0, u32::saturating_add);
    sum.min(combination.u32(MAXNUM).unwrap_or(u32::MAX))
}

/// By the burned-in address. Where there is none, or where several radios share one, by where the device is plugged in.
fn name_for_ever(radios: &mut [Radio], sys: &Path) {
    let addresses = radios.iter().map(|radio| burned_in(sys, &radio.name)).collect::<Vec<_>>();
    for (radio, address) in radios.iter_mut().zip(&addresses) {
        let alone = addresses.iter().filter(|other| *other == address).count() == 1;
        radio.key = match address.filter(|_| alone) {
            Some(mac) => mac.to_string(),
            None => place(sys, &radio.name).unwrap_or_else(|| radio.name.clone()),
        };
    }
    // Several radios of one device begin in the same order every time.
    for at in 1..radios.len() {
        let (before, rest) = radios.split_at_mut(at);
        let key = rest[0].key.clone();
        let same = before.iter().filter(|radio| radio.key.split('#').next() == Some(&key)).count();
        if same > 0 {
            rest[0].key = format!("{key}#{}", same + 1);
        }
    }
}

fn burned_in(sys: &Path, radio: &str) -> Option<Mac> {
    let text = std::fs::read_to_string(sys.join("class/ieee80211").join(radio).join("macaddress")).ok()?;
    Mac::parse(text.trim()).filter(|mac| *mac != Mac::default())
}

fn place(sys: &Path, radio: &str) -> Option<String> {
    let real = std::fs::canonicalize(sys.join("class/ieee80211").join(radio).join("device")).ok()?;
    let all = std::fs::canonicalize(sys.join("devices")).ok()?;
    Some(real.strip_prefix(all).ok()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::attribute::written;
    use super::*;
    use wl_nl80211::Nl80211Command;

    fn message(parts: &[Vec<u8>]) -> Message {
        Message::of(Nl80211Command::NewWiphy, &parts.concat())
    }

    fn number(attribute: u16, number: u32) -> Vec<u8> {
        written(attribute, &number.to_ne_bytes())
    }

    fn radio(index: u32) -> Message {
        message(&[number(of::WIPHY, index), written(of::WIPHY_NAME, format!("phy{index}\0").as_bytes())])
    }

    #[test]
    fn a_combination_allows_as_many_as_its_limits_and_its_sum() {
        let limit = |most, kinds: &[u16]| {
            let kinds = kinds.iter().flat_map(|kind| written(*kind, &[])).collect::<Vec<_>>();
            written(1, &[number(LIMIT_MAX, most), written(LIMIT_TYPES, &kinds)].concat())
        };
        let limits =
            [limit(1, &[kind::STATION]), limit(4, &[kind::ACCESS_POINT]), limit(2, &[kind::ACCESS_POINT, 7])];
        let of = |sum| {
            let bytes = [written(LIMITS, &limits.concat()), number(MAXNUM, sum)].concat();
            access_points(Attributes::new(&bytes))
        };
        assert_eq!((of(16), of(3)), (6, 3));
        assert_eq!(access_points(Attributes::new(&[])), 0);
    }

    #[test]
    fn a_radio_without_combinations_can_be_one_access_point_or_none() {
        let kinds =
            |kind| message(&[number(of::WIPHY, 0), written(of::SUPPORTED_IFTYPES, &written(kind, &[]))]);
        let most = |kind| radios(&[radio(0), kinds(kind)], Path::new("/nowhere"))[0].max_access_points;
        assert_eq!((most(kind::ACCESS_POINT), most(kind::STATION)), (1, 0));
    }

    #[test]
    fn a_radio_without_an_address_of_its_own_is_known_by_its_place() {
        let sys = tempfile::tempdir().unwrap();
        for (name, mac, device) in [
            ("phy0", "00:00:00:00:00:00", "platform/soc/wifi0"),
            ("phy1", "02:11:22:33:44:55", "pci0000:00/0000:00:1c.0"),
            ("phy2", "02:11:22:33:44:66", "pci0000:00/0000:00:1d.0"),
            ("phy3", "02:11:22:33:44:66", "pci0000:00/0000:00:1e.0"),
            ("phy5", "00:00:00:00:00:00", "platform/soc/wifi0"),
            ("phy6", "00:00:00:00:00:00", "platform/soc/wifi0"),
        ] {
            let (folder, real) =
                (sys.path().join("class/ieee80211").join(name), sys.path().join("devices").join(device));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::create_dir_all(&real).unwrap();
            std::fs::write(folder.join("macaddress"), format!("{mac}\n")).unwrap();
            std::os::unix::fs::symlink(real, folder.join("device")).unwrap();
        }
        let all = radios(&[radio(0), radio(1), radio(2), radio(3), radio(4), radio(5), radio(6)], sys.path());
        let keys = all.iter().map(|radio| radio.key.as_str()).collect::<Vec<_>>();
        let two_and_three = ["pci0000:00/0000:00:1d.0", "pci0000:00/0000:00:1e.0"];
        assert_eq!(keys[..2], ["platform/soc/wifi0", "02:11:22:33:44:55"]);
        assert_eq!(keys[2..4], two_and_three, "an address that two have says nothing");
        assert_eq!(keys[4], "phy4", "nothing else is known");
        assert_eq!(keys[5..], ["platform/soc/wifi0#2", "platform/soc/wifi0#3"]);
    }

    #[test]
    fn there_are_no_more_radios_channels_and_rates_than_a_machine_can_have() {
        let many = u32::try_from(MAX_RADIOS).unwrap() + 1;
        assert_eq!(
            radios(&(0..many).map(radio).collect::<Vec<_>>(), Path::new("/nowhere")).len(),
            MAX_RADIOS
        );
        let ciphers = message(&[
            number(of::WIPHY, 0),
            written(of::WIPHY_NAME, b"phy0\0"),
            written(of::CIPHER_SUITES, &[1; 4 * (MAX_CIPHERS + 1)]),
        ]);
        assert_eq!(radios(&[ciphers], Path::new("/nowhere"))[0].ciphers.len(), MAX_CIPHERS);
        let mut part = BandPart::default();
        // Every number that is a channel, and more rates than anybody has.
        for frequency in 2_400..7_200 {
            let channel = written(1, &number(of_channel::FREQ, frequency));
            let rate = written(1, &number(RATE, frequency));
            part.learn(Attributes::new(&[written(FREQS, &channel), written(RATES, &rate)].concat()));
        }
        assert_eq!((part.channels.len(), part.rates.len()), (MAX_CHANNELS, MAX_RATES));
    }
}
