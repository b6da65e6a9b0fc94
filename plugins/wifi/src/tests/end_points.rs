//! Stations of ours: profiles that an ACS adds.

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::Notice;

use super::twin::{idle, Twin};
use super::{begin, IDLE};
use crate::back_end::Event;
use crate::facts::Ssid;

/// `wlan1` is a station's.
fn with_station() -> (Twin, String) {
    let (twin, config) = Twin::box_of_two();
    twin.scene().joined = vec![idle("wlan1")];
    (twin, config)
}

fn profile(plugin: &mut Harness, end_point: u32, number: u32, name: &str) {
    let row = format!("Device.WiFi.EndPoint.{end_point}.Profile.{number}.");
    let steps = [
        Step::add(&row),
        Step::set(&format!("{row}SSID"), name),
        Step::set(&format!("{row}Security.ModeEnabled"), "WPA2-Personal"),
        Step::set(&format!("{row}Security.KeyPassphrase"), "correct horse"),
        Step::set(&format!("{row}Enable"), "true"),
    ];
    plugin.change(&steps).unwrap();
}

#[test]
fn a_station_joins_what_its_profiles_say() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap()[0].key, format!("{IDLE}/wlan1"));
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.Status").unwrap(), "Error_Misconfigured");
    profile(&mut plugin, 1, 5, "Home");
    assert_eq!(twin.scene().station_plans.last().unwrap().profiles[0].ssid.text(), "Home");
    let value = |plugin: &Harness, name: &str| plugin.get(&format!("Device.WiFi.EndPoint.1.{name}")).unwrap();
    assert_eq!(value(&plugin, "Status"), "Enabled");
    assert_eq!(value(&plugin, "Profile.5.Status"), "Active");
    assert_eq!(value(&plugin, "ProfileReference"), "Device.WiFi.EndPoint.1.Profile.5");
    assert_eq!(value(&plugin, "SSIDReference"), "Device.WiFi.SSID.2");
    assert_eq!(plugin.get("Device.WiFi.SSID.2.SSID").unwrap(), "Home");
    assert_eq!(plugin.get("Device.WiFi.SSID.2.Status").unwrap(), "Up");
    assert_eq!(plugin.get("Device.WiFi.SSID.2.BSSID").unwrap(), "06:06:06:06:06:06");
    assert_eq!(plugin.get("Device.WiFi.Radio.2.Upstream").unwrap(), "true");
    profile(&mut plugin, 1, 6, "Office");
    plugin.set(&[("Device.WiFi.EndPoint.1.ProfileReference", "Device.WiFi.EndPoint.1.Profile.6.")]).unwrap();
    assert_eq!(value(&plugin, "Profile.5.Status"), "Available");
    assert_eq!(value(&plugin, "Profile.6.Status"), "Active");
    plugin.delete("Device.WiFi.EndPoint.1.Profile.6.").unwrap();
    plugin.set(&[("Device.WiFi.EndPoint.1.Profile.5.Enable", "false")]).unwrap();
    assert_eq!(value(&plugin, "Profile.5.Status"), "Disabled");
    assert!(twin.scene().station_plans.last().unwrap().profiles.is_empty());
    let error = plugin.set(&[("Device.WiFi.SSID.2.SSID", "Mine")]).unwrap_err();
    assert!(matches!(error, cwmp_plugin_sdk::Error::Denied(_)), "{error}");
}

#[test]
fn the_highest_priority_is_zero() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    profile(&mut plugin, 1, 5, "Home");
    profile(&mut plugin, 1, 6, "Office");
    plugin.set(&[("Device.WiFi.EndPoint.1.Profile.5.Priority", "9")]).unwrap();
    let plan = twin.scene().station_plans.last().unwrap().clone();
    assert!(plan.profiles[1].priority > plan.profiles[0].priority);
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.Profile.6.Status").unwrap(), "Active");
}

/// TR-181, Device.WiFi.EndPoint.{i}.: inoperable without a valid reference.
#[test]
fn who_chose_a_profile_that_cannot_be_joined_joins_no_other() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    profile(&mut plugin, 1, 5, "Home");
    profile(&mut plugin, 1, 6, "Office");
    plugin.set(&[("Device.WiFi.EndPoint.1.ProfileReference", "Device.WiFi.EndPoint.1.Profile.6")]).unwrap();
    let last = || twin.scene().station_plans.last().unwrap().clone();
    assert_eq!(last().chosen, Some(1));
    plugin.set(&[("Device.WiFi.EndPoint.1.Profile.6.Enable", "false")]).unwrap();
    assert_eq!(last().profiles, []);
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.Status").unwrap(), "Error_Misconfigured");
    plugin.set(&[("Device.WiFi.EndPoint.1.Profile.6.Enable", "true")]).unwrap();
    assert_eq!(last().profiles.len(), 2);
    plugin.delete("Device.WiFi.EndPoint.1.Profile.6.").unwrap();
    assert_eq!(last().profiles, []);
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.ProfileReference").unwrap(), "");
    plugin.set(&[("Device.WiFi.EndPoint.1.ProfileReference", "")]).unwrap();
    assert_eq!(last().profiles.len(), 1);
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.Status").unwrap(), "Enabled");
}

#[test]
fn an_end_point_that_an_acs_adds_gets_an_interface_and_gives_it_back() {
    let (twin, config) = Twin::box_of_two();
    twin.scene().interfaces[1].role = crate::facts::Role::AccessPoint;
    let mut plugin = begin(&config);
    plugin
        .change(&[Step::add("Device.WiFi.EndPoint.7."), Step::set("Device.WiFi.EndPoint.7.Enable", "true")])
        .unwrap();
    assert_eq!(plugin.get("Device.WiFi.EndPoint.7.Status").unwrap(), "Error_Misconfigured");
    profile(&mut plugin, 7, 1, "Home");
    assert_eq!(twin.scene().told, ["new wlan0_1"]);
    assert_eq!(plugin.get("Device.WiFi.EndPoint.7.Status").unwrap(), "Enabled");
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap().len(), 1, "it is no find as well");
    plugin.delete("Device.WiFi.EndPoint.7.").unwrap();
    assert_eq!(twin.scene().interfaces.len(), 2);
}

#[test]
fn a_network_may_have_the_interface_of_a_station_that_has_nothing_to_do() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    super::add_rows(&mut plugin, 11);
    plugin.change(&super::network(11, 2, "Guests", "correct horse")).unwrap();
    assert_eq!(twin.scene().told, ["release wlan1"]);
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Name").unwrap(), "wlan1");
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap().len(), 0);
}

#[test]
fn a_station_has_its_interface_again_when_the_network_on_it_goes_or_never_came() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    super::add_rows(&mut plugin, 11);
    twin.scene().refuse_on = Some("phy1".to_owned());
    plugin.change(&super::network(11, 2, "Guests", "correct horse")).unwrap_err();
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap().len(), 1, "{:?}", twin.scene().told);
    plugin.change(&super::network(11, 2, "Guests", "correct horse")).unwrap();
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap().len(), 0);
    plugin.delete("Device.WiFi.AccessPoint.11.").unwrap();
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap().len(), 0, "the row may have another one");
    plugin.delete("Device.WiFi.SSID.11.").unwrap();
    assert_eq!(plugin.rows("Device.WiFi.EndPoint.").unwrap().len(), 1);
    let told = twin.scene().told.clone();
    assert_eq!(told, ["release wlan1", "take wlan1 again", "release wlan1", "take wlan1 again"]);
}

#[test]
fn a_network_leaves_the_interface_of_a_busy_station_alone() {
    let (twin, config) = with_station();
    twin.scene().joined[0].foreign = vec![Ssid::new(*b"Uplink").unwrap()];
    let mut plugin = begin(&config);
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.Status").unwrap(), "Enabled");
    super::add_rows(&mut plugin, 11);
    plugin.change(&super::network(11, 2, "Guests", "correct horse")).unwrap();
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Name").unwrap(), "wlan1_1");
    assert_eq!(twin.scene().told, Vec::<String>::new());
}

#[test]
fn a_key_that_is_refused_shows_in_the_profile() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    profile(&mut plugin, 1, 5, "Home");
    plugin.changed();
    twin.change(Event::EndPoints, |scene| {
        let joined = &mut scene.joined[0];
        (joined.connected, joined.profile, joined.refused) = (false, None, vec![0]);
    });
    super::changes::until("it is told", || {
        plugin.changed().contains(&"Device.WiFi.EndPoint.1.Profile.5.Status".to_owned())
    });
    assert_eq!(plugin.get("Device.WiFi.EndPoint.1.Profile.5.Status").unwrap(), "Error");
}

const WPS: &str = "Device.WiFi.EndPoint.1.WPS.";

fn wps(plugin: &Harness) -> [String; 3] {
    ["Enable", "ConfigMethodsEnabled", "Status"].map(|leaf| plugin.get(&format!("{WPS}{leaf}")).unwrap())
}

#[test]
fn wps_of_a_station_is_what_was_set_and_then_the_images_again() {
    let (twin, config) = with_station();
    {
        let mut scene = twin.scene();
        scene.station_wps.1 = vec!["display"];
        scene.joined[0].wps = vec!["display"];
    }
    let mut plugin = begin(&config);
    assert_eq!(plugin.get(&format!("{WPS}ConfigMethodsSupported")).unwrap(), "PushButton,Display");
    assert_eq!(wps(&plugin), ["true", "Display", "Configured"], "as the image has it");
    let last = |twin: &Twin| twin.scene().station_plans.last().unwrap().wps.clone();
    plugin.set(&[(&format!("{WPS}ConfigMethodsEnabled"), "PushButton")]).unwrap();
    assert_eq!(last(&twin), Some(vec!["push_button"]));
    assert_eq!(wps(&plugin), ["true", "PushButton", "Configured"]);
    plugin.set(&[(&format!("{WPS}Enable"), "false")]).unwrap();
    assert_eq!(last(&twin), Some(Vec::new()), "off");
    assert_eq!(wps(&plugin), ["false", "PushButton", "Disabled"]);
    plugin.set(&[(&format!("{WPS}Enable"), "true")]).unwrap();
    assert_eq!(wps(&plugin), ["true", "PushButton", "Configured"]);
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(last(&twin), None, "nobody wants anything any more");
    assert_eq!(wps(&plugin), ["true", "Display", "Configured"]);
}

#[test]
fn wps_that_the_service_refuses_is_taken_back() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    plugin.set(&[(&format!("{WPS}ConfigMethodsEnabled"), "Display")]).unwrap();
    twin.scene().refuse_on = Some("wlan1".to_owned());
    let error = plugin.set(&[(&format!("{WPS}ConfigMethodsEnabled"), "PushButton")]).unwrap_err();
    assert!(matches!(error, cwmp_plugin_sdk::Error::Denied(_)), "{error}");
    assert_eq!(twin.scene().joined[0].wps, ["display"]);
    assert_eq!(wps(&plugin), ["true", "Display", "Configured"]);
}

#[test]
fn a_service_that_begins_anew_is_told_of_wps_again() {
    let (twin, config) = with_station();
    let mut plugin = begin(&config);
    plugin.set(&[(&format!("{WPS}ConfigMethodsEnabled"), "PushButton")]).unwrap();
    twin.change(Event::Service("wpa_supplicant"), |scene| scene.joined = vec![idle("wlan1")]);
    super::changes::until("it is told again", || twin.scene().joined[0].wps == ["push_button"]);
}

#[test]
fn a_service_without_wps_cannot_be_told_to_have_it() {
    let (twin, config) = with_station();
    twin.scene().station_wps.0.clear();
    let mut plugin = begin(&config);
    assert_eq!(plugin.get(&format!("{WPS}ConfigMethodsSupported")).unwrap(), "");
    for (leaf, value) in [("Enable", "true"), ("ConfigMethodsEnabled", "PushButton")] {
        let error = plugin.set(&[(&format!("{WPS}{leaf}"), value)]).unwrap_err();
        assert!(matches!(error, cwmp_plugin_sdk::Error::Value(_)), "{error}");
    }
    assert_eq!(wps(&plugin), ["false", "", "Disabled"]);
    // A new row has the default of the standard, which is no reason to have no rows.
    let row = "Device.WiFi.EndPoint.7.";
    plugin.change(&[Step::add(row), Step::set(&format!("{row}WPS.Enable"), "true")]).unwrap();
    assert_eq!(plugin.get(&format!("{row}WPS.Enable")).unwrap(), "false");
    assert!(twin.scene().station_plans.iter().all(|plan| plan.wps.is_none()));
}
