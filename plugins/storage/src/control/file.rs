use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::back_end::Failure;

/// The first line of every file that we make. A file without it is somebody else's, and is left alone.
const MARK: &str = "# Made by the storage plugin of cwmpd; what is changed here is lost.\n";
/// The most of a file that is read.
const MAX_FILE: u64 = 1024 * 1024;

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Refused(format!("{}: {error}", path.display()))
}

/// What a file of ours says, without its mark; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Failure> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_FILE).read_to_end(&mut text).map_err(|error| refused(path, &error))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(path, &error)),
    };
    let text = String::from_utf8_lossy(&text);
    match text.strip_prefix(MARK) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Failure::Refused(format!("{} is not ours", path.display()))),
    }
}

/// Makes a file say this, at once or not at all; tells whether it said something else before.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<bool, Failure> {
    if read(path)?.as_deref() == Some(text) {
        return Ok(false);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    let write = || -> std::io::Result<()> {
        match std::fs::remove_file(beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(beside)?;
        file.write_all(MARK.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        std::fs::rename(beside, path)
    };
    write().map_err(|error| refused(path, &error))?;
    Ok(true)
}

/// Removes a file, if it is there and ours.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    if read(path)?.is_none() {
        return Ok(());
    }
    std::fs::remove_file(path).map_err(|error| refused(path, &error))
}

/// Makes a folder with exactly these permissions.
pub(crate) fn folder(path: &Path, mode: u32) -> Result<(), Failure> {
    let make = || -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(mode))
    };
    make().map_err(|error| refused(path, &error))
}
