//! A write over several plugins is done as a whole or not at all, whatever happens in between.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, CpeFault, Options, Session, ValueType};
use cwmp_bus::BusError;
use cwmp_e2e::native::{Native, PathIndexFaults, Serve, Step};
use cwmp_e2e::{eventually, Client, Device, CONNECTION_REQUEST};

const FIRST: &str = "Device.X_CWMPD_Demo.Level";
const SECOND: &str = "Device.X_CWMPD_DemoC.Level";
const KEY: &str = "Device.ManagementServer.ParameterKey";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const SENSORS: &str = "Device.X_CWMPD_DemoC.Sensor.";

/// Short, because a late answer is waited for.
const DEADLINES: &str = "[deadlines]\nget_ms = 2000\nprepare_ms = 2000\ncommit_ms = 1500\nhard_ms = 5000\n";

fn device(acs: &Acs) -> Device {
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true\n")
        .manifest("demo", DEADLINES)
        .plugin("demo_c", "[config]\nfailures = true\n")
        .manifest("demo_c", DEADLINES)
        .start();
    ready(&device);
    acs.session().end();
    device
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

/// One write over both plugins, and what comes of it.
fn set_both(session: &mut Session, level: &str, key: &str) -> Result<u32, CpeFault> {
    session.set(&[(FIRST, ValueType::UnsignedInt, level), (SECOND, ValueType::UnsignedInt, level)], key)
}

/// The values of both plugins, and the key.
fn state(client: &Client) -> [String; 3] {
    [FIRST, SECOND, KEY].map(|name| client.value(name).unwrap())
}

/// Tries several things, each with a device of its own: what they do most is wait.
fn at_once<T: Send>(all: impl IntoIterator<Item = T>, each: impl Fn(T) + Sync) {
    let each = &each;
    std::thread::scope(|scope| {
        for one in all {
            scope.spawn(move || each(one));
        }
    });
}

/// Either plugin fails.
fn fails(failure: &str, code: u32) {
    at_once([DEMO, DEMO_C], |(plugin, base)| fails_in(plugin, base, failure, code));
}

fn fails_in(plugin: &str, base: &str, failure: &str, code: u32) {
    let what = format!("{plugin}: {failure}");
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut session = ask(&acs, &client);
    client.set_value(&format!("{base}Test.Fail"), failure).unwrap();
    let fault = set_both(&mut session, "60", "lost").unwrap_err();
    assert_eq!(fault.code, 9003, "{what}");
    // The one that failed is named, and nobody else.
    let named: Vec<_> = fault.parameters.iter().map(|(name, code, _)| (name.as_str(), *code)).collect();
    assert_eq!(named, [(format!("{base}Level").as_str(), code)], "{what}");
    session.end();
    ready(&device);
    assert_eq!(state(&client), ["50", "50", ""], "{what}");
    // Nothing of it is in the way of the next.
    let mut session = ask(&acs, &client);
    assert_eq!(set_both(&mut session, "70", "done").unwrap(), 0, "{what}");
    session.end();
    assert_eq!(state(&client), ["70", "70", "done"], "{what}");
    let mut device = device;
    device.stop();
    assert!(device.stored().transactions.is_empty(), "{what}");
}

const DEMO: (&str, &str) = ("demo", "Device.X_CWMPD_Demo.");
const DEMO_C: (&str, &str) = ("demo_c", "Device.X_CWMPD_DemoC.");

/// C103, C106.
#[test]
fn a_plugin_that_refuses_to_prepare_leaves_the_other_as_it_was() {
    fails("prepare", 9004);
}

#[test]
fn a_plugin_that_crashes_as_it_prepares_leaves_the_other_as_it_was() {
    fails("crash-in-prepare", 9002);
}

#[test]
fn a_plugin_that_fails_to_commit_leaves_the_other_as_it_was() {
    fails("commit", 9002);
}

#[test]
fn a_plugin_that_crashes_as_it_commits_leaves_the_other_as_it_was() {
    fails("crash-in-commit", 9002);
}

/// It says "done" when nobody waits for that any more, and is taken back all the same.
#[test]
fn a_plugin_that_commits_too_late_leaves_the_other_as_it_was() {
    fails("commit-timeout", 9002);
}

/// C136 to C141: rows come and go as a whole, and a number that was lost is not given out again.
#[test]
fn a_row_that_cannot_be_added_or_deleted_is_as_it_was() {
    at_once(["prepare", "commit", "crash-in-prepare", "crash-in-commit", "commit-timeout"], |failure| {
        let acs = Acs::start(Options::default());
        let device = device(&acs);
        let client = device.client();
        let mut session = ask(&acs, &client);
        for ((plugin, base), table, value) in [(DEMO, LAMPS, "Brightness"), (DEMO_C, SENSORS, "Threshold")] {
            let what = format!("{plugin}: {failure}");
            let rows = || -> Vec<String> {
                let all = client.list(table, true).unwrap().into_iter().map(|(name, _)| name);
                all.filter(|name| name != table).collect()
            };
            client.set_value(&format!("{base}Test.Fail"), failure).unwrap();
            let code = if failure == "prepare" { 9004 } else { 9002 };
            assert_eq!(session.add(table, "lost").unwrap_err().code, code, "{what}");
            device.ready(plugin);
            assert_eq!(rows(), Vec::<String>::new(), "{what}");
            assert_eq!(session.add(table, "added").unwrap(), (2, 0), "{what}");
            let row = format!("{table}2.");
            client.set_value(&format!("{row}{value}"), "7").unwrap();
            client.set_value(&format!("{base}Test.Fail"), failure).unwrap();
            assert_eq!(session.delete(&row, "lost").unwrap_err().code, code, "{what}");
            device.ready(plugin);
            assert_eq!(rows(), [row.as_str()], "{what}");
            assert_eq!(client.value(&format!("{row}{value}")).unwrap(), "7", "{what}");
            assert_eq!(client.value(KEY).unwrap(), "added", "{what}");
            assert_eq!(session.delete(&row, "deleted").unwrap(), 0, "{what}");
            assert_eq!((rows(), client.value(KEY).unwrap()), (vec![], "deleted".to_owned()), "{what}");
        }
        session.end();
    });
}

/// Starts the agent again so that it is cut off in the middle of a write over both plugins; the device is left without
/// agent, and with or without the hosts that it had.
fn cut_off(acs: &Acs, device: &mut Device, point: &str, hosts_live: bool) {
    device.kill();
    device.start_with(&[("CWMPD_CUT", point)]);
    let client = device.client();
    ready(device);
    let mut session = ask(acs, &client);
    session.ready();
    let request = cwmp_acs::Request::SetParameterValues {
        values: [FIRST, SECOND]
            .map(|name| cwmp_acs::IncomingValue {
                name: name.to_owned(),
                xsi_type: cwmp_acs::XsiType::Known(ValueType::UnsignedInt),
                text: "60".to_owned(),
            })
            .to_vec(),
        parameter_key: "new".to_owned(),
    };
    let envelope = session.envelope(&request);
    session.send_raw_envelope(envelope);
    session.gone();
    device.ended();
    if !hosts_live {
        device.kill_host("demo");
        device.kill_host("demo_c");
    }
}

/// Steps of the transaction that are done when the agent is cut off, and whether it is carried through then.
const STEPS: [(&str, bool); 5] = [
    // One has prepared, both have.
    ("called:1", false),
    ("called:2", false),
    // One has committed, both have and the journal stands, one was told that it is over.
    ("called:3", true),
    ("called:4", true),
    ("called:5", true),
];

fn is_whole_after(hosts_live: bool) {
    at_once(STEPS, |(point, through)| {
        let acs = Acs::start(Options::default());
        let mut device = device(&acs);
        cut_off(&acs, &mut device, point, hosts_live);
        device.start();
        ready(&device);
        let client = device.client();
        let expected = if through { ["60", "60", "new"] } else { ["50", "50", ""] };
        assert_eq!(state(&client), expected, "{point}\n{}", device.log());
        // The next one is not in the way of what was cut off, even after another restart.
        assert_eq!(client.set(&[(FIRST, "70"), (SECOND, "70")]).unwrap(), (0, Vec::new()), "{point}");
        device.restart();
        ready(&device);
        assert_eq!(client.value(FIRST).unwrap(), "70", "{point}");
        assert_eq!(client.value(SECOND).unwrap(), "70", "{point}");
        device.stop();
        assert!(device.stored().transactions.is_empty(), "{point}");
    });
}

#[test]
fn a_write_that_was_cut_off_is_whole_after_the_restart() {
    is_whole_after(true);
}

#[test]
fn a_write_that_was_cut_off_with_the_plugins_is_whole_after_the_restart() {
    is_whole_after(false);
}

#[test]
fn a_plugin_that_refuses_after_the_restart_takes_the_other_back_with_it() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    // It happens at the commit, to which the first run does not come.
    device.client().set_value("Device.X_CWMPD_DemoC.Test.Fail", "commit").unwrap();
    cut_off(&acs, &mut device, "called:3", true);
    device.start();
    ready(&device);
    let client = device.client();
    assert_eq!(state(&client), ["50", "50", ""]);
    let log = device.log();
    assert!(log.contains("provider demo_c refuses to commit"), "{log}");
    device.stop();
    assert!(device.stored().transactions.is_empty());
}

fn take_away(device: &Device) {
    let library = device.path("plugins/libcwmp_demo_c.so");
    std::fs::rename(&library, device.path("kept")).unwrap();
    std::fs::write(&library, "no library").unwrap();
}

fn give_back(device: &Device) {
    std::fs::rename(device.path("kept"), device.path("plugins/libcwmp_demo_c.so")).unwrap();
}

/// Both are in the middle of a write, and the second does not come back with the restart.
fn half_a_restart(acs: &Acs) -> Device {
    let mut device = device(acs);
    cut_off(acs, &mut device, "called:3", false);
    take_away(&device);
    device.start();
    device.ready("demo");
    assert_eq!(device.client().value(FIRST).unwrap(), "60");
    device
}

#[test]
fn a_write_that_was_cut_off_waits_for_the_second_plugin() {
    let acs = Acs::start(Options::default());
    let device = half_a_restart(&acs);
    give_back(&device);
    device.ready("demo_c");
    assert_eq!(state(&device.client()), ["60", "60", "new"]);
}

#[test]
fn a_new_write_does_not_wait_for_the_one_that_was_cut_off() {
    let acs = Acs::start(Options::default());
    let mut device = half_a_restart(&acs);
    let client = device.client();
    client.set_value(FIRST, "80").unwrap();
    give_back(&device);
    device.ready("demo_c");
    assert_eq!(state(&client), ["80", "50", ""]);
    device.stop();
    assert!(device.stored().transactions.is_empty());
}

#[test]
fn a_write_that_was_cut_off_is_given_up_when_a_plugin_stays_away() {
    let acs = Acs::start(Options::default());
    let device = half_a_restart(&acs);
    let client = device.client();
    client.advance(Duration::from_secs(60));
    eventually("it is taken back", || client.value(FIRST).ok().filter(|v| v == "50"));
    give_back(&device);
    device.ready("demo_c");
    assert_eq!(state(&client), ["50", "50", ""]);
}

/// A daemon whose transactions the test decides on.
struct Slow {
    /// Is told when it prepares.
    prepares: mpsc::Sender<()>,
    /// How long it prepares.
    preparing: Duration,
    /// What it calls itself while it prepares: the path that it sets, and where the answer goes.
    calls: Calls,
}

const NATIVE: &str = "name = 'native'\nroots = ['Device.X_TEST_Native.']\n[deadlines]\nprepare_ms = 15000\n";
const OWN: &str = "Device.X_TEST_Native.Value";

impl Serve for Slow {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![
            ("Device.X_TEST_Native.".to_owned(), 0, 1, String::new()),
            (OWN.to_owned(), 1, 1 << 2, String::new()),
        ]
    }

    fn prepare(&self, bus: zbus::Connection, _: u64, _: Vec<String>) -> Step<PathIndexFaults> {
        let preparing = self.preparing;
        // Not every test listens.
        let _ = self.prepares.send(());
        let calls = self.calls.clone();
        Box::pin(async move {
            tokio::time::sleep(preparing).await;
            if let Some((path, answer)) = calls {
                let body = (path, "60");
                let to = Some(cwmp_bus::names::SERVICE);
                let interface = Some(cwmp_bus::names::DATA_MODEL);
                let called = bus.call_method(to, cwmp_bus::names::PATH, interface, "SetValue", &body).await;
                let _ = answer.send(BusError::from_reply(&called.unwrap_err()));
            }
            Ok(Vec::new())
        })
    }
}

type Calls = Option<(&'static str, mpsc::Sender<BusError>)>;

fn with_daemon(preparing: Duration, calls: Calls) -> (Device, Native, mpsc::Receiver<()>) {
    let (prepares, prepared) = mpsc::channel();
    let serve = Slow { prepares, preparing, calls };
    let device = Device::builder().plugin("demo", "").manifest("native", NATIVE).start();
    device.ready("demo");
    let (native, announced) = Native::start(device.bus.address(), "native", serve);
    announced.unwrap();
    device.ready("native");
    (device, native, prepared)
}

/// Starts a write at the daemon in the background.
fn write(device: &Device) -> std::thread::JoinHandle<Result<u32, BusError>> {
    let address = device.bus.address().to_owned();
    std::thread::spawn(move || Client::connect(&address).set_value(OWN, "x"))
}

#[test]
fn two_writes_at_once_are_done_one_after_the_other() {
    let (device, _native, _) = with_daemon(Duration::from_secs(1), None);
    let began = Instant::now();
    let writes = [write(&device), write(&device), write(&device)];
    // One that does not touch the daemon waits as well, and comes to its turn.
    assert_eq!(device.client().set_value(FIRST, "60").unwrap(), 0);
    for write in writes {
        assert_eq!(write.join().unwrap().unwrap(), 0);
    }
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_write_that_waits_for_ten_seconds_is_told_that_the_agent_is_busy() {
    let (device, _native, prepares) = with_daemon(Duration::from_secs(12), None);
    let client = device.client();
    let long = write(&device);
    prepares.recv().unwrap();
    let began = Instant::now();
    assert_eq!(client.set_value(FIRST, "60").unwrap_err(), BusError::Busy);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(11), "{took:?}");
    assert_eq!(long.join().unwrap().unwrap(), 0);
    assert_eq!(client.set_value(FIRST, "60").unwrap(), 0);
}

#[test]
fn a_provider_that_writes_while_it_prepares_is_told_that_the_agent_is_busy() {
    for path in [FIRST, OWN] {
        let (sender, answer) = mpsc::channel();
        let (device, _native, _) = with_daemon(Duration::ZERO, Some((path, sender)));
        let client = device.client();
        assert_eq!(client.set_value(OWN, "x").unwrap(), 0);
        assert_eq!(answer.recv().unwrap(), BusError::Busy, "{path}");
        assert_eq!(client.value(FIRST).unwrap(), "50");
    }
}
