//! A host for tests: it calls a plugin as the real one does, without a bus, and watches its manners.
//!
//! A lapse that the real host would report as the plugin's fault is a panic here: a name without an answer, a value of
//! another type than declared, an answer to something nobody asked.

mod host;
mod jobs;
mod lookup;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::border::{borrow, lend, Elements};
use crate::name::{pattern, rows_above};
use crate::{Error, Kind, Notice, Op, Origin, Row};

pub use host::{Answered, Line};
use host::{Context, Reply};
pub use jobs::Begun;

/// How long a late answer or an announcement is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What [`Harness::stage`] prepares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    op: Op,
    name: String,
    value: String,
}

impl Step {
    /// A parameter gets a value.
    pub fn set(name: &str, value: &str) -> Self {
        Self { op: Op::Set, name: name.to_owned(), value: value.to_owned() }
    }

    /// A row comes.
    pub fn add(row: &str) -> Self {
        Self { op: Op::Add, name: row.to_owned(), value: String::new() }
    }

    /// A row goes.
    pub fn delete(row: &str) -> Self {
        Self { op: Op::Delete, name: row.to_owned(), value: String::new() }
    }
}

/// A line of what the plugin says it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The schema path.
    pub path: String,
    /// The type; `None` for objects.
    pub kind: Option<Kind>,
    /// `CWMP_NODE_*`.
    pub flags: u32,
    /// The facets.
    pub facets: String,
}

/// A plugin under test, with a store that survives [`restart`](Self::restart).
#[derive(Debug)]
pub struct Harness {
    table: &'static abi::Plugin,
    context: Arc<Context>,
    /// What the plugin's pointer leads to; it moves never and goes last.
    host: Box<abi::Host>,
    this: *mut c_void,
    config: String,
    nodes: BTreeMap<String, Described>,
    next: u64,
}

impl Harness {
    /// Creates and starts the plugin; panics if it refuses.
    pub fn new(table: &'static abi::Plugin, config: &str) -> Self {
        Self::begun(Self::try_new(table, config))
    }

    fn begun(new: Result<Self, Error>) -> Self {
        new.unwrap_or_else(|e| panic!("the plugin does not begin: {e}"))
    }

    /// Creates and starts the plugin, or says with which line of its log it refused.
    pub fn try_new(table: &'static abi::Plugin, config: &str) -> Result<Self, Error> {
        Self::with_store(table, config, BTreeMap::new())
    }

    /// Creates and starts the plugin on a store that has something in it.
    pub fn with_store(
        table: &'static abi::Plugin,
        config: &str,
        store: BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        Self::with_context(table, config, Context::new(store))
    }

    fn with_context(table: &'static abi::Plugin, config: &str, context: Context) -> Result<Self, Error> {
        let context = Arc::new(context);
        let host = Box::new(host::table(&context));
        Self::with_host(table, config, context, host)
    }

    /// Creates and starts the plugin in a host of minor version 0, which shows no jobs that a plugin begins.
    pub fn in_old_host(table: &'static abi::Plugin, config: &str) -> Result<Self, Error> {
        let context = Arc::new(Context::new(BTreeMap::new()));
        let mut host = Box::new(host::table(&context));
        host.struct_size = u32::try_from(abi::HOST_MINOR_0).unwrap_or(0);
        host.abi_minor = 0;
        Self::with_host(table, config, context, host)
    }

    fn with_host(
        table: &'static abi::Plugin,
        config: &str,
        context: Arc<Context>,
        host: Box<abi::Host>,
    ) -> Result<Self, Error> {
        assert_eq!((table.magic, table.abi_major), (abi::MAGIC, abi::MAJOR), "no plugin of this version");
        let mut this = std::ptr::null_mut();
        let create = table.create.expect("create is required");
        // SAFETY: the table is a plugin's; the host's table lives on the heap until after `destroy`.
        let status = unsafe { create(&raw const *host, lend(config), &raw mut this) };
        if status != status::OK {
            let why = context.logs().pop().map_or_else(String::new, |line| line.text);
            return Err(Error::from_status(status, why));
        }
        let config = config.to_owned();
        let mut new = Self { table, context, host, this, config, nodes: BTreeMap::new(), next: 0 };
        new.nodes = new.describe().into_iter().map(|n| (n.path.clone(), n)).collect();
        if let Some(start) = new.table.start {
            // SAFETY: `this` is what `create` gave.
            let status = unsafe { start(new.this) };
            if status != status::OK {
                return Err(Error::from_status(status, "start failed"));
            }
        }
        Ok(new)
    }

    /// What the plugin says it serves on this device.
    pub fn describe(&self) -> Vec<Described> {
        let (mut nodes, mut n) = (self.table.nodes, self.table.nodes_len);
        if let Some(describe) = self.table.describe {
            // SAFETY: `this` is what `create` gave; both places are ours.
            let status = unsafe { describe(self.this, &raw mut nodes, &raw mut n) };
            assert_eq!(status, status::OK, "describe failed");
        }
        // SAFETY: the plugin promises `n` nodes of its size that stay.
        let elements = unsafe { Elements::new(nodes, n, self.table.node_size) };
        let elements = elements.expect("nodes of a size that can be");
        // SAFETY: as above, for the texts.
        let text = |s| unsafe { borrow(s) }.expect("texts are UTF-8").to_owned();
        elements
            .map(|node| Described {
                path: text(node.path),
                kind: Kind::from_number(node.kind),
                flags: node.flags,
                facets: text(node.facets),
            })
            .collect()
    }

    /// One value.
    pub fn get(&self, name: &str) -> Result<String, Error> {
        self.get_all(&[name]).remove(0).map(|(_, text)| text)
    }

    /// Many values in one call.
    pub fn get_all(&self, names: &[&str]) -> Vec<Result<(Kind, String), Error>> {
        self.ask(names).end()
    }

    /// Asks for many values in one call. A plugin that answers later goes on while the test does.
    pub fn ask(&self, names: &[&str]) -> Asking<'_> {
        let lent: Vec<abi::Str> = names.iter().map(|n| lend(n)).collect();
        let get = self.table.get.expect("get is required");
        let req = self.context.open(names.len());
        // SAFETY: `this` is what `create` gave; the names live until the call returns.
        let status = unsafe { get(self.this, req, lent.as_ptr(), lent.len()) };
        Asking { harness: self, names: names.iter().map(|n| (*n).to_owned()).collect(), req, status }
    }

    /// Many values in one call, as the plugin gives them: status, text, and what it answered for each name.
    pub fn get_raw(&self, names: &[&str]) -> (abi::Status, String, Vec<Vec<Answered>>) {
        let asking = self.ask(names);
        let reply = self.context.close(asking.req, asking.status);
        (reply.status, reply.text, reply.answers)
    }

    /// The rows of a table.
    pub fn rows(&self, table: &str) -> Result<Vec<Row>, Error> {
        let lent = [lend(table)];
        let instances = self.table.instances.ok_or_else(|| Error::unsupported("no rows"))?;
        // SAFETY: as in `get_raw`.
        let mut reply = self.call(1, |req| unsafe { instances(self.this, req, lent.as_ptr(), 1) });
        reply.result()?;
        match reply.answers.remove(0).pop() {
            Some(Answered::Fault(status, text)) => Err(Error::from_status(status, text)),
            Some(Answered::Value(..)) => panic!("a value is no row"),
            None => Ok(reply.rows.into_iter().map(|(_, row)| row).collect()),
        }
    }

    /// Every parameter of the plugin with its value, or why it has none: what a read of the whole subtree gives.
    pub fn tree(&self) -> Vec<(String, Result<String, Error>)> {
        let mut names = Vec::new();
        for node in self.nodes.values().filter(|n| n.kind.is_some()) {
            let parts: Vec<&str> = node.path.split(".{i}.").collect();
            let mut found = vec![parts[0].to_owned()];
            for part in &parts[1..] {
                let rows = |table: String| {
                    let rows = self.rows(&format!("{table}.")).unwrap_or_else(|e| panic!("{table}: {e}"));
                    let number = |row: &Row| match row.number {
                        0 => self.number_of(&format!("{table}."), &row.key),
                        number => number,
                    };
                    rows.iter().map(|row| format!("{table}.{}.{part}", number(row))).collect::<Vec<_>>()
                };
                found = found.into_iter().flat_map(rows).collect();
            }
            names.append(&mut found);
        }
        let lent: Vec<&str> = names.iter().map(String::as_str).collect();
        let values = self.get_all(&lent).into_iter().map(|v| v.map(|(_, text)| text)).collect::<Vec<_>>();
        names.into_iter().zip(values).collect()
    }

    /// Sets values, as one whole transaction.
    pub fn set(&mut self, values: &[(&str, &str)]) -> Result<(), Error> {
        let steps: Vec<Step> = values.iter().map(|(name, value)| Step::set(name, value)).collect();
        self.change(&steps)
    }

    /// Adds a row: the path says which number.
    pub fn add(&mut self, row: &str) -> Result<(), Error> {
        self.change(&[Step::add(row)])
    }

    /// Deletes a row.
    pub fn delete(&mut self, row: &str) -> Result<(), Error> {
        self.change(&[Step::delete(row)])
    }

    /// One whole transaction: prepared, committed, finished. What fails is rolled back.
    pub fn change(&mut self, steps: &[Step]) -> Result<(), Error> {
        let txn = self.stage(steps).map_err(|mut faults| faults.remove(0).1)?;
        if let Err(error) = self.commit(txn) {
            self.rollback(txn)?;
            return Err(error);
        }
        self.finish(txn)
    }

    /// Prepares changes under a new transaction; the faults carry the position of the change.
    pub fn stage(&mut self, steps: &[Step]) -> Result<u64, Vec<(usize, Error)>> {
        self.next += 1;
        self.prepare(self.next, steps).map(|()| self.next)
    }

    /// Prepares changes under this transaction.
    pub fn prepare(&self, txn: u64, steps: &[Step]) -> Result<(), Vec<(usize, Error)>> {
        let prepare = self.table.prepare.ok_or_else(|| vec![(0, Error::unsupported("no writes"))])?;
        let changes: Vec<abi::Change> = steps
            .iter()
            .map(|step| {
                let kind = self.nodes.get(&pattern(&step.name)).and_then(|n| n.kind);
                let op = match step.op {
                    Op::Set => 1,
                    Op::Add => 2,
                    Op::Delete => 3,
                };
                let kind = kind.map_or(0, Kind::number);
                abi::Change { op, kind, path: lend(&step.name), value: lend(&step.value) }
            })
            .collect();
        // SAFETY: as in `get_raw`.
        let reply = self.call(steps.len(), |req| unsafe {
            prepare(self.this, req, txn, changes.as_ptr(), changes.len())
        });
        let mut faults = Vec::new();
        for (index, answers) in reply.answers.iter().enumerate() {
            for answer in answers {
                match answer {
                    Answered::Fault(status, text) => {
                        faults.push((index, Error::from_status(*status, text.clone())));
                    }
                    Answered::Value(..) => panic!("prepare gives no values"),
                }
            }
        }
        match reply.result() {
            Ok(_) if faults.is_empty() => Ok(()),
            Err(error) if faults.is_empty() => Err(vec![(0, error)]),
            _ => Err(faults),
        }
    }

    /// Commits; the status says when it is in force. What a failed commit stored is discarded.
    pub fn commit(&self, txn: u64) -> Result<abi::Status, Error> {
        self.begin_commit(txn)?.end()
    }

    /// Begins a commit. A plugin that answers later goes on while the test does.
    pub fn begin_commit(&self, txn: u64) -> Result<UnderWay<'_>, Error> {
        self.begin_step(self.table.commit, txn)
    }

    /// Begins a rollback. A plugin that answers later goes on while the test does.
    pub fn begin_rollback(&self, txn: u64) -> Result<UnderWay<'_>, Error> {
        self.begin_step(self.table.rollback, txn)
    }

    fn begin_step(&self, call: Option<abi::TxnCall>, txn: u64) -> Result<UnderWay<'_>, Error> {
        let call = call.ok_or_else(|| Error::unsupported("no transactions"))?;
        let before = Some(self.context.store());
        let req = self.context.open(0);
        // SAFETY: `this` is what `create` gave.
        let status = unsafe { call(self.this, req, txn) };
        Ok(UnderWay { harness: self, req, status, before })
    }

    /// Rolls back.
    pub fn rollback(&self, txn: u64) -> Result<(), Error> {
        self.begin_rollback(txn)?.end().map(|_| ())
    }

    /// Finishes.
    pub fn finish(&self, txn: u64) -> Result<(), Error> {
        self.begin_step(self.table.finish, txn)?.end().map(|_| ())
    }

    /// Tells that the session is over.
    pub fn apply(&self, txn: u64) -> Result<(), Error> {
        self.begin_step(self.table.apply, txn)?.end().map(|_| ())
    }

    /// Tells the plugin of something.
    pub fn notice(&self, notice: Notice) -> Result<(), Error> {
        let Some(call) = self.table.notice else { return Ok(()) };
        let what = match notice {
            Notice::SessionStart => 1,
            Notice::SessionEnd => 2,
            Notice::ClockTrusted => 3,
            Notice::FactoryReset => 4,
            Notice::Shutdown => 5,
        };
        // SAFETY: `this` is what `create` gave.
        self.call(0, |req| unsafe { call(self.this, req, what) }).result().map(|_| ())
    }

    /// Says which changes are of interest.
    pub fn watch(&self, names: &[&str], on: bool) -> Result<(), Error> {
        let Some(watch) = self.table.watch else { return Ok(()) };
        let lent: Vec<abi::Str> = names.iter().map(|n| lend(n)).collect();
        // SAFETY: as in `get_raw`.
        match unsafe { watch(self.this, lent.as_ptr(), lent.len(), on.into()) } {
            status::OK => Ok(()),
            status => Err(Error::from_status(status, "watch failed")),
        }
    }

    /// Runs a command to its end.
    pub fn invoke(
        &self,
        command: &str,
        arguments: &[(&str, &str)],
    ) -> Result<BTreeMap<String, String>, Error> {
        self.begin(command, arguments)?.end()
    }

    /// Begins a command. One that answers later goes on while the test does.
    pub fn begin(&self, command: &str, arguments: &[(&str, &str)]) -> Result<Running<'_>, Error> {
        let invoke = self.table.invoke.ok_or_else(|| Error::unsupported("no commands"))?;
        let lent: Vec<abi::Arg> = arguments
            .iter()
            .map(|(key, value)| abi::Arg { key: lend(key), value: lend(value), fd: -1, zero: 0 })
            .collect();
        let req = self.context.open(0);
        // SAFETY: as in `get_raw`.
        let status = unsafe { invoke(self.this, req, lend(command), lent.as_ptr(), lent.len()) };
        Ok(Running { harness: self, req, status })
    }

    /// Says that the end is near, which a plugin must bear more than once.
    pub fn stop(&self) {
        if let Some(stop) = self.table.stop {
            // SAFETY: `this` is what `create` gave.
            unsafe { stop(self.this) }
        }
    }

    /// Stops the plugin properly and begins it again with what it stored; the agent still knows its rows' numbers.
    #[must_use]
    pub fn restart(self) -> Self {
        // What it stores as it ends is stored.
        self.stop();
        let (table, config, context) = (self.table, self.config.clone(), self.context.again());
        drop(self);
        Self::begun(Self::with_context(table, &config, context))
    }

    /// Leaves the plugin where it stands, as a power cut does, and begins it again with what it stored; the agent still knows its
    /// rows' numbers.
    ///
    /// Its memory is never given back, and threads that it started go on in the dark.
    #[must_use]
    pub fn power_cut(self) -> Self {
        let (table, config, context) = (self.table, self.config.clone(), self.context.again());
        std::mem::forget(self);
        Self::begun(Self::with_context(table, &config, context))
    }

    /// The names announced as changed since the last time, waiting for the first.
    pub fn wait_changed(&self) -> Vec<String> {
        self.context.wait_for("changed values", |s| std::mem::take(&mut s.changed))
    }

    /// The names announced as changed since the last time.
    pub fn changed(&self) -> Vec<String> {
        self.context.take(|s| std::mem::take(&mut s.changed))
    }

    /// The tables announced as changed since the last time.
    pub fn tables_changed(&self) -> Vec<String> {
        self.context.take(|s| std::mem::take(&mut s.tables_changed))
    }

    /// The events told since the last time.
    pub fn events(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.context.take(|s| std::mem::take(&mut s.events))
    }

    /// The log since the last time.
    pub fn logs(&self) -> Vec<Line> {
        self.context.logs()
    }

    /// What is in the store.
    pub fn store(&self) -> BTreeMap<String, String> {
        self.context.store()
    }

    /// How many more writes the store takes before it is full.
    pub fn limit_store(&self, writes: usize) {
        self.context.take(|s| s.writes_left = Some(writes));
    }

    /// On whose behalf the next calls come, and how long they may take.
    pub fn pretend(&self, origin: Origin, session: u64, time: Duration) {
        self.context.take(|s| {
            s.origin = match origin {
                Origin::Acs => 1,
                Origin::Bus => 2,
                Origin::Agent => 3,
                Origin::Boot => 4,
            };
            s.session = session;
            s.deadline_ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        });
    }

    /// Whether a row of this path can be in a declared table; for tests that walk the description.
    pub fn is_declared(&self, name: &str) -> bool {
        self.nodes.contains_key(&pattern(name))
            || rows_above(name).any(|r| self.nodes.contains_key(&pattern(r)))
    }

    fn call(&self, slots: usize, f: impl FnOnce(abi::Req) -> abi::Status) -> Reply {
        let req = self.context.open(slots);
        let status = f(req);
        self.context.close(req, status)
    }
}

/// A read that was begun with [`Harness::ask`].
#[derive(Debug)]
pub struct Asking<'a> {
    harness: &'a Harness,
    names: Vec<String>,
    req: abi::Req,
    status: abi::Status,
}

impl Asking<'_> {
    /// Waits for the answer.
    pub fn end(self) -> Vec<Result<(Kind, String), Error>> {
        let reply = self.harness.context.close(self.req, self.status);
        if reply.status != status::OK {
            return self
                .names
                .iter()
                .map(|_| Err(Error::from_status(reply.status, reply.text.clone())))
                .collect();
        }
        let one = |(name, mut all): (&String, Vec<Answered>)| {
            assert_eq!(all.len(), 1, "{name} has {} answers", all.len());
            match all.remove(0) {
                Answered::Value(kind, text) => {
                    let declared = self.harness.nodes.get(&pattern(name)).and_then(|n| n.kind);
                    let kind = Kind::from_number(kind);
                    assert_eq!(kind, declared, "the type of {name} is not the declared one");
                    let kind = kind.expect("declared types are known");
                    assert!(kind.canonical(&text).is_some(), "{name} = {text:?} is no {kind:?}");
                    Ok((kind, text))
                }
                Answered::Fault(status, text) => Err(Error::from_status(status, text)),
            }
        };
        self.names.iter().zip(reply.answers).map(one).collect()
    }
}

/// A commit or a rollback that was begun.
#[derive(Debug)]
pub struct UnderWay<'a> {
    harness: &'a Harness,
    req: abi::Req,
    status: abi::Status,
    /// The store, as long as what is put into it may be discarded.
    before: Option<BTreeMap<String, String>>,
}

impl UnderWay<'_> {
    /// Does what a host does when a step has passed its deadline: it discards what was stored until now, and takes no
    /// interest in the answer.
    pub fn give_up(&mut self) {
        if let Some(before) = self.before.take() {
            self.harness.context.set_store(before);
        }
    }

    /// Waits for the answer.
    pub fn end(mut self) -> Result<abi::Status, Error> {
        let result = self.harness.context.close(self.req, self.status).result();
        if result.is_err() {
            self.give_up();
        }
        result
    }
}

/// A command that was begun with [`Harness::begin`].
#[derive(Debug)]
pub struct Running<'a> {
    harness: &'a Harness,
    req: abi::Req,
    status: abi::Status,
}

impl Running<'_> {
    /// The next thing that it says of its progress, in thousandths and -1 for unknown; waits for it.
    pub fn progress(&self) -> (i32, String) {
        self.harness.context.wait_progress(self.req)
    }

    /// Says that nobody wants the answer any more.
    pub fn cancel(&self) {
        self.harness.context.cancel(self.req);
        if let Some(cancel) = self.harness.table.cancel {
            // SAFETY: `this` is what `create` gave; this call may come while another is at work.
            unsafe { cancel(self.harness.this, self.req) }
        }
    }

    /// Waits for the answer.
    pub fn end(self) -> Result<BTreeMap<String, String>, Error> {
        let reply = self.harness.context.close(self.req, self.status);
        reply.result().map(|_| reply.outputs)
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop();
        if let Some(destroy) = self.table.destroy {
            // SAFETY: as above, and never used again; the host's table is still there.
            unsafe { destroy(self.this) }
        }
        // The pointers in it are the plugin's until here.
        self.host.ctx = std::ptr::null_mut();
    }
}
