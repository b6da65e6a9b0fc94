//! `[table."PATH.{i}."]`

use super::{At, Reader};
use crate::file::{self, OneOrMany};
use crate::mapping::{Condition, RowKey, Rows, Table};

impl Reader<'_> {
    pub(super) fn table(&mut self, path: &str, table: &file::Table, at: &At) -> Option<Table> {
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
        if table.interface.is_some() {
            self.interface(at, "interface", &interface);
        }
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

    pub(super) fn condition(
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
}
