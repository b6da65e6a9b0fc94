//! What cannot be is refused before anything happens, and the fault is the parameter's.

use cwmp_plugin_sdk::testing::Step;
use cwmp_plugin_sdk::Error;

use super::twin::Twin;
use super::{add_rows, begin, network};

#[test]
fn every_wrong_value_has_its_own_fault_and_nothing_happens() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    let wrong = [
        ("Device.WiFi.Radio.1.Channel", "7"),
        ("Device.WiFi.Radio.1.OperatingFrequencyBand", "6GHz"),
        ("Device.WiFi.Radio.1.OperatingStandards", "ax"),
        ("Device.WiFi.Radio.1.OperatingChannelBandwidth", "160MHz"),
        ("Device.WiFi.Radio.1.TransmitPower", "77"),
        ("Device.WiFi.Radio.1.IEEE80211hEnabled", "true"),
        ("Device.WiFi.SSID.1.SSID", "too long"),
        ("Device.WiFi.AccessPoint.1.Security.ModeEnabled", "WEP-64"),
        ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "umläute äöü"),
        ("Device.WiFi.AccessPoint.1.Security.PreSharedKey", "0123"),
        ("Device.WiFi.AccessPoint.1.Security.RadiusServerIPAddr", "radius.example"),
        ("Device.WiFi.AccessPoint.1.Security.RadiusServerPort", "0"),
        ("Device.WiFi.AccessPoint.1.SSIDReference", "Device.WiFi.SSID.9"),
        ("Device.WiFi.AccessPoint.1.WPS.ConfigMethodsEnabled", "Label"),
    ];
    for (name, value) in wrong {
        let value = if value == "too long" { "é".repeat(17) } else { value.to_owned() };
        // A good value beside it does not hide it.
        let steps = [Step::set("Device.WiFi.Radio.1.Enable", "true"), Step::set(name, &value)];
        let faults = plugin.stage(&steps).expect_err(name);
        assert_eq!(faults.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1], "{name}: {faults:?}");
        assert!(matches!(faults[0].1, Error::Value(_)), "{name}: {faults:?}");
    }
    assert!(twin.scene().plans.is_empty());
}

#[test]
fn what_is_right_together_is_right() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin
        .set(&[
            ("Device.WiFi.Radio.1.Channel", "36"),
            ("Device.WiFi.Radio.1.OperatingFrequencyBand", "5GHz"),
            ("Device.WiFi.Radio.1.OperatingStandards", "a,n,ac"),
            ("Device.WiFi.Radio.1.OperatingChannelBandwidth", "80MHz"),
            ("Device.WiFi.Radio.1.IEEE80211hEnabled", "true"),
        ])
        .unwrap();
    assert_eq!(twin.scene().running["hostapd"][0].frequency, Some(5180));
    assert_eq!(plugin.get("Device.WiFi.Radio.1.SupportedStandards").unwrap(), "a,n,ac");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.PossibleChannels").unwrap(), "36,40,52");
}

#[test]
fn a_band_alone_takes_a_channel_that_fits() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.Radio.1.OperatingFrequencyBand", "5GHz")]).unwrap();
    let plan = twin.scene().plans[0].clone();
    assert_eq!(plan.settings.channel, Some(crate::plan::Tuning::Auto));
    assert_eq!(plan.settings.standards.unwrap().len(), 3, "those of the band");
}

#[test]
fn rows_of_the_device_are_not_deleted_and_stay_on_their_radio() {
    let (_twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    for row in ["Device.WiFi.SSID.1.", "Device.WiFi.AccessPoint.1."] {
        assert!(matches!(plugin.delete(row), Err(Error::Denied(_))), "{row}");
    }
    let error = plugin.set(&[("Device.WiFi.SSID.1.LowerLayers", "Device.WiFi.Radio.2")]);
    assert!(matches!(error, Err(Error::Denied(_))), "{error:?}");
    let error = plugin.set(&[("Device.WiFi.SSID.1.LowerLayers", "Device.WiFi.Radio.7")]);
    assert!(matches!(error, Err(Error::Value(_))), "{error:?}");
}

#[test]
fn more_networks_than_the_radios_take_are_refused_when_they_are_added() {
    let (_twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    for number in 11..18 {
        plugin.add(&format!("Device.WiFi.SSID.{number}.")).unwrap();
    }
    // Two radios with four each; the image has one.
    let error = plugin.add("Device.WiFi.SSID.18.").unwrap_err();
    assert!(matches!(error, Error::Resources(_)), "{error}");
    plugin.delete("Device.WiFi.SSID.17.").unwrap();
    plugin.add("Device.WiFi.SSID.18.").unwrap();
}

#[test]
fn a_law_that_the_kernel_does_not_take_is_refused() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    let error = plugin.set(&[("Device.WiFi.Radio.2.RegulatoryDomain", "XY ")]).unwrap_err();
    assert!(matches!(&error, Error::Denied(text) if text.contains("XY")), "{error}");
    assert_eq!(plugin.get("Device.WiFi.Radio.2.RegulatoryDomain").unwrap(), "DE ");
    assert_eq!(twin.scene().country, "DE");
    assert_eq!(twin.on_air("hostapd").len(), 2);
}
