//! How long a host waits before it loads a plugin that kept crashing.
//!
//! The host cannot tell why it ended the last time, so it writes down that it runs, and takes that back when it ends
//! in order or has run well for a while. What it finds written at its start was a crash. A new boot forgets all.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The wait after the first crash; it doubles with each further one.
pub(crate) const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);
/// A host that ran for so long ran well.
pub(crate) const RAN_WELL: Duration = Duration::from_secs(60);

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What is known of the starts before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct History {
    /// How often the host crashed in a row.
    pub(crate) crashes: u32,
    /// Whether it runs, or crashed.
    pub(crate) running: bool,
    /// The boot that this is about.
    pub(crate) boot: String,
}

impl History {
    /// The history after another start in this boot.
    #[must_use]
    pub(crate) fn started(&self, boot: &str) -> Self {
        let crashes = match (self.boot == boot, self.running) {
            (true, true) => self.crashes.saturating_add(1),
            (true, false) => self.crashes,
            (false, _) => 0,
        };
        Self { crashes, running: true, boot: boot.to_owned() }
    }

    /// How long to wait before the plugin is loaded.
    pub(crate) fn wait(&self) -> Duration {
        match self.crashes.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST.saturating_mul(2u32.saturating_pow(doublings)).min(LONGEST),
        }
    }

    fn parse(text: &str) -> Self {
        let mut history = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("crashes", n)) => history.crashes = n.parse().unwrap_or(0),
                Some(("running", yes)) => history.running = yes == "yes",
                Some(("boot", id)) => id.clone_into(&mut history.boot),
                _ => {}
            }
        }
        history
    }
}

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = if self.running { "yes" } else { "no" };
        write!(f, "crashes {}\nrunning {running}\nboot {}\n", self.crashes, self.boot)
    }
}

/// The file that keeps the history. What cannot be read or written is as if nothing had crashed: a host that cannot
/// count its crashes still has to serve.
#[derive(Debug)]
pub(crate) struct Starts {
    file: PathBuf,
    history: History,
}

impl Starts {
    /// Writes down that the host runs.
    pub(crate) fn begin(folder: &Path) -> Self {
        let file = folder.join("starts");
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let before = std::fs::read_to_string(&file).map(|t| History::parse(&t)).unwrap_or_default();
        let starts = Self { history: before.started(boot.trim()), file };
        starts.write();
        starts
    }

    /// What to wait for now.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// The host has run well: the crashes before are forgotten.
    pub(crate) fn ran_well(&mut self) {
        self.history.crashes = 0;
        self.end();
    }

    /// The host ends in order.
    pub(crate) fn end(&mut self) {
        self.history.running = false;
        self.write();
    }

    fn write(&self) {
        let new = self.file.with_extension("new");
        let done =
            std::fs::write(&new, self.history.to_string()).and_then(|()| std::fs::rename(&new, &self.file));
        if let Err(error) = done {
            tracing::debug!("cannot write {}: {error}, ignoring", self.file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        let wait = |crashes| History { crashes, ..History::default() }.wait().as_secs();
        let waits: Vec<_> = [0, 1, 2, 3, 6, 7, 100, u32::MAX].map(wait).to_vec();
        assert_eq!(waits, [0, 1, 2, 4, 32, 60, 60, 60]);
    }

    #[test]
    fn only_a_crash_in_this_boot_counts() {
        let crashed = History { crashes: 2, running: true, boot: "a".into() };
        assert_eq!(crashed.started("a").crashes, 3);
        assert_eq!(crashed.started("b").crashes, 0);
        let ended = History { running: false, ..crashed };
        assert_eq!(ended.started("a").crashes, 2);
    }

    #[test]
    fn the_history_survives_in_its_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Starts::begin(folder.path()).history().crashes, 0);
        assert_eq!(Starts::begin(folder.path()).history().crashes, 1);
        let mut third = Starts::begin(folder.path());
        assert_eq!(third.history().crashes, 2);
        third.end();
        let mut fourth = Starts::begin(folder.path());
        assert_eq!(fourth.history().crashes, 2);
        fourth.ran_well();
        assert_eq!(Starts::begin(folder.path()).history().crashes, 0);
        std::fs::write(folder.path().join("starts"), "garbage\u{0}").unwrap();
        assert_eq!(Starts::begin(folder.path()).history().crashes, 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_obstacle() {
        assert_eq!(Starts::begin(Path::new("/nonexistent/folder")).history().crashes, 0);
    }
}
