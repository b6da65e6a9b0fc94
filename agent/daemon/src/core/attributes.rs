//! Notification attributes and access lists (TR-069 A.3.2.4, A.3.2.5).

use std::collections::{BTreeMap, HashMap};

use cwmp_model::schema::NodeId;
use cwmp_model::{Fault, FaultCode, NodeFlags};
use cwmp_session::notification;
use cwmp_store::{Attribute, Op};

use super::tree::Tree;
use super::Core;
use crate::provider::Origin;

/// The one entry of an access list that the standard knows: everyone on the box (C131).
pub(crate) const SUBSCRIBER: &str = "Subscriber";
/// The most entries of an access list.
pub(crate) const MAX_ACCESS_LIST: usize = 16;
/// The longest entry of an access list, in characters.
pub(crate) const MAX_ACCESS_ENTRY: usize = 64;

/// Name, notification and access list of parameters.
type Attributes = Vec<(String, u8, Vec<String>)>;
/// Paths of a request that are in error.
type Faults = Vec<(String, Fault)>;

/// One change of attributes: a name or partial path, and what is to change.
#[derive(Debug, Clone)]
pub(crate) struct AttributeRequest {
    pub(crate) name: String,
    pub(crate) notification: Option<u32>,
    pub(crate) access_list: Option<Vec<String>>,
}

impl Core {
    /// Reads the attributes at or below each path: name, notification, access list (C132); and the paths in error.
    pub(crate) async fn attributes(&self, names: &[&str], origin: Origin) -> (Attributes, Faults) {
        let tree = self.tree();
        let found = self.parameters_at(&tree, names, origin).await;
        let mut parameters = Vec::new();
        let mut faults = Vec::new();
        for (name, found) in names.iter().zip(found) {
            match found {
                Ok(found) => parameters.extend(found),
                Err(fault) => faults.push(((*name).to_owned(), fault)),
            }
        }
        let state = self.persist.read();
        let one = |name: String| {
            let stored = state.attributes.get(&name);
            let level = level(&tree, &name, stored);
            let list = stored.and_then(|a| a.access_list.clone());
            (name, level, list.unwrap_or_else(|| vec![SUBSCRIBER.to_owned()]))
        };
        (parameters.into_iter().map(one).collect(), faults)
    }

    /// Changes attributes, all or none; entries that overlap are applied in their order (C127).
    pub(crate) async fn set_attributes(
        &self,
        requests: &[AttributeRequest],
        origin: Origin,
    ) -> Result<(), Faults> {
        let tree = self.tree();
        let mut faults = Vec::new();
        let mut changes: Vec<(String, &AttributeRequest)> = Vec::new();
        let asked: Vec<&str> = requests.iter().map(|request| request.name.as_str()).collect();
        let found = self.parameters_at(&tree, &asked, origin).await;
        for (request, found) in requests.iter().zip(found) {
            match found.and_then(|names| check_attributes(&tree, request, names)) {
                Ok(names) => changes.extend(names.into_iter().map(|name| (name, request))),
                Err(fault) => faults.push((request.name.clone(), fault)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        // What is watched from now on is compared with the value of now.
        let watched: Vec<&str> = changes
            .iter()
            .filter(|(_, request)| request.notification.is_some_and(|n| n > 0))
            .map(|(name, _)| name.as_str())
            .collect();
        let known: HashMap<String, String> = if watched.is_empty() {
            HashMap::new()
        } else {
            self.read(&watched, Origin::Agent).await.pairs().into_iter().collect()
        };
        self.persist
            .update(|state| {
                let mut ops = Vec::new();
                let mut latest: BTreeMap<&str, Attribute> = BTreeMap::new();
                for (name, request) in &changes {
                    let attribute = latest.entry(name).or_insert_with(|| {
                        let none = Attribute { notification: None, access_list: None };
                        state.attributes.get(name).cloned().unwrap_or(none)
                    });
                    if let Some(level) = request.notification {
                        attribute.notification = u8::try_from(level).ok();
                    }
                    if let Some(list) = &request.access_list {
                        attribute.access_list = Some(list.clone());
                    }
                }
                for (name, attribute) in latest {
                    let on = level(&tree, name, Some(&attribute)) != notification::OFF;
                    let Attribute { notification, access_list } = attribute;
                    ops.push(Op::PutAttribute { path: name.to_owned(), notification, access_list });
                    if !on {
                        ops.push(Op::RemoveReported { path: name.to_owned() });
                        ops.push(Op::RemovePending { path: name.to_owned() });
                    } else if !state.reported.contains_key(name) {
                        ops.extend(known.get(name).map(|value| Op::PutReported {
                            path: name.to_owned(),
                            kind: 0,
                            value: value.clone(),
                        }));
                    }
                }
                (ops, ())
            })
            .await;
        Ok(())
    }

    /// The notification of a parameter now.
    pub(super) fn notification(&self, tree: &Tree, name: &str) -> u8 {
        level(tree, name, self.persist.read().attributes.get(name))
    }

    /// Whether someone other than the ACS may write a parameter (C131).
    pub(super) fn subscriber_may_write(&self, name: &str) -> bool {
        let state = self.persist.read();
        let list = state.attributes.get(name).and_then(|a| a.access_list.as_ref());
        list.is_none_or(|list| list.iter().any(|entry| entry == SUBSCRIBER))
    }
}

/// Checks what is to become of the parameters that a request names.
fn check_attributes(
    tree: &Tree,
    request: &AttributeRequest,
    names: Vec<String>,
) -> Result<Vec<String>, Fault> {
    if let Some(list) = &request.access_list {
        let bad = |entry: &&String| {
            let vendor = entry.starts_with("X_") && entry.chars().count() <= MAX_ACCESS_ENTRY;
            entry.as_str() != SUBSCRIBER && !vendor
        };
        if list.len() > MAX_ACCESS_LIST {
            let text = format!("{}: an access list has at most {MAX_ACCESS_LIST} entries", request.name);
            return Err(Fault::new(FaultCode::InvalidArguments, text));
        }
        if let Some(entry) = list.iter().find(bad) {
            let text = format!("{}: '{entry}' is no entity; {SUBSCRIBER} is one", request.name);
            return Err(Fault::new(FaultCode::InvalidArguments, text));
        }
    }
    if let Some(wanted) = request.notification {
        for name in &names {
            // One parameter below a partial path that refuses is a refusal of the whole path.
            notification::check(name, flags(tree, name), wanted)?;
        }
    }
    Ok(names)
}

fn flags(tree: &Tree, name: &str) -> NodeFlags {
    tree.schema.find(name).map_or(NodeFlags::default(), |id: NodeId| tree.schema.node(id).flags)
}

/// The notification of a parameter: what the model forces, what was set, or what the model begins with (C129).
pub(super) fn level(tree: &Tree, name: &str, stored: Option<&Attribute>) -> u8 {
    let flags = flags(tree, name);
    if flags.has(NodeFlags::FORCED) {
        return notification::ACTIVE;
    }
    stored.and_then(|a| a.notification).unwrap_or_else(|| notification::default_of(flags))
}
