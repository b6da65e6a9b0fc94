//! The HTTP binding: what a session's requests look like, and what it makes of every kind of reply.

mod peer;

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use cwmp_net::{
    Client, ClientSettings, NetError, Url, CLOSE_TIMEOUT, DEFAULT_RESPONSE_TIMEOUT, MAX_HEAD, MAX_HEADERS,
    MAX_RETRY_AFTER, WHOLE_EXCHANGE,
};
use peer::{client, credentials, settings, Acs, Clock};
use tokio::io::AsyncReadExt;

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

/// C18, C20: every form of an empty and of a full answer.
#[tokio::test]
async fn replies_come_in_every_form() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let mut peer = None;
    for (answer, expected) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>", "<a/>"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n<a\r\n2;x=y\r\n/>\r\n0\r\nA: b\r\n\r\n", "<a/>"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length:1\r\n\r\nx", "x"),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "x"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"),
    ] {
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            if peer.is_none() {
                peer = Some(acs.accept().await);
            }
            let stream = peer.as_mut().unwrap();
            stream.request().await;
            stream.send(answer).await;
            if expected == "until the end" {
                peer = None;
            }
        });
        assert_eq!(reply.unwrap(), expected, "{answer}");
        // C21: all of them came over one connection.
        assert!(acs.is_quiet().await);
    }
}

/// C15, C21: requests follow each other on one connection, cookies and all; one at a time.
#[tokio::test]
async fn a_session_keeps_its_connection() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    assert_eq!(session.local_address(), None);
    tokio::join!(
        async {
            for i in 0..3 {
                assert_eq!(session.post(ENVELOPE).await.unwrap(), format!("{i}"));
            }
            assert_eq!(session.local_address(), Some(Ipv4Addr::LOCALHOST.into()));
        },
        async {
            let mut peer = acs.accept().await;
            for i in 0..3 {
                peer.request().await;
                peer.ok(&format!("{i}")).await;
            }
        }
    );
    assert!(acs.is_quiet().await);
}

/// C21: a close after a reply, announced or not, costs a connection and not the session.
#[tokio::test]
async fn a_session_goes_on_over_a_new_connection_when_the_acs_closes_after_a_reply() {
    let acs = Acs::start().await;
    for headers in [&["Set-Cookie: session=1", "Connection: close"][..], &["Set-Cookie: session=1"]] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.reply("200 OK", headers, "one").await;
        });
        assert_eq!(reply.unwrap(), "one");
        let (reply, ()) = tokio::join!(session.post(None), async {
            let mut peer = acs.accept().await;
            assert_eq!(peer.request().await.header("cookie"), Some("session=1"));
            peer.ok("two").await;
        });
        assert_eq!(reply.unwrap(), "two");
    }
}

/// C21: also when the close came the moment before, and nobody has had time to look.
#[tokio::test]
async fn a_close_is_seen_before_the_next_request_is_committed() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, peer) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.ok("one").await;
        peer
    });
    assert_eq!(reply.unwrap(), "one");
    drop(peer);
    let (reply, ()) = tokio::join!(session.post(None), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.ok("two").await;
    });
    assert_eq!(reply.unwrap(), "two");
}

/// C22: whether or not the connection is new, and however much of the reply came: no second try.
#[tokio::test]
async fn a_lost_reply_fails_and_nothing_is_sent_again() {
    let acs = Acs::start().await;
    for part in [
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ] {
        for used in [false, true] {
            let mut session = acs.session();
            tokio::join!(
                async {
                    if used {
                        session.post(ENVELOPE).await.unwrap();
                    }
                    let error = session.post(ENVELOPE).await.unwrap_err();
                    assert!(matches!(error, NetError::Lost { .. }), "{part:?}: {error:?}");
                },
                async {
                    let mut peer = acs.accept().await;
                    if used {
                        peer.request().await;
                        peer.ok("").await;
                    }
                    peer.request().await;
                    peer.send(part).await;
                }
            );
            assert!(acs.is_quiet().await);
        }
    }
}

/// C23: with the session go its connection and its cookies.
#[tokio::test]
async fn the_end_of_a_session_closes_the_connection_and_forgets_the_cookies() {
    let acs = Acs::start().await;
    let client = client(settings());
    for _ in 0..2 {
        let mut session = client.open(&acs.url("/"), credentials(), true);
        let mut peer = tokio::join!(session.post(None), async {
            let mut peer = acs.accept().await;
            assert_eq!(peer.request().await.header("cookie"), None);
            peer.reply("200 OK", &["Set-Cookie: a=b"], "").await;
            peer
        })
        .1;
        tokio::join!(session.close(), peer.closed());
    }
}

/// C23: also when the session is dropped in the middle of an exchange.
#[tokio::test]
async fn a_dropped_post_closes_the_connection() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let mut peer = tokio::select! {
        _ = session.post(ENVELOPE) => unreachable!("nobody answers"),
        peer = async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer
        } => peer,
    };
    peer.closed().await;
    // And the session could go on, though no session does.
    let (reply, ()) = tokio::join!(session.post(None), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.ok("still here").await;
    });
    assert_eq!(reply.unwrap(), "still here");
}

/// C24: every cookie of every answer goes back, in one header.
#[tokio::test]
async fn all_cookies_of_the_session_go_back() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let long = format!("long={}", "x".repeat(512));
    tokio::join!(
        async {
            for _ in 0..3 {
                session.post(ENVELOPE).await.unwrap();
            }
        },
        async {
            let mut peer = acs.accept().await;
            peer.request().await;
            let set = format!("Set-Cookie: {long}; Path=/");
            peer.reply("200 OK", &["Set-Cookie: a=1, b=2", &set, "Set-Cookie: c=\"x y\"; HttpOnly"], "")
                .await;
            let expected = format!("a=1; b=2; {long}; c=\"x y\"");
            assert_eq!(peer.request().await.header("cookie"), Some(expected.as_str()));
            peer.reply("204 No Content", &["Set-Cookie: a=; Max-Age=0", "Set-Cookie: b=3"], "").await;
            let expected = format!("b=3; {long}; c=\"x y\"");
            assert_eq!(peer.request().await.header("cookie"), Some(expected.as_str()));
            peer.ok("").await;
        }
    );
}

/// C19: any other status is an error that says which, and what the ACS said.
#[tokio::test]
async fn any_other_status_ends_the_session_with_what_the_acs_said() {
    let acs = Acs::start().await;
    for status in [201, 301, 303, 308, 400, 403, 404, 407, 415, 500, 503] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.reply(&format!("{status} Whatever"), &["Location: /other"], "Bad\r\n\u{7}session   state")
                .await;
        });
        match reply.unwrap_err() {
            NetError::Status { status: got, excerpt, retry_after } => {
                assert_eq!((got, excerpt.as_str(), retry_after), (status, "Bad session state", None));
            }
            other => panic!("{status}: {other:?}"),
        }
        assert!(acs.is_quiet().await);
    }
}

/// C19: Retry-After is handed on, as seconds and as a date, and a server cannot keep us away for ever.
#[tokio::test]
async fn retry_after_is_part_of_the_error() {
    let acs = Acs::start().await;
    let seconds = |n| Some(Duration::from_secs(n));
    for (header, expected) in [
        ("Retry-After: 60", seconds(60)),
        ("Retry-after:  0 ", seconds(0)),
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:51:07 GMT", seconds(90)),
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:00:00 GMT", seconds(0)),
        ("Retry-After: 99999999999999999999999", Some(MAX_RETRY_AFTER)),
        ("Retry-After: -1", None),
        ("Retry-After: soon", None),
        ("X: y", None),
    ] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.reply("503 Service Unavailable", &[header], "").await;
        });
        match reply.unwrap_err() {
            NetError::Status { status: 503, retry_after, .. } => {
                assert_eq!(retry_after, expected, "{header}");
            }
            other => panic!("{header}: {other:?}"),
        }
    }
}

/// An error page of any size ends the session, not the memory.
#[tokio::test]
async fn an_endless_error_page_is_cut() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.send("HTTP/1.1 500 Oops\r\n\r\n").await;
        while peer.try_send("<html>".repeat(1000)).await {}
    });
    assert!(matches!(reply, Err(NetError::Status { status: 500, .. })), "{reply:?}");
}

/// C26: nothing compressed was asked for.
#[tokio::test]
async fn a_compressed_reply_is_refused_by_name() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        peer.reply("200 OK", &["Content-Encoding: GZIP"], "\u{1f}...").await;
    });
    assert!(reply.unwrap_err().to_string().contains("gzip"));
}

/// The largest message is accepted, one byte more is not: by its announced length at once, in chunks as soon as they are
/// too many.
#[tokio::test]
async fn a_message_has_a_largest_size() {
    const LIMIT: usize = 100_000;
    let acs = Acs::start().await;
    let client = client(ClientSettings { max_message: LIMIT, ..settings() });
    let full = "x".repeat(LIMIT);
    let chunked = |text: &str| format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n", text.len());
    for (rest, fits) in [
        (format!("Content-Length: {LIMIT}\r\n\r\n{full}"), true),
        (format!("Content-Length: {}\r\n\r\n", LIMIT + 1), false),
        ("Content-Length: 9000000000000000000\r\n\r\n".to_owned(), false),
        (chunked(&full) + "0\r\n\r\n", true),
        (chunked(&full) + "1\r\nx", false),
        (format!("\r\n{full}x"), false),
    ] {
        let mut session = client.open(&acs.url("/"), credentials(), true);
        let (reply, mut peer) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.try_send(format!("HTTP/1.1 200 OK\r\n{rest}")).await;
            peer
        });
        match reply {
            Ok(body) => assert!(fits && body.len() == LIMIT),
            Err(NetError::TooLarge { limit: LIMIT }) => assert!(!fits),
            Err(other) => panic!("{other:?}"),
        }
        if !fits {
            // The connection is gone, there is nothing that could be read of it.
            peer.closed().await;
        }
    }
}

/// Header limits.
#[tokio::test]
async fn a_header_has_a_largest_size() {
    let acs = Acs::start().await;
    for (headers, fits) in [
        ("A: b\r\n".repeat(MAX_HEADERS - 1), true),
        ("A: b\r\n".repeat(MAX_HEADERS), false),
        (format!("A: {}\r\n", "x".repeat(MAX_HEAD - 200)), true),
        (format!("A: {}\r\n", "x".repeat(MAX_HEAD)), false),
        (format!("A: {}\r\n", "x".repeat(10 * MAX_HEAD)), false),
    ] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.try_send(format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n")).await;
        });
        match reply {
            Ok(_) => assert!(fits),
            Err(NetError::Malformed { .. }) => assert!(!fits, "{} bytes", headers.len()),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// C19: an answer that is no HTTP.
#[tokio::test]
async fn garbage_is_an_error() {
    let acs = Acs::start().await;
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "SSH-2.0-dropbear\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ] {
        let mut session = acs.session();
        let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            peer.send(garbage).await;
        });
        assert!(matches!(reply, Err(NetError::Malformed { .. })), "{garbage:?}: {reply:?}");
    }
}

/// More than fits in the buffers of a connection.
const HUGE: usize = 24 << 20;

/// C21, C22: an ACS may answer before it has read everything; the next request waits until the rest has left.
#[tokio::test]
async fn an_early_answer_does_not_cut_the_request() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    tokio::join!(
        async {
            assert_eq!(session.post(Some(vec![b'x'; HUGE].into())).await.unwrap(), "early");
            assert_eq!(session.post(None).await.unwrap(), "late");
        },
        async {
            let mut peer = acs.accept().await;
            peer.stream.readable().await.unwrap();
            peer.ok("early").await;
            assert_eq!(peer.request().await.body.len(), HUGE);
            assert_eq!(peer.request().await.body, b"");
            peer.ok("late").await;
        }
    );
    assert!(acs.is_quiet().await);
}

/// C23: a session ends in time, also when the ACS does not take what is still on its way.
#[tokio::test]
async fn a_goodbye_does_not_take_long() {
    let acs = Acs::start().await;
    let mut session = acs.session();
    let (reply, _peer) = tokio::join!(session.post(Some(vec![b'x'; HUGE].into())), async {
        let mut peer = acs.accept().await;
        peer.stream.readable().await.unwrap();
        peer.ok("early").await;
        peer
    });
    reply.unwrap();
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    session.close().await;
    assert!(start.elapsed() >= CLOSE_TIMEOUT && start.elapsed() < 2 * CLOSE_TIMEOUT, "{:?}", start.elapsed());
}

fn patient() -> ClientSettings {
    let default = ClientSettings::default();
    assert!(default.response_timeout >= Duration::from_secs(30));
    default
}

/// C22: at least 30 s, and then the session has failed.
#[tokio::test]
async fn an_answer_may_take_thirty_seconds_and_no_longer() {
    let acs = Acs::start().await;
    for (wait, works) in [(Duration::from_millis(29_900), true), (Duration::from_millis(30_100), false)] {
        let mut session = client(patient()).open(&acs.url("/"), credentials(), true);
        let (reply, _peer) = tokio::join!(session.post(ENVELOPE), async {
            let mut peer = acs.accept().await;
            peer.request().await;
            let clock = Clock::stop();
            clock.advance(wait).await;
            peer.try_send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await;
            (peer, clock)
        });
        match reply {
            Ok(_) => assert!(works),
            Err(NetError::Timeout { waited }) => assert!(!works && waited == DEFAULT_RESPONSE_TIMEOUT),
            Err(other) => panic!("{other:?}"),
        }
        assert!(acs.is_quiet().await);
    }
}

/// How long, on the tokio clock, a session bears an answer that comes in drops.
async fn dripping(start: &str, drop: &str, interval: Duration) -> Duration {
    let acs = Acs::start().await;
    let mut session = client(patient()).open(&acs.url("/"), credentials(), true);
    let (reply, stayed) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        let clock = Clock::stop();
        peer.send(start).await;
        while peer.try_send(drop).await {
            clock.advance(interval).await;
        }
        clock.elapsed()
    });
    assert!(matches!(reply, Err(NetError::Timeout { .. })), "{reply:?}");
    stayed
}

/// C22: a server that sends drops for ever does not hold a session for ever.
#[tokio::test]
async fn an_answer_that_drips_for_ever_fails() {
    let interval = Duration::from_secs(20);
    // A header must be there in time, however its bytes come.
    let stayed = dripping("HTTP/1.1 200 OK\r\n", "A: b\r\n", Duration::from_secs(2)).await;
    assert!(stayed <= DEFAULT_RESPONSE_TIMEOUT + Duration::from_secs(10), "{stayed:?}");
    // A body has longer, as long as it moves.
    let stayed = dripping("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "x", interval).await;
    let whole = DEFAULT_RESPONSE_TIMEOUT * WHOLE_EXCHANGE;
    assert!(stayed > whole / 2 && stayed <= whole + 4 * interval, "{stayed:?}");
}

/// C22: a body that stands still has no longer than a header.
#[tokio::test]
async fn an_answer_that_stands_still_fails() {
    let acs = Acs::start().await;
    let mut session = client(patient()).open(&acs.url("/"), credentials(), true);
    let (reply, ()) = tokio::join!(session.post(ENVELOPE), async {
        let mut peer = acs.accept().await;
        peer.request().await;
        let clock = Clock::stop();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx").await;
        clock.advance(DEFAULT_RESPONSE_TIMEOUT * 9 / 10).await;
        let read = peer.stream.try_read(&mut [0; 1]);
        assert!(matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
        clock.advance(DEFAULT_RESPONSE_TIMEOUT / 5).await;
        peer.closed().await;
    });
    assert!(matches!(reply, Err(NetError::Timeout { .. })), "{reply:?}");
}

/// C22: the wait begins when the request is out: a slow line with a large envelope is no silence of the ACS.
#[tokio::test]
async fn a_slow_upload_is_no_silence() {
    let acs = Acs::start().await;
    let mut session = client(patient()).open(&acs.url("/"), credentials(), true);
    let size = 2 * HUGE;
    let (reply, (took, _peer)) = tokio::join!(session.post(Some(vec![b'x'; size].into())), async {
        let mut peer = acs.accept().await;
        let clock = Clock::stop();
        let mut left = size;
        let mut piece = vec![0; 2 << 20];
        // The head comes with the first piece; a few bytes more or less do not matter here.
        while left > piece.len() {
            clock.advance(Duration::from_secs(2)).await;
            left -= peer.stream.read_exact(&mut piece).await.unwrap();
        }
        peer.ok("thanks").await;
        // What is unread must not be answered with a reset, which would overtake the reply.
        (clock.elapsed(), peer)
    });
    assert_eq!(reply.unwrap(), "thanks");
    assert!(took > DEFAULT_RESPONSE_TIMEOUT, "{took:?}");
}

/// C49: one address after the other.
#[tokio::test]
async fn a_host_that_refuses_or_does_not_exist_is_an_error_with_its_name() {
    let acs = Acs::start().await;
    let url = acs.url("/");
    drop(acs);
    let error = client(settings()).open(&url, credentials(), true).post(None).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    let url = Url::parse("http://no.such.host.invalid/").unwrap();
    let error = client(settings()).open(&url, credentials(), true).post(None).await.unwrap_err();
    assert!(matches!(&error, NetError::Resolve { host, .. } if host == "no.such.host.invalid"), "{error:?}");
}

/// C49: a name instead of an address; on most machines it has an IPv6 address, too, where nobody listens.
#[tokio::test]
async fn a_host_is_resolved() {
    let acs = Acs::start().await;
    let client = client(settings());
    let url = Url::parse(&format!("http://localhost:{}/", acs.port)).unwrap();
    for _ in 0..8 {
        let mut session = client.open(&url, credentials(), true);
        let (reply, ()) = tokio::join!(session.post(None), async {
            let mut peer = acs.accept().await;
            let host = format!("localhost:{}", acs.port);
            assert_eq!(peer.request().await.header("host"), Some(host.as_str()));
            peer.ok("").await;
        });
        reply.unwrap();
    }
}

#[test]
fn a_user_agent_that_is_no_header_is_refused() {
    let settings = ClientSettings { user_agent: "a\r\nb".to_owned(), ..settings() };
    assert!(matches!(Client::new(settings), Err(NetError::Setting { setting: "user_agent", .. })));
}
