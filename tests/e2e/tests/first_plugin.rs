//! The demonstration with a plugin that is not one of ours: one that was written a moment ago.

use std::path::Path;
use std::process::{Command, Output};

use cwmp_e2e::binary;

/// A plugin in C, for it is built in no time; with the path of its manifest.
fn new_plugin(folder: &Path, edit: impl Fn(&str) -> String) -> std::path::PathBuf {
    let made = Command::new(binary("cwmpctl"))
        .args(["new-plugin", "door", "--language", "c", "--object", "Device.X_ACME_Door."])
        .args(["--parameter", "Name:string:writable", "--parameter", "Opened:unsignedInt"])
        .args(["--kit", concat!(env!("CARGO_MANIFEST_DIR"), "/../..")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let source = folder.join("door/door.c");
    let text = std::fs::read_to_string(&source).unwrap();
    let line = "  return NULL;\n}\n\n/* The rows that the device finds";
    assert!(text.contains(line), "the place to fill in is another: {text}");
    let known = "  if (str_is(node->path, \"Device.X_ACME_Door.Opened\")) return \"41\";\n";
    std::fs::write(&source, text.replace(line, &format!("{known}{line}"))).unwrap();
    let manifest = folder.join("door/door.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, edit(&text)).unwrap();
    let made =
        Command::new("make").arg("-C").arg(folder.join("door")).env_remove("MAKEFLAGS").output().unwrap();
    assert!(made.status.success(), "{made:?}");
    folder.join("door/build/door.toml")
}

fn demo(manifest: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cwmp-demo")).arg("--plugin").arg(manifest).output().unwrap()
}

#[test]
fn what_a_new_plugin_knows_comes_to_the_acs() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(&new_plugin(folder.path(), str::to_owned));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    for line in
        ["GetParameterValues Device.X_ACME_Door.", "Device.X_ACME_Door.Opened = 41", "got 2 values from door"]
    {
        assert!(shown.contains(line), "'{line}' is not shown:\n{shown}");
    }
}

#[test]
fn a_plugin_that_gives_nothing_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = new_plugin(folder.path(), |text| text.replace("X_ACME_Door.", "X_ACME_Window."));
    let output = demo(&manifest);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("The plugin door gave no value"));
    std::fs::remove_file(manifest.with_file_name("libcwmp_door.so")).unwrap();
    let output = demo(&manifest);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("its library is not there"), "{output:?}");
}

#[test]
fn a_wrong_command_line_is_told_what_is_right() {
    for words in [&["--plugin"][..], &["--plugins", "x"], &["stay"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_cwmp-demo")).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--plugin MANIFEST"), "{words:?}");
    }
}
