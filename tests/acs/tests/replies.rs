//! What an ACS can do to a CPE, on purpose and at any step.

mod cpe;

use std::time::Duration;

use cpe::{complaint, spawn, Cpe};
use cwmp_acs::{Acs, Options, Reply};

/// Runs a CPE that has sent its Inform and one empty POST; the reply to that is what the test is about.
fn with_reply(reply: Reply, script: impl FnOnce(&mut Cpe) + Send + 'static) {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        cpe.post(&inform);
        cpe.send(b"");
        script(cpe);
        cpe.close();
    });
    let mut session = acs.session();
    session.ready();
    session.fail_with(reply);
    cpe.join().unwrap();
}

#[test]
fn every_status_with_any_header_can_be_sent() {
    with_reply(Reply::unavailable(Duration::from_secs(60)), |cpe| {
        let answer = cpe.read().unwrap();
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("60")));
    });
    with_reply(Reply::status(400).body("text/html", "<p>no"), |cpe| {
        let answer = cpe.read().unwrap();
        assert_eq!((answer.status, answer.header("Content-Type")), (400, Some("text/html")));
        assert_eq!(answer.body, b"<p>no");
    });
}

#[test]
fn garbage_halves_and_silence_can_be_sent() {
    with_reply(Reply::raw("no HTTP\r\n\r\n"), |cpe| {
        let stream = cpe.stream.as_mut().unwrap();
        assert_eq!(std::io::read_to_string(stream).unwrap(), "no HTTP\r\n\r\n");
    });
    with_reply(Reply::close(), |cpe| assert!(cpe.read().is_none()));
    with_reply(Reply::envelope("<a>half</a>").cut_body(3), |cpe| {
        let text = std::io::read_to_string(cpe.stream.as_mut().unwrap()).unwrap();
        assert!(text.contains("Content-Length: 11\r\n") && text.ends_with("\r\n\r\n<a>"), "{text}");
    });
    with_reply(Reply::envelope("<a/>").cut(9), |cpe| {
        assert_eq!(std::io::read_to_string(cpe.stream.as_mut().unwrap()).unwrap(), "HTTP/1.1 ");
    });
    // The CPE gives up first.
    with_reply(Reply::hang(), |_| {});
}

#[test]
fn a_session_that_is_dropped_lets_go_of_a_cpe_that_hangs() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        assert!(cpe.try_post(&inform).is_none());
    });
    let mut session = acs.session();
    session.reply(Reply::hang());
    drop(session);
    cpe.join().unwrap();
    assert_eq!(acs.open_sessions(), 0);
}

#[test]
fn a_reply_may_be_chunked_dripping_or_after_a_100() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        cpe.post(&inform);
        let chunked = cpe.post(b"");
        assert_eq!(chunked.header("Transfer-Encoding"), Some("chunked"));
        assert_eq!(chunked.header("Content-Length"), None);
        let dripped = cpe.post(&cpe::respond(&chunked.body));
        let interim = {
            cpe.send(&cpe::respond(&dripped.body));
            assert_eq!(cpe.read().unwrap().status, 100);
            cpe.read().unwrap()
        };
        assert_eq!(interim.status, 200);
        cpe.serve(cpe::respond(&interim.body));
    });
    let mut session = acs.session();
    session.ready();
    let request = cwmp_acs::Request::GetRpcMethods;
    let envelope = session.envelope(&request);
    session.reply(Reply::envelope(envelope).chunked(5));
    session.response().unwrap();
    let envelope = session.envelope(&request);
    session.reply(Reply::envelope(envelope).dripping(Duration::ZERO));
    session.response().unwrap();
    let envelope = session.envelope(&request);
    session.reply(Reply::envelope(envelope).after_continue());
    session.response().unwrap();
    session.end();
    cpe.join().unwrap();
}

#[test]
fn an_empty_reply_has_three_forms() {
    for (reply, status, length) in [
        (Reply::no_content(), 204, None),
        (Reply::empty(), 200, Some("0")),
        (Reply::empty_chunked(), 200, None),
    ] {
        let acs = Acs::start(Options::default());
        let cpe = spawn(&acs, move |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            let answer = cpe.post(b"");
            assert_eq!((answer.status, answer.header("Content-Length")), (status, length));
            assert!(answer.body.is_empty());
        });
        acs.session().end_with(reply);
        cpe.join().unwrap();
    }
}

#[test]
fn a_body_of_any_size_is_made_while_it_is_sent() {
    const SIZE: usize = 5_000_000;
    with_reply(Reply::huge(SIZE as u64), |cpe| {
        let answer = cpe.read().unwrap();
        assert_eq!(answer.body.len(), SIZE);
        assert!(answer.body.starts_with(b"<?xml"));
    });
}

#[test]
fn a_redirect_leads_to_another_acs_in_the_middle_of_a_session() {
    let first = Acs::start(Options::default());
    let second = Acs::start(Options::default());
    let cpe = spawn(&first, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        cpe.post(&inform);
        let answer = cpe.post(b"");
        assert_eq!(answer.status, 307);
        cpe.close();
        let mut moved = Cpe::new(answer.header("Location").unwrap());
        moved.serve(Vec::new());
    });
    let mut session = first.session();
    session.ready();
    session.reply(Reply::redirect(307, second.url_of("here")));
    session.gone();
    let mut moved = second.moved_session();
    assert!(!moved.has_inform());
    moved.methods().unwrap();
    let transcript = moved.end();
    assert_eq!(transcript.entries[0].target, "/acs/here");
    cpe.join().unwrap();
}

#[test]
fn an_endless_redirect_ends_when_the_cpe_gives_up() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        for _ in 0..6 {
            let answer = cpe.post(&inform);
            cpe.target = format!("/{}", answer.header("Location").unwrap().splitn(4, '/').last().unwrap());
        }
    });
    let (count, transcript) = acs.session().redirect_endlessly(302);
    assert_eq!(count, 6);
    assert_eq!(transcript.entries[5].target, "/acs/5");
    cpe.join().unwrap();
}

#[test]
fn fault_8005_and_a_redirect_want_the_same_again() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        let answer = String::from_utf8(cpe.post(&inform).body).unwrap();
        assert!(answer.contains("<FaultCode>8005</FaultCode>"), "{answer}");
        assert_eq!(cpe.post(&inform).status, 307);
        cpe.post(&inform);
        cpe.serve(Vec::new());
    });
    let mut session = acs.session();
    session.fault(8005, "again");
    session.reply(Reply::redirect(307, acs.url()));
    session.end();
    cpe.join().unwrap();

    let text = complaint(|| {
        let acs = Acs::start(Options::default());
        let cpe = spawn(&acs, |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.session(&["1 BOOT"]);
        });
        let mut session = acs.session();
        session.fault(8005, "again");
        session.end();
        cpe.join().unwrap();
    });
    assert!(text.contains("C25: the POST that should come again is another one"), "{text}");
}

#[test]
fn an_envelope_of_any_form_can_be_sent() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| cpe.session(&["1 BOOT"]));
    let mut session = acs.session();
    session.ready();
    let spoilt = session.envelope(&cwmp_acs::Request::FactoryReset).replace("FactoryReset", "FormatTheDisk");
    session.send_raw_envelope(spoilt);
    assert_eq!(session.response().unwrap_err().code, 9000);
    session.end();
    cpe.join().unwrap();
}
