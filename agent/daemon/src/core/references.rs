//! References from one parameter to a row or parameter elsewhere (TR-106 3.2.4, C144).
//!
//! The value is a full path without a dot at its end, or a list of them; empty means none. What a strong reference points
//! at must be there, and when it goes, the reference goes in the same transaction. A weak one may point at nothing.

use cwmp_model::facets::{Facets, Target};
use cwmp_model::schema::NodeId;
use cwmp_model::{path, Fault, FaultCode};
use cwmp_store::JournalChange;

use super::rows::{owners_of_rows, Rows};
use super::tree::{Tree, AGENT};
use super::write::op_byte;
use super::Core;
use crate::provider::{Origin, SET};

impl Core {
    /// Names every parameter of the request that would point where it may not.
    pub(super) async fn check_references(
        &self,
        tree: &Tree,
        intent: &[JournalChange],
        faults: &mut Vec<(String, Fault)>,
    ) {
        let references = intent.iter().filter(|c| c.op == op_byte(SET)).filter_map(|change| {
            let facets = tree.schema.find(&change.path).and_then(|id| references(tree, id))?;
            Some((change, facets))
        });
        let references: Vec<(&JournalChange, &Facets)> = references.collect();
        // Every provider is asked for its rows once, whatever the number of targets.
        let strong = references.iter().filter(|(_, facets)| facets.strong);
        let targets: Vec<String> =
            strong.flat_map(|(change, _)| items(&change.value)).filter_map(|t| object(tree, t)).collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let rows = self.rows_along(tree, &targets, false, Origin::Agent).await;
        for (change, facets) in references {
            let good = |target: &&str| {
                facets.references.iter().any(|table| leads_below(table, target))
                    && facets.target.is_none_or(|kind| is_a(kind, target))
                    && (!facets.strong || is_there(tree, &rows, target))
            };
            if let Some(target) = items(&change.value).find(|target| !good(target)) {
                let text = format!("{}: '{target}' is nothing that it may refer to", change.path);
                faults.push((change.path.clone(), Fault::new(FaultCode::InvalidParameterValue, text)));
            }
        }
    }

    /// The changes that empty every strong reference to a row that goes, or to something below it (C140).
    pub(super) async fn released(&self, tree: &Tree, row: &str) -> Vec<JournalChange> {
        let mut changes = Vec::new();
        let Some(root) = tree.schema.find("") else { return changes };
        for id in tree.schema.below(root) {
            let Some(facets) = references(tree, id) else { continue };
            let node = tree.schema.node(id);
            let may_point =
                facets.references.iter().any(|table| leads_below(table, row) || is_inside(table, row));
            let (owner, Some(kind)) = (tree.owner_of(id), node.value_type()) else { continue };
            if owner == AGENT || !node.is_writable() || !facets.strong || !may_point {
                continue;
            }
            let schema_path = tree.schema.path_of(id);
            let above = schema_path.split("{i}").next().unwrap_or_default();
            for (name, value) in self.read(&[above], Origin::Agent).await.pairs() {
                let is_it = tree.schema.find(&name) == Some(id) && !name.starts_with(row);
                let kept: Vec<&str> = items(&value).filter(|target| !goes_with(row, target)).collect();
                if is_it && kept.len() != items(&value).count() {
                    changes.push(JournalChange {
                        provider: tree.owner_name(owner).to_owned(),
                        op: op_byte(SET),
                        kind: kind.number(),
                        path: name,
                        value: kept.join(","),
                    });
                }
            }
        }
        changes
    }
}

/// Whether a path names something. What belongs to a provider that is away may be there.
fn is_there(tree: &Tree, rows: &Rows, target: &str) -> bool {
    let is_away = |object: &str| {
        owners_of_rows(tree, object, false).into_iter().any(|owner| rows.away(owner).is_some())
    };
    object(tree, target).is_some_and(|object| rows.exist(&object) || is_away(&object))
}

/// The target as an object, if the tree can have it; a parameter has the dot too, which changes nothing of its rows.
fn object(tree: &Tree, target: &str) -> Option<String> {
    let object = format!("{target}.");
    let is_path = path::check(target).is_ok() || path::check(&object).is_ok();
    (is_path && tree.schema.find(target).or_else(|| tree.schema.find(&object)).is_some()).then_some(object)
}

fn references(tree: &Tree, id: NodeId) -> Option<&Facets> {
    tree.schema.node(id).facets().filter(|f| !f.references.is_empty())
}

/// What stands in a value: one thing, or a list of them.
pub(super) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Whether a target is the row, or lies below it.
fn goes_with(row: &str, target: &str) -> bool {
    row.strip_suffix('.') == Some(target) || target.starts_with(row)
}

/// Whether a name lies below one of the tables or objects that a declaration names: `Device.A.` or `Device.A.{i}.`.
fn leads_below(declared: &str, name: &str) -> bool {
    let mut wanted = parts(declared);
    if wanted.last() == Some(&"{i}") {
        wanted.pop();
    }
    let found = parts(name);
    found.len() > wanted.len() && fits(&wanted, &found)
}

/// Whether a target looks like what a reference leads to. Names have no number at their end, rows have.
fn is_a(kind: Target, target: &str) -> bool {
    let is_row = target.rsplit('.').next().and_then(path::instance_number).is_some();
    match kind {
        Target::Row => is_row,
        Target::Object | Target::Parameter => !is_row,
        Target::Any => true,
    }
}

/// Whether what a declaration names lies below a row.
fn is_inside(declared: &str, row: &str) -> bool {
    let (wanted, found) = (parts(row), parts(declared));
    found.len() >= wanted.len() && fits(&wanted, &found)
}

fn parts(path: &str) -> Vec<&str> {
    path.trim_end_matches('.').split('.').collect()
}

/// Whether two paths agree as far as the shorter one goes; `{i}` is any row.
fn fits(one: &[&str], other: &[&str]) -> bool {
    let is_row = |part: &str| part == "{i}" || path::instance_number(part).is_some();
    one.iter().zip(other).all(|(a, b)| a == b || (is_row(a) && is_row(b) && (*a == "{i}" || *b == "{i}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C144: only what lies below the declared tables may be referred to.
    #[test]
    fn a_reference_stays_below_its_tables() {
        for table in ["Device.A.B.", "Device.A.B.{i}."] {
            assert!(leads_below(table, "Device.A.B.3"), "{table}");
            assert!(leads_below(table, "Device.A.B.3.C"), "{table}");
            assert!(!leads_below(table, "Device.A.B"), "{table}");
            assert!(!leads_below(table, "Device.A.C.3"), "{table}");
        }
        assert!(leads_below("Device.A.{i}.B.", "Device.A.7.B.1"));
        assert!(!leads_below("Device.A.{i}.B.", "Device.A.7.C.1"));
    }

    /// C144: a reference to rows does not lead to what lies in them.
    #[test]
    fn a_reference_leads_to_what_it_says() {
        assert!(is_a(Target::Row, "Device.A.B.3") && !is_a(Target::Row, "Device.A.B.3.C"));
        assert!(is_a(Target::Parameter, "Device.A.B.3.C") && !is_a(Target::Parameter, "Device.A.B.3"));
        assert!(is_a(Target::Any, "Device.A.B.3") && is_a(Target::Any, "Device.A.B.3.C"));
    }

    /// C140: a row takes along what lies below it, and nothing else.
    #[test]
    fn a_row_takes_along_what_is_below_it() {
        assert!(goes_with("Device.A.3.", "Device.A.3"));
        assert!(goes_with("Device.A.3.", "Device.A.3.B.1"));
        assert!(!goes_with("Device.A.3.", "Device.A.30"));
        assert!(!goes_with("Device.A.3.", "Device.A"));
        assert!(is_inside("Device.A.{i}.B.{i}.", "Device.A.3."));
        assert!(!is_inside("Device.C.{i}.", "Device.A.3."));
    }
}
