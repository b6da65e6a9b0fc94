//! Tells the agent of the jobs that the plugin began.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::sleep;
use zbus::names::OwnedUniqueName;
use zbus::zvariant::Value;
use zbus::Connection;

use super::Step;
use crate::agent::{Agent, LONGEST_RETRY};
use crate::command::PROGRESS_WINDOW;
use crate::registry;
use crate::services::Services;
use cwmp_bus::BusError;
use cwmp_model::FaultCode;

/// How long an agent that has no room is left alone, and the first wait for one that does not answer.
pub(crate) const ROOM_RETRY: Duration = Duration::from_secs(1);

/// How an agent took a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    Yes,
    /// It will never take it.
    Never,
    /// It may have room later.
    Full,
    /// It may take it later.
    NotNow,
}

/// What is to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    NoRoom,
    Trouble,
}

impl Agent {
    /// Tells the agent of jobs that the plugin began, of their progress and their ends, for ever.
    pub(crate) async fn tell_jobs(&self, bus: &Connection, services: &'static Services) {
        let mut announced = self.announced();
        let mut wait = ROOM_RETRY;
        let mut left = Left::Nothing;
        loop {
            tokio::select! {
                () = services.own_jobs.wake.notified() => {}
                changed = announced.changed() => if changed.is_err() { return },
                () = sleep(wait), if left != Left::Nothing => {}
            }
            left = self.tell_all(bus, services).await;
            wait = match left {
                Left::Trouble => (wait * 2).min(LONGEST_RETRY),
                Left::NoRoom | Left::Nothing => ROOM_RETRY,
            };
            // However fast jobs come, the bus is spared.
            sleep(PROGRESS_WINDOW).await;
        }
    }

    async fn tell_all(&self, bus: &Connection, services: &'static Services) -> Left {
        let jobs = &services.own_jobs;
        let Some(agent) = self.told_agent() else {
            jobs.stick();
            return Left::Nothing;
        };
        let mut left = Left::Nothing;
        // First those that the agent knows: their ends make room.
        for begins in [false, true] {
            for number in jobs.numbers() {
                while left != Left::Trouble {
                    let Some(step) = jobs.next(number, &agent) else { break };
                    if matches!(step, Step::Begin { .. }) && (!begins || left == Left::NoRoom) {
                        break;
                    }
                    match self.tell(bus, number, &step).await {
                        Took::Yes => jobs.taken(number, &agent, &step, true),
                        Took::Never => jobs.taken(number, &agent, &step, false),
                        Took::Full => left = Left::NoRoom,
                        Took::NotNow => left = Left::Trouble,
                    }
                }
            }
        }
        if left != Left::Nothing {
            jobs.stick();
        }
        left
    }

    async fn tell(&self, bus: &Connection, job: u64, step: &Step) -> Took {
        let none = HashMap::<&str, Value<'_>>::new;
        let answer = match step {
            Step::Begin { path, text, age_ms } => {
                let options = HashMap::from([("age_ms", Value::from(*age_ms))]);
                registry::call(bus, "BeginJob", (job, path.as_str(), text.as_str(), options)).await
            }
            Step::Progress { permille, text } => {
                // The next one will do.
                let told = registry::call(bus, "Progress", (job, *permille, text.as_str())).await;
                return if told.is_some() { Took::Yes } else { Took::NotNow };
            }
            Step::End { state, code, text, outputs } => {
                let outputs: HashMap<&str, &str> =
                    outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                registry::call(bus, "EndJob", (job, *state, *code, text.as_str(), outputs, none())).await
            }
        };
        let error = match answer {
            Some(Ok(_)) => return Took::Yes,
            Some(Err(error)) => error,
            None => return Took::NotNow,
        };
        if is_unknown(&error) {
            tracing::info!("the agent is older than jobs that a plugin begins: they are not shown");
            return Took::Never;
        }
        match BusError::from_reply(&error) {
            // One that does not know this provider yet says so, too.
            BusError::Fault(fault) if fault.code == FaultCode::RequestDenied => Took::NotNow,
            BusError::Fault(fault) if fault.code == FaultCode::ResourcesExceeded => Took::Full,
            BusError::Fault(fault)
                if matches!(fault.code, FaultCode::InvalidParameterName | FaultCode::InvalidArguments) =>
            {
                tracing::error!("the agent does not show a job: {fault}");
                Took::Never
            }
            error => {
                tracing::warn!("the agent was not told of a job: {error}");
                Took::NotNow
            }
        }
    }

    /// The agent that knows who this is.
    fn told_agent(&self) -> Option<OwnedUniqueName> {
        let told = self.announced().borrow().clone()?;
        self.is_agent(&told).then_some(told)
    }
}

/// Whether the other side does not know the method.
fn is_unknown(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::MethodError(name, ..) if name.as_str() == "org.freedesktop.DBus.Error.UnknownMethod")
}
