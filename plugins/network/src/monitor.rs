//! The thread that listens to the kernel and to the files. It waits for them and for nothing else: no clock wakes it.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use cwmp_plugin_sdk::{Error, Level};
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

use crate::netlink::{Changes, Heard};
use crate::network::Network;
use crate::watch::Watch;

/// What the thread is called, so that it can be found.
pub(crate) const NAME: &str = "network-changes";
/// The most datagrams that are taken together before somebody hears of them.
const ROUND: usize = 256;

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Monitor {
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Reads everything, and listens from then on.
    pub(crate) fn start(network: &Arc<Network>) -> Result<Self, Error> {
        // Listening comes first: what changes while everything is read is heard afterwards.
        let changes = Changes::listen()?;
        let places = &network.places;
        let files = [places.resolv.clone(), places.host_leases.clone()];
        let folders: Vec<PathBuf> = places.clients.iter().map(|c| c.folder().to_owned()).collect();
        let watch = Watch::new(&files, &folders)?;
        network.read_files();
        network.begin()?;
        network.enforce_quietly();
        let (stop, stopped) = UnixStream::pair()?;
        let network = Arc::clone(network);
        let thread = std::thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || listen(&network, changes, &watch, &stopped))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.stop.write_all(b".");
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(network: &Network, mut changes: Changes, watch: &Watch, mut stopped: &UnixStream) {
    loop {
        let events = {
            let mut fds = [
                PollFd::new(changes.as_fd(), PollFlags::POLLIN),
                PollFd::new(watch.as_fd(), PollFlags::POLLIN),
                PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => fds.map(|fd| fd.any().unwrap_or(false)),
                Err(Errno::EINTR) => continue,
                Err(e) => return network.host.log(Level::Error, &format!("waiting for changes: {e}")),
            }
        };
        if events[2] {
            let _ = stopped.read(&mut [0]);
            return;
        }
        let result = if events[0] { hear(network, &mut changes) } else { Ok(()) };
        let result = result.and_then(|()| {
            if events[1] && watch.happened()? {
                network.read_files();
            }
            Ok(())
        });
        if let Err(error) = result {
            network.host.log(Level::Warning, &format!("{error}; everything is read again"));
            if let Err(error) = network.begin() {
                // What is shown from now on would be old: better no plugin than that. The host starts it again.
                return network.host.log(Level::Error, &format!("the network cannot be read: {error}"));
            }
        }
    }
}

/// Takes what is there as one: a device that comes sends many messages.
fn hear(network: &Network, changes: &mut Changes) -> Result<(), Error> {
    let mut all = Vec::new();
    for _ in 0..ROUND {
        match changes.hear()? {
            Heard::Updates(updates) => all.extend(updates),
            Heard::Nothing => break,
            Heard::Lost => {
                network.host.log(
                    Level::Notice,
                    "the network changes faster than it is heard; everything is read again",
                );
                return network.begin();
            }
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    network.heard(all)
}
