//! From the text of a file to a [`Mapping`]: everything that can be known without the standard's tables or the service.

mod parameter;
mod table;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cwmp_model::path;
use toml::Spanned;

use crate::error::{MappingError, Problem};
use crate::file::{self, File};
use crate::mapping::{Mapping, Parameter, Position, Service, Table, TIMEOUT};
use crate::raw;

/// The version of the format.
pub const VERSION: i64 = 1;
/// The largest file, in bytes.
pub const MAX_FILE: u64 = 256 * 1024;
/// The most services of a file.
pub const MAX_SERVICES: usize = 32;
/// The most tables of a file.
pub const MAX_TABLES: usize = 128;
/// The most parameters of a file.
pub const MAX_PARAMETERS: usize = 4_096;
/// The longest time that a call may take, in milliseconds: a read as a whole has two seconds.
pub const MAX_TIMEOUT_MS: i64 = 10_000;

impl Mapping {
    /// Reads a file.
    pub fn load(file: &Path) -> Result<Self, MappingError> {
        let failed = |error| MappingError::Read { file: file.to_owned(), error };
        if std::fs::metadata(file).map_err(failed)?.len() > MAX_FILE {
            return Err(MappingError::TooLarge(file.to_owned()));
        }
        let text = std::fs::read_to_string(file).map_err(failed)?;
        Self::parse(&file.display().to_string(), &text)
    }

    /// Reads the text of a file; the name is for messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, MappingError> {
        let lines = Lines::new(text);
        let wrong = |problems| Err(MappingError::Wrong { file: name.to_owned(), problems });
        if u64::try_from(text.len()).map_or(true, |length| length > MAX_FILE) {
            return Err(MappingError::TooLarge(name.into()));
        }
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let line = error.span().map_or(1, |span| lines.number(span.start));
                let text = error.message().replace('\n', " ");
                return wrong(vec![Problem { line, key: lines.header(line), text }]);
            }
        };
        let mut reader = Reader { lines, problems: Vec::new(), services: Vec::new(), tables: Vec::new() };
        let parameters = reader.file(&file);
        let Reader { mut problems, services, tables, .. } = reader;
        if problems.is_empty() {
            Ok(Self { file: name.to_owned(), services, tables, parameters })
        } else {
            problems.sort();
            wrong(problems)
        }
    }
}

/// The text, for the lines of messages.
struct Lines<'a> {
    lines: Vec<&'a str>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { lines: text.split('\n').collect(), starts }
    }

    fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The line of a key in the table whose header or brace begins at `start`, or that line itself.
    fn of_key(&self, start: usize, key: &str) -> usize {
        let first = self.number(start);
        let key = key.split('.').next().unwrap_or(key);
        let rest = self.lines.iter().enumerate().skip(first);
        let found = rest.take_while(|(_, line)| !line.trim_start().starts_with('[')).find(|(_, line)| {
            let name = line.split('=').next().unwrap_or_default().trim();
            name == key || name.split('.').next() == Some(key)
        });
        found.map_or(first, |(i, _)| i + 1)
    }

    /// The table that a line is in, as a key.
    fn header(&self, line: usize) -> String {
        let mut above = self.lines.iter().take(line).rev();
        let header = above.find_map(|l| l.trim().strip_prefix('[')?.strip_suffix(']'));
        header.unwrap_or_default().to_owned()
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    problems: Vec<Problem>,
    services: Vec<Service>,
    tables: Vec<Table>,
}

/// Where a problem may be: the table of the file that is being read.
#[derive(Clone)]
struct At {
    start: usize,
    key: String,
}

impl At {
    fn new<T>(section: &str, name: &str, value: &Spanned<T>) -> Self {
        let plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let name = if plain { name.to_owned() } else { format!("\"{}\"", name.escape_debug()) };
        Self { start: value.span().start, key: format!("{section}.{name}") }
    }
}

impl Reader<'_> {
    pub(super) fn complain(&mut self, at: &At, key: &str, text: impl Into<String>) {
        let line =
            if key.is_empty() { self.lines.number(at.start) } else { self.lines.of_key(at.start, key) };
        let key = if key.is_empty() { at.key.clone() } else { format!("{}.{key}", at.key) };
        self.problems.push(Problem { line, key, text: text.into() });
    }

    /// Puts an error where it belongs.
    fn note<T>(&mut self, at: &At, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|text| self.complain(at, key, text)).ok()
    }

    pub(super) fn position(&self, at: &At) -> Position {
        Position { line: self.lines.number(at.start), key: at.key.clone() }
    }

    fn file(&mut self, file: &File) -> Vec<Parameter> {
        let at = At { start: file.mapping.span().start, key: "mapping".to_owned() };
        if *file.mapping.get_ref() != VERSION {
            self.complain(&at, "", format!("is the version of the format, which is {VERSION}"));
        }
        let counts = [
            ("service", file.service.len(), MAX_SERVICES),
            ("table", file.table.len(), MAX_TABLES),
            ("parameter", file.parameter.len(), MAX_PARAMETERS),
        ];
        for (what, count, most) in counts {
            if count > most {
                self.complain(&at, "", format!("{count} entries of [{what}], at most {most} are allowed"));
                return Vec::new();
            }
        }
        if file.parameter.is_empty() {
            self.complain(&at, "", "there is no [parameter.\"PATH\"]: nothing is served");
        }
        for (alias, service) in &file.service {
            let at = At::new("service", alias, service);
            self.service(alias, service.get_ref(), &at);
        }
        // In order of their length the outer ones come before those inside them.
        let mut tables: Vec<_> = file.table.iter().collect();
        tables.sort_by_key(|(path, _)| path.len());
        for (path, table) in tables {
            let at = At::new("table", path, table);
            if let Some(table) = self.table(path, table.get_ref(), &at) {
                self.tables.push(table);
            }
        }
        let mut parameters = Vec::new();
        for (path, parameter) in &file.parameter {
            let at = At::new("parameter", path, parameter);
            parameters.extend(self.parameter(path, parameter.get_ref(), &at, &file.table));
        }
        parameters
    }

    fn service(&mut self, alias: &str, service: &file::Service, at: &At) {
        if !raw::is_bus_name(&service.name) {
            self.complain(
                at,
                "name",
                format!("'{}' is no name on the bus such as org.example.Service1", service.name),
            );
        }
        let path = service.path.clone().unwrap_or_else(|| "/".to_owned());
        self.object_path(at, "path", &path);
        if let Some(interface) = &service.interface {
            self.interface(at, "interface", interface);
        }
        let timeout =
            service.timeout_ms.unwrap_or(i64::try_from(TIMEOUT.as_millis()).unwrap_or(MAX_TIMEOUT_MS));
        if !(1..=MAX_TIMEOUT_MS).contains(&timeout) {
            self.complain(at, "timeout_ms", format!("must be 1 to {MAX_TIMEOUT_MS}"));
        }
        let new = Service {
            alias: alias.to_owned(),
            name: service.name.clone(),
            path,
            interface: service.interface.clone(),
            timeout: Duration::from_millis(timeout.unsigned_abs()),
            activate: service.activate.unwrap_or(true),
            position: self.position(at),
        };
        self.services.push(new);
    }

    pub(super) fn object_path(&mut self, at: &At, key: &str, text: &str) {
        if !raw::is_object_path(text) {
            self.complain(at, key, format!("'{text}' is no object path such as /org/example/Service1"));
        }
    }

    pub(super) fn interface(&mut self, at: &At, key: &str, text: &str) {
        if !raw::is_interface(text) {
            self.complain(at, key, format!("'{text}' is no interface such as org.example.Service1.Item"));
        }
    }

    pub(super) fn member(&mut self, at: &At, key: &str, text: &str) {
        if !raw::is_member(text) {
            self.complain(at, key, format!("'{text}' is no name of a property or method"));
        }
    }

    /// The service that is meant.
    pub(super) fn service_of(&mut self, at: &At, alias: Option<&str>, outer: Option<usize>) -> Option<usize> {
        let all = || self.services.iter().map(|s| s.alias.as_str()).collect::<Vec<_>>().join(", ");
        match alias {
            Some(alias) => {
                let found = self.services.iter().position(|s| s.alias == alias);
                if found.is_none() {
                    let text = format!("there is no [service.{alias}]; there is: {}", all());
                    self.complain(at, "service", text);
                }
                found
            }
            None if outer.is_some() => outer,
            None if self.services.len() == 1 => Some(0),
            None => {
                let text = format!("say which 'service' is meant: {}", all());
                self.complain(at, "", text);
                None
            }
        }
    }

    /// Whether a schema path is one below `Device.`.
    pub(super) fn schema_path(&mut self, at: &At, text: &str) -> bool {
        let parts: Vec<&str> = text.trim_end_matches('.').split('.').collect();
        let good = parts.len() > 1
            && parts[0] == "Device"
            && parts[1..].iter().all(|p| *p == "{i}" || path::is_name(p.as_bytes()))
            && parts[1] != "{i}"
            && !parts.windows(2).any(|two| two == ["{i}", "{i}"])
            && text.len() <= path::MAX_PATH
            && !text.ends_with("..");
        if !good {
            self.complain(
                at,
                "",
                "is no schema path such as Device.Time.Enable or Device.X_ACME_Lamp.{i}.Colour",
            );
        }
        good
    }

    /// The table that lies directly around a path.
    pub(super) fn outer(
        &mut self,
        at: &At,
        text: &str,
        whole: Option<&BTreeMap<String, Spanned<file::Table>>>,
    ) -> Option<usize> {
        let end = text.rfind("{i}.")? + 4;
        let path = &text[..end];
        let found = self.tables.iter().position(|t| t.path == path);
        // A table that has a problem of its own is not missed a second time.
        if found.is_none() && !whole.is_some_and(|all| all.contains_key(path)) {
            self.complain(at, "", format!("there is no [table.\"{path}\"] around it"));
        }
        found
    }
}

#[cfg(test)]
mod tests;
