//! A CPE that breaks the protocol is found out, whatever the test was about.

mod cpe;

use cpe::{complaint, spawn, Cpe};
use cwmp_acs::{Acs, Options};

/// What the ACS says about a CPE that runs this script in a session of one GetRPCMethods.
fn verdict(script: impl FnOnce(&mut Cpe) + Send + 'static) -> String {
    complaint(move || {
        let acs = Acs::start(Options::default());
        // The CPE may see its connection closed: that is not what is looked at.
        let _cpe = spawn(&acs, script);
        let mut session = acs.session();
        let _ = session.methods();
        session.end();
    })
}

/// What is said when the text of the Inform is changed.
fn inform_with(from: &'static str, to: &'static str) -> String {
    verdict(move |cpe| {
        let inform = String::from_utf8(cpe.inform(&["1 BOOT", "M Reboot"])).unwrap();
        assert!(inform.contains(from), "{inform}");
        cpe.post(inform.replace(from, to).as_bytes());
        cpe.serve(Vec::new());
    })
}

/// What is said when the answer to GetRPCMethods is changed.
fn answer_with(from: &'static str, to: &'static str) -> String {
    verdict(move |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        cpe.post(&inform);
        let request = cpe.post(b"");
        let answer = String::from_utf8(cpe::respond(&request.body)).unwrap();
        assert!(answer.contains(from), "{answer}");
        cpe.serve(answer.replace(from, to).into_bytes());
    })
}

#[track_caller]
fn says(text: &str, what: &str) {
    assert!(text.contains(what), "'{what}' is not said:\n{text}");
}

#[test]
fn the_headers_of_a_post_are_checked() {
    says(
        &verdict(|cpe| {
            cpe.headers.push(("Expect".to_owned(), "100-continue".to_owned()));
            cpe.session(&["1 BOOT"]);
        }),
        "C20: there is an Expect",
    );
    says(
        &verdict(|cpe| {
            cpe.headers.push(("SOAPAction".to_owned(), "\"\"".to_owned()));
            cpe.session(&["1 BOOT"]);
        }),
        "C17: an empty POST has a SOAPAction",
    );
    says(
        &verdict(|cpe| {
            cpe.length = false;
            cpe.session(&["1 BOOT"]);
        }),
        "C20: the body is chunked",
    );
    says(
        &verdict(|cpe| {
            cpe.write(b"POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
            cpe.read();
        }),
        "C16: there is no SOAPAction",
    );
}

#[test]
fn the_text_of_an_envelope_is_checked() {
    says(
        &inform_with("EventStruct[2]", "EventStruct[3]"),
        "C11: Event says cwmp:EventStruct[3] and has 2 of them",
    );
    says(&inform_with("[2]", "[02]"), "C11: Event has the arrayType 'cwmp:EventStruct[02]'");
    says(&inform_with(" xsi:type=\"xsd:string\"", ""), "C11: a value is sent as <Value>");
    says(&inform_with("xsd", "xs"), "C11: a value is sent as <Value");
    says(&inform_with("Envelopes>1", "Envelopes>2"), "C8: MaxEnvelopes is 2");
    says(&inform_with("00D09E", "00d09e"), "C71: the OUI is '00d09e'");
    says(&inform_with("1 BOOT", "M Reboot"), "C72: the event M Reboot '' is there twice");
    says(&inform_with("1 BOOT", "2 PERIODIC"), "C82: the event M Reboot is there without 1 BOOT");
    says(&inform_with(" soap-env:mustUnderstand=\"1\"", ""), "C10: the cwmp:ID has no mustUnderstand");
    says(&inform_with("<MaxEnvelopes>", "<!-- --><MaxEnvelopes>"), "C14: there are comments");
    says(&inform_with("1.0,1.1,1.2,1.3,1.4", ""), "C5: an Inform has the SupportedCWMPVersions ''");
    says(&answer_with("string[2]", "string[1]"), "C11: MethodList says xsd:string[1] and has 2 of them");
    says(&answer_with("acs-1", "acs-2"), "C10: the answer to 'acs-1' has the cwmp:ID 'acs-2'");
    says(&answer_with("cwmp-1-2", "cwmp-1-0"), "C6: the answer is in the namespace cwmp-1-0");
    says(&answer_with("<MethodList", "<MethodList<"), "C4: a message cannot be read");
}

#[test]
fn the_order_of_messages_is_checked() {
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.post(b"");
            cpe.try_post(b"");
        }),
        "C59: a request of the ACS is not answered",
    );
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.try_post(&inform);
        }),
        "C56: an Inform comes within the session",
    );
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            let request = cpe.post(b"");
            cpe.post(&cpe::respond(&request.body));
            let request = cwmp_proto::write_get_rpc_methods(cwmp_proto::Context { namespace: 2, id: "x" });
            cpe.try_post(&request);
        }),
        "the CPE goes on after the end",
    );
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.post(b"");
            cpe.close();
        }),
        "the CPE closed the connection in the middle of the session",
    );
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            let first = cpe.stream.take();
            cpe.serve(Vec::new());
            drop(first);
        }),
        "C21: the session goes on over another connection",
    );
}

#[test]
fn a_request_after_the_empty_post_is_found() {
    let text = complaint(|| {
        let acs = Acs::start(Options::default());
        let _cpe = spawn(&acs, |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.post(b"");
            let request = cwmp_proto::write_get_rpc_methods(cwmp_proto::Context { namespace: 2, id: "x" });
            cpe.try_post(&request);
        });
        let mut session = acs.session();
        let _ = session.methods();
    });
    says(&text, "C60: a request comes after the empty POST");
}

#[test]
fn lost_and_stale_cookies_are_found() {
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.cookies.clear();
            assert_eq!(cpe.try_post(b"").map(|a| a.status), Some(400));
        }),
        "C24: the cookies session do not come back",
    );
    let text = complaint(|| {
        let acs = Acs::start(Options::default());
        let cpe = spawn(&acs, |cpe| {
            cpe.session(&["1 BOOT"]);
            cpe.session(&["1 BOOT"]);
        });
        acs.session().end();
        acs.session().end();
        cpe.join().unwrap();
    });
    says(&text, "C23: a new session has the cookie of an earlier one");
}

#[test]
fn a_connection_that_outlives_its_session_is_found() {
    let text = complaint(|| {
        let acs =
            Acs::start(Options { timeout: std::time::Duration::from_millis(200), ..Options::default() });
        let _cpe = spawn(&acs, |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.post(b"");
            assert!(cpe.read().is_none());
        });
        acs.session().end();
    });
    says(&text, "C23: the CPE keeps the connection after the session");
}

#[test]
fn two_requests_at_once_are_found() {
    says(
        &verdict(|cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            let mut both = cpe.message(&inform);
            both.extend(cpe.message(b""));
            cpe.write(&both);
            cpe.read();
            cpe.read();
        }),
        "C15: a request follows before the reply",
    );
}

#[test]
fn a_lenient_acs_only_keeps_what_is_wrong() {
    let acs = Acs::start(Options { lenient: true, ..Options::default() });
    let cpe = spawn(&acs, |cpe| {
        cpe.headers.push(("Expect".to_owned(), "100-continue".to_owned()));
        cpe.session(&["1 BOOT"]);
    });
    acs.session().end();
    cpe.join().unwrap();
    let all = acs.take_violations();
    assert!(!all.is_empty() && all.iter().all(|v| v.item == "C20"), "{all:?}");
    assert!(acs.take_violations().is_empty());
}

#[test]
fn a_breach_that_no_session_looked_at_fails_when_the_acs_is_dropped() {
    let text = complaint(|| {
        let acs = Acs::start(Options::default());
        let cpe = spawn(&acs, |cpe| {
            cpe.headers.push(("Expect".to_owned(), "100-continue".to_owned()));
            cpe.session(&["1 BOOT"]);
        });
        let mut session = acs.session();
        session.ready();
        session.reply(cwmp_acs::Reply::no_content());
        cpe.join().unwrap();
    });
    says(&text, "a CPE broke the protocol:\n  C20");
}
