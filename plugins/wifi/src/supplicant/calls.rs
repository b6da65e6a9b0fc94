//! Calls with an end: to whoever owns the name at this moment, and to nobody else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Message};

use crate::back_end::Failure;
use crate::supplicant::known::Known;
use crate::supplicant::wire::{as_path, Properties, INTERFACE, NAME, NETWORK, PROPERTIES, ROOT, SERVICE};

/// How long an answer may take.
pub(crate) const READ: Duration = Duration::from_secs(2);
/// How long a change may take: an interface that is taken is set up, a key is made of a passphrase.
pub(crate) const CHANGE: Duration = Duration::from_secs(6);
/// The longest answer, in bytes.
pub(crate) const MAX_ANSWER: usize = 1024 * 1024;

/// What a network, or an interface, is given.
pub(crate) type Arguments<'a> = HashMap<&'a str, Value<'a>>;

/// The service, to be called.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    connection: Connection,
    known: Arc<Known>,
}

impl Calls {
    pub(crate) fn new(connection: Connection, known: Arc<Known>) -> Self {
        Self { connection, known }
    }

    /// Calls a method.
    pub(crate) async fn call<B>(
        &self,
        path: &str,
        interface: &str,
        member: &'static str,
        body: &B,
        limit: Duration,
    ) -> Result<Message, Failure>
    where
        B: Serialize + DynamicType,
    {
        // Not the name: a new owner knows nothing of what the old one was told.
        let Some(owner) = self.known.owner() else { return Err(Failure::Away(NAME)) };
        let call =
            self.connection.call_method(Some(owner.as_str()), as_path(path)?, Some(interface), member, body);
        let reply = match tokio::time::timeout(limit, call).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(failure(member, &error)),
            Err(_) => return Err(Failure::Away(NAME)),
        };
        let length = reply.body().len();
        if length > MAX_ANSWER {
            return Err(Failure::Nonsense(NAME, format!("{length} bytes as the answer of {member}")));
        }
        Ok(reply)
    }

    /// All properties of one interface of an object.
    pub(crate) async fn get_all(&self, path: &str, interface: &str) -> Result<Properties, Failure> {
        let reply = self.call(path, PROPERTIES, "GetAll", &(interface,), READ).await?;
        let all: HashMap<String, OwnedValue> =
            reply.body().deserialize().map_err(|error| garbage("GetAll", &error))?;
        Ok(Properties::new(all))
    }

    /// Like [`Calls::get_all`]; `None` if there is no such object any more.
    pub(crate) async fn look_at(&self, path: &str, interface: &str) -> Result<Option<Properties>, Failure> {
        match self.get_all(path, interface).await {
            Ok(all) => Ok(Some(all)),
            Err(Failure::Refused(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sets a property.
    pub(crate) async fn set(
        &self,
        path: &str,
        interface: &str,
        property: &str,
        value: impl Into<Value<'_>>,
    ) -> Result<(), Failure> {
        let body = (interface, property, value.into());
        self.call(path, PROPERTIES, "Set", &body, CHANGE).await.map(drop)
    }

    /// Switches a network on or off.
    pub(crate) async fn enable(&self, network: &str, on: bool) -> Result<(), Failure> {
        self.set(network, NETWORK, "Enabled", on).await
    }

    /// Calls a method of an interface about one of its networks.
    pub(crate) async fn about(
        &self,
        interface: &str,
        member: &'static str,
        network: &str,
    ) -> Result<(), Failure> {
        let body = (as_path(network)?,);
        self.call(interface, INTERFACE, member, &body, CHANGE).await.map(drop)
    }

    /// Adds a network, which is switched off.
    pub(crate) async fn add_network(&self, interface: &str, all: &Arguments<'_>) -> Result<String, Failure> {
        let reply = self.call(interface, INTERFACE, "AddNetwork", &(all,), CHANGE).await?;
        let path: OwnedObjectPath =
            reply.body().deserialize().map_err(|error| garbage("AddNetwork", &error))?;
        Ok(path.to_string())
    }

    /// Takes an interface that the service does not have yet.
    pub(crate) async fn create_interface(&self, name: &str, driver: &str) -> Result<String, Failure> {
        let all: Arguments<'_> =
            HashMap::from([("Ifname", Value::from(name)), ("Driver", Value::from(driver))]);
        let reply = self.call(ROOT, SERVICE, "CreateInterface", &(all,), CHANGE).await?;
        let path: OwnedObjectPath =
            reply.body().deserialize().map_err(|error| garbage("CreateInterface", &error))?;
        Ok(path.to_string())
    }

    /// Lets go of an interface.
    pub(crate) async fn remove_interface(&self, path: &str) -> Result<(), Failure> {
        self.call(ROOT, SERVICE, "RemoveInterface", &(as_path(path)?,), CHANGE).await.map(drop)
    }
}

/// What the service says in its errors is not repeated: it could be what it was told.
fn failure(member: &str, error: &zbus::Error) -> Failure {
    match error {
        zbus::Error::MethodError(name, _, _) => match name.as_str() {
            "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner"
            | "org.freedesktop.DBus.Error.NoReply"
            | "org.freedesktop.DBus.Error.Disconnected"
            | "org.freedesktop.DBus.Error.Timeout"
            | "org.freedesktop.DBus.Error.TimedOut" => Failure::Away(NAME),
            "org.freedesktop.DBus.Error.AccessDenied" => Failure::Refused(format!(
                "the bus does not let this user call {member} of {NAME}: it has to be in the group of the service"
            )),
            name => {
                let word: String = name.rsplit('.').next().unwrap_or(name).chars().take(64).collect();
                Failure::Refused(format!("{NAME} refuses {member}: {word}"))
            }
        },
        zbus::Error::Variant(_) | zbus::Error::IncorrectEndian | zbus::Error::ExcessData => {
            garbage(member, error)
        }
        _ => Failure::Away(NAME),
    }
}

fn garbage(member: &str, error: &zbus::Error) -> Failure {
    Failure::Nonsense(NAME, format!("{member} answers with something else: {error}"))
}
