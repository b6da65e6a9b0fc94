//! What survives a power cut.
//!
//! The agent's other crates hold no files. What must outlive the process goes through a [`Store`], as a
//! [`Batch`] of [`Op`]s that is stored whole and durably, or not at all; after a start it comes back as one
//! [`State`]. [`SqliteStore`] keeps it in a file, [`MemoryStore`] is the twin without one. [`open`] picks, and
//! says in a [`Health`] what it found; [`StoreThread`] puts the one it picked on a thread of its own.
//!
//! ```text
//!   daemon --Batch--> StoreHandle --queue--> thread: Store::commit --> store.db, store.db-wal
//!          <---------- done(Ok), the batch is durable <------+
//! ```
//!
//! ```
//! use cwmp_store::{open, Op, StoreThread};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("store.db");
//! let opened = open(&path);
//! println!("{}; {} events to deliver", opened.health, opened.state.events.len());
//! let store = StoreThread::spawn(opened.store)?;
//! store.commit_wait(vec![Op::PutMeta { key: "boot_id".into(), value: "4c2f".into() }])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The file
//!
//! A `SQLite` database in write-ahead mode with `synchronous=FULL`: a batch is one commit and one sync. It may
//! be read while the agent runs: `sqlite3 -readonly store.db 'SELECT * FROM events'`. A shell that holds a
//! write lock for more than five seconds makes the agent's commit fail.
//!
//! | table | columns | a row is |
//! | --- | --- | --- |
//! | `events` | `seq`, `code`, `command_key`, `data` | an event that the ACS has not acknowledged |
//! | `settings` | `path`, `value` | a parameter of the agent that differs from its factory value |
//! | `meta` | `key`, `value` | a fact of the agent: whose store it is, boot id, retry count, last contacted ACS |
//! | `attributes` | `path`, `notification`, `access_list` | attributes that were set; NULL is the default; an access list has an entry a line |
//! | `reported_values` | `path`, `kind`, `value` | the value that the ACS last wrote or was told |
//! | `pending_changes` | `path` | a change that the ACS does not know of |
//! | `instance_tables` | `table_path`, `highest_number` | the highest row number ever given out in a table |
//! | `instances` | `table_path`, `number`, `stable_key`, `alias` | a row |
//! | `transactions` | `txn`, `phase` | a write under way, `prepare` or `commit` |
//! | `transaction_changes` | `txn`, `position`, `provider`, `op`, `kind`, `path`, `value` | one change of it |
//! | `schedule` | `id`, `due_unix`, `command_key` | an inform to be made |
//!
//! Ids of 64 bits (`seq`, `txn`, `id`) are stored bit for bit: those above 2^63 - 1 show as negative numbers.
//! `user_version` counts the schema. Migrations only add; an older agent works on a newer file, passes over
//! what it does not know and leaves it there.
//!
//! # Secrets
//!
//! Settings, reported values and the journal hold passwords and keys in clear text, because the agent must use
//! them. The file, its log, its index and damaged files that were moved aside have mode 0600, a directory that
//! had to be made has 0700. [`Op::Wipe`] overwrites what it deletes and removes the damaged files; what the
//! flash's own wear levelling keeps is out of reach. No [`StoreError`] or [`Health`] holds a stored value. `Op`
//! and [`State`] print theirs with `Debug`: never log them.
#![forbid(unsafe_code)]

mod access_list;
mod aside;
mod cut;
mod error;
mod load;
mod memory;
mod op;
mod open;
mod schema;
mod sqlite;
mod state;
mod thread;
mod write;

#[cfg(feature = "cut-points")]
pub use cut::{set_cut_hook, CutPoint};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use op::{Batch, JournalChange, Op, Phase};
pub use open::{open, Health, Opened};
pub use sqlite::SqliteStore;
pub use state::{Attribute, Event, Instance, Reported, Scheduled, State, Table, Transaction};
pub use thread::{Done, StoreHandle, StoreThread};

/// A place that keeps what must survive. The two implementations behave the same, but for the power cut.
pub trait Store: Send {
    /// Reads everything.
    fn load(&mut self) -> Result<State, StoreError>;

    /// Stores a batch: all of it, durably, or nothing. An empty batch makes no commit.
    fn commit(&mut self, batch: &[Op]) -> Result<(), StoreError>;

    /// How many batches were stored since the store was opened.
    fn commits(&self) -> u64;
}
