//! The real host with plugins in C, on a private bus, with an agent that records what it hears.

mod agent;
mod bus;
mod check;
mod commands;
mod core_dumps;
mod defects;
mod events;
mod liars;
mod lookup;
mod own_jobs;
mod page;
mod plugin;
mod reading;
mod supervision;
mod trust;
mod world;
mod writing;

use std::future::Future;
use std::time::Duration;

/// How long a test waits for what should be there at once.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Waits for something that comes soon, unless a defect keeps it away.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("nothing came within 30 s")
}
