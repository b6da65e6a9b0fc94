//! Exit codes, and what a person is told to do.

use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use serde_json::Value;

use crate::fake::Fake;
use crate::private_bus::PrivateBus;
use crate::{finish, program, Box, Run};

async fn on_bus(address: &str, arguments: &[&str]) -> Run {
    let mut command = program();
    command.arg("--bus").arg(address).args(arguments);
    finish(command).await
}

#[tokio::test]
async fn without_the_agent_it_says_how_to_start_it() {
    let bus = PrivateBus::start("");
    for arguments in [&["status"][..], &["get", "Device."], &["watch"], &["set", "Device.A=1"], &["list"]] {
        let run = on_bus(bus.address(), arguments).await;
        assert_eq!((run.code, run.out.as_str()), (3, ""), "{arguments:?} {run:?}");
        assert!(run.err.contains("the agent is not running\n  systemctl start cwmpd"), "{run:?}");
    }
    let run = on_bus(bus.address(), &["--json", "status"]).await;
    let error: Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!((run.code, error["error"]["name"].as_str()), (3, Some("notRunning")));
    assert!(error["error"]["hint"].as_str().unwrap().contains("systemctl start cwmpd"));
}

#[tokio::test]
async fn without_a_bus_it_says_where_it_looked() {
    let run = on_bus("unix:path=/nowhere/bus", &["status"]).await;
    assert_eq!(run.code, 3);
    assert!(run.err.contains("cannot reach the bus at unix:path=/nowhere/bus"), "{run:?}");
    let mut command = program();
    command.arg("status").env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/elsewhere/bus");
    let run = finish(command).await;
    assert_eq!((run.code, run.err.contains("unix:path=/elsewhere/bus")), (3, true), "{run:?}");
}

#[tokio::test]
async fn the_system_bus_is_the_default() {
    let on = Box::new().await;
    let mut command = program();
    command.args(["get", "--value", "Device.DeviceInfo.UpTime"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", on.bus.address());
    assert_eq!(finish(command).await.good(), "42\n");
}

#[tokio::test]
async fn a_wrong_command_line_is_told_apart() {
    for arguments in [
        &[][..],
        &["fetch"],
        &["get"],
        &["set", "Device.A"],
        &["get", "--json", "--value", "Device.A"],
        &["watch", "--count", "0"],
        &["--timeout", "0", "status"],
        &["--bus", "what", "status"],
    ] {
        let mut command = program();
        command.args(arguments);
        let run = finish(command).await;
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?} {run:?}");
        assert!(!run.err.is_empty());
    }
}

#[tokio::test]
async fn an_agent_that_does_not_answer_costs_the_timeout() {
    let on = Box::new().await;
    on.fake.state.lock().unwrap().stuck = true;
    let run = on.run(&["--timeout", "1", "reload"]).await;
    assert_eq!((run.code, run.err.contains("no answer within 1 s")), (3, true), "{run:?}");
}

#[tokio::test]
async fn an_agent_that_ends_before_it_answers_is_told() {
    let mut on = Box::new().await;
    on.fake.state.lock().unwrap().stuck = true;
    let child = on.program(&["reload"]).spawn().unwrap();
    while on.fake.state.lock().unwrap().calls.is_empty() {
        tokio::task::yield_now().await;
    }
    on.bus.stop();
    let output = child.wait_with_output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.contains("went away")), (Some(3), true), "{err}");
}

#[tokio::test]
async fn a_refusal_of_the_whole_request_is_a_fault() {
    let on = Box::new().await;
    let refuse = |error: BusError| on.fake.state.lock().unwrap().refusal = Some(error);
    refuse(BusError::Busy);
    let run = on.run(&["set", "Device.X_CWMPD_Demo.Label=b"]).await;
    assert_eq!((run.code, run.err.contains("try again")), (1, true), "{run:?}");
    refuse(Fault::new(FaultCode::ResourcesExceeded, "the table is full").into());
    let run = on.run(&["set", "Device.X_CWMPD_Demo.Label=b"]).await;
    assert_eq!((run.code, run.err.as_str()), (1, "cwmpctl: the table is full (9004)\n"));
    let run = on.run(&["--json", "set", "Device.X_CWMPD_Demo.Label=b"]).await;
    let error: Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(error["error"]["name"], "ResourcesExceeded");
    let run = on.run(&["--json", "add", "Device.X_CWMPD_Demo.Lamp."]).await;
    assert_eq!((run.code, &run.json()["faults"][0]["text"]), (1, &"the table is full".into()));
}

/// The bus refuses everybody here, so that the test does not depend on who runs it.
#[tokio::test]
async fn what_the_bus_refuses_is_not_allowed() {
    let bus = PrivateBus::start("<deny send_interface='org.cwmpd1.DataModel' send_member='Set'/>");
    let _fake = Fake::start(&bus).await;
    let run = on_bus(bus.address(), &["set", "Device.X_CWMPD_Demo.Label=b"]).await;
    assert_eq!((run.code, run.out.as_str()), (4, ""), "{run:?}");
    assert!(run.err.starts_with("cwmpctl: you may not do that"), "{run:?}");
    let run = on_bus(bus.address(), &["--json", "set", "Device.X_CWMPD_Demo.Label=b"]).await;
    let error: Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!((run.code, error["error"]["name"].as_str()), (4, Some("notAllowed")));
}

/// Needs root, to become somebody else.
#[tokio::test]
async fn a_stranger_is_told_which_group_is_missing() {
    let on = Box::new().await;
    on.fake.state.lock().unwrap().refusal =
        Some(Fault::new(FaultCode::RequestDenied, "only cwmp-admin may change values").into());
    let mut command = tokio::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_cwmpctl")]);
    command.args(["--bus", on.bus.address(), "set", "Device.X_CWMPD_Demo.Label=b"]);
    let run = finish(command).await;
    if run.err.contains("setpriv:") {
        eprintln!("skipped: needs root");
        return;
    }
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.err.contains("only cwmp-admin may change values"), "{run:?}");
    assert!(run.err.lines().nth(1).unwrap().contains("group cwmp-admin"), "{run:?}");
    // For root the same refusal is one of the agent's own reasons.
    let run = on.run(&["set", "Device.X_CWMPD_Demo.Label=b"]).await;
    assert_eq!(run.code, 1, "{run:?}");
}

/// Somebody who has seen enough, like `head`, is no failure.
#[tokio::test]
async fn a_closed_pipe_is_no_failure() {
    let on = Box::new().await;
    let mut shell = tokio::process::Command::new("sh");
    let line = format!(
        "{{ '{}' --bus '{}' get Device.; echo $? >&2; }} | true",
        env!("CARGO_BIN_EXE_cwmpctl"),
        on.bus.address()
    );
    shell.args(["-c", &line]);
    let run = finish(shell).await;
    assert_eq!(run.err, "0\n");
}
