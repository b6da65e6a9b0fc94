//! How the personalities differ in what they say.

use cwmp_proto::acs;
use cwmp_proto::{Context, CpeRequest, Response};

use crate::options::Personality;
use crate::reply::{Close, Reply};

/// What an ACS lists in a GetRPCMethodsResponse.
const METHODS: [&str; 3] = ["Inform", "GetRPCMethods", "TransferComplete"];

/// The `cwmp:ID` of the request number `number`.
pub(crate) fn id(personality: Personality, number: u32) -> String {
    match personality {
        Personality::Sloppy => String::new(),
        Personality::GenieStrict => format!("{number:016x}"),
        Personality::Standard | Personality::FreeAcs => format!("acs-{number}"),
    }
}

/// The answer to a request of the CPE; `None` is an empty reply.
pub(crate) fn answer(
    personality: Personality,
    request: &CpeRequest,
    context: Context<'_>,
) -> Option<Vec<u8>> {
    let known = METHODS.contains(&request.method());
    let response = match request {
        CpeRequest::GetRpcMethods => Response::GetRpcMethods { methods: METHODS.map(str::to_owned).to_vec() },
        CpeRequest::AutonomousTransferComplete(_) => Response::AutonomousTransferComplete,
        CpeRequest::DuStateChangeComplete { .. } => Response::DuStateChangeComplete,
        CpeRequest::AutonomousDuStateChangeComplete { .. } => Response::AutonomousDuStateChangeComplete,
        CpeRequest::RequestDownload { .. } => Response::RequestDownload,
        CpeRequest::Kicked { .. } => Response::Kicked { next_url: String::new() },
        CpeRequest::TransferComplete(_) => Response::TransferComplete,
        other => panic!("there is no answer to {} yet", other.method()),
    };
    let plain = acs::write_response(context, &response);
    match personality {
        Personality::Standard => Some(plain),
        Personality::Sloppy => Some(spoil(personality, plain)),
        Personality::GenieStrict | Personality::FreeAcs if known => Some(plain),
        Personality::FreeAcs => None,
        Personality::GenieStrict => {
            // With two colons, as it really is sent.
            let fault = text(acs::write_fault(context, 8000, "Method not supported"));
            Some(fault.replace("soap-env:Fault>", "soap-env:Body:Fault>").into_bytes())
        }
    }
}

/// Gives an envelope the manners of the personality.
pub(crate) fn spoil(personality: Personality, envelope: Vec<u8>) -> Vec<u8> {
    if personality != Personality::Sloppy {
        return envelope;
    }
    // Texts inside cannot be hit: `<` and `"` are escaped there.
    let mut text = text(envelope)
        .replace("<soap-env:", "<S:")
        .replace("</soap-env:", "</S:")
        .replace(" soap-env:mustUnderstand=\"1\"", "")
        .replace("xmlns:soap-env=", "xmlns:S=")
        .replace("xmlns:soap-enc=", "xmlns:encoding=")
        .replace(" soap-enc:arrayType=", " encoding:arrayType=")
        .replace("<cwmp:", "<ns1:")
        .replace("</cwmp:", "</ns1:")
        .replace("xmlns:cwmp=", "xmlns:ns1=")
        .replace("</S:Header>", "<ns1:NoMoreRequests>0</ns1:NoMoreRequests></S:Header>")
        .replace("</MaxEnvelopes>", "</MaxEnvelopes><CurrentTime>2026-01-01T00:00:00.000Z</CurrentTime>");
    text = between(&text, " xsi:type=\"", "\"", |_| String::new());
    text = between(&text, " encoding:arrayType=\"", "\"", |kind| {
        let member = kind.split('[').next().unwrap_or_default();
        format!(" encoding:arrayType=\"{member}[0007]\"")
    });
    text.into_bytes()
}

/// Closes the connection where the personality does.
pub(crate) fn closing(personality: Personality, reply: Reply, number: u32) -> Reply {
    if personality != Personality::Sloppy || reply.close != Close::No {
        return reply;
    }
    match number % 4 {
        1 => reply.closing(),
        3 => reply.then_close(),
        _ => reply,
    }
}

/// Replaces each `start...end` by what `with` makes of what is between.
fn between(text: &str, start: &str, end: &str, with: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(start) {
        let Some((inside, after)) = after.split_once(end) else { break };
        out.push_str(before);
        out.push_str(&with(inside));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn text(envelope: Vec<u8>) -> String {
    String::from_utf8(envelope).unwrap_or_else(|e| panic!("what we write is UTF-8: {e}"))
}
