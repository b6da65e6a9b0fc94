//! What holds for both kinds of plugins that only make the device as the settings say.

use std::sync::Mutex;

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{Effect, Error, Object, Settings};

use super::PLUGIN;

#[derive(Object)]
#[object("Device.X_ACME_Radio.")]
pub(super) struct Radio {
    #[param(writable, "default=1")]
    channel: u32,
    #[param(writable, "default=old")]
    name: String,
    /// What the typed object of the plugin refuses when it is put in force.
    #[param(writable)]
    pub(super) jammed: bool,
}

/// What the device is like, and what happened to it, by plugin: it outlives them.
static AIR: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());

fn told(id: u32) -> Vec<String> {
    let all = &mut *AIR.lock().unwrap();
    let own = all.iter().filter(|(i, _)| *i == id).map(|(_, text)| text.clone()).collect();
    all.retain(|(i, _)| *i != id);
    own
}

fn tell(id: u32, text: String) {
    AIR.lock().unwrap().push((id, text));
}

/// Makes the air as the settings say. The channel is changed before the name turns out to be one that cannot be.
pub(super) fn put_in_force(id: u32, settings: &Settings, names: &[String]) -> Result<Effect, Error> {
    let text = |name: &str| settings.text(name).unwrap_or_default();
    tell(id, format!("{} for {}", text("Channel"), names.join(",")));
    let burnt = AIR.lock().unwrap().iter().any(|(i, told)| *i == id && told.starts_with("13 "));
    match text("Name").as_str() {
        _ if text("Channel") == "666" => panic!("told to"),
        "never" => Err(Error::internal("no such name")),
        _ if burnt => Err(Error::internal(format!("burnt out on {}", text("Channel")))),
        _ => Ok(Effect::Now),
    }
}

/// What the typed object does when it is put in force.
pub(super) fn typed(id: u32, jammed: bool) -> Result<Effect, Error> {
    if jammed {
        return Err(Error::internal("jammed"));
    }
    tell(id, "typed".to_owned());
    Ok(Effect::Now)
}

fn plugin(id: u32) -> Harness {
    Harness::new(&PLUGIN, &format!(r#"{{"id": {id}}}"#))
}

const CHANNEL: &str = "Device.X_ACME_Radio.Channel";
const NAME: &str = "Device.X_ACME_Radio.Name";
const JAMMED: &str = "Device.X_ACME_Radio.Jammed";

#[test]
fn after_a_commit_that_fails_the_device_is_made_as_it_was() {
    let (id, mut plugin) = (10, plugin(10));
    plugin.set(&[(CHANNEL, "6")]).unwrap();
    assert_eq!(told(id), ["typed", "6 for Channel"]);
    let txn = plugin.stage(&[Step::set(CHANNEL, "11"), Step::set(NAME, "never")]).unwrap();
    assert_eq!(plugin.commit(txn), Err(Error::internal("no such name")));
    assert_eq!(told(id), ["typed", "11 for Channel,Name", "typed", "6 for Channel,Name"]);
    assert_eq!(plugin.logs().len(), 0, "taking back went well");
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(CHANNEL).unwrap(), "6");
    assert_eq!(told(id), Vec::<String>::new());
}

#[test]
fn of_a_device_that_cannot_be_made_as_it_was_the_log_tells() {
    let (id, mut plugin) = (20, plugin(20));
    let txn = plugin.stage(&[Step::set(CHANNEL, "13")]).unwrap();
    assert_eq!(plugin.commit(txn), Err(Error::internal("burnt out on 13")));
    let logs: Vec<String> = plugin.logs().into_iter().map(|line| line.text).collect();
    assert_eq!(logs, ["a failed change cannot be taken back: burnt out on 1"]);
    // The rollback tries again; whatever comes of it, others may set what they like.
    plugin.rollback(txn).unwrap();
    assert_eq!(told(id), ["typed", "13 for Channel", "typed", "1 for Channel", "1 for Channel"]);
    assert_eq!((plugin.logs().len(), plugin.get(CHANNEL).unwrap()), (1, "1".to_owned()));
    plugin.rollback(txn).unwrap();
    assert_eq!(told(id), Vec::<String>::new());
    plugin.set(&[(CHANNEL, "6")]).unwrap();
}

#[test]
fn after_a_panic_the_device_is_made_as_it_was_with_the_rollback() {
    let (id, mut plugin) = (50, plugin(50));
    let txn = plugin.stage(&[Step::set(CHANNEL, "666")]).unwrap();
    plugin.commit(txn).unwrap_err();
    assert_eq!(told(id), ["typed", "666 for Channel"]);
    plugin.rollback(txn).unwrap();
    assert_eq!(told(id), ["1 for Channel"]);
    assert_eq!(plugin.get(CHANNEL).unwrap(), "1");
}

#[test]
fn a_commit_whose_end_cannot_be_stored_is_taken_back_from_the_device_too() {
    let (id, mut plugin) = (30, plugin(30));
    let txn = plugin.stage(&[Step::set(CHANNEL, "11")]).unwrap();
    // The beginning, what it replaced and the value; the end has no room.
    plugin.limit_store(3);
    assert!(matches!(plugin.commit(txn), Err(Error::Resources(_))));
    assert_eq!(told(id), ["typed", "11 for Channel", "typed", "1 for Channel"]);
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(CHANNEL).unwrap(), "1");
}

#[test]
fn what_was_not_put_in_force_is_not_taken_back() {
    let (id, mut plugin) = (40, plugin(40));
    let txn = plugin.stage(&[Step::set(CHANNEL, "11"), Step::set(JAMMED, "true")]).unwrap();
    assert_eq!(plugin.commit(txn), Err(Error::internal("jammed")));
    assert_eq!(told(id), Vec::<String>::new());
    plugin.rollback(txn).unwrap();
}
