//! A store that comes from another device, an identity that was corrected, and one that comes late: the ACS hears of a new device.

use std::path::Path;
use std::time::Duration;

use cwmp_acs::{Acs, Options, Reply, Session, ValueType};
use cwmp_e2e::{Device, CONNECTION_REQUEST};
use rusqlite::Connection;

const URL: &str = "Device.ManagementServer.URL";
const REQUEST_URL: &str = "Device.ManagementServer.ConnectionRequestURL";
const INTERVAL: &str = "Device.ManagementServer.PeriodicInformInterval";
const KEY: &str = "Device.ManagementServer.ParameterKey";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";
const LEVEL: &str = "Device.X_CWMPD_Demo.Level";

fn prepared(acs: &Acs, serial: &str) -> Device {
    let identity = format!(
        "manufacturer = 'Example'\noui = '00AABB'\nproduct_class = 'Box'\nserial_number = '{serial}'\n\
         hardware_version = '1'\nsoftware_version = '0'\n"
    );
    let plugin = "[config]\nwatch_file = 'DEVICE/demo.pipe'\n";
    Device::builder().acs(acs.url()).identity(&identity).plugin("demo", plugin).prepare()
}

fn started(acs: &Acs, serial: &str) -> Device {
    let mut device = prepared(acs, serial);
    device.start();
    device.ready("demo");
    device
}

/// Another device with the same flash, which boots.
fn with_flash_of(device: &Device, acs: &Acs, serial: &str) -> Device {
    let other = prepared(acs, serial);
    copy(&device.path("state"), &other.path("state"));
    std::fs::write(other.path("boot_id"), format!("boot of {serial}\n")).unwrap();
    other
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

#[track_caller]
fn tells(session: &Session, device: &str, events: &[&str]) {
    assert_eq!((session.device().as_str(), session.events()), (device, events.to_vec()));
}

/// What changes from now on is told.
#[track_caller]
fn tells_its_change(acs: &Acs, device: &Device, name: &str) {
    device.client().wait_for("idle");
    device.say("demo", "Temperature=33");
    let session = acs.session();
    tells(&session, name, &["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(TEMPERATURE), Some("33"));
    session.end();
}

/// The store of a device that has ended makes another one bootstrap.
#[track_caller]
fn a_copy_is_a_bootstrap(device: &Device, acs: &Acs) {
    let mut other = with_flash_of(device, acs, "S2");
    other.start();
    let session = acs.session();
    tells(&session, "00AABB-Box-S2", &["0 BOOTSTRAP", "1 BOOT"]);
    session.end();
}

/// A session that the ACS asks for.
fn asked(acs: &Acs, device: &Device) -> Session {
    let (user, password) = CONNECTION_REQUEST;
    let url = device.client().value(REQUEST_URL).unwrap();
    assert_eq!(acs.connection_request(&url, user, password), 200);
    acs.session()
}

/// C48, C71, C86: a copy of a store, with changes and failures of its device, is a new device to the ACS: the bootstrap comes
/// until it was delivered, and once; nothing of the other device is told; what the ACS had set stays.
#[test]
fn a_copy_of_a_store_on_another_device_is_a_bootstrap_once() {
    let acs = Acs::start(Options::default());
    let mut first = started(&acs, "S1");
    let mut session = acs.session();
    tells(&session, "00AABB-Box-S1", &["0 BOOTSTRAP", "1 BOOT"]);
    session.set_notifications(&[(TEMPERATURE, 2), (LEVEL, 1)]).unwrap();
    session.set(&[(INTERVAL, ValueType::UnsignedInt, "7200")], "of the first").unwrap();
    session.end();
    let client = first.client();
    let secret = |url: &str| url.rsplit('/').next().map(str::to_owned);
    let path = secret(&client.value(REQUEST_URL).unwrap());
    client.wait_for("idle");
    // It told 31 degrees, and failed to tell of the level.
    first.say("demo", "Temperature=31");
    let session = acs.session();
    assert_eq!(session.parameter(TEMPERATURE), Some("31"));
    session.end();
    client.wait_for("idle");
    client.set_value(LEVEL, "60").unwrap();
    client.wait_for_change(LEVEL);
    client.inform().unwrap();
    let session = acs.session();
    assert_eq!(session.parameter(LEVEL), Some("60"));
    session.fail_with(Reply::status(503));
    client.wait_for("waiting");
    first.stop();
    // As if a provider had served the version of its firmware.
    let store = Connection::open(first.path("state/cwmpd.db")).unwrap();
    store.execute("INSERT OR REPLACE INTO meta VALUES ('software_version', '1.0')", []).unwrap();
    drop(store);

    let mut second = with_flash_of(&first, &acs, "S2");
    // What it measures is its own: 20 degrees, level 50.
    std::fs::remove_dir_all(second.path("state/plugins")).unwrap();
    second.start();
    let session = acs.session();
    tells(&session, "00AABB-Box-S2", &["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!((session.retry_count(), session.parameter(LEVEL)), (0, None));
    // The power goes before the ACS has answered.
    second.kill();
    drop(session);
    second.start();
    let mut session = acs.session();
    tells(&session, "00AABB-Box-S2", &["0 BOOTSTRAP", "1 BOOT"]);
    let store = Connection::open(second.path("state/cwmpd.db")).unwrap();
    let version = "SELECT count(*) FROM meta WHERE key = 'software_version' AND value = '1.0'";
    assert_eq!(store.query_row(version, [], |row| row.get::<_, u32>(0)).unwrap(), 0);
    drop(store);
    second.ready("demo");
    assert_eq!(session.get_value(INTERVAL).unwrap(), "7200");
    assert_eq!(session.get_value(KEY).unwrap(), "of the first");
    let attributes = session.attributes(&[TEMPERATURE]).unwrap();
    assert_eq!(attributes[0].1, 2);
    assert_eq!(session.get_value(TEMPERATURE).unwrap(), "20");
    session.end();
    let client = second.client();
    client.wait_for("idle");
    assert_ne!(secret(&client.value(REQUEST_URL).unwrap()), path);
    assert_eq!(client.property::<Vec<String>>("PendingChanges"), Vec::<String>::new());

    second.reboot();
    second.ready("demo");
    let session = acs.session();
    tells(&session, "00AABB-Box-S2", &["1 BOOT"]);
    session.end();
    // Its own changes are told.
    tells_its_change(&acs, &second, "00AABB-Box-S2");
}

/// C48: a serial number or product class that was wrong and is corrected is another device, without a boot.
#[test]
fn a_corrected_identity_is_a_bootstrap() {
    let acs = Acs::start(Options::default());
    let mut device = started(&acs, "unknown");
    acs.session().end();
    for (wrong, right, name) in
        [("'unknown'", "'S1'", "00AABB-Box-S1"), ("'Box'", "'Box 2'", "00AABB-Box 2-S1")]
    {
        device.stop();
        let identity = std::fs::read_to_string(device.path("identity.toml")).unwrap();
        std::fs::write(device.path("identity.toml"), identity.replace(wrong, right)).unwrap();
        device.start();
        let session = acs.session();
        tells(&session, name, &["0 BOOTSTRAP"]);
        session.end();
        device.client().wait_for("idle");
    }
    // What is not of the identity may change.
    device.stop();
    let identity = std::fs::read_to_string(device.path("identity.toml")).unwrap();
    std::fs::write(device.path("identity.toml"), identity.replace("'Example'", "'Another'")).unwrap();
    device.start();
    device.ready("demo");
    let session = asked(&acs, &device);
    tells(&session, "00AABB-Box 2-S1", &["6 CONNECTION REQUEST"]);
    session.end();
}

/// C48: an update is no bootstrap: a store of an agent that did not keep whose it is belongs to the device that it is on, from
/// then on.
#[test]
fn a_store_of_an_older_agent_is_that_of_its_device() {
    let acs = Acs::start(Options::default());
    let mut device = started(&acs, "S1");
    acs.session().end();
    device.client().wait_for("idle");
    device.stop();
    let store = Connection::open(device.path("state/cwmpd.db")).unwrap();
    assert_eq!(store.execute("DELETE FROM meta WHERE key = 'device'", []).unwrap(), 1);
    drop(store);
    // Firmware is updated, so it boots.
    std::fs::write(device.path("boot_id"), "boot of the update\n").unwrap();
    device.start();
    let session = acs.session();
    tells(&session, "00AABB-Box-S1", &["1 BOOT"]);
    session.end();
    device.client().wait_for("idle");
    device.stop();
    a_copy_is_a_bootstrap(&device, &acs);
}

/// C168: after a factory reset, also before the agent starts again, a store is still that of its device.
#[test]
fn a_copy_after_a_factory_reset_is_told_from_its_origin() {
    let acs = Acs::start(Options::default());
    let mut device = started(&acs, "S1");
    let mut session = acs.session();
    session.factory_reset().unwrap();
    session.end();
    device.acted("factory-reset", 1);
    device.client().advance(Duration::from_secs(10));
    let session = acs.session();
    tells(&session, "00AABB-Box-S1", &["0 BOOTSTRAP"]);
    session.end();
    device.client().wait_for("idle");
    device.stop();
    a_copy_is_a_bootstrap(&device, &acs);
}

/// C86: what the former ACS was not told is not told to the next one either, also when the value is looked at again.
#[test]
fn a_change_that_a_bootstrap_discards_does_not_come_back() {
    let acs = Acs::start(Options::default());
    let next = Acs::start(Options::default());
    let mut device = started(&acs, "S1");
    let mut session = acs.session();
    session.set_notifications(&[(TEMPERATURE, 2)]).unwrap();
    device.say("demo", "Temperature=31");
    device.client().wait_for_change(TEMPERATURE);
    session.set(&[(URL, ValueType::String, &next.url())], "").unwrap();
    session.end();
    let session = next.session();
    tells(&session, "00AABB-Box-S1", &["0 BOOTSTRAP"]);
    session.end();
    device.client().wait_for("idle");
    // A restart compares every value that is watched.
    device.restart();
    device.ready("demo");
    let session = asked(&next, &device);
    tells(&session, "00AABB-Box-S1", &["6 CONNECTION REQUEST"]);
    session.end();
    tells_its_change(&next, &device, "00AABB-Box-S1");
}

/// C71: what knows the identity may come later at boot than the agent, or fail once.
#[test]
fn an_agent_that_learns_who_the_device_is_ends_to_begin_with_it() {
    let acs = Acs::start(Options::default());
    let mut device = prepared(&acs, "S1");
    std::fs::rename(device.path("identity.toml"), device.path("identity.later")).unwrap();
    device.start();
    device.client().wait_for("unidentified");
    std::fs::rename(device.path("identity.later"), device.path("identity.toml")).unwrap();
    assert_eq!(device.ended().code(), Some(75));
    device.start();
    let session = acs.session();
    tells(&session, "00AABB-Box-S1", &["0 BOOTSTRAP", "1 BOOT"]);
    session.end();
}
