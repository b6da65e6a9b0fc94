//! What a check has found: line by line for people, or as one object for programs.

use std::io::Write as _;
use std::sync::Mutex;

use serde_json::{json, Value};

use crate::log;

/// What starts a line of the process that has the plugin; whatever else it prints is the plugin's own.
const MARK: char = '\u{1e}';
/// The line of an orderly end.
const END: &str = "end";
/// The most findings that are told of one kind; a plugin with thousands of nodes is wrong thousands of times at once.
pub(super) const MAX_ALIKE: usize = 50;

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// It is as it should be.
    Good,
    /// Somebody should know.
    Note,
    /// It was not looked at, with the reason.
    Skipped,
    /// It is wrong.
    Bad,
}

impl Level {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Good, "ok", "ok    "),
        (Self::Note, "note", "note  "),
        (Self::Skipped, "skip", "skip  "),
        (Self::Bad, "fail", "FAIL  "),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(level, ..)| *level == self).map_or("fail", |(_, name, _)| name)
    }

    fn from_name(name: &str) -> Self {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map_or(Self::Bad, |(level, ..)| *level)
    }

    fn shown(self) -> &'static str {
        Self::ALL.iter().find(|(level, ..)| *level == self).map_or("FAIL  ", |(.., shown)| shown)
    }
}

/// What was looked at; the names are those in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Manifest,
    Library,
    Description,
    Standard,
    Read,
    Write,
    Resources,
    End,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Library => "library",
            Self::Description => "description",
            Self::Standard => "standard",
            Self::Read => "read",
            Self::Write => "write",
            Self::Resources => "resources",
            Self::End => "end",
        }
    }
}

/// Hands findings on as they come, from the process that has the plugin.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// How many bad findings there are of the present part.
    alike: Mutex<(Option<Part>, usize)>,
}

impl Report {
    #[allow(clippy::unused_self)] // whoever reports has a report
    pub(super) fn good(&self, part: Part, text: &str) {
        Self::tell(Level::Good, part, None, text);
    }

    #[allow(clippy::unused_self)] // as above
    pub(super) fn note(&self, part: Part, path: Option<&str>, text: &str) {
        Self::tell(Level::Note, part, path, text);
    }

    #[allow(clippy::unused_self)] // as above
    pub(super) fn skipped(&self, part: Part, text: &str) {
        Self::tell(Level::Skipped, part, None, text);
    }

    pub(super) fn bad(&self, part: Part, path: Option<&str>, text: &str) {
        {
            let mut alike = self.alike.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if alike.0 != Some(part) {
                *alike = (Some(part), 0);
            }
            alike.1 += 1;
            if alike.1 > MAX_ALIKE {
                return;
            }
            if alike.1 == MAX_ALIKE {
                drop(alike);
                return Self::tell(
                    Level::Bad,
                    part,
                    None,
                    &format!("more than {MAX_ALIKE} failures of this kind"),
                );
            }
        }
        Self::tell(Level::Bad, part, path, text);
    }

    /// Nothing more comes.
    #[allow(clippy::unused_self)] // it is over with it
    pub(super) fn end(self) {
        println!("{MARK}{END}");
        let _ = std::io::stdout().flush();
    }

    fn tell(level: Level, part: Part, path: Option<&str>, text: &str) {
        let text = log::printable(text);
        let line = json!({ "level": level.name(), "check": part.name(), "path": path, "text": text });
        println!("{MARK}{line}");
        // The next call into the plugin may be the last.
        let _ = std::io::stdout().flush();
    }
}

/// Findings as they arrive in the process that tells the caller.
#[derive(Debug, Default)]
pub(super) struct Findings {
    all: Vec<Value>,
    bad: usize,
    ended: bool,
    json: bool,
}

impl Findings {
    pub(super) fn new(json: bool) -> Self {
        Self { json, ..Self::default() }
    }

    /// A line of the process that has the plugin. What it is not is what the plugin printed, and goes to stderr.
    pub(super) fn take(&mut self, line: &str) {
        match line.strip_prefix(MARK) {
            Some(END) => self.ended = true,
            Some(finding) => match serde_json::from_str(finding) {
                Ok(finding) => self.add(finding),
                Err(error) => eprintln!("cwmp-plugin-host: a finding cannot be read: {error}"),
            },
            None => eprintln!("{line}"),
        }
    }

    /// Something that only the process outside can see.
    pub(super) fn bad(&mut self, part: Part, text: &str) {
        self.add(json!({ "level": Level::Bad.name(), "check": part.name(), "path": null, "text": text }));
    }

    /// Whether the process came to its end.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    fn add(&mut self, finding: Value) {
        let level = Level::from_name(finding["level"].as_str().unwrap_or_default());
        self.bad += usize::from(level == Level::Bad);
        if self.json {
            self.all.push(finding);
        } else {
            let text = finding["text"].as_str().unwrap_or_default();
            println!("{}{text}", level.shown());
        }
    }

    /// Tells the result; true if nothing was bad.
    pub(super) fn conclude(self, target: &str) -> bool {
        let good = self.bad == 0;
        if self.json {
            let told = json!({ "target": target, "good": good, "failures": self.bad, "findings": self.all });
            println!("{told}");
        } else if good {
            println!("{target}: good");
        } else {
            println!("{target}: {} failures", self.bad);
        }
        good
    }
}
