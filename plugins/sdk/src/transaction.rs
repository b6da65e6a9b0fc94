//! Transactions on typed objects: what a plugin does by itself unless it is told otherwise.
//!
//! Values and rows are staged in the plugin's settings; what they mean to the device each object says in
//! [`Serve::change`](crate::Serve::change). What was committed is taken back by the opposite change, so that a rollback
//! works after a power cut as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::dispatch::Directory;
use crate::edit::RawEdit;
use crate::name::{pattern, rows_above};
use crate::resolver::{at_of, Resolver};
use crate::rows::AnyRows;
use crate::settings::{device_row, key_of, Delta};
use crate::{Change, ChangeFault, Effect, Error, Host, Level, Op, Plugin, Prepared, Settings, Txn};

/// What was prepared, object by object.
struct Steps<P>(Vec<Step<P>>);

struct Step<P> {
    object: usize,
    edits: Vec<RawEdit>,
    prepared: Prepared<P>,
}

/// What is in force already.
type Done = Vec<(usize, Vec<RawEdit>)>;

impl Txn<'_> {
    /// What [`Plugin::prepare`] does by itself: checks each change, stages all, and prepares those of typed objects.
    pub fn prepare<P: Plugin>(&self, plugin: &mut P, changes: &[Change<'_>]) -> Result<(), Vec<ChangeFault>> {
        let mut faults = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            if let Err(error) = plugin.check(change) {
                faults.push(ChangeFault { index, error });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let Some(settings) = plugin.settings().cloned() else {
            let fault = |index| ChangeFault { index, error: Error::not_writable("cannot be set") };
            return Err((0..changes.len()).map(fault).collect());
        };
        if P::OBJECTS.is_empty() {
            return settings.prepare(self.id, changes);
        }
        // Whatever was prepared before and never committed goes first.
        drop(settings.take_guard());
        let directory = Directory::of::<P>();
        settings.offer(found(&directory, plugin, settings.host(), changes, self)?);
        settings.prepare(self.id, changes)?;
        let Some(delta) = settings.staged(self.id) else { return Ok(()) };
        match steps(&directory, plugin, &settings, &delta, changes) {
            Ok(steps) => {
                settings.put_guard(Box::new(steps));
                Ok(())
            }
            Err(faults) => {
                settings.unstage(self.id);
                Err(faults)
            }
        }
    }

    /// What [`Plugin::commit`] does by itself: stores the staged values, puts the typed objects' changes in force and then
    /// calls [`Plugin::put_in_force`]. If one of them fails, what is in force already is taken back.
    pub fn commit<P: Plugin>(&self, plugin: &mut P) -> Result<Effect, Error> {
        let settings = plugin.settings().cloned();
        let settings = settings.ok_or_else(|| Error::unsupported("nothing can be set"))?;
        let mut done = Vec::new();
        let result = settings.commit(self.id, |names| in_force(plugin, &settings, names, &mut done));
        if result.is_err() {
            take_back(plugin, settings.host(), done);
        }
        result
    }

    /// What [`Plugin::rollback`] does by itself: drops what was prepared, or puts in force what was before the commit.
    pub fn rollback<P: Plugin>(&self, plugin: &mut P) -> Result<(), Error> {
        let Some(settings) = plugin.settings().cloned() else { return Ok(()) };
        drop(settings.take_guard());
        if let Some(undo) = settings.committed(self.id).filter(|_| !P::OBJECTS.is_empty()) {
            settings.offer(BTreeMap::new());
            put_steps(plugin, &settings, &undo)?;
        }
        settings.rollback(self.id, |names| in_force(plugin, &settings, names, &mut Vec::new()))
    }
}

/// Forgets all settings, and puts that in force.
pub(crate) fn reset<P: Plugin>(plugin: &mut P) -> Result<(), Error> {
    let Some(settings) = plugin.settings().cloned() else { return Ok(()) };
    drop(settings.take_guard());
    if !P::OBJECTS.is_empty() {
        settings.offer(BTreeMap::new());
        let delta = settings.everything_unset();
        put_steps(plugin, &settings, &delta)?;
    }
    let names = settings.reset()?;
    in_force(plugin, &settings, &names, &mut Vec::new()).map(|_| ())
}

fn put_steps<P: Plugin>(plugin: &mut P, settings: &Settings, delta: &Delta) -> Result<(), Error> {
    match steps(&Directory::of::<P>(), plugin, settings, delta, &[]) {
        Ok(steps) => {
            settings.put_guard(Box::new(steps));
            Ok(())
        }
        Err(faults) => Err(first_of(faults)),
    }
}

fn in_force<P: Plugin>(
    plugin: &mut P,
    settings: &Settings,
    names: &[String],
    done: &mut Done,
) -> Result<Effect, Error> {
    let mut effect = Effect::Now;
    if let Some(steps) = settings.take_guard().and_then(|guard| guard.downcast::<Steps<P>>().ok()) {
        for Step { object, edits, prepared } in steps.0 {
            effect = effect.max(prepared(plugin)?);
            done.push((object, edits));
        }
    }
    Ok(effect.max(plugin.put_in_force(names)?))
}

/// The commit failed: what is in force already goes, the last first.
fn take_back<P: Plugin>(plugin: &mut P, host: &Host, done: Done) {
    for (object, edits) in done.into_iter().rev() {
        let edits = edits.into_iter().rev().map(RawEdit::inverse).collect();
        let prepared = (P::OBJECTS[object].change)(plugin, edits);
        let result = match prepared {
            Ok(prepared) => prepared(plugin).map(|_| ()),
            Err(faults) => Err(first_of(faults)),
        };
        if let Err(error) = result {
            host.log(Level::Error, &format!("a failed change cannot be taken back: {error}"));
        }
    }
}

/// What the device has and the settings do not know: rows, and values that are not what was set.
fn found<P: Plugin>(
    directory: &Directory,
    plugin: &mut P,
    host: &Host,
    changes: &[Change<'_>],
    txn: &Txn<'_>,
) -> Result<BTreeMap<String, String>, Vec<ChangeFault>> {
    let mut found = Found::new(directory, host, changes);
    for (object, index) in found.objects() {
        let fault = |error| vec![ChangeFault { index, error }];
        let rows = directory.all(object, plugin, host, txn.request).map_err(fault)?;
        found.note(object, &*rows);
    }
    Ok(found.all)
}

/// Gathers what the device has of what changes concern.
pub(crate) struct Found<'a> {
    directory: &'a Directory,
    host: &'a Host,
    /// Paths of objects whose parameters are set.
    touched: BTreeSet<&'a str>,
    deleted: Vec<&'a str>,
    objects: BTreeMap<usize, usize>,
    pub(crate) all: BTreeMap<String, String>,
}

impl<'a> Found<'a> {
    pub(crate) fn new(directory: &'a Directory, host: &'a Host, changes: &[Change<'a>]) -> Self {
        let mut objects = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            let full = change.name.full();
            for row in rows_above(full).filter(|row| change.op != Op::Add || *row != full) {
                if let Some(object) = directory.object(row) {
                    objects.entry(object).or_insert(index);
                }
            }
            let below = match change.op {
                Op::Set => directory.owner(full).map(|(object, _)| object).into_iter().collect(),
                Op::Delete => directory.below(&pattern(full)),
                Op::Add => Vec::new(),
            };
            for object in below {
                objects.entry(object).or_insert(index);
            }
        }
        let mut touched = BTreeSet::new();
        for change in changes {
            touched.insert(object_of(change.name.full()));
        }
        let deleted = changes.iter().filter(|c| c.op == Op::Delete).map(|c| c.name.full()).collect();
        Self { directory, host, touched, deleted, objects, all: BTreeMap::new() }
    }

    /// The objects to be read, each with the change that wants it.
    pub(crate) fn objects(&self) -> Vec<(usize, usize)> {
        self.objects.iter().map(|(object, index)| (*object, *index)).collect()
    }

    pub(crate) fn note(&mut self, object: usize, rows: &dyn AnyRows) {
        let nodes = self.directory.nodes(object);
        let (base, resolver) = (self.host.about().base, Resolver::new(self.host, nodes[0].path()));
        for i in 0..rows.len() {
            // A row without a number cannot be meant.
            let Ok(instance) = resolver.instance(rows.at(i)) else { continue };
            let at = rows.at(i);
            for (row, at) in rows_above(&instance).zip(at.above.iter().chain([&at.row])) {
                self.all.insert(relative(row, base).to_owned(), device_row(&at.key));
            }
            let concerns = self.touched.contains(instance.as_str())
                || self.deleted.iter().any(|row| instance.starts_with(row));
            if !concerns {
                continue;
            }
            for (field, node) in nodes.iter().skip(1).enumerate() {
                let mut text = String::new();
                let known = rows.fields(i).field(field).is_some_and(|field| field.write(&mut text).is_ok());
                if known && node.is_writable() && !node.is_secret() {
                    let name = format!("{instance}{}", &node.path()[nodes[0].path().len()..]);
                    self.all.insert(relative(&name, base).to_owned(), text);
                }
            }
        }
    }
}

/// Prepares what a difference of the settings means to typed objects.
fn steps<P: Plugin>(
    directory: &Directory,
    plugin: &mut P,
    settings: &Settings,
    delta: &Delta,
    changes: &[Change<'_>],
) -> Result<Steps<P>, Vec<ChangeFault>> {
    let (mut steps, mut faults) = (Vec::new(), Vec::new());
    for (object, edits) in edits(directory, settings, delta, changes) {
        match (P::OBJECTS[object].change)(plugin, edits.clone()) {
            Ok(prepared) => steps.push(Step { object, edits, prepared }),
            Err(refused) => faults.extend(refused),
        }
    }
    if faults.is_empty() {
        Ok(Steps(steps))
    } else {
        Err(faults)
    }
}

/// What a difference of the settings means to typed objects.
pub(crate) fn edits(
    directory: &Directory,
    settings: &Settings,
    delta: &Delta,
    changes: &[Change<'_>],
) -> BTreeMap<usize, Vec<RawEdit>> {
    let base = settings.host().about().base;
    // Fields that are set, by object and path.
    let mut touched: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
    for name in delta.keys() {
        let full = if name.starts_with("Device.") { name.clone() } else { format!("{base}{name}") };
        if full.ends_with('.') {
            if let Some(object) = directory.object(&full) {
                touched.entry((object, full)).or_default();
            }
        } else if let Some((object, field)) = directory.owner(&full) {
            touched.entry((object, object_of(&full).to_owned())).or_default().push(field);
        }
    }
    let mut grouped: BTreeMap<usize, Vec<RawEdit>> = BTreeMap::new();
    for ((object, instance), set) in touched {
        let edit = raw_edit(directory, settings, delta, changes, object, &instance, set);
        grouped.entry(object).or_default().extend(edit);
    }
    grouped.retain(|_, edits| !edits.is_empty());
    grouped
}

fn raw_edit(
    directory: &Directory,
    settings: &Settings,
    delta: &Delta,
    changes: &[Change<'_>],
    object: usize,
    instance: &str,
    set: Vec<usize>,
) -> Option<RawEdit> {
    let base = settings.host().about().base;
    let nodes = directory.nodes(object);
    let row = relative(instance, base);
    let after = |name: &str| match delta.get(name) {
        Some(staged) => staged.clone(),
        None => settings.before(name),
    };
    let was = rows_above(row).all(|row| settings.before(row).is_some());
    let will_be = rows_above(row).all(|row| after(row).is_some());
    if !was && !will_be {
        return None;
    }
    let texts = |value: &dyn Fn(&str) -> Option<String>| {
        let of = |node: &crate::Node| {
            let name = format!("{instance}{}", &node.path()[nodes[0].path().len()..]);
            value(relative(&name, base)).unwrap_or_else(|| node.default_value())
        };
        nodes.iter().skip(1).map(of).collect::<Vec<String>>()
    };
    let positions = changes.iter().enumerate().filter_map(|(index, change)| {
        let (owner, field) = directory.owner(change.name.full())?;
        (owner == object && object_of(change.name.full()) == instance).then_some((field, index))
    });
    let concerns = |change: &Change<'_>| {
        let name = change.name.full();
        name.starts_with(instance) || (name.ends_with('.') && instance.starts_with(name))
    };
    let first = changes.iter().position(concerns).unwrap_or(0);
    let mut at = at_of(instance);
    // Rows that the device found are known to it by their keys.
    for (level, row) in rows_above(row).enumerate() {
        let value = settings.before(row).filter(|value| key_of(value).is_some()).or_else(|| after(row));
        let key = value.as_deref().and_then(key_of).unwrap_or_default();
        key.clone_into(&mut at.above.get_mut(level).unwrap_or(&mut at.row).key);
    }
    Some(RawEdit {
        at,
        old: was.then(|| texts(&|name| settings.before(name))),
        new: will_be.then(|| texts(&after)),
        set,
        positions: positions.collect(),
        first,
    })
}

/// What one error says of many.
pub(crate) fn first_of(faults: Vec<ChangeFault>) -> Error {
    let first = faults.into_iter().next().map(|fault| fault.error);
    first.unwrap_or_else(|| Error::internal("refused without a reason"))
}

/// The path of the object that a parameter belongs to; an object's own.
fn object_of(full: &str) -> &str {
    &full[..full.rfind('.').map_or(0, |dot| dot + 1)]
}

fn relative<'a>(full: &'a str, base: &str) -> &'a str {
    full.strip_prefix(base).unwrap_or(full)
}
