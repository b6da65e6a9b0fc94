//! What a transaction did to volumes, as long as it may be taken back; and what can be done only when it cannot any more.
//!
//! ```text
//!   commit ----> nothing is offered of what is to go, and it is unmounted; nobody sees it any more
//!      |                       taken back: mounted and named as before
//!      v
//!   finished --> volumes that are to go are erased, volumes that are wanted are made
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::{Error, Host, Level};
use serde::{Deserialize, Serialize};

use crate::back_end::Failure;
use crate::facts::Volume;
use crate::plugin::Storage;
use crate::row_id::RowId;

/// What a transaction did that is not over, in the store.
const PENDING: &str = "pending";
/// Volumes that are still to be erased, in the store.
const LEAVING: &str = "leaving";
/// How often a volume that nobody uses and that cannot be erased is tried; then it is a row again.
const TRIES: u32 = 5;
/// An agent that was cut off may never say that a transaction holds. When it tells something else so much later, it does: by
/// then whatever it had to take back was taken back.
pub(crate) const LOST: Duration = Duration::from_secs(300);

/// What a transaction did to volumes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// How those were that it concerns.
    before: Vec<Before>,
    going: Vec<Leaving>,
    /// Rows that were deleted, for which something may have been made meanwhile.
    rows: Vec<u32>,
    /// Rows of which somebody set `Enable`: what failed is tried again.
    again: Vec<u32>,
    /// When; after a start, when that was.
    #[serde(skip)]
    since: Option<Instant>,
    #[serde(skip)]
    concerned: BTreeSet<RowId>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Before {
    key: String,
    label: String,
    mounted: bool,
}

/// A volume that is to be erased. It must be all of this: something else may be called the same by then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leaving {
    key: String,
    drive: Option<String>,
    size: u64,
    filesystem: String,
    label: String,
    #[serde(skip)]
    tries: u32,
}

impl Leaving {
    fn of(volume: &Volume) -> Self {
        Self {
            key: volume.key.clone(),
            drive: volume.drive.clone(),
            size: volume.size,
            filesystem: volume.filesystem.clone(),
            label: volume.label.clone(),
            tries: 0,
        }
    }

    fn is(&self, volume: &Volume) -> bool {
        Self { tries: self.tries, ..Self::of(volume) } == *self
    }
}

/// What was kept of both.
pub(crate) fn load(host: &Host) -> Result<(Option<Pending>, Vec<Leaving>), Error> {
    let pending = host.store_get(PENDING)?.and_then(|text| serde_json::from_str(&text).ok());
    let leaving = host.store_get(LEAVING)?.and_then(|text| serde_json::from_str(&text).ok());
    let now = |pending: Pending| Pending { since: Some(Instant::now()), ..pending };
    Ok((pending.map(now), leaving.unwrap_or_default()))
}

fn keep<T: Serialize>(host: &Host, key: &str, what: &T) -> Result<(), Error> {
    let text = serde_json::to_string(what).map_err(|error| Error::internal(error.to_string()))?;
    host.store_put(key, &text)
}

impl Storage {
    /// Whether this volume is on its way out: for whoever reads it is gone.
    pub(crate) fn is_leaving(&self, volume: &Volume) -> bool {
        let pending = self.pending.borrow();
        let going = pending.iter().flat_map(|pending| &pending.going);
        going.chain(&*self.leaving.borrow()).any(|going| going.key == volume.key)
    }

    /// A transaction that concerns these rows is being committed. Nothing of it is done yet: what is there now is noted.
    pub(crate) fn begin_pending(&self, concerned: &[RowId], deleted: &[RowId], again: Vec<u32>) {
        let tree = Rc::clone(&self.state.borrow().tree);
        let mut pending = Pending { again, since: Some(Instant::now()), ..Pending::default() };
        for id in concerned {
            pending.concerned.insert(id.clone());
            let volume = tree.volume(id).and_then(|node| node.volume.as_ref());
            if let Some(volume) = volume.filter(|volume| volume.protected.is_none()) {
                let (key, label) = (volume.key.clone(), volume.label.clone());
                pending.before.push(Before { key, label, mounted: !volume.mounts.is_empty() });
            }
        }
        for id in deleted {
            if let RowId::Added(row) = id {
                pending.rows.push(*row);
            }
            // What was pulled out is only forgotten.
            let volume = tree.volume(id).and_then(|node| node.volume.as_ref());
            pending.going.extend(volume.map(Leaving::of));
        }
        *self.pending.borrow_mut() = Some(pending);
        self.is_new.set(true);
    }

    /// Keeps what was noted, with the commit.
    pub(crate) fn keep_pending(&self) -> Result<(), Error> {
        match &*self.pending.borrow() {
            Some(pending) => keep(&self.host, PENDING, pending),
            None => Ok(()),
        }
    }

    /// Whether a transaction may yet be taken back that concerns volumes.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.borrow().is_some()
    }

    /// The volumes that the transaction at hand concerns.
    pub(crate) fn concerned(&self) -> BTreeSet<RowId> {
        self.pending.borrow().as_ref().map(|pending| pending.concerned.clone()).unwrap_or_default()
    }

    /// Whether the transaction at hand is to erase volumes.
    pub(crate) fn has_going(&self) -> bool {
        self.pending.borrow().as_ref().is_some_and(|pending| !pending.going.is_empty())
    }

    /// Whether volumes are still to be erased.
    pub(crate) fn has_leaving(&self) -> bool {
        !self.leaving.borrow().is_empty()
    }

    /// Unmounts what is to go; who uses it keeps it. Says whether there was anything.
    pub(crate) async fn let_go(&self) -> Result<bool, Failure> {
        let going = self.pending.borrow().as_ref().map(|pending| pending.going.clone()).unwrap_or_default();
        if going.is_empty() {
            return Ok(false);
        }
        let (_, volumes) = self.back.disks.look().await?;
        for volume in volumes.iter().filter(|volume| going.iter().any(|going| going.is(volume))) {
            if let Some(why) = &volume.protected {
                return Err(Failure::Refused(format!("the volume cannot be deleted: {why}")));
            }
            if !volume.mounts.is_empty() {
                match self.back.disks.unmount(&volume.key).await {
                    Ok(()) | Err(Failure::Gone(_)) => {}
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(true)
    }

    /// The transaction does not hold: volumes are as they were. What fails is logged; it shows in a status.
    pub(crate) async fn take_back(&self) -> Result<(), Error> {
        let Some(pending) = self.pending.borrow_mut().take() else { return Ok(()) };
        self.host.store_delete(PENDING)?;
        let Ok((_, volumes)) = self.back.disks.look().await else { return Ok(()) };
        let disks = &self.back.disks;
        for Before { key, label, mounted } in pending.before {
            let Some(volume) = volumes.iter().find(|volume| volume.key == key && volume.protected.is_none())
            else {
                continue;
            };
            let mut failures = Vec::new();
            if volume.label != label {
                failures.extend(disks.set_label(&key, &label).await.err());
            }
            match (mounted, volume.mounts.is_empty()) {
                (true, true) => failures.extend(disks.mount(&key).await.err()),
                (false, false) => failures.extend(disks.unmount(&key).await.err()),
                _ => {}
            }
            for failure in failures {
                self.host.log(Level::Warning, &format!("a volume is not as it was: {failure}"));
            }
        }
        self.state.borrow_mut().done.forget_names();
        self.look_at_disks().await;
        Ok(())
    }

    /// The transaction holds: what could not be undone is done now.
    pub(crate) async fn hold(self: &Rc<Self>) -> Result<(), Error> {
        let _turn = self.enforcing.lock().await;
        let Some(pending) = self.pending.borrow_mut().take() else { return Ok(()) };
        for row in pending.again {
            self.make_again(row);
        }
        if !pending.rows.is_empty() {
            self.look_at_disks().await;
        }
        {
            let (world, made) = (Rc::clone(&self.state.borrow().world), self.makings.made());
            let mut leaving = self.leaving.borrow_mut();
            leaving.extend(pending.going);
            for key in pending.rows.iter().filter_map(|row| made.get(row)) {
                let volume = world.volumes.iter().find(|volume| volume.key == *key);
                let is_new = !leaving.iter().any(|leaving| leaving.key == *key);
                leaving.extend(volume.filter(|_| is_new).map(Leaving::of));
            }
        }
        self.keep_leaving()?;
        self.host.store_delete(PENDING)?;
        self.make_true().await
    }

    /// Something was told so late that the end of a transaction must have been lost.
    pub(crate) async fn hold_what_was_lost(self: &Rc<Self>) -> Result<(), Error> {
        let since = self.pending.borrow().as_ref().and_then(|pending| pending.since);
        match since {
            Some(since) if since.elapsed() >= self.back.lost => self.hold().await,
            _ => Ok(()),
        }
    }

    /// What was to be erased stays.
    pub(crate) async fn forget_leaving(self: &Rc<Self>) -> Result<(), Error> {
        {
            let _turn = self.enforcing.lock().await;
            if self.pending.borrow_mut().take().is_none() && !self.has_leaving() {
                return Ok(());
            }
            self.leaving.borrow_mut().clear();
            self.keep_leaving()?;
            self.host.store_delete(PENDING)?;
        }
        self.restore().await
    }

    fn keep_leaving(&self) -> Result<(), Error> {
        let leaving = self.leaving.borrow();
        if leaving.is_empty() {
            return self.host.store_delete(LEAVING);
        }
        keep(&self.host, LEAVING, &*leaving)
    }

    /// Erases what is to go. Whether anything was done.
    pub(crate) async fn erase(&self) -> Result<bool, Error> {
        if !self.has_leaving() {
            return Ok(false);
        }
        let Ok((_, volumes)) = self.back.disks.look().await else { return Ok(false) };
        let all = std::mem::take(&mut *self.leaving.borrow_mut());
        let there: BTreeMap<&str, &Volume> = volumes.iter().map(|v| (v.key.as_str(), v)).collect();
        // As long as it is being erased, it is not there for anybody.
        self.leaving.borrow_mut().clone_from(&all);
        let mut left = Vec::new();
        for mut going in all {
            let kept = |why: &str| {
                self.host.log(Level::Error, &format!("the volume {} is not erased: {why}", going.key));
            };
            match there.get(going.key.as_str()) {
                None => continue,
                Some(volume) if !going.is(volume) => {
                    kept("it is another one now");
                    continue;
                }
                Some(_) => {}
            }
            match self.back.disks.delete(&going.key).await {
                Ok(()) | Err(Failure::Gone(_)) => {}
                Err(failure @ (Failure::Refused(_) | Failure::Impossible(_))) => {
                    kept(&failure.to_string());
                    going.tries += 1;
                    if going.tries < TRIES {
                        left.push(going);
                    }
                }
                Err(failure) => {
                    kept(&failure.to_string());
                    left.push(going);
                }
            }
        }
        *self.leaving.borrow_mut() = left;
        self.keep_leaving()?;
        self.look_at_disks().await;
        Ok(true)
    }
}
