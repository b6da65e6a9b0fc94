//! On radios that a kernel makes up: what a plan says is on the air, and stations find it there.

use std::fs;
use std::path::Path;

use super::stage::{command, network, plan, run, Namespace, Process, Stage};
use crate::back_end::{AccessPoints, Event, Failure, Progress};
use crate::facts::{Band, Mac, Ssid, Standard, Width};
use crate::plan::{BssPlan, Mode, RadioSettings, Radius, Secret, Tuning};

const IMAGE: &str =
    "interface=wlan0\ndriver=nl80211\nssid=Image\nhw_mode=g\nchannel=1\nieee80211n=1\nwmm_enabled=1\n";
const STATION: Mac = Mac([2, 0, 0, 0, 1, 0]);

/// A fresh set of radios, and nothing on them.
fn radios() -> Stage {
    assert!(std::env::var_os("CWMP_GUEST").is_some(), "only for a kernel that is nobody's");
    if Path::new("/sys/module/mac80211_hwsim").exists() {
        command("rmmod", &["mac80211_hwsim"]);
    }
    command("modprobe", &["mac80211_hwsim", "radios=3"]);
    // The kernel asks for its ciphers when a key is set for the first time, and then hostapd waits.
    command("modprobe", &["-a", "ccm", "cmac"]);
    Stage::new(Namespace::none())
}

/// The kernel's name of the radio of an interface.
fn radio_of(interface: &str) -> String {
    fs::read_to_string(format!("/sys/class/net/{interface}/phy80211/name")).unwrap().trim_end().to_owned()
}

/// A station that tries to join.
fn station(stage: &Stage, interface: &str, ssid: &str, lines: &str) -> Process {
    let file = stage.path().join(format!("{interface}.conf"));
    // A scan of all channels takes seconds.
    let channels = "2412 2437 2462 5180 5745";
    let network = format!("ssid=\"{ssid}\"\nscan_ssid=1\nscan_freq={channels}\n{lines}");
    fs::write(&file, format!("sae_pwe=2\nnetwork={{\n{network}\n}}\n")).unwrap();
    let said = file.with_extension("said");
    stage.namespace.start(
        "wpa_supplicant",
        &["-Dnl80211", "-i", interface, "-c", file.to_str().unwrap(), "-f", said.to_str().unwrap()],
    )
}

fn with_passphrase(key_mgmt: &str, passphrase: &str) -> String {
    format!("key_mgmt={key_mgmt}\nieee80211w=1\npsk=\"{passphrase}\"")
}

/// What `iw` says of an interface: the kernel's view.
fn air(interface: &str) -> String {
    let output = std::process::Command::new("iw").args(["dev", interface, "info"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A station comes, and goes.
async fn joins(stage: &mut Stage, interface: &str, ssid: &str, lines: &str) {
    let station = station(stage, "wlan1", ssid, lines);
    match stage.try_stations(interface, 1).await {
        Ok(stations) => assert_eq!(stations[0].mac, STATION),
        Err(what) => {
            let said = fs::read_to_string(stage.path().join("wlan1.said")).unwrap_or_default();
            panic!("{what}\nwith {lines} the station said:\n{said}");
        }
    }
    drop(station);
    stage.stations(interface, 0).await;
}

#[test]
#[ignore = "needs radios"]
fn guest_a_network_becomes_every_other_one_and_stations_find_it() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        joins(&mut stage, "wlan0", "Image", "key_mgmt=NONE").await;

        let mut home = network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        assert!(air("wlan0").contains("ssid Home"), "{}", air("wlan0"));
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "hush hush hush")).await;

        home.settings.security.passphrase = Secret::new("another one");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "another one")).await;

        home.settings.security.mode = Mode::Wpa3Personal;
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(&mut stage, "wlan0", "Home", &with_passphrase("SAE", "another one")).await;

        home.settings.ssid = Ssid::new("Elsewhere").unwrap();
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        assert!(air("wlan0").contains("ssid Elsewhere"), "{}", air("wlan0"));
        joins(&mut stage, "wlan0", "Elsewhere", &with_passphrase("SAE", "another one")).await;

        home.settings.security.mode = Mode::Wpa3PersonalTransition;
        home.settings.security.passphrase = Secret::new("for the old ones");
        home.settings.security.sae = Secret::new("for the new ones");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(&mut stage, "wlan0", "Elsewhere", &with_passphrase("WPA-PSK", "for the old ones")).await;
        joins(&mut stage, "wlan0", "Elsewhere", &with_passphrase("SAE", "for the new ones")).await;

        home.settings.security.sae = Secret::new("for the newest ones");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(&mut stage, "wlan0", "Elsewhere", &with_passphrase("SAE", "for the newest ones")).await;

        home.settings.security.mode = Mode::WpaWpa2Personal;
        home.settings.security.sae = Secret::default();
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(
            &mut stage,
            "wlan0",
            "Elsewhere",
            &(with_passphrase("WPA-PSK", "for the old ones") + "\nproto=WPA\npairwise=TKIP"),
        )
        .await;

        home.settings.security.mode = Mode::Wpa2Personal;
        home.settings.security.passphrase = Secret::default();
        home.settings.security.psk = Secret::new("0123456789abcdef".repeat(4));
        home.settings.advertised = false;
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        let key = format!("key_mgmt=WPA-PSK\npsk={}", "0123456789abcdef".repeat(4));
        joins(&mut stage, "wlan0", "Elsewhere", &key).await;

        home.settings.security.mode = Mode::Owe;
        home.settings.advertised = true;
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(&mut stage, "wlan0", "Elsewhere", "key_mgmt=OWE\nieee80211w=2").await;

        home.settings.security.mode = Mode::None;
        stage.apply(&plan(&phy, &[home])).await;
        joins(&mut stage, "wlan0", "Elsewhere", "key_mgmt=NONE").await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_second_network_comes_and_goes_beside_the_first() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let home = network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush");
        let guest = network("wlan0_1", "Guest", Mode::Wpa2Personal, "only for guests");
        let third = network("wlan0_2", "Third", Mode::Wpa3Personal, "only for things");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        let _at_home = station(&stage, "wlan1", "Home", &with_passphrase("WPA-PSK", "hush hush hush"));
        stage.stations("wlan0", 1).await;

        stage.forget();
        stage.apply(&plan(&phy, &[home.clone(), guest.clone(), third.clone()])).await;
        assert_eq!(stage.stations("wlan0", 1).await[0].mac, STATION, "who is there stays there");
        let running = stage.look().await;
        assert_eq!(running.len(), 3);
        assert!(running
            .iter()
            .all(|network| network.first == "wlan0" && network.progress == Progress::On && !network.foreign));
        let mut addresses: Vec<_> = running.iter().map(|network| network.bssid.unwrap()).collect();
        addresses.dedup();
        assert_eq!(addresses.len(), 3, "{addresses:?}");
        {
            let _guest = station(&stage, "wlan2", "Guest", &with_passphrase("WPA-PSK", "only for guests"));
            stage.stations("wlan0_1", 1).await;
        }
        {
            let _thing = station(&stage, "wlan2", "Third", &with_passphrase("SAE", "only for things"));
            stage.stations("wlan0_2", 1).await;
        }
        assert!(fs::read_dir(&stage.places.folder)
            .unwrap()
            .all(|file| { !file.unwrap().file_name().to_string_lossy().starts_with("network-") }));

        // A change of one that switches the radio off and on brings all of them back.
        let mut other = guest.clone();
        other.settings.ssid = Ssid::new("Visitors").unwrap();
        stage.apply(&plan(&phy, &[home.clone(), other.clone(), third])).await;
        let running = stage.look().await;
        assert!(
            running.len() == 3 && running.iter().all(|network| network.progress == Progress::On),
            "{running:#?}"
        );
        {
            let _guest = station(&stage, "wlan2", "Visitors", &with_passphrase("WPA-PSK", "only for guests"));
            stage.stations("wlan0_1", 1).await;
        }
        stage.stations("wlan0", 1).await;

        stage.apply(&plan(&phy, &[home.clone(), other])).await;
        stage.apply(&plan(&phy, &[home])).await;
        let running = stage.look().await;
        assert_eq!(running.len(), 1, "{running:#?}");
        assert!(!Path::new("/sys/class/net/wlan0_1").exists());
        stage.stations("wlan0", 1).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_radio_changes_its_channel_band_and_country() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let home = network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush");
        let on = |settings: RadioSettings| {
            let mut plan = plan(&phy, std::slice::from_ref(&home));
            plan.settings = settings;
            plan
        };
        let channel =
            |number: u16| RadioSettings { channel: Some(Tuning::Number(number)), ..RadioSettings::default() };
        stage.apply(&on(channel(6))).await;
        assert_eq!(stage.one("wlan0").await.frequency, Some(2_437));
        let _station = station(&stage, "wlan1", "Home", &with_passphrase("WPA-PSK", "hush hush hush"));
        stage.stations("wlan0", 1).await;

        // Together with the station.
        stage.forget();
        stage.apply(&on(channel(11))).await;
        let running = stage.one("wlan0").await;
        assert_eq!(running.frequency, Some(2_462));
        assert_eq!(running.stations, [STATION], "it came along");
        assert_eq!(running.radio.channel, Some(Tuning::Number(11)));
        assert!(air("wlan0").contains("channel 11"), "{}", air("wlan0"));

        let wide = RadioSettings {
            country: Some("US".to_owned()),
            band: Some(Band::Five),
            channel: Some(Tuning::Number(36)),
            width: Some(Width::W80),
            standards: Some(vec![Standard::A, Standard::N, Standard::Ac, Standard::Ax]),
            spectrum: Some(true),
            short_guard: Some(true),
            beacon_interval: Some(200),
            dtim_period: Some(3),
            ..RadioSettings::default()
        };
        stage.apply(&on(wide.clone())).await;
        let running = stage
            .until("it is at 5 GHz", |running| running.iter().any(|network| network.progress == Progress::On))
            .await
            .remove(0);
        assert_eq!(running.frequency, Some(5_180));
        assert_eq!(running.radio.country.as_deref(), Some("US"));
        assert_eq!(running.radio.width, Some(Width::W80));
        assert!(air("wlan0").contains("width: 80 MHz, center1: 5210"), "{}", air("wlan0"));
        stage.stations("wlan0", 1).await;

        stage.forget();
        stage.apply(&on(RadioSettings { channel: Some(Tuning::Number(149)), ..wide.clone() })).await;
        assert!(air("wlan0").contains("width: 80 MHz, center1: 5775"), "{}", air("wlan0"));
        stage.stations("wlan0", 1).await;

        // Without what hostapd only ever adds.
        let plain = RadioSettings {
            band: Some(Band::Two),
            channel: Some(Tuning::Number(1)),
            width: Some(Width::W20),
            standards: Some(vec![Standard::G, Standard::N]),
            short_guard: Some(false),
            ..wide
        };
        stage.apply(&on(plain)).await;
        let running = stage.one("wlan0").await;
        assert_eq!(running.frequency, Some(2_412));
        assert_eq!(running.radio.short_guard, Some(false));
        assert_eq!(running.radio.standards, Some(vec![Standard::G, Standard::N]));
        stage.stations("wlan0", 1).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_radio_that_chooses_its_channel_is_on_its_way() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let mut auto = plan(&phy, &[network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush")]);
        auto.settings.channel = Some(Tuning::Auto);
        stage.apply(&auto).await;
        let running = stage.one("wlan0").await;
        assert!(matches!(running.progress, Progress::Starting | Progress::On), "{running:?}");
        assert_eq!(running.radio.channel, Some(Tuning::Auto));
        let running = stage
            .until("it has chosen", |running| running.iter().any(|network| network.progress == Progress::On))
            .await
            .remove(0);
        assert!(running.frequency.is_some());
        // It has chosen once, and is not asked to choose again.
        stage.apply(&auto).await;
        assert_eq!(stage.one("wlan0").await, running);
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "hush hush hush")).await;
        auto.settings.channel = Some(Tuning::Number(11));
        stage.apply(&auto).await;
        assert_eq!(stage.one("wlan0").await.frequency, Some(2_462));
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_what_cannot_start_is_taken_back() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let home = network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush");
        let good = plan(&phy, std::slice::from_ref(&home));
        stage.apply(&good).await;
        let before = stage.one("wlan0").await;
        let mut bad = good.clone();
        bad.settings.channel = Some(Tuning::Number(99));
        bad.networks[0].settings.ssid = Ssid::new("Nowhere").unwrap();
        bad.networks[0].settings.security.passphrase = Secret::new("never on the air");
        let failure = stage.refused(&bad).await;
        assert!(
            matches!(&failure, Failure::Refused(text) if text.contains("wlan0") && !text.contains("never")),
            "{failure}"
        );
        let after = stage
            .until("it is back", |running| running.iter().any(|network| network.progress == Progress::On))
            .await
            .remove(0);
        assert_eq!(after, before);
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "hush hush hush")).await;
        stage.apply(&good).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_radio_is_made_where_none_was() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.namespace.start("hostapd", &["-g", stage.places.global.to_str().unwrap()]);
        fs::create_dir_all(&stage.places.sockets).unwrap();
        stage.until("it runs without a network", <[_]>::is_empty).await;
        let home = network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush");
        let guest = network("wlan0_1", "Guest", Mode::None, "");
        stage.apply(&plan(&phy, &[home.clone(), guest.clone()])).await;
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "hush hush hush")).await;
        joins(&mut stage, "wlan0_1", "Guest", "key_mgmt=NONE").await;
        let running = stage.look().await;
        assert!(running.iter().all(|network| !network.foreign));
        // Another plugin process knows them.
        stage.again();
        stage.apply(&plan(&phy, &[home, guest])).await;
        assert_eq!(stage.look().await, running);
        // A second radio of the same hostapd.
        let other = network("wlan2", "Upstairs", Mode::Wpa3Personal, "hush hush hush");
        let mut upstairs = plan(&radio_of("wlan2"), &[other]);
        upstairs.settings.band = Some(Band::Five);
        upstairs.settings.country = Some("US".to_owned());
        stage.apply(&upstairs).await;
        let running = stage.look().await;
        assert_eq!(running.len(), 3);
        assert_eq!(running[2].frequency, Some(5_180));
        joins(&mut stage, "wlan2", "Upstairs", &with_passphrase("SAE", "hush hush hush")).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_a_killed_hostapd_comes_back_with_the_image_and_takes_the_plan_again() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let mut hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let planned = plan(
            &phy,
            &[
                network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush"),
                network("wlan0_1", "Guest", Mode::Wpa2Personal, "only for guests"),
            ],
        );
        stage.apply(&planned).await;
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "hush hush hush")).await;
        stage.forget();
        hostapd.kill();
        assert_eq!(stage.hostapd.look().await, Err(Failure::Away("hostapd")));
        let _second = stage.start(IMAGE);
        stage.hear(&Event::Service("hostapd")).await;
        let running = stage
            .until("it runs again", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        assert_eq!(running.len(), 1, "{running:#?}");
        assert!(running[0].foreign);
        stage.apply(&planned).await;
        joins(&mut stage, "wlan0", "Home", &with_passphrase("WPA-PSK", "hush hush hush")).await;
        joins(&mut stage, "wlan0_1", "Guest", &with_passphrase("WPA-PSK", "only for guests")).await;
    });
}

#[test]
#[ignore = "needs radios"]
fn guest_only_those_on_the_list_are_let_in() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let mut home = network("wlan0", "Home", Mode::Wpa2Personal, "hush hush hush");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        let lines = with_passphrase("WPA-PSK", "hush hush hush");
        let _one = station(&stage, "wlan1", "Home", &lines);
        let _two = station(&stage, "wlan2", "Home", &lines);
        stage.stations("wlan0", 2).await;
        home.settings.allowed = Some(vec![STATION]);
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        assert_eq!(stage.stations("wlan0", 1).await[0].mac, STATION, "the other one had to go");
        home.settings.allowed = Some(vec![Mac([2, 0, 0, 0, 2, 0])]);
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        assert_eq!(stage.stations("wlan0", 1).await[0].mac, Mac([2, 0, 0, 0, 2, 0]));
    });
}

/// The server is a hostapd too.
#[test]
#[ignore = "needs radios"]
fn guest_a_radius_server_says_who_is_let_in() {
    run(async {
        let mut stage = radios();
        let phy = radio_of("wlan0");
        let users = stage.path().join("users");
        fs::write(&users, "\"user\" PWD \"testing\"\n").unwrap();
        let clients = stage.path().join("clients");
        fs::write(&clients, "127.0.0.1/32 between us\n").unwrap();
        let file = stage.path().join("server.conf");
        fs::write(
            &file,
            format!(
                "driver=none\nradius_server_clients={}\nradius_server_auth_port=18120\neap_server=1\neap_user_file={}\n",
                clients.display(),
                users.display()
            ),
        )
        .unwrap();
        let _server = stage.namespace.start("hostapd", &[file.to_str().unwrap()]);
        let _hostapd = stage.start(IMAGE);
        stage
            .until("it runs", |running| running.iter().any(|network| network.progress == Progress::On))
            .await;
        let radius = |port: u16, secret: &str| {
            Some(Radius { ip: "127.0.0.1".parse().unwrap(), port, secret: Secret::new(secret) })
        };
        let mut home: BssPlan = network("wlan0", "Home", Mode::Wpa2Enterprise, "");
        home.settings.security.radius = radius(18_120, "between us");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        let eap = |key_mgmt: &str| {
            format!("key_mgmt={key_mgmt}\nieee80211w=1\neap=PWD\nidentity=\"user\"\npassword=\"testing\"")
        };
        joins(&mut stage, "wlan0", "Home", &eap("WPA-EAP")).await;
        let told = stage.one("wlan0").await.settings.security;
        assert_eq!(told.radius.map(|radius| (radius.port, radius.secret.is_empty())), Some((18_120, true)));

        home.settings.security.mode = Mode::Wpa3Enterprise;
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        joins(&mut stage, "wlan0", "Home", &eap("WPA-EAP-SHA256")).await;

        // To another server, and back: what hostapd was told it cannot be told again.
        home.settings.security.radius = radius(18_121, "wrong");
        home.settings.security.second_radius = radius(18_120, "wrong");
        stage.apply(&plan(&phy, std::slice::from_ref(&home))).await;
        home.settings.security.radius = radius(18_120, "between us");
        home.settings.security.second_radius = None;
        stage.apply(&plan(&phy, &[home])).await;
        joins(&mut stage, "wlan0", "Home", &eap("WPA-EAP-SHA256")).await;
    });
}
