//! From facts and wishes to the tree.

mod dhcp;
mod dns;
mod ethernet;
mod hosts;
mod interface;
mod routing;

pub(crate) use routing::order;

use std::collections::{BTreeMap, BTreeSet};

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
    fn upstream(&self) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let ways = self.state.routes.keys().filter(|id| id.is_default()).filter_map(|id| id.link);
        for mut index in ways {
            // A device that is found already ends the way down, so a circle would, too.
            while found.insert(index) {
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
    let mut row = Row::new([
        ("Enable", Value::Flag(enable)),
        ("Status", Value::text(crate::state::status(link))),
        ("Name", Value::text(&link.name)),
        ("LastChange", Value::Since(facts.state.since(link.index))),
        ("LowerLayers", Value::row(lower)),
    ]);
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
            let values = [
                ("HigherLayer", Value::row(Some(higher.clone()))),
                ("LowerLayer", Value::row(Some(lower.clone()))),
            ];
            rows.push((RowId::top(Table::InterfaceStack, key), Row::new(values)));
        }
    }
    view.rows.extend(rows);
}
