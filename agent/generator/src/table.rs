//! Objects and parameters in the form of the tables.

use cwmp_model::facets::{Giver, Pattern, Target};
use cwmp_model::schema::NodeFlags;
use cwmp_model::standard::{Object, Parameter, Status};
use cwmp_model::{Facets, ValueType};

use crate::document::Documents;
use crate::flat::{Flat, FlatObject, FlatParameter};
use crate::pattern::translate;
use crate::reference::Known;
use crate::syntax::{Reference, Syntax};
use crate::GeneratorError;

/// Makes the objects of a model, sorted by path.
#[derive(Debug)]
pub struct Tables<'a> {
    /// Where the syntaxes come from.
    pub documents: &'a Documents,
    /// The model.
    pub flat: &'a Flat<'a>,
    /// What there is to refer to.
    pub known: &'a Known,
    /// Where paths with a dot in front begin.
    pub root: String,
    /// What was not taken over, for people.
    pub remarks: Vec<String>,
}

impl Tables<'_> {
    /// The objects.
    pub fn objects(&mut self) -> Result<Vec<Object>, GeneratorError> {
        let flat = self.flat;
        flat.objects.iter().map(|(path, object)| self.object(path, object)).collect()
    }

    fn object(&mut self, path: &str, object: &FlatObject<'_>) -> Result<Object, GeneratorError> {
        let wrong = |what: &str| GeneratorError::Node { path: path.to_owned(), what: what.to_owned() };
        let attribute = |name: &str| object.attributes.get(name).copied();
        let table = path.ends_with("{i}.");
        let number = |name: &str, usual: Option<u32>| match attribute(name) {
            None => Ok(usual),
            Some("unbounded") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| wrong("entries are numbers")),
        };
        let mut parameters = Vec::new();
        for (name, parameter) in &object.parameters {
            parameters.push(self.parameter(path, name, parameter)?);
        }
        Ok(Object {
            path: path.to_owned(),
            table,
            writable: match attribute("access") {
                None | Some("readOnly") => false,
                Some("readWrite") => true,
                Some(_) => return Err(wrong("an access of objects that is not known")),
            },
            facets: self.row_facets(path, object).to_string(),
            since: object.since(),
            status: status(attribute("status")).ok_or_else(|| wrong("a status that is not known"))?,
            count: attribute("numEntriesParameter").map(str::to_owned),
            discriminator: attribute("discriminatorParameter").map(str::to_owned),
            min_entries: number("minEntries", Some(u32::from(!table)))?.unwrap_or(0),
            max_entries: number("maxEntries", (!table).then_some(1))?,
            extension: self.flat.is_extension(path),
            parameters,
        })
    }

    /// Unique keys, and what enables a row. Keys that name a parameter that was deleted are gone with it.
    fn row_facets(&mut self, path: &str, object: &FlatObject<'_>) -> Facets {
        let there = |name: &str| object.parameters.contains_key(name);
        let enable = object.attributes.get("enableParameter").copied().filter(|name| there(name));
        let mut facets = Facets { enable: enable.map(str::to_owned), ..Facets::default() };
        for key in &object.keys {
            if !key.parameters.iter().all(|name| there(name)) {
                self.remarks.push(format!("{path}: unique key {} is gone", key.parameters.join(",")));
                continue;
            }
            let names = key.parameters.iter().map(|name| (*name).to_owned()).collect();
            if key.functional || enable.is_none() {
                facets.unique_keys.push(names);
            } else {
                facets.permanent_keys.push(names);
            }
        }
        facets
    }

    fn parameter(
        &mut self,
        object: &str,
        name: &str,
        parameter: &FlatParameter<'_>,
    ) -> Result<Parameter, GeneratorError> {
        let path = format!("{object}{name}");
        let wrong = |what: &str| GeneratorError::Node { path: path.clone(), what: what.to_owned() };
        let attribute = |name: &str| parameter.attributes.get(name).copied();
        let syntax = Syntax::new(self.documents, &path, &parameter.syntaxes)?;
        let mut flags = NodeFlags::default();
        let mut set = |condition: bool, flag| {
            if condition {
                flags = flags.with(flag);
            }
        };
        match attribute("access") {
            None | Some("readOnly") => {}
            // C146: what can be written once can be written, here.
            Some("readWrite" | "writeOnceReadOnly") => set(true, NodeFlags::WRITABLE),
            Some(_) => return Err(wrong("an access that is not known")),
        }
        // C146: secured is as good as hidden.
        set(syntax.hidden, NodeFlags::SECRET);
        set(syntax.command, NodeFlags::COMMAND);
        set(attribute("forcedInform") == Some("true"), NodeFlags::INFORM);
        match attribute("activeNotify") {
            None | Some("normal") => {}
            Some("forceEnabled") => set(true, NodeFlags::FORCED),
            Some("forceDefaultEnabled") => set(true, NodeFlags::FORCED_DEFAULT),
            Some("canDeny") => set(true, NodeFlags::PASSIVE),
            Some(_) => return Err(wrong("an activeNotify that is not known")),
        }
        let base = ValueType::from_name(&syntax.base).ok_or_else(|| wrong("a type that is not known"))?;
        let kind = if syntax.list.is_some() { ValueType::String } else { base };
        let mut facets = self.facets(object, &path, base, &syntax)?;
        for (what, value) in [("default", &syntax.default), ("factory", &syntax.factory)] {
            let Some(value) = value else { continue };
            // A list is written in brackets, which it does not have on the wire (C143).
            let inside = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let value = inside.filter(|_| syntax.list.is_some()).unwrap_or(value);
            let canonical = kind.canonical(value).ok();
            let fits = canonical.filter(|v| facets.check(kind, v, Giver::Device).is_ok());
            match (what, fits) {
                (_, None) => self.remarks.push(format!("{path}: {what} '{value}' is no value of it")),
                ("default", Some(value)) => facets.default = Some(value.into_owned()),
                (_, Some(value)) => facets.factory = Some(value.into_owned()),
            }
        }
        let optional = syntax.enumeration.iter().filter(|e| e.optional).map(|e| e.value.clone()).collect();
        Ok(Parameter {
            name: name.to_owned(),
            kind,
            flags,
            facets: facets.to_string(),
            since: parameter.since(),
            status: status(attribute("status")).ok_or_else(|| wrong("a status that is not known"))?,
            data_type: syntax.data_type,
            units: syntax.units,
            optional,
        })
    }

    fn facets(
        &self,
        object: &str,
        path: &str,
        base: ValueType,
        syntax: &Syntax,
    ) -> Result<Facets, GeneratorError> {
        let wrong = |what: String| GeneratorError::Node { path: path.to_owned(), what };
        let values = |read_only: bool| {
            let values = syntax.enumeration.iter().filter(|e| e.read_only == read_only);
            values.map(|e| e.value.clone()).collect()
        };
        let mut facets = Facets {
            ranges: syntax.ranges.clone(),
            sizes: syntax.sizes.clone(),
            enumeration: values(false),
            device_only: values(true),
            no_value: syntax.no_value.clone(),
            ..Facets::default()
        };
        for pattern in &syntax.patterns {
            let translated = translate(pattern).map_err(|what| wrong(format!("'{pattern}': {what}")))?;
            facets.patterns.push(Pattern::new(&translated).map_err(|error| wrong(error.to_string()))?);
        }
        if let Some(list) = &syntax.list {
            facets.list = Some(list.items);
            facets.list_sizes.clone_from(&list.sizes);
            facets.nested = list.nested;
            facets.item = (base != ValueType::String).then_some(base);
        }
        if let Some(reference) = &syntax.reference {
            self.reference(object, path, reference, &mut facets)?;
        }
        if let Some(text) = &syntax.values_from {
            let there = self.known.resolve(&self.root, object, text);
            facets.values_from = Some(there.ok_or_else(|| wrong(format!("'{text}' is not there")))?);
        }
        Ok(facets)
    }

    fn reference(
        &self,
        object: &str,
        path: &str,
        reference: &Reference,
        facets: &mut Facets,
    ) -> Result<(), GeneratorError> {
        let wrong = |what: String| GeneratorError::Node { path: path.to_owned(), what };
        for parent in &reference.parents {
            let there = self.known.resolve(&self.root, object, parent);
            facets.references.push(there.ok_or_else(|| wrong(format!("'{parent}' is not there")))?);
        }
        if facets.references.is_empty() {
            facets.references.push("Device.".to_owned());
        }
        facets.strong = reference.strong;
        facets.target = Some(match reference.target.as_str() {
            "row" => Target::Row,
            "single" => Target::Object,
            "parameter" => Target::Parameter,
            "any" => Target::Any,
            other => return Err(wrong(format!("a reference to a {other}"))),
        });
        Ok(())
    }
}

fn status(text: Option<&str>) -> Option<Status> {
    Some(match text {
        None | Some("current") => Status::Current,
        Some("deprecated") => Status::Deprecated,
        Some("obsoleted") => Status::Obsoleted,
        Some(_) => return None,
    })
}
