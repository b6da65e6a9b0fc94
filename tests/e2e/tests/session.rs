//! A management session, end to end.

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::{Device, CONNECTION_REQUEST};

#[test]
fn an_acs_manages_a_tree_that_lives_in_plugins() {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).plugin("demo", "").start();
    let mut session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    let names = session.names("Device.", false).unwrap();
    assert!(names.iter().any(|(name, _)| name == "Device.X_CWMPD_Demo.Level"), "{names:?}");
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "50");
    let set = [("Device.X_CWMPD_Demo.Level", ValueType::UnsignedInt, "60")];
    assert_eq!(session.set(&set, "key 1").unwrap(), 0);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.Level").unwrap(), "60");
    assert_eq!(session.get_value("Device.ManagementServer.ParameterKey").unwrap(), "key 1");
    let (number, status) = session.add("Device.X_CWMPD_Demo.Lamp.", "key 2").unwrap();
    assert_eq!((number, status), (1, 0));
    let url = session.get_value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    session.end();
    let client = device.client();
    assert_eq!(client.value("Device.X_CWMPD_Demo.Lamp.1.Colour").unwrap(), "White");
    assert_eq!(client.value("Device.X_CWMPD_Demo.LampNumberOfEntries").unwrap(), "1");
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&url, user, password), 200);
    let mut session = acs.session();
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    assert_eq!(session.delete("Device.X_CWMPD_Demo.Lamp.1.", "key 3").unwrap(), 0);
    session.end();
}
