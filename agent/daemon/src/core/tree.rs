//! The merged tree: the agent's own parameters and what the ready or remembered providers declared.

use std::collections::BTreeMap;

use cwmp_model::schema::{Declaration, NodeId, Owner, NO_OWNER};
use cwmp_model::{command, path, Node, NodeFlags, NodeKind, Schema, ValueType};

use crate::local;
use crate::provider::words;

/// The owner index of the agent itself.
pub(crate) const AGENT: Owner = 0;

/// The name of the parameter that the agent serves in every row that has one.
pub(crate) const ALIAS: &str = "Alias";
/// Its facets (C209).
pub(crate) const ALIAS_FACETS: &str = "size=1:64;pattern=[A-Za-z].*";

/// The most commands of one provider.
pub(crate) const MAX_COMMANDS: usize = 1024;

/// A node as its provider declared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredNode {
    pub(crate) path: String,
    pub(crate) kind: Option<ValueType>,
    pub(crate) flags: NodeFlags,
    pub(crate) facets: String,
}

/// A provider's part of the tree.
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    pub(crate) roots: &'a [String],
    pub(crate) nodes: &'a [DeclaredNode],
}

/// The merged tree.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) schema: Schema,
    /// Names of providers; the index is the owner. The first is the agent.
    owners: Vec<Box<str>>,
    /// Schema paths of commands and whose they are.
    commands: BTreeMap<Box<str>, Owner>,
}

impl Tree {
    /// Merges. Parts that do not fit are left out as a whole and named with the reason.
    pub(crate) fn merge(parts: &[Part<'_>]) -> (Self, Vec<(String, String)>) {
        let mut refused: Vec<(String, String)> = Vec::new();
        loop {
            match Self::try_merge(parts, &refused) {
                Ok(tree) => return (tree, refused),
                Err(bad) => refused.push(bad),
            }
        }
    }

    fn try_merge(parts: &[Part<'_>], refused: &[(String, String)]) -> Result<Self, (String, String)> {
        let mut tree =
            Self { schema: Schema::new(), owners: vec!["cwmpd".into()], commands: BTreeMap::new() };
        let roots: Vec<(&str, &str)> =
            parts.iter().flat_map(|p| p.roots.iter().map(|root| (root.as_str(), p.name))).collect();
        for own in local::declarations().chain(super::supported::declarations()) {
            // A provider may own a parameter that the agent only remembers.
            if roots.iter().any(|(root, _)| *root == own.path) {
                continue;
            }
            // Constants that a test declares. Leaving one out beats trying the merge for ever.
            if let Err(error) = tree.schema.declare(AGENT, &own) {
                tracing::error!("own declaration, ignoring: {error}");
            }
        }
        for part in parts {
            if refused.iter().any(|(name, _)| name == part.name) {
                continue;
            }
            let owner = Owner::try_from(tree.owners.len()).unwrap_or(NO_OWNER);
            tree.owners.push(part.name.into());
            let wrong = |why: String| (part.name.to_owned(), why);
            for node in part.nodes {
                let holder = longest_root(&node.path, &roots);
                if holder.map(|(_, name)| name) != Some(part.name) {
                    return Err(wrong(format!("{} lies outside the roots of its manifest", node.path)));
                }
                if node.flags.has(NodeFlags::COMMAND) {
                    tree.declare_command(node, owner).map_err(wrong)?;
                    continue;
                }
                if node.path.ends_with(".{i}.Alias") || node.flags.has(NodeFlags::COMPUTED) {
                    // The agent serves it: decisions on aliases and counts are its own.
                    continue;
                }
                let declaration = Declaration {
                    path: &node.path,
                    kind: node.kind,
                    flags: node.flags,
                    facets: &node.facets,
                };
                tree.schema.declare(owner, &declaration).map_err(|e| wrong(e.to_string()))?;
            }
            tree.declare_aliases(part).map_err(|e| wrong(e.to_string()))?;
        }
        tree.schema.complete();
        Ok(tree)
    }

    /// Every table that takes rows has an alias, and every table whose provider declares one.
    fn declare_aliases(&mut self, part: &Part<'_>) -> Result<(), cwmp_model::schema::SchemaError> {
        for node in part.nodes {
            let table = node.path.strip_suffix("{i}.").filter(|_| node.flags.has(NodeFlags::WRITABLE));
            let declared = node.path.strip_suffix("{i}.Alias");
            let Some(table) = table.or(declared) else { continue };
            let path = format!("{table}{{i}}.{ALIAS}");
            if self.schema.find(&path.replace("{i}", "1")).is_some() {
                continue;
            }
            self.schema.declare(
                AGENT,
                &Declaration {
                    path: &path,
                    kind: Some(ValueType::String),
                    flags: NodeFlags::WRITABLE,
                    facets: ALIAS_FACETS,
                },
            )?;
        }
        Ok(())
    }

    fn declare_command(&mut self, node: &DeclaredNode, owner: Owner) -> Result<(), String> {
        if !command::is_schema_path(&node.path) || node.kind.is_some() {
            return Err(format!("{} is no command", words(&node.path)));
        }
        if self.commands.values().filter(|other| **other == owner).count() >= MAX_COMMANDS {
            return Err(format!("it declares more than {MAX_COMMANDS} commands"));
        }
        match self.commands.insert(node.path.as_str().into(), owner) {
            None => Ok(()),
            Some(_) => Err(format!("{} is declared twice", node.path)),
        }
    }

    /// Whose a command is, by its full name.
    pub(crate) fn command_owner(&self, name: &str) -> Option<Owner> {
        let known = command::is_name(name).then(|| self.commands.get(path::schema_path(name).as_str()));
        known.flatten().copied()
    }

    /// The commands at or below a name, by their schema paths.
    pub(crate) fn commands_at(&self, name: &str) -> impl Iterator<Item = (&str, Owner)> {
        let wanted = path::schema_path(name);
        let all = self.commands.iter().map(|(path, owner)| (&**path, *owner));
        all.filter(move |(path, _)| *path == wanted || path::is_partial(&wanted) && path.starts_with(&wanted))
    }

    /// The name of the provider behind an owner index.
    pub(crate) fn owner_name(&self, owner: Owner) -> &str {
        self.owners.get(usize::from(owner)).map_or("cwmpd", |n| n)
    }

    /// Whether a provider's part is in the tree.
    pub(crate) fn has_part(&self, provider: &str) -> bool {
        self.owners.iter().skip(1).any(|owner| **owner == *provider)
    }

    /// Who serves a parameter. Counts and objects between roots are the agent's.
    pub(crate) fn owner_of(&self, id: NodeId) -> Owner {
        match self.schema.node(id).owner {
            NO_OWNER => AGENT,
            owner => owner,
        }
    }

    /// What there is to read at or below an object: which providers, and whether the agent serves anything there.
    pub(crate) fn served_below(&self, object: NodeId) -> (Vec<Owner>, bool) {
        let mut owners = Vec::new();
        let mut agent = false;
        for id in self.schema.below(object) {
            let node = self.schema.node(id);
            if node.value_type().is_none() {
                continue;
            }
            if self.owner_of(id) == AGENT {
                agent = true;
            } else if !node.flags.has(NodeFlags::COMMAND) && !owners.contains(&node.owner) {
                owners.push(node.owner);
            }
        }
        owners.sort_unstable();
        (owners, agent)
    }

    /// The providers that have tables at or below an object.
    pub(crate) fn table_owners_below(&self, object: NodeId) -> Vec<Owner> {
        let tables = self.schema.below(object).filter(|id| self.schema.node(*id).kind == NodeKind::Table);
        let mut owners: Vec<Owner> = tables.filter_map(|id| self.table_owner(id)).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// Who has the rows of a table: its owner or, for a table nobody declared itself, the owner of something in its rows.
    pub(crate) fn table_owner(&self, table: NodeId) -> Option<Owner> {
        let node = self.schema.node(table);
        if node.owner != NO_OWNER {
            return Some(node.owner);
        }
        let served =
            |node: &&Node| node.value_type().is_some() && node.owner != NO_OWNER && node.name() != ALIAS;
        self.schema.below(table).map(|id| self.schema.node(id)).find(served).map(|node| node.owner)
    }
}

/// The longest root that covers a schema path: an object or table covers what is below it, a parameter itself.
fn longest_root<'a>(node: &str, roots: &[(&'a str, &'a str)]) -> Option<(&'a str, &'a str)> {
    roots
        .iter()
        .filter(|(root, _)| *root == node || (root.ends_with('.') && node.starts_with(root)))
        .max_by_key(|(root, _)| root.len())
        .copied()
}

/// Whether two manifests claim the same root, or one claims what the agent owns. `None` if all is well.
pub(crate) fn clash<'a>(roots: &[(&'a str, &'a str)]) -> Option<(&'a str, String)> {
    for (i, (root, name)) in roots.iter().enumerate() {
        if let Some((_, other)) = roots[..i].iter().find(|(r, _)| r == root) {
            return Some((name, format!("root {root} belongs to {other} already")));
        }
        if local::owns_root(root) {
            return Some((name, format!("root {root} belongs to the agent")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str, kind: Option<ValueType>, flags: NodeFlags) -> DeclaredNode {
        DeclaredNode { path: path.into(), kind, flags, facets: String::new() }
    }

    fn demo() -> Vec<DeclaredNode> {
        vec![
            node("Device.X_A.Lamp.{i}.", None, NodeFlags::TABLE.with(NodeFlags::WRITABLE)),
            node("Device.X_A.Lamp.{i}.Name", Some(ValueType::String), NodeFlags::WRITABLE),
        ]
    }

    #[test]
    fn a_table_that_takes_rows_gets_an_alias_from_the_agent() {
        let (roots, nodes) = (["Device.X_A.".to_owned()], demo());
        let (tree, refused) = Tree::merge(&[Part { name: "a", roots: &roots, nodes: &nodes }]);
        assert!(refused.is_empty(), "{refused:?}");
        let alias = tree.schema.find("Device.X_A.Lamp.3.Alias").unwrap();
        assert_eq!(tree.owner_of(alias), AGENT);
        let name = tree.schema.find("Device.X_A.Lamp.3.Name").unwrap();
        assert_eq!(tree.owner_name(tree.owner_of(name)), "a");
        let table = tree.schema.find("Device.X_A.Lamp.").unwrap();
        assert_eq!(tree.served_below(table), (vec![1], true));
        assert_eq!(tree.table_owner(table), Some(1));
    }

    #[test]
    fn a_command_has_an_owner_and_is_no_node() {
        let roots = ["Device.X_A.".to_owned()];
        let mut nodes = demo();
        nodes.push(node("Device.X_A.Lamp.{i}.Blink()", None, NodeFlags::COMMAND));
        let merge = |nodes: &[DeclaredNode]| Tree::merge(&[Part { name: "a", roots: &roots, nodes }]);
        let (tree, refused) = merge(&nodes);
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(tree.command_owner("Device.X_A.Lamp.3.Blink()"), Some(1));
        for wrong in ["Device.X_A.Lamp.{i}.Blink()", "Device.X_A.Blink()", "Device.X_A.Lamp.3.Blink"] {
            assert_eq!(tree.command_owner(wrong), None, "{wrong}");
        }
        assert!(tree.schema.find("Device.X_A.Lamp.3.Blink").is_none());
        assert_eq!(tree.commands_at("Device.X_A.").collect::<Vec<_>>(), [("Device.X_A.Lamp.{i}.Blink()", 1)]);
        assert_eq!(tree.commands_at("Device.X_A.Lamp.7.Blink()").count(), 1);
        assert_eq!(tree.commands_at("Device.X_A.Lamp.7.Name").count(), 0);
        for bad in ["Device.X_A.Blink", "Device.X_A.Lamp.{i}.Blink()"] {
            let again = [&nodes[..], &[node(bad, None, NodeFlags::COMMAND)]].concat();
            assert_eq!(merge(&again).1.len(), 1, "{bad}");
        }
        let many = (0..=MAX_COMMANDS).map(|n| node(&format!("Device.X_A.C{n}()"), None, NodeFlags::COMMAND));
        assert_eq!(merge(&many.collect::<Vec<_>>()).1.len(), 1);
    }

    #[test]
    fn a_part_outside_its_roots_is_left_out_and_named() {
        let (roots, nodes) = (["Device.X_B.".to_owned()], demo());
        let (tree, refused) = Tree::merge(&[Part { name: "b", roots: &roots, nodes: &nodes }]);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].0, "b");
        assert!(tree.schema.find("Device.X_A.Lamp.").is_none());
        assert!(tree.schema.find("Device.ManagementServer.URL").is_some());
    }

    #[test]
    fn the_longest_root_owns_a_path() {
        let roots = [("Device.X_A.", "a"), ("Device.X_A.B.", "b"), ("Device.X_A.C", "c")];
        assert_eq!(longest_root("Device.X_A.B.D", &roots).unwrap().1, "b");
        assert_eq!(longest_root("Device.X_A.C", &roots).unwrap().1, "c");
        assert_eq!(longest_root("Device.X_A.CD", &roots).unwrap().1, "a");
        assert_eq!(longest_root("Device.X_AB", &roots), None);
    }

    #[test]
    fn equal_roots_and_roots_of_the_agent_are_refused_by_name() {
        assert_eq!(clash(&[("Device.X_A.", "a"), ("Device.X_B.", "b")]), None);
        assert_eq!(clash(&[("Device.X_A.", "a"), ("Device.X_A.", "b")]).unwrap().0, "b");
        assert_eq!(clash(&[("Device.ManagementServer.", "m")]).unwrap().0, "m");
        assert_eq!(clash(&[("Device.DeviceInfo.SerialNumber", "m")]).unwrap().0, "m");
        assert_eq!(clash(&[("Device.DeviceInfo.SupportedDataModel.", "m")]).unwrap().0, "m");
        assert_eq!(clash(&[("Device.DeviceInfo.SoftwareVersion", "m")]), None);
    }
}
