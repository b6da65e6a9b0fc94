//! `agent/system/init.d/cwmpd`, on a machine without systemd.

use std::path::Path;
use std::process::{Command, Stdio};

use cwmp_e2e::{binary, eventually, is_gone, Client, Device};

/// A box whose init has the script, which finds everything in the box's folder.
struct Init {
    device: Device,
}

impl Init {
    fn new() -> Self {
        let device = Device::builder().plugin("users", "").prepare();
        let text = format!(
            "DAEMON='{}'\nDAEMON_ARGS='--config {}'\nPIDFILE='{}'\nCWMP_STATE='{}'\n",
            binary("cwmpd").display(),
            device.path("cwmpd.toml").display(),
            device.path("pid").display(),
            device.path("kept").display(),
        );
        std::fs::write(device.path("defaults"), text).unwrap();
        Self { device }
    }

    /// Runs the script, and says how it ended.
    fn run(&self, order: &str) -> i32 {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/system/init.d/cwmpd");
        let tools = binary("cwmpctl");
        let path =
            format!("{}:{}", tools.parent().map(Path::display).unwrap(), std::env::var("PATH").unwrap());
        let status = Command::new("sh")
            .args([script, order])
            .env("CWMPD_DEFAULTS", self.device.path("defaults"))
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.device.bus.address())
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        status.code().unwrap()
    }

    fn agent(&self) -> u32 {
        let client = Client::connect(self.device.bus.address());
        eventually("the agent takes its name", || client.pid_of("org.cwmpd1"))
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        self.run("stop");
    }
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn init_starts_the_agent_and_starts_it_again_and_stops_it() {
    let init = Init::new();
    assert_eq!(init.run("status"), 3);
    assert_eq!(init.run("start"), 0);
    let first = init.agent();
    assert_eq!((init.run("status"), init.run("start")), (0, 0));
    assert_eq!(init.agent(), first, "a second start starts nothing");
    // State is where the script says, and hosts are started.
    eventually("the store", || init.device.path("kept/cwmpd.db").exists().then_some(()));
    init.device.ready("users");
    assert_eq!(init.run("reload"), 0);
    kill("-KILL", first);
    eventually("the agent is started again", || {
        Client::connect(init.device.bus.address()).pid_of("org.cwmpd1").filter(|pid| *pid != first)
    });
    let second = init.agent();
    assert_eq!(init.run("restart"), 0);
    eventually("the one before is gone", || is_gone(second).then_some(()));
    let third = init.agent();
    assert_ne!(third, second);
    let host = init.device.host("users");
    assert_eq!(init.run("stop"), 0);
    assert!(is_gone(third));
    eventually("its hosts are gone", || is_gone(host).then_some(()));
    assert_eq!((init.run("status"), init.run("stop")), (3, 0));
}

#[test]
fn a_supervisor_that_is_gone_is_noticed() {
    let init = Init::new();
    // A number that no process has.
    std::fs::write(init.device.path("pid"), "4194304999\n").unwrap();
    assert_eq!(init.run("status"), 1);
    assert_eq!(init.run("start"), 0);
    assert_eq!(init.run("status"), 0);
    init.agent();
}

#[test]
fn what_the_script_does_not_know_is_said() {
    let init = Init::new();
    assert_eq!((init.run("dance"), init.run("")), (2, 2));
    let defaults = init.device.path("defaults");
    std::fs::write(defaults, "DAEMON=/nonexistent\nPIDFILE=/nonexistent\n").unwrap();
    assert_eq!(init.run("start"), 5);
}
