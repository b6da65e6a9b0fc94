//! What is set.

use cwmp_plugin_sdk::testing::Step;
use cwmp_plugin_sdk::Error;

use super::*;

#[test]
fn an_interface_is_switched_off_and_on_and_a_rollback_undoes_it() {
    if !inside("writing::an_interface_is_switched_off_and_on_and_a_rollback_undoes_it") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let port = row(&plugin, PORTS, "Name", "wan").unwrap();
    let interface = row(&plugin, INTERFACES, "Name", "wan").unwrap();
    let (enable, status) = (format!("{PORTS}{port}.Enable"), format!("{PORTS}{port}.Status"));
    let txn = plugin.stage(&[Step::set(&enable, "false")]).unwrap();
    assert!(said("link show wan").contains("state UP"), "no effect before the commit");
    plugin.commit(txn).unwrap();
    assert!(said("link show wan").contains("state DOWN"));
    assert_eq!((get(&plugin, &enable), get(&plugin, &status)), ("false".into(), "Down".into()));
    plugin.rollback(txn).unwrap();
    // The kernel takes its time to find the carrier again.
    let is_up =
        || (get(&plugin, &status) == "Up" && said("link show wan").contains("state UP")).then_some(());
    eventually(&plugin, "it is up again", is_up);
    assert_eq!(get(&plugin, &enable), "true");
    // The layers share one switch: on is when both are.
    let above = format!("{INTERFACES}{interface}.Enable");
    plugin.set(&[(&enable, "true"), (&above, "false")]).unwrap();
    assert!(said("link show wan").contains("state DOWN"));
    assert_eq!((get(&plugin, &enable), get(&plugin, &status)), ("true".into(), "Down".into()));
    plugin.set(&[(&above, "true")]).unwrap();
    eventually(&plugin, "it is up again", || (get(&plugin, &status) == "Up").then_some(()));
}

#[test]
fn what_was_set_is_there_again_after_a_reboot() {
    if !inside("writing::what_was_set_is_there_again_after_a_reboot") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let interface = format!("{INTERFACES}{}.", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    let address = format!("{interface}IPv4Address.9.");
    plugin
        .change(&[
            Step::set(&format!("{interface}MaxMTUSize"), "1400"),
            Step::add(&address),
            Step::set(&format!("{address}IPAddress"), "198.51.100.9"),
            Step::set(&format!("{address}SubnetMask"), "255.255.255.0"),
            Step::set(&format!("{address}Enable"), "true"),
        ])
        .unwrap();
    let there =
        || said("address show wan").contains("198.51.100.9/24") && said("link show wan").contains("mtu 1400");
    assert!(there());
    assert_eq!(get(&plugin, &format!("{address}Status")), "Enabled");
    assert_eq!(plugin.rows(&format!("{interface}IPv4Address.")).unwrap().len(), 2);
    // After a reboot the kernel has forgotten; the agent is not there yet, nor is the device.
    ip("link del wan");
    let plugin = plugin.power_cut();
    ip("link add wan type veth peer name far");
    ip("link set far up");
    eventually(&plugin, "all is as it was", || there().then_some(()));
    ip("link set wan up");
    // The agent of a real device would still know the numbers; this one may give others.
    let wan = eventually(&plugin, "it is there", || row(&plugin, INTERFACES, "Name", "wan"));
    let interface = format!("{INTERFACES}{wan}.");
    let status = format!("{interface}IPv4Address.9.Status");
    eventually(&plugin, "and is shown", || (plugin.get(&status).as_deref() == Ok("Enabled")).then_some(()));
    let mtu = format!("{interface}MaxMTUSize");
    eventually(&plugin, "and the MTU", || (plugin.get(&mtu).as_deref() == Ok("1400")).then_some(()));
}

#[test]
fn addresses_are_added_changed_and_deleted() {
    if !inside("writing::addresses_are_added_changed_and_deleted") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let interface = format!("{INTERFACES}{}.", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    let address = format!("{interface}IPv4Address.9.");
    let at = |leaf: &str| format!("{address}{leaf}");
    plugin.add(&address).unwrap();
    assert_eq!(get(&plugin, &at("Status")), "Disabled");
    plugin.set(&[(&at("Enable"), "true")]).unwrap();
    assert_eq!(get(&plugin, &at("Status")), "Error_Misconfigured");
    plugin.set(&[(&at("IPAddress"), "198.51.100.9"), (&at("SubnetMask"), "255.255.255.0")]).unwrap();
    assert!(said("address show wan").contains("inet 198.51.100.9/24 brd 198.51.100.255"));
    plugin.set(&[(&at("IPAddress"), "198.51.100.10")]).unwrap();
    let now = said("address show wan");
    assert!(now.contains("198.51.100.10/24") && !now.contains("198.51.100.9/"), "{now}");
    // The change of a whole transaction is taken back as a whole.
    let txn = plugin.stage(&[Step::set(&at("IPAddress"), "198.51.100.11"), Step::delete(&address)]).unwrap();
    plugin.commit(txn).unwrap();
    assert!(!said("address show wan").contains("198.51.100."));
    plugin.rollback(txn).unwrap();
    assert!(said("address show wan").contains("198.51.100.10/24"));
    plugin.delete(&address).unwrap();
    assert!(!said("address show wan").contains("198.51.100."));
    assert!(plugin.get(&at("Enable")).is_err());
    // IPv6, as one address.
    let address = format!("{interface}IPv6Address.4.");
    plugin
        .change(&[
            Step::add(&address),
            Step::set(&format!("{address}IPAddress"), "2001:db8::4"),
            Step::set(&format!("{address}Enable"), "true"),
        ])
        .unwrap();
    assert!(said("address show wan").contains("2001:db8::4/128"));
    assert_eq!(get(&plugin, &format!("{address}Origin")), "Static");
    assert_eq!(get(&plugin, &format!("{address}ValidLifetime")), "9999-12-31T23:59:59Z");
}

#[test]
fn ipv6_is_switched_off_and_on_and_what_was_set_comes_back() {
    if !inside("writing::ipv6_is_switched_off_and_on_and_what_was_set_comes_back") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let interface = format!("{INTERFACES}{}.", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    let address = format!("{interface}IPv6Address.4.");
    plugin
        .change(&[
            Step::add(&address),
            Step::set(&format!("{address}IPAddress"), "2001:db8::4"),
            Step::set(&format!("{address}Enable"), "true"),
        ])
        .unwrap();
    let enable = format!("{interface}IPv6Enable");
    let is_off = || std::fs::read_to_string("/proc/sys/net/ipv6/conf/wan/disable_ipv6").unwrap() == "1\n";
    assert_eq!((get(&plugin, &enable), is_off()), ("true".into(), false));
    // An address cannot be where there is no IPv6: the transaction that wants both is refused, and nothing stays of it.
    assert!(plugin.set(&[(&enable, "false")]).is_err());
    assert_eq!((get(&plugin, &enable), is_off()), ("true".into(), false));
    assert!(said("address show wan").contains("2001:db8::4"));
    let off = format!("{address}Enable");
    let txn = plugin.stage(&[Step::set(&off, "false"), Step::set(&enable, "false")]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!((get(&plugin, &enable), is_off()), ("false".into(), true));
    plugin.rollback(txn).unwrap();
    assert!(!is_off() && said("address show wan").contains("2001:db8::4"));
}

#[test]
fn routes_are_added_and_deleted_and_the_kernel_s_refusal_undoes_everything() {
    if !inside("writing::routes_are_added_and_deleted_and_the_kernel_s_refusal_undoes_everything") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let interface = format!("{INTERFACES}{}", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    let rows = |number: u32, gateway: &str, destination: &str| {
        let route = format!("{ROUTES}{number}.");
        vec![
            Step::add(&route),
            Step::set(&format!("{route}DestIPAddress"), destination),
            Step::set(&format!("{route}DestSubnetMask"), "255.255.255.0"),
            Step::set(&format!("{route}GatewayIPAddress"), gateway),
            Step::set(&format!("{route}Interface"), &interface),
            Step::set(&format!("{route}ForwardingMetric"), "5"),
            Step::set(&format!("{route}Enable"), "true"),
        ]
    };
    plugin.change(&rows(7, "192.0.2.99", "203.0.113.0")).unwrap();
    let routes = said("route");
    assert!(routes.contains("203.0.113.0/24 via 192.0.2.99 dev wan proto static metric 5"), "{routes}");
    assert_eq!(get(&plugin, &format!("{ROUTES}7.Status")), "Enabled");
    assert_eq!(get(&plugin, &format!("{ROUTES}7.Interface")), interface);
    assert_eq!(plugin.rows(ROUTES).unwrap().len(), 2, "it is not told twice");
    // A gateway that is on no link: the second route of the transaction cannot be, so neither can the first.
    let mut both = rows(8, "192.0.2.99", "203.0.112.0");
    both.extend(rows(9, "10.9.9.9", "203.0.111.0"));
    let error = plugin.change(&both).unwrap_err();
    assert!(error.text().contains("the kernel says"), "{error}");
    assert_eq!(said("route"), routes);
    assert_eq!(plugin.rows(ROUTES).unwrap().len(), 2);
    // The route is there again after its device was off.
    let enable = format!("{interface}.Enable");
    plugin.set(&[(&enable, "false")]).unwrap();
    assert_eq!(get(&plugin, &format!("{ROUTES}7.Status")), "Error");
    plugin.set(&[(&enable, "true")]).unwrap();
    eventually(&plugin, "the route is back", || said("route").contains("203.0.113.0/24").then_some(()));
    plugin.delete(&format!("{ROUTES}7.")).unwrap();
    assert!(!said("route").contains("203.0.113.0/24"));
    let route = "Device.Routing.Router.1.IPv6Forwarding.3.";
    plugin
        .change(&[
            Step::add(route),
            Step::set(&format!("{route}DestIPPrefix"), "2001:db8:1::/48"),
            Step::set(&format!("{route}Type"), "Unreachable"),
            Step::set(&format!("{route}Enable"), "true"),
        ])
        .unwrap();
    assert!(said("-6 route").contains("unreachable 2001:db8:1::/48"));
    assert_eq!(get(&plugin, &format!("{route}Status")), "Enabled");
    assert_eq!(plugin.rows("Device.Routing.Router.1.IPv6Forwarding.").unwrap().len(), 1);
}

#[test]
fn servers_are_written_among_those_of_others() {
    if !inside("writing::servers_are_written_among_those_of_others") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let server = "Device.DNS.Client.Server.5.";
    let ours = "search lan\n# cwmpd\nnameserver 9.9.9.9\nnameserver 192.0.2.1\n";
    plugin
        .change(&[
            Step::add(server),
            Step::set(&format!("{server}DNSServer"), "9.9.9.9"),
            Step::set(&format!("{server}Enable"), "true"),
        ])
        .unwrap();
    assert_eq!(device.read("resolv.conf"), ours);
    assert_eq!(get(&plugin, &format!("{server}Status")), "Enabled");
    assert_eq!(plugin.rows("Device.DNS.Client.Server.").unwrap().len(), 2);
    // A DHCP client that writes the file anew does not take ours away.
    device.write("resolv.conf", "search lan\nnameserver 192.0.2.1\n");
    eventually(&plugin, "ours are back", || (device.read("resolv.conf") == ours).then_some(()));
    // Somebody who insists is let have it, and the row says so; a new wish is another try.
    let theirs = "search lan\nnameserver 192.0.2.1\n";
    for _ in 1..crate::network::MAX_REWRITES {
        device.write("resolv.conf", theirs);
        eventually(&plugin, "ours are back", || (device.read("resolv.conf") == ours).then_some(()));
    }
    device.write("resolv.conf", theirs);
    eventually(&plugin, "it is given up", || {
        (get(&plugin, &format!("{server}Status")) == "Error").then_some(())
    });
    assert_eq!(device.read("resolv.conf"), theirs);
    plugin.set(&[("Device.DNS.Client.Enable", "true")]).unwrap();
    assert_eq!(device.read("resolv.conf"), ours);
    plugin.set(&[("Device.DNS.Client.Enable", "false")]).unwrap();
    assert_eq!(device.read("resolv.conf"), "search lan\n#cwmpd# nameserver 192.0.2.1\n");
    assert_eq!(get(&plugin, "Device.DNS.Client.Status"), "Disabled");
    assert_eq!(plugin.rows("Device.DNS.Client.Server.").unwrap().len(), 2);
    plugin.set(&[("Device.DNS.Client.Enable", "true")]).unwrap();
    assert_eq!(device.read("resolv.conf"), ours);
    // A restart finds them there, and writes nothing: not even to take them out and in again.
    let about = || {
        let about = std::fs::metadata(device.folder.path().join("resolv.conf")).unwrap();
        (about.modified().unwrap(), std::os::unix::fs::MetadataExt::ino(&about))
    };
    let before = about();
    let mut plugin = plugin.restart();
    assert_eq!(get(&plugin, &format!("{server}Status")), "Enabled");
    assert_eq!(about(), before);
    // An address of the link says which link.
    let wan = format!("{INTERFACES}{}", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    plugin
        .set(&[(&format!("{server}DNSServer"), "fe80::53"), (&format!("{server}Interface"), &wan)])
        .unwrap();
    assert!(device.read("resolv.conf").contains("nameserver fe80::53%wan\n"));
    assert_eq!(get(&plugin, &format!("{server}Status")), "Enabled");
    assert_eq!(get(&plugin, &format!("{server}Interface")), wan);
    plugin.delete(server).unwrap();
    assert_eq!(device.read("resolv.conf"), "search lan\nnameserver 192.0.2.1\n");
}

/// What cannot be is refused before anything is changed, each with its own fault.
#[test]
fn what_cannot_be_is_refused_in_prepare() {
    if !inside("writing::what_cannot_be_is_refused_in_prepare") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let interface = format!("{INTERFACES}{}.", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    let addresses = format!("{interface}IPv4Address.");
    let foreign = row(&plugin, &addresses, "IPAddress", "192.0.2.2").unwrap();
    let refused = plugin
        .stage(&[
            Step::set(&format!("{interface}MaxMTUSize"), "64"),
            Step::set(&format!("{addresses}{foreign}.IPAddress"), "192.0.2.3"),
            Step::delete(&format!("{addresses}{foreign}.")),
            Step::add(&format!("{addresses}9.")),
            Step::set(&format!("{addresses}9.SubnetMask"), "255.0.255.0"),
            Step::add(&format!("{ROUTES}9.")),
            Step::set(&format!("{ROUTES}9.Interface"), "Device.IP.Interface.4711"),
            Step::set(&format!("{PORTS}4711.Enable"), "false"),
            Step::add(&format!("{INTERFACES}4711.IPv4Address.1.")),
        ])
        .unwrap_err();
    let found: Vec<(usize, i32)> = refused.iter().map(|(at, error)| (*at, error.status())).collect();
    let (value, name) = (Error::value("").status(), Error::name("").status());
    let (not_writable, denied) = (Error::not_writable("").status(), Error::denied("").status());
    assert_eq!(
        found,
        [(0, value), (1, not_writable), (2, denied), (4, value), (6, value), (7, name), (8, name)]
    );
}

#[test]
fn a_factory_reset_leaves_the_network_as_the_image_makes_it() {
    if !inside("writing::a_factory_reset_leaves_the_network_as_the_image_makes_it") {
        return;
    }
    let device = Device::new();
    let mut plugin = device.plugin();
    let interface = format!("{INTERFACES}{}.", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    let (address, server) = (format!("{interface}IPv4Address.9."), "Device.DNS.Client.Server.5.");
    plugin
        .change(&[
            Step::set(&format!("{interface}MaxMTUSize"), "1400"),
            Step::add(&address),
            Step::set(&format!("{address}IPAddress"), "198.51.100.9"),
            Step::set(&format!("{address}SubnetMask"), "255.255.255.0"),
            Step::set(&format!("{address}Enable"), "true"),
            Step::add(server),
            Step::set(&format!("{server}DNSServer"), "9.9.9.9"),
            Step::set(&format!("{server}Enable"), "true"),
        ])
        .unwrap();
    for _ in 0..2 {
        plugin.notice(cwmp_plugin_sdk::Notice::FactoryReset).unwrap();
        assert!(said("link show wan").contains("mtu 1500") && !said("address show wan").contains("198.51"));
        assert!(!device.read("resolv.conf").contains("9.9.9.9"));
    }
}
