//! Small sessions with ACSs as they are in the field.

use cwmp_acs::{Acs, Options, Personality, ValueType};
use cwmp_e2e::{Device, CONNECTION_REQUEST};

/// From the first contact over discovery, reads and writes to a connection request.
fn manage(personality: Personality) {
    let acs = Acs::start(Options { personality, ..Options::default() });
    let device = Device::builder().acs(acs.url()).plugin("demo", "").start();
    device.ready("demo");
    let mut session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!(session.methods().unwrap().len(), 10);
    assert_eq!(session.names("", true).unwrap().len(), 1);
    assert!(session.names("Device.X_CWMPD_Demo.", false).unwrap().len() > 10);
    let values = session.get(&["Device.DeviceInfo.", "Device.X_CWMPD_Demo."]).unwrap();
    assert!(values.iter().any(|(name, value)| name == "Device.X_CWMPD_Demo.Level" && value.text == "50"));
    let set = [
        ("Device.X_CWMPD_Demo.Level", ValueType::UnsignedInt, "7"),
        ("Device.X_CWMPD_Demo.Enable", ValueType::Boolean, "false"),
        ("Device.X_CWMPD_Demo.Since", ValueType::DateTime, "2024-02-29T10:00:00.000Z"),
        ("Device.X_CWMPD_Demo.Label", ValueType::String, "Küche <1> & more"),
    ];
    assert_eq!(session.set(&set, "").unwrap(), 0);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "7");
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Label").unwrap(), "Küche <1> & more");
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Since").unwrap(), "2024-02-29T10:00:00Z");
    let (number, _) = session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap();
    // What is gone is unknown: ACSs prune by that.
    let row = format!("Device.X_CWMPD_Demo.Lamp.{number}.");
    session.delete(&row, "").unwrap();
    assert_eq!(session.get(&[&row]).unwrap_err().code, 9005);
    session.set_notifications(&[("Device.X_CWMPD_Demo.Level", 2)]).unwrap();
    assert_eq!(session.attributes(&["Device.X_CWMPD_Demo.Level"]).unwrap()[0].1, 2);
    let fault = session.set(&[("Device.X_CWMPD_Demo.Level", ValueType::UnsignedInt, "500")], "").unwrap_err();
    assert_eq!((fault.code, fault.parameters.len()), (9003, 1));
    let url = session.parameter("Device.ManagementServer.ConnectionRequestURL").unwrap().to_owned();
    session.end();
    assert_eq!(acs.connection_request(&url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1), 200);
    let session = acs.session();
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session.end();
    device.client().set_value("Device.X_CWMPD_Demo.Level", "8").unwrap();
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter("Device.X_CWMPD_Demo.Level"), Some("8"));
    assert_eq!(session.retry_count(), 0);
    session.end();
}

#[test]
fn an_acs_by_the_book() {
    manage(Personality::Standard);
}

/// C60, C24, C11: an ACS that refuses a wrong order, a lost cookie, and values without the prefix `xsd`.
#[test]
fn an_acs_like_genieacs() {
    manage(Personality::GenieStrict);
}

/// C20, C4: an ACS that sees no body without a length, and wants the usual prefix.
#[test]
fn an_acs_like_freeacs() {
    manage(Personality::FreeAcs);
}

/// C102, C11, C10, C64, C21: an ACS without types, with wrong counts, empty identifiers, and connections closed at will.
#[test]
fn a_sloppy_acs() {
    manage(Personality::Sloppy);
}
