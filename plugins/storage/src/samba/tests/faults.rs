use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::back_end::Event;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

fn pid(samba: &Samba) -> Pid {
    let Daemon::Child(keeper) = &samba.daemon else { panic!("it is no unit") };
    Pid::from_raw(keeper.pid().expect("it runs"))
}

#[test]
fn a_killed_smbd_takes_its_sessions_with_it_and_comes_again() {
    if !inside("samba::tests::faults::a_killed_smbd_takes_its_sessions_with_it_and_comes_again", &NEEDS) {
        return;
    }
    run(async {
        let mut machine = Machine::start();
        let samba = samba(&machine).await;
        let offer = Offer { smb: true, ..offer(&machine.folder("media")) };
        samba.apply(&offer).await.unwrap();
        let mut alice = Session::open("media", "alice", "a$e'c\"r%U;t");
        let before = pid(&samba);
        kill(before, Signal::SIGKILL).unwrap();
        machine.hear().await;
        assert!(!alice.can_list());
        machine.hear().await;
        assert_ne!(pid(&samba), before);
        samba.apply(&offer).await.unwrap();
        assert!(client("media", ALICE, "ls").contains("there"));
        // It hangs: it is not taken for one that serves, and the next offer ends it.
        kill(pid(&samba), Signal::SIGSTOP).unwrap();
        assert_eq!(samba.state().await, Ok(State::Failed));
        samba.apply(&offer).await.unwrap();
        assert_eq!(samba.state().await, Ok(State::On));
        // When the plugin ends, all of it does, also what answers who asks for the shares.
        assert!(sh("smbclient -L 127.0.0.1 -N -s /dev/null").unwrap().contains("media"));
        let running = || sh("pgrep -r R,S,D 'smbd|rpcd|dcerpcd'").is_ok();
        assert!(running());
        drop(samba);
        cwmp_e2e::eventually("all of it is gone", || (!running()).then_some(()));
        cwmp_e2e::eventually("smbd is gone", || {
            client("media", ALICE, "ls").contains("NT_STATUS_CONNECTION_REFUSED").then_some(())
        });
        assert!(matches!(machine.heard.try_recv(), Err(_) | Ok(Event::Server(NAME))));
    });
}

/// Puts a program in the way of the real one.
fn instead(machine: &mut Machine, name: &str, text: &str) {
    let folder = Path::new("/run/instead");
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    machine.settings.programs.insert(0, folder.to_owned());
}

#[test]
fn a_net_that_talks_nonsense_is_not_believed() {
    if !inside("samba::tests::faults::a_net_that_talks_nonsense_is_not_believed", &NEEDS) {
        return;
    }
    run(async {
        let mut machine = Machine::start();
        let offer = Offer { smb: true, ..offer(&machine.folder("media")) };
        instead(&mut machine, "net", "echo 'all is well'");
        assert!(matches!(samba(&machine).await.apply(&offer).await, Err(Failure::Nonsense("net", _))));
        // The password is in what it was told, and not in what is said of that.
        instead(&mut machine, "smbpasswd", "cat >&2; exit 1");
        let failure = samba(&machine).await.apply(&offer).await.unwrap_err();
        assert_eq!(failure, Failure::Refused("smbpasswd refuses".to_owned()));
    });
}

#[test]
fn what_cannot_be_changes_nothing() {
    if !inside("samba::tests::faults::what_cannot_be_changes_nothing", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        sh("useradd -M person").unwrap();
        let good = Offer { smb: true, ..offer(&machine.folder("media")) };
        samba.apply(&good).await.unwrap();
        let standing =
            || sh("cat /etc/passwd /etc/shadow /etc/group; cat /run/cwmpd-storage/usershares/*").unwrap();
        let before = standing();
        for name in [
            "person",
            "Person",
            "daemon",
            "root",
            "cwmp-share",
            "-x",
            "a b",
            "a:b",
            "a\nb",
            "%U",
            "..",
            "Bob",
        ] {
            let mut offer = good.clone();
            offer.accounts.push(account(name, "x"));
            assert!(matches!(samba.apply(&offer).await, Err(Failure::Impossible(_))), "{name}");
        }
        for password in ["", "a\nb", "a\0b"] {
            let mut offer = good.clone();
            offer.accounts.push(account("dora", password));
            assert!(matches!(samba.apply(&offer).await, Err(Failure::Impossible(_))));
        }
        for name in ["", "-x", "a/b", "%U", "global", "IPC$", "a\nb", "MEDIA", "..", "cwmpd-template"] {
            let mut offer = good.clone();
            offer.shares.push(share(name, &machine.folder("x"), &[]));
            assert!(matches!(samba.apply(&offer).await, Err(Failure::Impossible(_))), "{name}");
        }
        for host_name in ["a\n[x]\npath=/", "%U", "a b"] {
            let offer = Offer { host_name: host_name.to_owned(), ..good.clone() };
            assert!(matches!(samba.apply(&offer).await, Err(Failure::Impossible(_))));
        }
        assert_eq!(standing(), before);
        assert!(client("media", ALICE, "ls").contains("there"));
    });
}

/// A disk that the kernel made read-only, or one that is write-protected.
#[test]
fn a_folder_that_cannot_be_opened_keeps_no_other_from_being_served() {
    let name = "samba::tests::faults::a_folder_that_cannot_be_opened_keeps_no_other_from_being_served";
    if !inside(name, &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        sh("mkdir -p /run/ro; mount -t tmpfs tmpfs /run/ro; mkdir -m 700 /run/ro/abad").unwrap();
        sh("mount -o remount,ro /run/ro").unwrap();
        let mut all = Offer { smb: true, ..offer(&machine.folder("media")) };
        all.shares.insert(0, share("abad", Path::new("/run/ro/abad"), &[("alice", WRITE)]));
        let failure = samba.apply(&all).await.unwrap_err();
        assert!(failure.to_string().contains("/run/ro/abad"), "{failure}");
        assert!(client("media", ALICE, "ls").contains("there"));
        assert!(client("abad", ALICE, "ls").contains("NT_STATUS_BAD_NETWORK_NAME"));
        sh("mount -o remount,rw /run/ro").unwrap();
        samba.apply(&all).await.unwrap();
        assert!(!client("abad", ALICE, "ls").contains("NT_STATUS"));
    });
}

/// One that came with a firmware, after ours was set.
#[test]
fn an_account_of_the_systems_keeps_no_other_from_being_served() {
    let name = "samba::tests::faults::an_account_of_the_systems_keeps_no_other_from_being_served";
    if !inside(name, &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        let mut all = Offer { smb: true, ..offer(&machine.folder("media")) };
        all.accounts.push(account("daemon", "secret"));
        all.shares[0].access.push(("daemon".to_owned(), WRITE));
        let failure = samba.apply(&all).await.unwrap_err();
        assert!(failure.to_string().contains("the account daemon is the system's"), "{failure}");
        assert!(client("media", ALICE, "ls").contains("there"));
        assert!(client("media", "daemon%secret", "ls").contains(DENIED));
    });
}
