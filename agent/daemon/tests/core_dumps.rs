//! Nobody looks into the memory of the agent: it has the password of the ACS in it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

const NOBODY: u32 = 65_534;

/// The memory of a process that cannot be dumped belongs to root, whoever runs it; and the kernel writes no core dump of it.
#[test]
fn others_of_its_user_do_not_look_into_the_agent() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: to be somebody else takes root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    // The place where it was built may be none of theirs.
    let agent = folder.path().join("cwmpd");
    std::fs::copy(env!("CARGO_BIN_EXE_cwmpd"), &agent).unwrap();
    let config = folder.path().join("cwmpd.toml");
    let none = folder.path().join("none").display().to_string();
    let asked = folder.path().join("asked");
    assert!(Command::new("mkfifo").args(["-m", "666"]).arg(&asked).status().unwrap().success());
    // While its identity is asked for, the agent has read its configuration and waits.
    let script = format!("echo > {}; exec sleep 4", asked.display());
    let text = format!("[identity]\nfile = '{none}'\ncommand = ['sh', '-c', '{script}']\n");
    std::fs::write(&config, text).unwrap();
    for (more, owner) in [(&[][..], 0), (&["--core-dumps"][..], NOBODY)] {
        let mut child = Command::new(&agent)
            .arg("--config")
            .arg(&config)
            .arg("--check-device")
            .args(more)
            .uid(NOBODY)
            .gid(NOBODY)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Until somebody has written there.
        let heard = Command::new("timeout").args(["20", "cat"]).arg(&asked).stdout(Stdio::null()).status();
        assert!(heard.unwrap().success(), "the agent asks for its identity");
        let found = std::fs::metadata(format!("/proc/{}/mem", child.id())).unwrap().uid();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, owner, "{more:?}");
    }
}
