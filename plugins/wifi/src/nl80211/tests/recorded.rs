//! What a kernel said once: mac80211_hwsim of Linux 6.1, with an access point of hostapd and a station of wpa_supplicant.
//!
//! `guest::record` writes it anew. A message is its command, its length (two bytes) and its attributes. They are of a machine
//! whose numbers begin with the low byte.
#![cfg(target_endian = "little")]

use proptest::prelude::*;
use wl_nl80211::packet_core::Emitable as _;

use super::*;

const RADIO: &[u8] = include_bytes!("recorded/radio");
const INTERFACES: &[u8] = include_bytes!("recorded/interfaces");
const STATIONS: &[u8] = include_bytes!("recorded/stations");
const SURVEY: &[u8] = include_bytes!("recorded/survey");
const NEIGHBOURS: &[u8] = include_bytes!("recorded/neighbours");

const LONG_AGO: Duration = Duration::from_secs(1 << 30);

/// Messages of bytes.
fn read(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let [command, low, high, rest @ ..] = bytes {
        let (attributes, after) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        messages.push(Message::of((*command).into(), attributes));
        bytes = after;
    }
    messages
}

/// A `/sys` with the two radios.
fn sys() -> tempfile::TempDir {
    let sys = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = sys.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("class/ieee80211/phy0/macaddress", "02:00:00:00:00:00\n");
    put("class/net/wlan0/flags", "0x1003\n");
    put("class/net/wlan1/flags", "0x1002\n");
    sys
}

#[test]
fn a_radio_is_read_from_all_parts_of_its_dump() {
    let sys = sys();
    let messages = read(RADIO);
    assert!(messages.len() > 10, "it is a dump of many parts");
    let radios = radio::radios(&messages, sys.path());
    let [radio] = &radios[..] else { panic!("{radios:#?}") };
    assert_eq!((radio.name.as_str(), radio.key.as_str()), ("phy0", "02:00:00:00:00:00"));
    assert_eq!((radio.max_access_points, radio.can_be_station), (2_048, true));
    assert_eq!(radio.ciphers[..4], [0x000f_ac01, 0x000f_ac05, 0x000f_ac02, 0x000f_ac04]);
    let [two, five, six] = &radio.bands[..] else { panic!("{:#?}", radio.bands) };
    assert_eq!((two.band, five.band, six.band), (Band::Two, Band::Five, Band::Six));
    assert_eq!(two.standards, [Standard::B, Standard::G, Standard::N, Standard::Ax, Standard::Be]);
    assert_eq!(five.standards, [Standard::A, Standard::N, Standard::Ac, Standard::Ax, Standard::Be]);
    assert_eq!(six.standards, [Standard::Ax, Standard::Be]);
    assert_eq!(two.widths, [Width::W20, Width::W40]);
    assert_eq!(five.widths, [Width::W20, Width::W40, Width::W80, Width::W160]);
    assert_eq!(six.widths.last(), Some(&Width::W320));
    assert_eq!((two.max_rate, five.max_rate, six.max_rate), (1_376, 11_529, 23_058));
    assert_eq!(two.rates, [1.0, 2.0, 5.5, 6.0, 9.0, 11.0, 12.0, 18.0, 24.0, 36.0, 48.0, 54.0]);
    let numbers = two.channels.iter().map(|channel| channel.number).collect::<Vec<_>>();
    assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
    // The law of the United States.
    let channel = |number| five.channels.iter().find(|channel| channel.number == number).unwrap();
    assert!(two.channels[12].disabled && !two.channels[10].disabled);
    assert!(channel(52).radar && !channel(36).radar);
    assert_eq!(channel(36).max_power, 2_300);
}

#[test]
fn interfaces_are_read_with_where_they_are_on_the_air() {
    let sys = sys();
    let interfaces = interface::interfaces(&read(INTERFACES), sys.path());
    let at = |name: &str| interfaces.iter().find(|interface| interface.name == name).unwrap();
    let (wlan0, wlan1) = (at("wlan0"), at("wlan1"));
    assert_eq!((wlan0.role, wlan1.role), (Role::AccessPoint, Role::Station));
    assert_eq!((&wlan0.ssid, &wlan1.ssid), (&Ssid::new("five"), &None), "this kernel does not say it");
    assert_eq!((wlan0.frequency, wlan0.center, wlan0.width), (Some(5_180), Some(5_210), Some(Width::W80)));
    assert_eq!((wlan0.power, wlan0.up, wlan1.up), (Some(2_300), true, false));
    assert_eq!((wlan0.mac.to_string().as_str(), wlan0.radio), ("02:00:00:00:00:00", 0));
}

#[test]
fn stations_are_read_with_their_counters_and_rates() {
    let stations = station::stations(&read(STATIONS));
    let [one] = &stations[..] else { panic!("{stations:?}") };
    assert_eq!(one.mac.to_string(), "02:00:00:00:01:00");
    assert_eq!((one.rx_bytes, one.tx_bytes, one.rx_packets, one.tx_packets), (601, 547, 7, 5));
    assert_eq!((one.signal, one.tx_rate, one.rx_rate), (Some(-27), Some(6_000), Some(13_000)));
    assert_eq!((one.standard, one.authorized), (Some(Standard::Ac), true));
    assert_eq!((one.connected, one.inactive), (Some(1), Some(4)));
}

#[test]
fn surveys_are_read() {
    let surveys = station::surveys(&read(SURVEY));
    assert_eq!(surveys.iter().map(|survey| survey.frequency).collect::<Vec<_>>(), [5_180, 5_200, 2_412]);
    assert!(surveys.iter().all(|survey| survey.noise == Some(-92) && !survey.in_use));
}

#[test]
fn networks_are_read_and_old_ones_are_left_out() {
    let messages = read(NEIGHBOURS);
    let all = neighbour::neighbours(&messages, LONG_AGO);
    let [five] = &all[..] else { panic!("{all:?}") };
    assert_eq!((five.ssid.text().as_str(), five.bssid.to_string().as_str()), ("five", "02:00:00:00:00:00"));
    assert_eq!((five.frequency, five.width, five.beacon_interval), (5_180, Width::W80, 200));
    assert!(five.protection.privacy && five.protection.psk && five.protection.sae && five.protection.ccmp);
    assert_eq!(neighbour::own(&messages), Ssid::new("five"));
    assert_eq!(neighbour::neighbours(&messages, Duration::ZERO), []);
}

proptest! {
    /// A driver that says nonsense loses what it said, and hurts nobody.
    #[test]
    fn no_byte_that_is_another_hurts(at in any::<prop::sample::Index>(), byte in any::<u8>(), length in any::<prop::sample::Index>()) {
        let sys = sys();
        for recorded in [RADIO, INTERFACES, STATIONS, SURVEY, NEIGHBOURS] {
            // One message with one other byte, or cut short; the others as they were.
            let mut messages = read(recorded);
            let number = at.index(messages.len());
            let mut bytes = vec![0; messages[number].buffer_len()];
            messages[number].emit(&mut bytes);
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(length.index(bytes.len() * 2).max(1));
            messages[number] = Message::of(messages[number].command, &bytes);
            prop_assert!(radio::radios(&messages, sys.path()).len() <= radio::MAX_RADIOS);
            let _ = interface::interfaces(&messages, sys.path());
            let _ = (station::stations(&messages), station::surveys(&messages));
            prop_assert!(neighbour::neighbours(&messages, LONG_AGO).len() <= messages.len());
        }
    }
}
