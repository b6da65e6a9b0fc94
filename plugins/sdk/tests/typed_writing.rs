//! Typed objects under transactions: prepared, committed, taken back, also after a power cut.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cwmp_plugin_sdk::abi::status;
use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{
    declare, ChangeFault, Config, Edit, Effect, Error, Host, Notice, Object, Plugin, Prepared, Row, Rows,
    Serve, Settings, Wanted,
};

#[derive(Object)]
#[object("Device.X_ACME_Heater.")]
struct Heater {
    #[param(writable, "default=20")]
    target: u32,
    #[param(writable)]
    name: String,
}

#[derive(Object)]
#[object("Device.X_ACME_Heater.Valve.{i}.", writable)]
struct Valve {
    #[param(writable, "default=5")]
    width: u32,
    #[param(writable)]
    stuck: bool,
}

/// What the device finds by itself, with its state.
#[derive(Object)]
#[object("Device.X_ACME_Heater.Sensor.{i}.", writable)]
struct Sensor {
    #[param(writable)]
    gain: u32,
    warm: bool,
}

#[derive(Object)]
#[object("Device.X_ACME_Heater.Sensor.{i}.Calibration.")]
struct Calibration {
    #[param(writable)]
    offset: i32,
}

/// What the hardware was told. It outlives the plugin.
static HARDWARE: Mutex<BTreeMap<u32, Hardware>> = Mutex::new(BTreeMap::new());

#[derive(Default, Clone)]
struct Hardware {
    target: u32,
    reserved: Arc<()>,
    told: Vec<String>,
    sensors: BTreeMap<String, u32>,
}

struct Thing {
    settings: Settings,
    /// Which hardware: each test has its own.
    id: u32,
}

impl Thing {
    fn hardware<R>(&self, f: impl FnOnce(&mut Hardware) -> R) -> R {
        f(HARDWARE.lock().unwrap().entry(self.id).or_default())
    }
}

fn hardware<R>(id: u32, f: impl FnOnce(&mut Hardware) -> R) -> R {
    f(HARDWARE.lock().unwrap().entry(id).or_default())
}

fn told(id: u32) -> Vec<String> {
    hardware(id, |h| std::mem::take(&mut h.told))
}

declare! {
    Thing, name: "thing", base: "Device.X_ACME_Heater.",
    objects { Heater, Valve, Sensor, Calibration }
}

impl Plugin for Thing {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, id: config.number("id")?.unwrap_or(0) })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn start(&mut self) -> Result<(), Error> {
        // What is kept is put in force before there is an agent who could number rows.
        for (at, sensor) in self.settings.object::<Sensor>()? {
            self.hardware(|h| h.told.push(format!("start {}: {}", at.row.key, sensor.gain)));
        }
        Ok(())
    }
}

impl Serve<Heater> for Thing {
    fn change(&mut self, edits: Vec<Edit<Heater>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        let edit = edits.into_iter().next().unwrap();
        assert!(edit.old.is_some(), "it exists once");
        let new = edit.new.as_ref().unwrap();
        if new.target > 90 {
            return Err(vec![edit.fault("Target", Error::value("too hot"))]);
        }
        let (target, reserved) = (new.target, self.hardware(|h| h.reserved.clone()));
        Ok(Box::new(move |thing| {
            thing.hardware(|h| {
                h.told.push(format!("target {} to {target}", h.target));
                h.target = target;
            });
            drop(reserved);
            Ok(if target == 60 { Effect::AfterReboot } else { Effect::Now })
        }))
    }
}

impl Serve<Valve> for Thing {
    fn change(&mut self, edits: Vec<Edit<Valve>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        Ok(Box::new(move |thing| {
            for edit in edits {
                if edit.new.as_ref().is_some_and(|valve| valve.stuck) {
                    return Err(Error::internal("a valve is stuck"));
                }
                let width = |valve: Option<Valve>| valve.map(|v| v.width);
                let number = edit.at.row.number;
                let (old, new) = (width(edit.old), width(edit.new));
                thing.hardware(|h| h.told.push(format!("valve {number}: {old:?} to {new:?}")));
            }
            Ok(Effect::AfterSession)
        }))
    }
}

impl Serve<Sensor> for Thing {
    fn read(&mut self, kept: Rows<Sensor>, _: &Wanted<'_>) -> Result<Rows<Sensor>, Error> {
        let mut rows = Rows::new();
        for (key, gain) in self.hardware(|h| h.sensors.clone()) {
            let kept = kept.of(&key);
            rows.push(Row::keyed(key).deletable(), Sensor { gain, warm: kept.gain == gain });
        }
        Ok(rows)
    }

    fn change(&mut self, edits: Vec<Edit<Sensor>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        Ok(Box::new(move |thing| {
            for edit in edits {
                let key = edit.at.row.key.clone();
                assert!(!key.is_empty(), "rows of the device come with their keys");
                thing.hardware(|h| match edit.new {
                    Some(sensor) => h.sensors.insert(key, sensor.gain),
                    None => h.sensors.remove(&key),
                });
            }
            Ok(Effect::Now)
        }))
    }
}

impl Serve<Calibration> for Thing {
    fn read(&mut self, kept: Rows<Calibration>, _: &Wanted<'_>) -> Result<Rows<Calibration>, Error> {
        let keys: Vec<String> = self.hardware(|h| h.sensors.keys().cloned().collect());
        Ok(keys.into_iter().map(|key| (key.clone(), kept.of(&key))).collect())
    }

    fn change(&mut self, edits: Vec<Edit<Calibration>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        let offsets: Vec<i32> = edits.iter().filter_map(|e| Some(e.new.as_ref()?.offset)).collect();
        Ok(Box::new(move |thing| {
            thing.hardware(|h| h.told.push(format!("offsets {offsets:?}")));
            Ok(Effect::Now)
        }))
    }
}

const TARGET: &str = "Device.X_ACME_Heater.Target";

fn plugin(id: u32) -> Harness {
    Harness::new(&PLUGIN, &format!(r#"{{"id": {id}}}"#))
}

#[test]
fn nothing_happens_before_commit_and_dropping_gives_back_what_was_reserved() {
    let mut plugin = plugin(1);
    let reserved = || hardware(1, |h| Arc::strong_count(&h.reserved));
    let txn = plugin.stage(&[Step::set(TARGET, "30")]).unwrap();
    assert_eq!((reserved(), told(1)), (2, vec![]));
    plugin.rollback(txn).unwrap();
    assert_eq!((reserved(), told(1)), (1, vec![]));
    assert_eq!(plugin.get(TARGET).unwrap(), "20");
    let txn = plugin.stage(&[Step::set(TARGET, "31")]).unwrap();
    assert_eq!(plugin.commit(txn).unwrap(), status::OK);
    assert_eq!((reserved(), told(1)), (1, vec!["target 0 to 31".to_owned()]));
    plugin.finish(txn).unwrap();
    assert_eq!(plugin.get(TARGET).unwrap(), "31");
}

#[test]
fn a_refusal_is_the_fault_of_the_change_that_said_it() {
    let mut plugin = plugin(2);
    let name = "Device.X_ACME_Heater.Name";
    let faults = plugin.stage(&[Step::set(name, "x"), Step::set(TARGET, "91")]).unwrap_err();
    assert_eq!(faults, [(1, Error::value("too hot"))]);
    assert_eq!(plugin.get(name).unwrap(), "");
}

#[test]
fn what_was_committed_is_taken_back_by_the_opposite_also_after_a_power_cut() {
    for cut in [false, true] {
        let id = 3 + u32::from(cut);
        let mut plugin = plugin(id);
        plugin.set(&[(TARGET, "25")]).unwrap();
        let row = "Device.X_ACME_Heater.Valve.3.";
        let width = "Device.X_ACME_Heater.Valve.3.Width";
        let txn = plugin.stage(&[Step::set(TARGET, "30"), Step::add(row), Step::set(width, "7")]).unwrap();
        assert_eq!(plugin.commit(txn).unwrap(), status::OK_AFTER_SESSION);
        assert_eq!(told(id), ["target 0 to 25", "target 25 to 30", "valve 3: None to Some(7)"]);
        if cut {
            plugin = plugin.power_cut();
        }
        plugin.rollback(txn).unwrap();
        assert_eq!(told(id), ["target 30 to 25", "valve 3: Some(7) to None"]);
        assert_eq!(plugin.get(TARGET).unwrap(), "25");
        assert_eq!(plugin.rows("Device.X_ACME_Heater.Valve.").unwrap(), []);
    }
}

#[test]
fn if_one_object_fails_the_others_are_as_before() {
    let mut plugin = plugin(5);
    let row = "Device.X_ACME_Heater.Valve.1.";
    let stuck = "Device.X_ACME_Heater.Valve.1.Stuck";
    let txn = plugin.stage(&[Step::set(TARGET, "30"), Step::add(row), Step::set(stuck, "true")]).unwrap();
    assert_eq!(plugin.commit(txn), Err(Error::internal("a valve is stuck")));
    assert_eq!(told(5), ["target 0 to 30", "target 30 to 20"]);
    plugin.rollback(txn).unwrap();
    assert_eq!(told(5), Vec::<String>::new());
    assert_eq!(plugin.get(TARGET).unwrap(), "20");
    assert!(plugin.rows("Device.X_ACME_Heater.Valve.").unwrap().is_empty());
}

#[test]
fn the_latest_effect_counts() {
    let mut plugin = plugin(6);
    let row = "Device.X_ACME_Heater.Valve.1.";
    let txn = plugin.stage(&[Step::set(TARGET, "60"), Step::add(row)]).unwrap();
    assert_eq!(plugin.commit(txn).unwrap(), status::OK_AFTER_REBOOT);
}

#[test]
fn a_row_of_the_device_has_settings_and_what_it_had_comes_back() {
    hardware(7, |h| h.sensors = [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
    let mut plugin = plugin(7);
    assert_eq!(plugin.rows("Device.X_ACME_Heater.Sensor.").unwrap().len(), 2);
    let b = "Device.X_ACME_Heater.Sensor.2.";
    let gain = "Device.X_ACME_Heater.Sensor.2.Gain";
    // Numbers are given as they are asked for.
    assert_eq!(plugin.get("Device.X_ACME_Heater.Sensor.1.Gain").unwrap(), "1");
    let txn = plugin.stage(&[Step::set(gain, "9")]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(hardware(7, |h| h.sensors["b"]), 9);
    assert_eq!(plugin.get("Device.X_ACME_Heater.Sensor.2.Warm").unwrap(), "true");
    plugin.rollback(txn).unwrap();
    assert_eq!(hardware(7, |h| h.sensors["b"]), 2, "what it had, not the default");

    let txn = plugin.stage(&[Step::delete(b)]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(hardware(7, |h| h.sensors.len()), 1);
    plugin.rollback(txn).unwrap();
    assert_eq!(hardware(7, |h| h.sensors.clone()), [("a".to_owned(), 1), ("b".to_owned(), 2)].into());

    assert!(plugin.stage(&[Step::set("Device.X_ACME_Heater.Sensor.3.Gain", "1")]).is_err(), "no such row");
    assert!(plugin.rows("Device.X_ACME_Heater.Sensor.").unwrap().iter().all(|row| !row.key.is_empty()));
}

#[test]
fn a_plugin_that_is_killed_in_a_commit_knows_what_the_device_had() {
    for again in [false, true] {
        let id = 11 + u32::from(again);
        hardware(id, |h| h.sensors = [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
        let mut plugin = plugin(id);
        plugin.get("Device.X_ACME_Heater.Sensor.1.Gain").unwrap();
        let steps = [
            Step::set("Device.X_ACME_Heater.Sensor.1.Gain", "9"),
            Step::delete("Device.X_ACME_Heater.Sensor.2."),
        ];
        let txn = plugin.stage(&steps).unwrap();
        // The commit does its work, and is cut off before its end is stored.
        hardware(id, |h| h.sensors = [("a".to_owned(), 9)].into());
        let mut plugin = plugin.power_cut();
        // Numbers are the agent's, which was not cut off.
        plugin.get("Device.X_ACME_Heater.Sensor.1.Gain").unwrap();
        if again {
            plugin.prepare(txn, &steps).unwrap();
            plugin.commit(txn).unwrap();
            assert_eq!(hardware(id, |h| h.sensors.len()), 1);
        }
        plugin.rollback(txn).unwrap();
        assert_eq!(hardware(id, |h| h.sensors.clone()), [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
        assert!(plugin.store().keys().all(|key| !key.starts_with("undo")), "{:?}", plugin.store());
        assert_eq!(plugin.get("Device.X_ACME_Heater.Sensor.1.Gain").unwrap(), "1");
        let txn = plugin.stage(&steps[..1]).unwrap();
        plugin.commit(txn).unwrap();
        plugin.finish(txn).unwrap();
        assert!(plugin.store().keys().all(|key| !key.starts_with("undo")), "{:?}", plugin.store());
    }
}

#[test]
fn what_is_kept_for_a_row_of_the_device_is_known_by_its_key_from_the_start() {
    hardware(10, |h| h.sensors = [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
    let mut plugin = plugin(10);
    for (number, gain) in [(1, "1"), (2, "2")] {
        assert_eq!(plugin.get(&format!("Device.X_ACME_Heater.Sensor.{number}.Gain")).unwrap(), gain);
    }
    plugin.set(&[("Device.X_ACME_Heater.Sensor.2.Gain", "9")]).unwrap();
    let plugin = plugin.restart();
    assert_eq!(told(10), ["start b: 9"]);
    drop(plugin);
}

#[test]
fn an_object_below_a_row_of_the_device_can_be_set() {
    hardware(8, |h| h.sensors = [("a".to_owned(), 1)].into());
    let mut plugin = plugin(8);
    plugin.rows("Device.X_ACME_Heater.Sensor.").unwrap();
    let offset = "Device.X_ACME_Heater.Sensor.1.Calibration.Offset";
    plugin.get(offset).unwrap();
    plugin.set(&[(offset, "-3")]).unwrap();
    assert_eq!(told(8), ["offsets [-3]"]);
    let plugin = plugin.restart();
    assert_eq!(plugin.get(offset).unwrap(), "-3");
}

#[test]
fn a_factory_reset_is_a_change_like_any_other() {
    let mut plugin = plugin(9);
    plugin.set(&[(TARGET, "25")]).unwrap();
    plugin.add("Device.X_ACME_Heater.Valve.2.").unwrap();
    told(9);
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(told(9), ["target 25 to 20", "valve 2: Some(5) to None"]);
    assert_eq!(plugin.get(TARGET).unwrap(), "20");
    assert_eq!(plugin.store().len(), 0);
}
