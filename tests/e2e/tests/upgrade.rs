//! Firmware is updated and rolls back: today's agent and host on what those of other versions kept.

use std::path::Path;

use cwmp_acs::{Acs, AttributeChange, Options, Session, ValueType};
use cwmp_e2e::{Device, CONNECTION_REQUEST};
use rusqlite::Connection;

/// The agent's store, of each version of its schema.
const AGENT: [&str; 2] = [
    include_str!("../../../agent/store/tests/stores/version-1.sql"),
    include_str!("../../../agent/store/tests/stores/version-2.sql"),
];
/// What a version to come may add to the last of them.
const NEWER_AGENT: &str = include_str!("../../../agent/store/tests/stores/newer.sql");
/// The store of a plugin, of the one version there is.
const PLUGIN: &str = include_str!("../../../plugins/host/tests/stores/version-1.sql");
const NEWER_PLUGIN: &str = include_str!("../../../plugins/host/tests/stores/newer.sql");

const AGENT_FILE: &str = "state/cwmpd.db";
const PLUGIN_FILE: &str = "state/plugins/demo/store.db";

const URL: &str = "Device.ManagementServer.ConnectionRequestURL";
const KEY: &str = "Device.ManagementServer.ParameterKey";
const CODE: &str = "Device.DeviceInfo.ProvisioningCode";
const LABEL: &str = "Device.X_CWMPD_Demo.Label";
const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const BRIGHTNESS: &str = "Device.X_CWMPD_Demo.Lamp.3.Brightness";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";

/// What waits in all of these stores for the ACS, with its command keys.
const WAITING: [(&str, &str); 4] =
    [("1 BOOT", ""), ("4 VALUE CHANGE", ""), ("M Reboot", "from the ACS"), ("X 00AABB Door", "")];

/// A device whose stores were left by others. Nothing runs yet.
fn device(acs: &Acs, agent: &[&str], plugin: &[&str]) -> Device {
    let device = Device::builder().acs(acs.url()).plugin("demo", "").prepare();
    for (file, texts) in [(AGENT_FILE, agent), (PLUGIN_FILE, plugin)] {
        let file = device.path(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let store = Connection::open(file).unwrap();
        for text in texts {
            store.execute_batch(&text.replace("ACS_URL", &acs.url())).unwrap();
        }
    }
    device
}

/// The sessions until everything that waits was told; the last one goes on.
fn told(acs: &Acs) -> (Session, Vec<(String, String)>) {
    let mut told = Vec::new();
    loop {
        let session = acs.session();
        if told.is_empty() {
            assert_eq!(session.retry_count(), 2, "it was tried before");
        }
        if session.has_event("4 VALUE CHANGE") {
            assert_eq!(session.parameter(LEVEL), Some("60"), "it is told with its value");
        }
        let mut codes = session.events();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            told.extend(session.command_keys(code).into_iter().map(|key| (code.to_owned(), key.to_owned())));
        }
        if WAITING.iter().all(|(code, _)| told.iter().any(|(known, _)| known == code)) {
            told.sort();
            return (session, told);
        }
        session.end();
    }
}

fn ask(acs: &Acs, device: &Device) -> Session {
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&device.client().value(URL).unwrap(), user, password), 200);
    acs.session()
}

/// What all of these stores have: settings, rows with their names and aliases, attributes.
fn is_whole(session: &mut Session) {
    assert_eq!(session.get_value(CODE).unwrap(), "code");
    assert_eq!(session.get_value("Device.ManagementServer.PeriodicInformInterval").unwrap(), "7200");
    assert_eq!(session.get_value(LEVEL).unwrap(), "60");
    let rows: Vec<String> = session.names(LAMPS, true).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(rows, [format!("{LAMPS}1."), format!("{LAMPS}3.")]);
    for (name, value) in [
        ("1.Name", "Hall"),
        ("1.Alias", "hall"),
        ("1.Schedule.1.Hour", "22"),
        ("3.Name", "Kitchen"),
        ("3.Alias", "kitchen"),
    ] {
        assert_eq!(session.get_value(&format!("{LAMPS}{name}")).unwrap(), value, "{name}");
    }
    let mut attributes = session.attributes(&[LEVEL, BRIGHTNESS, TEMPERATURE]).unwrap();
    attributes.sort();
    let subscriber = vec!["Subscriber".to_owned()];
    let expected = [
        (BRIGHTNESS.to_owned(), 2, subscriber.clone()),
        (LEVEL.to_owned(), 2, subscriber),
        (TEMPERATURE.to_owned(), 1, Vec::new()),
    ];
    assert_eq!(attributes, expected);
}

/// What an ACS does on any day.
fn ordinary(session: &mut Session) {
    // The highest number that was ever given is 4.
    let (number, _) = session.add(LAMPS, "").unwrap();
    assert_eq!(number, 5);
    let values = [
        (LABEL, ValueType::String, "new"),
        (CODE, ValueType::String, "new"),
        (&format!("{LAMPS}5.Name"), ValueType::String, "Cellar"),
        (&format!("{LAMPS}3.Alias"), ValueType::String, "pantry"),
    ];
    assert_eq!(session.set(&values, "today").unwrap(), 0);
    let change = AttributeChange { name: BRIGHTNESS.into(), notification: Some(1), access_list: None };
    session.set_attributes(&[change]).unwrap();
}

fn is_kept(session: &mut Session) {
    for (name, value) in [
        (LABEL, "new"),
        (CODE, "new"),
        (KEY, "today"),
        (&format!("{LAMPS}5.Name"), "Cellar"),
        (&format!("{LAMPS}3.Alias"), "pantry"),
    ] {
        assert_eq!(session.get_value(name).unwrap(), value, "{name}");
    }
    assert_eq!(session.attributes(&[BRIGHTNESS]).unwrap()[0].1, 1);
}

fn waiting() -> Vec<(String, String)> {
    WAITING.iter().map(|(code, key)| ((*code).to_owned(), (*key).to_owned())).collect()
}

/// C84, C111, C139: firmware is updated while the ACS cannot be reached: nothing is lost, nothing is told twice, and a write
/// that was cut off is carried through.
#[test]
fn what_an_older_agent_and_host_kept_is_used_and_told() {
    for (version, text) in (1..).zip(AGENT) {
        let acs = Acs::start(Options::default());
        let mut device = device(&acs, &[text], &[PLUGIN]);
        device.start();
        device.ready("demo");
        assert_eq!(device.client().property::<String>("Store"), "ok");
        let (mut session, told) = told(&acs);
        assert_eq!(told, waiting(), "version {version}");
        is_whole(&mut session);
        let (label, key) =
            if version == 1 { ("kept", "filled") } else { ("carried through", "carried through") };
        assert_eq!(session.get_value(LABEL).unwrap(), label);
        assert_eq!(session.get_value(KEY).unwrap(), key);
        // Its description was another.
        assert_eq!(session.get_value("Device.X_CWMPD_Demo.Mode").unwrap(), "Normal");
        ordinary(&mut session);
        session.end();
        device.restart();
        device.ready("demo");
        let mut session = ask(&acs, &device);
        assert_eq!(session.events(), ["6 CONNECTION REQUEST"], "nothing is told twice");
        assert_eq!(session.retry_count(), 0);
        is_kept(&mut session);
        session.end();
    }
}

/// One text of a store.
#[track_caller]
fn stored(file: &Path, sql: &str) -> String {
    let text = Connection::open(file).unwrap().query_row(sql, [], |row| row.get::<_, Option<String>>(0));
    text.unwrap_or_else(|e| panic!("{sql}: {e}")).unwrap_or_default()
}

/// C80, C111: firmware rolls back, and goes forward again: what only the newer one knows is neither used nor told, and is
/// there when it returns.
#[test]
fn what_a_newer_agent_and_host_kept_is_used_and_what_only_they_know_is_left_to_them() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs, &[AGENT[1], NEWER_AGENT], &[PLUGIN, NEWER_PLUGIN]);
    device.start();
    device.ready("demo");
    assert_eq!(device.client().property::<String>("Store"), "ok");
    let (mut session, told) = told(&acs);
    assert_eq!(told, waiting());
    is_whole(&mut session);
    assert_eq!(session.get_value(LABEL).unwrap(), "carried through");
    assert_eq!(session.attributes(&["Device.X_CWMPD_Demo.Offset"]).unwrap()[0].1, 0);
    ordinary(&mut session);
    session.end();
    // The firmware that it is going forward to boots.
    device.reboot();
    device.ready("demo");
    let mut session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    is_kept(&mut session);
    session.end();
    device.stop();

    let agent = device.path(AGENT_FILE);
    let plugin = device.path(PLUGIN_FILE);
    for (file, sql, expected) in [
        (
            &agent,
            "SELECT group_concat(seq || ' ' || code || ' ' || command_key || ' ' || data || ' ' || at_unix, '|') FROM events",
            "8 15 DUSK  {\"lux\": 3} 1700000000|9 M Teleport far away  1700000000",
        ),
        (&agent, "SELECT value || ' ' || source FROM settings WHERE path LIKE '%Later'", "set acs"),
        (&agent, "SELECT value || ' ' || source FROM settings WHERE path LIKE '%ProvisioningCode'", "new acs"),
        (&agent, "SELECT value FROM meta WHERE key = 'later'", "a fact"),
        (&agent, "SELECT notification || ' ' || heartbeat FROM attributes WHERE path LIKE '%.Offset'", "300 5"),
        (&agent, "SELECT notification || ' ' || heartbeat FROM attributes WHERE path LIKE '%.Brightness'", "1 60"),
        (&agent, "SELECT kind || ' ' || value FROM reported_values WHERE path LIKE '%.Offset'", "300 7"),
        (&agent, "SELECT alias || ' ' || made_by FROM instances WHERE table_path LIKE '%Lamp.' AND number = 3", "pantry acs"),
        (&agent, "SELECT group_concat(txn || ' ' || phase, '|') FROM transactions", "78 finish|79 commit"),
        (&agent, "SELECT CAST(count(*) AS TEXT) FROM transaction_changes", "3"),
        (&agent, "SELECT c.pem FROM certificates AS c JOIN uses ON uses.name = c.name", "PEM"),
        (&agent, "SELECT CAST(user_version AS TEXT) FROM pragma_user_version", "99"),
        (&plugin, "SELECT CAST(value AS TEXT) || ' ' || origin FROM kv WHERE key = 'settings/Label'", "new acs"),
        (&plugin, "SELECT CAST(value AS TEXT) FROM kv WHERE key = 'later/what'", "a plugin of tomorrow"),
        (&plugin, "SELECT pem FROM certificate", "PEM"),
        (&plugin, "SELECT CAST(count(*) AS TEXT) FROM event", "0"),
        (&plugin, "SELECT CAST(user_version AS TEXT) FROM pragma_user_version", "99"),
    ] {
        assert_eq!(stored(file, sql), expected, "{sql}");
    }
    let log = device.log();
    assert!(log.contains("2 events of a newer agent wait in the store"), "{log}");
    assert!(!log.contains("open sesame"), "no secret is logged");
}

/// What the tests above begin with is what a host of today makes; a new version of it gets a text of its own there.
#[test]
fn a_new_store_of_a_plugin_is_of_the_version_that_is_kept_for_these_tests() {
    let acs = Acs::start(Options::default());
    let mut new = Device::builder().acs(acs.url()).plugin("demo", "").start();
    new.ready("demo");
    new.client().set_value(LABEL, "made").unwrap();
    new.stop();
    let other = Acs::start(Options::default());
    let kept = device(&other, &[], &[PLUGIN]);
    for sql in [
        "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name)",
        "SELECT CAST(user_version AS TEXT) FROM pragma_user_version",
    ] {
        assert_eq!(stored(&new.path(PLUGIN_FILE), sql), stored(&kept.path(PLUGIN_FILE), sql));
    }
}
