//! Diagnostics of the data model: when they begin, what ends them, and who is told.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use cwmp_plugin_sdk::testing::{Harness, Step, PATIENCE};
use cwmp_plugin_sdk::{
    declare, ChangeFault, Config, Diagnose, Diagnostic, Edit, Effect, Error, Failed, Host, Notice, Object,
    Origin, Plugin, Prepared, Rows, Serve, Settings, Test, Wanted,
};

#[derive(Object)]
#[object("Device.X_ACME_Line.Test.")]
struct LineTest {
    #[param(
        writable,
        pushed,
        "enum=Requested|Canceled;enumro=None|Complete|Error|Error_Internal|Error_Noise"
    )]
    diagnostics_state: String,
    #[param(writable, "default=2")]
    count: u32,
    longest: u32,
}

#[derive(Object)]
#[object("Device.X_ACME_Line.Test.Result.{i}.")]
struct LineResult {
    length: u32,
}

/// One that cannot be canceled.
#[derive(Object)]
#[object("Device.X_ACME_Line.Short.")]
struct Short {
    #[param(writable, "enum=Requested;enumro=None|Complete|Error")]
    diagnostics_state: String,
}

impl Diagnostic for LineTest {
    type Results = Vec<u32>;
}

impl Diagnostic for Short {
    type Results = ();
}

/// What a test waits for before it ends: the hand of whoever tests the test.
#[derive(Default)]
struct Gate {
    open: Mutex<u32>,
    news: Condvar,
    begun: AtomicU32,
    left: AtomicU32,
}

impl Gate {
    /// Lets one run pass.
    fn open(&self) {
        *self.open.lock().unwrap() += 1;
        self.news.notify_all();
    }

    /// Waits until so many runs have begun.
    fn begun(&self, number: u32) {
        let end = std::time::Instant::now() + PATIENCE;
        while self.begun.load(Ordering::SeqCst) < number {
            assert!(std::time::Instant::now() < end, "the run does not begin");
            std::thread::yield_now();
        }
    }

    /// Waits until so many runs have heard that nobody wants them any more.
    fn left(&self, number: u32) {
        let end = std::time::Instant::now() + PATIENCE;
        while self.left.load(Ordering::SeqCst) < number {
            assert!(std::time::Instant::now() < end, "the run does not end");
            std::thread::yield_now();
        }
    }

    fn has_begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }
}

static GATES: Mutex<Vec<(u32, Arc<Gate>)>> = Mutex::new(Vec::new());

fn gate(id: u32) -> Arc<Gate> {
    let mut gates = GATES.lock().unwrap();
    if let Some((_, gate)) = gates.iter().find(|(other, _)| *other == id) {
        return Arc::clone(gate);
    }
    gates.push((id, Arc::default()));
    Arc::clone(&gates.last().unwrap().1)
}

struct Line {
    settings: Settings,
    gate: Arc<Gate>,
}

declare! {
    Line, name: "line", base: "Device.X_ACME_Line.",
    objects { LineTest, LineResult, Short }, diagnostics { LineTest, Short }
}

impl Plugin for Line {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, gate: gate(config.number("id")?.unwrap_or(0)) })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }
}

impl Serve<LineTest> for Line {
    fn read(&mut self, kept: LineTest, _: &Wanted<'_>) -> Result<LineTest, Error> {
        let results = self.settings.results::<LineTest>();
        let longest = results.and_then(|all| all.iter().max().copied()).unwrap_or(0);
        Ok(LineTest { longest, ..kept })
    }

    fn change(&mut self, edits: Vec<Edit<LineTest>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        for edit in &edits {
            if edit.new.as_ref().is_some_and(|new| new.count == 13) {
                return Err(vec![edit.fault("Count", Error::value("not 13"))]);
            }
        }
        Ok(Box::new(|_| Ok(Effect::Now)))
    }
}

impl Serve<LineResult> for Line {
    fn read(&mut self, _: Rows<LineResult>, _: &Wanted<'_>) -> Result<Rows<LineResult>, Error> {
        let results = self.settings.results::<LineTest>();
        let all = results.iter().flat_map(|all| all.iter().copied());
        Ok((1..).zip(all).map(|(number, length)| (number, LineResult { length })).collect::<Rows<_>>())
    }
}

impl Serve<Short> for Line {}

impl Diagnose<LineTest> for Line {
    fn diagnose(&mut self, asked: LineTest) -> Result<Test<LineTest>, Failed> {
        assert_ne!(asked.count, 666, "told to panic at once");
        if asked.count == 0 {
            return Err(Failed::new("Error_Unheard_Of", "nothing to do"));
        }
        let gate = Arc::clone(&self.gate);
        let begun = gate.begun.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Box::new(move |run| {
            assert_ne!(asked.count, 667, "told to panic");
            loop {
                {
                    let mut open = gate.open.lock().unwrap();
                    if *open > 0 {
                        *open -= 1;
                        break;
                    }
                }
                if run.wait(Duration::from_millis(1)) {
                    gate.left.fetch_add(1, Ordering::SeqCst);
                    break;
                }
            }
            if asked.count == 99 {
                return Err(Failed::new("Error_Noise", "too loud"));
            }
            Ok((1..=asked.count).map(|at| at * 10 + begun).collect())
        }))
    }
}

impl Diagnose<Short> for Line {
    fn diagnose(&mut self, _: Short) -> Result<Test<Short>, Failed> {
        Ok(Box::new(|_| Ok(())))
    }
}

const STATE: &str = "Device.X_ACME_Line.Test.DiagnosticsState";
const COUNT: &str = "Device.X_ACME_Line.Test.Count";
const LONGEST: &str = "Device.X_ACME_Line.Test.Longest";
const RESULTS: &str = "Device.X_ACME_Line.Test.Result.";
const SHORT: &str = "Device.X_ACME_Line.Short.DiagnosticsState";

fn line(id: u32) -> (Harness, Arc<Gate>) {
    let line = Harness::new(&PLUGIN, &format!(r#"{{"id": {id}}}"#));
    line.pretend(Origin::Bus, 0, Duration::from_secs(5));
    (line, gate(id))
}

fn state(line: &Harness) -> String {
    line.get(STATE).unwrap()
}

/// Waits until the state is this one.
fn wait_for(line: &Harness, wanted: &str) {
    while state(line) != wanted {
        line.wait_changed();
    }
}

/// What the ACS sets in a session that ends then.
fn session(line: &mut Harness, values: &[(&str, &str)]) {
    line.pretend(Origin::Acs, 7, Duration::from_secs(5));
    line.notice(Notice::SessionStart).unwrap();
    line.set(values).unwrap();
    line.notice(Notice::SessionEnd).unwrap();
    line.pretend(Origin::Bus, 0, Duration::from_secs(5));
}

fn events(line: &Harness) -> Vec<String> {
    line.events().into_iter().map(|(name, _)| name).collect()
}

/// The event comes a moment before the state is announced, and after it can be read.
fn told(line: &Harness) -> Vec<String> {
    line.wait_changed();
    events(line)
}

/// C172: it begins after the session, ends with results and then the event; they stay.
#[test]
fn the_acs_asks_and_is_told() {
    let (mut line, gate) = line(1);
    assert_eq!(state(&line), "None");
    line.pretend(Origin::Acs, 7, Duration::from_secs(5));
    line.notice(Notice::SessionStart).unwrap();
    line.set(&[(STATE, "Requested"), (COUNT, "3")]).unwrap();
    assert_eq!((state(&line).as_str(), gate.has_begun()), ("Requested", 0));
    line.notice(Notice::SessionEnd).unwrap();
    gate.begun(1);
    assert_eq!((state(&line).as_str(), line.rows(RESULTS).unwrap().len()), ("Requested", 0));
    line.changed();
    line.tables_changed();
    gate.open();
    assert_eq!(told(&line), ["8 DIAGNOSTICS COMPLETE"]);
    assert_eq!((state(&line).as_str(), line.get(LONGEST).unwrap().as_str()), ("Complete", "31"));
    assert_eq!(line.rows(RESULTS).unwrap().len(), 3);
    assert_eq!(line.get("Device.X_ACME_Line.Test.Result.2.Length").unwrap(), "21");
    // Nothing of it is stored but what was set.
    assert_eq!(
        line.store().keys().filter(|key| !key.starts_with("undo")).collect::<Vec<_>>(),
        ["settings/Test.Count"]
    );
    let line = line.restart();
    assert_eq!((state(&line).as_str(), line.rows(RESULTS).unwrap().len()), ("None", 0));
    assert_eq!((line.get(COUNT).unwrap().as_str(), events(&line).len()), ("3", 0));
}

/// C172: from the bus it begins at once, outside of a session; and the ACS did not ask for it.
#[test]
fn on_the_bus_it_begins_at_once() {
    let (mut line, gate) = line(2);
    line.set(&[(STATE, "Requested")]).unwrap();
    gate.begun(1);
    gate.open();
    wait_for(&line, "Complete");
    assert_eq!(events(&line), Vec::<String>::new());
    // In a session of the ACS it waits for the end of that.
    line.notice(Notice::SessionStart).unwrap();
    line.set(&[(STATE, "Requested")]).unwrap();
    assert_eq!((state(&line).as_str(), gate.has_begun()), ("Requested", 1));
    line.notice(Notice::SessionEnd).unwrap();
    gate.begun(2);
}

/// C172: completion by error is completion.
#[test]
fn an_error_is_told_as_well() {
    let (mut line, gate) = line(3);
    for (count, error) in
        [("99", "Error_Noise"), ("0", "Error_Internal"), ("666", "Error_Internal"), ("667", "Error_Internal")]
    {
        gate.open();
        session(&mut line, &[(STATE, "Requested"), (COUNT, count)]);
        wait_for(&line, error);
        assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"], "{count}");
        assert_eq!(line.rows(RESULTS).unwrap().len(), 0);
        line.changed();
    }
}

/// C172: another parameter of the object ends it, without an event.
#[test]
fn whatever_else_is_set_ends_it() {
    let (mut line, gate) = line(4);
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    // It is what it was.
    line.set(&[(COUNT, "2")]).unwrap();
    assert_eq!(state(&line), "None");
    // A parameter of another object has nothing to do with it; a new run waits for the old one's thread.
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(2);
    gate.left(1);
    line.set(&[(SHORT, "Requested")]).unwrap();
    assert_eq!(state(&line), "Requested");
    gate.open();
    wait_for(&line, "Complete");
    assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"]);
    // Also when it is over; its results stay.
    line.set(&[(COUNT, "5")]).unwrap();
    assert_eq!((state(&line).as_str(), line.rows(RESULTS).unwrap().len()), ("None", 2));
}

/// C172: asked for again it begins again, with what is set now; results do not mix.
#[test]
fn asked_for_again_it_begins_again() {
    let (mut line, gate) = line(5);
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    session(&mut line, &[(COUNT, "1"), (STATE, "Requested")]);
    gate.left(1);
    assert_eq!((told(&line).len(), state(&line).as_str(), gate.has_begun()), (0, "Requested", 2));
    gate.open();
    wait_for(&line, "Complete");
    assert_eq!(line.get(LONGEST).unwrap(), "12");
    assert_eq!(line.rows(RESULTS).unwrap().len(), 1);
    assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"]);
}

/// C172: canceled it is over, without an event; what cannot be canceled says 9007, as do states of the device.
#[test]
fn it_can_be_canceled_where_that_is_supported() {
    let (mut line, gate) = line(6);
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    session(&mut line, &[(STATE, "Canceled")]);
    assert_eq!(state(&line), "None");
    for (name, value) in [(STATE, "Complete"), (STATE, "None"), (STATE, "Error"), (SHORT, "Canceled")] {
        assert!(matches!(line.set(&[(name, value)]), Err(Error::Value(_))), "{name}={value}");
    }
    assert_eq!((state(&line), events(&line)), ("None".to_owned(), vec![]));
}

/// C172: what is rolled back never began, and does not end what runs.
#[test]
fn a_transaction_that_is_taken_back_begins_and_ends_nothing() {
    let (mut line, gate) = line(7);
    line.set(&[(COUNT, "1")]).unwrap();
    assert!(line.set(&[(STATE, "Requested"), (COUNT, "13")]).is_err());
    let txn = line.stage(&[Step::set(STATE, "Requested")]).unwrap();
    assert_eq!(state(&line), "None");
    line.commit(txn).unwrap();
    assert_eq!((state(&line).as_str(), gate.has_begun()), ("Requested", 0));
    line.rollback(txn).unwrap();
    assert_eq!((state(&line).as_str(), gate.has_begun()), ("None", 0));
    assert!(!line.store().keys().any(|key| key.starts_with("diagnostic/")), "{:?}", line.store());
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    for (name, value) in [(STATE, "Canceled"), (COUNT, "2"), (STATE, "Requested")] {
        let txn = line.stage(&[Step::set(name, value)]).unwrap();
        line.commit(txn).unwrap();
        line.rollback(txn).unwrap();
        assert_eq!(state(&line), "Requested");
    }
    gate.open();
    wait_for(&line, "Complete");
    assert_eq!((line.get(LONGEST).unwrap().as_str(), gate.has_begun()), ("11", 1));
    assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"]);
}

/// C172: a session sees all of a run or nothing.
#[test]
fn a_session_does_not_see_half_a_run() {
    let (mut line, gate) = line(8);
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    line.notice(Notice::SessionStart).unwrap();
    line.changed();
    gate.open();
    // The run has left its gate when a new one can be asked for on the bus; until then nothing is to be seen of its end.
    while *gate.open.lock().unwrap() > 0 {
        std::thread::yield_now();
    }
    for _ in 0..100 {
        assert_eq!((state(&line).as_str(), line.rows(RESULTS).unwrap().len()), ("Requested", 0));
        std::thread::yield_now();
    }
    assert_eq!(events(&line), Vec::<String>::new());
    line.notice(Notice::SessionEnd).unwrap();
    wait_for(&line, "Complete");
    assert_eq!(line.rows(RESULTS).unwrap().len(), 2);
    assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"]);
}

/// C172: an agent that ended in a session says nothing of its end; the next session sees how the run ended.
#[test]
fn a_session_whose_end_nobody_told_does_not_hide_a_run_for_ever() {
    let (mut line, gate) = line(12);
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    line.notice(Notice::SessionStart).unwrap();
    gate.open();
    while *gate.open.lock().unwrap() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(state(&line), "Requested");
    // Until its thread has told of its end there is nothing to be seen in any session.
    while state(&line) != "Complete" {
        line.notice(Notice::SessionStart).unwrap();
    }
    assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"]);
}

/// C172: a plugin that is killed in mid run tells that the run failed; one that is stopped has canceled it.
#[test]
fn a_crash_in_mid_run_is_an_error_and_a_stop_is_a_cancellation() {
    let (mut line, gate) = line(9);
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(1);
    let mut line = line.power_cut();
    assert_eq!((state(&line).as_str(), events(&line).len()), ("Error_Internal", 1));
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(2);
    let mut line = line.restart();
    assert_eq!((state(&line).as_str(), events(&line).len()), ("None", 0));
    // It is as good as asked for once it is committed.
    line.pretend(Origin::Acs, 7, Duration::from_secs(5));
    let txn = line.stage(&[Step::set(STATE, "Requested")]).unwrap();
    line.commit(txn).unwrap();
    let line = line.power_cut();
    assert_eq!((state(&line).as_str(), events(&line).len()), ("Requested", 0));
    line.finish(txn).unwrap();
    gate.begun(3);
    // The first run goes on in the dark.
    gate.open();
    gate.open();
    wait_for(&line, "Complete");
    assert_eq!(events(&line), ["8 DIAGNOSTICS COMPLETE"]);
}

/// C172: after a reboot nothing is known.
#[test]
fn another_boot_has_no_results_and_no_event() {
    let store = [("diagnostic/Test.DiagnosticsState".to_owned(), "1 acs another-boot".to_owned())];
    let line = Harness::with_store(&PLUGIN, r#"{"id": 10}"#, store.into()).unwrap();
    assert_eq!((state(&line).as_str(), events(&line).len(), line.store().len()), ("None", 0, 0));
}

#[test]
fn a_factory_reset_ends_it_and_forgets_what_it_found() {
    let (mut line, gate) = line(11);
    gate.open();
    session(&mut line, &[(STATE, "Requested")]);
    wait_for(&line, "Complete");
    session(&mut line, &[(STATE, "Requested")]);
    gate.begun(2);
    line.notice(Notice::FactoryReset).unwrap();
    assert_eq!((state(&line).as_str(), line.rows(RESULTS).unwrap().len()), ("None", 0));
    assert_eq!((events(&line).len(), line.store().len()), (1, 0));
}
