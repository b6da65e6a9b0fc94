//! Where on a drive a new partition fits.

/// Partitions begin and end here, in bytes: what every drive of today likes.
pub(super) const ALIGNMENT: u64 = 1024 * 1024;
/// The end of a GPT is kept free for its second copy.
const TAIL: u64 = ALIGNMENT;
/// Where a table of the old kind cannot reach: 32 bits of sectors of 512 bytes.
const DOS_END: u64 = (1 << 32) * 512;
/// How many partitions a table of the old kind holds, without one inside the other.
const DOS_MOST: usize = 4;

/// What a partition table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    Gpt,
    Dos,
}

/// A piece of a drive, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Piece {
    fn end(self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

/// The free piece for a partition of this size, or of all there is; whole mebibytes. What is taken may overlap, as logical
/// partitions do with the one around them.
pub(super) fn find(
    kind: TableKind,
    drive: u64,
    taken: &[Piece],
    wanted: Option<u64>,
) -> Result<Piece, String> {
    if kind == TableKind::Dos && taken.len() >= DOS_MOST {
        return Err(format!("a partition table of this kind holds {DOS_MOST} partitions"));
    }
    let end = match kind {
        TableKind::Gpt => drive.saturating_sub(TAIL),
        TableKind::Dos => drive.min(DOS_END),
    };
    let free = free(end, taken);
    let largest = free.iter().copied().max_by_key(|piece| piece.size);
    let Some(wanted) = wanted else {
        return largest.ok_or_else(|| "nothing is free on the drive".to_owned());
    };
    let size = wanted.max(1).div_ceil(ALIGNMENT).saturating_mul(ALIGNMENT);
    // The smallest that will do, so that large ones stay.
    match free.iter().copied().filter(|piece| piece.size >= size).min_by_key(|piece| piece.size) {
        Some(piece) => Ok(Piece { size, ..piece }),
        None => {
            let most = largest.map_or(0, |piece| piece.size);
            Err(format!("{wanted} bytes are wanted, and {most} are free in one piece"))
        }
    }
}

fn free(end: u64, taken: &[Piece]) -> Vec<Piece> {
    let mut taken = taken.to_vec();
    taken.sort_unstable_by_key(|piece| piece.start);
    let mut free = Vec::new();
    let mut at = ALIGNMENT;
    for piece in taken.into_iter().chain([Piece { start: end, size: 0 }]) {
        let until = piece.start.min(end) / ALIGNMENT * ALIGNMENT;
        if until > at {
            free.push(Piece { start: at, size: until - at });
        }
        at = at.max(piece.end().div_ceil(ALIGNMENT).saturating_mul(ALIGNMENT));
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1024 * 1024;

    fn piece(start: u64, size: u64) -> Piece {
        Piece { start: start * MIB, size: size * MIB }
    }

    #[test]
    fn an_empty_drive_gives_all_but_its_ends() {
        let all = find(TableKind::Gpt, 100 * MIB, &[], None).unwrap();
        assert_eq!(all, piece(1, 98));
        assert_eq!(find(TableKind::Dos, 100 * MIB, &[], None).unwrap(), piece(1, 99));
    }

    #[test]
    fn the_smallest_gap_that_will_do_is_taken() {
        let taken = [piece(60, 20), piece(11, 29)];
        assert_eq!(find(TableKind::Gpt, 200 * MIB, &taken, Some(8 * MIB)).unwrap(), piece(1, 8));
        assert_eq!(find(TableKind::Gpt, 200 * MIB, &taken, Some(12 * MIB)).unwrap(), piece(40, 12));
        assert_eq!(find(TableKind::Gpt, 200 * MIB, &taken, None).unwrap(), piece(80, 119));
    }

    #[test]
    fn less_than_a_mebibyte_becomes_one_and_never_less_than_was_asked() {
        assert_eq!(find(TableKind::Gpt, 100 * MIB, &[], Some(1)).unwrap(), piece(1, 1));
        assert_eq!(find(TableKind::Gpt, 100 * MIB, &[], Some(10 * MIB + 1)).unwrap(), piece(1, 11));
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        let error = find(TableKind::Gpt, 100 * MIB, &[piece(1, 50)], Some(49 * MIB)).unwrap_err();
        assert_eq!(error, "51380224 bytes are wanted, and 50331648 are free in one piece");
        assert!(find(TableKind::Gpt, MIB, &[], None).is_err());
        assert!(find(TableKind::Gpt, 0, &[], Some(1)).is_err());
        assert!(find(TableKind::Gpt, 100 * MIB, &[], Some(u64::MAX)).is_err());
    }

    #[test]
    fn an_old_table_holds_four_partitions() {
        let three = [piece(1, 1), piece(2, 1), piece(3, 1)];
        assert!(find(TableKind::Dos, 100 * MIB, &three, None).is_ok());
        let four = [piece(1, 1), piece(2, 1), piece(3, 1), piece(4, 1)];
        assert!(find(TableKind::Dos, 100 * MIB, &four, None).is_err());
    }

    #[test]
    fn an_old_table_does_not_reach_past_two_tebibytes() {
        let found = find(TableKind::Dos, 4 << 40, &[], None).unwrap();
        assert_eq!(found.end(), 2 << 40);
    }

    proptest! {
        /// Whatever is taken, a new partition touches none of it and lies on the drive.
        #[test]
        fn a_new_partition_touches_nothing(
            drive in 0_u64..1 << 33,
            taken in prop::collection::vec((any::<u64>(), any::<u64>()), 0..6),
            small in prop::collection::vec((0_u64..1 << 33, 0_u64..1 << 30), 0..8),
            wanted in prop::option::of(0_u64..1 << 33),
        ) {
            let taken: Vec<Piece> =
                taken.into_iter().chain(small).map(|(start, size)| Piece { start, size }).collect();
            if let Ok(new) = find(TableKind::Gpt, drive, &taken, wanted) {
                prop_assert!(new.size > 0 && new.start >= ALIGNMENT && new.end() <= drive - TAIL);
                prop_assert!(new.size >= wanted.unwrap_or(0));
                for piece in taken {
                    prop_assert!(piece.size == 0 || piece.end() <= new.start || piece.start >= new.end());
                }
            }
        }
    }
}
