//! What is asked of an object.

use std::collections::HashSet;

use crate::resolver::Resolver;
use crate::{At, Node, Request};

/// What is asked of an object in one call, for whose author wants to spare work.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub(crate) nodes: &'static [Node],
    pub(crate) fields: Vec<bool>,
    /// Paths of objects; `None` is all of them.
    pub(crate) instances: Option<HashSet<&'a str>>,
    pub(crate) resolver: Resolver,
    pub(crate) request: Request<'a>,
}

impl<'a> Wanted<'a> {
    /// Whether a parameter is asked for, by its name: `wanted.has("Status")`.
    pub fn has(&self, name: &str) -> bool {
        let names = self.nodes.iter().skip(1).map(|n| leaf(n.path()));
        let known = names.zip(&self.fields).find(|(known, _)| *known == name);
        debug_assert!(known.is_some(), "{} has no parameter {name}", self.nodes[0].path());
        known.is_some_and(|(_, wanted)| *wanted)
    }

    /// Whether only the rows are asked for, and none of their parameters.
    pub fn only_rows(&self) -> bool {
        !self.fields.contains(&true)
    }

    /// Whether anything of a row is asked for. All rows may be answered whatever this says.
    pub fn row(&self, at: impl Into<At>) -> bool {
        let Some(instances) = &self.instances else { return true };
        self.resolver.instance(&at.into()).is_ok_and(|instance| instances.contains(instance.as_str()))
    }

    /// The call that is being answered.
    pub fn request(&self) -> Request<'a> {
        self.request
    }
}

/// The last part of a path.
pub(crate) fn leaf(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, leaf)| leaf)
}
