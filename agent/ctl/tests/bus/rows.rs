//! `add` and `del`.

use serde_json::json;

use crate::Box;

#[tokio::test]
async fn a_new_row_is_told_by_its_path() {
    let on = Box::new().await;
    // The dot at the end of a table or row may be left out.
    let out = on.run(&["add", "Device.X_CWMPD_Demo.Lamp", "Name=third"]).await.good();
    assert_eq!(out, "Device.X_CWMPD_Demo.Lamp.3.\n");
    assert_eq!(on.fake.state.lock().unwrap().parameters["Device.X_CWMPD_Demo.Lamp.3.Name"].value, "third");
    let run = on.run(&["add", "--json", "Device.X_CWMPD_Demo.Lamp."]).await;
    let expected =
        json!({ "row": "Device.X_CWMPD_Demo.Lamp.3.", "number": 3, "status": "applied", "faults": [] });
    assert_eq!((run.code, run.json()), (0, expected));
}

#[tokio::test]
async fn a_row_that_was_not_added_has_no_number() {
    let on = Box::new().await;
    let run = on.run(&["add", "--json", "Device.X_CWMPD_Demo.Lamp.", "Nam=x"]).await;
    assert_eq!((run.code, &run.json()["row"], &run.json()["number"]), (1, &json!(null), &json!(null)));
    let run = on.run(&["add", "Device.X_CWMPD_Demo.Lamp.", "Nam=x"]).await;
    assert_eq!(run.code, 1);
    let hint = "cwmpctl describe -l Device.X_CWMPD_Demo.Lamp. shows what a row may have\n";
    assert!(run.err.contains("Lamp.3.Nam: ") && run.err.ends_with(hint), "{run:?}");
    let run = on.run(&["add", "Device.X_CWMPD_Demo.Lamps."]).await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("no row was added"), "{run:?}");
    assert!(run.err.contains("did you mean Device.X_CWMPD_Demo.Lamp.?"), "{run:?}");
}

#[tokio::test]
async fn a_row_is_removed_once() {
    let on = Box::new().await;
    assert_eq!(on.run(&["del", "Device.X_CWMPD_Demo.Lamp.2"]).await.good(), "applied\n");
    let run = on.run(&["del", "Device.X_CWMPD_Demo.Lamp.2."]).await;
    assert_eq!(run.code, 1);
    assert_eq!(
        run.err,
        "cwmpctl: Device.X_CWMPD_Demo.Lamp.2.: no such parameter (9005); Device.X_CWMPD_Demo.Lamp. has the rows 1\n"
    );
    let run = on.run(&["del", "Device.X_CWMPD_Demo.Lamp."]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.ends_with("the path of a row ends in its number, such as 1.\n"), "{run:?}");
    let run = on.run(&["del", "--json", "Device.X_CWMPD_Demo.Lamp.2."]).await;
    assert_eq!((run.code, run.json()["status"].as_str()), (1, Some("refused")));
}
