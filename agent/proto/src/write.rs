//! Writing what we send: one form, whatever the ACS sent.
//!
//! Leaves have no white space, prefixes are the conventional ones, every value has its `xsi:type` with the literal prefix
//! `xsd:` and every array its exact count, because ACSs of the field match on these texts.

use std::fmt::Write as _;

use cwmp_model::value::is_xml_char;
use cwmp_model::{Fault, FaultCode, ValueType};

use crate::device::{CpeRequest, CpeResponse};
use crate::message::{Event, Inform};

/// What every message of a session has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The last number of the namespace in use, 0 to 2.
    pub namespace: u8,
    /// `cwmp:ID`: our own for a request, the received one for a response.
    pub id: &'a str,
}

/// A message that is being written.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) text: String,
    pub(crate) namespace: u8,
}

impl Out {
    pub(crate) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn open(&mut self, name: &str) {
        let _ = write!(self.text, "<{name}>");
    }

    pub(crate) fn open_typed(&mut self, name: &str, xsi_type: &str) {
        let _ = write!(self.text, "<{name} xsi:type=\"{xsi_type}\">");
    }

    pub(crate) fn open_array(&mut self, name: &str, member: &str, count: usize) {
        let _ = write!(self.text, "<{name} soap-enc:arrayType=\"{member}[{count}]\">");
    }

    /// Ends an element; one without content becomes an empty-element tag.
    pub(crate) fn close(&mut self, name: &str) {
        let rest = self.text.strip_suffix('>').and_then(|rest| rest.strip_suffix(name));
        if rest.is_some_and(|rest| rest.ends_with('<')) {
            self.text.pop();
            self.text.push_str("/>");
        } else {
            let _ = write!(self.text, "</{name}>");
        }
    }

    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        for part in ["<", name, ">"] {
            self.text.push_str(part);
        }
        escape(&mut self.text, text);
        for part in ["</", name, ">"] {
            self.text.push_str(part);
        }
    }

    pub(crate) fn escaped(&mut self, text: &str) {
        escape(&mut self.text, text);
    }

    pub(crate) fn value(&mut self, kind: ValueType, text: &str) {
        self.value_of(kind.xsi_type(), text);
    }

    pub(crate) fn value_of(&mut self, xsi_type: &str, text: &str) {
        let _ = write!(self.text, "<Value xsi:type=\"{xsi_type}\">");
        escape(&mut self.text, text);
        self.push_str("</Value>");
    }
}

/// Bytes that an envelope needs besides its content.
const FRAME: usize = 768;

impl Context<'_> {
    /// Starts a message with room for about `size` bytes of content.
    pub(crate) fn open(self, size: usize) -> Out {
        self.open_with(size, |_| ())
    }

    pub(crate) fn open_with(self, size: usize, header: impl FnOnce(&mut Out)) -> Out {
        let mut out = Out { text: String::with_capacity(FRAME + size), namespace: self.namespace };
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        out.push_str("<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\"");
        out.push_str(" xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\"");
        out.push_str(" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"");
        out.push_str(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
        let _ = write!(out.text, " xmlns:cwmp=\"urn:dslforum-org:cwmp-1-{}\">", self.namespace);
        out.push_str("<soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">");
        escape(&mut out.text, self.id);
        out.push_str("</cwmp:ID>");
        header(&mut out);
        out.push_str("</soap-env:Header><soap-env:Body>");
        out
    }
}

/// Ends a message.
pub(crate) fn close(mut out: Out) -> Vec<u8> {
    out.push_str("</soap-env:Body></soap-env:Envelope>");
    out.text.into_bytes()
}

/// Writes an Inform. `versions` is the list of SupportedCWMPVersions; the oldest namespaces did not have it (C2, C5).
pub fn write_inform(context: Context<'_>, inform: &Inform, versions: &str) -> Vec<u8> {
    let size = 256 * (inform.parameters.len() + 4);
    let mut out = context.open_with(size, |out| {
        if context.namespace >= 2 {
            out.leaf("cwmp:SupportedCWMPVersions", versions);
        }
    });
    out.push_str("<cwmp:Inform><DeviceId>");
    out.leaf("Manufacturer", &inform.manufacturer);
    out.leaf("OUI", &inform.oui);
    out.leaf("ProductClass", &inform.product_class);
    out.leaf("SerialNumber", &inform.serial_number);
    let _ = write!(
        out.text,
        "</DeviceId><Event soap-enc:arrayType=\"cwmp:EventStruct[{}]\">",
        inform.events.len()
    );
    for Event { code, command_key } in &inform.events {
        out.push_str("<EventStruct>");
        out.leaf("EventCode", code);
        out.leaf("CommandKey", command_key);
        out.push_str("</EventStruct>");
    }
    // C8: exactly one envelope per HTTP message.
    out.push_str("</Event><MaxEnvelopes>1</MaxEnvelopes>");
    out.leaf("CurrentTime", &inform.current_time);
    let _ = write!(out.text, "<RetryCount>{}</RetryCount>", inform.retry_count);
    open_values(&mut out, inform.parameters.len());
    for (name, value) in &inform.parameters {
        value_struct(&mut out, name, value.kind, &value.text);
    }
    out.push_str("</ParameterList></cwmp:Inform>");
    close(out)
}

/// Writes a request of ours other than the Inform.
pub fn write_request(context: Context<'_>, request: &CpeRequest) -> Vec<u8> {
    let mut out = context.open(0);
    request.write(&mut out);
    close(out)
}

/// Writes a response. The long ones are better written piece by piece, with [`ParameterValues`] and [`ParameterNames`].
pub fn write_response(context: Context<'_>, response: &CpeResponse) -> Vec<u8> {
    let mut out = context.open(0);
    response.write(&mut out);
    close(out)
}

/// Writes a GetRPCMethods request of ours.
pub fn write_get_rpc_methods(context: Context<'_>) -> Vec<u8> {
    let mut out = context.open(0);
    out.push_str("<cwmp:GetRPCMethods/>");
    close(out)
}

/// Writes a GetRPCMethodsResponse.
pub fn write_methods(context: Context<'_>, methods: &[&str]) -> Vec<u8> {
    let mut out = context.open(64 * methods.len());
    let _ = write!(
        out.text,
        "<cwmp:GetRPCMethodsResponse><MethodList soap-enc:arrayType=\"xsd:string[{}]\">",
        methods.len()
    );
    for method in methods {
        out.leaf("string", method);
    }
    out.push_str("</MethodList></cwmp:GetRPCMethodsResponse>");
    close(out)
}

/// Writes a response without content: SetParameterAttributes, Reboot, FactoryReset.
pub fn write_empty_response(context: Context<'_>, method: &str) -> Vec<u8> {
    let mut out = context.open(0);
    let _ = write!(out.text, "<cwmp:{method}Response/>");
    close(out)
}

/// Writes a response that is a status: SetParameterValues, DeleteObject.
pub fn write_status_response(context: Context<'_>, method: &str, later: bool) -> Vec<u8> {
    let mut out = context.open(0);
    let _ = write!(
        out.text,
        "<cwmp:{method}Response><Status>{}</Status></cwmp:{method}Response>",
        u8::from(later)
    );
    close(out)
}

/// Writes an AddObjectResponse.
pub fn write_add_object_response(context: Context<'_>, number: u32, later: bool) -> Vec<u8> {
    let mut out = context.open(0);
    let _ = write!(
        out.text,
        "<cwmp:AddObjectResponse><InstanceNumber>{number}</InstanceNumber><Status>{}</Status></cwmp:AddObjectResponse>",
        u8::from(later)
    );
    close(out)
}

/// Writes a GetParameterAttributesResponse: name, notification, access list.
pub fn write_attributes(context: Context<'_>, attributes: &[(String, u8, Vec<String>)]) -> Vec<u8> {
    let mut out = context.open(256 * attributes.len());
    let _ = write!(
        out.text,
        "<cwmp:GetParameterAttributesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterAttributeStruct[{}]\">",
        attributes.len()
    );
    for (name, notification, list) in attributes {
        out.push_str("<ParameterAttributeStruct>");
        out.leaf("Name", name);
        let _ = write!(out.text, "<Notification>{notification}</Notification>");
        let _ = write!(out.text, "<AccessList soap-enc:arrayType=\"xsd:string[{}]\">", list.len());
        for entry in list {
            out.leaf("string", entry);
        }
        out.push_str("</AccessList></ParameterAttributeStruct>");
    }
    out.push_str("</ParameterList></cwmp:GetParameterAttributesResponse>");
    close(out)
}

/// Writes a fault. `parameters` are the faults of single parameters of a SetParameterValues (C106).
pub fn write_fault(context: Context<'_>, fault: &Fault, parameters: &[(String, Fault)]) -> Vec<u8> {
    let mut out = context.open(256 * parameters.len());
    out.push_str("<soap-env:Fault>");
    out.leaf("faultcode", if fault.code.is_client() { "Client" } else { "Server" });
    out.leaf("faultstring", "CWMP fault");
    out.push_str("<detail><cwmp:Fault>");
    code_and_text(&mut out, fault.code, &fault.text);
    for (name, fault) in parameters {
        out.push_str("<SetParameterValuesFault>");
        out.leaf("ParameterName", name);
        code_and_text(&mut out, fault.code, &fault.text);
        out.push_str("</SetParameterValuesFault>");
    }
    out.push_str("</cwmp:Fault></detail></soap-env:Fault>");
    close(out)
}

/// Writes the SOAP fault for a header that must be understood and is not (C12).
pub fn write_must_understand(context: Context<'_>, header: &str) -> Vec<u8> {
    let mut out = context.open(0);
    out.push_str("<soap-env:Fault>");
    out.leaf("faultcode", "soap-env:MustUnderstand");
    out.leaf("faultstring", &format!("the header {header} is not understood"));
    out.push_str("</soap-env:Fault>");
    close(out)
}

/// A GetParameterValuesResponse, written value by value from borrowed texts.
#[derive(Debug)]
pub struct ParameterValues {
    out: Out,
}

impl ParameterValues {
    /// Starts a response with exactly `count` values, of about `size` bytes of names and values.
    pub fn begin(context: Context<'_>, count: usize, size: usize) -> Self {
        let mut out = context.open(size + 112 * count);
        out.push_str("<cwmp:GetParameterValuesResponse>");
        open_values(&mut out, count);
        Self { out }
    }

    /// Adds a value.
    pub fn push(&mut self, name: &str, kind: ValueType, text: &str) {
        value_struct(&mut self.out, name, kind, text);
    }

    /// Ends the response.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push_str("</ParameterList></cwmp:GetParameterValuesResponse>");
        close(self.out)
    }
}

/// A GetParameterNamesResponse, written name by name.
#[derive(Debug)]
pub struct ParameterNames {
    out: Out,
}

impl ParameterNames {
    /// Starts a response with exactly `count` names.
    pub fn begin(context: Context<'_>, count: usize) -> Self {
        let mut out = context.open(144 * count);
        let _ = write!(
            out.text,
            "<cwmp:GetParameterNamesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterInfoStruct[{count}]\">"
        );
        Self { out }
    }

    /// Adds a name.
    pub fn push(&mut self, name: &str, writable: bool) {
        self.out.push_str("<ParameterInfoStruct><Name>");
        self.out.escaped(name);
        self.out.push_str(if writable { "</Name><Writable>1" } else { "</Name><Writable>0" });
        self.out.push_str("</Writable></ParameterInfoStruct>");
    }

    /// Ends the response.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push_str("</ParameterList></cwmp:GetParameterNamesResponse>");
        close(self.out)
    }
}

fn open_values(out: &mut Out, count: usize) {
    let _ = write!(out.text, "<ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{count}]\">");
}

fn value_struct(out: &mut Out, name: &str, kind: ValueType, text: &str) {
    out.push_str("<ParameterValueStruct><Name>");
    escape(&mut out.text, name);
    out.push_str("</Name><Value xsi:type=\"");
    out.push_str(kind.xsi_type());
    out.push_str("\">");
    escape(&mut out.text, text);
    out.push_str("</Value></ParameterValueStruct>");
}

fn code_and_text(out: &mut Out, code: FaultCode, text: &str) {
    let code = match (code, out.namespace) {
        // C2: the first edition ended at 9013.
        (FaultCode::CancelNotPermitted, 0) => FaultCode::RequestDenied,
        (code, 0) if code > FaultCode::TransferProtocol => FaultCode::DownloadFailure,
        (code, _) => code,
    };
    let _ = write!(out.text, "<FaultCode>{}</FaultCode>", code.number());
    out.leaf("FaultString", text);
}

/// C14: the five characters of XML are escaped, a carriage return too, since a reader would turn it into a line feed;
/// what XML 1.0 forbids becomes the replacement character.
fn escape(out: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            c if is_xml_char(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
}

/// Whether a text needs no look at its characters: printable ASCII without the five.
///
/// Eight bytes at a time, because this is most of the work of a large answer.
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The highest bit of each byte that is zero. A false one needs a true one beside it, so that "none" is exact.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let is = |word: u64, byte: u8| zero(word ^ (ONES * u64::from(byte)));
    let below = |word: u64, byte: u8| word.wrapping_sub(ONES * u64::from(byte)) & !word & HIGH;
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    let odd = |word: u64| {
        (word & HIGH)
            | below(word, b' ')
            | is(word, 0x7f)
            | is(word, b'&')
            | is(word, b'<')
            | is(word, b'>')
            | is(word, b'"')
            | is(word, b'\'')
    };
    // A chunk of eight bytes is an array of eight bytes.
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_ne_bytes);
    words.map(word).chain([u64::from_ne_bytes(last)]).all(|word| odd(word) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_known_by_each_of_its_bytes() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let plain = (0x20..0x7f).contains(&byte) && !b"&<>\"'".contains(&byte);
                    assert_eq!(is_plain(&text), plain, "{byte} at {place} of {length}");
                }
            }
        }
        assert!(!is_plain(b"\x1f \x1f!aaaa") && !is_plain(&[0x80; 8]) && is_plain(b""));
    }
}
