//! A machine with radios that do not exist: `mac80211_hwsim`, and the daemons that use them.

use std::path::PathBuf;
use std::process::{Child, Command};

use super::*;

/// The radios, and who hears of them.
pub(super) struct Machine {
    pub(super) air: Nl80211,
    pub(super) heard: UnboundedReceiver<Event>,
}

impl Machine {
    /// A fresh set of radios.
    pub(super) fn with_radios(count: u32) -> Self {
        let machine = Self::without_wifi();
        command("modprobe", &["mac80211_hwsim", &format!("radios={count}")]);
        machine
    }

    /// A kernel that does not know what WiFi is.
    pub(super) fn without_wifi() -> Self {
        assert!(std::env::var_os("CWMP_GUEST").is_some(), "only for a kernel that is nobody's");
        for module in ["mac80211_hwsim", "mac80211", "cfg80211"] {
            if std::path::Path::new("/sys/module").join(module).exists() {
                command("rmmod", &[module]);
            }
        }
        let (events, heard) = unbounded_channel();
        Self { air: Nl80211::open(events).unwrap(), heard }
    }

    pub(super) async fn interface(&self, name: &str) -> Option<Interface> {
        self.air.interfaces().await.unwrap().into_iter().find(|interface| interface.name == name)
    }

    pub(super) async fn radio(&self, name: &str) -> Radio {
        self.air.radios().await.unwrap().into_iter().find(|radio| radio.name == name).unwrap()
    }

    /// An interface that is so. Asks again whenever the air is different, and not more often.
    pub(super) async fn until(&mut self, name: &str, so: fn(&Interface) -> bool) -> Interface {
        loop {
            if let Some(interface) = self.interface(name).await.filter(so) {
                return interface;
            }
            self.hear(&Event::Air).await;
        }
    }

    /// The stations of an interface that are so. That one is let in is no event of the kernel's: then it is asked and asked.
    pub(super) async fn until_stations(
        &mut self,
        interface: &Interface,
        event: Option<&Event>,
        so: fn(&[Station]) -> bool,
    ) -> Vec<Station> {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let stations = self.air.stations(interface.index).await.unwrap();
            if so(&stations) {
                return stations;
            }
            assert!(tokio::time::Instant::now() < end, "{stations:?}");
            if let Some(event) = event {
                self.hear(event).await;
            }
        }
    }

    /// Waits for an event.
    pub(super) async fn hear(&mut self, event: &Event) {
        let wait = async { while self.heard.recv().await.as_ref() != Some(event) {} };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{event:?} is never heard"));
    }

    /// What was heard so far is of no interest.
    pub(super) fn forget(&mut self) {
        while self.heard.try_recv().is_ok() {}
    }
}

/// A daemon with a configuration of its own; it ends with the test.
pub(super) struct Daemon {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Daemon {
    pub(super) fn hostapd(lines: &[&str]) -> Self {
        Self::start("hostapd", &[], lines)
    }

    pub(super) fn wpa_supplicant(interface: &str, lines: &[&str]) -> Self {
        Self::start("wpa_supplicant", &["-Dnl80211", "-i", interface, "-c"], lines)
    }

    fn start(program: &str, arguments: &[&str], lines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("configuration");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let child = Command::new(program).args(arguments).arg(&path).spawn().unwrap();
        Self { child, _folder: folder }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It takes its networks down when it is asked to end.
        command("kill", &[&self.child.id().to_string()]);
        let _ = self.child.wait();
    }
}

pub(super) fn command(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}
