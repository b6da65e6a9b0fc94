//! A real client and a real server.

use std::process::{Child, Stdio};

use super::*;

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program; `None`, and a word about it, if it is not installed.
fn start(program: &str, arguments: &[&str]) -> Option<Running> {
    let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if child.is_err() {
        println!("skipped: {program} is not installed");
    }
    child.ok().map(Running)
}

/// The lines that the README wants in the script of udhcpc.
fn readme() -> &'static str {
    let text = include_str!("../../README.md");
    text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("lines for the script")
}

/// The whole way: dnsmasq gives an address to udhcpc, whose script writes down what the README says, and dnsmasq writes
/// down whom it gave it to.
#[test]
fn what_a_real_client_got_from_a_real_server_is_told() {
    if !inside("dhcp::what_a_real_client_got_from_a_real_server_is_told") {
        return;
    }
    let device = Device::new();
    ip("address flush dev wan");
    ip("address add 198.51.100.1/24 dev far");
    let at = device.folder.path().display().to_string();
    let script = format!(
        "#!/bin/sh\n{}\ncase \"$1\" in bound|renew) ip address replace \"$ip/$mask\" dev \"$interface\"\n\
         ip route replace default via \"$router\" dev \"$interface\"\necho \"nameserver $dns\" > {at}/resolv.conf ;; esac\n",
        readme().replace("/run/udhcpc", &format!("{at}/udhcpc"))
    );
    device.write("script", &script);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(device.folder.path().join("script"), executable).unwrap();
    let plugin = device.plugin();
    let leases = format!("--dhcp-leasefile={at}/dnsmasq.leases");
    let server = [
        "--keep-in-foreground",
        "--no-daemon",
        "--conf-file=/dev/null",
        "--port=0",
        "--interface=far",
        "--bind-interfaces",
        "--dhcp-authoritative",
        "--dhcp-range=198.51.100.50,198.51.100.60,1h",
        "--dhcp-option=option:dns-server,198.51.100.53",
        "--no-ping",
        "--user=root",
        &leases,
    ];
    let Some(_server) = start("dnsmasq", &server) else { return };
    let script = format!("{at}/script");
    let client = ["-f", "-i", "wan", "-s", &script, "-t", "20", "-T", "1", "-x", "hostname:box"];
    let Some(_client) = start("udhcpc", &client) else { return };
    let clients = "Device.DHCPv4.Client.";
    let number = eventually(&plugin, "a lease", || row(&plugin, clients, "DHCPStatus", "Bound"));
    let read = |leaf: &str| get(&plugin, &format!("{clients}{number}.{leaf}"));
    assert!(read("IPAddress").starts_with("198.51.100."));
    assert_eq!((read("SubnetMask"), read("DHCPServer")), ("255.255.255.0".into(), "198.51.100.1".into()));
    assert_eq!((read("IPRouters"), read("DNSServers")), ("198.51.100.1".into(), "198.51.100.53".into()));
    let left: i32 = read("LeaseTimeRemaining").parse().unwrap();
    assert!((3_500..=3_600).contains(&left), "{left}");
    let server = "Device.DNS.Client.Server.";
    eventually(&plugin, "the server of the lease", || row(&plugin, server, "Type", "DHCPv4"));
    let route = eventually(&plugin, "the route of the lease", || row(&plugin, ROUTES, "Origin", "DHCPv4"));
    assert_eq!(get(&plugin, &format!("{ROUTES}{route}.GatewayIPAddress")), "198.51.100.1");
}
