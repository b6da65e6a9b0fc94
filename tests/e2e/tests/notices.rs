//! What every provider is told of the agent's life.

use std::sync::mpsc;
use std::time::Duration;

use cwmp_acs::{Acs, Options};
use cwmp_e2e::native::{Native, Serve};
use cwmp_e2e::Device;

const OBJECT: &str = "Device.X_TEST_Listens.";
const VALUE: &str = "Device.X_TEST_Listens.Value";
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon with one value, that passes on what it is told.
struct Listens(mpsc::Sender<String>);

impl Serve for Listens {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![(OBJECT.to_owned(), 0, 1, String::new()), (VALUE.to_owned(), 1, 0, String::new())]
    }

    fn noticed(&self, what: &str) {
        // A test that has ended hears nothing more.
        let _ = self.0.send(what.to_owned());
    }
}

fn device(acs: &Acs) -> Device {
    let manifest = format!("name = 'listens'\nroots = ['{OBJECT}']\n");
    Device::builder().acs(acs.url()).manifest("listens", &manifest).prepare()
}

fn listen(device: &Device) -> (Native, mpsc::Receiver<String>) {
    device.present();
    let (tell, told) = mpsc::channel();
    let (native, announced) = Native::start(device.bus.address(), "listens", Listens(tell));
    announced.unwrap();
    device.ready("listens");
    (native, told)
}

#[track_caller]
fn hears(told: &mpsc::Receiver<String>, what: &str) {
    while told.recv_timeout(PATIENCE).expect("it is told") != what {}
}

#[test]
fn providers_hear_of_sessions_and_of_the_end() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    device.start();
    acs.session().end();
    device.client().wait_for("idle");
    let (_native, told) = listen(&device);
    device.client().inform().unwrap();
    let session = acs.session();
    hears(&told, "session-start");
    assert!(told.try_recv().is_err(), "nothing more, as long as it lasts");
    session.end();
    hears(&told, "session-end");
    device.stop();
    hears(&told, "shutdown");
}

/// The end is told whatever its reason, while there is a bus.
#[test]
fn providers_hear_of_the_end_of_an_agent_that_begins_anew_with_its_identity() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    std::fs::rename(device.path("identity.toml"), device.path("identity.later")).unwrap();
    device.start();
    device.client().wait_for("unidentified");
    let (_native, told) = listen(&device);
    std::fs::rename(device.path("identity.later"), device.path("identity.toml")).unwrap();
    assert_eq!(device.ended().code(), Some(75));
    hears(&told, "shutdown");
}
