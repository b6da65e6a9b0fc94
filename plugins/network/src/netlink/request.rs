//! A message to the kernel, while it is written.

use std::net::IpAddr;

use super::number::NLM_F_REQUEST;

/// A message: its body is put together piece by piece.
#[derive(Debug)]
pub(super) struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Request {
    /// A message of this kind, whose body begins with these bytes.
    pub(super) fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        Self { kind, flags, body: body.to_vec() }
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.body.extend(number.to_ne_bytes());
        self
    }

    /// An attribute. All that we have to say is a number or an address.
    pub(super) fn attribute<const N: usize>(mut self, number: u16, value: [u8; N]) -> Self {
        #[allow(clippy::cast_possible_truncation)]
        let length = const {
            assert!(N % 4 == 0 && N <= 16, "the next one would not begin where it should");
            4 + N as u16
        };
        self.body.extend(length.to_ne_bytes());
        self.body.extend(number.to_ne_bytes());
        self.body.extend(value);
        self
    }

    pub(super) fn ip(self, number: u16, ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => self.attribute(number, ip.octets()),
            IpAddr::V6(ip) => self.attribute(number, ip.octets()),
        }
    }

    /// The whole message, with the number by which its answer is known.
    pub(super) fn written(&self, sequence: u32) -> Vec<u8> {
        // A few attributes, so that it does fit.
        let length = u32::try_from(16 + self.body.len()).unwrap_or(u32::MAX);
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | self.flags).to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        // To the kernel, whose number is 0.
        bytes.extend([0; 4]);
        bytes.extend(&self.body);
        bytes
    }
}
