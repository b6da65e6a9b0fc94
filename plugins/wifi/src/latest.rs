//! Which of two parameters was written last, where that is what counts: a passphrase and a key, a channel and the wish that
//! one be chosen.
//!
//! What was written first is not erased, or it could not come back with a transaction that is taken back. Instead the pair of
//! values is remembered for which the unusual one of the two counts. The one that counts may be emptied: then the other one does
//! not come back, which it took the place of.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cwmp_plugin_sdk::{Error, Host};

/// Before the keys in the store.
const KEPT: &str = "latest/";

/// Two parameters of one object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// It counts, as long as there is nothing else to be said.
    pub(crate) usual: &'static str,
    /// It counts if it was written last.
    pub(crate) other: &'static str,
}

/// One of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Usual,
    Other,
}

/// The pairs there are.
pub(crate) const PAIRS: [Pair; 2] = [
    Pair { usual: "KeyPassphrase", other: "PreSharedKey" },
    Pair { usual: "AutoChannelEnable", other: "Channel" },
];

/// What was written last. The store is as secret as the settings.
#[derive(Debug)]
pub(crate) struct Latest {
    host: Host,
    kept: RefCell<BTreeMap<String, String>>,
}

impl Latest {
    /// What was kept.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut all = BTreeMap::new();
        for key in host.store_list(KEPT)? {
            let value = host.store_get(&key)?.unwrap_or_default();
            all.insert(key[KEPT.len()..].to_owned(), value);
        }
        Ok(Self { host: host.clone(), kept: RefCell::new(all) })
    }

    /// Whether the other of the two counts, with these values. The object's name ends in a dot.
    pub(crate) fn other_counts(&self, object: &str, pair: Pair, usual: &str, other: &str) -> bool {
        self.kept.borrow().get(&name(object, pair)) == Some(&both(usual, other))
    }

    /// Whether neither of the two counts, with these values: the one that did was emptied.
    pub(crate) fn none_counts(&self, object: &str, pair: Pair, usual: &str, other: &str) -> bool {
        self.kept.borrow().get(&none(object, pair)) == Some(&both(usual, other))
    }

    /// Notes that one of the two, or both, was written; now they have these values. `counted` is the one that did before.
    pub(crate) fn written(
        &self,
        object: &str,
        pair: Pair,
        written: (bool, bool),
        values: (&str, &str),
        counted: Option<Side>,
    ) -> Result<(), Error> {
        let (name, none, both) = (name(object, pair), none(object, pair), both(values.0, values.1));
        let emptied = match written {
            (true, false) => counted == Some(Side::Usual) && values.0.is_empty(),
            (false, true) => counted == Some(Side::Other) && values.1.is_empty(),
            _ => false,
        };
        if emptied {
            return self.keep(none, both);
        }
        self.drop_if(&none, &both)?;
        match written {
            (false, true) => self.keep(name, both),
            (true, _) => self.drop_if(&name, &both),
            _ => Ok(()),
        }
    }

    fn keep(&self, name: String, both: String) -> Result<(), Error> {
        self.host.store_put(&format!("{KEPT}{name}"), &both)?;
        self.kept.borrow_mut().insert(name, both);
        Ok(())
    }

    fn drop_if(&self, name: &str, both: &String) -> Result<(), Error> {
        if self.kept.borrow().get(name) == Some(both) {
            self.host.store_delete(&format!("{KEPT}{name}"))?;
            self.kept.borrow_mut().remove(name);
        }
        Ok(())
    }

    /// Everything is as if nothing had been written.
    pub(crate) fn forget(&self) -> Result<(), Error> {
        self.kept.borrow_mut().clear();
        for key in self.host.store_list(KEPT)? {
            self.host.store_delete(&key)?;
        }
        Ok(())
    }
}

fn name(object: &str, pair: Pair) -> String {
    format!("{object}{}", pair.other)
}

/// Where it is kept that none of a pair counts.
fn none(object: &str, pair: Pair) -> String {
    format!("{object}{}", pair.usual)
}

fn both(usual: &str, other: &str) -> String {
    format!("{usual}\n{other}")
}
