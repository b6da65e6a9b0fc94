//! The plugin ABI in Rust: a mirror of `include/cwmp_plugin.h`, which is the contract and has the rules.
//!
//! Nothing here does anything. A test compiles the header and holds every size and offset against these types.

pub mod status;

use std::ffi::c_void;

/// The first member of a plugin: "CWP1".
pub const MAGIC: u32 = 0x3150_5743;
/// The major version; another one is another symbol.
pub const MAJOR: u16 = 1;
/// The minor version: how many times members were appended.
pub const MINOR: u16 = 1;
/// The name of the one symbol that a plugin exports.
pub const SYMBOL: &str = "cwmp_plugin_v1";
/// Bytes of one value of the key-value store.
pub const STORE_VALUE_MAX: usize = 65_536;
/// The one event of the standard that a plugin tells: a diagnostic that the ACS asked for has ended. All others begin with
/// `X `.
pub const DIAGNOSTICS_COMPLETE: &str = "8 DIAGNOSTICS COMPLETE";

/// A status, see [`status`].
pub type Status = i32;
/// A request: a slot and a generation.
pub type Req = u64;
/// Work that a plugin began by itself and that is shown as a job; 0 is work that is not shown.
pub type Job = u64;

/// A borrowed text: UTF-8, not terminated; `ptr` may be null only if `len` is 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Str {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// A pair of texts.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Kv {
    /// Its name.
    pub key: Str,
    /// Its value.
    pub value: Str,
}

/// An argument of a command.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// Its name.
    pub key: Str,
    /// Its value.
    pub value: Str,
    /// A descriptor, borrowed until the request is done; -1 means none.
    pub fd: i32,
    /// Always 0.
    pub zero: u32,
}

/// One line of what a plugin serves.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// The schema path.
    pub path: Str,
    /// The type number, 0 for objects and commands.
    pub kind: u32,
    /// `CWMP_NODE_*`.
    pub flags: u32,
    /// The facets in their text form.
    pub facets: Str,
}

/// One change of a transaction.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// 1 set, 2 add, 3 delete.
    pub op: u32,
    /// The type number, 0 for rows.
    pub kind: u32,
    /// The parameter or row.
    pub path: Str,
    /// The value.
    pub value: Str,
}

/// A row of a table.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its number, or 0 when the agent chooses one for the key.
    pub number: u32,
    /// `CWMP_ROW_*`.
    pub flags: u32,
    /// What the plugin recognises it by.
    pub key: Str,
    /// Its alias, or empty.
    pub alias: Str,
}

/// What is known of a request.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ReqInfo {
    /// The caller's size of this struct.
    pub struct_size: u32,
    /// `CWMP_ORIGIN_*`.
    pub origin: u32,
    /// Milliseconds from now; 0 when it has passed.
    pub deadline_ms: u32,
    /// Always 0.
    pub zero: u32,
    /// The session of the ACS, 0 outside.
    pub session: u64,
}

/// What a plugin gives to the host to be called with each value of the store.
pub type Sink = unsafe extern "C" fn(arg: *mut c_void, text: Str);

/// Services of the host. Every member may be called from any thread.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)] // the header documents each member
pub struct Host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub change_size: u32,
    pub arg_size: u32,
    pub str_size: u32,
    pub kv_size: u32,
    pub ctx: *mut c_void,
    pub put_value_at: Option<unsafe extern "C" fn(*mut c_void, Req, usize, u32, Str)>,
    pub put_fault_at: Option<unsafe extern "C" fn(*mut c_void, Req, usize, Status, Str)>,
    pub put_row: Option<unsafe extern "C" fn(*mut c_void, Req, usize, *const Row)>,
    pub put_output: Option<unsafe extern "C" fn(*mut c_void, Req, Str, Str)>,
    pub progress: Option<unsafe extern "C" fn(*mut c_void, Req, i32, Str)>,
    pub cancelled: Option<unsafe extern "C" fn(*mut c_void, Req) -> i32>,
    pub req_info: Option<unsafe extern "C" fn(*mut c_void, Req, *mut ReqInfo) -> Status>,
    pub req_done: Option<unsafe extern "C" fn(*mut c_void, Req, Status, Str)>,
    pub changed: Option<unsafe extern "C" fn(*mut c_void, *const Str, usize)>,
    pub instances_changed: Option<unsafe extern "C" fn(*mut c_void, Str)>,
    pub event: Option<unsafe extern "C" fn(*mut c_void, Str, *const Kv, usize) -> Status>,
    pub log: Option<unsafe extern "C" fn(*mut c_void, i32, Str, Str)>,
    pub store_put: Option<unsafe extern "C" fn(*mut c_void, Str, Str) -> Status>,
    pub store_get: Option<unsafe extern "C" fn(*mut c_void, Str, Option<Sink>, *mut c_void) -> Status>,
    pub store_delete: Option<unsafe extern "C" fn(*mut c_void, Str) -> Status>,
    pub store_list: Option<unsafe extern "C" fn(*mut c_void, Str, Option<Sink>, *mut c_void) -> Status>,
    pub extension: Option<unsafe extern "C" fn(*mut c_void, Str) -> *const c_void>,
    pub job_begin: Option<unsafe extern "C" fn(*mut c_void, Str, Str) -> Job>,
    pub job_put: Option<unsafe extern "C" fn(*mut c_void, Job, Str, Str)>,
    pub job_progress: Option<unsafe extern "C" fn(*mut c_void, Job, i32, Str)>,
    pub job_cancelled: Option<unsafe extern "C" fn(*mut c_void, Job) -> i32>,
    pub job_end: Option<unsafe extern "C" fn(*mut c_void, Job, Status, Str)>,
}

/// The bytes of [`Host`] in minor version 0: the least that a host has.
pub const HOST_MINOR_0: usize = std::mem::offset_of!(Host, job_begin);

/// The identifier of [`Lookup`].
pub const LOOKUP_1: &str = "lookup/1";

/// An extension of the host: which number belongs to which row that was reported by its key.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)] // the header documents each member
pub struct Lookup {
    pub struct_size: u32,
    pub zero: u32,
    pub number_of: Option<unsafe extern "C" fn(*mut c_void, Str, Str, *mut u32) -> Status>,
    pub key_of: Option<unsafe extern "C" fn(*mut c_void, Str, u32, Option<Sink>, *mut c_void) -> Status>,
}

/// A call that concerns one transaction.
pub type TxnCall = unsafe extern "C" fn(*mut c_void, Req, u64) -> Status;

/// What a plugin exports.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)] // the header documents each member
pub struct Plugin {
    pub magic: u32,
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub threads: u32,
    pub node_size: u32,
    pub kv_size: u32,
    pub str_size: u32,
    pub zero: u32,
    pub name: Str,
    pub version: Str,
    pub build: Str,
    pub nodes: *const Node,
    pub nodes_len: usize,
    pub create: Option<unsafe extern "C" fn(*const Host, Str, *mut *mut c_void) -> Status>,
    pub describe: Option<unsafe extern "C" fn(*mut c_void, *mut *const Node, *mut usize) -> Status>,
    pub start: Option<unsafe extern "C" fn(*mut c_void) -> Status>,
    pub stop: Option<unsafe extern "C" fn(*mut c_void)>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub get: Option<unsafe extern "C" fn(*mut c_void, Req, *const Str, usize) -> Status>,
    pub instances: Option<unsafe extern "C" fn(*mut c_void, Req, *const Str, usize) -> Status>,
    pub prepare: Option<unsafe extern "C" fn(*mut c_void, Req, u64, *const Change, usize) -> Status>,
    pub commit: Option<TxnCall>,
    pub rollback: Option<TxnCall>,
    pub finish: Option<TxnCall>,
    pub apply: Option<TxnCall>,
    pub watch: Option<unsafe extern "C" fn(*mut c_void, *const Str, usize, u32) -> Status>,
    pub notice: Option<unsafe extern "C" fn(*mut c_void, Req, u32) -> Status>,
    pub invoke: Option<unsafe extern "C" fn(*mut c_void, Req, Str, *const Arg, usize) -> Status>,
    pub cancel: Option<unsafe extern "C" fn(*mut c_void, Req)>,
    pub extension: Option<unsafe extern "C" fn(*mut c_void, Str) -> *const c_void>,
    pub job_cancel: Option<unsafe extern "C" fn(*mut c_void, Job)>,
}

// SAFETY: a plugin's table is a constant whose pointers lead to constants; nothing writes through it.
unsafe impl Sync for Plugin {}
