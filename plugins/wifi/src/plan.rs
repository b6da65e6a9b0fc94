//! What shall be: whole plans, which a back end makes true.

use std::net::IpAddr;

pub(crate) use cwmp_plugin_sdk::Secret;

use crate::facts::{Band, Mac, Ssid, Standard, Width};

/// The words of the standard for how a network is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// No protection at all.
    #[default]
    None,
    /// WPA, the first: TKIP.
    WpaPersonal,
    Wpa2Personal,
    Wpa3Personal,
    WpaWpa2Personal,
    /// WPA2 and WPA3 side by side.
    Wpa3PersonalTransition,
    WpaEnterprise,
    Wpa2Enterprise,
    Wpa3Enterprise,
    WpaWpa2Enterprise,
    /// Open, but encrypted.
    Owe,
}

impl Mode {
    /// Whether a passphrase or a key is needed.
    pub(crate) fn is_personal(self) -> bool {
        matches!(
            self,
            Self::WpaPersonal
                | Self::Wpa2Personal
                | Self::Wpa3Personal
                | Self::WpaWpa2Personal
                | Self::Wpa3PersonalTransition
        )
    }

    /// Whether a RADIUS server is needed.
    pub(crate) fn is_enterprise(self) -> bool {
        matches!(
            self,
            Self::WpaEnterprise | Self::Wpa2Enterprise | Self::Wpa3Enterprise | Self::WpaWpa2Enterprise
        )
    }
}

/// Whether management frames are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mfp {
    #[default]
    Disabled,
    Optional,
    Required,
}

/// A RADIUS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Radius {
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    pub(crate) secret: Secret,
}

/// How a network is protected. In a plan an empty secret, of a network that the image configured with this mode, means the
/// one of the image: it need not be known to be kept, or to come back when another was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Security {
    pub(crate) mode: Mode,
    /// 8 to 63 characters; empty: none.
    pub(crate) passphrase: Secret,
    /// 64 digits; in force where there is no passphrase. Empty: none.
    pub(crate) psk: Secret,
    /// For WPA3; empty: the passphrase.
    pub(crate) sae: Secret,
    pub(crate) mfp: Mfp,
    pub(crate) radius: Option<Radius>,
    pub(crate) second_radius: Option<Radius>,
    /// Seconds between two keys of the group; 0: never.
    pub(crate) rekey: u32,
}

/// Everything that can be said of one access point's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BssSettings {
    pub(crate) ssid: Ssid,
    /// Whether beacons say the name.
    pub(crate) advertised: bool,
    pub(crate) security: Security,
    pub(crate) wmm: bool,
    pub(crate) uapsd: bool,
    /// Whether stations cannot reach each other.
    pub(crate) isolated: bool,
    /// `None`: as many as the radio can.
    pub(crate) max_stations: Option<u32>,
    /// The only stations that are let in; `None`: all are.
    pub(crate) allowed: Option<Vec<Mac>>,
    /// WPS with the methods, in the words of hostapd's `config_methods`; `None`: off.
    pub(crate) wps: Option<Vec<&'static str>>,
}

/// One network of a radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BssPlan {
    /// The device of the network that it is on, such as `wlan0`; a back end makes those that are not there.
    pub(crate) interface: String,
    pub(crate) settings: BssSettings,
}

/// Which channel a radio is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// The service chooses.
    Auto,
    /// This one.
    Number(u16),
}

/// Everything that can be said of a radio that has access points. `None`: as it is; where nothing runs yet, as the service
/// likes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RadioSettings {
    /// ISO 3166-1, and a third letter of the standard (space, `O`, `I`).
    pub(crate) country: Option<String>,
    pub(crate) band: Option<Band>,
    pub(crate) channel: Option<Tuning>,
    pub(crate) width: Option<Width>,
    /// Of the second half of 40 MHz at 2.4 GHz: `Some(true)` above, `Some(false)` below.
    pub(crate) extension_above: Option<bool>,
    pub(crate) standards: Option<Vec<Standard>>,
    /// Spectrum management: IEEE 802.11h.
    pub(crate) spectrum: Option<bool>,
    /// A guard interval of 400 ns (HT, VHT).
    pub(crate) short_guard: Option<bool>,
    /// In units of 1024 microseconds.
    pub(crate) beacon_interval: Option<u16>,
    /// In beacons.
    pub(crate) dtim_period: Option<u8>,
    pub(crate) rts_threshold: Option<u16>,
    pub(crate) fragmentation_threshold: Option<u16>,
}

/// What a radio does as an access point: all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RadioPlan {
    /// The kernel's name of the radio, such as `phy0`; where the kernel knows of none, the first interface.
    pub(crate) radio: String,
    pub(crate) settings: RadioSettings,
    /// In the order that they are in already, new ones last. None: nothing is on the air.
    pub(crate) networks: Vec<BssPlan>,
}

/// One network that a station may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfilePlan {
    pub(crate) ssid: Ssid,
    pub(crate) security: Security,
    /// The higher, the better.
    pub(crate) priority: u8,
}

/// What an interface does as a station: all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StationPlan {
    pub(crate) interface: String,
    /// None: it joins nothing.
    pub(crate) profiles: Vec<ProfilePlan>,
    /// The only one to be joined, as a position in `profiles`; `None`: the best that is there.
    pub(crate) chosen: Option<usize>,
    /// WPS with the methods, in the words of [`BssSettings::wps`]; none of them: off. `None`: as the image has it.
    pub(crate) wps: Option<Vec<&'static str>>,
}
