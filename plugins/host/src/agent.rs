//! The host's side of the agent: who it is, announcing to it, events and changes for it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cwmp_bus::{names, BusError};
use cwmp_model::FaultCode;
use tokio::sync::watch;
use tokio::time::{sleep, Instant};
use zbus::export::futures_core::Stream;
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::zvariant::Value;
use zbus::Connection;

use crate::changes::{Budget, WINDOW};
use crate::registry::{self, Answer};
use crate::rows::Known;
use crate::services::Services;

/// The first wait before a call is repeated; it doubles.
pub(crate) const FIRST_RETRY: Duration = Duration::from_millis(200);
/// The longest wait before a call is repeated.
pub(crate) const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Who the agent is at the moment.
#[derive(Debug)]
pub(crate) struct Agent {
    owner: watch::Sender<Option<OwnedUniqueName>>,
    /// The one that has been told who this is.
    told: watch::Sender<Option<OwnedUniqueName>>,
    /// The last one that there was.
    last: Mutex<Option<OwnedUniqueName>>,
    known: &'static Known,
}

impl Agent {
    /// Nobody yet.
    pub(crate) fn new(known: &'static Known) -> Arc<Self> {
        let (owner, told) = (watch::Sender::new(None), watch::Sender::new(None));
        Arc::new(Self { owner, told, last: Mutex::default(), known })
    }

    /// This is the agent now. One that was started anew may have lost its store: its row numbers are asked for again.
    fn is(&self, owner: Option<OwnedUniqueName>) {
        if owner.is_some() {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if *last != owner {
                last.clone_from(&owner);
                self.known.forget();
            }
        }
        self.owner.send_if_modified(|now| {
            let differs = *now != owner;
            *now = owner;
            differs
        });
    }

    /// Whether a call comes from the agent.
    pub(crate) async fn is_sender(&self, header: &Header<'_>, bus: &Connection) -> bool {
        let Some(sender) = header.sender() else { return false };
        let known = self.owner.borrow().as_ref().is_some_and(|owner| owner == sender);
        if known {
            return true;
        }
        // The agent may have called faster than the news that it has come was read.
        match owner_now(bus).await {
            Ok(Some(owner)) if owner == *sender => {
                self.is(Some(owner));
                true
            }
            _ => false,
        }
    }

    /// Follows who owns the agent's name, until the bus is gone.
    pub(crate) async fn follow(&self, bus: &Connection) -> zbus::Result<()> {
        let proxy = DBusProxy::new(bus).await?;
        let mut changes = proxy.receive_name_owner_changed_with_args(&[(0, names::SERVICE)]).await?;
        self.is(owner_now(bus).await?);
        while let Some(change) = std::future::poll_fn(|cx| Pin::new(&mut changes).poll_next(cx)).await {
            let Ok(arguments) = change.args() else { continue };
            let owner = arguments.new_owner().as_ref().map(|name| OwnedUniqueName::from(name.to_owned()));
            self.is(owner);
        }
        Ok(())
    }

    /// Waits until there is an agent, and it knows who this is: it takes events of nobody else.
    async fn knows(&self) -> Option<()> {
        let mut told = self.told.subscribe();
        let known = |told: &Option<OwnedUniqueName>| told.is_some() && *told == *self.owner.borrow();
        told.wait_for(known).await.ok().map(|_| ())
    }

    /// Announces the plugin to each agent that comes, for ever.
    pub(crate) async fn announce(&self, bus: &Connection, name: &str) {
        let mut owner = self.owner.subscribe();
        loop {
            let present = owner.borrow_and_update().clone();
            if present.is_some() {
                let mut wait = FIRST_RETRY;
                loop {
                    let options: HashMap<&str, Value<'_>> = HashMap::new();
                    match told(registry::call(bus, "Announce", (name, options)).await) {
                        Ok(()) => {
                            tracing::info!("announced to the agent");
                            self.told.send_replace(present.clone());
                            break;
                        }
                        Err(error) => tracing::warn!("the agent did not take the announcement: {error}"),
                    }
                    tokio::select! {
                        () = sleep(wait) => wait = (wait * 2).min(LONGEST_RETRY),
                        _ = owner.changed() => break,
                    }
                    if owner.has_changed().unwrap_or(true) {
                        break;
                    }
                }
                if *owner.borrow() != present {
                    continue;
                }
            }
            if owner.changed().await.is_err() {
                return;
            }
        }
    }

    /// Hands stored events to the agent, each until it is answered, for ever.
    pub(crate) async fn deliver(&self, bus: &Connection, services: &'static Services) {
        let mut wait = FIRST_RETRY;
        // Without a file there can be nothing from before, and no need to open one.
        if !services.store.exists() {
            services.events.notified().await;
        }
        loop {
            let next = tokio::task::spawn_blocking(|| services.store.next_event()).await;
            let event = match next {
                Ok(Ok(Some(event))) => event,
                Ok(Ok(None)) => {
                    services.events.notified().await;
                    continue;
                }
                Ok(Err(error)) => {
                    tracing::error!("events cannot be read: {error}");
                    sleep(LONGEST_RETRY).await;
                    continue;
                }
                Err(_) => return,
            };
            if self.knows().await.is_none() {
                return;
            }
            let arguments: HashMap<&str, Value<'_>> =
                event.arguments.iter().map(|(k, v)| (k.as_str(), Value::from(v.as_str()))).collect();
            let done = match told(registry::call(bus, "Event", (event.name.as_str(), arguments)).await) {
                Ok(()) => true,
                Err(BusError::Fault(fault)) if never_right(fault.code) => {
                    tracing::error!("the agent refuses the event {}: {fault}; it is dropped", event.name);
                    true
                }
                Err(error) => {
                    tracing::warn!("the agent did not take the event {}: {error}", event.name);
                    false
                }
            };
            if done {
                wait = FIRST_RETRY;
                let id = event.id;
                let removed = tokio::task::spawn_blocking(move || services.store.remove_event(id)).await;
                if let Ok(Err(error)) = removed {
                    tracing::error!("a delivered event cannot be removed: {error}");
                    sleep(LONGEST_RETRY).await;
                } else {
                    tracing::info!("the event {} needs no more delivery", event.name);
                }
            } else {
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_RETRY);
            }
        }
    }

    /// Sends what has changed to the agent, gathered and no more than so much in a second, for ever.
    pub(crate) async fn signal(&self, bus: &Connection, services: &'static Services) {
        let start = Instant::now();
        let mut budget = Budget::new();
        let mut told = false;
        loop {
            services.changes.wait().await;
            sleep(WINDOW).await;
            let room = match budget.at(start.elapsed()) {
                Ok(room) => room,
                Err(wait) => {
                    sleep(wait).await;
                    continue;
                }
            };
            let batch = services.changes.take(room);
            if batch.flooded && !std::mem::replace(&mut told, true) {
                tracing::warn!(
                    "the plugin reports too many changes; they are reported as one, of the object above"
                );
            }
            budget.spend(batch.paths.len() + batch.tables.len());
            let Some(owner) = self.owner.borrow().clone() else { continue };
            for (signal, paths) in [("Changed", batch.paths), ("InstancesChanged", batch.tables)] {
                if paths.is_empty() {
                    continue;
                }
                let destination = BusName::Unique(owner.as_ref());
                let sent = bus
                    .emit_signal(Some(destination), names::PROVIDER_PATH, names::PROVIDER, signal, &(paths,))
                    .await;
                if let Err(error) = sent {
                    tracing::warn!("{signal} was not sent: {error}");
                }
            }
        }
    }

    /// Tells the agent how far commands are, for ever.
    pub(crate) async fn report(&self, bus: &Connection, services: &'static Services) {
        loop {
            for (job, (permille, text)) in services.progress.next().await {
                if self.owner.borrow().is_none() {
                    continue;
                }
                if let Err(error) = told(registry::call(bus, "Progress", (job, permille, text)).await) {
                    tracing::debug!("the agent did not take a progress: {error}, ignoring");
                }
            }
        }
    }

    /// Who has been told who this is, now and from now on.
    pub(crate) fn announced(&self) -> watch::Receiver<Option<OwnedUniqueName>> {
        self.told.subscribe()
    }

    /// Whether this is the agent at the moment.
    pub(crate) fn is_agent(&self, name: &OwnedUniqueName) -> bool {
        self.owner.borrow().as_ref() == Some(name)
    }
}

/// Whether the agent took what it was told.
fn told(answer: Answer) -> Result<(), BusError> {
    match answer {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(BusError::from_reply(&error)),
        None => Err(cwmp_model::Fault::new(FaultCode::InternalError, "no answer").into()),
    }
}

/// Whether repeating a call that was answered so is of no use.
fn never_right(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::RequestDenied
            | FaultCode::InvalidArguments
            | FaultCode::InvalidParameterName
            | FaultCode::InvalidParameterType
            | FaultCode::InvalidParameterValue
    )
}

async fn owner_now(bus: &Connection) -> zbus::Result<Option<OwnedUniqueName>> {
    let proxy = DBusProxy::new(bus).await?;
    let name = BusName::WellKnown(WellKnownName::from_static_str_unchecked(names::SERVICE));
    match proxy.get_name_owner(name).await {
        Ok(owner) => Ok(Some(owner)),
        Err(zbus::fdo::Error::NameHasNoOwner(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
