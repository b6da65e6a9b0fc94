//! Every message that we write is valid against the schemas of the Broadband Forum.
//!
//! The schemas are not part of the project: where they are absent the tests say "skipped". The two SOAP schemas that they
//! import are stubs of our own, written down here.

use std::path::{Path, PathBuf};
use std::process::Command;

mod samples;

use cwmp_model::{Fault, FaultCode, Value, ValueType};
use cwmp_proto::{acs, Context, Event, Inform, ParameterNames, ParameterValues};
use proptest::strategy::{Strategy, ValueTree};
use samples::Source;

const CONTEXT: Context<'_> = Context { namespace: 2, id: "17" };

const ENVELOPE: &str = r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="http://schemas.xmlsoap.org/soap/envelope/" targetNamespace="http://schemas.xmlsoap.org/soap/envelope/">
<xs:attribute name="mustUnderstand" type="xs:boolean"/>
<xs:attribute name="encodingStyle" type="xs:string"/>
<xs:element name="Fault"><xs:complexType><xs:sequence><xs:element name="faultcode" type="xs:QName"/><xs:element name="faultstring" type="xs:string"/>
<xs:element name="detail" minOccurs="0"><xs:complexType><xs:sequence><xs:any namespace="##any" processContents="strict"/></xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
<xs:element name="Envelope"><xs:complexType><xs:sequence>
<xs:element name="Header" minOccurs="0" form="qualified"><xs:complexType><xs:sequence><xs:any namespace="##any" processContents="strict" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="Body" form="qualified"><xs:complexType><xs:sequence><xs:any namespace="##any" processContents="strict"/></xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"###;

const ENCODING: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="http://schemas.xmlsoap.org/soap/encoding/" targetNamespace="http://schemas.xmlsoap.org/soap/encoding/">
<xs:simpleType name="base64"><xs:restriction base="xs:base64Binary"/></xs:simpleType>
<xs:attribute name="arrayType" type="xs:string"/><xs:attribute name="root" type="xs:boolean"/>
<xs:complexType name="Array"><xs:sequence><xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence><xs:attribute ref="t:arrayType"/></xs:complexType>
</xs:schema>"#;

/// The schemas, if they are there.
fn schemas() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bbf/xsd");
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    println!("skipped: the schemas of the Broadband Forum are not here");
    None
}

/// Checks messages against the schema of one namespace; the errors of `xmllint`, empty if all are valid.
fn check(schemas: &Path, namespace: u8, messages: &[Vec<u8>]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("envelope.xsd"), ENVELOPE).unwrap();
    std::fs::write(at("encoding.xsd"), ENCODING).unwrap();
    // The newest namespace is that of three schemas; the last one includes the others.
    let schema = if namespace == 2 { "cwmp-1-4.xsd".to_owned() } else { format!("cwmp-1-{namespace}.xsd") };
    let mut catalog = String::from("<catalog xmlns='urn:oasis:names:tc:entity:xmlns:xml:catalog'>");
    for (url, file) in [
        ("http://schemas.xmlsoap.org/soap/envelope/", at("envelope.xsd")),
        ("http://schemas.xmlsoap.org/soap/encoding/", at("encoding.xsd")),
    ] {
        let entry = format!(
            "<uri name='{url}' uri='file://{0}'/><system systemId='{url}' uri='file://{0}'/>",
            file.display()
        );
        catalog.push_str(&entry);
    }
    for file in ["cwmp-1-0.xsd", "cwmp-1-1.xsd", "cwmp-1-2.xsd", "cwmp-1-3.xsd", "cwmp-1-4.xsd"] {
        let url = format!("http://www.broadband-forum.org/cwmp/{file}");
        let path = schemas.join(file);
        let entry = format!(
            "<uri name='{url}' uri='file://{0}'/><system systemId='{url}' uri='file://{0}'/>",
            path.display()
        );
        catalog.push_str(&entry);
    }
    std::fs::write(at("catalog.xml"), catalog + "</catalog>").unwrap();
    let root = format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\
         <xs:import namespace='http://schemas.xmlsoap.org/soap/envelope/' schemaLocation='http://schemas.xmlsoap.org/soap/envelope/'/>\
         <xs:import namespace='urn:dslforum-org:cwmp-1-{namespace}' schemaLocation='http://www.broadband-forum.org/cwmp/{schema}'/></xs:schema>"
    );
    std::fs::write(at("all.xsd"), root).unwrap();
    let mut lint = Command::new("xmllint");
    lint.arg("--nonet")
        .arg("--noout")
        .arg("--schema")
        .arg(at("all.xsd"))
        .env("XML_CATALOG_FILES", at("catalog.xml"));
    for (i, message) in messages.iter().enumerate() {
        let file = at(&format!("{i}.xml"));
        std::fs::write(&file, message).unwrap();
        lint.arg(file);
    }
    let output = lint.output().expect("xmllint is missing: install the Debian package libxml2-utils");
    if output.status.success() {
        String::new()
    } else {
        let all = String::from_utf8_lossy(&output.stderr);
        all.lines().filter(|l| !l.ends_with(" validates")).collect::<Vec<_>>().join("\n")
    }
}

fn inform(namespace: u8) -> Vec<u8> {
    let inform = Inform {
        manufacturer: "A & B".into(),
        oui: "00AABB".into(),
        product_class: String::new(),
        serial_number: "1".into(),
        events: vec![
            Event { code: "0 BOOTSTRAP".into(), command_key: String::new() },
            Event { code: "M Reboot".into(), command_key: "k".into() },
        ],
        current_time: "2026-11-24T00:00:00Z".into(),
        retry_count: 3,
        parameters: vec![("Device.A".into(), Value::string("v")), ("Device.B".into(), Value::unsigned(1))],
    };
    cwmp_proto::write_inform(Context { namespace, id: "1" }, &inform, "1.0,1.1,1.2,1.3,1.4")
}

fn messages(namespace: u8) -> Vec<Vec<u8>> {
    let context = Context { namespace, ..CONTEXT };
    let mut values = ParameterValues::begin(context, ValueType::ALL.len(), 0);
    for kind in ValueType::ALL {
        values.push("Device.A", kind, kind.zero());
    }
    let mut names = ParameterNames::begin(context, 2);
    names.push("Device.", false);
    names.push("Device.A", true);
    let fault = Fault::of(FaultCode::InvalidArguments);
    let parameter = ("Device.A".to_owned(), Fault::of(FaultCode::NotWritable));
    vec![
        inform(namespace),
        cwmp_proto::write_get_rpc_methods(context),
        cwmp_proto::write_methods(context, &["GetRPCMethods", "Reboot"]),
        cwmp_proto::write_empty_response(context, "SetParameterAttributes"),
        cwmp_proto::write_empty_response(context, "Reboot"),
        cwmp_proto::write_empty_response(context, "FactoryReset"),
        cwmp_proto::write_status_response(context, "SetParameterValues", false),
        cwmp_proto::write_status_response(context, "DeleteObject", true),
        cwmp_proto::write_add_object_response(context, 7, false),
        cwmp_proto::write_attributes(
            context,
            &[("Device.A".into(), 2, vec!["Subscriber".into()]), ("Device.B".into(), 0, vec![])],
        ),
        cwmp_proto::write_fault(context, &fault, &[parameter]),
        cwmp_proto::write_fault(context, &Fault::of(FaultCode::MethodNotSupported), &[]),
        values.finish(),
        names.finish(),
    ]
}

/// Every message of the tables that exists in the namespace, of both sides.
fn tables(namespace: u8, s: &mut Source) -> Vec<Vec<u8>> {
    let context = Context { namespace, ..CONTEXT };
    let mut all = vec![cwmp_proto::write_inform(context, &samples::inform(s), "1.4")];
    macro_rules! add {
        ($samples:expr, $write:path) => {
            let samples = $samples.into_iter().filter(|m| m.since() <= namespace);
            all.extend(samples.map(|m| $write(context, &m)));
        };
    }
    add!(samples::requests(s), acs::write_request);
    add!(samples::responses(s), acs::write_response);
    add!(samples::cpe_requests(s), cwmp_proto::write_request);
    add!(samples::cpe_responses(s), cwmp_proto::write_response);
    all
}

/// C1, C2, C11: each message is valid in each namespace that it may be sent in.
#[test]
fn every_message_we_write_is_valid() {
    let Some(schemas) = schemas() else { return };
    for namespace in [0, 1, 2] {
        let context = Context { namespace, ..CONTEXT };
        let mut all = messages(namespace);
        all.extend(tables(namespace, &mut Source::plain()));
        all.push(acs::write_inform_response(context, (namespace == 2).then_some("1.2")));
        all.push(acs::hold_requests(acs::write_inform_response(context, None), true));
        all.push(acs::write_fault(context, 8003, "no"));
        all.extend(FaultCode::ALL.iter().map(|c| cwmp_proto::write_fault(context, &Fault::of(*c), &[])));
        assert!(all.len() > 60);
        assert_eq!(check(&schemas, namespace, &all), "");
    }
}

/// C14: and stays valid, with texts of the right lengths, whatever is in it.
#[test]
fn every_message_with_hostile_texts_is_valid() {
    let Some(schemas) = schemas() else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for round in 0..30 {
        let mut source = Source::hostile().new_tree(&mut runner).unwrap().current();
        let namespace = round % 3;
        assert_eq!(check(&schemas, namespace, &tables(namespace, &mut source)), "", "{source:?}");
    }
}

/// C2: the tables know which message came with which namespace, as the schemas do.
#[test]
fn each_namespace_has_the_messages_of_its_schema() {
    let Some(schemas) = schemas() else { return };
    let mut known = Vec::new();
    let s = &mut Source::plain();
    known.extend(samples::requests(s).iter().map(|m| (m.method().to_owned(), m.since())));
    known.extend(samples::cpe_requests(s).iter().map(|m| (m.method().to_owned(), m.since())));
    known.extend(samples::responses(s).iter().map(|m| (format!("{}Response", m.method()), m.since())));
    known.extend(samples::cpe_responses(s).iter().map(|m| (format!("{}Response", m.method()), m.since())));
    known.push(("Inform".to_owned(), 0));
    known.push(("InformResponse".to_owned(), 0));
    for namespace in 0..=2 {
        let schema = std::fs::read_to_string(schemas.join(format!("cwmp-1-{namespace}.xsd"))).unwrap();
        let elements =
            schema.lines().filter_map(|l| l.strip_prefix("  <xs:element name=\"")?.split('"').next());
        let headers = ["ID", "HoldRequests", "Fault"];
        let mut theirs: Vec<_> = elements.filter(|e| !headers.contains(e)).map(str::to_owned).collect();
        let mut ours: Vec<_> =
            known.iter().filter(|(_, since)| *since <= namespace).map(|(m, _)| m.clone()).collect();
        theirs.sort();
        ours.sort();
        ours.dedup();
        assert_eq!(ours, theirs, "cwmp-1-{namespace}");
    }
}

#[test]
fn a_wrong_message_is_found_out() {
    let Some(schemas) = schemas() else { return };
    let text = String::from_utf8(inform(2)).unwrap();
    for (right, wrong) in [
        ("RetryCount", "RetriesCount"),
        ("00AABB", "00AABG"),
        ("cwmp:ID", "cwmp:Id"),
        ("<MaxEnvelopes>1</MaxEnvelopes>", ""),
    ] {
        let bad = text.replace(right, wrong);
        assert_ne!(bad, text);
        let errors = check(&schemas, 2, &[bad.into_bytes()]);
        assert!(errors.contains("0.xml fails to validate"), "{wrong}: {errors}");
    }
}

/// C2, C5: the list of versions is offered in the Inform of the newest namespace only; C8: one envelope; C10, C11, C14.
#[test]
fn an_inform_has_the_literal_form_that_servers_expect() {
    let text = String::from_utf8(inform(2)).unwrap();
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap-env:Envelope ",
        "xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\"",
        "<soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">1</cwmp:ID><cwmp:SupportedCWMPVersions>1.0,1.1,1.2,1.3,1.4</cwmp:SupportedCWMPVersions></soap-env:Header>",
        "<Manufacturer>A &amp; B</Manufacturer>",
        "<Event soap-enc:arrayType=\"cwmp:EventStruct[2]\">",
        "<MaxEnvelopes>1</MaxEnvelopes>",
        "<ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[2]\">",
        "<Value xsi:type=\"xsd:unsignedInt\">1</Value>",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    let old = String::from_utf8(inform(0)).unwrap();
    assert!(!old.contains("SupportedCWMPVersions"));
    assert!(old.contains("urn:dslforum-org:cwmp-1-0"));
}

/// C14: what XML forbids never leaves the device.
#[test]
fn forbidden_characters_are_replaced() {
    let mut values = ParameterValues::begin(CONTEXT, 1, 0);
    values.push("Device.A", ValueType::String, "a\u{1}b\u{fffe}<'\">\r");
    let text = String::from_utf8(values.finish()).unwrap();
    assert!(text.contains(">a\u{fffd}b\u{fffd}&lt;&apos;&quot;&gt;&#13;</Value>"), "{text}");
}

/// A fault names the sender's mistakes `Client`, ours `Server`, and each parameter in error (C106).
#[test]
fn a_fault_names_each_parameter_in_error() {
    let all: Vec<_> =
        ["Device.A", "Device.B"].map(|n| (n.to_owned(), Fault::of(FaultCode::NotWritable))).to_vec();
    let text =
        String::from_utf8(cwmp_proto::write_fault(CONTEXT, &Fault::of(FaultCode::InvalidArguments), &all))
            .unwrap();
    assert_eq!(text.matches("<SetParameterValuesFault>").count(), 2);
    assert!(text.contains("<faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>"));
    let ours = String::from_utf8(cwmp_proto::write_fault(CONTEXT, &Fault::of(FaultCode::InternalError), &[]))
        .unwrap();
    assert!(ours.contains("<faultcode>Server</faultcode>"));
}
