//! How the ACS spelled a value that has several spellings: as long as the service has what that meant, it reads so.
//!
//! A time zone is one of the device's, but an ACS that wrote `EST+5EDT` would take `EST5EDT,M3.2.0,M11.1.0` for a change.

use std::collections::HashMap;

use cwmp_mapping::Raw;
use cwmp_plugin_sdk::{Error, Host};

use crate::served::Served;
use crate::transaction::has_spellings;

const PREFIX: &str = "spelling/";

/// Spellings by name: what the service had then, a line feed, and the text.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    names: HashMap<String, String>,
}

impl Spellings {
    /// What is stored.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut names = HashMap::new();
        for key in host.store_list(PREFIX)? {
            if let Some(value) = host.store_get(&key)? {
                names.insert(key[PREFIX.len()..].to_owned(), value);
            }
        }
        Ok(Self { names })
    }

    /// Whether anything is spelled in its own way.
    pub(crate) fn of<'a>(
        &'a self,
        served: &Served,
        parameter: usize,
        name: &str,
    ) -> Option<(&'a str, &'a str)> {
        if !has_spellings(served, parameter) {
            return None;
        }
        self.names.get(name)?.split_once('\n')
    }

    /// What is stored for a name.
    pub(crate) fn stored(&self, name: &str) -> Option<String> {
        self.names.get(name).cloned()
    }

    /// A value was set; what is plain text to the service needs no memory.
    pub(crate) fn remember(&mut self, host: &Host, name: &str, raw: &Raw, text: &str) -> Result<(), Error> {
        let Raw::Text(value) = raw else { return Ok(()) };
        if value == text || value.contains('\n') {
            return Ok(());
        }
        let line = format!("{value}\n{text}");
        host.store_put(&format!("{PREFIX}{name}"), &line)?;
        self.names.insert(name.to_owned(), line);
        Ok(())
    }

    /// What was stored before is so again.
    pub(crate) fn restore(&mut self, host: &Host, name: &str, before: Option<&str>) -> Result<(), Error> {
        if self.names.get(name).map(String::as_str) == before {
            return Ok(());
        }
        let key = format!("{PREFIX}{name}");
        match before {
            Some(line) => {
                host.store_put(&key, line)?;
                self.names.insert(name.to_owned(), line.to_owned());
            }
            None => {
                host.store_delete(&key)?;
                self.names.remove(name);
            }
        }
        Ok(())
    }

    /// The store was emptied.
    pub(crate) fn forget(&mut self) {
        self.names.clear();
    }
}
