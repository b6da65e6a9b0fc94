//! `list`, `describe`, and what a wrong name may have meant.

use serde_json::json;

use crate::Box;

#[tokio::test]
async fn names_are_listed_level_by_level() {
    let on = Box::new().await;
    let out = on.run(&["list", "--next-level", "Device."]).await.good();
    assert_eq!(out, "PATH                  WRITABLE\nDevice.DeviceInfo.    no\nDevice.X_CWMPD_Demo.  no\n");
    let out = on.run(&["list", "-l", "Device.X_CWMPD_Demo.Lamp."]).await.good();
    let lines: Vec<Vec<&str>> = out.lines().map(|l| l.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["Device.X_CWMPD_Demo.Lamp.", "yes"]), "{out}");
    assert!(lines.contains(&vec!["Device.X_CWMPD_Demo.Lamp.1.Name", "yes", "string"]), "{out}");
    // The whole tree needs no path.
    assert!(on.run(&["list"]).await.good().contains("\nDevice.DeviceInfo.UpTime "));
}

#[tokio::test]
async fn names_for_scripts_have_types_when_asked() {
    let on = Box::new().await;
    let run = on.run(&["list", "-n", "--json", "Device.X_CWMPD_Demo.Lamp.1."]).await;
    let expected =
        json!({ "names": [{ "path": "Device.X_CWMPD_Demo.Lamp.1.Name", "writable": true }], "faults": [] });
    assert_eq!((run.code, run.json()), (0, expected));
    let run = on.run(&["list", "-l", "--json", "Device.X_CWMPD_Demo.Lamp.1."]).await;
    assert_eq!(
        run.json()["names"][0],
        json!({ "path": "Device.X_CWMPD_Demo.Lamp.1.", "writable": true, "type": null })
    );
    assert_eq!(run.json()["names"][1]["type"], "string");
    let run = on.run(&["list", "--json", "Device.No."]).await;
    assert_eq!((run.code, &run.json()["faults"][0]["code"]), (1, &json!(9005)));
}

#[tokio::test]
async fn a_description_has_types_access_and_facets() {
    let on = Box::new().await;
    let out = on.run(&["describe", "-l", "Device.X_CWMPD_Demo.Level"]).await.good();
    let words: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        words,
        [
            "Device.X_CWMPD_Demo.Level",
            "parameter",
            "unsignedInt",
            "readWrite",
            "demo",
            "pushed",
            "range=0:100"
        ]
    );
    let run = on.run(&["describe", "--json", "Device.X_CWMPD_Demo.Lamp."]).await;
    let expected = json!({ "faults": [], "nodes": [{
        "path": "Device.X_CWMPD_Demo.Lamp.{i}.Name", "kind": "parameter", "type": "string", "access": "readWrite",
        "facets": "", "provider": "demo", "secret": false, "pushed": true,
    }] });
    assert_eq!((run.code, run.json()), (0, expected));
}

#[tokio::test]
async fn a_wrong_name_is_told_with_the_right_one() {
    let on = Box::new().await;
    for (wrong, says) in [
        ("Device.DeviceInfo.SerialNumer", "did you mean Device.DeviceInfo.SerialNumber?"),
        ("Device.DevicInfo.SerialNumer", "did you mean Device.DeviceInfo.SerialNumber?"),
        ("device.deviceinfo.uptime", "did you mean Device.DeviceInfo.UpTime?"),
        ("Device.DeviceInfo", "did you mean Device.DeviceInfo.?"),
        ("Device.X_CWMPD_Demo.Lamp.7.Name", "Device.X_CWMPD_Demo.Lamp. has the rows 1, 2"),
        ("Device.DeviceInfo.Nothing.Like.It", "cwmpctl list -n Device.DeviceInfo. shows what there is"),
        ("Other.Root.Altogether", "cwmpctl list shows what there is"),
    ] {
        let run = on.run(&["get", wrong]).await;
        assert_eq!(run.code, 1);
        assert_eq!(run.err, format!("cwmpctl: {wrong}: no such parameter (9005); {says}\n"));
    }
}

/// Looking for the right name costs calls, so an answer with thousands of faults gets it for the first three.
#[tokio::test]
async fn only_the_first_faults_are_looked_into() {
    let on = Box::new().await;
    let wrong = ["Device.DeviceInfo.UpTim"; 5];
    let run = on.run(&[&["get"], wrong.as_slice()].concat()).await;
    assert_eq!(run.err.lines().count(), 5);
    assert_eq!(run.err.matches("did you mean").count(), 3);
    let deep = format!("Device.{}X", "A.".repeat(40));
    let run = on.run(&["get", &deep]).await;
    assert!(run.err.contains("cwmpctl list shows"), "{run:?}");
}
