//! A file system without room, and one that turned read-only: both real, in a mount namespace of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use cwmp_store::{open, Health, Op, StoreThread};

const INSIDE: &str = "CWMP_STORE_MOUNT";

/// Runs the named test of this binary again, with a small file system at the path it is given. `false` where
/// the system does not allow that.
fn in_namespace(test: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=400k,mode=700 none \"$0\" || exit 77; exec \"$@\"";
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, directory.path())
        .status();
    match status.map(|status| status.code()) {
        Ok(Some(0)) => true,
        Ok(Some(1 | 77)) if !may_mount() => {
            println!("skipped: no mount namespace here");
            false
        }
        other => panic!("{test} in its namespace: {other:?}"),
    }
}

fn may_mount() -> bool {
    Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success())
}

fn setting(value: &str) -> Op {
    Op::PutSetting { path: "Device.ManagementServer.URL".into(), value: value.into() }
}

fn big_event(size: usize) -> Op {
    Op::PutEvent { seq: 1, code: String::new(), command_key: String::new(), data: "x".repeat(size) }
}

#[test]
fn a_full_disk_fails_the_commit_and_the_store_goes_on() {
    let Some(mount) = std::env::var_os(INSIDE) else {
        in_namespace("a_full_disk_fails_the_commit_and_the_store_goes_on");
        return;
    };
    let path = Path::new(&mount).join("store.db");
    let opened = open(&path);
    assert_eq!(opened.health, Health::Ok);
    let handle = StoreThread::spawn(opened.store).unwrap();
    handle.commit_wait(vec![setting("before")]).unwrap();
    let error = handle.commit_wait(vec![setting("lost"), big_event(1_000_000)]).unwrap_err();
    assert!(error.is_full(), "{error}");
    handle.commit_wait(vec![setting("after")]).unwrap();
    handle.shutdown();
    let opened = open(&path);
    assert_eq!(opened.health, Health::Ok);
    assert_eq!(opened.state.settings.values().collect::<Vec<_>>(), ["after"]);
    assert!(opened.state.events.is_empty());
}

#[test]
fn a_disk_without_room_for_a_store_is_answered_with_memory() {
    let Some(mount) = std::env::var_os(INSIDE) else {
        in_namespace("a_disk_without_room_for_a_store_is_answered_with_memory");
        return;
    };
    // Writing stops where the file system ends.
    assert!(fs::write(Path::new(&mount).join("filler"), vec![0; 1_000_000]).is_err());
    let mut opened = open(&Path::new(&mount).join("store.db"));
    assert!(matches!(opened.health, Health::Memory { .. }), "{}", opened.health);
    opened.store.commit(&[setting("x")]).unwrap();
}

/// The box must still find its ACS: what the ACS set is read from the file that cannot be written.
#[test]
fn a_read_only_store_is_read_into_memory() {
    let Some(mount) = std::env::var_os(INSIDE) else {
        in_namespace("a_read_only_store_is_read_into_memory");
        return;
    };
    let path = Path::new(&mount).join("a store?#%.db");
    let mut opened = open(&path);
    opened.store.commit(&[setting("http://acs/")]).unwrap();
    drop(opened);
    let mut opened = open(&path);
    opened.store.commit(&[setting("http://newer/")]).unwrap();
    // As a power cut leaves it, with the newest commit in the log alone; and as a shutdown does.
    let cut = Path::new(&mount).join("cut.db");
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(&path), name(&cut)).unwrap();
    }
    drop(opened);
    assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(&mount).status().unwrap().success());
    let mut opened = open(&path);
    assert!(matches!(opened.health, Health::Memory { .. }), "{}", opened.health);
    assert_eq!(opened.state, opened.store.load().unwrap());
    assert_eq!(opened.state.settings.values().collect::<Vec<_>>(), ["http://newer/"]);
    opened.store.commit(&[setting("http://other/")]).unwrap();

    let opened = open(&cut);
    assert!(matches!(opened.health, Health::Memory { .. }), "{}", opened.health);
    assert!(opened.state.settings.is_empty(), "an old state would repeat what was acknowledged");
}
