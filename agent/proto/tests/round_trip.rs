//! Reading undoes writing, for every message of both sides, whatever the texts in it are.

mod samples;

use cwmp_proto::acs::{self, CpeBody};
use cwmp_proto::{read, Body, Context, CpeRequest, CpeResponse, Limits, Request, Response};
use proptest::prelude::*;
use samples::Source;

/// The table's methods that have no sample.
fn without_sample<'a>(methods: &[&'a str], samples: &[&str]) -> Vec<&'a str> {
    methods.iter().copied().filter(|m| !samples.contains(m)).collect()
}

/// C95, C96, C97: each RPC of both directions is in the tables, and each of the tables is tested below.
#[test]
fn every_method_has_a_sample() {
    let s = &mut Source::plain();
    let all: Vec<_> = samples::requests(s).iter().map(Request::method).collect();
    assert_eq!((without_sample(Request::METHODS, &all), all.len()), (vec![], 20));
    let all: Vec<_> = samples::cpe_responses(s).iter().map(CpeResponse::method).collect();
    assert_eq!((without_sample(CpeResponse::METHODS, &all), all.len()), (vec![], 20));
    assert_eq!(Request::METHODS, CpeResponse::METHODS, "each request of the ACS has its response");
    let all: Vec<_> = samples::cpe_requests(s).iter().map(CpeRequest::method).collect();
    assert_eq!((without_sample(CpeRequest::METHODS, &all), all.len()), (vec![], 7));
    let all: Vec<_> = samples::responses(s).iter().map(Response::method).collect();
    assert_eq!((without_sample(Response::METHODS, &all), all.len()), (vec!["Inform"], 7));
    assert!(cwmp_proto::SERVED.iter().all(|m| Request::METHODS.contains(m)));
}

/// C13: the element of a response is the request's name and `Response`.
#[test]
fn a_response_is_called_after_its_request() {
    let context = Context { namespace: 2, id: "1" };
    for response in samples::cpe_responses(&mut Source::plain()) {
        let text = String::from_utf8(cwmp_proto::write_response(context, &response)).unwrap();
        assert!(text.contains(&format!("<cwmp:{}Response", response.method())), "{text}");
    }
}

proptest! {
    /// C10, C11, C14: every text that XML can carry arrives as it was sent.
    #[test]
    fn every_message_arrives_as_it_was_sent(mut source in Source::hostile(), namespace in 0u8..3) {
        let s = &mut source;
        let id = s.text(2000);
        let context = Context { namespace, id: &id };
        let limits = Limits::default();
        for request in samples::requests(s) {
            let message = read(&acs::write_request(context, &request), limits).unwrap();
            prop_assert_eq!((message.header.id.as_deref(), message.namespace), (Some(id.as_str()), namespace));
            prop_assert_eq!(message.body, Body::Request(request));
        }
        for response in samples::responses(s) {
            let message = read(&acs::write_response(context, &response), limits).unwrap();
            prop_assert_eq!(message.body, Body::Response(response));
        }
        for request in samples::cpe_requests(s) {
            let message = acs::read(&cwmp_proto::write_request(context, &request), limits).unwrap();
            prop_assert_eq!((message.id.as_deref(), message.namespace), (Some(id.as_str()), namespace));
            prop_assert_eq!(message.body, CpeBody::Request(request));
        }
        for response in samples::cpe_responses(s) {
            let message = acs::read(&cwmp_proto::write_response(context, &response), limits).unwrap();
            prop_assert_eq!(message.body, CpeBody::Response(response));
        }
        let inform = samples::inform(s);
        let message = acs::read(&cwmp_proto::write_inform(context, &inform, "1.4"), limits).unwrap();
        prop_assert_eq!(message.body, CpeBody::Inform { inform, max_envelopes: 1 });
    }

    #[test]
    fn a_message_that_is_cut_or_changed_never_panics(
        which in 0usize..60, at in 0usize..6000, byte: u8, insert in "[<>&/\"' :=a-z\\[\\]!?#;-]{0,6}",
    ) {
        let s = &mut Source::plain();
        let context = Context { namespace: 2, id: "1" };
        let mut all: Vec<_> = samples::requests(s).iter().map(|r| acs::write_request(context, r)).collect();
        all.extend(samples::responses(s).iter().map(|r| acs::write_response(context, r)));
        all.extend(samples::cpe_requests(s).iter().map(|r| cwmp_proto::write_request(context, r)));
        all.extend(samples::cpe_responses(s).iter().map(|r| cwmp_proto::write_response(context, r)));
        all.push(cwmp_proto::write_inform(context, &samples::inform(s), "1.4"));
        let mut message = all.swap_remove(which % all.len());
        let at = at % message.len();
        let look = |message: &[u8]| {
            let _ = read(message, Limits::default());
            let _ = acs::read(message, Limits::default());
        };
        look(&message[..at]);
        message[at] = byte;
        look(&message);
        message.splice(at..at, insert.into_bytes());
        look(&message);
    }
}
