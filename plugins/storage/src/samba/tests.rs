use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;
use crate::control::places;
use crate::control::tests::{account, inside, offer, run, sh, share, Machine, READ, WRITE};

mod faults;
mod shares;

const NEEDS: [&str; 4] = ["smbd", "smbclient", "useradd", "unshare"];

async fn samba(machine: &Machine) -> Samba {
    Samba::new(&machine.settings, &machine.connect().await, machine.events.clone())
}

/// What a client hears; `who` is `NAME%PASSWORD`, or nobody.
fn client(share: &str, who: &str, what: &str) -> String {
    let file = "/run/client";
    let who = if who.is_empty() { "%" } else { who };
    std::fs::write(file, "of a client\n").unwrap();
    let (user, password) = who.split_once('%').unwrap();
    let mut command = Command::new("smbclient");
    command.arg(format!("//127.0.0.1/{share}")).args(["-s", "/dev/null", "-c", what]);
    match user {
        "" => command.arg("-N"),
        _ => command.args(["-U", user]).env("PASSWD", password),
    };
    let output = command.stdin(Stdio::null()).output().unwrap();
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

const ALICE: &str = "alice%a$e'c\"r%U;t";
const DENIED: &str = "NT_STATUS_ACCESS_DENIED";
const NO_LOGON: &str = "NT_STATUS_LOGON_FAILURE";

/// A client that stays.
struct Session {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn open(share: &str, user: &str, password: &str) -> Self {
        let mut child = Command::new("stdbuf")
            .args(["-oL", "smbclient"])
            .args([&format!("//127.0.0.1/{share}"), "-s", "/dev/null", "-U", user])
            .env("PASSWD", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut session = Self { child, output };
        assert!(session.can_list());
        session
    }

    /// Whether it still sees what is there.
    fn can_list(&mut self) -> bool {
        // It ends when it is cut off. One line at a time: it looks for the next only when something comes.
        if self.child.stdin.as_mut().unwrap().write_all(b"ls\n").is_err() {
            return false;
        }
        let mut seen = false;
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            seen |= line.contains("there");
            if line.contains("blocks available") || line.contains("NT_STATUS") {
                return seen;
            }
            line.clear();
        }
        false
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_client_can_do_what_was_offered_and_nothing_more() {
    if !inside("samba::tests::a_client_can_do_what_was_offered_and_nothing_more", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        assert!(samba.is_there());
        let folder = machine.folder("a name; with \"all\" %U 'of' it");
        let offer = Offer { smb: true, ..offer(&folder) };
        samba.apply(&offer).await.unwrap();
        assert_eq!(samba.state().await, Ok(State::On));
        let put = "put /run/client new; mkdir d; cd d; put /run/client deep";
        let text = client("media", ALICE, put);
        assert!(text.contains("putting file /run/client as \\d\\deep"), "{text}");
        assert_eq!(std::fs::read_to_string(folder.join("new")).unwrap(), "of a client\n");
        let text = client("media", "bob%pwb", "get new /run/got; del new; put /run/client other; rmdir d");
        assert_eq!(std::fs::read_to_string("/run/got").unwrap(), "of a client\n", "{text}");
        assert_eq!(text.matches(DENIED).count(), 3, "{text}");
        assert!(folder.join("new").exists() && !folder.join("other").exists());
        assert!(client("media", "carol%pwc", "ls").contains(DENIED));
        assert!(client("media", "", "ls").contains(DENIED));
        assert!(client("media", "alice%pwb", "ls").contains(NO_LOGON));
        assert!(client("media", "alice%", "ls").contains(NO_LOGON));
        assert!(client("media", "mallory%x", "ls").contains(DENIED));
        // Nor can anybody else of the machine.
        assert!(sh(&format!(
            "setpriv --reuid 65534 --regid 65534 --clear-groups ls '{}'",
            "/run/cwmpd-storage/smb/media"
        ))
        .is_err());
        // The configuration has nothing of it.
        assert!(!sh("cat /run/cwmpd-storage/smb.conf").unwrap().contains("a name"));
    });
}

#[test]
fn guests_see_only_what_is_for_them() {
    if !inside("samba::tests::guests_see_only_what_is_for_them", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        let mut offer = Offer { smb: true, ..offer(&machine.folder("private")) };
        let mut public = share("Public", &machine.folder("public"), &[("alice", WRITE)]);
        public.guests = READ;
        offer.shares.push(public);
        let mut home = share("home", &machine.folder("home"), &[("bob", crate::control::tests::NOTHING)]);
        home.accounts = READ;
        offer.shares.push(home);
        samba.apply(&offer).await.unwrap();
        assert!(client("public", "", "get there /run/got").contains("getting file"));
        assert!(client("public", "", "put /run/client x").contains(DENIED));
        assert!(client("public", "carol%pwc", "put /run/client x").contains(DENIED));
        assert!(client("public", ALICE, "put /run/client x").contains("putting file"));
        assert!(client("home", "carol%pwc", "get there /run/got").contains("getting file"));
        assert!(client("home", "bob%pwb", "ls").contains(DENIED));
        assert!(client("home", "", "ls").contains(DENIED));
    });
}

#[test]
fn who_is_removed_is_cut_off_and_the_others_are_not() {
    if !inside("samba::tests::who_is_removed_is_cut_off_and_the_others_are_not", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        let folder = machine.folder("media");
        let mut offer = Offer { smb: true, ..offer(&folder) };
        offer.shares.push(share("other", &machine.folder("other"), &[("bob", WRITE)]));
        samba.apply(&offer).await.unwrap();
        let mut alice = Session::open("media", "alice", "a$e'c\"r%U;t");
        let mut bob = Session::open("other", "bob", "pwb");
        // Once more, and nobody notices.
        samba.apply(&offer).await.unwrap();
        assert!(alice.can_list() && bob.can_list());
        // Another password ends what was begun with the one before.
        offer.accounts[0] = account("alice", "new one");
        samba.apply(&offer).await.unwrap();
        assert!(!alice.can_list() && bob.can_list());
        assert!(client("media", ALICE, "ls").contains(NO_LOGON));
        let mut alice = Session::open("media", "alice", "new one");
        offer.accounts.remove(0);
        samba.apply(&offer).await.unwrap();
        assert!(!alice.can_list() && bob.can_list());
        assert!(sh("grep -q ^alice: /etc/passwd").is_err());
        // The name means a guest now, and there is nothing for one.
        assert!(client("media", "alice%new one", "ls").contains(DENIED));
        // Less for one is told at once.
        offer.shares[1] = share("other", &machine.folder("other"), &[("bob", READ)]);
        samba.apply(&offer).await.unwrap();
        assert!(client("other", "bob%pwb", "put /run/client x").contains(DENIED));
        let mut bob = Session::open("other", "bob", "pwb");
        offer.shares.remove(1);
        samba.apply(&offer).await.unwrap();
        assert!(!bob.can_list());
        assert!(client("other", "bob%pwb", "ls").contains("NT_STATUS_BAD_NETWORK_NAME"));
        assert!(!Path::new("/run/cwmpd-storage/smb/other").exists());
        offer.smb = false;
        samba.apply(&offer).await.unwrap();
        assert_eq!(samba.state().await, Ok(State::Off));
        assert!(client("media", "bob%pwb", "ls").contains("NT_STATUS_CONNECTION_REFUSED"));
        assert!(places(&samba.places()).is_empty());
        assert!(sh("grep -q ':cwmpd storage account:' /etc/passwd && grep -q ^bob: /etc/passwd").is_err());
    });
}

#[test]
fn another_folder_of_the_same_name_is_another_share() {
    if !inside("samba::tests::another_folder_of_the_same_name_is_another_share", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let samba = samba(&machine).await;
        let mut offer = Offer { smb: true, ..offer(&machine.folder("media")) };
        samba.apply(&offer).await.unwrap();
        let mut alice = Session::open("media", "alice", "a$e'c\"r%U;t");
        offer.shares[0].path = machine.folder("second");
        std::fs::write("/run/data/second/only here", "").unwrap();
        samba.apply(&offer).await.unwrap();
        let _ = alice.can_list();
        assert!(client("media", ALICE, "ls").contains("only here"));
        // A symbolic link is not followed, wherever in the path.
        std::os::unix::fs::symlink("/etc", "/run/data/link").unwrap();
        for path in ["/run/data/link", "/run/data/link/pam.d"] {
            offer.shares[0].path = path.into();
            assert!(matches!(samba.apply(&offer).await, Err(Failure::Refused(_))));
            assert!(!client("media", ALICE, "ls").contains("only here"));
            assert!(places(&samba.places()).is_empty());
        }
    });
}
