//! The files of models on the disk: the one place of this crate that reads any.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::file::{malformed, MAX_FILE};
use super::LibraryError;

/// A model's file, open, and where its profiles are.
#[derive(Debug)]
pub(super) struct Disk {
    model: File,
    profiles: PathBuf,
    shown: String,
}

/// The `*.model` files of a folder.
pub(super) fn models(folder: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let read = |error| LibraryError::Read { file: folder.display().to_string(), error };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|e| e == "model") {
            paths.push(path);
        }
    }
    Ok(paths)
}

impl Disk {
    /// Opens a model; its length too.
    pub(super) fn open(path: &Path) -> Result<(Self, u64), LibraryError> {
        let shown = path.display().to_string();
        let read = |error| LibraryError::Read { file: shown.clone(), error };
        let model = File::open(path).map_err(read)?;
        let len = model.metadata().map_err(read)?.len();
        Ok((Self { model, profiles: path.with_extension("profiles"), shown }, len))
    }

    /// Up to `count` bytes of the model from a place; none at the end.
    pub(super) fn bytes(&self, at: u64, count: usize) -> Result<Vec<u8>, LibraryError> {
        let mut bytes = vec![0; count];
        loop {
            match self.model.read_at(&mut bytes, at) {
                Ok(read) => {
                    bytes.truncate(read);
                    return Ok(bytes);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(LibraryError::Read { file: self.shown.clone(), error }),
            }
        }
    }

    /// The name of the file of profiles and its content; `None` if there is no such file.
    pub(super) fn profiles(&self) -> Result<Option<(String, Vec<u8>)>, LibraryError> {
        let shown = self.profiles.display().to_string();
        let read = |error| LibraryError::Read { file: shown.clone(), error };
        match fs::metadata(&self.profiles) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(read(error)),
            Ok(found) if found.len() > MAX_FILE => Err(malformed(&shown, 0, "it is too long")),
            Ok(_) => {
                let text = fs::read(&self.profiles).map_err(read)?;
                Ok(Some((shown, text)))
            }
        }
    }
}
