//! `docs/cwmpctl.md` and the help say the same, and the commands of the page work.

use crate::{finish, program, Box};

const PAGE: &str = include_str!("../../../../docs/cwmpctl.md");
const REFERENCE: &str = include_str!("../../../../docs/bus-reference.md");

async fn help(arguments: &[&str]) -> String {
    let mut command = program();
    command.args(arguments);
    finish(command).await.good()
}

#[tokio::test]
async fn the_page_names_every_command_and_exit_code_of_the_help() {
    let text = help(&["--help"]).await;
    let commands = text.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<&str> = commands.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names.iter().filter(|n| **n != "help") {
        assert!(PAGE.contains(&format!("`{name}")), "{name}");
        let own = help(&[name, "--help"]).await;
        // The shape of the JSON is a promise, so it stands in both places, word for word.
        if let Some((_, shape)) = own.split_once("\nJSON") {
            let shape = shape.split("\n\n").next().unwrap();
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let object = &shape[shape.find('{').unwrap()..];
            assert!(words(PAGE).contains(&words(object)), "{name}: {object}");
        }
    }
    let codes = text.split("Exit codes:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(codes.lines().count(), 5);
    for line in codes.lines() {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(PAGE.contains(&format!("| {code} | {meaning} |")), "{line}");
    }
}

/// Each command of a page, one after the other on the same box; how many there were.
async fn run_commands(page: &str) -> usize {
    let on = Box::new().await;
    let mut count = 0;
    for line in page.lines().filter_map(|l| l.strip_prefix("    $ ")) {
        let mut shell = tokio::process::Command::new("sh");
        let folder = std::path::Path::new(env!("CARGO_BIN_EXE_cwmpctl")).parent().unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        shell.args(["-e", "-c", line]).env("PATH", path).stdin(std::process::Stdio::null());
        shell.env("DBUS_SYSTEM_BUS_ADDRESS", on.bus.address()).kill_on_drop(true);
        let mut run = std::pin::pin!(finish(shell));
        let run = loop {
            // A command that waits for a change gets one.
            let wait = std::time::Duration::from_millis(200);
            if let Ok(run) = tokio::time::timeout(wait, &mut run).await {
                break run;
            }
            on.fake.signal("Changed", &["Device.DeviceInfo.UpTime"]).await;
        };
        assert_eq!(run.code, 0, "{line}: {run:?}");
        count += 1;
    }
    count
}

#[tokio::test]
async fn the_commands_of_the_page_work() {
    assert!(run_commands(PAGE).await > 10, "the commands were not found");
}

#[tokio::test]
async fn the_commands_of_the_bus_reference_work() {
    assert!(run_commands(REFERENCE).await > 10, "the commands were not found");
}
