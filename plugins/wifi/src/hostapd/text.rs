//! The whole text of a configuration, for what is made anew.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::lines::Lines;
use super::memory::write_private;
use super::network;
use super::socket::{private_folder, Scratch};
use super::Hostapd;
use crate::back_end::Failure;
use crate::facts::Mac;

/// The most bytes of a command to hostapd's global socket, less those of the command itself.
const MAX_PATH: usize = 200;

/// So that no two files of one process are the same.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What a network has of its own, and not from what it was before.
const OF_PLACE: [&str; 4] = ["interface", "bss", "driver", "ctrl_interface"];

/// Removes what processes that were killed left in the folder: files for hostapd, which have secrets in them, and sockets.
pub(super) fn sweep(folder: &Path) {
    let is_left = |name: &str| {
        let (kind, process) = name.rsplit_once('-')?.0.split_once('-')?;
        let process: u32 = process.parse().ok()?;
        Some(matches!(kind, "network" | "answers") && !Path::new(&format!("/proc/{process}")).exists())
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_str().and_then(is_left) == Some(true) {
            // Another one may have been faster.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// A network that was as `known` says and was told `wanted`.
pub(super) fn merged(known: &Lines, wanted: &Lines) -> Lines {
    let mut lines = known.clone();
    if wanted.iter().any(|line| line.0 == "auth_server_addr") {
        let secret = known.get("auth_server_shared_secret").map(str::to_owned);
        lines.remove(|key| key.starts_with("auth_server_"));
        append_servers(&mut lines, wanted, secret.as_deref());
    }
    let keyed = wanted.get("wpa_passphrase").or(wanted.get("wpa_psk")).is_some();
    if keyed {
        lines.remove(|key| matches!(key, "wpa_passphrase" | "wpa_psk" | "wpa_psk_file" | "sae_password"));
    }
    for (key, value) in wanted.iter().filter(|line| !line.0.starts_with("auth_server_")) {
        lines.set(key, value);
    }
    lines
}

/// What a plan that gives no secrets means: those of the image.
pub(super) fn with_secrets_of(image: &Lines, wanted: &Lines) -> Lines {
    const KEYS: [&str; 3] = ["wpa_passphrase", "wpa_psk", "sae_password"];
    let mut lines = wanted.clone();
    let protected = wanted.is_on("wpa") && !wanted.is_on("ieee8021x");
    if protected && !wanted.iter().any(|line| KEYS.contains(&line.0)) {
        for (key, value) in image.iter().filter(|line| KEYS.contains(&line.0)) {
            lines.add(key, value);
        }
    }
    if wanted.get("auth_server_addr").is_some() {
        lines.remove(|key| key.starts_with("auth_server_"));
        append_servers(&mut lines, wanted, image.get("auth_server_shared_secret"));
    }
    lines
}

/// A server without a secret has the one that was there.
fn append_servers(lines: &mut Lines, wanted: &Lines, secret: Option<&str>) {
    let servers: Vec<(&str, &str)> =
        wanted.iter().filter(|line| line.0.starts_with("auth_server_")).collect();
    for (at, (key, value)) in servers.iter().enumerate() {
        lines.add(key, value);
        let next = servers.get(at + 1).map(|line| line.0);
        if *key == "auth_server_port" && next != Some("auth_server_shared_secret") {
            if let Some(secret) = secret {
                lines.add("auth_server_shared_secret", secret);
            }
        }
    }
}

/// A network to be made: its interface and all that is to be said of it.
pub(super) struct Whole {
    pub(super) interface: String,
    pub(super) lines: Lines,
}

impl Hostapd {
    /// The text of a file with these networks, of which the first has the radio's settings.
    pub(super) fn text(&self, networks: &[Whole]) -> Result<String, Failure> {
        let mut text = String::new();
        let driver = networks.first().and_then(|first| first.lines.get("driver")).unwrap_or("nl80211");
        for (number, network) in networks.iter().enumerate() {
            if let Some(missing) = network::lacks(&network.lines) {
                return Err(Failure::Impossible(format!(
                    "{missing} of the network on {} is not known, and is needed to make it anew",
                    network.interface
                )));
            }
            let mut lines = Lines::default();
            if number == 0 {
                lines.push("interface", &network.interface)?;
                lines.push("driver", driver)?;
            } else {
                lines.push("bss", &network.interface)?;
            }
            lines.push("ctrl_interface", self.places.sockets.display().to_string())?;
            let mut rest = network.lines.clone();
            rest.remove(|key| OF_PLACE.contains(&key));
            if rest.get("auth_algs").is_none() {
                lines.push("auth_algs", "1")?;
            }
            if rest.is_on("ieee8021x") && rest.get("nas_identifier").is_none() {
                lines.push("nas_identifier", &network.interface)?;
            }
            lines.append(&rest);
            text += &lines.text();
        }
        Ok(text)
    }

    /// Writes a text for hostapd to read. It is gone when what is returned is.
    pub(super) fn write(&self, text: &str) -> Result<Scratch, Failure> {
        private_folder(&self.places.folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path: PathBuf = self.places.folder.join(format!("network-{}-{number}", std::process::id()));
        if path.as_os_str().len() > MAX_PATH {
            return Err(Failure::Impossible(format!("{} is too long a name for hostapd", path.display())));
        }
        let file = Scratch::new(path);
        write_private(file.path(), text).map_err(|error| {
            Failure::Refused(format!("{} cannot be written: {error}", file.path().display()))
        })?;
        Ok(file)
    }
}

/// An address for one more network of a radio: like its own, but for bits of the first byte that are not set there. hostapd and
/// the hardware tell addresses of one radio apart by a mask, and begin to count at the radio's own.
pub(super) fn another_bssid(own: Mac, used: &[Mac]) -> Option<Mac> {
    /// Set: an address that no vendor gave out.
    const LOCAL: u8 = 0x02;
    let [first, rest @ ..] = own.0;
    let free: Vec<u8> = (2..8).map(|bit| 1u8 << bit).filter(|bit| first & bit == 0).collect();
    (0u32..1 << free.len()).find_map(|number| {
        let added = free
            .iter()
            .enumerate()
            .filter(|(at, _)| number >> at & 1 == 1)
            .fold(0, |sum, (_, bit)| sum | bit);
        let mut bytes = [first | LOCAL | added, 0, 0, 0, 0, 0];
        bytes[1..].copy_from_slice(&rest);
        let mac = Mac(bytes);
        (mac != own && !used.contains(&mac)).then_some(mac)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_a_radio_has_an_address_of_its_own() {
        for own in ["02:00:00:00:00:00", "00:11:22:33:44:55", "FC:11:22:33:44:55"] {
            let own = Mac::parse(own).unwrap();
            let mut used = vec![own];
            while let Some(next) = another_bssid(own, &used) {
                assert_eq!(next.0[0] & 3, 2, "{next}: local, and of one station");
                assert_eq!(next.0[0] & own.0[0], own.0[0], "{next}: only bits that are not set in {own}");
                used.push(next);
            }
            assert!(used.len() >= 2, "{own}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("network-{}-0", std::process::id());
        for name in ["network-4294967295-0", "answers-4294967295-7", &own, "wlan0.said", "network-x-1", "a"] {
            std::fs::write(folder.path().join(name), "wpa_passphrase=hush hush").unwrap();
        }
        sweep(folder.path());
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut left: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["a", &own, "network-x-1", "wlan0.said"]);
    }

    #[test]
    fn a_server_without_a_secret_has_the_one_that_was_there() {
        let known = Lines::parse(
            "auth_server_addr=10.0.0.1\nauth_server_port=1812\nauth_server_shared_secret=hush\n",
        );
        let wanted = Lines::parse("auth_server_addr=10.0.0.2\nauth_server_port=1812\n");
        assert_eq!(
            merged(&known, &wanted).text(),
            "auth_server_addr=10.0.0.2\nauth_server_port=1812\nauth_server_shared_secret=hush\n"
        );
    }

    #[test]
    fn a_passphrase_takes_the_place_of_every_other_key() {
        let known = Lines::parse("wpa_psk_file=/etc/keys\nsae_password=old\nbridge=br0\n");
        assert_eq!(
            merged(&known, &Lines::parse("wpa_passphrase=hush hush\n")).text(),
            "bridge=br0\nwpa_passphrase=hush hush\n"
        );
    }
}
