//! The back ends as they would be: a scene in memory that plugin and test share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cwmp_plugin_sdk::Config;

use crate::back_end::{Disks, Event, Events, Failure, Gauges, Note, Progress, Server, State, Unfinished};
use crate::back_ends::BackEnds;
use crate::facts::{Connection, Drive, DriveKind, Health, Usage, Volume};
use crate::plan::{NewVolume, Offer};

pub(crate) const MIB: u64 = 1024 * 1024;

/// All that there is in the world of one test.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) drives: Vec<Drive>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) health: BTreeMap<PathBuf, Result<Health, Failure>>,
    /// By the place.
    pub(crate) used: BTreeMap<PathBuf, u64>,
    /// The service of the disks is not there.
    pub(crate) away: bool,
    /// Making a volume waits until this says how it ends.
    pub(crate) hold: bool,
    pub(crate) end: Option<Failure>,
    /// Makings that were dropped where they waited.
    pub(crate) dropped: u32,
    /// What cannot be mounted, and why.
    pub(crate) unmountable: BTreeMap<String, Failure>,
    /// What cannot be unmounted, and why.
    pub(crate) busy: BTreeMap<String, Failure>,
    /// What cannot be deleted, and why.
    pub(crate) undeletable: BTreeMap<String, Failure>,
    /// What was done.
    pub(crate) told: Vec<String>,
    pub(crate) usages: u32,
    /// Which of them was asked how full it is.
    pub(crate) asked: Vec<PathBuf>,
    pub(crate) healths: u32,
    /// By server.
    pub(crate) states: BTreeMap<&'static str, State>,
    pub(crate) offers: BTreeMap<&'static str, Vec<Offer>>,
    /// What a server says to the next offers.
    pub(crate) refuse: BTreeMap<&'static str, Failure>,
    /// Servers take nothing until this is false; how many are told something now.
    pub(crate) wait: bool,
    /// Servers say of themselves that they were told something, as systemd does of a unit.
    pub(crate) noisy: bool,
    /// How often each was told something, whether it took it or not.
    pub(crate) applied: BTreeMap<&'static str, u32>,
    /// How often each was asked how it is.
    pub(crate) looked: BTreeMap<&'static str, u32>,
    /// The processes of servers.
    pub(crate) processes: BTreeMap<&'static str, u64>,
    pub(crate) waiting: u32,
    /// Servers that are installed.
    pub(crate) installed: BTreeSet<&'static str>,
    /// Drives take this long to tell of their health.
    pub(crate) slow: Duration,
    /// The service of the disks is there, and answers nothing more.
    pub(crate) deaf: bool,
    /// Filesystems that hang.
    pub(crate) hung: BTreeSet<PathBuf>,
    /// Where volumes are mounted.
    pub(crate) mounts: PathBuf,
    events: Option<Events>,
}

/// A scene, from inside and from outside.
#[derive(Clone)]
pub(crate) struct Twin(Arc<Mutex<Scene>>);

static SCENES: Mutex<BTreeMap<u32, Twin>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The twin that a configuration names.
pub(crate) fn back_ends(config: &Config, events: &Events) -> Option<BackEnds> {
    let number: u32 = config.number("twin").ok().flatten()?;
    let twin = SCENES.lock().unwrap_or_else(PoisonError::into_inner).get(&number)?.clone();
    twin.scene().events = Some(events.clone());
    let server = |name: &'static str| {
        let is_there = twin.scene().installed.contains(name);
        is_there.then(|| Rc::new(Of { twin: twin.clone(), name }) as Rc<dyn Server>)
    };
    Some(BackEnds {
        disks: Rc::new(twin.clone()),
        gauges: Rc::new(twin.clone()),
        smb: server("smbd"),
        nfs: server("ganesha"),
        ftp: server("vsftpd"),
        filesystem: "ext4".to_owned(),
        measured: Duration::from_millis(20),
        lost: Duration::ZERO,
        host_name: || "box".to_owned(),
    })
}

/// A drive of 4 GiB.
pub(crate) fn drive(name: &str) -> Drive {
    Drive {
        key: format!("MODEL {name}"),
        device: format!("/dev/{name}").into(),
        vendor: "ACME".into(),
        model: "Disk".into(),
        serial: name.to_uppercase(),
        revision: "1.0".into(),
        size: 4096 * MIB,
        connection: Connection::Sata(Some(6_000)),
        removable: false,
        hot_swappable: true,
        rotation: Some(7200),
        kind: Some(DriveKind::Hdd),
        medium: true,
        protected: None,
    }
}

/// A volume on it.
pub(crate) fn part(drive: &str, name: &str, size: u64) -> Volume {
    Volume {
        key: format!("uuid-{name}"),
        device: format!("/dev/{name}").into(),
        drive: Some(format!("MODEL {drive}")),
        size,
        filesystem: "ext4".into(),
        label: String::new(),
        encrypted: false,
        read_only: false,
        mounts: Vec::new(),
        protected: None,
    }
}

impl Twin {
    /// A system disk `sda` with `/`, which is protected, and an empty `sdb`; all servers installed and off.
    pub(crate) fn new() -> (Self, String) {
        let mut system = drive("sda");
        system.protected = Some("the system is on it".to_owned());
        let mut root = part("sda", "sda1", 1024 * MIB);
        root.protected.clone_from(&system.protected);
        root.mounts = vec!["/".into()];
        root.label = "root".into();
        let scene = Scene {
            drives: vec![system, drive("sdb")],
            volumes: vec![root],
            installed: BTreeSet::from(["smbd", "ganesha", "vsftpd"]),
            states: ["smbd", "ganesha", "vsftpd"].map(|name| (name, State::Off)).into(),
            mounts: "/nowhere".into(),
            ..Scene::default()
        };
        let twin = Self(Arc::new(Mutex::new(scene)));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        SCENES.lock().unwrap_or_else(PoisonError::into_inner).insert(number, twin.clone());
        (twin, format!("{{\"twin\":{number}}}"))
    }

    pub(crate) fn scene(&self) -> MutexGuard<'_, Scene> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world, and tells of it.
    pub(crate) fn change(&self, event: Event, change: impl FnOnce(&mut Scene)) {
        let mut scene = self.scene();
        change(&mut scene);
        let events = scene.events.clone();
        drop(scene);
        if let Some(events) = events {
            let _ = events.send(event);
        }
    }

    /// The last offer that a server took.
    pub(crate) fn offered(&self, server: &str) -> Option<Offer> {
        self.scene().offers.get(server)?.last().cloned()
    }

    fn tell(&self, what: String) {
        self.scene().told.push(what);
    }

    async fn answers(&self) {
        if self.scene().deaf {
            std::future::pending::<()>().await;
        }
    }

    fn is_there(&self) -> Result<(), Failure> {
        if self.scene().away {
            return Err(Failure::Away("udisks2"));
        }
        Ok(())
    }

    fn with<R>(&self, key: &str, change: impl FnOnce(&mut Volume) -> R) -> Result<R, Failure> {
        self.is_there()?;
        let mut scene = self.scene();
        let volume = scene.volumes.iter_mut().find(|volume| volume.key == key);
        volume.map(change).ok_or_else(|| Failure::Gone(key.to_owned()))
    }
}

/// Counts makings that are dropped before their end.
struct Guard(Twin, bool);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.1 {
            self.0.scene().dropped += 1;
        }
    }
}

#[async_trait(?Send)]
impl Disks for Twin {
    async fn look(&self) -> Result<(Vec<Drive>, Vec<Volume>), Failure> {
        self.is_there()?;
        let scene = self.scene();
        Ok((scene.drives.clone(), scene.volumes.clone()))
    }

    async fn filesystems(&self) -> Result<Vec<String>, Failure> {
        self.answers().await;
        self.is_there()?;
        Ok(["ext4", "vfat", "nilfs2"].map(str::to_owned).into())
    }

    async fn can_encrypt(&self) -> Result<bool, Failure> {
        self.answers().await;
        self.is_there()?;
        Ok(false)
    }

    async fn create(
        &self,
        new: &NewVolume,
        before: Option<&Unfinished>,
        progress: Progress<'_>,
        note: Note<'_>,
    ) -> Result<String, Failure> {
        self.is_there()?;
        if let Some(before) = before {
            let mut scene = self.scene();
            let left = scene.volumes.iter().position(|volume| volume.key == before.key);
            if let Some(left) = left.filter(|left| scene.volumes[*left].filesystem.is_empty()) {
                let left = scene.volumes.remove(left);
                scene.told.push(format!("remove the unfinished {}", left.key));
            } else if let Some(left) = left {
                let volume = &scene.volumes[left];
                if volume.label == new.label {
                    return Ok(volume.key.clone());
                }
            }
            drop(scene);
            note(None);
        }
        self.tell(format!("create on {} label {} size {:?}", new.drive, new.label, new.size));
        let mut guard = Guard(self.clone(), false);
        let number = {
            let scene = self.scene();
            let own = scene.volumes.iter().filter(|volume| volume.drive.as_ref() == Some(&new.drive));
            own.count() + 1
        };
        let name = new.drive.rsplit(' ').next().unwrap_or_default().to_owned();
        let key = format!("uuid-{name}{number}");
        note(Some(&Unfinished { drive: new.drive.clone(), key: key.clone(), offset: 1, size: 1 }));
        progress(Some(100), "formatting");
        while self.scene().hold {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        guard.1 = true;
        let mut scene = self.scene();
        if let Some(failure) = scene.end.clone() {
            return Err(failure);
        }
        let mut volume = part(&name, &format!("{name}{number}"), new.size.unwrap_or(4096 * MIB));
        volume.label.clone_from(&new.label);
        scene.volumes.push(volume);
        scene.told.push(format!("made {key}"));
        Ok(key)
    }

    async fn delete(&self, volume: &str) -> Result<(), Failure> {
        self.is_there()?;
        self.tell(format!("delete {volume}"));
        let mut scene = self.scene();
        if let Some(failure) = scene.undeletable.get(volume) {
            return Err(failure.clone());
        }
        scene.volumes.retain(|other| other.key != volume);
        Ok(())
    }

    async fn mount(&self, volume: &str) -> Result<PathBuf, Failure> {
        self.tell(format!("mount {volume}"));
        if let Some(failure) = self.scene().unmountable.get(volume) {
            return Err(failure.clone());
        }
        let place = self.scene().mounts.join(volume);
        self.with(volume, |found| found.mounts = vec![place.clone()])?;
        // Where nothing can be made, folders cannot either.
        let _ = std::fs::create_dir(&place);
        Ok(place)
    }

    async fn unmount(&self, volume: &str) -> Result<(), Failure> {
        self.tell(format!("unmount {volume}"));
        if let Some(failure) = self.scene().busy.get(volume) {
            return Err(failure.clone());
        }
        self.with(volume, |found| found.mounts.clear())
    }

    async fn set_label(&self, volume: &str, label: &str) -> Result<(), Failure> {
        self.tell(format!("label {volume} {label}"));
        self.with(volume, |found| label.clone_into(&mut found.label))
    }
}

#[async_trait(?Send)]
impl Gauges for Twin {
    async fn health(&self, device: &Path) -> Result<Health, Failure> {
        let slow = {
            let mut scene = self.scene();
            scene.healths += 1;
            scene.slow
        };
        tokio::time::sleep(slow).await;
        let none = Err(Failure::Impossible("smartctl is not installed".to_owned()));
        self.scene().health.get(device).cloned().unwrap_or(none)
    }

    async fn usage(&self, mount: &Path) -> Result<Usage, Failure> {
        if self.scene().hung.contains(mount) {
            std::future::pending::<()>().await;
        }
        let mut scene = self.scene();
        scene.usages += 1;
        scene.asked.push(mount.to_owned());
        let used = scene.used.get(mount).copied();
        let used = used.ok_or_else(|| Failure::Refused("the filesystem does not answer".to_owned()))?;
        Ok(Usage { size: 1024 * MIB, used, free: 1024 * MIB - used })
    }
}

/// A server of a scene.
struct Of {
    twin: Twin,
    name: &'static str,
}

#[async_trait(?Send)]
impl Server for Of {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_there(&self) -> bool {
        true
    }

    async fn state(&self) -> Result<State, Failure> {
        let mut scene = self.twin.scene();
        *scene.looked.entry(self.name).or_default() += 1;
        Ok(scene.states[self.name])
    }

    async fn process(&self) -> Option<u64> {
        self.twin.scene().processes.get(self.name).copied()
    }

    async fn apply(&self, offer: &Offer) -> Result<(), Failure> {
        self.twin.scene().waiting += 1;
        while self.twin.scene().wait {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut scene = self.twin.scene();
        scene.waiting -= 1;
        *scene.applied.entry(self.name).or_default() += 1;
        if let Some(events) = scene.events.as_ref().filter(|_| scene.noisy) {
            let _ = events.send(Event::Server(self.name));
        }
        if let Some(failure) = scene.refuse.get(self.name) {
            return Err(failure.clone());
        }
        let on = match self.name {
            "smbd" => offer.smb,
            "ganesha" => offer.nfs,
            _ => offer.ftp.is_some(),
        };
        scene.states.insert(self.name, if on { State::On } else { State::Off });
        scene.offers.entry(self.name).or_default().push(offer.clone());
        Ok(())
    }
}
