//! What is announced.

use cwmp_plugin_sdk::testing::Step;

use super::*;
use crate::netlink::Heard;
use crate::state::MAX_ROUTES;

/// Every wait of the thread that listens is a voluntary switch, and so is every time that a clock wakes it.
fn waits_of_the_monitor() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let mut named = tasks.filter(|task| {
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        name.trim() == crate::monitor::NAME
    });
    let status = std::fs::read_to_string(named.next().expect("the thread").join("status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// C51: rows that come and go are announced when the kernel tells of them, and nothing is polled.
#[test]
fn a_device_that_comes_is_announced_and_nothing_is_polled() {
    if !inside("changes::a_device_that_comes_is_announced_and_nothing_is_polled") {
        return;
    }
    let device = Device::new();
    let plugin = device.plugin();
    let before = plugin.rows(PORTS).unwrap().len();
    // What the start of IPv6 on the new links has to tell comes first.
    eventually(&plugin, "an address of IPv6", || {
        let wan = row(&plugin, INTERFACES, "Name", "wan")?;
        row(&plugin, &format!("{INTERFACES}{wan}.IPv6Address."), "IPAddressStatus", "Preferred")
    });
    let waits = waits_of_the_monitor();
    // More time than any poll that deserves the name would leave.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let idle = waits_of_the_monitor() - waits;
    assert!(idle <= 2, "woken {idle} times while nothing happened");
    ip("link add lan type veth peer name far2");
    let lan = eventually(&plugin, "a new port", || row(&plugin, PORTS, "Name", "lan"));
    rows_change(&plugin, &[PORTS, LINKS, INTERFACES, "Device.InterfaceStack."]);
    assert_eq!(plugin.rows(PORTS).unwrap().len(), before + 2);
    let status = format!("{PORTS}{lan}.Status");
    assert_eq!(get(&plugin, &status), "Down");
    ip("link set lan up");
    ip("link set far2 up");
    eventually(&plugin, "it is up", || (get(&plugin, &status) == "Up").then_some(()));
    changes(&plugin, &status);
    ip("link del lan");
    eventually(&plugin, "it is gone", || row(&plugin, PORTS, "Name", "lan").is_none().then_some(()));
    assert_eq!(plugin.get(&status).unwrap_err().status(), cwmp_plugin_sdk::Error::name("").status());
    // A device of the same name is the same row again.
    ip("link add lan type veth peer name far2");
    assert_eq!(eventually(&plugin, "it is back", || row(&plugin, PORTS, "Name", "lan")), lan);
}

#[test]
fn messages_that_were_lost_cost_another_reading() {
    if !inside("changes::messages_that_were_lost_cost_another_reading") {
        return;
    }
    let device = Device::new();
    let mut changes = crate::netlink::Changes::listen().unwrap();
    let plugin = device.plugin();
    // More than fits into the backlog of one who does not listen.
    let lines: Vec<String> = (0..9_000)
        .map(|i| format!("route add 10.{}.{}.0/24 via 192.0.2.1 metric {i}", i / 250, i % 250))
        .collect();
    device.write("batch", &lines.join("\n"));
    ip(&format!("-batch {}/batch", device.folder.path().display()));
    let mut heard = 0;
    loop {
        match changes.hear().unwrap() {
            Heard::Updates(updates) => heard += updates.len(),
            Heard::Nothing => panic!("all {heard} messages fitted"),
            Heard::Lost => break,
        }
    }
    // The plugin, which did listen or has read everything again, knows as many as it may: those of IPv6 count, too.
    let known = || plugin.rows(ROUTES).unwrap().len();
    eventually(&plugin, "the routes", || (known() >= MAX_ROUTES - 32).then_some(()));
    assert!(known() <= MAX_ROUTES);
    ip("route flush proto boot");
    eventually(&plugin, "no routes", || plugin.rows(ROUTES).unwrap().is_empty().then_some(()));
}

#[test]
fn addresses_routes_and_servers_are_announced() {
    if !inside("changes::addresses_routes_and_servers_are_announced") {
        return;
    }
    let device = Device::new();
    let plugin = device.plugin();
    let wan = row(&plugin, INTERFACES, "Name", "wan").unwrap();
    let addresses = format!("{INTERFACES}{wan}.IPv4Address.");
    plugin.rows(&addresses).unwrap();
    ip("address add 198.51.100.7/32 dev wan");
    eventually(&plugin, "an address", || row(&plugin, &addresses, "IPAddress", "198.51.100.7"));
    rows_change(&plugin, &[&addresses]);
    ip("route add 203.0.113.0/24 via 192.0.2.1 metric 7");
    let route = eventually(&plugin, "a route", || row(&plugin, ROUTES, "DestIPAddress", "203.0.113.0"));
    assert_eq!(get(&plugin, &format!("{ROUTES}{route}.ForwardingMetric")), "7");
    rows_change(&plugin, &[ROUTES]);
    device.write("resolv.conf", "nameserver 192.0.2.1\nnameserver 192.0.2.53\n");
    let servers = "Device.DNS.Client.Server.";
    eventually(&plugin, "a server", || row(&plugin, servers, "DNSServer", "192.0.2.53"));
    rows_change(&plugin, &[servers]);
    // A route whose device goes down goes without a word from the kernel.
    ip("link set wan down");
    eventually(&plugin, "no routes", || plugin.rows(ROUTES).unwrap().is_empty().then_some(()));
}

/// Two providers give two prefixes, and each has its own way out: neither takes the place of the other, nor of an ACS's.
#[test]
fn routes_of_different_sources_are_different_rows() {
    if !inside("changes::routes_of_different_sources_are_different_rows") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let add = |source: &str| format!("-6 route add 2001:db8:f::/48 from {source} via fe80::1 dev wan");
    let first = add("2001:db8:1::/48");
    let made = try_ip(&first);
    if !made.status.success() {
        println!("skipped: the kernel has no routes by source: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    ip(&add("2001:db8:2::/48"));
    let routes = "Device.Routing.Router.1.IPv6Forwarding.";
    let known = || plugin.rows(routes).unwrap().len();
    eventually(&plugin, "both", || (known() == 2).then_some(()));
    ip(&first.replace("add", "del"));
    eventually(&plugin, "the other", || (known() == 1).then_some(()));
    let route = format!("{routes}3.");
    let wan = row(&plugin, INTERFACES, "Name", "wan").unwrap();
    plugin
        .change(&[
            Step::add(&route),
            Step::set(&format!("{route}DestIPPrefix"), "2001:db8:f::/48"),
            Step::set(&format!("{route}NextHop"), "fe80::1"),
            Step::set(&format!("{route}Interface"), &format!("{INTERFACES}{wan}")),
            Step::set(&format!("{route}Enable"), "true"),
        ])
        .unwrap();
    assert!(
        said("-6 route").contains("\n2001:db8:f::/48 via fe80::1 dev wan proto static"),
        "{}",
        said("-6 route")
    );
    assert_eq!(plugin.rows(routes).unwrap().len(), 2);
    plugin.delete(&route).unwrap();
    assert!(said("-6 route").contains("2001:db8:f::/48 from 2001:db8:2::/48"));
    assert_eq!(plugin.rows(routes).unwrap().len(), 1);
}
