//! Networks of the box.

use cwmp_acs::ValueType;
use cwmp_guest::{eventually, Network, Station};

use crate::managed::{add, configure, set, Managed, Services, ACCESS_POINTS};

const PASSPHRASE: &str = "correct horse battery";
const ACTIVE: u32 = 2;
const INACTIVITY_SECONDS: u32 = 5;
/// In dBm. Radios hear each other with -30; what is read is the mean of some frames.
const CLOSE: i32 = -40;
const FAINT: i32 = -90;

fn an_access_point_that_the_acs_makes_serves_stations(services: Services) {
    let Some(managed) = Managed::start(1, services) else { return };
    let world = &managed.world;
    let radio = managed.radio(0);
    let mut session = managed.session();
    let network = Network::Wpa2("made by the ACS", PASSPHRASE);
    let rows = add(&mut session, &radio, &network, "WPA3-Personal-Transition");
    session.set_notifications(&[(&rows.count(), ACTIVE)]).unwrap();
    assert_eq!(session.get_value(&rows.count()).unwrap(), "0");
    // Secrets are not given back.
    let secret = format!("{}Security.KeyPassphrase", rows.access_point);
    assert_eq!(session.get_value(&secret).unwrap(), "");
    session.end();
    managed.is_on_air(network.ssid());
    managed.becomes(&format!("{}Status", rows.access_point), "Enabled");
    managed.becomes(&format!("{}Status", rows.ssid), "Up");

    if services == Services::Hostapd {
        // Whoever is silent is looked for soon.
        let interface = world.radios()[0].interface();
        let said = world.hostapd_control(interface, &format!("SET ap_max_inactivity {INACTIVITY_SECONDS}"));
        assert_eq!(said.trim(), "OK");
    }
    let first = Station::start(world, &[network]);
    first.joins(network.ssid());
    managed.told(&rows.count(), "1");
    let second = Station::start(world, &[Network::Wpa3(network.ssid(), PASSPHRASE)]);
    second.joins(network.ssid());
    managed.told(&rows.count(), "2");

    let mut session = managed.session();
    let table = format!("{}AssociatedDevice.", rows.access_point);
    let values = session.get(&[&table]).unwrap();
    let row_of = |mac: &str| {
        let row = values.iter().find(|(name, value)| name.ends_with("MACAddress") && value.text == mac);
        row.and_then(|(name, _)| name.strip_suffix("MACAddress"))
            .unwrap_or_else(|| panic!("{mac}: {values:?}"))
    };
    let number = |row: &str, leaf: &str| -> i64 {
        let value = values.iter().find(|(name, _)| *name == format!("{row}{leaf}"));
        value
            .and_then(|(_, value)| value.text.parse().ok())
            .unwrap_or_else(|| panic!("{row}{leaf}: {values:?}"))
    };
    for station in [&first, &second] {
        let row = row_of(&station.mac());
        assert!((-100..0).contains(&number(row, "SignalStrength")), "{values:?}");
        assert!(number(row, "LastDataDownlinkRate") > 0, "{values:?}");
        assert!(number(row, "LastDataUplinkRate") > 0, "{values:?}");
    }
    // How strong a station is heard is what the ACS reads.
    second.radio().is_heard_with(FAINT);
    let signal = format!("{}SignalStrength", row_of(&second.mac()));
    // Whoever goes to listen on another channel tells its access point before.
    second.control("SCAN freq=2462");
    eventually("a station is heard less well", || {
        managed.client.value(&signal).ok()?.parse().ok().filter(|signal: &i32| *signal < CLOSE)
    });
    let gone = row_of(&first.mac()).to_owned();
    session.end();

    first.leave();
    managed.told(&rows.count(), "1");
    let mut session = managed.session();
    assert_eq!(session.get(&[&gone]).unwrap_err().code, 9005, "who left has no row");
    session.end();
    // One is out of reach and says nothing; wpa_supplicant would miss it after minutes.
    if services == Services::Hostapd {
        second.radio().carry_away();
    } else {
        drop(second);
    }
    managed.told(&rows.count(), "0");
}

/// C51, C134, C136: an access point that an ACS makes by itself serves a station of WPA2 and one of WPA3, by hostapd.
#[test]
fn an_access_point_that_the_acs_makes_serves_stations_by_hostapd() {
    an_access_point_that_the_acs_makes_serves_stations(Services::Hostapd);
}

/// The same where the box has nothing but wpa_supplicant.
#[test]
fn an_access_point_that_the_acs_makes_serves_stations_by_wpa_supplicant() {
    an_access_point_that_the_acs_makes_serves_stations(Services::Supplicant);
}

/// C136: what an ACS sets is what is on the air: name, channel, power; a station follows; what is deleted is gone.
#[test]
fn a_station_follows_what_the_acs_sets() {
    let Some(managed) = Managed::start(1, Services::Hostapd) else { return };
    let radio = managed.radio(0);
    let old = Network::Wpa2("the old name", PASSPHRASE);
    let new = Network::Wpa2("the new name", "another passphrase");
    let mut session = managed.session();
    let rows = add(&mut session, &radio, &old, "WPA2-Personal");
    let channel = format!("{radio}Channel");
    session.set(&[(&channel, ValueType::UnsignedInt, "6")], "").unwrap();
    session.end();
    let air = managed.is_on_air(old.ssid());
    assert!(air.contains("channel 6 "), "{air}");
    let station = Station::start(&managed.world, &[old, new]);
    station.joins(old.ssid());

    // Name and passphrase at once: at no moment is one there without the other.
    let mut session = managed.session();
    let values = [
        (format!("{}SSID", rows.ssid), ValueType::String, new.ssid()),
        (format!("{}Security.KeyPassphrase", rows.access_point), ValueType::String, "another passphrase"),
    ];
    set(&mut session, &values).unwrap();
    session.end();
    station.joins(new.ssid());
    assert!(managed.on_air(old.ssid()).is_none());

    let mut session = managed.session();
    let supported = session.get_value(&format!("{radio}TransmitPowerSupported")).unwrap();
    let full = power(&managed.is_on_air(new.ssid()));
    let half = supported.split(',').find(|percent| *percent == "50").expect("half the power");
    let values = [
        (channel.clone(), ValueType::UnsignedInt, "11"),
        (format!("{radio}TransmitPower"), ValueType::Int, half),
    ];
    set(&mut session, &values).unwrap();
    session.end();
    eventually("the network is on another channel, with less power", || {
        let air = managed.on_air(new.ssid())?;
        (air.contains("channel 11 ") && power(&air) < full).then_some(())
    });
    station.joins(new.ssid());

    let mut session = managed.session();
    session.delete(&rows.access_point, "").unwrap();
    session.end();
    managed.is_off_air(new.ssid());
    station.is_alone();
}

/// In dBm.
fn power(air: &str) -> f64 {
    let line = air.lines().find_map(|line| line.trim().strip_prefix("txpower "));
    let power = line.and_then(|line| line.strip_suffix(" dBm")).expect("iw tells the power");
    power.parse().expect("a number")
}

/// What cannot be is refused for what it is, and the network on the air stays as it was, as a whole.
#[test]
fn what_is_refused_leaves_the_air_as_it_was() {
    let Some(managed) = Managed::start(1, Services::Hostapd) else { return };
    let radio = managed.radio(0);
    let network = Network::Wpa2("steady", PASSPHRASE);
    let mut session = managed.session();
    let rows = add(&mut session, &radio, &network, "WPA2-Personal");
    session.end();
    managed.is_on_air(network.ssid());
    let station = Station::start(&managed.world, &[network]);
    station.joins(network.ssid());

    let mut session = managed.session();
    let short = Network::Wpa2("unsteady", "short");
    let fault = configure(&mut session, &radio, &rows, &short, "WPA2-Personal").unwrap_err();
    let (name, code, _) = &fault.parameters[0];
    assert_eq!((name.as_str(), *code), (&*format!("{}Security.KeyPassphrase", rows.access_point), 9007));
    let values = [
        (format!("{}SSID", rows.ssid), ValueType::String, "unsteady"),
        (format!("{radio}Channel"), ValueType::UnsignedInt, "250"),
    ];
    set(&mut session, &values).unwrap_err();
    assert_eq!(session.get_value(&format!("{}SSID", rows.ssid)).unwrap(), network.ssid());
    session.end();
    assert!(managed.on_air(network.ssid()).is_some());
    assert_eq!(station.network().as_deref(), Some(network.ssid()), "nobody noticed");
}

/// Two networks on one radio, one for guests without protection: each serves its own, and one goes without the other.
#[test]
fn a_radio_has_several_networks() {
    let Some(managed) = Managed::start(1, Services::Hostapd) else { return };
    let radio = managed.radio(0);
    let family = Network::Wpa3("family", PASSPHRASE);
    let guests = Network::Open("guests");
    let mut session = managed.session();
    let home = add(&mut session, &radio, &family, "WPA3-Personal");
    let open = add(&mut session, &radio, &guests, "None");
    assert_eq!(session.get_value("Device.WiFi.AccessPointNumberOfEntries").unwrap(), "2");
    session.end();
    managed.is_on_air(family.ssid());
    managed.is_on_air(guests.ssid());
    let first = Station::start(&managed.world, &[family]);
    let second = Station::start(&managed.world, &[guests]);
    first.joins(family.ssid());
    second.joins(guests.ssid());
    managed.becomes(&home.count(), "1");
    managed.becomes(&open.count(), "1");
    let mut session = managed.session();
    session.delete(&open.access_point, "").unwrap();
    session.end();
    managed.is_off_air(guests.ssid());
    second.is_alone();
    assert_eq!(first.network().as_deref(), Some(family.ssid()));
    assert_eq!(
        managed.client.list(ACCESS_POINTS, true).unwrap().iter().filter(|(p, _)| p != ACCESS_POINTS).count(),
        1
    );
}
