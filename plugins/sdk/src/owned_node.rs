//! Nodes that are known only when the plugin runs.

use cwmp_plugin_abi as abi;

use crate::border::lend;
use crate::Kind;

/// A node whose texts are made at run time: [`Plugin::nodes`](crate::Plugin::nodes) gives them to the host.
///
/// What a [`Node`](crate::Node) says in a declaration it says with the bits of the header, `CWMP_NODE_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedNode {
    path: String,
    kind: u32,
    flags: u32,
    facets: String,
}

impl OwnedNode {
    /// The bit of a parameter that can be set, or a table that takes and loses rows.
    pub const WRITABLE: u32 = 1 << 2;
    /// The bit of a parameter that always reads as empty.
    pub const SECRET: u32 = 1 << 3;
    /// The bit of a parameter whose active notification cannot be turned off.
    pub const FORCED: u32 = 1 << 4;
    /// The bit of a parameter whose active notification is refused.
    pub const PASSIVE: u32 = 1 << 5;
    /// The bit of a parameter whose changes are announced.
    pub const PUSHED: u32 = 1 << 6;
    /// The bit of a parameter that is never cached and never compared.
    pub const COUNTER: u32 = 1 << 7;
    /// The bit of a parameter that has active notification unless it is turned off.
    pub const FORCED_DEFAULT: u32 = 1 << 9;
    /// The bit of a parameter that is in every Inform.
    pub const INFORM: u32 = 1 << 10;

    const OBJECT: u32 = 1;
    const TABLE: u32 = 1 << 1;
    const COMMAND: u32 = 1 << 8;

    /// An object that exists once: the path ends in a dot.
    pub fn object(path: impl Into<String>) -> Self {
        Self::new(path.into(), 0, Self::OBJECT)
    }

    /// A table: the path ends in `{i}.`.
    pub fn table(path: impl Into<String>) -> Self {
        Self::new(path.into(), 0, Self::OBJECT | Self::TABLE)
    }

    /// A parameter of a type.
    pub fn param(path: impl Into<String>, kind: Kind) -> Self {
        Self::new(path.into(), kind.number(), 0)
    }

    /// A command: the path ends in `()`.
    pub fn command(path: impl Into<String>) -> Self {
        Self::new(path.into(), 0, Self::COMMAND)
    }

    /// With these bits, too; those that say what kind of node it is are left out.
    #[must_use]
    pub fn flags(mut self, bits: u32) -> Self {
        self.flags |= bits & !(Self::OBJECT | Self::TABLE | Self::COMMAND);
        self
    }

    /// With facets, in the grammar of the ABI: `enum=Red|Blue;default=Red`.
    #[must_use]
    pub fn facets(self, facets: impl Into<String>) -> Self {
        Self { facets: facets.into(), ..self }
    }

    /// The schema path.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn new(path: String, kind: u32, flags: u32) -> Self {
        Self { path, kind, flags, facets: String::new() }
    }

    /// What crosses the border. It is good as long as this node lives and is not changed; moving it is no change.
    pub(crate) fn lend(&self) -> abi::Node {
        abi::Node { path: lend(&self.path), kind: self.kind, flags: self.flags, facets: lend(&self.facets) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_do_not_make_another_kind_of_node() {
        let node = OwnedNode::param("Device.X_A.Lit", Kind::Boolean).flags(OwnedNode::PUSHED | 1 << 8 | 3);
        assert_eq!(node.lend().flags, OwnedNode::PUSHED);
    }
}
