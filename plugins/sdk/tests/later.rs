//! Async plugins: what is slow keeps nobody waiting, and everything is answered once.
#![cfg(feature = "tokio")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Mutex;

use cwmp_plugin_sdk::abi::status;
use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{
    declare, Answer, AsyncPlugin, AsyncServe, ChangeFault, Config, Edit, Effect, Error, Host, Job, Name,
    Object, OwnedArgument, PreparedLater, Rows, Settings, Wanted,
};
use tokio::sync::Notify;

#[derive(Object)]
#[object("Device.X_ACME_Mast.")]
struct Mast {
    #[param(writable, "default=10")]
    height: u32,
    slow: bool,
}

#[derive(Object)]
#[object("Device.X_ACME_Mast.Lamp.{i}.", writable)]
struct Lamp {
    #[param(writable)]
    lit: bool,
}

#[derive(Object)]
#[object("Device.X_ACME_Mast.Bird.{i}.")]
struct Bird {
    #[param(writable)]
    name: String,
}

struct Masts {
    settings: Settings,
    id: u32,
    stuck: bool,
    gate: Notify,
    height: Cell<u32>,
    told: RefCell<Vec<String>>,
}

/// What happened, by plugin: it outlives them.
static TOLD: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());

fn told(id: u32) -> Vec<String> {
    let all = &mut *TOLD.lock().unwrap();
    let own = all.iter().filter(|(i, _)| *i == id).map(|(_, text)| text.clone()).collect();
    all.retain(|(i, _)| *i != id);
    own
}

struct Reserved(u32);

impl Drop for Reserved {
    fn drop(&mut self) {
        TOLD.lock().unwrap().push((self.0, "given back".to_owned()));
    }
}

declare! {
    async Masts, name: "masts", base: "Device.X_ACME_Mast.",
    objects { Mast, Lamp, Bird },
    nodes {
        param "Untyped" unsigned_int;
        param "Gate" boolean;
        param "Panic" boolean;
        command "Climb()";
    }
}

impl Masts {
    fn tell(&self, text: String) {
        TOLD.lock().unwrap().push((self.id, text));
    }
}

impl AsyncPlugin for Masts {
    async fn create(host: Host, config: Config) -> Result<Self, Error> {
        tokio::task::yield_now().await;
        if config.flag("refuse")? == Some(true) {
            return Err(Error::busy("not today"));
        }
        Ok(Self {
            settings: Settings::load(&host)?,
            id: config.number("id")?.unwrap_or(0),
            stuck: config.flag("stuck")?.unwrap_or(false),
            gate: Notify::new(),
            height: Cell::new(0),
            told: RefCell::default(),
        })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn start(self: Rc<Self>) -> Result<(), Error> {
        let own = Rc::clone(&self);
        tokio::task::spawn_local(async move { own.told.borrow_mut().push("spawned".to_owned()) });
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn stop(self: Rc<Self>) {
        if self.stuck {
            std::future::pending::<()>().await;
        }
    }

    async fn get(self: Rc<Self>, names: &[Name<'_>], answer: &mut Answer<'_>) {
        for (i, name) in names.iter().enumerate() {
            match name.relative() {
                "Untyped" => answer.value(i, u32::try_from(self.told.borrow().len()).unwrap()),
                "Gate" => {
                    self.gate.notify_one();
                    answer.value(i, true);
                }
                _ => panic!("told to"),
            }
        }
    }

    async fn invoke(self: Rc<Self>, _: &str, arguments: Vec<OwnedArgument>, job: &Job) -> Result<(), Error> {
        let _reserved = Reserved(self.id);
        job.progress(Some(100), "climbing");
        if arguments.is_empty() {
            std::future::pending::<()>().await;
        }
        self.gate.notified().await;
        job.put(&arguments[0].key, &arguments[0].value);
        Ok(())
    }
}

impl AsyncServe<Mast> for Masts {
    async fn read(self: Rc<Self>, kept: Mast, wanted: &Wanted<'_>) -> Result<Mast, Error> {
        if wanted.has("Slow") {
            self.gate.notified().await;
        }
        Ok(Mast { slow: true, ..kept })
    }

    async fn change(self: Rc<Self>, edits: Vec<Edit<Mast>>) -> Result<PreparedLater, Vec<ChangeFault>> {
        tokio::task::yield_now().await;
        let new = edits[0].new.as_ref().unwrap().height;
        if new == 13 {
            return Err(vec![edits[0].fault("Height", Error::value("no 13"))]);
        }
        let reserved = Reserved(self.id);
        Ok(Box::pin(async move {
            tokio::task::yield_now().await;
            self.tell(format!("height {} to {new}", self.height.replace(new)));
            std::mem::forget(reserved);
            Ok(Effect::AfterSession)
        }))
    }
}

impl AsyncServe<Lamp> for Masts {
    async fn change(self: Rc<Self>, edits: Vec<Edit<Lamp>>) -> Result<PreparedLater, Vec<ChangeFault>> {
        let lit = edits.iter().any(|edit| edit.new.as_ref().is_some_and(|lamp| lamp.lit));
        Ok(Box::pin(async move {
            if lit {
                Err(Error::internal("no bulb"))
            } else {
                Ok(Effect::Now)
            }
        }))
    }
}

impl AsyncServe<Bird> for Masts {
    async fn read(self: Rc<Self>, kept: Rows<Bird>, _: &Wanted<'_>) -> Result<Rows<Bird>, Error> {
        tokio::task::yield_now().await;
        Ok([("gull", kept.of("gull")), ("crow", kept.of("crow"))].into_iter().collect())
    }
}

const HEIGHT: &str = "Device.X_ACME_Mast.Height";

fn plugin(id: u32) -> Harness {
    Harness::new(&PLUGIN, &format!(r#"{{"id": {id}}}"#))
}

#[test]
fn a_slow_read_keeps_nobody_waiting() {
    let plugin = plugin(1);
    let slow = plugin.ask(&["Device.X_ACME_Mast.Slow", HEIGHT]);
    assert_eq!(plugin.get(HEIGHT).unwrap(), "10");
    assert_eq!(plugin.get("Device.X_ACME_Mast.Gate").unwrap(), "true");
    let values: Vec<String> = slow.end().into_iter().map(|v| v.unwrap().1).collect();
    assert_eq!(values, ["true", "10"]);
}

#[test]
fn typed_and_untyped_are_answered_together() {
    let plugin = plugin(2);
    let names = ["Device.X_ACME_Mast.Untyped", HEIGHT];
    let values: Vec<String> = plugin.get_all(&names).into_iter().map(|v| v.unwrap().1).collect();
    assert_eq!(values, ["1", "10"]);
}

#[test]
fn a_panic_costs_its_own_call() {
    let plugin = plugin(3);
    assert!(matches!(plugin.get("Device.X_ACME_Mast.Panic"), Err(Error::Internal(_))));
    assert_eq!(plugin.get(HEIGHT).unwrap(), "10");
}

#[test]
fn a_refusal_in_create_is_one() {
    let error = Harness::try_new(&PLUGIN, r#"{"refuse": true}"#).unwrap_err();
    assert!(error.text().contains("not today"), "{error}");
}

#[test]
fn a_prepared_change_is_a_future_and_dropping_it_the_rollback() {
    let mut plugin = plugin(4);
    let txn = plugin.stage(&[Step::set(HEIGHT, "20")]).unwrap();
    assert_eq!(told(4), Vec::<String>::new());
    plugin.rollback(txn).unwrap();
    assert_eq!(told(4), ["given back"]);
    assert_eq!(plugin.stage(&[Step::set(HEIGHT, "13")]).unwrap_err(), [(0, Error::value("no 13"))]);
    let txn = plugin.stage(&[Step::set(HEIGHT, "21")]).unwrap();
    assert_eq!(plugin.commit(txn).unwrap(), status::OK_AFTER_SESSION);
    assert_eq!((told(4), plugin.get(HEIGHT).unwrap()), (vec!["height 0 to 21".to_owned()], "21".to_owned()));
    let plugin = plugin.power_cut();
    plugin.rollback(txn).unwrap();
    assert_eq!((told(4), plugin.get(HEIGHT).unwrap()), (vec!["height 0 to 10".to_owned()], "10".to_owned()));
    plugin.finish(txn).unwrap();
}

#[test]
fn if_one_object_fails_the_others_are_as_before() {
    let mut plugin = plugin(5);
    let steps = [
        Step::set(HEIGHT, "20"),
        Step::add("Device.X_ACME_Mast.Lamp.1."),
        Step::set("Device.X_ACME_Mast.Lamp.1.Lit", "true"),
    ];
    let txn = plugin.stage(&steps).unwrap();
    assert_eq!(plugin.commit(txn), Err(Error::internal("no bulb")));
    assert_eq!(told(5), ["height 0 to 20", "height 20 to 10"]);
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.rows("Device.X_ACME_Mast.Lamp.").unwrap(), []);
    assert_eq!(plugin.get(HEIGHT).unwrap(), "10");
}

#[test]
fn rows_of_the_device_have_settings() {
    let mut plugin = plugin(6);
    assert_eq!(plugin.rows("Device.X_ACME_Mast.Bird.").unwrap().len(), 2);
    plugin.get("Device.X_ACME_Mast.Bird.1.Name").unwrap();
    plugin.set(&[("Device.X_ACME_Mast.Bird.1.Name", "Jonathan")]).unwrap();
    assert_eq!(plugin.get("Device.X_ACME_Mast.Bird.1.Name").unwrap(), "Jonathan");
}

#[test]
fn a_command_that_nobody_waits_for_is_dropped_where_it_waits() {
    let plugin = plugin(7);
    let climbing = plugin.begin("Device.X_ACME_Mast.Climb()", &[]).unwrap();
    assert_eq!(climbing.progress(), (100, "climbing".to_owned()));
    climbing.cancel();
    assert_eq!(climbing.end(), Err(Error::Cancelled));
    assert_eq!(told(7), ["given back"]);

    let climbing = plugin.begin("Device.X_ACME_Mast.Climb()", &[("To", "top")]).unwrap();
    climbing.progress();
    plugin.get("Device.X_ACME_Mast.Gate").unwrap();
    assert_eq!(climbing.end().unwrap()["To"], "top");
}

#[test]
fn a_plugin_that_stops_answers_what_is_under_way() {
    let plugin = plugin(8);
    let slow = plugin.ask(&["Device.X_ACME_Mast.Slow"]);
    plugin.stop();
    assert_eq!(slow.end(), [Err(Error::Cancelled)]);
    assert!(plugin.get(HEIGHT).is_err(), "there is nobody to answer any more");
}

#[test]
fn a_plugin_that_does_not_stop_is_stopped() {
    let plugin = Harness::new(&PLUGIN, r#"{"stuck": true}"#);
    let before = std::time::Instant::now();
    drop(plugin);
    // A limit of the kit, and time for a busy machine.
    assert!(before.elapsed() >= std::time::Duration::from_millis(1_400), "it was waited for");
}
