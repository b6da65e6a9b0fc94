//! What the DHCP clients of images have got, each from the files that it leaves.

mod dhclient;
mod networkd;
mod udhcpc;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::facts::Lifetime;

pub(crate) use dhclient::Dhclient;
pub(crate) use networkd::Networkd;
pub(crate) use udhcpc::Udhcpc;

/// The most bytes of a file of leases that are read, from its end: there stand the latest.
pub(crate) const MAX_FILE: u64 = 256 << 10;
/// The most files of one client that are read.
pub(crate) const MAX_FILES: usize = 64;

/// An address that a server gave to this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) link: LeaseLink,
    pub(crate) ip: Ipv4Addr,
    pub(crate) mask: Option<Ipv4Addr>,
    pub(crate) routers: Vec<Ipv4Addr>,
    pub(crate) servers: Vec<Ipv4Addr>,
    /// The DHCP server.
    pub(crate) from: Option<Ipv4Addr>,
    pub(crate) ends: Lifetime,
}

/// How a client names the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeaseLink {
    Name(String),
    Index(u32),
}

/// A DHCP client, as its files show it.
pub(crate) trait Client: Send + Sync + std::fmt::Debug {
    /// Where its files are.
    fn folder(&self) -> &Path;

    /// Whether a file in the folder is one of its.
    fn is_lease(&self, file: &str) -> bool;

    /// The leases in such a file, the latest of a device last.
    fn read(&self, file: &str, text: &str, written: SystemTime) -> Vec<Lease>;
}

/// All leases that are in force, one of each device.
pub(crate) fn read_all(clients: &[Box<dyn Client>]) -> Vec<Lease> {
    let mut found: Vec<Lease> = Vec::new();
    for client in clients {
        let Ok(folder) = std::fs::read_dir(client.folder()) else { continue };
        let mut files: Vec<String> =
            folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        files.retain(|file| client.is_lease(file));
        files.sort_unstable();
        files.truncate(MAX_FILES);
        for file in files {
            let Some((text, written)) = read_end(&client.folder().join(&file)) else { continue };
            for lease in client.read(&file, &text, written) {
                found.retain(|old| old.link != lease.link);
                if !is_over(lease.ends) {
                    found.push(lease);
                }
            }
        }
    }
    found
}

fn read_end(path: &Path) -> Option<(String, SystemTime)> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path).ok()?;
    let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    if about.len() > MAX_FILE {
        file.seek(SeekFrom::Start(about.len() - MAX_FILE)).ok()?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some((String::from_utf8_lossy(&bytes).into_owned(), about.modified().ok()?))
}

fn is_over(ends: Lifetime) -> bool {
    matches!(ends, Lifetime::Seconds(seconds, from) if from.elapsed().as_secs() >= u64::from(seconds))
}

/// What lasts so many seconds from a moment of the clock on.
fn lasting(seconds: u32, from: SystemTime) -> Lifetime {
    if seconds == u32::MAX {
        return Lifetime::Forever;
    }
    let end = from + Duration::from_secs(u64::from(seconds));
    until(end)
}

fn until(end: SystemTime) -> Lifetime {
    let left = end.duration_since(SystemTime::now()).unwrap_or_default().as_secs();
    Lifetime::Seconds(u32::try_from(left).unwrap_or(u32::MAX - 1), Instant::now())
}

/// Lines of `KEY=VALUE`, the value perhaps in quotes, as shells and systemd write them.
struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Pairs<'a> {
    fn new(text: &'a str) -> Self {
        let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
        Self(pairs.map(|(key, value)| (key, value.trim_matches(['\'', '"']))).collect())
    }

    /// The value of a key; of several lines with it the last counts.
    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(k, _)| *k == key).map(|(_, value)| *value)
    }

    fn ip(&self, key: &str) -> Option<Ipv4Addr> {
        self.get(key)?.parse().ok()
    }

    /// A number of seconds or bits.
    fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    fn ips(&self, key: &str) -> Vec<Ipv4Addr> {
        self.get(key).map(addresses).unwrap_or_default()
    }
}

/// The addresses in a list with spaces or commas.
fn addresses(list: &str) -> Vec<Ipv4Addr> {
    list.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_lease_of_a_device_counts_unless_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, lease: u32| {
            let text = format!("interface=eth0\nip=192.0.2.{lease}\nlease={lease}\n");
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        let clients: Vec<Box<dyn Client>> = vec![Box::new(Udhcpc::new(folder.path()))];
        assert!(read_all(&clients).is_empty());
        write("eth0.lease", 100);
        write("other.file", 7);
        assert_eq!(read_all(&clients)[0].ip.to_string(), "192.0.2.100");
        write("eth0.lease", 0);
        assert!(read_all(&clients).is_empty(), "it was for no time at all");
    }

    #[test]
    fn only_the_end_of_a_long_file_is_read_and_only_so_many_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "ip=192.0.2.9\n".to_owned();
        text.push_str(&"# nothing\n".repeat(usize::try_from(MAX_FILE).unwrap() / 10));
        text.push_str("interface=eth0\nlease=100\n");
        std::fs::write(folder.path().join("eth0.lease"), text).unwrap();
        let clients: Vec<Box<dyn Client>> = vec![Box::new(Udhcpc::new(folder.path()))];
        assert!(read_all(&clients).is_empty(), "the address stands before what is read");
        for i in 0..2 * MAX_FILES {
            let text = format!("interface=eth{i}\nip=192.0.2.9\nlease=100\n");
            std::fs::write(folder.path().join(format!("eth{i}.lease")), text).unwrap();
        }
        assert_eq!(read_all(&clients).len(), MAX_FILES);
    }
}
