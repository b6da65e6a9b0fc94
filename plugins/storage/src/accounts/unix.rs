use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::back_end::Failure;
use crate::control::{open, path_of, Settings, Tools};
use crate::plan::{Offer, Secret};

/// What the accounts that we made are known by.
const MARK: &str = "cwmpd storage account";
/// The highest number of an account of the system; a person's is above.
const MAX_SYSTEM: u32 = 999;
/// The most of a file of accounts that is read.
const MAX_FILE: usize = 1024 * 1024;

/// The numbers of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// The accounts of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    settings: Settings,
    tools: Tools,
}

/// A line of `passwd`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ids: Ids,
    pub(super) about: String,
}

impl Entry {
    fn is_ours(&self, group: Option<u32>) -> bool {
        self.about == MARK && Some(self.ids.group) == group && (1..=MAX_SYSTEM).contains(&self.ids.user)
    }
}

impl Accounts {
    pub(crate) fn new(settings: &Settings, tools: &Tools) -> Self {
        Self { settings: settings.clone(), tools: tools.clone() }
    }

    /// The account of those who have none.
    pub(crate) fn guest(&self) -> &str {
        &self.settings.guest
    }

    /// The accounts that we made, but for the guests'.
    pub(crate) fn ours(&self) -> Result<BTreeMap<String, Ids>, Failure> {
        let group = self.group()?;
        let ours = self
            .all()?
            .into_iter()
            .filter(|(name, entry)| entry.is_ours(group) && *name != self.settings.guest);
        Ok(ours.map(|(name, entry)| (name, entry.ids)).collect())
    }

    /// The offer without accounts of names that somebody else has, and why: they keep nobody else from being served.
    pub(crate) fn without_others(&self, offer: &Offer) -> Result<(Offer, Result<(), Failure>), Failure> {
        let (all, group) = (self.all()?, self.group()?);
        let (mut offer, mut clash) = (offer.clone(), Ok(()));
        offer.accounts.retain(|account| {
            let name = account.name.as_str();
            // Samba does not tell capitals from others.
            let other = all.iter().find(|(other, entry)| {
                other.eq_ignore_ascii_case(name) && !(other.as_str() == name && entry.is_ours(group))
            });
            let is_others = other.is_some() || name.eq_ignore_ascii_case(&self.settings.guest);
            if is_others {
                clash = Err(Failure::Impossible(format!("the account {name} is the system's")));
            }
            !is_others
        });
        let names: BTreeSet<&str> = offer.accounts.iter().map(|account| account.name.as_str()).collect();
        for share in &mut offer.shares {
            share.access.retain(|(name, _)| names.contains(name.as_str()));
        }
        Ok((offer, clash))
    }

    /// The offer without folders that cannot be opened, and why: they keep none of the others from being served.
    pub(crate) async fn without_closed(
        &self,
        offer: &Offer,
    ) -> Result<(Offer, Result<(), Failure>), Failure> {
        let group = self.guest_ids().await?.group;
        let (mut offer, mut closed) = (offer.clone(), Ok(()));
        let mut opens = |path: &Path| match Self::open_folder(path, group) {
            Ok(_) => true,
            Err(failure) => {
                closed = Err(failure);
                false
            }
        };
        offer.shares.retain(|share| opens(&share.path));
        if let Some(ftp) = &mut offer.ftp {
            ftp.anonymous = ftp.anonymous.take().filter(|(path, _)| opens(path));
        }
        Ok((offer, closed))
    }

    /// Removes the accounts that are not offered any more.
    pub(crate) async fn remove_others(&self, offer: &Offer) -> Result<(), Failure> {
        for name in self.ours()?.into_keys() {
            if !is_needed(offer) || !offer.accounts.iter().any(|account| account.name == name) {
                self.tools.run("userdel", &["--", &name], None).await?;
            }
        }
        Ok(())
    }

    /// Makes the group, the account of guests, and the accounts that are offered.
    pub(crate) async fn add(&self, offer: &Offer) -> Result<BTreeMap<String, Ids>, Failure> {
        self.guest_ids().await?;
        let ours = self.ours()?;
        for account in &offer.accounts {
            if !ours.contains_key(&account.name) {
                self.make(&account.name).await?;
            }
        }
        self.ours()
    }

    /// The numbers of the account of guests, which is made if need be.
    pub(crate) async fn guest_ids(&self) -> Result<Ids, Failure> {
        let guest = &self.settings.guest;
        if self.group()?.is_none() {
            self.tools.run("groupadd", &["--system", "--", guest], None).await?;
        }
        if !self.all()?.contains_key(guest) {
            self.make(guest).await?;
        }
        let group = self.group()?;
        match self.all()?.get(guest) {
            Some(entry) if entry.is_ours(group) => Ok(entry.ids),
            _ => Err(Failure::Impossible(format!("the account {guest} is the system's"))),
        }
    }

    async fn make(&self, name: &str) -> Result<(), Failure> {
        // vsftpd begins in the home of guests, before it goes to what is offered.
        let empty = self.settings.run.join("ftp-empty").display().to_string();
        let home = if name == self.settings.guest { empty.as_str() } else { "/nonexistent" };
        let fixed = ["--system", "--no-create-home", "--home-dir", home, "--shell", "/usr/sbin/nologin"];
        let more = ["--no-user-group", "--comment", MARK];
        let named = ["--gid", self.settings.guest.as_str(), "--", name];
        // Capitals are no bad names to a client.
        let capitals: &[&str] =
            if name.chars().any(|c| c.is_ascii_uppercase()) { &["--badname"] } else { &[] };
        let arguments: Vec<&str> = [fixed.as_slice(), &more, capitals, &named].concat();
        self.tools.run("useradd", &arguments, None).await.map(drop)
    }

    /// Gives an account of ours a password of Unix, or takes it away.
    pub(crate) async fn set_password(&self, name: &str, password: Option<&Secret>) -> Result<(), Failure> {
        if !self.ours()?.contains_key(name) {
            return Err(Failure::Impossible(format!("the account {name} is not ours")));
        }
        match password {
            Some(password) => {
                // Expired from the first day on: whoever asks for that lets nobody in.
                self.tools.run("usermod", &["--expiredate", "1", "--", name], None).await?;
                let line = Secret::new(format!("{name}:{}\n", password.reveal()));
                self.tools.run("chpasswd", &["--crypt-method", "SHA512"], Some(&line)).await?;
            }
            None => {
                // No password has this hash.
                let line = Secret::new(format!("{name}:!\n"));
                self.tools.run("chpasswd", &["--encrypted"], Some(&line)).await?;
            }
        }
        Ok(())
    }

    /// Opens an offered folder and has our group, and nobody else but its owner, read and write it and what comes into it.
    ///
    /// By group and not by a list of its own: NFS-Ganesha does not ask the kernel's lists.
    pub(crate) fn open_folder(path: &Path, group: u32) -> Result<File, Failure> {
        let folder = open(path)?;
        let inside = path_of(&folder);
        let shown = |error: std::io::Error| Failure::Refused(format!("{}: {error}", path.display()));
        let about = std::fs::metadata(&inside).map_err(shown)?;
        // What is made in it gets its group.
        let mode = about.mode() & 0o700 | 0o2070;
        let set = || -> std::io::Result<()> {
            if about.gid() != group {
                std::os::unix::fs::chown(&inside, None, Some(group))?;
            }
            if about.mode() & 0o7777 != mode {
                std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(mode))?;
            }
            Ok(())
        };
        match set() {
            Ok(()) => Ok(folder),
            // A filesystem without owners, or one that is only read: everybody is as its mount says.
            Err(_) if about.mode() & 0o005 == 0o005 || about.gid() == group => Ok(folder),
            Err(error) => Err(shown(error)),
        }
    }

    fn all(&self) -> Result<BTreeMap<String, Entry>, Failure> {
        Ok(entries(&read(&self.settings.passwd)?))
    }

    fn group(&self) -> Result<Option<u32>, Failure> {
        let text = read(&self.settings.group)?;
        let ours = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let mut ours = ours.filter(|fields| fields.first() == Some(&self.settings.guest.as_str()));
        Ok(ours.find_map(|fields| fields.get(2)?.parse().ok()))
    }
}

/// Whether anybody logs in at all.
fn is_needed(offer: &Offer) -> bool {
    offer.smb || offer.ftp.is_some()
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes =
        std::fs::read(path).map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))?;
    if bytes.len() > MAX_FILE {
        return Err(Failure::Impossible(format!("{} is too long", path.display())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first of a name counts, as for the system.
pub(super) fn entries(passwd: &str) -> BTreeMap<String, Entry> {
    let mut all = BTreeMap::new();
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, user, group, about, _, _] = fields.as_slice() else { continue };
        let (Ok(user), Ok(group)) = (user.parse(), group.parse()) else { continue };
        let entry = Entry { ids: Ids { user, group }, about: (*about).to_owned() };
        all.entry((*name).to_owned()).or_insert(entry);
    }
    all
}
