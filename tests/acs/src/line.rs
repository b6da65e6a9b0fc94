//! One session as the connections see it, and the table of all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use crate::digest::random;
use crate::options::{Cookies, Options};
use crate::post::Post;
use crate::reply::Reply;
use crate::rules::Violation;
use crate::transcript::{Entry, Sent, Transcript};
use crate::wire::Raw;

/// The name of the cookie that carries a session.
const COOKIE: &str = "session";

/// What a session hears.
pub(crate) enum Event {
    /// The CPE said something and waits.
    Post(Box<Incoming>),
    /// A connection of the session was closed, by either side.
    Closed,
}

/// A POST that waits for its reply.
pub(crate) struct Incoming {
    pub(crate) post: Post,
    pub(crate) reply: oneshot::Sender<Reply>,
    /// Its place in the transcript.
    pub(crate) entry: usize,
}

/// What happened on a connection that never came to a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incident {
    /// TLS was not agreed on; the text is that of the TLS library.
    Handshake(String),
    /// Nobody was let in: the POSTs and the challenges.
    Refused(Transcript),
    /// What came was not HTTP, or ended too early; the text says what.
    NotHttp(String),
    /// The connection was closed before its first byte.
    Silent,
}

/// One session as the connections see it.
pub(crate) struct Line {
    /// The cookies that are set, as they must come back: name and value.
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) started: Instant,
    /// Who it is, once an Inform said so.
    device: Mutex<String>,
    entries: Mutex<Vec<Entry>>,
    events: Sender<Event>,
    /// The other end, until the session is announced.
    receiver: Mutex<Option<Receiver<Event>>>,
    connections: Mutex<BTreeSet<u32>>,
    cookies_set: AtomicBool,
    /// Whether the session is over when its last connection closes.
    ending: AtomicBool,
    close: watch::Sender<bool>,
}

impl Line {
    fn new(cookies: Cookies) -> Self {
        let (events, receiver) = channel();
        let mut jar = Vec::new();
        if cookies != Cookies::None {
            jar.push((COOKIE.to_owned(), random(12)));
        }
        if cookies == Cookies::Several {
            jar.push(("route".to_owned(), "\"node-7\"".to_owned()));
            jar.push(("balance".to_owned(), random(300)));
        }
        Self {
            cookies: jar,
            started: Instant::now(),
            device: Mutex::new(String::new()),
            entries: Mutex::new(Vec::new()),
            events,
            receiver: Mutex::new(Some(receiver)),
            connections: Mutex::new(BTreeSet::new()),
            cookies_set: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            close: watch::channel(false).0,
        }
    }

    /// Tells the session; `false` when it is over.
    pub(crate) fn tell(&self, event: Event) -> bool {
        self.events.send(event).is_ok()
    }

    /// The events, the first time.
    pub(crate) fn announce(&self) -> Option<Receiver<Event>> {
        lock(&self.receiver).take()
    }

    pub(crate) fn is_announced(&self) -> bool {
        lock(&self.receiver).is_none()
    }

    pub(crate) fn joins(&self, connection: u32) {
        lock(&self.connections).insert(connection);
    }

    /// A connection is gone; answers whether others remain.
    pub(crate) fn leaves(&self, connection: u32) -> bool {
        let mut connections = lock(&self.connections);
        connections.remove(&connection);
        !connections.is_empty()
    }

    pub(crate) fn is_connected(&self) -> bool {
        !lock(&self.connections).is_empty()
    }

    /// From now on the session is over when its last connection closes.
    pub(crate) fn ends(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Makes every connection of the session close.
    pub(crate) fn hang_up(&self) {
        self.close.send_replace(true);
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.close.subscribe()
    }

    /// Set-Cookie headers for a reply: all of them with the first one.
    pub(crate) fn set_cookies(&self) -> Vec<String> {
        if self.cookies_set.swap(true, Ordering::AcqRel) {
            return Vec::new();
        }
        self.cookies.iter().map(|(name, value)| format!("{name}={value}; Path=/; HttpOnly")).collect()
    }

    /// What is missing of the cookies that were set.
    fn missing_cookies(&self, given: &BTreeMap<&str, &str>) -> Vec<&str> {
        if !self.cookies_set.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.cookies
            .iter()
            .filter(|(name, value)| given.get(name.as_str()) != Some(&value.as_str()))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Adds a POST to the transcript.
    pub(crate) fn heard(&self, connection: u32, raw: &Raw) -> usize {
        let mut entries = lock(&self.entries);
        entries.push(Entry {
            at: raw.arrived.saturating_duration_since(self.started),
            connection,
            method: raw.method.clone(),
            target: raw.target.clone(),
            headers: raw.headers.clone(),
            body: raw.body.clone(),
            reply: None,
        });
        entries.len() - 1
    }

    /// Adds the reply to it.
    pub(crate) fn answered(&self, entry: usize, reply: &Reply, remark: &str) {
        let (mut text, body) = reply.summary();
        if !remark.is_empty() {
            let _ = write!(text, " ({remark})");
        }
        let sent = Sent { at: self.started.elapsed(), text, body };
        if let Some(entry) = lock(&self.entries).get_mut(entry) {
            entry.reply = Some(sent);
        }
    }

    pub(crate) fn transcript(&self) -> Transcript {
        Transcript { entries: lock(&self.entries).clone() }
    }
}

/// All sessions, and what does not belong to one.
pub(crate) struct Switchboard {
    pub(crate) options: Options,
    pub(crate) url: String,
    state: Mutex<State>,
    waiting: Sender<(Arc<Line>, Receiver<Event>)>,
    incidents: Sender<Incident>,
}

#[derive(Default)]
struct State {
    lines: Vec<Arc<Line>>,
    /// Session cookies of the past.
    past: HashSet<String>,
    connections: u32,
    informs: u64,
    violations: Vec<Violation>,
    /// The nonces of clients, and the connection of each.
    cnonces: HashMap<String, u32>,
}

impl Switchboard {
    pub(crate) fn new(
        options: Options,
        url: String,
        waiting: Sender<(Arc<Line>, Receiver<Event>)>,
        incidents: Sender<Incident>,
    ) -> Self {
        Self { options, url, state: Mutex::new(State::default()), waiting, incidents }
    }

    pub(crate) fn next_connection(&self) -> u32 {
        let mut state = lock(&self.state);
        state.connections += 1;
        state.connections
    }

    pub(crate) fn connections(&self) -> u32 {
        lock(&self.state).connections
    }

    pub(crate) fn informs(&self) -> u64 {
        lock(&self.state).informs
    }

    pub(crate) fn count_inform(&self) {
        lock(&self.state).informs += 1;
    }

    pub(crate) fn open_sessions(&self) -> usize {
        lock(&self.state).lines.len()
    }

    /// What is wrong with a client's nonce on this connection.
    pub(crate) fn cnonce(&self, cnonce: &str, connection: u32) -> Option<Violation> {
        let mut state = lock(&self.state);
        let first = *state.cnonces.entry(cnonce.to_owned()).or_insert(connection);
        (first != connection)
            .then(|| Violation::new("C30", format!("the cnonce is that of connection {first}")))
    }

    /// The session that a request belongs to, and what its cookies break.
    pub(crate) fn route(
        &self,
        raw: &Raw,
        device: Option<&str>,
        current: Option<&Arc<Line>>,
    ) -> (Arc<Line>, Vec<Violation>) {
        let given = cookies(&raw.headers);
        let mut violations = Vec::new();
        let mut state = lock(&self.state);
        let ours = given.get(COOKIE).copied();
        let by_cookie = ours.and_then(|c| state.lines.iter().find(|l| session_of(l) == Some(c)));
        let line = by_cookie
            // What has no cookie belongs to its connection,
            .or_else(|| state.lines.iter().find(|l| current.is_some_and(|c| Arc::ptr_eq(c, l))))
            // or, in the middle of a session, to the only one there is.
            .or_else(|| if device.is_some() || state.lines.len() != 1 { None } else { state.lines.first() });
        if let Some(line) = line {
            let missing = line.missing_cookies(&given);
            if !missing.is_empty() {
                let text = format!("the cookies {} do not come back", missing.join(", "));
                violations.push(Violation::new("C24", text));
            }
            return (Arc::clone(line), violations);
        }
        if ours.is_some_and(|c| state.past.contains(c)) {
            violations.push(Violation::new("C23", "a new session has the cookie of an earlier one"));
        }
        if current.is_some() {
            violations.push(Violation::new("C23", "a new session has the connection of an earlier one"));
        }
        let line = Arc::new(Line::new(self.options.cookies));
        if let Some(device) = device {
            device.clone_into(&mut lock(&line.device));
            if state.lines.iter().any(|l| l.is_connected() && *lock(&l.device) == device) {
                let text = format!("{device} begins a session and has one");
                violations.push(Violation::new("C70", text));
            }
        }
        state.lines.push(Arc::clone(&line));
        (line, violations)
    }

    /// Lets a test take the session, once.
    pub(crate) fn announce(&self, line: &Arc<Line>) {
        if let Some(receiver) = line.announce() {
            // A failure means that the ACS is being dropped.
            let _ = self.waiting.send((Arc::clone(line), receiver));
        }
    }

    /// The session is over.
    pub(crate) fn retire(&self, line: &Arc<Line>) {
        self.forget(line);
        let mut state = lock(&self.state);
        if let Some(cookie) = session_of(line) {
            state.past.insert(cookie.to_owned());
        }
    }

    /// The session never began.
    pub(crate) fn forget(&self, line: &Arc<Line>) {
        lock(&self.state).lines.retain(|l| !Arc::ptr_eq(l, line));
    }

    pub(crate) fn report(&self, incident: Incident) {
        let _ = self.incidents.send(incident);
    }

    pub(crate) fn blame(&self, violations: impl IntoIterator<Item = Violation>) {
        lock(&self.state).violations.extend(violations);
    }

    pub(crate) fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut lock(&self.state).violations)
    }
}

fn session_of(line: &Line) -> Option<&str> {
    line.cookies.first().map(|(_, value)| value.as_str())
}

/// Every cookie of a request, by name.
fn cookies(headers: &[(String, String)]) -> BTreeMap<&str, &str> {
    headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Cookie"))
        .flat_map(|(_, value)| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .collect()
}

/// A lock that does not care whether somebody panicked with it: tests do.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
