//! `Device.Ethernet.`: ports, links and VLANs.

use super::{ethernet_link, key, layer, port, vlan, Facts};
use crate::facts::{Kind, Link};
use crate::table::RowId;
use crate::value::Value;
use crate::view::View;

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    let upstream = facts.upstream();
    for link in facts.state.links.values() {
        if let Some(id) = port(link) {
            let wish = facts.wishes.links.get(&key(link));
            let mut row = layer(facts, link, wish.and_then(|w| w.port_up).unwrap_or(link.up), None);
            let mac = link.permanent_mac.or(link.mac);
            row.values
                .written("MACAddress", mac)
                .flag("Upstream", upstream.contains(&link.index))
                .set("CurrentBitRate", Value::Number(format!("sys/class/net/{}/speed", link.name)))
                .set("CurrentDuplexMode", Value::Duplex(format!("sys/class/net/{}/duplex", link.name)));
            view.put(id, row);
        }
        if let Some(id) = ethernet_link(link) {
            let lower = match link.kind {
                // A second address on the same port.
                Kind::MacVlan => below(facts, link).and_then(port),
                _ => port(link),
            };
            let mut row = layer(facts, link, link.up, lower);
            row.values.written("MACAddress", link.mac).number("MTU", link.mtu).flag("NoARP", link.no_arp);
            view.put(id, row);
        }
        if let (Some(row), Kind::Vlan { id, protocol }) = (vlan(link), link.kind) {
            let mut values = layer(facts, link, link.up, below(facts, link).and_then(carrier));
            values.values.number("VLANID", u32::from(id)).number("TPID", u32::from(protocol));
            view.put(row, values);
        }
    }
}

fn below<'a>(facts: &'a Facts<'_>, link: &Link) -> Option<&'a Link> {
    facts.state.links.get(&link.lower?)
}

/// What carries the frames of a VLAN: a link, or another VLAN.
fn carrier(link: &Link) -> Option<RowId> {
    vlan(link).or_else(|| ethernet_link(link))
}
