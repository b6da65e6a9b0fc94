//! Jobs that a plugin begins by itself, as a test sees them.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use super::host::{context, text};
use super::{Harness, PATIENCE};
use crate::Error;

/// A job that the plugin began by itself, from [`Harness::job`].
#[derive(Debug)]
pub struct Begun<'a> {
    harness: &'a Harness,
    number: abi::Job,
    /// The object that is worked on.
    pub path: String,
    /// What is done, as it was told at the beginning.
    pub text: String,
}

impl Harness {
    /// The oldest job that the plugin began by itself and that no one asked for yet; waits for it.
    pub fn job(&self) -> Begun<'_> {
        let (number, path, text) = self.context.jobs.wait("a job began", |all| {
            let (number, job) = all.iter_mut().find(|(_, job)| !job.seen)?;
            job.seen = true;
            Some((*number, job.path.clone(), job.text.clone()))
        });
        Begun { harness: self, number, path, text }
    }

    /// How many jobs the plugin has begun by itself.
    pub fn jobs_begun(&self) -> usize {
        self.context.jobs.lock().len()
    }
}

impl Begun<'_> {
    /// The next thing that it says of its progress, in thousandths and -1 for unknown; waits for it.
    pub fn progress(&self) -> (i32, String) {
        self.harness.context.jobs.wait("a job went on", |all| {
            let told = &mut all.get_mut(&self.number)?.progress;
            (!told.is_empty()).then(|| told.remove(0))
        })
    }

    /// Says that somebody wants it to stop.
    pub fn cancel(&self) {
        if let Some(job) = self.harness.context.jobs.lock().get_mut(&self.number) {
            job.cancelled = true;
        }
        let table = self.harness.table;
        // One that was built before has a smaller table.
        let has = table.struct_size as usize >= size_of::<abi::Plugin>();
        if let Some(cancel) = has.then_some(table).and_then(|table| table.job_cancel) {
            // SAFETY: `this` is what `create` gave; this call may come while another is at work.
            unsafe { cancel(self.harness.this, self.number) }
        }
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.harness.context.jobs.lock().get(&self.number).is_some_and(|job| job.end.is_some())
    }

    /// Waits for its end: the results, or why it failed.
    pub fn end(self) -> Result<BTreeMap<String, String>, Error> {
        let (outputs, status, why) = self.harness.context.jobs.wait("a job ended", |all| {
            let job = all.get(&self.number)?;
            let (status, why) = job.end.clone()?;
            Some((job.outputs.clone(), status, why))
        });
        if status < 0 {
            return Err(Error::from_status(status, why));
        }
        Ok(outputs)
    }
}

/// One job.
#[derive(Debug, Default)]
struct Own {
    path: String,
    text: String,
    progress: Vec<(i32, String)>,
    outputs: BTreeMap<String, String>,
    cancelled: bool,
    seen: bool,
    end: Option<(abi::Status, String)>,
}

/// The jobs that the plugin began, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    all: Mutex<BTreeMap<abi::Job, Own>>,
    news: Condvar,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<abi::Job, Own>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<T>(&self, what: &str, mut look: impl FnMut(&mut BTreeMap<abi::Job, Own>) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut all = self.lock();
        loop {
            if let Some(found) = look(&mut all) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not seen in {PATIENCE:?}: {what}");
            all = self.news.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Notes what belongs to a job, which must run.
    fn note(&self, job: abi::Job, note: impl FnOnce(&mut Own) -> bool) -> bool {
        let mut all = self.lock();
        let fits = all.get_mut(&job).filter(|job| job.end.is_none()).is_some_and(note);
        drop(all);
        self.news.notify_all();
        fits
    }
}

pub(super) unsafe extern "C" fn begin(ctx: *mut c_void, path: abi::Str, what: abi::Str) -> abi::Job {
    // SAFETY: the plugin passes our ctx and texts.
    let (context, path, what) = unsafe { (context(ctx), text(path), text(what)) };
    let good = path.starts_with("Device.") && path.ends_with('.');
    let mut all = context.jobs.lock();
    let number = u64::try_from(all.len()).unwrap_or(u64::MAX) + 1;
    all.insert(number, Own { path: path.clone(), text: what, ..Own::default() });
    drop(all);
    context.jobs.news.notify_all();
    if !good {
        context.lapse(format!("a job for {path}, which is no object"));
    }
    number
}

pub(super) unsafe extern "C" fn put(ctx: *mut c_void, job: abi::Job, key: abi::Str, value: abi::Str) {
    // SAFETY: as in `begin`.
    let (context, key, value) = unsafe { (context(ctx), text(key), text(value)) };
    if !context.jobs.note(job, |job| job.outputs.insert(key, value).is_none()) {
        context.lapse("a result twice, or of no job".to_owned());
    }
}

pub(super) unsafe extern "C" fn progress(ctx: *mut c_void, job: abi::Job, permille: i32, what: abi::Str) {
    // SAFETY: as in `begin`.
    let (context, what) = unsafe { (context(ctx), text(what)) };
    let fits = context.jobs.note(job, |job| {
        job.progress.push((permille, what));
        (-1..=1_000).contains(&permille)
    });
    if !fits {
        context.lapse("a progress of no job, or of more than 1000".to_owned());
    }
}

pub(super) unsafe extern "C" fn cancelled(ctx: *mut c_void, job: abi::Job) -> i32 {
    // SAFETY: as in `begin`.
    let all = unsafe { context(ctx) }.jobs.lock();
    all.get(&job).is_some_and(|job| job.cancelled).into()
}

pub(super) unsafe extern "C" fn end(ctx: *mut c_void, job: abi::Job, status: abi::Status, why: abi::Str) {
    // SAFETY: as in `begin`.
    let (context, why) = unsafe { (context(ctx), text(why)) };
    let fits = context.jobs.note(job, |job| {
        job.end = Some((status, why));
        status != status::PENDING
    });
    if !fits {
        context.lapse("the end of no job".to_owned());
    }
}
