//! `cwmpd`: the agent's program.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cwmpd::app;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const USAGE: &str = "\
Usage: cwmpd [--config FILE] [--check | --check-device] [--core-dumps]

  --config FILE   the configuration, by default /etc/cwmpd/cwmpd.toml
  --check         read the configuration, say what is wrong with it, and end
  --check-device  the same with what is this device's own: identity, certificates, state; as the agent's user
  --core-dumps    a crash may leave a core dump, and a debugger may attach: for a developer's desk, as both show secrets
  --help          print this
  --version       print the version

What is logged is chosen by the variable CWMP_LOG, for example CWMP_LOG=debug.
";

fn main() -> ExitCode {
    let mut config = PathBuf::from("/etc/cwmpd/cwmpd.toml");
    let mut check = false;
    let mut check_device = false;
    let mut core_dumps = false;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--config") => match arguments.next() {
                Some(file) => config = file.into(),
                None => return usage(),
            },
            Some("--check") => check = true,
            Some("--check-device") => check_device = true,
            Some("--core-dumps") => core_dumps = true,
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
    let wanted = std::env::var("CWMP_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    tracing_subscriber::registry().with(filter).with(lines).init();
    // Its memory has the password of the ACS, and what an ACS sets. Before any of it is read, neither a core dump nor another
    // process of its user may see it.
    if !core_dumps {
        if let Err(error) = nix::sys::prctl::set_dumpable(false) {
            tracing::warn!("a crash may leave a core dump: {error}, ignoring");
        }
    }
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
    if check_device {
        return runtime.block_on(device(&config));
    }
    match runtime.block_on(app::run(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn device(config: &Path) -> ExitCode {
    let report = cwmpd::check::device(config).await;
    for (part, text) in &report.fine {
        println!("{part:<14}{text}");
    }
    for problem in &report.problems {
        eprintln!("{problem}");
    }
    if report.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(app::EXIT_CONFIG)
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}
