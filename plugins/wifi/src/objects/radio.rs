//! `Device.WiFi.Radio.{i}.`

use cwmp_plugin_sdk::{Enumeration, Error, Object};

use super::Status;

/// How wide a channel is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Bandwidth {
    #[value("20MHz")]
    W20,
    #[value("40MHz")]
    W40,
    #[value("80MHz")]
    W80,
    #[value("160MHz")]
    W160,
    #[value("320MHz-1")]
    W320,
    Auto,
}

/// Where the second half of a channel of 40 MHz is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Extension {
    AboveControlChannel,
    BelowControlChannel,
    Auto,
}

/// The pause between two symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Guard {
    #[value("400nsec")]
    Short,
    #[value("800nsec")]
    Long,
    Auto,
}

/// A radio.
#[derive(Debug, Object)]
#[object("Device.WiFi.Radio.{i}.")]
pub(crate) struct Radio {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: Status,
    pub(crate) last_change: u32,
    #[param(pushed)]
    pub(crate) name: String,
    #[param(pushed)]
    pub(crate) upstream: bool,
    #[param(pushed)]
    pub(crate) max_bit_rate: Option<u32>,
    #[param(pushed)]
    pub(crate) supported_frequency_bands: Vec<String>,
    #[param(writable, pushed)]
    pub(crate) operating_frequency_band: String,
    #[param(pushed)]
    pub(crate) supported_standards: Vec<String>,
    #[param(writable, pushed)]
    pub(crate) operating_standards: Vec<String>,
    #[param(pushed)]
    pub(crate) possible_channels: Vec<String>,
    pub(crate) channels_in_use: Vec<String>,
    #[param(writable, pushed)]
    pub(crate) channel: Option<u32>,
    #[param(pushed)]
    pub(crate) auto_channel_supported: bool,
    #[param(writable, pushed)]
    pub(crate) auto_channel_enable: bool,
    pub(crate) channel_last_change: u32,
    #[param("MaxSupportedSSIDs", pushed)]
    pub(crate) max_supported_ssids: Option<u32>,
    #[param(pushed)]
    pub(crate) supported_operating_channel_bandwidths: Vec<Bandwidth>,
    #[param(writable, pushed)]
    pub(crate) operating_channel_bandwidth: Bandwidth,
    #[param(pushed)]
    pub(crate) current_operating_channel_bandwidth: Option<Current>,
    #[param(writable, pushed)]
    pub(crate) extension_channel: Extension,
    #[param(writable, pushed)]
    pub(crate) guard_interval: Guard,
    #[param("MCS", writable, "range=-1:-1;factory=-1")]
    pub(crate) mcs: i32,
    #[param(pushed)]
    pub(crate) transmit_power_supported: Vec<i32>,
    #[param(writable, pushed, "factory=100")]
    pub(crate) transmit_power: i32,
    #[param("IEEE80211hSupported", pushed)]
    pub(crate) spectrum_supported: bool,
    #[param("IEEE80211hEnabled", writable, pushed)]
    pub(crate) spectrum_enabled: bool,
    #[param(writable, pushed)]
    pub(crate) regulatory_domain: Result<String, Error>,
    #[param(writable, pushed, "range=15:65535")]
    pub(crate) beacon_period: Option<u32>,
    #[param("DTIMPeriod", writable, pushed, "range=1:255")]
    pub(crate) dtim_period: Option<u32>,
    #[param("RTSThreshold", writable, pushed, "range=0:2347")]
    pub(crate) rts_threshold: Option<u32>,
    #[param(writable, pushed, "range=256:2346")]
    pub(crate) fragmentation_threshold: Option<u32>,
    #[param(pushed)]
    pub(crate) supported_data_transmit_rates: Vec<String>,
}

/// How wide a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Current {
    #[value("20MHz")]
    W20,
    #[value("40MHz")]
    W40,
    #[value("80MHz")]
    W80,
    #[value("160MHz")]
    W160,
    #[value("320MHz-1")]
    W320,
}

/// What a radio has sent and received: the sum of its interfaces.
#[derive(Debug, Object)]
#[object("Device.WiFi.Radio.{i}.Stats.")]
pub(crate) struct RadioStats {
    #[param(counter)]
    pub(crate) bytes_sent: Result<u64, Error>,
    #[param(counter)]
    pub(crate) bytes_received: Result<u64, Error>,
    #[param(counter)]
    pub(crate) packets_sent: Result<u64, Error>,
    #[param(counter)]
    pub(crate) packets_received: Result<u64, Error>,
    #[param(counter)]
    pub(crate) errors_sent: Result<u32, Error>,
    #[param(counter)]
    pub(crate) errors_received: Result<u32, Error>,
    #[param(counter)]
    pub(crate) discard_packets_sent: Result<u32, Error>,
    #[param(counter)]
    pub(crate) discard_packets_received: Result<u32, Error>,
    #[param(counter)]
    pub(crate) noise: Option<i32>,
}
