//! What the plugin needs of the system and of the services.
//!
//! There is one thread: nothing here is `Send`. Whoever hears something new sends an [`Event`]; whoever is asked answers from
//! the source, not from memory. Every call ends by itself, within its time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::facts::{Drive, Health, Usage, Volume};
use crate::plan::{NewVolume, Offer};

/// How long somebody who reads waits for one answer. An agent gives all that it asks for two seconds: what takes longer than
/// this is to cost its own value, and not theirs.
pub(crate) const READ: Duration = Duration::from_millis(1_200);

/// Why something cannot be told or done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The service is not there, or does not answer.
    #[error("{0} does not answer")]
    Away(&'static str),
    /// The service, or the kernel, says no. The text never has a secret in it.
    #[error("{0}")]
    Refused(String),
    /// The service says what cannot be.
    #[error("{0} talks nonsense: {1}")]
    Nonsense(&'static str, String),
    /// This machine cannot do that.
    #[error("not possible here: {0}")]
    Impossible(String),
    /// The thing is gone: pulled out.
    #[error("{0} is gone")]
    Gone(String),
    /// Nobody wants it any more.
    #[error("cancelled")]
    Cancelled,
}

/// Something is different; look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Drives, volumes or mounts: ask [`Disks::look`] again.
    Disks,
    /// A server came, went, or failed: ask [`Server::state`] again. With its name.
    Server(&'static str),
    /// Nothing, as far as anybody knows; but what was set is to be made true again.
    Again,
}

/// Where events go.
pub(crate) type Events = UnboundedSender<Event>;

/// How far something is, in thousandths if that is known, and in words.
pub(crate) type Progress<'a> = &'a dyn Fn(Option<u16>, &str);

/// A partition that was made for a volume and is not the whole volume yet. It is known again by all of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unfinished {
    /// The key of the drive.
    pub(crate) drive: String,
    /// The partition's name for ever, which is the volume's key.
    pub(crate) key: String,
    /// In bytes, from the beginning of the drive.
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// Where a making notes what it has not finished: a partition before anything is done with it, nothing when that is gone again.
pub(crate) type Note<'a> = &'a dyn Fn(Option<&Unfinished>);

/// The disks of the machine: UDisks2.
#[async_trait(?Send)]
pub(crate) trait Disks {
    /// All drives, and all volumes.
    async fn look(&self) -> Result<(Vec<Drive>, Vec<Volume>), Failure>;
    /// What can be made here, as the kernel calls it.
    async fn filesystems(&self) -> Result<Vec<String>, Failure>;
    /// Whether volumes can be encrypted.
    async fn can_encrypt(&self) -> Result<bool, Failure>;
    /// Makes a volume: a partition table if there is none and nothing else on the drive, a partition, a filesystem. Never
    /// touches what is there, a drive that is protected, or one that something is mounted from whole. Gives the volume's key.
    ///
    /// Dropped, or failed, it leaves no partition behind where that can be helped; where it cannot, `note` knows of it. What a
    /// making before this one could not help is `before`: it is taken as it is if it is whole, and removed if nothing is on
    /// it; if it became something else, it is nobody's business here.
    async fn create(
        &self,
        new: &NewVolume,
        before: Option<&Unfinished>,
        progress: Progress<'_>,
        note: Note<'_>,
    ) -> Result<String, Failure>;
    /// Takes a volume away: unmounts it, removes its partition. A protected one is refused.
    async fn delete(&self, volume: &str) -> Result<(), Failure>;
    /// Mounts a volume; says where. What is mounted stays where it is.
    async fn mount(&self, volume: &str) -> Result<PathBuf, Failure>;
    /// Unmounts it. In use it is refused.
    async fn unmount(&self, volume: &str) -> Result<(), Failure>;
    /// Gives it another name.
    async fn set_label(&self, volume: &str, label: &str) -> Result<(), Failure>;
}

/// Health and fill level, which no signal tells.
#[async_trait(?Send)]
pub(crate) trait Gauges {
    /// What the drive says of itself; a drive that sleeps is not woken.
    async fn health(&self, device: &Path) -> Result<Health, Failure>;
    /// How full the filesystem is that is mounted there. A server in the network that hangs does not hang us.
    async fn usage(&self, mount: &Path) -> Result<Usage, Failure>;
}

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    On,
    Off,
    /// It should be on, and is not.
    Failed,
}

/// A file server: Samba, NFS-Ganesha, vsftpd.
#[async_trait(?Send)]
pub(crate) trait Server {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// Whether it is installed at all.
    fn is_there(&self) -> bool;
    /// How it is now.
    async fn state(&self) -> Result<State, Failure>;
    /// Which process it is, if that is known: another number is another one, which knows nothing of what this was told.
    async fn process(&self) -> Option<u64>;
    /// Makes an offer true, whatever was before: accounts, shares, on and off. What is as offered is not disturbed. At no
    /// moment may anybody do more than the offer says, or than before. If it fails, the caller has the offer before made
    /// true.
    async fn apply(&self, offer: &Offer) -> Result<(), Failure>;
}
