//! What typed objects need of the settings.

use std::any::Any;
use std::collections::BTreeMap;

use super::{delta_of, entry, Delta, Settings, State};
use crate::name::{pattern, rows_above};
use crate::object::{All, Object, Shape};
use crate::resolver::{at_of, Resolver};
use crate::serve::Kept;
use crate::{At, Error, Host};

/// Before the key of a row that is there because the device has it, not because it was added.
const DEVICE_ROW: &str = "=";

/// The value of a row that the device has, with the key that it has there, if it has one.
pub(crate) fn device_row(key: &str) -> String {
    format!("{DEVICE_ROW}{key}")
}

/// The key in the value of a row; `None` if the row was added.
pub(crate) fn key_of(value: &str) -> Option<&str> {
    value.strip_prefix(DEVICE_ROW)
}

impl Settings {
    /// What is kept of an object: the struct, or the rows that were added and those of the device that something is kept
    /// for, by number and key.
    ///
    /// For what a plugin does at its start, and wherever [`Serve::read`](crate::Serve::read) does not bring it along.
    pub fn object<O: Object>(&self) -> Result<All<O>, Error> {
        let path = O::NODES[0].path();
        let mut instances = if path.contains(crate::resolver::ROW) {
            self.instances(path)
        } else {
            vec![KeptRow::once(path)]
        };
        for instance in &mut instances {
            instance.found = false;
        }
        let host = self.host().clone();
        let resolver = Resolver::new(&host, path);
        let kept = Kept { settings: Some(self.clone()), host, nodes: O::NODES, instances };
        let rows = kept.rows::<O>(resolver);
        O::Shape::from_rows(rows).ok_or_else(|| Error::internal("an object without a place"))
    }

    pub(crate) fn host(&self) -> &Host {
        &self.inner.host
    }

    /// What the device has, for the transaction that comes.
    pub(crate) fn offer(&self, txn: u64, mut found: BTreeMap<String, String>) {
        let mut state = self.state();
        if let Some((_, before)) = state.prepared.as_ref().filter(|(prepared, _)| *prepared == txn) {
            // It is prepared again after the plugin was killed: the first word about what was there counts.
            found.extend(before.iter().filter_map(|(name, old)| Some((name.clone(), old.clone()?))));
        }
        // What the settings know as well is not to look as if it had been set.
        found.retain(|name, text| {
            if self.inner.diagnostics.has(name) {
                return false;
            }
            let default = self.parameter(name).map(|(_, known)| &known.default);
            name.ends_with('.') || state.entries.get(name).or(default) != Some(text)
        });
        state.offered = found;
    }

    pub(crate) fn put_guard(&self, guard: Box<dyn Any + Send>) {
        self.state().guard = Some(guard);
    }

    pub(crate) fn take_guard(&self) -> Option<Box<dyn Any + Send>> {
        self.state().guard.take()
    }

    /// What a prepared transaction will change.
    pub(crate) fn staged(&self, txn: u64) -> Option<Delta> {
        let state = self.state();
        state.staged.as_ref().filter(|staged| staged.txn == txn).map(|staged| staged.delta.clone())
    }

    /// Forgets what was prepared.
    pub(crate) fn unstage(&self, txn: u64) {
        let mut state = self.state();
        if state.staged.as_ref().is_some_and(|staged| staged.txn == txn) {
            state.staged = None;
        }
    }

    /// Writes down what the device has and the settings do not know, before anything is done to it.
    pub(crate) fn remember(&self, txn: u64) -> Result<(), Error> {
        let before = {
            let state = self.state();
            let Some(staged) = state.staged.as_ref().filter(|staged| staged.txn == txn) else {
                return Ok(());
            };
            if state.prepared.as_ref().is_some_and(|(prepared, _)| *prepared == txn) {
                return Ok(());
            }
            // That a row has settings from now on is nothing that happens to the device.
            let happens = |(name, new): (&String, &Option<String>)| {
                state.offered.contains_key(name) && !(name.ends_with('.') && new.is_some())
            };
            let happens = staged.delta.iter().any(happens);
            let before = staged.delta.keys().map(|name| (name.clone(), state.before(name)));
            happens.then(|| delta_of(before))
        };
        // Those of a transaction before this one, if it was forgotten.
        for key in self.host().store_list(entry::PREPARED)? {
            self.host().store_delete(&key)?;
        }
        self.state().prepared = None;
        let Some(before) = before else { return Ok(()) };
        for (index, text) in entry::write_prepared(txn, &before).iter().enumerate() {
            self.host().store_put(&format!("{}{index}", entry::PREPARED), text)?;
        }
        self.state().prepared = Some((txn, before));
        Ok(())
    }

    /// What takes a transaction back that was committed, or whose commit began and did not end.
    pub(crate) fn undo_of(&self, txn: u64) -> Option<Delta> {
        let state = self.state();
        let done = state.done.as_ref().filter(|done| done.txn == txn).map(|done| &done.undo);
        done.or_else(|| state.cut_off(txn)).cloned()
    }

    pub(super) fn forget_prepared(&self) -> Result<(), Error> {
        if self.state().prepared.is_some() {
            for key in self.host().store_list(entry::PREPARED)? {
                self.host().store_delete(&key)?;
            }
            self.state().prepared = None;
        }
        Ok(())
    }

    /// What a factory reset changes. The rows of the device stay.
    pub(crate) fn everything_unset(&self) -> Delta {
        let state = self.state();
        let of_device = |name: &str, value: &str| name.ends_with('.') && key_of(value).is_some();
        let own = state.entries.iter().filter(|(name, value)| !of_device(name, value));
        super::delta_of(own.map(|(name, _)| (name.clone(), None)))
    }

    /// What was before the transaction at hand: of a value what the device has, of a row what is kept.
    pub(crate) fn before(&self, name: &str) -> Option<String> {
        self.state().before(name)
    }

    /// The object with this path, if its rows are kept.
    pub(crate) fn kept_row(&self, instance: &str) -> Option<KeptRow> {
        let (instance, at) = (instance.to_owned(), at_of(instance));
        self.state().kept_row(self.relative(&instance), at).map(|(at, found)| KeptRow { instance, at, found })
    }

    /// An object in all rows that are kept.
    pub(crate) fn instances(&self, path: &str) -> Vec<KeptRow> {
        let base = self.host().about().base;
        let Some((_, rest)) = path.rsplit_once(crate::resolver::ROW) else { return Vec::new() };
        let table = self.relative(&path[..path.len() - rest.len()]).to_owned();
        // Up to the first row all names are the same.
        let start = table.split_once(crate::resolver::ROW).map_or("", |(start, _)| start);
        let state = self.state();
        let below = state.entries.range(start.to_owned()..).take_while(|(name, _)| name.starts_with(start));
        let rows = below.filter(|(name, _)| name.ends_with('.') && pattern(name) == table);
        let kept = |(name, _): (&String, &String)| {
            let (at, found) = state.kept_row(name, at_of(name))?;
            let base = if name.starts_with("Device.") { "" } else { base };
            Some(KeptRow { instance: format!("{base}{name}{rest}"), at, found })
        };
        rows.filter_map(kept).collect()
    }

    fn relative<'a>(&self, full: &'a str) -> &'a str {
        full.strip_prefix(self.host().about().base).unwrap_or(full)
    }
}

/// An object that something is kept for.
#[derive(Debug)]
pub(crate) struct KeptRow {
    /// Its path.
    pub(crate) instance: String,
    /// Its rows, by number, and by key where the device found them.
    pub(crate) at: At,
    /// Whether it was the device that found the innermost.
    pub(crate) found: bool,
}

impl KeptRow {
    pub(crate) fn once(path: &str) -> Self {
        Self { instance: path.to_owned(), at: At::ONCE, found: false }
    }
}

impl State {
    /// What the device had before a commit that began and may not have ended.
    pub(super) fn cut_off(&self, txn: u64) -> Option<&Delta> {
        let may_be = self.attempted || self.staged.is_none();
        self.prepared.as_ref().filter(|(prepared, _)| *prepared == txn && may_be).map(|(_, before)| before)
    }

    /// The rows of a name with their keys, and whether the device found the innermost; `None` if they are not kept.
    fn kept_row(&self, name: &str, mut at: At) -> Option<(At, bool)> {
        let (mut found, mut level) = (false, 0);
        for row in rows_above(name) {
            let key = key_of(self.entries.get(row)?);
            found = key.is_some();
            let row = at.above.get_mut(level).unwrap_or(&mut at.row);
            key.unwrap_or_default().clone_into(&mut row.key);
            level += 1;
        }
        Some((at, found))
    }

    pub(super) fn before(&self, name: &str) -> Option<String> {
        let (first, second) =
            if name.ends_with('.') { (&self.entries, &self.offered) } else { (&self.offered, &self.entries) };
        first.get(name).or_else(|| second.get(name)).cloned()
    }
}
