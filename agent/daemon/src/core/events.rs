//! The queue of events, stored as it changes.

use cwmp_model::{Fault, FaultCode};
use cwmp_session::event::{Change, Refused, MAX_WAITING};
use cwmp_session::{EventQueue, EventRecord};
use cwmp_store::{Op, State};

use super::{lock, Core};

/// The queue as it was stored.
pub(super) fn restored(state: &State) -> EventQueue {
    let records = state.events.iter().map(|(seq, event)| EventRecord {
        seq: *seq,
        code: event.code.clone(),
        command_key: event.command_key.clone(),
    });
    let queue = EventQueue::restored(records.collect());
    if queue.unknown() > 0 {
        tracing::warn!("{} events of a newer agent wait in the store; they are left there", queue.unknown());
    }
    queue
}

/// What a change of the queue is in the store.
pub(super) fn op(change: Change) -> Op {
    match change {
        Change::Put(record) => Op::PutEvent {
            seq: record.seq,
            code: record.code,
            command_key: record.command_key,
            data: String::new(),
        },
        Change::Remove(seq) => Op::RemoveEvent { seq },
    }
}

impl Core {
    /// Adds an event and returns when it is stored (C84). A session is not yet asked for.
    pub(crate) async fn add_event(&self, code: &str, command_key: &str) -> Result<(), Fault> {
        self.add_event_with(code, command_key, Vec::new()).await
    }

    /// Adds an event together with other writes, in one commit.
    pub(crate) async fn add_event_with(
        &self,
        code: &str,
        command_key: &str,
        more: Vec<Op>,
    ) -> Result<(), Fault> {
        let changes = lock(&self.events).add(code, command_key).map_err(|refused| match refused {
            Refused::UnknownCode => {
                Fault::new(FaultCode::InvalidArguments, format!("'{code}' is no event code"))
            }
            Refused::Full => Fault::new(
                FaultCode::ResourcesExceeded,
                format!("{MAX_WAITING} events wait for the ACS already"),
            ),
        })?;
        let mut ops: Vec<Op> = changes.into_iter().map(op).collect();
        ops.extend(more);
        self.persist.commit(ops).await;
        Ok(())
    }

    /// Changes the queue and stores what that changes, with other writes in the same commit.
    pub(crate) async fn change_events(
        &self,
        change: impl FnOnce(&mut EventQueue) -> Vec<Change>,
        more: Vec<Op>,
    ) {
        let mut ops: Vec<Op> = change(&mut lock(&self.events)).into_iter().map(op).collect();
        ops.extend(more);
        self.persist.commit(ops).await;
    }

    /// The events of the next Inform.
    pub(crate) fn events_for_inform(&self) -> Vec<EventRecord> {
        lock(&self.events).for_inform()
    }

    /// The undelivered events.
    pub(crate) fn pending_events(&self) -> Vec<EventRecord> {
        lock(&self.events).events().to_vec()
    }

    /// A session failed: what is not tried again goes.
    pub(crate) fn events_failed(&self) {
        lock(&self.events).failed();
    }
}
