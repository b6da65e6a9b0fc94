//! The example of a smallest plugin: it does what it says, and it is small.

use cwmp_plugin_sdk::testing::Harness;

#[path = "../examples/hello.rs"]
mod hello;

#[test]
fn hello_world_greets_whom_it_is_told_to_and_remembers() {
    let mut plugin = Harness::new(&hello::PLUGIN, "{}");
    assert_eq!(plugin.get("Device.X_ACME_Hello.Greeting").unwrap(), "Hello, World!");
    plugin.set(&[("Device.X_ACME_Hello.Name", "box")]).unwrap();
    let plugin = plugin.power_cut();
    assert_eq!(plugin.get("Device.X_ACME_Hello.Greeting").unwrap(), "Hello, box!");
}

#[test]
fn hello_world_has_at_most_thirty_lines() {
    let lines = include_str!("../examples/hello.rs").lines().count();
    assert!(lines <= 30, "{lines} lines");
}
