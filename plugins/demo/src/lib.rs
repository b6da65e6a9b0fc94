//! The demonstration plugin: `Device.X_CWMPD_Demo.`, a bit of everything that a plugin can have.
//!
//! Values and rows are kept by the SDK's settings. A named pipe plays the device: what is written there changes values
//! as a sensor or a button would. With `self_test` in its configuration it has a diagnostic, with `failures` it
//! misbehaves on command.
#![forbid(unsafe_code)]

mod big;
mod blink;
mod failure;
mod self_test;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use cwmp_plugin_sdk::{
    declare, Answer, Argument, Change, ChangeFault, Config, Effect, Error, Fifo, Host, Level, Name, Node, Op,
    Output, Plugin, Row, Settings, Txn,
};

use blink::Blink;
use failure::Failures;
use self_test::{SelfTest, SelfTestResult};

/// The most lamps.
const MAX_LAMPS: usize = 16;

/// The plugin.
#[derive(Debug)]
pub struct Demo {
    host: Host,
    settings: Settings,
    big_rows: u32,
    watch_file: Option<PathBuf>,
    pipe: Option<Fifo>,
    failures: Option<Failures>,
    self_test: bool,
    blink: Blink,
}

declare! {
    Demo, name: "demo", base: "Device.X_CWMPD_Demo.",
    objects { SelfTest, SelfTestResult },
    diagnostics { SelfTest },
    nodes {
        object "";
        param "Label" string [writable pushed] "size=:64;default=Demo";
        param "Level" unsigned_int [writable pushed] "range=0:100;default=50";
        param "Offset" int [writable pushed] "range=-40:40";
        param "Enable" boolean [writable pushed] "default=true";
        param "Mode" string [writable pushed] "enum=Eco|Normal|Boost;default=Normal";
        param "Since" date_time [writable pushed];
        param "Password" string [writable secret] "size=:32";
        param "Temperature" int [pushed] "range=-273:;default=20";
        table "Lamp.{i}." [writable] "unique=Name";
        param "Lamp.{i}.Name" string [writable pushed] "size=:32";
        param "Lamp.{i}.Colour" string [writable pushed] "enum=Red|Green|Blue|White;default=White";
        param "Lamp.{i}.Brightness" unsigned_int [writable pushed] "range=0:100;default=100";
        param "Lamp.{i}.On" boolean [writable pushed];
        param "Lamp.{i}.Switched" unsigned_int [passive counter];
        table "Lamp.{i}.Schedule.{i}." [writable];
        param "Lamp.{i}.Schedule.{i}.Hour" unsigned_int [writable pushed] "range=0:23";
        param "Lamp.{i}.Schedule.{i}.Minute" unsigned_int [writable pushed] "range=0:59";
        param "Lamp.{i}.Schedule.{i}.On" boolean [writable pushed];
        table "Big.{i}.";
        param "Big.{i}.Name" string;
        param "Big.{i}.Group" string;
        param "Big.{i}.Index" unsigned_int;
        param "Big.{i}.Square" unsigned_long;
        param "Big.{i}.Signed" int;
        param "Big.{i}.Negative" long;
        param "Big.{i}.Even" boolean;
        param "Big.{i}.Moment" date_time;
        param "Big.{i}.Hex" hex_binary;
        param "Big.{i}.Text" string;
        command "Blink()";
        object "Test.";
        param "Test.Fail" string [writable pushed]
            "enum=none|prepare|commit|commit-timeout|crash-in-prepare|crash-in-commit|crash|panic|hang|slow|lie|flood|big30|big50|endless;default=none";
        param "Test.Payload" string;
    }
}

impl Plugin for Demo {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        config.only(&["big_rows", "watch_file", "failures", "self_test"])?;
        let settings = Settings::load(&host)?;
        let failures = config.flag("failures")?.unwrap_or(false).then(Failures::default);
        // A failure happens once: it must not come back with the plugin that it killed.
        settings.set(failure::FAIL, failure::NONE)?;
        Ok(Self {
            big_rows: config.number("big_rows")?.unwrap_or(0),
            watch_file: config.text("watch_file")?.map(PathBuf::from),
            pipe: None,
            host,
            settings,
            failures,
            self_test: config.flag("self_test")?.unwrap_or(false),
            blink: Blink::default(),
        })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn serves(&self, node: &Node) -> bool {
        let is_below = |path| node.path().starts_with(path);
        (self.failures.is_some() || !is_below("Device.X_CWMPD_Demo.Test."))
            && (self.self_test || !is_below(self_test::PATH))
    }

    fn start(&mut self) -> Result<(), Error> {
        if let Some(path) = &self.watch_file {
            let (host, settings) = (self.host.clone(), self.settings.clone());
            self.pipe = Some(Fifo::listen(path, move |line| told(&host, &settings, line))?);
        }
        Ok(())
    }

    fn stop(&mut self) {
        self.pipe = None;
        self.blink.stop();
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        if let Some(failures) = &mut self.failures {
            failures.at_get(names, answer, &self.host, &self.settings);
        }
        for (i, name) in names.iter().enumerate() {
            match name.in_row("Big.") {
                Some((row, leaf)) if (1..=self.big_rows).contains(&row) => big::answer(i, row, leaf, answer),
                _ => self.settings.answer(i, *name, answer),
            }
        }
    }

    fn rows(&mut self, table: Name<'_>) -> Result<Vec<Row>, Error> {
        match table.relative() {
            "Big." => Ok((1..=self.big_rows).map(Row::numbered).collect()),
            _ => self.settings.rows(table),
        }
    }

    fn check(&mut self, change: &Change<'_>) -> Result<(), Error> {
        let Some((_, leaf)) = change.name.in_row("Lamp.") else { return Ok(()) };
        if change.op == Op::Add && leaf.is_empty() && self.settings.row_numbers("Lamp.").len() >= MAX_LAMPS {
            return Err(Error::resources(format!("there is room for {MAX_LAMPS} lamps")));
        }
        Ok(())
    }

    fn prepare(&mut self, txn: &Txn<'_>, changes: &[Change<'_>]) -> Result<(), Vec<ChangeFault>> {
        if let Some(failures) = &mut self.failures {
            failures.at_prepare(&self.settings)?;
        }
        txn.prepare(self, changes)
    }

    fn commit(&mut self, txn: &Txn<'_>) -> Result<Effect, Error> {
        if let Some(failures) = &mut self.failures {
            failures.at_commit(txn, &self.settings)?;
        }
        txn.commit(self)
    }

    fn invoke(
        &mut self,
        command: Name<'_>,
        arguments: &[Argument<'_>],
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        match command.relative() {
            blink::NAME => self.blink.begin(arguments, output),
            _ => Err(Error::name("there is no such command")),
        }
    }

    fn put_in_force(&mut self, names: &[String]) -> Result<Effect, Error> {
        for name in names {
            if name == failure::FAIL {
                if let Some(failures) = &mut self.failures {
                    failures.expect(self.settings.text(name).as_deref());
                }
            }
        }
        Ok(Effect::Now)
    }
}

/// A line from the pipe: `Name=Value`, the name following the base. Switching a lamp is counted.
fn told(host: &Host, settings: &Settings, line: &str) {
    let result = match line.split_once('=') {
        Some((name, value)) => {
            settings.set_text(name.trim(), value.trim()).and_then(|()| count(settings, name))
        }
        None if line.trim().is_empty() => Ok(()),
        None => Err(Error::arguments("a line is Name=Value")),
    };
    if let Err(error) = result {
        host.log(Level::Warning, &format!("'{line}': {error}, ignoring"));
    }
}

fn count(settings: &Settings, name: &str) -> Result<(), Error> {
    match cwmp_plugin_sdk::split_row(name.trim(), "Lamp.") {
        Some((row, "On")) => {
            let counter = format!("Lamp.{row}.Switched");
            let before: u32 = settings.get(&counter).unwrap_or(0);
            settings.set(&counter, before.wrapping_add(1))
        }
        _ => Ok(()),
    }
}
