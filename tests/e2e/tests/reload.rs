//! Manifests that change while the agent runs.

use std::sync::mpsc;
use std::time::Duration;

use cwmp_acs::{Acs, Options};
use cwmp_bus::names;
use cwmp_e2e::native::{Native, PathFaults, PathIndexFaults, Serve, Step, Values};
use cwmp_e2e::{eventually, is_gone, Device};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const OWN: &str = "Device.X_TEST_Native.Value";
const NATIVE: &str = "name = 'native'\nroots = ['Device.X_TEST_Native.']\n";

/// A daemon with one value.
struct One {
    prepares: mpsc::Sender<()>,
    preparing: Duration,
}

impl Serve for One {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![
            ("Device.X_TEST_Native.".to_owned(), 0, 1, String::new()),
            (OWN.to_owned(), 1, 1 << 2, String::new()),
        ]
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        (paths.iter().map(|p| (p.clone(), 1, "v".to_owned())).collect(), Vec::new())
    }

    fn prepare(&self, _: zbus::Connection, _: u64, _: Vec<String>) -> Step<PathIndexFaults> {
        let preparing = self.preparing;
        // Not every test listens.
        let _ = self.prepares.send(());
        Box::pin(async move {
            tokio::time::sleep(preparing).await;
            Ok(Vec::new())
        })
    }
}

fn reload(device: &Device) {
    device.client().call::<(), _>(names::AGENT, "Reload", &()).unwrap();
}

#[test]
fn a_plugin_without_a_manifest_goes_and_comes_back_with_it() {
    let device = Device::builder().plugin("demo", "").plugin("demo_c", "").start();
    device.ready("demo");
    device.ready("demo_c");
    let client = device.client();
    let host = device.host("demo");
    let (file, away) = (device.path("plugins/demo.toml"), device.path("plugins/demo.off"));
    std::fs::rename(&file, &away).unwrap();
    reload(&device);
    assert_eq!(client.provider("demo"), None);
    assert!(client.list(LEVEL, false).is_err());
    eventually("the host ends", || is_gone(host).then_some(()));
    // Nobody starts it again, and the others do not notice.
    assert!(!device.log().contains("provider demo: its host ended"), "{}", device.log());
    assert_eq!(client.value("Device.X_CWMPD_DemoC.Level").unwrap(), "50");
    std::fs::rename(&away, &file).unwrap();
    reload(&device);
    device.ready("demo");
    assert_eq!(client.value(LEVEL).unwrap(), "50");
}

#[test]
fn a_plugin_whose_manifest_changed_is_started_again() {
    let device = Device::builder().plugin("demo", "").start();
    device.ready("demo");
    let client = device.client();
    let host = device.host("demo");
    reload(&device);
    assert_eq!(device.host("demo"), host, "nothing changed");
    let file = device.path("plugins/demo.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[deadlines]\nget_ms = 1234\n")).unwrap();
    reload(&device);
    eventually("the host is another", || {
        client.pid_of("org.cwmpd1.Provider.demo").filter(|pid| *pid != host)
    });
    device.ready("demo");
    assert!(is_gone(host));
    assert_eq!(client.value(LEVEL).unwrap(), "50");
}

#[test]
fn a_plugin_whose_overlay_changed_is_started_again() {
    let device = Device::builder().plugin("demo", "[config]\nbig_rows = 1\n").start();
    device.ready("demo");
    let client = device.client();
    let host = device.host("demo");
    let count = "Device.X_CWMPD_Demo.BigNumberOfEntries";
    assert_eq!(client.value(count).unwrap(), "1");
    std::fs::write(device.path("overlays/demo.toml"), "[config]\nbig_rows = 12\n").unwrap();
    reload(&device);
    eventually("the host is another", || {
        client.pid_of("org.cwmpd1.Provider.demo").filter(|pid| *pid != host)
    });
    device.ready("demo");
    assert_eq!(client.value(count).unwrap(), "12");
}

/// What a plugin said of itself is forgotten when it has no manifest any more and another says something new.
#[test]
fn descriptions_without_a_manifest_are_forgotten() {
    let mut device = Device::builder().plugin("demo", "").manifest("native", NATIVE).start();
    device.ready("demo");
    std::fs::remove_file(device.path("plugins/demo.toml")).unwrap();
    reload(&device);
    let (prepares, _) = mpsc::channel();
    let serve = One { prepares, preparing: Duration::ZERO };
    let (_native, announced) = Native::start(device.bus.address(), "native", serve);
    announced.unwrap();
    device.ready("native");
    device.stop();
    let facts = device.stored().meta;
    assert!(facts.contains_key("describe:native"), "{facts:?}");
    assert!(!facts.contains_key("describe:demo"), "{facts:?}");
}

/// It does not announce itself again: nothing happened to it.
#[test]
fn a_daemon_whose_manifest_changed_is_found_where_it_is() {
    let device = Device::builder().manifest("native", NATIVE).start();
    device.present();
    let (prepares, _) = mpsc::channel();
    let serve = One { prepares, preparing: Duration::ZERO };
    let (native, announced) = Native::start(device.bus.address(), "native", serve);
    announced.unwrap();
    device.ready("native");
    let client = device.client();
    let file = device.path("plugins/native.toml");
    std::fs::write(&file, format!("{NATIVE}[deadlines]\nget_ms = 1234\n")).unwrap();
    reload(&device);
    device.ready("native");
    assert_eq!(client.value(OWN).unwrap(), "v");
    // What it serves lies outside its roots now: it is refused, however often it says the same.
    let other = NATIVE.replace("X_TEST_Native", "X_TEST_Other");
    std::fs::write(&file, other).unwrap();
    reload(&device);
    eventually("it is refused", || client.provider("native").filter(|(stage, _)| stage == "refused"));
    let times = device.log().matches("provider native is refused").count();
    let options = std::collections::HashMap::<&str, zbus::zvariant::Value<'_>>::new();
    native.ask::<(), _>(names::REGISTRY, "Announce", &("native", &options)).unwrap();
    eventually("it is refused again", || {
        (device.log().matches("provider native is refused").count() > times).then_some(())
    });
    assert_eq!(client.provider("native").map(|p| p.0).as_deref(), Some("refused"));
    assert!(client.value(OWN).is_err());
    std::fs::write(&file, NATIVE).unwrap();
    reload(&device);
    device.ready("native");
    assert_eq!(client.value(OWN).unwrap(), "v");
}

/// C168: nothing of a write that was under way when the reset came is left.
#[test]
fn a_factory_reset_waits_for_the_write_before_it() {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).manifest("native", NATIVE).start();
    device.present();
    let (prepares, prepared) = mpsc::channel();
    let serve = One { prepares, preparing: Duration::from_secs(2) };
    let (_native, announced) = Native::start(device.bus.address(), "native", serve);
    announced.unwrap();
    device.ready("native");
    let code = "Device.DeviceInfo.ProvisioningCode";
    let mut session = acs.session();
    let address = device.bus.address().to_owned();
    let write =
        std::thread::spawn(move || cwmp_e2e::Client::connect(&address).set(&[(OWN, "x"), (code, "late")]));
    prepared.recv().unwrap();
    session.factory_reset().unwrap();
    session.end();
    assert_eq!(write.join().unwrap().unwrap(), (0, Vec::new()));
    device.acted("factory-reset", 1);
    assert_eq!(device.client().value(code).unwrap(), "");
}
