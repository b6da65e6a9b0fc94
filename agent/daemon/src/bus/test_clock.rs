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

    /// Makes the loop that opens sessions stick, for ever.
    fn stick(&self) {
        self.0.pulse.stick();
        self.0.wake.notify_one();
    }

    /// Makes the agent's only thread stick, for ever.
    #[allow(clippy::unused_self)] // a method of the bus has it
    fn block(&self) {
        loop {
            std::thread::park();
        }
    }

    /// How many commits the store has made.
    fn commits(&self) -> u64 {
        self.0.persist.commits()
    }
}
