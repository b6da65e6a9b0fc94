//! Commands: they run as long as they need, tell how far they are, and can be cancelled.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cwmp_bus::command::{
    CANCEL_WAIT, MAX_ARGUMENTS, MAX_ARGUMENTS_SIZE, MAX_ARGUMENT_NAME, MAX_ARGUMENT_VALUE, MAX_OUTPUTS,
    MAX_OUTPUT_SIZE,
};
use cwmp_model::{command, path, Fault, FaultCode};
use cwmp_plugin_abi::status;
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until, timeout};

use crate::engine::{fault_of, seconds, Engine};
use crate::request::{Context, Expect, Outcome};
use crate::worker::Job;

/// The most commands that run at a time.
pub(crate) const MAX_COMMANDS: usize = 16;
/// How long progress is gathered before it is sent.
pub(crate) const PROGRESS_WINDOW: Duration = Duration::from_millis(200);

/// An argument of a command.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) key: String,
    pub(crate) value: String,
    /// A file; the plugin borrows it until the command ends.
    pub(crate) file: Option<OwnedFd>,
}

/// How a command ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Done(BTreeMap<String, String>),
    Cancelled,
}

/// The commands that run, by job, and how each is told to stop.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    running: Mutex<HashMap<u64, Arc<Notify>>>,
}

/// A command is in the list as long as this lives.
struct Listed<'a> {
    commands: &'a Commands,
    job: u64,
}

impl Commands {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Notify>>> {
        // Nothing here panics half-way through a change.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, job: u64) -> Result<(Listed<'_>, Arc<Notify>), Fault> {
        let mut running = self.lock();
        if running.contains_key(&job) {
            return Err(Fault::new(FaultCode::InvalidArguments, format!("job {job} runs already")));
        }
        if running.len() >= MAX_COMMANDS {
            let text = format!("{MAX_COMMANDS} commands run already");
            return Err(Fault::new(FaultCode::ResourcesExceeded, text));
        }
        let stop = Arc::new(Notify::new());
        running.insert(job, stop.clone());
        Ok((Listed { commands: self, job }, stop))
    }

    /// Asks a command to stop; one that is not there has.
    pub(crate) fn cancel(&self, job: u64) {
        if let Some(stop) = self.lock().get(&job) {
            stop.notify_one();
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.commands.lock().remove(&self.job);
    }
}

/// How far commands are: the newest of each job waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    waiting: Mutex<BTreeMap<u64, (i32, String)>>,
    wake: Notify,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (i32, String)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command says how far it is. There are no more jobs than commands that run.
    pub(crate) fn note(&self, job: u64, permille: i32, text: String) {
        self.lock().insert(job, (permille, text));
        self.wake.notify_one();
    }

    /// Waits until there is something to send, gathers for a while, and takes it.
    pub(crate) async fn next(&self) -> BTreeMap<u64, (i32, String)> {
        loop {
            self.wake.notified().await;
            sleep(PROGRESS_WINDOW).await;
            let taken = std::mem::take(&mut *self.lock());
            if !taken.is_empty() {
                return taken;
            }
        }
    }
}

/// Why a command is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Asked,
    TimeUp,
}

impl Engine {
    /// Runs a command until it ends, is cancelled, or its time is up.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        job: u64,
        name: &str,
        arguments: Vec<Argument>,
        context: Context,
    ) -> Result<Ended, Fault> {
        let known = command::is_name(name)
            && self.description.commands.iter().any(|c| c.path == path::schema_path(name));
        if !known {
            let text = format!("{name}: there is no such command");
            return Err(Fault::new(FaultCode::InvalidParameterName, text));
        }
        check(&arguments)?;
        if self.library.plugin.invoke.is_none() {
            return Err(Fault::new(FaultCode::RequestDenied, "the plugin takes no commands"));
        }
        let (listed, stop) = self.commands.begin(job)?;
        let Some((req, mut answer)) = self.services.requests.open(Expect::Command(job), context, 0) else {
            return Err(Fault::new(FaultCode::ResourcesExceeded, "too many requests wait for the plugin"));
        };
        let gone = || Fault::new(FaultCode::InternalError, "the plugin has stopped");
        let began = tokio::time::Instant::now();
        let arguments = Arc::new(arguments);
        if !self.worker.submit(Job::Invoke(req, name.to_owned(), arguments.clone())) {
            self.services.requests.forget(req);
            return Err(gone());
        }
        // The command may take its time, the call that begins it may not.
        let mut stuck = std::pin::pin!(sleep(self.deadlines.hard()));
        let mut looked = false;
        let why = loop {
            tokio::select! {
                outcome = &mut answer => return finish(self, &outcome.map_err(|_| gone())?),
                () = &mut stuck, if !looked => {
                    looked = true;
                    self.watch_thread();
                }
                () = stop.notified() => break Stop::Asked,
                () = sleep_until(context.deadline) => break Stop::TimeUp,
            }
        };
        let late = || {
            let text = format!("the command did not end within {}", seconds(context.deadline - began));
            Fault::new(FaultCode::InternalError, text)
        };
        if self.services.requests.cancel(req) {
            let engine = self.clone();
            // The plugin's thread may be in the middle of the command, and the bus thread waits for nobody.
            tokio::task::spawn_blocking(move || engine.worker.cancel(req));
        }
        let outcome = timeout(CANCEL_WAIT, answer).await;
        drop(listed);
        match outcome {
            Ok(outcome) => match (why, finish(self, &outcome.map_err(|_| gone())?)) {
                (Stop::TimeUp, Ok(Ended::Cancelled) | Err(_)) => Err(late()),
                (_, ended) => ended,
            },
            Err(_) => {
                self.services.requests.forget(req);
                self.watch_thread();
                tracing::error!("{name} was cancelled, and did not end within {}", seconds(CANCEL_WAIT));
                if arguments.iter().any(|a| a.file.is_some()) {
                    // Whoever does not end may still write to its files: they must not become those of others.
                    std::mem::forget(arguments);
                }
                match why {
                    Stop::TimeUp => Err(late()),
                    Stop::Asked => Err(Fault::new(
                        FaultCode::InternalError,
                        format!("the command was cancelled, and did not end within {}", seconds(CANCEL_WAIT)),
                    )),
                }
            }
        }
    }
}

/// Whether there are not too many arguments, or too large ones.
fn check(arguments: &[Argument]) -> Result<(), Fault> {
    let wrong = |text: String| Err(Fault::new(FaultCode::InvalidArguments, text));
    if arguments.len() > MAX_ARGUMENTS {
        return wrong(format!("{} arguments, {MAX_ARGUMENTS} are possible", arguments.len()));
    }
    for a in arguments {
        if a.key.is_empty() || a.key.len() > MAX_ARGUMENT_NAME || a.value.len() > MAX_ARGUMENT_VALUE {
            return wrong(format!(
                "an argument has a name of 1 to {MAX_ARGUMENT_NAME} and a value of up to {MAX_ARGUMENT_VALUE} bytes"
            ));
        }
    }
    if arguments.iter().map(|a| a.key.len() + a.value.len()).sum::<usize>() > MAX_ARGUMENTS_SIZE {
        return wrong(format!("the arguments have more than {MAX_ARGUMENTS_SIZE} bytes"));
    }
    Ok(())
}

fn finish(engine: &Engine, outcome: &Outcome) -> Result<Ended, Fault> {
    engine.report_lies(outcome, |_| None);
    match outcome.status {
        status::OK if outcome.overflowed => Err(Fault::new(
            FaultCode::ResourcesExceeded,
            format!("it gave more than {MAX_OUTPUTS} outputs, or more than {MAX_OUTPUT_SIZE} bytes"),
        )),
        status::OK => Ok(Ended::Done(outcome.outputs.clone())),
        status::E_CANCELLED => Ok(Ended::Cancelled),
        status => Err(fault_of(status, &outcome.text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(key: usize, value: usize) -> Argument {
        Argument { key: "k".repeat(key), value: "v".repeat(value), file: None }
    }

    #[test]
    fn arguments_have_limits() {
        let fits = |all: Vec<Argument>| check(&all).is_ok();
        assert!(fits(Vec::new()) && fits(vec![argument(MAX_ARGUMENT_NAME, MAX_ARGUMENT_VALUE)]));
        assert!(!fits(vec![argument(0, 1)]));
        assert!(!fits(vec![argument(MAX_ARGUMENT_NAME + 1, 1)]));
        assert!(!fits(vec![argument(1, MAX_ARGUMENT_VALUE + 1)]));
        assert!(!fits((0..=MAX_ARGUMENTS).map(|_| argument(1, 1)).collect()));
        let large = MAX_ARGUMENTS_SIZE / MAX_ARGUMENT_VALUE;
        assert!(!fits((0..=large).map(|_| argument(1, MAX_ARGUMENT_VALUE)).collect()));
    }

    #[test]
    fn so_many_commands_run_at_a_time() {
        let all = Commands::default();
        let mut running: Vec<_> = (0..MAX_COMMANDS as u64)
            .map(|job| all.begin(job).map_err(|fault| fault.text).expect("there is room"))
            .collect();
        assert!(all.begin(99).is_err(), "one too many");
        running.pop();
        assert!(all.begin(0).is_err(), "the same job twice");
        assert!(all.begin(99).is_ok());
        // One that has ended is no error.
        all.cancel(12345);
    }
}
