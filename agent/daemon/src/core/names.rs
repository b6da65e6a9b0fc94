//! GetParameterNames, and what can be at a path.

use cwmp_model::schema::NodeId;
use cwmp_model::{path, Access, Fault, NodeFlags, NodeKind};

use super::read::no_such;
use super::rows::owners_of_rows;
use super::tree::{Tree, AGENT};
use super::Core;
use crate::provider::Origin;

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
        tree.schema.find(name).ok_or_else(|| no_such(name))?;
        // The children of an object without tables need no rows; everything else may.
        let owners = owners_of_rows(&tree, name, true);
        let rows = self.rows(&tree, &owners, outermost_table(name), origin).await;
        if !rows.exist(name) {
            let away = owners_of_rows(&tree, name, false).into_iter().find_map(|o| rows.away(o).cloned());
            return Err(away.unwrap_or_else(|| no_such(name)));
        }
        // Inside a provider that is away there is nothing to list; a wider path goes without it.
        for owner in &owners {
            if let Some(fault) = rows.away(*owner) {
                if self.provider(tree.owner_name(*owner)).is_some_and(|p| p.covers(name)) {
                    return Err(fault.clone());
                }
            }
        }
        let listed = tree.schema.list(name, next_level, &mut |table| rows.for_schema(table))?;
        Ok(listed.into_iter().map(|(name, access)| (name, access == Access::ReadWrite)).collect())
    }

    /// Tells what can be at or below a path.
    pub(crate) fn describe(&self, name: &str) -> Result<Vec<Described>, Fault> {
        path::check(name)?;
        let tree = self.tree();
        let id = tree.schema.find(name).ok_or_else(|| no_such(name))?;
        // The root above `Device.` has no name, and the object of a row is told with its table.
        let shown = |id: &NodeId| {
            let node = tree.schema.node(*id);
            !node.name().is_empty() && node.name() != "{i}"
        };
        Ok(tree.schema.below(id).filter(shown).map(|id| described(&tree, id)).collect())
    }
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
        facets: node.facets().map(ToString::to_string).unwrap_or_default(),
        provider: tree.owner_name(owner).to_owned(),
        secret: node.flags.has(NodeFlags::SECRET),
        pushed: owner == AGENT || node.flags.has(NodeFlags::PUSHED),
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
