//! What is never changed, and why: what the system needs, and what the configuration names.

use std::collections::BTreeMap;

use super::media::Media;
use super::objects::{Block, Objects};
use super::pattern::fits;
use super::system::{Mount, System};

/// The reasons, by the path of the block device.
#[derive(Debug, Default)]
pub(super) struct Protection {
    reasons: BTreeMap<String, String>,
    /// The numbers of devices that the system is on.
    system: BTreeMap<u64, String>,
}

impl Protection {
    /// Looks at everything once.
    pub(super) fn find(
        objects: &Objects,
        system: &System,
        mounts: &[Mount],
        media: &Media<'_>,
        patterns: &[String],
    ) -> Self {
        let mut all = Self::default();
        for mount in mounts {
            let why = format!("{} is on it", mount.place.display());
            // A filesystem with several devices has a number that is none of theirs.
            let source = system.device_of(&mount.source).filter(|_| mount.source.is_absolute());
            let devices = || [Some(mount.device), source].into_iter().flatten();
            if devices().any(|device| media.has(device, &mount.place)) {
                continue;
            }
            for device in devices() {
                all.needs(system, device, &why);
            }
        }
        for device in system.swaps() {
            all.needs(system, device, "the system swaps to it");
        }
        for object in objects.values() {
            let Some(block) = &object.block else { continue };
            let mounts = object.mounts.iter().flatten();
            if let Some(place) = mounts.clone().find(|place| !media.has(block.number, place)) {
                all.needs(system, block.number, &format!("{} is on it", place.display()));
            }
            if object.swapping {
                all.needs(system, block.number, "the system swaps to it");
            }
            if let Some(file) = &block.configured {
                all.needs(system, block.number, &format!("{file} names it"));
            }
        }
        let blocks = || objects.iter().filter_map(|(path, object)| Some((path, object.block.as_ref()?)));
        for (path, block) in blocks() {
            let system = all.system.get(&block.number).cloned();
            if let Some(why) = system.or_else(|| configured(block, patterns)) {
                all.spread(objects, path, &why);
            }
        }
        // What is said of one partition says nothing of the others.
        for (path, block) in blocks() {
            let drive = block.drive.as_ref().and_then(|drive| objects.get(drive)?.drive.as_ref());
            let built_in = drive.is_none_or(|drive| drive.bus.is_empty() && !drive.media_removable);
            if let Some(why) = of_itself(block, built_in) {
                all.reasons.entry(path.clone()).or_insert(why);
            }
        }
        all
    }

    /// The system needs this, and everything that it hangs on.
    fn needs(&mut self, system: &System, device: u64, why: &str) {
        for device in system.below(device) {
            self.system.entry(device).or_insert_with(|| why.to_owned());
        }
    }

    /// What a device hangs on is protected as it is; so is what was cut out of the same drive, as its table is the same.
    fn spread(&mut self, objects: &Objects, path: &str, why: &str) {
        let mut at = path;
        // Nothing hangs on itself, unless UDisks2 lies: then there is an end, too.
        while !self.reasons.contains_key(at) {
            self.reasons.insert(at.to_owned(), why.to_owned());
            let Some(object) = objects.get(at) else { return };
            let table = object.partition.as_ref().map(|partition| partition.table.as_str());
            let backing = object.block.as_ref().and_then(|block| block.backing.as_deref());
            match table.or(backing) {
                Some(below) => at = below,
                None => return,
            }
        }
    }

    /// Why a block device is not changed.
    pub(super) fn of(&self, objects: &Objects, path: &str) -> Option<String> {
        let mut at = path;
        for _ in 0..=objects.len() {
            if let Some(why) = self.reasons.get(at) {
                return Some(why.clone());
            }
            let object = objects.get(at)?;
            let table = object.partition.as_ref().map(|partition| partition.table.as_str());
            at = table.or(object.block.as_ref().and_then(|block| block.backing.as_deref()))?;
        }
        None
    }

    /// Whether the system itself is on a block device.
    pub(super) fn is_system(&self, block: &Block) -> bool {
        self.system.contains_key(&block.number)
    }
}

/// Why the configuration protects a device.
fn configured(block: &Block, patterns: &[String]) -> Option<String> {
    let names = std::iter::once(&block.device).chain(&block.links);
    let pattern = patterns.iter().find(|pattern| names.clone().any(|name| fits(pattern, name)))?;
    Some(format!("the configuration protects {pattern}"))
}

/// Why a device is protected by what it is.
fn of_itself(block: &Block, built_in: bool) -> Option<String> {
    if block.hint_ignore {
        return Some("the system's rules hide it".to_owned());
    }
    // Every drive that is built in has this hint. On one that is not, somebody put it.
    if block.hint_system && !built_in {
        return Some("the system's rules call it the system's".to_owned());
    }
    block.read_only.then(|| "it is read-only".to_owned())
}
