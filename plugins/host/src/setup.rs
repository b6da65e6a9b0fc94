//! From a name or a file to everything that a plugin is started with.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cwmp_bus::manifest::{Deadlines, Manifest};

use crate::engine::Parts;
use crate::error::HostError;
use crate::library::Library;
use crate::numbers::Numbers;
use crate::store::Store;

/// What a manifest, an overlay and a folder say, before anything is loaded.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) manifest: Option<Manifest>,
    pub(crate) library: PathBuf,
}

impl Setup {
    /// From the manifest of a name.
    pub(crate) fn of_name(name: &str, manifests: &[PathBuf], overlays: &Path) -> Result<Self, HostError> {
        Self::of_manifest(Manifest::find(name, manifests)?, overlays)
    }

    /// From a file: a manifest if it ends in `.toml`, otherwise a library.
    pub(crate) fn of_file(file: &Path, overlays: &Path) -> Result<Self, HostError> {
        if file.extension().is_some_and(|e| e == "toml") {
            Self::of_manifest(Manifest::load(file)?, overlays)
        } else {
            Ok(Self { manifest: None, library: file.to_owned() })
        }
    }

    fn of_manifest(mut manifest: Manifest, overlays: &Path) -> Result<Self, HostError> {
        manifest.overlay(overlays)?;
        let library = manifest.library.clone().ok_or_else(|| HostError::NoLibrary(manifest.name.clone()))?;
        Ok(Self { manifest: Some(manifest), library })
    }

    /// Loads the library. `state` is the plugin's own folder; without one nothing is kept.
    pub(crate) fn load(&self, state: Option<&Path>, numbers: Numbers) -> Result<Parts, HostError> {
        let library = Library::load(&self.library)?;
        let config = self.manifest.as_ref().map_or_else(|| "{}".to_owned(), |m| json(&m.config).to_string());
        Ok(Parts {
            library,
            roots: self.manifest.as_ref().map(|m| m.roots.clone()),
            deadlines: self.manifest.as_ref().map_or_else(Deadlines::default, |m| m.deadlines),
            config,
            store: Store::new(state),
            numbers,
        })
    }
}

/// A plugin's own folder below the folder of state, made when it is missing, and closed to others. Without it nothing can
/// be kept, and the log says so.
pub(crate) fn state_folder(state: &Path, name: &str) -> Option<PathBuf> {
    let folder = state.join(name);
    match std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        Ok(()) => {
            close(&folder);
            Some(folder)
        }
        Err(error) => {
            tracing::error!("{}: {error}; what the plugin stores will not survive", folder.display());
            None
        }
    }
}

/// Takes from others what they may do with a file or a folder: secrets are kept in it. One that was restored from a backup,
/// or made by hand, may be open.
pub(crate) fn close(place: &Path) {
    let closed = std::fs::metadata(place).and_then(|about| {
        let mut rights = about.permissions();
        let own = rights.mode() & !0o077;
        if rights.mode() == own {
            return Ok(());
        }
        rights.set_mode(own);
        std::fs::set_permissions(place, rights)
    });
    if let Err(error) = closed {
        tracing::error!("{} is open to others, and stays so: {error}", place.display());
    }
}

fn json(table: &toml::Table) -> serde_json::Value {
    table.iter().map(|(key, value)| (key.clone(), json_of(value))).collect()
}

fn json_of(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(all) => all.iter().map(json_of).collect(),
        toml::Value::Table(table) => json(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(place: &Path) -> u32 {
        std::fs::metadata(place).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_folder_of_a_plugin_is_its_own() {
        let state = tempfile::tempdir().unwrap();
        let folder = state_folder(&state.path().join("deep"), "lamp").unwrap();
        assert_eq!(mode(&folder), 0o700);
        // What was made by somebody else is closed; what is above is no business of a host.
        let open = |place: &Path| {
            std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        open(&folder);
        open(state.path());
        state_folder(&state.path().join("deep"), "lamp").unwrap();
        assert_eq!((mode(&folder), mode(state.path())), (0o700, 0o755));
        std::fs::write(state.path().join("file"), "").unwrap();
        assert_eq!(state_folder(&state.path().join("file"), "lamp"), None);
    }

    #[test]
    fn a_configuration_becomes_json() {
        let table: toml::Table =
            toml::from_str("a = 1\nb = 'x\"y'\nc = [true, 1.5]\nd = 2024-01-02\n[e]\nf = ''\n").unwrap();
        let text = json(&table).to_string();
        assert_eq!(text, r#"{"a":1,"b":"x\"y","c":[true,1.5],"d":"2024-01-02","e":{"f":""}}"#);
    }
}
