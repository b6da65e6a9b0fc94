//! The ACS's side: what it writes we read, and what we write it reads.

use cwmp_model::{Fault, FaultCode, Value, ValueType};
use cwmp_proto::acs::{self, CpeBody, CpeFault};
use cwmp_proto::{
    read, Body, Context, CpeRequest, CpeResponse, Event, Inform, Limits, ParameterValues, Request, Response,
};

const CONTEXT: Context<'_> = Context { namespace: 1, id: " 1&" };

fn from_cpe(message: &[u8]) -> CpeBody {
    let read = acs::read(message, Limits::default()).unwrap();
    assert_eq!((read.id.as_deref(), read.namespace), (Some(CONTEXT.id), CONTEXT.namespace));
    read.body
}

fn from_acs(message: &[u8]) -> cwmp_proto::Message {
    read(message, Limits::default()).unwrap()
}

#[test]
fn an_inform_arrives_as_it_was_sent() {
    let inform = Inform {
        manufacturer: "A <&> B".into(),
        oui: "00AABB".into(),
        product_class: String::new(),
        serial_number: "1".into(),
        events: vec![Event { code: "M Reboot".into(), command_key: " k".into() }],
        current_time: "2026-11-24T00:00:00Z".into(),
        retry_count: 3,
        parameters: vec![("Device.A".into(), Value::string(" v ")), ("Device.B".into(), Value::unsigned(1))],
    };
    let message = cwmp_proto::write_inform(CONTEXT, &inform, "1.0,1.1");
    assert_eq!(from_cpe(&message), CpeBody::Inform { inform: inform.clone(), max_envelopes: 1 });
    let message = cwmp_proto::write_inform(Context { namespace: 2, ..CONTEXT }, &inform, "1.0,1.4");
    let read = acs::read(&message, Limits::default()).unwrap();
    assert_eq!(read.supported_versions.as_deref(), Some("1.0,1.4"));
}

#[test]
fn responses_and_faults_arrive_as_they_were_sent() {
    let mut values = ParameterValues::begin(CONTEXT, 1, 0);
    values.push("Device.A", ValueType::Int, "-1");
    let expected = CpeResponse::GetParameterValues {
        values: vec![("Device.A".into(), Value::new(ValueType::Int, "-1"))],
    };
    assert_eq!(from_cpe(&values.finish()), CpeBody::Response(expected));
    let expected = CpeResponse::AddObject { number: 7, status: 1 };
    let message = cwmp_proto::write_add_object_response(CONTEXT, 7, true);
    assert_eq!(from_cpe(&message), CpeBody::Response(expected));
    let message = cwmp_proto::write_get_rpc_methods(CONTEXT);
    assert_eq!(from_cpe(&message), CpeBody::Request(CpeRequest::GetRpcMethods));
    let fault = Fault::of(FaultCode::InvalidArguments);
    let parameter = ("Device.A".to_owned(), Fault::of(FaultCode::NotWritable));
    let message = cwmp_proto::write_fault(CONTEXT, &fault, &[parameter]);
    let expected = CpeFault {
        soap_code: "Client".into(),
        code: 9003,
        text: fault.text.into_owned(),
        parameters: vec![("Device.A".into(), 9008, "parameter is read-only".into())],
    };
    assert_eq!(from_cpe(&message), CpeBody::Fault(expected));
}

/// C5, C63: UseCWMPVersion and HoldRequests are read from the header.
#[test]
fn what_the_acs_writes_is_read() {
    let request = Request::GetParameterNames { path: String::new(), next_level: true };
    let message = from_acs(&acs::hold_requests(acs::write_request(CONTEXT, &request), true));
    assert!(message.header.hold_requests);
    assert_eq!(message.header.id.as_deref(), Some(CONTEXT.id));
    assert_eq!((message.namespace, message.body), (1, Body::Request(request)));
    let message = from_acs(&acs::write_inform_response(CONTEXT, Some("1.2")));
    assert_eq!(message.header.use_version.as_deref(), Some("1.2"));
    assert_eq!(message.body, Body::Response(Response::Inform));
    let methods = Response::GetRpcMethods { methods: vec!["Inform".into()] };
    assert_eq!(from_acs(&acs::write_response(CONTEXT, &methods)).body, Body::Response(methods));
    let Body::Fault(fault) = from_acs(&acs::write_fault(CONTEXT, 8005, "again")).body else { panic!() };
    assert_eq!((fault.code, fault.text.as_str()), (Some(8005), "again"));
}
