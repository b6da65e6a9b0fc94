//! What the device says of its data model: the table of supported models, their documents, and the profiles.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_bus::names;
use cwmp_e2e::native::{Native, PathFaults, Serve, Values};
use cwmp_e2e::{binary, Device};

const TABLE: &str = "Device.DeviceInfo.SupportedDataModel.";
const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/model/models");

/// The value of a parameter in a row.
fn cell(values: &[(String, String)], row: &str, leaf: &str) -> String {
    let name = format!("{TABLE}{row}.{leaf}");
    let found = values.iter().find(|(n, _)| *n == name);
    found.map_or_else(|| panic!("no {name}: {values:?}"), |(_, v)| v.clone())
}

fn device(acs: &Acs) -> Device {
    let device = Device::builder().acs(acs.url()).plugin("device_info", "").plugin("demo", "").start();
    device.ready("device_info");
    device.ready("demo");
    device
}

/// What lies behind a URL of the table, as an ACS fetches it: `localhost` is the host of the connection request URL.
fn fetch(device: &Device, url: &str) -> (u16, String) {
    let request_url = device.client().value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    let host = request_url.trim_start_matches("http://").split('/').next().unwrap();
    let rest = url.strip_prefix("http://localhost:").expect("the host is localhost");
    let (port, path) = rest.split_once('/').unwrap();
    assert_eq!(host.split(':').nth(1), Some(port));
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// The table is never empty, tells the model with its URN, and its URL leads to a document with the same UUID.
#[test]
fn the_supported_data_model_is_described_as_it_is() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let mut session = acs.session();
    let values = session.get(&[TABLE, "Device.DeviceInfo.SupportedDataModelNumberOfEntries"]).unwrap();
    let values: Vec<(String, String)> = values.into_iter().map(|(name, value)| (name, value.text)).collect();
    assert!(
        values.contains(&("Device.DeviceInfo.SupportedDataModelNumberOfEntries".to_owned(), "1".to_owned()))
    );
    assert_eq!(cell(&values, "1", "URN"), "urn:broadband-forum-org:tr-181-2-19-1-cwmp");
    let (url, uuid) = (cell(&values, "1", "URL"), cell(&values, "1", "UUID"));
    let (status, document) = fetch(&device, &url);
    assert_eq!(status, 200);
    assert!(document.contains(&format!("uuid=\"{uuid}\"")), "{document}");
    assert!(document.contains("<model ref=\"Device:2.19\">"), "{document}");
    // What is served is in it, with its access; what is not, and what a vendor adds, is not.
    assert!(
        document.contains("<parameter ref=\"PeriodicInformInterval\" access=\"readWrite\"/>"),
        "{document}"
    );
    assert!(document.contains("<object ref=\"Device.DeviceInfo.ProcessStatus.Process.{i}.\" access=\"readOnly\" minEntries=\"0\" maxEntries=\"unbounded\">"), "{document}");
    assert!(
        document.contains("<parameter ref=\"CPUUsage\" access=\"readOnly\" activeNotify=\"willDeny\"/>"),
        "{document}"
    );
    assert!(!document.contains("X_CWMPD") && !document.contains("Device.WiFi."), "{document}");
    valid(&document);
    // Nobody adds or deletes rows, and an alias is kept.
    assert_eq!(session.add(TABLE, "").unwrap_err().code, 9005);
    assert_eq!(session.delete(&format!("{TABLE}1."), "").unwrap_err().code, 9005);
    session.set(&[(&format!("{TABLE}1.Alias"), ValueType::String, "root")], "").unwrap();
    session.end();
    assert_eq!(fetch(&device, &url.replace(&uuid, "other")).0, 404);
    device.restart();
    device.ready("device_info");
    device.ready("demo");
    assert_eq!(device.client().value(&format!("{TABLE}1.Alias")).unwrap(), "root");
    assert_eq!(device.client().value(&format!("{TABLE}1.UUID")).unwrap(), uuid, "nothing changed");
}

/// A daemon that serves a little of a service model.
struct Service;

impl Serve for Service {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        let row = "Device.Services.StorageService.{i}.";
        vec![(row.to_owned(), 0, 3, String::new()), (format!("{row}Enable"), 6, 1 << 2, String::new())]
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        (
            paths.iter().filter(|p| !p.ends_with('.')).map(|p| (p.clone(), 6, "true".to_owned())).collect(),
            Vec::new(),
        )
    }

    fn instances(&self) -> cwmp_e2e::native::Tables {
        vec![("Device.Services.StorageService.".to_owned(), vec![(1, String::new(), 0)])]
    }
}

/// Every model has a row of its own, that comes and goes with what serves it.
#[test]
fn a_service_model_has_a_row_as_long_as_it_is_served() {
    let manifest = "name = 'native'\nroots = ['Device.Services.StorageService.']\n";
    let device = Device::builder().manifest("native", manifest).start();
    device.present();
    let client = device.client();
    let count = || client.value("Device.DeviceInfo.SupportedDataModelNumberOfEntries").unwrap();
    assert_eq!(count(), "1");
    let before = client.value(&format!("{TABLE}1.UUID")).unwrap();
    let (_native, announced) = Native::start(device.bus.address(), "native", Service);
    announced.unwrap();
    device.ready("native");
    assert_eq!(count(), "2");
    let urn = |row: u32| client.value(&format!("{TABLE}{row}.URN")).unwrap();
    assert_eq!(
        (urn(1).as_str(), urn(2).as_str()),
        ("urn:broadband-forum-org:tr-181-2-19-1-cwmp", "urn:broadband-forum-org:tr-140-1-3-1")
    );
    std::fs::remove_file(device.path("plugins/native.toml")).unwrap();
    client.call::<(), _>(names::AGENT, "Reload", &()).unwrap();
    assert_eq!(count(), "1");
    assert_eq!(client.value(&format!("{TABLE}1.UUID")).unwrap(), before, "the same model, the same document");
}

/// The program as a person uses it.
fn cwmpctl(device: &Device, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(binary("cwmpctl"))
        .args(["--bus", device.bus.address(), "model", "--models", MODELS])
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_profiles_are_held_against_what_is_served() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    acs.session().end();
    let (code, all) = cwmpctl(&device, &[]);
    assert_eq!(code, 0, "{all}");
    let line = |profile: &str| {
        let line = all.lines().find(|l| l.split_whitespace().nth(1) == Some(profile));
        line.map(|l| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let complete = line("SupportedDataModel:2").unwrap_or_else(|| panic!("{all}"));
    assert_eq!((complete[2].as_str(), complete.len()), (complete[3].as_str(), 4), "{complete:?}");
    assert!(line("WiFiRadio:1").is_none(), "{all}");
    let (code, missing) = cwmpctl(&device, &["WiFiRadio:1"]);
    assert_eq!(code, 1);
    assert!(missing.contains("Device.WiFi.Radio.{i}.Channel"), "{missing}");
    let (code, json) = cwmpctl(&device, &["--json", "SupportedDataModel:2"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let profile = &json["models"][0]["profiles"][0];
    assert_eq!((code, &profile["missing"]), (0, &serde_json::json!([])), "{json}");
    assert_eq!(cwmpctl(&device, &["Nonsense:1"]).0, 2);
}

/// The schema of device types, if the schemas of the Broadband Forum are here.
fn valid(document: &str) {
    let schemas: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bbf/xsd");
    if !schemas.is_dir() {
        println!("skipped: the schemas of the Broadband Forum are not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = String::from("<catalog xmlns='urn:oasis:names:tc:entity:xmlns:xml:catalog'>");
    for file in [
        "cwmp-devicetype-1-4.xsd",
        "cwmp-datamodel-1-7.xsd",
        "cwmp-devicetype-features.xsd",
        "cwmp-datamodel-report.xsd",
    ] {
        let path = schemas.canonicalize().unwrap().join(file);
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://www.broadband-forum.org/cwmp/{file}");
            let path = path.display();
            let _ = write!(
                catalog,
                "<uri name='{url}' uri='file://{path}'/><system systemId='{url}' uri='file://{path}'/>"
            );
        }
    }
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("catalog.xml"), catalog + "</catalog>").unwrap();
    std::fs::write(at("document.xml"), document).unwrap();
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(schemas.join("cwmp-devicetype-1-4.xsd"))
        .arg(at("document.xml"))
        .env("XML_CATALOG_FILES", at("catalog.xml"))
        .output()
        .expect("xmllint is missing: install the Debian package libxml2-utils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
