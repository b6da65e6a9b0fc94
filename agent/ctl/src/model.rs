//! `model`: the profiles of the standard, and how much of each the device serves.

use std::collections::HashMap;
use std::path::Path;

use cwmp_model::standard::{Coverage, Library, ModelName, Profile, Served, Status};
use serde_json::{json, Value as Json};
use zbus::zvariant::OwnedValue;

use crate::agent::Agent;
use crate::error::CtlError;
use crate::output::Output;
use crate::table::Table;
use crate::tree;

/// Prints the coverage of profiles: those that were named, or all of which something is served.
pub(crate) async fn run(
    agent: &Agent,
    output: &Output,
    models: &Path,
    wanted: &[String],
) -> Result<(), CtlError> {
    let wrong = |error| CtlError::no_models(&error);
    let library = Library::open(models).map_err(wrong)?;
    let served = served(agent).await?;
    let mut known: Vec<(ModelName, Vec<Profile>)> = Vec::new();
    for model in library.models() {
        let profiles = library.profiles(&model).map_err(wrong)?;
        known.push((model, profiles));
    }
    let exists = |name: &&String| known.iter().any(|(_, all)| all.iter().any(|p| p.name == **name));
    if let Some(unknown) = wanted.iter().find(|name| !exists(name)) {
        return Err(CtlError::Usage(unknown_profile(unknown, &known)));
    }
    let chosen: Vec<(&ModelName, Vec<Coverage<'_>>)> = known
        .iter()
        .map(|(model, profiles)| (model, choose(profiles, wanted, &served)))
        .filter(|(_, all)| !all.is_empty())
        .collect();
    if output.is_json() {
        let models: Vec<Json> = chosen
            .iter()
            .map(|(model, all)| {
                let profiles: Vec<Json> = all.iter().map(to_json).collect();
                json!({ "model": model.to_string(), "profiles": profiles })
            })
            .collect();
        output.json(&json!({ "models": models }))?;
    } else if wanted.is_empty() {
        let mut table = Table::new(&["MODEL", "PROFILE", "SERVED", "OF", "MISSING"]);
        for (model, all) in &chosen {
            for coverage in all {
                let (met, required) = (coverage.met.to_string(), coverage.required().to_string());
                let row =
                    [&model.to_string(), &coverage.profile.name, &met, &required, &first_missing(coverage)];
                table.row(row.map(String::as_str));
            }
        }
        output.table(&table)?;
    } else {
        let mut table = Table::new(&["PROFILE", "MISSING", "ACCESS"]);
        for coverage in chosen.iter().flat_map(|(_, all)| all) {
            for requirement in &coverage.missing {
                table.row([&coverage.profile.name, &requirement.path, requirement.access.name()]);
            }
        }
        output.table(&table)?;
        for coverage in chosen.iter().flat_map(|(_, all)| all) {
            let name = &coverage.profile.name;
            output.line(&if coverage.is_complete() {
                format!("{name} is complete: {} of {}", coverage.met, coverage.required())
            } else {
                format!("{name} is not complete: {} of {}", coverage.met, coverage.required())
            })?;
        }
    }
    let complete = chosen.iter().flat_map(|(_, all)| all).all(Coverage::is_complete);
    if wanted.is_empty() || complete {
        Ok(())
    } else {
        Err(CtlError::Faults)
    }
}

/// What the device serves, by schema path.
async fn served(agent: &Agent) -> Result<Served, CtlError> {
    let nodes = tree::nodes(agent, "").await?;
    let writable = |details: &HashMap<String, OwnedValue>| {
        details.get("access").and_then(|v| v.downcast_ref::<&str>().ok()) == Some("readWrite")
    };
    Ok(nodes
        .iter()
        .map(|(path, kind, _, details)| {
            let row = if kind == "table" { "{i}." } else { "" };
            (format!("{path}{row}"), writable(details))
        })
        .collect())
}

/// The profiles to show: those that were named, else the newest of each name that is begun, and every complete one.
fn choose<'a>(profiles: &'a [Profile], wanted: &[String], served: &Served) -> Vec<Coverage<'a>> {
    let newest = |profile: &Profile| {
        let (name, version) = profile.family();
        !profiles.iter().any(|p| p.family().0 == name && p.family().1 > version)
    };
    let has_parameter = |coverage: &Coverage<'_>| {
        let parameter = |path: &str| !path.ends_with('.') && served.contains_key(path);
        coverage.profile.requirements.iter().any(|r| parameter(&r.path))
    };
    let all = profiles.iter().map(|profile| profile.coverage(served));
    all.filter(|coverage| {
        if !wanted.is_empty() {
            return wanted.contains(&coverage.profile.name);
        }
        let current = coverage.profile.status == Status::Current && newest(coverage.profile);
        has_parameter(coverage) && (current || coverage.is_complete())
    })
    .collect()
}

fn first_missing(coverage: &Coverage<'_>) -> String {
    match coverage.missing.as_slice() {
        [] => String::new(),
        [only] => only.path.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.path, rest.len()),
    }
}

fn to_json(coverage: &Coverage<'_>) -> Json {
    let missing: Vec<Json> =
        coverage.missing.iter().map(|r| json!({ "path": r.path, "access": r.access.name() })).collect();
    json!({
        "profile": coverage.profile.name,
        "met": coverage.met,
        "required": coverage.required(),
        "missing": missing,
    })
}

fn unknown_profile(name: &str, known: &[(ModelName, Vec<Profile>)]) -> String {
    let family = name.split(':').next().unwrap_or_default();
    let all = known.iter().flat_map(|(_, profiles)| profiles);
    let mut same: Vec<&str> = all.filter(|p| p.family().0 == family).map(|p| p.name.as_str()).collect();
    // Several models have profiles of one name.
    same.sort_unstable();
    same.dedup();
    match same.as_slice() {
        [] => format!("there is no profile '{name}'; cwmpctl model lists those of which something is served"),
        others => format!("there is no profile '{name}'; there is {}", others.join(", ")),
    }
}
