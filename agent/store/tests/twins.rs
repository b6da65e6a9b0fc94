//! The file and its memory twin behave the same.

mod batches;

use cwmp_store::{open, Health, MemoryStore, Op, Phase, SqliteStore, State, Store, StoreError};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_twins_hold_the_same_after_any_batches(batches in prop::collection::vec(batches::batch(), 1..12)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut memory = MemoryStore::new();
        let mut file = SqliteStore::open(&path).unwrap();
        let (mut stored, mut refused) = (0, 0);
        for batch in &batches {
            match (memory.commit(batch), file.commit(batch)) {
                (Ok(()), Ok(())) => stored += u64::from(!batch.is_empty()),
                (
                    Err(StoreError::UnknownTransaction { txn: left }),
                    Err(StoreError::UnknownTransaction { txn: right }),
                ) if left == right => refused += 1,
                (left, right) => prop_assert!(false, "{:?} and {:?}", left, right),
            }
            prop_assert_eq!(memory.load().unwrap(), file.load().unwrap());
        }
        prop_assert_eq!((memory.commits(), file.commits()), (stored, stored));
        prop_assert!(refused <= batches.len());
        drop(file);
        let opened = open(&path);
        prop_assert_eq!(opened.health, Health::Ok);
        prop_assert_eq!(opened.state, memory.load().unwrap());
    }
}

fn on_both(check: impl Fn(&mut dyn Store)) {
    let directory = tempfile::tempdir().unwrap();
    check(&mut MemoryStore::new());
    check(&mut SqliteStore::open(&directory.path().join("store.db")).unwrap());
}

fn row(number: u32) -> Op {
    Op::PutInstance { table: "Device.T.".into(), number, key: None, alias: None }
}

fn next(store: &mut dyn Store) -> Option<u32> {
    store.load().unwrap().tables.get("Device.T.").and_then(cwmp_store::Table::next)
}

#[test]
fn a_prefix_takes_what_starts_with_it_byte_by_byte_and_nothing_else() {
    let all =
        ["D.A.", "D.A.1", "D.A.~", "D.A.\u{10FFFF}z", "D.A.\0", "D.A", "D.a.1", "D.AB", "D_A.1", "D/", ""];
    for (prefix, left) in [
        ("D.A.", vec!["", "D.A", "D.AB", "D.a.1", "D/", "D_A.1"]),
        ("D_", vec!["", "D.A", "D.A.", "D.A.\0", "D.A.1", "D.A.~", "D.A.\u{10FFFF}z", "D.AB", "D.a.1", "D/"]),
        ("%", all.iter().copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect()),
        ("", vec![]),
    ] {
        on_both(|store| {
            for path in all.map(String::from) {
                let attribute =
                    Op::PutAttribute { path: path.clone(), notification: None, access_list: None };
                store.commit(&[attribute, Op::PutReported { path, kind: 1, value: String::new() }]).unwrap();
            }
            let prefix = String::from(prefix);
            let attributes = Op::RemoveAttributesUnder { prefix: prefix.clone() };
            store.commit(&[attributes, Op::RemoveReportedUnder { prefix }]).unwrap();
            let state = store.load().unwrap();
            assert_eq!(state.attributes.keys().collect::<Vec<_>>(), left);
            assert_eq!(state.reported.keys().collect::<Vec<_>>(), left);
        });
    }
}

/// C139: the mark outlives the row, whatever is said later.
#[test]
fn the_number_of_a_removed_row_is_not_given_out_again() {
    on_both(|store| {
        store.commit(&[row(7)]).unwrap();
        store.commit(&[Op::RemoveInstance { table: "Device.T.".into(), number: 7 }]).unwrap();
        store.commit(&[row(3), Op::PutHighWater { table: "Device.T.".into(), next: 2 }]).unwrap();
        assert_eq!(next(store), Some(8));
        store.commit(&[Op::PutHighWater { table: "Device.T.".into(), next: 20 }]).unwrap();
        assert_eq!(next(store), Some(20));
        store.commit(&[row(u32::MAX)]).unwrap();
        assert_eq!(next(store), None);
    });
}

/// C139: a restart changes neither numbers nor the mark.
#[test]
fn instance_numbers_and_their_high_water_mark_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let gone = Op::RemoveInstance { table: "Device.T.".into(), number: 9 };
    SqliteStore::open(&path).unwrap().commit(&[row(4), row(9), gone]).unwrap();
    let table = &open(&path).state.tables["Device.T."];
    assert_eq!((table.rows.keys().collect::<Vec<_>>(), table.next()), (vec![&4], Some(10)));
}

/// C130: attributes survive a restart, and a factory reset brings the defaults back.
#[test]
fn attributes_survive_a_restart_but_not_a_factory_reset() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let put = Op::PutAttribute {
        path: "Device.X".into(),
        notification: Some(2),
        access_list: Some(vec!["Subscriber".into()]),
    };
    SqliteStore::open(&path).unwrap().commit(&[put]).unwrap();
    let mut opened = open(&path);
    assert_eq!(opened.state.attributes["Device.X"].notification, Some(2));
    assert_eq!(opened.state.attributes["Device.X"].access_list.as_deref(), Some(&["Subscriber".into()][..]));
    opened.store.commit(&[Op::Wipe { keep_meta: Vec::new() }]).unwrap();
    drop(opened);
    assert!(open(&path).state.attributes.is_empty());
}

#[test]
fn a_factory_reset_keeps_the_named_facts_and_what_follows_it_in_one_commit() {
    on_both(|store| {
        let meta = |key: &str| Op::PutMeta { key: key.into(), value: "x".into() };
        let event = |seq| Op::PutEvent {
            seq,
            code: "0 BOOTSTRAP".into(),
            command_key: String::new(),
            data: String::new(),
        };
        store.commit(&[meta("boot_id"), meta("acs"), row(5), event(1)]).unwrap();
        store.commit(&[Op::Wipe { keep_meta: vec!["boot_id".into()] }, event(2)]).unwrap();
        let state = store.load().unwrap();
        assert_eq!(state.meta.keys().collect::<Vec<_>>(), ["boot_id"]);
        assert_eq!(state.events.keys().collect::<Vec<_>>(), [&2]);
        assert_eq!(
            State { meta: state.meta, events: state.events, ..State::default() },
            store.load().unwrap()
        );
        assert_eq!(store.commits(), 2);
    });
}

#[test]
fn a_batch_that_moves_an_unknown_transaction_on_is_refused_whole() {
    on_both(|store| {
        let batch = [row(1), Op::SetPhase { txn: 8, phase: Phase::Commit }];
        assert!(matches!(store.commit(&batch), Err(StoreError::UnknownTransaction { txn: 8 })));
        assert_eq!((store.load().unwrap(), store.commits()), (State::default(), 0));
    });
}

#[test]
fn an_empty_batch_makes_no_commit() {
    on_both(|store| {
        store.commit(&[]).unwrap();
        assert_eq!(store.commits(), 0);
    });
}

/// A page that is not written spares the flash.
#[test]
fn a_put_of_the_same_value_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let batch = [
        row(1),
        Op::PutEvent { seq: 1, code: "c".into(), command_key: "k".into(), data: "d".into() },
        Op::PutSchedule { id: 1, due_unix: 1, command_key: "k".into() },
        Op::PutSetting { path: "p".into(), value: "v".into() },
        Op::PutMeta { key: "k".into(), value: "v".into() },
        Op::PutAttribute { path: "p".into(), notification: Some(1), access_list: None },
        Op::PutReported { path: "p".into(), kind: 1, value: "v".into() },
        Op::PutPending { path: "p".into() },
        Op::PutHighWater { table: "Device.T.".into(), next: 2 },
    ];
    let log = || std::fs::metadata(directory.path().join("store.db-wal")).unwrap().len();
    store.commit(&batch).unwrap();
    let before = log();
    store.commit(&batch).unwrap();
    assert_eq!(log(), before);
    store.commit(&[Op::PutMeta { key: "k".into(), value: "w".into() }]).unwrap();
    assert!(log() > before);
}
