//! What a plugin does for a typed object.

use crate::edit::RawEdit;
use crate::object::{All, Object, Shape};
use crate::resolver::Resolver;
use crate::rows::AnyRows;
use crate::settings::KeptRow;
use crate::{ChangeFault, Edit, Effect, Error, Fields, Host, Node, Plugin, Prepared, Rows, Settings, Wanted};

/// A plugin serves an object of type `O`; [`declare!`](crate::declare!) lists the objects that it serves.
///
/// What is kept in [`Plugin::settings`] needs no more than `impl Serve<Lamp> for House {}`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists the object `{O}` and does not serve it",
    note = "write `impl Serve<{O}> for {Self}`; what the settings keep needs nothing in it"
)]
pub trait Serve<O: Object>: Plugin {
    /// Reads the object, or all its rows, once for everything that is asked of it in one call.
    ///
    /// `kept` is what the settings hold, as declared where nothing was set: it is the answer as far as the device knows no
    /// better. For a table it has the rows that were added, as far as they are asked for; [`Rows::of`] gives what is kept for
    /// a row that the device found. Without settings it holds the defaults, and no rows.
    fn read(&mut self, kept: All<O>, wanted: &Wanted<'_>) -> Result<All<O>, Error> {
        let _ = wanted;
        Ok(kept)
    }

    /// Looks at what is to change, and reserves what it needs, without any effect: what comes back has that, when it is
    /// run. Called for values and rows that the settings take already; a rule that facets cannot say is refused with
    /// [`Edit::fault`].
    ///
    /// ```
    /// # use cwmp_plugin_sdk::*;
    /// # #[derive(Object)]
    /// # #[object("Device.X_ACME_Heater.")]
    /// # struct Heater {
    /// #     #[param(writable)]
    /// #     level: u32,
    /// # }
    /// # struct House { settings: Settings, level: u32 }
    /// # declare! { House, name: "house", base: "Device.X_ACME_Heater.", objects { Heater } }
    /// # impl Plugin for House {
    /// #     fn create(host: Host, _: &Config) -> Result<Self, Error> {
    /// #         Ok(Self { settings: Settings::load(&host)?, level: 0 })
    /// #     }
    /// #     fn settings(&self) -> Option<&Settings> { Some(&self.settings) }
    /// # }
    /// impl Serve<Heater> for House {
    ///     fn change(&mut self, edits: Vec<Edit<Heater>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
    ///         let mut level = self.level;
    ///         for edit in &edits {
    ///             level = edit.new.as_ref().map_or(0, |new| new.level);
    ///             if level == 13 {
    ///                 return Err(vec![edit.fault("Level", Error::value("the heater has no 13"))]);
    ///             }
    ///         }
    ///         Ok(Box::new(move |house| {
    ///             house.level = level;
    ///             Ok(Effect::Now)
    ///         }))
    ///     }
    /// }
    /// # let mut house = testing::Harness::new(&PLUGIN, "{}");
    /// # house.set(&[("Device.X_ACME_Heater.Level", "7")]).unwrap();
    /// # assert!(house.set(&[("Device.X_ACME_Heater.Level", "13")]).is_err());
    /// ```
    ///
    /// When a committed transaction is taken back, which may be after a power cut, this is called with the opposite.
    fn change(&mut self, edits: Vec<Edit<O>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        drop(edits);
        Ok(Box::new(|_| Ok(Effect::Now)))
    }
}

/// An object that a plugin serves; [`declare!`](crate::declare!) makes them.
#[derive(Debug)]
pub struct Served<P> {
    /// How many nodes of the declaration belong to it.
    pub(crate) nodes: usize,
    pub(crate) read: Read<P>,
    pub(crate) change: ChangeCall<P>,
}

type Read<P> = fn(&mut P, &Kept, &Wanted<'_>) -> Result<Box<dyn AnyRows>, Error>;

type ChangeCall<P> = fn(&mut P, Vec<RawEdit>) -> Result<Prepared<P>, Vec<ChangeFault>>;

impl<P: Plugin> Served<P> {
    /// The object of type `O`.
    #[doc(hidden)]
    pub const fn of<O: Object>() -> Self
    where
        P: Serve<O>,
    {
        Self { nodes: O::NODES.len(), read: read::<P, O>, change: change::<P, O> }
    }
}

fn read<P: Serve<O>, O: Object>(
    plugin: &mut P,
    kept: &Kept,
    wanted: &Wanted<'_>,
) -> Result<Box<dyn AnyRows>, Error> {
    let rows = kept.rows::<O>(wanted.resolver.clone());
    let all = O::Shape::from_rows(rows).ok_or_else(|| Error::internal("an object without a place"))?;
    Ok(Box::new(O::Shape::into_rows(plugin.read(all, wanted)?)))
}

fn change<P: Serve<O>, O: Object>(
    plugin: &mut P,
    edits: Vec<RawEdit>,
) -> Result<Prepared<P>, Vec<ChangeFault>> {
    plugin.change(edits.into_iter().map(Edit::new).collect())
}

/// What the settings hold for an object.
pub(crate) struct Kept {
    pub(crate) settings: Option<Settings>,
    pub(crate) host: Host,
    pub(crate) nodes: &'static [Node],
    /// The objects.
    pub(crate) instances: Vec<KeptRow>,
}

impl Kept {
    pub(crate) fn rows<O: Object>(&self, resolver: Resolver) -> Rows<O> {
        let mut rows = Rows::of_settings(resolver);
        for KeptRow { instance, at, found } in &self.instances {
            let mut value = O::blank();
            self.fill(instance, &mut value);
            let mut at = at.clone();
            if !found {
                at.row.deletable = self.nodes[0].is_table() && self.nodes[0].is_writable();
            }
            rows.push_kept(instance.clone(), at, value, *found);
        }
        rows
    }

    fn fill(&self, instance: &str, fields: &mut dyn Fields) {
        let object = self.nodes[0].path();
        let base = self.host.about().base;
        for (i, node) in self.nodes.iter().skip(1).enumerate() {
            let Some(field) = fields.field_mut(i) else { continue };
            let name = format!("{instance}{}", &node.path()[object.len()..]);
            let name = name.strip_prefix(base).unwrap_or(&name);
            let settings = self.settings.as_ref();
            let text = if node.has_start() {
                settings.and_then(|settings| settings.text(name)).unwrap_or_else(|| node.default_value())
            } else if let Some(text) = settings.and_then(|settings| settings.chosen(name)) {
                text
            } else {
                // Only the device can say.
                continue;
            };
            // What does not fit, such as nothing for an enumeration, stays blank.
            field.read(&text);
        }
    }
}
