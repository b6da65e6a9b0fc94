//! The power goes at any point: what was stored is there, and no half of a batch.

mod batches;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use batches::{session_batch, session_state, stored};
use cwmp_store::{open, Health, SqliteStore, Store, StoreThread};

/// Batches in the enumeration: enough for the log to be written back and begun again.
const BATCHES: u32 = 70;

/// What a power cut leaves: the file and its log. The index beside them is memory.
#[derive(Clone, PartialEq)]
struct Files {
    file: Vec<u8>,
    log: Vec<u8>,
}

impl Files {
    fn of(path: &Path) -> Self {
        Self {
            file: fs::read(path).unwrap(),
            log: fs::read(path.with_extension("db-wal")).unwrap_or_default(),
        }
    }

    /// Starts an agent on them.
    fn assert_state(&self, path: &Path, after: u32, when: &str) {
        let _ = fs::remove_file(path.with_extension("db-shm"));
        fs::write(path, &self.file).unwrap();
        fs::write(path.with_extension("db-wal"), &self.log).unwrap();
        let opened = open(path);
        assert_eq!(opened.health, Health::Ok, "{when}");
        assert_eq!(stored(&opened.state), after, "{when}");
        assert!(opened.state == session_state(after), "{when}");
    }
}

/// The first `length` bytes are new, the rest is as it was.
fn torn(old: &[u8], new: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = new[..length].to_vec();
    if old.len() > length {
        bytes.extend_from_slice(&old[length..]);
    }
    bytes
}

/// C84, C111: at every commit, and at each step of writing it, the state is that of a whole number of batches.
#[test]
fn a_power_cut_between_or_within_commits_leaves_the_state_of_the_last_whole_batch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let copy = directory.path().join("copy.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let mut before = Files::of(&path);
    let (mut between, mut within, mut written_back) = (0, 0, 0);
    for n in 1..=BATCHES {
        store.commit(&session_batch(n)).unwrap();
        let after = Files::of(&path);
        after.assert_state(&copy, n, &format!("after batch {n}"));
        between += 1;

        // A factory reset cuts its log off at the end, so that what went through it cannot be seen from here.
        if after.log.is_empty() {
            before = after;
            continue;
        }
        // A cut leaves any beginning of what the commit wrote into the log, over the log as it was.
        let differs = |at: &usize| before.log.get(*at) != after.log.get(*at);
        let first = (0..after.log.len()).find(differs).expect("every batch is logged");
        let last = (0..after.log.len()).rev().find(differs).expect("every batch is logged");
        for length in (first..last).step_by(1500).chain([last]) {
            let cut = Files { file: before.file.clone(), log: torn(&before.log, &after.log, length) };
            cut.assert_state(&copy, n - 1, &format!("batch {n}, {length} bytes of the log written"));
            within += 1;
        }
        // Then the log may be written back, page by page, into the file.
        if before.file != after.file {
            written_back += 1;
            for length in (0..after.file.len()).step_by(4096 * 3) {
                let cut = Files { file: torn(&before.file, &after.file, length), log: after.log.clone() };
                cut.assert_state(&copy, n, &format!("batch {n}, {length} bytes written back"));
                within += 1;
            }
        }
        before = after;
    }
    assert!(written_back > 0, "the log was never written back: the enumeration has not seen it");
    println!(
        "{between} cuts between commits, {within} within, {written_back} times the log was written back"
    );
}

const CHILD: &str = "CWMP_STORE_CHILD";

/// The other process of the next test. It does nothing when the tests run.
#[test]
fn the_process_that_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let opened = open(Path::new(&path));
    let first = stored(&opened.state) + 1;
    let handle = StoreThread::spawn(opened.store).unwrap();
    for n in first.. {
        handle.commit(
            session_batch(n),
            Box::new(move |result| {
                result.unwrap();
                println!("\nstored {n}");
            }),
        );
        // Some batches wait in the queue when the kill comes, but not without end.
        if n % 8 == 0 {
            handle.commit_wait(Vec::new()).unwrap();
        }
    }
}

/// C84, C111: SIGKILL at no particular moment, again and again on the same store.
#[test]
fn a_killed_process_leaves_every_acknowledged_batch_and_no_half_of_another() {
    const KILLS: u32 = 12;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut unacknowledged = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut numbers = lines.filter_map(|line| line.strip_prefix("stored ")?.parse::<u32>().ok());
        let read = numbers.by_ref().take(5 + kill as usize * 3).last().expect("the child stores");
        child.kill().unwrap();
        child.wait().unwrap();
        // What was said before the kill, and read only now, was acknowledged too.
        let acknowledged = numbers.last().unwrap_or(read);

        let opened = open(&path);
        assert_eq!(opened.health, Health::Ok);
        let n = stored(&opened.state);
        assert!(n >= acknowledged, "{acknowledged} was acknowledged, {n} is stored");
        assert!(opened.state == session_state(n), "{n}");
        unacknowledged += n - acknowledged;
    }
    println!("{KILLS} kills, {unacknowledged} batches were stored but not acknowledged");
}
