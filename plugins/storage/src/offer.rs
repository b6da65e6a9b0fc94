//! From what was set to what is offered: one plan of accounts and shares for all servers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::accounts::{MAX_ACCOUNTS, MAX_SHARES};
use crate::back_end::Failure;
use crate::objects::{FtpServer, NetInfo, NetworkServer};
use crate::plan::{Account, Ftp, Offer, Permissions, Share};
use crate::share_names::FolderId;
use crate::tree::Tree;
use crate::wish::{FolderWish, Wishes};

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

/// The whole offer, and the folders that are to be there for it. `shares` are the names of the folders.
pub(crate) fn build(
    wishes: &Wishes,
    tree: &Tree,
    shares: &BTreeMap<FolderId, String>,
    (net, servers, ftp): (NetInfo, NetworkServer, FtpServer),
) -> (Offer, Vec<PathBuf>) {
    let mut offer = Offer { host_name: net.host_name, domain: net.domain_name, ..Offer::default() };
    if !wishes.enable {
        return (offer, Vec::new());
    }
    let names = accounts(wishes, &mut offer);
    let mut places: BTreeMap<FolderId, PathBuf> = BTreeMap::new();
    for node in &tree.volumes {
        let Some(mount) = node.mount().filter(|_| node.enabled()) else { continue };
        for (number, folder) in node.wish.folders.iter().filter(|(_, folder)| folder.enable) {
            let id = (node.id.clone(), *number);
            // One without a name that a folder can have has none as a share, either.
            let Some(name) = shares.get(&id) else { continue };
            let path = mount.join(&folder.name);
            places.insert(id, path.clone());
            let all = Permissions { read: true, write: true, execute: true };
            let free = !folder.authenticate || !wishes.authenticate;
            offer.shares.push(Share {
                name: name.clone(),
                path,
                access: access(folder, wishes, &names),
                accounts: Permissions::default(),
                guests: if free { all } else { Permissions::default() },
                ftp: if folder.authenticate_ftp { Permissions::default() } else { all },
            });
        }
    }
    offer.smb = servers.smb_enable;
    offer.nfs = servers.nfs_enable;
    offer.ftp = ftp.enable.then(|| Ftp {
        port: u16::try_from(ftp.port_number).unwrap_or(21),
        max_users: ftp.max_num_users,
        idle: ftp.idle_time,
        anonymous: anonymous(wishes, &places),
    });
    (offer, places.into_values().collect())
}

/// Those who may log in: enabled, with a name and a password. Gives the names by the numbers.
fn accounts(wishes: &Wishes, offer: &mut Offer) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for (number, account) in &wishes.accounts {
        // No server tells capitals from others. The first has the name.
        let known = names.values().any(|name: &String| name.eq_ignore_ascii_case(&account.name));
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

/// What those without an account see: nothing of a folder that asks for an account, or that is not offered.
fn anonymous(wishes: &Wishes, places: &BTreeMap<FolderId, PathBuf>) -> Option<(PathBuf, bool)> {
    let (id, number, folder) = wishes.start().filter(|_| wishes.ftp.anonymous)?;
    let path = places.get(&(id.clone(), number)).filter(|_| !folder.authenticate_ftp)?;
    Some((path.clone(), wishes.ftp.anonymous_reads))
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

/// Cuts off what is more than servers are told of. Says whether there was anything.
pub(crate) fn limit(offer: &mut Offer) -> bool {
    let more = offer.accounts.len() > MAX_ACCOUNTS || offer.shares.len() > MAX_SHARES;
    for account in offer.accounts.drain(MAX_ACCOUNTS.min(offer.accounts.len())..) {
        for share in &mut offer.shares {
            share.access.retain(|(name, _)| *name != account.name);
        }
    }
    offer.shares.truncate(MAX_SHARES);
    more
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
    fn more_than_servers_are_told_of_is_cut_off_and_the_rest_is_offered() {
        let account = |n: usize| Account {
            name: format!("a{n}"),
            password: crate::plan::Secret::new("x".to_owned()),
            ftp: false,
        };
        let may = Permissions { read: true, ..Permissions::default() };
        let share = |n: usize| Share {
            name: format!("s{n}"),
            path: format!("/media/s{n}").into(),
            access: vec![(format!("a{MAX_ACCOUNTS}"), may), ("a0".to_owned(), may)],
            accounts: Permissions::default(),
            guests: Permissions::default(),
            ftp: Permissions::default(),
        };
        let all = |accounts: usize, shares: usize| Offer {
            accounts: (0..accounts).map(account).collect(),
            shares: (0..shares).map(share).collect(),
            ..Offer::default()
        };
        assert!(!limit(&mut all(MAX_ACCOUNTS, MAX_SHARES)));
        let mut offer = all(MAX_ACCOUNTS + 1, MAX_SHARES + 1);
        assert!(limit(&mut offer));
        assert_eq!((offer.accounts.len(), offer.shares.len()), (MAX_ACCOUNTS, MAX_SHARES));
        assert!(offer.shares.iter().all(|share| share.access == [("a0".to_owned(), may)]));
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
