//! Whether a value fits its facets.

use std::borrow::Cow;

use super::{Bounds, Facets, Giver, Nested};
use crate::list_item;
use crate::value::{ValueError, ValueType};

impl Facets {
    /// Checks a value in canonical form. The error's text says what would be right; fault 9007.
    pub fn check(&self, kind: ValueType, value: &str, giver: Giver) -> Result<(), ValueError> {
        let Some(items) = self.list else { return self.check_item(kind, value, giver) };
        if !self.list_sizes.is_empty() && !fits(&self.list_sizes, count(value.chars())) {
            return facet(format!("the list must have {} characters", join(&self.list_sizes)));
        }
        let split = if self.nested.is_some() { split_nested } else { split_list };
        let parts = split(value).ok_or_else(|| wrong("the brackets of the list do not match"))?;
        check_count(items, &parts, "the list")?;
        parts.iter().try_for_each(|part| self.check_part(part, giver))
    }

    /// Checks one item of a list.
    fn check_part(&self, part: &str, giver: Giver) -> Result<(), ValueError> {
        let Some(nested) = self.nested else { return self.check_typed(part, giver) };
        let inside = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let inside = inside.ok_or_else(|| wrong("each item of the list must be in brackets"))?;
        match nested {
            Nested::Text => self.check_typed(inside.trim(), giver),
            Nested::List(items) => {
                let parts =
                    split_list(inside).ok_or_else(|| wrong("the brackets of the list do not match"))?;
                check_count(items, &parts, "each list in brackets")?;
                parts.iter().try_for_each(|part| self.check_typed(part, giver))
            }
        }
    }

    /// Checks one item, as it stands in its list, against the type of items, and against what is said of items.
    fn check_typed(&self, item: &str, giver: Giver) -> Result<(), ValueError> {
        let item = list_item::decode(item);
        let kind = self.item.unwrap_or(ValueType::String);
        let canonical = match self.item {
            None => Cow::Borrowed(&*item),
            Some(kind) => {
                kind.canonical(&item).map_err(|_| wrong(&format!("each item must be of type {kind}")))?
            }
        };
        self.check_item(kind, &canonical, giver)
    }

    fn check_item(&self, kind: ValueType, value: &str, giver: Giver) -> Result<(), ValueError> {
        if !self.ranges.is_empty() {
            let inside = whole_numbers(value)
                .is_some_and(|(below, above)| self.ranges.iter().any(|b| b.holds(below) && b.holds(above)));
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
            if !fits(&self.sizes, length) {
                return facet(format!("must have {} characters, has {length}", join(&self.sizes)));
            }
        }
        let listed = |values: &[String]| values.iter().any(|v| v == value);
        let is_enumeration = !self.enumeration.is_empty() || !self.device_only.is_empty();
        if is_enumeration && !listed(&self.enumeration) {
            if giver == Giver::Device && listed(&self.device_only) {
                return Ok(());
            }
            return facet(format!("must be one of {}", self.enumeration.join(", ")));
        }
        if !self.patterns.is_empty() && !self.patterns.iter().any(|p| p.matches(value)) {
            let all: Vec<_> = self.patterns.iter().map(|p| p.text.as_str()).collect();
            return facet(format!("must match {}", all.join(" or ")));
        }
        Ok(())
    }
}

/// The items of a list, without the white space around them. C143: the empty list is the empty text.
#[allow(clippy::unnecessary_wraps)] // the form of `split_nested`
fn split_list(value: &str) -> Option<Vec<&str>> {
    Some(if value.trim().is_empty() { Vec::new() } else { value.split(',').map(str::trim).collect() })
}

/// The same where commas in brackets do not separate. `None` if the brackets do not match.
fn split_nested(value: &str) -> Option<Vec<&str>> {
    if value.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (i, c) in value.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(value[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(value[start..].trim());
    (depth == 0).then_some(parts)
}

/// The whole numbers around a number: a range is given in whole numbers, a decimal may lie between two.
fn whole_numbers(value: &str) -> Option<(i128, i128)> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let number: i128 = whole.parse().ok()?;
    Some(match (fraction.is_empty(), whole.starts_with('-')) {
        (true, _) => (number, number),
        (false, true) => (number.checked_sub(1)?, number),
        (false, false) => (number, number.checked_add(1)?),
    })
}

fn check_count(items: Bounds, parts: &[&str], what: &str) -> Result<(), ValueError> {
    if items.holds(count(parts.iter())) {
        Ok(())
    } else {
        facet(format!("{what} must have {items} items"))
    }
}

fn fits(all: &[Bounds], n: i128) -> bool {
    all.iter().any(|b| b.holds(n))
}

fn facet(text: String) -> Result<(), ValueError> {
    Err(ValueError::Facet(text))
}

fn wrong(text: &str) -> ValueError {
    ValueError::Facet(text.to_owned())
}

fn count<T>(items: impl Iterator<Item = T>) -> i128 {
    // A count of things in memory fits.
    i128::try_from(items.count()).unwrap_or(i128::MAX)
}

fn join(all: &[Bounds]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
