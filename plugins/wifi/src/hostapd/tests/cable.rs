//! A real station without a radio: hostapd and wpa_supplicant on a cable.

use std::fs;

use super::stage::{run, Namespace, Stage};
use crate::back_end::{AccessPoints, Event};
use crate::facts::Mac;

#[test]
fn a_station_on_a_cable_is_told_with_its_counters() {
    run(async {
        let namespace = Namespace::new();
        namespace.ip(&["link", "add", "h0", "type", "veth", "peer", "name", "h1"]);
        namespace.ip(&["link", "set", "h0", "address", "02:00:00:00:aa:00", "up"]);
        namespace.ip(&["link", "set", "h1", "up"]);
        let mut stage = Stage::new(namespace);
        let users = stage.path().join("users");
        fs::write(&users, "\"user\" MD5 \"testing\"\n").unwrap();
        let _hostapd = stage.start(&format!(
            "interface=h1\ndriver=wired\nieee8021x=1\neap_server=1\neap_user_file={}\nuse_pae_group_addr=1\n",
            users.display()
        ));
        stage.until("it runs", |running| running.len() == 1).await;
        assert!(stage.hostapd.stations("h1").await.unwrap().is_empty());
        let profile = stage.path().join("station.conf");
        fs::write(
            &profile,
            "ap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\neap=MD5\nidentity=\"user\"\npassword=\"testing\"\neapol_flags=0\n}\n",
        )
        .unwrap();
        let station =
            stage.namespace.start("wpa_supplicant", &["-Dwired", "-ih0", "-c", profile.to_str().unwrap()]);
        stage.hear(&Event::Stations("h1".to_owned())).await;
        let stations = stage.stations("h1", 1).await;
        assert_eq!(stations[0].mac, Mac([2, 0, 0, 0, 0xaa, 0]));
        assert_eq!(stations[0].signal, None, "a cable has none");
        assert_eq!(stage.one("h1").await.stations, [stations[0].mac]);
        drop(station);
    });
}
