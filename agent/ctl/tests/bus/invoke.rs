//! `invoke`.

use serde_json::json;

use crate::Box;

const BLINK: &str = "Device.X_CWMPD_Demo.Blink()";

#[tokio::test]
async fn a_command_shows_how_far_it_is_and_what_it_gives() {
    let on = Box::new().await;
    let run = on.run(&["invoke", "--deadline", "9", BLINK, "Times=3", "Text=a=b"]).await;
    assert_eq!((run.code, run.out.as_str()), (0, "Text = a=b\nTimes = 3\n"));
    // Once what it is doing, and once more when it knows how far it is.
    assert_eq!(run.err, "cwmpctl: blinking\ncwmpctl: 0 % blinking\n");
    let calls = on.fake.state.lock().unwrap().calls.clone();
    assert_eq!(calls, [r#"Invoke {"Text": "a=b", "Times": "3"} Some(9000)"#]);
}

#[tokio::test]
async fn the_result_for_scripts_has_the_state_of_the_job() {
    let on = Box::new().await;
    let run = on.run(&["--json", "invoke", BLINK, "Times=1"]).await;
    let job = "/org/cwmpd1/job/1";
    let done = json!({ "job": job, "state": "done", "outputs": { "Times": "1" }, "faults": [] });
    assert_eq!((run.code, run.err.as_str(), run.json()), (0, "", done));
    let on = Box::new().await;
    let run = on.run(&["--json", "invoke", BLINK, "End=failed"]).await;
    let fault = json!({ "path": BLINK, "code": 9004, "text": "the lamp is broken" });
    let failed = json!({ "job": job, "state": "failed", "outputs": {}, "faults": [fault] });
    assert_eq!((run.code, run.json()), (1, failed));
    let on = Box::new().await;
    let run = on.run(&["--json", "invoke", "--no-wait", BLINK, "End=never"]).await;
    let running = json!({ "job": job, "state": "running", "outputs": {}, "faults": [] });
    assert_eq!((run.code, run.json()), (0, running));
}

#[tokio::test]
async fn a_command_that_fails_or_does_not_exist_is_told_with_its_fault() {
    let on = Box::new().await;
    let run = on.run(&["invoke", BLINK, "End=failed"]).await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(
        run.err.ends_with("cwmpctl: Device.X_CWMPD_Demo.Blink(): the lamp is broken (9004)\n"),
        "{run:?}"
    );
    let run = on.run(&["invoke", "Device.Nothing()"]).await;
    assert_eq!(run.code, 1);
    // A list has no commands, a description has.
    let says = "Device.Nothing(): no such parameter (9005); cwmpctl describe Device. shows what there is";
    assert!(run.err.contains(says), "{run:?}");
}

#[tokio::test]
async fn an_interrupt_cancels_the_command() {
    let on = Box::new().await;
    let mut child = on.program(&["invoke", BLINK, "End=never"]).spawn().unwrap();
    let mut error = tokio::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains('%') {
        line.clear();
        tokio::io::AsyncBufReadExt::read_line(&mut error, &mut line).await.unwrap();
    }
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = tokio::time::timeout(crate::PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(output.code(), Some(1));
    assert!(on.fake.state.lock().unwrap().calls.contains(&"Cancel".to_owned()));
}
