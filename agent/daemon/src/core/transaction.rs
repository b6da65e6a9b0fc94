//! One transaction over several providers: prepare, journal, then commit all or roll back all.
//!
//! ```text
//!   journal: prepare -> every provider prepares -> journal: commit -> every provider commits -> journal gone,
//!                |                                      |                                       our own values stored
//!                v a fault                              v a fault
//!            roll back all                  journal: prepare, roll back all; who is away is rolled back when it comes
//! ```
//!
//! After a restart the phase prepare is rolled back and the phase commit is carried through, so that a power cut between
//! two commits leaves all of it or nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use cwmp_model::{path, Fault, FaultCode};
use cwmp_store::{JournalChange, Op, Phase, State};
use futures_util::future::join_all;
use tokio::sync::MutexGuard;

use super::write::{op_byte, Applied, WriteError};
use super::{changes, lock, Core};
use crate::provider::{words, Origin, ProviderChange, ADD, DELETE, SET};

/// How long a caller waits for the transaction before it.
pub(crate) const TURN_WAIT: Duration = Duration::from_secs(10);
/// How long a provider keeps what it prepared.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How long after a failed roll back it is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// The name in the journal of what the agent changes itself.
pub(super) const OURS: &str = "";
/// Of our own changes: a value that the ACS knows now.
pub(super) const REPORTED_CHANGE: u8 = 4;
/// Of our own changes: the alias of a row.
pub(super) const ALIAS_CHANGE: u8 = 5;
/// The start of the facts that say which providers wait for `Apply`.
const APPLY: &str = "apply:";
/// The fact that the device must be rebooted to apply what was committed.
pub(crate) const REBOOT_TO_APPLY: &str = "reboot_to_apply";

/// Commit's answer: applied when the session is over.
const AFTER_SESSION: u32 = 1;
/// Commit's answer: applied by the next reboot.
const AFTER_REBOOT: u32 = 2;

/// The right to change something: one holds it at a time.
#[derive(Debug, Default)]
pub(super) struct Turn;

impl Core {
    /// Waits for the transaction before.
    pub(super) async fn turn(&self) -> Result<MutexGuard<'_, Turn>, WriteError> {
        tokio::time::timeout(TURN_WAIT, self.writing.lock()).await.map_err(|_| WriteError::Busy)
    }

    /// Carries out an intent whose own faults are known already.
    ///
    /// With faults, or with a fault of any provider, nothing changes; every parameter in error is named (C103, C106).
    pub(super) async fn transact(
        &self,
        _turn: &MutexGuard<'_, Turn>,
        intent: Vec<JournalChange>,
        origin: Origin,
        mut faults: Vec<(String, Fault)>,
    ) -> Result<Applied, WriteError> {
        let split = split(&intent);
        if split.is_empty() {
            if !faults.is_empty() {
                return Err(refused(faults));
            }
            let ops = self.outcome(&intent);
            self.persist.commit(ops).await;
            self.settings_changed(&intent);
            return Ok(Applied { later: false, number: 0 });
        }
        self.make_way(split.keys().copied()).await?;
        let txn = u64::from_le_bytes(cwmp_net::random::bytes());
        let mut journal = vec![Op::PutTransaction { txn, phase: Phase::Prepare, changes: intent.clone() }];
        journal.extend(added(&intent).map(|(table, number)| Op::PutHighWater {
            table: table.to_owned(),
            next: number.saturating_add(1),
        }));
        self.persist.commit(journal).await;
        lock(&self.in_transaction).extend(split.keys().map(|name| (*name).to_owned()));
        let result = self.run(txn, &split, &intent, origin, &mut faults).await;
        lock(&self.in_transaction).clear();
        match result {
            Ok(later) => {
                self.settings_changed(&intent);
                Ok(Applied { later, number: 0 })
            }
            Err(error) => Err(error.unwrap_or_else(|| refused(faults))),
        }
    }

    async fn run(
        &self,
        txn: u64,
        split: &BTreeMap<&str, Vec<ProviderChange>>,
        intent: &[JournalChange],
        origin: Origin,
        faults: &mut Vec<(String, Fault)>,
    ) -> Result<bool, Option<WriteError>> {
        let prepared =
            join_all(split.iter().map(|(name, changes)| self.prepare(txn, name, changes, origin))).await;
        let mut whole = None;
        for ((_, changes), answer) in split.iter().zip(prepared) {
            match answer {
                Ok(found) => {
                    faults.extend(found.into_iter().filter_map(|(index, code, text)| {
                        let change = changes.get(index as usize)?;
                        let code = FaultCode::from_number(code).unwrap_or(FaultCode::InternalError);
                        let text = format!("{}: {}", change.path, words(&text));
                        Some((change.path.clone(), Fault::new(code, text)))
                    }));
                }
                Err(fault) => {
                    // Rows have no faults of their own in the message; values do.
                    let set = changes.iter().filter(|c| c.op == SET);
                    faults.extend(set.map(|c| (c.path.clone(), fault.clone())));
                    whole = Some(fault);
                }
            }
        }
        let row = intent.iter().find(|c| c.op == op_byte(ADD) || c.op == op_byte(DELETE)).map(|c| &c.path);
        if !faults.is_empty() || whole.is_some() {
            self.roll_back(txn, split.keys().copied()).await;
            // A fault at the row itself, or of a whole provider, is the fault of the call.
            let at_row = row.and_then(|row| faults.iter().position(|(name, _)| name == row));
            return Err(match (at_row, whole) {
                (Some(position), _) => Some(faults.swap_remove(position).1.into()),
                (None, Some(fault)) if row.is_some() => Some(fault.into()),
                _ => None,
            });
        }
        self.persist.commit(vec![Op::SetPhase { txn, phase: Phase::Commit }]).await;
        match self.commit_all(txn, split, origin).await {
            Ok(effects) => {
                self.complete(txn, intent, &effects).await;
                self.finish(txn, split.keys().copied()).await;
                Ok(!effects.after_session.is_empty() || effects.after_reboot)
            }
            Err((name, fault)) => {
                tracing::error!("transaction {txn}: provider {name} did not commit: {}", fault.text);
                self.persist.commit(vec![Op::SetPhase { txn, phase: Phase::Prepare }]).await;
                self.roll_back(txn, split.keys().copied()).await;
                if row.is_some() {
                    return Err(Some(fault.into()));
                }
                let mine = split.get(name.as_str()).into_iter().flatten();
                faults.extend(mine.map(|c| (c.path.clone(), fault.clone())));
                Err(None)
            }
        }
    }

    async fn prepare(
        &self,
        txn: u64,
        name: &str,
        changes: &[ProviderChange],
        origin: Origin,
    ) -> Result<Vec<(u32, u32, String)>, Fault> {
        let line = self.line_to(name).await?;
        line.prepare(txn, changes, LEASE, origin).await.map_err(super::write::fault_of)
    }

    /// Commits at one provider after the other, and keeps alive what the others prepared. The error names the one that
    /// did not.
    async fn commit_all(
        &self,
        txn: u64,
        split: &BTreeMap<&str, Vec<ProviderChange>>,
        origin: Origin,
    ) -> Result<Effects, (String, Fault)> {
        let mut effects = Effects::default();
        let mut prepared = self.clock.steady();
        for (position, name) in split.keys().enumerate() {
            if self.clock.steady() >= prepared + LEASE / 2 {
                prepared = self.clock.steady();
                let waiting = split.iter().skip(position).map(|(name, changes)| (*name, changes.as_slice()));
                self.renew(txn, waiting.collect(), origin).await?;
            }
            let failed = |fault: Fault| ((*name).to_owned(), fault);
            let line = self.line_to(name).await.map_err(failed)?;
            effects.add(name, line.commit(txn).await.map_err(super::write::fault_of).map_err(failed)?);
        }
        Ok(effects)
    }

    /// Prepares once more at those that wait for their commit, which renews the lease.
    async fn renew(
        &self,
        txn: u64,
        waiting: Vec<(&str, &[ProviderChange])>,
        origin: Origin,
    ) -> Result<(), (String, Fault)> {
        let renewals = waiting.into_iter().map(|(name, changes)| async move {
            let refused = |fault| (name.to_owned(), fault);
            match self.prepare(txn, name, changes, origin).await.map_err(refused)?.into_iter().next() {
                None => Ok(()),
                Some((_, _, text)) => {
                    let text = format!("does not keep what it prepared: {}", words(&text));
                    Err(refused(Fault::new(FaultCode::InternalError, text)))
                }
            }
        });
        join_all(renewals).await.into_iter().collect()
    }

    /// The journal goes and what the agent keeps of the change comes, in one commit.
    async fn complete(&self, txn: u64, intent: &[JournalChange], effects: &Effects) {
        let mut ops = vec![Op::RemoveTransaction { txn }];
        ops.extend(self.outcome(intent));
        if !effects.after_session.is_empty() {
            let value = effects.after_session.join(",");
            ops.push(Op::PutMeta { key: format!("{APPLY}{txn}"), value });
        }
        if effects.after_reboot {
            ops.push(Op::PutMeta { key: REBOOT_TO_APPLY.into(), value: "1".into() });
        }
        self.persist.commit(ops).await;
    }

    /// Tells every provider that is there or coming that the transaction is over everywhere.
    async fn finish(&self, txn: u64, names: impl Iterator<Item = &str>) {
        for name in names {
            if let Some(line) = self.line_coming(name) {
                if let Err(error) = line.end("Finish", txn).await {
                    // It forgets with the next transaction.
                    tracing::warn!("provider {name}: Finish of {txn}: {error}, ignoring");
                }
            }
        }
    }

    /// Rolls back at every provider that is there, and names those that still have to be. The journal goes when none has.
    async fn roll_back(&self, txn: u64, names: impl Iterator<Item = &str>) -> Vec<String> {
        let mut open = Vec::new();
        for name in names.filter(|name| self.provider(name).is_some()) {
            // Also one that is only coming: it must not be used before.
            let Some(line) = self.line_coming(name) else {
                open.push(name.to_owned());
                continue;
            };
            if let Err(error) = line.end("Rollback", txn).await {
                tracing::error!("provider {name}: transaction {txn} is not rolled back yet: {error}");
                open.push(name.to_owned());
            }
        }
        if open.is_empty() {
            self.persist.commit(vec![Op::RemoveTransaction { txn }]).await;
        } else {
            self.left_open.notify_one();
        }
        open
    }

    /// The transactions in the journal that one of these providers takes part in.
    fn open_at(&self, concerns: impl Fn(&str) -> bool) -> Vec<(u64, cwmp_store::Transaction)> {
        let state = self.persist.read();
        let open = state.transactions.iter();
        open.filter(|(_, t)| t.changes.iter().any(|c| c.provider != OURS && concerns(&c.provider)))
            .map(|(txn, t)| (*txn, t.clone()))
            .collect()
    }

    /// What is still open at these providers is settled now: a provider can take back only its last transaction.
    async fn make_way(&self, names: impl Iterator<Item = &str>) -> Result<(), Fault> {
        let names: Vec<&str> = names.collect();
        for (txn, transaction) in self.open_at(|provider| names.contains(&provider)) {
            let open = self.settle(txn, &transaction, true).await;
            if let Some(name) = open.iter().find(|name| names.contains(&name.as_str())) {
                let text = format!("provider {name}: the transaction before is not rolled back yet");
                return Err(Fault::new(FaultCode::InternalError, text));
            }
        }
        Ok(())
    }

    /// A provider is there: what a cut left behind at it is carried through or rolled back, before it is used.
    pub(crate) async fn recover(&self, coming: &str) {
        let turn = self.writing.lock().await;
        for (txn, transaction) in self.open_at(|provider| provider == coming) {
            self.settle(txn, &transaction, false).await;
        }
        drop(turn);
    }

    /// Looks after what stays in the journal: what could not be rolled back is tried again, and what waits for a provider
    /// that does not come is given up. Never ends.
    pub(crate) async fn keep_journal(&self) {
        // Nobody is left who could be asked.
        for (txn, transaction) in self.open_at(|_| true) {
            if transaction.changes.iter().all(|c| self.provider(&c.provider).is_none()) {
                tracing::warn!("transaction {txn} was cut off, and its providers have no manifest any more");
                self.persist.commit(vec![Op::RemoveTransaction { txn }]).await;
            }
        }
        let cut_off = self.open_at(|_| true).into_iter().map(|(txn, _)| txn).collect::<Vec<_>>();
        let give_up = self.clock.steady() + LEASE;
        let mut waits = !cut_off.is_empty();
        loop {
            let left_open = async {
                self.left_open.notified().await;
                self.clock.sleep(AGAIN).await;
            };
            tokio::select! {
                () = left_open => {}
                () = self.clock.sleep_until(give_up), if waits => waits = false,
            }
            let turn = self.writing.lock().await;
            for (txn, transaction) in self.open_at(|_| true) {
                // What waits for its provider is settled when that comes.
                let here = |c: &JournalChange| self.line_coming(&c.provider).is_some();
                let over = cut_off.contains(&txn) && !waits;
                if over || (transaction.phase == Phase::Prepare && transaction.changes.iter().any(here)) {
                    self.settle(txn, &transaction, over).await;
                }
            }
            drop(turn);
        }
    }

    /// Carries through or rolls back a transaction of the journal. One that was to be committed waits for all of its
    /// providers, unless it is `pressing`. Names the providers that still have to roll back.
    async fn settle(&self, txn: u64, transaction: &cwmp_store::Transaction, pressing: bool) -> Vec<String> {
        let split = split(&transaction.changes);
        if transaction.phase == Phase::Commit {
            let away = |name: &&str| self.provider(name).is_some() && self.line_coming(name).is_none();
            match split.keys().copied().find(away) {
                None => match self.carry_through(txn, &transaction.changes, &split).await {
                    Ok(()) => return Vec::new(),
                    Err(why) => tracing::error!("transaction {txn}: {why}; it is rolled back"),
                },
                Some(name) if pressing => {
                    tracing::error!("transaction {txn} was cut off, and {name} is away; it is rolled back");
                }
                Some(name) => {
                    tracing::warn!("transaction {txn} was cut off and waits for provider {name}");
                    return Vec::new();
                }
            }
            self.persist.commit(vec![Op::SetPhase { txn, phase: Phase::Prepare }]).await;
        } else {
            tracing::warn!("transaction {txn} was cut off: it is rolled back");
        }
        self.roll_back(txn, split.keys().copied()).await
    }

    /// Prepares and commits again under the same number. The error says who refuses now.
    async fn carry_through(
        &self,
        txn: u64,
        changes: &[JournalChange],
        split: &BTreeMap<&str, Vec<ProviderChange>>,
    ) -> Result<(), String> {
        tracing::warn!("transaction {txn} was cut off: it is carried through");
        let lines = || split.iter().filter_map(|(name, part)| Some((*name, self.line_coming(name)?, part)));
        for (name, line, part) in lines() {
            let refused = |why: String| format!("provider {name} refuses to prepare: {why}");
            let faults = line.prepare(txn, part, LEASE, Origin::Agent).await;
            match faults.map_err(|error| refused(error.to_string()))?.into_iter().next() {
                None => {}
                Some((_, _, text)) => return Err(refused(words(&text).to_owned())),
            }
        }
        let mut effects = Effects::default();
        for (name, line, _) in lines() {
            let effect = line.commit(txn).await;
            effects.add(name, effect.map_err(|error| format!("provider {name} refuses to commit: {error}"))?);
        }
        self.complete(txn, changes, &effects).await;
        self.settings_changed(changes);
        self.finish(txn, split.keys().copied()).await;
        Ok(())
    }

    /// The session is over: what waited for that is put in force.
    pub(crate) async fn apply_after_session(&self) {
        let waiting: Vec<(String, String)> = self
            .persist
            .read()
            .meta
            .iter()
            .filter(|(key, _)| key.starts_with(APPLY))
            .map(|(key, names)| (key.clone(), names.clone()))
            .collect();
        for (key, names) in waiting {
            let txn = key[APPLY.len()..].parse().unwrap_or_default();
            let mut left = Vec::new();
            for name in names.split(',').filter(|n| self.provider(n).is_some()) {
                let applied = match self.line_now(name) {
                    Some(line) => line.end("Apply", txn).await.is_ok(),
                    None => false,
                };
                if !applied {
                    left.push(name);
                }
            }
            let op = if left.is_empty() {
                Op::RemoveMeta { key }
            } else {
                Op::PutMeta { key, value: left.join(",") }
            };
            self.persist.commit(vec![op]).await;
        }
    }

    /// What the agent keeps of a change that was made.
    fn outcome(&self, intent: &[JournalChange]) -> Vec<Op> {
        outcome(intent, &self.persist.read())
    }

    fn settings_changed(&self, intent: &[JournalChange]) {
        if intent.iter().any(|c| c.provider == OURS && c.op == op_byte(SET)) {
            self.settings.send_modify(|generation| *generation += 1);
            self.wake.notify_one();
        }
    }
}

/// When what was committed takes effect, where that is not at once.
#[derive(Debug, Default)]
struct Effects {
    /// The providers that wait for `Apply`.
    after_session: Vec<String>,
    after_reboot: bool,
}

impl Effects {
    fn add(&mut self, name: &str, effect: u32) {
        match effect {
            AFTER_SESSION => self.after_session.push(name.to_owned()),
            AFTER_REBOOT => self.after_reboot = true,
            _ => {}
        }
    }
}

/// What goes to which provider, in the order of the intent.
fn split(intent: &[JournalChange]) -> BTreeMap<&str, Vec<ProviderChange>> {
    let mut split: BTreeMap<&str, Vec<ProviderChange>> = BTreeMap::new();
    for change in intent.iter().filter(|c| c.provider != OURS) {
        split.entry(change.provider.as_str()).or_default().push(ProviderChange {
            op: u32::from(change.op),
            kind: change.kind,
            path: change.path.clone(),
            value: change.value.clone(),
        });
    }
    split
}

fn added(intent: &[JournalChange]) -> impl Iterator<Item = (&str, u32)> {
    intent
        .iter()
        .filter(|c| c.provider != OURS && c.op == op_byte(ADD))
        .filter_map(|c| path::split_row(&c.path))
}

/// The fault of a request with parameters in error.
fn refused(faults: Vec<(String, Fault)>) -> WriteError {
    WriteError::Fault(Fault::of(FaultCode::InvalidArguments), faults)
}

/// The writes that an intent leaves in the store, once it is done.
fn outcome(intent: &[JournalChange], state: &State) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut made = BTreeMap::new();
    for change in intent {
        let ours = change.provider == OURS;
        let path = change.path.clone();
        match change.op {
            op if ours && op == op_byte(SET) => {
                ops.push(Op::PutSetting { path, value: change.value.clone() });
            }
            REPORTED_CHANGE if ours => {
                let kind =
                    cwmp_model::ValueType::from_number(change.kind).unwrap_or(cwmp_model::ValueType::String);
                ops.push(changes::reported(path, kind, change.value.clone()));
            }
            ALIAS_CHANGE if ours => {
                if let Some((table, number)) = path::split_row(path::parent(&path)) {
                    let rows = state.tables.get(table).and_then(|t| t.rows.get(&number));
                    made.insert(
                        (table.to_owned(), number),
                        (rows.and_then(|r| r.key.clone()), Some(change.value.clone())),
                    );
                }
            }
            op if op == op_byte(ADD) => {
                if let Some((table, number)) = path::split_row(&path) {
                    made.entry((table.to_owned(), number)).or_insert((None, None));
                }
            }
            op if op == op_byte(DELETE) => {
                if let Some((table, number)) = path::split_row(&path) {
                    ops.push(Op::RemoveInstance { table: table.to_owned(), number });
                }
                let below = state.tables.iter().filter(|(table, _)| table.starts_with(&path));
                for (table, rows) in below {
                    let gone = rows
                        .rows
                        .keys()
                        .map(|number| Op::RemoveInstance { table: table.clone(), number: *number });
                    ops.extend(gone);
                }
                ops.push(Op::RemoveAttributesUnder { prefix: path.clone() });
                ops.push(Op::RemoveReportedUnder { prefix: path.clone() });
                let pending = state.pending.iter().filter(|name| name.starts_with(&path));
                ops.extend(pending.map(|path| Op::RemovePending { path: path.clone() }));
            }
            _ => {}
        }
    }
    let rows =
        made.into_iter().map(|((table, number), (key, alias))| Op::PutInstance { table, number, key, alias });
    ops.extend(rows);
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(provider: &str, op: u8, path: &str, value: &str) -> JournalChange {
        JournalChange { provider: provider.into(), op, kind: 1, path: path.into(), value: value.into() }
    }

    /// C139, C141: a row, its alias and its number are one write; a row that goes takes everything of it along.
    #[test]
    fn rows_come_and_go_with_all_that_is_kept_of_them() {
        let mut state = State::default();
        let add = [
            change("demo", op_byte(ADD), "Device.X.L.3.", ""),
            change("demo", op_byte(SET), "Device.X.L.3.Name", "a"),
            change(OURS, ALIAS_CHANGE, "Device.X.L.3.Alias", "kitchen"),
        ];
        for op in outcome(&add, &state) {
            state.apply(&op);
        }
        assert_eq!(state.tables["Device.X.L."].rows[&3].alias.as_deref(), Some("kitchen"));
        state.apply(&Op::PutInstance { table: "Device.X.L.3.P.".into(), number: 1, key: None, alias: None });
        state.apply(&Op::PutPending { path: "Device.X.L.3.Name".into() });
        state.apply(&Op::PutReported { path: "Device.X.L.3.Name".into(), kind: 1, value: "a".into() });
        for op in outcome(&[change("demo", op_byte(DELETE), "Device.X.L.3.", "")], &state) {
            state.apply(&op);
        }
        assert!(state.tables["Device.X.L."].rows.is_empty());
        assert!(state.tables["Device.X.L.3.P."].rows.is_empty());
        assert!(state.pending.is_empty() && state.reported.is_empty());
        assert_eq!(state.tables["Device.X.L."].next(), Some(4));
    }

    #[test]
    fn an_intent_is_split_by_provider_in_order() {
        let intent = [
            change("b", 1, "Device.B.1", "x"),
            change(OURS, 1, "Device.ManagementServer.ParameterKey", "k"),
            change("a", 1, "Device.A", "y"),
            change("b", 1, "Device.B.2", "z"),
        ];
        let split = split(&intent);
        assert_eq!(split.keys().copied().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            split["b"].iter().map(|c| c.path.as_str()).collect::<Vec<_>>(),
            ["Device.B.1", "Device.B.2"]
        );
    }
}
