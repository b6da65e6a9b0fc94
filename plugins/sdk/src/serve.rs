//! What a plugin does for a typed object.

use crate::object::{All, Object, Shape};
use crate::resolver::at_of;
use crate::rows::AnyRows;
use crate::{Error, Fields, Host, Node, Plugin, Rows, Settings, Wanted};

/// A plugin serves an object of type `O`; [`declare!`](crate::declare!) lists the objects that it serves.
///
/// What is kept in [`Plugin::settings`] needs no more than `impl Serve<Lamp> for House {}`.
pub trait Serve<O: Object>: Plugin {
    /// Reads the object, or all its rows, once for everything that is asked of it in one call.
    ///
    /// `kept` is what the settings hold, as declared where nothing was set: it is the answer as far as the device knows no
    /// better. For a table it has the rows that were added; [`Rows::of`] gives what is kept for a row that the device
    /// found. Without settings it holds the defaults, and no rows.
    fn read(&mut self, kept: All<O>, wanted: &Wanted<'_>) -> Result<All<O>, Error> {
        let _ = wanted;
        Ok(kept)
    }
}

/// An object that a plugin serves; [`declare!`](crate::declare!) makes them.
#[derive(Debug)]
pub struct Served<P> {
    /// How many nodes of the declaration belong to it.
    pub(crate) nodes: usize,
    pub(crate) read: Read<P>,
}

type Read<P> = fn(&mut P, &Kept<'_>, &Wanted<'_>) -> Result<Box<dyn AnyRows>, Error>;

impl<P: Plugin> Served<P> {
    /// The object of type `O`.
    #[doc(hidden)]
    pub const fn of<O: Object>() -> Self
    where
        P: Serve<O>,
    {
        Self { nodes: O::NODES.len(), read: read::<P, O> }
    }
}

fn read<P: Serve<O>, O: Object>(
    plugin: &mut P,
    kept: &Kept<'_>,
    wanted: &Wanted<'_>,
) -> Result<Box<dyn AnyRows>, Error> {
    let mut rows = Rows::of_settings(wanted.resolver.clone());
    for instance in &kept.instances {
        let mut value = O::blank();
        kept.fill(instance, &mut value);
        let mut at = at_of(instance);
        at.row.deletable = kept.nodes[0].is_table() && kept.nodes[0].is_writable();
        rows.push_kept(instance.clone(), at, value);
    }
    let all = O::Shape::from_rows(rows).ok_or_else(|| Error::internal("an object without a place"))?;
    Ok(Box::new(O::Shape::into_rows(plugin.read(all, wanted)?)))
}

/// What the settings hold for an object.
pub(crate) struct Kept<'a> {
    pub(crate) settings: Option<Settings>,
    pub(crate) host: &'a Host,
    pub(crate) nodes: &'static [Node],
    /// The paths of the objects.
    pub(crate) instances: Vec<String>,
}

impl Kept<'_> {
    fn fill(&self, instance: &str, fields: &mut dyn Fields) {
        let object = self.nodes[0].path();
        let base = self.host.about().base;
        for (i, node) in self.nodes.iter().skip(1).enumerate() {
            let Some(field) = fields.field_mut(i) else { continue };
            let name = format!("{instance}{}", &node.path()[object.len()..]);
            let name = name.strip_prefix(base).unwrap_or(&name);
            let kept = self.settings.as_ref().and_then(|settings| settings.text(name));
            // What does not fit, such as nothing for an enumeration, stays blank.
            field.read(&kept.unwrap_or_else(|| node.default_value()));
        }
    }
}
