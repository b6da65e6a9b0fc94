//! The functions behind the `job_` members of `cwmp_host`. Each may be called from any thread.

use std::ffi::c_void;

use cwmp_model::path;
use cwmp_plugin_abi::{status, Job, Status, Str};

use super::MAX_OWN_JOBS;
use crate::log;
use crate::request::{MAX_FAULT_TEXT, MAX_VALUE};
use crate::services::{guard, of, MAX_ROW_KEY};
use crate::text;

/// What a plugin says in words, made fit to be shown.
///
/// # Safety
/// The plugin lends the text for this call.
unsafe fn words(words: Str) -> String {
    // SAFETY: the caller's promise.
    let words = unsafe { text::read(words, MAX_VALUE) };
    log::printable(text::read_or_cut(words, MAX_FAULT_TEXT)).into_owned()
}

pub(crate) unsafe extern "C" fn begin(ctx: *mut c_void, object: Str, what: Str) -> Job {
    guard(0, || {
        // SAFETY: the plugin hands back its ctx, and lends the texts for this call.
        let (Some(all), object, what) =
            (unsafe { of(ctx) }, unsafe { text::read(object, path::MAX_PATH) }, unsafe { words(what) })
        else {
            return 0;
        };
        let object = object.ok().filter(|o| !o.is_empty() && path::is_partial(o) && path::check(o).is_ok());
        let Some(object) = object else {
            all.lie("job_begin() was called with a path that is no object");
            return 0;
        };
        let number = all.own_jobs.begin(object.to_owned(), what);
        if number == 0 {
            tracing::warn!("more than {MAX_OWN_JOBS} jobs: the one for {object} is not shown");
        }
        number
    })
}

pub(crate) unsafe extern "C" fn put(ctx: *mut c_void, job: Job, key: Str, value: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the texts for this call.
        let (Some(all), key, value) = (unsafe { of(ctx) }, unsafe { text::read(key, MAX_ROW_KEY) }, unsafe {
            text::read(value, MAX_VALUE)
        }) else {
            return;
        };
        match (key, value) {
            (Ok(key), Ok(value)) if all.own_jobs.put(job, key, value) || job == 0 => {}
            (Ok(_), Ok(_)) => all.stale("a result of a job"),
            (Err(fault), _) | (_, Err(fault)) => all.lie(&format!("a result of a job {fault}")),
        }
    });
}

pub(crate) unsafe extern "C" fn progress(ctx: *mut c_void, job: Job, permille: i32, what: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), what) = (unsafe { of(ctx) }, unsafe { words(what) }) else { return };
        if !all.own_jobs.progress(job, permille, what) && job != 0 {
            all.stale("a progress of a job");
        }
    });
}

pub(crate) unsafe extern "C" fn cancelled(ctx: *mut c_void, job: Job) -> i32 {
    guard(0, || {
        // SAFETY: the plugin hands back its ctx.
        let Some(all) = (unsafe { of(ctx) }) else { return 0 };
        i32::from(all.own_jobs.is_cancelled(job))
    })
}

pub(crate) unsafe extern "C" fn end(ctx: *mut c_void, job: Job, code: Status, why: Str) {
    guard((), || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (Some(all), why) = (unsafe { of(ctx) }, unsafe { words(why) }) else { return };
        if code == status::PENDING {
            all.lie("job_end() was called with CWMP_PENDING");
        }
        if !all.own_jobs.end(job, code, &why) && job != 0 {
            all.stale("the end of a job");
        }
    });
}
