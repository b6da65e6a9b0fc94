//! The extension "lookup/1": a plugin asks for the numbers of its rows.

use std::time::{Duration, Instant};

use crate::agent::{Agent, Said};
use crate::plugin::compile;
use crate::world::World;

const TABLE: &str = "Device.X_B.Host.";
const BUSY: i32 = cwmp_plugin_abi::status::E_BUSY;

fn allocate(key: &str) -> Said {
    Said::Allocate(TABLE.to_owned(), vec![key.to_owned()])
}

/// The number comes from the agent once, and from the host's memory afterwards.
#[tokio::test]
async fn a_plugin_learns_the_numbers_of_its_keys_in_get_and_instances() {
    let mut world = World::serve("lookup", "").await;
    assert_eq!(world.value("Device.X_B.Router").await, "Device.X_B.Host.41.");
    assert_eq!(world.agent.heard(), [allocate("mac-a")]);
    assert_eq!(world.value("Device.X_B.Router").await, "Device.X_B.Host.41.");
    assert_eq!(world.value("Device.X_B.Guest.1.Host").await, "Device.X_B.Host.41.");
    assert_eq!(world.agent.heard(), []);
    // A row that was never reported has a number all the same.
    assert_eq!(world.value("Device.X_B.Stranger").await, "Device.X_B.Host.91.");
    assert_eq!(world.agent.heard(), [allocate("mac-stranger")]);
    // Reporting it later asks for the others alone.
    assert_eq!(world.value("Device.X_B.Host.17.Key").await, "mac-b");
    assert_eq!(world.agent.heard(), [allocate("mac-b")]);
}

#[tokio::test]
async fn before_the_start_is_over_there_is_nobody_to_ask_and_a_thread_may_try_again() {
    let mut world = World::prepare("lookup", "config = { thread = true }\n").await;
    let mut said = vec![world.agent.hear().await, world.agent.hear().await];
    said.sort_by_key(|s| matches!(s, Said::Allocate(..)));
    assert_eq!(said, [Said::Announce("lookup".to_owned()), allocate("mac-thread")]);
    let changed = async {
        use zbus::export::ordered_stream::OrderedStreamExt as _;
        while let Some(Ok(message)) = world.agent.messages.next().await {
            if message.header().member().is_some_and(|m| m == "Changed") {
                return;
            }
        }
        panic!("the bus is gone");
    };
    crate::soon(changed).await;
    assert_eq!(world.value("Device.X_B.Thread").await, "90");
    assert_eq!(world.value("Device.X_B.AtStart").await, format!("{BUSY} {BUSY}"));
}

#[tokio::test]
async fn the_key_of_a_row_that_nobody_reported_comes_from_the_agent() {
    let mut world = World::serve("lookup", "").await;
    // Whoever names a row by its number may do so before it is reported: the plugin is asked for its rows first.
    assert_eq!(world.value("Device.X_B.Host.41.Key").await, "mac-a");
    world.agent.heard();
    assert_eq!(world.value("Device.X_B.Host.55.Key").await, "mac-gone");
    assert_eq!(world.fault("Device.X_B.Host.56.Key").await.0, 9005);
    let keys = |number| Said::Keys(TABLE.to_owned(), vec![number]);
    assert_eq!(world.agent.heard(), [keys(55), keys(56)]);
    // It is remembered.
    assert_eq!(world.value("Device.X_B.Host.55.Key").await, "mac-gone");
    assert_eq!(world.agent.heard(), []);
}

#[tokio::test]
async fn a_wrong_question_has_its_status() {
    let world = World::serve("lookup", "").await;
    // No such table, a row, no key, no place for the answer, no such number, no sink.
    assert_eq!(world.value("Device.X_B.Mistakes").await, "-5 -5 -3 -3 -5 -3");
}

/// The second question is not even asked: a call that looks up many rows ends before its deadline.
#[tokio::test]
async fn an_agent_that_does_not_answer_costs_a_plugin_one_wait() {
    let mut world = World::serve("lookup", "").await;
    world.agent.fall_silent();
    let began = Instant::now();
    let (values, faults) =
        world.get(&["Device.X_B.Router", "Device.X_B.Stranger", "Device.X_B.AtStart"]).await;
    assert_eq!((values.len(), faults.len()), (1, 2), "{faults:?}");
    assert!(faults.iter().all(|(_, code, text)| *code == 9002 && text == "not found"), "{faults:?}");
    assert!(began.elapsed() >= Duration::from_secs(1), "it did not wait for the agent");
    assert_eq!(world.agent.heard(), [allocate("mac-a")]);
}

/// An agent that comes anew may have lost its store, or was reset.
#[tokio::test]
async fn another_agent_is_asked_again() {
    let mut world = World::serve("lookup", "").await;
    world.value("Device.X_B.Router").await;
    assert_eq!(world.agent.heard(), [allocate("mac-a")]);
    world.agent.bus.release_name("org.cwmpd1").await.unwrap();
    world.agent = Agent::start(&world.bus.address).await;
    assert_eq!(world.agent.hear().await, Said::Announce("lookup".to_owned()));
    world.value("Device.X_B.Router").await;
    assert_eq!(world.agent.heard(), [allocate("mac-a")]);
}

/// Each call is a process of its own; the rows that one of them numbered have these numbers in the next.
#[test]
fn numbers_that_were_counted_are_kept_with_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("lookup", folder.path(), &[]);
    let get = |path: &str, state: Option<&str>| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
            .args(["--call", "get", path, "--library"])
            .arg(&library)
            .args(state.map(|state| format!("--state={}", folder.path().join(state).display())))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(get("Device.X_B.Stranger", Some("s")), "Device.X_B.Stranger = Device.X_B.Host.1.\n");
    let hosts = "Device.X_B.Host.2.Key = mac-a\nDevice.X_B.Host.3.Key = mac-b\n";
    assert_eq!(get("Device.X_B.Host.", Some("s")), hosts);
    assert_eq!(get("Device.X_B.Stranger", Some("s")), "Device.X_B.Stranger = Device.X_B.Host.1.\n");
    assert_eq!(get("Device.X_B.Host.", Some("s")), hosts);
    // Elsewhere, and where nothing is kept, nobody has heard of them.
    let anew = "Device.X_B.Host.1.Key = mac-a\nDevice.X_B.Host.2.Key = mac-b\n";
    assert_eq!(
        (get("Device.X_B.Host.", Some("t")), get("Device.X_B.Host.", None)),
        (anew.into(), anew.into())
    );
}

#[test]
fn without_an_agent_the_numbers_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("lookup", folder.path(), &[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
        .args(["--call", "get", "Device.X_B.Router", "Device.X_B.Stranger", "Device.X_B.Host.", "--library"])
        .arg(&library)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "Device.X_B.Router = Device.X_B.Host.1.\nDevice.X_B.Stranger = Device.X_B.Host.3.\n\
         Device.X_B.Host.1.Key = mac-a\nDevice.X_B.Host.2.Key = mac-b\n"
    );
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
        .arg("--check")
        .arg(&library)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}
