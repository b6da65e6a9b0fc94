//! The twin that keeps everything in memory.

use std::collections::BTreeSet;

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
            self.state.apply(op);
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
