//! Sessions by the book, as a test drives them.

mod cpe;

use std::time::Duration;

use cpe::spawn;
use cwmp_acs::{Acs, Cookies, Options, Reply, Request, ValueType};

#[test]
fn every_method_is_a_call_and_its_response_a_value() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| cpe.session(&["0 BOOTSTRAP", "1 BOOT"]));
    let mut session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!(session.device(), "00D09E-Box-1234");
    assert_eq!(session.retry_count(), 0);
    assert_eq!(session.parameter("Device.DeviceInfo.SoftwareVersion"), Some("1.0"));
    assert_eq!(session.offered_versions(), Some("1.0,1.1,1.2,1.3,1.4"));
    let values = session.get(&["Device.DeviceInfo."]).unwrap();
    assert_eq!(values[1].1.text, "<a> & \"b\"");
    assert_eq!(session.get(&["Device.Nothing"]).unwrap_err().code, 9005);
    assert_eq!(session.names("", true).unwrap(), [("Device.".to_owned(), false)]);
    assert_eq!(session.set(&[("Device.A", ValueType::Boolean, "1")], "key").unwrap(), 0);
    assert_eq!(session.add("Device.B.", "").unwrap(), (5, 1));
    assert_eq!(session.delete("Device.B.5.", "").unwrap(), 0);
    assert_eq!(session.attributes(&["Device.A"]).unwrap()[0].1, 2);
    session.set_notifications(&[("Device.A", 1)]).unwrap();
    assert_eq!(session.methods().unwrap(), ["GetRPCMethods", "Reboot"]);
    let answer = session.download_file("1 Firmware Upgrade Image", "http://a/b", "key").unwrap();
    assert_eq!(answer.status, 1);
    session.schedule_inform(60, "soon").unwrap();
    session.reboot("now").unwrap();
    session.factory_reset().unwrap();
    let transcript = session.end();
    assert_eq!(transcript.connections(), [1]);
    assert_eq!(transcript.entries.len(), 15);
    let text = transcript.to_string();
    assert!(text.contains("Inform from 00D09E-Box-1234: 0 BOOTSTRAP, 1 BOOT"), "{text}");
    assert!(text.contains("Reboot (key now)"), "{text}");
    assert!(text.contains("fault 9005"), "{text}");
    assert!(transcript.full().contains("<FaultCode>9005</FaultCode>"));
    cpe.join().unwrap();
    assert_eq!((acs.informs(), acs.open_sessions()), (1, 0));
}

#[test]
fn the_requests_of_a_cpe_are_answered_before_the_acs_speaks() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["2 PERIODIC"]);
        cpe.post(&inform);
        let id = cpe.id();
        let request = cwmp_proto::write_get_rpc_methods(cwmp_proto::Context { namespace: 2, id: &id });
        let answer = String::from_utf8(cpe.post(&request).body).unwrap();
        assert!(answer.contains("<string>TransferComplete</string>"), "{answer}");
        assert!(answer.contains(&id), "{answer}");
        cpe.serve(Vec::new());
    });
    let mut session = acs.session();
    assert_eq!(session.next_request().method(), "GetRPCMethods");
    session.answer();
    session.ready();
    assert_eq!(session.cpe_requests().len(), 1);
    session.end();
    cpe.join().unwrap();
}

#[test]
fn a_cookie_must_come_back_and_then_carries_the_session_to_another_connection() {
    let acs = Acs::start(Options { cookies: Cookies::Several, ..Options::default() });
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["2 PERIODIC"]);
        cpe.post(&inform);
        assert_eq!(cpe.cookies.len(), 3);
        assert!(cpe.cookies.values().map(String::len).sum::<usize>() > 512);
        assert!(cpe.stream.is_none(), "the ACS announced that it closes");
        cpe.serve(Vec::new());
    });
    let mut session = acs.session();
    let inform_response = "<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\"><soap-env:Body><cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes>\
        </cwmp:InformResponse></soap-env:Body></soap-env:Envelope>";
    session.reply(Reply::envelope(inform_response).closing());
    assert_eq!(session.get_value_count(), 2);
    let transcript = session.end();
    assert_eq!(transcript.connections(), [1, 2]);
    cpe.join().unwrap();
}

trait Count {
    fn get_value_count(&mut self) -> usize;
}

impl Count for cwmp_acs::Session {
    fn get_value_count(&mut self) -> usize {
        self.get(&["Device."]).unwrap().len()
    }
}

#[test]
fn sessions_of_several_cpes_are_kept_apart() {
    let acs = Acs::start(Options { cookies: Cookies::None, ..Options::default() });
    let first = spawn(&acs, |cpe| cpe.session(&["1 BOOT"]));
    let mut one = acs.session();
    let second = spawn(&acs, |cpe| {
        let inform = String::from_utf8(cpe.inform(&["2 PERIODIC"])).unwrap().replace("1234", "5678");
        cpe.post(inform.as_bytes());
        cpe.serve(Vec::new());
    });
    let mut two = acs.session();
    assert_eq!(acs.open_sessions(), 2);
    two.ready();
    one.ready();
    assert_eq!(two.device(), "00D09E-Box-5678");
    assert!(one.get(&["Device."]).is_ok());
    assert!(two.get(&["Device."]).is_ok());
    one.end();
    two.end();
    first.join().unwrap();
    second.join().unwrap();
}

#[test]
fn the_silence_of_an_acs_can_be_asserted() {
    let acs = Acs::start(Options::default());
    assert!(acs.try_session().is_none());
    acs.no_session_for(Duration::from_millis(20));
    let cpe = spawn(&acs, |cpe| cpe.session(&["1 BOOT"]));
    acs.session().end();
    cpe.join().unwrap();
    let text = cpe::complaint(move || drop(acs.session_within(Duration::from_millis(20))));
    assert!(text.contains("no session began") && text.contains("1 Informs"), "{text}");
}

#[test]
fn a_request_that_is_held_back_is_marked_so() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        let answer = cpe.post(&inform);
        let message = cwmp_proto::read(&answer.body, cwmp_proto::Limits::default()).unwrap();
        assert!(message.header.hold_requests);
        cpe.serve(Vec::new());
    });
    let mut session = acs.session();
    session.hold_requests(true);
    session.accept();
    session.hold_requests(false);
    session.call(&Request::GetRpcMethods).unwrap();
    session.end();
    cpe.join().unwrap();
}
