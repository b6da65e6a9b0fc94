//! The values of a row, before anybody asks for them.

use std::time::Instant;

use cwmp_plugin_sdk::DateTime;

use crate::facts::Lifetime;
use crate::table::RowId;

/// A value, or where it comes from at the moment that it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
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
    pub(crate) fn text(text: impl Into<String>) -> Self {
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
