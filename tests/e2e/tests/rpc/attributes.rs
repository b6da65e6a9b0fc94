//! GetParameterAttributes and SetParameterAttributes.

use cwmp_acs::{AttributeChange, Session};
use cwmp_e2e::Refused;

use super::{another, refused, start, DEMO};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const LABEL: &str = "Device.X_CWMPD_Demo.Label";

fn change(name: &str, notification: Option<u32>, access: Option<&[&str]>) -> AttributeChange {
    let access_list = access.map(|list| list.iter().map(|e| (*e).to_owned()).collect());
    AttributeChange { name: name.to_owned(), notification, access_list }
}

/// Notification and access list of one parameter.
#[track_caller]
fn of(session: &mut Session, name: &str) -> (u32, Vec<String>) {
    let found = session.attributes(&[name]).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let (found, level, list) = found.into_iter().next().unwrap();
    assert_eq!(found, name);
    (level, list)
}

fn subscriber() -> Vec<String> {
    vec!["Subscriber".to_owned()]
}

/// C132, C129: attributes are read by name, by path and for everything; forced parameters are active from the start.
#[test]
fn attributes_are_read_by_name_and_by_path() {
    let (_acs, _device, mut session) = start();
    assert_eq!(of(&mut session, LEVEL), (0, subscriber()));
    assert_eq!(of(&mut session, "Device.DeviceInfo.SoftwareVersion").0, 2);
    assert_eq!(of(&mut session, "Device.DeviceInfo.ProvisioningCode").0, 2);
    assert_eq!(of(&mut session, "Device.ManagementServer.ConnectionRequestURL").0, 2);
    assert_eq!(of(&mut session, "Device.ManagementServer.ParameterKey").0, 0);
    let below = session.attributes(&[DEMO]).unwrap();
    assert!(below.iter().all(|(name, ..)| name.starts_with(DEMO) && !name.ends_with('.')));
    let all = session.attributes(&[""]).unwrap();
    assert!(all.len() > below.len() && all.iter().any(|(name, ..)| name == LEVEL));
    assert_eq!(session.attributes(&["Device.X_CWMPD_Demo.Lamp."]).unwrap(), []);
    for name in ["Device.X_CWMPD_Demo.Nothing", "Device.X_CWMPD_Demo.Lamp.1.", "Device.X_CWMPD_Demo.Lamp.*."]
    {
        assert_eq!(refused(session.attributes(&[name])), 9005, "{name}");
        assert_eq!(refused(session.attributes(&[LEVEL, name])), 9005, "{name}");
    }
    session.end();
}

/// C127: only what is marked changes, by name or by path; entries that overlap are applied in their order.
#[test]
fn attributes_change_in_the_order_of_the_list() {
    let (_acs, _device, mut session) = start();
    session.set_attributes(&[change(LEVEL, Some(2), Some(&[]))]).unwrap();
    assert_eq!(of(&mut session, LEVEL), (2, vec![]));
    session.set_attributes(&[change(LEVEL, None, Some(&["Subscriber"]))]).unwrap();
    assert_eq!(of(&mut session, LEVEL), (2, subscriber()));
    session.set_attributes(&[change(LEVEL, Some(1), None)]).unwrap();
    assert_eq!(of(&mut session, LEVEL), (1, subscriber()));
    session.set_attributes(&[change(LEVEL, None, None)]).unwrap();
    assert_eq!(of(&mut session, LEVEL), (1, subscriber()));
    session.set_notifications(&[(DEMO, 1), (LEVEL, 2)]).unwrap();
    assert_eq!((of(&mut session, LEVEL).0, of(&mut session, LABEL).0), (2, 1));
    session.set_notifications(&[(LEVEL, 2), (DEMO, 1)]).unwrap();
    assert_eq!((of(&mut session, LEVEL).0, of(&mut session, LABEL).0), (1, 1));
    session.set_notifications(&[(LEVEL, 1), (LEVEL, 0)]).unwrap();
    assert_eq!(of(&mut session, LEVEL).0, 0);
    session.end();
}

/// C127, C128, C129: all or nothing, each refusal with its code.
#[test]
fn one_refusal_refuses_all() {
    let (_acs, _device, mut session) = start();
    session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap();
    let counter = "Device.X_CWMPD_Demo.Lamp.1.Switched";
    for (bad, code) in [
        (("Device.DeviceInfo.SoftwareVersion", 0), 9009),
        (("Device.DeviceInfo.ProvisioningCode", 1), 9009),
        (("Device.DeviceInfo.", 0), 9009),
        ((counter, 2), 9009),
        ((LABEL, 3), 9003),
        ((LABEL, 6), 9003),
        ((LABEL, 7), 9003),
        (("Device.X_CWMPD_Demo.Nothing", 1), 9005),
        (("Device.X_CWMPD_Demo.Lamp.2.Name", 1), 9005),
    ] {
        assert_eq!(refused(session.set_notifications(&[(LEVEL, 2), bad])), code, "{bad:?}");
        assert_eq!(of(&mut session, LEVEL).0, 0, "{bad:?}");
    }
    let entries = ["Subscriber", "Everybody"];
    let changes = [change(LEVEL, Some(2), None), change(LABEL, None, Some(&entries))];
    assert_eq!(refused(session.set_attributes(&changes)), 9003);
    assert_eq!(of(&mut session, LEVEL).0, 0);
    session.set_notifications(&[(counter, 1), ("Device.ManagementServer.ConnectionRequestURL", 0)]).unwrap();
    assert_eq!(of(&mut session, counter).0, 1);
    session.end();
}

/// C130: attributes outlive restarts and boots; a new row has those of the model, whatever was set at its table.
#[test]
fn attributes_outlive_a_boot_and_end_with_their_row() {
    let (acs, mut device, mut session) = start();
    let lamps = "Device.X_CWMPD_Demo.Lamp.";
    session.add(lamps, "").unwrap();
    session
        .set_attributes(&[change(lamps, Some(1), None), change(LEVEL, Some(2), Some(&["X_A_B"]))])
        .unwrap();
    session.add(lamps, "").unwrap();
    assert_eq!(of(&mut session, "Device.X_CWMPD_Demo.Lamp.2.Name").0, 0);
    session.end();
    device.restart();
    device.ready("demo");
    let mut session = another(&acs, &device);
    assert_eq!(of(&mut session, "Device.X_CWMPD_Demo.Lamp.1.Name").0, 1);
    assert_eq!(of(&mut session, LEVEL), (2, vec!["X_A_B".to_owned()]));
    session.end();
    device.reboot();
    device.ready("demo");
    let mut session = acs.session();
    assert_eq!(of(&mut session, "Device.X_CWMPD_Demo.Lamp.1.Name").0, 1);
    assert_eq!(of(&mut session, LEVEL), (2, vec!["X_A_B".to_owned()]));
    session.end();
}

/// C131: without `Subscriber` in its list a parameter is the ACS's alone; the ACS may always write.
#[test]
fn an_access_list_keeps_the_box_out() {
    let (_acs, device, mut session) = start();
    let client = device.client();
    client.set_value(LEVEL, "1").unwrap();
    session.set_attributes(&[change(LEVEL, None, Some(&[]))]).unwrap();
    assert_denied(client.set_value(LEVEL, "2"));
    let (_, faults) = client.set(&[(LABEL, "x"), (LEVEL, "2")]).unwrap();
    assert_eq!(faults.iter().map(|f| (f.0.as_str(), f.1)).collect::<Vec<_>>(), [(LEVEL, 9001)]);
    assert_eq!(client.value(LABEL).unwrap(), "Demo");
    let set = [(LEVEL, cwmp_acs::ValueType::UnsignedInt, "3")];
    session.set(&set, "").unwrap();
    assert_eq!(client.value(LEVEL).unwrap(), "3");
    session.set_attributes(&[change(LEVEL, None, Some(&["X_00AABB_Hand", "Subscriber"]))]).unwrap();
    client.set_value(LEVEL, "4").unwrap();
    assert_eq!(session.get_value(LEVEL).unwrap(), "4");
    session.end();
}

#[track_caller]
fn assert_denied(answer: Result<u32, Refused>) {
    let error = answer.expect_err("the access list must keep it out");
    assert!(matches!(&error, cwmp_e2e::Refused::Fault(f) if f.code.number() == 9001), "{error:?}");
}
