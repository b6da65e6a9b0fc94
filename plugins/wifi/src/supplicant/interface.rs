//! What the service has now: its interfaces with their networks, read in two rounds of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::{join_all, try_join_all};

use crate::back_end::Failure;
use crate::facts::Mac;
use crate::supplicant::calls::Calls;
use crate::supplicant::known::Known;
use crate::supplicant::network::Network;
use crate::supplicant::wire::{Properties, State, INTERFACE, NETWORK, ROOT, SERVICE};
use crate::supplicant::wps::Wps;

/// The longest name of a device of the network.
const MAX_NAME: usize = 15;
/// Where the kernel shows the devices of the network.
const DEVICES: &str = "/sys/class/net";

/// An interface of the service, at one moment.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) state: State,
    /// The network that it is in or tries, where there is one.
    pub(crate) network: Option<String>,
    pub(crate) bss: Option<String>,
    pub(crate) networks: Vec<Network>,
    /// The objects of what it heard.
    pub(crate) heard: Vec<String>,
    /// The objects of the stations of its access point.
    pub(crate) stations: Vec<String>,
    pub(crate) country: Option<String>,
    /// Whether the stations of its access points cannot reach each other.
    pub(crate) isolated: bool,
    /// The most stations of its access points.
    pub(crate) max_stations: Option<u32>,
    /// `None`: the service was built without WPS.
    pub(crate) wps: Option<Wps>,
    /// What it can do, by kind.
    pub(crate) abilities: BTreeMap<String, Vec<String>>,
}

impl Interface {
    fn new(path: &str, all: &Properties) -> Result<(Self, Vec<String>), Failure> {
        let interface = Self {
            path: path.to_owned(),
            name: all.text("Ifname")?.to_owned(),
            state: State::parse(all.text("State")?),
            network: all.object("CurrentNetwork"),
            bss: all.object("CurrentBSS"),
            networks: Vec::new(),
            heard: all.objects("BSSs")?,
            // Builds without access points have none.
            stations: if all.has("Stations") { all.objects("Stations")? } else { Vec::new() },
            country: all.text("Country").ok().filter(|country| !country.is_empty()).map(str::to_owned),
            isolated: all.text("ApIsolate").is_ok_and(|text| text == "1"),
            max_stations: all.text("MaxNumSta").ok().and_then(|text| text.parse().ok()),
            wps: Wps::read(all),
            abilities: all.inside("Capabilities"),
        };
        Ok((interface, all.objects("Networks")?))
    }

    /// The network that it is in or tries.
    pub(crate) fn current(&self) -> Option<&Network> {
        let path = self.network.as_ref()?;
        self.networks.iter().find(|network| network.path == *path)
    }

    pub(crate) fn is_able(&self, kind: &str, word: &str) -> bool {
        self.abilities.get(kind).is_some_and(|words| words.iter().any(|known| known == word))
    }
}

/// All interfaces of the service.
pub(crate) async fn interfaces(calls: &Calls, known: &Known) -> Result<Vec<Interface>, Failure> {
    let root = calls.get_all(ROOT, SERVICE).await?;
    known.set_built_with(root.words("Capabilities"));
    let paths = root.objects("Interfaces")?;
    let found = try_join_all(paths.iter().map(|path| one(calls, path))).await?;
    let all: Vec<Interface> = found.into_iter().flatten().collect();
    let mut abilities: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for interface in &all {
        known.name(&interface.path, &interface.name);
        for (kind, words) in &interface.abilities {
            abilities.entry(kind.clone()).or_default().extend(words.iter().cloned());
        }
    }
    known.set_abilities(abilities);
    known.set_wps(all.iter().map(|interface| interface.wps.is_some()).max());
    Ok(all)
}

/// The interface at a path, if it is still there.
pub(crate) async fn one(calls: &Calls, path: &str) -> Result<Option<Interface>, Failure> {
    let Some(all) = calls.look_at(path, INTERFACE).await? else { return Ok(None) };
    let (mut interface, networks) = Interface::new(path, &all)?;
    for network in join_all(networks.iter().map(|path| network(calls, path))).await {
        interface.networks.extend(network?);
    }
    Ok(Some(interface))
}

async fn network(calls: &Calls, path: &str) -> Result<Option<Network>, Failure> {
    let all = calls.look_at(path, NETWORK).await?;
    all.map(|all| Network::new(path, &all)).transpose()
}

/// The address of an interface, as the kernel shows it.
pub(crate) fn address_of(name: &str) -> Option<Mac> {
    Mac::parse(shown(name, "address")?.trim())
}

/// The radio of an interface, as the kernel shows it.
pub(crate) fn radio_of(name: &str) -> Option<String> {
    Some(shown(name, "phy80211/name")?.trim().to_owned())
}

fn shown(name: &str, what: &str) -> Option<String> {
    let is_name = !name.is_empty() && name.len() <= MAX_NAME && !name.contains('/') && !name.starts_with('.');
    if !is_name {
        return None;
    }
    std::fs::read_to_string(Path::new(DEVICES).join(name).join(what)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_not_followed() {
        assert!(address_of("lo").is_some());
        assert_eq!(address_of("../net/lo"), None);
        assert_eq!(address_of(".."), None);
        assert_eq!(address_of(""), None);
    }
}
