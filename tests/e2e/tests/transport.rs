//! HTTP between device and ACS, as an ACS sees it. Each POST is also checked by the scripted ACS itself (C15 to C17, C20).

use cwmp_acs::{Acs, Cookies, Options, Reply, Request, Session};
use cwmp_e2e::{Client, Device};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const URL: &str = "Device.ManagementServer.URL";

fn start(options: Options) -> (Acs, Device) {
    let acs = Acs::start(options);
    let device = Device::builder().acs(acs.url()).plugin("demo", "[config]\nbig_rows = 4000\n").start();
    device.ready("demo");
    (acs, device)
}

fn asked(acs: &Acs, client: &Client) -> Session {
    client.inform().unwrap();
    acs.session()
}

/// The envelope of a GetParameterValues for one parameter.
fn question(session: &mut Session) -> String {
    session.ready();
    session.envelope(&Request::GetParameterValues { names: vec![LEVEL.to_owned()] })
}

/// C15, C16, C17, C21, C23, C56, C59, C62, C65: one connection, POSTs of the right form, and the end of both when the session is over.
#[test]
fn a_session_is_one_connection() {
    let (acs, device) = start(Options::default());
    for n in 1..4 {
        let mut session = if n == 1 { acs.session() } else { asked(&acs, &device.client()) };
        assert_eq!(session.get_value(LEVEL).unwrap(), "50");
        assert!(session.get_value("Device.Nothing").is_err());
        let transcript = session.end();
        assert_eq!(transcript.connections().len(), 1);
        let cookies: Vec<_> = transcript.entries.iter().map(|e| e.header("Cookie").is_some()).collect();
        // A cookie of the session before is not sent to the next.
        assert!(!cookies[0] && cookies[1..].iter().all(|c| *c), "{cookies:?}");
        let kinds: Vec<_> = transcript.entries.iter().map(|e| e.body.is_empty()).collect();
        assert_eq!(kinds, [false, true, false, false]);
        for entry in &transcript.entries {
            assert_eq!(entry.method, "POST");
            assert_eq!(entry.header("SOAPAction"), (!entry.body.is_empty()).then_some(""));
            assert_eq!(entry.header("Content-Length"), Some(entry.body.len().to_string().as_str()));
        }
        assert_eq!(acs.connections(), n);
    }
}

/// C18: every form of an empty reply ends the session.
#[test]
fn every_empty_reply_ends_the_session() {
    let (acs, device) = start(Options::default());
    let client = device.client();
    acs.session().end_with(Reply::empty());
    for reply in [
        Reply::empty_chunked(),
        Reply::no_content().header("Content-Length", "0"),
        Reply::no_content().closing(),
    ] {
        asked(&acs, &client).end_with(reply);
    }
    client.wait_for("idle");
    assert_eq!(client.property::<u32>("RetryCount"), 0);
}

/// C66: an empty reply to a response ends the session, because an empty POST was sent before.
#[test]
fn an_empty_reply_to_a_response_ends_the_session() {
    let (acs, device) = start(Options::default());
    let mut session = acs.session();
    let envelope = question(&mut session);
    session.send_raw_envelope(envelope);
    session.response().unwrap();
    let transcript = session.end();
    // Inform, empty, response: nothing after the 204.
    assert_eq!(transcript.entries.len(), 3);
    device.client().wait_for("idle");
}

/// C20, C11: replies in chunks, byte by byte, after a 100, and with a byte order mark are read.
#[test]
fn replies_come_in_many_forms() {
    let (acs, _device) = start(Options::default());
    let mut session = acs.session();
    let forms: [fn(String) -> Reply; 6] = [
        |text| Reply::envelope(text).chunked(1),
        |text| Reply::envelope(text).chunked(1_000_000),
        |text| Reply::envelope(text).after_continue(),
        |text| Reply::envelope(text).dripping(std::time::Duration::ZERO),
        |text| Reply::envelope(format!("\u{feff}{text}")),
        |text| Reply::status(200).body("application/octet-stream", text.replace('\n', "\r\n")),
    ];
    for form in forms {
        let envelope = question(&mut session);
        session.reply(form(envelope));
        session.response().unwrap();
    }
    session.end();
}

/// C21: a connection that the ACS closes in between is replaced, and the session goes on with its cookies.
#[test]
fn a_closed_connection_is_replaced() {
    let (acs, _device) = start(Options::default());
    let mut session = acs.session();
    let envelope = question(&mut session);
    session.reply(Reply::envelope(envelope).closing());
    session.response().unwrap();
    let envelope = question(&mut session);
    session.reply(Reply::envelope(envelope).then_close());
    session.response().unwrap();
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    let transcript = session.end();
    assert_eq!(transcript.connections().len(), 3);
    assert!(transcript.entries[1..].iter().all(|e| e.header("Cookie").is_some()));
}

/// C24: all cookies come back, large ones and those of a redirect too. The ACS checks each POST.
#[test]
fn every_cookie_comes_back() {
    let (acs, _device) = start(Options { cookies: Cookies::Several, ..Options::default() });
    let mut session = acs.session();
    session.ready();
    session.reply(
        Reply::redirect(307, acs.url_of("elsewhere"))
            .header("Set-Cookie", "extra=of the redirect; Path=/; HttpOnly"),
    );
    let post = session.next_post();
    let cookies = post.header("Cookie").unwrap();
    assert!(cookies.contains("extra=of the redirect") && cookies.len() > 300, "{cookies}");
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
}

/// C25, C219: 302 and 307 are followed with the same body at any point, up to five in a row, for this session only.
#[test]
fn redirects_are_followed_for_one_session() {
    let (acs, device) = start(Options::default());
    let mut session = acs.session();
    for (n, status) in [302, 307, 302, 307, 302].into_iter().enumerate() {
        session.reply(Reply::redirect(status, acs.url_of(&n.to_string())));
        let post = session.next_post();
        assert_eq!(post.target, format!("/acs/{n}"));
    }
    session.accept();
    session.ready();
    session.reply(Reply::redirect(302, "/acs/local?a=b"));
    assert_eq!(session.next_post().target, "/acs/local?a=b");
    assert_eq!(session.get_value(URL).unwrap(), acs.url());
    session.end();
    let transcript = asked(&acs, &device.client()).end();
    assert!(transcript.entries.iter().all(|e| e.target == "/acs"));
}

/// C25, C219: a session moves to another ACS and back, and the next begins at the first.
#[test]
fn a_session_can_move_to_another_acs() {
    let (acs, device) = start(Options::default());
    let other = Acs::start(Options { cookies: Cookies::None, ..Options::default() });
    let mut session = acs.session();
    session.ready();
    session.reply(Reply::redirect(307, other.url()));
    let mut moved = other.moved_session();
    assert_eq!(moved.get_value(URL).unwrap(), acs.url());
    moved.end();
    session.gone();
    let session = asked(&acs, &device.client());
    assert_eq!((session.events(), session.retry_count()), (vec!["2 PERIODIC"], 0));
    session.end();
}

/// C63: while the ACS holds requests back, there are answers and empty POSTs only.
#[test]
fn held_requests_are_respected() {
    let (acs, _device) = start(Options::default());
    let mut session = acs.session();
    session.hold_requests(true);
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.hold_requests(false);
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
}

/// C9, C20: messages of megabytes go both ways.
#[test]
fn large_messages_go_both_ways() {
    let (acs, _device) = start(Options::default());
    let mut session = acs.session();
    let big = session.get(&["Device.X_CWMPD_Demo.Big."]).unwrap();
    assert_eq!(big.len(), 40_000);
    let names = vec![LEVEL; 20_000];
    session.get(&names).unwrap();
    session.end();
}

/// C22: a request whose reply is lost is not sent again in its session.
#[test]
fn a_lost_reply_is_not_asked_for_again() {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).config("[acs]\nresponse_timeout = 1\n").start();
    let client = device.client();
    acs.session().fail_with(Reply::hang());
    client.wait_for("waiting");
    assert!(client.property::<String>("LastResult").contains("no answer within"), "{}", device.log());
    client.inform().unwrap();
    let mut session = acs.session();
    session.ready();
    session.fail_with(Reply::hang());
    client.wait_for("waiting");
    client.inform().unwrap();
    let mut session = acs.session();
    session.get_value("Device.RootDataModelVersion").unwrap();
    session.fail_with(Reply::close());
    client.wait_for("waiting");
    client.inform().unwrap();
    acs.session().end();
    assert_eq!(acs.informs(), 4);
}
