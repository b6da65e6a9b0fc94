//! The values of a row, before anybody asks for them.

use std::borrow::Cow;
use std::time::Instant;

use cwmp_plugin_sdk::DateTime;

use crate::facts::Lifetime;
use crate::table::RowId;

/// A value, or where it comes from at the moment that it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Flag(bool),
    Unsigned(u32),
    Int(i32),
    Moment(DateTime),
    /// The paths of these rows.
    Rows(Vec<RowId>),
    /// Seconds since then.
    Since(Option<Instant>),
    /// The moment at which this ends.
    Ends(Option<Lifetime>),
    /// Whether a lease with this end is in force.
    Bound(Lifetime),
    /// The seconds until this ends.
    Left(Option<Lifetime>),
    /// The first number in a file of the machine, or 0: the speed of a port.
    Number(String),
    /// A word in a file of the machine: the duplex mode of a port.
    Duplex(String),
    /// Whether a switch of the kernel is off.
    Off(String),
    /// The same, as a status.
    Enabled(String),
}

impl Value {
    /// A text that may be missing.
    pub(crate) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A reference to a row, or to none.
    pub(crate) fn row(row: Option<RowId>) -> Self {
        Self::Rows(row.into_iter().collect())
    }

    /// Whether a change of it is announced: not what changes with the clock, and not what no message is about.
    pub(crate) fn is_announced(&self) -> bool {
        !matches!(
            self,
            Self::Since(_)
                | Self::Ends(_)
                | Self::Bound(_)
                | Self::Left(_)
                | Self::Number(_)
                | Self::Duplex(_)
                | Self::Off(_)
                | Self::Enabled(_)
        )
    }
}

/// The values of a row, by their names: a dozen, so that a list of them is smaller than a map and no slower.
#[derive(Debug, Default)]
pub(crate) struct Values(Vec<(&'static str, Value)>);

impl Values {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.0.iter()
    }

    /// Sets a value, in the place of another with this name.
    pub(crate) fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets all of these.
    pub(crate) fn set_all(&mut self, values: Vec<(&'static str, Value)>) {
        self.0.reserve(values.len());
        for (name, value) in values {
            self.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_place_of_another_with_its_name() {
        let mut values = Values::default();
        values.set_all(vec![("Enable", Value::Flag(true)), ("Status", Value::text("Up"))]);
        values.set_all(vec![("Status", Value::text("Down")), ("Name", Value::text("wan".to_owned()))]);
        assert_eq!(values.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["Enable", "Status", "Name"]);
        assert_eq!(values.get("Status"), Some(&Value::text("Down")));
        assert_eq!(values.get("Stat"), None);
    }
}
