//! The data model's vocabulary, shared by every part of cwmpd: values and their types, facets, paths, the merged
//! schema and the faults.
//!
//! This crate stands at the bottom of the workspace. It has no clock and no async, and no I/O but for the files of the
//! standard's models, which are read where they lie; so each rule is a plain test. `cwmp-proto` adds the SOAP messages on
//! top, `cwmp-bus` the D-Bus form.
#![forbid(unsafe_code)]

pub mod command;
pub mod date_time;
pub mod facets;
pub mod fault;
pub mod list_item;
pub mod path;
pub mod schema;
pub mod standard;
pub mod value;

pub use facets::Facets;
pub use fault::{Fault, FaultCode};
pub use path::{Path, PathError};
pub use schema::{Access, Node, NodeFlags, NodeKind, Schema};
pub use value::{Value, ValueError, ValueType};
