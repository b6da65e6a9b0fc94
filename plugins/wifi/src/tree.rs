//! Which rows there are and how they hang together: what was found, and what an ACS added.

use crate::back_end::{Joined, Progress, Running};
use crate::back_ends::Preference;
use crate::bases::Bases;
use crate::facts::{Interface, Mac, Radio, Ssid};
use crate::places::Places;
use crate::plan::BssSettings;
use crate::planner::{self, Misconfigured};
use crate::row_id::{key_of, RowId};
use crate::wish::{ApWish, EndPointWish, RadioWish, Reference, SsidWish, Wishes};
use crate::world::World;

/// All rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Tree {
    pub(crate) radios: Vec<RadioNode>,
    pub(crate) ssids: Vec<SsidNode>,
    pub(crate) access_points: Vec<ApNode>,
    pub(crate) end_points: Vec<EndPointNode>,
}

/// A radio.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RadioNode {
    pub(crate) key: String,
    /// The kernel's name; of one that it does not know, the interface's.
    pub(crate) name: String,
    /// What the kernel says; `None` if it does not know it.
    pub(crate) facts: Option<Radio>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) wish: RadioWish,
    /// Which service runs its access points, or would.
    pub(crate) service: Option<usize>,
}

impl RadioNode {
    pub(crate) fn enabled(&self) -> bool {
        self.wish.enable.unwrap_or(true)
    }
}

/// A network as an interface.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SsidNode {
    pub(crate) id: RowId,
    pub(crate) wish: SsidWish,
    /// The key of a radio that is there.
    pub(crate) radio: Option<String>,
    pub(crate) interface: Option<String>,
    /// It is a station's: it follows the network that that is in.
    pub(crate) joined: Option<Joined>,
    /// An access point runs there.
    pub(crate) running: Option<Running>,
    /// Who runs it does not answer.
    pub(crate) away: bool,
    /// What it is called.
    pub(crate) ssid: Ssid,
    pub(crate) enabled: bool,
    pub(crate) mac: Option<Mac>,
}

/// An access point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApNode {
    pub(crate) id: RowId,
    pub(crate) wish: ApWish,
    /// A row that is there.
    pub(crate) ssid: Option<RowId>,
    pub(crate) enabled: bool,
    /// What it is to be like.
    pub(crate) settings: BssSettings,
    /// Why it cannot be on the air, as it is set.
    pub(crate) wrong: Option<Misconfigured>,
}

/// A station of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndPointNode {
    pub(crate) id: RowId,
    pub(crate) wish: EndPointWish,
    pub(crate) interface: Option<String>,
    pub(crate) joined: Option<Joined>,
    pub(crate) away: bool,
}

impl EndPointNode {
    pub(crate) fn enabled(&self) -> bool {
        self.wish.enable.unwrap_or(matches!(self.id, RowId::Found(_)))
    }
}

impl Tree {
    /// Puts together what is and what was set.
    pub(crate) fn build(
        world: &World,
        wishes: &Wishes,
        places: &Places,
        bases: &Bases,
        preference: &Preference,
    ) -> Self {
        let mut tree = Self::default();
        tree.radios(world, wishes, bases, preference);
        tree.ssids(world, wishes, places, bases);
        tree.access_points(world, wishes, bases);
        tree.end_points(world, wishes, places);
        tree
    }

    pub(crate) fn radio(&self, key: &str) -> Option<&RadioNode> {
        self.radios.iter().find(|radio| radio.key == key)
    }

    pub(crate) fn ssid(&self, id: &RowId) -> Option<&SsidNode> {
        self.ssids.iter().find(|ssid| ssid.id == *id)
    }

    /// The access point of a network: of several the first one.
    pub(crate) fn access_point_of(&self, ssid: &RowId) -> Option<&ApNode> {
        self.access_points.iter().find(|ap| ap.ssid.as_ref() == Some(ssid))
    }

    fn radios(&mut self, world: &World, wishes: &Wishes, bases: &Bases, preference: &Preference) {
        for facts in &world.air.radios {
            let own = world.air.interfaces.iter().filter(|interface| interface.radio == facts.index);
            let interfaces: Vec<Interface> = own.cloned().collect();
            self.radios.push(RadioNode {
                key: facts.key.clone(),
                name: facts.name.clone(),
                wish: wishes.radios.get(&facts.key).cloned().unwrap_or_default(),
                service: service_of(world, bases, preference, &facts.key),
                facts: Some(facts.clone()),
                interfaces,
            });
        }
        if !world.air.none {
            return;
        }
        let running = world.services.iter().flat_map(|service| &service.running).map(|r| r.first.clone());
        let joined = world.stations.joined.iter().map(|joined| joined.interface.clone());
        let known = bases.iter().map(|(_, base)| base.radio.clone());
        for key in running.chain(joined).chain(known) {
            if self.radio(&key).is_none() {
                self.radios.push(RadioNode {
                    name: key.clone(),
                    facts: None,
                    interfaces: Vec::new(),
                    wish: wishes.radios.get(&key).cloned().unwrap_or_default(),
                    service: service_of(world, bases, preference, &key),
                    key,
                });
            }
        }
    }

    fn ssids(&mut self, world: &World, wishes: &Wishes, places: &Places, bases: &Bases) {
        let running = world.services.iter().flat_map(|service| &service.running);
        let running = running.filter(|running| !places.orphans.contains_key(&running.interface));
        let found = running.map(|running| running.interface.as_str()).chain(bases.interfaces());
        let joined = world.stations.joined.iter().map(|joined| joined.interface.as_str());
        let mut seen: Vec<&str> = Vec::new();
        for interface in found.chain(joined) {
            if places.has(interface) || seen.contains(&interface) {
                continue;
            }
            seen.push(interface);
            let radio = bases.get(interface).map(|base| base.radio.clone());
            let Some(radio) = radio.or_else(|| world.radio_of(interface)) else { continue };
            let id = RowId::Found(key_of(&radio, interface));
            self.ssids.push(self.ssid_node(world, wishes, bases, id, Some(&radio), Some(interface)));
        }
        for (id, wish) in &wishes.ssids {
            let RowId::Added(number) = id else { continue };
            let radio = match &wish.radio {
                Reference::To(RowId::Found(radio)) => Some(radio.as_str()),
                _ => None,
            };
            let interface = places.ssids.get(number).map(|place| place.interface.as_str());
            self.ssids.push(self.ssid_node(world, wishes, bases, id.clone(), radio, interface));
        }
    }

    fn ssid_node(
        &self,
        world: &World,
        wishes: &Wishes,
        bases: &Bases,
        id: RowId,
        radio: Option<&str>,
        interface: Option<&str>,
    ) -> SsidNode {
        let radio = radio.and_then(|key| self.radio(key));
        let wish = wishes.ssids.get(&id).cloned().unwrap_or_default();
        let running = interface.and_then(|name| world.running(name));
        let base = interface.and_then(|name| bases.get(name));
        // On an interface that an access point has, or is to have, there is no station.
        let station = running.is_none() && base.is_none() && matches!(id, RowId::Found(_));
        let joined =
            world.stations.joined.iter().find(|joined| station && interface == Some(&joined.interface));
        let kernel = interface.and_then(|name| world.interface(name));
        let ssid = match joined {
            Some(joined) => joined.ssid.clone(),
            None => wish.ssid.clone().or_else(|| {
                base.map(|base| base.settings.ssid.clone())
                    .or_else(|| running.map(|(_, r)| r.settings.ssid.clone()))
            }),
        };
        let service = radio.and_then(|radio| radio.service).and_then(|index| world.services.get(index));
        let service = running.map(|(index, _)| &world.services[index]).or(service);
        let away = match joined {
            Some(_) => world.stations.away,
            None => service.is_some_and(|service| service.away),
        };
        SsidNode {
            enabled: wish.enable.unwrap_or(matches!(id, RowId::Found(_))),
            radio: radio.map(|radio| radio.key.clone()),
            interface: interface.map(str::to_owned),
            joined: joined.cloned(),
            running: running.map(|(_, running)| running.clone()),
            away,
            ssid: ssid.unwrap_or_default(),
            mac: kernel.map(|kernel| kernel.mac),
            wish,
            id,
        }
    }

    fn access_points(&mut self, world: &World, wishes: &Wishes, bases: &Bases) {
        let found: Vec<RowId> = self
            .ssids
            .iter()
            .filter(|ssid| matches!(ssid.id, RowId::Found(_)) && ssid.joined.is_none())
            .map(|ssid| ssid.id.clone())
            .collect();
        let added = wishes.access_points.keys().filter(|id| matches!(id, RowId::Added(_)));
        let mut taken: Vec<RowId> = Vec::new();
        for id in found.into_iter().chain(added.cloned()) {
            let wish = wishes.access_points.get(&id).cloned().unwrap_or_default();
            let reference = match &wish.ssid {
                Reference::To(ssid) => Some(ssid.clone()),
                Reference::Unset if matches!(id, RowId::Found(_)) => Some(id.clone()),
                _ => None,
            };
            let node = reference.as_ref().and_then(|ssid| self.ssid(ssid));
            let image = match &id {
                RowId::Found(_) => self.ssid(&id).and_then(|ssid| {
                    let base = ssid.interface.as_deref().and_then(|name| bases.get(name));
                    base.map(|base| &base.settings).or_else(|| ssid.running.as_ref().map(|r| &r.settings))
                }),
                RowId::Added(_) => None,
            };
            let radio = node.and_then(|node| node.radio.as_ref()).and_then(|key| self.radio(key));
            let service = radio.and_then(|radio| radio.service).and_then(|index| world.services.get(index));
            let abilities = service.map(|service| &service.abilities);
            let name = node.map(|node| node.ssid.clone()).unwrap_or_default();
            let settings = planner::bss(image, &name, &wish, abilities);
            let wrong = match node {
                None => Some(Misconfigured::NoSsid),
                Some(node) if node.joined.is_some() => Some(Misconfigured::Station),
                Some(node) if taken.contains(&node.id) => Some(Misconfigured::Taken),
                Some(node) if node.radio.is_none() => Some(Misconfigured::NoRadio),
                // The keys of the image that nobody knows are those of its own network.
                Some(node) => planner::wrong(&settings, image.filter(|_| node.id == id), abilities),
            };
            taken.extend(node.map(|node| node.id.clone()));
            let enabled = wish.enable.unwrap_or(matches!(id, RowId::Found(_)));
            let ssid = node.map(|node| node.id.clone());
            self.access_points.push(ApNode { id, wish, ssid, enabled, settings, wrong });
        }
    }

    fn end_points(&mut self, world: &World, wishes: &Wishes, places: &Places) {
        let away = world.stations.away;
        let joined =
            |name: &str| world.stations.joined.iter().find(|joined| joined.interface == name).cloned();
        let placed: Vec<&str> = places.end_points.values().map(|place| place.interface.as_str()).collect();
        for ssid in self.ssids.iter().filter(|ssid| ssid.joined.is_some()) {
            let Some(interface) = ssid.interface.as_deref().filter(|name| !placed.contains(name)) else {
                continue;
            };
            let wish = wishes.end_points.get(&ssid.id).cloned().unwrap_or_default();
            let (id, joined, interface) = (ssid.id.clone(), joined(interface), Some(interface.to_owned()));
            self.end_points.push(EndPointNode { id, wish, interface, joined, away });
        }
        for (id, wish) in &wishes.end_points {
            let RowId::Added(number) = id else { continue };
            let interface = places.end_points.get(number).map(|place| place.interface.clone());
            let joined = interface.as_deref().and_then(joined);
            self.end_points.push(EndPointNode {
                id: id.clone(),
                wish: wish.clone(),
                interface,
                joined,
                away,
            });
        }
    }
}

/// Which service runs the access points of a radio: who is wanted, who does so now, who did, or who is there.
fn service_of(world: &World, bases: &Bases, preference: &Preference, radio: &str) -> Option<usize> {
    let by_name = |name: &str| world.services.iter().position(|service| service.name == name);
    let mut wanted = preference.wanted.iter();
    let wanted = wanted.find(|(interface, _)| world.radio_of(interface).as_deref() == Some(radio));
    if let Some(index) = wanted.and_then(|(_, name)| by_name(name)) {
        return Some(index);
    }
    let runs = |service: &crate::world::ServiceState| {
        service.running.iter().any(|running| {
            running.progress != Progress::Off && world.radio_of(&running.interface).as_deref() == Some(radio)
        })
    };
    if let Some(index) = world.services.iter().position(runs) {
        return Some(index);
    }
    let known = bases.iter().find(|(_, base)| base.radio == radio);
    if let Some(index) = known.and_then(|(_, base)| by_name(&base.service)) {
        return Some(index);
    }
    let mut order = preference.order.iter().filter_map(|name| by_name(name));
    let there = |index: &usize| !world.services[*index].away;
    order.clone().find(there).or_else(|| order.next())
}
