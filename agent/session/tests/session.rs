//! Sessions as transcripts: what the ACS says, what we do.

use cwmp_proto::{Event, Inform, Limits, Request};
use cwmp_session::session::{lower, Own, MAX_REQUESTS, MAX_RESENDS};
use cwmp_session::{Action, Failure, Outcome, Session, Start};
use proptest::prelude::*;

fn acs_in(namespace: u8, header: &str, body: &str) -> Vec<u8> {
    format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:c='urn:dslforum-org:cwmp-1-{namespace}'>\
         <s:Header><c:ID s:mustUnderstand='1'>acs 7</c:ID>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    .into_bytes()
}

fn acs(body: &str) -> Vec<u8> {
    acs_in(2, "", body)
}

const INFORM_RESPONSE: &str = "<c:InformResponse><MaxEnvelopes>1</MaxEnvelopes></c:InformResponse>";
const REBOOT: &str = "<c:Reboot><CommandKey>k</CommandKey></c:Reboot>";
const METHODS: &str =
    "<c:GetRPCMethodsResponse><MethodList><string>Inform</string></MethodList></c:GetRPCMethodsResponse>";
const HOLD: &str = "<c:HoldRequests s:mustUnderstand='1'>1</c:HoldRequests>";

fn fault(code: u32) -> Vec<u8> {
    acs(&format!(
        "<s:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><c:Fault><FaultCode>{code}</FaultCode>\
         <FaultString>f</FaultString></c:Fault></detail></s:Fault>"
    ))
}

fn start(own: &[Own]) -> (Session, Action) {
    let inform = Inform {
        oui: "00AABB".into(),
        serial_number: "1".into(),
        events: vec![Event { code: "1 BOOT".into(), command_key: String::new() }],
        ..Inform::default()
    };
    Session::start(Start { inform, namespace: 2, own: own.to_vec(), limits: Limits::default() })
}

/// What an action is, in a word; a post by the element that it carries.
fn word(action: &Action) -> String {
    match action {
        Action::Delivered => "delivered".into(),
        Action::Answered(_, Ok(_)) => "answered".into(),
        Action::Answered(_, Err(code)) => format!("refused {}", code.unwrap_or(0)),
        Action::PostEmpty => "empty".into(),
        Action::Execute { request: Request::Reboot { .. }, .. } => "execute Reboot".into(),
        Action::Execute { .. } => "execute".into(),
        Action::Finish(Outcome::Success) => "success".into(),
        Action::Finish(Outcome::Failed(_)) => "failed".into(),
        Action::Post(body) => {
            let text = String::from_utf8_lossy(body);
            let body = text.split("Body>").nth(1).unwrap_or_default();
            let name = body.trim_start_matches('<').split(['>', '/', ' ']).next().unwrap_or_default();
            let code = body.split("<FaultCode>").nth(1).and_then(|c| c.get(..4));
            format!("post {name}{}", code.map(|c| format!(" {c}")).unwrap_or_default())
        }
    }
}

/// Plays the replies of an ACS; a request is answered with nothing but a mark. All actions after the Inform.
fn play(own: &[Own], replies: &[Vec<u8>]) -> Vec<String> {
    let (mut session, first) = start(own);
    assert_eq!(word(&first), "post cwmp:Inform");
    let mut all = Vec::new();
    for reply in replies {
        for action in session.reply(reply) {
            all.push(word(&action));
            if let Action::Execute { .. } = action {
                all.push(word(&session.executed(b"Body><answer>".to_vec())));
            }
        }
    }
    all
}

/// C56, C62, C65, C66: Inform, empty POST, a request, its response; the empty reply to it ends the session.
#[test]
fn a_session_ends_with_an_empty_reply_after_an_empty_post() {
    assert_eq!(
        play(&[], &[acs(INFORM_RESPONSE), acs(REBOOT), Vec::new()]),
        ["delivered", "empty", "execute Reboot", "post answer", "success"]
    );
    assert_eq!(play(&[], &[acs(INFORM_RESPONSE), Vec::new()]), ["delivered", "empty", "success"]);
}

/// C59: the request carries the ID and namespace with which it is answered (C10).
#[test]
fn a_request_is_executed_with_the_id_of_the_acs() {
    let (mut session, _) = start(&[]);
    session.reply(&acs(INFORM_RESPONSE));
    match &session.reply(&acs(REBOOT))[..] {
        [Action::Execute { id, namespace: 2, request: Request::Reboot { command_key } }] => {
            assert_eq!((id.as_str(), command_key.as_str()), ("acs 7", "k"));
        }
        other => panic!("{other:?}"),
    }
}

/// C60, C61: our own requests come before the empty POST.
#[test]
fn own_requests_come_before_the_empty_post() {
    assert_eq!(
        play(&[Own::GetRpcMethods], &[acs(INFORM_RESPONSE), acs(METHODS), Vec::new()]),
        ["delivered", "post cwmp:GetRPCMethods", "answered", "empty", "success"]
    );
}

/// C63: while requests are held nothing of ours goes out, and an empty POST does not count.
#[test]
fn held_requests_wait() {
    assert_eq!(
        play(
            &[Own::GetRpcMethods],
            &[
                acs_in(2, HOLD, INFORM_RESPONSE),
                acs_in(2, HOLD, REBOOT),
                Vec::new(),
                acs(METHODS),
                Vec::new()
            ]
        ),
        [
            "delivered",
            "empty",
            "execute Reboot",
            "post answer",
            "post cwmp:GetRPCMethods",
            "answered",
            "empty",
            "success"
        ]
    );
}

/// C57: 8005 sends the identical Inform again, a number of times; everything else ends the session.
#[test]
fn an_inform_is_sent_again_only_for_8005() {
    let (mut session, first) = start(&[]);
    for _ in 0..MAX_RESENDS {
        assert_eq!(session.reply(&fault(8005)), std::slice::from_ref(&first));
    }
    assert_eq!(session.reply(&fault(8005)), [Action::Finish(Outcome::Failed(Failure::Refused(Some(8005))))]);
    for reply in [
        fault(8002),
        acs(METHODS),
        acs(REBOOT),
        Vec::new(),
        b"<html>".to_vec(),
        acs_in(2, "<z:Z xmlns:z='z' s:mustUnderstand='1'/>", INFORM_RESPONSE),
    ] {
        assert_eq!(play(&[], &[reply]), ["failed"]);
    }
}

/// C58: another fault to another request of ours is an answer.
#[test]
fn a_fault_to_our_own_request_does_not_end_the_session() {
    assert_eq!(
        play(&[Own::GetRpcMethods], &[acs(INFORM_RESPONSE), fault(8000), Vec::new()]),
        ["delivered", "post cwmp:GetRPCMethods", "refused 8000", "empty", "success"]
    );
    assert_eq!(
        play(&[Own::GetRpcMethods], &[acs(INFORM_RESPONSE), fault(8005), acs(METHODS)]),
        ["delivered", "post cwmp:GetRPCMethods", "post cwmp:GetRPCMethods", "answered", "empty"]
    );
}

/// C67: an empty reply to a request of ours fails the session.
#[test]
fn an_empty_reply_to_our_own_request_fails_the_session() {
    assert_eq!(play(&[Own::GetRpcMethods], &[acs(INFORM_RESPONSE), Vec::new()])[2..], ["failed"]);
}

/// C98: what we do not have is 9000, our own names included; C12: a strange header is a SOAP fault.
#[test]
fn what_cannot_be_done_is_answered_with_a_fault() {
    let inform = acs("<c:Inform/>");
    let key = acs(&format!("<c:Reboot><CommandKey>{}</CommandKey></c:Reboot>", "k".repeat(33)));
    let header = acs_in(2, "<z:Z xmlns:z='z' s:mustUnderstand='1'/>", REBOOT);
    assert_eq!(
        play(&[], &[acs(INFORM_RESPONSE), inform, key, header, Vec::new()]),
        [
            "delivered",
            "empty",
            "post soap-env:Fault 9000",
            "post soap-env:Fault 9003",
            "post soap-env:Fault",
            "success"
        ]
    );
}

/// C218: a response or a fault that nobody waits for is not answered.
#[test]
fn a_fault_or_response_is_never_answered() {
    for reply in [fault(8000), acs(INFORM_RESPONSE), acs(METHODS)] {
        assert_eq!(play(&[], &[acs(INFORM_RESPONSE), reply]), ["delivered", "empty", "failed"]);
    }
}

/// C5, C6: the version is the one the ACS names, else that of its namespace; C7: a refused one is lowered.
#[test]
fn the_version_follows_the_acs() {
    let namespace = |reply: Vec<u8>| {
        let (mut session, _) = start(&[]);
        session.reply(&reply);
        match session.reply(&acs(REBOOT)).remove(0) {
            Action::Execute { namespace, .. } => Some(namespace),
            _ => None,
        }
    };
    let named = |v: &str| {
        acs_in(2, &format!("<c:UseCWMPVersion s:mustUnderstand='1'>{v}</c:UseCWMPVersion>"), INFORM_RESPONSE)
    };
    assert_eq!(namespace(named("1.1")), Some(1));
    assert_eq!(namespace(named("1.4")), Some(2));
    assert_eq!(namespace(named("2.0")), None);
    assert_eq!(namespace(acs_in(0, "", INFORM_RESPONSE)), Some(0));
    let (mut session, _) = start(&[]);
    assert_eq!(session.reply(&fault(8006)), [Action::Finish(Outcome::Failed(Failure::Version))]);
    assert_eq!((lower(2), lower(0)), (1, 0));
}

#[test]
fn an_endless_acs_costs_one_session() {
    let (mut session, _) = start(&[]);
    session.reply(&acs(INFORM_RESPONSE));
    let request = acs("<c:GetRPCMethods/>");
    for _ in 0..MAX_REQUESTS {
        assert_eq!(word(&session.reply(&request)[0]), "execute");
        session.executed(Vec::new());
    }
    assert_eq!(word(&session.reply(&request)[0]), "failed");
}

/// C19: a transport failure ends the session.
#[test]
fn a_lost_reply_fails_the_session() {
    let (mut session, _) = start(&[]);
    assert_eq!(word(&session.transport_failed("timeout")), "failed");
    assert_eq!(word(&session.reply(&acs(INFORM_RESPONSE))[0]), "failed");
}

proptest! {
    /// C60, C61, C93: whatever the ACS does, the Inform is delivered at most once and only by its response, and nothing of
    /// ours follows the empty POST.
    #[test]
    fn no_acs_can_upset_the_order(replies in proptest::collection::vec(0usize..9, 0..12), own in 0usize..3) {
        let own = vec![Own::GetRpcMethods; own];
        let texts = [acs(INFORM_RESPONSE), acs(REBOOT), Vec::new(), acs(METHODS), fault(8005), fault(8001), b"junk".to_vec(),
            acs_in(2, HOLD, REBOOT), acs_in(2, HOLD, INFORM_RESPONSE)];
        let chosen: Vec<_> = replies.iter().map(|i| texts[*i].clone()).collect();
        let all = play(&own, &chosen);
        prop_assert!(all.iter().filter(|a| *a == "delivered").count() <= 1);
        if let Some(end) = all.iter().position(|a| a == "success" || a == "failed") {
            // Whoever goes on after the end hears that it is over.
            prop_assert!(all[end + 1..].iter().all(|a| a == "failed"));
            if all[end] == "success" {
                prop_assert_eq!(all.iter().filter(|a| *a == "delivered").count(), 1);
                prop_assert!(all[..end].iter().any(|a| a == "empty"));
            }
        }
        if !replies.iter().any(|i| *i >= 7) {
            if let Some(empty) = all.iter().position(|a| a == "empty") {
                prop_assert!(!all[empty..].iter().any(|a| a.starts_with("post cwmp:")));
            }
        }
    }
}
