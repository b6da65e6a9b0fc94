//! One session over one connection: the protocol's machine says what, this does it.

use std::time::Duration;

use bytes::Bytes;
use cwmp_model::{date_time, Value};
use cwmp_net::{Client, Credentials, NetError, Url};
use cwmp_proto::{Context, Event, Inform, Limits};
use cwmp_session::{event, Action, EventRecord, Failure, Outcome, Session, Start};

use super::execute::execute;
use crate::core::Core;
use crate::identity::Identity;
use crate::local;

/// What a session came to.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// The ACS asks not to be tried before so many seconds.
    pub(super) retry_after: Option<u64>,
}

/// What the Inform told, to be marked as delivered when the ACS has it.
struct Told {
    events: Vec<EventRecord>,
    values: Vec<(String, Value)>,
}

/// Runs one session from the Inform to the end.
pub(super) async fn run(
    core: &Core,
    client: &Client,
    identity: &Identity,
    url: &Url,
    retry_count: u32,
    namespace: u8,
    number: u64,
) -> Ended {
    let credentials =
        Credentials { username: core.setting(local::USERNAME), password: core.setting(local::PASSWORD) };
    // Without a date the validity of certificates means nothing (C38).
    let mut connection = client.open(url, credentials, core.clock.is_trusted());
    let (inform, told) = inform(core, identity, retry_count);
    let events: Vec<&str> = told.events.iter().map(|e| e.code.as_str()).collect();
    tracing::info!("session {number}: opens with {}", events.join(", "));
    let limits = Limits { bytes: core.config.acs.max_message, ..Limits::default() };
    let (mut session, first) = Session::start(Start { inform, namespace, own: Vec::new(), limits });
    let mut retry_after = None;
    let mut actions = std::collections::VecDeque::from([first]);
    let outcome = loop {
        let Some(action) = actions.pop_front() else {
            break Outcome::Failed(Failure::Protocol("nothing left to do".to_owned()));
        };
        let body = match action {
            Action::Post(envelope) => Some(Bytes::from(envelope)),
            Action::PostEmpty => None,
            Action::Delivered => {
                // Stored before the next message is sent, so that nothing acknowledged is told twice.
                core.delivered(&told.events, &told.values).await;
                continue;
            }
            Action::Answered(..) => continue,
            Action::Execute { id, namespace, request } => {
                let context = Context { namespace, id: &id };
                tracing::info!("session {number}: {}", request.method());
                let response = execute(core, context, request, number).await;
                actions.push_front(session.executed(response));
                continue;
            }
            Action::Finish(outcome) => break outcome,
        };
        core.pulse.exchange(Duration::from_secs(core.config.acs.response_timeout));
        let reply = connection.post(body).await;
        core.pulse.step();
        crate::cut::sent();
        match reply {
            Ok(reply) => actions.extend(session.reply(&reply)),
            Err(error) => {
                retry_after = wait_of(&error);
                actions.push_back(session.transport_failed(error.to_string()));
            }
        }
    };
    connection.close().await;
    Ended { outcome, retry_after }
}

/// A 503 may say when to come back.
fn wait_of(error: &NetError) -> Option<u64> {
    match error {
        NetError::Status { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
        _ => None,
    }
}

fn inform(core: &Core, identity: &Identity, retry_count: u32) -> (Inform, Told) {
    let changes = core.changes_for_inform();
    let mut events = core.events_for_inform();
    // `4 VALUE CHANGE` stands for changes that are told, and for nothing else (C78).
    let listed = events.iter().position(|e| e.code == event::VALUE_CHANGE);
    match (changes.is_empty(), listed) {
        (true, Some(position)) => {
            events.remove(position);
        }
        (false, None) => {
            let number = |e: &EventRecord| e.code.split(' ').next().and_then(|n| n.parse::<u32>().ok());
            let at = events.iter().position(|e| number(e).is_none_or(|n| n > 4)).unwrap_or(events.len());
            let record = EventRecord { seq: 0, code: event::VALUE_CHANGE.into(), command_key: String::new() };
            events.insert(at, record);
        }
        _ => {}
    }
    let mut parameters = core.inform_parameters();
    let forced = parameters.len();
    for (name, value) in changes {
        // Changes differ in their names; only those of every Inform may be there already.
        match parameters[..forced].iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => parameters.push((name, value)),
        }
    }
    let now = if core.clock.is_trusted() {
        date_time::from_unix_seconds(core.clock.unix())
    } else {
        date_time::UNKNOWN.to_owned()
    };
    let inform = Inform {
        manufacturer: identity.manufacturer.clone(),
        oui: identity.oui.clone(),
        product_class: identity.product_class.clone(),
        serial_number: identity.serial_number.clone(),
        events: events
            .iter()
            .map(|e| Event { code: e.code.clone(), command_key: e.command_key.clone() })
            .collect(),
        current_time: now,
        retry_count,
        parameters: parameters.clone(),
    };
    (inform, Told { events, values: parameters })
}
