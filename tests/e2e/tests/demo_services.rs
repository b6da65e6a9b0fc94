//! The demonstration of all plugins with their services.

use std::process::Command;

/// What the service of each plugin changes by itself comes to the ACS.
#[test]
fn every_plugin_shows_what_its_service_changes() {
    let output = Command::new(env!("CARGO_BIN_EXE_cwmp-demo")).arg("--all").output().unwrap();
    let (shown, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if error.contains("needs root") {
        println!("skipped: namespaces and loop devices need root");
        return;
    }
    assert!(output.status.success(), "{shown}\n{error}");
    let (_, saw) = shown.split_once("==== What the ACS saw").expect("it says what came of it");
    for line in [
        "Device.X_CWMPD_Demo.Temperature = 20 -> 31",
        "Device.X_CWMPD_DemoC.Temperature = 20 -> 32",
        "State = Sleeping -> Stopped",
        "Device.Ethernet.InterfaceNumberOfEntries = 2 -> 4",
        "Device.Users.UserNumberOfEntries = 1 -> 2",
        "Device.DeviceInfo.HostName = box -> living-room",
        "Device.WiFi.AccessPoint.1.AssociatedDeviceNumberOfEntries = 0 -> 1",
        // The machine may have drives.
        "Device.Services.StorageService.1.PhysicalMediumNumberOfEntries = ",
    ] {
        assert!(saw.contains(line), "'{line}' is missing:\n{saw}");
    }
}
