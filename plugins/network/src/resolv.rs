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

/// The file with these servers of ours in it, before those of others; or with none that is in force. Not a byte of what
/// others wrote is another.
pub(crate) fn with(text: &str, ours: &[String], on: bool) -> String {
    let mut new = String::with_capacity(text.len());
    let mut pending = Some(ours).filter(|_| on);
    for line in foreign(text) {
        if server(line).is_some() {
            write_ours(&mut new, pending.take());
            if !on {
                new.push_str(OFF);
            }
        }
        new.push_str(line);
    }
    if pending.is_some_and(|ours| !ours.is_empty()) && !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    write_ours(&mut new, pending);
    new
}

fn write_ours(into: &mut String, ours: Option<&[String]>) {
    for ip in ours.unwrap_or_default() {
        into.push_str(MARK);
        into.push_str("\nnameserver ");
        into.push_str(ip);
        into.push('\n');
    }
}

/// The lines that others wrote, as they wrote them, with their ends.
fn foreign(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut all = text.split_inclusive('\n');
    while let Some(line) = all.next() {
        if line.trim_end() == MARK {
            all.next();
        } else {
            lines.push(line.strip_prefix(OFF).unwrap_or(line));
        }
    }
    lines
}

/// The server that a line names.
fn server(line: &str) -> Option<IpAddr> {
    let mut words = line.split_whitespace();
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

    #[test]
    fn a_file_that_nobody_wants_changed_is_not_changed_by_a_byte() {
        for text in
            [FILE, "nameserver 192.0.2.1", "nameserver 192.0.2.1\r\n", "\n\n", " nameserver x\n\n#", ""]
        {
            assert_eq!(with(text, &[], true), text);
            let ours = ["9.9.9.9".to_owned()];
            assert_eq!(with(&with(text, &[], false), &[], true), text);
            let back = with(&with(text, &ours, true), &[], true);
            // A line of ours after a last line without an end gives it one.
            assert_eq!(back.trim_end_matches('\n'), text.trim_end_matches('\n'));
        }
    }
}
