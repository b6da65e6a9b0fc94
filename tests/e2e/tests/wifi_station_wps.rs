//! WPS of a station, from an ACS to the real wpa_supplicant and back.

use std::process::Command;

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::eventually;
use cwmp_e2e::wifi::World;

const WPS: &str = "Device.WiFi.EndPoint.1.WPS.";

/// What the ACS sets is what everybody on the bus sees of the service, and is there again after it was killed.
#[test]
fn the_methods_of_the_acs_are_those_of_wpa_supplicant_before_and_after_it_is_killed() {
    let Some(world) = World::new() else { return };
    world.ip("link add wlan1 type veth peer name peer1");
    world.ip("link set wlan1 up");
    let acs = Acs::start(Options::default());
    let device = world.device().acs(acs.url()).start();
    device.ready("wifi");
    let client = device.client();
    let bus = device.bus.address().to_owned();
    let image = world.write("station.conf", "config_methods=display\n").display().to_string();
    let start = || world.start("wpa_supplicant", &["-u", "-Dnone", "-iwlan1", "-c", &image], Some(&bus));
    let property = |name: &str| {
        let output = Command::new("busctl")
            .arg(format!("--address={bus}"))
            .args(["get-property", "fi.w1.wpa_supplicant1", "/fi/w1/wpa_supplicant1/Interfaces/0"])
            .args(["fi.w1.wpa_supplicant1.Interface.WPS", name])
            .output()
            .expect("busctl is there: systemd");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let is = |leaf: &str, value: &str| {
        eventually(leaf, || (client.value(&format!("{WPS}{leaf}")).ok()? == value).then_some(()));
    };

    let supplicant = start();
    is("ConfigMethodsEnabled", "Display");
    is("ConfigMethodsSupported", "PushButton,VirtualPushButton,PhysicalPushButton,PIN,Display");
    is("Status", "Configured");
    acs.session().end();
    let set = |leaf: &str, kind, value: &str| {
        client.inform().unwrap();
        let mut session = acs.session();
        session.set(&[(&format!("{WPS}{leaf}"), kind, value)], "").unwrap();
        session.end();
    };
    set("ConfigMethodsEnabled", ValueType::String, "PushButton,PIN");
    assert_eq!(property("ConfigMethods"), "s \"push_button keypad\"");
    is("Status", "Configured");

    supplicant.kill();
    let _supplicant = start();
    eventually("the new service has it too", || {
        (property("ConfigMethods") == "s \"push_button keypad\"").then_some(())
    });

    set("Enable", ValueType::Boolean, "false");
    assert_eq!(property("ConfigMethods"), "s \"\"");
    assert_eq!(property("ProcessCredentials"), "b false");
    is("Status", "Disabled");
    client.inform().unwrap();
    let mut session = acs.session();
    let name = format!("{WPS}ConfigMethodsEnabled");
    let refused = session.set(&[(&name, ValueType::String, "Label")], "");
    assert!(refused.is_err(), "none of ConfigMethodsSupported");
    session.end();
}
