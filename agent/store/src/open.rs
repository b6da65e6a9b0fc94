//! Opening with an answer to every failure: the ACS must be reached, whatever the file is like.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::{aside, load, MemoryStore, SqliteStore, State, Store, StoreError};

/// How the opening went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// The file is in use. It may have been made just now.
    Ok,
    /// The file was damaged and moved aside; a new one is in use.
    Recovered {
        /// Where the damaged file is.
        moved_to: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// No file is in use: what happens from now on is lost with the process.
    Memory {
        /// Why, and what could still be read.
        why: String,
    },
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Recovered { moved_to, why } => {
                write!(f, "recovered: {why}; moved to {}", moved_to.display())
            }
            Self::Memory { why } => write!(f, "memory only: {why}"),
        }
    }
}

/// A store, what is in it, and how the opening went.
pub struct Opened {
    /// The store, for [`StoreThread::spawn`](crate::StoreThread::spawn).
    pub store: Box<dyn Store>,
    /// What is in it.
    pub state: State,
    /// How the opening went.
    pub health: Health,
}

/// Opens the store at `path`, or what comes nearest to it.
///
/// A damaged file is moved aside and a new one made. When no file can be used (full, read-only, not
/// reachable) the memory twin takes its place, with what could be read from the file.
pub fn open(path: &Path) -> Opened {
    match attempt(path) {
        Ok((store, state)) => Opened { store: Box::new(store), state, health: Health::Ok },
        Err(error) if error.is_damage() => replace(path, &error),
        Err(error) => remember(path, &error),
    }
}

fn attempt(path: &Path) -> Result<(SqliteStore, State), StoreError> {
    let mut store = SqliteStore::open(path)?;
    let state = store.load()?;
    Ok((store, state))
}

fn replace(path: &Path, damage: &StoreError) -> Opened {
    let moved_to = match aside::move_away(path) {
        Ok(moved_to) => moved_to,
        Err(error) => {
            let why = format!("{damage}; it cannot be moved aside: {error}");
            return Opened {
                store: Box::new(MemoryStore::new()),
                state: State::default(),
                health: Health::Memory { why },
            };
        }
    };
    match attempt(path) {
        Ok((store, state)) => {
            let health = Health::Recovered { moved_to, why: damage.to_string() };
            Opened { store: Box::new(store), state, health }
        }
        Err(error) => {
            let why = format!("{damage}; no new one can be made: {error}");
            Opened {
                store: Box::new(MemoryStore::new()),
                state: State::default(),
                health: Health::Memory { why },
            }
        }
    }
}

fn remember(path: &Path, error: &StoreError) -> Opened {
    let (state, note) = match read(path) {
        Some(state) => (state, "its content was read"),
        None => (State::default(), "starting empty"),
    };
    let health = Health::Memory { why: format!("{error}; {note}") };
    Opened { store: Box::new(MemoryStore::with_state(state.clone())), state, health }
}

/// What is in a file that cannot be written.
fn read(path: &Path) -> Option<State> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let plain =
        Connection::open_with_flags(path, flags).ok().and_then(|connection| load::load(&connection).ok());
    // Without a log, SQLite wants to make one even for reading. Told that the file cannot change, it does
    // not; but it would also pass over a log that is there, and with it over the newest commits.
    plain.or_else(|| {
        let log = std::fs::metadata(aside::with_suffix(path, "-wal"));
        if log.is_ok_and(|log| log.len() > 0) {
            return None;
        }
        let connection =
            Connection::open_with_flags(immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI).ok()?;
        load::load(&connection).ok()
    })
}

fn immutable_uri(path: &Path) -> String {
    let escaped = path.as_os_str().as_bytes().iter().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    format!("file:{}?immutable=1", escaped.collect::<String>())
}
