//! Starts and watches the plugin hosts where systemd does not.
//!
//! The back-off after crashes lives in the host's own start, so that it is the same under systemd.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::names;
use nix::sys::signal::{kill, Signal};
use nix::unistd::{Pid, User};
use tokio::process::{Child, Command};

use super::{Provider, Stage};
use crate::config::Hosts;
use crate::core::Core;

/// The least time between two starts of one host.
const RESTART_PAUSE: Duration = Duration::from_millis(200);
/// The time between two tries to start a host that cannot be started.
const START_PAUSE: Duration = Duration::from_secs(10);
/// How often a host that is no child of ours is looked at while it ends.
const STOP_POLL: Duration = Duration::from_millis(20);
/// How long a host may take to end when it is asked to.
const STOP_WAIT: Duration = Duration::from_secs(3);
/// Where systemd leaves its mark.
const SYSTEMD: &str = "/run/systemd/system";

/// Whether the agent starts the hosts itself.
pub(crate) fn spawns(hosts: Hosts) -> bool {
    match hosts {
        Hosts::Auto => !Path::new(SYSTEMD).exists(),
        Hosts::Systemd => false,
        Hosts::Spawn => true,
    }
}

/// Keeps the host of one provider running until the agent stops or the manifest changes. Dropping the future kills it.
pub(crate) async fn keep(core: Arc<Core>, provider: Arc<Provider>) {
    let name = provider.name();
    loop {
        if let Err(error) = adopted(&core, &provider).await {
            tracing::debug!("provider {name}: {error}, ignoring");
        }
        if is_over(&core, &provider) {
            return;
        }
        let mut child = match command(&core, &provider).spawn() {
            Ok(child) => child,
            Err(error) => {
                let host = core.config.plugins.host.display();
                core.provider_lost(name, Stage::Failed, &format!("{host} cannot be started: {error}"));
                tokio::select! {
                    () = core.clock.sleep(START_PAUSE) => continue,
                    () = over(&core, &provider) => return,
                }
            }
        };
        let pid = child.id();
        let ended = tokio::select! {
            ended = child.wait() => ended,
            () = over(&core, &provider) => return stop(child).await,
        };
        let cause = match ended {
            Ok(status) => format!("its host ended with {status}{}", meaning(status.code())),
            Err(error) => format!("its host cannot be watched: {error}"),
        };
        if is_over(&core, &provider) {
            return;
        }
        if serves_without(&core, name, pid).await {
            // One that an earlier agent had started came when ours was on its way.
            tracing::info!("provider {name}: {cause}; another one serves");
            continue;
        }
        tracing::warn!("provider {name}: {cause}; it is started again");
        core.provider_lost(name, Stage::Failed, &cause);
        tokio::select! {
            () = tokio::time::sleep(RESTART_PAUSE) => {}
            () = over(&core, &provider) => return,
        }
    }
}

/// What the host means by the code that it ends with.
fn meaning(code: Option<i32>) -> &'static str {
    match code {
        Some(3) => ": its manifest is wrong; the log tells why",
        Some(4) => ": the plugin cannot be loaded or does not start; the log tells why",
        Some(5) => ": somebody else has its name on the bus",
        Some(6) => ": it does not reach the bus",
        Some(7) => ": a call into the plugin did not return",
        _ => "",
    }
}

/// Whether nobody wants the host any more: the agent stops, or the manifest went or is another one.
fn is_over(core: &Core, provider: &Arc<Provider>) -> bool {
    core.is_stopping() || !core.has(provider)
}

async fn over(core: &Core, provider: &Arc<Provider>) {
    loop {
        let reloaded = core.reloaded.notified();
        if is_over(core, provider) {
            return;
        }
        tokio::select! {
            () = reloaded => {}
            () = core.stopping() => return,
        }
    }
}

/// Whether somebody else than this process has the provider's name.
async fn serves_without(core: &Core, name: &str, pid: Option<u32>) -> bool {
    let Some(service) = names::provider_service(name) else { return false };
    matches!(owner(core, &service).await, Ok(Some(owner)) if Some(owner) != pid)
}

/// The process that owns a name.
async fn owner(core: &Core, service: &str) -> zbus::Result<Option<u32>> {
    let dbus = zbus::fdo::DBusProxy::new(core.bus()).await?;
    let service: zbus::names::BusName<'_> = service.try_into()?;
    match dbus.get_connection_unix_process_id(service).await {
        Ok(pid) => Ok(Some(pid)),
        Err(zbus::fdo::Error::NameHasNoOwner(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits while a host that an earlier agent started still has the name; it ends with this agent.
async fn adopted(core: &Core, provider: &Arc<Provider>) -> zbus::Result<()> {
    let Some(service) = names::provider_service(provider.name()) else { return Ok(()) };
    loop {
        // Before the question, so that nothing is missed after it.
        let moved = core.provider_moves();
        tokio::pin!(moved);
        moved.as_mut().enable();
        let Some(pid) = owner(core, &service).await? else { return Ok(()) };
        tokio::select! {
            () = moved => {}
            () = over(core, provider) => {
                signal(Some(pid), Signal::SIGTERM);
                let end = tokio::time::Instant::now() + STOP_WAIT;
                while tokio::time::Instant::now() < end && owner(core, &service).await? == Some(pid) {
                    tokio::time::sleep(STOP_POLL).await;
                }
                if owner(core, &service).await? == Some(pid) {
                    signal(Some(pid), Signal::SIGKILL);
                }
                return Ok(());
            }
        }
    }
}

fn command(core: &Core, provider: &Provider) -> Command {
    let config = &core.config;
    let name = provider.name();
    let mut command = Command::new(&config.plugins.host);
    command.arg(name);
    for folder in &config.plugins.folders {
        command.arg("--manifests").arg(folder);
    }
    command.arg("--overlays").arg(&config.plugins.overlays);
    command.arg("--state").arg(config.store.folder.join("plugins"));
    if !config.bus.address.is_empty() {
        command.arg("--bus").arg(&config.bus.address);
    }
    let user = provider.manifest.user.as_deref();
    if let Some(user) = user.filter(|_| nix::unistd::geteuid().is_root()) {
        match User::from_name(user) {
            Ok(Some(user)) => {
                let state = core.config.store.folder.join("plugins");
                if let Err(error) = give_state(&state, name, &user) {
                    tracing::error!("provider {name}: its state has no folder: {error}");
                }
                command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            }
            _ => tracing::warn!("provider {name}: there is no user {user}: its host runs as the agent"),
        }
    }
    // The watchdog of whoever started us is ours.
    for ours in ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] {
        command.env_remove(ours);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Makes the folder in which a host of another user keeps the state of its plugin.
fn give_state(state: &Path, name: &str, user: &User) -> std::io::Result<()> {
    let open = |mode| {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(mode);
        builder
    };
    // The host passes through the folders above its own; it cannot list them.
    open(0o711).create(state)?;
    for above in [state.parent(), Some(state)].into_iter().flatten() {
        let mode = std::fs::metadata(above)?.permissions().mode();
        std::fs::set_permissions(above, Permissions::from_mode(mode | 0o111))?;
    }
    let own = state.join(name);
    open(0o700).create(&own)?;
    std::os::unix::fs::chown(&own, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    Ok(())
}

async fn stop(mut child: Child) {
    signal(child.id(), Signal::SIGTERM);
    if tokio::time::timeout(STOP_WAIT, child.wait()).await.is_err() {
        // It may have ended in this moment.
        let _ = child.kill().await;
    }
}

/// Sends a signal to a host, which may have ended by itself meanwhile.
fn signal(pid: Option<u32>, signal: Signal) {
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}
