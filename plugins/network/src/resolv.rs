//! The servers in resolv.conf, and how ours get in and out of it without touching what others wrote.
//!
//! A line of ours follows the comment `# cwmpd`. While the client is switched off, the lines of others stand behind
//! `#cwmpd# `, so that they are what they were when it is switched on again.

use std::net::IpAddr;

/// The comment before a line of ours.
const MARK: &str = "# cwmpd";
/// What stands before a line that is switched off.
const OFF: &str = "#cwmpd# ";
/// The most servers that are read.
pub(crate) const MAX_SERVERS: usize = 64;

/// The servers that others wrote into a file, in their order, whether they are switched off or not.
pub(crate) fn servers(text: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for ip in foreign(text).iter().filter_map(|line| server(line)) {
        if !found.contains(&ip) && found.len() < MAX_SERVERS {
            found.push(ip);
        }
    }
    found
}

/// The file with these servers of ours in it, before those of others; or with none that is in force.
pub(crate) fn with(text: &str, ours: &[String], on: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut pending = Some(ours).filter(|_| on);
    for line in foreign(text) {
        if server(line).is_none() {
            lines.push(line.to_owned());
            continue;
        }
        write_ours(&mut lines, pending.take());
        lines.push(if on { line.to_owned() } else { format!("{OFF}{line}") });
    }
    write_ours(&mut lines, pending);
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn write_ours(lines: &mut Vec<String>, ours: Option<&[String]>) {
    for ip in ours.unwrap_or_default() {
        lines.push(MARK.to_owned());
        lines.push(format!("nameserver {ip}"));
    }
}

/// The lines that others wrote, as they wrote them.
fn foreign(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut all = text.lines();
    while let Some(line) = all.next() {
        if line == MARK {
            all.next();
        } else {
            lines.push(line.strip_prefix(OFF).unwrap_or(line));
        }
    }
    lines
}

/// The server that a line names.
fn server(line: &str) -> Option<IpAddr> {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    if words.next() != Some("nameserver") {
        return None;
    }
    // An address of the link may name it: fe80::1%eth0.
    words.next()?.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# by somebody\nsearch lan\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\noptions ndots:2\n";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn servers_are_found_among_everything_else() {
        let text = "nameserver fe80::1%eth0 \nnameserver x\n#nameserver 192.0.2.9\nnameserver 192.0.2.1\nnameserver 192.0.2.1\n";
        assert_eq!(servers(text), [ip("fe80::1"), ip("192.0.2.1")]);
        let many: Vec<String> = (0..2 * MAX_SERVERS).map(|i| format!("nameserver 10.0.0.{i}")).collect();
        assert_eq!(servers(&many.join("\n")).len(), MAX_SERVERS);
    }

    #[test]
    fn what_others_wrote_is_as_it_was_when_ours_are_gone() {
        let ours = ["198.51.100.1".to_owned(), "2001:db8::53".to_owned()];
        let changed = with(FILE, &ours, true);
        assert_eq!(
            changed,
            "# by somebody\nsearch lan\n# cwmpd\nnameserver 198.51.100.1\n# cwmpd\nnameserver 2001:db8::53\n\
             nameserver 192.0.2.1\nnameserver\t2001:db8::1\noptions ndots:2\n"
        );
        assert_eq!(servers(&changed), servers(FILE), "ours are not others'");
        assert_eq!(with(&changed, &ours, true), changed, "again is no change");
        let off = with(&changed, &ours, false);
        assert!(!off.lines().any(|l| l.starts_with("nameserver")), "{off}");
        assert_eq!(servers(&off), servers(FILE));
        assert_eq!(with(&off, &[], true), FILE);
        assert_eq!(with("", &ours[..1], true), "# cwmpd\nnameserver 198.51.100.1\n");
        assert_eq!(with("", &[], true), "");
    }
}
