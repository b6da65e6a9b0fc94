//! The network of a device, from the kernel to the ACS and back, in a network namespace of its own.

use std::ops::Deref;
use std::path::PathBuf;

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::namespace::Namespace;
use cwmp_e2e::{binary, eventually, Client, Device};

const PORTS: &str = "Device.Ethernet.Interface.";
const COUNT: &str = "Device.Ethernet.InterfaceNumberOfEntries";
const INTERFACES: &str = "Device.IP.Interface.";

/// A network namespace with the port `wan`, whose other end is `far`.
struct World(Namespace);

impl Deref for World {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0
    }
}

impl World {
    /// `None` if nobody lets us make one.
    fn new() -> Option<Self> {
        let new = Self(Namespace::new()?);
        new.ip("link add wan type veth peer name far");
        new.ip("link set wan up");
        new.ip("link set far up");
        new.ip("address add 192.0.2.2/24 dev wan");
        new.write("resolv.conf", "nameserver 192.0.2.1\n");
        Some(new)
    }

    fn device(&self, acs: &Acs) -> (Device, Client) {
        self.device_through(acs, "")
    }

    fn device_through(&self, acs: &Acs, through: &str) -> (Device, Client) {
        let device = Device::builder()
            .acs(acs.url())
            .plugin(
                "network",
                &format!("[config]\nresolv_conf = '{}/resolv.conf'\n", self.folder().display()),
            )
            .config(&format!("[plugins]\nhost = '{}'", self.host(through).display()))
            .start();
        device.ready("network");
        let client = device.client();
        (device, client)
    }
}

/// The row of a table whose name is this.
fn row(client: &Client, table: &str, name: &str) -> Option<String> {
    let rows = client.list(table, true).unwrap_or_else(|e| panic!("{table}: {e:?}"));
    let rows = rows.into_iter().map(|(path, _)| path).filter(|path| path.ends_with('.') && path != table);
    rows.into_iter().find(|row| client.value(&format!("{row}Name")).is_ok_and(|value| value == name))
}

/// How often the thread that listens to the kernel has waited: every time that a clock wakes it counts, too.
fn waits(host: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{host}/task")).unwrap().map(|task| task.unwrap().path());
    let named = |task: &PathBuf| {
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        name.trim() == "network-changes"
    };
    let task = tasks.into_iter().find(named).expect("a thread listens");
    let status = std::fs::read_to_string(task.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// C51, C134: a device that comes during a session is told in the next one; nobody looked for it.
#[test]
fn a_device_that_comes_during_a_session_is_told_in_the_next() {
    let Some(namespace) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let (device, client) = namespace.device(&acs);
    let mut session = acs.session();
    session.set_notifications(&[(COUNT, 2)]).unwrap();
    assert_eq!(session.get_value(COUNT).unwrap(), "2");
    session.end();
    // What the kernel has to tell about the first port is over when its address of IPv6 is.
    eventually("the links are quiet", || {
        let said = namespace.ip("address show dev wan");
        (said.contains("fe80::") && !said.contains("tentative")).then_some(())
    });
    client.settle();
    let host = device.host("network");
    let before = waits(host);
    client.inform().unwrap();
    let mut session = acs.session();
    assert_eq!(session.events(), ["2 PERIODIC"]);
    assert!(waits(host) - before <= 2, "a session alone wakes nobody who listens to the kernel");
    assert_eq!(session.names(PORTS, true).unwrap().len(), 2);
    let mut heard = client.listen();
    namespace.ip("link add lan type veth peer name far2");
    client.hears(&mut heard, COUNT);
    // The lists of a session are fixed.
    assert_eq!(session.names(PORTS, true).unwrap().len(), 2);
    session.end();
    let mut session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(COUNT), Some("4"));
    assert_eq!(session.names(PORTS, true).unwrap().len(), 4);
    session.end();
    let lan = row(&client, PORTS, "lan").expect("the new row");
    assert_eq!(client.value(&format!("{lan}Status")).unwrap(), "Down");
    let stack = client.list("Device.InterfaceStack.", true).unwrap();
    assert!(stack.len() >= 4 * 2, "each port carries a link, and that an interface: {stack:?}");
    let before = acs.informs();
    namespace.ip("link del lan");
    let session = acs.session();
    assert_eq!(session.parameter(COUNT), Some("2"));
    session.end();
    assert_eq!(acs.informs(), before + 1);
}

/// C136: an ACS gives an interface an address and a server, and takes them away; the world has changed each time.
#[test]
fn what_the_acs_sets_is_so_in_the_kernel() {
    let Some(namespace) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let (_device, client) = namespace.device(&acs);
    let mut session = acs.session();
    let wan = row(&client, INTERFACES, "wan").expect("the row");
    let table = format!("{wan}IPv4Address.");
    let (number, _) = session.add(&table, "").unwrap();
    let at = |leaf: &str| format!("{table}{number}.{leaf}");
    assert_eq!(session.get_value(&at("Status")).unwrap(), "Disabled");
    let values = [
        (at("IPAddress"), ValueType::String, "198.51.100.9"),
        (at("SubnetMask"), ValueType::String, "255.255.255.0"),
        (at("Enable"), ValueType::Boolean, "true"),
    ];
    let values: Vec<_> = values.iter().map(|(name, kind, value)| (name.as_str(), *kind, *value)).collect();
    session.set(&values, "").unwrap();
    assert!(namespace.ip("address show dev wan").contains("198.51.100.9/24"));
    assert_eq!(session.get_value(&at("Status")).unwrap(), "Enabled");
    let servers = "Device.DNS.Client.Server.";
    let (server, _) = session.add(servers, "").unwrap();
    let name = |leaf: &str| format!("{servers}{server}.{leaf}");
    let (address, enable) = (name("DNSServer"), name("Enable"));
    session
        .set(&[(&address, ValueType::String, "9.9.9.9"), (&enable, ValueType::Boolean, "true")], "")
        .unwrap();
    let resolv = || std::fs::read_to_string(namespace.path("resolv.conf")).unwrap();
    assert!(resolv().contains("nameserver 9.9.9.9\n"));
    // What is wrong is refused for what it is, and nothing is changed.
    let mask = at("SubnetMask");
    let fault = session.set(&[(&mask, ValueType::String, "255.0.255.0")], "").unwrap_err();
    assert_eq!(fault.parameters[0].1, 9007);
    let foreign = client.list(&table, true).unwrap().into_iter().map(|(path, _)| path);
    let foreign = foreign
        .into_iter()
        .find(|row| client.value(&format!("{row}IPAddress")).is_ok_and(|ip| ip == "192.0.2.2"));
    let theirs = format!("{}IPAddress", foreign.expect("the address that was there"));
    let fault = session.set(&[(&theirs, ValueType::String, "192.0.2.3")], "").unwrap_err();
    assert_eq!(fault.parameters[0].1, 9008);
    session.delete(&format!("{table}{number}."), "").unwrap();
    session.delete(&format!("{servers}{server}."), "").unwrap();
    assert!(!namespace.ip("address show dev wan").contains("198.51.100.9"));
    assert_eq!(resolv(), "nameserver 192.0.2.1\n");
    session.end();
}

/// What the ACS has set survives a crash of the host and of the device, numbers included.
#[test]
fn what_was_set_survives_the_host_and_a_reboot() {
    let Some(namespace) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let (mut device, client) = namespace.device(&acs);
    let mut session = acs.session();
    let wan = row(&client, INTERFACES, "wan").expect("the row");
    let mtu = format!("{wan}MaxMTUSize");
    session.set(&[(&mtu, ValueType::UnsignedInt, "1400")], "").unwrap();
    assert!(namespace.ip("link show wan").contains("mtu 1400"));
    session.end();
    device.kill_host("network");
    eventually("it is back", || client.value(&mtu).is_ok_and(|value| value == "1400").then_some(()));
    drop(client);
    // A reboot: the kernel has forgotten everything, and the device comes later than the plugin.
    namespace.ip("link del wan");
    device.reboot();
    device.ready("network");
    let client = device.client();
    acs.session().end();
    assert!(client.value(&mtu).is_err());
    namespace.ip("link add wan type veth peer name far");
    eventually("the interface is as it was", || {
        namespace.ip("link show wan").contains("mtu 1400").then_some(())
    });
    eventually("under the same number", || {
        client.value(&mtu).is_ok_and(|value| value == "1400").then_some(())
    });
}

/// What every device of the standard has to have, with the plugins that every device gets.
#[test]
fn the_baseline_of_the_standard_is_complete() {
    use cwmp_model::standard::{Library, Requires};
    let Some(namespace) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    let device = Device::builder()
        .acs(acs.url())
        .plugin(
            "network",
            &format!("[config]\nresolv_conf = '{}/resolv.conf'\n", namespace.folder().display()),
        )
        .plugin("device_info", "")
        .config(&format!(
            "[plugins]\nhost = '{}'\nmodels = '{}'",
            namespace.host("").display(),
            models.display()
        ))
        .start();
    device.ready("network");
    device.ready("device_info");
    let mut session = acs.session();
    let library = Library::open(&models).unwrap();
    let model = library.models().into_iter().find(|model| model.to_string() == "Device:2.19").unwrap();
    let profiles = library.profiles(&model).unwrap();
    let baseline = profiles.iter().find(|profile| profile.name == "Baseline:4").unwrap();
    // Each row stands for its table.
    let rows = ["Device.InterfaceStack.{i}.", "Device.DNS.Client.Server.{i}."].map(|table| {
        let above = table.trim_end_matches("{i}.");
        let names = session.names(above, true).unwrap();
        let row = names.iter().find(|(name, _)| name.ends_with('.')).expect("a row").0.clone();
        (table, row)
    });
    for requirement in &baseline.requirements {
        let mut name = requirement.path.clone();
        for (table, row) in &rows {
            name = name.replace(table, row);
        }
        let (object, _) = name.trim_end_matches('.').rsplit_once('.').unwrap_or(("Device", ""));
        let known = session.names(&format!("{object}."), true).unwrap();
        let found = known.iter().find(|(known, _)| *known == name);
        let found = found.or_else(|| known.iter().find(|(known, _)| name == "Device." && !known.is_empty()));
        let (_, writable) = found.unwrap_or_else(|| panic!("no {name} in {known:?}"));
        match requirement.access {
            Requires::ReadWrite => assert!(writable, "{name}"),
            // Of a row, that it may be deleted; the rows of the image may not, but their table takes others.
            Requires::CreateDelete => {
                let table = requirement.path.trim_end_matches("{i}.");
                let (row, _) = session.add(table, "").unwrap();
                session.delete(&format!("{table}{row}."), "").unwrap();
            }
            _ => {}
        }
        if !name.ends_with('.') {
            session.get_value(&name).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        }
    }
    let whole = session.get(&["Device."]).unwrap();
    assert!(whole.len() > 200, "{} values", whole.len());
    session.end();
    let complaints: Vec<String> =
        device.log().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect();
    assert!(complaints.is_empty(), "what is declared is the standard's: {complaints:?}");
}

/// A plugin that may not change the network says so, and has not changed it; it reads all the same.
#[test]
fn a_plugin_without_the_right_changes_nothing() {
    let Some(namespace) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let through = "setpriv --bounding-set -net_admin --inh-caps -net_admin";
    let (_device, client) = namespace.device_through(&acs, through);
    let mut session = acs.session();
    let wan = row(&client, INTERFACES, "wan").expect("the row");
    let mtu = format!("{wan}MaxMTUSize");
    let server = session.add("Device.DNS.Client.Server.", "").unwrap().0;
    let (address, enable) = (
        format!("Device.DNS.Client.Server.{server}.DNSServer"),
        format!("Device.DNS.Client.Server.{server}.Enable"),
    );
    let values = [
        (address.as_str(), ValueType::String, "9.9.9.9"),
        (&enable, ValueType::Boolean, "true"),
        (&mtu, ValueType::UnsignedInt, "1400"),
    ];
    let fault = session.set(&values, "").unwrap_err();
    assert!(matches!(fault.code, 9001 | 9003), "{fault:?}");
    assert_eq!(session.get_value(&mtu).unwrap(), "1500");
    assert_eq!(session.get_value(&enable).unwrap(), "false");
    session.end();
    let resolv = std::fs::read_to_string(namespace.path("resolv.conf")).unwrap();
    assert!(!resolv.contains("9.9.9.9") && namespace.ip("link show wan").contains("mtu 1500"));
}

/// A busy network: a thousand hosts and as many routes are read as a whole, within one answer of the plugin.
#[test]
fn a_thousand_hosts_are_read_as_a_whole() {
    let Some(namespace) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let lines: Vec<String> = (0..1_000)
        .flat_map(|i| {
            let (a, b) = (i / 250, i % 250 + 1);
            [
                format!(
                    "neighbour add 10.0.{a}.{b} lladdr 02:00:01:00:{a:02x}:{b:02x} nud reachable dev wan"
                ),
                format!("route add 10.{}.{b}.0/24 via 192.0.2.9", a + 1),
            ]
        })
        .collect();
    let batch = namespace.path("batch");
    std::fs::write(&batch, lines.join("\n")).unwrap();
    namespace.ip(&format!("-batch {}", batch.display()));
    let (_device, client) = namespace.device(&acs);
    acs.session().end();
    // The first look gives every row its number.
    let hosts = client.list("Device.Hosts.Host.", true).unwrap();
    assert!(hosts.iter().filter(|(path, _)| path.ends_with('.')).count() >= 1_000);
    client.list("Device.Hosts.", false).unwrap();
    let begin = std::time::Instant::now();
    let (values, faults) = client.get(&["Device.Hosts.", "Device.Routing."]).unwrap();
    println!("{} values in {:?}", values.len(), begin.elapsed());
    assert!(faults.is_empty(), "{faults:?}");
    assert!(values.len() > 1_000 * (10 + 1 + 11), "{}", values.len());
}

/// What a team's own tests would run: every value, every write and its rollback, a new row in every table.
#[test]
fn the_check_of_the_host_is_content() {
    let Some(namespace) = World::new() else { return };
    let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    for plugin in ["network", "users", "device_info"] {
        let script = format!(
            "mount --bind {}/resolv.conf /etc/resolv.conf && exec {} --check {} --models {} --write",
            namespace.folder().display(),
            binary("cwmp-plugin-host").display(),
            binary(&format!("libcwmp_{plugin}.so")).display(),
            models.display()
        );
        let output = namespace.command("sh").args(["-c", &script]).output().expect("ip is there");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("FAIL"), "{said}");
    }
    let resolv = std::fs::read_to_string(namespace.path("resolv.conf")).unwrap();
    assert_eq!(resolv, "nameserver 192.0.2.1\n", "everything was taken back");
}
