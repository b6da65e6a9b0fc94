//! Rows of tables: which the plugin reported, and which numbers the agent gave to them.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cwmp_model::path;

use crate::request::Reported;

/// The most keys of rows that are remembered; beyond, all are asked for again.
pub(crate) const MAX_KEYS: usize = 65_536;

/// A row with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The instance number.
    pub(crate) number: u32,
    /// `CWMP_ROW_*`.
    pub(crate) flags: u32,
    /// The alias that the plugin knows, or empty.
    pub(crate) alias: String,
}

/// What is known of rows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    numbers: HashMap<(String, String), u32>,
    listed: HashSet<String>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here panics half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a key, if the agent gave one.
    pub(crate) fn number(&self, table: &str, key: &str) -> Option<u32> {
        self.lock().numbers.get(&(table.to_owned(), key.to_owned())).copied()
    }

    /// The agent gave a number to a key.
    pub(crate) fn learn(&self, table: &str, key: &str, number: u32) {
        let mut inner = self.lock();
        if inner.numbers.len() >= MAX_KEYS {
            inner.numbers.clear();
        }
        inner.numbers.insert((table.to_owned(), key.to_owned()), number);
    }

    /// The rows of a table were asked for.
    pub(crate) fn list(&self, table: &str) {
        let mut inner = self.lock();
        if inner.listed.len() >= MAX_KEYS {
            inner.listed.clear();
        }
        inner.listed.insert(table.to_owned());
    }

    /// Whether the rows of a table were asked for since the start.
    pub(crate) fn is_listed(&self, table: &str) -> bool {
        self.lock().listed.contains(table)
    }
}

/// The tables that a name goes through: `Device.A.` and `Device.A.1.B.` for `Device.A.1.B.2.C`.
pub(crate) fn tables_of(name: &str) -> Vec<&str> {
    let mut tables = Vec::new();
    let mut from = 0;
    while let Some(dot) = name[from..].find('.') {
        if path::instance_number(&name[from..from + dot]).is_some() {
            tables.push(&name[..from]);
        }
        from += dot + 1;
    }
    tables
}

/// Makes rows of what the plugin reported for one table, and says what was wrong with the others.
pub(crate) fn number_rows(
    table: &str,
    reported: &[&Reported],
    number_of: impl Fn(&str) -> Option<u32>,
) -> (Vec<Row>, Vec<String>) {
    let mut seen = HashSet::new();
    let mut rows = Vec::with_capacity(reported.len());
    let mut wrong = Vec::new();
    for row in reported {
        let number = match (row.number, row.key.as_str()) {
            (0, "") => {
                wrong.push(format!("{table}: a row has neither a number nor a key"));
                continue;
            }
            (0, key) => match number_of(key) {
                Some(number) => number,
                None => continue,
            },
            (number, _) => number,
        };
        if seen.insert(number) {
            rows.push(Row { number, flags: row.flags & 3, alias: row.alias.clone() });
        } else {
            wrong.push(format!("{table}: row {number} was reported twice"));
        }
    }
    rows.sort_by_key(|r| r.number);
    (rows, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_through_its_tables() {
        assert_eq!(tables_of("Device.A.1.B.2.C"), ["Device.A.", "Device.A.1.B."]);
        assert_eq!(tables_of("Device.A.1."), ["Device.A."]);
        assert_eq!(tables_of("Device.A.B"), [""; 0]);
    }

    #[test]
    fn rows_without_a_number_get_that_of_their_key() {
        let row = |number, key: &str| Reported {
            index: 0,
            number,
            flags: 1,
            key: key.into(),
            alias: String::new(),
        };
        let all = [row(0, "mac-b"), row(3, ""), row(0, ""), row(3, "again"), row(0, "unknown")];
        let all: Vec<_> = all.iter().collect();
        let (rows, wrong) = number_rows("Device.T.", &all, |key| (key == "mac-b").then_some(7));
        assert_eq!(rows.iter().map(|r| r.number).collect::<Vec<_>>(), [3, 7]);
        assert_eq!(wrong.len(), 2);
    }
}
