//! Facets: what narrows the values of a parameter, and the text form in which a plugin declares them.
//!
//! The text is `key=value` pairs joined by `;`. Within a value `|` separates alternatives; a backslash takes the
//! special meaning from the character after it. All keys are optional:
//!
//! | key | value | meaning |
//! | --- | --- | --- |
//! | `range` | `LOW:HIGH` or `LOW:HIGH/STEP`, alternatives | numbers; either end may be empty; steps count from `LOW` |
//! | `size` | `LOW:HIGH`, alternatives | characters of a string, bytes of a binary value |
//! | `enum` | alternatives | the values allowed |
//! | `enumro` | alternatives | more values, which only the device itself sets |
//! | `pattern` | alternatives | regular expressions, the whole value must match one |
//! | `list` | `LOW:HIGH` | a comma-separated list with so many items; the facets above hold for each item |
//! | `listsize` | `LOW:HIGH`, alternatives | characters of the whole list |
//! | `item` | the name of a type | the type of each item of a list, if it is not a string |
//! | `nested` | `LOW:HIGH` or nothing | each item of the list stands in brackets: a list of its own with so many items, or a text |
//! | `default` | text | the value in a new row |
//! | `factory` | text | the value after a factory reset |
//! | `unique` | alternatives of comma-separated names | unique keys of a table |
//! | `key` | alternatives of comma-separated names | unique keys that bind also rows that are not enabled |
//! | `enable` | name | the parameter that makes a row's keys binding |
//! | `ref` | paths, alternatives | the value is a path below one of these tables |
//! | `refkind` | `strong` or `weak` | what happens when the target goes |
//! | `reftype` | `row`, `object`, `parameter` or `any` | what the target is |
//! | `enumref` | a path | the values allowed are those in the list that stands there |
//! | `enumnull` | text | one more value beside those of `enumref`, which means none of them |

mod check;
mod narrow;

use std::fmt::Write as _;

use crate::value::ValueType;

/// The most alternatives a facet may have, the most characters of one declaration.
pub const MAX_ALTERNATIVES: usize = 512;
/// The most characters of one declaration.
pub const MAX_TEXT: usize = 16 * 1024;
/// The most bytes of a regular expression once it is compiled; those of the standard take up to 4 KiB.
pub const MAX_PATTERN: usize = 16 * 1024;

/// An interval with open ends allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least value allowed.
    pub low: Option<i128>,
    /// The greatest value allowed.
    pub high: Option<i128>,
    /// The distance of the values allowed, from `low` or else from zero; `None` is every value.
    pub step: Option<i128>,
}

impl Bounds {
    /// Whether a number lies inside, on a step.
    pub fn holds(self, n: i128) -> bool {
        let on_step =
            |step| n.checked_sub(self.low.unwrap_or(0)).and_then(|n| n.checked_rem(step)) == Some(0);
        self.low.is_none_or(|low| n >= low)
            && self.high.is_none_or(|high| n <= high)
            && self.step.is_none_or(on_step)
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.low, self.high) {
            (Some(low), Some(high)) => write!(f, "{low} to {high}"),
            (Some(low), None) => write!(f, "at least {low}"),
            (None, Some(high)) => write!(f, "at most {high}"),
            (None, None) => f.write_str("anything"),
        }?;
        self.step.map_or(Ok(()), |step| write!(f, " in steps of {step}"))
    }
}

/// What stands in the brackets around each item of a nested list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nested {
    /// One text, which may contain commas.
    Text,
    /// A list with so many items.
    List(Bounds),
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A row of a table.
    Row,
    /// An object that is no row.
    Object,
    /// A parameter.
    Parameter,
    /// Any of them.
    Any,
}

impl Target {
    const NAMES: [(&'static str, Self); 4] =
        [("row", Self::Row), ("object", Self::Object), ("parameter", Self::Parameter), ("any", Self::Any)];
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
    pub list_sizes: Vec<Bounds>,
    /// The type of each item of a list, if it is not a string.
    pub item: Option<ValueType>,
    /// What is in the brackets of each item, if the items have brackets.
    pub nested: Option<Nested>,
    /// The value in a new row.
    pub default: Option<String>,
    /// The value after a factory reset.
    pub factory: Option<String>,
    /// Unique keys of a table, each as names of parameters.
    pub unique_keys: Vec<Vec<String>>,
    /// Unique keys that bind rows whether they are enabled or not.
    pub permanent_keys: Vec<Vec<String>>,
    /// The parameter that makes the keys of a row binding.
    pub enable: Option<String>,
    /// Tables or objects a path may point into.
    pub references: Vec<String>,
    /// Whether a reference is emptied when its target goes.
    pub strong: bool,
    /// What a reference leads to, if that is said.
    pub target: Option<Target>,
    /// The parameter whose list has the values allowed.
    pub values_from: Option<String>,
    /// The value that means none of that list.
    pub no_value: Option<String>,
}

/// A regular expression that a whole value must match.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    matcher: regex_lite::Regex,
}

impl Pattern {
    /// Reads an expression.
    pub fn new(text: &str) -> Result<Self, FacetError> {
        let matcher = regex_lite::RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(MAX_PATTERN)
            .build()
            .map_err(|_| FacetError::Pattern(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), matcher })
    }

    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a whole value matches.
    pub fn matches(&self, value: &str) -> bool {
        self.matcher.is_match(value)
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
    /// A `LOW:HIGH` or `LOW:HIGH/STEP` that is none.
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
    /// A target of references that there is not.
    #[error("'{0}' is not row, object, parameter or any")]
    Target(String),
    /// The type of items is none.
    #[error("'{0}' is no type")]
    Item(String),
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
                "listsize" => facets.list_sizes = all_bounds(&all()?)?,
                "item" => {
                    let kind = ValueType::from_name(value);
                    facets.item = Some(kind.ok_or_else(|| FacetError::Item(value.to_owned()))?);
                }
                "nested" if value.is_empty() => facets.nested = Some(Nested::Text),
                "nested" => facets.nested = Some(Nested::List(bounds(value)?)),
                "default" => facets.default = Some(unescape(value)),
                "factory" => facets.factory = Some(unescape(value)),
                "unique" => facets.unique_keys = keys(&all()?),
                "key" => facets.permanent_keys = keys(&all()?),
                "enable" => facets.enable = Some(unescape(value)),
                "ref" => facets.references = all()?,
                "refkind" => {
                    facets.strong = match value {
                        "strong" => true,
                        "weak" => false,
                        other => return Err(FacetError::ReferenceKind(other.to_owned())),
                    }
                }
                "reftype" => {
                    let target = Target::NAMES.iter().find(|(name, _)| *name == value);
                    let (_, target) = target.ok_or_else(|| FacetError::Target(value.to_owned()))?;
                    facets.target = Some(*target);
                }
                "enumref" => facets.values_from = Some(unescape(value)),
                "enumnull" => facets.no_value = Some(unescape(value)),
                other => return Err(FacetError::Key(other.to_owned())),
            }
        }
        Ok(facets)
    }

    /// How many regular expressions a declaration has, without compiling one.
    pub fn patterns_in(text: &str) -> usize {
        let patterns = split_escaped(text, ';').into_iter().filter_map(|pair| pair.strip_prefix("pattern="));
        patterns.map(|value| split_escaped(value, '|').len()).sum()
    }

    /// Whether nothing is narrowed and nothing said.
    pub fn is_empty(&self) -> bool {
        self.to_string().is_empty()
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
        put("listsize", self.list_sizes.iter().map(|b| bounds_text(*b)).collect());
        put("item", self.item.iter().map(|kind| kind.name().to_owned()).collect());
        let inside = |nested: &Nested| match nested {
            Nested::Text => String::new(),
            Nested::List(items) => bounds_text(*items),
        };
        put("nested", self.nested.iter().map(inside).collect());
        put("default", self.default.iter().map(|v| escape(v)).collect());
        put("factory", self.factory.iter().map(|v| escape(v)).collect());
        put("unique", self.unique_keys.iter().map(|k| escape(&k.join(","))).collect());
        put("key", self.permanent_keys.iter().map(|k| escape(&k.join(","))).collect());
        put("enable", self.enable.iter().map(|v| escape(v)).collect());
        put("ref", escaped(&self.references));
        put("refkind", if self.strong { vec!["strong".to_owned()] } else { Vec::new() });
        let target = Target::NAMES.iter().filter(|(_, target)| self.target == Some(*target));
        put("reftype", target.map(|(name, _)| (*name).to_owned()).collect());
        put("enumref", self.values_from.iter().map(|v| escape(v)).collect());
        put("enumnull", self.no_value.iter().map(|v| escape(v)).collect());
        f.write_str(&out)
    }
}

fn all_bounds(parts: &[String]) -> Result<Vec<Bounds>, FacetError> {
    parts.iter().map(|p| bounds(p)).collect()
}

fn bounds(text: &str) -> Result<Bounds, FacetError> {
    let wrong = || FacetError::Bounds(text.to_owned());
    let (low, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (high, step) = rest.split_once('/').map_or((rest, None), |(high, step)| (high, Some(step)));
    let end = |s: &str| if s.is_empty() { Ok(None) } else { s.parse().map(Some).map_err(|_| wrong()) };
    let step = step.map(|s| s.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)).transpose()?;
    Ok(Bounds { low: end(low)?, high: end(high)?, step })
}

fn keys(all: &[String]) -> Vec<Vec<String>> {
    all.iter().map(|key| key.split(',').map(str::to_owned).collect()).collect()
}

fn bounds_text(b: Bounds) -> String {
    let end = |n: Option<i128>| n.map(|n| n.to_string()).unwrap_or_default();
    let step = b.step.map(|n| format!("/{n}")).unwrap_or_default();
    format!("{}:{}{step}", end(b.low), end(b.high))
}

/// Splits at a separator that has no backslash before it. The parts keep their backslashes.
pub fn split_escaped(text: &str, separator: char) -> Vec<&str> {
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

pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        // A lone backslash at the end stands for itself.
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

pub(crate) fn escape(text: &str) -> String {
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

    /// C143: what is percent-encoded in an item is what is checked, in lists of lists too; the size of the list counts what
    /// stands there.
    #[test]
    fn an_item_is_checked_as_what_it_stands_for() {
        let declared = "size=:3;pattern=[a,]*;list=0:2";
        assert_eq!(check(declared, ValueType::String, "a%2Ca, a%2ca"), Ok(()));
        assert!(check(declared, ValueType::String, "a%2Caa").is_err(), "four characters");
        assert!(check(declared, ValueType::String, "a%3Ba").is_err(), "no comma");
        assert_eq!(check("enum=a, b|50 %;list=1:", ValueType::String, "a%2C b,50 %25"), Ok(()));
        assert_eq!(check("enum=50 %;list=1:", ValueType::String, "50 %"), Ok(()), "no escape");
        assert_eq!(check("size=1:1;list=2:2;nested=2:2", ValueType::String, "[%5B,%5D],[%2C,%20]"), Ok(()));
        assert_eq!(check("enum=[,];list=1:1;nested=", ValueType::String, "[%5B,%5D]"), Ok(()));
        assert!(check("list=1:1;listsize=:5", ValueType::String, "%2C%2C").is_err());
        assert_eq!(check("size=:1", ValueType::String, "%"), Ok(()), "no list, no escapes");
        assert!(check("size=:1", ValueType::String, "%2C").is_err());
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
    }

    /// Few characters can mean a large machine, and a provider may declare many.
    #[test]
    fn regular_expressions_have_a_size_and_are_counted() {
        assert!(Facets::parse("pattern=a{64}").is_ok());
        let large = format!("pattern=a{{{MAX_PATTERN}}}");
        assert!(matches!(Facets::parse(&large).unwrap_err(), FacetError::Pattern(_)));
        assert_eq!(Facets::patterns_in("size=:3;pattern=a\\|b|c;default=pattern\\;"), 2);
        assert_eq!(Facets::patterns_in("enum=a|b"), 0);
        assert_eq!(Facets::parse(&"x".repeat(MAX_TEXT + 1)).unwrap_err(), FacetError::TooLong);
        let many = format!("enum={}", "|".repeat(MAX_ALTERNATIVES));
        assert_eq!(Facets::parse(&many).unwrap_err(), FacetError::TooLong);
    }

    /// C107: a decimal between two whole numbers lies in a range only if both do.
    #[test]
    fn a_decimal_just_outside_a_range_is_refused() {
        assert_eq!(check("range=0:255", ValueType::Decimal, "254.5"), Ok(()));
        assert!(check("range=0:255", ValueType::Decimal, "255.5").is_err());
        assert!(check("range=0:255", ValueType::Decimal, "-0.5").is_err());
    }

    #[test]
    fn a_range_with_steps_takes_only_what_lies_on_a_step() {
        assert_eq!(check("range=2:10/4", ValueType::Int, "6"), Ok(()));
        assert_eq!(check("range=2:10/4", ValueType::Int, "8"), Err("must be 2 to 10 in steps of 4".into()));
        assert_eq!(check("range=:/5", ValueType::Int, "-10"), Ok(()));
        assert_eq!(Facets::parse("range=1:2/0").unwrap_err(), FacetError::Bounds("1:2/0".into()));
    }

    /// C143: the items of a list have a type of their own.
    #[test]
    fn an_item_of_another_type_is_refused() {
        assert_eq!(check("list=:;item=unsignedInt", ValueType::String, "1, 02"), Ok(()));
        let text = "each item must be of type unsignedInt";
        assert_eq!(check("list=:;item=unsignedInt", ValueType::String, "1,x"), Err(text.into()));
        assert_eq!(Facets::parse("item=number").unwrap_err(), FacetError::Item("number".into()));
    }

    /// C143: lists in lists stand in brackets.
    #[test]
    fn a_list_of_lists_is_checked_item_by_item() {
        let declared = "list=1:3;item=int;nested=2:2";
        assert_eq!(check(declared, ValueType::String, "[1,2], [ -3 , 4 ]"), Ok(()));
        for wrong in ["1,2", "[1,2", "[1,2]]", "[1]", "[1,2,3]", "[1,x]", "[1,2]x", "", "[1,2],,[1,2]"] {
            assert!(check(declared, ValueType::String, wrong).is_err(), "{wrong}");
        }
        let text = "pattern=[0-7],[0-7];list=2:2;nested=";
        assert_eq!(check(text, ValueType::String, "[1,2],[3,4]"), Ok(()));
        assert!(check(text, ValueType::String, "[1,2],[3,8]").is_err());
    }

    #[test]
    fn values_that_only_the_device_sets_may_be_all_there_are() {
        let facets = Facets::parse("enumro=Complete").unwrap();
        assert!(facets.check(ValueType::String, "Complete", Giver::Device).is_ok());
        assert!(facets.check(ValueType::String, "Complete", Giver::Client).is_err());
        assert!(facets.check(ValueType::String, "Other", Giver::Device).is_err());
    }

    #[test]
    fn every_facet_is_written_as_it_is_read() {
        let text = "range=1:9/2;size=:3;enum=a|b;enumro=c;pattern=x\\|y;list=0:;listsize=:64|99:99;item=int;\
                    nested=2:2;default=1;factory=2;unique=A,B|C;key=D;enable=E;ref=Device.A.;refkind=strong;\
                    reftype=row;enumref=Device.B;enumnull=None";
        assert_eq!(Facets::parse(text).unwrap().to_string(), text);
        assert_eq!(Facets::parse("reftype=x").unwrap_err(), FacetError::Target("x".into()));
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
