//! Writes at a daemon that serves the provider interface itself: references, and what is applied later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_e2e::native::{Native, PathFaults, Serve, Step, Tables, Values};
use cwmp_e2e::Device;
use cwmp_model::NodeFlags;

use super::{another, refused};

use ValueType::String as Text;

const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const MAIN: &str = "Device.X_Shelf.Main";
const ALL: &str = "Device.X_Shelf.All";
const WEAK: &str = "Device.X_Shelf.Weak";
const PLACED: &str = "Device.X_Shelf.Place.7.Lamp";
const NOTE: &str = "Device.X_Shelf.Note";
const MANIFEST: &str = "name = 'shelf'\nroots = ['Device.X_Shelf.']\n";

/// A shelf on which lamps have their places.
#[derive(Clone)]
struct Shelf(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    values: BTreeMap<String, String>,
    staged: BTreeMap<u64, BTreeMap<String, String>>,
    /// What a commit answers: 0 applied, 1 after the session, 2 by a reboot.
    effect: u32,
    applied: Vec<u64>,
}

impl Serve for Shelf {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        let text = ValueType::String.number();
        let reference = "ref=Device.X_CWMPD_Demo.Lamp.{i}.";
        let node = |path: &str, facets: String| (path.to_owned(), text, NodeFlags::WRITABLE.0, facets);
        vec![
            node(MAIN, format!("{reference};refkind=strong")),
            node(ALL, format!("list=0:;{reference};refkind=strong")),
            node(WEAK, format!("{reference};refkind=weak")),
            ("Device.X_Shelf.Place.{i}.".to_owned(), 0, NodeFlags::TABLE.0, String::new()),
            node("Device.X_Shelf.Place.{i}.Lamp", format!("{reference};refkind=strong")),
            node(NOTE, String::new()),
        ]
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        let state = self.0.lock().unwrap();
        let names = [ALL, MAIN, NOTE, PLACED, WEAK];
        let asked = |name: &&&str| {
            paths
                .iter()
                .any(|p| p == **name || ((p.is_empty() || p.ends_with('.')) && name.starts_with(p.as_str())))
        };
        let text = ValueType::String.number();
        let value = |name: &str| state.values.get(name).cloned().unwrap_or_default();
        (names.iter().filter(asked).map(|n| ((*n).to_owned(), text, value(n))).collect(), Vec::new())
    }

    fn instances(&self) -> Tables {
        vec![("Device.X_Shelf.Place.".to_owned(), vec![(7, String::new(), 0)])]
    }

    fn changes(&self, txn: u64, changes: &[(u32, u8, String, String)]) {
        let staged = changes.iter().map(|(_, _, path, value)| (path.clone(), value.clone())).collect();
        self.0.lock().unwrap().staged.insert(txn, staged);
    }

    fn commit(&self, txn: u64) -> Step<u32> {
        let mut state = self.0.lock().unwrap();
        let staged = state.staged.get(&txn).cloned().unwrap_or_default();
        state.values.extend(staged);
        let effect = state.effect;
        Box::pin(async move { Ok(effect) })
    }

    fn ends(&self, member: &'static str, txn: u64) {
        if member == "Apply" {
            self.0.lock().unwrap().applied.push(txn);
        }
    }
}

fn start() -> (Acs, Device, Shelf, Native, Session) {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).plugin("demo", "").manifest("shelf", MANIFEST).start();
    device.ready("demo");
    let shelf = Shelf(Arc::default());
    let (native, announced) = Native::start(device.bus.address(), "shelf", shelf.clone());
    announced.unwrap();
    device.ready("shelf");
    let session = acs.session();
    (acs, device, shelf, native, session)
}

fn lamp(number: u32) -> String {
    format!("{LAMPS}{number}")
}

/// C144, C107: a strong reference names what is there, a weak one what could be.
#[test]
fn a_reference_must_lead_somewhere() {
    let (_acs, _device, _shelf, _native, mut session) = start();
    session.add(LAMPS, "").unwrap();
    for name in [MAIN, ALL, WEAK, PLACED] {
        session.set(&[(name, Text, &lamp(1))], "").unwrap();
        assert_eq!(session.get_value(name).unwrap(), lamp(1));
        for bad in
            ["nonsense", "Device.X_CWMPD_Demo.Level", "Device.X_CWMPD_Demo.Lamp", "Device.X_CWMPD_Demo.Big.1"]
        {
            let fault = session.set(&[(name, Text, bad)], "").unwrap_err();
            assert_eq!((fault.code, fault.parameters[0].1), (9003, 9007), "{name} = {bad}");
        }
        let absent = session.set(&[(name, Text, &lamp(2))], "");
        assert_eq!(absent.is_ok(), name == WEAK, "{name}");
        session.set(&[(name, Text, "")], "").unwrap();
    }
    session.add(LAMPS, "").unwrap();
    session.set(&[(ALL, Text, &format!("{}, {}", lamp(2), lamp(1)))], "").unwrap();
    let one_is_bad = format!("{},{}", lamp(2), lamp(3));
    assert_eq!(refused(session.set(&[(ALL, Text, &one_is_bad)], "")), 9003);
    session.end();
}

/// C140, C144, C112, C141: a row that goes takes the strong references to it along, and that is told.
#[test]
fn a_row_takes_its_strong_references_along() {
    let (acs, device, _shelf, _native, mut session) = start();
    for _ in 0..3 {
        session.add(LAMPS, "").unwrap();
    }
    let all = [1, 2, 3].map(lamp).join(",");
    let set = [(MAIN, lamp(2)), (WEAK, lamp(2)), (PLACED, lamp(2)), (ALL, all)];
    let set: Vec<_> = set.iter().map(|(name, value)| (*name, Text, value.as_str())).collect();
    session.set(&set, "").unwrap();
    session.set_notifications(&[(MAIN, 2)]).unwrap();
    session.delete(&format!("{}.", lamp(2)), "").unwrap();
    for (name, value) in
        [(MAIN, String::new()), (PLACED, String::new()), (WEAK, lamp(2)), (ALL, [1, 3].map(lamp).join(","))]
    {
        assert_eq!(session.get_value(name).unwrap(), value, "{name}");
    }
    session.end();
    let session = acs.session();
    assert_eq!((session.events(), session.parameter(MAIN)), (vec!["4 VALUE CHANGE"], Some("")));
    session.end();
    device.client().delete(&format!("{}.", lamp(3))).unwrap();
    assert_eq!(device.client().value(ALL).unwrap(), lamp(1));
}

/// C50, C77: a value that its provider cannot push is looked at from time to time, if somebody wants to know.
#[test]
fn a_value_that_cannot_be_pushed_is_looked_at() {
    let (acs, device, shelf, _native, mut session) = start();
    session.set_notifications(&[(NOTE, 2)]).unwrap();
    session.end();
    let client = device.client();
    shelf.0.lock().unwrap().values.insert(NOTE.to_owned(), "the device wrote it".to_owned());
    client.settle();
    assert_eq!(acs.informs(), 1);
    client.advance(std::time::Duration::from_secs(61));
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(NOTE), Some("the device wrote it"));
    session.end();
}

/// C109: what is applied later is answered with status 1, read as it will be, and applied when the session has ended.
#[test]
fn what_is_applied_later_waits_for_the_end_of_the_session() {
    let (_acs, device, shelf, _native, mut session) = start();
    shelf.0.lock().unwrap().effect = 1;
    assert_eq!(session.set(&[(NOTE, Text, "later")], "").unwrap(), 1);
    assert_eq!(session.get_value(NOTE).unwrap(), "later");
    assert_eq!(shelf.0.lock().unwrap().applied, []);
    session.end();
    cwmp_e2e::eventually("the provider applies it", || {
        (shelf.0.lock().unwrap().applied.len() == 1).then_some(())
    });
    assert_eq!(device.actions(), Vec::<String>::new());
}

/// C110, C109: where a reboot is needed, the device does it itself after the session.
#[test]
fn what_needs_a_reboot_is_followed_by_one() {
    let (acs, mut device, shelf, _native, mut session) = start();
    shelf.0.lock().unwrap().effect = 2;
    assert_eq!(session.set(&[(NOTE, Text, "rebooted")], "key").unwrap(), 1);
    assert_eq!(session.get_value(NOTE).unwrap(), "rebooted");
    assert_eq!(device.actions(), Vec::<String>::new());
    session.end();
    device.acted("reboot", 1);
    device.restart();
    let session = acs.session();
    assert_eq!(session.events(), ["1 BOOT"]);
    session.end();
    another(&acs, &device).end();
    assert_eq!(device.actions(), ["reboot"]);
}
