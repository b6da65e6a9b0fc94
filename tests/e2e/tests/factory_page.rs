//! `docs/factory.md` says what is so: a device goes over the line, as its commands do it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use cwmp_acs::{Acs, Ca, Options, Tls};
use cwmp_e2e::{binary, Device};

const PAGE: &str = include_str!("../../../docs/factory.md");

/// A command of the page and what it prints.
struct Shown {
    command: &'static str,
    output: Vec<&'static str>,
}

fn commands() -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut is_output = false;
    for line in PAGE.lines() {
        if let Some(command) = line.strip_prefix("    $ ") {
            all.push(Shown { command, output: Vec::new() });
            is_output = true;
        } else if let (true, Some(output)) = (is_output, line.strip_prefix("    ")) {
            all.last_mut().expect("a command is above").output.push(output);
        } else {
            is_output = false;
        }
    }
    all
}

/// The file of the page with this name.
fn file(name: &str) -> &'static str {
    let block = PAGE
        .split("\n```")
        .find(|block| block.split('\n').next().unwrap().ends_with(&format!(" file={name}")));
    block.unwrap_or_else(|| panic!("the page shows no {name}")).split_once('\n').unwrap().1
}

/// An ACS that wants to see a certificate of its own authority.
fn acs(ca: &Arc<Ca>) -> Acs {
    let tls = Tls { ca: Some(Arc::clone(ca)), client_certificate: true, ..Tls::default() };
    Acs::start(Options { tls: Some(tls), ..Options::default() })
}

struct Line {
    device: Device,
    acs: Acs,
    /// Where a place of the page is here.
    places: Vec<(&'static str, PathBuf)>,
}

impl Line {
    fn new(ca: &Arc<Ca>) -> Self {
        let acs = acs(ca);
        let device = Device::builder().acs(acs.url()).trust(ca.file()).plugin("demo", "").prepare();
        let at = |name: &str| device.path(name);
        std::fs::create_dir(at("factory")).unwrap();
        std::fs::write(at("factory/serial"), "S0001\n").unwrap();
        let places = vec![
            ("/usr/libexec/cwmpd-identity", at("cwmpd-identity")),
            ("/etc/cwmpd/acs-root.pem", ca.file()),
            ("/var/lib/cwmpd", at("state")),
            ("/factory", at("factory")),
            // The folder that has the others in it.
            ("/etc/cwmpd/", at("")),
        ];
        let line = Self { device, acs, places };
        line.write("cwmpd-identity", file("usr/libexec/cwmpd-identity"), 0o755);
        line.write("cwmpd.d/50-device.toml", file("etc/cwmpd/cwmpd.d/50-device.toml"), 0o644);
        // It has the password of connection requests.
        std::fs::set_permissions(line.device.path("cwmpd.toml"), std::fs::Permissions::from_mode(0o640))
            .unwrap();
        line.certify(ca, "factory/client.pem");
        line
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let file = self.device.path(name);
        std::fs::write(&file, self.here(text)).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Certificate and key in one file.
    fn certify(&self, ca: &Ca, name: &str) {
        let files = ca.client("00AABB-Box-S0001");
        let both = [files.certificate, files.key].map(|file| std::fs::read_to_string(file).unwrap()).concat();
        self.write(name, &both, 0o640);
    }

    fn here(&self, text: &str) -> String {
        self.places
            .iter()
            .fold(text.to_owned(), |text, (place, here)| text.replace(place, &here.display().to_string()))
    }

    /// What was printed here, as it is on a box.
    fn there(&self, text: &str) -> String {
        let text = self
            .places
            .iter()
            .fold(text.to_owned(), |text, (place, here)| text.replace(&here.display().to_string(), place));
        text.replace(&self.acs.url(), "https://acs.example.net/")
    }

    fn run(&self, command: &str) -> Output {
        let programs = binary("cwmpctl").parent().expect("it is in a folder").display().to_string();
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
        let config = self.device.path("cwmpd.toml").display().to_string();
        let command =
            self.here(command).replace("cwmpd --check", &format!("cwmpd --config '{config}' --check"));
        Command::new("sh")
            .args(["-e", "-c", &command])
            .env("PATH", path)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.device.bus.address())
            .current_dir(self.device.path("factory"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// A session of the ACS with these events.
    fn session(&self, events: &[&str]) {
        let session = self.acs.session();
        assert_eq!(session.events(), events);
        assert_eq!(session.device(), "00AABB-Box-S0001");
        session.end();
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn the_commands_of_the_page_on_the_factory_line_work() {
    let ca = Ca::new();
    let mut line = Line::new(&ca);
    let shown = commands();
    assert!(shown.len() > 10, "the commands were not found");
    for Shown { command, output } in shown {
        match command {
            "systemctl start cwmpd" => {
                line.device.start();
                line.device.ready("demo");
                line.session(&["0 BOOTSTRAP", "1 BOOT"]);
                line.device.client().wait_for("idle");
                continue;
            }
            "systemctl stop cwmpd cwmp-plugins.target" => {
                line.device.stop();
                continue;
            }
            "systemctl restart cwmpd" => {
                // The device was emptied before, so it is new once more.
                line.device.start();
                line.session(&["0 BOOTSTRAP", "1 BOOT"]);
                line.device.restart();
                line.device.client().wait_for("idle");
                continue;
            }
            _ => {}
        }
        if command.starts_with("install ") {
            line.certify(&ca, "factory/new.pem");
        }
        let done = line.run(command);
        let printed = line.there(&String::from_utf8_lossy(&done.stdout));
        let problems = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{command}: {printed}{problems}{}", line.device.log());
        assert_eq!(words(&printed), words(&output.join("\n")), "{command}");
        assert_eq!(problems, "", "{command}");
        if command == "cwmpctl inform" {
            // A restart of the agent is no boot.
            line.session(&["2 PERIODIC"]);
        }
    }
}

/// What the page says of a device that is not ready to leave: the exit code, and a line for each problem.
#[test]
fn a_device_that_is_not_ready_is_told_with_every_problem() {
    let ca = Ca::new();
    let mut line = Line::new(&ca);
    let good = line.run("cwmpd --check-device");
    assert!(good.status.success(), "{good:?}");
    let other = ca.client("another");
    // The key of another certificate.
    let wrong = [ca.file(), other.key].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    line.write("factory/client.pem", &wrong, 0o644);
    std::fs::remove_file(line.device.path("factory/serial")).unwrap();
    line.write("cwmpd.d/60-password.toml", "[acs]\npassword = 'hidden'\n", 0o644);
    std::fs::remove_dir(line.device.path("state")).unwrap();
    let bad = line.run("cwmpd --check-device");
    assert_eq!(bad.status.code(), Some(78));
    let problems = line.there(&String::from_utf8_lossy(&bad.stderr));
    for problem in ["60-password.toml has a secret", "cwmpd-identity", "/var/lib/cwmpd: ", "key"] {
        assert!(problems.lines().any(|line| line.contains(problem)), "{problem}: {problems}");
    }
    assert!(!problems.contains("hidden"), "{problems}");
    // And the agent, which does not go on without what it was told to have.
    line.device.start();
    assert_eq!(line.device.ended().code(), Some(78));
}

/// A copy of a store begins as the page says, if the device has another serial number.
#[test]
fn a_store_that_was_copied_begins_with_a_bootstrap_and_another_path() {
    let ca = Ca::new();
    let mut line = Line::new(&ca);
    line.device.start();
    line.session(&["0 BOOTSTRAP", "1 BOOT"]);
    let path =
        |device: &Device| device.client().value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    let first = path(&line.device);
    line.device.stop();
    // The same files on a device with another serial number, which boots.
    std::fs::write(line.device.path("factory/serial"), "S0002\n").unwrap();
    std::fs::write(line.device.path("boot_id"), "another boot\n").unwrap();
    line.device.start();
    let session = line.acs.session();
    assert_eq!(
        (session.device().as_str(), session.events()),
        ("00AABB-Box-S0002", vec!["0 BOOTSTRAP", "1 BOOT"])
    );
    session.end();
    let secret = |url: &str| Path::new(url).file_name().map(ToOwned::to_owned);
    assert_ne!(secret(&path(&line.device)), secret(&first));
}
