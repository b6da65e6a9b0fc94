//! What shall be: volumes to make, and one plan of accounts and shares for all servers.

use std::path::PathBuf;

pub(crate) use cwmp_plugin_sdk::Secret;

/// A volume that an ACS wants: a partition of a drive, with a filesystem on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewVolume {
    /// The key of the drive.
    pub(crate) drive: String,
    /// In bytes; `None`: all that is free.
    pub(crate) size: Option<u64>,
    pub(crate) filesystem: String,
    pub(crate) label: String,
}

/// What may be done with a folder; in this order the bits 4, 2 and 1 of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permissions {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) password: Secret,
    /// Whether by FTP, too.
    pub(crate) ftp: bool,
}

/// A folder that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// What clients see; one word, made of the folder's name, unique.
    pub(crate) name: String,
    /// The folder, on a volume that is mounted.
    pub(crate) path: PathBuf,
    /// Who may do what; names of accounts.
    pub(crate) access: Vec<(String, Permissions)>,
    /// What everybody with an account may do.
    pub(crate) accounts: Permissions,
    /// What everybody may do, without an account.
    pub(crate) guests: Permissions,
}

/// What the FTP server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ftp {
    pub(crate) port: u16,
    pub(crate) max_users: u32,
    /// In seconds; 0: never.
    pub(crate) idle: u32,
    /// The folder of those without an account, and whether they only read.
    pub(crate) anonymous: Option<(PathBuf, bool)>,
}

/// Everything that is offered, to whom, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Offer {
    /// What the device is called on the network.
    pub(crate) host_name: String,
    /// The workgroup or domain.
    pub(crate) domain: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) shares: Vec<Share>,
    pub(crate) smb: bool,
    pub(crate) nfs: bool,
    pub(crate) ftp: Option<Ftp>,
}
