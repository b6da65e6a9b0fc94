//! What systemd hears of a host: that the bus brings answers to its thread, and that the plugin's thread is not stuck.

use std::sync::Arc;
use std::time::Duration;

use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::Connection;

use crate::engine::Engine;

/// Feeds the watchdog as often as systemd wants, while the host could serve; never, when systemd does not want to know.
///
/// A call into the plugin that does not return ends the host by itself; should that fail, so does this.
pub(crate) async fn feed(bus: &Connection, service: &str, engine: &Arc<Engine>) {
    let mut microseconds = 0;
    if !sd_notify::watchdog_enabled(false, &mut microseconds) {
        std::future::pending::<()>().await;
    }
    // A round takes two of these at most: one until the answer is there, one until the next.
    let period = Duration::from_micros(microseconds) / 4;
    loop {
        let stuck = engine.worker.busy().is_some_and(|busy| busy >= engine.deadlines.hard() + period);
        match tokio::time::timeout(period, is_ours(bus, service)).await {
            _ if stuck => tracing::error!("the plugin is stuck: systemd is not told that the host lives"),
            Ok(Ok(true)) => {
                if let Err(error) = sd_notify::notify(false, &[sd_notify::NotifyState::Watchdog]) {
                    tracing::debug!("systemd was not told: {error}, ignoring");
                }
            }
            Ok(Ok(false)) => {
                tracing::error!("{service} is somebody else's: systemd is not told that the host lives");
            }
            Ok(Err(error)) => {
                tracing::error!("the bus does not answer ({error}): systemd is not told that the host lives");
            }
            Err(_) => tracing::error!("the bus does not answer: systemd is not told that the host lives"),
        }
        tokio::time::sleep(period).await;
    }
}

/// A question that the bus answers: whether the plugin's name is still ours.
async fn is_ours(bus: &Connection, service: &str) -> zbus::Result<bool> {
    let name: BusName<'_> = service.try_into()?;
    let owner = DBusProxy::new(bus).await?.get_name_owner(name).await?;
    Ok(bus.unique_name() == Some(&owner))
}
