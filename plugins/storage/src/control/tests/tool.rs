use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::super::Tools;
use super::run;
use crate::back_end::Failure;
use crate::plan::Secret;

fn tools(script: &str) -> (tempfile::TempDir, Tools) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tool");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let tools = Tools::new(&[folder.path().to_owned()]);
    (folder, tools)
}

const NONE: [&str; 0] = [];

#[test]
fn a_program_that_hangs_is_ended_and_one_that_talks_on_and_on_is_not_heard() {
    run(async {
        let (_folder, hangs) = tools("exec sleep 1000");
        let hangs = hangs.with_patience(Duration::from_millis(100));
        assert_eq!(hangs.run("tool", &NONE, None).await, Err(Failure::Away("tool")));
        let (_folder, floods) = tools("exec head -c 3000000 /dev/zero");
        assert!(matches!(floods.run("tool", &NONE, None).await, Err(Failure::Nonsense("tool", _))));
    });
}

#[test]
fn a_secret_is_written_and_never_told() {
    run(async {
        let secret = Secret::new("my secret\n");
        let (_folder, good) = tools("read line; echo \"$# $line\"");
        assert_eq!(good.run("tool", &NONE, Some(&secret)).await.as_deref(), Ok("0 my secret\n"));
        let (_folder, bad) = tools("echo what is >&2; cat >&2; exit 1");
        let failure = bad.run("tool", &NONE, Some(&secret)).await.unwrap_err();
        assert_eq!(failure, Failure::Refused("tool refuses".to_owned()));
        // It may not even listen.
        let (_folder, deaf) = tools("exec <&-; printf 'no\\033[1m\\n' >&2; exit 1");
        let long = Secret::new("x".repeat(1024 * 1024));
        let failure = deaf.run("tool", &NONE, Some(&long)).await.unwrap_err();
        assert_eq!(failure, Failure::Refused("tool: no [1m".to_owned()));
    });
}

#[test]
fn what_is_not_installed_is_said() {
    run(async {
        let tools = Tools::new(&["/nonexistent".into()]);
        assert!(matches!(tools.run("tool", &NONE, None).await, Err(Failure::Impossible(_))));
    });
}
