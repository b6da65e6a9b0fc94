//! What every message of a CPE must be like, whatever it says.
//!
//! Each breach names the item of the conformance list that it breaks. What depends on the order of messages is checked by
//! the session.

use cwmp_proto::acs::{CpeBody, FromCpe};
use cwmp_proto::CpeResponse;

use crate::options::Personality;
use crate::post::Content;
use crate::wire::Raw;

/// The longest `cwmp:ID` that a CPE should send, in bytes.
const ID: usize = 32;
/// The most events of an Inform.
const EVENTS: usize = 64;

/// A breach of the protocol by the CPE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The item of the conformance list, `C16`.
    pub item: &'static str,
    /// What is wrong.
    pub text: String,
}

impl Violation {
    pub(crate) fn new(item: &'static str, text: impl Into<String>) -> Self {
        Self { item, text: text.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.item, self.text)
    }
}

/// Checks what HTTP carries besides the body (C15 to C20).
pub(crate) fn http(raw: &Raw) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut breach = |item, text: String| found.push(Violation::new(item, text));
    if raw.method != "POST" || raw.version != "HTTP/1.1" {
        breach("C15", format!("{} and {} instead of POST and HTTP/1.1", raw.method, raw.version));
    }
    if raw.header("Host").is_none() {
        breach("C15", "there is no Host".to_owned());
    }
    for name in ["Content-Length", "Content-Type", "SOAPAction", "Host", "Authorization", "Cookie"] {
        if raw.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count() > 1 {
            breach("C15", format!("{name} is there more than once"));
        }
    }
    if raw.header("Expect").is_some() {
        breach("C20", "there is an Expect".to_owned());
    }
    if raw.header("Transfer-Encoding").is_some() {
        breach("C20", "the body is chunked".to_owned());
    }
    if raw.header("Content-Length").is_none() {
        let item = if raw.body.is_empty() { "C17" } else { "C20" };
        breach(item, "there is no Content-Length".to_owned());
    }
    if raw.body.is_empty() {
        for name in ["Content-Type", "SOAPAction"] {
            if raw.header(name).is_some() {
                breach("C17", format!("an empty POST has a {name}"));
            }
        }
        return found;
    }
    match raw.header("Content-Type") {
        None => breach("C16", "there is no Content-Type".to_owned()),
        Some(kind) if kind.split(';').next().unwrap_or_default().trim() == "text/xml" => {}
        Some(kind) => breach("C16", format!("the Content-Type is {kind}")),
    }
    match raw.header("SOAPAction") {
        None => breach("C16", "there is no SOAPAction".to_owned()),
        Some("") => {}
        Some(value) => breach("C16", format!("the SOAPAction has the value {value}")),
    }
    found
}

/// Checks an envelope: what its text is like, and what it says (C1 to C14, C71, C72, C8).
pub(crate) fn envelope(bytes: &[u8], message: &FromCpe) -> Vec<Violation> {
    let mut found = Vec::new();
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![Violation::new("C14", "the envelope is not UTF-8")];
    };
    let mut breach = |item, text: String| found.push(Violation::new(item, text));
    match &message.id {
        None => breach("C10", "there is no cwmp:ID".to_owned()),
        Some(id) => {
            let ours = matches!(message.body, CpeBody::Inform { .. } | CpeBody::Request(_));
            if ours && (id.is_empty() || id.len() > ID) {
                breach("C10", format!("the cwmp:ID '{id}' of a request is empty or long"));
            }
            let tag =
                text.split_once("<cwmp:ID").and_then(|(_, rest)| rest.split_once('>')).map(|(tag, _)| tag);
            if !tag.is_some_and(|tag| tag.contains(":mustUnderstand=\"1\"")) {
                breach("C10", "the cwmp:ID has no mustUnderstand=\"1\"".to_owned());
            }
        }
    }
    let head = &text[..text.find("Body>").unwrap_or(text.len())];
    for prefix in ["xmlns:cwmp=", "xmlns:xsd=", "xmlns:xsi="] {
        if !head.contains(prefix) {
            breach("C4", format!("{prefix} is not declared"));
        }
    }
    if text.contains("<!") {
        breach("C14", "there are comments, declarations or CDATA".to_owned());
    }
    // Only there is the type of a value not fixed by the schema.
    if matches!(
        &message.body,
        CpeBody::Inform { .. } | CpeBody::Response(CpeResponse::GetParameterValues { .. })
    ) {
        values(text, &mut breach);
    }
    arrays(text, &mut breach);
    match &message.body {
        CpeBody::Inform { inform, max_envelopes } => {
            if *max_envelopes != 1 {
                breach("C8", format!("MaxEnvelopes is {max_envelopes}"));
            }
            let oui = &inform.oui;
            if oui.len() != 6 || !oui.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)) {
                breach("C71", format!("the OUI is '{oui}'"));
            }
            if inform.serial_number.is_empty() || inform.manufacturer.is_empty() {
                breach("C71", "the serial number or the manufacturer is empty".to_owned());
            }
            // A retry may have nothing left to tell: what an InformResponse delivered is not told again (C93).
            let empty = inform.events.is_empty() && inform.retry_count == 0;
            if empty || inform.events.len() > EVENTS {
                breach("C72", format!("an Inform has {} events", inform.events.len()));
            }
            for (at, event) in inform.events.iter().enumerate() {
                if inform.events[..at].contains(event) {
                    breach("C72", format!("the event {} '{}' is there twice", event.code, event.command_key));
                }
            }
            let has = |code: &str| inform.events.iter().any(|e| e.code == code);
            for (one, other) in [
                ("M Reboot", "1 BOOT"),
                ("M ScheduleInform", "3 SCHEDULED"),
                ("M Download", "7 TRANSFER COMPLETE"),
                ("M ScheduleDownload", "7 TRANSFER COMPLETE"),
                ("M Upload", "7 TRANSFER COMPLETE"),
            ] {
                if has(one) && !has(other) {
                    breach("C82", format!("the event {one} is there without {other}"));
                }
            }
            let versions = message.supported_versions.as_deref().unwrap_or_default();
            if message.namespace >= 2 && !versions.split(',').all(|v| v.trim().starts_with("1.")) {
                breach("C5", format!("an Inform has the SupportedCWMPVersions '{versions}'"));
            }
            if message.namespace < 2 && message.supported_versions.is_some() {
                breach("C2", "an old Inform has SupportedCWMPVersions".to_owned());
            }
        }
        // The SOAP fault for a header that is not understood is no fault of CWMP.
        CpeBody::Fault(fault) if fault.soap_code != "MustUnderstand" => {
            if !text.contains("<faultstring>CWMP fault</faultstring>") {
                breach("C106", "the faultstring of a fault is not 'CWMP fault'".to_owned());
            }
            let client = matches!(fault.code, 9003 | 9005..=9008);
            if fault.soap_code != if client { "Client" } else { "Server" } {
                breach("C106", format!("the fault {} has the faultcode {}", fault.code, fault.soap_code));
            }
        }
        _ if message.supported_versions.is_some() => {
            breach("C5", "SupportedCWMPVersions is not on an Inform".to_owned());
        }
        _ => {}
    }
    found
}

/// C11: every value has its type, with the prefix that ACSs look for.
fn values(text: &str, breach: &mut impl FnMut(&'static str, String)) {
    for (at, tag) in text.match_indices("<Value") {
        let rest = &text[at + tag.len()..];
        if !rest.starts_with([' ', '>', '/']) {
            continue;
        }
        let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
        if !tag.contains(" xsi:type=\"xsd:") {
            breach("C11", format!("a value is sent as <Value{tag}>"));
        }
    }
}

/// C11: every array has the count and the names of its members.
fn arrays(text: &str, breach: &mut impl FnMut(&'static str, String)) {
    const ATTRIBUTE: &str = ":arrayType=\"";
    for (at, _) in text.match_indices(ATTRIBUTE) {
        let start = text[..at].rfind('<').map_or(0, |i| i + 1);
        let name = text[start..at].split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
        let rest = &text[at + ATTRIBUTE.len()..];
        let kind = rest.split('"').next().unwrap_or_default();
        let parts = kind.strip_suffix(']').and_then(|k| k.split_once('['));
        let Some((member, count)) = parts.and_then(|(k, n)| {
            Some((
                k.rsplit(':').next()?,
                if n.starts_with('0') && n != "0" { None } else { n.parse::<usize>().ok() }?,
            ))
        }) else {
            breach("C11", format!("{name} has the arrayType '{kind}'"));
            continue;
        };
        let tag_end = rest.find('>').unwrap_or(rest.len());
        let inside = if rest[..tag_end].ends_with('/') {
            ""
        } else {
            let inside = rest.get(tag_end + 1..).unwrap_or_default();
            &inside[..inside.find(&format!("</{name}>")).unwrap_or(inside.len())]
        };
        let open = format!("<{member}");
        let members = inside
            .match_indices(&open)
            .filter(|(at, _)| inside[at + open.len()..].starts_with(['>', ' ', '/']))
            .count();
        if members != count {
            breach("C11", format!("{name} says {kind} and has {members} of them"));
        }
    }
}

/// Why an ACS of this kind answers 400 to a POST, whatever it says.
pub(crate) fn refusal(
    personality: Personality,
    raw: &Raw,
    content: &Content,
    violations: &[Violation],
) -> Option<&'static str> {
    if matches!(content, Content::Unreadable(_)) {
        return Some("Invalid XML");
    }
    match personality {
        Personality::Standard | Personality::Sloppy => None,
        Personality::GenieStrict => {
            let untyped = violations.iter().any(|v| v.item == "C11" && v.text.starts_with("a value"));
            untyped.then_some("Unknown value type")
        }
        Personality::FreeAcs if !raw.body.is_empty() && raw.header("Content-Length").is_none() => {
            Some("No content")
        }
        Personality::FreeAcs => {
            let unbound = violations.iter().any(|v| v.item == "C4" && v.text.starts_with("xmlns:cwmp="));
            unbound.then_some("The prefix cwmp is not bound")
        }
    }
}
