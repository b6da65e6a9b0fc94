//! Typed objects: a struct for an object of the data model, a field for each of its parameters.

use crate::field::Field;
use crate::{At, Node, Rows};

/// The fields of an object by their position; [`Object`] says which is which.
pub trait Fields {
    /// The field at a position, to be read.
    fn field(&self, index: usize) -> Option<&dyn Field>;

    /// The field at a position, to be filled.
    fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field>;
}

/// A struct that stands for an object of the data model. `#[derive(Object)]` makes it one.
///
/// ```
/// use cwmp_plugin_sdk::{Enumeration, Object};
///
/// #[derive(Enumeration)]
/// enum Colour {
///     Red,
///     Green,
///     #[value("Warm White")]
///     WarmWhite,
/// }
///
/// #[derive(Object)]
/// #[object("Device.X_ACME_House.Lamp.{i}.", writable)]
/// struct Lamp {
///     #[param(writable, "default=Green")]
///     colour: Colour,
///     #[param(writable, "range=0:100;default=50")]
///     brightness: u32,
///     #[param("MACAddress", pushed)]
///     mac: String,
///     #[param(counter)]
///     switched: u32,
/// }
///
/// assert_eq!(Lamp::NODES[1].path(), "Device.X_ACME_House.Lamp.{i}.Colour");
/// assert_eq!(Lamp::NODES[1].facet_text(), "default=Green;enum=Red|Green|Warm White");
/// ```
///
/// An object of the standard says only which of its parameters there are: a field's name is that of the parameter, in
/// the spelling of Rust, or `#[param("Name")]` gives it. Type, access and facets are the standard's, and what does not
/// fit them does not compile.
///
/// ```
/// use cwmp_plugin_sdk::Object;
///
/// #[derive(Object)]
/// #[object("Device.DeviceInfo.MemoryStatus.")]
/// struct Memory {
///     total: u32,
///     free: u32,
/// }
/// ```
///
/// ```compile_fail
/// use cwmp_plugin_sdk::Object;
///
/// #[derive(Object)]
/// #[object("Device.DeviceInfo.MemoryStatus.")]
/// struct Memory {
///     swap: u32, // Device.DeviceInfo.MemoryStatus. has no parameter 'swap'
/// }
/// ```
///
/// What goes into `#[object("PATH", ...)]`: `writable` (a table takes and loses rows), `model = "VoiceService:1.1"`
/// (where two models have the path), facets as a text (`"unique=Name"`).
///
/// What goes into `#[param(...)]`: the name, facets, and the words `writable`, `pushed`, `counter`, `secret`,
/// `passive`, `forced`, `forced_default`, `inform`, which are the functions of [`Node`]. Facets of a parameter of the
/// standard narrow what that allows; what can be set must be said, for it is the plugin that must do it.
pub trait Object: Fields + Sized + 'static {
    /// The object itself, and then a parameter for each field.
    const NODES: &'static [Node];

    /// [`Single`], or [`Many`] if the object is a row or below one.
    type Shape: Shape<Self>;

    /// An object whose fields are zero, empty, false.
    fn blank() -> Self;
}

/// What is read of an object at once: the struct, or [`Rows`] of it.
pub type All<O> = <<O as Object>::Shape as Shape<O>>::All;

/// How often there is an object.
pub trait Shape<O: Object> {
    /// What is read at once.
    type All: 'static;

    /// As rows; what exists once is one row without numbers.
    #[doc(hidden)]
    fn into_rows(all: Self::All) -> Rows<O>;

    /// Each of them, and where it is.
    #[doc(hidden)]
    fn visit<'a>(all: &'a Self::All, visitor: &mut dyn FnMut(&'a At, &'a dyn Fields));

    /// From rows; `None` if it should exist once and does not.
    #[doc(hidden)]
    fn from_rows(rows: Rows<O>) -> Option<Self::All>;
}

/// There is one.
#[derive(Debug)]
pub enum Single {}

/// There are as many as there are rows.
#[derive(Debug)]
pub enum Many {}

impl<O: Object> Shape<O> for Single {
    type All = O;

    fn into_rows(all: O) -> Rows<O> {
        let mut rows = Rows::new();
        rows.push(At::ONCE, all);
        rows
    }

    fn visit<'a>(all: &'a O, visitor: &mut dyn FnMut(&'a At, &'a dyn Fields)) {
        static ONCE: At = At::ONCE;
        visitor(&ONCE, all);
    }

    fn from_rows(rows: Rows<O>) -> Option<O> {
        rows.into_iter().next().map(|(_, value)| value)
    }
}

impl<O: Object> Shape<O> for Many {
    type All = Rows<O>;

    fn into_rows(all: Rows<O>) -> Rows<O> {
        all
    }

    fn visit<'a>(all: &'a Rows<O>, visitor: &mut dyn FnMut(&'a At, &'a dyn Fields)) {
        all.iter().for_each(|(at, value)| visitor(at, value));
    }

    fn from_rows(rows: Rows<O>) -> Option<Rows<O>> {
        Some(rows)
    }
}
