//! A plugin's library: loaded once, never unloaded, and not believed before it is checked.

use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};

use cwmp_plugin_abi::{Node, Plugin, MAGIC, MAJOR, SYMBOL};
use nix::libc::{RTLD_LOCAL, RTLD_NODELETE, RTLD_NOW};

use crate::description::Described;
use crate::error::HostError;
use crate::text;

/// The least that a plugin's struct has: everything up to its last required member.
pub(crate) const MIN_STRUCT: usize = offset_of!(Plugin, get) + size_of::<usize>();
/// More than a plugin's struct can have, after however many minor versions.
pub(crate) const MAX_STRUCT: usize = 64 * 1024;
/// The least that a node has: its path, type and flags.
pub(crate) const MIN_NODE: usize = offset_of!(Node, facets);
/// The most bytes of an element of an array.
pub(crate) const MAX_ELEMENT: usize = 4096;
/// The most nodes of one plugin.
pub(crate) const MAX_NODES: usize = cwmp_model::schema::MAX_NODES;
/// The most bytes of a path, a name, a version or a build.
pub(crate) const MAX_NAME: usize = 1024;

/// A loaded plugin.
#[derive(Debug)]
pub(crate) struct Library {
    /// The file.
    pub(crate) file: PathBuf,
    /// What it exports; members that its struct lacks are `None`.
    pub(crate) plugin: Plugin,
    /// What it calls itself.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// What changes when its description may have changed.
    pub(crate) build: String,
    /// How large its struct is, in bytes.
    pub(crate) struct_size: usize,
}

// SAFETY: the pointers lead to constants of a library that is never unloaded.
unsafe impl Send for Library {}
// SAFETY: nothing is written through them.
unsafe impl Sync for Library {}

impl Library {
    /// Loads a library and checks what it exports. This runs the library's constructors.
    pub(crate) fn load(file: &Path) -> Result<Self, HostError> {
        // A name without a slash would be searched for in the system's folders.
        let path = if file.components().count() == 1 { Path::new(".").join(file) } else { file.to_owned() };
        if !path.exists() {
            return Err(HostError::NoFile(file.to_owned()));
        }
        let failed = |error| HostError::Load { file: file.to_owned(), error };
        let flags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
        // SAFETY: that is what a plugin host is for; whoever names a library vouches for its constructors.
        let library = unsafe { libloading::os::unix::Library::open(Some(&path), flags) }.map_err(failed)?;
        // SAFETY: the symbol's address is only kept as a pointer here.
        let symbol = unsafe { library.get::<*const Plugin>(SYMBOL.as_bytes()) }.map_err(failed)?;
        let address: *const Plugin = *symbol;
        // Never unloaded: threads and thread-local destructors of the plugin may outlive every use.
        std::mem::forget(library);
        let refused = |why: String| HostError::Refused { file: file.to_owned(), why };
        if address.is_null() {
            return Err(refused(format!("{SYMBOL} is NULL")));
        }
        // SAFETY: the symbol is a cwmp_plugin, which starts with these; the size is read before anything behind it.
        let (magic, struct_size) = unsafe {
            let start = address.cast::<u32>();
            (start.read_unaligned(), start.add(1).read_unaligned())
        };
        if magic != MAGIC {
            return Err(refused(format!("its magic is {magic:#010x}, not {MAGIC:#010x}")));
        }
        let struct_size = usize::try_from(struct_size).unwrap_or(usize::MAX);
        if !(MIN_STRUCT..=MAX_STRUCT).contains(&struct_size) {
            return Err(refused(format!(
                "its struct has {struct_size} bytes, expected {MIN_STRUCT} to {MAX_STRUCT}"
            )));
        }
        // SAFETY: the plugin states the size; the members are numbers, pointers and options of functions, for which
        // zero is valid.
        let plugin = unsafe { text::element::<Plugin>(address, 0, struct_size) };
        if plugin.abi_major != MAJOR {
            return Err(refused(format!("it is made for ABI {}, this host has {MAJOR}", plugin.abi_major)));
        }
        if plugin.create.is_none() || plugin.get.is_none() {
            return Err(refused("create() and get() are required".to_owned()));
        }
        if plugin.prepare.is_some() != plugin.commit.is_some() {
            return Err(refused("prepare() and commit() come together".to_owned()));
        }
        for (size, least, what) in [
            (plugin.node_size, MIN_NODE, "node_size"),
            (plugin.kv_size, size_of::<cwmp_plugin_abi::Kv>(), "kv_size"),
            (plugin.str_size, size_of::<cwmp_plugin_abi::Str>(), "str_size"),
        ] {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if !(least..=MAX_ELEMENT).contains(&size) {
                return Err(refused(format!("{what} is {size}, expected {least} to {MAX_ELEMENT}")));
            }
        }
        let read = |what: &str, value| {
            // SAFETY: texts of the exported constant live as long as the library, which is for ever.
            unsafe { text::read(value, MAX_NAME) }
                .map(str::to_owned)
                .map_err(|fault| refused(format!("its {what} {fault}")))
        };
        let (name, version, build) =
            (read("name", plugin.name)?, read("version", plugin.version)?, read("build", plugin.build)?);
        Ok(Self { file: file.to_owned(), plugin, name, version, build, struct_size })
    }

    /// Copies a table of nodes, of this plugin's element size.
    ///
    /// # Safety
    /// `nodes` points to `count` nodes of the size that the plugin states.
    pub(crate) unsafe fn nodes(&self, nodes: *const Node, count: usize) -> Result<Vec<Described>, String> {
        if count > MAX_NODES {
            return Err(format!("it describes {count} nodes, more than {MAX_NODES}"));
        }
        if nodes.is_null() && count > 0 {
            return Err("its table of nodes is NULL".to_owned());
        }
        let size = usize::try_from(self.plugin.node_size).unwrap_or(MAX_ELEMENT);
        let mut all = Vec::with_capacity(count);
        for index in 0..count {
            // SAFETY: the caller promises it; a node of zeros is valid.
            let node = unsafe { text::element(nodes, index, size) };
            // SAFETY: texts of a description live as long as the plugin.
            let (path, facets) = unsafe {
                (text::read(node.path, MAX_NAME), text::read(node.facets, cwmp_model::facets::MAX_TEXT))
            };
            let path = path.map_err(|fault| format!("the path of node {index} {fault}"))?;
            let facets = facets.map_err(|fault| format!("the facets of {path} {fault}"))?;
            all.push(Described {
                path: path.to_owned(),
                kind: node.kind,
                flags: node.flags,
                facets: facets.to_owned(),
            });
        }
        Ok(all)
    }
}
