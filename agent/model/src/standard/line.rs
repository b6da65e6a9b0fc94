//! The text of an object and its parameters.
//!
//! The first line of a file is `cwmp-model 1`, the model, the root of its paths and the URN of its definition, with
//! tabs between. An object is a line
//! of its path, words, facets and notes; each of its parameters a line that begins with a tab and goes on alike. Columns
//! that would be empty are left out at the end of a line. Words are the type, flags, status and version in any order; the
//! version is left out where it is that of the object. Notes are written like facets, see [`note`].

use std::fmt::Write as _;

use super::{ModelName, Object, Parameter, Status, Version};
use crate::facets::{escape, split_escaped, unescape};
use crate::schema::NodeFlags;
use crate::value::ValueType;

/// What every file begins with; the number is that of the form.
pub(super) const MAGIC: &str = "cwmp-model 1";

const FLAGS: [(&str, NodeFlags); 7] = [
    ("writable", NodeFlags::WRITABLE),
    ("secret", NodeFlags::SECRET),
    ("forced", NodeFlags::FORCED),
    ("forced-default", NodeFlags::FORCED_DEFAULT),
    ("passive", NodeFlags::PASSIVE),
    ("inform", NodeFlags::INFORM),
    ("command", NodeFlags::COMMAND),
];

const STATUSES: [(&str, Status); 2] = [("deprecated", Status::Deprecated), ("obsoleted", Status::Obsoleted)];

/// The keys of notes.
mod note {
    /// The parameter that counts a table's rows.
    pub(super) const COUNT: &str = "count";
    /// The parameter that chooses among objects.
    pub(super) const DISCRIMINATOR: &str = "discriminator";
    /// `LOW:HIGH` rows, if not those of any table or any object.
    pub(super) const ENTRIES: &str = "entries";
    /// The standard's name of the type.
    pub(super) const TYPE: &str = "type";
    /// The unit.
    pub(super) const UNITS: &str = "units";
    /// Enumeration values that may be left out.
    pub(super) const OPTIONAL: &str = "optional";
}

/// The text of a whole model. Objects must be sorted by path, parameters by name.
///
/// `None` if a facet or a note has a tab or a line end, which this form cannot say.
pub fn write_model(name: &ModelName, root: &str, urn: &str, objects: &[Object]) -> Option<String> {
    let mut out = format!("{MAGIC}\t{name}\t{root}\t{urn}\n");
    if urn.contains(['\t', '\n']) {
        return None;
    }
    for object in objects {
        write_object(&mut out, object)?;
    }
    Some(out)
}

/// The model, the root and the URN of the definition that the first line of a file names.
pub(super) fn read_header(line: &str) -> Option<(ModelName, String, String)> {
    let mut columns = line.split('\t');
    if columns.next() != Some(MAGIC) {
        return None;
    }
    let name = ModelName::parse(columns.next()?)?;
    let root = columns.next().filter(|root| root.ends_with('.'))?;
    let urn = columns.next().filter(|urn| urn.starts_with("urn:"))?;
    columns.next().is_none().then(|| (name, root.to_owned(), urn.to_owned()))
}

/// The object of a block: its line and those of its parameters.
pub(super) fn read_object(block: &str) -> Result<Object, &'static str> {
    let mut lines = block.lines();
    let mut columns = lines.next().unwrap_or_default().split('\t');
    let path = columns.next().filter(|p| p.ends_with('.')).ok_or("an object's path ends in a dot")?;
    let words = Words::read(columns.next().unwrap_or_default())?;
    let mut object = Object {
        path: path.to_owned(),
        table: path.ends_with("{i}."),
        writable: words.flags.has(NodeFlags::WRITABLE),
        facets: columns.next().unwrap_or_default().to_owned(),
        since: words.since.ok_or("an object has a version")?,
        status: words.status,
        extension: words.extension,
        ..Object::default()
    };
    (object.min_entries, object.max_entries) = usual_entries(object.table);
    for (key, value) in notes(columns.next().unwrap_or_default()) {
        match key {
            note::COUNT => object.count = Some(unescape(value)),
            note::DISCRIMINATOR => object.discriminator = Some(unescape(value)),
            note::ENTRIES => {
                let (low, high) = value.split_once(':').ok_or("entries are LOW:HIGH")?;
                object.min_entries = low.parse().map_err(|_| "entries are numbers")?;
                object.max_entries = match high {
                    "" => None,
                    high => Some(high.parse().map_err(|_| "entries are numbers")?),
                };
            }
            _ => return Err("unknown note of an object"),
        }
    }
    if columns.next().is_some() {
        return Err("too many columns");
    }
    for line in lines {
        object.parameters.push(read_parameter(line, object.since)?);
    }
    Ok(object)
}

fn read_parameter(line: &str, since: Version) -> Result<Parameter, &'static str> {
    let mut columns = line.strip_prefix('\t').ok_or("a parameter begins with a tab")?.split('\t');
    let name = columns.next().filter(|n| !n.is_empty()).ok_or("a parameter has a name")?;
    let words = Words::read(columns.next().unwrap_or_default())?;
    let mut parameter = Parameter {
        name: name.to_owned(),
        kind: words.kind.ok_or("a parameter has a type")?,
        flags: words.flags,
        facets: columns.next().unwrap_or_default().to_owned(),
        since: words.since.unwrap_or(since),
        status: words.status,
        data_type: None,
        units: None,
        optional: Vec::new(),
    };
    for (key, value) in notes(columns.next().unwrap_or_default()) {
        match key {
            note::TYPE => parameter.data_type = Some(unescape(value)),
            note::UNITS => parameter.units = Some(unescape(value)),
            note::OPTIONAL => {
                parameter.optional = split_escaped(value, '|').into_iter().map(unescape).collect();
            }
            _ => return Err("unknown note of a parameter"),
        }
    }
    if columns.next().is_some() {
        return Err("too many columns");
    }
    Ok(parameter)
}

/// Tables have any number of rows, an object is there once.
fn usual_entries(table: bool) -> (u32, Option<u32>) {
    if table {
        (0, None)
    } else {
        (1, Some(1))
    }
}

fn notes(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = split_escaped(text, ';').into_iter().filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[derive(Default)]
struct Words {
    kind: Option<ValueType>,
    flags: NodeFlags,
    since: Option<Version>,
    status: Status,
    extension: bool,
}

impl Words {
    fn read(text: &str) -> Result<Self, &'static str> {
        let mut words = Self::default();
        for word in text.split(' ').filter(|w| !w.is_empty()) {
            if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| *name == word) {
                words.flags = words.flags.with(*flag);
            } else if let Some((_, status)) = STATUSES.iter().find(|(name, _)| *name == word) {
                words.status = *status;
            } else if let Some(kind) = ValueType::from_name(word) {
                words.kind = Some(kind);
            } else if let Some(version) = Version::parse(word) {
                words.since = Some(version);
            } else if word == "extension" {
                words.extension = true;
            } else {
                return Err("unknown word");
            }
        }
        Ok(words)
    }
}

fn write_object(out: &mut String, object: &Object) -> Option<()> {
    let mut words = Vec::new();
    if object.writable {
        words.push("writable".to_owned());
    }
    if object.extension {
        words.push("extension".to_owned());
    }
    words.extend(status_word(object.status));
    words.push(object.since.to_string());
    let mut notes = Vec::new();
    notes.extend(object.count.iter().map(|v| format!("{}={}", note::COUNT, escape(v))));
    notes.extend(object.discriminator.iter().map(|v| format!("{}={}", note::DISCRIMINATOR, escape(v))));
    if (object.min_entries, object.max_entries) != usual_entries(object.table) {
        let high = object.max_entries.map(|n| n.to_string()).unwrap_or_default();
        notes.push(format!("{}={}:{high}", note::ENTRIES, object.min_entries));
    }
    write_line(out, &object.path, &words, &object.facets, &notes)?;
    for parameter in &object.parameters {
        out.push('\t');
        write_parameter(out, parameter, object.since)?;
    }
    Some(())
}

fn write_parameter(out: &mut String, parameter: &Parameter, since: Version) -> Option<()> {
    let mut words = vec![parameter.kind.name().to_owned()];
    let flags = FLAGS.iter().filter(|(_, flag)| parameter.flags.has(*flag));
    words.extend(flags.map(|(name, _)| (*name).to_owned()));
    words.extend(status_word(parameter.status));
    if parameter.since != since {
        words.push(parameter.since.to_string());
    }
    let mut notes = Vec::new();
    notes.extend(parameter.data_type.iter().map(|v| format!("{}={}", note::TYPE, escape(v))));
    notes.extend(parameter.units.iter().map(|v| format!("{}={}", note::UNITS, escape(v))));
    if !parameter.optional.is_empty() {
        let values: Vec<String> = parameter.optional.iter().map(|v| escape(v)).collect();
        notes.push(format!("{}={}", note::OPTIONAL, values.join("|")));
    }
    write_line(out, &parameter.name, &words, &parameter.facets, &notes)
}

fn status_word(status: Status) -> Option<String> {
    STATUSES.iter().find(|(_, s)| *s == status).map(|(name, _)| (*name).to_owned())
}

fn write_line(out: &mut String, name: &str, words: &[String], facets: &str, notes: &[String]) -> Option<()> {
    let notes = notes.join(";");
    if [name, facets, &notes].iter().any(|text| text.contains(['\t', '\n', '\r'])) {
        return None;
    }
    let line = format!("{name}\t{}\t{facets}\t{notes}", words.join(" "));
    // Writing to a text does not fail.
    let _ = writeln!(out, "{}", line.trim_end_matches('\t'));
    Some(())
}
