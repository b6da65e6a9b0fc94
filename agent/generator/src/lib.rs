//! Makes the tables of `cwmp_model::standard` from the definitions of the Broadband Forum.
//!
//! ```text
//! XML files -> element -> document -> flat -> table -> agent/model/models
//!              (a tree)   (imports)   (one    (our     (written by
//!                                     model)   types)   cwmp_model)
//! ```
//!
//! A workshop tool: it is no part of what a box runs. The rules of imports, components and overrides are those of TR-106.
#![forbid(unsafe_code)]

pub mod document;
pub mod element;
pub mod flat;
pub mod models;
pub mod pattern;
pub mod profiles;
pub mod reference;
pub mod syntax;
pub mod table;

pub use models::{generate, Generated};

/// Why tables cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorError {
    /// The operating system refused a file.
    #[error("cannot read or write '{file}': {error}")]
    File {
        /// Its name.
        file: String,
        /// What it said.
        error: std::io::Error,
    },
    /// A file is no XML.
    #[error("'{file}' is no XML: {what}")]
    Xml {
        /// Its name.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A document refers to something that is not there.
    #[error("'{file}' refers to {kind} '{name}', which is not there")]
    Missing {
        /// The document.
        file: String,
        /// A document, component, model or type.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The definition of a node says what a table cannot say.
    #[error("'{path}': {what}")]
    Node {
        /// The node.
        path: String,
        /// What is wrong.
        what: String,
    },
}
