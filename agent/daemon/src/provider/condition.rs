//! In which state a provider is, and why.

use std::time::Duration;

use zbus::names::OwnedUniqueName;

/// The states of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody owns its name.
    Absent,
    /// It is there and is being asked what it serves.
    Starting,
    /// It serves.
    Ready,
    /// It ended, or could not say what it serves.
    Failed,
    /// What it serves does not fit: it is not used until it changes.
    Refused,
}

impl Stage {
    /// The word for it on the bus.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// The condition of a provider.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// Its state.
    pub(crate) stage: Stage,
    /// Why it is in that state; empty if there is nothing to say.
    pub(crate) cause: String,
    /// Its version, once it told one.
    pub(crate) version: String,
    /// Who owns its name.
    pub(crate) owner: Option<OwnedUniqueName>,
    /// Since when it is not ready, on the steady clock.
    pub(crate) since: Duration,
}

impl Condition {
    /// A provider of which nothing was seen.
    pub(crate) fn absent(now: Duration) -> Self {
        Self { stage: Stage::Absent, cause: String::new(), version: String::new(), owner: None, since: now }
    }

    /// It went away. The first cause that is known stays: a name that is lost says less than an exit status.
    pub(crate) fn lost(&mut self, stage: Stage, cause: &str, now: Duration) {
        if matches!(self.stage, Stage::Ready | Stage::Starting) {
            self.since = now;
        }
        self.stage = stage;
        if !cause.is_empty() {
            cause.clone_into(&mut self.cause);
        }
        self.owner = None;
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.stage.word())?;
        if self.cause.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.cause)
        }
    }
}
