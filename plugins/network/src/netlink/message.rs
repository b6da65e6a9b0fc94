//! The messages of a datagram, and what they say in plain facts.

use std::time::Instant;

use cwmp_plugin_sdk::Error;
use nix::errno::Errno;

use super::number::{
    NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP_INTR, NLM_F_REPLACE, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH,
    RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE,
};
use super::{address, link, neighbour, route};
use crate::facts::{Counters, Update};

/// A message of the kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    kind: u16,
    flags: u16,
    /// The number of the question that it answers; 0 if nobody asked.
    pub(super) sequence: u32,
    body: &'a [u8],
}

/// The messages of a datagram. One of an impossible length is an error and the last.
pub(super) fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Error>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, _, _, _, _] = *rest.first_chunk()?;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let Some(body) = rest.get(16..length) else {
            rest = &[];
            return Some(Err(Error::internal("a netlink message of an impossible length")));
        };
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            body,
        }))
    })
}

impl Message<'_> {
    /// Whether it is one of several that are not of one moment.
    pub(super) fn is_interrupted(self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    /// Whether it ends an answer, and how: either well, or with what the kernel has against the question.
    pub(super) fn end(self) -> Option<Result<(), Errno>> {
        if !matches!(self.kind, NLMSG_DONE | NLMSG_ERROR) {
            return None;
        }
        // The end of several may be empty: then there is nothing to say against them.
        let code = self.body.first_chunk().copied().map_or(0, i32::from_ne_bytes);
        Some(if code < 0 { Err(Errno::from_raw(code.saturating_neg())) } else { Ok(()) })
    }

    /// Adds what it says; nothing if it is of no interest.
    pub(super) fn read(self, now: Instant, updates: &mut Vec<Update>) {
        let body = self.body;
        let update = match self.kind {
            RTM_NEWLINK => link::read(body).map(Update::Link),
            RTM_DELLINK => link::index(body).map(Update::NoLink),
            RTM_NEWADDR => address::read(body, now).map(Update::Address),
            RTM_DELADDR => address::read(body, now).map(|a| Update::NoAddress(a.link, a.ip, a.prefix)),
            RTM_NEWNEIGH => neighbour::read(body).map(Update::Neighbour),
            RTM_DELNEIGH => neighbour::read(body).map(|n| Update::NoNeighbour(n.link, n.ip)),
            RTM_NEWROUTE => {
                let mut replaces = self.flags & NLM_F_REPLACE != 0;
                route::read(body, now, &mut |route| {
                    // All next hops of it stand in one place.
                    if std::mem::take(&mut replaces) {
                        updates.push(Update::Replaced(route.id.clone()));
                    }
                    updates.push(Update::Route(route));
                });
                None
            }
            RTM_DELROUTE => {
                route::read(body, now, &mut |route| updates.push(Update::NoRoute(route.id)));
                None
            }
            _ => None,
        };
        updates.extend(update);
    }

    /// What a device has counted, with its index.
    pub(super) fn counters(self) -> Option<(u32, Counters)> {
        (self.kind == RTM_NEWLINK).then(|| link::counters(self.body)).flatten()
    }
}
