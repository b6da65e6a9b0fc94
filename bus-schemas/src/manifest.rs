//! Manifests of plugins: `NAME.toml` beside the library. The agent trusts them, the host loads what they name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::names;

/// The largest manifest that is read, in bytes.
pub const MAX_MANIFEST: u64 = 256 * 1024;
/// The longest time that a command may be given, in milliseconds: a week.
pub const MAX_INVOKE_MS: u64 = 7 * 24 * 3_600_000;
/// The most roots of one plugin.
pub const MAX_ROOTS: usize = 64;

/// What a manifest says. `docs/configuration.md` is made from the comments of its keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The provider's name: the last element of its bus name, and the name of the file.
    ///
    /// Letters, digits and `_`.
    pub name: String,
    /// The library; a relative path starts at the manifest's folder. Left out for a daemon that serves the interface itself.
    #[serde(default)]
    pub library: Option<PathBuf>,
    /// The objects, tables and parameters that it may own. The longest root owns a path; equal ones are refused.
    ///
    /// 1 to 64, below `Device.`
    pub roots: Vec<String>,
    /// The versions of the standard's models that it follows where there are several: `VoiceService:1.1`. Otherwise the newest.
    #[serde(default)]
    pub models: Vec<String>,
    /// The user that owns its bus name, and runs its host where the agent is root or systemd starts it.
    #[serde(default)]
    pub user: Option<String>,
    /// How long the host waits for the plugin.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// What the plugin gets as its configuration; its own documentation has the keys. `NAME.toml` in the folder of overlays may
    /// have this table and no other: its values replace single ones, lists as a whole.
    #[serde(default)]
    pub config: toml::Table,
}

/// How long calls may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// Get and Instances; then the answer is fault 9002.
    ///
    /// Milliseconds, 1 to `hard_ms`.
    pub get_ms: u64,
    /// Prepare; then the write is refused.
    ///
    /// Milliseconds, 1 to `hard_ms`.
    pub prepare_ms: u64,
    /// Commit, Rollback, Finish, Apply and Notice.
    ///
    /// Milliseconds, 1 to `hard_ms`.
    pub commit_ms: u64,
    /// A plugin thread that is stuck for so long takes its host down.
    ///
    /// Milliseconds, not less than the three above.
    pub hard_ms: u64,
    /// How long a command may run before it is cancelled.
    ///
    /// Milliseconds, 1 to 604800000.
    pub invoke_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { get_ms: 2_000, prepare_ms: 5_000, commit_ms: 10_000, hard_ms: 20_000, invoke_ms: 3_600_000 }
    }
}

impl Deadlines {
    /// For Get and Instances.
    pub fn get(self) -> Duration {
        Duration::from_millis(self.get_ms)
    }

    /// For Prepare.
    pub fn prepare(self) -> Duration {
        Duration::from_millis(self.prepare_ms)
    }

    /// For Commit, Rollback, Finish, Apply and Notice.
    pub fn commit(self) -> Duration {
        Duration::from_millis(self.commit_ms)
    }

    /// For a command, after which it is cancelled.
    pub fn invoke(self) -> Duration {
        Duration::from_millis(self.invoke_ms)
    }

    /// After which the host ends itself.
    pub fn hard(self) -> Duration {
        Duration::from_millis(self.hard_ms)
    }
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read {file}: {error}", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is larger than [`MAX_MANIFEST`].
    #[error("{file} is larger than {MAX_MANIFEST} bytes", file = .0.display())]
    TooLarge(PathBuf),
    /// The file is no TOML, or says something unknown.
    #[error("{file}: {error}", file = file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// Where and what.
        error: toml::de::Error,
    },
    /// No folder has a manifest of this name.
    #[error("there is no {name}.toml in {folders}")]
    Missing {
        /// The plugin.
        name: String,
        /// Where it was looked for.
        folders: String,
    },
    /// What it says does not fit together.
    #[error("{file}: {why}", file = file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// What `/etc/cwmpd/plugins/NAME.toml` may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    #[serde(default)]
    config: toml::Table,
}

impl Manifest {
    /// Reads the manifest of a plugin from the first folder that has one.
    pub fn find(name: &str, folders: &[PathBuf]) -> Result<Self, ManifestError> {
        let missing = || {
            let folders: Vec<_> = folders.iter().map(|f| f.display().to_string()).collect();
            ManifestError::Missing { name: name.to_owned(), folders: folders.join(", ") }
        };
        if names::provider_service(name).is_none() {
            return Err(missing());
        }
        let file = folders.iter().map(|f| f.join(format!("{name}.toml"))).find(|f| f.exists());
        Self::load(&file.ok_or_else(missing)?)
    }

    /// Lays the `[config]` of `FOLDER/NAME.toml`, if there is such a file, over that of the manifest: tables are merged,
    /// everything else is replaced.
    pub fn overlay(&mut self, folder: &Path) -> Result<(), ManifestError> {
        let file = folder.join(format!("{}.toml", self.name));
        if !file.exists() {
            return Ok(());
        }
        let overlay: Overlay = toml::from_str(&read(&file)?)
            .map_err(|error| ManifestError::Parse { file: file.clone(), error })?;
        merge(&mut self.config, overlay.config);
        Ok(())
    }

    /// Reads a manifest. Its library is an absolute path afterwards, if `file` is one.
    pub fn load(file: &Path) -> Result<Self, ManifestError> {
        let mut manifest: Self = toml::from_str(&read(file)?)
            .map_err(|error| ManifestError::Parse { file: file.to_owned(), error })?;
        if let Some(why) = manifest.fault(file) {
            return Err(ManifestError::Wrong { file: file.to_owned(), why });
        }
        if let Some(library) = &mut manifest.library {
            if let Some(folder) = file.parent() {
                *library = folder.join(&*library);
            }
        }
        Ok(manifest)
    }

    fn fault(&self, file: &Path) -> Option<String> {
        if names::provider_service(&self.name).is_none() {
            return Some(format!("'{}' is no name of a plugin: letters, digits and '_'", self.name));
        }
        if file.file_stem().is_none_or(|stem| stem != self.name.as_str()) {
            return Some(format!("the file of '{0}' must be called {0}.toml", self.name));
        }
        if self.roots.is_empty() || self.roots.len() > MAX_ROOTS {
            return Some(format!("a plugin has 1 to {MAX_ROOTS} roots"));
        }
        let bad = |root: &&String| {
            !root.starts_with("Device.") || root.as_str() == "Device." || root.ends_with("{i}")
        };
        if let Some(root) = self.roots.iter().find(bad) {
            return Some(format!("'{root}' is no root: an object, a table or a parameter below Device."));
        }
        let d = self.deadlines;
        if [d.get_ms, d.prepare_ms, d.commit_ms].iter().any(|ms| *ms == 0 || *ms > d.hard_ms) {
            return Some("deadlines are more than 0 and at most hard_ms".to_owned());
        }
        if d.invoke_ms == 0 || d.invoke_ms > MAX_INVOKE_MS {
            return Some(format!("invoke_ms is more than 0 and at most {MAX_INVOKE_MS}"));
        }
        None
    }

    /// The manifests of the folders, by file name; a name in an earlier folder hides the same name in a later one.
    pub fn load_all(folders: &[PathBuf]) -> Vec<Result<Self, ManifestError>> {
        let mut seen = std::collections::BTreeSet::new();
        let mut all = Vec::new();
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
            files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
            files.sort();
            for file in files {
                if seen.insert(file.file_name().map(std::ffi::OsStr::to_owned)) {
                    all.push(Self::load(&file));
                }
            }
        }
        all
    }
}

fn read(file: &Path) -> Result<String, ManifestError> {
    let read = |error| ManifestError::Read { file: file.to_owned(), error };
    if std::fs::metadata(file).map_err(read)?.len() > MAX_MANIFEST {
        return Err(ManifestError::TooLarge(file.to_owned()));
    }
    std::fs::read_to_string(file).map_err(read)
}

fn merge(below: &mut toml::Table, above: toml::Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, text: &str) -> Result<Manifest, ManifestError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        Manifest::load(&file)
    }

    #[test]
    fn a_manifest_names_library_roots_and_deadlines() {
        let text = "name = 'demo'\nlibrary = 'libcwmp_demo.so'\nroots = ['Device.X_A.']\n[deadlines]\nget_ms = 100\n[config]\na = 1\n";
        let manifest = load("demo.toml", text).unwrap();
        assert!(manifest.library.as_ref().unwrap().is_absolute());
        assert_eq!(manifest.deadlines, Deadlines { get_ms: 100, ..Deadlines::default() });
        assert_eq!(manifest.config["a"].as_integer(), Some(1));
    }

    #[test]
    fn a_wrong_manifest_is_refused_with_the_reason() {
        let good = "name = 'demo'\nroots = ['Device.X_A.']\n";
        assert!(load("demo.toml", good).is_ok());
        let cases = [
            ("other.toml", good.to_owned(), "must be called"),
            ("demo.toml", good.replace("Device.X_A.", "Device."), "no root"),
            ("demo.toml", good.replace("['Device.X_A.']", "[]"), "1 to 64 roots"),
            ("a.b.toml", good.replace("demo", "a.b"), "no name"),
            ("demo.toml", format!("{good}rots = []\n"), "rots"),
            ("demo.toml", format!("{good}deadlines = {{ get_ms = 0 }}\n"), "deadlines"),
            (
                "demo.toml",
                format!("{good}deadlines = {{ invoke_ms = {} }}\n", MAX_INVOKE_MS + 1),
                "invoke_ms",
            ),
        ];
        for (file, text, why) in cases {
            let error = load(file, &text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let large = format!("{good}#{}", "x".repeat(usize::try_from(MAX_MANIFEST).unwrap()));
        assert!(matches!(load("demo.toml", &large), Err(ManifestError::TooLarge(_))));
    }

    #[test]
    fn the_first_folder_with_the_name_counts() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [first.path().to_owned(), second.path().to_owned()];
        let error = Manifest::find("demo", &folders).unwrap_err().to_string();
        assert!(error.contains("no demo.toml"), "{error}");
        assert!(Manifest::find("../demo", &folders).is_err());
        let write = |folder: &tempfile::TempDir, root: &str| {
            std::fs::write(folder.path().join("demo.toml"), format!("name = 'demo'\nroots = ['{root}']\n"))
                .unwrap();
        };
        write(&second, "Device.X_B.");
        assert_eq!(Manifest::find("demo", &folders).unwrap().roots, ["Device.X_B."]);
        write(&first, "Device.X_A.");
        assert_eq!(Manifest::find("demo", &folders).unwrap().roots, ["Device.X_A."]);
    }

    #[test]
    fn an_overlay_merges_tables_and_replaces_the_rest() {
        let text = "name = 'demo'\nroots = ['Device.X_A.']\n[config]\na = [1, 2]\n[config.t]\nb = 1\nc = 2\n";
        let mut manifest = load("demo.toml", text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        manifest.overlay(folder.path()).unwrap();
        let file = folder.path().join("demo.toml");
        std::fs::write(&file, "[config]\na = [3]\n[config.t]\nc = 'x'\nd = 4\n").unwrap();
        manifest.overlay(folder.path()).unwrap();
        let expected: toml::Table = toml::from_str("a = [3]\n[t]\nb = 1\nc = 'x'\nd = 4\n").unwrap();
        assert_eq!(manifest.config, expected);
        std::fs::write(&file, "roots = ['Device.']\n").unwrap();
        assert!(manifest.overlay(folder.path()).is_err());
    }
}
