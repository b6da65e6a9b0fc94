//! Moments as TR-106 3.2.1 writes them.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The Unknown Time.
pub const UNKNOWN: &str = "0001-01-01T00:00:00Z";
/// The Infinite time, "never".
pub const INFINITE: &str = "9999-12-31T23:59:59Z";

/// Reads a `dateTime` and writes it in UTC with `Z` and without a fraction (C142).
///
/// Any offset and any fraction are accepted; a moment without a zone counts as UTC, but a year below 1000 without a
/// zone is a time since boot (TR-106 3.2.1) and stays as it is. `None` if the text is no `dateTime`.
pub fn canonical(text: &str) -> Option<String> {
    if text == UNKNOWN || text == INFINITE {
        return Some(text.to_owned());
    }
    let (civil, offset) = split(text)?;
    let Some(offset) = offset else {
        let suffix = if civil.year() < 1000 { "" } else { "Z" };
        return Some(format!("{}{suffix}", seconds(civil)));
    };
    // In the calendar, not in timestamps: these end a day before the calendar does.
    let moment = civil.checked_sub(SignedDuration::from_secs(offset.seconds().into())).ok()?;
    (moment.year() >= 0).then(|| format!("{}Z", seconds(moment)))
}

/// Seconds since 1970 of a moment with an absolute time, `None` for the Unknown Time, a relative time or bad text.
pub fn unix_seconds(text: &str) -> Option<i64> {
    let text = canonical(text)?;
    if text == UNKNOWN || !text.ends_with('Z') {
        return None;
    }
    let (civil, _) = split(&text)?;
    Some(Offset::UTC.to_timestamp(civil).ok()?.as_second())
}

/// The moment `seconds` after 1970 in UTC, with `Z`. Out of range it is the Unknown Time.
pub fn from_unix_seconds(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| UNKNOWN.to_owned(), format_utc)
}

fn format_utc(moment: Timestamp) -> String {
    format!("{}Z", seconds(moment.to_zoned(TimeZone::UTC).datetime()))
}

fn seconds(civil: DateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}

/// The local part and the offset, if one is written.
fn split(text: &str) -> Option<(DateTime, Option<Offset>)> {
    if !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let bytes = text.as_bytes();
    let shape = |i: usize, c: u8| bytes[i] == c;
    if !(shape(4, b'-') && shape(7, b'-') && shape(10, b'T') && shape(13, b':') && shape(16, b':')) {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        let part = &text[from..to];
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let small = |from: usize| -> Option<i8> { i8::try_from(number(from, from + 2)?).ok() };
    let (year, month, day) = (number(0, 4)?, small(5)?, small(8)?);
    let (hour, minute, second) = (small(11)?, small(14)?, small(17)?);
    // XML Schema has 24:00:00 as the end of a day; a leap second is squeezed into the last one.
    let midnight = hour == 24 && minute == 0 && second == 0;
    let mut civil =
        DateTime::new(year, month, day, if midnight { 0 } else { hour }, minute, second.min(59), 0).ok()?;
    if second > 60 {
        return None;
    }
    if midnight {
        civil = civil.checked_add(jiff::Span::new().days(1)).ok()?;
    }
    let mut rest = &text[19..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        rest = &fraction[digits..];
    }
    let offset = match rest {
        "" => None,
        "Z" => Some(Offset::UTC),
        _ => Some(offset(rest)?),
    };
    Some((civil, offset))
}

fn offset(text: &str) -> Option<Offset> {
    let bytes = text.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let sign = match bytes[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |from: usize| -> Option<i32> {
        let part = &text[from..from + 2];
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let (hours, minutes) = (two(1)?, two(4)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// C142: any offset is accepted on input, UTC with `Z` is what we send.
    #[test]
    fn a_moment_is_moved_to_utc() {
        assert_eq!(canonical("2026-11-24T10:00:00+08:00").unwrap(), "2026-11-24T02:00:00Z");
        assert_eq!(canonical("2026-11-24T10:00:00.000-00:30").unwrap(), "2026-11-24T10:30:00Z");
        assert_eq!(canonical("2026-11-24T10:00:00").unwrap(), "2026-11-24T10:00:00Z");
        assert_eq!(canonical("2026-12-31T24:00:00Z").unwrap(), "2027-01-01T00:00:00Z");
    }

    /// A moment without a zone may stand at the end of the calendar, and is then one with a zone too.
    #[test]
    fn the_calendar_ends_where_the_infinite_time_is() {
        for (text, moment) in [
            ("9999-12-30T23:59:60", Some("9999-12-30T23:59:59Z")),
            ("9999-12-30T23:59:59Z", Some("9999-12-30T23:59:59Z")),
            ("9999-12-31T22:59:59-01:00", Some(INFINITE)),
            ("9999-12-31T23:59:59-01:00", None),
            ("9999-12-31T24:00:00Z", None),
            ("0000-01-01T01:00:00+01:00", Some("0000-01-01T00:00:00Z")),
            ("0000-01-01T00:00:00+01:00", None),
        ] {
            assert_eq!(canonical(text).as_deref(), moment, "{text}");
        }
    }

    /// C142: the Unknown Time, the Infinite time and a time since boot keep their form.
    #[test]
    fn special_moments_keep_their_form() {
        assert_eq!(canonical(UNKNOWN).unwrap(), UNKNOWN);
        assert_eq!(canonical(INFINITE).unwrap(), INFINITE);
        assert_eq!(canonical("0001-01-03T04:05:06").unwrap(), "0001-01-03T04:05:06");
        assert_eq!(unix_seconds(UNKNOWN), None);
        assert_eq!(unix_seconds("0001-01-03T04:05:06"), None);
        assert_eq!(unix_seconds("1970-01-01T01:00:00+01:00"), Some(0));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-01-01 00:00:00",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00.Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00é",
        ] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,40}") {
            let _ = canonical(&text);
        }

        #[test]
        fn seconds_survive_a_round_trip(s in -30_000_000_000i64..200_000_000_000) {
            prop_assert_eq!(unix_seconds(&from_unix_seconds(s)), Some(s));
        }
    }
}
