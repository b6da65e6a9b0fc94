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
mod registry;
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
use std::future::Future;
use std::os::unix::process::CommandExt as _;

use arguments::{Action, Arguments, HELP};
use error::HostError;
use exit::Exit;

/// The program that tries plugins without a bus; it lies beside the host.
pub const TRY: &str = "cwmp-plugin-try";

/// `cwmp-plugin-host`: serves a plugin, and tells how to end. What needs no bus is left to [`TRY`]: no device carries it,
/// as often as there are plugins in memory, unless somebody wants it there.
pub fn host(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let result = Arguments::parse(words.iter().cloned()).and_then(|arguments| match arguments.action {
        Action::Help => Ok(say(HELP)),
        Action::Version => Ok(say(&version("cwmp-plugin-host"))),
        Action::Serve => begin(&arguments, serve::serve(&arguments))?,
        Action::Check(_) | Action::Call(..) => Err(hand_over(&words)),
    });
    end("cwmp-plugin-host", result)
}

/// [`TRY`]: what a plugin does without a bus, for those who write one; tells how to end.
pub fn try_out(words: impl IntoIterator<Item = OsString>) -> Exit {
    let result = Arguments::parse(words).and_then(|arguments| match &arguments.action {
        Action::Help => Ok(say(HELP)),
        Action::Version => Ok(say(&version(TRY))),
        Action::Serve => Err(HostError::Usage("it is cwmp-plugin-host that serves a plugin".to_owned())),
        Action::Check(target) => begin(&arguments, async { Ok(check::check(target, &arguments).await) })?,
        Action::Call(call, paths) => begin(&arguments, call::call(*call, paths, &arguments))?,
    });
    end(TRY, result)
}

fn say(text: &str) -> Exit {
    print!("{text}");
    Exit::Fine
}

fn version(program: &str) -> String {
    format!("{program} {}\n", env!("CARGO_PKG_VERSION"))
}

/// Runs what was asked for to its end, on the bus thread.
fn begin<T>(arguments: &Arguments, work: impl Future<Output = T>) -> Result<T, HostError> {
    if arguments.runs_plugin() && !arguments.core_dumps {
        core_dumps::forbid().map_err(HostError::CoreDumps)?;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HostError::Runtime)?;
    Ok(runtime.block_on(work))
}

/// Becomes the program that tries plugins; if that fails, why.
fn hand_over(words: &[OsString]) -> HostError {
    let beside = std::env::current_exe().map(|host| host.with_file_name(TRY));
    match beside {
        Ok(program) => {
            let error = std::process::Command::new(&program).args(words).exec();
            HostError::NotTried { program, error }
        }
        Err(error) => HostError::NotTried { program: TRY.into(), error },
    }
}

fn end(program: &str, result: Result<Exit, HostError>) -> Exit {
    result.unwrap_or_else(|error| {
        // The log may not run yet, or may be filtered.
        eprintln!("{program}: {error}");
        error.exit()
    })
}
