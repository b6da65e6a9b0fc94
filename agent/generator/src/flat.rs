//! A model with everything in its place: components expanded, bases followed, overrides applied.

use std::collections::BTreeMap;

use cwmp_model::standard::Version;

use crate::document::{Documents, Place};
use crate::element::Element;
use crate::GeneratorError;

/// A syntax or profile, and the document whose names it uses.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The number of the document.
    pub document: usize,
    /// The element.
    pub element: &'a Element,
}

/// A parameter, as all its definitions together say.
#[derive(Debug, Default)]
pub struct FlatParameter<'a> {
    /// Attributes; later definitions override earlier ones.
    pub attributes: BTreeMap<&'a str, &'a str>,
    /// The version of what it was first defined in.
    pub inherited: Version,
    /// Every syntax, in the order of the definitions.
    pub syntaxes: Vec<Part<'a>>,
}

/// A unique key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey<'a> {
    /// Whether it binds only rows that are enabled, where rows can be.
    pub functional: bool,
    /// The names of its parameters.
    pub parameters: Vec<&'a str>,
}

/// An object, as all its definitions together say.
#[derive(Debug, Default)]
pub struct FlatObject<'a> {
    /// Attributes; later definitions override earlier ones.
    pub attributes: BTreeMap<&'a str, &'a str>,
    /// The version of what it was first defined in.
    pub inherited: Version,
    /// Unique keys.
    pub keys: Vec<UniqueKey<'a>>,
    /// Its parameters by name.
    pub parameters: BTreeMap<&'a str, FlatParameter<'a>>,
}

/// A whole model.
#[derive(Debug)]
pub struct Flat<'a> {
    /// `Device:2.19`.
    pub name: String,
    /// What stands before the paths of the definition: nothing, or `Device.Services.` of a service model.
    pub prefix: &'static str,
    /// The objects by schema path. What is deleted is not there.
    pub objects: BTreeMap<String, FlatObject<'a>>,
    /// The parts of each profile with the path that its objects start from.
    pub profiles: BTreeMap<&'a str, Vec<(String, Part<'a>)>>,
    /// The document of the model, whose imports replace virtual components.
    top: usize,
}

impl FlatObject<'_> {
    /// The version that it came with.
    pub fn since(&self) -> Version {
        since(&self.attributes, self.inherited)
    }
}

impl FlatParameter<'_> {
    /// The version that it came with.
    pub fn since(&self) -> Version {
        since(&self.attributes, self.inherited)
    }
}

/// An element is not older than the component or object that it came in.
fn since(attributes: &BTreeMap<&str, &str>, inherited: Version) -> Version {
    let own = ["version", "dmr:version"].iter().find_map(|name| attributes.get(name));
    own.and_then(|text| version(text)).unwrap_or_default().max(inherited)
}

/// A version in a definition; a third number, that of a correction, does not count.
pub fn version(text: &str) -> Option<Version> {
    let dots: Vec<usize> = text.match_indices('.').map(|(i, _)| i).collect();
    Version::parse(&text[..dots.get(1).copied().unwrap_or(text.len())])
}

impl<'a> Flat<'a> {
    /// The last model of a document.
    pub fn new(documents: &'a Documents, document: usize) -> Result<Self, GeneratorError> {
        let name = documents.document(document).models.last().cloned().unwrap_or_default();
        let place = documents.require(document, "model", &name)?;
        let is_service = documents.element(place).get("isService") == Some("true");
        let prefix = if is_service { "Device.Services." } else { "" };
        let mut flat =
            Self { name, prefix, objects: BTreeMap::new(), profiles: BTreeMap::new(), top: document };
        let first = Version { minor: 0, ..flat.version() };
        flat.model(documents, place, first)?;
        flat.prune();
        Ok(flat)
    }

    fn model(
        &mut self,
        documents: &'a Documents,
        place: Place,
        first: Version,
    ) -> Result<(), GeneratorError> {
        let model = documents.element(place);
        if let Some(base) = model.get("base") {
            let base = documents.require(place.document, "model", base)?;
            self.model(documents, base, first)?;
        }
        self.walk(documents, place.document, model, self.prefix, first)
    }

    fn walk(
        &mut self,
        documents: &'a Documents,
        document: usize,
        element: &'a Element,
        prefix: &str,
        version: Version,
    ) -> Result<(), GeneratorError> {
        for child in &element.children {
            let name = child.get("name").or_else(|| child.get("base")).unwrap_or_default();
            match child.name.as_str() {
                "component" => self.component(documents, document, child, prefix, version)?,
                "object" => {
                    let path = format!("{prefix}{name}");
                    let object = self
                        .objects
                        .entry(path.clone())
                        .or_insert_with(|| FlatObject { inherited: version, ..FlatObject::default() });
                    add_attributes(&mut object.attributes, child);
                    for key in child.all("uniqueKey") {
                        let parameters = key.all("parameter").filter_map(|p| p.get("ref")).collect();
                        let functional = key.get("functional") != Some("false");
                        let key = UniqueKey { functional, parameters };
                        if !object.keys.contains(&key) {
                            object.keys.push(key);
                        }
                    }
                    let version = object.since();
                    self.walk(documents, document, child, &path, version)?;
                }
                "parameter" => {
                    let object = self
                        .objects
                        .entry(prefix.to_owned())
                        .or_insert_with(|| FlatObject { inherited: version, ..FlatObject::default() });
                    let parameter = object
                        .parameters
                        .entry(name)
                        .or_insert_with(|| FlatParameter { inherited: version, ..FlatParameter::default() });
                    add_attributes(&mut parameter.attributes, child);
                    let syntax = child.first("syntax").map(|element| Part { document, element });
                    parameter.syntaxes.extend(syntax);
                }
                "profile" => {
                    let part = Part { document, element: child };
                    self.profiles.entry(name).or_default().push((prefix.to_owned(), part));
                }
                // Commands and events belong to the other protocol of the model.
                _ => {}
            }
        }
        Ok(())
    }

    fn component(
        &mut self,
        documents: &'a Documents,
        document: usize,
        reference: &'a Element,
        prefix: &str,
        version: Version,
    ) -> Result<(), GeneratorError> {
        let name = reference.get("ref").unwrap_or_default();
        let mut place = documents.require(document, "component", name)?;
        if documents.element(place).get("virtual") == Some("true") {
            place = documents.find(self.top, "component", name).unwrap_or(place);
        }
        let own = reference.get("version").and_then(self::version).unwrap_or_default();
        let prefix = format!("{prefix}{}", reference.get("path").unwrap_or_default());
        let component = documents.element(place);
        self.walk(documents, place.document, component, &prefix, version.max(own))
    }

    /// Drops what is deleted, and everything below it.
    fn prune(&mut self) {
        let is_deleted = |attributes: &BTreeMap<&str, &str>| attributes.get("status") == Some(&"deleted");
        let deleted = self.objects.iter().filter(|(_, o)| is_deleted(&o.attributes));
        let deleted: Vec<String> = deleted.map(|(path, _)| path.clone()).collect();
        self.objects.retain(|path, _| !deleted.iter().any(|above| path.starts_with(above)));
        for object in self.objects.values_mut() {
            object.parameters.retain(|_, p| !is_deleted(&p.attributes));
        }
    }

    /// The version in its name.
    pub fn version(&self) -> Version {
        self.name.split(':').nth(1).and_then(version).unwrap_or_default()
    }

    /// Whether this is the object above a service model, which belongs to the root model.
    pub fn is_extension(&self, path: &str) -> bool {
        !self.prefix.is_empty() && path == self.prefix
    }
}

fn add_attributes<'a>(attributes: &mut BTreeMap<&'a str, &'a str>, element: &'a Element) {
    let given = element.attributes.iter().filter(|(name, _)| !matches!(name.as_str(), "name" | "base"));
    attributes.extend(given.map(|(name, value)| (name.as_str(), value.as_str())));
}
