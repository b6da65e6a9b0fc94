//! Where things are: the kit, the tables of the standard, the new folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cwmp_model::standard::Library;

use crate::cli::{NewPluginArguments, MODELS};
use crate::error::CtlError;

/// What shows that a folder has the sources of cwmpd.
const KIT: &str = "plugins/sdk/Cargo.toml";
/// Where the sources have the tables of the standard.
const KIT_MODELS: &str = "agent/model/models";

/// Where everything is.
#[derive(Debug)]
pub(super) struct Place {
    /// The sources of cwmpd, if they were found.
    pub(super) kit: Option<PathBuf>,
    /// The tables of the standard.
    pub(super) library: Library,
    /// Where they are.
    pub(super) models: PathBuf,
    /// The folder to make.
    pub(super) folder: PathBuf,
}

/// A file to be written; its path is below the new folder.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl Place {
    /// Looks for everything.
    pub(super) fn find(arguments: &NewPluginArguments) -> Result<Self, CtlError> {
        let kit = match &arguments.kit {
            Some(kit) if kit.join(KIT).is_file() => Some(kit.canonicalize()?),
            Some(kit) => {
                let text = format!("{} has no {KIT}: --kit names the sources of cwmpd", kit.display());
                return Err(CtlError::Usage(text));
            }
            None => around(std::env::current_dir().ok()).or_else(|| around(std::env::current_exe().ok())),
        };
        let of_kit = kit.as_ref().map(|kit| kit.join(KIT_MODELS)).filter(|models| models.is_dir());
        let models = arguments.models.clone().or(of_kit).unwrap_or_else(|| MODELS.into());
        let wrong = |error| CtlError::no_models(&error);
        let library = Library::open(&models).map_err(wrong)?;
        let models = models.canonicalize()?;
        let folder = arguments.folder.clone().unwrap_or_else(|| arguments.name.clone().into());
        Ok(Self { kit, library, models, folder })
    }

    /// The sources, where nothing can be done without.
    pub(super) fn kit(&self) -> Result<&Path, CtlError> {
        let text = "a plugin in Rust is built with the sources of cwmpd: --kit names their folder";
        self.kit.as_deref().ok_or_else(|| CtlError::Usage(text.to_owned()))
    }
}

/// The sources that a folder or a file lies in.
fn around(path: Option<PathBuf>) -> Option<PathBuf> {
    path?.ancestors().find(|folder| folder.join(KIT).is_file()).map(Path::to_owned)
}

/// Writes the files into a folder that is new or empty.
pub(super) fn write(folder: &Path, files: &[File]) -> Result<(), CtlError> {
    let failed = |path: &Path, error: &std::io::Error| {
        CtlError::Io(std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    };
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            let text = format!("{} is not empty, and nothing is overwritten", folder.display());
            return Err(CtlError::Usage(text));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(folder, &error)),
    }
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| failed(parent, &e))?;
        }
        // The folder was empty a moment ago; what somebody else put there since stays.
        let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        new.and_then(|mut new| new.write_all(file.text.as_bytes())).map_err(|e| failed(&path, &e))?;
    }
    Ok(())
}
