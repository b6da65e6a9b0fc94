//! Names of the data model as names of Rust.

/// Words that a field or a variant cannot be called without ado, in edition 2021.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match",
    "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true",
    "try", "type", "typeof", "unsafe", "use", "where", "while",
];
/// Words that no `r#` helps.
const PATHS: &[&str] = &["crate", "self", "super", "Self"];

/// The words of a name: `MACAddress` is `MAC` and `Address`, `Error_Internal` is `Error` and `Internal`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    for (i, c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            begins = true;
            continue;
        }
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        // `IPv4` is one word.
        let is_version = after == Some(&'v') && chars.get(i + 2).is_some_and(char::is_ascii_digit);
        // A capital begins a word behind a small letter or a digit, and before a small letter: `IPv4Address`, `DNSServer`.
        let begins_here = c.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || before.is_some_and(|b| b.is_ascii_uppercase())
                    && after.is_some_and(char::is_ascii_lowercase)
                    && !is_version);
        match words.last_mut() {
            Some(word) if !begins && !begins_here => word.push(*c),
            _ => words.push(c.to_string()),
        }
        begins = false;
    }
    words
}

/// `MACAddress` as `mac_address`, `Type` as `r#type`.
pub(super) fn field(name: &str) -> String {
    let mut text = words(name).join("_").to_ascii_lowercase();
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.insert_str(0, "n_");
    }
    if KEYWORDS.contains(&text.as_str()) {
        text.insert_str(0, "r#");
    }
    if PATHS.contains(&text.as_str()) {
        text.push('_');
    }
    text
}

/// `mac_address`, `Error_Internal` and `802.11a` as `MacAddress`, `ErrorInternal` and `V80211a`.
pub(super) fn camel(name: &str) -> String {
    let mut text = String::new();
    for word in words(name) {
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            // Digits that meet would be another number.
            let meets = text.ends_with(|c: char| c.is_ascii_digit()) && first.is_ascii_digit();
            if meets {
                text.push('_');
            }
            text.push(first.to_ascii_uppercase());
            text.push_str(&chars.as_str().to_ascii_lowercase());
        }
    }
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.insert(0, 'V');
    }
    if PATHS.contains(&text.as_str()) {
        text.push_str("Value");
    }
    text
}

/// A name that is none of those taken: the first that fits of the candidates, or the last with a number.
pub(super) fn unique(candidates: &[String], is_taken: impl Fn(&str) -> bool) -> String {
    if let Some(free) = candidates.iter().find(|name| !is_taken(name)) {
        return free.clone();
    }
    let last = candidates.last().cloned().unwrap_or_default();
    let mut number = 2_u32;
    loop {
        let name = format!("{last}{number}");
        if !is_taken(&name) {
            return name;
        }
        number += 1;
    }
}

/// A name as the macros of the kit compare it with that of a parameter.
pub(super) fn fold(name: &str) -> String {
    let name = name.trim_start_matches("r#");
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_spelled_as_rust_does() {
        for (name, expected) in [
            ("MACAddress", "mac_address"),
            ("Enable", "enable"),
            ("Type", "r#type"),
            ("IPv4Address", "ipv4_address"),
            ("X_ACME_Colour", "x_acme_colour"),
            ("Self", "self_"),
            ("MaxBitRate", "max_bit_rate"),
            ("DNSServers", "dns_servers"),
            ("HTTP-Proxy", "http_proxy"),
        ] {
            assert_eq!(field(name), expected);
        }
    }

    #[test]
    fn variants_are_spelled_as_rust_does() {
        for (value, expected) in [
            ("Up", "Up"),
            ("LLC", "Llc"),
            ("VBR-nrt", "VbrNrt"),
            ("802.11a", "V802_11a"),
            ("Error_Internal", "ErrorInternal"),
            ("", "V"),
            ("Self", "SelfValue"),
        ] {
            assert_eq!(camel(value), expected);
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_another() {
        let taken = |name: &str| ["Host", "HostsHost"].contains(&name);
        assert_eq!(unique(&["Host".into(), "AllHost".into()], taken), "AllHost");
        assert_eq!(unique(&["Host".into(), "HostsHost".into()], taken), "HostsHost2");
    }
}
