//! A device, and what it has counted.

use super::attribute::{Attributes, Value};
use super::number::{
    AF_BRIDGE, ARPHRD_ETHER, IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT, IFF_RUNNING, IFF_UP, IFLA_ADDRESS,
    IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_LINK_NETNSID, IFLA_MASTER,
    IFLA_MAX_MTU, IFLA_MIN_MTU, IFLA_MTU, IFLA_OPERSTATE, IFLA_PERM_ADDRESS, IFLA_STATS64, IFLA_VLAN_ID,
    IFLA_VLAN_PROTOCOL, IFLA_WIRELESS, IF_OPER_DORMANT, IF_OPER_DOWN, IF_OPER_LOWERLAYERDOWN,
    IF_OPER_NOTPRESENT, IF_OPER_TESTING, IF_OPER_UP,
};
use crate::facts::{Counters, Kind, Link, LinkState, Mac};

/// `struct ifinfomsg`.
struct Header {
    hardware: u16,
    index: u32,
    flags: u32,
}

impl Header {
    /// The header and the attributes, unless it is what the forwarding base of a bridge says of its ports, in a family of
    /// its own.
    fn read(body: &[u8]) -> Option<(Self, Attributes<'_>)> {
        let (header, attributes) = Attributes::behind::<16>(body)?;
        let [family, _, h0, h1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *header;
        let header = Self {
            hardware: u16::from_ne_bytes([h0, h1]),
            index: u32::from_ne_bytes([i0, i1, i2, i3]),
            flags: u32::from_ne_bytes([f0, f1, f2, f3]),
        };
        (family != AF_BRIDGE).then_some((header, attributes))
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// Which device a message is about.
pub(super) fn index(body: &[u8]) -> Option<u32> {
    Header::read(body).map(|(header, _)| header.index)
}

/// A device. Nothing if it has no name that can be read.
pub(super) fn read(body: &[u8]) -> Option<Link> {
    let (header, attributes) = Header::read(body)?;
    let mut link = Link {
        index: header.index,
        ethernet: header.hardware == ARPHRD_ETHER,
        loopback: header.has(IFF_LOOPBACK),
        point_to_point: header.has(IFF_POINTOPOINT),
        up: header.has(IFF_UP),
        no_arp: header.has(IFF_NOARP),
        ..Link::default()
    };
    let (mut name, mut other_namespace) = (None, false);
    for (number, value) in attributes {
        match number {
            IFLA_IFNAME => name = value.text(),
            IFLA_MTU => link.mtu = value.u32().unwrap_or_default(),
            IFLA_MIN_MTU => link.mtu_range.0 = value.u32().unwrap_or_default(),
            IFLA_MAX_MTU => link.mtu_range.1 = value.u32().unwrap_or_default(),
            IFLA_ADDRESS => link.mac = Mac::from_bytes(value.bytes()),
            IFLA_PERM_ADDRESS => link.permanent_mac = Mac::from_bytes(value.bytes()),
            IFLA_LINK => link.lower = value.u32(),
            IFLA_LINK_NETNSID => other_namespace = true,
            IFLA_MASTER => link.controller = value.u32(),
            IFLA_OPERSTATE => link.state = state(value.u8()),
            IFLA_LINKINFO => link.kind = kind(value),
            // What a radio has heard or done, under the name of its device; of the device itself it says nothing.
            IFLA_WIRELESS => return None,
            _ => {}
        }
    }
    link.name = name?;
    if other_namespace || link.lower == Some(link.index) {
        // The number of a device somewhere else says nothing here.
        link.lower = None;
    }
    if link.state == LinkState::Unknown && header.has(IFF_UP) && header.has(IFF_RUNNING) {
        // Devices without a carrier to watch, such as loopback, never say more.
        link.state = LinkState::Up;
    }
    Some(link)
}

/// What a device has counted, with its index.
pub(super) fn counters(body: &[u8]) -> Option<(u32, Counters)> {
    let (header, attributes) = Header::read(body)?;
    let stats = attributes.get(IFLA_STATS64)?;
    // `struct rtnl_link_stats64`, whose end an older kernel may not have.
    let at = |place: usize| stats.u64_at(8 * place).unwrap_or_default();
    let counters = Counters {
        received_packets: at(0),
        sent_packets: at(1),
        received_bytes: at(2),
        sent_bytes: at(3),
        received_errors: at(4),
        sent_errors: at(5),
        received_discards: at(6),
        sent_discards: at(7),
        received_multicasts: at(8),
    };
    Some((header.index, counters))
}

fn state(state: Option<u8>) -> LinkState {
    match state {
        Some(IF_OPER_UP) => LinkState::Up,
        Some(IF_OPER_DOWN) => LinkState::Down,
        Some(IF_OPER_DORMANT) => LinkState::Dormant,
        Some(IF_OPER_NOTPRESENT) => LinkState::NotPresent,
        Some(IF_OPER_LOWERLAYERDOWN) => LinkState::LowerLayerDown,
        Some(IF_OPER_TESTING) => LinkState::Testing,
        _ => LinkState::Unknown,
    }
}

/// What made the device, by the name of its module.
fn kind(info: Value<'_>) -> Kind {
    let info = info.inside();
    match info.get(IFLA_INFO_KIND).map(Value::characters) {
        None => Kind::Hardware,
        Some(b"veth") => Kind::Cable,
        Some(b"dsa") => Kind::SwitchPort,
        Some(b"bridge") => Kind::Bridge,
        Some(b"macvlan") => Kind::MacVlan,
        Some(b"vlan") => vlan(info.get(IFLA_INFO_DATA).unwrap_or_default()),
        Some(
            b"tun" | b"ipip" | b"ip6tnl" | b"sit" | b"gre" | b"ip6gre" | b"vti" | b"vti6" | b"wireguard"
            | b"xfrm",
        ) => Kind::Tunnel,
        Some(b"ifb" | b"nlmon") => Kind::Internal,
        Some(_) => Kind::Other,
    }
}

fn vlan(data: Value<'_>) -> Kind {
    let data = data.inside();
    let id = data.get(IFLA_VLAN_ID).and_then(Value::u16).unwrap_or_default();
    // Without a word about it, the tag is that of 802.1Q.
    let protocol = data.get(IFLA_VLAN_PROTOCOL).and_then(Value::u16_be).unwrap_or(0x8100);
    Kind::Vlan { id, protocol }
}
