//! The names of wpa_supplicant on the bus, and values as it sends them.

use std::collections::{BTreeMap, HashMap};

use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use crate::back_end::Failure;

/// What the service is called in texts.
pub(crate) const NAME: &str = "wpa_supplicant";
/// Its name on the bus; also the interface of its root.
pub(crate) const SERVICE: &str = "fi.w1.wpa_supplicant1";
pub(crate) const ROOT: &str = "/fi/w1/wpa_supplicant1";
pub(crate) const INTERFACE: &str = "fi.w1.wpa_supplicant1.Interface";
pub(crate) const WPS: &str = "fi.w1.wpa_supplicant1.Interface.WPS";
pub(crate) const NETWORK: &str = "fi.w1.wpa_supplicant1.Network";
pub(crate) const BSS: &str = "fi.w1.wpa_supplicant1.BSS";
pub(crate) const STATION: &str = "fi.w1.wpa_supplicant1.Station";
pub(crate) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Where an object of the service is none.
pub(crate) const NO_OBJECT: &str = "/";

/// The most objects of a kind that are looked at.
pub(crate) const MAX_OBJECTS: usize = 512;

/// What an interface does, in the words of its property `State`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// At an access point and let in; of an access point: on the air.
    Completed,
    Scanning,
    /// Authenticating, associating, associated.
    Joining,
    /// The keys are agreed on.
    Handshake,
    /// Nothing to do.
    Inactive,
    Disabled,
    #[default]
    Disconnected,
}

impl State {
    /// A word that is not known is as good as none.
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "completed" => Self::Completed,
            "scanning" => Self::Scanning,
            "authenticating" | "associating" | "associated" => Self::Joining,
            "4way_handshake" | "group_handshake" => Self::Handshake,
            "inactive" => Self::Inactive,
            "interface_disabled" => Self::Disabled,
            _ => Self::Disconnected,
        }
    }
}

/// The properties of an object.
#[derive(Debug, Default)]
pub(crate) struct Properties(HashMap<String, OwnedValue>);

impl Properties {
    pub(crate) fn new(all: HashMap<String, OwnedValue>) -> Self {
        Self(all)
    }

    fn get(&self, name: &str) -> Option<&Value<'static>> {
        self.0.get(name).map(|value| innermost(value))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text; what is none is [`Failure::Nonsense`].
    pub(crate) fn text(&self, name: &'static str) -> Result<&str, Failure> {
        match self.get(name) {
            Some(Value::Str(text)) => Ok(text.as_str()),
            _ => Err(nonsense(name)),
        }
    }

    /// An object; `None` where there is none now.
    pub(crate) fn object(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::ObjectPath(path)) if path.as_str() != NO_OBJECT => Some(path.to_string()),
            _ => None,
        }
    }

    /// Objects; what is no list, or too long, is [`Failure::Nonsense`].
    pub(crate) fn objects(&self, name: &'static str) -> Result<Vec<String>, Failure> {
        let Some(Value::Array(array)) = self.get(name) else { return Err(nonsense(name)) };
        if array.len() > MAX_OBJECTS {
            return Err(Failure::Nonsense(NAME, format!("{name} has {} objects", array.len())));
        }
        let path = |value: &Value<'_>| match value {
            Value::ObjectPath(path) => Ok(path.to_string()),
            _ => Err(nonsense(name)),
        };
        array.iter().map(path).collect()
    }

    /// Bytes; none where it is something else.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.get(name).map(bytes).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    /// A number of any kind.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::U8(n) => Some(i64::from(*n)),
            Value::I16(n) => Some(i64::from(*n)),
            Value::U16(n) => Some(i64::from(*n)),
            Value::I32(n) => Some(i64::from(*n)),
            Value::U32(n) => Some(i64::from(*n)),
            Value::I64(n) => Some(*n),
            Value::U64(n) => i64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// Words; none where it is something else.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        self.get(name).map(words).unwrap_or_default()
    }

    /// A dictionary inside, of texts or lists of texts: `RSN`, `Capabilities`.
    pub(crate) fn inside(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let Some(Value::Dict(inside)) = self.get(name) else { return BTreeMap::new() };
        let one = |(key, value): (&Value<'_>, &Value<'_>)| match key {
            Value::Str(key) => Some((key.to_string(), words(innermost(value)))),
            _ => None,
        };
        inside.iter().filter_map(one).collect()
    }

    /// A dictionary of texts: `Properties` of a network.
    pub(crate) fn texts(&self, name: &'static str) -> Result<BTreeMap<String, String>, Failure> {
        let Some(Value::Dict(inside)) = self.get(name) else { return Err(nonsense(name)) };
        let one = |(key, value): (&Value<'_>, &Value<'_>)| match (key, innermost(value)) {
            (Value::Str(key), Value::Str(value)) => Ok((key.to_string(), value.to_string())),
            _ => Err(nonsense(name)),
        };
        inside.iter().map(one).collect()
    }
}

fn nonsense(name: &str) -> Failure {
    Failure::Nonsense(NAME, format!("{name} is missing, or not of its type"))
}

fn innermost<'a, 'v>(value: &'a Value<'v>) -> &'a Value<'v> {
    match value {
        Value::Value(inner) => innermost(inner),
        other => other,
    }
}

fn bytes(value: &Value<'_>) -> Vec<u8> {
    let Value::Array(array) = value else { return Vec::new() };
    let one = |value: &Value<'_>| if let Value::U8(byte) = value { Some(*byte) } else { None };
    array.iter().map_while(one).collect()
}

fn words(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::Str(text) => vec![text.to_string()],
        Value::Array(array) => {
            let one =
                |value: &Value<'_>| if let Value::Str(text) = value { Some(text.to_string()) } else { None };
            array.iter().filter_map(one).collect()
        }
        _ => Vec::new(),
    }
}

/// The path of an object as an argument. What is no path was never said by the service.
pub(crate) fn as_path(path: &str) -> Result<OwnedObjectPath, Failure> {
    OwnedObjectPath::try_from(path.to_owned())
        .map_err(|_| Failure::Nonsense(NAME, format!("{path:?} is no object")))
}

/// A text of a network, which it keeps in quotes or, if it has other bytes than of ASCII, as digits.
pub(crate) fn unquoted(text: &str) -> Option<Vec<u8>> {
    if let Some(inside) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Some(inside.as_bytes().to_vec());
    }
    from_hex(text)
}

/// Bytes from digits.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() % 2 != 0 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_quotes_or_as_digits() {
        assert_eq!(unquoted("\"a\"b\""), Some(b"a\"b".to_vec()));
        assert_eq!(unquoted("00ff"), Some(vec![0, 255]));
        assert_eq!(unquoted("\"\""), Some(Vec::new()));
        assert_eq!(unquoted("0"), None);
        assert_eq!(unquoted("\""), None);
        assert_eq!(unquoted("käse"), None);
    }

    #[test]
    fn more_objects_than_can_be_are_nonsense() {
        let list = |n: usize| {
            let all: Vec<OwnedObjectPath> =
                (0..n).map(|i| OwnedObjectPath::try_from(format!("/a/{i}")).expect("a path")).collect();
            let value = OwnedValue::try_from(Value::from(all)).expect("no descriptors");
            Properties::new(HashMap::from([("BSSs".to_owned(), value)]))
        };
        assert_eq!(list(MAX_OBJECTS).objects("BSSs").map(|all| all.len()), Ok(MAX_OBJECTS));
        assert!(matches!(list(MAX_OBJECTS + 1).objects("BSSs"), Err(Failure::Nonsense(..))));
    }
}
