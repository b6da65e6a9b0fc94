//! A network of a test's own.

use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::binary;

/// A network namespace with a folder. Both are gone when this is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    folder: tempfile::TempDir,
}

impl Namespace {
    /// `None` if nobody lets us make one, where it says so. Its loopback is up.
    ///
    /// # Panics
    /// If there is no `ip`, or no room.
    #[track_caller]
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cwmpd-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).status().expect("ip is there: iproute2");
        if !made.success() {
            println!("skipped: a network namespace needs root");
            return None;
        }
        let new = Self { name, folder: tempfile::tempdir().expect("a folder can be made") };
        new.ip("link set lo up");
        Some(new)
    }

    /// Tells the namespace's network what to be, or asks it, in the words of `ip`.
    ///
    /// # Panics
    /// If that cannot be.
    #[track_caller]
    pub fn ip(&self, arguments: &str) -> String {
        let output = Command::new("ip").args(["-n", &self.name]).args(arguments.split(' ')).output();
        let output = output.expect("ip is there");
        assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    ///
    /// # Panics
    /// If there is no room.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path(name);
        std::fs::write(&file, text).expect("our own folder");
        file
    }

    /// A program that is to run inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Starts a program inside; `bus` is its system bus.
    ///
    /// # Panics
    /// If there is no such program.
    #[track_caller]
    pub fn start(&self, program: &str, arguments: &[&str], bus: Option<&str>) -> Process {
        let mut command = self.command(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(bus) = bus {
            command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
        }
        Process(command.spawn().expect("ip is there"))
    }

    /// A program that runs the host of a plugin inside: for `host` of the agent's configuration. The bus is a file, so it is
    /// reached from there. `through` is a command that starts it, or nothing.
    ///
    /// # Panics
    /// If there is no room.
    pub fn host(&self, through: &str) -> PathBuf {
        let host = binary("cwmp-plugin-host").display().to_string();
        let text = format!("#!/bin/sh\nexec ip netns exec {} {through} {host} \"$@\"\n", self.name);
        let file = self.write("host", &text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("our own file");
        file
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// A program. It ends when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Sends a signal, in the words of `kill`: `-STOP`.
    ///
    /// # Panics
    /// If it is not there any more.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(status.expect("kill is there").success());
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Deref for Process {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }
}
