//! Device services on real kernels' devices: what the tests of the guest share.
//!
//! The tests here need radios and drives, which a machine of today does not have, or must not be disturbed in.
//! `tests/guest/run` boots a kernel of its own over this machine's files, and runs them there; anywhere else each says that
//! it is skipped. The drives are there once, on SATA, on NVMe and on USB, for one test at a time. For the radios, a
//! [`World`] is a box with its radios, services and bus, in a network namespace; around it are [`Station`]s and other
//! people's access points, each in a namespace of its own, because the kernel would answer itself otherwise. Worlds do not
//! hear each other, so tests run side by side.
#![forbid(unsafe_code)]

mod access_point;
mod control;
mod daemon;
mod namespace;
mod radio;
mod station;
mod world;

use std::time::{Duration, Instant};

pub use access_point::AccessPoint;
pub use daemon::Daemon;
pub use namespace::Namespace;
pub use radio::Radio;
pub use station::{Network, Station};
pub use world::World;

/// How long anything may take in a guest, whose processor is a program.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at what is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Whether this runs in the guest. Says that a test is skipped if not.
pub fn inside() -> bool {
    let inside = std::env::var_os("CWMP_GUEST").is_some();
    if !inside {
        println!("skipped: runs in the guest, by tests/guest/run");
    }
    inside
}

/// Waits until `done` says so, and panics with `what` if it never does.
#[track_caller]
pub fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        // Whoever looks must not keep the others from working: most looks start a program.
        std::thread::sleep(LOOK_AGAIN);
    }
}
