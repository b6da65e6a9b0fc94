//! What the host does for a plugin: the functions behind `cwmp_host`. Each may be called from any thread.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use cwmp_model::value::is_xml_char;
use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::{status, Req, Status, Str};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::changes::Changes;
use crate::command::Progress;
use crate::library::Library;
use crate::log;
use crate::lookup::{self, Lookup};
use crate::own_jobs::{calls, OwnJobs};
use crate::request::{Ended, Expect, Reported, Requests, MAX_FAULT_TEXT, MAX_VALUE};
use crate::rows::Known;
use crate::store::{Store, StoreError};
use crate::text::{self, TextFault};

/// The most things said against the rules that are kept for a check.
const MAX_KEPT_LIES: usize = 64;
/// The most paths of one call of `changed()`.
pub(crate) const MAX_CHANGED: usize = 65_536;
/// The most bytes of a row's key.
pub(crate) const MAX_ROW_KEY: usize = 256;
/// The most bytes of a row's alias (the standard's limit).
pub(crate) const MAX_ALIAS: usize = 64;
/// The most arguments of an event.
pub(crate) const MAX_EVENT_ARGUMENTS: usize = 64;
/// The most characters of an event code (the standard's limit).
pub(crate) const MAX_EVENT_CODE: usize = 64;
/// The most bytes of a text that a plugin may log, and of its target.
pub(crate) const MAX_LOG_TEXT: usize = 4096;

/// Everything that a plugin may reach. It lives as long as the process: a plugin's threads may use it at any time.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) requests: Requests,
    pub(crate) changes: Changes,
    pub(crate) store: Store,
    /// How far commands are.
    pub(crate) progress: Progress,
    /// What the plugin began by itself.
    pub(crate) own_jobs: OwnJobs,
    /// Which number belongs to which key.
    pub(crate) known: Known,
    pub(crate) lookup: Lookup,
    /// Told when an event is in the store.
    pub(crate) events: Notify,
    log: log::Limit,
    /// What was said against the rules, for a check.
    lies: Mutex<Vec<String>>,
    stale: AtomicU64,
    kv_size: usize,
    str_size: usize,
}

impl Services {
    /// The services for a plugin.
    pub(crate) fn new(library: &Library, store: Store) -> &'static Self {
        let size = |n: u32| usize::try_from(n).unwrap_or(0);
        Box::leak(Box::new(Self {
            requests: Requests::default(),
            changes: Changes::default(),
            store,
            progress: Progress::default(),
            own_jobs: OwnJobs::default(),
            known: Known::default(),
            lookup: Lookup::default(),
            events: Notify::new(),
            log: log::Limit::default(),
            lies: Mutex::default(),
            stale: AtomicU64::new(0),
            kv_size: size(library.plugin.kv_size),
            str_size: size(library.plugin.str_size),
        }))
    }

    /// The table that the plugin gets.
    pub(crate) fn table(&'static self) -> &'static abi::Host {
        let size = |n: usize| u32::try_from(n).unwrap_or(0);
        Box::leak(Box::new(abi::Host {
            struct_size: size(size_of::<abi::Host>()),
            abi_major: abi::MAJOR,
            abi_minor: abi::MINOR,
            change_size: size(size_of::<abi::Change>()),
            arg_size: size(size_of::<abi::Arg>()),
            str_size: size(size_of::<Str>()),
            kv_size: size(size_of::<abi::Kv>()),
            ctx: std::ptr::from_ref(self).cast_mut().cast(),
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
            log: Some(log_text),
            store_put: Some(store_put),
            store_get: Some(store_get),
            store_delete: Some(store_delete),
            store_list: Some(store_list),
            extension: Some(extension),
            job_begin: Some(calls::begin),
            job_put: Some(calls::put),
            job_progress: Some(calls::progress),
            job_cancelled: Some(calls::cancelled),
            job_end: Some(calls::end),
        }))
    }

    /// The plugin said something against the rules.
    pub(crate) fn lie(&self, what: &str) {
        tracing::warn!("the plugin lies: {what}");
        self.keep(what);
    }

    fn keep(&self, what: &str) {
        let mut lies = self.lies.lock().unwrap_or_else(PoisonError::into_inner);
        if lies.len() < MAX_KEPT_LIES {
            lies.push(what.to_owned());
        }
    }

    /// Takes what was said against the rules.
    pub(crate) fn lies(&self) -> Vec<String> {
        std::mem::take(&mut *self.lies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something came for a request that is over. A plugin that does it in a loop does not fill the log.
    pub(crate) fn stale(&self, what: &str) {
        let count = self.stale.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            self.keep(&format!("{what} came for a request that is over"));
            tracing::warn!("{what} came for a request that is over ({count} so far), ignoring");
        }
    }

    /// A step of a transaction has ended with a status: the store follows, and may change it.
    pub(crate) fn settle(&self, status: Status) -> Status {
        match self.store.end(status >= 0) {
            Ok(()) => status,
            Err(error) => {
                tracing::error!("what was committed cannot be stored: {error}");
                status::E_RESOURCES
            }
        }
    }
}

/// The services behind the context that the plugin hands back.
///
/// # Safety
/// `ctx` is the one of the table that the plugin got.
pub(crate) unsafe fn of<'a>(ctx: *mut c_void) -> Option<&'a Services> {
    // SAFETY: it was made from a leaked Services.
    unsafe { ctx.cast::<Services>().as_ref() }
}

/// Nothing unwinds into the plugin.
pub(crate) fn guard<T>(otherwise: T, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        tracing::error!("a service of the host panicked; this is a defect of the host");
        otherwise
    })
}

fn code_of(error: &StoreError) -> Status {
    match error {
        StoreError::Size => status::E_ARGUMENTS,
        StoreError::Full => status::E_RESOURCES,
        StoreError::Sqlite(_) => {
            tracing::error!("{error}");
            status::E_RESOURCES
        }
    }
}

unsafe extern "C" fn put_value_at(ctx: *mut c_void, req: Req, index: usize, kind: u32, value: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), value) = (unsafe { of(ctx) }, unsafe { text::read(value, MAX_VALUE) }) else {
            return;
        };
        let known = match value {
            Ok(value) => all.requests.put_value(req, index, kind, value),
            Err(TextFault::TooLong) => {
                let why = format!("the value is larger than {MAX_VALUE} bytes");
                all.requests.put_fault(req, index, status::E_RESOURCES, &why)
            }
            Err(fault) => {
                let why = format!("the provider answered wrongly: the value {fault}");
                all.requests.put_fault(req, index, status::E_INTERNAL, &why)
                    && all.requests.put_lie(req, Some(index), format!("the value {fault}"))
            }
        };
        if !known {
            all.stale("a value");
        }
    });
}

unsafe extern "C" fn put_fault_at(ctx: *mut c_void, req: Req, index: usize, code: Status, words: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), words) = (unsafe { of(ctx) }, unsafe { text::read(words, MAX_VALUE) }) else {
            return;
        };
        if !all.requests.put_fault(req, index, code, words.unwrap_or_default()) {
            all.stale("a fault");
        }
    });
}

unsafe extern "C" fn put_row(ctx: *mut c_void, req: Req, index: usize, row: *const abi::Row) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the row for this call.
        let (Some(all), row) = (unsafe { of(ctx) }, unsafe { row.as_ref() }) else { return };
        // SAFETY: as the row.
        let texts = unsafe {
            (
                text::read(row.map_or(NONE, |r| r.key), MAX_ROW_KEY),
                text::read(row.map_or(NONE, |r| r.alias), MAX_ALIAS),
            )
        };
        let known = match (row, texts) {
            (Some(row), (Ok(key), Ok(alias))) => all.requests.put_row(
                req,
                Reported {
                    index,
                    number: row.number,
                    flags: row.flags,
                    key: key.to_owned(),
                    alias: alias.to_owned(),
                },
            ),
            (None, _) => all.requests.put_lie(req, Some(index), "has a row that is NULL".to_owned()),
            (_, (Err(fault), _)) => all.requests.put_lie(req, Some(index), format!("has a key that {fault}")),
            (_, (_, Err(fault))) => {
                all.requests.put_lie(req, Some(index), format!("has an alias that {fault}"))
            }
        };
        if !known {
            all.stale("a row");
        }
    });
}

const NONE: Str = Str { ptr: std::ptr::null(), len: 0 };

unsafe extern "C" fn put_output(ctx: *mut c_void, req: Req, key: Str, value: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the texts for this call.
        let (Some(all), key, value) = (unsafe { of(ctx) }, unsafe { text::read(key, MAX_ROW_KEY) }, unsafe {
            text::read(value, MAX_VALUE)
        }) else {
            return;
        };
        let known = match (key, value) {
            (Ok(key), Ok(value)) => all.requests.put_output(req, key, value),
            (Err(fault), _) | (_, Err(fault)) => {
                all.requests.put_lie(req, None, format!("has an output that {fault}"))
            }
        };
        if !known {
            all.stale("an output");
        }
    });
}

unsafe extern "C" fn progress(ctx: *mut c_void, req: Req, permille: i32, words: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), words) = (unsafe { of(ctx) }, unsafe { text::read(words, MAX_VALUE) }) else {
            return;
        };
        match all.requests.context(req) {
            Some((_, Expect::Command(job))) => {
                let words = log::printable(text::read_or_cut(words, MAX_FAULT_TEXT)).into_owned();
                all.progress.note(job, permille.clamp(-1, 1000), words);
            }
            Some(_) => {
                all.requests.put_lie(req, None, "a progress was told of what is no command".to_owned());
            }
            None => all.stale("a progress"),
        }
    });
}

unsafe extern "C" fn cancelled(ctx: *mut c_void, req: Req) -> i32 {
    guard(1, || {
        // SAFETY: the plugin hands back its ctx.
        let Some(all) = (unsafe { of(ctx) }) else { return 1 };
        i32::from(all.requests.is_cancelled(req))
    })
}

unsafe extern "C" fn req_info(ctx: *mut c_void, req: Req, info: *mut abi::ReqInfo) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx.
        let Some(all) = (unsafe { of(ctx) }) else { return status::E_ARGUMENTS };
        if info.is_null() {
            return status::E_ARGUMENTS;
        }
        let Some((context, _)) = all.requests.context(req) else { return status::E_CANCELLED };
        // SAFETY: the plugin lends a struct that starts with its size.
        let size = unsafe { info.cast::<u32>().read_unaligned() };
        let left = context.deadline.saturating_duration_since(Instant::now());
        let out = abi::ReqInfo {
            struct_size: size,
            origin: context.origin,
            deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            zero: 0,
            session: context.session,
        };
        let size = usize::try_from(size).unwrap_or(0);
        if size < offset_of!(abi::ReqInfo, deadline_ms) {
            return status::E_ARGUMENTS;
        }
        // SAFETY: the plugin's struct has `size` bytes, and no more than ours are written.
        unsafe {
            std::ptr::copy_nonoverlapping(
                std::ptr::from_ref(&out).cast::<u8>(),
                info.cast::<u8>(),
                size.min(size_of::<abi::ReqInfo>()),
            );
        }
        status::OK
    })
}

unsafe extern "C" fn req_done(ctx: *mut c_void, req: Req, mut code: Status, words: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), words) = (unsafe { of(ctx) }, unsafe { text::read(words, MAX_VALUE) }) else {
            return;
        };
        if matches!(all.requests.context(req), Some((_, Expect::Stored))) && code != status::PENDING {
            code = all.settle(code);
        }
        let words = text::read_or_cut(words, MAX_FAULT_TEXT);
        if all.requests.done(req, code, words) == Ended::Stale {
            all.stale("req_done()");
        }
    });
}

unsafe extern "C" fn changed(ctx: *mut c_void, paths: *const Str, count: usize) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx.
        let Some(all) = (unsafe { of(ctx) }) else { return };
        if paths.is_null() || count > MAX_CHANGED {
            return all
                .log
                .say(|| tracing::warn!("changed() was called with {count} paths at {paths:?}, ignoring"));
        }
        // SAFETY: the plugin lends so many texts, of the size that it stated.
        let texts = (0..count).map(|i| unsafe {
            text::read(text::element(paths, i, all.str_size), cwmp_model::path::MAX_PATH)
        });
        let wrong = all.changes.values(texts.map(Result::unwrap_or_default));
        if wrong > 0 {
            all.keep(&format!("changed() was called with {wrong} paths that are none"));
            all.log.say(|| tracing::warn!("changed() was called with {wrong} paths that are none, ignoring"));
        }
    });
}

unsafe extern "C" fn instances_changed(ctx: *mut c_void, table: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), table) =
            (unsafe { of(ctx) }, unsafe { text::read(table, cwmp_model::path::MAX_PATH) })
        else {
            return;
        };
        if !table.is_ok_and(|t| all.changes.rows(t)) {
            all.keep("instances_changed() was called with a path that is no table");
            all.log.say(|| {
                tracing::warn!("instances_changed() was called with a path that is no table, ignoring");
            });
        }
    });
}

unsafe extern "C" fn event(ctx: *mut c_void, name: Str, args: *const abi::Kv, count: usize) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), name) = (unsafe { of(ctx) }, unsafe { text::read(name, MAX_VALUE) }) else {
            return status::E_ARGUMENTS;
        };
        let Ok(name) = name else { return status::E_ARGUMENTS };
        let vendor =
            name.starts_with("X ") && name.chars().count() <= MAX_EVENT_CODE && name.chars().all(is_xml_char);
        let good = vendor || name == abi::DIAGNOSTICS_COMPLETE;
        if !good || count > MAX_EVENT_ARGUMENTS || (args.is_null() && count > 0) {
            return status::E_ARGUMENTS;
        }
        let mut arguments = BTreeMap::new();
        for index in 0..count {
            // SAFETY: the plugin lends so many pairs of texts, of the size that it stated.
            let (key, value) = unsafe {
                let pair = text::element(args, index, all.kv_size);
                (text::read(pair.key, MAX_ROW_KEY), text::read(pair.value, abi::STORE_VALUE_MAX))
            };
            let (Ok(key), Ok(value)) = (key, value) else { return status::E_ARGUMENTS };
            arguments.insert(key.to_owned(), value.to_owned());
        }
        match all.store.add_event(name, &arguments) {
            Ok(()) => {
                all.events.notify_one();
                status::OK
            }
            Err(error) => code_of(&error),
        }
    })
}

unsafe extern "C" fn log_text(ctx: *mut c_void, level: i32, target: Str, words: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the texts for this call.
        let Some(all) = (unsafe { of(ctx) }) else { return };
        // SAFETY: as above.
        let (target, words) = unsafe { (text::read(target, MAX_LOG_TEXT), text::read(words, MAX_VALUE)) };
        let words = log::printable(text::read_or_cut(words, MAX_LOG_TEXT));
        let target = log::printable(target.unwrap_or("?"));
        all.log.say(|| match level {
            i32::MIN..=3 => tracing::error!(from = %target, "{words}"),
            4 => tracing::warn!(from = %target, "{words}"),
            5 | 6 => tracing::info!(from = %target, "{words}"),
            _ => tracing::debug!(from = %target, "{words}"),
        });
    });
}

unsafe extern "C" fn store_put(ctx: *mut c_void, key: Str, value: Str) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the texts for this call.
        let (Some(all), key, value) = (unsafe { of(ctx) }, unsafe { text::read(key, MAX_VALUE) }, unsafe {
            text::bytes(value, MAX_VALUE)
        }) else {
            return status::E_ARGUMENTS;
        };
        let (Ok(key), Ok(value)) = (key, value) else { return status::E_ARGUMENTS };
        all.store.put(key, value).map_or_else(|e| code_of(&e), |()| status::OK)
    })
}

unsafe extern "C" fn store_get(
    ctx: *mut c_void,
    key: Str,
    sink: Option<abi::Sink>,
    arg: *mut c_void,
) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), Ok(key), Some(sink)) =
            (unsafe { of(ctx) }, unsafe { text::read(key, MAX_VALUE) }, sink)
        else {
            return status::E_ARGUMENTS;
        };
        match all.store.get(key) {
            Ok(Some(value)) => {
                // SAFETY: the sink is the plugin's own, called with its own argument.
                unsafe { sink(arg, Str { ptr: value.as_ptr(), len: value.len() }) };
                status::OK
            }
            Ok(None) => status::E_NAME,
            Err(error) => code_of(&error),
        }
    })
}

unsafe extern "C" fn store_delete(ctx: *mut c_void, key: Str) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), Ok(key)) = (unsafe { of(ctx) }, unsafe { text::read(key, MAX_VALUE) }) else {
            return status::E_ARGUMENTS;
        };
        all.store.delete(key).map_or_else(|e| code_of(&e), |()| status::OK)
    })
}

unsafe extern "C" fn store_list(
    ctx: *mut c_void,
    prefix: Str,
    sink: Option<abi::Sink>,
    arg: *mut c_void,
) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), Ok(prefix), Some(sink)) =
            (unsafe { of(ctx) }, unsafe { text::read(prefix, MAX_VALUE) }, sink)
        else {
            return status::E_ARGUMENTS;
        };
        match all.store.list(prefix) {
            Ok(keys) => {
                for key in &keys {
                    // SAFETY: the sink is the plugin's own, called with its own argument.
                    unsafe { sink(arg, text::lend(key)) };
                }
                status::OK
            }
            Err(error) => code_of(&error),
        }
    })
}

unsafe extern "C" fn extension(_: *mut c_void, id: Str) -> *const c_void {
    guard(std::ptr::null(), || {
        // SAFETY: the plugin lends the text for this call.
        match unsafe { text::read(id, MAX_ROW_KEY) } {
            Ok(abi::LOOKUP_1) => std::ptr::from_ref(&lookup::TABLE).cast(),
            _ => std::ptr::null(),
        }
    })
}
