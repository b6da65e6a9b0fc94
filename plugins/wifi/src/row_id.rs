//! What rows are recognised by, and which numbers they have.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cwmp_plugin_sdk::{Error, Host, Row};

/// The tables that references lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Radio,
    Ssid,
    AccessPoint,
    EndPoint,
}

impl Table {
    /// After the base, with a dot at its end.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Radio => "WiFi.Radio.",
            Self::Ssid => "WiFi.SSID.",
            Self::AccessPoint => "WiFi.AccessPoint.",
            Self::EndPoint => "WiFi.EndPoint.",
        }
    }
}

/// A row: found by the device and known by its key, or added by an ACS and known by its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowId {
    Found(String),
    Added(u32),
}

impl From<&RowId> for Row {
    fn from(id: &RowId) -> Self {
        match id {
            RowId::Found(key) => Row::keyed(key),
            RowId::Added(number) => Row::numbered(*number).deletable(),
        }
    }
}

/// The key of a network or an end point: its radio's, and its interface.
pub(crate) fn key_of(radio: &str, interface: &str) -> String {
    format!("{radio}/{interface}")
}

/// Before the keys of numbers in the store.
const KEPT: &str = "numbers/";

/// Which keys numbers have, as far as references needed them. It is kept: after a start there is no agent to ask, and what
/// was set is to be put in force all the same.
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

    /// The row that a reference leads to, if it leads into this table. `added` are the numbers of the rows that an ACS added.
    pub(crate) fn referred(&self, table: Table, reference: &str, added: &[u32]) -> Option<RowId> {
        let rest = reference.strip_prefix("Device.")?.strip_prefix(table.path())?;
        let number: u32 = rest.strip_suffix('.').unwrap_or(rest).parse().ok()?;
        if added.contains(&number) {
            return Some(RowId::Added(number));
        }
        self.key(table, number).map(RowId::Found)
    }

    fn key(&self, table: Table, number: u32) -> Option<String> {
        let name = format!("{}{number}", table.path());
        if let Some(key) = self.keys.borrow().get(&name) {
            return Some(key.clone());
        }
        let key = self.host.lookup().and_then(|lookup| lookup.key_of(table.path(), number)).ok()??;
        // If it cannot be kept, it is asked for again.
        if self.host.store_put(&format!("{KEPT}{name}"), &key).is_ok() {
            self.keys.borrow_mut().insert(name, key.clone());
        }
        Some(key)
    }
}
