//! What folders are called by clients: a name that was given stays the folder's, whatever else comes and goes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use cwmp_plugin_sdk::{Error, Host};
use serde::{Deserialize, Serialize};

use crate::accounts::is_reserved_share;
use crate::offer::is_folder_name;
use crate::row_id::RowId;
use crate::wish::Wishes;

/// Before the name of a share in the store: whose it is.
const KEPT: &str = "share/";
/// The longest name of a share: what all clients show.
const MAX_SHARE: usize = 60;

/// A folder, by its volume and its number.
pub(crate) type FolderId = (RowId, u32);

/// Whose a name is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    /// The volume.
    found: Option<String>,
    added: Option<u32>,
    folder: u32,
    /// What it would be called if nobody else were.
    plain: String,
}

impl Owner {
    fn new((volume, folder): &FolderId, plain: String) -> Self {
        let (found, added) = match volume {
            RowId::Found(key) => (Some(key.clone()), None),
            RowId::Added(number) => (None, Some(*number)),
        };
        Self { found, added, folder: *folder, plain }
    }
}

/// The names that were given.
#[derive(Debug)]
pub(crate) struct ShareNames {
    host: Host,
    given: RefCell<BTreeMap<String, Owner>>,
}

impl ShareNames {
    /// What was kept.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut given = BTreeMap::new();
        for kept in host.store_list(KEPT)? {
            let owner = host.store_get(&kept)?.and_then(|text| serde_json::from_str(&text).ok());
            if let Some(owner) = owner {
                given.insert(kept[KEPT.len()..].to_owned(), owner);
            }
        }
        Ok(Self { host: host.clone(), given: RefCell::new(given) })
    }

    /// The names of all folders that may be offered, whether their volumes are there or not.
    pub(crate) fn names(&self, wishes: &Wishes) -> Result<BTreeMap<FolderId, String>, Error> {
        let volumes = wishes.volumes.iter();
        let folders = volumes.flat_map(|(id, volume)| volume.folders.iter().map(move |folder| (id, folder)));
        let folders = folders.filter(|(_, (_, folder))| is_folder_name(&folder.name));
        let wanted: Vec<(FolderId, Owner)> = folders
            .map(|(id, (number, folder))| {
                let id = (id.clone(), *number);
                let owner = Owner::new(&id, plain(&folder.name));
                (id, owner)
            })
            .collect();
        let mut given = self.given.borrow_mut();
        given.retain(|_, owner| wanted.iter().any(|(_, wanted)| wanted == owner));
        let mut taken: BTreeSet<String> = given.keys().map(|name| name.to_ascii_lowercase()).collect();
        let mut names = BTreeMap::new();
        for (id, owner) in wanted {
            let known = given.iter().find(|(_, other)| **other == owner).map(|(name, _)| name.clone());
            let name = known.unwrap_or_else(|| free(&owner.plain, &mut taken));
            given.insert(name.clone(), owner);
            names.insert(id, name);
        }
        self.store(&given)?;
        Ok(names)
    }

    /// Stores what is not, also what a host has discarded because a commit failed.
    fn store(&self, given: &BTreeMap<String, Owner>) -> Result<(), Error> {
        for kept in self.host.store_list(KEPT)? {
            if !given.contains_key(&kept[KEPT.len()..]) {
                self.host.store_delete(&kept)?;
            }
        }
        for (name, owner) in given {
            let text = serde_json::to_string(owner).map_err(|error| Error::internal(error.to_string()))?;
            let name = format!("{KEPT}{name}");
            if self.host.store_get(&name)?.as_ref() != Some(&text) {
                self.host.store_put(&name, &text)?;
            }
        }
        Ok(())
    }
}

/// Letters, digits and few signs of a folder's name, and nothing that a server has itself.
fn plain(folder: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let mut name: String = folder.chars().map(keep).take(MAX_SHARE).collect();
    if name.starts_with('-') {
        name.replace_range(..1, "_");
    }
    if is_reserved_share(&name) {
        name.push('_');
    }
    name
}

/// A name like no other's.
fn free(plain: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = plain.to_owned();
    let mut number = 1;
    while !taken.insert(name.to_ascii_lowercase()) {
        number += 1;
        name = format!("{plain}_{number}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_names_that_every_client_understands_and_none_twice() {
        let mut taken = BTreeSet::new();
        let names = ["Filme & Serien", "Filme_&_Serien", "media", "MEDIA", "-x", "homes", "Global"];
        let names: Vec<String> = names.iter().map(|name| free(&plain(name), &mut taken)).collect();
        let given = ["Filme___Serien", "Filme___Serien_2", "media", "MEDIA_2", "_x", "homes_", "Global_"];
        assert_eq!(names, given);
        assert_eq!(plain(&"x".repeat(MAX_SHARE + 1)).len(), MAX_SHARE);
    }
}
