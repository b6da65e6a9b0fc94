//! What is known of the networks that hostapd runs.
//!
//! hostapd tells of little that it was told. What a plan made of a network is kept in memory and in a file of the plugin's
//! folder, together with which socket it was said to: another hostapd has another socket, and knows nothing of it. Below that is
//! what the image's configuration says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::lines::{sections, Lines};
use super::reply::Told;
use super::socket::private_folder;
use crate::back_end::Failure;

/// The most bytes of a configuration file of the image's that is read.
const MAX_FILE: u64 = 256 * 1024;

/// What is known of one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) lines: Lines,
    /// Whether a plan made it.
    pub(super) ours: bool,
}

/// Everything that is known.
#[derive(Debug)]
pub(super) struct Memory {
    sockets: PathBuf,
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// By interface; with the socket that it was said to.
    said: RefCell<HashMap<String, (String, Lines)>>,
}

impl Memory {
    pub(super) fn new(sockets: PathBuf, folder: PathBuf, files: Vec<PathBuf>) -> Self {
        Self { sockets, folder, files, said: RefCell::default() }
    }

    /// What a network is like, if that agrees with what hostapd itself tells of it.
    pub(super) fn recall(&self, interface: &str, told: Option<&Told>) -> Option<Known> {
        let said = self.said(interface).map(|lines| Known { lines, ours: true });
        let known = said.or_else(|| self.image(interface).map(|lines| Known { lines, ours: false }))?;
        told.is_none_or(|told| agrees(&known.lines, told)).then_some(known)
    }

    /// Whether a plan made this network.
    pub(super) fn is_ours(&self, interface: &str) -> bool {
        self.said(interface).is_some()
    }

    /// What was said to the hostapd that has this interface now.
    fn said(&self, interface: &str) -> Option<Lines> {
        let identity = self.identity(interface)?;
        if let Some((to, lines)) = self.said.borrow().get(interface) {
            return (*to == identity).then(|| lines.clone());
        }
        // Of an earlier run of the plugin.
        let text = fs::read_to_string(self.record(interface)).ok()?;
        let (to, lines) = text.split_once('\n')?;
        if to != format!("# {identity}") {
            return None;
        }
        let lines = Lines::parse(lines);
        self.said.borrow_mut().insert(interface.to_owned(), (identity, lines.clone()));
        Some(lines)
    }

    /// What the image's configuration says.
    pub(super) fn image(&self, interface: &str) -> Option<Lines> {
        self.files.iter().find_map(|file| {
            if fs::metadata(file).ok()?.len() > MAX_FILE {
                return None;
            }
            let text = fs::read_to_string(file).ok()?;
            sections(&text).into_iter().find(|section| section.0 == interface).map(|section| section.1)
        })
    }

    /// Keeps what a network was told.
    pub(super) fn keep(&self, interface: &str, lines: &Lines) -> Result<(), Failure> {
        let Some(identity) = self.identity(interface) else {
            self.forget(interface);
            return Ok(());
        };
        private_folder(&self.folder)?;
        let record = self.record(interface);
        let new = record.with_extension("new");
        let text = format!("# {identity}\n{}", lines.text());
        write_private(&new, &text)
            .and_then(|()| fs::rename(&new, &record))
            .map_err(|error| Failure::Refused(format!("{} cannot be written: {error}", record.display())))?;
        self.said.borrow_mut().insert(interface.to_owned(), (identity, lines.clone()));
        Ok(())
    }

    /// Knows nothing of a network any more but what the image says.
    pub(super) fn forget(&self, interface: &str) {
        self.said.borrow_mut().remove(interface);
        // There may be none.
        fs::remove_file(self.record(interface)).ok();
    }

    fn record(&self, interface: &str) -> PathBuf {
        self.folder.join(format!("{interface}.said"))
    }

    /// Which socket it is: a hostapd that starts anew makes a new one.
    fn identity(&self, interface: &str) -> Option<String> {
        let found = fs::metadata(self.sockets.join(interface)).ok()?;
        Some(format!("{} {} {}.{}", found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
    }
}

/// Writes a file that nobody else reads.
pub(super) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // What is left of an earlier one may have other rights.
    fs::remove_file(path).ok();
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Whether hostapd tells the same, as far as it tells anything.
fn agrees(lines: &Lines, told: &Told) -> bool {
    let name = lines.get("ssid2").is_none_or(|hex| hex == told.ssid.hex());
    let wpa = lines.number("wpa").unwrap_or(0u8) == told.wpa;
    let mut known: Vec<&str> = lines.get("wpa_key_mgmt").unwrap_or("WPA-PSK").split_whitespace().collect();
    let mut heard: Vec<&str> = told.key_mgmt.iter().map(String::as_str).collect();
    known.sort_unstable();
    heard.sort_unstable();
    name && wpa && (told.wpa == 0 || known == heard)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::facts::Ssid;

    struct Box {
        folder: tempfile::TempDir,
    }

    impl Box {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("sockets")).unwrap();
            fs::write(
                folder.path().join("image.conf"),
                "interface=wlan0\nssid=Image\nwpa=2\nwpa_passphrase=hush hush\n",
            )
            .unwrap();
            Self { folder }
        }

        fn memory(&self) -> Memory {
            let path = self.folder.path();
            Memory::new(
                path.join("sockets"),
                path.join("private"),
                vec![path.join("none.conf"), path.join("image.conf")],
            )
        }

        fn socket(&self) -> UnixDatagram {
            let path = self.folder.path().join("sockets/wlan0");
            fs::remove_file(&path).ok();
            UnixDatagram::bind(path).unwrap()
        }
    }

    fn told(ssid: &str, wpa: u8) -> Told {
        Told { ssid: Ssid::new(ssid).unwrap(), wpa, key_mgmt: vec!["WPA-PSK".to_owned()] }
    }

    #[test]
    fn below_what_was_said_is_what_the_image_says() {
        let machine = Box::new();
        let _socket = machine.socket();
        let memory = machine.memory();
        let known = memory.recall("wlan0", Some(&told("Image", 2))).unwrap();
        assert!(!known.ours);
        assert_eq!(known.lines.get("wpa_passphrase"), Some("hush hush"));
        memory.keep("wlan0", &Lines::parse("ssid=Ours\nwpa=2\n")).unwrap();
        assert!(memory.recall("wlan0", Some(&told("Ours", 2))).unwrap().ours);
        assert!(
            machine.memory().recall("wlan0", Some(&told("Ours", 2))).unwrap().ours,
            "another run knows it too"
        );
    }

    #[test]
    fn another_hostapd_was_told_nothing() {
        let machine = Box::new();
        let first = machine.socket();
        let memory = machine.memory();
        memory.keep("wlan0", &Lines::parse("ssid=Ours\n")).unwrap();
        drop(first);
        let _second = machine.socket();
        assert!(!memory.recall("wlan0", None).unwrap().ours);
        assert!(!machine.memory().is_ours("wlan0"));
    }

    #[test]
    fn what_hostapd_contradicts_is_not_known() {
        let machine = Box::new();
        let _socket = machine.socket();
        let memory = machine.memory();
        assert_eq!(memory.recall("wlan0", Some(&told("Somebody was here", 2))), None);
        assert_eq!(memory.recall("wlan0", Some(&told("Image", 0))), None);
    }

    #[test]
    fn nobody_else_reads_the_record() {
        let machine = Box::new();
        let _socket = machine.socket();
        let memory = machine.memory();
        memory.keep("wlan0", &Lines::parse("wpa_passphrase=hush hush\n")).unwrap();
        let folder = machine.folder.path().join("private");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("wlan0.said")), 0o600);
        memory.forget("wlan0");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
