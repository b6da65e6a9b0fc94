//! The macro that declares a plugin.

use crate::{Diagnosed, Node, Served};

/// What a plugin is called and what it serves.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name; the manifest has the same.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    /// Changes whenever the description changes.
    pub build: &'static str,
    /// What all its paths begin with.
    pub base: &'static str,
    /// What it can serve.
    pub nodes: &'static [Node],
}

/// A type for which [`declare!`](crate::declare!) was written.
pub trait Declared: Sized + 'static {
    /// What was declared.
    const ABOUT: About;
    /// The typed objects; their nodes come first in what was declared.
    const OBJECTS: &'static [Served<Self>] = &[];
    /// The diagnostics among them.
    const DIAGNOSTICS: &'static [Diagnosed<Self>] = &[];
}

/// Declares a plugin and exports it: the type, its name, what all paths begin with, and what there is.
///
/// `objects` lists types with [`Object`](crate::Object), for each of which the plugin has [`Serve`](crate::Serve):
///
/// ```
/// use cwmp_plugin_sdk::{declare, Config, Error, Host, Object, Plugin, Serve, Settings, Wanted};
///
/// #[derive(Object)]
/// #[object("Device.X_ACME_Door.")]
/// struct Door {
///     #[param(writable, "size=:32")]
///     name: String,
///     open: bool,
/// }
///
/// pub struct Doors {
///     settings: Settings,
/// }
///
/// declare! { Doors, name: "doors", base: "Device.X_ACME_Door.", objects { Door } }
///
/// impl Plugin for Doors {
///     fn create(host: Host, _: &Config) -> Result<Self, Error> {
///         Ok(Self { settings: Settings::load(&host)? })
///     }
///
///     fn settings(&self) -> Option<&Settings> {
///         Some(&self.settings)
///     }
/// }
///
/// impl Serve<Door> for Doors {
///     fn read(&mut self, kept: Door, _: &Wanted<'_>) -> Result<Door, Error> {
///         Ok(Door { open: true, ..kept })
///     }
/// }
/// # use cwmp_plugin_sdk::testing::Harness;
/// let mut house = Harness::new(&PLUGIN, "{}");
/// house.set(&[("Device.X_ACME_Door.Name", "front")]).unwrap();
/// assert_eq!(house.get("Device.X_ACME_Door.Name").unwrap(), "front");
/// assert_eq!(house.get("Device.X_ACME_Door.Open").unwrap(), "true");
/// ```
///
/// `diagnostics` lists those of them that are tests of the device, see [`Diagnose`](crate::Diagnose).
///
/// Without a `base` it is `Device.`; keys of [`Settings`](crate::Settings) follow it, so it stays what it is for ever.
///
/// With the word `async` before the type, the plugin is an `AsyncPlugin` (feature `tokio`).
///
/// `nodes` has a line for each node that is no typed object's: for what has another shape on every device, and for
/// commands. A line is `object PATH`, `table PATH`, `param PATH TYPE` or `command PATH`, then flags in brackets, then facets. The
/// words are the functions of [`Node`]. Paths follow the base; `""` is the base itself.
///
/// ```
/// use cwmp_plugin_sdk::{declare, Config, Error, Host, Plugin, Settings};
///
/// pub struct Lamps {
///     settings: Settings,
/// }
///
/// impl Plugin for Lamps {
///     fn create(host: Host, _: &Config) -> Result<Self, Error> {
///         Ok(Self { settings: Settings::load(&host)? })
///     }
///
///     fn settings(&self) -> Option<&Settings> {
///         Some(&self.settings)
///     }
/// }
///
/// declare! {
///     Lamps, name: "lamps", base: "Device.X_ACME_House.",
///     nodes {
///         object "";
///         table "Lamp.{i}." [writable];
///         param "Lamp.{i}.Colour" string [writable pushed] "enum=Red|Blue;default=Red";
///     }
/// }
/// # use cwmp_plugin_sdk::testing::Harness;
/// let mut box_ = Harness::new(&PLUGIN, "{}");
/// box_.add("Device.X_ACME_House.Lamp.1.").unwrap();
/// assert_eq!(box_.get("Device.X_ACME_House.Lamp.1.Colour").unwrap(), "Red");
/// ```
#[macro_export]
macro_rules! declare {
    (async $plugin:ty, name: $name:literal, objects { $($object:tt)* } $(, diagnostics { $($own:tt)* })? $(,)?) => {
        $crate::declare! {
            async $plugin, name: $name, base: "Device.", objects { $($object)* } $(, diagnostics { $($own)* })?
        }
    };
    (async $plugin:ty, name: $name:literal, base: $base:literal $(, $($rest:tt)*)?) => {
        $crate::declare! { @about $plugin, AsyncDeclared, AsyncServed, AsyncDiagnosed, $name, $base $(, $($rest)*)? }

        /// What the library exports.
        #[export_name = "cwmp_plugin_v1"]
        pub static PLUGIN: $crate::abi::Plugin = $crate::export::plugin::<$crate::Async<$plugin>>();
    };
    ($plugin:ty, name: $name:literal, objects { $($object:tt)* } $(, diagnostics { $($own:tt)* })? $(,)?) => {
        $crate::declare! {
            $plugin, name: $name, base: "Device.", objects { $($object)* } $(, diagnostics { $($own)* })?
        }
    };
    ($plugin:ty, name: $name:literal, base: $base:literal $(, $($rest:tt)*)?) => {
        $crate::declare! { @about $plugin, Declared, Served, Diagnosed, $name, $base $(, $($rest)*)? }

        /// What the library exports.
        #[export_name = "cwmp_plugin_v1"]
        pub static PLUGIN: $crate::abi::Plugin = $crate::export::plugin::<$plugin>();
    };
    (
        @about $plugin:ty, $declared:ident, $served:ident, $diagnosed:ident, $name:literal, $base:literal
        $(, objects { $($object:ty),* $(,)? })?
        $(, diagnostics { $($diagnostic:ty),* $(,)? })?
        $(, nodes {
            $($what:ident $path:literal $($kind:ident)? $([$($flag:ident)*])? $($facets:literal)?;)*
        })?
        $(,)?
    ) => {
        impl $crate::$declared for $plugin {
            const ABOUT: $crate::About = {
                const LISTS: &[&[$crate::Node]] = &[
                    $($(<$object as $crate::Object>::NODES,)*)?
                    $(&[$($crate::Node::$what(concat!($base, $path))
                        $(.$kind())? $($(.$flag())*)? $(.facets($facets))?,)*],)?
                ];
                const NODES: &[$crate::Node] = &$crate::join::<{ $crate::count(LISTS) }>(LISTS);
                const BUILD: [u8; 16] = $crate::build_id(NODES);
                $crate::About {
                    name: $name,
                    version: env!("CARGO_PKG_VERSION"),
                    build: match ::core::str::from_utf8(&BUILD) {
                        Ok(text) => text,
                        Err(_) => "",
                    },
                    base: $base,
                    nodes: NODES,
                }
            };
            const OBJECTS: &'static [$crate::$served<Self>] =
                &[$($($crate::$served::<$plugin>::of::<$object>(),)*)?];
            const DIAGNOSTICS: &'static [$crate::$diagnosed<Self>] =
                &[$($($crate::$diagnosed::<$plugin>::of::<$diagnostic>(),)*)?];
        }
    };
}

/// How many nodes there are in all lists.
#[doc(hidden)]
pub const fn count(lists: &[&[Node]]) -> usize {
    let (mut sum, mut i) = (0, 0);
    while i < lists.len() {
        sum += lists[i].len();
        i += 1;
    }
    sum
}

/// One list of all nodes.
#[doc(hidden)]
pub const fn join<const N: usize>(lists: &[&[Node]]) -> [Node; N] {
    let mut all = [Node::object(""); N];
    let (mut at, mut list) = (0, 0);
    while list < lists.len() {
        let mut i = 0;
        while i < lists[list].len() {
            all[at] = lists[list][i];
            at += 1;
            i += 1;
        }
        list += 1;
    }
    all
}

/// A text that changes with the description: FNV-1a over everything that is declared.
#[doc(hidden)]
pub const fn build_id(nodes: &[Node]) -> [u8; 16] {
    const fn mix(mut hash: u64, bytes: &[u8]) -> u64 {
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        (hash ^ 0xff).wrapping_mul(0x0100_0000_01b3)
    }
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut i = 0;
    while i < nodes.len() {
        let raw = nodes[i].raw();
        // SAFETY: both texts of a node come from `&'static str`.
        let (path, facets) = unsafe {
            (
                std::slice::from_raw_parts(raw.path.ptr, raw.path.len),
                std::slice::from_raw_parts(raw.facets.ptr, raw.facets.len),
            )
        };
        hash = mix(hash, path);
        hash = mix(hash, facets);
        hash = mix(hash, &raw.kind.to_le_bytes());
        hash = mix(hash, &raw.flags.to_le_bytes());
        i += 1;
    }
    let mut text = [0; 16];
    let mut i = 0;
    while i < 16 {
        text[i] = b"0123456789abcdef"[(hash >> (60 - 4 * i) & 15) as usize];
        i += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_changes_with_every_part_of_a_node() {
        let all = [
            build_id(&[Node::param("Device.A").string()]),
            build_id(&[Node::param("Device.B").string()]),
            build_id(&[Node::param("Device.A").int()]),
            build_id(&[Node::param("Device.A").string().writable()]),
            build_id(&[Node::param("Device.A").string().facets("size=:1")]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(one.iter().all(u8::is_ascii_hexdigit));
            assert!(!all[..i].contains(one));
        }
    }
}
