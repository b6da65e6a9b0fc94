//! What an ACS is like.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::tls::Ca;

/// What an ACS is like. The default is clear HTTP on a free port of 127.0.0.1, strict, with one cookie.
#[derive(Debug, Clone)]
pub struct Options {
    /// How it behaves.
    pub personality: Personality,
    /// HTTPS, if it is to be.
    pub tls: Option<Tls>,
    /// Whom it lets in. `None`: everybody.
    pub authentication: Option<Authentication>,
    /// Which cookies it sets, and wants back.
    pub cookies: Cookies,
    /// The address it listens on.
    pub listen: IpAddr,
    /// The port; 0 for a free one.
    pub port: u16,
    /// The host in its URL.
    pub host: String,
    /// The path in its URL; anything below is served as well.
    pub path: String,
    /// The last number of the namespace that it speaks; `None`: that of the Inform.
    pub namespace: Option<u8>,
    /// How long a test waits for anything before it panics.
    pub timeout: Duration,
    /// Whether breaches of the protocol are only kept, for [`Acs::take_violations`](crate::Acs::take_violations), and do
    /// not make the test fail.
    pub lenient: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            personality: Personality::Standard,
            tls: None,
            authentication: None,
            cookies: Cookies::One,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            host: "127.0.0.1".to_owned(),
            path: "/acs".to_owned(),
            namespace: None,
            timeout: Duration::from_secs(20),
            lenient: false,
        }
    }
}

impl Options {
    /// The default with HTTPS, and a certificate that is good.
    pub fn https() -> Self {
        Self { tls: Some(Tls::default()), ..Self::default() }
    }
}

/// How an ACS behaves, after those of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Personality {
    /// By the book.
    Standard,
    /// Like GenieACS: 400 for a wrong order of messages, for a lost cookie and for a second session; matches the literal
    /// prefix `xsd:`; knows two requests of a CPE only, and answers the others with a fault that is broken.
    GenieStrict,
    /// Like FreeACS: sees no body without a Content-Length, wants the prefix `cwmp`, answers 204 to what it cannot do.
    FreeAcs,
    /// Sends what is wrong but seen in the field: values without type, wrong counts, odd prefixes, an empty `cwmp:ID`, the
    /// header NoMoreRequests, more arguments than there are; and closes the connection after every second reply.
    Sloppy,
}

/// HTTPS.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// The certificate shown.
    pub certificate: Certificate,
    /// Who signs it. `None`: an authority made for this ACS.
    pub ca: Option<Arc<Ca>>,
    /// The versions of TLS that are spoken.
    pub versions: TlsVersions,
    /// Whether a certificate of the client, signed by the same authority, is required.
    pub client_certificate: bool,
}

/// The certificate that an ACS shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Certificate {
    /// For the right host, signed by the authority of [`Acs::ca_file`](crate::Acs::ca_file), valid now.
    #[default]
    Good,
    /// Was valid.
    Expired,
    /// Will be valid.
    NotYetValid,
    /// For another host.
    WrongName,
    /// Signed by an authority that nobody knows.
    Untrusted,
    /// Signed by an authority that nobody knows, and expired: what an unset clock does not excuse.
    UntrustedAndExpired,
}

/// The versions of TLS that an ACS speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 only.
    Only12,
    /// 1.3 only.
    Only13,
}

/// Who is let in, and how he proves who he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// The method.
    pub scheme: Scheme,
}

impl Authentication {
    /// Basic authentication.
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into(), scheme: Scheme::Basic }
    }

    /// Digest authentication as most ACSs have it.
    pub fn digest(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into(), scheme: Scheme::Digest(Digest::default()) }
    }
}

/// A method of authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Basic.
    Basic,
    /// Digest.
    Digest(Digest),
    /// Both are offered, Basic first.
    Both(Digest),
}

/// A Digest challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The qualities offered.
    pub qop: Qop,
    /// Whether the algorithm is MD5-sess.
    pub session: bool,
    /// Whether the challenge names its algorithm; without, it is MD5.
    pub names_algorithm: bool,
    /// Whether the name of the algorithm stands in quotes.
    pub quotes_algorithm: bool,
    /// Whether the first right answer on each connection draws `stale=true` and a new nonce.
    pub stale_once: bool,
    /// The opaque value, if there is one.
    pub opaque: Option<String>,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            qop: Qop::Auth,
            session: false,
            names_algorithm: true,
            quotes_algorithm: false,
            stale_once: false,
            opaque: Some("5ccc069c403ebaf9f0171e9517f40e41".to_owned()),
        }
    }
}

/// The qualities of protection that a challenge offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qop {
    /// `auth`.
    Auth,
    /// Nothing, as in RFC 2069.
    None,
    /// `auth,auth-int`; the answer must be `auth`.
    AuthAndInt,
}

/// The cookies that an ACS sets with its first reply of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cookies {
    /// None: a session is a connection.
    None,
    /// One.
    One,
    /// Three, more than 512 bytes together.
    Several,
}
