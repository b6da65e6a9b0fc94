//! The commands that reboot the device and complete a factory reset. The agent never does either itself.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::config::ActionConfig;
use crate::core::Core;

/// How long a command may run.
pub(crate) const COMMAND_DEADLINE: Duration = Duration::from_secs(60);
/// How long the agent waits to be ended by a reboot before it goes on.
pub(crate) const REBOOT_WAIT: Duration = Duration::from_secs(120);

/// Whether the device can do it.
pub(crate) fn is_configured(action: &ActionConfig) -> bool {
    !action.command.is_empty()
}

/// Runs a command; the error says what happened.
pub(crate) async fn run(action: &ActionConfig) -> Result<(), String> {
    let Some((program, arguments)) = action.command.split_first() else {
        return Err("no command is configured".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    match tokio::time::timeout(COMMAND_DEADLINE, child.wait()).await {
        Err(_) => Err(format!("{program} took longer than {} s", COMMAND_DEADLINE.as_secs())),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program} ended with {status}")),
    }
}

/// Reboots, and waits for the end that a reboot brings.
pub(crate) async fn reboot(core: &Core) {
    tracing::warn!("rebooting");
    match run(&core.config.reboot).await {
        Ok(()) => {
            tokio::select! {
                () = core.stopping() => {}
                () = core.clock.sleep(REBOOT_WAIT) => tracing::error!("the reboot did not come, going on"),
            }
        }
        Err(why) => tracing::error!("reboot: {why}"),
    }
}
