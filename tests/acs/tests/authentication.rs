//! Whom an ACS lets in.

mod cpe;

use cpe::{complaint, spawn, Cpe};
use cwmp_acs::{Acs, Authentication, ConnectionRequest, Cookies, Digest, Incident, Options, Qop, Scheme};

fn options(scheme: Scheme) -> Options {
    let authentication = Authentication { user: "user".into(), password: "secret".into(), scheme };
    Options { authentication: Some(authentication), ..Options::default() }
}

/// A session of a CPE with Basic credentials.
fn basic(cpe: &mut Cpe, credentials: &str) {
    let inform = cpe.inform(&["1 BOOT"]);
    assert_eq!(cpe.post(&inform).status, 401);
    cpe.authorization = Some(format!("Basic {credentials}"));
    if cpe.post(&inform).status == 200 {
        cpe.serve(Vec::new());
    } else {
        cpe.close();
    }
}

#[test]
fn basic_credentials_are_asked_for_and_checked() {
    let acs = Acs::start(options(Scheme::Basic));
    let cpe = spawn(&acs, |cpe| basic(cpe, "dXNlcjpzZWNyZXQ="));
    let transcript = acs.session().end();
    cpe.join().unwrap();
    let challenge = &transcript.entries[0].reply.as_ref().unwrap().text;
    assert!(challenge.contains("401") && challenge.contains("Basic realm="), "{challenge}");
    assert!(challenge.contains("(no Authorization)"), "{challenge}");
    assert_eq!(acs.informs(), 1);
}

#[test]
fn a_cpe_that_is_not_let_in_is_an_incident() {
    let acs = Acs::start(options(Scheme::Basic));
    let cpe = spawn(&acs, |cpe| basic(cpe, "dXNlcjp3cm9uZw=="));
    let Incident::Refused(transcript) = acs.incident() else { panic!() };
    cpe.join().unwrap();
    assert_eq!(transcript.entries.len(), 2);
    let refusal = &transcript.entries[1].reply.as_ref().unwrap().text;
    assert!(refusal.contains("wrong Basic credentials"), "{refusal}");
    assert_eq!((acs.informs(), acs.open_sessions()), (0, 0));
}

/// The Digest arithmetic of the tiny CPE is that of the connection request client, which is another path through it: a GET
/// over its own socket shows what the ACS thinks of the answer.
fn digest(digest: Digest, password: &str, wanted: u16) -> String {
    let acs =
        Acs::start(Options { lenient: true, cookies: Cookies::None, ..options(Scheme::Digest(digest)) });
    let request = ConnectionRequest::new(acs.url(), "user", password);
    let client = std::thread::spawn(move || request.send().unwrap());
    if wanted == 204 {
        // A GET that was let in is a session without an Inform.
        acs.moved_session().fail_with(cwmp_acs::Reply::no_content());
    }
    let outcome = client.join().unwrap();
    assert_eq!(outcome.status, wanted);
    let bad: Vec<_> = acs.take_violations().into_iter().filter(|v| v.item == "C30").collect();
    assert!(bad.is_empty(), "{bad:?}");
    outcome.challenge.unwrap()
}

#[test]
fn every_form_of_a_digest_challenge_is_made_and_its_answer_checked() {
    let plain = Digest::default();
    let challenge = digest(plain.clone(), "secret", 204);
    assert!(challenge.contains("qop=\"auth\", algorithm=MD5, opaque="), "{challenge}");
    let challenge = digest(Digest { qop: Qop::None, opaque: None, ..plain.clone() }, "secret", 204);
    assert!(!challenge.contains("qop") && !challenge.contains("opaque"), "{challenge}");
    let both = Digest { qop: Qop::AuthAndInt, session: true, quotes_algorithm: true, ..plain.clone() };
    let challenge = digest(both, "secret", 204);
    assert!(challenge.contains("qop=\"auth,auth-int\", algorithm=\"MD5-sess\""), "{challenge}");
    let challenge = digest(Digest { names_algorithm: false, ..plain.clone() }, "secret", 204);
    assert!(!challenge.contains("algorithm"), "{challenge}");
    // The client tries once: the first right answer is stale.
    digest(Digest { stale_once: true, ..plain.clone() }, "secret", 401);
    digest(plain, "wrong", 401);
}

#[test]
fn a_digest_answer_to_something_else_is_found() {
    let text = complaint(|| {
        let acs = Acs::start(options(Scheme::Digest(Digest { qop: Qop::None, ..Digest::default() })));
        let cpe = spawn(&acs, |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.authorization = Some(
                "Digest username=\"user\", realm=\"cwmp-acs\", nonce=\"x\", uri=\"/\", response=\"y\"".into(),
            );
            cpe.post(&inform);
            cpe.close();
        });
        let Incident::Refused(_) = acs.incident() else { panic!() };
        cpe.join().unwrap();
    });
    assert!(text.contains("C30: the Digest answer is for /, the request for /acs"), "{text}");
}

#[test]
fn credentials_that_stop_coming_are_found() {
    let text = complaint(|| {
        let acs = Acs::start(options(Scheme::Basic));
        let cpe = spawn(&acs, |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.authorization = Some("Basic dXNlcjpzZWNyZXQ=".into());
            cpe.post(&inform);
            cpe.authorization = None;
            assert_eq!(cpe.post(b"").status, 401);
            cpe.authorization = Some("Basic dXNlcjpzZWNyZXQ=".into());
            cpe.serve(Vec::new());
        });
        acs.session().end();
        cpe.join().unwrap();
    });
    assert!(text.contains("C28: Authorization is missing"), "{text}");
}

#[test]
fn a_client_nonce_of_another_connection_is_found() {
    let scheme = Scheme::Digest(Digest::default());
    let acs = Acs::start(Options { lenient: true, cookies: Cookies::None, ..options(scheme) });
    let url = acs.url();
    let client = std::thread::spawn(move || {
        let request = ConnectionRequest::new(url, "user", "secret");
        let first = request.send().unwrap();
        // The nonce is of another connection, too.
        request.send_with(&first.authorization.unwrap()).unwrap()
    });
    acs.moved_session().fail_with(cwmp_acs::Reply::no_content());
    let second = client.join().unwrap();
    assert_eq!(second.status, 401);
    assert!(second.header("WWW-Authenticate").unwrap().contains("stale=true"));
    let found = acs.take_violations();
    assert!(found.iter().any(|v| v.text == "the cnonce is that of connection 1"), "{found:?}");
}
