//! Places: folders of our own where offered folders are mounted a second time.
//!
//! A server never sees the name of an offered folder, which may be anything, and nobody who can write somewhere on the volume
//! can have another folder offered by putting a symbolic link in the way.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use nix::libc::{O_DIRECTORY, O_NOFOLLOW, O_PATH};
use nix::mount::{mount, umount2, MntFlags, MsFlags};
use nix::sys::statvfs::{statvfs, FsFlags};

use super::file::folder;
use crate::back_end::Failure;
use crate::udisks::mounts;

/// Opens a folder without following any symbolic link.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return Err(Failure::Impossible(format!("{} is not absolute", path.display())));
    }
    let mut folder = step(Path::new("/")).map_err(|error| gone(path, &error))?;
    for part in parts {
        let Component::Normal(name) = part else {
            return Err(Failure::Impossible(format!("{} has dots in it", path.display())));
        };
        folder = step(&path_of(&folder).join(name)).map_err(|error| gone(path, &error))?;
    }
    Ok(folder)
}

fn step(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_PATH | O_DIRECTORY | O_NOFOLLOW).open(path)
}

fn gone(path: &Path, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::Gone(path.display().to_string()),
        _ => Failure::Refused(format!("{}: {error}", path.display())),
    }
}

/// A name of an open folder, for this process and for what it runs.
pub(crate) fn path_of(folder: &File) -> PathBuf {
    format!("/proc/{}/fd/{}", std::process::id(), folder.as_raw_fd()).into()
}

/// What is mounted at or below a folder of ours: read from the kernel once, and kept right by who changes it.
#[derive(Debug)]
pub(crate) struct Places(BTreeMap<PathBuf, usize>);

impl Places {
    pub(crate) fn read(below: &Path) -> Self {
        let mut all = BTreeMap::new();
        for place in places(below) {
            *all.entry(place).or_default() += 1;
        }
        Self(all)
    }

    /// Where something is mounted.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    /// Whether the folder, and nothing else, is mounted there, and in this way.
    pub(crate) fn has(&self, source: &File, place: &Path, read_only: bool) -> bool {
        let mounted = || {
            let (of, at) = (source.metadata().ok()?, std::fs::metadata(place).ok()?);
            let is_read_only = |path: &Path| Some(statvfs(path).ok()?.flags().contains(FsFlags::ST_RDONLY));
            let same = (of.dev(), of.ino()) == (at.dev(), at.ino());
            // What is read-only itself is nowhere more than that.
            let wanted = read_only || is_read_only(&path_of(source))?;
            Some(same && is_read_only(place)? == wanted)
        };
        self.0.contains_key(place) && mounted() == Some(true)
    }

    /// Mounts a folder there, if it is not yet; nothing in it is run or has special rights there. What else was there is gone.
    ///
    /// The folder that the place is in is nobody's for this moment: the mount is first writable, says the kernel.
    pub(crate) fn attach(&mut self, source: &File, place: &Path, read_only: bool) -> Result<(), Failure> {
        if self.has(source, place, read_only) {
            return Ok(());
        }
        self.detach(place)?;
        let Some(parent) = place.parent() else { return Err(Failure::Impossible("no place".to_owned())) };
        let mode = std::fs::metadata(parent).map_err(|error| gone(parent, &error))?.mode() & 0o7777;
        folder(parent, 0o700)?;
        let done = shut_attach(source, place, read_only);
        if done.is_err() {
            // Half of it is worse than nothing.
            detach(place)?;
        } else {
            self.0.insert(place.to_owned(), 1);
        }
        folder(parent, mode)?;
        done
    }

    /// Takes away what is mounted there, and the place itself.
    pub(crate) fn detach(&mut self, place: &Path) -> Result<(), Failure> {
        // Someone may have mounted there more than once; not more often than this, or somebody does so all the time.
        for _ in 0..self.0.get(place).copied().unwrap_or(0).min(16) {
            umount2(place, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW).map_err(|error| {
                Failure::Refused(format!("unmounting {}: {}", place.display(), error.desc()))
            })?;
        }
        self.0.remove(place);
        // Only ever an empty folder.
        match std::fs::remove_dir(place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(gone(place, &error)),
            _ => Ok(()),
        }
    }
}

/// [`Places::has`], of one place alone.
pub(crate) fn is_attached(source: &File, place: &Path, read_only: bool) -> bool {
    Places::read(place).has(source, place, read_only)
}

/// [`Places::attach`], of one place alone.
pub(crate) fn attach(source: &File, place: &Path, read_only: bool) -> Result<(), Failure> {
    Places::read(place).attach(source, place, read_only)
}

fn shut_attach(source: &File, place: &Path, read_only: bool) -> Result<(), Failure> {
    folder(place, 0o700)?;
    let refused =
        |error: nix::Error| Failure::Refused(format!("mounting {}: {}", place.display(), error.desc()));
    let none: Option<&str> = None;
    mount(Some(&path_of(source)), place, none, MsFlags::MS_BIND, none).map_err(refused)?;
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
    flags |= MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    mount(none, place, none, flags, none).map_err(refused)
}

/// [`Places::detach`], of one place alone.
pub(crate) fn detach(place: &Path) -> Result<(), Failure> {
    Places::read(place).detach(place)
}

/// All that is mounted at or below.
pub(crate) fn places(below: &Path) -> Vec<PathBuf> {
    let all = mounts().into_iter().map(|mount| mount.place);
    all.filter(|place| place.starts_with(below)).collect()
}
