//! TLS towards the ACS, and proving who we are.

use std::sync::Arc;
use std::time::Duration;

use cwmp_acs::{
    Acs, Authentication, Ca, Certificate, Digest, Incident, Options, Qop, Reply, Scheme, Tls, TlsVersions,
    Transcript, ValueType,
};
use cwmp_e2e::{Client, Device};

const MODEL: &str = "Device.RootDataModelVersion";
const ACS_USER: &str = "[acs]\nusername = 'box'\npassword = 'the: password'\n";

fn tls(certificate: Certificate, ca: &Arc<Ca>) -> Options {
    let tls = Tls { certificate, ca: Some(Arc::clone(ca)), ..Tls::default() };
    Options { tls: Some(tls), ..Options::default() }
}

fn authentication(scheme: Scheme) -> Authentication {
    Authentication { user: "box".to_owned(), password: "the: password".to_owned(), scheme }
}

/// The last result, once a session has failed.
fn result(client: &Client) -> String {
    client.wait_for("waiting");
    client.property("LastResult")
}

/// Waits for a connection on which nobody was let in.
#[track_caller]
fn turned_away(acs: &Acs) -> Transcript {
    match acs.incident() {
        Incident::Refused(transcript) => transcript,
        other => panic!("the CPE was not turned away: {other:?}"),
    }
}

/// The scheme that each POST proves itself with.
fn answers(transcript: &Transcript) -> Vec<Option<&str>> {
    transcript
        .entries
        .iter()
        .map(|e| e.header("Authorization").map(|a| a.split(' ').next().unwrap()))
        .collect()
}

/// C34, C36, C37: TLS of both versions, with the host of the URL as the name of the server.
#[test]
fn a_session_runs_over_tls() {
    for versions in [TlsVersions::Both, TlsVersions::Only12, TlsVersions::Only13] {
        let tls = Tls { versions, ..Tls::default() };
        let options = Options { tls: Some(tls), host: "localhost".to_owned(), ..Options::default() };
        let acs = Acs::start(options);
        let _device = Device::builder().acs(acs.url()).trust(acs.ca_file()).start();
        let mut session = acs.session();
        assert_eq!(session.server_name(), Some("localhost"));
        assert_eq!(session.get_value(MODEL).unwrap(), "2.19");
        session.end();
    }
}

/// C37: an ACS that cannot prove who it is hears nothing.
#[test]
fn an_acs_must_prove_who_it_is() {
    let ca = Ca::new();
    for certificate in [
        Certificate::Expired,
        Certificate::NotYetValid,
        Certificate::WrongName,
        Certificate::Untrusted,
        Certificate::UntrustedAndExpired,
    ] {
        let acs = Acs::start(tls(certificate, &ca));
        let device = Device::builder().acs(acs.url()).trust(ca.file()).config(ACS_USER).start();
        assert!(matches!(acs.incident(), Incident::Handshake(_)), "{certificate:?}");
        let why = result(&device.client());
        assert!(why.contains("certificate"), "{certificate:?}: {why}");
        assert_eq!(acs.informs(), 0, "{certificate:?}");
    }
}

/// C37: without a trusted root nobody is believed.
#[test]
fn without_a_trusted_root_nobody_is_believed() {
    let acs = Acs::start(Options::https());
    for trust in ["empty.pem", "none.pem"] {
        let device = Device::builder().acs(acs.url()).prepare();
        std::fs::write(device.path("empty.pem"), "").unwrap();
        let mut device = device;
        std::fs::write(
            device.path("cwmpd.d/trust.toml"),
            format!("[acs]\ntrust = ['{}']\n", device.path(trust).display()),
        )
        .unwrap();
        device.start();
        let why = result(&device.client());
        assert!(!why.is_empty());
        assert_eq!(acs.informs(), 0, "{trust}");
    }
}

/// C38, C73: without a clock the dates of a certificate are ignored, and nothing else; with the clock they count.
#[test]
fn without_a_clock_dates_are_ignored_and_nothing_else() {
    let ca = Ca::new();
    for (certificate, is_good) in [
        (Certificate::Good, true),
        (Certificate::Expired, true),
        (Certificate::NotYetValid, true),
        (Certificate::WrongName, false),
        (Certificate::Untrusted, false),
        (Certificate::UntrustedAndExpired, false),
    ] {
        let acs = Acs::start(tls(certificate, &ca));
        let mut device = Device::builder().acs(acs.url()).trust(ca.file()).prepare();
        let clock = device.path("synchronized");
        std::fs::write(
            device.path("cwmpd.d/clock.toml"),
            format!("[boot]\nclock_file = '{}'\n", clock.display()),
        )
        .unwrap();
        device.start();
        let client = device.client();
        if !is_good {
            assert!(matches!(acs.incident(), Incident::Handshake(_)), "{certificate:?}");
            assert!(result(&client).contains("certificate"), "{certificate:?}");
            continue;
        }
        let session = acs.session();
        assert_eq!(session.inform().current_time, "0001-01-01T00:00:00Z");
        session.end();
        std::fs::write(&clock, "").unwrap();
        client.wait_for("idle");
        client.inform().unwrap();
        if certificate == Certificate::Good {
            let session = acs.session();
            assert!(session.inform().current_time.starts_with("20"));
            session.end();
        } else {
            assert!(matches!(acs.incident(), Incident::Handshake(_)), "{certificate:?}");
            assert!(result(&client).contains("certificate"), "{certificate:?}");
        }
    }
}

/// C37, C25: the name that counts after a redirect is that of the new URL.
#[test]
fn a_redirect_leads_to_who_can_prove_it_only() {
    let ca = Ca::new();
    let acs = Acs::start(tls(Certificate::Good, &ca));
    let wrong = Acs::start(tls(Certificate::WrongName, &ca));
    let right = Acs::start(tls(Certificate::Good, &ca));
    let device = Device::builder().acs(acs.url()).trust(ca.file()).start();
    let client = device.client();
    acs.session().fail_with(Reply::redirect(307, wrong.url()));
    assert!(matches!(wrong.incident(), Incident::Handshake(_)));
    assert!(result(&client).contains("certificate"));
    client.inform().unwrap();
    let mut session = acs.session();
    session.reply(Reply::redirect(307, right.url()));
    let mut moved = right.moved_session();
    assert_eq!(moved.get_value(MODEL).unwrap(), "2.19");
    moved.end();
    session.gone();
}

/// C39: a device with a certificate of its own shows it to who asks.
#[test]
fn a_client_certificate_is_shown() {
    let ca = Ca::new();
    let files = ca.client("00AABB-Box-S1");
    let options = || {
        let tls = Tls { ca: Some(Arc::clone(&ca)), client_certificate: true, ..Tls::default() };
        Options { tls: Some(tls), ..Options::default() }
    };
    let acs = Acs::start(options());
    let config =
        format!("[acs]\ncertificate = '{}'\nkey = '{}'\n", files.certificate.display(), files.key.display());
    let _device = Device::builder().acs(acs.url()).trust(ca.file()).config(&config).start();
    let mut session = acs.session();
    assert_eq!(session.get_value(MODEL).unwrap(), "2.19");
    session.end();
    let acs = Acs::start(options());
    let device = Device::builder().acs(acs.url()).trust(ca.file()).start();
    assert!(!result(&device.client()).is_empty());
    assert_eq!(acs.informs(), 0);
}

/// C27, C28: over TLS the password goes out unasked, on every request.
#[test]
fn basic_goes_out_unasked_over_tls() {
    let acs = Acs::start(Options { authentication: Some(authentication(Scheme::Basic)), ..Options::https() });
    let device = Device::builder().acs(acs.url()).trust(acs.ca_file()).config(ACS_USER).start();
    let mut session = acs.session();
    session.get_value(MODEL).unwrap();
    let transcript = session.end();
    assert_eq!(answers(&transcript), [Some("Basic"); 3]);
    assert!(!device.log().contains("the: password"));
}

/// C27: without TLS nobody is told the password, unless the box allows it.
#[test]
fn basic_on_clear_is_refused() {
    for allowed in [false, true] {
        let acs =
            Acs::start(Options { authentication: Some(authentication(Scheme::Basic)), ..Options::default() });
        let config = format!("{ACS_USER}allow_basic_on_clear = {allowed}\n");
        let device = Device::builder().acs(acs.url()).config(&config).start();
        if allowed {
            acs.session().end();
            continue;
        }
        assert_eq!(answers(&turned_away(&acs)), [None]);
        let why = result(&device.client());
        assert!(why.contains("in clear"), "{why}");
        assert_eq!(acs.informs(), 0);
    }
}

/// C27, C28, C29, C30: every form of Digest, in clear and over TLS, on one connection. The ACS checks each answer.
#[test]
fn every_form_of_digest_is_answered() {
    let forms = [
        Digest::default(),
        Digest { session: true, ..Digest::default() },
        Digest { qop: Qop::None, opaque: None, ..Digest::default() },
        Digest { qop: Qop::AuthAndInt, quotes_algorithm: true, ..Digest::default() },
        Digest { names_algorithm: false, stale_once: true, ..Digest::default() },
        Digest { qop: Qop::AuthAndInt, session: true, stale_once: true, ..Digest::default() },
    ];
    for (n, form) in forms.into_iter().enumerate() {
        let options = if n % 2 == 0 { Options::default() } else { Options::https() };
        let scheme = if n == 0 { Scheme::Both(form.clone()) } else { Scheme::Digest(form.clone()) };
        let secure = options.tls.is_some();
        let acs = Acs::start(Options { authentication: Some(authentication(scheme)), ..options });
        let mut builder = Device::builder().acs(acs.url()).config(ACS_USER);
        if secure {
            builder = builder.trust(acs.ca_file());
        }
        let _device = builder.start();
        let mut session = acs.session();
        assert_eq!(session.get_value(MODEL).unwrap(), "2.19", "{form:?}");
        let transcript = session.end();
        assert_eq!(transcript.connections().len(), 1, "{form:?}");
        let posts: Vec<_> = transcript.entries.iter().filter(|e| e.reply.is_some()).collect();
        assert!(posts.last().unwrap().header("Authorization").unwrap().starts_with("Digest "), "{form:?}");
    }
}

/// C28, C30: a new connection is a new challenge, and a new nonce of ours.
#[test]
fn a_new_connection_is_challenged_anew() {
    let digest = Scheme::Digest(Digest::default());
    let acs = Acs::start(Options { authentication: Some(authentication(digest)), ..Options::default() });
    let _device = Device::builder().acs(acs.url()).config(ACS_USER).start();
    let mut session = acs.session();
    session.ready();
    for _ in 0..2 {
        let request = cwmp_acs::Request::GetRpcMethods;
        let envelope = session.envelope(&request);
        session.reply(Reply::envelope(envelope).closing());
        session.response().unwrap();
    }
    assert_eq!(session.get_value(MODEL).unwrap(), "2.19");
    let transcript = session.end();
    assert_eq!(transcript.connections().len(), 3);
}

/// C32: a wrong password, or none, fails the session after few attempts.
#[test]
fn a_wrong_password_is_not_tried_for_ever() {
    for scheme in [Scheme::Basic, Scheme::Digest(Digest::default())] {
        for config in ["", "[acs]\nusername = 'box'\npassword = 'wrong'\n", "[acs]\nusername = 'box'\n"] {
            let acs = Acs::start(Options {
                authentication: Some(authentication(scheme.clone())),
                ..Options::https()
            });
            let device = Device::builder().acs(acs.url()).trust(acs.ca_file()).config(config).start();
            let transcript = turned_away(&acs);
            assert!(transcript.entries.len() <= 3, "{config}: {transcript}");
            assert!(result(&device.client()).contains("password") || !config.is_empty());
            assert_eq!(acs.informs(), 0);
            // It is tried again as any other failure is.
            device.client().advance(Duration::from_secs(10));
            turned_away(&acs);
        }
    }
}

/// C31: the device can prove itself by a name of its own.
#[test]
fn the_user_can_be_the_name_of_the_device() {
    let mine = Authentication { user: "00AABB-Box-S1".to_owned(), ..authentication(Scheme::Basic) };
    let acs = Acs::start(Options { authentication: Some(mine), ..Options::https() });
    let _device = Device::builder()
        .acs(acs.url())
        .trust(acs.ca_file())
        .config("[acs]\nusername = '{device}'\npassword = 'the: password'\n")
        .start();
    let mut session = acs.session();
    assert_eq!(session.get_value("Device.ManagementServer.Username").unwrap(), "00AABB-Box-S1");
    session.end();
}

/// C113, C33: user and password that the ACS sets count from the next session, and are never shown.
#[test]
fn new_credentials_count_from_the_next_session() {
    let digest = Scheme::Digest(Digest::default());
    let acs =
        Acs::start(Options { authentication: Some(authentication(digest.clone())), ..Options::default() });
    let other = Acs::start(Options {
        authentication: Some(Authentication {
            user: "00AABB-Box-S1%2F2".to_owned(),
            password: "p".repeat(256),
            scheme: digest,
        }),
        ..Options::default()
    });
    let device = Device::builder().acs(acs.url()).config(ACS_USER).start();
    let mut session = acs.session();
    let server = "Device.ManagementServer.";
    let [url, user, password] = ["URL", "Username", "Password"].map(|name| format!("{server}{name}"));
    let long = "p".repeat(256);
    let set = [
        (url.as_str(), ValueType::String, other.url()),
        (user.as_str(), ValueType::String, "00AABB-Box-S1%2F2".to_owned()),
        (password.as_str(), ValueType::String, long.clone()),
    ];
    let set: Vec<_> = set.iter().map(|(name, kind, text)| (*name, *kind, text.as_str())).collect();
    session.set(&set, "").unwrap();
    assert_eq!(session.get_value(&user).unwrap(), "00AABB-Box-S1%2F2");
    assert_eq!(session.get_value(&password).unwrap(), "");
    session.end();
    let session = other.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP"]);
    session.end();
    assert!(!device.log().contains(&long));
}
