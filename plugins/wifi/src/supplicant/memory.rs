//! What the networks of the service were given: it shows no key.

use std::collections::HashMap;

use crate::supplicant::network::Wanted;

/// What was given to which network of one owner of the name.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    owner: Option<String>,
    given: HashMap<String, Wanted>,
}

impl Memory {
    /// Another owner has nothing of it.
    pub(crate) fn begin(&mut self, owner: Option<String>) {
        if self.owner != owner {
            self.owner = owner;
            self.given.clear();
        }
    }

    pub(crate) fn given(&self, network: &str) -> Option<&Wanted> {
        self.given.get(network)
    }

    pub(crate) fn give(&mut self, network: &str, wanted: Wanted) {
        self.given.insert(network.to_owned(), wanted);
    }

    pub(crate) fn forget(&mut self, network: &str) {
        self.given.remove(network);
    }
}
