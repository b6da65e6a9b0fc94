//! `Device.IP.`: interfaces, their addresses and prefixes.

use std::net::IpAddr;

use super::{ethernet_link, ip_interface, key, layer, vlan, Facts};
use crate::enforce::ipv6_switch;
use crate::facts::{mask, Address, AddressSource, AddressState, Kind, Lifetime, Link, RouteKind};
use crate::state::State;
use crate::table::{Key, RowId, Table};
use crate::value::Value;
use crate::view::{Row, View};
use crate::wish::AddressWish;

/// `RTPROT_KERNEL`, `RTPROT_RA`.
const KERNEL: u8 = 2;
const ADVERTISED: u8 = 9;

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    view.single
        .flag("IP.IPv4Capable", true)
        .flag("IP.IPv4Enable", true)
        .text("IP.IPv4Status", "Enabled")
        .flag("IP.IPv6Capable", facts.ipv6)
        .set("IP.IPv6Enable", ipv6(facts, "all"))
        .set("IP.IPv6Status", Value::Enabled(ipv6_switch("all")));
    let router = RowId { table: Table::Router, above: None, key: Key::Number(1) };
    for link in facts.state.links.values() {
        let Some(id) = ip_interface(link) else { continue };
        let wish = facts.wishes.links.get(&key(link));
        let (kind, lower) = if link.loopback {
            ("Loopback", None)
        } else if link.kind == Kind::Tunnel || link.point_to_point {
            ("Tunnel", None)
        } else {
            ("Normal", vlan(link).or_else(|| ethernet_link(link)))
        };
        let mut row = layer(facts, link, wish.and_then(|w| w.ip_up).unwrap_or(link.up), lower);
        row.values
            .flag("IPv4Enable", true)
            .set("IPv6Enable", ipv6(facts, &link.name))
            .text("Type", kind)
            .flag("Loopback", link.loopback)
            // The loopback device goes beyond what the standard has numbers for.
            .number("MaxMTUSize", link.mtu.clamp(64, 65_535))
            .row("Router", Some(router.clone()));
        view.put(id.clone(), row);
        addresses(facts, link, &id, view);
        prefixes(facts.state, link, &id, view);
    }
}

fn ipv6(facts: &Facts<'_>, device: &str) -> Value {
    if facts.ipv6 {
        Value::Off(ipv6_switch(device))
    } else {
        Value::Flag(false)
    }
}

fn addresses(facts: &Facts<'_>, link: &Link, interface: &RowId, view: &mut View) {
    let ours = |wish: &&AddressWish| Key::Text(wish.interface.clone()) == interface.key;
    let ours: Vec<&AddressWish> = facts.wishes.addresses.iter().filter(ours).collect();
    for wish in &ours {
        let at = wish.address();
        let found = at.and_then(|(ip, prefix)| facts.state.addresses.get(&(link.index, ip, prefix)));
        let mut row =
            if wish.table == Table::Ipv4Address { v4(facts, link, found) } else { v6(facts.state, found) };
        row.values
            .flag("Enable", wish.enable)
            .text("Status", wished(wish.enable, at.is_some(), found.is_some()))
            .text("IPAddress", wish.ip.clone());
        if wish.table == Table::Ipv4Address {
            row.values.text("SubnetMask", wish.mask.clone()).text("AddressingType", "Static");
        } else {
            row.values
                .text("Origin", "Static")
                .set("PreferredLifetime", Value::Ends(Some(Lifetime::Forever)))
                .set("ValidLifetime", Value::Ends(Some(Lifetime::Forever)));
        }
        row.deletable = true;
        view.put(RowId::within(interface, wish.table, Key::Number(wish.number)), row);
    }
    for address in facts.state.addresses_of(link.index) {
        let is_ours =
            |wish: &&AddressWish| wish.enable && wish.address() == Some((address.ip, address.prefix));
        if ours.iter().any(is_ours) {
            continue;
        }
        let (table, key, mut row) = match address.ip {
            IpAddr::V4(ip) => {
                let mut row = v4(facts, link, Some(address));
                row.values.written("SubnetMask", Some(mask(address.prefix)));
                (Table::Ipv4Address, format!("{ip}/{}", address.prefix), row)
            }
            IpAddr::V6(ip) => (Table::Ipv6Address, ip.to_string(), v6(facts.state, Some(address))),
        };
        row.values.flag("Enable", true).text("Status", "Enabled").written("IPAddress", Some(address.ip));
        row.read_only = true;
        view.put(RowId::within(interface, table, Key::Text(key)), row);
    }
}

/// The state of something that an ACS made.
pub(super) fn wished(enable: bool, makes_sense: bool, is_there: bool) -> &'static str {
    match (enable, makes_sense, is_there) {
        (false, ..) => "Disabled",
        (true, false, _) => "Error_Misconfigured",
        (true, true, false) => "Error",
        (true, true, true) => "Enabled",
    }
}

fn v4(facts: &Facts<'_>, link: &Link, address: Option<&Address>) -> Row {
    let leased = facts.lease_of(link).map(|lease| IpAddr::V4(lease.ip));
    let kind = match address.map(|a| a.ip) {
        Some(ip) if Some(ip) == leased => "DHCP",
        Some(IpAddr::V4(ip)) if ip.is_link_local() => "AutoIP",
        _ => "Static",
    };
    let mut row = Row::default();
    row.values.text("AddressingType", kind);
    row
}

fn v6(state: &State, address: Option<&Address>) -> Row {
    let status = match address.map(|a| a.state) {
        None => "Invalid",
        Some(AddressState::Preferred) => "Preferred",
        Some(AddressState::Deprecated) => "Deprecated",
        Some(AddressState::Tentative) => "Tentative",
        Some(AddressState::Duplicate) => "Duplicate",
        Some(AddressState::Optimistic) => "Optimistic",
    };
    let origin = match address.map(|a| (a.source, a.permanent)) {
        Some((AddressSource::Loopback, _)) => "WellKnown",
        Some((AddressSource::Router | AddressSource::LinkLocal, _)) => "AutoConfigured",
        // A program that gives an address an end got it from a server.
        Some((AddressSource::Program, false)) => "DHCPv6",
        Some((AddressSource::Program, true)) | None => "Static",
    };
    let prefix = address.and_then(|a| {
        let interface = RowId::top(Table::IpInterface, key(state.links.get(&a.link)?));
        let covers = |(text, prefix): &(String, u8)| {
            let ip = crate::facts::network(a.ip, *prefix);
            *text == format!("{ip}/{prefix}")
        };
        let found = prefixes_of(state, a.link).map(|(text, prefix, ..)| (text, prefix)).find(covers)?;
        Some(RowId::within(&interface, Table::Ipv6Prefix, Key::Text(found.0)))
    });
    let mut row = Row::default();
    row.values
        .text("IPAddressStatus", status)
        .text("Origin", origin)
        .row("Prefix", prefix)
        .set("PreferredLifetime", Value::Ends(address.map(|a| a.preferred)))
        .set("ValidLifetime", Value::Ends(address.map(|a| a.valid)));
    row
}

/// What is on the link, as the routes say: the prefix, its length, where it comes from, when it ends.
fn prefixes_of(
    state: &State,
    index: u32,
) -> impl Iterator<Item = (String, u8, &'static str, Option<Lifetime>)> + '_ {
    state.routes.iter().filter_map(move |(id, expires)| {
        let on_link = id.link == Some(index) && id.gateway.is_none() && id.kind == RouteKind::Normal;
        let IpAddr::V6(ip) = id.destination else { return None };
        if !on_link || !(1..=127).contains(&id.prefix) || !matches!(id.protocol, KERNEL | ADVERTISED) {
            return None;
        }
        let origin = match () {
            () if ip.segments()[0] & 0xffc0 == 0xfe80 => "WellKnown",
            () if id.protocol == ADVERTISED || expires.is_some() => "RouterAdvertisement",
            () => "Static",
        };
        Some((format!("{ip}/{}", id.prefix), id.prefix, origin, *expires))
    })
}

fn prefixes(state: &State, link: &Link, interface: &RowId, view: &mut View) {
    for (prefix, _, origin, expires) in prefixes_of(state, link.index) {
        let ends = Some(expires.unwrap_or(Lifetime::Forever));
        let mut row = Row::default();
        row.values
            .flag("Enable", true)
            .text("Status", "Enabled")
            .text("PrefixStatus", "Preferred")
            .text("Prefix", prefix.clone())
            .text("Origin", origin)
            .flag("OnLink", true)
            .set("ValidLifetime", Value::Ends(ends));
        row.read_only = true;
        view.put(RowId::within(interface, Table::Ipv6Prefix, Key::Text(prefix)), row);
    }
}
