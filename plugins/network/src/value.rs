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

    /// Gives back the room that no value takes.
    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Sets a value, in the place of another with this name.
    pub(crate) fn set(&mut self, name: &'static str, value: Value) -> &mut Self {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
        self
    }

    pub(crate) fn flag(&mut self, name: &'static str, flag: bool) -> &mut Self {
        self.set(name, Value::Flag(flag))
    }

    pub(crate) fn number(&mut self, name: &'static str, number: u32) -> &mut Self {
        self.set(name, Value::Unsigned(number))
    }

    pub(crate) fn text(&mut self, name: &'static str, text: impl Into<Cow<'static, str>>) -> &mut Self {
        self.set(name, Value::Text(text.into()))
    }

    /// Something as it is written; without it an empty text.
    pub(crate) fn written<T: ToString>(&mut self, name: &'static str, what: Option<T>) -> &mut Self {
        self.text(name, what.map(|what| what.to_string()).unwrap_or_default())
    }

    /// A reference to a row, or to none.
    pub(crate) fn row(&mut self, name: &'static str, row: Option<RowId>) -> &mut Self {
        self.set(name, Value::Rows(row.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_place_of_another_with_its_name() {
        let mut values = Values::default();
        values.flag("Enable", true).text("Status", "Up");
        values.text("Status", "Down").written("Name", Some("wan")).row("Router", None);
        assert_eq!(
            values.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["Enable", "Status", "Name", "Router"]
        );
        assert_eq!(values.get("Status"), Some(&Value::Text("Down".into())));
        assert_eq!(values.get("Stat"), None);
    }
}
