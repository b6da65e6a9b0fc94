//! With radios, in a guest: `tests/guest/run -- TESTS --ignored --test-threads=1 supplicant::tests::guest`.
//!
//! The service and its radios are in a namespace; the access points of others are outside.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::back_end::{AccessPoints as _, Failure, Joined, Progress, Running};
use crate::facts::{Band, Width};
use crate::plan::{
    BssPlan, BssSettings, Mfp, Mode, ProfilePlan, RadioPlan, RadioSettings, Secret, Security, Tuning,
};
use crate::supplicant::tests::stage::{network, plan, profile, run, security, ssid, Opened, Process, Stage};

const KEY: &str = "a \"good\" \\ secret";

/// Radios, of which the first is outside of the namespace and the others are inside, with their interfaces.
struct Radios {
    outside: String,
    inside: Vec<String>,
}

impl Radios {
    fn new(stage: &Stage, inside: usize) -> Self {
        let _ = std::process::Command::new("modprobe").args(["-r", "mac80211_hwsim"]).status();
        run("modprobe", &["mac80211_hwsim", &format!("radios={}", inside + 1)]);
        let mut all: Vec<(String, String)> = std::fs::read_dir("/sys/class/ieee80211")
            .expect("there are radios")
            .map(|radio| {
                let radio = radio.expect("a radio").path();
                let mut devices = std::fs::read_dir(radio.join("device/net")).expect("its interfaces");
                let device = devices.next().expect("an interface").expect("an interface").file_name();
                let radio = radio.file_name().expect("a name").to_string_lossy().into_owned();
                (device.to_string_lossy().into_owned(), radio)
            })
            .collect();
        all.sort();
        let outside = all.remove(0).0;
        for (_, radio) in &all {
            run("iw", &["phy", radio, "set", "netns", "name", stage.namespace.name()]);
        }
        Self { outside, inside: all.into_iter().map(|(device, _)| device).collect() }
    }
}

/// Access points of others: hostapd with several networks on one channel.
fn access_points(stage: &Stage, interface: &str, networks: &[&str]) -> Process {
    let mut text = format!("interface={interface}\ndriver=nl80211\nhw_mode=g\nchannel=6\n");
    for (position, network) in networks.iter().enumerate() {
        if position > 0 {
            let _ = writeln!(text, "bss={interface}_{position}\nbssid=02:00:00:00:00:f{position}");
        }
        let _ = writeln!(text, "{network}\nrsn_pairwise=CCMP");
    }
    let file = stage.file("hostapd.conf", &text);
    let mut command = std::process::Command::new("hostapd");
    command.arg(file).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    Process(command.spawn().expect("hostapd is there"))
}

fn wpa2(name: &str) -> String {
    format!("ssid={name}\nwpa=2\nwpa_key_mgmt=WPA-PSK\nwpa_passphrase={KEY}")
}

fn wpa3(name: &str) -> String {
    format!("ssid={name}\nwpa=2\nwpa_key_mgmt=SAE\nieee80211w=2\nsae_password={KEY}")
}

async fn with_radios(inside: usize) -> (Stage, Radios, Process, Opened) {
    let stage = Stage::new().expect("a guest lets us");
    let radios = Radios::new(&stage, inside);
    let service = stage.service();
    let mut opened = stage.open().await;
    opened.service(true).await;
    (stage, radios, service, opened)
}

/// The station that is let in to this profile.
fn let_in(profile: usize) -> impl Fn(&[Joined]) -> Option<Joined> {
    move |all| all.iter().find(|j| j.connected && j.profile == Some(profile)).cloned()
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_a_station_joins_networks_of_others_by_plan() {
    let (stage, radios, _service, mut opened) = with_radios(1).await;
    let transition = format!(
        "ssid=both\nwpa=2\nwpa_key_mgmt=WPA-PSK SAE\nieee80211w=1\nwpa_passphrase={KEY}\nsae_password={KEY}"
    );
    let raw = format!("ssid=raw\nwpa=2\nwpa_key_mgmt=WPA-PSK\nwpa_psk={}", "0123456789abcdef".repeat(4));
    let all = [
        &wpa2("two"),
        &wpa3("three"),
        &transition,
        &raw,
        "ssid=open",
        "ssid=hidden\nignore_broadcast_ssid=1",
    ];
    let _others = access_points(&stage, &radios.outside, &all);
    let station = &radios.inside[0];
    let raw = Security {
        mode: Mode::Wpa2Personal,
        psk: Secret::new("0123456789ABCDEF".repeat(4)),
        ..Security::default()
    };
    let ways = [
        profile("two", Mode::Wpa2Personal, KEY, 1),
        profile("three", Mode::Wpa3Personal, KEY, 1),
        profile("both", Mode::Wpa3PersonalTransition, KEY, 1),
        ProfilePlan { security: raw, ..profile("raw", Mode::Wpa2Personal, "", 1) },
        profile("open", Mode::None, "", 1),
        profile("hidden", Mode::None, "", 1),
    ];
    for way in ways {
        opened.plan(&plan(station, std::slice::from_ref(&way), None)).await.expect("a good plan");
        let name = way.ssid.clone();
        let joined = opened
            .joined(&format!("joins {:?}", way.ssid), |all| {
                let_in(0)(all).filter(|joined| joined.ssid.as_ref() == Some(&name) && joined.bssid.is_some())
            })
            .await;
        assert_eq!((joined.interface.as_str(), joined.profile), (station.as_str(), Some(0)));
        assert_eq!(joined.available, [0], "{joined:?}");
        assert_eq!((joined.refused, joined.foreign), (vec![], vec![]));
    }
    opened.plan(&plan(station, &[], None)).await.expect("a good plan");
    opened
        .joined("the station leaves", |all| all.iter().all(|j| !j.connected && !j.trying).then_some(()))
        .await;
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_a_wrong_key_is_told_and_a_right_one_takes_it_back() {
    let (stage, radios, _service, mut opened) = with_radios(1).await;
    let _others = access_points(&stage, &radios.outside, &[&wpa2("two"), &wpa3("three")]);
    let station = &radios.inside[0];
    for (name, mode) in [("two", Mode::Wpa2Personal), ("three", Mode::Wpa3Personal)] {
        opened
            .plan(&plan(station, &[profile(name, mode, "a wrong secret", 1)], None))
            .await
            .expect("a good plan");
        let refused = |all: &[Joined]| all.iter().find(|j| j.refused == [0]).cloned();
        let refused = opened.joined("the key is refused", refused).await;
        assert!(!refused.connected);
        opened.plan(&plan(station, &[profile(name, mode, KEY, 1)], None)).await.expect("a good plan");
        let joined = opened.joined("the right key lets it in", let_in(0)).await;
        assert_eq!(joined.refused, []);
    }
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_a_station_prefers_what_has_priority_and_follows_a_choice() {
    let (stage, radios, _service, mut opened) = with_radios(1).await;
    let _others = access_points(&stage, &radios.outside, &[&wpa2("one"), &wpa2("two")]);
    let station = &radios.inside[0];
    let low = profile("one", Mode::Wpa2Personal, KEY, 1);
    let high = profile("two", Mode::Wpa2Personal, KEY, 5);
    let absent = profile("nowhere", Mode::Wpa2Personal, KEY, 9);
    opened.plan(&plan(station, std::slice::from_ref(&low), None)).await.expect("a good plan");
    opened.joined("it joins what is there", let_in(0)).await;
    let all = [low, high, absent];
    opened.plan(&plan(station, &all, None)).await.expect("a good plan");
    let joined = opened.joined("it moves to the better one", let_in(1)).await;
    assert_eq!(joined.available, [0, 1]);
    opened.plan(&plan(station, &all, Some(0))).await.expect("a good plan");
    opened.joined("it moves to the chosen one", let_in(0)).await;
    // Nothing changes, so nothing is disturbed.
    while opened.events.try_recv().is_ok() {}
    opened.plan(&plan(station, &all, Some(0))).await.expect("a good plan");
    let seen = opened.stations().await.expect("it answers");
    assert!(let_in(0)(&seen).is_some(), "{seen:?}");
    opened.plan(&plan(station, &all[..1], None)).await.expect("a good plan");
    let seen = opened.stations().await.expect("it answers");
    assert!(let_in(0)(&seen).is_some(), "the connection outlives a change of the others: {seen:?}");
    // After this program began anew, the connection is still there.
    drop(opened);
    let opened = stage.open().await;
    opened.plan(&plan(station, &all[..1], None)).await.expect("a good plan");
    let seen = opened.stations().await.expect("it answers");
    assert!(let_in(0)(&seen).is_some(), "the connection outlives this program: {seen:?}");
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_a_station_joins_again_after_the_service_was_killed() {
    let (stage, radios, service, mut opened) = with_radios(1).await;
    let _others = access_points(&stage, &radios.outside, &[&wpa2("one")]);
    let only = plan(&radios.inside[0], &[profile("one", Mode::Wpa2Personal, KEY, 1)], None);
    opened.plan(&only).await.expect("a good plan");
    opened.joined("it joins", let_in(0)).await;
    drop(service);
    opened.service(false).await;
    let _service = stage.service();
    opened.service(true).await;
    assert_eq!(opened.stations().await, Ok(vec![]));
    opened.plan(&only).await.expect("a good plan");
    opened.joined("it joins again", let_in(0)).await;
}

fn bss(name: &str, security: Security) -> BssSettings {
    BssSettings {
        ssid: ssid(name),
        advertised: true,
        security,
        wmm: true,
        uapsd: false,
        isolated: false,
        max_stations: None,
        allowed: None,
        wps: None,
    }
}

fn radio(interface: &str, channel: u16, settings: Option<BssSettings>) -> RadioPlan {
    let band = if channel > 14 { Band::Five } else { Band::Two };
    RadioPlan {
        radio: interface.to_owned(),
        settings: RadioSettings {
            band: Some(band),
            channel: Some(Tuning::Number(channel)),
            ..RadioSettings::default()
        },
        networks: settings
            .into_iter()
            .map(|settings| BssPlan { interface: interface.to_owned(), settings })
            .collect(),
    }
}

fn on(all: &[Running]) -> Option<Running> {
    all.iter().find(|point| point.progress == Progress::On).cloned()
}

/// What the kernel says of an interface.
fn device(stage: &Stage, interface: &str) -> String {
    run("ip", &["netns", "exec", stage.namespace.name(), "iw", "dev", interface, "info"])
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_an_access_point_by_plan_serves_stations_of_every_mode() {
    let (stage, radios, _service, mut opened) = with_radios(2).await;
    let [point, station] = &radios.inside[..] else { panic!("two radios") };
    let modes = [
        Mode::None,
        Mode::Wpa2Personal,
        Mode::Wpa3Personal,
        Mode::Wpa3PersonalTransition,
        Mode::Owe,
        Mode::WpaWpa2Personal,
        Mode::WpaPersonal,
    ];
    for (position, mode) in modes.into_iter().enumerate() {
        let name = format!("by plan {position}");
        let security = security(mode, if mode.is_personal() { KEY } else { "" });
        let plans = radio(point, 6, Some(bss(&name, security.clone())));
        opened.supplicant.apply(&plans).await.unwrap_or_else(|failure| panic!("{mode:?}: {failure}"));
        let seen = device(&stage, point);
        assert!(
            seen.contains(&format!("ssid {name}")) && seen.contains("type AP") && seen.contains("channel 6 "),
            "{seen}"
        );
        let running = on(&opened.points().await.expect("it answers")).expect("it is on the air");
        assert_eq!((running.interface.as_str(), running.frequency), (point.as_str(), Some(2_437)));
        assert_eq!((running.settings.security.mode, running.foreign), (mode, false));
        let joins = ProfilePlan { ssid: ssid(&name), security, priority: 1 };
        opened.plan(&plan(station, &[joins], None)).await.expect("a good plan");
        opened
            .joined(&format!("a station joins {mode:?}"), |all| {
                let_in(0)(all).filter(|j| j.ssid == Some(ssid(&name)))
            })
            .await;
        let stations = |all: &[Running]| on(all).filter(|point| point.stations.len() == 1);
        opened.running("the station is told", stations).await;
    }
    let counted = opened.supplicant.stations(point).await.expect("it answers");
    assert!(counted[0].rx_packets > 0 && counted[0].authorized, "{counted:?}");
    let abilities = opened.supplicant.abilities();
    assert!(modes.iter().all(|mode| abilities.modes.contains(mode)) && abilities.networks == 1);

    // The station goes, and everything with it.
    while opened.events.try_recv().is_ok() {}
    opened.plan(&plan(station, &[], None)).await.expect("a good plan");
    opened.running("the station is gone", |all| on(all).filter(|point| point.stations.is_empty())).await;
    opened.supplicant.apply(&radio(point, 6, None)).await.expect("a good plan");
    assert_eq!(opened.points().await, Ok(vec![]));
    assert!(!device(&stage, point).contains("ssid"), "nothing is on the air");
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_an_access_point_that_cannot_start_leaves_the_old_one_on_the_air() {
    let (stage, radios, _service, mut opened) = with_radios(1).await;
    let point = &radios.inside[0];
    // As a station it would look for this.
    let path = opened.take(point, "nl80211").await;
    let elsewhere = opened.add(&path, &network(&[("ssid", "elsewhere"), ("key_mgmt", "NONE")])).await;
    opened.supplicant.calls.enable(&elsewhere, true).await.expect("it is there");
    let good = bss("good", security(Mode::Wpa2Personal, KEY));
    opened.supplicant.apply(&radio(point, 6, Some(good.clone()))).await.expect("a good plan");
    // Nothing is touched that is as planned.
    while opened.events.try_recv().is_ok() {}
    opened.supplicant.apply(&radio(point, 6, Some(good.clone()))).await.expect("a good plan");
    let quiet = tokio::time::timeout(std::time::Duration::from_millis(300), opened.events.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    // No radio has this one.
    let mut refused = radio(point, 184, Some(bss("bad", security(Mode::Wpa2Personal, KEY))));
    let failure = opened.supplicant.apply(&refused).await;
    assert!(matches!(failure, Err(Failure::Refused(_))), "{failure:?}");
    let running = on(&opened.points().await.expect("it answers")).expect("the old one is on the air");
    assert_eq!((running.settings.ssid, running.frequency), (ssid("good"), Some(2_437)));
    assert!(device(&stage, point).contains("ssid good"));
    refused.settings.channel = Some(Tuning::Number(48));
    refused.settings.country = Some("DE ".to_owned());
    opened.supplicant.apply(&refused).await.expect("Germany allows it");
    assert!(device(&stage, point).contains("channel 48 "));
    opened.supplicant.apply(&radio(point, 48, None)).await.expect("a good plan");
    let left = opened.networks(&path).await;
    assert_eq!(left, [(String::new(), 0, true)], "without an access point it is a station again");
    let seen = opened.stations().await.expect("it answers");
    assert_eq!(seen[0].foreign, [ssid("elsewhere")]);
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_the_settings_of_an_access_point_are_on_the_air() {
    let (stage, radios, _service, mut opened) = with_radios(1).await;
    let point = &radios.inside[0];
    let settings = BssSettings {
        advertised: false,
        isolated: true,
        max_stations: Some(5),
        security: Security { mfp: Mfp::Required, rekey: 600, ..security(Mode::Wpa2Personal, KEY) },
        ..bss("hidden", Security::default())
    };
    let mut wanted = radio(point, 48, Some(settings.clone()));
    wanted.settings.country = Some("DE".to_owned());
    wanted.settings.beacon_interval = Some(200);
    wanted.settings.dtim_period = Some(3);
    wanted.settings.width = Some(Width::W80);
    opened.supplicant.apply(&wanted).await.expect("a good plan");
    let running = on(&opened.points().await.expect("it answers")).expect("it is on the air");
    let shown = BssSettings {
        security: Security { passphrase: Secret::default(), ..settings.security.clone() },
        ..settings
    };
    assert_eq!(running.settings, shown);
    assert_eq!(running.radio.beacon_interval, Some(200));
    assert_eq!(running.radio.dtim_period, Some(3));
    assert_eq!(running.radio.width, Some(Width::W80));
    assert!(device(&stage, point).contains("width: 80 MHz, center1: 5210"), "{}", device(&stage, point));
    // What only the number of stations is, and what a station must not, can be taken back.
    opened
        .supplicant
        .apply(&radio(point, 1, Some(bss("shown", security(Mode::Wpa2Personal, KEY)))))
        .await
        .expect("a good plan");
    let running = on(&opened.points().await.expect("it answers")).expect("it is on the air");
    assert!(running.settings.advertised && !running.settings.isolated);
    assert_eq!(running.settings.max_stations, None);
    assert!(opened.events.try_recv().is_ok());
}

#[tokio::test]
#[ignore = "needs radios: runs in a guest"]
async fn guest_an_access_point_of_the_image_is_kept_with_its_key() {
    let (_stage, radios, _service, mut opened) = with_radios(2).await;
    let [point, station] = &radios.inside[..] else { panic!("two radios") };
    let path = opened.take(point, "nl80211").await;
    let mut all = network(&[("ssid", "theirs"), ("key_mgmt", "WPA-PSK"), ("proto", "RSN"), ("psk", KEY)]);
    all.insert("mode", 2.into());
    all.insert("frequency", 2_412.into());
    let theirs = opened.add(&path, &all).await;
    opened.supplicant.calls.about(&path, "SelectNetwork", &theirs).await.expect("it is there");
    let running = opened.running("theirs is on the air", on).await;
    assert!(running.foreign);
    let running = running.settings;

    // One with another key is beside it, and when that is taken back theirs is there again.
    let other = BssSettings { security: security(Mode::Wpa2Personal, "another secret"), ..running.clone() };
    opened.supplicant.apply(&radio(point, 1, Some(other))).await.expect("a good plan");
    let all: BTreeSet<_> = opened.networks(&path).await.into_iter().map(|(tag, _, on)| (tag, on)).collect();
    assert_eq!(all, BTreeSet::from([(String::new(), false), ("cwmpd:ap".to_owned(), true)]));
    // Another name with the key that the image has.
    let renamed = BssSettings { ssid: ssid("renamed"), ..running };
    opened.supplicant.apply(&radio(point, 1, Some(renamed))).await.expect("a good plan");
    let now = opened.networks(&path).await;
    assert_eq!(now, [(String::new(), 0, true)], "nothing of ours is left");
    opened
        .plan(&plan(station, &[profile("renamed", Mode::Wpa2Personal, KEY, 1)], None))
        .await
        .expect("a good plan");
    opened.joined("the key of the image lets it in", let_in(0)).await;
    let off = RadioPlan { radio: point.clone(), ..radio(point, 1, None) };
    opened.supplicant.apply(&off).await.expect("a good plan");
    let left = opened.points().await.expect("it answers");
    assert_eq!(left.iter().map(|point| point.progress).collect::<Vec<_>>(), [Progress::Off]);
}
