//! Parameters from D-Bus services by mapping files alone: what an ACS sees of a service that is there, late, gone or bad.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::service::{value, Hand, Manners, Service};
use cwmp_e2e::{binary, eventually, Client, Device};
use zbus::zvariant::{ObjectPath, Value};

const HOST_NAME: &str = "Device.DeviceInfo.HostName";
const ENABLE: &str = "Device.Time.Enable";
const ZONE: &str = "Device.Time.LocalTimeZone";
const CLIENTS: &str = "Device.Time.ClientNumberOfEntries";
const LABEL: &str = "Device.X_CWMPD_Demo.Label";

const HOSTNAME1: (&str, &str, &str) =
    ("org.freedesktop.hostname1", "/org/freedesktop/hostname1", "org.freedesktop.hostname1");
const TIMEDATE1: (&str, &str, &str) =
    ("org.freedesktop.timedate1", "/org/freedesktop/timedate1", "org.freedesktop.timedate1");
const TIMESYNC1: (&str, &str, &str) =
    ("org.freedesktop.timesync1", "/org/freedesktop/timesync1", "org.freedesktop.timesync1.Manager");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The configuration of the plugin on a device under test.
fn config(more: &str) -> String {
    let root = root();
    let (mappings, models) = (root.join("bus-schemas/mappings"), root.join("agent/model/models"));
    format!(
        "[config]\nbus = 'unix:path=DEVICE/bus'\nfolder = '{}'\nmodels = '{}'\nzones = 'DEVICE/zones'\n{more}\n",
        mappings.display(),
        models.display()
    )
}

/// Zones of our own: what the machine has is its business.
fn zones(device: &Device) {
    for (name, tz) in [
        ("Etc/UTC", "UTC0"),
        ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
    ] {
        let file = device.path("zones").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, format!("TZif2\n{tz}\n")).unwrap();
    }
}

fn put(hand: &Hand, at: (&str, &str, &str), property: &str, value: zbus::zvariant::OwnedValue) {
    hand.put(at.1, at.2, property, value);
}

/// What systemd-hostnamed does.
fn hostname1(address: &str) -> Service {
    let service = Service::start_with(address, HOSTNAME1.0, |hand| {
        put(hand, HOSTNAME1, "Hostname", value("box"));
        put(hand, HOSTNAME1, "StaticHostname", value("box"));
    });
    service.method("SetStaticHostname", |hand, arguments| {
        for property in ["Hostname", "StaticHostname"] {
            hand.change(HOSTNAME1.1, HOSTNAME1.2, property, arguments[0].try_to_owned().unwrap());
        }
        Ok(Vec::new())
    });
    service
}

/// What systemd-timedated does.
fn timedate1(address: &str) -> Service {
    let service = Service::start_with(address, TIMEDATE1.0, |hand| {
        put(hand, TIMEDATE1, "Timezone", value("Etc/UTC"));
        put(hand, TIMEDATE1, "NTP", value(true));
        put(hand, TIMEDATE1, "NTPSynchronized", value(false));
        put(hand, TIMEDATE1, "TimeUSec", value(1_700_000_000_000_000_u64));
    });
    for (member, property) in [("SetTimezone", "Timezone"), ("SetNTP", "NTP")] {
        service.method(member, move |hand, arguments| {
            hand.change(TIMEDATE1.1, TIMEDATE1.2, property, arguments[0].try_to_owned().unwrap());
            Ok(Vec::new())
        });
    }
    service
}

fn timesync1(address: &str) -> Service {
    Service::start_with(address, TIMESYNC1.0, |hand| {
        put(hand, TIMESYNC1, "SystemNTPServers", value(Vec::<&str>::new()));
        put(hand, TIMESYNC1, "FallbackNTPServers", value(vec!["0.pool.example", "1.pool.example"]));
        put(hand, TIMESYNC1, "ServerName", value("1.pool.example"));
        put(hand, TIMESYNC1, "PollIntervalMinUSec", value(32_000_000_u64));
        put(hand, TIMESYNC1, "PollIntervalMaxUSec", value(2_048_000_000_u64));
    })
}

fn device(acs: &Acs) -> Device {
    let device = Device::builder()
        .acs(acs.url())
        .plugin("mapping", &config(""))
        .plugin("demo", "[config]\nwatch_file = 'DEVICE/demo.pipe'\n")
        .prepare();
    zones(&device);
    device
}

fn started(mut device: Device) -> (Device, Client) {
    device.start();
    device.ready("mapping");
    device.ready("demo");
    let client = device.client();
    (device, client)
}

/// What a service shows of a property.
fn shown(service: &Service, at: (&str, &str, &str), property: &str) -> String {
    service.hand().shown(at.1, at.2, property)
}

/// C103, C106, C142, C143: what services keep is read in the standard's forms, and set at once or not at all.
#[test]
fn the_acs_reads_and_sets_what_services_keep() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let (host, time, sync) =
        (hostname1(device.bus.address()), timedate1(device.bus.address()), timesync1(device.bus.address()));
    let (_device, _) = started(device);
    let mut session = acs.session();
    session.ready();
    let values = session.get(&["Device.Time.", HOST_NAME]).unwrap();
    let shown_values: Vec<String> = values.iter().map(|(n, v)| format!("{n} {}", v.text)).collect();
    for expected in [
        "Device.DeviceInfo.HostName box",
        "Device.Time.Client.1.Enable true",
        "Device.Time.Client.1.MaxPoll 11",
        "Device.Time.Client.1.MinPoll 5",
        "Device.Time.Client.1.ServerInUse 1.pool.example",
        "Device.Time.Client.1.Servers 0.pool.example,1.pool.example",
        "Device.Time.Client.1.Status Unsynchronized",
        "Device.Time.ClientNumberOfEntries 1",
        "Device.Time.CurrentLocalTime 2023-11-14T22:13:20Z",
        "Device.Time.Enable true",
        "Device.Time.LocalTimeZone UTC0",
        "Device.Time.Status Unsynchronized",
    ] {
        assert!(shown_values.iter().any(|v| v == expected), "{expected}: {shown_values:#?}");
    }
    // In one transaction over three services and another plugin.
    let changes = [
        (HOST_NAME, ValueType::String, "attic"),
        (ZONE, ValueType::String, "CET-1CEST-2,M3.5.0/2,M10.5.0/3"),
        (ENABLE, ValueType::Boolean, "false"),
        (LABEL, ValueType::String, "mine"),
    ];
    session.set(&changes, "").unwrap();
    assert_eq!(shown(&host, HOSTNAME1, "StaticHostname"), "\"attic\"");
    assert_eq!(shown(&time, TIMEDATE1, "Timezone"), "\"Europe/Berlin\"");
    assert_eq!(shown(&time, TIMEDATE1, "NTP"), "false");
    let values = session.get(&[ZONE, "Device.Time.Status", HOST_NAME]).unwrap();
    let texts: Vec<&str> = values.iter().map(|(_, v)| v.text.as_str()).collect();
    // As the ACS spelled it, for it means the same.
    assert_eq!(texts, ["CET-1CEST-2,M3.5.0/2,M10.5.0/3", "Disabled", "attic"]);
    // What no zone of the box has is refused before anything is done.
    let wrong = [(ENABLE, ValueType::Boolean, "true"), (ZONE, ValueType::String, "XYZ+3:17")];
    let fault = session.set(&wrong, "").unwrap_err();
    assert_eq!(fault.code, 9003);
    assert_eq!(shown(&time, TIMEDATE1, "NTP"), "false");
    session.end();
    drop(sync);
}

/// C50, C112: a change that a service announces opens a session; what the ACS set does not, however it spelled it.
#[test]
fn a_change_that_a_service_announces_is_told_to_the_acs_and_what_the_acs_set_is_not() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let (host, time) = (hostname1(device.bus.address()), timedate1(device.bus.address()));
    let (_device, client) = started(device);
    let mut session = acs.session();
    session.set_notifications(&[(HOST_NAME, 2), (ZONE, 2), (ENABLE, 2)]).unwrap();
    let changes =
        [(HOST_NAME, ValueType::String, "attic"), (ZONE, ValueType::String, "EST5EDT4,M3.2.0/02:00,M11.1.0")];
    session.set(&changes, "").unwrap();
    session.end();
    client.settle();
    host.hand().change(HOSTNAME1.1, HOSTNAME1.2, "Hostname", value("cellar"));
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!((session.parameter(HOST_NAME), session.parameter(ZONE)), (Some("cellar"), None));
    session.end();
    time.hand().change(TIMEDATE1.1, TIMEDATE1.2, "Timezone", value("Europe/Berlin"));
    let session = acs.session();
    assert_eq!(session.parameter(ZONE), Some("CET-1CEST,M3.5.0,M10.5.0/3"));
    session.end();
}

#[test]
fn a_service_that_is_absent_comes_late_is_killed_or_hangs_costs_its_own_parameters() {
    let acs = Acs::start(Options::default());
    let (device, client) = started(device(&acs));
    acs.session().end();
    let fault = |name: &str| client.get(&[name]).unwrap().1.first().map(|(_, code, _)| *code);
    // Absent: fault 9002 for its own, values for the others.
    assert_eq!(fault(HOST_NAME), Some(9002));
    let (values, faults) = client.get(&[HOST_NAME, LABEL]).unwrap();
    assert_eq!((values.len(), faults.len()), (1, 1));
    // Late.
    let host = hostname1(device.bus.address());
    eventually("the name is there", || (client.value(HOST_NAME).ok()? == "box").then_some(()));
    // Gone and come again, in the middle of a call.
    host.behave(Manners::Dies);
    assert_eq!(fault(HOST_NAME), Some(9002));
    drop(host);
    let host = hostname1(device.bus.address());
    eventually("the name is there", || (client.value(HOST_NAME).ok()? == "box").then_some(()));
    // It takes half a minute: nobody waits so long, and whoever asks for something else does not wait at all.
    host.behave(Manners::Silent);
    let begin = Instant::now();
    assert_eq!(fault(HOST_NAME), Some(9002));
    assert!(begin.elapsed() < Duration::from_secs(2));
    let time = timedate1(device.bus.address());
    eventually("the time is there", || client.value(ENABLE).ok());
    let begin = Instant::now();
    let (values, _) = client.get(&[HOST_NAME, ENABLE, LABEL]).unwrap();
    assert_eq!(values.len(), 2);
    assert!(begin.elapsed() < Duration::from_secs(2));
    for manners in [Manners::Garbage, Manners::Huge] {
        time.behave(manners);
        assert_eq!(fault(ENABLE), Some(9002), "{manners:?}");
    }
    time.behave(Manners::Good);
    assert_eq!(client.value(ENABLE).unwrap(), "true");
    assert!(client.provider("mapping").is_some_and(|(state, _)| state == "ready"));
}

/// C103: a service that refuses at the end leaves every other service and plugin as it was.
#[test]
fn a_service_that_refuses_takes_the_whole_transaction_back() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let (host, time) = (hostname1(device.bus.address()), timedate1(device.bus.address()));
    let (_device, _) = started(device);
    let mut session = acs.session();
    session.ready();
    let before = session.get(&[LABEL]).unwrap()[0].1.text.clone();
    time.method("SetNTP", |_, _| Err("org.freedesktop.DBus.Error.AccessDenied".to_owned()));
    let changes = [
        (HOST_NAME, ValueType::String, "attic"),
        (LABEL, ValueType::String, "mine"),
        (ENABLE, ValueType::Boolean, "false"),
    ];
    session.set(&changes, "").unwrap_err();
    assert_eq!(shown(&host, HOSTNAME1, "StaticHostname"), "\"box\"");
    assert_eq!(session.get(&[LABEL]).unwrap()[0].1.text, before);
    session.end();
}

const MODEMS: (&str, &str, &str) = (
    "org.freedesktop.ModemManager1",
    "/org/freedesktop/ModemManager1",
    "org.freedesktop.ModemManager1.Modem",
);
const INTERFACES: &str = "Device.Cellular.Interface.";

fn modem(hand: &Hand, number: u32, imei: &str) -> String {
    let path = format!("{}/Modem/{number}", MODEMS.1);
    let sim = format!("{}/SIM/{number}", MODEMS.1);
    let set = |interface: &str, property: &str, value| {
        hand.put(&path, &format!("{}{interface}", MODEMS.2), property, value);
    };
    set("", "EquipmentIdentifier", value(imei));
    set("", "State", value(8_i32));
    set("", "PrimaryPort", value(format!("cdc-wdm{number}")));
    set("", "CurrentCapabilities", value(12_u32));
    set("", "AccessTechnologies", value(0x4000_u32));
    set("", "UnlockRequired", value(1_u32));
    set("", "Sim", value(ObjectPath::try_from(sim.clone()).unwrap()));
    set(".Modem3gpp", "Imei", value(imei));
    set(".Modem3gpp", "OperatorName", value("Example"));
    let lte = std::collections::HashMap::from([("rssi", Value::from(-65.4)), ("rsrp", Value::from(-95.0))]);
    set(".Signal", "Lte", value(lte));
    hand.put(&sim, "org.freedesktop.ModemManager1.Sim", "Imsi", value("001010123456789"));
    path
}

/// C139: a row that comes back, at another place and after a crash, has its number.
#[test]
fn modems_are_rows_that_keep_their_numbers() {
    let acs = Acs::start(Options::default());
    let manifest = format!(
        "name = 'cellular'\nlibrary = '{}'\nroots = ['{INTERFACES}']\n{}",
        binary("libcwmp_mapping.so").display(),
        config("files = ['cellular.toml']")
    );
    let mut device = Device::builder().acs(acs.url()).manifest("cellular", "").prepare();
    let manifest = manifest.replace("DEVICE", &device.path("").display().to_string());
    std::fs::write(device.path("plugins/cellular.toml"), manifest).unwrap();
    let service = Service::start_with(device.bus.address(), MODEMS.0, |hand| {
        modem(hand, 0, "356938035643809");
    });
    service.method("Enable", |hand, arguments| {
        let state = if arguments[0] == Value::Bool(true) { 8 } else { 3 };
        hand.change(&format!("{}/Modem/0", MODEMS.1), MODEMS.2, "State", value(state));
        Ok(Vec::new())
    });
    device.start();
    device.ready("cellular");
    let client = device.client();
    let mut session = acs.session();
    session.ready();
    let values = session.get(&[INTERFACES]).unwrap();
    let shown: Vec<String> =
        values.iter().map(|(n, v)| format!("{} {}", &n[INTERFACES.len()..], v.text)).collect();
    for expected in [
        "1.CurrentAccessTechnology LTE",
        "1.Enable true",
        "1.IMEI 356938035643809",
        "1.Name cdc-wdm0",
        "1.NetworkInUse Example",
        "1.RSRP -95",
        "1.RSSI -65",
        "1.Status Dormant",
        "1.SupportedAccessTechnologies GPRS,EDGE,UMTS,UMTSHSPA,LTE",
        "1.USIM.IMSI 001010123456789",
        "1.USIM.Status Valid",
    ] {
        assert!(shown.iter().any(|v| v == expected), "{expected}: {shown:#?}");
    }
    session.set(&[("Device.Cellular.Interface.1.Enable", ValueType::Boolean, "false")], "").unwrap();
    let status = "Device.Cellular.Interface.1.Status";
    assert_eq!(session.get(&[status]).unwrap()[0].1.text, "Down");
    session.set_notifications(&[(status, 2), ("Device.Cellular.InterfaceNumberOfEntries", 2)]).unwrap();
    session.end();
    // A modem that comes is told as a count, and its changes as those of its row.
    let second = modem(service.hand(), 1, "490154203237518");
    service.hand().announce(MODEMS.1, &second);
    let session = acs.session();
    assert_eq!(session.parameter("Device.Cellular.InterfaceNumberOfEntries"), Some("2"));
    session.end();
    service.hand().change(&format!("{}/Modem/0", MODEMS.1), MODEMS.2, "State", value(11_i32));
    let session = acs.session();
    assert_eq!(session.parameter(status), Some("Up"));
    session.end();
    // The first one is pulled out and put in again, elsewhere: its row is the same.
    service.hand().remove(MODEMS.1, &format!("{}/Modem/0", MODEMS.1));
    let session = acs.session();
    assert_eq!(session.parameter("Device.Cellular.InterfaceNumberOfEntries"), Some("1"));
    session.end();
    assert_eq!(client.get(&[status]).unwrap().1[0].1, 9005);
    assert_eq!(client.value("Device.Cellular.Interface.2.Name").unwrap(), "cdc-wdm1");
    modem(service.hand(), 7, "356938035643809");
    device.kill_host("cellular");
    device.ready("cellular");
    eventually("the row is there again", || {
        (client.value("Device.Cellular.Interface.1.Name").ok()? == "cdc-wdm7").then_some(())
    });
}

/// A process of the test's own.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The real systemd-hostnamed, in namespaces of its own: the machine keeps its name.
#[test]
fn the_real_hostnamed_is_read_and_set_in_its_own_namespaces() {
    let program = Path::new("/usr/lib/systemd/systemd-hostnamed");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !program.exists() || !is_root {
        println!("skipped: it takes {} and root", program.display());
        return;
    }
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let etc = device.path("etc");
    std::fs::create_dir(&etc).unwrap();
    std::fs::write(etc.join("hostname"), "fromfile\n").unwrap();
    std::fs::write(etc.join("os-release"), "NAME=Test\n").unwrap();
    let script = "mount --bind \"$1\" /etc && hostname fromfile && exec \"$2\"";
    let child = Command::new("unshare")
        .args(["--mount", "--uts", "--propagation", "private", "sh", "-c", script, "sh"])
        .arg(&etc)
        .arg(program)
        .env("DBUS_SYSTEM_BUS_ADDRESS", device.bus.address())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("unshare can be started");
    let process = Process(child);
    let own = || String::from_utf8(Command::new("hostname").output().unwrap().stdout).unwrap();
    let before = own();
    let (device, client) = started(device);
    eventually("hostnamed is there", || (client.value(HOST_NAME).ok()? == "fromfile").then_some(()));
    let mut session = acs.session();
    session.ready();
    assert_eq!(session.get(&[HOST_NAME]).unwrap()[0].1.text, "fromfile");
    session.set_notifications(&[(HOST_NAME, 1)]).unwrap();
    session.set(&[(HOST_NAME, ValueType::String, "myhgw")], "").unwrap();
    assert_eq!(session.get(&[HOST_NAME]).unwrap()[0].1.text, "myhgw");
    session.end();
    assert_eq!(std::fs::read_to_string(etc.join("hostname")).unwrap(), "myhgw\n");
    assert_eq!(own(), before, "the machine has kept its name");
    drop(process);
    eventually("its parameter is gone", || client.value(HOST_NAME).is_err().then_some(()));
    drop(device);
}

/// python-dbusmock's template of timedated: made by others, and without what a test of ours would think of.
#[test]
fn the_mock_of_timedated_is_read_and_set() {
    let python = "/usr/bin/python3";
    let has = Command::new(python).args(["-c", "import dbusmock"]).stderr(Stdio::null()).status();
    assert!(has.is_ok_and(|s| s.success()), "install the Debian package python3-dbusmock");
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let child = Command::new(python)
        .args(["-m", "dbusmock", "--template", "timedated"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", device.bus.address())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("python can be started");
    let _process = Process(child);
    let (_device, client) = started(device);
    eventually("timedated is there", || client.value(ENABLE).ok());
    let mut session = acs.session();
    session.ready();
    let values = [(ZONE, ValueType::String, "EST5EDT,M3.2.0,M11.1.0"), (ENABLE, ValueType::Boolean, "false")];
    session.set(&values, "").unwrap();
    let values = session.get(&[ZONE, ENABLE, "Device.Time.Status", CLIENTS]).unwrap();
    let texts: Vec<&str> = values.iter().map(|(_, v)| v.text.as_str()).collect();
    assert_eq!(texts, ["0", "EST5EDT,M3.2.0,M11.1.0", "false", "Disabled"]);
    session.end();
}
