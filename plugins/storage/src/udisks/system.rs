//! What the kernel says: what is mounted, and what hangs on what.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::facts::Connection;

/// The longest file of the kernel that is read, in bytes; the names of all modules are the longest.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// The most devices that hang on one.
const MAX_BELOW: usize = 256;

/// The files of the kernel, below a folder: `/`, unless a test has its own.
#[derive(Debug, Clone)]
pub(super) struct System {
    root: PathBuf,
    /// Folders of our own, where folders of volumes are mounted a second time for the servers.
    ours: Vec<PathBuf>,
}

/// Something that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// As the kernel numbers devices; a filesystem without one has a number of its own.
    pub(crate) device: u64,
    pub(crate) place: PathBuf,
    pub(crate) source: PathBuf,
    pub(crate) read_only: bool,
}

impl System {
    pub(super) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), ours: Vec::new() }
    }

    /// What is mounted in these folders is our own doing, and no reason for anything.
    pub(super) fn with_ours(self, ours: Vec<PathBuf>) -> Self {
        Self { ours, ..self }
    }

    /// Whether we mounted what is there.
    pub(super) fn is_ours(&self, place: &Path) -> bool {
        self.ours.iter().any(|ours| place != ours && place.starts_with(ours))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// What is mounted, as this process sees it.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let mut all = read(&self.at("proc/self/mountinfo")).map(|text| mounts(&text)).unwrap_or_default();
        all.retain(|mount| !self.is_ours(&mount.place));
        all
    }

    /// Where UDisks2 mounted something, as libmount notes for whoever unmounts it.
    pub(super) fn by_udisks(&self) -> BTreeSet<PathBuf> {
        let text = read(&self.at("run/mount/utab")).unwrap_or_default();
        text.split(|&b| b == b'\n').filter_map(by_udisks).collect()
    }

    /// The devices that swap is on; for a file the one that it is on.
    pub(super) fn swaps(&self) -> Vec<u64> {
        let Some(text) = read(&self.at("proc/swaps")) else { return Vec::new() };
        let lines = text.split(|&b| b == b'\n').skip(1);
        let file = lines.filter_map(|line| line.split(|&b| b == b' ').next()).map(unescape);
        file.filter(|file| file.is_absolute()).filter_map(|file| self.device_of(&file)).collect()
    }

    /// The number of a device; for any other file that of the device it is on.
    pub(super) fn device_of(&self, file: &Path) -> Option<u64> {
        let about = std::fs::metadata(self.at(file.to_str()?)).ok()?;
        Some(if about.file_type().is_block_device() { about.rdev() } else { about.dev() })
    }

    /// Whether something is made of this device: a volume group, a RAID, a mapping.
    pub(super) fn is_held(&self, device: u64) -> bool {
        let holders = self.folder(device).and_then(|folder| std::fs::read_dir(folder.join("holders")).ok());
        holders.is_some_and(|mut holders| holders.next().is_some())
    }

    /// Whether the kernel has a filesystem, or could have it.
    pub(super) fn can_mount(&self, filesystem: &str) -> bool {
        let has = |file: &Path, word: &[u8], at: usize| {
            let text = read(file).unwrap_or_default();
            let found = text
                .split(|&b| b == b'\n')
                .any(|line| line.split(u8::is_ascii_whitespace).nth(at) == Some(word));
            found
        };
        // A line is `nodev NAME` or `TAB NAME`.
        if has(&self.at("proc/filesystems"), filesystem.as_bytes(), 1) {
            return true;
        }
        let helper = |folder: &str| self.at(folder).join(format!("mount.{filesystem}")).exists();
        if helper("sbin") || helper("usr/sbin") {
            return true;
        }
        let release = read(&self.at("proc/sys/kernel/osrelease")).unwrap_or_default();
        let Ok(release) = std::str::from_utf8(release.trim_ascii()) else { return false };
        let modules = self.at("lib/modules").join(release).join("modules.alias");
        has(&modules, format!("fs-{filesystem}").as_bytes(), 1)
    }

    /// The partitions of a device, each with its first byte and its size: the kernel knows of them before anybody else.
    pub(super) fn partitions(&self, device: u64) -> Vec<(u64, u64)> {
        let all = self.folder(device).and_then(|folder| std::fs::read_dir(folder).ok());
        let one = |folder: &Path| {
            let sectors = |name: &str| -> Option<u64> {
                std::str::from_utf8(&read(&folder.join(name))?).ok()?.trim().parse().ok()
            };
            folder.join("partition").exists().then_some(())?;
            // Whatever the sectors of the device are, these have 512 bytes.
            Some((sectors("start")?.saturating_mul(512), sectors("size")?.saturating_mul(512)))
        };
        all.into_iter().flatten().flatten().filter_map(|entry| one(&entry.path())).take(MAX_BELOW).collect()
    }

    /// Whether a process has a library loaded whose name has this in it.
    pub(super) fn has_loaded(&self, process: u32, library: &[u8]) -> bool {
        let maps = read(&self.at(&format!("proc/{process}/maps"))).unwrap_or_default();
        maps.windows(library.len()).any(|window| window == library)
    }

    /// The folder of a device.
    pub(super) fn folder(&self, device: u64) -> Option<PathBuf> {
        let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
        std::fs::canonicalize(self.at(&format!("sys/dev/block/{major}:{minor}"))).ok()
    }

    /// What a device is made of: the whole of a partition, the members of what is mapped or joined, and so on; itself too.
    pub(super) fn below(&self, device: u64) -> BTreeSet<u64> {
        let mut all = BTreeSet::from([device]);
        let mut todo = vec![device];
        while let Some(device) = todo.pop() {
            let Some(folder) = self.folder(device) else { continue };
            let mut found = Vec::new();
            if folder.join("partition").exists() {
                found.extend(folder.parent().and_then(number));
            }
            if let Ok(slaves) = std::fs::read_dir(folder.join("slaves")) {
                found.extend(slaves.take(MAX_BELOW).filter_map(|slave| number(&slave.ok()?.path())));
            }
            // A loop device hangs on what its file is on.
            if let Some(file) = read(&folder.join("loop/backing_file")) {
                let file = PathBuf::from(OsString::from_vec(file.trim_ascii_end().to_vec()));
                found.extend(self.device_of(&file));
            }
            for new in found {
                if all.len() < MAX_BELOW && all.insert(new) {
                    todo.push(new);
                }
            }
        }
        all
    }

    /// How a device is connected, by where it is in the tree of devices; `bus` is what UDisks2 calls it.
    pub(super) fn connection(&self, device: u64, name: &str, bus: &str) -> Connection {
        let folder = self.folder(device).unwrap_or_default();
        // The outermost of this name is the port.
        let part = |prefix: &str| {
            let named = folder.ancestors().filter_map(|f| Some((f, f.file_name()?.to_str()?)));
            let found = named.filter(|(_, name)| numbered(name, prefix)).last();
            found.map(|(folder, name)| (folder.to_owned(), name.trim_start_matches(prefix).to_owned()))
        };
        if bus == "usb" || (bus.is_empty() && part("usb").is_some()) {
            return Connection::Usb(usb_speed(&folder));
        }
        match bus {
            "ieee1394" => return Connection::Ieee1394,
            "sdio" => return Connection::Mmc,
            _ => {}
        }
        if let Some((port, number)) = part("ata") {
            let file = port.join(format!("link{number}/ata_link/link{number}/sata_spd"));
            return Connection::Sata(read(&file).and_then(|text| sata_speed(&text)));
        }
        // Behind these is a letter or a number, or several.
        let scsi = ["sd", "sr", "st"];
        match name {
            _ if name.starts_with("nvme") => Connection::Nvme,
            _ if name.starts_with("mmcblk") => Connection::Mmc,
            _ if name.starts_with("vd") => Connection::Other("virtio".to_owned()),
            _ if scsi.iter().any(|kind| name.starts_with(kind)) => Connection::Scsi,
            _ => Connection::Other(name.chars().take_while(char::is_ascii_alphabetic).collect()),
        }
    }
}

/// Whether a name is this with a number behind it.
fn numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The speed of the nearest USB device around, in Mbit/s.
fn usb_speed(folder: &Path) -> Option<u32> {
    let device = folder.ancestors().find(|f| f.join("busnum").exists() && f.join("speed").exists())?;
    let text = String::from_utf8(read(&device.join("speed"))?).ok()?;
    // Low speed is 1.5, and no drive has it.
    text.trim().parse().ok()
}

/// `6.0 Gbps` in Mbit/s.
fn sata_speed(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?.trim().strip_suffix(" Gbps")?;
    let (whole, tenth) = text.split_once('.')?;
    let (whole, tenth): (u32, u32) = (whole.parse().ok()?, tenth.parse().ok()?);
    (whole < 100 && tenth < 10).then_some(whole * 1000 + tenth * 100)
}

/// The number in the folder of a device.
fn number(folder: &Path) -> Option<u64> {
    let text = String::from_utf8(read(&folder.join("dev"))?).ok()?;
    device(text.trim())
}

/// `8:1` as one number.
fn device(text: &str) -> Option<u64> {
    let (major, minor) = text.split_once(':')?;
    Some(nix::sys::stat::makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// Reads a file of the kernel, but not more of it than makes sense.
pub(crate) fn read(file: &Path) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(file).ok()?.take(MAX_FILE).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Reads `/proc/self/mountinfo`; see proc(5).
pub(crate) fn mounts(text: &[u8]) -> Vec<Mount> {
    text.split(|&b| b == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
    let rest = fields.iter().position(|f| *f == b"-")?;
    let is_read_only = |options: &[u8]| options.split(|&b| b == b',').any(|option| option == b"ro");
    Some(Mount {
        device: device(std::str::from_utf8(fields.get(2)?).ok()?)?,
        place: unescape(fields.get(4)?),
        source: unescape(fields.get(rest + 2)?),
        read_only: is_read_only(fields.get(5)?) || is_read_only(fields.get(rest + 3)?),
    })
}

/// Reads a line of `/run/mount/utab`: `SRC=/dev/sda1 TARGET=/run/media/box/FILMS ROOT=/ OPTS=uhelper=udisks2`.
fn by_udisks(line: &[u8]) -> Option<PathBuf> {
    let value = |name: &[u8]| line.split(|&b| b == b' ').find_map(|field| field.strip_prefix(name));
    let mut options = value(b"OPTS=")?.split(|&b| b == b',');
    options.any(|option| option == b"uhelper=udisks2").then_some(())?;
    Some(unescape(value(b"TARGET=")?))
}

/// `\040` is a space.
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| byte == b'\\');
        let octal = octal.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 8).ok());
        bytes.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}
