//! What was said in a session, for people.

use std::fmt::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;
use cwmp_proto::acs::{CpeBody, CpeFault};
use cwmp_proto::{
    AttributeChange, Body, CpeRequest, CpeResponse, IncomingValue, Inform, Limits, Request, Response,
};

use crate::layout::pretty;
use crate::post::Content;
use crate::session::device;
use crate::wire;

/// Lines of a list that are shown.
const LINES: usize = 8;
/// Characters of a text that are shown.
const TEXT: usize = 100;

/// What was said in a session: POST after POST, each with its reply.
///
/// It prints as a conversation, with the arguments that matter; [`full`](Self::full) has every header and envelope.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    /// The exchanges, in their order.
    pub entries: Vec<Entry>,
}

/// A POST and its reply.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it came, since the session's first byte.
    pub at: Duration,
    /// The connection it came on.
    pub connection: u32,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, as they came.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Bytes,
    /// The reply, once there is one.
    pub reply: Option<Sent>,
}

/// A reply.
#[derive(Debug, Clone)]
pub struct Sent {
    /// When it was decided.
    pub at: Duration,
    /// Its status, and what is special about it.
    pub text: String,
    /// Its body.
    pub body: Bytes,
}

impl Entry {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }
}

impl Transcript {
    /// The conversation with every header, and every envelope laid out.
    pub fn full(&self) -> String {
        let mut out = String::new();
        for entry in &self.entries {
            let _ =
                writeln!(out, "{} #{} {} {}", moment(entry.at), entry.connection, entry.method, entry.target);
            for (name, value) in &entry.headers {
                let _ = writeln!(out, "{name}: {value}");
            }
            out.push_str(&body(&entry.body));
            if let Some(reply) = &entry.reply {
                let _ = write!(out, "{} {}\n{}", moment(reply.at), reply.text, body(&reply.body));
            }
        }
        out
    }

    /// The connections of the session, in the order of their first POST.
    pub fn connections(&self) -> Vec<u32> {
        let mut all = Vec::new();
        for entry in &self.entries {
            if !all.contains(&entry.connection) {
                all.push(entry.connection);
            }
        }
        all
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return writeln!(f, "  (nothing was said)");
        }
        let mut connection = 0;
        for entry in &self.entries {
            if entry.connection != connection {
                connection = entry.connection;
                writeln!(f, "  connection {connection}")?;
            }
            say(f, entry.at, "CPE", &heard(entry))?;
            match &entry.reply {
                Some(reply) => say(f, reply.at, "ACS", &answered(reply))?,
                None => writeln!(f, "            ACS  (has not answered)")?,
            }
        }
        Ok(())
    }
}

fn say(f: &mut fmt::Formatter<'_>, at: Duration, who: &str, lines: &[String]) -> fmt::Result {
    for (number, line) in lines.iter().enumerate() {
        if number == 0 {
            writeln!(f, "  {} {who}  {line}", moment(at))?;
        } else {
            writeln!(f, "                   {line}")?;
        }
    }
    Ok(())
}

fn moment(at: Duration) -> String {
    format!("{:9.3}", at.as_secs_f64())
}

fn body(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "\n".to_owned();
    }
    format!("\n{}\n\n", pretty(&String::from_utf8_lossy(bytes)))
}

fn heard(entry: &Entry) -> Vec<String> {
    let mut lines = match Content::read(&entry.body) {
        Content::Empty => vec!["nothing to say".to_owned()],
        Content::Unreadable(why) => vec![format!("{} bytes that cannot be read: {why}", entry.body.len())],
        Content::Message(message) => match &message.body {
            CpeBody::Inform { inform, .. } => described(inform),
            CpeBody::Request(CpeRequest::TransferComplete(transfer)) => {
                let outcome = match transfer.fault.code {
                    0 => "done".to_owned(),
                    code => format!("fault {code}: {}", short(&transfer.fault.text)),
                };
                vec![format!("TransferComplete {} {outcome}", key(&transfer.command_key))]
            }
            CpeBody::Request(request) => vec![request.method().to_owned()],
            CpeBody::Response(response) => response_lines(response),
            CpeBody::Fault(fault) => fault_lines(fault),
        },
    };
    if entry.method != "POST" {
        lines.insert(0, format!("{} {}", entry.method, entry.target));
    }
    lines
}

/// An Inform in lines: who, why, and what it says of itself.
fn described(inform: &Inform) -> Vec<String> {
    let events: Vec<_> = inform
        .events
        .iter()
        .map(|e| {
            if e.command_key.is_empty() {
                e.code.clone()
            } else {
                format!("{} ({})", e.code, e.command_key)
            }
        })
        .collect();
    let retry = match inform.retry_count {
        0 => String::new(),
        count => format!(", retry {count}"),
    };
    let mut lines = vec![format!("Inform from {}: {}{retry}", device(inform), events.join(", "))];
    list(
        &mut lines,
        inform.parameters.iter().map(|(name, value)| format!("{name} = {}", short(&value.text))),
    );
    lines
}

fn response_lines(response: &CpeResponse) -> Vec<String> {
    let mut lines = vec![format!("{}Response", response.method())];
    let status = |status: &u32| if *status == 0 { "applied" } else { "will be applied later" };
    let mut say = |text: String| {
        lines[0].push_str(": ");
        lines[0].push_str(&text);
    };
    match response {
        CpeResponse::GetParameterValues { values } => {
            say(format!("{} values", values.len()));
            list(&mut lines, values.iter().map(|(name, value)| format!("{name} = {}", short(&value.text))));
        }
        CpeResponse::GetParameterNames { names } => {
            say(format!("{} names", names.len()));
            let line = |(name, writable): &(String, bool)| {
                if *writable {
                    format!("{name} (writable)")
                } else {
                    name.clone()
                }
            };
            list(&mut lines, names.iter().map(line));
        }
        CpeResponse::GetParameterAttributes { attributes } => {
            say(format!("{} parameters", attributes.len()));
            list(&mut lines, attributes.iter().map(|(name, n, _)| format!("{name}: notification {n}")));
        }
        CpeResponse::SetParameterValues { status: s } | CpeResponse::DeleteObject { status: s } => {
            say(status(s).to_owned());
        }
        CpeResponse::AddObject { number, status: s } => say(format!("row {number}, {}", status(s))),
        CpeResponse::GetRpcMethods { methods } => say(methods.join(", ")),
        CpeResponse::Download(answer) | CpeResponse::Upload(answer) => {
            say(if answer.status == 0 { "done" } else { "will be done" }.to_owned());
        }
        _ => {}
    }
    lines
}

fn fault_lines(fault: &CpeFault) -> Vec<String> {
    let mut lines = vec![format!("fault {}: {}", fault.code, short(&fault.text))];
    list(
        &mut lines,
        fault.parameters.iter().map(|(name, code, text)| {
            // The path stands before it already.
            let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(text);
            format!("{name}: {code} {}", short(text))
        }),
    );
    lines
}

fn answered(reply: &Sent) -> Vec<String> {
    if reply.body.is_empty() {
        let text = if reply.text == "204" { "nothing more (204)".to_owned() } else { reply.text.clone() };
        return vec![text];
    }
    let mut lines = match cwmp_proto::read(&reply.body, Limits::default()) {
        Ok(message) => match &message.body {
            Body::Request(request) => request_lines(request),
            Body::Response(Response::GetRpcMethods { methods }) => {
                vec![format!("GetRPCMethodsResponse: {}", methods.join(", "))]
            }
            Body::Response(response) => vec![format!("{}Response", response.method())],
            Body::Fault(fault) => {
                let code = fault.code.map_or("without a code".to_owned(), |c| c.to_string());
                vec![format!("fault {code}: {}", short(&fault.text))]
            }
        },
        Err(_) => vec![short(&String::from_utf8_lossy(&reply.body))],
    };
    if reply.text != "200" {
        let _ = write!(lines[0], "  [{}]", reply.text);
    }
    lines
}

fn request_lines(request: &Request) -> Vec<String> {
    let mut lines = vec![request.method().to_owned()];
    let mut say = |text: &str| {
        if !text.is_empty() {
            lines[0].push(' ');
            lines[0].push_str(text);
        }
    };
    match request {
        Request::GetParameterValues { names } | Request::GetParameterAttributes { names } => {
            if let [one] = names.as_slice() {
                say(if one.is_empty() { "of everything" } else { one });
            } else {
                list(&mut lines, names.iter().cloned());
            }
        }
        Request::GetParameterNames { path, next_level } => {
            say(if path.is_empty() { "of everything" } else { path });
            say(if *next_level { "(next level)" } else { "" });
        }
        Request::SetParameterValues { values, parameter_key } => {
            say(&key(parameter_key));
            let line = |v: &IncomingValue| format!("{} = {}", v.name, short(&v.text));
            list(&mut lines, values.iter().map(line));
        }
        Request::SetParameterAttributes { changes } => {
            let line = |c: &AttributeChange| match c.notification {
                Some(level) => format!("{}: notification {level}", c.name),
                None => format!("{}: access list", c.name),
            };
            list(&mut lines, changes.iter().map(line));
        }
        Request::AddObject { object, parameter_key } | Request::DeleteObject { object, parameter_key } => {
            say(object);
            say(&key(parameter_key));
        }
        Request::Reboot { command_key } => say(&key(command_key)),
        Request::Download(download) => say(&format!("{} from {}", download.file_type, download.url)),
        Request::Upload(upload) => say(&format!("{} to {}", upload.file_type, upload.url)),
        Request::ScheduleInform { delay, command_key } => say(&format!("in {delay} s {}", key(command_key))),
        _ => {}
    }
    lines
}

fn key(key: &str) -> String {
    if key.is_empty() {
        String::new()
    } else {
        format!("(key {key})")
    }
}

/// Adds the first items of a list, and how many more there are.
fn list(lines: &mut Vec<String>, items: impl ExactSizeIterator<Item = String>) {
    let count = items.len();
    // One more item takes no more room than the line that would stand for it.
    let shown = if count == LINES + 1 { count } else { LINES };
    lines.extend(items.take(shown));
    if count > shown {
        lines.push(format!("... and {} more", count - shown));
    }
}

fn short(text: &str) -> String {
    let line = text.replace(['\r', '\n'], " ");
    match line.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
