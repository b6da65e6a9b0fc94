//! When the periodic Inform is due (ManagementServer.PeriodicInform*).

/// The seconds from `now` to the next periodic Inform: always at least 1, at most `interval` (C54, C55).
///
/// `reference` is PeriodicInformTime in seconds since 1970, or `None` when it is the Unknown Time or the clock cannot be
/// trusted. With a reference the instants are reference plus or minus whole intervals, even if it lies in the future, and
/// there is no jitter. Without one the phase is free: `free_phase` is a number from 0 to `interval` that stays the same
/// while the settings do, and `now` may then count from any fixed moment.
pub fn next_in(now: i64, interval: u32, reference: Option<i64>, free_phase: u32) -> u32 {
    let step = i128::from(interval.max(1));
    let phase = reference.map_or(i128::from(free_phase), i128::from);
    let since = (i128::from(now) - phase).rem_euclid(step);
    // The rest is in 1..=step, and a step is a u32.
    u32::try_from(step - since).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// C54: the instants hang on the reference, whether it is past or future.
    #[test]
    fn the_reference_fixes_the_phase_from_either_side() {
        assert_eq!(next_in(1_000, 300, Some(400), 0), 300);
        assert_eq!(next_in(1_001, 300, Some(400), 0), 299);
        assert_eq!(
            next_in(1_000, 300, Some(1_000_000), 0),
            next_in(1_000, 300, Some(1_000_000 - 300 * 3_000), 0)
        );
    }

    /// C54: without a reference the phase is free and the interval kept.
    #[test]
    fn a_free_phase_keeps_the_interval() {
        let first = next_in(1_000, 300, None, 77);
        assert_eq!(next_in(1_000 + i64::from(first), 300, None, 77), 300);
    }

    proptest! {
        /// C54, C55: every instant lies on the phase, and none is skipped.
        #[test]
        fn every_instant_is_on_phase(now in -1_000_000_000i64..10_000_000_000, interval in 1u32.., reference: i64) {
            let rest = next_in(now, interval, Some(reference), 0);
            prop_assert!(rest >= 1 && rest <= interval);
            let at = i128::from(now) + i128::from(rest) - i128::from(reference);
            prop_assert_eq!(at.rem_euclid(i128::from(interval)), 0);
        }
    }
}
