//! A commit that passes its deadline: the host discards what was stored for it while the plugin is still at work.
#![cfg(feature = "tokio")]

use std::rc::Rc;
use std::sync::Mutex;

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{
    declare, Answer, AsyncPlugin, AsyncServe, ChangeFault, Config, Edit, Effect, Error, Host, Name, Object,
    PreparedLater, Settings,
};
use tokio::sync::Notify;

#[derive(Object)]
#[object("Device.X_ACME_Door.")]
struct Door {
    #[param(writable, "default=1")]
    code: u32,
}

struct Doors {
    settings: Settings,
    id: u32,
    /// Rung by whoever is to go on, and by the one that waits for it.
    gate: Notify,
    bell: Notify,
}

declare! {
    async Doors, name: "doors", base: "Device.X_ACME_Door.",
    objects { Door },
    nodes {
        param "Rings" boolean;
        param "Opens" boolean;
    }
}

/// What the device was told, by plugin: it outlives them.
static TOLD: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());

fn told(id: u32) -> Vec<String> {
    let all = &mut *TOLD.lock().unwrap();
    let own = all.iter().filter(|(i, _)| *i == id).map(|(_, text)| text.clone()).collect();
    all.retain(|(i, _)| *i != id);
    own
}

impl Doors {
    fn tell(&self, what: &str, code: u32) {
        TOLD.lock().unwrap().push((self.id, format!("{what} {code}")));
    }
}

impl AsyncPlugin for Doors {
    async fn create(host: Host, config: Config) -> Result<Self, Error> {
        let (gate, bell) = (Notify::new(), Notify::new());
        Ok(Self { settings: Settings::load(&host)?, id: config.number("id")?.unwrap_or(0), gate, bell })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn get(self: Rc<Self>, names: &[Name<'_>], answer: &mut Answer<'_>) {
        for (i, name) in names.iter().enumerate() {
            match name.relative() {
                "Rings" => self.bell.notified().await,
                _ => self.gate.notify_one(),
            }
            answer.value(i, true);
        }
    }

    async fn put_in_force(self: Rc<Self>, _: &[String]) -> Result<Effect, Error> {
        let code: u32 = self.settings.get("Code").unwrap();
        self.tell("all", code);
        // Codes that take long.
        if code > 1_000 {
            self.bell.notify_one();
            self.gate.notified().await;
        }
        Ok(Effect::Now)
    }
}

impl AsyncServe<Door> for Doors {
    async fn change(self: Rc<Self>, edits: Vec<Edit<Door>>) -> Result<PreparedLater, Vec<ChangeFault>> {
        let code = edits[0].new.as_ref().unwrap().code;
        Ok(Box::pin(async move {
            self.tell("typed", code);
            Ok(Effect::Now)
        }))
    }
}

const CODE: &str = "Device.X_ACME_Door.Code";

fn config(id: u32) -> String {
    format!(r#"{{"id": {id}}}"#)
}

/// A transaction whose commit was given up and then ended, and what came of it.
fn late(id: u32) -> (Harness, u64) {
    let mut plugin = Harness::new(&PLUGIN, &config(id));
    plugin.set(&[(CODE, "7")]).unwrap();
    told(id);
    let txn = plugin.stage(&[Step::set(CODE, "4711")]).unwrap();
    let mut commit = plugin.begin_commit(txn).unwrap();
    plugin.get("Device.X_ACME_Door.Rings").unwrap();
    commit.give_up();
    plugin.get("Device.X_ACME_Door.Opens").unwrap();
    let error = commit.end().unwrap_err();
    assert!(error.text().contains("given it up"), "{error}");
    (plugin, txn)
}

#[test]
fn a_commit_that_comes_too_late_is_taken_back_by_the_plugin_itself() {
    let (mut plugin, txn) = late(1);
    assert_eq!(told(1), ["typed 4711", "all 4711", "typed 7", "all 7"]);
    assert_eq!(plugin.get(CODE).unwrap(), "7");
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(CODE).unwrap(), "7");
    plugin.set(&[(CODE, "8")]).unwrap();
    assert_eq!(plugin.restart().get(CODE).unwrap(), "8");
}

#[test]
fn nothing_is_stored_of_a_commit_that_came_too_late() {
    let (plugin, txn) = late(2);
    assert!(plugin.store().keys().all(|key| !key.starts_with("undo")), "{:?}", plugin.store());
    let plugin = plugin.power_cut();
    plugin.prepare(txn, &[Step::set(CODE, "9")]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(plugin.get(CODE).unwrap(), "9", "it is no repetition of what never was");
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(CODE).unwrap(), "7");
}

#[test]
fn a_rollback_that_comes_too_late_is_stored_all_the_same() {
    let mut plugin = Harness::new(&PLUGIN, &config(4));
    let rings = |plugin: &Harness| plugin.get("Device.X_ACME_Door.Rings").unwrap();
    let opens = |plugin: &Harness| plugin.get("Device.X_ACME_Door.Opens").unwrap();
    // To put the old code in force again takes long.
    let txn = plugin.stage(&[Step::set(CODE, "4711")]).unwrap();
    let commit = plugin.begin_commit(txn).unwrap();
    rings(&plugin);
    opens(&plugin);
    commit.end().unwrap();
    plugin.finish(txn).unwrap();
    let txn = plugin.stage(&[Step::set(CODE, "8")]).unwrap();
    plugin.commit(txn).unwrap();
    let mut rollback = plugin.begin_rollback(txn).unwrap();
    rings(&plugin);
    rollback.give_up();
    opens(&plugin);
    rollback.end().unwrap();
    // The agent heard nothing of it, and asks again.
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(CODE).unwrap(), "4711");
    assert_eq!(plugin.power_cut().get(CODE).unwrap(), "4711");
}

/// The host may give up in the very moment in which the end is stored.
#[test]
fn an_end_without_a_beginning_is_none() {
    let mut plugin = Harness::new(&PLUGIN, &config(3));
    plugin.set(&[(CODE, "7")]).unwrap();
    let before = plugin.store();
    let txn = plugin.stage(&[Step::set(CODE, "8")]).unwrap();
    plugin.commit(txn).unwrap();
    let mut store = before;
    store.insert("undo".to_owned(), plugin.store()["undo"].clone());
    drop(plugin);
    let plugin = Harness::with_store(&PLUGIN, &config(3), store).unwrap();
    assert!(plugin.logs().iter().any(|line| line.text.contains("without the rest")));
    plugin.prepare(txn, &[Step::set(CODE, "9")]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(plugin.get(CODE).unwrap(), "9");
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(CODE).unwrap(), "7");
    assert!(plugin.store().keys().all(|key| !key.starts_with("undo")), "{:?}", plugin.store());
}
