//! Paths of parameters, objects, tables and rows.
//!
//! A path is written with dots; an object ends in one, a parameter does not. In a *schema path* the number of a row is
//! written `{i}`; in a *name*, which is what an ACS sends, it is a decimal number (C149).

use crate::fault::{Fault, FaultCode};

/// The longest path that is accepted, in characters (TR-069 A.2.2.1, C148).
pub const MAX_PATH: usize = 256;

/// A checked name: the whole model, a partial path or a full parameter name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// Checks that `text` is a name as an ACS may send it: rows as numbers, no alias and no wildcard.
    ///
    /// The empty text is the whole model.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name stands for everything below it: it is empty or ends in a dot.
    pub fn is_partial(&self) -> bool {
        is_partial(&self.0)
    }

    /// The text, given back.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Longer than [`MAX_PATH`] characters.
    #[error("a path has at most {MAX_PATH} characters")]
    TooLong,
    /// An empty part, a part with a forbidden character, or a row number with leading zeros.
    #[error("not a path: parts are letters, digits, '_' and '-', joined by dots; rows are plain numbers")]
    Malformed,
    /// A row by `[alias]`.
    #[error("rows by [alias] are not supported: AliasBasedAddressing is false")]
    Alias,
    /// A wildcard `*`.
    #[error("'*' is not supported: InstanceWildcardsSupported is false")]
    Wildcard,
}

impl From<PathError> for Fault {
    /// Every bad name is fault 9005 (C107, C207), but an over-long one is an invalid argument.
    fn from(error: PathError) -> Self {
        let code = match error {
            PathError::TooLong => FaultCode::InvalidArguments,
            _ => FaultCode::InvalidParameterName,
        };
        Self::new(code, error.to_string())
    }
}

/// Checks a name without keeping it.
pub fn check(text: &str) -> Result<(), PathError> {
    if text.len() > MAX_PATH && text.chars().count() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    if text.is_empty() {
        return Ok(());
    }
    let body = text.strip_suffix('.').unwrap_or(text);
    for (position, part) in body.split('.').enumerate() {
        match part.as_bytes() {
            [b'[', ..] => return Err(PathError::Alias),
            b"*" => return Err(PathError::Wildcard),
            [first, ..] if first.is_ascii_digit() => {
                // A parameter is never called by a number, and nothing starts with a row.
                let last = position + 1 == body.split('.').count();
                if position == 0 || instance_number(part).is_none() || (last && !text.ends_with('.')) {
                    return Err(PathError::Malformed);
                }
            }
            bytes if is_name(bytes) => {}
            _ => return Err(PathError::Malformed),
        }
    }
    Ok(())
}

/// Whether a name stands for everything below it.
pub fn is_partial(name: &str) -> bool {
    name.is_empty() || name.ends_with('.')
}

/// Whether `name` is `object` or lies below it. `object` ends in a dot or is empty.
pub fn is_under(name: &str, object: &str) -> bool {
    name.starts_with(object)
}

/// The number of a row, if the part of a path is one: a decimal without leading zeros, at least 1.
pub fn instance_number(part: &str) -> Option<u32> {
    if part.is_empty() || part.starts_with('0') || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    part.parse().ok()
}

/// Whether the bytes are the name of an object or parameter: a letter or `_`, then letters, digits, `_` and `-`.
pub fn is_name(part: &[u8]) -> bool {
    matches!(part.first(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'_'))
        && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Splits a row's path `Device.A.3.` into the table `Device.A.` and the number. `None` if it is no row.
pub fn split_row(path: &str) -> Option<(&str, u32)> {
    let body = path.strip_suffix('.')?;
    let dot = body.rfind('.')?;
    Some((&path[..=dot], instance_number(&body[dot + 1..])?))
}

/// The object a name lies in: `Device.A.` for `Device.A.B` and for `Device.A.B.`. The parent of `Device.` is empty.
pub fn parent(path: &str) -> &str {
    let body = path.strip_suffix('.').unwrap_or(path);
    body.rfind('.').map_or("", |dot| &path[..=dot])
}

/// The last part of a path, without dots.
pub fn last_part(path: &str) -> &str {
    let body = path.strip_suffix('.').unwrap_or(path);
    body.rfind('.').map_or(body, |dot| &body[dot + 1..])
}

/// Whether a path, or a part of one, is a vendor's own: a part begins with `X_` (TR-106 3.3).
pub fn is_vendor(path: &str) -> bool {
    path.split('.').any(|part| part.starts_with("X_"))
}

/// The schema path of a name: every row number becomes `{i}`.
pub fn schema_path(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    for (position, part) in name.split('.').enumerate() {
        if position > 0 {
            out.push('.');
        }
        out.push_str(if instance_number(part).is_some() { "{i}" } else { part });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// C149: rows are plain decimals; an alias and a wildcard are refused while they are not supported.
    #[test]
    fn names_are_checked_part_by_part() {
        for good in
            ["", "Device.", "Device.DeviceInfo.SoftwareVersion", "Device.A.1.B-C_d", "Device.A.4294967295."]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            ".",
            "Device..A",
            ".Device",
            "Device.A.01.B",
            "Device.A.0.",
            "Device.1",
            "1.A",
            "Device.A b",
            "Device.{i}.",
            "Device.A.4294967296.",
            "Gerät.",
        ] {
            assert_eq!(check(bad), Err(PathError::Malformed), "{bad}");
        }
        assert_eq!(check("Device.A.[lamp].B"), Err(PathError::Alias));
        assert_eq!(check("Device.A.*.B"), Err(PathError::Wildcard));
    }

    /// C148: the whole path has at most 256 characters.
    #[test]
    fn a_path_of_257_characters_is_too_long() {
        let path = |n: usize| format!("Device.{}", "x".repeat(n - 7));
        assert_eq!(check(&path(MAX_PATH)), Ok(()));
        assert_eq!(check(&path(MAX_PATH + 1)), Err(PathError::TooLong));
    }

    #[test]
    fn a_row_is_split_into_table_and_number() {
        assert_eq!(split_row("Device.A.3."), Some(("Device.A.", 3)));
        assert_eq!(split_row("Device.A.3"), None);
        assert_eq!(split_row("Device.A."), None);
        assert_eq!(parent("Device.A.3."), "Device.A.");
        assert_eq!(parent("Device."), "");
        assert_eq!(last_part("Device.A.3."), "3");
        assert_eq!(schema_path("Device.A.3.B.12."), "Device.A.{i}.B.{i}.");
    }

    proptest! {
        #[test]
        fn checking_never_panics(text in "\\PC{0,60}") {
            let _ = check(&text);
        }
    }
}
