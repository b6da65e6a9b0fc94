//! A thread that waits for the files of the accounts to change, and for nothing else.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;

use cwmp_plugin_sdk::Error;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Calls `changed` whenever one of these files in the folder is written or replaced.
    pub(crate) fn start(
        folder: &Path,
        files: &'static [&'static str],
        changed: impl FnMut() + Send + 'static,
    ) -> Result<Self, Error> {
        let failed = |e: Errno| Error::internal(format!("watching {}: {e}", folder.display()));
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map_err(failed)?;
        let what = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE;
        inotify.add_watch(folder, what).map_err(failed)?;
        let (stop, stopped) = UnixStream::pair()?;
        let thread = std::thread::Builder::new()
            .name("users-changes".to_owned())
            .spawn(move || listen(&inotify, files, &stopped, changed))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.stop.write_all(b".");
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(inotify: &Inotify, files: &[&str], mut stopped: &UnixStream, mut changed: impl FnMut()) {
    loop {
        let mut fds = [
            PollFd::new(inotify.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) if fds[1].any().unwrap_or(false) => {
                let _ = stopped.read(&mut [0]);
                return;
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        let events = inotify.read_events().unwrap_or_default();
        let is_ours = |name: &std::ffi::OsStr| files.iter().any(|file| name == *file);
        if events.iter().any(|event| event.name.as_deref().is_some_and(is_ours)) {
            changed();
        }
    }
}
