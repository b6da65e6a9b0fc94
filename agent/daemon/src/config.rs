//! The configuration: `/etc/cwmpd/cwmpd.toml`, overlaid by `cwmpd.d/*.toml` in the order of their names.
//!
//! It gives factory values. What an ACS sets afterwards is in the store and wins, until a factory reset.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The largest configuration file that is read, in bytes.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The ACS and how to reach it.
    pub acs: AcsConfig,
    /// Periodic Inform.
    pub inform: InformConfig,
    /// The connection request listener.
    pub connection_request: ConnectionRequestConfig,
    /// The bus.
    pub bus: BusConfig,
    /// Where state is kept.
    pub store: StoreConfig,
    /// Plugins and their hosts.
    pub plugins: PluginsConfig,
    /// Who the device is.
    pub identity: IdentityConfig,
    /// What a reboot is.
    pub reboot: ActionConfig,
    /// What else a factory reset does besides dropping the store.
    pub factory_reset: ActionConfig,
    /// How a boot is recognised.
    pub boot: BootConfig,
}

/// The ACS and how to reach it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcsConfig {
    /// Factory value of `ManagementServer.URL`.
    pub url: String,
    /// Factory value of `ManagementServer.Username`; `{device}` in it is OUI-ProductClass-SerialNumber.
    pub username: String,
    /// Factory value of `ManagementServer.Password`.
    pub password: String,
    /// Files or folders with the certificates of trusted roots, PEM.
    pub trust: Vec<PathBuf>,
    /// The client certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the client certificate, PEM.
    pub key: Option<PathBuf>,
    /// Answer a Basic challenge without TLS.
    pub allow_basic_on_clear: bool,
    /// How long to wait for a reply, in seconds; at least 30.
    pub response_timeout: u64,
    /// The largest message accepted, in bytes; at least 32768.
    pub max_message: usize,
    /// Factory value of `ManagementServer.CWMPRetryMinimumWaitInterval`, in seconds.
    pub retry_minimum: u32,
    /// Factory value of `ManagementServer.CWMPRetryIntervalMultiplier`, in thousandths.
    pub retry_multiplier: u32,
}

impl Default for AcsConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            username: String::new(),
            password: String::new(),
            trust: vec![PathBuf::from("/etc/ssl/certs/ca-certificates.crt")],
            certificate: None,
            key: None,
            allow_basic_on_clear: false,
            response_timeout: 30,
            max_message: 8 * 1024 * 1024,
            retry_minimum: 5,
            retry_multiplier: 2000,
        }
    }
}

/// Periodic Inform.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InformConfig {
    /// Factory value of `ManagementServer.PeriodicInformEnable`.
    pub periodic: bool,
    /// Factory value of `ManagementServer.PeriodicInformInterval`, in seconds.
    pub interval: u32,
}

impl Default for InformConfig {
    fn default() -> Self {
        Self { periodic: true, interval: 86_400 }
    }
}

/// The connection request listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionRequestConfig {
    /// The address to listen on.
    pub listen: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The host in `ConnectionRequestURL`; empty means the address that faces the ACS.
    pub host: String,
    /// Factory value of `ManagementServer.ConnectionRequestUsername`.
    pub username: String,
    /// Factory value of `ManagementServer.ConnectionRequestPassword`.
    pub password: String,
    /// The least time between two accepted requests, in seconds.
    pub minimum_interval: u64,
}

impl Default for ConnectionRequestConfig {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0".to_owned(),
            port: 7547,
            host: String::new(),
            username: String::new(),
            password: String::new(),
            minimum_interval: 1,
        }
    }
}

/// The bus.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// Address of the bus; empty means the system bus.
    pub address: String,
}

/// Where state is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The folder, on a partition that survives a reboot.
    pub folder: PathBuf,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { folder: PathBuf::from("/var/lib/cwmpd") }
    }
}

/// Who starts the plugin hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hosts {
    /// systemd where it runs, else the agent.
    #[default]
    Auto,
    /// systemd.
    Systemd,
    /// The agent.
    Spawn,
}

/// Plugins and their hosts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folders with manifests.
    pub folders: Vec<PathBuf>,
    /// The folder with `NAME.toml` overlays.
    pub overlays: PathBuf,
    /// The folder with the standard's data models.
    pub models: PathBuf,
    /// Who starts the hosts.
    pub hosts: Hosts,
    /// The host program.
    pub host: PathBuf,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            folders: vec![PathBuf::from("/usr/lib/cwmpd/plugins")],
            overlays: PathBuf::from("/etc/cwmpd/plugins"),
            models: PathBuf::from("/usr/share/cwmpd/models"),
            hosts: Hosts::Auto,
            host: PathBuf::from("/usr/libexec/cwmp-plugin-host"),
        }
    }
}

/// Where the identity comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// A TOML file.
    pub file: PathBuf,
    /// A command that prints the same TOML; it is used where the file is absent.
    pub command: Vec<String>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { file: PathBuf::from("/etc/cwmpd/identity.toml"), command: Vec::new() }
    }
}

/// A command that an RPC runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionConfig {
    /// The program and its arguments; empty means that the device cannot do it.
    pub command: Vec<String>,
}

/// How a boot is recognised.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootConfig {
    /// A file whose content changes with every boot.
    pub id_file: PathBuf,
    /// A file that exists when the clock can be trusted; empty means that a plausible date is enough.
    pub clock_file: PathBuf,
}

impl Default for BootConfig {
    fn default() -> Self {
        Self { id_file: PathBuf::from("/proc/sys/kernel/random/boot_id"), clock_file: PathBuf::new() }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {file}: {error}", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is larger than [`MAX_FILE`].
    #[error("{file} is larger than {MAX_FILE} bytes", file = .0.display())]
    TooLarge(PathBuf),
    /// A file is no TOML, or says something unknown.
    #[error("{file}: {error}", file = file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// Where and what.
        error: toml::de::Error,
    },
}

impl Config {
    /// Reads `file` and the overlays in the folder `cwmpd.d` beside it.
    ///
    /// A missing main file is an error, a missing folder is not.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let mut merged = read_table(file)?;
        let folder = file.with_file_name("cwmpd.d");
        let mut overlays: Vec<PathBuf> = match std::fs::read_dir(&folder) {
            Ok(entries) => entries.filter_map(|e| Some(e.ok()?.path())).collect(),
            Err(_) => Vec::new(),
        };
        overlays.retain(|p| p.extension().is_some_and(|e| e == "toml"));
        overlays.sort();
        for overlay in &overlays {
            merge(&mut merged, read_table(overlay)?);
        }
        merged.try_into().map_err(|error| ConfigError::Parse { file: file.to_owned(), error })
    }
}

/// Reads a small TOML file.
pub(crate) fn read_table(file: &Path) -> Result<toml::Table, ConfigError> {
    let read = |error| ConfigError::Read { file: file.to_owned(), error };
    if std::fs::metadata(file).map_err(read)?.len() > MAX_FILE {
        return Err(ConfigError::TooLarge(file.to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(read)?;
    text.parse().map_err(|error| ConfigError::Parse { file: file.to_owned(), error })
}

/// Puts `over` on top of `base`: tables are merged, everything else is replaced.
fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_replaces_single_values() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("cwmpd.toml");
        std::fs::write(&main, "[acs]\nurl = 'http://a/'\nusername = 'u'\n").unwrap();
        std::fs::create_dir(folder.path().join("cwmpd.d")).unwrap();
        std::fs::write(folder.path().join("cwmpd.d/20.toml"), "[acs]\nurl = 'http://c/'\n").unwrap();
        std::fs::write(folder.path().join("cwmpd.d/10.toml"), "[acs]\nurl = 'http://b/'\n").unwrap();
        std::fs::write(folder.path().join("cwmpd.d/30.txt"), "not toml").unwrap();
        let config = Config::load(&main).unwrap();
        assert_eq!(config.acs.url, "http://c/");
        assert_eq!(config.acs.username, "u");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("cwmpd.toml");
        std::fs::write(&main, "[acs]\nulr = 'http://a/'\n").unwrap();
        let error = Config::load(&main).unwrap_err().to_string();
        assert!(error.contains("ulr"), "{error}");
    }

    #[test]
    fn a_configuration_file_has_a_largest_size() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("cwmpd.toml");
        std::fs::write(&main, vec![b'#'; usize::try_from(MAX_FILE).unwrap() + 1]).unwrap();
        assert!(matches!(Config::load(&main), Err(ConfigError::TooLarge(_))));
    }
}
