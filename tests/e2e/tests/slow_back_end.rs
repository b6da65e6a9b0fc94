//! One slow back end does not slow the answers of the others: the WiFi plugin on a hostapd that takes its time.

use std::sync::mpsc::{channel, Receiver, TryRecvError};
use std::time::Duration;

use cwmp_acs::{Acs, Options};
use cwmp_e2e::wifi::{SlowHostapd, World};
use cwmp_e2e::{eventually, Client, Device, Refused};

const RADIO: &str = "Device.WiFi.Radio.1.";
const AP: &str = "Device.WiFi.AccessPoint.1.";
const STATUS: &str = "Device.WiFi.SSID.1.Status";
const SIGNAL: &str = "Device.WiFi.AccessPoint.1.AssociatedDevice.1.SignalStrength";
const OTHER: &str = "Device.X_CWMPD_Demo.Level";
/// What hostapd is asked by for what it counts of its stations.
const COUNTED: &str = "STA-FIRST";

type Answer = Result<String, Refused>;

fn device(world: &World, acs: &Acs) -> (Device, Client) {
    let device = world.device().acs(acs.url()).plugin("demo", "").start();
    device.ready("wifi");
    device.ready("demo");
    let client = device.client();
    eventually("the station is a row", || (client.value(SIGNAL).ok()? == "-30").then_some(()));
    (device, client)
}

/// What comes of a question that is asked beside the test, and that hostapd keeps somebody waiting for.
fn ask_beside(device: &Device, hostapd: &SlowHostapd, name: &'static str) -> Receiver<Answer> {
    loop {
        let client = device.client();
        let (sender, answer) = channel();
        std::thread::spawn(move || sender.send(client.value(name)));
        loop {
            match answer.recv_timeout(Duration::from_millis(20)) {
                // What was said just now is good for a moment.
                Ok(_) => break,
                Err(_) if hostapd.is_asked() => return answer,
                Err(_) => {}
            }
        }
    }
}

/// While a value is on its way from a slow service, other plugins answer the box and the ACS, and so does the same plugin,
/// for all that needs nobody to be asked.
#[test]
fn others_are_answered_while_a_slow_service_is_still_being_asked() {
    let Some(world) = World::new() else { return };
    let hostapd = SlowHostapd::start(&world);
    let acs = Acs::start(Options::default());
    let (device, client) = device(&world, &acs);
    let mut session = acs.session();
    // Nobody waits for the slow one for ever, so a busy machine has more than one try. Who waited for it would never be first.
    eventually("the others are first", || {
        hostapd.hold(COUNTED);
        let slow = ask_beside(&device, &hostapd, SIGNAL);
        assert!(client.value(OTHER).is_ok());
        assert!(session.get_value(OTHER).is_ok());
        assert!(session.get(&["Device.X_CWMPD_Demo."]).unwrap().len() > 5);
        assert_eq!(client.value(&format!("{RADIO}Name")).unwrap(), "wlan7");
        assert_eq!(session.get_value(&format!("{AP}Status")).unwrap(), "Enabled");
        let waits = matches!(slow.try_recv(), Err(TryRecvError::Empty));
        hostapd.release();
        let value = waits.then(|| slow.recv().expect("it is asked"))?;
        // What is slow comes when it comes.
        (value.ok()? == "-30").then_some(())
    });
    session.end();
}

/// C116: whatever an ACS asks for that is wider than the slow service's part is answered, without what is not there in time.
#[test]
fn a_wider_answer_goes_without_what_a_slow_service_does_not_say_in_time() {
    let Some(world) = World::new() else { return };
    let hostapd = SlowHostapd::start(&world);
    let acs = Acs::start(Options::default());
    let (_device, _client) = device(&world, &acs);
    let mut session = acs.session();
    hostapd.hold(COUNTED);
    // What was said just now is good for a moment.
    let all: Vec<String> = eventually("an answer without it", || {
        let all: Vec<_> = session.get(&["Device."]).unwrap().into_iter().map(|(name, _)| name).collect();
        (!all.iter().any(|name| name == SIGNAL)).then_some(all)
    });
    for name in [OTHER, "Device.WiFi.Radio.1.Name", "Device.WiFi.AccessPoint.1.Status"] {
        assert!(all.iter().any(|n| n == name), "{name} is known without asking: {all:?}");
    }
    let fault = session.get_value(SIGNAL).unwrap_err();
    assert!([9002, 9005].contains(&fault.code), "{fault:?}");
    hostapd.release();
    eventually("it is said again", || (session.get_value(SIGNAL).ok()? == "-30").then_some(()));
    session.end();
}

/// C116: the same for a plugin that says nothing at all.
#[test]
fn a_wider_answer_goes_without_a_plugin_that_does_not_answer() {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nfailures = true\n")
        .plugin("demo_c", "")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    let client = device.client();
    let mut session = acs.session();
    client.set_value("Device.X_CWMPD_Demo.Test.Fail", "hang").unwrap();
    let all = session.get(&["Device."]).unwrap();
    assert!(all.iter().any(|(name, _)| name == "Device.X_CWMPD_DemoC.Level"), "{all:?}");
    assert!(!all.iter().any(|(name, _)| name == OTHER), "{all:?}");
    session.end();
    let log = device.log();
    assert!(log.contains("provider demo is left out of an answer for Device."), "{log}");
}

/// A service that stands still is not there, and what it ran is not said to run; nobody else notices.
#[test]
fn a_service_that_takes_its_time_for_everything_is_not_there_for_itself_alone() {
    let Some(world) = World::new() else { return };
    let hostapd = SlowHostapd::start(&world);
    let acs = Acs::start(Options::default());
    let (device, client) = device(&world, &acs);
    hostapd.hold("");
    let slow = ask_beside(&device, &hostapd, STATUS);
    assert!(client.value(OTHER).is_ok());
    assert_eq!(slow.recv().unwrap().unwrap(), "NotPresent");
    assert_eq!(client.value(&format!("{RADIO}Name")).unwrap(), "wlan7");
    hostapd.release();
    eventually("it is there again", || (client.value(STATUS).ok()? == "Up").then_some(()));
    acs.session().end();
}
