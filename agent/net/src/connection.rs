//! One session with the ACS: requests one after the other, over one TCP connection at a time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::authentication::Authentication;
use crate::challenge;
use crate::client::{Credentials, Shared};
use crate::cookie::CookieJar;
use crate::dial::dial;
use crate::error::NetError;
use crate::url::Url;
use crate::wire::{Failed, Limits, Wire};

/// The most bytes read of a body that does not count: that of a redirect, a challenge or an error.
pub const MAX_IGNORED_BODY: usize = 64 << 10;

/// The most consecutive redirects that are followed (C25).
pub const MAX_REDIRECTS: u32 = 5;
/// The longest `Retry-After` that is believed: no server keeps a device away for longer.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of an error's body that go into the log.
const MAX_EXCERPT: usize = 200;

/// One session: its TCP connection, cookies and authentication. It connects at the first post.
///
/// Dropping it, or dropping the future of a [`post`](Self::post), closes the TCP connection.
pub struct Connection {
    shared: Arc<Shared>,
    /// Where requests go now: the ACS's URL, or what it redirected to.
    url: Url,
    check_dates: bool,
    cookies: CookieJar,
    authentication: Authentication,
    wire: Option<Wire>,
    own_address: Option<IpAddr>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, url: Url, credentials: Credentials, check_dates: bool) -> Self {
        let authentication =
            Authentication::new(credentials, url.clone(), shared.settings.allow_basic_on_clear);
        Self {
            shared,
            url,
            check_dates,
            cookies: CookieJar::default(),
            authentication,
            wire: None,
            own_address: None,
        }
    }

    /// Posts an envelope, or with `None` the empty request, and gives the reply: empty for 204 and for an empty 200 (C18).
    ///
    /// Redirects are followed and challenges answered with the same body. A connection that the ACS closed after an
    /// earlier reply is replaced (C21). A reply that got lost is an error, and the request is not sent again (C22).
    pub async fn post(&mut self, body: Option<Bytes>) -> Result<Bytes, NetError> {
        let mut redirects = 0;
        self.authentication.begin();
        loop {
            let reply = self.send(body.as_ref()).await?;
            for cookie in reply.headers().get_all(header::SET_COOKIE) {
                self.cookies.take(&self.url, &String::from_utf8_lossy(cookie.as_bytes()));
            }
            match reply.status() {
                StatusCode::OK => return content(reply),
                StatusCode::NO_CONTENT => return Ok(Bytes::new()),
                StatusCode::FOUND | StatusCode::TEMPORARY_REDIRECT => {
                    redirects += 1;
                    if redirects > MAX_REDIRECTS {
                        return Err(NetError::Redirects { limit: MAX_REDIRECTS });
                    }
                    self.redirect(reply.headers()).await?;
                }
                StatusCode::UNAUTHORIZED => {
                    let challenges: Vec<_> = reply
                        .headers()
                        .get_all(header::WWW_AUTHENTICATE)
                        .iter()
                        .flat_map(|value| challenge::parse(&String::from_utf8_lossy(value.as_bytes())))
                        .collect();
                    self.authentication.challenged(&self.url, &challenges)?;
                }
                status => {
                    return Err(NetError::Status {
                        status: status.as_u16(),
                        excerpt: excerpt(reply.body()),
                        retry_after: retry_after(reply.headers()),
                    });
                }
            }
        }
    }

    /// Turns to another URL for the rest of the session (C25).
    async fn redirect(&mut self, headers: &HeaderMap) -> Result<(), NetError> {
        let location = headers.get(header::LOCATION).map_or(&b""[..], HeaderValue::as_bytes);
        let location = String::from_utf8_lossy(location).trim().to_owned();
        let url = self.url.join(&location).map_err(|why| NetError::Redirect { location, why })?;
        tracing::debug!(from = %self.url, to = %url, "the ACS redirects");
        if !url.same_server(&self.url) {
            self.authentication.moved();
            if let Some(wire) = self.wire.take() {
                wire.close().await;
            }
        }
        self.url = url;
        Ok(())
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
        let (stream, own_address) = dial(&self.shared, &self.url, self.check_dates).await?;
        self.authentication.reconnected();
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
        if let Some(authorization) = self.authentication.header(&self.url) {
            let mut authorization = value(authorization)?;
            authorization.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request
            .body(Full::new(body.cloned().unwrap_or_default()))
            .map_err(|error| NetError::Request { why: error.to_string() })
    }
}

/// The body of a 200, if it is in a form that we read.
fn content(reply: Response<Bytes>) -> Result<Bytes, NetError> {
    let encoding =
        reply.headers().get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    match encoding {
        Some(encoding) if encoding != b"identity" && !encoding.is_empty() && !reply.body().is_empty() => {
            Err(NetError::Encoding { encoding: String::from_utf8_lossy(&encoding).into_owned() })
        }
        _ => Ok(reply.into_body()),
    }
}

/// `Retry-After` in seconds, or as a date. A date is read against the server's own clock, because ours may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = |text: &str| httpdate::parse_http_date(text).ok();
        let now = headers.get(header::DATE).and_then(|now| date(now.to_str().ok()?));
        date(text)?.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The beginning of a body as one line of text.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_EXCERPT)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(MAX_EXCERPT).collect()
}
