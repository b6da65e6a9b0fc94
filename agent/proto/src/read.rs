//! Reading what an ACS sends.

use crate::cursor::{Cursor, Space};
use crate::error::ReadError;
use crate::message::{Body, Header, Message, SoapFault};
use crate::reader::{boolean, Manners, Reader};
use crate::request::{Request, Response};

/// How much of a message is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the message; the standard asks for 32768 (C9).
    pub bytes: usize,
    /// Bytes of one text.
    pub text: usize,
    /// Elements inside each other.
    pub depth: usize,
    /// Elements of one array.
    pub items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 * 1024 * 1024, text: 1024 * 1024, depth: 32, items: 65_536 }
    }
}

/// The methods that the agent serves, and so lists in GetRPCMethodsResponse (C97).
pub const SERVED: &[&str] = &[
    "GetRPCMethods",
    "SetParameterValues",
    "GetParameterValues",
    "GetParameterNames",
    "SetParameterAttributes",
    "GetParameterAttributes",
    "AddObject",
    "DeleteObject",
    "Reboot",
    "FactoryReset",
];

/// Reads a message from the ACS.
///
/// A request for a method that is not in [`SERVED`] is read too; with arguments that are wrong it is
/// [`ReadError::UnknownMethod`], since nobody would look at them.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Message, ReadError> {
    let envelope = read_envelope(bytes, limits, |cursor, header| read_body(cursor, header, limits))?;
    Ok(Message { header: envelope.heads.header, namespace: envelope.namespace, body: envelope.body })
}

/// What an envelope holds.
pub(crate) struct Envelope<B> {
    pub(crate) heads: Heads,
    pub(crate) namespace: u8,
    pub(crate) body: B,
}

/// The headers of both directions.
#[derive(Default)]
pub(crate) struct Heads {
    pub(crate) header: Header,
    pub(crate) supported_versions: Option<String>,
}

/// Reads an envelope; `read_body` is called when the message's element was entered, and leaves it.
pub(crate) fn read_envelope<B>(
    bytes: &[u8],
    limits: Limits,
    read_body: impl Fn(&mut Cursor<'_>, &Header) -> Result<(u8, B), ReadError>,
) -> Result<Envelope<B>, ReadError> {
    if bytes.len() > limits.bytes {
        return Err(ReadError::TooLarge(limits.bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| ReadError::Xml(format!("not UTF-8: {e}")))?;
    let mut cursor = Cursor::new(text.strip_prefix('\u{feff}').unwrap_or(text), limits);
    // A library that ACSs are built with forgets the namespace of the root, and of the root alone.
    let ours = |space: Space| matches!(space, Space::Soap | Space::None);
    if !cursor.enter()? || cursor.name != "Envelope" || !ours(cursor.space) {
        return Err(ReadError::Envelope("the root is not a SOAP 1.1 Envelope"));
    }
    let mut heads = Heads::default();
    let mut stranger = None;
    let mut message = None;
    while cursor.enter()? {
        match (cursor.space, cursor.name.as_str()) {
            (Space::Soap, "Header") => read_header(&mut cursor, &mut heads, &mut stranger)?,
            (Space::Soap, "Body") if message.is_none() => {
                if !cursor.enter()? {
                    return Err(ReadError::Envelope("the Body is empty"));
                }
                if let Some(name) = stranger.take() {
                    return Err(ReadError::MustUnderstand { id: heads.header.id, name });
                }
                message = Some(read_body(&mut cursor, &heads.header)?);
                if cursor.enter()? {
                    return Err(ReadError::Envelope("the Body has more than one element"));
                }
            }
            _ => return Err(ReadError::Envelope("something other than Header and Body")),
        }
    }
    if cursor.enter()? {
        return Err(ReadError::Envelope("something follows the Envelope"));
    }
    let (namespace, body) = message.ok_or(ReadError::Envelope("there is no Body"))?;
    Ok(Envelope { heads, namespace, body })
}

fn read_header(
    cursor: &mut Cursor<'_>,
    heads: &mut Heads,
    stranger: &mut Option<String>,
) -> Result<(), ReadError> {
    let header = &mut heads.header;
    while cursor.enter()? {
        let ours = matches!(cursor.space, Space::Cwmp(_));
        match cursor.name.as_str() {
            // Echoed byte for byte, so it is not trimmed (C10).
            "ID" if ours => header.id = Some(cursor.text()?),
            "HoldRequests" if ours => {
                let text = cursor.text()?;
                header.hold_requests =
                    boolean(&text).ok_or(ReadError::Envelope("HoldRequests is no boolean"))?;
            }
            "UseCWMPVersion" if ours => header.use_version = Some(cursor.text()?.trim().to_owned()),
            "SupportedCWMPVersions" if ours => {
                heads.supported_versions = Some(cursor.text()?.trim().to_owned());
            }
            // C64: a remainder of the first edition.
            "NoMoreRequests" | "SessionTimeout" if ours => cursor.skip()?,
            _ => {
                if cursor.must_understand && stranger.is_none() {
                    *stranger = Some(cursor.name.clone());
                }
                cursor.skip()?;
            }
        }
    }
    Ok(())
}

fn read_body(cursor: &mut Cursor<'_>, header: &Header, limits: Limits) -> Result<(u8, Body), ReadError> {
    let name = cursor.name.clone();
    let namespace = match cursor.space {
        Space::Soap if name == "Fault" => return Ok((2, Body::Fault(read_fault(cursor)?))),
        Space::Cwmp(namespace) => namespace,
        _ => return Err(ReadError::Envelope("the message is not in a CWMP namespace")),
    };
    let mut reader = Reader { cursor, limits, manners: Manners::Lenient, id: &header.id, method: "" };
    if let Some(response) = Response::read(&name, &mut reader).map_err(ReadError::in_a_response)? {
        return Ok((namespace, Body::Response(response)));
    }
    let unknown = || ReadError::UnknownMethod { id: header.id.clone(), name: name.clone() };
    reader.manners = Manners::Exact;
    match Request::read(&name, &mut reader) {
        Ok(Some(request)) => Ok((namespace, Body::Request(request))),
        // A response is never answered with a fault, whatever it responds to.
        Ok(None) if name.ends_with("Response") => {
            Err(ReadError::Envelope("it is a response to nothing that we ask"))
        }
        Ok(None) => Err(unknown()),
        Err(ReadError::Argument { .. }) if !SERVED.contains(&name.as_str()) => Err(unknown()),
        Err(error) => Err(error),
    }
}

/// A broken fault is a fault all the same: its code is then unknown.
fn read_fault(cursor: &mut Cursor<'_>) -> Result<SoapFault, ReadError> {
    let mut fault = SoapFault::default();
    // Levels below the Fault that are open.
    let mut open = 1;
    while open > 0 {
        if !cursor.enter()? {
            open -= 1;
            continue;
        }
        match cursor.name.as_str() {
            "FaultCode" => fault.code = fault.code.or(cursor.text()?.trim().parse().ok()),
            "FaultString" | "faultstring" => fault.text = cursor.text()?,
            "SetParameterValuesFault" => cursor.skip()?,
            _ => open += 1,
        }
    }
    Ok(fault)
}
