//! Walking through a document element by element, with limits.

use cwmp_model::ValueType;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;

use crate::error::ReadError;
use crate::message::XsiType;
use crate::read::Limits;

const ENVELOPE: &[u8] = b"http://schemas.xmlsoap.org/soap/envelope/";
const ENCODING: &[u8] = b"http://schemas.xmlsoap.org/soap/encoding/";
const SCHEMA: &[u8] = b"http://www.w3.org/2001/XMLSchema";
const INSTANCE: &[u8] = b"http://www.w3.org/2001/XMLSchema-instance";
const CWMP: &[u8] = b"urn:dslforum-org:cwmp-1-";

/// The most attributes of one element: each is compared with those before it.
const MAX_ATTRIBUTES: usize = 64;

/// The most declarations of namespaces in one element: each name of an element is compared with all that hold for it.
const MAX_DECLARATIONS: usize = 16;

/// The longest name of an element, in bytes. It may come back in a fault.
const MAX_NAME: usize = 256;

/// The namespace of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// SOAP 1.1.
    Soap,
    /// CWMP, with the last number of its namespace.
    Cwmp(u8),
    /// None: arguments have none, and are known by their place.
    None,
    /// Anything else.
    Other,
}

/// A position in a document.
pub(crate) struct Cursor<'a> {
    reader: NsReader<&'a [u8]>,
    limits: Limits,
    depth: usize,
    /// The element entered last.
    pub(crate) name: String,
    pub(crate) space: Space,
    pub(crate) must_understand: bool,
    pub(crate) xsi_type: XsiType,
    /// The name in `xsi:type` if it is one of CWMP's, else empty.
    pub(crate) structure: String,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, limits: Limits) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        reader.resolver_mut().set_max_declarations_per_element(MAX_DECLARATIONS);
        Self {
            reader,
            limits,
            depth: 0,
            name: String::new(),
            space: Space::Other,
            must_understand: false,
            xsi_type: XsiType::Missing,
            structure: String::new(),
        }
    }

    /// Enters the next child of the present element, or leaves the element: `false`.
    pub(crate) fn enter(&mut self) -> Result<bool, ReadError> {
        loop {
            match self.event()? {
                Event::Start(start) => {
                    self.start(&start)?;
                    return Ok(true);
                }
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(false);
                }
                Event::Eof if self.depth == 0 => return Ok(false),
                Event::Eof => return Err(ReadError::Xml("it ends too early".to_owned())),
                // Text between elements means nothing in CWMP.
                _ => {}
            }
        }
    }

    /// The text of the present element, which is left. A child element is an error.
    pub(crate) fn text(&mut self) -> Result<String, ReadError> {
        let mut out = String::new();
        let wrong = ReadError::xml;
        // Looked at before anything is copied.
        let most = self.limits.text;
        let room = |have: usize, more: usize| {
            if have + more > most {
                return Err(ReadError::Xml(format!("a text has more than {most} bytes")));
            }
            Ok(())
        };
        loop {
            match self.event()? {
                Event::Text(text) => {
                    room(out.len(), text.len())?;
                    out.push_str(&text.xml10_content().map_err(|e| wrong(&e))?);
                }
                Event::CData(text) => {
                    room(out.len(), text.len())?;
                    out.push_str(&text.xml10_content().map_err(|e| wrong(&e))?);
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().map_err(|e| wrong(&e))? {
                        Some(character) => character,
                        None => match &*reference.decode().map_err(|e| wrong(&e))? {
                            "amp" => '&',
                            "lt" => '<',
                            "gt" => '>',
                            "quot" => '"',
                            "apos" => '\'',
                            other => return Err(wrong(&format!("unknown entity {other}"))),
                        },
                    };
                    room(out.len(), character.len_utf8())?;
                    out.push(character);
                }
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(out);
                }
                Event::Start(_) => {
                    return Err(ReadError::Xml(format!("{} holds elements, not text", self.name)))
                }
                Event::Eof => return Err(ReadError::Xml("it ends too early".to_owned())),
                _ => {}
            }
        }
    }

    /// Leaves the present element without looking.
    pub(crate) fn skip(&mut self) -> Result<(), ReadError> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.enter()?;
        }
        Ok(())
    }

    fn event(&mut self) -> Result<Event<'a>, ReadError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(ReadError::Xml("document type declarations are refused".to_owned())),
            Ok(Event::Decl(declaration)) => {
                let encoding = declaration.encoding().transpose().map_err(|e| ReadError::xml(&e))?;
                match encoding {
                    Some(name)
                        if !name.eq_ignore_ascii_case(b"utf-8")
                            && !name.eq_ignore_ascii_case(b"us-ascii") =>
                    {
                        Err(ReadError::xml(&format!(
                            "encoding {} is not UTF-8",
                            String::from_utf8_lossy(&name)
                        )))
                    }
                    _ => Ok(Event::Decl(declaration)),
                }
            }
            Ok(event) => Ok(event),
            Err(error) => Err(ReadError::xml(&error)),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), ReadError> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(ReadError::Xml(format!("elements are nested deeper than {}", self.limits.depth)));
        }
        let resolver = self.reader.resolver();
        let (space, local) = resolver.resolve_element(start.name());
        self.space = match space {
            ResolveResult::Bound(Namespace(ENVELOPE)) => Space::Soap,
            ResolveResult::Bound(Namespace(other)) => match other.strip_prefix(CWMP) {
                Some([digit @ b'0'..=b'9']) => Space::Cwmp(digit - b'0'),
                _ => Space::Other,
            },
            ResolveResult::Unbound => Space::None,
            ResolveResult::Unknown(_) => return Err(ReadError::Xml("a prefix is not declared".to_owned())),
        };
        if local.as_ref().len() > MAX_NAME {
            return Err(ReadError::Xml(format!("the name of an element has more than {MAX_NAME} bytes")));
        }
        self.name.clear();
        self.name.push_str(&String::from_utf8_lossy(local.as_ref()));
        self.must_understand = false;
        self.xsi_type = XsiType::Missing;
        self.structure.clear();
        for (number, attribute) in start.attributes().enumerate() {
            if number >= MAX_ATTRIBUTES {
                return Err(ReadError::Xml(format!("an element has more than {MAX_ATTRIBUTES} attributes")));
            }
            let attribute = attribute.map_err(|e| ReadError::xml(&e))?;
            let (space, local) = resolver.resolve_attribute(attribute.key);
            match (space, local.as_ref()) {
                (ResolveResult::Bound(Namespace(ENVELOPE)), b"mustUnderstand") => {
                    self.must_understand = &*attribute.value == b"1";
                }
                // An ACS that leaves it empty knows no type.
                (ResolveResult::Bound(Namespace(INSTANCE)), b"type") if attribute.value.is_empty() => {}
                (ResolveResult::Bound(Namespace(INSTANCE)), b"type") => {
                    let (space, local) = resolver.resolve(QName(&attribute.value), true);
                    let ours = matches!(space, ResolveResult::Bound(Namespace(SCHEMA | ENCODING)));
                    let structure =
                        matches!(space, ResolveResult::Bound(Namespace(name)) if name.starts_with(CWMP));
                    if structure && local.as_ref().len() <= MAX_NAME {
                        self.structure.push_str(&String::from_utf8_lossy(local.as_ref()));
                    }
                    let kind = std::str::from_utf8(local.as_ref())
                        .ok()
                        .filter(|_| ours)
                        .and_then(ValueType::from_name);
                    self.xsi_type = kind.map_or(XsiType::Unknown, XsiType::Known);
                }
                (ResolveResult::Unbound, b"href") => {
                    return Err(ReadError::Envelope("multi-reference values are not part of CWMP"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
