//! Access points: a network of mode 2, one on an interface.
//!
//! A change is a new network that is selected in place of the old one, which goes when the new one is on the air: so there is
//! no moment with half of the change.

use async_trait::async_trait;
use futures_util::future::{join_all, try_join_all};
use tokio::time::Instant;

use crate::back_end::{AccessPoints, ApAbilities, Failure, Progress, Running};
use crate::facts::{Mac, Station};
use crate::plan::{BssPlan, BssSettings, RadioPlan, RadioSettings};
use crate::supplicant::air::{frequency_of_network, overlay, settings_of, tune};
use crate::supplicant::interface::{address_of, interfaces, one, radio_of, Interface};
use crate::supplicant::network::{Network, Part, Tag, Wanted};
use crate::supplicant::wire::{State, INTERFACE, NAME, NETWORK, STATION};
use crate::supplicant::Supplicant;

/// How long an access point may take to be on the air: the service looks around first.
pub(crate) const START: std::time::Duration = std::time::Duration::from_secs(20);
/// How long it may seem to have failed before it has.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(700);
/// The most stations of an access point, where nobody said how many.
const DEFAULT_MAX_STATIONS: u32 = 128;

#[async_trait(?Send)]
impl AccessPoints for Supplicant {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn look(&self) -> Result<Vec<Running>, Failure> {
        let all = interfaces(&self.calls, &self.known).await?;
        let running = all.iter().filter_map(|interface| Some((interface, access_point(interface)?)));
        try_join_all(running.map(|(interface, network)| self.running(interface, network))).await
    }

    async fn apply(&self, plan: &RadioPlan) -> Result<(), Failure> {
        if plan.networks.len() > 1 {
            return Err(Failure::Impossible(format!("{NAME} has one network on an interface")));
        }
        self.memory.borrow_mut().begin(self.known.owner());
        let all = interfaces(&self.calls, &self.known).await?;
        let wanted = plan.networks.first();
        // Nothing of the old is taken away before the new is on the air.
        if let Some(wanted) = wanted {
            check(&wanted.settings)?;
            let found = all.iter().find(|interface| interface.name == wanted.interface);
            match found {
                Some(interface) => self.serve(interface, &plan.settings, wanted).await?,
                None => {
                    let interface = self.take(&wanted.interface).await?;
                    let done = self.serve(&interface, &plan.settings, wanted).await;
                    self.keep_if(&interface, done).await?;
                }
            }
        }
        for interface in &all {
            let is_wanted = wanted.is_some_and(|wanted| wanted.interface == interface.name);
            if !is_wanted && is_of(interface, &plan.radio) {
                self.silence(interface).await?;
            }
        }
        Ok(())
    }

    async fn stations(&self, interface: &str) -> Result<Vec<Station>, Failure> {
        let all = interfaces(&self.calls, &self.known).await?;
        match all.iter().find(|found| found.name == interface) {
            Some(found) => self.stations_of(found).await,
            None => Err(Failure::Refused(format!("{NAME} has no {interface}"))),
        }
    }

    fn abilities(&self) -> ApAbilities {
        let is_access_point =
            self.known.is_able("Modes", "ap").unwrap_or_else(|| self.known.built_with("ap"));
        ApAbilities {
            networks: u32::from(is_access_point),
            modes: if is_access_point { self.modes_of_stations() } else { Vec::new() },
            wps: Vec::new(),
            chooses_channel: false,
            lists: false,
        }
    }
}

/// What the service cannot be told.
fn check(settings: &BssSettings) -> Result<(), Failure> {
    let impossible = |what: &str| Err(Failure::Impossible(format!("{NAME} cannot {what}")));
    if settings.wps.is_some() {
        return impossible("serve WPS");
    }
    if settings.allowed.is_some() {
        return impossible("choose its stations");
    }
    if !settings.wmm {
        return impossible("do without WMM");
    }
    if settings.uapsd {
        return impossible("be told to save power");
    }
    Ok(())
}

/// Whether an interface belongs to a radio; where the kernel knows of none the radio is called like it.
fn is_of(interface: &Interface, radio: &str) -> bool {
    radio_of(&interface.name).map_or(interface.name == radio, |found| found == radio)
}

/// The network that makes an interface an access point, on the air or not.
fn access_point(interface: &Interface) -> Option<&Network> {
    if interface.current().is_some_and(|network| !network.is_access_point()) {
        return None;
    }
    let rank = |network: &&Network| {
        (
            Some(&network.path) == interface.network.as_ref(),
            network.enabled,
            network.is_planned_access_point(),
        )
    };
    interface.networks.iter().filter(|network| network.is_access_point()).max_by_key(rank)
}

impl Supplicant {
    async fn running(&self, interface: &Interface, network: &Network) -> Result<Running, Failure> {
        let progress = progress(interface, network);
        let is_on = progress == Progress::On;
        let stations = if is_on { self.stations_of(interface).await? } else { Vec::new() };
        Ok(Running {
            interface: interface.name.clone(),
            bssid: address_of(&interface.name),
            settings: BssSettings {
                ssid: network.ssid().unwrap_or_default(),
                advertised: network.number("ignore_broadcast_ssid").is_none(),
                security: network.security(),
                wmm: true,
                uapsd: false,
                isolated: interface.isolated,
                max_stations: interface.max_stations.filter(|most| *most != DEFAULT_MAX_STATIONS),
                allowed: None,
                wps: None,
            },
            radio: settings_of(network, interface.country.as_deref()),
            progress,
            frequency: is_on.then(|| frequency_of_network(network)),
            first: interface.name.clone(),
            stations: stations
                .iter()
                .filter(|station| station.authorized)
                .map(|station| station.mac)
                .collect(),
            foreign: network.tag.is_none(),
        })
    }

    async fn stations_of(&self, interface: &Interface) -> Result<Vec<Station>, Failure> {
        let asked = interface.stations.iter().map(|path| self.calls.look_at(path, STATION));
        let mut stations = Vec::new();
        for (path, found) in interface.stations.iter().zip(join_all(asked).await) {
            // The object is there from the moment that the station is let in.
            let (Some(all), Some(mac)) = (found?, mac_of(path)) else { continue };
            let count = |name: &str| all.number(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            stations.push(Station {
                mac,
                rx_bytes: count("RxBytes"),
                tx_bytes: count("TxBytes"),
                rx_packets: count("RxPackets"),
                tx_packets: count("TxPackets"),
                authorized: true,
                ..Station::default()
            });
        }
        Ok(stations)
    }

    /// Makes an interface this access point, if it is not yet.
    async fn serve(
        &self,
        interface: &Interface,
        radio: &RadioSettings,
        plan: &BssPlan,
    ) -> Result<(), Failure> {
        let before = access_point(interface);
        let running = before.map(|network| settings_of(network, interface.country.as_deref()));
        let radio = overlay(radio, running);
        let settings = &plan.settings;
        let base = base(interface, settings);
        let mut wanted = match base {
            Some(_) => Wanted::without_keys(&settings.ssid, &settings.security)?,
            None => Wanted::network(&settings.ssid, &settings.security)?,
        };
        wanted.fit(interface)?;
        wanted.number("mode", 2);
        wanted.number("ignore_broadcast_ssid", i32::from(!settings.advertised));
        wanted.number("wps_disabled", 1);
        wanted.number("group_rekey", i32::try_from(settings.security.rekey).unwrap_or(i32::MAX));
        tune(&mut wanted, &radio)?;
        let max_stations = settings.max_stations.unwrap_or(DEFAULT_MAX_STATIONS);
        let country = radio.country.as_deref().map(two_letters).filter(|letters| !letters.is_empty());
        let is_same = interface.isolated == settings.isolated
            && interface.max_stations.is_none_or(|most| most == max_stations)
            && country.is_none_or(|letters| interface.country.as_deref() == Some(letters));
        let current = before.filter(|network| progress(interface, network) == Progress::On);
        let is_planned = |network: &Network| {
            let is_given = self.memory.borrow().given(&network.path) == Some(&wanted);
            let is_base = base.is_some_and(|base| base.path == network.path);
            (is_given || is_base) && wanted.is_shown_by(network)
        };
        if !(is_same && current.is_some_and(is_planned)) {
            if let Some(letters) = country.filter(|letters| interface.country.as_deref() != Some(*letters)) {
                self.calls.set(&interface.path, INTERFACE, "Country", letters).await?;
            }
            self.limit(interface, settings.isolated, max_stations).await?;
            let done = match base {
                Some(base) => self.serve_base(interface, base, &wanted).await,
                None => self.serve_new(interface, wanted).await,
            };
            if let Err(failure) = done {
                // As it was, as far as the service still answers.
                let most = interface.max_stations.unwrap_or(DEFAULT_MAX_STATIONS);
                let _ = self.limit(interface, interface.isolated, most).await;
                let (on, others): (Vec<&Network>, Vec<&Network>) = interface
                    .networks
                    .iter()
                    .filter(|network| network.enabled)
                    .partition(|network| Some(&network.path) == before.map(|before| &before.path));
                for network in on {
                    let _ = self.start(interface, &network.path).await;
                }
                for network in others {
                    let _ = self.calls.enable(&network.path, true).await;
                }
                return Err(failure);
            }
        }
        // Of the old ones, ours go.
        if let Some(now) = one(&self.calls, &interface.path).await? {
            let old = now.networks.iter().filter(|network| {
                network.is_planned_access_point() && Some(&network.path) != now.network.as_ref()
            });
            for network in old {
                self.remove(&interface.path, &network.path).await?;
            }
        }
        Ok(())
    }

    async fn serve_new(&self, interface: &Interface, wanted: Wanted) -> Result<(), Failure> {
        // Stations of somebody else stop as well; they come back with the end of the access point.
        let stations = interface
            .networks
            .iter()
            .filter(|network| network.tag.is_none() && network.enabled && !network.is_access_point());
        let planned = interface.networks.iter().filter(|network| network.is_planned_access_point());
        let silenced =
            stations.filter_map(Network::place).chain(planned.flat_map(Network::silenced)).collect();
        let tag = Tag { part: Part::AccessPoint, silenced }.to_string();
        let path = self.calls.add_network(&interface.path, &wanted.arguments(Some(&tag))).await?;
        self.memory.borrow_mut().give(&path, wanted);
        let started = self.start(interface, &path).await;
        if started.is_err() {
            // Why it did not start is what counts.
            let _ = self.remove(&interface.path, &path).await;
        }
        started
    }

    /// Changes the network of somebody else: only he knows its key.
    async fn serve_base(
        &self,
        interface: &Interface,
        base: &Network,
        wanted: &Wanted,
    ) -> Result<(), Failure> {
        if !wanted.is_shown_by(base) {
            if base.enabled {
                // It is off the air while it is changed.
                self.calls.enable(&base.path, false).await?;
            }
            self.calls.set(&base.path, NETWORK, "Properties", wanted.arguments(None)).await?;
        }
        self.start(interface, &base.path).await
    }

    async fn limit(&self, interface: &Interface, isolated: bool, most: u32) -> Result<(), Failure> {
        let now = one(&self.calls, &interface.path).await?;
        let Some(now) = now else { return Err(Failure::Refused(format!("{} is gone", interface.name))) };
        if now.isolated != isolated {
            let text = if isolated { "1" } else { "0" };
            self.calls.set(&interface.path, INTERFACE, "ApIsolate", text).await?;
        }
        if now.max_stations.is_some_and(|now| now != most) {
            self.calls.set(&interface.path, INTERFACE, "MaxNumSta", most.to_string()).await?;
        }
        Ok(())
    }

    /// Selects a network, and waits until it is on the air.
    async fn start(&self, interface: &Interface, network: &str) -> Result<(), Failure> {
        let mut changes = self.known.watch();
        let end = Instant::now() + START;
        self.calls.about(&interface.path, "SelectNetwork", network).await?;
        let mut failed_since: Option<Instant> = None;
        loop {
            changes.borrow_and_update();
            let Some(all) = self.calls.look_at(&interface.path, INTERFACE).await? else {
                return Err(Failure::Refused(format!("{} is gone", interface.name)));
            };
            let state = State::parse(all.text("State")?);
            if state == State::Completed && all.object("CurrentNetwork").as_deref() == Some(network) {
                return Ok(());
            }
            let seems_failed = matches!(state, State::Disconnected | State::Inactive | State::Disabled);
            failed_since = seems_failed.then(|| failed_since.unwrap_or_else(Instant::now));
            let until = failed_since.map_or(end, |since| (since + SETTLE).min(end));
            if Instant::now() >= until {
                return Err(Failure::Refused(format!(
                    "{NAME} cannot start the access point on {}",
                    interface.name
                )));
            }
            // The end of the time is noticed above.
            let _ = tokio::time::timeout_at(until, changes.changed()).await;
        }
    }

    /// Takes the access points of an interface off the air.
    async fn silence(&self, interface: &Interface) -> Result<(), Failure> {
        for network in interface.networks.iter().filter(|network| network.is_access_point()) {
            if network.is_planned_access_point() {
                self.remove(&interface.path, &network.path).await?;
                for other in interface.networks.iter().filter(|other| !other.is_access_point()) {
                    if other.place().is_some_and(|place| network.silenced().any(|number| number == place)) {
                        self.calls.enable(&other.path, true).await?;
                    }
                }
            } else if network.enabled {
                self.calls.enable(&network.path, false).await?;
            }
        }
        Ok(())
    }
}

/// The network of somebody else that a plan without a key means.
fn base<'a>(interface: &'a Interface, settings: &BssSettings) -> Option<&'a Network> {
    let security = &settings.security;
    let has_key = !(security.passphrase.is_empty() && security.psk.is_empty() && security.sae.is_empty());
    if has_key || !security.mode.is_personal() {
        return None;
    }
    let foreign = |network: &&Network| {
        network.tag.is_none() && network.is_access_point() && network.security().mode == security.mode
    };
    interface.networks.iter().find(foreign)
}

fn progress(interface: &Interface, network: &Network) -> Progress {
    let is_current = interface.network.as_ref() == Some(&network.path);
    match interface.state {
        State::Completed if is_current => Progress::On,
        State::Disabled => Progress::Off,
        _ if !network.enabled => Progress::Off,
        State::Scanning | State::Joining | State::Handshake => Progress::Starting,
        _ => Progress::Failed,
    }
}

/// The address of a station, which is the last part of its path.
fn mac_of(path: &str) -> Option<Mac> {
    let digits = path.rsplit('/').next()?;
    Mac::from_bytes(&super::wire::from_hex(digits)?)
}

/// The third letter is of the standard, not of the kernel.
fn two_letters(country: &str) -> &str {
    country.get(..2).unwrap_or("")
}
