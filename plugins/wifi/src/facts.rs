//! What is: radios, interfaces, stations, as the kernel and the services tell of them.

use std::fmt;

/// The address of a device of IEEE 802.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl Mac {
    /// From six bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From text, `02:00:00:00:00:01`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2)?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The most bytes of a network's name.
pub(crate) const MAX_SSID: usize = 32;

/// The name of a network: up to 32 bytes, which need not be text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Ssid(Vec<u8>);

impl Ssid {
    /// What is too long is no name.
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() <= MAX_SSID).then_some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As an ACS reads it; what is no text becomes question marks.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0)
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect()
    }

    /// For services that take names as digits.
    pub(crate) fn hex(&self) -> String {
        self.0.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

impl fmt::Debug for Ssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

/// A part of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Band {
    /// 2.4 GHz.
    Two,
    /// 5 GHz.
    Five,
    /// 6 GHz.
    Six,
}

impl Band {
    /// The band of a frequency in MHz.
    pub(crate) fn of(frequency: u32) -> Option<Self> {
        match frequency {
            2_400..=2_500 => Some(Self::Two),
            4_900..=5_924 => Some(Self::Five),
            5_925..=7_125 => Some(Self::Six),
            _ => None,
        }
    }
}

/// The number of the channel at a frequency in MHz: IEEE 802.11, 17.3.8.4.2 and annex E.
pub(crate) fn channel_of(frequency: u32) -> Option<u16> {
    let number = match frequency {
        2_484 => 14,
        2_412..=2_472 if (frequency - 2_407) % 5 == 0 => (frequency - 2_407) / 5,
        5_935 => 2,
        4_900..=5_924 if frequency % 5 == 0 => frequency.checked_sub(5_000)? / 5,
        5_955..=7_115 if (frequency - 5_950) % 5 == 0 => (frequency - 5_950) / 5,
        _ => return None,
    };
    u16::try_from(number).ok()
}

/// The frequency in MHz of a channel.
pub(crate) fn frequency_of(band: Band, channel: u16) -> Option<u32> {
    let channel = u32::from(channel);
    match (band, channel) {
        (Band::Two, 14) => Some(2_484),
        (Band::Two, 1..=13) => Some(2_407 + 5 * channel),
        (Band::Five, 1..=184) => Some(5_000 + 5 * channel),
        (Band::Six, 2) => Some(5_935),
        (Band::Six, 1..=233) => Some(5_950 + 5 * channel),
        _ => None,
    }
}

/// A standard of the air, without its prefix 802.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standard {
    A,
    B,
    G,
    N,
    Ac,
    Ax,
    Be,
}

/// How wide a channel is, in MHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Width {
    W20,
    W40,
    W80,
    W160,
    W320,
}

/// What a radio can do in a band.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BandAbility {
    pub(crate) band: Band,
    /// Those that the hardware speaks there.
    pub(crate) standards: Vec<Standard>,
    pub(crate) widths: Vec<Width>,
    pub(crate) channels: Vec<Channel>,
    /// In Mbit/s, both the basic ones and the others.
    pub(crate) rates: Vec<f64>,
    /// The highest of all modes, in Mbit/s.
    pub(crate) max_rate: u32,
    /// How many antennas send: the streams of HT.
    pub(crate) streams: u8,
    /// HT: a guard interval of 400 ns at 20 and at 40 MHz.
    pub(crate) short_guard: (bool, bool),
}

/// A channel, and what the law allows there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) number: u16,
    /// In MHz.
    pub(crate) frequency: u32,
    /// Not to be used at all.
    pub(crate) disabled: bool,
    /// Only to listen: no access point.
    pub(crate) no_start: bool,
    /// Radar has priority: DFS.
    pub(crate) radar: bool,
    /// In hundredths of dBm.
    pub(crate) max_power: u32,
}

/// A radio: what the kernel calls a wiphy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Radio {
    /// The kernel's number, which changes with every start.
    pub(crate) index: u32,
    /// The kernel's name, such as `phy0`.
    pub(crate) name: String,
    /// What it is recognised by for ever: the burned-in address, or where the device is plugged in.
    pub(crate) key: String,
    pub(crate) bands: Vec<BandAbility>,
    /// How many access points it can have at once; at least 1 if it can be one at all, 0 if not.
    pub(crate) max_access_points: u32,
    /// Whether it can be a station.
    pub(crate) can_be_station: bool,
    /// Whether it speaks WPA3 (SAE) and protects its management frames.
    pub(crate) ciphers: Vec<u32>,
}

/// What an interface is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    AccessPoint,
    Station,
    Other,
}

/// A device of the network on a radio.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interface {
    /// The kernel's number of the device.
    pub(crate) index: u32,
    /// Its name, such as `wlan0`.
    pub(crate) name: String,
    /// The kernel's number of the radio.
    pub(crate) radio: u32,
    pub(crate) mac: Mac,
    pub(crate) role: Role,
    /// The network that it is in, or is.
    pub(crate) ssid: Option<Ssid>,
    /// In MHz; none while it is not on the air.
    pub(crate) frequency: Option<u32>,
    pub(crate) width: Option<Width>,
    /// The frequency in the middle of the whole channel, in MHz.
    pub(crate) center: Option<u32>,
    /// In hundredths of dBm.
    pub(crate) power: Option<i32>,
    /// Whether the device is switched on.
    pub(crate) up: bool,
}

/// A station that an access point serves, or the access point that a station is at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Station {
    pub(crate) mac: Mac,
    /// In dBm.
    pub(crate) signal: Option<i32>,
    /// What we send with, in kbit/s.
    pub(crate) tx_rate: Option<u32>,
    /// What we receive with, in kbit/s.
    pub(crate) rx_rate: Option<u32>,
    /// The newest standard that the last frames were of, where the rates tell it: N, Ac, Ax, Be.
    pub(crate) standard: Option<Standard>,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) rx_packets: u64,
    pub(crate) tx_packets: u64,
    pub(crate) tx_retries: u64,
    pub(crate) tx_failed: u64,
    pub(crate) rx_dropped: u64,
    pub(crate) authorized: bool,
    /// Seconds since it came.
    pub(crate) connected: Option<u32>,
    /// Milliseconds since it was last heard.
    pub(crate) inactive: Option<u32>,
}

/// What was heard on a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// In MHz.
    pub(crate) frequency: u32,
    pub(crate) in_use: bool,
    /// In dBm.
    pub(crate) noise: Option<i32>,
}

/// Somebody else's network, or one of ours, as a scan finds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Neighbour {
    pub(crate) bssid: Mac,
    pub(crate) ssid: Ssid,
    /// In MHz.
    pub(crate) frequency: u32,
    /// In dBm.
    pub(crate) signal: Option<i32>,
    /// Between two beacons, in units of 1024 microseconds.
    pub(crate) beacon_interval: u16,
    /// In beacons; 0 if unknown.
    pub(crate) dtim_period: u8,
    pub(crate) ad_hoc: bool,
    pub(crate) protection: Protection,
    pub(crate) standards: Vec<Standard>,
    pub(crate) width: Width,
    /// In kbit/s.
    pub(crate) basic_rates: Vec<u32>,
    pub(crate) rates: Vec<u32>,
}

/// How somebody else's network is protected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Protection {
    /// Whether frames are protected at all: without any of those below it is WEP.
    pub(crate) privacy: bool,
    pub(crate) wpa: bool,
    pub(crate) rsn: bool,
    /// WPA2 with a passphrase.
    pub(crate) psk: bool,
    pub(crate) sae: bool,
    pub(crate) enterprise: bool,
    /// WPA3-Enterprise: suite B of 192 bits.
    pub(crate) suite_b: bool,
    pub(crate) owe: bool,
    pub(crate) tkip: bool,
    pub(crate) ccmp: bool,
}
