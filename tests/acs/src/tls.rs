//! Certificates made at start, and the TLS side of the listener.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    date_time_ymd, BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

use crate::options::{Certificate, Tls, TlsVersions};

/// A certificate authority with a file that a CPE can trust.
///
/// It lives as long as somebody holds it; then its files go away. Two ACSs may share one.
pub struct Ca {
    certificate: rcgen::Certificate,
    key: KeyPair,
    folder: TempDir,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca").field("file", &self.file()).finish_non_exhaustive()
    }
}

/// A certificate for a client, in files.
#[derive(Debug, Clone)]
pub struct ClientFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

impl Ca {
    /// Makes an authority and writes its certificate to a file.
    pub fn new() -> Arc<Self> {
        let (certificate, key) = made(authority("cwmpd test authority"));
        let folder = tempfile::Builder::new()
            .prefix("cwmp-acs-")
            .tempdir()
            .unwrap_or_else(|e| panic!("a folder: {e}"));
        let ca = Self { certificate, key, folder };
        write(&ca.file(), &ca.pem());
        Arc::new(ca)
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The file that holds it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The folder of the file; nothing else is in it but client certificates.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a certificate for a client and writes it to files. A CPE's common name is `OUI-ProductClass-SerialNumber`.
    pub fn client(&self, common_name: &str) -> ClientFiles {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.certificate, &self.key)
            .unwrap_or_else(|e| panic!("a client certificate: {e}"));
        let files = ClientFiles {
            certificate: self.folder.path().join("client.pem"),
            key: self.folder.path().join("client-key.pem"),
        };
        write(&files.certificate, &certificate.pem());
        write(&files.key, &key.serialize_pem());
        files
    }

    /// A server's certificate and key, in DER.
    fn server(&self, kind: Certificate, host: &str) -> (rcgen::Certificate, KeyPair) {
        let names = match kind {
            Certificate::WrongName => vec!["another.example".to_owned()],
            _ => vec![host.to_owned()],
        };
        let mut params =
            CertificateParams::new(names).unwrap_or_else(|e| panic!("a certificate for {host}: {e}"));
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let years = match kind {
            Certificate::Expired | Certificate::UntrustedAndExpired => (2001, 2002),
            Certificate::NotYetValid => (2090, 2095),
            _ => (2001, 2095),
        };
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = new_key();
        let certificate = match kind {
            Certificate::Untrusted | Certificate::UntrustedAndExpired => {
                let (stranger, stranger_key) = made(authority("an authority nobody knows"));
                params.signed_by(&key, &stranger, &stranger_key)
            }
            _ => params.signed_by(&key, &self.certificate, &self.key),
        };
        (certificate.unwrap_or_else(|e| panic!("a certificate for {host}: {e}")), key)
    }
}

/// The listener's side of TLS.
pub(crate) fn server_config(tls: &Tls, ca: &Ca, host: &str) -> Arc<ServerConfig> {
    let (certificate, key) = ca.server(tls.certificate, host);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match tls.versions {
        TlsVersions::Both => &[&rustls::version::TLS12, &rustls::version::TLS13],
        TlsVersions::Only12 => &[&rustls::version::TLS12],
        TlsVersions::Only13 => &[&rustls::version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap_or_else(|e| panic!("TLS versions: {e}"));
    let builder = if tls.client_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(ca.certificate.der().clone()).unwrap_or_else(|e| panic!("our own authority: {e}"));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap_or_else(|e| panic!("a verifier of clients: {e}"));
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = builder
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap_or_else(|e| panic!("our own certificate: {e}"));
    Arc::new(config)
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn made(params: CertificateParams) -> (rcgen::Certificate, KeyPair) {
    let key = new_key();
    let certificate = params.self_signed(&key).unwrap_or_else(|e| panic!("an authority: {e}"));
    (certificate, key)
}

fn new_key() -> KeyPair {
    KeyPair::generate().unwrap_or_else(|e| panic!("a key: {e}"))
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
}
