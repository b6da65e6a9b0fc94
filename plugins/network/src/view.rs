//! The tree as the facts make it, and what is different between two of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::{Key, RowId, Table};
use crate::value::{Value, Values};

/// All rows with all their values, but for counters.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) rows: BTreeMap<RowId, Row>,
    /// What is in no row, by the name after `Device.`.
    pub(crate) single: Values,
}

/// A row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) values: Values,
    /// The device whose counters its `Stats.` are.
    pub(crate) link: Option<u32>,
    /// Whether an ACS may delete it.
    pub(crate) deletable: bool,
    /// Whether nothing in it can be set, whatever the table says.
    pub(crate) read_only: bool,
}

/// What is different.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Rows of these tables came or went; each table is shown by one of them.
    pub(crate) tables: Vec<RowId>,
    /// These values are others.
    pub(crate) values: Vec<(RowId, &'static str)>,
    pub(crate) single: Vec<&'static str>,
}

impl Difference {
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.values.is_empty() && self.single.is_empty()
    }
}

impl View {
    /// Puts a row in, as small as it can be: there may be thousands.
    pub(crate) fn put(&mut self, id: RowId, mut row: Row) {
        row.values.shrink();
        self.rows.insert(id, row);
    }

    /// The rows of a table.
    pub(crate) fn rows_of(&self, table: Table, above: Option<&Key>) -> impl Iterator<Item = (&RowId, &Row)> {
        let above = above.cloned();
        self.rows.iter().filter(move |(id, _)| id.table == table && id.above == above)
    }

    /// What is different in `new`.
    pub(crate) fn difference(&self, new: &Self) -> Difference {
        let mut difference = Difference::default();
        let mut tables = BTreeSet::new();
        let gone = self.rows.keys().filter(|id| !new.rows.contains_key(*id));
        let came = new.rows.keys().filter(|id| !self.rows.contains_key(*id));
        for id in gone.chain(came) {
            if tables.insert((id.table, id.above.clone())) {
                difference.tables.push(id.clone());
            }
        }
        for (id, row) in &new.rows {
            let Some(old) = self.rows.get(id) else { continue };
            let other = changed(&old.values, &row.values);
            difference.values.extend(other.into_iter().map(|name| (id.clone(), name)));
        }
        difference.single = changed(&self.single, &new.single);
        difference
    }
}

fn changed(old: &Values, new: &Values) -> Vec<&'static str> {
    let other = |(name, value): &&(&'static str, Value)| {
        value.is_announced() && old.get(name).is_some_and(|old| old != value)
    };
    new.iter().filter(other).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: &'static str) -> Row {
        let now = std::time::Instant::now();
        let mut row = Row::default();
        row.values.text("Status", status).set("LastChange", Value::Since(Some(now)));
        row
    }

    #[test]
    fn a_difference_is_rows_that_came_or_went_and_values_that_are_others() {
        let id = |name: &str| RowId::top(Table::EthernetLink, name);
        let (mut old, mut new) = (View::default(), View::default());
        old.rows.insert(id("eth0"), row("Up"));
        old.rows.insert(id("eth1"), row("Up"));
        old.rows.insert(id("gone"), row("Up"));
        new.rows.insert(id("eth0"), row("Down"));
        new.rows.insert(id("eth1"), row("Up"));
        new.rows.insert(id("came"), row("Up"));
        let found = old.difference(&new);
        assert_eq!(found.tables, [id("gone")], "once for the table");
        assert_eq!(found.values, [(id("eth0"), "Status")], "not what goes with the clock");
        assert!(new.difference(&new).is_empty());
    }
}
