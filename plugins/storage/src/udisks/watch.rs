//! Hears what UDisks2 says by itself. Only what its owner sends counts.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{broadcast, watch};
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::objects::{interface, job, shown, JobObject, Properties, MAX_ANSWER, SERVICE};
use super::service::{MANAGER, NAME, ROOT};
use crate::back_end::{Event, Events, Failure};

/// What happens within this time after a first change is told with it, once.
pub(super) const TOGETHER: Duration = Duration::from_millis(100);
/// How much news waits for somebody who is slow; what is older is lost, and looked up.
const NEWS: usize = 256;
/// How long the bus may take for a question of ours.
const BUS: Duration = Duration::from_secs(5);

const BUS_NAME: &str = "org.freedesktop.DBus";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What somebody who waits for something must hear.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// Something has begun, with the path of its job.
    Job(String, JobObject),
    /// A job is this far.
    Progress(String, Option<u16>),
    /// A block device is no more.
    Gone(String),
    /// A job, or something that is no device, is no more; something else is different.
    Else,
}

/// What is heard.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) owner: watch::Receiver<Option<String>>,
    pub(super) news: broadcast::Sender<News>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Begins. What happens after this has returned is heard.
    pub(super) async fn start(bus: &Connection, events: Events) -> Result<Self, Failure> {
        let refused =
            |error: zbus::Error| Failure::Refused(format!("the bus: {}", shown(&error.to_string())));
        // One stream has everything in the order in which it happened; the rules only say what comes.
        let stream = MessageStream::from(bus);
        let proxy = zbus::fdo::DBusProxy::new(bus).await.map_err(refused)?;
        for rule in rules().map_err(refused)? {
            let added = tokio::time::timeout(BUS, proxy.add_match_rule(rule)).await;
            added.map_err(|_| Failure::Away("the bus"))?.map_err(|error| refused(error.into()))?;
        }
        let name = zbus::names::BusName::try_from(NAME).map_err(|error| refused(error.into()))?;
        let owner = tokio::time::timeout(BUS, proxy.get_name_owner(name)).await;
        let owner = owner.map_err(|_| Failure::Away("the bus"))?.ok().map(|owner| owner.to_string());
        let (told, owner) = watch::channel(owner);
        let (news, _) = broadcast::channel(NEWS);
        let task = tokio::spawn(listen(stream, told, news.clone(), events));
        Ok(Self { owner, news, task })
    }
}

fn rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let of_service = || MatchRule::builder().msg_type(Type::Signal).sender(NAME);
    Ok(vec![
        MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(BUS_NAME)?
            .interface(BUS_NAME)?
            .member("NameOwnerChanged")?
            .add_arg(NAME)?
            .build(),
        of_service()?.interface(MANAGER)?.path(ROOT)?.build(),
        of_service()?.interface(PROPERTIES)?.member("PropertiesChanged")?.path_namespace(ROOT)?.build(),
    ])
}

async fn listen(
    mut stream: MessageStream,
    owner: watch::Sender<Option<String>>,
    news: broadcast::Sender<News>,
    events: Events,
) {
    let mut due: Option<tokio::time::Instant> = None;
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            () = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            } => {
                due = None;
                // Nobody listens when the plugin ends.
                let _ = events.send(Event::Disks);
                continue;
            }
        };
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(_)) => continue,
            // The bus is gone, and all of us with it.
            None => return drop(owner.send_replace(None)),
        };
        let changed = match hear(&message, &owner) {
            Some((told, changed)) => {
                // Whoever waits for nothing hears nothing.
                for told in told {
                    let _ = news.send(told);
                }
                changed
            }
            None => false,
        };
        if changed && due.is_none() {
            due = Some(tokio::time::Instant::now() + TOGETHER);
        }
    }
}

/// What a message says, and whether drives or volumes are different.
fn hear(message: &Message, owner: &watch::Sender<Option<String>>) -> Option<(Vec<News>, bool)> {
    if message.message_type() != Type::Signal || message.body().len() > MAX_ANSWER {
        return None;
    }
    let header = message.header();
    let (sender, member) = (header.sender()?.as_str(), header.member()?.as_str());
    let body = message.body();
    if sender == BUS_NAME && member == "NameOwnerChanged" {
        let (name, _, new): (&str, &str, &str) = body.deserialize().ok()?;
        if name != NAME {
            return None;
        }
        owner.send_replace((!new.is_empty()).then(|| new.to_owned()));
        return Some((vec![News::Else], true));
    }
    if owner.borrow().as_deref() != Some(sender) {
        return None;
    }
    match (header.interface()?.as_str(), member) {
        (MANAGER, "InterfacesAdded") => {
            type Body<'a> = (ObjectPath<'a>, HashMap<&'a str, HashMap<&'a str, Value<'a>>>);
            let (path, interfaces): Body<'_> = body.deserialize().ok()?;
            match interfaces.get(interface::JOB) {
                Some(all) => Some((vec![News::Job(path.to_string(), job(&Properties::of(all)))], false)),
                None => Some((vec![News::Else], true)),
            }
        }
        (MANAGER, "InterfacesRemoved") => {
            let (path, interfaces): (ObjectPath<'_>, Vec<&str>) = body.deserialize().ok()?;
            let device = interfaces.contains(&interface::BLOCK);
            let news = if device { News::Gone(path.to_string()) } else { News::Else };
            Some((vec![news], !interfaces.contains(&interface::JOB)))
        }
        (PROPERTIES, "PropertiesChanged") => {
            type Body<'a> = (&'a str, HashMap<&'a str, Value<'a>>, Vec<&'a str>);
            let (of, changed, _): Body<'_> = body.deserialize().ok()?;
            if of == interface::JOB {
                let news =
                    News::Progress(header.path()?.to_string(), job(&Properties::of(&changed)).progress);
                return Some((vec![news], false));
            }
            Some((vec![News::Else], TELLING.contains(&of)))
        }
        _ => None,
    }
}

/// The interfaces whose properties make drives and volumes; what a drive measures of itself is not among them.
const TELLING: [&str; 8] = [
    interface::BLOCK,
    interface::DRIVE,
    interface::PARTITION,
    interface::TABLE,
    interface::FILESYSTEM,
    interface::ENCRYPTED,
    interface::SWAP,
    interface::LOOP,
];

/// Says who does not answer.
pub(super) const fn away() -> Failure {
    Failure::Away(SERVICE)
}
