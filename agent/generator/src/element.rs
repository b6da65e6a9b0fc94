//! An XML document as a tree of elements. Texts are descriptions, which the tables do not have, so they are left out.

use std::collections::BTreeMap;
use std::path::Path;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use quick_xml::XmlVersion;

use crate::GeneratorError;

/// How deep entities may refer to each other.
const MAX_ENTITY_DEPTH: usize = 8;

/// An element, by its name without a prefix.
#[derive(Debug, Clone, Default)]
pub struct Element {
    /// The name.
    pub name: String,
    /// Its attributes; those of the report namespace keep their prefix `dmr:`.
    pub attributes: BTreeMap<String, String>,
    /// The elements inside.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, GeneratorError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| GeneratorError::File { file: file.clone(), error })?;
        Self::parse(&text).map_err(|what| GeneratorError::Xml { file, what })
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut entities = BTreeMap::new();
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|e| e.to_string())? {
                Event::DocType(declaration) => {
                    let declaration = String::from_utf8_lossy(&declaration).into_owned();
                    entities = read_entities(&declaration);
                }
                Event::Start(start) => open.push(Self::start(&start, &entities)?),
                Event::Empty(start) => {
                    let element = Self::start(&start, &entities)?;
                    open.last_mut().ok_or("nothing is open")?.children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().ok_or("nothing is open")?;
                    open.last_mut().ok_or("nothing is open")?.children.push(element);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let document = open.pop().filter(|_| open.is_empty()).ok_or("it ends too early")?;
        document.children.into_iter().next().ok_or_else(|| "there is no element".to_owned())
    }

    fn start(start: &BytesStart<'_>, entities: &BTreeMap<String, String>) -> Result<Self, String> {
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| e.to_string())?;
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let resolve = |name: &str| {
                let predefined = quick_xml::escape::resolve_predefined_entity(name);
                predefined.or_else(|| entities.get(name).map(String::as_str))
            };
            let value = attribute
                .normalized_value_with(XmlVersion::Implicit1_0, MAX_ENTITY_DEPTH, resolve)
                .map_err(|e| e.to_string())?;
            attributes.insert(key, value.into_owned());
        }
        Ok(Self { name, attributes, children: Vec::new() })
    }

    /// An attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The elements inside that have a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> + 'a {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The first element inside that has a name.
    pub fn first(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Whether what it defines is deleted from the model.
    pub fn is_deleted(&self) -> bool {
        self.get("status") == Some("deleted")
    }
}

/// The entities of a document type declaration: `<!ENTITY name "text">`.
fn read_entities(declaration: &str) -> BTreeMap<String, String> {
    let mut entities = BTreeMap::new();
    for part in declaration.split("<!ENTITY").skip(1) {
        let part = part.trim_start();
        let Some((name, rest)) = part.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        if let Some(text) = rest[1..].split(quote).next() {
            entities.insert(name.to_owned(), text.to_owned());
        }
    }
    entities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_of_the_document_are_replaced_in_attributes() {
        let text = "<!DOCTYPE x [<!ENTITY dot \"\\.\"> <!-- a comment --> <!ENTITY two '&dot;&dot;'>]>\n\
                    <d:x xmlns:d='u'><y v='a&dot;b&amp;&two;'/></d:x>";
        let element = Element::parse(text).unwrap();
        assert_eq!(element.name, "x");
        assert_eq!(element.children[0].get("v"), Some("a\\.b&\\.\\."));
    }

    #[test]
    fn a_document_that_ends_too_early_is_an_error() {
        assert!(Element::parse("<a><b/>").is_err());
        assert!(Element::parse("").is_err());
    }
}
