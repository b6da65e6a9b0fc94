//! A process that ends itself at each cut point.

mod batches;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use batches::{session_batch, session_state, stored};
use cwmp_store::{open, set_cut_hook, CutPoint, StoreThread};

const CHILD: &str = "CWMP_STORE_CUT";
const AT: &str = "CWMP_STORE_CUT_AT";
const BATCHES: u32 = 6;

static LEFT: AtomicU32 = AtomicU32::new(0);

fn cut(point: CutPoint) {
    if LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        eprintln!("cut: {point:?}");
        std::process::abort();
    }
}

/// The other process of the next test. It does nothing when the tests run.
#[test]
fn the_process_that_is_cut() {
    let (Some(path), Ok(at)) = (std::env::var_os(CHILD), std::env::var(AT)) else {
        return;
    };
    LEFT.store(at.parse().unwrap(), Ordering::SeqCst);
    set_cut_hook(cut);
    let handle = StoreThread::spawn(open(Path::new(&path)).store).unwrap();
    for n in 1..=BATCHES {
        handle.commit_wait(Vec::new()).unwrap();
        handle.commit_wait(session_batch(n)).unwrap();
    }
}

/// C84: every point right before and right after a commit.
#[test]
fn a_cut_before_a_commit_loses_that_batch_and_a_cut_after_it_loses_none() {
    for at in 1..=2 * BATCHES {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_cut", "--nocapture"])
            .env(CHILD, &path)
            .env(AT, at.to_string())
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = if at % 2 == 1 { "cut: BeforeCommit" } else { "cut: AfterCommit" };
        assert!(said.contains(expected), "{said}");
        let state = open(&path).state;
        assert_eq!(stored(&state), at / 2);
        assert!(state == session_state(at / 2));
    }
    println!("{} cut points", 2 * BATCHES);
}
