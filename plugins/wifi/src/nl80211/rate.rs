//! How fast a mode is: IEEE 802.11, clauses 19 (HT), 21 (VHT), 27 (HE), and 802.11be, clause 36 (EHT).

use crate::facts::Width;

/// Bits of a subcarrier, and of 12 of them how many are not for mending errors, by the number of the MCS.
const SCHEMES: [(u64, u64); 14] = [
    (1, 6),
    (2, 6),
    (2, 9),
    (4, 6),
    (4, 9),
    (6, 8),
    (6, 9),
    (6, 10),
    (8, 9),
    (8, 10),
    (10, 9),
    (10, 10),
    (12, 9),
    (12, 10),
];

/// HT and VHT, in kbit/s, with the shorter guard interval where there is one.
pub(super) fn ofdm(width: Width, mcs: u8, streams: u8, short_guard: bool) -> u32 {
    let subcarriers = match width {
        Width::W20 => 52,
        Width::W40 => 108,
        Width::W80 => 234,
        Width::W160 | Width::W320 => 468,
    };
    rate(subcarriers, mcs, streams, if short_guard { 3_600 } else { 4_000 })
}

/// HE and EHT, in kbit/s, with a guard interval of 0.8 microseconds.
pub(super) fn ofdma(width: Width, mcs: u8, streams: u8) -> u32 {
    let subcarriers = match width {
        Width::W20 => 234,
        Width::W40 => 468,
        Width::W80 => 980,
        Width::W160 => 1_960,
        Width::W320 => 3_920,
    };
    rate(subcarriers, mcs, streams, 13_600)
}

/// A symbol takes so many nanoseconds.
fn rate(subcarriers: u64, mcs: u8, streams: u8, nanoseconds: u64) -> u32 {
    let (bits, of_twelve) = SCHEMES.get(usize::from(mcs)).copied().unwrap_or_default();
    let per_symbol = subcarriers * bits * of_twelve * u64::from(streams) / 12;
    u32::try_from(per_symbol * 1_000_000 / nanoseconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_tables_of_the_standard() {
        assert_eq!(ofdm(Width::W20, 7, 1, false), 65_000);
        assert_eq!(ofdm(Width::W20, 7, 1, true), 72_222);
        assert_eq!(ofdm(Width::W40, 7, 4, true), 600_000);
        assert_eq!(ofdm(Width::W80, 9, 1, true), 433_333);
        assert_eq!(ofdm(Width::W160, 9, 8, true), 6_933_333);
        assert_eq!(ofdma(Width::W20, 11, 1), 143_382);
        assert_eq!(ofdma(Width::W80, 11, 2), 1_200_955);
        assert_eq!(ofdma(Width::W160, 11, 8), 9_607_794);
        assert_eq!(ofdma(Width::W320, 13, 16), 46_117_647);
    }

    #[test]
    fn a_mode_that_nobody_knows_has_no_rate() {
        assert_eq!(ofdma(Width::W20, 14, 1), 0);
        assert_eq!(ofdma(Width::W20, 255, 255), 0);
    }
}
