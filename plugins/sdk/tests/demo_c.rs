//! The plugin in C, built as its author would and under the same harness as any other.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::abi::{self, status};
use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{Error, Notice, Origin};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo-c")
}

/// The plugin's table. The library stays loaded, as it does in the real host.
fn plugin() -> &'static abi::Plugin {
    static TABLE: OnceLock<&'static abi::Plugin> = OnceLock::new();
    TABLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("make")
            .arg("CFLAGS=-O1 -g -Werror -pedantic -fsanitize=undefined -fsanitize-undefined-trap-on-error")
            .arg(format!("OUT={}", folder.path().display()))
            .arg("-C")
            .arg(source())
            .output()
            .unwrap_or_else(|e| {
                panic!("make cannot be run ({e}): install the Debian package build-essential")
            });
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let file = folder.path().join("libcwmp_demo_c.so");
        // SAFETY: a library of ours, which does nothing as it is loaded.
        let library = Box::leak(Box::new(unsafe { libloading::Library::new(file) }.unwrap()));
        // SAFETY: the header says what the symbol is, and a leaked library stays.
        let table = unsafe { library.get::<*const abi::Plugin>(b"cwmp_plugin_v1\0") }.unwrap();
        // SAFETY: as above.
        unsafe { &**table }
    })
}

fn at(name: &str) -> String {
    format!("Device.X_CWMPD_DemoC.{name}")
}

fn demo(config: &str) -> Harness {
    Harness::new(plugin(), config)
}

fn set(demo: &mut Harness, name: &str, value: &str) -> Result<(), Error> {
    demo.set(&[(&at(name), value)])
}

fn numbers(demo: &Harness) -> Vec<u32> {
    let mut all: Vec<u32> = demo.rows(&at("Sensor.")).unwrap().iter().map(|r| r.number).collect();
    all.sort_unstable();
    all
}

#[test]
fn every_value_is_one_of_its_declared_type() {
    let mut demo = demo("{}");
    demo.add(&at("Sensor.5.")).unwrap();
    let tree = demo.tree();
    assert_eq!(tree.len(), 5 + 3);
    for (name, value) in tree {
        value.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert!(matches!(demo.get(&at("Sensor.6.Name")), Err(Error::Name(_))));
    assert!(matches!(demo.rows(&at("Lamp.")), Err(Error::Name(_))));
}

#[test]
fn values_and_rows_survive_a_power_cut() {
    let mut demo = demo("{}");
    let awkward = "two\nlines \\n = ; \u{fc}";
    set(&mut demo, "Label", awkward).unwrap();
    for row in [3, 7, 9] {
        let name = at(&format!("Sensor.{row}."));
        demo.change(&[Step::add(&name), Step::set(&format!("{name}Name"), awkward)]).unwrap();
    }
    set(&mut demo, "Sensor.9.Threshold", "-40").unwrap();
    demo.delete(&at("Sensor.3.")).unwrap();
    let demo = demo.power_cut();
    assert_eq!(demo.get(&at("Label")).unwrap(), awkward);
    assert_eq!(numbers(&demo), [7, 9]);
    assert_eq!(demo.get(&at("Sensor.9.Name")).unwrap(), awkward);
    assert_eq!(demo.get(&at("Sensor.9.Threshold")).unwrap(), "-40");
    assert_eq!(demo.get(&at("Sensor.7.Threshold")).unwrap(), "25");
}

#[test]
fn the_largest_state_fits_into_the_store() {
    let mut demo = demo("{}");
    let longest = "\\".repeat(256);
    for row in 1..=16 {
        let name = at(&format!("Sensor.{}.", u32::MAX / 100 + row));
        demo.change(&[Step::add(&name), Step::set(&format!("{name}Name"), &longest)]).unwrap();
    }
    set(&mut demo, "Label", &longest).unwrap();
    assert!(matches!(demo.add(&at("Sensor.17.")), Err(Error::Resources(_))));
    assert_eq!(demo.power_cut().get(&at("Label")).unwrap(), longest);
}

#[test]
fn every_change_in_error_has_its_own_fault() {
    let mut demo = demo("{}");
    let steps = [
        Step::set(&at("Level"), "7"),
        Step::set(&at("Level"), "101"),
        Step::set(&at("Level"), "much"),
        Step::set(&at("Enable"), "perhaps"),
        Step::set(&at("Mode"), "Eco|Normal"),
        Step::set(&at("Nothing"), "1"),
        Step::set(&at("Sensor.1.Name"), "x"),
        Step::set(&at("Label"), &"x".repeat(257)),
        Step::delete(&at("Sensor.1.")),
    ];
    let faults = demo.stage(&steps).unwrap_err();
    let faults: Vec<(usize, i32)> = faults.iter().map(|(i, e)| (*i, e.status())).collect();
    let (name, value, kind) = (status::E_NAME, status::E_VALUE, status::E_TYPE);
    let expected =
        [(1, value), (2, kind), (3, kind), (4, value), (5, name), (6, name), (7, value), (8, name)];
    assert_eq!(faults, expected);
    assert_eq!(demo.get(&at("Level")).unwrap(), "50");
}

/// Decision 6: after a restart the agent may prepare and commit the same transaction again, and then roll it back.
#[test]
fn a_commit_before_a_power_cut_can_be_repeated_or_taken_back() {
    for is_good in [true, false] {
        let mut demo = demo("{}");
        demo.add(&at("Sensor.1.")).unwrap();
        let before = demo.tree();
        let steps =
            [Step::set(&at("Label"), "new"), Step::delete(&at("Sensor.1.")), Step::add(&at("Sensor.2."))];
        demo.prepare(77, &steps).unwrap();
        assert_eq!(demo.tree(), before, "prepare has no effect");
        demo.commit(77).unwrap();
        let after = demo.tree();
        assert_ne!(after, before);
        let demo = demo.power_cut();
        demo.prepare(77, &steps).unwrap();
        demo.commit(77).unwrap();
        assert_eq!(demo.tree(), after);
        if is_good {
            demo.finish(77).unwrap();
        }
        demo.rollback(77).unwrap();
        demo.rollback(77).unwrap();
        let expected = if is_good { after } else { before };
        assert_eq!(demo.tree(), expected);
        assert!(!demo.store().contains_key("undo"));
        assert_eq!(demo.power_cut().tree(), expected);
    }
}

#[test]
fn a_full_store_fails_the_commit_and_changes_nothing() {
    for writes in 0..2 {
        let mut demo = demo("{}");
        let before = demo.tree();
        demo.limit_store(writes);
        assert!(matches!(set(&mut demo, "Label", "new"), Err(Error::Resources(_))));
        assert_eq!(demo.tree(), before);
        assert_eq!(demo.power_cut().tree(), before);
    }
}

#[test]
fn a_line_in_the_pipe_changes_the_temperature_and_announces_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("a \"pipe\"");
    let escaped = pipe.display().to_string().replace('"', "\\\"");
    let demo = demo(&format!("{{\"other\": [1, 2], \"watch_file\" : \"{escaped}\"}}"));
    let say = |text: &str| {
        std::fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(text.as_bytes()).unwrap();
    };
    say("Temperature=31\n");
    assert_eq!(demo.wait_changed(), [at("Temperature")]);
    assert_eq!(demo.get(&at("Temperature")).unwrap(), "31");
    say(&format!("31\nwarm\n{}\n-5\n", "9".repeat(1_000)));
    assert_eq!(demo.wait_changed(), [at("Temperature")]);
    assert_eq!(demo.get(&at("Temperature")).unwrap(), "-5");
    assert_eq!(demo.restart().get(&at("Temperature")).unwrap(), "-5");
}

#[test]
fn a_factory_reset_forgets_everything() {
    let mut demo = demo("{}");
    let before = demo.tree();
    set(&mut demo, "Label", "Kitchen").unwrap();
    demo.add(&at("Sensor.1.")).unwrap();
    demo.notice(Notice::FactoryReset).unwrap();
    assert_eq!(demo.tree(), before);
    assert!(demo.store().is_empty());
}

#[test]
fn failures_are_there_only_when_asked_for() {
    let mut plain = demo("{\"failures\": false}");
    assert!(!plain.describe().iter().any(|n| n.path.contains(".Test.")));
    assert!(set(&mut plain, "Test.Fail", "commit").is_err());
    let mut failing = demo("{\"failures\": true}");
    assert!(failing.describe().iter().any(|n| n.path.contains(".Test.")));
    assert!(set(&mut failing, "Test.Fail", "whatever").is_err());
}

#[test]
fn a_refusal_and_a_failed_commit_happen_once_and_change_nothing() {
    for what in ["prepare", "commit"] {
        let mut demo = demo("{\"failures\": true}");
        set(&mut demo, "Test.Fail", what).unwrap();
        assert_eq!(demo.get(&at("Test.Fail")).unwrap(), what);
        assert!(set(&mut demo, "Label", "Kitchen").is_err());
        assert_eq!(demo.get(&at("Label")).unwrap(), "Demo in C");
        set(&mut demo, "Label", "Kitchen").unwrap();
        assert_eq!(demo.get(&at("Test.Fail")).unwrap(), "none");
    }
}

#[test]
fn a_late_commit_waits_for_its_deadline_once() {
    let mut demo = demo("{\"failures\": true}");
    set(&mut demo, "Test.Fail", "commit-timeout").unwrap();
    demo.pretend(Origin::Acs, 1, Duration::from_millis(10));
    let begin = Instant::now();
    set(&mut demo, "Label", "Kitchen").unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(510));
    assert_eq!(demo.get(&at("Test.Fail")).unwrap(), "none");
}

#[test]
fn it_blinks_tells_of_it_and_can_be_cancelled() {
    let demo = demo("{}");
    let blink = at("Blink()");
    let outputs = demo.invoke(&blink, &[("Times", "2"), ("IntervalMs", "1")]).unwrap();
    assert_eq!(outputs["Blinked"], "2");
    for wrong in [("Times", "0"), ("Times", "100001"), ("IntervalMs", "x"), ("Colour", "Red")] {
        assert!(matches!(demo.invoke(&blink, &[wrong]), Err(Error::Arguments(_))), "{wrong:?}");
    }
    let running = demo.begin(&blink, &[("Times", "100000"), ("IntervalMs", "1")]).unwrap();
    assert!(running.progress().1.ends_with(" of 100000"));
    assert!(matches!(demo.invoke(&blink, &[]), Err(Error::Resources(_))));
    running.cancel();
    assert_eq!(running.end(), Err(Error::Cancelled));
}
