//! What can go wrong before a plugin serves.

use std::path::PathBuf;

use cwmp_bus::manifest::ManifestError;
use cwmp_plugin_abi::{status, Status};

use crate::exit::Exit;

/// Why the host gives up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The command line is wrong.
    #[error("{0}; see --help")]
    Usage(String),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest names no library: a daemon serves the interface itself.
    #[error("the manifest of '{0}' names no library")]
    NoLibrary(String),
    /// There is no library.
    #[error("there is no library {file}: a manifest names it absolutely, or it lies beside the manifest", file = .0.display())]
    NoFile(PathBuf),
    /// The library cannot be loaded.
    #[error("cannot load {file}: {error}", file = file.display())]
    Load {
        /// The file.
        file: PathBuf,
        /// Why.
        error: libloading::Error,
    },
    /// What the library exports is no plugin for this host.
    #[error("{file} is no plugin for this host: {why}", file = file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The plugin refused to start.
    #[error("{call}() answered {status}{}; what it logs says why", constant(*status))]
    Start {
        /// Which call.
        call: &'static str,
        /// Its status.
        status: i32,
    },
    /// A call of the start did not return within the hard limit.
    #[error("the plugin did not start within {0} s")]
    StuckAtStart(u64),
    /// The plugin's thread cannot be made, or ended.
    #[error("no thread for the plugin: {0}")]
    Thread(String),
    /// Nothing of what the plugin describes can be served.
    #[error("nothing of what the plugin describes can be served: {0}")]
    NothingToServe(String),
    /// The bus cannot be reached.
    #[error("the bus cannot be reached: {0}; --bus names another one, --check and --call need none")]
    Bus(zbus::Error),
    /// Somebody else has the bus name.
    #[error("{0} has an owner already")]
    NameTaken(String),
    /// Core dumps, which may have secrets, cannot be forbidden.
    #[error("core dumps cannot be forbidden: {0}; --core-dumps allows them")]
    CoreDumps(nix::errno::Errno),
    /// The program that does what needs no bus cannot be started.
    #[error("--check and --call need {program}, which cannot be started: {error}", program = program.display())]
    NotTried {
        /// The program.
        program: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The runtime cannot be made.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

/// The name of a status in the header, where it has one.
fn constant(status: Status) -> &'static str {
    match status {
        status::E_INTERNAL => " (CWMP_E_INTERNAL)",
        status::E_DENIED => " (CWMP_E_DENIED)",
        status::E_ARGUMENTS => " (CWMP_E_ARGUMENTS)",
        status::E_RESOURCES => " (CWMP_E_RESOURCES)",
        status::E_NAME => " (CWMP_E_NAME)",
        status::E_UNSUPPORTED => " (CWMP_E_UNSUPPORTED)",
        status::E_BUSY => " (CWMP_E_BUSY)",
        _ => "",
    }
}

impl HostError {
    /// The exit code that tells it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Manifest(_) | Self::NoLibrary(_) => Exit::Manifest,
            Self::Bus(_) => Exit::BusGone,
            Self::NameTaken(_) => Exit::NameTaken,
            Self::StuckAtStart(_) => Exit::PluginStuck,
            Self::Runtime(_) | Self::CoreDumps(_) | Self::NotTried { .. } => Exit::Failed,
            _ => Exit::Plugin,
        }
    }
}
