use std::collections::BTreeMap;

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{Notice, Origin};

use super::*;
use crate::facts::{Ssid, Width};
use crate::plugin::PLUGIN;
use crate::tests::twin::{interface, Twin};

const PATH: &str = "Device.WiFi.NeighboringWiFiDiagnostic.";

fn at(name: &str) -> String {
    format!("{PATH}{name}")
}

fn network(last: u8, frequency: u32, signal: i32) -> Neighbour {
    Neighbour {
        bssid: Mac([0, 0x11, 0x22, 0x33, 0x44, last]),
        ssid: Ssid::new(format!("Net {last}")).unwrap(),
        frequency,
        signal: Some(signal),
        beacon_interval: 100,
        dtim_period: 2,
        ad_hoc: false,
        protection: Protection { privacy: true, rsn: true, psk: true, ccmp: true, ..Protection::default() },
        standards: vec![Standard::B, Standard::G, Standard::N],
        width: Width::W20,
        basic_rates: vec![1_000, 5_500],
        rates: vec![1_000, 5_500, 54_000],
    }
}

fn listen(twin: &Twin, own: &Neighbours) -> Result<(Vec<Heard>, Vec<Failure>), Failed> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(own.listen(twin))
}

fn bssids(heard: &[Heard]) -> Vec<(u8, u32, &str)> {
    heard.iter().map(|heard| (heard.network.bssid.0[5], heard.number, heard.radio.as_str())).collect()
}

/// A box of two radios, of which both can listen.
fn listening() -> (Twin, String) {
    let (twin, config) = Twin::box_of_two();
    twin.scene().interfaces[1].up = true;
    (twin, config)
}

fn run(plugin: &mut Harness) -> String {
    plugin.pretend(Origin::Acs, 7, std::time::Duration::from_secs(5));
    plugin.set(&[(&at("DiagnosticsState"), "Requested")]).unwrap();
    plugin.notice(Notice::SessionEnd).unwrap();
    loop {
        let state = plugin.get(&at("DiagnosticsState")).unwrap();
        if state != "Requested" {
            return state;
        }
        plugin.wait_changed();
    }
}

/// C172: the networks that are heard, with all that the standard asks of them; they stay until the next run.
#[test]
fn a_run_tells_what_is_heard() {
    let (twin, config) = listening();
    let five = Neighbour {
        standards: vec![Standard::A, Standard::N, Standard::Ac, Standard::Ax],
        width: Width::W80,
        protection: Protection {
            rsn: true,
            psk: true,
            sae: true,
            tkip: true,
            ccmp: true,
            ..Protection::default()
        },
        dtim_period: 0,
        ad_hoc: true,
        ..network(2, 5180, -71)
    };
    twin.scene().neighbours.insert(3, Ok(vec![network(1, 2437, -40)]));
    twin.scene().neighbours.insert(4, Ok(vec![five]));
    let mut plugin = Harness::new(&PLUGIN, &config);
    assert_eq!(plugin.get(&at("DiagnosticsState")).unwrap(), "None");
    assert_eq!(run(&mut plugin), "Complete");
    assert_eq!(plugin.events().len(), 1);
    let rows = plugin.rows(&at("Result.")).unwrap();
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2]);
    let radios = plugin.rows("Device.WiFi.Radio.").unwrap();
    let radio = |index: usize| {
        format!("Device.WiFi.Radio.{}", plugin.number_of("Device.WiFi.Radio.", &radios[index].key))
    };
    let table = [
        ("Radio", radio(0), radio(1)),
        ("SSID", "Net 1".to_owned(), "Net 2".to_owned()),
        ("BSSID", "00:11:22:33:44:01".to_owned(), "00:11:22:33:44:02".to_owned()),
        ("Mode", "Infrastructure".to_owned(), "AdHoc".to_owned()),
        ("Channel", "6".to_owned(), "36".to_owned()),
        ("SignalStrength", "-40".to_owned(), "-71".to_owned()),
        ("SecurityModeEnabled", "WPA2".to_owned(), "WPA2-PSK-WPA3-SAE".to_owned()),
        ("EncryptionMode", "AES".to_owned(), "AES".to_owned()),
        ("OperatingFrequencyBand", "2.4GHz".to_owned(), "5GHz".to_owned()),
        ("SupportedStandards", "b,g,n".to_owned(), "a,n,ac,ax".to_owned()),
        ("OperatingStandards", "b,g,n".to_owned(), "a,n,ac,ax".to_owned()),
        ("OperatingChannelBandwidth", "20MHz".to_owned(), "80MHz".to_owned()),
        ("BeaconPeriod", "102".to_owned(), "102".to_owned()),
        ("BasicDataTransferRates", "1,5.5".to_owned(), "1,5.5".to_owned()),
        ("SupportedDataTransferRates", "1,5.5,54".to_owned(), "1,5.5,54".to_owned()),
    ];
    for (name, first, second) in table {
        assert_eq!(plugin.get(&at(&format!("Result.1.{name}"))).unwrap(), first, "{name}");
        assert_eq!(plugin.get(&at(&format!("Result.2.{name}"))).unwrap(), second, "{name}");
    }
    // What nobody knows is no number.
    assert_eq!(plugin.get(&at("Result.1.Noise")).unwrap(), "-92");
    assert_eq!(plugin.get(&at("Result.1.DTIMPeriod")).unwrap(), "2");
    assert!(matches!(plugin.get(&at("Result.2.Noise")), Err(Error::Name(_))));
    assert!(matches!(plugin.get(&at("Result.2.DTIMPeriod")), Err(Error::Name(_))));

    // The next run has nothing of this one.
    twin.scene().neighbours.insert(3, Ok(vec![network(3, 2437, -50)]));
    twin.scene().neighbours.insert(4, Ok(Vec::new()));
    assert_eq!(run(&mut plugin), "Complete");
    let rows = plugin.rows(&at("Result.")).unwrap();
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [3]);
}

/// C172: it fails where no radio can listen.
#[test]
fn a_run_without_a_radio_that_listens_is_an_error() {
    let (twin, config) = listening();
    for index in [3, 4] {
        twin.scene().neighbours.insert(index, Err(Failure::Refused("busy".to_owned())));
    }
    let mut plugin = Harness::new(&PLUGIN, &config);
    assert_eq!(run(&mut plugin), "Error");
    assert_eq!((plugin.events().len(), plugin.rows(&at("Result.")).unwrap().len()), (1, 0));
    // Nor is there one that is switched on, or one at all.
    twin.scene().interfaces.iter_mut().for_each(|interface| interface.up = false);
    assert!(listen(&twin, &Neighbours::default()).is_err());
    twin.scene().radios.clear();
    assert!(listen(&twin, &Neighbours::default()).is_err());
}

#[test]
fn one_radio_that_cannot_listen_leaves_the_others() {
    let (twin, _) = listening();
    twin.scene().neighbours.insert(3, Err(Failure::Refused("busy".to_owned())));
    twin.scene().neighbours.insert(4, Ok(vec![network(1, 2412, -60)]));
    let (heard, failures) = listen(&twin, &Neighbours::default()).unwrap();
    assert_eq!(bssids(&heard), [(1, 1, "02:00:00:00:01:00")]);
    assert_eq!(failures, [Failure::Refused("busy".to_owned())]);
}

#[test]
fn an_interface_that_refuses_gives_way_to_the_next_of_its_radio() {
    let (twin, _) = listening();
    {
        let mut scene = twin.scene();
        let mut second = interface(0, 5, "wlan0-1");
        (second.up, second.role) = (true, Role::Station);
        scene.interfaces.push(second);
        scene.neighbours.insert(5, Err(Failure::Refused("busy".to_owned())));
        scene.neighbours.insert(3, Ok(vec![network(1, 2412, -60)]));
    }
    let (heard, failures) = listen(&twin, &Neighbours::default()).unwrap();
    assert_eq!((heard.len(), failures.len()), (1, 0));
    // The station came first.
    let told = twin.scene().told.clone();
    let place = |text: &str| told.iter().position(|told| told == text).unwrap();
    assert!(place("5 listens") < place("3 listens"), "{told:?}");
}

#[test]
fn what_two_radios_hear_is_told_once_and_what_is_ours_not_at_all() {
    let (twin, _) = listening();
    let own = Neighbour { bssid: twin.scene().interfaces[0].mac, ..network(9, 2437, -10) };
    twin.scene().neighbours.insert(3, Ok(vec![network(1, 2412, -60), network(2, 60_480, -50)]));
    twin.scene().neighbours.insert(4, Ok(vec![network(1, 2412, -55), own]));
    let own = Neighbours::default();
    let (heard, _) = listen(&twin, &own).unwrap();
    assert_eq!(bssids(&heard), [(1, 1, "02:00:00:00:01:00")]);
    // A network keeps its number from one run to the next; another gets one that none had.
    twin.scene().neighbours.insert(3, Ok(vec![network(1, 2412, -60), network(4, 2412, -40)]));
    twin.scene().neighbours.insert(4, Ok(vec![]));
    let (heard, _) = listen(&twin, &own).unwrap();
    assert_eq!(bssids(&heard), [(4, 2, "02:00:00:00:00:00"), (1, 1, "02:00:00:00:00:00")]);
    twin.scene().neighbours.insert(3, Ok(vec![network(4, 2412, -40)]));
    listen(&twin, &own).unwrap();
    twin.scene().neighbours.insert(3, Ok(vec![network(1, 2412, -60)]));
    let (heard, _) = listen(&twin, &own).unwrap();
    assert_eq!(bssids(&heard), [(1, 3, "02:00:00:00:00:00")]);
}

#[test]
fn only_the_strongest_are_told() {
    let (twin, _) = listening();
    let many = (0..=MAX_HEARD).map(|number| {
        let [.., high, low] = u32::try_from(number).unwrap().to_be_bytes();
        Neighbour {
            bssid: Mac([0, 1, 2, 3, high, low]),
            ..network(0, 2412, if number == 0 { -99 } else { -50 })
        }
    });
    twin.scene().neighbours.insert(3, Ok(many.collect()));
    let (heard, _) = listen(&twin, &Neighbours::default()).unwrap();
    assert_eq!(heard.len(), MAX_HEARD);
    assert!(heard.iter().all(|heard| heard.network.signal == Some(-50)));
}

#[test]
fn protection_has_the_words_of_this_table() {
    let offered = |names: &str| {
        let has = |name: &str| names.split(' ').any(|other| other == name);
        Protection {
            privacy: has("privacy"),
            wpa: has("wpa"),
            rsn: has("rsn"),
            psk: has("psk"),
            sae: has("sae"),
            enterprise: has("enterprise"),
            suite_b: has("suite_b"),
            owe: has("owe"),
            tkip: has("tkip"),
            ccmp: has("ccmp"),
        }
    };
    for (names, word, ciphers) in [
        ("", "None", ""),
        ("privacy", "WEP", ""),
        ("privacy wpa tkip", "WPA", "TKIP"),
        ("privacy rsn psk ccmp", "WPA2", "AES"),
        ("privacy wpa rsn psk tkip ccmp", "WPA-WPA2", "TKIP,AES"),
        ("privacy rsn sae ccmp", "WPA3-SAE", "AES"),
        ("privacy rsn psk sae tkip ccmp", "WPA2-PSK-WPA3-SAE", "AES"),
        ("privacy wpa enterprise tkip", "WPA-Enterprise", "TKIP"),
        ("privacy rsn enterprise ccmp", "WPA2-Enterprise", "AES"),
        ("privacy wpa rsn enterprise tkip ccmp", "WPA-WPA2-Enterprise", "TKIP,AES"),
        ("privacy rsn enterprise suite_b", "WPA3-Enterprise", "AES"),
        ("privacy rsn owe ccmp", "OWE", "AES"),
    ] {
        let offered = offered(names);
        let mut text = String::new();
        cwmp_plugin_sdk::Field::write(&protection(&offered), &mut text).unwrap();
        assert_eq!((text.as_str(), encryption(&offered).join(",").as_str()), (word, ciphers), "{names}");
    }
}

#[test]
fn a_standard_is_told_where_it_can_be() {
    let all = [Standard::A, Standard::B, Standard::G, Standard::N, Standard::Ac, Standard::Ax, Standard::Be];
    let words: BTreeMap<Band, Vec<&str>> = [Band::Two, Band::Five, Band::Six]
        .into_iter()
        .map(|band| (band, all.into_iter().filter(|s| belongs(*s, band)).map(words::standard).collect()))
        .collect();
    assert_eq!(words[&Band::Two], ["b", "g", "n", "ax", "be"]);
    assert_eq!(words[&Band::Five], ["a", "n", "ac", "ax", "be"]);
    assert_eq!(words[&Band::Six], ["ax", "be"]);
}

#[test]
fn a_list_of_rates_has_room_for_what_it_has_room_for() {
    assert_eq!(rates(&[1_000, 5_500, 54_000]), ["1", "5.5", "54"]);
    // 52 rates of four characters with their commas are 259 characters, 51 are 254; with two more it is full.
    let mut many = vec![11_500; 51];
    many.push(9_000);
    assert_eq!(rates(&many).join(",").len(), MAX_RATES);
    many.push(1_000);
    assert_eq!(rates(&many).len(), 52);
}
