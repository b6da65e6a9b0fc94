//! How entries are written to the store.

use super::{Delta, MAX_VALUE};
use crate::{Effect, Error, Kind};

/// Before every value and row.
pub(super) const SETTINGS: &str = "settings/";
/// The key of the committed transaction, and the beginning of the keys of what it replaced.
pub(super) const UNDO: &str = "undo";
/// The key that says to which transaction the keys beside it belong. It is written with them.
pub(super) const BEGUN: &str = "undo/";

/// The key of a value or row.
pub(super) fn kept(name: &str) -> String {
    format!("{SETTINGS}{name}")
}

/// The key of what a transaction replaced.
pub(super) fn undone(name: &str) -> String {
    format!("{UNDO}/{name}")
}

/// Before the keys of what the device had when a transaction was prepared.
pub(super) const PREPARED: &str = "undo-prepared/";
/// Bytes of one of them, about.
const PREPARED_SIZE: usize = MAX_VALUE / 2;

/// What the device had, in as many texts as it takes: the transaction, then a line for each name.
pub(super) fn write_prepared(txn: u64, before: &Delta) -> Vec<String> {
    let mut texts = vec![txn.to_string()];
    for (name, old) in before {
        let old = write_old(old.as_deref()).replace('\\', "\\\\").replace('\n', "\\n");
        let mut text = texts.pop().unwrap_or_default();
        if text.len() + name.len() + old.len() > PREPARED_SIZE && text.contains('\n') {
            texts.push(std::mem::replace(&mut text, txn.to_string()));
        }
        text = text + "\n" + name + "=" + &old;
        texts.push(text);
    }
    texts
}

/// The other direction, for one of the texts.
pub(super) fn read_prepared(text: &str) -> Option<(u64, Delta)> {
    let mut lines = text.split('\n');
    let txn = lines.next()?.parse().ok()?;
    let mut before = Delta::new();
    for line in lines {
        let (name, old) = line.split_once('=')?;
        let (mut plain, mut chars) = (String::with_capacity(old.len()), old.chars());
        while let Some(c) = chars.next() {
            plain.push(match c {
                '\\' if chars.next()? == 'n' => '\n',
                c => c,
            });
        }
        before.insert(name.to_owned(), read_old(&plain));
    }
    Some((txn, before))
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

    #[test]
    fn what_the_device_had_comes_back_whatever_it_was() {
        let mut before = Delta::new();
        for (name, old) in
            [("A", Some("x=\\n\n\\")), ("B.1.", Some("=eth0")), ("B.1.C", None), ("D", Some(""))]
        {
            before.insert(name.to_owned(), old.map(str::to_owned));
        }
        let texts = write_prepared(7, &before);
        assert_eq!((texts.len(), read_prepared(&texts[0])), (1, Some((7, before))));
        assert_eq!(read_prepared("seven\nA=+"), None);
        assert_eq!(read_prepared("7\nA"), None);

        let long = |name: &str| (name.to_owned(), Some("x".repeat(MAX_VALUE - 1)));
        let before: Delta = [long("A"), long("B")].into();
        let texts = write_prepared(7, &before);
        assert_eq!(texts.len(), 2);
        assert_eq!(read_prepared(&texts[1]).unwrap().1.len(), 1);
    }
}
