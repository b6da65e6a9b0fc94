//! Storage, from an ACS to the real UDisks2 and Samba and back: each test runs itself again in namespaces of its own, with
//! disks that are files (loop devices) and an `/etc` of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::{eventually, job, unshared, Client, Device};
use zbus::zvariant::OwnedObjectPath;

const SERVICE: &str = "Device.Services.StorageService.1.";
const MEDIA: &str = "Device.Services.StorageService.1.PhysicalMedium.";
const VOLUMES: &str = "Device.Services.StorageService.1.LogicalVolume.";
const UDISKSD: &str = "/usr/libexec/udisks2/udisksd";
const UDEVD: &str = "/lib/systemd/systemd-udevd";
const MIB: u64 = 1024 * 1024;

/// Runs the test of this name in new namespaces, if this and the disks' programs are there.
fn inside(test: &str, needs: &[&str]) -> Option<PathBuf> {
    unshared::inside(test, &[needs, &[UDISKSD, UDEVD]].concat())
}

#[track_caller]
fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).stdin(Stdio::null()).output().expect("sh is there");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A box with udevd, UDisks2 and an agent.
struct World {
    device: Device,
    client: Client,
    folder: PathBuf,
    udev: Child,
    service: Child,
    loops: Vec<String>,
}

impl World {
    /// `config` is more of the plugin's configuration.
    fn start(folder: &Path, acs: &Acs, config: &str) -> Self {
        // The names that udev gives are not for the machine.
        sh("mkdir -p /dev/disk; mount -t tmpfs tmpfs /dev/disk");
        let udev = Command::new(UDEVD).stderr(Stdio::null()).spawn().expect("udevd is there");
        eventually("udevd listens", || Path::new("/run/udev/control").exists().then_some(()));
        let config = format!(
            "[config]\nbus = 'unix:path=DEVICE/bus'\nthreshold_ms = 100\n{config}\n[config.servers]\nunits = false\n"
        );
        let device = Device::builder().acs(acs.url()).plugin("storage", &config).prepare();
        // The system's bus of this box, where NFS-Ganesha looks for it.
        sh(&format!(
            "mkdir -p /run/dbus; ln -s {} /run/dbus/system_bus_socket",
            device.path("bus").display()
        ));
        let service = udisksd(&device);
        let mut device = device;
        device.start();
        device.ready("storage");
        let client = device.client();
        Self { device, client, folder: folder.to_owned(), udev, service, loops: Vec::new() }
    }

    /// A disk of this size, in MiB; its row.
    fn plug_in(&mut self, name: &str, size: u64) -> String {
        let file = self.folder.join(name);
        std::fs::File::create(&file).and_then(|file| file.set_len(size * MIB)).expect("our own folder");
        let device = sh(&format!("losetup --find --show --partscan {}", file.display()));
        self.loops.push(device.clone());
        let short = device.trim_start_matches("/dev/").to_owned();
        eventually("the disk is a row", || self.row(MEDIA, &short))
    }

    /// The row of a table that has this name.
    fn row(&self, table: &str, name: &str) -> Option<String> {
        let rows = self.client.list(table, true).ok()?;
        let mut rows = rows.into_iter().map(|(path, _)| path).filter(|path| path.ends_with('.'));
        rows.find(|row| self.client.value(&format!("{row}Name")).is_ok_and(|found| found == name))
    }

    /// Waits for a value.
    #[track_caller]
    fn value(&self, name: &str, wanted: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.client.value(name);
            if found.as_ref().is_ok_and(|found| found == wanted) {
                return;
            }
            assert!(Instant::now() < end, "{name} is {found:?}, not {wanted}\n{}", self.device.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The newest job that works on a row.
    fn job(&self, row: &str) -> Option<OwnedObjectPath> {
        let jobs: Vec<OwnedObjectPath> = self.client.property("Jobs");
        jobs.into_iter().rev().find(|at| job::text(&self.client, at, "Object") == row)
    }

    /// Waits for the end of the newest job that works on a row: the state of the job, and what it says.
    fn made(&self, row: &str) -> (String, String) {
        let (state, _, text, _) = job::ended(&self.client, &self.job(row).expect("there is a job"));
        (state, text)
    }

    /// Ends UDisks2 at once.
    fn kill_service(&mut self) {
        self.service.kill().and_then(|()| self.service.wait()).expect("it is ours");
    }

    /// Has a volume made by an ACS; gives its row.
    fn volume(&self, acs: &Acs, drive: &str, name: &str, capacity: u32) -> String {
        let mut session = acs.session();
        let (number, _) = session.add(VOLUMES, "key").expect("a row can be added");
        let row = format!("{VOLUMES}{number}.");
        let capacity = capacity.to_string();
        let status = session.set(
            &[
                (&format!("{row}Name"), ValueType::String, name),
                (&format!("{row}PhysicalReference"), ValueType::String, drive.trim_end_matches('.')),
                (&format!("{row}Capacity"), ValueType::UnsignedInt, &capacity),
                (&format!("{row}Enable"), ValueType::Boolean, "1"),
            ],
            "key",
        );
        assert_eq!(status.expect("it can be set"), 0);
        session.end();
        self.value(&format!("{row}Status"), "Online");
        row
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = Command::new("umount").args(["-a", "-t", "ext4"]).stderr(Stdio::null()).status();
        for device in &self.loops {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
        let _ = self.udev.kill();
        let _ = self.udev.wait();
    }
}

fn udisksd(device: &Device) -> Child {
    let bus = format!("unix:path={}", device.path("bus").display());
    Command::new(UDISKSD)
        .env("DBUS_SYSTEM_BUS_ADDRESS", bus)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("udisksd is there")
}

/// Everything that is written to is on these, and ends with the namespaces.
fn own_folders() {
    sh("ip link set lo up
        mount -t tmpfs tmpfs /run; mkdir -p /run/etc /run/lib /run/udev /run/udisks2 /run/lock /run/lib/udisks2
        mount -t sysfs sysfs /sys; cp -a /etc/. /run/etc; mount --bind /run/etc /etc; mount --bind /run/lib /var/lib
        mount -t tmpfs tmpfs /var/log; mount -t tmpfs tmpfs /media");
}

/// The partitions of a disk.
fn partitions(device: &str) -> usize {
    let name = device.trim_start_matches("/dev/");
    sh(&format!("ls -d /sys/block/{name}/{name}p* 2>/dev/null || true")).lines().count()
}

/// A row that an ACS adds becomes a partition with a filesystem, mounted; deleted, it is gone from the disk.
#[test]
fn an_acs_has_a_volume_made_and_removed() {
    let Some(folder) = inside("an_acs_has_a_volume_made_and_removed", &[]) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "");
    acs.session().end();
    let drive = world.plug_in("disk", 128);
    let device = world.loops[0].clone();
    assert_eq!(world.client.value(&format!("{drive}Capacity")).unwrap(), "128");
    assert_eq!(world.client.value(&format!("{drive}Status")).unwrap(), "Online");
    world.client.inform().unwrap();
    let row = world.volume(&acs, &drive, "DATA", 64);
    assert_eq!(partitions(&device), 1);
    let mounted = sh(&format!("findmnt -rno TARGET,FSTYPE,LABEL {device}p1"));
    assert!(mounted.ends_with("ext4 DATA"), "{mounted}");
    for (name, value) in
        [("FileSystem", "ext4"), ("Capacity", "64"), ("Encrypted", "false"), ("Name", "DATA")]
    {
        assert_eq!(world.client.value(&format!("{row}{name}")).unwrap(), value, "{name}");
    }
    let reference = world.client.value(&format!("{row}PhysicalReference")).unwrap();
    assert_eq!(reference, drive.trim_end_matches('.'));
    assert_eq!(world.made(&row).0, "done");

    // What is full is told: the limit is reached when no more than it is left.
    let mut session = {
        world.client.inform().unwrap();
        acs.session()
    };
    session.set(&[(&format!("{row}ThresholdLimit"), ValueType::UnsignedInt, "40")], "key").unwrap();
    session.set_notifications(&[(&format!("{row}ThresholdReached"), 2)]).unwrap();
    session.end();
    world.client.settle();
    let place = mounted.split(' ').next().unwrap();
    sh(&format!("dd if=/dev/zero of={place}/full bs=1M count=30 status=none"));
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(&format!("{row}ThresholdReached")), Some("true"));
    session.end();

    // It is the same row after the plugin died.
    world.device.kill_host("storage");
    world.device.ready("storage");
    world.value(&format!("{row}Status"), "Online");
    assert_eq!(world.client.value(&format!("{SERVICE}LogicalVolumeNumberOfEntries")).unwrap(), "1");

    world.client.inform().unwrap();
    let mut session = acs.session();
    session.delete(&row, "key").unwrap();
    session.end();
    assert_eq!(partitions(&device), 0);
    assert_eq!(world.client.value(&format!("{SERVICE}LogicalVolumeNumberOfEntries")).unwrap(), "0");
}

/// What cannot be made is an error, and its row can be read; the job says why. Made smaller, it is made.
#[test]
fn a_volume_that_cannot_be_made_is_an_error_and_its_job_fails_with_the_reason() {
    let test = "a_volume_that_cannot_be_made_is_an_error_and_its_job_fails_with_the_reason";
    let Some(folder) = inside(test, &[]) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "");
    acs.session().end();
    let drive = world.plug_in("disk", 64);
    let (number, _, faults) = world.client.add(VOLUMES, &[]).unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let row = format!("{VOLUMES}{number}.");
    let values = [
        (&*format!("{row}Name"), "DATA"),
        (&format!("{row}PhysicalReference"), drive.trim_end_matches('.')),
        (&format!("{row}Capacity"), "4096"),
        (&format!("{row}Enable"), "true"),
    ];
    assert!(world.client.set(&values).unwrap().1.is_empty());
    // Who set it finds the job at once; its end comes after the status.
    let (state, why) = world.made(&row);
    assert_eq!(state, "failed");
    assert!(!why.is_empty(), "it says why");
    assert_eq!(world.client.value(&format!("{row}Status")).unwrap(), "Error");
    assert_eq!(world.client.value(&format!("{row}Capacity")).unwrap(), "4096");
    assert_eq!(partitions(&world.loops[0]), 0);
    assert!(world.client.set(&[(&format!("{row}Capacity"), "32")]).unwrap().1.is_empty());
    assert_eq!(world.made(&row).0, "done");
    assert_eq!(world.client.value(&format!("{row}Status")).unwrap(), "Online");
    assert_eq!(partitions(&world.loops[0]), 1);
}

/// C51, C134: a disk that is plugged in is told of. UDisks2 dies: nothing old is shown as new, and it is welcome again.
#[test]
fn a_disk_is_told_of_and_the_service_dies_and_comes_back() {
    let Some(folder) = inside("a_disk_is_told_of_and_the_service_dies_and_comes_back", &[]) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "protect = ['/dev/loop*']");
    let count = format!("{SERVICE}PhysicalMediumNumberOfEntries");
    let mut session = acs.session();
    session.set_notifications(&[(&count, 2)]).unwrap();
    let before: u32 = session.get_value(&count).unwrap().parse().unwrap();
    session.end();
    world.client.settle();
    let file = folder.join("disk");
    std::fs::File::create(&file).and_then(|file| file.set_len(32 * MIB)).unwrap();
    sh(&format!("mkfs.ext4 -q -L OLD {}", file.display()));
    world.loops.push(sh(&format!("losetup --find --show {}", file.display())));
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(&count), Some((before + 1).to_string().as_str()));
    session.end();
    let volume = eventually("the volume is a row", || world.row(VOLUMES, "OLD"));
    world.value(&format!("{volume}Status"), "Offline");

    // It is protected: it is not removed, and nothing is made on it.
    world.client.inform().unwrap();
    let mut session = acs.session();
    let fault = session.delete(&volume, "key").unwrap_err();
    assert_eq!(fault.code, 9001, "{fault:?}");
    session.end();
    assert_eq!(sh(&format!("blkid -o value -s LABEL -p {}", world.loops[0])), "OLD");

    world.kill_service();
    world.value(&format!("{volume}Status"), "Error");
    world.client.value(&format!("{volume}Capacity")).unwrap_err();
    world.service = udisksd(&world.device);
    world.value(&format!("{volume}Status"), "Offline");
    world.value(&format!("{volume}Capacity"), "32");
}

/// UDisks2 stands still: a write ends in a fault, reads are answered at once, and when it goes on everything is as it was.
#[test]
fn a_udisks_that_does_not_answer_costs_a_fault_and_nothing_else() {
    let test = "a_udisks_that_does_not_answer_costs_a_fault_and_nothing_else";
    let Some(folder) = inside(test, &[]) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "");
    acs.session().end();
    let file = folder.join("disk");
    std::fs::File::create(&file).and_then(|file| file.set_len(32 * MIB)).unwrap();
    sh(&format!("mkfs.ext4 -q -L OLD {}", file.display()));
    world.loops.push(sh(&format!("losetup --find --show {}", file.display())));
    let volume = eventually("the volume is a row", || world.row(VOLUMES, "OLD"));
    world.value(&format!("{volume}Status"), "Offline");
    sh(&format!("kill -STOP {}", world.service.id()));
    let begin = Instant::now();
    let (_, faults) = world
        .client
        .set(&[(&format!("{volume}Enable"), "true")])
        .unwrap_or((0, vec![(String::new(), 9002, String::new())]));
    assert_eq!(faults.first().map(|fault| fault.1), Some(9002), "{faults:?}");
    assert!(begin.elapsed() < Duration::from_secs(60), "it took {:?}", begin.elapsed());
    let begin = Instant::now();
    assert_eq!(world.client.value(&format!("{volume}Name")).unwrap(), "OLD");
    assert!(begin.elapsed() < Duration::from_secs(2), "reads wait for nobody");
    sh(&format!("kill -CONT {}", world.service.id()));
    eventually("it can be mounted", || {
        let set = world.client.set(&[(&format!("{volume}Enable"), "true")]).ok();
        set.filter(|(_, faults)| faults.is_empty())
    });
    world.value(&format!("{volume}Status"), "Online");
}

/// What a client of SMB does, and hears.
fn smb(who: &str, what: &str) -> String {
    let (user, password) = who.split_once('%').expect("NAME%PASSWORD");
    let output = Command::new("smbclient")
        .args(["//127.0.0.1/media", "-s", "/dev/null", "-U", user, "-c", what])
        .env("PASSWD", password)
        .stdin(Stdio::null())
        .output()
        .expect("smbclient is there");
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

/// What an ACS has offered: a folder of a volume, with accounts for Anna, who writes, and Bert, who reads.
struct Offer {
    volume: String,
    /// The rows of the accounts.
    accounts: Vec<String>,
    /// Where the folder is.
    place: PathBuf,
}

/// Has a volume made, and offers a folder of it by this server.
fn offer(world: &mut World, acs: &Acs, server: &str) -> Offer {
    acs.session().end();
    let drive = world.plug_in("disk", 128);
    world.client.inform().unwrap();
    let volume = world.volume(acs, &drive, "DATA", 0);
    world.client.inform().unwrap();
    let mut session = acs.session();
    session.set(&[(&format!("{SERVICE}{server}"), ValueType::Boolean, "1")], "key").unwrap();
    let mut accounts = Vec::new();
    for (name, password) in [("anna", "right one"), ("bert", "other")] {
        let (number, _) = session.add(&format!("{SERVICE}UserAccount."), "key").unwrap();
        let account = format!("{SERVICE}UserAccount.{number}.");
        let values = [
            (&*format!("{account}Username"), ValueType::String, name),
            (&format!("{account}Password"), ValueType::String, password),
            (&format!("{account}AllowFTPAccess"), ValueType::Boolean, "1"),
            (&format!("{account}Enable"), ValueType::Boolean, "1"),
        ];
        session.set(&values, "key").unwrap();
        accounts.push(account);
    }
    let (number, _) = session.add(&format!("{volume}Folder."), "key").unwrap();
    let shared = format!("{volume}Folder.{number}.");
    for (account, permissions) in accounts.iter().zip(["7", "5"]) {
        let (number, _) = session.add(&format!("{shared}UserAccess."), "key").unwrap();
        let access = format!("{shared}UserAccess.{number}.");
        let values = [
            (&*format!("{access}UserReference"), ValueType::String, account.trim_end_matches('.')),
            (&format!("{access}Permissions"), ValueType::UnsignedInt, permissions),
            (&format!("{access}Enable"), ValueType::Boolean, "1"),
        ];
        session.set(&values, "key").unwrap();
    }
    let values = [
        (&*format!("{shared}Name"), ValueType::String, "media"),
        (&format!("{shared}UserAccountAccess"), ValueType::UnsignedInt, "3"),
        (&format!("{shared}Enable"), ValueType::Boolean, "1"),
    ];
    session.set(&values, "key").unwrap();
    assert_eq!(session.get_value(&format!("{}Password", accounts[0])).unwrap(), "");
    session.end();
    std::fs::write("/run/file", "of anna\n").unwrap();
    let place = sh(&format!("findmnt -rnfo TARGET {}p1", world.loops[0]));
    Offer { volume, accounts, place: Path::new(&place).join("media") }
}

/// An ACS deletes a row.
fn delete(world: &World, acs: &Acs, row: &str) {
    world.client.inform().unwrap();
    let mut session = acs.session();
    session.delete(row, "key").unwrap();
    session.end();
}

/// An ACS has a disk formatted, makes a folder and two accounts; one writes, one reads, a wrong password does neither.
#[test]
fn a_client_of_smb_uses_what_an_acs_offered() {
    let needs = ["/usr/sbin/smbd", "/usr/bin/smbclient", "/usr/sbin/useradd"];
    let Some(folder) = inside("a_client_of_smb_uses_what_an_acs_offered", &needs) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "");
    let offer = offer(&mut world, &acs, "NetworkServer.SMBEnable");
    let said = smb("anna%right one", "put /run/file file");
    assert!(said.contains("putting file"), "{said}\n{}", world.device.log());
    assert_eq!(std::fs::read_to_string(offer.place.join("file")).unwrap(), "of anna\n");
    let said = smb("bert%other", "get file /run/back; put /run/file second");
    assert_eq!(std::fs::read_to_string("/run/back").unwrap_or_default(), "of anna\n", "{said}");
    assert!(said.contains("NT_STATUS_ACCESS_DENIED"), "{said}");
    let said = smb("anna%wrong one", "ls");
    assert!(said.contains("NT_STATUS_LOGON_FAILURE"), "{said}");

    // What was set is put in force again by the next plugin.
    world.device.kill_host("storage");
    world.device.ready("storage");
    eventually("it is offered again", || smb("anna%right one", "ls").contains("file").then_some(()));

    // An account that is deleted works no more: somebody whom nobody knows is a guest, and guests may not.
    delete(&world, &acs, &offer.accounts[0]);
    let said = smb("anna%right one", "ls");
    assert!(said.contains("tree connect failed: NT_STATUS_ACCESS_DENIED"), "{said}");
    // And the volume goes, although it is offered.
    delete(&world, &acs, &offer.volume);
    assert_eq!(partitions(&world.loops[0]), 0);
    assert!(!world.device.log().contains("right one"), "secrets are not logged");
}

/// What a client of FTP does, and hears.
fn ftp(who: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--user", who])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("curl is there");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text.into_owned())
}

/// The same by FTP, and somebody without an account, who reads where the ACS lets him.
#[test]
fn a_client_of_ftp_uses_what_an_acs_offered() {
    let needs = ["/usr/sbin/vsftpd", "/usr/bin/curl", "/usr/sbin/useradd"];
    let Some(folder) = inside("a_client_of_ftp_uses_what_an_acs_offered", &needs) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "");
    let offer = offer(&mut world, &acs, "FTPServer.Enable");
    let file = "ftp://127.0.0.1/media/file";
    let (done, said) = ftp("anna:right one", &["--upload-file", "/run/file", file]);
    assert!(done, "{said}\n{}", world.device.log());
    assert_eq!(std::fs::read_to_string(offer.place.join("file")).unwrap(), "of anna\n");
    assert_eq!(ftp("bert:other", &[file]), (true, "of anna\n".to_owned()));
    let (done, said) = ftp("bert:other", &["--upload-file", "/run/file", "ftp://127.0.0.1/media/second"]);
    assert!(!done && said.contains("55"), "{said}");
    let (done, said) = ftp("anna:wrong one", &[file]);
    assert!(!done && said.contains("Access denied"), "{said}");

    world.client.inform().unwrap();
    let mut session = acs.session();
    let shared = format!("{}Folder.1", offer.volume);
    let anonymous = format!("{SERVICE}FTPServer.AnonymousUser.");
    // A folder that asks for an account by FTP is nobody's without one.
    let start = (&*format!("{anonymous}StartingFolder"), ValueType::String, &*shared);
    session.set(&[start], "key").unwrap_err();
    let values = [
        (&*format!("{shared}.UserAccountAccess"), ValueType::UnsignedInt, "2"),
        (&*format!("{anonymous}StartingFolder"), ValueType::String, &*shared),
        (&format!("{anonymous}ReadOnlyAccess"), ValueType::Boolean, "1"),
        (&format!("{anonymous}Enable"), ValueType::Boolean, "1"),
    ];
    session.set(&values, "key").unwrap();
    assert_eq!(session.get_value(&format!("{SERVICE}FTPServer.Status")).unwrap(), "Enabled");
    session.end();
    assert_eq!(ftp("anonymous:", &["ftp://127.0.0.1/file"]), (true, "of anna\n".to_owned()));
    let (done, said) = ftp("anonymous:", &["--upload-file", "/run/file", "ftp://127.0.0.1/second"]);
    assert!(!done, "{said}");

    delete(&world, &acs, &offer.accounts[0]);
    let (done, said) = ftp("anna:right one", &[file]);
    assert!(!done && said.contains("Access denied"), "{said}");
    world.client.inform().unwrap();
    let mut session = acs.session();
    session.set(&[(&format!("{SERVICE}FTPServer.Enable"), ValueType::Boolean, "0")], "key").unwrap();
    assert_eq!(session.get_value(&format!("{SERVICE}FTPServer.Status")).unwrap(), "Disabled");
    session.end();
    let (done, said) = ftp("bert:other", &[file]);
    assert!(!done && said.contains("connect"), "{said}");
}

/// By NFS anybody has what asks for no account, and nobody anything else.
#[test]
fn a_client_of_nfs_uses_what_is_for_everybody() {
    let needs = ["/usr/bin/ganesha.nfsd", "/usr/bin/nfs-cat", "/usr/sbin/useradd"];
    let Some(folder) = inside("a_client_of_nfs_uses_what_is_for_everybody", &needs) else { return };
    own_folders();
    let acs = Acs::start(Options::default());
    let mut world = World::start(&folder, &acs, "");
    let offer = offer(&mut world, &acs, "NetworkServer.NFSEnable");
    let nfs = |line: &str| {
        let line = format!("{line} 'nfs://127.0.0.1/media/file?version=4'");
        let output =
            Command::new("sh").args(["-ec", &line]).stdin(Stdio::null()).output().expect("sh is there");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(!nfs("nfs-cp /run/file").0);
    world.client.inform().unwrap();
    let mut session = acs.session();
    let access = format!("{}Folder.1.UserAccountAccess", offer.volume);
    session.set(&[(&access, ValueType::UnsignedInt, "0")], "key").unwrap();
    session.end();
    assert!(nfs("nfs-cp /run/file").0, "{}", world.device.log());
    assert_eq!(std::fs::read_to_string(offer.place.join("file")).unwrap(), "of anna\n");
    assert_eq!(nfs("nfs-cat"), (true, "of anna\n".to_owned()));
    delete(&world, &acs, &offer.volume);
    assert_eq!(partitions(&world.loops[0]), 0);
    assert!(!nfs("nfs-cat").0);
}
