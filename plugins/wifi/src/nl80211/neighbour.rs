//! Networks that a scan found.

use std::time::Duration;

use super::attribute::{of, Attributes};
use super::connection::Message;
use super::element::Told;
use crate::facts::{Band, Mac, Neighbour, Protection, Ssid, Standard, Width};

/// The most networks of a scan; the strongest are kept.
pub(super) const MAX_NEIGHBOURS: usize = 512;

/// `NL80211_BSS_*`.
mod of_bss {
    pub(super) const BSSID: u16 = 1;
    pub(super) const FREQUENCY: u16 = 2;
    pub(super) const BEACON_INTERVAL: u16 = 4;
    pub(super) const CAPABILITY: u16 = 5;
    pub(super) const INFORMATION_ELEMENTS: u16 = 6;
    pub(super) const SIGNAL_MBM: u16 = 7;
    pub(super) const STATUS: u16 = 9;
    pub(super) const SEEN_MS_AGO: u16 = 10;
    pub(super) const BEACON_IES: u16 = 11;
}

/// `NL80211_BSS_STATUS_ASSOCIATED`.
const ASSOCIATED: u32 = 1;
/// The bits of what a network can do: IEEE 802.11, 9.4.1.4.
const AD_HOC: u16 = 1 << 1;
const PRIVACY: u16 = 1 << 4;

/// The networks of a dump that were heard lately, the strongest first.
pub(super) fn neighbours(dump: &[Message], lately: Duration) -> Vec<Neighbour> {
    let read = |message: &Message| neighbour(message.attributes().inside(of::BSS), lately);
    let mut all = dump.iter().filter_map(read).collect::<Vec<_>>();
    all.sort_by_key(|neighbour| std::cmp::Reverse(neighbour.signal));
    all.truncate(MAX_NEIGHBOURS);
    all
}

/// The name of the network that a station is in: of all that it knows, the one that it is at.
pub(super) fn own(dump: &[Message]) -> Option<Ssid> {
    let mut all = dump.iter().map(|message| message.attributes().inside(of::BSS));
    let own = all.find(|bss| bss.u32(of_bss::STATUS) == Some(ASSOCIATED))?;
    Told::read(own.get(of_bss::INFORMATION_ELEMENTS)?).ssid.filter(|ssid| !ssid.is_empty())
}

fn neighbour(bss: Attributes<'_>, lately: Duration) -> Option<Neighbour> {
    let ago = bss.u32(of_bss::SEEN_MS_AGO).map(u64::from).map(Duration::from_millis);
    if ago.is_some_and(|ago| ago > lately) {
        return None;
    }
    let frequency = bss.u32(of_bss::FREQUENCY)?;
    let capability = bss.u16(of_bss::CAPABILITY).unwrap_or_default();
    let beacon = bss.get(of_bss::BEACON_IES).map(Told::read);
    let told = bss.get(of_bss::INFORMATION_ELEMENTS).map(Told::read).or(beacon.clone()).unwrap_or_default();
    let standards = standards(frequency, &told);
    Some(Neighbour {
        bssid: bss.get(of_bss::BSSID).and_then(Mac::from_bytes)?,
        frequency,
        // In hundredths of dBm. Some drivers know only how good it is, on a scale of their own.
        signal: bss.i32(of_bss::SIGNAL_MBM).map(|hundredths| hundredths / 100),
        beacon_interval: bss.u16(of_bss::BEACON_INTERVAL).unwrap_or_default(),
        // An answer to a probe does not have it.
        dtim_period: told.dtim_period.or(beacon.and_then(|beacon| beacon.dtim_period)).unwrap_or_default(),
        ad_hoc: capability & AD_HOC != 0,
        protection: Protection { privacy: capability & PRIVACY != 0, ..told.protection },
        standards,
        width: told.width.unwrap_or(Width::W20),
        ssid: told.ssid.unwrap_or_default(),
        basic_rates: told.basic_rates,
        rates: told.rates,
    })
}

fn standards(frequency: u32, told: &Told) -> Vec<Standard> {
    let band = Band::of(frequency);
    let slow = |rate: &u32| [1_000, 2_000, 5_500, 11_000].contains(rate);
    let all = [
        (band == Some(Band::Five) && !told.rates.is_empty(), Standard::A),
        (band == Some(Band::Two) && told.rates.iter().any(slow), Standard::B),
        (band == Some(Band::Two) && !told.rates.iter().all(slow), Standard::G),
        (told.ht && band != Some(Band::Six), Standard::N),
        (told.vht && band == Some(Band::Five), Standard::Ac),
        (told.he, Standard::Ax),
        (told.eht, Standard::Be),
    ];
    all.into_iter().filter_map(|(is, standard)| is.then_some(standard)).collect()
}
