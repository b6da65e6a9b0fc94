//! The names of hosts, from the leases that dnsmasq on this device has given.

use std::collections::BTreeMap;
use std::path::Path;

use crate::facts::Mac;
use crate::files;

/// The most names that are remembered.
pub(crate) const MAX_NAMES: usize = 2_048;

/// The names in the file, if there is one.
pub(crate) fn read(path: &Path) -> BTreeMap<Mac, String> {
    files::read(path).map(|text| parse(&text)).unwrap_or_default()
}

/// Lines of when it ends, hardware address, IP address, name and client id; `*` is no name.
fn parse(text: &str) -> BTreeMap<Mac, String> {
    let name = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (mac, name) = (Mac::parse(words.next()?)?, words.nth(1)?);
        (name != "*").then(|| (mac, name.to_owned()))
    };
    // Put in one by one: making a map at once brings the code of a sort along.
    let mut names = BTreeMap::new();
    names.extend(text.lines().filter_map(name).take(MAX_NAMES));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leases_of_dnsmasq_name_hosts() {
        let text = "1764022205 02:00:00:00:00:01 192.168.1.20 tablet 01:02:00:00:00:00:01\n\
                    1764022205 02:00:00:00:00:02 192.168.1.21 * *\nduid 00:01\n";
        let names = parse(text);
        assert_eq!(names.len(), 1);
        assert_eq!(names[&Mac([2, 0, 0, 0, 0, 1])], "tablet");
        let line = |i: usize| format!("1 02:00:00:00:{:02x}:{:02x} 10.0.0.1 host{i} *", i / 256, i % 256);
        let many: Vec<String> = (0..2 * MAX_NAMES).map(line).collect();
        assert_eq!(parse(&many.join("\n")).len(), MAX_NAMES);
    }
}
