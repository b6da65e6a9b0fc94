//! A plugin in Rust whose struct is smaller (`older`) or larger (`newer`) than this ABI's, as one would be that was built
//! with an earlier or a later version of it.
#![allow(missing_docs)]

use cwmp_plugin_abi as abi;
use std::ffi::c_void;
use std::mem::{offset_of, size_of};

const fn text(text: &'static str) -> abi::Str {
    abi::Str { ptr: text.as_ptr(), len: text.len() }
}

/// A later version's nodes say more, too.
#[repr(C)]
pub struct Node {
    node: abi::Node,
    #[cfg(newer)]
    more: [usize; 3],
}

// SAFETY: a constant whose pointers lead to constants.
unsafe impl Sync for Node {}

const fn node(path: &'static str) -> Node {
    Node {
        node: abi::Node { path: text(path), kind: 1, flags: 0, facets: text("") },
        #[cfg(newer)]
        more: [usize::MAX; 3],
    }
}

static NODES: [Node; 2] = [node("Device.X_S.One"), node("Device.X_S.Two")];
static mut HOST: *const abi::Host = std::ptr::null();

unsafe extern "C" fn create(host: *const abi::Host, _: abi::Str, this: *mut *mut c_void) -> abi::Status {
    unsafe {
        HOST = host;
        *this = std::ptr::null_mut();
    }
    abi::status::OK
}

unsafe extern "C" fn get(_: *mut c_void, req: abi::Req, names: *const abi::Str, n: usize) -> abi::Status {
    let host = unsafe { &*HOST };
    for i in 0..n {
        // By the host's size of a text, which may be larger one day.
        let name = unsafe { *names.cast::<u8>().add(i * host.str_size as usize).cast::<abi::Str>() };
        unsafe { host.put_value_at.unwrap()(host.ctx, req, i, 1, name) };
    }
    abi::status::OK
}

unsafe extern "C" fn prepare(
    _: *mut c_void,
    _: abi::Req,
    _: u64,
    _: *const abi::Change,
    _: usize,
) -> abi::Status {
    std::process::abort()
}

/// What follows the last member that an older version knows, and the first that a newer one has.
#[repr(C)]
pub struct Shape {
    plugin: abi::Plugin,
    more: [usize; 4],
}

// SAFETY: constants that lead to constants.
unsafe impl Sync for Shape {}

const SIZE: usize =
    if cfg!(older) { offset_of!(abi::Plugin, get) + size_of::<usize>() } else { size_of::<Shape>() };

const fn plugin() -> abi::Plugin {
    // SAFETY: zero is valid for numbers, pointers and options of functions.
    let mut plugin: abi::Plugin = unsafe { std::mem::zeroed() };
    if cfg!(older) {
        // It lies beyond the size: a host that looked would refuse prepare() without commit().
        plugin.prepare = Some(prepare);
    }
    plugin.magic = abi::MAGIC;
    plugin.struct_size = SIZE as u32;
    plugin.abi_major = abi::MAJOR;
    // A later one does not make it another plugin.
    plugin.abi_minor = if cfg!(newer) { abi::MINOR + 7 } else { abi::MINOR };
    plugin.node_size = size_of::<Node>() as u32;
    plugin.kv_size = size_of::<abi::Kv>() as u32;
    plugin.str_size = size_of::<abi::Str>() as u32;
    plugin.name = text("shape");
    plugin.version = text("1");
    plugin.build = text("1");
    plugin.nodes = (&raw const NODES).cast();
    plugin.nodes_len = NODES.len();
    plugin.create = Some(create);
    plugin.get = Some(get);
    plugin
}

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static cwmp_plugin_v1: Shape = Shape { plugin: plugin(), more: [usize::MAX; 4] };
