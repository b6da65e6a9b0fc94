//! Makes true what was set: each radio and each station at once, and only what is not so already.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use cwmp_plugin_sdk::{Error, Level};

use crate::back_end::{Event, Failure};
use crate::bases::Bases;
use crate::cut_off;
use crate::facts::Ssid;
use crate::places::Places;
use crate::plan::{Mode, RadioPlan, StationPlan};
use crate::planner;
use crate::plugin::WiFi;
use crate::row_id::RowId;
use crate::snapshot::Snapshot;
use crate::tree::{EndPointNode, RadioNode, Tree};
use crate::view::POWERS;
use crate::watch::Looks;
use crate::world::World;

/// How long the kernel may take to take another law.
const LAW: Duration = Duration::from_secs(2);
/// How often it is asked for it meanwhile.
const LAW_STEP: Duration = Duration::from_millis(40);

/// What was made true, or was not.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// By the key of the radio.
    radios: BTreeMap<String, RadioPlan>,
    /// What the services said of it afterwards, by the key of the radio.
    seen: BTreeMap<String, Seen>,
    /// Radios whose networks were to go while their service did not answer: it may have them still.
    unheard: BTreeSet<String>,
    /// By the interface.
    stations: BTreeMap<String, StationPlan>,
    kernel: BTreeMap<String, Kernel>,
    /// What failed, and how: by the key of the radio, or the interface.
    failed: BTreeMap<String, Failed>,
    /// The law before somebody set one.
    law_before: Option<String>,
    /// Interfaces that we switched off.
    down: BTreeSet<String>,
    /// Interfaces that the service of stations let go of, for a network.
    released: BTreeSet<String>,
    /// Interfaces of stations that we made.
    made: BTreeSet<String>,
    /// Somebody was told something since the last look.
    acted: bool,
}

/// The networks of a radio by their interfaces: what they are called, and how they are protected.
type Seen = BTreeMap<String, (Ssid, Mode)>;

/// What the kernel was told of a radio.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Kernel {
    country: Option<String>,
    power: Option<i32>,
    /// Something failed since: how far it came nobody knows.
    doubted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed {
    why: Failure,
    radio: Option<RadioPlan>,
    station: Option<StationPlan>,
}

impl Done {
    /// What could not be made true, with the reason.
    pub(crate) fn failures(&self) -> BTreeMap<String, String> {
        self.failed.iter().map(|(key, failed)| (key.clone(), failed.why.to_string())).collect()
    }

    /// Forgets what was made true of radios, so that it is made true again.
    pub(crate) fn doubt(&mut self, radios: impl Fn(&str) -> bool) {
        self.radios.retain(|key, _| !radios(key));
    }

    /// Forgets what was made true of stations.
    pub(crate) fn doubt_stations(&mut self) {
        self.stations.clear();
    }

    /// The failures are tried again.
    pub(crate) fn try_again(&mut self) {
        for failed in self.failed.values_mut() {
            failed.radio = None;
            failed.station = None;
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        !(self.failed.is_empty() && self.unheard.is_empty())
    }
}

/// What the services and the kernel are told.
struct Job {
    world: Rc<World>,
    tree: Rc<Tree>,
    bases: Rc<Bases>,
}

impl WiFi {
    /// Makes true what was set just now. The error is the first that something which was not so before met.
    pub(crate) async fn commit(&self, reset: bool) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        self.remember_image()?;
        if reset {
            self.switch_off_and_on().await?;
        }
        let failure = self.enforce().await;
        self.settle().await?;
        if failure.is_some() {
            // What is stored now goes with the commit; so it is stored once more when that is over.
            let _ = self.sender.send(Event::Air);
        }
        failure.map_or(Ok(()), |failure| Err(error_of(&failure)))
    }

    /// Makes true what was set once, after something changed by itself. What fails shows in a status, and is tried again.
    pub(crate) async fn restore(&self) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        self.remember_image()?;
        if let Some(failure) = self.enforce().await {
            self.host.log(Level::Warning, &format!("what was set cannot be made true: {failure}"));
        }
        self.settle().await
    }

    /// Before a radio is touched for the first time, notes what the image made of it.
    fn remember_image(&self) -> Result<(), Error> {
        self.reconsider()?;
        let snapshot = self.snapshot();
        let (world, tree) = (&snapshot.world, &snapshot.tree);
        let mut bases = (*snapshot.bases).clone();
        for radio in tree.radios.iter().filter(|radio| planner::touches(tree, &radio.key)) {
            for ssid in tree.ssids.iter().filter(|ssid| ssid.radio.as_ref() == Some(&radio.key)) {
                let Some(interface) = ssid.interface.as_deref().filter(|_| !ssid.away) else { continue };
                if matches!(ssid.id, RowId::Found(_)) && bases.get(interface).is_none() {
                    if let Some(base) = planner::base_of(world, &radio.key, interface) {
                        bases.insert(interface, base);
                    }
                }
            }
        }
        if bases == *snapshot.bases {
            return Ok(());
        }
        bases.store(&snapshot.bases, &self.host)?;
        self.state.borrow_mut().bases = Rc::new(bases);
        self.reconsider()
    }

    /// Looks at what came of it, forgets what the image made where it is so again, and keeps what is to be kept.
    async fn settle(&self) -> Result<(), Error> {
        if std::mem::take(&mut self.state.borrow_mut().done.acted) {
            self.look(&Looks::all()).await;
        }
        self.reconsider()?;
        let snapshot = self.snapshot();
        self.note_what_is_seen(&snapshot);
        let mut bases = (*snapshot.bases).clone();
        for radio in &snapshot.tree.radios {
            let untouched = !planner::touches(&snapshot.tree, &radio.key);
            let failed = snapshot.failed.contains_key(&radio.key);
            if !failed {
                let is_of = |interface: &String| bases.get(interface).is_none_or(|b| b.radio == radio.key);
                self.state.borrow_mut().recalled.retain(|interface| !is_of(interface));
            }
            if untouched && !failed {
                bases.forget(&radio.key);
                self.state.borrow_mut().done.radios.remove(&radio.key);
            }
        }
        // What was stored by a commit that failed is not there any more, whatever is remembered here.
        bases.store(&Bases::load(&self.host)?, &self.host)?;
        if bases != *snapshot.bases {
            self.state.borrow_mut().bases = Rc::new(bases);
            self.reconsider()?;
        }
        if !self.preparing.get() {
            cut_off::forget(&self.host)?;
        }
        let places = Rc::clone(&self.state.borrow().places);
        places.store(&Places::load(&self.host)?, &self.host)
    }

    /// What the services say of what was just made true.
    fn note_what_is_seen(&self, snapshot: &Snapshot) {
        let done = &mut self.state.borrow_mut().done;
        let Done { radios, seen, .. } = done;
        seen.retain(|key, _| radios.contains_key(key));
        for (key, plan) in radios.iter() {
            seen.entry(key.clone()).or_insert_with(|| seen_of(plan, snapshot));
        }
    }

    /// What somebody else has made of networks since, such as a person with `hostapd_cli`, is to be put right.
    pub(crate) fn doubt_what_is_different(&self) {
        let state = &mut *self.state.borrow_mut();
        let world = Rc::clone(&state.world);
        let is_different = |(interface, before): (&String, &(Ssid, Mode))| {
            world.running(interface).is_some_and(|(index, now)| {
                !world.services[index].away
                    && (&now.settings.ssid, now.settings.security.mode) != (&before.0, before.1)
            })
        };
        let seen = std::mem::take(&mut state.done.seen);
        let (different, same) = seen.into_iter().partition(|(_, seen)| seen.iter().any(is_different));
        state.done.seen = same;
        let different: BTreeMap<String, Seen> = different;
        state.done.doubt(|key| different.contains_key(key));
    }

    /// Makes true what is not so, and says what failed first of that which is new.
    async fn enforce(&self) -> Option<Failure> {
        let snapshot = self.snapshot();
        let job = Job {
            world: Rc::clone(&snapshot.world),
            tree: Rc::clone(&snapshot.tree),
            bases: Rc::clone(&snapshot.bases),
        };
        let mut first = None;
        for radio in &job.tree.radios {
            let plan = planner::radio_plan(&job.world, &job.tree, &job.bases, radio);
            if self.failed_so_before(&radio.key, Some(&plan), None) {
                continue;
            }
            let result = self.enforce_radio(&job, radio, &plan).await;
            self.note(&radio.key, result, Some(plan), None, &mut first);
        }
        let mut planned = BTreeSet::new();
        for end_point in &job.tree.end_points {
            let plan = planner::station_plan(&job.tree, end_point, &job.world.stations);
            let Some(plan) = plan else { continue };
            planned.insert(plan.interface.clone());
            let interface = plan.interface.clone();
            if self.failed_so_before(&interface, None, Some(&plan)) {
                continue;
            }
            let result = self.enforce_station(&job, end_point, &plan).await;
            self.note(&interface, result, None, Some(plan), &mut first);
        }
        let known: Vec<String> = self.state.borrow().done.stations.keys().cloned().collect();
        for interface in known.into_iter().filter(|interface| !planned.contains(interface)) {
            let result = self.let_go(&job, &interface).await;
            self.note(&interface, result, None, None, &mut first);
        }
        self.give_back().await;
        let keys = |key: &String| job.tree.radio(key).is_some() || planned.contains(key);
        let done = &mut self.state.borrow_mut().done;
        done.failed.retain(|key, _| keys(key));
        done.radios.retain(|key, _| job.tree.radio(key).is_some());
        done.unheard.retain(|key| job.tree.radio(key).is_some());
        first
    }

    fn failed_so_before(&self, key: &str, radio: Option<&RadioPlan>, station: Option<&StationPlan>) -> bool {
        let state = self.state.borrow();
        let failed = state.done.failed.get(key);
        failed.is_some_and(|failed| {
            (radio.is_some() && failed.radio.as_ref() == radio)
                || (station.is_some() && failed.station.as_ref() == station)
        })
    }

    fn note(
        &self,
        key: &str,
        result: Result<(), Failure>,
        radio: Option<RadioPlan>,
        station: Option<StationPlan>,
        first: &mut Option<Failure>,
    ) {
        let done = &mut self.state.borrow_mut().done;
        match result {
            Ok(()) => {
                done.failed.remove(key);
                if let Some(kernel) = done.kernel.get_mut(key) {
                    kernel.doubted = false;
                }
            }
            Err(why) => {
                // How far it came nobody knows.
                done.radios.remove(key);
                done.stations.remove(key);
                if let Some(kernel) = done.kernel.get_mut(key) {
                    kernel.doubted = true;
                }
                first.get_or_insert_with(|| why.clone());
                done.failed.insert(key.to_owned(), Failed { why, radio, station });
            }
        }
    }

    async fn enforce_radio(&self, job: &Job, radio: &RadioNode, plan: &RadioPlan) -> Result<(), Failure> {
        self.enforce_law(job, radio).await?;
        if radio.enabled() {
            self.switch(radio, true).await?;
        }
        self.enforce_networks(job, radio, plan).await?;
        self.enforce_power(job, radio).await?;
        if !radio.enabled() {
            self.switch(radio, false).await?;
        }
        Ok(())
    }

    async fn enforce_networks(&self, job: &Job, radio: &RadioNode, plan: &RadioPlan) -> Result<(), Failure> {
        let known = self.state.borrow().done.radios.get(&radio.key).cloned();
        let places = Rc::clone(&self.state.borrow().places);
        let orphans = places.orphans.values().any(|key| *key == radio.key);
        let based = job.bases.iter().any(|(_, base)| base.radio == radio.key);
        if !(planner::touches(&job.tree, &radio.key) || based || orphans || known.is_some()) {
            return Ok(());
        }
        let runs =
            |r: &crate::back_end::Running| job.world.radio_of(&r.interface).as_ref() == Some(&radio.key);
        let something = job.world.services.iter().any(|service| service.running.iter().any(runs));
        if (known.as_ref() == Some(plan) && !orphans) || (plan.networks.is_empty() && !something) {
            return Ok(());
        }
        let service = radio.service.and_then(|index| self.back.access_points.get(index));
        let Some(service) = service else { return Err(Failure::Away("a service for access points")) };
        self.state.borrow_mut().done.acted = true;
        for network in &plan.networks {
            self.take_from_station(job, &network.interface, service.name()).await?;
        }
        // Whatever was seen of it, it is about to be something else.
        self.state.borrow_mut().done.seen.remove(&radio.key);
        match service.apply(plan).await {
            Ok(()) => {}
            // Who is away has nothing on the air; who is only slow is told once more.
            Err(Failure::Away(_)) if plan.networks.is_empty() => {
                self.state.borrow_mut().done.unheard.insert(radio.key.clone());
                return Ok(());
            }
            Err(failure) => return Err(failure),
        }
        let done = &mut self.state.borrow_mut().done;
        done.unheard.remove(&radio.key);
        done.radios.insert(radio.key.clone(), plan.clone());
        Ok(())
    }

    /// An interface that a station had is let go of, if another service is to have it.
    async fn take_from_station(&self, job: &Job, interface: &str, service: &str) -> Result<(), Failure> {
        let Some(stations) = &self.back.end_points else { return Ok(()) };
        let has = job.world.stations.joined.iter().any(|joined| joined.interface == interface);
        if has && stations.name() != service && !job.world.stations.away {
            stations.release(interface).await?;
            self.state.borrow_mut().done.released.insert(interface.to_owned());
        }
        Ok(())
    }

    /// Interfaces that a station had before a network had them are a station's again when they are nobody's.
    async fn give_back(&self) {
        let Some(stations) = &self.back.end_points else { return };
        let free: Vec<String> = {
            let state = self.state.borrow();
            let is_used = |interface: &&String| {
                let radio = state.world.radio_of(interface);
                state.places.has(interface)
                    || state.bases.get(interface).is_some()
                    || radio.is_some_and(|radio| state.done.failed.contains_key(&radio))
            };
            state.done.released.iter().filter(|interface| !is_used(interface)).cloned().collect()
        };
        for interface in free {
            // What is refused, or away, is asked for again the next time.
            if stations.take_again(&interface).await.is_ok() {
                let done = &mut self.state.borrow_mut().done;
                done.released.remove(&interface);
                done.acted = true;
            }
        }
    }

    async fn enforce_law(&self, job: &Job, radio: &RadioNode) -> Result<(), Failure> {
        if radio.facts.is_none() {
            return Ok(());
        }
        let known = self.state.borrow().done.kernel.get(&radio.key).cloned().unwrap_or_default();
        let told = known.country;
        let want = match (&radio.wish.country, &told) {
            (Some(country), _) => country.get(..2).unwrap_or_default().to_owned(),
            (None, Some(_)) => self.state.borrow().done.law_before.clone().unwrap_or_else(|| "00".to_owned()),
            (None, None) => return Ok(()),
        };
        let now = job.world.air.country.clone().unwrap_or_default();
        if radio.wish.country.is_some() && told.is_none() {
            self.state.borrow_mut().done.law_before.get_or_insert_with(|| now.clone());
        }
        if (told.as_ref() != Some(&want) || known.doubted) && now != want {
            {
                // Noted before it is told: what fails later is taken back then.
                let done = &mut self.state.borrow_mut().done;
                done.acted = true;
                done.kernel.entry(radio.key.clone()).or_default().country = Some(want.clone());
            }
            self.back.air.set_country(&want).await?;
            let taken = async {
                while self.back.air.country().await? != want {
                    tokio::time::sleep(LAW_STEP).await;
                }
                Ok(())
            };
            let late = Failure::Refused(format!("the kernel does not take the law of {want}"));
            let result = tokio::time::timeout(LAW, taken).await.unwrap_or(Err(late));
            // What the image had need not be what the kernel takes from us.
            if radio.wish.country.is_some() {
                result?;
            }
        }
        let done = &mut self.state.borrow_mut().done;
        done.kernel.entry(radio.key.clone()).or_default().country = radio.wish.country.as_ref().map(|_| want);
        Ok(())
    }

    async fn enforce_power(&self, job: &Job, radio: &RadioNode) -> Result<(), Failure> {
        let Some(facts) = &radio.facts else { return Ok(()) };
        let known = self.state.borrow().done.kernel.get(&radio.key).cloned().unwrap_or_default();
        if known.power == radio.wish.power && !known.doubted {
            return Ok(());
        }
        let less = radio.wish.power.and_then(|power| POWERS.iter().find(|(percent, _)| *percent == power));
        let limit = less.filter(|(_, less)| *less > 0).and_then(|(_, less)| {
            let frequency = planner::frequency(&job.tree, &job.world, radio);
            let channels = || facts.bands.iter().flat_map(|band| &band.channels).filter(|c| !c.disabled);
            let own = channels().find(|channel| Some(channel.frequency) == frequency);
            let most =
                own.map(|channel| channel.max_power).or_else(|| channels().map(|c| c.max_power).max())?;
            Some(most.saturating_sub(*less))
        });
        {
            let done = &mut self.state.borrow_mut().done;
            done.acted = true;
            done.kernel.entry(radio.key.clone()).or_default().power = radio.wish.power;
        }
        self.back.air.set_power(facts.index, limit).await
    }

    /// Switches the interfaces of a radio off, or those on again that we switched off.
    async fn switch(&self, radio: &RadioNode, up: bool) -> Result<(), Failure> {
        for interface in &radio.interfaces {
            let ours = self.state.borrow().done.down.contains(&interface.name);
            // After a start of ours nobody knows who switched it off.
            let wanted = radio.wish.enable == Some(true) && !interface.up;
            let done = up && !(ours || wanted) || !up && ours;
            self.state.borrow_mut().done.acted |= !done;
            if up && (ours || wanted) {
                self.back.air.set_up(interface.index, true).await?;
                self.state.borrow_mut().done.down.remove(&interface.name);
            } else if !up && !ours {
                self.back.air.set_up(interface.index, false).await?;
                self.state.borrow_mut().done.down.insert(interface.name.clone());
            }
        }
        Ok(())
    }

    async fn enforce_station(
        &self,
        job: &Job,
        node: &EndPointNode,
        plan: &StationPlan,
    ) -> Result<(), Failure> {
        let known = self.state.borrow().done.stations.get(&plan.interface) == Some(plan);
        self.state.borrow_mut().done.acted |= !known;
        let enabled = node.enabled();
        let interface = job.world.interface(&plan.interface);
        if let (Some(interface), true) = (interface, node.wish.enable.is_some()) {
            let ours = self.state.borrow().done.down.contains(&interface.name);
            let radio = job
                .tree
                .radios
                .iter()
                .find(|radio| radio.facts.as_ref().is_some_and(|facts| facts.index == interface.radio));
            if enabled && (ours || !interface.up) && radio.is_some_and(RadioNode::enabled) {
                self.back.air.set_up(interface.index, true).await?;
                self.state.borrow_mut().done.down.remove(&interface.name);
            } else if !enabled && !ours && matches!(node.id, RowId::Found(_)) {
                self.back.air.set_up(interface.index, false).await?;
                self.state.borrow_mut().done.down.insert(interface.name.clone());
            }
        }
        if self.state.borrow().done.stations.get(&plan.interface) == Some(plan) {
            return Ok(());
        }
        let wps = plan.wps.as_ref().is_some_and(|methods| !methods.is_empty());
        let nothing = plan.profiles.is_empty() && !wps && node.joined.is_none();
        if nothing && !self.state.borrow().done.stations.contains_key(&plan.interface) {
            return Ok(());
        }
        let Some(service) = &self.back.end_points else {
            return Err(Failure::Away("a service for stations"));
        };
        if interface.is_none() && !job.world.air.none {
            let places = Rc::clone(&self.state.borrow().places);
            let place = places.end_points.values().find(|place| place.interface == plan.interface);
            let radio =
                place.and_then(|place| job.tree.radio(&place.radio)).and_then(|radio| radio.facts.as_ref());
            let Some(radio) = radio else {
                return Err(Failure::Impossible(format!("no radio for {}", plan.interface)));
            };
            self.back.air.add_station_interface(radio.index, &plan.interface).await?;
            self.state.borrow_mut().done.made.insert(plan.interface.clone());
        }
        service.apply(plan).await?;
        self.state.borrow_mut().done.stations.insert(plan.interface.clone(), plan.clone());
        Ok(())
    }

    /// Nobody wants anything of a station any more.
    async fn let_go(&self, job: &Job, interface: &str) -> Result<(), Failure> {
        self.state.borrow_mut().done.acted = true;
        if let Some(service) = &self.back.end_points {
            let plan = StationPlan {
                interface: interface.to_owned(),
                profiles: Vec::new(),
                chosen: None,
                wps: None,
            };
            match service.apply(&plan).await {
                Ok(()) | Err(Failure::Away(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        let known = job.world.interface(interface).map(|interface| interface.index);
        let ours = self.state.borrow().done.down.contains(interface);
        let made = self.state.borrow().done.made.contains(interface);
        match known {
            Some(index) if made => self.back.air.remove_interface(index).await?,
            Some(index) if ours => self.back.air.set_up(index, true).await?,
            _ => {}
        }
        let done = &mut self.state.borrow_mut().done;
        done.stations.remove(interface);
        done.down.remove(interface);
        done.made.remove(interface);
        Ok(())
    }

    /// `Device.WiFi.Reset`: everything off, and on again.
    async fn switch_off_and_on(&self) -> Result<(), Error> {
        let snapshot = self.snapshot();
        for radio in &snapshot.tree.radios {
            for interface in radio.interfaces.iter().filter(|interface| interface.up) {
                self.back.air.set_up(interface.index, false).await.map_err(|failure| error_of(&failure))?;
                self.back.air.set_up(interface.index, true).await.map_err(|failure| error_of(&failure))?;
            }
        }
        let mut state = self.state.borrow_mut();
        state.done.acted = true;
        state.resets = state.resets.wrapping_add(1);
        state.done.doubt(|_| true);
        state.done.doubt_stations();
        Ok(())
    }
}

fn seen_of(plan: &RadioPlan, snapshot: &Snapshot) -> Seen {
    let networks = plan.networks.iter().filter_map(|network| {
        let (_, running) = snapshot.world.running(&network.interface)?;
        let settings = &running.settings;
        Some((network.interface.clone(), (settings.ssid.clone(), settings.security.mode)))
    });
    networks.collect()
}

/// What an ACS hears of a failure.
pub(crate) fn error_of(failure: &Failure) -> Error {
    match failure {
        Failure::Away(_) | Failure::Nonsense(..) => Error::internal(failure.to_string()),
        Failure::Refused(_) | Failure::Impossible(_) => Error::denied(failure.to_string()),
    }
}
