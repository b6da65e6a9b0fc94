use std::path::PathBuf;

use cwmp_e2e::service::{value, Hand, Manners, Service};
use cwmp_e2e::{eventually, Bus};
use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::Error;
use zbus::zvariant::{ObjectPath, Value};

use super::*;

const NAME: &str = "org.example.Lamps1";
const ROOT: &str = "/org/example/Lamps1";
const HOUSE: &str = "org.example.Lamps1";
const LAMP: &str = "org.example.Lamps1.Lamp";
const BULB: &str = "org.example.Lamps1.Bulb";

const MAPPING: &str = r#"
mapping = 1

[service.lamps]
name = "org.example.Lamps1"
path = "/org/example/Lamps1"
interface = "org.example.Lamps1"
timeout_ms = 500

[parameter."Device.X_LAMPS_House.Name"]
type = "string"
facets = "size=:16"
property = "Name"
write = true
when_absent = "nobody"

[parameter."Device.X_LAMPS_House.Power"]
type = "string"
facets = "enum=On|Off|Unknown"
property = "Power"
values = { 0 = "Off", 1 = "On" }
otherwise = "Unknown"
write = { method = "SetPower", signature = "us", arguments = ["{value}", "from {value}"] }

[parameter."Device.X_LAMPS_House.Code"]
type = "string"
secret = true
property = "Code"
write = { property = "Code", signature = "u" }

[parameter."Device.X_LAMPS_House.Since"]
type = "dateTime"
property = "Since"
convert = "unix-us"

[parameter."Device.X_LAMPS_House.Version"]
type = "string"
method = "GetVersion"
signature = "s"
arguments = ["long"]
element = [1]

[parameter."Device.X_LAMPS_House.Bulbs"]
type = "unsignedInt"
count = "org.example.Lamps1.Bulb"

[parameter."Device.X_LAMPS_House.Kind"]
type = "string"
constant = "house"

[table."Device.X_LAMPS_House.Lamp.{i}."]
objects = "org.example.Lamps1.Lamp"
key = "Serial"
where = [{ property = "Hidden", is = false }]

[parameter."Device.X_LAMPS_House.Lamp.{i}.Level"]
type = "unsignedInt"
facets = "range=0:100"
property = "Level"
multiply = 100
divide = 255
write = true

[parameter."Device.X_LAMPS_House.Lamp.{i}.Colours"]
type = "string"
facets = "list=0:9"
property = "Colours"

[parameter."Device.X_LAMPS_House.Lamp.{i}.Twin"]
type = "string"
property = "Twin"
row_of = "Device.X_LAMPS_House.Lamp.{i}."

[parameter."Device.X_LAMPS_House.Lamp.{i}.RoomName"]
type = "string"
via = "Room"
interface = "org.example.Lamps1.Room"
property = "Name"

[table."Device.X_LAMPS_House.Lamp.{i}.Bulb.{i}."]
objects = "org.example.Lamps1.Bulb"
key = "path"

[parameter."Device.X_LAMPS_House.Lamp.{i}.Bulb.{i}.Watts"]
type = "int"
property = "Watts"
"#;

fn path(text: &str) -> zbus::zvariant::OwnedValue {
    value(ObjectPath::try_from(text.to_owned()).unwrap())
}

fn lamp(hand: &Hand, name: &str, serial: &str, level: u8) {
    let at = format!("{ROOT}/{name}");
    hand.put(&at, LAMP, "Serial", value(serial));
    hand.put(&at, LAMP, "Hidden", value(false));
    hand.put(&at, LAMP, "Level", value(level));
    hand.put(&at, LAMP, "Colours", value(vec!["red", "blue"]));
    hand.put(&at, LAMP, "Twin", path("/"));
    hand.put(&at, LAMP, "Room", path(&format!("{ROOT}/kitchen")));
}

fn house(hand: &Hand) {
    hand.put(ROOT, HOUSE, "Name", value("home"));
    hand.put(ROOT, HOUSE, "Power", value(1_u32));
    hand.put(ROOT, HOUSE, "Code", value(1234_u32));
    hand.put(ROOT, HOUSE, "Since", value(1_700_000_000_000_000_u64));
    lamp(hand, "a", "S-A", 255);
    lamp(hand, "b", "S-B", 51);
    hand.put(&format!("{ROOT}/b"), LAMP, "Twin", path(&format!("{ROOT}/a")));
    hand.put(&format!("{ROOT}/kitchen"), "org.example.Lamps1.Room", "Name", value("Kitchen"));
    for (at, watts) in [("a/0", 40), ("a/1", 60), ("b/0", 10)] {
        hand.put(&format!("{ROOT}/{at}"), BULB, "Watts", value(watts));
    }
}

struct World {
    folder: tempfile::TempDir,
    bus: Bus,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lamps.toml"), MAPPING).unwrap();
        let bus = Bus::start(folder.path());
        Self { folder, bus }
    }

    fn service(&self) -> Service {
        let service = Service::start_with(self.bus.address(), NAME, house);
        service.method("GetVersion", |_, _| Ok(vec![Value::from(7_u32), Value::from("7.1")]));
        service.method("SetPower", |hand, arguments| {
            let power = arguments[0].try_to_owned().unwrap();
            hand.change(ROOT, HOUSE, "Power", power);
            Ok(Vec::new())
        });
        service
    }

    fn config(&self, files: &str) -> String {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        format!(
            r#"{{"files": {files}, "folder": "{}", "models": "{}", "bus": "{}"}}"#,
            self.folder.path().display(),
            root.join("agent/model/models").display(),
            self.bus.address(),
        )
    }

    fn plugin(&self) -> Harness {
        Harness::new(&PLUGIN, &self.config(r#"["lamps.toml"]"#))
    }
}

fn at(name: &str) -> String {
    format!("Device.X_LAMPS_House.{name}")
}

/// Waits until a parameter has a value.
fn becomes(plugin: &Harness, name: &str, expected: &Result<String, Error>) {
    let mut last = None;
    eventually(&format!("{name} becomes {expected:?}"), || {
        let now = plugin.get(&at(name));
        let done = now == *expected;
        last = Some(now);
        done.then_some(())
    });
}

#[allow(clippy::unnecessary_wraps)] // what it is compared with
fn ok(text: &str) -> Result<String, Error> {
    Ok(text.to_owned())
}

#[test]
fn a_whole_tree_is_read_with_one_call_for_each_source() {
    let world = World::new();
    let service = world.service();
    let plugin = world.plugin();
    assert_eq!(plugin.rows(&at("Lamp.")).unwrap().len(), 2);
    service.calls();
    let tree = plugin.tree();
    let shown: Vec<String> =
        tree.iter().map(|(n, v)| format!("{} {}", &n[21..], v.as_deref().unwrap_or("?"))).collect();
    let expected = [
        "Bulbs 3",
        // It is the host that never asks for a secret.
        "Code 1234",
        "Kind house",
        "Lamp.1.Bulb.1.Watts 40",
        "Lamp.1.Bulb.2.Watts 60",
        "Lamp.2.Bulb.1.Watts 10",
        "Lamp.1.Colours red,blue",
        "Lamp.2.Colours red,blue",
        "Lamp.1.Level 100",
        "Lamp.2.Level 20",
        "Lamp.1.RoomName Kitchen",
        "Lamp.2.RoomName Kitchen",
        "Lamp.1.Twin ",
        "Lamp.2.Twin Device.X_LAMPS_House.Lamp.1",
        "Name home",
        "Power On",
        "Since 2023-11-14T22:13:20Z",
        "Version 7.1",
    ];
    assert_eq!(shown, expected);
    service.calls();
    let names: Vec<&str> = tree.iter().map(|(n, _)| n.as_str()).collect();
    plugin.get_all(&names);
    let mut calls = service.calls();
    calls.sort();
    let root = format!("{ROOT} ");
    // The kitchen is one of the objects of the manager, which came with the others.
    assert_eq!(calls, ["GetAll", "GetManagedObjects", "GetVersion"].map(|m| format!("{root}{m}")));
}

#[test]
fn values_are_set_by_property_and_by_method_and_taken_back() {
    let world = World::new();
    let service = world.service();
    let mut plugin = world.plugin();
    plugin.tree();
    plugin.set(&[(&at("Name"), "castle"), (&at("Power"), "Off"), (&at("Lamp.2.Level"), "40")]).unwrap();
    assert_eq!(plugin.get(&at("Name")), ok("castle"));
    assert_eq!(service.hand().shown(ROOT, HOUSE, "Power"), "uint32 0");
    assert_eq!(service.hand().shown(&format!("{ROOT}/b"), LAMP, "Level"), "byte 0x66");
    assert_eq!(plugin.get(&at("Lamp.2.Level")), ok("40"));
    // Nothing is different before commit, and after a rollback nothing is.
    let txn = plugin.stage(&[Step::set(&at("Name"), "hut"), Step::set(&at("Power"), "On")]).unwrap();
    assert_eq!(plugin.get(&at("Name")), ok("castle"));
    plugin.commit(txn).unwrap();
    assert_eq!(plugin.get(&at("Power")), ok("On"));
    plugin.rollback(txn).unwrap();
    assert_eq!((plugin.get(&at("Name")), plugin.get(&at("Power"))), (ok("castle"), ok("Off")));
    assert!(plugin.store().is_empty(), "{:?}", plugin.store());
}

/// C106: each change in error has its own fault, and nothing is done.
#[test]
fn a_value_that_cannot_be_set_is_refused_before_anything_is_done() {
    let world = World::new();
    let service = world.service();
    let mut plugin = world.plugin();
    plugin.tree();
    service.calls();
    let steps = [
        Step::set(&at("Name"), "new"),
        Step::set(&at("Power"), "Unknown"),
        Step::set(&at("Since"), "2024-01-01T00:00:00Z"),
        Step::set(&at("Lamp.1.Level"), "900"),
        Step::set(&at("Lamp.9.Level"), "1"),
        Step::delete(&at("Lamp.1.")),
        Step::set(&at("Code"), "hunter2"),
    ];
    let faults = plugin.stage(&steps).unwrap_err();
    let shown: Vec<String> = faults.iter().map(|(i, e)| format!("{i} {} {}", e.status(), e.text())).collect();
    assert_eq!(faults.len(), 6, "{shown:?}");
    assert!(shown[0].starts_with("1 -7 ") && shown[0].contains("Off, On"), "{shown:?}");
    assert!(shown[1].starts_with("2 -8 "), "{shown:?}");
    assert!(shown[2].starts_with("3 -7 ") && shown[2].contains("0 to 255"), "{shown:?}");
    assert!(shown[3].starts_with("4 -5 "), "{shown:?}");
    assert!(shown[4].starts_with("5 -2 "), "{shown:?}");
    // What is secret is not told to anybody, not even as a value that was refused.
    assert_eq!(shown[5], "6 -7 cannot be set to this value");
    assert!(service.calls().iter().all(|c| !c.ends_with(" Set")), "something was done");
    // A refusal of the service itself fails the commit, and the rollback restores what was done before it.
    service.method("SetPower", |_, _| Err("org.freedesktop.DBus.Error.AccessDenied".to_owned()));
    let txn = plugin.stage(&[Step::set(&at("Name"), "new"), Step::set(&at("Power"), "Off")]).unwrap();
    assert!(matches!(plugin.commit(txn), Err(Error::Denied(text)) if text.contains("refused by the test")));
    assert_eq!(plugin.get(&at("Name")), ok("new"));
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(&at("Name")), ok("home"));
}

/// C103: not even a power cut leaves half of a transaction.
#[test]
fn what_was_committed_is_taken_back_even_after_a_power_cut() {
    let world = World::new();
    let _service = world.service();
    let mut plugin = world.plugin();
    plugin.tree();
    let steps = [Step::set(&at("Name"), "new"), Step::set(&at("Power"), "Off")];
    let txn = plugin.stage(&steps).unwrap();
    plugin.commit(txn).unwrap();
    let plugin = plugin.power_cut();
    // The agent prepares it again, and then has reason to take it back: the first old value counts.
    plugin.prepare(txn, &steps).unwrap();
    plugin.rollback(txn).unwrap();
    assert_eq!((plugin.get(&at("Name")), plugin.get(&at("Power"))), (ok("home"), ok("On")));
    // Or it takes it back at once.
    plugin.prepare(txn, &steps).unwrap();
    plugin.commit(txn).unwrap();
    let plugin = plugin.power_cut();
    plugin.rollback(txn).unwrap();
    assert_eq!((plugin.get(&at("Name")), plugin.get(&at("Power"))), (ok("home"), ok("On")));
    assert!(plugin.store().is_empty());
}

/// A service that went between prepare and commit has done nothing: taking it back does not wait for it.
#[test]
fn a_write_that_nobody_was_there_for_is_taken_back_at_once() {
    let world = World::new();
    let service = world.service();
    let mut plugin = world.plugin();
    plugin.tree();
    let txn = plugin.stage(&[Step::set(&at("Name"), "new"), Step::set(&at("Power"), "Off")]).unwrap();
    drop(service);
    hears(&plugin, &at("Power"));
    assert!(plugin.commit(txn).is_err());
    plugin.rollback(txn).unwrap();
    assert!(plugin.store().is_empty(), "{:?}", plugin.store());
}

#[test]
fn changes_are_told_by_name() {
    let world = World::new();
    let service = world.service();
    let plugin = world.plugin();
    plugin.tree();
    let hand = service.hand();
    hand.change(ROOT, HOUSE, "Name", value("other"));
    assert_eq!(plugin.wait_changed(), [at("Name")]);
    hand.change(&format!("{ROOT}/b"), LAMP, "Level", value(0_u8));
    assert_eq!(plugin.wait_changed(), [at("Lamp.2.Level")]);
    hand.change(&format!("{ROOT}/kitchen"), "org.example.Lamps1.Room", "Name", value("Bath"));
    assert_eq!(plugin.wait_changed(), [at("Lamp.1.RoomName"), at("Lamp.2.RoomName")]);
    plugin.tables_changed();
    lamp(hand, "c", "S-C", 1);
    hand.announce(ROOT, &format!("{ROOT}/c"));
    eventually("the table is told", || plugin.tables_changed().contains(&at("Lamp.")).then_some(()));
    assert_eq!(plugin.rows(&at("Lamp.")).unwrap().len(), 3);
    hand.remove(ROOT, &format!("{ROOT}/a"));
    eventually("the table is told", || plugin.tables_changed().contains(&at("Lamp.")).then_some(()));
    assert!(matches!(plugin.get(&at("Lamp.1.Level")), Err(Error::Name(_))));
    assert_eq!(plugin.get(&at("Lamp.2.Twin")), ok(""), "a reference to what is gone is empty");
    // The row comes back with its number, for its key is the same, even at another path.
    lamp(hand, "z", "S-A", 255);
    assert_eq!(plugin.get(&at("Lamp.1.Level")), ok("100"));
}

/// Waits until a name is told.
fn hears(plugin: &Harness, name: &str) {
    let mut all = Vec::new();
    eventually(&format!("{name} is told"), || {
        all.extend(plugin.changed());
        all.iter().any(|n| n == name).then_some(())
    });
}

#[test]
fn a_service_may_be_absent_come_late_go_and_come_again() {
    let world = World::new();
    let plugin = world.plugin();
    let absent = Err(Error::internal("org.example.Lamps1 is not on the bus"));
    assert_eq!(plugin.get(&at("Power")), absent);
    assert_eq!(plugin.get(&at("Name")), ok("nobody"));
    assert_eq!(plugin.get(&at("Kind")), ok("house"));
    assert_eq!(plugin.rows(&at("Lamp.")), Ok(Vec::new()));
    for _ in 0..2 {
        let service = world.service();
        hears(&plugin, &at("Power"));
        assert_eq!(plugin.get(&at("Power")), ok("On"));
        assert_eq!(plugin.rows(&at("Lamp.")).unwrap().len(), 2);
        plugin.changed();
        drop(service);
        hears(&plugin, &at("Name"));
        assert_eq!(plugin.get(&at("Power")), absent);
    }
    let faults = { plugin }.stage(&[Step::set(&at("Power"), "Off")]).unwrap_err();
    assert_eq!(faults, [(0, Error::internal("org.example.Lamps1 is not on the bus"))]);
}

#[test]
fn a_service_that_behaves_badly_costs_its_own_parameters_only() {
    let world = World::new();
    let other =
        MAPPING.replace("X_LAMPS_House", "X_LAMPS_Hut").replace("org.example.Lamps1", "org.example.Lamps2");
    std::fs::write(world.folder.path().join("hut.toml"), other).unwrap();
    let service = world.service();
    let good = Service::start_with(world.bus.address(), "org.example.Lamps2", |hand| {
        hand.put(ROOT, "org.example.Lamps2", "Name", value("hut"));
    });
    let plugin = Harness::new(&PLUGIN, &world.config(r#"["lamps.toml", "hut.toml"]"#));
    let names = [at("Power"), at("Version"), "Device.X_LAMPS_Hut.Name".to_owned()];
    let names = names.each_ref().map(String::as_str);
    good.hand().put("/org/example/Lamps2", "org.example.Lamps2", "Name", value("hut"));
    for (manners, expected) in [
        (Manners::Garbage, "something else"),
        (Manners::Huge, "more than 1048576"),
        (Manners::Silent, "does not answer"),
    ] {
        service.behave(manners);
        let begin = Instant::now();
        let answers = plugin.get_all(&names);
        assert!(begin.elapsed() < Duration::from_secs(2), "{manners:?}");
        assert!(matches!(&answers[0], Err(Error::Internal(text)) if text.contains(expected)), "{answers:?}");
        assert_eq!(answers[2].as_ref().map(|(_, text)| text.as_str()), Ok("hut"), "{manners:?}");
    }
    // It is left alone for a while: what asks again is told at once, and it is not called.
    service.calls();
    let begin = Instant::now();
    assert_eq!(plugin.get(&at("Power")), Err(Error::internal("org.example.Lamps1 does not answer")));
    assert!(begin.elapsed() < Duration::from_millis(400));
    assert_eq!(service.calls(), [""; 0]);
    // Until it comes anew.
    drop(service);
    let service = world.service();
    becomes(&plugin, "Power", &ok("On"));
    service.behave(Manners::Dies);
    assert!(matches!(plugin.get(&at("Power")), Err(Error::Internal(_))));
}

#[test]
fn values_that_make_no_sense_are_not_told_as_values() {
    let world = World::new();
    let service = world.service();
    let plugin = world.plugin();
    plugin.tree();
    let hand = service.hand();
    hand.put(ROOT, HOUSE, "Since", value("yesterday"));
    hand.put(ROOT, HOUSE, "Name", value(vec![1_u32]));
    hand.put(&format!("{ROOT}/a"), LAMP, "Level", value("bright"));
    hand.put(&format!("{ROOT}/a"), LAMP, "Room", value(true));
    for (name, why) in [
        ("Since", "a text, not a number"),
        ("Name", "an array, not string"),
        ("Lamp.1.Level", "a text, not a number"),
        ("Lamp.1.RoomName", "names no object"),
    ] {
        let answer = plugin.get(&at(name));
        assert!(matches!(&answer, Err(Error::Internal(text)) if text.contains(why)), "{name}: {answer:?}");
    }
    // A row whose key is no key is none.
    hand.put(&format!("{ROOT}/a"), LAMP, "Serial", value(vec![1_u32]));
    hand.put(&format!("{ROOT}/b"), LAMP, "Serial", value("x".repeat(evaluate::MAX_KEY + 1)));
    assert_eq!(plugin.rows(&at("Lamp.")), Ok(Vec::new()));
}

#[test]
fn more_objects_than_a_box_can_have_are_not_read() {
    let world = World::new();
    let service = world.service();
    let plugin = world.plugin();
    for i in 0..=bus::MAX_OBJECTS {
        service.hand().put(&format!("{ROOT}/n{i}"), "org.example.Other", "N", value(1_u32));
    }
    let rows = plugin.rows(&at("Lamp."));
    assert!(matches!(&rows, Err(Error::Internal(text)) if text.contains("more than 4096")), "{rows:?}");
}

/// What a read costs grows with its size, not with its square.
#[test]
fn a_large_table_is_read_in_time() {
    const ROWS: usize = 2_000;
    let world = World::new();
    let _service = Service::start_with(world.bus.address(), NAME, |hand| {
        for i in 0..ROWS {
            let at = format!("{ROOT}/n{i:04}");
            for (name, value) in
                [("Serial", value(format!("S{i}"))), ("Level", value(255_u8)), ("Hidden", value(false))]
            {
                hand.put(&at, LAMP, name, value);
            }
        }
    });
    std::fs::write(world.folder.path().join("lamps.toml"), MAPPING.replace("= 500", "= 10000")).unwrap();
    let plugin = world.plugin();
    let rows = plugin.rows(&at("Lamp."));
    // A busy machine may not be done with the reading itself in time; then there is nothing to measure.
    let Ok(rows) = rows else { return };
    assert_eq!(rows.len(), ROWS);
    let names: Vec<String> = (1..=ROWS).map(|i| at(&format!("Lamp.{i}.Level"))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let begin = Instant::now();
    plugin.get_all(&names);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_wrong_file_costs_its_own_parameters_only() {
    let world = World::new();
    let _service = world.service();
    std::fs::write(world.folder.path().join("bad.toml"), "mapping = 1\n[service.x]\nnmae = \"a.b\"\n")
        .unwrap();
    std::fs::write(world.folder.path().join("twice.toml"), MAPPING).unwrap();
    let plugin = Harness::new(&PLUGIN, &world.config(r#"["bad.toml", "lamps.toml", "twice.toml"]"#));
    assert_eq!(plugin.get(&at("Name")), ok("home"));
    let logs: Vec<String> = plugin.logs().into_iter().map(|l| l.text).collect();
    assert!(logs.iter().any(|l| l.contains("bad.toml:3: service.x: unknown field `nmae`")), "{logs:?}");
    assert!(logs.iter().any(|l| l.contains("another file of this plugin serves it already")), "{logs:?}");
    for (files, why) in [
        (r#"["bad.toml"]"#, "no mapping file"),
        ("[]", "names no 'files'"),
        (r#"["none.toml"]"#, "no mapping file"),
    ] {
        let refused = Harness::try_new(&PLUGIN, &world.config(files)).unwrap_err();
        assert!(refused.text().contains(why), "{files}: {refused:?}");
    }
}

const SHELVES: &str = r#"
mapping = 1

[service.shelves]
name = "org.example.Lamps1"
path = "/org/example/Lamps1"
interface = "org.example.Lamps1"

[table."Device.X_SHELF_Shelf.{i}."]
property = "Shelves"
interface = "org.example.Lamps1.Shelf"
key = "Label"

[parameter."Device.X_SHELF_Shelf.{i}.Width"]
type = "unsignedInt"
property = "Width"

[table."Device.X_SHELF_Shelf.{i}.Book.{i}."]
objects = "org.example.Lamps1.Book"
parent = "Shelf"
key = "path"

[parameter."Device.X_SHELF_Shelf.{i}.Book.{i}.Tags"]
type = "string"
facets = "enum=Old|Thick|Red;list=:"
property = "Tags"
bits = { 0x1 = "Old", 0x2 = "Thick", 0x4 = "Red" }
write = true

[table."Device.X_SHELF_Room.{i}."]
object = "/org/example/Lamps1"

[parameter."Device.X_SHELF_Room.{i}.Name"]
type = "string"
property = "Name"
"#;

fn shelf(hand: &Hand, name: &str, label: &str) -> String {
    let at = format!("{ROOT}/shelf/{name}");
    hand.put(&at, "org.example.Lamps1.Shelf", "Label", value(label));
    hand.put(&at, "org.example.Lamps1.Shelf", "Width", value(80_u32));
    at
}

fn list(shelves: &[String]) -> zbus::zvariant::OwnedValue {
    let all: Vec<ObjectPath<'_>> =
        shelves.iter().map(|s| ObjectPath::try_from(s.as_str()).unwrap()).collect();
    value(all)
}

#[test]
fn rows_may_be_listed_by_a_property_belong_to_another_or_be_one() {
    let world = World::new();
    std::fs::write(world.folder.path().join("shelves.toml"), SHELVES).unwrap();
    let service = world.service();
    let hand = service.hand();
    let shelves = [shelf(hand, "a", "top"), shelf(hand, "b", "bottom")];
    hand.put(ROOT, HOUSE, "Shelves", list(&shelves));
    for (name, at, tags) in [("x", 1, 5_u32), ("y", 0, 0), ("z", 1, 2)] {
        let book = format!("{ROOT}/book/{name}");
        hand.put(&book, "org.example.Lamps1.Book", "Shelf", path(&shelves[at]));
        hand.put(&book, "org.example.Lamps1.Book", "Tags", value(tags));
    }
    let mut plugin = Harness::new(&PLUGIN, &world.config(r#"["shelves.toml"]"#));
    let shown = |plugin: &Harness| -> Vec<String> {
        let tree = plugin.tree().into_iter();
        tree.map(|(n, v)| format!("{} {}", n.trim_start_matches("Device.X_SHELF_"), v.unwrap())).collect()
    };
    let expected = [
        "Room.1.Name home",
        "Shelf.1.Book.1.Tags ",
        "Shelf.2.Book.1.Tags Old,Red",
        "Shelf.2.Book.2.Tags Thick",
        "Shelf.1.Width 80",
        "Shelf.2.Width 80",
    ];
    assert_eq!(shown(&plugin), expected);
    plugin.set(&[("Device.X_SHELF_Shelf.2.Book.1.Tags", "Thick,Red")]).unwrap();
    assert_eq!(hand.shown(&format!("{ROOT}/book/x"), "org.example.Lamps1.Book", "Tags"), "uint32 6");
    plugin.tables_changed();
    hand.change(ROOT, HOUSE, "Shelves", list(&shelves[1..]));
    let told = || plugin.tables_changed().contains(&"Device.X_SHELF_Shelf.".to_owned()).then_some(());
    eventually("the table is told", told);
    assert!(plugin.get("Device.X_SHELF_Shelf.1.Width").is_err());
    assert_eq!(plugin.get("Device.X_SHELF_Shelf.2.Width"), ok("80"));
    // More than a table can show are cut off.
    let many: Vec<String> = (0..=evaluate::MAX_ROWS).map(|i| format!("{ROOT}/none/{i}")).collect();
    let by_path = SHELVES.replace("key = \"Label\"", "key = \"path\"");
    std::fs::write(world.folder.path().join("shelves.toml"), by_path).unwrap();
    let plugin = Harness::new(&PLUGIN, &world.config(r#"["shelves.toml"]"#));
    hand.put(ROOT, HOUSE, "Shelves", list(&many));
    assert_eq!(plugin.rows("Device.X_SHELF_Shelf.").unwrap().len(), evaluate::MAX_ROWS);
}

#[test]
fn a_write_that_is_not_answered_ends_before_the_host_loses_patience() {
    let world = World::new();
    let service = world.service();
    let plugin = world.plugin();
    plugin.tree();
    let mut plugin = plugin;
    let txn = plugin.stage(&[Step::set(&at("Power"), "Off"), Step::set(&at("Name"), "new")]).unwrap();
    service.behave(Manners::Silent);
    let begin = Instant::now();
    assert_eq!(plugin.commit(txn), Err(Error::internal("org.example.Lamps1 does not answer")));
    let took = begin.elapsed();
    assert!(took >= transaction::WRITE_LIMIT && took < transaction::COMMIT_LIMIT, "{took:?}");
    // What cannot be taken back now is kept until it can.
    assert!(plugin.rollback(txn).is_err());
    drop(service);
    let service = world.service();
    service.hand().put(ROOT, HOUSE, "Power", value(0_u32));
    becomes(&plugin, "Power", &ok("Off"));
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(&at("Power")), ok("On"));
    assert!(plugin.store().is_empty());
}

/// A bus that can start a service: python-dbusmock as timedated. The mock is ended with the bus, which it follows.
struct StartingBus {
    child: std::process::Child,
    address: String,
}

impl StartingBus {
    fn new(folder: &Path) -> Self {
        let services = folder.join("services");
        std::fs::create_dir(&services).unwrap();
        let service = "[D-BUS Service]\nName=org.freedesktop.timedate1\n\
                       Exec=/usr/bin/python3 -m dbusmock --template timedated\n";
        std::fs::write(services.join("timedate.service"), service).unwrap();
        let socket = folder.join("starting");
        let config = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><servicedir>{}</servicedir>\
             <auth>EXTERNAL</auth>\
             <policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>\
             <allow own='*'/></policy></busconfig>",
            socket.display(),
            services.display()
        );
        std::fs::write(folder.join("starting.conf"), config).unwrap();
        let address = format!("unix:path={}", socket.display());
        let child = std::process::Command::new("dbus-daemon")
            .arg(format!("--config-file={}", folder.join("starting.conf").display()))
            .args(["--nofork", "--nopidfile"])
            // What it starts looks for the system bus here.
            .env("DBUS_SYSTEM_BUS_ADDRESS", &address)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("dbus-daemon can be started: the Debian package dbus-daemon has it");
        eventually("the bus listens", || std::os::unix::net::UnixStream::connect(&socket).ok());
        Self { child, address }
    }

    /// The process that owns a name.
    fn owner(&self, name: &str) -> Option<u32> {
        let output = std::process::Command::new("busctl")
            .args(["--address", &self.address, "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus"])
            .args(["GetConnectionUnixProcessID", "s", name])
            .output()
            .expect("busctl can be started: the Debian package systemd has it");
        String::from_utf8(output.stdout).ok()?.trim().strip_prefix("u ")?.parse().ok()
    }
}

impl Drop for StartingBus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_that_the_bus_starts_is_started_and_its_end_is_no_news() {
    let world = World::new();
    let mapping = "mapping = 1\n[service.timedate]\nname = \"org.freedesktop.timedate1\"\n\
                   path = \"/org/freedesktop/timedate1\"\ninterface = \"org.freedesktop.timedate1\"\n\
                   [parameter.\"Device.Time.Enable\"]\nproperty = \"NTP\"\n";
    std::fs::write(world.folder.path().join("time.toml"), mapping).unwrap();
    let bus = StartingBus::new(world.folder.path());
    let config = world.config(r#"["time.toml", "lamps.toml"]"#).replace(world.bus.address(), &bus.address);
    let plugin = Harness::new(&PLUGIN, &config);
    let name = "org.freedesktop.timedate1";
    assert_eq!(bus.owner(name), None);
    // Python takes its time to begin; whoever asks too early is told so.
    eventually("it is started", || (plugin.get("Device.Time.Enable") == ok("true")).then_some(()));
    hears(&plugin, "Device.Time.Enable");
    plugin.changed();
    let first = bus.owner(name).unwrap();
    assert!(std::process::Command::new("kill").arg(first.to_string()).status().unwrap().success());
    eventually("it is gone", || bus.owner(name).is_none().then_some(()));
    let _other = Service::start_with(&bus.address, NAME, house);
    let mut news = Vec::new();
    eventually("the other one is told", || {
        news.extend(plugin.changed());
        news.contains(&at("Name")).then_some(())
    });
    assert!(!news.iter().any(|n| n == "Device.Time.Enable"), "{news:?}");
    eventually("it is started again", || (plugin.get("Device.Time.Enable") == ok("true")).then_some(()));
    assert_ne!(bus.owner(name), Some(first));
}
