//! `cwmpd --check-device`: whether the agent can have a session as this device is now, without a bus and without a network.

use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cwmp_net::Url;

use crate::config::{self, Config};
use crate::identity::Identity;
use crate::{acs, persist};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is in order: the part, and what it is. Nothing of it is secret.
    pub fine: Vec<(&'static str, String)>,
    /// What is not, one sentence each.
    pub problems: Vec<String>,
}

impl Report {
    fn note(&mut self, part: &'static str, found: Result<String, String>) {
        match found {
            Ok(text) => self.fine.push((part, text)),
            Err(problem) => self.problems.push(problem),
        }
    }

    /// A file with a secret must be closed to those who are neither its owner nor of its group.
    fn closed(&mut self, file: &Path) {
        if let Ok(about) = std::fs::metadata(file) {
            let mode = about.permissions().mode() & 0o777;
            if mode & 0o007 != 0 {
                let file = file.display();
                self.problems
                    .push(format!("{file} has a secret and mode {mode:04o}: it is open to everybody"));
            }
        }
    }
}

/// Looks at everything that a session needs of this device. The rights are those of whoever runs this.
pub async fn device(file: &Path) -> Report {
    let mut report = Report::default();
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            report.problems.push(error.to_string());
            return report;
        }
    };
    report.note("configuration", Ok(file.display().to_string()));
    for file in config::overlays(file).iter().map(PathBuf::as_path).chain([file]) {
        if config::read_table(file).is_ok_and(|table| config::has_secret(&table)) {
            report.closed(file);
        }
    }
    let identity = Identity::load(&config.identity).await;
    report
        .note("identity", identity.map(|identity| identity.unique_name()).map_err(|error| error.to_string()));
    session(&config, &mut report);
    let state = state(&config.store.folder);
    report.note("state", state.map_err(|error| format!("{}: {error}", config.store.folder.display())));
    report
}

/// The ACS, the device's own certificate, and whom it trusts.
fn session(config: &Config, report: &mut Report) {
    let acs = &config.acs;
    let url = if acs.url.is_empty() { "none, until one is set" } else { &acs.url };
    report.note("acs", Ok(url.to_owned()));
    match acs::client(acs) {
        Ok(client) => {
            if let Some(certificate) = &acs.certificate {
                report.closed(acs.key.as_ref().unwrap_or(certificate));
                report.note("certificate", Ok(certificate.display().to_string()));
            }
            // Without one it is read when the first https URL comes.
            let trusted = client.check_trust().map(|()| names(&acs.trust)).map_err(|error| error.to_string());
            if trusted.is_ok() || Url::parse(&acs.url).is_ok_and(|url| url.tls) {
                report.note("trust", trusted);
            }
        }
        Err(error) => report.problems.push(error.to_string()),
    }
}

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether something can be kept, and whether something is.
fn state(folder: &Path) -> std::io::Result<String> {
    let probe = folder.join(format!(".check-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?;
    std::fs::remove_file(&probe)?;
    let is_used = folder.join(persist::FILE).exists();
    Ok(format!("{}, {}", folder.display(), if is_used { "used" } else { "empty" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device in a folder: the lines of its configuration after those of its places, and of its identity.
    async fn look(config: &str, identity: &str) -> (tempfile::TempDir, Report) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("state")).unwrap();
        std::fs::write(at("identity.toml"), identity).unwrap();
        let places = format!(
            "[store]\nfolder = '{}'\n[identity]\nfile = '{}'\n",
            at("state").display(),
            at("identity.toml").display()
        );
        std::fs::write(
            at("cwmpd.toml"),
            places + &config.replace("HERE", &folder.path().display().to_string()),
        )
        .unwrap();
        let report = device(&at("cwmpd.toml")).await;
        (folder, report)
    }

    const GOOD: &str = "oui = '00AABB'\nserial_number = 'S1'\n";

    #[tokio::test]
    async fn a_device_that_can_have_a_session_has_no_problems() {
        let (folder, report) = look("[acs]\nurl = 'http://acs/'\ntrust = []\n", GOOD).await;
        assert!(report.problems.is_empty(), "{report:?}");
        let parts: Vec<_> = report.fine.iter().map(|(part, _)| *part).collect();
        assert_eq!(parts, ["configuration", "identity", "acs", "state"]);
        assert_eq!(report.fine[1].1, "00AABB-S1");
        assert!(report.fine[3].1.ends_with("state, empty"), "{report:?}");
        // Nothing was left behind, so that a golden image stays one.
        assert_eq!(std::fs::read_dir(folder.path().join("state")).unwrap().count(), 0);
        std::fs::write(folder.path().join("state/cwmpd.db"), "").unwrap();
        let again = device(&folder.path().join("cwmpd.toml")).await;
        assert!(again.fine[3].1.ends_with("state, used"), "{again:?}");
    }

    #[tokio::test]
    async fn every_problem_is_named() {
        for (config, identity, problem) in [
            ("", "oui = '00AABB'\n", "serial_number"),
            ("[acs]\nurl = 'https://acs/'\ntrust = ['HERE/none.pem']\n", GOOD, "none.pem"),
            ("[acs]\ncertificate = 'HERE/none.pem'\n", GOOD, "none.pem"),
            ("[acs]\npassword = 'hidden'\n", GOOD, "cwmpd.toml has a secret and mode 0644"),
            ("[connection_request]\npassword = 'hidden'\n", GOOD, "cwmpd.toml has a secret"),
            ("[acs]\nretry_minimum = 0\n", GOOD, "acs.retry_minimum"),
            ("[store.folder]\n", GOOD, "store"),
        ] {
            let (_folder, report) = look(config, identity).await;
            let all = report.problems.join("\n");
            assert!(all.contains(problem) && report.problems.len() == 1, "{config}: {all}");
            assert!(!format!("{report:?}").contains("hidden"), "{report:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_others_cannot_read_may_have_secrets() {
        let (folder, _) = look("[acs]\npassword = 'hidden'\n", GOOD).await;
        let file = folder.path().join("cwmpd.toml");
        for (mode, is_good) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(device(&file).await.problems.is_empty(), is_good, "{mode:o}");
        }
    }

    #[tokio::test]
    async fn without_a_folder_for_its_state_nothing_is_kept() {
        let (folder, _) = look("", GOOD).await;
        std::fs::remove_dir(folder.path().join("state")).unwrap();
        let report = device(&folder.path().join("cwmpd.toml")).await;
        assert!(report.problems[0].contains("state: "), "{report:?}");
    }
}
