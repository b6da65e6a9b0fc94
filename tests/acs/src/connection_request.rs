//! The ACS as a client: connection requests over HTTP (TR-069 3.2.2).

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;

use crate::digest::{parameters, random, Answer};
use crate::wire::header;

/// The largest answer that is read, in bytes.
const ANSWER: usize = 256 * 1024;

/// A connection request, as an ACS sends it: GET, and after a 401 the same again with credentials on the same socket.
#[derive(Debug, Clone)]
pub struct ConnectionRequest {
    /// The CPE's `ConnectionRequestURL`.
    pub url: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// GET, unless a wrong method is to be tried.
    pub method: String,
    /// Which answer is given to a challenge.
    pub answer: CredentialForm,
    /// Whether the second GET goes over a new connection, as some ACSs do.
    pub reconnect: bool,
    /// A body, which a CPE must ignore.
    pub body: String,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// How a challenge is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialForm {
    /// Digest, with the quality `auth` where it is offered.
    Digest,
    /// Digest without quality, as in RFC 2069, whatever is offered.
    DigestWithoutQop,
    /// Basic, which a CPE must not accept.
    Basic,
    /// Not at all.
    Nothing,
}

/// How a connection request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The last status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The challenge that came before, if there was one.
    pub challenge: Option<String>,
    /// The Authorization that answered it, so that a test can send it again.
    pub authorization: Option<String>,
    /// Whether the second GET had to open a new connection.
    pub reconnected: bool,
}

impl Outcome {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl ConnectionRequest {
    /// A connection request as it should be.
    pub fn new(url: impl Into<String>, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: user.into(),
            password: password.into(),
            method: "GET".to_owned(),
            answer: CredentialForm::Digest,
            reconnect: false,
            body: String::new(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Sends it. An error is a CPE that cannot be reached or does not speak HTTP.
    pub fn send(&self) -> io::Result<Outcome> {
        let (authority, target) = self.parts()?;
        let mut socket = self.connect(authority)?;
        let first = self.exchange(&mut socket, authority, target, None)?;
        let challenge = header(&first.headers, "WWW-Authenticate").map(str::to_owned);
        let (401, Some(challenge)) = (first.status, challenge) else { return Ok(first) };
        let Some(authorization) = self.authorize(&challenge, target) else {
            return Ok(Outcome { challenge: Some(challenge), ..first });
        };
        let closes = first.header("Connection").is_some_and(|c| c.eq_ignore_ascii_case("close"));
        let reconnected = self.reconnect || closes;
        if reconnected {
            socket = self.connect(authority)?;
        }
        let second = self.exchange(&mut socket, authority, target, Some(&authorization))?;
        Ok(Outcome { challenge: Some(challenge), authorization: Some(authorization), reconnected, ..second })
    }

    /// Sends one GET with this Authorization: an old one, for a test of replays.
    pub fn send_with(&self, authorization: &str) -> io::Result<Outcome> {
        let (authority, target) = self.parts()?;
        self.exchange(&mut self.connect(authority)?, authority, target, Some(authorization))
    }

    fn parts(&self) -> io::Result<(&str, &str)> {
        let rest = self.url.strip_prefix("http://").ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("'{}' is no http URL", self.url))
        })?;
        Ok(rest.find('/').map_or((rest, "/"), |at| rest.split_at(at)))
    }

    fn connect(&self, authority: &str) -> io::Result<TcpStream> {
        let port = authority.rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
        let socket = if port { TcpStream::connect(authority)? } else { TcpStream::connect((authority, 80))? };
        socket.set_read_timeout(Some(self.timeout))?;
        socket.set_write_timeout(Some(self.timeout))?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    fn exchange(
        &self,
        socket: &mut TcpStream,
        authority: &str,
        target: &str,
        authorization: Option<&str>,
    ) -> io::Result<Outcome> {
        let mut text =
            format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: keep-alive\r\n", self.method);
        if let Some(authorization) = authorization {
            let _ = writeln!(text, "Authorization: {authorization}\r");
        }
        if !self.body.is_empty() {
            let _ = writeln!(text, "Content-Length: {}\r", self.body.len());
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        socket.write_all(text.as_bytes())?;
        read_answer(socket)
    }

    fn authorize(&self, challenge: &str, target: &str) -> Option<String> {
        let (scheme, rest) = challenge.split_once(' ')?;
        if self.answer == CredentialForm::Nothing {
            return None;
        }
        if self.answer == CredentialForm::Basic {
            return Some(format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password))));
        }
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let offered = parameters(rest);
        let get = |name: &str| offered.get(name).map(String::as_str);
        let (realm, nonce) = (get("realm").unwrap_or_default(), get("nonce").unwrap_or_default());
        let cnonce = random(8);
        let auth = get("qop").is_some_and(|q| q.split(',').any(|q| q.trim() == "auth"))
            && self.answer == CredentialForm::Digest;
        let algorithm = get("algorithm").unwrap_or("MD5");
        let session = algorithm.eq_ignore_ascii_case("MD5-sess");
        let response = Answer {
            user: &self.user,
            realm,
            password: &self.password,
            method: &self.method,
            uri: target,
            nonce,
            auth: auth.then_some(("00000001", &cnonce)),
            session: session.then_some(&cnonce),
        }
        .response();
        let mut text = format!(
            "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{target}\", response=\"{response}\"",
            self.user.replace('\\', "\\\\").replace('"', "\\\"")
        );
        if offered.contains_key("algorithm") {
            let _ = write!(text, ", algorithm={algorithm}");
        }
        if auth {
            let _ = write!(text, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
        } else if session {
            let _ = write!(text, ", cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = get("opaque") {
            let _ = write!(text, ", opaque=\"{opaque}\"");
        }
        Some(text)
    }
}

fn read_answer(socket: &mut TcpStream) -> io::Result<Outcome> {
    let mut raw = Vec::new();
    let end = loop {
        if let Some(at) = raw.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if !more(socket, &mut raw)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = raw.split_off(end + 4);
    let head = String::from_utf8_lossy(&raw);
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP status"))?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length = match header(&headers, "Content-Length") {
        Some(text) => text.parse().unwrap_or(0),
        None if status == 204 => 0,
        None => ANSWER,
    };
    while body.len() < length && more(socket, &mut body)? {}
    Ok(Outcome { status, headers, body, challenge: None, authorization: None, reconnected: false })
}

fn more(socket: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = [0; 4096];
    let read = socket.read(&mut piece)?;
    into.extend_from_slice(&piece[..read]);
    if into.len() > ANSWER {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
    }
    Ok(read > 0)
}
