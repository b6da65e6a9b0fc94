//! Authentication towards the ACS, over plain connections. What belongs to TLS is in `tls.rs`.

mod peer;

use bytes::Bytes;
use cwmp_net::{ClientSettings, Credentials, NetError, MAX_ATTEMPTS};
use md5::Digest;
use peer::{client, credentials, settings, Acs, Peer, Request};
use tokio::net::TcpStream;

const ENVELOPE: Option<Bytes> = Some(Bytes::from_static(b"<soap:Envelope/>"));
const CHALLENGE: &str =
    r#"WWW-Authenticate: Digest realm="acs", qop="auth,auth-int", nonce="n1", opaque="o\"1""#;

fn hash<D: Digest>(parts: &[&str]) -> String {
    D::digest(parts.join(":")).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Whether the request proves the password, computed here from nothing but what was sent.
fn proves<D: Digest>(request: &Request, password: &str) -> bool {
    let get = |name| request.digest(name).unwrap_or_default();
    let mut secret = hash::<D>(&[get("username"), get("realm"), password]);
    if get("algorithm").to_ascii_lowercase().ends_with("-sess") {
        secret = hash::<D>(&[&secret, get("nonce"), get("cnonce")]);
    }
    let action = hash::<D>(&["POST", get("uri")]);
    let expected = match request.digest("qop") {
        Some(qop) => hash::<D>(&[&secret, get("nonce"), get("nc"), get("cnonce"), qop, &action]),
        None => hash::<D>(&[&secret, get("nonce"), &action]),
    };
    get("response") == expected
}

async fn challenge(peer: &mut Peer<TcpStream>, header: &str) {
    peer.reply("401 Unauthorized", &[header], "who are you?").await;
}

/// C27, C29, C30: the challenge is answered on the same connection, with the same body; `auth` is chosen, opaque and nonce
/// come back.
#[tokio::test]
async fn a_digest_challenge_is_answered_on_the_same_connection() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        assert_eq!(peer.request().await.header("authorization"), None);
        challenge(&mut peer, CHALLENGE).await;
        let request = peer.request().await;
        assert_eq!(request.body, b"<soap:Envelope/>");
        for (name, value) in [
            ("username", "001122-box-7"),
            ("realm", "acs"),
            ("nonce", "n1"),
            ("uri", "/cwmp"),
            ("opaque", r#"o\"1"#),
            ("qop", "auth"),
            ("nc", "00000001"),
        ] {
            assert_eq!(request.digest(name), Some(value), "{name}");
        }
        // Not asked for, so not said.
        assert_eq!(request.digest("algorithm"), None);
        assert!(request.digest("cnonce").unwrap().len() >= 8);
        assert!(proves::<md5::Md5>(&request, "secret"));
        peer.ok("welcome").await;
    });
    assert_eq!(reply.unwrap(), "welcome");
    assert!(acs.is_quiet().await);
}

/// C24: a cookie that came with the challenge goes with the answer.
#[tokio::test]
async fn a_cookie_of_the_challenge_goes_back() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.reply("401 Unauthorized", &["Set-Cookie: session=1", CHALLENGE], "").await;
        assert_eq!(peer.request().await.header("cookie"), Some("session=1"));
        peer.ok("").await;
    });
    reply.unwrap();
}

/// C28, C30: later requests of the connection carry an answer unasked, and count; a new connection has a new cnonce.
#[tokio::test]
async fn later_requests_count_and_a_new_connection_begins_anew() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let mut cnonces = Vec::new();
    tokio::join!(
        async {
            for _ in 0..4 {
                session.post(ENVELOPE).await.unwrap();
            }
        },
        async {
            for _ in 0..2 {
                let mut peer = acs.accept().await;
                assert_eq!(peer.request().await.header("authorization"), None);
                challenge(&mut peer, CHALLENGE).await;
                let request = peer.request().await;
                let cnonce = request.digest("cnonce").unwrap().to_owned();
                peer.ok("").await;
                let request = peer.request().await;
                assert_eq!(request.digest("nc"), Some("00000002"));
                assert_eq!(request.digest("cnonce"), Some(cnonce.as_str()));
                assert!(proves::<md5::Md5>(&request, "secret"));
                peer.reply("200 OK", &["Connection: close"], "").await;
                cnonces.push(cnonce);
            }
        }
    );
    assert_ne!(cnonces[0], cnonces[1]);
}

/// C30: every algorithm and form that a CPE must know, quoted or not; the strongest of several is chosen.
#[tokio::test]
async fn every_form_of_digest_is_answered_in_kind() {
    let acs = Acs::start().await;
    for (header, algorithm, qop, sha) in [
        (r#"realm="HuaweiHomeGateway",nonce="n",qop="auth",algorithm="MD5""#, Some("MD5"), true, false),
        ("realm=r, nonce=n, qop=auth, algorithm=MD5", Some("MD5"), true, false),
        (r#"realm="r", nonce="n", algorithm=md5-sess, qop="auth-int, auth""#, Some("md5-sess"), true, false),
        (r#"realm="r", nonce="n", algorithm=MD5-sess"#, Some("MD5-sess"), false, false),
        (r#"realm="r", nonce="n""#, None, false, false),
        (r#"realm="r", nonce="n", qop="""#, None, false, false),
        (r#"realm="r", nonce="n", qop="auth", algorithm=SHA-256"#, Some("SHA-256"), true, true),
        (r#"realm="r", nonce="n", qop="auth", algorithm=SHA-256-sess"#, Some("SHA-256-sess"), true, true),
        (
            r#"realm="r", nonce="m", qop="auth", algorithm=MD5, Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256, Basic realm="r""#,
            Some("SHA-256"),
            true,
            true,
        ),
        (
            r#"realm="r", nonce="m", algorithm=SHA-512-256, Digest realm="r", nonce="n", algorithm=MD5"#,
            Some("MD5"),
            false,
            false,
        ),
    ] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            challenge(&mut peer, &format!("WWW-Authenticate: Digest {header}")).await;
            let request = peer.request().await;
            assert_eq!(request.digest("algorithm"), algorithm, "{header}");
            assert_eq!(request.digest("qop"), qop.then_some("auth"), "{header}");
            assert_eq!(request.digest("nc").is_some(), qop, "{header}");
            assert_eq!(request.digest("nonce"), Some("n"), "{header}");
            let proven = if sha {
                proves::<sha2::Sha256>(&request, "secret")
            } else {
                proves::<md5::Md5>(&request, "secret")
            };
            assert!(proven, "{header}: {request:?}");
            peer.ok("").await;
        });
        reply.unwrap();
    }
}

/// C29: "Connection: close", or a close without words, means: answer on another connection. A nonce that was bound to
/// the first one is replaced.
#[tokio::test]
async fn a_challenge_of_a_closed_connection_is_answered_on_another() {
    let acs = Acs::start().await;
    for headers in [&[CHALLENGE, "Connection: close"][..], &[CHALLENGE]] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.reply("401 Unauthorized", headers, "").await;
            drop(peer);
            let mut peer = acs.accept().await;
            assert_eq!(peer.request().await.digest("nonce"), Some("n1"));
            challenge(&mut peer, &CHALLENGE.replace("n1", "n2")).await;
            assert_eq!(peer.request().await.digest("nonce"), Some("n2"));
            peer.ok("welcome").await;
        });
        assert_eq!(reply.unwrap(), "welcome");
    }
}

/// C28, C30: a nonce that has grown old is replaced, at any request, with and without `stale`.
#[tokio::test]
async fn an_old_nonce_is_replaced() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    tokio::join!(
        async {
            for _ in 0..3 {
                session.post(ENVELOPE).await.unwrap();
            }
        },
        async {
            let mut peer = acs.accept().await;
            peer.request().await;
            challenge(&mut peer, CHALLENGE).await;
            assert_eq!(peer.request().await.digest("nonce"), Some("n1"));
            challenge(&mut peer, &CHALLENGE.replace("n1\"", "n2\", stale=true")).await;
            assert_eq!(peer.request().await.digest("nonce"), Some("n2"));
            peer.ok("").await;
            // In the middle of the session, without a word of staleness.
            assert_eq!(peer.request().await.digest("nc"), Some("00000002"));
            challenge(&mut peer, &CHALLENGE.replace("n1", "n3")).await;
            let request = peer.request().await;
            assert_eq!((request.digest("nonce"), request.digest("nc")), (Some("n3"), Some("00000001")));
            peer.ok("").await;
            assert_eq!(peer.request().await.digest("nc"), Some("00000002"));
            peer.ok("").await;
        }
    );
}

/// C32: a wrong password, or none, fails after one answer; a server that calls every nonce stale gets two.
#[tokio::test]
async fn a_refusal_ends_the_session_and_does_not_loop() {
    let acs = Acs::start().await;
    for (who, stale, answers) in [
        (credentials(), "", 1),
        (Credentials::default(), "", 1),
        (credentials(), ", stale=\"TRUE\"", MAX_ATTEMPTS),
    ] {
        let mut session = client(settings()).open(&acs.url("/"), who, true);
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            for _ in 0..=answers {
                peer.request().await;
                challenge(&mut peer, &format!("{CHALLENGE}{stale}")).await;
            }
        });
        let error = reply.unwrap_err();
        assert!(
            matches!(&error, NetError::Refused { offered } if offered.contains("realm=acs")),
            "{error:?}"
        );
        assert!(acs.is_quiet().await);
    }
}

/// C32: the bound holds also when every try comes on a new connection.
#[tokio::test]
async fn a_server_that_closes_after_every_challenge_gets_two_answers() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        for _ in 0..=MAX_ATTEMPTS {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.reply("401 Unauthorized", &[CHALLENGE, "Connection: close"], "").await;
        }
    });
    assert!(matches!(reply, Err(NetError::Refused { .. })), "{reply:?}");
    assert!(acs.is_quiet().await);
}

/// C27: the password in clear is not for an open line, unless the settings say so, and then it is said once.
#[tokio::test]
async fn basic_without_tls_is_refused_unless_allowed() {
    const BASIC: &str = "WWW-Authenticate: Basic realm=\"acs\"";
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        assert_eq!(peer.request().await.header("authorization"), None);
        challenge(&mut peer, BASIC).await;
    });
    assert!(matches!(reply, Err(NetError::BasicOnClear { .. })), "{reply:?}");

    let allowing = client(ClientSettings { allow_basic_on_clear: true, ..settings() });
    let mut session = allowing.open(&acs.url("/"), credentials(), true);
    tokio::join!(
        async {
            session.post(ENVELOPE).await.unwrap();
            assert!(matches!(session.post(ENVELOPE).await, Err(NetError::Refused { .. })));
        },
        async {
            let mut peer = acs.accept().await;
            assert_eq!(peer.request().await.header("authorization"), None);
            challenge(&mut peer, BASIC).await;
            let expected = Some("Basic MDAxMTIyLWJveC03OnNlY3JldA==");
            assert_eq!(peer.request().await.header("authorization"), expected);
            peer.ok("").await;
            // C28: unasked from now on, and not again when it is refused.
            assert_eq!(peer.request().await.header("authorization"), expected);
            challenge(&mut peer, BASIC).await;
        }
    );
}

/// C25, C27: another server does not get the password in clear, even where the settings allow that; it gets no answer that
/// it did not ask for, and a digest when it asks.
#[tokio::test]
async fn another_server_gets_no_password_and_only_what_it_asks_for() {
    let (first, second) = (Acs::start().await, Acs::start().await);
    let allowing = client(ClientSettings { allow_basic_on_clear: true, ..settings() });
    for digest in [true, false] {
        let mut session = allowing.open(&first.url("/"), credentials(), true);
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = first.accept().await;
            peer.request().await;
            challenge(&mut peer, "WWW-Authenticate: Basic realm=\"acs\"").await;
            assert!(peer.request().await.header("authorization").is_some());
            peer.reply("307 Temporary Redirect", &[&format!("Location: {}", second.url("/x"))], "").await;
            let mut peer = second.accept().await;
            assert_eq!(peer.request().await.header("authorization"), None);
            if digest {
                challenge(&mut peer, CHALLENGE).await;
                let request = peer.request().await;
                assert_eq!(request.digest("uri"), Some("/x"));
                assert!(proves::<md5::Md5>(&request, "secret"));
                peer.ok("").await;
            } else {
                challenge(&mut peer, "WWW-Authenticate: Basic realm=\"acs\"").await;
            }
        });
        match reply {
            Ok(_) => assert!(digest),
            Err(NetError::BasicOnClear { .. }) => assert!(!digest),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// C19: a challenge that nobody can answer says what was asked.
#[tokio::test]
async fn an_unknown_challenge_is_an_error_that_shows_it() {
    let acs = Acs::start().await;
    for (header, shown) in [
        ("WWW-Authenticate: Negotiate", "Negotiate"),
        ("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", "SHA-512-256"),
        ("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", "auth-int"),
        ("WWW-Authenticate: Digest realm=\"r\"", "Digest realm=r"),
        ("X: y", "no challenge"),
    ] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            challenge(&mut peer, header).await;
        });
        let error = reply.unwrap_err();
        assert!(matches!(error, NetError::Challenge { .. }), "{header}: {error:?}");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

/// C31: a user name needs no escapes on the wire, and one with quotes survives them.
#[tokio::test]
async fn odd_user_names_are_quoted() {
    let acs = Acs::start().await;
    for (username, written) in [("001122-a%20b-7", "001122-a%20b-7"), (r#"a"b\c"#, r#"a\"b\\c"#), ("ä", "ä")]
    {
        let who = Credentials { username: username.to_owned(), password: "p:w".to_owned() };
        let mut session = client(settings()).open(&acs.url("/"), who, true);
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            challenge(&mut peer, CHALLENGE).await;
            assert_eq!(peer.request().await.digest("username"), Some(written));
            peer.ok("").await;
        });
        reply.unwrap();
    }
    let who = Credentials { username: "a\r\nX: y".to_owned(), ..credentials() };
    let mut session = client(settings()).open(&acs.url("/"), who, true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        challenge(&mut peer, CHALLENGE).await;
    });
    assert!(matches!(reply, Err(NetError::Request { .. })), "{reply:?}");
}
