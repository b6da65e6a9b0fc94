//! Fields of typed objects: what Rust types stand for a parameter.

use std::borrow::Cow;

use crate::{Error, Kind, Parse, Value};

/// A field of a typed object, whatever its type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` stands for no type of the data model",
    label = "no parameter has this type",
    note = "an enumeration derives `Enumeration`; a type of your own has `Value`, `Parse` and `Default`"
)]
pub trait Field: 'static {
    /// Appends the lexical form, or says why there is none.
    fn write(&self, out: &mut String) -> Result<(), Error>;

    /// Takes the value from its lexical form; false if the text is none.
    fn read(&mut self, text: &str) -> bool;
}

/// A type that a field may have.
///
/// Every type with [`Value`], [`Parse`] and `Default` is one, and around such types:
///
/// - `Option<T>`: may be unknown. What is unknown reads as empty, a moment as the Unknown Time; a number, a boolean or
///   an enumeration has no such value and is left out of the answer.
/// - `Vec<T>`: a list, as the standard's comma-separated lists are; what would separate in an item is percent-encoded.
/// - `Result<T, Error>`: reading it may fail, without harm for the fields beside it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` stands for no type of the data model",
    label = "no parameter has this type",
    note = "an enumeration derives `Enumeration`; a type of your own has `Value`, `Parse` and `Default`"
)]
pub trait Typed: Field + Sized {
    /// The type of the parameter.
    const KIND: Kind;
    /// The values of an enumeration; empty if it is none.
    const VALUES: &'static [&'static str] = &[];
    /// Whether it is a list.
    const LIST: bool = false;

    /// The value before anybody said anything.
    fn blank() -> Self;
}

impl<T: Value + Parse + 'static> Field for T {
    fn write(&self, out: &mut String) -> Result<(), Error> {
        Value::write(self, out);
        Ok(())
    }

    fn read(&mut self, text: &str) -> bool {
        T::parse(text).map(|value| *self = value).is_some()
    }
}

impl<T: Value + Parse + Default + 'static> Typed for T {
    const KIND: Kind = <T as Value>::KIND;
    const VALUES: &'static [&'static str] = <T as Value>::VALUES;

    fn blank() -> Self {
        T::default()
    }
}

impl<T: Value + Parse + 'static> Field for Option<T> {
    fn write(&self, out: &mut String) -> Result<(), Error> {
        match self {
            Some(value) => value.write(out),
            None if !<T as Value>::VALUES.is_empty() => return Err(unknown()),
            None => out.push_str(<T as Value>::KIND.nothing().ok_or_else(unknown)?),
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> bool {
        *self = T::parse(text);
        self.is_some() || <T as Value>::KIND.nothing() == Some(text)
    }
}

impl<T: Value + Parse + 'static> Typed for Option<T> {
    const KIND: Kind = <T as Value>::KIND;
    const VALUES: &'static [&'static str] = <T as Value>::VALUES;

    fn blank() -> Self {
        None
    }
}

impl<T: Value + Parse + 'static> Field for Vec<T> {
    fn write(&self, out: &mut String) -> Result<(), Error> {
        for (i, item) in self.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            let start = out.len();
            item.write(out);
            escape(out, start);
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> bool {
        let items = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
        items
            .map(|item| T::parse(&unescape(item)))
            .collect::<Option<_>>()
            .map(|items| *self = items)
            .is_some()
    }
}

impl<T: Value + Parse + 'static> Typed for Vec<T> {
    const KIND: Kind = Kind::String;
    const VALUES: &'static [&'static str] = <T as Value>::VALUES;
    const LIST: bool = true;

    fn blank() -> Self {
        Vec::new()
    }
}

impl<T: Typed> Field for Result<T, Error> {
    fn write(&self, out: &mut String) -> Result<(), Error> {
        self.as_ref().map_err(Clone::clone)?.write(out)
    }

    fn read(&mut self, text: &str) -> bool {
        let mut value = T::blank();
        value.read(text) && {
            *self = Ok(value);
            true
        }
    }
}

impl<T: Typed> Typed for Result<T, Error> {
    const KIND: Kind = T::KIND;
    const VALUES: &'static [&'static str] = T::VALUES;
    const LIST: bool = T::LIST;

    fn blank() -> Self {
        Ok(T::blank())
    }
}

/// Percent-encodes what stands at the end of a list, so that it stays one item: commas, percent signs, and white space at
/// its ends (TR-106 3.2.3).
fn escape(out: &mut String, start: usize) {
    let item = &out[start..];
    let inner = item.trim();
    if inner.len() == item.len() && !item.contains([',', '%']) {
        return;
    }
    let item = item.to_owned();
    out.truncate(start);
    let first = item.len() - item.trim_start().len();
    let last = first + item.trim().len();
    for (i, c) in item.char_indices() {
        if c != ',' && c != '%' && (first..last).contains(&i) {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
}

/// The opposite. A percent sign without two digits is one; what is no UTF-8 then stays as it stands.
fn unescape(item: &str) -> Cow<'_, str> {
    let mut parts = item.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.as_bytes().get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match digits.and_then(|_| u8::from_str_radix(&part[..2], 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                out.push(b'%');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(item), Cow::Owned)
}

fn unknown() -> Error {
    Error::name("it is not known now")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DateTime;

    fn text(field: &impl Typed) -> Result<String, Error> {
        let mut out = String::new();
        field.write(&mut out).map(|()| out)
    }

    #[test]
    fn what_is_unknown_reads_as_the_standard_says_or_is_left_out() {
        assert_eq!(text(&None::<String>).unwrap(), "");
        assert_eq!(text(&None::<DateTime>).unwrap(), "0001-01-01T00:00:00Z");
        assert!(matches!(text(&None::<u32>), Err(Error::Name(_))));
        assert!(matches!(text(&None::<bool>), Err(Error::Name(_))));
        assert_eq!(text(&Some(7_u32)).unwrap(), "7");
    }

    #[test]
    fn lists_travel_both_ways() {
        let mut list = vec![1_u32];
        assert!(list.read(" 2, 3 "));
        assert_eq!((list.len(), text(&list).unwrap()), (2, "2,3".to_owned()));
        assert!(!list.read("2,x"));
        assert!(list.read("") && list.is_empty());
        assert_eq!(text(&list).unwrap(), "");
    }

    /// C143: an item comes out of a list as it went in.
    #[test]
    fn items_of_a_list_are_escaped() {
        let list: Vec<String> = ["a,b", " 5% ", "c d", "%41", "ä\u{a0}", "%"].map(str::to_owned).to_vec();
        let written = text(&list).unwrap();
        assert_eq!(written, "a%2Cb,%205%25%20,c d,%2541,ä%C2%A0,%25");
        let mut again = Vec::<String>::new();
        assert!(again.read(&written));
        assert_eq!(again, list);
        // What others write less carefully.
        assert!(again.read("%2c , 100%, %FF, %é, %4"));
        assert_eq!(again, [",", "100%", "%FF", "%é", "%4"]);
    }

    #[test]
    fn a_failed_field_says_why() {
        let field: Result<u32, Error> = Err(Error::internal("the bus is gone"));
        assert_eq!(text(&field), Err(Error::internal("the bus is gone")));
        let mut field = field;
        assert!(field.read("5"));
        assert_eq!(text(&field).unwrap(), "5");
    }
}
