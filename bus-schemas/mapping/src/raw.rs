//! Values of D-Bus without their widths: what conversions work on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::signature::Type;

/// A value as a service gives it. Variants are gone: what they hold stands in their place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Raw {
    /// True or false.
    Bool(bool),
    /// Any of the integer types.
    Int(i64),
    /// A number that only the largest type takes: above `i64::MAX`.
    Large(u64),
    /// A floating point number.
    Double(f64),
    /// A text or a signature.
    Text(String),
    /// An object path.
    Path(String),
    /// An array of bytes.
    Bytes(Vec<u8>),
    /// An array of anything else.
    List(Vec<Raw>),
    /// A structure.
    Struct(Vec<Raw>),
    /// A dictionary.
    Dict(Vec<(Raw, Raw)>),
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// The member of a structure or the item of an array at a position; negative ones count from the end.
    Index(i64),
    /// The value of a dictionary under a key, which is compared as text.
    Key(String),
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(key) => write!(f, "[\"{key}\"]"),
        }
    }
}

impl Raw {
    /// An integer, whatever its type was.
    pub fn integer(&self) -> Option<i128> {
        match self {
            Self::Int(n) => Some((*n).into()),
            Self::Large(n) => Some((*n).into()),
            _ => None,
        }
    }

    /// From an integer; `None` if no type of D-Bus takes it.
    pub fn from_integer(n: i128) -> Option<Self> {
        i64::try_from(n).map(Self::Int).or_else(|_| u64::try_from(n).map(Self::Large)).ok()
    }

    /// The text under which a scalar stands in `values` and keys: `true`, `42`, `running`, `/org/x`.
    pub fn key_text(&self) -> Option<String> {
        Some(match self {
            Self::Bool(truth) => truth.to_string(),
            Self::Int(n) => n.to_string(),
            Self::Large(n) => n.to_string(),
            Self::Double(n) => n.to_string(),
            Self::Text(text) | Self::Path(text) => text.clone(),
            Self::Bytes(_) | Self::List(_) | Self::Struct(_) | Self::Dict(_) => return None,
        })
    }

    /// The scalar of this type that a key text stands for.
    pub fn from_key_text(text: &str, of: &Type) -> Option<Self> {
        match of {
            Type::Bool => text.parse().ok().map(Self::Bool),
            Type::Double => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Self::Double),
            Type::Text | Type::Signature => Some(Self::Text(text.to_owned())),
            Type::Path => is_object_path(text).then(|| Self::Path(text.to_owned())),
            other => {
                let (low, high) = other.bounds()?;
                let n: i128 = integer(text)?;
                (low..=high).contains(&n).then(|| Self::from_integer(n))?
            }
        }
    }

    /// What lies at the end of these steps.
    pub fn at(&self, steps: &[Element]) -> Option<&Self> {
        let Some((first, rest)) = steps.split_first() else { return Some(self) };
        let next = match (self, first) {
            (Self::List(items) | Self::Struct(items), Element::Index(index)) => {
                let length = i64::try_from(items.len()).ok()?;
                let index = if *index < 0 { length.checked_add(*index)? } else { *index };
                items.get(usize::try_from(index).ok()?)?
            }
            (Self::Dict(entries), Element::Key(key)) => {
                &entries.iter().find(|(k, _)| k.key_text().as_deref() == Some(key))?.1
            }
            _ => return None,
        };
        next.at(rest)
    }

    /// Whether there is nothing in it: an empty text, path `/`, array or dictionary.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Path(path) => path == "/",
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Dict(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Large(_) => "an integer",
            Self::Double(_) => "a floating point number",
            Self::Text(_) => "a text",
            Self::Path(_) => "an object path",
            Self::Bytes(_) => "an array of bytes",
            Self::List(_) => "an array",
            Self::Struct(_) => "a structure",
            Self::Dict(_) => "a dictionary",
        }
    }
}

/// An integer in decimal or, with `0x`, in hexadecimal digits.
pub(crate) fn integer(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            i128::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// Whether a text is an object path of D-Bus.
pub fn is_object_path(text: &str) -> bool {
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    text == "/" || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

/// Whether a text is the name of an interface, or of an error.
pub fn is_interface(text: &str) -> bool {
    text.len() <= 255 && text.contains('.') && text.split('.').all(is_member)
}

/// Whether a text is the name of a method, a property or a signal.
pub fn is_member(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a text is a well-known name on the bus.
pub fn is_bus_name(text: &str) -> bool {
    let part = |p: &str| {
        let first = p.bytes().next().is_some_and(|b| !b.is_ascii_digit());
        first && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    text.len() <= 255 && text.contains('.') && text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_into_a_value() {
        let text = |t: &str| Raw::Text(t.to_owned());
        let value = Raw::Dict(vec![
            (text("rssi"), Raw::Double(-65.0)),
            (text("all"), Raw::Struct(vec![Raw::Int(1), Raw::List(vec![text("a"), text("b")])])),
        ]);
        let key = |k: &str| Element::Key(k.to_owned());
        assert_eq!(value.at(&[key("rssi")]), Some(&Raw::Double(-65.0)));
        assert_eq!(value.at(&[key("all"), Element::Index(1), Element::Index(-1)]), Some(&text("b")));
        for wrong in [vec![key("none")], vec![Element::Index(0)], vec![key("all"), Element::Index(2)]] {
            assert_eq!(value.at(&wrong), None);
        }
        assert_eq!(value.at(&[key("all"), Element::Index(i64::MIN)]), None);
    }

    #[test]
    fn scalars_are_read_from_their_texts() {
        assert_eq!(Raw::from_key_text("0x10", &Type::U32), Some(Raw::Int(16)));
        assert_eq!(Raw::from_key_text("-1", &Type::U32), None);
        assert_eq!(Raw::from_key_text("300", &Type::Byte), None);
        assert_eq!(Raw::from_key_text("18446744073709551615", &Type::U64), Some(Raw::Large(u64::MAX)));
        assert_eq!(Raw::from_key_text("true", &Type::Bool), Some(Raw::Bool(true)));
        assert_eq!(Raw::from_key_text("no/path", &Type::Path), None);
        assert_eq!(Raw::from_key_text("NaN", &Type::Double), None);
    }

    #[test]
    fn names_are_told_from_others() {
        assert!(
            is_object_path("/")
                && is_object_path("/org/a_1")
                && !is_object_path("/org/")
                && !is_object_path("a")
        );
        assert!(is_interface("org.a") && !is_interface("org") && !is_interface("org.1a"));
        assert!(is_member("Get") && !is_member("Get()") && !is_member(""));
        assert!(is_bus_name("org.a-b") && !is_bus_name(":1.2") && !is_bus_name("org"));
    }
}
