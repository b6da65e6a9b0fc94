use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where the file servers have what is theirs. All of it can be elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What must outlast a restart of the machine: passwords of Samba, state of NFS.
    pub(crate) state: PathBuf,
    /// What need not: configuration that is made anew, places where folders are mounted, sockets.
    pub(crate) run: PathBuf,
    /// Where PAM looks for the file of a service.
    pub(crate) pam: PathBuf,
    /// The users of the machine.
    pub(crate) passwd: PathBuf,
    /// The groups of the machine.
    pub(crate) group: PathBuf,
    /// Where programs are looked for, in this order.
    pub(crate) programs: Vec<PathBuf>,
    /// The Unix account of those without an account, and the group of all.
    pub(crate) guest: String,
    /// Whether systemd runs the servers; where nothing is said, it does if it runs the machine.
    pub(crate) units: Option<bool>,
    pub(crate) smb_unit: String,
    pub(crate) ftp_unit: String,
    pub(crate) nfs_unit: String,
    pub(crate) smb_port: u16,
    pub(crate) nfs_port: u16,
    /// More of smb.conf, for the integrator: a file that is included.
    pub(crate) smb_include: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        Self {
            state: "/var/lib/cwmpd-storage".into(),
            run: "/run/cwmpd-storage".into(),
            pam: "/etc/pam.d".into(),
            passwd: "/etc/passwd".into(),
            group: "/etc/group".into(),
            programs: folders.map(PathBuf::from).into(),
            guest: "cwmp-share".to_owned(),
            units: None,
            smb_unit: "smbd.service".to_owned(),
            ftp_unit: "vsftpd.service".to_owned(),
            nfs_unit: "nfs-ganesha.service".to_owned(),
            smb_port: 445,
            nfs_port: 2049,
            smb_include: None,
        }
    }
}

impl Settings {
    /// Whether systemd runs the servers.
    pub(crate) fn has_units(&self) -> bool {
        self.units.unwrap_or_else(|| Path::new("/run/systemd/system").is_dir())
    }
}
