//! Rows as a [`State`].

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};

use crate::access_list;
use crate::state::{Attribute, Event, Instance, Reported, Scheduled, State, Transaction};
use crate::write::phase_text;
use crate::{JournalChange, Phase, StoreError};

/// Reads everything that this build knows. A row that it cannot read (a phase that only a newer agent has) is
/// left where it is, and logged without its content.
pub(crate) fn load(connection: &Connection) -> Result<State, StoreError> {
    let mut state = State::default();
    read(connection, "events", "seq, code, command_key, data", |row| {
        let event = Event { code: row.get(1)?, command_key: row.get(2)?, data: row.get(3)? };
        state.events.insert(number(row, 0)?, event);
        Ok(())
    })?;
    read(connection, "settings", "path, value", |row| {
        state.settings.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    read(connection, "meta", "key, value", |row| {
        state.meta.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    read(connection, "attributes", "path, notification, access_list", |row| {
        let access_list: Option<String> = row.get(2)?;
        let attribute = Attribute {
            notification: row.get(1)?,
            access_list: access_list.map(|text| access_list::decode(&text)),
        };
        state.attributes.insert(row.get(0)?, attribute);
        Ok(())
    })?;
    read(connection, "reported_values", "path, kind, value", |row| {
        state.reported.insert(row.get(0)?, Reported { kind: row.get(1)?, value: row.get(2)? });
        Ok(())
    })?;
    read(connection, "pending_changes", "path", |row| {
        state.pending.insert(row.get(0)?);
        Ok(())
    })?;
    load_tables(connection, &mut state)?;
    load_journal(connection, &mut state)?;
    read(connection, "schedule", "id, due_unix, command_key", |row| {
        let scheduled = Scheduled { due_unix: row.get(1)?, command_key: row.get(2)? };
        state.schedule.insert(number(row, 0)?, scheduled);
        Ok(())
    })?;
    Ok(state)
}

fn load_tables(connection: &Connection, state: &mut State) -> Result<(), StoreError> {
    read(connection, "instance_tables", "table_path, highest_number", |row| {
        let highest = row.get(1)?;
        state.tables.entry(row.get(0)?).or_default().raise(highest);
        Ok(())
    })?;
    read(connection, "instances", "table_path, number, stable_key, alias", |row| {
        let (number, instance) = (row.get(1)?, Instance { key: row.get(2)?, alias: row.get(3)? });
        let table = state.tables.entry(row.get(0)?).or_default();
        // A row that was put in by hand must not get its number given out again.
        table.raise(number);
        table.rows.insert(number, instance);
        Ok(())
    })
}

fn load_journal(connection: &Connection, state: &mut State) -> Result<(), StoreError> {
    read(connection, "transactions", "txn, phase", |row| {
        let phase = phase(row, 1)?;
        state.transactions.insert(number(row, 0)?, Transaction { phase, changes: Vec::new() });
        Ok(())
    })?;
    // The primary key is (txn, position): the table's own order is the order of the changes.
    read(connection, "transaction_changes", "txn, provider, op, kind, path, value", |row| {
        let txn = number(row, 0)?;
        let change = change(row);
        if change.is_err() {
            // All of it is carried through or nothing, so it is left to who can read it.
            state.transactions.remove(&txn);
        }
        if let (Ok(change), Some(transaction)) = (&change, state.transactions.get_mut(&txn)) {
            transaction.changes.push(change.clone());
        }
        change.map(|_| ())
    })
}

fn change(row: &Row) -> rusqlite::Result<JournalChange> {
    Ok(JournalChange {
        provider: row.get(1)?,
        op: row.get(2)?,
        kind: row.get(3)?,
        path: row.get(4)?,
        value: row.get(5)?,
    })
}

fn read(
    connection: &Connection,
    table: &'static str,
    columns: &str,
    mut keep: impl FnMut(&Row) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let mut visit = || {
        let mut unreadable = 0_u32;
        let mut statement = connection.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if keep(row).is_err() {
                unreadable += 1;
            }
        }
        Ok(unreadable)
    };
    let unreadable = visit().map_err(|source| StoreError::Load { table, source })?;
    if unreadable > 0 {
        tracing::warn!(table, unreadable, "rows of the store cannot be read by this version, ignoring");
    }
    Ok(())
}

fn number(row: &Row, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    Ok(u64::from_ne_bytes(number.to_ne_bytes()))
}

fn phase(row: &Row, column: usize) -> rusqlite::Result<Phase> {
    let value = row.get_ref(column)?;
    let text = String::column_result(value)?;
    [Phase::Prepare, Phase::Commit]
        .into_iter()
        .find(|phase| phase_text(*phase) == text)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(column, "phase".into(), value.data_type()))
}
