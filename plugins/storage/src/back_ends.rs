//! The back ends of this machine, as the configuration names them.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use cwmp_plugin_sdk::{Config, Error};

use crate::accounts::is_network_name;
use crate::back_end::{Disks, Events, Gauges, Server};
use crate::control::Settings;
use crate::ftp::Vsftpd;
use crate::gauges::Local;
use crate::nfs::Ganesha;
use crate::pending::LOST;
use crate::samba::Samba;
use crate::udisks::{Rules, UDisks};

/// What a volume is formatted with, unless the configuration says otherwise.
const FILESYSTEM: &str = "ext4";
/// How often a filesystem that has a limit is asked how full it is: no signal tells.
const MEASURED: Duration = Duration::from_secs(30);

/// What a machine is called that has no name.
const NAMELESS: &str = "storage";

/// Everything that can be asked and told.
pub(crate) struct BackEnds {
    pub(crate) disks: Rc<dyn Disks>,
    pub(crate) gauges: Rc<dyn Gauges>,
    /// Those that are installed.
    pub(crate) smb: Option<Rc<dyn Server>>,
    pub(crate) nfs: Option<Rc<dyn Server>>,
    pub(crate) ftp: Option<Rc<dyn Server>>,
    pub(crate) filesystem: String,
    pub(crate) measured: Duration,
    /// How long after a commit the end of its transaction must have been lost.
    pub(crate) lost: Duration,
    /// What the machine is called now.
    pub(crate) host_name: fn() -> String,
}

/// The keys of the configuration.
pub(crate) const KEYS: &[&str] = &[
    "bus",
    "protect",
    "removable",
    "filesystem",
    "smartctl",
    "threshold_ms",
    "servers",
    #[cfg(test)]
    "twin",
];

impl BackEnds {
    /// Opens what there is.
    pub(crate) async fn open(config: &Config, events: &Events) -> Result<Self, Error> {
        let bus = bus(config.text("bus")?).await?;
        let patterns = |key: &str| -> Result<Vec<String>, Error> {
            Ok(config.texts(key)?.unwrap_or_default().into_iter().map(str::to_owned).collect())
        };
        let rules = Rules { protect: patterns("protect")?, removable: patterns("removable")? };
        let settings = servers(config.table("servers")?)?;
        // The servers have their places there.
        let ours = vec![settings.run.clone()];
        let disks = UDisks::open(bus.clone(), events.clone(), rules, ours).await;
        let disks = disks.map_err(|failure| Error::internal(failure.to_string()))?;
        let smartctl: PathBuf = config.text("smartctl")?.unwrap_or("smartctl").into();
        Ok(Self {
            disks: Rc::new(disks),
            gauges: Rc::new(Local::new(smartctl)),
            smb: there(Samba::new(&settings, &bus, events.clone())),
            nfs: there(Ganesha::new(&settings, &bus, events.clone())),
            ftp: there(Vsftpd::new(&settings, &bus, events.clone())),
            filesystem: config.text("filesystem")?.unwrap_or(FILESYSTEM).to_owned(),
            measured: config.number("threshold_ms")?.map_or(MEASURED, Duration::from_millis),
            lost: LOST,
            host_name,
        })
    }

    /// The servers that are installed.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Rc<dyn Server>> {
        [&self.smb, &self.nfs, &self.ftp].into_iter().flatten()
    }
}

/// A server, if it is installed.
fn there(server: impl Server + 'static) -> Option<Rc<dyn Server>> {
    server.is_there().then(|| Rc::new(server) as Rc<dyn Server>)
}

/// Where the servers have what is theirs.
fn servers(config: Option<&Config>) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    let Some(config) = config else { return Ok(settings) };
    let keys = [
        "state",
        "run",
        "pam",
        "passwd",
        "group",
        "programs",
        "guest",
        "units",
        "smb_unit",
        "ftp_unit",
        "nfs_unit",
        "smb_port",
        "nfs_port",
        "smb_include",
    ];
    config.only(&keys)?;
    let paths = [
        ("state", &mut settings.state),
        ("run", &mut settings.run),
        ("pam", &mut settings.pam),
        ("passwd", &mut settings.passwd),
        ("group", &mut settings.group),
    ];
    for (key, path) in paths {
        if let Some(text) = config.text(key)? {
            *path = text.into();
        }
    }
    let texts = [
        ("guest", &mut settings.guest),
        ("smb_unit", &mut settings.smb_unit),
        ("ftp_unit", &mut settings.ftp_unit),
        ("nfs_unit", &mut settings.nfs_unit),
    ];
    for (key, place) in texts {
        if let Some(text) = config.text(key)? {
            text.clone_into(place);
        }
    }
    for (key, port) in [("smb_port", &mut settings.smb_port), ("nfs_port", &mut settings.nfs_port)] {
        if let Some(number) = config.number(key)? {
            *port = number;
        }
    }
    if let Some(programs) = config.texts("programs")? {
        settings.programs = programs.into_iter().map(PathBuf::from).collect();
    }
    settings.units = config.flag("units")?.or(settings.units);
    settings.smb_include = config.text("smb_include")?.map(PathBuf::from).or(settings.smb_include);
    Ok(settings)
}

/// What the machine is called.
fn host_name() -> String {
    network_name(&std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default())
}

/// Without its domain; a kernel that nobody told how it is called says `(none)`.
fn network_name(told: &str) -> String {
    let name = told.trim().split('.').next().unwrap_or_default();
    let is_good = !name.is_empty() && is_network_name(name);
    if is_good { name } else { NAMELESS }.to_owned()
}

async fn bus(address: Option<&str>) -> Result<zbus::Connection, Error> {
    let builder = match address {
        Some(address) => zbus::connection::Builder::address(address),
        None => zbus::connection::Builder::system(),
    };
    let connection = match builder {
        Ok(builder) => builder.build().await,
        Err(error) => Err(error),
    };
    connection.map_err(|error| Error::internal(format!("the bus cannot be reached: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_name_of_the_network_has_one_all_the_same() {
        let all = ["box\n", "box.example.com\n", "my_box", "(none)\n", "", "b\u{f6}x"].map(network_name);
        assert_eq!(all, ["box", "box", "my_box", "storage", "storage", "storage"]);
    }
}
