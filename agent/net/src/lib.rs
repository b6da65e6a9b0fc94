//! The transport of a CPE: URLs and cookies so far; HTTP, TLS and authentication build on them.
#![forbid(unsafe_code)]

pub mod cookie;
pub mod url;

pub use cookie::CookieJar;
pub use url::{Url, UrlError};
