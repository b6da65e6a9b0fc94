//! Reading what an ACS sends.

use cwmp_model::{Fault, FaultCode, ValueType};

use crate::cursor::{Cursor, Space};
use crate::error::ReadError;
use crate::message::{AttributeChange, Body, Header, IncomingValue, Message, Request, Response, SoapFault};

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

/// The longest path in an argument, in characters.
const NAME: usize = 256;
/// The longest key in an argument, in characters.
const KEY: usize = 32;

/// Reads a message from the ACS.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Message, ReadError> {
    if bytes.len() > limits.bytes {
        return Err(ReadError::TooLarge(limits.bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| ReadError::Xml(format!("not UTF-8: {e}")))?;
    let mut cursor = Cursor::new(text.strip_prefix('\u{feff}').unwrap_or(text), limits);
    if !cursor.enter()? || cursor.name != "Envelope" || cursor.space != Space::Soap {
        return Err(ReadError::Envelope("the root is not a SOAP 1.1 Envelope"));
    }
    let mut header = Header::default();
    let mut stranger = None;
    let mut message = None;
    while cursor.enter()? {
        match (cursor.space, cursor.name.as_str()) {
            (Space::Soap, "Header") => read_header(&mut cursor, &mut header, &mut stranger)?,
            (Space::Soap, "Body") if message.is_none() => {
                if !cursor.enter()? {
                    return Err(ReadError::Envelope("the Body is empty"));
                }
                if let Some(name) = stranger.take() {
                    return Err(ReadError::MustUnderstand { id: header.id, name });
                }
                message = Some(read_body(&mut cursor, &header, limits)?);
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
    Ok(Message { header, namespace, body })
}

fn read_header(
    cursor: &mut Cursor<'_>,
    header: &mut Header,
    stranger: &mut Option<String>,
) -> Result<(), ReadError> {
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
            // C64: a remainder of the first edition.
            "NoMoreRequests" | "SessionTimeout" | "SupportedCWMPVersions" if ours => cursor.skip()?,
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
    let response = match name.as_str() {
        "InformResponse" => Some(Response::Inform),
        "TransferCompleteResponse" => Some(Response::TransferComplete),
        _ => None,
    };
    if let Some(response) = response {
        // C13: what we do not know in a response is ignored.
        cursor.skip()?;
        return Ok((namespace, Body::Response(response)));
    }
    if name == "GetRPCMethodsResponse" {
        let mut methods = Vec::new();
        while cursor.enter()? {
            while cursor.enter()? {
                if methods.len() >= limits.items {
                    return Err(ReadError::Envelope("the list of methods is too long"));
                }
                methods.push(cursor.text()?.trim().to_owned());
            }
        }
        return Ok((namespace, Body::Response(Response::GetRpcMethods { methods })));
    }
    let mut arguments = Arguments { cursor, limits, id: &header.id, method: "" };
    let request = arguments.request(&name)?;
    Ok((namespace, Body::Request(request)))
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

struct Arguments<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    limits: Limits,
    id: &'c Option<String>,
    method: &'static str,
}

impl Arguments<'_, '_> {
    fn request(&mut self, name: &str) -> Result<Request, ReadError> {
        let methods = [
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
        let Some(method) = methods.into_iter().find(|m| *m == name) else {
            return Err(ReadError::UnknownMethod { id: self.id.clone(), name: name.to_owned() });
        };
        self.method = method;
        let (mut list, mut values, mut changes) = (None, None, None);
        let (mut text, mut key, mut flag) = (None, None, None);
        while self.cursor.enter()? {
            let argument = self.cursor.name.clone();
            match (method, argument.as_str()) {
                ("SetParameterValues", "ParameterList") => values = Some(self.values()?),
                ("SetParameterAttributes", "ParameterList") => changes = Some(self.changes()?),
                (_, "ParameterNames") => list = Some(self.strings(NAME)?),
                (_, "ParameterPath" | "ObjectName") => text = Some(self.string(NAME)?),
                (_, "ParameterKey" | "CommandKey") => key = Some(self.key()?),
                (_, "NextLevel") => flag = Some(self.boolean()?),
                _ => return Err(self.wrong(format!("there is no argument {argument}"))),
            }
        }
        let missing = |what: &str| self.wrong(format!("{what} is missing"));
        Ok(match method {
            "GetRPCMethods" => Request::GetRpcMethods,
            "FactoryReset" => Request::FactoryReset,
            "Reboot" => Request::Reboot { command_key: key.ok_or_else(|| missing("CommandKey"))? },
            "SetParameterValues" => Request::SetParameterValues {
                values: values.ok_or_else(|| missing("ParameterList"))?,
                parameter_key: key.ok_or_else(|| missing("ParameterKey"))?,
            },
            "SetParameterAttributes" => {
                Request::SetParameterAttributes { changes: changes.ok_or_else(|| missing("ParameterList"))? }
            }
            "GetParameterValues" => {
                Request::GetParameterValues { names: list.ok_or_else(|| missing("ParameterNames"))? }
            }
            "GetParameterAttributes" => {
                Request::GetParameterAttributes { names: list.ok_or_else(|| missing("ParameterNames"))? }
            }
            "GetParameterNames" => Request::GetParameterNames {
                path: text.ok_or_else(|| missing("ParameterPath"))?,
                next_level: flag.ok_or_else(|| missing("NextLevel"))?,
            },
            _ => {
                let object = text.ok_or_else(|| missing("ObjectName"))?;
                let parameter_key = key.ok_or_else(|| missing("ParameterKey"))?;
                if method == "AddObject" {
                    Request::AddObject { object, parameter_key }
                } else {
                    Request::DeleteObject { object, parameter_key }
                }
            }
        })
    }

    fn wrong(&self, text: String) -> ReadError {
        let fault = Fault::new(FaultCode::InvalidArguments, text);
        ReadError::Argument { id: self.id.clone(), method: self.method, fault }
    }

    /// A name: white space around it does not count.
    fn string(&mut self, most: usize) -> Result<String, ReadError> {
        let text = self.cursor.text()?;
        self.within(text.trim(), most).map(str::to_owned)
    }

    /// A key: the text as it is.
    fn key(&mut self) -> Result<String, ReadError> {
        let text = self.cursor.text()?;
        self.within(&text, KEY)?;
        Ok(text)
    }

    fn within<'t>(&self, text: &'t str, most: usize) -> Result<&'t str, ReadError> {
        // Bytes are at least as many as characters, so most texts need no count.
        if text.len() > most && text.chars().count() > most {
            return Err(self.wrong(format!("an argument has more than {most} characters")));
        }
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, ReadError> {
        let text = self.cursor.text()?;
        boolean(&text).ok_or_else(|| self.wrong(format!("'{}' is no boolean", text.trim())))
    }

    fn room(&self, count: usize) -> Result<(), ReadError> {
        if count < self.limits.items {
            Ok(())
        } else {
            Err(self.wrong(format!("a list has more than {} items", self.limits.items)))
        }
    }

    fn strings(&mut self, most: usize) -> Result<Vec<String>, ReadError> {
        let mut all = Vec::new();
        while self.cursor.enter()? {
            self.room(all.len())?;
            all.push(self.string(most)?);
        }
        Ok(all)
    }

    fn values(&mut self) -> Result<Vec<IncomingValue>, ReadError> {
        let mut all = Vec::new();
        while self.cursor.enter()? {
            self.room(all.len())?;
            let (mut name, mut value) = (None, None);
            while self.cursor.enter()? {
                match self.cursor.name.as_str() {
                    "Name" => name = Some(self.string(NAME)?),
                    "Value" => value = Some((self.cursor.xsi_type, self.cursor.text()?)),
                    _ => self.cursor.skip()?,
                }
            }
            let name = name.ok_or_else(|| self.wrong("a ParameterValueStruct has no Name".to_owned()))?;
            let (xsi_type, text) = value.ok_or_else(|| self.wrong(format!("{name} has no Value")))?;
            all.push(IncomingValue { name, xsi_type, text });
        }
        Ok(all)
    }

    fn changes(&mut self) -> Result<Vec<AttributeChange>, ReadError> {
        let mut all = Vec::new();
        while self.cursor.enter()? {
            self.room(all.len())?;
            let (mut name, mut notification, mut list) = (None, None, Vec::new());
            let (mut change_notification, mut change_list) = (false, false);
            while self.cursor.enter()? {
                match self.cursor.name.as_str() {
                    "Name" => name = Some(self.string(NAME)?),
                    "NotificationChange" => change_notification = self.boolean()?,
                    "AccessListChange" => change_list = self.boolean()?,
                    "AccessList" => list = self.strings(64)?,
                    // Some ACSs leave it empty when it is not to change.
                    "Notification" => notification = Some(self.cursor.text()?),
                    _ => self.cursor.skip()?,
                }
            }
            let name =
                name.ok_or_else(|| self.wrong("a SetParameterAttributesStruct has no Name".to_owned()))?;
            let notification = if change_notification {
                let text = notification.unwrap_or_default();
                let number = text.trim().parse().ok();
                Some(
                    number
                        .ok_or_else(|| self.wrong(format!("{name}: '{}' is no notification", text.trim())))?,
                )
            } else {
                None
            };
            all.push(AttributeChange { name, notification, access_list: change_list.then_some(list) });
        }
        Ok(all)
    }
}

/// C100: the model's booleans, in all four forms.
fn boolean(text: &str) -> Option<bool> {
    Some(ValueType::Boolean.canonical(text).ok()? == "true")
}
