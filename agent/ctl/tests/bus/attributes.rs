//! `attributes`.

use serde_json::json;

use crate::Box;

#[tokio::test]
async fn notifications_are_changed_together_and_read_back() {
    let on = Box::new().await;
    let run = on
        .run(&[
            "attributes",
            "--set",
            "Device.X_CWMPD_Demo.Label",
            "active",
            "--set",
            "Device.X_CWMPD_Demo.Level",
            "passive",
        ])
        .await;
    assert_eq!(run.good(), "applied\n");
    assert_eq!(on.fake.state.lock().unwrap().calls, ["SetAttributes 2"]);
    let out = on.run(&["attributes", "Device.X_CWMPD_Demo.Label", "Device.X_CWMPD_Demo.Level"]).await.good();
    assert_eq!(
        out,
        "PATH                       NOTIFICATION  ACCESS\n\
         Device.X_CWMPD_Demo.Label  active        Subscriber\n\
         Device.X_CWMPD_Demo.Level  passive       Subscriber\n"
    );
    let run = on.run(&["attributes", "--json", "Device.X_CWMPD_Demo.Label"]).await;
    let expected = json!({ "faults": [], "attributes": [
        { "path": "Device.X_CWMPD_Demo.Label", "notification": "active", "access": ["Subscriber"] },
    ] });
    assert_eq!(run.json(), expected);
}

#[tokio::test]
async fn a_wrong_level_or_name_changes_nothing() {
    let on = Box::new().await;
    let run = on.run(&["attributes", "--set", "Device.X_CWMPD_Demo.Label", "loud"]).await;
    assert_eq!((run.code, run.err.contains("off, passive, active")), (2, true), "{run:?}");
    let run = on.run(&["attributes", "--set", "Device.X_CWMPD_Demo.Labe", "off"]).await;
    assert_eq!((run.code, run.err.contains("did you mean Device.X_CWMPD_Demo.Label?")), (1, true), "{run:?}");
    let run = on.run(&["attributes", "--json", "--set", "Device.X_CWMPD_Demo.Labe", "off"]).await;
    assert_eq!((run.code, run.json()["status"].as_str()), (1, Some("refused")));
    assert!(on.fake.state.lock().unwrap().notifications.is_empty());
    assert_eq!(on.run(&["attributes"]).await.code, 2);
}
