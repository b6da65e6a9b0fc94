//! What the kernel tells unasked: of radios, interfaces, stations and scans (nl80211), and of interfaces that are switched
//! on or off (rtnetlink).
//!
//! Older kernels do not tell that an access point began; but that its interface has a carrier they do.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
use netlink_sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wl_nl80211::packet_generic::GenlHeader;
use wl_nl80211::Nl80211Command;

use super::attribute::{of, Attributes};
use super::connection::{Family, FAMILY, WHO};
use super::interface::{name_of, UP};
use crate::back_end::{Event, Events, Failure};

/// What we want to hear of nl80211.
const GROUPS: [&str; 4] = ["config", "mlme", "regulatory", "scan"];
/// The controller of families, and its only group: which family came or went.
const CONTROLLER: u16 = 0x10;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;
/// `RTMGRP_LINK`.
const LINKS: u32 = 1;
/// `RTM_NEWLINK`, `RTM_DELLINK`.
const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
/// What counts of the flags of a link: `IFF_UP`, `IFF_RUNNING`, `IFF_LOWER_UP`.
const FLAGS: u32 = UP | 1 << 6 | 1 << 16;
/// The most links whose flags are known; of others every message counts.
const MAX_LINKS: usize = 1_024;
/// The buffer for what the kernel tells while we are busy.
const BACKLOG: usize = 1 << 20;
/// How long something that happened waits for more of its kind, so that they are told as one.
const QUIET: Duration = Duration::from_millis(50);
/// How long a socket that does not work is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// The most news of scans that one who waits for them may be behind.
const SCANS: usize = 64;
/// The header of a message of netlink.
const HEADER: usize = 16;

/// How a scan fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanNews {
    /// On this interface one began.
    Began(u32),
    /// On this interface one ended, and found something or nothing.
    Ended(u32),
    /// On this interface one was broken off.
    Aborted(u32),
    /// The kernel told more than we could hear; any of the above may be among it.
    Lost,
}

/// Two sockets, and who listens at them.
#[derive(Debug)]
pub(super) struct Listener {
    generic: Rc<Ear>,
    scans: broadcast::Sender<ScanNews>,
    task: JoinHandle<()>,
}

struct Ear(TokioSocket);

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ear")
    }
}

impl Listener {
    pub(super) fn start(events: Events, sys: PathBuf) -> Result<Self, Failure> {
        let open = |protocol, groups| ear(protocol, groups).map_err(|_| Failure::Away(WHO));
        let generic = Rc::new(open(NETLINK_GENERIC, 0)?);
        let route = open(NETLINK_ROUTE, LINKS)?;
        // Where this is not allowed, a family that comes is found when somebody asks.
        let _ = generic.0.socket_ref().add_membership(u32::from(CONTROLLER));
        let (scans, _) = broadcast::channel(SCANS);
        let hearing =
            Hearing { sys, scans: scans.clone(), links: BTreeMap::new(), gathered: Gathered::default() };
        let task = tokio::task::spawn_local(hearing.listen(generic.clone(), route, events));
        Ok(Self { generic, scans, task })
    }

    /// Hears what this family tells from now on. Nothing happens if it does already.
    pub(super) fn join(&self, family: &Family) {
        for (name, number) in &family.groups {
            if GROUPS.contains(&name.as_str()) {
                // What cannot be heard is asked for less often; everything else works.
                let _ = self.generic.0.socket_ref().add_membership(*number);
            }
        }
    }

    /// How scans fare from now on.
    pub(super) fn scans(&self) -> broadcast::Receiver<ScanNews> {
        self.scans.subscribe()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn ear(protocol: isize, groups: u32) -> io::Result<Ear> {
    let mut socket = TokioSocket::new(protocol)?;
    socket.socket_mut().bind(&SocketAddr::new(0, groups))?;
    // With less, more is lost and looked for again.
    let _ = socket.socket_ref().set_rx_buf_sz(BACKLOG);
    Ok(Ear(socket))
}

/// What is told when it is quiet.
#[derive(Debug, Default, PartialEq, Eq)]
struct Gathered {
    air: bool,
    /// Interfaces whose stations came or went.
    stations: BTreeSet<u32>,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        !self.air && self.stations.is_empty()
    }
}

struct Hearing {
    sys: PathBuf,
    scans: broadcast::Sender<ScanNews>,
    /// The flags of links with radios, as they were last.
    links: BTreeMap<u32, u32>,
    gathered: Gathered,
}

impl Hearing {
    async fn listen(mut self, generic: Rc<Ear>, route: Ear, events: Events) {
        let mut due = Instant::now();
        loop {
            let was_empty = self.gathered.is_empty();
            let broken = tokio::select! {
                heard = generic.0.recv_from_full() => self.hear(heard, Self::hear_generic),
                heard = route.0.recv_from_full() => self.hear(heard, Self::hear_link),
                () = tokio::time::sleep_until(due), if !was_empty => {
                    let gathered = std::mem::take(&mut self.gathered);
                    if self.tell(&gathered, &events).is_err() {
                        return;
                    }
                    false
                }
            };
            if was_empty {
                due = Instant::now() + QUIET;
            }
            if broken {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Fails if nobody is there any more.
    fn tell(&self, gathered: &Gathered, events: &Events) -> Result<(), ()> {
        let air = gathered.air.then_some(Event::Air);
        // An interface that is gone has no stations to ask for.
        let names = gathered.stations.iter().filter_map(|index| name_of(&self.sys, *index));
        for event in air.into_iter().chain(names.map(Event::Stations)) {
            events.send(event).map_err(drop)?;
        }
        Ok(())
    }

    /// Takes a datagram; says whether the socket does not work.
    fn hear(&mut self, heard: io::Result<(Vec<u8>, SocketAddr)>, take: fn(&mut Self, u16, &[u8])) -> bool {
        match heard {
            // Only the kernel is believed.
            Ok((bytes, from)) if from.port_number() == 0 => {
                for (kind, message) in messages(&bytes) {
                    take(self, kind, message);
                }
                false
            }
            Ok(_) => false,
            Err(error) => {
                // Something was lost: it may be anything.
                self.gathered.air = true;
                let _ = self.scans.send(ScanNews::Lost);
                error.raw_os_error() != Some(nix::errno::Errno::ENOBUFS as i32)
            }
        }
    }

    fn hear_generic(&mut self, kind: u16, message: &[u8]) {
        let (Ok(header), Some(rest)) = (GenlHeader::parse(message), message.get(4..)) else { return };
        let attributes = Attributes::new(rest);
        if kind == CONTROLLER {
            self.gathered.air |= attributes.text(FAMILY_NAME).as_deref() == Some(FAMILY);
            return;
        }
        let index = attributes.u32(of::IFINDEX);
        let scan = match Nl80211Command::from(header.cmd) {
            Nl80211Command::NewStation | Nl80211Command::DelStation => {
                self.gathered.stations.extend(index);
                None
            }
            Nl80211Command::TriggerScan => index.map(ScanNews::Began),
            Nl80211Command::NewScanResults => index.map(ScanNews::Ended),
            Nl80211Command::ScanAborted => index.map(ScanNews::Aborted),
            Nl80211Command::NewWiphy
            | Nl80211Command::DelWiphy
            | Nl80211Command::NewInterface
            | Nl80211Command::SetInterface
            | Nl80211Command::DelInterface
            | Nl80211Command::StartAp
            | Nl80211Command::StopAp
            | Nl80211Command::RegChange
            | Nl80211Command::WiphyRegChange
            | Nl80211Command::ChSwitchNotify
            | Nl80211Command::RadarDetect
            | Nl80211Command::Connect
            | Nl80211Command::Roam
            | Nl80211Command::Disconnect => {
                self.gathered.air = true;
                None
            }
            _ => None,
        };
        if let Some(news) = scan {
            // Nobody waits, mostly.
            let _ = self.scans.send(news);
        }
    }

    /// `struct ifinfomsg`: at 4 the number, at 8 the flags.
    fn hear_link(&mut self, kind: u16, message: &[u8]) {
        let number = |at: usize| Some(u32::from_ne_bytes(message.get(at..at + 4)?.try_into().ok()?));
        let (Some(index), Some(flags)) = (number(4), number(8)) else { return };
        if kind == DEL_LINK {
            self.gathered.air |= self.links.remove(&index).is_some();
        }
        if kind != NEW_LINK || self.links.get(&index) == Some(&(flags & FLAGS)) {
            return;
        }
        let folder = name_of(&self.sys, index).map(|name| self.sys.join("class/net").join(name));
        if folder.is_some_and(|folder| folder.join("phy80211").exists()) {
            self.gathered.air = true;
            if self.links.len() < MAX_LINKS {
                self.links.insert(index, flags & FLAGS);
            }
        }
    }
}

/// The messages of a datagram, with their kinds, without their headers. What is of an impossible length ends it.
fn messages(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut messages = Vec::new();
    while let Some(&[a, b, c, d, e, f]) = bytes.get(..6) {
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        let Some(message) = bytes.get(HEADER..length) else { break };
        messages.push((u16::from_ne_bytes([e, f]), message));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::sync::mpsc::unbounded_channel;

    /// Who hears, and what he tells of scans. `wlan0` is the fourth device and has a radio, `eth0` is the second.
    fn hearing() -> (Hearing, broadcast::Receiver<ScanNews>, tempfile::TempDir) {
        let sys = tempfile::tempdir().unwrap();
        for (name, index) in [("wlan0", "4\n"), ("eth0", "2\n")] {
            std::fs::create_dir_all(sys.path().join("class/net").join(name)).unwrap();
            std::fs::write(sys.path().join("class/net").join(name).join("ifindex"), index).unwrap();
        }
        std::fs::create_dir(sys.path().join("class/net/wlan0/phy80211")).unwrap();
        let (scans, news) = broadcast::channel(SCANS);
        let (path, links, gathered) = (sys.path().to_owned(), BTreeMap::new(), Gathered::default());
        (Hearing { sys: path, scans, links, gathered }, news, sys)
    }

    fn of_interface(command: Nl80211Command, index: u32) -> Vec<u8> {
        [&[u8::from(command), 1, 0, 0, 8, 0, 3, 0], &index.to_ne_bytes()[..]].concat()
    }

    fn link(index: u32, flags: u32) -> Vec<u8> {
        [&[0; 4], &index.to_ne_bytes()[..], &flags.to_ne_bytes()[..], &[0; 4]].concat()
    }

    #[test]
    fn many_messages_are_told_as_one() {
        let (mut hearing, _news, _sys) = hearing();
        for _ in 0..100 {
            hearing.hear_generic(0x1c, &of_interface(Nl80211Command::NewStation, 4));
            hearing.hear_generic(0x1c, &of_interface(Nl80211Command::DelStation, 9));
            hearing.hear_generic(0x1c, &of_interface(Nl80211Command::NewInterface, 4));
        }
        let (events, mut heard) = unbounded_channel();
        hearing.tell(&hearing.gathered, &events).unwrap();
        drop(events);
        assert_eq!(heard.blocking_recv(), Some(Event::Air));
        assert_eq!(heard.blocking_recv(), Some(Event::Stations("wlan0".to_owned())), "9 is gone");
        assert_eq!(heard.blocking_recv(), None);
    }

    #[test]
    fn what_was_lost_may_be_anything() {
        let (mut hearing, mut news, _sys) = hearing();
        let full = io::Error::from_raw_os_error(nix::errno::Errno::ENOBUFS as i32);
        assert!(!hearing.hear(Err(full), Hearing::hear_generic), "the socket still works");
        assert!(hearing.gathered.air);
        assert_eq!(news.try_recv(), Ok(ScanNews::Lost));
        let other = io::Error::from_raw_os_error(nix::errno::Errno::ENOMEM as i32);
        assert!(hearing.hear(Err(other), Hearing::hear_generic));
    }

    #[test]
    fn only_the_kernel_is_believed() {
        let (mut hearing, _news, _sys) = hearing();
        let message = of_interface(Nl80211Command::NewInterface, 4);
        let length = u32::try_from(message.len() + HEADER).unwrap().to_ne_bytes();
        let bytes = [&length[..], &[0x1c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &message].concat();
        hearing.hear(Ok((bytes.clone(), SocketAddr::new(77, 0))), Hearing::hear_generic);
        assert!(!hearing.gathered.air);
        hearing.hear(Ok((bytes, SocketAddr::new(0, 1))), Hearing::hear_generic);
        assert!(hearing.gathered.air);
    }

    #[test]
    fn a_link_is_told_of_when_it_has_a_radio_and_is_different() {
        let (mut hearing, _news, _sys) = hearing();
        let mut told = |kind, message: &[u8]| {
            hearing.hear_link(kind, message);
            std::mem::take(&mut hearing.gathered.air)
        };
        assert!(!told(NEW_LINK, &link(2, UP)), "no radio");
        assert!(told(NEW_LINK, &link(4, UP)));
        assert!(!told(NEW_LINK, &link(4, UP)));
        assert!(told(NEW_LINK, &link(4, UP | 1 << 16)), "a carrier");
        assert!(!told(DEL_LINK, &link(2, 0)));
        assert!(told(DEL_LINK, &link(4, 0)));
    }

    proptest! {
        #[test]
        fn no_datagram_hurts(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut hearing, _news, _sys) = hearing();
            for take in [Hearing::hear_generic, Hearing::hear_link] {
                hearing.hear(Ok((bytes.clone(), SocketAddr::new(0, 0))), take);
                take(&mut hearing, NEW_LINK, &bytes);
            }
        }
    }
}
