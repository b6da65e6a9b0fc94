//! What survives a power cut.
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
