//! A place for hostapd to run in, and who listens to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::{timeout, Instant};

use crate::back_end::{AccessPoints, Event, Failure, Running};
use crate::facts::{Ssid, Station};
use crate::hostapd::{Hostapd, Places};
use crate::plan::{BssPlan, BssSettings, Mode, RadioPlan, RadioSettings, Secret, Security};

/// How long anything may take: a guest is slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(test: impl std::future::Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// A network namespace; none, where the whole kernel is the test's.
pub(super) struct Namespace(Option<String>);

impl Namespace {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("hapd-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        command("ip", &["netns", "add", &name]);
        command("ip", &["-n", &name, "link", "set", "lo", "up"]);
        Self(Some(name))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn ip(&self, arguments: &[&str]) {
        let within: Vec<&str> = self.0.as_deref().map(|name| vec!["-n", name]).unwrap_or_default();
        command("ip", &[&within, arguments].concat());
    }

    pub(super) fn start(&self, program: &str, arguments: &[&str]) -> Process {
        let mut command = match &self.0 {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, program]);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).stdin(Stdio::null());
        if std::env::var_os("CWMP_TEST_OUTPUT").is_none() {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        Process(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}")))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(name) = &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// A process that ends with the test.
pub(super) struct Process(Child);

impl Process {
    /// As a crash ends it: it takes nothing down and tells nobody.
    pub(super) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            command("kill", &[&self.0.id().to_string()]);
            let _ = self.0.wait();
        }
    }
}

pub(super) fn command(program: &str, arguments: &[&str]) {
    let status =
        Command::new(program).args(arguments).status().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// hostapd's folders, and the back end on them.
pub(super) struct Stage {
    pub(super) hostapd: Hostapd,
    heard: UnboundedReceiver<Event>,
    pub(super) places: Places,
    pub(super) namespace: Namespace,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new(namespace: Namespace) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let places = Places {
            sockets: path.join("hostapd"),
            global: path.join("hostapd/global"),
            folder: path.join("own"),
            files: vec![path.join("image.conf")],
        };
        let (events, heard) = unbounded_channel();
        let hostapd = Hostapd::open(places.clone(), events).unwrap();
        Self { hostapd, heard, places, namespace, folder }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The image's configuration.
    pub(super) fn image(&self, lines: &str) -> PathBuf {
        let file = self.path().join("image.conf");
        fs::write(&file, format!("{lines}ctrl_interface={}\n", self.places.sockets.display())).unwrap();
        file
    }

    /// Starts hostapd, as an image does.
    pub(super) fn start(&self, lines: &str) -> Process {
        let file = self.image(lines);
        self.namespace.start("hostapd", &["-g", self.places.global.to_str().unwrap(), file.to_str().unwrap()])
    }

    /// Starts hostapd without the socket by which networks are added.
    pub(super) fn start_without_global(&self, lines: &str) -> Process {
        let file = self.image(lines);
        self.namespace.start("hostapd", &[file.to_str().unwrap()])
    }

    /// Another back end, as a plugin that was started again has.
    pub(super) fn again(&mut self) {
        let (events, heard) = unbounded_channel();
        self.heard = heard;
        self.hostapd = Hostapd::open(self.places.clone(), events).unwrap();
    }

    /// The next event that is this one.
    pub(super) async fn hear(&mut self, event: &Event) {
        let wait = async { while self.heard.recv().await.as_ref() != Some(event) {} };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{event:?} is never heard"));
    }

    pub(super) fn forget(&mut self) {
        while self.heard.try_recv().is_ok() {}
    }

    /// What runs, once it is so. Looks again whenever something is said, and not more often.
    pub(super) async fn until(&mut self, what: &str, so: impl Fn(&[Running]) -> bool) -> Vec<Running> {
        let end = Instant::now() + PATIENCE;
        loop {
            let looked = self.hostapd.look().await;
            if let Ok(running) = &looked {
                if so(running) {
                    return running.clone();
                }
            }
            let next = tokio::time::timeout_at(end, self.heard.recv()).await;
            assert!(next.is_ok(), "waited in vain: {what}; there is {looked:#?}");
        }
    }

    /// What runs. In a guest hostapd may be busy for longer than it is waited for.
    pub(super) async fn look(&self) -> Vec<Running> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.hostapd.look().await {
                Ok(running) => return running,
                Err(failure) => assert!(Instant::now() < end, "{failure}"),
            }
        }
    }

    /// What runs on an interface.
    pub(super) async fn one(&self, interface: &str) -> Running {
        let running = self.look().await;
        let found = running.iter().find(|network| network.interface == interface);
        found.unwrap_or_else(|| panic!("{interface} is not in {running:#?}")).clone()
    }

    /// The stations that are let in, once they are so many.
    pub(super) async fn stations(&mut self, interface: &str, count: usize) -> Vec<Station> {
        self.try_stations(interface, count).await.unwrap_or_else(|what| panic!("{what}"))
    }

    /// The same; or what there was in vain.
    pub(super) async fn try_stations(
        &mut self,
        interface: &str,
        count: usize,
    ) -> Result<Vec<Station>, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.hostapd.stations(interface).await;
            if let Ok(stations) = &answer {
                let authorized: Vec<Station> =
                    stations.iter().filter(|station| station.authorized).cloned().collect();
                if authorized.len() == count {
                    return Ok(authorized);
                }
            }
            // One that was too busy to answer says nothing again.
            let patience = if answer.is_ok() { end } else { Instant::now() };
            if tokio::time::timeout_at(patience, self.heard.recv()).await.is_err() && Instant::now() >= end {
                let running = self.hostapd.look().await;
                return Err(format!("{count} stations never came to {interface}: {answer:?}, {running:#?}"));
            }
        }
    }

    pub(super) async fn apply(&self, plan: &RadioPlan) {
        self.hostapd.apply(plan).await.unwrap_or_else(|failure| panic!("{failure}: {plan:?}"));
    }

    pub(super) async fn refused(&self, plan: &RadioPlan) -> Failure {
        self.hostapd.apply(plan).await.expect_err("a plan that cannot be")
    }
}

/// A network, as most are.
pub(super) fn network(interface: &str, ssid: &str, mode: Mode, passphrase: &str) -> BssPlan {
    BssPlan {
        interface: interface.to_owned(),
        settings: BssSettings {
            ssid: Ssid::new(ssid).unwrap(),
            advertised: true,
            security: Security {
                mode,
                passphrase: Secret::new(passphrase),
                rekey: 3_600,
                ..Security::default()
            },
            wmm: true,
            uapsd: false,
            isolated: false,
            max_stations: None,
            allowed: None,
            wps: None,
        },
    }
}

/// A radio that is left as it is.
pub(super) fn plan(radio: &str, networks: &[BssPlan]) -> RadioPlan {
    RadioPlan { radio: radio.to_owned(), settings: RadioSettings::default(), networks: networks.to_vec() }
}
