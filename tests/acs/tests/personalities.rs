//! The manners of ACSs in the field.

mod cpe;

use cpe::{complaint, respond, spawn};
use cwmp_acs::proto::AutonomousTransferComplete;
use cwmp_acs::{Acs, CpeRequest, Incident, Options, Personality, TransferFault, ValueType};

fn start(personality: Personality) -> Acs {
    Acs::start(Options { personality, ..Options::default() })
}

#[test]
fn the_strict_one_refuses_values_without_its_prefix_and_a_wrong_order() {
    let text = complaint(|| {
        let acs = start(Personality::GenieStrict);
        let _cpe = spawn(&acs, |cpe| {
            let inform = String::from_utf8(cpe.inform(&["1 BOOT"])).unwrap().replace("xsd", "xs");
            assert_eq!(cpe.post(inform.as_bytes()).status, 400);
        });
        acs.session().end();
    });
    assert!(text.contains("the ACS refuses a POST: Unknown value type"), "{text}");
    let text = complaint(|| {
        let acs = start(Personality::GenieStrict);
        let _cpe = spawn(&acs, |cpe| {
            let inform = cpe.inform(&["1 BOOT"]);
            cpe.post(&inform);
            cpe.post(b"");
            let late = cwmp_proto::write_get_rpc_methods(cwmp_proto::Context { namespace: 2, id: "x" });
            assert_eq!(cpe.post(&late).status, 400);
        });
        let _ = acs.session().methods();
    });
    assert!(text.contains("the ACS refuses a POST: Bad session state"), "{text}");
}

#[test]
fn the_strict_one_refuses_a_second_session_of_a_device() {
    let acs =
        Acs::start(Options { personality: Personality::GenieStrict, lenient: true, ..Options::default() });
    let first = spawn(&acs, |cpe| cpe.session(&["1 BOOT"]));
    let mut session = acs.session();
    session.ready();
    let second = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        let answer = cpe.post(&inform);
        assert_eq!((answer.status, answer.body.as_slice()), (400, b"CPE already in session".as_slice()));
    });
    second.join().unwrap();
    session.end();
    first.join().unwrap();
    assert!(acs.take_violations().iter().any(|v| v.item == "C70"));
}

#[test]
fn the_trimming_one_sees_no_chunked_body() {
    let acs = Acs::start(Options { personality: Personality::FreeAcs, lenient: true, ..Options::default() });
    let cpe = spawn(&acs, |cpe| {
        cpe.length = false;
        let inform = cpe.inform(&["1 BOOT"]);
        assert_eq!(cpe.post(&inform).status, 400);
        cpe.close();
        cpe.length = true;
        cpe.cookies.clear();
        cpe.session(&["1 BOOT"]);
    });
    let Incident::Refused(transcript) = acs.incident() else { panic!() };
    assert!(transcript.to_string().contains("No content"), "{transcript}");
    acs.session().end();
    cpe.join().unwrap();
}

#[test]
fn the_sloppy_one_sends_what_is_wrong_and_closes_at_will() {
    let acs = start(Personality::Sloppy);
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["1 BOOT"]);
        let answer = cpe.post(&inform);
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert!(text.contains("<ns1:NoMoreRequests>0<") && text.contains("<CurrentTime>"), "{text}");
        assert_eq!(answer.header("Connection"), Some("close"));
        let get = cpe.post(b"");
        let set = cpe.post(&respond(&get.body));
        assert!(cpe.read().is_none(), "it closes without a word");
        let end = cpe.post(&respond(&set.body));
        assert_eq!(end.status, 204);
        let set = String::from_utf8(set.body).unwrap();
        assert!(set.contains("<Value>7</Value>"), "{set}");
        assert!(set.contains("encoding:arrayType=\"cwmp:ParameterValueStruct[0007]\""), "{set}");
        assert!(set.contains("<ns1:ID></ns1:ID>"), "{set}");
    });
    let mut session = acs.session();
    session.ready();
    assert!(session.get(&["Device."]).is_ok());
    assert_eq!(session.set(&[("Device.A", ValueType::Int, "7")], "").unwrap(), 0);
    session.end();
    cpe.join().unwrap();
}

/// What the ACS answers to a request that it may not know.
fn answer(personality: Personality) -> (u16, String) {
    let acs = start(personality);
    let (sender, answer) = std::sync::mpsc::channel();
    let cpe = spawn(&acs, move |cpe| {
        let inform = cpe.inform(&["10 AUTONOMOUS TRANSFER COMPLETE"]);
        cpe.post(&inform);
        let id = cpe.id();
        let request = CpeRequest::AutonomousTransferComplete(AutonomousTransferComplete {
            announce_url: String::new(),
            transfer_url: "http://a/b".to_owned(),
            is_download: true,
            file_type: "1 Firmware Upgrade Image".to_owned(),
            file_size: 0,
            target_file_name: String::new(),
            fault: TransferFault { code: 0, text: String::new() },
            start_time: "0001-01-01T00:00:00Z".to_owned(),
            complete_time: "0001-01-01T00:00:00Z".to_owned(),
        });
        let context = cwmp_proto::Context { namespace: 2, id: &id };
        let answer = cpe.post(&cwmp_proto::write_request(context, &request));
        sender.send((answer.status, String::from_utf8(answer.body).unwrap())).unwrap();
        cpe.serve(Vec::new());
    });
    acs.session().end();
    cpe.join().unwrap();
    answer.recv().unwrap()
}

#[test]
fn a_request_that_is_not_known_is_answered_in_the_manner_of_each() {
    assert_eq!(answer(Personality::FreeAcs), (204, String::new()));
    assert!(answer(Personality::Standard).1.contains("AutonomousTransferCompleteResponse"));
    let (status, broken) = answer(Personality::GenieStrict);
    assert!(broken.contains("<soap-env:Body:Fault>") && broken.contains("8000"), "{broken}");
    assert_eq!(status, 200);
}
