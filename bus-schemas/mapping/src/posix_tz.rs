//! Time zones by name and as POSIX TZ (IEEE 1003.1, 8.3): a box has the former, the standard wants the latter.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The most zones that are looked at.
pub const MAX_ZONES: usize = 4_096;
/// The largest file of a zone, in bytes.
pub const MAX_ZONE_FILE: u64 = 64 * 1024;
/// The longest POSIX TZ.
const MAX_TZ: usize = 256;
/// How deep the folders of zones are.
const MAX_DEPTH: usize = 3;

/// Which of many zones with the same rules is meant: the largest city, or the one that everyone takes.
const PREFERRED: &[&str] = &[
    "Etc/UTC",
    "Europe/London",
    "Europe/Lisbon",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Istanbul",
    "Europe/Moscow",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Halifax",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Bogota",
    "America/Santiago",
    "America/Argentina/Buenos_Aires",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Africa/Nairobi",
    "Africa/Cairo",
    "Asia/Jerusalem",
    "Asia/Riyadh",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Australia/Perth",
    "Australia/Brisbane",
    "Australia/Adelaide",
    "Australia/Sydney",
    "Pacific/Auckland",
];

/// A POSIX TZ, taken apart so that two can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosixTz {
    /// The name of standard time.
    pub name: String,
    /// Seconds that are added to the local time to get UTC.
    pub offset: i32,
    /// Summer time, if there is one.
    pub summer: Option<Summer>,
}

/// Summer time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summer {
    /// Its name.
    pub name: String,
    /// As that of standard time.
    pub offset: i32,
    /// When it begins.
    pub start: Change,
    /// When it ends.
    pub end: Change,
}

/// A change between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The day.
    pub day: Day,
    /// Seconds after midnight, in the time that ends.
    pub time: i32,
}

/// A day of every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// `Jn`: 1 to 365, February has 28 days.
    WithoutLeap(u16),
    /// `n`: 0 to 365.
    WithLeap(u16),
    /// `Mm.w.d`: month, week (5 is the last), day from Sunday.
    Weekday(u8, u8, u8),
}

impl PosixTz {
    /// Reads one; white space is not minded, for the standard's own example has some.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TZ || !text.is_ascii() {
            return None;
        }
        let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let mut rest = packed.as_str();
        let (name, offset) = (zone_name(&mut rest)?, signed_time(&mut rest, 24)?);
        if rest.is_empty() {
            return Some(Self { name, offset, summer: None });
        }
        let summer = zone_name(&mut rest)?;
        let begins_rule = rest.is_empty() || rest.starts_with(',');
        let summer_offset = if begins_rule { offset - 3600 } else { signed_time(&mut rest, 24)? };
        // Without rules those of the United States are meant, as everywhere.
        let mut rules = if rest.is_empty() { ",M3.2.0,M11.1.0" } else { rest };
        let (start, end) = (change(&mut rules)?, change(&mut rules)?);
        let summer = Summer { name: summer, offset: summer_offset, start, end };
        rules.is_empty().then_some(Self { name, offset, summer: Some(summer) })
    }

    /// Whether a clock shows the same under both, whatever the zone calls itself.
    pub fn same_rules(&self, other: &Self) -> bool {
        let rules = |s: &Summer| (s.offset, s.start, s.end);
        self.offset == other.offset && self.summer.as_ref().map(rules) == other.summer.as_ref().map(rules)
    }
}

impl std::fmt::Display for PosixTz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&quoted(&self.name))?;
        f.write_str(&time_text(self.offset))?;
        if let Some(summer) = &self.summer {
            f.write_str(&quoted(&summer.name))?;
            if summer.offset != self.offset - 3600 {
                f.write_str(&time_text(summer.offset))?;
            }
            for change in [summer.start, summer.end] {
                match change.day {
                    Day::WithoutLeap(day) => write!(f, ",J{day}")?,
                    Day::WithLeap(day) => write!(f, ",{day}")?,
                    Day::Weekday(month, week, day) => write!(f, ",M{month}.{week}.{day}")?,
                }
                if change.time != 7200 {
                    write!(f, "/{}", time_text(change.time))?;
                }
            }
        }
        Ok(())
    }
}

fn quoted(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("<{name}>")
    }
}

fn time_text(seconds: i32) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let (hours, rest) = (seconds.abs() / 3600, seconds.abs() % 3600);
    let mut out = format!("{sign}{hours}");
    // Writing to a String does not fail.
    if rest != 0 {
        let _ = write!(out, ":{:02}", rest / 60);
    }
    if rest % 60 != 0 {
        let _ = write!(out, ":{:02}", rest % 60);
    }
    out
}

fn zone_name(rest: &mut &str) -> Option<String> {
    let (name, after) = match rest.strip_prefix('<') {
        Some(quoted) => {
            let (name, after) = quoted.split_once('>')?;
            let good = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-');
            (Some(name).filter(|_| good)?, after)
        }
        None => {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            rest.split_at(end)
        }
    };
    *rest = after;
    (name.len() >= 3).then(|| name.to_owned())
}

fn number(rest: &mut &str, most: u16) -> Option<u16> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits.parse().ok().filter(|n| *n <= most)
}

/// `[+-]hh[:mm[:ss]]`
fn signed_time(rest: &mut &str, most: u16) -> Option<i32> {
    let negative = rest.starts_with('-');
    *rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let mut seconds = i32::from(number(rest, most)?) * 3600;
    for unit in [60, 1] {
        let Some(after) = rest.strip_prefix(':') else { break };
        *rest = after;
        seconds += i32::from(number(rest, 59)?) * unit;
    }
    Some(if negative { -seconds } else { seconds })
}

/// `,date[/time]`; the time may leave its day by a week (RFC 8536 3.3.1).
fn change(rest: &mut &str) -> Option<Change> {
    *rest = rest.strip_prefix(',')?;
    let day = if let Some(after) = rest.strip_prefix('M') {
        *rest = after;
        let month = number(rest, 12).filter(|n| *n > 0)?;
        *rest = rest.strip_prefix('.')?;
        let week = number(rest, 5).filter(|n| *n > 0)?;
        *rest = rest.strip_prefix('.')?;
        let weekday = number(rest, 6)?;
        Day::Weekday(u8::try_from(month).ok()?, u8::try_from(week).ok()?, u8::try_from(weekday).ok()?)
    } else if let Some(after) = rest.strip_prefix('J') {
        *rest = after;
        Day::WithoutLeap(number(rest, 365).filter(|n| *n > 0)?)
    } else {
        Day::WithLeap(number(rest, 365)?)
    };
    let time = match rest.strip_prefix('/') {
        Some(after) => {
            *rest = after;
            signed_time(rest, 167)?
        }
        None => 7200,
    };
    Some(Change { day, time })
}

/// The time zones of a box: a folder of TZif files.
#[derive(Debug, Clone)]
pub struct Zones {
    folder: PathBuf,
}

impl Zones {
    /// Where every box has them.
    pub const FOLDER: &'static str = "/usr/share/zoneinfo";

    /// The zones of a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The POSIX TZ of a zone: how it goes on from the last change that its file has (RFC 8536 3.3).
    pub fn posix_tz(&self, zone: &str) -> Result<String, String> {
        if !is_zone_name(zone) {
            return Err(format!("'{}', which is no name of a time zone", zone.escape_debug()));
        }
        let file = self.folder.join(zone);
        footer(&file).ok_or_else(|| format!("the time zone '{zone}', which {} does not tell", file.display()))
    }

    /// The zone that has the rules of a POSIX TZ: `current`, if it has them; else one that people know; else any.
    /// Zones that also have the same names come first.
    pub fn find(&self, posix_tz: &str, current: Option<&str>) -> Result<String, String> {
        let wanted = PosixTz::parse(posix_tz).ok_or_else(|| {
            format!("'{}' is no POSIX TZ such as CET-1CEST,M3.5.0,M10.5.0/3", posix_tz.escape_debug())
        })?;
        let fits = |zone: &str| -> Option<bool> {
            let tz = PosixTz::parse(&self.posix_tz(zone).ok()?)?;
            tz.same_rules(&wanted).then_some(tz == wanted)
        };
        let known = current.into_iter().chain(PREFERRED.iter().copied());
        let mut similar: Option<String> = None;
        for zone in known.map(str::to_owned).chain(self.all()) {
            match fits(&zone) {
                Some(true) => return Ok(zone),
                Some(false) if similar.is_none() => similar = Some(zone),
                _ => {}
            }
        }
        similar.ok_or_else(|| format!("no time zone of this device has the rules of '{posix_tz}'"))
    }

    /// The names of all zones, in order.
    fn all(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.folder, "", 0, &mut names);
        names.sort_unstable();
        names
    }
}

fn walk(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Copies of the whole tree, and what is no zone.
        if depth == 0 && ["posix", "right", "localtime", "posixrules"].contains(&name.as_str()) {
            continue;
        }
        let path = entry.path();
        let full = format!("{prefix}{name}");
        if path.is_dir() {
            if depth < MAX_DEPTH {
                walk(&path, &format!("{full}/"), depth + 1, names);
            }
        } else if names.len() < MAX_ZONES && is_zone_name(&full) {
            names.push(full);
        }
    }
}

fn is_zone_name(name: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && !p.starts_with('.')
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    name.len() <= 128 && name.split('/').all(part)
}

/// The text between the last two line feeds of a file of version 2 or later.
fn footer(file: &Path) -> Option<String> {
    let size = std::fs::metadata(file).ok()?.len();
    if size > MAX_ZONE_FILE {
        return None;
    }
    let bytes = std::fs::read(file).ok()?;
    let version = bytes.strip_prefix(b"TZif")?.first()?;
    let body = bytes.strip_suffix(b"\n").filter(|_| *version >= b'2')?;
    let start = body.iter().rposition(|b| *b == b'\n')?;
    let text = std::str::from_utf8(&body[start + 1..]).ok()?;
    PosixTz::parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Zones of our own, so that tests do not depend on the machine's.
    fn zones(all: &[(&str, &str)]) -> (tempfile::TempDir, Zones) {
        let folder = tempfile::tempdir().unwrap();
        for (name, tz) in all {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, format!("TZif2 and so on\n{tz}\n")).unwrap();
        }
        let zones = Zones::new(folder.path());
        (folder, zones)
    }

    #[test]
    fn a_zone_is_found_by_its_rules() {
        let (_folder, zones) = zones(&[
            ("Africa/Ceuta", "CET-1CEST,M3.5.0,M10.5.0/3"),
            ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
            ("Europe/Paris", "CET-1CEST,M3.5.0,M10.5.0/3"),
            ("Asia/Kabul", "<+0430>-4:30"),
            ("posix/Africa/Lagos", "WAT-1"),
        ]);
        let find = |tz: &str, current| zones.find(tz, current);
        assert_eq!(find("CET-1CEST,M3.5.0,M10.5.0/3", None), Ok("Europe/Berlin".into()));
        assert_eq!(find("CET-1CEST,M3.5.0/2,M10.5.0/3:00", Some("Europe/Paris")), Ok("Europe/Paris".into()));
        assert_eq!(find("MEZ-1MESZ-2,M3.5.0/2,M10.5.0/3", None), Ok("Europe/Berlin".into()));
        assert_eq!(find("<+0430>-04:30", None), Ok("Asia/Kabul".into()));
        assert!(find("WAT-1", None).unwrap_err().contains("no time zone of this device"));
        assert!(find("Europe/Berlin", None).unwrap_err().contains("is no POSIX TZ"));
        assert_eq!(zones.posix_tz("Asia/Kabul"), Ok("<+0430>-4:30".into()));
        for bad in ["../etc/passwd", "/etc/passwd", "Asia/", "", "Asia/None"] {
            assert!(zones.posix_tz(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        let tz = PosixTz::parse("EST+5 EDT,M4.1.0/2,M10.5.0/2").unwrap();
        assert_eq!(tz.to_string(), "EST5EDT,M4.1.0,M10.5.0");
        assert_eq!(PosixTz::parse("EST5EDT"), PosixTz::parse("EST5EDT4,M3.2.0/2:00:00,M11.1.0"));
        for wrong in
            ["", "CE-1", "CET", "CET-25", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.5.0", "CET-1 x", "<C>1"]
        {
            assert_eq!(PosixTz::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_that_is_no_zone_is_not_one() {
        let folder = tempfile::tempdir().unwrap();
        let zones = Zones::new(folder.path());
        std::fs::write(folder.path().join("Text"), "CET-1\nCET-1\n").unwrap();
        std::fs::write(folder.path().join("Old"), "TZif\0 no footer\nUTC0\n").unwrap();
        let large = format!("TZif2{}\nUTC0\n", "x".repeat(usize::try_from(MAX_ZONE_FILE).unwrap()));
        std::fs::write(folder.path().join("Large"), large).unwrap();
        for name in ["Text", "Old", "Large"] {
            assert!(zones.posix_tz(name).is_err(), "{name}");
        }
    }

    #[test]
    fn no_more_zones_are_searched_than_there_can_be() {
        let (folder, zones) = zones(&[]);
        for i in 0..=MAX_ZONES {
            std::fs::write(folder.path().join(format!("Z{i}")), "").unwrap();
        }
        assert_eq!(zones.all().len(), MAX_ZONES);
    }

    /// Every zone of this machine, if it has any, can be named by its own rules.
    #[test]
    fn the_zones_of_this_machine_are_found_again() {
        let zones = Zones::new(Zones::FOLDER);
        for zone in zones.all() {
            let Ok(tz) = zones.posix_tz(&zone) else { continue };
            assert_eq!(zones.find(&tz, Some(&zone)), Ok(zone));
            let parsed = PosixTz::parse(&tz).unwrap();
            assert_eq!(parsed.to_string(), tz, "the files have the shortest form");
        }
        if let Ok(tz) = zones.posix_tz("Europe/Vienna") {
            assert_eq!(zones.find(&tz, None), Ok("Europe/Berlin".to_owned()));
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so_that_it_reads_the_same(text in "[A-Z]{3,4}-?[0-9]{1,2}(:30)?([A-Z]{3}(-?[0-9])?(,(M[1-9].[1-5].[0-6]|J[1-9]|[0-9])(/-?[0-9]{1,3})?){2})?") {
            if let Some(tz) = PosixTz::parse(&text) {
                prop_assert_eq!(PosixTz::parse(&tz.to_string()), Some(tz));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = PosixTz::parse(&text);
        }
    }
}
