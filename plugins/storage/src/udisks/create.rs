//! Makes a volume, in a task of its own: whoever asked may go, and what was begun is taken back all the same.
//!
//! ```text
//!   empty drive --> partition table --+
//!   free piece of a drive ------------+--> partition --> filesystem --> key
//!                                             \-- not wanted, failed: removed
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use zbus::zvariant::{ObjectPath, Value};

use super::look::Seen;
use super::objects::{interface, Objects, SERVICE};
use super::service::{options, Work};
use super::space::{self, Piece, TableKind};
use super::Inner;
use crate::back_end::{Failure, Progress};
use crate::plan::NewVolume;

/// How often a partition that is in use for a moment, as by udev, is removed before it is left.
const TRIES: u32 = 5;
/// How long is waited before the next time.
const PAUSE: Duration = Duration::from_millis(500);

type Say = mpsc::UnboundedSender<(Option<u16>, String)>;

/// Makes it. When this is dropped, the task takes back what it has made.
pub(super) async fn create(
    inner: Arc<Inner>,
    new: NewVolume,
    progress: Progress<'_>,
) -> Result<String, Failure> {
    let (say, mut heard) = mpsc::unbounded_channel();
    // Dropped with this future, which the task notices.
    let (_wanted, unwanted) = watch::channel(false);
    let mut task = tokio::spawn(Making { inner, new, say, unwanted }.run());
    loop {
        tokio::select! {
            Some((part, words)) = heard.recv() => progress(part, &words),
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
    uuid: String,
    offset: u64,
}

impl Made {
    /// Whether it is still the same: another disk may have come in its place.
    fn is_in(&self, objects: &Objects) -> bool {
        let partition = objects.get(&self.path).and_then(|object| object.partition.as_ref());
        partition.is_some_and(|p| p.uuid == self.uuid && p.offset == self.offset)
    }
}

impl Making {
    async fn run(self) -> Result<String, Failure> {
        self.inner.check_filesystem(&self.new.filesystem).await?;
        if self.new.label.chars().any(char::is_control) {
            return Err(Failure::Refused("the name has characters that cannot be shown".to_owned()));
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
        let done = match self.wanted() {
            Ok(()) => self.format(&made, &table, &device).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(key) => Ok(key),
            Err(failure) => {
                let gone = self.take_back(&made, &table).await;
                Err(if gone { Failure::Gone(device) } else { failure })
            }
        }
    }

    fn say(&self, part: Option<u16>, words: &str) {
        // Whoever asked may be gone.
        let _ = self.say.send((part, words.to_owned()));
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
        self.inner.service.work(work, path, of, member, body).await
    }

    /// The drive's block device, after a fresh look at what is on it.
    async fn empty_enough(&self) -> Result<(String, String, Seen), Failure> {
        let (table, device) = self.drive(&self.inner.see().await?)?;
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
        let size = object.block.as_ref().map_or(0, |block| block.size);
        let parts = seen.objects.values().filter_map(|o| o.partition.as_ref());
        let taken: Vec<Piece> = parts
            .filter(|part| part.table == table)
            .map(|part| Piece { start: part.offset, size: part.size })
            .collect();
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
        let answer = self.work(table, device, table, of, "CreatePartition", &body).await;
        let told = match &answer {
            Ok(answer) => match answer.body().deserialize::<ObjectPath<'_>>() {
                Ok(path) => Ok(path.to_string()),
                Err(error) => Err(Failure::Nonsense(SERVICE, error.to_string())),
            },
            Err(failure) => Err(failure.clone()),
        };
        // What it says is not enough: what was there before was not made now, whatever it is called.
        let known: BTreeSet<&String> = before.keys().collect();
        let now = self.inner.service.objects().await?;
        let made = now.iter().find_map(|(path, object)| {
            let part = object.partition.as_ref()?;
            let inside = part.offset >= piece.start && part.offset < piece.start + piece.size;
            let new = inside && part.table == table && !known.contains(path);
            let made = Made { path: path.clone(), uuid: part.uuid.clone(), offset: part.offset };
            new.then_some((made, part.size))
        });
        match (told, made) {
            (Ok(path), Some((made, size))) if path == made.path => {
                if size >= self.new.size.unwrap_or(1) {
                    return Ok(made);
                }
                self.take_back(&made, table).await;
                Err(Failure::Refused(format!("a partition of {size} bytes is the largest that fits")))
            }
            (Ok(path), _) => {
                Err(Failure::Nonsense(SERVICE, format!("{path} is not the partition that it made")))
            }
            (Err(failure), Some((made, _))) => {
                self.take_back(&made, table).await;
                Err(failure)
            }
            (Err(failure), None) if now.contains_key(table) => Err(failure),
            (Err(_), None) => Err(Failure::Gone(device.to_owned())),
        }
    }

    /// Makes the filesystem; gives the key of the volume.
    async fn format(&self, made: &Made, table: &str, device: &str) -> Result<String, Failure> {
        if !made.is_in(&self.inner.service.objects().await?) {
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
        let seen = self.inner.see().await?;
        let volume = seen.volumes.iter().find(|(path, _)| *path == made.path);
        let Some((_, volume)) = volume.filter(|_| made.is_in(&seen.objects)) else {
            return Err(Failure::Gone(device.to_owned()));
        };
        if volume.filesystem != self.new.filesystem {
            let text = format!("{} was wanted, and `{}` was made", self.new.filesystem, volume.filesystem);
            return Err(Failure::Nonsense(SERVICE, text));
        }
        Ok(volume.key.clone())
    }

    /// Removes what was made. Says whether the drive is gone.
    async fn take_back(&self, made: &Made, table: &str) -> bool {
        for _ in 0..TRIES {
            match self.inner.service.objects().await {
                Ok(now) if !now.contains_key(table) => return true,
                Ok(now) if !made.is_in(&now) => return false,
                Ok(_) => {}
                // Nobody is there who could.
                Err(_) => return false,
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
                Ok(_) => return false,
                Err(Failure::Gone(_)) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        false
    }
}
