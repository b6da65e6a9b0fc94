//! Settings in hostapd's own words: `key=value`.

use std::fmt;

use crate::back_end::Failure;
use crate::facts::Ssid;

/// The most bytes of a value: hostapd reads lines of 4096.
pub(super) const MAX_VALUE: usize = 2_000;

/// Keys whose values nobody sees.
const SECRET: [&str; 8] = [
    "wpa_passphrase",
    "wpa_psk",
    "sae_password",
    "auth_server_shared_secret",
    "acct_server_shared_secret",
    "private_key_passwd",
    "ap_pin",
    "wep_key0",
];

/// Settings in the order of a file. A key may stand there more than once.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Lines(Vec<(String, String)>);

impl Lines {
    /// Adds a line, if it will be one line.
    pub(super) fn push(&mut self, key: &str, value: impl Into<String>) -> Result<(), Failure> {
        let value = value.into();
        if value.len() > MAX_VALUE {
            return Err(Failure::Impossible(format!("hostapd takes no {key} of {} bytes", value.len())));
        }
        if value.chars().any(char::is_control) {
            return Err(Failure::Impossible(format!("hostapd takes no {key} with control characters in it")));
        }
        self.0.push((key.to_owned(), value));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a key; of its last line, which is the one that counts.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|line| line.0 == key).map(|line| line.1.as_str())
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value != "0")
    }

    /// A number.
    pub(super) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// Says something else, or something for the first time.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.0.retain(|line| line.0 != key);
        self.0.push((key.to_owned(), value.to_owned()));
    }

    /// Says one more thing, which was in lines before.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    /// Says nothing of what `is_meant`.
    pub(super) fn remove(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.0.retain(|line| !is_meant(&line.0));
    }

    /// Adds the lines of another.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// As it stands in a file.
    pub(super) fn text(&self) -> String {
        self.0.iter().fold(String::new(), |text, (key, value)| text + key + "=" + value + "\n")
    }

    /// From the text of a file, which may be anybody's.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(parse_line).collect())
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(key, value)| (key, if SECRET.contains(&key) { "..." } else { value })))
            .finish()
    }
}

/// The networks of one file of hostapd's: the first one's lines have the radio's in them.
pub(super) fn sections(text: &str) -> Vec<(String, Lines)> {
    let mut sections = vec![(String::new(), Lines::default())];
    for (key, value) in text.lines().filter_map(parse_line) {
        match key.as_str() {
            "interface" => sections[0].0 = value,
            "bss" => sections.push((value, Lines::default())),
            _ => {
                let last = sections.len() - 1;
                sections[last].1 .0.push((key, value));
            }
        }
    }
    sections.retain(|section| !section.0.is_empty());
    sections
}

/// One line, with one name for what has several.
fn parse_line(line: &str) -> Option<(String, String)> {
    if line.starts_with('#') {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let renamed = match key {
        "ssid" => return Some(("ssid2".to_owned(), Ssid::new(value)?.hex())),
        "ssid2" => return Some((key.to_owned(), Ssid::new(quoted(value)?)?.hex())),
        "channel" if value == "0" => return Some((key.to_owned(), "acs_survey".to_owned())),
        "wme_enabled" => "wmm_enabled",
        _ => key,
    };
    Some((renamed.to_owned(), value.to_owned()))
}

/// A string as `ssid2` has it: `"text"`, `P"te\x78t"`, or digits.
fn quoted(value: &str) -> Option<Vec<u8>> {
    if let Some(text) = value.strip_prefix('"') {
        return Some(text.strip_suffix('"')?.as_bytes().to_vec());
    }
    if let Some(text) = value.strip_prefix("P\"") {
        return Some(unescape(text.strip_suffix('"')?));
    }
    from_hex(value)
}

/// Bytes from digits.
pub(super) fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

/// Bytes from how hostapd prints them: what is no printable character of ASCII is `\xNN` or a letter of C's.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'e') => bytes.push(0x1b),
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.extend(from_hex(&digits).unwrap_or_default());
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_two_networks_has_two_sections() {
        let found = sections(
            "# first\ninterface=wlan0\ndriver=nl80211\nssid=Home\nchannel=6\n\nbss=wlan0_1\nssid2=P\"a\\x0ab\"\nwpa=2\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, "wlan0");
        assert_eq!(found[0].1.get("ssid2"), Some("486f6d65"));
        assert_eq!(found[0].1.get("channel"), Some("6"));
        assert_eq!(found[1].0, "wlan0_1");
        assert_eq!(found[1].1.get("ssid2"), Some("610a62"));
    }

    #[test]
    fn a_value_that_would_be_two_lines_is_no_line() {
        let mut lines = Lines::default();
        for value in ["a\nwpa=0", "a\0b", "a\rb", "\u{85}"] {
            assert!(matches!(lines.push("wpa_passphrase", value), Err(Failure::Impossible(_))), "{value:?}");
        }
        assert!(lines.push("vendor_elements", "a".repeat(MAX_VALUE + 1)).is_err());
        assert!(lines.is_empty());
    }

    #[test]
    fn nobody_sees_a_secret_in_a_trace() {
        let lines = Lines::parse("wpa_passphrase=hush hush\nwpa=2\n");
        let shown = format!("{lines:?}");
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("wpa_passphrase"), "{shown}");
    }

    #[test]
    fn what_hostapd_prints_becomes_the_bytes_it_has() {
        assert_eq!(unescape(r#"a\"b\\c\x00\xffd\n\e"#), b"a\"b\\c\x00\xffd\n\x1b");
        assert_eq!(unescape(r"a\"), b"a");
        assert_eq!(unescape(r"\xzz"), b"");
    }
}
