//! What `make install` installs, on a machine that systemd runs. `tests/guest/run --systemd` boots it, twice.

#[path = "systemd/services.rs"]
mod services;

use std::process::Command;
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session};
use cwmp_e2e::Client;

const BUS: &str = "unix:path=/run/dbus/system_bus_socket";
/// Emulated machines are slow.
const PATIENCE: Duration = Duration::from_secs(90);
const PLUGINS: [&str; 7] = ["device_info", "network", "users", "mapping", "wifi", "storage", "demo"];
const UP_TIME: &str = "Device.DeviceInfo.UpTime";
const PROVISIONING: &str = "Device.DeviceInfo.ProvisioningCode";
const COMMAND_KEY: &str = "reboot 4711";

/// Whether this is the guest that systemd runs.
fn inside() -> bool {
    let inside = std::env::var("CWMP_GUEST").is_ok_and(|guest| guest == "systemd");
    if !inside {
        println!("skipped: tests/guest/run --systemd runs this");
    }
    inside
}

#[track_caller]
fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A command: whether it succeeded, and all that it said.
fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.trim_end().to_owned())
}

#[track_caller]
fn fine(program: &str, arguments: &[&str]) -> String {
    let (good, said) = run(program, arguments);
    assert!(good, "{program} {arguments:?}: {said}");
    said
}

/// Says what was shown, and when.
fn passed(what: &str) {
    let up = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    println!("{what}: fine, after {} s", up.split(' ').next().unwrap_or_default());
}

/// What systemd says of a unit.
fn show(unit: &str, property: &str) -> String {
    fine("systemctl", &["show", "--value", "-p", property, unit])
}

#[track_caller]
fn active(unit: &str) {
    eventually(unit, || (show(unit, "ActiveState") == "active").then_some(()));
}

fn user_of(pid: &str) -> String {
    fine("ps", &["-o", "user:32=", "-p", pid])
}

fn acs() -> Acs {
    Acs::start(Options { port: 7600, timeout: PATIENCE, ..Options::default() })
}

/// Ends every session that the device wants by itself, until it wants none for a while.
fn quiet(acs: &Acs) {
    while let Some(session) = acs.try_session_within(Duration::from_secs(4)) {
        session.end();
    }
}

/// A session that somebody on the box asks for.
fn asked(acs: &Acs) -> Session {
    fine("busctl", &["call", "org.cwmpd1", "/org/cwmpd1", "org.cwmpd1.Agent", "Inform", "a{sv}", "0"]);
    acs.session()
}

/// `busctl` as somebody.
fn busctl(user: &str, arguments: &[&str]) -> (bool, String) {
    let id = format!("--reuid={user}");
    let mut all =
        vec![id.as_str(), "--regid=nogroup", "--clear-groups", "busctl", "--system", "call", "org.cwmpd1"];
    if user != "nobody" {
        all[1] = "--init-groups";
        all[2] = "--regid=nogroup";
    }
    all.extend(["/org/cwmpd1", "org.cwmpd1.DataModel"]);
    all.extend(arguments);
    run("setpriv", &all)
}

fn units_start() {
    active("cwmpd.service");
    for plugin in PLUGINS {
        let unit = format!("cwmp-plugin@{plugin}.service");
        active(&unit);
        let expected = if plugin == "storage" { "root".to_owned() } else { format!("cwmp-{plugin}") };
        assert_eq!(user_of(&show(&unit, "MainPID")), expected);
    }
    assert_eq!(user_of(&show("cwmpd.service", "MainPID")), "cwmpd");
    let client = Client::connect(BUS);
    for plugin in PLUGINS {
        eventually(plugin, || client.provider(plugin).filter(|(stage, _)| stage == "ready"));
    }
    assert_eq!(client.property::<String>("Store"), "ok");
    eventually("the status", || show("cwmpd.service", "StatusText").starts_with("idle").then_some(()));
    assert!(fine("cwmpctl", &["status"]).contains("127.0.0.1:7600"));
    passed("units start");
}

/// Each user of the box may do what the policy says, by the real bus and its own tool.
fn the_bus_knows_its_users() {
    let get = ["GetValue", "s", PROVISIONING];
    let set = ["SetValue", "ss", PROVISIONING, "there"];
    for (user, reads, writes) in [
        ("root", true, true),
        ("cwmp-test-admin", true, true),
        ("cwmp-test-read", true, false),
        ("nobody", false, false),
    ] {
        for (may, arguments) in [(reads, &get[..]), (writes, &set[..])] {
            let (did, said) = busctl(user, arguments);
            assert_eq!(did, may, "{user} {arguments:?}: {said}");
            assert!(may || said.contains("denied") || said.contains("rejected"), "{user}: {said}");
        }
    }
    passed("the bus knows its users");
}

fn a_plugin_that_crashes_is_started_again() {
    let unit = "cwmp-plugin@demo.service";
    let before = show(unit, "MainPID");
    let client = Client::connect(BUS);
    client.set_value("Device.X_CWMPD_Demo.Test.Fail", "crash").unwrap();
    client.value("Device.X_CWMPD_Demo.Level").unwrap_err();
    eventually("another host", || {
        let now = show(unit, "MainPID");
        (now != before && now != "0").then_some(())
    });
    eventually("it is ready", || client.provider("demo").filter(|(stage, _)| stage == "ready"));
    assert_eq!(show(unit, "NRestarts"), "1");
    // Nobody else suffered.
    assert_eq!(show("cwmpd.service", "NRestarts"), "0");
    passed("a plugin that crashes is started again");
}

fn an_agent_that_is_stuck_is_ended_and_comes_back(acs: &Acs) {
    let before = show("cwmpd.service", "MainPID");
    let client = Client::connect(BUS);
    client.call::<(), _>("org.cwmpd1.Test", "Stick", &()).expect("built with test-hooks");
    eventually("the watchdog", || (show("cwmpd.service", "NRestarts") == "1").then_some(()));
    active("cwmpd.service");
    assert_ne!(show("cwmpd.service", "MainPID"), before);
    assert!(fine("journalctl", &["--no-pager", "-u", "cwmpd"]).contains("Watchdog timeout"));
    // It works again, and the hosts lived on.
    asked(acs).end();
    assert_eq!(show("cwmp-plugin@users.service", "NRestarts"), "0");
    passed("an agent that is stuck is ended and comes back");
}

/// The first boot: everything starts, and survives what can be survived; in the end the ACS asks for a reboot.
#[test]
fn before_the_reboot() {
    if !inside() {
        return;
    }
    let acs = acs();
    let first = acs.session();
    assert_eq!(first.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    first.end();
    quiet(&acs);
    units_start();
    let mut first = asked(&acs);
    first.ready();
    assert!(first.get_value(UP_TIME).unwrap().parse::<u32>().unwrap() > 0);
    assert!(first.get_value("Device.Users.UserNumberOfEntries").unwrap().parse::<u32>().unwrap() > 3);
    // By hostnamed, which the bus starts, and slowly.
    let name = eventually("hostnamed", || first.get_value("Device.DeviceInfo.HostName").ok());
    assert_eq!(name, "guest");
    first.end();
    the_bus_knows_its_users();
    services::polkit_lets_the_mapping_do_what_it_has_to(&acs);
    services::a_network_is_on_the_air_by_hostapd(&acs);
    services::folders_are_offered_by_servers_of_systemd(&acs);
    // What was set is news to the ACS.
    quiet(&acs);
    a_plugin_that_crashes_is_started_again();
    an_agent_that_is_stuck_is_ended_and_comes_back(&acs);
    let mut last = asked(&acs);
    last.ready();
    last.reboot(COMMAND_KEY).unwrap();
    last.end();
    passed("the ACS asks for a reboot");
}

/// C167: the second boot says that it is one, and who wanted it.
#[test]
fn after_the_reboot() {
    if !inside() {
        return;
    }
    let acs = acs();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT", "M Reboot"]);
    assert_eq!(session.command_keys("M Reboot"), [COMMAND_KEY]);
    // What was set before is there.
    assert_eq!(session.parameter(PROVISIONING), Some("there"));
    session.end();
    active("cwmpd.service");
    services::all_of_it_is_there_again();
    assert_eq!(show("cwmpd.service", "NRestarts"), "0");
}
