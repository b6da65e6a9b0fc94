//! Networks that were found, and networks that an ACS adds.

use cwmp_plugin_sdk::testing::Harness;

use super::twin::Twin;
use crate::plan::Mode;
use crate::plugin::PLUGIN;

const RADIO: &str = "02:00:00:00:00:00";

fn begin(config: &str) -> Harness {
    let plugin = Harness::new(&PLUGIN, config);
    // The first request; from then on there is an agent.
    plugin.rows("Device.WiFi.Radio.").unwrap();
    plugin
}

#[test]
fn what_the_image_runs_is_a_row_of_each_table() {
    let (_twin, config) = Twin::box_of_two();
    let plugin = begin(&config);
    let keys =
        |table: &str| -> Vec<String> { plugin.rows(table).unwrap().into_iter().map(|row| row.key).collect() };
    assert_eq!(keys("Device.WiFi.Radio."), [RADIO, "02:00:00:00:01:00"]);
    assert_eq!(keys("Device.WiFi.SSID."), [format!("{RADIO}/wlan0")]);
    assert_eq!(keys("Device.WiFi.AccessPoint."), [format!("{RADIO}/wlan0")]);
    let radio = plugin.number_of("Device.WiFi.Radio.", RADIO);
    let ssid = plugin.number_of("Device.WiFi.SSID.", &format!("{RADIO}/wlan0"));
    let value = |name: &str| plugin.get(name).unwrap();
    assert_eq!(value(&format!("Device.WiFi.SSID.{ssid}.SSID")), "Image");
    assert_eq!(value(&format!("Device.WiFi.SSID.{ssid}.Status")), "Up");
    assert_eq!(value(&format!("Device.WiFi.SSID.{ssid}.LowerLayers")), format!("Device.WiFi.Radio.{radio}"));
    assert_eq!(value(&format!("Device.WiFi.Radio.{radio}.Channel")), "6");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Status"), "Enabled");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Security.ModeEnabled"), "WPA2-Personal");
    assert_eq!(value("Device.WiFi.AccessPoint.1.Security.KeyPassphrase"), "");
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
    assert_eq!(
        twin.on_air("hostapd"),
        [("wlan0".into(), "Mine".into(), Mode::Wpa2Personal, "correct horse".into())]
    );
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Channel").unwrap(), "11");
    let plan = twin.scene().plans[0].clone();
    assert_eq!(plan.networks[0].settings.security.rekey, 600, "what nobody set is the image's");
    assert_eq!(plan.settings.beacon_interval, Some(100));
}
