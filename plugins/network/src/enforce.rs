//! Makes the kernel do what an ACS wants.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cwmp_plugin_sdk::Error;

use crate::facts::Link;
use crate::files::Files;
use crate::kernel::{Kernel, Order};
use crate::table::Table;
use crate::tree::{self, Facts};
use crate::wish::{LinkWish, Reference, ServerWish};

/// `RTPROT_STATIC`: what an administrator wants.
pub(crate) const STATIC: u8 = 4;

/// What is in force because of us, and what was there before.
#[derive(Debug, Default)]
pub(crate) struct Enforcer {
    /// By the name of the row that wants it.
    things: BTreeMap<(Table, String, u32), Order>,
    /// How devices were before we touched them, by their key.
    before: BTreeMap<(String, Switch), u32>,
}

/// What can be set of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Switch {
    Up,
    Mtu,
    Ipv6,
}

impl Switch {
    /// Puts it where it should be.
    fn set(self, link: &Link, value: u32, kernel: &dyn Kernel, files: &Files) -> Result<(), Error> {
        match self {
            Self::Up => kernel.order(&Order::Up(link.index, value != 0)),
            Self::Mtu => kernel.order(&Order::Mtu(link.index, value)),
            Self::Ipv6 => files.set(&ipv6_switch(&link.name), if value == 0 { "1" } else { "0" }),
        }
    }
}

/// The file that switches IPv6 of a device off.
pub(crate) fn ipv6_switch(device: &str) -> String {
    format!("proc/sys/net/ipv6/conf/{device}/disable_ipv6")
}

impl Enforcer {
    /// Gives the orders that are missing, and takes back those that nobody wants any more. Stops at the first that the
    /// kernel refuses. Returns how many there were.
    pub(crate) fn enforce(
        &mut self,
        facts: &Facts<'_>,
        kernel: &dyn Kernel,
        files: &Files,
    ) -> Result<usize, Error> {
        let wanted = wanted(facts);
        let mut orders = 0;
        // The last that came goes first: routes lie on addresses.
        let gone = self.things.iter().filter(|(name, order)| wanted.get(name) != Some(order)).rev();
        let gone: Vec<_> = gone.map(|(name, order)| (name.clone(), order.clone())).collect();
        for (name, order) in gone {
            kernel.order(&inverse(&order))?;
            orders += 1;
            self.things.remove(&name);
        }
        for (link, switch, value) in self.switches(facts, files) {
            switch.set(link, value, kernel, files)?;
            orders += 1;
        }
        for (name, order) in wanted {
            // Even if it was given before: a device that went down took it along.
            kernel.order(&order)?;
            orders += 1;
            self.things.insert(name, order);
        }
        Ok(orders)
    }

    /// The switches of devices that are not where they should be.
    fn switches<'a>(&mut self, facts: &Facts<'a>, files: &Files) -> Vec<(&'a Link, Switch, u32)> {
        let mut found = Vec::new();
        for link in facts.state.links.values() {
            let key = tree::key(link);
            let wish = facts.wishes.links.get(&key);
            let ipv6 = wish.and_then(|w| w.ipv6).map(u32::from);
            let is_tracked = ipv6.is_some() || self.before.contains_key(&(key.clone(), Switch::Ipv6));
            let is_off = || files.word(&ipv6_switch(&link.name)).as_deref() != Some("0");
            let all = [
                (Switch::Up, u32::from(link.up), wish.and_then(LinkWish::up).map(u32::from)),
                (Switch::Mtu, link.mtu, wish.and_then(|w| w.mtu)),
                // Asked for only where it matters: it is a file of its own.
                (Switch::Ipv6, u32::from(is_tracked && !is_off()), ipv6),
            ];
            for (switch, is, want) in all {
                let place = (key.clone(), switch);
                let target = match want {
                    Some(value) => {
                        self.before.entry(place).or_insert(is);
                        Some(value)
                    }
                    None => self.before.remove(&place),
                };
                found.extend(target.filter(|value| *value != is).map(|value| (link, switch, value)));
            }
        }
        found
    }
}

/// Addresses and routes that are to be there. Addresses come first.
fn wanted(facts: &Facts<'_>) -> BTreeMap<(Table, String, u32), Order> {
    let mut wanted = BTreeMap::new();
    for wish in facts.wishes.addresses.iter().filter(|wish| wish.enable) {
        let link = facts.state.links.values().find(|link| tree::key(link) == wish.interface);
        if let (Some(link), Some((ip, prefix))) = (link, wish.address()) {
            let name = (wish.table, wish.interface.clone(), wish.number);
            wanted.insert(name, Order::AddAddress(link.index, ip, prefix));
        }
    }
    for wish in facts.wishes.routes.iter().filter(|wish| wish.enable) {
        let up = |index| facts.state.links.get(&index).is_some_and(|link| will_be_up(facts, link));
        match tree::order(facts, wish) {
            // A device that is off takes no routes.
            Some(id) if id.link.is_none_or(up) => {
                wanted.insert((wish.table, String::new(), wish.number), Order::AddRoute(id));
            }
            _ => {}
        }
    }
    wanted
}

/// Whether a device is on when its switch is where it should be.
fn will_be_up(facts: &Facts<'_>, link: &Link) -> bool {
    let wish = facts.wishes.links.get(&tree::key(link));
    wish.and_then(LinkWish::up).unwrap_or(link.up)
}

fn inverse(order: &Order) -> Order {
    match order.clone() {
        Order::AddAddress(index, ip, prefix) => Order::DeleteAddress(index, ip, prefix),
        Order::AddRoute(id) => Order::DeleteRoute(id),
        other => other,
    }
}

/// The servers of ours that resolv.conf is to have. It knows no interfaces, but for the zone of an address of the link.
pub(crate) fn servers(facts: &Facts<'_>) -> Vec<String> {
    let written = |wish: &ServerWish| {
        let ip = wish.ip?;
        let link = match (&wish.interface, ip) {
            (Reference::Interface(key), IpAddr::V6(v6)) if v6.segments()[0] & 0xffc0 == 0xfe80 => {
                facts.state.links.values().find(|link| tree::key(link) == *key)
            }
            _ => None,
        };
        Some(link.map_or_else(|| ip.to_string(), |link| format!("{ip}%{}", link.name)))
    };
    facts.wishes.servers.iter().filter(|wish| wish.enable).filter_map(written).collect()
}
