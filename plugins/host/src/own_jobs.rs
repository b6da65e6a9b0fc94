//! Jobs that the plugin begins by itself: what is known of each, and what the agent was told.
//!
//! The plugin's threads only note something here, and wait for nobody; the [`teller`] hands it to the agent. A job stays
//! until the agent took its end, so one that is begun while there is no agent, or no room, is shown later. An agent that was
//! started anew is told of all of them again.

pub(crate) mod calls;
mod teller;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cwmp_bus::command::{MAX_OUTPUTS, MAX_OUTPUT_SIZE, OWN_JOB};
use cwmp_model::{Fault, FaultCode};
use cwmp_plugin_abi::{status, Status};
use tokio::sync::Notify;
use zbus::names::OwnedUniqueName;

use crate::engine::fault_of;

/// The most jobs that are kept: those that run, and those whose end the agent did not take yet. The work of one that is
/// begun beyond goes on, and is never shown.
pub(crate) const MAX_OWN_JOBS: usize = 32;

/// What the agent is to be told of a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Begin { path: String, text: String, age_ms: u64 },
    Progress { permille: i32, text: String },
    End { state: &'static str, code: u32, text: String, outputs: BTreeMap<String, String> },
}

/// How a job ended.
#[derive(Debug, Clone)]
struct End {
    status: Status,
    text: String,
}

#[derive(Debug)]
struct OwnJob {
    path: String,
    text: String,
    permille: i32,
    outputs: BTreeMap<String, String>,
    outputs_size: usize,
    overflowed: bool,
    began: Instant,
    cancelled: bool,
    /// There is a progress that nobody was told.
    news: bool,
    /// Which agent was told that it has begun, and whether that shows it.
    told: Option<(OwnedUniqueName, bool)>,
    end: Option<End>,
}

impl OwnJob {
    fn ended(&self, end: &End) -> Step {
        let too_much = || {
            let text =
                format!("it gave more than {MAX_OUTPUTS} results, or more than {MAX_OUTPUT_SIZE} bytes");
            Fault::new(FaultCode::ResourcesExceeded, text)
        };
        let fault = match end.status {
            status::OK if self.overflowed => too_much(),
            status::OK => {
                let outputs = self.outputs.clone();
                return Step::End { state: "done", code: 0, text: String::new(), outputs };
            }
            status::E_CANCELLED => {
                let outputs = BTreeMap::new();
                return Step::End { state: "cancelled", code: 0, text: String::new(), outputs };
            }
            status => fault_of(status, &end.text),
        };
        let (code, text) = (fault.code.number().into(), fault.text.into_owned());
        Step::End { state: "failed", code, text, outputs: BTreeMap::new() }
    }
}

#[derive(Debug, Default)]
struct All {
    last: u64,
    jobs: BTreeMap<u64, OwnJob>,
    /// What has begun cannot be told now.
    stuck: bool,
}

/// The jobs that the plugin began by itself.
#[derive(Debug, Default)]
pub(crate) struct OwnJobs {
    all: Mutex<All>,
    /// There is something to tell.
    wake: Notify,
    /// Something was told, or cannot be.
    told: Notify,
}

impl OwnJobs {
    fn lock(&self) -> MutexGuard<'_, All> {
        // Nothing here panics half-way through a change.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job begins. 0: there are too many, and this one is not shown.
    pub(crate) fn begin(&self, path: String, text: String) -> u64 {
        let mut all = self.lock();
        if all.jobs.len() >= MAX_OWN_JOBS {
            return 0;
        }
        all.last += 1;
        let number = OWN_JOB | all.last;
        let job = OwnJob {
            path,
            text,
            permille: -1,
            outputs: BTreeMap::new(),
            outputs_size: 0,
            overflowed: false,
            began: Instant::now(),
            cancelled: false,
            news: false,
            told: None,
            end: None,
        };
        all.jobs.insert(number, job);
        drop(all);
        self.wake.notify_one();
        number
    }

    /// Notes something of a job; false if it is none that runs.
    fn note(&self, number: u64, note: impl FnOnce(&mut OwnJob)) -> bool {
        let mut all = self.lock();
        let Some(job) = all.jobs.get_mut(&number).filter(|job| job.end.is_none()) else { return false };
        note(job);
        drop(all);
        self.wake.notify_one();
        true
    }

    /// A result of a job.
    pub(crate) fn put(&self, number: u64, key: &str, value: &str) -> bool {
        self.note(number, |job| {
            job.outputs_size += key.len() + value.len();
            job.outputs.insert(key.to_owned(), value.to_owned());
            if job.outputs.len() > MAX_OUTPUTS || job.outputs_size > MAX_OUTPUT_SIZE {
                // It does not grow any further.
                job.overflowed = true;
                job.outputs.clear();
                job.outputs_size = MAX_OUTPUT_SIZE;
            }
        })
    }

    /// How far a job is.
    pub(crate) fn progress(&self, number: u64, permille: i32, text: String) -> bool {
        self.note(number, |job| {
            job.permille = permille.clamp(-1, 1000);
            job.text = text;
            job.news = true;
        })
    }

    /// Whether somebody wants a job to stop.
    pub(crate) fn is_cancelled(&self, number: u64) -> bool {
        self.lock().jobs.get(&number).is_some_and(|job| job.cancelled)
    }

    /// A job has ended.
    pub(crate) fn end(&self, number: u64, status: Status, text: &str) -> bool {
        self.note(number, |job| job.end = Some(End { status, text: text.to_owned() }))
    }

    /// Somebody wants a job to stop; false if it is none that runs.
    pub(crate) fn cancel(&self, number: u64) -> bool {
        self.note(number, |job| job.cancelled = true)
    }

    /// The numbers of all, oldest first.
    fn numbers(&self) -> Vec<u64> {
        self.lock().jobs.keys().copied().collect()
    }

    /// What this agent is to be told next of a job.
    fn next(&self, number: u64, agent: &OwnedUniqueName) -> Option<Step> {
        let mut all = self.lock();
        let job = all.jobs.get_mut(&number)?;
        let shown = job.told.as_ref().and_then(|(told, shown)| (told == agent).then_some(*shown));
        match (shown, &job.end) {
            (None, _) => Some(Step::Begin {
                path: job.path.clone(),
                text: job.text.clone(),
                age_ms: u64::try_from(job.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            }),
            (Some(true), Some(end)) => Some(job.ended(end)),
            (Some(true), None) if job.news => {
                job.news = false;
                Some(Step::Progress { permille: job.permille, text: job.text.clone() })
            }
            (Some(false), Some(_)) => {
                // Nobody saw it.
                all.jobs.remove(&number);
                None
            }
            _ => None,
        }
    }

    /// This agent took a step, or will never take it.
    fn taken(&self, number: u64, agent: &OwnedUniqueName, step: &Step, accepted: bool) {
        let mut all = self.lock();
        all.stuck = false;
        match step {
            Step::Begin { text, .. } => {
                if let Some(job) = all.jobs.get_mut(&number) {
                    job.told = Some((agent.clone(), accepted));
                    job.news = job.permille >= 0 || job.text != *text;
                }
            }
            Step::Progress { .. } => {}
            Step::End { .. } => drop(all.jobs.remove(&number)),
        }
        drop(all);
        self.told.notify_waiters();
    }

    /// What has begun cannot be told now.
    fn stick(&self) {
        self.lock().stuck = true;
        self.told.notify_waiters();
    }

    /// Waits until every job was told to an agent, or that cannot be done now.
    pub(crate) async fn shown(&self) {
        loop {
            let mut told = std::pin::pin!(self.told.notified());
            // Enlisted before the look.
            told.as_mut().enable();
            {
                let all = self.lock();
                if all.stuck || all.jobs.values().all(|job| job.told.is_some()) {
                    return;
                }
            }
            told.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &'static str) -> OwnedUniqueName {
        OwnedUniqueName::try_from(name).unwrap()
    }

    fn begin(all: &OwnJobs) -> u64 {
        all.begin("Device.A.".to_owned(), "works".to_owned())
    }

    /// Takes all steps of a job, as an agent that takes everything.
    fn tell(all: &OwnJobs, number: u64, agent: &OwnedUniqueName) -> Vec<Step> {
        let next = || {
            let step = all.next(number, agent)?;
            all.taken(number, agent, &step, true);
            Some(step)
        };
        std::iter::from_fn(next).collect()
    }

    fn is_begin(step: &Step) -> bool {
        matches!(step, Step::Begin { path, text, .. } if path == "Device.A." && text == "works")
    }

    #[test]
    fn so_many_jobs_are_kept_and_the_work_of_others_goes_on_unseen() {
        let all = OwnJobs::default();
        let numbers: Vec<u64> = (0..MAX_OWN_JOBS).map(|_| begin(&all)).collect();
        assert!(numbers.iter().all(|number| number & OWN_JOB != 0));
        assert_eq!(begin(&all), 0);
        assert!(!all.progress(0, 1, String::new()) && !all.end(0, status::OK, "") && !all.is_cancelled(0));
        // An end that nobody took makes no room yet.
        assert!(all.end(numbers[0], status::OK, ""));
        assert_eq!(begin(&all), 0);
        tell(&all, numbers[0], &agent(":1.1"));
        assert_ne!(begin(&all), 0);
    }

    #[test]
    fn an_agent_is_told_of_the_newest_progress_and_of_the_end_once() {
        let all = OwnJobs::default();
        let (job, first) = (begin(&all), agent(":1.1"));
        let steps = tell(&all, job, &first);
        assert!(steps.len() == 1 && is_begin(&steps[0]), "{steps:?}");
        all.progress(job, 2000, "a".to_owned());
        all.progress(job, 30, "b".to_owned());
        assert_eq!(tell(&all, job, &first), [Step::Progress { permille: 30, text: "b".to_owned() }]);
        all.put(job, "k", "v");
        assert!(all.end(job, status::OK, "") && !all.end(job, status::OK, ""));
        let outputs = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        assert_eq!(
            tell(&all, job, &first),
            [Step::End { state: "done", code: 0, text: String::new(), outputs }]
        );
        assert!(all.numbers().is_empty());
    }

    #[test]
    fn an_agent_that_was_started_anew_is_told_again() {
        let all = OwnJobs::default();
        let job = begin(&all);
        tell(&all, job, &agent(":1.1"));
        all.progress(job, 700, "works".to_owned());
        let steps = tell(&all, job, &agent(":1.2"));
        assert!(is_begin(&steps[0]));
        assert_eq!(steps[1..], [Step::Progress { permille: 700, text: "works".to_owned() }]);
        // Ended while there was no agent: the next one hears of both.
        assert!(all.end(job, status::E_DENIED, "no"));
        let steps = tell(&all, job, &agent(":1.3"));
        assert!(matches!(&steps[..], [begin, Step::End { state: "failed", code: 9001, text, .. }]
            if is_begin(begin) && text == "no"));
    }

    #[test]
    fn a_job_that_an_agent_does_not_show_ends_unseen() {
        let all = OwnJobs::default();
        let (job, first) = (begin(&all), agent(":1.1"));
        let step = all.next(job, &first).unwrap();
        all.taken(job, &first, &step, false);
        all.progress(job, 1, String::new());
        assert_eq!(all.next(job, &first), None);
        assert!(all.cancel(job) && all.is_cancelled(job));
        all.end(job, status::E_CANCELLED, "");
        assert_eq!(all.next(job, &first), None);
        assert!(all.numbers().is_empty());
    }

    #[test]
    fn a_job_that_gives_too_much_has_failed() {
        let all = OwnJobs::default();
        let (job, first) = (begin(&all), agent(":1.1"));
        for index in 0..2 * MAX_OUTPUTS {
            all.put(job, &index.to_string(), "x");
        }
        all.end(job, status::OK, "");
        let steps = tell(&all, job, &first);
        assert!(matches!(steps[1], Step::End { state: "failed", code: 9004, .. }), "{steps:?}");
        let large = begin(&all);
        all.put(large, "k", &"x".repeat(MAX_OUTPUT_SIZE));
        all.end(large, status::OK, "");
        assert!(matches!(tell(&all, large, &first)[1], Step::End { state: "failed", .. }));
    }
}
