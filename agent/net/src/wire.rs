//! One TCP connection with HTTP/1.1 on it: one request, one reply, and their time limits.
//!
//! hyper's connection is a future beside the request's; here both are polled by the same task, so that nothing outlives
//! its owner and dropping a [`Wire`] closes the socket.

use std::future::{poll_fn, Future};
use std::io;
use std::pin::{pin, Pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{timeout_at, Instant};
use tokio_rustls::client::TlsStream;

use crate::error::NetError;

/// The most bytes of a reply's header.
pub const MAX_HEAD: usize = 64 << 10;
/// The most header lines of a reply.
pub const MAX_HEADERS: usize = 100;
/// A whole exchange may take this many times the response timeout, however steadily its bytes drip.
pub const WHOLE_EXCHANGE: u32 = 10;

/// How long saying goodbye may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What bytes travel on.
pub(crate) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a reply may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The longest silence.
    pub(crate) patience: Duration,
    /// The most bytes of the body of a reply that counts (status 200).
    pub(crate) body: usize,
    /// The most bytes of any other body.
    pub(crate) ignored_body: usize,
}

/// Why an exchange failed.
pub(crate) enum Failed {
    /// No byte of the request left: it may be sent on another connection.
    Unsent,
    /// It may have left.
    Sent(NetError),
}

/// One connection to a server.
pub(crate) struct Wire {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    pulse: Pulse,
}

impl Wire {
    pub(crate) async fn new(stream: Stream) -> Result<Self, NetError> {
        let pulse = Pulse::new();
        let io = TokioIo::new(Metered { stream, pulse: pulse.clone() });
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_HEAD)
            .handshake(io)
            .await
            .map_err(|error| failure(&error))?;
        Ok(Self { sender, driver: Driver(Some(connection)), pulse })
    }

    /// Whether another request can be sent, as far as is known now.
    pub(crate) async fn is_ready(&mut self, patience: Duration) -> bool {
        // Lets the runtime look at the socket: a close that has arrived must be seen before a request is committed to
        // this connection, because afterwards nobody knows whether the ACS took it.
        tokio::task::yield_now().await;
        self.pulse.beat();
        // An ACS may have answered before it had read everything; then the rest is still on its way.
        let deadline = Instant::now() + patience * WHOLE_EXCHANGE;
        let ready = self.driver.within(&self.pulse, patience, deadline, self.sender.ready()).await;
        matches!(ready, Ok(Ok(()))) && self.driver.0.is_some()
    }

    /// Sends a request and waits for the whole reply.
    ///
    /// Only the body of a 200 must be complete; any other body is for people, and what cannot be had of it is left out.
    /// The second result is whether the connection may be used again.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<(Response<Bytes>, bool), Failed> {
        let deadline = Instant::now() + limits.patience * WHOLE_EXCHANGE;
        self.pulse.beat();
        let sent = self.sender.try_send_request(request);
        let response = self
            .driver
            .within(&self.pulse, limits.patience, deadline, sent)
            .await
            .map_err(Failed::Sent)?
            .map_err(|error| {
                if error.message().is_some() {
                    Failed::Unsent
                } else {
                    Failed::Sent(failure(error.error()))
                }
            })?;
        let (head, body) = response.into_parts();
        if head.status == StatusCode::OK {
            let body = self.body(body, limits.body, limits.patience, deadline).await.map_err(Failed::Sent)?;
            return Ok((Response::from_parts(head, body), true));
        }
        let deadline = Instant::now() + limits.patience;
        let body = self.body(body, limits.ignored_body, limits.patience, deadline).await;
        let complete = body.is_ok();
        Ok((Response::from_parts(head, body.unwrap_or_default()), complete))
    }

    async fn body(
        &mut self,
        mut body: Incoming,
        limit: usize,
        patience: Duration,
        deadline: Instant,
    ) -> Result<Bytes, NetError> {
        let too_large = NetError::TooLarge { limit };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large);
        }
        // A body that came in one piece is handed on as it is.
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        loop {
            self.pulse.beat();
            let frame = self.driver.within(&self.pulse, patience, deadline, body.frame()).await?;
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() else { continue };
            if first.len() + all.len() + data.len() > limit {
                return Err(too_large);
            }
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                if all.is_empty() {
                    all = BytesMut::from(std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    /// Closes the connection in an orderly way: over TLS the server is told.
    pub(crate) async fn close(self) {
        let Self { sender, driver, .. } = self;
        drop(sender);
        if let Some(connection) = driver.0 {
            // Whatever goes wrong with a goodbye, the connection is gone.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection).await;
        }
    }
}

/// hyper's side of the connection, until it has ended.
struct Driver(Option<http1::Connection<TokioIo<Metered>, Full<Bytes>>>);

impl Driver {
    /// Waits for `future` and keeps the connection going meanwhile.
    async fn along<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Some(connection) = &mut self.0 {
                // Its error, if there is one, also reaches the request that it hits.
                if Pin::new(connection).poll(cx).is_ready() {
                    self.0 = None;
                }
            }
            future.as_mut().poll(cx)
        })
        .await
    }

    /// The same until `deadline`, or until `patience` has passed since the last beat of the pulse.
    async fn within<F: Future>(
        &mut self,
        pulse: &Pulse,
        patience: Duration,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, NetError> {
        let mut future = pin!(future);
        loop {
            let until = deadline.min(pulse.last() + patience);
            match timeout_at(until, self.along(future.as_mut())).await {
                Ok(output) => return Ok(output),
                Err(_) if deadline.min(pulse.last() + patience) > until => {}
                Err(_) => return Err(NetError::Timeout { waited: patience }),
            }
        }
    }
}

/// When something last went forward. An upload that is slow but moves is no silence of the server.
#[derive(Clone)]
struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose writes beat the pulse.
struct Metered {
    stream: Stream,
    pulse: Pulse,
}

impl Metered {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.pulse.beat();
        }
        written
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Clear(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.stream {
            Stream::Clear(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        };
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.stream {
            Stream::Clear(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        };
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        // Both kinds gather: the header and a large body leave without being copied together.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Clear(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Clear(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// hyper's error in our terms: was it the server's HTTP, or the connection?
fn failure(error: &hyper::Error) -> NetError {
    // hyper's own text leaves out the cause, which is what an operator needs.
    let why = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    if error.is_parse() {
        NetError::Malformed { why }
    } else {
        NetError::Lost { why }
    }
}
