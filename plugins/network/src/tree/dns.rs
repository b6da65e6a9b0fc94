//! `Device.DNS.Client.`: what resolv.conf says.

use std::net::IpAddr;

use super::{ip_interface, Facts};
use crate::facts::Link;
use crate::resolv;
use crate::table::{Key, RowId, Table};
use crate::value::Value;
use crate::view::{Row, View};

pub(super) fn rows(facts: &Facts<'_>, view: &mut View) {
    let on = !facts.wishes.mute;
    let status = match facts.resolv {
        _ if !on => "Disabled",
        Some(_) => "Enabled",
        None => "Error",
    };
    view.single.set_all(vec![
        // What the C library's resolver asks for.
        ("DNS.SupportedRecordTypes", Value::text("A,AAAA,PTR")),
        ("DNS.Client.Enable", Value::Flag(on)),
        ("DNS.Client.Status", Value::text(status)),
    ]);
    let written = facts.resolv.map(in_force).unwrap_or_default();
    for wish in &facts.wishes.servers {
        let status = match wish.ip {
            _ if !wish.enable || !on => "Disabled",
            Some(ip) if written.contains(&ip) => "Enabled",
            _ => "Error",
        };
        let mut row = Row::new(vec![
            ("Enable", Value::Flag(wish.enable)),
            ("Status", Value::text(status)),
            ("DNSServer", Value::text(wish.ip.map(|ip| ip.to_string()).unwrap_or_default())),
            ("Interface", Value::row(facts.referred(&wish.interface))),
            ("Type", Value::text("Static")),
        ]);
        row.deletable = true;
        view.rows.insert(RowId { table: Table::DnsServer, above: None, key: Key::Number(wish.number) }, row);
    }
    for ip in facts.resolv.map(resolv::servers).unwrap_or_default() {
        if facts.wishes.servers.iter().any(|wish| wish.ip == Some(ip)) {
            continue;
        }
        let brought =
            |link: &&Link| facts.lease_of(link).is_some_and(|lease| lease.servers.iter().any(|s| *s == ip));
        let from = facts.state.links.values().find(brought);
        let interface = from.and_then(ip_interface);
        let mut row = Row::new(vec![
            ("Enable", Value::Flag(true)),
            ("Status", Value::text(if on { "Enabled" } else { "Disabled" })),
            ("DNSServer", Value::text(ip.to_string())),
            ("Interface", Value::row(interface)),
            ("Type", Value::text(if from.is_some() { "DHCPv4" } else { "Static" })),
        ]);
        row.read_only = true;
        view.rows.insert(RowId::top(Table::DnsServer, ip.to_string()), row);
    }
}

/// All servers that the resolver uses, ours among them.
fn in_force(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
    lines.filter_map(|rest| rest.split_whitespace().next()?.split('%').next()?.parse().ok()).collect()
}
