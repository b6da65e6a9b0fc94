//! On a kernel of its own: every question and every order, with real daemons.

use wl_nl80211::packet_core::Emitable as _;

use super::machine::command;
use super::*;

const AT_5_GHZ: [&str; 18] = [
    "interface=wlan0",
    "driver=nl80211",
    "ssid=five",
    "country_code=US",
    "hw_mode=a",
    "channel=36",
    "beacon_int=200",
    "dtim_period=3",
    "ieee80211n=1",
    "ht_capab=[HT40+][SHORT-GI-20][SHORT-GI-40]",
    "ieee80211ac=1",
    "vht_oper_chwidth=1",
    "vht_oper_centr_freq_seg0_idx=42",
    "wpa=2",
    "wpa_key_mgmt=WPA-PSK SAE",
    "rsn_pairwise=CCMP",
    "ieee80211w=1",
    "wpa_passphrase=secret123",
];
const STATION: [&str; 7] =
    ["network={", "ssid=\"five\"", "psk=\"secret123\"", "key_mgmt=WPA-PSK", "proto=RSN", "}", ""];

#[test]
#[ignore = "needs radios"]
fn guest_radios_are_told_with_all_that_they_can() {
    run(async {
        let machine = Machine::with_radios(2);
        let radios = machine.air.radios().await.unwrap();
        assert_eq!(radios.len(), 2, "{radios:#?}");
        let radio = &radios[0];
        assert_eq!(radio.key, "02:00:00:00:00:00");
        assert_eq!(radios[1].key, "02:00:00:00:01:00");
        assert!(radio.max_access_points > 1 && radio.can_be_station);
        assert!(radio.ciphers.contains(&0x000f_ac04));
        let two = &radio.bands[0];
        assert_eq!(two.band, Band::Two);
        assert_eq!(two.standards, [Standard::B, Standard::G, Standard::N, Standard::Ax, Standard::Be]);
        assert_eq!(two.channels.len(), 14);
        assert_eq!((two.channels[5].number, two.channels[5].disabled), (6, false));
        assert_eq!(two.rates[..4], [1.0, 2.0, 5.5, 6.0]);
        // EHT: 20 MHz, eight streams, MCS 13.
        assert_eq!((two.max_rate, &two.widths), (1_376, &vec![Width::W20, Width::W40]));
        let five = &radio.bands[1];
        assert_eq!(five.band, Band::Five);
        assert_eq!(five.standards, [Standard::A, Standard::N, Standard::Ac, Standard::Ax, Standard::Be]);
        // 160 MHz, eight streams, MCS 13.
        assert_eq!((five.max_rate, five.streams, five.widths.last()), (11_529, 8, Some(&Width::W160)));
        assert_eq!(five.short_guard, (true, true));
        assert!(five.channels.iter().any(|channel| channel.number == 52 && channel.radar));
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_wifi_that_comes_later_is_heard_of() {
    run(async {
        let mut machine = Machine::without_wifi();
        assert_eq!(machine.air.radios().await, Ok(Vec::new()));
        command("modprobe", &["cfg80211"]);
        machine.hear(&Event::Air).await;
        assert_eq!(machine.air.radios().await, Ok(Vec::new()));
        machine.forget();
        command("modprobe", &["mac80211_hwsim", "radios=1"]);
        machine.until("wlan0", |_| true).await;
        // And when it goes, and comes again with other numbers.
        command("rmmod", &["mac80211_hwsim"]);
        machine.hear(&Event::Air).await;
        command("rmmod", &["mac80211"]);
        command("rmmod", &["cfg80211"]);
        machine.hear(&Event::Air).await;
        assert_eq!(machine.air.interfaces().await, Ok(Vec::new()));
        command("modprobe", &["mac80211_hwsim", "radios=1"]);
        machine.until("wlan0", |_| true).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_an_access_point_and_its_station_are_told() {
    run(async {
        let mut machine = Machine::with_radios(2);
        let access_point = Daemon::hostapd(&AT_5_GHZ);
        let on_air =
            |interface: &Interface| interface.role == Role::AccessPoint && interface.frequency.is_some();
        let wlan0 = machine.until("wlan0", on_air).await;
        assert_eq!(wlan0.ssid, Ssid::new("five"));
        assert_eq!((wlan0.frequency, wlan0.center), (Some(5_180), Some(5_210)));
        assert_eq!(wlan0.width, Some(Width::W80));
        assert_eq!(wlan0.mac.to_string(), "02:00:00:00:00:00");
        assert!(wlan0.up && wlan0.power.is_some_and(|power| power > 0), "{wlan0:?}");
        assert_eq!(machine.air.stations(wlan0.index).await, Ok(Vec::new()));
        machine.forget();

        let came = Event::Stations("wlan0".to_owned());
        let station = Daemon::wpa_supplicant("wlan1", &STATION);
        machine.hear(&came).await;
        let let_in = |stations: &[Station]| stations.iter().any(|station| station.authorized);
        let stations = machine.until_stations(&wlan0, None, let_in).await;
        let one = &stations[0];
        assert_eq!((stations.len(), one.mac.to_string().as_str()), (1, "02:00:00:00:01:00"));
        assert!(one.signal.is_some_and(|signal| (-100..0).contains(&signal)), "{one:?}");
        assert!(one.rx_bytes > 0 && one.rx_packets > 0 && one.tx_packets > 0, "{one:?}");
        assert!(one.connected.is_some() && one.inactive.is_some() && one.rx_rate.is_some(), "{one:?}");

        let wlan1 = machine.interface("wlan1").await.unwrap();
        assert_eq!(
            (wlan1.role, wlan1.ssid, wlan1.width),
            (Role::Station, Ssid::new("five"), Some(Width::W80))
        );
        let there = machine.air.stations(wlan1.index).await.unwrap();
        assert_eq!((there.len(), there[0].mac), (1, wlan0.mac));

        let survey = machine.air.survey(wlan0.index).await.unwrap();
        // These radios do not say which one is in use.
        let here = survey.iter().find(|survey| survey.frequency == 5_180).unwrap();
        assert_eq!(here.noise, Some(-92));

        machine.forget();
        drop(station);
        machine.hear(&came).await;
        machine.until_stations(&wlan0, Some(&came), <[Station]>::is_empty).await;
        machine.forget();
        drop(access_point);
        machine.until("wlan0", |interface| interface.frequency.is_none()).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_scan_finds_networks_with_all_that_beacons_tell() {
    run(async {
        let mut machine = Machine::with_radios(3);
        let _five = Daemon::hostapd(&AT_5_GHZ);
        let two =
            ["interface=wlan2", "driver=nl80211", "ssid=two", "hw_mode=g", "channel=6", "wmm_enabled=1"];
        // So often that one is heard in the short time that a channel is listened to.
        let more = ["beacon_int=15", "dtim_period=3", "ieee80211n=1", "ieee80211ax=1"];
        let _two = Daemon::hostapd(&[&two[..], &more].concat());
        let on_air = |interface: &Interface| interface.frequency.is_some();
        let wlan0 = machine.until("wlan0", on_air).await;
        let wlan2 = machine.until("wlan2", on_air).await;
        let wlan1 = machine.interface("wlan1").await.unwrap();
        assert_eq!(
            machine.air.scan(wlan1.index).await,
            Err(Failure::Refused("the interface is switched off".to_owned()))
        );
        machine.air.set_up(wlan1.index, true).await.unwrap();
        // The second comes while the first is under way, and waits for its end.
        let (first, second) = tokio::join!(machine.air.scan(wlan1.index), machine.air.scan(wlan1.index));
        assert_eq!(second.unwrap().len(), 2);
        let first = first.unwrap();
        let five = first.iter().find(|neighbour| neighbour.bssid == wlan0.mac).unwrap();
        assert_eq!((five.ssid.text().as_str(), five.frequency), ("five", 5_180));
        assert_eq!(five.beacon_interval, 200);
        assert_eq!(five.width, Width::W80);
        assert_eq!(five.standards, [Standard::A, Standard::N, Standard::Ac]);
        let protection = &five.protection;
        assert!(protection.privacy && protection.rsn && protection.psk && protection.sae && protection.ccmp);
        assert!(!protection.wpa && !protection.enterprise && !protection.tkip);
        assert!(five.signal.is_some_and(|signal| signal < 0) && !five.ad_hoc);
        assert_eq!(five.rates, [6_000, 9_000, 12_000, 18_000, 24_000, 36_000, 48_000, 54_000]);
        assert_eq!(five.basic_rates, [6_000, 12_000, 24_000]);
        let two = first.iter().find(|neighbour| neighbour.bssid == wlan2.mac).unwrap();
        assert_eq!((two.ssid.text().as_str(), two.frequency, two.width), ("two", 2_437, Width::W20));
        assert_eq!((two.beacon_interval, two.dtim_period), (15, 3));
        assert_eq!(two.standards, [Standard::B, Standard::G, Standard::N, Standard::Ax]);
        assert_eq!(two.protection, crate::facts::Protection::default());
        // Who is an access point hears the others too.
        let heard = machine.air.scan(wlan2.index).await.unwrap();
        assert!(heard.iter().any(|neighbour| neighbour.bssid == wlan0.mac), "{heard:?}");
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_the_law_of_another_country_comes_into_force() {
    run(async {
        let mut machine = Machine::with_radios(1);
        let _ = machine.air.radios().await.unwrap();
        for country in ["DE", "US"] {
            machine.forget();
            // The third letter says where: indoors.
            machine.air.set_country(&format!("{country}I")).await.unwrap();
            while machine.air.country().await.unwrap() != country {
                machine.hear(&Event::Air).await;
            }
        }
        let radio = machine.radio(&machine.air.radios().await.unwrap()[0].name).await;
        let disabled = radio.bands[0].channels.iter().filter(|channel| channel.disabled);
        assert_eq!(disabled.map(|channel| channel.number).collect::<Vec<_>>(), [12, 13, 14]);
        assert!(matches!(machine.air.set_country("x").await, Err(Failure::Refused(_))));
        assert!(matches!(machine.air.set_country("d\u{e9}").await, Err(Failure::Refused(_))));
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_limit_of_power_holds_until_it_is_taken_back() {
    run(async {
        let mut machine = Machine::with_radios(1);
        let _access_point = Daemon::hostapd(&AT_5_GHZ);
        let wlan0 = machine.until("wlan0", |interface| interface.frequency.is_some()).await;
        let power = || async { machine.interface("wlan0").await.unwrap().power };
        assert!(wlan0.power > Some(1_500), "{wlan0:?}");
        machine.air.set_power(wlan0.radio, Some(1_250)).await.unwrap();
        assert_eq!(power().await, Some(1_200));
        machine.air.set_power(wlan0.radio, None).await.unwrap();
        assert_eq!(power().await, wlan0.power);
        assert!(machine.air.set_power(9_999, None).await.is_err());
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_interfaces_come_go_and_are_switched() {
    run(async {
        let mut machine = Machine::with_radios(1);
        let wlan0 = machine.interface("wlan0").await.unwrap();
        assert!(!wlan0.up);
        machine.forget();
        machine.air.add_station_interface(wlan0.radio, "sta9").await.unwrap();
        let sta9 = machine.until("sta9", |_| true).await;
        assert_eq!((sta9.role, sta9.radio, sta9.up), (Role::Station, wlan0.radio, false));
        machine.forget();
        machine.air.set_up(sta9.index, true).await.unwrap();
        machine.hear(&Event::Air).await;
        assert!(machine.interface("sta9").await.unwrap().up);
        machine.air.set_up(sta9.index, false).await.unwrap();
        machine.hear(&Event::Air).await;
        assert!(!machine.interface("sta9").await.unwrap().up);
        assert!(machine.air.add_station_interface(wlan0.radio, "sta9").await.is_err());
        machine.forget();
        machine.air.remove_interface(sta9.index).await.unwrap();
        machine.hear(&Event::Air).await;
        assert_eq!(machine.interface("sta9").await, None);
        let gone = Failure::Refused("there is no such radio or interface".to_owned());
        assert_eq!(machine.air.remove_interface(sta9.index).await, Err(gone.clone()));
        assert_eq!(machine.air.set_up(sta9.index, true).await, Err(gone.clone()));
        assert_eq!(machine.air.stations(sta9.index).await, Err(gone.clone()));
        assert_eq!(machine.air.scan(sta9.index).await, Err(gone));
        assert!(machine.air.add_station_interface(wlan0.radio, "a-name-that-is-too-long").await.is_err());
    });
}

/// Writes what the kernel says into `/run/guest/out`, for the tests that have no radios.
#[test]
#[ignore = "to record anew"]
fn record() {
    run(async {
        let mut machine = Machine::with_radios(2);
        let _access_point = Daemon::hostapd(&AT_5_GHZ);
        let wlan0 = machine.until("wlan0", |interface| interface.frequency.is_some()).await;
        let _station = Daemon::wpa_supplicant("wlan1", &STATION);
        let let_in = |stations: &[Station]| stations.iter().any(|station| station.authorized);
        machine.until_stations(&wlan0, None, let_in).await;
        let wlan1 = machine.interface("wlan1").await.unwrap();
        let radios = Message::new(Nl80211Command::GetWiphy)
            .with(&Nl80211Attr::SplitWiphyDump)
            .with(&Nl80211Attr::Wiphy(wlan0.radio));
        let at = |command, interface: &Interface| {
            Message::new(command).with(&Nl80211Attr::IfIndex(interface.index))
        };
        let questions = [
            ("radio", radios),
            ("interfaces", Message::new(Nl80211Command::GetInterface)),
            ("stations", at(Nl80211Command::GetStation, &wlan0)),
            ("survey", at(Nl80211Command::GetSurvey, &wlan0)),
            ("neighbours", at(Nl80211Command::GetScan, &wlan1)),
        ];
        for (name, question) in questions {
            let answers = machine.air.connection.dump(question).await.unwrap();
            std::fs::write(format!("/run/guest/out/{name}"), write(&answers)).unwrap();
        }
    });
}

/// Messages as bytes.
fn write(messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        let mut attributes = vec![0; message.buffer_len()];
        message.emit(&mut attributes);
        bytes.push(u8::from(message.command));
        bytes.extend(u16::try_from(attributes.len()).unwrap().to_le_bytes());
        bytes.extend(attributes);
    }
    bytes
}
