//! Jobs on the bus, as programs see them: what they stand at, and what they say.

use std::collections::BTreeMap;

use cwmp_bus::names;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{MatchRule, Message};

use crate::client::Heard;
use crate::{eventually, Client};

/// State, fault code, what it says, outputs.
pub type Standing = (String, u32, String, BTreeMap<String, String>);

/// What a job stands at.
#[track_caller]
pub fn result(client: &Client, job: &OwnedObjectPath) -> Standing {
    client.call_at(names::SERVICE, job.as_str(), names::JOB, "Result", &()).expect("the job is there")
}

/// What a job came to, once it has ended.
#[track_caller]
pub fn ended(client: &Client, job: &OwnedObjectPath) -> Standing {
    eventually("the job ends", || Some(result(client, job)).filter(|(state, ..)| state != "running"))
}

/// A property of a job.
#[track_caller]
pub fn property(client: &Client, job: &OwnedObjectPath, name: &str) -> OwnedValue {
    let properties = "org.freedesktop.DBus.Properties";
    client
        .call_at(names::SERVICE, job.as_str(), properties, "Get", &(names::JOB, name))
        .expect("the job is there")
}

/// A property of a job that is a text.
#[track_caller]
pub fn text(client: &Client, job: &OwnedObjectPath, name: &str) -> String {
    property(client, job, name).try_into().expect("it is a text")
}

/// A program that hears of jobs, and never asks.
pub struct Signals {
    heard: Heard,
    client: Client,
}

impl Signals {
    /// Listens from now on.
    #[track_caller]
    pub fn listen(address: &str) -> Self {
        let client = Client::connect(address);
        let rule = MatchRule::builder().msg_type(Type::Signal).path_namespace(names::PATH);
        Self { heard: client.listen_for(rule.expect("the path is one").build()), client }
    }

    /// All that is said until this, and this: `began PATH`, and `PATH NAME = VALUE` of properties that change.
    ///
    /// # Panics
    /// If it is never said.
    #[track_caller]
    pub fn until(&mut self, last: &str) -> Vec<String> {
        let mut told = Vec::new();
        self.client.hears_until(&mut self.heard, last, |message| {
            told.extend(said(message));
            told.last().is_some_and(|said| said == last)
        });
        told
    }
}

fn said(message: &Message) -> Vec<String> {
    let (header, body) = (message.header(), message.body());
    match header.member().expect("a signal has a name").as_str() {
        "JobBegan" => {
            let job: ObjectPath<'_> = body.deserialize().expect("JobBegan has a path");
            vec![format!("began {job}")]
        }
        "PropertiesChanged" => {
            let (_, changed, _): (String, BTreeMap<String, Value<'_>>, Vec<String>) =
                body.deserialize().expect("the signal is the standard's");
            let path = header.path().expect("a signal has a path");
            let told = |(name, value): (String, Value<'_>)| match value {
                Value::Str(text) => format!("{path} {name} = {text}"),
                Value::I32(number) => format!("{path} {name} = {number}"),
                other => panic!("{name}: {other:?}"),
            };
            changed.into_iter().map(told).collect()
        }
        _ => Vec::new(),
    }
}
