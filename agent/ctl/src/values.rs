//! `get` and `set`.

use std::collections::HashMap;
use std::io::BufRead as _;

use cwmp_bus::names;
use serde_json::json;
use zbus::zvariant::Value;

use crate::agent::{Agent, Member};
use crate::cli::{assignment, Assignment};
use crate::error::CtlError;
use crate::fault::{self, Faults};
use crate::output::Output;
use crate::table::Table;

pub(crate) const GET: Member = Member::read(names::DATA_MODEL, "Get");
const SET: Member = Member::admin(names::DATA_MODEL, "Set");

/// As the agent answers them: path, type, value.
pub(crate) type Values = Vec<(String, String, String)>;

/// Options of a call that has none yet.
pub(crate) fn no_options() -> HashMap<&'static str, Value<'static>> {
    HashMap::new()
}

/// What a status means (0 and 1 in the contract).
pub(crate) fn status_name(status: u32, faults: &Faults) -> &'static str {
    match status {
        _ if !faults.is_empty() => "refused",
        0 => "applied",
        _ => "later",
    }
}

/// What a person wants to know of a change that succeeded.
pub(crate) fn told(status: u32) -> &'static str {
    match status {
        0 => "applied",
        _ => "stored; in force after the session or the next reboot",
    }
}

/// Reads values and prints them.
pub(crate) async fn get(
    agent: &Agent,
    output: &Output,
    paths: &[String],
    alone: bool,
) -> Result<(), CtlError> {
    let (values, faults): (Values, Faults) = agent.call(GET, &(paths, no_options())).await?;
    if output.is_json() {
        let values: Vec<_> = values
            .iter()
            .map(|(path, kind, value)| json!({ "path": path, "type": kind, "value": value }))
            .collect();
        output.json(&json!({ "values": values, "faults": fault::to_json(&faults) }))?;
    } else if alone {
        for (_, _, value) in &values {
            output.value(value)?;
        }
    } else {
        let head: &[&str] = if output.is_long() { &["PATH", "TYPE", "VALUE"] } else { &["PATH", "VALUE"] };
        let mut table = Table::new(head);
        for (path, kind, value) in &values {
            let kind = output.is_long().then_some(kind.as_str());
            table.row([Some(path.as_str()), kind, Some(value.as_str())].into_iter().flatten());
        }
        output.table(&table)?;
    }
    fault::conclude(agent, output, &faults).await
}

/// Changes values in one transaction.
pub(crate) async fn set(
    agent: &Agent,
    output: &Output,
    mut values: Vec<Assignment>,
    stdin: bool,
) -> Result<(), CtlError> {
    if stdin {
        for (number, line) in std::io::stdin().lock().lines().enumerate() {
            let line = line?;
            if !line.is_empty() {
                let wrong = |why| CtlError::Usage(format!("line {}: {why}", number + 1));
                values.push(assignment(&line).map_err(wrong)?);
            }
        }
    }
    if values.is_empty() {
        return Err(CtlError::Usage("there is nothing to set".to_owned()));
    }
    let (status, faults): (u32, Faults) = agent.call(SET, &(pairs(&values), no_options())).await?;
    if output.is_json() {
        output.json(&json!({ "status": status_name(status, &faults), "faults": fault::to_json(&faults) }))?;
    } else if faults.is_empty() {
        output.line(told(status))?;
    } else {
        output.remark("nothing was changed");
    }
    fault::conclude(agent, output, &faults).await
}

/// Values as the calls take them.
pub(crate) fn pairs(values: &[Assignment]) -> Vec<(&str, &str)> {
    values.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect()
}
