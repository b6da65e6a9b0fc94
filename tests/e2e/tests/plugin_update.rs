//! A plugin is replaced by another version of it while the agent runs, and by the one before again.

use std::path::{Path, PathBuf};
use std::process::Command;

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_e2e::{eventually, is_gone, Device, CONNECTION_REQUEST};

const BASE: &str = "Device.X_CWMPD_DemoC.";
const SENSORS: &str = "Device.X_CWMPD_DemoC.Sensor.";
const LABEL: &str = "Device.X_CWMPD_DemoC.Label";
const LEVEL: &str = "Device.X_CWMPD_DemoC.Level";
const MODE: &str = "Device.X_CWMPD_DemoC.Mode";
const COLOUR: &str = "Device.X_CWMPD_DemoC.Colour";
const TEMPERATURE: &str = "Device.X_CWMPD_DemoC.Temperature";
const DOOR: &str = "Device.X_CWMPD_DemoC.Sensor.2.Name";
const OTHER: &str = "Device.X_CWMPD_Demo.Level";
const URL: &str = "Device.ManagementServer.ConnectionRequestURL";
const LIBRARY: &str = "libcwmp_demo_c.so";

/// What the other version has that this one has not, line by line: a parameter goes, another comes, a range is wider.
const EDITS: [(&str, &str, &str); 6] = [
    (
        "demo_c.c",
        r#"PARAM("Mode", CWMP_STRING, W, "enum=Eco|Normal|Boost;default=Normal")"#,
        r#"PARAM("Colour", CWMP_STRING, W, "default=Red")"#,
    ),
    ("demo_c.c", r#""range=0:100;default=50""#, r#""range=0:200;default=50""#),
    ("demo_c.c", r#".version = TEXT(""#, r#".version = TEXT("other "#),
    ("demo_c.c", r#".build = TEXT(""#, r#".build = TEXT("other "#),
    (
        "state.c",
        r#"{"Mode", CWMP_STRING, 0, 0, "|Eco|Normal|Boost|", "Normal"}"#,
        r#"{"Colour", CWMP_STRING, 0, 0, NULL, "Red"}"#,
    ),
    ("state.c", r#"{"Level", CWMP_UNSIGNED_INT, 0, 100,"#, r#"{"Level", CWMP_UNSIGNED_INT, 0, 200,"#),
];

/// Builds the plugin with these edits; its library.
fn build(folder: &Path, edits: &[(&str, &str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::create_dir(folder).unwrap();
    for file in std::fs::read_dir(root.join("plugins/demo-c")).unwrap().flatten() {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    for (file, old, new) in edits {
        let file = folder.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old} is in the plugin, once");
        std::fs::write(&file, text.replace(old, new)).unwrap();
    }
    let made = Command::new("make")
        .arg("-sC")
        .arg(folder)
        .arg(format!("ABI={}", root.join("plugins/abi/include").display()))
        .env_remove("MAKEFLAGS")
        .output()
        .expect("make can be run: the Debian package build-essential has it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder.join(LIBRARY)
}

/// What a package manager does, and the restart of the unit: a new file takes the place of the one that is in use, and
/// the host ends in order and comes back.
fn install(device: &Device, library: &Path, is_other: bool) {
    let new = device.path("plugins/new");
    std::fs::copy(library, &new).unwrap();
    std::fs::rename(new, device.path("plugins").join(LIBRARY)).unwrap();
    let host = device.host("demo_c");
    assert!(Command::new("kill").arg(host.to_string()).status().unwrap().success());
    eventually("the host ends", || is_gone(host).then_some(()));
    let client = device.client();
    eventually("the other version serves", || {
        let all: Vec<(String, String, String, String, Vec<String>)> = client.try_property("Providers")?;
        let is_it = |p: &(String, String, String, String, Vec<String>)| {
            p.0 == "demo_c" && p.1 == "ready" && p.2.starts_with("other") == is_other
        };
        all.iter().any(is_it).then_some(())
    });
}

fn ask(acs: &Acs, device: &Device) -> Session {
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&device.client().value(URL).unwrap(), user, password), 200);
    acs.session()
}

fn names(session: &mut Session, path: &str) -> Vec<String> {
    session.names(path, true).unwrap().into_iter().map(|(name, _)| name).collect()
}

fn has(session: &mut Session, name: &str) -> bool {
    names(session, BASE).iter().any(|n| n == name)
}

/// What an ACS made and set, and what the agent knows of it.
fn is_kept(session: &mut Session) {
    for (name, value) in [
        (LABEL, "mine"),
        (LEVEL, "60"),
        (DOOR, "Door"),
        (&format!("{SENSORS}2.Alias"), "door"),
        (OTHER, "7"),
        ("Device.ManagementServer.ParameterKey", "filled"),
    ] {
        assert_eq!(session.get_value(name).unwrap(), value, "{name}");
    }
    assert_eq!(names(session, SENSORS), [format!("{SENSORS}2.")]);
    for (name, level) in [(LEVEL, 2), (DOOR, 2), (TEMPERATURE, 1), (OTHER, 1)] {
        assert_eq!(session.attributes(&[name]).unwrap()[0].1, level, "{name}");
    }
}

/// C111, C135, C139: nobody but the host of this plugin is started again. What it has now is seen from the next session on;
/// rows keep their numbers and aliases, parameters their attributes, and the rest of the tree is as it was.
#[test]
fn a_plugin_is_updated_and_rolled_back_while_the_agent_runs() {
    let folder = tempfile::tempdir().unwrap();
    let old = build(&folder.path().join("old"), &[]);
    let new = build(&folder.path().join("new"), &EDITS);
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).plugin("demo_c", "").plugin("demo", "").start();
    device.ready("demo_c");
    device.ready("demo");
    let mut session = acs.session();
    for number in [1, 2] {
        assert_eq!(session.add(SENSORS, "").unwrap().0, number);
    }
    session.delete(&format!("{SENSORS}1."), "").unwrap();
    let values = [
        (LABEL, ValueType::String, "mine"),
        (LEVEL, ValueType::UnsignedInt, "60"),
        (MODE, ValueType::String, "Boost"),
        (DOOR, ValueType::String, "Door"),
        (&format!("{SENSORS}2.Alias"), ValueType::String, "door"),
        (OTHER, ValueType::UnsignedInt, "7"),
    ];
    assert_eq!(session.set(&values, "filled").unwrap(), 0);
    session.set_notifications(&[(LEVEL, 2), (DOOR, 2), (TEMPERATURE, 1), (OTHER, 1), (MODE, 1)]).unwrap();
    is_kept(&mut session);
    session.end();
    let others = (device.pid(), device.host("demo"));

    // In the middle of a session, which goes on with what there was when it began.
    let mut session = ask(&acs, &device);
    assert!(has(&mut session, MODE));
    install(&device, &new, true);
    assert!(has(&mut session, MODE) && !has(&mut session, COLOUR), "the lists of a session do not change");
    let wide = [(LEVEL, ValueType::UnsignedInt, "150")];
    assert_eq!(session.set(&wide, "").unwrap_err().code, 9003);
    is_kept(&mut session);
    session.end();

    let mut session = ask(&acs, &device);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"], "what is gone is no change of a value");
    assert!(!has(&mut session, MODE) && has(&mut session, COLOUR));
    is_kept(&mut session);
    assert_eq!(session.get_value(COLOUR).unwrap(), "Red");
    assert_eq!(session.get_value(MODE).unwrap_err().code, 9005);
    assert_eq!(session.set(&wide, "").unwrap(), 0);
    assert_eq!(session.get_value(LEVEL).unwrap(), "150");
    let again = [(LEVEL, ValueType::UnsignedInt, "60"), (COLOUR, ValueType::String, "Green")];
    assert_eq!(session.set(&again, "filled").unwrap(), 0);
    // The numbers of rows go on where they were.
    assert_eq!(session.add(SENSORS, "filled").unwrap().0, 3);
    session.delete(&format!("{SENSORS}3."), "filled").unwrap();
    session.end();

    install(&device, &old, false);
    let mut session = ask(&acs, &device);
    // The other version has not kept what it does not have.
    assert_eq!(session.events(), ["4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    assert_eq!((session.parameter(MODE), session.parameter(LEVEL)), (Some("Normal"), None));
    assert!(has(&mut session, MODE) && !has(&mut session, COLOUR));
    is_kept(&mut session);
    assert_eq!(session.attributes(&[MODE]).unwrap()[0].1, 1, "what was known of it is known again");
    assert_eq!(session.set(&wide, "").unwrap_err().code, 9003);
    assert_eq!(session.add(SENSORS, "").unwrap().0, 4);
    session.end();
    assert_eq!((device.pid(), device.host("demo")), others, "nobody else was started again");
}
