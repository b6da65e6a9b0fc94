//! Reading: partial paths become full names, values are checked before they leave.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use cwmp_model::facets::Giver;
use cwmp_model::schema::NodeId;
use cwmp_model::{path, Fault, FaultCode, NodeFlags, NodeKind, ValueType};
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};
use zbus::zvariant::{Signature, Type};

use crate::engine::{fault_of, Engine, RowMap};
use crate::request::{Context, Entry, Expect, Outcome, ELEMENT_COST, MAX_ANSWER, MAX_LIES};
use crate::rows::{tables_of, Row};
use crate::text::Names;
use crate::worker::Job;

/// The most names that one read may stand for.
pub(crate) const MAX_NAMES: usize = 262_144;
/// The name of the parameter that the agent serves in every row.
const ALIAS: &str = "Alias";

/// Values with their names and types, as `a(sys)` on the bus.
#[derive(Debug, Default)]
pub(crate) struct Values {
    names: Arc<Names>,
    list: Vec<(usize, ValueType, Range<usize>)>,
    arena: String,
}

impl Values {
    /// Name, type and value, in the order of the request.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, ValueType, &str)> {
        self.list.iter().map(|(name, kind, range)| (self.names.get(*name), *kind, &self.arena[range.clone()]))
    }

    /// About how many bytes they are on the bus.
    pub(crate) fn size(&self) -> usize {
        self.names.size() + self.arena.len() + self.list.len() * ELEMENT_COST
    }

    fn append(&mut self, text: &str) -> Range<usize> {
        let start = self.arena.len();
        self.arena.push_str(text);
        start..self.arena.len()
    }
}

#[cfg(test)]
impl<'a> FromIterator<(&'a str, ValueType, &'a str)> for Values {
    fn from_iter<I: IntoIterator<Item = (&'a str, ValueType, &'a str)>>(all: I) -> Self {
        let (mut values, mut names) = (Self::default(), Names::default());
        for (index, (name, kind, text)) in all.into_iter().enumerate() {
            names.push(name, "");
            let range = values.append(text);
            values.list.push((index, kind, range));
        }
        Self { names: Arc::new(names), ..values }
    }
}

impl Type for Values {
    const SIGNATURE: &'static Signature = <Vec<(&str, u8, &str)> as Type>::SIGNATURE;
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.list.len()))?;
        for (name, kind, value) in self.iter() {
            all.serialize_element(&(name, kind.number(), value))?;
        }
        all.end()
    }
}

/// A path and what is wrong with it.
pub(crate) type PathFault = (String, Fault);

/// What a request stands for.
#[derive(Debug, Default)]
struct Plan {
    names: Names,
    nodes: Vec<NodeId>,
    /// Which path of the request each name is for.
    origins: Vec<usize>,
    faults: Vec<PathFault>,
}

impl Engine {
    /// Reads values: full names, or all parameters below partial paths.
    pub(crate) async fn get(
        self: &Arc<Self>,
        paths: &[String],
        context: Context,
    ) -> (Values, Vec<PathFault>) {
        let plan = match self.plan(paths, context).await {
            Ok(plan) => plan,
            Err(fault) => {
                return (Values::default(), paths.iter().map(|p| (p.clone(), fault.clone())).collect())
            }
        };
        let Plan { names, nodes, origins, mut faults } = plan;
        let names = Arc::new(names);
        if names.len() == 0 {
            return (Values::default(), faults);
        }
        // Secrets are not even asked for.
        let secret = |id: &NodeId| self.description.schema.node(*id).flags.has(NodeFlags::SECRET);
        let asked: Option<Vec<usize>> =
            nodes.iter().any(secret).then(|| (0..nodes.len()).filter(|i| !secret(&nodes[*i])).collect());
        let question = match &asked {
            None => names.clone(),
            Some(asked) => Arc::new(asked.iter().map(|i| names.get(*i)).collect()),
        };
        let count = question.len();
        let size = names.size() + names.len() * ELEMENT_COST;
        let outcome = if count == 0 {
            Ok(Outcome::default())
        } else {
            self.ask(Expect::Values(count), context, size, |req| Job::Get(req, question.clone())).await
        };
        let mut outcome = match outcome {
            Ok(outcome) => outcome,
            Err(fault) => {
                let mut last = None;
                for origin in origins {
                    if last.replace(origin) != Some(origin) {
                        faults.push((paths[origin].clone(), fault.clone()));
                    }
                }
                return (Values::default(), faults);
            }
        };
        self.report_lies(&outcome, |index| (index < count).then(|| question.get(index)));
        let mut entries = std::mem::take(&mut outcome.entries).into_iter();
        let mut values = Values {
            names: names.clone(),
            list: Vec::with_capacity(names.len()),
            arena: std::mem::take(&mut outcome.arena),
        };
        let mut lies = 0;
        for (index, node) in nodes.into_iter().enumerate() {
            if asked.is_some() && secret(&node) {
                let kind = self.description.schema.node(node).value_type().unwrap_or(ValueType::String);
                let range = values.append(kind.zero());
                values.list.push((index, kind, range));
                continue;
            }
            let fault = match entries.next().unwrap_or(Entry::Missing) {
                Entry::Value(kind, range) => match self.judge(node, kind, &values.arena[range.clone()]) {
                    Ok((kind, value)) => {
                        let range = match position(&values.arena, &value) {
                            Some(range) => range,
                            None => {
                                let value = value.into_owned();
                                values.append(&value)
                            }
                        };
                        values.list.push((index, kind, range));
                        continue;
                    }
                    Err(why) => {
                        lies += 1;
                        if lies <= MAX_LIES {
                            tracing::warn!("the plugin lies: {}: {why}", names.get(index));
                        }
                        Fault::new(FaultCode::InternalError, format!("the provider answered wrongly: {why}"))
                    }
                },
                Entry::Fault(status, text) => fault_of(status, &text),
                Entry::Missing if outcome.status < 0 => fault_of(outcome.status, &outcome.text),
                Entry::Missing => {
                    lies += 1;
                    if lies <= MAX_LIES {
                        tracing::warn!("the plugin lies: {} was not answered", names.get(index));
                    }
                    Fault::new(FaultCode::InternalError, "the provider did not answer for it")
                }
            };
            faults.push((names.get(index).to_owned(), fault));
        }
        if lies > MAX_LIES {
            tracing::warn!("the plugin lies: {} times more", lies - MAX_LIES);
        }
        (values, faults)
    }

    /// Checks a value that the plugin reports, and gives its canonical form.
    fn judge<'a>(&self, node: NodeId, kind: u32, text: &'a str) -> Result<(ValueType, Cow<'a, str>), String> {
        let node = self.description.schema.node(node);
        let expected = node.value_type().ok_or("is an object")?;
        if kind != u32::from(expected.number()) {
            let said = u8::try_from(kind).ok().and_then(ValueType::from_number);
            let said = said.map_or_else(|| format!("type {kind}"), |t| t.name().to_owned());
            return Err(format!("is {expected}, was reported as {said}"));
        }
        let value = expected.canonical(text).map_err(|e| e.to_string())?;
        if let Some(facets) = node.facets() {
            facets.check(expected, &value, Giver::Device).map_err(|e| e.to_string())?;
        }
        Ok((expected, value))
    }

    async fn plan(self: &Arc<Self>, paths: &[String], context: Context) -> Result<Plan, Fault> {
        let mut plan = Plan::default();
        let mut wanted = Vec::with_capacity(paths.len());
        let mut first = BTreeSet::new();
        // Names of one object come together: what was found for the one before holds for the next.
        let mut last: Option<(&str, NodeId)> = None;
        for (origin, name) in paths.iter().enumerate() {
            let object = path::parent(name);
            if let Some((_, parent)) = last.filter(|(known, _)| *known == object && !path::is_partial(name)) {
                if let Some(id) = self.parameter_in(parent, path::last_part(name)) {
                    wanted.push((origin, id));
                    continue;
                }
            }
            match self.find(name) {
                Ok(id) => wanted.push((origin, id)),
                Err(fault) => {
                    plan.faults.push((name.clone(), fault));
                    continue;
                }
            }
            last = self.description.schema.find(object).map(|id| (object, id));
            for table in tables_of(name) {
                // Whoever names a row by its number may do so before anybody listed the rows, and a plugin that has
                // only keys has not heard of the number then.
                if path::is_partial(name) || !self.services.known.is_listed(table) {
                    first.insert(table.to_owned());
                }
            }
        }
        let mut rows = RowMap::new();
        if !first.is_empty() {
            self.list(first.into_iter().collect(), context, &mut rows).await?;
        }
        let partial: Vec<_> = wanted
            .iter()
            .filter(|(origin, _)| path::is_partial(&paths[*origin]))
            .map(|(origin, id)| (*id, paths[*origin].as_str()))
            .filter(|(_, name)| missing_row(name, &rows).is_none())
            .collect();
        self.survey(&partial, context, &mut rows).await?;
        for (origin, id) in wanted {
            let name = &paths[origin];
            if path::is_partial(name) {
                if let Some(fault) = missing_row(name, &rows) {
                    plan.faults.push((name.clone(), fault));
                } else {
                    self.expand(id, &mut name.clone(), &rows, origin, &mut plan)?;
                }
            } else {
                plan.push(name, "", id, origin)?;
            }
        }
        Ok(plan)
    }

    /// The node of a name that the agent may ask for.
    fn find(&self, name: &str) -> Result<NodeId, Fault> {
        path::check(name)?;
        let id = self.description.schema.find(name);
        let id =
            id.ok_or_else(|| Fault::new(FaultCode::InvalidParameterName, "no such parameter or object"))?;
        if self.description.schema.node(id).flags.has(NodeFlags::COMPUTED) || is_alias(name) {
            return Err(Fault::new(FaultCode::InvalidParameterName, "is served by the agent"));
        }
        Ok(id)
    }

    /// A parameter of the plugin in an object, by its last part. What is not found so may be found otherwise.
    fn parameter_in(&self, object: NodeId, name: &str) -> Option<NodeId> {
        let schema = &self.description.schema;
        if schema.node(object).name() == "{i}" && name == ALIAS {
            return None;
        }
        let found = schema.children_of(object).find(|id| schema.node(*id).name() == name)?;
        let node = schema.node(found);
        (node.value_type().is_some() && !node.flags.has(NodeFlags::COMPUTED)).then_some(found)
    }

    /// Asks for the rows of every table at or below the starts that the map does not have yet.
    pub(crate) async fn survey(
        self: &Arc<Self>,
        starts: &[(NodeId, &str)],
        context: Context,
        map: &mut RowMap,
    ) -> Result<(), Fault> {
        let mut tables = Vec::new();
        for (id, name) in starts {
            self.tables_below(*id, name, &mut tables);
        }
        while !tables.is_empty() {
            let mut new: Vec<String> = tables.iter().filter(|t| !map.contains_key(*t)).cloned().collect();
            new.sort_unstable();
            new.dedup();
            if !new.is_empty() {
                self.list(new, context, map).await?;
            }
            let mut next = Vec::new();
            for table in tables {
                let Some(Ok(rows)) = map.get(&table) else { continue };
                let Some(row) = self.description.schema.find(&format!("{table}1.")) else { continue };
                for number in rows.iter().map(|r| r.number) {
                    self.tables_below(row, &format!("{table}{number}."), &mut next);
                }
            }
            tables = next;
        }
        Ok(())
    }

    /// The tables at or below an object that are not inside other tables.
    pub(crate) fn tables_below(&self, id: NodeId, name: &str, out: &mut Vec<String>) {
        let schema = &self.description.schema;
        match schema.node(id).kind {
            NodeKind::Parameter(_) => {}
            NodeKind::Table => out.push(name.to_owned()),
            NodeKind::Object => {
                for child in schema.children_of(id) {
                    if schema.node(child).value_type().is_none() {
                        self.tables_below(child, &format!("{name}{}.", schema.node(child).name()), out);
                    }
                }
            }
        }
    }

    fn expand(
        &self,
        id: NodeId,
        prefix: &mut String,
        rows: &RowMap,
        origin: usize,
        plan: &mut Plan,
    ) -> Result<(), Fault> {
        let schema = &self.description.schema;
        let in_row = schema.node(id).name() == "{i}";
        let end = prefix.len();
        for child in schema.children_of(id) {
            let node = schema.node(child);
            if node.value_type().is_some() {
                let of_the_agent = node.flags.has(NodeFlags::COMPUTED) || in_row && node.name() == ALIAS;
                if !of_the_agent {
                    plan.push(prefix, node.name(), child, origin)?;
                }
            } else if node.name() == "{i}" {
                match rows.get(prefix.as_str()) {
                    Some(Ok(here)) => {
                        for row in here {
                            prefix.push_str(&row.number.to_string());
                            prefix.push('.');
                            self.expand(child, prefix, rows, origin, plan)?;
                            prefix.truncate(end);
                        }
                    }
                    Some(Err(fault)) => plan.faults.push((prefix.clone(), fault.clone())),
                    None => {}
                }
            } else {
                prefix.push_str(node.name());
                prefix.push('.');
                self.expand(child, prefix, rows, origin, plan)?;
                prefix.truncate(end);
            }
        }
        Ok(())
    }

    /// The rows of all tables at or below the paths, in the order of the paths.
    pub(crate) async fn instances(
        self: &Arc<Self>,
        paths: &[String],
        context: Context,
    ) -> (Vec<(String, Vec<Row>)>, Vec<PathFault>) {
        let mut faults = Vec::new();
        let mut starts: Vec<(NodeId, &str)> = Vec::new();
        let mut first = Vec::new();
        for name in paths {
            match self.find(name) {
                Ok(id) if path::is_partial(name) => {
                    starts.push((id, name));
                    first.extend(tables_of(name).into_iter().map(str::to_owned));
                }
                Ok(_) => {
                    faults.push((name.clone(), Fault::new(FaultCode::InvalidParameterName, "is no object")));
                }
                Err(fault) => faults.push((name.clone(), fault)),
            }
        }
        first.sort_unstable();
        first.dedup();
        let mut map = RowMap::new();
        let ancestors = first.clone();
        let mut failed = Ok(());
        if !first.is_empty() {
            failed = self.list(first, context, &mut map).await;
        }
        starts.retain(|(_, name)| match missing_row(name, &map) {
            Some(fault) if failed.is_ok() => {
                faults.push(((*name).to_owned(), fault));
                false
            }
            _ => true,
        });
        if failed.is_ok() {
            failed = self.survey(&starts, context, &mut map).await;
        }
        if let Err(fault) = failed {
            faults.extend(starts.iter().map(|(_, name)| ((*name).to_owned(), fault.clone())));
            return (Vec::new(), faults);
        }
        let asked = |table: &str| starts.iter().any(|(_, start)| path::is_under(table, start));
        let mut tables = Vec::with_capacity(map.len());
        for (table, rows) in map {
            if ancestors.contains(&table) && !asked(&table) {
                continue;
            }
            match rows {
                Ok(rows) => tables.push((table, rows)),
                Err(fault) => faults.push((table, fault)),
            }
        }
        tables.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        (tables, faults)
    }
}

impl Plan {
    fn push(&mut self, prefix: &str, name: &str, id: NodeId, origin: usize) -> Result<(), Fault> {
        let size = self.names.size() + (self.names.len() + 1) * ELEMENT_COST;
        if self.names.len() >= MAX_NAMES || size > MAX_ANSWER {
            return Err(Fault::new(FaultCode::ResourcesExceeded, format!("more than {MAX_NAMES} names")));
        }
        self.names.push(prefix, name);
        self.nodes.push(id);
        self.origins.push(origin);
        Ok(())
    }
}

/// Where a canonical value lies, if it is a part of what the plugin said, as almost every one is.
fn position(arena: &str, value: &str) -> Option<Range<usize>> {
    let start = (value.as_ptr() as usize).checked_sub(arena.as_ptr() as usize)?;
    let range = start..start.checked_add(value.len())?;
    (range.end <= arena.len()).then_some(range)
}

/// Whether a name is that of a row's alias.
fn is_alias(name: &str) -> bool {
    name.strip_suffix(ALIAS).is_some_and(|row| path::split_row(row).is_some())
}

/// The fault when a row that a partial path names does not exist, or its table cannot be read.
fn missing_row(name: &str, rows: &RowMap) -> Option<Fault> {
    for table in tables_of(name) {
        let rest = &name[table.len()..];
        let number = rest.split('.').next().and_then(path::instance_number);
        match rows.get(table) {
            // Rows are sorted by their numbers.
            Some(Ok(rows)) if rows.binary_search_by_key(&number, |r| Some(r.number)).is_ok() => {}
            Some(Err(fault)) => return Some(fault.clone()),
            _ => return Some(Fault::new(FaultCode::InvalidParameterName, "there is no such row")),
        }
    }
    None
}
