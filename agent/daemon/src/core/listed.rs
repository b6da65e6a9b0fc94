//! Values that must stand in a list which another parameter holds (TR-106, enumeration references).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use cwmp_model::facets::Facets;
use cwmp_model::{list_item, Fault, FaultCode};
use cwmp_store::JournalChange;

use super::references::items;
use super::tree::Tree;
use super::write::op_byte;
use super::Core;
use crate::provider::{words, Origin, SET};

impl Core {
    /// Names every given parameter whose value is none of those that stand in the parameter which lists them. A list that
    /// cannot be read refuses nothing: what the device does not tell, its provider must judge.
    pub(super) async fn check_listed(
        &self,
        tree: &Tree,
        intent: &[JournalChange],
        given: &(dyn Fn(&str) -> bool + Sync),
        faults: &mut Vec<(String, Fault)>,
    ) {
        let mut wanted: BTreeMap<&str, (String, &Facets)> = BTreeMap::new();
        for change in intent.iter().filter(|c| c.op == op_byte(SET) && given(&c.path)) {
            let facets = tree.schema.find(&change.path).and_then(|id| tree.schema.node(id).facets());
            let Some((facets, list)) = facets.and_then(|f| Some((f, f.values_from.as_deref()?))) else {
                continue;
            };
            if let Some(list) = beside(list, &change.path).filter(|list| tree.schema.find(list).is_some()) {
                wanted.insert(&change.path, (list, facets));
            }
        }
        if wanted.is_empty() {
            return;
        }
        let lists: BTreeSet<&str> = wanted.values().map(|(list, _)| list.as_str()).collect();
        let lists: Vec<&str> = lists.into_iter().collect();
        let mut known: HashMap<String, String> =
            self.read(&lists, Origin::Agent).await.pairs().into_iter().collect();
        // As they will be, when the same request changes them.
        known.extend(
            intent
                .iter()
                .filter(|c| lists.contains(&c.path.as_str()))
                .map(|c| (c.path.clone(), c.value.clone())),
        );
        for change in intent {
            let Some((list, facets)) = wanted.get(change.path.as_str()) else { continue };
            let Some(allowed) = known.get(list) else { continue };
            let is_listed =
                |value: &str| facets.no_value.as_deref() == Some(value) || stands_in(value, allowed);
            let values: Vec<Cow<'_, str>> = match facets.list {
                Some(_) => items(&change.value).map(list_item::decode).collect(),
                None => vec![Cow::Borrowed(change.value.trim())],
            };
            if let Some(wrong) = values.into_iter().find(|value| !is_listed(value)) {
                faults.push((change.path.clone(), none_of(&change.path, &wrong, list, allowed)));
            }
        }
    }
}

/// Whether a list has this item, as what stands in the list means it.
fn stands_in(value: &str, list: &str) -> bool {
    items(list).any(|item| list_item::decode(item) == value)
}

fn none_of(path: &str, wrong: &str, list: &str, allowed: &str) -> Fault {
    // Both may be as long as a message.
    let (wrong, allowed) = (words(wrong), words(allowed));
    Fault::new(FaultCode::InvalidParameterValue, format!("{path}: '{wrong}' is none of {list}: {allowed}"))
}

/// The parameter at a schema path, in the rows that another one lies in; `None` if it lies in rows of its own.
fn beside(schema_path: &str, name: &str) -> Option<String> {
    let mut path = String::with_capacity(schema_path.len());
    let mut together = true;
    let mut others = name.split('.');
    for (i, part) in schema_path.split('.').enumerate() {
        if i > 0 {
            path.push('.');
        }
        let other = others.next().unwrap_or_default();
        if part == "{i}" {
            if !together {
                return None;
            }
            path.push_str(other);
        } else {
            together &= part == other;
            path.push_str(part);
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_not_told_to_its_end() {
        let long = "x,".repeat(crate::provider::MAX_WORDS);
        let fault = none_of("Device.A.B", "y", "Device.A.L", &long);
        assert!(fault.text.starts_with("Device.A.B: 'y' is none of Device.A.L: x,x,"));
        assert!(
            none_of("Device.A.B", &long, "Device.A.L", &long).text.len() < 3 * crate::provider::MAX_WORDS
        );
    }

    /// C143: what stands in a list is escaped, a value of its own is not.
    #[test]
    fn a_value_with_a_comma_is_found_in_its_list() {
        assert!(stands_in("a,b", "x, a%2Cb"));
        assert!(!stands_in("a%2Cb", "x, a%2Cb") && !stands_in("a", "x, a%2Cb"));
    }

    #[test]
    fn a_list_is_found_in_the_same_rows() {
        let beside = |schema_path, name| beside(schema_path, name).unwrap_or_default();
        assert_eq!(beside("Device.A.{i}.Lists", "Device.A.3.B"), "Device.A.3.Lists");
        assert_eq!(beside("Device.A.{i}.C.{i}.Lists", "Device.A.3.C.7.B"), "Device.A.3.C.7.Lists");
        assert_eq!(beside("Device.Lists", "Device.A.3.B"), "Device.Lists");
        assert_eq!(beside("Device.D.{i}.Lists", "Device.A.3.B"), "");
    }
}
