//! What is cut off, or fails in part, leaves nothing behind.

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::Notice;

use super::twin::Twin;
use super::{begin, greet, guests, with_guests};
use crate::back_end::Event;
use crate::plugin::PLUGIN;

#[test]
fn what_is_cut_off_in_a_commit_is_taken_back_to_the_image() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    let before = twin.on_air("hostapd");
    let txn = plugin.stage(&[Step::set("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    let store = plugin.store();
    plugin.commit(txn).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].1, "Mine");
    // The host is killed before the end: nothing of the commit is stored.
    std::mem::forget(plugin);
    let plugin = Harness::with_store(&PLUGIN, &config, store).unwrap();
    greet(&plugin);
    plugin.rollback(txn).unwrap();
    super::changes::until("it is as before", || twin.on_air("hostapd") == before);
    super::changes::until("it is nobody's business", || plugin.store().is_empty());
}

#[test]
fn what_is_cut_off_in_a_commit_and_done_again_is_not_the_image() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    let before = twin.on_air("hostapd");
    let steps = [Step::set("Device.WiFi.SSID.1.SSID", "Mine")];
    let txn = plugin.stage(&steps).unwrap();
    let store = plugin.store();
    plugin.commit(txn).unwrap();
    std::mem::forget(plugin);
    let plugin = Harness::with_store(&PLUGIN, &config, store).unwrap();
    greet(&plugin);
    plugin.prepare(txn, &steps).unwrap();
    plugin.commit(txn).unwrap();
    plugin.finish(txn).unwrap();
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(twin.on_air("hostapd"), before);
}

#[test]
fn a_second_radio_that_refuses_takes_the_first_back() {
    let (twin, mut plugin) = with_guests();
    plugin.set(&[("Device.WiFi.Radio.1.TransmitPower", "50")]).unwrap();
    let on_air = || {
        let mut all = twin.on_air("hostapd");
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let before = on_air();
    twin.scene().told.clear();
    twin.scene().refuse_on = Some("phy1".to_owned());
    plugin
        .set(&[
            ("Device.WiFi.Radio.1.TransmitPower", "25"),
            ("Device.WiFi.SSID.1.SSID", "Mine"),
            ("Device.WiFi.SSID.11.SSID", "Others"),
        ])
        .unwrap_err();
    assert_eq!(on_air(), before);
    assert_eq!(twin.scene().told, ["power of 0: Some(1400)", "power of 0: Some(1700)"]);
    assert_eq!(plugin.get("Device.WiFi.SSID.1.Status").unwrap(), "Up");
}

#[test]
fn the_law_comes_back_with_what_is_refused() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    twin.scene().refuse = Some("no".to_owned());
    plugin
        .set(&[("Device.WiFi.Radio.1.RegulatoryDomain", "US "), ("Device.WiFi.Radio.1.Channel", "11")])
        .unwrap_err();
    assert_eq!(twin.scene().country, "DE");
}

#[test]
fn a_factory_reset_after_a_prepare_that_came_to_nothing() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin
        .set(&[
            ("Device.WiFi.Radio.1.OperatingFrequencyBand", "5GHz"),
            ("Device.WiFi.Radio.1.TransmitPower", "25"),
            ("Device.WiFi.AccessPoint.1.UAPSDEnable", "true"),
            ("Device.WiFi.Radio.1.RegulatoryDomain", "US "),
        ])
        .unwrap();
    let txn = plugin.stage(&[Step::set("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    plugin.rollback(txn).unwrap();
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].1, "Image");
    assert_eq!(twin.scene().country, "DE");
}

#[test]
fn a_service_that_was_only_slow_is_told_again_that_a_network_goes() {
    let (twin, mut plugin) = with_guests();
    twin.change(Event::Service("hostapd"), |scene| {
        scene.away.insert("hostapd");
    });
    super::changes::until("it is away", || plugin.get("Device.WiFi.SSID.11.Status").unwrap() == "NotPresent");
    plugin.set(&[("Device.WiFi.AccessPoint.11.Enable", "false")]).unwrap();
    assert_eq!(guests(&twin).len(), 1);
    twin.scene().away.clear();
    super::changes::until("it is off", || guests(&twin).is_empty());
}
