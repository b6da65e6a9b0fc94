//! Failures on command, so that everything around a plugin can be shown to survive them.
//!
//! What is written to `Test.Fail` happens once, in the next call that it fits.

use std::time::Duration;

use cwmp_plugin_sdk::{Answer, ChangeFault, Error, Host, Kind, Level, Name, Settings, Txn};

pub(crate) const FAIL: &str = "Test.Fail";
const PAYLOAD: &str = "Test.Payload";
pub(crate) const NONE: &str = "none";

/// How many announcements a flood has.
const FLOOD: usize = 100_000;
/// How long a slow answer takes: within the usual deadline of two seconds.
const SLOW: Duration = Duration::from_millis(1_500);
/// How long after its deadline a late commit answers.
const LATE: Duration = Duration::from_millis(500);
/// The deadline of a commit, if the host does not say.
const USUAL: Duration = Duration::from_secs(10);
const MEGABYTE: usize = 1_000_000;

/// What is to go wrong next.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    next: Option<String>,
}

impl Failures {
    /// Something was written to `Test.Fail`.
    pub(crate) fn expect(&mut self, what: Option<&str>) {
        self.next = what.filter(|w| *w != NONE).map(str::to_owned);
    }

    /// Whether it is one of these that is to happen; then it will not again.
    fn take(&mut self, settings: &Settings, what: &[&str]) -> Option<String> {
        let next = self.next.take_if(|next| what.contains(&next.as_str()))?;
        // The value only tells what is to come; if it cannot be stored that is no failure of its own.
        let _ = settings.set(FAIL, NONE);
        Some(next)
    }

    pub(crate) fn at_prepare(&mut self, settings: &Settings) -> Result<(), Vec<ChangeFault>> {
        match self.take(settings, &["prepare", "crash-in-prepare"]).as_deref() {
            Some("prepare") => Err(vec![ChangeFault { index: 0, error: Error::resources("told to refuse") }]),
            Some(_) => std::process::abort(),
            None => Ok(()),
        }
    }

    pub(crate) fn at_commit(&mut self, txn: &Txn<'_>, settings: &Settings) -> Result<(), Error> {
        match self.take(settings, &["commit", "commit-timeout", "crash-in-commit"]).as_deref() {
            Some("commit") => Err(Error::internal("told to fail")),
            Some("commit-timeout") => {
                // The answer comes when nobody waits for it any more, and it is "done".
                std::thread::sleep(txn.request.time_left().unwrap_or(USUAL) + LATE);
                Ok(())
            }
            Some(_) => std::process::abort(),
            None => Ok(()),
        }
    }

    pub(crate) fn at_get(
        &mut self,
        names: &[Name<'_>],
        answer: &mut Answer<'_>,
        host: &Host,
        settings: &Settings,
    ) {
        // Reading what is to happen does not make it happen.
        if names.iter().all(|n| n.relative() == FAIL) {
            return;
        }
        let payload = names.iter().position(|n| n.relative() == PAYLOAD);
        let any = ["crash", "panic", "hang", "slow", "lie", "flood"];
        let one = ["big30", "big50", "endless"];
        if let Some(failure) = self.take(settings, &any) {
            match failure.as_str() {
                "crash" => std::process::abort(),
                "panic" => panic!("told to panic"),
                "hang" => loop {
                    std::thread::park();
                },
                "slow" => std::thread::sleep(SLOW),
                "lie" => {
                    for i in 0..names.len() {
                        answer.text(i, Kind::DateTime, "not a moment");
                    }
                }
                _ => flood(host),
            }
        }
        let Some(index) = payload else { return };
        match self.take(settings, &one).as_deref() {
            Some("big30") => answer.text(index, Kind::String, &"x".repeat(30 * MEGABYTE)),
            Some("big50") => answer.text(index, Kind::String, &"x".repeat(50 * MEGABYTE)),
            Some(_) => loop {
                answer.text(index, Kind::String, "again");
            },
            None => {}
        }
    }
}

/// Announces far more changes than anybody can want to hear of.
fn flood(host: &Host) {
    for i in 0..FLOOD {
        host.changed(&["Temperature", "Level"]);
        if i % 16 == 0 {
            host.rows_changed("Lamp.");
        }
    }
    host.log(Level::Notice, &format!("announced {FLOOD} changes"));
}
