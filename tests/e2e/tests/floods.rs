//! Who asks for more than there is room for is refused, and the agent goes on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options};
use cwmp_bus::{names, BusError};
use cwmp_e2e::native::{Native, PathFaults, PathIndexFaults, Serve, Step, Tables, Values};
use cwmp_e2e::{eventually, Client, Device, Refused};
use cwmp_model::FaultCode;

const NATIVE: &str = "name = 'native'\nroots = ['Device.X_TEST_Native.']\n";
const TABLE: &str = "Device.X_TEST_Native.Row.";
const COUNT: &str = "Device.X_TEST_Native.RowNumberOfEntries";
/// How many parameters a row has.
const COLUMNS: usize = 10;

/// A table of as many rows as the test wants.
struct Rows(Arc<AtomicU32>);

impl Serve for Rows {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        let node = |path: &str, kind, flags| (path.to_owned(), kind, flags, String::new());
        let mut nodes = vec![
            node("Device.X_TEST_Native.", 0, 1),
            node("Device.X_TEST_Native.Own", 1, 1 << 2),
            node(&format!("{TABLE}{{i}}."), 0, 3),
        ];
        nodes.extend((0..COLUMNS).map(|i| node(&format!("{TABLE}{{i}}.P{i}"), 1, 0)));
        nodes
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        let names = paths.iter().filter(|path| !path.ends_with('.'));
        // In an order that nobody asked for.
        (names.rev().map(|path| (path.clone(), 1, "a".to_owned())).collect(), Vec::new())
    }

    fn instances(&self) -> Tables {
        vec![(TABLE.to_owned(), (1..=self.0.load(Ordering::SeqCst)).map(|i| (i, String::new(), 0)).collect())]
    }
}

/// The answer to `Describe`.
type Nodes = (Vec<(String, String, String, HashMap<String, zbus::zvariant::OwnedValue>)>, PathFaults);

fn device(rows: u32) -> (Device, Native, Arc<AtomicU32>) {
    let device = Device::builder().manifest("native", NATIVE).start();
    device.present();
    let rows = Arc::new(AtomicU32::new(rows));
    let (native, announced) = Native::start(device.bus.address(), "native", Rows(Arc::clone(&rows)));
    announced.unwrap();
    device.ready("native");
    (device, native, rows)
}

fn code<T: std::fmt::Debug>(answer: Result<T, Refused>) -> FaultCode {
    match answer {
        Err(BusError::Fault(fault)) => fault.code,
        other => panic!("{other:?}"),
    }
}

/// C84: an event is stored before it is answered; a flood of them does not fill the store.
#[test]
fn a_flood_of_events_is_refused() {
    let (device, native, _) = device(0);
    let none = HashMap::<&str, zbus::zvariant::Value<'_>>::new();
    let event = |i: usize| native.ask::<(), _>(names::REGISTRY, "Event", &(format!("X 00AABB {i}"), &none));
    let refused = (0..2000).find_map(|i| event(i).err().map(|error| (i, error)));
    let (taken, error) = refused.expect("a flood ends");
    assert_eq!(code::<()>(Err(error)), FaultCode::ResourcesExceeded);
    let pending = device.client().property::<Vec<(String, String)>>("PendingEvents");
    assert!(pending.len() <= 512 && pending.len() >= taken, "{}", pending.len());
    // What waits already is no new one.
    event(0).unwrap();
}

/// C80: a provider that raises one event after the other costs a session every ten seconds, and every event is told.
#[test]
fn events_of_a_provider_share_a_session() {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).manifest("native", NATIVE).start();
    acs.session().end();
    let (native, announced) = Native::start(device.bus.address(), "native", Rows(Arc::default()));
    announced.unwrap();
    let client = device.client();
    let none = HashMap::<&str, zbus::zvariant::Value<'_>>::new();
    let events = ["X 00AABB 1", "X 00AABB 2"];
    for event in events {
        native.ask::<(), _>(names::REGISTRY, "Event", &(event, &none)).unwrap();
        client.settle();
    }
    client.advance(Duration::from_secs(10));
    let session = acs.session();
    assert_eq!(session.events(), events);
    session.end();
    // What is not a provider's does not wait.
    native.ask::<(), _>(names::REGISTRY, "Event", &("X 00AABB 3", &none)).unwrap();
    client.inform().unwrap();
    let session = acs.session();
    assert_eq!(session.events(), ["X 00AABB 3"]);
    session.end();
}

/// Numbers are kept for ever, so there is an end of them for each provider; those that are known stay what they are.
#[test]
fn a_flood_of_row_keys_is_refused() {
    let (_device, native, _) = device(0);
    let allocate = |from: u32| {
        let keys: Vec<String> = (from..from + 16_384).map(|i| format!("key {i}")).collect();
        native.ask::<Vec<u32>, _>(names::REGISTRY, "Allocate", &(TABLE, keys))
    };
    let first = allocate(0).unwrap();
    for i in 1..4 {
        allocate(i * 16_384).unwrap();
    }
    assert_eq!(code(allocate(4 * 16_384)), FaultCode::ResourcesExceeded);
    assert_eq!(allocate(0).unwrap(), first);
}

#[test]
fn a_call_with_too_many_paths_is_refused() {
    let (device, _native, _) = device(3);
    let client = device.client();
    let none = HashMap::<&str, zbus::zvariant::Value<'_>>::new();
    let call = |member: &str, paths: &[&str]| {
        client.call::<Nodes, _>(names::DATA_MODEL, member, &(paths, &none)).map(drop)
    };
    assert_eq!(code(client.get(&vec!["Device."; 65_537])), FaultCode::ResourcesExceeded);
    assert_eq!(code(call("Describe", &vec!["Device.X"; 65_537])), FaultCode::ResourcesExceeded);
    // Few enough, and more than an answer can hold.
    assert_eq!(code(call("Describe", &vec!["Device."; 65_536])), FaultCode::ResourcesExceeded);
    let (found, faults) = attributes(&client, &vec!["Device."; 65_536]);
    assert!(found <= 262_144 && !faults.is_empty(), "{found}");
    assert!(faults.iter().all(|(_, code, _)| *code == 9004));
    // One object is answered once, however often it is asked for.
    let (once, _) = client.get(&["Device."]).unwrap();
    let (values, faults) = client.get(&vec!["Device."; 65_536]).unwrap();
    assert_eq!((values.len(), faults), (once.len(), Vec::new()));
}

fn attributes(client: &Client, paths: &[&str]) -> (usize, PathFaults) {
    type Attributes = (Vec<(String, u32, Vec<String>)>, PathFaults);
    let (found, faults) =
        client.call::<Attributes, _>(names::DATA_MODEL, "GetAttributes", &(paths,)).unwrap();
    (found.len(), faults)
}

/// Rows that a provider reports times the parameters that it declares: neither is too many, the names of all are.
#[test]
fn a_list_of_more_names_than_there_is_memory_for_is_refused() {
    let (device, _native, rows) = device(60_000);
    let client = device.client();
    assert_eq!(code(client.list("Device.", false)), FaultCode::ResourcesExceeded);
    assert_eq!(client.list(TABLE, true).unwrap().len(), 60_000);
    assert_eq!(client.list(&format!("{TABLE}60000."), false).unwrap().len(), 1 + COLUMNS);
    rows.store(3, Ordering::SeqCst);
    assert_eq!(client.list(TABLE, false).unwrap().len(), 1 + 3 * (1 + COLUMNS));
}

/// The cost of long requests is linear, also if a provider answers in an order of its own.
#[test]
fn many_names_of_many_rows_are_read_in_time() {
    let (device, _native, _) = device(10_000);
    let client = device.client();
    let names: Vec<String> = (1..=10_000).map(|i| format!("{TABLE}{i}.P0")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let began = Instant::now();
    let (values, faults) = client.get(&names).unwrap();
    assert_eq!((values.len(), faults), (10_000, Vec::new()));
    assert_eq!(attributes(&client, &names), (10_000, Vec::new()));
    // One call for the rows of each name would take longer by far.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// A provider that would wait for itself is told so, outside a transaction too.
#[test]
fn a_provider_that_writes_what_it_serves_is_told_that_the_agent_is_busy() {
    let (_device, native, _) = device(1);
    let own = "Device.X_TEST_Native.Own";
    let began = Instant::now();
    let set = native.ask::<u32, _>(names::DATA_MODEL, "SetValue", &(own, "x"));
    assert_eq!(set.unwrap_err(), BusError::Busy);
    let none = Vec::<(&str, &str)>::new();
    let add = native.ask::<(u32, u32, PathFaults), _>(names::DATA_MODEL, "Add", &(TABLE, none));
    assert_eq!(add.unwrap_err(), BusError::Busy);
    let delete = native.ask::<u32, _>(names::DATA_MODEL, "Delete", &(format!("{TABLE}1."),));
    assert_eq!(delete.unwrap_err(), BusError::Busy);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// C133, C134: rows that came while their provider was away are a change of a count that is watched; and the agent does
/// not wait for whoever has them before it serves the bus.
#[test]
fn a_watched_count_is_compared_when_its_provider_is_there() {
    let (mut device, native, rows) = device(3);
    let client = device.client();
    let list = Vec::<&str>::new();
    let watch = vec![(COUNT, true, 1_u32, false, list)];
    let faults = client.call::<PathFaults, _>(names::DATA_MODEL, "SetAttributes", &(watch,)).unwrap();
    assert_eq!(faults, Vec::new());
    drop(native);
    device.kill();
    let began = Instant::now();
    device.start();
    device.present();
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    rows.store(4, Ordering::SeqCst);
    let (_native, announced) = Native::start(device.bus.address(), "native", Rows(rows));
    announced.unwrap();
    device.ready("native");
    let client = device.client();
    eventually("the count is compared", || {
        (client.property::<Vec<String>>("PendingChanges") == [COUNT]).then_some(())
    });
}

/// A provider that has a book to say about everything.
struct Wordy;

/// More than anybody wants to read.
const BOOK: usize = 2_000_000;

impl Serve for Wordy {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        Rows(Arc::default()).nodes()
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        let fault = |path: &String| (path.clone(), 9002, "\u{e9}".repeat(BOOK));
        let strangers = (0..5000).map(|i| (format!("Device.Stranger{i}"), 9002, "away".to_owned()));
        (Vec::new(), paths.iter().map(fault).chain(strangers).collect())
    }

    fn instances(&self) -> Tables {
        (0..5000).map(|i| (format!("Device.Stranger{i}."), vec![(1, String::new(), 0)])).collect()
    }

    fn prepare(&self, _: zbus::Connection, _: u64, _: Vec<String>) -> Step<PathIndexFaults> {
        Box::pin(async { Ok(vec![(0, 9007, "\u{e9}".repeat(BOOK))]) })
    }

    fn commit(&self, _: u64) -> Step<u32> {
        unreachable!("it does not prepare")
    }
}

/// The log, the bus and the ACS get the beginning of what a provider says.
#[test]
fn what_a_provider_says_in_words_is_cut() {
    let device = Device::builder().manifest("native", NATIVE).start();
    device.present();
    let (_native, announced) = Native::start(device.bus.address(), "native", Wordy);
    announced.unwrap();
    device.ready("native");
    let client = device.client();
    let own = "Device.X_TEST_Native.Own";
    let text = |answer: Result<String, Refused>| match answer {
        Err(BusError::Fault(fault)) => fault.text.len(),
        other => panic!("{other:?}"),
    };
    assert!(text(client.value(own)) < 4096);
    assert!(text(client.set_value(own, "x").map(|status| status.to_string())) < 4096);
    assert_eq!(client.list(TABLE, false).unwrap().len(), 1);
    assert!(device.log().len() < 64 * 1024, "{}", device.log().len());
}
