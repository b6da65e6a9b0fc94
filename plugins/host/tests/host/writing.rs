//! Transactions: prepared without effect, committed with their store, undone by request or when a lease runs out.

use crate::world::{error_of, Change, World};

const SET: u32 = 1;
const ADD: u32 = 2;
const DELETE: u32 = 3;
const LEASE: u32 = 60_000;
const PATIENT: &str = "[deadlines]\nget_ms = 500\nprepare_ms = 500\ncommit_ms = 500\nhard_ms = 600000\n";

fn text(value: &str) -> Change<'_> {
    (SET, 1, "Device.X_T.Text", value)
}

fn setting(value: &str) -> Change<'_> {
    (SET, 1, "Device.X_B.Setting", value)
}

#[tokio::test]
async fn a_change_has_no_effect_before_its_commit_and_survives_after_it() {
    let mut world = World::serve("good", "").await;
    assert_eq!(world.propose(1, &[text("new")], LEASE).await.unwrap(), []);
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
    assert_eq!(world.commit(1).await.unwrap(), 0);
    world.step("Finish", 1).await.unwrap();
    assert_eq!(world.value("Device.X_T.Text").await, "new");
    world.host.signal("-KILL");
    world.host.ended().await;
    world.start_again();
    world.agent.hear().await;
    assert_eq!(world.value("Device.X_T.Text").await, "new");
}

#[tokio::test]
async fn rows_are_added_with_values_and_deleted() {
    let world = World::serve("good", "").await;
    let row = "Device.X_T.Row.7.";
    let changes = [
        (ADD, 0, row, ""),
        (SET, 1, "Device.X_T.Row.7.Name", "seven"),
        (SET, 1, "Device.X_T.Row.7.State", "Down"),
    ];
    assert_eq!(world.propose(1, &changes, LEASE).await.unwrap(), []);
    world.commit(1).await.unwrap();
    assert_eq!(world.value("Device.X_T.Row.7.Name").await, "seven");
    world.propose(2, &[(DELETE, 0, row, "")], LEASE).await.unwrap();
    world.commit(2).await.unwrap();
    assert_eq!(world.fault("Device.X_T.Row.7.").await.0, 9005);
}

/// C106, C107: each change that cannot be has its own fault and code, and the plugin sees nothing of the others.
#[tokio::test]
async fn every_wrong_change_has_its_own_fault() {
    let world = World::serve("good", "").await;
    let changes = [
        text("fine"),
        (SET, 3, "Device.X_T.Text", "wrong type"),
        (SET, 3, "Device.X_T.Number", "101"),
        (SET, 3, "Device.X_T.Number", "x"),
        (SET, 6, "Device.X_T.Flag", "0"),
        (SET, 1, "Device.X_T.Nothing", ""),
        (ADD, 0, "Device.X_T.Host.1.", ""),
        (DELETE, 0, "Device.X_T.", ""),
        (9, 0, "Device.X_T.Row.1.", ""),
        (SET, 1, "Device.X_T.Row.1.State", "Up"),
    ];
    let faults = world.propose(1, &changes, LEASE).await.unwrap();
    let codes: Vec<_> = faults.iter().map(|f| (f.0, f.1)).collect();
    let expected =
        [(1, 9006), (2, 9007), (3, 9006), (4, 9008), (5, 9005), (6, 9005), (7, 9005), (8, 9003), (9, 9008)];
    assert_eq!(codes, expected);
    let (name, _) = error_of(world.commit(1).await);
    assert_eq!(name, "org.cwmpd1.Error.InternalError");
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
}

#[tokio::test]
async fn the_plugin_refuses_a_change_by_its_index() {
    let world = World::serve("good", "").await;
    let faults = world.propose(1, &[text("fine"), text("refuse")], LEASE).await.unwrap();
    assert_eq!(faults, [(1, 9007, "I do not like it".to_owned())]);
    world.commit(1).await.unwrap_err();
}

/// Every step may be repeated.
#[tokio::test]
async fn steps_are_idempotent() {
    let mut world = World::serve("good", "").await;
    for _ in 0..2 {
        assert_eq!(world.propose(1, &[text("later")], LEASE).await.unwrap(), []);
    }
    for _ in 0..2 {
        assert_eq!(world.commit(1).await.unwrap(), 1);
    }
    assert_eq!(world.host.count("committed"), 1);
    for _ in 0..2 {
        world.step("Apply", 1).await.unwrap();
        world.step("Finish", 1).await.unwrap();
    }
    for unknown in ["Rollback", "Finish", "Apply"] {
        world.step(unknown, 4711).await.unwrap();
    }
    let (name, text) = error_of(world.commit(4711).await);
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("org.cwmpd1.Error.InternalError", "transaction 4711 is not prepared")
    );
    world.host.logs("applied").await;
}

#[tokio::test]
async fn a_commit_tells_when_it_takes_effect() {
    let world = World::serve("good", "").await;
    for (txn, value, status) in [(1, "now", 0), (2, "later", 1), (3, "reboot", 2)] {
        world.propose(txn, &[text(value)], LEASE).await.unwrap();
        assert_eq!(world.commit(txn).await.unwrap(), status);
        world.step("Finish", txn).await.unwrap();
    }
}

#[tokio::test]
async fn a_rollback_restores_after_a_commit() {
    let mut world = World::serve("good", "").await;
    world.propose(1, &[text("new"), (ADD, 0, "Device.X_T.Row.5.", "")], LEASE).await.unwrap();
    world.commit(1).await.unwrap();
    for _ in 0..2 {
        world.step("Rollback", 1).await.unwrap();
    }
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
    assert_eq!(world.fault("Device.X_T.Row.5.").await.0, 9005);
    world.host.signal("-KILL");
    world.host.ended().await;
    world.start_again();
    world.agent.hear().await;
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
}

/// What is prepared and then forgotten rolls back by itself.
#[tokio::test]
async fn a_lease_that_runs_out_rolls_back() {
    let mut world = World::serve("good", "").await;
    world.propose(1, &[text("new")], 50).await.unwrap();
    world.host.logs("not committed within its lease").await;
    world.host.logs("rolled back").await;
    world.commit(1).await.unwrap_err();
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
}

#[tokio::test]
async fn a_lease_is_renewed_by_preparing_again() {
    let mut world = World::serve("bad", "").await;
    world.propose(1, &[setting("first")], 1500).await.unwrap();
    world.propose(1, &[setting("first")], LEASE).await.unwrap();
    let (name, _) = error_of(world.propose(1, &[setting("other")], LEASE).await);
    assert_eq!(name, "org.cwmpd1.Error.InvalidArguments");
    world.propose(2, &[setting("forgotten")], 1600).await.unwrap();
    // The lease of the second is over after that of the first would have been.
    world.host.logs("transaction 2 was prepared").await;
    assert_eq!(world.host.count("transaction 1 was prepared"), 0);
    assert_eq!(world.commit(1).await.unwrap(), 0);
    assert_eq!(world.host.count("prepares"), 2);
}

/// What the plugin stores in a commit that fails is not stored.
#[tokio::test]
async fn a_failed_commit_leaves_nothing_in_the_store() {
    let mut world = World::serve("bad", PATIENT).await;
    for (txn, how) in [(1, "fail"), (2, "never commit"), (4, "later fail")] {
        world.propose(txn, &[setting(how)], LEASE).await.unwrap();
        let (name, _) = error_of(world.commit(txn).await);
        assert!(name.starts_with("org.cwmpd1.Error."), "{name}");
        world.step("Rollback", txn).await.unwrap();
    }
    world.notice("session-end").await.unwrap();
    world.host.logs("stored nothing").await;
    world.propose(3, &[setting("good")], LEASE).await.unwrap();
    assert_eq!(world.commit(3).await.unwrap(), 0);
    world.notice("session-end").await.unwrap();
    world.host.logs("good from=stored").await;
}

#[tokio::test]
async fn a_commit_that_succeeds_later_is_in_the_store_when_it_is_answered() {
    let mut world = World::serve("bad", "").await;
    world.propose(1, &[setting("later good")], LEASE).await.unwrap();
    assert_eq!(world.commit(1).await.unwrap(), 0);
    world.host.signal("-KILL");
    world.host.ended().await;
    world.start_again();
    world.agent.hear().await;
    world.notice("session-end").await.unwrap();
    world.host.logs("later good from=stored").await;
}

/// Also the steps behind the commit end what is gathered for them, or all that is stored afterwards would be lost.
#[tokio::test]
async fn a_step_that_ends_later_is_in_the_store_when_it_is_answered() {
    for step in ["Finish", "Apply"] {
        let mut world = World::serve("bad", "").await;
        world.propose(1, &[setting("later good")], LEASE).await.unwrap();
        assert_eq!(world.commit(1).await.unwrap(), 0);
        world.step(step, 1).await.unwrap();
        world.host.signal("-KILL");
        world.host.ended().await;
        world.start_again();
        world.agent.hear().await;
        world.notice("session-end").await.unwrap();
        world.host.logs("finished from=stored").await;
    }
}

#[tokio::test]
async fn a_crash_in_a_commit_leaves_nothing_in_the_store() {
    let mut world = World::serve("bad", "").await;
    world.propose(1, &[setting("crash in commit")], LEASE).await.unwrap();
    world.commit(1).await.unwrap_err();
    world.host.ended().await;
    world.start_again();
    world.agent.hear().await;
    world.notice("session-end").await.unwrap();
    world.host.logs("stored nothing").await;
}

#[tokio::test]
async fn a_prepare_past_its_deadline_is_a_fault_and_is_undone() {
    let mut world = World::serve("bad", PATIENT).await;
    let (name, text) = error_of(world.propose(1, &[setting("late prepare")], 600).await);
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("org.cwmpd1.Error.InternalError", "did not answer within 0.5 s")
    );
    world.host.logs("rolls back").await;
}

#[tokio::test]
async fn a_busy_plugin_is_busy_and_a_contradiction_is_no_success() {
    let mut world = World::serve("bad", "").await;
    let (name, _) = error_of(world.propose(1, &[setting("busy")], LEASE).await);
    assert_eq!(name, "org.cwmpd1.Error.Busy");
    let faults = world.propose(2, &[setting("fault and OK")], LEASE).await.unwrap();
    assert_eq!(faults, [(0, 9007, "no".to_owned())]);
    world.host.logs("prepare() answered OK, with 1 faults").await;
    world.host.logs("rolls back").await;
}

/// A factory reset wipes the store after the plugin has agreed.
#[tokio::test]
async fn a_factory_reset_wipes_the_store() {
    let mut world = World::serve("bad", "").await;
    world.propose(1, &[setting("good")], LEASE).await.unwrap();
    world.commit(1).await.unwrap();
    world.notice("factory-reset").await.unwrap();
    world.host.logs("good from=stored").await;
    world.notice("session-end").await.unwrap();
    world.host.logs("stored nothing").await;
    let (name, _) = error_of(world.notice("nonsense").await);
    assert_eq!(name, "org.cwmpd1.Error.InvalidArguments");
}
