//! What an ACS wants: the settings, in the words of the network.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use cwmp_plugin_sdk::{Error, Host, Settings};

use crate::facts::{network, prefix_of, RouteKind};
use crate::table::{find, Key, Numbers, Table};
use crate::view::View;

/// In the store, the key of a row that a setting belongs to: when the plugin starts there is no agent yet to ask.
pub(crate) const KEYS: &str = "key/";

/// Everything that is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    /// By the key of the device.
    pub(crate) links: BTreeMap<String, LinkWish>,
    pub(crate) addresses: Vec<AddressWish>,
    pub(crate) routes: Vec<RouteWish>,
    pub(crate) servers: Vec<ServerWish>,
    /// Whether names are not to be resolved.
    pub(crate) mute: bool,
}

/// What is wanted of a device; `None` is that nobody said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LinkWish {
    /// As a port.
    pub(crate) port_up: Option<bool>,
    /// As an IP interface.
    pub(crate) ip_up: Option<bool>,
    pub(crate) mtu: Option<u32>,
    /// Whether it speaks IPv6.
    pub(crate) ipv6: Option<bool>,
}

impl LinkWish {
    /// Whether the device is to be switched on: a layer works if all layers below are on, and they share one switch.
    pub(crate) fn up(&self) -> Option<bool> {
        match (self.port_up, self.ip_up) {
            (None, None) => None,
            (port, ip) => Some(port.unwrap_or(true) && ip.unwrap_or(true)),
        }
    }
}

/// An address that an ACS added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressWish {
    pub(crate) number: u32,
    /// The key of the interface.
    pub(crate) interface: String,
    pub(crate) table: Table,
    pub(crate) enable: bool,
    pub(crate) ip: String,
    pub(crate) mask: String,
}

impl AddressWish {
    /// The address and its prefix, if both make sense.
    pub(crate) fn address(&self) -> Option<(IpAddr, u8)> {
        let ip: IpAddr = self.ip.parse().ok()?;
        match (ip, self.table) {
            (IpAddr::V4(_), Table::Ipv4Address) => Some((ip, prefix_of(self.mask.parse().ok()?)?)),
            // The standard has no place for the length; what is on the link, the prefixes say.
            (IpAddr::V6(_), Table::Ipv6Address) => Some((ip, 128)),
            _ => None,
        }
    }
}

/// A route that an ACS added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteWish {
    pub(crate) number: u32,
    pub(crate) table: Table,
    pub(crate) enable: bool,
    pub(crate) kind: RouteKind,
    /// Of IPv4: address and mask; of IPv6: the prefix, and nothing.
    pub(crate) destination: String,
    pub(crate) mask: String,
    pub(crate) gateway: String,
    pub(crate) interface: Reference,
    pub(crate) metric: i32,
}

impl RouteWish {
    /// Where it leads, if that makes sense.
    pub(crate) fn destination(&self) -> Option<(IpAddr, u8)> {
        let (ip, prefix) = if self.table == Table::Ipv4Forwarding {
            let ip = if self.destination.is_empty() {
                Ipv4Addr::UNSPECIFIED
            } else {
                self.destination.parse().ok()?
            };
            let prefix = match self.mask.as_str() {
                "" if ip.is_unspecified() => 0,
                // Without a mask the whole address counts.
                "" => 32,
                mask => prefix_of(mask.parse().ok()?)?,
            };
            (IpAddr::V4(ip), prefix)
        } else if self.destination.is_empty() {
            (IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0)
        } else {
            let (ip, prefix) = self.destination.split_once('/')?;
            (IpAddr::V6(ip.parse().ok()?), prefix.parse().ok().filter(|p| *p <= 128)?)
        };
        Some((network(ip, prefix), prefix))
    }

    /// The gateway, which may be none.
    pub(crate) fn gateway(&self) -> Result<Option<IpAddr>, NoGateway> {
        if self.gateway.is_empty() {
            return Ok(None);
        }
        let ip: IpAddr = self.gateway.parse().map_err(|_| NoGateway)?;
        if ip.is_ipv4() == (self.table == Table::Ipv4Forwarding) {
            Ok(Some(ip))
        } else {
            Err(NoGateway)
        }
    }
}

/// What is given as a gateway is none.
#[derive(Debug)]
pub(crate) struct NoGateway;

/// A server that an ACS added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerWish {
    pub(crate) number: u32,
    pub(crate) enable: bool,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) interface: Reference,
}

/// A reference to an IP interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// To none.
    Empty,
    /// To the interface of this device.
    Interface(String),
    /// To something that is not there.
    Nothing,
}

/// Reads the settings.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) host: &'a Host,
    pub(crate) settings: &'a Settings,
    pub(crate) numbers: &'a Numbers,
}

impl Reader<'_> {
    pub(crate) fn wishes(&self) -> Wishes {
        let mute = self.chosen("DNS.Client.Enable") == Some(false);
        let mut wishes = Wishes { mute, ..Wishes::default() };
        for (number, key) in self.rows("Ethernet.Interface.") {
            let link = wishes.links.entry(key).or_default();
            link.port_up = self.chosen(&format!("Ethernet.Interface.{number}.Enable"));
        }
        for (number, key) in self.rows("IP.Interface.") {
            let row = format!("IP.Interface.{number}.");
            let link = wishes.links.entry(key.clone()).or_default();
            link.ip_up = self.chosen(&format!("{row}Enable"));
            link.mtu = self.chosen(&format!("{row}MaxMTUSize"));
            link.ipv6 = self.chosen(&format!("{row}IPv6Enable"));
            self.addresses(&row, &key, &mut wishes.addresses);
        }
        for (table, path) in [
            (Table::Ipv4Forwarding, "Routing.Router.1.IPv4Forwarding."),
            (Table::Ipv6Forwarding, "Routing.Router.1.IPv6Forwarding."),
        ] {
            let numbers = self.settings.row_numbers(path);
            wishes.routes.extend(numbers.into_iter().map(|number| self.route(table, path, number)));
        }
        for number in self.settings.row_numbers("DNS.Client.Server.") {
            let row = format!("DNS.Client.Server.{number}.");
            wishes.servers.push(ServerWish {
                number,
                enable: self.get(&format!("{row}Enable")).unwrap_or(false),
                ip: self.text(&format!("{row}DNSServer")).parse().ok(),
                interface: self.reference(&self.text(&format!("{row}Interface"))),
            });
        }
        wishes
    }

    fn addresses(&self, interface: &str, key: &str, into: &mut Vec<AddressWish>) {
        for (table, path) in [(Table::Ipv4Address, "IPv4Address."), (Table::Ipv6Address, "IPv6Address.")] {
            for number in self.settings.row_numbers(&format!("{interface}{path}")) {
                let row = format!("{interface}{path}{number}.");
                into.push(AddressWish {
                    number,
                    interface: key.to_owned(),
                    table,
                    enable: self.get(&format!("{row}Enable")).unwrap_or(false),
                    ip: self.text(&format!("{row}IPAddress")),
                    mask: self.text(&format!("{row}SubnetMask")),
                });
            }
        }
    }

    fn route(&self, table: Table, path: &str, number: u32) -> RouteWish {
        let text = |leaf: &str| self.text(&format!("{path}{number}.{leaf}"));
        let v4 = table == Table::Ipv4Forwarding;
        RouteWish {
            number,
            table,
            enable: self.get(&format!("{path}{number}.Enable")).unwrap_or(false),
            kind: match text("Type").as_str() {
                "Blackhole" => RouteKind::Blackhole,
                "Unreachable" => RouteKind::Unreachable,
                "Prohibit" => RouteKind::Prohibit,
                _ => RouteKind::Normal,
            },
            destination: text(if v4 { "DestIPAddress" } else { "DestIPPrefix" }),
            mask: if v4 { text("DestSubnetMask") } else { String::new() },
            gateway: text(if v4 { "GatewayIPAddress" } else { "NextHop" }),
            interface: self.reference(&text("Interface")),
            metric: text("ForwardingMetric").parse().unwrap_or(-1),
        }
    }

    /// The rows that have settings, with their keys.
    fn rows(&self, table: &str) -> Vec<(u32, String)> {
        let numbers = self.settings.row_numbers(table).into_iter();
        numbers.filter_map(|number| Some((number, self.key_of(table, number)?))).collect()
    }

    fn key_of(&self, table: &str, number: u32) -> Option<String> {
        self.host.store_get(&format!("{KEYS}{table}{number}.")).ok()?
    }

    /// What a reference to an IP interface is about.
    pub(crate) fn reference(&self, path: &str) -> Reference {
        if path.is_empty() {
            return Reference::Empty;
        }
        let row = format!("{}.", path.trim_start_matches("Device.").trim_end_matches('.'));
        let number = cwmp_plugin_sdk::split_row(&row, "IP.Interface.").filter(|(_, rest)| rest.is_empty());
        let Some((number, _)) = number else { return Reference::Nothing };
        if let Some(key) = self.key_of("IP.Interface.", number) {
            return Reference::Interface(key);
        }
        match find(&row, self.numbers, &View::default()) {
            Ok(Some((row, _))) => match row.key {
                Key::Text(key) => Reference::Interface(key),
                Key::Number(_) => Reference::Nothing,
            },
            _ => Reference::Nothing,
        }
    }

    /// Keeps the key of a row that gets settings, or that one refers to.
    pub(crate) fn keep_key(&self, row: &str, key: &str) -> Result<(), Error> {
        let name = format!("{KEYS}{row}");
        if self.host.store_get(&name)?.as_deref() == Some(key) {
            return Ok(());
        }
        self.host.store_put(&name, key)
    }

    fn text(&self, name: &str) -> String {
        self.settings.text(name).unwrap_or_default()
    }

    fn get<T: cwmp_plugin_sdk::Parse>(&self, name: &str) -> Option<T> {
        T::parse(&self.settings.text(name)?)
    }

    /// A value that somebody set; not one that is only the default.
    fn chosen<T: cwmp_plugin_sdk::Parse>(&self, name: &str) -> Option<T> {
        T::parse(&self.settings.chosen(name)?)
    }
}
