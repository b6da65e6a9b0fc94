//! The plugin's key-value store and the events that wait for the agent: one SQLite file for each plugin.
//!
//! What is put while a commit is under way is gathered in memory and written with one transaction when the commit has
//! succeeded, so that the values of a commit are there as a whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cwmp_plugin_abi::STORE_VALUE_MAX;
use rusqlite::{params, Connection, OptionalExtension as _};

use crate::setup::close;

/// The most bytes of a key.
pub(crate) const MAX_KEY: usize = 1024;
/// The most keys of a plugin.
pub(crate) const MAX_KEYS: usize = 16_384;
/// The most events that wait for the agent.
pub(crate) const MAX_EVENTS: usize = 256;
/// The most bytes of the file: pages of 4096 bytes.
const MAX_PAGES: u32 = 16_384;

/// A later version only adds: a table, an index, or a column that may be NULL or has a default. So an older host works on a
/// newer file, and leaves in it what it does not know.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, arguments TEXT NOT NULL);";
/// Counts the schema, in the file. A file of a newer version keeps its own.
const VERSION: i32 = 1;

/// Why something is not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The key is empty or too long, or the value is.
    #[error("a key has 1 to {MAX_KEY} bytes, a value at most {STORE_VALUE_MAX}")]
    Size,
    /// There are enough keys or events.
    #[error("the store is full: {MAX_KEYS} keys, {MAX_EVENTS} events")]
    Full,
    /// SQLite says no.
    #[error("the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// An event that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its row.
    pub(crate) id: i64,
    /// The event code.
    pub(crate) name: String,
    /// Its arguments.
    pub(crate) arguments: BTreeMap<String, String>,
}

type Buffer = BTreeMap<String, Option<Vec<u8>>>;

#[derive(Debug)]
struct Inner {
    file: Option<PathBuf>,
    connection: Option<Connection>,
    keys: usize,
    buffer: Option<Buffer>,
    /// How many values the buffer has.
    gathered: usize,
}

/// A plugin's store. Every method may be called from any thread.
#[derive(Debug)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
}

impl Store {
    /// A store in `folder`, or in memory. The file is opened when it is first needed.
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        let file = folder.map(|f| f.join("store.db"));
        Self { inner: Mutex::new(Inner { file, connection: None, keys: 0, buffer: None, gathered: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic leaves the connection as SQLite left it, which is in order.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a file from before.
    pub(crate) fn exists(&self) -> bool {
        self.lock().file.as_ref().is_some_and(|f| f.exists())
    }

    /// Puts a value: durable on return, or gathered while a commit is under way.
    pub(crate) fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        if value.len() > STORE_VALUE_MAX {
            return Err(StoreError::Size);
        }
        self.change(key, Some(value))
    }

    /// Deletes a key, which need not exist.
    pub(crate) fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.change(key, None)
    }

    fn change(&self, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(StoreError::Size);
        }
        let mut inner = self.lock();
        if value.is_some() && inner.count()? >= MAX_KEYS && inner.get(key)?.is_none() {
            return Err(StoreError::Full);
        }
        let value = value.map(<[u8]>::to_vec);
        if let Some(buffer) = &mut inner.buffer {
            let more = usize::from(value.is_some());
            let before = buffer.insert(key.to_owned(), value).flatten();
            inner.gathered = inner.gathered + more - usize::from(before.is_some());
            return Ok(());
        }
        inner.write([(key.to_owned(), value)].into())
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.lock().get(key)
    }

    /// The keys that start with `prefix`, in their order.
    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut inner = self.lock();
        let mut keys: std::collections::BTreeSet<String> = {
            let mut all = inner.open()?.prepare_cached("SELECT key FROM kv WHERE key >= ?1 ORDER BY key")?;
            let rows = all.query_map([prefix], |row| row.get::<_, String>(0))?;
            let mut keys = std::collections::BTreeSet::new();
            for key in rows {
                let key = key?;
                if !key.starts_with(prefix) {
                    break;
                }
                keys.insert(key);
            }
            keys
        };
        for (key, value) in inner.buffer.iter().flatten().filter(|(k, _)| k.starts_with(prefix)) {
            match value {
                Some(_) => keys.insert(key.clone()),
                None => keys.remove(key),
            };
        }
        Ok(keys.into_iter().collect())
    }

    /// A commit begins: from now on changes are gathered.
    pub(crate) fn begin(&self) {
        let mut inner = self.lock();
        inner.buffer = Some(Buffer::new());
        inner.gathered = 0;
    }

    /// The commit has ended: what was gathered is written, or forgotten. Without a commit nothing happens.
    pub(crate) fn end(&self, keep: bool) -> Result<(), StoreError> {
        let mut inner = self.lock();
        match inner.buffer.take() {
            Some(buffer) if keep && !buffer.is_empty() => inner.write(buffer),
            _ => Ok(()),
        }
    }

    /// Forgets everything: values and events.
    pub(crate) fn wipe(&self) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.buffer = None;
        inner.keys = 0;
        let connection = inner.open()?;
        let transaction = connection.transaction()?;
        // Those that are there, not those that this version knows: what a newer one keeps is the owner's too.
        let tables: Vec<String> = transaction
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for table in tables {
            transaction.execute(&format!("DELETE FROM \"{}\"", table.replace('"', "\"\"")), [])?;
        }
        transaction.commit()?;
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); VACUUM;")?;
        Ok(())
    }

    /// Stores an event.
    pub(crate) fn add_event(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let connection = inner.open()?;
        let count: usize = connection.query_row("SELECT count(*) FROM event", [], |row| row.get(0))?;
        if count >= MAX_EVENTS {
            return Err(StoreError::Full);
        }
        let text = serde_json::to_string(arguments).unwrap_or_default();
        connection.execute("INSERT INTO event (name, arguments) VALUES (?1, ?2)", params![name, text])?;
        Ok(())
    }

    /// The oldest event that waits.
    pub(crate) fn next_event(&self) -> Result<Option<Event>, StoreError> {
        let mut inner = self.lock();
        let event = inner
            .open()?
            .query_row("SELECT id, name, arguments FROM event ORDER BY id LIMIT 1", [], |row| {
                let text: String = row.get(2)?;
                let arguments = serde_json::from_str(&text).unwrap_or_default();
                Ok(Event { id: row.get(0)?, name: row.get(1)?, arguments })
            })
            .optional()?;
        Ok(event)
    }

    /// The agent has stored the event.
    pub(crate) fn remove_event(&self, id: i64) -> Result<(), StoreError> {
        self.lock().open()?.execute("DELETE FROM event WHERE id = ?1", [id])?;
        Ok(())
    }
}

impl Inner {
    fn open(&mut self) -> Result<&mut Connection, StoreError> {
        if self.connection.is_none() {
            let connection = match self.file.clone() {
                Some(file) => match open_or_replace(&file) {
                    Err(StoreError::Sqlite(error)) if cannot_be_written(&error) => remember(&file, &error)?,
                    opened => opened?,
                },
                None => prepare(Connection::open_in_memory()?)?,
            };
            self.keys = connection.query_row("SELECT count(*) FROM kv", [], |row| row.get(0))?;
            self.connection = Some(connection);
        }
        // It was put there just now, if it was not there before.
        self.connection.as_mut().ok_or(StoreError::Full)
    }

    fn count(&mut self) -> Result<usize, StoreError> {
        self.open()?;
        Ok(self.keys + if self.buffer.is_some() { self.gathered } else { 0 })
    }

    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.buffer.as_ref().and_then(|b| b.get(key)) {
            return Ok(value.clone());
        }
        let mut find = self.open()?.prepare_cached("SELECT value FROM kv WHERE key = ?1")?;
        Ok(find.query_row([key], |row| row.get(0)).optional()?)
    }

    fn write(&mut self, changes: Buffer) -> Result<(), StoreError> {
        let transaction = self.open()?.transaction()?;
        for (key, value) in changes {
            match value {
                Some(value) => transaction
                    .prepare_cached("INSERT INTO kv (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")?
                    .execute(params![key, value])?,
                None => transaction.prepare_cached("DELETE FROM kv WHERE key = ?1")?.execute([key])?,
            };
        }
        let keys = transaction.query_row("SELECT count(*) FROM kv", [], |row| row.get(0))?;
        transaction.commit()?;
        self.keys = keys;
        Ok(())
    }
}

/// Opens the file; one that is broken is moved aside, so that the plugin starts from its defaults instead of not at all.
fn open_or_replace(file: &Path) -> Result<Connection, StoreError> {
    match open(file) {
        Err(StoreError::Sqlite(error))
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            ) =>
        {
            let aside = file.with_extension("broken");
            tracing::error!("{}: {error}; moved to {}, starting anew", file.display(), aside.display());
            let _ = std::fs::rename(file, &aside);
            for extension in ["db-wal", "db-shm"] {
                let _ = std::fs::remove_file(file.with_extension(extension));
            }
            open(file)
        }
        other => other,
    }
}

/// Whether nothing can be kept in the file at the moment, through no fault of its content.
fn cannot_be_written(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
    let codes = [CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

/// A copy in memory of what can be read: a plugin that forgets with its process is better than none.
fn remember(file: &Path, error: &rusqlite::Error) -> Result<Connection, StoreError> {
    let connection = prepare(Connection::open_in_memory()?)?;
    let copy = |mode: &str| -> rusqlite::Result<()> {
        connection.execute("ATTACH ?1 AS old", [uri(file, mode)])?;
        let copied = connection.execute_batch(
            "BEGIN; INSERT INTO kv SELECT key, value FROM old.kv;
             INSERT INTO event SELECT id, name, arguments FROM old.event; COMMIT;",
        );
        if copied.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        connection.execute_batch("DETACH old")?;
        copied
    };
    // Without a log, SQLite wants to make one even for reading, unless it is told that the file cannot change. Then it
    // passes over a log that is there, and the newest values in it.
    let has_log = || std::fs::metadata(file.with_extension("db-wal")).is_ok_and(|log| log.len() > 0);
    let copied = copy("mode=ro").is_ok() || (!has_log() && copy("immutable=1").is_ok());
    tracing::error!(
        "{}: {error}; {}, and what the plugin stores will not survive",
        file.display(),
        if copied { "what it has was read" } else { "starting empty" }
    );
    Ok(connection)
}

fn uri(file: &Path, mode: &str) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let escaped = file.as_os_str().as_bytes().iter().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    format!("file:{}?{mode}", escaped.collect::<String>())
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // SQLite gives its journal the mode of the file. What goes wrong here, SQLite says better below.
    let opened = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file);
    if opened.is_ok() {
        close(file);
    }
    let connection = prepare(Connection::open(file)?)?;
    // Where the schema is there already, nothing has been written so far.
    if connection.is_readonly("main")? {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(StoreError::Sqlite(rusqlite::Error::SqliteFailure(code, None)));
    }
    Ok(connection)
}

fn prepare(connection: Connection) -> Result<Connection, StoreError> {
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -64)?;
    connection.pragma_update(None, "wal_autocheckpoint", 64)?;
    connection.pragma_update(None, "max_page_count", MAX_PAGES)?;
    connection.execute_batch(SCHEMA)?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < VERSION {
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn values_survive_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Some(folder.path()));
        store.put("a/1", b"one").unwrap();
        store.put("a/2", b"two").unwrap();
        store.put("b", b"").unwrap();
        store.delete("a/1").unwrap();
        let are_closed = || {
            let files = std::fs::read_dir(folder.path()).unwrap();
            files.into_iter().all(|file| file.unwrap().metadata().unwrap().mode() & 0o777 == 0o600)
        };
        assert!(are_closed());
        drop(store);
        // As a restored backup may be.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(folder.path().join("store.db"), open).unwrap();
        assert!(!are_closed());
        let store = Store::new(Some(folder.path()));
        store.put("a/2", b"two").unwrap();
        assert!(are_closed());
        assert_eq!(store.list("").unwrap(), ["a/2", "b"]);
        assert_eq!(store.list("a").unwrap(), ["a/2"]);
        assert_eq!(store.get("a/2").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(store.get("a/1").unwrap(), None);
    }

    #[test]
    fn a_commit_is_stored_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Some(folder.path()));
        let other = Store::new(Some(folder.path()));
        store.put("a", b"old").unwrap();
        for keep in [false, true] {
            store.begin();
            store.put("a", b"new").unwrap();
            store.put("b", b"new").unwrap();
            assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"new"[..]));
            assert_eq!(store.list("").unwrap(), ["a", "b"]);
            assert_eq!(other.get("a").unwrap().as_deref(), Some(&b"old"[..]));
            store.end(keep).unwrap();
            let expected: &[u8] = if keep { b"new" } else { b"old" };
            assert_eq!(store.get("a").unwrap().as_deref(), Some(expected));
            assert_eq!(other.get("b").unwrap().is_some(), keep);
        }
    }

    #[test]
    fn keys_values_and_events_are_limited() {
        let store = Store::new(None);
        assert!(matches!(store.put("", b""), Err(StoreError::Size)));
        assert!(matches!(store.put(&"k".repeat(MAX_KEY + 1), b""), Err(StoreError::Size)));
        assert!(matches!(store.put("k", &vec![0; STORE_VALUE_MAX + 1]), Err(StoreError::Size)));
        store.put("k", &vec![0; STORE_VALUE_MAX]).unwrap();
        store.begin();
        for n in 1..MAX_KEYS {
            store.put(&format!("{n}"), b"").unwrap();
        }
        assert!(matches!(store.put("more", b""), Err(StoreError::Full)));
        store.put("k", b"again").unwrap();
        store.end(true).unwrap();
        assert!(matches!(store.put("more", b""), Err(StoreError::Full)));
        store.delete("1").unwrap();
        store.put("more", b"").unwrap();
        for _ in 0..MAX_EVENTS {
            store.add_event("X 000000 A", &BTreeMap::new()).unwrap();
        }
        assert!(matches!(store.add_event("X 000000 A", &BTreeMap::new()), Err(StoreError::Full)));
    }

    #[test]
    fn events_wait_in_their_order_until_they_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let store = Store::new(Some(folder.path()));
        store.add_event("X 000000 A", &arguments).unwrap();
        store.add_event("X 000000 B", &BTreeMap::new()).unwrap();
        drop(store);
        let store = Store::new(Some(folder.path()));
        let first = store.next_event().unwrap().unwrap();
        assert_eq!((first.name.as_str(), &first.arguments), ("X 000000 A", &arguments));
        store.remove_event(first.id).unwrap();
        assert_eq!(store.next_event().unwrap().unwrap().name, "X 000000 B");
        store.wipe().unwrap();
        assert_eq!(store.next_event().unwrap(), None);
    }

    /// Firmware rolls back: what a newer host added is there when it returns, but does not outlive a factory reset.
    #[test]
    fn a_file_of_a_newer_version_is_used_and_what_it_has_more_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        Store::new(Some(folder.path())).put("a", b"old").unwrap();
        let file = || Connection::open(folder.path().join("store.db")).unwrap();
        file().execute_batch(include_str!("../tests/stores/newer.sql")).unwrap();
        let store = Store::new(Some(folder.path()));
        assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"old"[..]));
        store.put("a", b"new").unwrap();
        store.put("b", b"new").unwrap();
        store.add_event("X 000000 A", &BTreeMap::new()).unwrap();
        drop(store);
        let text = |sql: &str| -> String { file().query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(
            text("SELECT group_concat(key || ' ' || CAST(value AS TEXT) || ' ' || origin, ',') FROM kv"),
            "a new acs,b new plugin,later/what a plugin of tomorrow plugin"
        );
        assert_eq!(text("SELECT pem FROM certificate"), "PEM");
        assert_eq!(text("SELECT CAST(user_version AS TEXT) FROM pragma_user_version"), "99");
        let store = Store::new(Some(folder.path()));
        assert_eq!(store.next_event().unwrap().unwrap().name, "X 000000 A");
        store.wipe().unwrap();
        assert_eq!(
            text("SELECT CAST((SELECT count(*) FROM certificate) + (SELECT count(*) FROM kv) AS TEXT)"),
            "0"
        );
    }

    #[test]
    fn a_file_that_cannot_be_made_is_replaced_by_memory() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store.db")).unwrap();
        let store = Store::new(Some(folder.path()));
        store.put("a", b"1").unwrap();
        assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"1"[..]));
    }

    #[test]
    fn what_a_file_holds_is_copied_to_memory() {
        let folder = tempfile::Builder::new().prefix("odd %41?#name").tempdir().unwrap();
        let store = Store::new(Some(folder.path()));
        store.put("a", b"1").unwrap();
        store.add_event("X 000000 A", &BTreeMap::new()).unwrap();
        let error = rusqlite::Error::QueryReturnedNoRows;
        let memory = remember(&folder.path().join("store.db"), &error).unwrap();
        let count = |table: &str| -> i64 {
            memory.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("kv"), count("event")), (1, 1));
        memory.execute("DELETE FROM kv", []).unwrap();
        assert_eq!(store.list("").unwrap(), ["a"]);
    }

    #[test]
    fn a_broken_file_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("store.db"),
            "this is no database, it is only a long text".repeat(50),
        )
        .unwrap();
        let store = Store::new(Some(folder.path()));
        assert!(store.exists());
        store.put("a", b"1").unwrap();
        assert!(folder.path().join("store.broken").exists());
    }
}
