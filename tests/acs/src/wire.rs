//! HTTP/1.1 on a stream, by hand: a library would not send what is wrong, and would hide what a CPE really sends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::reply::{reason, Body, Close, Delivery, Kind, Reply};

/// The largest head of a request, in bytes.
const HEAD: usize = 64 * 1024;
/// The largest body of a request, in bytes.
const BODY: usize = 256 * 1024 * 1024;
/// What is sent at once of a body that is made while it is sent.
const PIECE: usize = 64 * 1024;
/// The beginning of such a body.
const HUGE_START: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
<S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\"><S:Header><Filler>";

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// When its last byte was there.
    pub(crate) arrived: Instant,
}

impl Raw {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The first header of that name.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Clear or encrypted.
pub(crate) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A stream and what was read from it but not used.
pub(crate) struct Wire {
    stream: Stream,
    buffer: BytesMut,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(8192) }
    }

    /// The next request; `None` when the peer closed before its first byte.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Raw>> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > HEAD {
                return Err(wrong("the head of a request is too long"));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(wrong("a request ends in its head"))
                };
            }
        };
        let head = self.buffer.split_to(end);
        self.buffer.advance(4);
        let head = std::str::from_utf8(&head).map_err(|_| wrong("the head of a request is not UTF-8"))?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (first.next(), first.next(), first.next(), first.next())
        else {
            return Err(wrong("the first line of a request is not METHOD TARGET VERSION"));
        };
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) =
                line.split_once(':').ok_or_else(|| wrong("a header of a request has no colon"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut raw = Raw {
            method: method.to_owned(),
            target: target.to_owned(),
            version: version.to_owned(),
            headers,
            body: Bytes::new(),
            arrived: Instant::now(),
        };
        raw.body = if raw.header("Transfer-Encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked")) {
            self.chunks().await?
        } else {
            let length = match raw.header("Content-Length") {
                Some(text) => text.parse().map_err(|_| wrong("Content-Length is no number"))?,
                None => 0,
            };
            self.exactly(length).await?
        };
        raw.arrived = Instant::now();
        Ok(Some(raw))
    }

    /// Waits until the peer sends something or closes: `true` when it sends.
    pub(crate) async fn stirs(&mut self) -> bool {
        if !self.buffer.is_empty() {
            return true;
        }
        matches!(self.fill().await, Ok(n) if n > 0)
    }

    /// Whether more has come than was asked for.
    pub(crate) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Sends a reply. `cookies` are set with it, if it is HTTP. Answers whether the connection may go on.
    pub(crate) async fn send(&mut self, reply: &Reply, cookies: &[String]) -> io::Result<bool> {
        let mut out = BytesMut::new();
        if reply.interim {
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let mut huge = None;
        let mut body_at = 0;
        match &reply.kind {
            Kind::Raw(bytes) => out.extend_from_slice(bytes),
            Kind::Nothing | Kind::Hang => {}
            Kind::Http { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} {}\r\nServer: cwmp-acs\r\n", reason(*status));
                for (name, value) in headers {
                    push(&mut head, name, value);
                }
                for cookie in cookies {
                    push(&mut head, "Set-Cookie", cookie);
                }
                if reply.close == Close::Announced {
                    push(&mut head, "Connection", "close");
                }
                match body {
                    Body::Chunked(..) => push(&mut head, "Transfer-Encoding", "chunked"),
                    Body::Whole(bytes) if header(headers, "Content-Length").is_none() => {
                        push(&mut head, "Content-Length", &bytes.len().to_string());
                    }
                    Body::Huge(size) => {
                        push(&mut head, "Content-Length", &size.to_string());
                        huge = Some(*size);
                    }
                    Body::None | Body::Whole(_) => {}
                }
                head.push_str("\r\n");
                out.extend_from_slice(head.as_bytes());
                body_at = out.len();
                match body {
                    Body::None | Body::Huge(_) => {}
                    Body::Whole(bytes) => out.extend_from_slice(bytes),
                    Body::Chunked(bytes, size) => {
                        for chunk in bytes.chunks(*size) {
                            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                            out.extend_from_slice(chunk);
                            out.extend_from_slice(b"\r\n");
                        }
                        out.extend_from_slice(b"0\r\n\r\n");
                    }
                }
            }
        }
        if reply.close == Close::Silent {
            self.hold_together();
        }
        match reply.delivery {
            Delivery::AtOnce => self.stream.write_all(&out).await?,
            Delivery::Cut(bytes) => self.stream.write_all(&out[..bytes.min(out.len())]).await?,
            Delivery::CutBody(bytes) => {
                self.stream.write_all(&out[..(body_at + bytes).min(out.len())]).await?;
            }
            Delivery::Drip(pause) => self.drip(&out, pause).await?,
        }
        if let Some(size) = huge {
            self.send_huge(size).await?;
        }
        self.stream.flush().await?;
        if reply.close == Close::No {
            return Ok(true);
        }
        self.stream.shutdown().await?;
        Ok(false)
    }

    /// What is sent from now on leaves together with the end of the connection: else a CPE could speak on a connection
    /// that is about to close, and nobody can say whether it was heard.
    fn hold_together(&self) {
        let tcp = match &self.stream {
            Stream::Clear(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        };
        // Without it the reply leaves as well, only a little earlier.
        let _ = socket2::SockRef::from(tcp).set_tcp_cork(true);
    }

    async fn drip(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes.chunks(1) {
            self.stream.write_all(byte).await?;
            self.stream.flush().await?;
            if pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }

    async fn send_huge(&mut self, size: u64) -> io::Result<()> {
        let mut left = size;
        let start = &HUGE_START[..HUGE_START.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.stream.write_all(start).await?;
        left -= start.len() as u64;
        let piece = vec![b'x'; PIECE];
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            self.stream.write_all(&piece[..now]).await?;
            left -= now as u64;
        }
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(PIECE);
        self.stream.read_buf(&mut self.buffer).await
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Bytes> {
        if length > BODY {
            return Err(wrong("the body of a request is too long"));
        }
        self.buffer.reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(wrong("a request ends in its body"));
            }
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(at);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.buffer.len() > HEAD || self.fill().await? == 0 {
                return Err(wrong("a chunked body ends too early"));
            }
        }
    }

    async fn chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| wrong("a chunk has no size"))?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body.freeze());
            }
            let chunk = self.exactly(size).await?;
            if body.len() + chunk.len() > BODY {
                return Err(wrong("the body of a request is too long"));
            }
            body.extend_from_slice(&chunk);
            self.line().await?;
        }
    }
}

fn push(head: &mut String, name: &str, value: &str) {
    head.push_str(name);
    head.push_str(": ");
    head.push_str(value);
    head.push_str("\r\n");
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn wrong(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
