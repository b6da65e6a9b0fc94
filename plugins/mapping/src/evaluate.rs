//! From what was read to rows and values.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use cwmp_mapping::conversion::Surroundings;
use cwmp_mapping::mapping::{Condition, Object, Place, RowKey, Rows, Source};
use cwmp_mapping::posix_tz::Zones;
use cwmp_mapping::signature::Type;
use cwmp_mapping::Raw;
use cwmp_model::path;
use cwmp_plugin_sdk::Lookup;

use crate::bus::{Bus, Properties};
use crate::failure::Failure;
use crate::served::Served;
use crate::snapshot::{Later, Method, Now, Snapshot, MAX_ROUNDS};

/// The most rows of a table that are shown.
pub(crate) const MAX_ROWS: usize = 4_096;
/// The longest key of a row, in bytes.
pub(crate) const MAX_KEY: usize = 255;

/// A row as an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowObject {
    pub(crate) path: String,
    pub(crate) key: String,
}

/// The rows of a table, found by their keys and by their objects.
#[derive(Debug, Default)]
pub(crate) struct RowList {
    pub(crate) rows: Vec<RowObject>,
    keys: HashMap<String, usize>,
    paths: HashMap<String, usize>,
}

impl RowList {
    /// An object without its key cannot be recognised, and two with the same are not told apart: they are no rows.
    fn push(&mut self, path: String, key: String) {
        let good = !key.is_empty() && key.len() <= MAX_KEY && self.rows.len() < MAX_ROWS;
        if good && !self.keys.contains_key(&key) {
            self.keys.insert(key.clone(), self.rows.len());
            self.paths.insert(path.clone(), self.rows.len());
            self.rows.push(RowObject { path, key });
        }
    }

    fn with_key(&self, key: &str) -> Option<&RowObject> {
        self.rows.get(*self.keys.get(key)?)
    }

    fn with_path(&self, path: &str) -> Option<&RowObject> {
        self.rows.get(*self.paths.get(path)?)
    }
}

/// The rows of tables, by table and outer object.
type KnownRows = HashMap<(usize, Option<String>), Rc<RowList>>;

/// Where a parameter is: the object of its row, or none outside of tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Here {
    pub(crate) row: Option<RowObject>,
}

/// One request's view of the services.
pub(crate) struct Evaluation<'a> {
    pub(crate) served: &'a Served,
    pub(crate) bus: &'a Bus,
    pub(crate) zones: &'a Zones,
    pub(crate) lookup: &'a Lookup,
    snapshot: RefCell<Snapshot>,
    keys: RefCell<HashMap<String, Result<String, Failure>>>,
    /// The rows of tables inside objects, as soon as they are known.
    rows: RefCell<KnownRows>,
    /// Why keys cannot be had at all: it is not asked again for the next row, because each question may wait.
    no_keys: RefCell<Option<Failure>>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(served: &'a Served, bus: &'a Bus, zones: &'a Zones, lookup: &'a Lookup) -> Self {
        Self {
            served,
            bus,
            zones,
            lookup,
            snapshot: RefCell::default(),
            keys: RefCell::default(),
            rows: RefCell::default(),
            no_keys: RefCell::default(),
        }
    }

    /// Asks `one` for each item until all have an answer, and reads between the rounds what they miss.
    pub(crate) async fn all<T>(
        &self,
        count: usize,
        end: Instant,
        one: impl Fn(&Self, usize) -> Now<T>,
    ) -> Vec<Result<T, Failure>> {
        let mut answers: Vec<Option<Result<T, Failure>>> = (0..count).map(|_| None).collect();
        for _ in 0..MAX_ROUNDS {
            for (index, answer) in answers.iter_mut().enumerate().filter(|(_, a)| a.is_none()) {
                *answer = one(self, index).ok();
            }
            if !self.fetch(end).await {
                break;
            }
        }
        let never = || Err(Failure::Useless("it takes too many steps to find it".to_owned()));
        answers.into_iter().map(|answer| answer.unwrap_or_else(never)).collect()
    }

    async fn fetch(&self, end: Instant) -> bool {
        // Out of its place meanwhile, so that nothing is borrowed over a wait.
        let mut snapshot = self.snapshot.take();
        let method = |parameter: usize| -> Option<Method<'_>> {
            let parameter = &self.served.parameters[parameter];
            let Source::Method { place, member, arguments, .. } = &parameter.source else { return None };
            Some(Method { service: parameter.service?, interface: &place.interface, member, arguments })
        };
        let more = snapshot.fetch(self.bus, &self.served.services, &method, end).await;
        self.snapshot.replace(snapshot);
        more
    }

    fn properties<T>(
        &self,
        service: usize,
        path: &str,
        interface: &str,
        f: impl FnOnce(&Properties) -> Result<T, Failure>,
    ) -> Now<T> {
        let mut snapshot = self.snapshot.borrow_mut();
        let all = snapshot.properties(service, path, interface)?;
        Ok(all.and_then(f))
    }

    /// The rows of a table, inside an object of the outer row.
    pub(crate) fn rows(&self, table: usize, outer: Option<&str>) -> Now<Rc<RowList>> {
        let place = (table, outer.map(str::to_owned));
        if let Some(known) = self.rows.borrow().get(&place) {
            return Ok(Ok(Rc::clone(known)));
        }
        let found = match self.find_rows(table, outer)? {
            Ok(found) => Rc::new(found),
            Err(failure) => return Ok(Err(failure)),
        };
        self.rows.borrow_mut().insert(place, Rc::clone(&found));
        Ok(Ok(found))
    }

    fn find_rows(&self, index: usize, outer: Option<&str>) -> Now<RowList> {
        let table = &self.served.tables[index];
        let paths = match self.row_paths(index, outer)? {
            Ok(paths) => paths,
            // No service, no rows.
            Err(Failure::Absent(_)) => Vec::new(),
            Err(failure) => return Ok(Err(failure)),
        };
        let mut rows = RowList::default();
        let mut later = false;
        for path in paths {
            let key = match &table.key {
                RowKey::Path => Some(path.clone()),
                RowKey::Property(name) => match self.key(table.service, &path, &table.interface, name) {
                    Ok(key) => key,
                    // All the others are noted, too, so that they are read at the same time.
                    Err(Later) => {
                        later = true;
                        continue;
                    }
                },
            };
            if let Some(key) = key {
                rows.push(path, key);
            }
        }
        if later {
            return Err(Later);
        }
        Ok(Ok(rows))
    }

    /// The objects that may be rows, in a steady order.
    fn row_paths(&self, index: usize, outer: Option<&str>) -> Now<Vec<String>> {
        let table = &self.served.tables[index];
        let service = &self.served.services[table.service];
        match &table.rows {
            Rows::Managed { manager, .. } => self.managed(index, manager, outer),
            Rows::One(path) if self.bus.is_there(service) => Ok(Ok(vec![path.clone()])),
            Rows::One(_) => Ok(Ok(Vec::new())),
            Rows::Listed { interface, property } => {
                let holder = outer.unwrap_or(&service.path);
                self.properties(table.service, holder, interface, |all| {
                    let Some(Raw::List(items)) = all.get(property).map(|p| &p.value) else {
                        return Err(Failure::Useless(format!("{holder} has no list {property}")));
                    };
                    let path =
                        |item: &Raw| if let Raw::Path(path) = item { Some(path.clone()) } else { None };
                    Ok(items.iter().filter_map(path).take(MAX_ROWS).collect())
                })
            }
        }
    }

    /// The key of an object; one that went away meanwhile has none.
    fn key(&self, service: usize, path: &str, interface: &str, name: &str) -> Result<Option<String>, Later> {
        let found = self.properties(service, path, interface, |all| {
            let text = all.get(name).and_then(|p| p.value.key_text());
            text.ok_or_else(|| Failure::Useless(String::new()))
        })?;
        Ok(found.ok())
    }

    fn managed(&self, table: usize, manager: &str, outer: Option<&str>) -> Now<Vec<String>> {
        let table = &self.served.tables[table];
        let Rows::Managed { interface, below, parent, conditions, .. } = &table.rows else {
            return Ok(Ok(Vec::new()));
        };
        let mut snapshot = self.snapshot.borrow_mut();
        let objects = match snapshot.objects(table.service, manager)? {
            Ok(objects) => objects,
            Err(failure) => return Ok(Err(failure)),
        };
        let holds = |interfaces: &HashMap<String, Properties>, c: &Condition| {
            let value = interfaces.get(&c.interface).and_then(|all| all.get(&c.property));
            value.and_then(|p| p.value.key_text()).is_some_and(|text| c.is.contains(&text))
        };
        let mut paths: Vec<String> = objects
            .iter()
            .filter(|(path, interfaces)| {
                let Some(own) = interfaces.get(interface) else { return false };
                let inside = below.as_deref().is_none_or(|b| is_below(path, b));
                let in_row = match (outer, parent) {
                    (None, _) => true,
                    (Some(outer), None) => is_below(path, outer),
                    (Some(outer), Some(property)) => {
                        own.get(property).and_then(|p| p.value.key_text()).is_some_and(|p| p == outer)
                    }
                };
                inside && in_row && conditions.iter().all(|c| holds(interfaces, c))
            })
            .map(|(path, _)| path.clone())
            .collect();
        paths.sort_unstable();
        Ok(Ok(paths))
    }

    /// The object of a row: `Device.T.3.`, or `Device.T.3.Sub.2.`.
    pub(crate) fn row(&self, name: &str) -> Now<RowObject> {
        let no_row = || Failure::NoRow(name.to_owned());
        let Some((inside, _)) = path::split_row(name) else { return Ok(Err(no_row())) };
        let Some(table) = self.served.table(&path::schema_path(name)) else { return Ok(Err(no_row())) };
        let key = match self.key_of(inside, name) {
            Ok(key) => key,
            Err(failure) => return Ok(Err(failure)),
        };
        let outer = match self.outer(table, inside)? {
            Ok(outer) => outer,
            Err(failure) => return Ok(Err(failure)),
        };
        let rows = self.rows(table, outer.as_deref())?;
        Ok(rows.and_then(|rows| rows.with_key(&key).cloned().ok_or_else(no_row)))
    }

    /// The object of the row around a concrete table, `Device.T.3.Sub.`; none if the table lies in no other.
    pub(crate) fn outer(&self, table: usize, inside: &str) -> Now<Option<String>> {
        let Some(outer) = self.served.tables[table].outer else { return Ok(Ok(None)) };
        // As many parts as the schema path of the outer table has.
        let parts = self.served.tables[outer].path.matches('.').count();
        let end = inside.match_indices('.').nth(parts - 1).map_or(inside.len(), |(i, _)| i + 1);
        Ok(self.row(&inside[..end])?.map(|row| Some(row.path)))
    }

    /// The key of a row, which only the host knows.
    fn key_of(&self, inside: &str, name: &str) -> Result<String, Failure> {
        if let Some(known) = self.keys.borrow().get(name) {
            return known.clone();
        }
        if let Some(failure) = self.no_keys.borrow().clone() {
            return Err(failure);
        }
        let number = path::split_row(name).map_or(0, |(_, number)| number);
        let key = match self.lookup.key_of(inside, number) {
            Ok(Some(key)) => Ok(key),
            Ok(None) => Err(Failure::NoRow(name.to_owned())),
            Err(error) => {
                let failure = Failure::Kit(error);
                self.no_keys.replace(Some(failure.clone()));
                Err(failure)
            }
        };
        self.keys.borrow_mut().insert(name.to_owned(), key.clone());
        key
    }

    /// Where a parameter with this name is.
    pub(crate) fn here(&self, parameter: usize, name: &str) -> Now<Here> {
        let Some(table) = self.served.parameters[parameter].table else { return Ok(Ok(Here::default())) };
        let parts = self.served.tables[table].path.matches('.').count();
        let end = name.match_indices('.').nth(parts - 1).map_or(name.len(), |(i, _)| i + 1);
        Ok(self.row(&name[..end])?.map(|row| Here { row: Some(row) }))
    }

    /// The path of an object.
    pub(crate) fn object(&self, service: usize, object: &Object, here: &Here) -> Now<String> {
        match object {
            Object::Fixed(path) => Ok(Ok(path.clone())),
            Object::Row => Ok(here.row.as_ref().map_or_else(
                || Err(Failure::Useless("there is no row around it".to_owned())),
                |row| Ok(row.path.clone()),
            )),
            Object::Via { base, property } => {
                let Place { object, interface } = base.as_ref();
                let base = match self.object(service, object, here)? {
                    Ok(base) => base,
                    Err(failure) => return Ok(Err(failure)),
                };
                self.properties(service, &base, interface, |all| match all.get(property).map(|p| &p.value) {
                    Some(Raw::Path(path)) if path != "/" => Ok(path.clone()),
                    _ => Err(Failure::Useless(format!("{base} names no object as its {property}"))),
                })
            }
        }
    }

    /// One property and its type.
    pub(crate) fn property(
        &self,
        service: usize,
        place: &Place,
        name: &str,
        here: &Here,
    ) -> Now<(Raw, Type)> {
        let path = match self.object(service, &place.object, here)? {
            Ok(path) => path,
            Err(failure) => return Ok(Err(failure)),
        };
        self.properties(service, &path, &place.interface, |all| {
            let found = all.get(name).map(|p| (p.value.clone(), p.of.clone()));
            found.ok_or_else(|| Failure::Useless(format!("{path} has no property {name}")))
        })
    }

    /// What the service gives for a parameter.
    pub(crate) fn raw(&self, parameter: usize, here: &Here) -> Now<Raw> {
        let index = parameter;
        let parameter = &self.served.parameters[index];
        let Some(service) = parameter.service else { return Ok(Err(Failure::Useless(String::new()))) };
        match &parameter.source {
            Source::Property { place, names, element } => {
                let path = match self.object(service, &place.object, here)? {
                    Ok(path) => path,
                    Err(failure) => return Ok(Err(failure)),
                };
                self.properties(service, &path, &place.interface, |all| {
                    let found = names.iter().filter_map(|name| all.get(name)?.value.at(element));
                    let mut last = None;
                    for raw in found {
                        last = Some(raw);
                        if !raw.is_empty() {
                            break;
                        }
                    }
                    last.cloned()
                        .ok_or_else(|| Failure::Useless(format!("{path} has no {}", names.join(" or "))))
                })
            }
            Source::Method { place, member, element, .. } => {
                let path = match self.object(service, &place.object, here)? {
                    Ok(path) => path,
                    Err(failure) => return Ok(Err(failure)),
                };
                let key = here.row.as_ref().map_or("", |row| row.key.as_str());
                let whole = self.snapshot.borrow_mut().result(index, &path, key)?;
                Ok(whole.and_then(|raw| {
                    raw.at(element)
                        .cloned()
                        .ok_or_else(|| Failure::Useless(format!("{member} answered nothing like it")))
                }))
            }
            Source::Count { manager, interface, below } => {
                let mut snapshot = self.snapshot.borrow_mut();
                let objects = snapshot.objects(service, manager)?;
                Ok(objects.map(|all| {
                    let counted = all.iter().filter(|(path, interfaces)| {
                        interfaces.contains_key(interface)
                            && below.as_deref().is_none_or(|b| is_below(path, b))
                    });
                    Raw::Int(i64::try_from(counted.count()).unwrap_or(i64::MAX))
                }))
            }
            Source::Cases { .. } | Source::Constant(_) => Ok(Err(Failure::Useless(String::new()))),
        }
    }

    /// The value of a parameter as text.
    pub(crate) fn text(&self, parameter: usize, here: &Here) -> Now<String> {
        let index = parameter;
        let parameter = &self.served.parameters[index];
        let text = match &parameter.source {
            Source::Constant(text) => return Ok(Ok(text.clone())),
            Source::Cases { object, cases, otherwise } => {
                self.cases(parameter.service, object, cases, otherwise, here)?
            }
            _ => match self.raw(index, here)? {
                Ok(raw) => self.convert(index, &raw)?,
                Err(failure) => Err(failure),
            },
        };
        Ok(match (text, &parameter.when_absent) {
            (Err(Failure::Absent(_)), Some(text)) => Ok(text.clone()),
            (text, _) => text,
        })
    }

    fn cases(
        &self,
        service: Option<usize>,
        object: &Object,
        cases: &[(Condition, String)],
        otherwise: &str,
        here: &Here,
    ) -> Now<String> {
        let service = service.unwrap_or_default();
        let path = match self.object(service, object, here)? {
            Ok(path) => path,
            Err(failure) => return Ok(Err(failure)),
        };
        for (condition, text) in cases {
            let value = self.properties(service, &path, &condition.interface, |all| {
                Ok(all.get(&condition.property).and_then(|p| p.value.key_text()))
            })?;
            match value {
                Ok(Some(value)) if condition.is.contains(&value) => return Ok(Ok(text.clone())),
                Ok(_) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(otherwise.to_owned()))
    }

    /// What a conversion needs to know of its surroundings.
    pub(crate) fn surroundings(&self, parameter: usize) -> Now<Around<'_>> {
        let conversion = &self.served.parameters[parameter].conversion;
        let rows = match conversion.row_of.as_deref().and_then(|t| self.served.table(t)) {
            Some(table) => match self.rows(table, None)? {
                Ok(rows) => rows,
                Err(failure) => return Ok(Err(failure)),
            },
            None => Rc::default(),
        };
        Ok(Ok(Around { rows, zones: self.zones, lookup: self.lookup, zone: RefCell::default() }))
    }

    fn convert(&self, parameter: usize, raw: &Raw) -> Now<String> {
        let around = match self.surroundings(parameter)? {
            Ok(around) => around,
            Err(failure) => return Ok(Err(failure)),
        };
        let conversion = &self.served.parameters[parameter].conversion;
        let text = conversion.to_text(raw, self.served.targets[parameter], &around);
        Ok(text.map_err(|error| Failure::Useless(error.to_string())))
    }
}

/// The surroundings of a conversion.
pub(crate) struct Around<'a> {
    rows: Rc<RowList>,
    zones: &'a Zones,
    lookup: &'a Lookup,
    /// The time zone of now, which is kept if its rules are those that are wanted.
    pub(crate) zone: RefCell<Option<String>>,
}

impl Surroundings for Around<'_> {
    fn row(&self, table: &str, object: &str) -> Option<String> {
        let row = self.rows.with_path(object)?;
        let inside = table.strip_suffix("{i}.")?;
        let number = self.lookup.number_of(inside, &row.key).ok()?;
        Some(format!("{inside}{number}"))
    }

    fn object(&self, table: &str, row: &str) -> Option<String> {
        let inside = table.strip_suffix("{i}.")?;
        let number = row.trim_end_matches('.').strip_prefix(inside)?.parse().ok()?;
        let key = self.lookup.key_of(inside, number).ok()??;
        self.rows.with_key(&key).map(|row| row.path.clone())
    }

    fn posix_tz(&self, zone: &str) -> Result<String, String> {
        self.zones.posix_tz(zone)
    }

    fn zone(&self, posix_tz: &str) -> Result<String, String> {
        self.zones.find(posix_tz, self.zone.borrow().as_deref())
    }
}

fn is_below(path: &str, above: &str) -> bool {
    above == "/" && path != "/" || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_a_matter_of_whole_parts() {
        assert!(is_below("/a/b", "/a") && is_below("/a", "/"));
        assert!(!is_below("/a", "/a") && !is_below("/ab", "/a") && !is_below("/", "/"));
    }
}
