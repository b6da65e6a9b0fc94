//! What hostapd answers: `key=value` lines.

use std::time::Duration;

use super::lines::unescape;
use super::socket::SERVICE;
use crate::back_end::{Failure, Progress};
use crate::facts::{Mac, Ssid, Station};

/// The most networks that one radio is believed to have.
const MAX_NETWORKS: usize = 64;

/// The value of a key in an answer.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// The answer to `STATUS`: a radio with all its networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: State,
    /// The kernel's name of the radio; empty for what is no radio.
    pub(super) phy: String,
    /// In MHz; none while it is off.
    pub(super) frequency: Option<u32>,
    pub(super) networks: Vec<StatusNetwork>,
}

/// One network of a radio, as `STATUS` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusNetwork {
    pub(super) interface: String,
    pub(super) bssid: Option<Mac>,
    pub(super) ssid: Ssid,
    pub(super) stations: u32,
}

/// How far a radio is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Off,
    /// Waiting for the law, choosing a channel, listening for radar.
    Starting,
    On,
}

impl State {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "UNINITIALIZED" | "DISABLED" => Some(Self::Off),
            "COUNTRY_UPDATE" | "ACS" | "HT_SCAN" | "DFS" | "NO_IR" => Some(Self::Starting),
            "ENABLED" => Some(Self::On),
            _ => None,
        }
    }

    pub(super) fn progress(self) -> Progress {
        match self {
            Self::Off => Progress::Off,
            Self::Starting => Progress::Starting,
            Self::On => Progress::On,
        }
    }
}

impl Status {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let nonsense = |what: &str| Failure::Nonsense(SERVICE, format!("a status {what}"));
        let state = value(text, "state").and_then(State::parse).ok_or_else(|| nonsense("without a state"))?;
        let mut networks = Vec::new();
        while let Some(interface) = value(text, &format!("bss[{}]", networks.len())) {
            if !is_interface(interface) {
                return Err(nonsense("with an interface that cannot be"));
            }
            if networks.len() == MAX_NETWORKS {
                return Err(nonsense("with more networks than a radio has"));
            }
            let of = |key: &str| value(text, &format!("{key}[{}]", networks.len()));
            networks.push(StatusNetwork {
                interface: interface.to_owned(),
                bssid: of("bssid").and_then(Mac::parse).filter(|mac| *mac != Mac::default()),
                ssid: of("ssid").and_then(|ssid| Ssid::new(unescape(ssid))).unwrap_or_default(),
                stations: of("num_sta").and_then(|number| number.parse().ok()).unwrap_or(0),
            });
        }
        if networks.is_empty() {
            return Err(nonsense("without a network"));
        }
        Ok(Self {
            state,
            phy: value(text, "phy").unwrap_or_default().to_owned(),
            frequency: value(text, "freq").and_then(|freq| freq.parse().ok()).filter(|freq| *freq > 0),
            networks,
        })
    }
}

/// The answer to `GET_CONFIG`, without the secrets that it tells while WPS is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) ssid: Ssid,
    /// As in a file: 0 none, 1 WPA, 2 WPA2, 3 both.
    pub(super) wpa: u8,
    pub(super) key_mgmt: Vec<String>,
}

impl Told {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let nonsense = || Failure::Nonsense(SERVICE, "a configuration without a name".to_owned());
        let ssid = value(text, "ssid").ok_or_else(nonsense)?;
        Ok(Self {
            ssid: Ssid::new(unescape(ssid)).ok_or_else(nonsense)?,
            wpa: value(text, "wpa").and_then(|wpa| wpa.parse().ok()).unwrap_or(0),
            key_mgmt: value(text, "key_mgmt")
                .map(|words| words.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
        })
    }
}

/// The answer to `STA-FIRST` and `STA-NEXT`; none after the last one.
pub(super) fn station(text: &str) -> Result<Option<Station>, Failure> {
    let text = text.trim_end();
    if text.is_empty() || text.starts_with("FAIL") {
        return Ok(None);
    }
    let mac = text.lines().next().and_then(Mac::parse);
    let mac = mac.ok_or_else(|| Failure::Nonsense(SERVICE, "a station without an address".to_owned()))?;
    let counter = |key: &str| value(text, key).and_then(|number| number.parse().ok()).unwrap_or(0);
    let number = |key: &str| value(text, key).and_then(|number| number.split(' ').next()?.parse().ok());
    // hostapd has its rates in units of 100 kbit/s, and zeros where the driver tells nothing.
    let rate = |key: &str| number(key).filter(|rate| *rate > 0).and_then(|rate: u32| rate.checked_mul(100));
    Ok(Some(Station {
        mac,
        signal: value(text, "signal")
            .and_then(|signal| signal.parse().ok())
            .filter(|signal: &i32| *signal < 0),
        tx_rate: rate("tx_rate_info"),
        rx_rate: rate("rx_rate_info"),
        rx_bytes: counter("rx_bytes"),
        tx_bytes: counter("tx_bytes"),
        rx_packets: counter("rx_packets"),
        tx_packets: counter("tx_packets"),
        authorized: value(text, "flags").is_some_and(|flags| flags.contains("[AUTHORIZED]")),
        connected: number("connected_time"),
        inactive: number("inactive_msec"),
        ..Station::default()
    }))
}

/// Whether the kernel takes it as the name of a device, and a path keeps it in its folder.
pub(super) fn is_interface(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
}

/// The longest that all stations of a network may take to be listed.
pub(super) const LISTING: Duration = Duration::from_secs(4);

/// The most stations of one network: hostapd's own limit.
pub(super) const MAX_STATIONS: usize = 2_007;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a socket says, it is something or nonsense.
        #[test]
        fn any_answer_is_read_without_harm(text in "(\\PC|[=\\[\\]\n\\\\]|state=|bss\\[0\\]=|ssid=|flags=){0,60}") {
            let _ = Status::parse(&text);
            let _ = Told::parse(&text);
            let _ = super::station(&text);
            for (_, lines) in crate::hostapd::lines::sections(&text) {
                let _ = (crate::hostapd::radio::settings(&lines), crate::hostapd::network::settings(&lines, None, &[]));
            }
        }
    }

    const STATUS: &str = "state=ENABLED\nphy=phy0\nfreq=2437\nolbc=0\nchannel=6\nbss[0]=wlan0\nbssid[0]=02:00:00:00:00:00\n\
        ssid[0]=Caf\\xc3\\xa9\nnum_sta[0]=1\nbss[1]=wlan0_1\nbssid[1]=00:00:00:00:00:00\nssid[1]=Guest\nnum_sta[1]=0\n";

    #[test]
    fn a_status_tells_of_a_radio_and_its_networks() {
        let status = Status::parse(STATUS).unwrap();
        assert_eq!(status.state, State::On);
        assert_eq!(status.phy, "phy0");
        assert_eq!(status.frequency, Some(2437));
        assert_eq!(status.networks.len(), 2);
        assert_eq!(status.networks[0].ssid.text(), "Café");
        assert_eq!(status.networks[0].stations, 1);
        assert_eq!(status.networks[1].bssid, None, "it has none before it was on the air");
    }

    #[test]
    fn garbage_is_no_status() {
        for text in
            ["", "FAIL\n", "state=WELL\nbss[0]=a\n", "state=ENABLED\n", "state=ENABLED\nbss[0]=../etc\n"]
        {
            assert!(matches!(Status::parse(text), Err(Failure::Nonsense(..))), "{text:?}");
        }
        let networks: Vec<String> =
            (0..=MAX_NETWORKS).map(|number| format!("bss[{number}]=w{number}\n")).collect();
        let many = "state=ENABLED\n".to_owned() + &networks.concat();
        assert!(matches!(Status::parse(&many), Err(Failure::Nonsense(..))));
    }

    #[test]
    fn a_configuration_is_read_without_its_secrets() {
        let told = Told::parse("bssid=02:00:00:00:00:00\nssid=a\\nb\nwps_state=configured\npassphrase=hush hush\nwpa=2\nkey_mgmt=WPA-PSK SAE\n").unwrap();
        assert_eq!(told.ssid.bytes(), b"a\nb");
        assert_eq!(told.key_mgmt, ["WPA-PSK", "SAE"]);
        assert!(!format!("{told:?}").contains("hush"));
    }

    #[test]
    fn a_station_is_read_with_its_counters_and_rates() {
        let text = "02:00:00:00:01:00\nflags=[AUTH][ASSOC][AUTHORIZED]\naid=1\nrx_packets=12\ntx_packets=5\nrx_bytes=1202\n\
            tx_bytes=524\ninactive_msec=64\nsignal=-30\nrx_rate_info=260 mcs 9\ntx_rate_info=0\nconnected_time=4\n";
        let station = station(text).unwrap().unwrap();
        assert!(station.authorized);
        assert_eq!((station.rx_bytes, station.tx_packets), (1202, 5));
        assert_eq!(station.signal, Some(-30));
        assert_eq!(station.rx_rate, Some(26_000));
        assert_eq!(station.tx_rate, None);
        assert_eq!((station.connected, station.inactive), (Some(4), Some(64)));
        assert_eq!(super::station("FAIL\n").unwrap(), None);
        assert_eq!(super::station("").unwrap(), None);
        assert!(super::station("what\n").is_err());
    }
}
