//! The tables, and how an older file gets them.
//!
//! A migration only adds: a table, an index, or a column that may be NULL or has a default. So an older agent
//! works on a newer file, and a newer one finds its own additions untouched when it returns.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// `cwmp` in ASCII: the mark in the file's header.
pub(crate) const APPLICATION_ID: i32 = 0x6377_6d70;

/// Step N brings a file from `user_version` N to N + 1. A released step is never edited.
const MIGRATIONS: [&str; 2] = [
    "CREATE TABLE events (
        seq INTEGER PRIMARY KEY, code TEXT NOT NULL, command_key TEXT NOT NULL, data TEXT NOT NULL);
    CREATE TABLE settings (path TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE attributes (path TEXT PRIMARY KEY, notification INTEGER, access_list TEXT) WITHOUT ROWID;
    CREATE TABLE reported_values (
        path TEXT PRIMARY KEY, kind INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE pending_changes (path TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE instance_tables (table_path TEXT PRIMARY KEY, highest_number INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE instances (
        table_path TEXT NOT NULL, number INTEGER NOT NULL, stable_key TEXT, alias TEXT,
        PRIMARY KEY (table_path, number)) WITHOUT ROWID;",
    "CREATE TABLE transactions (txn INTEGER PRIMARY KEY, phase TEXT NOT NULL);
    CREATE TABLE transaction_changes (
        txn INTEGER NOT NULL, position INTEGER NOT NULL, provider TEXT NOT NULL, op INTEGER NOT NULL,
        kind INTEGER NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (txn, position)) WITHOUT ROWID;
    CREATE TABLE schedule (id INTEGER PRIMARY KEY, due_unix INTEGER NOT NULL, command_key TEXT NOT NULL);",
];

/// The mark of the program that made the file; 0 when there is none.
pub(crate) fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Adds what this build knows and the file lacks, in one commit. A newer file is left as it is.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? >= MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    for step in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
