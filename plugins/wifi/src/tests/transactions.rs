//! What is refused is taken back, and what was set survives.

use cwmp_plugin_sdk::testing::Step;
use cwmp_plugin_sdk::{Error, Notice};

use super::twin::{image_network, Twin};
use super::{add_rows, begin, greet, network};
use crate::back_end::Event;
use crate::plan::Mode;

fn image() -> (String, String, Mode, String) {
    ("wlan0".into(), "Image".into(), Mode::Wpa2Personal, "of the image".into())
}

#[test]
fn a_plan_that_is_refused_leaves_the_air_as_it_was() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    twin.scene().refuse = Some("no such country".to_owned());
    let error = plugin
        .set(&[
            ("Device.WiFi.SSID.1.SSID", "Mine"),
            ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "my secret"),
        ])
        .unwrap_err();
    assert_eq!(error, Error::denied("no such country"));
    assert_eq!(twin.on_air("hostapd"), [image()]);
    assert_eq!(plugin.get("Device.WiFi.SSID.1.SSID").unwrap(), "Image");
    assert_eq!(plugin.get("Device.WiFi.SSID.1.Status").unwrap(), "Up");
    assert_eq!(twin.scene().plans.len(), 2, "the plan, and what was before");
    // What the image runs is nobody's business again.
    assert!(!plugin.store().keys().any(|key| key.starts_with("image/")), "{:?}", plugin.store().keys());
}

#[test]
fn a_second_network_that_is_refused_leaves_the_first() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "One", "correct horse")).unwrap();
    let before = twin.on_air("hostapd");
    add_rows(&mut plugin, 12);
    twin.scene().refuse = Some("too many".to_owned());
    plugin.change(&network(12, 2, "Two", "correct horse")).unwrap_err();
    assert_eq!(twin.on_air("hostapd"), before);
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.12.Status").unwrap(), "Disabled");
}

#[test]
fn a_transaction_that_is_taken_back_later_is_taken_back_on_the_air() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    let txn = plugin.stage(&[Step::set("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(twin.on_air("hostapd")[0].1, "Mine");
    plugin.rollback(txn).unwrap();
    assert_eq!(twin.on_air("hostapd"), [image()]);
}

#[test]
fn what_was_set_survives_a_restart_of_the_plugin_without_touching_the_air() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    let (air, before) = (twin.on_air("hostapd"), twin.scene().running["hostapd"].clone());
    let plugin = plugin.power_cut();
    greet(&plugin);
    // The last thing that happens at a start is that it listens.
    twin.change(Event::Air, |scene| scene.interfaces[0].frequency = Some(2412));
    super::changes::until("it listens", || plugin.get("Device.WiFi.Radio.1.Channel").unwrap() == "1");
    assert_eq!(twin.on_air("hostapd"), air);
    assert_eq!(twin.scene().running["hostapd"], before);
    assert_eq!(plugin.get("Device.WiFi.SSID.1.SSID").unwrap(), "Mine");
    assert_eq!(plugin.get("Device.WiFi.SSID.11.Status").unwrap(), "Up");
}

#[test]
fn what_was_set_is_put_in_force_after_a_boot_without_an_agent() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    // The box begins anew: hostapd with what the image says.
    {
        let mut scene = twin.scene();
        scene.running.insert("hostapd", vec![image_network("wlan0")]);
        scene.interfaces.truncate(2);
        for interface in &mut scene.interfaces {
            interface.up = interface.name == "wlan0";
        }
    }
    let plugin = plugin.power_cut();
    plugin.set_agent(false);
    super::changes::until("both are on the air", || twin.on_air("hostapd").len() == 2);
    let names: Vec<String> = twin.on_air("hostapd").into_iter().map(|(_, name, ..)| name).collect();
    assert_eq!(names, ["Mine", "Guests"]);
    drop(plugin);
}

#[test]
fn a_service_that_begins_anew_is_told_again() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.SSID.1.SSID", "Mine")]).unwrap();
    twin.change(Event::Service("hostapd"), |scene| {
        scene.away.insert("hostapd");
    });
    super::changes::until("it is away", || plugin.get("Device.WiFi.SSID.1.Status").unwrap() == "NotPresent");
    assert_eq!(plugin.get("Device.WiFi.AccessPoint.1.Status").unwrap(), "Error");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Status").unwrap(), "Error");
    assert_eq!(plugin.rows("Device.WiFi.SSID.").unwrap().len(), 1, "the row stays");
    let error = plugin.set(&[("Device.WiFi.SSID.1.SSID", "Yours")]).unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error}");
    twin.change(Event::Service("hostapd"), |scene| {
        scene.away.clear();
        scene.running.insert("hostapd", vec![image_network("wlan0")]);
    });
    super::changes::until("it is told", || twin.on_air("hostapd")[0].1 == "Mine");
    super::changes::until("it is up", || plugin.get("Device.WiFi.SSID.1.Status").unwrap() == "Up");
}

#[test]
fn an_image_that_says_something_new_is_believed() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin.set(&[("Device.WiFi.Radio.1.Channel", "11")]).unwrap();
    twin.change(Event::Service("hostapd"), |scene| {
        let mut network = image_network("wlan0");
        network.settings.ssid = crate::facts::Ssid::new(*b"Image 2").unwrap();
        scene.running.insert("hostapd", vec![network]);
    });
    super::changes::until("the new name is known", || {
        plugin.get("Device.WiFi.SSID.1.SSID").unwrap() == "Image 2"
    });
    super::changes::until("the channel is ours", || {
        plugin.get("Device.WiFi.Radio.1.Channel").unwrap() == "11"
    });
    assert_eq!(twin.on_air("hostapd")[0].1, "Image 2");
}

#[test]
fn a_factory_reset_gives_the_air_back_to_the_image() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    plugin
        .set(&[
            ("Device.WiFi.SSID.1.SSID", "Mine"),
            ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "correct horse"),
            ("Device.WiFi.Radio.1.Channel", "11"),
        ])
        .unwrap();
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(twin.on_air("hostapd"), [image()]);
    assert_eq!(plugin.get("Device.WiFi.SSID.1.SSID").unwrap(), "Image");
    assert_eq!(plugin.get("Device.WiFi.Radio.1.Channel").unwrap(), "6");
    assert_eq!(plugin.rows("Device.WiFi.SSID.").unwrap().len(), 1);
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(twin.on_air("hostapd"), [image()]);
}

#[test]
fn secrets_are_read_by_nobody_and_logged_nowhere() {
    let (twin, config) = Twin::box_of_two();
    let mut plugin = begin(&config);
    add_rows(&mut plugin, 11);
    plugin.change(&network(11, 2, "Guests", "correct horse")).unwrap();
    twin.scene().refuse = Some("no".to_owned());
    let error = plugin.set(&[("Device.WiFi.AccessPoint.11.Security.KeyPassphrase", "battery staple")]);
    let faulty = plugin.set(&[("Device.WiFi.AccessPoint.11.Security.PreSharedKey", "abcdef")]);
    let mut said = format!("{error:?} {faulty:?}");
    for (name, value) in plugin.tree() {
        said = said + &name + "=" + &format!("{value:?}") + "\n";
    }
    for line in plugin.logs() {
        said.push_str(&line.text);
    }
    for secret in ["correct horse", "battery staple", "of the image", "abcdef"] {
        assert!(!said.contains(secret), "{secret} is told");
    }
}
