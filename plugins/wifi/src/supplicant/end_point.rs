//! Stations: which networks an interface may join.
//!
//! Ours are known by the tag that the service keeps with each. What was given to them is remembered here, since the service
//! shows no key; after this program began anew each is given everything once more, which changes nothing where it is the same.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use zbus::zvariant::Value;

use crate::back_end::{EndPoints, Failure, Joined};
use crate::facts::Ssid;
use crate::plan::{Mode, ProfilePlan, StationPlan};
use crate::supplicant::calls::Arguments;
use crate::supplicant::heard::{heard, Heard};
use crate::supplicant::interface::{interfaces, Interface};
use crate::supplicant::network::{Network, Part, Tag, Wanted};
use crate::supplicant::wire::{State, INTERFACE, NAME, NETWORK};
use crate::supplicant::wps::Wps;
use crate::supplicant::Supplicant;

/// The driver of interfaces that have a radio.
const DRIVER: &str = "nl80211";
/// What a profile is better than anyway: a network of somebody else that has no priority.
const ABOVE_OTHERS: i32 = 1;

#[async_trait(?Send)]
impl EndPoints for Supplicant {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn look(&self) -> Result<Vec<Joined>, Failure> {
        let all = interfaces(&self.calls, &self.known).await?;
        let stations = all.iter().filter(|interface| is_station(interface));
        try_join_all(stations.map(|interface| self.joined(interface))).await
    }

    async fn apply(&self, plan: &StationPlan) -> Result<(), Failure> {
        let mut profiles = plan.profiles.iter().map(Profile::new).collect::<Result<Vec<_>, _>>()?;
        if plan.chosen.is_some_and(|chosen| chosen >= profiles.len()) {
            return Err(Failure::Impossible("the profile that is chosen is none of the plan".to_owned()));
        }
        self.memory.borrow_mut().begin(self.known.owner());
        let all = interfaces(&self.calls, &self.known).await?;
        let found = all.into_iter().find(|interface| interface.name == plan.interface);
        match found {
            Some(interface) => self.put_all(&interface, &mut profiles, plan).await,
            None if profiles.is_empty() && plan.wps.as_ref().is_none_or(Vec::is_empty) => Ok(()),
            None => {
                let interface = self.take(&plan.interface).await?;
                let done = self.put_all(&interface, &mut profiles, plan).await;
                self.keep_if(&interface, done).await
            }
        }
    }

    fn modes(&self) -> Vec<Mode> {
        self.modes_of_stations()
    }

    fn wps(&self) -> Vec<&'static str> {
        self.wps_methods()
    }

    async fn release(&self, interface: &str) -> Result<(), Failure> {
        let all = interfaces(&self.calls, &self.known).await?;
        match all.iter().find(|found| found.name == interface) {
            Some(found) => self.calls.remove_interface(&found.path).await,
            None => Ok(()),
        }
    }

    async fn take_again(&self, interface: &str) -> Result<(), Failure> {
        let all = interfaces(&self.calls, &self.known).await?;
        if all.iter().any(|found| found.name == interface) {
            return Ok(());
        }
        self.take(interface).await.map(drop)
    }
}

/// A profile of a plan, in the words of the service.
struct Profile {
    wanted: Wanted,
    priority: i32,
}

impl Profile {
    fn new(plan: &ProfilePlan) -> Result<Self, Failure> {
        let mut wanted = Wanted::network(&plan.ssid, &plan.security)?;
        // It may be one whose beacons do not say its name.
        wanted.number("scan_ssid", 1);
        Ok(Self { wanted, priority: i32::from(plan.priority) + ABOVE_OTHERS })
    }
}

/// An access point is no station, nor is an interface that is configured as nothing else.
fn is_station(interface: &Interface) -> bool {
    match interface.current() {
        Some(network) => !network.is_access_point(),
        None => {
            let mut on = interface.networks.iter().filter(|network| network.enabled).peekable();
            on.peek().is_none() || on.any(|network| !network.is_access_point())
        }
    }
}

/// A network that a plan asks for, and where it is.
struct Placed {
    path: String,
    /// As it was; nothing if it is new.
    before: Option<Network>,
}

impl Supplicant {
    async fn joined(&self, interface: &Interface) -> Result<Joined, Failure> {
        let stations = || interface.networks.iter().filter(|network| !network.is_access_point());
        let ours: Vec<(usize, &Network)> =
            stations().filter_map(|network| Some((network.profile()?, network))).collect();
        // What was heard matters for profiles only; where we are, always.
        let paths: Vec<String> = if ours.is_empty() {
            interface.bss.iter().cloned().collect()
        } else {
            interface
                .heard
                .iter()
                .chain(interface.bss.iter().filter(|bss| !interface.heard.contains(bss)))
                .cloned()
                .collect()
        };
        let heard = heard(&self.calls, &paths).await?;
        let at = heard.iter().find(|heard| Some(&heard.path) == interface.bss.as_ref());
        let current = interface.current();
        let refused = self.known.refused(&interface.path);
        let profiles_of = |is: &dyn Fn(&Network) -> bool| -> Vec<usize> {
            let found: BTreeSet<usize> =
                ours.iter().filter(|(_, network)| is(network)).map(|(index, _)| *index).collect();
            found.into_iter().collect()
        };
        let some_on = stations().any(|network| network.enabled);
        Ok(Joined {
            interface: interface.name.clone(),
            connected: interface.state == State::Completed,
            trying: match interface.state {
                State::Joining | State::Handshake => true,
                State::Scanning => some_on,
                _ => false,
            },
            ssid: current.and_then(Network::ssid).or_else(|| {
                at.map(|heard| heard.ssid.clone()).filter(|ssid| !ssid.is_empty()).and_then(Ssid::new)
            }),
            bssid: at.and_then(|heard| heard.bssid),
            profile: current.and_then(Network::profile),
            available: profiles_of(&|network| heard.iter().any(|heard| heard.is_of(network))),
            refused: profiles_of(&|network| refused.contains(&network.path)),
            // One without a name, as of a cable, is a network all the same.
            foreign: stations()
                .filter(|network| network.tag.is_none())
                .map(|network| network.ssid().unwrap_or_default())
                .collect(),
            wps: interface.wps.as_ref().map(Wps::methods).unwrap_or_default(),
        })
    }

    /// Takes an interface that the service does not have yet.
    pub(crate) async fn take(&self, name: &str) -> Result<Interface, Failure> {
        let path = self.calls.create_interface(name, DRIVER).await?;
        let found = crate::supplicant::interface::one(&self.calls, &path).await?;
        found.ok_or_else(|| Failure::Refused(format!("{NAME} took {name} and let go of it")))
    }

    /// Lets go of an interface that was taken for a plan that failed.
    pub(crate) async fn keep_if(
        &self,
        interface: &Interface,
        done: Result<(), Failure>,
    ) -> Result<(), Failure> {
        if done.is_err() {
            // Why the plan failed is what counts.
            let _ = self.calls.remove_interface(&interface.path).await;
        }
        done
    }

    /// Gives an interface all that a plan says of it. WPS goes first: it can be taken back.
    async fn put_all(
        &self,
        interface: &Interface,
        profiles: &mut [Profile],
        plan: &StationPlan,
    ) -> Result<(), Failure> {
        let image = self.memory.borrow().images.get(&interface.path).cloned();
        self.put_wps(interface, plan.wps.as_deref()).await?;
        let done = self.put(interface, profiles, plan.chosen).await;
        if done.is_err() {
            self.take_back_wps(interface, image).await;
        }
        done
    }

    /// Gives an interface these profiles and no other ones of ours.
    async fn put(
        &self,
        interface: &Interface,
        profiles: &mut [Profile],
        chosen: Option<usize>,
    ) -> Result<(), Failure> {
        for profile in profiles.iter_mut() {
            profile.wanted.fit(interface)?;
        }
        let mut ours: Vec<&Network> =
            interface.networks.iter().filter(|network| network.profile().is_some()).collect();
        let mut silenced: BTreeSet<u32> = ours.iter().flat_map(|network| network.silenced()).collect();
        let foreign = |on: bool| {
            interface.networks.iter().filter(move |network| network.tag.is_none() && network.enabled == on)
        };
        if chosen.is_some() {
            silenced.extend(foreign(true).filter_map(Network::place));
        }
        let mut placed = Vec::new();
        for (index, profile) in profiles.iter().enumerate() {
            let silenced = if chosen == Some(index) { silenced.clone() } else { BTreeSet::new() };
            let tag = Tag { part: Part::Profile(index), silenced };
            let before = self.find(&ours, index, profile).map(|at| ours.remove(at));
            match self.place(interface, profile, &tag, before).await {
                Ok(path) => placed.push(Placed { path, before: before.cloned() }),
                Err(failure) => {
                    self.take_back(interface, &placed).await;
                    return Err(failure);
                }
            }
        }
        if let Some(chosen) = chosen {
            self.choose(interface, &placed[chosen]).await?;
        }
        // What is left of ours is not in the plan. The service itself then looks for another network.
        for network in &ours {
            self.remove(&interface.path, &network.path).await?;
        }
        if chosen.is_none() {
            let on =
                placed.iter().filter(|placed| !placed.before.as_ref().is_some_and(|before| before.enabled));
            for placed in on {
                self.calls.enable(&placed.path, true).await?;
            }
            for network in foreign(false) {
                if network.place().is_some_and(|place| silenced.contains(&place)) {
                    self.calls.enable(&network.path, true).await?;
                }
            }
            let changed = !ours.is_empty() || placed.iter().any(|placed| placed.before.is_none());
            if changed {
                self.prefer(&interface.path).await?;
            }
        }
        Ok(())
    }

    /// Which of our networks is this profile already.
    fn find(&self, ours: &[&Network], index: usize, profile: &Profile) -> Option<usize> {
        let memory = self.memory.borrow();
        let same = |network: &&Network| {
            memory.given(&network.path) == Some(&profile.wanted) && profile.wanted.is_shown_by(network)
        };
        // One that this program gave nothing is what it seems to be: its key is given once more.
        let unknown = |network: &&Network| {
            memory.given(&network.path).is_none()
                && network.profile() == Some(index)
                && profile.wanted.is_shown_by(network)
        };
        ours.iter().position(same).or_else(|| ours.iter().position(unknown))
    }

    /// Makes sure that a profile is there, and where.
    async fn place(
        &self,
        interface: &Interface,
        profile: &Profile,
        tag: &Tag,
        before: Option<&Network>,
    ) -> Result<String, Failure> {
        let text = tag.to_string();
        let Some(network) = before else {
            let mut all = profile.wanted.arguments(Some(&text));
            all.insert("priority", Value::from(profile.priority));
            let path = self.calls.add_network(&interface.path, &all).await?;
            self.memory.borrow_mut().give(&path, profile.wanted.clone());
            return Ok(path);
        };
        let is_known = self.memory.borrow().given(&network.path).is_some();
        let mut all: Arguments<'_> = if is_known { HashMap::new() } else { profile.wanted.arguments(None) };
        if network.tag.as_ref() != Some(tag) {
            all.insert("id_str", Value::from(text.as_str()));
        }
        if network.number("priority") != Some(i64::from(profile.priority)) {
            all.insert("priority", Value::from(profile.priority));
        }
        if !all.is_empty() {
            self.calls.set(&network.path, NETWORK, "Properties", all).await?;
        }
        self.memory.borrow_mut().give(&network.path, profile.wanted.clone());
        Ok(network.path.clone())
    }

    /// Removes what was added for a plan that failed. What then fails is not said: the plan has failed already.
    async fn take_back(&self, interface: &Interface, placed: &[Placed]) {
        for new in placed.iter().filter(|placed| placed.before.is_none()) {
            let _ = self.remove(&interface.path, &new.path).await;
        }
    }

    /// Takes a network away.
    pub(crate) async fn remove(&self, interface: &str, network: &str) -> Result<(), Failure> {
        self.memory.borrow_mut().forget(network);
        self.known.forget_network(interface, network);
        self.calls.about(interface, "RemoveNetwork", network).await
    }

    /// Has an interface join this network and no other one.
    async fn choose(&self, interface: &Interface, placed: &Placed) -> Result<(), Failure> {
        let others_on = interface.networks.iter().any(|other| other.enabled && other.path != placed.path);
        let is_on = placed.before.as_ref().is_some_and(|before| before.enabled);
        if is_on && !others_on {
            return Ok(());
        }
        self.calls.about(&interface.path, "SelectNetwork", &placed.path).await
    }

    /// Moves to a network of a higher priority than where it is, if one was heard: the service does so only when asked.
    async fn prefer(&self, path: &str) -> Result<(), Failure> {
        let found = crate::supplicant::interface::one(&self.calls, path).await?;
        let Some(interface) = found.filter(|interface| interface.state == State::Completed) else {
            return Ok(());
        };
        let Some(current) = interface.current() else { return Ok(()) };
        let priority = |network: &Network| network.number("priority").unwrap_or(0);
        let better: Vec<&Network> = interface
            .networks
            .iter()
            .filter(|network| network.enabled && priority(network) > priority(current))
            .collect();
        if better.is_empty() {
            return Ok(());
        }
        let heard: Vec<Heard> = heard(&self.calls, &interface.heard).await?;
        if heard.iter().any(|heard| better.iter().any(|network| heard.is_of(network))) {
            let asked = self.calls.call(path, INTERFACE, "Reassociate", &(), super::calls::CHANGE).await;
            return match asked {
                // It left in the meantime, and looks around anyway.
                Err(Failure::Refused(_)) | Ok(_) => Ok(()),
                Err(failure) => Err(failure),
            };
        }
        Ok(())
    }
}
