//! The box as a station of somebody else's network.

use cwmp_acs::ValueType;
use cwmp_guest::{eventually, AccessPoint, Network};

use crate::managed::{set, Managed, Services, END_POINTS};

/// C136: an ACS gives the box a profile; the box joins that network, and tells how well it hears it; then it leaves.
#[test]
fn the_box_joins_the_network_of_a_profile() {
    let Some(managed) = Managed::start(1, Services::Supplicant) else { return };
    let uplink = Network::Wpa2("uplink", "their passphrase");
    let _other = AccessPoint::start(&managed.world, &uplink, 6);
    managed.radio(0);
    let rows = managed.client.list(END_POINTS, true).unwrap();
    let found = rows.into_iter().map(|(path, _)| path).find(|path| path.ends_with('.') && path != END_POINTS);
    let mut session = managed.session();
    let end_point = match found {
        Some(row) => row,
        None => format!("{END_POINTS}{}.", session.add(END_POINTS, "").unwrap().0),
    };
    let (profile, _) = session.add(&format!("{end_point}Profile."), "").unwrap();
    let profile = format!("{end_point}Profile.{profile}.");
    let values = [
        (format!("{profile}SSID"), ValueType::String, uplink.ssid()),
        (format!("{profile}Security.ModeEnabled"), ValueType::String, "WPA2-Personal"),
        (format!("{profile}Security.KeyPassphrase"), ValueType::String, "their passphrase"),
        (format!("{profile}Enable"), ValueType::Boolean, "true"),
        (format!("{end_point}Enable"), ValueType::Boolean, "true"),
    ];
    set(&mut session, &values).unwrap();
    session.end();
    let interface = managed.world.radios()[0].interface();
    let link = || managed.world.run("iw", &["dev", interface, "link"]);
    eventually("the box joins the network", || link().contains("SSID: uplink").then_some(()));
    managed.becomes(&format!("{profile}Status"), "Active");
    managed.becomes(&format!("{end_point}Status"), "Enabled");
    let mut session = managed.session();
    let signal = session.get_value(&format!("{end_point}Stats.SignalStrength")).unwrap();
    assert!(signal.parse::<i32>().unwrap() < 0, "{signal}");
    let reference = session.get_value(&format!("{end_point}SSIDReference")).unwrap();
    assert_eq!(session.get_value(&format!("{reference}.SSID")).unwrap(), uplink.ssid());
    set(&mut session, &[(format!("{end_point}Enable"), ValueType::Boolean, "false")]).unwrap();
    session.end();
    eventually("the box leaves the network", || link().contains("Not connected").then_some(()));
}
