//! `cwmp-plugin-host` loads one plugin through the C ABI and serves it on the bus as `org.cwmpd1.Provider.NAME`.
//!
//! The plugin is not believed: its description, its answers and its signals are checked before they leave, what it
//! says wrong is named in the log, and a call that does not return ends the process, not the agent.
//!
//! One thread (this crate calls it the bus thread) runs tokio and zbus; one other makes every call into the plugin
//! ([`Worker`](worker)). Between them are a queue and the requests under way ([`Requests`](request)); what a plugin may
//! ask of the host from any of its own threads is in [`services`].

mod agent;
pub mod arguments;
mod backoff;
mod call;
mod changes;
pub mod check;
mod command;
mod core_dumps;
mod description;
mod engine;
pub mod error;
pub mod exit;
mod kept_numbers;
mod library;
mod log;
mod lookup;
mod numbers;
mod own_jobs;
mod provider;
mod read;
mod request;
mod rows;
mod serve;
mod services;
mod setup;
mod store;
mod text;
mod transaction;
mod watchdog;
mod wire;
mod worker;
mod write;

use std::ffi::OsString;

use arguments::{Action, Arguments, HELP};
use error::HostError;
use exit::Exit;

/// Does what the command line says, and tells how to end.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let result = Arguments::parse(words).and_then(|arguments| {
        if arguments.runs_plugin() && !arguments.core_dumps {
            core_dumps::forbid().map_err(HostError::CoreDumps)?;
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HostError::Runtime)?;
        runtime.block_on(async {
            match &arguments.action {
                Action::Help => {
                    print!("{HELP}");
                    Ok(Exit::Fine)
                }
                Action::Version => {
                    println!("cwmp-plugin-host {}", env!("CARGO_PKG_VERSION"));
                    Ok(Exit::Fine)
                }
                Action::Serve => serve::serve(&arguments).await,
                Action::Check(target) => Ok(check::check(target, &arguments).await),
                Action::Call(call, paths) => call::call(*call, paths, &arguments).await,
            }
        })
    });
    result.unwrap_or_else(|error| {
        // The log may not run yet, or may be filtered.
        eprintln!("cwmp-plugin-host: {error}");
        error.exit()
    })
}
