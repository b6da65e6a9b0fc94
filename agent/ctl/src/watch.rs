//! `watch`.

use std::collections::BTreeSet;
use std::pin::pin;

use cwmp_bus::names;
use cwmp_model::{path, FaultCode};
use serde_json::json;
use zbus::export::ordered_stream::OrderedStreamExt as _;

use crate::agent::{Agent, Member};
use crate::error::CtlError;
use crate::fault::{self, Faults};
use crate::output::Output;
use crate::values::{no_options, Values, GET};

const LIST: Member = Member::read(names::DATA_MODEL, "List");

/// Prints changes until `count` of them were printed, or for ever.
pub(crate) async fn watch(
    agent: &Agent,
    output: &Output,
    paths: &[String],
    count: Option<u64>,
) -> Result<(), CtlError> {
    let lost = |error: zbus::Error| CtlError::Lost(error.to_string());
    let proxy = agent.data_model().await?;
    let mut signals = proxy.receive_all_signals().await.map_err(lost)?;
    let mut owners = proxy.receive_owner_changed().await.map_err(lost)?;
    check(agent, output, paths).await?;
    output.remark("watching; interrupt to end");

    let mut printed = Printed { output, left: count };
    let mut names = BTreeSet::new();
    while !printed.is_enough() {
        // Signals are taken in while values are read: a stream that nobody polls would hold up the connection, and
        // with it the very answer that is waited for.
        if names.is_empty() {
            tokio::select! {
                signal = signals.next() => note(signal, paths, &mut names, &mut printed)?,
                owner = owners.next() => tell_owner(output, owner.flatten().is_some()),
            }
            continue;
        }
        let asked: Vec<String> = std::mem::take(&mut names).into_iter().collect();
        let options = no_options();
        let body = (&asked, options);
        let mut reading = pin!(agent.call::<_, (Values, Faults)>(GET, &body));
        let answer = loop {
            tokio::select! {
                answer = &mut reading => break answer,
                signal = signals.next() => note(signal, paths, &mut names, &mut printed)?,
            }
        };
        match answer {
            Ok((values, faults)) => printed.values(&values, &faults)?,
            // It may come back; the changes that were missed are its next signals.
            Err(CtlError::NotRunning | CtlError::Lost(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A name that does not exist would be watched in silence.
async fn check(agent: &Agent, output: &Output, paths: &[String]) -> Result<(), CtlError> {
    let mut faults = Faults::new();
    let whole = [String::new()];
    for path in if paths.is_empty() { &whole } else { paths } {
        let listing = agent.call::<_, Vec<(String, bool)>>(LIST, &(path, path::is_partial(path))).await;
        let Err(error) = listing else { continue };
        match error.into_fault()? {
            // Its plugin may be away and come back; until then there is nothing to see.
            away if away.code == FaultCode::InternalError => output.remark(&fault::about(path, &away.text)),
            wrong => faults.extend(fault::of_path(path, CtlError::Refused(wrong))?),
        }
    }
    if output.is_json() && !faults.is_empty() {
        output.json(&json!({ "faults": fault::to_json(&faults) }))?;
    }
    fault::conclude(agent, output, &faults).await
}

/// Takes in a signal: names whose values are to be read, or tables.
fn note(
    signal: Option<zbus::Message>,
    paths: &[String],
    names: &mut BTreeSet<String>,
    printed: &mut Printed<'_>,
) -> Result<(), CtlError> {
    let Some(signal) = signal else {
        return Err(CtlError::Lost("the bus closed the connection".to_owned()));
    };
    let header = signal.header();
    let member = header.member().map(|m| m.as_str().to_owned()).unwrap_or_default();
    if !matches!(member.as_str(), "Changed" | "InstancesChanged") {
        return Ok(());
    }
    let body = signal.body();
    let told: Vec<String> = body.deserialize().map_err(|e| CtlError::Unexpected(e.to_string()))?;
    if member == "Changed" {
        names.extend(told.into_iter().filter(|n| is_watched(n, paths)));
        return Ok(());
    }
    for table in told {
        // Whoever watches a row wants to know when its table loses it.
        if is_watched(&table, paths) || paths.iter().any(|p| p.starts_with(&table)) {
            printed.table(&table)?;
        }
    }
    Ok(())
}

fn is_watched(name: &str, paths: &[String]) -> bool {
    paths.is_empty() || paths.iter().any(|p| p == name || (path::is_partial(p) && path::is_under(name, p)))
}

fn tell_owner(output: &Output, is_there: bool) {
    output.remark(if is_there { "the agent is back" } else { "the agent went away; waiting for it" });
}

/// What was printed so far.
#[derive(Debug)]
struct Printed<'a> {
    output: &'a Output,
    left: Option<u64>,
}

impl Printed<'_> {
    fn is_enough(&self) -> bool {
        self.left == Some(0)
    }

    fn print(&mut self, text: &str, json: &serde_json::Value) -> Result<(), CtlError> {
        if self.is_enough() {
            return Ok(());
        }
        self.left = self.left.map(|n| n - 1);
        if self.output.is_json() {
            Ok(self.output.json(json)?)
        } else {
            Ok(self.output.line(text)?)
        }
    }

    fn values(&mut self, values: &Values, faults: &Faults) -> Result<(), CtlError> {
        for (path, kind, value) in values {
            let kind_shown = if self.output.is_long() { format!(" ({kind})") } else { String::new() };
            self.print(
                &format!("{path}{kind_shown} = {value}"),
                &json!({ "path": path, "type": kind, "value": value }),
            )?;
        }
        for (path, code, text) in faults {
            self.print(
                &format!("{} ({code})", fault::about(path, text)),
                &json!({ "path": path, "code": code, "text": text }),
            )?;
        }
        Ok(())
    }

    fn table(&mut self, table: &str) -> Result<(), CtlError> {
        self.print(&format!("{table} rows changed"), &json!({ "table": table }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_watched_by_itself_or_by_an_object_above() {
        let paths = ["Device.A.".to_owned(), "Device.B".to_owned()];
        assert!(is_watched("Device.A.C", &paths) && is_watched("Device.B", &paths));
        assert!(!is_watched("Device.BC", &paths) && !is_watched("Device.AB", &paths));
        assert!(is_watched("Device.X", &[]) && is_watched("Device.X", &[String::new()]));
    }
}
