//! Who may do what: accounts, groups, and their rights on folders. All of it is what an ACS set.

use cwmp_plugin_sdk::Object;

/// Somebody who may log in.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.UserAccount.{i}.", model = "StorageService:1.3", writable)]
pub(crate) struct UserAccount {
    #[param(writable)]
    pub(crate) enable: bool,
    #[param(writable)]
    pub(crate) username: String,
    #[param(writable, secret)]
    pub(crate) password: String,
    #[param(writable)]
    pub(crate) user_group_participation: Vec<String>,
    #[param("AllowFTPAccess", writable)]
    pub(crate) allow_ftp_access: bool,
}

/// A group of accounts.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.UserGroup.{i}.", model = "StorageService:1.3", writable)]
pub(crate) struct UserGroup {
    #[param(writable)]
    pub(crate) enable: bool,
    #[param(writable)]
    pub(crate) group_name: String,
}

/// What an account may do with a folder.
#[derive(Debug, Object)]
#[object(
    "Device.Services.StorageService.{i}.LogicalVolume.{i}.Folder.{i}.UserAccess.{i}.",
    model = "StorageService:1.3",
    writable
)]
pub(crate) struct UserAccess {
    #[param(writable)]
    pub(crate) enable: bool,
    #[param(writable)]
    pub(crate) user_reference: String,
    #[param(writable)]
    pub(crate) permissions: u32,
}

/// What the accounts of a group may do with a folder.
#[derive(Debug, Object)]
#[object(
    "Device.Services.StorageService.{i}.LogicalVolume.{i}.Folder.{i}.GroupAccess.{i}.",
    model = "StorageService:1.3",
    writable
)]
pub(crate) struct GroupAccess {
    #[param(writable)]
    pub(crate) enable: bool,
    #[param(writable)]
    pub(crate) group_reference: String,
    #[param(writable)]
    pub(crate) permissions: u32,
}
