//! A service of the test's own, which behaves badly.

use std::time::{Duration, Instant};

use cwmp_e2e::service::{value, Manners, Service};
use cwmp_e2e::Bus;
use zbus::zvariant::{ObjectPath, Value};

use crate::back_end::{AccessPoints as _, Event, Failure};
use crate::plan::{Mode, RadioPlan, RadioSettings, StationPlan};
use crate::supplicant::calls::{CHANGE, READ};
use crate::supplicant::tests::stage::{plan, profile, Opened};
use crate::supplicant::wire::{INTERFACE, NAME, ROOT, SERVICE};

const PATH: &str = "/fi/w1/wpa_supplicant1/Interfaces/0";

/// A service that has one interface with nothing on it.
fn service(bus: &Bus) -> Service {
    Service::start_with(bus.address(), SERVICE, |hand| {
        let path = ObjectPath::try_from(PATH).expect("a path");
        hand.put(ROOT, SERVICE, "Interfaces", value(vec![path]));
        hand.put(ROOT, SERVICE, "Capabilities", value(vec!["ap"]));
        hand.put(PATH, INTERFACE, "Ifname", value("wlan0"));
        hand.put(PATH, INTERFACE, "State", value("inactive"));
        for list in ["Networks", "BSSs", "Stations"] {
            hand.put(PATH, INTERFACE, list, value(Vec::<ObjectPath<'_>>::new()));
        }
        let able = std::collections::HashMap::from([("KeyMgmt", Value::from(vec!["none", "wpa-psk"]))]);
        hand.put(PATH, INTERFACE, "Capabilities", value(able));
    })
}

async fn with_service() -> (tempfile::TempDir, Bus, Service, Opened) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let bus = Bus::start(folder.path());
    let service = service(&bus);
    let opened = Opened::new(bus.address()).await;
    assert_eq!(opened.stations().await.expect("it answers")[0].interface, "wlan0");
    (folder, bus, service, opened)
}

#[tokio::test]
async fn a_silent_service_is_away_within_its_time() {
    let (_folder, _bus, service, opened) = with_service().await;
    service.behave(Manners::Silent);
    let begun = Instant::now();
    assert_eq!(opened.stations().await, Err(Failure::Away(NAME)));
    let lasted = begun.elapsed();
    assert!(lasted >= READ && lasted < READ * 2, "{lasted:?}");
    service.behave(Manners::Good);
    assert!(opened.stations().await.is_ok(), "it answers again, so it is there again");
}

#[tokio::test]
async fn a_change_that_lasts_too_long_is_given_up() {
    let (_folder, _bus, service, opened) = with_service().await;
    service.method("AddNetwork", |_, _| {
        std::thread::sleep(CHANGE + Duration::from_secs(1));
        Err("fi.w1.wpa_supplicant1.UnknownError".to_owned())
    });
    let begun = Instant::now();
    let one = [profile("one", Mode::Wpa2Personal, "a good secret", 1)];
    assert_eq!(opened.plan(&plan("wlan0", &one, None)).await, Err(Failure::Away(NAME)));
    let lasted = begun.elapsed();
    assert!(lasted >= CHANGE && lasted < CHANGE + READ, "{lasted:?}");
}

#[tokio::test]
async fn garbage_is_nonsense_and_nothing_worse() {
    let (_folder, _bus, service, opened) = with_service().await;
    for manners in [Manners::Garbage, Manners::Huge] {
        service.behave(manners);
        let seen = opened.stations().await;
        assert!(matches!(seen, Err(Failure::Nonsense(NAME, _))), "{manners:?}: {seen:?}");
        let seen = opened.points().await;
        assert!(matches!(seen, Err(Failure::Nonsense(NAME, _))), "{manners:?}: {seen:?}");
        let one = [profile("one", Mode::None, "", 1)];
        let done = opened.plan(&plan("wlan0", &one, None)).await;
        assert!(matches!(done, Err(Failure::Nonsense(NAME, _))), "{manners:?}: {done:?}");
    }
    service.behave(Manners::Good);
    let hand = service.hand();
    for (property, wrong) in
        [("State", value(7_u32)), ("Networks", value("none")), ("Ifname", value(vec![1_u8]))]
    {
        let right = hand_value(property);
        hand.put(PATH, INTERFACE, property, wrong);
        let seen = opened.stations().await;
        assert!(matches!(seen, Err(Failure::Nonsense(NAME, _))), "{property}: {seen:?}");
        hand.put(PATH, INTERFACE, property, right);
    }
    // What it need not tell may be missing, or wrong.
    hand.put(PATH, INTERFACE, "Country", value(1_u8));
    hand.put(PATH, INTERFACE, "CurrentBSS", value("here"));
    hand.put(PATH, INTERFACE, "Capabilities", value(false));
    assert!(opened.stations().await.is_ok());
}

fn hand_value(property: &str) -> zbus::zvariant::OwnedValue {
    match property {
        "State" => value("inactive"),
        "Ifname" => value("wlan0"),
        _ => value(Vec::<ObjectPath<'_>>::new()),
    }
}

#[tokio::test]
async fn a_service_that_dies_in_the_middle_of_a_call_is_away_at_once() {
    let (_folder, bus, first, mut opened) = with_service().await;
    first.behave(Manners::Dies);
    let begun = Instant::now();
    assert_eq!(opened.stations().await, Err(Failure::Away(NAME)));
    assert!(begun.elapsed() < READ, "{:?}", begun.elapsed());
    drop(first);
    opened.service(false).await;
    let _second = service(&bus);
    opened.service(true).await;
}

#[tokio::test]
async fn what_is_listed_but_gone_is_left_out() {
    let (_folder, _bus, service, opened) = with_service().await;
    let gone = |kind: &str| value(vec![ObjectPath::try_from(format!("{PATH}/{kind}/9")).expect("a path")]);
    for kind in ["Networks", "BSSs", "Stations"] {
        service.hand().put(PATH, INTERFACE, kind, gone(kind));
    }
    assert_eq!(opened.stations().await.map(|all| all.len()), Ok(1));
    let none = ObjectPath::try_from("/fi/w1/wpa_supplicant1/Interfaces/7").expect("a path");
    service.hand().put(ROOT, SERVICE, "Interfaces", value(vec![none]));
    assert_eq!(opened.stations().await, Ok(vec![]));
}

#[tokio::test]
async fn only_the_owner_of_the_name_is_heard() {
    let (_folder, bus, service, mut opened) = with_service().await;
    let stranger = Service::start(bus.address(), "com.example.Stranger");
    stranger.hand().change(PATH, INTERFACE, "State", value("completed"));
    // Who is asked after it has spoken, was heard before.
    let asked = stranger.hand().clone();
    drop(stranger);
    service.hand().change(PATH, INTERFACE, "State", value("scanning"));
    let first = tokio::time::timeout(Duration::from_secs(20), opened.events.recv()).await;
    assert_eq!(first.expect("the owner is heard"), Some(Event::EndPoints));
    let mut events = Vec::new();
    // The bus is asked something, and has sent on all signals before it answers.
    opened.stations().await.expect("it answers");
    while let Ok(event) = opened.events.try_recv() {
        events.push(event);
    }
    assert_eq!(events, [Event::AccessPoints(NAME)], "one signal, one time each");
    drop(asked);
}

#[tokio::test]
async fn a_flood_of_signals_does_not_stop_the_answers() {
    let (_folder, _bus, service, mut opened) = with_service().await;
    for turn in 0..3_000 {
        service.hand().change(
            PATH,
            INTERFACE,
            "State",
            value(if turn % 2 == 0 { "scanning" } else { "inactive" }),
        );
    }
    assert!(opened.stations().await.is_ok());
    service.hand().change(PATH, INTERFACE, "State", value("completed"));
    opened.joined("the last of them is heard", |all| all[0].connected.then_some(())).await;
}

#[tokio::test]
async fn a_service_without_access_points_says_so() {
    let (_folder, _bus, service, opened) = with_service().await;
    let able = std::collections::HashMap::from([("Modes", Value::from(vec!["infrastructure"]))]);
    service.hand().put(PATH, INTERFACE, "Capabilities", value(able));
    opened.stations().await.expect("it answers");
    let abilities = opened.supplicant.abilities();
    assert_eq!((abilities.networks, abilities.modes), (0, vec![]));
    // Nothing is to be done for a radio of which it has nothing.
    let nothing =
        RadioPlan { radio: "phy7".to_owned(), settings: RadioSettings::default(), networks: vec![] };
    assert_eq!(opened.supplicant.apply(&nothing).await, Ok(()));
}

#[tokio::test]
async fn a_service_that_was_built_without_wps_has_no_methods_and_takes_none() {
    let (_folder, _bus, _service, opened) = with_service().await;
    assert!(crate::back_end::EndPoints::wps(&opened.supplicant).is_empty());
    assert!(opened.stations().await.expect("it answers")[0].wps.is_empty());
    let with =
        |methods: &[&'static str]| StationPlan { wps: Some(methods.to_vec()), ..plan("wlan0", &[], None) };
    let refused = opened.plan(&with(&["push_button"])).await;
    assert!(matches!(refused, Err(Failure::Impossible(_))), "{refused:?}");
    opened.plan(&with(&[])).await.expect("it is off");
}
