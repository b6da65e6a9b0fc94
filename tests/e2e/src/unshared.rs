//! A test in namespaces of its own: it runs itself again inside.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Says to a test that it runs inside, and where its files are.
const INSIDE: &str = "CWMPD_E2E_INSIDE";

/// Runs the test of this name in new namespaces (network, mounts, processes, name), unless it is inside already; inside gives
/// the folder for its files. `needs` are files without which it says that it is skipped.
///
/// Loop devices are the machine's: one test has them at a time, and whatever became of it, those of its files are given back.
///
/// # Panics
/// If the test fails inside, or no program is there that does this.
#[track_caller]
pub fn inside(test: &str, needs: &[&str]) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    if let Some(missing) = needs.iter().chain(&["/dev/loop-control"]).find(|file| !Path::new(file).exists()) {
        println!("skipped: there is no {missing}");
        return None;
    }
    let user = Command::new("id").arg("-u").output().expect("id is there");
    if user.stdout != b"0\n" {
        println!("skipped: namespaces and loop devices need root");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let output = Command::new("flock")
        .arg(std::env::temp_dir().join("cwmpd-loop-devices.lock"))
        .args(["unshare", "--net", "--mount", "--pid", "--uts", "--ipc"])
        .args(["--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().expect("we are a program"))
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(INSIDE, folder.path())
        .output()
        .expect("flock and unshare are there: util-linux");
    for file in std::fs::read_dir(folder.path()).expect("our own folder").flatten() {
        let loops = Command::new("losetup").args(["-nO", "NAME", "-j"]).arg(file.path()).output();
        for device in String::from_utf8_lossy(&loops.expect("losetup is there").stdout).split_whitespace() {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
    }
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    None
}
