//! What rows are recognised by, and which numbers they have.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cwmp_plugin_sdk::{split_row, Error, Host, Row};

/// The only service's path.
pub(crate) const SERVICE: &str = "Device.Services.StorageService.1.";

/// The tables that references lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Medium,
    Volume,
    Account,
    Group,
}

impl Table {
    /// After the service, with a dot at its end.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Medium => "PhysicalMedium.",
            Self::Volume => "LogicalVolume.",
            Self::Account => "UserAccount.",
            Self::Group => "UserGroup.",
        }
    }
}

/// A volume: found by the device and known by its key, or added by an ACS and known by its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowId {
    Found(String),
    Added(u32),
}

impl RowId {
    /// Of a row, as the kit tells of it.
    pub(crate) fn of(row: &Row) -> Self {
        if row.key.is_empty() {
            Self::Added(row.number)
        } else {
            Self::Found(row.key.clone())
        }
    }
}

impl From<&RowId> for Row {
    fn from(id: &RowId) -> Self {
        match id {
            RowId::Found(key) => Row::keyed(key),
            RowId::Added(number) => Row::numbered(*number).deletable(),
        }
    }
}

/// The number in a reference to a row of a table, and what follows it.
pub(crate) fn number_in(table: Table, reference: &str) -> Option<(u32, &str)> {
    let rest = reference.strip_prefix(SERVICE)?;
    match split_row(rest, table.path()) {
        Some(found) => Some(found),
        // Without the dot at its end.
        None => Some((rest.strip_prefix(table.path())?.parse().ok()?, "")),
    }
}

/// Before the keys of numbers in the store.
const KEPT: &str = "numbers/";

/// Which keys numbers have, as far as references needed them. The agent says it; what it said is kept, for after a start
/// there is no agent to ask, and what was set is to be put in force all the same.
#[derive(Debug)]
pub(crate) struct Numbers {
    host: Host,
    keys: RefCell<BTreeMap<String, String>>,
}

impl Numbers {
    /// What was kept.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut keys = BTreeMap::new();
        for kept in host.store_list(KEPT)? {
            let key = host.store_get(&kept)?.unwrap_or_default();
            keys.insert(kept[KEPT.len()..].to_owned(), key);
        }
        Ok(Self { host: host.clone(), keys: RefCell::new(keys) })
    }

    /// Stores again what a host has discarded because a commit failed while it was stored.
    pub(crate) fn store_again(&self) -> Result<(), Error> {
        for (name, key) in &*self.keys.borrow() {
            let name = format!("{KEPT}{name}");
            if self.host.store_get(&name)?.as_ref() != Some(key) {
                self.host.store_put(&name, key)?;
            }
        }
        Ok(())
    }

    /// The key of the row that a reference leads to, if it leads into this table.
    pub(crate) fn referred(&self, table: Table, reference: &str) -> Option<String> {
        let (number, rest) = number_in(table, reference)?;
        if !rest.is_empty() {
            return None;
        }
        self.key(table, number)
    }

    /// The key of a row.
    pub(crate) fn key(&self, table: Table, number: u32) -> Option<String> {
        let name = format!("{}{number}", table.path());
        let kept = self.keys.borrow().get(&name).cloned();
        let path = format!("{SERVICE}{}", table.path());
        let Ok(told) = self.host.lookup().and_then(|lookup| lookup.key_of(&path, number)) else {
            return kept;
        };
        // An agent that has lost its own store gives numbers anew: what was kept may be another disk.
        let stored = format!("{KEPT}{name}");
        match &told {
            Some(key) if kept.as_ref() == Some(key) => {}
            Some(key) => {
                // If it cannot be kept, it is asked for again.
                let _ = self.host.store_put(&stored, key);
                self.keys.borrow_mut().insert(name, key.clone());
            }
            None if kept.is_some() => {
                let _ = self.host.store_delete(&stored);
                self.keys.borrow_mut().remove(&name);
            }
            None => {}
        }
        told
    }

    /// Everything was forgotten, and numbers are given anew.
    pub(crate) fn forget(&self) {
        self.keys.borrow_mut().clear();
    }
}
