//! The twin that keeps everything in memory.

use std::collections::BTreeSet;

use crate::state::{Attribute, Event, Instance, Reported, Scheduled, Transaction};
use crate::{Op, State, Store, StoreError};

/// A store without a file. It serves tests, and a box whose file cannot be used.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: State,
    commits: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that starts with what could be read elsewhere.
    pub fn with_state(state: State) -> Self {
        Self { state, commits: 0 }
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<State, StoreError> {
        Ok(self.state.clone())
    }

    fn commit(&mut self, batch: &[Op]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        check(&self.state, batch)?;
        for op in batch {
            apply(&mut self.state, op);
        }
        self.commits += 1;
        Ok(())
    }

    fn commits(&self) -> u64 {
        self.commits
    }
}

/// Finds the op that would be refused before anything is changed.
fn check(state: &State, batch: &[Op]) -> Result<(), StoreError> {
    if !batch.iter().any(|op| matches!(op, Op::SetPhase { .. })) {
        return Ok(());
    }
    let mut known: BTreeSet<u64> = state.transactions.keys().copied().collect();
    for op in batch {
        match op {
            Op::PutTransaction { txn, .. } => {
                known.insert(*txn);
            }
            Op::RemoveTransaction { txn } => {
                known.remove(txn);
            }
            Op::Wipe { .. } => known.clear(),
            Op::SetPhase { txn, .. } if !known.contains(txn) => {
                return Err(StoreError::UnknownTransaction { txn: *txn });
            }
            _ => {}
        }
    }
    Ok(())
}

fn apply(state: &mut State, op: &Op) {
    match op.clone() {
        Op::PutEvent { seq, code, command_key, data } => {
            state.events.insert(seq, Event { code, command_key, data });
        }
        Op::RemoveEvent { seq } => {
            state.events.remove(&seq);
        }
        Op::PutSetting { path, value } => {
            state.settings.insert(path, value);
        }
        Op::RemoveSetting { path } => {
            state.settings.remove(&path);
        }
        Op::PutMeta { key, value } => {
            state.meta.insert(key, value);
        }
        Op::RemoveMeta { key } => {
            state.meta.remove(&key);
        }
        Op::PutAttribute { path, notification, access_list } => {
            state.attributes.insert(path, Attribute { notification, access_list });
        }
        Op::RemoveAttribute { path } => {
            state.attributes.remove(&path);
        }
        Op::RemoveAttributesUnder { prefix } => {
            state.attributes.retain(|path, _| !path.starts_with(&prefix));
        }
        Op::PutReported { path, kind, value } => {
            state.reported.insert(path, Reported { kind, value });
        }
        Op::RemoveReported { path } => {
            state.reported.remove(&path);
        }
        Op::RemoveReportedUnder { prefix } => {
            state.reported.retain(|path, _| !path.starts_with(&prefix));
        }
        Op::PutPending { path } => {
            state.pending.insert(path);
        }
        Op::RemovePending { path } => {
            state.pending.remove(&path);
        }
        Op::PutInstance { table, number, key, alias } => {
            let table = state.tables.entry(table).or_default();
            table.raise(number);
            table.rows.insert(number, Instance { key, alias });
        }
        Op::RemoveInstance { table, number } => {
            if let Some(table) = state.tables.get_mut(&table) {
                table.rows.remove(&number);
            }
        }
        Op::PutHighWater { table, next } => {
            state.tables.entry(table).or_default().raise(next.saturating_sub(1));
        }
        Op::PutTransaction { txn, phase, changes } => {
            state.transactions.insert(txn, Transaction { phase, changes });
        }
        Op::SetPhase { txn, phase } => {
            if let Some(transaction) = state.transactions.get_mut(&txn) {
                transaction.phase = phase;
            }
        }
        Op::RemoveTransaction { txn } => {
            state.transactions.remove(&txn);
        }
        Op::PutSchedule { id, due_unix, command_key } => {
            state.schedule.insert(id, Scheduled { due_unix, command_key });
        }
        Op::RemoveSchedule { id } => {
            state.schedule.remove(&id);
        }
        Op::Wipe { keep_meta } => {
            let mut meta = std::mem::take(&mut state.meta);
            meta.retain(|key, _| keep_meta.contains(key));
            *state = State { meta, ..State::default() };
        }
    }
}
