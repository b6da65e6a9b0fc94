//! An ACS that sends what it should not costs one session, and nothing else.

use std::time::Duration;

use cwmp_acs::{Acs, Options, Reply, Request, Session};
use cwmp_e2e::{Client, Device};

/// A good envelope, to be spoilt.
fn good(session: &mut Session) -> String {
    session.envelope(&Request::GetRpcMethods)
}

/// What an ACS, or what stands in its place, may answer to anything. Each must cost exactly the session.
fn bad(session: &mut Session) -> Vec<(&'static str, Reply)> {
    let good = good(session);
    let declared = |doctype: &str, text: &str| {
        let declaration = good.find("?>").map_or(0, |at| at + 2);
        let (head, body) = good.split_at(declaration);
        Reply::envelope(format!(
            "{head}{doctype}{}",
            body.replace("<cwmp:GetRPCMethods", &format!("{text}<cwmp:GetRPCMethods"))
        ))
    };
    let laughs: String = (1..10).fold("<!ENTITY l0 \"lol\">".to_owned(), |all, n| {
        let many = format!("&l{};", n - 1).repeat(10);
        format!("{all}<!ENTITY l{n} \"{many}\">")
    });
    vec![
        ("no HTTP", Reply::raw("garbage")),
        ("a TLS alert", Reply::raw(&b"\x15\x03\x01\x00\x02\x02\x28"[..])),
        ("zeros", Reply::raw(vec![0; 100_000])),
        ("HTTP without an end", Reply::raw("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n".repeat(2))),
        ("another length", Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nx")),
        ("a length that is a lie", Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<x/>")),
        (
            "chunks that are a lie",
            Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n<x/>"),
        ),
        ("many headers", Reply::raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(5000)))),
        ("a long header", Reply::status(200).header("X", "x".repeat(1 << 20))),
        ("no XML", Reply::envelope("garbage")),
        ("a page", Reply::status(200).body("text/html", "<html><body><p>Service portal<br></body></html>")),
        ("half an envelope", Reply::envelope(good.clone()).cut_body(good.len() / 2)),
        ("half an envelope, complete", Reply::envelope(good[..good.len() / 2].to_owned())),
        ("half a head", Reply::envelope(good.clone()).cut(20)),
        ("nothing", Reply::close()),
        (
            "an envelope of SOAP 1.2",
            Reply::envelope(good.replace(
                "http://schemas.xmlsoap.org/soap/envelope/",
                "http://www.w3.org/2003/05/soap-envelope",
            )),
        ),
        ("no body", Reply::envelope(good.replace("soap-env:Body>", "soap-env:Bodies>"))),
        (
            "two envelopes",
            Reply::envelope(format!("{good}{}", &good[good.find("?>").map_or(0, |at| at + 2)..])),
        ),
        (
            "another encoding",
            Reply::envelope(good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ),
        ("a declaration", declared("<!DOCTYPE x>", "")),
        ("an entity", declared("<!DOCTYPE x [<!ENTITY a \"b\">]>", "&a;")),
        ("a file", declared("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>", "&a;")),
        ("many laughs", declared(&format!("<!DOCTYPE x [{laughs}]>"), "&l9;")),
        (
            "deep elements",
            Reply::envelope(good.replace(
                "</soap-env:Header>",
                &format!("{}{}</soap-env:Header>", "<x>".repeat(50_000), "</x>".repeat(50_000)),
            )),
        ),
        (
            "a fault that is broken",
            Reply::envelope(good.replace("cwmp:GetRPCMethods", "soap-env:Body:Fault")),
        ),
        ("gzip", Reply::envelope(good.clone()).header("Content-Encoding", "gzip")),
        ("30 MB", Reply::huge(30 << 20)),
        ("30 MB in chunks", Reply::envelope(vec![b' '; 30 << 20]).chunked(10_000)),
        ("400", Reply::status(400).body("text/plain", "Bad session state")),
        ("401 without a challenge", Reply::status(401)),
        ("401 for somebody else", Reply::status(401).header("WWW-Authenticate", "Negotiate")),
        ("403", Reply::status(403)),
        ("404 with a large page", Reply::status(404).body("text/html", vec![b'x'; 3 << 20])),
        ("301", Reply::redirect(301, "http://127.0.0.1:9/")),
        ("303", Reply::redirect(303, "http://127.0.0.1:9/")),
        ("500", Reply::status(500).body("text/html", "<html>oops</html>")),
        ("503", Reply::unavailable(Duration::from_secs(1))),
        ("206", Reply::status(206).body("text/xml", good.clone())),
        ("a redirect to nowhere", Reply::status(302)),
        ("a redirect to another protocol", Reply::redirect(307, "ftp://127.0.0.1/")),
        ("a redirect to a closed port", Reply::redirect(307, "http://127.0.0.1:9/")),
        ("a redirect to no URL", Reply::redirect(302, "http://[::1/\u{7f}")),
    ]
}

struct Bench {
    acs: Acs,
    device: Device,
    client: Client,
}

impl Bench {
    fn new() -> Self {
        let acs = Acs::start(Options::default());
        let config = "[acs]\nresponse_timeout = 1\n[inform]\nperiodic = false\n";
        let device = Device::builder().acs(acs.url()).config(config).start();
        acs.session().end();
        let client = device.client();
        client.wait_for("idle");
        Self { acs, device, client }
    }

    fn session(&self) -> Session {
        self.client.inform().unwrap();
        self.acs.session()
    }

    /// The session has failed: it is counted, the next one works, and then nothing is left of it.
    #[track_caller]
    fn recovers(&self, what: &str) {
        self.client.wait_for("waiting");
        assert_eq!(self.client.property::<u32>("RetryCount"), 1, "{what}");
        let mut session = self.session();
        assert_eq!(session.retry_count(), 1, "{what}");
        assert_eq!(session.get_value("Device.RootDataModelVersion").unwrap(), "2.19", "{what}");
        session.end();
        self.client.wait_for("idle");
    }

    /// A line of `/proc/PID/status`, in KiB.
    fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.device.pid())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
    }
}

/// C19, C57: whatever answers the Inform, one session is lost, and the memory of the agent does not grow.
#[test]
fn a_bad_answer_to_the_inform_costs_one_session() {
    costs_one_session(|session| session);
}

/// C19: the same in the middle of a session.
#[test]
fn a_bad_answer_in_a_session_costs_one_session() {
    costs_one_session(|mut session| {
        session.ready();
        session
    });
}

/// C19: the same after a response.
#[test]
fn a_bad_answer_to_a_response_costs_one_session() {
    costs_one_session(|mut session| {
        session.get_value("Device.RootDataModelVersion").unwrap();
        session
    });
}

fn costs_one_session(until: impl Fn(Session) -> Session) {
    let bench = Bench::new();
    let mut before = 0;
    // The allocator keeps the largest message that it has seen, once: so two rounds are for free.
    for round in 0..4 {
        let count = bad(&mut bench.session()).len();
        bench.recovers("a session that is dropped");
        for n in 0..count {
            let mut session = until(bench.session());
            let (what, reply) = bad(&mut session).swap_remove(n);
            session.fail_with(reply);
            bench.recovers(what);
        }
        if round == 1 {
            before = bench.memory("VmRSS:");
        }
    }
    let (after, most) = (bench.memory("VmRSS:"), bench.memory("VmHWM:"));
    assert!(after < before + 2048, "{before} KiB became {after} KiB");
    // The largest message that is accepted, twice, as it is collected.
    assert!(most < before + 3 * 8 * 1024, "{most} KiB at most");
}

/// C22: an ACS that says nothing, or next to nothing, is not waited for without end.
#[test]
fn an_acs_that_hangs_costs_one_session() {
    let bench = Bench::new();
    bench.session().fail_with(Reply::hang());
    bench.recovers("no answer to the Inform");
    let mut session = bench.session();
    session.ready();
    session.fail_with(Reply::hang());
    bench.recovers("no answer to the empty POST");
    let mut session = bench.session();
    session.ready();
    let envelope = good(&mut session);
    // Steadily, but for longer than a whole exchange may take.
    session.set_timeout(Duration::from_secs(30));
    session.fail_with(Reply::envelope(envelope).dripping(Duration::from_millis(500)));
    bench.recovers("an answer that drips");
}

/// C25: redirects in a circle end after five, at any point.
#[test]
fn redirects_in_a_circle_cost_one_session() {
    let bench = Bench::new();
    for status in [302, 307] {
        let (count, _) = bench.session().redirect_endlessly(status);
        assert_eq!(count, 6);
        bench.recovers("a circle at the Inform");
        let mut session = bench.session();
        session.ready();
        let (count, _) = session.redirect_endlessly(status);
        assert_eq!(count, 6);
        bench.recovers("a circle in the session");
    }
}

/// C56, C57, C67, C218: messages in the wrong order are never answered.
#[test]
fn the_wrong_order_costs_one_session() {
    let bench = Bench::new();
    let mut session = bench.session();
    let request = good(&mut session);
    session.fail_with(Reply::envelope(request));
    bench.recovers("a request instead of the InformResponse");
    for reply in [Reply::no_content(), Reply::empty(), Reply::empty_chunked()] {
        bench.session().fail_with(reply);
        bench.recovers("nothing instead of the InformResponse");
    }
    for body in [
        "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>",
        "<cwmp:TransferCompleteResponse/>",
        "<cwmp:GetRPCMethodsResponse><MethodList/></cwmp:GetRPCMethodsResponse>",
        "<soap-env:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
         <FaultCode>8005</FaultCode><FaultString>x</FaultString></cwmp:Fault></detail></soap-env:Fault>",
    ] {
        let mut session = bench.session();
        session.ready();
        let request = good(&mut session);
        let (start, end) = (request.find("<cwmp:GetRPCMethods").unwrap(), request.find("</soap-env:Body>").unwrap());
        session.fail_with(Reply::envelope(format!("{}{body}{}", &request[..start], &request[end..])));
        bench.recovers(body);
    }
    for version in ["2.0", "1.5", "", "x"] {
        let mut session = bench.session();
        session.accept_version(Some(version));
        session.gone();
        bench.recovers("a version that was not offered");
    }
}

/// C19: an ACS that cannot be reached is tried again.
#[test]
fn an_acs_that_is_away_is_tried_again() {
    let acs = Acs::start(Options::default());
    let (address, url) = (acs.address(), acs.url());
    drop(acs);
    let device = Device::builder().acs(url).start();
    let client = device.client();
    client.wait_for("waiting");
    assert!(client.property::<u32>("RetryCount") >= 1);
    let acs = Acs::start(Options { port: address.port(), ..Options::default() });
    client.inform().unwrap();
    let session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert!(session.retry_count() >= 1);
    session.end();
}
