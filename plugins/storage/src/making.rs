//! Volumes that are made for rows: what came of each, its job on the bus, and which volume a row is for ever.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use cwmp_plugin_sdk::{Error, Host, Job, Level};
use tokio::task::JoinHandle;

use crate::back_end::{Event, Failure, Unfinished};
use crate::enforce::error_of;
use crate::facts::Volume;
use crate::objects::ONLY;
use crate::plan::NewVolume;
use crate::plugin::Storage;
use crate::row_id::RowId;
use crate::tree::Node;
use crate::udisks::has_place;
use crate::view::MB;
use crate::wish::Wishes;

/// Before the number of a row in the store: the key of the volume that was made for it.
const MADE: &str = "made/";
/// Before the number of a row in the store: the partition that was made for it and is not a whole volume yet, in JSON.
const UNFINISHED: &str = "unfinished/";

/// What a making came to, once it has ended.
type Came = Rc<RefCell<Option<Result<(), Failure>>>>;

/// A making.
#[derive(Debug)]
struct Making {
    new: NewVolume,
    came: Came,
    task: JoinHandle<()>,
}

impl Making {
    fn is_going(&self) -> bool {
        self.came.borrow().is_none()
    }
}

/// The job that shows a making on the bus. Given up it was cancelled: nobody wants its volume any more.
#[derive(Debug)]
struct Shown {
    job: Option<Job>,
}

impl Shown {
    fn end(mut self, result: Result<(), Error>) {
        if let Some(job) = self.job.take() {
            job.finish(result);
        }
    }

    fn progress(&self, permille: Option<u16>, text: &str) {
        if let Some(job) = &self.job {
            job.progress(permille, text);
        }
    }

    /// Ends when somebody wants it to stop.
    async fn cancelled(&self) {
        match &self.job {
            Some(job) => job.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            job.finish(Err(Error::Cancelled));
        }
    }
}

/// All makings, and what was made.
#[derive(Debug)]
pub(crate) struct Makings {
    host: Host,
    made: RefCell<BTreeMap<u32, String>>,
    unfinished: RefCell<BTreeMap<u32, Unfinished>>,
    running: RefCell<BTreeMap<u32, Making>>,
    /// What is made and was not seen mounted yet, with its drive: only then its job has ended.
    arriving: RefCell<BTreeMap<u32, (String, Shown)>>,
}

impl Makings {
    /// What was made before.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut made = BTreeMap::new();
        for kept in host.store_list(MADE)? {
            if let (Ok(row), Some(key)) = (kept[MADE.len()..].parse(), host.store_get(&kept)?) {
                made.insert(row, key);
            }
        }
        let mut unfinished = BTreeMap::new();
        for kept in host.store_list(UNFINISHED)? {
            let about = host.store_get(&kept)?.and_then(|text| serde_json::from_str(&text).ok());
            if let (Ok(row), Some(about)) = (kept[UNFINISHED.len()..].parse(), about) {
                unfinished.insert(row, about);
            }
        }
        let (made, unfinished) = (RefCell::new(made), RefCell::new(unfinished));
        Ok(Self {
            host: host.clone(),
            made,
            unfinished,
            running: RefCell::default(),
            arriving: RefCell::default(),
        })
    }

    /// The keys of what was made, by the number of the row.
    pub(crate) fn made(&self) -> BTreeMap<u32, String> {
        self.made.borrow().clone()
    }

    /// What failed, with the reason.
    pub(crate) fn failures(&self) -> BTreeMap<RowId, String> {
        let running = self.running.borrow();
        let failed = running.iter().filter_map(|(row, making)| match &*making.came.borrow() {
            Some(Err(failure)) => Some((RowId::Added(*row), failure.to_string())),
            _ => None,
        });
        failed.collect()
    }

    /// Whether this is half of a volume that is being made, or could not be: it is no row of its own. What somebody has made
    /// of it since is one.
    pub(crate) fn is_part(&self, volume: &Volume) -> bool {
        let running = self.running.borrow();
        let is_going = |row: &u32| running.get(row).is_some_and(Making::is_going);
        let empty = volume.filesystem.is_empty() && !volume.encrypted;
        let unfinished = self.unfinished.borrow();
        let mut own = unfinished.iter().filter(|(_, about)| about.key == volume.key);
        own.any(|(row, _)| empty || is_going(row))
    }

    /// Ends all of them, and waits until they are gone.
    pub(crate) async fn stop(&self) {
        let all = std::mem::take(&mut *self.running.borrow_mut());
        for (_, making) in all {
            making.task.abort();
            let _ = making.task.await;
        }
        self.arriving.borrow_mut().clear();
    }

    fn is_anothers(&self, row: u32, key: &str) -> bool {
        self.made.borrow().iter().any(|(other, made)| *other != row && made == key)
    }

    fn keep(&self, row: u32, key: &str) -> Result<(), Error> {
        self.made.borrow_mut().insert(row, key.to_owned());
        self.unfinished.borrow_mut().remove(&row);
        self.host.store_put(&format!("{MADE}{row}"), key)?;
        self.host.store_delete(&format!("{UNFINISHED}{row}"))
    }

    /// Notes what a making has not finished.
    fn note(&self, row: u32, unfinished: Option<&Unfinished>) -> Result<(), Error> {
        let key = format!("{UNFINISHED}{row}");
        let Some(about) = unfinished else {
            self.unfinished.borrow_mut().remove(&row);
            return self.host.store_delete(&key);
        };
        self.unfinished.borrow_mut().insert(row, about.clone());
        self.host.store_put(&key, &text_of(about)?)
    }

    /// Stores again what a host has discarded because a commit failed while it was stored.
    pub(crate) fn store_again(&self) -> Result<(), Error> {
        let (made, unfinished) = (self.made(), self.unfinished.borrow().clone());
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        all.extend(made.into_iter().map(|(row, key)| (format!("{MADE}{row}"), key)));
        for (row, about) in unfinished {
            all.insert(format!("{UNFINISHED}{row}"), text_of(&about)?);
        }
        for (key, value) in &all {
            if self.host.store_get(key)?.as_ref() != Some(value) {
                self.host.store_put(key, value)?;
            }
        }
        for kept in [self.host.store_list(MADE)?, self.host.store_list(UNFINISHED)?].concat() {
            if !all.contains_key(&kept) {
                self.host.store_delete(&kept)?;
            }
        }
        Ok(())
    }

    /// Forgets what was made for rows that are gone.
    pub(crate) fn forget_others(&self, wishes: &Wishes) -> Result<(), Error> {
        let there = |row: &u32| wishes.volumes.contains_key(&RowId::Added(*row));
        self.made.borrow_mut().retain(|row, _| there(row));
        // What is going on is ended first, and then knows better.
        let going: BTreeSet<u32> = self.running.borrow().keys().copied().collect();
        self.unfinished.borrow_mut().retain(|row, _| there(row) || going.contains(row));
        self.store_again()
    }
}

fn text_of(about: &Unfinished) -> Result<String, Error> {
    serde_json::to_string(about).map_err(|error| Error::internal(error.to_string()))
}

impl Storage {
    /// What is to be made for a row, if anything is.
    fn wanted(&self, node: &Node) -> Option<(u32, NewVolume)> {
        let RowId::Added(row) = node.id else { return None };
        if node.made.is_some() || !node.enabled() {
            return None;
        }
        let size = node.wish.capacity.filter(|capacity| *capacity > 0);
        let new = NewVolume {
            drive: node.wish.drive.clone()?,
            size: size.map(|capacity| u64::from(capacity) * MB),
            filesystem: self.back.filesystem.clone(),
            label: node
                .wish
                .name
                .clone()
                .filter(|name| has_place(&self.back.filesystem, name))
                .unwrap_or_default(),
        };
        Some((row, new))
    }

    /// Begins what is to be made, and ends what nobody wants any more. What failed stays so until something else is wanted,
    /// or somebody sets `Enable` once more ([`make_again`](Self::make_again)).
    pub(crate) async fn make(self: &Rc<Self>) -> Result<(), Error> {
        let (tree, world) = {
            let state = self.state.borrow();
            (Rc::clone(&state.tree), Rc::clone(&state.world))
        };
        let wanted: BTreeMap<u32, NewVolume> =
            tree.volumes.iter().filter_map(|node| self.wanted(node)).collect();
        let mut old = Vec::new();
        {
            let mut running = self.makings.running.borrow_mut();
            let all: Vec<u32> = running.keys().copied().collect();
            for row in all {
                // What is being made is mounted by whoever made it, and only then not wanted any more.
                let same = running.get(&row).is_some_and(|making| wanted.get(&row) == Some(&making.new));
                if !same {
                    old.extend(running.remove(&row));
                }
            }
        }
        for making in old {
            if making.is_going() {
                making.task.abort();
            }
            let _ = making.task.await;
        }
        for (row, new) in wanted {
            // A drive that is not there, or whom nobody can ask, is waited for.
            if world.away.is_some() || world.drive(&new.drive).is_none() {
                continue;
            }
            if self.makings.running.borrow().contains_key(&row) {
                continue;
            }
            let came = Came::default();
            // Before the task runs: whoever set something finds the job as soon as he is answered.
            let job = self.host.begin_job(&format!("{ONLY}.LogicalVolume.{row}."), "making a volume");
            let work = Rc::clone(self).work(row, new.clone(), Shown { job: Some(job) }, Rc::clone(&came));
            let task = tokio::task::spawn_local(work);
            self.makings.running.borrow_mut().insert(row, Making { new, came, task });
        }
        Ok(())
    }

    /// Makes a volume.
    async fn work(self: Rc<Self>, row: u32, new: NewVolume, shown: Shown, came: Came) {
        let progress = |permille: Option<u16>, text: &str| shown.progress(permille, text);
        let note = |unfinished: Option<&Unfinished>| {
            if let Err(error) = self.makings.note(row, unfinished) {
                // What cannot be noted may stay half made; then it is a row of its own.
                self.host.log(Level::Warning, &format!("volume {row} cannot be noted, ignoring: {error}"));
            }
        };
        let before = self.makings.unfinished.borrow().get(&row).cloned();
        let before = before.filter(|before| before.drive == new.drive);
        let result = tokio::select! {
            result = self.back.disks.create(&new, before.as_ref(), &progress, &note) => result,
            // What is given up half-way is taken back by whoever made it.
            () = shown.cancelled() => Err(Failure::Cancelled),
        };
        let result = match result {
            // Another row's it is not, whatever happened meanwhile.
            Ok(key) if self.makings.is_anothers(row, &key) => {
                Err(Failure::Refused(format!("{key} is another row's")))
            }
            Ok(key) => self.makings.keep(row, &key).map_err(|error| Failure::Refused(error.to_string())),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &result {
            self.host.log(Level::Error, &format!("volume {row} cannot be made: {failure}"));
        }
        *came.borrow_mut() = Some(result.clone());
        self.announce();
        match result {
            Ok(()) => drop(self.makings.arriving.borrow_mut().insert(row, (new.drive, shown))),
            // After the status: who hears of the end may look.
            Err(Failure::Cancelled) => shown.end(Err(Error::Cancelled)),
            Err(failure) => shown.end(Err(error_of(&failure))),
        }
        // Whoever hears it mounts the volume, and offers its folders.
        let _ = self.sender.send(Event::Disks);
    }

    /// Ends the jobs of volumes that were made, when they are mounted, or it is known that they will not be.
    pub(crate) fn arrived(&self) {
        let (tree, world) = {
            let state = self.state.borrow();
            (Rc::clone(&state.tree), Rc::clone(&state.world))
        };
        let failures = self.state.borrow().done.failures();
        let result = |row: u32, drive: &str| {
            let id = RowId::Added(row);
            let Some(node) = tree.volume(&id) else { return Some(Err(Error::Cancelled)) };
            if let Some(why) = failures.get(&id) {
                return Some(Err(Error::internal(why.clone())));
            }
            if world.away.is_none() && node.volume.is_none() && world.drive(drive).is_none() {
                return Some(Err(error_of(&Failure::Gone(drive.to_owned()))));
            }
            // One that was switched off meanwhile is made all the same.
            let there = world.away.is_none() && (node.mount().is_some() || !node.enabled());
            there.then_some(Ok(()))
        };
        let mut arriving = self.makings.arriving.borrow_mut();
        let all: Vec<u32> = arriving.keys().copied().collect();
        for row in all {
            let Some(result) = arriving.get(&row).and_then(|(drive, _)| result(row, drive)) else { continue };
            if let Some((_, shown)) = arriving.remove(&row) {
                shown.end(result);
            }
        }
    }

    /// What failed is tried again.
    pub(crate) fn make_again(&self, row: u32) {
        let mut running = self.makings.running.borrow_mut();
        let failed = running.get(&row).is_some_and(|making| matches!(*making.came.borrow(), Some(Err(_))));
        if failed {
            running.remove(&row);
        }
    }
}
