//! C172: a diagnostic from the ACS to the device and back, by the rules of `DiagnosticsState`.

use cwmp_acs::{Acs, CpeFault, Options, Reply, Session, ValueType};
use cwmp_e2e::{binary, eventually, Client, Device, CONNECTION_REQUEST};

use ValueType::{String as Text, UnsignedInt};

const TEST: &str = "Device.X_CWMPD_Demo.SelfTest.";
const STATE: &str = "Device.X_CWMPD_Demo.SelfTest.DiagnosticsState";
const REPETITIONS: &str = "Device.X_CWMPD_Demo.SelfTest.Repetitions";
const INTERVAL: &str = "Device.X_CWMPD_Demo.SelfTest.Interval";
const LIMIT: &str = "Device.X_CWMPD_Demo.SelfTest.Limit";
const COUNT: &str = "Device.X_CWMPD_Demo.SelfTest.ResultNumberOfEntries";
const COMPLETE: &str = "8 DIAGNOSTICS COMPLETE";
/// How long a test sleeps that does not end by itself.
const FOR_EVER: &str = "60000";

/// A device with a diagnostic, whose first session is over.
fn known() -> (Acs, Device) {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nself_test = true\n")
        .plugin("demo_c", "[config]\nfailures = true\n")
        .start();
    ready(&device);
    acs.session().end();
    device.client().wait_for("idle");
    (acs, device)
}

fn ready(device: &Device) {
    device.ready("demo");
    device.ready("demo_c");
}

fn ask(acs: &Acs, client: &Client) -> Session {
    let url = client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&url, user, password), 200);
    acs.session()
}

fn request(session: &mut Session, repetitions: &str, interval: &str) {
    let status = session.set(
        &[
            (REPETITIONS, UnsignedInt, repetitions),
            (INTERVAL, UnsignedInt, interval),
            (STATE, Text, "Requested"),
        ],
        "",
    );
    assert_eq!(status.unwrap(), 0);
}

/// Whether the test is at work: it has a thread of its own.
fn runs(device: &Device) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", device.host("demo"))).unwrap();
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.filter_map(Result::ok).any(|task| name(task).trim() == "diagnostic")
}

fn begins(device: &Device) {
    eventually("the test begins", || runs(device).then_some(()));
}

fn ends(device: &Device) {
    eventually("the test ends", || (!runs(device)).then_some(()));
}

/// A device whose test runs, and does not end by itself. It was asked for by the ACS.
fn running() -> (Acs, Device, Client) {
    let (acs, device) = known();
    let client = device.client();
    let mut session = ask(&acs, &client);
    request(&mut session, "1", FOR_EVER);
    session.end();
    begins(&device);
    client.wait_for("idle");
    assert_eq!(client.value(STATE).unwrap(), "Requested");
    (acs, device, client)
}

/// Nobody has to be told of anything.
fn nothing_is_told(client: &Client) {
    client.settle();
    assert_eq!(client.property::<Vec<(String, String)>>("PendingEvents"), []);
    assert_eq!(client.property::<String>("State"), "idle");
}

fn fault(result: Result<u32, CpeFault>) -> (u32, Vec<(String, u32)>) {
    let fault = result.unwrap_err();
    (fault.code, fault.parameters.into_iter().map(|(name, code, _)| (name, code)).collect())
}

/// C172: it begins after the session, its results are there, and the ACS is told.
#[test]
fn a_test_begins_after_the_session_and_its_end_is_told_with_results() {
    let (acs, device) = known();
    let client = device.client();
    let mut session = ask(&acs, &client);
    assert_eq!(session.get_value(STATE).unwrap(), "None");
    request(&mut session, "3", "1");
    for _ in 0..50 {
        assert_eq!(session.get_value(STATE).unwrap(), "Requested");
        assert!(!runs(&device), "it runs in the session in which it was asked for");
    }
    session.end();
    let mut session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    assert_eq!(session.get_value(STATE).unwrap(), "Complete");
    assert_eq!(session.get_value(COUNT).unwrap(), "3");
    let values = session.get(&[TEST]).unwrap();
    let delays = values.iter().filter(|(name, _)| name.ends_with(".Delay")).count();
    assert_eq!(delays, 3, "{values:?}");
    assert_ne!(session.get_value("Device.X_CWMPD_Demo.SelfTest.MaximumDelay").unwrap(), "0");
    session.end();
    client.wait_for("idle");
    // They stay, and are told once.
    let mut session = ask(&acs, &client);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    assert_eq!(
        (session.get_value(STATE).unwrap().as_str(), session.get_value(COUNT).unwrap().as_str()),
        ("Complete", "3")
    );
    session.end();
}

/// C172: completion by error is told as well.
#[test]
fn a_test_that_fails_is_told_with_its_error() {
    let (acs, device) = known();
    let mut session = ask(&acs, &device.client());
    session.set(&[(LIMIT, UnsignedInt, "1")], "").unwrap();
    request(&mut session, "1000", "1");
    session.end();
    let mut session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    assert_eq!(session.get_value(STATE).unwrap(), "Error_TooLate");
    assert_eq!(session.get_value(COUNT).unwrap(), "0");
    session.end();
}

/// C172: another parameter of the object ends it, in `None`, and nobody is told; parameters elsewhere do not.
#[test]
fn another_parameter_of_the_object_ends_the_test() {
    let (acs, device, client) = running();
    client.set_value("Device.X_CWMPD_Demo.Level", "7").unwrap();
    assert!(runs(&device));
    let mut session = ask(&acs, &client);
    assert_eq!(session.get_value(STATE).unwrap(), "Requested");
    session.set(&[(LIMIT, UnsignedInt, "0")], "").unwrap();
    assert_eq!(session.get_value(STATE).unwrap(), "None");
    session.end();
    ends(&device);
    client.wait_for("idle");
    nothing_is_told(&client);
}

/// C172: asked for again it begins again, and only the second run is told and seen.
#[test]
fn a_test_that_is_asked_for_again_begins_again() {
    let (acs, device, client) = running();
    let mut session = ask(&acs, &client);
    request(&mut session, "2", "1");
    assert_eq!(session.get_value(STATE).unwrap(), "Requested");
    session.end();
    let mut session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    assert_eq!(
        (session.get_value(STATE).unwrap().as_str(), session.get_value(COUNT).unwrap().as_str()),
        ("Complete", "2")
    );
    session.end();
    ends(&device);
    client.wait_for("idle");
    nothing_is_told(&client);
}

/// C172: canceled it is over, in `None`, and nobody is told.
#[test]
fn a_test_can_be_canceled() {
    let (acs, device, client) = running();
    let mut session = ask(&acs, &client);
    session.set(&[(STATE, Text, "Canceled")], "").unwrap();
    assert_eq!(session.get_value(STATE).unwrap(), "None");
    session.end();
    ends(&device);
    client.wait_for("idle");
    nothing_is_told(&client);
    assert_eq!(client.value(STATE).unwrap(), "None");
}

/// C172: the states that the device sets are refused from outside.
#[test]
fn what_only_the_device_may_say_is_refused() {
    let (acs, device) = known();
    let mut session = ask(&acs, &device.client());
    for state in ["None", "Complete", "Error", "Error_TooLate", "Running", ""] {
        let refused = fault(session.set(&[(STATE, Text, state)], ""));
        assert_eq!(refused, (9003, vec![(STATE.to_owned(), 9007)]), "{state}");
    }
    assert_eq!(session.get_value(STATE).unwrap(), "None");
    session.end();
}

/// C172, C106: what is not applied as a whole does not begin, and does not end what runs.
#[test]
fn a_transaction_that_is_taken_back_begins_and_ends_nothing() {
    let (acs, device) = known();
    let client = device.client();
    let mut session = ask(&acs, &client);
    let fail = ("Device.X_CWMPD_DemoC.Test.Fail", Text, "commit");
    let level = ("Device.X_CWMPD_DemoC.Level", UnsignedInt, "60");
    session.set(&[fail], "").unwrap();
    let values = [(INTERVAL, UnsignedInt, FOR_EVER), (STATE, Text, "Requested"), level];
    assert_eq!(fault(session.set(&values, "")).0, 9003);
    assert_eq!(session.get_value(STATE).unwrap(), "None");
    session.end();
    client.wait_for("idle");
    let mut session = ask(&acs, &client);
    assert_eq!((session.get_value(STATE).unwrap().as_str(), runs(&device)), ("None", false));
    request(&mut session, "1", FOR_EVER);
    session.end();
    begins(&device);
    client.wait_for("idle");
    let mut session = ask(&acs, &client);
    for own in [(STATE, Text, "Canceled"), (LIMIT, UnsignedInt, "5")] {
        session.set(&[fail], "").unwrap();
        assert_eq!(fault(session.set(&[own, level], "")).0, 9003);
        assert_eq!((session.get_value(STATE).unwrap().as_str(), runs(&device)), ("Requested", true));
    }
    session.end();
}

/// C172: a session sees a run before its end or after, whenever that is.
#[test]
fn a_session_does_not_see_half_a_run() {
    let (acs, device, client) = running();
    // One that ends in the session that comes.
    client.set_value(STATE, "Canceled").unwrap();
    ends(&device);
    let mut session = ask(&acs, &client);
    request(&mut session, "1", "2000");
    session.end();
    begins(&device);
    client.wait_for("idle");
    let mut session = ask(&acs, &client);
    let before = session.get_value(STATE).unwrap();
    ends(&device);
    assert_eq!((before.as_str(), session.get_value(STATE).unwrap().as_str()), ("Requested", "Requested"));
    assert_eq!(session.get_value(COUNT).unwrap(), "0");
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session.end();
    let mut session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    assert_eq!(
        (session.get_value(STATE).unwrap().as_str(), session.get_value(COUNT).unwrap().as_str()),
        ("Complete", "1")
    );
    session.end();
}

/// C172: from the bus it begins at once, or after the session that is open; the ACS did not ask and is not told.
#[test]
fn a_test_from_the_bus_begins_at_once() {
    let (acs, device) = known();
    let client = device.client();
    client.set(&[(REPETITIONS, "4"), (INTERVAL, "1"), (STATE, "Requested")]).unwrap();
    eventually("it is complete", || (client.value(STATE).unwrap() == "Complete").then_some(()));
    assert_eq!(client.value(COUNT).unwrap(), "4");
    nothing_is_told(&client);
    let mut session = ask(&acs, &client);
    client.set(&[(INTERVAL, FOR_EVER), (STATE, "Requested")]).unwrap();
    assert_eq!((session.get_value(STATE).unwrap().as_str(), runs(&device)), ("Requested", false));
    session.end();
    begins(&device);
}

/// C172: the event is kept until the ACS has it, over a restart of the agent, but not over a reboot.
#[test]
fn the_event_is_kept_until_a_reboot() {
    let (acs, mut device) = known();
    let mut session = ask(&acs, &device.client());
    request(&mut session, "1", "1");
    session.end();
    let session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    session.fail_with(Reply::status(500));
    device.client().wait_for("waiting");
    device.restart();
    let client = device.client();
    client.wait_for("waiting");
    assert_eq!(
        client.property::<Vec<(String, String)>>("PendingEvents"),
        [(COMPLETE.to_owned(), String::new())]
    );
    device.reboot();
    let mut session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    ready(&device);
    assert_eq!(
        (session.get_value(STATE).unwrap().as_str(), session.get_value(COUNT).unwrap().as_str()),
        ("None", "0")
    );
    session.end();
}

/// C172: after a reboot in mid run nothing is known, and nothing is told.
#[test]
fn a_reboot_in_mid_run_leaves_nothing() {
    let (acs, mut device, _) = running();
    device.reboot();
    let mut session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    ready(&device);
    assert_eq!((session.get_value(STATE).unwrap().as_str(), runs(&device)), ("None", false));
    session.end();
    let client = device.client();
    client.wait_for("idle");
    nothing_is_told(&client);
}

/// C172: a plugin that dies in mid run has failed, and the ACS, which waits, is told.
#[test]
fn a_crash_in_mid_run_is_told_as_an_error() {
    let (acs, device, _) = running();
    device.kill_host("demo");
    let mut session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    device.ready("demo");
    assert_eq!((session.get_value(STATE).unwrap().as_str(), runs(&device)), ("Error", false));
    assert_eq!(session.get_value(COUNT).unwrap(), "0");
    // It can be asked for again.
    request(&mut session, "1", "1");
    session.end();
    let mut session = acs.session();
    assert_eq!(session.events(), [COMPLETE]);
    assert_eq!(session.get_value(STATE).unwrap(), "Complete");
    session.end();
}

/// What reads other than it was set is no failure of a diagnostic.
#[test]
fn the_check_of_plugins_knows_diagnostics() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("demo.toml");
    let library = binary("libcwmp_demo.so");
    let text = format!(
        "name = 'demo'\nlibrary = '{}'\nroots = ['Device.X_CWMPD_Demo.']\n[config]\nself_test = true\n",
        library.display()
    );
    std::fs::write(&manifest, text).unwrap();
    let check = std::process::Command::new(binary("cwmp-plugin-host"))
        .arg("--check")
        .arg(manifest)
        .arg("--write")
        .output();
    let output = check.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("ok    write: "), "{text}");
}
