//! `watch`.

use std::process::Stdio;

use serde_json::{json, Value};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

use crate::fake::Fake;
use crate::{Box, PATIENCE};

/// A watch that runs.
struct Watch {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Watch {
    /// Starts it, and waits until it says that it watches.
    async fn start(on: &Box, arguments: &[&str]) -> Self {
        let mut child = on.program(&[&["watch"], arguments].concat()).stdin(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut watch = Self { child, out, err };
        assert_eq!(watch.remark().await, "cwmpctl: watching; interrupt to end");
        watch
    }

    async fn line(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.out.next_line()).await.unwrap().unwrap().unwrap()
    }

    async fn remark(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.err.next_line()).await.unwrap().unwrap().unwrap()
    }

    async fn code(mut self) -> i32 {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code().unwrap()
    }
}

#[tokio::test]
async fn changes_come_with_their_new_values_until_the_count_is_reached() {
    let on = Box::new().await;
    let mut watch =
        Watch::start(&on, &["--count", "3", "Device.X_CWMPD_Demo.", "Device.DeviceInfo.UpTime"]).await;
    on.fake.change("Device.DeviceInfo.SerialNumber", "not watched").await;
    on.fake.change("Device.DeviceInfo.UpTime", "43").await;
    assert_eq!(watch.line().await, "Device.DeviceInfo.UpTime = 43");
    on.fake.signal("InstancesChanged", &["Device.Other.", "Device.X_CWMPD_Demo.Lamp."]).await;
    assert_eq!(watch.line().await, "Device.X_CWMPD_Demo.Lamp. rows changed");
    on.fake.change("Device.X_CWMPD_Demo.Label", "b").await;
    assert_eq!(watch.line().await, "Device.X_CWMPD_Demo.Label = b");
    assert_eq!(watch.code().await, 0);
}

#[tokio::test]
async fn a_row_that_goes_is_told_to_who_watches_it() {
    let on = Box::new().await;
    let mut watch = Watch::start(&on, &["--count", "2", "-l", "Device.X_CWMPD_Demo.Lamp.1."]).await;
    on.fake.signal("InstancesChanged", &["Device.X_CWMPD_Demo.Lamp."]).await;
    assert_eq!(watch.line().await, "Device.X_CWMPD_Demo.Lamp. rows changed");
    on.fake.change("Device.X_CWMPD_Demo.Lamp.1.Name", "x").await;
    assert_eq!(watch.line().await, "Device.X_CWMPD_Demo.Lamp.1.Name (string) = x");
    assert_eq!(watch.code().await, 0);
}

#[tokio::test]
async fn for_scripts_each_change_is_an_object_of_its_own() {
    let on = Box::new().await;
    let mut command = on.program(&["watch", "--json", "--count", "3"]);
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    // It says nothing while it starts, so the first change is repeated until it is heard.
    let first = loop {
        on.fake.change("Device.X_CWMPD_Demo.Level", "5").await;
        let wait = std::time::Duration::from_millis(50);
        if let Ok(line) = tokio::time::timeout(wait, out.next_line()).await {
            break line.unwrap().unwrap();
        }
    };
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first, json!({ "path": "Device.X_CWMPD_Demo.Level", "type": "unsignedInt", "value": "5" }));
    on.fake.signal("Changed", &["Device.X_CWMPD_Demo.Lamp.9.Name"]).await;
    on.fake.signal("InstancesChanged", &["Device.X_CWMPD_Demo.Lamp."]).await;
    let mut seen = Vec::new();
    while let Some(line) = tokio::time::timeout(PATIENCE, out.next_line()).await.unwrap().unwrap() {
        seen.push(serde_json::from_str::<Value>(&line).unwrap());
    }
    seen.retain(|one| one != &first);
    for one in &seen {
        let gone =
            json!({ "path": "Device.X_CWMPD_Demo.Lamp.9.Name", "code": 9005, "text": "no such parameter" });
        assert!(*one == gone || *one == json!({ "table": "Device.X_CWMPD_Demo.Lamp." }), "{one}");
    }
    assert_eq!(tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap().code(), Some(0));
}

/// Signals are taken in while values are read; otherwise more of them than the connection queues would hold up the very
/// answer that is waited for.
#[tokio::test]
async fn a_flood_of_changes_does_not_stall_it() {
    let on = Box::new().await;
    let mut watch = Watch::start(&on, &["Device.X_CWMPD_Demo."]).await;
    for _ in 0..2_000 {
        on.fake.signal("Changed", &["Device.X_CWMPD_Demo.Level"]).await;
    }
    on.fake.change("Device.X_CWMPD_Demo.Label", "the last").await;
    while watch.line().await != "Device.X_CWMPD_Demo.Label = the last" {}
}

#[tokio::test]
async fn it_survives_a_restart_of_the_agent() {
    let mut on = Box::new().await;
    let mut watch = Watch::start(&on, &["--count", "1", "Device.X_CWMPD_Demo."]).await;
    let Fake { connection, .. } = on.fake;
    connection.close().await.unwrap();
    assert_eq!(watch.remark().await, "cwmpctl: the agent went away; waiting for it");
    on.fake = Fake::start(&on.bus).await;
    assert_eq!(watch.remark().await, "cwmpctl: the agent is back");
    on.fake.change("Device.X_CWMPD_Demo.Label", "after").await;
    assert_eq!(watch.line().await, "Device.X_CWMPD_Demo.Label = after");
    assert_eq!(watch.code().await, 0);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_not_watched() {
    let on = Box::new().await;
    let run = on.run(&["watch", "Device.X_CWMPD_Demo.Labl"]).await;
    assert_eq!((run.code, run.err.contains("did you mean Device.X_CWMPD_Demo.Label?")), (1, true), "{run:?}");
    let run = on.run(&["watch", "--json", "Device.X_CWMPD_Demo.Labl"]).await;
    assert_eq!((run.code, &run.json()["faults"][0]["code"]), (1, &json!(9005)));
}

#[tokio::test]
async fn what_is_away_may_be_watched_until_it_comes_back() {
    let on = Box::new().await;
    on.fake.state.lock().unwrap().is_away = true;
    let mut child = on.program(&["watch", "--count", "1", "Device.X_CWMPD_Demo."]).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap()).lines();
    let err = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut watch = Watch { child, out, err };
    assert_eq!(watch.remark().await, "cwmpctl: Device.X_CWMPD_Demo.: the plugin is away");
    assert_eq!(watch.remark().await, "cwmpctl: watching; interrupt to end");
    on.fake.change("Device.X_CWMPD_Demo.Label", "back").await;
    assert_eq!(watch.line().await, "Device.X_CWMPD_Demo.Label = back");
    assert_eq!(watch.code().await, 0);
}
