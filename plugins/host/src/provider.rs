//! `org.cwmpd1.Provider` on the bus.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::command::OWN_JOB;
use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use tokio::time::Instant;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedValue, Value};
use zbus::Connection;

use crate::agent::Agent;
use crate::command::{Argument, Ended};
use crate::engine::{Engine, FACTORY_RESET};
use crate::log::Limit;
use crate::read::{PathFault, Values};
use crate::request::Context;
use crate::rows::Row;
use crate::transaction::{Answer, Order, Transactions, ORIGIN_AGENT};
use crate::worker::{Change, Step};

/// How long the answer to a commit, or to the end of its transaction, waits for the agent to show the jobs that it began.
pub(crate) const SHOWN_WAIT: Duration = Duration::from_millis(500);

pub(crate) type Options = HashMap<String, OwnedValue>;
pub(crate) type Faults = Vec<(String, u32, String)>;
type Line = (String, u8, u32, String);

/// What a plugin serves on the bus.
#[derive(Debug)]
pub(crate) struct Provider {
    engine: Arc<Engine>,
    agent: Arc<Agent>,
    transactions: Transactions,
    refusals: Limit,
}

impl Provider {
    /// Serves a plugin to the agent.
    pub(crate) fn new(engine: Arc<Engine>, agent: Arc<Agent>) -> Self {
        let transactions = Transactions::start(engine.clone());
        Self { engine, agent, transactions, refusals: Limit::default() }
    }

    async fn admit(&self, header: &Header<'_>, bus: &Connection) -> Result<(), BusError> {
        if self.agent.is_sender(header, bus).await {
            return Ok(());
        }
        self.refusals.say(|| {
            tracing::warn!("a call of {:?} was refused: only the agent may call", header.sender());
        });
        Err(Fault::new(FaultCode::RequestDenied, "only the agent may call a provider").into())
    }

    /// Reads values for the agent.
    pub(crate) async fn answer_get(
        &self,
        paths: &[String],
        options: &Options,
        header: &Header<'_>,
        bus: &Connection,
    ) -> Result<(Values, Faults), BusError> {
        self.admit(header, bus).await?;
        let context = context(options, self.engine.deadlines.get());
        let (values, faults) = self.engine.get(paths, context).await;
        Ok((values, on_the_bus(faults)))
    }

    async fn step(&self, step: Step, txn: u64) -> Result<i32, BusError> {
        let context = context(&HashMap::new(), self.engine.deadlines.commit());
        match self.transactions.order(txn, Order::Step(step), context).await? {
            Answer::Status(status) => Ok(status),
            Answer::Faults(_) => Ok(0),
        }
    }

    /// Who set something is answered when the jobs that this began can be seen.
    async fn show_jobs(&self) {
        let shown = self.engine.services.own_jobs.shown();
        if tokio::time::timeout(SHOWN_WAIT, shown).await.is_err() {
            tracing::debug!("the agent does not show the plugin's jobs yet");
        }
    }
}

#[zbus::interface(name = "org.cwmpd1.Provider")]
impl Provider {
    #[zbus(out_args("version", "build", "nodes"))]
    async fn describe(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(String, String, Vec<Line>), BusError> {
        self.admit(&header, bus).await?;
        let description = &self.engine.description;
        let nodes = description.nodes.iter().chain(&description.commands);
        let nodes = nodes
            .map(|n| (n.path.clone(), u8::try_from(n.kind).unwrap_or(0), n.flags, n.facets.clone()))
            .collect();
        Ok((self.engine.library.version.clone(), self.engine.library.build.clone(), nodes))
    }

    #[zbus(out_args("values", "faults"))]
    async fn get(
        &self,
        paths: Vec<String>,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(Values, Faults), BusError> {
        self.answer_get(&paths, &options, &header, bus).await
    }

    #[zbus(out_args("tables", "faults"))]
    async fn instances(
        &self,
        paths: Vec<String>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(Vec<(String, Vec<(u32, String, u32)>)>, Faults), BusError> {
        self.admit(&header, bus).await?;
        let context = context(&HashMap::new(), self.engine.deadlines.get());
        let (tables, faults) = self.engine.instances(&paths, context).await;
        let rows = |rows: Vec<Row>| rows.into_iter().map(|r| (r.number, r.alias, r.flags)).collect();
        Ok((tables.into_iter().map(|(table, all)| (table, rows(all))).collect(), on_the_bus(faults)))
    }

    #[zbus(out_args("faults"))]
    async fn prepare(
        &self,
        txn: u64,
        changes: Vec<(u32, u8, String, String)>,
        lease_ms: u32,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<Vec<(u32, u32, String)>, BusError> {
        self.admit(&header, bus).await?;
        let context = context(&options, self.engine.deadlines.prepare());
        let changes = changes
            .into_iter()
            .map(|(op, kind, path, value)| Change { op, kind: kind.into(), path, value })
            .collect();
        let lease = Duration::from_millis(lease_ms.into());
        match self.transactions.order(txn, Order::Prepare { changes, lease }, context).await? {
            Answer::Faults(faults) => Ok(faults
                .into_iter()
                .map(|(i, f)| {
                    (u32::try_from(i).unwrap_or(u32::MAX), f.code.number().into(), f.text.into_owned())
                })
                .collect()),
            Answer::Status(_) => Ok(Vec::new()),
        }
    }

    #[zbus(out_args("status"))]
    async fn commit(
        &self,
        txn: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<u32, BusError> {
        self.admit(&header, bus).await?;
        let status = self.step(Step::Commit, txn).await?;
        self.show_jobs().await;
        Ok(match status {
            cwmp_plugin_abi::status::OK_AFTER_SESSION => 1,
            cwmp_plugin_abi::status::OK_AFTER_REBOOT => 2,
            _ => 0,
        })
    }

    async fn rollback(
        &self,
        txn: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), BusError> {
        self.admit(&header, bus).await?;
        self.step(Step::Rollback, txn).await.map(|_| ())
    }

    async fn finish(
        &self,
        txn: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), BusError> {
        self.admit(&header, bus).await?;
        self.step(Step::Finish, txn).await?;
        self.show_jobs().await;
        Ok(())
    }

    async fn apply(
        &self,
        txn: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), BusError> {
        self.admit(&header, bus).await?;
        self.step(Step::Apply, txn).await.map(|_| ())
    }

    async fn watch(
        &self,
        paths: Vec<String>,
        on: bool,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), BusError> {
        self.admit(&header, bus).await?;
        for path in &paths {
            cwmp_model::path::check(path).map_err(Fault::from)?;
        }
        let context = context(&HashMap::new(), self.engine.deadlines.get());
        Ok(self.engine.watch(paths.iter().collect(), on, context).await?)
    }

    async fn notice(
        &self,
        what: String,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), BusError> {
        self.admit(&header, bus).await?;
        let what = match what.as_str() {
            "session-start" => 1,
            "session-end" => 2,
            "clock-trusted" => 3,
            "factory-reset" => FACTORY_RESET,
            "shutdown" => 5,
            other => {
                let text = format!("there is no notice '{}'", crate::log::printable(other));
                return Err(Fault::new(FaultCode::InvalidArguments, text).into());
            }
        };
        let context = context(&options, self.engine.deadlines.commit());
        Ok(self.engine.notice(what, context).await?)
    }

    #[zbus(out_args("cancelled", "outputs"))]
    async fn invoke(
        &self,
        command: String,
        arguments: HashMap<String, OwnedValue>,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(bool, BTreeMap<String, String>), BusError> {
        self.admit(&header, bus).await?;
        let job = options.get("job").and_then(|v| v.downcast_ref::<u64>().ok()).unwrap_or(0);
        let context = context(&options, self.engine.deadlines.invoke());
        let mut all = Vec::with_capacity(arguments.len());
        for (key, value) in arguments {
            all.push(argument(key, &value)?);
        }
        all.sort_by(|a, b| a.key.cmp(&b.key));
        match self.engine.invoke(job, &command, all, context).await? {
            Ended::Done(outputs) => Ok((false, outputs)),
            Ended::Cancelled => Ok((true, BTreeMap::new())),
        }
    }

    async fn cancel(
        &self,
        job: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), BusError> {
        self.admit(&header, bus).await?;
        if job & OWN_JOB == 0 {
            self.engine.commands.cancel(job);
        } else if self.engine.services.own_jobs.cancel(job) {
            let engine = Arc::clone(&self.engine);
            // The plugin's thread may be at work, and the bus thread waits for nobody.
            tokio::task::spawn_blocking(move || engine.worker.cancel_own(job));
        }
        Ok(())
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>, paths: Vec<String>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn instances_changed(emitter: &SignalEmitter<'_>, tables: Vec<String>) -> zbus::Result<()>;
}

fn argument(key: String, value: &Value<'_>) -> Result<Argument, Fault> {
    let wrong = |what: &str| {
        let text = format!("the argument {} {what}", crate::log::printable(&key));
        Fault::new(FaultCode::InvalidArguments, text)
    };
    let (text, file) = match value {
        Value::Str(text) => (text.as_str().to_owned(), None),
        Value::Fd(file) => {
            let file = file.as_fd().try_clone_to_owned();
            (String::new(), Some(file.map_err(|error| wrong(&format!("is no file: {error}")))?))
        }
        _ => return Err(wrong("is neither a text nor a file")),
    };
    Ok(Argument { key, value: text, file })
}

fn on_the_bus(faults: Vec<PathFault>) -> Faults {
    faults.into_iter().map(|(path, f)| (path, f.code.number().into(), f.text.into_owned())).collect()
}

/// Who asks and until when, from the options of a call; unknown ones are ignored.
fn context(options: &Options, deadline: Duration) -> Context {
    let origin = match options.get("origin").map(|v| v.downcast_ref::<&str>()) {
        Some(Ok("acs")) => 1,
        Some(Ok("bus")) => 2,
        Some(Ok("boot")) => 4,
        _ => ORIGIN_AGENT,
    };
    let session = options.get("session").and_then(|v| v.downcast_ref::<u64>().ok()).unwrap_or(0);
    let asked = options.get("deadline_ms").and_then(|v| v.downcast_ref::<u32>().ok());
    let asked = asked.map_or(deadline, |ms| Duration::from_millis(ms.into()));
    Context { origin, session, deadline: Instant::now() + asked.min(deadline) }
}
