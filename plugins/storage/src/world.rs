//! What the system and the services said when they were last asked.

use std::collections::BTreeMap;

use crate::back_end::{Failure, State};
use crate::facts::{Drive, Volume};

/// All of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct World {
    /// While the service is away: those that were there before.
    pub(crate) drives: Vec<Drive>,
    pub(crate) volumes: Vec<Volume>,
    /// Why the disks cannot be asked.
    pub(crate) away: Option<Failure>,
    /// By the server's name; those that are installed.
    pub(crate) servers: BTreeMap<&'static str, Result<State, Failure>>,
    /// The processes of those that run, as far as that is known.
    pub(crate) processes: BTreeMap<&'static str, u64>,
}

impl World {
    /// A drive, by its key.
    pub(crate) fn drive(&self, key: &str) -> Option<&Drive> {
        self.drives.iter().find(|drive| drive.key == key)
    }

    /// How a server is, by its name.
    pub(crate) fn server(&self, name: &str) -> Option<State> {
        // One that cannot be asked is none that works.
        self.servers.get(name).map(|state| state.clone().unwrap_or(State::Failed))
    }
}
