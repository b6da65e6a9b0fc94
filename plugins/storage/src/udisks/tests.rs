//! The real service with loop devices, in namespaces of their own: each test runs itself again in one. And the service of a
//! test that behaves badly.

mod fake;
mod faults;
mod guest;
mod making;
mod reading;
mod system;

use std::cell::RefCell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};

use super::{Rules, UDisks};
use crate::back_end::{Disks as _, Event, Failure, Unfinished};
use crate::facts::{Drive, Volume};
use crate::plan::NewVolume;

/// Says to a test that it runs inside, and where its files are.
const INSIDE: &str = "CWMPD_STORAGE_TEST_INSIDE";
/// How long a test may take, in the slowest of guests.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB: u64 = 1024 * 1024;

/// Runs the test of this name in new namespaces, unless it is inside already; inside gives the folder for its files.
///
/// Loop devices are the machine's: one test has them at a time, and whatever became of it, they are given back.
fn inside(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    let there = |file: &str| Path::new(file).exists();
    if !nix::unistd::geteuid().is_root() || !there("/dev/loop-control") {
        println!("skipped: loop devices need root and /dev/loop-control");
        return None;
    }
    if !there("/usr/libexec/udisks2/udisksd") || !there("/lib/systemd/systemd-udevd") {
        println!("skipped: udisks2 or udev is not installed");
        return None;
    }
    let lock = std::fs::File::create(std::env::temp_dir().join("cwmpd-loop-devices.lock")).unwrap();
    let lock =
        nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive).map_err(|(_, e)| e).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "--include-ignored",
            "--test-threads=1",
            &format!("udisks::tests::{test}"),
        ])
        .env(INSIDE, folder.path())
        .output()
        .expect("unshare is there");
    for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
        let loops =
            Command::new("losetup").arg("-nO").arg("NAME").arg("-j").arg(file.path()).output().unwrap();
        for device in String::from_utf8_lossy(&loops.stdout).split_whitespace() {
            Command::new("losetup").args(["-d", device]).status().unwrap();
        }
    }
    drop(lock);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    None
}

/// Runs a test.
fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("it ends") })
}

fn command(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A machine with udevd and UDisks2.
struct Machine {
    folder: PathBuf,
    bus: cwmp_e2e::Bus,
    udev: Child,
    service: RefCell<Child>,
    loops: RefCell<Vec<String>>,
}

impl Machine {
    fn start(folder: &Path) -> Self {
        // Everything that the services write is on these, and ends with the namespace.
        command(
            "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /media; mount -t tmpfs tmpfs /var/lib
             mount -t sysfs sysfs /sys; mkdir -p /run/udev /run/udisks2 /run/lock /var/lib/udisks2",
        );
        // The names that udev gives are not for the machine.
        command("mkdir -p /dev/disk; mount -t tmpfs tmpfs /dev/disk");
        let bus = cwmp_e2e::Bus::start(Path::new("/run"));
        let udev = Command::new("/lib/systemd/systemd-udevd").stderr(Stdio::null()).spawn().unwrap();
        cwmp_e2e::eventually("udevd listens", || Path::new("/run/udev/control").exists().then_some(()));
        let service = RefCell::new(udisksd(&bus));
        Self { folder: folder.to_owned(), bus, udev, service, loops: RefCell::default() }
    }

    /// Ends the service at once.
    fn kill_service(&self) {
        let mut service = self.service.borrow_mut();
        service.kill().unwrap();
        service.wait().unwrap();
    }

    fn start_service(&self) {
        *self.service.borrow_mut() = udisksd(&self.bus);
    }

    /// A disk of this size, in MiB.
    fn plug_in(&self, name: &str, size: u64) -> String {
        let file = self.folder.join(name);
        std::fs::File::create(&file).unwrap().set_len(size * MIB).unwrap();
        let device = command(&format!("losetup --find --show --partscan {}", file.display()));
        self.loops.borrow_mut().push(device.clone());
        device
    }

    /// Has udevd tell of the drives that were there before it.
    fn plug_in_all(&self) {
        assert!(self.udev.id() > 0);
        command("udevadm trigger --subsystem-match=block --subsystem-match=usb --action=add; udevadm settle -t 30");
    }

    fn key(&self, name: &str) -> String {
        format!("file:{}", self.folder.join(name).display())
    }

    async fn disks(&self, protect: &[&str]) -> Disks {
        let bus = zbus::connection::Builder::address(self.bus.address()).unwrap().build().await.unwrap();
        let (events, heard) = unbounded_channel();
        let protect = protect.iter().map(|&pattern| pattern.to_owned()).collect();
        let rules = Rules { protect, ..Rules::default() };
        let udisks = UDisks::open(bus, events, rules, Vec::new()).await.unwrap();
        Disks { udisks, heard: RefCell::new(heard) }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // None of them can be kept from ending.
        let _ = self.service.get_mut().kill();
        for device in self.loops.get_mut() {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
        let _ = self.udev.kill();
        let _ = self.udev.wait();
    }
}

fn udisksd(bus: &cwmp_e2e::Bus) -> Child {
    Command::new("/usr/libexec/udisks2/udisksd")
        .env("DBUS_SYSTEM_BUS_ADDRESS", bus.address())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What is under test, with the events that it sent.
struct Disks {
    udisks: UDisks,
    heard: RefCell<UnboundedReceiver<Event>>,
}

impl Disks {
    /// Looks again after each event until this is found.
    // Nobody else takes events.
    #[allow(clippy::await_holding_refcell_ref)]
    async fn until<T>(&self, mut found: impl FnMut(&[Drive], &[Volume]) -> Option<T>) -> T {
        let mut heard = self.heard.borrow_mut();
        loop {
            if let Ok((drives, volumes)) = self.udisks.look().await {
                if let Some(found) = found(&drives, &volumes) {
                    return found;
                }
            }
            assert_eq!(heard.recv().await, Some(Event::Disks));
        }
    }

    async fn drive(&self, key: &str) -> Drive {
        self.until(|drives, _| drives.iter().find(|drive| drive.key == key).cloned()).await
    }

    async fn volume(&self, key: &str) -> Volume {
        self.until(|_, volumes| volumes.iter().find(|volume| volume.key == key).cloned()).await
    }

    /// The volumes of a drive, now.
    async fn volumes(&self, drive: &str) -> Vec<Volume> {
        let (_, volumes) = self.udisks.look().await.unwrap();
        volumes.into_iter().filter(|volume| volume.drive.as_deref() == Some(drive)).collect()
    }

    /// Makes a volume; gives what was said of its progress, too.
    async fn create(&self, new: &NewVolume) -> (Result<String, Failure>, Vec<String>) {
        let said = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&said);
        let progress = move |_: Option<u16>, words: &str| heard.borrow_mut().push(words.to_owned());
        let result = self.udisks.create(new, None, &progress, &|_| {}).await;
        let said = said.borrow().clone();
        (result, said)
    }
}

fn new(drive: &str, size: Option<u64>, label: &str) -> NewVolume {
    NewVolume {
        drive: drive.to_owned(),
        size: size.map(|size| size * MIB),
        filesystem: "ext4".to_owned(),
        label: label.to_owned(),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Refused(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

impl Disks {
    /// Waits until nothing is being made.
    async fn quiet(&self) {
        // A task that makes something shares the service with us.
        while std::sync::Arc::strong_count(&self.udisks.inner) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
