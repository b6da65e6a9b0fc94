//! A plugin that fails costs its own subtree for a while, and nothing else.

use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session};
use cwmp_e2e::native::{Native, PathFaults, Serve, Tables, Values};
use cwmp_e2e::{eventually, Client, Device, CONNECTION_REQUEST};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";
const PAYLOAD: &str = "Device.X_CWMPD_Demo.Test.Payload";
const FAIL: &str = "Device.X_CWMPD_Demo.Test.Fail";
const OTHER: &str = "Device.X_CWMPD_DemoC.Level";

/// How much more memory a bad answer may cost the agent, in KiB: what is announced as the largest answer, and some.
const MEMORY: u64 = 40 * 1024;

/// Two plugins, one of which fails on command.
fn device(acs: &Acs) -> Device {
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true\n")
        .manifest("demo", "[deadlines]\nget_ms = 1500\nprepare_ms = 1500\ncommit_ms = 1500\nhard_ms = 3000\n")
        .plugin("demo_c", "")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    acs.session().end();
    device
}

/// A session that the ACS asked for.
fn session(acs: &Acs, client: &Client) -> Session {
    let url = client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&url, user, password), 200);
    let session = acs.session();
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session
}

/// A line of `/proc/PID/status`, in KiB.
fn memory(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(field)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Waits until the host of a plugin is another process than before.
fn another_host(device: &Device, client: &Client, before: u32) {
    let service = "org.cwmpd1.Provider.demo";
    eventually("the host is started again", || client.pid_of(service).filter(|pid| *pid != before));
    device.ready("demo");
}

#[test]
fn a_plugin_that_crashes_in_a_read_is_back_before_the_next() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let host = device.host("demo");
    let mut session = session(&acs, &client);
    client.set_value(FAIL, "crash").unwrap();
    assert_eq!(session.get_value(LEVEL).unwrap_err().code, 9002);
    // The ACS goes on, and what others serve is there.
    assert_eq!(session.get_value(OTHER).unwrap(), "50");
    // The first restart waits one second, a request waits three.
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
    another_host(&device, &client, host);
    // Another crash, another wait: twice as long.
    let host = device.host("demo");
    client.set_value(FAIL, "crash").unwrap();
    assert!(client.value(LEVEL).is_err());
    another_host(&device, &client, host);
    let log = device.log();
    assert!(log.contains("provider demo: its host ended with signal: 6"), "{log}");
    for wait in [1, 2] {
        assert!(log.contains(&format!("waiting {wait} s before the next start")), "{log}");
    }
}

#[test]
fn a_host_that_is_killed_is_started_again_and_nothing_of_it_is_lost() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut first = session(&acs, &client);
    first.set_notifications(&[(TEMPERATURE, 2), (LEVEL, 1)]).unwrap();
    let (number, _) = first.add("Device.X_CWMPD_Demo.Lamp.", "key").unwrap();
    first.end();
    let host = device.host("demo");
    device.kill_host("demo");
    another_host(&device, &client, host);
    assert!(device.log().contains("provider demo: its host ended with signal: 9"), "{}", device.log());
    // Absence is no change of a value, and what was asked of the plugin stays.
    let mut session = session(&acs, &client);
    let attributes = session.attributes(&[TEMPERATURE, LEVEL]).unwrap();
    assert_eq!(attributes.iter().map(|a| a.1).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(session.get_value(&format!("Device.X_CWMPD_Demo.Lamp.{number}.Colour")).unwrap(), "White");
    assert_eq!(session.add("Device.X_CWMPD_Demo.Lamp.", "key").unwrap().0, number + 1);
    session.end();
}

/// C116 to C118 with a gap: own paths fail, wider ones go without.
#[test]
fn a_plugin_that_stays_away_leaves_a_gap_that_the_log_names() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    client.add("Device.X_CWMPD_Demo.Lamp.", &[]).unwrap();
    // It cannot be loaded any more.
    let library = device.path("plugins/libcwmp_demo.so");
    std::fs::remove_file(&library).unwrap();
    std::fs::write(&library, "no library").unwrap();
    device.kill_host("demo");
    let mut session = session(&acs, &client);
    let began = Instant::now();
    assert_eq!(session.get_value(LEVEL).unwrap_err().code, 9002);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    // From now on it is not waited for.
    let began = Instant::now();
    assert_eq!(session.get(&["Device.X_CWMPD_Demo."]).unwrap_err().code, 9002);
    let values = session.get(&["Device."]).unwrap();
    assert!(values.iter().any(|(name, _)| name == OTHER));
    assert!(!values.iter().any(|(name, _)| name.starts_with("Device.X_CWMPD_Demo.")), "{values:?}");
    let names = session.names("Device.", false).unwrap();
    assert!(names.iter().any(|(name, _)| name == OTHER));
    assert_eq!(session.set(&[(LEVEL, cwmp_acs::ValueType::UnsignedInt, "1")], "").unwrap_err().code, 9003);
    assert_eq!(session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap_err().code, 9002);
    assert!(!session.attributes(&["Device."]).unwrap().is_empty());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    session.end();
    let log = device.log();
    assert!(log.contains("provider demo is left out of an answer for Device."), "{log}");
    assert!(log.contains("its host ended with exit status: 4"), "{log}");
    let (state, cause) = client.provider("demo").unwrap();
    assert_eq!(state, "failed", "{cause}");
    assert!(cause.contains("the plugin cannot be loaded or does not start"), "{cause}");
}

#[test]
fn a_plugin_that_hangs_makes_nobody_else_wait_and_ends_by_its_hard_limit() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let host = device.host("demo");
    client.set_value(FAIL, "hang").unwrap();
    let address = device.bus.address().to_owned();
    let began = Instant::now();
    let stuck = std::thread::spawn(move || {
        let client = Client::connect(&address);
        client.get(&[LEVEL, OTHER]).unwrap()
    });
    // Whoever does not ask for it gets answers as ever.
    let mut session = session(&acs, &client);
    assert_eq!(session.get_value(OTHER).unwrap(), "50");
    assert_eq!(client.value(OTHER).unwrap(), "50");
    session.end();
    let (values, faults) = stuck.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(values.iter().map(|v| v.0.as_str()).collect::<Vec<_>>(), [OTHER]);
    assert_eq!((faults[0].0.as_str(), faults[0].1), (LEVEL, 9002));
    another_host(&device, &client, host);
    assert_eq!(client.value(LEVEL).unwrap(), "50");
    let log = device.log();
    assert!(log.contains("plugin demo: a call into the plugin did not return within 3 s"), "{log}");
    assert!(log.contains("provider demo: its host ended with exit status: 7"), "{log}");
}

#[test]
fn a_plugin_that_takes_its_time_is_waited_for() {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true\n")
        .plugin("demo_c", "[config]\nfailures = true\n")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    let client = device.client();
    client.set_value(FAIL, "slow").unwrap();
    client.set_value("Device.X_CWMPD_DemoC.Test.Fail", "slow").unwrap();
    let mut session = acs.session();
    let began = Instant::now();
    let values = session.get(&[LEVEL, OTHER]).unwrap();
    assert_eq!(values.iter().map(|(_, v)| v.text.as_str()).collect::<Vec<_>>(), ["50", "50"]);
    // Both at once, not one after the other.
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    session.end();
}

#[test]
fn a_plugin_that_lies_about_its_types_is_not_believed() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut session = session(&acs, &client);
    client.set_value(FAIL, "lie").unwrap();
    assert_eq!(session.get_value(LEVEL).unwrap_err().code, 9002);
    client.set_value(FAIL, "lie").unwrap();
    let values = session.get(&["Device."]).unwrap();
    assert!(values.iter().any(|(name, _)| name == OTHER));
    assert!(!values.iter().any(|(_, value)| value.text == "not a moment"), "{values:?}");
    // It told the truth before and does now.
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
    let log = device.log();
    assert!(log.contains("plugin demo: the plugin lies: Device.X_CWMPD_Demo.Level"), "{log}");
}

#[test]
fn a_flood_of_signals_drowns_nobody() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut first = session(&acs, &client);
    first.set_notifications(&[(TEMPERATURE, 2)]).unwrap();
    first.end();
    let before = memory(device.pid(), "VmRSS:");
    client.set_value(FAIL, "flood").unwrap();
    // The flood is over when this is answered.
    client.value(LEVEL).ok();
    let began = Instant::now();
    assert_eq!(client.value(OTHER).unwrap(), "50");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let mut session = session(&acs, &client);
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
    let after = memory(device.pid(), "VmHWM:");
    assert!(after < before + MEMORY, "from {before} to {after} KiB");
    // Nothing had really changed.
    assert_eq!(client.property::<Vec<String>>("PendingChanges"), Vec::<String>::new());
    assert!(device.log().contains("announced 100000 changes"), "{}", device.log());
}

fn does_not_fit(failure: &str, code: u32) -> (Acs, Device, u32) {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let host = device.host("demo");
    let mut session = session(&acs, &client);
    assert_eq!(session.get_value(OTHER).unwrap(), "50");
    let before = memory(device.pid(), "VmHWM:");
    client.set_value(FAIL, failure).unwrap();
    assert_eq!(session.get_value(PAYLOAD).unwrap_err().code, code);
    assert_eq!(session.get_value(OTHER).unwrap(), "50");
    session.end();
    let after = memory(device.pid(), "VmHWM:");
    assert!(after < before + MEMORY, "from {before} to {after} KiB");
    (acs, device, host)
}

#[test]
fn an_answer_of_30_megabytes_is_refused() {
    let (_acs, device, _) = does_not_fit("big30", 9004);
    assert_eq!(device.client().value(LEVEL).unwrap(), "50");
}

#[test]
fn an_answer_of_50_megabytes_is_refused() {
    let (_acs, device, _) = does_not_fit("big50", 9004);
    assert_eq!(device.client().value(LEVEL).unwrap(), "50");
}

#[test]
fn an_answer_of_endless_small_pieces_ends() {
    let (_acs, device, host) = does_not_fit("endless", 9002);
    let client = device.client();
    another_host(&device, &client, host);
    assert_eq!(client.value(LEVEL).unwrap(), "50");
}

/// What a daemon on the bus serves that no host keeps from lying.
#[derive(Default)]
struct Liar {
    megabytes: usize,
    table: bool,
    describing: Duration,
}

const NATIVE: &str = "name = 'native'\nroots = ['Device.X_TEST_Native.']\n\
                      [deadlines]\nget_ms = 2000\nprepare_ms = 2000\ncommit_ms = 2000\n";

impl Serve for Liar {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        let node =
            |path: &str, kind, flags| (format!("Device.X_TEST_Native.{path}"), kind, flags, String::new());
        vec![
            node("", 0, 1),
            node("Big", 1, 0),
            node("Number", 3, 0),
            node("Row.{i}.", 0, 3),
            node("Row.{i}.Name", 1, 0),
        ]
    }

    fn describing(&self) -> Duration {
        self.describing
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        let value = |path: &String| match path.rsplit('.').next() {
            Some("Big") => (path.clone(), 1, "x".repeat(self.megabytes * 1_000_000)),
            Some("Number") => (path.clone(), 3, "many".to_owned()),
            _ => (path.clone(), 1, "a".to_owned()),
        };
        let mut values: Values = paths.iter().filter(|p| !p.ends_with('.')).map(value).collect();
        // Of somebody else, and of nobody.
        values.push((LEVEL.to_owned(), 3, "99".to_owned()));
        values.push(("Device.X_TEST_Native.Row.7.Name".to_owned(), 200, "a".to_owned()));
        (values, Vec::new())
    }

    fn instances(&self) -> Tables {
        let rows = |count| (0..count).map(|i| (i, String::new(), 0)).collect();
        let own = ("Device.X_TEST_Native.Row.".to_owned(), rows(if self.table { 70_000 } else { 3 }));
        vec![own, ("Device.X_CWMPD_Demo.Lamp.".to_owned(), rows(3))]
    }
}

fn native(megabytes: usize, table: bool) -> (Acs, Device, Native) {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).plugin("demo", "").manifest("native", NATIVE).start();
    device.ready("demo");
    let (provider, announced) =
        Native::start(device.bus.address(), "native", Liar { megabytes, table, ..Liar::default() });
    announced.unwrap();
    device.ready("native");
    acs.session().end();
    (acs, device, provider)
}

#[test]
fn a_daemon_that_lies_is_not_believed() {
    let (acs, device, _provider) = native(0, false);
    let client = device.client();
    let mut session = session(&acs, &client);
    assert_eq!(session.get_value("Device.X_TEST_Native.Number").unwrap_err().code, 9002);
    assert_eq!(session.get_value("Device.X_TEST_Native.Row.1.Name").unwrap(), "a");
    // C117: a row that it does not have is no empty subtree, whatever it answers.
    assert_eq!(session.get(&["Device.X_TEST_Native.Row.7."]).unwrap_err().code, 9005);
    let all = session.get(&["Device."]).unwrap();
    let of =
        |name: &str| all.iter().filter(|(n, _)| n == name).map(|(_, v)| v.text.clone()).collect::<Vec<_>>();
    assert_eq!(of(LEVEL), ["50"]);
    assert_eq!(of("Device.X_CWMPD_Demo.LampNumberOfEntries"), ["0"]);
    assert_eq!(of("Device.X_TEST_Native.Number"), Vec::<String>::new());
    session.end();
    let log = device.log();
    for what in [
        "provider native lies: Device.X_TEST_Native.Number",
        "provider native lies: Device.X_CWMPD_Demo.Level was not asked for",
        "provider native: it reports rows of Device.X_CWMPD_Demo.Lamp., which is not its table",
    ] {
        assert!(log.contains(what), "{what}\n{log}");
    }
}

#[test]
fn a_daemon_with_too_many_rows_has_none() {
    let (acs, device, _provider) = native(0, true);
    let client = device.client();
    let mut session = session(&acs, &client);
    assert_eq!(session.get(&["Device.X_TEST_Native.Row.1."]).unwrap_err().code, 9002);
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
    assert!(device.log().contains("provider native: Instances: the reply is malformed: too many rows"));
}

#[test]
fn a_daemon_that_answers_30_megabytes_costs_the_memory_of_one_answer() {
    let (acs, device, _provider) = native(30, false);
    let client = device.client();
    let before = memory(device.pid(), "VmHWM:");
    let mut session = session(&acs, &client);
    for _ in 0..3 {
        assert_eq!(session.get_value("Device.X_TEST_Native.Big").unwrap_err().code, 9002);
    }
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
    let after = memory(device.pid(), "VmHWM:");
    assert!(after < before + MEMORY, "from {before} to {after} KiB");
    assert!(device.log().contains("provider native: Get: a reply of 300"), "{}", device.log());
}

/// The bus itself ends the connection of a daemon that sends more than a message may have.
#[test]
fn a_daemon_that_answers_50_megabytes_is_away_from_then_on() {
    let (acs, device, _provider) = native(50, false);
    let client = device.client();
    let mut session = session(&acs, &client);
    assert_eq!(session.get_value("Device.X_TEST_Native.Big").unwrap_err().code, 9002);
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();
    eventually("it is away", || client.provider("native").filter(|(state, _)| state == "absent"));
}

#[test]
fn a_provider_without_the_name_or_without_a_manifest_is_refused() {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).manifest("native", NATIVE).start();
    let client = device.client();
    acs.session().end();
    let (_thief, announced) = Native::start_with(device.bus.address(), "native", Liar::default(), false);
    let why = announced.unwrap_err().to_string();
    assert!(why.contains("does not own"), "{why}");
    let (_unknown, announced) = Native::start(device.bus.address(), "stranger", Liar::default());
    let why = announced.unwrap_err().to_string();
    assert!(why.contains("no manifest"), "{why}");
    assert_eq!(client.provider("native").unwrap().0, "absent");
    assert!(client.list("Device.", true).unwrap().iter().all(|(n, _)| n != "Device.X_TEST_Native."));
}

#[test]
fn a_provider_that_went_is_waited_for_three_seconds_in_total() {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).manifest("native", NATIVE).plugin("demo", "").start();
    device.ready("demo");
    acs.session().end();
    let (provider, announced) = Native::start(device.bus.address(), "native", Liar::default());
    announced.unwrap();
    device.ready("native");
    drop(provider);
    let client = device.client();
    eventually("it is away", || client.provider("native").filter(|(state, _)| state == "absent"));
    let mut session = session(&acs, &client);
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(session.get_value("Device.X_TEST_Native.Row.1.Name").unwrap_err().code, 9002);
        assert!(client.value("Device.X_TEST_Native.Number").is_err());
    }
    let took = began.elapsed();
    assert!(took < Duration::from_millis(3500), "{took:?}");
    session.end();
}

#[test]
fn a_provider_that_comes_and_goes_all_the_time_is_not_waited_for_any_longer() {
    let (_acs, device, provider) = native(0, false);
    drop(provider);
    let address = device.bus.address().to_owned();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let slow = Liar { describing: Duration::from_secs(60), ..Liar::default() };
                drop(Native::start(&address, "native", slow));
            }
        });
        let client = device.client();
        eventually("it comes", || client.provider("native").filter(|(state, _)| state == "starting"));
        let began = Instant::now();
        assert!(client.value("Device.X_TEST_Native.Number").is_err());
        let took = began.elapsed();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(took < Duration::from_secs(4), "{took:?}");
    });
}
