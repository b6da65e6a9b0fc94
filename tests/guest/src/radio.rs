//! Radios that the kernel simulates: `mac80211_hwsim`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::namespace::run;
use crate::Namespace;

/// How many radios a program of tests has for all its worlds. Nobody uses one that somebody else had before.
const RADIOS: usize = 48;

/// Those that nobody has had.
static UNUSED: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// A simulated radio in a namespace, with one interface.
#[derive(Debug)]
pub struct Radio {
    phy: String,
    interface: String,
    mac: String,
    medium: u64,
}

impl Radio {
    /// A radio for a namespace, on a medium: a bit. Radios hear each other if they share one.
    #[track_caller]
    pub(crate) fn claim(namespace: &Namespace, medium: u64) -> Self {
        let phy = {
            // A test that fails while it holds this has taken nothing.
            let mut unused = UNUSED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            unused.get_or_insert_with(make).pop().expect("more radios are claimed than there are: RADIOS")
        };
        let class = PathBuf::from("/sys/class/ieee80211").join(&phy);
        let interface = class.join("device/net").read_dir().expect("a radio has an interface").next();
        let interface = interface.expect("a radio has an interface").expect("the folder can be read");
        let mac = std::fs::read_to_string(class.join("macaddress")).expect("a radio has an address");
        let new = Self {
            interface: interface.file_name().to_string_lossy().into_owned(),
            mac: mac.trim().to_owned(),
            medium,
            phy,
        };
        new.write("group", medium);
        run(Command::new("iw").args(["phy", &new.phy, "set", "netns", "name", namespace.name()]));
        new
    }

    /// Its name, such as `phy3`.
    pub fn phy(&self) -> &str {
        &self.phy
    }

    /// The name of its interface, such as `wlan3`.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// Its address, in small letters.
    pub fn mac(&self) -> &str {
        &self.mac
    }

    /// Takes it out of the reach of all others: nothing is heard any more, by either side.
    #[track_caller]
    pub fn carry_away(&self) {
        // A bit that no world has.
        self.write("group", 1_u64 << 63);
    }

    /// Brings it back.
    #[track_caller]
    pub fn bring_back(&self) {
        self.write("group", self.medium);
    }

    /// How strong all others hear it, in dBm.
    #[track_caller]
    pub fn is_heard_with(&self, signal: i32) {
        // The kernel reads a number without a sign, and takes its bits.
        self.write("rx_rssi", u64::from_ne_bytes(i64::from(signal).to_ne_bytes()));
    }

    #[track_caller]
    fn write(&self, file: &str, value: impl std::fmt::Display) {
        let file = PathBuf::from("/sys/kernel/debug/ieee80211").join(&self.phy).join("hwsim").join(file);
        std::fs::write(&file, value.to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// Loads the module anew, so that nobody meets what another program of tests left.
fn make() -> Vec<String> {
    // It may not be loaded.
    let _ = Command::new("modprobe").args(["-r", "mac80211_hwsim"]).status();
    run(Command::new("modprobe").args(["mac80211_hwsim", &format!("radios={RADIOS}")]));
    let class = std::fs::read_dir("/sys/class/ieee80211").expect("the kernel has radios now");
    let mut radios: Vec<String> =
        class.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // The last one is taken first: that is the one with the lowest number.
    radios.sort_by_key(|phy| std::cmp::Reverse(phy.trim_start_matches("phy").parse::<u32>().ok()));
    radios
}
