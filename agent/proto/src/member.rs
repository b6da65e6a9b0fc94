//! The members of arrays that are tuples, or that need leniency of their own.

use cwmp_model::{Value, ValueType};

use crate::codec::{number, Codec, Flag, Member, Number, Strings, KEY, NAME};
use crate::error::{shown, ReadError};
use crate::message::{AttributeChange, Event, IncomingValue, XsiType};
use crate::reader::Reader;
use crate::write::Out;

/// The longest entry of an access list, in characters.
const SUBJECT: usize = 64;

impl Member for IncomingValue {
    const ELEMENT: &'static str = "ParameterValueStruct";
    const TYPE: &'static str = "cwmp:ParameterValueStruct";

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        let (mut name, mut value) = (None, None);
        while reader.cursor.enter()? {
            match reader.cursor.name.as_str() {
                "Name" => name = Some(reader.name(NAME)?),
                "Value" => value = Some((reader.cursor.xsi_type, reader.cursor.text()?)),
                _ => reader.cursor.skip()?,
            }
        }
        let name = reader.present(name, "Name")?;
        let (xsi_type, text) = value.ok_or_else(|| reader.wrong(format!("{name} has no Value")))?;
        Ok(Self { name, xsi_type, text })
    }

    fn write(&self, out: &mut Out) {
        out.leaf("Name", &self.name);
        match self.xsi_type {
            XsiType::Known(kind) => out.value(kind, &self.text),
            XsiType::Missing => out.leaf("Value", &self.text),
            XsiType::Unknown => out.value_of("xsd:anyURI", &self.text),
        }
    }
}

/// A parameter with its value, as a device reports it. One without a type is a text.
impl Member for (String, Value) {
    const ELEMENT: &'static str = IncomingValue::ELEMENT;
    const TYPE: &'static str = IncomingValue::TYPE;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        let IncomingValue { name, xsi_type, text } = IncomingValue::read(reader)?;
        match xsi_type {
            XsiType::Known(kind) => Ok((name, Value::new(kind, text))),
            XsiType::Missing => Ok((name, Value::string(text))),
            XsiType::Unknown => Err(reader.wrong(format!("{name} has an unknown type"))),
        }
    }

    fn write(&self, out: &mut Out) {
        out.leaf("Name", &self.0);
        out.value(self.1.kind, &self.1.text);
    }
}

/// A name, and whether it is writable.
impl Member for (String, bool) {
    const ELEMENT: &'static str = "ParameterInfoStruct";
    const TYPE: &'static str = "cwmp:ParameterInfoStruct";

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        let (mut name, mut writable) = (None, None);
        while reader.cursor.enter()? {
            match reader.cursor.name.as_str() {
                "Name" => name = Some(reader.name(NAME)?),
                "Writable" => writable = Some(reader.boolean()?),
                _ => reader.stranger()?,
            }
        }
        Ok((reader.present(name, "Name")?, reader.present(writable, "Writable")?))
    }

    fn write(&self, out: &mut Out) {
        out.leaf("Name", &self.0);
        Flag::write(&self.1, "Writable", out);
    }
}

/// A name with its notification and access list.
impl Member for (String, u32, Vec<String>) {
    const ELEMENT: &'static str = "ParameterAttributeStruct";
    const TYPE: &'static str = "cwmp:ParameterAttributeStruct";

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        let (mut name, mut notification, mut list) = (None, None, None);
        while reader.cursor.enter()? {
            match reader.cursor.name.as_str() {
                "Name" => name = Some(reader.name(NAME)?),
                "Notification" => notification = Some(Number::<0, 6>::read(reader)?),
                "AccessList" => list = Some(Strings::<SUBJECT>::read(reader)?),
                _ => reader.stranger()?,
            }
        }
        let notification = reader.present(notification, "Notification")?;
        Ok((reader.present(name, "Name")?, notification, reader.present(list, "AccessList")?))
    }

    fn write(&self, out: &mut Out) {
        out.leaf("Name", &self.0);
        Number::<0, 6>::write(&self.1, "Notification", out);
        Strings::<SUBJECT>::write(&self.2, "AccessList", out);
    }
}

impl Member for AttributeChange {
    const ELEMENT: &'static str = "SetParameterAttributesStruct";
    const TYPE: &'static str = "cwmp:SetParameterAttributesStruct";

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        let (mut name, mut notification, mut list) = (None, None, Vec::new());
        let (mut change_notification, mut change_list) = (false, false);
        while reader.cursor.enter()? {
            match reader.cursor.name.as_str() {
                "Name" => name = Some(reader.name(NAME)?),
                "NotificationChange" => change_notification = reader.boolean()?,
                "AccessListChange" => change_list = reader.boolean()?,
                "AccessList" => list = Strings::<SUBJECT>::read(reader)?,
                // Some ACSs leave it empty when it is not to change.
                "Notification" => notification = Some(reader.cursor.text()?),
                _ => reader.cursor.skip()?,
            }
        }
        let name = reader.present(name, "Name")?;
        let notification = if change_notification {
            let text = notification.unwrap_or_default();
            let value = number(&text, ValueType::UnsignedInt);
            Some(value.ok_or_else(|| {
                reader.wrong(format!("{name}: '{}' is no notification", shown(text.trim())))
            })?)
        } else {
            None
        };
        Ok(Self { name, notification, access_list: change_list.then_some(list) })
    }

    fn write(&self, out: &mut Out) {
        out.leaf("Name", &self.name);
        Flag::write(&self.notification.is_some(), "NotificationChange", out);
        Number::<0>::write(&self.notification.unwrap_or_default(), "Notification", out);
        Flag::write(&self.access_list.is_some(), "AccessListChange", out);
        Strings::<SUBJECT>::write(self.access_list.as_ref().unwrap_or(&Vec::new()), "AccessList", out);
    }
}

impl Member for Event {
    const ELEMENT: &'static str = "EventStruct";
    const TYPE: &'static str = "cwmp:EventStruct";

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        let (mut code, mut key) = (None, None);
        while reader.cursor.enter()? {
            match reader.cursor.name.as_str() {
                "EventCode" => code = Some(reader.name(64)?),
                "CommandKey" => key = Some(reader.text(KEY)?),
                _ => reader.stranger()?,
            }
        }
        Ok(Self { code: reader.present(code, "EventCode")?, command_key: reader.present(key, "CommandKey")? })
    }

    fn write(&self, out: &mut Out) {
        out.leaf("EventCode", &self.code);
        out.leaf("CommandKey", &self.command_key);
    }
}
