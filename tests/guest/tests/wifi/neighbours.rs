//! Networks of others.

use cwmp_acs::ValueType;
use cwmp_guest::{AccessPoint, Network};

use crate::managed::{add, Managed, Services};

const DIAGNOSTIC: &str = "Device.WiFi.NeighboringWiFiDiagnostic.";

/// C172: a scan starts after the session, tells that it is done by `8 DIAGNOSTICS COMPLETE`, and lists who is around.
#[test]
fn a_scan_lists_the_networks_of_others() {
    let Some(managed) = Managed::start(1, Services::Hostapd) else { return };
    let open = AccessPoint::start(&managed.world, &Network::Open("open neighbour"), 1);
    let _closed = AccessPoint::start(&managed.world, &Network::Wpa2("closed neighbour", "their secret"), 11);
    let radio = managed.radio(0);
    let state = format!("{DIAGNOSTIC}DiagnosticsState");
    let mut session = managed.session();
    // A radio listens with an interface that is switched on; what it serves is served on.
    let ours = Network::Wpa2("ours", "our own secret");
    add(&mut session, &radio, &ours, "WPA2-Personal");
    managed.is_on_air(ours.ssid());
    session.set(&[(&state, ValueType::String, "Requested")], "").unwrap();
    session.end();
    let mut session = managed.acs.session();
    assert!(session.has_event("8 DIAGNOSTICS COMPLETE"), "{:?}", session.events());
    assert_eq!(session.get_value(&state).unwrap(), "Complete");
    let values = session.get(&[&format!("{DIAGNOSTIC}Result.")]).unwrap();
    session.end();
    let of = |ssid: &str, leaf: &str| {
        let row =
            values.iter().find(|(name, value)| name.rsplit('.').next() == Some("SSID") && value.text == ssid);
        let (row, _) = row.unwrap_or_else(|| panic!("{ssid}: {values:?}"));
        let name = row.replace(".SSID", &format!(".{leaf}"));
        let value = values.iter().find(|(found, _)| *found == name);
        value.unwrap_or_else(|| panic!("{name}: {values:?}")).1.text.clone()
    };
    assert_eq!(of("open neighbour", "Channel"), "1");
    assert_eq!(of("open neighbour", "BSSID"), open.radio().mac().to_uppercase());
    assert_eq!(of("open neighbour", "SecurityModeEnabled"), "None");
    assert_eq!(of("closed neighbour", "Channel"), "11");
    assert_eq!(of("closed neighbour", "SecurityModeEnabled"), "WPA2");
    assert!(managed.on_air(ours.ssid()).is_some());
    assert!(of("closed neighbour", "SignalStrength").parse::<i32>().unwrap() < 0);
}
