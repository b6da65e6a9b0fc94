//! What a plugin takes and does not give back: memory, files, threads.

use std::time::{Duration, Instant};

use super::report::{Part, Report};

/// Growth of so many bytes is nothing: the host's own lists take their places.
const NOTHING: i64 = 8 * 1024;
/// A plugin that leaks takes at least so much in each round.
const EACH: i64 = 16;

/// What the process has at a moment.
#[derive(Debug, Clone, Copy)]
struct Holding {
    memory: Option<i64>,
    files: usize,
    threads: usize,
}

impl Holding {
    fn now() -> Self {
        let count = |folder| std::fs::read_dir(folder).map_or(0, Iterator::count);
        Self { memory: memory(), files: count("/proc/self/fd"), threads: count("/proc/self/task") }
    }
}

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
    before: Option<Holding>,
    slowest: Duration,
}

impl Watch {
    pub(super) fn new(rounds: u32) -> Self {
        Self { rounds, done: 0, before: None, slowest: Duration::ZERO }
    }

    /// Whether there is another round to do. The first quarter only warms up.
    pub(super) fn next(&mut self) -> bool {
        if self.done == self.rounds.div_ceil(4) {
            self.before = Some(Holding::now());
        }
        self.done += 1;
        self.done <= self.rounds
    }

    /// A call that belongs to a round took so long.
    pub(super) fn took(&mut self, since: Instant) {
        self.slowest = self.slowest.max(since.elapsed());
    }

    /// Tells what was not given back, and how slow the slowest round was.
    pub(super) fn conclude(self, deadline: Duration, report: &Report) {
        let Some(before) = self.before else {
            return report.skipped(Part::Resources, "resources: no rounds");
        };
        let after = Holding::now();
        let counted = i64::from(self.rounds - self.rounds.div_ceil(4)).max(1);
        let mut good = true;
        let mut bad = |text: String| {
            good = false;
            report.bad(Part::Resources, None, &text);
        };
        match (before.memory, after.memory) {
            (Some(before), Some(after)) => {
                let grown = after - before;
                if grown > NOTHING.max(counted * EACH) {
                    bad(format!(
                        "memory: {grown} bytes more after {counted} rounds of the same reads, {} each",
                        grown / counted
                    ));
                }
            }
            _ => report.skipped(Part::Resources, "memory: cannot be counted here"),
        }
        let kept = usize::try_from(counted / 2).unwrap_or(1).max(1);
        for (what, before, after) in
            [("files", before.files, after.files), ("threads", before.threads, after.threads)]
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
