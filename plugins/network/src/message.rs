//! From the kernel's messages to plain facts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, AddressScope,
};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, State,
    Stats64,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::facts::{
    Address, AddressSource, AddressState, Counters, Kind, Lifetime, Link, LinkState, Mac, Neighbour, Route,
    RouteId, RouteKind, Update,
};

/// What a message says; nothing if it is of no interest. `replaces` says that a route stands in the place of others.
pub(crate) fn read(message: RouteNetlinkMessage, replaces: bool) -> Vec<Update> {
    match message {
        // The forwarding base of a bridge sends messages of its own family about its ports.
        RouteNetlinkMessage::NewLink(m) if m.header.interface_family != AddressFamily::Bridge => {
            vec![Update::Link(link(&m).0)]
        }
        RouteNetlinkMessage::DelLink(m) if m.header.interface_family != AddressFamily::Bridge => {
            vec![Update::NoLink(m.header.index)]
        }
        RouteNetlinkMessage::NewAddress(m) => address(&m).map(Update::Address).into_iter().collect(),
        RouteNetlinkMessage::DelAddress(m) => {
            address(&m).map(|a| Update::NoAddress(a.link, a.ip, a.prefix)).into_iter().collect()
        }
        RouteNetlinkMessage::NewRoute(m) => {
            let routes = routes(&m);
            let replaced = routes.first().filter(|_| replaces).map(|r| Update::Replaced(r.id.clone()));
            replaced.into_iter().chain(routes.into_iter().map(Update::Route)).collect()
        }
        RouteNetlinkMessage::DelRoute(m) => {
            routes(&m).into_iter().map(|route| Update::NoRoute(route.id)).collect()
        }
        RouteNetlinkMessage::NewNeighbour(m) => neighbour(&m).map(Update::Neighbour).into_iter().collect(),
        RouteNetlinkMessage::DelNeighbour(m) => {
            neighbour(&m).map(|n| Update::NoNeighbour(n.link, n.ip)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// A device and what it has counted.
pub(crate) fn link(message: &LinkMessage) -> (Link, Option<Counters>) {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        ethernet: message.header.link_layer_type == LinkLayerType::Ether,
        loopback: flags.contains(LinkFlags::Loopback),
        point_to_point: flags.contains(LinkFlags::Pointopoint),
        up: flags.contains(LinkFlags::Up),
        no_arp: flags.contains(LinkFlags::Noarp),
        ..Link::default()
    };
    let mut counters = None;
    let mut other_namespace = false;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::MinMtu(mtu) => link.mtu_range.0 = *mtu,
            LinkAttribute::MaxMtu(mtu) => link.mtu_range.1 = *mtu,
            LinkAttribute::Address(bytes) => link.mac = Mac::from_bytes(bytes),
            LinkAttribute::PermAddress(bytes) => link.permanent_mac = Mac::from_bytes(bytes),
            LinkAttribute::Link(index) => link.lower = Some(*index),
            LinkAttribute::LinkNetNsId(_) => other_namespace = true,
            LinkAttribute::Controller(index) => link.controller = Some(*index),
            LinkAttribute::OperState(state) => link.state = link_state(*state),
            LinkAttribute::LinkInfo(infos) => link.kind = kind(infos),
            LinkAttribute::Stats64(stats) => counters = Some(self::counters(stats)),
            _ => {}
        }
    }
    if other_namespace || link.lower == Some(link.index) {
        // The number of a device somewhere else says nothing here.
        link.lower = None;
    }
    if link.state == LinkState::Unknown && flags.contains(LinkFlags::Up | LinkFlags::Running) {
        // Devices without a carrier to watch, such as loopback, never say more.
        link.state = LinkState::Up;
    }
    (link, counters)
}

fn kind(infos: &[LinkInfo]) -> Kind {
    let found = infos.iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    });
    match found {
        None => Kind::Hardware,
        Some(InfoKind::Veth) => Kind::Cable,
        Some(InfoKind::Dsa) => Kind::SwitchPort,
        Some(InfoKind::Bridge) => Kind::Bridge,
        Some(InfoKind::MacVlan) => Kind::MacVlan,
        Some(InfoKind::Vlan) => vlan(infos),
        Some(
            InfoKind::Tun
            | InfoKind::IpIp
            | InfoKind::Ip6Tnl
            | InfoKind::SitTun
            | InfoKind::GreTun
            | InfoKind::GreTun6
            | InfoKind::Vti
            | InfoKind::Vti6
            | InfoKind::Wireguard
            | InfoKind::Xfrm,
        ) => Kind::Tunnel,
        Some(InfoKind::Ifb | InfoKind::Nlmon) => Kind::Internal,
        Some(_) => Kind::Other,
    }
}

fn vlan(infos: &[LinkInfo]) -> Kind {
    // Without a word about it, the tag is that of 802.1Q.
    let (mut id, mut protocol) = (0, 0x8100);
    for info in infos {
        let LinkInfo::Data(InfoData::Vlan(data)) = info else { continue };
        for part in data {
            match part {
                InfoVlan::Id(found) => id = *found,
                InfoVlan::Protocol(found) => protocol = u16::from(*found),
                _ => {}
            }
        }
    }
    Kind::Vlan { id, protocol }
}

fn link_state(state: State) -> LinkState {
    match state {
        State::Up => LinkState::Up,
        State::Down => LinkState::Down,
        State::Dormant => LinkState::Dormant,
        State::NotPresent => LinkState::NotPresent,
        State::LowerLayerDown => LinkState::LowerLayerDown,
        State::Testing => LinkState::Testing,
        _ => LinkState::Unknown,
    }
}

fn counters(stats: &Stats64) -> Counters {
    Counters {
        received_bytes: stats.rx_bytes,
        sent_bytes: stats.tx_bytes,
        received_packets: stats.rx_packets,
        sent_packets: stats.tx_packets,
        received_errors: stats.rx_errors,
        sent_errors: stats.tx_errors,
        received_discards: stats.rx_dropped,
        sent_discards: stats.tx_dropped,
        received_multicasts: stats.multicast,
    }
}

fn address(message: &AddressMessage) -> Option<Address> {
    let (mut address, mut local, mut source, mut all_flags) = (None, None, AddressSource::Program, None);
    let (mut valid, mut preferred) = (Lifetime::Forever, Lifetime::Forever);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Flags(flags) => all_flags = Some(*flags),
            AddressAttribute::CacheInfo(info) => {
                valid = Lifetime::of(info.ifa_valid);
                preferred = Lifetime::of(info.ifa_preferred);
            }
            AddressAttribute::Protocol(AddressProtocol::Loopback) => source = AddressSource::Loopback,
            AddressAttribute::Protocol(AddressProtocol::RouterAnnouncement) => source = AddressSource::Router,
            AddressAttribute::Protocol(AddressProtocol::LinkLocal) => source = AddressSource::LinkLocal,
            _ => {}
        }
    }
    let first = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    let flags = all_flags.unwrap_or(first);
    let permanent = flags.contains(AddressFlags::Permanent);
    // On a point-to-point link the other end's address has the other place.
    let ip = local.or(address)?;
    if let IpAddr::V6(ip) = ip {
        // A kernel before 5.18 does not say who made an address.
        if source == AddressSource::Program && message.header.scope == AddressScope::Link {
            source = AddressSource::LinkLocal;
        } else if ip == Ipv6Addr::LOCALHOST {
            source = AddressSource::Loopback;
        } else if source == AddressSource::Program && !permanent && message.header.prefix_len == 64 {
            source = AddressSource::Router;
        }
    }
    let state = if flags.contains(AddressFlags::Dadfailed) {
        AddressState::Duplicate
    } else if flags.contains(AddressFlags::Optimistic) {
        AddressState::Optimistic
    } else if flags.contains(AddressFlags::Tentative) {
        AddressState::Tentative
    } else if flags.contains(AddressFlags::Deprecated) {
        AddressState::Deprecated
    } else {
        AddressState::Preferred
    };
    let prefix = message.header.prefix_len;
    Some(Address { link: message.header.index, ip, prefix, state, source, permanent, valid, preferred })
}

/// The routes of the main table that a message is about.
fn routes(message: &RouteMessage) -> Vec<Route> {
    let header = &message.header;
    let kind = match header.kind {
        RouteType::Unicast => RouteKind::Normal,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        _ => return Vec::new(),
    };
    let unspecified: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return Vec::new(),
    };
    let mut id = RouteId {
        destination: unspecified,
        prefix: header.destination_prefix_length,
        gateway: None,
        link: None,
        metric: 0,
        kind,
        protocol: u8::from(header.protocol),
    };
    let (mut table, mut expires, mut hops) = (u32::from(header.table), None, Vec::new());
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(found) => table = *found,
            RouteAttribute::Destination(found) => id.destination = ip(found).unwrap_or(unspecified),
            RouteAttribute::Gateway(found) => id.gateway = ip(found),
            RouteAttribute::Oif(index) => id.link = Some(*index),
            RouteAttribute::Priority(metric) => id.metric = *metric,
            RouteAttribute::CacheInfo(info) if info.expires != 0 && unspecified.is_ipv6() => {
                expires = Some(Lifetime::of(info.expires / TICKS));
            }
            RouteAttribute::MultiPath(found) => hops.clone_from(found),
            _ => {}
        }
    }
    // Neither what is multicast nor what was cloned for one destination is a route of somebody's choice.
    if table != u32::from(RouteHeader::RT_TABLE_MAIN) || id.destination.is_multicast() {
        return Vec::new();
    }
    if hops.is_empty() {
        return vec![Route { id, expires }];
    }
    let hop = |hop: netlink_packet_route::route::RouteNextHop| {
        let gateway = hop.attributes.iter().find_map(|a| match a {
            RouteAttribute::Gateway(found) => ip(found),
            _ => None,
        });
        Route { id: RouteId { gateway, link: Some(hop.interface_index), ..id.clone() }, expires }
    };
    hops.into_iter().map(hop).collect()
}

/// Ticks of a second in messages: the kernel shows all architectures that boxes have the same number.
const TICKS: u32 = 100;

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let (mut ip, mut mac) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => ip = Some(IpAddr::V4(*found)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => ip = Some(IpAddr::V6(*found)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = Mac::from_bytes(bytes),
            _ => {}
        }
    }
    let reachable = match message.header.state {
        NeighbourState::Reachable
        | NeighbourState::Stale
        | NeighbourState::Delay
        | NeighbourState::Probe
        | NeighbourState::Permanent => true,
        NeighbourState::Failed | NeighbourState::Incomplete => false,
        // Multicast and the like: nobody in particular.
        _ => return None,
    };
    Some(Neighbour { link: message.header.ifindex, ip: ip?, mac, reachable })
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{NetlinkMessage, NetlinkPayload, NLM_F_REPLACE};
    use netlink_packet_route::link::VlanProtocol;

    use super::*;

    /// The message of this name, as a kernel sent it.
    fn recorded(name: &str) -> Vec<Update> {
        let lines = include_str!("recorded.txt").lines();
        let hex =
            lines.filter_map(|line| line.split_once(' ')).find(|(n, _)| *n == name).expect("recorded").1;
        let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes).unwrap();
        let replaces = message.header.flags & NLM_F_REPLACE != 0;
        match message.payload {
            NetlinkPayload::InnerMessage(inner) => read(inner, replaces),
            other => panic!("{other:?}"),
        }
    }

    fn one(name: &str) -> Update {
        let mut all = recorded(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all.remove(0)
    }

    #[test]
    fn a_device_is_read() {
        let Update::Link(link) = one("link") else { panic!() };
        assert_eq!((link.name.as_str(), link.kind, link.state), ("far", Kind::Cable, LinkState::Up));
        assert!(link.ethernet && link.up && !link.loopback && !link.no_arp && link.mac.is_some());
        assert_eq!((link.mtu, link.mtu_range), (1_500, (68, 65_535)));
        assert_eq!((link.permanent_mac, link.controller), (None, None));
        assert!(matches!(one("gone"), Update::NoLink(index) if index > 0));
    }

    #[test]
    fn addresses_are_read() {
        let Update::Address(v4) = one("addr") else { panic!() };
        assert_eq!((v4.ip.to_string().as_str(), v4.prefix, v4.permanent), ("192.0.2.2", 24, true));
        assert_eq!((v4.valid, v4.state), (Lifetime::Forever, AddressState::Preferred));
        assert!(matches!(one("deladdr"), Update::NoAddress(_, ip, 24) if ip == v4.ip));
        let Update::Address(v6) = one("addr6") else { panic!() };
        assert_eq!((v6.source, v6.state), (AddressSource::Router, AddressState::Tentative));
        assert!(matches!((v6.valid, v6.preferred), (Lifetime::Seconds(600, _), Lifetime::Seconds(300, _))));
    }

    #[test]
    fn routes_are_read_hop_by_hop() {
        let all = recorded("replaced");
        let (Update::Replaced(place), Update::Route(route)) = (&all[0], &all[1]) else { panic!("{all:?}") };
        assert_eq!(place, &route.id);
        assert!(route.id.is_default());
        assert_eq!(route.id.gateway.unwrap().to_string(), "192.0.2.9");
        let hops = recorded("multi");
        let gateways: Vec<String> = hops
            .iter()
            .map(|hop| match hop {
                Update::Route(route) => route.id.gateway.unwrap().to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(gateways, ["192.0.2.1", "192.0.2.9"]);
        let Update::Route(refused) = one("route6") else { panic!() };
        assert_eq!((refused.id.kind, refused.id.prefix), (RouteKind::Unreachable, 48));
    }

    #[test]
    fn neighbours_are_read() {
        let Update::Neighbour(there) = one("neigh") else { panic!() };
        assert_eq!((there.reachable, there.mac), (true, Mac::parse("02:00:00:00:00:77")));
        let Update::Neighbour(away) = one("failed") else { panic!() };
        assert_eq!((away.reachable, away.mac, away.ip), (false, None, there.ip));
        assert!(matches!(one("delneigh"), Update::NoNeighbour(_, ip) if ip == there.ip));
    }

    #[test]
    fn a_vlan_has_its_tag_and_the_device_below() {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        let data = vec![InfoVlan::Id(20), InfoVlan::Protocol(VlanProtocol::Ieee8021Ad)];
        let infos = vec![LinkInfo::Kind(InfoKind::Vlan), LinkInfo::Data(InfoData::Vlan(data))];
        message.attributes = vec![LinkAttribute::Link(3), LinkAttribute::LinkInfo(infos)];
        let (vlan, counters) = link(&message);
        assert_eq!((vlan.kind, vlan.lower), (Kind::Vlan { id: 20, protocol: 0x88a8 }, Some(3)));
        assert!(counters.is_none());
        // The number of a device in another namespace is none of ours.
        message.attributes.push(LinkAttribute::LinkNetNsId(0));
        assert_eq!(link(&message).0.lower, None);
    }
}
