//! The configuration: `/etc/cwmpd/cwmpd.toml`, overlaid by `cwmpd.d/*.toml` in the order of their names.
//!
//! It gives factory values. What an ACS sets afterwards is in the store and wins, until a factory reset.
//!
//! `docs/configuration.md` is made from the comments here: the first paragraph of a key says what it is, the second its unit
//! and its range.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use cwmp_net::Url;
use serde::Deserialize;

/// The largest configuration file that is read, in bytes.
pub const MAX_FILE: u64 = 1024 * 1024;

/// How long a reply may be waited for, in seconds; the least is that of the standard (C22). A test of an ACS that hangs need
/// not take so long.
const RESPONSE_TIMEOUT: RangeInclusive<u64> = if cfg!(feature = "test-hooks") { 1..=3600 } else { 30..=3600 };
/// How large the largest message may be, in bytes.
const MAX_MESSAGE: RangeInclusive<usize> = 32_768..=67_108_864;
/// The range of `CWMPRetryMinimumWaitInterval` in the standard.
const RETRY_MINIMUM: RangeInclusive<u32> = 1..=65_535;
/// The range of `CWMPRetryIntervalMultiplier` in the standard.
const RETRY_MULTIPLIER: RangeInclusive<u32> = 1000..=65_535;
/// The range of `PeriodicInformInterval` in the standard.
const INTERVAL: RangeInclusive<u32> = 1..=u32::MAX;
/// The range of the time between two connection requests, in seconds.
const MINIMUM_INTERVAL: RangeInclusive<u64> = 0..=86_400;
/// The most characters of a user name or a password, as in the standard.
const MAX_CREDENTIAL: usize = 256;

/// The variable with the folder of state: the units of the agent and of all hosts have it, so it wins over `store.folder`.
pub const STATE: &str = "CWMP_STATE";

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
    /// Where the identity comes from.
    pub identity: IdentityConfig,
    /// What Reboot does.
    pub reboot: ActionConfig,
    /// What FactoryReset does beside forgetting.
    pub factory_reset: ActionConfig,
    /// How a boot is recognised.
    pub boot: BootConfig,
}

/// The ACS and how to reach it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcsConfig {
    /// Factory value of `ManagementServer.URL`. Empty: no ACS, until one is set.
    ///
    /// At most 2048 characters; `http` or `https`.
    pub url: String,
    /// Factory value of `ManagementServer.Username`. `{device}` in it stands for OUI-ProductClass-SerialNumber, or
    /// OUI-SerialNumber where the class is empty; what is neither letter nor digit is percent-encoded.
    ///
    /// At most 256 characters.
    pub username: String,
    /// Factory value of `ManagementServer.Password`.
    ///
    /// At most 256 characters; secret.
    pub password: String,
    /// Files, or folders of files, with the certificates of trusted roots. They are read at the first `https` session.
    ///
    /// PEM.
    pub trust: Vec<PathBuf>,
    /// The client certificate, with those between it and its root. It is read at the start of the agent.
    ///
    /// PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the client certificate; without this key it is in the file of the certificate.
    ///
    /// PEM; secret.
    pub key: Option<PathBuf>,
    /// Answer a Basic challenge of the configured ACS without TLS, so that everybody on the way can read the password.
    pub allow_basic_on_clear: bool,
    /// How long a reply is waited for.
    ///
    /// Seconds, 30 to 3600.
    pub response_timeout: u64,
    /// The largest message that is accepted.
    ///
    /// Bytes, 32768 to 67108864.
    pub max_message: usize,
    /// Factory value of `ManagementServer.CWMPRetryMinimumWaitInterval`.
    ///
    /// Seconds, 1 to 65535.
    pub retry_minimum: u32,
    /// Factory value of `ManagementServer.CWMPRetryIntervalMultiplier`.
    ///
    /// Thousandths, 1000 to 65535.
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
    /// Factory value of `ManagementServer.PeriodicInformInterval`.
    ///
    /// Seconds, 1 to 4294967295.
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
    /// The address to listen on; `0.0.0.0` is every IPv4 address of the device, `::` every address.
    ///
    /// IPv4 or IPv6.
    pub listen: IpAddr,
    /// The port to listen on; 0 lets the system choose one.
    ///
    /// 0 to 65535.
    pub port: u16,
    /// The host in `ConnectionRequestURL`. Empty: the address that faces the ACS.
    pub host: String,
    /// Factory value of `ManagementServer.ConnectionRequestUsername`. Without a name every request is refused.
    ///
    /// At most 256 characters.
    pub username: String,
    /// Factory value of `ManagementServer.ConnectionRequestPassword`.
    ///
    /// At most 256 characters; secret.
    pub password: String,
    /// The least time between two requests that are accepted.
    ///
    /// Seconds, 0 to 86400.
    pub minimum_interval: u64,
}

impl Default for ConnectionRequestConfig {
    fn default() -> Self {
        Self {
            listen: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
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
    /// The address of the bus. Empty: the system bus, or the one in `DBUS_SYSTEM_BUS_ADDRESS`.
    pub address: String,
}

/// Where state is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The folder of `cwmpd.db` and of the plugins' stores, on a partition that survives reboots and new images.
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
    /// systemd where `/run/systemd/system` is there, else the agent.
    #[default]
    Auto,
    /// systemd.
    Systemd,
    /// the agent.
    Spawn,
}

/// Plugins and their hosts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folders with manifests. A name in an earlier one hides the same name in a later one.
    pub folders: Vec<PathBuf>,
    /// The folder with `NAME.toml` files that overlay the `[config]` of manifests.
    pub overlays: PathBuf,
    /// The folder with the standard's data models. Without them the word of plugins counts.
    pub models: PathBuf,
    /// Who starts the hosts.
    pub hosts: Hosts,
    /// The host program, where the agent starts it.
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
    /// A file with the keys [below](#identity).
    pub file: PathBuf,
    /// A program and its arguments that print the same; it is run where the file is absent, at each start of the agent, as
    /// its user. It ends with 0 within 5 s.
    ///
    /// At most 65536 bytes of output.
    pub command: Vec<String>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { file: PathBuf::from("/etc/cwmpd/identity.toml"), command: Vec::new() }
    }
}

/// A command that an RPC runs, as the agent's user. It has 60 s, and 0 means that it is on its way.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionConfig {
    /// The program and its arguments. Empty: the RPC is refused with fault 9001.
    pub command: Vec<String>,
}

/// How a boot is recognised.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootConfig {
    /// A file whose content changes with every boot of the device.
    pub id_file: PathBuf,
    /// A file that is there once the clock can be trusted. Empty: any date after 2023 is enough.
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
    /// A value is none that its key can have.
    #[error("{file}: {key} {why}", file = file.display())]
    Value {
        /// The file that it is in.
        file: PathBuf,
        /// The key with its section.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl ConfigError {
    /// Whether the same is wrong, in whichever file.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Parse { error, .. }, Self::Parse { error: of_other, .. }) => {
                error.message() == of_other.message()
            }
            (Self::Value { key, why, .. }, Self::Value { key: key_of_other, why: why_of_other, .. }) => {
                (key, why) == (key_of_other, why_of_other)
            }
            _ => false,
        }
    }
}

impl Config {
    /// Reads `file` and the overlays in the folder `cwmpd.d` beside it.
    ///
    /// A missing main file is an error, a missing folder is not.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let files: Vec<PathBuf> = std::iter::once(file.to_owned()).chain(overlays(file)).collect();
        let mut config = Self::merged(&files).map_err(|wrong| {
            // The last file was read last, and need not be the one that brought it.
            let fewer = (1..files.len()).rev().map(|count| Self::merged(&files[..count]));
            let same = fewer.map_while(|read| read.err().filter(|error| error.is_like(&wrong)));
            same.last().unwrap_or(wrong)
        })?;
        if let Some(folder) = std::env::var_os(STATE).filter(|folder| !folder.is_empty()) {
            config.store.folder = folder.into();
        }
        Ok(config)
    }

    /// Each file on top of the ones before it. What is wrong with all of them is said of the last.
    fn merged(files: &[PathBuf]) -> Result<Self, ConfigError> {
        let mut merged = toml::Table::new();
        for file in files {
            merge(&mut merged, read_table(file)?);
        }
        let file = files.last().cloned().unwrap_or_default();
        let config: Self =
            merged.try_into().map_err(|error| ConfigError::Parse { file: file.clone(), error })?;
        match config.fault() {
            Some((key, why)) => Err(ConfigError::Value { file, key, why }),
            None => Ok(config),
        }
    }

    /// The first key with a value that it cannot have, and why. A factory value that the standard does not allow would
    /// otherwise be told to the ACS.
    fn fault(&self) -> Option<(&'static str, String)> {
        let Self { acs, inform, connection_request, .. } = self;
        let credential = |key, text: &str| {
            let is_long = text.chars().count() > MAX_CREDENTIAL;
            is_long.then(|| (key, format!("has more than {MAX_CREDENTIAL} characters")))
        };
        let url = || {
            let wrong = Url::parse(&acs.url).err().filter(|_| !acs.url.is_empty())?;
            Some(("acs.url", format!("cannot be used: {wrong}")))
        };
        let alone = || {
            let is_alone = acs.key.is_some() && acs.certificate.is_none();
            is_alone.then(|| ("acs.key", "needs acs.certificate".to_owned()))
        };
        url()
            .or_else(|| credential("acs.username", &acs.username))
            .or_else(|| credential("acs.password", &acs.password))
            .or_else(alone)
            .or_else(|| outside("acs.response_timeout", &acs.response_timeout, &RESPONSE_TIMEOUT))
            .or_else(|| outside("acs.max_message", &acs.max_message, &MAX_MESSAGE))
            .or_else(|| outside("acs.retry_minimum", &acs.retry_minimum, &RETRY_MINIMUM))
            .or_else(|| outside("acs.retry_multiplier", &acs.retry_multiplier, &RETRY_MULTIPLIER))
            .or_else(|| outside("inform.interval", &inform.interval, &INTERVAL))
            .or_else(|| credential("connection_request.username", &connection_request.username))
            .or_else(|| credential("connection_request.password", &connection_request.password))
            .or_else(|| {
                let interval = connection_request.minimum_interval;
                outside("connection_request.minimum_interval", &interval, &MINIMUM_INTERVAL)
            })
    }
}

fn outside<T: PartialOrd + std::fmt::Display>(
    key: &'static str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Option<(&'static str, String)> {
    let (least, most) = (range.start(), range.end());
    (!range.contains(value)).then(|| (key, format!("is {value}, and can be {least} to {most}")))
}

/// The overlays beside a main file, in the order in which they count.
///
/// A link to a file that is not there is none: an image whose own files cannot change has links to where the device keeps its
/// files, which may not have been written yet.
pub(crate) fn overlays(file: &Path) -> Vec<PathBuf> {
    let mut overlays: Vec<PathBuf> = match std::fs::read_dir(file.with_file_name("cwmpd.d")) {
        Ok(entries) => entries.filter_map(|e| Some(e.ok()?.path())).collect(),
        Err(_) => Vec::new(),
    };
    let is_empty_link = |p: &Path| p.metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
    overlays.retain(|p| p.extension().is_some_and(|e| e == "toml") && !is_empty_link(p));
    overlays.sort();
    overlays
}

/// Whether a file of the configuration has a password in it.
pub(crate) fn has_secret(table: &toml::Table) -> bool {
    ["acs", "connection_request"].iter().any(|section| {
        let password = table.get(*section).and_then(|section| section.get("password"));
        password.and_then(toml::Value::as_str).is_some_and(|text| !text.is_empty())
    })
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
    fn a_link_to_an_overlay_counts_when_the_overlay_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("cwmpd.toml");
        std::fs::write(&main, "[acs]\nurl = 'http://a/'\n").unwrap();
        std::fs::create_dir(folder.path().join("cwmpd.d")).unwrap();
        let own = folder.path().join("device.toml");
        std::os::unix::fs::symlink(&own, folder.path().join("cwmpd.d/50-device.toml")).unwrap();
        assert_eq!(Config::load(&main).unwrap().acs.url, "http://a/");
        std::fs::write(&own, "[acs]\nurl = 'http://b/'\n").unwrap();
        assert_eq!(Config::load(&main).unwrap().acs.url, "http://b/");
        // What is there and cannot be read is wrong, as ever.
        std::fs::remove_file(&own).unwrap();
        std::fs::create_dir(&own).unwrap();
        assert!(Config::load(&main).unwrap_err().to_string().contains("50-device.toml"));
    }

    #[test]
    fn what_is_wrong_is_told_with_the_file_that_it_is_in() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("cwmpd.toml");
        std::fs::create_dir(folder.path().join("cwmpd.d")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("cwmpd.toml", "[acs]\nretry_minimum = 0\n");
        write("cwmpd.d/10.toml", "[inform]\ninterval = 600\n");
        write("cwmpd.d/30.toml", "[inform]\nperiodic = true\n");
        let told = || Config::load(&main).unwrap_err().to_string();
        assert!(told().contains("cwmpd.toml") && told().contains("acs.retry_minimum"), "{}", told());
        // Put right by one, and another has something else.
        write("cwmpd.d/20.toml", "[acs]\nretry_minimum = 5\n[inform]\ninterval = 0\n");
        assert!(told().contains("20.toml") && told().contains("inform.interval"), "{}", told());
        write("cwmpd.toml", "");
        for text in ["[inform]\nintreval = 5\n", "[inform]\ninterval = 'often'\n", "["] {
            write("cwmpd.d/20.toml", text);
            assert!(told().contains("20.toml"), "{text}: {}", told());
        }
        write("cwmpd.d/20.toml", "[acs]\nretry_minimum = 5\n");
        Config::load(&main).unwrap();
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

    /// The ranges of numbers are held against the page by `tests/configuration_page.rs`.
    #[test]
    fn a_value_that_cannot_be_is_named_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("cwmpd.toml");
        let long = "x".repeat(MAX_CREDENTIAL + 1);
        for (text, key) in [
            ("[acs]\nurl = 'ftp://a/'\n".to_owned(), "acs.url"),
            ("[acs]\nurl = 'http://a:b@c/'\n".to_owned(), "acs.url"),
            (format!("[acs]\nusername = '{long}'\n"), "acs.username"),
            (format!("[acs]\npassword = '{long}'\n"), "acs.password"),
            ("[acs]\nkey = '/etc/key.pem'\n".to_owned(), "acs.key"),
            (format!("[connection_request]\nusername = '{long}'\n"), "connection_request.username"),
            (format!("[connection_request]\npassword = '{long}'\n"), "connection_request.password"),
            ("[connection_request]\nlisten = 'eth0'\n".to_owned(), "listen"),
        ] {
            std::fs::write(&main, &text).unwrap();
            let error = Config::load(&main).unwrap_err().to_string();
            assert!(error.contains(key) && !error.contains("xxx"), "{text}: {error}");
        }
        std::fs::write(&main, text_of_longest()).unwrap();
        Config::load(&main).unwrap();
    }

    fn text_of_longest() -> String {
        let longest = "ü".repeat(MAX_CREDENTIAL);
        let both = format!("username = '{longest}'\npassword = '{longest}'\n");
        format!("[acs]\nurl = ''\n{both}[connection_request]\nlisten = '::'\n{both}")
    }
}
