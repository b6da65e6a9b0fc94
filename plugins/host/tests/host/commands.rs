//! Commands: invoked, told of, cancelled, and ended one way or another.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Seek as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use zbus::zvariant::{Fd, Value};

use crate::agent::Said;
use crate::plugin::compile;
use crate::world::{call_as, error_of, World};

type Outputs = (bool, BTreeMap<String, String>);

/// Begins a command, as the agent.
fn begin(
    world: &World,
    job: u64,
    command: &str,
    arguments: &[(&str, Value<'_>)],
    deadline_ms: u32,
) -> tokio::task::JoinHandle<zbus::Result<Outputs>> {
    let bus = world.agent.bus.clone();
    let command = format!("Device.X_B.{command}");
    let arguments: HashMap<String, zbus::zvariant::OwnedValue> =
        arguments.iter().map(|(k, v)| ((*k).to_owned(), v.try_to_owned().unwrap())).collect();
    tokio::spawn(async move {
        let options = HashMap::from([("job", Value::from(job)), ("deadline_ms", Value::from(deadline_ms))]);
        let reply = call_as(&bus, "commands", "Invoke", &(command, arguments, options)).await?;
        Ok(reply.body().deserialize().unwrap())
    })
}

async fn invoke(world: &World, command: &str, arguments: &[(&str, Value<'_>)]) -> zbus::Result<Outputs> {
    begin(world, 1, command, arguments, 60_000).await.unwrap()
}

/// Until the plugin says that it waits.
async fn waits(world: &World) {
    while !world.value("Device.X_B.State").await.starts_with("waits") {}
}

#[tokio::test]
async fn a_command_takes_arguments_and_gives_outputs() {
    let world = World::serve("commands", "").await;
    let long = "x".repeat(60_000);
    let arguments = [("b", Value::from("2")), ("a", Value::from(long.as_str()))];
    let (cancelled, outputs) = invoke(&world, "Row.7.Echo()", &arguments).await.unwrap();
    assert!(!cancelled);
    let expected = [("Command", "Device.X_B.Row.7.Echo()"), ("a", &long), ("b", "2")];
    let expected: BTreeMap<_, _> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    assert_eq!(outputs, expected);
}

#[tokio::test]
async fn a_command_borrows_a_file() {
    let world = World::serve("commands", "").await;
    let mut file = tempfile::tempfile().unwrap();
    let arguments = [("File", Value::Fd(Fd::from(file.as_fd())))];
    invoke(&world, "Fill()", &arguments).await.unwrap();
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "filled");
}

#[tokio::test]
async fn a_command_that_cannot_be_is_refused_with_the_reason() {
    let world = World::serve("commands", "").await;
    let (name, text) = error_of(invoke(&world, "Fail()", &[]).await);
    assert_eq!((name.as_str(), text.as_str()), ("org.cwmpd1.Error.ResourcesExceeded", "the lamp is broken"));
    for missing in ["Nothing()", "State", "Row.{i}.Echo()", "Row.0.Echo()"] {
        let (name, _) = error_of(invoke(&world, missing, &[]).await);
        assert_eq!(name, "org.cwmpd1.Error.InvalidParameterName", "{missing}");
    }
    let large = "x".repeat(cwmp_bus::command::MAX_ARGUMENT_VALUE + 1);
    for wrong in [Value::from(1_u32), Value::from(large.as_str())] {
        let (name, _) = error_of(invoke(&world, "Echo()", &[("a", wrong)]).await);
        assert_eq!(name, "org.cwmpd1.Error.InvalidArguments");
    }
    let (name, text) = error_of(invoke(&world, "Flood()", &[]).await);
    assert_eq!(name, "org.cwmpd1.Error.ResourcesExceeded");
    assert!(text.contains("256 outputs"), "{text}");
    let stranger =
        zbus::connection::Builder::address(world.bus.address.as_str()).unwrap().build().await.unwrap();
    let refused = call_as(&stranger, "commands", "Cancel", &(1_u64,)).await;
    assert_eq!(error_of(refused).0, "org.cwmpd1.Error.RequestDenied");
}

/// A command takes its time: values are read meanwhile, and its progress is told.
#[tokio::test]
async fn a_command_that_runs_tells_how_far_it_is_and_holds_up_nobody() {
    let mut world = World::serve(
        "commands",
        "[deadlines]\nget_ms = 300\nhard_ms = 400\nprepare_ms = 300\ncommit_ms = 300\n",
    )
    .await;
    let running = begin(&world, 77, "Wait()", &[], 60_000);
    waits(&world).await;
    assert_eq!(world.agent.hear().await, Said::Progress(77, 400, "almost half".to_owned()));
    // The same job cannot run twice.
    let (name, _) = error_of(begin(&world, 77, "Echo()", &[], 1000).await.unwrap());
    assert_eq!(name, "org.cwmpd1.Error.InvalidArguments");
    // Longer than any other call may take.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!running.is_finished());
    world.notice("clock-trusted").await.unwrap();
    let (cancelled, outputs) = running.await.unwrap().unwrap();
    assert!(!cancelled && outputs.is_empty());
}

#[tokio::test]
async fn a_command_that_is_cancelled_ends_as_cancelled() {
    let world = World::serve("commands", "").await;
    let running = begin(&world, 5, "Wait()", &[], 60_000);
    waits(&world).await;
    // Another job is not meant.
    world.call("Cancel", &(6_u64,)).await.unwrap();
    assert_eq!(world.value("Device.X_B.State").await, "waits 0");
    world.call("Cancel", &(5_u64,)).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), (true, BTreeMap::new()));
    assert_eq!(world.value("Device.X_B.State").await, "idle 1");
}

#[tokio::test]
async fn a_command_whose_time_is_up_is_cancelled_and_has_failed() {
    let world = World::serve("commands", "[deadlines]\ninvoke_ms = 200\n").await;
    // The manifest's limit counts, not the longer one of the caller.
    let (name, text) = error_of(begin(&world, 5, "Wait()", &[], 60_000).await.unwrap());
    assert_eq!(name, "org.cwmpd1.Error.InternalError");
    assert_eq!(text, "the command did not end within 0.2 s");
    assert_eq!(world.value("Device.X_B.State").await, "idle 1");
}

#[tokio::test]
async fn only_so_many_commands_run_at_a_time() {
    let world = World::serve("commands", "").await;
    let running: Vec<_> = (0..16).map(|job| begin(&world, job, "Wait()", &[], 60_000)).collect();
    // They are begun in their order, so the last has begun when one more is refused.
    let (name, text) = loop {
        match begin(&world, 99, "Echo()", &[], 1000).await.unwrap() {
            Ok(_) => tokio::task::yield_now().await,
            refused => break error_of(refused),
        }
    };
    assert_eq!(name, "org.cwmpd1.Error.ResourcesExceeded");
    assert_eq!(text, "16 commands run already");
    for one in running {
        one.abort();
    }
}

/// The call that begins a command has to return, as every other.
#[tokio::test]
async fn a_command_that_blocks_the_plugin_takes_its_host_down() {
    let limits = "[deadlines]\nget_ms = 100\nprepare_ms = 100\ncommit_ms = 100\nhard_ms = 300\n";
    let mut world = World::serve("commands", limits).await;
    let running = begin(&world, 1, "Hang()", &[], 60_000);
    assert_eq!(world.host.ended().await.code(), Some(7));
    // Whoever waits hears that nobody will answer.
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn a_command_ends_with_a_host_that_dies() {
    let mut world = World::serve("commands", "").await;
    let running = begin(&world, 1, "Crash()", &[], 60_000);
    assert!(!world.host.ended().await.success());
    assert!(running.await.unwrap().is_err());
}

/// `stop()` answers what is pending, and a host that is told to end does not wait for commands.
#[tokio::test]
async fn a_host_that_ends_ends_its_commands() {
    let mut world = World::serve("commands", "").await;
    let running = begin(&world, 1, "Wait()", &[], 60_000);
    waits(&world).await;
    world.host.signal("-TERM");
    assert!(world.host.ended().await.success());
    // The answer may still have come through, or not.
    let _ = running.await.unwrap();
}

#[test]
fn a_command_can_be_tried_without_a_bus() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("commands", folder.path(), &[]);
    let host = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
            .args(arguments)
            .arg("--library")
            .arg(&library)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, error) = host(&["--call", "invoke", "Device.X_B.Row.1.Echo()", "a=b=c", "d="]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(out, "Command = Device.X_B.Row.1.Echo()\na = b=c\nd = \n");
    let (code, out, error) = host(&["--call", "invoke", "Device.X_B.Fail()"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(error, "Device.X_B.Fail(): 9004: the lamp is broken\n");
    let (code, out, error) = host(&["--call", "get", "Device.X_B.Row."]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert!(error.starts_with("there is no value now"), "{error}");
    let (code, out, _) = host(&["--call", "list", "Device.X_B."]);
    assert_eq!(code, Some(0));
    assert!(out.contains("Device.X_B.Row.{i}.Echo() - command \n"), "{out}");
}
