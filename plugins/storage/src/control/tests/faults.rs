//! Servers that do not do as they should, and a systemd that a test is.

use std::sync::{Arc, Mutex};

use super::super::{Daemon, Program, Settings};
use super::{inside, run, sh, Machine};
use crate::back_end::{Event, Failure, State};

fn shell(script: &str) -> Program {
    Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] }
}

async fn daemon(machine: &Machine) -> Daemon {
    Daemon::new(
        "server",
        "server.service",
        &machine.settings,
        &machine.connect().await,
        machine.events.clone(),
    )
}

#[test]
fn a_child_that_ends_at_once_says_why_and_leaves_nothing_behind() {
    if !inside(
        "control::tests::faults::a_child_that_ends_at_once_says_why_and_leaves_nothing_behind",
        &["unshare"],
    ) {
        return;
    }
    run(async {
        let mut machine = Machine::start();
        std::fs::create_dir_all(&machine.settings.run).unwrap();
        let daemon = daemon(&machine).await;
        assert_eq!(daemon.state().await, Ok(State::Off));
        let never = || async { false };
        let ends = daemon.start(shell("sleep 1000 & echo the port is taken >&2; exit 1"), never).await;
        let Err(Failure::Refused(text)) = ends else { panic!("{ends:?}") };
        assert!(text.starts_with("server has ended"), "{text}");
        assert_eq!(daemon.state().await, Ok(State::Off));
        sh("pgrep -r R,S,D sleep").unwrap_err();
        let missing = Program { path: "/nonexistent".into(), arguments: Vec::new() };
        assert!(daemon.start(missing, never).await.is_err());
        // It does not listen to a polite word.
        let there = || async { true };
        daemon.start(shell("trap '' TERM; while :; do sleep 1000; done"), there).await.unwrap();
        assert_eq!(daemon.state().await, Ok(State::On));
        while machine.heard.try_recv().is_ok() {}
        daemon.stop().await.unwrap();
        sh("pgrep -r R,S,D sleep").unwrap_err();
        assert!(machine.heard.try_recv().is_err(), "nobody is told what he has done");
        // What a life before has left is ended first: its thread ended, and nothing of it could clean up.
        let (settings, events) = (machine.settings.clone(), machine.events.clone());
        let address = machine.bus.address().to_owned();
        let life = move || {
            run(async move {
                let bus =
                    zbus::connection::Builder::address(address.as_str()).unwrap().build().await.unwrap();
                let daemon = Daemon::new("server", "server.service", &settings, &bus, events);
                let there = || async { sh("pgrep -r R,S,D -f '[s]leep 1000'").is_ok() };
                daemon.start(shell("sleep 1000 & exec sleep 1001"), there).await.unwrap();
                std::mem::forget(daemon);
            });
        };
        std::thread::spawn(life).join().unwrap();
        assert!(sh("pgrep -r R,S,D -f '[s]leep 1000'").is_ok());
        let daemon = super::faults::daemon(&machine).await;
        daemon.start(shell("exec sleep 2000"), there).await.unwrap();
        cwmp_e2e::eventually("the one before is gone", || {
            sh("pgrep -r R,S,D -f '[s]leep 1000'").is_err().then_some(())
        });
        assert!(sh("pgrep -r R,S,D -f '[s]leep 2000'").is_ok());
    });
}

/// A systemd that has one unit, and one client.
struct Systemd {
    subscribed: std::sync::atomic::AtomicBool,
    active: Arc<Mutex<&'static str>>,
    calls: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.systemd1")]
enum Refusal {
    #[zbus(error)]
    ZBus(zbus::Error),
    AlreadySubscribed(String),
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn subscribe(&self) -> Result<(), Refusal> {
        if self.subscribed.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return Err(Refusal::AlreadySubscribed("Client is already subscribed.".to_owned()));
        }
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value, clippy::unused_self)]
    fn load_unit(&self, name: String) -> zbus::fdo::Result<zbus::zvariant::OwnedObjectPath> {
        if name != "server.service" {
            return Err(zbus::fdo::Error::Failed("no such unit".to_owned()));
        }
        Ok(zbus::zvariant::OwnedObjectPath::try_from("/org/freedesktop/systemd1/unit/server").unwrap())
    }

    #[allow(clippy::needless_pass_by_value)]
    fn start_unit(&self, name: String, mode: String) -> zbus::zvariant::OwnedObjectPath {
        self.calls.lock().unwrap().push(format!("start {name} {mode}"));
        let mut active = self.active.lock().unwrap();
        *active = if *active == "broken" { "failed" } else { "active" };
        zbus::zvariant::OwnedObjectPath::try_from("/org/freedesktop/systemd1/job/1").unwrap()
    }

    #[allow(clippy::needless_pass_by_value)]
    fn stop_unit(&self, name: String, mode: String) -> zbus::zvariant::OwnedObjectPath {
        self.calls.lock().unwrap().push(format!("stop {name} {mode}"));
        *self.active.lock().unwrap() = "inactive";
        zbus::zvariant::OwnedObjectPath::try_from("/org/freedesktop/systemd1/job/2").unwrap()
    }

    #[allow(clippy::needless_pass_by_value)]
    fn reset_failed_unit(&self, name: String) {
        self.calls.lock().unwrap().push(format!("reset {name}"));
        *self.active.lock().unwrap() = "inactive";
    }
}

/// Its unit, as `active` says; what it does is done at once.
struct Unit(Arc<Mutex<&'static str>>);

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn active_state(&self) -> String {
        (*self.0.lock().unwrap()).to_owned()
    }

    #[zbus(property)]
    #[allow(clippy::unused_self)]
    fn job(&self) -> (u32, zbus::zvariant::OwnedObjectPath) {
        (0, zbus::zvariant::OwnedObjectPath::try_from("/").unwrap())
    }
}

#[test]
fn a_unit_is_started_stopped_and_watched_by_systemd() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let bus = cwmp_e2e::Bus::start(folder.path());
        let connect =
            || async { zbus::connection::Builder::address(bus.address()).unwrap().build().await.unwrap() };
        let settings = Settings { units: Some(true), ..Settings::default() };
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let client = connect().await;
        let daemon = Daemon::new("server", "server.service", &settings, &client, events.clone());
        assert_eq!(daemon.state().await, Err(Failure::Away("systemd")));
        let active = Arc::new(Mutex::new("inactive"));
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let systemd = connect().await;
        let manager =
            Systemd { subscribed: false.into(), active: Arc::clone(&active), calls: Arc::clone(&calls) };
        systemd.object_server().at("/org/freedesktop/systemd1", manager).await.unwrap();
        let path = "/org/freedesktop/systemd1/unit/server";
        systemd.object_server().at(path, Unit(Arc::clone(&active))).await.unwrap();
        systemd.request_name("org.freedesktop.systemd1").await.unwrap();
        assert_eq!(daemon.state().await, Ok(State::Off));
        let there = || async { true };
        daemon.start(shell("never run"), there).await.unwrap();
        assert_eq!(daemon.state().await, Ok(State::On));
        let unit = systemd.object_server().interface::<_, Unit>(path).await.unwrap();
        unit.get().await.active_state_changed(unit.signal_emitter()).await.unwrap();
        assert_eq!(heard.recv().await, Some(Event::Server("server")));
        // It runs: systemd is not asked, and what it says because of somebody else's question is no news.
        daemon.start(shell("never run"), there).await.unwrap();
        unit.get().await.active_state_changed(unit.signal_emitter()).await.unwrap();
        unit.get().await.job_changed(unit.signal_emitter()).await.unwrap();
        // It fails by itself, and that is told.
        *active.lock().unwrap() = "failed";
        unit.get().await.active_state_changed(unit.signal_emitter()).await.unwrap();
        assert_eq!(heard.recv().await, Some(Event::Server("server")));
        assert!(heard.try_recv().is_err());
        assert_eq!(daemon.state().await, Ok(State::Failed));
        daemon.stop().await.unwrap();
        assert_eq!(daemon.state().await, Ok(State::Off));
        daemon.stop().await.unwrap();
        // One that systemd begins again and again does not serve, and is stopped all the same.
        *active.lock().unwrap() = "activating";
        assert_eq!(daemon.state().await, Ok(State::Failed));
        daemon.stop().await.unwrap();
        assert_eq!(daemon.state().await, Ok(State::Off));
        *active.lock().unwrap() = "broken";
        assert!(matches!(daemon.start(shell(""), || async { false }).await, Err(Failure::Refused(_))));
        let said = calls.lock().unwrap().clone();
        let (start, stop) = ("start server.service replace", "stop server.service replace");
        assert_eq!(said, [start, "reset server.service", stop, start, "reset server.service"]);
        let unknown = Daemon::new("server", "x.service", &settings, &client, events);
        assert_eq!(unknown.state().await, Err(Failure::Refused("x.service: no such unit".to_owned())));
    });
}
