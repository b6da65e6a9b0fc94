//! The volumes as rows: what the device has, what an ACS added, and which of them are one.

use std::collections::BTreeMap;
use std::path::Path;

use crate::facts::Volume;
use crate::row_id::RowId;
use crate::wish::{VolumeWish, Wishes};
use crate::world::World;

/// All volumes, in the order of their rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Tree {
    pub(crate) volumes: Vec<Node>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) id: RowId,
    /// `None`: it is to be made, or was pulled out.
    pub(crate) volume: Option<Volume>,
    pub(crate) wish: VolumeWish,
    /// The key of what was made for it, whether that is there or not.
    pub(crate) made: Option<String>,
}

impl Node {
    /// Where it is mounted.
    pub(crate) fn mount(&self) -> Option<&Path> {
        Some(self.volume.as_ref()?.mounts.first()?.as_path())
    }

    /// Whether it is to be mounted: what nobody said is as it is.
    pub(crate) fn enabled(&self) -> bool {
        match self.id {
            RowId::Found(_) => self.wish.enable.unwrap_or_else(|| self.mount().is_some()),
            RowId::Added(_) => self.wish.enable.unwrap_or(false),
        }
    }

    /// Why it is never changed.
    pub(crate) fn protected(&self) -> Option<&str> {
        self.volume.as_ref()?.protected.as_deref()
    }
}

impl Tree {
    /// Puts together what there is. `made`: the keys of the volumes that were made for rows. `hidden`: volumes that are no rows.
    pub(crate) fn build(
        world: &World,
        wishes: &Wishes,
        made: &BTreeMap<u32, String>,
        hidden: impl Fn(&Volume) -> bool,
    ) -> Self {
        let row_of = |key: &str| {
            let mut rows = made.iter().filter(|(_, made)| *made == key).map(|(row, _)| RowId::Added(*row));
            rows.find(|id| wishes.volumes.contains_key(id))
        };
        let wish = |id: &RowId| wishes.volumes.get(id).cloned().unwrap_or_default();
        let mut volumes: Vec<Node> = Vec::new();
        for volume in &world.volumes {
            if row_of(&volume.key).is_none() && !hidden(volume) {
                let id = RowId::Found(volume.key.clone());
                volumes.push(Node { wish: wish(&id), volume: Some(volume.clone()), made: None, id });
            }
        }
        for (id, wish) in &wishes.volumes {
            let RowId::Added(number) = id else { continue };
            let made = made.get(number).cloned();
            let volume = world.volumes.iter().find(|volume| Some(&volume.key) == made.as_ref());
            volumes.push(Node { id: id.clone(), volume: volume.cloned(), wish: wish.clone(), made });
        }
        Self { volumes }
    }

    /// A volume, by its row.
    pub(crate) fn volume(&self, id: &RowId) -> Option<&Node> {
        self.volumes.iter().find(|node| node.id == *id)
    }
}
