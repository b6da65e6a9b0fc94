//! What was set: the settings as something to plan with. What nobody set is `None`.

use std::collections::{BTreeMap, BTreeSet};

use cwmp_plugin_sdk::{At, Error, Parse, Settings};

use crate::objects::{
    Folder, GroupAccess, LogicalVolume, PhysicalMedium, UserAccess, UserAccount, UserGroup, ONLY,
};
use crate::plan::{Permissions, Secret};
use crate::row_id::{number_in, Numbers, RowId, Table};

/// Everything that was set.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Wishes {
    pub(crate) enable: bool,
    pub(crate) host_name: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) smb: Option<bool>,
    pub(crate) nfs: Option<bool>,
    /// Whether protocols of the network ask for a password at all.
    pub(crate) authenticate: bool,
    pub(crate) ftp: FtpWish,
    pub(crate) accounts: BTreeMap<u32, AccountWish>,
    /// Those that are enabled.
    pub(crate) groups: BTreeSet<u32>,
    /// Names of drives, by their keys.
    pub(crate) media: BTreeMap<String, String>,
    pub(crate) volumes: BTreeMap<RowId, VolumeWish>,
    /// The volume of the folder where those without an account begin, if the device found it.
    pub(crate) start_volume: Option<RowId>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FtpWish {
    pub(crate) enable: Option<bool>,
    pub(crate) port: Option<u32>,
    pub(crate) max_users: Option<u32>,
    pub(crate) idle: Option<u32>,
    pub(crate) anonymous: bool,
    pub(crate) anonymous_reads: bool,
    /// The folder of those without an account, as it was written.
    pub(crate) start: String,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AccountWish {
    pub(crate) enable: bool,
    pub(crate) name: String,
    pub(crate) password: Secret,
    pub(crate) ftp: bool,
    pub(crate) groups: BTreeSet<u32>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VolumeWish {
    pub(crate) enable: Option<bool>,
    pub(crate) name: Option<String>,
    /// The key of the drive that it is to be on.
    pub(crate) drive: Option<String>,
    /// In MB; 0 is all that is free.
    pub(crate) capacity: Option<u32>,
    /// In MB; 0 is none.
    pub(crate) limit: u32,
    pub(crate) folders: BTreeMap<u32, FolderWish>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FolderWish {
    pub(crate) enable: bool,
    pub(crate) name: String,
    /// Whether protocols of the network ask for an account.
    pub(crate) authenticate: bool,
    /// Whether FTP asks for an account that may.
    pub(crate) authenticate_ftp: bool,
    /// By the number of the account.
    pub(crate) users: Vec<(u32, Permissions)>,
    /// By the number of the group.
    pub(crate) groups: Vec<(u32, Permissions)>,
}

/// The bit of `UserAccountAccess` for protocols that are none of the network, which is FTP.
const OTHERS: u32 = 1;
/// The bit of `UserAccountAccess` for protocols of the network.
const NETWORK: u32 = 2;

/// What the three bits of the standard mean.
pub(crate) fn permissions(bits: u32) -> Permissions {
    Permissions { read: bits & 4 != 0, write: bits & 2 != 0, execute: bits & 1 != 0 }
}

fn volume_of(at: &At) -> RowId {
    at.above.get(1).map_or(RowId::Added(0), RowId::of)
}

impl Wishes {
    /// Reads the settings.
    pub(crate) fn read(settings: &Settings, numbers: &Numbers) -> Result<Self, Error> {
        let text = |name: &str| settings.chosen(&format!("{ONLY}.{name}"));
        let flag = |name: &str| text(name).and_then(|text| bool::parse(&text));
        let number = |name: &str| text(name).and_then(|text| u32::parse(&text));
        let mut wishes = Self {
            enable: flag("Enable").unwrap_or(true),
            host_name: text("NetInfo.HostName"),
            domain: text("NetInfo.DomainName"),
            smb: flag("NetworkServer.SMBEnable"),
            nfs: flag("NetworkServer.NFSEnable"),
            authenticate: flag("NetworkServer.NetworkProtocolAuthReq").unwrap_or(true),
            ftp: FtpWish {
                enable: flag("FTPServer.Enable"),
                port: number("FTPServer.PortNumber"),
                max_users: number("FTPServer.MaxNumUsers"),
                idle: number("FTPServer.IdleTime"),
                anonymous: flag("FTPServer.AnonymousUser.Enable").unwrap_or(false),
                anonymous_reads: flag("FTPServer.AnonymousUser.ReadOnlyAccess").unwrap_or(true),
                start: text("FTPServer.AnonymousUser.StartingFolder").unwrap_or_default(),
            },
            ..Self::default()
        };
        for (at, group) in settings.object::<UserGroup>()? {
            if group.enable {
                wishes.groups.insert(at.row.number);
            }
        }
        for (at, account) in settings.object::<UserAccount>()? {
            let groups = account.user_group_participation.iter();
            let groups = groups.filter_map(|reference| number_in(Table::Group, reference));
            let name = format!("UserAccount.{}.Password", at.row.number);
            wishes.accounts.insert(
                at.row.number,
                AccountWish {
                    enable: account.enable,
                    name: account.username,
                    password: Secret::new(text(&name).unwrap_or_default()),
                    ftp: account.allow_ftp_access,
                    groups: groups.map(|(number, _)| number).collect(),
                },
            );
        }
        for (at, _) in settings.object::<PhysicalMedium>()? {
            if let Some(name) = text(&format!("PhysicalMedium.{}.Name", at.row.number)) {
                wishes.media.insert(at.row.key, name);
            }
        }
        for (at, _) in settings.object::<LogicalVolume>()? {
            let row = format!("LogicalVolume.{}.", at.row.number);
            let reference = text(&format!("{row}PhysicalReference")).unwrap_or_default();
            let name = text(&format!("{row}Name")).filter(|name| !name.is_empty());
            wishes.volumes.insert(
                RowId::of(&at.row),
                VolumeWish {
                    enable: flag(&format!("{row}Enable")),
                    name,
                    drive: numbers.referred(Table::Medium, &reference),
                    capacity: number(&format!("{row}Capacity")),
                    limit: number(&format!("{row}ThresholdLimit")).unwrap_or(0),
                    folders: BTreeMap::new(),
                },
            );
        }
        let start = number_in(Table::Volume, &wishes.ftp.start).map(|(number, _)| number);
        let start = start.filter(|number| !wishes.volumes.contains_key(&RowId::Added(*number)));
        wishes.start_volume = start.and_then(|number| numbers.key(Table::Volume, number)).map(RowId::Found);
        wishes.read_folders(settings)?;
        Ok(wishes)
    }

    fn read_folders(&mut self, settings: &Settings) -> Result<(), Error> {
        for (at, folder) in settings.object::<Folder>()? {
            let volume = self.volumes.entry(volume_of(&at)).or_default();
            volume.folders.insert(
                at.row.number,
                FolderWish {
                    enable: folder.enable,
                    name: folder.name,
                    authenticate: folder.user_account_access & NETWORK != 0,
                    authenticate_ftp: folder.user_account_access & OTHERS != 0,
                    ..FolderWish::default()
                },
            );
        }
        for (at, access) in settings.object::<UserAccess>()? {
            let account = number_in(Table::Account, &access.user_reference);
            if let (Some(folder), Some((account, _)), true) = (self.folder(&at), account, access.enable) {
                folder.users.push((account, permissions(access.permissions)));
            }
        }
        for (at, access) in settings.object::<GroupAccess>()? {
            let group = number_in(Table::Group, &access.group_reference);
            if let (Some(folder), Some((group, _)), true) = (self.folder(&at), group, access.enable) {
                folder.groups.push((group, permissions(access.permissions)));
            }
        }
        Ok(())
    }

    /// The folder where those without an account begin by FTP, if there is such a row.
    pub(crate) fn start(&self) -> Option<(&RowId, u32, &FolderWish)> {
        let (volume, rest) = number_in(Table::Volume, &self.ftp.start)?;
        let number: u32 = rest.strip_prefix("Folder.")?.trim_end_matches('.').parse().ok()?;
        let added = self.volumes.get_key_value(&RowId::Added(volume));
        let found = || self.start_volume.as_ref().and_then(|id| self.volumes.get_key_value(id));
        let (id, volume) = added.or_else(found)?;
        Some((id, number, volume.folders.get(&number)?))
    }

    fn folder(&mut self, at: &At) -> Option<&mut FolderWish> {
        self.volumes.get_mut(&volume_of(at))?.folders.get_mut(&at.above.get(2)?.number)
    }
}
