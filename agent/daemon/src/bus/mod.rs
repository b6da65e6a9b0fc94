//! What the agent serves on the bus, and what it hears there.

mod agent;
mod data_model;
mod job;
mod registry;
mod rights;
mod signals;
#[cfg(feature = "test-hooks")]
mod test_clock;

use std::sync::Arc;

use cwmp_bus::names;
use zbus::connection::Builder;
use zbus::fdo::RequestNameFlags;
use zbus::names::{BusName, WellKnownName};

use crate::config::BusConfig;
use crate::core::Core;
pub(crate) use signals::listen;

/// How many messages may wait to be read. Signals of providers are coalesced, so few do.
const QUEUE: usize = 256;

/// Connects. Where another agent has the name already this is an error, before anything of it is touched.
pub(crate) async fn connect(config: &BusConfig) -> zbus::Result<zbus::Connection> {
    let address = &config.address;
    let builder = if address.is_empty() { Builder::system()? } else { Builder::address(address.as_str())? };
    let bus = builder.max_queued(QUEUE).build().await?;
    let service = BusName::WellKnown(WellKnownName::from_static_str(names::SERVICE)?);
    if zbus::fdo::DBusProxy::new(&bus).await?.name_has_owner(service).await? {
        return Err(zbus::Error::NameTaken);
    }
    Ok(bus)
}

/// Serves every interface and takes the name.
pub(crate) async fn serve(core: &Arc<Core>, bus: zbus::Connection) -> zbus::Result<()> {
    core.set_bus(bus.clone());
    let server = bus.object_server();
    server.at(names::PATH, data_model::DataModel::new(Arc::clone(core))).await?;
    server.at(names::PATH, agent::Agent::new(Arc::clone(core))).await?;
    server.at(names::PATH, registry::Registry::new(Arc::clone(core))).await?;
    #[cfg(feature = "test-hooks")]
    server.at(names::PATH, test_clock::TestClock::new(Arc::clone(core))).await?;
    // An agent that waits for the name of another would be a second one.
    bus.request_name_with_flags(names::SERVICE, RequestNameFlags::DoNotQueue.into()).await.map(drop)
}
