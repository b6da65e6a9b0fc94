//! What is served on the bus is what the introspection XML says: the contract that others write their programs against.

use cwmp_acs::{Acs, Options};
use cwmp_bus::{names, AGENT_XML, PROVIDER_XML};
use cwmp_e2e::{Client, Device};

/// Every member of an interface with what belongs to it, in the order of their names.
fn members(xml: &str, interface: &str) -> Vec<String> {
    let start = format!("<interface name=\"{interface}\">");
    let from = xml.find(&start).unwrap_or_else(|| panic!("{interface} is not there: {xml}"));
    let xml = &xml[from..from + xml[from..].find("</interface>").expect("an interface has an end")];
    let mut all: Vec<(String, Vec<[String; 3]>)> = Vec::new();
    for tag in xml.split('<').skip(2) {
        let value = |key: &str| {
            let (_, rest) = tag.split_once(&format!(" {key}=\""))?;
            rest.split('"').next().map(str::to_owned)
        };
        let name = value("name").unwrap_or_default();
        match tag.split([' ', '>', '/']).next().unwrap_or_default() {
            kind @ ("method" | "signal") => all.push((format!("{kind} {name}"), Vec::new())),
            "property" => {
                let (kind, access) = (value("type").unwrap(), value("access").unwrap());
                all.push((format!("property {name} {kind} {access}"), Vec::new()));
            }
            "arg" => {
                let direction = value("direction").unwrap_or_else(|| "signal".to_owned());
                all.last_mut().unwrap().1.push([direction, name, value("type").unwrap()]);
            }
            _ => {}
        }
    }
    for (_, arguments) in &mut all {
        // The library has no place for the name of a single result.
        if arguments.iter().filter(|[direction, ..]| direction == "out").count() == 1 {
            arguments.iter_mut().filter(|[direction, ..]| direction == "out").for_each(|a| a[1].clear());
        }
    }
    all.sort();
    all.into_iter().map(|(member, arguments)| format!("{member} {arguments:?}")).collect()
}

fn introspected(client: &Client, service: &str, path: &str) -> String {
    client.call_at(service, path, "org.freedesktop.DBus.Introspectable", "Introspect", &()).unwrap()
}

fn device() -> (Acs, Device) {
    let acs = Acs::start(Options::default());
    let device = Device::builder().acs(acs.url()).plugin("demo", "").plugin("demo_c", "").start();
    device.ready("demo");
    device.ready("demo_c");
    acs.session().end();
    (acs, device)
}

#[test]
fn the_agent_serves_what_its_contract_says() {
    let (_acs, device) = device();
    let client = device.client();
    let served = introspected(&client, names::SERVICE, names::PATH);
    let mut count = 0;
    for interface in [names::DATA_MODEL, names::AGENT, names::REGISTRY] {
        let contract = members(AGENT_XML, interface);
        assert_eq!(members(&served, interface), contract, "{interface}");
        count += contract.len();
    }
    assert!(count > 25, "{count} members");
}

#[test]
fn every_property_has_a_value_of_its_type() {
    let (_acs, device) = device();
    let client = device.client();
    let all: std::collections::HashMap<String, zbus::zvariant::OwnedValue> =
        client.call("org.freedesktop.DBus.Properties", "GetAll", &(names::AGENT,)).unwrap();
    let properties = members(AGENT_XML, names::AGENT);
    let properties: Vec<_> = properties.iter().filter_map(|m| m.strip_prefix("property ")).collect();
    assert_eq!(all.len(), properties.len());
    for property in properties {
        let mut parts = property.split(' ');
        let (name, kind) = (parts.next().unwrap(), parts.next().unwrap());
        assert_eq!(all[name].value_signature().to_string(), kind, "{name}");
    }
}

#[test]
fn hosts_serve_what_the_contract_of_a_provider_says() {
    let (_acs, device) = device();
    let client = device.client();
    for name in ["demo", "demo_c"] {
        let service = names::provider_service(name).unwrap();
        let served = introspected(&client, &service, names::PROVIDER_PATH);
        let contract = members(PROVIDER_XML, names::PROVIDER);
        assert_eq!(members(&served, names::PROVIDER), contract, "{name}");
        assert!(contract.len() > 10, "{contract:?}");
    }
}
