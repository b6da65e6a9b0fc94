//! What a CPE may say at which point of a session.

use cwmp_proto::acs::{CpeBody, FromCpe};
use cwmp_proto::{Body, ReadError, Response};

use super::{Awaited, Moves, Pending, Session, Stage, What};
use crate::line::Incoming;
use crate::options::Personality;
use crate::post::{Content, Post};
use crate::reply::Reply;
use crate::rules::Violation;

impl Session {
    /// Takes note of what a reply wants from the CPE.
    pub(super) fn understand(&mut self, reply: &Reply, pending: &Pending) {
        self.awaited = None;
        self.held = false;
        self.again = reply.sends_elsewhere().then(|| pending.body.clone());
        let body = reply.summary().1;
        if body.is_empty() {
            return;
        }
        let asked = |id: Option<String>, method| Some(Awaited { id: id.unwrap_or_default(), method });
        match cwmp_proto::read(&body, cwmp_proto::Limits::default()) {
            Ok(message) => {
                self.held = message.header.hold_requests;
                match message.body {
                    Body::Request(request) => {
                        self.awaited = asked(message.header.id, Some(request.method()));
                    }
                    Body::Response(Response::Inform) if pending.what == What::Inform => {
                        self.stage = Stage::Open;
                    }
                    // C57: this fault asks for the same again.
                    Body::Fault(fault) if fault.code == Some(8005) => self.again = Some(pending.body.clone()),
                    _ => {}
                }
            }
            Err(
                ReadError::UnknownMethod { id, .. }
                | ReadError::MustUnderstand { id, .. }
                | ReadError::Argument { id, .. },
            ) => self.awaited = asked(id, None),
            // The CPE cannot answer what it cannot read.
            Err(_) => {}
        }
    }

    /// Takes a POST in; `None` when it was refused, as this personality does, and nobody minds.
    #[track_caller]
    pub(super) fn take(&mut self, incoming: Incoming) -> Option<Post> {
        let Incoming { mut post, reply, entry } = incoming;
        let mut violations = std::mem::take(&mut post.violations);
        let mut refusal = post.refusal;
        let what = match &post.content {
            Content::Empty => What::Empty,
            Content::Unreadable(why) => {
                violations.push(Violation::new("C4", format!("a message cannot be read: {why}")));
                What::Other
            }
            Content::Message(message) => match &message.body {
                CpeBody::Inform { .. } => What::Inform,
                CpeBody::Request(_) => What::Request,
                CpeBody::Response(_) | CpeBody::Fault(_) => What::Answer,
            },
        };
        if self.connection != post.connection && self.moves == Moves::No {
            violations.push(Violation::new("C21", "the session goes on over another connection"));
        }
        self.connection = post.connection;
        let again = self.again.take();
        let before = violations.len();
        match again {
            Some(body) if body == post.body => {}
            Some(_) => {
                violations.push(Violation::new("C25", "the POST that should come again is another one"));
            }
            None => self.check_order(&post, what, &mut violations),
        }
        if violations.len() > before && self.board.options.personality == Personality::GenieStrict {
            refusal = refusal.or(Some("Bad session state"));
        }
        if let Some(message) = post.message() {
            if matches!(what, What::Inform | What::Request) {
                self.received_id = message.id.clone().unwrap_or_default();
            }
            if let CpeBody::Request(request) = &message.body {
                self.requests.push(request.clone());
            }
        }
        let pending = Pending { reply, entry, what, body: post.body.clone() };
        self.board.blame(violations);
        if let Some(text) = refusal {
            let reply = Reply::status(400).body("text/plain", text);
            self.line.answered(pending.entry, &reply, "");
            let _ = pending.reply.send(reply);
            self.moves = Moves::No;
            if !self.board.options.lenient {
                self.fail(&format!("the ACS refuses a POST: {text}"));
            }
            return None;
        }
        self.pending = Some(pending);
        Some(post)
    }

    /// What may come now (C56 to C63).
    fn check_order(&mut self, post: &Post, what: What, violations: &mut Vec<Violation>) {
        let mut breach = |item, text: String| violations.push(Violation::new(item, text));
        let awaited = self.awaited.take();
        if let (Some(_), What::Empty | What::Inform | What::Request) = (&awaited, what) {
            breach("C59", "a request of the ACS is not answered by the next POST".to_owned());
        }
        match what {
            What::Inform if self.stage == Stage::Informing => {}
            What::Inform => breach("C56", "an Inform comes within the session".to_owned()),
            _ if self.stage == Stage::Informing && self.has_inform() => {
                breach("C56", "something follows an Inform that was not accepted".to_owned());
            }
            What::Request if self.held => {
                breach("C63", "a request comes in spite of HoldRequests".to_owned());
            }
            What::Request if self.stage >= Stage::Turned => {
                breach("C60", "a request comes after the empty POST".to_owned());
            }
            What::Empty if self.stage == Stage::Open && !self.held => self.stage = Stage::Turned,
            _ => {}
        }
        let Some(message) = post.message() else { return };
        if matches!(what, What::Inform | What::Request) {
            if !self.ids.insert(message.id.clone().unwrap_or_default()) {
                breach("C10", "a request has the cwmp:ID of an earlier one".to_owned());
            }
            return;
        }
        self.check_answer(message, awaited, &mut breach);
    }

    fn check_answer(
        &self,
        message: &FromCpe,
        awaited: Option<Awaited>,
        breach: &mut impl FnMut(&'static str, String),
    ) {
        let Some(awaited) = awaited else {
            // A session that was taken over in the middle does not know what was asked.
            if self.has_inform() {
                breach("C59", "an answer comes to nothing that was asked".to_owned());
            }
            return;
        };
        let id = message.id.clone().unwrap_or_default();
        if id != awaited.id {
            breach("C10", format!("the answer to '{}' has the cwmp:ID '{id}'", awaited.id));
        }
        if let CpeBody::Response(response) = &message.body {
            if awaited.method != Some(response.method()) {
                let asked = awaited.method.unwrap_or("a message that only a fault can answer");
                breach("C13", format!("{asked} is answered with {}Response", response.method()));
            }
        }
        if message.namespace != self.speaks() {
            breach("C6", format!("the answer is in the namespace cwmp-1-{}", message.namespace));
        }
    }
}
