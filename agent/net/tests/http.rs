//! The HTTP binding: what a session's requests look like, and what it makes of every kind of reply.

mod peer;

use bytes::Bytes;
use cwmp_net::ClientSettings;
use peer::{client, credentials, settings, Acs};

const ENVELOPE: Option<Bytes> = Some(Bytes::from_static(b"<soap:Envelope/>"));

/// C15, C16, C20: POST over HTTP/1.1 with Content-Length, a text/xml body and an empty SOAPAction.
#[tokio::test]
async fn an_envelope_is_posted_with_its_length_and_an_empty_soap_action() {
    let acs = Acs::start().await;
    let mut session = client(ClientSettings { user_agent: "box/1".to_owned(), ..settings() }).open(
        &acs.url("/cwmp?id=7"),
        credentials(),
        true,
    );
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        let request = peer.request().await;
        assert_eq!(request.line, "POST /cwmp?id=7 HTTP/1.1");
        assert_eq!(request.header("host"), Some(format!("127.0.0.1:{}", acs.port).as_str()));
        assert_eq!(request.header("user-agent"), Some("box/1"));
        assert_eq!(request.header("content-type"), Some("text/xml; charset=utf-8"));
        assert_eq!(request.header("soapaction"), Some(""));
        assert_eq!(request.header("content-length"), Some("16"));
        for absent in ["transfer-encoding", "expect", "authorization", "cookie", "accept-encoding"] {
            assert_eq!(request.header(absent), None);
        }
        assert_eq!(request.body, b"<soap:Envelope/>");
        peer.ok("<reply/>").await;
    });
    assert_eq!(reply.unwrap(), "<reply/>");
}

/// C17: the empty POST has `Content-Length: 0`, no SOAPAction and no Content-Type.
#[tokio::test]
async fn the_empty_post_says_that_it_is_empty_and_nothing_about_content() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(None), async {
        let mut peer = acs.accept().await;
        let request = peer.request().await;
        assert_eq!(request.header("content-length"), Some("0"));
        for absent in ["content-type", "soapaction", "transfer-encoding", "expect"] {
            assert_eq!(request.header(absent), None);
        }
        peer.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    assert_eq!(reply.unwrap(), "");
}
