//! Plugins of cwmpd in safe Rust.
//!
//! ```text
//!   your plugin --> cwmp-plugin-sdk --> cwmp-plugin-abi      (one exported constant, C layout)
//!                        ^                     ^
//!                  testing::Harness     cwmp-plugin-host     (loads the library, serves it on the bus)
//! ```
//!
//! A struct with [`Object`] stands for an object of the data model, and [`declare!`] lists those that a plugin serves. For
//! each of them the plugin has [`Serve`]: reading it, once for everything that is asked of it in one call, and putting in
//! force what others set. What is configured and must survive a power cut belongs into [`Settings`], which bring rows and
//! transactions with them. Calls come one at a time, on one thread; a plugin whose calls wait for something has async
//! ones, with the feature `tokio` and the module `later`.
//!
//! A panic in a plugin is caught at the border: the call answers "internal error" and the panic is logged.

// The derives name this crate from outside, in its own tests as well.
extern crate self as cwmp_plugin_sdk;

mod announce;
mod answer;
mod border;
mod change;
mod config;
mod declare;
mod diagnostic;
mod dispatch;
mod edit;
mod error;
#[doc(hidden)]
pub mod export;
mod field;
mod fifo;
mod host;
mod invoke;
mod job;
#[cfg(feature = "tokio")]
pub mod later;
mod lookup;
mod name;
#[doc(hidden)]
pub mod narrow;
mod node;
mod object;
mod owned_node;
mod plugin;
mod request;
mod resolver;
mod row;
mod rows;
mod secret;
mod serve;
mod settings;
pub mod testing;
mod transaction;
mod value;
mod wanted;

pub use answer::Answer;
pub use change::{Change, ChangeFault, Op};
pub use config::Config;
pub use cwmp_plugin_abi as abi;
pub use cwmp_plugin_sdk_macros::{Enumeration, Object};
pub use declare::{About, Declared};
pub use diagnostic::{Diagnose, Diagnosed, Diagnostic, Failed, Run, Test};
pub use edit::{Edit, Prepared};
pub use error::Error;
pub use field::{Field, Typed};
pub use fifo::{Fifo, MAX_LINE};
pub use host::{Host, Level};
pub use invoke::{Argument, Output};
pub use job::Job;
#[cfg(feature = "tokio")]
pub use later::{
    Async, AsyncDeclared, AsyncDiagnose, AsyncDiagnosed, AsyncPlugin, AsyncServe, AsyncServed, OwnedArgument,
    PreparedLater,
};
pub use lookup::Lookup;
pub use name::{split_row, Name};
pub use node::Node;
pub use object::{All, Fields, Many, Object, Shape, Single};
pub use owned_node::OwnedNode;
pub use plugin::{Effect, Notice, Plugin};
pub use request::{Origin, Request, Txn};
pub use row::Row;
pub use rows::{At, Rows};
pub use secret::Secret;
pub use serve::{Serve, Served};
pub use settings::{Settings, MAX_CHANGES, MAX_ROWS, MAX_VALUE};
pub use value::{Base64, DateTime, HexBinary, Kind, Parse, Value};
pub use wanted::Wanted;

#[doc(hidden)]
pub use declare::{build_id, count, join};
