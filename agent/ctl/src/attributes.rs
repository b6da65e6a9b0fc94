//! `attributes`.

use clap::ValueEnum as _;
use cwmp_bus::names;
use serde_json::json;

use crate::agent::{Agent, Member};
use crate::cli::Level;
use crate::error::CtlError;
use crate::fault::{self, Faults};
use crate::output::Output;
use crate::table::Table;

const GET: Member = Member::read(names::DATA_MODEL, "GetAttributes");
const SET: Member = Member::admin(names::DATA_MODEL, "SetAttributes");

/// As the agent takes them: path, whether to change the notification, notification, whether to change the access
/// list, access list.
type Change<'a> = (&'a str, bool, u32, bool, Vec<&'a str>);

/// Reads attributes, or changes them if `set` has pairs of path and level.
pub(crate) async fn run(
    agent: &Agent,
    output: &Output,
    set: &[String],
    paths: &[String],
) -> Result<(), CtlError> {
    if set.is_empty() {
        read(agent, output, paths).await
    } else {
        change(agent, output, set).await
    }
}

async fn read(agent: &Agent, output: &Output, paths: &[String]) -> Result<(), CtlError> {
    let (attributes, faults): (Vec<(String, u32, Vec<String>)>, Faults) = agent.call(GET, &(paths,)).await?;
    let name = |level: u32| usize::try_from(level).ok().and_then(|l| Level::NAMES.get(l)).copied();
    if output.is_json() {
        let one = |(path, level, access): &(String, u32, Vec<String>)| json!({ "path": path, "notification": name(*level), "access": access });
        let all: Vec<_> = attributes.iter().map(one).collect();
        output.json(&json!({ "attributes": all, "faults": fault::to_json(&faults) }))?;
    } else {
        let mut table = Table::new(&["PATH", "NOTIFICATION", "ACCESS"]);
        for (path, level, access) in &attributes {
            table.row([path, name(*level).unwrap_or("unknown"), &access.join(",")]);
        }
        output.table(&table)?;
    }
    fault::conclude(agent, output, &faults).await
}

async fn change(agent: &Agent, output: &Output, set: &[String]) -> Result<(), CtlError> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    for pair in set.chunks(2) {
        let [path, level] = pair else {
            return Err(CtlError::Usage("--set takes a path and a level".to_owned()));
        };
        let level = Level::from_str(level, false).map_err(|_| {
            CtlError::Usage(format!("'{level}' is no level: it is one of {}", Level::NAMES.join(", ")))
        })?;
        changes.push((path, true, level.number(), false, Vec::new()));
    }
    let faults: Faults = agent.call(SET, &(changes,)).await?;
    if output.is_json() {
        let status = if faults.is_empty() { "applied" } else { "refused" };
        output.json(&json!({ "status": status, "faults": fault::to_json(&faults) }))?;
    } else if faults.is_empty() {
        output.line("applied")?;
    } else {
        output.remark("nothing was changed");
    }
    fault::conclude(agent, output, &faults).await
}
