//! What opens a session, and which events it tells.

use std::time::Duration;

use cwmp_acs::{Acs, Options, Reply, Session, ValueType};
use cwmp_e2e::{eventually, Client, Device, Refused, CONNECTION_REQUEST};
use cwmp_model::date_time;

use ValueType::{Boolean, DateTime, Int, String as Text, UnsignedInt};

const SERVER: &str = "Device.ManagementServer.";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";

fn server(name: &str) -> String {
    format!("{SERVER}{name}")
}

/// A device with a plugin, whose first session is over.
fn known() -> (Acs, Device) {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    acs.session().end();
    (acs, device)
}

fn device(acs: &Acs) -> Device {
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nwatch_file = 'DEVICE/demo.pipe'\n")
        .start();
    device.ready("demo");
    device
}

fn asked(acs: &Acs, client: &Client) -> Session {
    client.inform().unwrap();
    acs.session()
}

/// The date in the Inform, in seconds since 1970.
fn moment(session: &Session) -> i64 {
    date_time::unix_seconds(&session.inform().current_time).unwrap()
}

/// C1, C5, C50, C71, C72, C73, C75: the first contact is a bootstrap and a boot; what an Inform must have is there.
#[test]
fn the_first_session_is_a_bootstrap_and_a_boot() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!((session.namespace(), session.offered_versions()), (2, Some("1.0,1.1,1.2,1.3,1.4")));
    assert_eq!((session.device().as_str(), session.retry_count()), ("00AABB-Box-S1", 0));
    assert_eq!(session.inform().manufacturer, "Example");
    assert!((device.client().now() - moment(&session)).abs() <= 2);
    for (name, value) in [
        ("Device.RootDataModelVersion", "2.19"),
        ("Device.DeviceInfo.HardwareVersion", "1"),
        ("Device.DeviceInfo.SoftwareVersion", "0"),
        ("Device.DeviceInfo.ProvisioningCode", ""),
        ("Device.ManagementServer.ParameterKey", ""),
    ] {
        assert_eq!(session.parameter(name), Some(value), "{name}");
    }
    let url = session.parameter("Device.ManagementServer.ConnectionRequestURL").unwrap();
    assert!(url.starts_with("http://127."), "{url}");
    assert!(matches!(session.parameter("Device.ManagementServer.AliasBasedAddressing"), Some("0" | "false")));
    session.end();
    assert_eq!(acs.connections(), 1);
}

/// C50, C85: a boot is told as one, a restart of the agent is none.
#[test]
fn a_boot_is_told_and_a_restart_is_not() {
    let (acs, mut device) = known();
    device.reboot();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    session.end();
    device.restart();
    device.ready("demo");
    device.client().settle();
    let session = asked(&acs, &device.client());
    assert_eq!(session.events(), ["2 PERIODIC"]);
    session.end();
    device.reboot();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    session.end();
}

/// C167, C69, C82, C81, C85: one reboot, after the session, and each request is told with its key, once.
#[test]
fn reboots_that_are_asked_for_are_told_with_their_keys() {
    let (acs, mut device) = known();
    let mut session = asked(&acs, &device.client());
    session.reboot("first").unwrap();
    session.reboot("").unwrap();
    session.reboot("second & <last>").unwrap();
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "50");
    assert_eq!(device.actions(), Vec::<String>::new());
    session.end();
    device.acted("reboot", 1);
    device.restart();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT", "M Reboot", "M Reboot", "M Reboot"]);
    assert_eq!(session.command_keys("M Reboot"), ["first", "", "second & <last>"]);
    assert_eq!(session.command_keys("1 BOOT"), [""]);
    session.end();
    device.reboot();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    session.end();
    assert_eq!(device.actions(), ["reboot"]);
}

/// C167, C83: the reboot comes although the session fails after its request, and is told until the ACS has it.
#[test]
fn a_reboot_is_told_until_the_acs_has_it() {
    let (acs, mut device) = known();
    let mut session = asked(&acs, &device.client());
    session.reboot("key").unwrap();
    session.fail_with(Reply::status(500));
    device.acted("reboot", 1);
    device.restart();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT", "M Reboot"]);
    session.fail_with(Reply::close());
    device.client().wait_for("waiting");
    device.restart();
    device.client().wait_for("waiting");
    device.client().advance(Duration::from_secs(10));
    let session = acs.session();
    assert_eq!(
        (session.events(), session.command_keys("M Reboot")),
        (vec!["1 BOOT", "M Reboot"], vec!["key"])
    );
    session.end();
}

/// C97, C167: a device that cannot reboot says so.
#[test]
fn a_device_without_commands_refuses_to_reboot() {
    let acs = Acs::start(Options::default());
    let _device = Device::builder()
        .acs(acs.url())
        .config("[reboot]\ncommand = []\n[factory_reset]\ncommand = []\n")
        .start();
    let mut session = acs.session();
    assert_eq!(session.reboot("key").unwrap_err().code, 9001);
    assert_eq!(session.factory_reset().unwrap_err().code, 9001);
    session.end();
}

/// C168, C69, C108, C130: everything is as it was delivered, after the session and with a new boot.
#[test]
fn a_factory_reset_forgets_everything() {
    let acs = Acs::start(Options::default());
    let other = Acs::start(Options::default());
    let mut device = device(&acs);
    let mut session = acs.session();
    session.add(LAMPS, "").unwrap();
    session.set_notifications(&[(TEMPERATURE, 1), ("Device.X_CWMPD_Demo.Level", 2)]).unwrap();
    let (url, period, user) = (server("URL"), server("PeriodicInformInterval"), server("Username"));
    session
        .set(
            &[
                ("Device.X_CWMPD_Demo.Level", UnsignedInt, "1"),
                ("Device.X_CWMPD_Demo.Lamp.1.Alias", Text, "kitchen"),
                ("Device.DeviceInfo.ProvisioningCode", Text, "code"),
                (&url, Text, &other.url()),
                (&period, UnsignedInt, "77"),
                (&user, Text, "somebody"),
            ],
            "key",
        )
        .unwrap();
    session.end();
    let mut session = other.session();
    device.say("demo", "Temperature=31");
    device.client().wait_for_change(TEMPERATURE);
    session.factory_reset().unwrap();
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "1");
    assert_eq!(device.actions(), Vec::<String>::new());
    session.end();
    device.acted("factory-reset", 1);
    device.restart();
    device.ready("demo");
    let mut session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!(session.parameter("Device.ManagementServer.ParameterKey"), Some(""));
    for (name, value) in [
        ("Device.X_CWMPD_Demo.Level", "50"),
        (TEMPERATURE, "20"),
        ("Device.X_CWMPD_Demo.LampNumberOfEntries", "0"),
        ("Device.DeviceInfo.ProvisioningCode", ""),
        (&url, acs.url().as_str()),
        (&period, "86400"),
        (&user, ""),
    ] {
        assert_eq!(session.get_value(name).unwrap(), value, "{name}");
    }
    assert_eq!(session.attributes(&[TEMPERATURE]).unwrap()[0].1, 0);
    assert_eq!(session.attributes(&["Device.X_CWMPD_Demo.Level"]).unwrap()[0].1, 0);
    session.end();
    assert_eq!(other.informs(), 1);
}

/// C168: where nothing restarts the agent, it goes on by itself.
#[test]
fn a_factory_reset_without_a_restart_is_a_bootstrap() {
    let (acs, device) = known();
    let client = device.client();
    let mut session = asked(&acs, &client);
    session.set(&[("Device.X_CWMPD_Demo.Level", UnsignedInt, "1")], "key").unwrap();
    session.factory_reset().unwrap();
    session.end();
    device.acted("factory-reset", 1);
    eventually("the value is gone", || {
        (client.value("Device.X_CWMPD_Demo.Level").ok()? == "50").then_some(())
    });
    client.advance(Duration::from_secs(10));
    let session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP"]);
    session.end();
}

/// C48, C50, C86, C113: another URL counts after the session; the new ACS gets a bootstrap and nothing of the old one.
#[test]
fn another_acs_gets_a_bootstrap_after_the_session() {
    let acs = Acs::start(Options::default());
    let other = Acs::start(Options::default());
    let device = device(&acs);
    let mut session = acs.session();
    session.set_notifications(&[(TEMPERATURE, 1)]).unwrap();
    device.say("demo", "Temperature=31");
    device.client().wait_for_change(TEMPERATURE);
    let url = server("URL");
    session.set(&[(&url, Text, &other.url())], "").unwrap();
    assert_eq!(session.get_value(&url).unwrap(), other.url());
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "50");
    session.end();
    let session = other.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP"]);
    assert_eq!(session.parameter(TEMPERATURE), None);
    session.end();
    // The same URL again is no change, a program on the box may make one.
    let client = device.client();
    client.set_value(&url, &other.url()).unwrap();
    let session = asked(&other, &client);
    assert_eq!(session.events(), ["2 PERIODIC"]);
    session.end();
    client.set_value(&url, &acs.url()).unwrap();
    let session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP"]);
    session.end();
    assert_eq!((acs.informs(), other.informs()), (2, 2));
}

/// C48, C71: another OUI is another device.
#[test]
fn another_oui_is_a_bootstrap() {
    let (acs, mut device) = known();
    device.stop();
    let identity = std::fs::read_to_string(device.path("identity.toml")).unwrap();
    std::fs::write(device.path("identity.toml"), identity.replace("00AABB", "00aabc")).unwrap();
    device.start();
    let session = acs.session();
    assert_eq!((session.events(), session.device().as_str()), (vec!["0 BOOTSTRAP"], "00AABC-Box-S1"));
    session.end();
}

/// C168, C75: the provisioning code of the identity is the factory value of its parameter.
#[test]
fn a_device_is_delivered_with_its_provisioning_code() {
    let acs = Acs::start(Options::default());
    let identity =
        "manufacturer = 'Example'\noui = '00AABB'\nserial_number = 'S1'\nprovisioning_code = 'TLCO.1'\n";
    let _device = Device::builder().acs(acs.url()).identity(identity).start();
    let session = acs.session();
    assert_eq!(session.parameter("Device.DeviceInfo.ProvisioningCode"), Some("TLCO.1"));
    assert_eq!(session.device(), "00AABB-S1");
    session.end();
}

/// C71: a device that does not know who it is says nothing, and says why on the box.
#[test]
fn a_device_without_a_serial_number_does_not_inform() {
    let acs = Acs::start(Options::default());
    let device =
        Device::builder().acs(acs.url()).identity("manufacturer = 'Example'\noui = '00AABB'\n").start();
    let client = device.client();
    client.wait_for("unidentified");
    client.inform().unwrap();
    client.settle();
    assert!(client.property::<String>("LastResult").contains("serial_number"));
    assert_eq!(acs.connections(), 0);
}

/// C54, C55: with a reference every instant hangs on it; a change of any of the settings counts at once.
#[test]
fn periodic_informs_keep_to_their_reference() {
    let (acs, device) = known();
    let client = device.client();
    let mut session = asked(&acs, &client);
    let (interval, time, enable) =
        (server("PeriodicInformInterval"), server("PeriodicInformTime"), server("PeriodicInformEnable"));
    // In the future, 7 s after full minutes.
    session.set(&[(&interval, UnsignedInt, "300"), (&time, DateTime, "2090-01-01T00:00:07Z")], "").unwrap();
    session.end();
    let phase = date_time::unix_seconds("2090-01-01T00:00:07Z").unwrap() % 300;
    for _ in 0..3 {
        client.wait_for("idle");
        let rest = eventually("a session is planned", || client.next_inform());
        assert!((0..=300).contains(&rest), "{rest}");
        client.advance(Duration::from_secs(u64::try_from(rest).unwrap() + 1));
        let session = acs.session();
        assert_eq!(session.events(), ["2 PERIODIC"]);
        let late = (moment(&session) - phase).rem_euclid(300);
        assert!(late <= 2, "{late} s after the instant");
        session.end();
    }
    // Anew, from the box.
    client.set_value(&interval, "100000").unwrap();
    let phase = date_time::unix_seconds("2090-01-01T00:00:07Z").unwrap() % 100_000;
    eventually("it is planned anew", || {
        let rest = client.next_inform()?;
        ((client.now() + rest - phase).rem_euclid(100_000) <= 1).then_some(())
    });
    client.set_value(&enable, "false").unwrap();
    eventually("nothing is planned", || client.next_inform().is_none().then_some(()));
    client.advance(Duration::from_secs(300_000));
    client.settle();
    assert_eq!(acs.informs(), 5);
    client.set_value(&enable, "true").unwrap();
    eventually("it is planned again", || client.next_inform());
}

/// C54: without a reference the interval counts, and a change of it too.
#[test]
fn periodic_informs_without_a_reference_keep_their_interval() {
    let (acs, device) = known();
    let client = device.client();
    client.set_value(&server("PeriodicInformInterval"), "1000").unwrap();
    let first = eventually("it is planned anew", || client.next_inform().filter(|rest| *rest <= 1000));
    client.advance(Duration::from_secs(u64::try_from(first).unwrap() + 1));
    let session = acs.session();
    let start = moment(&session);
    session.end();
    for n in 1..3 {
        client.wait_for("idle");
        let rest = eventually("a session is planned", || client.next_inform().filter(|rest| *rest > 900));
        client.advance(Duration::from_secs(u64::try_from(rest).unwrap() + 1));
        let session = acs.session();
        assert!((moment(&session) - start - n * 1000).abs() <= 2, "{}", moment(&session) - start);
        session.end();
    }
}

/// C53, C70: what happens during a session waits for its end, is not lost, and shares one session.
#[test]
fn what_happens_during_a_session_waits_for_its_end() {
    let (acs, device) = known();
    let client = device.client();
    let mut session = asked(&acs, &client);
    session.ready();
    let url = client.value(&server("ConnectionRequestURL")).unwrap();
    client.advance(Duration::from_secs(86_400));
    for _ in 0..3 {
        assert_eq!(acs.connection_request(&url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1), 200);
    }
    client.set_value("Device.DeviceInfo.ProvisioningCode", "box").unwrap();
    client.settle();
    assert_eq!((acs.open_sessions(), acs.connections()), (1, 2));
    session.end();
    let session = acs.session();
    assert_eq!(session.events(), ["2 PERIODIC", "4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    session.end();
    let session = asked(&acs, &client);
    assert_eq!(session.events(), ["2 PERIODIC"]);
    session.end();
    assert_eq!(acs.informs(), 4);
}

/// C171, C181: without CWMP there is neither an Inform nor a connection request, over boots, until the box says so.
#[test]
fn cwmp_can_be_switched_off() {
    let (acs, mut device) = known();
    let mut session = asked(&acs, &device.client());
    let enable = server("EnableCWMP");
    session.set(&[(&enable, Boolean, "0")], "").unwrap();
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "50");
    session.end();
    for boot in [false, true] {
        if boot {
            device.reboot();
        }
        let client = device.client();
        client.wait_for("disabled");
        client.advance(Duration::from_secs(200_000));
        client.inform().unwrap();
        client.set_value("Device.DeviceInfo.ProvisioningCode", &format!("{boot}")).unwrap();
        let url = eventually("the listener", || {
            client.value(&server("ConnectionRequestURL")).ok().filter(|url| !url.is_empty())
        });
        assert_eq!(acs.connection_request(&url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1), 403);
        client.settle();
        assert_eq!(acs.informs(), 2);
    }
    device.client().set_value(&enable, "true").unwrap();
    let session = acs.session();
    assert!(session.has_event("1 BOOT") && session.has_event("4 VALUE CHANGE"), "{:?}", session.events());
    assert!(!session.has_event("6 CONNECTION REQUEST"));
    session.end();
}

/// C169: a delayed reboot counts from the end of the session, and is over with the reboot.
#[test]
fn a_reboot_can_be_delayed() {
    let (acs, mut device) = known();
    let client = device.client();
    let mut session = asked(&acs, &client);
    let delay = server("DelayReboot");
    session.set(&[(&delay, Int, "30")], "").unwrap();
    client.advance(Duration::from_secs(3600));
    client.settle();
    assert_eq!(device.actions(), Vec::<String>::new());
    session.end();
    client.wait_for("idle");
    client.advance(Duration::from_secs(25));
    client.settle();
    assert_eq!(device.actions(), Vec::<String>::new());
    // From the end of the session, which may be a moment later than the agent is seen to be idle.
    client.advance(Duration::from_secs(30));
    device.acted("reboot", 1);
    device.restart();
    let mut session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    assert_eq!(session.get_value(&delay).unwrap(), "-1");
    // It can be taken back.
    session.set(&[(&delay, Int, "30")], "").unwrap();
    session.set(&[(&delay, Int, "-1")], "").unwrap();
    session.end();
    let client = device.client();
    client.wait_for("idle");
    client.advance(Duration::from_secs(60));
    client.settle();
    assert_eq!(device.actions(), ["reboot"]);
    // 0 is at once.
    client.set_value(&delay, "0").unwrap();
    device.acted("reboot", 2);
    let refused = client.set_value(&delay, "-2").unwrap_err();
    assert!(matches!(&refused, Refused::Fault(f) if f.code.number() == 9007), "{refused:?}");
}

/// C169: a date for a reboot counts once; a past one does nothing.
#[test]
fn a_reboot_can_be_scheduled() {
    let (acs, mut device) = known();
    let client = device.client();
    let schedule = server("ScheduleReboot");
    let at = |seconds: i64| date_time::from_unix_seconds(client.now() + seconds);
    let mut session = asked(&acs, &client);
    session.set(&[(&schedule, DateTime, &at(-60))], "").unwrap();
    session.end();
    client.wait_for("idle");
    client.settle();
    assert_eq!(device.actions(), Vec::<String>::new());
    client.set_value(&schedule, &at(100)).unwrap();
    client.advance(Duration::from_secs(90));
    client.settle();
    assert_eq!(device.actions(), Vec::<String>::new());
    client.advance(Duration::from_secs(11));
    device.acted("reboot", 1);
    device.restart();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    session.end();
    let client = device.client();
    client.settle();
    assert_eq!(device.actions(), ["reboot"]);
}

/// C169, C53: a reboot that falls into a session waits for its end.
#[test]
fn a_scheduled_reboot_waits_for_the_end_of_a_session() {
    let (acs, device) = known();
    let client = device.client();
    let mut session = asked(&acs, &client);
    session.ready();
    client.set_value(&server("ScheduleReboot"), &date_time::from_unix_seconds(client.now() + 100)).unwrap();
    client.advance(Duration::from_secs(200));
    client.settle();
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "50");
    assert_eq!(device.actions(), Vec::<String>::new());
    session.end();
    device.acted("reboot", 1);
}

/// Flash wears out: a periodic session in which nothing happens makes two commits at most.
#[test]
fn an_empty_periodic_session_makes_two_commits() {
    let (acs, device) = known();
    let client = device.client();
    client.wait_for("idle");
    client.settle();
    for _ in 0..2 {
        let before = client.commits();
        let rest = client.next_inform().unwrap();
        client.advance(Duration::from_secs(u64::try_from(rest).unwrap() + 1));
        let session = acs.session();
        assert_eq!(session.events(), ["2 PERIODIC"]);
        session.end();
        client.wait_for("idle");
        client.settle();
        assert!(client.commits() - before <= 2, "{} commits", client.commits() - before);
    }
}

/// C111: what the ACS set of the agent itself outlives a boot.
#[test]
fn settings_of_the_agent_outlive_a_boot() {
    let (acs, mut device) = known();
    let settings = [
        ("PeriodicInformInterval", UnsignedInt, "4711"),
        ("PeriodicInformTime", DateTime, "2024-01-01T00:00:00Z"),
        ("DefaultActiveNotificationThrottle", UnsignedInt, "5"),
        ("CWMPRetryMinimumWaitInterval", UnsignedInt, "9"),
        ("CWMPRetryIntervalMultiplier", UnsignedInt, "3000"),
        ("ConnectionRequestUsername", Text, "someone"),
        ("Username", Text, "me"),
    ];
    let names: Vec<_> = settings.iter().map(|(name, ..)| server(name)).collect();
    let mut session = asked(&acs, &device.client());
    let values: Vec<_> =
        names.iter().zip(settings).map(|(name, (_, kind, text))| (name.as_str(), kind, text)).collect();
    session.set(&values, "").unwrap();
    session.end();
    device.reboot();
    let mut session = acs.session();
    for (name, (_, _, text)) in names.iter().zip(settings) {
        assert_eq!(session.get_value(name).unwrap(), text, "{name}");
    }
    session.end();
}
