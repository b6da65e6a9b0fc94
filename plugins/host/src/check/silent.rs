//! Rows that are listed and of which nothing is known.

use std::collections::BTreeMap;

use super::report::{Part, Report};
use crate::read::PathFault;
use crate::rows::tables_of;

/// A row that answers 9005 to everything that it was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Silent {
    /// How many parameters that was.
    asked: usize,
    /// What the plugin said about the first.
    text: String,
}

/// Tells of rows that answer 9005 to everything, each in one line, and gives what else is unknown. `known` has the names
/// that were answered with a value or another fault.
///
/// A single value may be unknown for the time being. A row of which that is true of all values is one that `get` does not
/// find: mostly it looks for another number than the one that the row was given.
pub(super) fn tell<'a>(
    unknown: Vec<PathFault>,
    known: impl Iterator<Item = &'a str>,
    report: &Report,
) -> Vec<PathFault> {
    let rows = find(&unknown, known);
    for (row, Silent { asked, text }) in &rows {
        let all =
            if *asked == 1 { "its one parameter".to_owned() } else { format!("all its {asked} parameters") };
        let text = format!("get: {row}: is listed by instances(), but get() answers 9005 to {all}: {text}");
        report.bad(Part::Read, Some(row), &text);
    }
    let is_other = |(name, _): &PathFault| !rows_of(name).any(|row| rows.contains_key(row));
    unknown.into_iter().filter(is_other).collect()
}

fn find<'a>(unknown: &[PathFault], known: impl Iterator<Item = &'a str>) -> BTreeMap<String, Silent> {
    let mut rows: BTreeMap<String, Silent> = BTreeMap::new();
    for (name, fault) in unknown {
        for row in rows_of(name) {
            match rows.get_mut(row) {
                Some(silent) => silent.asked += 1,
                None => {
                    rows.insert(row.to_owned(), Silent { asked: 1, text: fault.text.to_string() });
                }
            }
        }
    }
    for name in known {
        for row in rows_of(name) {
            rows.remove(row);
        }
    }
    // What stands in a silent row is part of what it says.
    let inner = |row: &str| rows_of(row).any(|outer| outer != row && rows.contains_key(outer));
    let inner: Vec<String> = rows.keys().filter(|row| inner(row)).cloned().collect();
    rows.retain(|row, _| !inner.contains(row));
    rows
}

/// The rows that a name goes through: `Device.A.1.` and `Device.A.1.B.2.` for `Device.A.1.B.2.C`.
fn rows_of(name: &str) -> impl Iterator<Item = &str> {
    let end = |table: &str| name[table.len()..].find('.').map(|dot| table.len() + dot + 1);
    tables_of(name).into_iter().filter_map(move |table| end(table).map(|end| &name[..end]))
}

#[cfg(test)]
mod tests {
    use cwmp_model::{Fault, FaultCode};

    use super::*;

    #[test]
    fn a_row_is_silent_if_nothing_in_it_is_known_and_then_it_is_the_outermost_that_is() {
        let unknown = [
            "Device.A.1.X",
            "Device.A.1.B.1.X",
            "Device.A.2.X",
            "Device.A.2.B.1.X",
            "Device.A.2.B.1.Y",
            "Device.A.3.X",
            "Device.Y",
        ];
        let fault = |name: &&str| ((*name).to_owned(), Fault::new(FaultCode::InvalidParameterName, "gone"));
        let unknown: Vec<PathFault> = unknown.iter().map(fault).collect();
        let known = ["Device.X", "Device.A.2.Y", "Device.A.3.B.1.X"];
        let found = find(&unknown, known.into_iter());
        let silent = |asked| Silent { asked, text: "gone".to_owned() };
        let expected = [("Device.A.1.", silent(2)), ("Device.A.2.B.1.", silent(2))];
        assert_eq!(found, expected.map(|(row, silent)| (row.to_owned(), silent)).into());
    }
}
