//! A server that systemd runs.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{watch, OnceCell};
use tokio::task::JoinHandle;
use zbus::message::Type;
use zbus::names::InterfaceName;
use zbus::zvariant::OwnedObjectPath;
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::tool::printable;
use crate::back_end::{Event, Events, Failure, State};

const SYSTEMD: &str = "systemd";
const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
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

    pub(crate) async fn start(&self) -> Result<(), Failure> {
        self.change("StartUnit", &["active", "failed"]).await
    }

    pub(crate) async fn stop(&self) -> Result<(), Failure> {
        self.change("StopUnit", &["inactive", "failed"]).await
    }

    pub(crate) async fn state(&self) -> Result<State, Failure> {
        Ok(match self.active().await?.as_str() {
            "active" | "reloading" | "activating" => State::On,
            "failed" => State::Failed,
            _ => State::Off,
        })
    }

    /// Has systemd do something, and waits until the unit is as it should be.
    async fn change(&self, method: &str, until: &[&str]) -> Result<(), Failure> {
        let mut changes = self.watch().await?.changes.clone();
        let job = self.ask(PATH, MANAGER, method, &(self.id.as_str(), "replace")).await?;
        job.body().deserialize::<OwnedObjectPath>().map_err(|error| nonsense(&error))?;
        let wait = async {
            // The job is there by now: what the unit is after its first change is what it was told to be.
            loop {
                changes.mark_unchanged();
                let active = self.active().await?;
                if until.contains(&active.as_str()) {
                    return Ok(());
                }
                // Whichever comes first.
                let _ = tokio::time::timeout(LOOK, changes.changed()).await;
            }
        };
        tokio::time::timeout(CHANGE, wait).await.unwrap_or(Err(Failure::Away(self.name)))
    }

    async fn active(&self) -> Result<String, Failure> {
        let path = self.watch().await?.path.clone();
        let answer = self.ask(path.as_str(), PROPERTIES, "Get", &(UNIT, "ActiveState")).await?;
        let body = answer.body();
        let value: zbus::zvariant::Value<'_> = body.deserialize().map_err(|error| nonsense(&error))?;
        String::try_from(value).map_err(|error| nonsense(&error.into()))
    }

    async fn ask<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<Message, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let called = self.bus.call_method(Some(NAME), path, Some(interface), method, body);
        match tokio::time::timeout(ANSWER, called).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(zbus::Error::MethodError(name, text, _))) => {
                if name.as_str() == "org.freedesktop.DBus.Error.ServiceUnknown" {
                    return Err(Failure::Away(SYSTEMD));
                }
                Err(Failure::Refused(format!("{}: {}", self.id, printable(&text.unwrap_or_default()))))
            }
            _ => Err(Failure::Away(SYSTEMD)),
        }
    }

    async fn watch(&self) -> Result<&Watch, Failure> {
        self.watch.get_or_try_init(|| self.listen()).await
    }

    async fn listen(&self) -> Result<Watch, Failure> {
        // Without this, systemd signals nothing.
        self.ask(PATH, MANAGER, "Subscribe", &()).await?;
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
        let (told, changes) = watch::channel(0);
        let (events, name) = (self.events.clone(), self.name);
        let task = tokio::spawn(async move {
            while let Some(signal) = signals.next().await {
                if signal.is_ok() {
                    told.send_modify(|count| *count += 1);
                    // Nobody listens when the plugin ends.
                    let _ = events.send(Event::Server(name));
                }
            }
        });
        Ok(Watch { path, changes, task })
    }
}

fn nonsense(error: &zbus::Error) -> Failure {
    Failure::Nonsense(SYSTEMD, printable(&error.to_string()))
}
