//! AddObject and DeleteObject.

use cwmp_acs::{Request, ValueType};

use super::{another, refused, spoilt, start, PARAMETER_KEY};

const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const COUNT: &str = "Device.X_CWMPD_Demo.LampNumberOfEntries";

/// C136, C141: a new row has the values of the model, its number and status come back, the key is kept.
#[test]
fn a_new_row_has_its_defaults() {
    let (_acs, _device, mut session) = start();
    assert_eq!(session.add(LAMPS, "added").unwrap(), (1, 0));
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "added");
    assert_eq!(session.get_value(COUNT).unwrap(), "1");
    let mut row: Vec<_> = session.get(&["Device.X_CWMPD_Demo.Lamp.1."]).unwrap();
    row.sort_by(|a, b| a.0.cmp(&b.0));
    let row: Vec<_> = row.iter().map(|(n, v)| (&n[LAMPS.len() + 2..], v.text.as_str())).collect();
    assert_eq!(
        row.iter().filter(|(name, _)| *name != "On").copied().collect::<Vec<_>>(),
        [
            ("Alias", "cpe-1"),
            ("Brightness", "100"),
            ("Colour", "White"),
            ("Name", ""),
            ("ScheduleNumberOfEntries", "0"),
            ("Switched", "0"),
        ]
    );
    assert!(row.iter().any(|(name, value)| *name == "On" && matches!(*value, "0" | "false")), "{row:?}");
    assert_eq!(session.add("Device.X_CWMPD_DemoC.Sensor.", "").unwrap(), (1, 0));
    assert_eq!(session.get_value("Device.X_CWMPD_DemoC.Sensor.1.Threshold").unwrap(), "25");
    session.end();
}

/// C138: each reason has its fault, and none leaves a row or a key behind.
#[test]
fn a_row_that_cannot_be_is_refused() {
    let (_acs, _device, mut session) = start();
    session.set(&[], "before").unwrap();
    for (table, code) in [
        ("Device.X_CWMPD_Demo.Lamp", 9003),
        ("", 9003),
        ("Device.X_CWMPD_Demo.Lamp..", 9003),
        ("Device.X_CWMPD_Demo.Nothing.", 9005),
        ("Device.X_CWMPD_Demo.Big.", 9005),
        ("Device.X_CWMPD_Demo.", 9005),
        ("Device.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.1.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.1.Schedule.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.*.Schedule.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.[left].", 9005),
    ] {
        assert_eq!(refused(session.add(table, "never")), code, "'{table}'");
    }
    let long = Request::AddObject { object: "Device.NAME.".to_owned(), parameter_key: "never".to_owned() };
    assert_eq!(spoilt(&mut session, &long, "NAME", &"x".repeat(250)).code, 9003);
    for _ in 0..16 {
        session.add(LAMPS, "full").unwrap();
    }
    assert_eq!(refused(session.add(LAMPS, "never")), 9004);
    assert_eq!(session.get_value(COUNT).unwrap(), "16");
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "full");
    session.end();
}

/// C140, C141: a row goes with all below it; what is not there, or cannot go, is an invalid name.
#[test]
fn a_row_goes_with_what_is_below_it() {
    let (_acs, _device, mut session) = start();
    session.add(LAMPS, "").unwrap();
    session.add(LAMPS, "").unwrap();
    session.add("Device.X_CWMPD_Demo.Lamp.2.Schedule.", "").unwrap();
    session.set(&[("Device.X_CWMPD_Demo.Lamp.2.Schedule.1.Hour", ValueType::UnsignedInt, "7")], "").unwrap();
    for (row, code) in [
        ("Device.X_CWMPD_Demo.Lamp.3.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.", 9005),
        ("Device.X_CWMPD_Demo.", 9005),
        ("Device.X_CWMPD_Demo.Level", 9003),
        ("Device.X_CWMPD_Demo.Lamp.2", 9003),
        ("Device.X_CWMPD_Demo.Lamp.1.Schedule.1.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.2.Schedule.2.", 9005),
        ("Device.X_CWMPD_Demo.Lamp.*.", 9005),
        ("Device.Nothing.1.", 9005),
    ] {
        assert_eq!(refused(session.delete(row, "never")), code, "{row}");
    }
    assert_eq!(session.delete("Device.X_CWMPD_Demo.Lamp.2.", "deleted").unwrap(), 0);
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "deleted");
    assert_eq!(session.get_value(COUNT).unwrap(), "1");
    for name in [
        "Device.X_CWMPD_Demo.Lamp.2.",
        "Device.X_CWMPD_Demo.Lamp.2.Name",
        "Device.X_CWMPD_Demo.Lamp.2.Schedule.1.Hour",
    ] {
        assert_eq!(refused(session.get(&[name])), 9005, "{name}");
    }
    assert_eq!(refused(session.delete("Device.X_CWMPD_Demo.Lamp.2.", "again")), 9005);
    session.end();
}

/// C140: a row that the device made cannot be deleted.
#[test]
fn a_row_of_the_device_stays() {
    let acs = cwmp_acs::Acs::start(cwmp_acs::Options::default());
    let device = cwmp_e2e::Device::builder().acs(acs.url()).plugin("demo", "[config]\nbig_rows = 2").start();
    device.ready("demo");
    let mut session = acs.session();
    assert_eq!(refused(session.delete("Device.X_CWMPD_Demo.Big.2.", "never")), 9005);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.BigNumberOfEntries").unwrap(), "2");
    session.end();
}

/// C139: numbers are never given twice, in a session, after a restart, and after a boot; and rows keep theirs.
#[test]
fn a_number_is_never_given_again() {
    let (acs, mut device, mut session) = start();
    for expected in 1..=3 {
        assert_eq!(session.add(LAMPS, "").unwrap().0, expected);
    }
    session.set(&[("Device.X_CWMPD_Demo.Lamp.2.Name", ValueType::String, "second")], "").unwrap();
    session.delete("Device.X_CWMPD_Demo.Lamp.1.", "").unwrap();
    session.delete("Device.X_CWMPD_Demo.Lamp.3.", "").unwrap();
    assert_eq!(session.add(LAMPS, "").unwrap().0, 4);
    session.delete("Device.X_CWMPD_Demo.Lamp.4.", "").unwrap();
    session.end();
    device.restart();
    device.ready("demo");
    assert_eq!(device.client().add(LAMPS, &[("Name", "fifth")]).unwrap().0, 5);
    device.client().delete("Device.X_CWMPD_Demo.Lamp.5.").unwrap();
    device.reboot();
    device.ready("demo");
    let mut session = acs.session();
    assert_eq!(session.add(LAMPS, "").unwrap().0, 6);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Lamp.2.Name").unwrap(), "second");
    session.end();
    let mut session = another(&acs, &device);
    let rows: Vec<_> = session.names(LAMPS, true).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(rows, [format!("{LAMPS}2."), format!("{LAMPS}6.")]);
    session.end();
}
