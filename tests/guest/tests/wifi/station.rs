//! The box as a station of somebody else's network.

use cwmp_acs::{Session, ValueType};
use cwmp_guest::{eventually, AccessPoint, Network, Station};

use crate::managed::{add, set, Managed, Services, END_POINTS};

const UPLINK: Network<'_> = Network::Wpa2("uplink", "their passphrase");

/// Gives the box a profile of somebody else's network: the end point and the profile.
#[track_caller]
fn give_profile(managed: &Managed, session: &mut Session) -> (String, String) {
    let rows = managed.client.list(END_POINTS, true).unwrap();
    let found = rows.into_iter().map(|(path, _)| path).find(|path| path.ends_with('.') && path != END_POINTS);
    let end_point = match found {
        Some(row) => row,
        None => format!("{END_POINTS}{}.", session.add(END_POINTS, "").unwrap().0),
    };
    let (profile, _) = session.add(&format!("{end_point}Profile."), "").unwrap();
    let profile = format!("{end_point}Profile.{profile}.");
    let values = [
        (format!("{profile}SSID"), ValueType::String, UPLINK.ssid()),
        (format!("{profile}Security.ModeEnabled"), ValueType::String, "WPA2-Personal"),
        (format!("{profile}Security.KeyPassphrase"), ValueType::String, "their passphrase"),
        (format!("{profile}Enable"), ValueType::Boolean, "true"),
        (format!("{end_point}Enable"), ValueType::Boolean, "true"),
    ];
    set(session, &values).unwrap();
    (end_point, profile)
}

/// C136: an ACS gives the box a profile; the box joins that network, and tells how well it hears it; then it leaves.
#[test]
fn the_box_joins_the_network_of_a_profile() {
    let Some(managed) = Managed::start(1, Services::Supplicant) else { return };
    let _other = AccessPoint::start(&managed.world, &UPLINK, 6);
    managed.radio(0);
    let mut session = managed.session();
    let (end_point, profile) = give_profile(&managed, &mut session);
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
    assert_eq!(session.get_value(&format!("{reference}.SSID")).unwrap(), UPLINK.ssid());
    set(&mut session, &[(format!("{end_point}Enable"), ValueType::Boolean, "false")]).unwrap();
    session.end();
    eventually("the box leaves the network", || link().contains("Not connected").then_some(()));
}

/// A box whose image has hostapd for one radio and wpa_supplicant for the other is one tree: it serves a network, and is in
/// another one.
#[test]
fn a_mixed_box_is_one_tree() {
    let Some(managed) = Managed::start(2, Services::Both) else { return };
    let _other = AccessPoint::start(&managed.world, &UPLINK, 11);
    let home = Network::Wpa2("home", "correct horse battery");
    let radio = managed.radio(0);
    managed.radio(1);
    let mut session = managed.session();
    let rows = add(&mut session, &radio, &home, "WPA2-Personal");
    let (_, profile) = give_profile(&managed, &mut session);
    session.end();
    managed.is_on_air(home.ssid());
    let station = Station::start(&managed.world, &[home]);
    station.joins(home.ssid());
    managed.becomes(&rows.count(), "1");
    managed.becomes(&format!("{profile}Status"), "Active");
    let [serving, joining] = managed.world.radios() else { panic!("two radios") };
    assert!(managed.world.air(serving.interface()).contains("type AP"));
    assert!(managed.world.run("iw", &["dev", joining.interface(), "link"]).contains("SSID: uplink"));
}
