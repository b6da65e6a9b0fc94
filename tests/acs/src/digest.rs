//! The arithmetic of HTTP authentication (RFC 2617): both sides of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use md5::{Digest as _, Md5};

/// What a Digest response is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) user: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) password: &'a str,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) nonce: &'a str,
    /// `nc` and `cnonce`, where there is a quality `auth`.
    pub(crate) auth: Option<(&'a str, &'a str)>,
    /// The `cnonce` of MD5-sess.
    pub(crate) session: Option<&'a str>,
}

impl Answer<'_> {
    pub(crate) fn response(&self) -> String {
        let mut a1 = hex_md5(&format!("{}:{}:{}", self.user, self.realm, self.password));
        if let Some(cnonce) = self.session {
            a1 = hex_md5(&format!("{a1}:{}:{cnonce}", self.nonce));
        }
        let a2 = hex_md5(&format!("{}:{}", self.method, self.uri));
        match self.auth {
            Some((nc, cnonce)) => hex_md5(&format!("{a1}:{}:{nc}:{cnonce}:auth:{a2}", self.nonce)),
            None => hex_md5(&format!("{a1}:{}:{a2}", self.nonce)),
        }
    }
}

/// The parameters after the scheme of a challenge or of credentials; names in lower case.
pub(crate) fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim().trim_start_matches(',').trim().to_ascii_lowercase();
        let after = after.trim_start();
        let value;
        if let Some(quoted) = after.strip_prefix('"') {
            let mut text = String::new();
            let mut escaped = false;
            let mut end = quoted.len();
            for (at, c) in quoted.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped => {
                        end = at;
                        break;
                    }
                    _ => {
                        text.push(c);
                        escaped = false;
                    }
                }
            }
            value = text;
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else {
            let end = after.find(',').unwrap_or(after.len());
            value = after[..end].trim().to_owned();
            rest = &after[end..];
        }
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        found.insert(name, value);
    }
    found
}

/// `bytes` random bytes in hexadecimal.
pub(crate) fn random(bytes: usize) -> String {
    let mut raw = vec![0; bytes];
    getrandom::getrandom(&mut raw).unwrap_or_else(|e| panic!("random bytes: {e}"));
    hex(&raw)
}

fn hex_md5(text: &str) -> String {
    hex(&Md5::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2617_is_computed() {
        let answer = Answer {
            user: "Mufasa",
            realm: "testrealm@host.com",
            password: "Circle Of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            auth: Some(("00000001", "0a4f113b")),
            session: None,
        };
        assert_eq!(answer.response(), "6629fae49393a05397450978507c4ef1");
        // RFC 2069's form of the same, as curl computes it.
        assert_eq!(Answer { auth: None, ..answer }.response(), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn parameters_are_read_quoted_or_not() {
        let all = parameters("realm=\"a, \\\"b\\\"\", nonce=abc,qop=\"auth,auth-int\", algorithm = MD5");
        assert_eq!(all["realm"], "a, \"b\"");
        assert_eq!(all["nonce"], "abc");
        assert_eq!(all["qop"], "auth,auth-int");
        assert_eq!(all["algorithm"], "MD5");
        assert_eq!(all.len(), 4);
    }
}
