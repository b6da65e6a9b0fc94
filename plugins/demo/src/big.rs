//! A large table whose values cost next to nothing: what is measured with it is everything else.

use cwmp_plugin_sdk::{Answer, DateTime, Error, HexBinary};

/// 2024-01-01, from which the moments of the rows count.
const FIRST: i64 = 1_704_067_200;

pub(crate) fn answer(i: usize, row: u32, leaf: &str, answer: &mut Answer<'_>) {
    let signed = i64::from(row);
    match leaf {
        "Name" => answer.value(i, format!("row-{row}")),
        "Group" => answer.value(i, if row % 3 == 0 { "three" } else { "other" }),
        "Index" => answer.value(i, row),
        "Square" => answer.value(i, u64::from(row) * u64::from(row)),
        "Signed" => answer.value(i, i32::try_from(row).map_or(i32::MIN, |r| -r)),
        "Negative" => answer.value(i, -signed * 1_000_000),
        "Even" => answer.value(i, row % 2 == 0),
        "Moment" => answer.value(i, DateTime::from_unix(FIRST + signed)),
        "Hex" => answer.value(i, HexBinary(row.to_be_bytes().to_vec())),
        "Text" => answer.value(i, "The quick brown fox jumps over the lazy dog"),
        _ => answer.fault(i, &Error::name(format!("a big row has no {leaf}"))),
    }
}
