//! Real servers, in namespaces of their own: each test runs itself again in one, with `/etc`, `/run` and `/var/lib` of its own.

mod faults;
mod place;
mod tool;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use zbus::Connection;

use super::Settings;
use crate::back_end::{Event, Events};
use crate::plan::{Account, Offer, Permissions, Secret, Share};

/// Says to a test that it runs inside.
const INSIDE: &str = "CWMPD_STORAGE_SERVERS_INSIDE";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the test of this name, with its module, in new namespaces; tells whether it is inside.
pub(crate) fn inside(test: &str, needs: &[&str]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        // All that is written to is on these, and ends with the namespace.
        let made = sh("mount -t tmpfs tmpfs /run; mkdir /run/etc /run/lib; cp -a /etc/. /run/etc; mount --bind /run/etc /etc
            mkdir -p /run/lib/nfs/ganesha /run/ganesha; mount --bind /run/lib /var/lib; mount -t tmpfs tmpfs /var/log
            mkdir -p /run/lib/dbus; ip link set lo up");
        made.expect("the namespace is ours");
        return true;
    }
    let is_missing = |program: &&&str| {
        let folders = ["/usr/sbin", "/usr/bin", "/bin", "/sbin"];
        !folders.iter().any(|folder| Path::new(folder).join(program).exists())
    };
    if let Some(missing) = needs.iter().find(is_missing) {
        println!("skipped: {missing} is not installed");
        return false;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: namespaces need root");
        return false;
    }
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(INSIDE, "1")
        .output()
        .expect("unshare is there");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

/// Runs a test.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("it ends") })
}

/// What a command says, whichever way it ends.
pub(crate) fn sh(line: &str) -> Result<String, String> {
    let output = Command::new("sh").args(["-ec", line]).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let text = text.trim().to_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}

/// A machine with a bus.
pub(crate) struct Machine {
    pub(crate) bus: cwmp_e2e::Bus,
    pub(crate) settings: Settings,
    pub(crate) events: Events,
    pub(crate) heard: UnboundedReceiver<Event>,
}

impl Machine {
    pub(crate) fn start() -> Self {
        let bus = cwmp_e2e::Bus::start(Path::new("/run"));
        // Where servers look for the system's.
        std::fs::create_dir("/run/dbus").unwrap();
        std::os::unix::fs::symlink("/run/bus", "/run/dbus/system_bus_socket").unwrap();
        let (events, heard) = unbounded_channel();
        let settings = Settings { units: Some(false), ..Settings::default() };
        Self { bus, settings, events, heard }
    }

    pub(crate) async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.bus.address()).unwrap().build().await.unwrap()
    }

    /// A folder with one file.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        assert!(!self.settings.has_units());
        let folder = Path::new("/run/data").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("there"), "it was there\n").unwrap();
        folder
    }

    /// Waits for news of a server.
    pub(crate) async fn hear(&mut self) {
        assert!(matches!(self.heard.recv().await, Some(Event::Server(_))));
    }
}

pub(crate) const NOTHING: Permissions = Permissions { read: false, write: false, execute: false };
pub(crate) const READ: Permissions = Permissions { read: true, write: false, execute: true };
pub(crate) const WRITE: Permissions = Permissions { read: true, write: true, execute: true };

pub(crate) fn account(name: &str, password: &str) -> Account {
    Account { name: name.to_owned(), password: Secret::new(password), ftp: true }
}

pub(crate) fn share(name: &str, path: &Path, access: &[(&str, Permissions)]) -> Share {
    let access = access.iter().map(|(name, permissions)| ((*name).to_owned(), *permissions)).collect();
    Share {
        name: name.to_owned(),
        path: path.to_owned(),
        access,
        accounts: NOTHING,
        guests: NOTHING,
        ftp: NOTHING,
    }
}

/// Alice writes, Bob reads, Carol has an account.
pub(crate) fn offer(folder: &Path) -> Offer {
    let accounts = vec![account("alice", "a$e'c\"r%U;t"), account("bob", "pwb"), account("carol", "pwc")];
    let shares = vec![share("media", folder, &[("alice", WRITE), ("bob", READ)])];
    let (host_name, domain) = ("box".to_owned(), "HOME".to_owned());
    Offer { host_name, domain, accounts, shares, ..Offer::default() }
}
