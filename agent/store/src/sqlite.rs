//! The store in a file.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::write::Outcome;
use crate::{aside, load, schema, write, Op, State, Store, StoreError};

/// `SQLite`'s page cache, in KiB. The whole store of a box is not much larger.
const CACHE_KIB: i32 = 256;

/// How much `SQLite` should use in this process. Advice, not a limit.
const SOFT_HEAP_BYTES: i32 = 512 * 1024;

/// After how many pages the log is written back: rarely enough for the flash, soon enough for a log of
/// half a megabyte.
const CHECKPOINT_PAGES: i32 = 128;

/// The log is cut back to this after it was written back.
const LOG_BYTES: i32 = 512 * 1024;

/// Statements kept compiled. A session uses about ten different ones.
const CACHED_STATEMENTS: usize = 16;

/// A batch of more ops than this leaves memory behind that is worth giving back.
const LARGE_BATCH: usize = 128;

/// The store in a `SQLite` file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    commits: u64,
}

impl SqliteStore {
    /// Opens the file, makes it when it is not there, and brings an older one to this build's schema.
    ///
    /// The directory gets mode 0700 when it has to be made; the file always gets 0600, and `SQLite` gives its
    /// log the same. [`open`](crate::open) is the same with an answer to every failure.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        aside::create(path).map_err(|source| StoreError::Create { path: path.into(), source })?;
        let failed = |source| StoreError::Open { path: path.into(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        if connection.is_readonly("main").map_err(failed)? {
            return Err(StoreError::ReadOnly { path: path.into() });
        }
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        let id = schema::application_id(&connection).map_err(failed)?;
        if id != 0 && id != schema::APPLICATION_ID {
            return Err(StoreError::Foreign { path: path.into(), id });
        }
        configure(&connection).map_err(failed)?;
        check(&connection, path)?;
        schema::migrate(&mut connection).map_err(failed)?;
        Ok(Self { connection, path: path.into(), commits: 0 })
    }

    fn write(&mut self, batch: &[Op]) -> Result<(), StoreError> {
        let failed = |source| StoreError::Commit { source };
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        for op in batch {
            if let Outcome::UnknownTransaction(txn) = write::apply(&transaction, op).map_err(failed)? {
                return Err(StoreError::UnknownTransaction { txn });
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Stores a batch with a factory reset, and leaves nothing of what was there in the files.
    fn write_over(&mut self, batch: &[Op]) -> Result<(), StoreError> {
        // Before the commit: after it, nobody would come back to do this.
        aside::remove_all(&self.path);
        self.write(batch)?;
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the log of the wiped store is not cut back, ignoring");
        }
        Ok(())
    }

    fn shrink(&self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
            tracing::debug!(%error, "memory of the store is not given back, ignoring");
        }
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<State, StoreError> {
        let state = load::load(&self.connection);
        self.shrink();
        state
    }

    fn commit(&mut self, batch: &[Op]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let result = if batch.iter().any(|op| matches!(op, Op::Wipe { .. })) {
            self.write_over(batch)
        } else {
            self.write(batch)
        };
        if result.is_ok() {
            self.commits += 1;
        }
        if batch.len() > LARGE_BATCH {
            self.shrink();
        }
        result
    }

    fn commits(&self) -> u64 {
        self.commits
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        // The same guarantee, with more writes.
        tracing::warn!(mode, "the file system has no write-ahead log for the store, ignoring");
    }
    pragma(connection, "synchronous", "FULL")?;
    pragma(connection, "cache_size", -CACHE_KIB)?;
    pragma(connection, "mmap_size", 0)?;
    pragma(connection, "temp_store", "MEMORY")?;
    pragma(connection, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    pragma(connection, "journal_size_limit", LOG_BYTES)?;
    pragma(connection, "soft_heap_limit", SOFT_HEAP_BYTES)?;
    // What a factory reset deletes must not be found in free pages, and neither what was deleted before it.
    pragma(connection, "secure_delete", "ON")?;
    // A newer agent's references must not stop a factory reset.
    pragma(connection, "foreign_keys", "OFF")
}

/// Some pragmas answer and some do not; the answer is not wanted.
fn pragma(connection: &Connection, name: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        other => Err(other),
    })
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let finding: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| StoreError::Open { path: path.into(), source })?;
    if finding == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged { path: path.into(), finding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, size: usize) -> Op {
        Op::PutEvent { seq, code: String::new(), command_key: String::new(), data: "x".repeat(size) }
    }

    #[test]
    fn a_full_database_refuses_the_batch_whole_and_takes_a_later_one() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
        store.commit(&[event(1, 10)]).unwrap();
        let before = store.load().unwrap();
        pragma(&store.connection, "max_page_count", 1).unwrap();
        let error = store.commit(&[Op::RemoveEvent { seq: 1 }, event(2, 100_000)]).unwrap_err();
        assert!(error.is_full(), "{error}");
        assert_eq!((store.load().unwrap(), store.commits()), (before, 1));
        pragma(&store.connection, "max_page_count", 10_000).unwrap();
        store.commit(&[event(2, 100_000)]).unwrap();
        assert_eq!((store.load().unwrap().events.len(), store.commits()), (2, 2));
    }

    #[test]
    fn the_file_is_set_up_to_survive_a_power_cut_in_little_memory() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
        let text = |name: &str| -> String {
            let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            store.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let number = |name: &str| -> i64 {
            store.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
        };
        assert_eq!(text("journal_mode"), "wal");
        assert_eq!(number("synchronous"), 2, "FULL");
        assert_eq!(number("cache_size"), i64::from(-CACHE_KIB));
        assert_eq!(number("wal_autocheckpoint"), i64::from(CHECKPOINT_PAGES));
        assert_eq!(number("journal_size_limit"), i64::from(LOG_BYTES));
        assert_eq!(number("soft_heap_limit"), i64::from(SOFT_HEAP_BYTES));
        assert_eq!((number("secure_delete"), number("temp_store"), number("foreign_keys")), (1, 2, 0));
    }
}
