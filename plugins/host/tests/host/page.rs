//! `docs/plugin-check.md` shows commands that work.

use std::path::Path;
use std::process::Command;

use crate::plugin::compile;

const PAGE: &str = include_str!("../../../../docs/plugin-check.md");

/// The fenced lines of the page that run the host.
fn commands() -> Vec<&'static str> {
    let fenced = PAGE.split("```").skip(1).step_by(2).flat_map(str::lines);
    fenced.filter(|line| line.contains("cwmp-plugin-host ")).collect()
}

#[test]
fn the_commands_of_the_page_work() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("wrong", folder.path(), &[]);
    std::fs::rename(library, folder.path().join("libcwmp_lamp.so")).unwrap();
    let manifest = "name = 'lamp'\nlibrary = 'libcwmp_lamp.so'\nroots = ['Device.X_W.']\n";
    std::fs::write(folder.path().join("lamp.toml"), manifest).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_cwmp-plugin-host")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    let all = commands();
    assert_eq!(all.len(), 3, "{all:?}");
    for command in all {
        // Nothing is installed here.
        let line = command.replace("/usr/share/cwmpd/models", &models.display().to_string());
        let mut shell = Command::new("sh");
        let output =
            shell.args(["-e", "-c", &line]).env("PATH", &path).current_dir(folder.path()).output().unwrap();
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}: {out}{error}");
        if !command.contains('>') {
            assert!(out.ends_with("libcwmp_lamp.so: good\n"), "{command}: {out}");
        }
    }
    // The report has what the page says of it, and every check of its table.
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let findings = report["findings"].as_array().unwrap();
    for row in PAGE.lines().filter_map(|line| line.strip_prefix("| `")) {
        let name = row.split('`').next().unwrap();
        assert!(findings.iter().any(|f| f["check"] == name), "{name}: {report}");
    }
    for key in ["target", "good", "failures", "findings"] {
        assert!(PAGE.contains(&format!("\"{key}\"")) && report.get(key).is_some(), "{key}");
    }
}
