//! A crash leaves no core dump, for it would have the secrets of the store in it; nor does a debugger see them.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::plugin::compile;
use crate::world::World;

/// Runs the host where core dumps of any size are allowed, in `folder`.
fn unlimited(folder: &Path, arguments: &[&str]) -> Output {
    let host = env!("CARGO_BIN_EXE_cwmp-plugin-host");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\"", host]).args(arguments);
    shell.current_dir(folder).output().unwrap()
}

/// What core dumps there are.
fn dumps(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with("core")).collect()
}

/// Whether the kernel writes core dumps into the folder of the process, by a name that begins with `core`.
fn are_files_here() -> bool {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let hard = Command::new("sh").args(["-c", "ulimit -Hc"]).output().unwrap();
    pattern.starts_with("core") && !pattern.contains('/') && hard.stdout.starts_with(b"unlimited")
}

#[test]
fn a_crash_leaves_a_core_dump_only_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let bad = compile("bad", folder.path(), &[]);
    let wrong = compile("wrong", folder.path(), &["CRASH"]);
    for arguments in [
        &["--call", "get", "Device.X_B.Crash", "--library", bad.to_str().unwrap()][..],
        &["--check", wrong.to_str().unwrap(), "--overlays", "/nonexistent"],
    ] {
        let ended = unlimited(folder.path(), arguments);
        assert!(ended.status.signal() == Some(6) || ended.status.code() == Some(1), "{ended:?}");
        assert_eq!(dumps(folder.path()), [""; 0], "{arguments:?}");
        if are_files_here() {
            // The same with one word more, so that it was this host that kept the file away.
            unlimited(folder.path(), &[arguments, &["--core-dumps"]].concat());
            let found = dumps(folder.path());
            assert_eq!(found.len(), 1, "{arguments:?}");
            std::fs::remove_file(folder.path().join(&found[0])).unwrap();
        } else {
            println!(
                "not tried with core dumps: the kernel does not write them into the folder of the process"
            );
        }
    }
}

/// The limit of a host that serves; it holds for what the plugin executes, too.
#[tokio::test]
async fn a_host_that_serves_has_a_limit_of_nothing() {
    let mut world = World::serve("good", "").await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", world.host.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    world.host.signal("-TERM");
    assert_eq!(world.host.ended().await.code(), Some(0));
}

/// The memory of a process that cannot be dumped belongs to root, whoever runs it.
#[test]
fn others_of_its_user_do_not_look_into_a_host() {
    const NOBODY: u32 = 65_534;
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: to be somebody else takes root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let library = compile("bad", folder.path(), &[]);
    // The place where it was built may be none of theirs.
    let host = folder.path().join("host");
    std::fs::copy(env!("CARGO_BIN_EXE_cwmp-plugin-try"), &host).unwrap();
    for (more, owner) in [(&[][..], 0), (&["--core-dumps"][..], NOBODY)] {
        let mut child = Command::new(&host)
            .args(["--call", "get", "Device.X_B.Later", "--library", library.to_str().unwrap()])
            .args(more)
            .env("CWMP_LOG", "info")
            .uid(NOBODY)
            .gid(NOBODY)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("waits")), "the plugin is asked");
        let found = std::fs::metadata(format!("/proc/{}/mem", child.id())).unwrap().uid();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, owner, "{more:?}");
    }
}
