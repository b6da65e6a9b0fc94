//! The objects of `Device.WiFi.`, one file for each table.

mod access_point;
mod end_point;
mod radio;
mod ssid;

pub(crate) use access_point::{
    AccessPoint, AssociatedDevice, AssociatedDeviceStats, Security, Spoken, Wps, WpsStatus,
};
pub(crate) use end_point::{
    EndPoint, EndPointSecurity, EndPointStats, EndPointWps, Profile, ProfileSecurity, ProfileStatus,
};
pub(crate) use radio::{Bandwidth, Current, Extension, Guard, Radio, RadioStats};
pub(crate) use ssid::{Ssid, SsidStats};

use cwmp_plugin_sdk::{Enumeration, Object};

/// `Device.WiFi.` itself.
#[derive(Debug, Object)]
#[object("Device.WiFi.")]
pub(crate) struct WiFiObject {
    /// Set to true, everything is switched off and on again. It reads as false.
    #[param(writable)]
    pub(crate) reset: bool,
    #[param(counter)]
    pub(crate) reset_counter: u32,
}

/// The state of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Status {
    Up,
    Down,
    Unknown,
    Dormant,
    NotPresent,
    LowerLayerDown,
    Error,
}

/// The state of an access point or an end point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum Service {
    Disabled,
    Enabled,
    #[value("Error_Misconfigured")]
    Misconfigured,
    Error,
}

/// How management frames are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
pub(crate) enum MfpConfig {
    Disabled,
    Optional,
    Required,
}
