//! Stations, and what was heard on channels.

use super::attribute::{of, Attributes};
use super::connection::Message;
use crate::facts::{Mac, Standard, Station, Survey};

/// The most stations of an interface.
pub(super) const MAX_STATIONS: usize = 2_048;
/// The most channels of a survey.
pub(super) const MAX_SURVEYS: usize = 512;

/// `NL80211_STA_INFO_*`.
mod of_station {
    pub(super) const INACTIVE_TIME: u16 = 1;
    pub(super) const RX_BYTES: u16 = 2;
    pub(super) const TX_BYTES: u16 = 3;
    pub(super) const SIGNAL: u16 = 7;
    pub(super) const TX_BITRATE: u16 = 8;
    pub(super) const RX_PACKETS: u16 = 9;
    pub(super) const TX_PACKETS: u16 = 10;
    pub(super) const TX_RETRIES: u16 = 11;
    pub(super) const TX_FAILED: u16 = 12;
    pub(super) const SIGNAL_AVG: u16 = 13;
    pub(super) const RX_BITRATE: u16 = 14;
    pub(super) const CONNECTED_TIME: u16 = 16;
    pub(super) const STA_FLAGS: u16 = 17;
    pub(super) const RX_BYTES64: u16 = 23;
    pub(super) const TX_BYTES64: u16 = 24;
    pub(super) const RX_DROP_MISC: u16 = 28;
}

/// `NL80211_RATE_INFO_*`.
mod of_rate {
    pub(super) const BITRATE: u16 = 1;
    pub(super) const MCS: u16 = 2;
    pub(super) const BITRATE32: u16 = 5;
    pub(super) const VHT_MCS: u16 = 6;
    pub(super) const HE_MCS: u16 = 13;
    pub(super) const EHT_MCS: u16 = 19;
}

/// `NL80211_STA_FLAG_AUTHORIZED`, as a bit.
const AUTHORIZED: u32 = 1 << 1;

/// `NL80211_SURVEY_INFO_*`.
mod of_survey {
    pub(super) const FREQUENCY: u16 = 1;
    pub(super) const NOISE: u16 = 2;
    pub(super) const IN_USE: u16 = 3;
}

pub(super) fn stations(dump: &[Message]) -> Vec<Station> {
    dump.iter().filter_map(|message| station(message.attributes())).take(MAX_STATIONS).collect()
}

fn station(attributes: Attributes<'_>) -> Option<Station> {
    let mac = attributes.get(of::MAC).and_then(Mac::from_bytes)?;
    let info = attributes.inside(of::STA_INFO);
    let small = |number| info.u32(number).map(u64::from);
    let (tx, rx) = (info.inside(of_station::TX_BITRATE), info.inside(of_station::RX_BITRATE));
    // Of two numbers of 32 bits: what is said, and of what is anything said.
    let flags =
        info.get(of_station::STA_FLAGS).and_then(|both| both.get(4..8)).and_then(|set| set.try_into().ok());
    let average = info.i8(of_station::SIGNAL_AVG).filter(|signal| *signal != 0);
    Some(Station {
        mac,
        signal: average.or_else(|| info.i8(of_station::SIGNAL)).map(i32::from),
        tx_rate: rate(tx),
        rx_rate: rate(rx),
        standard: standard(tx).max(standard(rx)),
        rx_bytes: info.u64(of_station::RX_BYTES64).or(small(of_station::RX_BYTES)).unwrap_or_default(),
        tx_bytes: info.u64(of_station::TX_BYTES64).or(small(of_station::TX_BYTES)).unwrap_or_default(),
        rx_packets: small(of_station::RX_PACKETS).unwrap_or_default(),
        tx_packets: small(of_station::TX_PACKETS).unwrap_or_default(),
        tx_retries: small(of_station::TX_RETRIES).unwrap_or_default(),
        tx_failed: small(of_station::TX_FAILED).unwrap_or_default(),
        rx_dropped: info.u64(of_station::RX_DROP_MISC).unwrap_or_default(),
        authorized: flags.is_some_and(|set| u32::from_ne_bytes(set) & AUTHORIZED != 0),
        connected: info.u32(of_station::CONNECTED_TIME),
        inactive: info.u32(of_station::INACTIVE_TIME),
    })
}

/// In kbit/s; the kernel counts in 100 kbit/s.
fn rate(info: Attributes<'_>) -> Option<u32> {
    let hundreds = info.u32(of_rate::BITRATE32).or(info.u16(of_rate::BITRATE).map(u32::from))?;
    Some(hundreds.saturating_mul(100)).filter(|rate| *rate > 0)
}

fn standard(info: Attributes<'_>) -> Option<Standard> {
    let all = [
        (of_rate::EHT_MCS, Standard::Be),
        (of_rate::HE_MCS, Standard::Ax),
        (of_rate::VHT_MCS, Standard::Ac),
        (of_rate::MCS, Standard::N),
    ];
    all.into_iter().find(|(number, _)| info.has(*number)).map(|(_, standard)| standard)
}

pub(super) fn surveys(dump: &[Message]) -> Vec<Survey> {
    let read = |message: &Message| survey(message.attributes().inside(of::SURVEY_INFO));
    dump.iter().filter_map(read).take(MAX_SURVEYS).collect()
}

fn survey(info: Attributes<'_>) -> Option<Survey> {
    Some(Survey {
        frequency: info.u32(of_survey::FREQUENCY)?,
        in_use: info.has(of_survey::IN_USE),
        noise: info.i8(of_survey::NOISE).map(i32::from),
    })
}
