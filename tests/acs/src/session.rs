//! A session, driven by a test.
//!
//! A session always has at most one POST of the CPE that waits for its reply. What a test calls answers that POST and
//! waits for the next one; nothing is answered behind the test's back but what [`Session::ready`] says.

mod calls;
mod order;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::mpsc::Receiver;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cwmp_proto::acs::{self, CpeBody, CpeFault};
use cwmp_proto::{Context, CpeRequest, CpeResponse, Inform, Request};
use tokio::sync::oneshot;

use crate::line::{Event, Line, Switchboard};
use crate::options::Personality;
use crate::personality;
use crate::post::{Content, Post};
use crate::reply::{Close, Reply};
use crate::rules::Violation;
use crate::transcript::Transcript;

/// How long a CPE that was sent elsewhere may take to open the next connection before it counts as gone.
const MOVE: Duration = Duration::from_secs(1);
/// Empty POSTs after the end that are tolerated (C66).
const EXTRA: usize = 1;

/// A session with a CPE. It is taken from [`Acs::session`](crate::Acs::session), and ends with [`end`](Self::end).
///
/// Every method that waits panics with the transcript when the CPE does something else, or nothing in time. A session
/// that is dropped closes its connections.
pub struct Session {
    board: Arc<Switchboard>,
    line: Arc<Line>,
    events: Receiver<Event>,
    timeout: Duration,
    inform: Inform,
    namespace: u8,
    offered: Option<String>,
    server_name: Option<String>,
    pending: Option<Pending>,
    stage: Stage,
    /// The request of ours that is not answered.
    awaited: Option<Awaited>,
    /// The `cwmp:ID` of the request or Inform that waits.
    received_id: String,
    last_id: u32,
    ids: HashSet<String>,
    requests: Vec<CpeRequest>,
    hold: bool,
    /// Whether the last envelope carried HoldRequests.
    held: bool,
    connection: u32,
    moves: Moves,
    /// The body that must come again, because the CPE was sent elsewhere.
    again: Option<Bytes>,
    replies: u32,
    over: bool,
}

struct Awaited {
    id: String,
    /// The method, unless the request is one that only a fault can answer.
    method: Option<&'static str>,
}

struct Pending {
    reply: oneshot::Sender<Reply>,
    entry: usize,
    what: What,
    body: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Inform,
    Request,
    Answer,
    Empty,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    /// The Inform is not answered.
    Informing,
    /// The InformResponse was sent: requests of the CPE may come.
    Open,
    /// An empty POST came: the ACS speaks.
    Turned,
    /// The last reply was sent.
    Ended,
}

/// Whether the last reply allows another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moves {
    /// The CPE must stay on the connection.
    No,
    /// It was sent elsewhere, which may be the same place.
    May,
    /// We closed the connection.
    Must,
}

/// What came of a wait.
enum Heard {
    Post(Box<Post>),
    Gone,
    Nothing,
}

impl Session {
    /// Takes over what the first POST begins. It need not be an Inform when the CPE was sent here by another ACS.
    #[track_caller]
    pub(crate) fn begin(board: Arc<Switchboard>, line: Arc<Line>, events: Receiver<Event>) -> Self {
        let timeout = board.options.timeout;
        let mut session = Self {
            namespace: 2,
            offered: None,
            server_name: None,
            inform: Inform::default(),
            timeout,
            board,
            line,
            events,
            pending: None,
            stage: Stage::Informing,
            awaited: None,
            received_id: String::new(),
            last_id: 0,
            ids: HashSet::new(),
            requests: Vec::new(),
            hold: false,
            held: false,
            connection: 0,
            moves: Moves::Must,
            again: None,
            replies: 0,
            over: false,
        };
        let post = session.next_post();
        session.server_name.clone_from(&post.server_name);
        if let Content::Message(message) = post.content {
            session.namespace = message.namespace;
            session.offered.clone_from(&message.supported_versions);
            if let CpeBody::Inform { inform, .. } = message.body {
                session.inform = inform;
            }
        }
        session
    }

    // ---- What the Inform says ----

    /// The Inform; empty when the session was taken over from another ACS.
    pub fn inform(&self) -> &Inform {
        &self.inform
    }

    /// Whether it began with an Inform.
    pub fn has_inform(&self) -> bool {
        !self.inform.serial_number.is_empty()
    }

    /// The codes of the events, in their order.
    pub fn events(&self) -> Vec<&str> {
        self.inform.events.iter().map(|e| e.code.as_str()).collect()
    }

    /// The CommandKeys of the events with this code.
    pub fn command_keys(&self, code: &str) -> Vec<&str> {
        self.inform.events.iter().filter(|e| e.code == code).map(|e| e.command_key.as_str()).collect()
    }

    /// Whether there is an event with this code.
    pub fn has_event(&self, code: &str) -> bool {
        self.inform.events.iter().any(|e| e.code == code)
    }

    /// The text of a parameter of the Inform.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.inform.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.text.as_str())
    }

    /// The names of the parameters of the Inform.
    pub fn parameter_names(&self) -> Vec<&str> {
        self.inform.parameters.iter().map(|(n, _)| n.as_str()).collect()
    }

    /// RetryCount.
    pub fn retry_count(&self) -> u32 {
        self.inform.retry_count
    }

    /// `OUI-ProductClass-SerialNumber`, or `OUI-SerialNumber`.
    pub fn device(&self) -> String {
        device(&self.inform)
    }

    /// The last number of the namespace that the CPE speaks.
    pub fn namespace(&self) -> u8 {
        self.namespace
    }

    /// SupportedCWMPVersions.
    pub fn offered_versions(&self) -> Option<&str> {
        self.offered.as_deref()
    }

    /// The host that the CPE named to TLS (C36).
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The requests that the CPE sent so far, TransferComplete and its like.
    pub fn cpe_requests(&self) -> &[CpeRequest] {
        &self.requests
    }

    // ---- By the book ----

    /// Answers the Inform; with UseCWMPVersion 1.4 where the CPE offers it and the ACS is by the book.
    #[track_caller]
    pub fn accept(&mut self) {
        let offered = self.offered.as_deref().unwrap_or_default();
        let offers = offered.split(',').any(|v| v.trim() == "1.4");
        let standard = self.board.options.personality == Personality::Standard;
        self.accept_version((offers && standard && self.speaks() >= 2).then_some("1.4"));
    }

    /// Answers the Inform with this UseCWMPVersion, or without one.
    #[track_caller]
    pub fn accept_version(&mut self, version: Option<&str>) {
        if self.what() != Some(What::Inform) {
            self.fail("there is no Inform to accept");
        }
        let id = self.received_id.clone();
        let envelope = acs::write_inform_response(self.voice(&id), version);
        self.say(envelope);
    }

    /// Brings the session to where the ACS may speak: accepts the Inform, answers the CPE's own requests, and waits for
    /// the empty POST. The requests are in [`cpe_requests`](Self::cpe_requests).
    #[track_caller]
    pub fn ready(&mut self) {
        loop {
            match self.what() {
                Some(What::Inform) => self.accept(),
                Some(What::Request) => self.answer(),
                Some(What::Empty | What::Answer) => return,
                Some(What::Other) => self.fail("the ACS cannot go on after this"),
                None => {
                    self.next_post();
                }
            }
        }
    }

    /// Answers the CPE's request that waits, as this personality does.
    #[track_caller]
    pub fn answer(&mut self) {
        let Some(request) = self.requests.last().filter(|_| self.what() == Some(What::Request)) else {
            self.fail("there is no request to answer");
        };
        let answer =
            personality::answer(self.board.options.personality, request, self.voice(&self.received_id));
        self.reply(answer.map_or_else(Reply::no_content, Reply::envelope));
    }

    /// Waits for a request of the CPE, and leaves it unanswered; accepts the Inform first.
    #[track_caller]
    pub fn next_request(&mut self) -> CpeRequest {
        if self.what() == Some(What::Inform) {
            self.accept();
        }
        if self.what() != Some(What::Request) {
            self.next_post();
        }
        match (self.what(), self.requests.last()) {
            (Some(What::Request), Some(request)) => request.clone(),
            _ => self.fail("the CPE sends no request of its own"),
        }
    }

    /// Sends a request and waits for its response or fault.
    #[track_caller]
    pub fn call(&mut self, request: &Request) -> Result<CpeResponse, CpeFault> {
        self.ready();
        let envelope = self.envelope(request);
        self.reply(Reply::envelope(envelope));
        self.response()
    }

    /// Waits for the response to a request that was sent with [`reply`](Self::reply) or
    /// [`send_raw_envelope`](Self::send_raw_envelope).
    #[track_caller]
    pub fn response(&mut self) -> Result<CpeResponse, CpeFault> {
        let post = self.next_post();
        match post.content {
            Content::Message(message) => match message.body {
                CpeBody::Response(response) => Ok(response),
                CpeBody::Fault(fault) => Err(fault),
                _ => self.fail("the CPE does not answer the request"),
            },
            _ => self.fail("the CPE does not answer the request"),
        }
    }

    /// Ends the session by the book: 204, and waits until the CPE has closed its connection.
    ///
    /// Panics if the CPE goes on, keeps the connection, or broke the protocol anywhere in the session.
    #[track_caller]
    pub fn end(mut self) -> Transcript {
        self.ready();
        self.line.ends();
        self.reply(Reply::no_content());
        self.await_end();
        self.finish()
    }

    /// Ends the session with a reply other than 204, which must mean the same.
    #[track_caller]
    pub fn end_with(mut self, reply: Reply) -> Transcript {
        self.ready();
        self.line.ends();
        self.reply(reply);
        self.await_end();
        self.finish()
    }

    /// Gives a reply that must make the session fail, and waits until the CPE is gone.
    #[track_caller]
    pub fn fail_with(mut self, reply: Reply) -> Transcript {
        self.line.ends();
        self.reply(reply);
        self.gone()
    }

    /// Waits until the CPE has closed every connection without another word.
    #[track_caller]
    pub fn gone(mut self) -> Transcript {
        self.moves = Moves::No;
        self.line.ends();
        match self.hear() {
            Heard::Gone => self.finish(),
            Heard::Post(_) => self.fail("the CPE goes on"),
            Heard::Nothing => self.fail("the CPE neither goes on nor closes its connection"),
        }
    }

    /// Redirects every POST to the ACS's own URL until the CPE gives up; answers how many POSTs were redirected.
    #[track_caller]
    pub fn redirect_endlessly(mut self, status: u16) -> (usize, Transcript) {
        let mut count = 0;
        loop {
            if self.pending.is_none() {
                match self.hear() {
                    Heard::Post(_) => {}
                    Heard::Gone => return (count, self.finish()),
                    Heard::Nothing => self.fail("the CPE neither follows the redirect nor gives up"),
                }
            }
            count += 1;
            let url = format!("{}/{count}", self.board.url);
            self.reply(Reply::redirect(status, url));
        }
    }

    // ---- Step by step ----

    /// The next POST, which then waits for [`reply`](Self::reply).
    #[track_caller]
    pub fn next_post(&mut self) -> Post {
        match self.hear() {
            Heard::Post(post) => *post,
            Heard::Gone => self.fail("the CPE closed the connection in the middle of the session"),
            Heard::Nothing => self.fail("the CPE sends nothing"),
        }
    }

    /// The next POST, or nothing if the CPE closes its connection instead.
    #[track_caller]
    pub fn next_post_or_gone(&mut self) -> Option<Post> {
        match self.hear() {
            Heard::Post(post) => Some(*post),
            Heard::Gone => None,
            Heard::Nothing => self.fail("the CPE neither sends anything nor closes its connection"),
        }
    }

    /// Answers the POST that waits, with anything. Waits for one, if none does.
    #[track_caller]
    pub fn reply(&mut self, reply: Reply) {
        if self.pending.is_none() {
            self.next_post();
        }
        let Some(pending) = self.pending.take() else { self.fail("there is nothing to answer") };
        self.replies += 1;
        let reply = personality::closing(self.board.options.personality, reply, self.replies);
        self.moves = if reply.close != Close::No {
            Moves::Must
        } else if reply.sends_elsewhere() {
            Moves::May
        } else {
            Moves::No
        };
        self.understand(&reply, &pending);
        self.line.answered(pending.entry, &reply, "");
        // It fails when the connection is gone, which the next wait finds out.
        let _ = pending.reply.send(reply);
    }

    /// Answers with an envelope of any form. If it is a request, [`response`](Self::response) waits for its response.
    #[track_caller]
    pub fn send_raw_envelope(&mut self, text: impl Into<String>) {
        self.reply(Reply::envelope(text.into()));
    }

    /// Answers with a fault of the ACS, 8000 to 8006 or another.
    #[track_caller]
    pub fn fault(&mut self, code: u32, text: &str) {
        let id = self.received_id.clone();
        let envelope = acs::write_fault(self.voice(&id), code, text);
        self.say(envelope);
    }

    /// The envelope of a request with the next `cwmp:ID`, in the manner of the personality; a test may spoil it and give
    /// it to [`reply`](Self::reply).
    pub fn envelope(&mut self, request: &Request) -> String {
        self.last_id += 1;
        let id = personality::id(self.board.options.personality, self.last_id);
        let mut envelope = acs::write_request(self.voice(&id), request);
        if self.hold {
            envelope = acs::hold_requests(envelope, true);
        }
        let envelope = personality::spoil(self.board.options.personality, envelope);
        String::from_utf8(envelope).unwrap_or_else(|e| panic!("what we write is UTF-8: {e}"))
    }

    /// Whether the envelopes of [`call`](Self::call) carry HoldRequests from now on (C63).
    pub fn hold_requests(&mut self, hold: bool) {
        self.hold = hold;
    }

    /// How long this session waits for anything.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// The connection of the last POST.
    pub fn connection(&self) -> u32 {
        self.connection
    }

    /// What was said so far.
    pub fn transcript(&self) -> Transcript {
        self.line.transcript()
    }

    // ---- Inside ----

    fn what(&self) -> Option<What> {
        self.pending.as_ref().map(|p| p.what)
    }

    /// The namespace that the ACS speaks.
    fn speaks(&self) -> u8 {
        self.board.options.namespace.unwrap_or(self.namespace)
    }

    fn voice<'a>(&self, id: &'a str) -> Context<'a> {
        Context { namespace: self.speaks(), id }
    }

    /// Answers with an envelope that is no request.
    #[track_caller]
    fn say(&mut self, mut envelope: Vec<u8>) {
        if self.hold {
            envelope = acs::hold_requests(envelope, true);
        }
        self.reply(Reply::envelope(personality::spoil(self.board.options.personality, envelope)));
    }

    /// Waits for what comes next.
    #[track_caller]
    fn hear(&mut self) -> Heard {
        let deadline = Instant::now() + self.timeout;
        let mut patience = self.timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).min(patience);
            match self.events.recv_timeout(left) {
                Ok(Event::Post(incoming)) => {
                    if let Some(post) = self.take(*incoming) {
                        return Heard::Post(Box::new(post));
                    }
                }
                Ok(Event::Closed) if self.line.is_connected() => {}
                Ok(Event::Closed) if self.moves == Moves::May => patience = MOVE,
                // We closed it: the CPE has all its time to come again.
                Ok(Event::Closed) if self.moves == Moves::Must => {}
                Ok(Event::Closed) => return Heard::Gone,
                Err(_) if patience == MOVE => return Heard::Gone,
                Err(_) => return Heard::Nothing,
            }
        }
    }

    /// After the last reply: the CPE closes, at most after more empty POSTs.
    #[track_caller]
    fn await_end(&mut self) {
        self.stage = Stage::Ended;
        self.moves = Moves::No;
        let mut extra = 0;
        loop {
            match self.hear() {
                Heard::Gone => return,
                Heard::Post(post) if post.is_empty() && extra < EXTRA => {
                    extra += 1;
                    self.reply(Reply::no_content());
                    self.moves = Moves::No;
                }
                Heard::Post(_) => self.fail("C65: the CPE goes on after the end of the session"),
                Heard::Nothing => self.fail("C23: the CPE keeps the connection after the session"),
            }
        }
    }

    #[track_caller]
    fn finish(mut self) -> Transcript {
        self.leave();
        let transcript = self.line.transcript();
        if !self.board.options.lenient {
            let violations = self.board.take_violations();
            assert!(
                violations.is_empty(),
                "the CPE broke the protocol:\n{}{transcript}",
                listed(&violations)
            );
        }
        transcript
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.board.retire(&self.line);
            self.line.hang_up();
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let violations = self.board.take_violations();
        panic!("{what}\n{}{}", listed(&violations), self.line.transcript());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("device", &self.device()).finish_non_exhaustive()
    }
}

/// `OUI-ProductClass-SerialNumber`, or `OUI-SerialNumber`.
pub(crate) fn device(inform: &Inform) -> String {
    if inform.product_class.is_empty() {
        format!("{}-{}", inform.oui, inform.serial_number)
    } else {
        format!("{}-{}-{}", inform.oui, inform.product_class, inform.serial_number)
    }
}

/// Breaches, one a line.
pub(crate) fn listed(violations: &[Violation]) -> String {
    let mut text = String::new();
    for violation in violations {
        let _ = writeln!(text, "  {violation}");
    }
    text
}
