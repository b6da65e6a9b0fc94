//! A server that systemd runs.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{watch, OnceCell};
use tokio::task::JoinHandle;
use zbus::message::Type;
use zbus::names::InterfaceName;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Structure, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::tool::printable;
use crate::back_end::{Event, Events, Failure, State};

const SYSTEMD: &str = "systemd";
const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
/// What it says to whom it signals already.
const SUBSCRIBED: &str = "org.freedesktop.systemd1.AlreadySubscribed";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// What a unit is that runs. One that is only about to may be one that ends again and again.
const RUNS: [&str; 3] = ["active", "reloading", "refreshing"];
/// What one is that does not.
const RESTS: [&str; 2] = ["inactive", "failed"];
/// How long systemd may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a unit may take to start or to stop.
const CHANGE: Duration = Duration::from_secs(45);
/// How often is looked while a unit changes, should a signal be lost.
const LOOK: Duration = Duration::from_secs(1);

/// A unit of systemd.
#[derive(Debug)]
pub(crate) struct Unit {
    name: &'static str,
    /// As systemd calls it.
    id: String,
    bus: Connection,
    events: Events,
    watch: OnceCell<Watch>,
}

/// Hears of changes of the unit.
#[derive(Debug)]
struct Watch {
    path: OwnedObjectPath,
    changes: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Unit {
    pub(crate) fn new(name: &'static str, id: &str, bus: &Connection, events: Events) -> Self {
        Self { name, id: id.to_owned(), bus: bus.clone(), events, watch: OnceCell::new() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Has it run. Whether it does then, its state says.
    pub(crate) async fn start(&self) -> Result<(), Failure> {
        // Asked for what is there already, systemd tells of the unit all the same, and whoever hears that would ask again.
        if self.is(&RUNS).await? {
            return Ok(());
        }
        self.change("StartUnit", None).await
    }

    pub(crate) async fn stop(&self) -> Result<(), Failure> {
        if !self.is(&RESTS).await? {
            self.change("StopUnit", Some(&RESTS)).await?;
        }
        if self.active().await? == "failed" {
            // It is as it shall be, however it came to that. Who may not say so leaves it at that.
            let _ = self.ask(PATH, MANAGER, "ResetFailedUnit", &(self.id.as_str(),)).await;
        }
        Ok(())
    }

    pub(crate) async fn state(&self) -> Result<State, Failure> {
        Ok(match self.active().await?.as_str() {
            active if RUNS.contains(&active) => State::On,
            "failed" | "activating" => State::Failed,
            _ => State::Off,
        })
    }

    /// Its main process, if it has one.
    pub(crate) async fn process(&self) -> Option<u64> {
        let process = self.property(SERVICE, "MainPID").await.ok()?;
        u32::try_from(process).ok().filter(|process| *process > 0).map(u64::from)
    }

    /// Whether it is like this, and nothing is about to change that.
    async fn is(&self, states: &[&str]) -> Result<bool, Failure> {
        Ok(states.contains(&self.active().await?.as_str()) && !self.has_job().await?)
    }

    /// Has systemd do something, and waits until that is done, and the unit is as it should be.
    async fn change(&self, method: &str, until: Option<&[&str]>) -> Result<(), Failure> {
        let mut changes = self.watch().await?.changes.clone();
        let job = self.ask(PATH, MANAGER, method, &(self.id.as_str(), "replace")).await?;
        job.body().deserialize::<OwnedObjectPath>().map_err(|error| nonsense(&error))?;
        let wait = async {
            // The job is there by now, and as long as it is, the unit may still be as it was before.
            loop {
                changes.mark_unchanged();
                if !self.has_job().await? {
                    let Some(until) = until else { return Ok(()) };
                    if until.contains(&self.active().await?.as_str()) {
                        return Ok(());
                    }
                }
                // Whichever comes first.
                let _ = tokio::time::timeout(LOOK, changes.changed()).await;
            }
        };
        tokio::time::timeout(CHANGE, wait).await.unwrap_or(Err(Failure::Away(self.name)))
    }

    async fn active(&self) -> Result<String, Failure> {
        let active = self.property(UNIT, "ActiveState").await?;
        String::try_from(active).map_err(|error| nonsense(&error.into()))
    }

    /// Whether systemd is to do something with it.
    async fn has_job(&self) -> Result<bool, Failure> {
        let job = self.property(UNIT, "Job").await?;
        let job = Structure::try_from(job).map_err(|error| nonsense(&error.into()))?;
        Ok(matches!(job.fields().first(), Some(Value::U32(1..))))
    }

    async fn property(&self, of: &str, name: &str) -> Result<OwnedValue, Failure> {
        let path = self.watch().await?.path.clone();
        self.property_at(&path, of, name).await
    }

    async fn property_at(&self, path: &OwnedObjectPath, of: &str, name: &str) -> Result<OwnedValue, Failure> {
        let answer = self.ask(path.as_str(), PROPERTIES, "Get", &(of, name)).await?;
        answer.body().deserialize().map_err(|error| nonsense(&error))
    }

    async fn ask<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<Message, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.call(path, interface, method, body).await.map_err(|error| self.failure(error))
    }

    async fn call<B>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, Option<zbus::Error>>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let called = self.bus.call_method(Some(NAME), path, Some(interface), method, body);
        tokio::time::timeout(ANSWER, called).await.map_err(|_| None)?.map_err(Some)
    }

    /// What an error of a call means; without one there was no answer.
    fn failure(&self, error: Option<zbus::Error>) -> Failure {
        match error {
            Some(zbus::Error::MethodError(name, text, _))
                if name.as_str() != "org.freedesktop.DBus.Error.ServiceUnknown" =>
            {
                Failure::Refused(format!("{}: {}", self.id, printable(&text.unwrap_or_default())))
            }
            _ => Failure::Away(SYSTEMD),
        }
    }

    /// Without this, systemd signals nothing. It is for all units of a connection, and refuses the second one that asks.
    async fn subscribe(&self) -> Result<(), Failure> {
        match self.call(PATH, MANAGER, "Subscribe", &()).await {
            Err(Some(zbus::Error::MethodError(name, ..))) if name.as_str() == SUBSCRIBED => Ok(()),
            answer => answer.map(drop).map_err(|error| self.failure(error)),
        }
    }

    async fn watch(&self) -> Result<&Watch, Failure> {
        self.watch.get_or_try_init(|| self.listen()).await
    }

    async fn listen(&self) -> Result<Watch, Failure> {
        self.subscribe().await?;
        let answer = self.ask(PATH, MANAGER, "LoadUnit", &(self.id.as_str(),)).await?;
        let path: OwnedObjectPath = answer.body().deserialize().map_err(|error| nonsense(&error))?;
        let interface = InterfaceName::from_static_str_unchecked(PROPERTIES);
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(NAME)
            .and_then(|rule| rule.path(path.to_string()))
            .and_then(|rule| rule.interface(interface))
            .map_err(|error| nonsense(&error))?
            .build();
        let mut signals = MessageStream::for_match_rule(rule, &self.bus, None)
            .await
            .map_err(|_| Failure::Away("the bus"))?;
        let mut known = Known {
            active: self.property_at(&path, UNIT, "ActiveState").await.ok().and_then(|is| is.try_into().ok()),
            process: self.property_at(&path, SERVICE, "MainPID").await.ok().and_then(|is| is.try_into().ok()),
        };
        let (told, changes) = watch::channel(0);
        let (events, name) = (self.events.clone(), self.name);
        let task = tokio::spawn(async move {
            while let Some(signal) = signals.next().await {
                let Ok(signal) = signal else { continue };
                told.send_modify(|count| *count += 1);
                if known.hears(&signal) {
                    // Nobody listens when the plugin ends.
                    let _ = events.send(Event::Server(name));
                }
            }
        });
        Ok(Watch { path, changes, task })
    }
}

/// What was heard last of the unit.
#[derive(Debug)]
struct Known {
    active: Option<String>,
    process: Option<u32>,
}

impl Known {
    /// Whether a signal says something new: systemd tells of all that a unit has whenever a job for it comes or goes, too.
    fn hears(&mut self, signal: &Message) -> bool {
        let body = signal.body();
        let Ok((_, all, _)) = body.deserialize::<(&str, HashMap<&str, Value<'_>>, Vec<&str>)>() else {
            // To look once too often does no harm.
            return true;
        };
        let mut is_new = false;
        if let Some(Value::Str(active)) = all.get("ActiveState") {
            is_new |= self.active.as_deref() != Some(active.as_str());
            self.active = Some(active.as_str().to_owned());
        }
        if let Some(Value::U32(process)) = all.get("MainPID") {
            is_new |= self.process != Some(*process);
            self.process = Some(*process);
        }
        is_new
    }
}

fn nonsense(error: &zbus::Error) -> Failure {
    Failure::Nonsense(SYSTEMD, printable(&error.to_string()))
}
