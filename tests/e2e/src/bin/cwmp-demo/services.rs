//! Every plugin, each with its service: what the service changes by itself, the ACS is shown.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session};
use cwmp_e2e::{binary, eventually, Client, Device};

use crate::{title, ACTIVE};

/// How long a change may take to come to the ACS.
const PATIENCE: Duration = Duration::from_secs(30);
const PROCESSES: &str = "Device.DeviceInfo.ProcessStatus.Process.";
const HOSTNAME: (&str, &str) = ("org.freedesktop.hostname1", "/org/freedesktop/hostname1");

/// What makes a service change something.
type Change = dyn Fn(&Surroundings, &Client);

/// A plugin, and what its service does.
struct Shown {
    plugin: &'static str,
    service: &'static str,
    parameter: String,
    /// Whether the plugin tells of it by itself; otherwise the ACS asks.
    pushed: bool,
    before: String,
    change: Box<Change>,
}

/// Starts everything, lets every service change something, and fails unless the ACS has seen it all.
pub(crate) fn run() -> ExitCode {
    let Some(around) = Surroundings::new() else {
        eprintln!("--all puts services into a network namespace, which needs root");
        return ExitCode::FAILURE;
    };
    let acs = Acs::start(Options::https());
    let device = around.device(&acs);
    for plugin in PLUGINS {
        device.ready(plugin);
    }
    let client = device.client();
    let _hostnamed = around.hostnamed(&device);
    let mut shown = all(&around, &client);

    title(
        "The ACS looks at every plugin",
        "It reads a value of each, and asks to be told of those that a plugin can tell of by itself.",
    );
    let mut session = acs.session();
    session.accept();
    for one in &mut shown {
        one.before = session
            .get_value(&one.parameter)
            .unwrap_or_else(|fault| panic!("{}: {} cannot be read: {fault:?}", one.plugin, one.parameter));
    }
    let watched: Vec<_> =
        shown.iter().filter(|one| one.pushed).map(|one| (one.parameter.as_str(), ACTIVE)).collect();
    session.set_notifications(&watched).expect("each can be watched");
    println!("{}", session.end());

    title(
        "Each service changes something by itself",
        "Nobody sets a parameter: what the ACS is told is what happened.",
    );
    for one in &shown {
        println!("{}: {}", one.plugin, one.service);
        (one.change)(&around, &client);
    }
    println!();
    let after = changes(&acs, &client, &shown);

    title("What the ACS saw", "Plugin, service, parameter: the value before and after.");
    let mut missing = 0;
    for (one, after) in shown.iter().zip(&after) {
        let changed = after.as_ref().filter(|after| **after != one.before);
        missing += usize::from(changed.is_none());
        let after = changed.map_or("NOT CHANGED", String::as_str);
        println!(
            "{:12} {}\n{:12} {} = {} -> {after}",
            one.plugin, one.service, "", one.parameter, one.before
        );
    }
    if missing > 0 {
        eprintln!("\n{missing} did not change. The log of the device:\n{}", device.log());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What the ACS is told, or finds when it asks; of each parameter the last.
fn changes(acs: &Acs, client: &Client, shown: &[Shown]) -> Vec<Option<String>> {
    let mut after: Vec<Option<String>> = vec![None; shown.len()];
    let end = Instant::now() + PATIENCE;
    let differs =
        |one: &Shown, value: &Option<String>| value.as_ref().is_some_and(|value| *value != one.before);
    while Instant::now() < end && !shown.iter().zip(&after).all(|(one, value)| differs(one, value)) {
        let open = shown.iter().zip(&after).any(|(one, value)| one.pushed && !differs(one, value));
        if !open {
            client.inform().expect("the agent can be asked for a session");
        }
        let Some(mut session) = acs.try_session_within(Duration::from_secs(5)) else { continue };
        session.accept();
        for (one, after) in shown.iter().zip(&mut after) {
            let told = session.parameter(&one.parameter).map(str::to_owned);
            if one.pushed {
                *after = told.or(after.take());
            } else {
                *after = asked(&mut session, &one.parameter);
            }
        }
        println!("{}", session.end());
    }
    after
}

fn asked(session: &mut Session, parameter: &str) -> Option<String> {
    session.get_value(parameter).ok()
}

const PLUGINS: [&str; 6] = ["demo", "demo_c", "device_info", "network", "users", "mapping"];

/// One of each plugin.
fn all(around: &Surroundings, client: &Client) -> Vec<Shown> {
    let pid = around.program.id().to_string();
    let program = eventually("the ACS can see a process", || {
        let (values, _) = client.get(&[PROCESSES]).ok()?;
        let mut values = values.into_iter().filter(|(_, _, value)| *value == pid);
        values.find_map(|(name, _, _)| name.strip_suffix("PID").map(str::to_owned))
    });
    eventually("the name of the host can be read", || {
        client.value("Device.DeviceInfo.HostName").ok().filter(|name| !name.is_empty())
    });
    let shown = |plugin, service, parameter: &str, change: Box<Change>| Shown {
        plugin,
        service,
        parameter: parameter.to_owned(),
        pushed: true,
        before: String::new(),
        change,
    };
    vec![
        shown(
            "demo",
            "a line in its pipe, as a sensor would write it",
            "Device.X_CWMPD_Demo.Temperature",
            Box::new(|around, _| around.say("demo", "Temperature=31")),
        ),
        shown(
            "demo_c",
            "a line in its pipe, as a sensor would write it",
            "Device.X_CWMPD_DemoC.Temperature",
            Box::new(|around, _| around.say("demo_c", "Temperature=32")),
        ),
        Shown {
            pushed: false,
            ..shown(
                "device_info",
                "the kernel: a process is stopped",
                &format!("{program}State"),
                Box::new(|around, _| around.stop_program()),
            )
        },
        shown(
            "network",
            "the kernel: a device of the network is plugged in",
            "Device.Ethernet.InterfaceNumberOfEntries",
            Box::new(|around, _| around.ip(&["link", "add", "lan", "type", "veth", "peer", "name", "far"])),
        ),
        shown(
            "users",
            "the files of accounts: somebody adds one",
            "Device.Users.UserNumberOfEntries",
            Box::new(|around, _| around.add_user()),
        ),
        shown(
            "mapping",
            "systemd-hostnamed: somebody gives the box another name",
            "Device.DeviceInfo.HostName",
            Box::new(|_, client| {
                let (service, path) = HOSTNAME;
                client
                    .call_at::<(), _>(service, path, service, "SetStaticHostname", &("living-room", false))
                    .expect("systemd-hostnamed takes the name");
            }),
        ),
    ]
}

/// What the device has around it.
struct Surroundings {
    folder: tempfile::TempDir,
    namespace: String,
    program: Running,
}

/// A process that ends with the demonstration.
struct Running(Child);

impl Running {
    fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Surroundings {
    /// `None` if nobody lets us make a network namespace.
    fn new() -> Option<Self> {
        let namespace = format!("cwmp-demo-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &namespace]).stderr(Stdio::null()).status();
        if !made.expect("ip is there: the Debian package iproute2 has it").success() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let program = Command::new("sleep").arg("infinity").spawn().expect("sleep is there");
        let new = Self { folder, namespace, program: Running(program) };
        new.ip(&["link", "set", "lo", "up"]);
        let etc = new.path("etc");
        std::fs::create_dir(&etc).expect("our own folder");
        let machine = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        for (name, text) in [
            ("passwd", "root:x:0:0::/root:/bin/sh\n"),
            ("group", "root:x:0:\n"),
            ("shells", "/bin/sh\n"),
            ("hostname", "box\n"),
            ("os-release", &machine),
            ("resolv.conf", ""),
        ] {
            std::fs::write(etc.join(name), text).expect("our own folder");
        }
        Some(new)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn device(&self, acs: &Acs) -> Device {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().unwrap_or(root);
        let folder = self.folder.path().display();
        Device::builder()
            .acs(acs.url())
            .trust(acs.ca_file())
            .plugin("demo", &format!("[config]\nwatch_file = '{folder}/demo'\n"))
            .plugin("demo_c", &format!("[config]\nwatch_file = '{folder}/demo_c'\n"))
            .plugin("device_info", "")
            .plugin("network", &format!("[config]\nresolv_conf = '{folder}/etc/resolv.conf'\n"))
            .plugin("users", &format!("[config]\nroot = '{folder}'\n"))
            .plugin(
                "mapping",
                &format!(
                    "[config]\nbus = 'unix:path=DEVICE/bus'\nfiles = ['hostname.toml']\nfolder = '{root}/bus-schemas/mappings'\n\
                     models = '{root}/agent/model/models'\n",
                    root = root.display()
                ),
            )
            .environment("CWMP_LOG", "info")
            .config(&format!("[plugins]\nhost = '{}'", self.host().display()))
            .start()
    }

    /// A program that runs the hosts of plugins in the namespace. The bus is a file, so it is reached from there.
    fn host(&self) -> PathBuf {
        let file = self.path("host");
        let host = binary("cwmp-plugin-host");
        let text = format!("#!/bin/sh\nexec ip netns exec {} {} \"$@\"\n", self.namespace, host.display());
        std::fs::write(&file, text).expect("our own folder");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("our own file");
        file
    }

    /// The real service, on the bus of the device, with a name and an `/etc` of its own.
    fn hostnamed(&self, device: &Device) -> Running {
        let script = "mount --bind \"$1\" /etc && mount -t tmpfs none /run && hostname box && \
                      exec /lib/systemd/systemd-hostnamed";
        let child = Command::new("unshare")
            .args(["--mount", "--uts", "sh", "-c", script, "sh"])
            .arg(self.path("etc"))
            .env("DBUS_SYSTEM_BUS_ADDRESS", device.bus.address())
            .env("SYSTEMD_LOG_TARGET", "console")
            .stderr(std::fs::File::create(self.path("hostnamed.log")).expect("our own folder"))
            .spawn();
        Running(child.expect("unshare is there: the Debian package util-linux has it"))
    }

    fn say(&self, pipe: &str, line: &str) {
        let pipe = std::fs::OpenOptions::new().write(true).open(self.path(pipe));
        let written = pipe.and_then(|mut pipe| writeln!(pipe, "{line}"));
        written.expect("the plugin reads its pipe");
    }

    fn stop_program(&self) {
        let told = Command::new("kill").args(["-STOP", &self.program.id().to_string()]).status();
        assert!(told.is_ok_and(|told| told.success()), "a process can be stopped");
    }

    fn ip(&self, arguments: &[&str]) {
        let done = Command::new("ip").args(["-n", &self.namespace]).args(arguments).status();
        assert!(done.is_ok_and(|done| done.success()), "ip {arguments:?}");
    }

    /// As the programs do that add accounts.
    fn add_user(&self) {
        let (new, passwd) = (self.path("etc/passwd+"), self.path("etc/passwd"));
        std::fs::write(&new, "root:x:0:0::/root:/bin/sh\ntv:x:100:0::/:/bin/sh\n").expect("our own folder");
        std::fs::rename(new, passwd).expect("our own folder");
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.namespace]).status();
    }
}
