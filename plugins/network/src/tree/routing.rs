//! `Device.Routing.`: the main table of the kernel as the one router.

use std::net::IpAddr;

use super::interface::wished;
use super::{key, Facts};
use crate::facts::{mask, Lifetime, RouteId, RouteKind};
use crate::table::{Key, RowId, Table};
use crate::value::Value;
use crate::view::{Row, View};
use crate::wish::{Reference, RouteWish};

/// `RTPROT_*`.
const REDIRECT: u8 = 1;
const KERNEL: u8 = 2;
const ADVERTISED: u8 = 9;
const DHCP: u8 = 16;
const OSPF: u8 = 188;
const RIP: u8 = 189;
/// The metric of a route of IPv6 for which none was given.
const USUAL_METRIC: u32 = 1_024;

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    let router = RowId { table: Table::Router, above: None, key: Key::Number(1) };
    let mut row = Row::default();
    row.values.flag("Enable", true).text("Status", "Enabled");
    view.put(router.clone(), row);
    let mut ours = Vec::new();
    for wish in &facts.wishes.routes {
        let order = order(facts, wish);
        let found = order.as_ref().and_then(|order| facts.state.routes.keys().find(|id| is_same(id, order)));
        ours.extend(found.filter(|_| wish.enable).cloned());
        let status = wished(wish.enable, order.is_some(), found.is_some());
        let mut row = values(facts, wish.table, wish.kind, found);
        row.values
            .flag("Enable", wish.enable)
            .text("Status", status)
            .row("Interface", facts.referred(&wish.interface))
            .set("ForwardingMetric", Value::Int(wish.metric));
        if wish.table == Table::Ipv4Forwarding {
            row.values
                .flag("StaticRoute", true)
                .text("DestIPAddress", wish.destination.clone())
                .text("DestSubnetMask", wish.mask.clone())
                .text("GatewayIPAddress", wish.gateway.clone());
        } else {
            row.values.text("DestIPPrefix", wish.destination.clone()).text("NextHop", wish.gateway.clone());
        }
        row.values.text("Origin", "Static");
        row.deletable = true;
        view.put(RowId::within(&router, wish.table, Key::Number(wish.number)), row);
    }
    for id in facts.state.routes.keys() {
        // The ways to what is on the link come with its addresses.
        if matches!(id.protocol, REDIRECT | KERNEL) || ours.contains(id) {
            continue;
        }
        let table = if id.destination.is_ipv4() { Table::Ipv4Forwarding } else { Table::Ipv6Forwarding };
        let device = id.link.and_then(|index| facts.state.links.get(&index)).map(key);
        let gateway = id.gateway.map(|ip| ip.to_string()).unwrap_or_default();
        let source = id.source.map(|(ip, prefix)| format!("from {ip}/{prefix} ")).unwrap_or_default();
        let name = format!(
            "{}/{} {source}via {gateway} dev {} metric {} {}",
            id.destination,
            id.prefix,
            device.unwrap_or_default(),
            id.metric,
            name_of(id.kind)
        );
        let mut row = values(facts, table, id.kind, Some(id));
        row.values
            .flag("Enable", true)
            .text("Status", "Enabled")
            .row("Interface", id.link.and_then(|index| facts.ip_interface_of(index)))
            .set("ForwardingMetric", Value::Int(i32::try_from(id.metric).unwrap_or(i32::MAX)));
        let somewhere = Some(id.prefix).filter(|prefix| *prefix > 0);
        if table == Table::Ipv4Forwarding {
            row.values
                .written("DestIPAddress", somewhere.map(|_| id.destination))
                .written("DestSubnetMask", somewhere.map(mask))
                .text("GatewayIPAddress", gateway);
        } else {
            let prefix = somewhere.map(|prefix| format!("{}/{prefix}", id.destination));
            row.values.text("DestIPPrefix", prefix.unwrap_or_default()).text("NextHop", gateway);
        }
        row.read_only = true;
        view.put(RowId::within(&router, table, Key::Text(name)), row);
    }
}

/// The route that a wish is about, if it makes sense and its interface is there.
pub(crate) fn order(facts: &Facts<'_>, wish: &RouteWish) -> Option<RouteId> {
    let (destination, prefix) = wish.destination()?;
    let link = match &wish.interface {
        Reference::Empty => None,
        Reference::Interface(key) => Some(facts.link(key)?.index),
        Reference::Nothing => return None,
    };
    let gateway = wish.gateway().ok()?;
    if wish.kind == RouteKind::Normal && link.is_none() && gateway.is_none() {
        return None;
    }
    let normal = wish.kind == RouteKind::Normal;
    Some(RouteId {
        destination,
        prefix,
        source: None,
        gateway: gateway.filter(|_| normal),
        link: link.filter(|_| normal),
        metric: u32::try_from(wish.metric).unwrap_or(0),
        kind: wish.kind,
        protocol: crate::enforce::STATIC,
    })
}

/// Whether the kernel's route is the one that was ordered: it fills in what the order leaves open.
fn is_same(id: &RouteId, order: &RouteId) -> bool {
    let metric = match (order.metric, order.destination) {
        (0, IpAddr::V6(_)) => USUAL_METRIC,
        (metric, _) => metric,
    };
    (id.destination, id.prefix, id.source, id.gateway, id.kind)
        == (order.destination, order.prefix, order.source, order.gateway, order.kind)
        && id.metric == metric
        && order.link.is_none_or(|link| id.link == Some(link))
}

/// What rows of both kinds say of the route.
fn values(facts: &Facts<'_>, table: Table, kind: RouteKind, id: Option<&RouteId>) -> Row {
    let v4 = table == Table::Ipv4Forwarding;
    let leased = id.is_some_and(|id| is_leased(facts, id));
    let origin = match id.map(|id| id.protocol) {
        Some(DHCP) if v4 => "DHCPv4",
        Some(DHCP) => "DHCPv6",
        Some(ADVERTISED) if !v4 => "RA",
        Some(OSPF) => "OSPF",
        Some(RIP) if v4 => "RIP",
        Some(RIP) => "RIPng",
        // A script of the client sets the route as if by hand.
        _ if leased => "DHCPv4",
        _ => "Static",
    };
    let mut row = Row::default();
    row.values.text("Type", name_of(kind)).text("Origin", origin);
    if v4 {
        row.values.flag("StaticRoute", origin == "Static");
    } else {
        let expires = id.and_then(|id| facts.state.routes.get(id)).copied().flatten();
        let expires = expires.unwrap_or(Lifetime::Forever);
        row.values.set("ExpirationTime", Value::Ends(Some(expires)));
    }
    row
}

/// Whether a lease brought this route.
fn is_leased(facts: &Facts<'_>, id: &RouteId) -> bool {
    let lease = id.link.and_then(|index| facts.state.links.get(&index)).and_then(|link| facts.lease_of(link));
    let Some(IpAddr::V4(gateway)) = id.gateway else { return false };
    lease.is_some_and(|lease| lease.routers.contains(&gateway))
}

/// The standard's name; it is also part of the key of a row, so it stays.
fn name_of(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Normal => "Normal",
        RouteKind::Blackhole => "Blackhole",
        RouteKind::Unreachable => "Unreachable",
        RouteKind::Prohibit => "Prohibit",
    }
}
