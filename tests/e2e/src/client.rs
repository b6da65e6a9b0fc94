//! A program on the box that talks to the agent.

use std::collections::HashMap;
use std::time::Duration;

use cwmp_bus::{names, BusError};
use cwmp_model::date_time;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde::Serialize;
use zbus::message::Type;
use zbus::zvariant::{self, DynamicType, OwnedValue};
use zbus::{MatchRule, Message, MessageStream};

use crate::eventually;

/// The error of a call, as the bus tells it.
pub type Refused = BusError;

/// How long a call may take. Longer than any deadline of the agent.
const DEADLINE: Duration = Duration::from_secs(40);

/// A connection to the bus, with plain calls that block.
pub struct Client {
    runtime: tokio::runtime::Runtime,
    bus: zbus::Connection,
}

/// What the agent says has changed, see [`Client::listen`].
pub struct Heard {
    /// Taken when it is dropped, which needs the runtime.
    stream: Option<MessageStream>,
    runtime: tokio::runtime::Handle,
}

impl Drop for Heard {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        drop(self.stream.take());
    }
}

/// Path, type name, value.
type Values = Vec<(String, String, String)>;
/// Path, fault code, text.
type Faults = Vec<(String, u32, String)>;

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// If the bus is not there.
    #[track_caller]
    pub fn connect(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let bus = runtime.block_on(async {
            zbus::connection::Builder::address(address)
                .expect("the address is one")
                .build()
                .await
                .expect("the bus can be reached")
        });
        Self { runtime, bus }
    }

    /// Calls a method of the agent.
    pub fn call<R, B>(&self, interface: &str, member: &str, body: &B) -> Result<R, Refused>
    where
        R: DeserializeOwned + zvariant::Type,
        B: Serialize + DynamicType,
    {
        self.call_at(names::SERVICE, names::PATH, interface, member, body)
    }

    /// Calls a method of anyone.
    pub fn call_at<R, B>(
        &self,
        service: &str,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> Result<R, Refused>
    where
        R: DeserializeOwned + zvariant::Type,
        B: Serialize + DynamicType,
    {
        let call = self.bus.call_method(Some(service), path, Some(interface), member, body);
        let reply = self
            .runtime
            .block_on(async { tokio::time::timeout(DEADLINE, call).await })
            .unwrap_or_else(|_| panic!("{member} was not answered"))
            .map_err(|error| BusError::from_reply(&error))?;
        Ok(reply.body().deserialize().unwrap_or_else(|e| panic!("the answer to {member}: {e}")))
    }

    /// `DataModel.GetValue`.
    pub fn value(&self, path: &str) -> Result<String, Refused> {
        self.call(names::DATA_MODEL, "GetValue", &(path,))
    }

    /// `DataModel.SetValue`.
    pub fn set_value(&self, path: &str, value: &str) -> Result<u32, Refused> {
        self.call(names::DATA_MODEL, "SetValue", &(path, value))
    }

    /// `DataModel.Get`: values and faults.
    pub fn get(&self, paths: &[&str]) -> Result<(Values, Faults), Refused> {
        self.call(names::DATA_MODEL, "Get", &(paths, HashMap::<&str, OwnedValue>::new()))
    }

    /// `DataModel.Set`: status and faults.
    pub fn set(&self, values: &[(&str, &str)]) -> Result<(u32, Faults), Refused> {
        self.call(names::DATA_MODEL, "Set", &(values, HashMap::<&str, OwnedValue>::new()))
    }

    /// `DataModel.Add`: number, status, faults.
    pub fn add(&self, table: &str, values: &[(&str, &str)]) -> Result<(u32, u32, Faults), Refused> {
        self.call(names::DATA_MODEL, "Add", &(table, values))
    }

    /// `DataModel.Delete`.
    pub fn delete(&self, row: &str) -> Result<u32, Refused> {
        self.call(names::DATA_MODEL, "Delete", &(row,))
    }

    /// `DataModel.List`.
    pub fn list(&self, path: &str, next_level: bool) -> Result<Vec<(String, bool)>, Refused> {
        self.call(names::DATA_MODEL, "List", &(path, next_level))
    }

    /// `Agent.Inform`.
    pub fn inform(&self) -> Result<(), Refused> {
        self.call(names::AGENT, "Inform", &(HashMap::<&str, OwnedValue>::new(),))
    }

    /// A property of `org.cwmpd1.Agent`.
    pub fn property<T>(&self, name: &str) -> T
    where
        T: TryFrom<OwnedValue>,
        T::Error: std::fmt::Debug,
    {
        let value: OwnedValue = self
            .call("org.freedesktop.DBus.Properties", "Get", &(names::AGENT, name))
            .unwrap_or_else(|e| panic!("property {name}: {e}"));
        value.try_into().unwrap_or_else(|e| panic!("property {name}: {e:?}"))
    }

    /// The same, unless the agent is not there.
    pub fn try_property<T: TryFrom<OwnedValue>>(&self, name: &str) -> Option<T> {
        let value: OwnedValue =
            self.call("org.freedesktop.DBus.Properties", "Get", &(names::AGENT, name)).ok()?;
        value.try_into().ok()
    }

    /// State and cause of a provider; `None` if it has no manifest.
    pub fn provider(&self, name: &str) -> Option<(String, String)> {
        let value: OwnedValue = self
            .call("org.freedesktop.DBus.Properties", "Get", &(names::AGENT, "Providers"))
            .unwrap_or_else(|e| panic!("Providers: {e}"));
        let all: Vec<(String, String, String, String, Vec<String>)> =
            value.try_into().expect("Providers is an array of its kind");
        all.into_iter().find(|p| p.0 == name).map(|(_, state, _, cause, _)| (state, cause))
    }

    /// Moves the agent's clock forward.
    pub fn advance(&self, by: Duration) {
        self.try_advance(by).expect("built with test-hooks");
    }

    /// The same, unless the agent is not there.
    pub fn try_advance(&self, by: Duration) -> Result<(), Refused> {
        let milliseconds = u64::try_from(by.as_millis()).expect("a time that fits");
        self.call("org.cwmpd1.Test", "Advance", &(milliseconds,))
    }

    /// The date as the agent sees it, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.call("org.cwmpd1.Test", "Now", &()).expect("built with test-hooks")
    }

    /// The seconds until the next planned session, `None` if none is.
    pub fn next_inform(&self) -> Option<i64> {
        let date: String = self.property("NextInform");
        Some(date_time::unix_seconds(&date)? - self.now())
    }

    /// Waits until the agent is in a state: `idle`, `waiting`, `disabled`.
    #[track_caller]
    pub fn wait_for(&self, state: &str) {
        eventually(state, || (self.property::<String>("State") == state).then_some(()));
    }

    /// Waits until a change of this parameter is to be told to the ACS.
    #[track_caller]
    pub fn wait_for_change(&self, name: &str) {
        eventually(name, || {
            self.property::<Vec<String>>("PendingChanges").iter().any(|n| n == name).then_some(())
        });
    }

    /// Listens from now on to what the agent says has changed.
    pub fn listen(&self) -> Heard {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .interface(names::DATA_MODEL)
            .expect("the interface is one")
            .member("Changed")
            .expect("the signal is one")
            .build();
        self.listen_for(rule)
    }

    /// Listens from now on to some signals.
    pub(crate) fn listen_for(&self, rule: MatchRule<'_>) -> Heard {
        let stream = self.runtime.block_on(MessageStream::for_match_rule(rule, &self.bus, Some(1000)));
        Heard { stream: Some(stream.expect("the bus takes a rule")), runtime: self.runtime.handle().clone() }
    }

    /// Waits until the agent has looked at a change of this parameter, and said so.
    ///
    /// # Panics
    /// If it never does.
    #[track_caller]
    pub fn hears(&self, heard: &mut Heard, name: &str) {
        self.hears_until(heard, &format!("a change of {name}"), |message| {
            let body = message.body();
            let names: Vec<&str> = body.deserialize().expect("Changed is an array of names");
            names.contains(&name)
        });
    }

    /// Waits for a signal that `is_it`.
    #[track_caller]
    pub(crate) fn hears_until(&self, heard: &mut Heard, what: &str, mut is_it: impl FnMut(&Message) -> bool) {
        let next = async {
            let stream = heard.stream.as_mut().expect("it is taken by the drop only");
            while let Some(message) = stream.next().await {
                if is_it(&message.expect("the bus is there")) {
                    return;
                }
            }
            panic!("the bus is gone");
        };
        self.runtime
            .block_on(async { tokio::time::timeout(DEADLINE, next).await })
            .unwrap_or_else(|_| panic!("{what} is not announced"));
    }

    /// Lets the agent do what it has to do at this moment: it has one thread, which answers these calls too.
    pub fn settle(&self) {
        for _ in 0..20 {
            let _: String = self.property("State");
        }
    }

    /// How many commits the agent's store has made.
    pub fn commits(&self) -> u64 {
        self.call("org.cwmpd1.Test", "Commits", &()).expect("built with test-hooks")
    }

    /// The process behind a name on the bus, if it is owned.
    pub fn pid_of(&self, service: &str) -> Option<u32> {
        let dbus = "org.freedesktop.DBus";
        self.call_at(dbus, "/org/freedesktop/DBus", dbus, "GetConnectionUnixProcessID", &(service,)).ok()
    }
}
