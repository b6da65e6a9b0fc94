use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::accounts::{MAX_ACCOUNTS, MAX_SHARES};
use crate::control::places;
use crate::control::tests::{account, inside, offer, run, sh, share, Machine, READ, WRITE};

mod sessions;

const NEEDS: [&str; 4] = ["vsftpd", "curl", "useradd", "unshare"];
const PORT: u16 = 2121;
const ALICE: &str = "a$e'c\"r%U;t";

async fn vsftpd(machine: &Machine) -> Vsftpd {
    Vsftpd::new(&machine.settings, &machine.connect().await, machine.events.clone())
}

fn ftp() -> Ftp {
    Ftp { port: PORT, max_users: 5, idle: 60, anonymous: None }
}

/// What a client gets, or why not.
fn client(user: &str, password: &str, path: &str, more: &[&str]) -> Result<String, String> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "10", "--user", &format!("{user}:{password}")])
        .args(more)
        .arg(format!("ftp://127.0.0.1:{PORT}/{path}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

fn put(user: &str, password: &str, path: &str) -> Result<String, String> {
    std::fs::write("/run/client", "of a client\n").unwrap();
    client(user, password, path, &["--upload-file", "/run/client"])
}

/// A client that stays.
struct Session {
    write: TcpStream,
    read: BufReader<TcpStream>,
}

impl Session {
    fn dial() -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(("127.0.0.1", PORT)).unwrap())
    }

    fn connect() -> Self {
        let read = Self::dial();
        let write = read.get_ref().try_clone().unwrap();
        let mut session = Self { write, read };
        session.answer();
        session
    }

    fn open(user: &str, password: &str) -> Self {
        let mut session = Self::connect();
        assert!(session.says(&format!("USER {user}")).starts_with("331"));
        let answer = session.says(&format!("PASS {password}"));
        assert!(answer.starts_with("230"), "{answer}");
        session
    }

    /// The first line of the answer; nothing if it is over.
    fn says(&mut self, line: &str) -> String {
        match self.write.write_all(format!("{line}\r\n").as_bytes()) {
            Ok(()) => self.answer(),
            Err(_) => String::new(),
        }
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        match self.read.read_line(&mut line) {
            Ok(_) => line,
            Err(_) => String::new(),
        }
    }
}

#[test]
fn an_account_sees_its_shares_and_nothing_else() {
    if !inside("ftp::tests::an_account_sees_its_shares_and_nothing_else", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let vsftpd = vsftpd(&machine).await;
        assert!(vsftpd.is_there());
        let folder = machine.folder("a name; with \"all\" $USER 'of' it");
        let mut offer = Offer { ftp: Some(ftp()), ..offer(&folder) };
        offer.accounts.push(account("dora", "pwd"));
        offer.accounts[3].ftp = false;
        offer.shares.push(share("home", &machine.folder("home"), &[("bob", WRITE), ("dora", WRITE)]));
        vsftpd.apply(&offer).await.unwrap();
        assert_eq!(vsftpd.state().await, Ok(State::On));
        put("alice", ALICE, "media/new").unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("new")).unwrap(), "of a client\n");
        assert_eq!(client("bob", "pwb", "media/new", &[]).unwrap(), "of a client\n");
        put("bob", "pwb", "media/other").unwrap_err();
        put("bob", "pwb", "home/mine").unwrap();
        client("bob", "pwb", "", &["--quote", "DELE media/new"]).unwrap_err();
        assert!(folder.join("new").exists() && !folder.join("other").exists());
        let list = |user, password| client(user, password, "", &["--list-only"]);
        assert_eq!(list("alice", ALICE).unwrap().split_whitespace().collect::<Vec<_>>(), ["media"]);
        assert_eq!(list("carol", "pwc").unwrap(), "");
        assert!(put("alice", ALICE, "out").is_err());
        // One level up there is nothing else.
        assert_eq!(
            client("alice", ALICE, "../../../", &["--list-only", "--path-as-is"]).unwrap().trim(),
            "media"
        );
        for (user, password) in [
            ("alice", "pwb"),
            ("alice", ""),
            ("dora", "pwd"),
            ("root", ""),
            ("anonymous", "x"),
            ("cwmp-share", ""),
        ] {
            let refused = list(user, password).unwrap_err();
            assert!(refused.contains("denied") || refused.contains("530"), "{user}: {refused}");
        }
        // The password is good for this server only.
        assert!(sh("getent shadow alice | cut -d: -f2,8 | grep -q '^\\$6\\$.*:1$'").is_ok());
        assert!(!sh("cat /run/cwmpd-storage/vsftpd.*").unwrap().contains("a$e"));
    });
}

#[test]
fn there_is_a_limit_of_mounts_and_what_is_said_of_an_account_comes_first() {
    let names: Vec<String> = (0..MAX_ACCOUNTS).map(|n| format!("user{n}")).collect();
    let mut offer = Offer { ftp: Some(ftp()), ..Offer::default() };
    offer.accounts = names.iter().map(|name| account(name, "x")).collect();
    offer.shares = (0..MAX_SHARES).map(|n| share(&format!("s{n}"), Path::new("/x"), &[])).collect();
    assert_eq!(wanted(&offer, Path::new("/u")), (Wanted::new(), false));
    for share in &mut offer.shares[..MAX_PLACES / MAX_ACCOUNTS] {
        share.ftp = WRITE;
    }
    let (all, more) = wanted(&offer, Path::new("/u"));
    assert_eq!((all.len(), more), (MAX_PLACES, false));
    let last = &names[MAX_ACCOUNTS - 1];
    offer.shares[MAX_SHARES - 1].access = vec![(last.clone(), READ)];
    let (all, more) = wanted(&offer, Path::new("/u"));
    assert_eq!((all.len(), more), (MAX_PLACES, true));
    assert!(all.contains_key(&Path::new("/u").join(last).join(format!("s{}", MAX_SHARES - 1))));
}

#[test]
fn many_folders_for_many_accounts_keep_nobody_waiting_who_reads() {
    if !inside("ftp::tests::many_folders_for_many_accounts_keep_nobody_waiting_who_reads", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let vsftpd = vsftpd(&machine).await;
        let mut offer = Offer { ftp: Some(ftp()), ..Offer::default() };
        offer.accounts = (0..40).map(|n| account(&format!("user{n}"), "x")).collect();
        for n in 0..40 {
            let name = format!("s{n}");
            let mut share = share(&name, &machine.folder(&name), &[]);
            share.ftp = WRITE;
            offer.shares.push(share);
        }
        for what in ["first", "again"] {
            let (begun, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
            let mut work = std::pin::pin!(vsftpd.apply(&offer));
            loop {
                tokio::select! {
                    done = &mut work => break done.unwrap(),
                    () = tokio::time::sleep(Duration::from_millis(5)) => {
                        longest = longest.max(last.elapsed());
                        last = Instant::now();
                    }
                }
            }
            longest = longest.max(last.elapsed());
            println!("{what}: {:?}, and nobody was heard for {longest:?}", begun.elapsed());
            assert!(begun.elapsed() < Duration::from_secs(10), "{what}: it took {:?}", begun.elapsed());
            assert!(longest < Duration::from_secs(2), "{what}: nobody was heard for {longest:?}");
        }
        assert_eq!(places(&machine.settings.run).len(), 1_600);
        client("user39", "x", "s39/there", &[]).unwrap();
    });
}

#[test]
fn who_is_removed_or_may_do_less_is_cut_off_and_the_others_are_not() {
    if !inside("ftp::tests::who_is_removed_or_may_do_less_is_cut_off_and_the_others_are_not", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let vsftpd = vsftpd(&machine).await;
        let mut offer = Offer { ftp: Some(ftp()), ..offer(&machine.folder("media")) };
        offer.shares[0].access[1].1 = WRITE;
        vsftpd.apply(&offer).await.unwrap();
        let mut alice = Session::open("alice", ALICE);
        let mut bob = Session::open("bob", "pwb");
        let mut carol = Session::open("carol", "pwc");
        assert!(bob.says("CWD media").starts_with("250"));
        vsftpd.apply(&offer).await.unwrap();
        assert!(alice.says("NOOP").starts_with("200"));
        let mut unknown = Session::connect();
        assert!(unknown.says("USER alice").starts_with("331"));
        offer.accounts.remove(0);
        offer.shares[0].access[1].1 = READ;
        vsftpd.apply(&offer).await.unwrap();
        assert!(!alice.says("NOOP").starts_with("200"));
        assert!(!bob.says("NOOP").starts_with("200"));
        assert!(!unknown.says(&format!("PASS {ALICE}")).starts_with("230"));
        assert!(carol.says("NOOP").starts_with("200"));
        client("alice", ALICE, "media/", &[]).unwrap_err();
        assert!(client("bob", "pwb", "media/there", &[]).is_ok());
        put("bob", "pwb", "media/x").unwrap_err();
        // Another password.
        offer.accounts[0] = account("bob", "new one");
        vsftpd.apply(&offer).await.unwrap();
        client("bob", "pwb", "media/there", &[]).unwrap_err();
        assert!(client("bob", "new one", "media/there", &[]).is_ok());
        assert!(carol.says("NOOP").starts_with("200"));
        offer.ftp = None;
        vsftpd.apply(&offer).await.unwrap();
        assert_eq!(vsftpd.state().await, Ok(State::Off));
        assert!(!carol.says("NOOP").starts_with("200"));
        assert!(places(&machine.settings.run).is_empty());
        sh("grep ':cwmpd storage account:' /etc/passwd | grep -v ^cwmp-share: ").unwrap_err();
    });
}

#[test]
fn those_without_an_account_see_one_folder_and_only_so_many_come_in() {
    if !inside("ftp::tests::those_without_an_account_see_one_folder_and_only_so_many_come_in", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let vsftpd = vsftpd(&machine).await;
        let folder = machine.folder("public");
        let anonymous = |read_only| Ftp { anonymous: Some((folder.clone(), read_only)), ..ftp() };
        let mut offer = Offer { ftp: Some(anonymous(true)), ..Offer::default() };
        vsftpd.apply(&offer).await.unwrap();
        let get = || client("anonymous", "x", "there", &[]);
        assert_eq!(get().unwrap(), "it was there\n");
        put("anonymous", "x", "new").unwrap_err();
        offer.ftp = Some(Ftp { max_users: 1, ..anonymous(false) });
        vsftpd.apply(&offer).await.unwrap();
        put("anonymous", "x", "new").unwrap_err();
        // Whoever was there before is only just gone.
        cwmp_e2e::eventually("it is taken", || put("anonymous", "x", "files/new").ok());
        assert_eq!(std::fs::read_to_string(folder.join("new")).unwrap(), "of a client\n");
        let session = cwmp_e2e::eventually("one comes in", || {
            let mut session = Session::connect();
            session.says("USER anonymous").starts_with("230").then_some(session)
        });
        let mut second = Session { write: session.write.try_clone().unwrap(), read: Session::dial() };
        assert!(second.answer().starts_with("421"), "one is the most");
        drop(session);
        // It is another port, then nobody may come in.
        offer.ftp = Some(Ftp { port: PORT + 1, ..anonymous(true) });
        vsftpd.apply(&offer).await.unwrap();
        assert!(get().unwrap_err().contains("connect"));
        offer.ftp = Some(Ftp { max_users: 0, ..anonymous(true) });
        vsftpd.apply(&offer).await.unwrap();
        assert_eq!(vsftpd.state().await, Ok(State::Off));
        assert!(places(&machine.settings.run).is_empty());
    });
}

#[test]
fn a_killed_vsftpd_takes_its_sessions_with_it_and_comes_again() {
    if !inside("ftp::tests::a_killed_vsftpd_takes_its_sessions_with_it_and_comes_again", &NEEDS) {
        return;
    }
    run(async {
        let mut machine = Machine::start();
        let offer = Offer { ftp: Some(ftp()), ..offer(&machine.folder("media")) };
        let vsftpd = vsftpd(&machine).await;
        // Somebody else's file for PAM is not written over.
        let pam = std::path::Path::new("/etc/pam.d/cwmpd-ftp");
        std::fs::write(pam, "auth required pam_deny.so\n").unwrap();
        assert!(matches!(vsftpd.apply(&offer).await, Err(Failure::Refused(_))));
        std::fs::remove_file(pam).unwrap();
        vsftpd.apply(&offer).await.unwrap();
        let mut alice = Session::open("alice", ALICE);
        let Daemon::Child(keeper) = &vsftpd.daemon else { panic!("it is no unit") };
        let before = keeper.pid().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(before), nix::sys::signal::Signal::SIGKILL)
            .unwrap();
        machine.hear().await;
        assert!(!alice.says("NOOP").starts_with("200"));
        machine.hear().await;
        assert_ne!(keeper.pid(), Some(before));
        cwmp_e2e::eventually("it serves again", || client("alice", ALICE, "media/there", &[]).ok());
        // A port that somebody has is said, and nothing serves.
        let taken = std::net::TcpListener::bind(("0.0.0.0", PORT + 1)).unwrap();
        let other = Offer { ftp: Some(Ftp { port: PORT + 1, ..ftp() }), ..offer.clone() };
        assert_eq!(
            vsftpd.apply(&other).await,
            Err(Failure::Refused(format!("somebody else has the port {}", PORT + 1)))
        );
        assert_eq!(vsftpd.state().await, Ok(State::Off));
        drop(taken);
        vsftpd.apply(&offer).await.unwrap();
        assert!(client("alice", ALICE, "media/there", &[]).is_ok());
    });
}
