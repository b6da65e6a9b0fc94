//! What is configured: values and rows that live in memory and in the host's store, changed by transactions.
//!
//! In the store a value is `settings/NAME`, a row `settings/NAME.`; the names follow the base. What a committed
//! transaction replaced is kept as `undo/NAME` until it is finished, with the transaction in `undo/` and, once it is in
//! force, in `undo`, so that it can be taken back even after a restart.

mod entry;
mod objects;
mod transaction;

pub(crate) use objects::{device_row, key_of, KeptRow};
#[cfg(feature = "tokio")]
pub(crate) use transaction::Begun;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::diagnostic::Diagnostics;
use crate::name::{pattern, rows_above};
use crate::{Answer, Diagnostic, Error, Host, Kind, Name, Node, Parse, Row, Value};

/// The most changes of one transaction.
pub const MAX_CHANGES: usize = 20_000;
/// The most rows of one plugin.
pub const MAX_ROWS: usize = 4_096;
/// Bytes of the longest value: what the store takes, less what an undo adds to it.
pub const MAX_VALUE: usize = cwmp_plugin_abi::STORE_VALUE_MAX - 1;

/// The values and rows of a plugin. Clones are cheap and show the same; every thread of the plugin may have one.
#[derive(Debug, Clone)]
pub struct Settings {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: Host,
    /// What was declared, by the schema path after the base.
    nodes: HashMap<&'static str, Known>,
    /// Those have states that nobody keeps.
    diagnostics: Diagnostics,
    /// Never held while the host or the plugin is called.
    state: Mutex<State>,
}

#[derive(Debug)]
struct Known {
    node: &'static Node,
    default: String,
}

#[derive(Debug, Default)]
struct State {
    /// Values by name and, ending in a dot, rows.
    entries: BTreeMap<String, String>,
    staged: Option<Staged>,
    done: Option<Done>,
    /// Counts what transactions did to the entries.
    generation: u64,
    /// From the beginning of a commit until it is finished or taken back: what the device said meanwhile.
    meanwhile: Option<BTreeSet<String>>,
    /// What the device has beside the entries, as far as the transaction at hand needs it: rows, and values that are not
    /// what was set.
    offered: BTreeMap<String, String>,
    /// What the device had when a transaction was prepared, as the store has it: for a plugin that is killed in the middle
    /// of the commit.
    prepared: Option<(u64, Delta)>,
    /// A commit began and did not end.
    attempted: bool,
    /// The names of that commit, as long as it is not known that the device is as the settings say.
    unsettled: Option<(u64, Vec<String>)>,
    /// What typed objects prepared.
    guard: Option<Box<dyn Any + Send>>,
}

/// What entries become: `None` is gone.
pub(crate) type Delta = BTreeMap<String, Option<String>>;

/// A difference of these entries. Inserted one by one: making a map at once brings the code of a sort along.
fn delta_of(entries: impl Iterator<Item = (String, Option<String>)>) -> Delta {
    let mut delta = Delta::new();
    for (name, value) in entries {
        delta.insert(name, value);
    }
    delta
}

#[derive(Debug)]
struct Staged {
    txn: u64,
    delta: Delta,
}

#[derive(Debug)]
struct Done {
    txn: u64,
    effect: crate::Effect,
    undo: Delta,
}

impl Settings {
    /// Reads what was kept; what was not is as declared.
    pub fn load(host: &Host) -> Result<Self, Error> {
        let about = host.about();
        let known = |node: &'static Node| {
            let path = node.path().strip_prefix(about.base).unwrap_or(node.path());
            (path, Known { node, default: node.default_value() })
        };
        let nodes = about.nodes.iter().map(known).collect();
        let state = transaction::load(host)?;
        let diagnostics = Diagnostics::load(host, state.done.as_ref().map(|done| done.txn))?;
        let state = Mutex::new(state);
        Ok(Self { inner: Arc::new(Inner { host: host.clone(), nodes, diagnostics, state }) })
    }

    /// The value of a parameter; the name follows the base. `None` if there is no such parameter or row.
    pub fn text(&self, name: &str) -> Option<String> {
        if let Some(state) = self.inner.diagnostics.text(name) {
            return Some(state);
        }
        let known = self.parameter(name)?.1;
        let state = self.state();
        if !state.has_rows_of(name) {
            return None;
        }
        Some(state.entries.get(name).unwrap_or(&known.default).clone())
    }

    /// The value of a parameter, as what it is: `settings.get::<u32>("Brightness")`.
    pub fn get<T: Parse>(&self, name: &str) -> Option<T> {
        T::parse(&self.text(name)?)
    }

    /// The value that somebody set; `None` if nobody did, whatever the default is.
    pub fn chosen(&self, name: &str) -> Option<String> {
        if let Some(state) = self.inner.diagnostics.text(name) {
            return Some(state);
        }
        self.state().entries.get(name).cloned()
    }

    /// What the last run of a diagnostic found. It stays until the next run, and is gone when the plugin ends.
    ///
    /// With it the object's other parameters are answered, and the rows of its results.
    pub fn results<O: Diagnostic>(&self) -> Option<Arc<O::Results>> {
        self.inner.diagnostics.results(O::NODES[0].path())?.downcast().ok()
    }

    pub(crate) fn diagnostics(&self) -> &Diagnostics {
        &self.inner.diagnostics
    }

    /// The device itself changes a value: it is kept and announced. The same value again does nothing.
    pub fn set<V: Value>(&self, name: &str, value: V) -> Result<(), Error> {
        self.set_text(name, &value.lexical())
    }

    /// As [`set`](Self::set), with the lexical form.
    pub fn set_text(&self, name: &str, text: &str) -> Result<(), Error> {
        let (kind, known) = self.parameter(name).ok_or_else(|| no_such(name))?;
        if self.inner.diagnostics.has(name) {
            return Err(Error::unsupported(format!("{name} is what becomes of its runs")));
        }
        let text = entry::value_of(kind, text)?;
        let generation = {
            let state = self.state();
            if !state.has_rows_of(name) {
                return Err(no_such(name));
            }
            if *state.entries.get(name).unwrap_or(&known.default) == text {
                return Ok(());
            }
            state.generation
        };
        self.keep(name, &text, generation)?;
        self.inner.host.changed(&[name]);
        Ok(())
    }

    /// The device has this row: it is kept and announced, and its parameters can have values. Nothing happens if it is
    /// there already. For tables whose rows come with the hardware but have settings.
    pub fn add_row(&self, row: &str) -> Result<(), Error> {
        let table = row.trim_end_matches('.').rsplit_once('.').map_or("", |(table, _)| table);
        let known = self.inner.nodes.get(pattern(row).as_str());
        if !known.is_some_and(|k| k.node.is_table()) {
            return Err(no_such(row));
        }
        let generation = {
            let state = self.state();
            if state.entries.contains_key(row) {
                return Ok(());
            }
            if !rows_above(row).filter(|above| *above != row).all(|above| state.entries.contains_key(above)) {
                return Err(no_such(row));
            }
            state.generation
        };
        self.keep(row, "", generation)?;
        self.inner.host.rows_changed(&format!("{table}."));
        Ok(())
    }

    /// Keeps an entry that the device changes; `generation` is that of the state which allowed it.
    fn keep(&self, name: &str, text: &str, mut generation: u64) -> Result<(), Error> {
        // The store may make us wait for a transaction, which wants the state; so it is asked without holding that. If
        // a transaction came in between, memory and store may disagree about who was last: then once more.
        loop {
            self.inner.host.store_put(&entry::kept(name), text)?;
            let mut state = self.state();
            if state.generation != generation {
                generation = state.generation;
                continue;
            }
            state.entries.insert(name.to_owned(), text.to_owned());
            if let Some(said) = &mut state.meanwhile {
                said.insert(name.to_owned());
            }
            let undo = state.done.as_mut().and_then(|done| done.undo.remove(name));
            drop(state);
            if undo.is_some() {
                // What the device says now outlives the transaction before, even if that is taken back.
                self.inner.host.store_delete(&entry::undone(name))?;
            }
            return Ok(());
        }
    }

    /// The numbers of the rows of a table, in order; the name follows the base and ends in a dot.
    pub fn row_numbers(&self, table: &str) -> Vec<u32> {
        let state = self.state();
        let below = state.entries.range(table.to_owned()..).take_while(|(k, _)| k.starts_with(table));
        let own = below.filter(|(_, value)| key_of(value).is_none());
        let mut numbers: Vec<u32> = Vec::new();
        for (key, _) in own {
            let number = key.strip_prefix(table).and_then(|rest| rest.strip_suffix('.')?.parse().ok());
            if let Some(number) = number {
                // The order of texts is nearly that of numbers.
                numbers.insert(numbers.partition_point(|other| *other < number), number);
            }
        }
        numbers
    }

    /// Answers one name of a read: for a plugin that serves a few values itself and leaves the rest to its settings.
    pub fn answer(&self, index: usize, name: Name<'_>, answer: &mut Answer<'_>) {
        let Some((kind, known)) = self.parameter(name.relative()) else {
            return answer.fault(index, &no_such(name.relative()));
        };
        if let Some(text) = self.inner.diagnostics.text(name.relative()) {
            return answer.text(index, kind, &text);
        }
        let state = self.state();
        let value = state.entries.get(name.relative()).unwrap_or(&known.default);
        if !state.has_rows_of(name.relative()) {
            drop(state);
            answer.fault(index, &no_such(name.relative()));
        } else if known.node.is_secret() {
            drop(state);
            answer.text(index, kind, "");
        } else {
            let value = value.clone();
            drop(state);
            answer.text(index, kind, &value);
        }
    }

    /// The rows of a table.
    pub fn rows(&self, table: Name<'_>) -> Result<Vec<Row>, Error> {
        let name = table.relative();
        let known = self.inner.nodes.get(format!("{}{{i}}.", pattern(name)).as_str());
        let known = known.filter(|k| k.node.is_table() && self.state().has_rows_of(name));
        let node = known.ok_or_else(|| no_such(name))?.node;
        let row = |number| Row { deletable: node.is_writable(), ..Row::numbered(number) };
        Ok(self.row_numbers(name).into_iter().map(row).collect())
    }

    /// Forgets everything, in memory and in the store, and says what is different now.
    pub(crate) fn reset(&self) -> Result<Vec<String>, Error> {
        for prefix in [entry::SETTINGS, entry::UNDO] {
            for key in self.inner.host.store_list(prefix)? {
                self.inner.host.store_delete(&key)?;
            }
        }
        self.inner.diagnostics.reset();
        let mut state = self.state();
        let generation = state.generation + 1;
        let guard = state.guard.take();
        let old = std::mem::replace(&mut *state, State { generation, guard, ..State::default() });
        Ok(old.entries.into_keys().collect())
    }

    /// The type and the declaration of a parameter.
    fn parameter(&self, name: &str) -> Option<(Kind, &Known)> {
        let known = match self.inner.nodes.get(name) {
            Some(known) => known,
            None => self.inner.nodes.get(pattern(name).as_str())?,
        };
        Some((known.node.kind()?, known))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with the state left it whole: entries are replaced one by one from complete values.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_rows_of(&self, name: &str) -> bool {
        rows_above(name).all(|row| self.entries.contains_key(row))
    }
}

fn no_such(name: &str) -> Error {
    Error::name(format!("there is no {name}"))
}
