//! `--call`: one question to a plugin, without a bus.

use std::sync::Arc;

use cwmp_bus::BusError;
use cwmp_model::path;
use cwmp_plugin_abi::status;
use tokio::time::Instant;

use crate::arguments::{Arguments, Call};
use crate::command::{Argument, Ended};
use crate::engine::Engine;
use crate::error::HostError;
use crate::exit::Exit;
use crate::kept_numbers::KeptNumbers;
use crate::log;
use crate::numbers::Numbers;
use crate::read::PathFault;
use crate::request::Context;
use crate::setup::{state_folder, Setup};
use crate::worker::{Change, Step};

/// Does it and prints the answer; faults go to stderr.
pub(crate) async fn call(call: Call, paths: &[String], arguments: &Arguments) -> Result<Exit, HostError> {
    let setup = match (&arguments.name, &arguments.library) {
        (Some(name), _) => Setup::of_name(name, &arguments.manifests, &arguments.overlays)?,
        (None, Some(library)) => Setup { manifest: None, library: library.clone() },
        (None, None) => return Err(HostError::Usage("--call takes a NAME or a --library".to_owned())),
    };
    let file = || setup.library.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    let name = arguments.name.clone().unwrap_or_else(file);
    log::start(&name, "warn");
    let state = arguments.state.as_deref().and_then(|state| state_folder(state, &name));
    let numbers = Numbers::Counted(state.as_deref().map(KeptNumbers::new));
    let engine = Engine::start(setup.load(state.as_deref(), numbers)?).await?;
    let whole = [String::new()];
    let paths = if paths.is_empty() { &whole[..] } else { paths };
    let good = match call {
        Call::Get => get(&engine, paths).await,
        Call::List => list(&engine, paths),
        Call::Instances => instances(&engine, paths).await,
        Call::Set => set(&engine, paths).await,
        Call::Invoke => invoke(&engine, paths).await,
    };
    engine.stop().await;
    Ok(if good { Exit::Fine } else { Exit::Failed })
}

/// Asks as the agent would.
pub(crate) fn context(deadline: std::time::Duration) -> Context {
    Context { origin: crate::transaction::ORIGIN_AGENT, session: 0, deadline: Instant::now() + deadline }
}

fn report(faults: &[PathFault]) -> bool {
    for (path, fault) in faults {
        eprintln!("{path}: {fault}");
    }
    faults.is_empty()
}

async fn get(engine: &Arc<Engine>, paths: &[String]) -> bool {
    let (values, faults) = engine.get(paths, context(engine.deadlines.get())).await;
    for (name, _, value) in values.iter() {
        println!("{name} = {}", log::printable(value));
    }
    if faults.is_empty() && values.iter().next().is_none() {
        eprintln!("there is no value now: a table has none while it has no rows");
    }
    report(&faults)
}

fn list(engine: &Arc<Engine>, paths: &[String]) -> bool {
    let mut good = true;
    for wanted in paths {
        let wanted = path::schema_path(wanted);
        let mut found = wanted.is_empty();
        for node in engine.description.nodes.iter().chain(&engine.description.commands) {
            if node.path != wanted && !(path::is_partial(&wanted) && path::is_under(&node.path, &wanted)) {
                continue;
            }
            found = true;
            let kind = u8::try_from(node.kind).ok().and_then(cwmp_model::ValueType::from_number);
            let kind = kind.map_or("-", cwmp_model::ValueType::name);
            println!("{} {kind} {} {}", node.path, flags(node.flags), node.facets);
        }
        if !found {
            eprintln!("{wanted}: no such parameter or object");
            good = false;
        }
    }
    good
}

/// The flags of a node by name.
pub(crate) fn flags(flags: u32) -> String {
    const NAMES: [&str; 11] = [
        "object",
        "table",
        "writable",
        "secret",
        "forced",
        "passive",
        "pushed",
        "counter",
        "command",
        "forced-default",
        "inform",
    ];
    let all: Vec<_> =
        NAMES.iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0).map(|(_, n)| *n).collect();
    if all.is_empty() {
        "-".to_owned()
    } else {
        all.join(",")
    }
}

async fn instances(engine: &Arc<Engine>, paths: &[String]) -> bool {
    let context = context(engine.deadlines.get());
    let (tables, faults) = engine.instances(paths, context).await;
    for (table, rows) in tables {
        println!("{table} {} rows", rows.len());
        for row in rows {
            let deletable = if row.flags & 1 == 1 { " deletable" } else { "" };
            let alias = if row.alias.is_empty() { String::new() } else { format!(" alias {}", row.alias) };
            println!("{table}{}.{deletable}{}", row.number, log::printable(&alias));
        }
    }
    report(&faults)
}

async fn invoke(engine: &Arc<Engine>, words: &[String]) -> bool {
    const JOB: u64 = 1;
    let [command, arguments @ ..] = words else { return false };
    let arguments = arguments.iter().map(|word| {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        Argument { key: key.to_owned(), value: value.to_owned(), file: None }
    });
    let mut running =
        std::pin::pin!(engine.invoke(JOB, command, arguments.collect(), context(engine.deadlines.invoke())));
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            progress = engine.services.progress.next() => {
                for (permille, text) in progress.into_values() {
                    match u32::try_from(permille) {
                        Ok(permille) => eprintln!("{} % {text}", permille / 10),
                        Err(_) => eprintln!("{text}"),
                    }
                }
            }
        }
    };
    match ended {
        Ok(Ended::Done(outputs)) => {
            for (key, value) in &outputs {
                println!("{} = {}", log::printable(key), log::printable(value));
            }
            true
        }
        Ok(Ended::Cancelled) => {
            eprintln!("{command}: cancelled");
            false
        }
        Err(fault) => report(&[(command.clone(), fault)]),
    }
}

async fn set(engine: &Arc<Engine>, pairs: &[String]) -> bool {
    const TXN: u64 = 1;
    let mut changes = Vec::new();
    for pair in pairs {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let schema = &engine.description.schema;
        let kind = schema.find(name).and_then(|id| schema.node(id).value_type());
        let kind = kind.map_or(0, |k| u32::from(k.number()));
        changes.push(Change { op: 1, kind, path: name.to_owned(), value: value.to_owned() });
    }
    let refused = |error: BusError| {
        eprintln!("{error}");
        false
    };
    match engine.prepare(TXN, changes, context(engine.deadlines.prepare())).await {
        Ok(faults) if faults.is_empty() => {}
        Ok(faults) => {
            for (index, fault) in faults {
                let name = pairs.get(index).and_then(|pair| pair.split('=').next()).unwrap_or_default();
                eprintln!("{name}: {fault}");
            }
            return false;
        }
        Err(error) => return refused(error),
    }
    let step = |step| engine.step(step, TXN, context(engine.deadlines.commit()));
    let committed = match step(Step::Commit).await {
        Ok(status) => status,
        Err(error) => {
            let _ = step(Step::Rollback).await;
            return refused(error);
        }
    };
    if committed == status::OK_AFTER_SESSION {
        if let Err(error) = step(Step::Apply).await {
            return refused(error);
        }
    }
    if let Err(error) = step(Step::Finish).await {
        return refused(error);
    }
    println!(
        "{}",
        if committed == status::OK_AFTER_REBOOT { "stored, in force after a reboot" } else { "set" }
    );
    true
}
