//! `list` and `describe`.

use std::collections::HashMap;

use cwmp_bus::names;
use cwmp_model::path;
use serde_json::{json, Value as Json};
use zbus::zvariant::{OwnedValue, Value};

use crate::agent::{Agent, Member};
use crate::error::CtlError;
use crate::fault::{self, Faults};
use crate::output::Output;
use crate::table::Table;
use crate::values::no_options;

const LIST: Member = Member::read(names::DATA_MODEL, "List");
const DESCRIBE: Member = Member::read(names::DATA_MODEL, "Describe");

/// As the agent answers them: schema path, kind, type, details.
pub(crate) type Nodes = Vec<(String, String, String, HashMap<String, OwnedValue>)>;

/// Lists names.
pub(crate) async fn list(
    agent: &Agent,
    output: &Output,
    path: &str,
    next_level: bool,
) -> Result<(), CtlError> {
    let (listed, faults) = match agent.call(LIST, &(path, next_level)).await {
        Ok(listed) => (listed, Faults::new()),
        Err(error) => (Vec::<(String, bool)>::new(), fault::of_path(path, error)?),
    };
    let types =
        if output.is_long() && faults.is_empty() { types(agent, path).await? } else { HashMap::new() };
    let kind = |name: &str| types.get(&path::schema_path(name)).map(String::as_str).unwrap_or_default();
    if output.is_json() {
        let one = |(name, writable): &(String, bool)| {
            let mut one = json!({ "path": name, "writable": writable });
            if output.is_long() {
                one["type"] = Some(kind(name)).filter(|k| !k.is_empty()).into();
            }
            one
        };
        let all: Vec<_> = listed.iter().map(one).collect();
        output.json(&json!({ "names": all, "faults": fault::to_json(&faults) }))?;
    } else {
        let head: &[&str] =
            if output.is_long() { &["PATH", "WRITABLE", "TYPE"] } else { &["PATH", "WRITABLE"] };
        let mut table = Table::new(head);
        for (name, writable) in &listed {
            table.row([name.as_str(), if *writable { "yes" } else { "no" }, kind(name)]);
        }
        output.table(&table)?;
    }
    fault::conclude(agent, output, &faults).await
}

/// What can be at or below a path.
pub(crate) async fn nodes(agent: &Agent, path: &str) -> Result<Nodes, CtlError> {
    let (nodes, _): (Nodes, Faults) = agent.call(DESCRIBE, &([path].as_slice(), no_options())).await?;
    Ok(nodes)
}

/// The types below a path, by schema path.
async fn types(agent: &Agent, path: &str) -> Result<HashMap<String, String>, CtlError> {
    Ok(nodes(agent, path).await?.into_iter().map(|(path, _, kind, _)| (path, kind)).collect())
}

/// Tells what can be at paths.
pub(crate) async fn describe(agent: &Agent, output: &Output, paths: &[String]) -> Result<(), CtlError> {
    let (nodes, faults): (Nodes, Faults) = agent.call(DESCRIBE, &(paths, no_options())).await?;
    if output.is_json() {
        let all: Vec<_> = nodes
            .iter()
            .map(|(path, kind, type_name, details)| {
                json!({
                    "path": path, "kind": kind, "type": type_name,
                    "access": text(details, "access"), "facets": text(details, "facets"),
                    "provider": text(details, "provider"),
                    "secret": flag(details, "secret"), "pushed": flag(details, "pushed"),
                })
            })
            .collect();
        output.json(&json!({ "nodes": Json::Array(all), "faults": fault::to_json(&faults) }))?;
    } else {
        let head: &[&str] = if output.is_long() {
            &["PATH", "KIND", "TYPE", "ACCESS", "PROVIDER", "FLAGS", "FACETS"]
        } else {
            &["PATH", "KIND", "TYPE", "ACCESS", "PROVIDER"]
        };
        let mut table = Table::new(head);
        for (path, kind, type_name, details) in &nodes {
            let named = ["secret", "pushed"].into_iter().filter(|name| flag(details, name));
            let flags = named.collect::<Vec<_>>().join(",");
            let [access, provider, facets] = ["access", "provider", "facets"].map(|n| text(details, n));
            table.row([path, kind, type_name, access, provider, flags.as_str(), facets]);
        }
        output.table(&table)?;
    }
    fault::conclude(agent, output, &faults).await
}

fn text<'a>(details: &'a HashMap<String, OwnedValue>, name: &str) -> &'a str {
    match details.get(name).map(|v| &**v) {
        Some(Value::Str(text)) => text.as_str(),
        _ => "",
    }
}

fn flag(details: &HashMap<String, OwnedValue>, name: &str) -> bool {
    matches!(details.get(name).map(|v| &**v), Some(Value::Bool(true)))
}
