//! Access points by hostapd: its control sockets.
//!
//! hostapd has a socket for each network, in one folder, and with `-g` one for the whole process, by which networks are added
//! and taken away. It answers questions, takes settings one by one, and says unasked what happens. What it does not tell is in
//! [`memory`]; what a plan is in its words is in [`network`] and [`radio`]; what has to be said to come from one to the other is
//! in [`difference`], and [`change`] says it.

mod change;
mod channel;
mod difference;
mod lines;
mod memory;
mod network;
mod probe;
mod radio;
mod reply;
mod socket;
mod standing;
mod steps;
mod text;
mod undo;
mod watch;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::{timeout, Instant};

use crate::back_end::{AccessPoints, ApAbilities, Events, Failure, Running};
use crate::facts::{Mac, Station};
use crate::plan::RadioPlan;

use memory::Memory;
use reply::{is_interface, Status, Told, LISTING, MAX_STATIONS};
use socket::{Conversation, ANSWER, SERVICE};

/// The most sockets of one folder that are asked.
const MAX_SOCKETS: usize = 64;

/// How long a whole plan may take: two of them, what was wanted and what was before, are within the manifest's deadline.
const PLAN: Duration = Duration::from_secs(20);

/// How long hostapd may take to say that it is there: reads wait for it.
const PING: Duration = Duration::from_millis(1_200);

/// Where hostapd and what belongs to it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// The folder of the control sockets of its interfaces: `ctrl_interface`.
    pub(crate) sockets: PathBuf,
    /// The socket of the whole process: `-g`.
    pub(crate) global: PathBuf,
    /// A folder of the plugin's own. It is made if it is not there, and nobody else reads in it.
    pub(crate) folder: PathBuf,
    /// The image's configuration files, for what hostapd does not tell.
    pub(crate) files: Vec<PathBuf>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            sockets: PathBuf::from("/run/hostapd"),
            global: PathBuf::from("/run/hostapd/global"),
            folder: PathBuf::from("/run/cwmpd-wifi"),
            files: vec![PathBuf::from("/etc/hostapd/hostapd.conf"), PathBuf::from("/etc/hostapd.conf")],
        }
    }
}

/// Access points by hostapd.
pub(crate) struct Hostapd {
    places: Places,
    memory: Memory,
    abilities: RefCell<ApAbilities>,
    /// Whether it knows 802.11be. Older ones do not even take that it is off.
    knows_be: Cell<bool>,
    /// Which hostapd the abilities are of.
    probed: RefCell<Option<String>>,
    _watch: watch::Watch,
}

/// A network as its own socket tells of it.
#[derive(Debug, Clone)]
struct Seen {
    interface: String,
    status: Status,
}

/// All that is seen of the networks, and what hid others.
struct Sight {
    seen: Vec<Seen>,
    failure: Option<Failure>,
}

impl Hostapd {
    /// Listens to all that hostapd says from now on, in a task of the runtime that this is called in.
    pub(crate) fn open(places: Places, events: Events) -> Result<Self, Failure> {
        text::sweep(&places.folder);
        let memory = Memory::new(places.sockets.clone(), places.folder.clone(), places.files.clone());
        let watch = watch::Watch::start(places.clone(), events)?;
        Ok(Self {
            places,
            memory,
            abilities: RefCell::new(probe::without_asking()),
            knows_be: Cell::new(true),
            probed: RefCell::new(None),
            _watch: watch,
        })
    }

    /// The stations of a network, as hostapd counts them.
    async fn stations_of(&self, interface: &str) -> Result<Vec<Station>, Failure> {
        let list = async {
            let mut talk = self.talk(interface)?;
            let mut stations: Vec<Station> = Vec::new();
            let mut answer = talk.ask("STA-FIRST").await?;
            while let Some(station) = reply::station(&answer)? {
                if stations.len() == MAX_STATIONS || stations.iter().any(|known| known.mac == station.mac) {
                    return Err(Failure::Nonsense(SERVICE, "a list of stations without an end".to_owned()));
                }
                answer = talk.ask(&format!("STA-NEXT {}", station.mac)).await?;
                stations.push(station);
            }
            Ok(stations)
        };
        timeout(LISTING, list).await.unwrap_or(Err(Failure::Away(SERVICE)))
    }

    /// Begins to talk about an interface.
    fn talk(&self, interface: &str) -> Result<Conversation, Failure> {
        Conversation::begin(&self.places.sockets.join(interface), &self.places.folder)
    }

    /// Begins to talk about everything.
    fn talk_to_all(&self) -> Result<Conversation, Failure> {
        if !self.has_global() {
            return Err(Failure::Impossible(
                "hostapd runs without a global control socket (-g), so it can neither add nor remove a network".to_owned(),
            ));
        }
        Conversation::begin(&self.places.global, &self.places.folder)
    }

    /// Whether networks can be added and taken away.
    fn has_global(&self) -> bool {
        self.places.global.exists()
    }

    /// All networks of all radios. What is not there any more, but has left its socket behind, is not among them.
    async fn seen(&self, limit: Duration) -> Sight {
        let interfaces = socket_names(&self.places.sockets, &self.places.global);
        let asked = join_all(interfaces.into_iter().map(|interface| async move {
            let mut talk = match self.talk(&interface) {
                Ok(talk) => talk,
                // Nobody is at the other end.
                Err(Failure::Away(_)) => return None,
                Err(failure) => return Some(Err(failure)),
            };
            let status = talk.ask_within("STATUS", limit).await.and_then(|answer| Status::parse(&answer));
            Some(status.and_then(|status| {
                if status.networks.iter().any(|network| network.interface == interface) {
                    Ok(Seen { interface, status })
                } else {
                    Err(Failure::Nonsense(SERVICE, "a status of another interface".to_owned()))
                }
            }))
        }))
        .await;
        let mut sight = Sight { seen: Vec::new(), failure: None };
        for answer in asked.into_iter().flatten() {
            match answer {
                Ok(network) => sight.seen.push(network),
                Err(failure) => sight.failure = Some(sight.failure.unwrap_or(failure)),
            }
        }
        if sight.seen.is_empty() && sight.failure.is_none() && !self.answers().await {
            sight.failure = Some(Failure::Away(SERVICE));
        }
        sight
    }

    /// Whether there is a hostapd, if only one without a network.
    async fn answers(&self) -> bool {
        let Ok(mut talk) = self.talk_to_all() else { return false };
        talk.ask("PING").await.is_ok_and(|answer| answer.trim_end() == "PONG")
    }

    async fn told(&self, interface: &str) -> Result<Told, Failure> {
        Told::parse(&self.talk(interface)?.ask("GET_CONFIG").await?)
    }

    /// The list of those that are let in.
    async fn allowed(&self, interface: &str) -> Result<Vec<Mac>, Failure> {
        let answer = self.talk(interface)?.ask("ACCEPT_ACL SHOW").await?;
        Ok(answer.lines().filter_map(|line| Mac::parse(line.split(' ').next()?)).collect())
    }

    async fn running(&self, seen: &Seen) -> Result<Running, Failure> {
        let told = self.told(&seen.interface).await?;
        let first = seen.status.networks[0].interface.clone();
        let known = self.memory.recall(&seen.interface, Some(&told));
        let lines = known.map(|known| known.lines).unwrap_or_default();
        let of_radio = match self.memory.recall(&first, None) {
            Some(first) => radio::settings(&first.lines),
            None => radio::settings(&lines),
        };
        let Some(own) = seen.status.networks.iter().find(|network| network.interface == seen.interface)
        else {
            return Err(Failure::Nonsense(SERVICE, "a status of another interface".to_owned()));
        };
        let listed = lines.get("macaddr_acl") == Some("1");
        let allowed = if listed { self.allowed(&seen.interface).await? } else { Vec::new() };
        let stations = if own.stations > 0 { self.stations_of(&seen.interface).await? } else { Vec::new() };
        Ok(Running {
            interface: seen.interface.clone(),
            bssid: own.bssid,
            settings: network::settings(&lines, Some(&told), &allowed),
            radio: of_radio,
            progress: seen.status.state.progress(),
            frequency: seen.status.frequency.filter(|_| seen.status.state != reply::State::Off),
            first,
            stations: stations
                .iter()
                .filter(|station| station.authorized)
                .map(|station| station.mac)
                .collect(),
            foreign: !self.memory.is_ours(&seen.interface),
        })
    }
}

#[async_trait(?Send)]
impl AccessPoints for Hostapd {
    fn name(&self) -> &'static str {
        SERVICE
    }

    async fn is_there(&self) -> Option<bool> {
        let names = socket_names(&self.places.sockets, &self.places.global);
        let ask = |name: &String| {
            let talk = self.talk(name);
            async { talk.ok()?.ask_within("PING", PING).await.ok() }
        };
        let answers = join_all(names.iter().map(ask)).await;
        Some(answers.into_iter().flatten().any(|answer| answer.trim_end() == "PONG"))
    }

    async fn look(&self) -> Result<Vec<Running>, Failure> {
        self.probe().await;
        let Sight { seen, mut failure } = self.seen(ANSWER).await;
        let most = seen.iter().map(|network| network.status.networks.len()).max().unwrap_or(1);
        self.abilities.borrow_mut().networks =
            if self.has_global() { probe::MANY } else { u32::try_from(most).unwrap_or(1) };
        let mut running = Vec::new();
        for network in join_all(seen.iter().map(|network| self.running(network))).await {
            match network {
                Ok(network) => running.push(network),
                // Gone since it was seen, or gone silent: the others are told of all the same.
                Err(other) => failure = Some(failure.unwrap_or(other)),
            }
        }
        if let (true, Some(failure)) = (running.is_empty(), failure) {
            return Err(failure);
        }
        running.sort_by(|a, b| a.interface.cmp(&b.interface));
        Ok(running)
    }

    async fn apply(&self, plan: &RadioPlan) -> Result<(), Failure> {
        let end = Instant::now() + PLAN;
        self.make_true(plan, end).await
    }

    async fn stations(&self, interface: &str) -> Result<Vec<Station>, Failure> {
        if !is_interface(interface) {
            return Err(Failure::Impossible("that is no interface".to_owned()));
        }
        self.stations_of(interface).await
    }

    fn abilities(&self) -> ApAbilities {
        self.abilities.borrow().clone()
    }
}

/// The interfaces that have a socket in the folder.
fn socket_names(sockets: &Path, global: &Path) -> Vec<String> {
    use std::os::unix::fs::FileTypeExt as _;
    let Ok(entries) = fs::read_dir(sockets) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path() != global && entry.file_type().is_ok_and(|kind| kind.is_socket()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_interface(name))
        .take(MAX_SOCKETS)
        .collect();
    names.sort();
    names
}
