//! The plugin on the real kernel, in namespaces of their own: each test runs itself again in one.

mod changes;
mod dhcp;
mod reading;
mod standard;
mod writing;

use std::process::{Command, Output};

use cwmp_plugin_sdk::testing::{Harness, PATIENCE};

use crate::declared::PLUGIN;

/// Says to a test that it runs inside.
const INSIDE: &str = "CWMPD_NETWORK_TEST_INSIDE";

/// Runs the test of this name in a new network and mount namespace, unless it is inside already. Says whether it is.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: a network namespace needs root");
        return false;
    }
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("tests::{test}")])
        .env(INSIDE, "1")
        .output()
        .expect("unshare is there");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    if let Some(at) = text.find("skipped: ") {
        println!("{}", text[at..].lines().next().unwrap_or_default());
    }
    false
}

fn try_ip(arguments: &str) -> Output {
    Command::new("ip").args(arguments.split(' ')).output().expect("ip is there")
}

fn ip(arguments: &str) {
    let output = try_ip(arguments);
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `ip` says.
fn said(arguments: &str) -> String {
    let output = try_ip(arguments);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A device with one port, `wan`, and what is at the other end of it.
struct Device {
    folder: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        // The files of the namespace, not of the machine.
        let mounted = Command::new("mount").args(["-t", "sysfs", "sysfs", "/sys"]).status().unwrap();
        assert!(mounted.success());
        ip("link set lo up");
        ip("link add wan address 02:00:00:00:00:01 type veth peer name far address 02:00:00:00:00:02");
        ip("link set wan up");
        ip("link set far up");
        ip("address add 192.0.2.2/24 dev wan");
        ip("route add default via 192.0.2.1");
        // The kernel takes its time to find a carrier.
        let end = std::time::Instant::now() + PATIENCE;
        while !said("link show wan").contains("state UP") {
            assert!(std::time::Instant::now() < end, "the link does not come up");
            std::thread::yield_now();
        }
        let new = Self { folder: tempfile::tempdir().unwrap() };
        new.write("resolv.conf", "search lan\nnameserver 192.0.2.1\n");
        new
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn plugin(&self) -> Harness {
        let at = self.folder.path().display();
        let config = format!(
            "{{\"resolv_conf\":\"{at}/resolv.conf\",\"udhcpc\":\"{at}/udhcpc\",\"dhclient\":\"{at}/dhclient\",\
             \"networkd\":\"{at}/networkd\",\"host_leases\":\"{at}/dnsmasq.leases\"}}"
        );
        Harness::new(&PLUGIN, &config)
    }
}

/// The number of the row whose parameter has this value.
fn row(plugin: &Harness, table: &str, leaf: &str, value: &str) -> Option<u32> {
    let rows = plugin.rows(table).unwrap_or_else(|e| panic!("{table}: {e}"));
    let number = |row: &cwmp_plugin_sdk::Row| match row.number {
        0 => plugin.number_of(table, &row.key),
        number => number,
    };
    let mut numbers = rows.iter().map(number);
    numbers.find(|n| plugin.get(&format!("{table}{n}.{leaf}")).as_deref() == Ok(value))
}

fn get(plugin: &Harness, name: &str) -> String {
    plugin.get(name).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Waits until the plugin has announced something, and it is true.
fn eventually<T>(plugin: &Harness, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(std::time::Instant::now() < end, "{what}: {:?}", plugin.tree());
        std::thread::yield_now();
    }
}

/// Waits until a value is announced.
fn changes(plugin: &Harness, name: &str) {
    eventually(plugin, name, || plugin.changed().contains(&name.to_owned()).then_some(()));
}

/// Waits until all these tables are announced.
fn rows_change(plugin: &Harness, tables: &[&str]) {
    let mut missing: Vec<&str> = tables.to_vec();
    eventually(plugin, "rows are announced", || {
        let announced = plugin.tables_changed();
        missing.retain(|table| !announced.contains(&(*table).to_owned()));
        missing.is_empty().then_some(())
    });
}

const PORTS: &str = "Device.Ethernet.Interface.";
const LINKS: &str = "Device.Ethernet.Link.";
const INTERFACES: &str = "Device.IP.Interface.";
const ROUTES: &str = "Device.Routing.Router.1.IPv4Forwarding.";
