//! Memory that keeps what it holds: the file system that state lies on.

use std::path::PathBuf;

use cwmp_plugin_sdk::Error;
use nix::sys::statfs::{self, FsType};

use crate::files::Files;

/// What lies on these is gone after a reboot: tmpfs, and `RAMFS_MAGIC` of linux/magic.h.
const VOLATILE: [FsType; 2] = [statfs::TMPFS_MAGIC, RAMFS];
/// The kernel gives the number in a word, which is as wide as the machine's.
#[allow(clippy::cast_lossless, clippy::cast_possible_wrap)]
const RAMFS: FsType = FsType(0x8584_58f6_u32 as _);

/// The file system of a folder.
#[derive(Debug)]
pub(crate) struct Persistent {
    folder: PathBuf,
}

/// In KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    pub(crate) total: u32,
    pub(crate) free: u32,
}

impl Persistent {
    /// `None` if the folder is not there, or on a file system that keeps nothing.
    pub(crate) fn find(files: &Files, folder: &str) -> Option<Self> {
        let folder = files.path(folder);
        let kind = statfs::statfs(&folder).ok()?.filesystem_type();
        (!VOLATILE.contains(&kind)).then_some(Self { folder })
    }

    pub(crate) fn space(&self) -> Result<Space, Error> {
        let about = statfs::statfs(&self.folder);
        let about = about.map_err(|e| Error::internal(format!("{}: {e}", self.folder.display())))?;
        let block = u64::try_from(about.block_size()).unwrap_or(0);
        // Four TiB and more are told as just below.
        let kib = |blocks: u64| u32::try_from(blocks.saturating_mul(block) / 1_024).unwrap_or(u32::MAX);
        // What those without privileges may still use.
        Ok(Space { total: kib(about.blocks()), free: kib(about.blocks_available()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_in_memory_keeps_nothing() {
        let files = Files::new("/");
        assert!(Persistent::find(&files, "/no/such/folder").is_none());
        assert!(Persistent::find(&files, "/dev/shm").is_none());
        // The sources are on a disk.
        let space = Persistent::find(&files, env!("CARGO_MANIFEST_DIR")).unwrap().space().unwrap();
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
    }
}
