//! dhclient of ISC, which appends a block for every lease to `dhclient.leases`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{addresses, until, Client, Lease, LeaseLink};
use crate::facts::Lifetime;

/// The client, by its folder.
#[derive(Debug)]
pub(crate) struct Dhclient {
    folder: PathBuf,
}

impl Dhclient {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Client for Dhclient {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn is_lease(&self, file: &str) -> bool {
        file.starts_with("dhclient") && file.ends_with("leases") && !file.contains("dhclient6")
    }

    fn read(&self, _: &str, text: &str, _: SystemTime) -> Vec<Lease> {
        // What is before the first whole block, if the beginning was cut off, belongs to none.
        text.split("lease {").skip(1).filter_map(|block| lease(block.split('}').next()?)).collect()
    }
}

fn lease(block: &str) -> Option<Lease> {
    let (mut name, mut ip, mut mask, mut from) = (None, None, None, None);
    let (mut routers, mut servers, mut ends) = (Vec::new(), Vec::new(), Lifetime::Forever);
    for line in block.lines() {
        let line = line.trim().trim_end_matches(';');
        let line = line.strip_prefix("option ").unwrap_or(line);
        let Some((word, value)) = line.split_once(' ') else { continue };
        let address = || value.parse().ok();
        match word {
            "interface" => name = Some(value.trim_matches('"').to_owned()),
            "fixed-address" => ip = address(),
            "subnet-mask" => mask = address(),
            "dhcp-server-identifier" => from = address(),
            "routers" => routers = addresses(value),
            "domain-name-servers" => servers = addresses(value),
            "expire" if value != "never" => ends = until(moment(value)?),
            _ => {}
        }
    }
    Some(Lease { link: LeaseLink::Name(name?), ip: ip?, mask, routers, servers, from, ends })
}

/// `2 2026/11/24 22:10:05` in UTC, with the day of the week before, or `epoch 1763000000`.
fn moment(text: &str) -> Option<SystemTime> {
    let mut words = text.split_whitespace();
    let seconds = match words.next()? {
        "epoch" => words.next()?.parse().ok()?,
        _ => {
            let date: Vec<i64> = numbers(words.next()?, '/')?;
            let time: Vec<i64> = numbers(words.next()?, ':')?;
            let (&[year, month, day], &[hour, minute, second]) = (date.as_slice(), time.as_slice()) else {
                return None;
            };
            if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
                return None;
            }
            days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second
        }
    };
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

fn numbers(text: &str, between: char) -> Option<Vec<i64>> {
    text.split(between).map(|n| n.parse().ok()).collect()
}

/// Days since 1970, by Howard Hinnant's days_from_civil: years begin in March.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "  option routers 192.0.2.1;\n}\nlease {\n  interface \"eth0\";\n  fixed-address 192.0.2.7;\n\
        \x20 option subnet-mask 255.255.255.0;\n  expire 4 2020/01/02 03:04:05;\n}\nlease {\n  interface \"eth0\";\n\
        \x20 fixed-address 192.0.2.8;\n  option subnet-mask 255.255.255.0;\n  option routers 192.0.2.1,192.0.2.2;\n\
        \x20 option domain-name-servers 192.0.2.1;\n  option dhcp-server-identifier 192.0.2.3;\n  renew never;\n\
        \x20 expire never;\n}\n";

    #[test]
    fn its_blocks_are_leases() {
        let client = Dhclient::new("/var/lib/dhcp");
        let leases = client.read("dhclient.leases", FILE, SystemTime::now());
        assert_eq!(leases.len(), 2);
        assert!(super::super::is_over(leases[0].ends));
        let last = &leases[1];
        assert_eq!((last.ip.to_string().as_str(), last.routers.len()), ("192.0.2.8", 2));
        assert_eq!(last.ends, Lifetime::Forever);
        assert!(client.is_lease("dhclient.eth0.leases") && !client.is_lease("dhclient6.leases"));
    }

    #[test]
    fn moments_are_read() {
        let seconds = |text| moment(text).map(|m| m.duration_since(UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(seconds("2 2024/02/29 00:00:01"), Some(1_709_164_801));
        assert_eq!(seconds("4 1970/01/01 00:00:00"), Some(0));
        assert_eq!(seconds("epoch 1709164801"), Some(1_709_164_801));
        assert_eq!(seconds("2 2024/13/29 00:00:01"), None);
        assert_eq!(seconds("never"), None);
        // What no clock shows is no moment, and no reason to fall over.
        for odd in
            ["2 2024/02/29 9223372036854775807:00:01", "2 2024/02/29 00:-1:01", "2 2024/02/29 24:00:00"]
        {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }
}
