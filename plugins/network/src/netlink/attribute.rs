//! Attributes of netlink: a reader that no bytes can hurt.
//!
//! An attribute that is too short, or that nobody knows, is as if it were not there: a newer kernel may say more than we know.
//! What is not the beginning of an attribute ends them.

use std::net::IpAddr;

use super::number::{AF_INET, AF_INET6, NLA_TYPE_MASK};

/// Attributes, one after the other, each with its number. Of two with the same number the last is meant, as in the kernel.
#[derive(Debug, Clone)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Those behind the header of a message, and the header. Nothing if it is not whole.
    pub(super) fn behind<const N: usize>(body: &'a [u8]) -> Option<(&'a [u8; N], Self)> {
        let (header, rest) = body.split_first_chunk()?;
        Some((header, Self(rest)))
    }

    pub(super) fn get(&self, number: u16) -> Option<Value<'a>> {
        self.clone().filter(|(n, _)| *n == number).last().map(|(_, value)| value)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let [l0, l1, n0, n1] = *self.0.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([n0, n1]) & NLA_TYPE_MASK, Value(value)))
    }
}

/// What an attribute says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The attributes inside.
    pub(super) fn inside(self) -> Attributes<'a> {
        Attributes(self.0)
    }

    /// The bytes of a text, which ends at its first zero.
    pub(super) fn characters(self) -> &'a [u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    pub(super) fn text(self) -> Option<String> {
        std::str::from_utf8(self.characters()).ok().map(str::to_owned)
    }

    pub(super) fn u8(self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(super) fn u16(self) -> Option<u16> {
        self.0.first_chunk().copied().map(u16::from_ne_bytes)
    }

    /// A number in the order of the network, as protocols have it.
    pub(super) fn u16_be(self) -> Option<u16> {
        self.0.first_chunk().copied().map(u16::from_be_bytes)
    }

    pub(super) fn u32(self) -> Option<u32> {
        self.u32_at(0)
    }

    /// A number within a structure, behind so many bytes.
    pub(super) fn u32_at(self, place: usize) -> Option<u32> {
        self.0.get(place..)?.first_chunk().copied().map(u32::from_ne_bytes)
    }

    /// The same in 64 bits.
    pub(super) fn u64_at(self, place: usize) -> Option<u64> {
        self.0.get(place..)?.first_chunk().copied().map(u64::from_ne_bytes)
    }

    /// An address of that family: there is no other in a message about it.
    pub(super) fn ip(self, family: u8) -> Option<IpAddr> {
        match family {
            AF_INET => <[u8; 4]>::try_from(self.0).ok().map(IpAddr::from),
            AF_INET6 => <[u8; 16]>::try_from(self.0).ok().map(IpAddr::from),
            _ => None,
        }
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
        let whole =
            [written(1, &[9]), written(2, b"wan\0\0"), written(3 | 0x8000, &[1, 2, 3, 4, 5])].concat();
        // Half an attribute, one that is shorter than its own head, and half a head.
        for rest in [&[8, 0, 4, 0, 1][..], &[3, 0, 4, 0, 1, 1, 1, 1], &[8, 0]] {
            let bytes = [&whole, rest].concat();
            let attributes = Attributes::new(&bytes);
            assert_eq!(attributes.clone().count(), 3, "{rest:?}");
            let one = attributes.get(1).unwrap();
            assert_eq!((one.u8(), one.u16(), one.u32()), (Some(9), None, None));
            assert_eq!(attributes.get(2).unwrap().text().as_deref(), Some("wan"));
            let three = attributes.get(3).unwrap();
            assert_eq!(three.u32(), Some(u32::from_ne_bytes([1, 2, 3, 4])));
            assert_eq!((three.u32_at(2), three.u32_at(9), three.u64_at(0)), (None, None, None));
            assert_eq!((three.ip(AF_INET), three.u16_be()), (None, Some(0x0102)));
            assert!(attributes.get(4).is_none());
        }
    }

    #[test]
    fn of_two_attributes_the_last_is_meant() {
        let bytes = [written(1, &[1]), written(2, &[2]), written(1, &[3])].concat();
        assert_eq!(Attributes::new(&bytes).get(1).unwrap().u8(), Some(3));
    }

    #[test]
    fn a_text_that_is_none_is_not_there() {
        assert_eq!(Value(&[0xff, 0]).text(), None);
        assert_eq!(Value(&[0, b'a']).text().as_deref(), Some(""));
        assert_eq!(Value(&[]).text().as_deref(), Some(""));
    }

    proptest! {
        #[test]
        fn no_bytes_hurt(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut told = 0;
            for (_, value) in Attributes::new(&bytes) {
                told += 4 + value.bytes().len();
                let _ = (value.text(), value.u64_at(3), value.ip(AF_INET6), value.inside().count());
            }
            prop_assert!(told <= bytes.len());
        }
    }
}
