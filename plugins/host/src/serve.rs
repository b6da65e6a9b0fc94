//! Serving one plugin on the bus.

use std::path::Path;

use cwmp_bus::names;
use tokio::signal::unix::{signal, Signal, SignalKind};
use zbus::fdo::RequestNameFlags;
use zbus::Connection;

use crate::agent::Agent;
use crate::arguments::{Arguments, STATE};
use crate::backoff::{Starts, RAN_WELL};
use crate::engine::Engine;
use crate::error::HostError;
use crate::exit::Exit;
use crate::log;
use crate::numbers::Numbers;
use crate::provider::Provider;
use crate::setup::{state_folder, Setup};
use crate::watchdog;
use crate::wire::Served;

/// Serves until the bus is gone or a signal ends it.
pub(crate) async fn serve(arguments: &Arguments) -> Result<Exit, HostError> {
    // The command line has a name when it says to serve.
    let name = arguments.name.as_deref().unwrap_or_default();
    log::start(name, "info");
    let service = names::provider_service(name)
        .ok_or_else(|| HostError::Usage(format!("'{name}' is no name of a plugin")))?;
    let setup = Setup::of_name(name, &arguments.manifests, &arguments.overlays)?;
    let state = arguments.state.as_deref().unwrap_or(Path::new(STATE));
    let folder = state_folder(state, name);
    let mut ends = [SignalKind::terminate(), SignalKind::interrupt()]
        .map(signal)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map_err(HostError::Runtime)?;

    let mut starts = folder.as_deref().map(Starts::begin);
    if let Some(starts) = &mut starts {
        let wait = starts.history().wait();
        if !wait.is_zero() {
            let crashes = starts.history().crashes;
            tracing::warn!(
                "ended {crashes} times without order; waiting {} s before the next start",
                wait.as_secs()
            );
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = asked_to_end(&mut ends) => {
                    starts.end();
                    return Ok(Exit::Fine);
                }
            }
        }
    }

    let bus = connect(arguments.bus.as_deref()).await.map_err(HostError::Bus)?;
    let parts = setup.load(folder.as_deref(), Numbers::Agent(bus.clone()))?;
    let engine = tokio::select! {
        engine = Engine::start(parts) => engine?,
        () = asked_to_end(&mut ends) => {
            if let Some(starts) = &mut starts {
                starts.end();
            }
            return Ok(Exit::Fine);
        }
    };
    let agent = Agent::new(&engine.services.known);
    let provider = Provider::new(engine.clone(), agent.clone());
    bus.object_server().at(names::PROVIDER_PATH, Served(provider)).await.map_err(HostError::Bus)?;
    match bus.request_name_with_flags(service.as_str(), RequestNameFlags::DoNotQueue.into()).await {
        Ok(_) => {}
        Err(zbus::Error::NameTaken) => return Err(HostError::NameTaken(service)),
        Err(error) => return Err(HostError::Bus(error)),
    }
    tracing::info!(
        "serves {} nodes of {} {} as {service}",
        engine.description.nodes.len(),
        engine.library.name,
        engine.library.version
    );
    notify(&[sd_notify::NotifyState::Ready]);

    let well = async {
        tokio::time::sleep(RAN_WELL).await;
        if let Some(starts) = &mut starts {
            starts.ran_well();
        }
        std::future::pending::<()>().await;
    };
    let exit = tokio::select! {
        result = agent.follow(&bus) => {
            let why = result.err().map_or_else(|| "it has closed the connection".to_owned(), |e| e.to_string());
            tracing::error!("the bus is gone: {why}");
            Exit::BusGone
        }
        () = agent.announce(&bus, name) => Exit::BusGone,
        () = agent.deliver(&bus, engine.services) => Exit::BusGone,
        () = agent.signal(&bus, engine.services) => Exit::BusGone,
        () = agent.report(&bus, engine.services) => Exit::BusGone,
        () = agent.tell_jobs(&bus, engine.services) => Exit::BusGone,
        () = engine.tidy() => Exit::Fine,
        () = well => Exit::Fine,
        () = watchdog::feed(&bus, &service, &engine) => Exit::Fine,
        () = asked_to_end(&mut ends) => Exit::Fine,
    };
    notify(&[sd_notify::NotifyState::Stopping]);
    if !engine.stop().await {
        tracing::error!("the plugin did not stop in time");
    }
    if let Some(starts) = &mut starts {
        starts.end();
    }
    Ok(exit)
}

/// Waits for one of the signals that end a host.
async fn asked_to_end(signals: &mut [Signal]) {
    std::future::poll_fn(|cx| {
        if signals.iter_mut().any(|s| s.poll_recv(cx).is_ready()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

async fn connect(address: Option<&str>) -> zbus::Result<Connection> {
    match address {
        Some(address) => zbus::connection::Builder::address(address)?.build().await,
        None => Connection::system().await,
    }
}

fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::debug!("systemd was not told: {error}, ignoring");
    }
}
