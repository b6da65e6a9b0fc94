//! What is read.

use super::*;

#[test]
fn the_kernel_s_network_is_the_tree() {
    if !inside("reading::the_kernel_s_network_is_the_tree") {
        return;
    }
    let device = Device::new();
    let plugin = device.plugin();
    for (name, value) in plugin.tree() {
        value.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let port = row(&plugin, PORTS, "Name", "wan").unwrap();
    let port = format!("{PORTS}{port}.");
    assert_eq!(get(&plugin, &format!("{port}MACAddress")), "02:00:00:00:00:01");
    assert_eq!(get(&plugin, &format!("{port}Upstream")), "true");
    assert_eq!(get(&plugin, &format!("{port}CurrentBitRate")), "10000", "from the sysfs of the namespace");
    let link = row(&plugin, LINKS, "Name", "wan").unwrap();
    let link = format!("{LINKS}{link}.");
    assert_eq!(format!("{}.", get(&plugin, &format!("{link}LowerLayers"))), port);
    let interface = format!("{INTERFACES}{}.", row(&plugin, INTERFACES, "Name", "wan").unwrap());
    for layer in [&port, &link, &interface] {
        assert_eq!(get(&plugin, &format!("{layer}Status")), "Up", "{layer}");
        assert_eq!(get(&plugin, &format!("{layer}Enable")), "true", "{layer}");
    }
    let stack = "Device.InterfaceStack.";
    let higher = row(&plugin, stack, "LowerLayer", port.trim_end_matches('.')).unwrap();
    assert_eq!(format!("{}.", get(&plugin, &format!("{stack}{higher}.HigherLayer"))), link);
    let address = row(&plugin, &format!("{interface}IPv4Address."), "IPAddress", "192.0.2.2").unwrap();
    let address = format!("{interface}IPv4Address.{address}.");
    assert_eq!(get(&plugin, &format!("{address}SubnetMask")), "255.255.255.0");
    let route = row(&plugin, ROUTES, "GatewayIPAddress", "192.0.2.1").unwrap();
    assert_eq!(format!("{}.", get(&plugin, &format!("{ROUTES}{route}.Interface"))), interface);
    let servers = "Device.DNS.Client.Server.";
    assert!(row(&plugin, servers, "DNSServer", "192.0.2.1").is_some());
    let loopback = row(&plugin, INTERFACES, "Type", "Loopback").unwrap();
    assert_eq!(get(&plugin, &format!("{INTERFACES}{loopback}.Name")), "lo");
    // Link-local addresses: the prefix is a row, too.
    let fe80 = eventually(&plugin, "a link-local address", || {
        row(&plugin, &format!("{interface}IPv6Address."), "Origin", "AutoConfigured")
    });
    let prefix = get(&plugin, &format!("{interface}IPv6Address.{fe80}.Prefix"));
    assert_eq!(get(&plugin, &format!("{prefix}.Prefix")), "fe80::/64");
}

/// What nobody has asked to be changed is not written, not even in the same words.
#[test]
fn a_look_writes_nothing() {
    if !inside("reading::a_look_writes_nothing") {
        return;
    }
    let device = Device::new();
    device.write("resolv.conf", "nameserver 192.0.2.1");
    let file = device.folder.path().join("resolv.conf");
    let about = || std::fs::metadata(&file).map(|about| (about.modified().unwrap(), about.len())).unwrap();
    let before = about();
    let plugin = device.plugin();
    ip("address add 198.51.100.7/32 dev wan");
    let wan = row(&plugin, INTERFACES, "Name", "wan").unwrap();
    let table = format!("{INTERFACES}{wan}.IPv4Address.");
    eventually(&plugin, "an address", || row(&plugin, &table, "IPAddress", "198.51.100.7"));
    assert_eq!(about(), before);
}

#[test]
fn counters_move_with_what_is_sent() {
    if !inside("reading::counters_move_with_what_is_sent") {
        return;
    }
    let device = Device::new();
    let plugin = device.plugin();
    let lo = row(&plugin, INTERFACES, "Name", "lo").unwrap();
    let names = ["BytesSent", "BytesReceived", "PacketsSent", "ErrorsReceived"];
    let names = names.map(|leaf| format!("{INTERFACES}{lo}.Stats.{leaf}"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let read = || {
        let values = plugin.get_all(&names).into_iter().map(|v| v.unwrap().1.parse::<u64>().unwrap());
        values.collect::<Vec<_>>()
    };
    let before = read();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[0; 1_000], socket.local_addr().unwrap()).unwrap();
    let after = read();
    assert!(after[0] >= before[0] + 1_028 && after[1] >= before[1] + 1_028, "{before:?} {after:?}");
    assert_eq!((after[2], after[3]), (before[2] + 1, before[3]));
    assert!(plugin.get(&format!("{INTERFACES}{lo}.Stats.Nothing")).is_err());
}

#[test]
fn a_lease_is_what_the_client_left_and_the_device_has() {
    if !inside("reading::a_lease_is_what_the_client_left_and_the_device_has") {
        return;
    }
    let device = Device::new();
    let plugin = device.plugin();
    let clients = "Device.DHCPv4.Client.";
    assert!(plugin.rows(clients).unwrap().is_empty());
    std::fs::create_dir(device.folder.path().join("udhcpc")).unwrap();
    device.write(
        "udhcpc/wan.lease",
        "interface=wan\nip=192.0.2.2\nsubnet=255.255.255.0\nrouter=192.0.2.1\ndns=192.0.2.1\nserverid=192.0.2.1\nlease=600\n",
    );
    let client = eventually(&plugin, "a lease", || row(&plugin, clients, "IPAddress", "192.0.2.2"));
    let at = |leaf: &str| get(&plugin, &format!("{clients}{client}.{leaf}"));
    assert_eq!(
        (at("DHCPServer"), at("IPRouters"), at("DHCPStatus")),
        ("192.0.2.1".into(), "192.0.2.1".into(), "Bound".into())
    );
    let left: i32 = at("LeaseTimeRemaining").parse().unwrap();
    assert!((590..=600).contains(&left), "{left}");
    rows_change(&plugin, &[clients]);
    // The same lease explains the address, the route and the server.
    let interface = at("Interface");
    assert!(row(&plugin, &format!("{interface}.IPv4Address."), "AddressingType", "DHCP").is_some());
    assert!(row(&plugin, ROUTES, "Origin", "DHCPv4").is_some());
    assert!(row(&plugin, "Device.DNS.Client.Server.", "Type", "DHCPv4").is_some());
    // Nobody renews it: when its time is over it is not bound any more, although nothing happened.
    device.write("udhcpc/wan.lease", "interface=wan\nip=192.0.2.2\nlease=4\n");
    eventually(&plugin, "it is over", || (at("DHCPStatus") == "Init").then_some(()));
    assert_eq!(at("LeaseTimeRemaining"), "0");
    // An address that the device has lost is no lease, whatever the file says.
    ip("address del 192.0.2.2/24 dev wan");
    eventually(&plugin, "the lease goes", || plugin.rows(clients).unwrap().is_empty().then_some(()));
}

#[test]
fn a_neighbour_is_a_host_until_it_is_forgotten() {
    if !inside("reading::a_neighbour_is_a_host_until_it_is_forgotten") {
        return;
    }
    let device = Device::new();
    device.write("dnsmasq.leases", "0 02:00:00:00:00:77 192.0.2.77 tablet *\n");
    let plugin = device.plugin();
    let hosts = "Device.Hosts.Host.";
    assert!(plugin.rows(hosts).unwrap().is_empty());
    ip("neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 nud reachable dev wan");
    let host = eventually(&plugin, "a host", || row(&plugin, hosts, "PhysAddress", "02:00:00:00:00:77"));
    let at = |leaf: &str| get(&plugin, &format!("{hosts}{host}.{leaf}"));
    assert_eq!(
        (at("IPAddress"), at("HostName"), at("Active")),
        ("192.0.2.77".into(), "tablet".into(), "true".into())
    );
    assert_eq!(at("InterfaceType"), "Ethernet");
    assert_eq!(get(&plugin, &format!("{}.Name", at("Layer1Interface"))), "wan");
    assert_eq!(get(&plugin, &format!("{}.Name", at("Layer3Interface"))), "wan");
    assert!(row(&plugin, &format!("{hosts}{host}.IPv4Address."), "IPAddress", "192.0.2.77").is_some());
    ip("neighbour change 192.0.2.77 nud failed dev wan");
    eventually(&plugin, "it is away", || (at("Active") == "false").then_some(()));
    changes(&plugin, &format!("{hosts}{host}.Active"));
    ip("neighbour del 192.0.2.77 dev wan");
    eventually(&plugin, "it is forgotten", || plugin.rows(hosts).unwrap().is_empty().then_some(()));
}

#[test]
fn a_bridge_carries_the_link_of_its_ports() {
    if !inside("reading::a_bridge_carries_the_link_of_its_ports") {
        return;
    }
    let device = Device::new();
    ip("link add br0 type bridge");
    ip("link set far master br0");
    ip("link set br0 up");
    ip("link add link wan name second type macvlan mode bridge");
    let plugin = device.plugin();
    assert!(row(&plugin, PORTS, "Name", "far").is_some(), "it is still a port");
    for table in [LINKS, INTERFACES] {
        assert!(row(&plugin, table, "Name", "far").is_none(), "{table}");
        assert!(row(&plugin, table, "Name", "br0").is_some(), "{table}");
    }
    assert!(row(&plugin, PORTS, "Name", "br0").is_none() && row(&plugin, PORTS, "Name", "second").is_none());
    let second = row(&plugin, LINKS, "Name", "second").unwrap();
    let below = get(&plugin, &format!("{LINKS}{second}.LowerLayers"));
    assert_eq!(get(&plugin, &format!("{below}.Name")), "wan", "a second address on the same port");
}
