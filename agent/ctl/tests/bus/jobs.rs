//! `jobs`.

use serde_json::json;

use crate::Box;

const VOLUME: &str = "Device.Services.StorageService.1.LogicalVolume.1.";

#[tokio::test]
async fn jobs_are_listed_with_what_they_work_on() {
    let on = Box::new().await;
    let run = on.run(&["jobs"]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", "cwmpctl: there are no jobs\n"));
    on.fake.show_job(7, "done").await;
    let run = on.run(&["jobs"]).await;
    let head = "JOB  STATE    PROGRESS  PLUGIN   STARTED               WORK\n";
    let line = format!("7    running  50 %      storage  2026-01-02T03:04:05Z  {VOLUME}\n");
    assert_eq!((run.code, run.out), (0, format!("{head}{line}")));
    // One that is forgotten while they are listed is left out.
    on.fake.state.lock().unwrap().jobs.push(99);
    let run = on.run(&["--json", "jobs"]).await;
    let job = json!({
        "job": "/org/cwmpd1/job/7", "state": "running", "progress": 500, "plugin": "storage", "command": null,
        "object": VOLUME, "started": "2026-01-02T03:04:05Z",
    });
    assert_eq!((run.code, run.json()), (0, json!({ "jobs": [job] })));
}

#[tokio::test]
async fn who_waits_sees_how_far_a_job_is_and_whether_it_was_done() {
    let on = Box::new().await;
    on.fake.show_job(7, "done").await;
    let run = on.run(&["jobs", "--wait"]).await;
    assert_eq!((run.code, run.err), (0, format!("cwmpctl: job 7 at {VOLUME}: 50 %\n")));
    assert!(run.out.contains("7    done"), "{}", run.out);
    on.fake.show_job(8, "failed").await;
    let run = on.run(&["jobs", "--wait", "--long"]).await;
    // Without a share of the work there is what it says of itself.
    assert_eq!((run.code, run.err), (1, format!("cwmpctl: job 8 at {VOLUME}: /dev/sdb is gone\n")));
    let last = run.out.lines().last().unwrap();
    assert!(last.starts_with("8    failed") && last.ends_with("/dev/sdb is gone"), "{}", run.out);
    // What has ended before is nobody's fault.
    assert_eq!(on.run(&["jobs", "--wait"]).await.code, 0);
}
