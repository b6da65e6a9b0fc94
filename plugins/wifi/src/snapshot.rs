//! What is known at one moment, whole: what reads are answered from, and what is compared to tell what changed.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use crate::back_end::Progress;
use crate::bases::Bases;
use crate::facts::{channel_of, Mac};
use crate::objects::{ProfileStatus, Service, Status};
use crate::planner;
use crate::row_id::RowId;
use crate::tree::{ApNode, EndPointNode, RadioNode, SsidNode, Tree};
use crate::world::World;

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) world: Rc<World>,
    pub(crate) tree: Rc<Tree>,
    pub(crate) bases: Rc<Bases>,
    /// What could not be made true, by the key of the radio or the name of the interface.
    pub(crate) failed: BTreeMap<String, String>,
    pub(crate) moments: Moments,
}

/// Since when things are as they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    radios: BTreeMap<String, (Status, Instant)>,
    channels: BTreeMap<String, (Option<u16>, Instant)>,
    ssids: BTreeMap<RowId, (Status, Instant)>,
    arrivals: BTreeMap<(String, Mac), SystemTime>,
}

fn since<K: Ord + Clone, V: PartialEq>(
    map: &mut BTreeMap<K, (V, Instant)>,
    now: Instant,
    all: impl Iterator<Item = (K, V)>,
) {
    let mut old = std::mem::take(map);
    for (key, value) in all {
        let moment =
            old.remove(&key).filter(|(before, _)| *before == value).map_or(now, |(_, moment)| moment);
        map.insert(key, (value, moment));
    }
}

fn seconds<K: Ord, V>(map: &BTreeMap<K, (V, Instant)>, key: &K) -> u32 {
    let seconds = map.get(key).map_or(0, |(_, moment)| moment.elapsed().as_secs());
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

impl Snapshot {
    /// The next one after this: what is the same is so since then.
    pub(crate) fn next(
        &self,
        world: Rc<World>,
        tree: Rc<Tree>,
        bases: Rc<Bases>,
        failed: BTreeMap<String, String>,
    ) -> Self {
        let mut next = Self { world, tree, bases, failed, moments: self.moments.clone() };
        let now = Instant::now();
        let tree = Rc::clone(&next.tree);
        let mut moments = std::mem::take(&mut next.moments);
        let radios = tree.radios.iter().map(|radio| (radio.key.clone(), next.radio_status(radio)));
        since(&mut moments.radios, now, radios);
        let channels = tree.radios.iter().map(|radio| (radio.key.clone(), next.channel(radio)));
        since(&mut moments.channels, now, channels);
        let ssids = tree.ssids.iter().map(|ssid| (ssid.id.clone(), next.ssid_status(ssid)));
        since(&mut moments.ssids, now, ssids);
        let mut old = std::mem::take(&mut moments.arrivals);
        for ssid in &tree.ssids {
            for mac in Self::stations(ssid) {
                let key = (ssid.interface.clone().unwrap_or_default(), *mac);
                let moment = old.remove(&key).unwrap_or_else(SystemTime::now);
                moments.arrivals.insert(key, moment);
            }
        }
        next.moments = moments;
        next
    }

    /// Whether anything of a radio's access points is made true by a service that does not answer.
    fn away(&self, radio: &RadioNode) -> bool {
        radio.service.and_then(|index| self.world.services.get(index)).is_some_and(|service| service.away)
    }

    pub(crate) fn radio_status(&self, radio: &RadioNode) -> Status {
        let own = || self.tree.ssids.iter().filter(|ssid| ssid.radio.as_ref() == Some(&radio.key));
        if self.world.air.failure.is_some() {
            return Status::Unknown;
        }
        if !radio.enabled() {
            return Status::Down;
        }
        let wanted = || own().any(|ssid| planner::is_on(&self.tree, ssid));
        if self.failed.contains_key(&radio.key) || (self.away(radio) && wanted()) {
            return Status::Error;
        }
        let progress = |progress: Progress| {
            own().any(|s| !s.away && s.running.as_ref().is_some_and(|running| running.progress == progress))
        };
        let up = radio.interfaces.iter().any(|interface| interface.up);
        let joined = own().any(|s| !s.away && s.joined.as_ref().is_some_and(|joined| joined.connected));
        if progress(Progress::On) || joined {
            Status::Up
        } else if progress(Progress::Starting) {
            Status::Dormant
        } else if progress(Progress::Failed) {
            Status::Error
        } else if up {
            Status::Up
        } else {
            Status::Down
        }
    }

    /// The channel that a radio is on.
    pub(crate) fn channel(&self, radio: &RadioNode) -> Option<u16> {
        planner::frequency(&self.tree, &self.world, radio).and_then(channel_of)
    }

    pub(crate) fn radio_last_change(&self, key: &str) -> u32 {
        seconds(&self.moments.radios, &key.to_owned())
    }

    pub(crate) fn channel_last_change(&self, key: &str) -> u32 {
        seconds(&self.moments.channels, &key.to_owned())
    }

    pub(crate) fn ssid_last_change(&self, id: &RowId) -> u32 {
        seconds(&self.moments.ssids, id)
    }

    pub(crate) fn arrival(&self, interface: &str, mac: Mac) -> Option<SystemTime> {
        self.moments.arrivals.get(&(interface.to_owned(), mac)).copied()
    }

    pub(crate) fn ssid_status(&self, ssid: &SsidNode) -> Status {
        if ssid.away {
            return Status::NotPresent;
        }
        if !ssid.enabled && ssid.joined.is_none() {
            return Status::Down;
        }
        let Some(radio) = ssid.radio.as_ref().and_then(|key| self.tree.radio(key)) else {
            return Status::LowerLayerDown;
        };
        if let Some(joined) = &ssid.joined {
            return match (joined.connected, joined.trying, radio.enabled()) {
                (_, _, false) => Status::LowerLayerDown,
                (true, ..) => Status::Up,
                (_, true, _) => Status::Dormant,
                _ => Status::Down,
            };
        }
        if !radio.enabled() {
            return Status::LowerLayerDown;
        }
        if !planner::is_on(&self.tree, ssid) {
            return Status::Down;
        }
        if self.failed.contains_key(&radio.key) {
            return Status::Error;
        }
        match ssid.running.as_ref().map(|running| running.progress) {
            Some(Progress::On) => Status::Up,
            Some(Progress::Starting) => Status::Dormant,
            Some(Progress::Failed) => Status::Error,
            Some(Progress::Off) | None => Status::Down,
        }
    }

    pub(crate) fn ap_status(&self, ap: &ApNode) -> Service {
        if !ap.enabled {
            return Service::Disabled;
        }
        if ap.wrong.is_some() {
            return Service::Misconfigured;
        }
        let Some(ssid) = ap.ssid.as_ref().and_then(|id| self.tree.ssid(id)) else {
            return Service::Misconfigured;
        };
        match self.ssid_status(ssid) {
            Status::Up | Status::Dormant => Service::Enabled,
            // What carries it is switched off.
            Status::LowerLayerDown => Service::Disabled,
            Status::Down if !ssid.enabled => Service::Disabled,
            // It should be on the air and is not.
            Status::Down | Status::NotPresent | Status::Error | Status::Unknown => Service::Error,
        }
    }

    /// Who is let in to a network now.
    pub(crate) fn stations(ssid: &SsidNode) -> &[Mac] {
        match &ssid.running {
            Some(running) if !ssid.away && running.progress == Progress::On => &running.stations,
            _ => &[],
        }
    }

    pub(crate) fn end_point_status(&self, end_point: &EndPointNode) -> Service {
        if !end_point.enabled() {
            return Service::Disabled;
        }
        let failed = end_point.interface.as_ref().is_none_or(|name| self.failed.contains_key(name));
        let lost = matches!(end_point.id, RowId::Added(_)) && end_point.joined.is_none();
        if end_point.away || failed {
            return Service::Error;
        }
        let others = end_point.joined.as_ref().is_some_and(|joined| !joined.foreign.is_empty());
        let usable = planner::usable(end_point, &self.world.stations.modes);
        let chosen = match end_point.wish.profile {
            _ if end_point.wish.lost => false,
            Some(number) => usable.contains(&number),
            None => !usable.is_empty() || others,
        };
        match (chosen, lost) {
            (false, _) => Service::Misconfigured,
            (true, true) => Service::Error,
            (true, false) => Service::Enabled,
        }
    }

    pub(crate) fn profile_status(&self, end_point: &EndPointNode, number: u32) -> ProfileStatus {
        let Some(wish) = end_point.wish.profiles.get(&number).filter(|wish| wish.enable) else {
            return ProfileStatus::Disabled;
        };
        let usable = planner::usable(end_point, &self.world.stations.modes);
        let Some(position) = usable.iter().position(|usable| *usable == number) else {
            return ProfileStatus::Error;
        };
        debug_assert!(!wish.ssid.is_empty(), "what has no name is not usable");
        let joined = end_point.joined.as_ref().filter(|_| !end_point.away);
        match joined {
            Some(joined) if joined.connected && joined.profile == Some(position) => ProfileStatus::Active,
            Some(joined) if joined.refused.contains(&position) => ProfileStatus::Error,
            _ => ProfileStatus::Available,
        }
    }

    /// The profile that an end point is joined by.
    pub(crate) fn active(&self, end_point: &EndPointNode) -> Option<u32> {
        let joined = end_point.joined.as_ref().filter(|joined| joined.connected && !end_point.away)?;
        planner::usable(end_point, &self.world.stations.modes).get(joined.profile?).copied()
    }
}
