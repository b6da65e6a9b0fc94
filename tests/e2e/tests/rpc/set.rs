//! SetParameterValues.

use cwmp_acs::{Acs, IncomingValue, Options, Request, Session, ValueType, XsiType};
use cwmp_e2e::Device;

use super::{another, refused, spoilt, start, DEMO, DEMO_C, PARAMETER_KEY};

use ValueType::{Boolean, DateTime, Int, String as Text, UnsignedInt};

type Faults = Vec<(String, u32)>;

/// The faults of single parameters, and the code of the whole.
#[track_caller]
fn faults(session: &mut Session, values: &[(&str, ValueType, &str)]) -> (u32, Faults) {
    let fault = session.set(values, "never").expect_err("this must be refused");
    let mut faults: Faults = fault.parameters.into_iter().map(|(name, code, _)| (name, code)).collect();
    faults.sort();
    (fault.code, faults)
}

fn demo(name: &str) -> String {
    format!("{DEMO}{name}")
}

/// C106, C103, C107: every parameter in error is named, in one fault, over two plugins and the agent; nothing changes.
#[test]
fn every_parameter_in_error_is_named_at_once() {
    let (_acs, _device, mut session) = start();
    session.set(&[], "before").unwrap();
    let (code, faults) = faults(
        &mut session,
        &[
            ("Device.X_CWMPD_Demo.Label", Text, "good"),
            ("Device.X_CWMPD_Demo.Level", UnsignedInt, "101"),
            ("Device.X_CWMPD_Demo.Temperature", Int, "5"),
            ("Device.X_CWMPD_Demo.Enable", Text, "true"),
            ("Device.X_CWMPD_Demo.Offset", Int, "many"),
            ("Device.X_CWMPD_Demo.", Text, "x"),
            ("Device.X_CWMPD_DemoC.Label", Text, "good"),
            ("Device.X_CWMPD_DemoC.Mode", Text, "Wrong"),
            ("Device.X_CWMPD_DemoC.Nothing", Text, "x"),
            ("Device.X_CWMPD_DemoC.Sensor.1.Name", Text, "x"),
            ("Device.ManagementServer.PeriodicInformInterval", UnsignedInt, "0"),
            ("Device.ManagementServer.URL", Text, "ftp://example.com/"),
            ("Device.ManagementServer.Username", Text, "good"),
            ("Device.DeviceInfo.SerialNumber", Text, "x"),
            ("Device.DeviceInfo.ProvisioningCode", Text, &"x".repeat(65)),
        ],
    );
    assert_eq!(code, 9003);
    let expected: Faults = [
        ("Device.DeviceInfo.ProvisioningCode", 9007),
        ("Device.DeviceInfo.SerialNumber", 9008),
        ("Device.ManagementServer.PeriodicInformInterval", 9007),
        ("Device.ManagementServer.URL", 9007),
        ("Device.X_CWMPD_Demo.", 9005),
        ("Device.X_CWMPD_Demo.Enable", 9006),
        ("Device.X_CWMPD_Demo.Level", 9007),
        ("Device.X_CWMPD_Demo.Offset", 9006),
        ("Device.X_CWMPD_Demo.Temperature", 9008),
        ("Device.X_CWMPD_DemoC.Mode", 9007),
        ("Device.X_CWMPD_DemoC.Nothing", 9005),
        ("Device.X_CWMPD_DemoC.Sensor.1.Name", 9005),
    ]
    .map(|(name, code)| (name.to_owned(), code))
    .into();
    assert_eq!(faults, expected);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Label").unwrap(), "Demo");
    assert_eq!(session.get_value("Device.X_CWMPD_DemoC.Label").unwrap(), "Demo in C");
    assert_eq!(session.get_value("Device.ManagementServer.Username").unwrap(), "");
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "before");
    session.end();
}

/// C106: what only a plugin can see is in the same fault as what the model says.
#[test]
fn a_fault_of_a_plugin_stands_beside_those_of_the_model() {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true")
        .plugin("demo_c", "[config]\nfailures = true")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    let mut session = acs.session();
    session.set(&[("Device.X_CWMPD_Demo.Test.Fail", Text, "prepare")], "").unwrap();
    let (code, faults) = faults(
        &mut session,
        &[
            ("Device.X_CWMPD_Demo.Label", Text, "x"),
            ("Device.X_CWMPD_DemoC.Label", Text, "x"),
            ("Device.X_CWMPD_DemoC.Level", UnsignedInt, "1000"),
        ],
    );
    assert_eq!(code, 9003);
    let names: Vec<_> = faults.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Device.X_CWMPD_Demo.Label", "Device.X_CWMPD_DemoC.Level"]);
    assert_eq!(session.get_value("Device.X_CWMPD_DemoC.Label").unwrap(), "Demo in C");
    session.end();
}

/// C105: the same parameter twice is an invalid argument, named.
#[test]
fn a_parameter_may_be_set_once_only() {
    let (_acs, _device, mut session) = start();
    let label = "Device.X_CWMPD_Demo.Label";
    let found = faults(&mut session, &[(label, Text, "a"), (label, Text, "a")]);
    assert_eq!(found, (9003, vec![(label.to_owned(), 9003)]));
    let own = "Device.ManagementServer.Username";
    let found = faults(&mut session, &[(own, Text, "a"), (label, Text, "b"), (own, Text, "c")]);
    assert_eq!(found, (9003, vec![(own.to_owned(), 9003)]));
    assert_eq!(session.get_value(label).unwrap(), "Demo");
    session.end();
}

/// C102, C100, C101, C142: the type may be missing, must not be wrong, and values are read in every form of theirs.
#[test]
fn values_come_in_many_forms() {
    let (_acs, _device, mut session) = start();
    let mut set = |name: &str, xsi_type, text: &str| {
        let value = IncomingValue { name: name.to_owned(), xsi_type, text: text.to_owned() };
        session.call(&Request::SetParameterValues { values: vec![value], parameter_key: String::new() })?;
        session.get_value(name)
    };
    let known = XsiType::Known;
    for (name, kind, text, read) in [
        ("Level", XsiType::Missing, "7", "7"),
        ("Level", known(UnsignedInt), " +008 ", "8"),
        ("Offset", known(Int), "-040", "-40"),
        ("Offset", known(Int), "-0", "0"),
        ("Enable", known(Boolean), " false ", "false"),
        ("Enable", known(Boolean), "1", "true"),
        ("Enable", XsiType::Missing, "0", "false"),
        ("Label", known(Text), "  two  spaces ", "  two  spaces "),
        ("Label", XsiType::Missing, "<&>\"'é☃", "<&>\"'é☃"),
        ("Label", known(Text), "", ""),
        ("Since", known(DateTime), "2024-02-29T23:30:00+01:00", "2024-02-29T22:30:00Z"),
        ("Since", known(DateTime), "2024-02-29T22:30:00.000Z", "2024-02-29T22:30:00Z"),
        ("Since", known(DateTime), "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ] {
        // Booleans are sent in one form; either is one.
        let given = set(&demo(name), kind, text).unwrap_or_else(|f| panic!("{name}: {f:?}"));
        let given = if name == "Enable" { given.replace('1', "true").replace('0', "false") } else { given };
        assert_eq!(given, read, "{name} = '{text}'");
    }
    for (name, kind, text, code) in [
        ("Level", XsiType::Unknown, "7", 9006),
        ("Level", known(Int), "7", 9006),
        ("Level", known(Text), "7", 9006),
        ("Label", known(Boolean), "1", 9006),
        ("Since", known(Text), "2024-02-29T22:30:00Z", 9006),
        ("Level", known(UnsignedInt), "-1", 9006),
        ("Level", known(UnsignedInt), "", 9006),
        ("Level", XsiType::Missing, "seven", 9006),
        ("Level", known(UnsignedInt), "99999999999999999999", 9006),
        ("Enable", known(Boolean), "yes", 9006),
        ("Since", known(DateTime), "2023-02-29T00:00:00Z", 9006),
        ("Mode", known(Text), "eco", 9007),
    ] {
        let fault = set(&demo(name), kind, text).expect_err(name);
        let parameters: Vec<_> = fault.parameters.iter().map(|(n, c, _)| (n.as_str(), *c)).collect();
        assert_eq!((fault.code, parameters), (9003, vec![(demo(name).as_str(), code)]), "{name} = '{text}'");
    }
    session.end();
}

/// C104: what counts is how it will be: two aliases change places, whatever comes first.
#[test]
fn two_rows_can_swap_their_aliases() {
    let (_acs, _device, mut session) = start();
    for _ in 0..3 {
        session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap();
    }
    let [one, two, three] = [1, 2, 3].map(|n| format!("{DEMO}Lamp.{n}.Alias"));
    session.set(&[(&one, Text, "left"), (&two, Text, "right")], "").unwrap();
    assert_eq!(session.get_value(&three).unwrap(), "cpe-3");
    session.set(&[(&one, Text, "right"), (&two, Text, "left")], "").unwrap();
    assert_eq!(session.get_value(&one).unwrap(), "right");
    assert_eq!(session.get_value(&two).unwrap(), "left");
    // A row moves out of the way in the same request.
    session.set(&[(&three, Text, "left"), (&two, Text, "middle")], "").unwrap();
    let found = faults(&mut session, &[(&one, Text, "same"), (&two, Text, "same")]);
    assert_eq!(found, (9003, vec![(one.clone(), 9007), (two.clone(), 9007)]));
    assert_eq!(faults(&mut session, &[(&one, Text, "cpe-x"), (&two, Text, "left")]).1, [(two.clone(), 9007)]);
    for bad in ["", "1st", &"x".repeat(65)] {
        assert_eq!(faults(&mut session, &[(&one, Text, bad)]).1, [(one.clone(), 9007)], "{bad}");
    }
    assert_eq!(session.get_value(&one).unwrap(), "right");
    session.end();
}

/// C145, C104: unique keys bind the rows as they will be; each parameter involved is named.
#[test]
fn a_unique_key_is_unique() {
    let (_acs, device, mut session) = start();
    let lamps = "Device.X_CWMPD_Demo.Lamp.";
    session.add(lamps, "").unwrap();
    let [one, two] = [1, 2].map(|n| format!("{lamps}{n}.Name"));
    session.set(&[(&one, Text, "desk")], "").unwrap();
    session.add(lamps, "").unwrap();
    assert_eq!(faults(&mut session, &[(&two, Text, "desk")]), (9003, vec![(two.clone(), 9007)]));
    session.set(&[(&two, Text, "desk"), (&one, Text, "wall")], "").unwrap();
    session.set(&[(&one, Text, "desk"), (&two, Text, "wall")], "").unwrap();
    let both = faults(&mut session, &[(&one, Text, "same"), (&two, Text, "same")]);
    assert_eq!(both, (9003, vec![(one.clone(), 9007), (two.clone(), 9007)]));
    assert_eq!(session.get_value(&one).unwrap(), "desk");
    session.end();
    let client = device.client();
    let (number, _, faults) = client.add(lamps, &[("Name", "desk")]).unwrap();
    assert_eq!((number, faults.len(), faults[0].1), (0, 1, 9007));
    assert_eq!(client.value("Device.X_CWMPD_Demo.LampNumberOfEntries").unwrap(), "2");
}

/// C108: the key is kept of what succeeded, of an empty list too, and of nothing else.
#[test]
fn the_parameter_key_is_that_of_the_last_success() {
    let (acs, device, mut session) = start();
    session.set(&[("Device.X_CWMPD_Demo.Level", UnsignedInt, "1")], "one").unwrap();
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "one");
    refused(session.set(&[("Device.X_CWMPD_Demo.Level", UnsignedInt, "1000")], "two"));
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "one");
    let longest = "k".repeat(32);
    session.set(&[], &longest).unwrap();
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), longest);
    let long = Request::SetParameterValues { values: Vec::new(), parameter_key: "KEY".to_owned() };
    assert_eq!(spoilt(&mut session, &long, "KEY", &"k".repeat(33)).code, 9003);
    assert_eq!(faults(&mut session, &[(PARAMETER_KEY, Text, "x")]).1, [(PARAMETER_KEY.to_owned(), 9008)]);
    session.set(&[], "").unwrap();
    assert_eq!(session.get_value(PARAMETER_KEY).unwrap(), "");
    session.set(&[], "last").unwrap();
    session.end();
    // What a bus client changes leaves it alone.
    device.client().set_value("Device.X_CWMPD_Demo.Level", "3").unwrap();
    let session = another(&acs, &device);
    assert_eq!(session.parameter(PARAMETER_KEY), Some("last"));
    session.end();
}

/// C109, C114: a value is read as it was written in the same session; writing what is there already succeeds.
#[test]
fn a_value_is_seen_at_once() {
    let (_acs, device, mut session) = start();
    let names = [demo("Label"), format!("{DEMO_C}Label"), "Device.DeviceInfo.ProvisioningCode".to_owned()];
    for text in ["new", "new", "newer"] {
        let values: Vec<_> = names.iter().map(|n| (n.as_str(), Text, text)).collect();
        assert_eq!(session.set(&values, "").unwrap(), 0);
        for name in &names {
            assert_eq!(session.get_value(name).unwrap(), text);
            assert_eq!(device.client().value(name).unwrap(), text);
        }
    }
    session.end();
}

/// C111: values, rows, aliases and the key outlive the agent, the hosts, and a boot.
#[test]
fn what_was_set_outlives_agent_hosts_and_boots() {
    let (acs, mut device, mut session) = start();
    session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap();
    session.add("Device.X_CWMPD_DemoC.Sensor.", "").unwrap();
    let values = [
        ("Device.X_CWMPD_Demo.Lamp.1.Alias", "kitchen"),
        ("Device.X_CWMPD_Demo.Lamp.1.Name", "a lamp"),
        ("Device.X_CWMPD_DemoC.Sensor.1.Name", "a sensor"),
        ("Device.X_CWMPD_DemoC.Label", "C"),
        ("Device.DeviceInfo.ProvisioningCode", "TLCO.GRP2"),
    ];
    let set: Vec<_> = values.iter().map(|(name, text)| (*name, Text, *text)).collect();
    session.set(&set, "kept").unwrap();
    session.end();
    for round in 0..3 {
        match round {
            0 => device.restart(),
            1 => {
                device.kill();
                device.start();
            }
            _ => device.reboot(),
        }
        device.ready("demo");
        device.ready("demo_c");
        let mut session = if round < 2 { another(&acs, &device) } else { acs.session() };
        for (name, text) in values {
            assert_eq!(session.get_value(name).unwrap(), text, "{name} in round {round}");
        }
        assert_eq!(session.parameter(PARAMETER_KEY), Some("kept"));
        session.end();
    }
}
