//! Value changes: which are told, when, and to whom.

use std::time::Duration;

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_e2e::{eventually, Client, Device, CONNECTION_REQUEST};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const LABEL: &str = "Device.X_CWMPD_Demo.Label";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";
/// In the plugin in C, whose settings are not pushed.
const QUIET: &str = "Device.X_CWMPD_DemoC.Label";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const COUNT: &str = "Device.X_CWMPD_Demo.LampNumberOfEntries";
const PROVISIONING: &str = "Device.DeviceInfo.ProvisioningCode";
const THROTTLE: &str = "Device.ManagementServer.DefaultActiveNotificationThrottle";

/// A device that was told which changes the ACS wants to know; its first session is over.
fn watched(levels: &[(&str, u32)]) -> (Acs, Device, Client) {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nwatch_file = 'DEVICE/demo.pipe'\n")
        .plugin("demo_c", "")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    let mut session = acs.session();
    session.set_notifications(levels).unwrap();
    session.end();
    let client = device.client();
    (acs, device, client)
}

/// A session that somebody on the box asks for: it tells what waits.
fn asked(acs: &Acs, client: &Client) -> Session {
    client.inform().unwrap();
    acs.session()
}

/// C50, C77, C78: a passive change waits for the next Inform, and is told once.
#[test]
fn a_passive_change_rides_with_the_next_inform() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 1)]);
    device.say("demo", "Temperature=31");
    client.wait_for_change(TEMPERATURE);
    client.settle();
    assert_eq!(acs.informs(), 1);
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["2 PERIODIC", "4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("31"));
    session.end();
    let session = asked(&acs, &client);
    assert_eq!((session.events(), session.parameter(TEMPERATURE)), (vec!["2 PERIODIC"], None));
    session.end();
}

/// C50, C79: an active change opens a session; what is in every Inform causes no event.
#[test]
fn an_active_change_opens_a_session() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 2), (QUIET, 2)]);
    device.say("demo", "Temperature=31");
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("31"));
    assert_eq!(session.parameter_names().len(), 8);
    session.end();
    // By a program on the box, of a plugin that announces nothing, and of the agent itself.
    for name in [QUIET, PROVISIONING] {
        client.set_value(name, "new").unwrap();
        let session = acs.session();
        assert_eq!(session.events(), ["4 VALUE CHANGE"]);
        assert_eq!(session.parameter(name), Some("new"));
        session.end();
    }
}

/// C112, C134: what the ACS does itself it is not told, be it a value or a row.
#[test]
fn what_the_acs_changes_is_not_told() {
    let (acs, device, client) = watched(&[(LEVEL, 2), (LABEL, 1), (QUIET, 2), (COUNT, 2)]);
    let mut session = asked(&acs, &client);
    let values = [
        (LEVEL, ValueType::UnsignedInt, "7"),
        (LABEL, ValueType::String, "mine"),
        (QUIET, ValueType::String, "mine"),
        (PROVISIONING, ValueType::String, "mine"),
    ];
    session.set(&values, "").unwrap();
    session.add(LAMPS, "").unwrap();
    session.add(LAMPS, "").unwrap();
    session.delete(&format!("{LAMPS}1."), "").unwrap();
    session.end();
    // Nor after a restart, which compares all that is watched.
    client.settle();
    let mut device = device;
    device.restart();
    device.ready("demo");
    device.ready("demo_c");
    let client = device.client();
    client.settle();
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["2 PERIODIC"]);
    session.end();
    assert_eq!(acs.informs(), 3);
}

/// C78: a value that changed and came back is told, with the value of now.
#[test]
fn a_value_that_came_back_is_told() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 1)]);
    let mut heard = client.listen();
    device.say("demo", "Temperature=31");
    client.hears(&mut heard, TEMPERATURE);
    device.say("demo", "Temperature=20");
    client.hears(&mut heard, TEMPERATURE);
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["2 PERIODIC", "4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("20"));
    session.end();
}

/// C51, C53: changes during a session do not disturb it, and are told together by one session after it.
#[test]
fn changes_during_a_session_are_told_by_one_after_it() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 2), (LEVEL, 2), (LABEL, 1), (PROVISIONING, 2)]);
    let mut session = asked(&acs, &client);
    session.ready();
    device.say("demo", "Temperature=31");
    client.wait_for_change(TEMPERATURE);
    client.set(&[(LEVEL, "9"), (LABEL, "box"), (PROVISIONING, "box")]).unwrap();
    for name in [LEVEL, LABEL, PROVISIONING] {
        client.wait_for_change(name);
    }
    assert_eq!(session.get_value(TEMPERATURE).unwrap(), "31");
    // The ACS overwrites a change that it does not know of: it is told what holds now.
    session.set(&[(PROVISIONING, ValueType::String, "acs")], "").unwrap();
    session.end();
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    for (name, value) in [(TEMPERATURE, "31"), (LEVEL, "9"), (LABEL, "box"), (PROVISIONING, "acs")] {
        assert_eq!(session.parameter(name), Some(value), "{name}");
    }
    session.end();
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["2 PERIODIC"]);
    session.end();
    assert_eq!(acs.informs(), 4);
}

/// C133: a change while the agent was away is found, the active one opens a session, the passive one rides with it.
#[test]
fn a_change_while_the_agent_was_away_is_found() {
    let (acs, mut device, _client) = watched(&[(TEMPERATURE, 2), (LABEL, 1)]);
    device.kill();
    // The host lives on, and keeps what the device says.
    device.say("demo", "Label=while away");
    device.say("demo", "Temperature=-5");
    device.start();
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("-5"));
    session.end();
    let client = device.client();
    client.settle();
    let session = asked(&acs, &client);
    // It came with the first or comes with this one, as the plugin was faster or slower than the session.
    assert!(session.parameter(LABEL).is_none_or(|label| label == "while away"));
    session.end();
    assert_eq!(client.property::<Vec<String>>("PendingChanges"), Vec::<String>::new());
}

/// C133, C111: another software version after a boot is told with it.
#[test]
fn another_software_version_is_told() {
    let (acs, mut device, _client) = watched(&[]);
    device.stop();
    let identity = std::fs::read_to_string(device.path("identity.toml")).unwrap();
    std::fs::write(
        device.path("identity.toml"),
        identity.replace("software_version = '0'", "software_version = '1'"),
    )
    .unwrap();
    device.start();
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter("Device.DeviceInfo.SoftwareVersion"), Some("1"));
    session.end();
}

/// C78: changes that wait outlive a restart of the agent, active ones and passive ones.
#[test]
fn changes_that_wait_outlive_a_restart() {
    let (acs, mut device, client) = watched(&[(TEMPERATURE, 2), (LABEL, 1), (THROTTLE, 0)]);
    let mut session = asked(&acs, &client);
    session.set(&[(THROTTLE, ValueType::UnsignedInt, "3600")], "").unwrap();
    session.end();
    device.say("demo", "Temperature=31");
    client.set_value(LABEL, "box").unwrap();
    client.wait_for_change(TEMPERATURE);
    client.wait_for_change(LABEL);
    assert_eq!(acs.informs(), 2);
    device.restart();
    // The throttle counts from a success that this run has not seen.
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("31"));
    session.end();
    device.ready("demo");
    let client = device.client();
    client.settle();
    let session = asked(&acs, &client);
    session.end();
    assert_eq!(client.property::<Vec<String>>("PendingChanges"), Vec::<String>::new());
}

/// C134: rows that come and go are told by the count of their table.
#[test]
fn rows_that_come_and_go_are_told_by_their_count() {
    let (acs, device, client) = watched(&[(COUNT, 2)]);
    client.add(LAMPS, &[]).unwrap();
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(COUNT), Some("1"));
    session.end();
    client.delete(&format!("{LAMPS}1.")).unwrap();
    let session = acs.session();
    assert_eq!(session.parameter(COUNT), Some("0"));
    session.end();
    drop(device);
}

/// C94, C52: the throttle holds back sessions for changes alone; any other cause carries them.
#[test]
fn the_throttle_holds_back_changes_only() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 2)]);
    let mut session = asked(&acs, &client);
    session.set(&[(THROTTLE, ValueType::UnsignedInt, "60")], "").unwrap();
    session.end();
    device.say("demo", "Temperature=31");
    client.wait_for_change(TEMPERATURE);
    eventually("a session is planned", || client.next_inform().filter(|rest| (50..=60).contains(rest)));
    client.advance(Duration::from_secs(50));
    client.settle();
    assert_eq!(acs.informs(), 2);
    client.advance(Duration::from_secs(10));
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("31"));
    session.end();
    device.say("demo", "Temperature=32");
    client.wait_for_change(TEMPERATURE);
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("32"));
    session.end();
    device.say("demo", "Temperature=33");
    client.wait_for_change(TEMPERATURE);
    let url = client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    assert_eq!(acs.connection_request(&url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1), 200);
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    session.end();
}

/// C83, C78: a change that a session failed to tell is told by the next, with the value of then.
#[test]
fn a_change_is_told_until_the_acs_has_it() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 2)]);
    let mut heard = client.listen();
    device.say("demo", "Temperature=31");
    client.hears(&mut heard, TEMPERATURE);
    acs.session().fail_with(cwmp_acs::Reply::status(500));
    client.wait_for("waiting");
    device.say("demo", "Temperature=32");
    client.hears(&mut heard, TEMPERATURE);
    client.advance(Duration::from_secs(10));
    let session = acs.session();
    assert_eq!((session.events(), session.retry_count()), (vec!["4 VALUE CHANGE"], 1));
    assert_eq!(session.parameter(TEMPERATURE), Some("32"));
    session.end();
}

/// C33, C118: a secret that changes is never told.
#[test]
fn a_secret_is_never_told() {
    let secrets = ["Device.X_CWMPD_Demo.Password", "Device.ManagementServer.ConnectionRequestPassword"];
    let (acs, device, client) = watched(&[(secrets[0], 2), (secrets[1], 2), (TEMPERATURE, 1)]);
    for name in secrets {
        client.set_value(name, "hidden words").unwrap();
    }
    device.say("demo", "Password=other hidden words");
    device.say("demo", "Temperature=31");
    client.wait_for_change(TEMPERATURE);
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["2 PERIODIC", "4 VALUE CHANGE"]);
    for name in secrets {
        assert_eq!(session.parameter(name), None);
    }
    let transcript = session.end();
    assert!(!transcript.full().contains("hidden words"));
    assert!(!device.log().contains("hidden words"));
}

/// C130: what is turned off is told no more, and what waits of it is forgotten.
#[test]
fn what_is_turned_off_is_not_told() {
    let (acs, device, client) = watched(&[(TEMPERATURE, 1), (LABEL, 1)]);
    let mut session = asked(&acs, &client);
    session.ready();
    device.say("demo", "Temperature=31");
    client.wait_for_change(TEMPERATURE);
    session.set_notifications(&[(TEMPERATURE, 0)]).unwrap();
    session.end();
    device.say("demo", "Temperature=32");
    device.say("demo", "Label=last");
    client.wait_for_change(LABEL);
    let session = asked(&acs, &client);
    assert_eq!(session.parameter(TEMPERATURE), None);
    assert_eq!(session.parameter(LABEL), Some("last"));
    session.end();
}
