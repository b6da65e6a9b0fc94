//! `add` and `del`.

use cwmp_bus::names;
use cwmp_model::path;
use serde_json::json;

use crate::agent::{Agent, Member};
use crate::cli::Assignment;
use crate::error::CtlError;
use crate::fault::{self, Faults};
use crate::output::Output;
use crate::values::{pairs, status_name, told};

const ADD: Member = Member::admin(names::DATA_MODEL, "Add");
const DELETE: Member = Member::admin(names::DATA_MODEL, "Delete");

/// Adds a row, with values in the same transaction.
pub(crate) async fn add(
    agent: &Agent,
    output: &Output,
    table: &str,
    values: Vec<Assignment>,
) -> Result<(), CtlError> {
    let table = object(table);
    let answer = agent.call(ADD, &(table.as_str(), pairs(&values))).await;
    let (number, status, faults): (u32, u32, Faults) = match answer {
        Ok(answer) => answer,
        Err(error) => (0, 0, fault::of_path(&table, error)?),
    };
    let row = faults.is_empty().then(|| format!("{table}{number}."));
    if output.is_json() {
        output.json(&json!({
            "row": row,
            "number": row.is_some().then_some(number),
            "status": status_name(status, &faults),
            "faults": fault::to_json(&faults),
        }))?;
    } else if let Some(row) = row {
        output.line(&row)?;
        if status != 0 {
            output.remark(told(status));
        }
    } else {
        output.remark("no row was added");
    }
    // A row that was not added cannot be looked into: what it would have had is told of the table.
    let of_row = |path: &str| path.strip_prefix(&table).is_some_and(|name| !name.is_empty());
    if faults.iter().any(|(path, ..)| of_row(path)) {
        let hint = format!("cwmpctl describe -l {table} shows what a row may have");
        return fault::conclude_with(output, &faults, &hint);
    }
    fault::conclude(agent, output, &faults).await
}

/// Removes a row.
pub(crate) async fn delete(agent: &Agent, output: &Output, row: &str) -> Result<(), CtlError> {
    let row = object(row);
    let answer = agent.call(DELETE, &(row.as_str(),)).await;
    let (status, faults): (u32, Faults) = match answer {
        Ok(status) => (status, Faults::new()),
        Err(error) => (0, fault::of_path(&row, error)?),
    };
    if output.is_json() {
        output.json(&json!({ "status": status_name(status, &faults), "faults": fault::to_json(&faults) }))?;
    } else if faults.is_empty() {
        output.line(told(status))?;
    }
    if !faults.is_empty() && path::split_row(&row).is_none() {
        return fault::conclude_with(output, &faults, "the path of a row ends in its number, such as 1.");
    }
    fault::conclude(agent, output, &faults).await
}

/// Tables and rows end in a dot, which people leave out.
fn object(path: &str) -> String {
    if path.ends_with('.') {
        path.to_owned()
    } else {
        format!("{path}.")
    }
}
