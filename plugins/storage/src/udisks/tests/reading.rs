//! Drives and volumes of many machines, from what UDisks2 and the kernel would say there.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::super::look::{Holders, Seen};
use super::super::media::Rules;
use super::super::objects::{Block, DriveObject, Object, Objects, Partition};
use super::system::Kernel;
use crate::facts::{Connection, Drive, DriveKind, Volume};

/// A machine that has only what a test gives it.
struct Machine {
    holders: RefCell<Holders>,
    kernel: Kernel,
    objects: Objects,
    mounts: String,
}

const GIB: u64 = 1024 * 1024 * 1024;

impl Machine {
    fn new() -> Self {
        Self {
            holders: RefCell::default(),
            kernel: Kernel::new(),
            objects: Objects::new(),
            mounts: String::new(),
        }
    }

    /// A disk with a drive; the path of its block device is its name.
    fn disk(&mut self, name: &str, minor: u64, drive: DriveObject) -> &mut Object {
        let place = format!("pci0/{name}");
        let number = self.kernel.device(8, minor, &place);
        let path = format!("drive {name}");
        let drive = DriveObject { size: 64 * GIB, media_available: true, ..drive };
        self.objects.insert(path.clone(), Object { drive: Some(drive), ..Object::default() });
        let block = Block {
            device: PathBuf::from(format!("/dev/{name}")),
            number,
            size: 64 * GIB,
            drive: Some(path),
            hint_system: true,
            ..Block::default()
        };
        self.objects.entry(name.to_owned()).or_insert(Object { block: Some(block), ..Object::default() })
    }

    fn drive(&mut self, name: &str, minor: u64, serial: &str) {
        let drive =
            DriveObject { model: "ACME".to_owned(), serial: serial.to_owned(), ..DriveObject::default() };
        self.disk(name, minor, drive).table = Some("gpt".to_owned());
    }

    /// A partition with a filesystem.
    fn partition(&mut self, disk: &str, number: u32, minor: u64) -> &mut Object {
        let name = format!("{disk}{number}");
        let place = format!("pci0/{disk}/{name}");
        let device = self.kernel.device(8, minor, &place);
        self.kernel.put(&format!("sys/devices/{place}/partition"), "1\n");
        let block = Block {
            device: PathBuf::from(format!("/dev/{name}")),
            number: device,
            size: GIB,
            drive: self.objects[disk].block.as_ref().unwrap().drive.clone(),
            usage: "filesystem".to_owned(),
            kind: "ext4".to_owned(),
            uuid: format!("fs-{name}"),
            hint_system: true,
            ..Block::default()
        };
        let partition = Partition {
            number,
            offset: u64::from(number) * GIB,
            size: GIB,
            uuid: format!("part-{name}"),
            table: disk.to_owned(),
            container: false,
        };
        let mounts = Some(Vec::new());
        let object = Object { block: Some(block), partition: Some(partition), mounts, ..Object::default() };
        self.objects.entry(name).or_insert(object)
    }

    /// A device of devices: a volume of LVM, an opened encrypted one.
    fn mapped(&mut self, name: &str, minor: u64, on: &[&str]) -> &mut Object {
        let place = format!("virtual/{name}");
        let number = self.kernel.device(252, minor, &place);
        for below in on {
            self.kernel.made_of(&place, below);
        }
        let block = Block {
            device: PathBuf::from(format!("/dev/{name}")),
            number,
            size: GIB,
            usage: "filesystem".to_owned(),
            kind: "ext4".to_owned(),
            uuid: format!("fs-{name}"),
            ..Block::default()
        };
        let object = Object { block: Some(block), mounts: Some(Vec::new()), ..Object::default() };
        self.objects.entry(name.to_owned()).or_insert(object)
    }

    fn file(&mut self, minor: u64, file: &str) -> &mut Object {
        let name = format!("loop{minor}");
        let number = self.kernel.device(7, minor, &format!("virtual/{name}"));
        let device = PathBuf::from(format!("/dev/{name}"));
        let block = Block { device, number, size: GIB, hint_system: true, ..Block::default() };
        let object = Object { block: Some(block), file: Some(PathBuf::from(file)), ..Object::default() };
        self.objects.entry(name).or_insert(object)
    }

    fn mount(&mut self, major: u32, minor: u32, source: &str, place: &str) {
        let line = format!("1 1 {major}:{minor} / {place} rw - ext4 {source} rw\n");
        self.mounts.push_str(&line);
    }

    /// UDisks2 mounted what is there.
    fn udisks_mounted(&self, source: &str, place: &str) {
        let line = format!("ID=1 SRC={source} TARGET={place} ROOT=/ OPTS=uhelper=udisks2\n");
        self.kernel.put("run/mount/utab", &line);
    }

    fn see(&self, patterns: &[&str]) -> Seen {
        let protect = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        self.see_with(&Rules { protect, ..Rules::default() })
    }

    fn see_with(&self, rules: &Rules) -> Seen {
        self.kernel.put("proc/self/mountinfo", &self.mounts);
        let mut holders = self.holders.borrow_mut();
        Seen::new(self.objects.clone(), &self.kernel.system(), rules, &mut holders)
    }
}

fn block(object: &mut Object) -> &mut Block {
    object.block.as_mut().unwrap()
}

fn drive<'a>(seen: &'a Seen, device: &str) -> &'a Drive {
    let found = seen.drives.iter().find(|(_, drive)| drive.device == Path::new("/dev").join(device));
    &found.unwrap_or_else(|| panic!("no {device} in {:?}", seen.drives)).1
}

fn volume<'a>(seen: &'a Seen, path: &str) -> &'a Volume {
    let found = seen.volumes.iter().find(|(at, _)| at == path);
    &found.unwrap_or_else(|| panic!("no {path} in {:?}", seen.volumes)).1
}

fn names(seen: &Seen) -> Vec<&str> {
    seen.volumes.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn a_drive_is_told_of_as_it_is() {
    let mut machine = Machine::new();
    machine.disk(
        "sda",
        0,
        DriveObject {
            vendor: "ACME".to_owned(),
            model: "Rocket".to_owned(),
            serial: "R1".to_owned(),
            revision: "2.5".to_owned(),
            rotation: 7_200,
            ..DriveObject::default()
        },
    );
    let stick =
        DriveObject { bus: "usb".to_owned(), removable: true, rotation: -1, ..DriveObject::default() };
    block(machine.disk("sdb", 16, stick)).hint_system = false;
    let reader = DriveObject { bus: "usb".to_owned(), media_removable: true, ..DriveObject::default() };
    machine.disk("sdc", 32, reader);
    let empty = machine.objects.get_mut("drive sdc").unwrap().drive.as_mut().unwrap();
    (empty.media_available, empty.size) = (false, 0);
    let object = machine.objects.get_mut("sdc").unwrap();
    (block(object).size, block(object).hint_system) = (0, false);

    let seen = machine.see(&[]);
    let expected = Drive {
        key: "Rocket:R1".to_owned(),
        device: PathBuf::from("/dev/sda"),
        vendor: "ACME".to_owned(),
        model: "Rocket".to_owned(),
        serial: "R1".to_owned(),
        revision: "2.5".to_owned(),
        size: 64 * GIB,
        connection: Connection::Scsi,
        removable: false,
        hot_swappable: false,
        rotation: Some(7_200),
        kind: Some(DriveKind::Hdd),
        medium: true,
        protected: None,
    };
    assert_eq!(drive(&seen, "sda"), &expected);
    let stick = drive(&seen, "sdb");
    assert_eq!((stick.kind, stick.rotation, stick.hot_swappable), (None, None, true));
    // Nothing but its place tells it from others.
    assert_eq!((stick.key.as_str(), stick.protected.as_deref()), ("at:/dev/sdb", None));
    let reader = drive(&seen, "sdc");
    assert_eq!((reader.medium, reader.size, reader.removable), (false, 0, true));
    assert_eq!(reader.kind, Some(DriveKind::Ssd));
}

#[test]
fn nothing_on_the_drive_of_the_system_is_changed() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    machine.partition("sda", 1, 1);
    machine.partition("sda", 2, 2);
    machine.drive("sdb", 16, "B");
    machine.partition("sdb", 1, 17).mounts = Some(vec![PathBuf::from("/media/someone/DATA")]);
    machine.mount(8, 2, "/dev/root", "/");
    machine.mount(8, 17, "/dev/sdb1", "/media/someone/DATA");
    machine.udisks_mounted("/dev/sdb1", "/media/someone/DATA");
    let seen = machine.see(&[]);
    for protected in
        [&drive(&seen, "sda").protected, &volume(&seen, "sda1").protected, &volume(&seen, "sda2").protected]
    {
        assert_eq!(protected.as_deref(), Some("/ is on it"));
    }
    assert_eq!(drive(&seen, "sdb").protected, None);
    let data = volume(&seen, "sdb1");
    assert_eq!(
        (data.key.as_str(), &data.protected, data.drive.as_deref()),
        ("part-sdb1", &None, Some("ACME:B"))
    );
    assert_eq!(data.mounts, [PathBuf::from("/media/someone/DATA")]);
}

/// Images have partitions of their own there, which units and scripts mount: `/media/apps`, `/media/tsb`.
#[test]
fn what_the_system_mounted_where_media_are_is_the_systems_unless_it_is_said_to_be_removable() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    machine.partition("sda", 1, 1);
    machine.mount(8, 1, "/dev/sda1", "/media/my\\040apps");
    machine.drive("sdb", 16, "B");
    machine.partition("sdb", 1, 17).mounts = Some(vec![PathBuf::from("/run/media/tsb")]);
    // What it says of other helpers and of other places says nothing of these.
    machine.kernel.put(
        "run/mount/utab",
        "SRC=/dev/sda1 TARGET=/media/my\\040apps ROOT=/ OPTS=uhelper=other\nSRC=/dev/sdb1 TARGET=/run/media/other OPTS=uhelper=udisks2\n",
    );
    let seen = machine.see(&[]);
    assert_eq!(volume(&seen, "sda1").protected.as_deref(), Some("/media/my apps is on it"));
    assert_eq!(drive(&seen, "sda").protected.as_deref(), Some("/media/my apps is on it"));
    assert_eq!(volume(&seen, "sdb1").protected.as_deref(), Some("/run/media/tsb is on it"));
    assert_eq!(seen.of_system.get("sdb1"), Some(&PathBuf::from("/run/media/tsb")));

    let rules = Rules { removable: vec!["/dev/sdb*".to_owned()], ..Rules::default() };
    let seen = machine.see_with(&rules);
    assert!(volume(&seen, "sda1").protected.is_some());
    assert_eq!((&volume(&seen, "sdb1").protected, seen.of_system.get("sdb1")), (&None, None));
    // Elsewhere it is the system's all the same.
    machine.mount(8, 17, "/dev/sdb1", "/opt");
    assert_eq!(volume(&machine.see_with(&rules), "sdb1").protected.as_deref(), Some("/opt is on it"));

    machine.mounts.clear();
    machine.mount(8, 1, "/dev/sda1", "/media/my\\040apps");
    machine.udisks_mounted("/dev/sda1", "/media/my\\040apps");
    assert_eq!(volume(&machine.see(&[]), "sda1").protected, None);
}

#[test]
fn the_drives_below_the_system_are_protected_whatever_is_between() {
    let mut machine = Machine::new();
    for (name, minor) in [("sda", 0), ("sdb", 16), ("sdc", 32)] {
        machine.drive(name, minor, name);
        let raid = block(machine.partition(name, 1, minor + 1));
        (raid.usage, raid.kind) = ("raid".to_owned(), "LVM2_member".to_owned());
    }
    machine.mapped("dm-0", 0, &["pci0/sda/sda1", "pci0/sdb/sdb1"]);
    machine.mapped("dm-1", 1, &["pci0/sdc/sdc1"]);
    machine.mount(252, 0, "/dev/mapper/root", "/usr");
    let seen = machine.see(&[]);
    for name in ["sda", "sdb"] {
        assert_eq!(drive(&seen, name).protected.as_deref(), Some("/usr is on it"), "{name}");
    }
    assert_eq!(drive(&seen, "sdc").protected, None);
    // What a volume group is made of is no volume; what is made of it is, and one on two drives is on none.
    assert_eq!(names(&seen), ["dm-0", "dm-1"]);
    assert_eq!((&volume(&seen, "dm-0").drive, volume(&seen, "dm-0").protected.is_some()), (&None, true));
    assert_eq!(volume(&seen, "dm-1").drive.as_deref(), Some("ACME:sdc"));
}

#[test]
fn each_reason_protects_and_is_told() {
    type Change = fn(&mut Machine);
    let cases: [(&str, Change, bool); 8] = [
        ("the system swaps to it", |m| m.objects.get_mut("sda1").unwrap().swapping = true, true),
        (
            "/etc/fstab names it",
            |m| {
                block(m.objects.get_mut("sda1").unwrap()).configured = Some("/etc/fstab".to_owned());
            },
            true,
        ),
        (
            "/opt is on it",
            |m| {
                m.objects.get_mut("sda1").unwrap().mounts = Some(vec![PathBuf::from("/opt")]);
            },
            true,
        ),
        ("/mnt/flash is on it", |m| m.mount(8, 1, "/dev/sda1", "/mnt/flash"), true),
        (
            "the configuration protects /dev/disk/by-id/*-SYS",
            |m| {
                block(m.objects.get_mut("sda1").unwrap()).links =
                    vec![PathBuf::from("/dev/disk/by-id/ata-SYS")];
            },
            true,
        ),
        ("it is read-only", |m| block(m.objects.get_mut("sda1").unwrap()).read_only = true, false),
        (
            "the system's rules call it the system's",
            |m| {
                let drive = m.objects.get_mut("drive sda").unwrap().drive.as_mut().unwrap();
                drive.bus = "usb".to_owned();
                block(m.objects.get_mut("sda").unwrap()).hint_system = false;
            },
            false,
        ),
        ("/ is on it", |m| m.mount(8, 1, "/dev/sda1", "/"), true),
    ];
    for (reason, change, whole) in cases {
        let mut machine = Machine::new();
        machine.drive("sda", 0, "A");
        machine.partition("sda", 1, 1);
        let patterns = ["/dev/disk/by-id/*-SYS"];
        assert_eq!(volume(&machine.see(&patterns), "sda1").protected, None);
        change(&mut machine);
        let seen = machine.see(&patterns);
        assert_eq!(volume(&seen, "sda1").protected.as_deref(), Some(reason));
        assert_eq!(drive(&seen, "sda").protected.as_deref(), whole.then_some(reason), "{reason}");
    }
}

#[test]
fn an_optical_drive_is_not_written_to() {
    let mut machine = Machine::new();
    machine.disk("sr0", 0, DriveObject { optical: true, ..DriveObject::default() });
    assert_eq!(drive(&machine.see(&[]), "sr0").protected.as_deref(), Some("it is an optical drive"));
}

#[test]
fn what_the_rules_hide_is_not_shown() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    block(machine.partition("sda", 1, 1)).hint_ignore = true;
    machine.partition("sda", 2, 2);
    let seen = machine.see(&[]);
    assert_eq!(names(&seen), ["sda2"]);
    assert_eq!(drive(&seen, "sda").protected, None);
    block(machine.objects.get_mut("sda").unwrap()).hint_ignore = true;
    assert!(machine.see(&[]).drives.is_empty());
}

#[test]
fn an_encrypted_volume_is_one_whether_it_is_open_or_not() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    let object = machine.partition("sda", 1, 1);
    (object.encrypted, object.mounts) = (true, None);
    (block(object).usage, block(object).kind) = ("crypto".to_owned(), "crypto_LUKS".to_owned());
    let locked = machine.see(&[]);
    let volume_of = |seen: &Seen| {
        let volume = volume(seen, "sda1");
        (volume.key.clone(), volume.encrypted, volume.filesystem.clone(), volume.device.clone())
    };
    let (key, device) = ("part-sda1".to_owned(), PathBuf::from("/dev/sda1"));
    assert_eq!(volume_of(&locked), (key.clone(), true, String::new(), device));

    let open = machine.mapped("dm-0", 0, &["pci0/sda/sda1"]);
    open.mounts = Some(vec![PathBuf::from("/media/someone/SAFE")]);
    (block(open).backing, block(open).label) = (Some("sda1".to_owned()), "SAFE".to_owned());
    machine.udisks_mounted("/dev/dm-0", "/media/someone/SAFE");
    let seen = machine.see(&[]);
    assert_eq!(names(&seen), ["sda1"]);
    assert_eq!(volume_of(&seen), (key, true, "ext4".to_owned(), PathBuf::from("/dev/dm-0")));
    assert_eq!(volume(&seen, "sda1").label, "SAFE");
    assert_eq!(volume(&seen, "sda1").mounts, [PathBuf::from("/media/someone/SAFE")]);
    assert_eq!(volume(&seen, "sda1").protected, None);
    // The system is on what is inside.
    machine.mount(252, 0, "/dev/mapper/safe", "/var");
    assert!(volume(&machine.see(&[]), "sda1").protected.is_some());
}

#[test]
fn partitions_that_hold_no_files_are_no_volumes() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    machine.partition("sda", 1, 1).partition.as_mut().unwrap().container = true;
    let swap = block(machine.partition("sda", 2, 2));
    (swap.usage, swap.kind) = ("other".to_owned(), "swap".to_owned());
    block(machine.partition("sda", 3, 3)).member = true;
    block(machine.partition("sda", 4, 4)).size = 0;
    // This one has nothing on it yet.
    let object = machine.partition("sda", 5, 5);
    object.mounts = None;
    (block(object).usage, block(object).kind) = (String::new(), String::new());
    let seen = machine.see(&[]);
    assert_eq!(names(&seen), ["sda5"]);
    assert_eq!(volume(&seen, "sda5").filesystem, "");
}

#[test]
fn copies_of_a_disk_are_told_apart_by_their_places() {
    let mut machine = Machine::new();
    for (name, minor) in [("sda", 0), ("sdb", 16)] {
        machine.drive(name, minor, "SAME");
        machine.partition(name, 1, minor + 1).partition.as_mut().unwrap().uuid = "same".to_owned();
    }
    let seen = machine.see(&[]);
    let keys: Vec<&str> = seen.drives.iter().map(|(_, drive)| drive.key.as_str()).collect();
    assert_eq!(keys, ["ACME:SAME", "ACME:SAME@/dev/sdb"]);
    let keys: Vec<&str> = seen.volumes.iter().map(|(_, volume)| volume.key.as_str()).collect();
    assert_eq!(keys, ["same", "same@ACME:SAME@/dev/sdb:/dev/sdb1"]);
}

#[test]
fn what_can_be_taken_out_never_has_the_key_of_what_is_built_in_and_who_had_it_keeps_it() {
    let mut machine = Machine::new();
    let disk = |machine: &mut Machine, name: &str, minor: u32, removable: bool| {
        machine.drive(name, u64::from(minor), "SAME");
        let drive = machine.objects.get_mut(&format!("drive {name}")).unwrap().drive.as_mut().unwrap();
        drive.removable = removable;
        machine.partition(name, 1, u64::from(minor + 1)).partition.as_mut().unwrap().uuid = "same".to_owned();
    };
    let holder = |machine: &Machine| {
        let seen = machine.see(&[]);
        let drive = seen.drive("ACME:SAME").map(|(path, _)| path.clone());
        (drive, seen.volume("same").map(|(path, _)| path.clone()))
    };
    let has = |name: &str| (Some(name.to_owned()), Some(format!("{name}1")));
    // The kernel may find the stick first.
    disk(&mut machine, "sda", 0, true);
    disk(&mut machine, "sdb", 16, false);
    assert_eq!(holder(&machine), has("sdb"));
    // Not even when the built-in one is not there.
    let all = machine.objects.clone();
    machine.objects.retain(|path, _| !path.contains("sdb"));
    assert_eq!(holder(&machine), (None, None));
    machine.objects = all;
    assert_eq!(holder(&machine), has("sdb"));
    // Of two sticks the one that was there has it, whatever comes before it.
    let mut machine = Machine::new();
    disk(&mut machine, "sdd", 48, true);
    assert_eq!(holder(&machine), has("sdd"));
    disk(&mut machine, "sdc", 32, true);
    assert_eq!(holder(&machine), has("sdd"));
}

#[test]
fn a_partition_without_a_name_has_that_of_its_filesystem_or_its_number() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    machine.partition("sda", 1, 1).partition.as_mut().unwrap().uuid = "00000000-01".to_owned();
    let object = machine.partition("sda", 2, 2);
    object.partition.as_mut().unwrap().uuid = String::new();
    block(object).uuid = String::new();
    let seen = machine.see(&[]);
    assert_eq!(volume(&seen, "sda1").key, "fs-sda1");
    assert_eq!(volume(&seen, "sda2").key, "ACME:A#2");
}

#[test]
fn a_file_is_a_drive_unless_it_is_the_systems() {
    let mut machine = Machine::new();
    machine.file(0, "/srv/disk.img");
    machine.file(1, "");
    let image = block(machine.file(2, "/var/lib/snapd/snaps/core.snap"));
    (image.kind, image.usage) = ("squashfs".to_owned(), "filesystem".to_owned());
    let rooted = machine.file(3, "/boot/root.img");
    (rooted.mounts, block(rooted).usage) = (Some(vec![PathBuf::from("/")]), "filesystem".to_owned());
    block(machine.file(4, "/srv/gone.img")).size = 0;
    machine.mapped("zram0", 9, &[]);
    let seen = machine.see(&[]);
    let keys: Vec<&str> = seen.drives.iter().map(|(_, drive)| drive.key.as_str()).collect();
    assert_eq!(keys, ["file:/srv/disk.img"]);
    assert_eq!(drive(&seen, "loop0").connection, Connection::Other("loop".to_owned()));
    assert!(!names(&seen).contains(&"loop2") && !names(&seen).contains(&"loop3"), "{:?}", names(&seen));
}

#[test]
fn objects_that_point_at_each_other_come_to_an_end() {
    let mut machine = Machine::new();
    machine.drive("sda", 0, "A");
    machine.partition("sda", 1, 1).partition.as_mut().unwrap().table = "sda1".to_owned();
    block(machine.mapped("dm-0", 0, &[])).backing = Some("dm-1".to_owned());
    block(machine.mapped("dm-1", 1, &[])).backing = Some("dm-0".to_owned());
    block(machine.mapped("dm-2", 2, &[])).backing = Some("nowhere".to_owned());
    for pattern in ["/dev/nothing", "/dev/dm-1", "*"] {
        let seen = machine.see(&[pattern]);
        assert!(names(&seen).contains(&"dm-2"), "{:?}", names(&seen));
    }
}
