//! Facets: what narrows the values of a parameter, and the text form in which a plugin declares them.
//!
//! The text is `key=value` pairs joined by `;`. Within a value `|` separates alternatives; a backslash takes the
//! special meaning from the character after it. All keys are optional:
//!
//! | key | value | meaning |
//! | --- | --- | --- |
//! | `range` | `LOW:HIGH`, alternatives | numbers; either end may be empty |
//! | `size` | `LOW:HIGH`, alternatives | characters of a string, bytes of a binary value |
//! | `enum` | alternatives | the values allowed |
//! | `enumro` | alternatives | more values, which only the device itself sets |
//! | `pattern` | alternatives | regular expressions, the whole value must match one |
//! | `list` | `LOW:HIGH` | a comma-separated list with so many items; the facets above hold for each item |
//! | `listsize` | `LOW:HIGH` | characters of the whole list |
//! | `default` | text | the value in a new row |
//! | `unique` | alternatives of comma-separated names | unique keys of a table |
//! | `enable` | name | the parameter that makes a row's keys binding |
//! | `ref` | paths, alternatives | the value is a path below one of these tables |
//! | `refkind` | `strong` or `weak` | what happens when the target goes |

use std::fmt::Write as _;

use crate::value::{ValueError, ValueType};

/// The most alternatives a facet may have, the most characters of one declaration.
pub const MAX_ALTERNATIVES: usize = 512;
/// The most characters of one declaration.
pub const MAX_TEXT: usize = 16 * 1024;

/// An interval with open ends allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least value allowed.
    pub low: Option<i128>,
    /// The greatest value allowed.
    pub high: Option<i128>,
}

impl Bounds {
    fn holds(self, n: i128) -> bool {
        self.low.is_none_or(|low| n >= low) && self.high.is_none_or(|high| n <= high)
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.low, self.high) {
            (Some(low), Some(high)) => write!(f, "{low} to {high}"),
            (Some(low), None) => write!(f, "at least {low}"),
            (None, Some(high)) => write!(f, "at most {high}"),
            (None, None) => f.write_str("anything"),
        }
    }
}

/// The facets of one node. An empty field says nothing.
#[derive(Debug, Clone, Default)]
pub struct Facets {
    /// Numbers allowed.
    pub ranges: Vec<Bounds>,
    /// Lengths allowed.
    pub sizes: Vec<Bounds>,
    /// Values allowed to everyone.
    pub enumeration: Vec<String>,
    /// Values that only the device sets.
    pub device_only: Vec<String>,
    /// Regular expressions, each for the whole value.
    pub patterns: Vec<Pattern>,
    /// How many items, if the value is a list.
    pub list: Option<Bounds>,
    /// How many characters the whole list may have.
    pub list_size: Option<Bounds>,
    /// The value in a new row.
    pub default: Option<String>,
    /// Unique keys of a table, each as names of parameters.
    pub unique_keys: Vec<Vec<String>>,
    /// The parameter that makes the keys of a row binding.
    pub enable: Option<String>,
    /// Tables or objects a path may point into.
    pub references: Vec<String>,
    /// Whether a reference is emptied when its target goes.
    pub strong: bool,
}

/// A regular expression that a whole value must match.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    matcher: regex_lite::Regex,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, FacetError> {
        let matcher = regex_lite::RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(64 * 1024)
            .build()
            .map_err(|_| FacetError::Pattern(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), matcher })
    }
}

/// Who wants to give the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giver {
    /// An ACS or a bus client: values that only the device sets are refused.
    Client,
    /// The provider of the parameter.
    Device,
}

/// Why a declaration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FacetError {
    /// There is no such key.
    #[error("unknown facet '{0}'")]
    Key(String),
    /// A `LOW:HIGH` that is none.
    #[error("'{0}' is not LOW:HIGH")]
    Bounds(String),
    /// A regular expression that does not compile.
    #[error("'{0}' is not a regular expression")]
    Pattern(String),
    /// More than [`MAX_ALTERNATIVES`] alternatives or [`MAX_TEXT`] characters.
    #[error("a facet declaration is too long")]
    TooLong,
    /// A reference kind other than strong and weak.
    #[error("'{0}' is neither strong nor weak")]
    ReferenceKind(String),
}

impl Facets {
    /// Reads a declaration.
    pub fn parse(text: &str) -> Result<Self, FacetError> {
        if text.len() > MAX_TEXT {
            return Err(FacetError::TooLong);
        }
        let mut facets = Self::default();
        for pair in split_escaped(text, ';') {
            if pair.is_empty() {
                continue;
            }
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let all = || -> Result<Vec<String>, FacetError> {
                let parts: Vec<_> = split_escaped(value, '|').into_iter().map(unescape).collect();
                if parts.len() > MAX_ALTERNATIVES {
                    return Err(FacetError::TooLong);
                }
                Ok(parts)
            };
            match key {
                "range" => facets.ranges = all_bounds(&all()?)?,
                "size" => facets.sizes = all_bounds(&all()?)?,
                "enum" => facets.enumeration = all()?,
                "enumro" => facets.device_only = all()?,
                "pattern" => {
                    facets.patterns = all()?.iter().map(|p| Pattern::new(p)).collect::<Result<_, _>>()?;
                }
                "list" => facets.list = Some(bounds(value)?),
                "listsize" => facets.list_size = Some(bounds(value)?),
                "default" => facets.default = Some(unescape(value)),
                "unique" => {
                    facets.unique_keys =
                        all()?.iter().map(|key| key.split(',').map(str::to_owned).collect()).collect();
                }
                "enable" => facets.enable = Some(unescape(value)),
                "ref" => facets.references = all()?,
                "refkind" => {
                    facets.strong = match value {
                        "strong" => true,
                        "weak" => false,
                        other => return Err(FacetError::ReferenceKind(other.to_owned())),
                    }
                }
                other => return Err(FacetError::Key(other.to_owned())),
            }
        }
        Ok(facets)
    }

    /// Whether nothing is narrowed and nothing said.
    pub fn is_empty(&self) -> bool {
        self.to_string().is_empty()
    }

    /// Checks a value in canonical form. The error's text says what would be right; fault 9007.
    pub fn check(&self, kind: ValueType, value: &str, giver: Giver) -> Result<(), ValueError> {
        let Some(items) = self.list else { return self.check_item(kind, value, giver) };
        if let Some(size) = self.list_size {
            check_length(size.holds(count(value.chars())), || {
                format!("the list must have {size} characters")
            })?;
        }
        // C143: the empty list is the empty text.
        let parts: Vec<&str> =
            if value.trim().is_empty() { Vec::new() } else { value.split(',').map(str::trim).collect() };
        check_length(items.holds(count(parts.iter())), || format!("the list must have {items} items"))?;
        parts.iter().try_for_each(|part| self.check_item(kind, part, giver))
    }

    fn check_item(&self, kind: ValueType, value: &str, giver: Giver) -> Result<(), ValueError> {
        let facet = |text: String| Err(ValueError::Facet(text));
        if !self.ranges.is_empty() {
            // The range of a decimal is given in whole numbers.
            let whole = value.split('.').next().unwrap_or(value);
            let inside = whole.parse::<i128>().is_ok_and(|n| self.ranges.iter().any(|b| b.holds(n)));
            if !inside {
                return facet(format!("must be {}", join(&self.ranges)));
            }
        }
        if !self.sizes.is_empty() {
            let length = match kind {
                ValueType::HexBinary => count(value.chars()) / 2,
                ValueType::Base64 => {
                    (count(value.chars()) / 4) * 3 - count(value.chars().filter(|c| *c == '='))
                }
                _ => count(value.chars()),
            };
            if !self.sizes.iter().any(|b| b.holds(length)) {
                return facet(format!("must have {} characters, has {length}", join(&self.sizes)));
            }
        }
        let listed = |values: &[String]| values.iter().any(|v| v == value);
        if !self.enumeration.is_empty() && !listed(&self.enumeration) {
            if giver == Giver::Device && listed(&self.device_only) {
                return Ok(());
            }
            return facet(format!("must be one of {}", self.enumeration.join(", ")));
        }
        if !self.patterns.is_empty() && !self.patterns.iter().any(|p| p.matcher.is_match(value)) {
            let all: Vec<_> = self.patterns.iter().map(|p| p.text.as_str()).collect();
            return facet(format!("must match {}", all.join(" or ")));
        }
        Ok(())
    }
}

impl std::fmt::Display for Facets {
    /// Writes the declaration that [`parse`](Facets::parse) reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        let mut put = |key: &str, values: Vec<String>| {
            if !values.is_empty() {
                let sep = if out.is_empty() { "" } else { ";" };
                let _ = write!(out, "{sep}{key}={}", values.join("|"));
            }
        };
        let escaped = |all: &[String]| all.iter().map(|v| escape(v)).collect();
        put("range", self.ranges.iter().map(|b| bounds_text(*b)).collect());
        put("size", self.sizes.iter().map(|b| bounds_text(*b)).collect());
        put("enum", escaped(&self.enumeration));
        put("enumro", escaped(&self.device_only));
        put("pattern", self.patterns.iter().map(|p| escape(&p.text)).collect());
        put("list", self.list.iter().map(|b| bounds_text(*b)).collect());
        put("listsize", self.list_size.iter().map(|b| bounds_text(*b)).collect());
        put("default", self.default.iter().map(|v| escape(v)).collect());
        put("unique", self.unique_keys.iter().map(|k| escape(&k.join(","))).collect());
        put("enable", self.enable.iter().map(|v| escape(v)).collect());
        put("ref", escaped(&self.references));
        put("refkind", if self.strong { vec!["strong".to_owned()] } else { Vec::new() });
        f.write_str(&out)
    }
}

fn check_length(good: bool, text: impl FnOnce() -> String) -> Result<(), ValueError> {
    if good {
        Ok(())
    } else {
        Err(ValueError::Facet(text()))
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> i128 {
    // A count of things in memory fits.
    i128::try_from(items.count()).unwrap_or(i128::MAX)
}

fn join(all: &[Bounds]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn all_bounds(parts: &[String]) -> Result<Vec<Bounds>, FacetError> {
    parts.iter().map(|p| bounds(p)).collect()
}

fn bounds(text: &str) -> Result<Bounds, FacetError> {
    let wrong = || FacetError::Bounds(text.to_owned());
    let (low, high) = text.split_once(':').ok_or_else(wrong)?;
    let end = |s: &str| if s.is_empty() { Ok(None) } else { s.parse().map(Some).map_err(|_| wrong()) };
    Ok(Bounds { low: end(low)?, high: end(high)? })
}

fn bounds_text(b: Bounds) -> String {
    let end = |n: Option<i128>| n.map(|n| n.to_string()).unwrap_or_default();
    format!("{}:{}", end(b.low), end(b.high))
}

/// Splits at a separator that has no backslash before it. The parts keep their backslashes.
fn split_escaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[start..i]);
            start = i + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        // A lone backslash at the end stands for itself.
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ';' | '|' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(facets: &str, kind: ValueType, value: &str) -> Result<(), String> {
        Facets::parse(facets).unwrap().check(kind, value, Giver::Client).map_err(|e| e.to_string())
    }

    /// C107: a value outside its range is refused, and the text says what would be right.
    #[test]
    fn a_number_outside_its_range_is_refused() {
        assert_eq!(check("range=0:255", ValueType::UnsignedInt, "255"), Ok(()));
        assert_eq!(check("range=0:255", ValueType::UnsignedInt, "256"), Err("must be 0 to 255".into()));
        assert_eq!(check("range=-1:-1|30:", ValueType::Int, "-1"), Ok(()));
        assert_eq!(
            check("range=-1:-1|30:", ValueType::Int, "29"),
            Err("must be -1 to -1 or at least 30".into())
        );
    }

    /// C147: the length of a string counts characters, not bytes.
    #[test]
    fn a_length_counts_characters() {
        assert_eq!(check("size=:3", ValueType::String, "äöü"), Ok(()));
        assert!(check("size=:3", ValueType::String, "abcd").is_err());
        assert_eq!(check("size=6:6", ValueType::HexBinary, "00112233AABB"), Ok(()));
        assert_eq!(check("size=:5", ValueType::Base64, "aGVsbG8="), Ok(()));
        assert!(check("size=:4", ValueType::Base64, "aGVsbG8=").is_err());
    }

    #[test]
    fn a_value_only_the_device_sets_is_refused_from_a_client() {
        let facets = Facets::parse("enum=None|Requested;enumro=Complete").unwrap();
        assert!(facets.check(ValueType::String, "Complete", Giver::Client).is_err());
        assert!(facets.check(ValueType::String, "Complete", Giver::Device).is_ok());
        assert!(facets.check(ValueType::String, "Other", Giver::Device).is_err());
    }

    /// C143: items are checked one by one, white space around them does not count, the empty list is the empty text.
    #[test]
    fn a_list_is_checked_item_by_item() {
        let declared = "enum=A|B;list=0:2";
        assert_eq!(check(declared, ValueType::String, ""), Ok(()));
        assert_eq!(check(declared, ValueType::String, "A, B"), Ok(()));
        assert!(check(declared, ValueType::String, "A,C").is_err());
        assert!(check(declared, ValueType::String, "A,B,A").is_err());
        assert!(check("list=0:9;listsize=:4", ValueType::String, "ab,cd").is_err());
    }

    #[test]
    fn a_pattern_holds_for_the_whole_value_and_may_contain_a_bar() {
        let declared = "pattern=(a\\|b)+|x";
        assert_eq!(check(declared, ValueType::String, "abba"), Ok(()));
        assert_eq!(check(declared, ValueType::String, "x"), Ok(()));
        assert!(check(declared, ValueType::String, "xx").is_err());
    }

    #[test]
    fn a_bad_declaration_is_named() {
        assert_eq!(Facets::parse("rnage=1:2").unwrap_err(), FacetError::Key("rnage".into()));
        assert_eq!(Facets::parse("range=1").unwrap_err(), FacetError::Bounds("1".into()));
        assert!(matches!(Facets::parse("pattern=(").unwrap_err(), FacetError::Pattern(_)));
        assert_eq!(Facets::parse(&"x".repeat(MAX_TEXT + 1)).unwrap_err(), FacetError::TooLong);
        let many = format!("enum={}", "|".repeat(MAX_ALTERNATIVES));
        assert_eq!(Facets::parse(&many).unwrap_err(), FacetError::TooLong);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}") {
            let _ = Facets::parse(&text);
        }

        #[test]
        fn values_survive_a_round_trip(values in proptest::collection::vec("[ -~]{1,12}", 1..6), default in "[ -~]{1,12}") {
            let facets = Facets { enumeration: values.clone(), default: Some(default.clone()), ..Facets::default() };
            let again = Facets::parse(&facets.to_string()).unwrap();
            prop_assert_eq!(again.enumeration, values);
            prop_assert_eq!(again.default, Some(default));
        }
    }
}
