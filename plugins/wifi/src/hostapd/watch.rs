//! What hostapd says unasked, and when it comes and goes.
//!
//! Sockets that come and go are seen by inotify on their folder. Each has an ear of its own, which asks to be told. A hostapd
//! that is killed takes nothing with it, not even its sockets: the one that follows makes new ones, and is listened to anew.

use std::collections::HashMap;
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinHandle;
use tokio::time::{sleep, Instant};

use super::socket::{Conversation, SERVICE};
use super::{socket_names, Places};
use crate::back_end::{Event, Events, Failure};

/// How long one waits for something to be said before it waits again.
const LONG: Duration = Duration::from_secs(3_600);

/// How often a socket that is there but does not answer is asked to tell, and after how long for the first time.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A task that listens for as long as this is there.
pub(super) struct Watch(JoinHandle<()>);

impl Watch {
    pub(super) fn start(places: Places, events: Events) -> Result<Self, Failure> {
        let folders = Folders::watch(&places)?;
        Ok(Self(tokio::spawn(listen(places, folders, events))))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An ear at one socket, for as long as this is there.
struct Ear {
    identity: String,
    task: JoinHandle<()>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(places: Places, mut folders: Folders, events: Events) {
    let mut ears: HashMap<PathBuf, Ear> = HashMap::new();
    loop {
        place_ears(&places, &mut ears, &events);
        folders.changed().await;
        match Folders::watch(&places) {
            Ok(anew) => folders = anew,
            // Without a watch nothing is seen; what is listened to already still is.
            Err(_) => sleep(LONG).await,
        }
    }
}

/// Listens at every socket that is there, and no longer at those that are not.
fn place_ears(places: &Places, ears: &mut HashMap<PathBuf, Ear>, events: &Events) {
    let mut there: Vec<(PathBuf, Option<String>)> = socket_names(&places.sockets, &places.global)
        .into_iter()
        .map(|interface| (places.sockets.join(&interface), Some(interface)))
        .collect();
    there.push((places.global.clone(), None));
    let there: Vec<(PathBuf, Option<String>, String)> = there
        .into_iter()
        .filter_map(|(path, interface)| {
            let found = fs::metadata(&path).ok()?;
            let identity =
                format!("{} {} {}.{}", found.dev(), found.ino(), found.mtime(), found.mtime_nsec());
            Some((path, interface, identity))
        })
        .collect();
    let before = ears.len();
    ears.retain(|path, ear| there.iter().any(|found| found.0 == *path && found.2 == ear.identity));
    if ears.len() != before {
        tell(events, Event::Service(SERVICE));
    }
    for (path, interface, identity) in there {
        if ears.get(&path).is_some_and(|ear| !ear.task.is_finished()) {
            continue;
        }
        let task = tokio::spawn(hear(path.clone(), places.folder.clone(), interface, events.clone()));
        ears.insert(path, Ear { identity, task });
    }
}

/// Asks a socket to tell what happens, and passes it on.
async fn hear(path: PathBuf, folder: PathBuf, interface: Option<String>, events: Events) {
    let mut pause = FIRST_PAUSE;
    for _ in 0..ATTEMPTS {
        if let Ok(mut talk) = attach(&path, &folder).await {
            tell(&events, Event::Service(SERVICE));
            tell(&events, Event::AccessPoints(SERVICE));
            while let Ok(message) = talk.hear(Instant::now() + LONG).await {
                if let Some(event) = message.and_then(|message| event_of(&message, interface.as_deref())) {
                    tell(&events, event);
                }
            }
        }
        // It may be busy, or its rights may not be set yet.
        sleep(pause).await;
        pause *= 4;
    }
}

async fn attach(path: &Path, folder: &Path) -> Result<Conversation, Failure> {
    let mut talk = Conversation::begin(path, folder)?;
    if talk.attach().await? {
        Ok(talk)
    } else {
        Err(Failure::Away(SERVICE))
    }
}

/// What is to be looked at again after something was said.
fn event_of(message: &str, interface: Option<&str>) -> Option<Event> {
    const OF_ACCESS_POINTS: [&str; 11] = [
        "AP-ENABLED",
        "AP-DISABLED",
        "INTERFACE-ENABLED",
        "INTERFACE-DISABLED",
        "AP-CSA-FINISHED",
        "CTRL-EVENT-CHANNEL-SWITCH",
        "CTRL-EVENT-REGDOM-CHANGE",
        "ACS-STARTED",
        "ACS-COMPLETED",
        "ACS-FAILED",
        "DFS-",
    ];
    let word = message.split(' ').next()?;
    match (word, interface) {
        ("AP-STA-CONNECTED" | "AP-STA-DISCONNECTED", Some(interface)) => {
            Some(Event::Stations(interface.to_owned()))
        }
        ("CTRL-EVENT-TERMINATING", _) => Some(Event::Service(SERVICE)),
        _ if OF_ACCESS_POINTS.iter().any(|known| word.starts_with(known)) => {
            Some(Event::AccessPoints(SERVICE))
        }
        _ => None,
    }
}

/// Nobody hears it any more when the plugin ends.
fn tell(events: &Events, event: Event) {
    events.send(event).ok();
}

/// A watch on the folders of the sockets, or on what there is of the way to them.
struct Folders {
    /// What inotify tells, which is read and not looked at: what is there is seen by looking.
    told: Receiver,
    _inotify: Inotify,
}

impl Folders {
    fn watch(places: &Places) -> Result<Self, Failure> {
        let cannot =
            |error: &dyn std::fmt::Display| Failure::Refused(format!("folders cannot be watched: {error}"));
        let inotify =
            Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map_err(|error| cannot(&error))?;
        let flags = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        for folder in [Some(places.sockets.as_path()), places.global.parent()].into_iter().flatten() {
            let watched = folder.ancestors().find(|path| inotify.add_watch(*path, flags).is_ok());
            if watched.is_none() {
                return Err(cannot(&folder.display()));
            }
        }
        let told = inotify.as_fd().try_clone_to_owned().and_then(Receiver::from_owned_fd_unchecked);
        Ok(Self { told: told.map_err(|error| cannot(&error))?, _inotify: inotify })
    }

    /// Something is different there.
    async fn changed(&mut self) {
        let mut told = [0; 4096];
        // Several changes at once are one look. What cannot be read any more is made anew by the caller.
        let _ = self.told.read(&mut told).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hostapd_says_is_what_to_look_at_again() {
        let of = |message: &str| event_of(message, Some("wlan0"));
        assert_eq!(of("AP-STA-CONNECTED 02:00:00:00:01:00"), Some(Event::Stations("wlan0".to_owned())));
        assert_eq!(of("AP-ENABLED "), Some(Event::AccessPoints(SERVICE)));
        assert_eq!(of("DFS-CAC-START freq=5260"), Some(Event::AccessPoints(SERVICE)));
        assert_eq!(of("CTRL-EVENT-TERMINATING "), Some(Event::Service(SERVICE)));
        assert_eq!(of("CTRL-EVENT-EAP-STARTED 02:00:00:00:01:00"), None);
        assert_eq!(
            event_of("AP-STA-CONNECTED 02:00:00:00:01:00", None),
            None,
            "the network's own socket tells it too"
        );
    }
}
