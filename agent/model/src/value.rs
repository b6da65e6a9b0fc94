//! Values in XML Schema lexical form, and their types.

use std::borrow::Cow;

use crate::date_time;

/// The type of a parameter, as TR-106 3.2 names it.
///
/// The numbers are those of the plugin ABI and of `org.cwmpd1.Provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ValueType {
    /// Any text.
    String = 1,
    /// A signed number of 32 bits.
    Int = 2,
    /// An unsigned number of 32 bits.
    UnsignedInt = 3,
    /// A signed number of 64 bits.
    Long = 4,
    /// An unsigned number of 64 bits.
    UnsignedLong = 5,
    /// `0`, `1`, `false` or `true`.
    Boolean = 6,
    /// A moment, see [`date_time`].
    DateTime = 7,
    /// Bytes as base64.
    Base64 = 8,
    /// Bytes as pairs of hexadecimal digits.
    HexBinary = 9,
    /// A number with an optional fraction, no exponent.
    Decimal = 10,
}

impl ValueType {
    /// Every type, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::String,
        Self::Int,
        Self::UnsignedInt,
        Self::Long,
        Self::UnsignedLong,
        Self::Boolean,
        Self::DateTime,
        Self::Base64,
        Self::HexBinary,
        Self::Decimal,
    ];

    /// The type's number on the bus and in the plugin ABI, 1 to 10.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The type with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name of the type in XML Schema, without a prefix.
    ///
    /// It is also the name that `org.cwmpd1.DataModel` uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::UnsignedInt => "unsignedInt",
            Self::Long => "long",
            Self::UnsignedLong => "unsignedLong",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Base64 => "base64",
            Self::HexBinary => "hexBinary",
            Self::Decimal => "decimal",
        }
    }

    /// The `xsi:type` value this type is sent with. `base64` has another name in XML Schema.
    pub fn xsi_type(self) -> &'static str {
        match self {
            Self::String => "xsd:string",
            Self::Int => "xsd:int",
            Self::UnsignedInt => "xsd:unsignedInt",
            Self::Long => "xsd:long",
            Self::UnsignedLong => "xsd:unsignedLong",
            Self::Boolean => "xsd:boolean",
            Self::DateTime => "xsd:dateTime",
            Self::Base64 => "xsd:base64Binary",
            Self::HexBinary => "xsd:hexBinary",
            Self::Decimal => "xsd:decimal",
        }
    }

    /// The type with this name, by [`name`](Self::name) or by its XML Schema or SOAP encoding name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "base64Binary" => Self::Base64,
            _ => *Self::ALL.iter().find(|t| t.name() == name)?,
        })
    }

    /// Checks `text` against the lexical form of the type and brings it into the form we send (C100, C101, C142).
    ///
    /// White space around anything but a string is dropped. Booleans become `true` or `false`, numbers lose a `+` and
    /// leading zeros, hexadecimal digits become upper case, a moment is moved to UTC.
    pub fn canonical(self, text: &str) -> Result<Cow<'_, str>, ValueError> {
        if self == Self::String {
            return if text.chars().all(is_xml_char) {
                Ok(Cow::Borrowed(text))
            } else {
                Err(ValueError::NotXml)
            };
        }
        let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
        let wrong = || ValueError::Lexical { expected: self };
        match self {
            Self::String => unreachable!("handled above"),
            Self::Int => integer(trimmed, i128::from(i32::MIN), i128::from(i32::MAX)).ok_or_else(wrong),
            Self::UnsignedInt => integer(trimmed, 0, i128::from(u32::MAX)).ok_or_else(wrong),
            Self::Long => integer(trimmed, i128::from(i64::MIN), i128::from(i64::MAX)).ok_or_else(wrong),
            Self::UnsignedLong => integer(trimmed, 0, i128::from(u64::MAX)).ok_or_else(wrong),
            Self::Boolean => match trimmed {
                "1" | "true" => Ok(Cow::Borrowed("true")),
                "0" | "false" => Ok(Cow::Borrowed("false")),
                _ => Err(wrong()),
            },
            Self::DateTime => date_time::canonical(trimmed).map(Cow::Owned).ok_or_else(wrong),
            Self::Base64 => base64(trimmed).ok_or_else(wrong),
            Self::HexBinary => {
                let good = trimmed.len() % 2 == 0 && trimmed.bytes().all(|b| b.is_ascii_hexdigit());
                if !good {
                    Err(wrong())
                } else if trimmed.bytes().any(|b| b.is_ascii_lowercase()) {
                    Ok(Cow::Owned(trimmed.to_ascii_uppercase()))
                } else {
                    Ok(Cow::Borrowed(trimmed))
                }
            }
            Self::Decimal => decimal(trimmed).ok_or_else(wrong),
        }
    }

    /// The value a parameter of this type has when nothing is known: empty, zero, false or the Unknown Time.
    pub fn zero(self) -> &'static str {
        match self {
            Self::String | Self::Base64 | Self::HexBinary => "",
            Self::Int | Self::UnsignedInt | Self::Long | Self::UnsignedLong | Self::Decimal => "0",
            Self::Boolean => "false",
            Self::DateTime => date_time::UNKNOWN,
        }
    }
}

impl std::fmt::Display for ValueType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A value with its type. The text is in the type's lexical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The type.
    pub kind: ValueType,
    /// The lexical form.
    pub text: String,
}

impl Value {
    /// A value of `kind` from text that is known to be in its form.
    pub fn new(kind: ValueType, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// A text.
    pub fn string(text: impl Into<String>) -> Self {
        Self::new(ValueType::String, text)
    }

    /// An unsigned number of 32 bits.
    pub fn unsigned(number: u32) -> Self {
        Self::new(ValueType::UnsignedInt, number.to_string())
    }

    /// A truth value, as `true` or `false`.
    pub fn boolean(truth: bool) -> Self {
        Self::new(ValueType::Boolean, if truth { "true" } else { "false" })
    }
}

/// Why a text is not a value of its type or breaks one of its facets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The text is not in the lexical form of the type; fault 9006.
    #[error("not a value of type {expected}")]
    Lexical {
        /// The type the parameter has.
        expected: ValueType,
    },
    /// The text has a character that XML 1.0 forbids; fault 9007.
    #[error("the text has a character that XML does not allow")]
    NotXml,
    /// The value is of the right type but breaks a facet; fault 9007. The text says what would be right.
    #[error("{0}")]
    Facet(String),
}

/// Whether XML 1.0 allows this character (its production `Char`).
pub fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn integer(text: &str, low: i128, high: i128) -> Option<Cow<'_, str>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let bare = digits.trim_start_matches('0');
    // 20 digits hold every number of 64 bits, and keep the parse below within 128.
    if bare.len() > 20 {
        return None;
    }
    let magnitude: i128 = if bare.is_empty() { 0 } else { bare.parse().ok()? };
    let number = if negative { -magnitude } else { magnitude };
    if number < low || number > high {
        return None;
    }
    let already = !text.starts_with('+') && (digits == "0" && !negative || bare.len() == digits.len());
    Some(if already { Cow::Borrowed(text) } else { Cow::Owned(number.to_string()) })
}

fn decimal(text: &str) -> Option<Cow<'_, str>> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    let sign = if whole == "0" && fraction.is_empty() { "" } else { sign };
    let canonical =
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    Some(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

fn base64(text: &str) -> Option<Cow<'_, str>> {
    // XML Schema allows white space between the characters; a form feed is none of it.
    let is_space = |c| matches!(c, ' ' | '\t' | '\r' | '\n');
    let dense: Cow<'_, str> = if text.contains(is_space) {
        Cow::Owned(text.chars().filter(|c| !is_space(*c)).collect())
    } else {
        Cow::Borrowed(text)
    };
    let body = dense.trim_end_matches('=');
    let padding = dense.len() - body.len();
    let alphabet = body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    (dense.len() % 4 == 0 && padding <= 2 && alphabet).then_some(dense)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ok(kind: ValueType, text: &str) -> String {
        kind.canonical(text).unwrap().into_owned()
    }

    /// C100: booleans in all four forms, with white space around.
    #[test]
    fn booleans_are_read_in_all_forms_and_white_space_is_dropped() {
        assert_eq!(ok(ValueType::Boolean, " 1\r\n"), "true");
        assert_eq!(ok(ValueType::Boolean, "false"), "false");
        assert_eq!(ok(ValueType::Boolean, "0"), "false");
        assert!(ValueType::Boolean.canonical("yes").is_err());
        assert!(ValueType::Boolean.canonical("").is_err());
    }

    /// C101: leading plus, leading zeros and white space are part of the lexical form.
    #[test]
    fn numbers_lose_what_does_not_change_them() {
        assert_eq!(ok(ValueType::UnsignedInt, " +007 "), "7");
        assert_eq!(ok(ValueType::Int, "-0"), "0");
        assert_eq!(ok(ValueType::Int, "000"), "0");
        assert_eq!(ok(ValueType::Int, "-2147483648"), "-2147483648");
        assert!(ValueType::Int.canonical("2147483648").is_err());
        assert!(ValueType::UnsignedInt.canonical("-1").is_err());
        assert!(ValueType::UnsignedInt.canonical("4294967296").is_err());
        assert_eq!(ok(ValueType::UnsignedLong, "18446744073709551615"), "18446744073709551615");
        assert!(ValueType::UnsignedLong.canonical("18446744073709551616").is_err());
        assert!(ValueType::Long.canonical("99999999999999999999999999999999999999999").is_err());
        assert_eq!(ok(ValueType::Decimal, "+01.50"), "1.5");
        assert_eq!(ok(ValueType::Decimal, "-.0"), "0");
        assert!(ValueType::Decimal.canonical(".").is_err());
        assert!(ValueType::Decimal.canonical("1e3").is_err());
    }

    /// C101: hexBinary is sent in upper case; base64 may have white space inside.
    #[test]
    fn binary_values_are_checked() {
        assert_eq!(ok(ValueType::HexBinary, "00ff"), "00FF");
        assert!(ValueType::HexBinary.canonical("0").is_err());
        assert_eq!(ok(ValueType::Base64, "aGVs\nbG8="), "aGVsbG8=");
        assert!(ValueType::Base64.canonical("a===").is_err());
        assert!(ValueType::Base64.canonical("aGVs\u{c}bG8=").is_err());
    }

    /// C14: characters that XML forbids never reach a message.
    #[test]
    fn a_string_with_a_control_character_is_refused() {
        assert_eq!(ValueType::String.canonical("a\u{1}b"), Err(ValueError::NotXml));
        assert_eq!(ok(ValueType::String, " a\tb "), " a\tb ");
    }

    #[test]
    fn every_type_has_its_own_number_and_name() {
        for kind in ValueType::ALL {
            assert_eq!(ValueType::from_number(kind.number()), Some(kind));
            assert_eq!(ValueType::from_name(kind.name()), Some(kind));
            assert!(kind.canonical(kind.zero()).is_ok());
        }
        assert_eq!(ValueType::from_number(0), None);
        assert_eq!(ValueType::from_number(11), None);
    }

    proptest! {
        #[test]
        fn a_canonical_value_stays_as_it_is(number in 1u8..=10, text in "[ -~\\t\\n]{0,30}") {
            let kind = ValueType::from_number(number).unwrap();
            if let Ok(once) = kind.canonical(&text) {
                prop_assert_eq!(kind.canonical(&once).unwrap(), once.clone());
            }
        }

        #[test]
        fn every_number_of_64_bits_is_a_long(n: i64) {
            prop_assert_eq!(ok(ValueType::Long, &n.to_string()), n.to_string());
        }
    }
}
