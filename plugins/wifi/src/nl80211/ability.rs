//! What a radio can do in a band: from the capabilities that the standard puts into beacons too.

use super::attribute::{kind, Attributes};
use super::rate::{ofdm, ofdma};
use crate::facts::{Band, Standard, Width};

/// `NL80211_BAND_ATTR_*`.
mod of_band {
    pub(super) const HT_MCS_SET: u16 = 3;
    pub(super) const HT_CAPA: u16 = 4;
    pub(super) const VHT_MCS_SET: u16 = 7;
    pub(super) const VHT_CAPA: u16 = 8;
    pub(super) const IFTYPE_DATA: u16 = 9;
}

/// `NL80211_BAND_IFTYPE_ATTR_*`.
mod of_kind {
    pub(super) const IFTYPES: u16 = 1;
    pub(super) const HE_CAP_PHY: u16 = 3;
    pub(super) const HE_CAP_MCS_SET: u16 = 4;
    pub(super) const EHT_CAP_PHY: u16 = 9;
    pub(super) const EHT_CAP_MCS_SET: u16 = 10;
}

/// The bits of HE for 40 MHz at 2.4 GHz, for 40 and 80 MHz above, for 160 MHz above.
const HE_40_BELOW: u8 = 1 << 1;
const HE_80_ABOVE: u8 = 1 << 2;
const HE_160_ABOVE: u8 = 1 << 3;
const HE_WIDER: u8 = HE_40_BELOW | HE_80_ABOVE | HE_160_ABOVE;
/// The most streams that a field of two bits a stream can speak of.
const MAP_STREAMS: u8 = 8;

/// HT, VHT, HE and EHT of a band; each is `None` until the kernel told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ability {
    ht: Option<Ht>,
    vht: Option<Vht>,
    he: Option<He>,
    eht: Option<Eht>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ht {
    capabilities: u16,
    streams: u8,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Vht {
    capabilities: u32,
    /// Two bits a stream.
    map: u16,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct He {
    widths: u8,
    /// Two bits a stream: up to 80 MHz, and at 160 MHz.
    maps: (u16, u16),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Eht {
    wide: bool,
    /// The most streams with MCS up to 9, 11, 13: up to 80 MHz, at 160, at 320.
    streams: [[u8; 3]; 3],
}

impl Ability {
    /// Takes what a part of a dump says of the band.
    pub(super) fn learn(&mut self, band: Attributes<'_>) {
        if let (Some(capabilities), Some(set)) = (band.u16(of_band::HT_CAPA), band.get(of_band::HT_MCS_SET)) {
            let streams = set.iter().take(4).rposition(|modes| *modes != 0).map_or(0, |last| last + 1);
            // At most four by the line above.
            let streams = u8::try_from(streams).unwrap_or_default();
            self.ht = (streams > 0).then_some(Ht { capabilities, streams });
        }
        if let (Some(capabilities), Some(set)) = (band.u32(of_band::VHT_CAPA), band.get(of_band::VHT_MCS_SET))
        {
            let map = better(little(set, 0), little(set, 4));
            self.vht = (map_streams(map) > 0).then_some(Vht { capabilities, map });
        }
        let mut kinds = band.inside(of_band::IFTYPE_DATA).each().collect::<Vec<_>>();
        // An access point's before a station's before others'.
        let is = |data: &Attributes<'_>, number| data.inside(of_kind::IFTYPES).has(number);
        kinds.sort_by_key(|data| (!is(data, kind::ACCESS_POINT), !is(data, kind::STATION)));
        if let Some(data) = kinds.first() {
            self.learn_kind(*data, is(data, kind::ACCESS_POINT));
        }
    }

    fn learn_kind(&mut self, data: Attributes<'_>, is_access_point: bool) {
        let phy = |number| data.get(number).and_then(|phy| phy.first()).copied();
        if let (Some(widths), Some(set)) = (phy(of_kind::HE_CAP_PHY), data.get(of_kind::HE_CAP_MCS_SET)) {
            let both = |at| better(little(set, at), little(set, at + 2));
            self.he = Some(He { widths, maps: (both(0), both(4)) });
        }
        if let (Some(first), Some(set)) = (phy(of_kind::EHT_CAP_PHY), data.get(of_kind::EHT_CAP_MCS_SET)) {
            // How many receive is in the low half, how many send in the high one.
            let most = |at: usize| set.get(at).map_or(0, |both| (both & 0xf).max(both >> 4));
            // A station that knows but 20 MHz says how many up to MCS 7 before.
            let narrow = !is_access_point && self.he.as_ref().is_some_and(|he| he.widths & HE_WIDER == 0);
            let streams = if narrow {
                [[most(1), most(2), most(3)], [0; 3], [0; 3]]
            } else {
                [0, 3, 6].map(|begin| [most(begin), most(begin + 1), most(begin + 2)])
            };
            self.eht = Some(Eht { wide: first & 2 != 0, streams });
        }
    }

    /// The standards beyond those of last century.
    pub(super) fn standards(&self, band: Band) -> Vec<Standard> {
        let all = [
            (self.ht.is_some() && band != Band::Six, Standard::N),
            // At 2.4 GHz VHT is no standard, though some speak it.
            (self.vht.is_some() && band == Band::Five, Standard::Ac),
            (self.he.is_some(), Standard::Ax),
            (self.eht.is_some(), Standard::Be),
        ];
        all.into_iter().filter_map(|(is, standard)| is.then_some(standard)).collect()
    }

    pub(super) fn widths(&self, band: Band) -> Vec<Width> {
        let all = [Width::W20, Width::W40, Width::W80, Width::W160, Width::W320];
        all.into_iter().filter(|width| self.has(*width, band)).collect()
    }

    fn has(&self, width: Width, band: Band) -> bool {
        let ht = |mask| self.ht.as_ref().is_some_and(|ht| ht.capabilities & mask != 0);
        let he = self.has_he(width, band);
        let vht = self.vht.as_ref().filter(|_| band == Band::Five);
        match width {
            Width::W20 => true,
            Width::W40 => ht(1 << 1) || he,
            Width::W80 => band != Band::Two && (vht.is_some() || he),
            Width::W160 => band != Band::Two && (vht.is_some_and(|vht| vht.capabilities >> 2 & 3 != 0) || he),
            Width::W320 => band == Band::Six && self.eht.as_ref().is_some_and(|eht| eht.wide),
        }
    }

    /// Whether HE, and with it EHT, goes as wide as that.
    fn has_he(&self, width: Width, band: Band) -> bool {
        let Some(he) = &self.he else { return false };
        match (width, band) {
            (Width::W20, _) => true,
            (Width::W40, Band::Two) => he.widths & HE_40_BELOW != 0,
            (Width::W40 | Width::W80, _) => he.widths & HE_80_ABOVE != 0,
            (Width::W160, _) => he.widths & HE_160_ABOVE != 0,
            (Width::W320, _) => self.eht.as_ref().is_some_and(|eht| eht.wide),
        }
    }

    /// A guard interval of 400 ns with HT, at 20 and at 40 MHz.
    pub(super) fn short_guard(&self) -> (bool, bool) {
        self.ht
            .as_ref()
            .map_or((false, false), |ht| (ht.capabilities & 1 << 5 != 0, ht.capabilities & 1 << 6 != 0))
    }

    /// The most streams of any mode, 0 if there are no modes with streams.
    pub(super) fn streams(&self) -> u8 {
        let ht = self.ht.as_ref().map_or(0, |ht| ht.streams);
        let vht = self.vht.as_ref().map_or(0, |vht| map_streams(vht.map));
        let he = self.he.as_ref().map_or(0, |he| map_streams(he.maps.0));
        let eht = self.eht.as_ref().and_then(|eht| eht.streams[0].iter().max()).copied().unwrap_or_default();
        ht.max(vht).max(he).max(eht)
    }

    /// The highest rate of all modes, in kbit/s; 0 if none is known.
    pub(super) fn max_rate(&self, band: Band) -> u32 {
        self.widths(band).into_iter().map(|width| self.max_rate_at(width, band)).max().unwrap_or_default()
    }

    fn max_rate_at(&self, width: Width, band: Band) -> u32 {
        let mut rates = Vec::new();
        if let (Some(ht), Width::W20 | Width::W40) = (&self.ht, width) {
            let guards = self.short_guard();
            rates.push(ofdm(width, 7, ht.streams, if width == Width::W20 { guards.0 } else { guards.1 }));
        }
        if let (Some(vht), Band::Five, true) = (&self.vht, band, width <= Width::W160) {
            let short = match width {
                Width::W80 => vht.capabilities & 1 << 5 != 0,
                Width::W160 => vht.capabilities & 1 << 6 != 0,
                _ => self.short_guard().1,
            };
            rates.extend(modes(vht.map, [7, 8, 9]).map(|(mcs, streams)| {
                // At 20 MHz the last mode does not fit but with three streams or six.
                let mcs = if width == Width::W20 && mcs == 9 && streams % 3 != 0 { 8 } else { mcs };
                ofdm(width, mcs, streams, short)
            }));
        }
        if let (Some(he), true) = (&self.he, width <= Width::W160 && self.has_he(width, band)) {
            let map = if width == Width::W160 { he.maps.1 } else { he.maps.0 };
            rates.extend(modes(map, [7, 9, 11]).map(|(mcs, streams)| ofdma(width, mcs, streams)));
        }
        if let (Some(eht), true) = (&self.eht, self.has_he(width, band)) {
            let streams = match width {
                Width::W320 => eht.streams[2],
                Width::W160 => eht.streams[1],
                _ => eht.streams[0],
            };
            rates.extend([9, 11, 13].iter().zip(streams).map(|(mcs, streams)| ofdma(width, *mcs, streams)));
        }
        rates.into_iter().max().unwrap_or_default()
    }
}

/// For each stream of a map with two bits a stream: the highest mode, and how many streams that is.
fn modes(map: u16, names: [u8; 3]) -> impl Iterator<Item = (u8, u8)> {
    (0..MAP_STREAMS).filter_map(move |stream| {
        let mode = usize::from(map >> (2 * stream) & 3);
        names.get(mode).map(|mcs| (*mcs, stream + 1))
    })
}

fn map_streams(map: u16) -> u8 {
    modes(map, [0; 3]).map(|(_, streams)| streams).max().unwrap_or_default()
}

/// Of a map to receive and a map to send the one with more in it.
fn better(receive: u16, send: u16) -> u16 {
    let worth = |map| modes(map, [1, 2, 3]).map(|(mode, streams)| (streams, mode)).max();
    if worth(send) >= worth(receive) {
        send
    } else {
        receive
    }
}

/// A number of the air is little-endian. What is not there says that nothing is supported.
fn little(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0xffff,
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribute::written;
    use super::*;

    fn ability(parts: &[Vec<u8>]) -> Ability {
        let mut ability = Ability::default();
        ability.learn(Attributes::new(&parts.concat()));
        ability
    }

    /// Streams from 1 on, as the set of HT says them.
    fn ht(capabilities: u16, streams: usize) -> Vec<u8> {
        let mut set = [0; 16];
        set[..streams].fill(0xff);
        [written(of_band::HT_CAPA, &capabilities.to_ne_bytes()), written(of_band::HT_MCS_SET, &set)].concat()
    }

    fn vht(capabilities: u32, map: u16) -> Vec<u8> {
        let map = map.to_le_bytes();
        let set = [map[0], map[1], 0, 0, map[0], map[1], 0, 0];
        [written(of_band::VHT_CAPA, &capabilities.to_ne_bytes()), written(of_band::VHT_MCS_SET, &set)]
            .concat()
    }

    fn kind_data(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
        written(1, &[written(of_kind::IFTYPES, &written(kind, &[])), parts.concat()].concat())
    }

    fn he(widths: u8, map: u16, map_160: u16) -> Vec<u8> {
        let set = [map, map, map_160, map_160].map(u16::to_le_bytes).concat();
        [written(of_kind::HE_CAP_PHY, &[widths; 11]), written(of_kind::HE_CAP_MCS_SET, &set)].concat()
    }

    fn eht(set: &[u8]) -> Vec<u8> {
        [written(of_kind::EHT_CAP_PHY, &[2; 9]), written(of_kind::EHT_CAP_MCS_SET, set)].concat()
    }

    #[test]
    fn a_radio_of_last_century_has_no_modes_with_streams() {
        let none = ability(&[]);
        assert_eq!((none.streams(), none.max_rate(Band::Two), none.standards(Band::Two)), (0, 0, vec![]));
        assert_eq!(none.widths(Band::Five), [Width::W20]);
    }

    #[test]
    fn ht_is_as_fast_as_its_streams_width_and_guard() {
        let narrow = ability(&[ht(1 << 5, 2)]);
        assert_eq!((narrow.max_rate(Band::Two), narrow.short_guard()), (144_444, (true, false)));
        let wide = ability(&[ht(1 << 1 | 1 << 6, 4)]);
        assert_eq!((wide.max_rate(Band::Two), wide.streams()), (600_000, 4));
        assert_eq!(wide.standards(Band::Five), [Standard::N]);
        assert_eq!(wide.standards(Band::Six), [], "at 6 GHz there is no HT");
    }

    #[test]
    fn vht_is_80_mhz_and_160_where_it_says_so() {
        // Two streams up to MCS 9, the third to MCS 7.
        let map = 0b1111_1111_1100_1010;
        let usual = ability(&[ht(1 << 1, 3), vht(1 << 5, map)]);
        assert_eq!(usual.widths(Band::Five), [Width::W20, Width::W40, Width::W80]);
        assert_eq!((usual.max_rate(Band::Five), usual.streams()), (975_000, 3));
        assert_eq!(usual.standards(Band::Two), [Standard::N], "a maker's own idea is no standard");
        let wide = ability(&[ht(1 << 1, 2), vht(1 << 2 | 1 << 5 | 1 << 6, 0xfffa)]);
        assert_eq!(wide.max_rate(Band::Five), 1_733_333);
    }

    #[test]
    fn what_an_access_point_can_counts_before_what_a_station_can() {
        let data = [
            kind_data(kind::STATION, &[he(HE_80_ABOVE | HE_160_ABOVE, 0xffaa, 0xffaa)]),
            kind_data(kind::ACCESS_POINT, &[he(HE_80_ABOVE, 0xfffa, 0xffff)]),
        ];
        let both = ability(&[written(of_band::IFTYPE_DATA, &data.concat())]);
        assert_eq!((both.streams(), both.max_rate(Band::Five)), (2, 1_200_955));
        assert_eq!(both.widths(Band::Six), [Width::W20, Width::W40, Width::W80]);
        let alone = ability(&[written(of_band::IFTYPE_DATA, &data[0])]);
        assert_eq!((alone.streams(), alone.max_rate(Band::Five)), (4, 4_803_897));
    }

    #[test]
    fn eht_of_a_narrow_station_is_written_otherwise() {
        let set = [0x22, 0x22, 0x22, 0x11, 0, 0, 0, 0, 0];
        let of = |kind| {
            ability(&[written(of_band::IFTYPE_DATA, &kind_data(kind, &[he(0, 0xfffa, 0xffff), eht(&set)]))])
        };
        // One stream with MCS 13, two with MCS 11.
        assert_eq!(of(kind::STATION).max_rate(Band::Two), 286_764);
        // Two streams with MCS 13 up to 80 MHz.
        assert_eq!(of(kind::ACCESS_POINT).max_rate(Band::Two), 344_117);
        assert_eq!(of(kind::ACCESS_POINT).standards(Band::Six), [Standard::Ax, Standard::Be]);
    }

    #[test]
    fn what_is_cut_short_is_not_supported() {
        let half = ability(&[
            written(of_band::HT_CAPA, &[0]),
            written(of_band::VHT_CAPA, &[0; 4]),
            written(of_band::VHT_MCS_SET, &[0]),
            written(of_band::IFTYPE_DATA, &kind_data(kind::STATION, &[eht(&[])])),
        ]);
        assert_eq!((half.streams(), half.max_rate(Band::Five)), (0, 0));
        assert_eq!(half.standards(Band::Five), [Standard::Be]);
    }
}
