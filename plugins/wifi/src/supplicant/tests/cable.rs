//! On a cable, where no radio is needed: the real service takes plans, and a station is let in by a real hostapd.

use std::collections::HashMap;

use zbus::zvariant::Value;

use crate::back_end::{AccessPoints as _, EndPoints as _, Failure};
use crate::facts::Ssid;
use crate::plan::{Mode, Secret, Security, StationPlan};
use crate::supplicant::tests::stage::{network, plan, profile, security, Opened, Process, Stage};
use crate::supplicant::wire::{INTERFACE, NAME, NETWORK, PROPERTIES, WPS};

/// The service with the interface `eth`, which is neither of a radio nor watched: it takes whatever it is told.
async fn on_nothing() -> Option<(Stage, Process, Opened, String)> {
    with_driver("none").await
}

/// The service with the interface `eth`.
async fn with_driver(driver: &str) -> Option<(Stage, Process, Opened, String)> {
    let stage = Stage::new()?;
    stage.namespace.cable("eth", "far");
    let service = stage.service();
    let mut opened = stage.open().await;
    opened.service(true).await;
    let path = opened.take("eth", driver).await;
    Some((stage, service, opened, path))
}

async fn enable(opened: &Opened, network: &str, on: bool) {
    opened.call(network, PROPERTIES, "Set", &(NETWORK, "Enabled", Value::from(on))).await;
}

#[tokio::test]
async fn a_station_on_a_cable_is_let_in_and_is_told_truthfully() {
    let Some((stage, _service, mut opened, path)) = with_driver("wired").await else { return };
    let users = stage.file("users", "\"box\" MD5 \"let me in\"\n");
    let config = format!(
        "interface=far\ndriver=wired\nieee8021x=1\neap_server=1\neap_user_file={users}\nuse_pae_group_addr=1\n"
    );
    let config = stage.file("hostapd.conf", &config);
    let hostapd = stage.namespace.start("hostapd", &[&config], None);
    let all = [("key_mgmt", "IEEE8021X"), ("eap", "MD5"), ("identity", "box"), ("password", "let me in")];
    let network = opened.add(&path, &network(&all)).await;
    opened.supplicant.calls.about(&path, "SelectNetwork", &network).await.expect("it is there");
    let joined =
        opened.joined("the station is let in", |all| all.iter().find(|j| j.connected).cloned()).await;
    assert_eq!((joined.interface.as_str(), joined.ssid, joined.profile), ("eth", None, None));
    assert_eq!(joined.foreign, [Ssid::default()], "a network of somebody else, without a name");
    assert_eq!((joined.available, joined.refused), (vec![], vec![]));
    assert_eq!(opened.points().await, Ok(vec![]), "a cable is no access point");
    drop(hostapd);
}

#[tokio::test]
async fn a_plan_adds_changes_and_removes_only_what_is_ours() {
    let Some((_stage, _service, opened, path)) = on_nothing().await else { return };
    let foreign = opened.add(&path, &network(&[("ssid", "theirs"), ("key_mgmt", "NONE")])).await;
    enable(&opened, &foreign, true).await;
    let first = profile("one", Mode::Wpa2Personal, "first secret", 3);
    let second = profile("two", Mode::WpaWpa2Personal, "second secret", 7);
    let both = [first.clone(), second.clone()];
    opened.plan(&plan("eth", &both, None)).await.expect("a good plan");
    let theirs = (String::new(), 0, true);
    let of = |index: usize, priority: i64| (format!("cwmpd:{index}"), priority, true);
    assert_eq!(opened.networks(&path).await, [theirs.clone(), of(0, 4), of(1, 8)]);
    let seen = opened.stations().await.expect("it answers");
    assert_eq!(seen[0].foreign, [Ssid::new("theirs").expect("short")]);

    // The same plan touches nothing, and one that only counts otherwise gives no new network.
    let calls = heard_networks(&opened).await;
    opened.plan(&plan("eth", &both, None)).await.expect("a good plan");
    let better = [second.clone(), crate::plan::ProfilePlan { priority: 9, ..first.clone() }];
    opened.plan(&plan("eth", &better, None)).await.expect("a good plan");
    assert_eq!(opened.networks(&path).await, [theirs.clone(), of(1, 10), of(0, 8)]);
    assert_eq!(heard_networks(&opened).await, calls, "the objects are the same");

    // Another key is another network.
    let changed = [second, profile("one", Mode::Wpa2Personal, "other secret", 9)];
    opened.plan(&plan("eth", &changed, None)).await.expect("a good plan");
    assert_eq!(opened.networks(&path).await, [theirs.clone(), of(0, 8), of(1, 10)]);
    opened.plan(&plan("eth", &[], None)).await.expect("a good plan");
    assert_eq!(opened.networks(&path).await, [theirs]);
}

async fn heard_networks(opened: &Opened) -> Vec<String> {
    let found =
        crate::supplicant::interface::interfaces(&opened.supplicant.calls, &opened.supplicant.known).await;
    let found = found.expect("it answers");
    found.iter().flat_map(|interface| &interface.networks).map(|network| network.path.clone()).collect()
}

#[tokio::test]
async fn a_chosen_profile_silences_all_others_until_it_is_not_chosen_any_more() {
    let Some((stage, _service, opened, path)) = on_nothing().await else { return };
    for (name, on) in [("off", false), ("on", true)] {
        let foreign = opened.add(&path, &network(&[("ssid", name), ("key_mgmt", "NONE")])).await;
        enable(&opened, &foreign, on).await;
    }
    let both = [profile("one", Mode::None, "", 1), profile("two", Mode::WpaPersonal, "a good secret", 1)];
    opened.plan(&plan("eth", &both, Some(1))).await.expect("a good plan");
    let on =
        |all: Vec<(String, i64, bool)>| all.into_iter().map(|(tag, _, on)| (tag, on)).collect::<Vec<_>>();
    let is = |one: &str, on| (one.to_owned(), on);
    let expected = [is("", false), is("", false), is("cwmpd:0", false), is("cwmpd:1:1", true)];
    assert_eq!(on(opened.networks(&path).await), expected, "what was on is noted with the one that is");

    // This program begins anew, and still knows whom it silenced.
    drop(opened);
    let opened = stage.open().await;
    opened.plan(&plan("eth", &both, Some(0))).await.expect("a good plan");
    let expected = [is("", false), is("", false), is("cwmpd:0:1", true), is("cwmpd:1", false)];
    assert_eq!(on(opened.networks(&path).await), expected);
    opened.plan(&plan("eth", &both, None)).await.expect("a good plan");
    let expected = [is("", false), is("", true), is("cwmpd:0", true), is("cwmpd:1", true)];
    assert_eq!(on(opened.networks(&path).await), expected);
    opened.plan(&plan("eth", &both, Some(1))).await.expect("a good plan");
    opened.plan(&plan("eth", &[], None)).await.expect("a good plan");
    assert_eq!(on(opened.networks(&path).await), [is("", false), is("", true)], "as the image had it");
}

#[tokio::test]
async fn a_plan_that_cannot_be_leaves_everything_as_it_was() {
    let Some((_stage, _service, opened, path)) = on_nothing().await else { return };
    let good = profile("one", Mode::Wpa2Personal, "a good secret", 1);
    opened.plan(&plan("eth", std::slice::from_ref(&good), None)).await.expect("a good plan");
    let before = opened.networks(&path).await;
    let with = |security: Security| crate::plan::ProfilePlan { security, ..good.clone() };
    let key = |text: &str| {
        with(Security { mode: Mode::Wpa2Personal, psk: Secret::new(text), ..Security::default() })
    };
    let bad = [
        with(security(Mode::Wpa2Personal, "")),
        with(security(Mode::Wpa2Personal, "7 chars")),
        with(security(Mode::Wpa2Personal, &"x".repeat(64))),
        with(security(Mode::Wpa2Personal, "a secret\nkey_mgmt=NONE")),
        with(security(Mode::Wpa2Personal, "geheimes Wört")),
        with(security(Mode::Wpa3Personal, "a secret\nkey_mgmt=NONE")),
        with(security(Mode::Wpa3Personal, &"x".repeat(128))),
        with(security(Mode::Wpa2Enterprise, "")),
        key("0123"),
        key(&"g".repeat(64)),
        profile("", Mode::None, "", 1),
    ];
    for bad in bad {
        let refused = opened.plan(&plan("eth", &[good.clone(), bad.clone()], None)).await;
        assert!(matches!(refused, Err(Failure::Impossible(_))), "{bad:?}: {refused:?}");
        let text = refused.expect_err("it is refused").to_string();
        let secret = bad.security.passphrase.reveal();
        assert!(secret.is_empty() || !text.contains(secret), "{text}");
    }
    let refused = opened.plan(&plan("eth", &[good], Some(1))).await;
    assert!(matches!(refused, Err(Failure::Impossible(_))), "{refused:?}");
    assert_eq!(opened.networks(&path).await, before);
}

#[tokio::test]
async fn names_and_keys_arrive_as_they_are_whatever_is_in_them() {
    const SECRET: &str = "\"a\\ \"b\" secret\"";
    let Some((_stage, _service, opened, path)) = on_nothing().await else { return };
    let names: [&[u8]; 5] =
        [b"a \"quoted\" name", b"line\nkey_mgmt=NONE", b"\0\xff\x80", b"\"", "k\u{e4}se".as_bytes()];
    let profiles: Vec<_> = names
        .iter()
        .map(|name| crate::plan::ProfilePlan {
            ssid: Ssid::new(*name).expect("short"),
            ..profile("", Mode::Wpa2Personal, SECRET, 1)
        })
        .collect();
    opened.plan(&plan("eth", &profiles, None)).await.expect("a good plan");
    let found = crate::supplicant::interface::one(&opened.supplicant.calls, &path).await;
    let found = found.expect("it answers").expect("it is there");
    let shown: Vec<_> = found.networks.iter().filter_map(crate::supplicant::network::Network::ssid).collect();
    assert_eq!(shown.iter().map(Ssid::bytes).collect::<Vec<_>>(), names);
    assert!(found.networks.iter().all(|network| network.security().mode == Mode::Wpa2Personal));
    for network in &found.networks {
        let all = opened.call(&network.path, PROPERTIES, "GetAll", &(NETWORK,)).await;
        let shown = all.body().data().bytes().windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
        assert!(!shown, "the service shows keys to everybody");
    }
}

#[tokio::test]
async fn an_interface_is_taken_and_let_go() {
    let Some((_stage, _service, mut opened, _path)) = on_nothing().await else { return };
    // A cable is no radio, so the service does not take it as one.
    let refused = opened.plan(&plan("far", &[profile("one", Mode::None, "", 1)], None)).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    opened.plan(&plan("far", &[], None)).await.expect("nothing is to be done");
    assert_eq!(opened.stations().await.map(|all| all.len()), Ok(1), "what was not to be had is not kept");
    opened.supplicant.release("eth").await.expect("it is let go");
    opened.joined("the interface is gone", |all| all.is_empty().then_some(())).await;
    opened.supplicant.release("eth").await.expect("it is gone already");
}

#[tokio::test]
async fn a_service_that_is_killed_is_away_and_a_new_one_is_asked_afresh() {
    let Some((stage, service, mut opened, path)) = on_nothing().await else { return };
    let one = [profile("one", Mode::Wpa2Personal, "a good secret", 1)];
    opened.plan(&plan("eth", &one, None)).await.expect("a good plan");
    assert!(opened.supplicant.modes().contains(&Mode::Wpa2Personal));
    drop(service);
    opened.service(false).await;
    assert_eq!(opened.stations().await, Err(Failure::Away(NAME)));
    assert_eq!(opened.points().await, Err(Failure::Away(NAME)));
    assert_eq!(opened.plan(&plan("eth", &one, None)).await, Err(Failure::Away(NAME)));
    assert_eq!(opened.supplicant.modes(), []);
    assert_eq!(opened.supplicant.abilities().networks, 0);
    let _service = stage.service();
    opened.service(true).await;
    assert_eq!(opened.stations().await, Ok(vec![]), "it has none of what the old one had");
    let again = opened.take("eth", "none").await;
    opened.plan(&plan("eth", &one, None)).await.expect("a good plan");
    assert_eq!(again, path, "a path that was used before");
    assert_eq!(opened.networks(&again).await, [("cwmpd:0".to_owned(), 2, true)]);
}

#[tokio::test]
async fn a_network_that_somebody_changed_is_put_right() {
    let Some((_stage, _service, opened, path)) = on_nothing().await else { return };
    let one = [profile("one", Mode::Wpa2Personal, "a good secret", 1)];
    opened.plan(&plan("eth", &one, None)).await.expect("a good plan");
    let network = heard_networks(&opened).await.remove(0);
    let open = HashMap::from([("key_mgmt", Value::from("NONE"))]);
    opened.call(&network, PROPERTIES, "Set", &(NETWORK, "Properties", Value::from(open))).await;
    opened.plan(&plan("eth", &one, None)).await.expect("a good plan");
    let found = crate::supplicant::interface::one(&opened.supplicant.calls, &path).await;
    let found = found.expect("it answers").expect("it is there");
    assert_eq!(found.networks.len(), 1);
    assert_eq!(found.networks[0].security().mode, Mode::Wpa2Personal);
    // And one that somebody took away comes back.
    opened.call(&path, INTERFACE, "RemoveAllNetworks", &()).await;
    opened.plan(&plan("eth", &one, None)).await.expect("a good plan");
    assert_eq!(opened.networks(&path).await, [("cwmpd:0".to_owned(), 2, true)]);
}

/// The methods of WPS as everybody on the bus sees them, and what becomes of a network that is handed over.
async fn wps(opened: &Opened, path: &str) -> (String, bool) {
    let get = |property: &'static str| async move {
        let body = (WPS, property);
        opened.call(path, PROPERTIES, "Get", &body).await
    };
    let methods = get("ConfigMethods").await;
    let methods: Value<'_> =
        methods.body().deserialize::<zbus::zvariant::OwnedValue>().expect("a value").into();
    let joins = get("ProcessCredentials").await;
    let joins: Value<'_> = joins.body().deserialize::<zbus::zvariant::OwnedValue>().expect("a value").into();
    (String::try_from(methods).expect("a text"), bool::try_from(joins).expect("a flag"))
}

#[tokio::test]
async fn wps_of_a_station_is_the_plans_after_a_new_service_too_and_then_the_images_again() {
    let Some((stage, service, mut opened, path)) = on_nothing().await else { return };
    let with =
        |methods: &[&'static str]| StationPlan { wps: Some(methods.to_vec()), ..plan("eth", &[], None) };
    let is = |methods: &str, joins| (methods.to_owned(), joins);
    let image = (WPS, "ConfigMethods", Value::from("usba display"));
    opened.call(&path, PROPERTIES, "Set", &image).await;
    assert_eq!(opened.stations().await.expect("it answers")[0].wps, ["display"]);
    assert!(opened.supplicant.wps().contains(&"push_button"));

    opened.plan(&with(&["push_button", "keypad"])).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, is("push_button keypad", true));
    assert_eq!(opened.stations().await.expect("it answers")[0].wps, ["push_button", "keypad"]);
    opened.plan(&with(&[])).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, is("", false), "what is handed over is not joined either");
    opened.plan(&with(&["display"])).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, is("display", true));
    opened.plan(&plan("eth", &[], None)).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, is("usba display", true), "as the image had it");

    opened.plan(&with(&["push_button"])).await.expect("a good plan");
    drop(service);
    opened.service(false).await;
    assert!(opened.supplicant.wps().is_empty());
    let _service = stage.service();
    opened.service(true).await;
    let path = opened.take("eth", "none").await;
    assert_eq!(wps(&opened, &path).await, is("", true), "it has none of what the old one had");
    opened.plan(&with(&["push_button"])).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, is("push_button", true));

    // This program begins anew: what is as planned it made so before.
    drop(opened);
    let opened = stage.open().await;
    opened.plan(&with(&["push_button"])).await.expect("a good plan");
    opened.plan(&plan("eth", &[], None)).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, is("", true));
}

#[tokio::test]
async fn wps_is_taken_back_with_a_plan_that_fails() {
    let Some((_stage, _service, opened, path)) = on_nothing().await else { return };
    let good = StationPlan { wps: Some(vec!["display"]), ..plan("eth", &[], None) };
    let image = (WPS, "ConfigMethods", Value::from("usba"));
    opened.call(&path, PROPERTIES, "Set", &image).await;
    opened.plan(&good).await.expect("a good plan");
    let unknown = StationPlan { wps: Some(vec!["push_button", "nfc_interface"]), ..good.clone() };
    let refused = opened.plan(&unknown).await;
    assert!(matches!(refused, Err(Failure::Impossible(_))), "{refused:?}");
    // The station cannot do this on its interface, which shows only after WPS was told.
    let bad = profile("one", Mode::Owe, "", 1);
    for methods in [Some(vec!["push_button"]), None] {
        let failing = StationPlan { wps: methods, ..plan("eth", std::slice::from_ref(&bad), None) };
        let refused = opened.plan(&failing).await;
        assert!(matches!(refused, Err(Failure::Impossible(_))), "{refused:?}");
        assert_eq!(wps(&opened, &path).await, ("display".to_owned(), true));
    }
    opened.plan(&plan("eth", &[], None)).await.expect("a good plan");
    assert_eq!(wps(&opened, &path).await, ("usba".to_owned(), true), "the image is still known");
}
