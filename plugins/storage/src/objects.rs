//! The objects of `Device.Services.StorageService.`.

mod access;
mod medium;
mod server;
mod volume;

pub(crate) use access::{GroupAccess, UserAccess, UserAccount, UserGroup};
pub(crate) use medium::{ConnectionType, HealthWord, MediumStatus, MediumType, PhysicalMedium, Smart};
pub(crate) use server::{AnonymousUser, Capabilities, FtpServer, NetInfo, NetworkServer, ServerStatus};
pub(crate) use volume::{Folder, LogicalVolume, VolumeStatus};

use cwmp_plugin_sdk::Object;

/// The number of the only service.
pub(crate) const ONLY: u32 = 1;

/// The service as a whole.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.", model = "StorageService:1.3")]
pub(crate) struct StorageService {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
}
