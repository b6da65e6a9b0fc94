//! A server that does exactly what a test scripts, byte by byte.
//!
//! The test runs the client and the script at once with `tokio::join!`; every step of the script waits for what it is
//! about, so that nothing depends on time.
#![allow(dead_code, reason = "each test file uses a part")]

use std::time::Duration;

use cwmp_net::{Client, ClientSettings, Connection, Credentials, Url};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a step of a script may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Bytes for T {}

/// A listening socket on loopback.
pub(crate) struct Acs {
    pub(crate) listener: TcpListener,
    pub(crate) port: u16,
}

impl Acs {
    pub(crate) async fn start() -> Self {
        Self::on("127.0.0.1").await
    }

    pub(crate) async fn on(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    pub(crate) fn url(&self, target: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{target}", self.port)).unwrap()
    }

    pub(crate) fn session(&self) -> Connection {
        client(settings()).open(&self.url("/cwmp"), credentials(), true)
    }

    pub(crate) async fn accept(&self) -> Peer<TcpStream> {
        Peer::new(within(self.listener.accept()).await.unwrap().0)
    }

    /// Whether nobody else wants to connect.
    pub(crate) async fn is_quiet(&self) -> bool {
        tokio::task::yield_now().await;
        std::future::poll_fn(|cx| std::task::Poll::Ready(self.listener.poll_accept(cx).is_pending())).await
    }
}

pub(crate) fn settings() -> ClientSettings {
    ClientSettings { response_timeout: PATIENCE, connect_timeout: PATIENCE, ..ClientSettings::default() }
}

pub(crate) fn client(settings: ClientSettings) -> Client {
    Client::new(settings).unwrap()
}

pub(crate) fn credentials() -> Credentials {
    Credentials { username: "001122-box-7".to_owned(), password: "secret".to_owned() }
}

/// One connection, from the server's end.
pub(crate) struct Peer<S> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header that must not come twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} comes twice: {:?}", self.headers);
        value
    }

    /// A parameter of a digest in `Authorization`, without its quotes.
    pub(crate) fn digest(&self, name: &str) -> Option<&str> {
        let header = self.header("authorization")?.strip_prefix("Digest ")?;
        header
            .split(", ")
            .find_map(|pair| Some(pair.strip_prefix(name)?.strip_prefix('=')?.trim_matches('"')))
    }
}

impl<S: Bytes> Peer<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Reads one whole request.
    pub(crate) async fn request(&mut self) -> Request {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "the client closed instead of sending a request");
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut request = Request { line, headers, body: Vec::new() };
        let length: usize = request.header("content-length").map_or(0, |n| n.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more().await, "the client closed in the middle of a body");
        }
        request.body = self.read.drain(..length).collect();
        request
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
        within(self.stream.flush()).await.unwrap();
    }

    /// Like [`send`](Self::send), to a client that may hang up meanwhile. Whether it took everything.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within(self.stream.write_all(bytes.as_ref())).await.is_ok()
            && within(self.stream.flush()).await.is_ok()
    }

    pub(crate) async fn reply(&mut self, status: &str, headers: &[&str], body: &str) {
        let headers: String = headers.iter().flat_map(|h| [*h, "\r\n"]).collect();
        self.send(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
            .await;
    }

    pub(crate) async fn ok(&mut self, body: &str) {
        self.reply("200 OK", &["Content-Type: text/xml"], body).await;
    }

    /// Waits until the client closes. It must not send anything before.
    pub(crate) async fn closed(&mut self) {
        assert!(!self.more().await, "the client sent: {:?}", String::from_utf8_lossy(&self.read));
    }

    async fn more(&mut self) -> bool {
        // A reset is a way to close, too.
        within(self.stream.read_buf(&mut self.read)).await.unwrap_or(0) > 0
    }
}

pub(crate) async fn within<F: std::future::Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("this step takes too long")
}

/// The clock stands still; it moves only when it is told to.
///
/// A clock that is merely paused jumps to the next timer whenever nobody has anything to do, and bytes that are on
/// their way through the loopback are nobody's work.
pub(crate) struct Clock {
    start: tokio::time::Instant,
    /// As long as a blocking task waits for this, tokio does not move the clock by itself.
    _hold: std::sync::mpsc::Sender<()>,
}

impl Clock {
    pub(crate) fn stop() -> Self {
        let (hold, held) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || held.recv());
        tokio::time::pause();
        Self { start: tokio::time::Instant::now(), _hold: hold }
    }

    /// Lets everybody deal with what has happened, then moves the clock.
    pub(crate) async fn advance(&self, by: Duration) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(by).await;
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
