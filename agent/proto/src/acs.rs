//! The other side of the conversation: what an ACS writes and reads.
//!
//! The agent needs none of it. It serves the scripted ACS of the tests, and tools that look at what an agent sends.

use cwmp_model::{Value, ValueType};

use crate::codec::{Array, Codec, Number};
use crate::cursor::{Cursor, Space};
use crate::device::{CpeRequest, CpeResponse};
use crate::error::ReadError;
use crate::message::{Event, Header, Inform};
use crate::read::{read_envelope, Limits};
use crate::reader::{Manners, Reader};
use crate::request::{Request, Response};
use crate::write::{close, Context};

/// A message from a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromCpe {
    /// `cwmp:ID`, byte for byte.
    pub id: Option<String>,
    /// The last number of the namespace `urn:dslforum-org:cwmp-1-N`.
    pub namespace: u8,
    /// `cwmp:SupportedCWMPVersions`.
    pub supported_versions: Option<String>,
    /// What it says.
    pub body: CpeBody,
}

/// What a device says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CpeBody {
    /// It begins a session.
    Inform {
        /// The Inform.
        inform: Inform,
        /// MaxEnvelopes.
        max_envelopes: u32,
    },
    /// It wants something.
    Request(CpeRequest),
    /// It answers.
    Response(CpeResponse),
    /// It refuses.
    Fault(CpeFault),
}

/// A fault of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpeFault {
    /// The SOAP faultcode, without its prefix: `Client`, `Server`, `MustUnderstand`.
    pub soap_code: String,
    /// The CWMP code, 0 if there is none.
    pub code: u32,
    /// The text of the CWMP fault, or the SOAP faultstring if there is none.
    pub text: String,
    /// The faults of single parameters: name, code, text.
    pub parameters: Vec<(String, u32, String)>,
}

/// Writes a request.
pub fn write_request(context: Context<'_>, request: &Request) -> Vec<u8> {
    let mut out = context.open(0);
    request.write(&mut out);
    close(out)
}

/// Writes an InformResponse; `use_version` is the UseCWMPVersion of the header.
pub fn write_inform_response(context: Context<'_>, use_version: Option<&str>) -> Vec<u8> {
    let mut out = context.open_with(0, |out| {
        if let Some(version) = use_version {
            out.push_str("<cwmp:UseCWMPVersion soap-env:mustUnderstand=\"1\">");
            out.escaped(version);
            out.push_str("</cwmp:UseCWMPVersion>");
        }
    });
    out.push_str("<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>");
    close(out)
}

/// Writes a response to a request of a device.
pub fn write_response(context: Context<'_>, response: &Response) -> Vec<u8> {
    if *response == Response::Inform {
        return write_inform_response(context, None);
    }
    let mut out = context.open(0);
    response.write(&mut out);
    close(out)
}

/// Writes a fault: `Client` for 8003, `Server` for the others, as the standard wants it.
pub fn write_fault(context: Context<'_>, code: u32, text: &str) -> Vec<u8> {
    let mut out = context.open(0);
    out.push_str("<soap-env:Fault>");
    out.leaf("faultcode", if code == 8003 { "Client" } else { "Server" });
    out.leaf("faultstring", "CWMP fault");
    out.push_str("<detail><cwmp:Fault>");
    Number::<0>::write(&code, "FaultCode", &mut out);
    out.leaf("FaultString", text);
    out.push_str("</cwmp:Fault></detail></soap-env:Fault>");
    close(out)
}

/// Adds `cwmp:HoldRequests` to the header of a message that this module wrote (C63).
pub fn hold_requests(message: Vec<u8>, hold: bool) -> Vec<u8> {
    const END: &str = "</soap-env:Header>";
    // What this crate writes is a String; anything else is returned as it is.
    let Ok(mut text) = String::from_utf8(message.clone()) else { return message };
    if let Some(at) = text.find(END) {
        let value = u8::from(hold);
        let element = format!("<cwmp:HoldRequests soap-env:mustUnderstand=\"1\">{value}</cwmp:HoldRequests>");
        text.insert_str(at, &element);
    }
    text.into_bytes()
}

/// Reads a message from a device.
pub fn read(bytes: &[u8], limits: Limits) -> Result<FromCpe, ReadError> {
    let envelope = read_envelope(bytes, limits, |cursor, header| read_body(cursor, header, limits))?;
    Ok(FromCpe {
        id: envelope.heads.header.id,
        namespace: envelope.namespace,
        supported_versions: envelope.heads.supported_versions,
        body: envelope.body,
    })
}

fn read_body(cursor: &mut Cursor<'_>, header: &Header, limits: Limits) -> Result<(u8, CpeBody), ReadError> {
    let name = cursor.name.clone();
    let space = cursor.space;
    let mut reader = Reader { cursor, limits, manners: Manners::Lengths, id: &header.id, method: "" };
    let namespace = match space {
        Space::Soap if name == "Fault" => {
            let (namespace, fault) = read_fault(&mut reader)?;
            return Ok((namespace, CpeBody::Fault(fault)));
        }
        Space::Cwmp(namespace) => namespace,
        _ => return Err(ReadError::Envelope("the message is not in a CWMP namespace")),
    };
    if name == "Inform" {
        return Ok((namespace, read_inform(&mut reader)?));
    }
    if let Some(response) = CpeResponse::read(&name, &mut reader).map_err(ReadError::in_a_response)? {
        return Ok((namespace, CpeBody::Response(response)));
    }
    match CpeRequest::read(&name, &mut reader)? {
        Some(request) => Ok((namespace, CpeBody::Request(request))),
        None => Err(ReadError::UnknownMethod { id: header.id.clone(), name }),
    }
}

fn read_inform(reader: &mut Reader<'_, '_>) -> Result<CpeBody, ReadError> {
    reader.method = "Inform";
    let mut inform = Inform::default();
    let (mut device, mut events, mut envelopes) = (false, None, None);
    let (mut time, mut retries, mut parameters) = (None, None, None);
    while reader.cursor.enter()? {
        match reader.cursor.name.as_str() {
            "DeviceId" => {
                read_device(reader, &mut inform)?;
                device = true;
            }
            "Event" => events = Some(Array::<Event, 0, 64>::read(reader)?),
            "MaxEnvelopes" => envelopes = Some(Number::<0>::read(reader)?),
            "CurrentTime" => time = Some(reader.name(64)?),
            "RetryCount" => retries = Some(Number::<0>::read(reader)?),
            "ParameterList" => parameters = Some(Array::<(String, Value)>::read(reader)?),
            _ => reader.stranger()?,
        }
    }
    reader.present(device.then_some(()), "DeviceId")?;
    inform.events = reader.present(events, "Event")?;
    inform.current_time = reader.present(time, "CurrentTime")?;
    if ValueType::DateTime.canonical(&inform.current_time).is_err() {
        return Err(reader.wrong(format!("'{}' is no moment", inform.current_time)));
    }
    inform.retry_count = reader.present(retries, "RetryCount")?;
    inform.parameters = reader.present(parameters, "ParameterList")?;
    Ok(CpeBody::Inform { max_envelopes: reader.present(envelopes, "MaxEnvelopes")?, inform })
}

fn read_device(reader: &mut Reader<'_, '_>, inform: &mut Inform) -> Result<(), ReadError> {
    while reader.cursor.enter()? {
        match reader.cursor.name.as_str() {
            "Manufacturer" => inform.manufacturer = reader.text(64)?,
            "OUI" => inform.oui = reader.text(6)?,
            "ProductClass" => inform.product_class = reader.text(64)?,
            "SerialNumber" => inform.serial_number = reader.text(64)?,
            _ => reader.stranger()?,
        }
    }
    Ok(())
}

/// A broken fault is a fault all the same: what cannot be read is empty.
fn read_fault(reader: &mut Reader<'_, '_>) -> Result<(u8, CpeFault), ReadError> {
    let mut fault = CpeFault::default();
    let mut namespace = 2;
    // Levels below the Fault that are open; the parameter in error that is open is one of them.
    let mut open = vec![false];
    while let Some(&parameter) = open.last() {
        if !reader.cursor.enter()? {
            open.pop();
            continue;
        }
        if let Space::Cwmp(number) = reader.cursor.space {
            namespace = number;
        }
        match (reader.cursor.name.as_str(), fault.parameters.last_mut().filter(|_| parameter)) {
            ("faultcode", _) => {
                let code = reader.cursor.text()?;
                let code = code.trim();
                code.rsplit_once(':').map_or(code, |(_, local)| local).clone_into(&mut fault.soap_code);
            }
            ("faultstring" | "FaultString", None) => fault.text = reader.cursor.text()?,
            ("FaultCode", None) => fault.code = reader.cursor.text()?.trim().parse().unwrap_or(0),
            ("ParameterName", Some(last)) => last.0 = reader.cursor.text()?,
            ("FaultCode", Some(last)) => last.1 = reader.cursor.text()?.trim().parse().unwrap_or(0),
            ("FaultString", Some(last)) => last.2 = reader.cursor.text()?,
            ("SetParameterValuesFault", None) => {
                reader.room(fault.parameters.len(), usize::MAX)?;
                fault.parameters.push(<_>::default());
                open.push(true);
            }
            _ => open.push(false),
        }
    }
    Ok((namespace, fault))
}
