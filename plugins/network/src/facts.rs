//! What the kernel says of the network, in plain types.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether its frames are those of Ethernet.
    pub(crate) ethernet: bool,
    /// Whether it has a radio below.
    pub(crate) wireless: bool,
    pub(crate) loopback: bool,
    pub(crate) point_to_point: bool,
    /// Whether it is switched on.
    pub(crate) up: bool,
    pub(crate) no_arp: bool,
    pub(crate) state: LinkState,
    pub(crate) mtu: u32,
    /// The smallest and the largest MTU that the driver takes; 0 if it does not say.
    pub(crate) mtu_range: (u32, u32),
    pub(crate) mac: Option<Mac>,
    /// The address that the manufacturer burned in, if the driver knows it.
    pub(crate) permanent_mac: Option<Mac>,
    /// The device below this one, in the same namespace.
    pub(crate) lower: Option<u32>,
    /// The bridge or bond that this device belongs to.
    pub(crate) controller: Option<u32>,
}

/// What a device is, where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// A driver's own device.
    #[default]
    Hardware,
    /// One end of a virtual cable, which is the port of a container.
    Cable,
    /// A port of a switch chip.
    SwitchPort,
    Bridge,
    /// A tagged network on another device.
    Vlan {
        id: u16,
        protocol: u16,
    },
    /// A second address on another device.
    MacVlan,
    /// Something that wraps packets into others.
    Tunnel,
    /// A device inside the kernel that nobody talks through.
    Internal,
    /// Anything else that software made.
    Other,
}

/// `IF_OPER_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LinkState {
    Up,
    Down,
    #[default]
    Unknown,
    Dormant,
    NotPresent,
    LowerLayerDown,
    Testing,
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl Mac {
    /// The address in these bytes, unless they are all zero or of another length.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 6] = bytes.try_into().ok()?;
        (bytes != [0; 6]).then_some(Self(bytes))
    }

    /// The address that a text with colons or dashes names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }

    pub(crate) fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        for byte in self.0 {
            write!(f, "{}{byte:02X}", if first { "" } else { ":" })?;
            first = false;
        }
        Ok(())
    }
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) link: u32,
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) state: AddressState,
    pub(crate) source: AddressSource,
    /// Whether it stays until somebody takes it away.
    pub(crate) permanent: bool,
    pub(crate) valid: Lifetime,
    pub(crate) preferred: Lifetime,
}

/// How far an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressState {
    Preferred,
    Deprecated,
    Tentative,
    Duplicate,
    Optimistic,
}

/// Where an address comes from, as far as the kernel knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressSource {
    /// The kernel made it for the loopback device.
    Loopback,
    /// The kernel made it out of a router's advertisement.
    Router,
    /// The kernel made it for the link.
    LinkLocal,
    /// A program did.
    Program,
}

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    Forever,
    /// So many seconds from that moment on.
    Seconds(u32, Instant),
}

impl Lifetime {
    /// So many seconds as the kernel says it, from that moment on.
    pub(crate) fn of(seconds: u32, from: Instant) -> Self {
        match seconds {
            u32::MAX => Self::Forever,
            seconds => Self::Seconds(seconds, from),
        }
    }
}

/// A route of the main table; a route with several next hops is several of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) id: RouteId,
    pub(crate) expires: Option<Lifetime>,
}

/// What tells one route from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RouteId {
    pub(crate) destination: IpAddr,
    pub(crate) prefix: u8,
    /// It is only for packets that come from here, which IPv6 alone has. The standard has no parameter for it.
    pub(crate) source: Option<(IpAddr, u8)>,
    pub(crate) gateway: Option<IpAddr>,
    /// The device that it leads to.
    pub(crate) link: Option<u32>,
    pub(crate) metric: u32,
    pub(crate) kind: RouteKind,
    pub(crate) protocol: u8,
}

impl RouteId {
    pub(crate) fn is_default(&self) -> bool {
        self.prefix == 0 && self.kind == RouteKind::Normal
    }
}

/// What a route does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RouteKind {
    Normal,
    Blackhole,
    Unreachable,
    Prohibit,
}

/// Somebody on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) link: u32,
    pub(crate) ip: IpAddr,
    /// `None` while it is not known, or not any more.
    pub(crate) mac: Option<Mac>,
    pub(crate) reachable: bool,
}

/// What a device has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_packets: u64,
    pub(crate) sent_packets: u64,
    pub(crate) received_errors: u64,
    pub(crate) sent_errors: u64,
    pub(crate) received_discards: u64,
    pub(crate) sent_discards: u64,
    pub(crate) received_multicasts: u64,
}

/// One thing that is so now, or is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Update {
    Link(Link),
    NoLink(u32),
    Address(Address),
    NoAddress(u32, IpAddr, u8),
    Route(Route),
    NoRoute(RouteId),
    /// The route that follows stands in the place of those with its destination and metric.
    Replaced(RouteId),
    Neighbour(Neighbour),
    NoNeighbour(u32, IpAddr),
}

/// The mask of a prefix.
pub(crate) fn mask(prefix: u8) -> Ipv4Addr {
    let bits = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    Ipv4Addr::from(bits)
}

/// The length of the prefix that a mask leaves, if it is one.
pub(crate) fn prefix_of(mask: Ipv4Addr) -> Option<u8> {
    let bits = u32::from(mask);
    let ones = bits.leading_ones();
    (ones + bits.trailing_zeros().min(32) == 32 || bits == 0 || ones == 32)
        .then(|| u8::try_from(ones).unwrap_or(32))
}

/// The address with everything after its prefix zero.
pub(crate) fn network(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from(u32::from(ip) & u32::from(mask(prefix)))),
        IpAddr::V6(ip) => {
            let bits = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & bits).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_prefixes_are_the_same_thing() {
        for prefix in 0..=32 {
            assert_eq!(prefix_of(mask(prefix)), Some(prefix));
        }
        assert_eq!(mask(20).to_string(), "255.255.240.0");
        assert_eq!(prefix_of(Ipv4Addr::new(255, 0, 255, 0)), None);
        assert_eq!(prefix_of(Ipv4Addr::new(0, 0, 0, 255)), None);
        assert_eq!(network("10.1.2.3".parse().unwrap(), 16).to_string(), "10.1.0.0");
        assert_eq!(network("2001:db8::1".parse().unwrap(), 64).to_string(), "2001:db8::");
        assert_eq!(network("2001:db8::1".parse().unwrap(), 0).to_string(), "::");
    }

    #[test]
    fn hardware_addresses_are_read_and_written() {
        let mac = Mac::parse("0a:1b:2c:3d:4e:5f").unwrap();
        assert_eq!(mac.to_string(), "0A:1B:2C:3D:4E:5F");
        assert_eq!(Mac::from_bytes(&mac.0), Some(mac));
        assert_eq!(Mac::from_bytes(&[0; 6]), None);
        assert_eq!(Mac::parse("0a:1b:2c:3d:4e"), None);
        assert_eq!(Mac::parse("0a:1b:2c:3d:4e:5f:60"), None);
        assert!(Mac::parse("01:00:5e:00:00:01").unwrap().is_multicast());
    }
}
