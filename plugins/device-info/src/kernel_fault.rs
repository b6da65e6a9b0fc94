//! What the kernel wrote down as it died, from the persistent store (pstore) or from where systemd puts it.

use std::time::UNIX_EPOCH;

use cwmp_plugin_sdk::{Answer, DateTime, Error, Row};

use crate::files::Files;

pub(crate) const TABLE: &str = "KernelFaults.KernelFault.";
/// The most records that are told: those whose names come first.
pub(crate) const MAX_FAULTS: usize = 128;
/// The beginning of a record, which has the reason.
const BEGINNING: u64 = 4_096;
/// Characters of a reason.
const REASON: usize = 256;

/// The records in a folder. A dump of many parts is told by its first part.
pub(crate) fn rows(files: &Files, folder: &str) -> Vec<Row> {
    let Ok(entries) = std::fs::read_dir(files.path(folder)) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("dmesg-")).collect();
    names.sort_unstable();
    names.truncate(MAX_FAULTS);
    names.into_iter().map(Row::keyed).collect()
}

/// Answers a parameter of a record.
pub(crate) fn answer(
    files: &Files,
    folder: &str,
    record: &str,
    i: usize,
    leaf: &str,
    answer: &mut Answer<'_>,
) -> Result<(), Error> {
    let path = files.path(folder).join(record);
    let gone = |_| Error::name(format!("there is no record {record}"));
    match leaf {
        "FaultLocation" => answer.value(i, record),
        "TimeStamp" => {
            let written = std::fs::metadata(&path).and_then(|about| about.modified()).map_err(gone)?;
            let seconds = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            answer.value(i, i64::try_from(seconds).map_or(DateTime::UNKNOWN, DateTime::from_unix));
        }
        "Reason" => answer.value(i, reason(&beginning(&path).map_err(gone)?)),
        _ => return Err(Error::name(format!("a record has no {leaf}"))),
    }
    Ok(())
}

fn beginning(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `Panic#1 Part1` is the kernel's first line; what it says of itself further down is better.
fn reason(text: &str) -> String {
    const SAYS: [&str; 4] = ["Kernel panic", "Unable to handle", "Internal error", "BUG:"];
    let said = text.lines().find_map(|line| SAYS.iter().find_map(|word| Some(&line[line.find(word)?..])));
    said.or_else(|| text.lines().next()).unwrap_or("Unknown").trim().chars().take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_the_kernel_says() {
        let text =
            "Panic#2 Part1\n<4>[   12.1] foo\n<0>[   12.3] Kernel panic - not syncing: Fatal exception\n";
        assert_eq!(reason(text), "Kernel panic - not syncing: Fatal exception");
        assert_eq!(reason("Oops#1 Part1\n<4>[ 1.0] x\n"), "Oops#1 Part1");
        assert_eq!(reason(""), "Unknown");
        assert_eq!(reason(&"x".repeat(2 * REASON)).len(), REASON);
    }
}
