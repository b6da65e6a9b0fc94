//! What outlives sessions: settings and what is made of them once.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::HeaderValue;

use crate::connection::Connection;
use crate::error::NetError;
use crate::tls::{Identity, Tls};
use crate::url::Url;

/// How long to wait for an answer unless the settings say otherwise (C22).
pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait for one address to accept a connection, TLS included, unless the settings say otherwise.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings that stay the same over sessions.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// PEM files of trusted certificates, or folders of such files.
    pub trust: Vec<PathBuf>,
    /// The certificate chain that identifies this CPE (PEM), if it has one (C39).
    pub certificate: Option<PathBuf>,
    /// The key of `certificate` (PEM); where absent it is in the same file.
    pub key: Option<PathBuf>,
    /// Whether a Basic challenge of the configured ACS may be answered without TLS (C27).
    pub allow_basic_on_clear: bool,
    /// How long an answer may take from the last byte that left, and how long a body may stall (C22).
    pub response_timeout: Duration,
    /// How long one address may take to accept a connection, and the resolver to answer.
    pub connect_timeout: Duration,
    /// The most bytes of a reply's body.
    pub max_message: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            trust: Vec::new(),
            certificate: None,
            key: None,
            allow_basic_on_clear: false,
            response_timeout: DEFAULT_RESPONSE_TIMEOUT,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            max_message: 16 << 20,
            user_agent: concat!("cwmpd/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A user name and a password. Its debug output hides the password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Opens sessions with the ACS. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What all connections of a client share.
pub(crate) struct Shared {
    pub(crate) settings: ClientSettings,
    pub(crate) user_agent: HeaderValue,
    identity: Option<Identity>,
    /// Made at the first https URL; a failure is not kept, so that a trust store may appear later.
    tls: Mutex<Option<Tls>>,
    /// The address that worked last, with the host and port it belongs to (C49).
    last_address: Mutex<Option<(String, u16, IpAddr)>>,
}

impl Client {
    /// A client with these settings.
    ///
    /// The certificate of the CPE is read here, the trust stores at the first https URL; both stay as they are then.
    pub fn new(settings: ClientSettings) -> Result<Self, NetError> {
        let user_agent = HeaderValue::from_str(&settings.user_agent)
            .map_err(|error| NetError::Setting { setting: "user_agent", why: error.to_string() })?;
        let identity = Identity::load(&settings)?;
        let shared =
            Shared { settings, user_agent, identity, tls: Mutex::default(), last_address: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Reads the trust stores now, as the first https URL would, to know whether there is anybody to trust.
    pub fn check_trust(&self) -> Result<(), NetError> {
        self.shared.tls().map(drop)
    }

    /// A session with the ACS at `url`; nothing is sent before the first post.
    ///
    /// `check_dates` is false as long as the CPE does not know the time: then the validity dates of certificates are
    /// ignored, and nothing else (C38).
    pub fn open(&self, url: &Url, credentials: Credentials, check_dates: bool) -> Connection {
        Connection::new(Arc::clone(&self.shared), url.clone(), credentials, check_dates)
    }
}

impl Shared {
    /// The TLS settings; trust stores are read once.
    pub(crate) fn tls(&self) -> Result<Tls, NetError> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*tls {
            return Ok(tls.clone());
        }
        Ok(tls.insert(Tls::new(&self.settings, self.identity.as_ref())?).clone())
    }

    /// The address of this server that worked last.
    pub(crate) fn favourite(&self, url: &Url) -> Option<IpAddr> {
        let last = self.last_address.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref()
            .filter(|(host, port, _)| (host, *port) == (&url.host, url.port))
            .map(|(.., address)| *address)
    }

    /// Remembers, or with `None` forgets, the address that works.
    pub(crate) fn set_favourite(&self, url: &Url, address: Option<IpAddr>) {
        *self.last_address.lock().unwrap_or_else(PoisonError::into_inner) =
            address.map(|address| (url.host.clone(), url.port, address));
    }
}
