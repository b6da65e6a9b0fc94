//! Which rows there are. While the ACS is in session the lists stay as they were first seen (decision: lists are fixed
//! for a session); anyone else sees them live.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cwmp_model::path;
use cwmp_model::schema::{NodeId, Owner, Row};
use cwmp_model::{Fault, FaultCode, NodeKind};
use futures_util::future::join_all;

use super::names::outermost_table;
use super::read::no_such;
use super::tree::{Tree, AGENT};
use super::{lock, Core};
use crate::provider::{words, Origin, ReportedRow, Tables};

/// The rows that the ACS sees in its session.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Whether there is a session.
    open: bool,
    /// Whether the ACS has asked for something: from then on tree and lists stay.
    fixed: bool,
    /// The rows of each provider that was asked; nothing if one was away.
    fetched: HashMap<Owner, Option<Arc<Tables>>>,
}

/// The rows that one request sees.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// One for each provider; a session's requests share them.
    tables: Vec<Arc<Tables>>,
    /// Providers that did not say which rows they have, with the reason.
    away: HashMap<Owner, Fault>,
}

impl View {
    /// Whether what the ACS sees stays.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed
    }
}

impl Rows {
    /// The rows of a table by its name, ascending.
    pub(super) fn of(&self, table: &str) -> &[ReportedRow] {
        self.tables.iter().find_map(|tables| tables.get(table)).map_or(&[], Vec::as_slice)
    }

    /// One row.
    pub(super) fn row(&self, table: &str, number: u32) -> Option<&ReportedRow> {
        let rows = self.of(table);
        rows.binary_search_by_key(&number, |r| r.number).ok().map(|i| &rows[i])
    }

    /// Why the rows of a provider are not known.
    pub(super) fn away(&self, owner: Owner) -> Option<&Fault> {
        self.away.get(&owner)
    }

    /// Whether nothing is known of the outermost table that a name goes through.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        let mut from = 0;
        while let Some(dot) = name[from..].find('.') {
            if path::instance_number(&name[from..from + dot]).is_some() {
                return !self.tables.iter().any(|tables| tables.contains_key(&name[..from]));
            }
            from += dot + 1;
        }
        true
    }

    /// The fault for a name that goes through a row which does not exist, as far as is known.
    pub(super) fn missing(&self, tree: &Tree, name: &str) -> Fault {
        let away = owners_of_rows(tree, name, false).into_iter().find_map(|owner| self.away(owner).cloned());
        away.unwrap_or_else(|| no_such(name))
    }

    /// In the form that the schema wants them, for a listing of `name`: of a table above it, only the row on the way.
    pub(super) fn for_schema(&self, table: &str, name: &str) -> Vec<Row> {
        let rows = self.of(table);
        let on_the_way = name.strip_prefix(table).and_then(|rest| rest.split('.').next());
        let rows = match on_the_way.and_then(path::instance_number) {
            Some(number) => self.row(table, number).map_or(&[][..], std::slice::from_ref),
            None => rows,
        };
        rows.iter().map(|r| Row { number: r.number, deletable: r.deletable }).collect()
    }

    /// Whether every row that the name goes through exists.
    pub(super) fn exist(&self, name: &str) -> bool {
        let mut from = 0;
        while let Some(dot) = name[from..].find('.') {
            if let Some(number) = path::instance_number(&name[from..from + dot]) {
                if self.row(&name[..from], number).is_none() {
                    return false;
                }
            }
            from += dot + 1;
        }
        true
    }
}

/// Whether a name goes through a row.
pub(super) fn has_row(name: &str) -> bool {
    name.split('.').any(|part| path::instance_number(part).is_some())
}

impl Core {
    /// A session begins: its lists are not seen yet.
    pub(crate) fn view_opens(&self) {
        *lock(&self.view) = View { open: true, ..View::default() };
    }

    /// The ACS asks for something: what it sees from now on stays until the session ends.
    pub(super) fn view_fixes(&self) {
        lock(&self.view).fixed = true;
    }

    /// The session is over.
    pub(crate) fn view_closes(&self) {
        *lock(&self.view) = View::default();
    }

    /// Whether the ACS has looked at the lists of this session already.
    pub(super) fn view_is_fixed(&self) -> bool {
        let view = lock(&self.view);
        view.open && view.fixed
    }

    /// The rows of these providers' tables. A provider that is away has none, and is named.
    pub(super) async fn rows(&self, tree: &Tree, owners: &[Owner], below: &str, origin: Origin) -> Rows {
        let mut rows = Rows::default();
        // All at once: providers that hang cost the time of one.
        let asked = owners.iter().map(|owner| self.fetch_rows(tree, *owner, below, origin));
        for (owner, answer) in owners.iter().zip(join_all(asked).await) {
            match answer {
                Ok(tables) => rows.tables.push(tables),
                Err(fault) => {
                    rows.away.insert(*owner, fault);
                }
            }
        }
        rows
    }

    /// The rows that these names go through and, with `below`, those of the tables at or below them. Each provider is
    /// asked once, whatever the number of names.
    pub(super) async fn rows_along(&self, tree: &Tree, names: &[&str], below: bool, origin: Origin) -> Rows {
        let mut owners = Vec::new();
        let mut table = None;
        for name in names {
            owners.extend(owners_of_rows(tree, name, below));
            let outermost = outermost_table(name);
            table = Some(if table.is_none_or(|known| known == outermost) { outermost } else { "" });
        }
        owners.sort_unstable();
        owners.dedup();
        self.rows(tree, &owners, table.unwrap_or_default(), origin).await
    }

    async fn fetch_rows(
        &self,
        tree: &Tree,
        owner: Owner,
        below: &str,
        origin: Origin,
    ) -> Result<Arc<Tables>, Fault> {
        if owner == AGENT {
            return self.own_tables().await.map(Arc::new);
        }
        let acs = matches!(origin, Origin::Acs(_));
        if acs {
            let view = lock(&self.view);
            match view.fetched.get(&owner) {
                Some(Some(tables)) => return Ok(Arc::clone(tables)),
                Some(None) => {
                    let name = tree.owner_name(owner);
                    return Err(Fault::new(FaultCode::InternalError, format!("provider {name} is away")));
                }
                None => {}
            }
        }
        // A session keeps the whole list of a provider, so that all its requests see the same.
        let wanted = if acs || below.is_empty() { "Device." } else { below };
        let answer = match self.line(tree, owner).await {
            Ok(line) => line.instances(&[wanted]).await.map_err(super::write::fault_of),
            Err(fault) => Err(fault),
        };
        let name = tree.owner_name(owner);
        let mut tables = match answer {
            Ok(tables) => tables,
            Err(fault) => {
                tracing::warn!("provider {name}: its rows are not known: {}", fault.text);
                if acs {
                    lock(&self.view).fetched.insert(owner, None);
                }
                return Err(fault);
            }
        };
        let mut strange = None;
        tables.retain(|table, _| {
            let known = tree.schema.find(table).is_some_and(|id| tree.table_owner(id) == Some(owner));
            if !known && strange.is_none() {
                strange = Some(words(table).to_owned());
            }
            known
        });
        if let Some(table) = strange {
            // One line, however many there are.
            tracing::warn!("provider {name}: it reports rows of {table}, which is not its table, ignoring");
        }
        let tables = Arc::new(tables);
        if acs {
            lock(&self.view).fetched.insert(owner, Some(Arc::clone(&tables)));
        }
        Ok(tables)
    }

    /// A row was added in this session: the ACS made it, so it sees it. Lists that were not fetched yet will have it anyway.
    pub(super) fn view_adds(&self, table: &str, row: ReportedRow) {
        let tree = self.tree();
        let Some(owner) = tree.schema.find(table).and_then(|id| tree.table_owner(id)) else { return };
        if let Some(Some(tables)) = lock(&self.view).fetched.get_mut(&owner) {
            let rows = Arc::make_mut(tables).entry(table.to_owned()).or_default();
            if let Err(at) = rows.binary_search_by_key(&row.number, |r| r.number) {
                rows.insert(at, row);
            }
        }
    }

    /// A row was removed in this session, with everything below it, whoever serves that.
    pub(super) fn view_removes(&self, row: &str) {
        let Some((table, number)) = path::split_row(row) else { return };
        for tables in lock(&self.view).fetched.values_mut().flatten() {
            let tables = Arc::make_mut(tables);
            if let Some(rows) = tables.get_mut(table) {
                rows.retain(|r| r.number != number);
            }
            tables.retain(|table, _| !table.starts_with(row));
        }
    }
}

/// The owners of the tables that a name goes through, and of those at or below it.
pub(super) fn owners_of_rows(tree: &Tree, name: &str, below: bool) -> Vec<Owner> {
    let mut owners = HashSet::new();
    let mut from = 0;
    while let Some(dot) = name[from..].find('.') {
        from += dot + 1;
        let id = tree.schema.find(&name[..from]);
        if let Some(owner) = id.filter(|id| is_table(tree, *id)).and_then(|id| tree.table_owner(id)) {
            owners.insert(owner);
        }
    }
    if below {
        if let Some(id) = tree.schema.find(name) {
            owners.extend(tree.table_owners_below(id));
        }
    }
    let mut owners: Vec<Owner> = owners.into_iter().collect();
    owners.sort_unstable();
    owners
}

fn is_table(tree: &Tree, id: NodeId) -> bool {
    tree.schema.node(id).kind == NodeKind::Table
}
