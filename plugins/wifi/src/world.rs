//! What the kernel and the services said when they were last asked.

use crate::back_end::{ApAbilities, Failure, Joined, Running};
use crate::facts::{Interface, Radio};
use crate::plan::Mode;

/// All of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct World {
    pub(crate) air: AirState,
    /// In the order of the back ends.
    pub(crate) services: Vec<ServiceState>,
    pub(crate) stations: StationState,
}

/// What the kernel said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AirState {
    pub(crate) radios: Vec<Radio>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) country: Option<String>,
    /// It could not be asked; the rest is from before.
    pub(crate) failure: Option<Failure>,
    /// It knows of no radios at all: a machine for tests, or one whose radios are run by something else.
    pub(crate) none: bool,
}

/// What a service that runs access points said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceState {
    pub(crate) name: &'static str,
    pub(crate) abilities: ApAbilities,
    /// While it is away: what it ran before.
    pub(crate) running: Vec<Running>,
    pub(crate) away: bool,
}

/// What the service that runs stations said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct StationState {
    pub(crate) modes: Vec<Mode>,
    /// `config_methods` of WPS; empty: it knows no WPS.
    pub(crate) wps: Vec<&'static str>,
    /// While it is away: what there was before.
    pub(crate) joined: Vec<Joined>,
    pub(crate) away: bool,
}

impl World {
    /// Who runs an access point on an interface, and what.
    pub(crate) fn running(&self, interface: &str) -> Option<(usize, &Running)> {
        let mut all = self.services.iter().enumerate();
        all.find_map(|(index, service)| {
            let running = service.running.iter().find(|running| running.interface == interface)?;
            Some((index, running))
        })
    }

    /// An interface, by its name.
    pub(crate) fn interface(&self, name: &str) -> Option<&Interface> {
        self.air.interfaces.iter().find(|interface| interface.name == name)
    }

    /// The radio of an interface: its key. Where the kernel knows of no radios, what a service runs as one is one.
    pub(crate) fn radio_of(&self, interface: &str) -> Option<String> {
        if let Some(found) = self.interface(interface) {
            let radio = self.air.radios.iter().find(|radio| radio.index == found.radio)?;
            return Some(radio.key.clone());
        }
        if let Some((_, running)) = self.running(interface) {
            if self.air.none {
                return Some(running.first.clone());
            }
            // It is being made, or on its way out: whatever the radio has beside it.
            return self.interface(&running.first).and_then(|_| self.radio_of(&running.first));
        }
        let joined = self.stations.joined.iter().any(|joined| joined.interface == interface);
        (self.air.none && joined).then(|| interface.to_owned())
    }
}
