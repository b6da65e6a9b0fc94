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

/// What is known of rows. Any thread may ask.
#[derive(Debug, Default)]
pub(crate) struct Known {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tables: HashMap<String, Keys>,
    /// How many keys all tables have.
    keys: usize,
    listed: HashSet<String>,
}

/// The keys of one table, both ways.
#[derive(Debug, Default)]
struct Keys {
    numbers: HashMap<String, u32>,
    keys: HashMap<u32, String>,
}

impl Keys {
    /// `true` if the key is new.
    fn learn(&mut self, key: &str, number: u32) -> bool {
        let before = self.numbers.insert(key.to_owned(), number);
        if let Some(other) = before.filter(|other| *other != number) {
            self.keys.remove(&other);
        }
        if let Some(other) = self.keys.insert(number, key.to_owned()).filter(|other| other != key) {
            self.numbers.remove(&other);
            return false;
        }
        before.is_none()
    }
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here panics half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a key, if it has one.
    pub(crate) fn number(&self, table: &str, key: &str) -> Option<u32> {
        self.lock().tables.get(table)?.numbers.get(key).copied()
    }

    /// The key of a number, if it is known.
    pub(crate) fn key(&self, table: &str, number: u32) -> Option<String> {
        self.lock().tables.get(table)?.keys.get(&number).cloned()
    }

    /// A key has a number.
    pub(crate) fn learn(&self, table: &str, key: &str, number: u32) {
        let mut inner = self.lock();
        if inner.keys >= MAX_KEYS {
            inner.tables.clear();
            inner.keys = 0;
        }
        let inner = &mut *inner;
        let keys = match inner.tables.get_mut(table) {
            Some(keys) => keys,
            None => inner.tables.entry(table.to_owned()).or_default(),
        };
        inner.keys += usize::from(keys.learn(key, number));
    }

    /// The numbers of keys where nobody gives any: those that have none follow the largest, and `least`.
    pub(crate) fn count(&self, table: &str, keys: &[&str], least: u32) -> Vec<u32> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let known = inner.tables.entry(table.to_owned()).or_default();
        let mut last = known.keys.keys().copied().max().unwrap_or(0).max(least);
        let mut number_of = |key: &&str| {
            known.numbers.get(*key).copied().unwrap_or_else(|| {
                last = last.saturating_add(1);
                inner.keys += usize::from(known.learn(key, last));
                last
            })
        };
        keys.iter().map(&mut number_of).collect()
    }

    /// Another agent may know other numbers.
    pub(crate) fn forget(&self) {
        *self.lock() = Inner::default();
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
    fn a_key_and_its_number_lead_to_each_other() {
        let known = Known::default();
        known.learn("Device.T.", "a", 4);
        known.learn("Device.T.", "b", 5);
        assert_eq!((known.number("Device.T.", "a"), known.key("Device.T.", 5)), (Some(4), Some("b".into())));
        assert_eq!(known.number("Device.U.", "a"), None);
        // The number of "b" is that of "c" now, which had another.
        known.learn("Device.T.", "c", 6);
        known.learn("Device.T.", "c", 5);
        assert_eq!((known.number("Device.T.", "b"), known.key("Device.T.", 6)), (None, None));
        assert_eq!(known.key("Device.T.", 5).as_deref(), Some("c"));
        known.forget();
        assert_eq!(known.number("Device.T.", "a"), None);
    }

    #[test]
    fn counted_numbers_are_not_counted_twice() {
        let known = Known::default();
        assert_eq!(known.count("Device.T.", &["a", "b"], 7), [8, 9]);
        assert_eq!(known.count("Device.T.", &["c", "a"], 0), [10, 8]);
        assert_eq!(known.count("Device.U.", &["a"], 0), [1]);
    }

    #[test]
    fn only_so_many_keys_are_remembered() {
        let known = Known::default();
        for number in 0..=u32::try_from(MAX_KEYS).unwrap() {
            known.learn("Device.T.", &number.to_string(), number + 1);
        }
        assert_eq!(known.number("Device.T.", "0"), None);
        assert!(known.number("Device.T.", &MAX_KEYS.to_string()).is_some());
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
