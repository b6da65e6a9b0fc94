//! Documents and what they import from each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::element::Element;
use crate::GeneratorError;

/// Something a document defines: the document's number and the number of the element below its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which document.
    pub document: usize,
    /// Which element below its root.
    pub child: usize,
}

/// One file.
#[derive(Debug)]
pub struct Document {
    /// Its name, without the folder.
    pub file: String,
    /// Its outermost element.
    pub root: Element,
    /// What is known here under which name, by kind of element: own definitions and imports.
    names: BTreeMap<(&'static str, String), Place>,
    /// The models it defines itself, in their order.
    pub models: Vec<String>,
}

/// What documents define for each other.
pub const KINDS: [&str; 3] = ["component", "model", "dataType"];

/// All documents of a folder that a model needs.
#[derive(Debug)]
pub struct Documents {
    folder: PathBuf,
    all: Vec<Document>,
}

impl Documents {
    /// None yet, from a folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), all: Vec::new() }
    }

    /// A document that was loaded.
    pub fn document(&self, number: usize) -> &Document {
        &self.all[number]
    }

    /// The element at a place.
    pub fn element(&self, place: Place) -> &Element {
        &self.all[place.document].root.children[place.child]
    }

    /// What a name means in a document.
    pub fn find(&self, document: usize, kind: &'static str, name: &str) -> Option<Place> {
        self.all[document].names.get(&(kind, name.to_owned())).copied()
    }

    /// The type that a name means in a document. Some documents forget to import types that all have; then the only one of
    /// that name among all documents is meant.
    pub fn data_type(&self, document: usize, name: &str) -> Result<Place, GeneratorError> {
        if let Some(place) = self.find(document, "dataType", name) {
            return Ok(place);
        }
        let own = |number: usize| self.find(number, "dataType", name).filter(|p| p.document == number);
        let mut places = (0..self.all.len()).filter_map(own);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            _ => self.require(document, "dataType", name),
        }
    }

    /// What a name means in a document, or an error.
    pub fn require(&self, document: usize, kind: &'static str, name: &str) -> Result<Place, GeneratorError> {
        self.find(document, kind, name).ok_or_else(|| GeneratorError::Missing {
            file: self.all[document].file.clone(),
            kind,
            name: name.to_owned(),
        })
    }

    /// Loads a file and what it imports; its number.
    pub fn load(&mut self, file: &str) -> Result<usize, GeneratorError> {
        if let Some(number) = self.all.iter().position(|d| d.file == file) {
            return Ok(number);
        }
        let root = Element::read(&self.folder.join(file))?;
        let mut names = BTreeMap::new();
        for import in root.all("import") {
            let other = import.get("file").unwrap_or_default();
            let spec = import.get("spec").unwrap_or_default();
            let found = self.resolve(other, spec)?.ok_or_else(|| GeneratorError::Missing {
                file: file.to_owned(),
                kind: "document",
                name: format!("{other} ({spec})"),
            })?;
            let number = self.load(&found)?;
            for kind in KINDS {
                for item in import.all(kind) {
                    let name = item.get("name").unwrap_or_default();
                    let there = item.get("ref").unwrap_or(name);
                    names.insert((kind, name.to_owned()), self.require(number, kind, there)?);
                }
            }
        }
        let number = self.all.len();
        let mut models = Vec::new();
        for (child, element) in root.children.iter().enumerate() {
            let Some(kind) = KINDS.into_iter().find(|kind| *kind == element.name) else { continue };
            let name = element.get("name").unwrap_or_default().to_owned();
            if kind == "model" {
                models.push(name.clone());
            }
            names.insert((kind, name), Place { document: number, child });
        }
        self.all.push(Document { file: file.to_owned(), root, names, models });
        Ok(number)
    }

    /// The name of the file that an import means.
    ///
    /// `tr-181-2-common.xml` with `urn:...:tr-181-2-19-common` is the newest correction of that version; the part behind the
    /// version is sometimes missing in the URN, and sometimes the URN ends in `.xml`.
    fn resolve(&self, file: &str, spec: &str) -> Result<Option<String>, GeneratorError> {
        if self.folder.join(file).is_file() {
            return Ok(Some(file.to_owned()));
        }
        let spec = spec.rsplit(':').next().unwrap_or_default();
        let Some(mut wanted) = FileName::parse(spec.strip_suffix(".xml").unwrap_or(spec)) else {
            return Ok(None);
        };
        if wanted.suffix.is_empty() {
            let named = FileName::parse(file.strip_suffix(".xml").unwrap_or(file));
            wanted.suffix = named.map(|n| n.suffix).unwrap_or_default();
        }
        let read = |error| GeneratorError::File { file: self.folder.display().to_string(), error };
        let mut best: Option<(Vec<u32>, String)> = None;
        for entry in std::fs::read_dir(&self.folder).map_err(read)? {
            let name = entry.map_err(read)?.file_name().to_string_lossy().into_owned();
            let Some(found) = name.strip_suffix(".xml").and_then(FileName::parse) else { continue };
            let fits = found.document == wanted.document
                && found.suffix == wanted.suffix
                && found.version.starts_with(&wanted.version)
                && found.version.len() <= 3;
            if fits && best.as_ref().is_none_or(|(version, _)| found.version > *version) {
                best = Some((found.version, name));
            }
        }
        Ok(best.map(|(_, name)| name))
    }
}

/// `tr-181-2-19-1-cwmp`: the document, its version, and what part of it.
#[derive(Debug, PartialEq, Eq)]
struct FileName {
    document: String,
    version: Vec<u32>,
    suffix: String,
}

impl FileName {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("tr-")?.split('-').peekable();
        let document = parts.next()?.to_owned();
        let mut version = Vec::new();
        while let Some(number) = parts.peek().and_then(|p| p.parse().ok()) {
            version.push(number);
            parts.next();
        }
        let suffix = parts.collect::<Vec<_>>().join("-");
        Some(Self { document, version, suffix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_has_a_document_a_version_and_a_part() {
        let name = FileName::parse("tr-181-2-19-0-wifi-cwmp").unwrap();
        assert_eq!(name.document, "181");
        assert_eq!(name.version, [2, 19, 0]);
        assert_eq!(name.suffix, "wifi-cwmp");
        assert_eq!(FileName::parse("tr-106").unwrap().version, Vec::<u32>::new());
        assert_eq!(FileName::parse("cwmp-1-0"), None);
    }
}
