//! Transactions as the agent sees them: one task that does every step in its order, repeats answers, and rolls back
//! what was prepared and then forgotten.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use cwmp_plugin_abi::status;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout_at, Instant};

use crate::engine::Engine;
use crate::request::Context;
use crate::worker::{Change, Step};
use crate::write::ChangeFault;

/// The most transactions that are neither finished nor rolled back.
pub(crate) const MAX_TRANSACTIONS: usize = 64;
/// The most steps that wait.
pub(crate) const MAX_STEPS: usize = 64;
/// The longest lease.
pub(crate) const MAX_LEASE: Duration = Duration::from_secs(3600);

/// What a step was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Of Prepare.
    Faults(Vec<ChangeFault>),
    /// Of the others: the plugin's status.
    Status(i32),
}

/// What the agent wants.
#[derive(Debug)]
pub(crate) enum Order {
    Prepare { changes: Vec<Change>, lease: Duration },
    Step(Step),
}

#[derive(Debug)]
struct Command {
    txn: u64,
    order: Order,
    context: Context,
    reply: oneshot::Sender<Result<Answer, BusError>>,
}

/// What is known of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// It rolls back by itself when its lease has run out.
    Prepared { until: Instant, changes: Vec<Change> },
    /// A commit was tried and its answer is not known, or was a fault: the agent decides.
    Uncertain,
    /// Committed, with the status that the plugin answered.
    Committed(i32),
}

/// The way to the task.
#[derive(Debug, Clone)]
pub(crate) struct Transactions {
    commands: mpsc::Sender<Command>,
}

impl Transactions {
    /// Starts the task. It ends when the last way to it is gone.
    pub(crate) fn start(engine: Arc<Engine>) -> Self {
        let (commands, queue) = mpsc::channel(MAX_STEPS);
        tokio::spawn(Desk { engine, known: HashMap::new() }.work(queue));
        Self { commands }
    }

    /// Does a step. The answer comes before the deadline, whatever happens.
    pub(crate) async fn order(&self, txn: u64, order: Order, context: Context) -> Result<Answer, BusError> {
        let (reply, answer) = oneshot::channel();
        let late = || Fault::new(FaultCode::InternalError, "the step did not get its turn in time");
        let gone = || Fault::new(FaultCode::InternalError, "the host is stopping");
        if self.commands.try_send(Command { txn, order, context, reply }).is_err() {
            return Err(Fault::new(FaultCode::ResourcesExceeded, "too many steps wait for the plugin").into());
        }
        // The plugin's own deadline is the same, and its fault says more.
        let patience = context.deadline + Duration::from_millis(20);
        timeout_at(patience, answer).await.map_err(|_| late())?.map_err(|_| gone())?
    }
}

struct Desk {
    engine: Arc<Engine>,
    known: HashMap<u64, Phase>,
}

impl Desk {
    async fn work(mut self, mut queue: mpsc::Receiver<Command>) {
        loop {
            let next = self.known.values().filter_map(|p| match p {
                Phase::Prepared { until, .. } => Some(*until),
                _ => None,
            });
            let next = next.min();
            tokio::select! {
                command = queue.recv() => {
                    let Some(command) = command else { return };
                    let answer = self.order(command.txn, command.order, command.context).await;
                    // The caller may have run out of patience.
                    let _ = command.reply.send(answer);
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.expire().await,
            }
        }
    }

    /// Rolls back what nobody committed in time.
    async fn expire(&mut self) {
        let now = Instant::now();
        let over = |phase: &Phase| matches!(phase, Phase::Prepared { until, .. } if *until <= now);
        let expired: Vec<u64> = self.known.iter().filter(|(_, p)| over(p)).map(|(txn, _)| *txn).collect();
        for txn in expired {
            tracing::warn!(
                "transaction {txn} was prepared, but not committed within its lease; rolling back"
            );
            self.known.remove(&txn);
            let deadline = Instant::now() + self.engine.deadlines.commit();
            let context = Context { origin: ORIGIN_AGENT, session: 0, deadline };
            if let Err(error) = self.engine.step(Step::Rollback, txn, context).await {
                tracing::error!("transaction {txn} cannot be rolled back: {error}");
            }
        }
    }

    async fn order(&mut self, txn: u64, order: Order, context: Context) -> Result<Answer, BusError> {
        match order {
            Order::Prepare { changes, lease } => self.prepare(txn, changes, lease, context).await,
            Order::Step(Step::Commit) => self.commit(txn, context).await,
            Order::Step(step) => self.close(step, txn, context).await,
        }
    }

    async fn prepare(
        &mut self,
        txn: u64,
        changes: Vec<Change>,
        lease: Duration,
        context: Context,
    ) -> Result<Answer, BusError> {
        let lease = lease.min(MAX_LEASE);
        match self.known.get_mut(&txn) {
            Some(Phase::Prepared { until, changes: before }) if *before == changes => {
                *until = Instant::now() + lease;
                return Ok(Answer::Faults(Vec::new()));
            }
            Some(Phase::Committed(_)) => return Ok(Answer::Faults(Vec::new())),
            Some(Phase::Uncertain) | None => {}
            Some(Phase::Prepared { .. }) => {
                let text = format!("transaction {txn} is prepared with other changes");
                return Err(Fault::new(FaultCode::InvalidArguments, text).into());
            }
        }
        if !self.known.contains_key(&txn) && self.known.len() >= MAX_TRANSACTIONS {
            return Err(Fault::new(FaultCode::ResourcesExceeded, "too many transactions are open").into());
        }
        if Instant::now() >= context.deadline {
            return Err(Fault::new(FaultCode::InternalError, "the plugin was busy").into());
        }
        let result = self.engine.prepare(txn, changes.clone(), context).await;
        let prepared = match &result {
            Ok(faults) => faults.is_empty(),
            // It may still come to prepare it: then the lease undoes that.
            Err(_) => Instant::now() >= context.deadline,
        };
        if prepared {
            self.known.insert(txn, Phase::Prepared { until: Instant::now() + lease, changes });
        } else {
            self.known.remove(&txn);
        }
        result.map(Answer::Faults)
    }

    async fn commit(&mut self, txn: u64, context: Context) -> Result<Answer, BusError> {
        match self.known.get(&txn) {
            Some(Phase::Committed(status)) => return Ok(Answer::Status(*status)),
            Some(Phase::Prepared { .. } | Phase::Uncertain) => {}
            None => {
                let text = format!("transaction {txn} is not prepared");
                return Err(Fault::new(FaultCode::InternalError, text).into());
            }
        }
        if Instant::now() >= context.deadline {
            return Err(Fault::new(FaultCode::InternalError, "the plugin was busy").into());
        }
        self.known.insert(txn, Phase::Uncertain);
        let status = self.engine.step(Step::Commit, txn, context).await?;
        self.known.insert(txn, Phase::Committed(status));
        Ok(Answer::Status(status))
    }

    /// Rollback, Finish and Apply. The plugin is asked even for a transaction that is not known here: the host may have
    /// been restarted since, and the plugin's own memory is the durable one.
    async fn close(&mut self, step: Step, txn: u64, context: Context) -> Result<Answer, BusError> {
        let known = self.known.contains_key(&txn);
        let result = self.engine.step(step, txn, context).await;
        match result {
            Ok(_) => {}
            Err(BusError::Fault(fault))
                if !known
                    && matches!(
                        fault.code,
                        FaultCode::InvalidArguments | FaultCode::InvalidParameterName
                    ) => {}
            Err(error) => return Err(error),
        }
        match step {
            Step::Rollback | Step::Finish => {
                self.known.remove(&txn);
            }
            Step::Apply => {
                if let Some(phase) = self.known.get_mut(&txn) {
                    *phase = Phase::Committed(status::OK);
                }
            }
            Step::Commit => {}
        }
        Ok(Answer::Status(status::OK))
    }
}

/// `CWMP_ORIGIN_AGENT`.
pub(crate) const ORIGIN_AGENT: u32 = 3;
