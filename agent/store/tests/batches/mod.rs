//! Batches as the property tests and the crash tests make them.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part

use cwmp_store::{Batch, JournalChange, MemoryStore, Op, Phase, State, Store};
use proptest::prelude::*;

/// Few paths, so that ops meet; with what text can do to a database: wildcards, quotes, case, bytes that sort
/// last, and a zero.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "Device.A.", "Device.A.1.", "Device.A.1.B", "Device.A.10.B", "Device.a.1.B", "Device.A_1.B", "Device.A%",
            "", "Device.\u{10FFFF}", "Device.A.\u{10FFFF}B", "Device.\0", "Device.\0A", "'; DROP TABLE meta; --",
        ]).prop_map(String::from),
        1 => ".{0,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z ]{1,6}", ".{0,12}", Just("\0'\"\n\\".to_owned())]
}

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..6_u64, 1 => Just(u64::MAX), 1 => Just(1 << 63)]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0..9_u32, 1 => Just(u32::MAX)]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::Prepare), Just(Phase::Commit)]
}

fn change() -> impl Strategy<Value = JournalChange> {
    (text(), any::<u8>(), any::<u8>(), path(), text())
        .prop_map(|(provider, op, kind, path, value)| JournalChange { provider, op, kind, path, value })
}

fn entries() -> impl Strategy<Value = Option<Vec<String>>> {
    prop::option::of(prop::collection::vec(text(), 0..3))
}

/// Any op.
pub fn op() -> impl Strategy<Value = Op> {
    let keyed = prop_oneof![
        (id(), text(), text(), text()).prop_map(|(seq, code, command_key, data)| Op::PutEvent {
            seq,
            code,
            command_key,
            data
        }),
        id().prop_map(|seq| Op::RemoveEvent { seq }),
        (path(), text()).prop_map(|(path, value)| Op::PutSetting { path, value }),
        path().prop_map(|path| Op::RemoveSetting { path }),
        (path(), text()).prop_map(|(key, value)| Op::PutMeta { key, value }),
        path().prop_map(|key| Op::RemoveMeta { key }),
        (path(), any::<Option<u8>>(), entries()).prop_map(|(path, notification, access_list)| {
            Op::PutAttribute { path, notification, access_list }
        }),
        path().prop_map(|path| Op::RemoveAttribute { path }),
        path().prop_map(|prefix| Op::RemoveAttributesUnder { prefix }),
    ];
    let values = prop_oneof![
        (path(), any::<u8>(), text()).prop_map(|(path, kind, value)| Op::PutReported { path, kind, value }),
        path().prop_map(|path| Op::RemoveReported { path }),
        path().prop_map(|prefix| Op::RemoveReportedUnder { prefix }),
        path().prop_map(|path| Op::PutPending { path }),
        path().prop_map(|path| Op::RemovePending { path }),
    ];
    let rows = prop_oneof![
        (path(), number(), prop::option::of(text()), prop::option::of(text()))
            .prop_map(|(table, number, key, alias)| Op::PutInstance { table, number, key, alias }),
        (path(), number()).prop_map(|(table, number)| Op::RemoveInstance { table, number }),
        (path(), number()).prop_map(|(table, next)| Op::PutHighWater { table, next }),
    ];
    let journal = prop_oneof![
        3 => (id(), phase(), prop::collection::vec(change(), 0..4))
            .prop_map(|(txn, phase, changes)| Op::PutTransaction { txn, phase, changes }),
        2 => (id(), phase()).prop_map(|(txn, phase)| Op::SetPhase { txn, phase }),
        1 => id().prop_map(|txn| Op::RemoveTransaction { txn }),
        2 => (id(), any::<i64>(), text())
            .prop_map(|(id, due_unix, command_key)| Op::PutSchedule { id, due_unix, command_key }),
        1 => id().prop_map(|id| Op::RemoveSchedule { id }),
    ];
    let wipe = prop::collection::vec(path(), 0..3).prop_map(|keep_meta| Op::Wipe { keep_meta });
    prop_oneof![18 => keyed, 10 => values, 8 => rows, 8 => journal, 1 => wipe]
}

/// Any batch, the empty one included.
pub fn batch() -> impl Strategy<Value = Batch> {
    prop::collection::vec(op(), 0..8)
}

/// The batch that the crash tests store as number `n`: what a session stores, so that a half of it shows.
pub fn session_batch(n: u32) -> Batch {
    let row = n % 7 + 1;
    let path = format!("Device.Demo.Row.{row}.Value");
    let change =
        JournalChange { provider: "demo".into(), op: 0, kind: 1, path: path.clone(), value: n.to_string() };
    let mut batch = vec![
        Op::PutMeta { key: "stored".into(), value: n.to_string() },
        Op::PutEvent {
            seq: n.into(),
            code: "M Download".into(),
            command_key: format!("key {n}"),
            data: "x".repeat(n as usize % 300),
        },
        Op::PutReported { path: path.clone(), kind: 1, value: n.to_string() },
        Op::PutTransaction { txn: n.into(), phase: Phase::Prepare, changes: vec![change; n as usize % 4] },
        Op::PutInstance {
            table: "Device.Demo.Row.".into(),
            number: n + 1,
            key: None,
            alias: Some(format!("cpe-{n}")),
        },
        Op::PutAttribute { path, notification: Some(2), access_list: None },
    ];
    if n > 5 {
        batch.push(Op::RemoveEvent { seq: u64::from(n) - 5 });
        batch.push(Op::RemoveTransaction { txn: u64::from(n) - 1 });
        batch.push(Op::RemoveInstance { table: "Device.Demo.Row.".into(), number: n - 3 });
    }
    if n % 31 == 30 {
        batch.insert(0, Op::Wipe { keep_meta: Vec::new() });
    }
    batch
}

/// The state after the session batches 1 to `n`.
pub fn session_state(n: u32) -> State {
    let mut store = MemoryStore::new();
    for n in 1..=n {
        store.commit(&session_batch(n)).expect("a twin takes every session batch");
    }
    store.load().expect("a twin loads")
}

/// The number of the last session batch in a state.
pub fn stored(state: &State) -> u32 {
    state.meta.get("stored").map_or(0, |n| n.parse().expect("a number"))
}
