//! Attributes of netlink: numbers of nl80211, and a reader that no bytes can hurt.
//!
//! What a newer kernel or an odd driver says costs itself alone: an attribute that is too short, or that nobody knows, is as
//! if it were not there.

use wl_nl80211::packet_core::NlasIterator;

/// Of a message: `NL80211_ATTR_*`.
pub(super) mod of {
    pub(crate) const WIPHY: u16 = 1;
    pub(crate) const WIPHY_NAME: u16 = 2;
    pub(crate) const IFINDEX: u16 = 3;
    pub(crate) const IFNAME: u16 = 4;
    pub(crate) const IFTYPE: u16 = 5;
    pub(crate) const MAC: u16 = 6;
    pub(crate) const STA_INFO: u16 = 21;
    pub(crate) const WIPHY_BANDS: u16 = 22;
    pub(crate) const SUPPORTED_IFTYPES: u16 = 32;
    pub(crate) const REG_ALPHA2: u16 = 33;
    pub(crate) const WIPHY_FREQ: u16 = 38;
    pub(crate) const WIPHY_CHANNEL_TYPE: u16 = 39;
    pub(crate) const BSS: u16 = 47;
    pub(crate) const SSID: u16 = 52;
    pub(crate) const CIPHER_SUITES: u16 = 57;
    pub(crate) const SURVEY_INFO: u16 = 84;
    pub(crate) const TX_POWER_SETTING: u16 = 97;
    pub(crate) const TX_POWER_LEVEL: u16 = 98;
    pub(crate) const INTERFACE_COMBINATIONS: u16 = 120;
    pub(crate) const CHANNEL_WIDTH: u16 = 159;
    pub(crate) const CENTER_FREQ1: u16 = 160;
    pub(crate) const MLO_LINKS: u16 = 312;
}

/// What kinds of interfaces there are: `NL80211_IFTYPE_*`.
pub(super) mod kind {
    pub(crate) const STATION: u16 = 2;
    pub(crate) const ACCESS_POINT: u16 = 3;
}

/// Attributes, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// All of them that are whole, with their numbers.
    pub(super) fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        NlasIterator::new(self.0).filter_map(|attribute| {
            let attribute = attribute.ok()?;
            let (number, end) = (attribute.kind(), usize::from(attribute.length()));
            Some((number, attribute.into_inner().get(4..end)?))
        })
    }

    /// The attributes inside of each of these, whatever their numbers are.
    pub(super) fn each(self) -> impl Iterator<Item = Attributes<'a>> {
        self.iter().map(|(_, bytes)| Attributes(bytes))
    }

    pub(super) fn get(self, number: u16) -> Option<&'a [u8]> {
        self.iter().find(|(n, _)| *n == number).map(|(_, bytes)| bytes)
    }

    pub(super) fn has(self, number: u16) -> bool {
        self.get(number).is_some()
    }

    /// The attributes inside of one; none if it is not there.
    pub(super) fn inside(self, number: u16) -> Attributes<'a> {
        Attributes(self.get(number).unwrap_or_default())
    }

    /// A text, which ends at its first zero.
    pub(super) fn text(self, number: u16) -> Option<String> {
        let bytes = self.get(number)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8(bytes[..end].to_vec()).ok()
    }

    fn array<const N: usize>(self, number: u16) -> Option<[u8; N]> {
        self.get(number)?.get(..N)?.try_into().ok()
    }

    pub(super) fn i8(self, number: u16) -> Option<i8> {
        self.array(number).map(i8::from_ne_bytes)
    }

    pub(super) fn u16(self, number: u16) -> Option<u16> {
        self.array(number).map(u16::from_ne_bytes)
    }

    pub(super) fn u32(self, number: u16) -> Option<u32> {
        self.array(number).map(u32::from_ne_bytes)
    }

    pub(super) fn i32(self, number: u16) -> Option<i32> {
        self.array(number).map(i32::from_ne_bytes)
    }

    pub(super) fn u64(self, number: u16) -> Option<u64> {
        self.array(number).map(u64::from_ne_bytes)
    }
}

/// An attribute as bytes.
#[cfg(test)]
pub(super) fn written(number: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [&length.to_ne_bytes()[..], &number.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_short_is_not_there_and_the_rest_is() {
        // A number of one byte where four belong, then a name, then half an attribute.
        let bytes = [5, 0, 1, 0, 9, 0, 0, 0, 9, 0, 2, 0, b'p', b'h', b'y', b'0', 0, 0, 0, 0, 8, 0, 3, 0, 1];
        let attributes = Attributes::new(&bytes);
        assert_eq!(attributes.u32(of::WIPHY), None);
        assert_eq!(attributes.i8(of::WIPHY), Some(9));
        assert_eq!(attributes.text(of::WIPHY_NAME).as_deref(), Some("phy0"));
        assert!(!attributes.has(of::IFINDEX));
    }

    proptest! {
        #[test]
        fn no_bytes_hurt(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let attributes = Attributes::new(&bytes);
            for (number, inside) in attributes.iter() {
                prop_assert!(inside.len() + 4 <= bytes.len());
                let _ = (attributes.u64(number), attributes.text(number), attributes.inside(number).each().count());
            }
        }
    }
}
