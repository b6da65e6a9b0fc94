//! A private bus.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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

impl Bus {
    /// Starts a bus with its socket in `folder`.
    ///
    /// # Panics
    /// If dbus-daemon cannot be started.
    #[track_caller]
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("bus");
        let config = folder.join("bus.conf");
        std::fs::write(&config, CONFIG.replace("SOCKET", &socket.display().to_string()))
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
