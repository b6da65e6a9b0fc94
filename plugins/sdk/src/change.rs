//! What a transaction changes.

use crate::{Error, Kind, Name, Parse};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A parameter gets a value.
    Set,
    /// A row comes; its number is the agent's choice.
    Add,
    /// A row goes, with everything below it.
    Delete,
}

/// One change of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// What is done.
    pub op: Op,
    /// The parameter, or the row.
    pub name: Name<'a>,
    /// The type of the value; `None` for rows.
    pub kind: Option<Kind>,
    /// The value in its lexical form, checked against type and facets; empty for rows.
    pub value: &'a str,
}

impl Change<'_> {
    /// The value.
    pub fn value<T: Parse>(&self) -> Result<T, Error> {
        T::parse(self.value).ok_or_else(|| Error::kind(format!("'{}' is of another type", self.value)))
    }
}

/// Which change is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFault {
    /// The position of the change in the transaction.
    pub index: usize,
    /// Why.
    pub error: Error,
}
