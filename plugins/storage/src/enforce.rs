//! Makes true what was set: volumes that are made, mounted, unmounted, removed; and one offer for all servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use cwmp_plugin_sdk::{Error, Host, Level};

use crate::back_end::{Event, Failure, State};
use crate::facts::Volume;
use crate::offer;
use crate::plan::Offer;
use crate::plugin::Storage;
use crate::row_id::RowId;
use crate::tree::Node;
use crate::wish::Wishes;

/// That the servers were told something once, in the store: the names of those that ran before, a line each.
const OFFERED: &str = "offered";

/// What was kept of the servers that the image runs.
pub(crate) fn image(host: &Host) -> Result<Option<Rc<BTreeSet<String>>>, Error> {
    let kept = host.store_get(OFFERED)?;
    Ok(kept.map(|text| Rc::new(text.lines().map(str::to_owned).collect())))
}

/// What was made true, or was not.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// What could not be made true of a volume, with what was wanted and what was there: it is not tried again until one of
    /// them is different.
    failed: BTreeMap<RowId, (Option<bool>, Option<Volume>, Failure)>,
    /// The names that volumes were given, or could not be given.
    names: BTreeMap<RowId, String>,
    /// What the servers were told last, if they took it.
    offered: Option<Offer>,
    /// What they were told last, whether they took it or not.
    last: Option<Offer>,
    /// Those without an account are to come in by FTP, and there is no folder for them.
    astray: bool,
    /// More than they are told of is set.
    too_many: bool,
    /// Folders that cannot be offered.
    bad: BTreeSet<PathBuf>,
    /// The servers that did not take it, and why.
    refused: BTreeMap<&'static str, Failure>,
}

impl Done {
    /// What could not be made true, with the reason.
    pub(crate) fn failures(&self) -> BTreeMap<RowId, String> {
        self.failed.iter().map(|(id, (_, _, failure))| (id.clone(), failure.to_string())).collect()
    }

    /// The servers are told everything again.
    pub(crate) fn doubt(&mut self) {
        self.offered = None;
    }

    /// Whether the servers did not take what they were told.
    pub(crate) fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Volumes may have been given other names.
    pub(crate) fn forget_names(&mut self) {
        self.names.clear();
    }
}

/// What somebody who sets something is told.
pub(crate) fn error_of(failure: &Failure) -> Error {
    match failure {
        Failure::Refused(_) | Failure::Impossible(_) => Error::denied(failure.to_string()),
        _ => Error::internal(failure.to_string()),
    }
}

/// What a commit is about: only what fails of this is the fault of whoever sets it.
#[derive(Debug, Default)]
pub(crate) struct Own {
    volumes: BTreeSet<RowId>,
    servers: BTreeSet<&'static str>,
}

impl Storage {
    /// Makes true what was set just now. The error is the first that was met of it: what something else could not before, and
    /// what takes away from whom, is no reason to refuse it.
    pub(crate) async fn commit(self: &Rc<Self>, names: &[String]) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        let volumes = self.concerned();
        let called = self.names();
        let about = |what: &str| names.iter().any(|name| name.contains(what));
        let servers = [
            (called.smb, "NetworkServer.SMBEnable"),
            (called.nfs, "NetworkServer.NFSEnable"),
            (called.ftp, "FTPServer."),
        ];
        let servers = servers.into_iter().filter(|(_, what)| about(what)).filter_map(|(name, _)| name);
        let own = Own { volumes, servers: servers.collect() };
        if about("AnonymousUser.StartingFolder") {
            let wishes = Wishes::read(&self.settings, &self.numbers)?;
            if wishes.start().is_some_and(|(_, _, folder)| folder.authenticate_ftp) {
                return Err(Error::value("StartingFolder: the folder asks for an account by FTP"));
            }
        }
        self.state.borrow_mut().done.failed.retain(|id, _| !own.volumes.contains(id));
        self.keep_pending()?;
        let result = self.enforce(Some(&own)).await;
        self.wake.notify_one();
        match result? {
            Some(failure) => Err(error_of(&failure)),
            None => Ok(()),
        }
    }

    /// Makes true what was set once, after something changed by itself. What fails shows in a status.
    pub(crate) async fn restore(self: &Rc<Self>) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        self.make_true().await
    }

    /// Makes true what was set before, after what was set since was taken back.
    pub(crate) async fn restore_all(self: &Rc<Self>) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        self.take_back().await?;
        self.make_true().await?;
        // What is to be made is made when nothing can be taken back, which is a moment later.
        let _ = self.sender.send(Event::Disks);
        Ok(())
    }

    /// What fails is logged.
    pub(crate) async fn make_true(self: &Rc<Self>) -> Result<(), Error> {
        let result = self.enforce(None).await;
        self.wake.notify_one();
        if let Some(failure) = result? {
            self.host.log(Level::Warning, &format!("what was set cannot be made true: {failure}"));
        }
        Ok(())
    }

    async fn enforce(self: &Rc<Self>, own: Option<&Own>) -> Result<Option<Failure>, Error> {
        self.reconsider()?;
        let is_again = own.is_some() && self.is_pending() || self.has_leaving();
        if is_again {
            // First nobody uses what is to go.
            let mut failure = self.offer(own, false).await?;
            let mut going = false;
            if own.is_some() && failure.is_none() {
                match self.let_go().await {
                    Ok(any) => going = any,
                    Err(why) => failure = Some(why),
                }
            }
            if failure.is_some() && own.is_some() {
                // The rows come back, and are to be what they were.
                return Ok(failure);
            }
            if going {
                self.look_at_disks().await;
            }
        }
        if !self.is_pending() {
            self.erase().await?;
            self.makings.forget_others(&Rc::clone(&self.state.borrow().wishes))?;
            self.numbers.store_again()?;
            self.reconsider()?;
            self.make().await?;
        }
        self.reconsider()?;
        let mut failure = None;
        if self.mount_all(&mut failure, own).await {
            self.look_at_disks().await;
            self.reconsider()?;
        }
        let offered = self.offer(own, is_again).await?;
        self.measure().await;
        self.reconsider()?;
        self.arrived();
        Ok(failure.or(offered))
    }

    /// Mounts, unmounts and names volumes. Says whether anything was done.
    async fn mount_all(&self, failure: &mut Option<Failure>, own: Option<&Own>) -> bool {
        let tree = Rc::clone(&self.state.borrow().tree);
        if self.state.borrow().world.away.is_some() {
            return false;
        }
        let mut acted = false;
        for node in &tree.volumes {
            let Some(volume) = &node.volume else {
                self.state.borrow_mut().done.failed.remove(&node.id);
                continue;
            };
            if volume.protected.is_some() {
                continue;
            }
            acted |= self.name(node, volume).await;
            let (wanted, mounted) = (node.wish.enable, !volume.mounts.is_empty());
            if wanted.is_none_or(|wanted| wanted == mounted) {
                self.state.borrow_mut().done.failed.remove(&node.id);
                continue;
            }
            let before = self.state.borrow().done.failed.get(&node.id).cloned();
            if before.is_some_and(|(wish, there, _)| wish == wanted && there.as_ref() == Some(volume)) {
                continue;
            }
            acted = true;
            let result = if mounted {
                self.back.disks.unmount(&volume.key).await
            } else {
                self.back.disks.mount(&volume.key).await.map(|_| ())
            };
            let mut state = self.state.borrow_mut();
            match result {
                Ok(()) => {
                    state.done.failed.remove(&node.id);
                }
                Err(why) => {
                    state.done.failed.insert(node.id.clone(), (wanted, Some(volume.clone()), why.clone()));
                    if own.is_none_or(|own| own.volumes.contains(&node.id)) {
                        failure.get_or_insert(why);
                    }
                }
            }
        }
        self.state.borrow_mut().done.failed.retain(|id, _| tree.volume(id).is_some());
        acted
    }

    /// Gives a volume the name that its row has. One that the filesystem has no place for is the row's alone.
    async fn name(&self, node: &Node, volume: &Volume) -> bool {
        let Some(name) = node.wish.name.as_ref().filter(|name| **name != volume.label) else { return false };
        let before = self.state.borrow_mut().done.names.insert(node.id.clone(), name.clone());
        if before.as_ref() == Some(name) {
            return false;
        }
        if let Err(failure) = self.back.disks.set_label(&volume.key, name).await {
            self.host.log(Level::Info, &format!("a volume keeps its name, ignoring: {failure}"));
        }
        true
    }

    /// Before the servers are told anything for the first time, notes which of them the image runs.
    fn remember_image(&self) -> Result<(), Error> {
        let image = {
            let mut state = self.state.borrow_mut();
            let world = Rc::clone(&state.world);
            let run = |name: &&&str| world.server(name).is_some_and(|state| state != State::Off);
            let now = || Rc::new(world.servers.keys().filter(run).map(|name| (*name).to_owned()).collect());
            Rc::clone(state.image.get_or_insert_with(now))
        };
        // What a commit that failed stored is gone, and is stored once more.
        if self.host.store_get(OFFERED)?.is_none() {
            let image: Vec<&str> = image.iter().map(String::as_str).collect();
            self.host.store_put(OFFERED, &image.join("\n"))?;
        }
        Ok(())
    }

    /// Tells the servers what is offered. `is_again`: those that did not take it were told a moment ago.
    async fn offer(&self, own: Option<&Own>, is_again: bool) -> Result<Option<Failure>, Error> {
        let (wishes, tree) = {
            let state = self.state.borrow();
            (Rc::clone(&state.wishes), Rc::clone(&state.tree))
        };
        if !offer::touches(&wishes) && self.state.borrow().image.is_none() {
            return Ok(None);
        }
        self.remember_image()?;
        let net = self.view(|view| (view.net(), view.servers(), view.ftp()));
        let (mut offer, folders) = offer::build(&wishes, &tree, &self.shares.names(&wishes)?, net);
        let too_many = offer::limit(&mut offer);
        self.tell_astray(&wishes, &offer);
        if self.state.borrow().done.offered.as_ref() == Some(&offer) {
            return Ok(None);
        }
        let made = tokio::task::spawn_blocking(move || offer::make_folders(&folders)).await;
        let bad: BTreeMap<PathBuf, Failure> = made.unwrap_or_default().into_iter().collect();
        let (known_bad, mut refused, last) = {
            let done = &self.state.borrow().done;
            (done.bad.clone(), done.refused.clone(), done.last.clone())
        };
        let told = offer::without(&offer, &bad.keys().cloned().collect());
        // To take away from somebody is never refused because of somebody else; but who holds a volume must let it go.
        let is_less = own.is_some() && !self.has_going() && last.is_some_and(|last| offer.is_within(&last));
        // One that cannot be offered is refused when it is new, and keeps nobody from the others.
        let new_bad = bad.iter().find(|(path, _)| !known_bad.contains(*path)).map(|(_, why)| why.clone());
        let excess = too_many && !std::mem::replace(&mut self.state.borrow_mut().done.too_many, too_many);
        let excess = excess.then(|| Failure::Impossible("too many accounts or folders".to_owned()));
        let mut failure = new_bad.or(excess).filter(|_| !is_less);
        for server in self.back.servers() {
            let name = server.name();
            let concerns = own.is_none_or(|own| own.servers.contains(name));
            if refused.contains_key(name) && (is_again || !concerns) {
                if own.is_some() {
                    // It failed before, and is told in a moment, when nobody waits for it.
                    let _ = self.sender.send(Event::Again);
                }
                continue;
            }
            let taken = server.apply(&told).await;
            // What becomes of it from now on is news.
            self.look_at_servers(Some(name)).await;
            match taken {
                Ok(()) => {
                    refused.remove(name);
                }
                Err(why) => {
                    // Who switches one on is told that it does not serve.
                    let is_wanted =
                        own.is_some_and(|own| own.servers.contains(name)) && self.is_on(name, &told);
                    if !is_less || is_wanted {
                        failure.get_or_insert(why.clone());
                    }
                    refused.insert(name, why);
                }
            }
        }
        let mut state = self.state.borrow_mut();
        // As long as something is missing, it is looked at again.
        state.done.offered = (refused.is_empty() && bad.is_empty()).then_some(offer);
        state.done.last = Some(told);
        state.done.bad = bad.into_keys().collect();
        state.done.refused = refused;
        Ok(failure)
    }

    /// Says once that there is nothing for those without an account, though they are to come in.
    fn tell_astray(&self, wishes: &Wishes, offer: &Offer) {
        let has_none = offer.ftp.as_ref().is_some_and(|ftp| ftp.anonymous.is_none());
        let astray = wishes.ftp.anonymous && has_none;
        let was_astray = std::mem::replace(&mut self.state.borrow_mut().done.astray, astray);
        if astray && !was_astray {
            let text = "nobody comes in by FTP without an account: StartingFolder is no folder that is offered without one";
            self.host.log(Level::Warning, text);
        }
    }

    /// Whether a server is to serve.
    fn is_on(&self, name: &str, offer: &Offer) -> bool {
        let called = self.names();
        let all = [(called.smb, offer.smb), (called.nfs, offer.nfs), (called.ftp, offer.ftp.is_some())];
        all.contains(&(Some(name), true))
    }
}
