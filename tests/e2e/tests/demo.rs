//! The demonstration of the README: it runs, shows what it promises, and what it tells people to type works.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

fn demo() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cwmp-demo"))
}

/// A demonstration that stays. It is interrupted when this is dropped, so that its device ends with it.
struct Staying(Child);

impl Staying {
    fn interrupt(&mut self) -> ExitStatus {
        self.end("-INT")
    }

    fn end(&mut self, signal: &str) -> ExitStatus {
        let told = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(told.is_ok_and(|told| told.success()), "it has ended by itself");
        self.0.wait().unwrap()
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.interrupt();
        }
    }
}

#[test]
fn the_demonstration_shows_a_session() {
    let output = demo().output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    for word in [
        "0 BOOTSTRAP, 1 BOOT",
        "GetParameterNames Device.",
        "SetParameterValues (key demo 1)",
        "fault 9003",
        "AddObjectResponse: row 1",
        "4 VALUE CHANGE",
        "Device.X_CWMPD_Demo.Temperature = 31",
        "6 CONNECTION REQUEST",
        "DeleteObjectResponse: applied",
        "tests/demo --stay",
    ] {
        assert!(shown.contains(word), "'{word}' is not shown:\n{shown}");
    }
}

#[test]
fn what_the_demonstration_tells_people_to_type_works() {
    let demo = demo().arg("--stay").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut demo = Staying(demo);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("The device stays up")), "it ended early");
    // All in one shell, as somebody would type them; the last one lists the files.
    let mut commands = Vec::new();
    for line in lines.by_ref() {
        let Some(command) = line.strip_prefix("    ") else { continue };
        commands.push(match command.strip_suffix(" &") {
            // Somebody who types sees that it watches before they go on.
            Some(watch) => format!("exec 3< <({watch} 2>&1); read -r -u 3\n"),
            // A failure ends the shell; this one must fail.
            None if command.ends_with("=1000") => format!("{command} && exit 1\n"),
            None => format!("{command}\n"),
        });
        if command.starts_with("ls ") {
            break;
        }
    }
    assert!(commands.len() >= 14, "commands are missing: {commands:?}");
    let script = format!("{}cat <&3\n", commands.concat());
    let output = Command::new("bash").args(["-e", "-c", &script]).output().unwrap();
    let (shown, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{shown}\n{error}");
    for word in ["3 ready", "200 OK", "Device.X_CWMPD_Demo.Lamp.2.", "Temperature = 35", "cwmpd.toml"] {
        assert!(shown.contains(word), "'{word}' is not shown:\n{shown}");
    }
    // Sessions go on being shown.
    assert!(lines.any(|line| line.contains("6 CONNECTION REQUEST")));
    assert!(demo.interrupt().success(), "Ctrl-C is its ordinary end");
}

#[test]
fn a_demonstration_that_is_ended_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo();
    demo.arg("--stay").env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = Staying(demo.spawn().unwrap());
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("The device stays up")), "it ended early");
    assert!(demo.end("-TERM").success());
    let left: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
