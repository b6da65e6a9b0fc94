//! What a CPE sends.

use bytes::Bytes;
use cwmp_proto::acs::{self, FromCpe};
use cwmp_proto::Limits;

use crate::rules::Violation;
use crate::wire;

/// A POST of a CPE.
#[derive(Debug)]
pub struct Post {
    /// The connection it came on; connections are counted from 1 over the life of the ACS.
    pub connection: u32,
    /// Path and query.
    pub target: String,
    /// The headers, as they came.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Bytes,
    /// What the body says.
    pub content: Content,
    /// The host that the CPE named to TLS.
    pub server_name: Option<String>,
    pub(crate) violations: Vec<Violation>,
    /// Why an ACS of this personality answers 400.
    pub(crate) refusal: Option<&'static str>,
}

/// What a body says.
#[derive(Debug)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A message.
    Message(Box<FromCpe>),
    /// Something that is no message of CWMP, and why.
    Unreadable(String),
}

impl Post {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or("(not UTF-8)")
    }

    /// The message, if there is one.
    pub fn message(&self) -> Option<&FromCpe> {
        match &self.content {
            Content::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Whether the body is empty.
    pub fn is_empty(&self) -> bool {
        matches!(self.content, Content::Empty)
    }
}

impl Content {
    pub(crate) fn read(body: &[u8]) -> Self {
        if body.is_empty() {
            return Self::Empty;
        }
        let limits = Limits { bytes: usize::MAX, ..Limits::default() };
        match acs::read(body, limits) {
            Ok(message) => Self::Message(Box::new(message)),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}
