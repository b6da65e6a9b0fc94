//! Drives and volumes, made of what UDisks2 and the kernel say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::media::{Media, Rules};
use super::objects::{Block, DriveObject, Object, Objects, MAX_OBJECTS};
use super::protection::Protection;
use super::system::{Mount, System};
use crate::facts::{Connection, Drive, DriveKind, Volume};

/// Drives and volumes, each with the path of its block device.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) drives: Vec<(String, Drive)>,
    pub(super) volumes: Vec<(String, Volume)>,
    pub(super) objects: Objects,
    /// Volumes that the system mounted, by the paths of their block devices, and where.
    pub(super) of_system: BTreeMap<String, PathBuf>,
}

impl Seen {
    /// Puts everything together.
    pub(super) fn new(mut objects: Objects, system: &System, rules: &Rules, holders: &mut Holders) -> Self {
        for places in objects.values_mut().filter_map(|object| object.mounts.as_mut()) {
            places.retain(|place| !system.is_ours(place));
        }
        let mounts = system.mounts();
        let media = Media::find(&objects, system, rules);
        let protection = Protection::find(&objects, system, &mounts, &media, &rules.protect);
        let of_system = objects.iter().filter_map(|(path, object)| {
            let number = object.block.as_ref()?.number;
            let place = object.mounts.iter().flatten().find(|place| !media.has(number, place))?;
            Some((path.clone(), place.clone()))
        });
        let of_system = of_system.collect();
        let view = View { objects: &objects, system, mounts: &mounts, protection: &protection };
        let drives = view.drives(&mut holders.drives);
        let volumes = view.volumes(&drives, &mut holders.volumes);
        Self { drives, volumes, objects, of_system }
    }

    /// A drive and the path of its block device, by its key.
    pub(super) fn drive(&self, key: &str) -> Option<&(String, Drive)> {
        self.drives.iter().find(|(_, drive)| drive.key == key)
    }

    /// A volume and the path of its block device, by its key.
    pub(super) fn volume(&self, key: &str) -> Option<&(String, Volume)> {
        self.volumes.iter().find(|(_, volume)| volume.key == key)
    }
}

struct View<'a> {
    objects: &'a Objects,
    system: &'a System,
    mounts: &'a [Mount],
    protection: &'a Protection,
}

/// Devices that are no drives of their own: they are made of others, or of memory.
const NO_DRIVES: [&str; 4] = ["dm-", "md", "zram", "ram"];
/// Filesystems of system images, which are no disks of anybody's.
const IMAGES: [&str; 2] = ["squashfs", "erofs"];

impl View<'_> {
    /// Block devices, with the path of each, in the order of their devices.
    fn blocks(&self) -> Vec<(&String, &Object, &Block)> {
        let blocks = self.objects.iter().filter_map(|(path, o)| Some((path, o, o.block.as_ref()?)));
        let mut blocks: Vec<_> = blocks.filter(|(_, _, block)| block.device.is_absolute()).collect();
        blocks.sort_by(|a, b| a.2.device.cmp(&b.2.device));
        blocks
    }

    fn drives(&self, holders: &mut BTreeMap<String, Claim>) -> Vec<(String, Drive)> {
        let mut drives = Vec::new();
        let mut seen = BTreeSet::new();
        for (path, object, block) in self.blocks() {
            if object.partition.is_some() || block.backing.is_some() || block.hint_ignore {
                continue;
            }
            let known = block.drive.as_ref().and_then(|d| Some((d, self.objects.get(d)?.drive.as_ref()?)));
            let drive = match known {
                // Two ways to the same drive are one drive.
                Some((drive, _)) if !seen.insert(drive) => continue,
                Some((_, drive)) => self.drive(path, block, drive),
                None => match self.nameless(path, object, block) {
                    Some(drive) => drive,
                    None => continue,
                },
            };
            drives.push((path.clone(), drive));
        }
        let claim = |drive: &Drive| Claim {
            place: drive.device.display().to_string(),
            removable: drive.can_be_taken_out(),
        };
        tell_apart(drives.iter_mut().map(|(_, drive)| (claim(drive), &mut drive.key)).collect(), holders);
        drives
    }

    fn drive(&self, path: &str, block: &Block, drive: &DriveObject) -> Drive {
        let connection = self.system.connection(block.number, &name(&block.device), &drive.bus);
        let removable = matches!(connection, Connection::Usb(_) | Connection::Ieee1394 | Connection::Mmc);
        let key = match (drive.serial.as_str(), drive.wwn.as_str()) {
            ("", "") => format!("at:{}", place(block).display()),
            ("", wwn) => format!("wwn:{wwn}"),
            (serial, _) => format!("{}:{serial}", drive.model),
        };
        Drive {
            key,
            device: block.device.clone(),
            vendor: drive.vendor.clone(),
            model: drive.model.clone(),
            serial: drive.serial.clone(),
            revision: drive.revision.clone(),
            size: if drive.media_available { drive.size.max(block.size) } else { 0 },
            removable: drive.media_removable || drive.removable,
            hot_swappable: drive.removable,
            rotation: u32::try_from(drive.rotation).ok().filter(|rate| *rate > 0),
            kind: match drive.rotation {
                0 => Some(DriveKind::Ssd),
                // Sticks and cards are said to turn when nobody knows better.
                ..=-1 if removable => None,
                _ => Some(DriveKind::Hdd),
            },
            connection,
            medium: drive.media_available,
            protected: self
                .protection
                .of(self.objects, path)
                .or_else(|| drive.optical.then(|| "it is an optical drive".to_owned())),
        }
    }

    /// A drive that UDisks2 knows no drive of: a file, a device of the network.
    fn nameless(&self, path: &str, object: &Object, block: &Block) -> Option<Drive> {
        let name = name(&block.device);
        if block.size == 0 || NO_DRIVES.iter().any(|kind| name.starts_with(kind)) {
            return None;
        }
        if let Some(file) = &object.file {
            let image = IMAGES.contains(&block.kind.as_str());
            if image || file.as_os_str().is_empty() || self.protection.is_system(block) {
                return None;
            }
        }
        let key = match &object.file {
            Some(file) => format!("file:{}", file.display()),
            None => format!("at:{}", place(block).display()),
        };
        Some(Drive {
            key,
            device: block.device.clone(),
            vendor: String::new(),
            model: String::new(),
            serial: String::new(),
            revision: String::new(),
            size: block.size,
            connection: self.system.connection(block.number, &name, ""),
            removable: false,
            hot_swappable: false,
            rotation: None,
            kind: None,
            medium: true,
            protected: self.protection.of(self.objects, path),
        })
    }

    fn volumes(
        &self,
        drives: &[(String, Drive)],
        holders: &mut BTreeMap<String, Claim>,
    ) -> Vec<(String, Volume)> {
        let mut plain = BTreeMap::new();
        for (path, object, block) in self.blocks() {
            if let Some(backing) =
                block.backing.as_ref().filter(|backing| self.objects.contains_key(*backing))
            {
                plain.insert(backing.as_str(), (path, object, block));
            }
        }
        let mut volumes = Vec::new();
        for (path, object, block) in self.blocks() {
            let known = block.backing.as_ref().is_some_and(|backing| self.objects.contains_key(backing));
            if known || block.hint_ignore || !is_volume(object, block) {
                continue;
            }
            let whole = object.partition.as_ref().map_or(path, |partition| &partition.table);
            let below = || {
                // What is mapped or joined is on a drive only if there is just one.
                let below = self.system.below(block.number);
                let mut on = drives.iter().filter(|(path, _)| {
                    self.objects
                        .get(path)
                        .and_then(|o| o.block.as_ref())
                        .is_some_and(|b| below.contains(&b.number))
                });
                on.next().filter(|_| on.next().is_none())
            };
            let drive = drives.iter().find(|(path, _)| path == whole).or_else(below).map(|(_, drive)| drive);
            if drive.is_none() && object.file.is_some() {
                // A system image.
                continue;
            }
            let (open, inner) = match plain.get(path.as_str()) {
                Some((_, object, inner)) => (*object, *inner),
                None => (object, block),
            };
            let mounts = open.mounts.clone().unwrap_or_default();
            let read_only = |place: &PathBuf| self.mounts.iter().any(|m| m.read_only && m.place == *place);
            volumes.push((
                path.clone(),
                Volume {
                    key: key(object, block, drive),
                    device: inner.device.clone(),
                    drive: drive.map(|drive| drive.key.clone()),
                    size: block.size,
                    filesystem: if inner.usage == "filesystem" { inner.kind.clone() } else { String::new() },
                    label: inner.label.clone(),
                    encrypted: object.encrypted || block.usage == "crypto" || block.backing.is_some(),
                    read_only: inner.read_only || mounts.first().is_some_and(read_only),
                    mounts,
                    protected: self.protection.of(self.objects, path),
                },
            ));
        }
        let claim = |volume: &Volume| {
            let on = |(_, drive): &&(String, Drive)| volume.drive.as_ref() == Some(&drive.key);
            let place = match &volume.drive {
                Some(drive) => format!("{drive}:{}", volume.device.display()),
                None => volume.device.display().to_string(),
            };
            Claim {
                place,
                removable: drives.iter().find(on).is_some_and(|(_, drive)| drive.can_be_taken_out()),
            }
        };
        tell_apart(volumes.iter_mut().map(|(_, volume)| (claim(volume), &mut volume.key)).collect(), holders);
        volumes
    }
}

fn is_volume(object: &Object, block: &Block) -> bool {
    if object.table.is_some() || block.member || block.size == 0 {
        return false;
    }
    match &object.partition {
        Some(partition) if partition.container => false,
        Some(_) => matches!(block.usage.as_str(), "" | "filesystem" | "crypto"),
        None => object.mounts.is_some() || object.encrypted || block.usage == "filesystem",
    }
}

/// What a volume is recognised by.
fn key(object: &Object, block: &Block, drive: Option<&Drive>) -> String {
    let named = |uuid: &&str| is_name(uuid);
    let partition = object.partition.as_ref();
    if let Some(uuid) = partition.map(|p| p.uuid.as_str()).filter(named) {
        return uuid.to_owned();
    }
    if let Some(uuid) = Some(block.uuid.as_str()).filter(named) {
        return uuid.to_owned();
    }
    match (drive, partition) {
        (Some(drive), Some(partition)) => format!("{}#{}", drive.key, partition.number),
        (Some(drive), None) => drive.key.clone(),
        (None, _) => format!("at:{}", place(block).display()),
    }
}

/// Whether a UUID is one: a table of the old kind without a signature gives its partitions a name of zeros, which all have.
pub(super) fn is_name(uuid: &str) -> bool {
    !uuid.is_empty() && !uuid.starts_with("00000000-")
}

/// Where a device is plugged in, if udev says so, else its own name.
fn place(block: &Block) -> &Path {
    block.links.iter().find(|link| link.starts_with("/dev/disk/by-path")).unwrap_or(&block.device)
}

/// `sda1` of `/dev/sda1`.
fn name(device: &Path) -> String {
    device.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Who has which key: for a key that two have, whoever had it before.
#[derive(Debug, Default)]
pub(super) struct Holders {
    drives: BTreeMap<String, Claim>,
    volumes: BTreeMap<String, Claim>,
}

/// Where somebody is who has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    place: String,
    removable: bool,
}

/// Copies of a disk have the name of one of them: the others are called by where they are, too. What can be taken out never has
/// the name of what is built in, whichever the kernel found first, and also while that does not answer.
fn tell_apart(mut all: Vec<(Claim, &mut String)>, before: &mut BTreeMap<String, Claim>) {
    // What is alike stays in the order of the devices.
    all.sort_by_key(|(claim, key)| (claim.removable, before.get(key.as_str()) != Some(claim)));
    let mut seen = BTreeSet::new();
    for (claim, key) in all {
        let of_built_in = before.get(key).is_some_and(|holder| claim.removable && !holder.removable);
        if of_built_in || !seen.insert(key.clone()) {
            *key = format!("{key}@{}", claim.place);
            seen.insert(key.clone());
        } else {
            before.insert(key.clone(), claim);
        }
    }
    if before.len() > MAX_OBJECTS {
        before.retain(|key, _| seen.contains(key));
    }
}
