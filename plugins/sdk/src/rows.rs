//! The rows of typed tables.

use std::collections::HashMap;

use crate::object::{Fields, Object};
use crate::resolver::Resolver;
use crate::Row;

/// Which row: itself, and those that it lies in, the outermost first.
///
/// It is made of a number (`3`) or a key (`"eth0"`), or of several for a nested table: `("eth0", "10.0.0.1")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The rows above; of each, number or key counts.
    pub above: Vec<Row>,
    /// The row. Of an object that is below a row, such as `Interface.{i}.Stats.`, it is that one.
    pub row: Row,
}

impl At {
    /// Where an object is that exists once.
    pub const ONCE: Self = Self {
        above: Vec::new(),
        row: Row { number: 0, key: String::new(), alias: String::new(), deletable: false, read_only: false },
    };
}

impl<R: Into<Row>> From<R> for At {
    fn from(row: R) -> Self {
        Self { above: Vec::new(), row: row.into() }
    }
}

impl<A: Into<Row>, R: Into<Row>> From<(A, R)> for At {
    fn from((a, row): (A, R)) -> Self {
        Self { above: vec![a.into()], row: row.into() }
    }
}

impl<A: Into<Row>, B: Into<Row>, R: Into<Row>> From<(A, B, R)> for At {
    fn from((a, b, row): (A, B, R)) -> Self {
        Self { above: vec![a.into(), b.into()], row: row.into() }
    }
}

impl<A: Into<Row>, B: Into<Row>, C: Into<Row>, R: Into<Row>> From<(A, B, C, R)> for At {
    fn from((a, b, c, row): (A, B, C, R)) -> Self {
        Self { above: vec![a.into(), b.into(), c.into()], row: row.into() }
    }
}

/// All rows of a table at once.
///
/// ```
/// # use cwmp_plugin_sdk::{Object, Row, Rows};
/// # #[derive(Object)]
/// # #[object("Device.X_ACME_House.Lamp.{i}.")]
/// # struct Lamp { lit: bool }
/// let mut rows = Rows::new();
/// rows.push(1, Lamp { lit: true });
/// rows.push("00:11:22:33:44:55", Lamp { lit: false });
/// rows.push(Row::keyed("porch").alias("porch"), Lamp { lit: false });
/// assert_eq!(rows.len(), 3);
/// ```
#[derive(Debug)]
pub struct Rows<O> {
    list: Vec<(At, O)>,
    kept: Option<Kept<O>>,
}

/// More rows than there can be.
const FOUND: usize = 1 << 24;

/// How what is kept for rows is found.
#[derive(Debug)]
struct Kept<O> {
    resolver: Resolver,
    /// What is kept for rows that the device found.
    found: Vec<O>,
    /// Where a row is, by its path: those that were added, and from `FOUND` on those that were found.
    positions: HashMap<String, usize>,
    /// The same by keys, for those that were found.
    keys: HashMap<String, usize>,
}

impl<O> Rows<O> {
    /// No rows.
    pub fn new() -> Self {
        Self { list: Vec::new(), kept: None }
    }

    pub(crate) fn of_settings(resolver: Resolver) -> Self {
        let (found, positions, keys) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { list: Vec::new(), kept: Some(Kept { resolver, found, positions, keys }) }
    }

    /// A row that is kept; of one that the device found only what is kept for it.
    pub(crate) fn push_kept(&mut self, instance: String, at: At, value: O, found: bool) {
        let Some(kept) = &mut self.kept else { return };
        if !found {
            kept.positions.insert(instance, self.list.len());
            self.list.push((at, value));
            return;
        }
        if let Some(keys) = keys_of(&at) {
            kept.keys.insert(keys, kept.found.len());
        }
        kept.positions.insert(instance, FOUND + kept.found.len());
        kept.found.push(value);
    }

    /// A row more.
    pub fn push(&mut self, at: impl Into<At>, value: O) {
        self.list.push((at.into(), value));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The rows.
    pub fn iter(&self) -> std::slice::Iter<'_, (At, O)> {
        self.list.iter()
    }

    fn get(&self, at: &At) -> Option<&O> {
        let Some(kept) = &self.kept else {
            return self.list.iter().find(|(other, _)| other == at).map(|(_, value)| value);
        };
        // By its keys it is found without asking anybody for its number.
        if let Some(keys) = keys_of(at) {
            return kept.found.get(*kept.keys.get(&keys)?);
        }
        let position = *kept.positions.get(&kept.resolver.instance(at).ok()?)?;
        match position.checked_sub(FOUND) {
            Some(found) => kept.found.get(found),
            None => self.list.get(position).map(|(_, value)| value),
        }
    }
}

/// The keys of a row and of those above it, if each has one.
fn keys_of(at: &At) -> Option<String> {
    let mut keys = String::new();
    for row in at.above.iter().chain([&at.row]) {
        if row.key.is_empty() {
            return None;
        }
        // Keys are texts without zeros, as far as anybody knows; two rows that they confuse would have odd keys indeed.
        keys.push_str(&row.key);
        keys.push('\0');
    }
    Some(keys)
}

impl<O: Object> Rows<O> {
    /// What is kept for a row; what was never set is as declared. It stays where it is.
    ///
    /// For rows that the device finds by itself but that have settings: what the device knows is put over it.
    pub fn of(&self, at: impl Into<At>) -> O {
        let mut value = O::blank();
        let found = self.get(&at.into());
        let mut text = String::new();
        for (i, node) in O::NODES.iter().skip(1).enumerate() {
            let Some(field) = value.field_mut(i) else { continue };
            text.clear();
            match found.and_then(|f| f.field(i)) {
                // What was read from text a moment ago can be written.
                Some(kept) if kept.write(&mut text).is_ok() => {}
                _ if node.has_start() => text.push_str(&node.default_value()),
                // Only the device can say.
                _ => continue,
            }
            field.read(&text);
        }
        value
    }
}

impl<O> Default for Rows<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> IntoIterator for Rows<O> {
    type Item = (At, O);
    type IntoIter = std::vec::IntoIter<(At, O)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a, O> IntoIterator for &'a Rows<O> {
    type Item = &'a (At, O);
    type IntoIter = std::slice::Iter<'a, (At, O)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<A: Into<At>, O> FromIterator<(A, O)> for Rows<O> {
    fn from_iter<I: IntoIterator<Item = (A, O)>>(rows: I) -> Self {
        Self { list: rows.into_iter().map(|(at, value)| (at.into(), value)).collect(), kept: None }
    }
}

/// Rows of whatever object.
pub(crate) trait AnyRows {
    fn len(&self) -> usize;
    fn at(&self, index: usize) -> &At;
    fn fields(&self, index: usize) -> &dyn Fields;
}

impl<O: Object> AnyRows for Rows<O> {
    fn len(&self) -> usize {
        self.list.len()
    }

    fn at(&self, index: usize) -> &At {
        &self.list[index].0
    }

    fn fields(&self, index: usize) -> &dyn Fields {
        &self.list[index].1
    }
}
