//! udhcpc of busybox. It keeps no file itself, but gives everything to its script as variables; a line in that script
//! writes them down (see the README).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{lasting, Client, Lease, LeaseLink, Pairs};
use crate::facts::mask;

/// The client, by the folder that its script writes to.
#[derive(Debug)]
pub(crate) struct Udhcpc {
    folder: PathBuf,
}

impl Udhcpc {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Client for Udhcpc {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn is_lease(&self, file: &str) -> bool {
        file.strip_suffix(".lease").is_some()
    }

    fn read(&self, file: &str, text: &str, written: SystemTime) -> Vec<Lease> {
        let pairs = Pairs::new(text);
        let Some(ip) = pairs.ip("ip") else { return Vec::new() };
        let short = || pairs.number("mask").map(mask);
        let name = pairs.get("interface").unwrap_or_else(|| file.trim_end_matches(".lease"));
        let seconds = pairs.number("lease").unwrap_or(u32::MAX);
        vec![Lease {
            link: LeaseLink::Name(name.to_owned()),
            ip,
            mask: pairs.ip("subnet").or_else(short),
            routers: pairs.ips("router"),
            servers: pairs.ips("dns"),
            from: pairs.ip("serverid"),
            ends: lasting(seconds, written),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_its_script_are_a_lease() {
        // As busybox 1.35 gave them, written down by `env`.
        let text =
            "HOME=/\ninterface=eth0\nsubnet=255.255.255.0\nrouter=192.168.77.1\nip=192.168.77.50\nmask=24\n\
                    dns=192.168.77.1 9.9.9.9\nserverid=192.168.77.1\nlease=3600\nopt53=05\n";
        let lease = Udhcpc::new("/run/udhcpc").read("eth0.lease", text, SystemTime::now()).remove(0);
        assert_eq!(lease.link, LeaseLink::Name("eth0".into()));
        assert_eq!(lease.mask, Some(mask(24)));
        assert_eq!(lease.servers.len(), 2);
        assert_eq!(lease.from, Some("192.168.77.1".parse().unwrap()));
        assert!(Udhcpc::new("/").read("eth0.lease", "interface=eth0\n", SystemTime::now()).is_empty());
    }
}
