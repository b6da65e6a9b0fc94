//! A mapping against the standard's tables: what its paths are, and whether what it says of them can be true.

use std::collections::BTreeSet;

use cwmp_model::facets::Giver;
use cwmp_model::standard::{Library, LibraryError, Object};
use cwmp_model::{path, Facets, NodeFlags, ValueType};

use crate::conversion::{list_item, Target};
use crate::error::{MappingError, Problem};
use crate::mapping::{How, Mapping, Parameter, Position, Source, Table, Write};
use crate::raw::Raw;
use crate::signature::Type;

/// A node that a mapping serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The schema path; an object's ends in a dot, a table's in `{i}.`.
    pub path: String,
    /// The type of a parameter.
    pub kind: Option<ValueType>,
    /// What else it is. Writable is only what both the standard and the mapping can set.
    pub flags: NodeFlags,
    /// What narrows its values, in the grammar of the model: the standard's, or narrower.
    pub facets: String,
}

impl Node {
    /// What conversions need to know of a parameter.
    pub fn target(&self) -> Target {
        let list = Facets::parse(&self.facets).is_ok_and(|f| f.list.is_some());
        Target { kind: self.kind.unwrap_or(ValueType::String), list }
    }
}

/// Checks a mapping against the standard, and says what it serves: all objects, tables and parameters, sorted by path.
pub fn check(mapping: &Mapping, library: &Library) -> Result<Vec<Node>, MappingError> {
    let mut checker = Checker { mapping, library, problems: Vec::new() };
    let nodes = checker.nodes().map_err(|error| MappingError::Standard(error.to_string()))?;
    let mut problems = checker.problems;
    if problems.is_empty() {
        Ok(nodes)
    } else {
        problems.sort();
        Err(MappingError::Wrong { file: mapping.file.clone(), problems })
    }
}

struct Checker<'a> {
    mapping: &'a Mapping,
    library: &'a Library,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn complain(&mut self, at: &Position, key: &str, text: impl Into<String>) {
        let key = if key.is_empty() { at.key.clone() } else { format!("{}.{key}", at.key) };
        self.problems.push(Problem { line: at.line, key, text: text.into() });
    }

    fn nodes(&mut self) -> Result<Vec<Node>, LibraryError> {
        let mut nodes = Vec::new();
        let mut objects = BTreeSet::new();
        for table in &self.mapping.tables {
            objects.extend(above(&table.path));
            nodes.push(self.table(table)?);
        }
        for parameter in &self.mapping.parameters {
            objects.extend(above(&parameter.path));
            nodes.extend(self.parameter(parameter)?);
        }
        let known: BTreeSet<String> = nodes.iter().map(|n| n.path.clone()).collect();
        let object = |path| Node { path, kind: None, flags: NodeFlags::OBJECT, facets: String::new() };
        nodes.extend(objects.difference(&known).cloned().map(object));
        nodes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(nodes)
    }

    fn table(&mut self, table: &Table) -> Result<Node, LibraryError> {
        let flags = NodeFlags::OBJECT.with(NodeFlags::TABLE);
        let mut node = Node { path: table.path.clone(), kind: None, flags, facets: String::new() };
        if cwmp_model::path::is_vendor(&table.path) {
            return Ok(node);
        }
        match self.library.object(&table.path, table.model.as_deref())? {
            Some(object) => node.facets = object.facets,
            None => self.complain(&table.position, "", "the standard has no such table"),
        }
        Ok(node)
    }

    fn parameter(&mut self, parameter: &Parameter) -> Result<Option<Node>, LibraryError> {
        let at = &parameter.position;
        let (kind, mut flags, facets) = match &parameter.declared {
            Some(declared) => {
                let secret = if declared.secret { NodeFlags::SECRET } else { NodeFlags::default() };
                (declared.kind, secret.with(NodeFlags::WRITABLE), declared.facets.clone())
            }
            None => match self.library.parameter(&parameter.path, parameter.model.as_deref())? {
                Some(found) => (found.kind, found.flags, found.facets),
                None => {
                    let text = self.missing(parameter)?;
                    self.complain(at, "", text);
                    return Ok(None);
                }
            },
        };
        let narrowed = match Facets::parse(&facets) {
            Ok(parsed) => {
                let target = Target { kind, list: parsed.list.is_some() };
                self.reading(parameter, target, &parsed);
                if let Some(write) = &parameter.write {
                    if !flags.has(NodeFlags::WRITABLE) {
                        self.complain(at, "write", "the standard says that it is read only");
                    }
                    self.writing(parameter, write, target, &parsed);
                }
                narrow(parameter, parsed)
            }
            Err(error) => {
                self.complain(at, "", format!("its facets are not understood: {error}"));
                None
            }
        };
        if parameter.write.is_none() {
            flags = without(flags, NodeFlags::WRITABLE);
        }
        if parameter.pushed {
            flags = flags.with(NodeFlags::PUSHED);
        }
        let facets = narrowed.unwrap_or(facets);
        Ok(Some(Node { path: parameter.path.clone(), kind: Some(kind), flags, facets }))
    }

    /// Why a parameter is not there: what is nearest.
    fn missing(&self, parameter: &Parameter) -> Result<String, LibraryError> {
        let object = path::parent(&parameter.path);
        let Some(found) = self.library.object(object, parameter.model.as_deref())? else {
            return Ok(format!("the standard has no object {object}"));
        };
        Ok(match nearest(&found, path::last_part(&parameter.path)) {
            Some(name) => format!("the standard has no such parameter; did you mean {object}{name}?"),
            None => "the standard has no such parameter".to_owned(),
        })
    }

    /// Whether every text that the mapping itself names can be a value.
    fn reading(&mut self, parameter: &Parameter, target: Target, facets: &Facets) {
        let at = &parameter.position;
        let conversion = &parameter.conversion;
        let mut texts: Vec<(&str, &str)> = Vec::new();
        texts.extend(conversion.values.iter().flatten().map(|(_, text)| ("values", text.as_str())));
        let bits = conversion.bits.iter().flatten().flat_map(|(_, texts)| texts);
        texts.extend(bits.map(|text| ("bits", text.as_str())));
        texts.extend(conversion.otherwise.iter().map(|text| ("otherwise", text.as_str())));
        if let Source::Cases { cases, otherwise, .. } = &parameter.source {
            texts.extend(cases.iter().map(|(_, text)| ("cases", text.as_str())));
            if conversion.otherwise.is_none() {
                texts.push(("otherwise", otherwise));
            }
        }
        if let Source::Constant(text) = &parameter.source {
            texts.push(("constant", text));
        }
        for (key, text) in texts {
            let whole = if target.list && key != "constant" { list_item(text) } else { text.to_owned() };
            if let Err(why) = fits(&whole, target, facets, Giver::Device) {
                self.complain(at, key, format!("'{text}' cannot be its value: {why}"));
            }
        }
        if let Some(text) = &parameter.when_absent {
            if let Err(why) = fits(text, target, facets, Giver::Device) {
                self.complain(at, "when_absent", format!("'{text}' cannot be its value: {why}"));
            }
        }
        let number = !matches!(
            target.kind,
            ValueType::String
                | ValueType::Boolean
                | ValueType::DateTime
                | ValueType::Base64
                | ValueType::HexBinary
        );
        if conversion.scale.is_some() && !number {
            self.complain(at, "", format!("arithmetic is for numbers, it is a {}", target.kind));
        }
        if let Some(named) = conversion.named.filter(|n| n.kind() != target.kind) {
            let text = format!("'{}' makes a {}, it is a {}", named.name(), named.kind(), target.kind);
            self.complain(at, "convert", text);
        }
        if matches!(parameter.source, Source::Count { .. }) && !number {
            self.complain(at, "count", format!("is a number, it is a {}", target.kind));
        }
        if let Some(table) = &conversion.row_of {
            if !facets.references.is_empty() && !facets.references.contains(table) {
                let all = facets.references.join(", ");
                self.complain(at, "row_of", format!("it refers to rows of {all}"));
            }
        }
    }

    /// Whether every value that can be set has something that is written for it.
    fn writing(&mut self, parameter: &Parameter, write: &Write, target: Target, facets: &Facets) {
        let at = &parameter.position;
        for (text, _) in write.values.iter().flatten() {
            let whole = if target.list { list_item(text) } else { text.clone() };
            if let Err(why) = fits(&whole, target, facets, Giver::Client) {
                self.complain(at, "write.values", format!("'{text}' is never set: {why}"));
            }
        }
        let Some(of) = value_type(write) else { return };
        let item = match of {
            Type::Array(item) if target.list => item.as_ref(),
            other => other,
        };
        let raws: Vec<&String> = match (&write.values, &parameter.conversion.values) {
            (Some(values), _) => values.iter().map(|(_, raw)| raw).collect(),
            (None, Some(values)) => values.keys().collect(),
            (None, None) => Vec::new(),
        };
        for raw in raws {
            if Raw::from_key_text(raw, item).is_none() {
                let key = if write.values.is_some() { "write.values" } else { "values" };
                self.complain(at, key, format!("'{raw}' is no value of the type '{item}' that is written"));
            }
        }
    }
}

/// The type of what is written, where the mapping says it.
fn value_type(write: &Write) -> Option<&Type> {
    match &write.how {
        How::Property { of, .. } => of.as_ref(),
        How::Method { arguments, .. } => arguments.iter().find_map(|(of, template)| template.value_type(of)),
    }
}

fn fits(text: &str, target: Target, facets: &Facets, giver: Giver) -> Result<(), String> {
    let text = target.kind.canonical(text).map_err(|e| e.to_string())?;
    facets.check(target.kind, &text, giver).map_err(|e| e.to_string())
}

/// An enumeration of which the device can be set to some values only is narrowed to those.
fn narrow(parameter: &Parameter, mut facets: Facets) -> Option<String> {
    let write = parameter.write.as_ref()?;
    if facets.enumeration.is_empty() || facets.list.is_some() {
        return None;
    }
    let settable: Vec<&String> = match (&write.values, &parameter.conversion.values) {
        (Some(values), _) => values.iter().map(|(text, _)| text).collect(),
        (None, Some(values)) => values.values().collect(),
        (None, None) => return None,
    };
    let (keep, rest): (Vec<String>, Vec<String>) =
        facets.enumeration.drain(..).partition(|text| settable.contains(&text));
    facets.enumeration = keep;
    facets.device_only.extend(rest);
    Some(facets.to_string())
}

fn without(flags: NodeFlags, other: NodeFlags) -> NodeFlags {
    NodeFlags(flags.0 & !other.0)
}

/// The objects and rows above a path, but for `Device.` itself.
fn above(path: &str) -> Vec<String> {
    let inner = path.trim_end_matches('.');
    let dots = inner.match_indices('.').map(|(i, _)| i + 1);
    let objects = dots.skip(1).map(|end| &inner[..end]);
    // A table is named by its rows: `A.{i}.`, of which `A.` is only the beginning.
    objects.filter(|o| !path[o.len()..].starts_with("{i}.")).map(str::to_owned).collect()
}

/// The parameter of an object whose name is nearest, if it is near.
fn nearest<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    let all = object.parameters.iter().map(|p| (distance(&p.name, name), p.name.as_str()));
    all.min().filter(|(distance, _)| *distance <= name.len() / 3 + 1).map(|(_, name)| name)
}

/// How many letters differ: the edit distance, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = if x == *y { corner } else { 1 + corner.min(row[j]).min(row[j + 1]) };
            corner = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_above_a_path_are_found() {
        assert_eq!(above("Device.Time.Enable"), ["Device.Time."]);
        assert_eq!(above("Device.A.B.{i}.C.D"), ["Device.A.", "Device.A.B.{i}.", "Device.A.B.{i}.C."]);
        assert_eq!(above("Device.A.B.{i}."), ["Device.A."]);
        assert_eq!(above("Device.X"), [""; 0]);
    }

    #[test]
    fn names_have_a_distance() {
        assert_eq!(distance("Hostname", "HostName"), 0);
        assert_eq!(distance("Enable", "Enabled"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
