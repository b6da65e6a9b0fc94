//! A message from an ACS.

use cwmp_proto::{acs, read, Body, Context, Limits, Message};

/// Any bytes.
pub(crate) fn run(data: &[u8]) {
    let small = Limits { bytes: 4096, text: 64, depth: 6, items: 4 };
    if read(data, small).is_ok() {
        assert!(read(data, Limits::default()).is_ok(), "more room takes nothing away");
    }
    let Ok(message) = read(data, Limits::default()) else { return };
    let Some(written) = write(&message) else { return };
    let again = read(&written, Limits::default()).expect("what we write is read");
    assert_eq!(again.namespace, message.namespace);
    // Characters that XML forbids become the replacement character once, and then stay.
    let twice = write(&again).expect("it is of the same kind");
    assert_eq!(read(&twice, Limits::default()).expect("what we write is read"), again);
    if !text_is_odd(data) {
        assert_eq!(again.body, message.body, "reading undoes writing");
    }
}

fn write(message: &Message) -> Option<Vec<u8>> {
    let context = Context { namespace: message.namespace, id: message.header.id.as_deref().unwrap_or("") };
    match &message.body {
        Body::Request(request) => Some(acs::write_request(context, request)),
        Body::Response(response) => Some(acs::write_response(context, response)),
        Body::Fault(_) => None,
    }
}

/// Whether the text may hold characters that XML forbids, written out or as references, or texts that are cut.
fn text_is_odd(data: &[u8]) -> bool {
    data.windows(2).any(|two| two == b"&#")
        || String::from_utf8_lossy(data).chars().any(|c| !cwmp_model::value::is_xml_char(c))
        || data.windows(8).any(|eight| eight == b"Response")
}
