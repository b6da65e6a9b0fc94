//! Samba: shares are user shares, accounts are in its own password database.
//!
//! ```text
//!   offer --> smb.conf (what holds for all) --> smbd
//!         --> accounts of Unix --> smbpasswd
//!         --> places --> usershares: who may use which --> smbcontrol: who used what is less now, is cut off
//! ```

mod config;
mod session;
mod share;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use async_trait::async_trait;
use zbus::Connection;

use crate::accounts::{check, Accounts};
use crate::back_end::{Events, Failure, Server, State};
use crate::control::{folder, listens, open, write, Daemon, Places, Program, Settings, Tools};
use crate::plan::{Offer, Secret};

const NAME: &str = "smbd";

/// Samba.
#[derive(Debug)]
pub(crate) struct Samba {
    settings: Settings,
    tools: Tools,
    accounts: Accounts,
    daemon: Daemon,
    /// The passwords that are set.
    set: RefCell<BTreeMap<String, Secret>>,
}

impl Samba {
    pub(crate) fn new(settings: &Settings, bus: &Connection, events: Events) -> Self {
        let tools = Tools::new(&settings.programs);
        Self {
            accounts: Accounts::new(settings, &tools),
            daemon: Daemon::new(NAME, &settings.smb_unit, settings, bus, events),
            tools,
            settings: settings.clone(),
            set: RefCell::default(),
        }
    }

    fn config(&self) -> PathBuf {
        self.settings.run.join("smb.conf")
    }

    fn places(&self) -> PathBuf {
        self.settings.run.join("smb")
    }

    fn shares(&self) -> PathBuf {
        self.settings.run.join("usershares")
    }

    /// An argument that has a program read our configuration.
    fn configured(&self) -> [String; 2] {
        ["-s".to_owned(), self.config().display().to_string()]
    }

    async fn control(&self, words: &[&str]) -> Result<String, Failure> {
        let mut arguments: Vec<String> = self.configured().into();
        arguments.extend(words.iter().map(|&word| word.to_owned()));
        self.tools.run("smbcontrol", &arguments, None).await
    }

    /// Whether it answers.
    async fn answers(&self) -> bool {
        let pong = self.control(&["-t", "2", "smbd", "ping"]).await;
        // It ends well, too, when nobody has answered.
        pong.is_ok_and(|text| text.contains("PONG"))
    }

    fn folders(&self) -> Result<(), Failure> {
        folder(&self.settings.run, 0o755)?;
        folder(&self.settings.state, 0o711)?;
        for name in config::FOLDERS {
            folder(&self.settings.run.join("samba").join(name), 0o755)?;
        }
        folder(&self.settings.state.join("samba"), 0o700)?;
        folder(&self.places(), 0o711)?;
        // Samba takes no shares from a folder that is not so.
        folder(&self.shares(), 0o1770)
    }

    /// Takes away what is not offered any more, or less than before.
    async fn remove(&self, offer: &Offer) -> Result<(), Failure> {
        let ours = self.accounts.ours()?;
        let mut ended: Vec<u32> = Vec::new();
        for name in self.known().await? {
            let account = offer.accounts.iter().find(|account| account.name == name);
            let changed =
                |password: &Secret| self.set.borrow().get(&name).is_some_and(|before| before != password);
            match account {
                Some(account) if offer.smb && !changed(&account.password) => {}
                _ => {
                    self.set.borrow_mut().remove(&name);
                    let user = ours.get(&name).map(|ids| ids.user);
                    let mut arguments: Vec<String> = self.configured().into();
                    arguments.extend(["-x".to_owned(), "-u".to_owned(), name]);
                    self.tools.run("pdbedit", &arguments, None).await?;
                    ended.extend(user);
                }
            }
        }
        let wanted = self.wanted(offer)?;
        let mut closed = Vec::new();
        let mut mounted = Places::read(&self.places());
        for (name, text) in share::standing(&self.shares())? {
            // The same folder, at the same place: else nothing of the share before stays.
            let same = |share: &share::UserShare| {
                open(&share.path).is_ok_and(|source| mounted.has(&source, &share.place, false))
            };
            match wanted.get(&name).filter(|share| same(share)) {
                Some(share) if share.is_in(&text) => {}
                // It is written over, later; until then it is only as much as both.
                Some(share) => {
                    self.put(&share.only(&text)).await?;
                    closed.push(name);
                }
                _ => {
                    self.take(&name).await?;
                    closed.push(name);
                }
            }
        }
        self.end(&ended, &closed).await?;
        let standing = share::standing(&self.shares())?;
        // By small letters, as those that are wanted.
        let standing: BTreeSet<String> = standing.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let used = wanted.iter().filter(|(name, _)| standing.contains(*name)).map(|(_, share)| &share.place);
        let used: BTreeSet<&PathBuf> = used.collect();
        let unused: Vec<PathBuf> = mounted.all().filter(|place| !used.contains(place)).cloned().collect();
        for place in &unused {
            mounted.detach(place)?;
        }
        Ok(())
    }

    /// Cuts off the sessions of accounts, and whoever uses one of these shares.
    async fn end(&self, users: &[u32], shares: &[String]) -> Result<(), Failure> {
        if self.daemon.state().await? != State::On || users.is_empty() && shares.is_empty() {
            return Ok(());
        }
        if !self.answers().await {
            // Nobody knows what one that does not answer still allows.
            return self.daemon.stop().await;
        }
        for name in shares {
            self.control(&["smbd", "close-share", name]).await?;
        }
        if users.is_empty() {
            return Ok(());
        }
        let mut arguments: Vec<String> = self.configured().into();
        arguments.extend(["-p".to_owned(), "-n".to_owned()]);
        let text = self.tools.run("smbstatus", &arguments, None).await?;
        for process in session::of_users(&text, users) {
            match self.control(&[&process.to_string(), "shutdown"]).await {
                // It may have ended in the meantime.
                Ok(_) | Err(Failure::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
            session::ended(process).await;
        }
        Ok(())
    }

    /// The names in the database.
    async fn known(&self) -> Result<Vec<String>, Failure> {
        let mut arguments: Vec<String> = self.configured().into();
        arguments.push("-L".to_owned());
        let text = self.tools.run("pdbedit", &arguments, None).await?;
        let names = text.lines().filter_map(|line| line.split_once(':'));
        Ok(names.map(|(name, _)| name.to_owned()).collect())
    }

    fn wanted(&self, offer: &Offer) -> Result<BTreeMap<String, share::UserShare>, Failure> {
        if !offer.smb {
            return Ok(BTreeMap::new());
        }
        let mut ids = self.accounts.ours()?;
        ids.retain(|name, _| offer.accounts.iter().any(|account| account.name == *name));
        let shares = offer.shares.iter().filter_map(|share| {
            let made = share::UserShare::new(share, &ids, self.places().join(&share.name))?;
            // Samba knows shares by their small letters.
            Some((share.name.to_ascii_lowercase(), made))
        });
        Ok(shares.collect())
    }

    async fn add(&self, offer: &Offer) -> Result<(), Failure> {
        let ids = self.accounts.add(offer).await?;
        let guest = self.accounts.guest_ids().await?;
        for account in &offer.accounts {
            if !ids.contains_key(&account.name) {
                return Err(Failure::Refused(format!("the account {} was not made", account.name)));
            }
            if self.set.borrow().get(&account.name) == Some(&account.password) {
                continue;
            }
            let twice = account.password.reveal();
            let lines = Secret::new(format!("{twice}\n{twice}\n"));
            let config = self.config().display().to_string();
            let arguments = ["-c", &config, "-s", "-a", &account.name];
            self.tools.run("smbpasswd", &arguments, Some(&lines)).await?;
            self.set.borrow_mut().insert(account.name.clone(), account.password.clone());
        }
        let standing: BTreeMap<_, _> = share::standing(&self.shares())?.into_iter().collect();
        let mut mounted = Places::read(&self.places());
        for (name, share) in self.wanted(offer)? {
            // Who reads comes in between.
            tokio::task::yield_now().await;
            let source = Accounts::open_folder(&share.path, guest.group)?;
            mounted.attach(&source, &share.place, false)?;
            if !standing.get(&name).is_some_and(|text| share.is_in(text)) {
                self.put(&share).await?;
            }
        }
        Ok(())
    }

    async fn put(&self, share: &share::UserShare) -> Result<(), Failure> {
        let mut arguments = vec!["usershare".to_owned(), "add".to_owned()];
        arguments.extend(self.configured());
        arguments.extend(share.arguments());
        self.tools.run("net", &arguments, None).await?;
        // It says that all is well when it is not.
        let standing = share::standing(&self.shares())?;
        let name = share.name.to_ascii_lowercase();
        if standing.iter().any(|(other, text)| *other == name && share.is_in(text)) {
            return Ok(());
        }
        Err(Failure::Nonsense("net", format!("the share {} is not there", share.name)))
    }

    async fn take(&self, name: &str) -> Result<(), Failure> {
        let mut arguments = vec!["usershare".to_owned(), "delete".to_owned()];
        arguments.extend(self.configured());
        arguments.push(name.to_owned());
        self.tools.run("net", &arguments, None).await?;
        if share::standing(&self.shares())?.iter().any(|(other, _)| other == name) {
            return Err(Failure::Nonsense("net", format!("the share {name} is still there")));
        }
        Ok(())
    }
}

impl Samba {
    /// Makes true what can be.
    async fn serve(&self, offer: &Offer) -> Result<(), Failure> {
        let Some(smbd) = self.tools.find("smbd") else {
            return Err(Failure::Impossible("Samba is not installed".to_owned()));
        };
        self.folders()?;
        let text = config::text(offer, &self.settings, self.accounts.guest())?;
        let other = crate::control::read(&self.config())?.as_deref() != Some(text.as_str());
        if !offer.smb || other || self.state().await? == State::Failed {
            self.daemon.stop().await?;
        }
        write(&self.config(), &text, 0o644)?;
        self.remove(offer).await?;
        self.accounts.remove_others(offer).await?;
        if !offer.smb {
            return Ok(());
        }
        self.add(offer).await?;
        let mut arguments: Vec<std::ffi::OsString> =
            ["--foreground", "--no-process-group"].map(Into::into).into();
        arguments.extend(self.configured().map(Into::into));
        if self.daemon.state().await? != State::On && listens(self.settings.smb_port) {
            // It would run on, and serve nobody.
            return Err(Failure::Refused(format!("somebody else has the port {}", self.settings.smb_port)));
        }
        let ready = || async { listens(self.settings.smb_port) && self.answers().await };
        self.daemon.start(Program { path: smbd, arguments }, ready).await
    }
}

#[async_trait(?Send)]
impl Server for Samba {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_there(&self) -> bool {
        let programs = ["smbd", "net", "smbpasswd", "pdbedit", "smbcontrol", "smbstatus", "useradd"];
        programs.iter().all(|program| self.tools.find(program).is_some())
    }

    async fn state(&self) -> Result<State, Failure> {
        match self.daemon.state().await? {
            State::On if !self.answers().await => Ok(State::Failed),
            state => Ok(state),
        }
    }

    async fn process(&self) -> Option<u64> {
        self.daemon.process().await
    }

    async fn apply(&self, offer: &Offer) -> Result<(), Failure> {
        check(offer)?;
        let (offer, clash) = self.accounts.without_others(offer)?;
        if !offer.smb {
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
