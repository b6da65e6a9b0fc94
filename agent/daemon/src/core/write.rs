//! What a Set, an Add or a Delete means: checked, split by provider, and put down as one intent.

use std::collections::{BTreeMap, HashMap, HashSet};

use cwmp_bus::BusError;
use cwmp_model::path::{self, PathError};
use cwmp_model::{Fault, FaultCode, NodeFlags, NodeKind, ValueType};
use cwmp_session::notification;
use cwmp_store::JournalChange;

use super::read::{no_such, COUNT_SUFFIX};
use super::rows::Rows;
use super::transaction::{ALIAS_CHANGE, OURS, REPORTED_CHANGE};
use super::tree::{Tree, AGENT, ALIAS};
use super::Core;
use crate::local;
use crate::provider::{Origin, ReportedRow, ADD, DELETE, SET};

/// The most values of one request; more is fault 9004.
pub(crate) const MAX_CHANGES: usize = 16_384;

/// What a request says of the type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// Nothing: the model's type counts.
    Nothing,
    /// This one.
    Type(ValueType),
    /// One that does not exist.
    Unknown,
}

/// A value that somebody wants a parameter to have.
#[derive(Debug, Clone)]
pub(crate) struct NewValue {
    pub(crate) name: String,
    /// The type that the request declares (C102).
    pub(crate) declared: Declared,
    pub(crate) text: String,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Stored, and applied later (C109).
    pub(crate) later: bool,
    /// The number of a row that was added.
    pub(crate) number: u32,
}

/// Why nothing was changed.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The request as a whole, with the parameters in error if it was about parameters.
    Fault(Fault, Vec<(String, Fault)>),
    /// Another transaction took too long.
    Busy,
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault, Vec::new())
    }
}

/// The fault that an error of the bus is for an ACS.
pub(super) fn fault_of(error: BusError) -> Fault {
    match error {
        BusError::Fault(fault) => fault,
        BusError::Busy => Fault::new(FaultCode::InternalError, "the provider is busy"),
    }
}

impl Core {
    /// Changes values, all or none (C103 to C109). `parameter_key` is stored with them, if there is one.
    pub(crate) async fn set(
        &self,
        values: &[NewValue],
        origin: Origin,
        parameter_key: Option<&str>,
    ) -> Result<Applied, WriteError> {
        not_too_many(values)?;
        let turn = self.turn().await?;
        let tree = self.tree();
        let mut faults = Vec::new();
        let mut intent = Vec::new();
        let (given, mut aliases) = self.check_each(&tree, values, origin, &mut intent, &mut faults);
        if !aliases.is_empty() {
            self.check_aliases(&tree, &aliases, origin, &mut faults).await;
            intent.append(&mut aliases);
        }
        self.check_references(&tree, &intent, &mut faults).await;
        self.check_listed(&tree, &intent, &|name| given.contains(name), &mut faults).await;
        self.check_unique_keys(&tree, &intent, &|name| given.contains(name), &mut faults).await;
        if let Some(key) = parameter_key {
            intent.push(ours(SET, ValueType::String, local::PARAMETER_KEY, key));
        }
        if matches!(origin, Origin::Acs(_)) {
            intent.extend(self.known_to_acs(&tree, &intent));
        }
        let names = values.iter().map(|v| v.name.clone()).collect();
        let result = self.transact(&turn, intent, origin, faults).await;
        drop(turn);
        if result.is_ok() {
            // The ACS knows what it wrote itself; anyone else's change may have to be told to it, and everyone on the bus
            // hears of both. A plugin announces only what changes by itself.
            self.values_changed(names).await;
        }
        result
    }

    /// Adds a row, with values in the same transaction (C136, C138, C141).
    pub(crate) async fn add(
        &self,
        table: &str,
        values: &[NewValue],
        origin: Origin,
        parameter_key: Option<&str>,
    ) -> Result<Applied, WriteError> {
        not_too_many(values)?;
        let turn = self.turn().await?;
        let tree = self.tree();
        if !table.ends_with('.') {
            let text = format!("{table}: a table's path ends in a dot");
            return Err(Fault::new(FaultCode::InvalidArguments, text).into());
        }
        path::check(table).map_err(malformed)?;
        let id = tree.schema.find(table).ok_or_else(|| no_such(table))?;
        let node = tree.schema.node(id);
        let owner = tree.table_owner(id);
        let Some(owner) = owner.filter(|_| node.kind == NodeKind::Table && node.is_writable()) else {
            let text = format!("{table}: rows cannot be added here");
            return Err(Fault::new(FaultCode::InvalidParameterName, text).into());
        };
        let rows = self.rows_along(&tree, &[table], false, origin).await;
        if !rows.exist(table) {
            return Err(no_such(table).into());
        }
        if let Some(fault) = rows.away(owner) {
            return Err(fault.clone().into());
        }
        let highest = rows.of(table).last().map_or(0, |r| r.number);
        let next = self.persist.read().tables.get(table).map_or(Some(1), cwmp_store::Table::next);
        let Some(number) = next.and_then(|next| next.max(1).max(highest.checked_add(1)?).into()) else {
            return Err(Fault::new(FaultCode::ResourcesExceeded, "no instance number is left").into());
        };
        let row = format!("{table}{number}.");
        let provider = tree.owner_name(owner).to_owned();
        let change = |op, kind: Option<ValueType>, path: String, value: String| JournalChange {
            provider: provider.clone(),
            op,
            kind: kind.map_or(0, ValueType::number),
            path,
            value,
        };
        let mut intent = vec![change(op_byte(ADD), None, row.clone(), String::new())];
        let mut faults = Vec::new();
        let full = |value: &NewValue| NewValue { name: format!("{row}{}", value.name), ..value.clone() };
        let values: Vec<NewValue> = values.iter().map(full).collect();
        let (given, mut aliases) = self.check_each(&tree, &values, origin, &mut intent, &mut faults);
        for (name, kind, default) in tree.schema.row_defaults(id) {
            let full = format!("{row}{name}");
            let theirs = tree.schema.find(&full).is_some_and(|id| tree.schema.node(id).owner == owner);
            if theirs && !given.contains(full.as_str()) {
                intent.push(change(op_byte(SET), Some(kind), full, default));
            }
        }
        if !aliases.is_empty() {
            self.check_alias_values(&rows, table, &aliases, &mut faults);
            intent.append(&mut aliases);
        }
        self.check_references(&tree, &intent, &mut faults).await;
        self.check_listed(&tree, &intent, &|name| given.contains(name), &mut faults).await;
        self.check_unique_keys(&tree, &intent, &|name| given.contains(name), &mut faults).await;
        if let Some(key) = parameter_key {
            intent.push(ours(SET, ValueType::String, local::PARAMETER_KEY, key));
        }
        if matches!(origin, Origin::Acs(_)) {
            intent.extend(self.count_known(&tree, table, rows.of(table).len() + 1));
        }
        let mut applied = self.transact(&turn, intent, origin, faults).await?;
        drop(turn);
        applied.number = number;
        let row = ReportedRow { number, alias: String::new(), deletable: true };
        if matches!(origin, Origin::Acs(_)) {
            // A row of anyone else waits for the next session.
            self.view_adds(table, row);
        }
        self.rows_changed(vec![table.to_owned()]).await;
        Ok(applied)
    }

    /// Removes a row and everything below it (C140, C141).
    pub(crate) async fn delete(
        &self,
        row: &str,
        origin: Origin,
        parameter_key: Option<&str>,
    ) -> Result<Applied, WriteError> {
        let turn = self.turn().await?;
        let tree = self.tree();
        if !row.ends_with('.') {
            let text = format!("{row}: a row's path ends in a dot");
            return Err(Fault::new(FaultCode::InvalidArguments, text).into());
        }
        path::check(row).map_err(malformed)?;
        let (table, number) = path::split_row(row).ok_or_else(|| no_such(row))?;
        let id = tree.schema.find(table).ok_or_else(|| no_such(table))?;
        let owner = tree.table_owner(id).ok_or_else(|| no_such(row))?;
        let rows = self.rows_along(&tree, &[table], false, origin).await;
        if let Some(fault) = rows.away(owner) {
            return Err(fault.clone().into());
        }
        let known = rows.exist(table).then(|| rows.row(table, number)).flatten();
        match known {
            None => return Err(no_such(row).into()),
            Some(known) if !known.deletable || !tree.schema.node(id).is_writable() => {
                let text = format!("{row}: this row cannot be deleted");
                return Err(Fault::new(FaultCode::InvalidParameterName, text).into());
            }
            Some(_) => {}
        }
        let mut intent = vec![JournalChange {
            provider: tree.owner_name(owner).to_owned(),
            op: op_byte(DELETE),
            kind: 0,
            path: row.to_owned(),
            value: String::new(),
        }];
        let released = self.released(&tree, row).await;
        let referrers: Vec<String> = released.iter().map(|c| c.path.clone()).collect();
        intent.extend(released);
        if let Some(key) = parameter_key {
            intent.push(ours(SET, ValueType::String, local::PARAMETER_KEY, key));
        }
        if matches!(origin, Origin::Acs(_)) {
            intent.extend(self.count_known(&tree, table, rows.of(table).len() - 1));
        }
        let applied = self.transact(&turn, intent, origin, Vec::new()).await?;
        drop(turn);
        self.view_removes(row);
        self.rows_changed(vec![table.to_owned()]).await;
        self.values_changed(referrers).await;
        Ok(applied)
    }

    /// Checks each value by itself and adds the changes to the intent. Answers the names, and the changes of aliases: they
    /// are checked together.
    fn check_each<'a>(
        &self,
        tree: &Tree,
        values: &'a [NewValue],
        origin: Origin,
        intent: &mut Vec<JournalChange>,
        faults: &mut Vec<(String, Fault)>,
    ) -> (HashSet<&'a str>, Vec<JournalChange>) {
        let mut given = HashSet::new();
        let mut aliases = Vec::new();
        for value in values {
            let checked = if given.insert(value.name.as_str()) {
                self.check_set(tree, value, origin)
            } else {
                let text = format!("{} is in the request twice", value.name);
                Err(Fault::new(FaultCode::InvalidArguments, text))
            };
            match checked {
                Ok(change) if change.op == ALIAS_CHANGE => aliases.push(change),
                Ok(change) => intent.push(change),
                Err(fault) => faults.push((value.name.clone(), fault)),
            }
        }
        (given, aliases)
    }

    /// Checks one value and makes the change of it (C102, C107).
    fn check_set(&self, tree: &Tree, value: &NewValue, origin: Origin) -> Result<JournalChange, Fault> {
        let name = &value.name;
        let at = |fault: Fault| Fault::new(fault.code, format!("{name}: {}", fault.text));
        if path::is_partial(name) {
            let text = format!("{name} is no parameter");
            return Err(Fault::new(FaultCode::InvalidParameterName, text));
        }
        path::check(name).map_err(|_| no_such(name))?;
        let id = tree.schema.find(name).ok_or_else(|| no_such(name))?;
        let node = tree.schema.node(id);
        let kind = node.value_type().ok_or_else(|| no_such(name))?;
        if node.flags.has(NodeFlags::COMMAND) {
            return Err(no_such(name));
        }
        if !node.is_writable() {
            return Err(at(FaultCode::NotWritable.into()));
        }
        if origin == Origin::Bus && !self.subscriber_may_write(name) {
            let text = format!("{name}: the ACS alone may write it, by its access list");
            return Err(Fault::new(FaultCode::RequestDenied, text));
        }
        match value.declared {
            Declared::Type(declared) if declared != kind => {
                let text = format!("{name} is of type {kind}, the request says {declared}");
                return Err(Fault::new(FaultCode::InvalidParameterType, text));
            }
            Declared::Unknown => {
                let text = format!("{name} is of type {kind}, the request has a type that does not exist");
                return Err(Fault::new(FaultCode::InvalidParameterType, text));
            }
            _ => {}
        }
        let text = tree.schema.check_write(id, &value.text).map_err(at)?;
        let owner = tree.owner_of(id);
        if owner != AGENT {
            let provider = tree.owner_name(owner).to_owned();
            return Ok(JournalChange {
                provider,
                op: op_byte(SET),
                kind: kind.number(),
                path: name.clone(),
                value: text,
            });
        }
        if node.name() == ALIAS && path::split_row(path::parent(name)).is_some() {
            return Ok(ours(u32::from(ALIAS_CHANGE), kind, name, &text));
        }
        own_check(name, &text)?;
        Ok(ours(SET, kind, name, &text))
    }

    /// Aliases are unique in the table as it will be (C209).
    async fn check_aliases(
        &self,
        tree: &Tree,
        aliases: &[JournalChange],
        origin: Origin,
        faults: &mut Vec<(String, Fault)>,
    ) {
        let mut tables: BTreeMap<&str, Vec<JournalChange>> = BTreeMap::new();
        for change in aliases {
            if let Some((table, _)) = path::split_row(path::parent(&change.path)) {
                tables.entry(table).or_default().push(change.clone());
            }
        }
        for (table, changes) in tables {
            let rows = self.rows_along(tree, &[table], false, origin).await;
            for change in &changes {
                if !rows.exist(path::parent(&change.path)) {
                    faults.push((change.path.clone(), no_such(&change.path)));
                }
            }
            self.check_alias_values(&rows, table, &changes, faults);
        }
    }

    /// Checks the aliases that rows of one table are to have.
    fn check_alias_values(
        &self,
        rows: &Rows,
        table: &str,
        changes: &[JournalChange],
        faults: &mut Vec<(String, Fault)>,
    ) {
        let number = |change: &JournalChange| path::split_row(path::parent(&change.path)).map(|(_, n)| n);
        let new: HashMap<u32, &str> =
            changes.iter().filter_map(|c| Some((number(c)?, c.value.as_str()))).collect();
        let mut holders: HashMap<String, Vec<u32>> = HashMap::new();
        for row in rows.of(table) {
            let alias = match new.get(&row.number) {
                Some(alias) => (*alias).to_owned(),
                None => self.alias(table, row.number, &row.alias),
            };
            holders.entry(alias).or_default().push(row.number);
        }
        for change in changes {
            let others = holders.get(&change.value).into_iter().flatten().any(|n| Some(*n) != number(change));
            if others {
                let text = format!("{}: another row has the alias '{}'", change.path, change.value);
                faults.push((change.path.clone(), Fault::new(FaultCode::InvalidParameterValue, text)));
            }
        }
    }

    /// What the ACS writes it knows: such a value is no change to be told (C112).
    fn known_to_acs(&self, tree: &Tree, intent: &[JournalChange]) -> Vec<JournalChange> {
        let watched = |c: &&JournalChange| {
            let secret =
                tree.schema.find(&c.path).is_some_and(|id| tree.schema.node(id).flags.has(NodeFlags::SECRET));
            !secret && self.notification(tree, &c.path) != notification::OFF
        };
        let known = intent.iter().filter(watched);
        known.map(|c| JournalChange { provider: OURS.to_owned(), op: REPORTED_CHANGE, ..c.clone() }).collect()
    }

    fn count_known(&self, tree: &Tree, table: &str, count: usize) -> Option<JournalChange> {
        let name = format!("{}{COUNT_SUFFIX}", table.strip_suffix('.')?);
        (self.notification(tree, &name) != notification::OFF)
            .then(|| ours(u32::from(REPORTED_CHANGE), ValueType::UnsignedInt, &name, &count.to_string()))
    }
}

fn not_too_many(values: &[NewValue]) -> Result<(), Fault> {
    if values.len() <= MAX_CHANGES {
        return Ok(());
    }
    let text = format!("{} values in one request, {MAX_CHANGES} are allowed", values.len());
    Err(Fault::new(FaultCode::ResourcesExceeded, text))
}

/// AddObject and DeleteObject tell a path that is none from one of something that does not exist (C138).
fn malformed(error: PathError) -> Fault {
    match error {
        PathError::Malformed => Fault::new(FaultCode::InvalidArguments, error.to_string()),
        other => other.into(),
    }
}

/// What the type and facets of the agent's own parameters cannot say.
fn own_check(name: &str, text: &str) -> Result<(), Fault> {
    if name == local::URL && !text.is_empty() {
        cwmp_net::Url::parse(text)
            .map_err(|error| Fault::new(FaultCode::InvalidParameterValue, format!("{name}: {error}")))?;
    }
    Ok(())
}

fn ours(op: u32, kind: ValueType, path: &str, value: &str) -> JournalChange {
    JournalChange {
        provider: OURS.to_owned(),
        op: op_byte(op),
        kind: kind.number(),
        path: path.to_owned(),
        value: value.to_owned(),
    }
}

/// Operations are small numbers.
pub(super) fn op_byte(op: u32) -> u8 {
    u8::try_from(op).unwrap_or_default()
}
