//! Transactions on typed objects: what a plugin does by itself unless it is told otherwise.
//!
//! Values and rows are staged in the plugin's settings; what they mean to the device each object says in
//! [`Serve::change`](crate::Serve::change). What was committed is taken back by the opposite change, so that a rollback
//! works after a power cut as well.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::dispatch::Directory;
use crate::edit::RawEdit;
use crate::name::{pattern, rows_above};
use crate::resolver::{at_of, Resolver};
use crate::rows::AnyRows;
use crate::settings::{device_row, key_of, Delta};
use crate::wanted::leaf;
use crate::{Change, ChangeFault, Effect, Error, Host, Level, Op, Plugin, Prepared, Settings, Txn};

/// What was prepared, object by object.
struct Steps<P>(Vec<Step<P>>);

struct Step<P> {
    object: usize,
    edits: Vec<RawEdit>,
    prepared: Prepared<P>,
}

/// What is in force already, or may be in part.
#[derive(Default)]
pub(crate) struct Done {
    /// Typed objects with their edits.
    pub(crate) objects: Vec<(usize, Vec<RawEdit>)>,
    /// What [`Plugin::put_in_force`] was called with.
    pub(crate) names: Option<Vec<String>>,
}

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
        settings.diagnostics().prepared(self.id, self.request.origin(), self.request.session());
        if P::OBJECTS.is_empty() {
            return settings.prepare(self.id, changes);
        }
        // Whatever was prepared before and never committed goes first.
        drop(settings.take_guard());
        let directory = Directory::of::<P>();
        settings.offer(self.id, found(&directory, plugin, settings.host(), changes, self)?);
        settings.prepare(self.id, changes)?;
        let Some(delta) = settings.staged(self.id) else { return Ok(()) };
        match steps(&directory, plugin, &settings, &delta, changes) {
            Ok(steps) => {
                let remembered = settings.remember(self.id);
                remembered.map_err(|error| vec![ChangeFault { index: 0, error }])?;
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
    /// calls [`Plugin::put_in_force`]. If one of them fails, what is in force already is taken back: the settings are as
    /// they were, typed objects get the opposite change, and [`Plugin::put_in_force`] is called again if it was before.
    pub fn commit<P: Plugin>(&self, plugin: &mut P) -> Result<Effect, Error> {
        let settings = plugin.settings().cloned();
        let settings = settings.ok_or_else(|| Error::unsupported("nothing can be set"))?;
        let mut done = Done::default();
        let result = settings.commit(self.id, |names| in_force(plugin, &settings, names, &mut done));
        if result.is_err() && take_back(plugin, settings.host(), done) {
            settings.take_unsettled(self.id);
        }
        result
    }

    /// What [`Plugin::rollback`] does by itself: drops what was prepared, or puts in force what was before the commit. For a
    /// commit that failed and could not be taken back it tries that once more.
    pub fn rollback<P: Plugin>(&self, plugin: &mut P) -> Result<(), Error> {
        let Some(settings) = plugin.settings().cloned() else { return Ok(()) };
        drop(settings.take_guard());
        if let Some(undo) = settings.undo_of(self.id).filter(|_| !P::OBJECTS.is_empty()) {
            settings.offer(0, BTreeMap::new());
            put_steps(plugin, &settings, &undo)?;
        }
        settings.rollback(self.id, |names| in_force(plugin, &settings, names, &mut Done::default()))?;
        if let Some(Err(error)) = settings.take_unsettled(self.id).map(|names| plugin.put_in_force(&names)) {
            // Nothing is stored that would have to be taken back, and the next transaction may well put things right.
            not_taken_back(settings.host(), &error);
        }
        Ok(())
    }
}

/// Forgets all settings, and puts that in force.
pub(crate) fn reset<P: Plugin>(plugin: &mut P) -> Result<(), Error> {
    let Some(settings) = plugin.settings().cloned() else { return Ok(()) };
    drop(settings.take_guard());
    if !P::OBJECTS.is_empty() {
        settings.offer(0, BTreeMap::new());
        let delta = settings.everything_unset();
        put_steps(plugin, &settings, &delta)?;
    }
    let names = settings.reset()?;
    in_force(plugin, &settings, &names, &mut Done::default()).map(|_| ())
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
            done.objects.push((object, edits));
        }
    }
    done.names = Some(names.to_vec());
    Ok(effect.max(plugin.put_in_force(names)?))
}

/// The commit failed and the settings are as they were: what is in force already goes. Typed objects come first, the last
/// of them before the others, so that [`Plugin::put_in_force`] finds them as it does after every change. Says whether it
/// succeeded, that is; if not, the rollback calls it again.
fn take_back<P: Plugin>(plugin: &mut P, host: &Host, done: Done) -> bool {
    for (object, edits) in done.objects.into_iter().rev() {
        let edits = edits.into_iter().rev().map(RawEdit::inverse).collect();
        let prepared = (P::OBJECTS[object].change)(plugin, edits);
        let result = match prepared {
            Ok(prepared) => prepared(plugin).map(|_| ()),
            Err(faults) => Err(first_of(faults)),
        };
        if let Err(error) = result {
            not_taken_back(host, &error);
        }
    }
    match done.names.map(|names| plugin.put_in_force(&names)) {
        Some(Err(error)) => {
            not_taken_back(host, &error);
            false
        }
        _ => true,
    }
}

/// The commit's own error is the answer, so this one goes to the log.
pub(crate) fn not_taken_back(host: &Host, error: &Error) {
    host.log(Level::Error, &format!("a failed change cannot be taken back: {error}"));
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
    touched: HashSet<&'a str>,
    deleted: Vec<&'a str>,
    /// The objects to be read, each with the change that wants it.
    objects: Vec<(usize, usize)>,
    pub(crate) all: BTreeMap<String, String>,
}

impl<'a> Found<'a> {
    pub(crate) fn new(directory: &'a Directory, host: &'a Host, changes: &[Change<'a>]) -> Self {
        let mut objects: Vec<(usize, usize)> = Vec::new();
        let mut want = |object: usize, index: usize| {
            if !objects.iter().any(|(other, _)| *other == object) {
                objects.push((object, index));
            }
        };
        for (index, change) in changes.iter().enumerate() {
            let full = change.name.full();
            for row in rows_above(full).filter(|row| change.op != Op::Add || *row != full) {
                if let Some(object) = directory.object(row) {
                    want(object, index);
                }
            }
            let below = match change.op {
                Op::Set => directory.owner(full).map(|(object, _)| object).into_iter().collect(),
                Op::Delete => directory.below(&pattern(full)),
                Op::Add => Vec::new(),
            };
            for object in below {
                want(object, index);
            }
        }
        let touched = changes.iter().map(|change| object_of(change.name.full())).collect();
        let deleted = changes.iter().filter(|c| c.op == Op::Delete).map(|c| c.name.full()).collect();
        Self { directory, host, touched, deleted, objects, all: BTreeMap::new() }
    }

    /// The objects to be read, each with the change that wants it.
    pub(crate) fn objects(&self) -> Vec<(usize, usize)> {
        self.objects.clone()
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
                    let name = format!("{instance}{}", leaf(node.path()));
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
) -> Vec<(usize, Vec<RawEdit>)> {
    let base = settings.host().about().base;
    // What is touched; and where a path is in that list.
    let mut touched: Vec<Touched> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for name in delta.keys() {
        let full = if name.starts_with("Device.") { name.clone() } else { format!("{base}{name}") };
        let (object, field) = if full.ends_with('.') {
            (directory.object(&full), None)
        } else {
            directory.owner(&full).map_or((None, None), |(object, field)| (Some(object), Some(field)))
        };
        let Some(object) = object else { continue };
        let instance = object_of(&full);
        let place = places.get(instance).copied().unwrap_or_else(|| {
            places.insert(instance.to_owned(), touched.len());
            touched.push(Touched {
                object,
                instance: instance.to_owned(),
                set: Vec::new(),
                positions: Vec::new(),
            });
            touched.len() - 1
        });
        touched[place].set.extend(field);
    }
    // Which changes said so: of rows by their paths, of values beside the fields.
    let mut of_rows: HashMap<String, usize> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        let full = change.name.full();
        if change.op != Op::Set {
            of_rows.insert(full.to_owned(), index);
        } else if let Some(place) = places.get(object_of(full)) {
            let field = directory.owner(full).map(|(_, field)| (field, index));
            touched[*place].positions.extend(field);
        }
    }
    // In the order of the declaration.
    let mut grouped: Vec<(usize, Vec<RawEdit>)> = Vec::new();
    for object in 0..directory.len() {
        let own = touched.iter().filter(|touched| touched.object == object);
        let edit = |touched: &Touched| raw_edit(directory, settings, delta, &of_rows, touched);
        let edits: Vec<RawEdit> = own.filter_map(edit).collect();
        if !edits.is_empty() {
            grouped.push((object, edits));
        }
    }
    grouped
}

/// An object or row that a transaction touches.
struct Touched {
    object: usize,
    /// Its path.
    instance: String,
    /// The fields that are set.
    set: Vec<usize>,
    /// Fields with the positions of the changes that set them.
    positions: Vec<(usize, usize)>,
}

fn raw_edit(
    directory: &Directory,
    settings: &Settings,
    delta: &Delta,
    of_rows: &HashMap<String, usize>,
    touched: &Touched,
) -> Option<RawEdit> {
    let Touched { object, instance, set, positions } = touched;
    let base = settings.host().about().base;
    let nodes = directory.nodes(*object);
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
            let name = format!("{instance}{}", leaf(node.path()));
            value(relative(&name, base)).unwrap_or_else(|| node.default_value())
        };
        nodes.iter().skip(1).map(of).collect::<Vec<String>>()
    };
    let mut at = at_of(instance);
    // Rows that the device found are known to it by their keys.
    for (level, row) in rows_above(row).enumerate() {
        let value = settings.before(row).filter(|value| key_of(value).is_some()).or_else(|| after(row));
        let key = value.as_deref().and_then(key_of).unwrap_or_default();
        key.clone_into(&mut at.above.get_mut(level).unwrap_or(&mut at.row).key);
    }
    let by_rows = rows_above(instance).filter_map(|row| of_rows.get(row).copied());
    let first = by_rows.chain(positions.iter().map(|(_, index)| *index)).min();
    Some(RawEdit {
        at,
        old: was.then(|| texts(&|name| settings.before(name))),
        new: will_be.then(|| texts(&after)),
        set: set.clone(),
        positions: positions.clone(),
        first: first.unwrap_or(0),
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
