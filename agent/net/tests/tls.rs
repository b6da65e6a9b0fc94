//! TLS: who is the ACS, what is said to it, and what never is.

#[path = "peer/authority.rs"]
mod authority;
mod peer;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use authority::{Authority, Issued};
use bytes::Bytes;
use cwmp_net::{Client, ClientSettings, Connection, NetError};
use peer::{client, credentials, settings, Acs};
use rcgen::{
    date_time_ymd, BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::version::{TLS12, TLS13};
use rustls::HandshakeKind;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

const ENVELOPE: Option<Bytes> = Some(Bytes::from_static(b"<soap:Envelope/>"));
const BOTH: &[&rustls::SupportedProtocolVersion] = &[&TLS13, &TLS12];
const BASIC: Option<&str> = Some("Basic MDAxMTIyLWJveC03OnNlY3JldA==");

/// An ACS, a root, and a client that trusts it.
struct World {
    acs: Acs,
    root: Authority,
    folder: TempDir,
    client: Client,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let root = Authority::new("Operator Root");
    let client = trusting(&[root.write(folder.path())]);
    World { acs: Acs::start().await, root, folder, client }
}

fn trusting(files: &[PathBuf]) -> Client {
    client(ClientSettings { trust: files.to_vec(), ..settings() })
}

impl World {
    fn session(&self, host: &str, check_dates: bool) -> Connection {
        self.client.open(&self.acs.secure_url(host, "/cwmp"), credentials(), check_dates)
    }

    /// One exchange with a server that shows this certificate; the client's result.
    async fn try_with(&self, issued: &Issued, host: &str, check_dates: bool) -> Result<Bytes, NetError> {
        exchange(&self.acs, self.session(host, check_dates), &issued.server(BOTH)).await
    }
}

async fn exchange(acs: &Acs, mut session: Connection, server: &TlsAcceptor) -> Result<Bytes, NetError> {
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        if let Ok(mut peer) = acs.try_accept_tls(server).await {
            // In TLS 1.3 the server learns of a refusal only when it reads.
            let mut probe = [0; 1];
            if let Ok(1..) = peer.stream.read(&mut probe).await {
                peer.ok("welcome").await;
            }
        }
    });
    reply
}

fn refused(result: Result<Bytes, NetError>) -> String {
    match result {
        Err(error @ NetError::Certificate { .. }) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// C34, C36, C37: both versions, the host of the URL as SNI, chains with and without intermediates.
#[tokio::test]
async fn the_acs_is_verified_over_both_versions() {
    let world = world().await;
    let direct = world.root.issue(&["localhost"], |_| {});
    let chained = world.root.below("Middle", |_| {}).below("Lower", |_| {}).issue(&["localhost"], |_| {});
    for issued in [direct, chained] {
        for version in [&TLS12, &TLS13] {
            let mut session = world.session("localhost", true);
            let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
                let mut peer = world.acs.accept_tls(&issued.server(&[version])).await;
                let connection = peer.stream.get_ref().1;
                assert_eq!(connection.server_name(), Some("localhost"));
                assert_eq!(connection.protocol_version(), Some(version.version));
                let host = format!("localhost:{}", world.acs.port);
                assert_eq!(peer.request().await.header("host"), Some(host.as_str()));
                peer.ok("welcome").await;
            });
            assert_eq!(reply.unwrap(), "welcome");
        }
    }
}

/// C37: an address as the host, verified as an address, and no SNI.
#[tokio::test]
async fn an_address_is_verified_as_an_address() {
    let world = world().await;
    let good = world.root.issue(&["127.0.0.1"], |_| {});
    let mut session = world.session("127.0.0.1", true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = world.acs.accept_tls(&good.server(BOTH)).await;
        assert_eq!(peer.stream.get_ref().1.server_name(), None);
        peer.request().await;
        peer.ok("").await;
    });
    reply.unwrap();
    for names in [&["127.0.0.2"][..], &["localhost"]] {
        refused(world.try_with(&world.root.issue(names, |_| {}), "127.0.0.1", true).await);
    }
    let by_name =
        world.root.issue(&[], |params| params.distinguished_name.push(DnType::CommonName, "127.0.0.1"));
    refused(world.try_with(&by_name, "127.0.0.1", true).await);
}

/// C37: the certificate must be for the host of the URL; the error says what it is for.
#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let world = world().await;
    let other = world.root.issue(&["acs.example", "*.cpe.example"], |params| {
        // Where names are listed, the common name means nothing.
        params.distinguished_name.push(DnType::CommonName, "localhost");
    });
    for check_dates in [true, false] {
        let error = refused(world.try_with(&other, "localhost", check_dates).await);
        assert_eq!(
            error,
            "the certificate of localhost is refused: it is not for localhost, but for acs.example, *.cpe.example"
        );
    }
}

/// C37: the common name counts where no names are listed.
#[tokio::test]
async fn a_common_name_is_enough_where_no_names_are_listed() {
    let world = world().await;
    let named = |name: &'static str| {
        world.root.issue(&[], |params| params.distinguished_name.push(DnType::CommonName, name))
    };
    assert_eq!(world.try_with(&named("LocalHost"), "localhost", true).await.unwrap(), "welcome");
    let error = refused(world.try_with(&named("acs.example"), "localhost", true).await);
    assert!(error.ends_with("it is not for localhost, but for acs.example"), "{error}");
}

/// C37: an issuer that nobody trusts is named, and so is the trust store.
#[tokio::test]
async fn an_unknown_issuer_is_refused_by_name() {
    let world = world().await;
    let stranger = Authority::new("Somebody Else");
    for check_dates in [true, false] {
        let issued = stranger.below("Middle", |_| {}).issue(&["localhost"], |_| {});
        let error = refused(world.try_with(&issued, "localhost", check_dates).await);
        assert!(error.contains("nobody trusts the issuer \"Somebody Else\"; trust store: "), "{error}");
        assert!(error.contains("root.pem"), "{error}");
        // The name of the trusted issuer without its key.
        let forger = Authority::new("Operator Root");
        refused(world.try_with(&forger.issue(&["localhost"], |_| {}), "localhost", check_dates).await);
        // A server's certificate is no issuer.
        let server = world.root.below("No Authority", |params| params.is_ca = IsCa::ExplicitNoCa);
        refused(world.try_with(&server.issue(&["localhost"], |_| {}), "localhost", check_dates).await);
        // And a client's certificate is no server.
        let client_only = world.root.issue(&["localhost"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        refused(world.try_with(&client_only, "localhost", check_dates).await);
    }
}

/// C37: a self-signed certificate is trusted if it is in the trust store itself, as the usual commands make it.
#[tokio::test]
async fn a_self_signed_certificate_is_trusted_only_by_itself() {
    let world = world().await;
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        params.not_after = date_time_ymd(2020, 1, 1);
        let old = params.clone().self_signed(&key).unwrap();
        params.not_after = date_time_ymd(2090, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let file = world.folder.path().join("self.pem");
        fs::write(&file, certificate.pem() + &old.pem()).unwrap();
        let client = trusting(&[file]);
        let url = world.acs.secure_url("localhost", "/");
        let issued = Issued { chain: vec![certificate.der().clone()], key };
        let session = client.open(&url, credentials(), true);
        assert_eq!(exchange(&world.acs, session, &issued.server(BOTH)).await.unwrap(), "welcome");
        // The client that does not have it.
        let error = refused(world.try_with(&issued, "localhost", true).await);
        assert!(error.contains("vouches only for itself"), "{error}");
        // The wrong name stays wrong.
        let session = client.open(&world.acs.secure_url("127.0.0.1", "/"), credentials(), true);
        refused(exchange(&world.acs, session, &issued.server(BOTH)).await);
        // And a date is a date.
        let issued = Issued { chain: vec![old.der().clone()], key: issued.key };
        let session = client.open(&url, credentials(), true);
        let error = refused(exchange(&world.acs, session, &issued.server(BOTH)).await);
        assert!(error.contains("it expired on 2020-01-01"), "{error}");
        let session = client.open(&url, credentials(), false);
        assert_eq!(exchange(&world.acs, session, &issued.server(BOTH)).await.unwrap(), "welcome");
    }
}

/// C38: dates count when the time is known, and are the only thing that does not when it is not.
#[tokio::test]
async fn dates_are_ignored_only_as_long_as_the_time_is_unknown() {
    let world = world().await;
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2010, 1, 1);
        params.not_after = date_time_ymd(2012, 1, 1);
    };
    let future = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2095, 1, 1);
    };
    let middle = world.root.below("Old Middle", |params| {
        params.not_before = date_time_ymd(2011, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
    });
    for (issued, words) in [
        (world.root.issue(&["localhost"], expired), "it expired on 2012-01-01"),
        (world.root.issue(&["localhost"], future), "it is valid from 2090-01-01"),
        (middle.issue(&["localhost"], expired), "it expired on 2012-01-01"),
        (world.root.below("Gone", expired).issue(&["localhost"], |_| {}), "it expired on 2012-01-01"),
    ] {
        let error = refused(world.try_with(&issued, "localhost", true).await);
        assert!(error.contains(words) && error.contains("the time here is 20"), "{error}");
        assert_eq!(world.try_with(&issued, "localhost", false).await.unwrap(), "welcome");
        // Nothing that was agreed without a look at the dates is used where dates count.
        refused(world.try_with(&issued, "localhost", true).await);
    }
    let wrong_name = world.root.issue(&["acs.example"], expired);
    let error = refused(world.try_with(&wrong_name, "localhost", false).await);
    assert!(error.contains("not for localhost"), "{error}");
    let stranger = Authority::new("Somebody Else").issue(&["localhost"], expired);
    let error = refused(world.try_with(&stranger, "localhost", false).await);
    assert!(error.contains("nobody trusts"), "{error}");
}

/// C38: a chain whose members were never valid together is no chain.
#[tokio::test]
async fn a_chain_that_was_never_valid_as_a_whole_is_refused() {
    let world = world().await;
    let middle = world.root.below("Late", |params| params.not_before = date_time_ymd(2015, 1, 1));
    let issued = middle.issue(&["localhost"], |params| params.not_after = date_time_ymd(2012, 1, 1));
    refused(world.try_with(&issued, "localhost", false).await);
}

/// Later sessions take up what an earlier one agreed: one settings object for all.
#[tokio::test]
async fn a_later_session_resumes() {
    let world = world().await;
    let issued = world.root.issue(&["localhost"], |_| {});
    for version in [&TLS12, &TLS13] {
        let server = issued.server(&[version]);
        let client = trusting(&[world.root.write(world.folder.path())]);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut session = client.open(&world.acs.secure_url("localhost", "/"), credentials(), true);
            tokio::join!(
                async {
                    session.post(ENVELOPE).await.unwrap();
                    session.close().await;
                },
                async {
                    let mut peer = world.acs.accept_tls(&server).await;
                    assert_eq!(peer.stream.get_ref().1.handshake_kind(), Some(expected));
                    peer.request().await;
                    peer.ok("").await;
                    peer.closed().await;
                }
            );
        }
    }
}

/// C37: no trusted certificate, no https; http is not concerned. A trust store may appear later.
#[tokio::test]
async fn without_a_trust_store_there_is_no_https() {
    let world = world().await;
    let missing = world.folder.path().join("missing.pem");
    let empty = world.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("note.txt"), "no certificate here").unwrap();
    let client = trusting(&[missing.clone(), empty]);
    let url = world.acs.secure_url("localhost", "/");
    let error = client.open(&url, credentials(), true).post(None).await.unwrap_err();
    assert!(matches!(error, NetError::NoTrust { .. }), "{error:?}");
    assert!(error.to_string().contains("missing.pem") && error.to_string().contains("empty"), "{error}");
    assert!(world.acs.is_quiet().await);

    let mut session = client.open(&world.acs.url("/"), credentials(), true);
    let (reply, ()) = tokio::join!(session.post(None), async {
        let mut peer = world.acs.accept().await;
        peer.request().await;
        peer.ok("in clear").await;
    });
    assert_eq!(reply.unwrap(), "in clear");

    fs::copy(world.folder.path().join("root.pem"), missing).unwrap();
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let session = client.open(&url, credentials(), true);
    assert_eq!(exchange(&world.acs, session, &server).await.unwrap(), "welcome");
    assert!(matches!(
        trusting(&[]).open(&url, credentials(), true).post(None).await,
        Err(NetError::NoTrust { .. })
    ));
}

/// A folder of certificates, links and other things, as systems have it.
#[tokio::test]
async fn a_trust_folder_may_hold_anything() {
    let world = world().await;
    let folder = world.folder.path().join("certs");
    fs::create_dir_all(folder.join("java")).unwrap();
    world.root.write(&folder);
    std::os::unix::fs::symlink("root.pem", folder.join("0a1b2c3d.0")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("ffffffff.0")).unwrap();
    fs::write(folder.join("a-broken.pem"), "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(folder.join("a-wrong.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(folder.join("binary"), [0xff, 0, 0xfe]).unwrap();
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let session = trusting(&[folder]).open(&world.acs.secure_url("localhost", "/"), credentials(), true);
    assert_eq!(exchange(&world.acs, session, &server).await.unwrap(), "welcome");
}

/// C39: a client certificate is shown to a server that asks.
#[tokio::test]
async fn the_certificate_of_the_cpe_is_shown() {
    let world = world().await;
    let box_ca = Authority::new("Box Factory");
    let own = box_ca.issue(&[], |params| params.distinguished_name.push(DnType::CommonName, "001122-box-7"));
    let path = |name: &str| world.folder.path().join(name);
    let own_pem = pem(&own.chain[0]);
    fs::write(path("own.pem"), &own_pem).unwrap();
    fs::write(path("own.key"), own.key.serialize_pem()).unwrap();
    fs::write(path("both.pem"), own_pem + &own.key.serialize_pem()).unwrap();
    fs::write(path("other.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let server = world.root.issue(&["localhost"], |_| {}).demanding_server(&box_ca);
    let with = |certificate: &str, key: Option<&str>| ClientSettings {
        trust: vec![path("root.pem")],
        certificate: Some(path(certificate)),
        key: key.map(path),
        ..settings()
    };
    for settings in [with("own.pem", Some("own.key")), with("both.pem", None)] {
        let session = client(settings).open(&world.acs.secure_url("localhost", "/"), credentials(), true);
        assert_eq!(exchange(&world.acs, session, &server).await.unwrap(), "welcome");
    }
    // Without one, the server's refusal is no matter of its own certificate.
    let error = exchange(&world.acs, world.session("localhost", true), &server).await.unwrap_err();
    assert!(matches!(error, NetError::Tls { .. } | NetError::Lost { .. }), "{error:?}");
    for (settings, expected) in [
        (with("own.pem", Some("other.key")), "`key`"),
        (with("own.pem", None), "`key`"),
        (with("own.key", None), "`certificate`"),
        (with("missing.pem", None), "missing.pem"),
        (with("own.pem", Some("missing.key")), "missing.key"),
    ] {
        let error = Client::new(settings).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn pem(der: &[u8]) -> String {
    use base64::prelude::{Engine, BASE64_STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}

/// C28: Basic unasked over TLS, on every request; a server that prefers Digest gets Digest from then on.
#[tokio::test]
async fn basic_goes_out_unasked_over_tls() {
    let world = world().await;
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let mut session = world.session("localhost", true);
    tokio::join!(
        async {
            for _ in 0..4 {
                session.post(ENVELOPE).await.unwrap();
            }
        },
        async {
            let mut peer = world.acs.accept_tls(&server).await;
            for _ in 0..2 {
                assert_eq!(peer.request().await.header("authorization"), BASIC);
                peer.ok("").await;
            }
            assert_eq!(peer.request().await.header("authorization"), BASIC);
            let digest = "WWW-Authenticate: Digest realm=\"acs\", nonce=\"n\", qop=\"auth\"";
            peer.reply("401 Unauthorized", &[digest], "").await;
            assert_eq!(peer.request().await.digest("nc"), Some("00000001"));
            peer.reply("200 OK", &["Connection: close"], "").await;
            let mut peer = world.acs.accept_tls(&server).await;
            assert_eq!(peer.request().await.header("authorization"), None);
            peer.reply("401 Unauthorized", &[digest], "").await;
            assert_eq!(peer.request().await.digest("nc"), Some("00000001"));
            peer.ok("").await;
        }
    );
}

/// C32: a refused Basic is not sent again.
#[tokio::test]
async fn a_basic_password_is_not_sent_twice() {
    let world = world().await;
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let mut session = world.session("localhost", true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = world.acs.accept_tls(&server).await;
        assert_eq!(peer.request().await.header("authorization"), BASIC);
        peer.reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=\"acs\""], "").await;
    });
    assert!(matches!(reply, Err(NetError::Refused { .. })), "{reply:?}");
}

/// C25, C27, C28, C37: the rules of the new URL hold: its host is verified, and it is told a password only when it asks, and
/// never in clear.
#[tokio::test]
async fn a_redirect_brings_the_rules_of_its_own_url() {
    let world = world().await;
    let clear = Acs::start().await;
    let other = Acs::start().await;
    let home = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let good = world.root.issue(&["127.0.0.1"], |_| {}).server(BOTH);
    // http to https, another host: verified as that, no password unasked, and Basic when asked.
    let to = format!("Location: {}", other.secure_url("127.0.0.1", "/"));
    let mut session = world.client.open(&clear.url("/"), credentials(), true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = clear.accept().await;
        peer.request().await;
        peer.reply("302 Found", &[&to], "").await;
        let mut peer = other.accept_tls(&good).await;
        assert_eq!(peer.request().await.header("authorization"), None);
        peer.reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=\"other\""], "").await;
        assert_eq!(peer.request().await.header("authorization"), BASIC);
        peer.ok("over there").await;
    });
    assert_eq!(reply.unwrap(), "over there");
    // The certificate of the first host is none for the second.
    let mut session = world.session("localhost", true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = world.acs.accept_tls(&home).await;
        peer.request().await;
        peer.reply("302 Found", &[&to], "").await;
        let _ = other.try_accept_tls(&home).await;
    });
    let error = refused(reply);
    assert!(error.contains("not for 127.0.0.1"), "{error}");
    // https to http: allowed, and nothing secret goes there.
    let mut session = world.session("localhost", true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = world.acs.accept_tls(&home).await;
        assert_eq!(peer.request().await.header("authorization"), BASIC);
        let to = format!("Location: {}", clear.url("/"));
        peer.reply("302 Found", &[&to, "Set-Cookie: a=1; Secure"], "").await;
        let mut peer = clear.accept().await;
        let request = peer.request().await;
        assert_eq!((request.header("authorization"), request.header("cookie")), (None, None));
        peer.reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=\"acs\""], "").await;
    });
    assert!(matches!(reply, Err(NetError::BasicOnClear { .. })), "{reply:?}");
}

/// C9: large envelopes in both directions.
#[tokio::test]
async fn large_messages_pass() {
    let world = world().await;
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let large: Bytes = (0..1_500_000_u32).map(|i| b'a' + u8::try_from(i % 23).unwrap()).collect();
    let mut session = world.session("localhost", true);
    let (reply, ()) = tokio::join!(session.post(Some(large.clone())), async {
        let mut peer = world.acs.accept_tls(&server).await;
        let body = peer.request().await.body;
        assert!(body == large);
        peer.ok(std::str::from_utf8(&body).unwrap()).await;
    });
    assert!(reply.unwrap() == large);
}

/// C21, C23: a close over TLS is said on our side, and understood from the other side, said or not.
#[tokio::test]
async fn a_closed_connection_is_replaced_and_ours_is_closed_in_order() {
    let world = world().await;
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    for said in [true, false] {
        let mut session = world.session("localhost", true);
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = world.acs.accept_tls(&server).await;
            peer.request().await;
            peer.ok("one").await;
            if said {
                tokio::io::AsyncWriteExt::shutdown(&mut peer.stream).await.unwrap();
            }
        });
        assert_eq!(reply.unwrap(), "one");
        let (reply, mut peer) = tokio::join!(session.post(None), async {
            let mut peer = world.acs.accept_tls(&server).await;
            peer.request().await;
            peer.ok("two").await;
            peer
        });
        assert_eq!(reply.unwrap(), "two");
        let mut rest = Vec::new();
        let (end, ()) = tokio::join!(peer.stream.read_to_end(&mut rest), session.close());
        assert_eq!(end.unwrap(), 0);
    }
}

/// A body without a length ends with a word, or it may have been cut off by anybody.
#[tokio::test]
async fn a_reply_that_is_cut_off_is_lost() {
    let world = world().await;
    let server = world.root.issue(&["localhost"], |_| {}).server(BOTH);
    let mut session = world.session("localhost", true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = world.acs.accept_tls(&server).await;
        peer.request().await;
        peer.send("HTTP/1.1 200 OK\r\n\r\n<soap:Enve").await;
    });
    assert!(matches!(reply, Err(NetError::Lost { .. })), "{reply:?}");
}

/// C34: nothing below TLS 1.2, and what is no TLS at all is an error with the name of the host.
#[tokio::test]
async fn older_versions_and_other_protocols_are_errors() {
    let world = world().await;
    // A ServerHello of TLS 1.1 that chooses TLS_RSA_WITH_AES_128_CBC_SHA.
    let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    for answer in [hello, vec![0x15, 3, 1, 0, 2, 2, 70], b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), vec![]]
    {
        let mut session = world.session("localhost", true);
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = world.acs.accept().await;
            assert!(peer.stream.read(&mut [0; 4096]).await.unwrap() > 0);
            peer.send(&answer).await;
        });
        let error = reply.unwrap_err();
        assert!(matches!(&error, NetError::Tls { host, .. } if host == "localhost"), "{answer:?}: {error:?}");
    }
}

/// C49: an address that accepts and says nothing costs the connect timeout.
#[tokio::test]
async fn a_silent_handshake_ends() {
    let world = world().await;
    let mut session = world.session("127.0.0.1", true);
    let (reply, _peer) = tokio::join!(session.post(ENVELOPE), async {
        let peer = world.acs.accept().await;
        tokio::time::pause();
        peer
    });
    let error = reply.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("no answer within"), "{error}");
    assert!(peer::PATIENCE < Duration::from_secs(60));
}
