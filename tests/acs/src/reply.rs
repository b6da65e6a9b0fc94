//! What an ACS answers: what is right, and everything that is not.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

/// An HTTP reply, or what stands in its place.
///
/// It starts from one of the constructors and is then spoilt at will:
/// `Reply::envelope(bytes).chunked(7)`, `Reply::status(503).header("Retry-After", "60")`, `Reply::no_content().closing()`.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) kind: Kind,
    pub(crate) delivery: Delivery,
    pub(crate) close: Close,
    pub(crate) interim: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: Body,
    },
    /// Bytes instead of HTTP.
    Raw(Bytes),
    /// The connection is closed instead.
    Nothing,
    /// There never is one.
    Hang,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// No body and no header that speaks of one.
    None,
    Whole(Bytes),
    /// In chunks of so many bytes.
    Chunked(Bytes, usize),
    /// An envelope that is filled up to so many bytes, made while it is sent.
    Huge(u64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Delivery {
    AtOnce,
    /// Byte by byte, with a pause after each.
    Drip(Duration),
    /// So many bytes of the whole reply, then the connection is closed.
    Cut(usize),
    /// So many bytes of the body, then the connection is closed.
    CutBody(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    No,
    /// With `Connection: close`.
    Announced,
    /// Without a word.
    Silent,
}

impl Reply {
    fn new(kind: Kind) -> Self {
        Self { kind, delivery: Delivery::AtOnce, close: Close::No, interim: false }
    }

    /// 200 with an envelope.
    pub fn envelope(bytes: impl Into<Bytes>) -> Self {
        Self::status(200).body("text/xml; charset=utf-8", bytes)
    }

    /// 204: the empty reply of the standard.
    pub fn no_content() -> Self {
        Self::new(Kind::Http { status: 204, headers: Vec::new(), body: Body::None })
    }

    /// 200 with nothing in it, which ACSs send instead of 204.
    pub fn empty() -> Self {
        Self::status(200)
    }

    /// 200, chunked, without a chunk.
    pub fn empty_chunked() -> Self {
        Self::status(200).chunked(1)
    }

    /// A status with an empty body of length 0.
    pub fn status(status: u16) -> Self {
        Self::new(Kind::Http { status, headers: Vec::new(), body: Body::Whole(Bytes::new()) })
    }

    /// 302 or 307 to another URL.
    pub fn redirect(status: u16, url: impl Into<String>) -> Self {
        Self::status(status).header("Location", url)
    }

    /// 503 with a Retry-After.
    pub fn unavailable(retry_after: Duration) -> Self {
        Self::status(503).header("Retry-After", retry_after.as_secs().to_string())
    }

    /// Bytes instead of HTTP; the connection is closed after them.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::new(Kind::Raw(bytes.into())).then_close()
    }

    /// No reply: the connection is closed.
    pub fn close() -> Self {
        Self::new(Kind::Nothing).then_close()
    }

    /// No reply ever, until the CPE gives up or the session is dropped.
    pub fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// 200 with an envelope of so many bytes, made while it is sent.
    pub fn huge(bytes: u64) -> Self {
        Self::new(Kind::Http {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "text/xml; charset=utf-8".to_owned())],
            body: Body::Huge(bytes),
        })
    }

    /// Adds a header. `Content-Length` may be a lie.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Kind::Http { headers, .. } = &mut self.kind {
            headers.push((name.into(), value.into()));
        }
        self
    }

    /// Gives the reply a body and a Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        if let Kind::Http { headers, body, .. } = &mut self.kind {
            headers.push(("Content-Type".to_owned(), content_type.to_owned()));
            *body = Body::Whole(bytes.into());
        }
        self
    }

    /// Sends the body in chunks of `size` bytes.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        if let Kind::Http { body, .. } = &mut self.kind {
            *body = match std::mem::replace(body, Body::None) {
                Body::Whole(bytes) | Body::Chunked(bytes, _) => Body::Chunked(bytes, size.max(1)),
                other => other,
            };
        }
        self
    }

    /// Sends one byte at a time, with a pause after each.
    #[must_use]
    pub fn dripping(mut self, pause: Duration) -> Self {
        self.delivery = Delivery::Drip(pause);
        self
    }

    /// Sends the first `bytes` of the reply, head included, and closes.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        self.delivery = Delivery::Cut(bytes);
        self.then_close()
    }

    /// Sends the head, the first `bytes` of the body, and closes.
    #[must_use]
    pub fn cut_body(mut self, bytes: usize) -> Self {
        self.delivery = Delivery::CutBody(bytes);
        self.then_close()
    }

    /// Sends `100 Continue`, which nobody asked for, before the reply.
    #[must_use]
    pub fn after_continue(mut self) -> Self {
        self.interim = true;
        self
    }

    /// Announces the end of the connection with `Connection: close`, and closes.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = Close::Announced;
        self
    }

    /// Closes the connection after the reply without a word.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.close = Close::Silent;
        self
    }

    /// Whether the CPE is to say the same again, elsewhere or with credentials.
    pub(crate) fn sends_elsewhere(&self) -> bool {
        matches!(&self.kind, Kind::Http { status, .. } if matches!(status, 300..=399 | 401))
    }

    /// The status, or what it is, and the body: for the transcript.
    pub(crate) fn summary(&self) -> (String, Bytes) {
        let (mut text, body) = match &self.kind {
            Kind::Raw(bytes) => ("bytes that are not HTTP".to_owned(), bytes.clone()),
            Kind::Nothing => ("closes the connection".to_owned(), Bytes::new()),
            Kind::Hang => ("does not answer".to_owned(), Bytes::new()),
            Kind::Http { status, headers, body } => {
                let mut text = status.to_string();
                for (name, value) in headers.iter().filter(|(name, _)| name != "Content-Type") {
                    let _ = write!(text, " {name}: {value}");
                }
                match body {
                    Body::None => (text, Bytes::new()),
                    Body::Whole(bytes) => (text, bytes.clone()),
                    Body::Chunked(bytes, size) => {
                        let _ = write!(text, " in chunks of {size}");
                        (text, bytes.clone())
                    }
                    Body::Huge(size) => (format!("{text} with {size} bytes"), Bytes::new()),
                }
            }
        };
        match self.delivery {
            Delivery::AtOnce => {}
            Delivery::Drip(_) => text.push_str(", byte by byte"),
            Delivery::Cut(bytes) => {
                let _ = write!(text, ", cut after {bytes} bytes");
            }
            Delivery::CutBody(bytes) => {
                let _ = write!(text, ", body cut after {bytes} bytes");
            }
        }
        match (self.close, &self.kind) {
            (Close::Announced, _) => text.push_str(", Connection: close"),
            (Close::Silent, Kind::Http { .. }) => text.push_str(", then closes"),
            _ => {}
        }
        (text, body)
    }
}

/// The reason phrase of a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        405 => "Method Not Allowed",
        415 => "Unsupported Media Type",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
