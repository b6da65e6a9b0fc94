//! Every parameter that can be set is set, with values that its type and facets allow, and every table that takes rows gets
//! one. Everything is rolled back, or set back.

use std::collections::HashMap;
use std::sync::Arc;

use cwmp_bus::BusError;
use cwmp_model::facets::Giver;
use cwmp_model::schema::NodeId;
use cwmp_model::{path, Fault, FaultCode, NodeFlags, NodeKind, ValueType};

use super::report::{Part, Report};
use super::standard::Standard;
use crate::call::context;
use crate::description::Described;
use crate::engine::Engine;
use crate::worker::{Change, Step};

/// The most values that one parameter gets.
const MAX_VALUES: usize = 12;
/// The most parameters that are tried.
const MAX_PARAMETERS: usize = 4096;
/// Values beyond the edges of ranges and sizes.
const OTHERS: usize = 3;
/// A row that nobody has.
const NOWHERE: u32 = u32::MAX;

const SET: u32 = 1;
const ADD: u32 = 2;
const DELETE: u32 = 3;

/// A parameter that can be set.
struct Parameter {
    name: String,
    kind: ValueType,
    secret: bool,
    /// Whether it may be what TR-181 has for actions: a boolean that is set and reads false, a state that is requested.
    may_act: bool,
    values: Vec<String>,
}

impl Parameter {
    /// Whether it is the state of a diagnostic.
    fn is_state(&self) -> bool {
        self.name.ends_with(".DiagnosticsState")
    }
}

/// The tries so far.
pub(super) struct Writing<'a> {
    engine: &'a Arc<Engine>,
    report: &'a Report,
    standard: &'a Standard,
    by_path: HashMap<&'a str, &'a Described>,
    txn: u64,
    sets: usize,
    refused: usize,
    failures: usize,
}

/// What came of a set.
enum Outcome {
    Kept,
    /// It was taken, and reads as something else: an action, or a defect.
    Other(String),
    Refused,
    Failed,
}

impl<'a> Writing<'a> {
    pub(super) fn new(engine: &'a Arc<Engine>, standard: &'a Standard, report: &'a Report) -> Self {
        let by_path = engine.description.nodes.iter().map(|node| (node.path.as_str(), node)).collect();
        Self { engine, report, standard, by_path, txn: 0, sets: 0, refused: 0, failures: 0 }
    }

    /// All of it.
    pub(super) async fn try_all(&mut self) {
        self.forgotten_transactions().await;
        let parameters = self.parameters("").await;
        for parameter in &parameters {
            self.try_parameter(parameter).await;
        }
        self.try_together(&parameters).await;
        for table in self.tables("").await {
            self.try_row(&table).await;
        }
        if self.failures == 0 {
            let text = format!(
                "write: {} values set and taken back, {} refused by the plugin",
                self.sets, self.refused
            );
            self.report.good(Part::Write, &text);
        }
    }

    fn bad(&mut self, path: &str, text: &str) {
        self.failures += 1;
        if path.is_empty() {
            self.report.bad(Part::Write, None, &format!("write: {text}"));
        } else {
            self.report.bad(Part::Write, Some(path), &format!("write: {path}: {text}"));
        }
    }

    fn next(&mut self) -> u64 {
        self.txn += 1;
        self.txn
    }

    /// What is not known is over: a host that was started anew asks for such.
    async fn forgotten_transactions(&mut self) {
        for (step, name) in [(Step::Rollback, "rollback()"), (Step::Finish, "finish()")] {
            let txn = self.next();
            let harmless = |fault: &Fault| {
                matches!(fault.code, FaultCode::InvalidArguments | FaultCode::InvalidParameterName)
            };
            match self.step(step, txn).await {
                Ok(_) => {}
                Err(BusError::Fault(fault)) if harmless(&fault) => {}
                Err(error) => self.bad("", &format!("{name} of an unknown transaction: {error}")),
            }
        }
    }

    async fn step(&self, step: Step, txn: u64) -> Result<i32, BusError> {
        self.engine.step(step, txn, context(self.engine.deadlines.commit())).await
    }

    async fn prepare(&self, txn: u64, changes: Vec<Change>) -> Result<Vec<(usize, Fault)>, BusError> {
        self.engine.prepare(txn, changes, context(self.engine.deadlines.prepare())).await
    }

    async fn read(&self, name: &str) -> Result<String, String> {
        let paths = [name.to_owned()];
        let (values, faults) = self.engine.get(&paths, context(self.engine.deadlines.get())).await;
        if let Some((_, fault)) = faults.first() {
            return Err(fault.to_string());
        }
        let value = values.iter().next().map(|(_, _, value)| value.to_owned());
        value.ok_or_else(|| "has no value".to_owned())
    }

    /// The values of all parameters below a path, those that can be set and are no secret.
    async fn parameters(&self, below: &str) -> Vec<Parameter> {
        let paths = [below.to_owned()];
        let (values, _) = self.engine.get(&paths, context(self.engine.deadlines.get())).await;
        let names = values.iter().map(|(name, kind, _)| (name.to_owned(), kind));
        names.filter_map(|(name, kind)| self.parameter(name, kind)).take(MAX_PARAMETERS).collect()
    }

    fn parameter(&self, name: String, kind: ValueType) -> Option<Parameter> {
        let node = self.by_path.get(path::schema_path(&name).as_str())?;
        let flags = NodeFlags(node.flags);
        if !flags.has(NodeFlags::WRITABLE) {
            return None;
        }
        let facets = self.standard.facets(node);
        // The same names get the same values, so that a failure can be repeated.
        let seed = name.bytes().fold(7, |seed: u64, b| seed.wrapping_mul(31).wrapping_add(b.into()));
        let mut values = cwmp_test_values::good(kind, &facets, Giver::Client, OTHERS, seed);
        values.truncate(MAX_VALUES);
        let may_act = kind == ValueType::Boolean || !facets.enumeration.is_empty();
        Some(Parameter { name, kind, secret: flags.has(NodeFlags::SECRET), may_act, values })
    }

    async fn try_parameter(&mut self, parameter: &Parameter) {
        let Ok(before) = self.read(&parameter.name).await else { return };
        let mut moved = false;
        let mut others = Vec::new();
        for value in &parameter.values {
            match self.try_value(parameter, value, &before).await {
                Outcome::Kept => moved |= *value != before,
                // The state of a diagnostic that is canceled, or asked for and over: TR-106, DiagnosticsState.
                Outcome::Other(_) if parameter.is_state() => {}
                Outcome::Other(read) => others.push((value.clone(), read)),
                Outcome::Refused => {}
                Outcome::Failed => return,
            }
        }
        let Some((value, read)) = others.first() else { return };
        let stays = others.iter().all(|(_, other)| *other == before);
        if parameter.may_act && stays && !moved {
            let text =
                format!("write: {}: always reads '{read}', whatever is set: an action", parameter.name);
            self.report.note(Part::Write, Some(&parameter.name), &text);
        } else {
            self.bad(&parameter.name, &format!("was set to '{value}', reads '{read}'"));
        }
    }

    /// Sets a value and takes it back, with a look after every step.
    async fn try_value(&mut self, parameter: &Parameter, value: &str, before: &str) -> Outcome {
        let Parameter { name, kind, secret, .. } = parameter;
        let txn = self.next();
        let set = Change { op: SET, kind: kind.number().into(), path: name.clone(), value: value.to_owned() };
        let prepared = self.prepare(txn, vec![set]).await;
        let (refused, taken) = match &prepared {
            Ok(faults) => (faults.first().map(|(_, fault)| fault), faults.is_empty()),
            Err(BusError::Fault(fault)) => (Some(fault), false),
            Err(BusError::Busy) => {
                self.bad(name, "prepare() is busy, with nothing under way");
                return Outcome::Failed;
            }
        };
        if let Some(fault) = refused.filter(|fault| fault.code == FaultCode::InternalError) {
            let text = format!("prepare() of '{value}': {fault}");
            self.bad(name, &text);
            return Outcome::Failed;
        }
        match self.read(name).await {
            Ok(now) if now == before => {}
            now => {
                let now = now.unwrap_or_else(|fault| fault);
                self.bad(
                    name,
                    &format!("prepare() of '{value}' has an effect: it reads '{now}', was '{before}'"),
                );
                let _ = self.step(Step::Rollback, txn).await;
                return Outcome::Failed;
            }
        }
        if !taken {
            self.refused += 1;
            return Outcome::Refused;
        }
        self.sets += 1;
        let committed = self.step(Step::Commit, txn).await;
        let read = self.read(name).await;
        let rolled_back = self.step(Step::Rollback, txn).await;
        if let Err(error) = committed {
            self.bad(name, &format!("commit() of '{value}', which was prepared: {error}"));
            return Outcome::Failed;
        }
        if let Err(error) = rolled_back {
            self.bad(name, &format!("rollback() of '{value}': {error}"));
            return Outcome::Failed;
        }
        match self.read(name).await {
            Ok(now) if now == before => {}
            now => {
                let now = now.unwrap_or_else(|fault| fault);
                self.bad(name, &format!("rollback() of '{value}' leaves '{now}', it was '{before}'"));
                return Outcome::Failed;
            }
        }
        let expected = if *secret { Ok(kind.zero().into()) } else { kind.canonical(value) };
        match (read, expected) {
            (Ok(read), Ok(expected)) if read == expected => Outcome::Kept,
            (Ok(read), _) => Outcome::Other(read),
            (Err(fault), _) => {
                self.bad(name, &format!("was set to '{value}', and cannot be read: {fault}"));
                Outcome::Failed
            }
        }
    }

    /// All parameters in one transaction, then back.
    async fn try_together(&mut self, parameters: &[Parameter]) {
        let mut before = Vec::new();
        let mut changes = Vec::new();
        for parameter in parameters.iter().filter(|p| !p.secret) {
            let (Ok(now), Some(value)) = (self.read(&parameter.name).await, parameter.values.last()) else {
                continue;
            };
            before.push((parameter.name.clone(), now));
            changes.push(Change {
                op: SET,
                kind: parameter.kind.number().into(),
                path: parameter.name.clone(),
                value: value.clone(),
            });
        }
        if changes.len() < 2 {
            return;
        }
        let txn = self.next();
        match self.prepare(txn, changes).await {
            Ok(faults) if faults.is_empty() => {
                if let Err(error) = self.step(Step::Commit, txn).await {
                    self.bad("", &format!("commit() of {} changes: {error}", before.len()));
                }
                if let Err(error) = self.step(Step::Rollback, txn).await {
                    self.bad("", &format!("rollback() of {} changes: {error}", before.len()));
                }
            }
            Ok(faults) => {
                if let Some((index, fault)) = faults.iter().find(|(_, f)| f.code == FaultCode::InternalError)
                {
                    let name = before.get(*index).map_or_else(String::new, |(name, _)| name.clone());
                    self.bad(&name, &format!("prepare() of {} changes: {fault}", before.len()));
                }
                self.refused += faults.len();
            }
            Err(error) => self.bad("", &format!("prepare() of {} changes: {error}", before.len())),
        }
        for (name, value) in before {
            match self.read(&name).await {
                Ok(now) if now == value => {}
                now => {
                    let now = now.unwrap_or_else(|fault| fault);
                    self.bad(
                        &name,
                        &format!("a transaction that was taken back leaves '{now}', it was '{value}'"),
                    );
                }
            }
        }
    }

    /// The tables at or below a path that are there and take rows.
    async fn tables(&self, below: &str) -> Vec<String> {
        let schema = &self.engine.description.schema;
        let deadline = self.engine.deadlines.get();
        let (tables, _) = self.engine.instances(&[below.to_owned()], context(deadline)).await;
        let takes_rows = |table: &String| {
            let id = schema.find(table).filter(|id| schema.node(*id).kind == NodeKind::Table);
            id.is_some_and(|id| schema.node(id).is_writable())
        };
        tables.into_iter().map(|(table, _)| table).filter(takes_rows).take(MAX_PARAMETERS).collect()
    }

    async fn rows(&self, table: &str) -> Vec<u32> {
        let deadline = self.engine.deadlines.get();
        let (tables, _) = self.engine.instances(&[table.to_owned()], context(deadline)).await;
        let rows = tables.into_iter().find(|(name, _)| name == table).map(|(_, rows)| rows);
        rows.unwrap_or_default().into_iter().map(|row| row.number).collect()
    }

    /// A row comes, is taken back, comes, is filled, goes, is taken back, goes.
    async fn try_row(&mut self, table: &str) {
        let Some(id) = self.engine.description.schema.find(table) else { return };
        let number = self.rows(table).await.iter().max().map_or(1, |highest| highest.saturating_add(1));
        let row = format!("{table}{number}.");
        let Some(()) = self.add(id, &row, Step::Rollback).await else { return };
        if self.rows(table).await.contains(&number) {
            return self.bad(&row, "rollback() leaves a row that was added");
        }
        let Some(()) = self.add(id, &row, Step::Finish).await else { return };
        if !self.rows(table).await.contains(&number) {
            return self.bad(&row, "was added, and is not there");
        }
        for (name, kind, default) in self.engine.description.schema.row_defaults(id) {
            let name = format!("{row}{name}");
            let secret = self.by_path.get(path::schema_path(&name).as_str());
            if secret.is_some_and(|node| NodeFlags(node.flags).has(NodeFlags::SECRET)) {
                continue;
            }
            let expected = kind.canonical(&default).map_or(default.clone(), std::borrow::Cow::into_owned);
            match self.read(&name).await {
                Ok(value) if value == expected => {}
                Ok(value) => {
                    self.bad(&name, &format!("of a new row reads '{value}', its default is '{default}'"));
                }
                Err(fault) => self.bad(&name, &format!("of a new row: {fault}")),
            }
        }
        let parameters = self.parameters(&row).await;
        for parameter in &parameters {
            self.try_parameter(parameter).await;
        }
        for inner in self.tables(&row).await {
            // Rows have rows only a few levels deep: each level is a part of a path, and a path has a longest length.
            Box::pin(self.try_row(&inner)).await;
        }
        let Some(()) = self.delete(&row, Step::Rollback).await else { return };
        if !self.rows(table).await.contains(&number) {
            return self.bad(&row, "rollback() does not bring a row back that was deleted");
        }
        let Some(()) = self.delete(&row, Step::Finish).await else { return };
        if self.rows(table).await.contains(&number) {
            self.bad(&row, "was deleted, and is there");
        }
    }

    async fn add(&mut self, table: NodeId, row: &str, then: Step) -> Option<()> {
        let mut changes = vec![Change { op: ADD, kind: 0, path: row.to_owned(), value: String::new() }];
        for (name, kind, default) in self.engine.description.schema.row_defaults(table) {
            let path = format!("{row}{name}");
            changes.push(Change { op: SET, kind: kind.number().into(), path, value: default });
        }
        self.change(row, changes, then, "a new row").await
    }

    async fn delete(&mut self, row: &str, then: Step) -> Option<()> {
        let changes = vec![Change { op: DELETE, kind: 0, path: row.to_owned(), value: String::new() }];
        self.change(row, changes, then, "the end of a row").await
    }

    /// A transaction as a whole. `None` says that it did not come so far, and why was told.
    async fn change(&mut self, row: &str, changes: Vec<Change>, then: Step, what: &str) -> Option<()> {
        let txn = self.next();
        let refused = match self.prepare(txn, changes).await {
            Ok(faults) => faults.into_iter().next().map(|(_, fault)| fault),
            Err(BusError::Fault(fault)) => Some(fault),
            Err(BusError::Busy) => Some(Fault::new(FaultCode::InternalError, "busy, with nothing under way")),
        };
        if let Some(fault) = refused {
            if fault.code == FaultCode::InternalError {
                self.bad(row, &format!("prepare() of {what}: {fault}"));
            } else {
                self.report.note(
                    Part::Write,
                    Some(row),
                    &format!("write: {row}: {what} is refused: {fault}"),
                );
                self.refused += 1;
            }
            return None;
        }
        if let Err(error) = self.step(Step::Commit, txn).await {
            self.bad(row, &format!("commit() of {what}: {error}"));
            let _ = self.step(Step::Rollback, txn).await;
            return None;
        }
        if let Err(error) = self.step(then, txn).await {
            self.bad(row, &format!("{then:?} of {what}: {error}"));
            return None;
        }
        Some(())
    }
}

/// A row that does not exist has no values.
pub(super) async fn try_missing_rows(engine: &Arc<Engine>, report: &Report) {
    let schema = &engine.description.schema;
    let mut wrong = 0;
    for node in &engine.description.nodes {
        // One parameter of each table that is not in another.
        let Some((table, rest)) = node.path.split_once("{i}.") else { continue };
        if rest.is_empty() || rest.contains('.') || rest == "Alias" {
            continue;
        }
        let name = format!("{table}{NOWHERE}.{rest}");
        if schema.find(&name).is_none() {
            continue;
        }
        let (values, _) = engine.get(std::slice::from_ref(&name), context(engine.deadlines.get())).await;
        let first = values.iter().next();
        if let Some((_, _, value)) = first {
            if !NodeFlags(node.flags).has(NodeFlags::SECRET) {
                wrong += 1;
                report.bad(
                    Part::Read,
                    Some(&name),
                    &format!("get: {name}: reads '{value}', and there is no such row"),
                );
            }
        }
    }
    if wrong == 0 {
        report.good(Part::Read, "get: what does not exist is not answered for");
    }
}
