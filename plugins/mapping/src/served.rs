//! All mappings of this host as one: services, tables and parameters, found by their paths.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use cwmp_mapping::conversion::Target;
use cwmp_mapping::mapping::{Object, Parameter, Place, Rows, Service, Source, Table};
use cwmp_mapping::{check, Mapping, MappingError, Node};
use cwmp_model::standard::Library;

/// What is served.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// The services of all files.
    pub(crate) services: Vec<Service>,
    /// The tables of all files.
    pub(crate) tables: Vec<Table>,
    /// The parameters of all files.
    pub(crate) parameters: Vec<Parameter>,
    /// What the standard says of each parameter.
    pub(crate) targets: Vec<Target>,
    /// Whether each parameter is a secret, of which no message may tell a value.
    pub(crate) secrets: Vec<bool>,
    /// The nodes, each path once.
    pub(crate) nodes: Vec<Node>,
    by_path: HashMap<String, usize>,
    tables_by_path: HashMap<String, usize>,
}

impl Served {
    /// Adds a file. What another file serves already is refused.
    pub(crate) fn add(&mut self, file: &Path, library: &Library) -> Result<(), MappingError> {
        let mapping = Mapping::load(file)?;
        let nodes = check(&mapping, library)?;
        let taken = |path: &String| self.by_path.contains_key(path) || self.tables_by_path.contains_key(path);
        let tables = mapping.tables.iter().map(|t| (&t.path, &t.position));
        let parameters = mapping.parameters.iter().map(|p| (&p.path, &p.position));
        let twice = tables.chain(parameters).filter(|(path, _)| taken(path));
        let problems: Vec<_> = twice
            .map(|(_, at)| cwmp_mapping::Problem {
                line: at.line,
                key: at.key.clone(),
                text: "another file of this plugin serves it already".to_owned(),
            })
            .collect();
        if !problems.is_empty() {
            return Err(MappingError::Wrong { file: mapping.file, problems });
        }
        self.take(mapping, nodes);
        Ok(())
    }

    fn take(&mut self, mapping: Mapping, nodes: Vec<Node>) {
        let (services, tables) = (self.services.len(), self.tables.len());
        self.services.extend(mapping.services);
        for mut table in mapping.tables {
            table.service += services;
            table.outer = table.outer.map(|t| t + tables);
            self.tables_by_path.insert(table.path.clone(), self.tables.len());
            self.tables.push(table);
        }
        for mut parameter in mapping.parameters {
            parameter.service = parameter.service.map(|s| s + services);
            parameter.table = parameter.table.map(|t| t + tables);
            let node = nodes.iter().find(|n| n.path == parameter.path);
            let plain = Target { kind: cwmp_model::ValueType::String, list: false };
            self.targets.push(node.map_or(plain, Node::target));
            self.secrets.push(node.is_some_and(|n| n.flags.has(cwmp_model::NodeFlags::SECRET)));
            self.by_path.insert(parameter.path.clone(), self.parameters.len());
            self.parameters.push(parameter);
        }
        let known: BTreeSet<String> = self.nodes.iter().map(|n| n.path.clone()).collect();
        self.nodes.extend(nodes.into_iter().filter(|n| !known.contains(&n.path)));
    }

    /// The parameter with this schema path.
    pub(crate) fn parameter(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The table with this schema path, ending in `{i}.`.
    pub(crate) fn table(&self, path: &str) -> Option<usize> {
        self.tables_by_path.get(path).copied()
    }

    /// The parameters that change when these properties do: on which object, or on any.
    pub(crate) fn depending<'a>(
        &'a self,
        interface: &'a str,
        properties: &'a [String],
    ) -> impl Iterator<Item = (usize, Trigger<'a>)> + 'a {
        let touched = move |p: &str| properties.iter().any(|name| name == p);
        let each = self.parameters.iter().enumerate().filter(|(_, p)| p.pushed);
        each.filter_map(move |(index, parameter)| Some((index, trigger(parameter, interface, &touched)?)))
    }

    /// The tables whose rows change when these properties do.
    pub(crate) fn rows_depending<'a>(
        &'a self,
        interface: &'a str,
        properties: &'a [String],
    ) -> impl Iterator<Item = usize> + 'a {
        let touched = move |i: &str, p: &str| i == interface && properties.iter().any(|name| name == p);
        let each = self.tables.iter().enumerate();
        each.filter(move |(_, table)| {
            let key = match &table.key {
                cwmp_mapping::mapping::RowKey::Path => false,
                cwmp_mapping::mapping::RowKey::Property(name) => touched(&table.interface, name),
            };
            key || match &table.rows {
                Rows::Managed { interface, parent, conditions, .. } => {
                    parent.as_ref().is_some_and(|p| touched(interface, p))
                        || conditions.iter().any(|c| touched(&c.interface, &c.property))
                }
                Rows::Listed { interface, property } => touched(interface, property),
                Rows::One(_) => false,
            }
        })
        .map(|(index, _)| index)
    }
}

/// On which object a property must have changed for a parameter to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger<'a> {
    /// On this one.
    On(&'a str),
    /// On that of a row.
    Row,
    /// On one that another property names.
    Any,
}

fn trigger<'a>(
    parameter: &'a Parameter,
    interface: &str,
    touched: &dyn Fn(&str) -> bool,
) -> Option<Trigger<'a>> {
    match &parameter.source {
        Source::Property { place, names, .. } => {
            let here = place.interface == interface && names.iter().any(|n| touched(n));
            of_object(&place.object, here, interface, touched)
        }
        Source::Cases { object, cases, .. } => {
            let here = cases.iter().any(|(c, _)| c.interface == interface && touched(&c.property));
            of_object(object, here, interface, touched)
        }
        Source::Method { .. } | Source::Count { .. } | Source::Constant(_) => None,
    }
}

fn of_object<'a>(
    object: &'a Object,
    here: bool,
    interface: &str,
    touched: &dyn Fn(&str) -> bool,
) -> Option<Trigger<'a>> {
    match object {
        Object::Fixed(path) => here.then_some(Trigger::On(path)),
        Object::Row => here.then_some(Trigger::Row),
        Object::Via { base, property } => {
            let Place { interface: holder, .. } = base.as_ref();
            (here || holder == interface && touched(property)).then_some(Trigger::Any)
        }
    }
}
