//! `Device.Hosts.`: who is on the links, by the kernel's neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{port, Facts};
use crate::facts::{Link, Mac, Neighbour};
use crate::table::{Key, RowId, Table};
use crate::value::Value;
use crate::view::{Row, View};

/// Characters of a host's name, at most.
const NAME: usize = 64;

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    let mut hosts: BTreeMap<Mac, Vec<&Neighbour>> = BTreeMap::new();
    // Put in one by one, here and below: making a set at once brings the code of a sort along.
    let mut own = BTreeSet::new();
    own.extend(facts.state.links.values().filter_map(|link| link.mac));
    for neighbour in facts.state.neighbours.values() {
        let Some(mac) = neighbour.mac.filter(|mac| !mac.is_multicast() && !own.contains(mac)) else {
            continue;
        };
        let on_ethernet = facts.state.links.get(&neighbour.link).is_some_and(|link| link.ethernet);
        if on_ethernet {
            hosts.entry(mac).or_default().push(neighbour);
        }
    }
    for (mac, at) in hosts {
        let Some((active, since)) = facts.state.host(mac) else { continue };
        // What answers comes first, and IPv4 before IPv6.
        let first = at.iter().min_by_key(|n| (!n.reachable, n.ip));
        let link = first.and_then(|n| facts.state.links.get(&n.link));
        let mut addresses = BTreeSet::new();
        addresses.extend(at.iter().map(|n| n.ip));
        let name: String = facts.names.get(&mac).map_or("", String::as_str).chars().take(NAME).collect();
        let id = RowId::top(Table::Host, mac.to_string());
        let mut row = Row::default();
        row.values
            .written("PhysAddress", Some(mac))
            .written("IPAddress", first.map(|n| n.ip))
            .text("HostName", name)
            .flag("Active", active)
            .set("ActiveLastChange", Value::Moment(since))
            // No table of this device has them: of a server's clients, or of what is associated with a radio.
            .set("DHCPClient", Value::Rows(Vec::new()))
            .row("AssociatedDevice", None)
            .text("InterfaceType", link.map_or("Other", interface_type))
            .row("Layer1Interface", link.and_then(port))
            .row("Layer3Interface", link.and_then(super::ip_interface));
        view.put(id.clone(), row);
        for ip in addresses {
            let table = if ip.is_ipv4() { Table::HostIpv4Address } else { Table::HostIpv6Address };
            let mut row = Row::default();
            row.values.written("IPAddress", Some(ip));
            let mut number = number_of(ip);
            // Two addresses of one host with one number are as good as impossible; the second has the next.
            while view.rows.contains_key(&RowId::within(&id, table, Key::Number(number))) {
                number = number.wrapping_add(1).max(1);
            }
            view.put(RowId::within(&id, table, Key::Number(number)), row);
        }
    }
}

/// The number of the row of an address, out of the address itself: hosts change their addresses every day, and the agent
/// remembers numbers that it gives for ever.
fn number_of(ip: IpAddr) -> u32 {
    let number = match ip {
        IpAddr::V4(ip) => u32::from(ip),
        // FNV-1a: it protects nothing.
        IpAddr::V6(ip) => ip
            .octets()
            .iter()
            .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)),
    };
    number.max(1)
}

fn interface_type(link: &Link) -> &'static str {
    match port(link) {
        Some(_) => "Ethernet",
        None if link.wireless => "Wi-Fi",
        None => "Other",
    }
}
