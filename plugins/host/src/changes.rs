//! What the plugin says has changed: gathered from any thread, sent as few signals as possible.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cwmp_model::path;
use tokio::sync::Notify;

/// How long changes are gathered before they are sent together.
pub(crate) const WINDOW: Duration = Duration::from_millis(50);
/// The most paths that wait; beyond, they are one: the object above them all.
pub(crate) const MAX_WAITING: usize = 1024;
/// The most paths that are sent in a second; beyond, they are one: the object above them all.
pub(crate) const MAX_PER_SECOND: usize = 2000;

/// A set of paths that does not grow without end.
#[derive(Debug, Default)]
struct Waiting {
    paths: BTreeSet<String>,
    flooded: bool,
}

impl Waiting {
    fn add(&mut self, path: &str) {
        if self.paths.contains(path) {
            return;
        }
        if self.flooded {
            // One path is left, and it grows until it is above everything.
            let old = self.paths.pop_first().unwrap_or_else(|| path.to_owned());
            self.paths.insert(object_above([old.as_str(), path]));
            return;
        }
        self.paths.insert(path.to_owned());
        if self.paths.len() > MAX_WAITING {
            self.collapse();
        }
    }

    fn collapse(&mut self) {
        self.flooded = true;
        let above = object_above(self.paths.iter().map(String::as_str));
        self.paths = BTreeSet::from([above]);
    }
}

/// The smallest object that all paths are in or below.
fn object_above<'a>(paths: impl IntoIterator<Item = &'a str>) -> String {
    let mut paths = paths.into_iter();
    let Some(first) = paths.next() else { return String::new() };
    let mut above = if path::is_partial(first) { first } else { path::parent(first) };
    for path in paths {
        while !path::is_under(path, above) {
            above = path::parent(above);
        }
    }
    above.to_owned()
}

/// What is to be sent now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// For `Changed`.
    pub(crate) paths: Vec<String>,
    /// For `InstancesChanged`.
    pub(crate) tables: Vec<String>,
    /// Whether paths were replaced by the object above them.
    pub(crate) flooded: bool,
}

/// The changes that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    waiting: Mutex<(Waiting, Waiting)>,
    wake: Notify,
}

impl Changes {
    fn lock(&self) -> MutexGuard<'_, (Waiting, Waiting)> {
        // Nothing here panics half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Values have changed; tells how many paths were none.
    pub(crate) fn values<'a>(&self, paths: impl Iterator<Item = &'a str>) -> usize {
        let mut wrong = 0;
        let mut waiting = self.lock();
        for name in paths {
            if name.is_empty() || path::check(name).is_err() {
                wrong += 1;
            } else {
                waiting.0.add(name);
            }
        }
        drop(waiting);
        self.wake.notify_one();
        wrong
    }

    /// Rows came or went; tells whether the table is a path of an object.
    pub(crate) fn rows(&self, table: &str) -> bool {
        if table.is_empty() || !path::is_partial(table) || path::check(table).is_err() {
            return false;
        }
        self.lock().1.add(table);
        self.wake.notify_one();
        true
    }

    /// Waits until there is something.
    pub(crate) async fn wait(&self) {
        loop {
            let notified = self.wake.notified();
            {
                let waiting = self.lock();
                if !waiting.0.paths.is_empty() || !waiting.1.paths.is_empty() {
                    return;
                }
            }
            notified.await;
        }
    }

    /// Takes what waits, made to fit into `budget` paths.
    pub(crate) fn take(&self, budget: usize) -> Batch {
        let (mut values, mut rows) = std::mem::take(&mut *self.lock());
        for waiting in [&mut values, &mut rows] {
            if waiting.paths.len() > budget {
                waiting.collapse();
            }
        }
        Batch {
            flooded: values.flooded || rows.flooded,
            paths: values.paths.into_iter().collect(),
            tables: rows.paths.into_iter().collect(),
        }
    }
}

/// How many paths may still be sent in this second.
#[derive(Debug)]
pub(crate) struct Budget {
    second: Duration,
    left: usize,
}

impl Budget {
    /// A full one.
    pub(crate) fn new() -> Self {
        Self { second: Duration::ZERO, left: MAX_PER_SECOND }
    }

    /// What may be sent at `now`, and how long to wait when it is nothing.
    pub(crate) fn at(&mut self, now: Duration) -> Result<usize, Duration> {
        let second = Duration::from_secs(now.as_secs());
        if second != self.second {
            *self = Self { second, left: MAX_PER_SECOND };
        }
        if self.left == 0 {
            return Err((second + Duration::from_secs(1)).saturating_sub(now));
        }
        Ok(self.left)
    }

    /// So many were sent.
    pub(crate) fn spend(&mut self, paths: usize) {
        self.left = self.left.saturating_sub(paths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_change_is_told_once() {
        let all = Changes::default();
        assert_eq!(all.values(["Device.A.X", "Device.A.X", "bad path"].into_iter()), 1);
        assert!(all.rows("Device.T."));
        assert!(!all.rows("Device.T"));
        let batch = all.take(MAX_PER_SECOND);
        assert_eq!((batch.paths, batch.tables), (vec!["Device.A.X".into()], vec!["Device.T.".into()]));
        assert_eq!(all.take(MAX_PER_SECOND), Batch::default());
    }

    #[test]
    fn a_flood_becomes_the_object_above() {
        let all = Changes::default();
        for n in 1..=MAX_WAITING {
            all.values([format!("Device.A.T.{n}.X").as_str()].into_iter());
        }
        assert_eq!(all.take(MAX_PER_SECOND).paths.len(), MAX_WAITING);
        for n in 1..=MAX_WAITING + 1 {
            all.values([format!("Device.A.T.{n}.X").as_str()].into_iter());
        }
        all.values(["Device.A.Other"].into_iter());
        let batch = all.take(MAX_PER_SECOND);
        assert_eq!((batch.paths, batch.flooded), (vec!["Device.A.".to_owned()], true));
    }

    #[test]
    fn what_does_not_fit_into_the_second_becomes_the_object_above() {
        let all = Changes::default();
        all.values(["Device.A.X", "Device.A.B.Y", "Device.A.B.Z"].into_iter());
        assert_eq!(all.take(2).paths, ["Device.A."]);
    }

    #[test]
    fn a_second_has_a_budget() {
        let mut budget = Budget::new();
        let at = |ms| Duration::from_millis(ms);
        assert_eq!(budget.at(at(1_100)), Ok(MAX_PER_SECOND));
        budget.spend(MAX_PER_SECOND);
        assert_eq!(budget.at(at(1_400)), Err(at(600)));
        assert_eq!(budget.at(at(2_000)), Ok(MAX_PER_SECOND));
    }
}
