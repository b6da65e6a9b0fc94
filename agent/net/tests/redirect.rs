//! Redirects: followed within a session, and forgotten with it.

mod peer;

use bytes::Bytes;
use cwmp_net::{NetError, UrlError, MAX_IGNORED_BODY, MAX_REDIRECTS};
use peer::{client, credentials, settings, Acs};

const ENVELOPE: Option<Bytes> = Some(Bytes::from_static(b"<soap:Envelope/>"));

/// C25, C24: the same body goes to the other server, with the cookies, and so does the rest of the session; the next
/// session begins where the first one did.
#[tokio::test]
async fn the_rest_of_a_session_goes_where_the_acs_sends_it() {
    let (first, second) = (Acs::start().await, Acs::start().await);
    let client = client(settings());
    for status in ["302 Found", "307 Temporary Redirect"] {
        let mut session = client.open(&first.url("/cwmp"), credentials(), true);
        tokio::join!(
            async {
                assert_eq!(session.post(ENVELOPE).await.unwrap(), "one");
                assert_eq!(session.post(None).await.unwrap(), "two");
            },
            async {
                let mut peer = first.accept().await;
                peer.request().await;
                let location = format!("Location: {}", second.url("/other?x=1"));
                peer.reply(status, &[&location, "Set-Cookie: a=1"], "<html>moved</html>").await;
                let mut other = second.accept().await;
                let request = other.request().await;
                assert_eq!(request.line, "POST /other?x=1 HTTP/1.1");
                assert_eq!(request.header("host"), Some(format!("127.0.0.1:{}", second.port).as_str()));
                assert_eq!((request.header("cookie"), request.header("soapaction")), (Some("a=1"), Some("")));
                assert_eq!(request.body, b"<soap:Envelope/>");
                // One TCP connection at a time.
                peer.closed().await;
                other.ok("one").await;
                let request = other.request().await;
                assert_eq!((request.line.as_str(), request.body.len()), ("POST /other?x=1 HTTP/1.1", 0));
                other.ok("two").await;
            }
        );
    }
}

/// C25: at any point of a session, also at the empty request, also to a path of the same server over the same connection.
#[tokio::test]
async fn a_redirect_to_another_path_keeps_the_connection() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    tokio::join!(
        async {
            assert_eq!(session.post(ENVELOPE).await.unwrap(), "one");
            assert_eq!(session.post(None).await.unwrap(), "");
        },
        async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.ok("one").await;
            peer.request().await;
            peer.reply("307 Temporary Redirect", &["Location: /b"], "").await;
            let request = peer.request().await;
            assert_eq!(
                (request.line.as_str(), request.header("content-length")),
                ("POST /b HTTP/1.1", Some("0"))
            );
            assert_eq!(request.header("content-type"), None);
            peer.ok("").await;
        }
    );
    assert!(acs.is_quiet().await);
}

/// C25: five in a row, and no more; an answer in between starts the count again.
#[tokio::test]
async fn five_redirects_in_a_row_are_followed() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    tokio::join!(
        async {
            session.post(ENVELOPE).await.unwrap();
            session.post(ENVELOPE).await.unwrap();
            let error = session.post(ENVELOPE).await.unwrap_err();
            assert!(matches!(error, NetError::Redirects { limit: MAX_REDIRECTS }), "{error:?}");
        },
        async {
            let mut peer = acs.accept().await;
            for last in [false, false, true] {
                for _ in 0..MAX_REDIRECTS {
                    assert_eq!(peer.request().await.body, b"<soap:Envelope/>");
                    peer.reply("302 Found", &["Location: /cwmp"], "").await;
                }
                peer.request().await;
                if last {
                    peer.reply("302 Found", &["Location: /cwmp"], "").await;
                } else {
                    peer.ok("").await;
                }
            }
        }
    );
    assert!(acs.is_quiet().await);
}

/// C25: a redirect that leads nowhere.
#[tokio::test]
async fn a_redirect_to_no_url_is_an_error_that_shows_it() {
    let acs = Acs::start().await;
    for (location, expected) in [
        ("Location: ftp://a/", UrlError::Scheme),
        ("Location: http://user:password@a/", UrlError::UserInfo),
        ("Location:", UrlError::Scheme),
        ("X: y", UrlError::Scheme),
    ] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.reply("302 Found", &[location], "").await;
        });
        match reply.unwrap_err() {
            NetError::Redirect { why, .. } => assert_eq!(why, expected, "{location}"),
            other => panic!("{location}: {other:?}"),
        }
    }
}

/// The page of a redirect is not worth reading beyond a size; then the connection is given up instead.
#[tokio::test]
async fn a_redirect_with_a_huge_page_is_followed_over_a_new_connection() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        let length = MAX_IGNORED_BODY + 1;
        peer.send(format!("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: {length}\r\n\r\n")).await;
        peer.closed().await;
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.reply("302 Found", &["Location: /c"], &"x".repeat(MAX_IGNORED_BODY)).await;
        assert_eq!(peer.request().await.line, "POST /c HTTP/1.1");
        peer.ok("found").await;
    });
    assert_eq!(reply.unwrap(), "found");
}
