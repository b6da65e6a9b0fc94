//! Messages that the library made are read as the library reads them, and the library reads what we write as it is meant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{
    DefaultNla, NetlinkHeader, NetlinkMessage, NetlinkPayload, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP,
    NLM_F_REPLACE, NLM_F_REQUEST,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, CacheInfo,
};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoPortKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType,
    LinkMessage, Stats64, VlanProtocol, WirelessEvent,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourCacheInfo, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteCacheInfo, RouteFlags, RouteHeader, RouteMessage, RouteMetric,
    RouteNextHop, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;
use super::{all_recorded, library, read_at};
use crate::facts::{mask, RouteId, RouteKind};

/// An attribute that the library does not know, with a number from here on, of any length and with any marks.
fn noise(first: u16) -> impl Strategy<Value = DefaultNla> {
    (first..first + 100, select(vec![0, 0x4000, 0x8000]), vec(any::<u8>(), 0..9))
        .prop_map(|(number, marks, value)| DefaultNla::new(number | marks, value))
}

/// All of these in an order of chance.
fn shuffled<T: Clone + std::fmt::Debug + 'static>(
    attributes: impl Strategy<Value = Vec<T>>,
) -> impl Strategy<Value = Vec<T>> {
    attributes.prop_flat_map(|attributes| Just(attributes).prop_shuffle())
}

fn ip(family: AddressFamily) -> impl Strategy<Value = IpAddr> {
    let v4 = prop_oneof![
        any::<u32>().prop_map(Ipv4Addr::from),
        select(vec![Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(224, 0, 0, 1)]),
    ];
    let v6 = prop_oneof![
        any::<u128>().prop_map(Ipv6Addr::from),
        select(vec![Ipv6Addr::LOCALHOST, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)]),
    ];
    (v4, v6).prop_map(move |(v4, v6)| if family == AddressFamily::Inet { v4.into() } else { v6.into() })
}

fn families() -> impl Strategy<Value = AddressFamily> {
    select(vec![AddressFamily::Inet, AddressFamily::Inet6])
}

/// A number that is often one of a few, as indexes are.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..5_u32, any::<u32>(), Just(u32::MAX)]
}

fn hardware_address() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 6), vec(Just(0), 6), vec(any::<u8>(), 0..21)]
}

fn link_info() -> impl Strategy<Value = Vec<LinkInfo>> {
    let names = [
        "veth",
        "dsa",
        "bridge",
        "macvlan",
        "vlan",
        "vlan",
        "tun",
        "ipip",
        "ip6tnl",
        "sit",
        "gre",
        "ip6gre",
        "vti",
        "vti6",
        "wireguard",
        "xfrm",
        "ifb",
        "nlmon",
        "dummy",
        "bond",
        "macvtap",
        "gretap",
        "vxlan",
        "vlan2",
        "",
    ];
    let vlan = prop_oneof![
        any::<u16>().prop_map(InfoVlan::Id),
        select(vec![VlanProtocol::Ieee8021Q, VlanProtocol::Ieee8021Ad]).prop_map(InfoVlan::Protocol),
        noise(6).prop_map(InfoVlan::Other),
    ];
    (select(names.to_vec()), vec(vlan, 0..4), any::<bool>()).prop_map(|(name, vlan, port)| {
        let mut infos = vec![LinkInfo::Kind(InfoKind::from(name))];
        if name == "vlan" {
            infos.push(LinkInfo::Data(InfoData::Vlan(vlan)));
        }
        if port {
            infos.push(LinkInfo::PortKind(InfoPortKind::Bridge));
        }
        infos
    })
}

fn link_attribute() -> impl Strategy<Value = LinkAttribute> {
    let numbers = (0..8_usize, number()).prop_map(|(which, number)| match which {
        0 => LinkAttribute::Mtu(number),
        1 => LinkAttribute::MinMtu(number),
        2 => LinkAttribute::MaxMtu(number),
        3 => LinkAttribute::Link(number),
        4 => LinkAttribute::Controller(number),
        5 => LinkAttribute::TxQueueLen(number),
        6 => LinkAttribute::Group(number),
        _ => LinkAttribute::Promiscuity(number),
    });
    // The library and we fill up what an older kernel does not say.
    let stats = vec(any::<[u8; 8]>(), 0..26).prop_map(|b| DefaultNla::new(number::IFLA_STATS64, b.concat()));
    prop_oneof![
        6 => numbers,
        2 => hardware_address().prop_map(LinkAttribute::Address),
        1 => hardware_address().prop_map(LinkAttribute::PermAddress),
        1 => hardware_address().prop_map(LinkAttribute::Broadcast),
        2 => (0..9_u8).prop_map(|state| LinkAttribute::OperState(state.into())),
        1 => any::<i32>().prop_map(LinkAttribute::LinkNetNsId),
        4 => link_info().prop_map(LinkAttribute::LinkInfo),
        1 => vec(any::<u8>(), 200).prop_map(|b| LinkAttribute::Stats64(Stats64::parse(&b).unwrap())),
        1 => stats.prop_map(LinkAttribute::Other),
        1 => "[a-z]{0,9}".prop_map(LinkAttribute::IfAlias),
        1 => "[a-z_]{1,9}".prop_map(LinkAttribute::Qdisc),
        3 => noise(70).prop_map(LinkAttribute::Other),
    ]
}

fn link_message() -> impl Strategy<Value = LinkMessage> {
    let one_of_twenty = || prop::bool::weighted(0.05);
    let attributes = (vec(link_attribute(), 0..20), "[a-zà-þ0-9.@]{1,7}", one_of_twenty(), one_of_twenty());
    let attributes = attributes.prop_map(|(mut all, name, nameless, radio)| {
        if !nameless {
            all.push(LinkAttribute::IfName(name));
        }
        if radio {
            all.push(LinkAttribute::Wireless(WirelessEvent::Other(vec![1; 12])));
        }
        all
    });
    let families = select(vec![0_u8, 0, 0, 0, 7, 10]);
    let hardware = select(vec![1_u16, 1, 772, 512, 65_534]);
    (families, hardware, number(), any::<u32>(), shuffled(attributes)).prop_map(
        |(family, hardware, index, flags, attributes)| {
            let mut message = LinkMessage::default();
            message.header.interface_family = family.into();
            message.header.link_layer_type = LinkLayerType::from(hardware);
            message.header.index = index;
            message.header.flags = LinkFlags::from_bits_retain(flags);
            message.attributes = attributes;
            message
        },
    )
}

fn address_attribute(family: AddressFamily) -> impl Strategy<Value = AddressAttribute> {
    let cache = (number(), number()).prop_map(|(preferred, valid)| {
        let mut info = CacheInfo::default();
        (info.ifa_preferred, info.ifa_valid, info.cstamp, info.tstamp) = (preferred, valid, 7, 8);
        AddressAttribute::CacheInfo(info)
    });
    prop_oneof![
        3 => ip(family).prop_map(AddressAttribute::Address),
        2 => ip(family).prop_map(AddressAttribute::Local),
        1 => any::<u32>().prop_map(|bits| AddressAttribute::Flags(AddressFlags::from_bits_retain(bits))),
        2 => cache,
        2 => (0..6_u8).prop_map(|protocol| AddressAttribute::Protocol(protocol.into())),
        1 => "[a-z0-9:]{1,15}".prop_map(AddressAttribute::Label),
        1 => number().prop_map(AddressAttribute::RoutePriority),
        1 => any::<u32>().prop_map(|ip| AddressAttribute::Broadcast(ip.into())),
        2 => noise(12).prop_map(AddressAttribute::Other),
    ]
}

fn address_message() -> impl Strategy<Value = AddressMessage> {
    families().prop_flat_map(|family| {
        let prefix = prop_oneof![Just(64), 0..=128_u8];
        let scope = select(vec![0_u8, 0, 200, 253, 254]);
        (prefix, any::<u8>(), scope, number(), vec(address_attribute(family), 0..9)).prop_map(
            move |(prefix, flags, scope, index, attributes)| {
                let mut message = AddressMessage::default();
                message.header.family = family;
                message.header.prefix_len = prefix;
                message.header.flags = AddressHeaderFlags::from_bits_retain(flags);
                message.header.scope = scope.into();
                message.header.index = index;
                message.attributes = attributes;
                message
            },
        )
    })
}

fn next_hop(family: AddressFamily) -> impl Strategy<Value = RouteNextHop> {
    let attribute = prop_oneof![
        2 => ip(family).prop_map(|ip| RouteAttribute::Gateway(ip.into())),
        1 => noise(32).prop_map(RouteAttribute::Other),
    ];
    (number(), any::<u8>(), vec(attribute, 0..3)).prop_map(|(index, hops, attributes)| {
        let mut hop = RouteNextHop::default();
        (hop.interface_index, hop.hops, hop.attributes) = (index, hops, attributes);
        hop
    })
}

fn route_attribute(family: AddressFamily) -> impl Strategy<Value = RouteAttribute> {
    let cache = prop_oneof![Just(0_u32), 1..400_000_u32, any::<u32>()].prop_map(|expires| {
        let mut bytes = [7; 32];
        bytes[8..12].copy_from_slice(&expires.to_ne_bytes());
        RouteAttribute::CacheInfo(RouteCacheInfo::parse(&bytes).unwrap())
    });
    prop_oneof![
        3 => ip(family).prop_map(|ip| RouteAttribute::Destination(ip.into())),
        3 => ip(family).prop_map(|ip| RouteAttribute::Gateway(ip.into())),
        1 => ip(family).prop_map(|ip| RouteAttribute::Source(ip.into())),
        1 => ip(family).prop_map(|ip| RouteAttribute::PrefSource(ip.into())),
        2 => number().prop_map(RouteAttribute::Oif),
        2 => number().prop_map(RouteAttribute::Priority),
        1 => prop_oneof![3 => Just(254), 1 => number()].prop_map(RouteAttribute::Table),
        2 => cache,
        2 => vec(next_hop(family), 0..4).prop_map(RouteAttribute::MultiPath),
        1 => number().prop_map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])),
        1 => any::<u8>().prop_map(|p| RouteAttribute::Preference(p.into())),
        2 => noise(32).prop_map(RouteAttribute::Other),
    ]
}

fn route_message() -> impl Strategy<Value = RouteMessage> {
    families().prop_flat_map(|family| {
        let table = prop_oneof![4 => Just(RouteHeader::RT_TABLE_MAIN), 1 => any::<u8>()];
        let kind = prop_oneof![4 => Just(1), 1 => 0..12_u8];
        let strange = prop::bool::weighted(0.05);
        let cloned = prop::bool::weighted(0.1);
        let attributes = vec(route_attribute(family), 0..9);
        let prefixes = (0..=128_u8, 0..=128_u8);
        (prefixes, table, any::<u8>(), kind, strange, cloned, attributes).prop_map(
            move |((prefix, source_prefix), table, protocol, kind, strange, cloned, attributes)| {
                let mut message = RouteMessage::default();
                message.header.source_prefix_length = source_prefix;
                message.header.flags.set(RouteFlags::Cloned, cloned);
                // Multicast routing has a family of its own.
                message.header.address_family = if strange { AddressFamily::from(128) } else { family };
                message.header.destination_prefix_length = prefix;
                message.header.table = table;
                message.header.protocol = RouteProtocol::from(protocol);
                message.header.kind = RouteType::from(kind);
                message.attributes = attributes;
                message
            },
        )
    })
}

fn neighbour_attribute(family: AddressFamily) -> impl Strategy<Value = NeighbourAttribute> {
    prop_oneof![
        3 => ip(family).prop_map(|ip| NeighbourAttribute::Destination(NeighbourAddress::from(ip))),
        3 => hardware_address().prop_map(NeighbourAttribute::LinkLayerAddress),
        1 => Just(NeighbourAttribute::CacheInfo(NeighbourCacheInfo::parse(&[7; 16]).unwrap())),
        1 => number().prop_map(NeighbourAttribute::Probes),
        1 => any::<u16>().prop_map(NeighbourAttribute::Vlan),
        2 => noise(16).prop_map(NeighbourAttribute::Other),
    ]
}

fn neighbour_message() -> impl Strategy<Value = NeighbourMessage> {
    families().prop_flat_map(|family| {
        let state = prop_oneof![4 => (0..9_u32).prop_map(|bit| (1_u16 << bit) / 2), 1 => any::<u16>()];
        let learnt = prop::bool::weighted(0.1);
        (number(), state, learnt, vec(neighbour_attribute(family), 0..6)).prop_map(
            move |(index, state, learnt, attributes)| {
                let mut message = NeighbourMessage::default();
                // What a bridge has learnt has a family of its own.
                message.header.family = if learnt { AddressFamily::Bridge } else { family };
                message.header.ifindex = index;
                message.header.state = NeighbourState::from(state);
                message.attributes = attributes;
                message
            },
        )
    })
}

fn message() -> impl Strategy<Value = RouteNetlinkMessage> {
    prop_oneof![
        3 => link_message().prop_map(RouteNetlinkMessage::NewLink),
        1 => link_message().prop_map(RouteNetlinkMessage::DelLink),
        1 => link_message().prop_map(RouteNetlinkMessage::SetLink),
        2 => address_message().prop_map(RouteNetlinkMessage::NewAddress),
        1 => address_message().prop_map(RouteNetlinkMessage::DelAddress),
        3 => route_message().prop_map(RouteNetlinkMessage::NewRoute),
        1 => route_message().prop_map(RouteNetlinkMessage::DelRoute),
        2 => neighbour_message().prop_map(RouteNetlinkMessage::NewNeighbour),
        1 => neighbour_message().prop_map(RouteNetlinkMessage::DelNeighbour),
    ]
}

fn bytes(message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    (header.flags, header.sequence_number) = (flags, 7);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The message in these bytes, as the library reads it.
fn decoded(bytes: &[u8]) -> (NetlinkHeader, RouteNetlinkMessage) {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).unwrap();
    match message.payload {
        NetlinkPayload::InnerMessage(inner) => (message.header, inner),
        other => panic!("{other:?}"),
    }
}

fn counters_in(bytes: &[u8]) -> Option<(u32, Counters)> {
    messages(bytes).next().unwrap().unwrap().counters()
}

#[test]
fn what_a_kernel_told_says_the_same_in_both_readings() {
    let now = Instant::now();
    for (name, bytes) in all_recorded() {
        let (header, inner) = decoded(&bytes);
        let theirs = library::updates(&inner, header.flags & NLM_F_REPLACE != 0, now);
        assert!(!theirs.is_empty(), "{name}");
        assert_eq!(read_at(&bytes, now).unwrap(), theirs, "{name}");
        assert_eq!(counters_in(&bytes), library::counters(&inner), "{name}");
    }
}

fn route_id() -> impl Strategy<Value = RouteId> {
    let kinds = [RouteKind::Normal, RouteKind::Blackhole, RouteKind::Unreachable, RouteKind::Prohibit];
    families().prop_flat_map(move |family| {
        let gateway = proptest::option::of(ip(family));
        let (link, kind) = (proptest::option::of(number()), select(kinds.to_vec()));
        let source = proptest::option::of((ip(family), 0..=128_u8));
        (ip(family), 0..=128_u8, source, gateway, link, number(), kind, any::<u8>()).prop_map(
            |(destination, prefix, source, gateway, link, metric, kind, protocol)| RouteId {
                destination,
                prefix,
                source,
                gateway,
                link,
                metric,
                kind,
                protocol,
            },
        )
    })
}

fn order() -> impl Strategy<Value = Order> {
    let address = || (number(), families().prop_flat_map(ip), 0..=128_u8);
    prop_oneof![
        (number(), any::<bool>()).prop_map(|(index, up)| Order::Up(index, up)),
        (number(), number()).prop_map(|(index, mtu)| Order::Mtu(index, mtu)),
        address().prop_map(|(index, ip, prefix)| Order::AddAddress(index, ip, prefix)),
        address().prop_map(|(index, ip, prefix)| Order::DeleteAddress(index, ip, prefix)),
        route_id().prop_map(Order::AddRoute),
        route_id().prop_map(Order::DeleteRoute),
    ]
}

/// The message that an order is, made of the library's types, and its flags.
fn meant(order: &Order) -> (RouteNetlinkMessage, u16) {
    match order {
        Order::Up(index, up) => {
            let mut message = LinkMessage::default();
            message.header.index = *index;
            message.header.change_mask = LinkFlags::Up;
            message.header.flags = if *up { LinkFlags::Up } else { LinkFlags::empty() };
            (RouteNetlinkMessage::SetLink(message), 0)
        }
        Order::Mtu(index, mtu) => {
            let mut message = LinkMessage::default();
            message.header.index = *index;
            message.attributes.push(LinkAttribute::Mtu(*mtu));
            (RouteNetlinkMessage::SetLink(message), 0)
        }
        Order::AddAddress(index, ip, prefix) => {
            (RouteNetlinkMessage::NewAddress(address(*index, *ip, *prefix)), NLM_F_CREATE | NLM_F_REPLACE)
        }
        Order::DeleteAddress(index, ip, prefix) => {
            (RouteNetlinkMessage::DelAddress(address(*index, *ip, *prefix)), 0)
        }
        Order::AddRoute(id) => (RouteNetlinkMessage::NewRoute(route(id)), NLM_F_CREATE),
        Order::DeleteRoute(id) => (RouteNetlinkMessage::DelRoute(route(id)), 0),
    }
}

fn family(ip: IpAddr) -> AddressFamily {
    match ip {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn address(index: u32, ip: IpAddr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(ip);
    message.header.index = index;
    message.header.prefix_len = prefix;
    message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip)];
    if let (IpAddr::V4(ip), 1..=30) = (ip, prefix) {
        let all = u32::from(ip) | !u32::from(mask(prefix));
        message.attributes.push(AddressAttribute::Broadcast(all.into()));
    }
    message
}

fn route(id: &RouteId) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family(id.destination);
    header.destination_prefix_length = id.prefix;
    header.table = RouteHeader::RT_TABLE_MAIN;
    header.protocol = RouteProtocol::from(id.protocol);
    header.kind = match id.kind {
        RouteKind::Normal => RouteType::Unicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
    };
    header.scope = match (id.kind, id.gateway, id.destination) {
        (RouteKind::Normal, None, IpAddr::V4(_)) => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    if id.prefix > 0 {
        message.attributes.push(RouteAttribute::Destination(id.destination.into()));
    }
    if let Some((source, prefix)) = id.source {
        message.header.source_prefix_length = prefix;
        message.attributes.push(RouteAttribute::Source(source.into()));
    }
    message.attributes.extend(id.gateway.map(|ip| RouteAttribute::Gateway(RouteAddress::from(ip))));
    message.attributes.extend(id.link.filter(|_| id.kind == RouteKind::Normal).map(RouteAttribute::Oif));
    if id.metric > 0 {
        message.attributes.push(RouteAttribute::Priority(id.metric));
    }
    message
}

#[test]
fn the_questions_are_those_of_the_library() {
    let questions = [
        (number::RTM_GETLINK, 16, RouteNetlinkMessage::GetLink(LinkMessage::default())),
        (number::RTM_GETADDR, 8, RouteNetlinkMessage::GetAddress(AddressMessage::default())),
        (number::RTM_GETROUTE, 12, RouteNetlinkMessage::GetRoute(RouteMessage::default())),
        (number::RTM_GETNEIGH, 12, RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default())),
    ];
    for (kind, header, theirs) in questions {
        let ours = Request::new(kind, number::NLM_F_DUMP, &vec![0; header]).written(7);
        assert_eq!(ours, bytes(theirs, NLM_F_REQUEST | NLM_F_DUMP));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn both_readings_agree(all in vec((message(), any::<bool>()), 1..4)) {
        let now = Instant::now();
        let (mut datagram, mut theirs) = (Vec::new(), Vec::new());
        for (message, replaces) in all {
            let flags = if replaces { NLM_F_REPLACE } else { NLM_F_CREATE };
            let bytes = bytes(message, flags);
            // Out of the bytes again: what the library does not know when it writes it may know when it reads it.
            let (_, inner) = decoded(&bytes);
            prop_assert_eq!(counters_in(&bytes), library::counters(&inner));
            theirs.extend(library::updates(&inner, replaces, now));
            datagram.extend(bytes);
        }
        prop_assert_eq!(read_at(&datagram, now).unwrap(), theirs);
    }

    #[test]
    fn what_is_written_is_what_is_meant(order in order(), sequence in any::<u32>()) {
        let (request, _) = order::written(&order);
        let bytes = request.written(sequence);
        let (header, message) = decoded(&bytes);
        let (expected, flags) = meant(&order);
        prop_assert_eq!(message, expected);
        prop_assert_eq!(header.flags, NLM_F_REQUEST | NLM_F_ACK | flags);
        prop_assert_eq!((header.sequence_number, header.port_number), (sequence, 0));
        prop_assert_eq!(header.length as usize, bytes.len());
    }
}
