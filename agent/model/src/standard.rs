//! The standard's data models as tables: what each object and parameter is, as the Broadband Forum defines it.
//!
//! The tables are made from the definitions by `cwmp-generator`; nobody edits them. They lie in `agent/model/models`, and on
//! a box in `/usr/share/cwmpd/models`. A file is sorted text, one block per object, searched where it lies: a [`Library`]
//! holds open files and nothing else, so that the models cost a box no memory (`docs/decisions/013-standard-tables.md`).
//!
//! A model's paths are schema paths. Those of a service model stand below `Device.Services.`; its count of rows is a
//! parameter of that object, which the root model owns.

mod coverage;
mod disk;
#[cfg(feature = "embedded-models")]
mod embedded;
mod file;
mod line;
mod profile;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use crate::schema::NodeFlags;
use crate::value::ValueType;
use file::ModelFile;

pub use coverage::{Coverage, Served};
pub use file::{Objects, MAX_BLOCK, MAX_FILE};
pub use line::write_model;
pub use profile::{write_profiles, Profile, Requirement, Requires};

/// The name and version of a model: `Device:2.19`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelName {
    /// `Device`, `VoiceService`, ...
    pub name: String,
    /// Its version.
    pub version: Version,
}

impl ModelName {
    /// Reads `NAME:MAJOR.MINOR`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name.then(|| Some(Self { name: name.to_owned(), version: Version::parse(version)? }))?
    }

    /// The name of the model's files, without an extension: `Device-2.19`.
    pub fn file_stem(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.version)
    }
}

/// A version of a model: the one that a node came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Version {
    /// Before the dot.
    pub major: u16,
    /// Behind the dot.
    pub minor: u16,
}

impl Version {
    /// Reads `MAJOR.MINOR`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok())?;
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// How a model stands to one of its nodes. What it calls deleted is not in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// Part of it.
    #[default]
    Current,
    /// Still there, to be avoided.
    Deprecated,
    /// Need not be implemented any more.
    Obsoleted,
}

/// An object or a table of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// Its schema path, with a dot at the end; a table's ends in `{i}.`.
    pub path: String,
    /// Whether it is a table.
    pub table: bool,
    /// Whether an ACS can add and delete rows.
    pub writable: bool,
    /// Unique keys and the parameter that enables a row, in the grammar of [`facets`](crate::facets).
    pub facets: String,
    /// The version that it came with.
    pub since: Version,
    /// How the model stands to it.
    pub status: Status,
    /// The parameter beside a table that counts its rows.
    pub count: Option<String>,
    /// The parameter beside an object that says which of several objects is the one that counts.
    pub discriminator: Option<String>,
    /// The least number of rows; 0 of an object says that it may be absent.
    pub min_entries: u32,
    /// The greatest number of rows, if there is one.
    pub max_entries: Option<u32>,
    /// Whether this is only what a service model adds to an object of the root model.
    pub extension: bool,
    /// The parameters, sorted by name.
    pub parameters: Vec<Parameter>,
}

/// A parameter of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The last part of its path.
    pub name: String,
    /// Its type on the wire. A list is a string.
    pub kind: ValueType,
    /// `WRITABLE`, `SECRET`, `FORCED`, `FORCED_DEFAULT`, `PASSIVE`, `INFORM` and `COMMAND`.
    pub flags: NodeFlags,
    /// What narrows its values, in the grammar of [`facets`](crate::facets).
    pub facets: String,
    /// The version that it came with.
    pub since: Version,
    /// How the model stands to it.
    pub status: Status,
    /// The standard's own type, or that of a list's items, where it has a name: `MACAddress`, `StatsCounter64`, ...
    pub data_type: Option<String>,
    /// The unit of a number, in the words of the standard.
    pub units: Option<String>,
    /// The enumeration values that an implementation may leave out.
    pub optional: Vec<String>,
}

impl Parameter {
    /// Whether an ACS can set it.
    pub fn is_writable(&self) -> bool {
        self.flags.has(NodeFlags::WRITABLE)
    }
}

/// Why models cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The operating system refused a folder or a file.
    #[error("cannot read '{file}': {error}")]
    Read {
        /// Its name.
        file: String,
        /// What it said.
        error: std::io::Error,
    },
    /// A file is no model.
    #[error("'{file}' is no data model, at byte {at}: {what}")]
    Malformed {
        /// Its name.
        file: String,
        /// Where the block in question begins.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// There is no such model.
    #[error("there is no data model '{0}'")]
    Unknown(String),
}

/// The models that a box knows.
#[derive(Debug)]
pub struct Library {
    /// Sorted by name; of one name the newest first.
    files: Vec<ModelFile>,
}

impl Library {
    /// The models that were current when this was built, inside the program.
    #[cfg(feature = "embedded-models")]
    pub fn embedded() -> Self {
        Self::new(embedded::files())
    }

    /// The `*.model` files of a folder. They stay where they are and are read when asked.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        let files =
            disk::models(folder)?.iter().map(|path| ModelFile::open(path)).collect::<Result<_, _>>()?;
        Ok(Self::new(files))
    }

    /// One model from the content of its files; no profiles are as good as a file without any.
    pub fn in_memory(
        model: impl Into<Cow<'static, [u8]>>,
        profiles: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, LibraryError> {
        Ok(Self::new(vec![ModelFile::in_memory("memory", model.into(), profiles.into())?]))
    }

    fn new(mut files: Vec<ModelFile>) -> Self {
        files.sort_by(|a, b| a.name.name.cmp(&b.name.name).then(b.name.version.cmp(&a.name.version)));
        Self { files }
    }

    /// The names of the models, sorted; of one name the newest first.
    pub fn models(&self) -> Vec<ModelName> {
        self.files.iter().map(|f| f.name.clone()).collect()
    }

    /// The URN of the definition that a model was made from.
    pub fn urn(&self, model: &ModelName) -> Result<&str, LibraryError> {
        Ok(&self.named(&model.to_string())?.urn)
    }

    /// Which of these models (`VoiceService:1.1`) a path belongs to, for [`object`](Self::object); one that the library does not
    /// have is none.
    pub fn chosen<'m>(&self, models: &'m [String], path: &str) -> Option<&'m str> {
        let service = path.strip_prefix("Device.Services.").and_then(|rest| rest.split('.').next());
        let model = service.filter(|name| !name.is_empty()).unwrap_or("Device");
        let of_the_path = models.iter().filter(|m| m.split(':').next() == Some(model));
        of_the_path.map(String::as_str).find(|m| self.named(m).is_ok())
    }

    /// The object at a schema path, with its parameters.
    ///
    /// Where several versions of a model have the path, `choice` (`VoiceService:1.1`) picks one; without it the newest counts.
    pub fn object(&self, path: &str, choice: Option<&str>) -> Result<Option<Object>, LibraryError> {
        let choice = choice.map(|text| self.named(text)).transpose()?;
        let mut found: Option<Object> = None;
        for file in &self.files {
            let is_other = choice.is_some_and(|c| c.name.name == file.name.name && c.name != file.name);
            if is_other || !file.may_have(path) {
                continue;
            }
            let Some(object) = file.object(path)? else { continue };
            found = match found {
                None => Some(object),
                Some(first) if first.extension != object.extension || object.extension => {
                    let (mut whole, more) = if first.extension { (object, first) } else { (first, object) };
                    for parameter in more.parameters {
                        if let Err(at) = whole.parameters.binary_search_by(|p| p.name.cmp(&parameter.name)) {
                            whole.parameters.insert(at, parameter);
                        }
                    }
                    Some(whole)
                }
                older => older,
            };
        }
        Ok(found)
    }

    /// The parameter at a schema path; `choice` as for [`object`](Self::object).
    pub fn parameter(&self, path: &str, choice: Option<&str>) -> Result<Option<Parameter>, LibraryError> {
        let Some((object, name)) = path.rsplit_once('.').filter(|(_, name)| !name.is_empty()) else {
            return Ok(None);
        };
        let object = self.object(&format!("{object}."), choice)?;
        Ok(object.and_then(|o| o.parameters.into_iter().find(|p| p.name == name)))
    }

    /// All objects of a model in the order of their paths, read one after the other.
    pub fn objects(&self, model: &ModelName) -> Result<Objects<'_>, LibraryError> {
        Ok(self.named(&model.to_string())?.objects())
    }

    /// The profiles of a model, with all that they inherit.
    pub fn profiles(&self, model: &ModelName) -> Result<Vec<Profile>, LibraryError> {
        self.named(&model.to_string())?.profiles()
    }

    fn named(&self, text: &str) -> Result<&ModelFile, LibraryError> {
        let file = ModelName::parse(text).and_then(|name| self.files.iter().find(|f| f.name == name));
        file.ok_or_else(|| LibraryError::Unknown(text.to_owned()))
    }
}
