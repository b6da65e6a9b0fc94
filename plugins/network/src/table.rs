//! The tables, their rows, and where those are in the tree.

use cwmp_plugin_sdk::{split_row, Error, Host};

use crate::view::View;

/// A table of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    EthernetInterface,
    EthernetLink,
    VlanTermination,
    IpInterface,
    Ipv4Address,
    Ipv6Address,
    Ipv6Prefix,
    InterfaceStack,
    Router,
    Ipv4Forwarding,
    Ipv6Forwarding,
    DnsServer,
    DhcpClient,
    Host,
    HostIpv4Address,
    HostIpv6Address,
}

/// Each table with the one whose rows it lies in, and its path after `Device.` or after such a row.
const TABLES: [(Table, Option<Table>, &str); 16] = [
    (Table::EthernetInterface, None, "Ethernet.Interface."),
    (Table::EthernetLink, None, "Ethernet.Link."),
    (Table::VlanTermination, None, "Ethernet.VLANTermination."),
    (Table::IpInterface, None, "IP.Interface."),
    (Table::Ipv4Address, Some(Table::IpInterface), "IPv4Address."),
    (Table::Ipv6Address, Some(Table::IpInterface), "IPv6Address."),
    (Table::Ipv6Prefix, Some(Table::IpInterface), "IPv6Prefix."),
    (Table::InterfaceStack, None, "InterfaceStack."),
    (Table::Router, None, "Routing.Router."),
    (Table::Ipv4Forwarding, Some(Table::Router), "IPv4Forwarding."),
    (Table::Ipv6Forwarding, Some(Table::Router), "IPv6Forwarding."),
    (Table::DnsServer, None, "DNS.Client.Server."),
    (Table::DhcpClient, None, "DHCPv4.Client."),
    (Table::Host, None, "Hosts.Host."),
    (Table::HostIpv4Address, Some(Table::Host), "IPv4Address."),
    (Table::HostIpv6Address, Some(Table::Host), "IPv6Address."),
];

impl Table {
    /// Its path after `Device.`, or after the row that it lies in.
    pub(crate) fn name(self) -> &'static str {
        self.entry().1
    }

    fn entry(self) -> (Option<Table>, &'static str) {
        let found = TABLES.iter().find(|(table, ..)| *table == self);
        found.map_or((None, ""), |(_, above, path)| (*above, path))
    }
}

/// What tells a row from the others of its table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// The device's own; the agent has a number for it.
    Text(String),
    /// The number that the agent chose, as the ACS made the row.
    Number(u32),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(key) => f.write_str(key),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RowId {
    pub(crate) table: Table,
    /// The row that the table lies in.
    pub(crate) above: Option<Key>,
    pub(crate) key: Key,
}

impl RowId {
    /// A row of a table at the top.
    pub(crate) fn top(table: Table, key: impl Into<String>) -> Self {
        Self { table, above: None, key: Key::Text(key.into()) }
    }

    /// A row within a row.
    pub(crate) fn within(above: &Self, table: Table, key: Key) -> Self {
        Self { table, above: Some(above.key.clone()), key }
    }

    /// The path of its table, after `Device.`.
    pub(crate) fn table_path(&self, numbers: &Numbers) -> Result<String, Error> {
        let (above, path) = self.table.entry();
        match (above, &self.above) {
            (Some(table), Some(key)) => {
                let above = Self { table, above: None, key: key.clone() };
                Ok(format!("{}{path}", above.path(numbers)?))
            }
            _ => Ok(path.to_owned()),
        }
    }

    /// Its own path, after `Device.` and with a dot at the end.
    pub(crate) fn path(&self, numbers: &Numbers) -> Result<String, Error> {
        let table = self.table_path(numbers)?;
        let number = match &self.key {
            Key::Number(number) => *number,
            Key::Text(key) => numbers.number_of(&table, key)?,
        };
        Ok(format!("{table}{number}."))
    }
}

/// The row that a name is about, and what follows: `Stats.BytesSent` for `Ethernet.Link.3.Stats.BytesSent`.
///
/// A row of `view` that has its number of its own is found there; for the others the agent knows the key.
pub(crate) fn find<'a>(
    name: &'a str,
    numbers: &Numbers,
    view: &View,
) -> Result<Option<(RowId, &'a str)>, Error> {
    let top = TABLES.iter().filter(|(_, above, _)| above.is_none());
    for (table, _, path) in top {
        let Some((number, rest)) = split_row(name, path) else { continue };
        let numbered = RowId { table: *table, above: None, key: Key::Number(number) };
        let row = if view.rows.contains_key(&numbered) {
            numbered
        } else {
            RowId { key: numbers.key_of(path, number)?, ..numbered }
        };
        let below = TABLES.iter().filter(|(_, above, _)| *above == Some(*table));
        for (inner, _, inner_path) in below {
            let Some((number, inner_rest)) = split_row(rest, inner_path) else { continue };
            let numbered = RowId::within(&row, *inner, Key::Number(number));
            if view.rows.contains_key(&numbered) {
                return Ok(Some((numbered, inner_rest)));
            }
            let whole = &name[..name.len() - rest.len() + inner_path.len()];
            let key = numbers.key_of(whole, number)?;
            return Ok(Some((RowId { key, ..numbered }, inner_rest)));
        }
        return Ok(Some((row, rest)));
    }
    Ok(None)
}

/// The table that a name is the path of, and the row that it lies in.
pub(crate) fn find_table(
    name: &str,
    numbers: &Numbers,
    view: &View,
) -> Result<Option<(Table, Option<Key>)>, Error> {
    if let Some((table, ..)) = TABLES.iter().find(|(_, above, path)| above.is_none() && *path == name) {
        return Ok(Some((*table, None)));
    }
    let Some((row, rest)) = find(name, numbers, view)? else { return Ok(None) };
    let inner = TABLES.iter().find(|(_, above, path)| *above == Some(row.table) && *path == rest);
    Ok(inner.map(|(table, ..)| (*table, Some(row.key))))
}

/// Which number belongs to which key: the agent knows, and the host remembers.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    host: Host,
}

impl Numbers {
    pub(crate) fn new(host: &Host) -> Self {
        Self { host: host.clone() }
    }

    fn number_of(&self, table: &str, key: &str) -> Result<u32, Error> {
        self.host.lookup()?.number_of(table, key)
    }

    /// The key of a row; a number without one is a row that the ACS made, or none at all.
    fn key_of(&self, table: &str, number: u32) -> Result<Key, Error> {
        let key = self.host.lookup()?.key_of(table, number)?;
        Ok(key.map_or(Key::Number(number), Key::Text))
    }
}
