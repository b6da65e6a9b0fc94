//! Makes a volume, in a task of its own: whoever asked may go, and what was begun is taken back all the same.
//!
//! ```text
//!   empty drive --> partition table --+
//!   free piece of a drive ------------+--> partition --> filesystem --> key
//!                                             \-- not wanted, failed: removed
//! ```
//!
//! A partition is noted before it is formatted: one that is left half made, because the disk was pulled out or the power went,
//! is known again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use zbus::zvariant::{ObjectPath, Value};

use super::label;
use super::look::{is_name, Seen};
use super::objects::{interface, shown, Objects, SERVICE};
use super::service::{options, working, Work};
use super::space::{self, Piece, TableKind};
use super::Inner;
use crate::back_end::{Failure, Note, Progress, Unfinished};
use crate::plan::NewVolume;

/// How often a partition that is in use for a moment, as by udev, is removed before it is left.
const TRIES: u32 = 5;
/// How long is waited before the next time.
const PAUSE: Duration = Duration::from_millis(500);

/// What the task tells.
enum Word {
    /// How far it is.
    Progress(Option<u16>, String),
    /// What is to be noted; told when it is.
    Note(Option<Unfinished>, oneshot::Sender<()>),
}

type Say = mpsc::UnboundedSender<Word>;

/// Makes it. When this is dropped, the task takes back what it has made.
pub(super) async fn create(
    inner: Arc<Inner>,
    new: NewVolume,
    before: Option<Unfinished>,
    progress: Progress<'_>,
    note: Note<'_>,
) -> Result<String, Failure> {
    let (say, mut heard) = mpsc::unbounded_channel();
    // Dropped with this future, which the task notices.
    let (_wanted, unwanted) = watch::channel(false);
    let mut task = tokio::spawn(Making { inner, new, say, unwanted }.run(before));
    loop {
        tokio::select! {
            // What it told before its end is heard before it.
            biased;
            Some(word) = heard.recv() => match word {
                Word::Progress(part, words) => progress(part, &words),
                Word::Note(unfinished, noted) => {
                    note(unfinished.as_ref());
                    // Who does not wait for it any more has ended.
                    let _ = noted.send(());
                }
            },
            done = &mut task => return match done {
                Ok(result) => result,
                Err(error) => Err(Failure::Refused(format!("the task that makes the volume ended: {error}"))),
            },
        }
    }
}

struct Making {
    inner: Arc<Inner>,
    new: NewVolume,
    say: Say,
    unwanted: watch::Receiver<bool>,
}

/// A partition that this has made, and nobody else.
struct Made {
    path: String,
    /// A table of the old kind without a signature gives none.
    uuid: String,
    offset: u64,
    size: u64,
}

impl Made {
    /// Whether it is still the same: another disk may have come in its place.
    fn is_in(&self, objects: &Objects) -> bool {
        let partition = objects.get(&self.path).and_then(|object| object.partition.as_ref());
        partition.is_some_and(|p| p.uuid == self.uuid && p.offset == self.offset)
    }

    /// What is known again after all: one without a name of its own is not.
    fn unfinished(&self, drive: &str) -> Option<Unfinished> {
        let Self { uuid, offset, size, .. } = self;
        is_name(uuid).then(|| Unfinished {
            drive: drive.to_owned(),
            key: uuid.clone(),
            offset: *offset,
            size: *size,
        })
    }
}

/// What became of a partition that is to be removed.
#[derive(PartialEq)]
enum Removed {
    Gone,
    /// With the drive.
    Pulled,
    /// Nobody could.
    Left,
}

impl Making {
    async fn run(mut self, before: Option<Unfinished>) -> Result<String, Failure> {
        // One at a time: what is free for one is not free for the next.
        let inner = Arc::clone(&self.inner);
        let _turn = tokio::select! {
            turn = inner.turn.acquire() => turn,
            _ = self.unwanted.wait_for(|unwanted| *unwanted) => return Err(Failure::Cancelled),
        };
        self.inner.check_filesystem(&self.new.filesystem).await?;
        label::check(&self.new.filesystem, &self.new.label).map_err(Failure::Refused)?;
        let whole = match &before {
            Some(before) => self.settle(before).await?,
            None => None,
        };
        if let Some(key) = whole {
            return Ok(key);
        }
        let (table, device, mut seen) = self.empty_enough().await?;
        if seen.objects.get(&table).is_some_and(|object| object.table.is_none()) {
            self.say(None, "making a partition table");
            let body = ("gpt", options());
            self.work(&table, &device, &table, interface::BLOCK, "Format", &body).await?;
            seen = self.inner.see().await?;
        }
        let piece = self.piece(&seen, &table)?;
        self.wanted()?;
        self.say(None, "making a partition");
        let made = self.partition(&seen.objects, &table, &device, piece).await?;
        self.note(made.unfinished(&self.new.drive)).await;
        let done = match self.wanted() {
            Ok(()) => self.format(&made, &table, &device).await,
            Err(failure) => Err(failure),
        };
        // It may have been finished before it could be cancelled.
        match done.and_then(|key| self.wanted().map(|()| key)) {
            Ok(key) => Ok(key),
            Err(failure) => match self.take_back(&made, &table).await {
                Removed::Pulled => Err(Failure::Gone(device)),
                Removed::Left => Err(failure),
                Removed::Gone => {
                    self.note(None).await;
                    Err(failure)
                }
            },
        }
    }

    fn say(&self, part: Option<u16>, words: &str) {
        // Whoever asked may be gone.
        let _ = self.say.send(Word::Progress(part, words.to_owned()));
    }

    /// Has something noted before anything else happens.
    async fn note(&self, unfinished: Option<Unfinished>) {
        let (noted, is_noted) = oneshot::channel();
        if self.say.send(Word::Note(unfinished, noted)).is_ok() {
            // An error: whoever asked is gone.
            let _ = is_noted.await;
        }
    }

    /// Looks after a partition that a making before this one left. Gives its key if it is the whole volume.
    ///
    /// Only one with nothing on it is removed. What is on it may be somebody's by now.
    async fn settle(&self, before: &Unfinished) -> Result<Option<String>, Failure> {
        loop {
            let mut news = self.inner.service.news();
            let seen = self.inner.see().await?;
            let (table, device) = self.drive(&seen)?;
            let found = seen.objects.iter().find_map(|(path, object)| {
                let partition = object.partition.as_ref()?;
                let same = partition.table == table
                    && (partition.uuid.as_str(), partition.offset, partition.size)
                        == (before.key.as_str(), before.offset, before.size);
                same.then_some((path, object))
            });
            let Some((path, object)) = found else { break };
            if working(&seen.objects, &[path.as_str()]).next().is_some() {
                // It is still being formatted, for whoever asked before.
                self.say(None, "waiting for what is going on");
                tokio::select! {
                    _ = tokio::time::timeout(self.inner.service.patience.pulse, news.recv()) => {}
                    () = self.say.closed() => return Err(Failure::Cancelled),
                }
                continue;
            }
            let Some(block) = object.block.as_ref() else { break };
            let is_free = block.usage.is_empty()
                && block.kind.is_empty()
                && !(object.encrypted || object.swapping || block.member)
                && object.mounts.is_none()
                && !self.inner.system.is_held(block.number)
                && !self.inner.system.mounts().iter().any(|mount| mount.device == block.number);
            if !is_free {
                let volume = seen.volumes.iter().find(|(other, _)| other == path).map(|(_, volume)| volume);
                let whole = volume.filter(|volume| {
                    volume.filesystem == self.new.filesystem && volume.label == self.new.label
                });
                if let Some(whole) = whole {
                    return Ok(Some(whole.key.clone()));
                }
                break;
            }
            self.say(None, "removing what was left half made");
            let made = Made {
                path: path.clone(),
                uuid: before.key.clone(),
                offset: before.offset,
                size: before.size,
            };
            match self.take_back(&made, &table).await {
                Removed::Gone => break,
                Removed::Pulled => return Err(Failure::Gone(device)),
                Removed::Left => {
                    let text = format!("{device}: what was left half made cannot be removed");
                    return Err(Failure::Refused(text));
                }
            }
        }
        self.note(None).await;
        Ok(None)
    }

    fn wanted(&self) -> Result<(), Failure> {
        // The other end is closed when nobody wants it any more.
        self.unwanted.has_changed().map(drop).map_err(|_| Failure::Cancelled)
    }

    async fn work<B>(
        &self,
        table: &str,
        device: &str,
        path: &str,
        of: &str,
        member: &str,
        body: &B,
    ) -> Result<zbus::Message, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let words = match (of, member) {
            (interface::BLOCK, "Format") if path != table => format!("making {}", self.new.filesystem),
            (_, "Rescan") => "looking at the drive".to_owned(),
            _ => "making partitions".to_owned(),
        };
        let work = Work {
            about: &[table, path],
            on: table,
            name: device.to_owned(),
            progress: &|part| self.say(part, &words),
            unwanted: self.unwanted.clone(),
        };
        match self.inner.service.work(work, path, of, member, body).await {
            Err(Failure::Gone(_)) => Err(Failure::Gone(device.to_owned())),
            answer => answer,
        }
    }

    /// The drive's block device, after a fresh look at what is on it.
    async fn empty_enough(&self) -> Result<(String, String, Seen), Failure> {
        let seen = self.inner.see().await?;
        let (table, device) = self.drive(&seen)?;
        if seen.objects.get(&table).is_some_and(|object| object.table.is_some()) {
            // To look afresh would take its partitions away for a moment.
            return Ok((table, device, seen));
        }
        // What somebody wrote past UDisks2 must not be overlooked.
        let rescanned = self.work(&table, &device, &table, interface::BLOCK, "Rescan", &(options(),)).await;
        match rescanned {
            // Not every device can.
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(failure) => return Err(failure),
        }
        let seen = self.inner.see().await?;
        let (table, device) = self.drive(&seen)?;
        Ok((table, device, seen))
    }

    /// The path and the name of the drive's block device, if something may be made on it.
    fn drive(&self, seen: &Seen) -> Result<(String, String), Failure> {
        let key = &self.new.drive;
        let (path, drive) = seen.drive(key).ok_or_else(|| Failure::Gone(key.clone()))?;
        let refused = |why: &str| Err(Failure::Refused(format!("{}: {why}", drive.device.display())));
        if let Some(why) = &drive.protected {
            return refused(why);
        }
        if !drive.medium {
            return refused("no medium is in it");
        }
        let known = seen.objects.get(path).and_then(|object| Some((object, object.block.as_ref()?)));
        let Some((object, block)) = known else { return Err(Failure::Gone(key.clone())) };
        let whole = object.mounts.is_some() || object.encrypted || object.swapping || block.member;
        if whole || !block.usage.is_empty() || self.inner.system.is_held(block.number) {
            return refused("something is on the whole drive");
        }
        if self.inner.system.mounts().iter().any(|mount| mount.device == block.number) {
            return refused("it is mounted");
        }
        let parts = seen.objects.values().any(|o| o.partition.as_ref().is_some_and(|p| p.table == *path));
        let parts = parts || !self.inner.system.partitions(block.number).is_empty();
        if object.table.is_none() && (parts || !block.kind.is_empty()) {
            return refused("something is on it that is not known");
        }
        Ok((path.clone(), drive.device.display().to_string()))
    }

    /// Where the partition fits.
    fn piece(&self, seen: &Seen, table: &str) -> Result<Piece, Failure> {
        let object = seen.objects.get(table).ok_or_else(|| Failure::Gone(self.new.drive.clone()))?;
        let kind = match object.table.as_deref() {
            Some("gpt") => TableKind::Gpt,
            Some("dos") => TableKind::Dos,
            Some(other) => return Err(Failure::Impossible(format!("a partition table `{other}`"))),
            None => return Err(Failure::Nonsense(SERVICE, "it made a table, and there is none".to_owned())),
        };
        let (size, number) = object.block.as_ref().map_or((0, 0), |block| (block.size, block.number));
        let parts = seen.objects.values().filter_map(|o| o.partition.as_ref());
        let told = parts.filter(|part| part.table == table).map(|part| (part.offset, part.size));
        // Of a drive that has just come not all is told yet.
        let all: BTreeMap<u64, u64> = self.inner.system.partitions(number).into_iter().chain(told).collect();
        let taken: Vec<Piece> = all.into_iter().map(|(start, size)| Piece { start, size }).collect();
        space::find(kind, size, &taken, self.new.size).map_err(Failure::Refused)
    }

    /// Makes a partition there.
    async fn partition(
        &self,
        before: &Objects,
        table: &str,
        device: &str,
        piece: Piece,
    ) -> Result<Made, Failure> {
        let of = interface::TABLE;
        let body = (piece.start, piece.size, "", "", options());
        let answer = match self.work(table, device, table, of, "CreatePartition", &body).await {
            Ok(answer) => answer,
            // What there is now may be somebody else's.
            Err(failure) => return Err(self.or_gone(failure, table, device).await),
        };
        let body = answer.body();
        let told: ObjectPath<'_> =
            body.deserialize().map_err(|error| Failure::Nonsense(SERVICE, shown(&error.to_string())))?;
        let told = told.as_str();
        // What it says is not enough: what was there before was not made now, whatever it is called.
        let new = |seen: &Seen| {
            let part = seen.objects.get(told)?.partition.as_ref()?;
            let inside = part.offset >= piece.start && part.offset < piece.start + piece.size;
            let made =
                Made { path: told.to_owned(), uuid: part.uuid.clone(), offset: part.offset, size: part.size };
            (inside && part.table == table && !before.contains_key(told)).then_some(made)
        };
        // Its name comes a moment after it.
        let mut nameless = None;
        let named = |seen: &Seen| {
            let made = new(seen)?;
            if made.uuid.is_empty() {
                nameless = Some(made);
                return None;
            }
            Some(made)
        };
        let (made, there) = self.until(table, named).await?;
        match made.or(nameless) {
            Some(made) if made.size >= self.new.size.unwrap_or(1) => Ok(made),
            Some(made) => {
                self.take_back(&made, table).await;
                let size = made.size;
                Err(Failure::Refused(format!("a partition of {size} bytes is the largest that fits")))
            }
            None if there => Err(Failure::Nonsense(SERVICE, format!("{told} is not what it was to make"))),
            None => Err(Failure::Gone(device.to_owned())),
        }
    }

    /// Why something failed: that the drive is gone comes first.
    async fn or_gone(&self, failure: Failure, table: &str, device: &str) -> Failure {
        match self.inner.service.objects().await {
            Ok(now) if !now.contains_key(table) => Failure::Gone(device.to_owned()),
            _ => failure,
        }
    }

    /// Makes the filesystem; gives the key of the volume.
    async fn format(&self, made: &Made, table: &str, device: &str) -> Result<String, Failure> {
        let (there, _) = self.until(table, |seen| made.is_in(&seen.objects).then_some(())).await?;
        if there.is_none() {
            return Err(Failure::Gone(device.to_owned()));
        }
        self.say(None, &format!("making {}", self.new.filesystem));
        let mut with = options();
        with.insert("update-partition-type", Value::from(true));
        if !self.new.label.is_empty() {
            with.insert("label", Value::from(self.new.label.clone()));
        }
        let body = (self.new.filesystem.as_str(), with);
        self.work(table, device, &made.path, interface::BLOCK, "Format", &body).await?;
        let find = |seen: &Seen| {
            let (_, volume) = seen.volumes.iter().find(|(path, _)| *path == made.path)?;
            (made.is_in(&seen.objects) && volume.filesystem == self.new.filesystem)
                .then(|| volume.key.clone())
        };
        match self.until(table, find).await? {
            (Some(key), _) => Ok(key),
            (None, true) => Err(Failure::Nonsense(
                SERVICE,
                format!("{} was wanted, and is not there", self.new.filesystem),
            )),
            (None, false) => Err(Failure::Gone(device.to_owned())),
        }
    }

    /// Looks until something is found, for a while: partitions come and go for a moment when a table is read again. Says
    /// whether the drive is there at the end, too.
    async fn until<T>(
        &self,
        table: &str,
        mut found: impl FnMut(&Seen) -> Option<T>,
    ) -> Result<(Option<T>, bool), Failure> {
        let end = tokio::time::Instant::now() + self.inner.service.patience.settle;
        let mut news = self.inner.service.news();
        loop {
            let seen = self.inner.see().await?;
            let there = seen.objects.contains_key(table);
            let found = found(&seen);
            if found.is_some() || !there || tokio::time::Instant::now() >= end {
                return Ok((found, there));
            }
            // Whatever happens, or nothing: it is looked at again.
            let _ = tokio::time::timeout_at(end, news.recv()).await;
        }
    }

    /// Removes what was made.
    async fn take_back(&self, made: &Made, table: &str) -> Removed {
        for _ in 0..TRIES {
            match self.until(table, |seen| made.is_in(&seen.objects).then_some(())).await {
                Ok((Some(()), _)) => {}
                Ok((None, false)) => return Removed::Pulled,
                // Another disk may be in its place, or nobody is there who could.
                Ok((None, true)) | Err(_) => return Removed::Left,
            }
            // This is wanted, whatever becomes of the rest.
            let (_wanted, unwanted) = watch::channel(false);
            let work = Work {
                about: &[table, &made.path],
                on: table,
                name: table.to_owned(),
                progress: &|_| {},
                unwanted,
            };
            let body = (options(),);
            let removed = self.inner.service.work(work, &made.path, interface::PARTITION, "Delete", &body);
            match removed.await {
                Ok(_) => return Removed::Gone,
                Err(Failure::Gone(_)) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        Removed::Left
    }
}
