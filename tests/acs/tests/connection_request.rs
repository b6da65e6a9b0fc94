//! The ACS as a client.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use cwmp_acs::{ConnectionRequest, CredentialForm};

/// Answers requests with these replies, each on the same connection unless it says close; gives back what was asked.
fn device(replies: Vec<&'static str>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/cr?x=1", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        let mut stream = None;
        for reply in replies {
            let mut text = String::new();
            while !text.contains("\r\n\r\n") {
                let socket = stream.get_or_insert_with(|| listener.accept().unwrap().0);
                let mut piece = [0; 1000];
                match socket.read(&mut piece).unwrap() {
                    // The client is done with this connection.
                    0 => stream = None,
                    n => text.push_str(std::str::from_utf8(&piece[..n]).unwrap()),
                }
            }
            asked.push(text);
            let socket = stream.as_mut().unwrap();
            socket.write_all(reply.as_bytes()).unwrap();
            if reply.contains("close") {
                stream = None;
            }
        }
        asked
    });
    (url, thread)
}

const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\n\
    WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\nContent-Length: 0\r\n\r\n";
const OLD_CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\n\
    WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const YES: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_challenge_is_answered_on_the_same_connection() {
    let (url, device) = device(vec![CHALLENGE, YES]);
    let outcome = ConnectionRequest::new(&url, "user", "secret").send().unwrap();
    assert_eq!((outcome.status, outcome.reconnected), (200, false));
    let asked = device.join().unwrap();
    assert!(asked[0].starts_with("GET /cr?x=1 HTTP/1.1\r\n") && !asked[0].contains("Authorization"));
    for part in ["username=\"user\"", "uri=\"/cr?x=1\"", "qop=auth", "nc=00000001", "algorithm=MD5"] {
        assert!(asked[1].contains(part), "{part}: {}", asked[1]);
    }
}

#[test]
fn a_challenge_without_qop_is_answered_in_the_old_form_and_where_the_device_closed_over_another_connection() {
    let (url, device) = device(vec![OLD_CHALLENGE, YES]);
    let outcome = ConnectionRequest::new(&url, "user", "secret").send().unwrap();
    assert_eq!((outcome.status, outcome.reconnected), (200, true));
    let asked = device.join().unwrap();
    assert!(!asked[1].contains("qop") && !asked[1].contains("cnonce"), "{}", asked[1]);
    // As md5sum computes it from user:r:secret, n and GET:/cr?x=1.
    assert!(asked[1].contains("response=\"f9a81c5acda7b92d9a8f036a9c0df2a4\""), "{}", asked[1]);
}

#[test]
fn other_answers_to_a_challenge_can_be_tried() {
    let (url, device) = device(vec![CHALLENGE, YES, CHALLENGE, CHALLENGE, CHALLENGE, YES, YES]);
    let mut request = ConnectionRequest::new(&url, "user", "secret");
    request.answer = CredentialForm::DigestWithoutQop;
    assert_eq!(request.send().unwrap().status, 200);
    request.answer = CredentialForm::Basic;
    assert_eq!(request.send().unwrap().status, 401);
    request.answer = CredentialForm::Nothing;
    let outcome = request.send().unwrap();
    assert_eq!((outcome.status, outcome.authorization), (401, None));
    request.method = "PUT".to_owned();
    request.body = "ignored".to_owned();
    assert_eq!(request.send().unwrap().status, 200);
    request.send_with("Digest of-another-time").unwrap();
    let asked = device.join().unwrap();
    assert!(!asked[1].contains("qop"), "{}", asked[1]);
    assert!(asked[3].contains("Authorization: Basic dXNlcjpzZWNyZXQ="), "{}", asked[3]);
    assert!(asked[5].starts_with("PUT ") && asked[5].ends_with("\r\n\r\nignored"), "{}", asked[5]);
    assert!(asked[6].contains("Authorization: Digest of-another-time"), "{}", asked[6]);
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert!(ConnectionRequest::new(&url, "a", "b").send().is_err());
    assert!(ConnectionRequest::new("https://a/", "a", "b").send().is_err());
}
