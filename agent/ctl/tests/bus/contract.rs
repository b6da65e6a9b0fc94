//! The agent of these tests keeps to the contract, so what works with it works with the real one.

use std::collections::BTreeMap;

use cwmp_bus::{names, AGENT_XML};

use crate::Box;

/// Interface and member, to the names and types of what goes in and the types of what comes out, from introspection XML
/// with an element a line.
fn members(xml: &str, interfaces: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::<String, String>::new();
    let (mut interface, mut member) = (String::new(), String::new());
    for line in xml.lines().map(str::trim) {
        let attribute = |name: &str| {
            let start = line.find(&format!(" {name}=\""))? + name.len() + 3;
            Some(line[start..].split('"').next()?.to_owned())
        };
        let name = attribute("name").unwrap_or_default();
        if line.starts_with("<interface ") {
            interface = name;
            continue;
        }
        if !interfaces.contains(&interface.as_str()) {
            continue;
        }
        if line.starts_with("<method ") || line.starts_with("<signal ") {
            member = format!("{interface}.{name}");
            found.insert(member.clone(), String::new());
        } else if line.starts_with("<property ") {
            found.insert(format!("{interface}.{name}"), attribute("type").unwrap());
        } else if line.starts_with("<arg ") {
            // The name of a single result is not served.
            let name = if attribute("direction").as_deref() == Some("out") { "out" } else { &name };
            let told = format!("{name} {}, ", attribute("type").unwrap());
            found.get_mut(&member).unwrap().push_str(&told);
        }
    }
    found
}

#[tokio::test]
async fn the_agent_of_these_tests_has_the_interfaces_of_the_contract() {
    let on = Box::new().await;
    let reply = on
        .bus
        .connect()
        .await
        .call_method(
            Some(names::SERVICE),
            names::PATH,
            Some("org.freedesktop.DBus.Introspectable"),
            "Introspect",
            &(),
        )
        .await
        .unwrap();
    let served: String = reply.body().deserialize().unwrap();
    let interfaces = [names::DATA_MODEL, names::AGENT];
    let contract = members(AGENT_XML, &interfaces);
    assert!(contract.len() > 25, "{contract:?}");
    assert_eq!(members(&served, &interfaces), contract);
}
