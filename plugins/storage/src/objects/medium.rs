//! `PhysicalMedium.{i}.`: drives.

use cwmp_plugin_sdk::{Enumeration, Error, Object};

/// How a drive is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum ConnectionType {
    #[value("USB 1.1")]
    Usb1,
    #[value("USB 2.0")]
    Usb2,
    #[value("USB 3.0")]
    Usb3,
    #[value("USB 3.1")]
    Usb31,
    #[value("IEEE1394")]
    Ieee1394,
    #[value("SATA/150")]
    Sata1,
    #[value("SATA/300")]
    Sata2,
    #[value("SATA/600")]
    Sata3,
    #[value("X_CWMPD_NVMe")]
    Nvme,
    #[value("X_CWMPD_MMC")]
    Mmc,
    #[value("X_CWMPD_SCSI")]
    Scsi,
    #[value("X_CWMPD_USB")]
    Usb,
    #[value("X_CWMPD_SATA")]
    Sata,
    #[value("X_CWMPD_Other")]
    Other,
}

/// The state of a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum MediumStatus {
    Online,
    Standby,
    Offline,
}

/// What a drive says of its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum HealthWord {
    #[value("OK")]
    Good,
    Failing,
    Error,
}

/// What a drive is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum MediumType {
    #[value("HDD")]
    Hdd,
    #[value("SSD")]
    Ssd,
}

/// A drive.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.PhysicalMedium.{i}.", model = "StorageService:1.3")]
pub(crate) struct PhysicalMedium {
    #[param(writable, pushed)]
    pub(crate) name: String,
    #[param(pushed)]
    pub(crate) vendor: String,
    #[param(pushed)]
    pub(crate) model: String,
    #[param(pushed)]
    pub(crate) serial_number: String,
    #[param(pushed)]
    pub(crate) firmware_version: String,
    #[param(pushed)]
    pub(crate) connection_type: ConnectionType,
    #[param(pushed)]
    pub(crate) removable: bool,
    #[param(pushed)]
    pub(crate) capacity: Result<u32, Error>,
    #[param(pushed)]
    pub(crate) status: MediumStatus,
    pub(crate) uptime: Result<Option<u32>, Error>,
    #[param("SMARTCapable")]
    pub(crate) smart_capable: Result<bool, Error>,
    pub(crate) health: Result<Option<HealthWord>, Error>,
    #[param(pushed)]
    pub(crate) hot_swappable: bool,
    #[param("Type", pushed)]
    pub(crate) kind: Option<MediumType>,
}

/// What a drive counts. What it does not tell is left out.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.PhysicalMedium.{i}.SMART.", model = "StorageService:1.3")]
pub(crate) struct Smart {
    #[param(passive)]
    pub(crate) temperature: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) power_on_hours: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) power_cycle_count: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) reallocated_sectors_count: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) reallocation_event_count: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) current_pending_sector_count: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) uncorrectable_sector_count: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) read_errors: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) write_errors: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) spin_retry_count: Result<Option<u32>, Error>,
    #[param(passive)]
    pub(crate) spares_remaining: Result<Option<u32>, Error>,
}
