//! `--check` finds each kind of defect, names it, and tells it to programs too.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::plugin::compile;

/// What a check said: its exit code, and the text of each finding by level.
struct Checked {
    code: Option<i32>,
    text: String,
}

fn check(file: &Path, more: &[&str]) -> Checked {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    let output = Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
        .arg("--check")
        .arg(file)
        .args(["--overlays", "/nonexistent", "--models"])
        .arg(models)
        .args(more)
        .output()
        .unwrap();
    Checked { code: output.status.code(), text: String::from_utf8(output.stdout).unwrap() }
}

/// Whether exactly the expected failures are there, in their order.
fn fails(defect: &str, more: &[&str], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("wrong", folder.path(), &[defect]);
    let Checked { code, text } = check(&library, more);
    let failures: Vec<_> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(code, Some(1), "{defect}: {text}");
    assert_eq!(failures.len(), expected.len(), "{defect}: {text}");
    for (failure, expected) in failures.iter().zip(expected) {
        assert!(failure.contains(expected), "{defect}: {failure}, expected {expected}");
    }
    assert!(text.trim_end().ends_with(&format!("{} failures", expected.len())), "{defect}: {text}");
}

#[test]
fn a_plugin_without_defects_is_good() {
    let folder = tempfile::tempdir().unwrap();
    for (macros, noticed) in [
        (&[][..], "ok    write: "),
        (&["PRINTS"][..], "ok    write: "),
        (&["UNKNOWN"][..], "note  Device.X_W.Flag: is left out: not yet"),
        (&["REFUSES"][..], "note  write: Device.X_W.Row.1.: a new row is refused: 9007"),
        (&["ACTION"][..], "note  write: Device.X_W.Flag: always reads 'false', whatever is set: an action"),
    ] {
        let library = compile("wrong", folder.path(), macros);
        let Checked { code, text } = check(&library, &["--write"]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(noticed), "{text}");
        assert!(!text.contains("hello"), "what a plugin prints is no finding: {text}");
    }
    // Nothing is set unless that is asked for.
    let Checked { code, text } = check(&compile("wrong", folder.path(), &["COMMIT_FAILS"]), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("skip  write: "), "{text}");
}

#[test]
fn a_plugin_that_ends_its_process_is_told_of() {
    fails("CREATE_CRASHES", &[], &["the plugin crashed: its process was ended by signal 6, SIGABRT"]);
    fails("CRASH", &[], &["the plugin crashed: its process was ended by signal 11, SIGSEGV"]);
    fails("EXIT", &[], &["the plugin ended the process"]);
}

#[test]
fn a_plugin_that_does_not_come_back_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("wrong", folder.path(), &["HANG"]);
    let manifest = folder.path().join("wrong.toml");
    let text = format!(
        "name = 'wrong'\nlibrary = '{}'\nroots = ['Device.X_W.']\n[deadlines]\nget_ms = 200\nprepare_ms = 200\ncommit_ms = 200\nhard_ms = 400\n",
        library.display()
    );
    std::fs::write(&manifest, text).unwrap();
    let Checked { code, text } = check(&manifest, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("did not answer within 0.2 s"), "{text}");
    assert!(text.contains("FAIL  a call into the plugin did not return within the hard limit"), "{text}");
    fails("STOP_HANGS", &[], &["stop() or destroy() did not return within 2 s"]);
}

#[test]
fn a_model_that_there_is_not_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("wrong", folder.path(), &[]);
    let manifest = folder.path().join("wrong.toml");
    let text = format!(
        "name = 'wrong'\nlibrary = '{}'\nroots = ['Device.X_W.']\nmodels = ['VoiceService:9.9']\n",
        library.display()
    );
    std::fs::write(&manifest, text).unwrap();
    let Checked { code, text } = check(&manifest, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FAIL  models: there is no data model 'VoiceService:9.9'"), "{text}");
}

#[test]
fn what_is_not_given_back_is_counted() {
    fails("LEAK", &["--rounds", "400"], &["memory: "]);
    fails("LEAK_FILE", &[], &["files: "]);
    fails("LEAK_THREAD", &["--rounds", "20"], &["threads: "]);
    fails("SLOW", &["--rounds", "1"], &["time: a round took "]);
}

#[test]
fn answers_against_the_rules_are_told() {
    fails("TWICE", &[], &["the plugin lies: Device.X_W.Text: was answered twice"]);
    fails("GHOST", &[], &["Device.X_W.Row.4294967295.Name: reads 'boo', and there is no such row"]);
    fails("LATE", &[], &["the plugin lies: req_done() came for a request that is over"]);
}

/// One line for the row; what is unknown in a row of which something is known is noted, as ever.
#[test]
fn a_listed_row_of_which_nothing_is_known_is_told_of_once() {
    let row = "Device.X_W.Row.7.: is listed by instances(), but get() answers 9005 to all its 2 parameters: no such name";
    fails("DEAF", &[], &[row]);
    let folder = tempfile::tempdir().unwrap();
    let Checked { text, .. } = check(&compile("wrong", folder.path(), &["DEAF"]), &[]);
    let notes: Vec<_> =
        text.lines().filter(|line| line.starts_with("note") && line.contains("left out")).collect();
    assert_eq!(notes, ["note  Device.X_W.Row.8.Size: is left out: no such name"]);
}

#[test]
fn transactions_that_are_none_are_found_out() {
    let write = ["--write"];
    let [text, flag, row] = ["Device.X_W.Text", "Device.X_W.Flag", "Device.X_W.Row.1."];
    fails("UNKNOWN_FAILS", &write, &["rollback() of an unknown transaction: "]);
    let folder = tempfile::tempdir().unwrap();
    for (defect, expected) in [
        ("PREPARE_FAILS", format!("{text}: prepare() of ")),
        ("PREPARE_FAILS", format!("{row}: prepare() of a new row")),
        ("COMMIT_FAILS", format!("{flag}: commit() of 'true', which was prepared: resources exceeded")),
        ("COMMIT_FAILS", format!("{row}: commit() of a new row")),
        ("PREPARE_ACTS", format!("{text}: prepare() of ")),
        ("ROLLBACK_FORGETS", format!("{text}: rollback() of ")),
        ("ROLLBACK_FORGETS", format!("{row}: rollback() leaves a row that was added")),
        ("COMMIT_FORGETS", format!("{text}: was set to ")),
        ("COMMIT_FORGETS", format!("{row}: was added, and is not there")),
        ("CUTS", format!("{text}: was set to ")),
        ("NO_DEFAULTS", format!("{row}Name: of a new row reads '', its default is 'new'")),
        ("ROW_STAYS", format!("{row}: was deleted, and is there")),
    ] {
        let Checked { code, text } = check(&compile("wrong", folder.path(), &[defect]), &write);
        assert_eq!(code, Some(1), "{defect}: {text}");
        assert!(text.contains(&format!("FAIL  write: {expected}")), "{defect}: {expected}: {text}");
    }
}

#[test]
fn what_the_standard_does_not_allow_is_told() {
    fails(
        "STANDARD",
        &[],
        &[
            "Device.DeviceInfo.UpTime: is string, the standard has unsignedInt",
            "Device.DeviceInfo.UpTime: can be set, which the standard does not allow",
            "Device.DeviceInfo.Nothing: is not in the standard",
            "Device.Ethernet.Interface.{i}.: takes rows, which the standard does not allow",
            "Device.Ethernet.Interface.{i}.Status: its facet 'enum' allows more than the standard's",
        ],
    );
}

#[test]
fn a_root_of_which_nothing_is_described_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("wrong", folder.path(), &[]);
    let manifest = folder.path().join("wrong.toml");
    let text = format!(
        "name = 'wrong'\nlibrary = '{}'\nroots = ['Device.X_W.', 'Device.X_V.']\n",
        library.display()
    );
    std::fs::write(&manifest, text).unwrap();
    let Checked { code, text } = check(&manifest, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FAIL  Device.X_V.: a root of which nothing is described"), "{text}");
}

#[test]
fn a_report_for_programs_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("wrong", folder.path(), &["GHOST"]);
    let Checked { code, text } = check(&library, &["--json", "--write"]);
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["good"], &report["failures"]), (&Value::from(false), &Value::from(1)));
    assert_eq!(report["target"], library.display().to_string());
    let findings = report["findings"].as_array().unwrap();
    let bad: Vec<_> = findings.iter().filter(|f| f["level"] == "fail").collect();
    assert_eq!(bad.len(), 1, "{text}");
    assert_eq!(
        (&bad[0]["check"], &bad[0]["path"]),
        (&Value::from("read"), &Value::from("Device.X_W.Row.4294967295.Name"))
    );
    for part in ["manifest", "library", "description", "standard", "read", "write", "resources", "end"] {
        assert!(findings.iter().any(|f| f["check"] == part), "{part}: {text}");
    }
    // Also of one that leaves no time to say it.
    let Checked { code, text } = check(&compile("wrong", folder.path(), &["CRASH"]), &["--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["good"]), (Some(1), &Value::from(false)));
    assert_eq!(report["findings"].as_array().unwrap().last().unwrap()["check"], "end");
}

/// With an address sanitizer in the plugin, its leak check is part of ours.
#[test]
fn a_sanitizer_has_its_say() {
    let folder = tempfile::tempdir().unwrap();
    for (defect, good) in [("NOTHING", true), ("LEAK", false)] {
        let library = folder.path().join(format!("lib{defect}.so"));
        let host = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = Command::new("cc")
            .args(["-std=gnu99", "-g", "-fPIC", "-shared", "-pthread", "-fsanitize=address", "-w"])
            .arg(format!("-D{defect}"))
            .arg(format!("-I{}", host.join("../abi/include").display()))
            .arg("-o")
            .arg(&library)
            .arg(host.join("tests/plugins/wrong.c"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let runtime = Command::new("cc").arg("-print-file-name=libasan.so").output().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
            .arg("--check")
            .arg(&library)
            .env("LD_PRELOAD", String::from_utf8(runtime.stdout).unwrap().trim())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), good, "{text}\n{error}");
        let expected = if good {
            "ok    leaks: the sanitizer found none"
        } else {
            "FAIL  leaks: the sanitizer found some"
        };
        assert!(text.contains(expected), "{text}\n{error}");
        assert_eq!(error.contains("once_in_get"), !good, "{error}");
    }
}
