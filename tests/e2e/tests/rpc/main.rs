//! The RPCs of an ACS, on a whole device with two plugins.

mod attributes;
mod daemon;
mod reading;
mod rows;
mod set;

use cwmp_acs::{Acs, CpeFault, Options, Request, Session};
use cwmp_e2e::Device;

/// The base of the plugin in Rust.
const DEMO: &str = "Device.X_CWMPD_Demo.";
/// The base of the plugin in C.
const DEMO_C: &str = "Device.X_CWMPD_DemoC.";
const PARAMETER_KEY: &str = "Device.ManagementServer.ParameterKey";

/// A device with both plugins, in its first session.
fn start() -> (Acs, Device, Session) {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).plugin("demo", "").plugin("demo_c", "").start();
    device.ready("demo");
    device.ready("demo_c");
    let session = acs.session();
    (acs, device, session)
}

/// A session that somebody on the box asks for.
fn another(acs: &Acs, device: &Device) -> Session {
    device.client().inform().unwrap();
    acs.session()
}

/// The code of the fault that a request must draw.
#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, CpeFault>) -> u32 {
    answer.expect_err("this must be refused").code
}

/// Sends a request that was spoilt: every `from` in its envelope is `to`.
#[track_caller]
fn spoilt(session: &mut Session, request: &Request, from: &str, to: &str) -> CpeFault {
    session.ready();
    let envelope = session.envelope(request);
    assert!(envelope.contains(from), "{envelope}");
    session.send_raw_envelope(envelope.replace(from, to));
    session.response().expect_err("this must be refused")
}

/// C95, C97: exactly what is served is listed.
#[test]
fn ten_methods_are_served() {
    let (_acs, _device, mut session) = start();
    let mut methods = session.methods().unwrap();
    methods.sort_unstable();
    assert_eq!(
        methods,
        [
            "AddObject",
            "DeleteObject",
            "FactoryReset",
            "GetParameterAttributes",
            "GetParameterNames",
            "GetParameterValues",
            "GetRPCMethods",
            "Reboot",
            "SetParameterAttributes",
            "SetParameterValues",
        ]
    );
    session.end();
}

/// C98, C97: what is not listed is not supported, be it of the standard, of a vendor, or our own; the session goes on.
#[test]
fn any_other_method_is_not_supported() {
    let (_acs, _device, mut session) = start();
    assert_eq!(refused(session.download_file("1 Firmware Upgrade Image", "http://127.0.0.1/", "k")), 9000);
    assert_eq!(refused(session.schedule_inform(1, "k")), 9000);
    for method in ["X_00AABB_Dance", "Inform", "TransferComplete", "Upload", "ChangeDUState", "getrpcmethods"]
    {
        let to = format!("cwmp:{method}");
        let fault = spoilt(&mut session, &Request::GetRpcMethods, "cwmp:GetRPCMethods", &to);
        assert_eq!((fault.code, fault.soap_code.as_str()), (9000, "Server"), "{method}");
    }
    assert_eq!(session.methods().unwrap().len(), 10);
    session.end();
}

/// C12: a header that must be understood and is not draws the fault of SOAP; another one is ignored.
#[test]
fn only_headers_that_must_be_understood_matter() {
    let (_acs, _device, mut session) = start();
    let header = |must: u8| {
        format!(r#"<x:H xmlns:x="urn:x" soap-env:mustUnderstand="{must}">1</x:H></soap-env:Header>"#)
    };
    let fault = spoilt(&mut session, &Request::GetRpcMethods, "</soap-env:Header>", &header(1));
    assert_eq!(fault.soap_code, "MustUnderstand");
    session.ready();
    let envelope = session.envelope(&Request::GetRpcMethods).replace("</soap-env:Header>", &header(0));
    session.send_raw_envelope(envelope);
    session.response().unwrap();
    session.end();
}

/// C10: whatever identifies a request comes back with its answer, in success and in fault.
#[test]
fn any_id_comes_back() {
    let (_acs, _device, mut session) = start();
    for id in ["", " two  spaces ", "Ünïcödé ☃", "&amp;&lt;&#9;", &"x".repeat(2000)] {
        for request in [
            Request::GetRpcMethods,
            Request::AddObject { object: "Device.".into(), parameter_key: String::new() },
        ] {
            session.ready();
            let envelope = session.envelope(&request);
            let start = envelope.find("acs-").unwrap();
            let end = start + envelope[start..].find('<').unwrap();
            // The ACS notices an answer with another ID.
            session.send_raw_envelope(format!("{}{id}{}", &envelope[..start], &envelope[end..]));
            let answer = session.response();
            assert_eq!(answer.is_err(), request != Request::GetRpcMethods, "{id}");
        }
    }
    session.end();
}
