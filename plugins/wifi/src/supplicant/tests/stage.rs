//! What the tests stand on: a namespace, a bus, the real service and what is heard of it.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cwmp_e2e::Bus;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::Instant;
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::back_end::{AccessPoints, EndPoints, Event, Failure, Joined, Running};
use crate::facts::Ssid;
use crate::plan::{Mode, ProfilePlan, Secret, Security, StationPlan};
use crate::supplicant::calls::Arguments;
use crate::supplicant::wire::{INTERFACE, SERVICE};
use crate::supplicant::Supplicant;

/// How long anything may take: a scan of all channels takes seconds in a guest.
const PATIENCE: Duration = Duration::from_secs(40);

/// A network namespace. It is gone when this is dropped.
pub(super) struct Namespace(String);

impl Namespace {
    /// `None` if nobody lets us make one.
    pub(super) fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cwmpd-wpa-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).status().expect("ip is there: iproute2");
        if !made.success() {
            println!("skipped: a network namespace needs root");
            return None;
        }
        let new = Self(name);
        run("ip", &["-n", &new.0, "link", "set", "lo", "up"]);
        Some(new)
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// A cable with its two ends.
    pub(super) fn cable(&self, one: &str, other: &str) {
        run("ip", &["-n", &self.0, "link", "add", one, "type", "veth", "peer", "name", other]);
        for end in [one, other] {
            run("ip", &["-n", &self.0, "link", "set", end, "up"]);
        }
    }

    /// A program that runs inside.
    pub(super) fn start(&self, program: &str, arguments: &[&str], bus: Option<&str>) -> Process {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]).args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(bus) = bus {
            command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
        }
        Process(command.spawn().expect("ip is there"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// A program. It is killed when this is dropped.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A namespace with a bus. The service is started by the test.
pub(super) struct Stage {
    pub(super) namespace: Namespace,
    folder: tempfile::TempDir,
    bus: Bus,
}

impl Stage {
    pub(super) fn new() -> Option<Self> {
        let namespace = Namespace::new()?;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let bus = Bus::start(folder.path());
        Some(Self { namespace, folder, bus })
    }

    /// The real wpa_supplicant; it writes down what it does where `WPA_LOG` says.
    pub(super) fn service(&self) -> Process {
        match std::env::var("WPA_LOG") {
            Ok(log) => self.service_with(&["-dd", "-f", &log]),
            Err(_) => self.service_with(&[]),
        }
    }

    fn service_with(&self, arguments: &[&str]) -> Process {
        let mut all = vec!["-u"];
        all.extend(arguments);
        self.namespace.start("wpa_supplicant", &all, Some(self.bus.address()))
    }

    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("our own folder");
        path.display().to_string()
    }

    pub(super) async fn open(&self) -> Opened {
        Opened::new(self.bus.address()).await
    }
}

/// The back end, and what it says.
pub(super) struct Opened {
    pub(super) supplicant: Supplicant,
    pub(super) events: UnboundedReceiver<Event>,
    pub(super) connection: zbus::Connection,
}

impl Opened {
    pub(super) async fn new(address: &str) -> Self {
        let connect = || async {
            let builder = zbus::connection::Builder::address(address).expect("an address");
            builder.build().await.expect("the bus is there")
        };
        let (sender, events) = unbounded_channel();
        let supplicant = Supplicant::open(connect().await, sender).await.expect("the bus can be heard");
        Self { supplicant, events, connection: connect().await }
    }

    /// Waits for an event that makes `found` find something; nothing is asked without one, but for the first time.
    async fn until<T>(&mut self, what: &str, look: impl AsyncLook<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = match look.look(&self.supplicant).await {
                Ok(found) => return found,
                Err(seen) => seen,
            };
            let Ok(event) = tokio::time::timeout_at(end, self.events.recv()).await else {
                panic!("waited in vain: {what}; there is {seen}");
            };
            assert!(event.is_some(), "nobody says anything any more: {what}");
            while self.events.try_recv().is_ok() {}
        }
    }

    pub(super) async fn joined<T>(&mut self, what: &str, found: impl Fn(&[Joined]) -> Option<T>) -> T {
        self.until(what, Stations(found)).await
    }

    pub(super) async fn running<T>(&mut self, what: &str, found: impl Fn(&[Running]) -> Option<T>) -> T {
        self.until(what, Points(found)).await
    }

    /// Waits until the service is there, or away.
    pub(super) async fn service(&mut self, is_there: bool) {
        let what = format!("the service is there: {is_there}");
        self.until(&what, Service(is_there)).await;
    }

    pub(super) async fn stations(&self) -> Result<Vec<Joined>, Failure> {
        EndPoints::look(&self.supplicant).await
    }

    pub(super) async fn points(&self) -> Result<Vec<Running>, Failure> {
        AccessPoints::look(&self.supplicant).await
    }

    pub(super) async fn plan(&self, plan: &StationPlan) -> Result<(), Failure> {
        EndPoints::apply(&self.supplicant, plan).await
    }

    /// Somebody else's call to the service.
    pub(super) async fn call<B>(&self, path: &str, interface: &str, member: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let call = self.connection.call_method(Some(SERVICE), path, Some(interface), member, body);
        call.await.unwrap_or_else(|error| panic!("{member}: {error}"))
    }

    /// Somebody else has the service take an interface.
    pub(super) async fn take(&self, name: &str, driver: &str) -> String {
        self.supplicant.calls.create_interface(name, driver).await.expect("the service takes it")
    }

    /// Somebody else adds a network.
    pub(super) async fn add(&self, interface: &str, all: &Arguments<'_>) -> String {
        let added = self.call(interface, INTERFACE, "AddNetwork", &(all,)).await;
        added.body().deserialize::<OwnedObjectPath>().expect("a path").to_string()
    }

    /// The networks of an interface: tag, priority, whether it is on.
    pub(super) async fn networks(&self, interface: &str) -> Vec<(String, i64, bool)> {
        let found = crate::supplicant::interface::one(&self.supplicant.calls, interface).await;
        let found = found.expect("the service answers").expect("the interface is there");
        let tag = |tag: &crate::supplicant::network::Tag| tag.to_string();
        found
            .networks
            .iter()
            .map(|n| {
                (n.tag.as_ref().map_or(String::new(), tag), n.number("priority").unwrap_or(0), n.enabled)
            })
            .collect()
    }
}

/// What is looked for, over and over.
trait AsyncLook<T> {
    /// What was found, or what was seen instead.
    async fn look(&self, supplicant: &Supplicant) -> Result<T, String>;
}

struct Stations<F>(F);

impl<T, F: Fn(&[Joined]) -> Option<T>> AsyncLook<T> for Stations<F> {
    async fn look(&self, supplicant: &Supplicant) -> Result<T, String> {
        let seen = EndPoints::look(supplicant).await;
        let found = seen.as_ref().ok().and_then(|seen| (self.0)(seen));
        found.ok_or_else(|| format!("{seen:?}"))
    }
}

struct Points<F>(F);

impl<T, F: Fn(&[Running]) -> Option<T>> AsyncLook<T> for Points<F> {
    async fn look(&self, supplicant: &Supplicant) -> Result<T, String> {
        let seen = AccessPoints::look(supplicant).await;
        let found = seen.as_ref().ok().and_then(|seen| (self.0)(seen));
        found.ok_or_else(|| format!("{seen:?}"))
    }
}

struct Service(bool);

impl AsyncLook<()> for Service {
    async fn look(&self, supplicant: &Supplicant) -> Result<(), String> {
        let seen = EndPoints::look(supplicant).await;
        let is_away = matches!(seen, Err(Failure::Away(_)));
        if is_away == self.0 {
            Err(format!("{seen:?}"))
        } else {
            Ok(())
        }
    }
}

pub(super) fn ssid(text: &str) -> Ssid {
    Ssid::new(text).expect("a short name")
}

pub(super) fn security(mode: Mode, phrase: &str) -> Security {
    Security { mode, passphrase: Secret::new(phrase), ..Security::default() }
}

pub(super) fn profile(name: &str, mode: Mode, phrase: &str, priority: u8) -> ProfilePlan {
    ProfilePlan { ssid: ssid(name), security: security(mode, phrase), priority }
}

pub(super) fn plan(interface: &str, profiles: &[ProfilePlan], chosen: Option<usize>) -> StationPlan {
    StationPlan { interface: interface.to_owned(), profiles: profiles.to_vec(), chosen, wps: None }
}

/// The arguments of a network of somebody else.
pub(super) fn network<'a>(all: &[(&'a str, &'a str)]) -> Arguments<'a> {
    all.iter().map(|(name, value)| (*name, Value::from(*value))).collect()
}
