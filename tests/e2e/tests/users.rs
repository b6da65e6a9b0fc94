//! The accounts of a device, from its files to the ACS.

use cwmp_acs::{Acs, Options};
use cwmp_e2e::Device;

const COUNT: &str = "Device.Users.UserNumberOfEntries";

/// C51, C134: an account that is added on the device is told in the next session; nothing of an account can be set.
#[test]
fn an_account_that_comes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    std::fs::create_dir(&etc).unwrap();
    std::fs::write(etc.join("passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    std::fs::write(etc.join("group"), "root:x:0:\ntv:x:44:tv\n").unwrap();
    std::fs::write(etc.join("shells"), "/bin/sh\n").unwrap();
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("users", &format!("[config]\nroot = '{}'\n", folder.path().display()))
        .start();
    device.ready("users");
    let mut session = acs.session();
    session.set_notifications(&[(COUNT, 2)]).unwrap();
    assert_eq!(session.get_value(COUNT).unwrap(), "1");
    session.end();
    device.client().settle();
    // As the programs do that add accounts.
    std::fs::write(etc.join("passwd+"), "root:x:0:0::/root:/bin/sh\ntv:x:100:44::/:/bin/sh\n").unwrap();
    std::fs::rename(etc.join("passwd+"), etc.join("passwd")).unwrap();
    let mut session = acs.session();
    assert_eq!((session.events(), session.parameter(COUNT)), (vec!["4 VALUE CHANGE"], Some("2")));
    let users = session.get(&["Device.Users.User."]).unwrap();
    let (name, _) = users.iter().find(|(_, value)| value.text == "tv").expect("the account");
    let row = name.strip_suffix("Username").expect("by its name");
    let group = session.get_value(&format!("{row}GroupParticipation")).unwrap();
    assert_eq!(session.get_value(&format!("{group}.Groupname")).unwrap(), "tv");
    let shell = session.get_value(&format!("{row}Shell")).unwrap();
    assert_eq!(session.get_value(&format!("{shell}.Name")).unwrap(), "/bin/sh");
    let enable = format!("{row}Enable");
    let fault = session.set(&[(&enable, cwmp_acs::ValueType::Boolean, "false")], "").unwrap_err();
    assert_eq!(fault.parameters[0].1, 9008);
    session.end();
}
