//! One session with the ACS: requests one after the other, over one TCP connection at a time.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::client::{Credentials, Shared};
use crate::cookie::CookieJar;
use crate::dial::dial;
use crate::error::NetError;
use crate::url::Url;
use crate::wire::{Failed, Limits, Wire};

/// The most bytes read of a body that does not count: that of a redirect, a challenge or an error.
pub const MAX_IGNORED_BODY: usize = 64 << 10;

/// The most characters of an error's body that go into the log.
const MAX_EXCERPT: usize = 200;

/// One session: its TCP connection, cookies and authentication. It connects at the first post.
///
/// Dropping it, or dropping the future of a [`post`](Self::post), closes the TCP connection.
pub struct Connection {
    shared: Arc<Shared>,
    /// Where requests go now: the ACS's URL, or what it redirected to.
    url: Url,
    cookies: CookieJar,
    wire: Option<Wire>,
    own_address: Option<IpAddr>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, url: Url, _credentials: Credentials, _check_dates: bool) -> Self {
        Self { shared, url, cookies: CookieJar::default(), wire: None, own_address: None }
    }

    /// Posts an envelope, or with `None` the empty request, and gives the reply: empty for 204 and for an empty 200 (C18).
    ///
    /// A connection that the ACS closed after an earlier reply is replaced (C21). A reply that got lost is an error,
    /// and the request is not sent again (C22).
    pub async fn post(&mut self, body: Option<Bytes>) -> Result<Bytes, NetError> {
        let reply = self.send(body.as_ref()).await?;
        for cookie in reply.headers().get_all(header::SET_COOKIE) {
            self.cookies.take(&self.url, &String::from_utf8_lossy(cookie.as_bytes()));
        }
        match reply.status() {
            StatusCode::OK => Ok(reply.into_body()),
            StatusCode::NO_CONTENT => Ok(Bytes::new()),
            status => Err(NetError::Status {
                status: status.as_u16(),
                excerpt: excerpt(reply.body()),
                retry_after: None,
            }),
        }
    }

    /// Our own address on the last TCP connection; the ACS reaches us there unless there is a NAT between.
    pub fn local_address(&self) -> Option<IpAddr> {
        self.own_address
    }

    /// Ends the session: the TCP connection is closed and the cookies are gone (C23).
    pub async fn close(mut self) {
        if let Some(wire) = self.wire.take() {
            wire.close().await;
        }
    }

    /// One request and its reply, on the open connection if it still lives, else on a new one.
    async fn send(&mut self, body: Option<&Bytes>) -> Result<Response<Bytes>, NetError> {
        let settings = &self.shared.settings;
        let limits = Limits {
            patience: settings.response_timeout,
            body: settings.max_message,
            ignored_body: MAX_IGNORED_BODY,
        };
        // While a request is under way the wire is out of the session: when this future is dropped, so is the wire.
        if let Some(mut wire) = self.wire.take() {
            if wire.is_ready(limits.patience).await {
                match wire.exchange(self.request(body)?, limits).await {
                    Ok(reply) => return Ok(self.keep(wire, reply)),
                    Err(Failed::Sent(error)) => return Err(error),
                    Err(Failed::Unsent) => {}
                }
            }
        }
        let (stream, own_address) = dial(&self.shared, &self.url).await?;
        self.own_address = Some(own_address);
        let mut wire = Wire::new(stream).await?;
        match wire.exchange(self.request(body)?, limits).await {
            Ok(reply) => Ok(self.keep(wire, reply)),
            Err(Failed::Sent(error)) => Err(error),
            Err(Failed::Unsent) => Err(NetError::Lost {
                why: "the ACS closed a connection that it had just accepted".to_owned(),
            }),
        }
    }

    fn keep(&mut self, wire: Wire, (reply, reusable): (Response<Bytes>, bool)) -> Response<Bytes> {
        self.wire = reusable.then_some(wire);
        reply
    }

    fn request(&mut self, body: Option<&Bytes>) -> Result<Request<Full<Bytes>>, NetError> {
        let value = |text: String| {
            HeaderValue::try_from(text).map_err(|error| NetError::Request { why: error.to_string() })
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.url.target)
            .header(header::HOST, value(self.url.authority())?)
            .header(header::USER_AGENT, self.shared.user_agent.clone())
            // Written by hand: nothing would be written for an empty body, and there are servers that then wait for one.
            .header(header::CONTENT_LENGTH, body.map_or(0, Bytes::len));
        if body.is_some() {
            request = request
                .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
                .header(HeaderName::from_static("soapaction"), "");
        }
        if let Some(cookies) = self.cookies.header(&self.url) {
            request = request.header(header::COOKIE, value(cookies)?);
        }
        request
            .body(Full::new(body.cloned().unwrap_or_default()))
            .map_err(|error| NetError::Request { why: error.to_string() })
    }
}

/// The beginning of a body as one line of text.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_EXCERPT)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(MAX_EXCERPT).collect()
}
