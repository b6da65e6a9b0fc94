//! The bus: a thread of its own that hears signals, and calls with an end.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cwmp_mapping::mapping::Service;
use cwmp_mapping::Raw;
use cwmp_plugin_sdk::Error;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use zbus::zvariant::{DynamicType, Signature, Structure, StructureBuilder, Value};
use zbus::{Connection, Message};

use crate::failure::{of_call, Failure};
use crate::value::{to_raw, type_of};

/// The longest answer of a service, in bytes.
pub(crate) const MAX_ANSWER: usize = 1024 * 1024;
/// The most objects of an object manager.
pub(crate) const MAX_OBJECTS: usize = 4_096;
/// How long a service is left alone that did not answer in time: what asks meanwhile is told so at once.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);
/// How long the bus may take to let us in.
const CONNECT: Duration = Duration::from_secs(10);

/// The properties of an interface, each with its type.
pub(crate) type Properties = HashMap<String, Property>;
/// The objects of a manager: path, interface, properties.
pub(crate) type Objects = HashMap<String, HashMap<String, Properties>>;

/// The value of a property.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Property {
    pub(crate) value: Raw,
    pub(crate) of: cwmp_mapping::signature::Type,
}

/// What is known of the services, by their names.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// Who owns the name.
    owners: HashMap<String, String>,
    /// Those that the bus can start.
    activatable: HashSet<String>,
    /// Those that are left alone, until when.
    paused: HashMap<String, Instant>,
}

/// A connection to the bus, and the thread that it lives on.
#[derive(Debug)]
pub(crate) struct Bus {
    handle: Handle,
    connection: Connection,
    presence: Mutex<Presence>,
}

/// To be called when signals are heard and owners are known.
pub(crate) type Ready = Box<dyn FnOnce() + Send>;

/// The end of the thread: it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Thread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of it was printed; there is nobody else to tell.
            let _ = thread.join();
        }
    }
}

impl Bus {
    /// Connects, and runs what `listen` makes of the connection until the thread is dropped. It is there when `listen`
    /// says that it is ready.
    pub(crate) fn start<F, L>(address: Option<&str>, listen: L) -> Result<(Arc<Self>, Thread), Error>
    where
        F: Future<Output = Result<(), String>>,
        L: FnOnce(Arc<Self>, Ready) -> F + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let address = address.map(str::to_owned);
        let body = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error.to_string()))),
            };
            runtime.block_on(async move {
                let connection = match tokio::time::timeout(CONNECT, connect(address.as_deref())).await {
                    Ok(Ok(connection)) => connection,
                    Ok(Err(error)) => return drop(ready.send(Err(error.to_string()))),
                    Err(_) => return drop(ready.send(Err("the bus does not answer".to_owned()))),
                };
                let bus =
                    Arc::new(Self { handle: Handle::current(), connection, presence: Mutex::default() });
                let told = ready.clone();
                let own = Arc::clone(&bus);
                // Whoever waits for this is there, or nothing matters any more.
                let is_ready = Box::new(move || drop(told.send(Ok(own))));
                tokio::select! {
                    ended = listen(bus, is_ready) => drop(ended.map_err(|error| ready.send(Err(error)))),
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("bus".to_owned()).spawn(body);
        let thread = thread.map_err(|error| Error::resources(format!("no thread for the bus: {error}")))?;
        let thread = Thread { stop: Some(stop), thread: Some(thread) };
        match is_ready.recv() {
            Ok(Ok(bus)) => Ok((bus, thread)),
            Ok(Err(error)) => Err(Error::internal(format!("cannot reach the bus: {error}"))),
            Err(_) => Err(Error::internal("the thread of the bus ended")),
        }
    }

    /// Waits for something that needs the bus, on a thread that is not its own.
    pub(crate) fn wait<R>(&self, f: impl Future<Output = R>) -> R {
        self.handle.block_on(f)
    }

    /// The connection.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn presence(&self) -> MutexGuard<'_, Presence> {
        // Every change of it is one step.
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who owns a name now.
    pub(crate) fn set_owner(&self, name: &str, owner: Option<&str>) {
        let mut presence = self.presence();
        // A new one owes nobody an answer.
        presence.paused.remove(name);
        match owner {
            Some(owner) => presence.owners.insert(name.to_owned(), owner.to_owned()),
            None => presence.owners.remove(name),
        };
    }

    /// What the bus can start.
    pub(crate) fn set_activatable(&self, names: HashSet<String>) {
        self.presence().activatable = names;
    }

    /// Whether a message of this sender is of the service.
    pub(crate) fn is_owner(&self, name: &str, sender: &str) -> bool {
        self.presence().owners.get(name).is_some_and(|owner| owner == sender)
    }

    /// Whether the bus would start the service for a call.
    pub(crate) fn would_start(&self, service: &Service) -> bool {
        service.activate && self.presence().activatable.contains(&service.name)
    }

    /// Whether the service is there, or would be for a call.
    pub(crate) fn is_there(&self, service: &Service) -> bool {
        self.presence().owners.contains_key(&service.name) || self.would_start(service)
    }

    /// Calls a method; the answer is a structure of what it returns.
    pub(crate) async fn call<B>(
        &self,
        service: &Service,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
        limit: Duration,
    ) -> Result<Message, Failure>
    where
        B: Serialize + DynamicType,
    {
        let name = service.name.as_str();
        {
            let mut presence = self.presence();
            if !service.activate && !presence.owners.contains_key(name) {
                return Err(Failure::Absent(name.to_owned()));
            }
            match presence.paused.get(name) {
                Some(until) if Instant::now() < *until => return Err(Failure::Silent(name.to_owned())),
                Some(_) => drop(presence.paused.remove(name)),
                None => {}
            }
        }
        let call = self.connection.call_method(Some(name), path, Some(interface), member, body);
        let reply = match tokio::time::timeout(limit, call).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(of_call(name, &error)),
            Err(_) => {
                self.presence().paused.insert(name.to_owned(), Instant::now() + PAUSE);
                return Err(Failure::Silent(name.to_owned()));
            }
        };
        let length = reply.body().len();
        if length > MAX_ANSWER {
            let text = format!("{name} answered {length} bytes to {member}, more than {MAX_ANSWER}");
            return Err(Failure::Useless(text));
        }
        Ok(reply)
    }

    /// All properties of an interface.
    pub(crate) async fn properties(
        &self,
        service: &Service,
        path: &str,
        interface: &str,
        limit: Duration,
    ) -> Result<Properties, Failure> {
        let fdo = "org.freedesktop.DBus.Properties";
        let reply = self.call(service, path, fdo, "GetAll", &(interface,), limit).await?;
        let body = reply.body();
        let all: HashMap<String, Value<'_>> =
            body.deserialize().map_err(|error| garbage(service, "GetAll", &error))?;
        Ok(properties(all))
    }

    /// All objects of a manager.
    pub(crate) async fn objects(
        &self,
        service: &Service,
        manager: &str,
        limit: Duration,
    ) -> Result<Objects, Failure> {
        type Body<'a> = HashMap<zbus::zvariant::ObjectPath<'a>, HashMap<String, HashMap<String, Value<'a>>>>;
        let member = "GetManagedObjects";
        let fdo = "org.freedesktop.DBus.ObjectManager";
        let reply = self.call(service, manager, fdo, member, &(), limit).await?;
        let body = reply.body();
        let all: Body<'_> = body.deserialize().map_err(|error| garbage(service, member, &error))?;
        if all.len() > MAX_OBJECTS {
            let text = format!("{} has {} objects, more than {MAX_OBJECTS}", service.name, all.len());
            return Err(Failure::Useless(text));
        }
        let object = |(path, interfaces): (
            zbus::zvariant::ObjectPath<'_>,
            HashMap<String, HashMap<String, Value<'_>>>,
        )| {
            let interfaces = interfaces.into_iter().map(|(name, all)| (name, properties(all)));
            (path.to_string(), interfaces.collect())
        };
        Ok(all.into_iter().map(object).collect())
    }

    /// The result of a method: one value as it is, several as a structure.
    pub(crate) async fn result(
        &self,
        service: &Service,
        path: &str,
        interface: &str,
        member: &str,
        arguments: Vec<Value<'_>>,
        limit: Duration,
    ) -> Result<Raw, Failure> {
        let mut all = StructureBuilder::new();
        for argument in arguments {
            all.push_value(argument);
        }
        // A structure without members is none.
        let reply = match all.build() {
            Ok(all) => self.call(service, path, interface, member, &all, limit).await?,
            Err(_) => self.call(service, path, interface, member, &(), limit).await?,
        };
        let body = reply.body();
        let signature = match body.signature() {
            Signature::Unit => return Ok(Raw::Struct(Vec::new())),
            whole @ Signature::Structure(_) => whole.clone(),
            // One value has the bytes of a structure of one.
            one => Signature::structure([one.clone()]),
        };
        let read = body.data().deserialize_for_dynamic_signature::<_, Structure<'_>>(signature);
        let (all, _) = read.map_err(|error| garbage(service, member, &zbus::Error::Variant(error)))?;
        let raw = to_raw(&Value::Structure(all));
        match raw {
            Some(Raw::Struct(mut members)) if members.len() == 1 => Ok(members.remove(0)),
            Some(raw) => Ok(raw),
            None => Err(Failure::Useless(format!("{} answered {member} with a descriptor", service.name))),
        }
    }
}

async fn connect(address: Option<&str>) -> zbus::Result<Connection> {
    match address {
        Some(address) => zbus::connection::Builder::address(address)?.build().await,
        None => Connection::system().await,
    }
}

fn garbage(service: &Service, member: &str, error: &zbus::Error) -> Failure {
    Failure::Useless(format!("{} answered {member} with something else: {error}", service.name))
}

fn properties(all: HashMap<String, Value<'_>>) -> Properties {
    // A property that no mapping can use is as good as none.
    let one = |(name, value): (String, Value<'_>)| {
        let value = if let Value::Value(inner) = value { *inner } else { value };
        Some((name, Property { of: type_of(&value)?, value: to_raw(&value)? }))
    };
    all.into_iter().filter_map(one).collect()
}
