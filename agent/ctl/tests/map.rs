//! `cwmpctl map`: mapping files against the standard and against a service.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cwmp_e2e::service::{value, Service};
use cwmp_e2e::Bus;
use zbus::zvariant::Value;

const MAPPING: &str = r#"
mapping = 1
[service.host]
name = "org.example.Host1"
path = "/org/example/Host1"
interface = "org.example.Host1"
[parameter."Device.DeviceInfo.HostName"]
property = "Name"
write = { method = "SetName", signature = "sb", arguments = ["{value}", false] }
[table."Device.X_HOST_Disk.{i}."]
objects = "org.example.Host1.Disk"
key = "Serial"
[parameter."Device.X_HOST_Disk.{i}.Size"]
type = "unsignedLong"
property = "Size"
"#;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn map(arguments: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cwmpctl"));
    command.arg("map").arg("--models").arg(root().join("agent/model/models")).args(arguments).arg(file);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_file_that_fits_the_standard_has_roots() {
    let output = map(&["--roots"], &root().join("bus-schemas/mappings/time.toml"));
    let roots =
        "Device.Time.Client.\nDevice.Time.CurrentLocalTime\nDevice.Time.Enable\nDevice.Time.LocalTimeZone\n\
                 Device.Time.Status\n";
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), roots.to_owned()));
}

#[test]
fn every_problem_is_a_line_that_says_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    let bad = MAPPING.replace("DeviceInfo.HostName", "DeviceInfo.Hostnam").replace("unsignedLong", "ulong");
    std::fs::write(&file, bad).unwrap();
    let output = map(&[], &file);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("bad.toml:14: parameter.\"Device.X_HOST_Disk.{i}.Size\".type: 'ulong' is no type"),
        "{shown}"
    );
    std::fs::write(&file, MAPPING.replace("DeviceInfo.HostName", "DeviceInfo.Hostnam")).unwrap();
    let shown = text(&map(&[], &file).stdout);
    assert!(shown.contains("did you mean Device.DeviceInfo.HostName?"), "{shown}");
    // A file or a folder that is not there is a wrong command line.
    assert_eq!(map(&[], &folder.path().join("none.toml")).status.code(), Some(2));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cwmpctl"));
    let output = command.args(["map", "--models", "/none"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--models names the folder"));
}

const XML: &str = r#"<node><interface name="org.example.Host1"><property name="Name" type="s" access="read"/>
<method name="SetName"><arg type="s" direction="in"/><arg type="b" direction="in"/></method></interface>
<interface name="org.freedesktop.DBus.ObjectManager"/></node>"#;
const DISK: &str = r#"<node><interface name="org.example.Host1.Disk"><property name="Serial" type="s" access="read"/>
<property name="Size" type="t" access="read"/></interface></node>"#;

#[test]
fn a_service_is_asked_whether_it_is_as_the_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::start(folder.path());
    let file = folder.path().join("host.toml");
    std::fs::write(&file, MAPPING).unwrap();
    let check = |json: &[&str]| map(&[&["--check", "--bus", bus.address()], json].concat(), &file);
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("org.example.Host1 shows nothing at /org/example/Host1"));
    let service = Service::start(bus.address(), "org.example.Host1");
    service.method("Introspect", |_, _| Ok(vec![Value::from(XML)]));
    let output = check(&[]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "2 roots, no problem\n".to_owned()));
    assert!(text(&output.stderr).contains("has no object for Device.X_HOST_Disk.{i}. now"), "{output:?}");
    // With a row there is something to look at.
    let disk = "/org/example/Host1/disk0";
    service.hand().put(disk, "org.example.Host1.Disk", "Serial", value("S1"));
    service.method("Introspect", move |hand, _| {
        let _ = hand;
        Ok(vec![Value::from(format!("<node>{}{}</node>", inside(XML), inside(DISK)))])
    });
    let output = check(&["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["problems"], &report["unchecked"]), (&serde_json::json!([]), &serde_json::json!([])));
    service.method("Introspect", |_, _| Ok(vec![Value::from(XML.replace("SetName", "Rename"))]));
    let shown = text(&check(&[]).stdout);
    assert!(shown.contains("org.example.Host1 has no method SetName; it has: Rename"), "{shown}");
}

/// What stands between the tags of a node.
fn inside(xml: &str) -> &str {
    xml.trim_start_matches("<node>").trim_end_matches("</node>")
}
