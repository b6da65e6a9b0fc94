//! The test of a plugin in Rust.

use std::fmt::Write as _;

use super::member::Member;
use super::plan::{Plan, Served};
use super::rust::has_field;

/// The whole of `src/tests.rs`.
pub(super) fn source(plan: &Plan) -> String {
    let mut text = String::from(include_str!("templates/tests.rs.in"));
    let Some((object, member, value)) = what_to_set(plan) else { return text };
    let (row, path) = instance(object);
    let name = format!("{path}{}", member.name);
    text.push_str("\n#[test]\nfn what_is_set_survives_a_restart() {\n");
    text.push_str("    let mut plugin = Harness::new(&PLUGIN, \"{}\");\n");
    for row in row {
        let _ = writeln!(text, "    let row = \"{row}\";\n    plugin.add(row).unwrap();");
    }
    let _ = writeln!(text, "    let name = \"{name}\";");
    let _ = writeln!(text, "    assert_ne!(plugin.get(name).unwrap(), {value:?});");
    let _ = writeln!(text, "    plugin.set(&[(name, {value:?})]).unwrap();");
    let _ = writeln!(text, "    assert_eq!(plugin.restart().get(name).unwrap(), {value:?});\n}}");
    text
}

/// A parameter that can be set in the test, and a value for it.
fn what_to_set(plan: &Plan) -> Option<(&Served, &Member, String)> {
    for object in &plan.objects {
        // The rows of what takes none come from the device, which knows none yet.
        let takes_rows = |path: &str| plan.objects.iter().any(|o| o.path == path && o.writable);
        if !rows_of(&object.path).iter().all(|table| takes_rows(table)) {
            continue;
        }
        for member in object.members.iter().filter(|m| has_field(m) && m.is_writable() && !m.is_hidden()) {
            if let Some(value) = member.other() {
                return Some((object, member, value));
            }
        }
    }
    None
}

/// The schema paths of the tables that an object lies in, itself included.
fn rows_of(path: &str) -> Vec<&str> {
    path.match_indices("{i}.").map(|(at, row)| &path[..at + row.len()]).collect()
}

/// The first of all rows: the rows to add, and the path of the object.
pub(super) fn instance(object: &Served) -> (Vec<String>, String) {
    let first = |path: &str| path.replace("{i}.", "1.");
    (rows_of(&object.path).into_iter().map(first).collect(), first(&object.path))
}
