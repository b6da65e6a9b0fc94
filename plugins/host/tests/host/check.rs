//! `--check` and `--call`, which need no bus.

use std::process::{Command, Output};

use crate::plugin::{compile, compile_rust};
use crate::world::write_manifest;

fn host(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host")).args(arguments).output().unwrap()
}

fn check(file: &std::path::Path) -> (Option<i32>, String) {
    let output = host(&["--check", file.to_str().unwrap(), "--overlays", "/nonexistent"]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn call(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = host(&[&["--call"], arguments].concat());
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_good_plugin_passes_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write_manifest(folder.path(), "good", "");
    for file in [manifest, folder.path().join("libgood.so")] {
        let (code, text) = check(&file);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("ok    instances: 4 tables, 6 rows\n"), "{text}");
        assert!(text.contains("ok    get: 13 values of their types, within their facets\n"), "{text}");
        assert!(!text.contains("FAIL"), "{text}");
    }
}

#[test]
fn a_library_that_is_not_beside_its_manifest_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write_manifest(folder.path(), "good", "");
    let library = folder.path().join("libgood.so");
    std::fs::remove_file(&library).unwrap();
    let (code, text) = check(&manifest);
    assert_eq!(code, Some(1), "{text}");
    let told = format!("FAIL  there is no library {}: a manifest names it absolutely, or", library.display());
    assert!(text.contains(&told), "{text}");
}

/// What a plugin's struct lacks is not there, what it has more is not looked at.
#[test]
fn smaller_and_larger_structs_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    for (shape, nodes) in [("OLDER", 2), ("NEWER", 2), ("DESCRIBES", 1)] {
        let (code, text) = check(&compile("shape", folder.path(), &[shape]));
        assert_eq!(code, Some(0), "{shape}: {text}");
        assert!(text.contains(&format!("get: {nodes} values")), "{shape}: {text}");
    }
}

#[test]
fn smaller_and_larger_structs_in_rust_are_accepted_too() {
    let folder = tempfile::tempdir().unwrap();
    for shape in ["older", "newer"] {
        let library = compile_rust("shape", folder.path(), shape);
        let (code, text) = check(&library);
        assert_eq!(code, Some(0), "{shape}: {text}");
        assert!(text.contains("get: 2 values"), "{shape}: {text}");
        let (code, out, _) = call(&["get", "Device.X_S.Two", &format!("--library={}", library.display())]);
        assert_eq!((code, out.as_str()), (Some(0), "Device.X_S.Two = Device.X_S.Two\n"), "{shape}");
    }
}

#[test]
fn what_is_no_plugin_for_this_host_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (shape, why) in [
        ("WRONG_MAGIC", "its magic is 0x12345678"),
        ("WRONG_MAJOR", "made for ABI 2"),
        ("TINY", "its struct has 64 bytes"),
        ("HUGE", "its struct has 2147483647 bytes"),
        ("NO_GET", "create() and get() are required"),
        ("NO_NODES", "more than 65536"),
        ("WRONG_NODES", "FAIL  Device.X_S.Bad: has the unknown type 99"),
    ] {
        let (code, text) = check(&compile("shape", folder.path(), &[shape]));
        assert_eq!(code, Some(1), "{shape}: {text}");
        assert!(text.contains(why), "{shape}: {text}");
    }
    let no_library = folder.path().join("text.so");
    std::fs::write(&no_library, "no library").unwrap();
    assert_eq!(check(&no_library).0, Some(1));
    assert_eq!(check(std::path::Path::new("/nonexistent.so")).0, Some(1));
}

#[test]
fn a_node_outside_the_roots_of_the_manifest_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_manifest(folder.path(), "good", "");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("'Device.X_T.'", "'Device.X_T.Row.'")).unwrap();
    let (code, text) = check(&file);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FAIL  Device.X_T.Text: is outside the roots of the manifest"), "{text}");
    assert!(text.contains("ok    Device.X_T.: not served here"), "{text}");
}

#[test]
fn a_plugin_that_lies_or_does_not_start_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    for (config, why) in [
        ("refuse to start", "FAIL  create() answered -4 (CWMP_E_RESOURCES)"),
        ("hang at start", "FAIL  the plugin did not start"),
        ("", "FAIL  get: "),
    ] {
        let manifest = format!(
            "[deadlines]\nget_ms = 300\nprepare_ms = 100\ncommit_ms = 100\nhard_ms = 600\n[config]\nhow = '{config}'\n"
        );
        let file = write_manifest(folder.path(), "bad", &manifest);
        let (code, text) = check(&file);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(why), "{config}: {text}");
    }
}

#[test]
fn a_call_reads_lists_and_sets_without_a_bus() {
    let folder = tempfile::tempdir().unwrap();
    write_manifest(folder.path(), "good", "");
    let here = folder.path().to_str().unwrap();
    let places = ["good", "--manifests", here, "--overlays", "/nonexistent"];
    let kept = [&places[..], &["--state", here]].concat();
    let library = format!("--library={here}/libgood.so");

    let (code, out, _) = call(&["get", "Device.X_T.Text", "Device.X_T.Host.", &library]);
    assert_eq!(code, Some(0));
    assert_eq!(out, "Device.X_T.Text = hello\nDevice.X_T.Host.1.Mac = mac\nDevice.X_T.Host.2.Mac = mac\n");

    let (code, out, error) = call(&[&["get", "Device.X_T.Text", "Device.X_T.Nothing"][..], &places].concat());
    assert_eq!((code, out.as_str()), (Some(1), "Device.X_T.Text = hello\n"));
    assert_eq!(error, "Device.X_T.Nothing: 9005: no such parameter or object\n");

    let (code, out, _) = call(&["instances", "Device.X_T.Row.1.", &library]);
    assert_eq!((code, out.as_str()), (Some(0), "Device.X_T.Row.1.Part. 1 rows\nDevice.X_T.Row.1.Part.2.\n"));

    let (code, out, _) = call(&["list", "Device.X_T.Row.1.State", &library]);
    assert_eq!(code, Some(0));
    assert_eq!(out, "Device.X_T.Row.{i}.State string - enum=Up|Down;default=Down\n");

    let (code, out, _) = call(&[&["set", "Device.X_T.Text=a=b"][..], &kept].concat());
    assert_eq!((code, out.as_str()), (Some(0), "set\n"));
    let (_, out, _) = call(&[&["get", "Device.X_T.Text"][..], &kept].concat());
    assert_eq!(out, "Device.X_T.Text = a=b\n");

    let (code, out, error) = call(&[&["set", "Device.X_T.Number=101"][..], &places].concat());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(error, "Device.X_T.Number: 9007: must be 0 to 100\n");
}

#[test]
fn the_help_names_every_option_and_exit_code() {
    let output = host(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for word in
        ["--check", "--call get", "--call set", "--manifests", "--overlays", "--state", "--bus", "7 a call"]
    {
        assert!(text.contains(word), "{word}");
    }
}

/// A device may be without what only authors need.
#[test]
fn a_host_alone_says_what_a_check_needs() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("cwmp-plugin-host");
    std::fs::copy(env!("CARGO_BIN_EXE_cwmp-plugin-host"), &host).unwrap();
    for line in [&["--check", "x.so"][..], &["--call", "list", "demo"]] {
        let output = std::process::Command::new(&host).args(line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let beside = folder.path().join("cwmp-plugin-try");
        assert!(said.contains(&format!("need {}, which cannot be started", beside.display())), "{said}");
    }
    let tried =
        std::process::Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-try")).arg("demo").output().unwrap();
    assert_eq!(tried.status.code(), Some(2));
}
