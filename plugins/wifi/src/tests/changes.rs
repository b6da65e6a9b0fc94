//! What changes by itself is told, once, and nothing is asked for without need.

use std::time::{Duration, Instant};

use cwmp_plugin_sdk::testing::Harness;

use super::begin;
use super::twin::Twin;
use crate::back_end::{Event, Progress};
use crate::facts::{Mac, Standard, Station};

/// Waits for what the plugin does by itself.
#[track_caller]
pub(super) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until these were told of, and gives everything that was.
#[track_caller]
fn told(plugin: &Harness, wanted: &str) -> Vec<String> {
    let mut all = Vec::new();
    until(wanted, || {
        all.extend(plugin.changed());
        all.iter().any(|name| name == wanted)
    });
    all
}

const STATION: Mac = Mac([2, 0, 0, 0, 0, 0xaa]);
const DEVICES: &str = "Device.WiFi.AccessPoint.1.AssociatedDevice.";

fn joins(twin: &Twin) {
    twin.change(Event::Stations("wlan0".to_owned()), |scene| {
        scene.running.get_mut("hostapd").unwrap()[0].stations = vec![STATION];
        let station = Station {
            mac: STATION,
            signal: Some(-30),
            tx_rate: Some(26_000),
            rx_rate: Some(500),
            standard: Some(Standard::N),
            tx_bytes: 524,
            rx_bytes: 1202,
            tx_packets: 50,
            rx_packets: 12,
            tx_retries: 5,
            tx_failed: 1,
            authorized: true,
            connected: Some(10),
            ..Station::default()
        };
        scene.stations.insert(3, vec![station]);
    });
}

#[test]
fn a_station_that_joins_and_leaves_is_a_row_that_comes_and_goes() {
    let (twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    assert_eq!(plugin.rows(DEVICES).unwrap().len(), 0);
    plugin.tables_changed();
    joins(&twin);
    until("the table is told of", || plugin.tables_changed().contains(&DEVICES.to_owned()));
    let rows = plugin.rows(DEVICES).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].key, "02:00:00:00:00:AA");
    let row = format!("{DEVICES}{}.", plugin.number_of(DEVICES, &rows[0].key));
    let looks = twin.scene().looks;
    let names: Vec<String> = [
        "MACAddress",
        "AuthenticationState",
        "SignalStrength",
        "LastDataDownlinkRate",
        "OperatingStandard",
        "Noise",
        "SNR",
        "Retransmissions",
        "Stats.BytesSent",
        "Stats.BytesReceived",
        "Stats.RetransCount",
    ]
    .map(|leaf| format!("{row}{leaf}"))
    .into();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let values: Vec<String> = plugin.get_all(&names).into_iter().map(|value| value.unwrap().1).collect();
    assert_eq!(
        values,
        ["02:00:00:00:00:AA", "true", "-30", "26000", "n", "-92", "62", "10", "524", "1202", "5"]
    );
    assert_eq!(twin.scene().looks, looks + 1, "the kernel is asked once for a request");
    assert!(plugin.get(&format!("{row}LastDataUplinkRate")).is_err(), "less than the standard can say");
    twin.change(Event::Stations("wlan0".to_owned()), |scene| {
        scene.running.get_mut("hostapd").unwrap()[0].stations.clear();
    });
    until("the table is told of", || plugin.tables_changed().contains(&DEVICES.to_owned()));
    assert_eq!(plugin.rows(DEVICES).unwrap().len(), 0);
}

#[test]
fn nothing_is_asked_while_nothing_happens() {
    let (twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    joins(&twin);
    until("it is a row", || plugin.rows(DEVICES).unwrap().len() == 1);
    plugin.changed();
    let looks = twin.scene().looks;
    for _ in 0..10 {
        plugin.get("Device.WiFi.SSID.1.Status").unwrap();
        plugin.rows(DEVICES).unwrap();
    }
    assert_eq!(twin.scene().looks, looks, "rows and states need no kernel");
}

#[test]
fn a_channel_and_a_state_that_change_by_themselves_are_told() {
    let (twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    plugin.changed();
    twin.change(Event::Air, |scene| scene.interfaces[0].frequency = Some(2462));
    let changed = told(&plugin, "Device.WiFi.Radio.1.Channel");
    assert!(!changed.iter().any(|name| name.contains("SSID")), "{changed:?}");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Channel").unwrap(), "11");
    twin.change(Event::AccessPoints("hostapd"), |scene| {
        scene.running.get_mut("hostapd").unwrap()[0].progress = Progress::Starting;
    });
    told(&plugin, "Device.WiFi.SSID.1.Status");
    assert_eq!(plugin.get("Device.WiFi.SSID.1.Status").unwrap(), "Dormant");
}

#[test]
fn a_network_that_the_image_begins_and_ends_is_a_row_that_comes_and_goes() {
    let (twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    plugin.tables_changed();
    twin.change(Event::AccessPoints("wpa_supplicant"), |scene| {
        scene.running.insert("wpa_supplicant", vec![super::twin::image_network("wlan1")]);
    });
    until("the tables are told of", || {
        let tables = plugin.tables_changed();
        tables.contains(&"Device.WiFi.SSID.".to_owned())
            && tables.contains(&"Device.WiFi.AccessPoint.".to_owned())
    });
    assert_eq!(plugin.rows("Device.WiFi.AccessPoint.").unwrap().len(), 2, "two services are one tree");
    twin.change(Event::AccessPoints("wpa_supplicant"), |scene| {
        scene.running.insert("wpa_supplicant", Vec::new());
    });
    until("the row is gone", || plugin.rows("Device.WiFi.SSID.").unwrap().len() == 1);
}

#[test]
fn a_radio_that_is_unplugged_is_gone_and_has_its_settings_when_it_comes_back() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    super::add_rows(&mut plugin, 11);
    plugin.change(&super::network(11, 2, "Guests", "correct horse")).unwrap();
    let (radio, interface) = {
        let scene = twin.scene();
        (scene.radios[1].clone(), scene.interfaces[1].clone())
    };
    twin.change(Event::Air, |scene| {
        scene.radios.truncate(1);
        scene.interfaces.truncate(1);
        scene.running.get_mut("hostapd").unwrap().truncate(1);
    });
    until("the row is gone", || plugin.rows("Device.WiFi.Radio.").unwrap().len() == 1);
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Status").unwrap(), "LowerLayerDown");
    twin.change(Event::Air, |scene| {
        scene.radios.push(radio);
        scene.interfaces.push(interface);
    });
    until("it is on the air", || twin.on_air("hostapd").len() == 2);
    until("it says so", || plugin.get("Device.WiFi.SSID.11.Status").unwrap() == "Up");
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Name").unwrap(), "wlan1");
}

#[test]
fn what_failed_by_itself_shows_and_is_tried_again() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    twin.change(Event::Service("hostapd"), |scene| {
        scene.running.insert("hostapd", vec![super::twin::image_network("wlan0")]);
        scene.refuse = Some("not yet".to_owned());
    });
    until("it failed", || plugin.get("Device.WiFi.SSID.1.Status").unwrap() == "Error");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Error");
    until("it was tried again", || plugin.get("Device.WiFi.SSID.1.Status").unwrap() == "Up");
    assert_eq!(twin.on_air("hostapd")[0].1, "Mine");
}
