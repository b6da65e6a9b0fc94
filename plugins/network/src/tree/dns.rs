//! `Device.DNS.Client.`: what resolv.conf says.

use std::net::IpAddr;

use super::{ip_interface, Facts};
use crate::facts::Link;
use crate::resolv;
use crate::table::{Key, RowId, Table};
use crate::view::{Row, View};

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    let on = !facts.wishes.mute;
    let status = match facts.resolv {
        _ if !on => "Disabled",
        Some(_) => "Enabled",
        None => "Error",
    };
    view.single
        // What the C library's resolver asks for.
        .text("DNS.SupportedRecordTypes", "A,AAAA,PTR")
        .flag("DNS.Client.Enable", on)
        .text("DNS.Client.Status", status);
    let written = facts.resolv.map(in_force).unwrap_or_default();
    for wish in &facts.wishes.servers {
        let status = match wish.ip {
            _ if !wish.enable || !on => "Disabled",
            Some(ip) if written.contains(&ip) => "Enabled",
            _ => "Error",
        };
        let mut row = Row::default();
        row.values
            .flag("Enable", wish.enable)
            .text("Status", status)
            .written("DNSServer", wish.ip)
            .row("Interface", facts.referred(&wish.interface))
            .text("Type", "Static");
        row.deletable = true;
        view.put(RowId { table: Table::DnsServer, above: None, key: Key::Number(wish.number) }, row);
    }
    for ip in facts.resolv.map(resolv::servers).unwrap_or_default() {
        if facts.wishes.servers.iter().any(|wish| wish.ip == Some(ip)) {
            continue;
        }
        let brought =
            |link: &&Link| facts.lease_of(link).is_some_and(|lease| lease.servers.iter().any(|s| *s == ip));
        let from = facts.state.links.values().find(brought);
        let interface = from.and_then(ip_interface);
        let mut row = Row::default();
        row.values
            .flag("Enable", true)
            .text("Status", if on { "Enabled" } else { "Disabled" })
            .written("DNSServer", Some(ip))
            .row("Interface", interface)
            .text("Type", if from.is_some() { "DHCPv4" } else { "Static" });
        row.read_only = true;
        view.put(RowId::top(Table::DnsServer, ip.to_string()), row);
    }
}

/// All servers that the resolver uses, ours among them.
fn in_force(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
    lines.filter_map(|rest| rest.split_whitespace().next()?.split('%').next()?.parse().ok()).collect()
}
