//! A plugin that panics costs its own host at most, however the image handles panics.
//!
//! The image decides whether a panic unwinds or aborts. `CWMP_PANIC=abort` says that the programs under test were built to
//! abort; `tests/cross` runs this with such a build.

use cwmp_acs::{Acs, Options};
use cwmp_e2e::{eventually, Device, CONNECTION_REQUEST};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const FAIL: &str = "Device.X_CWMPD_Demo.Test.Fail";
const OTHER: &str = "Device.X_CWMPD_DemoC.Level";
const SERVICE: &str = "org.cwmpd1.Provider.demo";

fn aborts() -> bool {
    std::env::var("CWMP_PANIC").is_ok_and(|strategy| strategy == "abort")
}

#[test]
fn a_plugin_that_panics_costs_its_own_host_at_most() {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true\n")
        .plugin("demo_c", "")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    acs.session().end();
    let client = device.client();
    let (agent, host, neighbour) = (device.pid(), device.host("demo"), device.host("demo_c"));

    let url = client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&url, user, password), 200);
    let mut session = acs.session();
    client.set_value(FAIL, "panic").unwrap();
    // What the plugin was asked for is a fault, what the others serve is there, and the session goes on.
    assert_eq!(session.get_value(LEVEL).unwrap_err().code, 9002);
    assert_eq!(session.get_value(OTHER).unwrap(), "50");
    if aborts() {
        eventually("its host is started again", || client.pid_of(SERVICE).filter(|pid| *pid != host));
        device.ready("demo");
    }
    assert_eq!(session.get_value(LEVEL).unwrap(), "50");
    session.end();

    assert_eq!(device.pid(), agent, "the agent is the same process");
    assert_eq!(device.host("demo_c"), neighbour, "so is the host of the other plugin");
    let log = device.log();
    if aborts() {
        assert!(log.contains("provider demo: its host ended with signal: 6"), "{log}");
    } else {
        assert_eq!(device.host("demo"), host, "and a host whose plugin unwinds");
        assert!(log.contains("a panic in get: told to panic"), "{log}");
    }
}
