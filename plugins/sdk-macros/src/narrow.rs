//! Facets as text: taken from the standard, narrowed by the author.

use cwmp_model::facets::{split_escaped, Bounds, Facets, Giver};
use cwmp_model::ValueType;

/// `key=value` pairs in their order; values keep their escapes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(crate) fn read(text: &str) -> Self {
        let pairs = split_escaped(text, ';').into_iter().filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (key.to_owned(), value.to_owned())
                })
                .collect(),
        )
    }

    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(";")
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(k, _)| k == key)
    }

    /// Takes a pair out.
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        let position = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(position).1)
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) {
        self.take(key);
        self.0.push((key.to_owned(), value.to_owned()));
    }

    /// With the pairs of another in the place of those with the same keys.
    pub(crate) fn overlaid(mut self, other: &Self) -> Self {
        for (key, value) in &other.0 {
            self.put(key, value);
        }
        self
    }

    /// Leaves of a table's keys those whose parameters there are: a plugin may serve a part of them.
    pub(crate) fn keep_keys(&mut self, there: impl Fn(&str) -> bool) {
        for key in ["unique", "key"] {
            let Some(value) = self.take(key) else { continue };
            let whole = |k: &&str| k.split(',').all(&there);
            let left: Vec<&str> = split_escaped(&value, '|').into_iter().filter(whole).collect();
            if !left.is_empty() {
                self.put(key, &left.join("|"));
            }
        }
        if let Some(name) = self.take("enable") {
            if there(&name) {
                self.put("enable", &name);
            }
        }
    }
}

/// The alternatives of a value, without their escapes.
pub(crate) fn alternatives(value: &str) -> Vec<String> {
    let plain = |text: &str| {
        let (mut out, mut chars) = (String::new(), text.chars());
        while let Some(c) = chars.next() {
            out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
        }
        out
    };
    split_escaped(value, '|').into_iter().map(plain).collect()
}

/// What of the author's facets is wider than the standard's, if anything is.
pub(crate) fn widened(standard: &str, own: &str) -> Result<(), String> {
    let standard = Facets::parse(standard).map_err(|e| e.to_string())?;
    let own = Facets::parse(own).map_err(|e| e.to_string())?;
    within("range", &standard.ranges, &own.ranges)?;
    within("size", &standard.sizes, &own.sizes)?;
    within("list", standard.list.as_slice(), own.list.as_slice())?;
    if own.list.is_some() && standard.list.is_none() {
        return Err("the standard knows no list here".to_owned());
    }
    if !standard.enumeration.is_empty() {
        let known = |value: &&String| {
            standard.enumeration.contains(value)
                || standard.device_only.contains(value)
                || value.starts_with("X_")
        };
        if let Some(value) = own.enumeration.iter().chain(&own.device_only).find(|value| !known(value)) {
            return Err(format!(
                "'{value}' is not allowed; the standard has {}",
                standard.enumeration.join(", ")
            ));
        }
    }
    // The rules of the agent, which lays the one over the other.
    match own.within(&standard).1.first() {
        Some(key) => Err(format!("{key} is wider than the standard's, or other")),
        None => Ok(()),
    }
}

fn within(what: &str, outer: &[Bounds], inner: &[Bounds]) -> Result<(), String> {
    let holds = |o: &Bounds, i: &Bounds| {
        o.low.is_none_or(|low| i.low.is_some_and(|l| l >= low))
            && o.high.is_none_or(|high| i.high.is_some_and(|h| h <= high))
    };
    if outer.is_empty() {
        return Ok(());
    }
    match inner.iter().find(|i| !outer.iter().any(|o| holds(o, i))) {
        Some(wide) => {
            let all: Vec<String> = outer.iter().map(ToString::to_string).collect();
            Err(format!("{what} {wide} is wider than the standard's, {}", all.join(" or ")))
        }
        None => Ok(()),
    }
}

/// Checks facets on their own: they can be read, and the default is one of the values that they allow.
pub(crate) fn sound(facets: &str, kind: ValueType) -> Result<(), String> {
    let facets = Facets::parse(facets).map_err(|error| error.to_string())?;
    if let Some(default) = &facets.default {
        let value =
            kind.canonical(default).map_err(|_| format!("the default '{default}' is no {}", kind.name()))?;
        facets.check(kind, &value, Giver::Device).map_err(|e| format!("the default '{default}': {e}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_author_says_takes_the_place_of_what_the_standard_says() {
        let both = Pairs::read(r"range=0:9;default=a\;b").overlaid(&Pairs::read("range=2:3"));
        assert_eq!(both.text(), r"default=a\;b;range=2:3");
        assert_eq!(alternatives(r"a\|b|c"), ["a|b", "c"]);
    }

    #[test]
    fn keys_of_parameters_that_are_not_served_go() {
        let mut pairs = Pairs::read("unique=Alias|Name|A,B;enable=Enable");
        pairs.keep_keys(|name| name == "Name" || name == "A");
        assert_eq!(pairs.text(), "unique=Name");
    }

    #[test]
    fn nothing_gets_wider() {
        for (standard, own) in [
            ("range=0:9", "range=0:9"),
            ("range=0:9|20:29", "range=21:22|3:3"),
            ("enum=A|B", "enum=B|X_ACME_C"),
            ("", "size=:4"),
            ("list=0:", "list=1:2"),
        ] {
            assert_eq!(widened(standard, own), Ok(()), "{standard} {own}");
        }
        for (standard, own) in [
            ("range=0:9", "range=0:"),
            ("range=0:9", "range=0:10"),
            ("size=:64", "size=65:65"),
            ("enum=A|B", "enum=C"),
            ("list=0:3", "list=0:"),
            ("", "list=0:3"),
        ] {
            assert!(widened(standard, own).is_err(), "{standard} {own}");
        }
    }

    #[test]
    fn a_default_must_be_allowed() {
        assert_eq!(sound("range=1:9;default=3", ValueType::UnsignedInt), Ok(()));
        assert!(sound("range=1:9;default=0", ValueType::UnsignedInt).is_err());
        assert!(sound("default=x", ValueType::Boolean).is_err());
    }
}
