//! What was set outlives the processes.

use cwmp_guest::{Network, Station};

use crate::managed::{add, Managed, Services};

const HOME: Network<'_> = Network::Wpa2("home", "correct horse battery");

/// What an ACS set is on the air again after a crash of hostapd, of the plugin's host, of the agent, and a power cut.
#[test]
fn what_was_set_survives_every_process() {
    let Some(mut managed) = Managed::start(1, Services::Hostapd) else { return };
    let radio = managed.radio(0);
    let mut session = managed.session();
    let rows = add(&mut session, &radio, &HOME, "WPA2-Personal");
    session.end();
    managed.is_on_air(HOME.ssid());
    let station = Station::start(&managed.world, &[HOME]);
    station.joins(HOME.ssid());
    managed.becomes(&rows.count(), "1");

    // The host: the air does not notice.
    managed.device.kill_host("wifi");
    managed.ready();
    assert!(managed.on_air(HOME.ssid()).is_some());
    managed.becomes(&rows.count(), "1");

    // The agent.
    managed.device.restart();
    managed.ready();
    managed.client = managed.device.client();
    managed.becomes(&format!("{}SSID", rows.ssid), HOME.ssid());
    assert!(managed.on_air(HOME.ssid()).is_some());

    // hostapd: the network goes with it, and comes back with it.
    managed.hostapd.take().expect("it runs").kill();
    managed.becomes(&rows.count(), "0");
    managed.hostapd = Some(managed.world.hostapd());
    managed.is_on_air(HOME.ssid());
    managed.becomes(&format!("{}Status", rows.access_point), "Enabled");
    station.joins(HOME.ssid());

    // Everything at once.
    managed.device.kill();
    managed.device.kill_host("wifi");
    managed.hostapd.take().expect("it runs").stop();
    managed.is_off_air(HOME.ssid());
    managed.hostapd = Some(managed.world.hostapd());
    managed.device.start();
    managed.ready();
    managed.is_on_air(HOME.ssid());
    station.joins(HOME.ssid());
}

/// The same where the network is run by wpa_supplicant.
#[test]
fn what_was_set_survives_wpa_supplicant() {
    let Some(mut managed) = Managed::start(1, Services::Supplicant) else { return };
    let radio = managed.radio(0);
    let mut session = managed.session();
    let rows = add(&mut session, &radio, &HOME, "WPA2-Personal");
    session.end();
    managed.is_on_air(HOME.ssid());
    let station = Station::start(&managed.world, &[HOME]);
    station.joins(HOME.ssid());
    managed.becomes(&rows.count(), "1");
    managed.supplicant.take().expect("it runs").kill();
    managed.becomes(&rows.count(), "0");
    managed.supplicant = Some(managed.world.supplicant());
    managed.is_on_air(HOME.ssid());
    managed.becomes(&format!("{}Status", rows.access_point), "Enabled");
    station.joins(HOME.ssid());
}
