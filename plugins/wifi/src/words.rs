//! The words of the standard for what facts and plans say.

use crate::facts::{Band, Mac, Standard, Width};
use crate::objects::{Bandwidth, Current, MfpConfig};
use crate::plan::{Mfp, Mode};

const MODES: [(Mode, &str); 11] = [
    (Mode::None, "None"),
    (Mode::WpaPersonal, "WPA-Personal"),
    (Mode::Wpa2Personal, "WPA2-Personal"),
    (Mode::Wpa3Personal, "WPA3-Personal"),
    (Mode::WpaWpa2Personal, "WPA-WPA2-Personal"),
    (Mode::Wpa3PersonalTransition, "WPA3-Personal-Transition"),
    (Mode::WpaEnterprise, "WPA-Enterprise"),
    (Mode::Wpa2Enterprise, "WPA2-Enterprise"),
    (Mode::Wpa3Enterprise, "WPA3-Enterprise"),
    (Mode::WpaWpa2Enterprise, "WPA-WPA2-Enterprise"),
    (Mode::Owe, "OWE"),
];

const BANDS: [(Band, &str); 3] = [(Band::Two, "2.4GHz"), (Band::Five, "5GHz"), (Band::Six, "6GHz")];

const STANDARDS: [(Standard, &str); 7] = [
    (Standard::A, "a"),
    (Standard::B, "b"),
    (Standard::G, "g"),
    (Standard::N, "n"),
    (Standard::Ac, "ac"),
    (Standard::Ax, "ax"),
    (Standard::Be, "be"),
];

/// The methods of WPS: hostapd's words and those of the standard.
const METHODS: [(&str, &str); 13] = [
    ("usba", "USBFlashDrive"),
    ("ethernet", "Ethernet"),
    ("label", "Label"),
    ("display", "Display"),
    ("ext_nfc_token", "ExternalNFCToken"),
    ("int_nfc_token", "IntegratedNFCToken"),
    ("nfc_interface", "NFCInterface"),
    ("push_button", "PushButton"),
    ("keypad", "PIN"),
    ("physical_push_button", "PhysicalPushButton"),
    ("physical_display", "PhysicalDisplay"),
    ("virtual_push_button", "VirtualPushButton"),
    ("virtual_display", "VirtualDisplay"),
];

fn word<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("", |(_, word)| word)
}

fn value<T: Copy>(table: &[(T, &'static str)], text: &str) -> Option<T> {
    table.iter().find(|(_, word)| *word == text).map(|(value, _)| *value)
}

pub(crate) fn mode(mode: Mode) -> &'static str {
    word(&MODES, &mode)
}

pub(crate) fn parse_mode(text: &str) -> Option<Mode> {
    value(&MODES, text)
}

pub(crate) fn band(band: Band) -> &'static str {
    word(&BANDS, &band)
}

pub(crate) fn parse_band(text: &str) -> Option<Band> {
    value(&BANDS, text)
}

pub(crate) fn standard(standard: Standard) -> &'static str {
    word(&STANDARDS, &standard)
}

pub(crate) fn parse_standard(text: &str) -> Option<Standard> {
    value(&STANDARDS, text)
}

/// The standard's word for a method of WPS.
pub(crate) fn method(hostapd: &str) -> Option<&'static str> {
    METHODS.iter().find(|(known, _)| *known == hostapd).map(|(_, word)| *word)
}

/// hostapd's word for a method of WPS.
pub(crate) fn parse_method(text: &str) -> Option<&'static str> {
    METHODS.iter().find(|(_, word)| *word == text).map(|(hostapd, _)| *hostapd)
}

pub(crate) fn macs(list: &[Mac]) -> Vec<String> {
    list.iter().map(Mac::to_string).collect()
}

impl From<Width> for Bandwidth {
    fn from(width: Width) -> Self {
        match width {
            Width::W20 => Self::W20,
            Width::W40 => Self::W40,
            Width::W80 => Self::W80,
            Width::W160 => Self::W160,
            Width::W320 => Self::W320,
        }
    }
}

impl Bandwidth {
    /// `None`: whatever is widest.
    pub(crate) fn width(self) -> Option<Width> {
        match self {
            Self::W20 => Some(Width::W20),
            Self::W40 => Some(Width::W40),
            Self::W80 => Some(Width::W80),
            Self::W160 => Some(Width::W160),
            Self::W320 => Some(Width::W320),
            Self::Auto => None,
        }
    }
}

impl From<Width> for Current {
    fn from(width: Width) -> Self {
        match width {
            Width::W20 => Self::W20,
            Width::W40 => Self::W40,
            Width::W80 => Self::W80,
            Width::W160 => Self::W160,
            Width::W320 => Self::W320,
        }
    }
}

impl From<Mfp> for MfpConfig {
    fn from(mfp: Mfp) -> Self {
        match mfp {
            Mfp::Disabled => Self::Disabled,
            Mfp::Optional => Self::Optional,
            Mfp::Required => Self::Required,
        }
    }
}

impl From<MfpConfig> for Mfp {
    fn from(mfp: MfpConfig) -> Self {
        match mfp {
            MfpConfig::Disabled => Self::Disabled,
            MfpConfig::Optional => Self::Optional,
            MfpConfig::Required => Self::Required,
        }
    }
}
