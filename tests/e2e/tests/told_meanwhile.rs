//! A change that comes while an Inform with another one is under way must not wait for the next cause.

use cwmp_acs::{Acs, Options};
use cwmp_e2e::Device;

const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";
const COUNT: &str = "Device.X_CWMPD_Demo.LampNumberOfEntries";
const ACTIVE: u32 = 2;

/// C50, C93, C134: the answer to an Inform delivers its event, and not that of what came after it.
#[test]
fn what_changes_while_an_inform_is_under_way_is_told_by_the_next() {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nwatch_file = 'DEVICE/demo.pipe'\n")
        .start();
    device.ready("demo");
    let mut session = acs.session();
    session.set_notifications(&[(TEMPERATURE, ACTIVE), (COUNT, ACTIVE)]).unwrap();
    session.end();
    let client = device.client();
    client.settle();
    device.say("demo", "Temperature=31");
    // Not answered yet.
    let mut session = acs.session();
    assert_eq!((session.parameter(TEMPERATURE), session.parameter(COUNT)), (Some("31"), None));
    client.add("Device.X_CWMPD_Demo.Lamp.", &[]).unwrap();
    client.settle();
    session.accept();
    session.end();
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!((session.parameter(TEMPERATURE), session.parameter(COUNT)), (None, Some("1")));
    session.end();
    acs.no_session_for(std::time::Duration::from_millis(500));
}
