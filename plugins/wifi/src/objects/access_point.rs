//! `Device.WiFi.AccessPoint.{i}.`

use std::net::IpAddr;

use cwmp_plugin_sdk::{DateTime, Enumeration, Error, HexBinary, Object};

use super::{MfpConfig, Service};

/// A network that others join.
#[derive(Debug, Object)]
#[object("Device.WiFi.AccessPoint.{i}.", writable)]
pub(crate) struct AccessPoint {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: Service,
    #[param("SSIDReference", writable, pushed)]
    pub(crate) ssid_reference: Result<String, Error>,
    #[param("SSIDAdvertisementEnabled", writable, pushed)]
    pub(crate) advertised: bool,
    #[param("WMMCapability", pushed)]
    pub(crate) wmm_capability: bool,
    #[param("UAPSDCapability", pushed)]
    pub(crate) uapsd_capability: bool,
    #[param("WMMEnable", writable, pushed)]
    pub(crate) wmm_enable: bool,
    #[param("UAPSDEnable", writable, pushed)]
    pub(crate) uapsd_enable: bool,
    #[param(writable, pushed)]
    pub(crate) isolation_enable: bool,
    #[param(writable, pushed)]
    pub(crate) max_allowed_associations: u32,
    #[param("MACAddressControlEnabled", writable, pushed)]
    pub(crate) mac_address_control_enabled: bool,
    #[param("AllowedMACAddress", writable, pushed)]
    pub(crate) allowed_mac_address: Vec<String>,
}

/// How it is protected.
#[derive(Debug, Object)]
#[object("Device.WiFi.AccessPoint.{i}.Security.")]
pub(crate) struct Security {
    #[param(pushed)]
    pub(crate) modes_supported: Vec<String>,
    #[param(writable, pushed)]
    pub(crate) mode_enabled: String,
    #[param(writable, secret)]
    pub(crate) pre_shared_key: HexBinary,
    #[param(writable, secret)]
    pub(crate) key_passphrase: String,
    #[param("SAEPassphrase", writable, secret)]
    pub(crate) sae_passphrase: String,
    #[param(writable, pushed)]
    pub(crate) rekeying_interval: u32,
    #[param("RadiusServerIPAddr", writable, pushed)]
    pub(crate) radius_server: Option<IpAddr>,
    #[param(writable, pushed)]
    pub(crate) radius_server_port: u32,
    #[param(writable, secret)]
    pub(crate) radius_secret: String,
    #[param("SecondaryRadiusServerIPAddr", writable, pushed)]
    pub(crate) secondary_radius_server: Option<IpAddr>,
    #[param(writable, pushed)]
    pub(crate) secondary_radius_server_port: u32,
    #[param(writable, secret)]
    pub(crate) secondary_radius_secret: String,
    #[param("MFPConfig", writable, pushed)]
    pub(crate) mfp_config: MfpConfig,
    /// Set to true, the keys are those of the image again. It reads as false.
    #[param(writable)]
    pub(crate) reset: bool,
}

/// The state of WPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum WpsStatus {
    Disabled,
    Error,
    Configured,
}

/// How others are let in without a passphrase.
#[derive(Debug, Object)]
#[object("Device.WiFi.AccessPoint.{i}.WPS.")]
pub(crate) struct Wps {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) config_methods_supported: Vec<String>,
    #[param(writable, pushed)]
    pub(crate) config_methods_enabled: Vec<String>,
    #[param(pushed)]
    pub(crate) status: WpsStatus,
}

/// The standard that a device speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Spoken {
    #[value("n")]
    N,
    #[value("ac")]
    Ac,
    #[value("ax")]
    Ax,
    #[value("be")]
    Be,
}

/// A device that is let in.
#[derive(Debug, Object)]
#[object("Device.WiFi.AccessPoint.{i}.AssociatedDevice.{i}.")]
pub(crate) struct AssociatedDevice {
    #[param("MACAddress", pushed)]
    pub(crate) mac_address: String,
    #[param(pushed)]
    pub(crate) authentication_state: bool,
    #[param(pushed)]
    pub(crate) active: bool,
    pub(crate) operating_standard: Option<Spoken>,
    pub(crate) association_time: Option<DateTime>,
    #[param(counter)]
    pub(crate) last_data_downlink_rate: Option<u32>,
    #[param(counter)]
    pub(crate) last_data_uplink_rate: Option<u32>,
    #[param(counter)]
    pub(crate) signal_strength: Option<i32>,
    #[param(counter)]
    pub(crate) noise: Option<i32>,
    #[param(counter, "SNR")]
    pub(crate) snr: Option<u32>,
    #[param(counter)]
    pub(crate) retransmissions: Option<u32>,
}

/// What it has sent and received.
#[derive(Debug, Object)]
#[object("Device.WiFi.AccessPoint.{i}.AssociatedDevice.{i}.Stats.")]
pub(crate) struct AssociatedDeviceStats {
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
    pub(crate) retrans_count: Result<u32, Error>,
    #[param(counter)]
    pub(crate) failed_retrans_count: Result<u32, Error>,
}
