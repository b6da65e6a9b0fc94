//! Work that a plugin begins by itself, shown as a job: from a thread, and from a task.

use std::collections::BTreeMap;
use std::time::Duration;

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{declare, Config, Effect, Error, Host, Job, Plugin, Settings};

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(3_600);

struct Disk {
    host: Host,
    settings: Settings,
    jobs: Vec<Job>,
}

declare! {
    Disk, name: "disk", base: "Device.X_ACME_Disk.",
    nodes {
        object "";
        param "Want" string [writable];
    }
}

/// What is wanted is done in a thread, long after the commit.
impl Plugin for Disk {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, host, jobs: Vec::new() })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn put_in_force(&mut self, _: &[String]) -> Result<Effect, Error> {
        let want = self.settings.text("Want").unwrap_or_default();
        let job = self.host.begin_job("", &want);
        if want == "wait" {
            self.jobs.push(self.host.begin_job("", "another"));
        }
        match want.as_str() {
            "keep" => self.jobs.push(job),
            "drop" => drop(job),
            _ => drop(std::thread::spawn(move || work(job, &want))),
        }
        Ok(Effect::Now)
    }
}

fn work(job: Job, want: &str) {
    job.progress(None, "begins");
    job.progress(Some(500), "half of it");
    let result = match want {
        "fail" => Err(Error::denied("the disk is write-protected")),
        "wait" if job.wait(FOR_EVER) => Err(Error::Cancelled),
        _ => {
            job.put("Blocks", "7");
            Ok(())
        }
    };
    job.finish(result);
}

fn want(disk: &mut Harness, what: &str) {
    disk.set(&[("Device.X_ACME_Disk.Want", what)]).unwrap();
}

#[test]
fn work_that_a_plugin_begins_is_a_job_with_progress_and_results() {
    let mut disk = Harness::new(&PLUGIN, "");
    want(&mut disk, "format");
    let job = disk.job();
    assert_eq!((job.path.as_str(), job.text.as_str()), ("Device.X_ACME_Disk.", "format"));
    assert_eq!(job.progress(), (-1, "begins".to_owned()));
    assert_eq!(job.progress(), (500, "half of it".to_owned()));
    assert_eq!(job.end().unwrap(), BTreeMap::from([("Blocks".to_owned(), "7".to_owned())]));
}

#[test]
fn one_that_fails_says_why_and_one_that_is_given_up_has_failed() {
    let mut disk = Harness::new(&PLUGIN, "");
    want(&mut disk, "fail");
    assert_eq!(disk.job().end(), Err(Error::denied("the disk is write-protected")));
    want(&mut disk, "drop");
    assert_eq!(disk.job().end(), Err(Error::internal("it was given up")));
}

#[test]
fn one_that_nobody_wants_any_more_is_cancelled() {
    let mut disk = Harness::new(&PLUGIN, "");
    want(&mut disk, "wait");
    let (job, other) = (disk.job(), disk.job());
    assert_eq!(other.text, "another");
    job.cancel();
    assert_eq!(job.end(), Err(Error::Cancelled));
    assert!(!other.is_over());
}

#[test]
fn a_plugin_that_stops_tells_its_work_to_end() {
    let mut disk = Harness::new(&PLUGIN, "");
    want(&mut disk, "wait");
    let job = disk.job();
    disk.stop();
    assert_eq!(job.end(), Err(Error::Cancelled));
}

#[test]
fn in_a_host_that_is_older_the_work_goes_on_unseen() {
    let mut disk = Harness::in_old_host(&PLUGIN, "").unwrap();
    for what in ["format", "fail", "drop", "keep"] {
        want(&mut disk, what);
    }
    assert_eq!(disk.jobs_begun(), 0);
    assert_eq!(disk.get("Device.X_ACME_Disk.Want").unwrap(), "keep");
    assert!(disk.change(&[Step::set("Device.X_ACME_Disk.Want", "wait")]).is_ok());
}
