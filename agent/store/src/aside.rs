//! The files: made with the right modes, and moved aside when they are damaged.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How many damaged files are kept for whoever wants to look.
const KEPT: usize = 2;

/// Only the agent reads the store: it has secrets.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Makes the directory and the file when they are not there, and takes the file from everyone else's eyes.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    let directory = directory(path);
    if !directory.exists() {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
        sync(directory.parent());
    }
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(_) => {
            sync(Some(directory));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            for suffix in ["", "-wal", "-shm"] {
                restrict(&with_suffix(path, suffix));
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Renames the file to `NAME.corrupt-N`, its log with it, and removes the oldest beyond [`KEPT`].
pub(crate) fn move_away(path: &Path) -> io::Result<PathBuf> {
    let mut numbers = numbers(path);
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    let target = numbered(path, next);
    // The file first: SQLite drops a log that it finds without a file, and never the other way round.
    fs::rename(path, &target)?;
    if let Err(error) = fs::rename(with_suffix(path, "-wal"), with_suffix(&target, "-wal")) {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
    }
    remove(&with_suffix(path, "-shm"));
    numbers.push(next);
    for number in numbers.iter().rev().skip(KEPT) {
        remove_numbered(path, *number);
    }
    sync(Some(directory(path)));
    Ok(target)
}

/// Removes every file that was moved aside: they have secrets too.
pub(crate) fn remove_all(path: &Path) {
    for number in numbers(path) {
        remove_numbered(path, number);
    }
}

/// The path with something appended to its last part.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    with_suffix(path, &format!(".corrupt-{number}"))
}

fn remove_numbered(path: &Path, number: u32) {
    let file = numbered(path, number);
    for suffix in ["-wal", "-shm", ""] {
        remove(&with_suffix(&file, suffix));
    }
}

/// The numbers of the files that were moved aside, ascending.
fn numbers(path: &Path) -> Vec<u32> {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else {
        return Vec::new();
    };
    let prefix = format!("{name}.corrupt-");
    let mut numbers: Vec<u32> = fs::read_dir(directory(path))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn restrict(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.is_file() && metadata.permissions().mode() & 0o777 != FILE_MODE {
        if let Err(error) = fs::set_permissions(path, Permissions::from_mode(FILE_MODE)) {
            tracing::warn!(%error, path = %path.display(), "the store stays readable for others, ignoring");
        }
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "a file of the store stays behind, ignoring");
        }
        _ => {}
    }
}

/// Makes names durable. A file system that cannot sync a directory has no better to offer.
fn sync(directory: Option<&Path>) {
    if let Some(directory) = directory {
        if let Err(error) = File::open(directory).and_then(|directory| directory.sync_all()) {
            tracing::debug!(%error, "the store's directory is not synced, ignoring");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_moves_with_its_file_and_is_removed_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        for round in 1..=3 {
            for suffix in ["", "-wal", "-shm"] {
                fs::write(with_suffix(&path, suffix), format!("{round}{suffix}")).unwrap();
            }
            let target = move_away(&path).unwrap();
            assert_eq!(fs::read_to_string(with_suffix(&target, "-wal")).unwrap(), format!("{round}-wal"));
            assert_eq!(fs::read_to_string(&target).unwrap(), round.to_string());
        }
        let left = || fs::read_dir(directory.path()).unwrap().count();
        assert_eq!((numbers(&path), left()), (vec![2, 3], 4));
        remove_all(&path);
        assert_eq!(left(), 0);
    }
}
