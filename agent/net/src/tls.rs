//! TLS towards the ACS (C34 to C38).
//!
//! TLS 1.2 and 1.3 with what rustls and ring offer: only suites with forward secrecy and authenticated encryption, and none of
//! what RFC 7525 forbids. `TLS_RSA_WITH_AES_128_CBC_SHA` is not among them: it has neither (C35).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, Error};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::TlsConnector;

use crate::client::ClientSettings;
use crate::error::NetError;
use crate::trust::{self, Trust};
use crate::url::Url;
use crate::verifier::Verifier;

/// How many servers' session tickets are kept: the ACS, and those that it redirects to.
const KEPT_SERVERS: usize = 8;

/// What the CPE shows of itself.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// The ready-made TLS settings, one for each way to look at dates. They share nothing: a session that was accepted without
/// a look at the dates is not resumed where dates count.
#[derive(Clone)]
pub(crate) struct Tls {
    with_dates: Arc<ClientConfig>,
    without_dates: Arc<ClientConfig>,
}

impl Identity {
    /// Reads certificate and key, if the settings name one, and sees whether they fit together.
    pub(crate) fn load(settings: &ClientSettings) -> Result<Option<Self>, NetError> {
        let Some(path) = &settings.certificate else { return Ok(None) };
        let bad = |setting, why: String| NetError::Setting { setting, why };
        let chain = trust::certificates(path)?;
        if chain.is_empty() {
            return Err(bad("certificate", format!("{} has no certificate", path.display())));
        }
        let key = key(settings.key.as_deref().unwrap_or(path))?;
        let identity = Self { chain, key };
        let certified = rustls::sign::CertifiedKey::from_der(
            identity.chain.clone(),
            identity.key.clone_key(),
            &ring::default_provider(),
        );
        match certified {
            Ok(_) => Ok(Some(identity)),
            Err(error) => Err(bad("key", error.to_string())),
        }
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, NetError> {
    let pem = trust::read(path)?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| NetError::Setting { setting: "key", why: format!("{}: {error}", path.display()) })
}

impl Tls {
    pub(crate) fn new(settings: &ClientSettings, identity: Option<&Identity>) -> Result<Self, NetError> {
        let trust = Arc::new(Trust::load(&settings.trust)?);
        let provider = Arc::new(ring::default_provider());
        Ok(Self {
            with_dates: config(&provider, &trust, identity, true)?,
            without_dates: config(&provider, &trust, identity, false)?,
        })
    }

    /// The handshake, with the host of the URL as the name to send and to verify (C36, C37).
    pub(crate) async fn connect(
        &self,
        url: &Url,
        tcp: TcpStream,
        check_dates: bool,
    ) -> Result<Box<TlsStream<TcpStream>>, NetError> {
        let config = if check_dates { &self.with_dates } else { &self.without_dates };
        let host = || url.host.clone();
        let name = ServerName::try_from(url.host.clone())
            .map_err(|error| NetError::Tls { host: host(), why: error.to_string() })?;
        match TlsConnector::from(Arc::clone(config)).connect(name, tcp).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(Error::InvalidCertificate(why)) => {
                    NetError::Certificate { host: host(), why: Why(why).to_string() }
                }
                Some(other) => NetError::Tls { host: host(), why: other.to_string() },
                None => NetError::Tls { host: host(), why: error.to_string() },
            }),
        }
    }
}

/// The words of our verifier without the library's around them.
struct Why<'a>(&'a rustls::CertificateError);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            rustls::CertificateError::Other(words) => words.0.fmt(f),
            other => other.fmt(f),
        }
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    trust: &Arc<Trust>,
    identity: Option<&Identity>,
    check_dates: bool,
) -> Result<Arc<ClientConfig>, NetError> {
    let bad = |setting| move |error: Error| NetError::Setting { setting, why: error.to_string() };
    let verifier = Verifier::new(Arc::clone(trust), provider.signature_verification_algorithms, check_dates);
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(bad("trust"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        Some(Identity { chain, key }) => {
            builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(bad("key"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::in_memory_sessions(KEPT_SERVERS);
    Ok(Arc::new(config))
}
