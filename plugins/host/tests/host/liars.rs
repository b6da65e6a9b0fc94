//! Plugins that lie, hang, flood and crash: what is wrong costs its own paths, and the log names it.

use std::time::{Duration, Instant};

use crate::world::World;

const QUICK: &str = "[deadlines]\nget_ms = 300\nprepare_ms = 300\ncommit_ms = 300\nhard_ms = 600\n";
const PATIENT: &str = "[deadlines]\nget_ms = 500\nprepare_ms = 500\ncommit_ms = 500\nhard_ms = 600000\n";

/// A wrong type, a wrong form, a wrong value, garbage instead of text: each is 9002 and named in the log.
#[tokio::test]
async fn a_lie_about_a_value_is_a_fault_and_is_logged() {
    let mut world = World::serve("bad", "").await;
    for (name, fault, log) in [
        ("WrongType", "is unsignedInt, was reported as string", "is unsignedInt, was reported as string"),
        ("NoNumber", "not a value of type unsignedInt", "not a value of type unsignedInt"),
        ("OutOfFacets", "must be one of A, B", "must be one of A, B"),
        ("NotUtf8", "the value is not UTF-8", "is not UTF-8"),
        ("NullText", "the value is NULL", "is NULL, but has a length"),
        ("Control", "XML does not allow", "XML does not allow"),
        ("Missing", "did not answer for it", "was not answered"),
        ("OddStatus", "did not answer for it", "was not answered"),
    ] {
        let path = format!("Device.X_B.{name}");
        let (code, text) = world.fault(&path).await;
        assert_eq!(code, 9002, "{name}");
        assert!(text.contains(fault), "{name}: {text}");
        world.host.logs(&format!("plugin bad: the plugin lies: {path}")).await;
        world.host.logs(log).await;
    }
    assert_eq!(world.value("Device.X_B.Fine").await, "fine");
}

#[tokio::test]
async fn one_lie_among_many_values_costs_one_value() {
    let world = World::serve("bad", "").await;
    let (values, faults) =
        world.get(&["Device.X_B.Fine", "Device.X_B.WrongType", "Device.X_B.Setting"]).await;
    assert_eq!((values.len(), faults.len()), (2, 1));
    assert_eq!((faults[0].0.as_str(), faults[0].1), ("Device.X_B.WrongType", 9002));
}

#[tokio::test]
async fn the_first_of_two_answers_counts() {
    let mut world = World::serve("bad", "").await;
    assert_eq!(world.value("Device.X_B.Twice").await, "first");
    world.host.logs("Device.X_B.Twice: was answered twice").await;
    assert_eq!(world.value("Device.X_B.Nowhere").await, "here");
    world.host.logs("index 4711 was answered, there are 1").await;
    assert_eq!(world.value("Device.X_B.BothWays").await, "both");
    world.host.logs("answered twice: by req_done()").await;
    assert_eq!(world.value("Device.X_B.Early").await, "early");
}

#[tokio::test]
async fn an_answer_may_come_later_from_another_thread_and_only_once() {
    let mut world = World::serve("bad", "[deadlines]\nget_ms = 20000\n").await;
    let later = world.get(&["Device.X_B.Later"]);
    let trigger = async { world.value("Device.X_B.Trigger").await };
    let ((values, faults), pulled) = tokio::join!(later, trigger);
    assert_eq!((values[0].2.as_str(), faults.len(), pulled.as_str()), ("late", 0, "pulled"));
    world.host.logs("a value came for a request that is over").await;
    assert_eq!(world.value("Device.X_B.Fine").await, "fine");
}

/// At its deadline a request is answered; what comes later is dropped.
#[tokio::test]
async fn a_request_is_answered_at_its_deadline_and_the_late_answer_is_dropped() {
    let mut world = World::serve("bad", PATIENT).await;
    let start = Instant::now();
    let (code, text) = world.fault("Device.X_B.Later").await;
    assert_eq!((code, text.as_str()), (9002, "did not answer within 0.5 s"));
    assert!(start.elapsed() >= Duration::from_millis(500));
    world.host.logs("hears of the end").await;
    assert_eq!(world.value("Device.X_B.Trigger").await, "pulled");
    world.host.logs("came for a request that is over").await;
    assert_eq!(world.value("Device.X_B.Fine").await, "fine");
}

#[tokio::test]
async fn a_partial_path_at_its_deadline_is_one_fault() {
    let world = World::serve("bad", PATIENT).await;
    let (values, faults) = world.get(&["Device.X_B.Never", "Device.X_B.Fine"]).await;
    assert_eq!(values, []);
    let paths: Vec<_> = faults.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(paths, ["Device.X_B.Never", "Device.X_B.Fine"]);
    assert!(faults.iter().all(|f| f.1 == 9002));
}

/// A thread that is stuck takes its host down, with a code that says so.
#[tokio::test]
async fn a_call_that_does_not_return_ends_the_host() {
    let mut world = World::serve("bad", QUICK).await;
    let (code, _) = world.fault("Device.X_B.Hang").await;
    assert_eq!(code, 9002);
    assert_eq!(world.host.ended().await.code(), Some(7));
    world.host.logs("did not return within 0.6 s").await;
}

#[tokio::test]
async fn endless_pieces_end_at_the_deadline() {
    let mut world = World::serve("bad", PATIENT).await;
    let (code, text) = world.fault("Device.X_B.Endless").await;
    assert_eq!((code, text.as_str()), (9002, "did not answer within 0.5 s"));
    world.host.logs("stopped when cancelled").await;
    let (code, _) = world.fault("Device.X_B.Rows.").await;
    assert_eq!(code, 9002);
    assert_eq!(world.value("Device.X_B.Fine").await, "fine");
}

/// 50 values of 1 MiB each: those that fit are answered, the others are 9004, and the bus keeps the host.
#[tokio::test]
async fn an_answer_of_50_megabytes_is_cut_with_faults() {
    let world = World::serve("bad", "[deadlines]\nget_ms = 20000\n").await;
    let (values, faults) = world.get(&["Device.X_B.Big."]).await;
    assert_eq!((values.len(), faults.len()), (23, 27));
    assert!(faults.iter().all(|f| f.1 == 9004), "{:?}", faults[0]);
    assert!(values.iter().all(|v| v.2.len() == 1 << 20));
    let (code, text) = world.fault("Device.X_B.TooLarge").await;
    assert_eq!(code, 9004);
    assert!(text.contains("larger than 1048576 bytes"), "{text}");
    assert_eq!(world.value("Device.X_B.Fine").await, "fine");
}

#[tokio::test]
async fn rows_that_cannot_be_are_left_out_and_logged() {
    let mut world = World::serve("bad", "").await;
    let (values, faults) = world.get(&["Device.X_B.Lies."]).await;
    assert_eq!(
        values.iter().map(|v| v.0.as_str()).collect::<Vec<_>>(),
        ["Device.X_B.Lies.1.Value", "Device.X_B.Lies.2.Value"]
    );
    assert_eq!(faults, []);
    world.host.logs("Device.X_B.Lies.: row 1 was reported twice").await;
    world.host.logs("a row has neither a number nor a key").await;
    world.host.logs("a row of table 99 was given").await;
}

#[tokio::test]
async fn garbage_in_calls_of_the_host_is_survived() {
    let mut world = World::serve("bad", "").await;
    assert_eq!(world.value("Device.X_B.Garbage").await, "survived");
    world.host.logs("a row that is NULL").await;
    world.host.logs("changed() was called with 3 paths").await;
    world.host.logs("with a path that is no table").await;
    assert!(world.agent.said.try_recv().is_err(), "no event was right");
}

/// A flood of changes becomes few signals, of the object above.
#[tokio::test]
async fn a_flood_of_changes_is_one_change_of_the_object_above() {
    let mut world = World::serve("bad", "").await;
    assert_eq!(world.value("Device.X_B.Flood").await, "started");
    world.host.logs("flooded").await;
    world.host.logs("reports too many changes").await;
    let mut signals = 0;
    loop {
        let paths = crate::events::next_signal(&mut world, "Changed").await;
        assert!(paths.len() <= 2000, "{}", paths.len());
        signals += 1;
        if paths == ["Device.X_B.Big."] {
            break;
        }
    }
    assert!(signals < 100, "{signals}");
    assert_eq!(world.value("Device.X_B.Fine").await, "fine");
    assert_eq!(world.host.count("reports too many changes"), 1);
}

#[tokio::test]
async fn a_plugin_that_chatters_does_not_fill_the_log() {
    let mut world = World::serve("bad", "[deadlines]\nget_ms = 20000\n").await;
    assert_eq!(world.value("Device.X_B.Chatter").await, "said");
    world.value("Device.X_B.Fine").await;
    world.host.logs("line ERROR forged").await;
    let lines = world.host.count("forged");
    assert!(lines < 1000, "{lines}");
    assert!(world.host.lines.iter().all(|l| l.contains("plugin bad:")), "{:#?}", world.host.lines);
}

#[tokio::test]
async fn a_crash_ends_the_host_alone() {
    let mut world = World::serve("bad", "").await;
    let body =
        (&["Device.X_B.Crash"][..], std::collections::HashMap::<&str, zbus::zvariant::Value<'_>>::new());
    assert!(world.call("Get", &body).await.is_err());
    assert!(world.host.ended().await.code().is_none(), "it was a signal");
}
