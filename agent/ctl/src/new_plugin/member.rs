//! A parameter, and what it holds before anybody knows better.

use cwmp_model::facets::Giver;
use cwmp_model::standard::Parameter;
use cwmp_model::{Facets, NodeFlags, ValueType};

/// A parameter of the plugin.
#[derive(Debug)]
pub(super) struct Member {
    /// The last part of its path.
    pub(super) name: String,
    pub(super) kind: ValueType,
    pub(super) flags: NodeFlags,
    /// In the form in which they are declared.
    pub(super) text: String,
    pub(super) facets: Facets,
    pub(super) units: Option<String>,
    /// Whether it is the standard's, so that type and facets need not be said in Rust.
    pub(super) standard: bool,
    pub(super) start: Start,
}

/// What a parameter holds before anybody knows better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// What it was declared with, or nothing, zero or false.
    Declared,
    /// It can be set, and the standard allows no zero or nothing: this is the nearest that it allows.
    Chosen(String),
    /// Only the device knows.
    Device,
    /// Only the device knows, and there is no text that says that nothing is known.
    DeviceAlone,
    /// It can be set, and what it holds before that only the author can say.
    Author,
}

impl Member {
    /// A parameter of the standard.
    pub(super) fn of_standard(parameter: &Parameter) -> Self {
        let text = parameter.facets.clone();
        // The tables are tested to hold facets that can be read.
        let facets = Facets::parse(&text).unwrap_or_default();
        let start = start(parameter.kind, parameter.flags, &facets);
        let (name, units) = (parameter.name.clone(), parameter.units.clone());
        Self {
            name,
            kind: parameter.kind,
            flags: parameter.flags,
            text,
            facets,
            units,
            standard: true,
            start,
        }
    }

    /// A vendor's own.
    pub(super) fn of_vendor(name: &str, kind: ValueType, is_writable: bool, text: &str) -> Self {
        let flags = if is_writable { NodeFlags::WRITABLE } else { NodeFlags::default() };
        let facets = Facets::parse(text).unwrap_or_default();
        let start = start(kind, flags, &facets);
        Self {
            name: name.to_owned(),
            kind,
            flags,
            text: text.to_owned(),
            facets,
            units: None,
            standard: false,
            start,
        }
    }

    pub(super) fn is_writable(&self) -> bool {
        self.flags.has(NodeFlags::WRITABLE)
    }

    /// Whether it reads as nothing, whatever it holds.
    pub(super) fn is_hidden(&self) -> bool {
        self.flags.has(NodeFlags::SECRET) || self.flags.has(NodeFlags::COMMAND)
    }

    /// The values of an enumeration, those that only the device sets behind the others; empty if it is none.
    pub(super) fn values(&self) -> Vec<&str> {
        self.facets.enumeration.iter().chain(&self.facets.device_only).map(String::as_str).collect()
    }

    /// The type of the items, if it is a list without brackets.
    pub(super) fn item(&self) -> Option<ValueType> {
        let is_plain = self.facets.list.is_some() && self.facets.nested.is_none();
        is_plain.then(|| self.facets.item.unwrap_or(ValueType::String))
    }

    /// What it holds before anybody set it, in the form in which it travels; `None` if only the device knows.
    pub(super) fn initial(&self) -> Option<String> {
        let declared = self.facets.default.as_ref().or(self.facets.factory.as_ref());
        match &self.start {
            Start::Chosen(value) => Some(value.clone()),
            Start::Device if !self.values().is_empty() && self.item().is_none() => None,
            Start::Device => nothing(self.kind).map(str::to_owned),
            Start::DeviceAlone | Start::Author => None,
            Start::Declared => {
                let first = self.facets.enumeration.first().filter(|_| self.facets.list.is_none());
                Some(declared.or(first).cloned().unwrap_or_else(|| zero(self.kind).to_owned()))
            }
        }
    }

    /// A value that may be set and is not the initial one, if one is easily found.
    pub(super) fn other(&self) -> Option<String> {
        let initial = self.initial()?;
        let enumeration = self.facets.enumeration.iter().map(String::as_str);
        let plain = match self.kind {
            ValueType::Boolean => &["true", "false"][..],
            ValueType::DateTime => &["2024-02-29T12:00:00Z"],
            ValueType::String if self.values().is_empty() => {
                &["office", "1", "00:11:22:33:44:55", "192.0.2.1"]
            }
            ValueType::Base64 => &["Zm9v"],
            ValueType::HexBinary => &["00FF", "0000FF"],
            ValueType::String => &[],
            _ => &["1", "2", "10", "100"],
        };
        let allowed =
            |value: &&str| *value != initial && self.facets.check(self.kind, value, Giver::Client).is_ok();
        let is_free = self.facets.references.is_empty() && self.facets.values_from.is_none();
        enumeration.chain(plain.iter().copied()).find(allowed).filter(|_| is_free).map(str::to_owned)
    }

    /// What a reader should know of the values: `0 to 100, in percent`.
    pub(super) fn about(&self) -> Option<String> {
        let mut parts = Vec::new();
        let or = |all: Vec<String>| all.join(" or ");
        if !self.facets.ranges.is_empty() {
            parts.push(or(self.facets.ranges.iter().map(ToString::to_string).collect()));
        }
        if !self.facets.sizes.is_empty() && self.values().is_empty() {
            let unit = match self.kind {
                ValueType::HexBinary | ValueType::Base64 => "bytes",
                _ => "characters",
            };
            parts.push(format!("{} {unit}", or(self.facets.sizes.iter().map(ToString::to_string).collect())));
        }
        if let Some(items) = self.facets.list.filter(|items| items.low.is_some() || items.high.is_some()) {
            parts.push(format!("{items} items"));
        }
        if !self.facets.references.is_empty() {
            let target: Vec<&str> = self.facets.references.iter().map(String::as_str).collect();
            parts.push(format!("the path of {}", target.join(" or ")));
        }
        if let Some(from) = &self.facets.values_from {
            parts.push(format!("one of {from}"));
        }
        if let Some(units) = &self.units {
            parts.push(format!("in {units}"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What says that there is no value, for the types that have such a thing.
fn nothing(kind: ValueType) -> Option<&'static str> {
    matches!(kind, ValueType::String | ValueType::Base64 | ValueType::HexBinary | ValueType::DateTime)
        .then(|| zero(kind))
}

fn zero(kind: ValueType) -> &'static str {
    match kind {
        ValueType::String | ValueType::Base64 | ValueType::HexBinary => "",
        ValueType::Boolean => "false",
        ValueType::DateTime => "0001-01-01T00:00:00Z",
        _ => "0",
    }
}

fn start(kind: ValueType, flags: NodeFlags, facets: &Facets) -> Start {
    let allows = |value: &str| facets.check(kind, value, Giver::Device).is_ok();
    let is_enumeration = !(facets.enumeration.is_empty() && facets.device_only.is_empty());
    if !flags.has(NodeFlags::WRITABLE) {
        // A number or an enumeration can be left out of an answer; a list or a text cannot, once it is said to be empty.
        let is_text = nothing(kind).is_some() && (!is_enumeration || facets.list.is_some());
        return if !is_text || allows(zero(kind)) { Start::Device } else { Start::DeviceAlone };
    }
    let is_declared = facets.default.is_some() || facets.factory.is_some();
    let is_hidden = flags.has(NodeFlags::SECRET) || flags.has(NodeFlags::COMMAND);
    let is_choice = !facets.enumeration.is_empty() && facets.list.is_none();
    if is_declared || is_hidden || is_choice || allows(zero(kind)) {
        return Start::Declared;
    }
    let bounds = facets.ranges.iter().chain(&facets.sizes).next();
    let nearest = bounds.and_then(|b| b.low.or(b.high));
    let chosen = match (kind, nearest) {
        (ValueType::HexBinary, Some(bytes)) => usize::try_from(bytes).ok().map(|n| "00".repeat(n)),
        (ValueType::String, Some(length)) => usize::try_from(length).ok().map(|n| "-".repeat(n)),
        (_, Some(number)) => Some(number.to_string()),
        (_, None) => None,
    };
    chosen.filter(|value| allows(value)).map_or(Start::Author, Start::Chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ValueType, is_writable: bool, facets: &str) -> Member {
        Member::of_vendor("Name", kind, is_writable, facets)
    }

    #[test]
    fn what_is_there_before_anybody_set_it_is_allowed() {
        for (kind, facets, initial) in [
            (ValueType::UnsignedInt, "range=1:5", "1"),
            (ValueType::UnsignedInt, "range=1:5;default=3", "3"),
            (ValueType::Int, "range=:-2", "-2"),
            (ValueType::String, "enum=A|B", "A"),
            (ValueType::String, "enum=A|B;list=:", ""),
            (ValueType::HexBinary, "size=3:3", "000000"),
            (ValueType::String, "size=:5", ""),
            (ValueType::Boolean, "", "false"),
        ] {
            let member = of(kind, true, facets);
            assert_eq!(member.initial().as_deref(), Some(initial), "{facets}");
            member.facets.check(kind, initial, Giver::Device).unwrap();
            if let Some(other) = member.other() {
                assert_ne!(other, initial);
                member.facets.check(kind, &other, Giver::Client).unwrap();
            }
        }
        assert_eq!(of(ValueType::String, true, r"pattern=\\d+").start, Start::Author);
    }

    #[test]
    fn what_only_the_device_knows_is_not_invented() {
        assert_eq!(of(ValueType::UnsignedInt, false, "").initial(), None);
        assert_eq!(of(ValueType::String, false, "enum=A|B").initial(), None);
        assert_eq!(of(ValueType::String, false, "").initial().as_deref(), Some(""));
        assert_eq!(of(ValueType::String, false, "size=6:6").start, Start::DeviceAlone);
    }

    #[test]
    fn values_are_told_in_words() {
        let member = of(ValueType::UnsignedInt, true, "range=0:100");
        assert_eq!(member.about().as_deref(), Some("0 to 100"));
        assert_eq!(of(ValueType::String, true, "size=:64").about().as_deref(), Some("at most 64 characters"));
        assert_eq!(of(ValueType::Boolean, true, "").about(), None);
    }
}
