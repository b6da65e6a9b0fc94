//! The thread that listens to the kernel and to the files. It waits for them and for nothing else: no clock wakes it.

use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::{Error, Level};
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

use crate::netlink::{Changes, Heard};
use crate::network::Network;
use crate::watch::Watch;

/// What the thread is called, so that it can be found.
pub(crate) const NAME: &str = "network-changes";
/// How long more messages are waited for after one.
const SETTLE: Duration = Duration::from_millis(5);
/// How long somebody who writes a file may pause within it.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest that anything is put off because more comes.
const LONGEST: Duration = Duration::from_millis(500);

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
        let thread = std::thread::Builder::new().name(NAME.to_owned()).spawn(move || {
            let ears = Ears(&network);
            listen(ears.0, changes, &watch, &stopped);
        })?;
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

/// However the listening ends, be it by a panic, nobody is told what was heard last as if it were true for ever.
struct Ears<'a>(&'a Network);

impl Drop for Ears<'_> {
    fn drop(&mut self) {
        self.0.deafen();
    }
}

fn listen(network: &Network, mut changes: Changes, watch: &Watch, stopped: &UnixStream) {
    let mut lost = false;
    loop {
        match wait(&[changes.as_fd(), watch.as_fd(), stopped.as_fd()], None) {
            Ok([.., true]) => return,
            Ok([told, written, _]) => {
                let heard = if told { hear(network, &mut changes, &mut lost, stopped) } else { Ok(()) };
                let read = if written { look(network, watch, stopped) } else { Ok(()) };
                if let Err(error) = heard.and(read) {
                    network.host.log(Level::Warning, &format!("{error}; everything is read again"));
                    network.distrust();
                }
            }
            Err(error) => {
                // From now on everything is read when somebody asks.
                return network.host.log(Level::Error, &format!("waiting for changes: {error}"));
            }
        }
    }
}

/// Waits until one of the three is ready to be read, or for so long. Says which are.
fn wait(fds: &[BorrowedFd<'_>; 3], longest: Option<Duration>) -> Result<[bool; 3], Error> {
    let longest =
        longest.map_or(PollTimeout::NONE, |time| PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX));
    let mut polled = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match poll(&mut polled, longest) {
        Ok(_) => Ok(polled.map(|fd| fd.any().unwrap_or(false))),
        Err(Errno::EINTR) => Ok([false; 3]),
        Err(e) => Err(Error::internal(e.to_string())),
    }
}

/// Takes what belongs together as one: a device that comes sends many messages, and a flood costs no more than its
/// rounds.
fn hear(
    network: &Network,
    changes: &mut Changes,
    lost: &mut bool,
    stopped: &UnixStream,
) -> Result<(), Error> {
    let since = network.reading();
    let (mut all, mut quiet) = (Vec::new(), true);
    let end = Instant::now() + LONGEST;
    loop {
        match changes.hear()? {
            Heard::Updates(updates) => all.extend(updates),
            Heard::Nothing => {
                let [more, .., stop] =
                    wait(&[changes.as_fd(), stopped.as_fd(), stopped.as_fd()], Some(SETTLE))?;
                if !more || stop {
                    break;
                }
            }
            // The kernel tells nothing more until everything that it told before is taken, so that comes first.
            Heard::Lost => *lost = true,
        }
        if Instant::now() > end {
            quiet = false;
            break;
        }
    }
    if *lost {
        // Not for the last time, unless all was taken.
        *lost = !quiet;
        network.host.log(Level::Notice, "messages of the kernel were lost; everything is read again");
        return network.begin();
    }
    if all.is_empty() {
        return Ok(());
    }
    network.heard(all, since)
}

/// Looks at the files when whoever writes them has paused: some scripts write line by line.
fn look(network: &Network, watch: &Watch, stopped: &UnixStream) -> Result<(), Error> {
    let end = Instant::now() + LONGEST;
    let mut happened = false;
    while watch.happened()? {
        happened = true;
        let [.., stop] = wait(&[watch.as_fd(), stopped.as_fd(), stopped.as_fd()], Some(PAUSE))?;
        if stop || Instant::now() > end {
            break;
        }
    }
    if happened {
        network.read_files();
    }
    Ok(())
}
