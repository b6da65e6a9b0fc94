//! Certificates for tests, and a server that shows them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::TlsAcceptor;

use crate::peer::{within, Acs, Peer};

/// Somebody who issues certificates.
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    key: KeyPair,
    /// Authorities between this one and the root, which servers must show.
    between: Vec<CertificateDer<'static>>,
}

/// A certificate with its key and the chain to show.
pub(crate) struct Issued {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

fn authority_params(name: &str, edit: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    edit(&mut params);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = authority_params(name, |_| {}).self_signed(&key).unwrap();
        Self { certificate, key, between: vec![] }
    }

    /// An authority below this one.
    pub(crate) fn below(&self, name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = authority_params(name, edit).signed_by(&key, &self.certificate, &self.key).unwrap();
        let mut between = vec![certificate.der().clone()];
        between.extend(self.between.clone());
        Self { certificate, key, between }
    }

    /// A server's certificate for these names or addresses.
    pub(crate) fn issue(&self, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        edit(&mut params);
        let certificate = params.signed_by(&key, &self.certificate, &self.key).unwrap();
        let mut chain = vec![certificate.der().clone()];
        chain.extend(self.between.clone());
        Issued { chain, key }
    }

    /// Writes the authority's certificate into the folder and gives the file.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let file = folder.join("root.pem");
        std::fs::write(&file, self.certificate.pem()).unwrap();
        file
    }
}

impl Issued {
    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    /// A server that shows this certificate and speaks these versions.
    pub(crate) fn server(&self, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(
            ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(versions)
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(self.chain.clone(), self.key_der())
                .unwrap(),
        ))
    }

    /// A server that wants to see a certificate of that authority.
    pub(crate) fn demanding_server(&self, authority: &Authority) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
        TlsAcceptor::from(Arc::new(
            ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(rustls::DEFAULT_VERSIONS)
                .unwrap()
                .with_client_cert_verifier(verifier)
                .with_single_cert(self.chain.clone(), self.key_der())
                .unwrap(),
        ))
    }
}

impl Acs {
    /// The same port under https and a name.
    pub(crate) fn secure_url(&self, host: &str, target: &str) -> cwmp_net::Url {
        cwmp_net::Url::parse(&format!("https://{host}:{}{target}", self.port)).unwrap()
    }

    pub(crate) async fn accept_tls(&self, server: &TlsAcceptor) -> Peer<TlsStream<TcpStream>> {
        self.try_accept_tls(server).await.unwrap()
    }

    pub(crate) async fn try_accept_tls(
        &self,
        server: &TlsAcceptor,
    ) -> std::io::Result<Peer<TlsStream<TcpStream>>> {
        let tcp = self.accept().await.stream;
        within(server.accept(tcp)).await.map(Peer::new)
    }
}
