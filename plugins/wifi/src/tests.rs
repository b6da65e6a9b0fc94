//! The plugin as a whole, on twins of its back ends.

mod access_points;
mod changes;
mod checks;
mod cut_off;
mod end_points;
mod protection;
mod radios;
mod standard;
mod transactions;
pub(crate) mod twin;

pub(crate) use twin::back_ends;

use cwmp_plugin_sdk::testing::{Harness, Step};

use crate::plugin::PLUGIN;

/// The first radio's key.
const RADIO: &str = "02:00:00:00:00:00";
/// The second radio's.
const IDLE: &str = "02:00:00:00:01:00";

/// A plugin that has an agent, which knows all rows that are there.
fn begin(config: &str) -> Harness {
    let plugin = Harness::new(&PLUGIN, config);
    greet(&plugin);
    plugin
}

/// The agent lists what there is.
fn greet(plugin: &Harness) {
    for table in ["Radio", "SSID", "AccessPoint", "EndPoint"] {
        for row in plugin.rows(&format!("Device.WiFi.{table}.")).unwrap() {
            if row.number == 0 {
                plugin.number_of(&format!("Device.WiFi.{table}."), &row.key);
            }
        }
    }
}

/// A network and its access point, as an ACS adds them, with these numbers, on radio `radio`.
fn network(number: u32, radio: u32, name: &str, passphrase: &str) -> Vec<Step> {
    let (ssid, ap) = (format!("Device.WiFi.SSID.{number}."), format!("Device.WiFi.AccessPoint.{number}."));
    vec![
        Step::set(&format!("{ssid}LowerLayers"), &format!("Device.WiFi.Radio.{radio}")),
        Step::set(&format!("{ssid}SSID"), name),
        Step::set(&format!("{ssid}Enable"), "true"),
        Step::set(&format!("{ap}SSIDReference"), &format!("Device.WiFi.SSID.{number}")),
        Step::set(&format!("{ap}Security.ModeEnabled"), "WPA2-Personal"),
        Step::set(&format!("{ap}Security.KeyPassphrase"), passphrase),
        Step::set(&format!("{ap}Enable"), "true"),
    ]
}

/// Adds the rows that [`network`] needs, with the values that the standard gives them.
fn add_rows(plugin: &mut Harness, number: u32) {
    let (ssid, ap) = (format!("Device.WiFi.SSID.{number}."), format!("Device.WiFi.AccessPoint.{number}."));
    let defaults = [
        Step::add(&ssid),
        Step::set(&format!("{ssid}Enable"), "false"),
        Step::set(&format!("{ssid}LowerLayers"), ""),
        Step::set(&format!("{ssid}MLDUnit"), "-1"),
    ];
    plugin.change(&defaults).unwrap();
    let defaults = [
        Step::add(&ap),
        Step::set(&format!("{ap}Enable"), "false"),
        Step::set(&format!("{ap}SSIDReference"), ""),
        Step::set(&format!("{ap}Security.RekeyingInterval"), "3600"),
        Step::set(&format!("{ap}Security.RadiusServerPort"), "1812"),
        Step::set(&format!("{ap}Security.MFPConfig"), "Disabled"),
        Step::set(&format!("{ap}WPS.Enable"), "true"),
    ];
    plugin.change(&defaults).unwrap();
}

/// A box whose second radio has a network `Guests` that an ACS added, in rows with the number 11.
fn with_guests() -> (twin::Twin, Harness) {
    let (twin, config) = twin::Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    (twin, plugin)
}

/// What is on the air beside the image's interface.
fn guests(twin: &twin::Twin) -> Vec<(String, String, crate::plan::Mode, String)> {
    twin.on_air("hostapd").into_iter().filter(|found| found.0 != "wlan0").collect()
}
