//! Listens: what changes by itself is looked at again, announced, and what was set is made true again where it is lost.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use cwmp_plugin_sdk::Level;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

use crate::back_end::Event;
use crate::bases::Bases;
use crate::facts::Ssid;
use crate::planner;
use crate::plugin::WiFi;
use crate::row_id::RowId;

/// Events that come this close together are looked at once.
const TOGETHER: Duration = Duration::from_millis(30);
/// How long after a failure something is tried again; twice as long after each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// And never longer than this.
const LAST_RETRY: Duration = Duration::from_secs(300);

/// What is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Looks {
    air: bool,
    everybody: bool,
    services: BTreeSet<&'static str>,
    stations: bool,
    /// Services that came, went or began anew.
    anew: BTreeSet<&'static str>,
}

impl Looks {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self { air: true, everybody: true, stations: true, ..Self::default() }
    }

    fn add(&mut self, event: &Event) {
        match event {
            // What a service runs is on what the kernel has.
            Event::Air => self.air = true,
            Event::Stations(_) => self.everybody = true,
            Event::AccessPoints(name) => {
                self.services.insert(name);
                self.air = true;
            }
            Event::Service(name) => {
                self.services.insert(name);
                self.anew.insert(name);
                (self.air, self.stations) = (true, true);
            }
            Event::EndPoints => (self.air, self.stations) = (true, true),
        }
    }
}

impl WiFi {
    /// Asks the kernel and the services. What they say replaces what was known; it is put together by
    /// [`reconsider`](Self::reconsider).
    pub(crate) async fn look(&self, looks: &Looks) {
        let before = Rc::clone(&self.state.borrow().world);
        let air = async {
            if looks.air {
                self.back.look_at_air(&before.air).await
            } else {
                before.air.clone()
            }
        };
        let wanted = |name: &str| looks.everybody || looks.services.contains(name);
        let services = self.back.look_at_services(&before.services, wanted);
        let stations = async {
            if looks.stations {
                self.back.look_at_stations(&before.stations).await
            } else {
                before.stations.clone()
            }
        };
        let (air, services, stations) = tokio::join!(air, services, stations);
        self.state.borrow_mut().world = Rc::new(crate::world::World { air, services, stations });
    }

    /// Waits for events as long as the plugin lives.
    pub(crate) async fn watch(self: Rc<Self>, mut events: UnboundedReceiver<Event>) {
        let mut retry = FIRST_RETRY;
        self.heard(&Looks { anew: self.names(), ..Looks::default() }).await;
        loop {
            let failed = self.state.borrow().done.has_failed();
            let mut looks = Looks::default();
            if failed {
                match timeout(retry, events.recv()).await {
                    Ok(Some(event)) => looks.add(&event),
                    Ok(None) => return,
                    Err(_) => {
                        looks = Looks::all();
                        retry = (retry * 2).min(LAST_RETRY);
                        self.state.borrow_mut().done.try_again();
                    }
                }
            } else {
                retry = FIRST_RETRY;
                let Some(event) = events.recv().await else { return };
                looks.add(&event);
            }
            sleep(TOGETHER).await;
            while let Ok(event) = events.try_recv() {
                looks.add(&event);
            }
            self.heard(&looks).await;
        }
    }

    fn names(&self) -> BTreeSet<&'static str> {
        self.back.access_points.iter().map(|service| service.name()).collect()
    }

    async fn heard(&self, looks: &Looks) {
        {
            // Who makes something true looks himself, and would be misled by what is on its way.
            let _turn = self.enforcing.lock().await;
            self.look(looks).await;
            self.doubt_what_is_different();
            if !looks.anew.is_empty() {
                self.began_anew(looks);
            }
        }
        if let Err(error) = self.restore().await {
            self.host.log(Level::Error, &format!("the settings cannot be put in force: {error}"));
        }
    }

    /// A service that began anew has what the image says, which need not be what it said before; and what was set is to be
    /// made true again.
    fn began_anew(&self, looks: &Looks) {
        let mut state = self.state.borrow_mut();
        let (world, snapshot) = (Rc::clone(&state.world), Rc::clone(&state.snapshot));
        let of_service = |key: &str| {
            let index = snapshot.tree.radio(key).and_then(|radio| radio.service);
            index.is_none_or(|index| looks.anew.contains(world.services[index].name))
        };
        state.done.doubt(of_service);
        state.done.doubt_stations();
        state.done.try_again();
        let mut bases: Bases = (*state.bases).clone();
        for ssid in snapshot.tree.ssids.iter().filter(|ssid| matches!(ssid.id, RowId::Found(_))) {
            let Some(interface) = ssid.interface.as_deref() else { continue };
            let Some(base) = bases.get(interface).cloned() else { continue };
            let Some((index, running)) = world.running(interface) else { continue };
            let ap = snapshot.tree.access_point_of(&ssid.id);
            let fresh = running.foreign
                && !state.recalled.contains(interface)
                && !world.services[index].away
                && looks.anew.contains(world.services[index].name);
            // What is neither as it was, nor as it was made, is a new word of the image.
            let same =
                |ssid: &Ssid, mode| running.settings.ssid == *ssid && running.settings.security.mode == mode;
            let as_before = same(&base.settings.ssid, base.settings.security.mode);
            let as_made = ap.is_some_and(|ap| same(&ap.settings.ssid, ap.settings.security.mode));
            if fresh && !as_before && !as_made {
                if let Some(new) = planner::base_of(&world, &base.radio, interface) {
                    bases.insert(interface, new);
                }
            }
        }
        for radio in &snapshot.tree.radios {
            let own = bases.iter().filter(|(_, base)| base.radio == radio.key);
            let own: Vec<_> =
                own.map(|(interface, _)| (interface.to_owned(), world.running(interface))).collect();
            let as_image = own.into_iter().all(|(interface, running)| {
                !state.recalled.contains(&interface)
                    && running.is_some_and(|(index, running)| {
                        running.foreign && looks.anew.contains(world.services[index].name)
                    })
            });
            // Nobody wants anything of it any more, and it is what the image says.
            if as_image && !planner::touches(&snapshot.tree, &radio.key) {
                bases.forget(&radio.key);
            }
        }
        if bases != *state.bases {
            let stored = bases.store(&state.bases, &self.host);
            state.bases = Rc::new(bases);
            if let Err(error) = stored {
                self.host.log(Level::Error, &format!("what the image says cannot be kept: {error}"));
            }
        }
    }
}
