//! Time: the wall clock for what the standard dates, a steady one for waits.
//!
//! Built with the feature `test-hooks`, the clock can be moved forward from the bus, so that tests of real processes wait
//! for nothing. A released agent has no such feature.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// 2024-01-01: a clock before this was never set.
const PLAUSIBLE: u64 = 1_704_067_200;

/// The clock of the agent.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    shift: AtomicU64,
    moved: Notify,
    /// A file that is there when the date can be trusted.
    file: Option<PathBuf>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { start: Instant::now(), shift: AtomicU64::new(0), moved: Notify::new(), file: None }
    }
}

impl Clock {
    /// A clock whose date counts only once this file is there; the empty path means no file.
    pub fn trusted_by(file: PathBuf) -> Self {
        Self { file: Some(file).filter(|f| !f.as_os_str().is_empty()), ..Self::default() }
    }

    fn shift(&self) -> Duration {
        Duration::from_millis(self.shift.load(Ordering::Relaxed))
    }

    /// Time since 1970.
    pub fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.shift()
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        i64::try_from(self.wall().as_secs()).unwrap_or(i64::MAX)
    }

    /// A steady time that only grows; its start means nothing.
    pub fn steady(&self) -> Duration {
        self.start.elapsed() + self.shift()
    }

    /// Whether the date can be trusted: it is one that a set clock can show, and whoever sets it says so.
    pub fn is_trusted(&self) -> bool {
        self.wall().as_secs() >= PLAUSIBLE && self.file.as_ref().is_none_or(|file| file.exists())
    }

    /// Sleeps until the steady time is `until`.
    pub async fn sleep_until(&self, until: Duration) {
        loop {
            let moved = self.moved.notified();
            let Some(rest) = until.checked_sub(self.steady()).filter(|d| !d.is_zero()) else { return };
            // The reason for the cap: a timer of years overflows in the runtime.
            let rest = rest.min(Duration::from_secs(86_400));
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = moved => {}
            }
        }
    }

    /// Sleeps for a while.
    pub async fn sleep(&self, time: Duration) {
        self.sleep_until(self.steady() + time).await;
    }

    /// Moves the clock forward and wakes everyone who sleeps.
    #[cfg(any(test, feature = "test-hooks"))]
    pub fn advance(&self, by: Duration) {
        self.shift.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX / 2), Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn moving_the_clock_wakes_a_sleeper() {
        let clock = Clock::default();
        let before = clock.unix();
        let hour = Duration::from_secs(3600);
        tokio::join!(clock.sleep(hour), async { clock.advance(hour) });
        assert!(clock.unix() >= before + 3600);
    }

    #[test]
    fn a_date_is_trusted_once_the_file_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("synchronized");
        let clock = Clock::trusted_by(file.clone());
        assert!(!clock.is_trusted());
        std::fs::write(file, "").unwrap();
        assert!(clock.is_trusted());
        assert!(Clock::trusted_by(PathBuf::new()).is_trusted());
    }
}
