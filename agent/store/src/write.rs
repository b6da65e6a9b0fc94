//! Ops as SQL, within a transaction that the caller ends.
//!
//! Upserts name their columns, so that columns which a newer agent added keep what is in them.

use rusqlite::{params, Connection};

use crate::access_list;
use crate::{JournalChange, Op, Phase};

/// What an op came to.
pub(crate) enum Outcome {
    Applied,
    /// The batch must not be stored.
    UnknownTransaction(u64),
}

pub(crate) fn apply(connection: &Connection, op: &Op) -> rusqlite::Result<Outcome> {
    let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params))
    };
    match op {
        Op::PutEvent { seq, code, command_key, data } => run(
            "INSERT INTO events (seq, code, command_key, data) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (seq) DO UPDATE SET code = ?2, command_key = ?3, data = ?4",
            params![column(*seq), code, command_key, data],
        ),
        Op::RemoveEvent { seq } => run("DELETE FROM events WHERE seq = ?1", params![column(*seq)]),
        Op::PutSetting { path, value } => run(
            "INSERT INTO settings (path, value) VALUES (?1, ?2)
             ON CONFLICT (path) DO UPDATE SET value = ?2",
            params![path, value],
        ),
        Op::RemoveSetting { path } => run("DELETE FROM settings WHERE path = ?1", params![path]),
        Op::PutMeta { key, value } => run(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = ?2",
            params![key, value],
        ),
        Op::RemoveMeta { key } => run("DELETE FROM meta WHERE key = ?1", params![key]),
        Op::PutAttribute { path, notification, access_list } => run(
            "INSERT INTO attributes (path, notification, access_list) VALUES (?1, ?2, ?3)
             ON CONFLICT (path) DO UPDATE SET notification = ?2, access_list = ?3",
            params![path, notification, access_list.as_deref().map(access_list::encode)],
        ),
        Op::RemoveAttribute { path } => run("DELETE FROM attributes WHERE path = ?1", params![path]),
        Op::RemoveAttributesUnder { prefix } => run(
            "DELETE FROM attributes WHERE path >= ?1 AND path < CAST(?2 AS TEXT)",
            params![prefix, end_of(prefix)],
        ),
        Op::PutReported { path, kind, value } => run(
            "INSERT INTO reported_values (path, kind, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (path) DO UPDATE SET kind = ?2, value = ?3",
            params![path, kind, value],
        ),
        Op::RemoveReported { path } => run("DELETE FROM reported_values WHERE path = ?1", params![path]),
        Op::RemoveReportedUnder { prefix } => run(
            "DELETE FROM reported_values WHERE path >= ?1 AND path < CAST(?2 AS TEXT)",
            params![prefix, end_of(prefix)],
        ),
        Op::PutPending { path } => {
            run("INSERT INTO pending_changes (path) VALUES (?1) ON CONFLICT (path) DO NOTHING", params![path])
        }
        Op::RemovePending { path } => run("DELETE FROM pending_changes WHERE path = ?1", params![path]),
        Op::PutInstance { table, number, key, alias } => raise(connection, table, *number).and_then(|_| {
            run(
                "INSERT INTO instances (table_path, number, stable_key, alias) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (table_path, number) DO UPDATE SET stable_key = ?3, alias = ?4",
                params![table, number, key, alias],
            )
        }),
        Op::RemoveInstance { table, number } => {
            run("DELETE FROM instances WHERE table_path = ?1 AND number = ?2", params![table, number])
        }
        Op::PutHighWater { table, next } => raise(connection, table, next.saturating_sub(1)),
        Op::PutTransaction { txn, phase, changes } => put_transaction(connection, *txn, *phase, changes),
        Op::SetPhase { txn, phase } => {
            let changed = run(
                "UPDATE transactions SET phase = ?2 WHERE txn = ?1",
                params![column(*txn), phase_text(*phase)],
            )?;
            if changed == 0 {
                return Ok(Outcome::UnknownTransaction(*txn));
            }
            Ok(changed)
        }
        Op::RemoveTransaction { txn } => {
            run("DELETE FROM transactions WHERE txn = ?1", params![column(*txn)])
                .and_then(|_| run("DELETE FROM transaction_changes WHERE txn = ?1", params![column(*txn)]))
        }
        Op::PutSchedule { id, due_unix, command_key } => run(
            "INSERT INTO schedule (id, due_unix, command_key) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET due_unix = ?2, command_key = ?3",
            params![column(*id), due_unix, command_key],
        ),
        Op::RemoveSchedule { id } => run("DELETE FROM schedule WHERE id = ?1", params![column(*id)]),
        Op::Wipe { keep_meta } => wipe(connection, keep_meta),
    }
    .map(|_| Outcome::Applied)
}

/// A number as `SQLite`'s signed integer, bit for bit: ids may use all 64 bits.
pub(crate) fn column(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

/// The column's word for a phase.
pub(crate) fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "prepare",
        Phase::Commit => "commit",
    }
}

/// What sorts after every text with this prefix: no UTF-8 text has a byte 0xFF.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    end.push(0xff);
    end
}

fn raise(connection: &Connection, table: &str, highest: u32) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO instance_tables (table_path, highest_number) VALUES (?1, ?2)
             ON CONFLICT (table_path) DO UPDATE SET highest_number = ?2 WHERE highest_number < ?2",
        )?
        .execute(params![table, highest])
}

fn put_transaction(
    connection: &Connection,
    txn: u64,
    phase: Phase,
    changes: &[JournalChange],
) -> rusqlite::Result<usize> {
    let txn = column(txn);
    connection
        .prepare_cached(
            "INSERT INTO transactions (txn, phase) VALUES (?1, ?2)
             ON CONFLICT (txn) DO UPDATE SET phase = ?2",
        )?
        .execute(params![txn, phase_text(phase)])?;
    connection.prepare_cached("DELETE FROM transaction_changes WHERE txn = ?1")?.execute(params![txn])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO transaction_changes (txn, position, provider, op, kind, path, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (position, change) in changes.iter().enumerate() {
        let JournalChange { provider, op, kind, path, value } = change;
        insert.execute(params![txn, position, provider, op, kind, path, value])?;
    }
    Ok(changes.len())
}

/// Empties the tables that are there, not those that this build knows: a newer agent's records are the
/// owner's data too.
fn wipe(connection: &Connection, keep_meta: &[String]) -> rusqlite::Result<usize> {
    let tables = names(
        connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    for table in tables.iter().filter(|table| *table != "meta") {
        connection.execute(&format!("DELETE FROM \"{}\"", table.replace('"', "\"\"")), [])?;
    }
    for key in names(connection, "SELECT key FROM meta")? {
        if !keep_meta.contains(&key) {
            connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
        }
    }
    Ok(tables.len())
}

fn names(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}
