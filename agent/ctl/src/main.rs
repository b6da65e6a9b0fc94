//! `cwmpctl`: the tree of the device on the command line.
//!
//! Of the agent it knows nothing but the bus: every command that asks it is one or two calls of `org.cwmpd1`, so whatever it
//! does, `busctl` can do too. What checks files or writes them needs neither.
//!
//! | file | what |
//! | --- | --- |
//! | `cli` | the command line, its help and completions |
//! | `agent` | the connection and the calls |
//! | `values`, `rows`, `tree`, `attributes`, `invoke`, `jobs`, `watch`, `state`, `model`, `map` | the commands |
//! | `new_plugin` | the one that writes a plugin |
//! | `fault` | refusals by path, and what to do about them |
//! | `suggestion` | what a wrong name may have meant |
//! | `standing` | whether the caller is in a group |
//! | `output`, `table` | what is printed |
//! | `error` | what ends a command, its exit code and what to do next |
#![forbid(unsafe_code)]

mod agent;
mod attributes;
mod cli;
mod error;
mod fault;
mod invoke;
mod jobs;
mod map;
mod model;
mod new_plugin;
mod output;
mod rows;
mod standing;
mod state;
mod suggestion;
mod table;
mod tree;
mod values;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::agent::Agent;
use crate::cli::{Cli, Command};
use crate::error::CtlError;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json, cli.long);
    let result = match cli.command {
        Command::Completions { shell } => cli::completions(shell).map_err(CtlError::from),
        Command::Map(ref map) if !map.check => map::offline(map, &output),
        Command::NewPlugin(ref new) => new_plugin::run(new, &output),
        _ => on_the_bus(cli, &output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn on_the_bus(cli: Cli, output: &Output) -> Result<(), CtlError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let agent = Agent::connect(cli.bus.as_deref(), cli.timeout).await?;
        match cli.command {
            Command::Get { value, paths } => values::get(&agent, output, &paths, value).await,
            Command::Set { stdin, values } => values::set(&agent, output, values, stdin).await,
            Command::Add { table, values } => rows::add(&agent, output, &table, values).await,
            Command::Del { row } => rows::delete(&agent, output, &row).await,
            Command::List { next_level, path } => tree::list(&agent, output, &path, next_level).await,
            Command::Describe { paths } => tree::describe(&agent, output, &paths).await,
            Command::Attributes { set, paths } => attributes::run(&agent, output, &set, &paths).await,
            Command::Invoke { deadline, no_wait, command, arguments } => {
                invoke::invoke(&agent, output, &command, &arguments, deadline, !no_wait).await
            }
            Command::Jobs { wait } => jobs::jobs(&agent, output, wait).await,
            Command::Watch { count, paths } => watch::watch(&agent, output, &paths, count).await,
            Command::Model { models, profiles } => model::run(&agent, output, &models, &profiles).await,
            Command::Inform => state::inform(&agent, output).await,
            Command::Status => state::status(&agent, output).await,
            Command::Plugins => state::plugins(&agent, output).await,
            Command::Reload => state::reload(&agent, output).await,
            Command::Map(map) => map::live(&agent, &map, output).await,
            Command::NewPlugin(new) => new_plugin::run(&new, output),
            Command::Completions { shell } => Ok(cli::completions(shell)?),
        }
    })
}
