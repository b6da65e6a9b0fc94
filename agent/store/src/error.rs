//! What can go wrong.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

/// What a store attempted and could not do. Holds no stored value, so it may be logged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file or its directory cannot be made or reached.
    #[error("cannot make the store {}: {source}", path.display())]
    Create {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be opened as a store, or not be brought to this build's schema.
    #[error("cannot open the store {}: {source}", path.display())]
    Open {
        /// The store's file.
        path: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// The file opens for reading only.
    #[error("the store {} is read-only", path.display())]
    ReadOnly {
        /// The store's file.
        path: PathBuf,
    },
    /// The file is a database, but of another program.
    #[error("{} is a database of another program (application id {id:#x})", path.display())]
    Foreign {
        /// The store's file.
        path: PathBuf,
        /// The other program's mark.
        id: i32,
    },
    /// The integrity check found the file damaged.
    #[error("the store {} is damaged: {finding}", path.display())]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// The check's first finding.
        finding: String,
    },
    /// A table cannot be read.
    #[error("cannot read the table {table} of the store: {source}")]
    Load {
        /// The table.
        table: &'static str,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// A batch was not stored; nothing of it was.
    #[error("cannot commit to the store: {source}")]
    Commit {
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// A batch was not stored, because it moves a transaction on that the journal does not hold.
    #[error("cannot commit to the store: transaction {txn} is not in the journal")]
    UnknownTransaction {
        /// The transaction's id.
        txn: u64,
    },
    /// The store's thread cannot be started.
    #[error("cannot start the store's thread: {source}")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The store's thread has ended; the batch was not stored.
    #[error("cannot commit to the store: its thread has ended")]
    Stopped,
}

impl StoreError {
    /// Whether there was no room. A later commit may succeed.
    pub fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Whether the file itself is bad, so that a new one in its place would do.
    pub(crate) fn is_damage(&self) -> bool {
        if matches!(self, Self::Damaged { .. }) {
            return true;
        }
        match self.code() {
            // `Unknown` is what SQLite answers when a table or column is not there.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => true,
            // A block that the flash does not give back stays behind with the file that is moved away.
            Some(ErrorCode::SystemIoFailure) => matches!(
                self.extended_code(),
                Some(
                    rusqlite::ffi::SQLITE_IOERR_READ
                        | rusqlite::ffi::SQLITE_IOERR_SHORT_READ
                        | rusqlite::ffi::SQLITE_IOERR_CORRUPTFS
                )
            ),
            _ => false,
        }
    }

    fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Open { source, .. } | Self::Load { source, .. } | Self::Commit { source } => Some(source),
            _ => None,
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        self.sqlite().and_then(rusqlite::Error::sqlite_error_code)
    }

    fn extended_code(&self) -> Option<i32> {
        self.sqlite().and_then(rusqlite::Error::sqlite_error).map(|error| error.extended_code)
    }
}
