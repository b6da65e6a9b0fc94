//! What the kernel says, from files of a folder.

use std::path::{Path, PathBuf};

use super::super::system::{mounts, System};
use crate::facts::Connection;

/// A kernel that has only what a test gives it.
pub(super) struct Kernel {
    folder: tempfile::TempDir,
}

impl Kernel {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn system(&self) -> System {
        System::new(self.folder.path())
    }

    pub(super) fn put(&self, file: &str, text: &str) {
        let file = self.folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// A block device at this place in the tree of devices; its number.
    pub(super) fn device(&self, major: u64, minor: u64, place: &str) -> u64 {
        let folder = format!("sys/devices/{place}");
        self.put(&format!("{folder}/dev"), &format!("{major}:{minor}\n"));
        let link = self.folder.path().join(format!("sys/dev/block/{major}:{minor}"));
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(self.folder.path().join(folder), link).unwrap();
        nix::sys::stat::makedev(major, minor)
    }

    /// A device is made of another one.
    pub(super) fn made_of(&self, place: &str, other: &str) {
        let slaves = self.folder.path().join(format!("sys/devices/{place}/slaves"));
        std::fs::create_dir_all(&slaves).unwrap();
        let target = self.folder.path().join(format!("sys/devices/{other}"));
        std::os::unix::fs::symlink(target, slaves.join(Path::new(other).file_name().unwrap())).unwrap();
    }
}

const SATA: &str = "pci0000:00/0000:00:07.0/ata1/host0/target0:0:0/0:0:0:0/block/sda";
const USB: &str = "pci0000:00/0000:00:09.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb";
const NVME: &str = "pci0000:00/0000:00:08.0/nvme/nvme0/nvme0n1";

#[test]
fn mounts_are_read_as_the_kernel_writes_them() {
    let text = b"22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        40 22 8:1 / /media/someone/MY\\040FILMS rw,nosuid - vfat /dev/sda1 ro,uid=0\n\
        41 22 0:43 / /home ro - btrfs /dev/sdb2 rw\nnonsense\n\n7 8 x:y / /a rw - b c d\n";
    let all = mounts(text);
    let places: Vec<_> = all.iter().map(|m| (m.place.to_str().unwrap(), m.read_only)).collect();
    assert_eq!(places, [("/", false), ("/media/someone/MY FILMS", true), ("/home", true)]);
    assert_eq!(all[1].device, nix::sys::stat::makedev(8, 1));
    assert_eq!(all[2].source, PathBuf::from("/dev/sdb2"));
}

#[test]
fn the_place_of_a_drive_tells_how_it_is_connected_and_how_fast() {
    let kernel = Kernel::new();
    let sata = kernel.device(8, 0, SATA);
    let usb = kernel.device(8, 16, USB);
    let nvme = kernel.device(259, 0, NVME);
    let card = kernel.device(179, 0, "platform/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0");
    let scsi = kernel.device(8, 32, "pci0000:00/0000:00:0a.0/host7/target7:0:0/7:0:0:0/block/sdc");
    let virt = kernel.device(253, 0, "pci0000:00/0000:00:03.0/virtio1/block/vda");
    let system = kernel.system();
    assert_eq!(system.connection(sata, "sda", ""), Connection::Sata(None));
    assert_eq!(system.connection(usb, "sdb", "usb"), Connection::Usb(None));
    let link = "sys/devices/pci0000:00/0000:00:07.0/ata1/link1/ata_link/link1/sata_spd";
    for (text, speed) in [
        ("1.5 Gbps", Some(1_500)),
        ("3.0 Gbps", Some(3_000)),
        ("6.0 Gbps", Some(6_000)),
        ("<unknown>", None),
        ("99999999999.0 Gbps", None),
    ] {
        kernel.put(link, &format!("{text}\n"));
        assert_eq!(system.connection(sata, "sda", ""), Connection::Sata(speed), "{text}");
    }
    // The speed of the device counts, not that of the port above it.
    kernel.put("sys/devices/pci0000:00/0000:00:09.0/usb2/speed", "5000\n");
    kernel.put("sys/devices/pci0000:00/0000:00:09.0/usb2/busnum", "2\n");
    kernel.put("sys/devices/pci0000:00/0000:00:09.0/usb2/2-1/speed", "480\n");
    kernel.put("sys/devices/pci0000:00/0000:00:09.0/usb2/2-1/busnum", "2\n");
    assert_eq!(system.connection(usb, "sdb", "usb"), Connection::Usb(Some(480)));
    assert_eq!(system.connection(usb, "sdb", ""), Connection::Usb(Some(480)));
    assert_eq!(system.connection(nvme, "nvme0n1", ""), Connection::Nvme);
    assert_eq!(system.connection(card, "mmcblk0", ""), Connection::Mmc);
    assert_eq!(system.connection(card, "mmcblk0", "sdio"), Connection::Mmc);
    assert_eq!(system.connection(scsi, "sdc", ""), Connection::Scsi);
    assert_eq!(system.connection(scsi, "sdc", "ieee1394"), Connection::Ieee1394);
    assert_eq!(system.connection(virt, "vda", ""), Connection::Other("virtio".to_owned()));
    assert_eq!(system.connection(0, "nbd0", ""), Connection::Other("nbd".to_owned()));
}

#[test]
fn what_a_device_hangs_on_is_found_to_the_ground() {
    let kernel = Kernel::new();
    let disk = kernel.device(8, 0, SATA);
    let part = kernel.device(8, 2, &format!("{SATA}/sda2"));
    kernel.put(&format!("sys/devices/{SATA}/sda2/partition"), "2\n");
    let other = kernel.device(8, 16, USB);
    let raid = kernel.device(9, 0, "virtual/block/md0");
    kernel.made_of("virtual/block/md0", &format!("{SATA}/sda2"));
    kernel.made_of("virtual/block/md0", USB);
    let mapped = kernel.device(252, 0, "virtual/block/dm-0");
    kernel.made_of("virtual/block/dm-0", "virtual/block/md0");
    let all: Vec<u64> = kernel.system().below(mapped).into_iter().collect();
    let mut expected = vec![disk, part, other, raid, mapped];
    expected.sort_unstable();
    assert_eq!(all, expected);
    // One that is made of itself ends as well.
    kernel.made_of("virtual/block/md0", "virtual/block/dm-0");
    assert_eq!(kernel.system().below(mapped).len(), 5);
    assert_eq!(kernel.system().below(disk).len(), 1);
}

#[test]
fn a_loop_device_hangs_on_what_its_file_is_on() {
    let kernel = Kernel::new();
    let device = kernel.device(7, 0, "virtual/block/loop0");
    kernel.put("images/root.img", "");
    kernel.put("sys/devices/virtual/block/loop0/loop/backing_file", "/images/root.img\n");
    let ground = kernel.system().device_of(Path::new("/images/root.img")).unwrap();
    assert!(kernel.system().below(device).contains(&ground));
}

#[test]
fn a_filesystem_can_be_mounted_that_the_kernel_has_or_can_load() {
    let kernel = Kernel::new();
    let system = kernel.system();
    assert!(!system.can_mount("ext4"));
    kernel.put("proc/filesystems", "nodev\tproc\n\text4\n");
    kernel.put("proc/sys/kernel/osrelease", "6.1.0\n");
    kernel.put("lib/modules/6.1.0/modules.alias", "# Aliases\nalias fs-xfs xfs\nalias pci:v1 fs-btrfs\n");
    kernel.put("usr/sbin/mount.ntfs", "");
    for (name, can) in [
        ("ext4", true),
        ("proc", true),
        ("xfs", true),
        ("ntfs", true),
        ("btrfs", false),
        ("ext", false),
        ("", false),
    ] {
        assert_eq!(system.can_mount(name), can, "{name}");
    }
}

#[test]
fn swap_is_found_by_its_device() {
    let kernel = Kernel::new();
    assert!(kernel.system().swaps().is_empty());
    kernel.put("swap file", "");
    let text =
        "Filename\tType\tSize\tUsed\tPriority\n/swap\\040file file\t1024\t0\t-2\n/gone partition 1 0 -1\n";
    kernel.put("proc/swaps", text);
    let device = kernel.system().device_of(Path::new("/swap file")).unwrap();
    assert_eq!(kernel.system().swaps(), [device]);
}

#[test]
fn the_partitions_of_a_drive_are_those_that_the_kernel_has() {
    let kernel = Kernel::new();
    let disk = kernel.device(8, 0, SATA);
    assert!(kernel.system().partitions(disk).is_empty());
    for (name, file, text) in [
        ("sda1", "partition", "1"),
        ("sda1", "start", "2048"),
        ("sda1", "size", "4096"),
        ("sda2", "partition", "2"),
        ("sda2", "start", "much"),
        ("queue", "start", "7"),
        ("queue", "size", "7"),
    ] {
        kernel.put(&format!("sys/devices/{SATA}/{name}/{file}"), &format!("{text}\n"));
    }
    assert_eq!(kernel.system().partitions(disk), [(1_048_576, 2_097_152)]);
}
