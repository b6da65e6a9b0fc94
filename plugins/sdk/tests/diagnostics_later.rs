//! Diagnostics of async plugins follow the same rules.
#![cfg(feature = "tokio")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{
    declare, AsyncDiagnose, AsyncPlugin, AsyncServe, Config, Diagnostic, Error, Failed, Host, Notice, Object,
    Origin, Rows, Settings, Wanted,
};
use tokio::sync::Notify;

/// An object of the standard, with its own states.
#[derive(Object)]
#[object("Device.IP.Diagnostics.IPPing.")]
struct Ping {
    #[param(writable, pushed)]
    diagnostics_state: String,
    #[param(writable)]
    host: String,
    success_count: u32,
}

#[derive(Object)]
#[object("Device.X_ACME_Ping.Reply.{i}.")]
struct Reply {
    from: String,
}

impl Diagnostic for Ping {
    type Results = Vec<String>;
}

struct Pings {
    settings: Settings,
    gate: Notify,
    begun: Cell<u32>,
}

/// What happened to the runs.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Leaves(String);

impl Drop for Leaves {
    fn drop(&mut self) {
        TOLD.lock().unwrap().push(format!("{} left", self.0));
    }
}

declare! {
    async Pings, name: "pings", objects { Ping, Reply }, diagnostics { Ping }
}

impl AsyncPlugin for Pings {
    async fn create(host: Host, _: Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, gate: Notify::new(), begun: Cell::new(0) })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn notice(self: Rc<Self>, notice: Notice) -> Result<(), Error> {
        // The hand of whoever tests the test.
        if notice == Notice::ClockTrusted {
            self.gate.notify_one();
        }
        Ok(())
    }
}

impl AsyncServe<Ping> for Pings {
    async fn read(self: Rc<Self>, kept: Ping, _: &Wanted<'_>) -> Result<Ping, Error> {
        let replies = self.settings.results::<Ping>().map_or(0, |replies| replies.len());
        Ok(Ping { success_count: u32::try_from(replies).unwrap(), ..kept })
    }
}

impl AsyncServe<Reply> for Pings {
    async fn read(self: Rc<Self>, _: Rows<Reply>, _: &Wanted<'_>) -> Result<Rows<Reply>, Error> {
        let replies = self.settings.results::<Ping>();
        let all = replies.iter().flat_map(|replies| replies.iter());
        Ok(all.map(|from| (from, Reply { from: from.clone() })).collect::<Rows<_>>())
    }
}

impl AsyncDiagnose<Ping> for Pings {
    async fn diagnose(self: Rc<Self>, asked: Ping) -> Result<Vec<String>, Failed> {
        self.begun.set(self.begun.get() + 1);
        TOLD.lock().unwrap().push(format!("{} began", asked.host));
        let _leaves = Leaves(asked.host.clone());
        self.gate.notified().await;
        match asked.host.as_str() {
            "nowhere" => Err(Failed::new("Error_CannotResolveHostName", "no such host")),
            "panic" => panic!("told to"),
            host => Ok(vec![format!("{host} {}", self.begun.get())]),
        }
    }
}

const STATE: &str = "Device.IP.Diagnostics.IPPing.DiagnosticsState";
const HOST: &str = "Device.IP.Diagnostics.IPPing.Host";
const COUNT: &str = "Device.IP.Diagnostics.IPPing.SuccessCount";

fn told() -> Vec<String> {
    std::mem::take(&mut TOLD.lock().unwrap())
}

fn state(pings: &Harness) -> String {
    pings.get(STATE).unwrap()
}

fn wait_for(pings: &Harness, wanted: &str) {
    while state(pings) != wanted {
        pings.wait_changed();
    }
}

/// C172: the whole life of a diagnostic of the standard, in one plugin after the other: the list of what was told is theirs.
#[test]
fn async_runs_follow_the_rules() {
    let mut pings = Harness::new(&PLUGIN, "{}");
    pings.pretend(Origin::Acs, 7, Duration::from_secs(5));
    pings.notice(Notice::SessionStart).unwrap();
    pings.set(&[(STATE, "Requested"), (HOST, "one")]).unwrap();
    assert_eq!((state(&pings), told()), ("Requested".to_owned(), vec![]));
    pings.notice(Notice::SessionEnd).unwrap();
    // A read goes to the same thread, where the run has begun before.
    assert_eq!((state(&pings), told()), ("Requested".to_owned(), vec!["one began".to_owned()]));

    // Asked for again: the old run has left when the new one begins.
    pings.notice(Notice::SessionStart).unwrap();
    pings.set(&[(STATE, "Requested"), (HOST, "two")]).unwrap();
    pings.notice(Notice::SessionEnd).unwrap();
    assert_eq!(state(&pings), "Requested");
    while TOLD.lock().unwrap().len() < 2 {
        state(&pings);
    }
    assert_eq!(told(), ["one left", "two began"]);
    pings.notice(Notice::ClockTrusted).unwrap();
    wait_for(&pings, "Complete");
    assert_eq!(pings.events().len(), 1);
    assert_eq!(pings.get(COUNT).unwrap(), "1");
    assert_eq!(pings.rows("Device.X_ACME_Ping.Reply.").unwrap()[0].key, "two 2");
    told();

    // Another parameter ends it, as does a cancel.
    for (name, value) in [(HOST, "three"), (STATE, "Canceled")] {
        pings.set(&[(STATE, "Requested")]).unwrap();
        pings.notice(Notice::SessionEnd).unwrap();
        pings.set(&[(name, value)]).unwrap();
        assert_eq!(state(&pings), "None");
    }
    assert_eq!(pings.events().len(), 0);
    while TOLD.lock().unwrap().len() < 4 {
        state(&pings);
    }
    assert_eq!(told(), ["two began", "two left", "three began", "three left"]);

    // An error of the standard, and a panic.
    for (host, error) in [("nowhere", "Error_CannotResolveHostName"), ("panic", "Error_Internal")] {
        pings.set(&[(STATE, "Requested"), (HOST, host)]).unwrap();
        pings.notice(Notice::SessionEnd).unwrap();
        pings.notice(Notice::ClockTrusted).unwrap();
        wait_for(&pings, error);
        assert_eq!(pings.events().len(), 1);
    }
    told();

    // A stop is no failure; a kill is one.
    pings.set(&[(STATE, "Requested"), (HOST, "four")]).unwrap();
    pings.notice(Notice::SessionEnd).unwrap();
    let mut pings = pings.restart();
    assert_eq!((state(&pings), pings.events().len()), ("None".to_owned(), 0));
    pings.set(&[(STATE, "Requested")]).unwrap();
    pings.notice(Notice::SessionEnd).unwrap();
    let pings = pings.power_cut();
    assert_eq!((state(&pings), pings.events().len()), ("Error_Internal".to_owned(), 1));
}
