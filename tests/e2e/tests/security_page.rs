//! `docs/security.md` says what is so: who runs as whom, what listens, which files there are with which modes, what the log has.

use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::Device;

const PAGE: &str = include_str!("../../../docs/security.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const STATE: &str = "/var/lib/cwmpd";
const PLUGINS: [&str; 3] = ["demo", "demo_c", "users"];

/// The rows of the tables of the page, cell by cell.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A device whose store was damaged, in which secrets were set in every way.
fn device(acs: &Acs) -> Device {
    let mut builder = Device::builder().acs(acs.url()).environment("CWMP_LOG", "trace").config(
        "[acs]\nusername = 'box'\npassword = 'secret of the configuration'\n\
         [connection_request]\npassword = 'secret of requests'\n",
    );
    for name in PLUGINS {
        builder = builder.plugin(name, "");
    }
    let mut device = builder.prepare();
    std::fs::write(device.path("state/cwmpd.db"), "this is no database").unwrap();
    // As it is installed.
    std::fs::DirBuilder::new().mode(0o711).create(device.path("state/plugins")).unwrap();
    device.start();
    for name in PLUGINS {
        device.ready(name);
    }
    let mut session = acs.session();
    let secrets = [
        ("Device.X_CWMPD_Demo.Password", ValueType::String, "secret of a plugin"),
        ("Device.ManagementServer.ConnectionRequestPassword", ValueType::String, "secret by the ACS"),
        ("Device.X_CWMPD_DemoC.Label", ValueType::String, "value by the ACS"),
    ];
    session.set(&secrets, "").unwrap();
    session.end();
    device.client().set_value("Device.ManagementServer.Password", "secret by the bus").unwrap();
    device
}

/// The files of the state, each with its mode, as paths on a box; `plugins/NAME` stands for every plugin.
fn state(folder: &Path) -> BTreeSet<(String, u32)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            let about = std::fs::symlink_metadata(&path).unwrap();
            let mut parts: Vec<String> =
                path.strip_prefix(folder).unwrap().iter().map(|p| p.to_str().unwrap().to_owned()).collect();
            if parts.len() > 1 {
                "NAME".clone_into(&mut parts[1]);
            }
            let name = parts.join("/").replace("corrupt-1", "corrupt-N");
            found.insert((format!("{STATE}/{name}"), about.permissions().mode() & 0o777));
            if about.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

#[test]
fn the_files_of_the_state_are_those_of_the_page() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let mut said = BTreeSet::new();
    for row in rows() {
        let [files, owner, ..] = row[..] else { continue };
        let Some(mode) = owner.rsplit(' ').next().and_then(|mode| u32::from_str_radix(mode, 8).ok()) else {
            continue;
        };
        said.extend(quoted(files).into_iter().filter(|f| f.starts_with(STATE)).map(|f| (f.to_owned(), mode)));
    }
    // The folder itself is made by whoever installs, or by the unit.
    assert!(said.remove(&(STATE.to_owned(), 0o711)));
    assert_eq!(state(&device.path("state")), said);
}

/// What is made at installation has the owners and modes of the page.
#[test]
fn the_folders_and_the_configuration_are_made_as_on_the_page() {
    let made = read("agent/system/systemd/cwmpd.tmpfiles");
    let mut count = 0;
    for row in rows() {
        let [files, owner, ..] = row[..] else { continue };
        let [owners] = quoted(owner)[..] else { continue };
        let (Some((user, group)), Some(mode)) = (owners.split_once(':'), owner.rsplit(' ').next()) else {
            continue;
        };
        for file in quoted(files).into_iter().filter(|file| file.starts_with('/')) {
            let line = made.lines().find(|line| line.split_whitespace().nth(1) == Some(file));
            let words: Vec<&str> = line
                .unwrap_or_else(|| panic!("nobody makes {file}"))
                .split_whitespace()
                .skip(2)
                .take(3)
                .collect();
            assert_eq!(words, [mode, user, group], "{file}");
            count += 1;
        }
    }
    assert_eq!(count, 4);
}

#[test]
fn every_plugin_runs_with_the_rights_of_the_page() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        let [what, user, rights, _] = row[..] else { continue };
        let Some(name) = what.strip_prefix("plugin ").map(|name| name.trim_matches('`')) else { continue };
        let folder = format!("plugins/{}", name.replace('_', "-"));
        let manifest: toml::Table = read(&format!("{folder}/{name}.toml")).parse().unwrap();
        assert_eq!(manifest["user"].as_str(), Some(user.trim_matches('`')), "{name}");
        let file = format!("{folder}/systemd/cwmp-plugin@{name}.service.d/10-rights.conf");
        let unit = std::fs::read_to_string(Path::new(ROOT).join(&file)).unwrap_or_default();
        let given = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
        let said = match rights {
            "none" => None,
            "all" => Some("~"),
            one => Some(one.trim_matches('`')),
        };
        assert_eq!(given, said, "{name}");
        seen.insert(name.to_owned());
    }
    let makefile = read("Makefile");
    let installed = makefile.lines().find_map(|line| line.strip_prefix("PLUGINS = ")).unwrap();
    assert_eq!(seen, installed.split_whitespace().map(str::to_owned).collect(), "those that are installed");
    for unit in ["cwmpd.service", "cwmp-plugin@.service"] {
        let text = read(&format!("agent/system/systemd/{unit}"));
        for line in
            ["CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateDevices=yes"]
        {
            assert!(text.lines().any(|l| l == line), "{unit} has no {line}");
        }
    }
    let host = read("agent/system/systemd/cwmp-plugin@.service");
    assert!(host.contains("\nPrivateNetwork=yes\n"), "a plugin's unit has no network");
}

/// The sockets of a process: kind and local address of those of the network and of those that listen in the file system.
fn sockets(pid: u32) -> Vec<String> {
    let mut own = BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        // It may have been closed meanwhile.
        let Ok(target) = std::fs::read_link(entry.unwrap().path()) else { continue };
        if let Some(inode) = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')) {
            own.insert(inode.to_owned());
        }
    }
    assert!(!own.is_empty(), "it is on the bus");
    let mut found = Vec::new();
    for kind in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{kind}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Of TCP, those that listen: state 0A.
            if own.contains(words[9]) && (!kind.starts_with("tcp") || words[3] == "0A") {
                found.push(format!("{kind} {}", words[1]));
            }
        }
    }
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        // The flag of a socket that accepts: __SO_ACCEPTCON.
        if own.contains(words[6]) && words[3] == "00010000" {
            found.push(format!("unix {}", words.get(7).unwrap_or(&"")));
        }
    }
    found
}

#[test]
fn nothing_listens_but_what_the_page_says() {
    let said =
        rows().into_iter().find_map(|row| row[0].strip_prefix("TCP ")?.split(',').next().map(str::to_owned));
    let port: u16 = said.expect("the page names the port").parse().unwrap();
    assert!(
        read("agent/daemon/src/config.rs").contains(&format!("            port: {port},\n")),
        "the default"
    );
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let found = sockets(device.pid());
    let [one] = &found[..] else { panic!("{found:?}") };
    assert!(one.starts_with("tcp ") && one.ends_with(&format!(":{port:04X}")), "{one}");
    for name in PLUGINS {
        assert_eq!(sockets(device.host(name)), [""; 0], "{name}");
    }
}

/// At the level that says most, with the libraries.
#[test]
fn the_log_has_no_secrets_and_no_values() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    device.client().inform().unwrap();
    acs.session().end();
    device.stop();
    let log = device.log();
    assert!(log.contains("TRACE") && log.contains("session 2"), "the level is {log}");
    for hidden in [
        "secret of the configuration",
        "secret of requests",
        "secret of a plugin",
        "secret by the ACS",
        "secret by the bus",
        "value by the ACS",
        "soap",
    ] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert!(line.is_none(), "{line:?}");
    }
}

/// No secret is in an argument or a variable, where others could see it.
#[test]
fn no_process_shows_a_secret() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let hosts = PLUGINS.map(|name| device.host(name));
    for pid in hosts.into_iter().chain([device.pid()]) {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains("secret"), "{file} of {pid}: {text}");
        }
    }
}
