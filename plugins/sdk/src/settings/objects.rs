//! What typed objects need of the settings.

use std::any::Any;
use std::collections::BTreeMap;

use super::{Delta, Settings, State};
use crate::name::{pattern, rows_above};
use crate::object::{All, Object, Shape};
use crate::resolver::Resolver;
use crate::serve::Kept;
use crate::{Error, Host};

/// The value of a row that is there because the device has it, not because it was added.
pub(crate) const DEVICE_ROW: &str = "=";

impl Settings {
    /// What is kept of an object: the struct, or the rows that were added.
    ///
    /// For what a plugin does at its start, and wherever [`Serve::read`](crate::Serve::read) does not bring it along.
    pub fn object<O: Object>(&self) -> Result<All<O>, Error> {
        let path = O::NODES[0].path();
        let instances = if path.contains(crate::resolver::ROW) {
            self.instances(path)
        } else {
            vec![(path.to_owned(), false)]
        };
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
    pub(crate) fn offer(&self, mut found: BTreeMap<String, String>) {
        let mut state = self.state();
        // What the settings know as well is not to look as if it had been set.
        found.retain(|name, text| {
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

    /// What takes a committed transaction back.
    pub(crate) fn committed(&self, txn: u64) -> Option<Delta> {
        self.state().done.as_ref().filter(|done| done.txn == txn).map(|done| done.undo.clone())
    }

    /// What a factory reset changes. The rows of the device stay.
    pub(crate) fn everything_unset(&self) -> Delta {
        let state = self.state();
        let own = state.entries.iter().filter(|(_, value)| *value != DEVICE_ROW);
        super::delta_of(own.map(|(name, _)| (name.clone(), None)))
    }

    /// What was before the transaction at hand: of a value what the device has, of a row what is kept.
    pub(crate) fn before(&self, name: &str) -> Option<String> {
        self.state().before(name)
    }

    /// Whether the rows of an object are kept, and whether the innermost is one of the device.
    pub(crate) fn row_state(&self, instance: &str) -> Option<bool> {
        let name = self.relative(instance);
        let state = self.state();
        let mut found = false;
        for row in rows_above(name) {
            found = state.entries.get(row)? == DEVICE_ROW;
        }
        Some(found)
    }

    /// The paths of an object in rows that are kept, and whether the innermost row is one of the device.
    pub(crate) fn instances(&self, path: &str) -> Vec<(String, bool)> {
        let base = self.host().about().base;
        let Some((_, rest)) = path.rsplit_once(crate::resolver::ROW) else { return Vec::new() };
        let table = self.relative(&path[..path.len() - rest.len()]).to_owned();
        // Up to the first row all names are the same.
        let start = table.split_once(crate::resolver::ROW).map_or("", |(start, _)| start);
        let state = self.state();
        let below = state.entries.range(start.to_owned()..).take_while(|(name, _)| name.starts_with(start));
        below
            .filter(|(name, _)| name.ends_with('.') && pattern(name) == table)
            .filter(|(name, _)| state.has_rows_of(name))
            .map(|(name, value)| {
                let base = if name.starts_with("Device.") { "" } else { base };
                (format!("{base}{name}{rest}"), value == DEVICE_ROW)
            })
            .collect()
    }

    fn relative<'a>(&self, full: &'a str) -> &'a str {
        full.strip_prefix(self.host().about().base).unwrap_or(full)
    }
}

impl State {
    pub(super) fn before(&self, name: &str) -> Option<String> {
        let (first, second) =
            if name.ends_with('.') { (&self.entries, &self.offered) } else { (&self.offered, &self.entries) };
        first.get(name).or_else(|| second.get(name)).cloned()
    }
}
