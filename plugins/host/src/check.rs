//! `--check`: loads a plugin without a bus, tries it, and says line by line what is right and what is not.
//!
//! The plugin runs in a process of its own, which hands on what it finds as it finds it: one that crashes or hangs is a
//! finding too.

mod report;
mod resources;
mod silent;
mod standard;
mod writing;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Instant;

use cwmp_model::{path, FaultCode, NodeFlags, NodeKind};

use crate::arguments::Arguments;
use crate::call::context;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::library::{Library, MIN_STRUCT};
use crate::log;
use crate::numbers::Numbers;
use crate::read::PathFault;
use crate::rows::{tables_of, Row};
use crate::setup::Setup;
use report::{Findings, Part, Report};
use resources::Watch;
use standard::Standard;
use writing::Writing;

/// How often everything is read, unless the command line says otherwise.
pub(crate) const ROUNDS: u32 = 100;
/// The most values that are not known of which each is told.
const MAX_UNKNOWN: usize = 20;
/// The most rounds.
pub(crate) const MAX_ROUNDS: u32 = 1_000_000;

/// What the command line says of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// One JSON object instead of lines.
    pub json: bool,
    /// Also set every parameter that can be set.
    pub write: bool,
    /// The tables of the standard.
    pub models: Option<PathBuf>,
    /// How often everything is read.
    pub rounds: Option<u32>,
    /// This is the process that has the plugin.
    pub inside: bool,
}

/// Tries a library or a manifest.
pub(crate) async fn check(target: &Path, arguments: &Arguments) -> Exit {
    if arguments.check.inside {
        let name = target.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        log::start(&name, "error");
        let report = Report::default();
        try_plugin(target, arguments, &report).await;
        report.end();
        return Exit::Fine;
    }
    let mut findings = Findings::new(arguments.check.json);
    match outside(target, arguments, &mut findings) {
        Ok(status) if findings.is_ended() && status.success() => {}
        Ok(status) => findings.bad(Part::End, &what_ended(status)),
        Err(error) => findings.bad(Part::End, &format!("the plugin cannot be tried: {error}")),
    }
    if findings.conclude(&target.display().to_string()) {
        Exit::Fine
    } else {
        Exit::Failed
    }
}

/// Runs the process that has the plugin, to its end.
fn outside(target: &Path, arguments: &Arguments, findings: &mut Findings) -> std::io::Result<ExitStatus> {
    let options = &arguments.check;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--check").arg(target).arg("--check-inside").arg("--overlays").arg(&arguments.overlays);
    if let Some(models) = &options.models {
        command.arg("--models").arg(models);
    }
    if arguments.core_dumps {
        command.arg("--core-dumps");
    }
    if options.write {
        command.arg("--write");
    }
    if let Some(rounds) = options.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    // What a thread keeps for itself would count as memory that is not given back.
    command.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).split(b'\n') {
            findings.take(&String::from_utf8_lossy(&line?));
        }
    }
    child.wait()
}

fn what_ended(status: ExitStatus) -> String {
    if let Some(signal) = status.signal() {
        let name = nix::sys::signal::Signal::try_from(signal).map_or("?", nix::sys::signal::Signal::as_str);
        return format!("the plugin crashed: its process was ended by signal {signal}, {name}");
    }
    match status.code() {
        Some(code) if code == Exit::PluginStuck as i32 => {
            "a call into the plugin did not return within the hard limit".to_owned()
        }
        Some(0) => "the plugin ended the process".to_owned(),
        code => format!("the plugin ended the process, with exit code {}", code.unwrap_or_default()),
    }
}

async fn try_plugin(target: &Path, arguments: &Arguments, report: &Report) {
    let setup = match Setup::of_file(target, &arguments.overlays) {
        Ok(setup) => setup,
        Err(error) => return report.bad(Part::Manifest, None, &error.to_string()),
    };
    match &setup.manifest {
        Some(manifest) => {
            let text = format!("manifest of {}, roots {}", manifest.name, manifest.roots.join(" "));
            report.good(Part::Manifest, &text);
        }
        None => report.good(Part::Manifest, "no manifest: any root is allowed"),
    }
    let parts = match setup.load(None, Numbers::Counted(None)) {
        Ok(parts) => parts,
        Err(error) => return report.bad(Part::Library, None, &error.to_string()),
    };
    describe_library(&parts.library, report);
    let engine = match Engine::start(parts).await {
        Ok(engine) => engine,
        Err(error) => return report.bad(Part::Library, None, &error.to_string()),
    };
    report.good(Part::Library, "create, describe, start");
    describe_nodes(&engine, setup.manifest.as_ref().map_or(&[], |m| &m.roots), report);
    let models = setup.manifest.as_ref().map_or(&[][..], |m| &m.models);
    let standard = Standard::open(arguments.check.models.as_deref(), models, report);
    standard.compare(&engine.description.nodes, report);

    let mut told = BTreeSet::new();
    if read_everything(&engine, report).await {
        writing::try_missing_rows(&engine, report).await;
        tell_lies(&engine, Part::Read, report, &mut told);
        if arguments.check.write {
            Writing::new(&engine, &standard, report).try_all().await;
            tell_lies(&engine, Part::Write, report, &mut told);
        } else {
            report.skipped(Part::Write, "write: nothing was set, that takes --write");
        }
        rounds(&engine, arguments.check.rounds.unwrap_or(ROUNDS), report).await;
    }
    if engine.stop().await {
        report.good(Part::End, "stop, destroy");
        tell_lies(&engine, Part::End, report, &mut told);
        drop(engine);
        resources::lost(report);
    } else {
        report.bad(Part::End, None, "stop() or destroy() did not return within 2 s");
    }
}

/// What the plugin answered against the rules since the last look, each once.
fn tell_lies(engine: &Engine, part: Part, report: &Report, told: &mut BTreeSet<String>) {
    for lie in engine.services.lies() {
        if told.insert(lie.clone()) {
            report.bad(part, None, &format!("the plugin lies: {lie}"));
        }
    }
}

fn judge(what: &str, faults: &[PathFault], report: &Report) {
    if faults.is_empty() {
        report.good(Part::Read, what);
    }
    for (path, fault) in faults {
        report.bad(Part::Read, Some(path), &format!("{what}: {path}: {fault}"));
    }
}

/// True if the plugin answers at all.
async fn read_everything(engine: &Arc<Engine>, report: &Report) -> bool {
    let whole = [String::new()];
    let deadline = engine.deadlines.get();
    let (tables, faults) = engine.instances(&whole, context(deadline)).await;
    let rows: usize = tables.iter().map(|(_, rows)| rows.len()).sum();
    judge(&format!("instances: {} tables, {rows} rows", tables.len()), &faults, report);
    let (values, mut faults) = engine.get(&whole, context(deadline)).await;
    let count = values.iter().count();
    if faults.iter().any(|(_, fault)| fault.code == FaultCode::InvalidParameterName) {
        // A row may go in the moment between two questions.
        let (tables, _) = engine.instances(&whole, context(deadline)).await;
        faults
            .retain(|(name, fault)| fault.code != FaultCode::InvalidParameterName || is_there(name, &tables));
    }
    // What is not known now is left out of the answer: an ACS that asks for the object gets the others.
    let (unknown, faults): (Vec<_>, Vec<_>) = faults
        .into_iter()
        .partition(|(name, fault)| fault.code == FaultCode::InvalidParameterName && !path::is_partial(name));
    // Secrets are never asked for: that they read as empty says nothing of their row.
    let is_asked = |name: &&str| {
        let id = engine.description.schema.find(name);
        !id.is_some_and(|id| engine.description.schema.node(id).flags.has(NodeFlags::SECRET))
    };
    let answered = values.iter().map(|(name, ..)| name).filter(is_asked);
    let unknown = silent::tell(unknown, answered.chain(faults.iter().map(|(name, _)| name.as_str())), report);
    for (name, fault) in unknown.iter().take(MAX_UNKNOWN) {
        report.note(Part::Read, Some(name), &format!("{name}: is left out: {}", fault.text));
    }
    if unknown.len() > MAX_UNKNOWN {
        report.note(Part::Read, None, &format!("{} more are left out", unknown.len() - MAX_UNKNOWN));
    }
    judge(&format!("get: {count} values of their types, within their facets"), &faults, report);
    // One fault for everything is no answer.
    count > 0 || !faults.iter().any(|(path, _)| path.is_empty())
}

/// Whether every row that a name goes through is there.
fn is_there(name: &str, tables: &[(String, Vec<Row>)]) -> bool {
    tables_of(name).into_iter().all(|table| {
        let number = name[table.len()..].split('.').next().and_then(path::instance_number);
        let rows = tables.iter().find(|(known, _)| known == table).map(|(_, rows)| rows);
        rows.is_some_and(|rows| rows.iter().any(|row| Some(row.number) == number))
    })
}

async fn rounds(engine: &Arc<Engine>, rounds: u32, report: &Report) {
    let whole = [String::new()];
    let deadline = engine.deadlines.get();
    let mut watch = Watch::new(rounds);
    while watch.next() {
        let began = Instant::now();
        let (_, faults) = engine.get(&whole, context(deadline)).await;
        watch.took(began);
        if faults.iter().any(|(path, _)| path.is_empty()) {
            return report.bad(Part::Resources, None, "get: no answer, where there was one before");
        }
    }
    watch.conclude(deadline, report);
}

fn describe_library(library: &Library, report: &Report) {
    let plugin = &library.plugin;
    let text = format!(
        "ABI {}.{}, struct of {} bytes (at least {MIN_STRUCT}), nodes of {} bytes",
        plugin.abi_major, plugin.abi_minor, library.struct_size, plugin.node_size
    );
    report.good(Part::Library, &text);
    if library.name.is_empty() || library.version.is_empty() || library.build.is_empty() {
        report.bad(Part::Library, None, "name, version and build are texts that say something");
    } else {
        report.good(Part::Library, &format!("{} {}, build {}", library.name, library.version, library.build));
    }
}

fn describe_nodes(engine: &Arc<Engine>, roots: &[String], report: &Report) {
    let description = &engine.description;
    for refusal in &description.refused {
        let text = format!("{}: {}", refusal.path, refusal.why);
        report.bad(Part::Description, Some(&refusal.path), &text);
    }
    for path in &description.skipped {
        report.good(Part::Description, &format!("{path}: not served here"));
    }
    for root in roots {
        let mut all = description.nodes.iter().chain(&description.commands).map(|node| node.path.as_str());
        if !all.any(|node| node == root || path::is_partial(root) && path::is_under(node, root)) {
            report.bad(Part::Manifest, Some(root), &format!("{root}: a root of which nothing is described"));
        }
    }
    report.good(Part::Description, &format!("description: {} nodes", description.nodes.len()));
    let plugin = &engine.library.plugin;
    let schema = &description.schema;
    let all: Vec<_> = schema.find("").map(|root| schema.below(root).collect()).unwrap_or_default();
    let has_tables = all.iter().any(|id| schema.node(*id).kind == NodeKind::Table);
    let bad = |text: &str| report.bad(Part::Description, None, text);
    if has_tables && plugin.instances.is_none() {
        bad("there are tables, but no instances()");
    }
    if all.iter().any(|id| schema.node(*id).is_writable()) && plugin.prepare.is_none() {
        bad("there are writable nodes, but no prepare() and commit()");
    }
    if !description.commands.is_empty() {
        report.good(Part::Description, &format!("commands: {}", description.commands.len()));
        if plugin.invoke.is_none() {
            bad("there are commands, but no invoke()");
        }
    }
    if plugin.prepare.is_some() && plugin.rollback.is_none() {
        bad("there is prepare(), but no rollback()");
    }
}
