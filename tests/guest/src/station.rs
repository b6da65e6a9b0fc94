//! A station: somebody's telephone.

use crate::{control, eventually, Daemon, Namespace, Radio, World};

/// A network, as whoever joins it knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network<'a> {
    /// Without protection.
    Open(&'a str),
    /// WPA2-Personal: name and passphrase.
    Wpa2(&'a str, &'a str),
    /// WPA3-Personal: name and passphrase.
    Wpa3(&'a str, &'a str),
}

impl Network<'_> {
    /// Its name.
    pub fn ssid(&self) -> &str {
        match self {
            Self::Open(ssid) | Self::Wpa2(ssid, _) | Self::Wpa3(ssid, _) => ssid,
        }
    }

    /// For wpa_supplicant. A station listens on the channels of 2.4 GHz that tests use, because all take half a minute.
    fn of_station(&self) -> String {
        let security = match self {
            Self::Open(_) => "key_mgmt=NONE".to_owned(),
            Self::Wpa2(_, passphrase) => format!("key_mgmt=WPA-PSK\nproto=RSN\npsk=\"{passphrase}\""),
            Self::Wpa3(_, passphrase) => {
                format!("key_mgmt=SAE\nproto=RSN\nieee80211w=2\nsae_password=\"{passphrase}\"")
            }
        };
        format!(
            "network={{\nssid=\"{}\"\nscan_ssid=1\nscan_freq={FREQUENCIES}\n{security}\n}}\n",
            self.ssid()
        )
    }

    /// For hostapd.
    pub(crate) fn of_access_point(&self) -> String {
        let security = match self {
            Self::Open(_) => String::new(),
            Self::Wpa2(_, passphrase) => {
                format!("wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={passphrase}\n")
            }
            Self::Wpa3(_, passphrase) => format!(
                "wpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\nieee80211w=2\nsae_password={passphrase}\n"
            ),
        };
        format!("ssid={}\n{security}", self.ssid())
    }
}

/// The channels 1, 6 and 11.
const FREQUENCIES: &str = "2412 2437 2462";

/// A station with a wpa_supplicant, a radio and a namespace of its own.
#[derive(Debug)]
pub struct Station {
    // Before what it runs in.
    _supplicant: Daemon,
    radio: Radio,
    namespace: Namespace,
    folder: tempfile::TempDir,
}

impl Station {
    /// One that joins whichever of these it finds, and looks again when it is alone.
    #[track_caller]
    pub fn start(world: &World, networks: &[Network<'_>]) -> Self {
        let namespace = Namespace::new("station");
        let radio = world.radio_in(&namespace);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("wpa_supplicant.conf");
        let control = folder.path().join("control");
        let networks: String = networks.iter().map(Network::of_station).collect();
        let text = format!("ctrl_interface={}\nautoscan=periodic:1\n{networks}", control.display());
        std::fs::write(&file, text).expect("our own folder");
        let mut command = namespace.command("wpa_supplicant");
        command.args(["-D", "nl80211", "-i", radio.interface(), "-c"]).arg(&file);
        let mut supplicant = Daemon::start("station", &mut command, folder.path());
        supplicant.makes(&control.join(radio.interface()));
        Self { _supplicant: supplicant, radio, namespace, folder }
    }

    /// Its radio.
    pub fn radio(&self) -> &Radio {
        &self.radio
    }

    /// Its address, as the data model writes it.
    pub fn mac(&self) -> String {
        self.radio.mac().to_uppercase()
    }

    /// The network that it is in, with its keys agreed upon.
    #[track_caller]
    pub fn network(&self) -> Option<String> {
        let status = self.control("STATUS");
        let value = |key: &str| {
            status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
        };
        (value("wpa_state").as_deref() == Some("COMPLETED")).then(|| value("ssid"))?
    }

    /// Waits until it is in this network.
    #[track_caller]
    pub fn joins(&self, ssid: &str) {
        eventually(&format!("the station joins {ssid}"), || {
            (self.network().as_deref() == Some(ssid)).then_some(())
        });
    }

    /// Waits until it is in no network.
    #[track_caller]
    pub fn is_alone(&self) {
        eventually("the station is alone", || self.network().is_none().then_some(()));
    }

    /// Says good-bye and does not come back.
    #[track_caller]
    pub fn leave(&self) {
        assert_eq!(self.control("DISCONNECT").trim(), "OK");
    }

    /// Comes back.
    #[track_caller]
    pub fn come_back(&self) {
        assert_eq!(self.control("RECONNECT").trim(), "OK");
    }

    /// What it heard: address, frequency, signal, flags and name of each network, in a line.
    #[track_caller]
    pub fn heard(&self) -> String {
        self.control("SCAN_RESULTS")
    }

    /// A command, as `wpa_cli` gives it.
    #[track_caller]
    pub fn control(&self, command: &str) -> String {
        let socket = self.folder.path().join("control").join(self.radio.interface());
        control::ask(&socket, self.folder.path(), command)
    }

    /// A program beside it, in its network.
    #[track_caller]
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.namespace.run(program, arguments)
    }
}
