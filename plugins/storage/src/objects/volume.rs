//! `LogicalVolume.{i}.`: filesystems, and the folders on them.

use cwmp_plugin_sdk::{Enumeration, Error, Object};

/// The state of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum VolumeStatus {
    Offline,
    Online,
    Error,
}

/// A filesystem: found, or made for an ACS.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.LogicalVolume.{i}.", model = "StorageService:1.3", writable)]
pub(crate) struct LogicalVolume {
    #[param(writable, pushed)]
    pub(crate) name: String,
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: VolumeStatus,
    #[param(writable, pushed)]
    pub(crate) physical_reference: Result<String, Error>,
    #[param(writable, pushed)]
    pub(crate) capacity: Result<u32, Error>,
    #[param(pushed)]
    pub(crate) file_system: Result<String, Error>,
    #[param(pushed)]
    pub(crate) encrypted: Result<bool, Error>,
    pub(crate) used_space: Result<u32, Error>,
    #[param(writable, pushed)]
    pub(crate) threshold_limit: u32,
    #[param(pushed)]
    pub(crate) threshold_reached: Result<bool, Error>,
}

/// A folder that is offered in the network.
#[derive(Debug, Object)]
#[object(
    "Device.Services.StorageService.{i}.LogicalVolume.{i}.Folder.{i}.",
    model = "StorageService:1.3",
    writable
)]
pub(crate) struct Folder {
    #[param(writable)]
    pub(crate) name: String,
    #[param(writable)]
    pub(crate) enable: bool,
    #[param(writable)]
    pub(crate) user_account_access: u32,
}
