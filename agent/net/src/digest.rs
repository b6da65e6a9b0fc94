//! The arithmetic of Digest authentication (RFC 2617, RFC 7616), for both directions.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::random::to_hex;

/// A hash, and whether its key is bound to the session (`-sess`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithm {
    pub(crate) hash: Hash,
    pub(crate) session: bool,
}

/// In the order of our liking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hash {
    Md5,
    Sha256,
}

/// Everything that a response is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) username: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) password: &'a str,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) cnonce: &'a str,
    /// The nonce count as it is written, with `qop=auth`; `None` is the older form without qop.
    pub(crate) count: Option<&'a str>,
}

impl Algorithm {
    /// Reads the parameter `algorithm`; without one it is MD5. `None` is one that we do not know.
    pub(crate) fn from_name(name: Option<&str>) -> Option<Self> {
        let name = name.unwrap_or("MD5").to_ascii_uppercase();
        let (name, session) = name.strip_suffix("-SESS").map_or((name.as_str(), false), |name| (name, true));
        let hash = match name {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            _ => return None,
        };
        Some(Self { hash, session })
    }
}

impl Hash {
    /// The hash of the parts with colons between them, in hexadecimal digits.
    fn of(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 => to_hex(&Md5::digest(text)),
            Self::Sha256 => to_hex(&Sha256::digest(text)),
        }
    }
}

impl Proof<'_> {
    /// The parameter `response`.
    pub(crate) fn response(&self) -> String {
        let hash = self.algorithm.hash;
        let mut secret = hash.of(&[self.username, self.realm, self.password]);
        if self.algorithm.session {
            secret = hash.of(&[&secret, self.nonce, self.cnonce]);
        }
        let request = hash.of(&[self.method, self.uri]);
        match self.count {
            Some(count) => hash.of(&[&secret, self.nonce, count, self.cnonce, "auth", &request]),
            None => hash.of(&[&secret, self.nonce, &request]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_2617: Proof<'_> = Proof {
        algorithm: Algorithm { hash: Hash::Md5, session: false },
        username: "Mufasa",
        realm: "testrealm@host.com",
        password: "Circle Of Life",
        method: "GET",
        uri: "/dir/index.html",
        nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        cnonce: "0a4f113b",
        count: Some("00000001"),
    };

    const RFC_7616: Proof<'_> = Proof {
        realm: "http-auth@example.org",
        password: "Circle of Life",
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        ..RFC_2617
    };

    /// C30: the examples of RFC 2617 (3.5) and RFC 7616 (3.9.1).
    #[test]
    fn the_examples_of_the_rfcs_come_out() {
        assert_eq!(RFC_2617.response(), "6629fae49393a05397450978507c4ef1");
        assert_eq!(RFC_7616.response(), "8ca523f5e9506fed4657c9700eebdbec");
        let sha = Proof { algorithm: Algorithm { hash: Hash::Sha256, session: false }, ..RFC_7616 };
        assert_eq!(sha.response(), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    /// C30: the form without qop (the example of RFC 2069 as its errata correct it).
    #[test]
    fn the_older_form_without_qop_comes_out() {
        let proof = Proof { password: "CircleOfLife", count: None, ..RFC_2617 };
        assert_eq!(proof.response(), "1949323746fe6a43ef61f9606e7febea");
    }

    /// C30: MD5-sess. The value comes from the formula of the RFC, computed by another program.
    #[test]
    fn the_session_variant_binds_the_key_to_both_nonces() {
        let session = Algorithm { hash: Hash::Md5, session: true };
        let proof = Proof { algorithm: session, ..RFC_2617 };
        assert_eq!(proof.response(), "8e3825c57e897f5a0dec6c2d4e5059d0");
        assert_ne!(Proof { cnonce: "other", ..proof }.response(), proof.response());
    }

    /// C30: algorithm names in any case; an unknown one is not taken for MD5.
    #[test]
    fn algorithms_are_known_by_name() {
        let md5 = Algorithm { hash: Hash::Md5, session: false };
        assert_eq!(Algorithm::from_name(None), Some(md5));
        assert_eq!(Algorithm::from_name(Some("md5")), Some(md5));
        assert_eq!(Algorithm::from_name(Some("MD5-sess")), Some(Algorithm { session: true, ..md5 }));
        assert_eq!(
            Algorithm::from_name(Some("SHA-256")),
            Some(Algorithm { hash: Hash::Sha256, session: false })
        );
        assert_eq!(Algorithm::from_name(Some("SHA-512-256")), None);
    }
}
