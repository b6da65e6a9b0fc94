//! What is offered by which server.

use cwmp_plugin_sdk::{Enumeration, Error, Object};

/// What the device can do.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.Capabilities.", model = "StorageService:1.3")]
#[allow(clippy::struct_excessive_bools)] // the standard's
pub(crate) struct Capabilities {
    #[param("FTPCapable")]
    pub(crate) ftp_capable: bool,
    #[param("SFTPCapable")]
    pub(crate) sftp_capable: bool,
    #[param("HTTPCapable")]
    pub(crate) http_capable: bool,
    #[param("HTTPSCapable")]
    pub(crate) https_capable: bool,
    #[param("HTTPWritable")]
    pub(crate) http_writable: bool,
    pub(crate) supported_network_protocols: Vec<String>,
    pub(crate) supported_file_system_types: Result<Vec<String>, Error>,
    pub(crate) volume_encryption_capable: Result<bool, Error>,
}

/// What the device is called in the network.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.NetInfo.", model = "StorageService:1.3")]
pub(crate) struct NetInfo {
    #[param(writable, pushed)]
    pub(crate) host_name: String,
    #[param(writable, pushed)]
    pub(crate) domain_name: String,
}

/// The network protocols.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.NetworkServer.", model = "StorageService:1.3")]
#[allow(clippy::struct_excessive_bools)] // the standard's
pub(crate) struct NetworkServer {
    #[param("AFPEnable", writable)]
    pub(crate) afp_enable: bool,
    #[param("NFSEnable", writable, pushed)]
    pub(crate) nfs_enable: bool,
    #[param("SMBEnable", writable, pushed)]
    pub(crate) smb_enable: bool,
    #[param(writable, pushed)]
    pub(crate) network_protocol_auth_req: bool,
}

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum ServerStatus {
    Disabled,
    Enabled,
    Error,
}

/// The FTP server.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.FTPServer.", model = "StorageService:1.3")]
pub(crate) struct FtpServer {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: ServerStatus,
    #[param(writable, pushed)]
    pub(crate) port_number: u32,
    #[param(writable, pushed)]
    pub(crate) max_num_users: u32,
    #[param(writable, pushed)]
    pub(crate) idle_time: u32,
}

/// Those who come to the FTP server without an account.
#[derive(Debug, Object)]
#[object("Device.Services.StorageService.{i}.FTPServer.AnonymousUser.", model = "StorageService:1.3")]
pub(crate) struct AnonymousUser {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(writable, pushed)]
    pub(crate) starting_folder: String,
    #[param(writable, pushed)]
    pub(crate) read_only_access: bool,
}
