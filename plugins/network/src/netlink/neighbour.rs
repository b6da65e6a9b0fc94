//! Somebody on a link.

use super::attribute::Attributes;
use super::number::{
    NDA_DST, NDA_LLADDR, NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE,
    NUD_STALE,
};
use crate::facts::{Mac, Neighbour};

/// A neighbour. Nothing for multicast and the like, which are nobody in particular, and for what a bridge has learnt.
pub(super) fn read(body: &[u8]) -> Option<Neighbour> {
    // `struct ndmsg`.
    let (header, attributes) = Attributes::behind::<12>(body)?;
    let [family, _, _, _, i0, i1, i2, i3, s0, s1, ..] = *header;
    let reachable = match u16::from_ne_bytes([s0, s1]) {
        NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT => true,
        NUD_FAILED | NUD_INCOMPLETE => false,
        _ => return None,
    };
    let (mut ip, mut mac) = (None, None);
    for (number, value) in attributes {
        match number {
            NDA_DST => ip = value.ip(family),
            NDA_LLADDR => mac = Mac::from_bytes(value.bytes()),
            _ => {}
        }
    }
    Some(Neighbour { link: u32::from_ne_bytes([i0, i1, i2, i3]), ip: ip?, mac, reachable })
}
