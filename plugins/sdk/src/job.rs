//! Answers that come later: commands that take their time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::border::lend;
use crate::{Error, Host};

/// The requests that are answered later.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// There are few at a time.
    open: Mutex<Vec<(abi::Req, Arc<Signal>)>>,
    /// Those that are steps of a transaction.
    #[cfg(feature = "tokio")]
    steps: Mutex<Vec<abi::Req>>,
}

impl Ledger {
    fn open(&self) -> MutexGuard<'_, Vec<(abi::Req, Arc<Signal>)>> {
        // Requests are put in and taken out whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A command that is answered later, from [`Output::later`](crate::Output::later). It may go to another thread.
///
/// Dropped without [`finish`](Self::finish) it answers that the command failed.
#[derive(Debug)]
pub struct Job {
    host: Host,
    request: abi::Req,
    signal: Arc<Signal>,
    over: bool,
}

impl Job {
    pub(crate) fn new(host: Host, request: abi::Req) -> Self {
        let signal = host.ledger().enter(request);
        Self { host, request, signal, over: false }
    }

    /// A result.
    pub fn put(&self, key: &str, value: &str) {
        self.host.with(|raw| {
            if let Some(put) = raw.table().put_output {
                // SAFETY: a member of the host gets its ctx and texts that live until it returns.
                unsafe { put(raw.table().ctx, self.request, lend(key), lend(value)) }
            }
        });
    }

    /// How far it is, in thousandths, if that is known.
    pub fn progress(&self, permille: Option<u16>, text: &str) {
        self.host.with(|raw| {
            if let Some(progress) = raw.table().progress {
                // SAFETY: as in `put`.
                unsafe {
                    progress(raw.table().ctx, self.request, permille.map_or(-1, i32::from), lend(text));
                }
            }
        });
    }

    /// Whether nobody wants the answer any more. Then [`Error::Cancelled`] is the right one.
    pub fn is_cancelled(&self) -> bool {
        self.signal.is_given()
    }

    /// Waits so long; at once true when nobody wants the answer any more.
    pub fn wait(&self, time: Duration) -> bool {
        self.signal.wait(time)
    }

    /// Waits until nobody wants the answer any more: for `tokio::select!`.
    #[cfg(feature = "tokio")]
    pub async fn cancelled(&self) {
        self.signal.given().await;
    }

    /// Answers.
    pub fn finish(mut self, result: Result<(), Error>) {
        self.answer(result);
    }

    fn answer(&mut self, result: Result<(), Error>) {
        self.over = true;
        if !self.host.ledger().leave(self.request) {
            return;
        }
        self.host.with(|raw| match result {
            Ok(()) => raw.req_done(self.request, status::OK, ""),
            Err(error) => raw.req_done(self.request, error.status(), error.text()),
        });
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.over {
            self.answer(Err(Error::internal("the command was given up")));
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
