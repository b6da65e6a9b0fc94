//! How entries are written to the store.

use super::MAX_VALUE;
use crate::{Effect, Error, Kind};

/// Before every value and row.
pub(super) const SETTINGS: &str = "settings/";
/// The key of the committed transaction, and the beginning of the keys of what it replaced.
pub(super) const UNDO: &str = "undo";

/// The key of a value or row.
pub(super) fn kept(name: &str) -> String {
    format!("{SETTINGS}{name}")
}

/// The key of what a transaction replaced.
pub(super) fn undone(name: &str) -> String {
    format!("{UNDO}/{name}")
}

/// What is kept of what was there: `-` for nothing.
pub(super) fn write_old(old: Option<&str>) -> String {
    old.map_or_else(|| "-".to_owned(), |text| format!("+{text}"))
}

/// The other direction.
pub(super) fn read_old(text: &str) -> Option<String> {
    text.strip_prefix('+').map(str::to_owned)
}

/// The committed transaction and when it is in force.
pub(super) fn write_header(txn: u64, effect: Effect) -> String {
    let effect = match effect {
        Effect::Now => 0,
        Effect::AfterSession => 1,
        Effect::AfterReboot => 2,
    };
    format!("{txn} {effect}")
}

/// The other direction.
pub(super) fn read_header(text: &str) -> Option<(u64, Effect)> {
    let (txn, effect) = text.split_once(' ')?;
    let effect = match effect {
        "0" => Effect::Now,
        "1" => Effect::AfterSession,
        "2" => Effect::AfterReboot,
        _ => return None,
    };
    Some((txn.parse().ok()?, effect))
}

/// The value in the form that is kept.
pub(super) fn value_of(kind: Kind, text: &str) -> Result<String, Error> {
    let value = kind
        .canonical(text)
        .ok_or_else(|| Error::kind(format!("'{}' is of another type", text.get(..40).unwrap_or(text))))?;
    if value.len() > MAX_VALUE {
        return Err(Error::resources(format!("a value has more than {MAX_VALUE} bytes")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_old_values_come_back() {
        for effect in [Effect::Now, Effect::AfterSession, Effect::AfterReboot] {
            assert_eq!(read_header(&write_header(7, effect)), Some((7, effect)));
        }
        assert_eq!(read_header("seven 0"), None);
        assert_eq!(read_old(&write_old(Some(""))), Some(String::new()));
        assert_eq!(read_old(&write_old(None)), None);
    }
}
