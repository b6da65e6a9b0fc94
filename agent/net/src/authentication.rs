//! Proving who we are to an ACS: Basic and Digest from the client's side (C27 to C32).
//!
//! - Over TLS, Basic goes out unasked to the server of the ACS URL, and only to it (C28).
//! - After a challenge every request of that TCP connection carries an answer (C28); a new TCP connection starts anew,
//!   unless it was made to answer (C30).
//! - Another server, to which the ACS redirected, gets an answer only when it asks. It may ask for Digest in any case, and for
//!   Basic only over TLS: the password in clear never goes to a server other than the configured one without TLS, whatever
//!   the settings say.

use base64::prelude::{Engine, BASE64_STANDARD};

use crate::challenge::{quote, Challenge};
use crate::client::Credentials;
use crate::digest::{Algorithm, Proof};
use crate::error::NetError;
use crate::random;
use crate::url::Url;

/// The most challenges answered for one request (C32).
pub const MAX_ATTEMPTS: u32 = 2;

/// The state of authentication in one session.
pub(crate) struct Authentication {
    credentials: Credentials,
    allow_basic_on_clear: bool,
    /// The ACS of the settings, as opposed to one that it redirects to.
    home: Url,
    /// Whether Basic may go out unasked: until the ACS asks for something else.
    unasked: bool,
    answer: Answer,
    sent: Sent,
    /// The challenges answered for the request under way.
    attempts: u32,
    /// A challenge has come and its answer has not left.
    due: bool,
    /// The last answer left on another TCP connection than the challenge came on.
    elsewhere: bool,
}

/// How requests are authenticated now.
enum Answer {
    Nothing,
    Basic,
    Digest(Digest),
}

#[derive(PartialEq, Eq)]
enum Sent {
    Nothing,
    Basic,
    Digest,
}

/// A challenge that is being answered.
struct Digest {
    algorithm: Algorithm,
    /// As the server wrote it; some compare.
    algorithm_name: Option<String>,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// `qop=auth`; without it the older form is meant.
    qop: bool,
    cnonce: String,
    count: u32,
}

/// The best of what a server offers.
enum Offer {
    Basic,
    Digest { answer: Digest, stale: bool },
}

impl Authentication {
    pub(crate) fn new(credentials: Credentials, home: Url, allow_basic_on_clear: bool) -> Self {
        Self {
            credentials,
            allow_basic_on_clear,
            home,
            unasked: true,
            answer: Answer::Nothing,
            sent: Sent::Nothing,
            attempts: 0,
            due: false,
            elsewhere: false,
        }
    }

    /// A new request begins.
    pub(crate) fn begin(&mut self) {
        self.attempts = 0;
        self.due = false;
    }

    /// Requests go to another server from now on, which knows nothing of what was agreed.
    pub(crate) fn moved(&mut self) {
        self.begin();
        self.answer = Answer::Nothing;
    }

    /// There is a new TCP connection.
    pub(crate) fn reconnected(&mut self) {
        if self.due {
            self.elsewhere = true;
        } else {
            self.answer = Answer::Nothing;
        }
    }

    /// The value of `Authorization` for the next request, a POST to `url`.
    pub(crate) fn header(&mut self, url: &Url) -> Option<String> {
        self.due = false;
        let basic = match &mut self.answer {
            Answer::Digest(digest) => {
                self.sent = Sent::Digest;
                return Some(digest.header(&self.credentials, url));
            }
            Answer::Basic => true,
            Answer::Nothing => {
                self.unasked
                    && url.tls
                    && url.same_server(&self.home)
                    && !self.credentials.username.is_empty()
            }
        };
        self.sent = if basic { Sent::Basic } else { Sent::Nothing };
        let Credentials { username, password } = &self.credentials;
        basic.then(|| format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
    }

    /// A request to `url` was answered with a 401. After `Ok` it is to be sent again, with a new header.
    pub(crate) fn challenged(&mut self, url: &Url, challenges: &[Challenge]) -> Result<(), NetError> {
        let offered = describe(challenges);
        let offer = challenges.iter().filter_map(offer).max_by_key(rank);
        let Some(offer) = offer else { return Err(NetError::Challenge { offered }) };
        self.answer = match offer {
            Offer::Digest { answer, stale } => {
                // The same password with the same kind of answer does not become right by sending it again, unless
                // it was the nonce that was wrong. A nonce can be bound to the connection that the server closed.
                let again = self.attempts > 0 && self.sent == Sent::Digest;
                let promising = stale || self.elsewhere;
                if self.attempts >= MAX_ATTEMPTS || (again && !promising) {
                    return Err(NetError::Refused { offered });
                }
                self.unasked = false;
                Answer::Digest(answer)
            }
            Offer::Basic if self.sent == Sent::Basic || self.attempts >= MAX_ATTEMPTS => {
                return Err(NetError::Refused { offered });
            }
            Offer::Basic if url.tls || (self.allow_basic_on_clear && url.same_server(&self.home)) => {
                Answer::Basic
            }
            Offer::Basic => return Err(NetError::BasicOnClear { host: url.host.clone() }),
        };
        self.attempts += 1;
        self.due = true;
        self.elsewhere = false;
        Ok(())
    }
}

impl Digest {
    fn header(&mut self, credentials: &Credentials, url: &Url) -> String {
        self.count += 1;
        let count = format!("{:08x}", self.count);
        let proof = Proof {
            algorithm: self.algorithm,
            username: &credentials.username,
            realm: &self.realm,
            password: &credentials.password,
            method: "POST",
            uri: &url.target,
            nonce: &self.nonce,
            cnonce: &self.cnonce,
            count: self.qop.then_some(count.as_str()),
        };
        let mut parts = vec![
            format!("username={}", quote(&credentials.username)),
            format!("realm={}", quote(&self.realm)),
            format!("nonce={}", quote(&self.nonce)),
            format!("uri={}", quote(&url.target)),
            format!("response=\"{}\"", proof.response()),
        ];
        parts.extend(self.algorithm_name.iter().map(|name| format!("algorithm={name}")));
        parts.extend(self.opaque.iter().map(|opaque| format!("opaque={}", quote(opaque))));
        if self.qop {
            parts.push("qop=auth".to_owned());
            parts.push(format!("nc={count}"));
        }
        if self.qop || self.algorithm.session {
            parts.push(format!("cnonce=\"{}\"", self.cnonce));
        }
        format!("Digest {}", parts.join(", "))
    }
}

/// What a challenge offers that we can do.
fn offer(challenge: &Challenge) -> Option<Offer> {
    if challenge.is("Basic") {
        return Some(Offer::Basic);
    }
    if !challenge.is("Digest") {
        return None;
    }
    let name = challenge.get("algorithm").filter(|name| !name.is_empty());
    let algorithm = Algorithm::from_name(name)?;
    let qop = match challenge.get("qop").map(str::trim) {
        None | Some("") => false,
        Some(list) if list.split([',', ' ']).any(|one| one.trim().eq_ignore_ascii_case("auth")) => true,
        // Only auth-int, which nobody uses.
        Some(_) => return None,
    };
    let answer = Digest {
        algorithm,
        algorithm_name: name.map(str::to_owned),
        realm: challenge.get("realm").unwrap_or_default().to_owned(),
        nonce: challenge.get("nonce")?.to_owned(),
        opaque: challenge.get("opaque").map(str::to_owned),
        qop,
        cnonce: random::hex::<16>(),
        count: 0,
    };
    let stale = challenge.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
    Some(Offer::Digest { answer, stale })
}

/// Digest before Basic, the stronger hash before the weaker.
fn rank(offer: &Offer) -> u8 {
    match offer {
        Offer::Basic => 0,
        Offer::Digest { answer, .. } => 1 + answer.algorithm.hash as u8,
    }
}

/// The challenges without what changes from one to the next.
fn describe(challenges: &[Challenge]) -> String {
    let one = |challenge: &Challenge| {
        let details = ["realm", "algorithm", "qop"];
        let details = details.iter().filter_map(|name| Some(format!(" {name}={}", challenge.get(name)?)));
        challenge.scheme.clone() + &details.collect::<String>()
    };
    match challenges {
        [] => "no challenge".to_owned(),
        all => all.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
