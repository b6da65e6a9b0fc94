//! No network is less protected than it is said to be.

use cwmp_plugin_sdk::testing::Step;
use cwmp_plugin_sdk::Error;

use super::twin::Twin;
use super::{add_rows, begin, greet, guests, network, with_guests};
use crate::back_end::Event;
use crate::facts::Ssid;
use crate::plan::{Mode, Radius, Secret};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn an_older_key_does_not_come_back_when_the_passphrase_goes() {
    let (twin, mut plugin) = with_guests();
    let security = |name: &str| format!("Device.WiFi.AccessPoint.11.Security.{name}");
    plugin.set(&[(&security("PreSharedKey"), KEY)]).unwrap();
    plugin.set(&[(&security("KeyPassphrase"), "battery staple")]).unwrap();
    assert_eq!(guests(&twin)[0].3, "battery staple");
    plugin.set(&[(&security("KeyPassphrase"), "")]).unwrap();
    assert_eq!(guests(&twin), [], "no key");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Error_Misconfigured");
}

#[test]
fn an_older_passphrase_does_not_come_back_when_the_key_goes() {
    let (twin, mut plugin) = with_guests();
    let security = |name: &str| format!("Device.WiFi.AccessPoint.11.Security.{name}");
    plugin.set(&[(&security("PreSharedKey"), KEY)]).unwrap();
    plugin.set(&[(&security("PreSharedKey"), "")]).unwrap();
    assert_eq!(guests(&twin), [], "no key");
}

#[test]
fn the_images_access_point_on_another_network_lacks_its_key() {
    let (twin, config) = Twin::box_of_two();
    twin.scene().running.get_mut("hostapd").unwrap()[0].settings.security.passphrase = Secret::default();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    plugin
        .set(&[
            ("Device.WiFi.AccessPoint.11.SSIDReference", ""),
            ("Device.WiFi.AccessPoint.1.SSIDReference", "Device.WiFi.SSID.11"),
        ])
        .unwrap();
    for plan in &twin.scene().plans {
        for network in plan.networks.iter().filter(|network| network.interface != "wlan0") {
            assert!(!network.settings.security.passphrase.is_empty(), "{network:?}");
        }
    }
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Error_Misconfigured");
}

#[test]
fn a_refused_reset_of_the_keys_leaves_the_keys() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "correct horse")]).unwrap();
    let before = twin.on_air("hostapd");
    twin.scene().refuse = Some("no".to_owned());
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.Reset", "true")]).unwrap_err();
    assert_eq!(twin.on_air("hostapd"), before);
    let plugin = plugin.restart();
    greet(&plugin);
    assert_eq!(twin.on_air("hostapd"), before);
}

#[test]
fn a_reset_of_the_security_brings_the_images_mode() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin
        .set(&[
            ("Device.WiFi.SSID.1.SSID", "Open"),
            ("Device.WiFi.AccessPoint.1.Security.ModeEnabled", "None"),
        ])
        .unwrap();
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.Reset", "true")]).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].2, Mode::Wpa2Personal);
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Security.ModeEnabled").unwrap(), "WPA2-Personal");
}

#[test]
fn what_somebody_else_makes_of_a_network_is_put_right() {
    let (twin, mut plugin) = with_guests();
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    twin.change(Event::AccessPoints("hostapd"), |scene| {
        let running = scene.running.get_mut("hostapd").unwrap();
        let found = running.iter_mut().find(|running| running.interface != "wlan0").unwrap();
        found.settings.security.mode = Mode::None;
        found.settings.ssid = Ssid::new(*b"Open").unwrap();
    });
    super::changes::until("it is put right", || guests(&twin)[0].2 == Mode::Wpa2Personal);
    drop(plugin);
}

#[test]
fn an_enterprise_image_without_its_server_is_off() {
    let (twin, config) = Twin::box_of_two();
    {
        let mut scene = twin.scene();
        let security = &mut scene.running.get_mut("hostapd").unwrap()[0].settings.security;
        security.mode = Mode::Wpa2Enterprise;
        security.passphrase = Secret::default();
        security.radius = Some(Radius { ip: [10, 0, 0, 1].into(), port: 1812, secret: Secret::default() });
    }
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.AccessPoint.1.Security.RadiusServerIPAddr", "")]).unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(twin.on_air("hostapd"), []);
}

#[test]
fn a_network_that_is_deleted_leaves_an_empty_reference() {
    let (twin, mut plugin) = with_guests();
    plugin.delete("Device.WiFi.SSID.11.").unwrap();
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.SSIDReference").unwrap(), "");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.11.Status").unwrap(), "Error_Misconfigured");
    assert_eq!(guests(&twin), []);
}

#[test]
fn a_reset_that_is_taken_back_later_brings_the_keys_back() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin
        .set(&[
            ("Device.WiFi.AccessPoint.1.Security.ModeEnabled", "WPA3-Personal"),
            ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "correct horse"),
        ])
        .unwrap();
    let before = twin.on_air("hostapd");
    let txn = plugin
        .stage(&[
            Step::set("Device.WiFi.AccessPoint.1.Security.Reset", "true"),
            Step::set("Device.WiFi.SSID.1.SSID", "Mine"),
        ])
        .unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(
        twin.on_air("hostapd"),
        [("wlan0".into(), "Mine".into(), Mode::Wpa2Personal, "of the image".into())]
    );
    plugin.rollback(txn).unwrap();
    assert_eq!(twin.on_air("hostapd"), before);
    let plugin = plugin.restart();
    greet(&plugin);
    assert_eq!(twin.on_air("hostapd"), before);
}

/// TR-181, Device.WiFi.AccessPoint.{i}.Security.Reset.
#[test]
fn what_has_no_values_of_the_factory_cannot_be_reset() {
    let (_twin, mut plugin) = with_guests();
    let refused = plugin.set(&[("Device.WiFi.AccessPoint.11.Security.Reset", "true")]).unwrap_err();
    assert!(matches!(refused, Error::Value(_)), "{refused:?}");
    plugin
        .set(&[
            ("Device.WiFi.AccessPoint.1.Security.ModeEnabled", "WPA2-Enterprise"),
            ("Device.WiFi.AccessPoint.1.Security.RadiusServerIPAddr", "192.0.2.1"),
            ("Device.WiFi.AccessPoint.1.Security.RadiusSecret", "battery staple"),
        ])
        .unwrap();
    let refused = plugin.set(&[("Device.WiFi.AccessPoint.1.Security.Reset", "true")]).unwrap_err();
    assert!(matches!(refused, Error::Value(_)), "{refused:?}");
}
