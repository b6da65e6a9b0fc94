//! What the service announces, and what is told of it.
//!
//! It sends `PropertiesChanged` twice, in a form of its own and in the standard's: only the standard's is heard.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, SelectAll};
use futures_util::StreamExt as _;
use zbus::fdo::DBusProxy;
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

use crate::back_end::{Event, Events, Failure};
use crate::supplicant::calls::{Calls, MAX_ANSWER, READ};
use crate::supplicant::known::{Change, Known};
use crate::supplicant::wire::{
    Properties, State, INTERFACE, NAME, NETWORK, NO_OBJECT, PROPERTIES, ROOT, SERVICE,
};

/// How many signals of a kind may wait: a full queue stops the whole connection, so nothing else is awaited while they come.
const QUEUE: usize = 256;

/// What hears the service.
#[derive(Debug)]
pub(crate) struct Listener {
    known: Arc<Known>,
    calls: Calls,
    events: Events,
}

/// Who the new owner is, once it was asked what it can do.
type Learned = Pin<Box<dyn Future<Output = (String, Option<Vec<String>>)> + Send>>;

impl Listener {
    /// First the signals, then who is there: so nothing that happens between the two is missed.
    pub(crate) async fn begin(
        connection: &Connection,
        known: Arc<Known>,
        events: Events,
    ) -> Result<(Self, SelectAll<MessageStream>), Failure> {
        let calls = Calls::new(connection.clone(), Arc::clone(&known));
        let begun = tokio::time::timeout(READ, subscribe(connection)).await;
        let (streams, owner) = match begun {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return Err(Failure::Refused(format!("the bus cannot be heard: {error}"))),
            Err(_) => return Err(Failure::Away("the bus")),
        };
        known.begin_anew(owner);
        let listener = Self { known, calls, events };
        if let Some(owner) = listener.known.owner() {
            let (owner, built_with) = learn(listener.calls.clone(), owner).await;
            listener.learned(&owner, built_with);
        }
        Ok((listener, streams))
    }

    /// Hears until the bus is gone.
    pub(crate) async fn run(self, mut streams: SelectAll<MessageStream>) {
        let mut learning: FuturesUnordered<Learned> = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                Some((owner, built_with)) = learning.next() => {
                    self.learned(&owner, built_with);
                    self.tell(Event::Service(NAME));
                }
                message = streams.next() => match message {
                    Some(Ok(message)) => {
                        if let Some(owner) = self.hear(&message) {
                            learning.push(Box::pin(learn(self.calls.clone(), owner)));
                        }
                    }
                    Some(Err(_)) => {}
                    None => break,
                }
            }
        }
        self.known.begin_anew(None);
        self.tell(Event::Service(NAME));
    }

    fn tell(&self, event: Event) {
        // When nobody listens any more, there is nobody to tell.
        let _ = self.events.send(event);
    }

    fn learned(&self, owner: &str, built_with: Option<Vec<String>>) {
        if self.known.is_owner(owner) {
            self.known.set_built_with(built_with.unwrap_or_default());
        }
    }

    /// Takes in a signal; the owner of the name if it is a new one.
    fn hear(&self, message: &Message) -> Option<String> {
        if message.body().len() > MAX_ANSWER {
            return None;
        }
        let header = message.header();
        let sender = header.sender().map_or("", |s| s.as_str());
        let member = header.member().map_or("", |m| m.as_str());
        let path = header.path().map_or("", |p| p.as_str());
        if member == "NameOwnerChanged" {
            // Only the bus itself knows.
            return if sender == "org.freedesktop.DBus" { self.owner_changed(message) } else { None };
        }
        if self.known.is_owner(sender) {
            self.signal(path, member, message);
        }
        None
    }

    fn owner_changed(&self, message: &Message) -> Option<String> {
        let body = message.body();
        let (name, _, owner) = body.deserialize::<(&str, &str, &str)>().ok()?;
        if name != SERVICE {
            return None;
        }
        let owner = (!owner.is_empty()).then(|| owner.to_owned());
        self.known.begin_anew(owner.clone());
        if owner.is_none() {
            self.tell(Event::Service(NAME));
        }
        owner
    }

    fn signal(&self, path: &str, member: &str, message: &Message) {
        match member {
            "PropertiesChanged" => self.properties_changed(path, message),
            "InterfaceAdded" if path == ROOT => {
                if let Some((interface, all)) = object_and_properties(message) {
                    if let Ok(name) = all.text("Ifname") {
                        self.known.name(&interface, name);
                    }
                }
                self.everything();
            }
            "InterfaceRemoved" if path == ROOT => {
                if let Some(interface) = object(message) {
                    self.known.forget_interface(&interface);
                }
                self.everything();
            }
            "NetworkAdded" | "NetworkRemoved" => {
                let network = object_and_properties(message).map(|(network, _)| network);
                if let Some(network) = network.or_else(|| object(message)) {
                    self.known.forget_network(path, &network);
                }
                self.everything();
            }
            "NetworkSelected" => {
                self.known.hear(path, Change { network: object(message), ..Change::default() });
                self.everything();
            }
            "StationAdded" | "StationRemoved" | "StaAuthorized" | "StaDeauthorized" => {
                let name = self.known.name_of(path);
                self.tell(name.map_or(Event::AccessPoints(NAME), Event::Stations));
            }
            "BSSRemoved" | "ScanDone" | "NetworkRequest" => self.tell(Event::EndPoints),
            _ => {}
        }
    }

    fn everything(&self) {
        self.tell(Event::EndPoints);
        self.tell(Event::AccessPoints(NAME));
    }

    fn properties_changed(&self, path: &str, message: &Message) {
        let body = message.body();
        let Ok((interface, all, _)) = body.deserialize::<(&str, HashMap<String, OwnedValue>, Vec<&str>)>()
        else {
            return;
        };
        let all = Properties::new(all);
        match interface {
            INTERFACE => {
                let change = Change {
                    state: all.text("State").ok().map(State::parse),
                    network: all.object("CurrentNetwork"),
                    disconnect: all.number("DisconnectReason"),
                    authentication: all.number("AuthStatusCode"),
                };
                let moved = change != Change::default() || all.has("CurrentNetwork");
                self.known.hear(path, change);
                if moved {
                    self.everything();
                } else if all.has("BSSs") || all.has("CurrentBSS") {
                    self.tell(Event::EndPoints);
                }
            }
            NETWORK if all.has("Enabled") => self.everything(),
            _ => {}
        }
    }
}

async fn subscribe(connection: &Connection) -> zbus::Result<(SelectAll<MessageStream>, Option<String>)> {
    let signal = || MatchRule::builder().msg_type(Type::Signal);
    let of_the_service = || signal().sender(SERVICE);
    let rules = [
        of_the_service()?.interface(PROPERTIES)?.member("PropertiesChanged")?.path_namespace(ROOT)?.build(),
        of_the_service()?.interface(SERVICE)?.path(ROOT)?.build(),
        of_the_service()?.interface(INTERFACE)?.build(),
        signal()
            .sender("org.freedesktop.DBus")?
            .interface("org.freedesktop.DBus")?
            .member("NameOwnerChanged")?
            .arg(0, SERVICE)?
            .build(),
    ];
    let mut streams = Vec::new();
    for rule in rules {
        streams.push(MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await?);
    }
    let proxy = DBusProxy::new(connection).await?;
    let owner = match proxy.get_name_owner(SERVICE.try_into()?).await {
        Ok(owner) => Some(owner.to_string()),
        Err(zbus::fdo::Error::NameHasNoOwner(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok((futures_util::stream::select_all(streams), owner))
}

/// Asks a new owner what it was built with.
async fn learn(calls: Calls, owner: String) -> (String, Option<Vec<String>>) {
    let all = calls.get_all(ROOT, SERVICE).await;
    (owner, all.ok().map(|all| all.words("Capabilities")))
}

fn object(message: &Message) -> Option<String> {
    let body = message.body();
    let path: OwnedObjectPath = body.deserialize().ok()?;
    (path.as_str() != NO_OBJECT).then(|| path.to_string())
}

fn object_and_properties(message: &Message) -> Option<(String, Properties)> {
    let body = message.body();
    let (path, all): (OwnedObjectPath, HashMap<String, Value<'_>>) = body.deserialize().ok()?;
    let all = all.into_iter().filter_map(|(name, value)| Some((name, value.try_to_owned().ok()?)));
    Some((path.to_string(), Properties::new(all.collect())))
}
