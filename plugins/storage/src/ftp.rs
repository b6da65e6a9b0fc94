//! vsftpd: every account has a folder of its own with the shares that it may use, each mounted as it may be used.
//!
//! Passwords are Unix passwords of accounts that have expired: only vsftpd lets them in, since the file that it has for PAM
//! does not ask whether an account has expired. A name that is not on our list is not even asked for its password.

mod config;
mod session;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use async_trait::async_trait;
use zbus::Connection;

use crate::accounts::{check, of_account, Accounts, Right};
use crate::back_end::{Events, Failure, Server, State};
use crate::control::{
    attach, detach, folder, is_attached, listens, open, places, read, write, Daemon, Program, Settings, Tools,
};
use crate::plan::{Ftp, Offer, Secret};

const NAME: &str = "vsftpd";
/// What those call themselves who have no account; no account has such a name.
const ANONYMOUS: [&str; 2] = ["anonymous", "ftp"];

/// vsftpd.
#[derive(Debug)]
pub(crate) struct Vsftpd {
    settings: Settings,
    tools: Tools,
    accounts: Accounts,
    daemon: Daemon,
    /// The passwords that are set.
    set: RefCell<BTreeMap<String, Secret>>,
}

/// A place, the folder that is seen there, and whether it is only read.
type Wanted = BTreeMap<PathBuf, (PathBuf, bool)>;

impl Vsftpd {
    pub(crate) fn new(settings: &Settings, bus: &Connection, events: Events) -> Self {
        let tools = Tools::new(&settings.programs);
        Self {
            accounts: Accounts::new(settings, &tools),
            daemon: Daemon::new(NAME, &settings.ftp_unit, settings, bus, events),
            tools,
            settings: settings.clone(),
            set: RefCell::default(),
        }
    }

    fn config(&self) -> PathBuf {
        self.settings.run.join("vsftpd.conf")
    }

    /// Who may log in.
    fn list(&self) -> PathBuf {
        self.settings.run.join("vsftpd.users")
    }

    fn listed(&self) -> Result<BTreeSet<String>, Failure> {
        let text = read(&self.list())?.unwrap_or_default();
        let accounts = text.lines().filter(|name| !ANONYMOUS.contains(name));
        Ok(accounts.map(str::to_owned).collect())
    }

    fn list_only(&self, names: &BTreeSet<String>, offer: &Offer) -> Result<(), Failure> {
        let anonymous = offer.ftp.as_ref().is_some_and(|ftp| ftp.anonymous.is_some());
        let all = names.iter().map(String::as_str).chain(ANONYMOUS.into_iter().filter(|_| anonymous));
        let text: String = all.flat_map(|name| [name, "\n"]).collect();
        write(&self.list(), &text, 0o600).map(drop)
    }

    fn users(&self) -> PathBuf {
        self.settings.run.join("ftp")
    }

    fn anonymous(&self) -> PathBuf {
        self.settings.run.join("ftp-anonymous").join("files")
    }

    async fn folders(&self) -> Result<u32, Failure> {
        let guest = self.accounts.guest_ids().await?;
        folder(&self.settings.run, 0o755)?;
        folder(&self.users(), 0o711)?;
        folder(&self.settings.run.join("ftp-anonymous"), 0o755)?;
        folder(&self.settings.run.join("ftp-empty"), 0o755)?;
        Ok(guest.group)
    }

    /// What accounts shall see, and where.
    fn wanted(&self, offer: &Offer) -> Wanted {
        let accounts = offer.accounts.iter().filter(|account| account.ftp && offer.ftp.is_some());
        let mut wanted = Wanted::new();
        for account in accounts {
            for share in &offer.shares {
                let right = of_account(share, &account.name);
                if right > Right::Nothing {
                    let place = self.users().join(&account.name).join(&share.name);
                    wanted.insert(place, (share.path.clone(), right == Right::Read));
                }
            }
        }
        wanted
    }

    /// Keeps out who has another password now, or may do less, or nothing; and takes away what is seen too much.
    async fn remove(&self, offer: &Offer, wanted: &Wanted) -> Result<(), Failure> {
        let standing = places(&self.users());
        let is_wanted = |place: &PathBuf| {
            wanted.get(place).is_some_and(|(path, read_only)| {
                open(path).is_ok_and(|source| is_attached(&source, place, *read_only))
            })
        };
        let less: Vec<&PathBuf> = standing.iter().filter(|place| !is_wanted(place)).collect();
        let may_stay = |name: &String| {
            let account = offer.accounts.iter().find(|account| account.name == *name && account.ftp);
            let same = account.is_some_and(|account| {
                self.set.borrow().get(name).is_none_or(|before| *before == account.password)
            });
            let home = self.users().join(name);
            offer.ftp.is_some() && same && !less.iter().any(|place| place.starts_with(&home))
        };
        // Whoever has been logged in by a life of ours before is on the list, too.
        let listed = self.listed()?;
        let out: BTreeSet<String> = listed.iter().filter(|name| !may_stay(name)).cloned().collect();
        self.list_only(&listed.difference(&out).cloned().collect(), offer)?;
        let ours = self.accounts.ours()?;
        for name in &out {
            self.set.borrow_mut().remove(name);
            if ours.contains_key(name) {
                self.accounts.set_password(name, None).await?;
            }
        }
        if let (false, Some(program)) = (out.is_empty(), self.tools.find(NAME)) {
            session::end(&program, &out).await;
        }
        for place in less {
            detach(place)?;
        }
        let homes = std::fs::read_dir(self.users()).into_iter().flatten().flatten();
        for home in homes.map(|entry| entry.path()) {
            // What a life before did not get to mount.
            for place in std::fs::read_dir(&home).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if !wanted.contains_key(&place) {
                    detach(&place)?;
                }
            }
            if !wanted.keys().any(|place| place.starts_with(&home)) {
                detach(&home)?;
            }
        }
        Ok(())
    }

    async fn add(&self, offer: &Offer, wanted: &Wanted, group: u32) -> Result<(), Failure> {
        self.accounts.add(offer).await?;
        let mut names = BTreeSet::new();
        for account in offer.accounts.iter().filter(|account| account.ftp) {
            folder(&self.users().join(&account.name), 0o755)?;
            if self.set.borrow().get(&account.name) != Some(&account.password) {
                self.accounts.set_password(&account.name, Some(&account.password)).await?;
                self.set.borrow_mut().insert(account.name.clone(), account.password.clone());
            }
            names.insert(account.name.clone());
        }
        for (place, (path, read_only)) in wanted {
            let source = Accounts::open_folder(path, group)?;
            attach(&source, place, *read_only)?;
        }
        self.list_only(&names, offer)
    }

    /// What those without an account see; while that is made another, nothing serves.
    async fn put_anonymous(&self, ftp: &Ftp, group: u32) -> Result<(), Failure> {
        let place = self.anonymous();
        if let Some((path, read_only)) = &ftp.anonymous {
            let source = open(path)?;
            if !is_attached(&source, &place, *read_only) {
                self.daemon.stop().await?;
                let source = Accounts::open_folder(path, group)?;
                attach(&source, &place, *read_only)?;
            }
        } else if place.exists() {
            self.daemon.stop().await?;
            detach(&place)?;
        }
        Ok(())
    }

    async fn off(&self, offer: &Offer) -> Result<(), Failure> {
        self.daemon.stop().await?;
        if self.users().exists() {
            let none = Offer { ftp: None, ..offer.clone() };
            self.remove(&none, &Wanted::new()).await?;
            detach(&self.anonymous())?;
        }
        self.accounts.remove_others(offer).await
    }
}

impl Vsftpd {
    /// Makes true what can be.
    async fn serve(&self, offer: &Offer) -> Result<(), Failure> {
        let Some(program) = self.tools.find(NAME) else {
            return Err(Failure::Impossible("vsftpd is not installed".to_owned()));
        };
        // For it, nobody at all would be everybody.
        let Some(ftp) = offer.ftp.as_ref().filter(|ftp| ftp.max_users > 0) else {
            return self.off(offer).await;
        };
        let group = self.folders().await?;
        let text = config::text(ftp, self)?;
        if read(&self.config())?.as_deref() != Some(text.as_str()) {
            self.daemon.stop().await?;
        }
        write(&self.settings.pam.join(config::PAM_SERVICE), config::PAM, 0o644)?;
        let wanted = self.wanted(offer);
        self.remove(offer, &wanted).await?;
        self.accounts.remove_others(offer).await?;
        self.put_anonymous(ftp, group).await?;
        self.add(offer, &wanted, group).await?;
        write(&self.config(), &text, 0o600)?;
        if self.daemon.state().await? != State::On && listens(ftp.port) {
            return Err(Failure::Refused(format!("somebody else has the port {}", ftp.port)));
        }
        let arguments = vec![self.config().into_os_string()];
        self.daemon.start(Program { path: program, arguments }, || async { listens(ftp.port) }).await
    }
}

#[async_trait(?Send)]
impl Server for Vsftpd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_there(&self) -> bool {
        [NAME, "useradd", "chpasswd"].iter().all(|program| self.tools.find(program).is_some())
    }

    async fn state(&self) -> Result<State, Failure> {
        self.daemon.state().await
    }

    async fn process(&self) -> Option<u64> {
        self.daemon.process().await
    }

    async fn apply(&self, offer: &Offer) -> Result<(), Failure> {
        check(offer)?;
        let (offer, clash) = self.accounts.without_others(offer)?;
        if offer.ftp.is_none() {
            self.serve(&offer).await?;
            return clash;
        }
        let (offer, closed) = self.accounts.without_closed(&offer).await?;
        self.serve(&offer).await?;
        clash.and(closed)
    }
}

#[cfg(test)]
mod tests;
