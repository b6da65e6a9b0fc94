//! Values for tests: those that a parameter takes, and those that it must refuse.
//!
//! Both are made from the type and the facets by a way of their own, without asking the code that checks values, so that the
//! two can be held against each other: in the model's tests, through SOAP and the bus, and in the check of a plugin. The same
//! seed makes the same values.
//!
//! What facets say of other parameters is not known here: of a strong reference, whose target must be there, the empty one is
//! made alone; the values that stand in another parameter (`enumref`) are any text.
#![forbid(unsafe_code)]

mod expression;
mod item;
mod list;
mod random;

use cwmp_model::facets::Giver;
use cwmp_model::{Facets, FaultCode, ValueType};

use item::Items;
use list::Lists;
pub use random::Random;

/// A value that must be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The value.
    pub text: String,
    /// The fault it draws.
    pub fault: FaultCode,
    /// Whether an XML message can carry it.
    pub sendable: bool,
}

impl Bad {
    fn new(text: impl Into<String>, fault: FaultCode) -> Self {
        let text = text.into();
        let sendable = text.chars().all(cwmp_model::value::is_xml_char);
        Self { text, fault, sendable }
    }
}

/// Values that a parameter takes, in canonical form: first every value of an enumeration, or both edges of every range and
/// size; then `count` others, if there are others.
pub fn good(kind: ValueType, facets: &Facets, giver: Giver, count: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    match facets.list {
        Some(list) => Lists::new(facets, list, giver).good(count, &mut random),
        None => {
            let items = Items { kind, facets, giver };
            let mut values = items.edges();
            values.extend((0..count).filter_map(|_| items.random(&mut random)));
            values
        }
    }
}

/// Values that a parameter refuses: first those just outside every range, size and enumeration, then others, `count` at
/// least.
pub fn bad(kind: ValueType, facets: &Facets, giver: Giver, count: usize, seed: u64) -> Vec<Bad> {
    let mut random = Random::new(seed);
    let mut values = match facets.list {
        Some(list) => Lists::new(facets, list, giver).bad(count, &mut random),
        None => Items { kind, facets, giver }.bad(count, &mut random),
    };
    // Every type refuses what is no text of XML; a text with it is of the right type.
    let fault = match kind {
        ValueType::String => FaultCode::InvalidParameterValue,
        _ => FaultCode::InvalidParameterType,
    };
    while values.len() < count.max(1) {
        values.push(Bad::new(random.forbidden_text(), fault));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: Vec<Bad>, fault: FaultCode) -> Vec<String> {
        values.into_iter().filter(|bad| bad.fault == fault).map(|bad| bad.text).collect()
    }

    #[test]
    fn the_edges_of_ranges_are_among_the_values_and_what_lies_beside_them_among_the_others() {
        let facets = Facets::parse("range=-1:-1|2:10/4").unwrap();
        let taken = good(ValueType::Int, &facets, Giver::Client, 50, 1);
        for n in ["-1", "2", "6", "10"] {
            assert!(taken.iter().any(|v| v == n), "{n}");
        }
        let refused =
            texts(bad(ValueType::Int, &facets, Giver::Client, 50, 1), FaultCode::InvalidParameterValue);
        for n in ["-2", "0", "1", "3", "9", "11"] {
            assert!(refused.iter().any(|v| v == n), "{n}");
        }
        let malformed =
            texts(bad(ValueType::Int, &facets, Giver::Client, 50, 1), FaultCode::InvalidParameterType);
        assert!(malformed.contains(&"2147483648".to_owned()) && malformed.contains(&"1.5".to_owned()));
    }

    #[test]
    fn the_edges_of_sizes_are_among_the_values_and_what_lies_beside_them_among_the_others() {
        let facets = Facets::parse("size=0:0|6:8").unwrap();
        let lengths =
            |values: Vec<String>| -> Vec<usize> { values.iter().map(|v| v.chars().count()).collect() };
        let taken = lengths(good(ValueType::String, &facets, Giver::Client, 50, 1));
        assert!([0, 6, 8].iter().all(|n| taken.contains(n)));
        let refused = bad(ValueType::String, &facets, Giver::Client, 0, 1);
        let refused = lengths(texts(refused, FaultCode::InvalidParameterValue));
        assert!([1, 5, 9].iter().all(|n| refused.contains(n)), "{refused:?}");
    }

    #[test]
    fn a_value_that_only_the_device_sets_is_bad_from_a_client_and_good_from_a_device() {
        let facets = Facets::parse("enum=None|Requested;enumro=Complete").unwrap();
        assert!(!good(ValueType::String, &facets, Giver::Client, 50, 1).contains(&"Complete".to_owned()));
        assert!(good(ValueType::String, &facets, Giver::Device, 0, 1).contains(&"Complete".to_owned()));
        let from_client = bad(ValueType::String, &facets, Giver::Client, 0, 1);
        assert!(from_client.iter().any(|bad| bad.text == "Complete"));
        assert!(bad(ValueType::String, &facets, Giver::Device, 50, 1).iter().all(|b| b.text != "Complete"));
    }

    #[test]
    fn lists_are_short_long_and_wrong_in_one_item() {
        let facets = Facets::parse("range=0:7;list=2:3;item=unsignedInt").unwrap();
        let taken = good(ValueType::String, &facets, Giver::Client, 50, 1);
        assert!(taken.iter().all(|v| (2..=3).contains(&v.split(',').count())));
        let refused =
            texts(bad(ValueType::String, &facets, Giver::Client, 50, 1), FaultCode::InvalidParameterValue);
        let counts: Vec<usize> = refused.iter().map(|v| v.split(',').count()).collect();
        assert!(counts.contains(&1) && counts.contains(&4));
        assert!(refused.iter().any(|v| v.split(',').any(|item| item == "8")), "{refused:?}");
    }

    #[test]
    fn the_same_seed_makes_the_same_values() {
        let facets = Facets::default();
        let make = |seed| good(ValueType::Long, &facets, Giver::Client, 9, seed);
        assert_eq!(make(3), make(3));
        assert_ne!(make(3), make(4));
    }
}
