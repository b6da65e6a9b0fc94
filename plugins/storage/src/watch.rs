//! Listens: what changes by itself is looked at again, announced, and what was set is made true again where it is lost.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cwmp_plugin_sdk::Level;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, sleep_until, Instant};

use crate::back_end::Event;
use crate::facts::Usage;
use crate::plugin::Storage;
use crate::row_id::RowId;
use crate::view::{megabytes, reaches};
use crate::world::World;

/// Events that come this close together are looked at once.
const TOGETHER: Duration = Duration::from_millis(30);
/// How long after servers refused what was set they are told again, and a service of disks that did not answer is asked again:
/// one that stood still does not say that it goes on. Twice as long after each further time.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// And never longer than this.
const LAST_RETRY: Duration = Duration::from_secs(300);

/// What is to be looked at.
#[derive(Debug, Default)]
struct Looks {
    disks: bool,
    /// All that was set, whatever is different.
    again: bool,
    servers: Vec<&'static str>,
}

impl Looks {
    fn add(&mut self, event: &Event) {
        match event {
            Event::Disks => self.disks = true,
            Event::Server(name) => self.servers.push(name),
            Event::Again => self.again = true,
        }
    }
}

impl Storage {
    /// Waits for events as long as the plugin lives. Only filesystems that have a limit are asked now and then, because
    /// nothing tells how full they are.
    pub(crate) async fn watch(self: Rc<Self>, mut events: UnboundedReceiver<Event>) {
        self.heard(&Looks { again: true, ..Looks::default() }).await;
        let mut retry = FIRST_RETRY;
        let mut measured = Instant::now();
        let mut refused = Instant::now();
        loop {
            let troubled = {
                let state = self.state.borrow();
                state.done.is_refused() || state.world.away.is_some() || self.has_leaving()
            };
            if !troubled {
                retry = FIRST_RETRY;
            }
            let mut looks = Looks::default();
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { return };
                    looks.add(&event);
                }
                () = self.wake.notified() => continue,
                () = sleep_until(measured + self.back.measured), if self.has_limits() => {
                    self.measure().await;
                    self.announce();
                    measured = Instant::now();
                    continue;
                }
                () = sleep_until(refused + retry), if troubled => {
                    let mut state = self.state.borrow_mut();
                    looks.again = true;
                    looks.disks = state.world.away.is_some();
                    if state.done.is_refused() {
                        state.done.doubt();
                    }
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
            sleep(TOGETHER).await;
            while let Ok(event) = events.try_recv() {
                looks.add(&event);
            }
            self.heard(&looks).await;
            refused = Instant::now();
        }
    }

    async fn heard(self: &Rc<Self>, looks: &Looks) {
        let mut is_new = looks.disks || looks.again;
        {
            // Who makes something true looks himself, and would be misled by what is on its way.
            let _turn = self.enforcing.lock().await;
            if looks.disks {
                self.look_at_disks().await;
            }
            for name in &looks.servers {
                let known =
                    |world: &World| (world.servers.get(name).cloned(), world.processes.get(name).copied());
                let before = known(&self.state.borrow().world);
                self.look_at_servers(Some(name)).await;
                let mut state = self.state.borrow_mut();
                // One that came back, or was changed by somebody, is told again. What we did ourselves is known: who told it again
                // for that would do so for ever.
                if known(&state.world) != before {
                    state.done.doubt();
                    is_new = true;
                }
            }
        }
        if !is_new {
            return;
        }
        if let Err(error) = self.restore().await {
            self.host.log(Level::Error, &format!("the settings cannot be put in force: {error}"));
        }
    }

    fn has_limits(&self) -> bool {
        let state = self.state.borrow();
        state.tree.volumes.iter().any(|node| node.wish.limit > 0 && node.mount().is_some())
    }

    /// Asks the filesystems that have a limit how full they are.
    pub(crate) async fn measure(&self) {
        let tree = Rc::clone(&self.state.borrow().tree);
        let mut reached: BTreeMap<RowId, bool> = BTreeMap::new();
        for node in tree.volumes.iter().filter(|node| node.wish.limit > 0) {
            let (Some(mount), Some(volume)) = (node.mount(), &node.volume) else { continue };
            let before = self.state.borrow().reached.get(&node.id).copied();
            let now = match self.back.gauges.usage(mount).await {
                Ok(Usage { used, .. }) => reaches(megabytes(used), node.wish.limit, megabytes(volume.size)),
                // Who cannot be asked has not changed, as far as anybody knows; a read tells of the failure.
                Err(_) => before.unwrap_or(false),
            };
            reached.insert(node.id.clone(), now);
        }
        self.state.borrow_mut().reached = reached;
    }
}
