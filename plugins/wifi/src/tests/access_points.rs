//! Networks that were found, and networks that an ACS adds.

use super::twin::Twin;
use super::{add_rows, begin, network, RADIO};
use crate::plan::Mode;

#[test]
fn what_the_image_runs_is_a_row_of_each_table() {
    let (_twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    let keys =
        |table: &str| -> Vec<String> { plugin.rows(table).unwrap().into_iter().map(|row| row.key).collect() };
    assert_eq!(keys("Device.WiFi.Radio."), [RADIO, "02:00:00:00:01:00"]);
    assert_eq!(keys("Device.WiFi.SSID."), [format!("{RADIO}/wlan0")]);
    assert_eq!(keys("Device.WiFi.AccessPoint."), [format!("{RADIO}/wlan0")]);
    let value = |name: &str| plugin.get(name).unwrap();
    assert_eq!(value("Device.WiFi.SSID.1.SSID"), "Image");
    assert_eq!(value("Device.WiFi.SSID.1.Status"), "Up");
    assert_eq!(value("Device.WiFi.SSID.1.Name"), "wlan0");
    assert_eq!(value("Device.WiFi.SSID.1.BSSID"), "02:00:00:00:00:03");
    assert_eq!(value("Device.WiFi.SSID.1.LowerLayers"), "Device.WiFi.Radio.1");
    assert_eq!(value("Device.WiFi.Radio.1.Channel"), "6");
    assert_eq!(value("Device.WiFi.Radio.1.Status"), "Up");
    assert_eq!(value("Device.WiFi.Radio.2.Status"), "Down");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Status"), "Enabled");
    assert_eq!(value("Device.WiFi.AccessPoint.1.SSIDReference"), "Device.WiFi.SSID.1");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Security.ModeEnabled"), "WPA2-Personal");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Security.KeyPassphrase"), "");
}

#[test]
fn every_parameter_of_a_busy_box_has_a_value_or_says_that_it_has_none() {
    let (_twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    let without: Vec<String> =
        plugin.tree().into_iter().filter_map(|(name, value)| value.is_err().then_some(name)).collect();
    // What is not on the air has no channel yet, and no width.
    let allowed = ["CurrentOperatingChannelBandwidth", "Channel", "Noise"];
    let odd = without.iter().filter(|name| !allowed.iter().any(|leaf| name.ends_with(leaf)));
    assert_eq!(odd.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn several_values_are_one_change_of_the_air_and_the_rest_stays() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin
        .set(&[
            ("Device.WiFi.SSID.1.SSID", "Mine"),
            ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "correct horse"),
            ("Device.WiFi.Radio.1.Channel", "11"),
        ])
        .unwrap();
    assert_eq!(twin.scene().plans.len(), 1);
    let expected = ("wlan0".into(), "Mine".into(), Mode::Wpa2Personal, "correct horse".into());
    assert_eq!(twin.on_air("hostapd"), [expected]);
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Channel").unwrap(), "11");
    let plan = twin.scene().plans[0].clone();
    assert_eq!(plan.networks[0].settings.security.rekey, 600, "what nobody set is the image's");
    assert_eq!(plan.settings.beacon_interval, Some(100));
}

#[test]
fn an_access_point_that_an_acs_adds_is_on_the_air_when_it_is_whole_and_not_before() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Security.ModeEnabled").unwrap(), "WPA2-Personal");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Disabled");
    let all = network(11, 2, "Guests", "correct horse");
    // Everything but the passphrase.
    let keyless: Vec<_> =
        all.iter().enumerate().filter(|(i, _)| *i != 5).map(|(_, step)| step.clone()).collect();
    plugin.change(&keyless).unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Status").unwrap(), "Down");
    assert_eq!(twin.on_air("hostapd").len(), 1, "without a key it is not on the air, and never open");
    plugin.change(&all[5..6]).unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Enabled");
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Status").unwrap(), "Up");
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Name").unwrap(), "wlan1");
    let expected = ("wlan1".into(), "Guests".into(), Mode::Wpa2Personal, "correct horse".into());
    assert_eq!(twin.on_air("hostapd")[1], expected);
    assert_eq!(plugin.rows("Device.WiFi.SSID.").unwrap().len(), 2, "it is no find as well");
}

#[test]
fn networks_share_a_radio_and_keep_their_interfaces_when_one_goes() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    for (number, name) in [(11, "One"), (12, "Two"), (13, "Three")] {
        add_rows(&mut plugin, number);
        plugin.change(&network(number, 1, name, "correct horse")).unwrap();
    }
    let names = |twin: &Twin| -> Vec<(String, String)> {
        twin.on_air("hostapd").into_iter().map(|(interface, name, ..)| (interface, name)).collect()
    };
    let pair = |interface: &str, name: &str| (interface.to_owned(), name.to_owned());
    let all =
        [pair("wlan0", "Image"), pair("wlan0_1", "One"), pair("wlan0_2", "Two"), pair("wlan0_3", "Three")];
    assert_eq!(names(&twin), all);
    // The radio takes four.
    let error = plugin.change(&[cwmp_plugin_sdk::testing::Step::add("Device.WiFi.SSID.14.")]);
    assert!(error.is_ok(), "the other radio has room");
    let error = plugin.set(&[("Device.WiFi.SSID.14.LowerLayers", "Device.WiFi.Radio.1")]).unwrap_err();
    assert!(matches!(error, cwmp_plugin_sdk::Error::Resources(_)), "{error}");
    plugin.delete("Device.WiFi.SSID.11.").unwrap();
    assert_eq!(names(&twin), [all[0].clone(), all[2].clone(), all[3].clone()]);
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.SSIDReference").unwrap(), "");
    plugin.delete("Device.WiFi.AccessPoint.12.").unwrap();
    assert_eq!(names(&twin), [all[0].clone(), all[3].clone()]);
    let rows = plugin.rows("Device.WiFi.SSID.").unwrap();
    assert_eq!(rows.len(), 4, "the image's, two of the ACS, and the one on no radio: {rows:?}");
}

#[test]
fn a_network_of_the_image_can_be_switched_off_and_comes_back_as_it_was() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.AccessPoint.1.Enable", "false")]).unwrap();
    assert_eq!(twin.on_air("hostapd"), []);
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Disabled");
    assert_eq!(plugin.get("Device.WiFi.SSID.1.SSID").unwrap(), "Image");
    let mut plugin = plugin.restart();
    super::greet(&plugin);
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Disabled");
    plugin.set(&[("Device.WiFi.AccessPoint.1.Enable", "true")]).unwrap();
    let expected = ("wlan0".into(), "Image".into(), Mode::Wpa2Personal, "of the image".into());
    assert_eq!(twin.on_air("hostapd"), [expected]);
}

#[test]
fn a_network_of_the_image_gets_another_mode_only_with_a_key_for_it() {
    let (twin, config) = Twin::box_of_two();
    twin.scene().running.get_mut("hostapd").unwrap()[0].settings.security.passphrase =
        crate::plan::Secret::default();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.ModeEnabled", "WPA3-Personal")]).unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Security.MFPConfig").unwrap(), "Required");
    assert_eq!(twin.on_air("hostapd"), []);
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.SAEPassphrase", "battery staple")]).unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Enabled");
    assert_eq!(twin.on_air("hostapd")[0].2, Mode::Wpa3Personal);
}

#[test]
fn of_a_passphrase_and_a_key_the_last_one_counts() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    let security = |twin: &Twin| twin.scene().running["hostapd"][1].settings.security.clone();
    let key = "0123456789abcdef".repeat(4);
    plugin.set(&[("Device.WiFi.AccessPoint.11.Security.PreSharedKey", &key.to_uppercase())]).unwrap();
    assert!(security(&twin).psk.reveal().eq_ignore_ascii_case(&key));
    let mut plugin = plugin.restart();
    super::greet(&plugin);
    assert!(security(&twin).psk.reveal().eq_ignore_ascii_case(&key));
    plugin.set(&[("Device.WiFi.AccessPoint.11.Security.KeyPassphrase", "battery staple")]).unwrap();
    assert_eq!(security(&twin).passphrase.reveal(), "battery staple");
    assert!(security(&twin).psk.is_empty());
    // Written again, the same value is still the last one.
    plugin.set(&[("Device.WiFi.AccessPoint.11.Security.PreSharedKey", &key)]).unwrap();
    plugin.set(&[("Device.WiFi.AccessPoint.11.Security.KeyPassphrase", "battery staple")]).unwrap();
    assert_eq!(security(&twin).passphrase.reveal(), "battery staple");
    // Taken back, what was before counts.
    plugin.set(&[("Device.WiFi.AccessPoint.11.Security.PreSharedKey", &key)]).unwrap();
    let step = cwmp_plugin_sdk::testing::Step::set(
        "Device.WiFi.AccessPoint.11.Security.KeyPassphrase",
        "another one",
    );
    let txn = plugin.stage(&[step]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(security(&twin).passphrase.reveal(), "another one");
    plugin.rollback(txn).unwrap();
    assert!(security(&twin).psk.reveal().eq_ignore_ascii_case(&key));
}

#[test]
fn radius_servers_and_lists_and_wps_reach_the_plan() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    plugin
        .set(&[
            ("Device.WiFi.AccessPoint.11.Security.ModeEnabled", "WPA2-Enterprise"),
            ("Device.WiFi.AccessPoint.11.Security.RadiusServerIPAddr", "192.0.2.9"),
            ("Device.WiFi.AccessPoint.11.Security.RadiusServerPort", "1645"),
        ])
        .unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(twin.on_air("hostapd").len(), 1);
    plugin
        .set(&[
            ("Device.WiFi.AccessPoint.11.Security.RadiusSecret", "hush"),
            ("Device.WiFi.AccessPoint.11.MACAddressControlEnabled", "true"),
            ("Device.WiFi.AccessPoint.11.AllowedMACAddress", "02:00:00:00:00:AA,02:00:00:00:00:bb"),
            ("Device.WiFi.AccessPoint.11.IsolationEnable", "true"),
            ("Device.WiFi.AccessPoint.11.MaxAllowedAssociations", "5"),
            ("Device.WiFi.AccessPoint.11.WPS.ConfigMethodsEnabled", "PushButton"),
        ])
        .unwrap();
    let settings = twin.scene().running["hostapd"][1].settings.clone();
    let radius = settings.security.radius.unwrap();
    assert_eq!(
        (radius.ip.to_string().as_str(), radius.port, radius.secret.reveal()),
        ("192.0.2.9", 1645, "hush")
    );
    assert_eq!(settings.allowed.unwrap().len(), 2);
    assert_eq!((settings.isolated, settings.max_stations), (true, Some(5)));
    assert_eq!(settings.wps, Some(vec!["push_button"]));
    let value = |name: &str| plugin.get(&format!("Device.WiFi.AccessPoint.11.{name}")).unwrap();
    assert_eq!(value("AllowedMACAddress"), "02:00:00:00:00:AA,02:00:00:00:00:bb", "as it was written");
    assert_eq!(value("WPS.ConfigMethodsEnabled"), "PushButton");
    assert_eq!(value("Security.RadiusSecret"), "");
}

#[test]
fn a_reset_of_the_keys_is_done_once_and_gives_the_images_back() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "correct horse")]).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].3, "correct horse");
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.Reset", "true")]).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].3, "of the image");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Security.Reset").unwrap(), "false");
    plugin.set(&[("Device.WiFi.Reset", "true")]).unwrap();
    assert_eq!(plugin.get("Device.WiFi.Reset").unwrap(), "false");
    assert_eq!(plugin.get("Device.WiFi.ResetCounter").unwrap(), "1");
    assert_eq!(twin.scene().told, ["3 down", "3 up"]);
}

#[test]
fn what_two_access_points_want_the_first_one_has() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    plugin.add("Device.WiFi.AccessPoint.12.").unwrap();
    plugin
        .set(&[
            ("Device.WiFi.AccessPoint.12.SSIDReference", "Device.WiFi.SSID.11"),
            ("Device.WiFi.AccessPoint.12.Security.ModeEnabled", "None"),
            ("Device.WiFi.AccessPoint.12.Enable", "true"),
        ])
        .unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Enabled");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.12.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(twin.on_air("hostapd")[1].2, Mode::Wpa2Personal);
}

#[test]
fn each_radio_is_told_by_the_service_that_runs_it() {
    let (twin, config) = Twin::box_of_two();
    twin.scene().running.insert("wpa_supplicant", vec![super::twin::image_network("wlan1")]);
    let mut plugin = begin(&config);
    plugin
        .set(&[("Device.WiFi.SSID.1.SSID", "By hostapd"), ("Device.WiFi.SSID.2.SSID", "By wpa_supplicant")])
        .unwrap();
    let name = |service: &str| twin.on_air(service).into_iter().map(|(_, name, ..)| name).collect::<Vec<_>>();
    assert_eq!(name("hostapd"), ["By hostapd"]);
    assert_eq!(name("wpa_supplicant"), ["By wpa_supplicant"]);
    // What one of them refuses is taken back at both.
    twin.scene().refuse = Some("no".to_owned());
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "A"), ("Device.WiFi.SSID.2.SSID", "B")]).unwrap_err();
    assert_eq!(name("hostapd"), ["By hostapd"]);
    assert_eq!(name("wpa_supplicant"), ["By wpa_supplicant"]);
    // wpa_supplicant has one network on a radio, and no more.
    super::add_rows(&mut plugin, 11);
    let error = plugin.set(&[("Device.WiFi.SSID.11.LowerLayers", "Device.WiFi.Radio.2")]).unwrap_err();
    assert!(matches!(error, cwmp_plugin_sdk::Error::Resources(_)), "{error}");
}
