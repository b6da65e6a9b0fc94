//! The services of the host, in memory.

use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use super::jobs::Jobs;
use super::lookup::Numbers;
use super::PATIENCE;
use crate::border::{borrow, lend, Elements};
use crate::row::{DELETABLE, READ_ONLY};
use crate::{Error, Row};

#[allow(clippy::cast_possible_truncation)] // 8 or 16
const STR_SIZE: u32 = size_of::<abi::Str>() as u32;
#[allow(clippy::cast_possible_truncation)] // 16 or 32
const KV_SIZE: u32 = size_of::<abi::Kv>() as u32;

/// What a plugin answered for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// A type by its number and a value.
    Value(u32, String),
    /// A status and its text.
    Fault(abi::Status, String),
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Syslog's number.
    pub level: i32,
    /// Who says it.
    pub target: String,
    /// What.
    pub text: String,
}

/// A call that was answered.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: abi::Status,
    pub(super) text: String,
    pub(super) answers: Vec<Vec<Answered>>,
    pub(super) rows: Vec<(usize, Row)>,
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) progress: Vec<(i32, String)>,
    cancelled: bool,
    done: Option<abi::Status>,
}

impl Reply {
    pub(super) fn result(&self) -> Result<abi::Status, Error> {
        if self.status < 0 {
            return Err(Error::from_status(self.status, self.text.clone()));
        }
        Ok(self.status)
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    requests: HashMap<abi::Req, Reply>,
    opened: abi::Req,
    store: BTreeMap<String, String>,
    lapses: Vec<String>,
    logs: Vec<Line>,
    pub(super) changed: Vec<String>,
    pub(super) tables_changed: Vec<String>,
    pub(super) events: Vec<(String, BTreeMap<String, String>)>,
    pub(super) writes_left: Option<usize>,
    pub(super) origin: u32,
    pub(super) session: u64,
    pub(super) deadline_ms: u32,
}

/// What `ctx` of the table points to.
#[derive(Debug)]
pub(super) struct Context {
    state: Mutex<State>,
    news: Condvar,
    pub(super) numbers: Numbers,
    pub(super) jobs: Jobs,
}

impl Context {
    pub(super) fn new(store: BTreeMap<String, String>) -> Self {
        let state = State { store, origin: 3, deadline_ms: 2_000, ..State::default() };
        Self {
            state: Mutex::new(state),
            news: Condvar::new(),
            numbers: Numbers::default(),
            jobs: Jobs::default(),
        }
    }

    /// A host that begins anew: what is stored is there, and so are the numbers, which the agent keeps.
    pub(super) fn again(&self) -> Self {
        Self { numbers: self.numbers.again(), ..Self::new(self.store()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state())
    }

    pub(super) fn logs(&self) -> Vec<Line> {
        self.take(|s| std::mem::take(&mut s.logs))
    }

    pub(super) fn store(&self) -> BTreeMap<String, String> {
        self.state().store.clone()
    }

    pub(super) fn set_store(&self, store: BTreeMap<String, String>) {
        self.state().store = store;
    }

    /// Waits until there is something in the list.
    pub(super) fn wait_for<T>(&self, what: &str, mut f: impl FnMut(&mut State) -> Vec<T>) -> Vec<T> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            let found = f(&mut state);
            if !found.is_empty() {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what} in {PATIENCE:?}");
            state = self.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn open(&self, slots: usize) -> abi::Req {
        self.numbers.open();
        let mut state = self.state();
        // A slot and a generation, so that nobody takes it for an index.
        state.opened += 0x1_0000_0001;
        let req = state.opened;
        state.requests.insert(req, Reply { answers: vec![Vec::new(); slots], ..Reply::default() });
        req
    }

    pub(super) fn close(&self, req: abi::Req, status: abi::Status) -> Reply {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state();
        if status == status::PENDING {
            while state.requests[&req].done.is_none() {
                let left = end.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "a request was never answered");
                state = self.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        let mut reply = state.requests.remove(&req).expect("open made it");
        if status != status::PENDING && reply.done.is_some() {
            state.lapses.push("a request was answered twice".to_owned());
        }
        reply.status = reply.done.unwrap_or(status);
        let lapses = std::mem::take(&mut state.lapses);
        drop(state);
        assert!(lapses.is_empty(), "the plugin's manners: {}", lapses.join("; "));
        reply
    }

    pub(super) fn cancel(&self, req: abi::Req) {
        if let Some(reply) = self.state().requests.get_mut(&req) {
            reply.cancelled = true;
        }
    }

    pub(super) fn wait_progress(&self, req: abi::Req) -> (i32, String) {
        let mut all = self.wait_for("progress", |s| {
            let reply = s.requests.get_mut(&req).filter(|r| !r.progress.is_empty());
            reply.map(|r| r.progress.remove(0)).into_iter().collect()
        });
        all.remove(0)
    }

    /// Something against the rules, which the next answer tells.
    pub(super) fn lapse(&self, what: String) {
        self.state().lapses.push(what);
    }

    /// Notes what belongs to a request, if it is open.
    fn note(&self, req: abi::Req, what: &str, f: impl FnOnce(&mut Reply) -> bool) {
        let mut state = self.state();
        let fits = state.requests.get_mut(&req).is_some_and(f);
        if !fits {
            state.lapses.push(format!("{what} for nothing that was asked"));
        }
        drop(state);
        self.news.notify_all();
    }
}

#[allow(clippy::cast_possible_truncation)] // sizes of small structs
pub(super) fn table(context: &Arc<Context>) -> abi::Host {
    abi::Host {
        struct_size: size_of::<abi::Host>() as u32,
        abi_major: abi::MAJOR,
        abi_minor: abi::MINOR,
        change_size: size_of::<abi::Change>() as u32,
        arg_size: size_of::<abi::Arg>() as u32,
        str_size: STR_SIZE,
        kv_size: KV_SIZE,
        ctx: Arc::as_ptr(context).cast_mut().cast(),
        put_value_at: Some(put_value_at),
        put_fault_at: Some(put_fault_at),
        put_row: Some(put_row),
        put_output: Some(put_output),
        progress: Some(progress),
        cancelled: Some(cancelled),
        req_info: Some(req_info),
        req_done: Some(req_done),
        changed: Some(changed),
        instances_changed: Some(instances_changed),
        event: Some(event),
        log: Some(log),
        store_put: Some(store_put),
        store_get: Some(store_get),
        store_delete: Some(store_delete),
        store_list: Some(store_list),
        extension: Some(super::lookup::extension),
        job_begin: Some(super::jobs::begin),
        job_put: Some(super::jobs::put),
        job_progress: Some(super::jobs::progress),
        job_cancelled: Some(super::jobs::cancelled),
        job_end: Some(super::jobs::end),
    }
}

/// # Safety
/// `ctx` is that of a table whose harness is still there.
pub(super) unsafe fn context<'a>(ctx: *mut c_void) -> &'a Context {
    // SAFETY: the caller's promise; `table` put it there.
    unsafe { &*ctx.cast() }
}

/// # Safety
/// The plugin lends the text until the call returns.
pub(super) unsafe fn text(text: abi::Str) -> String {
    // SAFETY: the caller's promise.
    unsafe { borrow(text) }.map_or_else(|_| "(no UTF-8)".to_owned(), str::to_owned)
}

unsafe extern "C" fn put_value_at(ctx: *mut c_void, req: abi::Req, i: usize, kind: u32, value: abi::Str) {
    // SAFETY: the plugin passes our ctx and a text.
    let (context, value) = unsafe { (context(ctx), text(value)) };
    context.note(req, "a value", |r| {
        r.answers.get_mut(i).map(|a| a.push(Answered::Value(kind, value))).is_some()
    });
}

unsafe extern "C" fn put_fault_at(
    ctx: *mut c_void,
    req: abi::Req,
    i: usize,
    status: abi::Status,
    why: abi::Str,
) {
    // SAFETY: as in `put_value_at`.
    let (context, why) = unsafe { (context(ctx), text(why)) };
    context.note(req, "a fault", |r| {
        r.answers.get_mut(i).map(|a| a.push(Answered::Fault(status, why))).is_some()
    });
}

unsafe extern "C" fn put_row(ctx: *mut c_void, req: abi::Req, i: usize, row: *const abi::Row) {
    // SAFETY: as in `put_value_at`; the row is the plugin's.
    let (context, row) = unsafe { (context(ctx), *row) };
    // SAFETY: as above, for its texts.
    let (key, alias) = unsafe { (text(row.key), text(row.alias)) };
    let (deletable, read_only) = (row.flags & DELETABLE != 0, row.flags & READ_ONLY != 0);
    let row = Row { number: row.number, key, alias, deletable, read_only };
    context.note(req, "a row", |r| {
        r.rows.push((i, row));
        i < r.answers.len()
    });
}

unsafe extern "C" fn put_output(ctx: *mut c_void, req: abi::Req, key: abi::Str, value: abi::Str) {
    // SAFETY: as in `put_value_at`.
    let (context, key, value) = unsafe { (context(ctx), text(key), text(value)) };
    context.note(req, "an output", |r| r.outputs.insert(key, value).is_none());
}

unsafe extern "C" fn progress(ctx: *mut c_void, req: abi::Req, permille: i32, why: abi::Str) {
    // SAFETY: as in `put_value_at`.
    let (context, why) = unsafe { (context(ctx), text(why)) };
    context.note(req, "a progress", |r| {
        r.progress.push((permille, why));
        (-1..=1_000).contains(&permille)
    });
}

unsafe extern "C" fn cancelled(ctx: *mut c_void, req: abi::Req) -> i32 {
    // SAFETY: the plugin passes our ctx.
    let state = unsafe { context(ctx) }.state();
    // Of what is not asked any more nobody wants an answer.
    state.requests.get(&req).map_or(1, |r| r.cancelled.into())
}

unsafe extern "C" fn req_info(ctx: *mut c_void, req: abi::Req, info: *mut abi::ReqInfo) -> abi::Status {
    // SAFETY: the plugin passes our ctx.
    let state = unsafe { context(ctx) }.state();
    // SAFETY: the plugin passes a place for the answer and its size.
    let size = unsafe { (*info).struct_size };
    if !state.requests.contains_key(&req) || (size as usize) < size_of::<abi::ReqInfo>() {
        return status::E_ARGUMENTS;
    }
    let (origin, deadline_ms, session) = (state.origin, state.deadline_ms, state.session);
    // SAFETY: as above.
    unsafe { info.write(abi::ReqInfo { struct_size: size, origin, deadline_ms, zero: 0, session }) }
    status::OK
}

unsafe extern "C" fn req_done(ctx: *mut c_void, req: abi::Req, status: abi::Status, why: abi::Str) {
    // SAFETY: as in `put_value_at`.
    let (context, why) = unsafe { (context(ctx), text(why)) };
    context.note(req, "an answer", |r| {
        r.text = why;
        r.done.replace(status).is_none()
    });
}

unsafe extern "C" fn changed(ctx: *mut c_void, paths: *const abi::Str, n: usize) {
    // SAFETY: the plugin passes our ctx and lends `n` texts of our size.
    let (context, paths) = unsafe { (context(ctx), Elements::new(paths, n, STR_SIZE)) };
    // SAFETY: as above.
    let paths = paths.into_iter().flatten().map(|p| unsafe { text(p) });
    context.take(|s| s.changed.extend(paths));
    context.news.notify_all();
}

unsafe extern "C" fn instances_changed(ctx: *mut c_void, table: abi::Str) {
    // SAFETY: as in `put_value_at`.
    let (context, table) = unsafe { (context(ctx), text(table)) };
    context.take(|s| s.tables_changed.push(table));
    context.news.notify_all();
}

unsafe extern "C" fn event(ctx: *mut c_void, name: abi::Str, args: *const abi::Kv, n: usize) -> abi::Status {
    // SAFETY: as in `changed`.
    let (context, name, args) = unsafe { (context(ctx), text(name), Elements::new(args, n, KV_SIZE)) };
    // SAFETY: as above.
    let args = args.into_iter().flatten().map(|kv| unsafe { (text(kv.key), text(kv.value)) }).collect();
    context.take(|s| s.events.push((name, args)));
    status::OK
}

unsafe extern "C" fn log(ctx: *mut c_void, level: i32, target: abi::Str, line: abi::Str) {
    // SAFETY: as in `put_value_at`.
    let (context, line) = unsafe { (context(ctx), Line { level, target: text(target), text: text(line) }) };
    context.take(|s| s.logs.push(line));
}

unsafe extern "C" fn store_put(ctx: *mut c_void, key: abi::Str, value: abi::Str) -> abi::Status {
    // SAFETY: as in `put_value_at`.
    let (context, key, value) = unsafe { (context(ctx), text(key), text(value)) };
    context.take(|s| {
        if value.len() > abi::STORE_VALUE_MAX || s.writes_left == Some(0) {
            return status::E_RESOURCES;
        }
        s.writes_left = s.writes_left.map(|n| n - 1);
        s.store.insert(key, value);
        status::OK
    })
}

unsafe extern "C" fn store_get(
    ctx: *mut c_void,
    key: abi::Str,
    sink: Option<abi::Sink>,
    arg: *mut c_void,
) -> abi::Status {
    // SAFETY: as in `put_value_at`.
    let (context, key) = unsafe { (context(ctx), text(key)) };
    let Some(value) = context.take(|s| s.store.get(&key).cloned()) else { return status::E_NAME };
    if let Some(sink) = sink {
        // SAFETY: the plugin wants to be called with its argument; the value lives until it returns.
        unsafe { sink(arg, lend(&value)) }
    }
    status::OK
}

unsafe extern "C" fn store_delete(ctx: *mut c_void, key: abi::Str) -> abi::Status {
    // SAFETY: as in `put_value_at`.
    let (context, key) = unsafe { (context(ctx), text(key)) };
    context.take(|s| s.store.remove(&key));
    status::OK
}

unsafe extern "C" fn store_list(
    ctx: *mut c_void,
    prefix: abi::Str,
    sink: Option<abi::Sink>,
    arg: *mut c_void,
) -> abi::Status {
    // SAFETY: as in `put_value_at`.
    let (context, prefix) = unsafe { (context(ctx), text(prefix)) };
    let keys: Vec<String> =
        context.take(|s| s.store.keys().filter(|k| k.starts_with(&prefix)).cloned().collect());
    for key in keys {
        if let Some(sink) = sink {
            // SAFETY: as in `store_get`.
            unsafe { sink(arg, lend(&key)) }
        }
    }
    status::OK
}
