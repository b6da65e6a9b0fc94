//! `get` and `set`.

use serde_json::json;

use crate::Box;

#[tokio::test]
async fn values_are_a_table_and_with_long_have_types() {
    let on = Box::new().await;
    let out = on.run(&["get", "Device.DeviceInfo.", "Device.X_CWMPD_Demo.Level"]).await.good();
    assert_eq!(
        out,
        "PATH                                VALUE\n\
         Device.DeviceInfo.ProvisioningCode\n\
         Device.DeviceInfo.SerialNumber      SN1\n\
         Device.DeviceInfo.UpTime            42\n\
         Device.X_CWMPD_Demo.Level           1\n"
    );
    let out = on.run(&["get", "-l", "Device.X_CWMPD_Demo.Level"]).await.good();
    assert_eq!(
        out,
        "PATH                       TYPE         VALUE\nDevice.X_CWMPD_Demo.Level  unsignedInt  1\n"
    );
    let out =
        on.run(&["get", "--value", "Device.X_CWMPD_Demo.Level", "Device.X_CWMPD_Demo.Label"]).await.good();
    assert_eq!(out, "1\na\n");
}

#[tokio::test]
async fn values_for_scripts_come_with_their_faults() {
    let on = Box::new().await;
    let run = on.run(&["--json", "get", "Device.X_CWMPD_Demo.Level", "Device.No"]).await;
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    let expected = json!({
        "values": [{ "path": "Device.X_CWMPD_Demo.Level", "type": "unsignedInt", "value": "1" }],
        "faults": [{ "path": "Device.No", "code": 9005, "text": "no such parameter" }],
    });
    assert_eq!(run.json(), expected);
}

#[tokio::test]
async fn a_value_of_the_box_cannot_speak_to_the_terminal() {
    let on = Box::new().await;
    on.fake.state.lock().unwrap().parameters.get_mut("Device.X_CWMPD_Demo.Label").unwrap().value =
        "a\x1b[2J\nDevice.Fake  1".to_owned();
    let out = on.run(&["get", "Device.X_CWMPD_Demo.Label"]).await.good();
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.contains("a\\u{1b}[2J\\nDevice.Fake  1"), "{out}");
    // Into a pipe it goes as it is.
    let out = on.run(&["get", "--value", "Device.X_CWMPD_Demo.Label"]).await.good();
    assert_eq!(out, "a\x1b[2J\nDevice.Fake  1\n");
}

#[tokio::test]
async fn several_values_are_one_transaction() {
    let on = Box::new().await;
    let run = on.run(&["set", "Device.X_CWMPD_Demo.Label=b=c", "Device.X_CWMPD_Demo.Level=2"]).await;
    assert_eq!(run.good(), "applied\n");
    let state = on.fake.state.lock().unwrap();
    assert_eq!(state.calls, ["Set 2"]);
    assert_eq!(state.parameters["Device.X_CWMPD_Demo.Label"].value, "b=c");
    assert_eq!(state.parameters["Device.X_CWMPD_Demo.Level"].value, "2");
}

#[tokio::test]
async fn a_refused_set_names_each_path_and_what_to_do() {
    let on = Box::new().await;
    let paths = ["Device.X_CWMPD_Demo.Labl=b", "Device.DeviceInfo.SerialNumber=c"];
    let run = on.run(&["set", paths[0], paths[1]]).await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_eq!(
        run.err,
        "cwmpctl: nothing was changed\n\
         cwmpctl: Device.X_CWMPD_Demo.Labl: no such parameter (9005); did you mean Device.X_CWMPD_Demo.Label?\n\
         cwmpctl: Device.DeviceInfo.SerialNumber: parameter is read-only (9008); cwmpctl describe Device.DeviceInfo.SerialNumber shows the access\n"
    );
    let run = on.run(&["--json", "set", paths[0]]).await;
    assert_eq!((run.code, run.json()["status"].as_str()), (1, Some("refused")));
    assert_eq!(run.json()["faults"][0]["code"], 9005);
}

#[tokio::test]
async fn a_value_that_is_applied_later_says_so() {
    let on = Box::new().await;
    let out = on.run(&["set", "Device.X_CWMPD_Demo.Label=later"]).await.good();
    assert_eq!(out, "stored; in force after the session or the next reboot\n");
    let run = on.run(&["--json", "set", "Device.X_CWMPD_Demo.Label=later"]).await;
    assert_eq!(run.json(), json!({ "status": "later", "faults": [] }));
}

#[tokio::test]
async fn secrets_come_by_standard_input() {
    let on = Box::new().await;
    let run = on
        .run_with("Device.X_CWMPD_Demo.Label=quiet\n\nDevice.X_CWMPD_Demo.Level=9\n", &["set", "--stdin"])
        .await;
    assert_eq!(run.good(), "applied\n");
    assert_eq!(on.fake.state.lock().unwrap().parameters["Device.X_CWMPD_Demo.Label"].value, "quiet");
    let run = on.run_with("Device.X_CWMPD_Demo.Label\n", &["set", "--stdin"]).await;
    assert_eq!((run.code, run.err.contains("line 1: write it as NAME=VALUE")), (2, true), "{run:?}");
    let run = on.run_with("", &["set", "--stdin"]).await;
    assert_eq!((run.code, run.err.contains("nothing to set")), (2, true), "{run:?}");
}
