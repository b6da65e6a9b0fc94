//! What is: drives, volumes, their health and what they hold.

use std::path::PathBuf;

/// A drive: something that blocks are kept on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drive {
    /// What it is recognised by for ever: serial number with model, or where it is plugged in.
    pub(crate) key: String,
    /// The device, such as `/dev/sda`.
    pub(crate) device: PathBuf,
    pub(crate) vendor: String,
    pub(crate) model: String,
    pub(crate) serial: String,
    pub(crate) revision: String,
    /// In bytes; 0 without a medium.
    pub(crate) size: u64,
    /// How it is connected.
    pub(crate) connection: Connection,
    /// Whether the medium can be taken out.
    pub(crate) removable: bool,
    /// Whether it may be pulled out while it runs.
    pub(crate) hot_swappable: bool,
    /// Turns a minute; `None` where nothing turns or nobody knows.
    pub(crate) rotation: Option<u32>,
    pub(crate) kind: Option<DriveKind>,
    pub(crate) medium: bool,
    /// Why it is never changed: the system is on it, or the configuration says so.
    pub(crate) protected: Option<String>,
}

impl Drive {
    /// Whether it, or what is in it, is there today and gone tomorrow.
    pub(crate) fn can_be_taken_out(&self) -> bool {
        self.removable || self.hot_swappable || matches!(self.connection, Connection::Usb(_))
    }
}

/// How a drive is connected, as far as the system tells; the words of the standard are the tree's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connection {
    /// USB with its speed in Mbit/s: 12, 480, 5000, 10000, 20000.
    Usb(Option<u32>),
    /// SATA with its speed in Mbit/s: 1500, 3000, 6000.
    Sata(Option<u32>),
    Nvme,
    Mmc,
    Scsi,
    Ieee1394,
    /// A file, a network block device and the like.
    Other(String),
}

/// What a drive is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DriveKind {
    Hdd,
    Ssd,
}

/// Something with a filesystem on it: a partition, a whole drive, an opened encrypted one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Volume {
    /// What it is recognised by for ever: the UUID of the partition or of the filesystem, else drive and number.
    pub(crate) key: String,
    /// The device, such as `/dev/sda1`.
    pub(crate) device: PathBuf,
    /// The key of the drive that it is on.
    pub(crate) drive: Option<String>,
    /// In bytes.
    pub(crate) size: u64,
    /// The filesystem, as the kernel calls it: `ext4`, `vfat`. Empty: none that is known.
    pub(crate) filesystem: String,
    pub(crate) label: String,
    pub(crate) encrypted: bool,
    pub(crate) read_only: bool,
    /// Where it is mounted; the first counts.
    pub(crate) mounts: Vec<PathBuf>,
    /// Why it is never changed.
    pub(crate) protected: Option<String>,
}

/// How full a filesystem is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) size: u64,
    pub(crate) used: u64,
    /// What programs without rights can still write.
    pub(crate) free: u64,
}

/// What a drive says of its health.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Health {
    /// Whether it answers such questions at all.
    pub(crate) capable: bool,
    /// Its own judgement.
    pub(crate) passed: Option<bool>,
    pub(crate) power_on_hours: Option<u64>,
    pub(crate) power_cycles: Option<u64>,
    /// In degrees Celsius.
    pub(crate) temperature: Option<u32>,
    pub(crate) reallocated: Option<u64>,
    pub(crate) reallocation_events: Option<u64>,
    pub(crate) pending: Option<u64>,
    pub(crate) uncorrectable: Option<u64>,
    pub(crate) read_errors: Option<u64>,
    pub(crate) write_errors: Option<u64>,
    pub(crate) spin_retries: Option<u64>,
    /// In percent.
    pub(crate) spares: Option<u32>,
    /// Whether it sleeps: asking more would wake it.
    pub(crate) standby: bool,
}
