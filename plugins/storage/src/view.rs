//! What is known, in the form that is read: rows of typed objects.

use std::collections::{BTreeMap, BTreeSet};

use cwmp_plugin_sdk::{Error, Host, Row, Rows};

use crate::back_end::{Failure, State};
use crate::facts::{Connection, Drive, DriveKind, Health, Usage};
use crate::objects::{
    AnonymousUser, ConnectionType, FtpServer, HealthWord, LogicalVolume, MediumStatus, MediumType, NetInfo,
    NetworkServer, PhysicalMedium, ServerStatus, Smart, StorageService, VolumeStatus, ONLY,
};
use crate::row_id::RowId;
use crate::tree::{Node, Tree};
use crate::wish::Wishes;
use crate::world::World;

/// What the standard counts volumes in.
pub(crate) const MB: u64 = 1024 * 1024;
/// What a workgroup is called if nobody called it anything.
pub(crate) const WORKGROUP: &str = "WORKGROUP";
/// Who may use FTP at a time, if nobody said.
pub(crate) const MAX_USERS: u32 = 10;
/// Seconds until somebody who does nothing by FTP is cut off, if nobody said.
pub(crate) const IDLE: u32 = 300;
/// The port of FTP.
pub(crate) const FTP_PORT: u32 = 21;

/// Everything that is pushed.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) service: Rows<StorageService>,
    pub(crate) media: Rows<PhysicalMedium>,
    pub(crate) volumes: Rows<LogicalVolume>,
    pub(crate) net: Rows<NetInfo>,
    pub(crate) servers: Rows<NetworkServer>,
    pub(crate) ftp: Rows<FtpServer>,
    pub(crate) anonymous: Rows<AnonymousUser>,
}

/// What drives say of themselves, by their keys.
pub(crate) type Healths = BTreeMap<String, Result<Health, Failure>>;
/// How full volumes are.
pub(crate) type Usages = BTreeMap<RowId, Result<Usage, Failure>>;

/// A look at what is known.
pub(crate) struct Viewer<'a> {
    pub(crate) host: &'a Host,
    pub(crate) world: &'a World,
    pub(crate) wishes: &'a Wishes,
    pub(crate) tree: &'a Tree,
    /// What could not be made true.
    pub(crate) failed: &'a BTreeMap<RowId, String>,
    /// Which limits are reached.
    pub(crate) reached: &'a BTreeMap<RowId, bool>,
    pub(crate) host_name: &'a str,
    /// The names of the servers.
    pub(crate) names: Names,
    /// Those that the image runs; `None`: those that run.
    pub(crate) image: Option<&'a BTreeSet<String>>,
}

/// What the servers are called that are installed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names {
    pub(crate) smb: Option<&'static str>,
    pub(crate) nfs: Option<&'static str>,
    pub(crate) ftp: Option<&'static str>,
}

/// The error that somebody who reads is told.
pub(crate) fn unread(failure: &Failure) -> Error {
    Error::internal(failure.to_string())
}

/// In MB.
pub(crate) fn megabytes(bytes: u64) -> u32 {
    u32::try_from(bytes / MB).unwrap_or(u32::MAX)
}

fn narrow(count: Option<u64>) -> Option<u32> {
    count.map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// Cuts off what is longer than the standard allows.
fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// Everything that is pushed, as it is now.
pub(crate) fn all(view: &Viewer<'_>) -> View {
    View {
        service: one(StorageService { enable: view.wishes.enable }),
        media: view.media(&Healths::new()),
        volumes: view.volumes(&Usages::new()),
        net: one(view.net()),
        servers: one(view.servers()),
        ftp: one(view.ftp()),
        anonymous: one(view.anonymous()),
    }
}

impl Viewer<'_> {
    pub(crate) fn media(&self, healths: &Healths) -> Rows<PhysicalMedium> {
        let drives = self.world.drives.iter();
        drives
            .map(|drive| ((ONLY, drive.key.as_str()), self.medium(drive, healths.get(&drive.key))))
            .collect()
    }

    fn medium(&self, drive: &Drive, health: Option<&Result<Health, Failure>>) -> PhysicalMedium {
        let known = health.and_then(|health| health.as_ref().ok());
        let standby = known.is_some_and(|health| health.standby);
        let device = || drive.device.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = self.wishes.media.get(&drive.key).cloned().filter(|name| !name.is_empty());
        PhysicalMedium {
            name: name.or_else(device).unwrap_or_else(|| cut(&drive.key, 64)),
            vendor: cut(&drive.vendor, 64),
            model: cut(&drive.model, 128),
            serial_number: cut(&drive.serial, 64),
            firmware_version: cut(&drive.revision, 64),
            connection_type: connection(&drive.connection),
            removable: drive.removable,
            capacity: self.fresh(megabytes(drive.size)),
            status: match () {
                () if self.world.away.is_some() || !drive.medium => MediumStatus::Offline,
                () if standby => MediumStatus::Standby,
                () => MediumStatus::Online,
            },
            uptime: told(health, |health| narrow(health.power_on_hours)),
            smart_capable: match health {
                Some(Err(Failure::Impossible(_))) | None => Ok(false),
                Some(Err(failure)) => Err(unread(failure)),
                Some(Ok(health)) => Ok(health.capable),
            },
            health: told(health, |health| {
                health.passed.map(|passed| if passed { HealthWord::Good } else { HealthWord::Failing })
            }),
            hot_swappable: drive.hot_swappable,
            kind: drive.kind.map(|kind| match kind {
                DriveKind::Hdd => MediumType::Hdd,
                DriveKind::Ssd => MediumType::Ssd,
            }),
        }
    }

    pub(crate) fn smart(&self, healths: &Healths) -> Rows<Smart> {
        let row = |drive: &Drive| smart(healths.get(&drive.key));
        self.world.drives.iter().map(|drive| ((ONLY, drive.key.as_str()), row(drive))).collect()
    }

    pub(crate) fn volumes(&self, usages: &Usages) -> Rows<LogicalVolume> {
        let row = |node: &Node| {
            // One that is protected says why when somebody wants to delete it.
            ((ONLY, Row::from(&node.id).deletable()), self.volume(node, usages.get(&node.id)))
        };
        self.tree.volumes.iter().map(row).collect()
    }

    fn volume(&self, node: &Node, usage: Option<&Result<Usage, Failure>>) -> LogicalVolume {
        let volume = node.volume.as_ref();
        let drive = match volume {
            Some(volume) => volume.drive.as_ref(),
            None => node.wish.drive.as_ref(),
        };
        let reference = drive.map(|key| self.host.path_of::<PhysicalMedium>((ONLY, key.as_str())));
        let reference = reference.unwrap_or_else(|| Ok(String::new()));
        let wished = node.wish.capacity.unwrap_or(0);
        let capacity = volume.map_or(wished, |volume| megabytes(volume.size));
        let used = match (usage, node.mount()) {
            _ if self.world.away.is_some() => self.fresh(0),
            (Some(Ok(usage)), _) => Ok(megabytes(usage.used)),
            (Some(Err(failure)), _) => Err(unread(failure)),
            // What is not mounted tells nobody how full it is.
            (None, _) => Ok(0),
        };
        let limit = node.wish.limit;
        let reached = match (limit, usage) {
            (0, _) => Ok(false),
            (_, None) => self.fresh(self.reached.get(&node.id).copied().unwrap_or(false)),
            (_, Some(_)) => used.clone().map(|used| reaches(used, limit, capacity)),
        };
        let label = volume.map(|volume| volume.label.clone()).filter(|label| !label.is_empty());
        let device = || {
            let device = volume?.device.file_name()?;
            Some(device.to_string_lossy().into_owned())
        };
        LogicalVolume {
            name: cut(&node.wish.name.clone().or(label).or_else(device).unwrap_or_default(), 64),
            enable: node.enabled(),
            status: self.volume_status(node),
            physical_reference: reference.map(|path| path.trim_end_matches('.').to_owned()),
            capacity: self.fresh(capacity),
            file_system: self.fresh(volume.map(|volume| filesystem(&volume.filesystem)).unwrap_or_default()),
            encrypted: self.fresh(volume.is_some_and(|volume| volume.encrypted)),
            used_space: used,
            threshold_limit: limit,
            threshold_reached: reached,
        }
    }

    fn volume_status(&self, node: &Node) -> VolumeStatus {
        if self.world.away.is_some() || self.failed.contains_key(&node.id) {
            VolumeStatus::Error
        } else if node.mount().is_some() {
            VolumeStatus::Online
        } else {
            VolumeStatus::Offline
        }
    }

    /// What is known of the disks, unless they cannot be asked.
    fn fresh<T>(&self, value: T) -> Result<T, Error> {
        self.world.away.as_ref().map_or(Ok(value), |failure| Err(unread(failure)))
    }

    pub(crate) fn net(&self) -> NetInfo {
        NetInfo {
            host_name: self.wishes.host_name.clone().unwrap_or_else(|| self.host_name.to_owned()),
            domain_name: self.wishes.domain.clone().unwrap_or_else(|| WORKGROUP.to_owned()),
        }
    }

    pub(crate) fn servers(&self) -> NetworkServer {
        let on = |wish: Option<bool>, name: Option<&'static str>| wish.unwrap_or_else(|| self.runs(name));
        NetworkServer {
            afp_enable: false,
            nfs_enable: on(self.wishes.nfs, self.names.nfs),
            smb_enable: on(self.wishes.smb, self.names.smb),
            network_protocol_auth_req: self.wishes.authenticate,
        }
    }

    /// Whether a server runs, or should, as long as nobody says so.
    fn runs(&self, name: Option<&'static str>) -> bool {
        if let (Some(image), Some(name)) = (self.image, name) {
            return image.contains(name);
        }
        name.and_then(|name| self.world.server(name)).is_some_and(|state| state != State::Off)
    }

    pub(crate) fn ftp(&self) -> FtpServer {
        let ftp = &self.wishes.ftp;
        let enable = ftp.enable.unwrap_or_else(|| self.runs(self.names.ftp));
        let state = self.names.ftp.and_then(|name| self.world.server(name));
        FtpServer {
            enable,
            status: match (enable && self.wishes.enable, state) {
                // It is not as it was set.
                (_, Some(State::Failed)) | (true, Some(State::Off) | None) => ServerStatus::Error,
                (_, Some(State::On)) => ServerStatus::Enabled,
                (false, _) => ServerStatus::Disabled,
            },
            port_number: ftp.port.unwrap_or(FTP_PORT),
            max_num_users: ftp.max_users.unwrap_or(MAX_USERS),
            idle_time: ftp.idle.unwrap_or(IDLE),
        }
    }

    pub(crate) fn anonymous(&self) -> AnonymousUser {
        let ftp = &self.wishes.ftp;
        AnonymousUser {
            enable: ftp.anonymous,
            starting_folder: ftp.start.clone(),
            read_only_access: ftp.anonymous_reads,
        }
    }
}

/// Whether a limit is reached, as the standard counts: what is left is no more than it.
pub(crate) fn reaches(used: u32, limit: u32, capacity: u32) -> bool {
    limit > 0 && used.saturating_add(limit) >= capacity
}

/// What exists once, in the only service.
pub(crate) fn one<O>(object: O) -> Rows<O> {
    [(ONLY, object)].into_iter().collect()
}

/// What a drive says; what it never says is unknown, and what it does not say now cannot be read.
fn told<T>(
    health: Option<&Result<Health, Failure>>,
    read: impl Fn(&Health) -> Option<T>,
) -> Result<Option<T>, Error> {
    match health {
        None | Some(Err(Failure::Impossible(_))) => Ok(None),
        Some(Err(failure)) => Err(unread(failure)),
        Some(Ok(health)) => Ok(read(health)),
    }
}

fn smart(health: Option<&Result<Health, Failure>>) -> Smart {
    Smart {
        temperature: told(health, |health| health.temperature),
        power_on_hours: told(health, |health| narrow(health.power_on_hours)),
        power_cycle_count: told(health, |health| narrow(health.power_cycles)),
        reallocated_sectors_count: told(health, |health| narrow(health.reallocated)),
        reallocation_event_count: told(health, |health| narrow(health.reallocation_events)),
        current_pending_sector_count: told(health, |health| narrow(health.pending)),
        uncorrectable_sector_count: told(health, |health| narrow(health.uncorrectable)),
        read_errors: told(health, |health| narrow(health.read_errors)),
        write_errors: told(health, |health| narrow(health.write_errors)),
        spin_retry_count: told(health, |health| narrow(health.spin_retries)),
        spares_remaining: told(health, |health| health.spares.filter(|percent| *percent <= 100)),
    }
}

fn connection(connection: &Connection) -> ConnectionType {
    match connection {
        Connection::Usb(Some(..=12)) => ConnectionType::Usb1,
        Connection::Usb(Some(13..=480)) => ConnectionType::Usb2,
        Connection::Usb(Some(481..=5_000)) => ConnectionType::Usb3,
        Connection::Usb(Some(_)) => ConnectionType::Usb31,
        Connection::Usb(None) => ConnectionType::Usb,
        Connection::Sata(Some(..=1_500)) => ConnectionType::Sata1,
        Connection::Sata(Some(1_501..=3_000)) => ConnectionType::Sata2,
        Connection::Sata(Some(_)) => ConnectionType::Sata3,
        Connection::Sata(None) => ConnectionType::Sata,
        Connection::Nvme => ConnectionType::Nvme,
        Connection::Mmc => ConnectionType::Mmc,
        Connection::Scsi => ConnectionType::Scsi,
        Connection::Ieee1394 => ConnectionType::Ieee1394,
        Connection::Other(_) => ConnectionType::Other,
    }
}

/// The words of the standard for filesystems, and what the kernel calls them.
const FILESYSTEMS: [(&str, &str); 9] = [
    ("vfat", "FAT32"),
    ("exfat", "exFAT"),
    ("ntfs", "NTFS"),
    ("ext2", "ext2"),
    ("ext3", "ext3"),
    ("ext4", "ext4"),
    ("xfs", "XFS"),
    ("btrfs", "btrfs"),
    ("hfsplus", "HFS+"),
];

/// A filesystem in the words of the standard; one that it does not know keeps its name.
pub(crate) fn filesystem(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    standard_filesystem(name).map_or_else(|| format!("X_CWMPD_{name}"), str::to_owned)
}

/// A filesystem in the words of the standard, if that has one for it.
pub(crate) fn standard_filesystem(name: &str) -> Option<&'static str> {
    FILESYSTEMS.iter().find(|(kernel, _)| *kernel == name).map(|(_, word)| *word)
}
