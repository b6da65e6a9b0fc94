//! A D-Bus service of the test's own: objects with properties, methods that change them, signals; it can behave badly.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, OwnedValue, StructureBuilder, Value};
use zbus::{Connection, Message, MessageStream};

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manners {
    /// As it should.
    #[default]
    Good,
    /// Not at all.
    Silent,
    /// With a number, whatever was asked.
    Garbage,
    /// With properties of two megabytes.
    Huge,
    /// It leaves the bus in the middle of the next call.
    Dies,
}

type Properties = BTreeMap<String, OwnedValue>;
type Objects = BTreeMap<String, BTreeMap<String, Properties>>;
type Answer = Result<Vec<Value<'static>>, String>;
type Method = Box<dyn Fn(&Hand, &[Value<'_>]) -> Answer + Send>;

#[derive(Default)]
struct State {
    objects: Objects,
    methods: HashMap<String, Arc<Mutex<Method>>>,
    manners: Manners,
    calls: Vec<String>,
}

/// What a method of the service can reach: its objects.
#[derive(Clone)]
pub struct Hand {
    state: Arc<Mutex<State>>,
    signals: tokio::sync::mpsc::UnboundedSender<Message>,
}

/// The service. It leaves the bus when it is dropped.
pub struct Service {
    hand: Hand,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const MANAGER: &str = "org.freedesktop.DBus.ObjectManager";

/// An owned value.
///
/// # Panics
/// If it is a descriptor.
pub fn value<'a>(value: impl Into<Value<'a>>) -> OwnedValue {
    value.into().try_to_owned().expect("no descriptors")
}

impl Hand {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A property, as text.
    ///
    /// # Panics
    /// If there is none.
    pub fn shown(&self, path: &str, interface: &str, property: &str) -> String {
        let state = self.lock();
        let found = state.objects.get(path).and_then(|o| o.get(interface)?.get(property));
        found.unwrap_or_else(|| panic!("no {property} of {interface} at {path}")).to_string()
    }

    /// Gives a property a value and says nothing.
    pub fn put(&self, path: &str, interface: &str, property: &str, value: OwnedValue) {
        let mut state = self.lock();
        let object = state.objects.entry(path.to_owned()).or_default();
        object.entry(interface.to_owned()).or_default().insert(property.to_owned(), value);
    }

    /// Gives a property a value and announces it.
    ///
    /// # Panics
    /// If the signal cannot be made.
    #[allow(clippy::needless_pass_by_value)] // as of `put`
    pub fn change(&self, path: &str, interface: &str, property: &str, value: OwnedValue) {
        self.put(path, interface, property, value.try_clone().expect("no descriptors"));
        let body = (interface, HashMap::from([(property, &*value)]), Vec::<&str>::new());
        self.signal(path, PROPERTIES, "PropertiesChanged", &body);
    }

    /// Takes the objects at a path away and announces it for these interfaces.
    pub fn remove(&self, manager: &str, path: &str) {
        let gone = self.lock().objects.remove(path).unwrap_or_default();
        let names: Vec<&str> = gone.keys().map(String::as_str).collect();
        let path = ObjectPath::try_from(path).expect("a path");
        self.signal(manager, MANAGER, "InterfacesRemoved", &(path, names));
    }

    /// Announces an object that was put before.
    ///
    /// # Panics
    /// If it is not there.
    pub fn announce(&self, manager: &str, path: &str) {
        let state = self.lock();
        let object = state.objects.get(path).expect("the object is there");
        let body = (ObjectPath::try_from(path).expect("a path"), interfaces(object));
        self.signal(manager, MANAGER, "InterfacesAdded", &body);
    }

    fn signal<B: serde::Serialize + zbus::zvariant::DynamicType>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) {
        let message = Message::signal(path, interface, member).and_then(|m| m.build(body));
        // When the service is gone there is nobody to send it.
        let _ = self.signals.send(message.expect("a signal can be made"));
    }
}

impl Service {
    /// Connects and takes the name.
    ///
    /// # Panics
    /// If the bus is not there or the name is taken.
    #[track_caller]
    pub fn start(address: &str, name: &str) -> Self {
        Self::start_with(address, name, |_| {})
    }

    /// Connects, puts its objects in place, and only then takes the name.
    ///
    /// # Panics
    /// If the bus is not there or the name is taken.
    #[track_caller]
    pub fn start_with(address: &str, name: &str, begin: impl FnOnce(&Hand)) -> Self {
        let (stop, mut stopped) = oneshot::channel::<()>();
        let (signals, mut waiting) = tokio::sync::mpsc::unbounded_channel();
        let hand = Hand { state: Arc::default(), signals };
        begin(&hand);
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (address, name, own) = (address.to_owned(), name.to_owned(), hand.clone());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let builder = zbus::connection::Builder::address(address.as_str()).expect("an address");
                let connection = builder.build().await.expect("the bus can be reached");
                let mut messages = MessageStream::from(&connection);
                connection.request_name(name.as_str()).await.expect("the name is free");
                let _ = ready.send(());
                loop {
                    tokio::select! {
                        _ = &mut stopped => break,
                        Some(signal) = waiting.recv() => connection.send(&signal).await.expect("the bus is there"),
                        message = messages.next() => {
                            let Some(Ok(message)) = message else { break };
                            if message.message_type() == Type::MethodCall && !answer(&connection, &own, &message).await {
                                break;
                            }
                        }
                    }
                }
                // The bus knows before the thread is joined.
                let _ = connection.close().await;
            });
        });
        is_ready.recv().expect("the service starts");
        Self { hand, stop: Some(stop), thread: Some(thread) }
    }

    /// Its objects.
    pub fn hand(&self) -> &Hand {
        &self.hand
    }

    /// Has a method, on every object and interface.
    pub fn method(&self, member: &str, does: impl Fn(&Hand, &[Value<'_>]) -> Answer + Send + 'static) {
        let method: Method = Box::new(does);
        self.hand.lock().methods.insert(member.to_owned(), Arc::new(Mutex::new(method)));
    }

    /// Answers in this way from now on.
    pub fn behave(&self, manners: Manners) {
        self.hand.lock().manners = manners;
    }

    /// The methods that were called since the last time, as `path member`.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.hand.lock().calls)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was printed.
            let _ = thread.join();
        }
    }
}

fn interfaces(object: &BTreeMap<String, Properties>) -> HashMap<&str, HashMap<&str, &Value<'static>>> {
    object.iter().map(|(name, properties)| (name.as_str(), dictionary(properties))).collect()
}

fn dictionary(properties: &Properties) -> HashMap<&str, &Value<'static>> {
    properties.iter().map(|(name, value)| (name.as_str(), &**value)).collect()
}

/// Answers a call; `false` if the service is to leave instead.
async fn answer(connection: &Connection, hand: &Hand, call: &Message) -> bool {
    let header = call.header();
    let path = header.path().map_or("", |p| p.as_str()).to_owned();
    let member = header.member().map_or("", |m| m.as_str()).to_owned();
    let interface = header.interface().map_or("", |i| i.as_str()).to_owned();
    let (manners, method) = {
        let mut state = hand.lock();
        state.calls.push(format!("{path} {member}"));
        (state.manners, state.methods.get(&member).cloned())
    };
    let sent = match manners {
        Manners::Silent => Ok(()),
        Manners::Dies => return false,
        Manners::Garbage => connection.reply(&header, &42_u32).await,
        Manners::Huge => {
            let text = "x".repeat(2 * 1024 * 1024);
            connection.reply(&header, &HashMap::from([("Text", Value::from(text))])).await
        }
        Manners::Good => match (interface.as_str(), member.as_str()) {
            (PROPERTIES, "GetAll") => {
                let wanted: String = call.body().deserialize().unwrap_or_default();
                let found = hand.lock().objects.get(&path).and_then(|o| o.get(&wanted)).map(clone);
                match found {
                    Some(all) => connection.reply(&header, &dictionary(&all)).await,
                    None => {
                        error(connection, call, "org.freedesktop.DBus.Error.UnknownInterface", &wanted).await
                    }
                }
            }
            (PROPERTIES, "Set") => {
                let body = call.body();
                let (interface, property, value): (&str, &str, Value<'_>) =
                    body.deserialize().expect("the arguments of Set");
                let value = value.try_to_owned().expect("no descriptors");
                hand.change(&path, interface, property, value);
                connection.reply(&header, &()).await
            }
            (MANAGER, "GetManagedObjects") => {
                let below = format!("{}/", path.trim_end_matches('/'));
                let objects: Objects = {
                    let state = hand.lock();
                    let inside = state.objects.iter().filter(|(p, _)| p.starts_with(&below));
                    inside
                        .map(|(p, o)| (p.clone(), o.iter().map(|(n, all)| (n.clone(), clone(all))).collect()))
                        .collect()
                };
                let body: HashMap<ObjectPath<'_>, _> = objects
                    .iter()
                    .map(|(p, o)| (ObjectPath::try_from(p.as_str()).expect("a path"), interfaces(o)))
                    .collect();
                connection.reply(&header, &body).await
            }
            _ => match method {
                None => error(connection, call, "org.freedesktop.DBus.Error.UnknownMethod", &member).await,
                Some(method) => {
                    let body = call.body();
                    let arguments = structure(&body);
                    let result = {
                        let method = method.lock().unwrap_or_else(PoisonError::into_inner);
                        method(hand, &arguments)
                    };
                    match result {
                        Ok(values) if values.is_empty() => connection.reply(&header, &()).await,
                        Ok(values) => {
                            let mut all = StructureBuilder::new();
                            for value in values {
                                all.push_value(value);
                            }
                            connection.reply(&header, &all.build().expect("not empty")).await
                        }
                        Err(name) => error(connection, call, &name, "refused by the test").await,
                    }
                }
            },
        },
    };
    sent.is_ok()
}

fn clone(all: &Properties) -> Properties {
    all.iter().map(|(name, value)| (name.clone(), value.try_clone().expect("no descriptors"))).collect()
}

async fn error(connection: &Connection, call: &Message, name: &str, text: &str) -> zbus::Result<()> {
    connection.reply_error(&call.header(), name, &text).await
}

/// The arguments of a call, whatever their number.
fn structure(body: &zbus::message::Body) -> Vec<Value<'static>> {
    use zbus::zvariant::{Signature, Structure};
    let signature = match body.signature() {
        Signature::Unit => return Vec::new(),
        whole @ Signature::Structure(_) => whole.clone(),
        one => Signature::structure([one.clone()]),
    };
    let read = body.data().deserialize_for_dynamic_signature::<_, Structure<'_>>(signature);
    let (all, _) = read.expect("arguments have the types of their signature");
    all.into_fields().into_iter().map(|v| v.try_to_owned().expect("no descriptors").into()).collect()
}
