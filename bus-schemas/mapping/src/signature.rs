//! Types of D-Bus, as signatures write them.

use std::fmt;

/// How deep types may be nested; half of what the bus allows, which nobody needs.
pub const MAX_DEPTH: usize = 16;
/// The longest signature, in bytes, as on the bus.
pub const MAX_SIGNATURE: usize = 255;

/// One complete type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `y`, a byte.
    Byte,
    /// `b`
    Bool,
    /// `n`
    I16,
    /// `q`
    U16,
    /// `i`
    I32,
    /// `u`
    U32,
    /// `x`
    I64,
    /// `t`
    U64,
    /// `d`
    Double,
    /// `s`
    Text,
    /// `o`
    Path,
    /// `g`
    Signature,
    /// `h`, a file descriptor, which no mapping can use.
    File,
    /// `v`
    Variant,
    /// `a` and a type.
    Array(Box<Type>),
    /// `a{..}`, keys and values.
    Dict(Box<Type>, Box<Type>),
    /// `(..)`
    Struct(Vec<Type>),
}

impl Type {
    /// The one complete type that a text is.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = parse_all(text)?;
        let only = all.pop()?;
        all.is_empty().then_some(only)
    }

    /// Whether it is one of the integer types.
    pub fn is_integer(&self) -> bool {
        self.bounds().is_some()
    }

    /// The least and the greatest integer of the type.
    pub fn bounds(&self) -> Option<(i128, i128)> {
        Some(match self {
            Self::Byte => (0, u8::MAX.into()),
            Self::I16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::I32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::I64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
            _ => return None,
        })
    }
}

/// The complete types of a signature, such as the arguments of a method; `None` if it is none.
pub fn parse_all(text: &str) -> Option<Vec<Type>> {
    if text.len() > MAX_SIGNATURE {
        return None;
    }
    let mut rest = text.as_bytes();
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(one(&mut rest, 0)?);
    }
    Some(all)
}

fn one(rest: &mut &[u8], depth: usize) -> Option<Type> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(match first {
        b'y' => Type::Byte,
        b'b' => Type::Bool,
        b'n' => Type::I16,
        b'q' => Type::U16,
        b'i' => Type::I32,
        b'u' => Type::U32,
        b'x' => Type::I64,
        b't' => Type::U64,
        b'd' => Type::Double,
        b's' => Type::Text,
        b'o' => Type::Path,
        b'g' => Type::Signature,
        b'h' => Type::File,
        b'v' => Type::Variant,
        b'a' if rest.first() == Some(&b'{') => {
            *rest = &rest[1..];
            let (key, value) = (one(rest, depth + 1)?, one(rest, depth + 1)?);
            let basic = !matches!(key, Type::Variant | Type::Array(_) | Type::Dict(..) | Type::Struct(_));
            let after = rest.strip_prefix(b"}").filter(|_| basic)?;
            *rest = after;
            Type::Dict(Box::new(key), Box::new(value))
        }
        b'a' => Type::Array(Box::new(one(rest, depth + 1)?)),
        b'(' => {
            let mut members = Vec::new();
            loop {
                if let Some(after) = rest.strip_prefix(b")") {
                    *rest = after;
                    break;
                }
                members.push(one(rest, depth + 1)?);
            }
            if members.is_empty() {
                return None;
            }
            Type::Struct(members)
        }
        _ => return None,
    })
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self {
            Self::Byte => "y",
            Self::Bool => "b",
            Self::I16 => "n",
            Self::U16 => "q",
            Self::I32 => "i",
            Self::U32 => "u",
            Self::I64 => "x",
            Self::U64 => "t",
            Self::Double => "d",
            Self::Text => "s",
            Self::Path => "o",
            Self::Signature => "g",
            Self::File => "h",
            Self::Variant => "v",
            Self::Array(item) => return write!(f, "a{item}"),
            Self::Dict(key, value) => return write!(f, "a{{{key}{value}}}"),
            Self::Struct(members) => {
                f.write_str("(")?;
                members.iter().try_for_each(|m| m.fmt(f))?;
                return f.write_str(")");
            }
        };
        f.write_str(letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signatures_are_read() {
        assert_eq!(Type::parse("a{sv}"), Some(Type::Dict(Type::Text.into(), Type::Variant.into())));
        assert_eq!(parse_all("sb"), Some(vec![Type::Text, Type::Bool]));
        assert_eq!(parse_all(""), Some(vec![]));
        for wrong in ["a", "(", "()", "(s", "a{s}", "a{vs}", "a{sv", "z", "s)", "{sv}"] {
            assert_eq!(parse_all(wrong), None, "{wrong}");
        }
        assert_eq!(Type::parse("ss"), None);
    }

    #[test]
    fn types_are_not_nested_without_end() {
        assert!(Type::parse(&format!("{}s", "a".repeat(MAX_DEPTH))).is_some());
        assert!(Type::parse(&format!("{}s", "a".repeat(MAX_DEPTH + 1))).is_none());
        assert!(parse_all(&"s".repeat(MAX_SIGNATURE)).is_some());
        assert!(parse_all(&"s".repeat(MAX_SIGNATURE + 1)).is_none());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "[ybnqiuxtdsogva(){}]{0,12}") {
            if let Some(all) = parse_all(&text) {
                prop_assert_eq!(all.iter().map(ToString::to_string).collect::<String>(), text);
            }
        }
    }
}
