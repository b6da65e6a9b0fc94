//! The port that takes connection requests: HTTP only, GET only, one path (C41, C173 to C182).
//!
//! It stands open to the whole network, so every wait, size and number in it has a limit, and nothing is kept for a
//! caller who has not authenticated.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{poll_fn, Future};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout, Sleep};

use crate::client::Credentials;
use crate::guard::{Guard, Verdict};

/// The most callers at a time. One more takes the place of the one who has been there longest.
pub const MAX_CALLS: usize = 16;
/// How long a caller may stay in all.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a caller may take to send a request's header, which is also how long it may do nothing.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of a request's header.
pub const MAX_CALL_HEAD: usize = 8 << 10;
/// The most header lines of a request.
pub const MAX_CALL_HEADERS: usize = 64;
/// The most requests of one caller.
pub const MAX_REQUESTS: u32 = 8;
/// The most bytes of a body that are read only to be thrown away; a caller who sends more is hung up on.
pub const MAX_CALL_BODY: usize = 4 << 10;

/// How long to wait when the system has no resources for another caller.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Decides who may make a connection request, and what comes of it.
pub trait Gatekeeper {
    /// What a caller must know; `None` refuses everybody (403): CWMP is disabled, or no password is set (C181).
    fn credentials(&self) -> Option<Credentials>;

    /// A caller has authenticated. False turns it away for now (503, C178, C179).
    ///
    /// The answer leaves as soon as this returns; a session that it brings about must begin in another task, or later (C176).
    fn admit(&self) -> bool;

    /// An XML document below the path, which whoever knows the path may read; `None` if there is none of this name.
    fn document(&self, name: &str) -> Option<Bytes> {
        let _ = name;
        None
    }
}

impl<G: Gatekeeper + ?Sized> Gatekeeper for Rc<G> {
    fn credentials(&self) -> Option<Credentials> {
        (**self).credentials()
    }

    fn admit(&self) -> bool {
        (**self).admit()
    }

    fn document(&self, name: &str) -> Option<Bytes> {
        (**self).document(name)
    }
}

impl<G: Gatekeeper + ?Sized> Gatekeeper for Arc<G> {
    fn credentials(&self) -> Option<Credentials> {
        (**self).credentials()
    }

    fn admit(&self) -> bool {
        (**self).admit()
    }

    fn document(&self, name: &str) -> Option<Bytes> {
        (**self).document(name)
    }
}

/// The connection request port.
pub struct Listener {
    socket: TcpListener,
    port: u16,
    path: String,
}

impl Listener {
    /// Opens the port; 0 lets the system choose one. The path begins with `/`, see [`random_path`](crate::random_path).
    pub async fn bind(address: IpAddr, port: u16, path: String) -> io::Result<Self> {
        let socket = TcpListener::bind(SocketAddr::new(address, port)).await?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, port, path })
    }

    /// The port that is open.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves for ever. Dropping the future closes the port and hangs up on everybody.
    pub async fn serve<G: Gatekeeper>(self, gate: G) {
        let door = Door { path: self.path, gate, guard: RefCell::new(Guard::new()) };
        let mut entrance = Entrance { socket: self.socket, pause: None };
        let mut calls: VecDeque<Pin<Box<dyn Future<Output = ()> + '_>>> = VecDeque::new();
        poll_fn(|cx| {
            let mut waiting = false;
            // A round takes in as many callers as there can be, then all have their turn.
            for _ in 0..MAX_CALLS {
                let Poll::Ready((stream, caller)) = entrance.poll(cx) else {
                    waiting = true;
                    break;
                };
                if calls.len() >= MAX_CALLS {
                    tracing::debug!("too many connection requests at a time, the oldest is dropped");
                    calls.pop_front();
                }
                calls.push_back(Box::pin(door.attend(stream, caller)));
            }
            calls.retain_mut(|call| call.as_mut().poll(cx).is_pending());
            if !waiting {
                // There may be more at the door; everybody else on this thread has a turn first.
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        })
        .await;
    }
}

/// Where callers come in.
struct Entrance {
    socket: TcpListener,
    /// The system had no resources for another caller: not before this has passed.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Entrance {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            match self.socket.poll_accept(cx) {
                Poll::Ready(Ok(caller)) => return Poll::Ready(caller),
                Poll::Ready(Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection request, trying again soon");
                    self.pause = Some(Box::pin(sleep(ACCEPT_PAUSE)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// What all callers share.
struct Door<G> {
    path: String,
    gate: G,
    guard: RefCell<Guard>,
}

impl<G: Gatekeeper> Door<G> {
    /// One caller from the first request to the last.
    async fn attend(&self, stream: TcpStream, caller: SocketAddr) {
        let requests = Cell::new(0);
        let service = service_fn(|request: Request<Incoming>| {
            requests.set(requests.get() + 1);
            self.answer(request, requests.get() >= MAX_REQUESTS)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_headers(MAX_CALL_HEADERS)
            .max_header_size(MAX_CALL_HEAD)
            .max_buf_size(MAX_CALL_HEAD)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), service);
        match timeout(CALL_TIMEOUT, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%caller, %error, "a connection request ended early"),
            Err(_) => tracing::debug!(%caller, "a connection request took too long"),
        }
    }

    async fn answer(&self, request: Request<Incoming>, last: bool) -> hyper::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        // Before anything is decided, so that nothing stands between the decision and the answer.
        let drained = drain(body).await;
        let authorization = head.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let mut response = self.decide(&head.method, head.uri.path(), authorization);
        if last || !drained {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    fn decide(&self, method: &Method, path: &str, authorization: Option<&[u8]>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        let status = if method != Method::GET {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            StatusCode::METHOD_NOT_ALLOWED
        } else if path != self.path {
            let name = path.strip_prefix(self.path.as_str()).and_then(|rest| rest.strip_prefix('/'));
            match name.and_then(|name| self.gate.document(name)) {
                Some(document) => {
                    let xml = HeaderValue::from_static("text/xml; charset=utf-8");
                    response.headers_mut().insert(header::CONTENT_TYPE, xml);
                    *response.body_mut() = Full::new(document);
                    StatusCode::OK
                }
                None => StatusCode::NOT_FOUND,
            }
        } else if let Some(credentials) = self.gate.credentials() {
            let mut guard = self.guard.borrow_mut();
            let verdict = match authorization.map(String::from_utf8_lossy) {
                Some(header) => guard.judge(&header, path, &credentials),
                None => Verdict::Stranger,
            };
            if verdict == Verdict::Welcome {
                drop(guard);
                if self.gate.admit() {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            } else {
                if let Ok(challenge) = HeaderValue::try_from(guard.challenge(verdict == Verdict::Stale)) {
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                }
                StatusCode::UNAUTHORIZED
            }
        } else {
            StatusCode::FORBIDDEN
        };
        *response.status_mut() = status;
        response
    }
}

/// Reads a body that means nothing (C174). False if that takes too much or too long; then the caller is hung up on.
async fn drain(mut body: Incoming) -> bool {
    if body.size_hint().lower() > MAX_CALL_BODY as u64 {
        return false;
    }
    let mut room = MAX_CALL_BODY;
    let read = timeout(HEAD_TIMEOUT, async {
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => return false,
            }
        }
        true
    });
    read.await.unwrap_or(false)
}
