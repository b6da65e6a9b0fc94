//! Asks drives for their health when somebody wants it: each at most once at a time, and not again within a short while.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::back_end::{Failure, READ};
use crate::facts::Health;
use crate::plugin::Storage;
use crate::view::Healths;

/// How long an answer is as good as a new one. An older one is not shown.
const FRESH: Duration = Duration::from_secs(60);
/// How long a drive that did not answer is not asked again.
const AGAIN: Duration = Duration::from_secs(5);

type Answer = Option<(Instant, Result<Health, Failure>)>;

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// By the key of the drive.
    drives: RefCell<BTreeMap<String, watch::Receiver<Answer>>>,
}

impl Storage {
    /// What all drives say of themselves.
    pub(crate) async fn healths(self: &Rc<Self>) -> Healths {
        let world = Rc::clone(&self.state.borrow().world);
        self.health.drives.borrow_mut().retain(|key, _| world.drive(key).is_some());
        if let Some(failure) = &world.away {
            // Whatever is there now may not be what it was.
            return world.drives.iter().map(|drive| (drive.key.clone(), Err(failure.clone()))).collect();
        }
        let all = world.drives.iter().filter(|drive| drive.medium).map(|drive| async {
            let mut answer = self.ask(&drive.key, &drive.device);
            // The question goes on, and its answer is there for the next one.
            let told = timeout(READ, answer.wait_for(Option::is_some)).await;
            let health = match told {
                Ok(Ok(answer)) => answer.clone().map(|(_, health)| health),
                _ => None,
            };
            (drive.key.clone(), health.unwrap_or(Err(Failure::Away("smartctl"))))
        });
        join_all(all).await.into_iter().collect()
    }

    /// The answer of a drive: one that is fresh, one that is on its way, or a new question's.
    fn ask(self: &Rc<Self>, key: &str, device: &std::path::Path) -> watch::Receiver<Answer> {
        let mut drives = self.health.drives.borrow_mut();
        if let Some(asked) = drives.get(key) {
            let good = match &*asked.borrow() {
                Some((moment, Err(Failure::Away(_) | Failure::Refused(_)))) => moment.elapsed() < AGAIN,
                Some((moment, _)) => moment.elapsed() < FRESH,
                // Whoever was to answer may have ended.
                None => asked.has_changed().is_ok(),
            };
            if good {
                return asked.clone();
            }
        }
        let (sender, receiver) = watch::channel(None);
        drives.insert(key.to_owned(), receiver.clone());
        let (gauges, device) = (Rc::clone(&self.back.gauges), device.to_owned());
        tokio::task::spawn_local(async move {
            let health = gauges.health(&device).await;
            sender.send_replace(Some((Instant::now(), health)));
        });
        receiver
    }
}
