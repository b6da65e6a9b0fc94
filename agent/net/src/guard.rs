//! Who may make a connection request: Digest authentication from the server's side (C175, C182).

use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::challenge::{self, quote};
use crate::client::Credentials;
use crate::digest::{Algorithm, Hash, Proof};
use crate::random::{self, to_hex};

/// How long a nonce is good.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(60);
/// The most nonces remembered as used; the oldest goes first.
pub const MAX_USED_NONCES: usize = 64;

/// The name of what is protected; an ACS shows it to nobody.
const REALM: &str = "cwmpd";
/// The algorithm of our challenges, which is the one that every ACS knows.
const MD5: Algorithm = Algorithm { hash: Hash::Md5, session: false };

/// Hands out nonces and verifies answers to them.
///
/// A nonce carries the time it was made and a code that only we can make, so that a caller who never authenticates
/// costs no memory. What an authenticated caller used is remembered until it expires, so that nobody can repeat a
/// request that they overheard.
pub(crate) struct Guard {
    secret: [u8; 32],
    start: Instant,
    used: VecDeque<Used>,
}

struct Used {
    nonce: String,
    /// The highest nonce count seen.
    count: u32,
}

/// What an `Authorization` header is worth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Welcome,
    /// The password is right, but the nonce is not good any more.
    Stale,
    Stranger,
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self { secret: random::bytes(), start: Instant::now(), used: VecDeque::new() }
    }

    /// A value for `WWW-Authenticate`, with a nonce of its own.
    pub(crate) fn challenge(&self, stale: bool) -> String {
        let made = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut stamp = [0; 16];
        stamp[..8].copy_from_slice(&made.to_be_bytes());
        stamp[8..].copy_from_slice(&random::bytes::<8>());
        let nonce = self.nonce(&stamp);
        let stale = if stale { ", stale=true" } else { "" };
        format!(r#"Digest realm="{REALM}", qop="auth", nonce={}, algorithm=MD5{stale}"#, quote(&nonce))
    }

    /// Judges an answer for a GET of `path`.
    pub(crate) fn judge(&mut self, header: &str, path: &str, credentials: &Credentials) -> Verdict {
        self.check(header, path, credentials).unwrap_or(Verdict::Stranger)
    }

    /// `None` where something is missing that a digest must have.
    fn check(&mut self, header: &str, path: &str, credentials: &Credentials) -> Option<Verdict> {
        let answer = challenge::parse(header).into_iter().next().filter(|answer| answer.is("Digest"))?;
        let (uri, nonce) = (answer.get("uri")?, answer.get("nonce")?);
        let count = match answer.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(answer.get("nc")?),
            Some(_) => return None,
            None => None,
        };
        if Algorithm::from_name(answer.get("algorithm")) != Some(MD5)
            || answer.get("realm") != Some(REALM)
            || path_of(uri) != path
        {
            return None;
        }
        let proof = Proof {
            algorithm: MD5,
            username: &credentials.username,
            realm: REALM,
            password: &credentials.password,
            method: "GET",
            uri,
            nonce,
            cnonce: answer.get("cnonce").unwrap_or_default(),
            count,
        };
        // Both comparisons are made whatever the first one gives, and each takes the same time wherever it differs.
        let known = answer.get("username")?.as_bytes().ct_eq(credentials.username.as_bytes());
        let proven =
            answer.get("response")?.to_ascii_lowercase().as_bytes().ct_eq(proof.response().as_bytes());
        if !bool::from(known & proven) {
            return None;
        }
        // Without a count a nonce is good for one request.
        let count = count.map_or(Some(u32::MAX), |count| u32::from_str_radix(count, 16).ok())?;
        Some(if self.is_fresh(nonce) && self.use_up(nonce, count) {
            Verdict::Welcome
        } else {
            Verdict::Stale
        })
    }

    /// Whether we made the nonce, and not too long ago.
    fn is_fresh(&self, nonce: &str) -> bool {
        let Some(stamp) = nonce.get(..32).and_then(from_hex) else { return false };
        let ours = bool::from(self.nonce(&stamp).as_bytes().ct_eq(nonce.as_bytes()));
        let made = stamp[..8].iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
        ours && self.start.elapsed().saturating_sub(Duration::from_millis(made)) < NONCE_LIFETIME
    }

    /// Notes the count of a fresh nonce; false if that or a higher one was used already.
    fn use_up(&mut self, nonce: &str, count: u32) -> bool {
        if let Some(used) = self.used.iter_mut().find(|used| used.nonce == nonce) {
            let newer = count > used.count;
            used.count = used.count.max(count);
            return newer;
        }
        if self.used.len() >= MAX_USED_NONCES {
            self.used.pop_front();
        }
        self.used.push_back(Used { nonce: nonce.to_owned(), count });
        true
    }

    fn nonce(&self, stamp: &[u8; 16]) -> String {
        to_hex(stamp) + &to_hex(&hmac_sha256(&self.secret, stamp)[..16])
    }
}

/// The path of a digest's `uri`: callers write it with a query, or as a whole URL.
fn path_of(uri: &str) -> &str {
    let path = match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => uri,
    };
    path.split('?').next().unwrap_or(path)
}

fn from_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

/// RFC 2104 with SHA-256, for keys of at most one block.
fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user() -> Credentials {
        Credentials { username: "acs".to_owned(), password: "pass word".to_owned() }
    }

    /// What a caller answers to a challenge; `count` is `None` for the form without qop.
    fn answer(challenge: &str, uri: &str, who: &Credentials, count: Option<&str>) -> String {
        let challenge = challenge::parse(challenge).remove(0);
        let nonce = challenge.get("nonce").unwrap();
        let proof = Proof {
            algorithm: MD5,
            username: &who.username,
            realm: challenge.get("realm").unwrap(),
            password: &who.password,
            method: "GET",
            uri,
            nonce,
            cnonce: "abc",
            count,
        };
        let rest = count.map(|count| format!(r#", qop=auth, nc={count}, cnonce="abc""#));
        format!(
            r#"Digest username="{}", realm="{REALM}", nonce="{nonce}", uri="{uri}", response="{}"{}"#,
            who.username,
            proof.response(),
            rest.unwrap_or_default()
        )
    }

    const ONE: Option<&str> = Some("00000001");

    /// C175: digest with and without qop.
    #[test]
    fn the_right_password_is_welcome_with_and_without_qop() {
        let mut guard = Guard::new();
        for count in [ONE, None] {
            let answer = answer(&guard.challenge(false), "/path", &user(), count);
            assert_eq!(guard.judge(&answer, "/path", &user()), Verdict::Welcome);
        }
    }

    /// C174: a query, or a whole URL, is no other path.
    #[test]
    fn the_uri_may_have_a_query_or_be_a_whole_url() {
        let mut guard = Guard::new();
        for uri in ["/path?x=y", "http://10.0.0.1:7547/path", "http://[::1]:7547/path?x"] {
            let answer = answer(&guard.challenge(false), uri, &user(), ONE);
            assert_eq!(guard.judge(&answer, "/path", &user()), Verdict::Welcome, "{uri}");
        }
        for uri in ["/other", "http://10.0.0.1:7547", "/path/x"] {
            let answer = answer(&guard.challenge(false), uri, &user(), ONE);
            assert_eq!(guard.judge(&answer, "/path", &user()), Verdict::Stranger, "{uri}");
        }
    }

    /// C176: bad or missing credentials.
    #[test]
    fn everybody_else_is_a_stranger() {
        let mut guard = Guard::new();
        let good = answer(&guard.challenge(false), "/path", &user(), ONE);
        for (from, to) in [
            ("username=\"acs\"", "username=\"acs2\""),
            ("Digest ", "Basic "),
            ("qop=auth", "qop=auth-int"),
            ("nc=00000001", "nc=00000002"),
            ("cnonce=\"abc\"", "cnonce=\"abd\""),
            ("realm=\"cwmpd\"", "realm=\"other\""),
            ("response=", "answer="),
            ("uri=\"/path\"", "uri=\"/path2\""),
        ] {
            assert!(good.contains(from));
            assert_eq!(guard.judge(&good.replace(from, to), "/path", &user()), Verdict::Stranger, "{to}");
        }
        let wrong = Credentials { password: "pass".to_owned(), ..user() };
        let answer = answer(&guard.challenge(false), "/path", &wrong, ONE);
        assert_eq!(guard.judge(&answer, "/path", &user()), Verdict::Stranger);
        assert_eq!(guard.judge(&good, "/path", &user()), Verdict::Welcome);
    }

    /// C182: a nonce expires; only the right password earns `stale`.
    #[tokio::test(start_paused = true)]
    async fn a_nonce_expires() {
        let mut guard = Guard::new();
        let challenge = guard.challenge(false);
        tokio::time::advance(NONCE_LIFETIME.checked_sub(Duration::from_millis(1)).unwrap()).await;
        assert_eq!(guard.judge(&answer(&challenge, "/p", &user(), ONE), "/p", &user()), Verdict::Welcome);
        tokio::time::advance(Duration::from_millis(1)).await;
        let late = answer(&challenge, "/p", &user(), Some("00000002"));
        assert_eq!(guard.judge(&late, "/p", &user()), Verdict::Stale);
        assert!(guard.challenge(true).contains("stale=true"));
    }

    /// C182: a nonce of somebody else, or of before our start, is not ours.
    #[test]
    fn a_nonce_of_another_guard_is_stale() {
        let foreign = answer(&Guard::new().challenge(false), "/p", &user(), ONE);
        assert_eq!(Guard::new().judge(&foreign, "/p", &user()), Verdict::Stale);
    }

    /// C182: what was overheard cannot be repeated; a keep-alive caller counts on.
    #[test]
    fn a_request_cannot_be_replayed() {
        let mut guard = Guard::new();
        let challenge = guard.challenge(false);
        for (count, verdict) in [
            (ONE, Verdict::Welcome),
            (ONE, Verdict::Stale),
            (Some("00000003"), Verdict::Welcome),
            (Some("00000002"), Verdict::Stale),
            (None, Verdict::Welcome),
        ] {
            let answer = answer(&challenge, "/p", &user(), count);
            assert_eq!(guard.judge(&answer, "/p", &user()), verdict, "{count:?}");
        }
        let once = answer(&guard.challenge(false), "/p", &user(), None);
        assert_eq!(guard.judge(&once, "/p", &user()), Verdict::Welcome);
        assert_eq!(guard.judge(&once, "/p", &user()), Verdict::Stale);
    }

    #[test]
    fn only_so_many_used_nonces_are_remembered() {
        let mut guard = Guard::new();
        for _ in 0..MAX_USED_NONCES + 5 {
            let answer = answer(&guard.challenge(false), "/p", &user(), ONE);
            assert_eq!(guard.judge(&answer, "/p", &user()), Verdict::Welcome);
        }
        assert_eq!(guard.used.len(), MAX_USED_NONCES);
    }

    /// The second case of RFC 4231, its key filled up with the zeros that the standard adds anyway.
    #[test]
    fn the_message_code_is_that_of_the_rfc() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            to_hex(&hmac_sha256(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    proptest! {
        /// C182: hostile input.
        #[test]
        fn no_header_can_upset_the_guard(
            header in "Digest (username|realm|nonce|uri|nc|qop|response|[\",=\\\\a-zé0-9 /]){0,40}",
        ) {
            prop_assert_eq!(Guard::new().judge(&header, "/p", &user()), Verdict::Stranger);
        }
    }
}
