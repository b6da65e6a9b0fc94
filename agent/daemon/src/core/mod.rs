//! What the ACS and the bus have in common: the merged tree and everything that is done with it.
//!
//! | file | what |
//! | --- | --- |
//! | `tree` | which nodes there are, and whose they are |
//! | `rows` | which rows there are; fixed while the ACS is in session |
//! | `own` | values of the agent's own parameters |
//! | `read` | reading over all providers |
//! | `names` | GetParameterNames, and what a path can be |
//! | `write` | what a Set, Add or Delete means: checks, split, what is stored |
//! | `references` | parameters that name a row or parameter elsewhere |
//! | `unique` | keys that no two rows of a table may have in common |
//! | `transaction` | prepare, journal, commit or roll back over several providers |
//! | `attributes` | notification and access lists |
//! | `changes` | what changed, and what the ACS knows of it |
//! | `standard` | what providers declare, held against the standard's tables |
//! | `supported` | the table of supported data models, and their device type documents |
//! | `listed` | values that must stand in a list elsewhere |
//! | `poll` | values that cannot be pushed |
//! | `events` | the queue of events, stored |
//! | `jobs` | commands that run, and what providers began |
//! | `begun_jobs` | the latter |
//! | `providers` | manifests, coming and going, row numbers |
//! | `control` | what may be asked of the agent itself, factory reset |
//!
//! Locks: `writing` is the outermost and the only one that is held over an await. Of the plain mutexes two pairs nest, in
//! this order: the state of `persist` before `changes`, and `providers` before the condition of one of them. Everything
//! else is locked for one expression.

mod attributes;
pub(crate) mod begun_jobs;
mod changes;
pub(crate) mod control;
mod events;
pub(crate) mod jobs;
mod listed;
mod names;
pub(crate) mod own;
pub(crate) mod poll;
pub(crate) mod providers;
mod read;
mod references;
mod rows;
pub(crate) mod standard;
pub(crate) mod supported;
pub(crate) mod transaction;
pub(crate) mod tree;
mod unique;
mod write;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cwmp_session::connection_request::Gate;
use cwmp_session::EventQueue;
use tokio::sync::{watch, Notify};

use crate::clock::Clock;
use crate::config::Config;
use crate::identity::Identity;
use crate::persist::Persist;
use crate::provider::Provider;
use crate::watchdog::Pulse;
pub(crate) use attributes::AttributeRequest;
pub(crate) use names::MAX_LISTED;
pub(crate) use read::MAX_ANSWER;
use tree::Tree;
pub(crate) use write::{Declared, NewValue, WriteError};

/// The state of the agent. One for the process; shared by the bus and the session.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    /// Who the device is, or why that is not known.
    pub(crate) identity: Result<Identity, String>,
    pub(crate) clock: Clock,
    pub(crate) persist: Persist,
    providers: Mutex<Vec<Arc<Provider>>>,
    tree: Mutex<Arc<Tree>>,
    /// Descriptions that wait for the end of the session.
    stale: Mutex<bool>,
    view: Mutex<rows::View>,
    events: Mutex<EventQueue>,
    changes: Mutex<changes::Latest>,
    pub(crate) jobs: jobs::Jobs,
    pub(crate) standard: standard::Standard,
    supported: Mutex<supported::Known>,
    writing: tokio::sync::Mutex<transaction::Turn>,
    /// The providers of the transaction under way.
    in_transaction: Mutex<Vec<String>>,
    /// Counts changes of the agent's own settings.
    pub(crate) settings: watch::Sender<u64>,
    pub(crate) status: Mutex<Status>,
    /// Told when the status may be another one; for one listener.
    pub(crate) noted: Notify,
    /// Whether the session driver lives.
    pub(crate) pulse: Pulse,
    /// Whether the port for connection requests was opened, or could not be.
    pub(crate) listener_tried: watch::Sender<bool>,
    /// Which connection requests are let in.
    pub(crate) gate: Mutex<Gate>,
    /// Wakes the session driver.
    pub(crate) wake: Notify,
    /// Wakes whoever waits for a provider to come or go.
    providers_moved: Notify,
    /// Told when a transaction could not be rolled back everywhere.
    left_open: Notify,
    /// Wakes the supervision after a reload.
    pub(crate) reloaded: Notify,
    bus: OnceLock<zbus::Connection>,
    stop: watch::Sender<bool>,
}

/// What stands in a configured user name for the name of the device.
const DEVICE: &str = "{device}";

/// What `org.cwmpd1.Agent` shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    pub(crate) in_session: bool,
    pub(crate) last_inform: String,
    pub(crate) last_result: String,
    pub(crate) next_inform: String,
    pub(crate) retry_count: u32,
    pub(crate) waiting: bool,
    /// Somebody on the box asked for a session.
    pub(crate) asked: bool,
    /// The connection request URL, empty while nothing listens.
    pub(crate) connection_request_url: String,
    pub(crate) connection_request_port: Option<u16>,
}

impl Core {
    /// The state as it was stored.
    pub(crate) fn new(
        config: Config,
        identity: Result<Identity, String>,
        persist: Persist,
        clock: Clock,
    ) -> Self {
        let mut config = config;
        if let Ok(identity) = &identity {
            config.acs.username = config.acs.username.replace(DEVICE, &identity.unique_name());
        }
        let events = events::restored(&persist.read());
        let standard = standard::Standard::open(&config.plugins.models);
        #[allow(clippy::cast_precision_loss)] // seconds of a setting
        let gate = Gate::new(config.connection_request.minimum_interval as f64);
        let core = Self {
            config,
            identity,
            clock,
            persist,
            providers: Mutex::default(),
            tree: Mutex::new(Arc::new(Tree::merge(&[]).0)),
            stale: Mutex::new(false),
            view: Mutex::default(),
            events: Mutex::new(events),
            changes: Mutex::default(),
            jobs: jobs::Jobs::default(),
            standard,
            supported: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            in_transaction: Mutex::default(),
            settings: watch::Sender::new(0),
            status: Mutex::default(),
            noted: Notify::new(),
            pulse: Pulse::default(),
            listener_tried: watch::Sender::new(false),
            gate: Mutex::new(gate),
            wake: Notify::new(),
            providers_moved: Notify::new(),
            left_open: Notify::new(),
            reloaded: Notify::new(),
            bus: OnceLock::new(),
            stop: watch::Sender::new(false),
        };
        core.load_manifests();
        core.merge();
        core
    }

    /// Sets the connection to the bus; once.
    pub(crate) fn set_bus(&self, bus: zbus::Connection) {
        // A second call would come from a second start, which there is not.
        let _ = self.bus.set(bus);
    }

    /// The connection to the bus.
    ///
    /// # Panics
    /// Before [`Core::set_bus`]; the start calls that before anything else runs.
    pub(crate) fn bus(&self) -> &zbus::Connection {
        #[allow(clippy::expect_used)] // the start sets it before it spawns anything
        self.bus.get().expect("the start sets the bus before anything else runs")
    }

    /// The tree now. It is the same object while the ACS is in session.
    pub(crate) fn tree(&self) -> Arc<Tree> {
        Arc::clone(&lock(&self.tree))
    }

    /// Tells everyone to end.
    pub(crate) fn stop(&self) {
        let _ = self.stop.send_replace(true);
    }

    /// Whether everyone was told to end.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Ends when the agent is to stop.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send {
        let mut stop = self.stop.subscribe();
        async move {
            // The sender lives as long as the core, whose borrower waits here.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// Changes the status.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Status)) {
        change(&mut lock(&self.status));
        self.noted.notify_one();
    }

    /// The URL and access data of the ACS, as they are set now.
    pub(crate) fn setting(&self, path: &str) -> String {
        own::setting(self, path)
    }

    /// A setting that is a number.
    pub(crate) fn number(&self, path: &str) -> u32 {
        self.setting(path).parse().unwrap_or_default()
    }

    /// A setting that is a boolean.
    pub(crate) fn truth(&self, path: &str) -> bool {
        matches!(self.setting(path).as_str(), "true" | "1")
    }
}

/// A lock that a panic elsewhere does not take away: every critical section leaves the value whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
