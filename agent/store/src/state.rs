//! What a store holds, typed and in a fixed order.

use std::collections::{BTreeMap, BTreeSet};

use crate::{JournalChange, Op, Phase};

/// Everything that a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Undelivered events by their place in the order of happening.
    pub events: BTreeMap<u64, Event>,
    /// Parameters that the agent owns and that differ from their factory value, by path.
    pub settings: BTreeMap<String, String>,
    /// Facts of the agent itself, by name.
    pub meta: BTreeMap<String, String>,
    /// Attributes by parameter path.
    pub attributes: BTreeMap<String, Attribute>,
    /// Values that the ACS wrote or was told, by parameter path.
    pub reported: BTreeMap<String, Reported>,
    /// Parameters that changed and that the ACS does not know of yet.
    pub pending: BTreeSet<String>,
    /// Tables by path, with their rows.
    pub tables: BTreeMap<String, Table>,
    /// Journalled transactions by id.
    pub transactions: BTreeMap<u64, Transaction>,
    /// Scheduled informs by id.
    pub schedule: BTreeMap<u64, Scheduled>,
}

impl State {
    /// Does one write to the values in memory, as a store does it.
    ///
    /// A `SetPhase` of an unknown transaction changes nothing here; a store refuses its batch.
    pub fn apply(&mut self, op: &Op) {
        match op.clone() {
            Op::PutEvent { seq, code, command_key, data } => {
                self.events.insert(seq, Event { code, command_key, data });
            }
            Op::RemoveEvent { seq } => {
                self.events.remove(&seq);
            }
            Op::PutSetting { path, value } => {
                self.settings.insert(path, value);
            }
            Op::RemoveSetting { path } => {
                self.settings.remove(&path);
            }
            Op::PutMeta { key, value } => {
                self.meta.insert(key, value);
            }
            Op::RemoveMeta { key } => {
                self.meta.remove(&key);
            }
            Op::PutAttribute { path, notification, access_list } => {
                self.attributes.insert(path, Attribute { notification, access_list });
            }
            Op::RemoveAttribute { path } => {
                self.attributes.remove(&path);
            }
            Op::RemoveAttributesUnder { prefix } => {
                self.attributes.retain(|path, _| !path.starts_with(&prefix));
            }
            Op::PutReported { path, kind, value } => {
                self.reported.insert(path, Reported { kind, value });
            }
            Op::RemoveReported { path } => {
                self.reported.remove(&path);
            }
            Op::RemoveReportedUnder { prefix } => {
                self.reported.retain(|path, _| !path.starts_with(&prefix));
            }
            Op::PutPending { path } => {
                self.pending.insert(path);
            }
            Op::RemovePending { path } => {
                self.pending.remove(&path);
            }
            Op::PutInstance { table, number, key, alias } => {
                let table = self.tables.entry(table).or_default();
                table.raise(number);
                table.rows.insert(number, Instance { key, alias });
            }
            Op::RemoveInstance { table, number } => {
                if let Some(table) = self.tables.get_mut(&table) {
                    table.rows.remove(&number);
                }
            }
            Op::PutHighWater { table, next } => {
                self.tables.entry(table).or_default().raise(next.saturating_sub(1));
            }
            Op::PutTransaction { txn, phase, changes } => {
                self.transactions.insert(txn, Transaction { phase, changes });
            }
            Op::SetPhase { txn, phase } => {
                if let Some(transaction) = self.transactions.get_mut(&txn) {
                    transaction.phase = phase;
                }
            }
            Op::RemoveTransaction { txn } => {
                self.transactions.remove(&txn);
            }
            Op::PutSchedule { id, due_unix, command_key } => {
                self.schedule.insert(id, Scheduled { due_unix, command_key });
            }
            Op::RemoveSchedule { id } => {
                self.schedule.remove(&id);
            }
            Op::Wipe { keep_meta } => {
                let mut meta = std::mem::take(&mut self.meta);
                meta.retain(|key, _| keep_meta.contains(key));
                *self = State { meta, ..State::default() };
            }
        }
    }
}

/// An event that the ACS has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event code, `1 BOOT`.
    pub code: String,
    /// The command key, or empty.
    pub command_key: String,
    /// What else must be delivered with it.
    pub data: String,
}

/// The attributes of one parameter. `None` is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The notification level.
    pub notification: Option<u8>,
    /// Who else may write the parameter.
    pub access_list: Option<Vec<String>>,
}

/// The value that the ACS last wrote or was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The type, as the caller numbers types.
    pub kind: u8,
    /// The value in lexical form.
    pub value: String,
}

/// The rows of one table, and the numbers that were ever given out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The highest number ever given to a row, removed rows included; 0 for none.
    pub highest: u32,
    /// The rows by number.
    pub rows: BTreeMap<u32, Instance>,
}

impl Table {
    /// The number for a new row, or `None` when all numbers were used.
    pub fn next(&self) -> Option<u32> {
        self.highest.checked_add(1)
    }

    /// Raises the high-water mark; never lowers it.
    pub(crate) fn raise(&mut self, highest: u32) {
        self.highest = self.highest.max(highest);
    }
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What the provider recognises the row by.
    pub key: Option<String>,
    /// The row's alias.
    pub alias: Option<String>,
}

/// A journalled transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// How far it is.
    pub phase: Phase,
    /// What it changes, in order.
    pub changes: Vec<JournalChange>,
}

/// A scheduled inform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// When it is due, in seconds since 1970 UTC.
    pub due_unix: i64,
    /// The command key of the request.
    pub command_key: String,
}
