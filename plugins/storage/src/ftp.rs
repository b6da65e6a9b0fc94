//! vsftpd: every account has a folder of its own with the shares that it may use, each mounted as it may be used.
//!
//! Passwords are Unix passwords of accounts that have expired: only vsftpd lets them in, since the file that it has for PAM
//! does not ask whether an account has expired. A name that is not on our list is not even asked for its password.

mod config;
mod session;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use zbus::Connection;

use crate::accounts::{by_ftp, check, said, Accounts, Right};
use crate::back_end::{Events, Failure, Server, State};
use crate::control::{
    attach, detach, folder, is_attached, listens, open, read, write, Daemon, Places, Program, Settings, Tools,
};
use crate::plan::{Ftp, Offer, Secret};

const NAME: &str = "vsftpd";
/// How many folders are mounted for accounts, over all: each is a mount of its own, which every process that lists mounts reads.
const MAX_PLACES: usize = 4_000;
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
    /// Whose turn it is to change what is mounted.
    turn: Arc<Mutex<()>>,
}

/// A place, the folder that is seen there, and whether it is only read.
type Wanted = BTreeMap<PathBuf, (PathBuf, bool)>;

/// What accounts shall see below their folder, and where; and whether it is more than there is place for. What is said of an
/// account comes before what is for everybody.
fn wanted(offer: &Offer, users: &Path) -> (Wanted, bool) {
    let mut wanted = Wanted::new();
    if offer.ftp.is_none() {
        return (wanted, false);
    }
    for own in [true, false] {
        for account in offer.accounts.iter().filter(|account| account.ftp) {
            for share in &offer.shares {
                let right = by_ftp(share, &account.name);
                if right == Right::Nothing || own != (said(share, &account.name) > Right::Nothing) {
                    continue;
                }
                if wanted.len() == MAX_PLACES {
                    return (wanted, true);
                }
                let place = users.join(&account.name).join(&share.name);
                wanted.insert(place, (share.path.clone(), right == Right::Read));
            }
        }
    }
    (wanted, false)
}

impl Vsftpd {
    pub(crate) fn new(settings: &Settings, bus: &Connection, events: Events) -> Self {
        let tools = Tools::new(&settings.programs);
        Self {
            accounts: Accounts::new(settings, &tools),
            daemon: Daemon::new(NAME, &settings.ftp_unit, settings, bus, events),
            tools,
            settings: settings.clone(),
            set: RefCell::default(),
            turn: Arc::default(),
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

    /// Looks at places, or changes them, where nobody waits for it who reads: one after the other, also if nobody waits for the
    /// first any more.
    async fn with_places<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Places) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let (turn, users) = (Arc::clone(&self.turn), self.users());
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut Places::read(&users))
        });
        work.await.unwrap_or_else(|error| Err(Failure::Refused(format!("places of accounts: {error}"))))
    }

    /// Keeps out who has another password now, or may do less, or nothing; and takes away what is seen too much.
    async fn remove(&self, offer: &Offer, wanted: &Wanted) -> Result<(), Failure> {
        let now = wanted.clone();
        let less = self.with_places(move |places| {
            let is_wanted = |place: &PathBuf| {
                now.get(place).is_some_and(|(path, read_only)| {
                    open(path).is_ok_and(|source| places.has(&source, place, *read_only))
                })
            };
            Ok(places.all().filter(|place| !is_wanted(place)).cloned().collect::<Vec<PathBuf>>())
        });
        let less = less.await?;
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
        let (users, now) = (self.users(), wanted.clone());
        let tidy = move |places: &mut Places| {
            for place in &less {
                places.detach(place)?;
            }
            let homes = std::fs::read_dir(&users).into_iter().flatten().flatten();
            let used: BTreeSet<&Path> = now.keys().filter_map(|place| place.parent()).collect();
            for home in homes.map(|entry| entry.path()) {
                // What a life before did not get to mount.
                for place in
                    std::fs::read_dir(&home).into_iter().flatten().flatten().map(|entry| entry.path())
                {
                    if !now.contains_key(&place) {
                        places.detach(&place)?;
                    }
                }
                if !used.contains(home.as_path()) {
                    places.detach(&home)?;
                }
            }
            Ok(())
        };
        self.with_places(tidy).await
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
        let now = wanted.clone();
        let mount = move |places: &mut Places| {
            for (place, (path, read_only)) in &now {
                let source = Accounts::open_folder(path, group)?;
                places.attach(&source, place, *read_only)?;
            }
            Ok(())
        };
        self.with_places(mount).await?;
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
        let (wanted, more) = wanted(offer, &self.users());
        self.remove(offer, &wanted).await?;
        self.accounts.remove_others(offer).await?;
        self.put_anonymous(ftp, group).await?;
        self.add(offer, &wanted, group).await?;
        write(&self.config(), &text, 0o600)?;
        if self.daemon.state().await? != State::On && listens(ftp.port) {
            return Err(Failure::Refused(format!("somebody else has the port {}", ftp.port)));
        }
        let arguments = vec![self.config().into_os_string()];
        self.daemon.start(Program { path: program, arguments }, || async { listens(ftp.port) }).await?;
        if more {
            let told = format!(
                "folders of all accounts together are more than {MAX_PLACES} by FTP: some are left out"
            );
            return Err(Failure::Impossible(told));
        }
        Ok(())
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
