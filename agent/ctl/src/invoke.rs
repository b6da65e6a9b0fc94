//! `invoke`.

use std::collections::BTreeMap;
use std::time::Duration;

use cwmp_bus::names;
use serde_json::json;
use tokio::signal::unix::{signal, SignalKind};
use zbus::export::ordered_stream::OrderedStreamExt as _;
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::agent::{Agent, Member};
use crate::cli::Assignment;
use crate::error::CtlError;
use crate::fault::{self, Faults};
use crate::output::Output;
use crate::values::no_options;

const INVOKE: Member = Member::admin(names::DATA_MODEL, "Invoke");
const RESULT: Member = Member::admin(names::JOB, "Result");
const CANCEL: Member = Member::admin(names::JOB, "Cancel");

/// How often a job is looked at that says nothing.
const LOOK: Duration = Duration::from_secs(1);

/// State, fault code, text, outputs.
type Standing = (String, u32, String, BTreeMap<String, String>);

/// Runs a command, shows how far it is, and what came of it. An interrupt cancels it, a second one leaves it alone.
pub(crate) async fn invoke(
    agent: &Agent,
    output: &Output,
    command: &str,
    arguments: &[Assignment],
    deadline: Option<Duration>,
    waits: bool,
) -> Result<(), CtlError> {
    let arguments: BTreeMap<&str, Value<'_>> =
        arguments.iter().map(|a| (a.name.as_str(), Value::from(a.value.as_str()))).collect();
    let mut options = no_options();
    if let Some(deadline) = deadline {
        options.insert("deadline_ms", Value::from(u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX)));
    }
    let mut interrupts = signal(SignalKind::interrupt())?;
    // Before it begins, so that its end is not missed.
    let mut signals = agent.job_signals().await?;
    let started = agent.call(INVOKE, &(command, arguments, options)).await;
    let job: OwnedObjectPath = match started {
        Ok(job) => job,
        Err(error) => {
            let faults = fault::of_path(command, error)?;
            if output.is_json() {
                let told = json!({ "job": null, "state": "failed", "outputs": {}, "faults": fault::to_json(&faults) });
                output.json(&told)?;
            }
            return fault::conclude(agent, output, &faults).await;
        }
    };
    if !waits {
        let told = json!({ "job": job.as_str(), "state": "running", "outputs": {}, "faults": [] });
        let printed = if output.is_json() { output.json(&told) } else { output.line(&job) };
        return Ok(printed?);
    }
    let mut shown = String::new();
    let mut is_cancelled = false;
    let (state, code, text, outputs) = loop {
        let (state, code, text, outputs): Standing = agent.call_job(&job, RESULT).await?;
        if state != "running" {
            break (state, code, text, outputs);
        }
        let progress: i32 = agent.job_progress(&job).await?;
        let progress = u32::try_from(progress).map_or(text.clone(), |p| format!("{} % {text}", p / 10));
        if !progress.is_empty() && progress != shown {
            output.remark(progress.trim_end());
            shown = progress;
        }
        tokio::select! {
            // Those of other jobs wake it too, at the cost of a call.
            signal = signals.next() => if signal.is_none() {
                return Err(CtlError::Lost("the bus closed the connection".to_owned()));
            },
            () = tokio::time::sleep(LOOK) => {}
            _ = interrupts.recv() => {
                if is_cancelled {
                    output.remark(&format!("{} goes on without us", job.as_str()));
                    return Err(CtlError::Faults);
                }
                is_cancelled = true;
                output.remark("cancelling; interrupt again to leave it alone");
                let () = agent.call_job(&job, CANCEL).await?;
            }
        }
    };
    let faults: Faults =
        if state == "failed" { vec![(command.to_owned(), code, text)] } else { Faults::new() };
    if output.is_json() {
        output.json(&json!({
            "job": job.as_str(), "state": state, "outputs": outputs, "faults": fault::to_json(&faults),
        }))?;
    } else {
        for (key, value) in &outputs {
            output.line(&format!("{key} = {value}"))?;
        }
        if state == "cancelled" {
            output.remark("cancelled");
        }
    }
    fault::conclude(agent, output, &faults).await?;
    if state == "done" {
        Ok(())
    } else {
        Err(CtlError::Faults)
    }
}
