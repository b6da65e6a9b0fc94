//! `Device.WiFi.EndPoint.{i}.`

use cwmp_plugin_sdk::{Enumeration, Error, HexBinary, Object};

use super::{MfpConfig, Service, WpsStatus};

/// A station of ours.
#[derive(Debug, Object)]
#[object("Device.WiFi.EndPoint.{i}.", writable)]
pub(crate) struct EndPoint {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: Service,
    #[param(writable, pushed)]
    pub(crate) profile_reference: Result<String, Error>,
    #[param("SSIDReference", pushed)]
    pub(crate) ssid_reference: Result<String, Error>,
}

/// How the air is.
#[derive(Debug, Object)]
#[object("Device.WiFi.EndPoint.{i}.Stats.")]
pub(crate) struct EndPointStats {
    #[param(counter)]
    pub(crate) last_data_downlink_rate: Option<u32>,
    #[param(counter)]
    pub(crate) last_data_uplink_rate: Option<u32>,
    #[param(counter)]
    pub(crate) signal_strength: Option<i32>,
    #[param(counter)]
    pub(crate) retransmissions: Option<u32>,
}

/// How networks may be protected.
#[derive(Debug, Object)]
#[object("Device.WiFi.EndPoint.{i}.Security.")]
pub(crate) struct EndPointSecurity {
    #[param(pushed)]
    pub(crate) modes_supported: Vec<String>,
}

/// How it is let in without a passphrase.
#[derive(Debug, Object)]
#[object("Device.WiFi.EndPoint.{i}.WPS.")]
pub(crate) struct EndPointWps {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) config_methods_supported: Vec<String>,
    #[param(writable, pushed)]
    pub(crate) config_methods_enabled: Vec<String>,
    #[param(pushed)]
    pub(crate) status: WpsStatus,
}

/// How far a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum ProfileStatus {
    Active,
    Available,
    Error,
    Disabled,
}

/// A network that it may join.
#[derive(Debug, Object)]
#[object("Device.WiFi.EndPoint.{i}.Profile.{i}.", writable)]
pub(crate) struct Profile {
    #[param(writable, pushed)]
    pub(crate) enable: bool,
    #[param(pushed)]
    pub(crate) status: ProfileStatus,
    #[param("SSID", writable, pushed)]
    pub(crate) ssid: String,
    #[param(writable, pushed)]
    pub(crate) location: String,
    #[param(writable, pushed)]
    pub(crate) priority: u32,
}

/// How that network is protected.
#[derive(Debug, Object)]
#[object("Device.WiFi.EndPoint.{i}.Profile.{i}.Security.")]
pub(crate) struct ProfileSecurity {
    #[param(writable, pushed)]
    pub(crate) mode_enabled: String,
    #[param(writable, secret)]
    pub(crate) pre_shared_key: HexBinary,
    #[param(writable, secret)]
    pub(crate) key_passphrase: String,
    #[param("SAEPassphrase", writable, secret)]
    pub(crate) sae_passphrase: String,
    #[param("MFPConfig", writable, pushed)]
    pub(crate) mfp_config: MfpConfig,
}
