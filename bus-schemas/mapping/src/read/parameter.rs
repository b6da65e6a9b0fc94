//! `[parameter."PATH"]`: where a value comes from and what becomes of it.

use std::collections::BTreeMap;

use cwmp_model::{path, ValueType};
use toml::Spanned;

use super::{At, Reader};
use crate::conversion::{Conversion, Named, Scale};
use crate::file::{self, OneOrMany, Scalar};
use crate::mapping::{Declared, Object, Parameter, Place, Source};
use crate::raw::{self, Element};
use crate::signature::{self, Type};
use crate::template::{Allowed, Template};

impl Reader<'_> {
    pub(super) fn parameter(
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
        let vendor = cwmp_model::path::is_vendor(path);
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
        if in_row && parameter.when_absent.is_some() {
            self.complain(at, "when_absent", "there are no rows while the service is absent: leave it out");
        }
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

    fn declared(&mut self, p: &file::Parameter, at: &At, vendor: bool) -> Option<Declared> {
        if !vendor {
            for (key, there) in
                [("type", p.kind.is_some()), ("facets", p.facets.is_some()), ("secret", p.secret.is_some())]
            {
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
        Some(Declared { kind, facets, secret: p.secret.unwrap_or(false) })
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
            match self.tables.iter().find(|t| t.path == *table) {
                None => self.complain(at, "row_of", format!("there is no [table.\"{table}\"] in this file")),
                Some(table) if table.outer.is_some() => {
                    self.complain(at, "row_of", "is for a table that lies in no other");
                }
                Some(_) => {}
            }
            conversion.row_of = Some(table.clone());
        }
        conversion
    }

    /// The interface of an object that is meant.
    pub(super) fn place(
        &mut self,
        at: &At,
        p: &file::Parameter,
        service: usize,
        table: Option<usize>,
    ) -> Option<Place> {
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

    pub(super) fn arguments(
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
}
