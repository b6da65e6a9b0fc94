//! When a failed session is tried again (TR-069 3.2.1.1, Table 3).

/// The retry after which the wait grows no more.
pub const LAST_STEP: u32 = 10;
/// The longest wait, in seconds: what does not fit is cut here (C92).
pub const LONGEST_WAIT: f64 = 10.0 * 365.0 * 86_400.0;

/// How many sessions failed, and since when the waits count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// Failed sessions since the last success: RetryCount of the Inform (C74).
    pub count: u32,
    /// Failed sessions since the last success or reboot, which chooses the wait (C91).
    pub since_boot: u32,
}

impl Retry {
    /// After a reboot the count stays and the waits start over; a restart of the agent alone keeps both.
    #[must_use]
    pub fn after_reboot(count: u32) -> Self {
        Self { count, since_boot: 0 }
    }

    /// A session failed.
    pub fn failed(&mut self) {
        self.count = self.count.saturating_add(1);
        self.since_boot = self.since_boot.saturating_add(1);
    }

    /// A session succeeded (C90).
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The wait before the next session in seconds, `None` if the last one succeeded.
    ///
    /// `minimum` is CWMPRetryMinimumWaitInterval in seconds, `multiplier` CWMPRetryIntervalMultiplier in thousandths,
    /// `chance` a number from 0 to 1 that differs between devices (C88).
    pub fn wait(self, minimum: u32, multiplier: u32, chance: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        // A failed count from before a reboot waits as the first retry does.
        let (low, high) = band(self.since_boot.max(1), minimum, multiplier);
        Some(low + (high - low) * chance.clamp(0.0, 1.0))
    }
}

/// The bounds of the wait before retry `n`, in seconds (C87).
pub fn band(n: u32, minimum: u32, multiplier: u32) -> (f64, f64) {
    let n = n.clamp(1, LAST_STEP);
    let minimum = f64::from(minimum.clamp(1, 65_535));
    let k = f64::from(multiplier.clamp(1_000, 65_535)) / 1_000.0;
    let low = (1..n).fold(minimum, |wait, _| wait * k);
    (low.min(LONGEST_WAIT), (low * k).min(LONGEST_WAIT))
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // the values compared are whole numbers
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// C87: the table of the standard for the default minimum of 5 s and multiplier of 2000.
    #[test]
    fn the_default_bands_are_those_of_the_standard() {
        let table = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560];
        for (i, low) in (1..).zip(table) {
            assert_eq!(band(i, 5, 2000), (f64::from(low), f64::from(low * 2)));
        }
        assert_eq!(band(11, 5, 2000), (2560.0, 5120.0));
        assert_eq!(band(u32::MAX, 5, 2000), (2560.0, 5120.0));
    }

    /// C88: with a multiplier of 1000 there is nothing to choose.
    #[test]
    fn a_multiplier_of_one_always_waits_the_minimum() {
        for n in 1..20 {
            assert_eq!(band(n, 7, 1000), (7.0, 7.0));
        }
    }

    /// C74, C90: the count is the number of failures since the last success.
    #[test]
    fn a_success_ends_the_retries() {
        let mut retry = Retry::default();
        assert_eq!(retry.wait(5, 2000, 0.5), None);
        retry.failed();
        retry.failed();
        assert_eq!(retry.count, 2);
        assert_eq!(retry.wait(5, 2000, 0.0), Some(10.0));
        retry.succeeded();
        assert_eq!((retry.count, retry.wait(5, 2000, 0.5)), (0, None));
    }

    /// C91: after a reboot the wait starts over, the count does not.
    #[test]
    fn a_reboot_starts_the_waits_over_and_keeps_the_count() {
        let mut retry = Retry::after_reboot(7);
        assert_eq!(retry.wait(5, 2000, 0.0), Some(5.0));
        retry.failed();
        assert_eq!(retry.count, 8);
        assert_eq!(retry.wait(5, 2000, 1.0), Some(10.0));
    }

    proptest! {
        /// C92: no setting overflows or leaves its band.
        #[test]
        fn every_wait_is_a_finite_time_within_its_band(n: u32, m: u32, k: u32, chance in 0.0f64..=1.0) {
            let (low, high) = band(n, m, k);
            prop_assert!(low >= 1.0 && low <= high && high <= LONGEST_WAIT);
            let wait = Retry { count: 1, since_boot: n }.wait(m, k, chance).unwrap();
            prop_assert!(wait >= low && wait <= high);
        }
    }
}
