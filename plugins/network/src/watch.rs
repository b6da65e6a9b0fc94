//! Says when files in some folders change. Nothing is looked at before it does.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use cwmp_plugin_sdk::Error;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Folders that are watched.
#[derive(Debug)]
pub(crate) struct Watch {
    inotify: Inotify,
    folders: Vec<PathBuf>,
}

impl Watch {
    /// Watches the folders that these files are in, also behind links, and these folders. What is not there yet is
    /// noticed when it comes.
    pub(crate) fn new(files: &[PathBuf], folders: &[PathBuf]) -> Result<Self, Error> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map_err(failed)?;
        let mut all = folders.to_vec();
        for file in files {
            all.extend(file.parent().map(Path::to_owned));
            all.extend(std::fs::canonicalize(file).ok().and_then(|real| real.parent().map(Path::to_owned)));
        }
        let new = Self { inotify, folders: all };
        new.arm()?;
        Ok(new)
    }

    /// Whether anything happened; and nothing that happens from now on is missed.
    pub(crate) fn happened(&self) -> Result<bool, Error> {
        let mut any = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => any |= !events.is_empty(),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        if any {
            // A folder may have come, or be another one now.
            self.arm()?;
        }
        Ok(any)
    }

    fn arm(&self) -> Result<(), Error> {
        let what = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF;
        let mut above = Vec::new();
        loop {
            let mut waiting = Vec::new();
            for folder in &self.folders {
                match self.inotify.add_watch(folder, what) {
                    // Where nothing may be seen, nothing is.
                    Ok(_) | Err(Errno::EACCES) => {}
                    Err(Errno::ENOENT | Errno::ENOTDIR) => waiting.extend(nearest(folder)),
                    Err(e) => return Err(failed(e)),
                }
            }
            waiting.retain(|folder| !above.contains(folder));
            if waiting.is_empty() {
                return Ok(());
            }
            for folder in &waiting {
                match self.inotify.add_watch(folder, what) {
                    Ok(_) | Err(Errno::ENOENT | Errno::EACCES) => {}
                    Err(e) => return Err(failed(e)),
                }
            }
            // What came before it was watched for is found by another look.
            above.append(&mut waiting);
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The nearest folder above that is there.
fn nearest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().skip(1).find(|above| above.is_dir()).map(Path::to_owned)
}

fn failed(error: Errno) -> Error {
    Error::internal(format!("watching files: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

    fn waits(watch: &Watch) {
        let mut fds = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, PollTimeout::from(10_000u16)).unwrap(), 1, "nothing happened");
        assert!(watch.happened().unwrap());
    }

    #[test]
    fn files_are_noticed_also_behind_links_and_in_folders_that_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("etc")).unwrap();
        std::fs::create_dir(at("run")).unwrap();
        std::fs::write(at("run/real"), "1").unwrap();
        std::os::unix::fs::symlink(at("run/real"), at("etc/file")).unwrap();
        let watch = Watch::new(&[at("etc/file")], &[at("later/leases")]).unwrap();
        assert!(!watch.happened().unwrap());
        std::fs::write(at("run/real"), "2").unwrap();
        waits(&watch);
        std::fs::create_dir_all(at("later/leases")).unwrap();
        waits(&watch);
        // The folder between came first; whoever looked then has found the rest by now, or will be told.
        while watch.happened().unwrap() {}
        std::fs::write(at("later/leases/1"), "x").unwrap();
        waits(&watch);
    }
}
