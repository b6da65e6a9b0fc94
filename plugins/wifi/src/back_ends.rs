//! The back ends of this machine, as the configuration names them.

use std::collections::BTreeMap;
use std::rc::Rc;

use cwmp_plugin_sdk::{Config, Error};
use futures_util::future::join_all;

use crate::back_end::{AccessPoints, Air, EndPoints, Events, Failure};
use crate::world::{AirState, ServiceState, StationState};

/// Everything that can be asked and told.
pub(crate) struct BackEnds {
    pub(crate) air: Rc<dyn Air>,
    /// The one that is wanted for what nobody runs comes first.
    pub(crate) access_points: Vec<Rc<dyn AccessPoints>>,
    pub(crate) end_points: Option<Rc<dyn EndPoints>>,
    pub(crate) preference: Preference,
}

/// Which service is to run an access point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Preference {
    /// By the interface, where somebody said so.
    pub(crate) wanted: BTreeMap<String, String>,
    /// Where nobody did, and nobody runs one: the first that is there.
    pub(crate) order: Vec<String>,
}

/// The keys of the configuration.
pub(crate) const KEYS: &[&str] = &[
    "hostapd_global",
    "hostapd",
    "hostapd_files",
    "folder",
    "supplicant",
    "bus",
    "by_hostapd",
    "by_wpa_supplicant",
    "counters",
    #[cfg(test)]
    "twin",
];

impl BackEnds {
    /// Opens what there is.
    pub(crate) async fn open(config: &Config, events: &Events) -> Result<Self, Error> {
        let begun = |failure: Failure| Error::internal(failure.to_string());
        let air = Rc::new(crate::nl80211::Nl80211::open(events.clone()).map_err(begun)?);
        let mut access_points: Vec<Rc<dyn AccessPoints>> = Vec::new();
        if config.flag("hostapd").unwrap_or(None) != Some(false) {
            let mut places = crate::hostapd::Places::default();
            if let Ok(Some(sockets)) = config.text("hostapd") {
                places.sockets = sockets.into();
            }
            if let Some(global) = config.text("hostapd_global")? {
                places.global = global.into();
            }
            if let Some(folder) = config.text("folder")? {
                places.folder = folder.into();
            }
            if let Some(files) = config.texts("hostapd_files")? {
                places.files = files.into_iter().map(Into::into).collect();
            }
            access_points
                .push(Rc::new(crate::hostapd::Hostapd::open(places, events.clone()).map_err(begun)?));
        }
        let mut end_points: Option<Rc<dyn EndPoints>> = None;
        if config.flag("supplicant")?.unwrap_or(true) {
            let bus = bus(config.text("bus")?).await?;
            let supplicant = crate::supplicant::Supplicant::open(bus, events.clone()).await.map_err(begun)?;
            let supplicant = Rc::new(supplicant);
            access_points.push(Rc::clone(&supplicant) as Rc<dyn AccessPoints>);
            end_points = Some(supplicant);
        }
        let order = access_points.iter().map(|service| service.name().to_owned()).collect();
        Ok(Self { air, access_points, end_points, preference: preference(config, order)? })
    }

    /// Asks the kernel.
    pub(crate) async fn look_at_air(&self, before: &AirState) -> AirState {
        let all = async {
            let radios = self.air.radios().await?;
            if radios.is_empty() {
                return Ok(AirState { none: true, ..AirState::default() });
            }
            let interfaces = self.air.interfaces().await?;
            let country = self.air.country().await?;
            Ok(AirState { radios, interfaces, country: Some(country), failure: None, none: false })
        };
        match all.await {
            Ok(state) => state,
            Err(Failure::Impossible(_)) => AirState { none: true, ..AirState::default() },
            Err(failure) => AirState { failure: Some(failure), ..before.clone() },
        }
    }

    /// Asks the services that run access points; `wanted` says which, by their names.
    pub(crate) async fn look_at_services(
        &self,
        before: &[ServiceState],
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<ServiceState> {
        let all = self.access_points.iter().enumerate().map(|(index, service)| {
            let before = before.get(index).filter(|_| !wanted(service.name()));
            async move {
                if let Some(before) = before {
                    return before.clone();
                }
                let look = service.look().await;
                let (name, abilities) = (service.name(), service.abilities());
                match look {
                    Ok(running) => ServiceState { name, abilities, running, away: false },
                    Err(_) => ServiceState { name, abilities, running: Vec::new(), away: true },
                }
            }
        });
        let mut all = join_all(all).await;
        for (new, old) in all.iter_mut().zip(before) {
            // Who is away keeps what it ran: it will be there again, with the same rows.
            if new.away {
                new.running.clone_from(&old.running);
                new.abilities.clone_from(&old.abilities);
            }
        }
        all
    }

    /// Asks the service that runs stations.
    pub(crate) async fn look_at_stations(&self, before: &StationState) -> StationState {
        let Some(service) = &self.end_points else { return StationState::default() };
        match service.look().await {
            Ok(joined) => StationState { modes: service.modes(), wps: service.wps(), joined, away: false },
            Err(_) => StationState { away: true, ..before.clone() },
        }
    }
}

async fn bus(address: Option<&str>) -> Result<zbus::Connection, Error> {
    let builder = match address {
        Some(address) => zbus::connection::Builder::address(address),
        None => zbus::connection::Builder::system(),
    };
    let connection = match builder {
        Ok(builder) => builder.build().await,
        Err(error) => Err(error),
    };
    connection.map_err(|error| Error::internal(format!("the bus cannot be reached: {error}")))
}

fn preference(config: &Config, order: Vec<String>) -> Result<Preference, Error> {
    let mut wanted = BTreeMap::new();
    for (key, service) in [("by_hostapd", "hostapd"), ("by_wpa_supplicant", "wpa_supplicant")] {
        for interface in config.texts(key)?.unwrap_or_default() {
            wanted.insert(interface.to_owned(), service.to_owned());
        }
    }
    Ok(Preference { wanted, order })
}
