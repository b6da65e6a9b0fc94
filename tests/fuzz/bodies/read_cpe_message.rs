//! A message from a device, as the ACS's side reads it.

use cwmp_proto::acs::{self, CpeBody, FromCpe};
use cwmp_proto::{Context, Limits};

/// Any bytes.
pub(crate) fn run(data: &[u8]) {
    let small = Limits { bytes: 4096, text: 64, depth: 6, items: 4 };
    if acs::read(data, small).is_ok() {
        assert!(acs::read(data, Limits::default()).is_ok(), "more room takes nothing away");
    }
    let Ok(message) = acs::read(data, Limits::default()) else { return };
    let Some(written) = write(&message) else { return };
    let once = acs::read(&written, Limits::default()).expect("what we write is read");
    assert_eq!((&once.id.unwrap_or_default(), once.namespace), (&normal(message.id), message.namespace));
    // Fault codes become those of the namespace, and characters that XML forbids the replacement character, once.
    let again = FromCpe { id: Some("1".to_owned()), supported_versions: None, ..once };
    let written = write(&again).expect("it is of the same kind");
    let twice = acs::read(&written, Limits::default()).expect("what we write is read");
    assert_eq!(twice.body, again.body, "reading undoes writing");
}

fn normal(id: Option<String>) -> String {
    let forbidden = |c: char| !cwmp_model::value::is_xml_char(c);
    id.unwrap_or_default().replace(forbidden, "\u{fffd}")
}

fn write(message: &FromCpe) -> Option<Vec<u8>> {
    let context = Context { namespace: message.namespace, id: message.id.as_deref().unwrap_or("") };
    match &message.body {
        CpeBody::Inform { inform, .. } => Some(cwmp_proto::write_inform(context, inform, "1.0")),
        CpeBody::Request(request) => Some(cwmp_proto::write_request(context, request)),
        CpeBody::Response(response) => Some(cwmp_proto::write_response(context, response)),
        CpeBody::Fault(_) => None,
    }
}
