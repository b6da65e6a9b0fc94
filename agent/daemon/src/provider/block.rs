//! The reply of a provider's `Get`, kept as it came and read in place.
//!
//! The largest answers of a device have tens of thousands of values. They stay in the one buffer that the bus filled; an
//! entry is four numbers. The general decoder of the bus library makes several times as much of each value.

use cwmp_model::ValueType;
use zbus::message::Body;

/// Where a text is in the buffer.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Span,
    kind: u8,
    text: Span,
}

/// The values and faults of one reply.
#[derive(Debug)]
pub(crate) struct Block {
    body: Body,
    entries: Vec<Entry>,
    faults: Vec<(String, u32, String)>,
}

/// Why a reply cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply is not an answer to Get")]
pub(crate) struct Malformed;

impl Block {
    /// Reads the frame of a reply with the signature `a(sys)a(sus)`.
    pub(crate) fn parse(body: Body) -> Result<Self, Malformed> {
        if body.signature().to_string_no_parens() != "a(sys)a(sus)" {
            return Err(Malformed);
        }
        let data = body.data();
        let big = data.context().endian() == zbus::zvariant::Endian::Big;
        let (entries, faults) = parse(data.bytes(), big).ok_or(Malformed)?;
        Ok(Self { body, entries, faults })
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Name, type number and text of a value.
    pub(crate) fn value(&self, index: usize) -> (&str, Option<ValueType>, &str) {
        let entry = self.entries[index];
        (self.text(entry.name), ValueType::from_number(entry.kind), self.text(entry.text))
    }

    /// What could not be read: path, fault code, text.
    pub(crate) fn faults(&self) -> &[(String, u32, String)] {
        &self.faults
    }

    /// How many bytes the reply has.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    fn text(&self, span: Span) -> &str {
        let bytes = &self.body.data().bytes()[span.start as usize..span.end as usize];
        // It was text when the reply was read.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// A place in a D-Bus body.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    big: bool,
}

impl<'a> Cursor<'a> {
    fn align(&mut self, to: usize) -> Option<()> {
        let next = self.at.checked_next_multiple_of(to)?;
        (next <= self.bytes.len()).then(|| self.at = next)
    }

    fn number(&mut self) -> Option<u32> {
        self.align(4)?;
        let raw = self.bytes.get(self.at..self.at + 4)?.try_into().ok()?;
        self.at += 4;
        Some(if self.big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn text(&mut self) -> Option<Span> {
        let len = self.number()? as usize;
        let start = self.at;
        let end = start.checked_add(len)?;
        let text = self.bytes.get(start..end)?;
        if self.bytes.get(end) != Some(&0) || std::str::from_utf8(text).is_err() {
            return None;
        }
        self.at = end + 1;
        Some(Span { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    /// Reads an array of structs: `element` is called at each.
    fn structs(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let len = self.number()? as usize;
        self.align(8)?;
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len())?;
        while self.at < end {
            self.align(8)?;
            element(self)?;
        }
        (self.at == end).then_some(())
    }

    fn owned(&mut self) -> Option<String> {
        let span = self.text()?;
        let bytes: &'a [u8] = &self.bytes[span.start as usize..span.end as usize];
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

type Parsed = (Vec<Entry>, Vec<(String, u32, String)>);

fn parse(bytes: &[u8], big: bool) -> Option<Parsed> {
    let mut cursor = Cursor { bytes, at: 0, big };
    let mut entries = Vec::new();
    let mut faults = Vec::new();
    cursor.structs(|c| {
        entries.push(Entry { name: c.text()?, kind: c.byte()?, text: c.text()? });
        Some(())
    })?;
    cursor.structs(|c| {
        faults.push((c.owned()?, c.number()?, c.owned()?));
        Some(())
    })?;
    (cursor.at == bytes.len()).then_some((entries, faults))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zbus::message::Message;

    type Values = Vec<(String, u8, String)>;
    type Faults = Vec<(String, u32, String)>;

    fn body(values: &Values, faults: &Faults) -> Body {
        let call = Message::method_call("/a", "Get").unwrap().sender(":1.1").unwrap().build(&()).unwrap();
        Message::method_return(&call.header()).unwrap().build(&(values, faults)).unwrap().body()
    }

    proptest! {
        /// The bus library's encoder and this reader agree on every reply.
        #[test]
        fn what_the_library_writes_is_read(
            values in proptest::collection::vec(("[^\\x00]{0,20}", any::<u8>(), "[^\\x00]{0,20}"), 0..20),
            faults in proptest::collection::vec(("[^\\x00]{0,9}", any::<u32>(), "[^\\x00]{0,9}"), 0..5),
        ) {
            let block = Block::parse(body(&values, &faults)).unwrap();
            let read: Values = block
                .entries
                .iter()
                .map(|e| (block.text(e.name).to_owned(), e.kind, block.text(e.text).to_owned()))
                .collect();
            prop_assert_eq!(read, values);
            prop_assert_eq!(block.faults(), &faults[..]);
        }

        /// No bytes make it panic or read beyond its buffer.
        #[test]
        fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), big: bool) {
            let _ = parse(&bytes, big);
        }
    }

    #[test]
    fn another_signature_is_refused() {
        let call = Message::method_call("/a", "Get").unwrap().sender(":1.1").unwrap().build(&()).unwrap();
        let reply = Message::method_return(&call.header()).unwrap().build(&("text",)).unwrap();
        assert_eq!(Block::parse(reply.body()).unwrap_err(), Malformed);
    }
}
