//! `cwmpd`: the agent's program.
#![forbid(unsafe_code)]

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use cwmpd::app;
use tracing_subscriber::EnvFilter;

const USAGE: &str = "\
Usage: cwmpd [--config FILE] [--check]

  --config FILE  the configuration, by default /etc/cwmpd/cwmpd.toml
  --check        read the configuration, say what is wrong with it, and end
  --version      print the version

What is logged is chosen by the variable CWMP_LOG, for example CWMP_LOG=debug.
";

fn main() -> ExitCode {
    let mut config = PathBuf::from("/etc/cwmpd/cwmpd.toml");
    let mut check = false;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--config") => match arguments.next() {
                Some(file) => config = file.into(),
                None => return usage(),
            },
            Some("--check") => check = true,
            Some("--version") => {
                println!("cwmpd {}", env!("CARGO_PKG_VERSION"));
                return ExitCode::SUCCESS;
            }
            Some("--help") => {
                print!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            _ => return usage(),
        }
    }
    let filter = EnvFilter::try_from_env("CWMP_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    if check {
        return match cwmpd::config::Config::load(&config) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(app::EXIT_CONFIG)
            }
        };
    }
    #[cfg(feature = "test-hooks")]
    if let Err(error) = cwmpd::cut::arm() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(app::run(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}
