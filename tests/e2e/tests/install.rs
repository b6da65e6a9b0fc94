//! `make install`: what it puts where, and that the programs find it there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cwmp_e2e::service::{value, Service};
use cwmp_e2e::{binary, Bus};
use zbus::zvariant::Value;

const PLUGINS: &str = "device_info network users mapping cellular wifi storage demo demo_c";

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A command: whether it succeeded, and all that it said.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

/// The root of a system.
struct Root(tempfile::TempDir);

impl Root {
    fn with(variables: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Made where it is missing.
        let built = binary("libcwmp_demo_c.so");
        let built = built.parent().unwrap();
        // As somebody installs who lets nobody read what is his.
        let mut make = Command::new("sh");
        make.args(["-c", "umask 077 && exec make \"$@\"", "make"]);
        make.args(["-s", "install"]).current_dir(source());
        // A make that runs this test has its own wishes.
        make.env_remove("MAKEFLAGS").arg(format!("CARGO_OUT={}", built.display()));
        make.arg(format!("DESTDIR={}", folder.path().display())).arg(format!("PLUGINS={PLUGINS}"));
        let (done, said) = run(make.args(variables));
        assert!(done, "{said}");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file and link, by the name that it has on the box.
    fn files(&self) -> BTreeSet<String> {
        fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), root, found);
                } else {
                    found.insert(format!("/{}", entry.path().strip_prefix(root).unwrap().display()));
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(self.0.path(), self.0.path(), &mut found);
        found
    }
}

/// Whether a name is meant by a pattern with `*`, or with NAME for the name of a plugin. A folder means all that is in it.
fn is_meant(pattern: &str, name: &str) -> bool {
    let parts: Vec<&str> = pattern.split("NAME").flat_map(|part| part.split('*')).collect();
    let Some(mut rest) = name.strip_prefix(parts[0]) else { return false };
    for part in &parts[1..] {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || rest.starts_with('/') || pattern.ends_with('*')
}

/// The first column of the table that says what goes where.
fn table() -> Vec<String> {
    let page = std::fs::read_to_string(source().join("docs/integrator.md")).unwrap();
    let section = page.split("## What goes where").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `/"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap().to_owned());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Every file that is installed is in the table of the page for integrators, and what the table has is installed, but for what
/// an integrator brings himself.
#[test]
fn the_page_for_integrators_has_what_is_installed() {
    let root = Root::with(&["ENABLE=yes", "SYSV=yes"]);
    let (files, table) = (root.files(), table());
    assert!(files.len() > 60 && table.len() > 10, "{files:?} {table:?}");
    let strangers: Vec<_> =
        files.iter().filter(|file| !table.iter().any(|row| is_meant(row, file))).collect();
    assert!(strangers.is_empty(), "installed, and not on the page: {strangers:#?}");
    let brought = [
        "/etc/cwmpd/identity.toml",
        "/etc/cwmpd/cwmpd.d/*.toml",
        "/etc/cwmpd/plugins/NAME.toml",
        "/var/lib/cwmpd",
    ];
    let missing: Vec<_> = table
        .iter()
        .filter(|row| !brought.contains(&row.as_str()) && !files.iter().any(|file| is_meant(row, file)))
        .collect();
    assert!(missing.is_empty(), "on the page, and not installed: {missing:#?}");
}

/// Agent and hosts are users of their own, whoever installed their files; the configuration alone may have a password.
#[test]
fn everybody_reads_what_is_installed_but_the_configuration() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = Root::with(&["ENABLE=yes", "SYSV=yes"]);
    let mode = |name: &String| root.path(&name[1..]).metadata().unwrap().permissions().mode();
    let links = |name: &&String| !root.path(&name[1..]).is_symlink();
    let files = root.files();
    let closed: Vec<_> = files.iter().filter(links).filter(|name| mode(name) & 0o444 != 0o444).collect();
    assert_eq!(closed, ["/etc/cwmpd/cwmpd.toml"]);
}

#[test]
fn a_pattern_means_what_a_reader_thinks() {
    for (pattern, name, is) in [
        ("/usr/bin/cwmpd", "/usr/bin/cwmpd", true),
        ("/usr/bin/cwmpd", "/usr/bin/cwmpd2", false),
        ("/a/NAME.toml", "/a/wifi.toml", true),
        ("/a/NAME.toml", "/b/wifi.toml", false),
        ("/a/*.xml", "/a/b.xml", true),
        ("/a/*.xml", "/a/b.toml", false),
        ("/a/kit", "/a/kit/b/c", true),
    ] {
        assert_eq!(is_meant(pattern, name), is, "{pattern} {name}");
    }
}

/// What the plugins for services of the box are told by an overlay, so that they look at nothing of this machine.
fn elsewhere(plugin: &str, root: &Path) -> Option<String> {
    let root = root.display();
    Some(match plugin {
        "wifi" => format!(
            "[config]\nhostapd = \"{root}/run/hostapd\"\nhostapd_global = \"{root}/run/hostapd/global\"\n\
             hostapd_files = []\nfolder = \"{root}/run/cwmpd-wifi\"\n"
        ),
        "storage" => format!(
            "[config.servers]\nstate = \"{root}/var/lib/cwmpd-storage\"\nrun = \"{root}/run/cwmpd-storage\"\n\
             pam = \"{root}/etc/pam.d\"\npasswd = \"{root}/etc/passwd\"\ngroup = \"{root}/etc/group\"\n\
             programs = [\"{root}/usr/sbin\"]\nunits = false\n"
        ),
        "mapping" | "cellular" => format!(
            "[config]\nfolder = \"{root}/usr/share/cwmpd/mappings\"\nmodels = \"{root}/usr/share/cwmpd/models\"\n"
        ),
        _ => return None,
    })
}

/// The services of a box, as far as what is installed reads them: hostnamed, timedated, and a UDisks2 without a disk.
fn services(bus: &Bus) -> [Service; 3] {
    let name = |short: &str| (format!("org.freedesktop.{short}"), format!("/org/freedesktop/{short}"));
    let (host, at) = name("hostname1");
    let hostnamed = Service::start_with(bus.address(), &host, |hand| {
        hand.put(&at, &host, "Hostname", value("box"));
    });
    let (time, at) = name("timedate1");
    let timedated = Service::start_with(bus.address(), &time, |hand| {
        hand.put(&at, &time, "NTP", value(false));
        hand.put(&at, &time, "NTPSynchronized", value(false));
        hand.put(&at, &time, "Timezone", value("Etc/UTC"));
        hand.put(&at, &time, "TimeUSec", value(1_700_000_000_000_000_u64));
    });
    let (disks, at) = name("UDisks2");
    let udisks = Service::start_with(bus.address(), &disks, |hand| {
        hand.put(&format!("{at}/Manager"), &format!("{disks}.Manager"), "Version", value("2.10.1"));
    });
    // What filesystems it knows, and what it encrypts with.
    udisks.method("Get", |_, _| Ok(vec![Value::Value(Box::new(vec!["ext4"].into()))]));
    udisks.method("CanFormat", |_, _| Ok(vec![true.into(), "".into()]));
    [hostnamed, timedated, udisks]
}

/// The programs find nothing wrong with what was installed: the configuration, and every plugin where its manifest is.
///
/// Those for services of the box have a bus of their own, no radio, and folders of their own.
#[test]
fn the_programs_take_what_was_installed() {
    let root = Root::with(&[]);
    let configuration = root.path("etc/cwmpd/cwmpd.toml");
    let (good, said) =
        run(Command::new(root.path("usr/bin/cwmpd")).arg("--config").arg(configuration).arg("--check"));
    assert!(good, "{said}");
    let bus = Bus::start(root.0.path());
    let _services = services(&bus);
    let manifests = root.path("usr/lib/cwmpd/plugins");
    let host = root.path("usr/libexec/cwmp-plugin-host");
    let (_, user) = run(Command::new("id").arg("-u"));
    for name in PLUGINS.split(' ') {
        let overlay = elsewhere(name, root.0.path());
        if overlay.is_some() && user.trim() != "0" {
            println!("skipped: {name} needs a network namespace, and that needs root");
            continue;
        }
        let mut check = if let Some(text) = overlay {
            std::fs::write(root.path(&format!("etc/cwmpd/plugins/{name}.toml")), text).unwrap();
            // The links of the machine are below its /sys, whatever the namespace.
            let mut apart = Command::new("unshare");
            apart.args(["--net", "--mount", "sh", "-c", "mount -t sysfs sysfs /sys && exec \"$@\"", "sh"]);
            apart.arg(&host).env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
            apart
        } else {
            Command::new(&host)
        };
        check.arg("--check").arg(manifests.join(format!("{name}.toml")));
        check.arg("--models").arg(root.path("usr/share/cwmpd/models"));
        let (good, said) = run(check.arg("--overlays").arg(root.path("etc/cwmpd/plugins")));
        assert!(good, "{name}: {said}");
    }
}

/// The policy that the page shows for a mapping of somebody's own is one.
#[test]
fn the_bus_takes_the_policy_of_the_page() {
    let page = std::fs::read_to_string(source().join("docs/integrator.md")).unwrap();
    let from = page.find("    <!-- /usr/share/dbus-1/system.d/").unwrap();
    let lines = page[from..].lines().take_while(|line| line.starts_with("    "));
    let policy = lines.map(|line| &line[4..]).collect::<Vec<_>>().join("\n");
    let folder = tempfile::tempdir().unwrap();
    let (file, main) = (folder.path().join("policy.conf"), folder.path().join("bus.conf"));
    let bus = |policy: &str| {
        std::fs::write(&file, policy).unwrap();
        let text = format!(
            "<busconfig><listen>unix:path={}/bus</listen><include>{}</include></busconfig>",
            folder.path().display(),
            file.display()
        );
        std::fs::write(&main, text).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--config-file").arg(&main).args(["--fork", "--nopidfile", "--print-pid"]);
        run(&mut daemon)
    };
    // It says of nothing that it is wrong, but for a user that is not on this machine.
    let (good, said) = bus(&policy);
    assert!(good, "{said}");
    let daemon = said.lines().find(|line| line.parse::<u32>().is_ok()).unwrap_or_else(|| panic!("{said}"));
    assert!(run(Command::new("kill").arg(daemon)).0);
    let (good, said) = bus(&policy.replace("allow", "permit"));
    assert!(!good && said.contains("permit"), "{said}");
}

/// systemd understands every unit, links included, and thinks little of what an intruder could do with them.
#[test]
fn the_units_are_good_and_expose_little() {
    let root = Root::with(&["ENABLE=yes"]);
    let units = root.path("usr/lib/systemd/system");
    // What they start is not on this machine.
    let own = format!("{}:", units.display());
    let names = PLUGINS.split(' ').map(|plugin| format!("cwmp-plugin@{plugin}.service"));
    for name in names.chain(["cwmpd.service", "cwmpd-reboot.path", "cwmpd-reboot.service"].map(str::to_owned))
    {
        let mut verify = Command::new("systemd-analyze");
        let (_, said) = run(verify.args(["verify", "--man=no", &name]).env("SYSTEMD_UNIT_PATH", &own));
        let wrong: Vec<_> = said
            .lines()
            .filter(|line| line.contains("cwmp") && !line.contains("is not executable"))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }
    for name in ["cwmpd.service", "cwmp-plugin@.service"] {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(units.join(name));
        let (good, said) = run(&mut security);
        assert!(good, "{name}: {said}");
    }
    for name in PLUGINS.split(' ') {
        let link = units.join(format!("cwmp-plugins.target.wants/cwmp-plugin@{name}.service"));
        assert_eq!(std::fs::read_link(link).unwrap(), Path::new("../cwmp-plugin@.service"), "{name}");
    }
}

/// Other places are said to everyone who would look in the usual ones.
#[test]
fn other_places_are_told_to_the_programs() {
    let root = Root::with(&[
        "prefix=/opt/cwmp",
        "sysconfdir=/opt/etc",
        "STATEDIR=/nvram/cwmpd",
        "libdir=/opt/cwmp/lib64",
        "SYSV=yes",
    ]);
    let unit = root.text("opt/cwmp/lib/systemd/system/cwmp-plugin@.service");
    let start = "ExecStart=/opt/cwmp/libexec/cwmp-plugin-host %i --manifests /opt/cwmp/lib64/cwmpd/plugins --overlays /opt/etc/cwmpd/plugins";
    assert!(unit.lines().any(|line| line.starts_with(start)), "{unit}");
    let agent = root.text("opt/cwmp/lib/systemd/system/cwmpd.service");
    for line in [
        "ExecStart=/opt/cwmp/bin/cwmpd --config /opt/etc/cwmpd/cwmpd.toml",
        "Environment=CWMP_STATE=/nvram/cwmpd",
    ] {
        assert!(agent.lines().any(|l| l == line), "{line}: {agent}");
    }
    let all =
        [unit, agent, root.text("opt/etc/init.d/cwmpd"), root.text("opt/etc/cwmpd/cwmpd.toml")].concat();
    for usual in ["/var/lib/cwmpd", " /etc/cwmpd", "\"/usr/"] {
        assert!(!all.contains(usual), "{usual}: {all}");
    }
    let storage = root.text("opt/cwmp/lib64/cwmpd/plugins/storage.toml");
    assert!(storage.lines().any(|line| line == "state = \"/nvram/cwmpd-storage\""), "{storage}");
    let (good, said) = run(Command::new(root.path("opt/cwmp/bin/cwmpd"))
        .arg("--check")
        .arg("--config")
        .arg(root.path("opt/etc/cwmpd/cwmpd.toml")));
    assert!(good, "{said}");
}

/// A plugin in Rust is built with the kit as it is installed, and one in C with the header.
#[test]
fn the_kit_is_whole() {
    let root = Root::with(&[]);
    let kit = root.path("usr/share/cwmpd/kit");
    let mut make = Command::new(root.path("usr/bin/cwmpctl"));
    make.args(["new-plugin", "clock", "--object", "Device.Time.", "--kit"])
        .arg(&kit)
        .current_dir(root.0.path());
    let (good, said) = run(&mut make);
    assert!(good, "{said}");
    let mut metadata = Command::new("cargo");
    metadata.args(["metadata", "--offline", "--format-version", "1"]).current_dir(root.path("clock"));
    let (good, said) = run(&mut metadata);
    assert!(good && said.contains("cwmp-plugin-sdk"), "{said}");
    assert!(root.text("usr/share/pkgconfig/cwmp-plugin.pc").contains("plugindir=/usr/lib/cwmpd/plugins"));
    assert!(root.path("usr/include/cwmp_plugin.h").exists());
}
