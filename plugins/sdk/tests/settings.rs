//! Settings under transactions, restarts, full stores and panics, through the exported table.

use std::collections::BTreeMap;

use cwmp_plugin_sdk::abi::status;
use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{
    declare, Change, Config, Effect, Error, Host, Plugin, Settings, MAX_CHANGES, MAX_ROWS, MAX_VALUE,
};

struct House {
    settings: Settings,
    /// What the "hardware" was told.
    told: BTreeMap<String, Option<String>>,
    host: Host,
}

declare! {
    House, name: "house", base: "Device.X_ACME_House.",
    nodes {
        object "";
        param "Label" string [writable];
        param "Seen" unsigned_int;
        param "Later" string [writable];
        param "Panic" boolean [writable];
        param "Fuse" string [writable] "default=ok";
        table "Room.{i}." [writable];
        param "Room.{i}.Name" string [writable] "default=Room";
        param "Room.{i}.Uses" unsigned_int;
        table "Room.{i}.Socket.{i}." [writable];
        param "Room.{i}.Socket.{i}.On" boolean [writable];
        table "Fixed.{i}.";
        param "Fixed.{i}.Name" string [writable];
    }
}

impl Plugin for House {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        assert_ne!(config.flag("panic")?, Some(true), "told to");
        Ok(Self { settings: Settings::load(&host)?, told: BTreeMap::new(), host })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn check(&mut self, change: &Change<'_>) -> Result<(), Error> {
        match (change.name.relative(), change.value) {
            ("Label", "forbidden") => Err(Error::value("not this one")),
            _ => Ok(()),
        }
    }

    fn put_in_force(&mut self, names: &[String]) -> Result<Effect, Error> {
        let mut effect = Effect::Now;
        for name in names {
            let value = self.settings.text(name);
            match (name.as_str(), value.as_deref()) {
                ("Panic", Some("true")) => panic!("the fuse box"),
                ("Fuse", Some("blown")) => return Err(Error::internal("the fuse is blown")),
                ("Later", _) => effect = Effect::AfterSession,
                _ => {}
            }
            self.told.insert(name.clone(), value);
        }
        self.host.log(cwmp_plugin_sdk::Level::Info, &format!("{:?}", self.told));
        Ok(effect)
    }
}

fn at(name: &str) -> String {
    format!("Device.X_ACME_House.{name}")
}

fn house() -> Harness {
    Harness::new(&PLUGIN, "")
}

fn set(name: &str, value: &str) -> Step {
    Step::set(&at(name), value)
}

fn add(row: &str) -> Step {
    Step::add(&at(row))
}

fn text(house: &Harness, name: &str) -> String {
    house.get(&at(name)).unwrap()
}

type Seen = (Vec<(String, Result<String, Error>)>, BTreeMap<String, String>);

/// Everything that can be seen of the plugin and its store, but for an undo.
fn seen(house: &Harness) -> Seen {
    let store = house.store().into_iter().filter(|(k, _)| k.starts_with("settings/")).collect();
    (house.tree(), store)
}

#[test]
fn nothing_is_different_until_commit() {
    let mut house = house();
    let before = (seen(&house), house.store());
    let txn = house.stage(&[set("Label", "a"), add("Room.1."), set("Room.1.Name", "b")]).unwrap();
    assert_eq!((seen(&house), house.store()), before);
    house.rollback(txn).unwrap();
    assert!(house.commit(txn).is_err(), "what was rolled back cannot be committed");
    assert_eq!((seen(&house), house.store()), before);
}

#[test]
fn a_rollback_after_commit_restores_values_and_rows() {
    let mut house = house();
    house
        .change(&[set("Label", "old"), add("Room.1."), set("Room.1.Name", "bath"), add("Room.1.Socket.3.")])
        .unwrap();
    let before = seen(&house);
    let steps = [
        set("Label", "new"),
        Step::delete(&at("Room.1.")),
        add("Room.2."),
        set("Room.2.Name", "hall"),
        set("Later", "x"),
    ];
    let txn = house.stage(&steps).unwrap();
    assert_eq!(house.commit(txn), Ok(status::OK_AFTER_SESSION));
    assert_eq!(text(&house, "Room.2.Name"), "hall");
    assert!(house.get(&at("Room.1.Name")).is_err());
    house.rollback(txn).unwrap();
    assert_eq!(seen(&house), before);
    assert!(
        house.logs().last().unwrap().text.contains(r#""Label": Some("old")"#),
        "the hardware heard of it"
    );
    house.rollback(txn).unwrap();
    let house = house.power_cut();
    assert_eq!(seen(&house), before);
}

/// Decision 6: after a restart the agent may prepare and commit the same transaction again, and then roll it back.
#[test]
fn a_commit_before_a_power_cut_can_be_repeated_or_taken_back() {
    for finish in [true, false] {
        let mut house = house();
        house.change(&[set("Label", "old")]).unwrap();
        let before = seen(&house);
        let steps = [set("Label", "new"), set("Later", "x")];
        house.prepare(77, &steps).unwrap();
        house.commit(77).unwrap();
        let house = house.power_cut();
        let after = seen(&house);
        house.prepare(77, &steps).unwrap();
        assert_eq!(house.commit(77), Ok(status::OK_AFTER_SESSION), "the answer is the same as before");
        assert_eq!(seen(&house), after);
        if finish {
            house.finish(77).unwrap();
            house.rollback(77).unwrap();
            assert_eq!(seen(&house), after);
        } else {
            house.rollback(77).unwrap();
            assert_eq!(seen(&house), before);
        }
        assert!(!house.store().keys().any(|k| k.starts_with("undo")), "{:?}", house.store());
    }
}

#[test]
fn a_failed_commit_leaves_everything_as_it_was() {
    for (name, value, why) in [("Fuse", "blown", "the fuse is blown"), ("Panic", "true", "a panic in commit")]
    {
        let mut house = house();
        house.change(&[set("Label", "old")]).unwrap();
        let before = seen(&house);
        let error = house.change(&[set("Label", "new"), set(name, value)]).unwrap_err();
        assert!(error.text().contains(why), "{error}");
        assert_eq!(seen(&house), before);
        house.change(&[set("Label", "new")]).unwrap();
    }
}

#[test]
fn a_full_store_fails_the_commit_wherever_it_gets_full() {
    for writes in 0.. {
        let mut house = house();
        house.change(&[set("Label", "old")]).unwrap();
        let before = seen(&house);
        house.limit_store(writes);
        let result = house.change(&[set("Label", "new"), add("Room.1."), set("Room.1.Name", "x")]);
        if result.is_ok() {
            assert!(writes >= 8, "the beginning, three old values, three new ones and the end");
            return;
        }
        assert!(matches!(result, Err(Error::Resources(_))), "{result:?}");
        assert_eq!(seen(&house), before, "after {writes} writes");
        assert_eq!(seen(&house.power_cut()), before);
    }
}

#[test]
fn every_change_in_error_has_its_own_fault() {
    let mut house = house();
    house.change(&[add("Room.1.")]).unwrap();
    let steps = [
        set("Label", "fine"),
        set("Nothing", "x"),
        set("Seen", "1"),
        set("Room.9.Name", "x"),
        set("Panic", "maybe"),
        add("Room.1."),
        Step::delete(&at("Room.7.")),
        add("Fixed.1."),
        Step::delete(&at("Label")),
        add("Room.8.Socket.1."),
        set("Room.1.", "x"),
    ];
    let faults = house.stage(&steps).unwrap_err();
    let status: Vec<(usize, i32)> = faults.iter().map(|(i, e)| (*i, e.status())).collect();
    let expected = [
        (1, status::E_NAME),
        (2, status::E_NOT_WRITABLE),
        (3, status::E_NAME),
        (4, status::E_TYPE),
        (5, status::E_RESOURCES),
        (6, status::E_NAME),
        (7, status::E_NOT_WRITABLE),
        (8, status::E_NAME),
        (9, status::E_NAME),
        (10, status::E_NAME),
    ];
    assert_eq!(status, expected);
    assert_eq!(house.stage(&[set("Label", "forbidden")]).unwrap_err()[0].1, Error::value("not this one"));
}

#[test]
fn a_new_row_may_bring_values_that_only_the_device_sets_later() {
    let mut house = house();
    house.change(&[add("Room.1."), set("Room.1.Uses", "0")]).unwrap();
    assert!(house.change(&[set("Room.1.Uses", "0")]).is_err());
}

#[test]
fn rows_values_and_transactions_have_limits() {
    let mut house = house();
    house.change(&[set("Label", &"x".repeat(MAX_VALUE))]).unwrap();
    house.change(&[set("Label", "short")]).unwrap();
    let long = "x".repeat(MAX_VALUE + 1);
    assert!(matches!(house.change(&[set("Label", &long)]), Err(Error::Resources(_))));
    let mut rows: Vec<Step> = (1..=MAX_ROWS).map(|i| add(&format!("Room.{i}."))).collect();
    house.change(&rows).unwrap();
    assert!(matches!(house.change(&[add("Room.99999.")]), Err(Error::Resources(_))));
    house.change(&[Step::delete(&at("Room.1.")), add("Room.99999.")]).unwrap();
    rows = vec![set("Label", "x"); MAX_CHANGES + 1];
    assert!(matches!(house.change(&rows), Err(Error::Resources(_))));
    rows.pop();
    house.change(&rows).unwrap();
}

#[test]
fn a_row_that_is_added_and_deleted_at_once_leaves_nothing() {
    let mut house = house();
    house
        .change(&[add("Room.1."), set("Room.1.Name", "x"), Step::delete(&at("Room.1.")), add("Room.1.")])
        .unwrap();
    assert_eq!(text(&house, "Room.1.Name"), "Room");
    assert_eq!(house.rows(&at("Room.")).unwrap().len(), 1);
}

#[test]
fn a_panic_in_create_is_a_refusal() {
    let error = Harness::try_new(&PLUGIN, r#"{"panic": true}"#).unwrap_err();
    assert!(error.text().contains("a panic in create: ") && error.text().contains("told to"), "{error}");
}

/// A plugin that was newer stored them; it may come back.
#[test]
fn what_another_version_has_stored_is_kept_and_not_shown() {
    let mut house = house();
    house.set(&[(&at("Label"), "mine")]).unwrap();
    let mut store = house.store();
    let known = store.keys().find(|key| key.ends_with("Label")).cloned().unwrap();
    let unknown = ["Scent", "Room.1.Scent", "Cellar.3.Name"].map(|name| known.replace("Label", name));
    for key in &unknown {
        store.insert(key.clone(), store[&known].clone());
    }
    let shown: Vec<String> = house.tree().into_iter().map(|(name, _)| name).collect();

    let mut house = Harness::with_store(&PLUGIN, "", store.clone()).unwrap();
    let still: Vec<String> = house.tree().into_iter().map(|(name, _)| name).collect();
    assert_eq!(still, shown);
    house.set(&[(&at("Label"), "other")]).unwrap();
    let house = house.power_cut();
    assert_eq!(house.get(&at("Label")).as_deref(), Ok("other"));
    let after = house.store();
    assert!(unknown.iter().all(|key| after.get(key) == store.get(key)), "{after:?}");
}
