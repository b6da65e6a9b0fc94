//! A `dbus-daemon` of our own, on a socket of our own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

/// Ends with the value.
pub(crate) struct PrivateBus {
    daemon: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl PrivateBus {
    /// Starts a bus where everybody may do everything but what `rules` forbid.
    pub(crate) fn start(rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let socket = folder.path().join("bus").display().to_string();
        let config = folder.path().join("bus.conf");
        // It complains of limits that it may not raise; only a start that fails is worth reading.
        let log = folder.path().join("log");
        let text = format!(
            "<busconfig><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>\
             <policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*'/>\
             <allow receive_sender='*'/></policy>\
             <policy context='mandatory'>{rules}</policy></busconfig>"
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .expect("dbus-daemon is installed");
        // It prints its address once it listens.
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(&socket), "{line} {}", std::fs::read_to_string(&log).unwrap());
        Self { daemon, address: format!("unix:path={socket}"), _folder: folder }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> zbus::Connection {
        zbus::connection::Builder::address(self.address()).unwrap().build().await.unwrap()
    }

    /// Ends it before its time.
    pub(crate) fn stop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
