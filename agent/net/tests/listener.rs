//! The port for connection requests, from the caller's side.

mod peer;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use cwmp_net::{
    challenge, random_path, Credentials, Gatekeeper, Listener, CALL_TIMEOUT, HEAD_TIMEOUT, MAX_CALLS,
    MAX_CALL_BODY, MAX_CALL_HEAD, MAX_CALL_HEADERS, MAX_REQUESTS,
};
use peer::{within, Clock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The daemon's part: what it allows, and how often it was asked.
struct Gate {
    credentials: RefCell<Option<Credentials>>,
    open: Cell<bool>,
    asked: Cell<u32>,
    admitted: Notify,
}

impl Gate {
    /// Admits everybody who knows the password.
    fn new() -> Rc<Self> {
        Rc::new(Self {
            credentials: RefCell::new(Some(acs())),
            open: Cell::new(true),
            asked: Cell::new(0),
            admitted: Notify::new(),
        })
    }
}

impl Gatekeeper for Gate {
    fn credentials(&self) -> Option<Credentials> {
        self.credentials.borrow().clone()
    }

    fn admit(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.admitted.notify_one();
        self.open.get()
    }

    fn document(&self, name: &str) -> Option<Bytes> {
        (name == "model.xml").then(|| Bytes::from_static(b"<document/>"))
    }
}

struct Device {
    gate: Rc<Gate>,
    port: u16,
    path: String,
}

fn acs() -> Credentials {
    Credentials { username: "acs".to_owned(), password: "knock".to_owned() }
}

/// Runs a test beside a listener.
async fn with_listener<F: Future<Output = ()>>(test: impl FnOnce(Rc<Device>) -> F) {
    let path = random_path();
    let listener = Listener::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, path.clone()).await.unwrap();
    let gate = Gate::new();
    let device = Rc::new(Device { gate: Rc::clone(&gate), port: listener.port(), path });
    tokio::select! {
        () = listener.serve(gate) => unreachable!("it serves for ever"),
        () = test(device) => {}
    }
}

impl Device {
    async fn call(&self) -> Caller {
        Caller { stream: TcpStream::connect(("127.0.0.1", self.port)).await.unwrap(), read: Vec::new() }
    }
}

struct Caller {
    stream: TcpStream,
    read: Vec<u8>,
}

struct Answer {
    status: u16,
    head: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Caller {
    async fn send(&mut self, text: &str) {
        within(self.stream.write_all(text.as_bytes())).await.unwrap();
    }

    /// The next answer; its body must be empty.
    async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                within(self.stream.read_buf(&mut self.read)).await.unwrap() > 0,
                "closed without an answer"
            );
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        let answer = Answer { status, head };
        assert_eq!(answer.header("content-length"), Some("0"), "{}", answer.head);
        answer
    }

    async fn get(&mut self, target: &str, headers: &str) -> Answer {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: box\r\n{headers}\r\n")).await;
        self.answer().await
    }

    /// Asks, and asks again with the answer to the challenge.
    async fn knock(&mut self, path: &str, who: &Credentials, qop: bool) -> Answer {
        let first = self.get(path, "").await;
        assert_eq!(first.status, 401);
        let authorization = authorize(&first, path, who, qop);
        self.get(path, &authorization).await
    }

    /// Whether nothing has come, not even a goodbye.
    fn is_still_connected(&self) -> bool {
        let read = self.stream.try_read(&mut [0; 1]);
        matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Waits until the device hangs up; what it said before does not matter.
    async fn hung_up(&mut self) {
        while within(self.stream.read_buf(&mut self.read)).await.unwrap_or(0) > 0 {}
    }
}

fn md5(parts: &[&str]) -> String {
    use md5::Digest;
    md5::Md5::digest(parts.join(":")).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn authorize(challenged: &Answer, uri: &str, who: &Credentials, qop: bool) -> String {
    let challenge = challenge::parse(challenged.header("www-authenticate").unwrap()).remove(0);
    let (realm, nonce) = (challenge.get("realm").unwrap(), challenge.get("nonce").unwrap());
    let secret = md5(&[&who.username, realm, &who.password]);
    let request = md5(&["GET", uri]);
    let proof = if qop {
        let response = md5(&[&secret, nonce, "00000001", "xyz", "auth", &request]);
        format!(r#"response="{response}", qop=auth, nc=00000001, cnonce="xyz""#)
    } else {
        format!(r#"response="{}""#, md5(&[&secret, nonce, &request]))
    };
    let username = &who.username;
    format!(
        "Authorization: Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", {proof}\r\n"
    )
}

/// A document lies below the path that nobody can guess, and nowhere else; asking for it is no connection request.
#[tokio::test]
async fn a_document_is_there_for_whoever_knows_the_path() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        let path = &device.path;
        for wrong in ["/model.xml".to_owned(), format!("{path}/other.xml"), format!("{path}x/model.xml")] {
            assert_eq!(caller.get(&wrong, "").await.status, 404, "{wrong}");
        }
        caller
            .send(&format!("GET {path}/model.xml HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"))
            .await;
        caller.hung_up().await;
        let answer = String::from_utf8(caller.read).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n<document/>"), "{answer}");
        assert!(answer.contains("content-type: text/xml"), "{answer}");
        assert_eq!(device.gate.asked.get(), 0);
    })
    .await;
}

/// C173, C175, C176, C180: the challenge is answered on the same connection, and 200 has an empty body.
#[tokio::test]
async fn a_caller_who_knows_the_password_is_admitted_on_the_same_connection() {
    with_listener(|device| async move {
        for qop in [true, false] {
            let mut caller = device.call().await;
            let answer = caller.knock(&device.path, &acs(), qop).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("connection"), None);
        }
        assert_eq!(device.gate.asked.get(), 2);
    })
    .await;
}

/// C180: the second try may come on another connection.
#[tokio::test]
async fn the_challenge_may_be_answered_on_another_connection() {
    with_listener(|device| async move {
        let first = device.call().await.get(&device.path, "Connection: close\r\n").await;
        let authorization = authorize(&first, &device.path, &acs(), true);
        assert_eq!(device.call().await.get(&device.path, &authorization).await.status, 200);
    })
    .await;
}

/// C173: a listener on an IPv6 address.
#[tokio::test]
async fn it_listens_on_ipv6() {
    let listener = match Listener::bind(IpAddr::V6(Ipv6Addr::LOCALHOST), 0, "/x".to_owned()).await {
        Ok(listener) => listener,
        // A machine without IPv6.
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let port = listener.port();
    let gate = Gate::new();
    gate.credentials.replace(None);
    tokio::select! {
        () = listener.serve(gate) => unreachable!("it serves for ever"),
        () = async {
            let stream = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
            assert_eq!(Caller { stream, read: Vec::new() }.get("/x", "").await.status, 403);
        } => {}
    }
}

/// C176: no session for bad or missing credentials.
#[tokio::test]
async fn a_stranger_is_challenged_and_nothing_happens() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        let wrong = Credentials { password: "knock knock".to_owned(), ..acs() };
        let answer = caller.knock(&device.path, &wrong, true).await;
        assert_eq!(answer.status, 401);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Digest "));
        let answer = caller.get(&device.path, "Authorization: Basic YWNzOmtub2Nr\r\n").await;
        assert_eq!(answer.status, 401);
        assert_eq!(device.gate.asked.get(), 0);
    })
    .await;
}

/// C182: what was overheard is worth nothing; the owner of the password is told to try again.
#[tokio::test]
async fn a_repeated_request_gets_a_new_challenge() {
    with_listener(|device| async move {
        let first = device.call().await.get(&device.path, "").await;
        let authorization = authorize(&first, &device.path, &acs(), true);
        assert_eq!(device.call().await.get(&device.path, &authorization).await.status, 200);
        let again = device.call().await.get(&device.path, &authorization).await;
        assert_eq!(again.status, 401);
        assert!(again.header("www-authenticate").unwrap().contains("stale=true"));
        assert_eq!(device.gate.asked.get(), 1);
    })
    .await;
}

/// C174: body and query mean nothing.
#[tokio::test]
async fn body_and_query_are_ignored() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        let target = format!("{}?command=reboot", device.path);
        let body = "x".repeat(MAX_CALL_BODY);
        let first = caller.get(&target, "").await;
        let authorization = authorize(&first, &target, &acs(), true);
        let answer = caller
            .get(&target, &format!("{authorization}Content-Length: {MAX_CALL_BODY}\r\n\r\n{body}"))
            .await;
        assert_eq!(answer.status, 200);
        caller.read.clear();
        let mut caller = device.call().await;
        let answer = caller.get(&device.path, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n").await;
        assert_eq!(answer.status, 401);
        assert_eq!(caller.get(&device.path, "").await.status, 401);
    })
    .await;
}

/// C182: a large body is not read, whatever length it announces, and costs the caller the connection.
#[tokio::test]
async fn a_caller_with_a_large_body_is_hung_up_on() {
    with_listener(|device| async move {
        for framing in [
            "Content-Length: 9000000000000000000\r\n".to_owned(),
            format!("Content-Length: {}\r\n", MAX_CALL_BODY + 1),
            format!(
                "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n",
                MAX_CALL_BODY + 1,
                "x".repeat(MAX_CALL_BODY + 1)
            ),
        ] {
            let mut caller = device.call().await;
            let start = std::time::Instant::now();
            let answer = caller.get(&device.path, &framing).await;
            // Without waiting for what is not going to be read.
            assert!(start.elapsed() < HEAD_TIMEOUT);
            assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
            caller.hung_up().await;
        }
    })
    .await;
}

/// C176: other methods; C173: other paths.
#[tokio::test]
async fn only_get_and_only_the_path_are_served() {
    with_listener(|device| async move {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let mut caller = device.call().await;
            caller.send(&format!("{method} {} HTTP/1.1\r\nHost: x\r\n\r\n", device.path)).await;
            let answer = caller.answer().await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{method}");
        }
        for path in ["/".to_owned(), format!("{}/", device.path), device.path[..20].to_owned()] {
            assert_eq!(device.call().await.get(&path, "").await.status, 404, "{path}");
        }
        assert_eq!(device.gate.asked.get(), 0);
    })
    .await;
}

/// C181: without credentials, as when CWMP is disabled, everybody is refused.
#[tokio::test]
async fn nobody_is_challenged_while_there_are_no_credentials() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        let first = caller.get(&device.path, "").await;
        let authorization = authorize(&first, &device.path, &acs(), true);
        device.gate.credentials.replace(None);
        let answer = caller.get(&device.path, &authorization).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (403, None));
        assert_eq!(device.gate.asked.get(), 0);
    })
    .await;
}

/// C178, C179: not now, and no Retry-After.
#[tokio::test]
async fn a_caller_who_is_not_admitted_gets_503_without_retry_after() {
    with_listener(|device| async move {
        device.gate.open.set(false);
        let answer = device.call().await.knock(&device.path, &acs(), true).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, None));
        assert_eq!(device.gate.asked.get(), 1);
    })
    .await;
}

/// C176: the answer is on its way before anything that the admission wakes has its turn.
#[tokio::test]
async fn the_answer_leaves_before_a_session_can_begin() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        let first = caller.get(&device.path, "").await;
        let authorization = authorize(&first, &device.path, &acs(), true);
        caller.send(&format!("GET {} HTTP/1.1\r\n{authorization}\r\n", device.path)).await;
        within(device.gate.admitted.notified()).await;
        // This is what the daemon would run now; the caller has its answer already.
        let mut start = [0; 12];
        let read = std::io::Read::read(&mut into_blocking(caller.stream), &mut start).unwrap();
        assert_eq!(&start[..read], b"HTTP/1.1 200");
    })
    .await;
}

/// The socket for reads that do not let anybody else run.
fn into_blocking(stream: TcpStream) -> std::net::TcpStream {
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

/// C181: a closed port.
#[tokio::test]
async fn dropping_the_listener_closes_the_port() {
    // An address of its own, so that no other test takes the port meanwhile.
    let address = Ipv4Addr::new(127, 0, 0, 77);
    let listener = Listener::bind(IpAddr::V4(address), 0, "/x".to_owned()).await.unwrap();
    let port = listener.port();
    let mut caller = tokio::select! {
        () = listener.serve(Gate::new()) => unreachable!("it serves for ever"),
        caller = async {
            let stream = TcpStream::connect((address, port)).await.unwrap();
            let mut caller = Caller { stream, read: Vec::new() };
            assert_eq!(caller.get("/x", "").await.status, 401);
            caller
        } => caller,
    };
    caller.hung_up().await;
    assert!(TcpStream::connect((address, port)).await.is_err());
}

/// C182: garbage of every kind costs one connection, and the next caller is served.
#[tokio::test]
async fn garbage_is_survived() {
    with_listener(|device| async move {
        for garbage in [
            "\r\n\r\n\r\n\r\n".to_owned(),
            "\0\u{1}\u{2}\u{3}\r\n\r\n".to_owned(),
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0 a TLS hello".to_owned(),
            "GET\r\n\r\n".to_owned(),
            "GET / HTTP/9.9\r\n\r\n".to_owned(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
            format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_CALL_HEAD)),
            format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(MAX_CALL_HEAD)),
            format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MAX_CALL_HEADERS + 1)),
        ] {
            let mut caller = device.call().await;
            caller.send(&garbage).await;
            // What does not end would be waited for, and HTTP/2 gets no answer that it could read.
            let whole =
                garbage.contains("\r\n\r\n") && !garbage.trim().is_empty() && !garbage.starts_with("PRI ");
            if !whole {
                caller.stream.shutdown().await.unwrap();
            }
            caller.hung_up().await;
            let answer = String::from_utf8_lossy(&caller.read).into_owned();
            // Refused as what it is, and not looked up as a path.
            let refused = answer.starts_with("HTTP/1.1 4") && !answer.starts_with("HTTP/1.1 404");
            assert!(refused || (answer.is_empty() && !whole), "{garbage:?}: {answer}");
        }
        let mut caller = device.call().await;
        assert_eq!(caller.get(&device.path, &"A: b\r\n".repeat(MAX_CALL_HEADERS - 1)).await.status, 401);
        assert_eq!(caller.knock(&device.path, &acs(), true).await.status, 200);
    })
    .await;
}

/// C182: no more callers than there is room for; a new one takes the place of the oldest, so that callers who say
/// nothing cannot keep the ACS out.
#[tokio::test]
async fn callers_who_say_nothing_cannot_keep_the_acs_out() {
    with_listener(|device| async move {
        let mut oldest = device.call().await;
        let mut others = Vec::new();
        for _ in 1..MAX_CALLS {
            let mut caller = device.call().await;
            // Answered, so that it has certainly been taken in.
            assert_eq!(caller.get("/", "").await.status, 404);
            others.push(caller);
        }
        assert_eq!(oldest.get("/", "").await.status, 404);
        assert_eq!(device.call().await.knock(&device.path, &acs(), true).await.status, 200);
        oldest.hung_up().await;
        // Only the oldest had to go.
        assert_eq!(others[0].get("/", "").await.status, 404);
    })
    .await;
}

/// C180, C182: a caller who does nothing, or sends its header drop by drop, is hung up on.
#[tokio::test]
async fn an_idle_or_slow_caller_is_hung_up_on() {
    for already in ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        with_listener(|device| async move {
            let mut caller = device.call().await;
            caller.send(already).await;
            if already.ends_with("\r\n\r\n") {
                assert_eq!(caller.answer().await.status, 404);
            } else {
                // Somebody else's answer shows that the first caller has been taken in.
                device.call().await.get("/", "").await;
            }
            let clock = Clock::stop();
            while clock.elapsed() < HEAD_TIMEOUT * 3 / 4 {
                clock.advance(Duration::from_millis(500)).await;
                if already == "GET / HTTP/1.1\r\n" {
                    caller.send("X").await;
                }
            }
            assert!(caller.is_still_connected(), "{already:?}");
            clock.advance(HEAD_TIMEOUT / 2).await;
            caller.hung_up().await;
        })
        .await;
    }
}

/// C182: however busy a caller is, it cannot stay for ever.
#[tokio::test]
async fn a_caller_cannot_stay_longer_than_the_limit() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        assert_eq!(caller.get("/", "").await.status, 404);
        let clock = Clock::stop();
        while clock.elapsed() + HEAD_TIMEOUT < CALL_TIMEOUT {
            clock.advance(HEAD_TIMEOUT * 9 / 10).await;
            assert_eq!(caller.get("/", "").await.status, 404);
        }
        assert!(caller.is_still_connected());
        clock.advance(CALL_TIMEOUT.saturating_sub(clock.elapsed()) + Duration::from_millis(100)).await;
        caller.hung_up().await;
    })
    .await;
}

/// C182: guessing passwords takes a new connection every few tries.
#[tokio::test]
async fn a_connection_has_a_last_request() {
    with_listener(|device| async move {
        let mut caller = device.call().await;
        for i in 1..=MAX_REQUESTS {
            let answer = caller.get(&device.path, "").await;
            let close = (i == MAX_REQUESTS).then_some("close");
            assert_eq!((answer.status, answer.header("connection")), (401, close));
        }
        caller.hung_up().await;
    })
    .await;
}
