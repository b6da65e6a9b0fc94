//! Calls of UDisks2, each with an end: an answer, a limit, or that the service, the drive or the wish is gone.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, Message};

use super::objects::{self, interface, shown, Objects, SERVICE};
use super::watch::{away, News, Watch};
use crate::back_end::{Events, Failure};

/// The name of the service.
pub(super) const NAME: &str = "org.freedesktop.UDisks2";
/// The path of its object manager.
pub(super) const ROOT: &str = "/org/freedesktop/UDisks2";
/// The path of the object that stands for the service.
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/UDisks2/Manager";
/// The interface of an object manager.
pub(super) const MANAGER: &str = "org.freedesktop.DBus.ObjectManager";

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A question.
    pub(super) question: Duration,
    /// How often a long piece of work is asked whether it still goes on.
    pub(super) pulse: Duration,
    /// How often in a row nothing may go on.
    pub(super) idle: u32,
    /// How long something that was cancelled may take to end.
    pub(super) end: Duration,
    /// How long something that was made may take to be seen.
    pub(super) settle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            question: Duration::from_secs(5),
            pulse: Duration::from_secs(10),
            idle: 6,
            end: Duration::from_secs(20),
            settle: Duration::from_secs(5),
        }
    }
}

/// How long a job that was cancelled is given before it is cancelled again.
const AGAIN: Duration = Duration::from_millis(500);

/// Options of a method: nobody is there to be asked for a password.
pub(super) fn options() -> HashMap<&'static str, Value<'static>> {
    HashMap::from([("auth.no_user_interaction", Value::from(true))])
}

/// UDisks2 on the bus.
#[derive(Debug)]
pub(super) struct Service {
    bus: Connection,
    watch: Watch,
    pub(super) patience: Patience,
}

/// A call that takes as long as its work does.
pub(super) struct Work<'a> {
    /// The paths of objects that its jobs are about.
    pub(super) about: &'a [&'a str],
    /// The path of the block device without which it ends.
    pub(super) on: &'a str,
    /// What that device is called.
    pub(super) name: String,
    /// Told how far it is.
    pub(super) progress: &'a (dyn Fn(Option<u16>) + Send + Sync),
    /// Closed, or true, when nobody wants it any more.
    pub(super) unwanted: watch::Receiver<bool>,
}

impl Service {
    pub(super) async fn open(bus: Connection, events: Events) -> Result<Self, Failure> {
        let watch = Watch::start(&bus, events).await?;
        Ok(Self { bus, watch, patience: Patience::default() })
    }

    /// What happens from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<News> {
        self.watch.news.subscribe()
    }

    /// Who the service is now.
    pub(super) fn owner(&self) -> Option<String> {
        self.watch.owner.borrow().clone()
    }

    pub(super) fn bus(&self) -> &Connection {
        &self.bus
    }

    async fn send<B: Serialize + DynamicType>(
        &self,
        path: &str,
        of: &str,
        member: &str,
        body: &B,
    ) -> Result<Message, Failure> {
        let call = self.bus.call_method(Some(NAME), path, Some(of), member, body);
        tokio::select! {
            answer = call => answer.map_err(|error| failure(&error)),
            () = self.lost() => Err(away()),
        }
    }

    /// Ends when the service that is there now, or that comes next, is no more.
    async fn lost(&self) {
        let mut owner = self.watch.owner.clone();
        let mut first = owner.borrow_and_update().clone();
        while owner.changed().await.is_ok() {
            let now = owner.borrow_and_update().clone();
            // The bus starts it for the call.
            if first.is_some() && first != now {
                return;
            }
            first = now;
        }
    }

    /// Calls a method that answers at once.
    pub(super) async fn ask<B: Serialize + DynamicType>(
        &self,
        path: &str,
        of: &str,
        member: &str,
        body: &B,
    ) -> Result<Message, Failure> {
        let call = self.send(path, of, member, body);
        tokio::time::timeout(self.patience.question, call).await.unwrap_or_else(|_| Err(away()))
    }

    /// All objects.
    pub(super) async fn objects(&self) -> Result<Objects, Failure> {
        objects::read(&self.ask(ROOT, MANAGER, "GetManagedObjects", &()).await?)
    }

    /// Calls a method that takes its time. As long as the service lives and works on it, it may.
    pub(super) async fn work<B: Serialize + DynamicType>(
        &self,
        mut work: Work<'_>,
        path: &str,
        of: &str,
        member: &str,
        body: &B,
    ) -> Result<Message, Failure> {
        if *work.unwanted.borrow() || work.unwanted.has_changed().is_err() {
            return Err(Failure::Cancelled);
        }
        let mut news = self.news();
        let mut call = std::pin::pin!(self.send(path, of, member, body));
        let mut jobs = BTreeSet::new();
        let mut pulse = tokio::time::interval(self.patience.pulse);
        pulse.reset();
        let mut idle = 0;
        loop {
            tokio::select! {
                // First of all it is sent.
                biased;
                answer = &mut call => return answer,
                () = unwanted(&mut work.unwanted) => break,
                told = news.recv() => match told {
                    Ok(News::Job(path, job)) if job.objects.iter().any(|o| work.about.contains(&o.as_str())) => {
                        jobs.insert(path);
                        (work.progress)(job.progress);
                    }
                    Ok(News::Progress(path, progress)) if jobs.contains(&path) => (work.progress)(progress),
                    Ok(News::Gone(path)) if path == work.on => return Err(Failure::Gone(work.name)),
                    // The bus has ended.
                    Err(broadcast::error::RecvError::Closed) => return Err(away()),
                    // What was missed is told by the next pulse.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                },
                _ = pulse.tick() => {
                    // An answer that comes meanwhile is not lost: the call is polled again.
                    let now = self.objects().await?;
                    if !now.contains_key(work.on) {
                        return Err(Failure::Gone(work.name));
                    }
                    idle = if working(&now, work.about).next().is_some() { 0 } else { idle + 1 };
                    if idle >= self.patience.idle {
                        return Err(away());
                    }
                }
            }
        }
        // What is finished all the same may have made something, which the caller must know.
        let end = tokio::time::Instant::now() + self.patience.end;
        while tokio::time::Instant::now() < end {
            // One that has just begun is found the next time.
            let now = self.objects().await?;
            for job in working(&now, work.about) {
                // One that has ended by itself is no more.
                let _ = self.ask(&job, interface::JOB, "Cancel", &(options(),)).await;
            }
            if let Ok(answer) = tokio::time::timeout(AGAIN, &mut call).await {
                return answer;
            }
        }
        Err(Failure::Cancelled)
    }
}

/// The jobs about these objects.
pub(super) fn working<'a>(objects: &'a Objects, about: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    objects.iter().filter_map(|(path, object)| {
        let job = object.job.as_ref()?;
        job.objects.iter().any(|o| about.contains(&o.as_str())).then(|| path.clone())
    })
}

async fn unwanted(token: &mut watch::Receiver<bool>) {
    // An error: whoever wanted it is gone.
    let _ = token.wait_for(|unwanted| *unwanted).await;
}

/// What an error of a call says.
fn failure(error: &zbus::Error) -> Failure {
    let zbus::Error::MethodError(name, text, _) = error else {
        return match error {
            zbus::Error::InputOutput(_) => away(),
            other => Failure::Nonsense(SERVICE, shown(&other.to_string())),
        };
    };
    let text = shown(text.as_deref().unwrap_or_default());
    match name.as_str() {
        "org.freedesktop.DBus.Error.ServiceUnknown"
        | "org.freedesktop.DBus.Error.NameHasNoOwner"
        | "org.freedesktop.DBus.Error.NoReply"
        | "org.freedesktop.DBus.Error.Disconnected"
        | "org.freedesktop.DBus.Error.TimedOut"
        | "org.freedesktop.DBus.Error.Timeout" => away(),
        name if name.starts_with("org.freedesktop.DBus.Error.Spawn.") => away(),
        "org.freedesktop.DBus.Error.UnknownObject" | "org.freedesktop.DBus.Error.UnknownInterface" => {
            Failure::Gone("the object".to_owned())
        }
        "org.freedesktop.UDisks2.Error.Cancelled" => Failure::Cancelled,
        name if text.is_empty() => Failure::Refused(shown(name)),
        _ => Failure::Refused(text),
    }
}
