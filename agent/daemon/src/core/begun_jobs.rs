//! Jobs that providers begin by themselves. They are the provider's: it says how far they are and what came of them, and when
//! it goes away they have failed. The next agent is told of them again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::command::{MAX_OUTPUTS, MAX_OUTPUT_SIZE, OWN_JOB};
use cwmp_bus::BusError;
use cwmp_model::{date_time, path, Fault, FaultCode};

use super::jobs::{Job, New, Stage, Work};
use super::Core;
use crate::provider::{words, Provider};

/// What a provider says of a job that it begins.
#[derive(Debug)]
pub(crate) struct Beginning<'a> {
    /// What it calls the job.
    pub(crate) id: u64,
    /// The object that it works on.
    pub(crate) object: &'a str,
    pub(crate) text: &'a str,
    /// For how long it has been at work.
    pub(crate) age: Duration,
}

/// What a provider says of the end of a job.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) id: u64,
    /// done, failed or cancelled
    pub(crate) state: &'a str,
    pub(crate) code: u32,
    pub(crate) text: &'a str,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// What a job came to: whether it was cancelled, and what it gave, or why it failed.
type Came = Result<(bool, BTreeMap<String, String>), Fault>;
/// A job, and the numbers of those that are forgotten for it.
type Begun = (Arc<Job>, Vec<u64>);

impl Ending<'_> {
    /// What came of the job; an error: that is none.
    fn came(self) -> Result<Came, Fault> {
        match self.state {
            "done" => {
                let size: usize = self.outputs.iter().map(|(key, value)| key.len() + value.len()).sum();
                if self.outputs.len() > MAX_OUTPUTS || size > MAX_OUTPUT_SIZE {
                    let text =
                        format!("more than {MAX_OUTPUTS} results, or more than {MAX_OUTPUT_SIZE} bytes");
                    return Ok(Err(Fault::new(FaultCode::ResourcesExceeded, text)));
                }
                Ok(Ok((false, self.outputs)))
            }
            "cancelled" => Ok(Ok((true, BTreeMap::new()))),
            "failed" => {
                let code = FaultCode::from_number(self.code).unwrap_or(FaultCode::InternalError);
                Ok(Err(Fault::new(code, words(self.text).to_owned())))
            }
            other => {
                let text = format!("a job ends as done, failed or cancelled, not as '{}'", words(other));
                Err(Fault::new(FaultCode::InvalidArguments, text))
            }
        }
    }
}

impl Core {
    /// A provider begins a job. `None` when it is there already: a provider repeats what was not answered.
    pub(crate) fn begin_own_job(
        &self,
        provider: &Provider,
        owner: &str,
        new: &Beginning<'_>,
    ) -> Result<Option<Begun>, Fault> {
        let name = provider.name();
        if new.id & OWN_JOB == 0 {
            let text = "the highest bit of the number of a provider's own job is set";
            return Err(Fault::new(FaultCode::InvalidArguments, text));
        }
        let is_object = path::is_partial(new.object) && path::check(new.object).is_ok();
        if !is_object || !provider.covers(new.object) {
            let text = format!("{} is no object of {name}", words(new.object));
            return Err(Fault::new(FaultCode::InvalidParameterName, text));
        }
        let work = Work::Begun { object: new.object.to_owned(), owner: owner.to_owned() };
        if let Some(old) = self.jobs.running(name, new.id) {
            if old.work == work {
                return Ok(None);
            }
            // The provider was started anew, and counts anew, before its end was noticed.
            end(&old, Err(gone(name)));
        }
        let age = i64::try_from(new.age.as_secs()).unwrap_or(0);
        let started = date_time::from_unix_seconds(self.clock.unix().saturating_sub(age));
        let begun = self.jobs.begin(New { id: new.id, work, provider: name, started, text: new.text })?;
        tracing::info!("job {}: {name} begins at {}: {}", begun.0.number, new.object, words(new.text));
        Ok(Some(begun))
    }

    /// A provider ends one of its jobs. One that has ended already, as the provider repeats it, is fine.
    pub(crate) fn end_own_job(&self, provider: &str, ending: Ending<'_>) -> Result<(), Fault> {
        let job = self.jobs.running(provider, ending.id);
        let result = ending.came()?;
        if let Some(job) = job.filter(|job| matches!(job.work, Work::Begun { .. })) {
            end(&job, result);
        }
        Ok(())
    }

    /// Waits for the end of a provider's job; when the provider goes away, that is it.
    pub(crate) async fn watch_own_job(&self, job: &Job) {
        let Work::Begun { owner, .. } = &job.work else { return };
        let mut standing = job.standing();
        loop {
            let mut moved = std::pin::pin!(self.provider_moves());
            // Enlisted before the look.
            moved.as_mut().enable();
            let now = self.provider(&job.provider).and_then(|p| p.condition().owner);
            if now.is_none_or(|now| now.as_str() != owner) && job.is_running() {
                end(job, Err(gone(&job.provider)));
            }
            tokio::select! {
                () = moved => {}
                // An error: nobody can end it any more.
                _ = standing.wait_for(|s| s.stage != Stage::Running) => return,
            }
        }
    }

    /// Asks a provider to stop what it began by itself. It need not, and says what came of it.
    pub(crate) async fn cancel_own_job(&self, job: &Job) -> Result<(), BusError> {
        if !job.is_running() {
            return Ok(());
        }
        let line = self.line_coming(&job.provider).ok_or_else(|| gone(&job.provider))?;
        line.cancel(job.id).await
    }
}

/// Ends a job of a provider.
fn end(job: &Job, result: Came) {
    let (number, object) = (job.number, job.object());
    match &result {
        Ok((false, _)) => tracing::info!("job {number} at {object} is done"),
        Ok((true, _)) => tracing::info!("job {number} at {object} was cancelled"),
        Err(fault) => tracing::warn!("job {number} at {object} failed: {}", fault.text),
    }
    job.end(result);
}

fn gone(provider: &str) -> Fault {
    Fault::new(FaultCode::InternalError, format!("provider {provider} went away"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(state: &str, outputs: usize) -> Ending<'_> {
        let outputs = (0..outputs).map(|n| (n.to_string(), String::new())).collect();
        Ending { id: OWN_JOB, state, code: 9001, text: "write-protected", outputs }
    }

    #[test]
    fn a_job_ends_with_its_results_or_with_the_reason() {
        let (cancelled, outputs) = ending("done", 2).came().unwrap().unwrap();
        assert!(!cancelled && outputs.len() == 2);
        // What was cancelled or has failed gives nothing.
        assert_eq!(ending("cancelled", 2).came().unwrap().unwrap(), (true, BTreeMap::new()));
        let fault = ending("failed", 2).came().unwrap().unwrap_err();
        assert_eq!((fault.code, &*fault.text), (FaultCode::RequestDenied, "write-protected"));
        let odd = Ending { code: 17, ..ending("failed", 0) };
        assert_eq!(odd.came().unwrap().unwrap_err().code, FaultCode::InternalError);
        assert_eq!(ending("running", 0).came().unwrap_err().code, FaultCode::InvalidArguments);
    }

    #[test]
    fn results_have_limits() {
        assert!(ending("done", MAX_OUTPUTS).came().unwrap().is_ok());
        let many = ending("done", MAX_OUTPUTS + 1).came().unwrap().unwrap_err();
        assert_eq!(many.code, FaultCode::ResourcesExceeded);
        let outputs = BTreeMap::from([("k".to_owned(), "v".repeat(MAX_OUTPUT_SIZE))]);
        assert!(Ending { outputs, ..ending("done", 0) }.came().unwrap().is_err());
    }
}
