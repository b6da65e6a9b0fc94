//! The plugins of this repository pass the check that every author may run.

use std::path::Path;
use std::process::Command;

use cwmp_e2e::binary;

/// Runs the check on a plugin as it was built, and gives its report.
fn check(plugin: &str, more: &[&str]) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    let output = Command::new(binary("cwmp-plugin-host"))
        .arg("--check")
        .arg(binary(&format!("libcwmp_{plugin}.so")))
        .arg("--models")
        .arg(models)
        .args(more)
        .output()
        .expect("the host was built");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{plugin}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn the_demonstrations_take_every_value_and_give_back_what_they_take() {
    for plugin in ["demo", "demo_c"] {
        let text = check(plugin, &["--write"]);
        assert!(text.contains("ok    write: ") && text.contains("ok    resources: "), "{text}");
        assert!(text.contains("ok    commands: 1\n"), "{text}");
    }
}

#[test]
fn what_the_device_itself_tells_is_as_the_standard_says() {
    let text = check("device_info", &[]);
    assert!(text.contains("nodes as the tables have them") && text.contains("ok    resources: "), "{text}");
    // Nothing of it is a vendor's own.
    assert!(!text.contains("standard: 0 nodes"), "{text}");
}
