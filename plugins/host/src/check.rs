//! `--check`: loads a plugin without a bus, tries it, and says line by line what is right and what is not.

use std::path::Path;
use std::sync::Arc;

use cwmp_model::NodeKind;

use crate::call::context;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::library::{Library, MIN_STRUCT};
use crate::log;
use crate::numbers::Numbers;
use crate::read::PathFault;
use crate::setup::Setup;

#[derive(Debug, Default)]
struct Report {
    failures: usize,
}

impl Report {
    fn bad(&mut self, text: &str) {
        self.failures += 1;
        println!("FAIL  {}", log::printable(text));
    }

    fn judge(&mut self, what: &str, faults: &[PathFault]) {
        if faults.is_empty() {
            good(what);
        }
        for (path, fault) in faults {
            self.bad(&format!("{what}: {path}: {fault}"));
        }
    }
}

fn good(text: &str) {
    println!("ok    {text}");
}

/// Tries a library or a manifest.
pub(crate) async fn check(target: &Path, overlays: &Path) -> Exit {
    let name = target.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    log::start(&name, "error");
    let mut report = Report::default();
    try_plugin(target, overlays, &mut report).await;
    if report.failures == 0 {
        println!("{}: good", target.display());
        Exit::Fine
    } else {
        println!("{}: {} failures", target.display(), report.failures);
        Exit::Failed
    }
}

async fn try_plugin(target: &Path, overlays: &Path, report: &mut Report) {
    let setup = match Setup::of_file(target, overlays) {
        Ok(setup) => setup,
        Err(error) => return report.bad(&error.to_string()),
    };
    match &setup.manifest {
        Some(manifest) => {
            good(&format!("manifest of {}, roots {}", manifest.name, manifest.roots.join(" ")));
        }
        None => good("no manifest: any root is allowed"),
    }
    let parts = match setup.load(None, Numbers::Counted) {
        Ok(parts) => parts,
        Err(error) => return report.bad(&error.to_string()),
    };
    describe_library(&parts.library, report);
    let engine = match Engine::start(parts).await {
        Ok(engine) => engine,
        Err(error) => return report.bad(&error.to_string()),
    };
    good("create, describe, start");
    describe_nodes(&engine, report);

    let whole = [String::new()];
    let (tables, faults) = engine.instances(&whole, context(engine.deadlines.get())).await;
    let rows: usize = tables.iter().map(|(_, rows)| rows.len()).sum();
    report.judge(&format!("instances: {} tables, {rows} rows", tables.len()), &faults);
    let (values, faults) = engine.get(&whole, context(engine.deadlines.get())).await;
    report.judge(
        &format!("get: {} values of their types, within their facets", values.iter().count()),
        &faults,
    );
    if engine.stop().await {
        good("stop, destroy");
    } else {
        report.bad("stop() or destroy() did not return within 2 s");
    }
}

fn describe_library(library: &Library, report: &mut Report) {
    let plugin = &library.plugin;
    good(&format!(
        "ABI {}.{}, struct of {} bytes (at least {MIN_STRUCT}), nodes of {} bytes",
        plugin.abi_major, plugin.abi_minor, library.struct_size, plugin.node_size
    ));
    if library.name.is_empty() || library.version.is_empty() || library.build.is_empty() {
        report.bad("name, version and build are texts that say something");
    } else {
        good(&format!("{} {}, build {}", library.name, library.version, library.build));
    }
}

fn describe_nodes(engine: &Arc<Engine>, report: &mut Report) {
    let description = &engine.description;
    for refusal in &description.refused {
        report.bad(&format!("{}: {}", refusal.path, refusal.why));
    }
    for path in &description.skipped {
        good(&format!("{path}: not served here"));
    }
    good(&format!("description: {} nodes", description.nodes.len()));
    let plugin = &engine.library.plugin;
    let schema = &description.schema;
    let all: Vec<_> = schema.find("").map(|root| schema.below(root).collect()).unwrap_or_default();
    let has_tables = all.iter().any(|id| schema.node(*id).kind == NodeKind::Table);
    if has_tables && plugin.instances.is_none() {
        report.bad("there are tables, but no instances()");
    }
    if all.iter().any(|id| schema.node(*id).is_writable()) && plugin.prepare.is_none() {
        report.bad("there are writable nodes, but no prepare() and commit()");
    }
    if !description.commands.is_empty() {
        good(&format!("commands: {}", description.commands.len()));
        if plugin.invoke.is_none() {
            report.bad("there are commands, but no invoke()");
        }
    }
    if plugin.prepare.is_some() && plugin.rollback.is_none() {
        report.bad("there is prepare(), but no rollback()");
    }
}
