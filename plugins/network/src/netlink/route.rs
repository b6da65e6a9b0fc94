//! A route of the main table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use super::attribute::{Attributes, Value};
use super::number::{
    AF_INET, AF_INET6, RTA_CACHEINFO, RTA_DST, RTA_GATEWAY, RTA_MULTIPATH, RTA_OIF, RTA_PRIORITY, RTA_SRC,
    RTA_TABLE, RTM_F_CLONED, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, RT_TABLE_MAIN,
};
use crate::facts::{Lifetime, Route, RouteId, RouteKind};

/// Ticks of a second in messages: the kernel shows all architectures that boxes have the same number.
const TICKS: u32 = 100;

/// Tells the routes that a message is about, hop by hop; their time runs from that moment on.
pub(super) fn read(body: &[u8], now: Instant, tell: &mut dyn FnMut(Route)) {
    // `struct rtmsg`.
    let Some((header, attributes)) = Attributes::behind::<12>(body) else { return };
    let [family, prefix, source_prefix, _, table, protocol, _, kind, f0, f1, f2, f3] = *header;
    // What the kernel found out on the way to one destination, such as its MTU, is no route of somebody's choice.
    if u32::from_ne_bytes([f0, f1, f2, f3]) & RTM_F_CLONED != 0 {
        return;
    }
    let kind = match kind {
        RTN_UNICAST => RouteKind::Normal,
        RTN_BLACKHOLE => RouteKind::Blackhole,
        RTN_UNREACHABLE => RouteKind::Unreachable,
        RTN_PROHIBIT => RouteKind::Prohibit,
        _ => return,
    };
    let unspecified: IpAddr = match family {
        AF_INET => Ipv4Addr::UNSPECIFIED.into(),
        AF_INET6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return,
    };
    let mut id = RouteId {
        destination: unspecified,
        prefix,
        source: None,
        gateway: None,
        link: None,
        metric: 0,
        kind,
        protocol,
    };
    let (mut table, mut expires, mut hops) = (u32::from(table), None, Value::default());
    for (number, value) in attributes {
        match number {
            // The whole number: the header has room for the first 256.
            RTA_TABLE => table = value.u32().unwrap_or(table),
            RTA_DST => id.destination = value.ip(family).unwrap_or(unspecified),
            RTA_SRC => id.source = value.ip(family).map(|ip| (ip, source_prefix)),
            RTA_GATEWAY => id.gateway = value.ip(family),
            RTA_OIF => id.link = value.u32(),
            RTA_PRIORITY => id.metric = value.u32().unwrap_or_default(),
            RTA_CACHEINFO if unspecified.is_ipv6() => expires = value.u32_at(8).and_then(|t| ends(t, now)),
            RTA_MULTIPATH => hops = value,
            _ => {}
        }
    }
    // Nor is what is multicast.
    if table != u32::from(RT_TABLE_MAIN) || id.destination.is_multicast() {
        return;
    }
    let mut rest = hops.bytes();
    let mut is_one = true;
    while let Some((link, attributes)) = next_hop(&mut rest) {
        is_one = false;
        let gateway = attributes.get(RTA_GATEWAY).and_then(|value| value.ip(family));
        tell(Route { id: RouteId { gateway, link: Some(link), ..id.clone() }, expires });
    }
    if is_one {
        tell(Route { id, expires });
    }
}

/// Takes the next of several hops, `struct rtnexthop`: its device and its attributes.
fn next_hop<'a>(rest: &mut &'a [u8]) -> Option<(u32, Attributes<'a>)> {
    let [l0, l1, _, _, i0, i1, i2, i3] = *rest.first_chunk()?;
    let length = usize::from(u16::from_ne_bytes([l0, l1]));
    let attributes = Attributes::new(rest.get(8..length)?);
    *rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((u32::from_ne_bytes([i0, i1, i2, i3]), attributes))
}

/// What `rta_expires` means, of `struct rta_cacheinfo`: 0 is no end. One that is over already is below zero.
fn ends(ticks: u32, now: Instant) -> Option<Lifetime> {
    let left = if ticks > u32::MAX / 2 { 0 } else { ticks / TICKS };
    (ticks != 0).then(|| Lifetime::of(left, now))
}
