//! Work that takes its time: commands that are answered later, and what the plugin began by itself.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::border::lend;
use crate::{Error, Host};

/// The requests that are answered later, and the work that the plugin began by itself.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// There are few at a time.
    open: Mutex<Vec<(abi::Req, Arc<Signal>)>>,
    /// Those that the plugin began; the number is 0 where the host does not show them.
    begun: Mutex<Vec<(abi::Job, Arc<Signal>)>>,
    /// Those that are steps of a transaction.
    #[cfg(feature = "tokio")]
    steps: Mutex<Vec<abi::Req>>,
}

impl Ledger {
    fn open(&self) -> MutexGuard<'_, Vec<(abi::Req, Arc<Signal>)>> {
        // Requests are put in and taken out whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begun(&self) -> MutexGuard<'_, Vec<(abi::Job, Arc<Signal>)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter_begun(&self, job: abi::Job) -> Arc<Signal> {
        let signal = Arc::<Signal>::default();
        self.begun().push((job, Arc::clone(&signal)));
        signal
    }

    fn leave_begun(&self, signal: &Arc<Signal>) {
        self.begun().retain(|(_, other)| !Arc::ptr_eq(other, signal));
    }

    /// Somebody wants work to stop that the plugin began by itself.
    pub(crate) fn cancel_begun(&self, job: abi::Job) {
        if let Some((_, signal)) = self.begun().iter().find(|(other, _)| *other == job && job != 0) {
            signal.give();
        }
    }

    pub(crate) fn enter(&self, request: abi::Req) -> Arc<Signal> {
        let mut open = self.open();
        if let Some((_, signal)) = open.iter().find(|(other, _)| *other == request) {
            return Arc::clone(signal);
        }
        let signal = Arc::<Signal>::default();
        open.push((request, Arc::clone(&signal)));
        signal
    }

    /// As [`enter`](Self::enter), for a step of a transaction.
    #[cfg(feature = "tokio")]
    pub(crate) fn enter_step(&self, request: abi::Req) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    /// Whether the request was still to be answered; it is not any more.
    pub(crate) fn leave(&self, request: abi::Req) -> bool {
        #[cfg(feature = "tokio")]
        {
            let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(position) = steps.iter().position(|other| *other == request) {
                steps.swap_remove(position);
                return true;
            }
        }
        let mut open = self.open();
        let position = open.iter().position(|(other, _)| *other == request);
        let entry = position.map(|position| open.swap_remove(position));
        drop(open);
        // Whoever is still at work on it need not be.
        entry.map(|(_, signal)| signal.give()).is_some()
    }

    pub(crate) fn cancel(&self, request: abi::Req) {
        let open = self.open();
        if let Some((_, signal)) = open.iter().find(|(other, _)| *other == request) {
            signal.give();
        }
    }

    /// The requests that nobody will answer any more. A step of a transaction is not among them: what its answer says of it
    /// must be true, so whoever does it answers, also by giving it up.
    pub(crate) fn close(&self) -> Vec<abi::Req> {
        // Whoever is at work on its own is to end, and says itself what came of it.
        for (_, signal) in self.begun().iter() {
            signal.give();
        }
        let all = std::mem::take(&mut *self.open());
        all.into_iter()
            .map(|(request, signal)| {
                signal.give();
                request
            })
            .collect()
    }
}

/// That the answer is not wanted any more.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    given: Mutex<bool>,
    news: Condvar,
    #[cfg(feature = "tokio")]
    waker: tokio::sync::Notify,
}

impl Signal {
    pub(crate) fn give(&self) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.news.notify_all();
        #[cfg(feature = "tokio")]
        self.waker.notify_waiters();
    }

    pub(crate) fn is_given(&self) -> bool {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        while !*given {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            given = self.news.wait_timeout(given, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *given
    }

    #[cfg(feature = "tokio")]
    async fn given(&self) {
        let mut notified = std::pin::pin!(self.waker.notified());
        // Enlisted before the look, or a signal between the two would be missed.
        notified.as_mut().enable();
        if !self.is_given() {
            notified.await;
        }
    }
}

/// Work that takes its time and tells how far it is: a command, from [`Output::later`](crate::Output::later), or something that
/// the plugin began by itself, from [`Host::begin_job`]. It may go to another thread.
///
/// Dropped without [`finish`](Self::finish) it has failed.
#[derive(Debug)]
pub struct Job {
    host: Host,
    of: Of,
    signal: Arc<Signal>,
    over: bool,
}

/// What a job is there for.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// A command that waits for its answer.
    Command(abi::Req),
    /// Something that the plugin began; 0 if it is not shown.
    Own(abi::Job),
}

impl Host {
    /// Shows work that the plugin begins by itself as a job on the bus: partitioning a disk after a commit, an update of an
    /// index. `path` is the object that is worked on, in full or after the base of the declaration, and ends in a dot; `text`
    /// says what is done.
    ///
    /// This waits for nothing and cannot fail: where there is no agent, or a host that is older than this service, the job is
    /// shown later or never, and the work goes on all the same. [`Job::is_cancelled`] says that somebody wants it to stop,
    /// which the plugin may do, or not.
    ///
    /// ```no_run
    /// # use cwmp_plugin_sdk::{Error, Host};
    /// # fn write_some(_: u16) -> Result<(), Error> { Ok(()) }
    /// # fn format(host: &Host) {
    /// let job = host.begin_job("LogicalVolume.2.", "formatting");
    /// std::thread::spawn(move || {
    ///     for tenth in 0..10 {
    ///         if job.is_cancelled() {
    ///             return job.finish(Err(Error::Cancelled));
    ///         }
    ///         job.progress(Some(tenth * 100), "formatting");
    ///         if let Err(error) = write_some(tenth) {
    ///             return job.finish(Err(error));
    ///         }
    ///     }
    ///     job.put("UUID", "0c2f8a7e");
    ///     job.finish(Ok(()));
    /// });
    /// # }
    /// ```
    pub fn begin_job(&self, path: &str, text: &str) -> Job {
        let path = self.full(path);
        let begun = self.with(|raw| {
            // SAFETY: a member of the host gets its ctx and texts that live until it returns.
            Some(unsafe { (raw.table().job_begin?)(raw.table().ctx, lend(&path), lend(text)) })
        });
        let number = begun.flatten().unwrap_or(0);
        let signal = self.ledger().enter_begun(number);
        let job = Job { host: self.clone(), of: Of::Own(number), signal, over: false };
        let cancelled = self.with(|raw| {
            // SAFETY: as above.
            Some(unsafe { (raw.table().job_cancelled?)(raw.table().ctx, number) })
        });
        if number != 0 && cancelled.flatten().is_some_and(|cancelled| cancelled != 0) {
            // Somebody was quicker than the ledger.
            job.signal.give();
        }
        job
    }
}

impl Job {
    pub(crate) fn new(host: Host, request: abi::Req) -> Self {
        let signal = host.ledger().enter(request);
        Self { host, of: Of::Command(request), signal, over: false }
    }

    /// A result.
    pub fn put(&self, key: &str, value: &str) {
        self.host.with(|raw| match self.of {
            Of::Command(request) => {
                if let Some(put) = raw.table().put_output {
                    // SAFETY: a member of the host gets its ctx and texts that live until it returns.
                    unsafe { put(raw.table().ctx, request, lend(key), lend(value)) }
                }
            }
            Of::Own(job) => {
                if let Some(put) = raw.table().job_put {
                    // SAFETY: as above.
                    unsafe { put(raw.table().ctx, job, lend(key), lend(value)) }
                }
            }
        });
    }

    /// How far it is, in thousandths, if that is known.
    pub fn progress(&self, permille: Option<u16>, text: &str) {
        let permille = permille.map_or(-1, i32::from);
        self.host.with(|raw| match self.of {
            Of::Command(request) => {
                if let Some(progress) = raw.table().progress {
                    // SAFETY: as in `put`.
                    unsafe { progress(raw.table().ctx, request, permille, lend(text)) }
                }
            }
            Of::Own(job) => {
                if let Some(progress) = raw.table().job_progress {
                    // SAFETY: as in `put`.
                    unsafe { progress(raw.table().ctx, job, permille, lend(text)) }
                }
            }
        });
    }

    /// Whether nobody wants its end any more. Then [`Error::Cancelled`] is the right one.
    pub fn is_cancelled(&self) -> bool {
        self.signal.is_given()
    }

    /// Waits so long; at once true when nobody wants its end any more.
    pub fn wait(&self, time: Duration) -> bool {
        self.signal.wait(time)
    }

    /// Waits until nobody wants its end any more: for `tokio::select!`.
    #[cfg(feature = "tokio")]
    pub async fn cancelled(&self) {
        self.signal.given().await;
    }

    /// Ends it; a command is answered so.
    pub fn finish(mut self, result: Result<(), Error>) {
        match result {
            Ok(()) => self.end(status::OK, ""),
            Err(error) => self.end(error.status(), error.text()),
        }
    }

    fn end(&mut self, status: abi::Status, text: &str) {
        self.over = true;
        match self.of {
            Of::Command(request) => {
                if self.host.ledger().leave(request) {
                    self.host.with(|raw| raw.req_done(request, status, text));
                }
            }
            Of::Own(job) => {
                self.host.ledger().leave_begun(&self.signal);
                self.host.with(|raw| {
                    if let Some(end) = raw.table().job_end {
                        // SAFETY: as in `put`.
                        unsafe { end(raw.table().ctx, job, status, lend(text)) }
                    }
                });
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.over {
            let what = match self.of {
                Of::Command(_) => "the command was given up",
                Of::Own(_) => "it was given up",
            };
            self.end(status::E_INTERNAL, what);
        }
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;

    /// A commit that was answered as failed, and succeeded, would be half in the store.
    #[test]
    fn a_step_of_a_transaction_is_answered_by_whoever_does_it() {
        let ledger = Ledger::default();
        ledger.enter_step(1);
        let signal = ledger.enter(2);
        assert_eq!(ledger.close(), [2]);
        assert!(signal.is_given());
        assert!(!ledger.leave(2));
        assert!(ledger.leave(1) && !ledger.leave(1));
    }
}
