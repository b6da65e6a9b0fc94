//! The plugin as a whole, on twins of its back ends.

mod changes;
mod held;
mod offers;
mod reading;
mod rest;
mod standard;
pub(crate) mod twin;
mod unfinished;
mod volumes;

pub(crate) use twin::back_ends;

use std::time::{Duration, Instant};

use cwmp_plugin_sdk::testing::{Harness, Step};

use crate::plugin::PLUGIN;

/// The only service.
const SERVICE: &str = "Device.Services.StorageService.1.";
const MEDIA: &str = "Device.Services.StorageService.1.PhysicalMedium.";
const VOLUMES: &str = "Device.Services.StorageService.1.LogicalVolume.";

/// A plugin that has an agent, which knows all rows that are there.
fn begin(config: &str) -> Harness {
    let plugin = Harness::new(&PLUGIN, config);
    greet(&plugin);
    plugin
}

/// The agent lists what there is.
fn greet(plugin: &Harness) {
    for table in [MEDIA, VOLUMES] {
        for row in plugin.rows(table).unwrap() {
            if row.number == 0 {
                plugin.number_of(table, &row.key);
            }
        }
    }
}

/// The path of a row that is known by its key.
fn row(plugin: &Harness, table: &str, key: &str) -> String {
    format!("{table}{}.", plugin.number_of(table, key))
}

/// What an ACS sets to have a volume made on a drive.
fn volume(plugin: &Harness, number: u32, drive: &str, name: &str, capacity: u32) -> Vec<Step> {
    let volume = format!("{VOLUMES}{number}.");
    let drive = row(plugin, MEDIA, drive);
    vec![
        Step::set(&format!("{volume}Name"), name),
        Step::set(&format!("{volume}PhysicalReference"), drive.trim_end_matches('.')),
        Step::set(&format!("{volume}Capacity"), &capacity.to_string()),
        Step::set(&format!("{volume}Enable"), "true"),
    ]
}

/// Adds a row with the values that the standard gives it.
fn add(plugin: &mut Harness, row: &str, defaults: &[(&str, &str)]) {
    let mut steps = vec![Step::add(row)];
    steps.extend(defaults.iter().map(|(name, value)| Step::set(&format!("{row}{name}"), value)));
    plugin.change(&steps).unwrap();
}

/// Adds a volume as an ACS does.
fn add_volume(plugin: &mut Harness, number: u32) {
    let defaults = [("Name", ""), ("Enable", "false"), ("ThresholdLimit", "0")];
    add(plugin, &format!("{VOLUMES}{number}."), &defaults);
}

/// Waits for what the plugin does by itself.
#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
