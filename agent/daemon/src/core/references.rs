//! References from one parameter to a row or parameter elsewhere (TR-106 3.2.4, C144).
//!
//! The value is a full path without a dot at its end, or a list of them; empty means none. What a strong reference points
//! at must be there, and when it goes, the reference goes in the same transaction. A weak one may point at nothing.

use cwmp_model::facets::Facets;
use cwmp_model::schema::NodeId;
use cwmp_model::{path, Fault, FaultCode};
use cwmp_store::JournalChange;

use super::names::outermost_table;
use super::rows::owners_of_rows;
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
        for change in intent.iter().filter(|c| c.op == op_byte(SET)) {
            let Some(facets) = tree.schema.find(&change.path).and_then(|id| references(tree, id)) else {
                continue;
            };
            for target in items(&change.value) {
                let good = facets.references.iter().any(|table| leads_below(table, target))
                    && (!facets.strong || self.is_there(tree, target).await);
                if !good {
                    let text = format!("{}: '{target}' is nothing that it may refer to", change.path);
                    faults.push((change.path.clone(), Fault::new(FaultCode::InvalidParameterValue, text)));
                    break;
                }
            }
        }
    }

    /// Whether a path names something. What belongs to a provider that is away may be there.
    async fn is_there(&self, tree: &Tree, target: &str) -> bool {
        let object = format!("{target}.");
        let known = tree.schema.find(target).or_else(|| tree.schema.find(&object));
        if path::check(target).is_err() && path::check(&object).is_err() || known.is_none() {
            return false;
        }
        let owners = owners_of_rows(tree, &object, false);
        let rows = self.rows(tree, &owners, outermost_table(&object), Origin::Agent).await;
        rows.exist(&object) || owners.iter().any(|owner| rows.away(*owner).is_some())
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

fn references(tree: &Tree, id: NodeId) -> Option<&Facets> {
    tree.schema.node(id).facets().filter(|f| !f.references.is_empty())
}

/// The paths in a value: one, or a list of them.
fn items(value: &str) -> impl Iterator<Item = &str> {
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
