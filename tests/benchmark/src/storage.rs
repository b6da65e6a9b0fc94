//! A read of `Device.Services.StorageService.` with the real UDisks2 and loop devices behind it, and what slow services cost
//! the others. It runs itself again in namespaces of its own.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session};
use cwmp_e2e::service::{value, Service};
use cwmp_e2e::{eventually, Client, Device};
use zbus::zvariant::Value;

use crate::process::{cpu, memory};
use crate::{median, milliseconds, settle_all, RUNS};

/// Says that we are inside, and where our files are.
const INSIDE: &str = "CWMP_BENCHMARK_STORAGE";
const UDISKSD: &str = "/usr/libexec/udisks2/udisksd";
const UDEVD: &str = "/lib/systemd/systemd-udevd";

const STORAGE: &str = "Device.Services.StorageService.";
const MEDIA: &str = "Device.Services.StorageService.1.PhysicalMedium.";
const VOLUMES: &str = "Device.Services.StorageService.1.LogicalVolume.";
const ACCOUNTS: &str = "Device.Services.StorageService.1.UserAccount.";
/// What UDisks2 is asked for whenever somebody reads it.
const FILESYSTEMS: &str = "Device.Services.StorageService.1.Capabilities.SupportedFileSystemTypes";
/// What another plugin serves.
const OTHER: &str = "Device.DeviceInfo.UpTime";

/// Drives, each with a volume.
const DRIVES: usize = 4;
/// Folders of each volume.
const FOLDERS: usize = 4;
/// Accounts that may use them.
const USERS: usize = 8;
/// The size of a drive, in MB.
const DRIVE: u64 = 64;
/// What smartctl says of a drive.
const SMARTCTL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/storage/src/gauges/recorded/sata.json");
/// How long a call of a slow service takes.
const SLOW: Duration = Duration::from_secs(2);
/// How often something is read that a slow service is behind.
const SLOW_RUNS: usize = 5;

pub(crate) fn measure() {
    let Some(folder) = inside() else { return };
    println!("## Storage\n");
    own_folders();
    whole(&folder);
    slow(&folder);
}

/// Runs this part in new namespaces; inside gives the folder for its files. Loop devices are the machine's: one has them at a
/// time, and whatever became of it, they are given back.
fn inside() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    let needs = ["/dev/loop-control", UDISKSD, UDEVD];
    if let Some(missing) = needs.into_iter().find(|file| !Path::new(file).exists()) {
        println!("## Storage\n\nskipped: there is no {missing}\n");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let namespaces =
        ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"];
    let status = Command::new("flock")
        .arg(std::env::temp_dir().join("cwmpd-loop-devices.lock"))
        .arg("unshare")
        .args(namespaces)
        .arg(std::env::current_exe().expect("we are a program"))
        .arg("storage")
        .env(INSIDE, folder.path())
        .status()
        .expect("flock and unshare are there: util-linux");
    for file in std::fs::read_dir(folder.path()).expect("our own folder").flatten() {
        let loops = Command::new("losetup").args(["-nO", "NAME", "-j"]).arg(file.path()).output();
        for device in String::from_utf8_lossy(&loops.expect("losetup is there").stdout).split_whitespace() {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
    }
    assert!(status.success(), "it needs root, for namespaces and loop devices");
    None
}

fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).stdin(Stdio::null()).output().expect("sh is there");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Everything that is written to is on these, and ends with the namespaces.
fn own_folders() {
    sh("ip link set lo up
        mount -t tmpfs tmpfs /run; mkdir -p /run/etc /run/lib /run/udev /run/lock /run/dbus /run/lib/udisks2
        mount -t sysfs sysfs /sys; cp -a /etc/. /run/etc; mount --bind /run/etc /etc; mount --bind /run/lib /var/lib
        mount -t tmpfs tmpfs /var/log; mount -t tmpfs tmpfs /media
        mkdir -p /dev/disk; mount -t tmpfs tmpfs /dev/disk");
}

fn prepare(acs: &Acs, config: &str) -> Device {
    let config =
        format!("[config]\nbus = 'unix:path=DEVICE/bus'\n{config}\n[config.servers]\nunits = false\n");
    let device = Device::builder()
        .acs(acs.url())
        .plugin("storage", &config)
        .plugin("device_info", "")
        .environment("CWMP_LOG", "error")
        .prepare();
    // Where NFS-Ganesha looks for the system's bus.
    sh(&format!("ln -sf {} /run/dbus/system_bus_socket", device.path("bus").display()));
    device
}

/// Runs until it is dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("the program is there"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Drives with a volume each, folders and accounts, all as an ACS makes them.
fn fill(client: &Client, folder: &Path) {
    for drive in 0..DRIVES {
        let file = folder.join(format!("disk{drive}"));
        std::fs::File::create(&file)
            .and_then(|file| file.set_len(DRIVE * 1024 * 1024))
            .expect("our own folder");
        let device = sh(&format!("losetup --find --show --partscan {}", file.display()));
        let name = device.trim_start_matches("/dev/");
        let medium = eventually("the disk is a row", || {
            let rows = client.list(MEDIA, true).ok()?;
            rows.into_iter()
                .map(|(row, _)| row)
                .find(|row| client.value(&format!("{row}Name")).is_ok_and(|found| found == name))
        });
        let add = |table: &str, values: &[(&str, &str)]| {
            let (number, _, faults) = client.add(table, values).expect("a row can be added");
            assert!(faults.is_empty(), "{faults:?}");
            format!("{table}{number}.")
        };
        let volume = format!("DATA{drive}");
        let volume = add(
            VOLUMES,
            &[
                ("Name", volume.as_str()),
                ("PhysicalReference", medium.trim_end_matches('.')),
                ("Capacity", "32"),
                ("Enable", "true"),
            ],
        );
        for number in 0..FOLDERS {
            add(&format!("{volume}Folder."), &[("Name", format!("folder{number}").as_str())]);
        }
        for user in (drive..USERS).step_by(DRIVES) {
            add(ACCOUNTS, &[("Username", format!("user{user}").as_str())]);
        }
        let status = format!("{volume}Status");
        let end = Instant::now() + Duration::from_secs(60);
        while client.value(&status).is_ok_and(|status| status != "Online") {
            assert!(Instant::now() < end, "the volume is made");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn whole(folder: &Path) {
    let udevd = Running::start(&mut Command::new(UDEVD));
    eventually("udevd listens", || Path::new("/run/udev/control").exists().then_some(()));
    let acs = Acs::start(Options::default());
    let mut device = prepare(&acs, "");
    let bus = device.bus.address().to_owned();
    let service = Running::start(Command::new(UDISKSD).env("DBUS_SYSTEM_BUS_ADDRESS", bus));
    device.start();
    device.ready("storage");
    device.ready("device_info");
    let client = device.client();
    let host = client.pid_of("org.cwmpd1.Provider.storage").expect("the host is there");
    let mut session = acs.session();
    let pids = [device.pid(), host, service.0.id()];
    let empty = memory(host);
    fill(&client, folder);
    let filled = memory(host);
    settle_all(&pids);
    let (_, [first, ..]) = reads(&mut session, &pids, 1);
    let (count, [latency, agent, cpu, udisks]) = reads(&mut session, &pids, RUNS);
    session.end();
    let after = memory(host);
    println!(
        "{DRIVES} loop devices with a volume of ext4 each and {FOLDERS} folders on it, {USERS} accounts, the real UDisks2. No file server runs.\n"
    );
    println!("| what | value |\n| --- | ---: |");
    println!("| GetParameterValues of `{STORAGE}`, {count} values, ms | {latency:.2} |");
    println!(
        "| agent CPU, ms | {agent:.2} |\n| host CPU, ms | {cpu:.2} |\n| UDisks2 CPU, ms | {udisks:.2} |"
    );
    println!("| the first one, for which smartctl runs for each drive, ms | {first:.0} |");
    println!("| host, PSS without drives, KB | {} |\n| private, KB | {} |", empty.pss, empty.private);
    println!("| host, PSS with them, KB | {} |\n| private, KB | {} |", filled.pss, filled.private);
    println!("| host, PSS idle after the reads, KB | {} |\n| private, KB | {} |\n", after.pss, after.private);
    drop(service);
    // They are on the loop devices, which are wanted back.
    let _ = Command::new("umount").args(["-a", "-t", "ext4"]).stderr(Stdio::null()).status();
    drop(udevd);
}

/// How many values there are; the time, and the CPU of each process; medians.
fn reads(session: &mut Session, pids: &[u32; 3], runs: usize) -> (usize, [f64; 4]) {
    let mut samples = [(); 4].map(|()| Vec::new());
    let mut count = 0;
    for _ in 0..runs {
        let (used, began) = (pids.map(cpu), Instant::now());
        count = session.get(&[STORAGE]).expect("it can be read").len();
        samples[0].push(milliseconds(began.elapsed()));
        settle_all(pids);
        for (index, pid) in pids.iter().enumerate() {
            samples[index + 1].push(milliseconds(cpu(*pid).saturating_sub(used[index])));
        }
    }
    (count, samples.map(median))
}

/// One line of the comparison: how often, and what is read.
const READS: [(&str, usize, &str); 5] = [
    ("a value of another plugin", RUNS, OTHER),
    ("the objects of another plugin", RUNS, "Device.DeviceInfo."),
    ("the drives", SLOW_RUNS, MEDIA),
    ("the whole of `Device.Services.StorageService.`", SLOW_RUNS, STORAGE),
    ("everything", SLOW_RUNS, "Device."),
];

/// A UDisks2 that takes its time for each call, one after the other, with one disk.
fn slow_udisks(bus: &str, delay: &Arc<AtomicU64>) -> Service {
    let disk = "/org/freedesktop/UDisks2/block_devices/nbd0";
    let of = "org.freedesktop.UDisks2.Block";
    let service = Service::start_with(bus, "org.freedesktop.UDisks2", |hand| {
        hand.put(disk, of, "Device", value(b"/dev/nbd0\0".to_vec()));
        hand.put(disk, of, "Size", value(DRIVE * 1024 * 1024));
        hand.put(disk, of, "DeviceNumber", value(43_u64));
        hand.put(disk, "org.freedesktop.UDisks2.PartitionTable", "Type", value("gpt"));
    });
    let answer = |member: &str, values: fn() -> Vec<Value<'static>>| {
        let delay = Arc::clone(delay);
        service.method(member, move |_, _| {
            // This is how slow it is.
            std::thread::sleep(Duration::from_millis(delay.load(Ordering::Relaxed)));
            Ok(values())
        });
    };
    answer("Get", || vec![Value::new(Value::new(vec!["ext4", "vfat", "xfs"]))]);
    answer("CanFormat", || vec![Value::new(true), Value::new("")]);
    service
}

fn slow(folder: &Path) {
    let acs = Acs::start(Options::default());
    let smartctl = folder.join("smartctl");
    let script = format!("#!/bin/sh\nsleep {}\nexec cat {SMARTCTL}\n", SLOW.as_secs());
    std::fs::write(&smartctl, script).expect("our own folder");
    std::fs::set_permissions(&smartctl, std::fs::Permissions::from_mode(0o755)).expect("our own file");
    let mut device = prepare(&acs, &format!("smartctl = '{}'", smartctl.display()));
    let delay = Arc::new(AtomicU64::new(0));
    let _service = slow_udisks(device.bus.address(), &delay);
    device.start();
    device.ready("storage");
    device.ready("device_info");
    let client = device.client();
    eventually("its disk is a row", || client.value(&format!("{MEDIA}1.Name")).ok());
    let mut session = acs.session();
    // First, for what it says is good for a while then.
    let health = format!("{MEDIA}1.Health");
    let smartctl = asked_all_the_time(&device, &mut session, &health);
    eventually("it says something", || client.value(&health).ok());
    let at_once = READS.map(|(_, runs, path)| read(&mut session, runs, path));
    delay.store(u64::try_from(SLOW.as_millis()).expect("a short time"), Ordering::Relaxed);
    let udisks = asked_all_the_time(&device, &mut session, FILESYSTEMS);
    let columns = [at_once, smartctl, udisks];
    session.end();
    println!("### Slow services\n");
    println!(
        "Another UDisks2, with one drive: smartctl takes {0} s, then UDisks2 does for each call; each is being asked all the time by others. Values, ms, at most:\n",
        SLOW.as_secs()
    );
    println!(
        "| GetParameterValues of | at once | slow smartctl | slow UDisks2 |\n| --- | ---: | ---: | ---: |"
    );
    for (index, (what, ..)) in READS.iter().enumerate() {
        let shown: Vec<String> = columns
            .iter()
            .map(|column| {
                let (count, time, most) = column[index];
                format!("{count}, {time:.1}, {most:.1}")
            })
            .collect();
        println!("| {what} | {} |", shown.join(" | "));
    }
    println!();
}

/// The reads, while another program asks for this all the time.
fn asked_all_the_time(
    device: &Device,
    session: &mut Session,
    name: &str,
) -> [(usize, f64, f64); READS.len()] {
    let ends = Arc::new(AtomicBool::new(false));
    let (over, client, name) = (Arc::clone(&ends), device.client(), name.to_owned());
    let asks = std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            // It is refused, or says what is known; that is not what is measured.
            let _ = client.value(&name);
        }
    });
    let found = READS.map(|(_, runs, path)| read(session, runs, path));
    ends.store(true, Ordering::Relaxed);
    asks.join().expect("it ends");
    found
}

/// How many values there are mostly, and how long they take: the median and the longest.
fn read(session: &mut Session, runs: usize, path: &str) -> (usize, f64, f64) {
    let mut samples = Vec::new();
    let mut counts = HashMap::<usize, usize>::new();
    for _ in 0..runs {
        let began = Instant::now();
        let count = session.get(&[path]).map_or(0, |values| values.len());
        *counts.entry(count).or_default() += 1;
        samples.push(milliseconds(began.elapsed()));
    }
    let most = samples.iter().copied().fold(0.0, f64::max);
    let usual = counts.into_iter().max_by_key(|(_, times)| *times).map_or(0, |(count, _)| count);
    (usual, median(samples), most)
}
