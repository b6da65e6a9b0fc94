//! `Device.DHCPv4.Client.`: a row for each device that has a lease.

use std::net::Ipv4Addr;

use super::{ip_interface, key, Facts};
use crate::table::{RowId, Table};
use crate::value::Value;
use crate::view::{Row, View};

/// Characters of a list, at most.
const LIST: usize = 256;

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    for link in facts.state.links.values() {
        let (Some(interface), Some(lease)) = (ip_interface(link), facts.lease_of(link)) else { continue };
        let mut row = Row::default();
        row.values
            .flag("Enable", true)
            .row("Interface", Some(interface))
            .text("Status", "Enabled")
            .set("DHCPStatus", Value::Bound(lease.ends))
            .written("IPAddress", Some(lease.ip))
            .written("SubnetMask", lease.mask)
            .text("IPRouters", list(&lease.routers))
            .text("DNSServers", list(&lease.servers))
            .set("LeaseTimeRemaining", Value::Left(Some(lease.ends)))
            .written("DHCPServer", lease.from);
        view.put(RowId::top(Table::DhcpClient, key(link)), row);
    }
}

/// As many addresses as a list may have characters.
fn list(addresses: &[Ipv4Addr]) -> String {
    let mut text = String::new();
    for ip in addresses {
        let next = ip.to_string();
        if text.len() + 1 + next.len() > LIST {
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&next);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_as_many_addresses_as_it_may_have_characters() {
        let many = vec![Ipv4Addr::new(192, 168, 100, 200); 100];
        let text = list(&many);
        assert!(text.len() <= LIST && text.len() + 16 > LIST, "{}", text.len());
        assert!(text.split(',').all(|ip| ip == "192.168.100.200"));
    }
}
