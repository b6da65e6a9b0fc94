//! Changes volumes that are there.

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use super::busy;
use super::label;
use super::look::Seen;
use super::objects::{interface, SERVICE};
use super::service::{options, Work};
use super::Inner;
use crate::back_end::Failure;
use crate::facts::Volume;

/// How often one filesystem is unmounted that is mounted several times.
const MAX_MOUNTS: usize = 16;

/// A volume: the paths of its block device and of what its filesystem is on, which is another if it is encrypted, and of
/// what it is a part of.
struct Found {
    path: String,
    inner: String,
    whole: String,
    volume: Volume,
    is_partition: bool,
    /// Where the system mounted it.
    of_system: Option<PathBuf>,
}

fn find(seen: &Seen, key: &str) -> Result<Found, Failure> {
    let (path, volume) = seen.volume(key).ok_or_else(|| Failure::Gone(key.to_owned()))?;
    let plain = seen.objects.iter().find(|(_, object)| {
        object.block.as_ref().and_then(|block| block.backing.as_deref()) == Some(path.as_str())
    });
    let partition = seen.objects.get(path).and_then(|object| object.partition.as_ref());
    let inner = plain.map_or(path, |(plain, _)| plain).clone();
    Ok(Found {
        path: path.clone(),
        of_system: seen.of_system.get(&inner).cloned(),
        inner,
        whole: partition.map_or(path, |partition| &partition.table).clone(),
        volume: volume.clone(),
        is_partition: partition.is_some(),
    })
}

impl Found {
    fn name(&self) -> String {
        self.volume.device.display().to_string()
    }

    fn refused(&self, why: &str) -> Failure {
        Failure::Refused(format!("{}: {why}", self.name()))
    }

    fn may_change(&self) -> Result<(), Failure> {
        self.volume.protected.as_ref().map_or(Ok(()), |why| Err(self.refused(why)))
    }
}

impl Inner {
    /// Does something with a volume that takes its time.
    async fn with<B>(
        &self,
        found: &Found,
        path: &str,
        of: &str,
        member: &str,
        body: &B,
    ) -> Result<zbus::Message, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        // Nothing of this can be left half done.
        let (_wanted, unwanted) = watch::channel(false);
        let about = [found.path.as_str(), &found.inner, &found.whole];
        let work = Work { about: &about, on: &found.whole, name: found.name(), progress: &|_| {}, unwanted };
        match self.service.work(work, path, of, member, body).await {
            Err(Failure::Gone(_)) => Err(Failure::Gone(found.name())),
            answer => answer,
        }
    }

    pub(super) async fn delete(&self, volume: &str) -> Result<(), Failure> {
        let found = find(&self.see().await?, volume)?;
        found.may_change()?;
        self.unmount_all(&found).await?;
        if found.inner != found.path {
            self.with(&found, &found.path, interface::ENCRYPTED, "Lock", &(options(),)).await?;
        }
        // It may be another by now: what was unmounted is looked up again by its name for ever.
        let found = find(&self.see().await?, volume)?;
        found.may_change()?;
        if found.is_partition {
            self.with(&found, &found.path, interface::PARTITION, "Delete", &(options(),)).await?;
        } else {
            self.with(&found, &found.path, interface::BLOCK, "Format", &("empty", options())).await?;
        }
        Ok(())
    }

    pub(super) async fn mount(&self, volume: &str) -> Result<PathBuf, Failure> {
        let found = find(&self.see().await?, volume)?;
        if let Some(place) = found.volume.mounts.first() {
            return Ok(place.clone());
        }
        if found.volume.filesystem.is_empty() {
            let locked = found.volume.encrypted;
            return Err(found.refused(if locked { "it is locked" } else { "no known filesystem is on it" }));
        }
        let answer = self.with(&found, &found.inner, interface::FILESYSTEM, "Mount", &(options(),)).await?;
        let body = answer.body();
        match body.deserialize::<&str>() {
            Ok(place) if Path::new(place).is_absolute() => Ok(PathBuf::from(place)),
            _ => Err(Failure::Nonsense(SERVICE, "it mounted a filesystem nowhere".to_owned())),
        }
    }

    pub(super) async fn unmount(&self, volume: &str) -> Result<(), Failure> {
        let found = find(&self.see().await?, volume)?;
        self.unmount_all(&found).await
    }

    async fn unmount_all(&self, found: &Found) -> Result<(), Failure> {
        let mut places = found.volume.mounts.clone();
        if let Some(place) = &found.of_system {
            return Err(found.refused(&format!("the system mounted it at {}", place.display())));
        }
        for _ in 0..MAX_MOUNTS {
            let Some(place) = places.first() else { return Ok(()) };
            let done = self.with(found, &found.inner, interface::FILESYSTEM, "Unmount", &(options(),)).await;
            match done {
                Ok(_) => {}
                Err(Failure::Refused(text)) => {
                    let users = busy::users(Path::new("/proc"), place);
                    if users.is_empty() {
                        return Err(Failure::Refused(text));
                    }
                    return Err(found.refused(&format!("in use by {}", users.join(", "))));
                }
                Err(failure) => return Err(failure),
            }
            let now = self.service.objects().await?;
            places = now.get(&found.inner).and_then(|object| object.mounts.clone()).unwrap_or_default();
            places.retain(|place| !self.system.is_ours(place));
        }
        Err(found.refused("it is mounted again and again"))
    }

    pub(super) async fn set_label(&self, volume: &str, label: &str) -> Result<(), Failure> {
        let found = find(&self.see().await?, volume)?;
        found.may_change()?;
        label::check(&found.volume.filesystem, label).map_err(|why| found.refused(&why))?;
        if found.volume.label != label {
            let body = (label, options());
            self.with(&found, &found.inner, interface::FILESYSTEM, "SetLabel", &body).await?;
        }
        Ok(())
    }
}
