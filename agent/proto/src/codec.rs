//! The forms that arguments have, with their lengths (TR-069 Annex A; the schemas are the reference).

use std::marker::PhantomData;

use cwmp_model::{date_time, ValueType};

use crate::error::{shown, ReadError};
use crate::reader::Reader;
use crate::write::Out;

/// The longest path in an argument, in characters.
pub(crate) const NAME: usize = 256;
/// The longest key in an argument, in characters.
pub(crate) const KEY: usize = 32;

/// The form of an argument.
pub(crate) trait Codec {
    /// What it is in Rust.
    type Value;

    /// Reads the present element.
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self::Value, ReadError>;

    /// Writes the value as the element `name`.
    fn write(value: &Self::Value, name: &str, out: &mut Out);

    /// Reads the present element into a field.
    fn put(slot: &mut Option<Self::Value>, reader: &mut Reader<'_, '_>) -> Result<(), ReadError> {
        *slot = Some(Self::read(reader)?);
        Ok(())
    }

    /// The value when there is no element, if it may be missing.
    fn absent() -> Option<Self::Value> {
        None
    }
}

/// A member of an array.
pub(crate) trait Member: Sized {
    /// Its element.
    const ELEMENT: &'static str;
    /// Its type in `soap-enc:arrayType`.
    const TYPE: &'static str;

    /// Reads the present element.
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError>;

    /// Writes what is inside the element.
    fn write(&self, out: &mut Out);

    /// The `xsi:type` of its element, if it needs one.
    fn xsi_type(&self) -> Option<&'static str> {
        None
    }
}

/// A text as it is, of at most so many characters.
pub(crate) struct Text<const MOST: usize>;

impl<const MOST: usize> Codec for Text<MOST> {
    type Value = String;

    fn read(reader: &mut Reader<'_, '_>) -> Result<String, ReadError> {
        reader.text(MOST)
    }

    fn write(value: &String, name: &str, out: &mut Out) {
        out.leaf(name, first(value, MOST));
    }
}

/// A text whose outer white space does not count, of at most so many characters.
pub(crate) struct Name<const MOST: usize>;

impl<const MOST: usize> Codec for Name<MOST> {
    type Value = String;

    fn read(reader: &mut Reader<'_, '_>) -> Result<String, ReadError> {
        reader.name(MOST)
    }

    fn write(value: &String, name: &str, out: &mut Out) {
        out.leaf(name, first(value, MOST));
    }
}

/// A text that may be missing, and is then empty.
pub(crate) struct OrEmpty<const MOST: usize>;

impl<const MOST: usize> Codec for OrEmpty<MOST> {
    type Value = String;

    fn read(reader: &mut Reader<'_, '_>) -> Result<String, ReadError> {
        reader.text(MOST)
    }

    fn write(value: &String, name: &str, out: &mut Out) {
        out.leaf(name, first(value, MOST));
    }

    fn absent() -> Option<String> {
        Some(String::new())
    }
}

/// A type of a file or the mode of a window: `1 Firmware Upgrade Image`, `X 00AABB Thing`.
pub(crate) struct Numbered;

impl Codec for Numbered {
    type Value = String;

    fn read(reader: &mut Reader<'_, '_>) -> Result<String, ReadError> {
        let text = reader.name(64)?;
        if is_numbered(&text) {
            return Ok(text);
        }
        Err(reader.wrong(format!("'{text}' is neither a number with a name nor a vendor's name")))
    }

    fn write(value: &String, name: &str, out: &mut Out) {
        out.leaf(name, value);
    }
}

/// The patterns `[1-9]\d*( \S+)+` and `X \S+ .+` of the schema.
fn is_numbered(text: &str) -> bool {
    let Some((head, rest)) = text.split_once(' ') else { return false };
    if head == "X" {
        let (vendor, rest) = rest.split_once(' ').unwrap_or_default();
        return !vendor.is_empty() && !vendor.contains(char::is_whitespace) && !rest.is_empty();
    }
    head.bytes().all(|b| b.is_ascii_digit())
        && !head.is_empty()
        && !head.starts_with('0')
        && rest.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
}

/// The identifier of a deployment unit.
pub(crate) struct Uuid;

impl Codec for Uuid {
    type Value = String;

    fn read(reader: &mut Reader<'_, '_>) -> Result<String, ReadError> {
        let text = reader.name(36)?;
        Self::check(text, reader)
    }

    fn write(value: &String, name: &str, out: &mut Out) {
        out.leaf(name, value);
    }
}

impl Uuid {
    pub(crate) fn check(text: String, reader: &Reader<'_, '_>) -> Result<String, ReadError> {
        if is_uuid(&text) {
            return Ok(text);
        }
        Err(reader.wrong(format!("'{text}' is no UUID")))
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A moment (C142). What is none is sent as the Unknown Time.
pub(crate) struct Moment;

impl Codec for Moment {
    type Value = String;

    fn read(reader: &mut Reader<'_, '_>) -> Result<String, ReadError> {
        let text = reader.name(64)?;
        date_time::canonical(&text).ok_or_else(|| reader.wrong(format!("'{text}' is no moment")))
    }

    fn write(value: &String, name: &str, out: &mut Out) {
        out.leaf(name, date_time::canonical(value).as_deref().unwrap_or(date_time::UNKNOWN));
    }
}

/// An argument that may be missing.
pub(crate) struct Perhaps<C>(PhantomData<C>);

impl<C: Codec> Codec for Perhaps<C> {
    type Value = Option<C::Value>;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Option<C::Value>, ReadError> {
        C::read(reader).map(Some)
    }

    fn write(value: &Option<C::Value>, name: &str, out: &mut Out) {
        if let Some(value) = value {
            C::write(value, name, out);
        }
    }

    fn absent() -> Option<Self::Value> {
        Some(None)
    }
}

/// A structure inside an element.
pub(crate) struct Inner<M>(PhantomData<M>);

impl<M: Member> Codec for Inner<M> {
    type Value = M;

    fn read(reader: &mut Reader<'_, '_>) -> Result<M, ReadError> {
        M::read(reader)
    }

    fn write(value: &M, name: &str, out: &mut Out) {
        open_member(value, name, out);
        value.write(out);
        out.close(name);
    }
}

fn open_member<M: Member>(value: &M, name: &str, out: &mut Out) {
    match value.xsi_type() {
        Some(kind) => out.open_typed(name, kind),
        None => out.open(name),
    }
}

/// An element that comes once or more.
pub(crate) struct Many<M>(PhantomData<M>);

impl<M: Member> Codec for Many<M> {
    type Value = Vec<M>;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Vec<M>, ReadError> {
        M::read(reader).map(|one| vec![one])
    }

    fn put(slot: &mut Option<Vec<M>>, reader: &mut Reader<'_, '_>) -> Result<(), ReadError> {
        let all = slot.get_or_insert_with(Vec::new);
        reader.room(all.len(), usize::MAX)?;
        all.push(M::read(reader)?);
        Ok(())
    }

    fn write(value: &Vec<M>, name: &str, out: &mut Out) {
        for one in value {
            Inner::write(one, name, out);
        }
    }
}

/// At most the first `most` characters: what is too long for the schema is cut rather than sent.
fn first(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

/// A truth value, sent as 0 or 1 (C100).
pub(crate) struct Flag;

impl Codec for Flag {
    type Value = bool;

    fn read(reader: &mut Reader<'_, '_>) -> Result<bool, ReadError> {
        reader.boolean()
    }

    fn write(value: &bool, name: &str, out: &mut Out) {
        out.leaf(name, if *value { "1" } else { "0" });
    }
}

/// An unsigned number within bounds (C101).
pub(crate) struct Number<const LEAST: u32 = 0, const MOST: u32 = { u32::MAX }>;

impl<const LEAST: u32, const MOST: u32> Codec for Number<LEAST, MOST> {
    type Value = u32;

    fn read(reader: &mut Reader<'_, '_>) -> Result<u32, ReadError> {
        let text = reader.cursor.text()?;
        number::<u32>(&text, ValueType::UnsignedInt).filter(|n| (LEAST..=MOST).contains(n)).ok_or_else(|| {
            reader.wrong(format!("'{}' is no number from {LEAST} to {MOST}", shown(text.trim())))
        })
    }

    fn write(value: &u32, name: &str, out: &mut Out) {
        out.leaf(name, &value.to_string());
    }
}

/// A signed number (C101).
pub(crate) struct Signed;

impl Codec for Signed {
    type Value = i32;

    fn read(reader: &mut Reader<'_, '_>) -> Result<i32, ReadError> {
        let text = reader.cursor.text()?;
        number(&text, ValueType::Int)
            .ok_or_else(|| reader.wrong(format!("'{}' is no number of 32 bits", shown(text.trim()))))
    }

    fn write(value: &i32, name: &str, out: &mut Out) {
        out.leaf(name, &value.to_string());
    }
}

/// A number in XML Schema's form: white space around it, a plus sign and leading zeros are allowed.
pub(crate) fn number<N: std::str::FromStr>(text: &str, kind: ValueType) -> Option<N> {
    kind.canonical(text).ok()?.parse().ok()
}

/// An array: a list inside one element, with the type and number of its members.
pub(crate) struct Array<M, const LEAST: usize = 0, const MOST: usize = { usize::MAX }>(PhantomData<M>);

impl<M: Member, const LEAST: usize, const MOST: usize> Codec for Array<M, LEAST, MOST> {
    type Value = Vec<M>;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Vec<M>, ReadError> {
        let mut all = Vec::new();
        while reader.cursor.enter()? {
            reader.room(all.len(), MOST)?;
            all.push(M::read(reader)?);
        }
        if all.len() < LEAST {
            return Err(reader.wrong(format!("a list has fewer than {LEAST} items")));
        }
        Ok(all)
    }

    fn write(value: &Vec<M>, name: &str, out: &mut Out) {
        out.open_array(name, M::TYPE, value.len());
        for member in value {
            Inner::write(member, M::ELEMENT, out);
        }
        out.close(name);
    }
}

/// An array of texts.
pub(crate) struct Strings<const MOST: usize>;

impl<const MOST: usize> Codec for Strings<MOST> {
    type Value = Vec<String>;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Vec<String>, ReadError> {
        let mut all = Vec::new();
        while reader.cursor.enter()? {
            reader.room(all.len(), usize::MAX)?;
            all.push(reader.name(MOST)?);
        }
        Ok(all)
    }

    fn write(value: &Vec<String>, name: &str, out: &mut Out) {
        out.open_array(name, "xsd:string", value.len());
        for text in value {
            out.leaf("string", first(text, MOST));
        }
        out.close(name);
    }
}

/// Vouchers: an array of at least one text of base64.
pub(crate) struct Vouchers;

impl Codec for Vouchers {
    type Value = Vec<String>;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Vec<String>, ReadError> {
        let mut all = Vec::new();
        while reader.cursor.enter()? {
            reader.room(all.len(), usize::MAX)?;
            let text = reader.cursor.text()?;
            let voucher = ValueType::Base64.canonical(&text);
            all.push(voucher.map_err(|_| reader.wrong("a voucher is no base64".to_owned()))?.into_owned());
        }
        if all.is_empty() {
            return Err(reader.wrong("there is no voucher".to_owned()));
        }
        Ok(all)
    }

    fn write(value: &Vec<String>, name: &str, out: &mut Out) {
        out.open_array(name, "soap-enc:base64", value.len());
        for voucher in value {
            out.leaf("base64", voucher);
        }
        out.close(name);
    }
}
