//! Which interfaces the rows have that an ACS added: chosen once, and kept as long as the row is there.

use std::collections::{BTreeMap, BTreeSet};

use cwmp_plugin_sdk::{Error, Host};

use crate::bases::Bases;
use crate::facts::Role;
use crate::row_id::RowId;
use crate::wish::{Reference, Wishes};
use crate::world::World;

/// Before the keys in the store.
const KEPT: &str = "places/";
/// Bytes of the name of an interface, at most.
const NAME: usize = 15;

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The key of the radio.
    pub(crate) radio: String,
    pub(crate) interface: String,
}

/// The places of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Places {
    /// Of networks, by the number of the row.
    pub(crate) ssids: BTreeMap<u32, Place>,
    /// Of end points, by the number of the row.
    pub(crate) end_points: BTreeMap<u32, Place>,
    /// Interfaces whose row is gone, with the radio's key, as long as a network is still on them: they are nobody's find.
    pub(crate) orphans: BTreeMap<String, String>,
}

impl Places {
    /// What was kept.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut places = Self::default();
        for key in host.store_list(KEPT)? {
            let text = host.store_get(&key)?.unwrap_or_default();
            let place = text
                .split_once('\n')
                .map(|(radio, interface)| Place { radio: radio.to_owned(), interface: interface.to_owned() });
            let (table, number) = key[KEPT.len()..].split_once('/').unwrap_or_default();
            if table == "orphan" {
                places.orphans.insert(number.to_owned(), text);
                continue;
            }
            let (Some(place), Ok(number)) = (place, number.parse()) else { continue };
            match table {
                "ssid" => places.ssids.insert(number, place),
                _ => places.end_points.insert(number, place),
            };
        }
        Ok(places)
    }

    /// Keeps them, as far as they are not what is kept already.
    pub(crate) fn store(&self, before: &Self, host: &Host) -> Result<(), Error> {
        for interface in before.orphans.keys().filter(|interface| !self.orphans.contains_key(*interface)) {
            host.store_delete(&format!("{KEPT}orphan/{interface}"))?;
        }
        for (interface, radio) in self.orphans.iter().filter(|(name, _)| !before.orphans.contains_key(*name))
        {
            host.store_put(&format!("{KEPT}orphan/{interface}"), radio)?;
        }
        for (table, old, new) in
            [("ssid", &before.ssids, &self.ssids), ("end_point", &before.end_points, &self.end_points)]
        {
            for number in old.keys().filter(|number| !new.contains_key(number)) {
                host.store_delete(&format!("{KEPT}{table}/{number}"))?;
            }
            for (number, Place { radio, interface }) in new {
                if old.get(number) != new.get(number) {
                    host.store_put(&format!("{KEPT}{table}/{number}"), &format!("{radio}\n{interface}"))?;
                }
            }
        }
        Ok(())
    }

    /// Whether an interface belongs to a network that an ACS added.
    pub(crate) fn has(&self, interface: &str) -> bool {
        self.ssids.values().any(|place| place.interface == interface)
    }

    /// Gives a place to each row that needs one, and takes those of rows that are gone.
    pub(crate) fn assign(&mut self, world: &World, wishes: &Wishes, bases: &Bases) {
        let radio_of = |number: &u32| match &wishes.ssids.get(&RowId::Added(*number))?.radio {
            Reference::To(RowId::Found(radio)) => Some(radio.clone()),
            _ => None,
        };
        let orphans = &mut self.orphans;
        self.ssids.retain(|number, place| {
            let stays = radio_of(number).as_ref() == Some(&place.radio);
            if !stays {
                orphans.insert(place.interface.clone(), place.radio.clone());
            }
            stays
        });
        // Who is away may bring it back.
        let away = world.services.iter().any(|service| service.away);
        orphans.retain(|interface, _| away || world.running(interface).is_some());
        self.end_points.retain(|number, _| wishes.end_points.contains_key(&RowId::Added(*number)));
        for id in wishes.ssids.keys() {
            let RowId::Added(number) = id else { continue };
            let Some(radio) = radio_of(number).filter(|_| !self.ssids.contains_key(number)) else { continue };
            let taken = self.taken(world, wishes, bases);
            if let Some(interface) = free_interface(world, &radio, &taken, false) {
                self.ssids.insert(*number, Place { radio, interface });
            }
        }
        for id in wishes.end_points.keys() {
            let RowId::Added(number) = id else { continue };
            if self.end_points.contains_key(number) {
                continue;
            }
            let taken = self.taken(world, wishes, bases);
            let able = world.air.radios.iter().filter(|radio| radio.can_be_station);
            let place = able.filter_map(|radio| {
                let interface = free_interface(world, &radio.key, &taken, true)?;
                Some(Place { radio: radio.key.clone(), interface })
            });
            // A radio that serves is on one channel already: one with an interface to spare comes first.
            if let Some(place) = place.min_by_key(|place| world.interface(&place.interface).is_none()) {
                self.end_points.insert(*number, place);
            }
        }
    }

    /// The interfaces that are somebody's.
    fn taken(&self, world: &World, wishes: &Wishes, bases: &Bases) -> BTreeSet<String> {
        let running = world.services.iter().flat_map(|service| &service.running);
        let mut taken: BTreeSet<String> = running.map(|running| running.interface.clone()).collect();
        taken.extend(bases.interfaces().map(str::to_owned));
        let placed = self.ssids.values().chain(self.end_points.values());
        taken.extend(placed.map(|place| place.interface.clone()));
        // A station that has something to join, or got something to do from the ACS, stays one.
        for joined in &world.stations.joined {
            let key = world.radio_of(&joined.interface).unwrap_or_default();
            let key = RowId::Found(crate::row_id::key_of(&key, &joined.interface));
            let wished = wishes.end_points.get(&key).is_some_and(|wish| !wish.profiles.is_empty());
            if joined.connected || joined.trying || !joined.foreign.is_empty() || wished {
                taken.insert(joined.interface.clone());
            }
        }
        taken
    }
}

/// An interface of a radio that nobody has; if there is none, the name of a new one.
fn free_interface(world: &World, radio: &str, taken: &BTreeSet<String>, station: bool) -> Option<String> {
    let known = world.air.radios.iter().find(|known| known.key == radio);
    let mut own: Vec<_> = world
        .air
        .interfaces
        .iter()
        .filter(|interface| known.is_some_and(|radio| radio.index == interface.radio))
        .collect();
    own.sort_by_key(|interface| interface.index);
    // An interface that stays a station's is free for a station alone.
    let fits = |role: Role| role != Role::Other && (!station || role == Role::Station);
    let free = own.iter().find(|interface| fits(interface.role) && !taken.contains(&interface.name));
    if let Some(interface) = free {
        return Some(interface.name.clone());
    }
    let base = match own.first() {
        Some(interface) => interface.name.clone(),
        // The kernel knows of no such radio; where it knows of none at all, the radio has the name of an interface.
        None if known.is_none() && !world.air.none => return None,
        None => known.map_or(radio, |radio| &radio.name).to_owned(),
    };
    let mut names = (1..).map(|n: u32| {
        let end = format!("_{n}");
        format!("{}{end}", &base[..base.len().min(NAME - end.len())])
    });
    names.find(|name| !taken.contains(name) && world.interface(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::twin::{interface, radio};

    fn world(names: &[&str]) -> World {
        let mut world = World::default();
        world.air.radios = vec![radio(0)];
        let interfaces = names.iter().zip(1_u32..).map(|(name, index)| interface(0, index, name));
        world.air.interfaces = interfaces.collect();
        world
    }

    #[test]
    fn a_new_interface_has_a_name_that_the_kernel_takes_and_nobody_has() {
        let world = world(&["wlx0200000000000", "wlx0200000000_1"]);
        let taken: BTreeSet<String> =
            world.air.interfaces.iter().map(|interface| interface.name.clone()).collect();
        let name = free_interface(&world, &radio(0).key, &taken, false).unwrap();
        assert_eq!(name, "wlx0200000000_2");
        assert_eq!(name.len(), NAME);
    }

    #[test]
    fn a_radio_that_nobody_knows_has_no_interfaces() {
        assert_eq!(free_interface(&world(&["wlan0"]), "another", &BTreeSet::new(), false), None);
    }

    #[test]
    fn the_radio_s_own_interface_is_the_first_choice() {
        let (world, own) = (world(&["wlan0"]), radio(0).key);
        assert_eq!(free_interface(&world, &own, &BTreeSet::new(), false).as_deref(), Some("wlan0"));
        let taken = BTreeSet::from(["wlan0".to_owned()]);
        assert_eq!(free_interface(&world, &own, &taken, true).as_deref(), Some("wlan0_1"));
    }
}
