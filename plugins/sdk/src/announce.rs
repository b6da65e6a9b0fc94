//! What a plugin says of typed objects by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::{All, Shape};
use crate::resolver::Resolver;
use crate::wanted::leaf;
use crate::{At, Error, Fields, Host, Node, Object, Row};

/// What was read, by what tells rows apart.
type Entries<'a> = BTreeMap<Vec<(u32, &'a str)>, (&'a At, &'a dyn Fields)>;

fn entries<O: Object>(all: &All<O>) -> Entries<'_> {
    let mut entries = BTreeMap::new();
    O::Shape::visit(all, &mut |at, fields| {
        let rows = at.above.iter().chain([&at.row]);
        entries.insert(rows.map(|row| (row.number, row.key.as_str())).collect(), (at, fields));
    });
    entries
}

/// A field in its lexical form; `None` if it has none now.
fn text_of(fields: &dyn Fields, index: usize) -> Option<String> {
    let mut text = String::new();
    fields.field(index)?.write(&mut text).ok().map(|()| text)
}

/// The rows above a table: `()` for a table that is in none.
#[derive(Debug, Clone, Default)]
pub struct Above(Vec<Row>);

impl From<()> for Above {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl<A: Into<At>> From<A> for Above {
    fn from(at: A) -> Self {
        let At { mut above, row } = at.into();
        above.push(row);
        Self(above)
    }
}

impl Host {
    /// The path of an object in a row: `host.path_of::<Interface>("eth0")` is `Device.Ethernet.Interface.3.`, which is
    /// also what references to it hold. For an object that exists once the row is [`At::ONCE`].
    ///
    /// A key without a number gets one; [`Error::Busy`] as long as there is no agent to ask.
    pub fn path_of<O: Object>(&self, at: impl Into<At>) -> Result<String, Error> {
        Resolver::new(self, O::NODES[0].path()).instance(&at.into())
    }

    /// Says that parameters of an object may have changed: `host.changed_in::<Interface>("eth0", &["Status"])`.
    ///
    /// Errors as of [`path_of`](Self::path_of): of a row that has no number yet nobody knows, so nobody misses it.
    pub fn changed_in<O: Object>(&self, at: impl Into<At>, names: &[&str]) -> Result<(), Error> {
        let path = self.path_of::<O>(at)?;
        let names: Vec<String> = names.iter().map(|name| format!("{path}{name}")).collect();
        self.changed(&names);
        Ok(())
    }

    /// Announces what two readings of an object differ in: parameters that are `pushed`, and rows that came or went.
    ///
    /// For a plugin that is told only that something is different, and looks again.
    pub fn announce<O: Object>(&self, old: &All<O>, new: &All<O>) -> Result<(), Error> {
        let (before, after) = (entries::<O>(old), entries::<O>(new));
        self.announce_entries(O::NODES, &before, &after)
    }

    fn announce_entries(
        &self,
        nodes: &'static [Node],
        before: &Entries<'_>,
        after: &Entries<'_>,
    ) -> Result<(), Error> {
        let resolver = Resolver::new(self, nodes[0].path());
        let (mut names, mut tables) = (Vec::new(), BTreeSet::new());
        for (key, (at, fields)) in after {
            let Some((_, old)) = before.get(key) else {
                tables.insert(resolver.table(at)?);
                continue;
            };
            let mut instance = None;
            for (i, node) in nodes.iter().skip(1).enumerate().filter(|(_, node)| node.is_pushed()) {
                if text_of(*old, i) == text_of(*fields, i) {
                    continue;
                }
                if instance.is_none() {
                    instance = match resolver.instance(at) {
                        Ok(instance) => Some(instance),
                        // Who has no number is known to nobody.
                        Err(Error::Busy(_)) => break,
                        Err(error) => return Err(error),
                    };
                }
                names.extend(instance.iter().map(|path| format!("{path}{}", leaf(node.path()))));
            }
        }
        for (key, (at, _)) in before {
            if !after.contains_key(key) {
                tables.insert(resolver.table(at)?);
            }
        }
        if !names.is_empty() {
            self.changed(&names);
        }
        if nodes[0].is_table() {
            for table in &tables {
                self.rows_changed(table);
            }
        }
        Ok(())
    }

    /// Says that rows of a table came or went by themselves, with the rows that it is in: `host.rows_changed_of::<Lamp>(())`,
    /// `host.rows_changed_of::<Address>("eth0")`.
    pub fn rows_changed_of<O: Object>(&self, above: impl Into<Above>) -> Result<(), Error> {
        let Above(above) = above.into();
        let table = Resolver::new(self, O::NODES[0].path()).table(&At { above, row: Row::default() })?;
        self.rows_changed(&table);
        Ok(())
    }
}
