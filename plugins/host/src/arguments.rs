//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::check::{Options, MAX_ROUNDS};
use crate::error::HostError;

/// Where manifests are.
pub const MANIFESTS: &str = "/usr/lib/cwmpd/plugins";
/// Where an integrator overlays them.
pub const OVERLAYS: &str = "/etc/cwmpd/plugins";
/// Where plugins keep what must survive.
pub const STATE: &str = "/var/lib/cwmpd/plugins";

/// What `--help` prints.
pub const HELP: &str = "\
cwmp-plugin-host: loads one plugin of cwmpd.

  cwmp-plugin-host NAME [OPTIONS]
      serves the plugin on the bus as org.cwmpd1.Provider.NAME
  cwmp-plugin-host --check LIBRARY|MANIFEST [--overlays DIR] [--models DIR] [--write] [--rounds N] [--json]
      loads a plugin without a bus, tries it, and reports line by line, or as JSON: the library, the manifest, the
      description against the tables of the standard, every value, memory after N rounds [100], the end.
      --write also sets everything that can be set, and takes it back: not on a device that somebody uses
  cwmp-plugin-host --call get PATH... (NAME | --library LIBRARY) [OPTIONS]
      reads full names or partial paths, without a bus
  cwmp-plugin-host --call list [PATH...] (NAME | --library LIBRARY) [OPTIONS]
      lists what the plugin describes: path, type, flags, facets
  cwmp-plugin-host --call instances [PATH...] (NAME | --library LIBRARY) [OPTIONS]
      lists the rows of tables
  cwmp-plugin-host --call set PATH=VALUE... (NAME | --library LIBRARY) [OPTIONS]
      changes values, all or none; --state keeps what the plugin stores
  cwmp-plugin-host --call invoke PATH() [NAME=VALUE...] (NAME | --library LIBRARY) [OPTIONS]
      runs a command; progress goes to stderr

Options:
  --manifests DIR   where NAME.toml is; may be given several times [/usr/lib/cwmpd/plugins]
  --models DIR      the tables of the standard [/usr/share/cwmpd/models]
  --overlays DIR    where another NAME.toml overlays its [config] [/etc/cwmpd/plugins]
  --state DIR       where DIR/NAME keeps what survives [/var/lib/cwmpd/plugins; with --call: nothing is kept]
  --bus ADDRESS     the bus [the system bus]
  --library FILE    a library instead of a manifest; everything below Device. may be its own
  --core-dumps      a crash may leave a core dump, and a debugger may attach: for an author's desk, as both show secrets
  --help, --version

A PATH has a dot, a NAME has none. Rows that have only a key get numbers in their order when there is no agent;
with --state they keep them. --check and --call are done by cwmp-plugin-try, which lies beside cwmp-plugin-host: a
device need not carry it.
CWMP_LOG says what is logged to stderr: error, warn, info, debug.

Exit codes: 0 fine, 1 the check or call failed, 2 usage, 3 manifest, 4 plugin, 5 bus name taken, 6 bus gone,
7 a call into the plugin did not return.
";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Serve on the bus.
    Serve,
    /// Try a library or a manifest.
    Check(PathBuf),
    /// One call, with its paths.
    Call(Call, Vec<String>),
}

/// A call without a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Read values.
    Get,
    /// Print the description.
    List,
    /// List rows.
    Instances,
    /// Change values.
    Set,
    /// Run a command.
    Invoke,
}

/// The command line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub action: Action,
    /// The plugin's name.
    pub name: Option<String>,
    /// A library instead of a name.
    pub library: Option<PathBuf>,
    /// Folders of manifests.
    pub manifests: Vec<PathBuf>,
    /// The folder of overlays.
    pub overlays: PathBuf,
    /// The folder of state, if one was named.
    pub state: Option<PathBuf>,
    /// The address of the bus.
    pub bus: Option<String>,
    /// Whether a crash may leave a core dump, with all secrets that are in memory.
    pub core_dumps: bool,
    /// How to check.
    pub check: Options,
}

impl Arguments {
    /// Takes a command line apart; without the name of the program.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, HostError> {
        let mut out = Self {
            action: Action::Serve,
            name: None,
            library: None,
            manifests: Vec::new(),
            overlays: OVERLAYS.into(),
            state: None,
            bus: None,
            core_dumps: false,
            check: Options::default(),
        };
        let usage = |text: String| HostError::Usage(text);
        let mut words = words.into_iter();
        let mut paths = Vec::new();
        while let Some(word) = words.next() {
            let Some(word) = word.to_str().map(str::to_owned) else {
                return Err(usage(format!("{} is not UTF-8", word.to_string_lossy())));
            };
            // Both --state DIR and --state=DIR.
            let (option, inline) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(OsString::from(value))),
                _ => (word.as_str(), None),
            };
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| words.next())
                    .ok_or_else(|| usage(format!("{option} needs a value")))
            };
            match option {
                "--help" | "-h" => out.action = Action::Help,
                "--version" | "-V" => out.action = Action::Version,
                "--manifests" => out.manifests.push(value()?.into()),
                "--overlays" => out.overlays = value()?.into(),
                "--state" => out.state = Some(value()?.into()),
                "--library" => out.library = Some(value()?.into()),
                "--bus" => {
                    let address = value()?.into_string();
                    out.bus = Some(address.map_err(|_| usage("--bus is not UTF-8".to_owned()))?);
                }
                "--core-dumps" => out.core_dumps = true,
                "--check" => out.action = Action::Check(value()?.into()),
                "--check-inside" => out.check.inside = true,
                "--json" => out.check.json = true,
                "--write" => out.check.write = true,
                "--models" => out.check.models = Some(value()?.into()),
                "--rounds" => {
                    let rounds = value()?.to_str().and_then(|text| text.parse().ok());
                    let rounds = rounds.filter(|rounds| (1..=MAX_ROUNDS).contains(rounds));
                    let wrong = || usage(format!("--rounds is a number from 1 to {MAX_ROUNDS}"));
                    out.check.rounds = Some(rounds.ok_or_else(wrong)?);
                }
                "--call" => {
                    let call = value()?;
                    let call = match call.to_str() {
                        Some("get") => Call::Get,
                        Some("list") => Call::List,
                        Some("instances") => Call::Instances,
                        Some("set") => Call::Set,
                        Some("invoke") => Call::Invoke,
                        _ => return Err(usage(format!("there is no call {}", call.to_string_lossy()))),
                    };
                    out.action = Action::Call(call, Vec::new());
                }
                option if option.starts_with('-') => return Err(usage(format!("unknown option {option}"))),
                path if path.contains('.') => paths.push(word),
                argument if argument.contains('=') && matches!(out.action, Action::Call(Call::Invoke, _)) => {
                    paths.push(word);
                }
                _ if out.name.is_none() => out.name = Some(word),
                _ => return Err(usage(format!("'{word}' is one name too many"))),
            }
        }
        if out.manifests.is_empty() {
            out.manifests.push(MANIFESTS.into());
        }
        out.finish(paths)
    }

    /// Whether this process will have a plugin in it.
    pub(crate) fn runs_plugin(&self) -> bool {
        match self.action {
            Action::Help | Action::Version => false,
            Action::Serve | Action::Call(..) => true,
            Action::Check(_) => self.check.inside,
        }
    }

    fn finish(mut self, paths: Vec<String>) -> Result<Self, HostError> {
        let usage = |text: &str| Err(HostError::Usage(text.to_owned()));
        if self.check != Options::default() && !matches!(self.action, Action::Check(_)) {
            return usage("--json, --write, --models and --rounds belong to --check");
        }
        let one_plugin = self.name.is_some() != self.library.is_some();
        match &mut self.action {
            Action::Serve if self.name.is_none() || self.library.is_some() => {
                return usage("the NAME of a plugin is missing");
            }
            Action::Check(_) if self.name.is_some() || self.library.is_some() => {
                return usage("--check takes one library or manifest");
            }
            Action::Call(..) if !one_plugin => return usage("--call takes a NAME or a --library"),
            Action::Call(Call::Get | Call::Set | Call::Invoke, _) if paths.is_empty() => {
                return usage("a PATH is missing")
            }
            Action::Call(Call::Set, _) if paths.iter().any(|p| !p.contains('=')) => {
                return usage("set takes PATH=VALUE");
            }
            Action::Call(Call::Invoke, _) if paths.iter().skip(1).any(|p| !p.contains('=')) => {
                return usage("invoke takes one PATH() and NAME=VALUE");
            }
            Action::Call(_, all) => {
                *all = paths;
                return Ok(self);
            }
            Action::Help | Action::Version | Action::Serve | Action::Check(_) => {}
        }
        if let (Some(path), false) = (paths.first(), matches!(self.action, Action::Help | Action::Version)) {
            return usage(&format!("'{path}' has no place here"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(OsString::from)).map_err(|e| e.to_string())
    }

    #[test]
    fn a_name_alone_serves_from_the_usual_places() {
        let all = parse("demo").unwrap();
        assert_eq!((all.action, all.name.as_deref()), (Action::Serve, Some("demo")));
        assert_eq!((all.manifests, all.state, all.bus), (vec![MANIFESTS.into()], None, None));
        assert!(!all.core_dumps);
    }

    #[test]
    fn options_may_stand_anywhere_and_with_an_equals_sign() {
        let all = parse("--manifests a demo --manifests=b --bus unix:path=/x --state s").unwrap();
        assert_eq!(all.manifests, [PathBuf::from("a"), "b".into()]);
        assert_eq!((all.bus.as_deref(), all.state), (Some("unix:path=/x"), Some("s".into())));
    }

    #[test]
    fn wherever_a_plugin_runs_core_dumps_are_a_matter_of_one_word() {
        for (line, runs) in [
            ("demo", true),
            ("--call list demo", true),
            ("--check x.so --check-inside", true),
            ("--check x.so", false),
            ("--version", false),
        ] {
            assert_eq!(parse(line).unwrap().runs_plugin(), runs, "{line}");
            assert!(parse(&format!("{line} --core-dumps")).unwrap().core_dumps, "{line}");
        }
    }

    #[test]
    fn a_call_tells_paths_from_the_name() {
        let all = parse("--call set demo Device.A.X=1.5 Device.A.Y=").unwrap();
        let paths = vec!["Device.A.X=1.5".to_owned(), "Device.A.Y=".to_owned()];
        assert_eq!((all.action, all.name.as_deref()), (Action::Call(Call::Set, paths), Some("demo")));
        assert!(parse("--call get Device.A. --library x.so").is_ok());
        assert!(parse("--call list demo").is_ok());
        let all = parse("--call invoke demo Device.A.Blink() Times=3 Text=a.b=c").unwrap();
        let words = ["Device.A.Blink()", "Times=3", "Text=a.b=c"].map(str::to_owned).to_vec();
        assert_eq!((all.action, all.name.as_deref()), (Action::Call(Call::Invoke, words), Some("demo")));
    }

    #[test]
    fn a_check_has_options_of_its_own() {
        let all = parse("--check x.so --write --json --models m --rounds 7").unwrap();
        let expected =
            Options { json: true, write: true, models: Some("m".into()), rounds: Some(7), inside: false };
        assert_eq!((all.action, all.check), (Action::Check("x.so".into()), expected));
    }

    #[test]
    fn a_wrong_line_is_refused_with_the_reason() {
        for (line, why) in [
            ("", "NAME"),
            ("--nosuch", "unknown option"),
            ("demo other", "too many"),
            ("demo --state", "needs a value"),
            ("--call fly demo", "no call fly"),
            ("--call get demo", "PATH"),
            ("--call invoke demo", "PATH"),
            ("--call invoke demo Device.A.B() Device.A.C()", "NAME=VALUE"),
            ("--call get Device.A", "NAME"),
            ("--call set demo Device.A", "PATH=VALUE"),
            ("demo Device.A", "no place"),
            ("--check x.so demo", "--check takes one"),
            ("--check x.so --rounds 0", "--rounds is"),
            ("demo --write", "belong to --check"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
