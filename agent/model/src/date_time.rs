//! Moments as TR-106 3.2.1 writes them.
//!
//! A moment is counted in seconds since 1970, in the Gregorian calendar of the years 0 to 9999.

use std::ops::RangeInclusive;

/// The Unknown Time.
pub const UNKNOWN: &str = "0001-01-01T00:00:00Z";
/// The Infinite time, "never".
pub const INFINITE: &str = "9999-12-31T23:59:59Z";

const SECONDS_OF_A_DAY: i64 = 86_400;
/// From the first second of year 0 to the last one of year 9999.
const CALENDAR: RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// Reads a `dateTime` and writes it in UTC with `Z` and without a fraction (C142).
///
/// Any offset and any fraction are accepted; a moment without a zone counts as UTC, but a year below 1000 without a
/// zone is a time since boot (TR-106 3.2.1) and stays as it is. `None` if the text is no `dateTime`.
pub fn canonical(text: &str) -> Option<String> {
    if text == UNKNOWN || text == INFINITE {
        return Some(text.to_owned());
    }
    let (moment, offset) = split(text)?;
    let moment = moment - offset.unwrap_or(0);
    let suffix = if offset.is_none() && calendar(moment).0 < 1000 { "" } else { "Z" };
    CALENDAR.contains(&moment).then(|| written(moment, suffix))
}

/// Seconds since 1970 of a moment with an absolute time, `None` for the Unknown Time, the Infinite time, a relative time or
/// bad text.
pub fn unix_seconds(text: &str) -> Option<i64> {
    let text = canonical(text)?;
    if text == UNKNOWN || text == INFINITE || !text.ends_with('Z') {
        return None;
    }
    Some(split(&text)?.0)
}

/// The moment `seconds` after 1970 in UTC, with `Z`. Out of range it is the Unknown Time.
pub fn from_unix_seconds(seconds: i64) -> String {
    if CALENDAR.contains(&seconds) {
        written(seconds, "Z")
    } else {
        UNKNOWN.to_owned()
    }
}

fn written(moment: i64, suffix: &str) -> String {
    let (year, month, day) = calendar(moment);
    let second = moment.rem_euclid(SECONDS_OF_A_DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{suffix}")
}

/// The local part, as if it were UTC, and the offset in seconds, if one is written.
fn split(text: &str) -> Option<(i64, Option<i64>)> {
    if !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let bytes = text.as_bytes();
    let shape = |i: usize, c: u8| bytes[i] == c;
    if !(shape(4, b'-') && shape(7, b'-') && shape(10, b'T') && shape(13, b':') && shape(16, b':')) {
        return None;
    }
    let (year, month, day) = (number(bytes, 0, 4)?, number(bytes, 5, 2)?, number(bytes, 8, 2)?);
    let (hour, minute, second) = (number(bytes, 11, 2)?, number(bytes, 14, 2)?, number(bytes, 17, 2)?);
    // XML Schema has 24:00:00 as the end of a day; a leap second is squeezed into the last one.
    let midnight = hour == 24 && minute == 0 && second == 0;
    if !(hour < 24 || midnight) || minute > 59 || second > 60 {
        return None;
    }
    let day_start = day_start(year, month, day);
    // The 30th of February would be another day.
    if !(1..=12).contains(&month) || calendar(day_start) != (year, month, day) {
        return None;
    }
    let moment = day_start + hour * 3600 + minute * 60 + second.min(59);
    if !CALENDAR.contains(&moment) {
        return None;
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
        "Z" => Some(0),
        _ => Some(offset(rest.as_bytes())?),
    };
    Some((moment, offset))
}

fn number(text: &[u8], from: usize, digits: usize) -> Option<i64> {
    text[from..from + digits]
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn offset(text: &[u8]) -> Option<i64> {
    if text.len() != 6 || text[3] != b':' {
        return None;
    }
    let sign = match text[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(text, 1, 2)?, number(text, 4, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Some(sign * (hours * 3600 + minutes * 60))
}

const DAYS_OF_400_YEARS: i64 = 146_097;
/// From the 1st of March of year 0 to the 1st of January 1970.
const DAYS_TO_1970: i64 = 719_468;

/// The first second of a day. Years begin in March here, so that a leap day is the last of its year.
fn day_start(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    // Months from March on have 31, 30, 31, 30, 31 days, and again.
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + day_of_year;
    (cycle * DAYS_OF_400_YEARS + days - DAYS_TO_1970) * SECONDS_OF_A_DAY
}

/// Year, month and day of a moment.
fn calendar(moment: i64) -> (i64, i64, i64) {
    let days = moment.div_euclid(SECONDS_OF_A_DAY) + DAYS_TO_1970;
    let (cycle, days) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year = (days - days / 1460 + days / 36_524 - days / 146_096) / 365;
    let day_of_year = days - (year * 365 + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, day)
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
        assert_eq!(unix_seconds(INFINITE), None);
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
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-32T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-01-01T24:00:01Z",
            "2026-01-01T25:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00+15:00",
        ] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_calendar_ends_after_year_9999() {
        assert_eq!(from_unix_seconds(*CALENDAR.start()), "0000-01-01T00:00:00Z");
        assert_eq!(from_unix_seconds(*CALENDAR.end()), INFINITE);
        assert_eq!(from_unix_seconds(CALENDAR.start() - 1), UNKNOWN);
        assert_eq!(from_unix_seconds(i64::MAX), UNKNOWN);
        assert_eq!(canonical("9999-12-31T24:00:00"), None);
    }

    /// The calendar of a library, day by day.
    #[test]
    fn every_day_is_the_day_of_another_calendar() {
        let mut day = jiff::civil::date(0, 1, 1);
        for moment in CALENDAR.step_by(usize::try_from(SECONDS_OF_A_DAY).unwrap()) {
            let (year, month, number) = (day.year().into(), day.month().into(), day.day().into());
            assert_eq!(calendar(moment), (year, month, number));
            assert_eq!(day_start(year, month, number), moment);
            day = day.tomorrow().unwrap_or(day);
        }
        assert_eq!(day, jiff::civil::date(9999, 12, 31));
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
