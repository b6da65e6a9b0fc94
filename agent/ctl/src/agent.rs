//! The connection to the agent, and the calls.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use cwmp_bus::names;
use zbus::export::serde::{de::DeserializeOwned, Serialize};
use zbus::zvariant::{DynamicType, ObjectPath, OwnedValue, Type};
use zbus::{Connection, MatchRule, MessageStream};

use crate::error::CtlError;
use crate::standing::Standing;

/// How the bus says that there is no such object.
const FORGOTTEN: [&str; 2] =
    ["org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownInterface"];

/// The agent, as a caller on the bus sees it.
#[derive(Debug)]
pub(crate) struct Agent {
    connection: Connection,
    timeout: Duration,
}

/// A member of an interface, and who may call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    interface: &'static str,
    name: &'static str,
    group: &'static str,
}

impl Member {
    /// One that readers may call.
    pub(crate) const fn read(interface: &'static str, name: &'static str) -> Self {
        Self { interface, name, group: names::READ_GROUP }
    }

    /// One that only administrators may call.
    pub(crate) const fn admin(interface: &'static str, name: &'static str) -> Self {
        Self { interface, name, group: names::ADMIN_GROUP }
    }
}

impl Agent {
    /// Connects to the bus of this address, or to the system bus.
    pub(crate) async fn connect(address: Option<&str>, timeout: Duration) -> Result<Self, CtlError> {
        let (builder, shown) = match address {
            Some(text) => (zbus::connection::Builder::address(text), text.to_owned()),
            None => (zbus::connection::Builder::system(), shown_system_bus()),
        };
        let builder = match builder {
            Ok(builder) => builder,
            Err(error) if address.is_some() => {
                return Err(CtlError::Usage(format!("--bus {shown}: {error}; an address is unix:path=FILE")))
            }
            Err(error) => return Err(CtlError::Unreachable { address: shown, reason: error.to_string() }),
        };
        let connecting = tokio::time::timeout(timeout, builder.build());
        let connection = connecting
            .await
            .map_err(|_| CtlError::Timeout(timeout))?
            .map_err(|error| CtlError::Unreachable { address: shown, reason: error.to_string() })?;
        Ok(Self { connection, timeout })
    }

    /// The connection, for questions to others than the agent.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// How long an answer is waited for.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Calls a member of the agent and reads its answer.
    pub(crate) async fn call<B, R>(&self, member: Member, body: &B) -> Result<R, CtlError>
    where
        B: Serialize + DynamicType + Sync,
        R: DeserializeOwned + Type,
    {
        self.call_at(names::PATH, member, body).await
    }

    /// Calls a member of a job that takes nothing.
    pub(crate) async fn call_job<R>(&self, job: &ObjectPath<'_>, member: Member) -> Result<R, CtlError>
    where
        R: DeserializeOwned + Type,
    {
        self.call_at(job, member, &()).await
    }

    /// How far a job is, in thousandths.
    pub(crate) async fn job_progress(&self, job: &ObjectPath<'_>) -> Result<i32, CtlError> {
        let property = Member::read("org.freedesktop.DBus.Properties", "Get");
        let value: OwnedValue = self.call_at(job, property, &(names::JOB, "Progress")).await?;
        value.try_into().map_err(|error: zbus::zvariant::Error| CtlError::Unexpected(error.to_string()))
    }

    /// The properties of a job; `None`: it is forgotten.
    pub(crate) async fn job_properties(
        &self,
        job: &ObjectPath<'_>,
    ) -> Result<Option<HashMap<String, OwnedValue>>, CtlError> {
        let member = Member::read("org.freedesktop.DBus.Properties", "GetAll");
        let call = self.connection.call_method(
            Some(names::SERVICE),
            job,
            Some(member.interface),
            member.name,
            &(names::JOB,),
        );
        match self.in_time(call).await? {
            Ok(reply) => {
                reply.body().deserialize().map(Some).map_err(|error| CtlError::Unexpected(error.to_string()))
            }
            Err(zbus::Error::MethodError(name, ..)) if FORGOTTEN.contains(&name.as_str()) => Ok(None),
            Err(error) => Err(CtlError::of_call(&error, member.group, Standing::of(member.group))),
        }
    }

    /// What jobs announce from now on.
    pub(crate) async fn job_signals(&self) -> Result<MessageStream, CtlError> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(names::SERVICE)
            .and_then(|b| b.interface("org.freedesktop.DBus.Properties"))
            .and_then(|b| b.arg(0, names::JOB))
            .map(zbus::match_rule::Builder::build)
            .map_err(|error| CtlError::Unexpected(error.to_string()))?;
        let stream = MessageStream::for_match_rule(rule, &self.connection, None);
        self.in_time(stream).await?.map_err(|e| CtlError::Lost(e.to_string()))
    }

    async fn call_at<B, R>(&self, path: &str, member: Member, body: &B) -> Result<R, CtlError>
    where
        B: Serialize + DynamicType + Sync,
        R: DeserializeOwned + Type,
    {
        let call = self.connection.call_method(
            Some(names::SERVICE),
            path,
            Some(member.interface),
            member.name,
            body,
        );
        let reply = self
            .in_time(call)
            .await?
            .map_err(|error| CtlError::of_call(&error, member.group, Standing::of(member.group)))?;
        reply.body().deserialize().map_err(|error| CtlError::Unexpected(error.to_string()))
    }

    /// The agent's interface with the tree, for its signals.
    pub(crate) async fn data_model(&self) -> Result<zbus::Proxy<'static>, CtlError> {
        let building = zbus::proxy::Builder::new(&self.connection)
            .destination(names::SERVICE)
            .and_then(|b| b.path(names::PATH))
            .and_then(|b| b.interface(names::DATA_MODEL))
            .map(|b| b.cache_properties(zbus::proxy::CacheProperties::No).build());
        match building {
            Ok(building) => self.in_time(building).await?.map_err(|e| CtlError::Lost(e.to_string())),
            Err(error) => Err(CtlError::Unexpected(error.to_string())),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, CtlError> {
        tokio::time::timeout(self.timeout, work).await.map_err(|_| CtlError::Timeout(self.timeout))
    }
}

/// What a person may call the system bus when it is not there.
fn shown_system_bus() -> String {
    std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(|_| "the system bus".to_owned())
}
