//! The providers: who serves which part of the tree, in which state each is, and how it is called.

pub(crate) mod block;
pub(crate) mod condition;
mod invoke;
pub(crate) mod supervise;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cwmp_bus::{names, BusError, Manifest};
use cwmp_model::facets::Facets;
use cwmp_model::{Fault, FaultCode, NodeFlags, ValueType};
use serde::Serialize;
use tokio::sync::Notify;
use zbus::message::{Flags, Message};
use zbus::names::OwnedUniqueName;
use zbus::zvariant::{DynamicType, Value};

pub(crate) use condition::{Condition, Stage};

use crate::core::tree::DeclaredNode;
use block::Block;

/// How long a request waits for a provider that is away, counted from the moment it went.
pub(crate) const ABSENT_WAIT: Duration = Duration::from_secs(3);
/// What a call may take beyond the provider's own deadline, for the bus.
const MARGIN: Duration = Duration::from_millis(500);
/// The largest reply of one call, in bytes; the host refuses more by itself.
pub(crate) const MAX_REPLY: usize = 24 * 1024 * 1024;
/// The most characters that are passed on, kept or logged of a text by which a provider explains something.
pub(crate) const MAX_WORDS: usize = 1024;
/// The longest version and build that a provider may have, in bytes: they are shown with every look at the agent's state.
pub(crate) const MAX_VERSION: usize = 256;
/// The most lines that a provider may describe, commands among them: no tree takes more, and each is looked up.
pub(crate) const MAX_DESCRIBED: usize = 65_536;
/// The most regular expressions that a provider may describe: the agent keeps each compiled, in up to 16 KiB. The whole
/// standard has about a hundred.
pub(crate) const MAX_PATTERNS: usize = 512;
/// The most rows that a provider may report in one reply.
pub(crate) const MAX_ROWS: usize = 65_536;

/// Who wants something, as the provider is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The ACS, in the session with this number.
    Acs(u64),
    /// A program on the box.
    Bus,
    /// The agent itself.
    Agent,
}

impl Origin {
    fn options(self) -> HashMap<&'static str, Value<'static>> {
        let (name, session) = match self {
            Self::Acs(session) => ("acs", session),
            Self::Bus => ("bus", 0),
            Self::Agent => ("agent", 0),
        };
        HashMap::from([("origin", Value::from(name)), ("session", Value::from(session))])
    }
}

/// A row as its provider reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportedRow {
    pub(crate) number: u32,
    pub(crate) alias: String,
    pub(crate) deletable: bool,
}

/// Tables by name, with their rows in ascending order of their numbers.
pub(crate) type Tables = HashMap<String, Vec<ReportedRow>>;

/// One change of a transaction, as a provider gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderChange {
    pub(crate) op: u32,
    pub(crate) kind: u8,
    pub(crate) path: String,
    pub(crate) value: String,
}

/// The operations of a transaction.
pub(crate) const SET: u32 = 1;
/// Adds a row.
pub(crate) const ADD: u32 = 2;
/// Removes a row.
pub(crate) const DELETE: u32 = 3;

/// By what a changed overlay is told. Only the host reads it: it may hold secrets that are not the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverlayStamp {
    modified: Option<SystemTime>,
    size: u64,
}

impl OverlayStamp {
    /// That of a plugin's overlay, if there is one.
    pub(crate) fn of(folder: &Path, plugin: &str) -> Option<Self> {
        let facts = std::fs::metadata(folder.join(format!("{plugin}.toml"))).ok()?;
        Some(Self { modified: facts.modified().ok(), size: facts.len() })
    }
}

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) manifest: Manifest,
    pub(crate) overlay: Option<OverlayStamp>,
    condition: Mutex<Condition>,
    /// Wakes whoever waits for another condition.
    moved: Notify,
    announcements: Mutex<Announcements>,
}

/// The announcements that were not looked at yet. Only the newest counts, however many come.
#[derive(Debug, Default)]
struct Announcements {
    newest: Option<OwnedUniqueName>,
    /// Whether somebody looks at them.
    taken: bool,
}

/// What a provider said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) version: String,
    pub(crate) build: String,
    pub(crate) nodes: Vec<DeclaredNode>,
}

impl Provider {
    /// A provider that is not there yet.
    pub(crate) fn new(manifest: Manifest, overlay: Option<OverlayStamp>, now: Duration) -> Self {
        Self {
            manifest,
            overlay,
            condition: Mutex::new(Condition::absent(now)),
            moved: Notify::new(),
            announcements: Mutex::default(),
        }
    }

    /// Keeps an announcement. True if the caller is to look at it, and at those that come meanwhile.
    pub(crate) fn announces(&self, sender: OwnedUniqueName) -> bool {
        let mut announcements = self.announcements.lock().unwrap_or_else(PoisonError::into_inner);
        announcements.newest = Some(sender);
        !std::mem::replace(&mut announcements.taken, true)
    }

    /// The announcement to look at next; without one, the next to come is somebody else's to look at.
    pub(crate) fn next_announcement(&self) -> Option<OwnedUniqueName> {
        let mut announcements = self.announcements.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = announcements.newest.take();
        announcements.taken = newest.is_some();
        newest
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Its condition now.
    pub(crate) fn condition(&self) -> Condition {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes its condition and wakes those who wait for that.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Condition)) {
        change(&mut self.condition.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_waiters();
    }

    /// Waits until it is ready. One that is away longer than [`ABSENT_WAIT`] is not waited for, and one that comes and
    /// goes all the time is not waited for any longer than that either.
    pub(crate) async fn ready(&self, now: impl Fn() -> Duration) -> Result<OwnedUniqueName, Fault> {
        let began = now();
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let condition = self.condition();
            if let (Stage::Ready, Some(owner)) = (condition.stage, condition.owner.clone()) {
                return Ok(owner);
            }
            let rest = (condition.since.min(began) + ABSENT_WAIT).saturating_sub(now());
            let hopeless = matches!(condition.stage, Stage::Refused);
            if hopeless || rest.is_zero() || tokio::time::timeout(rest, moved).await.is_err() {
                let name = self.name();
                let condition = self.condition();
                return Err(Fault::new(FaultCode::InternalError, format!("provider {name} is {condition}")));
            }
        }
    }

    /// Whether one of its roots is the path or lies above it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.manifest.roots.iter().any(|root| path == root || (root.ends_with('.') && path.starts_with(root)))
    }
}

/// Version, build, and nodes: path, type number, flags, facets.
type DescribeReply = (String, String, Vec<(String, u8, u32, String)>);
/// Tables with their rows (number, alias, flags), and faults.
type InstancesReply<'a> = (Vec<(&'a str, Vec<(u32, &'a str, u32)>)>, Vec<(&'a str, u32, &'a str)>);

/// A connection to one provider that is there.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) bus: zbus::Connection,
    pub(crate) owner: OwnedUniqueName,
    pub(crate) provider: Arc<Provider>,
}

impl Line {
    async fn call<B: Serialize + DynamicType + Sync>(
        &self,
        member: &'static str,
        body: &B,
        deadline: Duration,
    ) -> Result<Message, BusError> {
        let call = self.bus.call_method(
            Some(&self.owner),
            names::PROVIDER_PATH,
            Some(names::PROVIDER),
            member,
            body,
        );
        // Whatever is asked, the answer is awaited by the same code: async code is compiled into each of its callers.
        self.answer(member, Box::pin(call), deadline).await
    }

    /// What is made of the answer to any call.
    async fn answer(
        &self,
        member: &'static str,
        call: Pin<Box<dyn Future<Output = zbus::Result<Message>> + Send + '_>>,
        deadline: Duration,
    ) -> Result<Message, BusError> {
        let name = self.provider.name();
        let failed = |why: String| {
            tracing::warn!("provider {name}: {member}: {why}");
            BusError::Fault(Fault::new(FaultCode::InternalError, format!("provider {name}: {why}")))
        };
        match tokio::time::timeout(deadline + MARGIN, call).await {
            Err(_) => Err(failed(format!("no answer within {} ms", deadline.as_millis()))),
            Ok(Ok(reply)) if reply.body().len() > MAX_REPLY => {
                Err(failed(format!("a reply of {} bytes, {MAX_REPLY} are allowed", reply.body().len())))
            }
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => {
                tracing::warn!("provider {name}: {member}: {}", words(&error.to_string()));
                Err(match BusError::from_reply(&error) {
                    BusError::Fault(fault) => {
                        BusError::Fault(Fault::new(fault.code, words(&fault.text).to_owned()))
                    }
                    BusError::Busy => BusError::Busy,
                })
            }
        }
    }

    /// A call that is a step of a transaction.
    async fn step<B: Serialize + DynamicType + Sync>(
        &self,
        member: &'static str,
        body: &B,
        deadline: Duration,
    ) -> Result<Message, BusError> {
        let result = self.call(member, body, deadline).await;
        crate::cut::called();
        result
    }

    fn garbage(&self, member: &str, why: &dyn std::fmt::Display) -> BusError {
        let name = self.provider.name();
        tracing::warn!("provider {name}: {member}: the reply is malformed: {why}");
        BusError::Fault(Fault::new(
            FaultCode::InternalError,
            format!("provider {name}: malformed reply to {member}"),
        ))
    }

    /// `Describe`.
    pub(crate) async fn describe(&self) -> Result<Description, BusError> {
        let reply = self.call("Describe", &(), self.provider.manifest.deadlines.get()).await?;
        let (version, build, nodes): DescribeReply =
            reply.body().deserialize().map_err(|e| self.garbage("Describe", &e))?;
        let mut declared = Vec::with_capacity(nodes.len());
        for (path, kind, flags, facets) in nodes {
            let kind = match kind {
                0 => None,
                number => Some(
                    ValueType::from_number(number)
                        .ok_or_else(|| self.garbage("Describe", &format!("type {number}")))?,
                ),
            };
            declared.push(DeclaredNode { path, kind, flags: NodeFlags(flags), facets });
        }
        Ok(Description { version, build, nodes: declared })
    }

    /// `Get`.
    pub(crate) async fn get(&self, paths: &[&str], origin: Origin) -> Result<Block, BusError> {
        let deadline = self.provider.manifest.deadlines.get();
        let reply = self.call("Get", &(paths, origin.options()), deadline).await?;
        Block::parse(reply.body()).map_err(|e| self.garbage("Get", &e))
    }

    /// `Instances`. Faults of single paths are left out: such a table has no rows to show.
    pub(crate) async fn instances(&self, paths: &[&str]) -> Result<Tables, BusError> {
        let reply = self.call("Instances", &(paths,), self.provider.manifest.deadlines.get()).await?;
        let body = reply.body();
        let (tables, _): InstancesReply<'_> =
            body.deserialize().map_err(|e| self.garbage("Instances", &e))?;
        if tables.iter().map(|(_, rows)| rows.len()).sum::<usize>() > MAX_ROWS {
            return Err(self.garbage("Instances", &"too many rows"));
        }
        let mut all = Tables::with_capacity(tables.len());
        for (table, rows) in tables {
            let mut rows: Vec<ReportedRow> = rows
                .into_iter()
                .filter(|(number, _, _)| *number > 0)
                .map(|(number, alias, flags)| ReportedRow {
                    number,
                    alias: alias.to_owned(),
                    deletable: flags & 1 != 0,
                })
                .collect();
            rows.sort_by_key(|r| r.number);
            rows.dedup_by_key(|r| r.number);
            all.insert(table.to_owned(), rows);
        }
        Ok(all)
    }

    /// `Prepare`. The faults are those of single changes, by index.
    pub(crate) async fn prepare(
        &self,
        txn: u64,
        changes: &[ProviderChange],
        lease: Duration,
        origin: Origin,
    ) -> Result<Vec<(u32, u32, String)>, BusError> {
        let wire: Vec<(u32, u8, &str, &str)> =
            changes.iter().map(|c| (c.op, c.kind, c.path.as_str(), c.value.as_str())).collect();
        let lease = u32::try_from(lease.as_millis()).unwrap_or(u32::MAX);
        let deadline = self.provider.manifest.deadlines.prepare();
        let reply = self.step("Prepare", &(txn, wire, lease, origin.options()), deadline).await?;
        reply.body().deserialize().map_err(|e| self.garbage("Prepare", &e))
    }

    /// `Commit`: 0 applied, 1 after the session, 2 by the next reboot.
    pub(crate) async fn commit(&self, txn: u64) -> Result<u32, BusError> {
        let reply = self.step("Commit", &(txn,), self.provider.manifest.deadlines.commit()).await?;
        reply.body().deserialize().map_err(|e| self.garbage("Commit", &e))
    }

    /// `Rollback`, `Finish` or `Apply`.
    pub(crate) async fn end(&self, member: &'static str, txn: u64) -> Result<(), BusError> {
        self.step(member, &(txn,), self.provider.manifest.deadlines.commit()).await.map(|_| ())
    }

    /// `Watch`.
    pub(crate) async fn watch(&self, paths: &[String]) -> Result<(), BusError> {
        self.call("Watch", &(paths, true), self.provider.manifest.deadlines.get()).await.map(|_| ())
    }

    /// `Notice` of what needs no answer: nobody waits, and nobody replies.
    pub(crate) async fn mention(&self, what: &str, session: u64) {
        let name = self.provider.name();
        let options = HashMap::from([("session", Value::from(session))]);
        let message = Message::method_call(names::PROVIDER_PATH, "Notice")
            .and_then(|m| m.destination(&self.owner))
            .and_then(|m| m.interface(names::PROVIDER))
            .and_then(|m| m.with_flags(Flags::NoReplyExpected))
            .and_then(|m| m.build(&(what, options)));
        let sent = match message {
            Ok(message) => self.bus.send(&message).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::debug!("provider {name}: {what}: {error}, ignoring");
        }
    }

    /// `Notice`.
    pub(crate) async fn notice(&self, what: &str, session: u64) -> Result<(), BusError> {
        let options = HashMap::from([("session", Value::from(session))]);
        self.call("Notice", &(what, options), self.provider.manifest.deadlines.commit()).await.map(|_| ())
    }
}

/// The beginning of what a provider says in words: the log, the bus and the ACS are spared a book.
pub(crate) fn words(text: &str) -> &str {
    text.char_indices().nth(MAX_WORDS).map_or(text, |(end, _)| &text[..end])
}

/// What is stored of a description, so that an absent provider's paths are still known.
pub(crate) fn to_text(description: &Description) -> String {
    let mut out = format!("{}\t{}\n", description.version, description.build);
    for node in &description.nodes {
        let kind = node.kind.map_or(0, ValueType::number);
        // Writing to a string does not fail.
        let _ = writeln!(out, "{}\t{kind}\t{}\t{}", node.path, node.flags.0, node.facets);
    }
    out
}

/// Reads what [`to_text`] wrote; `None` if it is something else.
pub(crate) fn from_text(text: &str) -> Option<Description> {
    let mut lines = text.split_terminator('\n');
    let (version, build) = lines.next()?.split_once('\t')?;
    let mut nodes = Vec::new();
    for line in lines {
        let mut parts = line.splitn(4, '\t');
        let path = parts.next()?.to_owned();
        let kind = match parts.next()?.parse().ok()? {
            0 => None,
            number => Some(ValueType::from_number(number)?),
        };
        let flags = NodeFlags(parts.next()?.parse().ok()?);
        nodes.push(DeclaredNode { path, kind, flags, facets: parts.next()?.to_owned() });
    }
    Some(Description { version: version.to_owned(), build: build.to_owned(), nodes })
}

/// Whether a description can be stored as text and used at all: no tab or line break in it, not too many lines and regular
/// expressions, and a version that is one.
pub(crate) fn is_plain(description: &Description) -> bool {
    let plain = |text: &str| !text.contains(['\t', '\n']);
    let is_version = |text: &str| plain(text) && text.len() <= MAX_VERSION;
    is_version(&description.version)
        && is_version(&description.build)
        && description.nodes.len() <= MAX_DESCRIBED
        && description.nodes.iter().all(|n| plain(&n.path) && plain(&n.facets))
        && patterns(&description.nodes) <= MAX_PATTERNS
}

/// How many regular expressions there are; a declaration that stands at several nodes is kept once.
fn patterns(nodes: &[DeclaredNode]) -> usize {
    let declared: HashSet<&str> = nodes.iter().map(|node| node.facets.as_str()).collect();
    declared.into_iter().map(Facets::patterns_in).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_announcements_is_looked_at_by_one() {
        let name = |text: &str| OwnedUniqueName::try_from(text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        std::fs::write(&file, "name = 'a'\nroots = ['Device.X_A.']\n").unwrap();
        let provider = Provider::new(Manifest::load(&file).unwrap(), None, Duration::ZERO);
        assert!(provider.announces(name(":1.1")));
        assert_eq!(provider.next_announcement(), Some(name(":1.1")));
        for _ in 0..100 {
            assert!(!provider.announces(name(":1.2")));
        }
        assert_eq!(provider.next_announcement(), Some(name(":1.2")));
        assert_eq!(provider.next_announcement(), None);
        assert!(provider.announces(name(":1.3")));
    }

    #[test]
    fn a_description_survives_the_store() {
        let description = Description {
            version: "1.0".into(),
            build: "abc".into(),
            nodes: vec![
                DeclaredNode {
                    path: "Device.A.{i}.".into(),
                    kind: None,
                    flags: NodeFlags::TABLE,
                    facets: String::new(),
                },
                DeclaredNode {
                    path: "Device.A.{i}.B".into(),
                    kind: Some(ValueType::String),
                    flags: NodeFlags::WRITABLE,
                    facets: "enum=a|b".into(),
                },
            ],
        };
        assert!(is_plain(&description));
        assert_eq!(from_text(&to_text(&description)).as_ref(), Some(&description));
        assert_eq!(from_text("nothing"), None);
        for version in ["a\tb".to_owned(), "1".repeat(MAX_VERSION + 1)] {
            assert!(!is_plain(&Description { version, ..description.clone() }));
        }
        let line = description.nodes[1].clone();
        for (lines, fits) in [(MAX_DESCRIBED, true), (MAX_DESCRIBED + 1, false)] {
            let nodes = vec![line.clone(); lines];
            assert_eq!(is_plain(&Description { nodes, ..description.clone() }), fits);
        }
        let with = |facets: String| DeclaredNode { facets, ..line.clone() };
        let two = |n: usize| with(format!("size=:{n};pattern=a\\|b|{n}"));
        for (pairs, fits) in [(MAX_PATTERNS / 2, true), (MAX_PATTERNS / 2 + 1, false)] {
            let nodes = (0..pairs).map(two).collect();
            assert_eq!(is_plain(&Description { nodes, ..description.clone() }), fits);
        }
        let nodes = vec![two(0); MAX_PATTERNS];
        assert!(is_plain(&Description { nodes, ..description }));
    }

    #[test]
    fn words_end_between_two_characters() {
        assert_eq!(words("short"), "short");
        let long = "\u{e9}".repeat(MAX_WORDS + 1);
        assert_eq!(words(&long), "\u{e9}".repeat(MAX_WORDS));
    }
}
