//! The derives of `cwmp-plugin-sdk`, which re-exports and documents them.
//!
//! They look into the standard's tables while a plugin is compiled, so that the plugin carries what it serves and nothing
//! else, and so that a slip of the pen is found by the compiler and not by an ACS.
#![forbid(unsafe_code)]

mod attribute;
mod enumeration;
mod narrow;
mod object;
mod rust_type;
mod standard;

use proc_macro::TokenStream;
use syn::{parse_macro_input, DeriveInput};

/// Makes a struct stand for an object of the data model: see the trait of the same name.
#[proc_macro_derive(Object, attributes(object, param))]
pub fn object(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    object::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum without fields stand for an enumeration of the data model.
///
/// A variant's value is its name, or what `#[value("Not Present")]` says. The first one is the default.
#[proc_macro_derive(Enumeration, attributes(value))]
pub fn enumeration(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    enumeration::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
