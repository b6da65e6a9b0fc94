//! One connection: from its first byte to its last.

use std::sync::Arc;

use cwmp_proto::acs::CpeBody;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::guard::{Guard, Verdict};
use crate::line::{Event, Incident, Incoming, Line, Switchboard};
use crate::options::Personality;
use crate::post::{Content, Post};
use crate::reply::{Kind, Reply};
use crate::wire::{Stream, Wire};
use crate::{rules, session};

/// Serves a connection until one side closes it.
pub(crate) async fn serve(board: Arc<Switchboard>, stream: TcpStream, tls: Option<TlsAcceptor>) {
    let number = board.next_connection();
    // Small replies must not wait for the CPE's acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut server_name = None;
    let stream = match tls {
        None => Stream::Clear(stream),
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => {
                server_name = stream.get_ref().1.server_name().map(str::to_owned);
                Stream::Tls(Box::new(stream))
            }
            Err(error) => return board.report(Incident::Handshake(error.to_string())),
        },
    };
    let mut connection = Connection { board, number, line: None, wire: Wire::new(stream), server_name };
    connection.run().await;
    connection.left();
}

struct Connection {
    board: Arc<Switchboard>,
    number: u32,
    line: Option<Arc<Line>>,
    wire: Wire,
    server_name: Option<String>,
}

impl Connection {
    /// Request after request, until one side closes.
    async fn run(&mut self) {
        let mut guard = Guard::new();
        loop {
            let line = self.line.clone();
            let raw = match &line {
                // A session that is dropped takes its connections with it.
                Some(line) => {
                    let mut closing = line.closing();
                    tokio::select! {
                        raw = self.wire.request() => raw,
                        _ = closing.wait_for(|c| *c) => return,
                    }
                }
                None => self.wire.request().await,
            };
            let raw = match raw {
                Ok(Some(raw)) => raw,
                Ok(None) => {
                    if self.line.is_none() {
                        self.board.report(Incident::Silent);
                    }
                    return;
                }
                Err(error) => {
                    if self.line.is_none() {
                        self.board.report(Incident::NotHttp(error.to_string()));
                    }
                    return;
                }
            };
            let personality = self.board.options.personality;
            let mut violations = rules::http(&raw);
            let content = Content::read(&raw.body);
            if let Content::Message(message) = &content {
                violations.extend(rules::envelope(&raw.body, message));
            }
            if self.wire.has_more() {
                violations.push(rules::Violation::new("C15", "a request follows before the reply"));
            }
            let device = match &content {
                Content::Message(message) => match &message.body {
                    CpeBody::Inform { inform, .. } => Some(session::device(inform)),
                    _ => None,
                },
                _ => None,
            };
            if device.is_some() && self.line.is_none() {
                // A connection that the CPE closed before this one is seen to be closed before this goes on.
                tokio::task::yield_now().await;
            }
            let (line, routing) = self.board.route(&raw, device.as_deref(), self.line.as_ref());
            let lost_cookie = routing.iter().any(|v| v.item == "C24");
            violations.extend(routing);
            self.join(&line);
            let entry = line.heard(self.number, &raw);
            if let Some(wanted) = &self.board.options.authentication {
                let verdict = guard.judge(&raw, wanted, &mut violations);
                violations.extend(guard.cnonce().and_then(|c| self.board.cnonce(c, self.number)));
                if let Verdict::Challenge(reply, reason) = verdict {
                    self.board.blame(violations);
                    line.answered(entry, &reply, &reason);
                    match self.wire.send(&reply, &line.set_cookies()).await {
                        Ok(true) => continue,
                        Ok(false) | Err(_) => return,
                    }
                }
            }
            if device.is_some() {
                self.board.count_inform();
            }
            let twice = personality == Personality::GenieStrict && violations.iter().any(|v| v.item == "C70");
            let refusal = if lost_cookie {
                Some("Invalid session")
            } else if twice {
                Some("CPE already in session")
            } else {
                rules::refusal(personality, &raw, &content, &violations)
            };
            // A session that does not begin is nothing for a test, unless it has to know.
            if let Some(why) =
                refusal.filter(|_| !line.is_announced() && (twice || self.board.options.lenient))
            {
                self.board.blame(violations);
                let reply = Reply::status(400).body("text/plain", why);
                line.answered(entry, &reply, why);
                match self.wire.send(&reply, &line.set_cookies()).await {
                    Ok(true) => continue,
                    Ok(false) | Err(_) => return,
                }
            }
            let post = Post {
                connection: self.number,
                target: raw.target,
                headers: raw.headers,
                body: raw.body,
                content,
                server_name: self.server_name.clone(),
                violations,
                refusal,
            };
            let (sender, receiver) = oneshot::channel();
            self.board.announce(&line);
            if !line.tell(Event::Post(Box::new(Incoming { post, reply: sender, entry }))) {
                return;
            }
            let Some(reply) = self.reply(receiver).await else { return };
            if matches!(reply.kind, Kind::Hang) {
                let mut closing = line.closing();
                tokio::select! {
                    _ = self.wire.stirs() => return,
                    _ = closing.wait_for(|c| *c) => return,
                }
            }
            match self.wire.send(&reply, &line.set_cookies()).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Waits for the reply, and sees when the CPE speaks out of turn or gives up: `None`.
    async fn reply(&mut self, receiver: oneshot::Receiver<Reply>) -> Option<Reply> {
        tokio::pin!(receiver);
        let mut blamed = false;
        loop {
            tokio::select! {
                biased;
                // A sender that is dropped belongs to a session that is dropped.
                reply = &mut receiver => return Some(reply.unwrap_or_else(|_| Reply::close())),
                more = self.wire.stirs(), if !blamed => {
                    if !more {
                        return None;
                    }
                    self.board.blame([rules::Violation::new("C15", "the CPE speaks before the reply came")]);
                    blamed = true;
                }
            }
        }
    }

    fn join(&mut self, line: &Arc<Line>) {
        if self.line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            return;
        }
        if let Some(before) = self.line.replace(Arc::clone(line)) {
            before.leaves(self.number);
            before.tell(Event::Closed);
        }
        line.joins(self.number);
    }

    fn left(&mut self) {
        let Some(line) = self.line.take() else { return };
        let others = line.leaves(self.number);
        if line.is_ending() && !others {
            // Here, because the CPE may be back before the test has heard of it.
            self.board.retire(&line);
        }
        line.tell(Event::Closed);
        if !line.is_announced() && !others {
            self.board.forget(&line);
            self.board.report(Incident::Refused(line.transcript()));
        }
    }
}
