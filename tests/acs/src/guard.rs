//! Who is let in: the authentication of one connection.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use std::fmt::Write as _;

use crate::digest::{parameters, random, Answer};
use crate::options::{Authentication, Digest, Qop, Scheme};
use crate::reply::Reply;
use crate::rules::Violation;
use crate::wire::Raw;

/// The realm of every challenge.
const REALM: &str = "cwmp-acs";

/// The authentication of one connection. Its nonce is the connection's, as in ACSs of the field.
pub(crate) struct Guard {
    nonce: String,
    /// Whether `stale=true` was said on this connection.
    stale_said: bool,
    count: u32,
    /// Whether somebody was let in on this connection.
    inside: bool,
    /// The client's nonce that came last.
    cnonce: Option<String>,
}

/// What becomes of a request.
pub(crate) enum Verdict {
    Welcome,
    /// 401, and why.
    Challenge(Reply, String),
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self { nonce: random(16), stale_said: false, count: 0, inside: false, cnonce: None }
    }

    /// The client's nonce of the last answer.
    pub(crate) fn cnonce(&self) -> Option<&str> {
        self.cnonce.as_deref()
    }

    pub(crate) fn judge(
        &mut self,
        raw: &Raw,
        wanted: &Authentication,
        violations: &mut Vec<Violation>,
    ) -> Verdict {
        let Some(given) = raw.header("Authorization") else {
            if self.inside {
                violations.push(Violation::new("C28", "Authorization is missing after it was accepted"));
            }
            return challenge(wanted, &self.nonce, false, "no Authorization");
        };
        let (method, rest) = given.split_once(' ').unwrap_or((given, ""));
        let reason = match (&wanted.scheme, method.to_ascii_lowercase().as_str()) {
            (Scheme::Basic | Scheme::Both(_), "basic") => {
                let right = STANDARD.encode(format!("{}:{}", wanted.user, wanted.password));
                if rest == right {
                    self.inside = true;
                    return Verdict::Welcome;
                }
                "wrong Basic credentials".to_owned()
            }
            (Scheme::Digest(digest) | Scheme::Both(digest), "digest") => {
                match self.digest(raw, rest, wanted, digest, violations) {
                    Err(reason) => reason,
                    Ok(nonce_is_ours) => {
                        if !nonce_is_ours || (digest.stale_once && !self.stale_said) {
                            self.stale_said = true;
                            self.nonce = random(16);
                            self.count = 0;
                            return challenge(wanted, &self.nonce, true, "the nonce is stale");
                        }
                        self.inside = true;
                        return Verdict::Welcome;
                    }
                }
            }
            (_, other) => format!("the scheme {other} was not offered"),
        };
        challenge(wanted, &self.nonce, false, &reason)
    }

    /// Checks a Digest answer: `Ok(false)` when it is right but for a nonce of another time.
    fn digest(
        &mut self,
        raw: &Raw,
        text: &str,
        wanted: &Authentication,
        digest: &Digest,
        violations: &mut Vec<Violation>,
    ) -> Result<bool, String> {
        let given = parameters(text);
        let get = |name: &str| given.get(name).map(String::as_str);
        let mut breach = |text: String| violations.push(Violation::new("C30", text));
        for name in ["username", "realm", "nonce", "uri", "response"] {
            if get(name).is_none() {
                breach(format!("the Digest answer has no {name}"));
                return Err(format!("no {name}"));
            }
        }
        let nonce = get("nonce").unwrap_or_default();
        let ours = nonce == self.nonce;
        if get("uri") != Some(raw.target.as_str()) {
            breach(format!("the Digest answer is for {}, the request for {}", given["uri"], raw.target));
        }
        if ours && get("opaque") != digest.opaque.as_deref() {
            breach("opaque does not come back as it was sent".to_owned());
        }
        let algorithm = get("algorithm").unwrap_or("MD5");
        let session = algorithm.eq_ignore_ascii_case("MD5-sess");
        if session != digest.session || (!session && !algorithm.eq_ignore_ascii_case("MD5")) {
            breach(format!("the Digest answer uses {algorithm}, which was not offered"));
        }
        let (nc, cnonce) = (get("nc").unwrap_or_default(), get("cnonce").unwrap_or_default());
        self.cnonce = get("cnonce").map(str::to_owned);
        let auth = match (digest.qop, get("qop")) {
            (Qop::None, None) => None,
            (Qop::Auth | Qop::AuthAndInt, Some("auth")) => Some((nc, cnonce)),
            (_, qop) => {
                breach(format!("the Digest answer has the qop {qop:?}, which does not fit the challenge"));
                return Err("the qop does not fit".to_owned());
            }
        };
        let answer = Answer {
            user: &wanted.user,
            realm: REALM,
            password: &wanted.password,
            method: &raw.method,
            uri: get("uri").unwrap_or_default(),
            nonce,
            auth,
            session: session.then_some(cnonce),
        };
        if get("username") != Some(wanted.user.as_str()) || get("response") != Some(&answer.response()) {
            return Err("wrong user or password".to_owned());
        }
        if ours && auth.is_some() {
            let count = u32::from_str_radix(nc, 16).unwrap_or(0);
            if nc.len() != 8 || count <= self.count {
                breach(format!("nc is '{nc}' after {:08x}", self.count));
            }
            if cnonce.is_empty() {
                breach("cnonce is empty".to_owned());
            }
            self.count = count;
        }
        Ok(ours)
    }
}

fn challenge(wanted: &Authentication, nonce: &str, stale: bool, reason: &str) -> Verdict {
    let mut reply = Reply::status(401);
    if matches!(wanted.scheme, Scheme::Basic | Scheme::Both(_)) {
        reply = reply.header("WWW-Authenticate", format!("Basic realm=\"{REALM}\""));
    }
    if let Scheme::Digest(digest) | Scheme::Both(digest) = &wanted.scheme {
        let mut text = format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\"");
        match digest.qop {
            Qop::Auth => text.push_str(", qop=\"auth\""),
            Qop::AuthAndInt => text.push_str(", qop=\"auth,auth-int\""),
            Qop::None => {}
        }
        let algorithm = if digest.session { "MD5-sess" } else { "MD5" };
        match (digest.names_algorithm || digest.session, digest.quotes_algorithm) {
            (true, true) => {
                let _ = write!(text, ", algorithm=\"{algorithm}\"");
            }
            (true, false) => {
                let _ = write!(text, ", algorithm={algorithm}");
            }
            (false, _) => {}
        }
        if let Some(opaque) = &digest.opaque {
            let _ = write!(text, ", opaque=\"{opaque}\"");
        }
        if stale {
            text.push_str(", stale=true");
        }
        reply = reply.header("WWW-Authenticate", text);
    }
    Verdict::Challenge(reply, reason.to_owned())
}
