//! What the agent serves on the bus, and what it hears there.

mod agent;
mod data_model;
mod registry;
mod rights;
mod signals;
#[cfg(feature = "test-hooks")]
mod test_clock;

use std::sync::Arc;

use cwmp_bus::names;
use zbus::connection::Builder;

use crate::core::Core;
pub(crate) use signals::listen;

/// How many messages may wait to be read. Signals of providers are coalesced, so few do.
const QUEUE: usize = 256;

/// Connects, serves every interface and takes the name.
pub(crate) async fn start(core: &Arc<Core>) -> zbus::Result<()> {
    let address = &core.config.bus.address;
    let builder = if address.is_empty() { Builder::system()? } else { Builder::address(address.as_str())? };
    let builder = builder
        .max_queued(QUEUE)
        .serve_at(names::PATH, data_model::DataModel::new(Arc::clone(core)))?
        .serve_at(names::PATH, agent::Agent::new(Arc::clone(core)))?
        .serve_at(names::PATH, registry::Registry::new(Arc::clone(core)))?;
    #[cfg(feature = "test-hooks")]
    let builder = builder.serve_at(names::PATH, test_clock::TestClock::new(Arc::clone(core)))?;
    let bus = builder.build().await?;
    core.set_bus(bus.clone());
    bus.request_name(names::SERVICE).await
}
