//! Connection requests over HTTP: who is let in, and what comes of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cwmp_acs::{Acs, ConnectionRequest, CredentialForm, Options, Reply, Session, ValueType};
use cwmp_e2e::{eventually, Client, Device, CONNECTION_REQUEST};

const URL: &str = "Device.ManagementServer.ConnectionRequestURL";
const ENABLE: &str = "Device.ManagementServer.HTTPConnectionRequestEnable";

/// A device whose first session is over, and its URL.
fn known(config: &str) -> (Acs, Device, Client, String) {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).config(config).start();
    let session = acs.session();
    let url = session.parameter(URL).unwrap().to_owned();
    session.end();
    let client = device.client();
    client.wait_for("idle");
    (acs, device, client, url)
}

fn request(url: &str) -> ConnectionRequest {
    ConnectionRequest::new(url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1)
}

#[track_caller]
fn status(request: &ConnectionRequest) -> u16 {
    request.send().unwrap().status
}

/// The session that follows, with its one event.
#[track_caller]
fn follows(acs: &Acs) -> Session {
    let session = acs.session();
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session
}

/// Where the listener is, without the path.
fn authority(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    &rest[..rest.find('/').unwrap()]
}

/// C41, C173, C175, C176, C177, C50: an authenticated GET is answered with 200 and nothing, and a session follows.
#[test]
fn an_authenticated_request_opens_a_session() {
    let (acs, _device, _client, url) = known("");
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert!(host.ends_with(":7547") && path.len() >= 32, "{url}");
    let outcome = request(&url).send().unwrap();
    assert_eq!((outcome.status, outcome.body.as_slice(), outcome.reconnected), (200, &b""[..], false));
    let challenge = outcome.challenge.unwrap();
    assert!(challenge.starts_with("Digest ") && challenge.contains("qop=\"auth\""), "{challenge}");
    follows(&acs).end();
}

/// C175, C180: digest without quality is let in too, and so is a second GET over a new connection.
#[test]
fn every_form_of_digest_is_let_in() {
    let (acs, _device, client, url) = known("");
    let forms = [
        ConnectionRequest { answer: CredentialForm::DigestWithoutQop, ..request(&url) },
        ConnectionRequest { reconnect: true, ..request(&url) },
    ];
    for form in forms {
        assert_eq!(status(&form), 200, "{form:?}");
        follows(&acs).end();
        client.wait_for("idle");
    }
}

/// C174: a body and a query mean nothing.
#[test]
fn a_body_and_a_query_are_ignored() {
    let (acs, _device, client, url) = known("");
    assert_eq!(status(&ConnectionRequest { body: "<x>".repeat(1000), ..request(&url) }), 200);
    follows(&acs).end();
    client.wait_for("idle");
    assert_eq!(status(&request(&format!("{url}?command=reboot&x=%20"))), 200);
    follows(&acs).end();
}

/// C176: nobody else is let in, and no session comes of it.
#[test]
fn nobody_else_is_let_in() {
    let (acs, _device, client, url) = known("");
    let (user, password) = CONNECTION_REQUEST;
    for (wrong, expected) in [
        (ConnectionRequest::new(&url, user, "wrong"), 401),
        (ConnectionRequest::new(&url, user, ""), 401),
        (ConnectionRequest::new(&url, "nobody", password), 401),
        (ConnectionRequest::new(&url, "", ""), 401),
        (ConnectionRequest { answer: CredentialForm::Basic, ..request(&url) }, 401),
        (ConnectionRequest { answer: CredentialForm::Nothing, ..request(&url) }, 401),
        (ConnectionRequest { method: "POST".to_owned(), ..request(&url) }, 405),
        (ConnectionRequest { method: "DELETE".to_owned(), ..request(&url) }, 405),
        (request(&format!("http://{}/", authority(&url))), 404),
        (request(&format!("{url}/more")), 404),
    ] {
        assert_eq!(status(&wrong), expected, "{wrong:?}");
    }
    client.settle();
    assert_eq!(acs.informs(), 1);
    assert_eq!(status(&request(&url)), 200);
    follows(&acs).end();
}

/// C182: an answer that was heard on the line opens nothing.
#[test]
fn an_answer_cannot_be_used_again() {
    let (acs, _device, client, url) = known("");
    let outcome = request(&url).send().unwrap();
    follows(&acs).end();
    client.wait_for("idle");
    let again = request(&url).send_with(&outcome.authorization.unwrap()).unwrap();
    assert_eq!(again.status, 401);
    assert!(again.header("WWW-Authenticate").is_some_and(|c| c.contains("stale=true")));
    client.settle();
    assert_eq!(acs.informs(), 2);
}

/// C178, C177, C70: requests during a session do not disturb it, and one session serves them all afterwards.
#[test]
fn requests_during_a_session_are_served_by_one_after_it() {
    let (acs, _device, client, url) = known("");
    assert_eq!(status(&request(&url)), 200);
    let mut session = follows(&acs);
    session.ready();
    for _ in 0..5 {
        assert_eq!(status(&request(&url)), 200);
    }
    assert_eq!(session.get_value("Device.RootDataModelVersion").unwrap(), "2.19");
    assert_eq!(acs.open_sessions(), 1);
    session.end();
    follows(&acs).end();
    client.wait_for("idle");
    client.settle();
    assert_eq!(acs.informs(), 3);
}

/// C219: a connection request whose session fails is over; the retry does not tell it.
#[test]
fn a_connection_request_is_not_tried_again() {
    let (acs, _device, client, url) = known("");
    assert_eq!(status(&request(&url)), 200);
    follows(&acs).fail_with(Reply::status(500));
    client.wait_for("waiting");
    client.advance(Duration::from_secs(10));
    let session = acs.session();
    assert_eq!((session.retry_count(), session.events()), (1, vec![]));
    session.end();
}

/// C181, C183, C112: switched off, the port is closed, the URL is empty, and the ACS is told so; and back again.
#[test]
fn connection_requests_can_be_switched_off() {
    let (acs, mut device, client, url) = known("");
    client.inform().unwrap();
    let mut session = acs.session();
    session.set(&[(ENABLE, ValueType::Boolean, "0")], "").unwrap();
    session.end();
    let session = acs.session();
    assert_eq!((session.events(), session.parameter(URL)), (vec!["4 VALUE CHANGE"], Some("")));
    session.end();
    request(&url).send().expect_err("the port is closed");
    device.restart();
    device.client().settle();
    request(&url).send().expect_err("the port is closed");
    let client = device.client();
    client.set_value(ENABLE, "true").unwrap();
    let session = acs.session();
    // The path is the same: it is as hard to guess as before.
    assert_eq!((session.events(), session.parameter(URL)), (vec!["4 VALUE CHANGE"], Some(url.as_str())));
    session.end();
    client.wait_for("idle");
    assert_eq!(status(&request(&url)), 200);
    follows(&acs).end();
}

/// C175, C113: what the ACS sets as user and password counts from then on.
#[test]
fn the_credentials_are_those_of_the_settings() {
    let (acs, _device, client, url) = known("");
    client.inform().unwrap();
    let mut session = acs.session();
    let user = ("Device.ManagementServer.ConnectionRequestUsername", ValueType::String, "new \"user\" ü");
    let password =
        ("Device.ManagementServer.ConnectionRequestPassword", ValueType::String, "new: pass, word");
    session.set(&[user, password], "").unwrap();
    session.end();
    client.wait_for("idle");
    assert_eq!(status(&request(&url)), 401);
    assert_eq!(status(&ConnectionRequest::new(&url, user.2, password.2)), 200);
    follows(&acs).end();
    client.wait_for("idle");
    // Without a name nobody can prove who it is.
    client.set_value(user.0, "").unwrap();
    assert_eq!(status(&ConnectionRequest::new(&url, "", password.2)), 403);
}

/// C179: requests that come too fast are refused, without a Retry-After.
#[test]
fn requests_have_a_least_distance() {
    let (acs, _device, client, url) = known("[connection_request]\nminimum_interval = 60\n");
    assert_eq!(status(&request(&url)), 200);
    follows(&acs).end();
    client.wait_for("idle");
    let outcome = request(&url).send().unwrap();
    assert_eq!((outcome.status, outcome.header("Retry-After")), (503, None));
    client.settle();
    assert_eq!(acs.informs(), 2);
    client.advance(Duration::from_secs(61));
    assert_eq!(status(&request(&url)), 200);
    follows(&acs).end();
}

/// C173: the host of an IPv6 address stands in brackets.
#[test]
fn an_ipv6_address_stands_in_brackets() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("there is no IPv6 here");
        return;
    }
    let (acs, _device, _client, url) = known("[connection_request]\nlisten = '::1'\nport = 0\n");
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(status(&request(&url)), 200);
    follows(&acs).end();
}

/// C182: what hostile callers send costs neither the listener nor the agent anything.
#[test]
fn hostile_callers_are_survived() {
    let (acs, device, client, url) = known("");
    let before = memory(device.pid());
    let to = authority(&url);
    let path = &url[url.find(to).unwrap() + to.len()..];
    let long = "x".repeat(1 << 20);
    let bad = [
        "\r\n\r\n".to_owned(),
        "\0\x01\x02\x03".repeat(1000),
        "GET".to_owned(),
        format!("GET {path} HTTP/9.9\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(10_000)),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n\r\nx"),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Digest {}\r\n\r\n", "a=\"b\",".repeat(1000)),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Digest username=\"acs\", nonce=\"\u{0}\", uri=\"{path}\"\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{long}"),
        format!("\x16\x03\x01\x02\x00\x01\x00\x01\x7c{long}"),
    ];
    for _ in 0..3 {
        for text in &bad {
            let mut socket = TcpStream::connect(to).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
            socket.set_write_timeout(Some(Duration::from_secs(15))).unwrap();
            // It may hang up while we talk.
            let _ = socket.write_all(text.as_bytes());
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(!answer.starts_with("HTTP/1.1 200"), "{text:.60}: {answer}");
        }
    }
    // Callers that say nothing, more of them than there are places.
    let silent: Vec<TcpStream> = (0..100).filter_map(|_| TcpStream::connect(to).ok()).collect();
    let answered = eventually("the ACS comes through", || request(&url).send().ok());
    assert_eq!(answered.status, 200);
    follows(&acs).end();
    drop(silent);
    client.settle();
    assert_eq!(acs.informs(), 2);
    let after = memory(device.pid());
    assert!(after < before + 4096, "{before} KiB became {after} KiB");
}

/// The resident memory of a process, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}
