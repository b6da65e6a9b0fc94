//! What a plugin takes and does not give back: memory, files, threads.

use std::time::{Duration, Instant};

use super::report::{Part, Report};

/// Growth of so many bytes is nothing: the host's own lists take their places.
const NOTHING: i64 = 8 * 1024;
/// A plugin that leaks takes at least so much in each round.
const EACH: i64 = 16;

/// How many files or threads the process has.
fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

const FILES: &str = "/proc/self/fd";
const THREADS: &str = "/proc/self/task";

/// Bytes of the heap that are in use; `None` where that cannot be told.
fn memory() -> Option<i64> {
    // A sanitizer keeps what is freed for a while, and finds leaks by itself.
    if sanitizer().is_some() {
        return None;
    }
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it has no preconditions.
        let info = unsafe { nix::libc::mallinfo() };
        // They are counted modulo 2^32; differences are right all the same.
        Some(i64::from(info.uordblks) + i64::from(info.hblkhd))
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

type LeakCheck = unsafe extern "C" fn() -> nix::libc::c_int;

/// The leak check of an address sanitizer that was loaded before everything else, if there is one.
fn sanitizer() -> Option<LeakCheck> {
    let name = c"__lsan_do_recoverable_leak_check";
    // SAFETY: the name ends with a zero byte.
    let found = unsafe { nix::libc::dlsym(nix::libc::RTLD_DEFAULT, name.as_ptr()) };
    // SAFETY: what has this name is this function, and a pointer that is not null.
    (!found.is_null()).then(|| unsafe { std::mem::transmute::<*mut nix::libc::c_void, LeakCheck>(found) })
}

/// Watches rounds of the same calls.
#[derive(Debug)]
pub(super) struct Watch {
    rounds: u32,
    done: u32,
    /// Files and threads after the first quarter, which only warms up.
    before: (usize, usize),
    /// The memory after each round.
    memory: Vec<i64>,
    slowest: Duration,
}

impl Watch {
    pub(super) fn new(rounds: u32) -> Self {
        // Nothing is to grow by itself.
        let memory = Vec::with_capacity(usize::try_from(rounds).unwrap_or_default());
        Self { rounds, done: 0, before: (0, 0), memory, slowest: Duration::ZERO }
    }

    /// Whether there is another round to do.
    pub(super) fn next(&mut self) -> bool {
        if self.done > 0 {
            self.memory.extend(memory());
        }
        if self.done == self.rounds.div_ceil(4) {
            self.before = (count(FILES), count(THREADS));
        }
        self.done += 1;
        self.done <= self.rounds
    }

    /// By how much the memory grew, and in how many rounds: from the most in the first quarter to the least in the last, so
    /// that rows which come and go are not taken for a leak.
    fn growth(&self) -> Option<(i64, i64)> {
        let quarter = self.memory.len().div_ceil(4);
        let most = self.memory.iter().take(quarter).max()?;
        let least = self.memory.iter().rev().take(quarter).min()?;
        let between = i64::try_from(self.memory.len().saturating_sub(2 * quarter)).unwrap_or(0) + 1;
        Some((least - most, between))
    }

    /// A call that belongs to a round took so long.
    pub(super) fn took(&mut self, since: Instant) {
        self.slowest = self.slowest.max(since.elapsed());
    }

    /// Tells what was not given back, and how slow the slowest round was.
    pub(super) fn conclude(self, deadline: Duration, report: &Report) {
        let mut good = true;
        let mut bad = |text: String| {
            good = false;
            report.bad(Part::Resources, None, &text);
        };
        match self.growth() {
            Some((grown, rounds)) if grown > NOTHING.max(rounds * EACH) => bad(format!(
                "memory: at least {grown} bytes more after {rounds} rounds of the same reads, {} each",
                grown / rounds
            )),
            Some(_) => {}
            None => report.skipped(Part::Resources, "memory: cannot be counted here"),
        }
        let counted = self.rounds - self.rounds.div_ceil(4);
        let kept = usize::try_from(counted / 2).unwrap_or(1).max(1);
        for (what, before, after) in
            [("files", self.before.0, count(FILES)), ("threads", self.before.1, count(THREADS))]
        {
            if after.saturating_sub(before) >= kept {
                bad(format!("{what}: {before} before and {after} after {counted} rounds of the same reads"));
            }
        }
        if self.slowest > deadline / 2 {
            bad(format!(
                "time: a round took {} ms, of {} ms that a read may take",
                self.slowest.as_millis(),
                deadline.as_millis()
            ));
        }
        if good {
            let slowest = self.slowest.as_millis();
            report.good(
                Part::Resources,
                &format!(
                    "resources: {} rounds give back what they take, the slowest took {slowest} ms",
                    self.rounds
                ),
            );
        }
    }
}

/// After the plugin is gone: what a sanitizer says was lost.
pub(super) fn lost(report: &Report) {
    let Some(check) = sanitizer() else { return };
    // SAFETY: it has no preconditions, and tells what it finds on stderr.
    if unsafe { check() } == 0 {
        report.good(Part::Resources, "leaks: the sanitizer found none");
    } else {
        report.bad(Part::Resources, None, "leaks: the sanitizer found some, above");
    }
}
