//! From what was set to what is offered: one plan of accounts and shares for all servers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::back_end::Failure;
use crate::objects::{FtpServer, NetInfo, NetworkServer};
use crate::plan::{Account, Ftp, Offer, Permissions, Share};
use crate::row_id::{number_in, RowId, Table};
use crate::tree::{Node, Tree};
use crate::wish::{FolderWish, Wishes};

/// The longest name of a share: what all clients show.
const MAX_SHARE: usize = 60;

/// Whether anything was set that is the servers' business. As long as nothing was, they are as the image made them.
pub(crate) fn touches(wishes: &Wishes) -> bool {
    let ftp = &wishes.ftp;
    let servers = [wishes.smb, wishes.nfs, ftp.enable];
    let ftp = ftp.port.is_some() || ftp.max_users.is_some() || ftp.idle.is_some() || ftp.anonymous;
    let names = wishes.host_name.is_some() || wishes.domain.is_some();
    let folders = wishes.volumes.values().any(|volume| volume.folders.values().any(|folder| folder.enable));
    let accounts = wishes.accounts.values().any(|account| account.enable);
    servers.iter().any(Option::is_some) || ftp || names || folders || accounts || !wishes.enable
}

/// The whole offer, and the folders that are to be there for it. Nothing is offered of volumes with these keys.
pub(crate) fn build(
    wishes: &Wishes,
    tree: &Tree,
    without: &[String],
    (net, servers, ftp): (NetInfo, NetworkServer, FtpServer),
) -> (Offer, Vec<PathBuf>) {
    let mut offer = Offer { host_name: net.host_name, domain: net.domain_name, ..Offer::default() };
    if !wishes.enable {
        return (offer, Vec::new());
    }
    let names = accounts(wishes, &mut offer);
    let mut places: BTreeMap<(RowId, u32), PathBuf> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for node in &tree.volumes {
        let going = node.volume.as_ref().is_some_and(|volume| without.contains(&volume.key));
        let Some(mount) = node.mount().filter(|_| !going && node.enabled()) else { continue };
        for (number, folder) in &node.wish.folders {
            if !folder.enable || !is_folder_name(&folder.name) {
                continue;
            }
            let path = mount.join(&folder.name);
            places.insert((node.id.clone(), *number), path.clone());
            let all = Permissions { read: true, write: true, execute: true };
            let free = !folder.authenticate || !wishes.authenticate;
            offer.shares.push(Share {
                name: share_name(&folder.name, &mut taken),
                path,
                access: access(folder, wishes, &names),
                accounts: Permissions::default(),
                guests: if free { all } else { Permissions::default() },
            });
        }
    }
    offer.smb = servers.smb_enable;
    offer.nfs = servers.nfs_enable;
    offer.ftp = ftp.enable.then(|| Ftp {
        port: u16::try_from(ftp.port_number).unwrap_or(21),
        max_users: ftp.max_num_users,
        idle: ftp.idle_time,
        anonymous: anonymous(wishes, tree, &places),
    });
    (offer, places.into_values().collect())
}

/// Those who may log in: enabled, with a name and a password. Gives the names by the numbers.
fn accounts(wishes: &Wishes, offer: &mut Offer) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for (number, account) in &wishes.accounts {
        let known = names.values().any(|name| *name == account.name);
        if !account.enable || account.name.is_empty() || account.password.reveal().is_empty() || known {
            continue;
        }
        names.insert(*number, account.name.clone());
        offer.accounts.push(Account {
            name: account.name.clone(),
            password: account.password.clone(),
            ftp: account.ftp,
        });
    }
    names
}

/// Who may do what with a folder: what somebody may by any of the rows.
fn access(folder: &FolderWish, wishes: &Wishes, names: &BTreeMap<u32, String>) -> Vec<(String, Permissions)> {
    let mut all: BTreeMap<String, Permissions> = BTreeMap::new();
    let mut add = |account: u32, may: Permissions| {
        let Some(name) = names.get(&account) else { return };
        let known = all.entry(name.clone()).or_default();
        known.read |= may.read;
        known.write |= may.write;
        known.execute |= may.execute;
    };
    for (account, may) in &folder.users {
        add(*account, *may);
    }
    for (group, may) in folder.groups.iter().filter(|(group, _)| wishes.groups.contains(group)) {
        for (account, wish) in &wishes.accounts {
            if wish.groups.contains(group) {
                add(*account, *may);
            }
        }
    }
    all.into_iter().filter(|(_, may)| *may != Permissions::default()).collect()
}

fn anonymous(
    wishes: &Wishes,
    tree: &Tree,
    places: &BTreeMap<(RowId, u32), PathBuf>,
) -> Option<(PathBuf, bool)> {
    let ftp = &wishes.ftp;
    let (volume, rest) = number_in(Table::Volume, &ftp.start).filter(|_| ftp.anonymous)?;
    let folder: u32 = rest.strip_prefix("Folder.")?.trim_end_matches('.').parse().ok()?;
    let is = |node: &&Node| match &node.id {
        RowId::Added(number) => *number == volume,
        RowId::Found(_) => wishes.start_volume.as_ref() == Some(&node.id),
    };
    let node = tree.volumes.iter().find(is)?;
    let path = places.get(&(node.id.clone(), folder))?;
    Some((path.clone(), ftp.anonymous_reads))
}

/// Whether a folder can have this name: one part of a path, that is shown.
pub(crate) fn is_folder_name(name: &str) -> bool {
    let bad = |c: char| c == '/' || c.is_control();
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() <= 255
        && !name.contains(bad)
        && name.trim() == name
}

/// What clients see: letters, digits and few signs, like no other's.
fn share_name(folder: &str, taken: &mut BTreeSet<String>) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let mut name: String = folder.chars().map(keep).take(MAX_SHARE).collect();
    if name.starts_with('-') {
        name.replace_range(..1, "_");
    }
    let mut next = name.clone();
    let mut number = 1;
    while !taken.insert(next.to_ascii_lowercase()) {
        number += 1;
        next = format!("{name}_{number}");
    }
    next
}

/// Makes the folders that are not there. Gives those that are none: what has such a name and is something else stays, and so
/// does what is behind a link.
pub(crate) fn make_folders(folders: &[PathBuf]) -> Vec<(PathBuf, Failure)> {
    let make = |folder: &PathBuf| {
        let why = match std::fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => error.to_string(),
            _ => match std::fs::symlink_metadata(folder) {
                Ok(about) if about.is_dir() => return None,
                Ok(_) => "something else has this name".to_owned(),
                Err(error) => error.to_string(),
            },
        };
        Some((folder.clone(), Failure::Refused(format!("the folder {}: {why}", folder.display()))))
    };
    folders.iter().filter_map(make).collect()
}

/// The offer without what is in these folders.
pub(crate) fn without(offer: &Offer, bad: &BTreeSet<PathBuf>) -> Offer {
    let mut offer = offer.clone();
    offer.shares.retain(|share| !bad.contains(&share.path));
    if let Some(ftp) = &mut offer.ftp {
        ftp.anonymous = ftp.anonymous.take().filter(|(path, _)| !bad.contains(path));
    }
    offer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_names_that_every_client_understands_and_none_twice() {
        let mut taken = BTreeSet::new();
        let names = ["Media", "media", "a b", "a/b", "-x", "Ünicode%U", "media_2"];
        let names: Vec<String> = names.iter().map(|name| share_name(name, &mut taken)).collect();
        assert_eq!(names, ["Media", "media_2", "a_b", "a_b_2", "_x", "_nicode_U", "media_2_2"]);
        let mut long = BTreeSet::new();
        assert_eq!(share_name(&"x".repeat(64), &mut long).len(), MAX_SHARE);
    }

    #[test]
    fn a_folder_is_one_part_of_a_path() {
        assert!(["a", "Filme & Serien", "ä"].into_iter().all(is_folder_name));
        let bad = ["", ".", "..", ".hidden", "a/b", "a\nb", " a", "a\0"];
        assert!(!bad.into_iter().any(is_folder_name));
        assert!(!is_folder_name(&"x".repeat(256)));
    }

    #[test]
    fn a_folder_is_made_once_and_nothing_is_put_through_a_link() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a");
        assert_eq!(make_folders(std::slice::from_ref(&folder)), []);
        assert_eq!(make_folders(std::slice::from_ref(&folder)), []);
        assert!(folder.is_dir());
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let (gone, file) = (place.path().join("gone/b"), place.path().join("file"));
        std::fs::write(&file, "").unwrap();
        let bad = make_folders(&[link.clone(), folder, gone.clone(), file.clone()]);
        let bad: Vec<PathBuf> = bad.into_iter().map(|(path, _)| path).collect();
        assert_eq!(bad, [link, gone, file]);
    }
}
