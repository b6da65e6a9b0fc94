//! A scripted ACS: the other side of every end-to-end test, of the demonstration and of the benchmark.
//!
//! [`Acs::start`] listens, on a thread of its own; [`Acs::session`] waits for the next Inform and hands the session to the
//! test, which then says what the ACS says, by plain calls that block. What a CPE does wrong is found without being
//! asked for: every POST is checked against the protocol, and [`Session::end`] panics when anything was broken. Every
//! fault of an ACS and of a network is a [`Reply`] that can be given at any step.
//!
//! ```no_run
//! use cwmp_acs::{Acs, Options};
//!
//! let acs = Acs::start(Options::default());
//! println!("point the CPE at {}", acs.url());
//! let mut session = acs.session();
//! assert!(session.has_event("1 BOOT"));
//! let values = session.get(&["Device.DeviceInfo."]).unwrap();
//! assert!(!values.is_empty());
//! println!("{}", session.end());
//! ```
//!
//! HTTP is written by hand here, because a library would refuse to send what is wrong, and would hide what a CPE really
//! sent.
#![forbid(unsafe_code)]

mod connection;
mod connection_request;
mod digest;
mod guard;
mod layout;
mod line;
mod options;
mod personality;
mod post;
mod reply;
mod rules;
mod session;
mod tls;
mod transcript;
mod wire;

use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

pub use connection_request::{ConnectionRequest, CredentialForm, Outcome};
pub use cwmp_model::{Value, ValueType};
/// The messages, where a test needs one that is not named here.
pub use cwmp_proto as proto;
pub use cwmp_proto::acs::{CpeBody, CpeFault, FromCpe};
pub use cwmp_proto::{
    AttributeChange, CpeRequest, CpeResponse, Download, Event, IncomingValue, Inform, Request,
    TransferAnswer, TransferComplete, TransferFault, Upload, XsiType,
};
pub use layout::pretty;
pub use line::Incident;
pub use options::{
    Authentication, Certificate, Cookies, Digest, Options, Personality, Qop, Scheme, Tls, TlsVersions,
};
pub use post::{Content, Post};
pub use reply::Reply;
pub use rules::Violation;
pub use session::Session;
pub use tls::{Ca, ClientFiles};
pub use transcript::{Entry, Sent, Transcript};

use line::{lock, Line, Switchboard};

type Waiting = (Arc<Line>, Receiver<line::Event>);

/// An ACS that listens. It stops when it is dropped, and panics then if a CPE broke the protocol and nobody noticed.
pub struct Acs {
    board: Arc<Switchboard>,
    waiting: Mutex<Receiver<Waiting>>,
    incidents: Mutex<Receiver<Incident>>,
    address: SocketAddr,
    ca: Option<Arc<Ca>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Acs {
    /// Starts an ACS. Panics if it cannot listen.
    #[track_caller]
    pub fn start(options: Options) -> Self {
        let at = SocketAddr::new(options.listen, options.port);
        Self::try_start(options).unwrap_or_else(|e| panic!("an ACS at {at}: {e}"))
    }

    /// Starts an ACS, or says why it cannot listen.
    pub fn try_start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((options.listen, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let ca = options.tls.as_ref().map(|tls| tls.ca.clone().unwrap_or_else(Ca::new));
        let acceptor = options
            .tls
            .as_ref()
            .zip(ca.as_ref())
            .map(|(tls, ca)| TlsAcceptor::from(tls::server_config(tls, ca, &options.host)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (waiting_sender, waiting) = channel();
        let (incident_sender, incidents) = channel();
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let host =
            if options.host.contains(':') { format!("[{}]", options.host) } else { options.host.clone() };
        let url = format!("{scheme}://{host}:{}{}", address.port(), options.path);
        let board = Arc::new(Switchboard::new(options, url, waiting_sender, incident_sender));
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&board);
        let thread = std::thread::Builder::new().name("acs".to_owned()).spawn(move || {
            runtime.block_on(listen(listener, for_thread, acceptor, stopped));
            // Dropping the runtime ends every connection.
        })?;
        Ok(Self {
            board,
            waiting: Mutex::new(waiting),
            incidents: Mutex::new(incidents),
            address,
            ca,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The URL for `ManagementServer.URL`.
    pub fn url(&self) -> String {
        self.board.url.clone()
    }

    /// The URL with something added to its path.
    pub fn url_of(&self, more: &str) -> String {
        format!("{}/{more}", self.board.url)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file of the authority that signs its certificate. Panics on an ACS without TLS.
    #[track_caller]
    pub fn ca_file(&self) -> PathBuf {
        self.ca().file()
    }

    /// The authority that signs its certificate. Panics on an ACS without TLS.
    #[track_caller]
    pub fn ca(&self) -> Arc<Ca> {
        self.ca.clone().unwrap_or_else(|| panic!("an ACS without TLS has no authority"))
    }

    /// Waits for the next session, which begins with an Inform.
    #[track_caller]
    pub fn session(&self) -> Session {
        self.session_within(self.board.options.timeout)
    }

    /// Waits for the next session for another time than usual.
    #[track_caller]
    pub fn session_within(&self, timeout: Duration) -> Session {
        let session = self.any_session(timeout);
        assert!(session.has_inform(), "the session does not begin with an Inform:\n{}", session.transcript());
        session
    }

    /// Waits for a session that another ACS sent here, whatever its first POST says.
    #[track_caller]
    pub fn moved_session(&self) -> Session {
        self.any_session(self.board.options.timeout)
    }

    /// The next session if it has begun already.
    #[track_caller]
    pub fn try_session(&self) -> Option<Session> {
        self.try_session_within(Duration::ZERO)
    }

    /// The next session if it begins within this time.
    #[track_caller]
    pub fn try_session_within(&self, timeout: Duration) -> Option<Session> {
        let (line, events) = lock(&self.waiting).recv_timeout(timeout).ok()?;
        Some(Session::begin(Arc::clone(&self.board), line, events))
    }

    /// Makes sure that no session begins for some time.
    ///
    /// It waits all that time: use it only where no later event proves the same, and keep it short.
    #[track_caller]
    pub fn no_session_for(&self, time: Duration) {
        let next = lock(&self.waiting).recv_timeout(time);
        if let Ok((line, _)) = next {
            panic!("there is a session where none should be:\n{}", line.transcript());
        }
    }

    /// Waits for something on a connection that came to no session: a handshake that failed, a CPE that was not let in.
    #[track_caller]
    pub fn incident(&self) -> Incident {
        let next = lock(&self.incidents).recv_timeout(self.board.options.timeout);
        next.unwrap_or_else(|_| panic!("no connection failed; {}", self.state()))
    }

    /// Informs that were let in so far, repeated ones among them.
    pub fn informs(&self) -> u64 {
        self.board.informs()
    }

    /// Connections so far.
    pub fn connections(&self) -> u32 {
        self.board.connections()
    }

    /// Sessions that have begun and are not over.
    pub fn open_sessions(&self) -> usize {
        self.board.open_sessions()
    }

    /// The breaches of the protocol that nobody looked at yet; they do not make anything fail any more.
    pub fn take_violations(&self) -> Vec<Violation> {
        self.board.take_violations()
    }

    /// Sends a connection request and answers the status.
    #[track_caller]
    pub fn connection_request(&self, url: &str, user: &str, password: &str) -> u16 {
        let outcome = ConnectionRequest::new(url, user, password).send();
        outcome.unwrap_or_else(|e| panic!("a connection request to {url}: {e}")).status
    }

    #[track_caller]
    fn any_session(&self, timeout: Duration) -> Session {
        let next = lock(&self.waiting).recv_timeout(timeout);
        let (line, events) =
            next.unwrap_or_else(|_| panic!("no session began within {timeout:?}; {}", self.state()));
        Session::begin(Arc::clone(&self.board), line, events)
    }

    /// What has happened so far, for a test that fails.
    fn state(&self) -> String {
        let mut text = format!(
            "{} connections so far, {} Informs, {} sessions open\n",
            self.connections(),
            self.informs(),
            self.open_sessions()
        );
        text.push_str(&session::listed(&self.board.take_violations()));
        while let Ok(incident) = lock(&self.incidents).try_recv() {
            match incident {
                Incident::Refused(transcript) => {
                    let _ = write!(text, "  not let in:\n{transcript}");
                }
                Incident::Handshake(why) => {
                    let _ = writeln!(text, "  TLS failed: {why}");
                }
                Incident::NotHttp(why) => {
                    let _ = writeln!(text, "  not HTTP: {why}");
                }
                Incident::Silent => text.push_str("  a connection without a word\n"),
            }
        }
        text
    }
}

impl Drop for Acs {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was printed; here it must not hide the test's own.
            let crashed = thread.join().is_err();
            assert!(!crashed || std::thread::panicking(), "the ACS itself crashed");
        }
        if std::thread::panicking() || self.board.options.lenient {
            return;
        }
        let violations = self.board.take_violations();
        assert!(violations.is_empty(), "a CPE broke the protocol:\n{}", session::listed(&violations));
    }
}

impl std::fmt::Debug for Acs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acs").field("url", &self.url()).finish_non_exhaustive()
    }
}

async fn listen(
    listener: TcpListener,
    board: Arc<Switchboard>,
    acceptor: Option<TlsAcceptor>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = tokio::net::TcpListener::from_std(listener)
        .unwrap_or_else(|e| panic!("a listener that was made for this: {e}"));
    loop {
        tokio::select! {
            // Either way, sent or dropped, it means the end.
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection::serve(Arc::clone(&board), stream, acceptor.clone()));
                }
                Err(error) => panic!("a connection cannot be accepted: {error}"),
            },
        }
    }
}
