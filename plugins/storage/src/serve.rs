//! Reads: rows from what is known, counters from whoever counts. What is set is made true by `put_in_force`.

use std::future::Future;
use std::rc::Rc;

use cwmp_plugin_sdk::{AsyncServe, ChangeFault, Edit, Effect, Error, PreparedLater, Rows, Wanted};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::back_end::{Failure, READ};
use crate::objects::{
    AnonymousUser, Capabilities, Folder, FtpServer, GroupAccess, LogicalVolume, NetInfo, NetworkServer,
    PhysicalMedium, Smart, StorageService, UserAccess, UserAccount, UserGroup, ONLY,
};
use crate::plugin::Storage;
use crate::row_id::RowId;
use crate::view::{one, standard_filesystem, unread, Healths, Usages, Viewer};

// What an ACS added is what it set.
impl AsyncServe<UserAccount> for Storage {}
impl AsyncServe<UserGroup> for Storage {}
impl AsyncServe<Folder> for Storage {}
impl AsyncServe<UserAccess> for Storage {}
impl AsyncServe<GroupAccess> for Storage {}

/// What is known needs nobody to be asked.
macro_rules! known {
    ($($object:ident by $view:expr;)*) => {
        $(impl AsyncServe<$object> for Storage {
            async fn read(self: Rc<Self>, _: Rows<$object>, _: &Wanted<'_>) -> Result<Rows<$object>, Error> {
                Ok(self.view($view))
            }
        })*
    };
}

known! {
    StorageService by |view| one(StorageService { enable: view.wishes.enable });
    NetInfo by |view| one(view.net());
    NetworkServer by |view| one(view.servers());
    AnonymousUser by |view| one(view.anonymous());
}

impl AsyncServe<FtpServer> for Storage {
    async fn read(self: Rc<Self>, _: Rows<FtpServer>, _: &Wanted<'_>) -> Result<Rows<FtpServer>, Error> {
        Ok(self.view(|view| one(view.ftp())))
    }
}

impl AsyncServe<Capabilities> for Storage {
    async fn read(
        self: Rc<Self>,
        _: Rows<Capabilities>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<Capabilities>, Error> {
        let filesystems = async {
            if !wanted.has("SupportedFileSystemTypes") {
                return Ok(Vec::new());
            }
            let all = self.in_time(self.back.disks.filesystems()).await?;
            Ok(all.iter().filter_map(|name| standard_filesystem(name)).map(str::to_owned).collect())
        };
        let encrypts = async {
            Ok(wanted.has("VolumeEncryptionCapable") && self.in_time(self.back.disks.can_encrypt()).await?)
        };
        let (filesystems, encrypts) = tokio::join!(filesystems, encrypts);
        let protocols = [("SMB", &self.back.smb), ("NFS", &self.back.nfs)];
        let protocols = protocols.iter().filter(|(_, server)| server.is_some());
        Ok(one(Capabilities {
            ftp_capable: self.back.ftp.is_some(),
            sftp_capable: false,
            http_capable: false,
            https_capable: false,
            http_writable: false,
            supported_network_protocols: protocols.map(|(word, _)| (*word).to_owned()).collect(),
            supported_file_system_types: filesystems,
            volume_encryption_capable: encrypts,
        }))
    }
}

impl Storage {
    /// Asks the service of the disks something. Who reads does not wait for one that is away, or stands still.
    async fn in_time<T>(&self, question: impl Future<Output = Result<T, Failure>>) -> Result<T, Error> {
        let away = self.state.borrow().world.away.clone();
        let told = match away {
            Some(failure) => Err(failure),
            None => timeout(READ, question).await.unwrap_or(Err(Failure::Away("UDisks2"))),
        };
        told.map_err(|failure| unread(&failure))
    }
}

impl AsyncServe<PhysicalMedium> for Storage {
    async fn read(
        self: Rc<Self>,
        _: Rows<PhysicalMedium>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<PhysicalMedium>, Error> {
        let told = ["Status", "Uptime", "SMARTCapable", "Health"];
        let asks = !wanted.only_rows() && told.iter().any(|name| wanted.has(name));
        let healths = if asks { self.healths().await } else { Healths::new() };
        Ok(self.view(|view| view.media(&healths)))
    }
}

impl AsyncServe<Smart> for Storage {
    async fn read(self: Rc<Self>, _: Rows<Smart>, wanted: &Wanted<'_>) -> Result<Rows<Smart>, Error> {
        let healths = if wanted.only_rows() { Healths::new() } else { self.healths().await };
        Ok(self.view(|view| view.smart(&healths)))
    }
}

impl AsyncServe<LogicalVolume> for Storage {
    async fn read(
        self: Rc<Self>,
        _: Rows<LogicalVolume>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<LogicalVolume>, Error> {
        let (used, reached) = (wanted.has("UsedSpace"), wanted.has("ThresholdReached"));
        let mut usages = Usages::new();
        if !wanted.only_rows() && (used || reached) {
            let (tree, gauges) = (Rc::clone(&self.state.borrow().tree), &self.back.gauges);
            let all = tree.volumes.iter().filter_map(|node| {
                let mount = node.mount().filter(|_| used || node.wish.limit > 0)?;
                let usage = async move {
                    let told = timeout(READ, gauges.usage(mount)).await;
                    let hangs = || Failure::Refused(format!("{} does not answer", mount.display()));
                    (node.id.clone(), told.unwrap_or_else(|_| Err(hangs())))
                };
                wanted.row((ONLY, cwmp_plugin_sdk::Row::from(&node.id))).then_some(usage)
            });
            usages = join_all(all).await.into_iter().collect();
        }
        Ok(self.view(|view: &Viewer<'_>| view.volumes(&usages)))
    }

    async fn change(
        self: Rc<Self>,
        edits: Vec<Edit<LogicalVolume>>,
    ) -> Result<PreparedLater, Vec<ChangeFault>> {
        let is_commit = self.preparing.get();
        let deleted = self.check_volumes(&edits)?;
        let concerned: Vec<RowId> = edits.iter().map(|edit| RowId::of(&edit.at.row)).collect();
        let again = edits.iter().filter(|edit| edit.sets("Enable")).map(|edit| edit.at.row.number).collect();
        Ok(Box::pin(async move {
            if is_commit {
                self.begin_pending(&concerned, &deleted, again);
            }
            Ok(Effect::Now)
        }))
    }
}
