//! Transactions on settings: staged without effect, committed with an undo, taken back until finished.

use std::collections::{BTreeMap, BTreeSet};

use super::{delta_of, entry, no_such, Delta, Done, Settings, Staged, State, MAX_CHANGES, MAX_ROWS};
use crate::name::{pattern, rows_above};
use crate::{Change, ChangeFault, Effect, Error, Host, Level, Op};

impl Settings {
    /// Stages changes. Nothing is different until they are committed.
    pub fn prepare(&self, txn: u64, changes: &[Change<'_>]) -> Result<(), Vec<ChangeFault>> {
        let mut state = self.state();
        if state.done.as_ref().is_some_and(|done| done.txn == txn) {
            return Ok(());
        }
        if changes.len() > MAX_CHANGES {
            let error = Error::resources(format!("more than {MAX_CHANGES} changes at once"));
            return Err(vec![ChangeFault { index: MAX_CHANGES, error }]);
        }
        let mut staging = Staging {
            settings: self,
            state: &state,
            delta: Delta::new(),
            added: BTreeSet::new(),
            rows: state.entries.keys().filter(|k| k.ends_with('.')).count(),
        };
        let mut faults = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            if let Err(error) = staging.stage(change) {
                faults.push(ChangeFault { index, error });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let delta = staging.delta;
        state.staged = Some(Staged { txn, delta });
        Ok(())
    }

    /// Makes what was staged durable and calls `put_in_force` with the names; if that fails nothing has changed.
    ///
    /// The host discards what a failed commit wrote to its store.
    pub fn commit(
        &self,
        txn: u64,
        put_in_force: impl FnOnce(&[String]) -> Result<Effect, Error>,
    ) -> Result<Effect, Error> {
        match self.begin_commit(txn)? {
            Begun::Before(effect) => Ok(effect),
            Begun::Now(commit) => {
                let effect = put_in_force(&commit.names)?;
                commit.end(effect)
            }
        }
    }

    /// The first half of a commit: everything is stored but that it is over. Dropped, nothing has changed.
    pub(crate) fn begin_commit(&self, txn: u64) -> Result<Begun, Error> {
        let (delta, undo, old): (Delta, Delta, Delta) = {
            let mut state = self.state();
            let found = match (&state.done, &state.staged) {
                (Some(done), _) if done.txn == txn => return Ok(Begun::Before(done.effect)),
                (_, Some(staged)) if staged.txn == txn => {
                    let old = |k: &String| (k.clone(), state.entries.get(k).cloned());
                    let before = |k: &String| (k.clone(), state.before(k));
                    let keys = || staged.delta.keys();
                    (staged.delta.clone(), delta_of(keys().map(before)), delta_of(keys().map(old)))
                }
                _ => return Err(Error::internal(format!("transaction {txn} was not prepared"))),
            };
            state.meanwhile = Some(BTreeSet::new());
            state.attempted = true;
            found
        };
        let host = &self.inner.host;
        forget_undo(host)?;
        host.store_put(entry::BEGUN, &txn.to_string())?;
        for (name, old) in &undo {
            host.store_put(&entry::undone(name), &entry::write_old(old.as_deref()))?;
        }
        self.store(&delta)?;
        if self.state().prepared.is_some() {
            // It goes together with the end of the commit; until then memory keeps it.
            for key in host.store_list(entry::PREPARED)? {
                host.store_delete(&key)?;
            }
        }
        self.change(&delta);
        self.state().unsettled = Some((txn, delta.keys().cloned().collect()));
        let restore = Restore { settings: self.clone(), old: Some(old) };
        Ok(Begun::Now(Commit { txn, names: delta.into_keys().collect(), undo, restore }))
    }

    /// The names of a commit that failed and may have left something on the device. They are told once.
    pub(crate) fn take_unsettled(&self, txn: u64) -> Option<Vec<String>> {
        let unsettled = &mut self.state().unsettled;
        unsettled.take_if(|(unsettled, _)| *unsettled == txn).map(|(_, names)| names)
    }

    /// Drops what was staged, or restores what was there before the commit and puts that in force.
    pub fn rollback(
        &self,
        txn: u64,
        put_in_force: impl FnOnce(&[String]) -> Result<Effect, Error>,
    ) -> Result<(), Error> {
        let Some(names) = self.begin_rollback(txn)? else { return Ok(()) };
        put_in_force(&names)?;
        self.end_rollback()
    }

    /// The first half of a rollback: the names that are as before again and must be put in force, if there are any.
    pub(crate) fn begin_rollback(&self, txn: u64) -> Result<Option<Vec<String>>, Error> {
        self.inner.diagnostics.rolled_back(txn);
        let undo = {
            let mut state = self.state();
            let cut_off = state.cut_off(txn).map(|before| before.keys().cloned().collect());
            if state.staged.as_ref().is_some_and(|s| s.txn == txn) {
                state.staged = None;
            }
            match &state.done {
                Some(done) if done.txn == txn => done.undo.clone(),
                // The settings are as before; the device may not be.
                _ if cut_off.is_some() => return Ok(cut_off),
                _ => {
                    drop(state);
                    self.forget_prepared()?;
                    return self.keep_what_was_said().map(|()| None);
                }
            }
        };
        // Whatever fails on the way, the undo is still there for the next try.
        self.store(&undo)?;
        self.change(&undo);
        Ok(Some(undo.into_keys().collect()))
    }

    /// The second half of a rollback.
    pub(crate) fn end_rollback(&self) -> Result<(), Error> {
        let undo = self.state().done.as_ref().map(|done| done.undo.clone());
        // Once more: a host that has given up a late rollback has discarded what was stored for it, and the way back must
        // not be forgotten before the way was gone.
        self.store(&undo.unwrap_or_default())?;
        forget_undo(&self.inner.host)?;
        self.forget_prepared()?;
        {
            let mut state = self.state();
            state.done = None;
            state.attempted = false;
            state.unsettled = None;
        }
        self.keep_what_was_said()
    }

    /// The transaction is over everywhere: what was kept to take it back goes.
    pub fn finish(&self, txn: u64) -> Result<(), Error> {
        if self.state().done.as_ref().is_some_and(|done| done.txn == txn) {
            forget_undo(&self.inner.host)?;
            let mut state = self.state();
            state.done = None;
            state.meanwhile = None;
        }
        self.inner.diagnostics.finished(txn);
        Ok(())
    }

    /// The transaction that was committed and may yet be taken back.
    #[cfg(feature = "tokio")]
    pub(crate) fn unfinished(&self) -> Option<u64> {
        self.state().done.as_ref().map(|done| done.txn)
    }

    /// A host that discards a failed commit discards with it what the device said meanwhile: so it is stored again.
    fn keep_what_was_said(&self) -> Result<(), Error> {
        let said = match &self.state().meanwhile {
            Some(said) => said.clone(),
            None => return Ok(()),
        };
        for name in said {
            let value = self.state().entries.get(&name).cloned();
            if let Some(value) = value {
                self.inner.host.store_put(&entry::kept(&name), &value)?;
            }
        }
        self.state().meanwhile = None;
        Ok(())
    }

    fn store(&self, delta: &Delta) -> Result<(), Error> {
        for (name, value) in delta.iter().filter(|(name, _)| !self.inner.diagnostics.has(name)) {
            match value {
                Some(value) => self.inner.host.store_put(&entry::kept(name), value)?,
                None => self.inner.host.store_delete(&entry::kept(name))?,
            }
        }
        Ok(())
    }

    fn change(&self, delta: &Delta) {
        let mut state = self.state();
        state.generation += 1;
        for (name, value) in delta {
            match value {
                Some(value) => state.entries.insert(name.clone(), value.clone()),
                None => state.entries.remove(name),
            };
        }
    }
}

/// How a commit began.
pub(crate) enum Begun {
    /// It was over before; this is the repetition.
    Before(Effect),
    /// It is to be put in force now.
    Now(Commit),
}

/// A commit that is stored but for its end.
pub(crate) struct Commit {
    txn: u64,
    /// What is to be put in force.
    pub(crate) names: Vec<String>,
    undo: Delta,
    restore: Restore,
}

impl Commit {
    /// The second half: it is in force.
    pub(crate) fn end(mut self, effect: Effect) -> Result<Effect, Error> {
        let settings = self.restore.settings.clone();
        // A host that has given up a late commit has discarded what was stored for it. Its end alone would be a promise
        // that nothing can keep.
        if settings.inner.host.store_get(entry::BEGUN)? != Some(self.txn.to_string()) {
            return Err(Error::internal("the commit took too long, and the host has given it up"));
        }
        let diagnostics = &settings.inner.diagnostics;
        let value = |name: &str| settings.state().entries.get(name).cloned();
        let wishes = diagnostics.commit(self.txn, &self.names, value)?;
        settings.inner.host.store_put(entry::UNDO, &entry::write_header(self.txn, effect))?;
        diagnostics.committed(self.txn, wishes);
        self.restore.old = None;
        let mut state = settings.state();
        state.staged = None;
        state.attempted = false;
        state.unsettled = None;
        state.prepared = None;
        state.done = Some(Done { txn: self.txn, effect, undo: self.undo });
        Ok(effect)
    }
}

/// Restores the entries unless the commit succeeds: also when the plugin panics.
struct Restore {
    settings: Settings,
    old: Option<Delta>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        let Some(mut old) = self.old.take() else { return };
        if let Some(said) = &self.settings.state().meanwhile {
            old.retain(|name, _| !said.contains(name));
        }
        self.settings.change(&old);
    }
}

/// Changes on top of what is there.
struct Staging<'a> {
    settings: &'a Settings,
    state: &'a State,
    delta: Delta,
    added: BTreeSet<String>,
    rows: usize,
}

impl Staging<'_> {
    fn stage(&mut self, change: &Change<'_>) -> Result<(), Error> {
        let name = change.name.relative();
        let known = self.settings.inner.nodes.get(pattern(name).as_str()).ok_or_else(|| no_such(name))?;
        let fits = known.node.is_table() == (change.op != Op::Set);
        let mut above = rows_above(name).filter(|row| *row != name);
        if !fits || !above.all(|row| self.has(row)) {
            return Err(no_such(name));
        }
        let found = rows_above(name).filter(|row| *row != name && !self.keeps(row));
        let found: Vec<String> = found.map(str::to_owned).collect();
        // A new row may get values that only the device sets later on: its defaults come with it.
        if !known.node.is_writable() && !self.added.iter().any(|row| name.starts_with(row.as_str())) {
            return Err(Error::not_writable(format!("{name} cannot be changed")));
        }
        match change.op {
            Op::Set => {
                let kind = known.node.kind().ok_or_else(|| no_such(name))?;
                if change.kind.is_some_and(|given| given != kind) {
                    return Err(Error::kind(format!("{name} has another type")));
                }
                let value = entry::value_of(kind, change.value)?;
                self.settings.inner.diagnostics.check(name, &value)?;
                self.put(name.to_owned(), Some(value));
            }
            Op::Add if self.has(name) => return Err(Error::resources(format!("{name} is there already"))),
            Op::Add if self.rows >= MAX_ROWS => {
                return Err(Error::resources(format!("more than {MAX_ROWS} rows")))
            }
            Op::Add => {
                self.rows += 1;
                self.added.insert(name.to_owned());
                self.put(name.to_owned(), Some(String::new()));
            }
            Op::Delete if !self.has(name) => return Err(no_such(name)),
            Op::Delete => self.delete(name),
        }
        if change.op != Op::Delete {
            // From now on there is something to be kept for a row of the device.
            for row in found {
                let value = self.state.before(&row);
                self.put(row, value);
            }
        }
        Ok(())
    }

    fn delete(&mut self, row: &str) {
        let mut gone: Vec<String> = below(&self.state.entries, row);
        gone.extend(below(&self.delta, row));
        gone.extend(below(&self.state.offered, row));
        for name in gone {
            if name.ends_with('.') && self.keeps(&name) {
                self.rows -= 1;
            }
            self.added.remove(&name);
            self.put(name, None);
        }
    }

    /// One place, for the sake of the code's size.
    fn put(&mut self, name: String, value: Option<String>) {
        self.delta.insert(name, value);
    }

    fn has(&self, row: &str) -> bool {
        match self.delta.get(row) {
            Some(staged) => staged.is_some(),
            None => self.state.before(row).is_some(),
        }
    }

    /// Whether the row is among the entries, or will be.
    fn keeps(&self, row: &str) -> bool {
        match self.delta.get(row) {
            Some(staged) => staged.is_some(),
            None => self.state.entries.contains_key(row),
        }
    }
}

/// The names of a row and of everything in it.
fn below<V>(entries: &BTreeMap<String, V>, row: &str) -> Vec<String> {
    let names = entries.range(row.to_owned()..).map(|(name, _)| name);
    names.take_while(|name| name.starts_with(row)).cloned().collect()
}

fn forget_undo(host: &Host) -> Result<(), Error> {
    // The header goes first: without it the rest means nothing.
    host.store_delete(entry::UNDO)?;
    for key in host.store_list(&entry::undone(""))? {
        host.store_delete(&key)?;
    }
    Ok(())
}

/// What the store holds.
pub(super) fn load(host: &Host) -> Result<State, Error> {
    let mut state = State::default();
    let read = |key: &str| -> Result<String, Error> { Ok(host.store_get(key)?.unwrap_or_default()) };
    for key in host.store_list(entry::SETTINGS)? {
        state.entries.insert(key[entry::SETTINGS.len()..].to_owned(), read(&key)?);
    }
    if let Some(header) = host.store_get(entry::UNDO)? {
        let begun = read(entry::BEGUN)?;
        if let Some((txn, effect)) = entry::read_header(&header).filter(|(txn, _)| txn.to_string() == begun) {
            let mut undo = Delta::new();
            for key in host.store_list(&entry::undone(""))?.into_iter().filter(|key| key != entry::BEGUN) {
                undo.insert(key[entry::UNDO.len() + 1..].to_owned(), entry::read_old(&read(&key)?));
            }
            state.done = Some(Done { txn, effect, undo });
        } else {
            host.log(Level::Warning, "the store has the end of a commit without the rest of it, ignoring");
        }
    }
    let mut prepared: Option<(u64, Delta)> = None;
    for key in host.store_list(entry::PREPARED)? {
        let Some((txn, before)) = entry::read_prepared(&read(&key)?) else { continue };
        match &mut prepared {
            Some((first, all)) if *first == txn => all.extend(before),
            _ => prepared = Some((txn, before)),
        }
    }
    state.prepared = prepared;
    Ok(state)
}
