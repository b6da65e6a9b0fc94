//! What the tables of the standard's models cost: `cargo run --release -p cwmp-model --example look_up -- FOLDER`.
//!
//! Every object of Device:2.19 is looked up by its path, then every parameter, in an order that helps no cache; then all
//! are read one after the other. Memory is what the process has more than before.
#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Instant;

use cwmp_model::standard::{Library, LibraryError, ModelName};

fn main() -> Result<(), LibraryError> {
    let folder = std::env::args().nth(1);
    let folder = folder.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/models").to_owned());
    let before = resident();
    let library = Library::open(Path::new(&folder))?;
    println!("open: {} KiB more", resident() - before);
    let Some(device) = ModelName::parse("Device:2.19") else { return Ok(()) };
    let mut paths = Vec::new();
    let start = Instant::now();
    for object in library.objects(&device)? {
        let object = object?;
        let names = object.parameters.into_iter().map(|p| p.name).collect::<Vec<_>>();
        paths.push((object.path, names));
    }
    let count: usize = paths.iter().map(|(_, names)| names.len()).sum();
    println!("one after the other: {} objects, {count} parameters in {:?}", paths.len(), start.elapsed());
    // Neighbours are far apart.
    let scattered: Vec<usize> = (0..paths.len()).map(|i| i * 421 % paths.len()).collect();
    let held = resident();
    let start = Instant::now();
    for i in &scattered {
        library.object(&paths[*i].0, None)?;
    }
    report("object", paths.len(), start);
    let start = Instant::now();
    for i in &scattered {
        let (path, names) = &paths[*i];
        for name in names {
            library.parameter(&format!("{path}{name}"), None)?;
        }
    }
    report("parameter", count, start);
    println!("look-ups: {} KiB more", resident() - held);
    Ok(())
}

fn report(what: &str, count: usize, start: Instant) {
    let all = start.elapsed();
    let one = all / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    println!("each {what} by its path: {count} in {all:?}, {one:?} each");
}

/// The memory of this process, in KiB; 0 where the kernel does not say.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
