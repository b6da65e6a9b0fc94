//! Volumes that are made for rows: how far each is, what came of it, and which volume a row is for ever.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use cwmp_plugin_sdk::{Error, Host, Job, Level};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::back_end::{Event, Failure};
use crate::enforce::error_of;
use crate::plan::NewVolume;
use crate::plugin::Storage;
use crate::row_id::RowId;
use crate::tree::Node;
use crate::udisks::has_place;
use crate::view::MB;
use crate::wish::Wishes;

/// Before the number of a row in the store: the key of the volume that was made for it.
const MADE: &str = "made/";
/// Before the number of a row in the store: the keys of the volumes that there were when its making began, a line each.
const BEGUN: &str = "begun/";

/// How far a making is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Stage {
    /// In thousandths, if that is known.
    pub(crate) permille: Option<u16>,
    pub(crate) text: String,
    /// It has ended.
    pub(crate) end: Option<Result<(), Failure>>,
}

/// A making.
#[derive(Debug)]
struct Making {
    new: NewVolume,
    stage: watch::Receiver<Stage>,
    task: JoinHandle<()>,
}

/// All makings, and what was made.
#[derive(Debug)]
pub(crate) struct Makings {
    host: Host,
    made: RefCell<BTreeMap<u32, String>>,
    running: RefCell<BTreeMap<u32, Making>>,
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
        Ok(Self { host: host.clone(), made: RefCell::new(made), running: RefCell::default() })
    }

    /// The keys of what was made, by the number of the row.
    pub(crate) fn made(&self) -> BTreeMap<u32, String> {
        self.made.borrow().clone()
    }

    /// What failed, with the reason.
    pub(crate) fn failures(&self) -> BTreeMap<RowId, String> {
        let running = self.running.borrow();
        let failed = running.iter().filter_map(|(row, making)| match &making.stage.borrow().end {
            Some(Err(failure)) => Some((RowId::Added(*row), failure.to_string())),
            _ => None,
        });
        failed.collect()
    }

    /// Ends all of them, and waits until they are gone.
    pub(crate) async fn stop(&self) {
        let all = std::mem::take(&mut *self.running.borrow_mut());
        for (_, making) in all {
            making.task.abort();
            let _ = making.task.await;
        }
    }

    fn keep(&self, row: u32, key: &str) -> Result<(), Error> {
        self.host.store_put(&format!("{MADE}{row}"), key)?;
        self.made.borrow_mut().insert(row, key.to_owned());
        self.host.store_delete(&format!("{BEGUN}{row}"))
    }

    /// Forgets what was made for rows that are gone.
    pub(crate) fn forget_others(&self, wishes: &Wishes) -> Result<(), Error> {
        let gone = |row: &u32| !wishes.volumes.contains_key(&RowId::Added(*row));
        let old: Vec<u32> = self.made.borrow().keys().copied().filter(gone).collect();
        for row in old {
            self.host.store_delete(&format!("{MADE}{row}"))?;
            self.made.borrow_mut().remove(&row);
        }
        for kept in self.host.store_list(BEGUN)? {
            if kept[BEGUN.len()..].parse().is_ok_and(|row| gone(&row)) {
                self.host.store_delete(&kept)?;
            }
        }
        Ok(())
    }
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
            if making.stage.borrow().end.is_none() {
                making.task.abort();
            }
            let _ = making.task.await;
        }
        for (row, new) in wanted {
            // A drive that is not there, or whom nobody can ask, is waited for.
            if world.away.is_some() || world.drive(&new.drive).is_none() {
                continue;
            }
            if self.makings.running.borrow().contains_key(&row) || self.adopt(row, &new)? {
                continue;
            }
            let before: Vec<&str> = world.volumes.iter().map(|volume| volume.key.as_str()).collect();
            self.host.store_put(&format!("{BEGUN}{row}"), &before.join("\n"))?;
            let (sender, stage) = watch::channel(Stage::default());
            let task = tokio::task::spawn_local(Rc::clone(self).work(row, new.clone(), sender));
            self.makings.running.borrow_mut().insert(row, Making { new, stage, task });
        }
        Ok(())
    }

    /// A volume that was made and could not be noted, because the power went: it is the row's. It is one that was not there
    /// when its making began, on the right drive, with the right name.
    fn adopt(&self, row: u32, new: &NewVolume) -> Result<bool, Error> {
        let key = format!("{BEGUN}{row}");
        let Some(before) = self.host.store_get(&key)? else { return Ok(false) };
        self.host.store_delete(&key)?;
        if new.label.is_empty() {
            return Ok(false);
        }
        let world = Rc::clone(&self.state.borrow().world);
        let mut found = world.volumes.iter().filter(|volume| {
            volume.drive.as_deref() == Some(new.drive.as_str())
                && volume.label == new.label
                && volume.filesystem == new.filesystem
                && !before.lines().any(|key| key == volume.key)
        });
        let (Some(volume), None) = (found.next(), found.next()) else { return Ok(false) };
        self.makings.keep(row, &volume.key)?;
        Ok(true)
    }

    /// Makes a volume.
    async fn work(self: Rc<Self>, row: u32, new: NewVolume, sender: watch::Sender<Stage>) {
        let progress = |permille: Option<u16>, text: &str| {
            sender.send_modify(|stage| {
                stage.permille = permille;
                text.clone_into(&mut stage.text);
            });
        };
        let result = self.back.disks.create(&new, &progress).await;
        let result = match result {
            Ok(key) => self.makings.keep(row, &key).map_err(|error| Failure::Refused(error.to_string())),
            Err(failure) => {
                // It leaves nothing behind, and nothing is to be looked for.
                let _ = self.host.store_delete(&format!("{BEGUN}{row}"));
                Err(failure)
            }
        };
        if let Err(failure) = &result {
            self.host.log(Level::Error, &format!("volume {row} cannot be made: {failure}"));
        }
        sender.send_modify(|stage| stage.end = Some(result));
        self.announce();
        // Whoever hears it mounts the volume, and offers its folders.
        let _ = self.sender.send(Event::Disks);
    }

    /// Waits until the volume of a row is made, and tells how far it is: the making as a job, for whoever wants to follow it.
    pub(crate) async fn follow(&self, row: u32, job: &Job) -> Result<(), Error> {
        if self.makings.made.borrow().contains_key(&row) {
            return Ok(());
        }
        let stage = self.makings.running.borrow().get(&row).map(|making| making.stage.clone());
        let mut stage = stage.ok_or_else(|| Error::arguments("nothing is to be made for this row"))?;
        loop {
            let now = stage.borrow_and_update().clone();
            if let Some(end) = now.end {
                return end.map_err(|failure| error_of(&failure));
            }
            job.progress(now.permille, &now.text);
            if stage.changed().await.is_err() {
                return Err(Error::internal("it was given up: nobody wants it any more"));
            }
        }
    }

    /// What failed is tried again.
    pub(crate) fn make_again(&self, row: u32) {
        let mut running = self.makings.running.borrow_mut();
        let failed =
            running.get(&row).is_some_and(|making| matches!(making.stage.borrow().end, Some(Err(_))));
        if failed {
            running.remove(&row);
        }
    }
}
