//! From the text of a file to a [`Mapping`]: everything that can be known without the standard's tables or the service.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cwmp_model::{path, ValueType};
use toml::Spanned;

use crate::conversion::{Conversion, Named, Scale};
use crate::error::{MappingError, Problem};
use crate::file::{self, File, OneOrMany, Scalar, WriteOrFlag};
use crate::mapping::{
    Condition, How, Mapping, Object, Parameter, Place, Position, RowKey, Rows, Service, Source, Table, Write,
    TIMEOUT,
};
use crate::raw::{self, Element};
use crate::signature::{self, Type};
use crate::template::{Allowed, Template};

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
        let lines = Lines(text);
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
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn number(&self, offset: usize) -> usize {
        self.0.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }

    /// The line of a key in the table whose header or brace begins at `start`, or that line itself.
    fn of_key(&self, start: usize, key: &str) -> usize {
        let first = self.number(start);
        let key = key.split('.').next().unwrap_or(key);
        let rest = self.0.lines().enumerate().skip(first);
        let found = rest.take_while(|(_, line)| !line.trim_start().starts_with('[')).find(|(_, line)| {
            let name = line.split('=').next().unwrap_or_default().trim();
            name == key || name.split('.').next() == Some(key)
        });
        found.map_or(first, |(i, _)| i + 1)
    }

    /// The table that a line is in, as a key.
    fn header(&self, line: usize) -> String {
        let above: Vec<&str> = self.0.lines().take(line).collect();
        let header = above.iter().rev().find_map(|l| l.trim().strip_prefix('[')?.strip_suffix(']'));
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
    fn complain(&mut self, at: &At, key: &str, text: impl Into<String>) {
        let line =
            if key.is_empty() { self.lines.number(at.start) } else { self.lines.of_key(at.start, key) };
        let key = if key.is_empty() { at.key.clone() } else { format!("{}.{key}", at.key) };
        self.problems.push(Problem { line, key, text: text.into() });
    }

    /// Puts an error where it belongs.
    fn note<T>(&mut self, at: &At, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|text| self.complain(at, key, text)).ok()
    }

    fn position(&self, at: &At) -> Position {
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

    fn object_path(&mut self, at: &At, key: &str, text: &str) {
        if !raw::is_object_path(text) {
            self.complain(at, key, format!("'{text}' is no object path such as /org/example/Service1"));
        }
    }

    fn interface(&mut self, at: &At, key: &str, text: &str) {
        if !raw::is_interface(text) {
            self.complain(at, key, format!("'{text}' is no interface such as org.example.Service1.Item"));
        }
    }

    fn member(&mut self, at: &At, key: &str, text: &str) {
        if !raw::is_member(text) {
            self.complain(at, key, format!("'{text}' is no name of a property or method"));
        }
    }

    /// The service that is meant.
    fn service_of(&mut self, at: &At, alias: Option<&str>, outer: Option<usize>) -> Option<usize> {
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
    fn schema_path(&mut self, at: &At, text: &str) -> bool {
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
    fn outer(
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

    fn table(&mut self, path: &str, table: &file::Table, at: &At) -> Option<Table> {
        if !self.schema_path(at, path) {
            return None;
        }
        let Some(inside) = path.strip_suffix("{i}.") else {
            self.complain(at, "", "a table ends in {i}.");
            return None;
        };
        let nested = inside.contains("{i}.");
        let outer = if nested { Some(self.outer(at, inside, None)?) } else { None };
        let service = self.service_of(at, table.service.as_deref(), outer.map(|t| self.tables[t].service))?;
        let before = self.problems.len();
        let sources = [table.objects.is_some(), table.object.is_some(), table.property.is_some()];
        if sources.iter().filter(|s| **s).count() != 1 {
            self.complain(
                at,
                "",
                "needs one of 'objects' (an interface), 'object' (a path) and 'property' (of paths)",
            );
            return None;
        }
        let for_objects = [
            ("manager", table.manager.is_some()),
            ("below", table.below.is_some()),
            ("parent", table.parent.is_some()),
            ("where", !table.conditions.is_empty()),
        ];
        for (key, there) in for_objects {
            if there && table.objects.is_none() {
                self.complain(at, key, "is for a table of 'objects'");
            }
        }
        if table.parent.is_some() && !nested {
            self.complain(at, "parent", "is for a table inside another one");
        }
        let own = self.services[service].clone();
        let (rows, interface) = if let Some(interface) = &table.objects {
            self.interface(at, "objects", interface);
            if let Some(parent) = &table.parent {
                self.member(at, "parent", parent);
            }
            for (key, path) in [("manager", &table.manager), ("below", &table.below)] {
                if let Some(path) = path {
                    self.object_path(at, key, path);
                }
            }
            let own_interface = table.interface.clone().unwrap_or_else(|| interface.clone());
            let mut conditions = Vec::new();
            for condition in &table.conditions {
                let (property, is) = (&condition.property, &condition.is);
                conditions.push(self.condition(
                    at,
                    "where",
                    property,
                    condition.interface.as_ref(),
                    is,
                    &own_interface,
                ));
            }
            let rows = Rows::Managed {
                manager: table.manager.clone().unwrap_or_else(|| own.path.clone()),
                interface: interface.clone(),
                below: table.below.clone(),
                parent: table.parent.clone(),
                conditions,
            };
            (rows, own_interface)
        } else {
            let inherited = outer.map(|t| self.tables[t].interface.clone()).or(own.interface.clone());
            let Some(interface) = table.interface.clone().or(inherited) else {
                self.complain(at, "", "say which 'interface' is meant");
                return None;
            };
            let rows = match (&table.object, &table.property) {
                (Some(path), _) => {
                    self.object_path(at, "object", path);
                    Rows::One(path.clone())
                }
                (None, property) => {
                    let property = property.clone().unwrap_or_default();
                    self.member(at, "property", &property);
                    let holder = outer.map(|t| self.tables[t].interface.clone()).or(own.interface);
                    let Some(holder) = holder else {
                        self.complain(
                            at,
                            "property",
                            "needs the 'interface' of its service or of the table around",
                        );
                        return None;
                    };
                    Rows::Listed { interface: holder, property }
                }
            };
            (rows, interface)
        };
        self.interface(at, "interface", &interface);
        let key = match (table.key.as_deref(), &rows) {
            (Some("path"), _) | (None, Rows::One(_)) => RowKey::Path,
            (Some(property), _) => {
                self.member(at, "key", property);
                RowKey::Property(property.to_owned())
            }
            (None, _) => {
                let text = "say by what a row is recognised for ever: 'key' is a property such as a serial number, or \"path\"";
                self.complain(at, "", text);
                RowKey::Path
            }
        };
        (self.problems.len() == before).then(|| Table {
            path: path.to_owned(),
            service,
            rows,
            key,
            interface,
            outer,
            model: table.model.clone(),
            position: self.position(at),
        })
    }

    fn condition(
        &mut self,
        at: &At,
        key: &str,
        property: &str,
        interface: Option<&String>,
        is: &OneOrMany,
        default: &str,
    ) -> Condition {
        self.member(at, key, property);
        let interface = interface.map_or(default, String::as_str).to_owned();
        self.interface(at, key, &interface);
        if is.0.is_empty() {
            self.complain(at, key, "'is' lists no value: nothing could hold");
        }
        Condition { interface, property: property.to_owned(), is: is.0.clone() }
    }

    fn parameter(
        &mut self,
        path: &str,
        parameter: &file::Parameter,
        at: &At,
        tables: &BTreeMap<String, Spanned<file::Table>>,
    ) -> Option<Parameter> {
        if !self.schema_path(at, path) {
            return None;
        }
        if path.ends_with('.') || path.ends_with("{i}") {
            self.complain(at, "", "is an object; a parameter does not end in a dot");
            return None;
        }
        let leaf = path::last_part(path);
        if leaf.ends_with("NumberOfEntries") || leaf == "Alias" && path.ends_with("{i}.Alias") {
            self.complain(at, "", "is served by the agent: leave it out");
            return None;
        }
        let in_row = path.contains("{i}.");
        let table = if in_row { Some(self.outer(at, path, Some(tables))?) } else { None };
        let before = self.problems.len();
        self.fitting_keys(parameter, at);
        let vendor = path.split('.').any(|p| p.starts_with("X_"));
        let declared = self.declared(parameter, at, vendor);
        let conversion = self.conversion(parameter, at);
        let service = if parameter.constant.is_some() {
            None
        } else {
            let outer = table.map(|t| self.tables[t].service);
            Some(self.service_of(at, parameter.service.as_deref(), outer)?)
        };
        let source = self.source(parameter, at, service, table, vendor)?;
        let write = match (&parameter.write, service) {
            (None, _) => None,
            (Some(_), None) => {
                self.complain(at, "write", "a constant cannot be set");
                None
            }
            (Some(write), Some(service)) => {
                self.write(write, parameter, &source, &conversion, at, service, table)
            }
        };
        let calls = matches!(source, Source::Method { .. });
        if parameter.pushed == Some(true) && calls {
            self.complain(at, "pushed", "the result of a method is not announced: leave it out");
        }
        (self.problems.len() == before).then(|| Parameter {
            path: path.to_owned(),
            service,
            table,
            pushed: parameter.pushed.unwrap_or(!calls),
            source,
            conversion,
            when_absent: parameter.when_absent.as_ref().map(|s| s.0.clone()),
            write,
            declared,
            model: parameter.model.clone(),
            position: self.position(at),
        })
    }

    /// Every key must belong to the source that is there.
    fn fitting_keys(&mut self, p: &file::Parameter, at: &At) {
        let sources = [
            ("property", p.property.is_some()),
            ("method", p.method.is_some()),
            ("cases", p.cases.is_some()),
            ("count", p.count.is_some()),
            ("constant", p.constant.is_some()),
        ];
        let there: Vec<&str> = sources.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
        let [source] = there[..] else {
            let all = sources.map(|(key, _)| key).join(", ");
            self.complain(at, "", format!("needs one of {all}; has {}", there.len()));
            return;
        };
        let keys: [(&str, bool, &[&str]); 16] = [
            ("fallback", !p.fallback.is_empty(), &["property"]),
            ("element", !p.element.is_empty(), &["property", "method"]),
            ("signature", p.signature.is_some(), &["method"]),
            ("arguments", p.arguments.is_some(), &["method"]),
            ("manager", p.manager.is_some(), &["count"]),
            ("below", p.below.is_some(), &["count"]),
            ("service", p.service.is_some(), &["property", "method", "cases", "count"]),
            ("object", p.object.is_some(), &["property", "method", "cases"]),
            ("interface", p.interface.is_some(), &["property", "method", "cases"]),
            ("via", p.via.is_some(), &["property", "method", "cases"]),
            ("values", p.values.is_some(), &["property", "method"]),
            ("bits", p.bits.is_some(), &["property", "method"]),
            ("convert", p.convert.is_some(), &["property", "method"]),
            ("row_of", p.row_of.is_some(), &["property", "method"]),
            ("when_absent", p.when_absent.is_some(), &["property", "method", "cases", "count"]),
            ("otherwise", p.otherwise.is_some(), &["property", "method", "cases"]),
        ];
        for (key, there, fits) in keys {
            if there && !fits.contains(&source) {
                self.complain(at, key, format!("is for {}, not for '{source}'", fits.join(", ")));
            }
        }
    }

    fn declared(&mut self, p: &file::Parameter, at: &At, vendor: bool) -> Option<(ValueType, String)> {
        if !vendor {
            for (key, there) in [("type", p.kind.is_some()), ("facets", p.facets.is_some())] {
                if there {
                    self.complain(at, key, "the standard's tables say it: leave it out");
                }
            }
            return None;
        }
        let Some(name) = &p.kind else {
            self.complain(at, "", "a vendor's parameter needs a 'type'");
            return None;
        };
        let Some(kind) = ValueType::from_name(name) else {
            let all: Vec<&str> = ValueType::ALL.iter().map(|k| k.name()).collect();
            self.complain(at, "type", format!("'{name}' is no type; there is: {}", all.join(", ")));
            return None;
        };
        let facets = p.facets.clone().unwrap_or_default();
        if let Err(error) = cwmp_model::Facets::parse(&facets) {
            self.complain(at, "facets", error.to_string());
        }
        Some((kind, facets))
    }

    fn conversion(&mut self, p: &file::Parameter, at: &At) -> Conversion {
        let arithmetic = p.multiply.is_some() || p.divide.is_some() || p.add.is_some();
        let all = [
            ("values", p.values.is_some()),
            ("bits", p.bits.is_some()),
            ("multiply, divide, add", arithmetic),
            ("convert", p.convert.is_some()),
            ("row_of", p.row_of.is_some()),
        ];
        let there: Vec<&str> = all.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
        if there.len() > 1 {
            self.complain(at, "", format!("has {}; one conversion is possible", there.join(" and ")));
        }
        let mut conversion =
            Conversion { otherwise: p.otherwise.as_ref().map(|s| s.0.clone()), ..Conversion::default() };
        if p.otherwise.is_some() && p.values.is_none() && p.bits.is_none() && p.cases.is_none() {
            self.complain(at, "otherwise", "is for 'values', 'bits' and 'cases'");
        }
        if let Some(values) = &p.values {
            if values.is_empty() {
                self.complain(at, "values", "is empty");
            }
            conversion.values = Some(values.iter().map(|(k, Scalar(v))| (k.clone(), v.clone())).collect());
        }
        if let Some(bits) = &p.bits {
            let mut masks = Vec::new();
            for (text, OneOrMany(names)) in bits {
                match raw::integer(text).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0) {
                    Some(mask) => masks.push((mask, names.clone())),
                    None => self.complain(at, "bits", format!("'{text}' is no mask such as 4 or 0x20")),
                }
            }
            masks.sort_by_key(|(mask, _)| *mask);
            conversion.bits = Some(masks);
        }
        if arithmetic {
            let scale = Scale {
                multiply: p.multiply.unwrap_or(1),
                divide: p.divide.unwrap_or(1),
                add: p.add.unwrap_or(0),
            };
            for (key, n) in [("multiply", scale.multiply), ("divide", scale.divide)] {
                if n == 0 {
                    self.complain(at, key, "must not be 0");
                }
            }
            conversion.scale = Some(scale);
        }
        if let Some(name) = &p.convert {
            conversion.named = Named::from_name(name);
            if conversion.named.is_none() {
                let all: Vec<&str> = Named::ALL.iter().map(|n| n.name()).collect();
                self.complain(at, "convert", format!("there is no '{name}'; there is: {}", all.join(", ")));
            }
        }
        if let Some(table) = &p.row_of {
            if !self.tables.iter().any(|t| t.path == *table) {
                self.complain(at, "row_of", format!("there is no [table.\"{table}\"] in this file"));
            }
            conversion.row_of = Some(table.clone());
        }
        conversion
    }

    /// The interface of an object that is meant.
    fn place(&mut self, at: &At, p: &file::Parameter, service: usize, table: Option<usize>) -> Option<Place> {
        let own = self.services[service].clone();
        // A row of another service has nothing to say about objects of this one.
        let row = table.filter(|t| self.tables[*t].service == service);
        let row_interface = row.map(|t| self.tables[t].interface.clone());
        let fixed = p.object.clone().or_else(|| row.is_none().then(|| own.path.clone()));
        if let Some(path) = &p.object {
            self.object_path(at, "object", path);
        }
        let object = fixed.map_or(Object::Row, Object::Fixed);
        let near = if p.object.is_some() { None } else { row_interface };
        let near = near.or(own.interface);
        let Some(via) = &p.via else {
            let Some(interface) = p.interface.clone().or(near) else {
                self.complain(at, "", "say which 'interface' is meant");
                return None;
            };
            self.interface(at, "interface", &interface);
            return Some(Place { object, interface });
        };
        self.member(at, "via", via);
        let (Some(base), Some(interface)) = (near, p.interface.clone()) else {
            self.complain(
                at,
                "via",
                "needs the 'interface' at its end, and one of the table or service at its beginning",
            );
            return None;
        };
        self.interface(at, "interface", &interface);
        let base = Box::new(Place { object, interface: base });
        Some(Place { object: Object::Via { base, property: via.clone() }, interface })
    }

    fn source(
        &mut self,
        p: &file::Parameter,
        at: &At,
        service: Option<usize>,
        table: Option<usize>,
        vendor: bool,
    ) -> Option<Source> {
        if let Some(Scalar(text)) = &p.constant {
            if !vendor {
                self.complain(
                    at,
                    "constant",
                    "is for a vendor's own parameters: what the standard defines must be true",
                );
            }
            return Some(Source::Constant(text.clone()));
        }
        let service = service?;
        if let Some(interface) = &p.count {
            self.interface(at, "count", interface);
            let manager = p.manager.clone().unwrap_or_else(|| self.services[service].path.clone());
            self.object_path(at, "manager", &manager);
            if let Some(below) = &p.below {
                self.object_path(at, "below", below);
            }
            return Some(Source::Count { manager, interface: interface.clone(), below: p.below.clone() });
        }
        let place = self.place(at, p, service, table)?;
        let element = p.element.iter().map(|step| match step {
            file::Step::Index(index) => Element::Index(*index),
            file::Step::Key(key) => Element::Key(key.clone()),
        });
        let element: Vec<Element> = element.collect();
        if let Some(property) = &p.property {
            let names: Vec<String> = std::iter::once(property).chain(&p.fallback).cloned().collect();
            self.member(at, "property", property);
            for name in &p.fallback {
                self.member(at, "fallback", name);
            }
            return Some(Source::Property { place, names, element });
        }
        if let Some(member) = &p.method {
            self.member(at, "method", member);
            let allowed = Allowed { value: false, key: table.is_some() };
            let arguments =
                self.arguments(at, "", p.signature.as_deref(), p.arguments.as_deref(), allowed)?;
            return Some(Source::Method { place, member: member.clone(), arguments, element });
        }
        let cases = p.cases.as_deref()?;
        let Some(Scalar(otherwise)) = &p.otherwise else {
            self.complain(at, "cases", "needs an 'otherwise' for when none holds");
            return None;
        };
        let mut all = Vec::new();
        for case in cases {
            let interface = case.interface.as_ref();
            let condition =
                self.condition(at, "cases", &case.property, interface, &case.is, &place.interface);
            all.push((condition, case.value.0.clone()));
        }
        if all.is_empty() {
            self.complain(at, "cases", "is empty");
        }
        Some(Source::Cases { object: place.object, cases: all, otherwise: otherwise.clone() })
    }

    fn arguments(
        &mut self,
        at: &At,
        prefix: &str,
        signature: Option<&str>,
        arguments: Option<&[toml::Value]>,
        allowed: Allowed,
    ) -> Option<Vec<(Type, Template)>> {
        let text = signature.unwrap_or_default();
        let Some(types) = signature::parse_all(text) else {
            self.complain(at, &format!("{prefix}signature"), format!("'{text}' is no signature such as sb"));
            return None;
        };
        let arguments = arguments.unwrap_or_default();
        let key = format!("{prefix}arguments");
        if types.len() != arguments.len() {
            let text = format!("there are {}, the signature '{text}' has {}", arguments.len(), types.len());
            self.complain(at, &key, text);
            return None;
        }
        let mut all = Vec::new();
        for (of, value) in types.into_iter().zip(arguments) {
            let template = Template::read(value, &of, allowed);
            all.push((of, self.note(at, &key, template)?));
        }
        Some(all)
    }

    #[allow(clippy::too_many_arguments)] // what stands around a write decides what it may be
    fn write(
        &mut self,
        write: &WriteOrFlag,
        p: &file::Parameter,
        source: &Source,
        conversion: &Conversion,
        at: &At,
        service: usize,
        table: Option<usize>,
    ) -> Option<Write> {
        let defaults = file::Write::default();
        let (write, short) = match write {
            WriteOrFlag::Flag(true) => (&defaults, true),
            WriteOrFlag::Flag(false) => {
                self.complain(at, "write", "leave it out: a parameter without it cannot be set");
                return None;
            }
            WriteOrFlag::Write(write) => (write.as_ref(), false),
        };
        let mut place = match source {
            Source::Property { place, .. } | Source::Method { place, .. } => place.clone(),
            Source::Cases { .. } => self.place(at, p, service, table)?,
            Source::Count { .. } | Source::Constant(_) => {
                self.complain(at, "write", "a count or a constant cannot be set");
                return None;
            }
        };
        if let Some(path) = &write.object {
            self.object_path(at, "write.object", path);
            place.object = Object::Fixed(path.clone());
        }
        if let Some(interface) = &write.interface {
            self.interface(at, "write.interface", interface);
            place.interface.clone_from(interface);
        }
        let whole = source.whole_property();
        let how = match (&write.property, &write.method) {
            (Some(_), Some(_)) => {
                self.complain(at, "write", "has a 'property' and a 'method': one sets the value");
                return None;
            }
            (None, Some(member)) => {
                self.member(at, "write.method", member);
                let allowed = Allowed { value: true, key: table.is_some() };
                let (signature, arguments) = (write.signature.as_deref(), write.arguments.as_deref());
                let arguments = self.arguments(at, "write.", signature, arguments, allowed)?;
                if !arguments.iter().any(|(_, t)| t.has_value()) {
                    self.complain(at, "write.arguments", "the value is nowhere: \"{value}\" stands for it");
                }
                How::Method { member: member.clone(), arguments }
            }
            (name, None) => {
                let name = match (name, whole) {
                    (Some(name), _) => name.clone(),
                    (None, Some((_, name))) if short => name.to_owned(),
                    _ => {
                        let text = "needs a 'property' or a 'method'; true means the property that is read, if it is one as a whole";
                        self.complain(at, "write", text);
                        return None;
                    }
                };
                self.member(at, "write.property", &name);
                if write.arguments.is_some() {
                    self.complain(at, "write.arguments", "are for a 'method'");
                }
                let of = match write.signature.as_deref() {
                    None => None,
                    Some(text) => {
                        let of =
                            Type::parse(text).ok_or_else(|| format!("'{text}' is not the type of one value"));
                        Some(self.note(at, "write.signature", of)?)
                    }
                };
                How::Property { name, of }
            }
        };
        if let Some(previous) = &write.previous {
            self.member(at, "write.previous", previous);
        }
        let values = write
            .values
            .as_ref()
            .map(|all| all.iter().map(|(k, Scalar(v))| (k.clone(), v.clone())).collect());
        if values.is_none() {
            self.reversible(conversion, source, at);
        }
        Some(Write { place, how, values, previous: write.previous.clone() })
    }

    /// A conversion must be known backwards, too.
    fn reversible(&mut self, conversion: &Conversion, source: &Source, at: &At) {
        const SAY: &str = "'write.values' says which one is written";
        if matches!(source, Source::Cases { .. }) {
            self.complain(at, "write", format!("'cases' cannot be turned round: {SAY}"));
        }
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut twice = Vec::new();
        for (key, text) in conversion.values.iter().flatten() {
            if let Some(other) = seen.insert(text, key) {
                twice.push(format!("'{text}' stands for {other} and {key}: {SAY}"));
            }
        }
        for text in twice {
            self.complain(at, "values", text);
        }
    }
}
