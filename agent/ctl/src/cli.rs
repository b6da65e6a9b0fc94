//! The command line.

use std::io::Write as _;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// How long a call may take, in seconds, unless `--timeout` says otherwise. A transaction may wait for another one
/// and for slow plugins, so it is longer than the sum of the agent's own deadlines.
const TIMEOUT: &str = "60";
/// The most seconds that `--timeout` takes.
const MAX_TIMEOUT: u64 = 86_400;

/// Where the tables of the standard lie.
pub(crate) const MODELS: &str = "/usr/share/cwmpd/models";

const ABOUT: &str = "Reads and changes the tree of the device through cwmpd, the TR-069 agent";

const EPILOGUE: &str = "\
Exit codes:
  0  done
  1  refused: a fault, for a path or for the whole request
  2  usage: the command line is wrong
  3  the agent is not there, does not answer, or the bus cannot be reached
  4  not allowed: the group cwmp-read or cwmp-admin is missing

With --json the result is one JSON object on standard output (watch: one for each line), whose members are told by the
help of each command; members are only ever added. Faults by path are its member \"faults\", each with \"path\", \"code\" and
\"text\". Whatever else goes wrong is one object on standard error: {\"error\": {\"name\", \"text\", \"hint\"}}, the hint may be null.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cwmpctl", version, about = ABOUT, after_help = EPILOGUE)]
pub(crate) struct Cli {
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print more columns, such as types
    #[arg(short, long, global = true)]
    pub(crate) long: bool,
    /// Address of the bus; without it the system bus, or what `DBUS_SYSTEM_BUS_ADDRESS` names
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) bus: Option<String>,
    /// How long to wait for an answer, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = TIMEOUT, value_parser = seconds)]
    pub(crate) timeout: Duration,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read values
    #[command(after_help = "\
JSON: {\"values\": [{\"path\", \"type\", \"value\"}], \"faults\": [...]}

Example: cwmpctl get Device.DeviceInfo. Device.ManagementServer.URL")]
    Get {
        /// Print the values alone, one a line
        #[arg(long, conflicts_with_all = ["json", "long"])]
        value: bool,
        /// Full names, or partial paths that end in a dot
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<String>,
    },
    /// Change values: all of them, or none
    #[command(after_help = "\
JSON: {\"status\": \"applied\" | \"later\" | \"refused\", \"faults\": [...]}; later: stored, in force after the session or a reboot

A secret on the command line can be seen by every user of the box: give it with --stdin.

Example: cwmpctl set Device.ManagementServer.PeriodicInformInterval=3600 Device.ManagementServer.PeriodicInformEnable=true")]
    Set {
        /// Read more PATH=VALUE from standard input, one a line
        #[arg(long)]
        stdin: bool,
        /// Full name and new value
        #[arg(required_unless_present = "stdin", value_name = "PATH=VALUE", value_parser = assignment)]
        values: Vec<Assignment>,
    },
    /// Add a row to a table
    #[command(after_help = "\
JSON: {\"row\": PATH | null, \"number\": NUMBER | null, \"status\": \"applied\" | \"later\" | \"refused\", \"faults\": [...]}

Example: cwmpctl add Device.X_CWMPD_Demo.Lamp. Name=hall Brightness=40")]
    Add {
        /// The table's path
        table: String,
        /// Name below the row and its value, set in the same transaction
        #[arg(value_name = "NAME=VALUE", value_parser = assignment)]
        values: Vec<Assignment>,
    },
    /// Remove a row and all below it
    #[command(after_help = "\
JSON: {\"status\": \"applied\" | \"later\" | \"refused\", \"faults\": [...]}

Example: cwmpctl del Device.X_CWMPD_Demo.Lamp.3.")]
    Del {
        /// The row's path
        row: String,
    },
    /// List names
    #[command(after_help = "\
Writable: a parameter that can be set, a table that takes rows, a row that can be deleted.
With --long also the types.

JSON: {\"names\": [{\"path\", \"writable\"}], \"faults\": [...]}; with --long each name has \"type\", which is null for objects")]
    List {
        /// Only the children
        #[arg(short, long)]
        next_level: bool,
        /// A name or a partial path; without it the whole tree
        #[arg(default_value = "", hide_default_value = true)]
        path: String,
    },
    /// Tell what can be at a path: types, access, facets, and who serves it
    #[command(after_help = "\
JSON: {\"nodes\": [{\"path\", \"kind\", \"type\", \"access\", \"facets\", \"provider\", \"secret\", \"pushed\"}], \"faults\": [...]}")]
    Describe {
        /// Names or partial paths
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<String>,
    },
    /// Read or change the notification attributes
    #[command(after_help = "\
JSON: {\"attributes\": [{\"path\", \"notification\": \"off\" | \"passive\" | \"active\", \"access\": [...]}], \"faults\": [...]};
with --set: {\"status\": \"applied\" | \"refused\", \"faults\": [...]}

Example: cwmpctl attributes --set Device.DeviceInfo.UpTime off")]
    Attributes {
        /// Change the notification of PATH to off, passive or active; may be given several times
        #[arg(long, num_args = 2, value_names = ["PATH", "LEVEL"], conflicts_with = "paths")]
        set: Vec<String>,
        /// Names or partial paths
        #[arg(required_unless_present = "set", value_name = "PATH")]
        paths: Vec<String>,
    },
    /// Run a command, and show how far it is and what it gives
    #[command(after_help = "\
An interrupt cancels the command, a second one leaves it alone. cwmpctl describe shows which commands there are.

JSON: {\"job\": OBJECT | null, \"state\": \"running\" | \"done\" | \"failed\" | \"cancelled\", \"outputs\": {NAME: VALUE}, \"faults\": [...]}

Example: cwmpctl invoke Device.X_CWMPD_Demo.Blink() Times=3")]
    Invoke {
        /// Cancel it when it takes longer, in seconds
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        deadline: Option<Duration>,
        /// Print the object of the job, and do not wait for its end
        #[arg(long)]
        no_wait: bool,
        /// The name of the command
        #[arg(value_name = "PATH()")]
        command: String,
        /// What it takes
        #[arg(value_name = "NAME=VALUE", value_parser = assignment)]
        arguments: Vec<Assignment>,
    },
    /// List the jobs: commands, and what plugins began by themselves
    #[command(after_help = "\
Those that run, and the last that ended. With --long also what each is doing, or why it failed, which needs cwmp-admin.

JSON: {\"jobs\": [{\"job\": OBJECT, \"state\": \"running\" | \"done\" | \"failed\" | \"cancelled\", \"progress\": THOUSANDTHS | null,
  \"plugin\", \"command\": NAME | null, \"object\": PATH, \"started\"}]}; with --long each job has \"text\"")]
    Jobs {
        /// Wait until those that run now have ended, and show how far they are; exit code 1 unless all are done
        #[arg(short, long)]
        wait: bool,
    },
    /// Print changes as they come, until interrupted
    #[command(after_help = "\
JSON, one object a line: {\"path\", \"type\", \"value\"}, or {\"table\"} when rows came or went,
or {\"path\", \"code\", \"text\"} when the new value cannot be read.")]
    Watch {
        /// End after so many changes
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
        /// Names or partial paths; without one the whole tree
        #[arg(value_name = "PATH")]
        paths: Vec<String>,
    },
    /// Open a session with the ACS now
    #[command(after_help = "JSON: {\"status\": \"requested\"}")]
    Inform,
    /// Tell the agent's state
    #[command(after_help = "\
JSON: {\"version\", \"state\", \"acsUrl\", \"lastInform\", \"lastResult\", \"nextInform\", \"retryCount\",
  \"pendingEvents\": [{\"code\", \"commandKey\"}], \"pendingChanges\": [PATH], \"providers\": (see plugins), \"store\",
  \"identity\": {\"manufacturer\", \"oui\", \"productClass\", \"serialNumber\"}}; times are UTC, or \"\"")]
    Status,
    /// List the plugins and their states
    #[command(
        after_help = "JSON: {\"plugins\": [{\"name\", \"state\", \"version\", \"cause\", \"roots\": [PATH]}]}"
    )]
    Plugins,
    /// Read the manifests of the plugins again
    #[command(after_help = "JSON: {\"status\": \"reloaded\"}")]
    Reload,
    /// Tell how much of the standard's data models the device serves, by profile
    #[command(after_help = "\
Without a profile: every profile of which the device serves something, in its newest version, and every complete one.
With profiles: what is missing of each. Exit code 1 when one that was named is not complete.

JSON: {\"models\": [{\"model\", \"profiles\": [{\"profile\", \"met\", \"required\", \"missing\": [{\"path\", \"access\"}]}]}]}

Example: cwmpctl model Baseline:4")]
    Model {
        /// The folder with the tables of the standard
        #[arg(long, value_name = "FOLDER", default_value = MODELS)]
        models: std::path::PathBuf,
        /// Names of profiles, such as Baseline:4
        #[arg(value_name = "PROFILE")]
        profiles: Vec<String>,
    },
    /// Check mapping files: paths on the properties and methods of other services
    #[command(after_help = "\
JSON: {\"roots\": [PATH], \"problems\": [{\"file\", \"line\", \"key\", \"text\"}], \"unchecked\": [{\"file\", \"line\", \"key\", \"text\"}]}

Example: cwmpctl map --check /usr/share/cwmpd/mappings/time.toml")]
    Map(MapArguments),
    /// Write a plugin that is ready to be filled in: it builds, has a test, a manifest, a unit file and a bus policy
    #[command(after_help = "\
An object of the standard comes with all its parameters, and with the tables that it lies in. A vendor's own has a part that
begins with X_, and the parameters that are given, or two as an example. It needs neither agent nor bus, and overwrites nothing.

JSON: {\"folder\": PATH, \"files\": [PATH]}

Example: cwmpctl new-plugin clock --object Device.Time.
         cwmpctl new-plugin door --language c --object Device.X_ACME_Door. --parameter Name:string:writable")]
    NewPlugin(NewPluginArguments),
    /// Print a completion script
    #[command(
        after_help = "Example: cwmpctl completions bash > /usr/share/bash-completion/completions/cwmpctl"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What `map` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct MapArguments {
    /// Ask the services, too, whether they are as the files say; this may start them
    #[arg(long)]
    pub(crate) check: bool,
    /// Print what is served, for the roots of a manifest
    #[arg(long)]
    pub(crate) roots: bool,
    /// The folder with the tables of the standard
    #[arg(long, value_name = "FOLDER", default_value = MODELS)]
    pub(crate) models: std::path::PathBuf,
    /// Mapping files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<std::path::PathBuf>,
}

/// What `new-plugin` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct NewPluginArguments {
    /// What the plugin is called: lower case letters, digits and '_'
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// An object or a table to serve; may be given several times
    #[arg(long = "object", required = true, value_name = "PATH")]
    pub(crate) objects: Vec<String>,
    /// A vendor's own parameter of the first object: string, boolean, int, unsignedInt, long, unsignedLong, decimal,
    /// dateTime, base64 or hexBinary; may be given several times
    #[arg(long = "parameter", value_name = "NAME:TYPE[:writable]")]
    pub(crate) parameters: Vec<String>,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub(crate) language: Language,
    /// The version of a model to follow, where there are several: VoiceService:1.1
    #[arg(long, value_name = "NAME:VERSION")]
    pub(crate) model: Option<String>,
    /// The sources of cwmpd; without it, those around the present folder or around this program
    #[arg(long, value_name = "FOLDER")]
    pub(crate) kit: Option<std::path::PathBuf>,
    /// The folder with the tables of the standard; without it, those of the sources, or of this machine
    #[arg(long, value_name = "FOLDER")]
    pub(crate) models: Option<std::path::PathBuf>,
    /// The folder to make; without it, one of the plugin's name
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<std::path::PathBuf>,
}

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Rust,
    C,
}

/// A name and the value it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A notification level, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Off,
    Passive,
    Active,
}

impl Level {
    /// The names in the order of their numbers (TR-069 A.3.2.4).
    pub(crate) const NAMES: [&'static str; 3] = ["off", "passive", "active"];

    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::Passive => 1,
            Self::Active => 2,
        }
    }
}

/// Splits `NAME=VALUE` at the first sign: names have none, values may.
pub(crate) fn assignment(text: &str) -> Result<Assignment, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            Ok(Assignment { name: name.to_owned(), value: value.to_owned() })
        }
        _ => Err("write it as NAME=VALUE; NAME= is an empty value".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: u64 = text.parse().map_err(|_| "seconds are a whole number".to_owned())?;
    if (1..=MAX_TIMEOUT).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(format!("between 1 and {MAX_TIMEOUT}"))
    }
}

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: Shell) -> std::io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cwmpctl", &mut script);
    std::io::stdout().write_all(&script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_value_may_hold_the_sign() {
        let split = assignment("Device.A=b=c").unwrap();
        assert_eq!((split.name.as_str(), split.value.as_str()), ("Device.A", "b=c"));
        assert_eq!(assignment("Device.A=").unwrap().value, "");
        assert!(assignment("Device.A").is_err() && assignment("=a").is_err());
    }

    #[test]
    fn a_timeout_has_bounds() {
        assert_eq!(seconds("1"), Ok(Duration::from_secs(1)));
        assert!(seconds("0").is_err() && seconds(&(MAX_TIMEOUT + 1).to_string()).is_err());
        assert!(seconds(&MAX_TIMEOUT.to_string()).is_ok() && seconds("a").is_err());
    }

    #[test]
    fn levels_have_the_numbers_of_their_names() {
        for (number, name) in Level::NAMES.iter().enumerate() {
            let level = Level::from_str(name, false).unwrap();
            assert_eq!(level.number() as usize, number);
        }
    }
}
