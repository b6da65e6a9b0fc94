//! HTTPS with certificates that are good, and with those that are not.

mod cpe;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use cpe::Cpe;
use cwmp_acs::{Acs, Certificate, Incident, Options, Tls, TlsVersions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Sends a POST over TLS as a client that trusts the ACS's authority; the error is TLS's own.
fn post(acs: &Acs, host: &str, client: bool, body: &[u8]) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(acs.ca_file()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if client {
        let files = acs.ca().client("00D09E-Box-1234");
        let chain = vec![CertificateDer::from_pem_file(files.certificate).unwrap()];
        builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(files.key).unwrap()).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(acs.address()).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    write!(
        stream,
        "POST /acs HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml\r\nSOAPAction:\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(String::from_utf8(answer.to_vec()).unwrap())
}

fn options(certificate: Certificate) -> Options {
    Options { tls: Some(Tls { certificate, ..Tls::default() }), ..Options::default() }
}

/// One POST that is let in.
fn good(options: Options, host: &'static str, client: bool) -> Option<String> {
    let acs = Arc::new(Acs::start(options));
    let inform = Cpe::new("http://none/").inform(&["1 BOOT"]);
    let beside = Arc::clone(&acs);
    let cpe = std::thread::spawn(move || {
        assert_eq!(post(&beside, host, client, &inform).unwrap(), "HTTP/1.1 503");
    });
    let session = acs.session();
    let name = session.server_name().map(str::to_owned);
    session.fail_with(cwmp_acs::Reply::status(503));
    cpe.join().unwrap();
    name
}

#[test]
fn a_good_certificate_is_accepted_in_either_version() {
    assert_eq!(good(Options::https(), "127.0.0.1", false), None);
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let tls = Tls { versions, ..Tls::default() };
        let options = Options { tls: Some(tls), host: "localhost".to_owned(), ..Options::default() };
        assert_eq!(good(options, "localhost", false).as_deref(), Some("localhost"));
    }
}

#[test]
fn every_bad_certificate_is_bad_in_its_own_way() {
    for (kind, why) in [
        (Certificate::Expired, "Expired"),
        (Certificate::NotYetValid, "NotValidYet"),
        (Certificate::WrongName, "NotValidForName"),
        (Certificate::Untrusted, "UnknownIssuer"),
        // A client that does not look at the dates finds the other reason.
        (Certificate::UntrustedAndExpired, "Expired"),
    ] {
        let acs = Acs::start(options(kind));
        let error = format!("{:?}", post(&acs, "127.0.0.1", false, b"").unwrap_err());
        assert!(error.contains(why), "{kind:?}: {error}");
        let Incident::Handshake(text) = acs.incident() else { panic!("{kind:?}") };
        assert!(text.contains("alert"), "{kind:?}: {text}");
    }
}

#[test]
fn a_client_certificate_is_required_where_it_is_wanted() {
    let tls = Tls { client_certificate: true, ..Tls::default() };
    let options = Options { tls: Some(tls), ..Options::default() };
    good(options.clone(), "127.0.0.1", true);
    let acs = Acs::start(options);
    assert!(post(&acs, "127.0.0.1", false, b"").is_err());
    assert!(matches!(acs.incident(), Incident::Handshake(_)));
}

#[test]
fn two_acs_may_share_an_authority() {
    let first = Acs::start(Options::https());
    let tls = Tls { ca: Some(first.ca()), ..Tls::default() };
    let second = Acs::start(Options { tls: Some(tls), ..Options::default() });
    assert_eq!(first.ca_file(), second.ca_file());
}
