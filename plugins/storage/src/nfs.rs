//! NFS-Ganesha: exports are added and removed over D-Bus while it runs; files of the same are there for its next start.
//!
//! A client of NFS says who it is, and nobody can tell whether that is true. So only what is for everybody is offered, and all
//! are the same one account here.

mod bus;
mod export;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use async_trait::async_trait;
use zbus::Connection;

use crate::accounts::{check, Accounts};
use crate::back_end::{Events, Failure, Server, State};
use crate::control::{folder, open, read, remove, write, Daemon, Places, Program, Settings, Tools};
use crate::plan::Offer;

use bus::Exports;
use export::Export;

const NAME: &str = "ganesha.nfsd";

/// NFS-Ganesha.
#[derive(Debug)]
pub(crate) struct Ganesha {
    settings: Settings,
    tools: Tools,
    accounts: Accounts,
    daemon: Daemon,
    exports: Exports,
}

impl Ganesha {
    pub(crate) fn new(settings: &Settings, bus: &Connection, events: Events) -> Self {
        let tools = Tools::new(&settings.programs);
        Self {
            accounts: Accounts::new(settings, &tools),
            daemon: Daemon::new(NAME, &settings.nfs_unit, settings, bus, events),
            tools,
            settings: settings.clone(),
            exports: Exports::new(bus),
        }
    }

    fn config(&self) -> PathBuf {
        self.settings.run.join("ganesha.conf")
    }

    fn places(&self) -> PathBuf {
        self.settings.run.join("nfs")
    }

    /// Files of exports, by their numbers.
    fn files(&self) -> PathBuf {
        self.settings.run.join("nfs-exports")
    }

    fn file(&self, number: u16) -> PathBuf {
        self.files().join(format!("{number}.conf"))
    }

    fn folders(&self) -> Result<(), Failure> {
        folder(&self.settings.run, 0o755)?;
        folder(&self.settings.state, 0o711)?;
        folder(&self.settings.state.join("nfs"), 0o700)?;
        folder(&self.places(), 0o711)?;
        folder(&self.files(), 0o700)
    }

    /// The exports that there are files of, with what these say.
    fn standing(&self) -> Result<BTreeMap<u16, String>, Failure> {
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir(self.files()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(number) = name.strip_suffix(".conf").and_then(|number| number.parse().ok()) else {
                continue;
            };
            all.extend(read(&entry.path())?.map(|text| (number, text)));
        }
        Ok(all)
    }

    fn wanted(&self, offer: &Offer, ids: crate::accounts::Ids) -> Result<BTreeMap<u16, Export>, Failure> {
        let standing = self.standing()?;
        let mut wanted = BTreeMap::new();
        for share in &offer.shares {
            let place = self.places().join(&share.name);
            let Some(mut export) = Export::new(share, place, ids) else { continue };
            // One that is there keeps its number: clients know what they have open by it.
            let same = standing.iter().find(|(number, text)| export.same_place(**number, text));
            let number = match same {
                Some((number, _)) => *number,
                None => (export::FIRST..=u16::MAX)
                    .find(|number| !standing.contains_key(number) && !wanted.contains_key(number))
                    .ok_or_else(|| Failure::Impossible("too many exports".to_owned()))?,
            };
            export.number = number;
            wanted.insert(number, export);
        }
        Ok(wanted)
    }

    fn is_seen(export: &Export, mounted: &Places) -> bool {
        open(&export.path).is_ok_and(|source| mounted.has(&source, &export.place, export.read_only))
    }

    /// Takes away what is not offered any more, or in another way.
    async fn remove(&self, wanted: &BTreeMap<u16, Export>, runs: bool) -> Result<(), Failure> {
        let live = if runs { self.exports.list().await? } else { Vec::new() };
        let mut mounted = Places::read(&self.places());
        for (number, text) in self.standing()? {
            let stays = wanted
                .get(&number)
                .is_some_and(|export| export.text() == text && Self::is_seen(export, &mounted));
            if stays {
                continue;
            }
            if live.contains(&number) {
                self.exports.remove(number).await?;
            }
            remove(&self.file(number))?;
        }
        let seen = wanted.values().filter(|export| Self::is_seen(export, &mounted));
        let seen: BTreeSet<&PathBuf> = seen.map(|export| &export.place).collect();
        let unseen: Vec<PathBuf> = mounted.all().filter(|place| !seen.contains(place)).cloned().collect();
        for place in &unseen {
            mounted.detach(place)?;
        }
        Ok(())
    }

    async fn add(&self, wanted: &BTreeMap<u16, Export>, group: u32, runs: bool) -> Result<(), Failure> {
        let live = if runs { self.exports.list().await? } else { Vec::new() };
        let mut mounted = Places::read(&self.places());
        for (number, export) in wanted {
            // Who reads comes in between.
            tokio::task::yield_now().await;
            let source = Accounts::open_folder(&export.path, group)?;
            mounted.attach(&source, &export.place, export.read_only)?;
            write(&self.file(*number), &export.text(), 0o600)?;
            if runs && !live.contains(number) {
                let added = self.exports.add(&self.file(*number), *number).await;
                if added.is_err() {
                    // It is not offered, and shall not be at the next start either.
                    remove(&self.file(*number))?;
                }
                added?;
            }
        }
        Ok(())
    }

    fn main_text(&self, wanted: &BTreeMap<u16, Export>) -> Result<String, Failure> {
        let files: Vec<PathBuf> = wanted.keys().map(|number| self.file(*number)).collect();
        export::main(self.settings.nfs_port, &self.settings.state.join("nfs"), &files)
    }

    async fn off(&self) -> Result<(), Failure> {
        self.daemon.stop().await?;
        self.remove(&BTreeMap::new(), false).await
    }
}

impl Ganesha {
    /// Makes true what can be.
    async fn serve(&self, offer: &Offer) -> Result<(), Failure> {
        let Some(program) = self.tools.find(NAME) else {
            return Err(Failure::Impossible("NFS-Ganesha is not installed".to_owned()));
        };
        if !offer.nfs {
            return self.off().await;
        }
        let ids = self.accounts.guest_ids().await?;
        self.folders()?;
        let wanted = self.wanted(offer, ids)?;
        if self.state().await? == State::Failed {
            self.daemon.stop().await?;
        }
        let runs = self.daemon.state().await? == State::On;
        self.remove(&wanted, runs).await?;
        let added = self.add(&wanted, ids.group, runs).await;
        // Also of what was added before something failed: the next start has no more than that.
        let standing = self.standing()?;
        let there: BTreeMap<_, _> =
            wanted.into_iter().filter(|(number, _)| standing.contains_key(number)).collect();
        write(&self.config(), &self.main_text(&there)?, 0o600)?;
        added?;
        let mut arguments: Vec<std::ffi::OsString> =
            ["-F", "-L", "/dev/stderr", "-N", "NIV_WARN"].map(Into::into).into();
        arguments.extend(["-f".into(), self.config().into_os_string()]);
        arguments.extend(["-p".into(), self.settings.run.join("ganesha.own-pid").into_os_string()]);
        let ready = || async { self.exports.list().await.is_ok() };
        self.daemon.start(Program { path: program, arguments }, ready).await
    }
}

#[async_trait(?Send)]
impl Server for Ganesha {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_there(&self) -> bool {
        [NAME, "useradd"].iter().all(|program| self.tools.find(program).is_some())
    }

    async fn state(&self) -> Result<State, Failure> {
        match self.daemon.state().await? {
            // What does not answer cannot be told anything.
            State::On if self.exports.list().await.is_err() => Ok(State::Failed),
            state => Ok(state),
        }
    }

    async fn process(&self) -> Option<u64> {
        self.daemon.process().await
    }

    async fn apply(&self, offer: &Offer) -> Result<(), Failure> {
        check(offer)?;
        if !offer.nfs {
            return self.serve(offer).await;
        }
        let (offer, closed) = self.accounts.without_closed(offer).await?;
        self.serve(&offer).await?;
        closed
    }
}

#[cfg(test)]
mod tests;
