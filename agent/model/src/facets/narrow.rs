//! What a provider says of a parameter of the standard: it may narrow what the standard allows, never widen it.

use super::{Bounds, Facets};

impl Facets {
    /// These facets, declared by a provider, laid over those of the standard.
    ///
    /// What is not said is the standard's. What says more than the standard allows is the standard's as well, and its key is
    /// named. A vendor's own values (`X_...`) may stand beside those of an enumeration (TR-106).
    #[must_use]
    pub fn within(self, standard: &Self) -> (Self, Vec<&'static str>) {
        let mut wider = Vec::new();
        let mut judge = |key, fits: bool| {
            if !fits {
                wider.push(key);
            }
            fits
        };
        let mut all = standard.clone();
        if !self.ranges.is_empty() && judge("range", narrows(&self.ranges, &standard.ranges)) {
            all.ranges = self.ranges;
        }
        if !self.sizes.is_empty() && judge("size", narrows(&self.sizes, &standard.sizes)) {
            all.sizes = self.sizes;
        }
        let has_values = |facets: &Self| !facets.enumeration.is_empty() || !facets.device_only.is_empty();
        if !self.enumeration.is_empty() || !self.device_only.is_empty() {
            let is_ours = |value: &String| {
                value.starts_with("X_") || standard.enumeration.contains(value) || !has_values(standard)
            };
            let fits = self.enumeration.iter().all(is_ours)
                && self.device_only.iter().all(|v| is_ours(v) || standard.device_only.contains(v));
            if judge("enum", fits) {
                all.enumeration = self.enumeration;
                all.device_only = self.device_only;
            }
        }
        if !self.patterns.is_empty() {
            // Whether one expression allows less than another cannot be told; one of several can.
            let is_one = |text: &str| standard.patterns.iter().any(|p| p.as_str() == text);
            let fits = standard.patterns.is_empty() || self.patterns.iter().all(|p| is_one(p.as_str()));
            if judge("pattern", fits) {
                all.patterns = self.patterns;
            }
        }
        if let Some(items) = self.list {
            if judge("list", standard.list.is_some_and(|allowed| inside(items, allowed))) {
                all.list = Some(items);
            }
        }
        if !self.list_sizes.is_empty() && judge("listsize", narrows(&self.list_sizes, &standard.list_sizes)) {
            all.list_sizes = self.list_sizes;
        }
        judge("item", self.item.is_none() || self.item == standard.item);
        judge("nested", self.nested.is_none() || self.nested == standard.nested);
        all.default = self.default.or(all.default);
        all.factory = self.factory.or(all.factory);
        for key in self.unique_keys {
            if !all.unique_keys.contains(&key) && !all.permanent_keys.contains(&key) {
                all.unique_keys.push(key);
            }
        }
        for key in self.permanent_keys {
            if !all.permanent_keys.contains(&key) {
                all.permanent_keys.push(key);
            }
        }
        all.enable = self.enable.or(all.enable);
        if !self.references.is_empty() {
            all.references = self.references;
        }
        all.strong |= self.strong;
        all.target = self.target.or(all.target);
        all.values_from = self.values_from.or(all.values_from);
        all.no_value = self.no_value.or(all.no_value);
        (all, wider)
    }
}

/// Whether every interval lies inside one that is allowed; no interval allows everything.
fn narrows(own: &[Bounds], allowed: &[Bounds]) -> bool {
    allowed.is_empty() || own.iter().all(|b| allowed.iter().any(|a| inside(*b, *a)))
}

fn inside(own: Bounds, allowed: Bounds) -> bool {
    let low = allowed.low.is_none_or(|least| own.low.is_some_and(|low| low >= least));
    let high = allowed.high.is_none_or(|most| own.high.is_some_and(|high| high <= most));
    let steps = allowed.step.is_none_or(|step| {
        let is_step = |distance: Option<i128>| distance.and_then(|n| n.checked_rem(step)) == Some(0);
        let starts = own.low.is_none_or(|low| is_step(low.checked_sub(allowed.low.unwrap_or(0))));
        let one_value = own.low.is_some() && own.low == own.high;
        starts && (one_value || own.step.is_some_and(|own| is_step(Some(own))))
    });
    low && high && steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facets::Giver;
    use crate::ValueType;
    use proptest::prelude::*;

    fn laid(own: &str, standard: &str) -> (String, Vec<&'static str>) {
        let (all, wider) = Facets::parse(own).unwrap().within(&Facets::parse(standard).unwrap());
        (all.to_string(), wider)
    }

    #[test]
    fn what_a_provider_does_not_say_is_the_standards() {
        let standard = "range=0:9;default=3";
        assert_eq!(laid("", standard), (standard.to_owned(), vec![]));
        assert_eq!(laid("default=4", standard), ("range=0:9;default=4".to_owned(), vec![]));
        assert_eq!(laid("size=:8", ""), ("size=:8".to_owned(), vec![]));
    }

    #[test]
    fn a_provider_narrows() {
        for (own, standard) in [
            ("range=2:3", "range=0:9"),
            ("range=2:3|5:5", "range=0:3|4:9"),
            ("range=10:20/10", "range=0:/5"),
            ("size=:8", "size=:64"),
            ("enum=A;enumro=C", "enum=A|B;enumro=C"),
            ("enum=A|X_ACME_Z", "enum=A|B"),
            ("enum=A|B", "size=:64"),
            ("pattern=a", "pattern=a|b"),
            ("list=0:2", "list=0:8"),
        ] {
            let (all, wider) = laid(own, standard);
            assert_eq!(wider, Vec::<&str>::new(), "{own} in {standard}");
            assert!(all.contains(own.split(';').next().unwrap()), "{all}");
        }
    }

    #[test]
    fn a_provider_that_widens_gets_the_standards() {
        for (own, standard, key) in [
            ("range=0:10", "range=0:9", "range"),
            ("range=:5", "range=0:9", "range"),
            ("range=0:9", "range=0:9/3", "range"),
            ("range=-170141183460469231731687303715884105728:5/1", "range=5:9/3", "range"),
            ("size=:65", "size=:64", "size"),
            ("enum=A|D", "enum=A|B", "enum"),
            ("enum=C", "enum=A;enumro=C", "enum"),
            ("pattern=c", "pattern=a|b", "pattern"),
            ("list=0:9", "list=0:8", "list"),
            ("list=0:9", "size=:3", "list"),
            ("item=int;list=0:2", "list=0:8", "item"),
        ] {
            let (all, wider) = laid(own, standard);
            assert_eq!(wider, [key], "{own} in {standard}");
            assert!(key == "item" || all == standard, "{all}");
        }
    }

    #[test]
    fn the_standards_keys_stay() {
        assert_eq!(laid("unique=Name", "key=Alias;enable=Enable").0, "unique=Name;key=Alias;enable=Enable");
    }

    proptest! {
        /// Whatever a provider says, a value that comes through is one of the standard.
        #[test]
        fn no_value_outside_the_standard_comes_through(
            own in proptest::collection::vec((-20_i128..20, -20_i128..20), 0..3),
            standard in proptest::collection::vec((-20_i128..20, -20_i128..20), 0..3),
            value in -25_i128..25,
        ) {
            let bounds = |all: &[(i128, i128)]| Facets {
                ranges: all.iter().map(|(a, b)| Bounds {
                    low: Some(*a.min(b)), high: Some(*a.max(b)), step: None,
                }).collect(),
                ..Facets::default()
            };
            let standard = bounds(&standard);
            let (laid, _) = bounds(&own).within(&standard);
            let passes = |f: &Facets| f.check(ValueType::Int, &value.to_string(), Giver::Device).is_ok();
            prop_assert!(!passes(&laid) || passes(&standard));
        }
    }
}
