//! `Device.WiFi.NeighboringWiFiDiagnostic.`: the networks that the radios hear.
//!
//! A run listens once with every radio that has an interface which is switched on; that takes seconds, and whoever is served
//! by the radio waits meanwhile. What was heard stays until the next run.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use cwmp_plugin_sdk::{
    AsyncDiagnose, AsyncServe, Diagnostic, Enumeration, Error, Failed, Host, Level, Object, Rows, Wanted,
};
use futures_util::future::join_all;

use crate::back_end::{Air, Failure};
use crate::facts::{channel_of, Band, Interface, Mac, Neighbour, Protection, Role, Standard};
use crate::objects::{Bandwidth, Radio};
use crate::plugin::WiFi;
use crate::words;

/// The most networks that one run tells of: the strongest.
const MAX_HEARD: usize = 256;
/// The most characters of a list of rates: the standard's.
const MAX_RATES: usize = 256;
/// What the standard takes for a level, in dBm.
const LEVELS: (i32, i32) = (-200, 0);

/// The diagnostic.
#[derive(Debug, Object)]
#[object("Device.WiFi.NeighboringWiFiDiagnostic.")]
pub(crate) struct NeighboringWiFiDiagnostic {
    #[param(writable, pushed)]
    diagnostics_state: String,
}

/// How a network is organised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Organisation {
    AdHoc,
    Infrastructure,
}

/// How a network is protected, in the words of this table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Protected {
    None,
    #[value("WEP")]
    Wep,
    #[value("WPA")]
    Wpa,
    #[value("WPA2")]
    Wpa2,
    #[value("WPA-WPA2")]
    WpaWpa2,
    #[value("WPA-Enterprise")]
    WpaEnterprise,
    #[value("WPA2-Enterprise")]
    Wpa2Enterprise,
    #[value("WPA-WPA2-Enterprise")]
    WpaWpa2Enterprise,
    #[value("WPA3-SAE")]
    Wpa3Sae,
    #[value("WPA2-PSK-WPA3-SAE")]
    Wpa2PskWpa3Sae,
    #[value("WPA3-Enterprise")]
    Wpa3Enterprise,
    #[value("OWE")]
    Owe,
}

/// A network that was heard.
#[derive(Debug, Object)]
#[object("Device.WiFi.NeighboringWiFiDiagnostic.Result.{i}.")]
pub(crate) struct NeighbourResult {
    radio: Result<String, Error>,
    #[param("SSID")]
    ssid: String,
    #[param("BSSID")]
    bssid: String,
    mode: Organisation,
    channel: u32,
    signal_strength: Option<i32>,
    security_mode_enabled: Protected,
    encryption_mode: Vec<String>,
    operating_frequency_band: String,
    supported_standards: Vec<String>,
    operating_standards: Vec<String>,
    operating_channel_bandwidth: Bandwidth,
    /// In milliseconds.
    beacon_period: u32,
    noise: Option<i32>,
    /// In Mbit/s.
    basic_data_transfer_rates: Vec<String>,
    supported_data_transfer_rates: Vec<String>,
    /// In beacons.
    #[param("DTIMPeriod")]
    dtim_period: Option<u32>,
}

impl Diagnostic for NeighboringWiFiDiagnostic {
    type Results = Vec<Heard>;
}

/// A network that a run has heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    number: u32,
    /// The key of the radio that heard it best.
    radio: String,
    channel: u16,
    band: Band,
    /// In dBm, on its channel.
    noise: Option<i32>,
    network: Neighbour,
}

/// What one run leaves for the next: which number a network had. The air is full of addresses that somebody made up, so
/// these are no rows to be remembered for ever; one that was in the last run keeps its number.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    numbers: RefCell<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    last: u32,
    known: BTreeMap<Mac, u32>,
}

impl Neighbours {
    /// Listens with every radio that can, and says what those were that could not.
    pub(crate) async fn listen(&self, air: &dyn Air) -> Result<(Vec<Heard>, Vec<Failure>), Failed> {
        let failed = |failure: Failure| Failed::new("Error", failure.to_string());
        let (radios, interfaces) =
            (air.radios().await.map_err(failed)?, air.interfaces().await.map_err(failed)?);
        let each = radios.iter().map(|radio| async {
            let own = interfaces.iter().filter(|interface| interface.radio == radio.index).collect();
            (radio.key.as_str(), hear(air, own).await)
        });
        let (mut best, mut failures, mut deaf) = (BTreeMap::<Mac, Heard>::new(), Vec::new(), true);
        for (radio, heard) in join_all(each).await {
            match heard {
                Ok(all) => {
                    deaf = false;
                    for (noise, network) in all {
                        note(&mut best, &interfaces, radio, network, noise);
                    }
                }
                Err(failure) => failures.push(failure),
            }
        }
        if deaf {
            let why = failures.first().map_or_else(|| "there is no radio".to_owned(), ToString::to_string);
            return Err(Failed::new("Error", why));
        }
        let mut all: Vec<Heard> = best.into_values().collect();
        all.sort_by_key(|heard| std::cmp::Reverse(heard.network.signal));
        all.truncate(MAX_HEARD);
        self.number(&mut all);
        Ok((all, failures))
    }

    fn number(&self, all: &mut [Heard]) {
        let mut numbers = self.numbers.borrow_mut();
        for heard in all.iter_mut() {
            heard.number = numbers.known.get(&heard.network.bssid).copied().unwrap_or_else(|| {
                numbers.last = numbers.last.checked_add(1).unwrap_or(1);
                numbers.last
            });
        }
        numbers.known = all.iter().map(|heard| (heard.network.bssid, heard.number)).collect();
    }
}

/// What the best interface of a radio hears, with the noise there. A station disturbs the least.
async fn hear(air: &dyn Air, mut own: Vec<&Interface>) -> Result<Vec<(Option<i32>, Neighbour)>, Failure> {
    own.retain(|interface| interface.up);
    own.sort_by_key(|interface| match interface.role {
        Role::Station => 0,
        Role::AccessPoint => 1,
        Role::Other => 2,
    });
    let mut why = Failure::Impossible("no interface of the radio is switched on".to_owned());
    for interface in own {
        match air.scan(interface.index).await {
            Ok(networks) => {
                // Not every driver measures noise.
                let survey = air.survey(interface.index).await.unwrap_or_default();
                let noise = |frequency| survey.iter().find(|heard| heard.frequency == frequency)?.noise;
                let with_noise = |network: Neighbour| (noise(network.frequency), network);
                return Ok(networks.into_iter().map(with_noise).collect());
            }
            Err(failure) => why = failure,
        }
    }
    Err(why)
}

/// Notes a network, unless it is one of ours, has been heard better, or is where the standard has no channels.
fn note(
    best: &mut BTreeMap<Mac, Heard>,
    interfaces: &[Interface],
    radio: &str,
    network: Neighbour,
    noise: Option<i32>,
) {
    let ours = |own: &Interface| own.role == Role::AccessPoint && own.mac == network.bssid;
    let place = Band::of(network.frequency).zip(channel_of(network.frequency));
    let Some((band, channel)) = place.filter(|_| !interfaces.iter().any(ours)) else { return };
    let better = best.get(&network.bssid).is_some_and(|other| other.network.signal >= network.signal);
    if !better {
        let heard = Heard { number: 0, radio: radio.to_owned(), channel, band, noise, network };
        best.insert(heard.network.bssid, heard);
    }
}

/// The rows of what was heard.
pub(crate) fn rows(heard: &[Heard], host: &Host) -> Rows<NeighbourResult> {
    let mut radios: BTreeMap<&str, Result<String, Error>> = BTreeMap::new();
    let row = |heard: &Heard, radio: Result<String, Error>| {
        let network = &heard.network;
        let level = |level: Option<i32>| level.map(|level| level.clamp(LEVELS.0, LEVELS.1));
        let mut standards: Vec<String> = Vec::new();
        for standard in network.standards.iter().filter(|standard| belongs(**standard, heard.band)) {
            standards.push(words::standard(*standard).to_owned());
        }
        NeighbourResult {
            radio,
            ssid: network.ssid.text(),
            bssid: network.bssid.to_string(),
            mode: if network.ad_hoc { Organisation::AdHoc } else { Organisation::Infrastructure },
            channel: heard.channel.into(),
            signal_strength: level(network.signal),
            security_mode_enabled: protection(&network.protection),
            encryption_mode: encryption(&network.protection),
            operating_frequency_band: words::band(heard.band).to_owned(),
            supported_standards: standards.clone(),
            operating_standards: standards,
            operating_channel_bandwidth: network.width.into(),
            // Units of 1024 microseconds.
            beacon_period: (u32::from(network.beacon_interval) * 1024 + 500) / 1000,
            noise: level(heard.noise),
            basic_data_transfer_rates: rates(&network.basic_rates),
            supported_data_transfer_rates: rates(&network.rates),
            dtim_period: (network.dtim_period > 0).then(|| network.dtim_period.into()),
        }
    };
    let mut rows = Rows::new();
    for heard in heard {
        let path =
            || host.path_of::<Radio>(heard.radio.as_str()).map(|path| path.trim_end_matches('.').to_owned());
        let radio = radios.entry(&heard.radio).or_insert_with(path).clone();
        rows.push(heard.number, row(heard, radio));
    }
    rows
}

/// Whether the standard knows a standard of the air in a band.
fn belongs(standard: Standard, band: Band) -> bool {
    match standard {
        Standard::B | Standard::G => band == Band::Two,
        Standard::A | Standard::Ac => band == Band::Five,
        Standard::N => band != Band::Six,
        Standard::Ax | Standard::Be => true,
    }
}

/// The strongest that a network offers decides, and what it offers beside that.
fn protection(offered: &Protection) -> Protected {
    let Protection { privacy, wpa, rsn, psk, sae, enterprise, suite_b, owe, .. } = *offered;
    match () {
        () if suite_b => Protected::Wpa3Enterprise,
        () if enterprise && wpa && rsn => Protected::WpaWpa2Enterprise,
        () if enterprise && rsn => Protected::Wpa2Enterprise,
        () if enterprise => Protected::WpaEnterprise,
        () if sae && psk => Protected::Wpa2PskWpa3Sae,
        () if sae => Protected::Wpa3Sae,
        () if psk && wpa => Protected::WpaWpa2,
        () if owe => Protected::Owe,
        () if psk || rsn => Protected::Wpa2,
        () if wpa => Protected::Wpa,
        () if privacy => Protected::Wep,
        () => Protected::None,
    }
}

fn encryption(offered: &Protection) -> Vec<String> {
    // The ciphers of suite B are AES in another mode; where there is WPA3 there is no TKIP.
    let modern = offered.sae || offered.suite_b;
    let all = [(offered.tkip && !modern, "TKIP"), (offered.ccmp || offered.suite_b, "AES")];
    all.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned()).collect()
}

/// Rates as the standard writes them, as many as have room.
fn rates(kbits: &[u32]) -> Vec<String> {
    let (mut all, mut length) = (Vec::new(), 0);
    for rate in kbits {
        let text = (f64::from(*rate) / 1000.0).to_string();
        length += text.len() + 1;
        // The last has no comma behind it.
        if length > MAX_RATES + 1 {
            break;
        }
        all.push(text);
    }
    all
}

impl AsyncServe<NeighboringWiFiDiagnostic> for WiFi {}

impl AsyncServe<NeighbourResult> for WiFi {
    async fn read(
        self: Rc<Self>,
        _: Rows<NeighbourResult>,
        _: &Wanted<'_>,
    ) -> Result<Rows<NeighbourResult>, Error> {
        let heard = self.settings.results::<NeighboringWiFiDiagnostic>();
        Ok(heard.map_or_else(Rows::new, |heard| rows(&heard, &self.host)))
    }
}

impl AsyncDiagnose<NeighboringWiFiDiagnostic> for WiFi {
    async fn diagnose(self: Rc<Self>, _: NeighboringWiFiDiagnostic) -> Result<Vec<Heard>, Failed> {
        let (heard, failures) = self.neighbours.listen(&*self.back.air).await?;
        for failure in failures {
            self.host
                .log(Level::Notice, &format!("a radio does not listen for networks: {failure}, ignoring"));
        }
        Ok(heard)
    }
}
