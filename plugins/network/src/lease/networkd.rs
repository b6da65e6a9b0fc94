//! systemd-networkd, which keeps a file for each device in `/run/systemd/netif/leases`, named by its index.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{lasting, Client, Lease, LeaseLink, Pairs};

/// The client, by its folder.
#[derive(Debug)]
pub(crate) struct Networkd {
    folder: PathBuf,
}

impl Networkd {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Client for Networkd {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn is_lease(&self, file: &str) -> bool {
        file.bytes().all(|b| b.is_ascii_digit())
    }

    fn read(&self, file: &str, text: &str, written: SystemTime) -> Vec<Lease> {
        let pairs = Pairs::new(text);
        let (Some(ip), Ok(index)) = (pairs.ip("ADDRESS"), file.parse()) else { return Vec::new() };
        let seconds = pairs.number("LIFETIME").unwrap_or(u32::MAX);
        vec![Lease {
            link: LeaseLink::Index(index),
            ip,
            mask: pairs.ip("NETMASK"),
            routers: pairs.ips("ROUTER"),
            servers: pairs.ips("DNS"),
            from: pairs.ip("SERVER_ADDRESS"),
            ends: lasting(seconds, written),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_file_is_a_lease() {
        let text = "# This is private data. Do not parse.\nADDRESS=10.0.3.15\nNETMASK=255.255.255.0\nROUTER=10.0.3.2\n\
                    SERVER_ADDRESS=10.0.3.2\nT1=1800\nT2=3150\nLIFETIME=3600\nDNS=10.0.3.3\nCLIENTID=ff\n";
        let lease = Networkd::new("/run").read("2", text, SystemTime::now()).remove(0);
        assert_eq!((lease.link, lease.ip.to_string().as_str()), (LeaseLink::Index(2), "10.0.3.15"));
        assert_eq!(lease.routers, [std::net::Ipv4Addr::new(10, 0, 3, 2)]);
        assert!(Networkd::new("/run").is_lease("17") && !Networkd::new("/run").is_lease("17.tmp"));
    }
}
