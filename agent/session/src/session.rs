//! One session with the ACS, from the Inform to its end (TR-069 3.7.1).
//!
//! The caller posts what it is told to and hands in the replies. It stores an [`Action::Delivered`] before it does the action
//! that follows, so that nothing acknowledged is told twice.

use std::collections::VecDeque;

use cwmp_model::{Fault, FaultCode};
use cwmp_proto::{read, Body, Context, Inform, Limits, Message, ReadError, Request, Response};

/// How often a request is sent again because the ACS says 8005, "retry request".
pub const MAX_RESENDS: u32 = 5;
/// The most requests of the ACS in one session: an endless one costs a session, not the agent.
pub const MAX_REQUESTS: u32 = 100_000;
/// The versions that we offer (C1, C5).
pub const VERSIONS: &str = "1.0,1.1,1.2,1.3,1.4";
/// The namespace of the newest versions, 1.2 to 1.4 (C1).
pub const NEWEST: u8 = 2;

/// A request of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Own {
    /// Which methods the ACS has.
    GetRpcMethods,
}

/// What a session starts with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The Inform.
    pub inform: Inform,
    /// The last number of the namespace to begin with, see [`lower`].
    pub namespace: u8,
    /// Our own requests, in their order.
    pub own: Vec<Own>,
    /// How much of a message is accepted.
    pub limits: Limits,
}

/// What the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The InformResponse came: what it delivers is delivered. Another action follows.
    Delivered,
    /// Our own request was answered, or refused with this code. Another action follows.
    Answered(Own, Result<Response, Option<u32>>),
    /// Post an envelope.
    Post(Vec<u8>),
    /// Post nothing.
    PostEmpty,
    /// Do what the ACS asks, write the response with this ID and namespace, and hand it to [`Session::executed`].
    Execute {
        /// The ID to echo; empty if there was none.
        id: String,
        /// The namespace in use.
        namespace: u8,
        /// What is asked.
        request: Request,
    },
    /// The session has ended.
    Finish(Outcome),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As the standard wants it.
    Success,
    /// Otherwise: the retry policy applies.
    Failed(Failure),
}

/// Why a session failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The ACS does not speak the version of the Inform (C7): the next session tries a lower one.
    Version,
    /// The ACS refused the Inform with this code.
    Refused(Option<u32>),
    /// The ACS did not keep to the protocol.
    Protocol(String),
    /// The reply did not come or could not be used.
    Transport(String),
}

/// What we wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// The answer to the Inform.
    Inform,
    /// The answer to our own request.
    Own(Own),
    /// A request, or nothing.
    Request,
    /// The caller, who executes a request.
    Execution,
    /// Nothing any more.
    Over,
}

/// The state of a session.
#[derive(Debug)]
pub struct Session {
    waiting: Waiting,
    namespace: u8,
    hold: bool,
    /// An empty POST was sent while requests were not held (C60).
    sent_empty: bool,
    own: VecDeque<Own>,
    /// The request of ours that may have to be sent again.
    last: Vec<u8>,
    resends: u32,
    served: u32,
    next_id: u32,
    limits: Limits,
}

impl Session {
    /// Opens a session: the Inform is the first thing to post (C56).
    pub fn start(start: Start) -> (Self, Action) {
        let mut session = Self {
            waiting: Waiting::Inform,
            namespace: start.namespace.min(NEWEST),
            hold: false,
            sent_empty: false,
            own: start.own.into(),
            last: Vec::new(),
            resends: 0,
            served: 0,
            next_id: 1,
            limits: start.limits,
        };
        let id = session.fresh_id();
        let context = Context { namespace: session.namespace, id: &id };
        session.last = cwmp_proto::write_inform(context, &start.inform, VERSIONS);
        let post = Action::Post(session.last.clone());
        (session, post)
    }

    /// The reply to what was posted last: the body of a 200, empty for a 204 (C18).
    pub fn reply(&mut self, body: &[u8]) -> Vec<Action> {
        match self.waiting {
            Waiting::Execution | Waiting::Over => {
                return vec![self.fail(Failure::Protocol("out of turn".to_owned()))]
            }
            Waiting::Inform | Waiting::Own(_) if body.is_empty() => {
                // C57, C67: a request of ours that gets nothing is not answered.
                return vec![self.protocol("an empty reply to a request of ours")];
            }
            _ => {}
        }
        if body.is_empty() {
            self.hold = false;
            return vec![if self.sent_empty { self.finish(Outcome::Success) } else { self.go_on() }];
        }
        match read(body, self.limits) {
            Ok(message) => {
                self.hold = message.header.hold_requests;
                self.message(message)
            }
            Err(error) => vec![self.refuse(error)],
        }
    }

    /// The response, or fault, to the request that was to be executed (C59).
    pub fn executed(&mut self, response: Vec<u8>) -> Action {
        if self.waiting != Waiting::Execution {
            return self.protocol("a response without a request");
        }
        self.waiting = Waiting::Request;
        Action::Post(response)
    }

    /// The reply did not come (C19, C22).
    pub fn transport_failed(&mut self, why: impl Into<String>) -> Action {
        self.fail(Failure::Transport(why.into()))
    }

    fn message(&mut self, message: Message) -> Vec<Action> {
        match (self.waiting, message.body) {
            (Waiting::Inform, Body::Response(Response::Inform)) => {
                let chosen = message.header.use_version.as_deref();
                match chosen.map_or(Some(message.namespace), namespace_of) {
                    Some(namespace) if namespace <= self.namespace => self.namespace = namespace,
                    _ => return vec![self.protocol("the ACS chose a version that was not offered")],
                }
                self.resends = 0;
                vec![Action::Delivered, self.go_on()]
            }
            (Waiting::Own(own), Body::Response(response)) if answers(own, &response) => {
                self.resends = 0;
                vec![Action::Answered(own, Ok(response)), self.go_on()]
            }
            (Waiting::Inform | Waiting::Own(_), Body::Fault(fault)) if fault.code == Some(8005) => {
                self.resends += 1;
                if self.resends > MAX_RESENDS {
                    return vec![self.fail(Failure::Refused(fault.code))];
                }
                vec![Action::Post(self.last.clone())]
            }
            (Waiting::Inform, Body::Fault(fault)) => {
                let version = fault.code == Some(8006);
                vec![self.fail(if version { Failure::Version } else { Failure::Refused(fault.code) })]
            }
            // C58: the request counts as answered, the session goes on.
            (Waiting::Own(own), Body::Fault(fault)) => {
                self.resends = 0;
                vec![Action::Answered(own, Err(fault.code)), self.go_on()]
            }
            (Waiting::Request, Body::Request(request)) => {
                self.served += 1;
                if self.served > MAX_REQUESTS {
                    return vec![self.protocol("more requests than a session may have")];
                }
                self.waiting = Waiting::Execution;
                let id = message.header.id.unwrap_or_default();
                vec![Action::Execute { id, namespace: self.namespace, request }]
            }
            (_, body) => {
                let what = match body {
                    Body::Request(_) => "a request where a response is due",
                    Body::Response(_) => "a response that nobody waits for",
                    Body::Fault(_) => "a fault that nobody waits for",
                };
                // C218: a response or fault is never answered.
                vec![self.protocol(what)]
            }
        }
    }

    /// A message that cannot be used: answered if it is a request, else the end.
    fn refuse(&mut self, error: ReadError) -> Action {
        if self.waiting != Waiting::Request {
            return self.fail(Failure::Protocol(error.to_string()));
        }
        let text = error.to_string();
        let namespace = self.namespace;
        let answer = |id: Option<String>, fault: &Fault| {
            let id = id.unwrap_or_default();
            Action::Post(cwmp_proto::write_fault(Context { namespace, id: &id }, fault, &[]))
        };
        match error {
            ReadError::MustUnderstand { id, name } => {
                let id = id.unwrap_or_default();
                Action::Post(cwmp_proto::write_must_understand(Context { namespace, id: &id }, &name))
            }
            ReadError::UnknownMethod { id, .. } => {
                answer(id, &Fault::new(FaultCode::MethodNotSupported, text))
            }
            ReadError::Argument { id, fault, .. } => answer(id, &fault),
            _ => self.fail(Failure::Protocol(text)),
        }
    }

    /// Sends our next request, or nothing (C60 to C63).
    fn go_on(&mut self) -> Action {
        if !self.hold && !self.sent_empty {
            if let Some(own) = self.own.pop_front() {
                let id = self.fresh_id();
                let context = Context { namespace: self.namespace, id: &id };
                self.last = match own {
                    Own::GetRpcMethods => cwmp_proto::write_get_rpc_methods(context),
                };
                self.waiting = Waiting::Own(own);
                return Action::Post(self.last.clone());
            }
            self.sent_empty = true;
        }
        self.waiting = Waiting::Request;
        // It may be as large as an Inform, and is not needed again.
        self.last = Vec::new();
        Action::PostEmpty
    }

    fn fresh_id(&mut self) -> String {
        let id = self.next_id.to_string();
        self.next_id += 1;
        id
    }

    fn protocol(&mut self, why: &str) -> Action {
        self.fail(Failure::Protocol(why.to_owned()))
    }

    fn fail(&mut self, failure: Failure) -> Action {
        self.finish(Outcome::Failed(failure))
    }

    fn finish(&mut self, outcome: Outcome) -> Action {
        self.waiting = Waiting::Over;
        Action::Finish(outcome)
    }
}

/// The namespace to begin the next session with after the ACS refused the version (C7): one lower, down to the oldest.
pub fn lower(namespace: u8) -> u8 {
    namespace.saturating_sub(1)
}

fn answers(own: Own, response: &Response) -> bool {
    match own {
        Own::GetRpcMethods => matches!(response, Response::GetRpcMethods { .. }),
    }
}

/// The namespace of a version that we offered.
fn namespace_of(version: &str) -> Option<u8> {
    match version {
        "1.0" => Some(0),
        "1.1" => Some(1),
        "1.2" | "1.3" | "1.4" => Some(2),
        _ => None,
    }
}
