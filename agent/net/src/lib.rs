//! The transport of a CPE: HTTP/1.1 towards the ACS with TLS, cookies, redirects and authentication, and the port that
//! takes connection requests.
//!
//! A [`Client`] outlives sessions and keeps what is costly to make: trust stores, TLS session tickets, the address that
//! worked. A [`Connection`] is one session: it posts envelopes one after the other over one TCP connection. The
//! [`Listener`] is the other direction; it asks its [`Gatekeeper`] who may call.
//!
//! Nothing here spawns a task: dropping a future or a value ends what it does and closes its sockets.
#![forbid(unsafe_code)]

mod authentication;
mod certificate;
pub mod challenge;
mod client;
mod connection;
pub mod cookie;
mod dial;
mod digest;
mod error;
mod guard;
mod listener;
pub mod random;
mod tls;
mod trust;
pub mod url;
mod verifier;
mod wire;

pub use authentication::MAX_ATTEMPTS;
pub use client::{Client, ClientSettings, Credentials, DEFAULT_CONNECT_TIMEOUT, DEFAULT_RESPONSE_TIMEOUT};
pub use connection::{Connection, MAX_IGNORED_BODY, MAX_REDIRECTS, MAX_RETRY_AFTER};
pub use cookie::CookieJar;
pub use dial::MAX_ADDRESSES;
pub use error::NetError;
pub use guard::{MAX_USED_NONCES, NONCE_LIFETIME};
pub use listener::{
    Gatekeeper, Listener, CALL_TIMEOUT, HEAD_TIMEOUT, MAX_CALLS, MAX_CALL_BODY, MAX_CALL_HEAD,
    MAX_CALL_HEADERS, MAX_REQUESTS,
};
pub use random::random_path;
pub use trust::MAX_PEM;
pub use url::{Url, UrlError};
pub use wire::{CLOSE_TIMEOUT, MAX_HEAD, MAX_HEADERS, WHOLE_EXCHANGE};
