//! Files that are damaged, misplaced or not to be had.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cwmp_store::{open, Health, Op, State};

fn setting(value: &str) -> Op {
    Op::PutSetting { path: "Device.P".into(), value: value.into() }
}

/// A store of some pages, closed.
fn filled(path: &Path) {
    let mut opened = open(path);
    let batch: Vec<Op> = (0..400)
        .map(|n| Op::PutReported { path: format!("Device.Row.{n}."), kind: 1, value: "v".repeat(100) })
        .collect();
    opened.store.commit(&batch).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The store works, and the damaged file is where the answer says.
fn assert_recovered(path: &Path) -> PathBuf {
    let mut opened = open(path);
    let Health::Recovered { moved_to, why } = opened.health.clone() else {
        panic!("{}", opened.health);
    };
    assert!(!why.is_empty());
    assert!(moved_to.exists());
    assert_eq!(opened.state, State::default());
    opened.store.commit(&[setting("after")]).unwrap();
    drop(opened);
    let again = open(path);
    assert_eq!((again.health, again.state.settings["Device.P"].as_str()), (Health::Ok, "after"));
    moved_to
}

fn assert_memory(path: &Path) {
    let mut opened = open(path);
    assert!(matches!(opened.health, Health::Memory { .. }), "{}", opened.health);
    opened.store.commit(&[setting("kept in memory")]).unwrap();
    assert_eq!(opened.store.load().unwrap().settings["Device.P"], "kept in memory");
}

#[test]
fn a_file_of_noise_is_moved_aside_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fs::write(&path, "noise ".repeat(2000)).unwrap();
    let moved_to = assert_recovered(&path);
    assert_eq!(moved_to, directory.path().join("store.db.corrupt-1"));
    assert_eq!(fs::read_to_string(&moved_to).unwrap(), "noise ".repeat(2000));
    assert_eq!(mode(&moved_to), 0o600);
}

#[test]
fn a_truncated_file_is_moved_aside_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    filled(&whole);
    let pages = fs::metadata(&whole).unwrap().len() / 4096;
    assert!(pages > 10);
    for (length, at) in
        [(50, "header"), (4096, "page"), (4096 * (pages / 2) + 100, "middle"), (4096 * (pages - 1), "end")]
    {
        let path = directory.path().join(at);
        fs::copy(&whole, &path).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        assert_recovered(&path);
    }
}

#[test]
fn a_file_with_an_overwritten_page_is_moved_aside_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    filled(&whole);
    let pages = fs::metadata(&whole).unwrap().len() / 4096;
    for page in 0..pages {
        let path = directory.path().join(format!("page-{page}"));
        fs::copy(&whole, &path).unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xa5; 4096]).unwrap();
        drop(file);
        assert_recovered(&path);
    }
    println!("{pages} pages overwritten, one at a time");
}

/// A schema that says one thing and tables that say another.
#[test]
fn a_file_without_the_tables_that_its_version_promises_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path));
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE events").unwrap();
    assert_recovered(&path);
}

#[test]
fn two_damaged_files_are_kept_and_the_oldest_goes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    for round in 1..=4 {
        fs::write(&path, format!("noise of round {round}")).unwrap();
        assert_eq!(assert_recovered(&path), directory.path().join(format!("store.db.corrupt-{round}")));
    }
    let kept = ["store.db", "store.db.corrupt-3", "store.db.corrupt-4"];
    assert_eq!(names(directory.path()), kept);
}

#[test]
fn a_log_without_its_file_is_not_taken_for_the_new_files_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut opened = open(&path);
    opened.store.commit(&[setting("old")]).unwrap();
    let log = fs::read(directory.path().join("store.db-wal")).unwrap();
    drop(opened);
    fs::remove_file(&path).unwrap();
    fs::write(directory.path().join("store.db-wal"), log).unwrap();
    let opened = open(&path);
    assert_eq!((opened.health, opened.state), (Health::Ok, State::default()));
}

#[test]
fn a_path_where_nothing_can_be_made_is_answered_with_memory() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert_memory(&file.join("store.db"));
    assert_memory(Path::new("/proc/no/store.db"));
    assert_memory(Path::new("/proc/version"));
    assert_memory(directory.path());
    assert_memory(Path::new("/"));
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    let sql = "CREATE TABLE t (x); PRAGMA application_id = 7; PRAGMA user_version = 9";
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let before = fs::read(&path).unwrap();
    assert_memory(&path);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(directory.path()), ["other.db"]);
}

#[test]
fn nobody_else_may_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/store.db");
    let mut opened = open(&path);
    opened.store.commit(&[setting("secret")]).unwrap();
    let files = ["store.db", "store.db-shm", "store.db-wal"];
    assert_eq!(names(path.parent().unwrap()), files);
    for name in files {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    assert_eq!((mode(&directory.path().join("a")), mode(&directory.path().join("a/b"))), (0o700, 0o700));
    drop(opened);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let opened = open(&path);
    assert_eq!((opened.health, mode(&path)), (Health::Ok, 0o600));
}

#[test]
fn a_factory_reset_leaves_no_secret_in_any_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fs::write(&path, "damaged, with xyzzy-secret in it").unwrap();
    let mut opened = open(&path);
    let secret = |n: usize| "xyzzy-secret ".repeat(n);
    opened.store.commit(&[setting(&secret(2000))]).unwrap();
    opened.store.commit(&[setting(&secret(1))]).unwrap();
    let found = || {
        names(directory.path())
            .iter()
            .filter(|name| {
                let content = fs::read(directory.path().join(name)).unwrap();
                content.windows(12).any(|window| window == b"xyzzy-secret")
            })
            .count()
    };
    assert_eq!(found(), 2, "the damaged file and the log");
    opened.store.commit(&[Op::Wipe { keep_meta: Vec::new() }]).unwrap();
    assert_eq!(found(), 0);
    assert_eq!(names(directory.path()), ["store.db", "store.db-shm", "store.db-wal"]);
}
