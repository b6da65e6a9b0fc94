//! The crate `cwmp` as a peer: it reads what we write, and we read what it writes.
//!
//! Each message goes from us to its types and from these back to us. Its fields are private, so this is how it is known that
//! it understood all of them.

#[path = "../../../../agent/proto/tests/samples/mod.rs"]
mod samples;

use cwmp_model::{date_time, Fault, FaultCode};
use cwmp_proto::acs::{self, CpeBody};
use cwmp_proto::{read, Body, Context, Limits, ReadError, Response};
use samples::Source;

const CONTEXT: Context<'_> = Context { namespace: 2, id: " 7&" };

/// What it cannot take along: it holds the operations and results as arrays, where the schemas repeat the element.
const NOT_ITS_OWN: &[&str] = &["ChangeDUState", "DUStateChangeComplete", "AutonomousDUStateChangeComplete"];

/// Content without white space at the ends, since the library's writer indents.
fn source(number: u32) -> Source {
    Source::new(vec!["Device.A.".into(), "a <&> \"b\" 'c' \u{e4}\u{1f600}".into(), "x".into()], vec![number])
}

/// The message as the library understood it.
fn through(message: &[u8]) -> Vec<u8> {
    let envelope = cwmp::parse_bytes(message).unwrap_or_else(|e| panic!("{e}"));
    cwmp::generate(&envelope).unwrap_or_else(|_| panic!("it cannot write what it has read")).into_bytes()
}

fn from_acs(message: &[u8]) -> Result<Body, ReadError> {
    let message = read(&through(message), Limits::default())?;
    assert_eq!((message.header.id.as_deref(), message.namespace), (Some(CONTEXT.id), CONTEXT.namespace));
    Ok(message.body)
}

fn from_cpe(message: &[u8]) -> Result<CpeBody, ReadError> {
    let message = acs::read(&through(message), Limits::default())?;
    assert_eq!((message.id.as_deref(), message.namespace), (Some(CONTEXT.id), CONTEXT.namespace));
    Ok(message.body)
}

#[test]
fn every_message_of_an_acs_goes_there_and_back() {
    let mut lost = Vec::new();
    for number in [1, 2] {
        for request in samples::requests(&mut source(number)) {
            match from_acs(&acs::write_request(CONTEXT, &request)) {
                Ok(body) if body == Body::Request(request.clone()) => {}
                _ => lost.push(request.method()),
            }
        }
        for response in samples::responses(&mut source(number)) {
            let body = from_acs(&acs::write_response(CONTEXT, &response)).unwrap();
            assert_eq!(body, Body::Response(response));
        }
    }
    lost.dedup();
    assert_eq!(lost, NOT_ITS_OWN[..1]);
    let message = acs::hold_requests(acs::write_inform_response(CONTEXT, Some("1.2")), true);
    let message = read(&through(&message), Limits::default()).unwrap();
    assert_eq!(message.body, Body::Response(Response::Inform));
    assert_eq!((message.header.use_version.as_deref(), message.header.hold_requests), (Some("1.2"), true));
    let Body::Fault(fault) = from_acs(&acs::write_fault(CONTEXT, 8005, "again & again")).unwrap() else {
        panic!()
    };
    assert_eq!((fault.code, fault.text.as_str()), (Some(8005), "again & again"));
}

#[test]
fn every_message_of_a_device_goes_there_and_back() {
    let mut lost = Vec::new();
    for number in [1, 2] {
        for request in samples::cpe_requests(&mut source(number)) {
            match from_cpe(&cwmp_proto::write_request(CONTEXT, &request)) {
                Ok(body) if body == CpeBody::Request(request.clone()) => {}
                _ => lost.push(request.method()),
            }
        }
        for response in samples::cpe_responses(&mut source(number)) {
            let body = from_cpe(&cwmp_proto::write_response(CONTEXT, &response)).unwrap();
            assert_eq!(body, CpeBody::Response(response));
        }
        let sent = samples::inform(&mut source(number));
        let message = cwmp_proto::write_inform(CONTEXT, &sent, "1.0,1.4");
        let versions = acs::read(&through(&message), Limits::default()).unwrap().supported_versions;
        assert_eq!(versions.as_deref(), Some("1.0,1.4"));
        let CpeBody::Inform { mut inform, max_envelopes: 1 } = from_cpe(&message).unwrap() else { panic!() };
        // It writes another form of the same moment.
        inform.current_time = date_time::canonical(&inform.current_time).unwrap();
        assert_eq!(inform, sent);
    }
    lost.sort_unstable();
    lost.dedup();
    assert_eq!(lost, [NOT_ITS_OWN[2], NOT_ITS_OWN[1]]);
    // It does not know the faults of single parameters.
    let message = cwmp_proto::write_fault(CONTEXT, &Fault::of(FaultCode::NotWritable), &[]);
    let CpeBody::Fault(fault) = from_cpe(&message).unwrap() else { panic!() };
    assert_eq!((fault.soap_code.as_str(), fault.code), ("Client", 9008));
}
