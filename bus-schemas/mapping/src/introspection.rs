//! What an object says of itself: `org.freedesktop.DBus.Introspectable`.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::signature::{parse_all, Type};

/// The longest introspection that is read, in bytes.
pub const MAX_INTROSPECTION: usize = 1024 * 1024;

/// The interfaces of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Introspection {
    /// By name.
    pub interfaces: BTreeMap<String, Interface>,
}

/// An interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its methods: what they take and what they return.
    pub methods: BTreeMap<String, (Vec<Type>, Vec<Type>)>,
    /// Its properties.
    pub properties: BTreeMap<String, Property>,
}

/// A property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its type.
    pub of: Type,
    /// Whether it can be set.
    pub writable: bool,
    /// Whether its changes are announced.
    pub announced: bool,
}

/// Why an introspection cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the introspection is not understood: {0}")]
pub struct IntrospectionError(String);

const EMITS: &str = "org.freedesktop.DBus.Property.EmitsChangedSignal";

impl Introspection {
    /// Reads the XML. Objects below this one are left out.
    pub fn parse(xml: &str) -> Result<Self, IntrospectionError> {
        if xml.len() > MAX_INTROSPECTION {
            return Err(IntrospectionError(format!("it has more than {MAX_INTROSPECTION} bytes")));
        }
        let mut reader = Reader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let mut all = Self::default();
        let mut at = At::default();
        loop {
            match reader.read_event() {
                Ok(Event::Start(element)) => at.open(&element)?,
                Ok(Event::End(element)) => at.close(element.name().as_ref(), &mut all),
                Ok(Event::Eof) => break,
                Ok(_) => {}
                Err(error) => return Err(IntrospectionError(error.to_string())),
            }
        }
        Ok(all)
    }
}

/// Where the reader is.
#[derive(Default)]
struct At {
    nodes: usize,
    interface: Option<(String, Interface)>,
    method: Option<(String, Vec<Type>, Vec<Type>)>,
    property: Option<(String, Property)>,
    /// Properties of this interface that say themselves whether they are announced.
    own: BTreeSet<String>,
    /// What the interface says of those that do not.
    announced: Option<bool>,
}

impl At {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), IntrospectionError> {
        let get = |name: &str| attribute(element, name);
        match element.name().as_ref() {
            b"node" => self.nodes += 1,
            b"interface" if self.nodes == 1 => {
                self.interface = Some((get("name")?, Interface::default()));
            }
            b"method" if self.interface.is_some() => {
                self.method = Some((get("name")?, Vec::new(), Vec::new()));
            }
            b"arg" => {
                if let Some((_, takes, returns)) = &mut self.method {
                    let of = one_type(&get("type")?)?;
                    if get("direction")? == "out" { returns } else { takes }.push(of);
                }
            }
            b"property" if self.interface.is_some() => {
                let of = one_type(&get("type")?)?;
                let writable = get("access")?.contains("write");
                self.property = Some((get("name")?, Property { of, writable, announced: true }));
            }
            b"annotation" if get("name")? == EMITS => {
                let announced = get("value")? != "false";
                match &mut self.property {
                    Some((name, property)) => {
                        property.announced = announced;
                        self.own.insert(name.clone());
                    }
                    None if self.method.is_none() => self.announced = Some(announced),
                    None => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &[u8], all: &mut Introspection) {
        match name {
            b"node" => self.nodes = self.nodes.saturating_sub(1),
            b"interface" => {
                let (own, announced) = (std::mem::take(&mut self.own), self.announced.take());
                if let Some((name, mut interface)) = self.interface.take() {
                    let others = interface.properties.iter_mut().filter(|(name, _)| !own.contains(*name));
                    others.for_each(|(_, p)| p.announced = announced.unwrap_or(true));
                    all.interfaces.insert(name, interface);
                }
            }
            b"method" => {
                if let (Some((name, takes, returns)), Some((_, interface))) =
                    (self.method.take(), &mut self.interface)
                {
                    interface.methods.insert(name, (takes, returns));
                }
            }
            b"property" => {
                if let (Some((name, property)), Some((_, interface))) =
                    (self.property.take(), &mut self.interface)
                {
                    interface.properties.insert(name, property);
                }
            }
            _ => {}
        }
    }
}

fn one_type(text: &str) -> Result<Type, IntrospectionError> {
    let mut all = parse_all(text).unwrap_or_default();
    let first = if all.len() == 1 { all.pop() } else { None };
    first.ok_or_else(|| IntrospectionError(format!("'{text}' is no type")))
}

/// An attribute; one that is missing is empty.
fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, IntrospectionError> {
    let wrong = |error: &dyn std::fmt::Display| IntrospectionError(error.to_string());
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|e| wrong(&e))?;
        if attribute.key.as_ref() == name.as_bytes() {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            return value.map(std::borrow::Cow::into_owned).map_err(|e| wrong(&e));
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_properties_are_found() {
        let xml = r#"<!DOCTYPE node PUBLIC "x" "y"><node><interface name="a.B">
            <method name="Set"><arg type="s" direction="in"/><arg type="b"/><arg type="u" direction="out"/></method>
            <property name="P" type="a{sv}" access="readwrite"/>
            <property name="Q" type="t" access="read"><annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="false"/></property>
            <signal name="S"><arg type="s"/></signal></interface>
            <node name="below"><interface name="c.D"/></node></node>"#;
        let all = Introspection::parse(xml).unwrap();
        assert_eq!(all.interfaces.keys().collect::<Vec<_>>(), ["a.B"]);
        let interface = &all.interfaces["a.B"];
        assert_eq!(interface.methods["Set"], (vec![Type::Text, Type::Bool], vec![Type::U32]));
        assert!(interface.properties["P"].writable && interface.properties["P"].announced);
        assert!(!interface.properties["Q"].writable && !interface.properties["Q"].announced);
    }

    #[test]
    fn an_interface_may_say_for_all_its_properties_that_they_are_not_announced() {
        let emits = |value: &str| format!("<annotation name=\"{EMITS}\" value=\"{value}\"/>");
        let xml = format!(
            "<node><interface name=\"a.B\">{}<property name=\"P\" type=\"s\" access=\"read\"/>\
             <property name=\"Q\" type=\"s\" access=\"read\">{}</property></interface></node>",
            emits("false"),
            emits("invalidates")
        );
        let all = Introspection::parse(&xml).unwrap();
        let properties = &all.interfaces["a.B"].properties;
        assert!(!properties["P"].announced && properties["Q"].announced);
    }

    #[test]
    fn what_is_no_introspection_is_refused() {
        assert!(
            Introspection::parse("<node><interface name=\"a.B\"><property name=\"P\" type=\"zz\"/>").is_err()
        );
        assert!(Introspection::parse("<node></interface>").is_err());
        assert!(Introspection::parse(&"x".repeat(MAX_INTROSPECTION + 1)).is_err());
    }
}
