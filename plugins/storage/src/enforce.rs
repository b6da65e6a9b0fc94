//! Makes true what was set: volumes that are made, mounted, unmounted, removed; and one offer for all servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use cwmp_plugin_sdk::{Error, Host, Level};

use crate::back_end::{Failure, State};
use crate::facts::Volume;
use crate::offer;
use crate::plan::Offer;
use crate::plugin::Storage;
use crate::row_id::RowId;
use crate::tree::Node;

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
    /// Folders that cannot be offered.
    bad: BTreeSet<PathBuf>,
    /// Why they did not.
    refused: Option<Failure>,
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
        self.refused.is_some()
    }
}

/// What somebody who sets something is told.
pub(crate) fn error_of(failure: &Failure) -> Error {
    match failure {
        Failure::Refused(_) | Failure::Impossible(_) => Error::denied(failure.to_string()),
        _ => Error::internal(failure.to_string()),
    }
}

impl Storage {
    /// Makes true what was set just now, and removes these volumes. The error is the first that was met.
    pub(crate) async fn commit(self: &Rc<Self>, removals: &[String]) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        self.state.borrow_mut().done.failed.clear();
        let result = self.enforce(removals).await;
        self.wake.notify_one();
        match result? {
            Some(failure) => Err(error_of(&failure)),
            None => Ok(()),
        }
    }

    /// Makes true what was set once, after something changed by itself. What fails shows in a status.
    pub(crate) async fn restore(self: &Rc<Self>) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        if let Some(failure) = self.enforce(&[]).await? {
            self.host.log(Level::Warning, &format!("what was set cannot be made true: {failure}"));
        }
        Ok(())
    }

    async fn enforce(self: &Rc<Self>, removals: &[String]) -> Result<Option<Failure>, Error> {
        self.reconsider()?;
        // First nobody uses what is to go.
        let mut failure = self.offer(removals).await?;
        if failure.is_none() {
            failure = self.remove(removals).await;
        }
        if failure.is_some() && !removals.is_empty() {
            // The rows come back, and are to be what they were.
            return Ok(failure);
        }
        self.makings.forget_others(&Rc::clone(&self.state.borrow().wishes))?;
        self.reconsider()?;
        self.make().await?;
        // What was made before the power went may be known only now.
        self.reconsider()?;
        let acted = self.mount_all(&mut failure).await;
        if acted || !removals.is_empty() {
            self.look_at_disks().await;
            self.reconsider()?;
        }
        let offered = self.offer(&[]).await?;
        self.measure().await;
        self.reconsider()?;
        match failure.or(offered) {
            // What is gone from the disk cannot be taken back, so neither is anything that goes with it.
            Some(failure) if !removals.is_empty() => {
                self.host.log(Level::Warning, &format!("what was set cannot be made true: {failure}"));
                Ok(None)
            }
            failure => Ok(failure),
        }
    }

    async fn remove(&self, removals: &[String]) -> Option<Failure> {
        for key in removals {
            match self.back.disks.delete(key).await {
                Ok(()) | Err(Failure::Gone(_)) => {}
                Err(failure) => return Some(failure),
            }
        }
        if !removals.is_empty() {
            self.look_at_disks().await;
        }
        None
    }

    /// Mounts, unmounts and names volumes. Says whether anything was done.
    async fn mount_all(&self, failure: &mut Option<Failure>) -> bool {
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
                    failure.get_or_insert(why);
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

    /// Tells the servers what is offered, but nothing of these volumes.
    async fn offer(&self, without: &[String]) -> Result<Option<Failure>, Error> {
        let (wishes, tree) = {
            let state = self.state.borrow();
            (Rc::clone(&state.wishes), Rc::clone(&state.tree))
        };
        if !offer::touches(&wishes) && self.state.borrow().image.is_none() {
            return Ok(None);
        }
        self.remember_image()?;
        let net = self.view(|view| (view.net(), view.servers(), view.ftp()));
        let (offer, folders) = offer::build(&wishes, &tree, without, net);
        if self.state.borrow().done.offered.as_ref() == Some(&offer) {
            return Ok(None);
        }
        let made = tokio::task::spawn_blocking(move || offer::make_folders(&folders)).await;
        let bad: BTreeMap<PathBuf, Failure> = made.unwrap_or_default().into_iter().collect();
        // One that cannot be offered is refused when it is new, and keeps nobody from the others.
        let known = self.state.borrow().done.bad.clone();
        let mut failure = bad.iter().find(|(path, _)| !known.contains(*path)).map(|(_, why)| why.clone());
        let bad: BTreeSet<PathBuf> = bad.into_keys().collect();
        let told = offer::without(&offer, &bad);
        for server in self.back.servers() {
            if let Err(why) = server.apply(&told).await {
                failure.get_or_insert(why);
            }
        }
        self.look_at_servers(None).await;
        let mut state = self.state.borrow_mut();
        // As long as something is missing, it is looked at again.
        state.done.offered = (failure.is_none() && bad.is_empty()).then_some(offer);
        state.done.bad = bad;
        state.done.refused.clone_from(&failure);
        Ok(failure)
    }
}
