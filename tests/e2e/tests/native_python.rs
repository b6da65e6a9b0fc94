//! The example of a provider without a host: a daemon in Python that knows nothing but the interface on the bus.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_bus::{names, BusError};
use cwmp_e2e::native::{PathFaults, PathIndexFaults, Values};
use cwmp_e2e::{eventually, Bus, Client, Device, CONNECTION_REQUEST};
use cwmp_model::FaultCode;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const BASE: &str = "Device.X_CWMPD_Climate.";
const SCHEDULE: &str = "Device.X_CWMPD_Climate.Schedule.";
const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const SERVICE: &str = "org.cwmpd1.Provider.climate";

/// A file of the example.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/native-python").join(name)
}

/// The interpreter that has the library: Debian's own, or the first of the path.
fn python() -> &'static str {
    let has = |python: &&&str| {
        let tried = Command::new(python).args(["-c", "import dbus_next"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"].iter().find(has).expect("install the Debian package python3-dbus-next")
}

/// The daemon. It is killed when it is dropped.
struct Daemon(Child);

impl Daemon {
    fn start(bus: &Bus, folder: &Path) -> Self {
        let child = Command::new(python())
            // Nothing is written beside it.
            .arg("-B")
            .arg(example("climate.py"))
            .args(["--bus", bus.address(), "--state"])
            .arg(folder.join("climate.json"))
            .spawn();
        Self(child.expect("it can be started"))
    }

    /// As `kill -9`; it is gone afterwards.
    fn kill(&mut self) {
        self.0.kill().expect("it is there");
        self.0.wait().expect("our own child");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path(name: &str) -> String {
    format!("{BASE}{name}")
}

fn device(acs: &Acs) -> (Device, Daemon) {
    let manifest = std::fs::read_to_string(example("climate.toml")).unwrap();
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true\n")
        .manifest("climate", &manifest)
        .start();
    let daemon = Daemon::start(&device.bus, &device.path(""));
    device.ready("demo");
    device.ready("climate");
    acs.session().end();
    (device, daemon)
}

fn ask(acs: &Acs, client: &Client) -> Session {
    let url = client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&url, user, password), 200);
    acs.session()
}

/// Values of the daemon and of a plugin, in one message.
fn set(session: &mut Session, target: &str, mode: &str, level: &str) -> Result<u32, Vec<(String, u32)>> {
    let (t, m) = (path("Target"), path("Mode"));
    let values = [
        (t.as_str(), ValueType::Int, target),
        (LEVEL, ValueType::UnsignedInt, level),
        (m.as_str(), ValueType::String, mode),
    ];
    let named = |fault: cwmp_acs::CpeFault| fault.parameters.into_iter().map(|(n, c, _)| (n, c)).collect();
    session.set(&values, "").map_err(named)
}

fn state(client: &Client) -> [String; 3] {
    [path("Target"), path("Mode"), LEVEL.to_owned()].map(|name| client.value(&name).unwrap())
}

/// The ACS wants to be told at once when this changes.
fn be_told(client: &Client, name: &str) {
    let changes = vec![(name, true, 2_u32, false, Vec::<String>::new())];
    let faults: Vec<(String, u32, String)> =
        client.call(names::DATA_MODEL, "SetAttributes", &(changes,)).unwrap();
    assert_eq!(faults, []);
}

#[test]
fn an_acs_sets_values_of_the_daemon_and_of_a_plugin_in_one_transaction() {
    let acs = Acs::start(Options::default());
    let (device, _daemon) = device(&acs);
    let client = device.client();
    let mut session = ask(&acs, &client);
    assert_eq!(set(&mut session, "25", "Heat", "60"), Ok(0));
    assert_eq!(state(&client), ["25", "Heat", "60"]);
    // What the daemon refuses, what the agent refuses for it, and what the plugin fails to do when the daemon has
    // committed already: nothing of it stays anywhere.
    assert_eq!(
        set(&mut session, "10", "Cool", "70").unwrap_err(),
        [(path("Target"), 9007), (path("Mode"), 9007)]
    );
    assert_eq!(set(&mut session, "31", "Heat", "70").unwrap_err(), [(path("Target"), 9007)]);
    client.set_value("Device.X_CWMPD_Demo.Test.Fail", "commit").unwrap();
    assert_eq!(set(&mut session, "26", "Off", "70").unwrap_err(), [(LEVEL.to_owned(), 9002)]);
    assert_eq!(state(&client), ["25", "Heat", "60"]);
    assert_eq!(set(&mut session, "27", "Off", "80"), Ok(0));
    session.end();
    assert_eq!(state(&client), ["27", "Off", "80"]);
}

#[test]
fn rows_of_the_daemon_come_and_go() {
    let acs = Acs::start(Options::default());
    let (device, mut daemon) = device(&acs);
    let client = device.client();
    let mut session = ask(&acs, &client);
    assert_eq!(session.add(SCHEDULE, "").unwrap(), (1, 0));
    assert_eq!(session.add(SCHEDULE, "").unwrap(), (2, 0));
    assert_eq!(client.value(&path("Schedule.2.Target")).unwrap(), "20");
    client.set_value(&path("Schedule.2.Hour"), "7").unwrap();
    assert_eq!(session.delete(&path("Schedule.1."), "").unwrap(), 0);
    assert_eq!(session.delete(&path("Schedule.1."), "").unwrap_err().code, 9005);
    session.end();
    daemon.kill();
    let _daemon = Daemon::start(&device.bus, &device.path(""));
    eventually("it is back", || client.value(&path("Schedule.2.Hour")).ok().filter(|hour| hour == "7"));
    assert_eq!(client.value(&path("ScheduleNumberOfEntries")).unwrap(), "1");
    // The device itself takes the rest away, and says so.
    let count = path("ScheduleNumberOfEntries");
    be_told(&client, &count);
    let () = client
        .call_at(SERVICE, "/org/example/Climate1", "org.example.Climate1", "ClearSchedule", &())
        .unwrap();
    let session = acs.session();
    assert_eq!(session.parameter(&count), Some("0"));
    session.end();
}

#[test]
fn a_value_that_the_device_changes_is_pushed() {
    let acs = Acs::start(Options::default());
    let (device, _daemon) = device(&acs);
    let client = device.client();
    let name = path("Temperature");
    be_told(&client, &name);
    let () = client
        .call_at(SERVICE, "/org/example/Climate1", "org.example.Climate1", "Measured", &(31_i32,))
        .unwrap();
    let session = acs.session();
    assert!(session.has_event("4 VALUE CHANGE"), "{:?}", session.events());
    assert_eq!(session.parameter(&name), Some("31"));
    session.end();
}

#[test]
fn a_daemon_that_is_killed_costs_its_own_subtree_until_it_is_back() {
    let acs = Acs::start(Options::default());
    let (device, mut daemon) = device(&acs);
    let client = device.client();
    client.set_value(&path("Target"), "29").unwrap();
    daemon.kill();
    let mut session = ask(&acs, &client);
    assert_eq!(session.get(&[&path("Target")]).unwrap_err().code, 9002);
    assert_eq!(set(&mut session, "5", "Off", "90").unwrap_err().len(), 2);
    session.end();
    assert_eq!(client.value(LEVEL).unwrap(), "50");
    let _daemon = Daemon::start(&device.bus, &device.path(""));
    device.ready("climate");
    assert_eq!(state(&client), ["29", "Off", "50"]);
}

#[test]
fn a_factory_reset_reaches_the_daemon() {
    let acs = Acs::start(Options::default());
    let (device, _daemon) = device(&acs);
    let client = device.client();
    client.set_value(&path("Target"), "29").unwrap();
    let mut session = ask(&acs, &client);
    session.call(&cwmp_acs::Request::FactoryReset).unwrap();
    session.end();
    device.acted("factory-reset", 1);
    eventually("it has forgotten", || {
        let kept = std::fs::read_to_string(device.path("climate.json")).unwrap();
        (!kept.contains("29")).then_some(())
    });
}

type Standing = (String, u32, String, std::collections::BTreeMap<String, String>);

/// Begins the command of the daemon, and waits until it tells how far it is.
fn calibrate(client: &Client, seconds: &str) -> OwnedObjectPath {
    let arguments = HashMap::from([("Seconds", Value::from(seconds))]);
    let options = HashMap::<&str, Value<'_>>::new();
    client.call(names::DATA_MODEL, "Invoke", &(path("Calibrate()"), arguments, options)).unwrap()
}

fn result(client: &Client, job: &OwnedObjectPath) -> Standing {
    client.call_at(names::SERVICE, job.as_str(), names::JOB, "Result", &()).unwrap()
}

#[test]
fn a_command_of_the_daemon_runs_is_cancelled_and_ends_with_it() {
    let acs = Acs::start(Options::default());
    let (device, mut daemon) = device(&acs);
    let client = device.client();
    let ended = |job: &OwnedObjectPath| {
        eventually("the job ends", || Some(result(&client, job)).filter(|(s, ..)| s != "running"))
    };
    let works = |job: &OwnedObjectPath| {
        eventually("it works", || result(&client, job).2.starts_with("step ").then_some(()));
    };
    let (state, _, _, outputs) = ended(&calibrate(&client, "1"));
    assert_eq!((state.as_str(), outputs["Offset"].as_str()), ("done", "0"));
    let (state, code, text, _) = ended(&calibrate(&client, "x"));
    assert_eq!((state.as_str(), code, text.as_str()), ("failed", 9003, "Seconds is a number up to 999"));
    let job = calibrate(&client, "10");
    works(&job);
    // Meanwhile it answers everything else.
    assert_eq!(client.value(&path("Mode")).unwrap(), "Off");
    let () = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Cancel", &()).unwrap();
    assert_eq!(ended(&job).0, "cancelled");
    let job = calibrate(&client, "10");
    works(&job);
    daemon.kill();
    let (state, code, text, _) = ended(&job);
    assert_eq!((state.as_str(), code, text.as_str()), ("failed", 9002, "provider climate went away"));
}

/// An agent that is the test itself, for what a real one does not do on demand.
struct Interface {
    folder: tempfile::TempDir,
    bus: Bus,
    agent: Client,
}

impl Interface {
    /// The name of the agent belongs to a client that takes no announcements.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bus = Bus::start(folder.path());
        let agent = Client::connect(bus.address());
        let code: u32 = agent
            .call_at(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "RequestName",
                &(names::SERVICE, 4_u32),
            )
            .unwrap();
        assert_eq!(code, 1);
        Self { folder, bus, agent }
    }

    fn daemon(&self) -> Daemon {
        let daemon = Daemon::start(&self.bus, self.folder.path());
        eventually("it takes its name", || self.agent.pid_of(SERVICE));
        daemon
    }

    fn provider<R, B>(&self, member: &str, body: &B) -> Result<R, BusError>
    where
        R: serde::de::DeserializeOwned + zbus::zvariant::Type,
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.agent.call_at(SERVICE, names::PROVIDER_PATH, names::PROVIDER, member, body)
    }

    fn prepare(&self, txn: u64, target: &str, lease_ms: u32) -> PathIndexFaults {
        let changes = [(1_u32, 2_u8, path("Target"), target)];
        let options = HashMap::<String, OwnedValue>::new();
        self.provider("Prepare", &(txn, changes.as_slice(), lease_ms, options)).unwrap()
    }

    fn step(&self, member: &str, txn: u64) -> Result<(), BusError> {
        if member == "Commit" {
            return self.provider::<u32, _>(member, &(txn,)).map(|status| assert_eq!(status, 0));
        }
        self.provider(member, &(txn,))
    }

    fn target(&self) -> String {
        let options = HashMap::<String, OwnedValue>::new();
        let (values, _): (Values, PathFaults) =
            self.provider("Get", &([path("Target")].as_slice(), options)).unwrap();
        values[0].2.clone()
    }
}

/// Every step of a transaction may come twice, and a crash may lie between any two.
#[test]
fn a_rollback_after_a_commit_and_a_crash_restores_what_was_there() {
    let interface = Interface::new();
    let mut daemon = interface.daemon();
    assert_eq!(interface.prepare(7, "25", 60_000), []);
    assert_eq!(interface.prepare(7, "25", 60_000), []);
    interface.step("Commit", 7).unwrap();
    interface.step("Commit", 7).unwrap();
    assert_eq!(interface.target(), "25");
    daemon.kill();
    let mut daemon = interface.daemon();
    // The agent carries a commit through that a crash cut off: it begins again with the same number.
    assert_eq!(interface.prepare(7, "25", 60_000), []);
    interface.step("Commit", 7).unwrap();
    interface.step("Rollback", 7).unwrap();
    interface.step("Rollback", 7).unwrap();
    assert_eq!(interface.target(), "20");
    daemon.kill();
    let mut daemon = interface.daemon();
    assert_eq!(interface.target(), "20");
    // What was prepared and not committed dies with the process, and what is finished stays.
    assert_eq!(interface.prepare(8, "26", 60_000), []);
    daemon.kill();
    let _daemon = interface.daemon();
    assert!(interface.step("Commit", 8).is_err());
    assert_eq!(interface.prepare(9, "27", 60_000), []);
    for step in ["Commit", "Finish", "Finish", "Rollback"] {
        interface.step(step, 9).unwrap();
    }
    assert_eq!(interface.target(), "27");
}

#[test]
fn what_is_prepared_is_forgotten_with_its_lease() {
    let interface = Interface::new();
    let _daemon = interface.daemon();
    assert_eq!(interface.prepare(1, "25", 60_000), []);
    // Asked again, the lease begins anew, with this length.
    assert_eq!(interface.prepare(1, "25", 0), []);
    assert!(interface.step("Commit", 1).is_err());
    assert_eq!(interface.target(), "20");
}

#[test]
fn nobody_but_the_agent_is_answered() {
    let interface = Interface::new();
    let _daemon = interface.daemon();
    let stranger = Client::connect(interface.bus.address());
    let denied =
        stranger.call_at::<(), _>(SERVICE, names::PROVIDER_PATH, names::PROVIDER, "Finish", &(1_u64,));
    match denied.unwrap_err() {
        BusError::Fault(fault) => assert_eq!(fault.code, FaultCode::RequestDenied),
        BusError::Busy => panic!("busy"),
    }
}

#[test]
fn it_serves_every_member_of_the_contract_with_its_types() {
    let interface = Interface::new();
    let _daemon = interface.daemon();
    let served: String = interface
        .agent
        .call_at(SERVICE, names::PROVIDER_PATH, "org.freedesktop.DBus.Introspectable", "Introspect", &())
        .unwrap();
    // Members with the types of what goes in and of what comes out; names of arguments are each side's own.
    let members = |xml: &str| -> Vec<String> {
        let start = format!("<interface name=\"{}\">", names::PROVIDER);
        let interface = xml.split(&start).nth(1).unwrap().split("</interface>").next().unwrap();
        let attribute = |tag: &str, key: &str| {
            tag.split_once(&format!(" {key}=\"")).map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        };
        let mut all: Vec<String> = Vec::new();
        for tag in interface.split('<') {
            if tag.starts_with("method ") || tag.starts_with("signal ") {
                all.push(attribute(tag, "name").unwrap());
            } else if tag.starts_with("arg ") {
                let direction = attribute(tag, "direction").filter(|d| d == "out").unwrap_or_default();
                let told = format!(" {direction}:{}", attribute(tag, "type").unwrap());
                all.last_mut().unwrap().push_str(&told);
            }
        }
        // A signal's arguments have a direction for some and none for others.
        all.iter_mut().filter(|m| m.contains("hanged")).for_each(|m| *m = m.replace("out", ""));
        all.sort();
        all
    };
    let contract = members(cwmp_bus::PROVIDER_XML);
    assert!(contract.len() > 12, "{contract:?}");
    assert_eq!(members(&served), contract);
}
