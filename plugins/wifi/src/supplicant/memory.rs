//! What the networks of the service were given, since it shows no key, and what the image made of its interfaces.

use std::collections::HashMap;

use crate::supplicant::network::Wanted;
use crate::supplicant::wps::Images;

/// What was given to which network of one owner of the name.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    owner: Option<String>,
    given: HashMap<String, Wanted>,
    /// Of the interfaces whose WPS was changed.
    pub(super) images: Images,
}

impl Memory {
    /// Another owner has nothing of it.
    pub(crate) fn begin(&mut self, owner: Option<String>) {
        if self.owner != owner {
            self.owner = owner;
            self.given.clear();
            self.images.clear();
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
