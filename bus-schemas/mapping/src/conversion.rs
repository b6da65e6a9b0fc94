//! How the values of a service become the texts of the standard, and the other way round.

mod form;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use cwmp_model::{date_time, ValueType};

use crate::raw::Raw;
use crate::signature::Type;
use form::{base64, hex, list_items, mac, mac_bytes, unbase64, unhex};

pub(crate) use form::list_item;

/// The most items of a list.
pub const MAX_ITEMS: usize = 4_096;
/// The longest text of one value, in bytes: what the host takes, too.
pub const MAX_TEXT: usize = 64 * 1024;

/// What is done with a value. Of `values`, `bits`, `scale`, `named` and `row_of` at most one is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversion {
    /// The service's values and the standard's.
    pub values: Option<BTreeMap<String, String>>,
    /// Masks and what they stand for, the least first.
    pub bits: Option<Vec<(u64, Vec<String>)>>,
    /// What stands for everything that `values` and `bits` do not have.
    pub otherwise: Option<String>,
    /// Arithmetic.
    pub scale: Option<Scale>,
    /// A built-in conversion.
    pub named: Option<Named>,
    /// The table, as a schema path, whose row an object path is.
    pub row_of: Option<String>,
}

/// `value * multiply / divide + add`, rounded to the nearest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Not zero.
    pub multiply: i64,
    /// Not zero.
    pub divide: i64,
    /// Added at the end.
    pub add: i64,
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A built-in conversion.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Named {
            $($(#[$doc])* $name,)*
        }

        impl Named {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What a mapping calls it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

named! {
    /// Seconds since 1970 are a dateTime; 0 is the Unknown Time.
    UnixSeconds = "unix-s";
    /// Milliseconds since 1970.
    UnixMillis = "unix-ms";
    /// Microseconds since 1970.
    UnixMicros = "unix-us";
    /// The name of a time zone is a POSIX TZ.
    PosixTz = "posix-tz";
    /// Six bytes, or a text with any separators, are a MAC address with colons.
    Mac = "mac";
    /// Four bytes, sixteen bytes or an integer in network order are an IP address.
    Ip = "ip";
    /// Microseconds are the power of two that is nearest to so many seconds from below.
    Log2Micros = "log2-us";
    /// Bytes are the text that they spell in UTF-8, up to the first zero.
    Utf8 = "utf8";
}

/// What the standard says of the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The type.
    pub kind: ValueType,
    /// Whether it is a comma-separated list.
    pub list: bool,
}

/// What a conversion has to ask others for.
pub trait Surroundings {
    /// The row of a table, given as schema path, that an object is: its path without the dot at the end.
    fn row(&self, table: &str, object: &str) -> Option<String>;
    /// The object of a row.
    fn object(&self, table: &str, row: &str) -> Option<String>;
    /// The POSIX TZ of a time zone.
    fn posix_tz(&self, zone: &str) -> Result<String, String>;
    /// The time zone that has the rules of a POSIX TZ.
    fn zone(&self, posix_tz: &str) -> Result<String, String>;
}

/// Why a value has no text, or a text no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// The service gave something that the parameter cannot hold.
    #[error("the service gave {0}")]
    Given(String),
    /// The text cannot be set.
    #[error("{0}")]
    Refused(String),
}

fn given<T>(what: impl Into<String>) -> Result<T, ConversionError> {
    Err(ConversionError::Given(what.into()))
}

fn refused<T>(what: impl Into<String>) -> Result<T, ConversionError> {
    Err(ConversionError::Refused(what.into()))
}

impl Conversion {
    /// The text of a value. It has the type of the target; whether its facets hold is for others to see.
    pub fn to_text(
        &self,
        raw: &Raw,
        to: Target,
        around: &dyn Surroundings,
    ) -> Result<String, ConversionError> {
        let text = match (raw, to.list) {
            (Raw::List(items), true) => {
                if items.len() > MAX_ITEMS {
                    return given(format!("{} items, more than {MAX_ITEMS}", items.len()));
                }
                let texts =
                    items.iter().map(|item| Ok(list_item(&self.item_to_text(item, to.kind, around)?)));
                texts.collect::<Result<Vec<_>, _>>()?.join(",")
            }
            (_, true) if self.bits.is_some() => {
                self.bits_to_texts(raw)?.iter().map(|t| list_item(t)).collect::<Vec<_>>().join(",")
            }
            (one, true) => list_item(&self.item_to_text(one, to.kind, around)?),
            (one, false) => self.item_to_text(one, to.kind, around)?,
        };
        if text.len() > MAX_TEXT {
            return given(format!("a text of {} bytes, more than {MAX_TEXT}", text.len()));
        }
        match to.kind.canonical(&text) {
            Ok(text) => Ok(text.into_owned()),
            Err(error) => given(format!("'{}': {error}", shorten(&text))),
        }
    }

    /// The value of a text, in the type that the service wants.
    pub fn from_text(
        &self,
        text: &str,
        to: Target,
        of: &Type,
        around: &dyn Surroundings,
    ) -> Result<Raw, ConversionError> {
        match of {
            Type::Array(item) if to.list => {
                let items = list_items(text).map(|t| self.item_from_text(&t, to.kind, item, around));
                Ok(Raw::List(items.collect::<Result<_, _>>()?))
            }
            _ if to.list && self.bits.is_some() => self.bits_from_text(text, of),
            _ => self.item_from_text(text, to.kind, of, around),
        }
    }

    fn item_to_text(
        &self,
        raw: &Raw,
        kind: ValueType,
        around: &dyn Surroundings,
    ) -> Result<String, ConversionError> {
        if let Some(values) = &self.values {
            let Some(key) = raw.key_text() else {
                return given(format!("{}, which no key of 'values' can be", raw.kind()));
            };
            return match values.get(&key).or(self.otherwise.as_ref()) {
                Some(text) => Ok(text.clone()),
                None => given(format!("'{}', which 'values' does not have", shorten(&key))),
            };
        }
        if self.bits.is_some() {
            // Where there is room for one, the highest bit is the best that the device can say.
            return match self.bits_to_texts(raw)?.pop() {
                Some(text) => Ok(text),
                None => given("none of the bits that 'bits' has"),
            };
        }
        if let Some(scale) = self.scale {
            return scale.forth(raw, kind);
        }
        if let Some(table) = &self.row_of {
            return match raw {
                Raw::Path(path) | Raw::Text(path) if path == "/" || path.is_empty() => Ok(String::new()),
                // A reference to what is not there is empty (TR-106 3.2.4).
                Raw::Path(path) | Raw::Text(path) => Ok(around.row(table, path).unwrap_or_default()),
                other => given(format!("{}, not an object path", other.kind())),
            };
        }
        match self.named {
            Some(named) => named.forth(raw, around),
            None => plain(raw, kind),
        }
    }

    fn item_from_text(
        &self,
        text: &str,
        kind: ValueType,
        of: &Type,
        around: &dyn Surroundings,
    ) -> Result<Raw, ConversionError> {
        if let Some(values) = &self.values {
            let mut keys = values.iter().filter(|(_, v)| *v == text).map(|(k, _)| k);
            return match keys.next().and_then(|key| Raw::from_key_text(key, of)) {
                Some(raw) => Ok(raw),
                None => {
                    let all: Vec<&str> = values.values().map(String::as_str).collect();
                    refused(format!("this device has only {}", all.join(", ")))
                }
            };
        }
        if self.bits.is_some() {
            return self.bits_from_text(text, of);
        }
        if let Some(scale) = self.scale {
            return scale.back(text, of);
        }
        if let Some(table) = &self.row_of {
            let path = if text.is_empty() { Some("/".to_owned()) } else { around.object(table, text) };
            return match path {
                Some(path) if *of == Type::Text => Ok(Raw::Text(path)),
                Some(path) => Ok(Raw::Path(path)),
                None => refused(format!("'{text}' is no row of {table}")),
            };
        }
        match self.named {
            Some(named) => named.back(text, of, around),
            None => plain_back(text, kind, of),
        }
    }

    fn bits_to_texts(&self, raw: &Raw) -> Result<Vec<String>, ConversionError> {
        let bits = self.bits.as_deref().unwrap_or_default();
        let Some(n) = raw.integer().and_then(|n| u64::try_from(n & i128::from(u64::MAX)).ok()) else {
            return given(format!("{}, not an integer", raw.kind()));
        };
        let mut all: Vec<String> = Vec::new();
        for (_, texts) in bits.iter().filter(|(mask, _)| n & mask == *mask) {
            all.extend(texts.iter().filter(|t| !all.contains(t)).cloned().collect::<Vec<_>>());
        }
        if all.is_empty() {
            all.extend(self.otherwise.clone());
        }
        Ok(all)
    }

    fn bits_from_text(&self, text: &str, of: &Type) -> Result<Raw, ConversionError> {
        let bits = self.bits.as_deref().unwrap_or_default();
        let wanted: Vec<String> = list_items(text).collect();
        let known = |item: &String| bits.iter().any(|(_, texts)| texts.contains(item));
        if let Some(unknown) = wanted.iter().find(|item| !known(item)) {
            return refused(format!("this device has no '{unknown}'"));
        }
        let chosen = bits.iter().filter(|(_, texts)| texts.iter().all(|t| wanted.contains(t)));
        let n = chosen.fold(0, |all, (mask, _)| all | mask);
        fit(n.into(), of)
    }
}

impl Scale {
    /// Far beyond every type, and far from where arithmetic ends.
    const LIMIT: i128 = 1 << 100;

    /// Rounds half away from zero, as people do.
    fn divide(n: i128, by: i128) -> i128 {
        let (whole, rest) = (n / by, n % by);
        if rest.abs() * 2 >= by.abs() {
            whole + if (n < 0) == (by < 0) { 1 } else { -1 }
        } else {
            whole
        }
    }

    fn forth(self, raw: &Raw, kind: ValueType) -> Result<String, ConversionError> {
        let (multiply, divide, add) =
            (i128::from(self.multiply), i128::from(self.divide), i128::from(self.add));
        if let (Raw::Double(n), ValueType::Decimal) = (raw, kind) {
            #[allow(clippy::cast_precision_loss)] // factors are small
            let n = n * self.multiply as f64 / self.divide as f64 + self.add as f64;
            return plain(&Raw::Double(n), kind);
        }
        let n = match raw {
            Raw::Double(n) => {
                #[allow(clippy::cast_precision_loss)] // as above
                let n = n * self.multiply as f64 / self.divide as f64;
                rounded(n)? + add
            }
            other => match other.integer() {
                Some(n) => match n.checked_mul(multiply) {
                    Some(n) => Self::divide(n, divide) + add,
                    None => return given("a number that is too large"),
                },
                None => return given(format!("{}, not a number", other.kind())),
            },
        };
        Ok(n.to_string())
    }

    fn back(self, text: &str, of: &Type) -> Result<Raw, ConversionError> {
        let (multiply, divide, add) =
            (i128::from(self.multiply), i128::from(self.divide), i128::from(self.add));
        if *of == Type::Double {
            let n: f64 =
                text.parse().map_err(|_| ConversionError::Refused(format!("'{text}' is no number")))?;
            #[allow(clippy::cast_precision_loss)] // as above
            return Ok(Raw::Double((n - self.add as f64) * self.divide as f64 / self.multiply as f64));
        }
        let n: i128 =
            text.parse().map_err(|_| ConversionError::Refused(format!("'{text}' is no whole number")))?;
        let n = n.checked_sub(add).and_then(|n| n.checked_mul(divide)).filter(|n| n.abs() < Self::LIMIT);
        match n {
            Some(n) => fit(Self::divide(n, multiply), of),
            None => refused(format!("'{text}' is too large for this device")),
        }
    }
}

impl Named {
    /// The conversion that a mapping calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|n| n.name() == name)
    }

    /// The type of the parameter that it is for.
    pub fn kind(self) -> ValueType {
        match self {
            Self::UnixSeconds | Self::UnixMillis | Self::UnixMicros => ValueType::DateTime,
            Self::Log2Micros => ValueType::UnsignedInt,
            _ => ValueType::String,
        }
    }

    fn per_second(self) -> Option<i128> {
        match self {
            Self::UnixSeconds => Some(1),
            Self::UnixMillis => Some(1_000),
            Self::UnixMicros => Some(1_000_000),
            _ => None,
        }
    }

    fn forth(self, raw: &Raw, around: &dyn Surroundings) -> Result<String, ConversionError> {
        if let Some(parts) = self.per_second() {
            return match raw.integer() {
                // A field that holds everything the type can is a "never" or a "not known" of the service.
                Some(0) => Ok(date_time::UNKNOWN.to_owned()),
                Some(n) if n == i128::from(u64::MAX) => Ok(date_time::UNKNOWN.to_owned()),
                Some(n) => match i64::try_from(n.div_euclid(parts)) {
                    Ok(seconds) => Ok(date_time::from_unix_seconds(seconds)),
                    Err(_) => given("a moment that is too far away"),
                },
                None => given(format!("{}, not a number", raw.kind())),
            };
        }
        match (self, raw) {
            (Self::Log2Micros, number) => {
                let seconds = number.integer().map(|n| n / 1_000_000).filter(|n| *n > 0);
                match seconds.and_then(|n| u64::try_from(n).ok()) {
                    Some(seconds) => Ok(seconds.ilog2().to_string()),
                    None => given(format!("{}, not a second or more", number.kind())),
                }
            }
            (Self::PosixTz, Raw::Text(zone)) => around.posix_tz(zone).map_err(ConversionError::Given),
            (Self::Mac, Raw::Bytes(bytes)) if bytes.len() == 6 => Ok(mac(bytes)),
            (Self::Mac, Raw::Text(text)) => match mac_bytes(text) {
                Some(bytes) => Ok(mac(&bytes)),
                None => given(format!("'{}', which is no MAC address", shorten(text))),
            },
            (Self::Ip, Raw::Bytes(bytes)) => {
                if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
                    Ok(Ipv4Addr::from(four).to_string())
                } else if let Ok(sixteen) = <[u8; 16]>::try_from(bytes.as_slice()) {
                    Ok(Ipv6Addr::from(sixteen).to_string())
                } else {
                    given(format!("{} bytes, which are no IP address", bytes.len()))
                }
            }
            (Self::Ip, Raw::Int(n)) => match u32::try_from(*n) {
                // What libraries for C call network order is the order of the bytes in memory.
                Ok(n) => Ok(Ipv4Addr::from(n.to_ne_bytes()).to_string()),
                Err(_) => given(format!("{n}, which is no IP address")),
            },
            (Self::Ip, Raw::Text(text)) => Ok(text.clone()),
            (Self::Utf8, Raw::Bytes(bytes)) => {
                let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
                String::from_utf8(text.to_vec())
                    .map_err(|_| ConversionError::Given("bytes that are no UTF-8".to_owned()))
            }
            (_, other) => given(format!("{}, which '{}' does not take", other.kind(), self.name())),
        }
    }

    fn back(self, text: &str, of: &Type, around: &dyn Surroundings) -> Result<Raw, ConversionError> {
        let bytes = *of == Type::Array(Box::new(Type::Byte));
        if let Some(parts) = self.per_second() {
            if text == date_time::UNKNOWN {
                return fit(0, of);
            }
            return match date_time::unix_seconds(text) {
                Some(seconds) => fit(i128::from(seconds) * parts, of),
                None => refused(format!("'{text}' is no absolute time")),
            };
        }
        match self {
            Self::Log2Micros => match text.parse::<u32>().ok().and_then(|n| 1_i128.checked_shl(n.min(64))) {
                Some(seconds) => fit(seconds * 1_000_000, of),
                None => refused(format!("'{text}' is no power of two")),
            },
            Self::PosixTz => around.zone(text).map(Raw::Text).map_err(ConversionError::Refused),
            Self::Mac => match mac_bytes(text) {
                Some(all) if bytes => Ok(Raw::Bytes(all.to_vec())),
                Some(all) => Ok(Raw::Text(mac(&all))),
                None => refused(format!("'{text}' is no MAC address")),
            },
            Self::Ip => match text.parse::<std::net::IpAddr>() {
                Ok(std::net::IpAddr::V4(ip)) if bytes => Ok(Raw::Bytes(ip.octets().to_vec())),
                Ok(std::net::IpAddr::V6(ip)) if bytes => Ok(Raw::Bytes(ip.octets().to_vec())),
                Ok(std::net::IpAddr::V4(ip)) if *of == Type::U32 => {
                    Ok(Raw::Int(u32::from_ne_bytes(ip.octets()).into()))
                }
                Ok(ip) if *of == Type::Text => Ok(Raw::Text(ip.to_string())),
                _ => refused(format!("'{text}' is no IP address that fits")),
            },
            _ if bytes => Ok(Raw::Bytes(text.as_bytes().to_vec())),
            _ => Ok(Raw::Text(text.to_owned())),
        }
    }
}

fn plain(raw: &Raw, kind: ValueType) -> Result<String, ConversionError> {
    let wrong = || given(format!("{}, not {}", raw.kind(), kind.name()));
    match kind {
        ValueType::Boolean => match raw {
            Raw::Bool(truth) => Ok(truth.to_string()),
            _ => wrong(),
        },
        ValueType::Int | ValueType::UnsignedInt | ValueType::Long | ValueType::UnsignedLong => match raw {
            Raw::Double(n) => Ok(rounded(*n)?.to_string()),
            other => other.integer().map_or_else(wrong, |n| Ok(n.to_string())),
        },
        ValueType::Decimal => match raw {
            Raw::Double(n) if n.is_finite() => Ok(n.to_string()),
            other => other.integer().map_or_else(wrong, |n| Ok(n.to_string())),
        },
        ValueType::HexBinary | ValueType::Base64 => match raw {
            Raw::Bytes(bytes) if kind == ValueType::HexBinary => Ok(hex(bytes)),
            Raw::Bytes(bytes) => Ok(base64(bytes)),
            Raw::Text(text) => Ok(text.clone()),
            _ => wrong(),
        },
        ValueType::DateTime => match raw {
            Raw::Text(text) => Ok(text.clone()),
            _ => wrong(),
        },
        ValueType::String => raw.key_text().map_or_else(wrong, Ok),
    }
}

fn plain_back(text: &str, kind: ValueType, of: &Type) -> Result<Raw, ConversionError> {
    if *of == Type::Array(Box::new(Type::Byte)) {
        let bytes = match kind {
            ValueType::HexBinary => unhex(text),
            ValueType::Base64 => unbase64(text),
            _ => Some(text.as_bytes().to_vec()),
        };
        return match bytes {
            Some(bytes) => Ok(Raw::Bytes(bytes)),
            None => refused(format!("'{}' is no {}", shorten(text), kind.name())),
        };
    }
    match Raw::from_key_text(text, of) {
        Some(raw) => Ok(raw),
        None => refused(format!("'{}' does not fit: the device wants the type '{of}'", shorten(text))),
    }
}

fn rounded(n: f64) -> Result<i128, ConversionError> {
    // Beyond this a float has no whole numbers of its own.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if n.is_finite() && n.abs() <= LIMIT {
        #[allow(clippy::cast_possible_truncation)] // just looked at
        Ok(n.round() as i128)
    } else {
        given(format!("{n}, which is no whole number"))
    }
}

fn fit(n: i128, of: &Type) -> Result<Raw, ConversionError> {
    if *of == Type::Double {
        #[allow(clippy::cast_precision_loss)] // numbers of settings are small
        return Ok(Raw::Double(n as f64));
    }
    match of.bounds() {
        Some((low, high)) if (low..=high).contains(&n) => match Raw::from_integer(n) {
            Some(raw) => Ok(raw),
            None => refused(format!("{n} does not fit")),
        },
        Some((low, high)) => refused(format!("must be {low} to {high} for this device, would be {n}")),
        None => refused(format!("the device wants the type '{of}', not a number")),
    }
}

/// Enough of a text to recognise it in a message.
fn shorten(text: &str) -> String {
    const ENOUGH: usize = 64;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "conversion/tests.rs"]
mod tests;
