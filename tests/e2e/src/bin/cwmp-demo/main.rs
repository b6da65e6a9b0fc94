//! The demonstration: a device, its ACS, and a management session that is shown.
#![forbid(unsafe_code)]

mod services;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_bus::manifest::Manifest;
use cwmp_e2e::{binary, Device, CONNECTION_REQUEST};
use tokio::signal::unix::{signal, SignalKind};

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const PROCESSES: &str = "Device.DeviceInfo.ProcessStatus.Process.";
const ACTIVE: u32 = 2;

const USAGE: &str = "Usage: tests/demo [--plugin MANIFEST] [--stay]
       tests/demo --all

  --plugin  adds a plugin to the device, whose library is where its manifest says, and shows how the ACS reads it
  --all     starts every plugin with its service, and fails unless the ACS sees what each service changes by itself
  --stay    keep device and ACS up until Ctrl-C";

fn main() -> ExitCode {
    let (mut stay, mut plugin) = (false, None);
    if std::env::args().skip(1).eq(["--all"]) {
        return services::run();
    }
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match (word.as_str(), words.size_hint().0) {
            ("--stay", _) => stay = true,
            ("--plugin", 1..) => plugin = words.next().map(PathBuf::from),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let plugin = match plugin.as_deref().map(Added::load).transpose() {
        Ok(plugin) => plugin,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let acs = Acs::start(Options::https());
    let pipes = tempfile::tempdir().expect("a folder can be made");
    let pipe = pipes.path().join("demo");
    let mut device = Device::builder()
        .acs(acs.url())
        .trust(acs.ca_file())
        .plugin("demo", &format!("[config]\nwatch_file = '{}'\n", pipe.display()))
        .plugin("demo_c", "")
        .plugin("device_info", "")
        .environment("CWMP_LOG", "info");
    if let Some(plugin) = &plugin {
        device = device.manifest(&plugin.manifest.name, &plugin.text);
    }
    let device = device.start();
    if let Some(plugin) = plugin {
        return read(&plugin, &acs, &device, &pipe, stay);
    }

    title(
        "A device starts",
        "It opens a session with its ACS over TLS and says who it is and why it calls: the Inform. An empty POST gives the\n\
         word to the ACS, whose requests come as answers: it lists the whole tree and reads it, sets values of two plugins\n\
         as one, is refused one that is out of range, adds a row, and asks to be told of a temperature. An empty answer\n\
         ends the session. CPE is the device; the numbers are seconds.",
    );
    let mut session = acs.session();
    discover(&mut session);
    change(&mut session);
    let url =
        session.get_value("Device.ManagementServer.ConnectionRequestURL").expect("it is in every Inform");
    println!("{}", session.end());

    std::fs::OpenOptions::new()
        .write(true)
        .open(&pipe)
        .and_then(|mut pipe| pipe.write_all(b"Temperature=31\n"))
        .expect("the plugin reads its pipe");
    changes(&acs);

    title(
        "The ACS asks for a session",
        "A connection request is an HTTP GET on a URL that the device told, with digest authentication.",
    );
    let (user, password) = CONNECTION_REQUEST;
    let status = acs.connection_request(&url, user, password);
    println!("GET {url} -> {status}\n");
    assert_eq!(status, 200, "the device accepts it");
    let mut session = acs.session();
    assert!(session.has_event("6 CONNECTION REQUEST"));
    session.delete(&format!("{LAMPS}1."), "demo 3").expect("the row can be deleted");
    println!("{}", session.end());

    finish(&device, &pipe, &acs, &url, stay);
    ExitCode::SUCCESS
}

/// A plugin that is not one of ours.
struct Added {
    manifest: Manifest,
    /// The manifest, with the library where it is.
    text: String,
}

impl Added {
    fn load(file: &Path) -> Result<Self, String> {
        let file = file.canonicalize().map_err(|error| format!("{}: {error}", file.display()))?;
        let manifest = Manifest::load(&file).map_err(|error| error.to_string())?;
        let library = manifest.library.as_ref().filter(|library| library.is_file());
        let library = library.ok_or_else(|| format!("{}: its library is not there", file.display()))?;
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let line = |line: &str| match line.split_once('=') {
            Some((key, _)) if key.trim() == "library" => format!("library = '{}'\n", library.display()),
            _ => format!("{line}\n"),
        };
        let text = text.lines().map(line).collect();
        Ok(Self { manifest, text })
    }
}

/// The ACS reads what the plugin has; fails if that is nothing.
fn read(plugin: &Added, acs: &Acs, device: &Device, pipe: &Path, stay: bool) -> ExitCode {
    let name = &plugin.manifest.name;
    title(
        &format!("The ACS reads the plugin {name}"),
        "The device says who it is, in its Inform. Then the ACS asks for what the new plugin owns. CPE is the device; the\n\
         numbers are seconds.",
    );
    let mut session = acs.session();
    let mut count = 0;
    for root in &plugin.manifest.roots {
        match session.get(&[root.as_str()]) {
            Ok(values) => count += values.len(),
            Err(fault) => eprintln!("{root}: {fault:?}"),
        }
    }
    let url = session.get_value("Device.ManagementServer.ConnectionRequestURL");
    println!("{}", session.end());
    if count == 0 {
        eprintln!("The plugin {name} gave no value; a table has none while it has no rows. The log of the device:\n");
        let log = std::fs::read_to_string(device.path("log")).unwrap_or_default();
        eprintln!("{log}");
        return ExitCode::FAILURE;
    }
    println!("==== The ACS got {count} values from {name}\n");
    if stay {
        finish(device, pipe, acs, &url.expect("it is in every Inform"), stay);
    }
    ExitCode::SUCCESS
}

/// The ACS looks at the whole tree.
fn discover(session: &mut Session) {
    assert!(session.has_event("0 BOOTSTRAP") && session.has_event("1 BOOT"), "the first contact");
    let names = session.names("Device.", false).expect("the tree can be listed");
    let parameters: Vec<&String> = names.iter().map(|(name, _)| name).filter(|n| !n.ends_with('.')).collect();
    for provider in ["Device.X_CWMPD_Demo.", "Device.X_CWMPD_DemoC.", "Device.DeviceInfo.MemoryStatus."] {
        assert!(names.iter().any(|(name, _)| name.starts_with(provider)), "{provider} is missing");
    }
    let values = session.get(&["Device."]).expect("the tree can be read");
    for name in parameters {
        // Processes of the machine end between the two requests.
        let lasts = !name.starts_with(PROCESSES);
        assert!(!lasts || values.iter().any(|(n, _)| n == name), "{name} is listed and cannot be read");
    }
    session
        .get(&["Device.DeviceInfo.MemoryStatus.", "Device.DeviceInfo.SoftwareVersion"])
        .expect("real values");
}

/// The ACS changes values of two plugins in one transaction, adds a row and asks for a notification.
fn change(session: &mut Session) {
    let set =
        [(LEVEL, ValueType::UnsignedInt, "75"), ("Device.X_CWMPD_DemoC.Label", ValueType::String, "Hall")];
    session.set(&set, "demo 1").expect("two plugins take it, as one");
    let wrong =
        [(LEVEL, ValueType::UnsignedInt, "1000"), ("Device.X_CWMPD_DemoC.Label", ValueType::String, "x")];
    session.set(&wrong, "demo 1").expect_err("1000 is out of range: nothing changes");
    let (row, _) = session.add(LAMPS, "demo 2").expect("a lamp can be added");
    assert_eq!(row, 1, "the first number");
    let colour = format!("{LAMPS}{row}.Colour");
    session.set(&[(&colour, ValueType::String, "Blue")], "demo 2").expect("a lamp can be blue");
    session.get(&[&format!("{LAMPS}{row}."), LEVEL]).expect("what was written is read");
    session.set_notifications(&[(TEMPERATURE, ACTIVE)]).expect("the temperature can be watched");
}

/// Values that the box changed: they come back as notifications.
fn changes(acs: &Acs) {
    let mut session = acs.session();
    if session.parameter(TEMPERATURE).is_none() {
        title(
            "The box learns its software version",
            "The first Inform waits for no plugin, so it told the version of identity.toml. The plugin that knows better\n\
             has come up since, and the standard wants this parameter always watched: event 4 VALUE CHANGE.",
        );
        session.accept();
        println!("{}", session.end());
        session = acs.session();
    }
    title(
        "The box changes a value by itself",
        "A line written to the demo plugin's pipe is what a sensor would be. The ACS had asked for an active\n\
         notification of the temperature, so the device calls at once: event 4 VALUE CHANGE.",
    );
    assert_eq!(session.parameter(TEMPERATURE), Some("31"), "the new value is in the Inform");
    session.accept();
    println!("{}", session.end());
}

fn title(what: &str, why: &str) {
    println!("==== {what}\n{why}\n");
}

fn finish(device: &Device, pipe: &Path, acs: &Acs, url: &str, stay: bool) {
    if !stay {
        println!(
            "==== That was a management session\n\
             Type this to keep the device up and play with it:\n\n    tests/demo --stay\n"
        );
        return;
    }
    let interrupted = ended();
    let bus = device.bus.address();
    let ctl = binary("cwmpctl");
    let programs = ctl.parent().unwrap_or(Path::new("."));
    let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/model/models"));
    let models = models.canonicalize().unwrap_or_else(|_| models.to_owned());
    let (user, password) = CONNECTION_REQUEST;
    println!(
        "==== The device stays up; Ctrl-C ends it. Its sessions are shown here. In another terminal:\n\n\
         \x20   export DBUS_SYSTEM_BUS_ADDRESS='{bus}'\n\
         \x20   PATH={programs}:$PATH\n\n\
         Look around, and change something:\n\n\
         \x20   cwmpctl status\n\
         \x20   cwmpctl plugins\n\
         \x20   cwmpctl get Device.X_CWMPD_Demo.\n\
         \x20   cwmpctl set {LEVEL}=20 Device.X_CWMPD_DemoC.Label=kitchen\n\
         \x20   cwmpctl set {LEVEL}=1000\n\
         \x20   cwmpctl add {LAMPS} Name=hall Colour=Red\n\
         \x20   busctl --address='{bus}' call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel GetValue s Device.DeviceInfo.SoftwareVersion\n\n\
         What the box changes by itself, seen on the bus and by the ACS, which asked for it:\n\n\
         \x20   cwmpctl watch --count 1 &\n\
         \x20   echo Temperature=35 > {pipe}\n\n\
         A session that the box opens, and one that the ACS asks for:\n\n\
         \x20   cwmpctl inform\n\
         \x20   curl -i --digest --user '{user}:{password}' {url}\n\n\
         How much of the standard it serves, and what is missing of a profile:\n\n\
         \x20   cwmpctl model --models {models}\n\n\
         Another plugin is taken in when its manifest and library are in {folder}plugins, by cwmpctl reload.\n\n\
         The log of the agent and its plugins, and all files of this device:\n\n\
         \x20   cat {log}\n\
         \x20   ls {folder}\n",
        programs = programs.display(),
        pipe = pipe.display(),
        models = models.display(),
        log = device.path("log").display(),
        folder = device.path("").display(),
    );
    let _ = std::io::stdout().flush();
    while interrupted.try_recv().is_err() {
        let Some(mut session) = acs.try_session_within(Duration::from_millis(500)) else { continue };
        session.accept();
        println!("{}", session.end());
    }
}

/// Tells when the demonstration is to end: Ctrl-C, a terminal that is closed, somebody who ends it. Its device ends with it.
fn ended() -> Receiver<()> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Whoever reads that the device stays up may end it at once.
    let all = runtime.block_on(async {
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
    });
    let [mut interrupt, mut terminate, mut hangup] = all.map(|one| one.expect("signals can be received"));
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        let _ = sender.send(());
    });
    receiver
}
