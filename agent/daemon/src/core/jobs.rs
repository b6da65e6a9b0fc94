//! Jobs: commands that run, and what providers began by themselves: how far each is, what came of it, and how it is told
//! to stop.
//!
//! A job lives as long as this process. What a provider does for a command that was lost with the agent goes on there; nobody
//! hears of its end. What a provider began by itself it tells the next agent, too (see [`begun_jobs`](super::begun_jobs)).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cwmp_bus::command::{
    CANCEL_WAIT, MAX_ARGUMENTS, MAX_ARGUMENTS_SIZE, MAX_ARGUMENT_NAME, MAX_ARGUMENT_VALUE, OWN_JOB,
};
use cwmp_bus::BusError;
use cwmp_model::{command, date_time, Fault, FaultCode};
use tokio::sync::watch;
use zbus::zvariant::{OwnedValue, Value};

use super::{lock, Core};
use crate::provider::{words, Origin};

/// The most commands that run at a time.
pub(crate) const MAX_JOBS: usize = 16;
/// The most jobs that are kept after their end: of commands, and as many of what providers began.
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

/// What a job is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// A command, by its full name.
    Command(String),
    /// What a provider began by itself: the object that it works on, and who the provider was on the bus.
    Begun { object: String, owner: String },
}

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    /// What the provider calls it. That of a command is unlike any that an agent before this one began.
    pub(super) id: u64,
    pub(crate) work: Work,
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

    /// The command; empty for what a provider began by itself.
    pub(crate) fn command(&self) -> &str {
        match &self.work {
            Work::Command(name) => name,
            Work::Begun { .. } => "",
        }
    }

    /// The object that is worked on.
    pub(crate) fn object(&self) -> &str {
        match &self.work {
            Work::Command(name) => command::object(name),
            Work::Begun { object, .. } => object,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.standing.borrow().stage == Stage::Running
    }

    pub(super) fn end(&self, result: Result<(bool, BTreeMap<String, String>), Fault>) {
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

/// A job that is to begin.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub(super) id: u64,
    pub(super) work: Work,
    pub(super) provider: &'a str,
    pub(super) started: String,
    pub(super) text: &'a str,
}

impl New<'_> {
    /// Whether another counts against the same limit.
    fn counts_with(&self, other: &Job) -> bool {
        match (&self.work, &other.work) {
            (Work::Command(_), Work::Command(_)) => true,
            // One provider does not take the room of another.
            (Work::Begun { .. }, Work::Begun { .. }) => self.provider == other.provider,
            _ => false,
        }
    }

    fn is_like(&self, other: &Job) -> bool {
        matches!(self.work, Work::Command(_)) == matches!(other.work, Work::Command(_))
    }
}

impl Jobs {
    /// Begins one. Gives also the numbers of those that are forgotten for it.
    pub(super) fn begin(&self, new: New<'_>) -> Result<(Arc<Job>, Vec<u64>), Fault> {
        let mut all = lock(&self.all);
        let (last, jobs) = &mut *all;
        let running = jobs.iter().filter(|job| job.is_running() && new.counts_with(job)).count();
        if running >= MAX_JOBS {
            let text = match new.work {
                Work::Command(_) => format!("{MAX_JOBS} commands run already"),
                Work::Begun { .. } => format!("{MAX_JOBS} jobs of {} run already", new.provider),
            };
            return Err(Fault::new(FaultCode::ResourcesExceeded, text));
        }
        let mut forgotten = Vec::new();
        while jobs.iter().filter(|job| !job.is_running() && new.is_like(job)).count() >= KEPT_JOBS {
            let Some(oldest) = jobs.iter().position(|job| !job.is_running() && new.is_like(job)) else {
                break;
            };
            forgotten.extend(jobs.remove(oldest).map(|job| job.number));
        }
        *last += 1;
        let standing = Standing {
            stage: Stage::Running,
            permille: -1,
            text: words(new.text).to_owned(),
            code: None,
            outputs: BTreeMap::new(),
        };
        let job = Arc::new(Job {
            number: *last,
            id: new.id,
            work: new.work,
            provider: new.provider.to_owned(),
            started: new.started,
            standing: watch::Sender::new(standing),
            stop: watch::Sender::new(false),
        });
        jobs.push_back(Arc::clone(&job));
        Ok((job, forgotten))
    }

    /// The numbers of all, oldest first.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        lock(&self.all).1.iter().map(|job| job.number).collect()
    }

    /// A job of a provider that runs, by what the provider calls it.
    pub(super) fn running(&self, provider: &str, id: u64) -> Option<Arc<Job>> {
        let all = lock(&self.all);
        all.1.iter().find(|job| job.id == id && job.provider == provider && job.is_running()).cloned()
    }

    /// A provider says how far one of its jobs is. One that has ended does not move any more.
    pub(crate) fn progress(&self, provider: &str, id: u64, permille: i32, text: &str) {
        let Some(job) = self.running(provider, id) else { return };
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
        self.jobs.begin(New {
            id: u64::from_le_bytes(cwmp_net::random::bytes()) & !OWN_JOB,
            work: Work::Command(command.to_owned()),
            provider: tree.owner_name(owner),
            started: date_time::from_unix_seconds(self.clock.unix()),
            text: "",
        })
    }

    /// Runs a job to its end. `asked` is how long the caller gives it; its provider's manifest may give it less.
    pub(crate) async fn run_job(&self, job: &Job, arguments: &Arguments, asked: Option<Duration>) {
        let result = self.invoke(job, arguments, asked).await;
        match &result {
            Ok((false, _)) => tracing::info!("job {}: {} is done", job.number, job.command()),
            Ok((true, _)) => tracing::info!("job {}: {} was cancelled", job.number, job.command()),
            Err(fault) => tracing::warn!("job {}: {} failed: {}", job.number, job.command(), fault.text),
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
        tracing::info!("job {}: {} begins", job.number, job.command());
        let most = line.provider.manifest.deadlines.invoke();
        let deadline = asked.map_or(most, |asked| asked.min(most));
        let mut running =
            std::pin::pin!(line.invoke(job.id, job.command(), arguments, deadline, Origin::Bus));
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
        let work = Work::Command("Device.A.B()".to_owned());
        jobs.begin(New { id, work, provider: "a", started: String::new(), text: "" })
    }

    fn begin_own(jobs: &Jobs, provider: &str, id: u64) -> Result<(Arc<Job>, Vec<u64>), Fault> {
        let work = Work::Begun { object: "Device.A.".to_owned(), owner: ":1.1".to_owned() };
        jobs.begin(New { id, work, provider, started: String::new(), text: "works" })
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

    /// Neither kind takes the room of the other, nor one provider that of another.
    #[test]
    fn so_many_jobs_of_a_provider_run_beside_commands_and_so_many_are_kept() {
        let jobs = Jobs::default();
        let commands: Vec<_> = (0..MAX_JOBS as u64).map(|id| begin(&jobs, id).unwrap().0).collect();
        let running: Vec<_> =
            (0..MAX_JOBS as u64).map(|id| begin_own(&jobs, "a", OWN_JOB | id).unwrap().0).collect();
        let full = begin_own(&jobs, "a", 99).unwrap_err();
        assert_eq!((full.code, &*full.text), (FaultCode::ResourcesExceeded, "16 jobs of a run already"));
        assert!(begin_own(&jobs, "b", OWN_JOB).is_ok());
        for id in 0..KEPT_JOBS as u64 {
            begin_own(&jobs, "b", OWN_JOB | (0x40 + id)).unwrap().0.end(Ok((false, BTreeMap::new())));
        }
        commands[0].end(Ok((false, BTreeMap::new())));
        running[0].end(Ok((false, BTreeMap::new())));
        // The two oldest that have ended go, as one more has ended than are kept, and none of them is a command.
        let first = running[0].number;
        let forgotten = begin_own(&jobs, "a", OWN_JOB | 0xff).unwrap().1;
        assert_eq!((forgotten.len(), forgotten[0]), (2, first));
        assert!(jobs.numbers().contains(&commands[0].number) && !jobs.numbers().contains(&first));
        assert!(begin(&jobs, 300).unwrap().1.is_empty());
        assert!(running[1..].iter().all(|job| job.is_running()));
    }

    #[test]
    fn a_number_that_is_used_again_is_that_of_the_job_that_runs() {
        let jobs = Jobs::default();
        let (old, _) = begin_own(&jobs, "a", OWN_JOB | 1).unwrap();
        old.end(Err(Fault::new(FaultCode::InternalError, "provider a went away")));
        let (new, _) = begin_own(&jobs, "a", OWN_JOB | 1).unwrap();
        jobs.progress("a", OWN_JOB | 1, 7, "works");
        assert_eq!((new.standing().borrow().permille, old.standing().borrow().permille), (7, -1));
        assert_eq!(new.standing().borrow().text, "works");
        assert_eq!((new.command(), new.object()), ("", "Device.A."));
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
