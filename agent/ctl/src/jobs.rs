//! `jobs`.

use std::collections::{BTreeMap, HashMap};

use cwmp_bus::names;
use serde_json::{json, Value as Json};
use zbus::export::ordered_stream::OrderedStreamExt as _;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use crate::agent::{Agent, Member};
use crate::error::CtlError;
use crate::output::Output;
use crate::table::Table;

const GET: Member = Member::read("org.freedesktop.DBus.Properties", "Get");
const RESULT: Member = Member::admin(names::JOB, "Result");
/// How often jobs are looked at that say nothing.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// A job, as it is at the moment.
#[derive(Debug)]
struct Job {
    object: OwnedObjectPath,
    properties: HashMap<String, OwnedValue>,
    /// What it is doing, or why it failed; only administrators are told.
    text: Option<String>,
}

impl Job {
    fn text(&self, name: &str) -> &str {
        self.properties.get(name).and_then(|v| v.downcast_ref::<&str>().ok()).unwrap_or_default()
    }

    fn number(&self) -> &str {
        self.object.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// What it does: a command by its name, anything else by the object that is worked on.
    fn work(&self) -> &str {
        Some(self.text("Command"))
            .filter(|command| !command.is_empty())
            .unwrap_or_else(|| self.text("Object"))
    }

    fn permille(&self) -> Option<u32> {
        let progress = self.properties.get("Progress").and_then(|v| v.downcast_ref::<i32>().ok())?;
        u32::try_from(progress).ok()
    }

    /// How far it is and what it is doing, as far as that is known.
    fn progress(&self) -> String {
        let permille = self.permille().map(|permille| format!("{} %", permille / 10));
        let text = self.text.clone().filter(|text| !text.is_empty());
        permille.into_iter().chain(text).collect::<Vec<_>>().join(" ")
    }

    fn is_running(&self) -> bool {
        self.text("State") == "running"
    }

    fn to_json(&self) -> Json {
        let command = Some(self.text("Command")).filter(|command| !command.is_empty());
        let mut told = json!({
            "job": self.object.as_str(), "state": self.text("State"), "progress": self.permille(),
            "plugin": self.text("Provider"), "command": command, "object": self.text("Object"),
            "started": self.text("Started"),
        });
        if let Some(text) = &self.text {
            told["text"] = json!(text);
        }
        told
    }
}

/// Lists the jobs. With `waits`, first waits until those that run now have ended, and shows how far they are.
pub(crate) async fn jobs(agent: &Agent, output: &Output, waits: bool) -> Result<(), CtlError> {
    // Before the first look, so that no end is missed.
    let mut signals = if waits { Some(agent.job_signals().await?) } else { None };
    let mut jobs = read(agent, output).await?;
    let mut awaited: Vec<OwnedObjectPath> = running(&jobs).map(|job| job.object.clone()).collect();
    let mut shown = BTreeMap::new();
    if let Some(signals) = &mut signals {
        while running(&jobs).any(|job| awaited.contains(&job.object)) {
            for job in running(&jobs).filter(|job| awaited.contains(&job.object)) {
                let progress = job.progress();
                if !progress.is_empty()
                    && shown.insert(job.number().to_owned(), progress.clone()).as_ref() != Some(&progress)
                {
                    output.remark(&format!("job {} at {}: {progress}", job.number(), job.work()));
                }
            }
            tokio::select! {
                signal = signals.next() => if signal.is_none() {
                    return Err(CtlError::Lost("the bus closed the connection".to_owned()));
                },
                () = tokio::time::sleep(LOOK) => {}
            }
            jobs = read(agent, output).await?;
        }
    } else {
        awaited.clear();
    }
    if output.is_json() {
        output.json(&json!({ "jobs": jobs.iter().map(Job::to_json).collect::<Vec<_>>() }))?;
    } else {
        output.table(&table(&jobs, output.is_long()))?;
        if jobs.is_empty() {
            output.remark("there are no jobs");
        }
    }
    let has_failed = |job: &Job| awaited.contains(&job.object) && job.text("State") != "done";
    if jobs.iter().any(has_failed) {
        return Err(CtlError::Faults);
    }
    Ok(())
}

fn running(jobs: &[Job]) -> impl Iterator<Item = &Job> {
    jobs.iter().filter(|job| job.is_running())
}

fn table(jobs: &[Job], is_long: bool) -> Table {
    let head = ["JOB", "STATE", "PROGRESS", "PLUGIN", "STARTED", "WORK", "TEXT"];
    let mut table = Table::new(&head[..if is_long { 7 } else { 6 }]);
    for job in jobs {
        let progress = job.permille().map_or_else(String::new, |permille| format!("{} %", permille / 10));
        table.row([
            job.number(),
            job.text("State"),
            &progress,
            job.text("Provider"),
            job.text("Started"),
            job.work(),
            job.text.as_deref().unwrap_or_default(),
        ]);
    }
    table
}

/// All jobs, oldest first. One that is forgotten meanwhile is left out.
async fn read(agent: &Agent, output: &Output) -> Result<Vec<Job>, CtlError> {
    let paths: OwnedValue = agent.call(GET, &(names::AGENT, "Jobs")).await?;
    let unexpected = |error: zbus::zvariant::Error| CtlError::Unexpected(error.to_string());
    let paths: Vec<OwnedObjectPath> = paths.try_into().map_err(unexpected)?;
    let mut jobs = Vec::with_capacity(paths.len());
    for object in paths {
        let Some(properties) = agent.job_properties(&object).await? else { continue };
        let mut text = None;
        if output.is_long() {
            type Standing = (String, u32, String, BTreeMap<String, String>);
            let (_, _, said, _): Standing = agent.call_job(&object, RESULT).await?;
            text = Some(said);
        }
        jobs.push(Job { object, properties, text });
    }
    Ok(jobs)
}
