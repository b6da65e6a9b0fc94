//! What is mounted for people, not for the system: UDisks2 mounted it, or the configuration says that such a device is removable.
//!
//! The place alone says nothing: images have partitions of their own below `/media`, too, which units and scripts mount.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::objects::Objects;
use super::pattern::fits;
use super::system::System;

/// Where UDisks2 mounts. What is mounted elsewhere was mounted by the system, for the system.
const PLACES: [&str; 2] = ["/media", "/run/media"];

/// What the configuration says of devices, as patterns such as `/dev/mmcblk0*`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// They are never changed.
    pub(crate) protect: Vec<String>,
    /// What is mounted from them where media are is no part of the system, whoever mounted it.
    pub(crate) removable: Vec<String>,
}

/// Knows what is mounted for people.
#[derive(Debug)]
pub(super) struct Media<'a> {
    system: &'a System,
    /// Where UDisks2 mounted something.
    places: BTreeSet<PathBuf>,
    removable: BTreeSet<u64>,
}

impl<'a> Media<'a> {
    /// Looks at everything once.
    pub(super) fn find(objects: &Objects, system: &'a System, rules: &Rules) -> Self {
        let blocks = objects.values().filter_map(|object| object.block.as_ref());
        let removable = blocks.filter(|block| {
            let mut names = std::iter::once(&block.device).chain(&block.links);
            names.any(|name| rules.removable.iter().any(|pattern| fits(pattern, name)))
        });
        let removable = removable.map(|block| block.number).collect();
        Self { system, places: system.by_udisks(), removable }
    }

    /// Whether that is what is mounted there from this device; else the system needs it.
    pub(super) fn has(&self, device: u64, place: &Path) -> bool {
        PLACES.iter().any(|media| place != Path::new(media) && place.starts_with(media))
            && (self.places.contains(place) || !self.system.below(device).is_disjoint(&self.removable))
    }
}
