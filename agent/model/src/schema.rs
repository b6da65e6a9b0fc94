//! The merged tree of the device: which objects, tables and parameters there are, and who owns them.
//!
//! The schema says what *can* exist; which rows exist is known by the providers and comes in as a closure, so that
//! everything here stays a plain function.

use std::collections::HashMap;
use std::sync::Arc;

use crate::facets::{Facets, Giver};
use crate::fault::{Fault, FaultCode};
use crate::path;
use crate::value::{ValueError, ValueType};

/// The most nodes of one schema; a declaration beyond is refused.
pub const MAX_NODES: usize = 65_536;

/// Who serves a node: an index the router gives out.
pub type Owner = u16;

/// The owner of nodes that no provider declared: objects on the way to a root, and computed counts.
pub const NO_OWNER: Owner = Owner::MAX;

/// Properties of a node. The bits are those of the plugin ABI and of `org.cwmpd1.Provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct NodeFlags(pub u32);

impl NodeFlags {
    /// An object; otherwise a parameter.
    pub const OBJECT: Self = Self(1);
    /// A table: its schema path ends in `{i}.`.
    pub const TABLE: Self = Self(1 << 1);
    /// A parameter that can be set; a table to which rows can be added.
    pub const WRITABLE: Self = Self(1 << 2);
    /// Always reads as empty (C33).
    pub const SECRET: Self = Self(1 << 3);
    /// Active notification cannot be turned off (C129).
    pub const FORCED: Self = Self(1 << 4);
    /// Active notification is refused (C129).
    pub const PASSIVE: Self = Self(1 << 5);
    /// Changes are announced by the provider.
    pub const PUSHED: Self = Self(1 << 6);
    /// Never cached, never compared.
    pub const COUNTER: Self = Self(1 << 7);
    /// A command.
    pub const COMMAND: Self = Self(1 << 8);
    /// Active notification by default, which may be turned off (C129).
    pub const FORCED_DEFAULT: Self = Self(1 << 9);
    /// In every Inform (C75).
    pub const INFORM: Self = Self(1 << 10);
    /// Computed by the agent: a count of rows.
    pub const COMPUTED: Self = Self(1 << 31);

    /// Whether all bits of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// An object that exists once below its parent, or a row.
    Object,
    /// A table; its rows are the nodes below `{i}.`.
    Table,
    /// A parameter.
    Parameter(ValueType),
}

/// What an ACS may do with a node, as `GetParameterNames` reports it (C125).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only read.
    ReadOnly,
    /// A parameter that can be set, a table that takes rows, a row that can go.
    ReadWrite,
}

/// One node of the schema.
#[derive(Debug)]
pub struct Node {
    name: Box<str>,
    parent: u32,
    children: Vec<u32>,
    /// What it is.
    pub kind: NodeKind,
    /// Its properties.
    pub flags: NodeFlags,
    /// Who serves it.
    pub owner: Owner,
    facets: Option<Arc<Facets>>,
}

impl Node {
    /// The last part of the node's schema path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The facets, if any were declared.
    pub fn facets(&self) -> Option<&Facets> {
        self.facets.as_deref()
    }

    /// Whether it can be set, or takes rows.
    pub fn is_writable(&self) -> bool {
        self.flags.has(NodeFlags::WRITABLE)
    }

    /// The type of a parameter; `None` for objects.
    pub fn value_type(&self) -> Option<ValueType> {
        match self.kind {
            NodeKind::Parameter(kind) => Some(kind),
            _ => None,
        }
    }
}

/// A declaration of one node, by schema path.
#[derive(Debug, Clone)]
pub struct Declaration<'a> {
    /// `Device.X_DEMO_Lamp.{i}.Colour`; objects end in a dot, tables in `{i}.`.
    pub path: &'a str,
    /// The type of a parameter, `None` for objects.
    pub kind: Option<ValueType>,
    /// Properties.
    pub flags: NodeFlags,
    /// Facets in their text form.
    pub facets: &'a str,
}

/// Why a declaration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The path is not a schema path.
    #[error("'{0}' is not a schema path")]
    Path(String),
    /// The node was declared before, with another meaning or by another provider.
    #[error("'{0}' is declared twice")]
    Twice(String),
    /// A parameter without a type, an object with one, a table that does not end in `{i}.`.
    #[error("'{0}': type, flags and path do not fit together")]
    Shape(String),
    /// The facets do not parse.
    #[error("'{path}': {error}")]
    Facets {
        /// The node.
        path: String,
        /// What is wrong.
        error: crate::facets::FacetError,
    },
    /// The declared default does not fit the type or the facets.
    #[error("'{path}': the default is wrong: {error}")]
    Default {
        /// The node.
        path: String,
        /// What is wrong.
        error: ValueError,
    },
    /// More than [`MAX_NODES`].
    #[error("more than {MAX_NODES} nodes")]
    TooMany,
}

/// A row as a provider reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The instance number.
    pub number: u32,
    /// Whether `DeleteObject` may remove it.
    pub deletable: bool,
}

/// The merged tree. Index 0 is the nameless root above `Device.`.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<Node>,
    /// Facets by their text: most of a tree's parameters share a few, and a pattern is large.
    known: HashMap<Box<str>, Arc<Facets>>,
}

/// The handle of a node in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

impl Schema {
    /// A tree with nothing in it.
    pub fn new() -> Self {
        let root = Node {
            name: "".into(),
            parent: 0,
            children: Vec::new(),
            kind: NodeKind::Object,
            flags: NodeFlags::OBJECT,
            owner: NO_OWNER,
            facets: None,
        };
        Self { nodes: vec![root], known: HashMap::new() }
    }

    /// Adds a node. Objects on the way are made; a table brings `...NumberOfEntries` beside it.
    ///
    /// Declaring an object or table again is fine when nobody owns it yet; a parameter is declared once.
    pub fn declare(&mut self, owner: Owner, new: &Declaration<'_>) -> Result<NodeId, SchemaError> {
        let bad = || SchemaError::Path(new.path.to_owned());
        if new.path.len() > path::MAX_PATH {
            return Err(bad());
        }
        let is_object = new.path.ends_with('.');
        if is_object == new.kind.is_some()
            || (new.flags.has(NodeFlags::TABLE) && !new.path.ends_with(".{i}."))
        {
            return Err(SchemaError::Shape(new.path.to_owned()));
        }
        let facets = if new.facets.is_empty() {
            None
        } else {
            let parsed = match self.known.get(new.facets) {
                Some(parsed) => Arc::clone(parsed),
                None => {
                    let parsed = Facets::parse(new.facets)
                        .map_err(|error| SchemaError::Facets { path: new.path.to_owned(), error })?;
                    let parsed = Arc::new(parsed);
                    self.known.insert(new.facets.into(), Arc::clone(&parsed));
                    parsed
                }
            };
            if let (Some(kind), Some(default)) = (new.kind, &parsed.default) {
                let wrong = |error| SchemaError::Default { path: new.path.to_owned(), error };
                let canonical = kind.canonical(default).map_err(wrong)?;
                parsed.check(kind, &canonical, Giver::Device).map_err(wrong)?;
            }
            Some(parsed)
        };
        let body = new.path.strip_suffix('.').unwrap_or(new.path);
        let parts: Vec<&str> = body.split('.').collect();
        let mut at = NodeId(0);
        for (i, part) in parts.iter().enumerate() {
            let last = i + 1 == parts.len();
            if *part == "{i}" {
                if i == 0 || last && !is_object {
                    return Err(bad());
                }
                // The object before `{i}` is the table.
                let node = &mut self.nodes[at.0 as usize];
                if matches!(node.kind, NodeKind::Parameter(_)) {
                    return Err(SchemaError::Shape(new.path.to_owned()));
                }
                node.kind = NodeKind::Table;
                node.flags = node.flags.with(NodeFlags::TABLE);
                self.declare_count(at)?;
            } else if !path::is_name(part.as_bytes()) {
                return Err(bad());
            }
            let kind = if last && !is_object { new.kind } else { None };
            at = match self.child(at, part) {
                Some(found) => {
                    let existing = &self.nodes[found.0 as usize];
                    let clash = existing.value_type().is_some() != kind.is_some()
                        || (last && existing.value_type().is_some())
                        || (last && existing.owner != NO_OWNER && existing.owner != owner);
                    if clash {
                        return Err(SchemaError::Twice(new.path.to_owned()));
                    }
                    found
                }
                None => self.insert(at, part, kind)?,
            };
        }
        // The properties of a table sit on the table, those of its rows' object on the row.
        let target = if new.path.ends_with(".{i}.") { NodeId(self.nodes[at.0 as usize].parent) } else { at };
        for id in [at, target] {
            self.nodes[id.0 as usize].owner = owner;
        }
        let node = &mut self.nodes[target.0 as usize];
        node.flags = node.flags.with(new.flags);
        node.facets = facets;
        Ok(at)
    }

    /// Everything is declared: gives back what was only needed for that.
    pub fn complete(&mut self) {
        self.known = HashMap::new();
        self.nodes.shrink_to_fit();
        for node in &mut self.nodes {
            node.children.shrink_to_fit();
        }
    }

    fn insert(&mut self, parent: NodeId, name: &str, kind: Option<ValueType>) -> Result<NodeId, SchemaError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(SchemaError::TooMany);
        }
        // The cast holds: MAX_NODES is far below 2^32.
        #[allow(clippy::cast_possible_truncation)]
        let id = NodeId(self.nodes.len() as u32);
        let position = match self.search(parent, name) {
            Ok(position) | Err(position) => position,
        };
        self.nodes[parent.0 as usize].children.insert(position, id.0);
        self.nodes.push(Node {
            name: name.into(),
            parent: parent.0,
            children: Vec::new(),
            kind: kind.map_or(NodeKind::Object, NodeKind::Parameter),
            flags: if kind.is_some() { NodeFlags::default() } else { NodeFlags::OBJECT },
            owner: NO_OWNER,
            facets: None,
        });
        Ok(id)
    }

    fn declare_count(&mut self, table: NodeId) -> Result<(), SchemaError> {
        let parent = NodeId(self.nodes[table.0 as usize].parent);
        let name = format!("{}NumberOfEntries", self.nodes[table.0 as usize].name);
        if let Some(existing) = self.child(parent, &name) {
            let node = &mut self.nodes[existing.0 as usize];
            node.flags = node.flags.with(NodeFlags::COMPUTED);
            return Ok(());
        }
        let id = self.insert(parent, &name, Some(ValueType::UnsignedInt))?;
        self.nodes[id.0 as usize].flags = NodeFlags::COMPUTED;
        Ok(())
    }

    fn search(&self, parent: NodeId, name: &str) -> Result<usize, usize> {
        let children = &self.nodes[parent.0 as usize].children;
        children.binary_search_by(|c| {
            let child: &str = &self.nodes[*c as usize].name;
            child.cmp(name)
        })
    }

    /// The child of an object with this name; `{i}` is the row of a table.
    pub fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let position = self.search(parent, name).ok()?;
        Some(NodeId(self.nodes[parent.0 as usize].children[position]))
    }

    /// The node behind a handle.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// How many nodes there are, the root included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was declared.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// The node that a name stands for: a number in the name meets the rows of a table. Rows need not exist.
    ///
    /// A name that ends in a dot finds objects only, one that does not finds parameters only. The empty name finds the
    /// root.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        if name.is_empty() {
            return Some(NodeId(0));
        }
        let (body, want_object) = match name.strip_suffix('.') {
            Some(body) => (body, true),
            None => (name, false),
        };
        let mut at = NodeId(0);
        for part in body.split('.') {
            let part = if part.as_bytes().first().is_some_and(u8::is_ascii_digit) {
                path::instance_number(part)?;
                "{i}"
            } else {
                part
            };
            at = self.child(at, part)?;
        }
        (self.node(at).value_type().is_none() == want_object).then_some(at)
    }

    /// The object that a node lies in.
    pub fn parent(&self, id: NodeId) -> NodeId {
        NodeId(self.nodes[id.0 as usize].parent)
    }

    /// The schema path of a node.
    pub fn path_of(&self, id: NodeId) -> String {
        let mut parts = Vec::new();
        let mut at = id;
        while at.0 != 0 {
            parts.push(&*self.nodes[at.0 as usize].name);
            at = NodeId(self.nodes[at.0 as usize].parent);
        }
        parts.reverse();
        let mut path = parts.join(".");
        if id.0 != 0 && self.node(id).value_type().is_none() {
            path.push('.');
        }
        path
    }

    /// A node and every node below it, parents first, children by name.
    pub fn below(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut stack = vec![id];
        std::iter::from_fn(move || {
            let at = stack.pop()?;
            stack.extend(self.node(at).children.iter().rev().map(|c| NodeId(*c)));
            Some(at)
        })
    }

    /// Checks a value for a parameter from a client and gives its canonical form (faults 9006, 9007, 9008).
    pub fn check_write(&self, id: NodeId, text: &str) -> Result<String, Fault> {
        let node = self.node(id);
        let Some(kind) = node.value_type() else { return Err(FaultCode::InvalidParameterName.into()) };
        if !node.is_writable() {
            return Err(FaultCode::NotWritable.into());
        }
        self.check(id, kind, text, Giver::Client)
    }

    /// Checks a value that a provider reports. The fault says how it lied.
    pub fn check_report(&self, id: NodeId, kind: ValueType, text: &str) -> Result<(), Fault> {
        let node = self.node(id);
        if node.value_type() != Some(kind) {
            let expected = node.value_type().map_or("an object", ValueType::name);
            return Err(Fault::new(
                FaultCode::InternalError,
                format!("is {expected}, was reported as {kind}"),
            ));
        }
        // Most values are plain strings without facets: nothing to allocate for them.
        match kind.canonical(text) {
            Ok(value) => match node.facets() {
                Some(facets) => facets.check(kind, &value, Giver::Device),
                None => Ok(()),
            },
            Err(error) => Err(error),
        }
        .map_err(|error| Fault::new(FaultCode::InternalError, error.to_string()))
    }

    fn check(&self, id: NodeId, kind: ValueType, text: &str, giver: Giver) -> Result<String, Fault> {
        let value = kind.canonical(text).map_err(|e| value_fault(&e))?;
        if let Some(facets) = self.node(id).facets() {
            facets.check(kind, &value, giver).map_err(|e| value_fault(&e))?;
        }
        Ok(value.into_owned())
    }

    /// Lists what `GetParameterNames` lists (C121 to C126): pairs of name and whether it is writable.
    ///
    /// `rows` gives the rows of a table by its name (`Device.A.`). A name that the schema does not know, or a row that
    /// does not exist, is fault 9005; a parameter with `next_level` is 9003.
    pub fn list(
        &self,
        name: &str,
        next_level: bool,
        rows: &mut dyn FnMut(&str) -> Vec<Row>,
    ) -> Result<Vec<(String, Access)>, Fault> {
        let unknown = || Fault::new(FaultCode::InvalidParameterName, format!("{name}: no such name"));
        path::check(name)?;
        let id = self.find(name).ok_or_else(unknown)?;
        self.rows_exist(name, rows).then_some(()).ok_or_else(unknown)?;
        let mut out = Vec::new();
        if self.node(id).value_type().is_some() {
            if next_level {
                return Err(Fault::new(
                    FaultCode::InvalidArguments,
                    format!("{name} is a parameter: NextLevel must be false"),
                ));
            }
            out.push((name.to_owned(), self.access(id, true)));
            return Ok(out);
        }
        if !next_level && !name.is_empty() {
            let deletable = path::split_row(name)
                .is_some_and(|(table, number)| rows(table).iter().any(|r| r.number == number && r.deletable));
            out.push((name.to_owned(), self.access(id, deletable)));
        }
        self.list_below(id, name, next_level, rows, &mut out);
        Ok(out)
    }

    fn list_below(
        &self,
        id: NodeId,
        prefix: &str,
        next_level: bool,
        rows: &mut dyn FnMut(&str) -> Vec<Row>,
        out: &mut Vec<(String, Access)>,
    ) {
        for child in &self.node(id).children {
            let child = NodeId(*child);
            let node = self.node(child);
            if &*node.name == "{i}" {
                for row in rows(prefix) {
                    let name = format!("{prefix}{}.", row.number);
                    let access = if row.deletable { Access::ReadWrite } else { Access::ReadOnly };
                    out.push((name.clone(), access));
                    if !next_level {
                        self.list_below(child, &name, false, rows, out);
                    }
                }
                continue;
            }
            if node.flags.has(NodeFlags::COMMAND) {
                continue;
            }
            let dot = if node.value_type().is_some() { "" } else { "." };
            let name = format!("{prefix}{}{dot}", node.name);
            out.push((name.clone(), self.access(child, false)));
            if !next_level && !dot.is_empty() {
                self.list_below(child, &name, false, rows, out);
            }
        }
    }

    /// Whether every row named in `name` exists.
    pub fn rows_exist(&self, name: &str, rows: &mut dyn FnMut(&str) -> Vec<Row>) -> bool {
        let mut from = 0;
        while let Some(dot) = name[from..].find('.') {
            let part = &name[from..from + dot];
            if let Some(number) = path::instance_number(part) {
                if !rows(&name[..from]).iter().any(|r| r.number == number) {
                    return false;
                }
            }
            from += dot + 1;
        }
        true
    }

    /// C125: a parameter is writable if it can be set, a table if rows can be added, a row if it can go; a single object
    /// never is.
    fn access(&self, id: NodeId, deletable: bool) -> Access {
        let node = self.node(id);
        let writable = match node.kind {
            NodeKind::Parameter(_) | NodeKind::Table => node.is_writable(),
            NodeKind::Object => &*node.name == "{i}" && deletable,
        };
        if writable {
            Access::ReadWrite
        } else {
            Access::ReadOnly
        }
    }

    /// The parameters directly in the object with this schema path or name.
    pub fn parameters_of(&self, object: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.node(object).children.iter().map(|c| NodeId(*c)).filter(|c| self.node(*c).value_type().is_some())
    }

    /// The children of an object, by name.
    pub fn children_of(&self, object: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.node(object).children.iter().map(|c| NodeId(*c))
    }

    /// The parameters that start a new row: name below the row and default, for those that have one, at any depth that
    /// is not itself a table.
    pub fn row_defaults(&self, table: NodeId) -> Vec<(String, ValueType, String)> {
        let mut out = Vec::new();
        if let Some(row) = self.child(table, "{i}") {
            self.defaults_below(row, "", &mut out);
        }
        out
    }

    fn defaults_below(&self, id: NodeId, prefix: &str, out: &mut Vec<(String, ValueType, String)>) {
        for child in self.children_of(id) {
            let node = self.node(child);
            match node.kind {
                NodeKind::Parameter(kind) => {
                    if let Some(default) = node.facets().and_then(|f| f.default.as_deref()) {
                        out.push((format!("{prefix}{}", node.name), kind, default.to_owned()));
                    }
                }
                NodeKind::Object => self.defaults_below(child, &format!("{prefix}{}.", node.name), out),
                NodeKind::Table => {}
            }
        }
    }
}

fn value_fault(error: &ValueError) -> Fault {
    let code = match error {
        ValueError::Lexical { .. } => FaultCode::InvalidParameterType,
        _ => FaultCode::InvalidParameterValue,
    };
    Fault::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: NodeFlags = NodeFlags::WRITABLE;

    fn declare(
        schema: &mut Schema,
        path: &str,
        kind: Option<ValueType>,
        flags: NodeFlags,
        facets: &str,
    ) -> Result<NodeId, SchemaError> {
        schema.declare(1, &Declaration { path, kind, flags, facets })
    }

    fn lamps() -> Schema {
        let mut s = Schema::new();
        declare(&mut s, "Device.Info.Version", Some(ValueType::String), NodeFlags::default(), "").unwrap();
        declare(&mut s, "Device.Lamp.{i}.", None, NodeFlags::TABLE.with(W), "").unwrap();
        declare(&mut s, "Device.Lamp.{i}.Name", Some(ValueType::String), W, "size=:8;default=new").unwrap();
        declare(&mut s, "Device.Lamp.{i}.Level", Some(ValueType::UnsignedInt), W, "range=0:100").unwrap();
        declare(&mut s, "Device.Lamp.{i}.Port.{i}.Speed", Some(ValueType::Int), NodeFlags::default(), "")
            .unwrap();
        s
    }

    fn rows(table: &str) -> Vec<Row> {
        match table {
            "Device.Lamp." => vec![Row { number: 2, deletable: true }, Row { number: 7, deletable: false }],
            "Device.Lamp.2.Port." => vec![Row { number: 1, deletable: false }],
            _ => Vec::new(),
        }
    }

    fn names(path: &str, next: bool) -> Vec<String> {
        let listed = lamps().list(path, next, &mut |t| rows(t)).unwrap();
        listed
            .into_iter()
            .map(|(n, a)| format!("{n}{}", if a == Access::ReadWrite { " rw" } else { "" }))
            .collect()
    }

    fn fault(path: &str, next: bool) -> u16 {
        lamps().list(path, next, &mut |t| rows(t)).unwrap_err().code.number()
    }

    /// C121: the empty path is the root object alone, or everything.
    #[test]
    fn the_empty_path_lists_the_root_object_or_everything() {
        assert_eq!(names("", true), ["Device."]);
        assert_eq!(names("", false).len(), names("Device.", false).len());
        assert_eq!(names("", false)[0], "Device.");
    }

    /// C122: only the children, not the path itself.
    #[test]
    fn the_next_level_lists_only_children() {
        assert_eq!(names("Device.", true), ["Device.Info.", "Device.Lamp. rw", "Device.LampNumberOfEntries"]);
        assert_eq!(names("Device.Lamp.", true), ["Device.Lamp.2. rw", "Device.Lamp.7."]);
    }

    /// C123: the object itself and all below, intermediate objects included.
    #[test]
    fn all_levels_list_the_object_itself_and_all_below() {
        assert_eq!(
            names("Device.Lamp.2.", false),
            [
                "Device.Lamp.2. rw",
                "Device.Lamp.2.Level rw",
                "Device.Lamp.2.Name rw",
                "Device.Lamp.2.Port.",
                "Device.Lamp.2.Port.1.",
                "Device.Lamp.2.Port.1.Speed",
                "Device.Lamp.2.PortNumberOfEntries"
            ]
        );
    }

    /// C124: a full name with NextLevel is 9003, an unknown name or a row that is not there 9005, an empty table is empty.
    #[test]
    fn odd_paths_get_the_fault_of_the_standard() {
        assert_eq!(names("Device.Lamp.2.Name", false), ["Device.Lamp.2.Name rw"]);
        assert_eq!(fault("Device.Lamp.2.Name", true), 9003);
        assert_eq!(fault("Device.Nothing.", false), 9005);
        assert_eq!(fault("Device.Lamp.3.", true), 9005);
        assert_eq!(fault("Device.Lamp.3.Name", false), 9005);
        assert_eq!(fault("Device.Info.Version.", false), 9005);
        assert_eq!(fault("Device.Info", false), 9005);
        assert_eq!(names("Device.Lamp.7.Port.", true), Vec::<String>::new());
        assert_eq!(names("Device.Lamp.7.Port.", false), ["Device.Lamp.7.Port."]);
    }

    /// C107: wrong type 9006, outside its facets 9007, read-only 9008.
    #[test]
    fn a_write_is_checked_before_any_provider_sees_it() {
        let s = lamps();
        let code =
            |name: &str, text: &str| s.check_write(s.find(name).unwrap(), text).map_err(|f| f.code.number());
        assert_eq!(code("Device.Lamp.2.Level", " +7 "), Ok("7".to_owned()));
        assert_eq!(code("Device.Lamp.2.Level", "x"), Err(9006));
        assert_eq!(code("Device.Lamp.2.Level", "101"), Err(9007));
        assert_eq!(code("Device.Info.Version", "2"), Err(9008));
    }

    #[test]
    fn a_provider_that_lies_about_a_type_is_found_out() {
        let s = lamps();
        let level = s.find("Device.Lamp.2.Level").unwrap();
        assert!(s.check_report(level, ValueType::UnsignedInt, "7").is_ok());
        assert!(s.check_report(level, ValueType::String, "7").is_err());
        assert!(s.check_report(level, ValueType::UnsignedInt, "-7").is_err());
        assert!(s.check_report(level, ValueType::UnsignedInt, "700").is_err());
    }

    #[test]
    fn declarations_that_do_not_fit_are_refused_by_name() {
        let mut s = lamps();
        let none = NodeFlags::default();
        let string = Some(ValueType::String);
        assert!(matches!(
            declare(&mut s, "Device.Info.Version", string, none, ""),
            Err(SchemaError::Twice(_))
        ));
        assert!(matches!(
            declare(&mut s, "Device.Info.Version.X", string, none, ""),
            Err(SchemaError::Twice(_))
        ));
        assert!(matches!(declare(&mut s, "Device.X", None, none, ""), Err(SchemaError::Shape(_))));
        assert!(matches!(declare(&mut s, "Device.X.", string, none, ""), Err(SchemaError::Shape(_))));
        assert!(matches!(
            declare(&mut s, "Device.X.", None, NodeFlags::TABLE, ""),
            Err(SchemaError::Shape(_))
        ));
        assert!(matches!(declare(&mut s, "Device.3.X", string, none, ""), Err(SchemaError::Path(_))));
        assert!(matches!(declare(&mut s, "{i}.X", string, none, ""), Err(SchemaError::Path(_))));
        assert!(matches!(
            declare(&mut s, "Device.X", string, none, "size=:1;default=ab"),
            Err(SchemaError::Default { .. })
        ));
        let other = s.declare(
            2,
            &Declaration { path: "Device.Lamp.{i}.", kind: None, flags: NodeFlags::TABLE, facets: "" },
        );
        assert!(matches!(other, Err(SchemaError::Twice(_))));
    }

    #[test]
    fn a_schema_has_a_most_of_nodes() {
        let mut s = Schema::new();
        let mut last = Ok(NodeId(0));
        for i in 0..=MAX_NODES {
            last = declare(&mut s, &format!("Device.P{i}"), Some(ValueType::Int), NodeFlags::default(), "");
            if last.is_err() {
                break;
            }
        }
        assert_eq!(last, Err(SchemaError::TooMany));
        assert_eq!(s.len(), MAX_NODES);
    }

    /// C136: a new row starts with the defaults of the model.
    #[test]
    fn a_new_row_has_its_defaults() {
        let s = lamps();
        let table = s.find("Device.Lamp.").unwrap();
        assert_eq!(s.row_defaults(table), [("Name".to_owned(), ValueType::String, "new".to_owned())]);
        assert_eq!(s.node(table).kind, NodeKind::Table);
        assert_eq!(
            s.path_of(s.find("Device.Lamp.2.Port.1.Speed").unwrap()),
            "Device.Lamp.{i}.Port.{i}.Speed"
        );
    }
}
