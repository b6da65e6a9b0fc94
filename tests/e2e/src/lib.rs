//! A whole device in a folder: a private bus, the agent, plugin hosts and plugins, as real processes.
//!
//! Tests drive it from outside only: from an ACS, from the bus, by signals and by files.
#![forbid(unsafe_code)]

mod bus;
mod client;
mod device;
mod files;
pub mod job;
pub mod namespace;
pub mod native;
pub mod page;
pub mod service;
pub mod unshared;
pub mod wifi;

pub use bus::{Bus, Rights};
pub use client::{Client, Heard, Refused};
pub use device::{is_gone, Builder, Device};
pub use files::binary;

/// The user name and password of connection requests on every device.
pub const CONNECTION_REQUEST: (&str, &str) = ("acs", "let me in");

/// Waits until `done` says so, and panics with `what` if it never does.
///
/// For what happens in another process and cannot be waited for otherwise.
#[track_caller]
pub fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(std::time::Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
