//! What the messages of the library say in our facts: the second opinion on our own reading.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, AddressScope,
};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, State,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::facts::{
    Address, AddressSource, AddressState, Counters, Kind, Lifetime, Link, LinkState, Mac, Neighbour, Route,
    RouteId, RouteKind, Update,
};

/// What a message says; nothing if it is of no interest.
pub(super) fn updates(message: &RouteNetlinkMessage, replaces: bool, now: Instant) -> Vec<Update> {
    match message {
        RouteNetlinkMessage::NewLink(m) => link(m).map(Update::Link).into_iter().collect(),
        RouteNetlinkMessage::DelLink(m) if m.header.interface_family != AddressFamily::Bridge => {
            vec![Update::NoLink(m.header.index)]
        }
        RouteNetlinkMessage::NewAddress(m) => address(m, now).map(Update::Address).into_iter().collect(),
        RouteNetlinkMessage::DelAddress(m) => {
            address(m, now).map(|a| Update::NoAddress(a.link, a.ip, a.prefix)).into_iter().collect()
        }
        RouteNetlinkMessage::NewRoute(m) => {
            let routes = routes(m, now);
            let replaced = routes.first().filter(|_| replaces).map(|r| Update::Replaced(r.id.clone()));
            replaced.into_iter().chain(routes.into_iter().map(Update::Route)).collect()
        }
        RouteNetlinkMessage::DelRoute(m) => {
            routes(m, now).into_iter().map(|route| Update::NoRoute(route.id)).collect()
        }
        RouteNetlinkMessage::NewNeighbour(m) => neighbour(m).map(Update::Neighbour).into_iter().collect(),
        RouteNetlinkMessage::DelNeighbour(m) => {
            neighbour(m).map(|n| Update::NoNeighbour(n.link, n.ip)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn link(message: &LinkMessage) -> Option<Link> {
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
    let (mut named, mut other_namespace) = (false, false);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => {
                link.name.clone_from(name);
                named = true;
            }
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
            LinkAttribute::Wireless(_) => return None,
            _ => {}
        }
    }
    if other_namespace || link.lower == Some(link.index) {
        link.lower = None;
    }
    if link.state == LinkState::Unknown && flags.contains(LinkFlags::Up | LinkFlags::Running) {
        link.state = LinkState::Up;
    }
    (named && message.header.interface_family != AddressFamily::Bridge).then_some(link)
}

fn kind(infos: &[LinkInfo]) -> Kind {
    let mut kinds = infos.iter().filter_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    });
    match kinds.next_back() {
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

/// What the device of a message has counted.
pub(super) fn counters(message: &RouteNetlinkMessage) -> Option<(u32, Counters)> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let mut stats = message.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::Stats64(stats) => Some(stats),
        _ => None,
    });
    let stats = stats.next_back().filter(|_| message.header.interface_family != AddressFamily::Bridge)?;
    let counters = Counters {
        received_bytes: stats.rx_bytes,
        sent_bytes: stats.tx_bytes,
        received_packets: stats.rx_packets,
        sent_packets: stats.tx_packets,
        received_errors: stats.rx_errors,
        sent_errors: stats.tx_errors,
        received_discards: stats.rx_dropped,
        sent_discards: stats.tx_dropped,
        received_multicasts: stats.multicast,
    };
    Some((message.header.index, counters))
}

fn address(message: &AddressMessage, now: Instant) -> Option<Address> {
    let (mut address, mut local, mut source, mut all_flags) = (None, None, AddressSource::Program, None);
    let (mut valid, mut preferred) = (Lifetime::Forever, Lifetime::Forever);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Flags(flags) => all_flags = Some(*flags),
            AddressAttribute::CacheInfo(info) => {
                valid = Lifetime::of(info.ifa_valid, now);
                preferred = Lifetime::of(info.ifa_preferred, now);
            }
            AddressAttribute::Protocol(AddressProtocol::Loopback) => source = AddressSource::Loopback,
            AddressAttribute::Protocol(AddressProtocol::RouterAnnouncement) => source = AddressSource::Router,
            AddressAttribute::Protocol(AddressProtocol::LinkLocal) => source = AddressSource::LinkLocal,
            AddressAttribute::Protocol(_) => source = AddressSource::Program,
            _ => {}
        }
    }
    let first = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    let flags = all_flags.unwrap_or(first);
    let permanent = flags.contains(AddressFlags::Permanent);
    let ip = local.or(address)?;
    if let IpAddr::V6(ip) = ip {
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

fn routes(message: &RouteMessage, now: Instant) -> Vec<Route> {
    let header = &message.header;
    if header.flags.contains(RouteFlags::Cloned) {
        return Vec::new();
    }
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
        source: None,
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
            RouteAttribute::Source(found) => {
                id.source = ip(found).map(|ip| (ip, header.source_prefix_length));
            }
            RouteAttribute::Gateway(found) => id.gateway = ip(found),
            RouteAttribute::Oif(index) => id.link = Some(*index),
            RouteAttribute::Priority(metric) => id.metric = *metric,
            RouteAttribute::CacheInfo(info) if unspecified.is_ipv6() => {
                let left = u32::try_from(i32::from_ne_bytes(info.expires.to_ne_bytes())).unwrap_or(0);
                expires = (info.expires != 0).then(|| Lifetime::of(left / 100, now));
            }
            RouteAttribute::MultiPath(found) => hops.clone_from(found),
            _ => {}
        }
    }
    if table != u32::from(RouteHeader::RT_TABLE_MAIN) || id.destination.is_multicast() {
        return Vec::new();
    }
    if hops.is_empty() {
        return vec![Route { id, expires }];
    }
    let hop = |hop: netlink_packet_route::route::RouteNextHop| {
        let mut gateways = hop.attributes.iter().filter_map(|a| match a {
            RouteAttribute::Gateway(found) => Some(ip(found)),
            _ => None,
        });
        let gateway = gateways.next_back().flatten();
        Route { id: RouteId { gateway, link: Some(hop.interface_index), ..id.clone() }, expires }
    };
    hops.into_iter().map(hop).collect()
}

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
        _ => return None,
    };
    Some(Neighbour { link: message.header.ifindex, ip: ip?, mac, reachable })
}
