//! How a file server is started, stopped and watched, and what all of them are told by: programs, files, folders.
//!
//! Where systemd is, it runs the server as a unit; elsewhere the server is our own child.

mod child;
mod file;
mod place;
mod port;
mod settings;
mod strays;
mod tool;
mod unit;

use std::future::Future;
use std::time::Duration;

use zbus::Connection;

use crate::back_end::{Events, Failure, State};

pub(crate) use child::Program;
pub(crate) use file::{folder, read, remove, write};
#[cfg(test)]
pub(crate) use place::places;
pub(crate) use place::{attach, detach, is_attached, open, path_of, Places};
pub(crate) use port::listens;
pub(crate) use settings::Settings;
pub(crate) use tool::{printable, Tools};

/// How long a server may take until it serves.
const START: Duration = Duration::from_secs(30);
/// How often is looked whether it does: no signal tells it.
const LOOK: Duration = Duration::from_millis(50);

/// A server process, whoever runs it.
#[derive(Debug)]
pub(crate) enum Daemon {
    Unit(unit::Unit),
    Child(child::Keeper),
}

impl Daemon {
    /// Of this name; the unit counts where systemd runs. `bus` is the system's.
    pub(crate) fn new(
        name: &'static str,
        unit: &str,
        settings: &Settings,
        bus: &Connection,
        events: Events,
    ) -> Self {
        if settings.has_units() {
            Self::Unit(unit::Unit::new(name, unit, bus, events))
        } else {
            Self::Child(child::Keeper::new(name, settings.run.join(format!("{name}.pid")), events))
        }
    }

    /// Has it run, and waits until `ready` says that it serves. What runs stays as it is.
    pub(crate) async fn start<F, R>(&self, program: Program, ready: F) -> Result<(), Failure>
    where
        F: Fn() -> R,
        R: Future<Output = bool>,
    {
        match self {
            Self::Unit(unit) => unit.start().await?,
            Self::Child(keeper) => keeper.start(program)?,
        }
        let waited = tokio::time::timeout(START, async {
            while !ready().await {
                if self.state().await? != State::On {
                    return Err(Failure::Refused(self.last_words("has ended")));
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        });
        let ended = match waited.await {
            Ok(ended) => ended,
            Err(_) => Err(Failure::Refused(self.last_words("does not serve"))),
        };
        if ended.is_err() {
            // What does not work is not tried again behind the back of whoever was told so.
            self.stop().await?;
        }
        ended
    }

    /// Ends it, and everything that it has begun.
    pub(crate) async fn stop(&self) -> Result<(), Failure> {
        match self {
            Self::Unit(unit) => unit.stop().await,
            Self::Child(keeper) => {
                keeper.stop().await;
                Ok(())
            }
        }
    }

    /// How it is.
    pub(crate) async fn state(&self) -> Result<State, Failure> {
        match self {
            Self::Unit(unit) => unit.state().await,
            Self::Child(keeper) => Ok(keeper.state()),
        }
    }

    /// Which process it is now, if that is known.
    pub(crate) async fn process(&self) -> Option<u64> {
        match self {
            Self::Unit(unit) => unit.process().await,
            Self::Child(keeper) => keeper.pid().and_then(|pid| u64::try_from(pid).ok()),
        }
    }

    fn last_words(&self, what: &str) -> String {
        match self {
            Self::Unit(unit) => format!("{} {what}", unit.name()),
            Self::Child(keeper) => match keeper.last_words() {
                words if words.is_empty() => format!("{} {what}", keeper.name()),
                words => format!("{} {what}: {words}", keeper.name()),
            },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
