//! GetParameterNames, and what can be at a path.

use cwmp_model::facets::Facets;
use cwmp_model::schema::NodeId;
use cwmp_model::{path, Access, Fault, FaultCode, Node, NodeFlags, NodeKind};

use super::read::no_such;
use super::rows::{owners_of_rows, Rows};
use super::tree::{Tree, AGENT};
use super::Core;
use crate::provider::Origin;

/// The most names of one answer; beyond is fault 9004.
pub(crate) const MAX_LISTED: usize = 262_144;

/// What `Describe` tells of a node.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) path: String,
    pub(crate) kind: &'static str,
    pub(crate) type_name: &'static str,
    pub(crate) writable: bool,
    pub(crate) facets: String,
    pub(crate) provider: String,
    pub(crate) secret: bool,
    pub(crate) pushed: bool,
}

impl Core {
    /// Lists names as `GetParameterNames` does (C121 to C126).
    pub(crate) async fn list(
        &self,
        name: &str,
        next_level: bool,
        origin: Origin,
    ) -> Result<Vec<(String, bool)>, Fault> {
        path::check(name)?;
        let tree = self.tree();
        let rows = self.rows_along(&tree, &[name], true, origin).await;
        self.list_among(&tree, &rows, name, next_level)
    }

    /// The parameters at or below each of these names. All names together cost one look at the rows.
    pub(super) async fn parameters_at(
        &self,
        tree: &Tree,
        names: &[&str],
        origin: Origin,
    ) -> Vec<Result<Vec<String>, Fault>> {
        let known: Vec<&str> = names.iter().copied().filter(|name| path::check(name).is_ok()).collect();
        let rows = self.rows_along(tree, &known, true, origin).await;
        let mut room = Some(MAX_LISTED);
        let one = |name: &&str| {
            room.ok_or_else(too_many)?;
            let listed = self.list_among(tree, &rows, name, false)?;
            room = room.and_then(|room| room.checked_sub(listed.len()));
            room.ok_or_else(too_many)?;
            Ok(listed.into_iter().map(|(name, _)| name).filter(|n| !path::is_partial(n)).collect())
        };
        names.iter().map(one).collect()
    }

    fn list_among(
        &self,
        tree: &Tree,
        rows: &Rows,
        name: &str,
        next_level: bool,
    ) -> Result<Vec<(String, bool)>, Fault> {
        path::check(name)?;
        tree.schema.find(name).ok_or_else(|| no_such(name))?;
        if !rows.exist(name) {
            return Err(rows.missing(tree, name));
        }
        // Inside a provider that is away there is nothing to list; a wider path goes without it.
        for owner in owners_of_rows(tree, name, true) {
            if let Some(fault) = rows.away(owner) {
                if self.provider(tree.owner_name(owner)).is_some_and(|p| p.covers(name)) {
                    return Err(fault.clone());
                }
            }
        }
        // Many rows of a wide table are more names than there is memory for.
        let mut room = Some(MAX_LISTED);
        let listed = tree.schema.list(name, next_level, &mut |table| {
            let found = rows.for_schema(table, name);
            let width = if next_level || name.len() > table.len() { 0 } else { row_width(tree, table) };
            room = room.and_then(|room| room.checked_sub(found.len().saturating_mul(1 + width)));
            if room.is_some() {
                found
            } else {
                Vec::new()
            }
        });
        if room.is_none() {
            return Err(too_many());
        }
        Ok(listed?.into_iter().map(|(name, access)| (name, access == Access::ReadWrite)).collect())
    }

    /// Tells what can be at or below a path.
    pub(crate) fn describe(&self, name: &str) -> Result<Vec<Described>, Fault> {
        let tree = self.tree();
        let commands = tree.commands_at(name).map(|(path, owner)| Described {
            path: path.to_owned(),
            kind: "command",
            type_name: "",
            writable: false,
            facets: String::new(),
            provider: tree.owner_name(owner).to_owned(),
            secret: false,
            pushed: false,
        });
        if tree.command_owner(name).is_some() {
            return Ok(commands.collect());
        }
        path::check(name)?;
        let id = tree.schema.find(name).ok_or_else(|| no_such(name))?;
        // The root above `Device.` has no name, and the object of a row is told with its table.
        let shown = |id: &NodeId| {
            let node = tree.schema.node(*id);
            !node.name().is_empty() && node.name() != "{i}"
        };
        let nodes = tree.schema.below(id).filter(shown).map(|id| described(&tree, id));
        Ok(nodes.chain(commands).collect())
    }
}

/// How many names a row of a table has below it, those of the rows of inner tables not counted.
fn row_width(tree: &Tree, table: &str) -> usize {
    fn below(tree: &Tree, id: NodeId) -> usize {
        let children = tree.schema.children_of(id).filter(|child| tree.schema.node(*child).name() != "{i}");
        children.map(|child| 1 + below(tree, child)).sum()
    }
    let row = tree.schema.find(table).and_then(|id| tree.schema.child(id, "{i}"));
    row.map_or(0, |row| below(tree, row))
}

fn too_many() -> Fault {
    let text = format!("the answer has more than {MAX_LISTED} names: ask for less at once");
    Fault::new(FaultCode::ResourcesExceeded, text)
}

fn described(tree: &Tree, id: NodeId) -> Described {
    let node = tree.schema.node(id);
    let owner =
        if node.kind == NodeKind::Table { tree.table_owner(id).unwrap_or(AGENT) } else { tree.owner_of(id) };
    Described {
        path: tree.schema.path_of(id),
        kind: match node.kind {
            NodeKind::Object => "object",
            NodeKind::Table => "table",
            NodeKind::Parameter(_) => "parameter",
        },
        type_name: node.value_type().map_or("", cwmp_model::ValueType::name),
        writable: node.is_writable(),
        facets: facets_of(node),
        provider: tree.owner_name(owner).to_owned(),
        secret: node.flags.has(NodeFlags::SECRET),
        pushed: owner == AGENT || node.flags.has(NodeFlags::PUSHED),
    }
}

fn facets_of(node: &Node) -> String {
    match node.facets() {
        None => String::new(),
        // What a secret is as long as nobody sets it is one as well (C33).
        Some(facets) if node.flags.has(NodeFlags::SECRET) => {
            Facets { default: None, factory: None, ..facets.clone() }.to_string()
        }
        Some(facets) => facets.to_string(),
    }
}

/// The table of the first row in a name, or the name itself if it goes through none.
pub(super) fn outermost_table(name: &str) -> &str {
    let mut from = 0;
    while let Some(dot) = name[from..].find('.') {
        if path::instance_number(&name[from..from + dot]).is_some() {
            return &name[..from];
        }
        from += dot + 1;
    }
    if path::is_partial(name) {
        name
    } else {
        path::parent(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{DeclaredNode, Part};
    use super::*;

    /// C33: whoever may look at the tree does not see what a secret is before anybody sets it.
    #[test]
    fn the_default_of_a_secret_is_not_described() {
        let node = |path: &str, flags| DeclaredNode {
            path: path.to_owned(),
            kind: Some(cwmp_model::ValueType::String),
            flags,
            facets: "size=:8;default=open;factory=sesame".to_owned(),
        };
        let nodes = [node("Device.X_A.Key", NodeFlags::SECRET), node("Device.X_A.Name", NodeFlags(0))];
        let part = Part { name: "a", roots: &["Device.X_A.".to_owned()], nodes: &nodes };
        let (tree, refused) = Tree::merge(&[part]);
        assert_eq!(refused, []);
        let facets = |name: &str| described(&tree, tree.schema.find(name).unwrap()).facets;
        assert_eq!(facets("Device.X_A.Key"), "size=:8");
        assert_eq!(facets("Device.X_A.Name"), nodes[1].facets);
    }
}
