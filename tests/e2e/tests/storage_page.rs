//! `docs/storage.md` says what is so: its commands are run with the real services, and its limits are those of the sources.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cwmp_acs::{Acs, Options};
use cwmp_e2e::page::check_limits;
use cwmp_e2e::{binary, eventually, unshared, Client, Device};

const PAGE: &str = include_str!("../../../docs/storage.md");
const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/model/models");
const UDISKSD: &str = "/usr/libexec/udisks2/udisksd";
const UDEVD: &str = "/lib/systemd/systemd-udevd";
/// What the page is about, and what its commands are.
const NEEDS: [&str; 9] = [
    UDISKSD,
    UDEVD,
    "/usr/sbin/useradd",
    "/usr/sbin/smbd",
    "/usr/bin/smbclient",
    "/usr/sbin/vsftpd",
    "/usr/bin/curl",
    "/usr/bin/ganesha.nfsd",
    "/usr/bin/nfs-cat",
];
/// What is so a moment later only: UDisks2 tells by signals what it has made.
const SOON: &str = "cwmpctl get --value Device.Services.StorageService.1.LogicalVolume.1.Status";
const MIB: u64 = 1024 * 1024;

/// A command of the page and what it prints.
struct Shown {
    command: String,
    output: Vec<&'static str>,
}

fn commands() -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut is_output = false;
    for line in PAGE.lines() {
        if let Some(command) = line.strip_prefix("    $ ") {
            all.push(Shown { command: command.to_owned(), output: Vec::new() });
            is_output = true;
        } else if let (true, Some(output)) = (is_output, line.strip_prefix("    ")) {
            all.last_mut().expect("a command is above").output.push(output);
        } else {
            is_output = false;
        }
    }
    all
}

#[track_caller]
fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).stdin(Stdio::null()).output().expect("sh is there");
    assert!(output.status.success(), "{line}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn said(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

/// The box of the page.
struct World {
    device: Device,
    services: [Child; 2],
    disk: String,
}

impl World {
    fn start(acs: &Acs) -> (Self, Client) {
        // Everything that is written to is on these, and ends with the namespaces.
        sh("ip link set lo up
            mount -t tmpfs tmpfs /run
            mkdir -p /run/etc /run/lib/udisks2 /run/udev /run/udisks2 /run/lock /run/dbus /run/client
            mount -t sysfs sysfs /sys; cp -a /etc/. /run/etc
            mount --bind /run/etc /etc; mount --bind /run/lib /var/lib
            mount -t tmpfs tmpfs /var/log; mount -t tmpfs tmpfs /media
            mkdir -p /dev/disk; mount -t tmpfs tmpfs /dev/disk");
        let quiet = |program: &str, bus: &str| {
            let mut command = Command::new(program);
            command.env("DBUS_SYSTEM_BUS_ADDRESS", bus).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("it is there")
        };
        let udev = quiet(UDEVD, "");
        eventually("udevd listens", || Path::new("/run/udev/control").exists().then_some(()));
        let config = "[config]\nbus = 'unix:path=DEVICE/bus'\n[config.servers]\nunits = false\n";
        let mut device = Device::builder().acs(acs.url()).plugin("storage", config).prepare();
        // Where NFS-Ganesha looks for the bus.
        sh(&format!("ln -s {} /run/dbus/system_bus_socket", device.path("bus").display()));
        let udisks = quiet(UDISKSD, device.bus.address());
        device.start();
        device.ready("storage");
        let client = device.client();
        (Self { device, services: [udisks, udev], disk: String::new() }, client)
    }

    /// The drive of the page.
    fn plug_in(&mut self, folder: &Path, client: &Client) {
        let file = folder.join("disk");
        std::fs::File::create(&file).and_then(|file| file.set_len(128 * MIB)).expect("our own folder");
        self.disk = sh(&format!("losetup --find --show --partscan {}", file.display()));
        let name = self.disk.trim_start_matches("/dev/");
        eventually("the disk is a row", || {
            let value = client.value("Device.Services.StorageService.1.PhysicalMedium.1.Name");
            (value.ok()? == name).then_some(())
        });
    }

    /// Runs a line as a person would.
    fn run(&self, line: &str) -> Output {
        let programs = binary("cwmpctl").parent().expect("it is in a folder").display().to_string();
        let path = format!("{programs}:{}", std::env::var("PATH").expect("there is one"));
        let line = line
            .replace("cwmpctl model", &format!("cwmpctl model --models '{MODELS}'"))
            .replace("//box/", "//127.0.0.1/");
        Command::new("timeout")
            .args(["60", "sh", "-e", "-c", &line])
            .env("PATH", path)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.device.bus.address())
            .current_dir("/run/client")
            .stdin(Stdio::null())
            .output()
            .expect("timeout and sh are there")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-a", "-t", "ext4"]).stderr(Stdio::null()).status();
        if !self.disk.is_empty() {
            let _ = Command::new("losetup").args(["-d", &self.disk]).status();
        }
        for service in &mut self.services {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// What an ACS does, step by step, and how much of the profiles is there.
#[test]
fn the_commands_of_the_page_on_storage_work() {
    let Some(folder) = unshared::inside("the_commands_of_the_page_on_storage_work", &NEEDS) else { return };
    let acs = Acs::start(Options::default());
    let (mut world, client) = World::start(&acs);
    let before = client.value("Device.Services.StorageService.1.PhysicalMediumNumberOfEntries");
    if before.as_deref() != Ok("0") {
        println!("skipped: the numbers of the page are those of a box without other drives: {before:?}");
        return;
    }
    world.plug_in(&folder, &client);
    let shown = commands();
    assert!(shown.len() > 25, "the commands were not found");
    for Shown { command, output } in shown {
        let mut done = world.run(&command);
        if command == SOON {
            eventually("it is online", || {
                done = world.run(&command);
                done.stdout.starts_with(b"Online").then_some(())
            });
        }
        let printed = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "{command}: {}\n{}", said(&done), world.device.log());
        // Columns are as wide as what is in them.
        let same = output.is_empty() || words(&printed) == words(&output.join("\n"));
        assert!(same, "{command} prints\n{printed}and the page says\n{}", output.join("\n"));
    }
    let left = sh(&format!("ls -d /sys/block/{0}/{0}p* 2>/dev/null || true", &world.disk[5..]));
    assert_eq!(left, "", "the volume is gone from the disk");
}

/// Of each limit the name and the value.
#[test]
fn the_limits_of_the_page_on_storage_are_those_of_the_sources() {
    let count = check_limits(PAGE);
    assert!(count > 10, "only {count} limits were read");
}
