//! What is known of the network, kept up to date by what the kernel tells.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use cwmp_plugin_sdk::DateTime;

use crate::facts::{Address, Lifetime, Link, LinkState, Mac, Neighbour, RouteId, Update};

/// The most neighbours that are remembered; the others are not told.
pub(crate) const MAX_NEIGHBOURS: usize = 2_048;
/// The most routes that are remembered; the others are not told.
pub(crate) const MAX_ROUTES: usize = 4_096;

/// The network as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// By their index.
    pub(crate) links: BTreeMap<u32, Link>,
    pub(crate) addresses: BTreeMap<(u32, IpAddr, u8), Address>,
    pub(crate) routes: BTreeMap<RouteId, Option<Lifetime>>,
    pub(crate) neighbours: BTreeMap<(u32, IpAddr), Neighbour>,
    /// Since when a device has been in its state.
    since: BTreeMap<u32, Instant>,
    hosts: BTreeMap<Mac, Host>,
}

/// What else must be looked at after an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct After {
    /// Routes may have gone without a word.
    pub(crate) routes: bool,
    /// There is a device that was not there, or not on, before.
    pub(crate) new_link: bool,
}

/// A host, as its addresses make it.
#[derive(Debug, Clone, Default)]
struct Host {
    /// Whether it was there when it was last looked at, and since when.
    known: Option<(bool, DateTime)>,
    /// Whether one of its addresses answers; `None` if it has none any more.
    seen: Option<bool>,
}

impl Host {
    /// Takes in what was seen. Says whether there is anything left of it.
    fn look(&mut self) -> bool {
        let Some(active) = self.seen.take() else { return false };
        if self.known.is_none_or(|(before, _)| before != active) {
            self.known = Some((active, DateTime::now()));
        }
        true
    }
}

impl State {
    /// Begins again with everything that there is; what is only remembered stays.
    pub(crate) fn begin(&mut self, everything: Vec<Update>) {
        let old = std::mem::take(self);
        for update in everything {
            let index = match &update {
                Update::Link(link) => Some((link.index, status(link))),
                _ => None,
            };
            self.take(update);
            if let Some((index, now)) = index {
                let kept = old.links.get(&index).filter(|l| status(l) == now);
                if let Some(since) = kept.and_then(|_| old.since.get(&index)) {
                    self.since.insert(index, *since);
                }
            }
        }
        for (at, neighbour) in &mut self.neighbours {
            if neighbour.mac.is_none() {
                neighbour.mac = old.neighbours.get(at).and_then(|n| n.mac);
            }
        }
        self.hosts = old.hosts;
        self.look_at_hosts();
    }

    /// All routes anew.
    pub(crate) fn begin_routes(&mut self, routes: Vec<Update>) {
        self.routes.clear();
        for update in routes {
            self.take(update);
        }
    }

    /// Takes in what the kernel told.
    pub(crate) fn take(&mut self, update: Update) -> After {
        let mut after = After::default();
        match update {
            Update::Link(link) => {
                let index = link.index;
                let new = (status(&link), link.up);
                let old = self.links.insert(index, link);
                after.new_link = old.as_ref().is_none_or(|old| !old.up && new.1);
                match old.map(|l| (status(&l), l.up)) {
                    Some(old) if old == new => {}
                    _ => {
                        after.routes = true;
                        self.since.insert(index, Instant::now());
                    }
                }
            }
            Update::NoLink(index) => {
                self.links.remove(&index);
                self.since.remove(&index);
                self.addresses.retain(|(link, ..), _| *link != index);
                self.forget_routes(&|id| id.link == Some(index));
                self.neighbours.retain(|(link, _), _| *link != index);
                after.routes = true;
            }
            Update::Address(address) => {
                self.addresses.insert((address.link, address.ip, address.prefix), address);
            }
            Update::NoAddress(link, ip, prefix) => {
                self.addresses.remove(&(link, ip, prefix));
                after.routes = true;
            }
            Update::Route(route) => {
                if self.routes.len() < MAX_ROUTES || self.routes.contains_key(&route.id) {
                    self.routes.insert(route.id, route.expires);
                }
            }
            Update::NoRoute(id) => {
                self.routes.remove(&id);
            }
            Update::Replaced(new) => {
                let place = |id: &RouteId| (id.destination, id.prefix, id.source, id.metric);
                self.forget_routes(&|id| place(id) == place(&new));
            }
            Update::Neighbour(mut neighbour) => {
                let at = (neighbour.link, neighbour.ip);
                let old = self.neighbours.get(&at);
                // Of one that does not answer any more, the kernel does not tell the address.
                neighbour.mac = neighbour.mac.or(old.and_then(|n| n.mac));
                if old.is_some() || self.neighbours.len() < MAX_NEIGHBOURS {
                    self.neighbours.insert(at, neighbour);
                }
            }
            Update::NoNeighbour(link, ip) => {
                self.neighbours.remove(&(link, ip));
            }
        }
        after
    }

    fn forget_routes(&mut self, gone: &dyn Fn(&RouteId) -> bool) {
        self.routes.retain(|id, _| !gone(id));
    }

    /// Notes which hosts have come and gone. Called after every round of updates.
    pub(crate) fn look_at_hosts(&mut self) {
        for neighbour in self.neighbours.values() {
            if let Some(mac) = neighbour.mac {
                let seen = &mut self.hosts.entry(mac).or_default().seen;
                *seen = Some(seen.unwrap_or_default() || neighbour.reachable);
            }
        }
        self.hosts.retain(|_, host| host.look());
    }

    /// Whether a host is there, and since when.
    pub(crate) fn host(&self, mac: Mac) -> Option<(bool, DateTime)> {
        self.hosts.get(&mac)?.known
    }

    /// Since when a device has been in its state, as far as we have seen.
    pub(crate) fn since(&self, index: u32) -> Option<Instant> {
        self.since.get(&index).copied()
    }

    /// The addresses of a device.
    pub(crate) fn addresses_of(&self, index: u32) -> impl Iterator<Item = &Address> {
        self.addresses.values().filter(move |a| a.link == index)
    }
}

/// What the standard calls the state of a device.
pub(crate) fn status(link: &Link) -> &'static str {
    match link.state {
        _ if !link.up => "Down",
        LinkState::Up => "Up",
        LinkState::Down => "Down",
        LinkState::Unknown => "Unknown",
        LinkState::Dormant => "Dormant",
        LinkState::NotPresent => "NotPresent",
        LinkState::LowerLayerDown => "LowerLayerDown",
        LinkState::Testing => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Route, RouteKind};

    fn link(index: u32, up: bool) -> Update {
        let state = if up { LinkState::Up } else { LinkState::Down };
        Update::Link(Link { index, name: format!("eth{index}"), up, state, ..Link::default() })
    }

    fn route(link: u32, gateway: &str) -> Route {
        let id = RouteId {
            destination: "0.0.0.0".parse().unwrap(),
            prefix: 0,
            source: None,
            gateway: Some(gateway.parse().unwrap()),
            link: Some(link),
            metric: 0,
            kind: RouteKind::Normal,
            protocol: 3,
        };
        Route { id, expires: None }
    }

    fn neighbour(mac: Option<Mac>, reachable: bool) -> Update {
        Update::Neighbour(Neighbour { link: 1, ip: "192.0.2.9".parse().unwrap(), mac, reachable })
    }

    #[test]
    fn a_device_that_goes_takes_everything_with_it() {
        let mut state = State::default();
        assert_eq!(state.take(link(1, true)), After { routes: true, new_link: true });
        assert_eq!(state.take(link(1, true)), After::default(), "the same again is no change");
        state.take(Update::Route(route(1, "192.0.2.1")));
        state.take(neighbour(Mac::from_bytes(&[2; 6]), true));
        assert!(state.since(1).is_some());
        assert!(state.take(Update::NoLink(1)).routes);
        state.look_at_hosts();
        assert!(state.links.is_empty() && state.routes.is_empty() && state.neighbours.is_empty());
        assert!(state.since(1).is_none() && state.hosts.is_empty());
    }

    #[test]
    fn the_time_of_a_state_begins_with_the_state() {
        let mut state = State::default();
        state.take(link(1, false));
        let first = state.since(1).unwrap();
        state.take(link(1, false));
        assert_eq!(state.since(1), Some(first));
        // Not even when everything is read again, because messages were lost.
        state.begin(vec![link(1, false)]);
        assert_eq!(state.since(1), Some(first));
        assert!(state.take(link(1, true)).routes);
        assert!(state.since(1) > Some(first));
    }

    #[test]
    fn a_route_can_take_the_place_of_another() {
        let mut state = State::default();
        state.take(Update::Route(route(1, "192.0.2.1")));
        let new = route(1, "192.0.2.2");
        state.take(Update::Replaced(new.id.clone()));
        state.take(Update::Route(new.clone()));
        assert_eq!(state.routes.keys().collect::<Vec<_>>(), [&new.id]);
    }

    #[test]
    fn a_host_that_does_not_answer_is_still_known_by_its_address() {
        let mut state = State::default();
        let mac = Mac::from_bytes(&[2; 6]).unwrap();
        state.take(neighbour(Some(mac), true));
        state.look_at_hosts();
        assert_eq!(state.host(mac).map(|(active, _)| active), Some(true));
        state.take(neighbour(None, false));
        state.look_at_hosts();
        assert_eq!(state.host(mac).map(|(active, _)| active), Some(false));
        state.take(Update::NoNeighbour(1, "192.0.2.9".parse().unwrap()));
        state.look_at_hosts();
        assert!(state.host(mac).is_none());
    }

    #[test]
    fn there_is_a_limit_of_neighbours_and_of_routes() {
        let mut state = State::default();
        for i in 0..=u32::try_from(MAX_ROUTES).unwrap() {
            let mut new = route(1, "192.0.2.1");
            new.id.metric = i;
            state.take(Update::Route(new));
            let ip = IpAddr::V4(std::net::Ipv4Addr::from(i));
            state.take(Update::Neighbour(Neighbour { link: 1, ip, mac: None, reachable: true }));
        }
        assert_eq!((state.routes.len(), state.neighbours.len()), (MAX_ROUTES, MAX_NEIGHBOURS));
    }
}
