//! Elements of beacons: IEEE 802.11, clause 9.4.2. Whoever is near can send whatever he likes.

use crate::facts::{Protection, Ssid, Width};

/// Elements that have more than 1 in front of them.
const EXTENSION: u8 = 255;
/// Of a manufacturer.
const VENDOR: u8 = 221;
/// WPA, the first, is in an element of Microsoft's.
const WPA: [u8; 4] = [0x00, 0x50, 0xf2, 0x01];
/// Who numbers suites: Microsoft for WPA, IEEE for RSN.
const MICROSOFT: [u8; 3] = [0x00, 0x50, 0xf2];
const IEEE: [u8; 3] = [0x00, 0x0f, 0xac];
/// The rates of a network are at most this many; an element has one of a byte, and there are two of them.
const MAX_RATES: usize = 64;
/// What is among the rates and is none: what a station must be able to do to join (9.4.2.3).
const SELECTORS: std::ops::RangeInclusive<u8> = 122..=127;

/// What the elements of a beacon tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) ssid: Option<Ssid>,
    /// In kbit/s, those that everybody must know.
    pub(super) basic_rates: Vec<u32>,
    /// In kbit/s, all of them.
    pub(super) rates: Vec<u32>,
    pub(super) dtim_period: Option<u8>,
    pub(super) ht: bool,
    pub(super) vht: bool,
    pub(super) he: bool,
    pub(super) eht: bool,
    /// The widest that any element says.
    pub(super) width: Option<Width>,
    pub(super) protection: Protection,
}

impl Told {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut told = Self::default();
        for (number, element) in elements(bytes) {
            told.learn(number, element);
        }
        told
    }

    fn learn(&mut self, number: u8, element: &[u8]) {
        match (number, element) {
            // The first counts, as it does for everybody else.
            (0, name) if self.ssid.is_none() => self.ssid = Ssid::new(name),
            (1 | 50, rates) => self.learn_rates(rates),
            (5, [_, period, ..]) => self.dtim_period = Some(*period),
            (45, _) => self.ht = true,
            (61, [_, offset, ..]) => self.widen(Some(ht_width(*offset))),
            (191, _) => self.vht = true,
            (192, [width, first, second, ..]) => self.widen(vht_width(*width, *first, *second)),
            (48, suites) => {
                self.protection.rsn = true;
                self.learn_suites(suites, IEEE);
            }
            (VENDOR, [a, b, c, d, suites @ ..]) if [*a, *b, *c, *d] == WPA => {
                self.protection.wpa = true;
                self.learn_suites(suites, MICROSOFT);
            }
            (EXTENSION, [35, ..]) => self.he = true,
            (EXTENSION, [36, operation @ ..]) => self.widen(he_width(operation)),
            (EXTENSION, [106, operation @ ..]) => self.widen(eht_width(operation)),
            (EXTENSION, [108, ..]) => self.eht = true,
            _ => {}
        }
    }

    fn learn_rates(&mut self, rates: &[u8]) {
        for rate in rates {
            let halves = rate & 0x7f;
            if halves == 0 || SELECTORS.contains(&halves) || self.rates.len() == MAX_RATES {
                continue;
            }
            self.rates.push(u32::from(halves) * 500);
            if rate & 0x80 != 0 {
                self.basic_rates.push(u32::from(halves) * 500);
            }
        }
    }

    fn widen(&mut self, width: Option<Width>) {
        self.width = self.width.max(width);
    }

    /// 9.4.2.24: a version, a cipher for groups, ciphers for pairs, ways to authenticate. What is left out at the end is as
    /// if it were the usual: CCMP (TKIP in WPA) and IEEE 802.1X.
    fn learn_suites(&mut self, bytes: &[u8], who: [u8; 3]) {
        let rest = bytes.get(6..).unwrap_or_default();
        let (pairwise, rest) = list(rest);
        let (ways, _) = list(rest);
        let protection = &mut self.protection;
        let usual = if who == IEEE { 4 } else { 2 };
        for cipher in numbers(pairwise, who, usual) {
            match cipher {
                2 => protection.tkip = true,
                // AES, as CCMP or as GCMP, whatever the length of its key.
                4 | 8 | 9 | 10 => protection.ccmp = true,
                _ => {}
            }
        }
        for way in numbers(ways, who, 1) {
            match way {
                1 | 3 | 5 | 11 | 22 => protection.enterprise = true,
                2 | 4 | 6 | 19 | 20 => protection.psk = true,
                8 | 9 | 24 | 25 => protection.sae = true,
                12 | 13 => {
                    protection.enterprise = true;
                    protection.suite_b = true;
                }
                18 => protection.owe = true,
                _ => {}
            }
        }
    }
}

/// The elements that are whole.
fn elements(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (number, length) = (*bytes.first()?, usize::from(*bytes.get(1)?));
        let element = bytes.get(2..2 + length)?;
        bytes = &bytes[2 + length..];
        Some((number, element))
    })
}

/// Suites of four bytes with how many there are before them, and what comes after. None if that is no list.
fn list(bytes: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let length = match bytes {
        [low, high, ..] => 4 * usize::from(u16::from_le_bytes([*low, *high])),
        _ => return (None, &[]),
    };
    match bytes.get(2..2 + length) {
        Some(suites) => (Some(suites).filter(|suites| !suites.is_empty()), &bytes[2 + length..]),
        None => (Some(&bytes[2..]), &[]),
    }
}

/// The numbers of the suites of a list that are of these.
fn numbers(list: Option<&[u8]>, who: [u8; 3], usual: u8) -> Vec<u8> {
    let Some(list) = list else { return vec![usual] };
    list.chunks_exact(4).filter(|suite| suite[..3] == who).map(|suite| suite[3]).collect()
}

/// Where the second half is (1 above, 3 below), and whether it may be used.
fn ht_width(offset: u8) -> Width {
    let wide = matches!(offset & 3, 1 | 3) && offset & 4 != 0;
    if wide {
        Width::W40
    } else {
        Width::W20
    }
}

/// 9.4.2.158: the width is in part in where the two middles are.
fn vht_width(width: u8, first: u8, second: u8) -> Option<Width> {
    match width {
        1 if second == 0 => Some(Width::W80),
        1 => match first.abs_diff(second) {
            0..=7 => Some(Width::W80),
            _ => Some(Width::W160),
        },
        2 | 3 => Some(Width::W160),
        // HT says it.
        _ => None,
    }
}

/// 9.4.2.249: parameters, a colour, modes; then, as the parameters say, what VHT says, how many names there are, and what is
/// so at 6 GHz.
fn he_width(operation: &[u8]) -> Option<Width> {
    let parameters = u32::from_le_bytes([*operation.first()?, *operation.get(1)?, *operation.get(2)?, 0]);
    let mut at = 6;
    let mut width = None;
    if parameters & 1 << 14 != 0 {
        if let Some([wide, first, second]) = operation.get(at..at + 3) {
            width = vht_width(*wide, *first, *second);
        }
        at += 3;
    }
    if parameters & 1 << 15 != 0 {
        at += 1;
    }
    if parameters & 1 << 17 != 0 {
        width = operation.get(at + 1).map(|control| match control & 3 {
            0 => Width::W20,
            1 => Width::W40,
            2 => Width::W80,
            _ => Width::W160,
        });
    }
    width
}

/// 802.11be, 9.4.2.311: parameters, modes; then, as the parameters say, a width.
fn eht_width(operation: &[u8]) -> Option<Width> {
    if operation.first()? & 1 == 0 {
        return None;
    }
    match operation.get(5)? & 7 {
        0 => Some(Width::W20),
        1 => Some(Width::W40),
        2 => Some(Width::W80),
        3 => Some(Width::W160),
        4 => Some(Width::W320),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An element, from its number and what is in it.
    fn element(number: u8, inside: &[u8]) -> Vec<u8> {
        [&[number, u8::try_from(inside.len()).unwrap()], inside].concat()
    }

    fn rsn(pairwise: &[u8], ways: &[u8]) -> Vec<u8> {
        let suites = |numbers: &[u8]| {
            let count = u16::try_from(numbers.len()).unwrap().to_le_bytes().to_vec();
            numbers.iter().fold(count, |all, number| [all, vec![0x00, 0x0f, 0xac, *number]].concat())
        };
        element(48, &[vec![1, 0, 0x00, 0x0f, 0xac, 4], suites(pairwise), suites(ways), vec![0, 0]].concat())
    }

    #[test]
    fn rates_are_told_apart_and_what_is_no_rate_is_left_out() {
        let bytes =
            [element(1, &[0x82, 0x84, 0x8b, 0x96, 0x0c]), element(50, &[0x30, 0x6c, 0xff, 0xfb])].concat();
        let told = Told::read(&bytes);
        assert_eq!(told.rates, [1_000, 2_000, 5_500, 11_000, 6_000, 24_000, 54_000]);
        assert_eq!(told.basic_rates, [1_000, 2_000, 5_500, 11_000]);
    }

    #[test]
    fn a_name_need_not_be_text_and_one_that_is_too_long_is_none() {
        assert_eq!(Told::read(&element(0, &[0xff, 0x00])).ssid, Ssid::new([0xff, 0x00]));
        assert_eq!(Told::read(&element(0, &[b'x'; 33])).ssid, None);
        let two = [element(0, b"first"), element(0, b"second")].concat();
        assert_eq!(Told::read(&two).ssid, Ssid::new("first"));
    }

    #[test]
    fn protection_is_read_from_both_elements() {
        let mixed = Told::read(&rsn(&[4, 2], &[2, 8])).protection;
        assert!(mixed.rsn && mixed.psk && mixed.sae && mixed.tkip && mixed.ccmp && !mixed.enterprise);
        let suite_b = Told::read(&rsn(&[9], &[12])).protection;
        assert!(suite_b.suite_b && suite_b.enterprise && suite_b.ccmp && !suite_b.psk);
        assert!(Told::read(&rsn(&[4], &[18])).protection.owe);
        let first =
            [0, 0x50, 0xf2, 1, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2];
        let wpa = Told::read(&element(221, &first)).protection;
        assert!(wpa.wpa && wpa.psk && wpa.tkip && !wpa.rsn && !wpa.ccmp);
    }

    /// IEEE 802.11, 9.4.2.24.1: everything after the version may be left out.
    #[test]
    fn what_rsn_leaves_out_is_the_usual() {
        let short = Told::read(&element(48, &[1, 0])).protection;
        assert!(short.rsn && short.ccmp && short.enterprise && !short.psk);
    }

    #[test]
    fn the_width_is_the_widest_that_is_told() {
        let ht = element(61, &[36, 0b101, 0, 0, 0]);
        assert_eq!(Told::read(&ht).width, Some(Width::W40));
        assert_eq!(Told::read(&element(61, &[36, 0b001])).width, Some(Width::W20), "it may not be used");
        let vht = |inside: [u8; 5]| Told::read(&[ht.clone(), element(192, &inside)].concat()).width;
        assert_eq!(vht([0, 0, 0, 0, 0]), Some(Width::W40));
        assert_eq!(vht([1, 42, 0, 0, 0]), Some(Width::W80));
        assert_eq!(vht([1, 42, 50, 0, 0]), Some(Width::W160));
        let he = [36, 0, 0, 0b10, 0, 0xfc, 0xff, 37, 3, 39, 47, 6];
        assert_eq!(Told::read(&element(255, &he)).width, Some(Width::W160));
        let eht = element(255, &[106, 1, 0, 0, 0, 0, 4, 31, 63]);
        assert_eq!(Told::read(&eht).width, Some(Width::W320));
    }

    #[test]
    fn the_period_of_dtim_is_in_the_traffic_map() {
        assert_eq!(Told::read(&element(5, &[0, 3, 0, 0])).dtim_period, Some(3));
        assert_eq!(Told::read(&element(5, &[0])).dtim_period, None);
    }

    proptest! {
        #[test]
        fn no_beacon_hurts(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let told = Told::read(&bytes);
            prop_assert!(told.rates.len() <= MAX_RATES);
            prop_assert!(told.basic_rates.len() <= told.rates.len());
        }

        /// Random bytes alone seldom get past the first number.
        #[test]
        fn no_element_that_is_known_hurts(
            parts in proptest::collection::vec(
                (prop::sample::select(vec![0u8, 1, 5, 45, 48, 50, 61, 191, 192, 221, 255]), prop::sample::select(vec![35u8, 36, 106, 108, 0]),
                 proptest::collection::vec(any::<u8>(), 0..40)), 0..12)
        ) {
            let mut bytes = Vec::new();
            for (number, extension, inside) in &parts {
                let head = match number {
                    221 => WPA.to_vec(),
                    255 => vec![*extension],
                    _ => Vec::new(),
                };
                bytes.extend(element(*number, &[head, inside.clone()].concat()));
            }
            let whole = Told::read(&bytes);
            for end in 0..bytes.len() {
                let part = Told::read(&bytes[..end]);
                prop_assert!(part.rates.len() <= whole.rates.len());
            }
        }

        #[test]
        fn every_suite_of_a_list_is_seen(ways in proptest::collection::vec(1u8..26, 1..8)) {
            let protection = Told::read(&rsn(&[4], &ways)).protection;
            prop_assert_eq!(protection.sae, ways.iter().any(|way| [8, 9, 24, 25].contains(way)));
            prop_assert_eq!(protection.psk, ways.iter().any(|way| [2, 4, 6, 19, 20].contains(way)));
            prop_assert_eq!(protection.owe, ways.contains(&18));
        }
    }
}
