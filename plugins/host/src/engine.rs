//! What is done with a plugin, with or without a bus: questions go in, checked answers come out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::manifest::Deadlines;
use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use cwmp_plugin_abi::status;
use tokio::sync::Notify;
use tokio::time::{timeout_at, Instant};

use crate::command::Commands;
use crate::description::Description;
use crate::error::HostError;
use crate::exit::Exit;
use crate::library::Library;
use crate::lookup::Source;
use crate::numbers::Numbers;
use crate::request::{Context, Entry, Expect, Outcome, Reported};
use crate::rows::{number_rows, Row};
use crate::services::Services;
use crate::store::Store;
use crate::text::Names;
use crate::worker::{Job, Step, Worker};

/// How long a plugin may take to stop.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// How often a stuck thread is looked at again when its time is up.
const TICK: Duration = Duration::from_millis(10);

/// An answer of so many bytes is a large one.
const LARGE: usize = 128 * 1024;
/// How long after a large answer its memory is given back; another may follow at once.
const TIDY_AFTER: Duration = Duration::from_millis(200);

/// What an engine is made of.
pub(crate) struct Parts {
    pub(crate) library: Library,
    /// What the plugin may own; `None` allows everything.
    pub(crate) roots: Option<Vec<String>>,
    pub(crate) deadlines: Deadlines,
    /// The configuration as JSON.
    pub(crate) config: String,
    pub(crate) store: Store,
    pub(crate) numbers: Numbers,
}

/// A plugin that runs.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) library: Arc<Library>,
    pub(crate) description: Description,
    pub(crate) services: &'static Services,
    numbers: Numbers,
    pub(crate) deadlines: Deadlines,
    /// Told after a large answer.
    pub(crate) large: Notify,
    /// Those that run.
    pub(crate) commands: Commands,
    pub(crate) worker: Worker,
    watched: Arc<AtomicBool>,
}

/// The rows of tables, or why they are not known.
pub(crate) type RowMap = HashMap<String, Result<Vec<Row>, Fault>>;

impl Engine {
    /// Creates and starts the plugin.
    pub(crate) async fn start(parts: Parts) -> Result<Arc<Self>, HostError> {
        let library = Arc::new(parts.library);
        let services = Services::new(&library, parts.store);
        let numbers = parts.numbers;
        numbers.recall(&services.known);
        let (worker, started) = Worker::start(library.clone(), services, parts.config)?;
        let hard = parts.deadlines.hard();
        let lines = match tokio::time::timeout(hard, started).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(HostError::Thread("it ended".to_owned())),
            Err(_) => return Err(HostError::StuckAtStart(hard.as_secs())),
        };
        let description = Description::new(lines, parts.roots.as_deref());
        for refusal in &description.refused {
            tracing::error!("{} is not served: {}", refusal.path, refusal.why);
        }
        if description.nodes.is_empty() {
            let why = description.refused.first().map_or("the description is empty", |r| r.why.as_str());
            return Err(HostError::NothingToServe(why.to_owned()));
        }
        services.lookup.open(Source::new(numbers.clone(), &description));
        Ok(Arc::new(Self {
            library,
            numbers,
            description,
            services,
            deadlines: parts.deadlines,
            large: Notify::new(),
            commands: Commands::default(),
            worker,
            watched: Arc::new(AtomicBool::new(false)),
        }))
    }

    /// Stops the plugin; `false` when it does not answer in time.
    pub(crate) async fn stop(&self) -> bool {
        let (sender, stopped) = tokio::sync::oneshot::channel();
        self.worker.submit(Job::Stop(sender));
        tokio::time::timeout(STOP_DEADLINE, stopped).await.is_ok()
    }

    /// Asks the plugin something. An error means that it did not answer.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        expect: Expect,
        context: Context,
        size: usize,
        job: impl FnOnce(cwmp_plugin_abi::Req) -> Job,
    ) -> Result<Outcome, Fault> {
        let began = Instant::now();
        let Some((req, answer)) = self.services.requests.open(expect, context, size) else {
            return Err(Fault::new(FaultCode::ResourcesExceeded, "too many requests wait for the plugin"));
        };
        if !self.worker.submit(job(req)) {
            self.services.requests.forget(req);
            return Err(Fault::new(FaultCode::InternalError, "the plugin has stopped"));
        }
        match timeout_at(context.deadline, answer).await {
            Ok(Ok(outcome)) => {
                if outcome.size() >= LARGE {
                    self.large.notify_one();
                }
                Ok(outcome)
            }
            Ok(Err(_)) => Err(Fault::new(FaultCode::InternalError, "the plugin has stopped")),
            Err(_) => {
                let pending = self.services.requests.forget(req);
                if pending && expect == Expect::Stored {
                    self.services.settle(status::E_CANCELLED);
                }
                self.worker.submit(Job::Cancel(req));
                self.watch_thread();
                let text = format!("did not answer within {}", seconds(context.deadline - began));
                tracing::error!("the plugin {text}");
                Err(Fault::new(FaultCode::InternalError, text))
            }
        }
    }

    /// Ends the process when the present call does not come back before the hard limit.
    pub(crate) fn watch_thread(self: &Arc<Self>) {
        if self.watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let engine = self.clone();
        tokio::spawn(async move {
            let hard = engine.deadlines.hard();
            while let Some(busy) = engine.worker.busy() {
                if busy >= hard {
                    tracing::error!(
                        "a call into the plugin did not return within {}; the host ends",
                        seconds(hard)
                    );
                    Exit::PluginStuck.leave();
                }
                tokio::time::sleep(hard.saturating_sub(busy).max(TICK)).await;
            }
            engine.watched.store(false, Ordering::Relaxed);
        });
    }

    /// Asks for the rows of tables, by their names, and adds them to the map.
    pub(crate) async fn list(
        self: &Arc<Self>,
        tables: Vec<String>,
        context: Context,
        map: &mut RowMap,
    ) -> Result<(), Fault> {
        let names = Arc::new(tables.iter().collect::<Names>());
        let expect = Expect::Rows(tables.len());
        let outcome = self.ask(expect, context, names.size(), |req| Job::Instances(req, names)).await?;
        self.report_lies(&outcome, |index| tables.get(index).map(String::as_str));
        let mut reported: Vec<Vec<&Reported>> = vec![Vec::new(); tables.len()];
        for row in &outcome.rows {
            if let Some(rows) = reported.get_mut(row.index) {
                rows.push(row);
            }
        }
        for (index, table) in tables.into_iter().enumerate() {
            let rows = match outcome.entries.get(index) {
                Some(Entry::Fault(status, text)) => Err(fault_of(*status, text)),
                _ if outcome.status < 0 => Err(fault_of(outcome.status, &outcome.text)),
                _ => self.number(&table, &reported[index]).await,
            };
            self.services.known.list(&table);
            map.insert(table, rows);
        }
        Ok(())
    }

    /// Gives the memory of large answers back to the system when they are over, for ever: a host is one of many, and
    /// mostly idle.
    pub(crate) async fn tidy(&self) {
        loop {
            self.large.notified().await;
            tokio::time::sleep(TIDY_AFTER).await;
            #[cfg(target_env = "gnu")]
            // SAFETY: malloc_trim has no preconditions.
            unsafe {
                nix::libc::malloc_trim(0);
            }
        }
    }

    /// Gives numbers to the rows that have none of their own.
    async fn number(&self, table: &str, reported: &[&Reported]) -> Result<Vec<Row>, Fault> {
        let known = &self.services.known;
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut keys: Vec<&str> = Vec::new();
        let mut largest = 0;
        for row in reported {
            largest = largest.max(row.number);
            match (row.number, row.key.as_str()) {
                (_, "") => {}
                (0, key) => match known.number(table, key) {
                    Some(number) => {
                        numbers.insert(key, number);
                    }
                    None => keys.push(key),
                },
                // The plugin may look for it by its key all the same.
                (number, key) => known.learn(table, key, number),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        if !keys.is_empty() {
            let given = self.numbers.allocate(known, table, &keys, largest).await?;
            numbers.extend(keys.into_iter().zip(given));
        }
        let (rows, wrong) = number_rows(table, reported, |key| numbers.get(key).copied());
        for why in wrong.iter().take(crate::request::MAX_LIES) {
            self.services.lie(&format!("{why}, ignoring the row"));
        }
        Ok(rows)
    }

    /// Tells the log what the plugin did wrong in one request.
    pub(crate) fn report_lies<'a>(&self, outcome: &Outcome, name: impl Fn(usize) -> Option<&'a str>) {
        for lie in &outcome.lies {
            let of = lie.index.and_then(&name).unwrap_or("the request");
            self.services.lie(&format!("{of}: {}", lie.what));
        }
        if outcome.lie_count > outcome.lies.len() {
            tracing::warn!("the plugin lies: {} times more", outcome.lie_count - outcome.lies.len());
        }
    }

    /// One step of a transaction; gives the status, which is not an error.
    pub(crate) async fn step(
        self: &Arc<Self>,
        step: Step,
        txn: u64,
        context: Context,
    ) -> Result<i32, BusError> {
        let outcome = self.ask(Expect::Stored, context, 0, |req| Job::Step(req, step, txn)).await?;
        self.report_lies(&outcome, |_| None);
        match outcome.status {
            status::OK => Ok(status::OK),
            later @ (status::OK_AFTER_REBOOT | status::OK_AFTER_SESSION) if step == Step::Commit => Ok(later),
            status::E_BUSY => Err(BusError::Busy),
            status => Err(fault_of(status, &outcome.text).into()),
        }
    }

    /// Which changes the agent wants to hear of.
    pub(crate) async fn watch(
        self: &Arc<Self>,
        paths: Names,
        on: bool,
        context: Context,
    ) -> Result<(), Fault> {
        self.plain(context, |req| Job::Watch(req, paths, on)).await
    }

    /// Tells the plugin something. A factory reset that it answers with success also wipes its store.
    pub(crate) async fn notice(self: &Arc<Self>, what: u32, context: Context) -> Result<(), Fault> {
        self.plain(context, |req| Job::Notice(req, what)).await?;
        if what == FACTORY_RESET {
            // The agent forgets the numbers of rows too.
            self.services.known.forget();
            let services = self.services;
            let wiped = tokio::task::spawn_blocking(move || services.store.wipe()).await;
            if let Ok(Err(error)) = wiped {
                return Err(Fault::new(FaultCode::InternalError, error.to_string()));
            }
        }
        Ok(())
    }

    async fn plain(
        self: &Arc<Self>,
        context: Context,
        job: impl FnOnce(cwmp_plugin_abi::Req) -> Job,
    ) -> Result<(), Fault> {
        let outcome = self.ask(Expect::Status, context, 0, job).await?;
        match outcome.status {
            status::OK => Ok(()),
            status => Err(fault_of(status, &outcome.text)),
        }
    }
}

/// `CWMP_NOTICE_FACTORY_RESET`.
pub(crate) const FACTORY_RESET: u32 = 4;

/// A fault from what the plugin said.
pub(crate) fn fault_of(status: i32, text: &str) -> Fault {
    let number = u32::from(status::fault_code(status));
    let code = FaultCode::from_number(number).unwrap_or(FaultCode::InternalError);
    if text.is_empty() {
        if status >= 0 {
            return Fault::new(code, format!("the plugin answered {status}, which means nothing here"));
        }
        return Fault::of(code);
    }
    Fault::new(code, crate::log::printable(text).into_owned())
}

/// A time for people.
pub(crate) fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
