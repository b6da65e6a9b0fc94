//! What an ACS may send, and what it may not.

use cwmp_model::ValueType;
use cwmp_proto::{read, Body, Limits, Message, ReadError, Request, Response, XsiType};
use proptest::prelude::*;

const HEAD: &str = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:e='http://schemas.xmlsoap.org/soap/encoding/' \
    xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:i='http://www.w3.org/2001/XMLSchema-instance' xmlns:c='urn:dslforum-org:cwmp-1-0'>";

fn envelope(header: &str, body: &str) -> String {
    format!("{HEAD}<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>")
}

fn message(header: &str, body: &str) -> Message {
    read(envelope(header, body).as_bytes(), Limits::default()).unwrap()
}

fn request(body: &str) -> Request {
    match message("<c:ID s:mustUnderstand='1'>1</c:ID>", body).body {
        Body::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

fn error(text: &str) -> ReadError {
    read(text.as_bytes(), Limits::default()).unwrap_err()
}

/// C4: any prefix, any place of the declaration, any CWMP namespace.
#[test]
fn prefixes_and_places_of_declarations_do_not_matter() {
    let text = "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'><Body>\
        <GetRPCMethods xmlns='urn:dslforum-org:cwmp-1-2'/></Body></Envelope>";
    let read = read(text.as_bytes(), Limits::default()).unwrap();
    assert_eq!(read.body, Body::Request(Request::GetRpcMethods));
    assert_eq!(read.namespace, 2);
    assert_eq!(read.header.id, None);
}

/// C3: a SOAP 1.2 envelope is an error.
#[test]
fn a_soap_1_2_envelope_is_refused() {
    let text = envelope("", "<c:Reboot/>")
        .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope");
    assert!(matches!(error(&text), ReadError::Envelope(_)));
}

/// An ACS library in use writes its root so.
#[test]
fn the_root_may_have_forgotten_its_namespace() {
    let body = "<s:Body xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><GetRPCMethods xmlns='urn:dslforum-org:cwmp-1-0'/></s:Body>";
    read(format!("<Envelope>{body}</Envelope>").as_bytes(), Limits::default()).unwrap();
    assert!(matches!(error(&format!("<Envelope xmlns='urn:x'>{body}</Envelope>")), ReadError::Envelope(_)));
    assert!(matches!(
        error(&format!("<Envelope>{}</Envelope>", body.replace("s:Body", "Body"))),
        ReadError::Envelope(_)
    ));
}

/// C10: the ID is kept byte for byte, empty and with white space too.
#[test]
fn an_id_is_kept_as_it_is() {
    let id = |header: &str| message(header, "<c:GetRPCMethods/>").header.id;
    assert_eq!(id("<c:ID> a&amp;b\u{e4} </c:ID>").as_deref(), Some(" a&b\u{e4} "));
    assert_eq!(id("<c:ID/>").as_deref(), Some(""));
}

/// C12: an unknown header is ignored unless it must be understood; the body has one child; no multi-reference values.
#[test]
fn what_soap_forbids_is_refused() {
    message("<z:Z xmlns:z='urn:z'><q/></z:Z>", "<c:GetRPCMethods/>");
    let strange =
        error(&envelope("<c:ID>7</c:ID><z:Z xmlns:z='urn:z' s:mustUnderstand='1'/>", "<c:GetRPCMethods/>"));
    assert_eq!(strange, ReadError::MustUnderstand { id: Some("7".into()), name: "Z".into() });
    assert!(matches!(error(&envelope("", "<c:GetRPCMethods/><c:GetRPCMethods/>")), ReadError::Envelope(_)));
    assert!(matches!(error(&envelope("", "")), ReadError::Envelope(_)));
    assert!(matches!(
        error(&envelope("", "<c:Reboot><CommandKey href='#1'/></c:Reboot>")),
        ReadError::Envelope(_)
    ));
}

/// C8: MaxEnvelopes of the ACS does not matter.
#[test]
fn the_number_of_envelopes_that_an_acs_allows_is_ignored() {
    for envelopes in [
        "<MaxEnvelopes>1</MaxEnvelopes>",
        "<MaxEnvelopes>0</MaxEnvelopes>",
        "<MaxEnvelopes>many</MaxEnvelopes>",
        "",
    ] {
        let body = format!("<c:InformResponse>{envelopes}</c:InformResponse>");
        assert_eq!(message("", &body).body, Body::Response(Response::Inform));
    }
}

/// C13: elements in a response that we do not know are ignored.
#[test]
fn an_unknown_element_in_a_response_is_ignored() {
    let body =
        "<c:InformResponse><MaxEnvelopes>1</MaxEnvelopes><CurrentTime>x</CurrentTime></c:InformResponse>";
    assert_eq!(message("", body).body, Body::Response(Response::Inform));
}

/// C63, C64: HoldRequests is understood in all four forms, NoMoreRequests is ignored.
#[test]
fn hold_requests_is_read_and_no_more_requests_ignored() {
    let hold = |text: &str| {
        message(&format!("<c:HoldRequests s:mustUnderstand='1'>{text}</c:HoldRequests><c:NoMoreRequests>0</c:NoMoreRequests>"), "<c:GetRPCMethods/>").header.hold_requests
    };
    assert!(hold("1") && hold(" true "));
    assert!(!hold("0") && !hold("false"));
}

/// C102: any prefix bound to XML Schema or the SOAP encoding; a missing type is accepted, an odd one marked.
#[test]
fn the_type_of_a_value_is_resolved_by_namespace() {
    let value = |attribute: &str, text: &str| {
        let list = format!("<c:SetParameterValues><ParameterList e:arrayType='c:ParameterValueStruct[0008]'><ParameterValueStruct>\
            <Name> Device.A </Name><Value {attribute}>{text}</Value></ParameterValueStruct></ParameterList><ParameterKey/></c:SetParameterValues>");
        let Request::SetParameterValues { mut values, parameter_key } = request(&list) else { panic!() };
        assert_eq!((values.len(), parameter_key.as_str(), values[0].name.as_str()), (1, "", "Device.A"));
        let value = values.remove(0);
        (value.xsi_type, value.text)
    };
    assert_eq!(value("i:type='x:unsignedInt'", "7").0, XsiType::Known(ValueType::UnsignedInt));
    assert_eq!(value("i:type='e:string'", "").0, XsiType::Known(ValueType::String));
    assert_eq!(value("i:type='x:base64Binary'", "").0, XsiType::Known(ValueType::Base64));
    assert_eq!(value("", " a\r\nb ").1, " a\nb ");
    assert_eq!(value("", "").0, XsiType::Missing);
    assert_eq!(value("i:type=''", "").0, XsiType::Missing);
    assert_eq!(value("i:type='x:json'", "").0, XsiType::Unknown);
    assert_eq!(value("i:type='c:string'", "").0, XsiType::Unknown);
    assert_eq!(value("", "a<![CDATA[<&]]>b&#x41;<!-- c -->&lt;").1, "a<&bA<");
}

/// C98: a method that we do not have is named, with the ID that the fault must echo.
#[test]
fn an_unknown_method_is_named() {
    for method in ["Inform", "Kicked", "X_ACME_Do"] {
        let got = error(&envelope("<c:ID>9</c:ID>", &format!("<c:{method}><A/></c:{method}>")));
        assert_eq!(got, ReadError::UnknownMethod { id: Some("9".into()), name: method.into() });
    }
}

#[test]
fn an_argument_that_is_missing_or_too_long_is_9003() {
    let long_key = format!("<c:Reboot><CommandKey>{}</CommandKey></c:Reboot>", "k".repeat(33));
    let long_path =
        format!("<c:AddObject><ObjectName>{}</ObjectName><ParameterKey/></c:AddObject>", "p".repeat(257));
    for body in [
        &long_key,
        &long_path,
        "<c:Reboot/>",
        "<c:GetParameterNames><ParameterPath/><NextLevel>2</NextLevel></c:GetParameterNames>",
        "<c:Reboot><CommandKey/><Zeal/></c:Reboot>",
    ] {
        match error(&envelope("<c:ID>9</c:ID>", body)) {
            ReadError::Argument { id, fault, .. } => {
                assert_eq!((id.as_deref(), fault.code.number()), (Some("9"), 9003));
            }
            other => panic!("{body}: {other}"),
        }
    }
    // 32 characters of two bytes each are not too long.
    request(&format!("<c:Reboot><CommandKey>{}</CommandKey></c:Reboot>", "\u{e4}".repeat(32)));
}

#[test]
fn attributes_change_only_what_they_say() {
    let body = "<c:SetParameterAttributes><ParameterList><SetParameterAttributesStruct><Name>Device.</Name><NotificationChange>0</NotificationChange>\
        <Notification/><AccessListChange>true</AccessListChange><AccessList e:arrayType='x:string[1]'><string>Subscriber</string></AccessList>\
        </SetParameterAttributesStruct></ParameterList></c:SetParameterAttributes>";
    let Request::SetParameterAttributes { changes } = request(body) else { panic!() };
    assert_eq!(changes[0].notification, None);
    assert_eq!(changes[0].access_list.as_deref(), Some(&["Subscriber".to_owned()][..]));
}

#[test]
fn faults_of_the_acs_are_read_even_when_they_are_broken() {
    let fault = |body: &str| match message("", body).body {
        Body::Fault(fault) => fault,
        other => panic!("{other:?}"),
    };
    let good = "<s:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><c:Fault><FaultCode>8005</FaultCode>\
        <FaultString>Retry</FaultString></c:Fault></detail></s:Fault>";
    assert_eq!((fault(good).code, fault(good).text.as_str()), (Some(8005), "Retry"));
    assert_eq!(fault("<s:Fault><faultstring>no</faultstring></s:Fault>").code, None);
    assert_eq!(
        fault("<s:Fault><detail><c:Fault><FaultCode>x</FaultCode></c:Fault></detail></s:Fault>").code,
        None
    );
    assert!(read(envelope("", "<s:Body:Fault/>").as_bytes(), Limits::default()).is_err());
}

/// C9: at least 32768 bytes are accepted; each limit refuses what is beyond it.
#[test]
fn every_limit_refuses_what_is_beyond_it() {
    let names = |n: usize| {
        let list = "<string>Device.A</string>".repeat(n);
        envelope(
            "",
            &format!("<c:GetParameterValues><ParameterNames>{list}</ParameterNames></c:GetParameterValues>"),
        )
    };
    let text = names(2000);
    assert!(text.len() > 32_768);
    read(text.as_bytes(), Limits::default()).unwrap();
    let with = |limits: Limits| read(text.as_bytes(), limits).is_err();
    assert!(!with(Limits { bytes: text.len(), items: 2000, depth: 5, text: 8 }));
    assert!(with(Limits { bytes: text.len() - 1, ..Limits::default() }));
    assert!(with(Limits { items: 1999, ..Limits::default() }));
    assert!(with(Limits { depth: 4, ..Limits::default() }));
    assert!(with(Limits { text: 7, ..Limits::default() }));
}

#[test]
fn an_element_has_a_longest_name_and_a_most_of_attributes_and_declarations() {
    let with = |attributes: &str| {
        let body = format!("<c:GetRPCMethods{attributes}/>");
        read(envelope("", &body).as_bytes(), Limits::default()).is_ok()
    };
    let many = |name: &str, count: usize| {
        let all: Vec<_> = (0..count).map(|i| format!("{name}{i}='x'")).collect();
        format!(" {}", all.join(" "))
    };
    assert!(with(&many("a", 64)) && !with(&many("a", 65)));
    assert!(with(&many("xmlns:a", 16)) && !with(&many("xmlns:a", 17)));
    let named = |length: usize| error(&envelope("", &format!("<c:{}/>", "n".repeat(length))));
    assert!(matches!(named(256), ReadError::UnknownMethod { .. }));
    assert!(matches!(named(257), ReadError::Xml(_)));
}

/// What is told to the log and to the ACS is short, however long the text is that it speaks of.
#[test]
fn an_error_shows_little_of_a_long_text() {
    let long = "x".repeat(100_000);
    let flag =
        format!("<c:GetParameterNames><ParameterPath/><NextLevel>{long}</NextLevel></c:GetParameterNames>");
    for body in [flag, format!("<c:Reboot>&{long};</c:Reboot>"), format!("<c:Reboot></c:{long}>")] {
        assert!(error(&envelope("", &body)).to_string().len() < 400);
    }
}

#[test]
fn hostile_documents_are_refused() {
    let good = envelope("", "<c:GetRPCMethods/>");
    let with_dtd = format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{good}");
    assert!(matches!(error(&with_dtd), ReadError::Xml(_)));
    assert!(matches!(
        error(&envelope("", "<c:Reboot><CommandKey>&b;</CommandKey></c:Reboot>")),
        ReadError::Xml(_)
    ));
    assert!(matches!(
        error(&format!("<?xml version='1.0' encoding='ISO-8859-1'?>{good}")),
        ReadError::Xml(_)
    ));
    assert!(matches!(error(&good[..good.len() - 3]), ReadError::Xml(_)));
    assert!(matches!(error("<html><body>502</body></html>"), ReadError::Envelope(_)));
    assert!(matches!(error(&envelope("", "<q:A/>")), ReadError::Xml(_)));
    assert!(matches!(read(&[0x3c, 0xff], Limits::default()), Err(ReadError::Xml(_))));
    let text = format!("\u{feff}<?xml version='1.0' encoding='utf-8'?>{good}");
    read(text.as_bytes(), Limits::default()).unwrap();
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC{0,200}") {
        let _ = read(text.as_bytes(), Limits::default());
    }

    #[test]
    fn cutting_and_changing_a_message_never_panics(at in 0usize..600, byte: u8) {
        let mut text = envelope("<c:ID>1</c:ID>", "<c:SetParameterValues><ParameterList><ParameterValueStruct><Name>A</Name>\
            <Value i:type='x:int'>1</Value></ParameterValueStruct></ParameterList><ParameterKey>k</ParameterKey></c:SetParameterValues>").into_bytes();
        let at = at.min(text.len() - 1);
        text[at] = byte;
        let _ = read(&text, Limits::default());
        let _ = read(&text[..at], Limits::default());
    }

    #[test]
    fn every_text_survives_the_wire(text in "[^\\x00-\\x08\\x0b-\\x1f\u{fffe}\u{ffff}]{0,40}") {
        let mut written = cwmp_proto::ParameterValues::begin(cwmp_proto::Context { namespace: 2, id: "1" }, 1, 0);
        written.push("Device.A", ValueType::String, &text);
        let response = String::from_utf8(written.finish()).unwrap();
        let asked = response.replace("GetParameterValuesResponse", "SetParameterValues")
            .replace("</ParameterList>", "</ParameterList><ParameterKey/>");
        let Body::Request(Request::SetParameterValues { values, .. }) = read(asked.as_bytes(), Limits::default()).unwrap().body else { panic!() };
        prop_assert_eq!(&values[0].text, &text);
    }
}
