//! `org.cwmpd1.Test`: moves the clock, in builds with the feature `test-hooks` only.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;

pub(super) struct TestClock(Arc<Core>);

impl TestClock {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self(core)
    }
}

#[zbus::interface(name = "org.cwmpd1.Test")]
impl TestClock {
    /// Moves the clock forward and wakes everyone who sleeps.
    fn advance(&self, milliseconds: u64) {
        self.0.clock.advance(Duration::from_millis(milliseconds));
    }

    /// The date in seconds since 1970, as the agent sees it.
    fn now(&self) -> i64 {
        self.0.clock.unix()
    }

    /// How many commits the store has made.
    fn commits(&self) -> u64 {
        self.0.persist.commits()
    }
}
