//! Commands that run, each as a job: how far it is, what came of it, and how it is told to stop.
//!
//! A job lives as long as this process. What a provider does for one that was lost with the agent goes on there; nobody
//! hears of its end.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cwmp_bus::command::{
    CANCEL_WAIT, MAX_ARGUMENTS, MAX_ARGUMENTS_SIZE, MAX_ARGUMENT_NAME, MAX_ARGUMENT_VALUE,
};
use cwmp_bus::BusError;
use cwmp_model::{command, date_time, Fault, FaultCode};
use tokio::sync::watch;
use zbus::zvariant::{OwnedValue, Value};

use super::{lock, Core};
use crate::provider::{words, Origin};

/// The most jobs that run at a time.
pub(crate) const MAX_JOBS: usize = 16;
/// The most jobs that are kept after their end.
pub(crate) const KEPT_JOBS: usize = 32;
/// What a provider may take beyond the time that it has to cancel a command.
const GRACE: Duration = Duration::from_secs(2);

/// What a command takes.
pub(crate) type Arguments = HashMap<String, OwnedValue>;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    Done,
    Failed,
    Cancelled,
}

impl Stage {
    /// The word on the bus.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) stage: Stage,
    /// Thousandths; -1 if that is not known.
    pub(crate) permille: i32,
    /// What it is doing, or why it failed.
    pub(crate) text: String,
    /// The fault of a job that failed.
    pub(crate) code: Option<FaultCode>,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    /// What the provider calls it: unlike any that an agent before this one began.
    id: u64,
    pub(crate) command: String,
    pub(crate) provider: String,
    pub(crate) started: String,
    standing: watch::Sender<Standing>,
    stop: watch::Sender<bool>,
}

impl Job {
    /// What is known of it now, and from now on.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Asks it to stop.
    pub(crate) fn cancel(&self) {
        self.stop.send_replace(true);
    }

    fn is_running(&self) -> bool {
        self.standing.borrow().stage == Stage::Running
    }

    fn end(&self, result: Result<(bool, BTreeMap<String, String>), Fault>) {
        self.standing.send_modify(|s| match result {
            Ok((true, _)) => s.stage = Stage::Cancelled,
            Ok((false, outputs)) => {
                s.stage = Stage::Done;
                s.permille = 1000;
                s.outputs = outputs;
            }
            Err(fault) => {
                s.stage = Stage::Failed;
                s.code = Some(fault.code);
                s.text = fault.text.into_owned();
            }
        });
    }
}

/// The jobs, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    all: Mutex<(u64, VecDeque<Arc<Job>>)>,
}

impl Jobs {
    /// Begins one. Gives also the numbers of those that are forgotten for it.
    fn begin(
        &self,
        id: u64,
        command: &str,
        provider: &str,
        started: String,
    ) -> Result<(Arc<Job>, Vec<u64>), Fault> {
        let mut all = lock(&self.all);
        let (last, jobs) = &mut *all;
        let running = jobs.iter().filter(|job| job.is_running()).count();
        if running >= MAX_JOBS {
            let text = format!("{MAX_JOBS} commands run already");
            return Err(Fault::new(FaultCode::ResourcesExceeded, text));
        }
        let mut forgotten = Vec::new();
        while jobs.len() - running >= KEPT_JOBS {
            let Some(oldest) = jobs.iter().position(|job| !job.is_running()) else { break };
            forgotten.extend(jobs.remove(oldest).map(|job| job.number));
        }
        *last += 1;
        let standing = Standing {
            stage: Stage::Running,
            permille: -1,
            text: String::new(),
            code: None,
            outputs: BTreeMap::new(),
        };
        let job = Arc::new(Job {
            number: *last,
            id,
            command: command.to_owned(),
            provider: provider.to_owned(),
            started,
            standing: watch::Sender::new(standing),
            stop: watch::Sender::new(false),
        });
        jobs.push_back(Arc::clone(&job));
        Ok((job, forgotten))
    }

    /// A provider says how far one of its jobs is. One that has ended does not move any more.
    pub(crate) fn progress(&self, provider: &str, id: u64, permille: i32, text: &str) {
        let all = lock(&self.all);
        let Some(job) = all.1.iter().find(|job| job.id == id && job.provider == provider) else { return };
        job.standing.send_if_modified(|s| {
            let moves = s.stage == Stage::Running;
            if moves {
                s.permille = permille.clamp(-1, 1000);
                words(text).clone_into(&mut s.text);
            }
            moves
        });
    }
}

impl Core {
    /// Begins a job for a command. Gives also the numbers of those that are forgotten for it.
    pub(crate) fn begin_job(
        &self,
        command: &str,
        arguments: &Arguments,
    ) -> Result<(Arc<Job>, Vec<u64>), Fault> {
        let tree = self.tree();
        let owner = tree.command_owner(command).ok_or_else(|| {
            Fault::new(FaultCode::InvalidParameterName, format!("{command}: there is no such command"))
        })?;
        check(arguments)?;
        let id = u64::from_le_bytes(cwmp_net::random::bytes());
        let started = date_time::from_unix_seconds(self.clock.unix());
        self.jobs.begin(id, command, tree.owner_name(owner), started)
    }

    /// Runs a job to its end. `asked` is how long the caller gives it; its provider's manifest may give it less.
    pub(crate) async fn run_job(&self, job: &Job, arguments: &Arguments, asked: Option<Duration>) {
        let result = self.invoke(job, arguments, asked).await;
        match &result {
            Ok((false, _)) => tracing::info!("job {}: {} is done", job.number, job.command),
            Ok((true, _)) => tracing::info!("job {}: {} was cancelled", job.number, job.command),
            Err(fault) => tracing::warn!("job {}: {} failed: {}", job.number, job.command, fault.text),
        }
        job.end(result);
    }

    async fn invoke(
        &self,
        job: &Job,
        arguments: &Arguments,
        asked: Option<Duration>,
    ) -> Result<(bool, BTreeMap<String, String>), Fault> {
        let mut stop = job.stop.subscribe();
        let line = tokio::select! {
            line = self.line_to(&job.provider) => line?,
            _ = stop.wait_for(|stop| *stop) => return Ok((true, BTreeMap::new())),
        };
        tracing::info!("job {}: {} begins", job.number, job.command);
        let most = line.provider.manifest.deadlines.invoke();
        let deadline = asked.map_or(most, |asked| asked.min(most));
        let mut running = std::pin::pin!(line.invoke(job.id, &job.command, arguments, deadline, Origin::Bus));
        let why = tokio::select! {
            result = &mut running => return result.map_err(fault_of),
            _ = stop.wait_for(|stop| *stop) => "was cancelled, and did not end",
            // The provider ends it by itself; one that does not is told to.
            () = tokio::time::sleep(deadline + CANCEL_WAIT + GRACE) => "did not end in time",
        };
        // The answer to the command tells what came of this.
        let (cancelled, ended) =
            tokio::join!(line.cancel(job.id), tokio::time::timeout(CANCEL_WAIT + GRACE, &mut running));
        if let Err(error) = cancelled {
            tracing::warn!("job {}: it cannot be cancelled: {error}", job.number);
        }
        match ended {
            Ok(result) => result.map_err(fault_of),
            Err(_) => Err(Fault::new(FaultCode::InternalError, format!("the command {why}"))),
        }
    }
}

fn fault_of(error: BusError) -> Fault {
    match error {
        BusError::Fault(fault) => fault,
        BusError::Busy => Fault::new(FaultCode::InternalError, error.to_string()),
    }
}

/// Whether there are not too many arguments, too large ones, or others than texts and files.
fn check(arguments: &Arguments) -> Result<(), Fault> {
    let wrong = |text: String| Err(Fault::new(FaultCode::InvalidArguments, text));
    if arguments.len() > MAX_ARGUMENTS {
        return wrong(format!("{} arguments, {MAX_ARGUMENTS} are possible", arguments.len()));
    }
    let mut total = 0;
    for (key, value) in arguments {
        let size = match &**value {
            Value::Str(text) => text.len(),
            Value::Fd(_) => 0,
            _ => return wrong(format!("the argument {} is neither a text nor a file", words(key))),
        };
        if key.is_empty() || key.len() > MAX_ARGUMENT_NAME || size > MAX_ARGUMENT_VALUE {
            return wrong(format!(
                "an argument has a name of 1 to {MAX_ARGUMENT_NAME} and a value of up to {MAX_ARGUMENT_VALUE} bytes"
            ));
        }
        total += key.len() + size;
    }
    if total > MAX_ARGUMENTS_SIZE {
        return wrong(format!("the arguments have more than {MAX_ARGUMENTS_SIZE} bytes"));
    }
    Ok(())
}

/// Whether a name can be that of a command; the object that it acts on says whom a caller would wait for.
pub(crate) fn object(name: &str) -> Result<&str, Fault> {
    if command::is_name(name) {
        return Ok(command::object(name));
    }
    Err(Fault::new(FaultCode::InvalidParameterName, format!("{}: not the name of a command", words(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(jobs: &Jobs, id: u64) -> Result<(Arc<Job>, Vec<u64>), Fault> {
        jobs.begin(id, "Device.A.B()", "a", String::new())
    }

    #[test]
    fn so_many_jobs_run_and_so_many_are_kept() {
        let jobs = Jobs::default();
        let mut running: Vec<_> = (0..MAX_JOBS as u64).map(|id| begin(&jobs, id).unwrap().0).collect();
        assert_eq!(begin(&jobs, 99).unwrap_err().code, FaultCode::ResourcesExceeded);
        running.remove(0).end(Ok((false, BTreeMap::new())));
        for id in 100..100 + KEPT_JOBS as u64 {
            let (job, forgotten) = begin(&jobs, id).unwrap();
            // The first one that ended makes room for the last.
            assert_eq!(forgotten, if id == 131 { vec![1] } else { Vec::new() }, "{id}");
            job.end(Ok((true, BTreeMap::new())));
        }
        assert!(running.iter().all(|job| job.is_running()));
    }

    #[test]
    fn only_the_provider_that_runs_a_job_tells_how_far_it_is_and_only_until_its_end() {
        let jobs = Jobs::default();
        let (job, _) = begin(&jobs, 7).unwrap();
        let seen = || {
            let standing = job.standing().borrow().clone();
            (standing.permille, standing.text)
        };
        jobs.progress("b", 7, 500, "no");
        jobs.progress("a", 8, 500, "no");
        assert_eq!(seen(), (-1, String::new()));
        jobs.progress("a", 7, 5000, "yes");
        assert_eq!(seen(), (1000, "yes".to_owned()));
        job.end(Err(Fault::new(FaultCode::InternalError, "broken")));
        jobs.progress("a", 7, 10, "late");
        assert_eq!(seen(), (1000, "broken".to_owned()));
    }

    #[test]
    fn arguments_have_limits() {
        let text = |size: usize| OwnedValue::try_from(Value::from("x".repeat(size))).unwrap();
        let fits = |all: Vec<(String, OwnedValue)>| check(&all.into_iter().collect()).is_ok();
        let one = |key: usize, value: usize| vec![("k".repeat(key), text(value))];
        assert!(fits(Vec::new()) && fits(one(MAX_ARGUMENT_NAME, MAX_ARGUMENT_VALUE)));
        assert!(
            !fits(one(0, 1)) && !fits(one(MAX_ARGUMENT_NAME + 1, 1)) && !fits(one(1, MAX_ARGUMENT_VALUE + 1))
        );
        assert!(!fits(vec![("a".into(), OwnedValue::from(1_u32))]));
        assert!(!fits((0..=MAX_ARGUMENTS).map(|n| (n.to_string(), text(1))).collect()));
        let large = MAX_ARGUMENTS_SIZE / MAX_ARGUMENT_VALUE;
        assert!(!fits((0..=large).map(|n| (n.to_string(), text(MAX_ARGUMENT_VALUE))).collect()));
    }
}
