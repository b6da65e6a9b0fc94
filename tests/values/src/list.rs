//! Lists of values, also those whose items stand in brackets.

use cwmp_model::facets::{Bounds, Giver, Nested};
use cwmp_model::{Facets, FaultCode, ValueType};

use crate::item::Items;
use crate::random::Random;
use crate::Bad;

/// How many items a list has at most, beyond its least number, where chance decides.
const USUAL: usize = 6;
/// How often something is tried that chance may spoil.
const TRIES: usize = 20;

/// What is known of a list.
pub(crate) struct Lists<'a> {
    items: Items<'a>,
    facets: &'a Facets,
    low: usize,
    high: Option<usize>,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(facets: &'a Facets, list: Bounds, giver: Giver) -> Self {
        let kind = facets.item.unwrap_or(ValueType::String);
        let number = |n: Option<i128>| n.and_then(|n| usize::try_from(n).ok());
        Self {
            items: Items { kind, facets, giver },
            facets,
            low: number(list.low).unwrap_or(0),
            high: number(list.high),
        }
    }

    /// The shortest and the longest list, a list with each edge of an item, then lists at random.
    pub(crate) fn good(&self, count: usize, random: &mut Random) -> Vec<String> {
        let mut values = Vec::new();
        values.extend(self.of_count(self.low, random));
        values.extend(self.high.and_then(|high| self.of_count(high, random)));
        for edge in self.items.edges() {
            if let Some(edge) = self.part(&edge, random).filter(|_| self.high != Some(0)) {
                let rest = (1..self.low).map(|_| self.random_part(random)).collect::<Option<Vec<_>>>();
                values.extend(rest.map(|rest| [vec![edge], rest].concat().join(",")));
            }
        }
        for _ in 0..count {
            let most = self.high.unwrap_or(self.low + USUAL).min(self.low + USUAL);
            let tries = (0..TRIES).find_map(|_| {
                let length = self.low + random.below(most - self.low + 1);
                self.of_count(length, random).filter(|text| self.fits_size(text))
            });
            values.extend(tries);
        }
        values.retain(|text| self.fits_size(text));
        values
    }

    /// Lists with a wrong item, too few or too many, of a wrong length, with wrong brackets.
    pub(crate) fn bad(&self, count: usize, random: &mut Random) -> Vec<Bad> {
        let mut texts = Vec::new();
        if let Some(low) = self.low.checked_sub(1) {
            texts.extend(self.of_count(low, random));
        }
        let too_many = self.high.and_then(|high| self.of_count(high + 1, random));
        texts.extend(too_many.filter(|text| !text.is_empty()));
        texts.extend(self.too_long(random));
        let limit = count.max(1);
        let bad_items = self.items.bad(limit, random).into_iter().map(|bad| bad.text);
        let bad_items: Vec<String> = bad_items.filter(|text| self.is_one_item(text)).take(limit).collect();
        for item in bad_items {
            texts.extend(self.around(&item, random));
        }
        if self.facets.nested.is_some() {
            if let Some(good) = self.of_count(self.low.max(1), random) {
                let at = random.below(good.len() - 1);
                texts.push(good.replacen('[', "", 1));
                texts.push(format!("{good}]"));
                texts.push(format!("[{good}"));
                texts.push(format!("{}[", &good[..at]));
            }
        }
        texts.into_iter().map(|text| Bad::new(text, FaultCode::InvalidParameterValue)).collect()
    }

    /// A list of good items with a bad one among them.
    fn around(&self, bad: &str, random: &mut Random) -> Option<String> {
        let mut parts = (1..self.low.max(1)).map(|_| self.random_part(random)).collect::<Option<Vec<_>>>()?;
        let bad = match self.facets.nested {
            None => bad.to_owned(),
            Some(Nested::Text) => format!("[{bad}]"),
            Some(Nested::List(inner)) => {
                let count = inner.low.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
                let rest = (1..count).map(|_| self.random_item(random)).collect::<Option<Vec<_>>>()?;
                format!("[{}]", [vec![bad.to_owned()], rest].concat().join(","))
            }
        };
        parts.insert(random.below(parts.len() + 1), bad);
        Some(parts.join(","))
    }

    /// A list whose items are good and not too many, with more characters than it may have.
    fn too_long(&self, random: &mut Random) -> Option<String> {
        let longest = self.facets.list_sizes.iter().map(|b| b.high).max()??;
        let longest = usize::try_from(longest).ok()?;
        let mut text = self.of_count(self.low.max(1), random)?;
        let mut items = self.low.max(1);
        while text.chars().count() <= longest {
            items += 1;
            if self.high.is_some_and(|high| items > high) {
                return None;
            }
            text = format!("{text},{}", self.random_part(random)?);
        }
        Some(text)
    }

    fn of_count(&self, count: usize, random: &mut Random) -> Option<String> {
        let parts = (0..count).map(|_| self.random_part(random)).collect::<Option<Vec<_>>>()?;
        Some(parts.join(","))
    }

    fn random_part(&self, random: &mut Random) -> Option<String> {
        let item = self.random_item(random)?;
        self.part(&item, random)
    }

    /// An item as it stands in the list, with an item given.
    fn part(&self, item: &str, random: &mut Random) -> Option<String> {
        if !self.is_one_item(item) {
            return None;
        }
        match self.facets.nested {
            None => Some(item.to_owned()),
            Some(Nested::Text) => Some(format!("[{item}]")),
            Some(Nested::List(inner)) => {
                let number = |n: Option<i128>| n.and_then(|n| usize::try_from(n).ok());
                let low = number(inner.low).unwrap_or(1).max(1);
                let most = number(inner.high).unwrap_or(low + USUAL).min(low + USUAL);
                let count = low + random.below(most - low + 1);
                let rest = (1..count).map(|_| self.random_item(random)).collect::<Option<Vec<_>>>()?;
                Some(format!("[{}]", [vec![item.to_owned()], rest].concat().join(",")))
            }
        }
    }

    fn random_item(&self, random: &mut Random) -> Option<String> {
        (0..TRIES).find_map(|_| self.items.random(random).filter(|item| self.is_one_item(item)))
    }

    /// Whether a text stays one item inside a list: not empty, nothing around it, nothing that separates, no escape.
    fn is_one_item(&self, text: &str) -> bool {
        let commas = self.facets.nested == Some(Nested::Text);
        let separates = |c: char| matches!(c, '[' | ']') || (c == ',' && !commas);
        let is_plain = cwmp_model::list_item::decode(text) == text;
        !text.is_empty() && text.trim() == text && !text.contains(separates) && is_plain
    }

    fn fits_size(&self, text: &str) -> bool {
        let length = i128::try_from(text.chars().count()).unwrap_or(i128::MAX);
        self.facets.list_sizes.is_empty() || self.facets.list_sizes.iter().any(|b| b.holds(length))
    }
}
