//! Unique keys of tables: what no two rows may have in common (TR-106 3.2, C145).
//!
//! The rows are looked at as they will be, so that two of them can swap their keys in one request (C104). A row whose key
//! is empty, and one that its enable parameter keeps out of use, is not bound by it. A table costs a reading only when
//! something of its keys is written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cwmp_model::facets::Facets;
use cwmp_model::{path, Fault, FaultCode};
use cwmp_store::JournalChange;

use super::transaction::OURS;
use super::tree::{Tree, ALIAS};
use super::write::op_byte;
use super::Core;
use crate::provider::{Origin, ADD, SET};

/// The tables whose keys a request touches: name, and the numbers of the rows that it adds.
type Touched = BTreeMap<String, BTreeSet<u32>>;

impl Core {
    /// Names every parameter of the request that would give a row the key of another.
    ///
    /// `given` are the names in the request; defaults of a new row are in the intent only, and are nobody's fault.
    pub(super) async fn check_unique_keys(
        &self,
        tree: &Tree,
        intent: &[JournalChange],
        given: &(dyn Fn(&str) -> bool + Sync),
        faults: &mut Vec<(String, Fault)>,
    ) {
        let touched = touched(tree, intent);
        let tables: Vec<(&str, &BTreeSet<u32>, &Facets)> =
            touched.iter().filter_map(|(t, added)| Some((t.as_str(), added, facets(tree, t)?))).collect();
        if tables.is_empty() {
            return;
        }
        // Live, also for the ACS: a row that it does not see yet has its key all the same. One look at the rows and one
        // reading for all tables: there may be as many as there are rows of a table above them.
        let names: Vec<&str> = tables.iter().map(|(table, _, _)| *table).collect();
        let rows = self.rows_along(tree, &names, false, Origin::Agent).await;
        let mut wanted = Vec::new();
        for (table, added, facets) in &tables {
            let leaves: BTreeSet<&str> = keys(facets).flat_map(|(key, _)| key).map(String::as_str).collect();
            let old = || rows.of(table).iter().map(|row| row.number).filter(|number| !added.contains(number));
            for leaf in leaves.into_iter().chain(facets.enable.as_deref()) {
                wanted.extend(old().map(|number| format!("{table}{number}.{leaf}")));
            }
        }
        let paths: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let mut values: HashMap<String, String> =
            self.read(&paths, Origin::Agent).await.pairs().into_iter().collect();
        let sets = intent.iter().filter(|c| c.op == op_byte(SET));
        values.extend(sets.map(|c| (c.path.clone(), c.value.clone())));
        let mut faulty: HashSet<String> = faults.iter().map(|(name, _)| name.clone()).collect();
        for (table, added, facets) in tables {
            let numbers: BTreeSet<u32> =
                rows.of(table).iter().map(|row| row.number).chain(added.iter().copied()).collect();
            for clash in clashes(table, facets, &numbers, &values) {
                if given(&clash) && faulty.insert(clash.clone()) {
                    let text = format!("{clash}: another row of {table} has the same key");
                    faults.push((clash, Fault::new(FaultCode::InvalidParameterValue, text)));
                }
            }
        }
    }
}

fn facets<'a>(tree: &'a Tree, table: &str) -> Option<&'a Facets> {
    let id = tree.schema.find(table)?;
    tree.schema.node(id).facets().filter(|f| keys(f).next().is_some())
}

/// The keys of a table, and whether each binds only rows that are enabled. Aliases have a check of their own.
fn keys(facets: &Facets) -> impl Iterator<Item = (&[String], bool)> {
    let functional = facets.unique_keys.iter().map(|key| (key.as_slice(), true));
    let permanent = facets.permanent_keys.iter().map(|key| (key.as_slice(), false));
    functional.chain(permanent).filter(|(key, _)| *key != [ALIAS])
}

fn touched(tree: &Tree, intent: &[JournalChange]) -> Touched {
    let mut touched = Touched::new();
    for change in intent {
        if change.op == op_byte(ADD) && change.provider != OURS {
            if let Some((table, number)) = path::split_row(&change.path) {
                touched.entry(table.to_owned()).or_default().insert(number);
            }
        } else if change.op == op_byte(SET) {
            let mut at = path::parent(&change.path);
            while !at.is_empty() {
                if let Some((table, _)) = path::split_row(at) {
                    let leaf = &change.path[at.len()..];
                    let is_part = |f: &Facets| {
                        f.enable.as_deref() == Some(leaf)
                            || keys(f).flat_map(|(key, _)| key).any(|k| k == leaf)
                    };
                    if facets(tree, table).is_some_and(is_part) {
                        touched.entry(table.to_owned()).or_default();
                    }
                }
                at = path::parent(at);
            }
        }
    }
    touched.retain(|table, _| facets(tree, table).is_some());
    touched
}

/// The parameters of every row that has the key of another.
fn clashes(
    table: &str,
    facets: &Facets,
    numbers: &BTreeSet<u32>,
    values: &HashMap<String, String>,
) -> BTreeSet<String> {
    let value =
        |number: u32, leaf: &str| values.get(&format!("{table}{number}.{leaf}")).map_or("", String::as_str);
    let is_enabled =
        |number: u32| facets.enable.as_deref().is_none_or(|leaf| matches!(value(number, leaf), "true" | "1"));
    let mut found = BTreeSet::new();
    for (key, enabled_only) in keys(facets) {
        let mut seen: HashMap<Vec<&str>, Vec<u32>> = HashMap::new();
        for number in numbers.iter().copied().filter(|n| !enabled_only || is_enabled(*n)) {
            let parts: Vec<&str> = key.iter().map(|leaf| value(number, leaf)).collect();
            if parts.iter().any(|part| !part.is_empty()) {
                seen.entry(parts).or_default().push(number);
            }
        }
        for number in seen.into_values().filter(|same| same.len() > 1).flatten() {
            let enable = facets.enable.as_deref().filter(|_| enabled_only);
            let parts = key.iter().map(String::as_str).chain(enable);
            found.extend(parts.map(|leaf| format!("{table}{number}.{leaf}")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(facets: &str, rows: &[(u32, &str, &str)]) -> Vec<String> {
        let facets = Facets::parse(facets).unwrap();
        let numbers = rows.iter().map(|(number, ..)| *number).collect();
        let value =
            |(number, leaf, text): &(u32, &str, &str)| (format!("T.{number}.{leaf}"), (*text).to_owned());
        clashes("T.", &facets, &numbers, &rows.iter().map(value).collect()).into_iter().collect()
    }

    /// C145: rows that have a key in common are named with all of its parts.
    #[test]
    fn rows_with_the_same_key_clash() {
        assert_eq!(clash("unique=A", &[(1, "A", "x"), (2, "A", "x"), (3, "A", "y")]), ["T.1.A", "T.2.A"]);
        let rows = [(1, "A", "x"), (1, "B", "y"), (2, "A", "x"), (2, "B", "y"), (3, "A", "x"), (3, "B", "z")];
        assert_eq!(clash("unique=A,B", &rows), ["T.1.A", "T.1.B", "T.2.A", "T.2.B"]);
        assert_eq!(clash("unique=B", &rows), ["T.1.B", "T.2.B"]);
    }

    /// C145: rows that are not enabled are not bound.
    #[test]
    fn a_row_that_is_off_is_not_bound() {
        let rows = [(1, "A", "x"), (1, "On", "true"), (2, "A", "x"), (2, "On", "false")];
        assert_eq!(clash("unique=A;enable=On", &rows), Vec::<String>::new());
        let rows = [(1, "A", "x"), (1, "On", "true"), (2, "A", "x"), (2, "On", "1")];
        assert_eq!(clash("unique=A;enable=On", &rows), ["T.1.A", "T.1.On", "T.2.A", "T.2.On"]);
    }

    /// C145: a key that is not functional binds every row.
    #[test]
    fn a_key_that_identifies_binds_rows_that_are_off() {
        let rows = [(1, "A", "x"), (1, "On", "true"), (2, "A", "x"), (2, "On", "false")];
        assert_eq!(clash("key=A;enable=On", &rows), ["T.1.A", "T.2.A"]);
    }

    #[test]
    fn rows_that_were_just_added_have_no_key_yet() {
        assert_eq!(clash("unique=A", &[(1, "A", ""), (2, "A", "")]), Vec::<String>::new());
    }
}
