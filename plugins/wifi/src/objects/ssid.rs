//! `Device.WiFi.SSID.{i}.`

use cwmp_plugin_sdk::{Error, Object};

use super::Status;

/// A network as an interface.
#[derive(Debug, Object)]
#[object("Device.WiFi.SSID.{i}.", writable)]
pub(crate) struct Ssid {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: Status,
    pub(crate) last_change: u32,
    #[param(pushed)]
    pub(crate) name: String,
    #[param(writable, pushed)]
    pub(crate) lower_layers: Result<String, Error>,
    #[param(pushed)]
    pub(crate) upstream: bool,
    #[param("BSSID", pushed)]
    pub(crate) bssid: String,
    #[param("MACAddress", pushed)]
    pub(crate) mac_address: String,
    #[param("SSID", writable, pushed)]
    pub(crate) network: String,
    #[param("MLDUnit", writable, "range=-1:-1")]
    pub(crate) mld_unit: i32,
}

/// What the interface of a network has sent and received.
#[derive(Debug, Object)]
#[object("Device.WiFi.SSID.{i}.Stats.")]
pub(crate) struct SsidStats {
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
    pub(crate) multicast_packets_received: Result<u64, Error>,
}
