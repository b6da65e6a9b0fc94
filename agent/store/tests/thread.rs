//! One thread owns the store.

use std::sync::{mpsc, Arc};

use cwmp_store::{Batch, MemoryStore, Op, Phase, SqliteStore, State, Store, StoreError, StoreThread};

fn fact(value: u32) -> Batch {
    vec![Op::PutMeta { key: "k".into(), value: value.to_string() }]
}

#[test]
fn batches_are_stored_and_answered_in_the_order_of_the_calls() {
    let handle = StoreThread::spawn(Box::new(MemoryStore::new())).unwrap();
    let (sender, receiver) = mpsc::channel();
    for n in 0..100 {
        let sender = sender.clone();
        let batch = if n % 10 == 3 { Vec::new() } else { fact(n) };
        handle.commit(batch, Box::new(move |result| sender.send((n, result.is_ok())).unwrap()));
    }
    handle.commit_wait(fact(100)).unwrap();
    drop(sender);
    assert_eq!(receiver.iter().collect::<Vec<_>>(), (0..100).map(|n| (n, true)).collect::<Vec<_>>());
    assert_eq!(handle.commits(), 91, "an empty batch is answered, but makes no commit");
}

/// The caller may act on the answer: it must be durable by then.
#[test]
fn a_batch_is_counted_and_readable_elsewhere_when_it_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let handle = StoreThread::spawn(Box::new(SqliteStore::open(&path).unwrap())).unwrap();
    for n in 1..=5 {
        handle.commit_wait(fact(n)).unwrap();
        assert_eq!(handle.commits(), u64::from(n));
        let seen: String = rusqlite::Connection::open(&path)
            .unwrap()
            .query_row("SELECT value FROM meta WHERE key = 'k'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(seen, n.to_string());
    }
}

#[test]
fn dropping_the_handle_waits_for_every_batch_and_closes_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let handle = StoreThread::spawn(Box::new(SqliteStore::open(&path).unwrap())).unwrap();
    for n in 0..50 {
        handle.commit(fact(n), Box::new(|result| result.unwrap()));
    }
    drop(handle);
    assert!(!directory.path().join("store.db-wal").exists(), "a closed file has no log");
    assert_eq!(SqliteStore::open(&path).unwrap().load().unwrap().meta["k"], "49");
}

#[test]
fn a_refused_batch_is_reported_and_the_next_one_is_stored() {
    let handle = StoreThread::spawn(Box::new(MemoryStore::new())).unwrap();
    let refused = handle.commit_wait(vec![Op::SetPhase { txn: 3, phase: Phase::Commit }]);
    assert!(matches!(refused, Err(StoreError::UnknownTransaction { txn: 3 })));
    assert_eq!(handle.commits(), 0);
    handle.commit_wait(fact(1)).unwrap();
}

#[test]
fn the_last_owner_may_be_an_answer() {
    let handle = Arc::new(StoreThread::spawn(Box::new(MemoryStore::new())).unwrap());
    let (go, wait) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let owner = Arc::clone(&handle);
    handle.commit(
        fact(1),
        Box::new(move |_| {
            wait.recv().unwrap();
            drop(owner);
            sender.send(()).unwrap();
        }),
    );
    drop(handle);
    go.send(()).unwrap();
    receiver.recv().unwrap();
}

/// A store that breaks down.
struct Broken;

impl Store for Broken {
    fn load(&mut self) -> Result<State, StoreError> {
        Ok(State::default())
    }

    fn commit(&mut self, _: &[Op]) -> Result<(), StoreError> {
        panic!("as the test wants");
    }

    fn commits(&self) -> u64 {
        0
    }
}

#[test]
fn a_thread_that_has_ended_is_an_error_and_no_hang() {
    let handle = StoreThread::spawn(Box::new(Broken)).unwrap();
    assert!(matches!(handle.commit_wait(fact(1)), Err(StoreError::Stopped)));
    assert!(matches!(handle.commit_wait(fact(2)), Err(StoreError::Stopped)));
}
