//! The disks of the machine, by UDisks2.
//!
//! ```text
//!   GetManagedObjects --> objects --+
//!   /proc, /sys ------> system -----+--> protection --> look --> drives, volumes
//!   signals --> watch --> events; news for whoever waits (service, create)
//! ```

mod busy;
mod change;
mod create;
mod label;
mod look;
mod media;
mod objects;
mod pattern;
mod protection;
mod service;
mod space;
mod system;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use zbus::zvariant::Value;
use zbus::Connection;

use crate::back_end::{Disks, Events, Failure, Note, Progress, Unfinished};
use crate::facts::{Drive, Volume};
use crate::plan::NewVolume;

use look::{Holders, Seen};
pub(crate) use media::Rules;
use objects::{interface, shown, MAX_LIST, SERVICE};
use service::{Service, MANAGER_PATH};
use system::System;

/// What is mounted, as this process sees it.
pub(crate) fn mounts() -> Vec<system::Mount> {
    System::new("/").mounts()
}

/// Whether a filesystem has place for this name.
pub(crate) fn has_place(filesystem: &str, name: &str) -> bool {
    label::check(filesystem, name).is_ok()
}

/// UDisks2, and what the kernel says beside.
#[derive(Debug, Clone)]
pub(crate) struct UDisks {
    inner: Arc<Inner>,
}

/// What a task that makes something shares.
#[derive(Debug)]
struct Inner {
    service: Service,
    system: System,
    rules: Rules,
    holders: Mutex<Holders>,
    /// Whose turn it is to make something.
    turn: Semaphore,
}

impl UDisks {
    /// Listens to the service, whether it is there or not. `ours`: folders where we mount folders of volumes a second time; that
    /// protects nothing.
    ///
    /// Within a tokio runtime.
    pub(crate) async fn open(
        bus: Connection,
        events: Events,
        rules: Rules,
        ours: Vec<PathBuf>,
    ) -> Result<Self, Failure> {
        let service = Service::open(bus, events).await?;
        let system = System::new("/").with_ours(ours);
        Ok(Self {
            inner: Arc::new(Inner {
                service,
                system,
                rules,
                holders: Mutex::default(),
                turn: Semaphore::new(1),
            }),
        })
    }
}

impl Inner {
    async fn see(&self) -> Result<Seen, Failure> {
        let objects = self.service.objects().await?;
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Seen::new(objects, &self.system, &self.rules, &mut holders))
    }
}

impl Inner {
    /// The filesystems that it can make, and can mount again.
    async fn filesystems(&self) -> Result<Vec<String>, Failure> {
        let names = self.known("SupportedFilesystems").await?;
        // One after the other, they would take longer than who reads may wait.
        let can = futures_util::future::try_join_all(names.iter().map(|name| self.can_format(name))).await?;
        let names = names.into_iter().zip(can).filter(|(_, can)| can.is_ok()).map(|(name, _)| name);
        Ok(names.filter(|name| self.system.can_mount(name)).collect())
    }

    /// A property of the service that is a list of names.
    async fn known(&self, property: &str) -> Result<Vec<String>, Failure> {
        let body = (interface::MANAGER, property);
        let answer = self.service.ask(MANAGER_PATH, "org.freedesktop.DBus.Properties", "Get", &body).await?;
        let body = answer.body();
        let nonsense = |error: &str| Failure::Nonsense(SERVICE, format!("{property}: {}", shown(error)));
        let value: Value<'_> = body.deserialize().map_err(|error| nonsense(&error.to_string()))?;
        let names: Vec<String> =
            value.try_into().map_err(|error: zbus::zvariant::Error| nonsense(&error.to_string()))?;
        let names = names.iter().map(|name| shown(name)).filter(|name| !name.is_empty() && name != "swap");
        Ok(names.take(MAX_LIST).collect())
    }

    /// Whether a filesystem can be made; else the program that is missing.
    async fn can_format(&self, filesystem: &str) -> Result<Result<(), String>, Failure> {
        let answer = self.service.ask(MANAGER_PATH, interface::MANAGER, "CanFormat", &(filesystem,)).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(Failure::Refused(text)) => return Ok(Err(text)),
            Err(failure) => return Err(failure),
        };
        match answer.body().deserialize::<(bool, &str)>() {
            Ok((true, _)) => Ok(Ok(())),
            Ok((false, missing)) => Ok(Err(format!("{} is not installed", shown(missing)))),
            Err(error) => Err(Failure::Nonsense(SERVICE, shown(&error.to_string()))),
        }
    }

    /// Refuses what is no filesystem, or cannot be made.
    async fn check_filesystem(&self, filesystem: &str) -> Result<(), Failure> {
        if !self.known("SupportedFilesystems").await?.iter().any(|name| name == filesystem) {
            return Err(Failure::Impossible(format!("{} is no filesystem", shown(filesystem))));
        }
        self.can_format(filesystem).await?.map_err(Failure::Impossible)?;
        if !self.system.can_mount(filesystem) {
            return Err(Failure::Impossible(format!("the kernel does not know {filesystem}")));
        }
        Ok(())
    }

    /// Whether the library for it is there: the service lists the kinds of encryption all the same.
    async fn can_encrypt(&self) -> Result<bool, Failure> {
        if self.known("SupportedEncryptionTypes").await?.is_empty() {
            return Ok(false);
        }
        let Some(owner) = self.service.owner() else { return Ok(false) };
        let proxy = zbus::fdo::DBusProxy::new(self.service.bus()).await;
        let proxy = proxy.map_err(|_| Failure::Away(SERVICE))?;
        let name = zbus::names::BusName::try_from(owner).map_err(|_| Failure::Away(SERVICE))?;
        let asked =
            tokio::time::timeout(self.service.patience.question, proxy.get_connection_unix_process_id(name));
        let process = asked.await.ok().and_then(Result::ok).ok_or(Failure::Away(SERVICE))?;
        Ok(self.system.has_loaded(process, b"libbd_crypto"))
    }
}

#[async_trait(?Send)]
impl Disks for UDisks {
    async fn look(&self) -> Result<(Vec<Drive>, Vec<Volume>), Failure> {
        let seen = self.inner.see().await?;
        let drives = seen.drives.into_iter().map(|(_, drive)| drive).collect();
        Ok((drives, seen.volumes.into_iter().map(|(_, volume)| volume).collect()))
    }

    async fn filesystems(&self) -> Result<Vec<String>, Failure> {
        self.inner.filesystems().await
    }

    async fn can_encrypt(&self) -> Result<bool, Failure> {
        self.inner.can_encrypt().await
    }

    async fn create(
        &self,
        new: &NewVolume,
        before: Option<&Unfinished>,
        progress: Progress<'_>,
        note: Note<'_>,
    ) -> Result<String, Failure> {
        create::create(Arc::clone(&self.inner), new.clone(), before.cloned(), progress, note).await
    }

    async fn delete(&self, volume: &str) -> Result<(), Failure> {
        self.inner.delete(volume).await
    }

    async fn mount(&self, volume: &str) -> Result<PathBuf, Failure> {
        self.inner.mount(volume).await
    }

    async fn unmount(&self, volume: &str) -> Result<(), Failure> {
        self.inner.unmount(volume).await
    }

    async fn set_label(&self, volume: &str, label: &str) -> Result<(), Failure> {
        self.inner.set_label(volume, label).await
    }
}

#[cfg(test)]
mod tests;
