//! What the derives leave to the compiler: whether a type fits a parameter, and an enumeration's facets.
//!
//! A macro sees the name of a type; its values are known only when constants are computed.

use crate::Typed;

/// The facets of a parameter, in parts.
#[derive(Debug)]
pub struct Facets {
    /// All but the enumeration, as text.
    pub rest: &'static str,
    /// The values that the standard allows; empty if it allows any.
    pub allowed: &'static [&'static str],
    /// Those that only the device sets.
    pub device_only: &'static [&'static str],
    /// The values of the type; empty if it is no enumeration.
    pub values: &'static [&'static str],
}

/// Stops the compiler if a type does not fit its parameter.
#[track_caller]
pub const fn check<T: Typed>(path: &str, kind: u32, list: bool, facets: &Facets) {
    if T::LIST && !list {
        stop(&["the type of the field for ", path, " is a list, and the parameter is none"]);
    }
    if T::KIND.number() != kind {
        stop(&["the type of the field for ", path, " stands for another type than the parameter has"]);
    }
    let mut i = 0;
    while i < facets.values.len() {
        let value = facets.values[i];
        let free = facets.allowed.is_empty() && facets.device_only.is_empty();
        if !free && !is_vendor(value) && !has(facets.allowed, value) && !has(facets.device_only, value) {
            let all = list_of(facets.allowed);
            stop(&[path, " has no value '", value, "'; there are ", all.as_str()]);
        }
        i += 1;
    }
}

impl Facets {
    /// Bytes of the text.
    pub const fn len(&self) -> usize {
        let mut counted = Writer::<0>::new();
        counted = self.write(counted);
        counted.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text, of as many bytes as [`len`](Self::len) says.
    pub const fn text<const N: usize>(&self) -> [u8; N] {
        self.write(Writer::<N>::new()).bytes
    }

    const fn write<const N: usize>(&self, mut out: Writer<N>) -> Writer<N> {
        out = out.text(self.rest);
        let values = if self.values.is_empty() { self.allowed } else { self.values };
        let device = if self.values.is_empty() { self.device_only } else { self.values };
        out = self.list(out, "enum=", values, false);
        self.list(out, "enumro=", device, true)
    }

    /// The values of a type are those that only the device sets, or the others.
    const fn list<const N: usize>(
        &self,
        mut out: Writer<N>,
        key: &str,
        values: &[&str],
        device_only: bool,
    ) -> Writer<N> {
        let (mut first, mut i) = (true, 0);
        while i < values.len() {
            let of_device = has(self.device_only, values[i]) && !has(self.allowed, values[i]);
            if of_device == device_only {
                if first && out.len > 0 {
                    out = out.text(";");
                }
                out = out.text(if first { key } else { "|" }).escaped(values[i]);
                first = false;
            }
            i += 1;
        }
        out
    }
}

/// The text of bytes that came from texts.
pub const fn text_of(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Bytes written one after the other; beyond `N` they are only counted.
#[derive(Clone, Copy)]
struct Writer<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    const fn byte(mut self, byte: u8) -> Self {
        if self.len < N {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
        self
    }

    const fn text(mut self, text: &str) -> Self {
        let (bytes, mut i) = (text.as_bytes(), 0);
        while i < bytes.len() {
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    const fn escaped(mut self, text: &str) -> Self {
        let (bytes, mut i) = (text.as_bytes(), 0);
        while i < bytes.len() {
            if matches!(bytes[i], b';' | b'|' | b'\\') {
                self = self.byte(b'\\');
            }
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    const fn as_str(&self) -> &str {
        let end = if self.len < N { self.len } else { N };
        match std::str::from_utf8(self.bytes.split_at(end).0) {
            Ok(text) => text,
            Err(_) => "what the standard says",
        }
    }
}

/// Bytes of the longest message.
const MESSAGE: usize = 1024;

#[track_caller]
const fn stop(parts: &[&str]) -> ! {
    let (mut message, mut i) = (Writer::<MESSAGE>::new(), 0);
    while i < parts.len() {
        message = message.text(parts[i]);
        i += 1;
    }
    panic!("{}", message.as_str())
}

const fn list_of(values: &[&str]) -> Writer<MESSAGE> {
    let (mut all, mut i) = (Writer::<MESSAGE>::new(), 0);
    while i < values.len() {
        all = all.text(if i > 0 { ", " } else { "" }).text(values[i]);
        i += 1;
    }
    all
}

const fn is_vendor(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() > 2 && bytes[0] == b'X' && bytes[1] == b'_'
}

const fn has(values: &[&str], value: &str) -> bool {
    let mut i = 0;
    while i < values.len() {
        if same(values[i].as_bytes(), value.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: Facets = Facets {
        rest: "default=Down",
        allowed: &["Up", "Down", "a;b"],
        device_only: &["Error"],
        values: &["a;b", "Error", "X_ACME_Odd", "Down"],
    };

    #[test]
    fn an_enumeration_is_narrowed_to_the_values_of_the_type() {
        const TEXT: [u8; STATUS.len()] = STATUS.text();
        assert_eq!(text_of(&TEXT), r"default=Down;enum=a\;b|X_ACME_Odd|Down;enumro=Error");
    }

    #[test]
    fn a_type_that_is_no_enumeration_keeps_what_the_standard_allows() {
        const FACETS: Facets = Facets { rest: "", values: &[], ..STATUS };
        const TEXT: [u8; FACETS.len()] = FACETS.text();
        assert_eq!(text_of(&TEXT), r"enum=Up|Down|a\;b;enumro=Error");
    }
}
