//! The plugin: what it keeps, and how it begins and ends.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use cwmp_plugin_sdk::{
    declare, AsyncPlugin, Change, Config, Effect, Error, Host, Level, Notice, Op, Settings,
};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::task::JoinHandle;

use crate::back_end::{Event, Events};
use crate::back_ends::{BackEnds, KEYS};
use crate::bases::Bases;
use crate::counters::Counters;
use crate::cut_off;
use crate::enforce::Done;
use crate::latest::{Latest, PAIRS};
use crate::neighbours::{NeighboringWiFiDiagnostic, NeighbourResult, Neighbours};
use crate::objects::{
    AccessPoint, AssociatedDevice, AssociatedDeviceStats, EndPoint, EndPointSecurity, EndPointStats,
    EndPointWps, Profile, ProfileSecurity, Radio, RadioStats, Security, Ssid, SsidStats, WiFiObject, Wps,
};
use crate::places::Places;
use crate::row_id::{Numbers, Table};
use crate::snapshot::Snapshot;
use crate::tree::Tree;
use crate::view::{View, Viewer};
use crate::wish::{SecurityWish, Wishes};
use crate::world::World;

/// Where the kernel counts what interfaces send and receive.
const COUNTERS: &str = "/proc/net/dev";

/// The plugin.
pub(crate) struct WiFi {
    pub(crate) host: Host,
    pub(crate) settings: Settings,
    pub(crate) back: BackEnds,
    pub(crate) numbers: Numbers,
    pub(crate) latest: Latest,
    pub(crate) counters: Counters,
    pub(crate) neighbours: Neighbours,
    pub(crate) state: RefCell<State>,
    /// Who makes plans true holds this: one after the other.
    pub(crate) enforcing: tokio::sync::Mutex<()>,
    /// What the transaction at hand writes of the parameters of which the last one counts.
    written: RefCell<BTreeMap<String, String>>,
    /// A transaction is being looked at, not taken back.
    pub(crate) preparing: Cell<bool>,
    /// What `Security.Reset` of the last transaction took away, should that be taken back: names and values.
    reset: RefCell<Vec<(String, String)>>,
    events: Cell<Option<UnboundedReceiver<Event>>>,
    pub(crate) sender: Events,
    task: Cell<Option<JoinHandle<()>>>,
}

/// What is known and what was done.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) world: Rc<World>,
    pub(crate) wishes: Rc<Wishes>,
    pub(crate) places: Rc<Places>,
    pub(crate) bases: Rc<Bases>,
    /// Interfaces on which a transaction was cut off: what runs there need not be the image's.
    pub(crate) recalled: BTreeSet<String>,
    pub(crate) snapshot: Rc<Snapshot>,
    pub(crate) done: Done,
    /// How often everything was switched off and on.
    pub(crate) resets: u32,
}

declare! {
    async WiFi, name: "wifi", base: "Device.",
    objects {
        WiFiObject, Radio, RadioStats, Ssid, SsidStats, AccessPoint, Security, Wps, AssociatedDevice,
        AssociatedDeviceStats, EndPoint, EndPointStats, EndPointSecurity, EndPointWps, Profile, ProfileSecurity,
        NeighboringWiFiDiagnostic, NeighbourResult,
    },
    diagnostics { NeighboringWiFiDiagnostic },
}

impl AsyncPlugin for WiFi {
    async fn create(host: Host, config: Config) -> Result<Self, Error> {
        let (sender, events) = unbounded_channel();
        #[cfg(test)]
        let back = match crate::tests::back_ends(&config, &sender) {
            Some(twin) => twin,
            None => BackEnds::open(&config, &sender).await?,
        };
        #[cfg(not(test))]
        let back = BackEnds::open(&config, &sender).await?;
        config.only(KEYS)?;
        let mut bases = Bases::load(&host)?;
        let recalled = cut_off::recall(&mut bases, &host)?;
        let state = State {
            places: Rc::new(Places::load(&host)?),
            bases: Rc::new(bases),
            recalled,
            ..State::default()
        };
        let counters = Counters::new(config.text("counters")?.unwrap_or(COUNTERS).into());
        Ok(Self {
            settings: Settings::load(&host)?,
            numbers: Numbers::load(&host)?,
            latest: Latest::load(&host)?,
            counters,
            neighbours: Neighbours::default(),
            back,
            state: RefCell::new(state),
            enforcing: tokio::sync::Mutex::new(()),
            written: RefCell::default(),
            preparing: Cell::new(false),
            reset: RefCell::default(),
            events: Cell::new(Some(events)),
            sender,
            task: Cell::new(None),
            host,
        })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn start(self: Rc<Self>) -> Result<(), Error> {
        self.look(&crate::watch::Looks::all()).await;
        self.reconsider()?;
        if let Some(events) = self.events.take() {
            self.task.set(Some(tokio::task::spawn_local(Rc::clone(&self).watch(events))));
        }
        Ok(())
    }

    async fn stop(self: Rc<Self>) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    fn check(&self, change: &Change<'_>) -> Result<(), Error> {
        self.preparing.set(true);
        let leaf = change.name.relative().rsplit('.').next().unwrap_or_default();
        if change.op == Op::Set && PAIRS.iter().any(|pair| pair.usual == leaf || pair.other == leaf) {
            // As the settings will have it.
            let value = change.kind.and_then(|kind| kind.canonical(change.value));
            let value = value.unwrap_or_else(|| change.value.to_owned());
            self.written.borrow_mut().insert(change.name.relative().to_owned(), value);
        }
        self.check_change(change)
    }

    async fn put_in_force(self: Rc<Self>, names: &[String]) -> Result<Effect, Error> {
        let is_new = self.preparing.replace(false);
        let reset = self.reset.take();
        if !is_new {
            self.bring_back(reset)?;
        }
        self.note_order(names)?;
        let reset = self.take_commands(names)?;
        if let Err(error) = self.commit(reset).await {
            self.bring_back(self.reset.take())?;
            return Err(error);
        }
        Ok(Effect::Now)
    }

    async fn notice(self: Rc<Self>, notice: Notice) -> Result<(), Error> {
        if notice == Notice::FactoryReset {
            self.latest.forget()?;
            // Where rows were, and what the image made, is remembered until it is so again: the kit had it put in force.
            self.commit(false).await?;
        }
        Ok(())
    }
}

impl WiFi {
    /// What is known now.
    pub(crate) fn snapshot(&self) -> Rc<Snapshot> {
        Rc::clone(&self.state.borrow().snapshot)
    }

    /// What is known now, as it is read.
    pub(crate) fn view(&self, snapshot: &Snapshot) -> View {
        Viewer { host: &self.host, snapshot }.all()
    }

    /// Puts together again what is known and what was set. What differs from before is announced.
    pub(crate) fn reconsider(&self) -> Result<(), Error> {
        let wishes = Wishes::read(&self.settings, &self.numbers, &self.latest)?;
        let (world, bases, places, before, failed) = {
            let state = self.state.borrow();
            let known = (Rc::clone(&state.world), Rc::clone(&state.bases), Rc::clone(&state.places));
            (known.0, known.1, known.2, Rc::clone(&state.snapshot), state.done.failures())
        };
        let mut places = (*places).clone();
        places.assign(&world, &wishes, &bases);
        let tree = Tree::build(&world, &wishes, &places, &bases, &self.back.preference);
        let next = Rc::new(before.next(world, Rc::new(tree), bases, failed));
        {
            let mut state = self.state.borrow_mut();
            state.wishes = Rc::new(wishes);
            state.places = Rc::new(places);
            state.snapshot = Rc::clone(&next);
        }
        self.announce(&before, &next);
        Ok(())
    }

    fn announce(&self, before: &Snapshot, next: &Snapshot) {
        let (old, new) = (self.view(before), self.view(next));
        let all = [
            self.host.announce::<Radio>(&old.radios, &new.radios),
            self.host.announce::<Ssid>(&old.ssids, &new.ssids),
            self.host.announce::<AccessPoint>(&old.access_points, &new.access_points),
            self.host.announce::<Security>(&old.security, &new.security),
            self.host.announce::<Wps>(&old.wps, &new.wps),
            self.host.announce::<AssociatedDevice>(&old.devices, &new.devices),
            self.host.announce::<EndPoint>(&old.end_points, &new.end_points),
            self.host.announce::<EndPointSecurity>(&old.end_point_security, &new.end_point_security),
            self.host.announce::<EndPointWps>(&old.end_point_wps, &new.end_point_wps),
            self.host.announce::<Profile>(&old.profiles, &new.profiles),
            self.host.announce::<ProfileSecurity>(&old.profile_security, &new.profile_security),
        ];
        for error in all.into_iter().filter_map(Result::err) {
            // Without an agent nobody knows of rows, and when there is one it asks for all of them.
            if !matches!(error, Error::Busy(_)) {
                self.host.log(Level::Warning, &format!("a change cannot be announced, ignoring: {error}"));
            }
        }
    }

    /// Of two parameters of which the last one counts, notes which that was.
    fn note_order(&self, names: &[String]) -> Result<(), Error> {
        let written = std::mem::take(&mut *self.written.borrow_mut());
        let mut objects = BTreeSet::new();
        // What is taken back was not written just now, or has another value now.
        let is_new = |name: &String| self.settings.chosen(name).as_ref() == written.get(name);
        let new: BTreeSet<&String> =
            written.keys().filter(|name| names.contains(name) && is_new(name)).collect();
        for name in &new {
            if let Some((object, _)) = name.rsplit_once('.') {
                objects.insert(format!("{object}."));
            }
        }
        let before = Rc::clone(&self.state.borrow().wishes);
        for object in objects {
            let row = |table: Table, name: &str| {
                let added = self.settings.row_numbers(table.path());
                self.numbers.referred(table, &format!("Device.{name}"), &added)
            };
            let counted = before.security(&object, row).and_then(SecurityWish::counts);
            for pair in PAIRS {
                let (usual, other) = (format!("{object}{}", pair.usual), format!("{object}{}", pair.other));
                let value = |name: &str| self.settings.chosen(name).unwrap_or_default();
                let by_now = (new.contains(&usual), new.contains(&other));
                let values = (value(&usual), value(&other));
                self.latest.written(&object, pair, by_now, (&values.0, &values.1), counted)?;
            }
        }
        Ok(())
    }

    /// What a reset took away is there again, where its row still is.
    fn bring_back(&self, reset: Vec<(String, String)>) -> Result<(), Error> {
        for (name, value) in reset {
            if self.settings.chosen(&name).is_some() {
                self.settings.set_text(&name, &value)?;
            }
        }
        Ok(())
    }

    /// What is a command in the form of a parameter is done once, and reads as false. Says whether everything is to be
    /// switched off and on.
    fn take_commands(&self, names: &[String]) -> Result<bool, Error> {
        let mut all = false;
        for name in names.iter().filter(|name| name.ends_with(".Reset")) {
            if self.settings.get::<bool>(name) != Some(true) {
                continue;
            }
            self.settings.set(name, false)?;
            match name.strip_suffix("Security.Reset") {
                Some(row) => {
                    for key in ["ModeEnabled", "KeyPassphrase", "PreSharedKey", "SAEPassphrase"] {
                        let key = format!("{row}Security.{key}");
                        if let Some(value) = self.settings.chosen(&key) {
                            self.settings.set_text(&key, "")?;
                            self.reset.borrow_mut().push((key, value));
                        }
                    }
                }
                None => all = true,
            }
        }
        Ok(all)
    }
}
