//! From facts and wishes to the tree.

mod dhcp;
mod dns;
mod ethernet;
mod hosts;
mod interface;
mod routing;

pub(crate) use routing::order;

use std::collections::BTreeMap;

use crate::facts::{Kind, Link, Mac};
use crate::lease::{Lease, LeaseLink};
use crate::state::State;
use crate::table::{RowId, Table};
use crate::value::Value;
use crate::view::{Row, View};
use crate::wish::{Reference, Wishes};

/// Everything that the tree is made of.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) state: &'a State,
    pub(crate) wishes: &'a Wishes,
    pub(crate) leases: &'a [Lease],
    /// What resolv.conf says; `None` if it cannot be read.
    pub(crate) resolv: Option<&'a str>,
    /// The names of hosts, by their addresses.
    pub(crate) names: &'a BTreeMap<Mac, String>,
    /// Whether the kernel knows IPv6.
    pub(crate) ipv6: bool,
}

/// Makes the tree.
pub(crate) fn tree(facts: &Facts<'_>) -> View {
    let mut view = View::default();
    ethernet::rows(facts, &mut view);
    interface::rows(facts, &mut view);
    routing::rows(facts, &mut view);
    dns::rows(facts, &mut view);
    dhcp::rows(facts, &mut view);
    hosts::rows(facts, &mut view);
    stack(&mut view);
    view
}

impl Facts<'_> {
    /// The device with this key.
    fn link(&self, key: &str) -> Option<&Link> {
        self.state.links.values().find(|link| self::key(link) == key)
    }

    /// The row of the IP interface that a reference is about, if there is one.
    fn referred(&self, reference: &Reference) -> Option<RowId> {
        match reference {
            Reference::Interface(key) => self.link(key).and_then(ip_interface),
            _ => None,
        }
    }

    /// The row of the IP interface on a device.
    fn ip_interface_of(&self, index: u32) -> Option<RowId> {
        ip_interface(self.state.links.get(&index)?)
    }

    /// The lease of a device, if the device has its address.
    fn lease_of(&self, link: &Link) -> Option<&Lease> {
        let its = |lease: &&Lease| match &lease.link {
            LeaseLink::Name(name) => *name == link.name,
            LeaseLink::Index(index) => *index == link.index,
        };
        let has = |lease: &&Lease| self.state.addresses_of(link.index).any(|a| a.ip == lease.ip);
        self.leases.iter().filter(its).find(has)
    }

    /// The devices through which the way to everywhere leads, and those below them.
    fn upstream(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let ways = self.state.routes.keys().filter(|id| id.is_default()).filter_map(|id| id.link);
        for mut index in ways {
            // A device that is found already ends the way down, so a circle would, too.
            while !found.contains(&index) {
                found.push(index);
                match self.state.links.get(&index).and_then(|link| link.lower) {
                    Some(lower) => index = lower,
                    None => break,
                }
            }
        }
        found
    }
}

/// What a device is recognised by: its name, and the address that is burned in, so that two that change names are still
/// told apart. An address that was made up at the start would not be the same after the next.
pub(crate) fn key(link: &Link) -> String {
    match link.permanent_mac {
        Some(mac) => format!("{mac}/{}", link.name),
        None => link.name.clone(),
    }
}

/// The row of a device among the ports.
pub(crate) fn port(link: &Link) -> Option<RowId> {
    let is = link.ethernet
        && !link.wireless
        && matches!(link.kind, Kind::Hardware | Kind::Cable | Kind::SwitchPort);
    is.then(|| RowId::top(Table::EthernetInterface, key(link)))
}

/// The row of a device among the Ethernet links. A port of a bridge has none: the bridge has.
pub(crate) fn ethernet_link(link: &Link) -> Option<RowId> {
    let is = link.ethernet
        && link.controller.is_none()
        && !matches!(link.kind, Kind::Vlan { .. } | Kind::Internal | Kind::Tunnel);
    is.then(|| RowId::top(Table::EthernetLink, key(link)))
}

/// The row of a device among the VLANs.
pub(crate) fn vlan(link: &Link) -> Option<RowId> {
    matches!(link.kind, Kind::Vlan { .. }).then(|| RowId::top(Table::VlanTermination, key(link)))
}

/// The row of a device among the IP interfaces.
pub(crate) fn ip_interface(link: &Link) -> Option<RowId> {
    let is = link.controller.is_none() && link.kind != Kind::Internal;
    is.then(|| RowId::top(Table::IpInterface, key(link)))
}

/// What all layers of a device say of it.
fn layer(facts: &Facts<'_>, link: &Link, enable: bool, lower: Option<RowId>) -> Row {
    let mut row = Row::default();
    row.values
        .flag("Enable", enable)
        .text("Status", crate::state::status(link))
        .text("Name", link.name.clone())
        .set("LastChange", Value::Since(facts.state.since(link.index)))
        .row("LowerLayers", lower);
    row.link = Some(link.index);
    row
}

/// Which row lies on which, out of the rows themselves.
fn stack(view: &mut View) {
    let mut rows = Vec::new();
    for (higher, row) in &view.rows {
        let Some(Value::Rows(lower)) = row.values.get("LowerLayers") else { continue };
        for lower in lower {
            let names = (higher.table.name(), lower.table.name());
            let key = format!("{}{} on {}{}", names.0, higher.key, names.1, lower.key);
            let mut row = Row::default();
            row.values.row("HigherLayer", Some(higher.clone())).row("LowerLayer", Some(lower.clone()));
            rows.push((RowId::top(Table::InterfaceStack, key), row));
        }
    }
    for (id, row) in rows {
        view.put(id, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{
        Address, AddressSource, AddressState, Lifetime, LinkState, Neighbour, Route, RouteId, RouteKind,
        Update,
    };

    fn link(index: u32, name: &str, kind: Kind) -> Link {
        let mac = Mac::from_bytes(&[2, 0, 0, 0, 0, u8::try_from(index).unwrap()]);
        let (state, name) = (LinkState::Up, name.to_owned());
        Link { index, name, kind, ethernet: true, up: true, state, mac, mtu: 1_500, ..Link::default() }
    }

    fn view(updates: Vec<Update>, leases: &[Lease]) -> View {
        let mut state = State::default();
        state.begin(updates);
        let facts = Facts {
            state: &state,
            wishes: &Wishes::default(),
            leases,
            resolv: Some("nameserver 192.0.2.53\n"),
            names: &BTreeMap::new(),
            ipv6: true,
        };
        tree(&facts)
    }

    fn value<'a>(view: &'a View, table: Table, key: &str, name: &str) -> &'a Value {
        view.rows[&RowId::top(table, key)].values.get(name).unwrap()
    }

    fn default_route(index: u32) -> Update {
        let unspecified = std::net::Ipv4Addr::UNSPECIFIED.into();
        let gateway = Some("192.0.2.1".parse().unwrap());
        let kind = RouteKind::Normal;
        let id = RouteId {
            destination: unspecified,
            prefix: 0,
            source: None,
            gateway,
            link: Some(index),
            metric: 0,
            kind,
            protocol: 3,
        };
        Update::Route(Route { id, expires: None })
    }

    #[test]
    fn a_vlan_lies_between_the_link_and_the_interface() {
        let vlan = Link { lower: Some(1), ..link(2, "eth0.20", Kind::Vlan { id: 20, protocol: 0x8100 }) };
        let view = view(
            vec![Update::Link(link(1, "eth0", Kind::Hardware)), Update::Link(vlan), default_route(2)],
            &[],
        );
        let (table, key) = (Table::VlanTermination, "eth0.20");
        assert_eq!(*value(&view, table, key, "VLANID"), Value::Unsigned(20));
        assert_eq!(*value(&view, table, key, "TPID"), Value::Unsigned(33_024));
        let link = RowId::top(Table::EthernetLink, "eth0");
        assert_eq!(*value(&view, table, key, "LowerLayers"), Value::Rows(vec![link]));
        let row = RowId::top(table, key);
        assert_eq!(*value(&view, Table::IpInterface, key, "LowerLayers"), Value::Rows(vec![row]));
        assert!(!view.rows.contains_key(&RowId::top(Table::EthernetLink, key)));
        // The way to everywhere leads over the VLAN, and so through the port.
        assert_eq!(*value(&view, Table::EthernetInterface, "eth0", "Upstream"), Value::Flag(true));
        assert_eq!(view.rows_of(Table::InterfaceStack, None).count(), 4);
    }

    #[test]
    fn what_has_a_radio_is_no_port_and_what_is_inside_the_kernel_is_nothing() {
        let mac = Mac::from_bytes(&[2, 9, 9, 9, 9, 9]);
        let ip = "192.0.2.9".parse().unwrap();
        let view = view(
            vec![
                Update::Link(Link { wireless: true, ..link(1, "wlan0", Kind::Hardware) }),
                Update::Link(link(2, "ifb0", Kind::Internal)),
                Update::Neighbour(Neighbour { link: 1, ip, mac, reachable: true }),
            ],
            &[],
        );
        assert_eq!(view.rows_of(Table::EthernetInterface, None).count(), 0);
        assert_eq!(view.rows_of(Table::EthernetLink, None).count(), 1);
        assert_eq!(view.rows_of(Table::IpInterface, None).count(), 1);
        let host = value(&view, Table::Host, &mac.unwrap().to_string(), "InterfaceType");
        assert_eq!(*host, Value::Text("Wi-Fi".into()));
    }

    #[test]
    fn two_ports_with_one_name_at_different_times_are_two_rows() {
        let burned = |last| Mac::from_bytes(&[0, 1, 2, 3, 4, last]);
        let first = Link { permanent_mac: burned(1), ..link(1, "eth0", Kind::Hardware) };
        let second = Link { permanent_mac: burned(2), ..link(1, "eth0", Kind::Hardware) };
        assert_ne!(key(&first), key(&second));
        assert_eq!(
            key(&link(1, "eth0", Kind::Cable)),
            "eth0",
            "an address that was made up is none to remember"
        );
    }

    #[test]
    fn only_a_lease_whose_address_is_there_explains_anything() {
        let address = Address {
            link: 1,
            ip: "192.0.2.7".parse().unwrap(),
            prefix: 24,
            state: AddressState::Preferred,
            source: AddressSource::Program,
            permanent: true,
            valid: Lifetime::Forever,
            preferred: Lifetime::Forever,
        };
        let lease = |ip: &str| Lease {
            link: LeaseLink::Index(1),
            ip: ip.parse().unwrap(),
            mask: None,
            routers: vec!["192.0.2.1".parse().unwrap()],
            servers: vec!["192.0.2.53".parse().unwrap()],
            from: None,
            ends: Lifetime::Forever,
        };
        let updates = || {
            vec![
                Update::Link(link(1, "eth0", Kind::Hardware)),
                Update::Address(address.clone()),
                default_route(1),
            ]
        };
        let server = RowId::top(Table::DnsServer, "192.0.2.53");
        let with = view(updates(), &[lease("192.0.2.7")]);
        assert_eq!(with.rows_of(Table::DhcpClient, None).count(), 1);
        assert_eq!(with.rows[&server].values.get("Type").unwrap(), &Value::Text("DHCPv4".into()));
        let without = view(updates(), &[lease("192.0.2.8")]);
        assert_eq!(without.rows_of(Table::DhcpClient, None).count(), 0);
        assert_eq!(without.rows[&server].values.get("Type").unwrap(), &Value::Text("Static".into()));
        let origins = |view: &View| {
            let rows = view.rows.iter().filter(|(id, _)| id.table == Table::Ipv4Forwarding);
            rows.map(|(_, row)| row.values.get("Origin").unwrap().clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            (origins(&with), origins(&without)),
            (vec![Value::Text("DHCPv4".into())], vec![Value::Text("Static".into())])
        );
    }
}
