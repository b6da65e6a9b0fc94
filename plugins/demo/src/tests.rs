use std::io::Write as _;
use std::time::Duration;

use cwmp_plugin_sdk::testing::{Answered, Harness, Step};
use cwmp_plugin_sdk::{Error, Notice, Origin};

use super::*;

const BASE: &str = "Device.X_CWMPD_Demo.";

fn at(name: &str) -> String {
    format!("{BASE}{name}")
}

fn plain() -> Harness {
    Harness::new(&PLUGIN, "{}")
}

fn set(demo: &mut Harness, name: &str, value: &str) -> Result<(), Error> {
    demo.set(&[(&at(name), value)])
}

fn fail(demo: &mut Harness, what: &str) {
    set(demo, "Test.Fail", what).unwrap();
}

fn failing() -> Harness {
    Harness::new(&PLUGIN, r#"{"failures": true}"#)
}

#[test]
fn every_value_is_one_of_its_declared_type() {
    let mut demo = Harness::new(&PLUGIN, r#"{"big_rows": 3, "failures": true}"#);
    demo.add(&at("Lamp.2.")).unwrap();
    demo.add(&at("Lamp.2.Schedule.1.")).unwrap();
    let tree = demo.tree();
    assert_eq!(tree.len(), 8 + 5 + 3 + 3 * 10 + 2);
    for (name, value) in tree {
        value.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn values_of_every_type_survive_a_restart() {
    let mut demo = plain();
    let values = [
        ("Label", "Kitchen"),
        ("Level", "7"),
        ("Offset", "-3"),
        ("Enable", "false"),
        ("Mode", "Boost"),
        ("Since", "2024-05-06T07:08:09Z"),
    ];
    for (name, value) in values {
        set(&mut demo, name, value).unwrap();
    }
    let demo = demo.restart();
    for (name, value) in values {
        assert_eq!(demo.get(&at(name)).unwrap(), value);
    }
}

/// C33: a hidden parameter reads as empty.
#[test]
fn a_secret_is_kept_and_never_told() {
    let mut demo = plain();
    set(&mut demo, "Password", "s3cret").unwrap();
    assert_eq!(demo.get(&at("Password")).unwrap(), "");
    assert_eq!(demo.store()["settings/Password"], "s3cret");
}

#[test]
fn lamps_come_go_and_survive() {
    let mut demo = plain();
    demo.change(&[Step::add(&at("Lamp.1.")), Step::set(&at("Lamp.1.Colour"), "Red")]).unwrap();
    demo.add(&at("Lamp.4.")).unwrap();
    demo.add(&at("Lamp.4.Schedule.2.")).unwrap();
    let demo = demo.restart();
    let numbers =
        |d: &Harness, table| d.rows(&at(table)).unwrap().iter().map(|r| r.number).collect::<Vec<_>>();
    assert_eq!(numbers(&demo, "Lamp."), [1, 4]);
    assert!(demo.rows(&at("Lamp.")).unwrap().iter().all(|r| r.deletable));
    assert_eq!(numbers(&demo, "Lamp.4.Schedule."), [2]);
    assert_eq!(demo.get(&at("Lamp.1.Colour")).unwrap(), "Red");
    assert_eq!(demo.get(&at("Lamp.4.Colour")).unwrap(), "White");
    let mut demo = demo;
    demo.delete(&at("Lamp.4.")).unwrap();
    assert!(matches!(demo.get(&at("Lamp.4.Schedule.2.Hour")), Err(Error::Name(_))));
    assert!(matches!(demo.rows(&at("Lamp.4.Schedule.")), Err(Error::Name(_))));
    assert_eq!(numbers(&demo.restart(), "Lamp."), [1]);
}

#[test]
fn there_is_room_for_sixteen_lamps() {
    let mut demo = plain();
    for i in 1..=MAX_LAMPS {
        demo.add(&at(&format!("Lamp.{i}."))).unwrap();
    }
    assert!(matches!(demo.add(&at("Lamp.17.")), Err(Error::Resources(_))));
}

#[test]
fn a_line_in_the_pipe_changes_a_value_and_announces_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("demo");
    let config = format!("{{\"watch_file\": \"{}\"}}", pipe.display());
    let mut demo = Harness::new(&PLUGIN, &config);
    demo.add(&at("Lamp.1.")).unwrap();
    let say = |text: &str| {
        std::fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(text.as_bytes()).unwrap();
    };
    say("Temperature=31\n");
    assert_eq!(demo.wait_changed(), [at("Temperature")]);
    assert_eq!(demo.get(&at("Temperature")).unwrap(), "31");
    say("Temperature=31\nTemperature=warm\nNothing=1\nnonsense\n\nLamp.1.On=1\n");
    let mut heard = demo.wait_changed();
    if heard.len() == 1 {
        heard.extend(demo.wait_changed());
    }
    assert_eq!(heard, [at("Lamp.1.On"), at("Lamp.1.Switched")], "the same value again is no news");
    assert_eq!(demo.get(&at("Lamp.1.Switched")).unwrap(), "1");
    assert_eq!(demo.logs().len(), 3);
    assert_eq!(demo.restart().get(&at("Temperature")).unwrap(), "31");
}

#[test]
fn a_factory_reset_forgets_everything() {
    let mut demo = plain();
    set(&mut demo, "Label", "Kitchen").unwrap();
    demo.add(&at("Lamp.1.")).unwrap();
    demo.notice(Notice::FactoryReset).unwrap();
    assert_eq!(demo.get(&at("Label")).unwrap(), "Demo");
    assert_eq!(demo.rows(&at("Lamp.")).unwrap(), []);
    assert!(demo.store().is_empty());
}

#[test]
fn failures_are_there_only_when_asked_for() {
    let mut demo = plain();
    assert!(!demo.describe().iter().any(|n| n.path.contains(".Test.")));
    assert!(failing().describe().iter().any(|n| n.path.contains(".Test.")));
    // Even written behind the description's back it does nothing.
    set(&mut demo, "Test.Fail", "prepare").unwrap();
    set(&mut demo, "Label", "Kitchen").unwrap();
}

#[test]
fn a_refusal_and_a_failed_commit_happen_once_and_change_nothing() {
    for (what, status) in [("prepare", "told to refuse"), ("commit", "told to fail")] {
        let mut demo = failing();
        fail(&mut demo, what);
        assert_eq!(demo.get(&at("Test.Fail")).unwrap(), what);
        assert_eq!(set(&mut demo, "Label", "Kitchen").unwrap_err().text(), status);
        assert_eq!(demo.get(&at("Label")).unwrap(), "Demo");
        set(&mut demo, "Label", "Kitchen").unwrap();
        assert_eq!(demo.get(&at("Test.Fail")).unwrap(), "none");
    }
}

#[test]
fn a_late_commit_waits_for_its_deadline() {
    let mut demo = failing();
    fail(&mut demo, "commit-timeout");
    demo.pretend(Origin::Acs, 1, Duration::from_millis(10));
    let begin = std::time::Instant::now();
    set(&mut demo, "Label", "Kitchen").unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(510));
}

#[test]
fn a_lie_is_a_wrong_type_and_comes_with_the_truth() {
    let mut demo = failing();
    fail(&mut demo, "lie");
    let label = at("Label");
    let (_, _, answers) = demo.get_raw(&[&label]);
    assert!(answers[0].contains(&Answered::Value(7, "not a moment".to_owned())));
}

#[test]
fn large_answers_are_as_large_as_they_say() {
    for (what, size) in [("big30", 30_000_000), ("big50", 50_000_000)] {
        let mut demo = failing();
        fail(&mut demo, what);
        let (_, _, answers) = demo.get_raw(&[&at("Test.Payload")]);
        assert!(matches!(&answers[0][0], Answered::Value(1, text) if text.len() == size));
    }
}

#[test]
fn a_flood_announces_far_too_much() {
    let mut demo = failing();
    fail(&mut demo, "flood");
    demo.get(&at("Label")).unwrap();
    assert!(demo.changed().len() >= 200_000);
}

#[test]
fn a_failure_does_not_outlive_the_plugin() {
    let mut demo = failing();
    fail(&mut demo, "crash-in-commit");
    let mut demo = demo.power_cut();
    assert_eq!(demo.get(&at("Test.Fail")).unwrap(), "none");
    set(&mut demo, "Label", "Kitchen").unwrap();
}

#[test]
fn a_misspelt_configuration_is_refused_by_name() {
    let error = Harness::try_new(&PLUGIN, r#"{"bigrows": 3}"#).unwrap_err();
    assert!(error.text().contains("'bigrows'"), "{error}");
}

/// Aborts in a process of its own, which is this test again with a variable set.
#[test]
fn a_crash_is_the_end_of_the_process() {
    const VARIABLE: &str = "CWMP_DEMO_CRASH";
    if let Ok(what) = std::env::var(VARIABLE) {
        let mut demo = failing();
        fail(&mut demo, &what);
        let prepared = set(&mut demo, "Label", "Kitchen");
        panic!("still here: {prepared:?}, {:?}", demo.get(&at("Label")));
    }
    for what in ["crash-in-prepare", "crash-in-commit", "crash"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::a_crash_is_the_end_of_the_process", "--nocapture"])
            .env(VARIABLE, what)
            .output()
            .unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert_eq!(signal, Some(6), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn it_blinks_tells_of_it_and_can_be_cancelled() {
    let demo = plain();
    let blink = at("Blink()");
    let outputs = demo.invoke(&blink, &[("Times", "2"), ("IntervalMs", "1")]).unwrap();
    assert_eq!(outputs["Blinked"], "2");
    for wrong in [("Times", "0"), ("Times", "100001"), ("IntervalMs", "x"), ("Colour", "Red")] {
        assert!(
            matches!(demo.invoke(&blink, &[wrong]), Err(cwmp_plugin_sdk::Error::Arguments(_))),
            "{wrong:?}"
        );
    }
    let running = demo.begin(&blink, &[("Times", "100000"), ("IntervalMs", "1")]).unwrap();
    let (permille, text) = running.progress();
    assert!(
        permille < 1000 && text.starts_with("blink ") && text.ends_with(" of 100000"),
        "{permille} {text}"
    );
    assert!(matches!(demo.invoke(&blink, &[]), Err(cwmp_plugin_sdk::Error::Resources(_))));
    running.cancel();
    assert_eq!(running.end(), Err(cwmp_plugin_sdk::Error::Cancelled));
}

#[test]
fn the_self_test_measures_the_timer() {
    let mut demo = Harness::new(&PLUGIN, r#"{"self_test": true}"#);
    let state = at("SelfTest.DiagnosticsState");
    demo.set(&[(&at("SelfTest.Repetitions"), "5"), (&at("SelfTest.Interval"), "1"), (&state, "Requested")])
        .unwrap();
    demo.notice(Notice::SessionEnd).unwrap();
    while demo.get(&state).unwrap() == "Requested" {
        demo.wait_changed();
    }
    assert_eq!(demo.get(&state).unwrap(), "Complete");
    assert_eq!(demo.rows(&at("SelfTest.Result.")).unwrap().len(), 5);
    let value = |name: &str| demo.get(&at(name)).unwrap().parse::<u32>().unwrap();
    let (average, maximum) = (value("SelfTest.AverageDelay"), value("SelfTest.MaximumDelay"));
    let delays: Vec<u32> = (1..=5).map(|row| value(&format!("SelfTest.Result.{row}.Delay"))).collect();
    assert_eq!((average, Some(&maximum)), (delays.iter().sum::<u32>() / 5, delays.iter().max()));
    assert!(maximum > 0);
    demo.set(&[(&at("SelfTest.Repetitions"), "1000"), (&at("SelfTest.Limit"), "1"), (&state, "Requested")])
        .unwrap();
    while demo.get(&state).unwrap() == "Requested" {
        demo.wait_changed();
    }
    assert_eq!(demo.get(&state).unwrap(), "Error_TooLate");
}
