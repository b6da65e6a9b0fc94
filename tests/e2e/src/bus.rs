//! A private bus.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::files;

/// A dbus-daemon of our own. It ends when it is dropped.
#[derive(Debug)]
pub struct Bus {
    child: Child,
    address: String,
}

/// As large as on an embedded system bus, but for the number of connections.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_message_size">33554432</limit>
  <limit name="service_start_timeout">25000</limit>
</busconfig>
"#;

/// A system bus, for every user of the machine.
const SYSTEM: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    RULES
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <includedir>system.d</includedir>
</busconfig>
"#;

/// What a bus allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rights {
    /// Everything, to the user that runs the test.
    #[default]
    Own,
    /// What a system bus allows where the policy of the agent is installed, and that of the plugin `demo` for root.
    Policy,
    /// Everything, to everyone: no policy is installed, and nobody forbids anything.
    Everyone,
}

impl Bus {
    /// Starts a bus with its socket in `folder`.
    ///
    /// # Panics
    /// If dbus-daemon cannot be started.
    #[track_caller]
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, Rights::Own)
    }

    /// Starts a bus that allows this.
    ///
    /// # Panics
    /// If dbus-daemon cannot be started.
    #[track_caller]
    pub fn start_with(folder: &Path, rights: Rights) -> Self {
        let careful = "<deny own=\"*\"/><deny send_type=\"method_call\"/>";
        let careless = "<allow own=\"*\"/><allow send_destination=\"*\"/>";
        let config = match rights {
            Rights::Own => CONFIG.to_owned(),
            Rights::Policy => SYSTEM.replace("RULES", careful),
            Rights::Everyone => SYSTEM.replace("RULES", careless),
        };
        if rights == Rights::Policy {
            let rules = folder.join("system.d");
            std::fs::create_dir_all(&rules).expect("the folder can be written to");
            let policies = files::root().join("bus-schemas/policy");
            let read =
                |name: &str| std::fs::read_to_string(policies.join(name)).expect("the policy is there");
            let plugin = read("org.cwmpd1.Provider.NAME.conf.in");
            let plugin = plugin.replace("@NAME@", "demo").replace("@USER@", "root");
            for (name, text) in [("org.cwmpd1.conf", read("org.cwmpd1.conf")), ("demo.conf", plugin)] {
                std::fs::write(rules.join(name), text).expect("the folder can be written to");
            }
        }
        Self::run(folder, &config)
    }

    #[track_caller]
    fn run(folder: &Path, text: &str) -> Self {
        let socket = folder.join("bus");
        let config = folder.join("bus.conf");
        std::fs::write(&config, text.replace("SOCKET", &socket.display().to_string()))
            .expect("the folder can be written to");
        let mut child = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            // It complains about limits that it may not raise.
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon can be started: the Debian package dbus-daemon has it");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is piped");
        // It prints the address once it listens.
        BufReader::new(out).read_line(&mut line).expect("dbus-daemon prints its address");
        assert!(!line.is_empty(), "dbus-daemon ended at once");
        let address = format!("unix:path={}", socket.display());
        Self { child, address }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, as a crash of the bus would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.kill();
    }
}
