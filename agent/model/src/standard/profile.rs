//! Profiles: what a device must have to say that it implements a part of a model.
//!
//! They lie beside their model, in `*.profiles`: a line `NAME VERSION STATUS` for each, a line that begins with a tab for
//! each object it requires, one with two tabs for each parameter of that object, each followed by what is required.

use std::fmt::Write as _;

use super::{ModelName, Status, Version};

/// What every file of profiles begins with; the number is that of the form.
const MAGIC: &str = "cwmp-profiles 1";

/// A profile with all that it inherits from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `Baseline:4`.
    pub name: String,
    /// The version of the model that it came with.
    pub since: Version,
    /// How the model stands to it.
    pub status: Status,
    /// What it requires, sorted by [`place`](Requirement::place).
    pub requirements: Vec<Requirement>,
}

/// One thing that a profile requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The schema path of an object or a parameter.
    pub path: String,
    /// What of it.
    pub access: Requires,
}

impl Requirement {
    /// The path of the object, and the name of its parameter if it is about one.
    pub fn place(&self) -> (&str, &str) {
        self.path.split_at(self.path.rfind('.').map_or(0, |dot| dot + 1))
    }
}

/// What a profile requires of an object or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requires {
    /// Nothing by itself: an object that is named for its parameters.
    Nothing,
    /// An object is there.
    Present,
    /// Rows can be added.
    Create,
    /// Rows can be deleted.
    Delete,
    /// Rows can be added and deleted.
    CreateDelete,
    /// A parameter can be read.
    ReadOnly,
    /// A parameter can be read, and set as long as the row is new.
    WriteOnce,
    /// A parameter can be read and set.
    ReadWrite,
}

impl Requires {
    const NAMES: [(&'static str, Self); 8] = [
        ("notSpecified", Self::Nothing),
        ("present", Self::Present),
        ("create", Self::Create),
        ("delete", Self::Delete),
        ("createDelete", Self::CreateDelete),
        ("readOnly", Self::ReadOnly),
        ("writeOnceReadOnly", Self::WriteOnce),
        ("readWrite", Self::ReadWrite),
    ];

    /// The standard's word for it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, r)| *r == self).map_or("", |(name, _)| name)
    }

    /// What the standard's word means.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(n, _)| *n == name).map(|(_, r)| *r)
    }
}

/// The text of a model's profiles. Requirements must be sorted by place.
pub fn write_profiles(model: &ModelName, profiles: &[Profile]) -> String {
    let mut out = format!("{MAGIC}\t{model}\n");
    for profile in profiles {
        let status = match profile.status {
            Status::Current => "",
            Status::Deprecated => "\tdeprecated",
            Status::Obsoleted => "\tobsoleted",
        };
        // Writing to a text does not fail.
        let _ = writeln!(out, "{}\t{}{status}", profile.name, profile.since);
        let mut above = "";
        for requirement in &profile.requirements {
            let (object, name) = requirement.place();
            if object != above && !name.is_empty() {
                let _ = writeln!(out, "\t{object}\t{}", Requires::Nothing.name());
            }
            above = object;
            let _ = match name {
                "" => writeln!(out, "\t{object}\t{}", requirement.access.name()),
                name => writeln!(out, "\t\t{name}\t{}", requirement.access.name()),
            };
        }
    }
    out
}

/// The profiles of a text; an error says at which byte.
pub(super) fn read_profiles(text: &str) -> Result<Vec<Profile>, (usize, &'static str)> {
    let mut profiles: Vec<Profile> = Vec::new();
    let mut object = "";
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begin = at;
        let wrong = |what| (begin, what);
        at += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        if number == 0 {
            let model = line.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix('\t'));
            model.and_then(ModelName::parse).ok_or_else(|| wrong("the first line"))?;
            continue;
        }
        let Some(required) = line.strip_prefix('\t') else {
            let mut columns = line.split('\t');
            let name = columns.next().unwrap_or_default().to_owned();
            let since = columns.next().and_then(Version::parse);
            let status = match columns.next() {
                None => Status::Current,
                Some("deprecated") => Status::Deprecated,
                Some("obsoleted") => Status::Obsoleted,
                Some(_) => return Err(wrong("the status of a profile")),
            };
            let since = since.ok_or_else(|| wrong("the version of a profile"))?;
            profiles.push(Profile { name, since, status, requirements: Vec::new() });
            object = "";
            continue;
        };
        let profile = profiles.last_mut().ok_or_else(|| wrong("a profile's name comes first"))?;
        let (name, access) = required.rsplit_once('\t').ok_or_else(|| wrong("what is required"))?;
        let access = Requires::from_name(access).ok_or_else(|| wrong("what is required"))?;
        let path = match name.strip_prefix('\t') {
            Some(leaf) if !object.is_empty() => format!("{object}{leaf}"),
            Some(_) => return Err(wrong("an object comes before its parameters")),
            None => {
                object = name;
                name.to_owned()
            }
        };
        profile.requirements.push(Requirement { path, access });
    }
    Ok(profiles)
}
