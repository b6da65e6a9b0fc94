//! Radios as such: power, law, channels, on and off.

use super::begin;
use super::twin::Twin;
use crate::plan::Tuning;

#[test]
fn a_radio_that_is_switched_off_has_nothing_on_the_air_and_its_interfaces_down() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.Radio.1.Enable", "false")]).unwrap();
    assert_eq!(twin.on_air("hostapd"), []);
    assert_eq!(twin.scene().told, ["3 down"]);
    let value = |name: &str| plugin.get(name).unwrap();
    assert_eq!(value("Device.WiFi.Radio.1.Status"), "Down");
    assert_eq!(value("Device.WiFi.SSID.1.Status"), "LowerLayerDown");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Status"), "Disabled");
    plugin.set(&[("Device.WiFi.Radio.1.Enable", "true")]).unwrap();
    assert_eq!(twin.scene().told, ["3 down", "3 up"]);
    assert_eq!(twin.on_air("hostapd")[0].3, "of the image");
    assert_eq!(plugin.get("Device.WiFi.SSID.1.Status").unwrap(), "Up");
}

#[test]
fn power_is_told_to_the_kernel_as_a_limit_below_what_is_allowed() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    assert_eq!(plugin.get("Device.WiFi.Radio.1.TransmitPowerSupported").unwrap(), "12,25,50,100");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.TransmitPower").unwrap(), "100");
    plugin.set(&[("Device.WiFi.Radio.1.TransmitPower", "25")]).unwrap();
    plugin.set(&[("Device.WiFi.Radio.1.TransmitPower", "100")]).unwrap();
    assert_eq!(twin.scene().told, ["power of 0: Some(1400)", "power of 0: None"]);
}

#[test]
fn a_law_reaches_the_kernel_and_the_service() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    assert_eq!(plugin.get("Device.WiFi.Radio.1.RegulatoryDomain").unwrap(), "DE ");
    plugin.set(&[("Device.WiFi.Radio.1.RegulatoryDomain", "USI")]).unwrap();
    assert_eq!(twin.scene().country, "US");
    assert_eq!(twin.scene().plans[0].settings.country.as_deref(), Some("USI"));
    assert_eq!(plugin.get("Device.WiFi.Radio.1.RegulatoryDomain").unwrap(), "USI");
}

#[test]
fn a_channel_that_is_written_ends_the_choosing_and_the_other_way_round() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    let channel = |twin: &Twin| twin.scene().plans.last().unwrap().settings.channel;
    plugin.set(&[("Device.WiFi.Radio.1.AutoChannelEnable", "true")]).unwrap();
    assert_eq!(channel(&twin), Some(Tuning::Auto));
    assert_eq!(plugin.get("Device.WiFi.Radio.1.AutoChannelEnable").unwrap(), "true");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Channel").unwrap(), "1", "the one that was chosen");
    plugin.set(&[("Device.WiFi.Radio.1.Channel", "11")]).unwrap();
    assert_eq!(channel(&twin), Some(Tuning::Number(11)));
    assert_eq!(plugin.get("Device.WiFi.Radio.1.AutoChannelEnable").unwrap(), "false");
    plugin.set(&[("Device.WiFi.Radio.1.AutoChannelEnable", "true")]).unwrap();
    assert_eq!(channel(&twin), Some(Tuning::Auto));
    plugin.set(&[("Device.WiFi.Radio.1.AutoChannelEnable", "false")]).unwrap();
    assert_eq!(channel(&twin), Some(Tuning::Number(11)), "the one that was written");
}

#[test]
fn what_the_kernel_does_not_tell_is_a_fault_and_not_what_it_was() {
    let (twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    twin.change(crate::back_end::Event::Air, |scene| scene.mute = true);
    super::changes::until("reads fail", || plugin.get("Device.WiFi.Radio.1.Channel").is_err());
    assert_eq!(plugin.get("Device.WiFi.SSID.1.Status").unwrap(), "Up", "what the service tells is told");
    twin.change(crate::back_end::Event::Air, |scene| scene.mute = false);
    super::changes::until("reads succeed", || plugin.get("Device.WiFi.Radio.1.Channel").is_ok());
}

#[test]
fn a_network_without_a_radio_of_the_kernel_has_a_row_of_a_radio_all_the_same() {
    let (twin, config) = Twin::new();
    twin.scene().running.insert("hostapd", vec![super::twin::image_network("lo")]);
    let mut plugin = begin(&config);
    let rows = plugin.rows("Device.WiFi.Radio.").unwrap();
    assert_eq!(rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["lo"]);
    assert_eq!(plugin.rows("Device.WiFi.SSID.").unwrap()[0].key, "lo/lo");
    assert_eq!(plugin.get("Device.WiFi.SSID.1.LowerLayers").unwrap(), "Device.WiFi.Radio.1");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Status").unwrap(), "Up");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Channel").unwrap(), "6");
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].1, "Mine");
}
