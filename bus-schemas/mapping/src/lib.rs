//! Mapping files: parameter paths on the properties, methods and objects of D-Bus services that exist already.
//!
//! ```text
//!   bus-schemas/mappings/time.toml --> Mapping --> check (the standard's tables)   --> nodes
//!                                         |    --> check_live (the service's introspection)
//!                                         +------> plugins/mapping, which serves it
//! ```
//!
//! Here is the format with all that can be found out without a bus: what a file says, whether it fits the standard and the
//! service, and how values become texts. docs/mappings.md is the reference for authors.
#![forbid(unsafe_code)]

pub mod conversion;
mod error;
mod file;
mod introspection;
mod live;
pub mod mapping;
pub mod posix_tz;
mod raw;
mod read;
pub mod signature;
mod standard;
pub mod template;

pub use error::{MappingError, Problem};
pub use introspection::{Interface, Introspection, IntrospectionError, Property, MAX_INTROSPECTION};
pub use live::{check_live, questions, Answers, Findings, Question, Subject};
pub use mapping::Mapping;
pub use raw::{is_bus_name, is_interface, is_member, is_object_path, Element, Raw};
pub use read::{MAX_FILE, MAX_PARAMETERS, MAX_SERVICES, MAX_TABLES, MAX_TIMEOUT_MS, VERSION};
pub use standard::{check, Node};
