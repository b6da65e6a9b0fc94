//! The agent as a whole: from its configuration to its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{signal, SignalKind};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::core::Core;
use crate::identity::{self, Identity};
use crate::persist::Persist;
use crate::provider::{supervise, Origin, Provider};
use crate::{acs, bus, watchdog};

/// How the agent ends when the bus goes away; whoever supervises it starts it again.
pub const EXIT_BUS_GONE: u8 = 70;
/// How it ends when its configuration cannot be used.
pub const EXIT_CONFIG: u8 = 78;
/// How it ends when it has learnt who the device is, which it did not know when it began.
pub const EXIT_IDENTIFIED: u8 = 75;
/// How long providers are told of the end.
const FAREWELL: Duration = Duration::from_millis(500);
/// How often the agent looks whether its clock can be trusted, until it can.
const CLOCK_CHECK: Duration = Duration::from_secs(10);

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The configuration.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// A setting of the connection to the ACS.
    #[error("configuration: {0}")]
    Acs(#[from] cwmp_net::NetError),
    /// The store has no thread to run on.
    #[error("store: {0}")]
    Store(#[from] cwmp_store::StoreError),
    /// The bus cannot be reached, the name is taken, or the bus went away.
    #[error("bus: {0}")]
    Bus(#[from] zbus::Error),
    /// Signals of the system cannot be caught.
    #[error("signals: {0}")]
    Signals(#[from] std::io::Error),
    /// The bus closed the connection.
    #[error("the bus went away")]
    BusGone,
    /// The identity was not known, and is now. All that depends on it begins anew.
    #[error("the device has an identity now; the agent has to be started again")]
    Identified,
}

impl AppError {
    /// The exit code that names the error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Acs(_) => EXIT_CONFIG,
            Self::Bus(_) | Self::BusGone => EXIT_BUS_GONE,
            Self::Identified => EXIT_IDENTIFIED,
            _ => 1,
        }
    }
}

/// Runs the agent until it is told to end.
pub async fn run(config: &Path) -> Result<(), AppError> {
    let config = Config::load(config)?;
    let identity = Identity::load(&config.identity).await.map_err(|error| {
        tracing::error!("{error}; the device does not inform until it has an identity");
        error.to_string()
    });
    let bus = bus::connect(&config.bus).await?;
    let persist = Persist::open(&config.store.folder)?;
    let clock = Clock::trusted_by(config.boot.clock_file.clone());
    let core = Arc::new(Core::new(config, identity, persist, clock));
    acs::boot::started(&core).await;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    bus::serve(&core, bus).await?;

    let mut tasks = JoinSet::new();
    let listening = tokio::spawn(bus::listen(Arc::clone(&core)));
    tasks.spawn(supervise_all(Arc::clone(&core)));
    tasks.spawn(watch_clock(Arc::clone(&core)));
    let poll = Arc::clone(&core);
    tasks.spawn(async move { poll.poll().await });
    let journal = Arc::clone(&core);
    tasks.spawn(async move {
        tokio::select! {
            () = journal.keep_journal() => {}
            () = journal.stopping() => {}
        }
    });
    let local = tokio::task::LocalSet::new();
    local.spawn_local(acs::listener::serve(Arc::clone(&core)));
    let driver = local.spawn_local(acs::drive(Arc::clone(&core)));
    tasks.spawn(watchdog::feed(Arc::clone(&core)));
    tasks.spawn(watchdog::tell_status(Arc::clone(&core)));
    watchdog::ready();
    tracing::info!("cwmpd {} is ready", env!("CARGO_PKG_VERSION"));

    let ended = local
        .run_until(async {
            tokio::select! {
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
                () = identity::comes(&core.config.identity), if core.identity.is_err() => Err(AppError::Identified),
                heard = listening => match heard {
                    Ok(Err(error)) => Err(AppError::Bus(error)),
                    _ => Err(AppError::BusGone),
                },
                driven = driver => match driven {
                    Ok(Err(error)) => Err(AppError::Acs(error)),
                    Ok(Ok(())) => Ok(()),
                    // A panic of the driver ends the agent, so that it is started again.
                    Err(error) => Err(AppError::Signals(std::io::Error::other(error))),
                },
            }
        })
        .await;
    watchdog::stopping();
    let has_bus = !matches!(ended, Err(AppError::Bus(_) | AppError::BusGone));
    if has_bus {
        let _ = tokio::time::timeout(FAREWELL, core.notice("shutdown", Origin::Agent)).await;
    }
    core.stop();
    while tasks.join_next().await.is_some() {}
    ended
}

/// Keeps every host running, if that is the agent's task; after a reload, those of the manifests as they are then.
async fn supervise_all(core: Arc<Core>) {
    let spawns = supervise::spawns(core.config.plugins.hosts);
    let mut hosts: JoinSet<()> = JoinSet::new();
    let mut seen: Vec<Arc<Provider>> = Vec::new();
    let mut is_start = true;
    loop {
        let reloaded = core.reloaded.notified();
        while hosts.try_join_next().is_some() {}
        seen.retain(|provider| core.has(provider));
        for provider in core.providers() {
            if seen.iter().any(|known| Arc::ptr_eq(known, &provider)) {
                continue;
            }
            seen.push(Arc::clone(&provider));
            let core = Arc::clone(&core);
            if spawns && provider.manifest.library.is_some() {
                hosts.spawn(supervise::keep(core, provider));
            } else if !is_start {
                hosts.spawn(async move { core.meet_if_there(&provider).await });
            }
        }
        is_start = false;
        tokio::select! {
            () = reloaded => {}
            () = core.stopping() => break,
        }
    }
    while hosts.join_next().await.is_some() {}
}

/// Tells the providers once the date can be trusted.
async fn watch_clock(core: Arc<Core>) {
    loop {
        if core.clock.is_trusted() {
            // Dates count from now on: the next session is planned anew.
            core.wake.notify_one();
            core.notice("clock-trusted", Origin::Agent).await;
            return core.stopping().await;
        }
        tokio::select! {
            () = core.clock.sleep(CLOCK_CHECK) => {}
            () = core.stopping() => return,
        }
    }
}
