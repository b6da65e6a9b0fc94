//! The guest itself: what the tests of services rely upon, without anything of ours in between.

use cwmp_guest::{eventually, AccessPoint, Network, Station, World};

const HOME: Network<'_> = Network::Wpa2("home", "correct horse");

/// A station joins an access point by the real programs on both sides, goes out of reach, and finds another one.
#[test]
fn a_station_joins_and_moves_away() {
    let Some(world) = World::new(0) else { return };
    let other = Network::Wpa3("other", "battery staple");
    let first = AccessPoint::start(&world, &HOME, 6);
    let station = Station::start(&world, &[HOME, other]);
    station.joins("home");
    first.radio().carry_away();
    station.is_alone();
    let _second = AccessPoint::start(&world, &other, 11);
    station.joins("other");
}

/// Worlds do not hear each other, and nobody knows whom they do not hear.
#[test]
fn worlds_do_not_hear_each_other() {
    let Some(world) = World::new(0) else { return };
    let Some(other) = World::new(0) else { return };
    let _elsewhere = AccessPoint::start(&other, &Network::Open("elsewhere"), 6);
    let _here = AccessPoint::start(&world, &Network::Open("here"), 6);
    let station = Station::start(&world, &[HOME]);
    let heard = eventually("the station hears its world", || {
        let heard = station.heard();
        heard.contains("here").then_some(heard)
    });
    assert!(!heard.contains("elsewhere"), "{heard}");
}

/// The services of a box come up as an image starts them, and its radios are its own.
#[test]
fn a_box_has_its_radios_and_services() {
    let Some(world) = World::new(2) else { return };
    let hostapd = world.hostapd();
    let _supplicant = world.supplicant();
    let [first, second] = world.radios() else { panic!("two radios") };
    assert!(world.air(first.interface()).contains("type managed"));
    assert!(world.run("iw", &["dev"]).contains(second.interface()));
    hostapd.kill();
    let _again = world.hostapd();
}
