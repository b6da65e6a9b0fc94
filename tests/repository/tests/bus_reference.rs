//! The contract on the bus is documented, and its reference page is made from it.

use std::collections::BTreeSet;

use cwmp_repository::introspection::{parse, Document, Kind};
use cwmp_repository::{bus_reference, root};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn documents() -> [Document; 2] {
    ["org.cwmpd1.xml", "org.cwmpd1.Provider.xml"].map(|file| {
        parse(&read(&format!("bus-schemas/xml/{file}"))).unwrap_or_else(|error| panic!("{file}: {error}"))
    })
}

#[test]
fn every_member_and_argument_of_the_contract_has_its_comment() {
    let mut count = 0;
    for document in documents() {
        assert!(!document.text.is_empty(), "{} is not introduced", document.node);
        for interface in &document.interfaces {
            for member in &interface.members {
                let said: BTreeSet<_> = member.doc.arguments.iter().map(|(name, _)| name.as_str()).collect();
                let there: BTreeSet<_> = member.arguments.iter().map(|a| a.name.as_str()).collect();
                assert_eq!(said, there, "the arguments of {}.{}", interface.name, member.name);
                assert!(member.doc.short.ends_with('.'), "{}.{}", interface.name, member.name);
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn the_bus_reference_is_made_from_the_contract() {
    let [agent, provider] = documents();
    let right = bus_reference::write(&agent, &provider, &read(bus_reference::POLICY));
    let file = root().join("docs/bus-reference.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &right).unwrap();
        return;
    }
    let text = std::fs::read_to_string(&file).unwrap();
    for (ours, theirs) in right.lines().zip(text.lines()) {
        assert_eq!(theirs, ours, "run UPDATE_DOCS=1 cargo test -p cwmp-repository");
    }
    assert_eq!(text, right);
}

/// Whoever may call a member is read from the policy; a policy in another layout must not go unnoticed.
#[test]
fn the_reference_tells_who_may_call_a_member() {
    let [agent, provider] = documents();
    let page = bus_reference::write(&agent, &provider, &read(bus_reference::POLICY));
    for (member, who) in [
        ("Get", "For `cwmp-read`, `cwmp-admin`."),
        ("Set", "For `cwmp-admin`."),
        ("Inform", "For `cwmp-admin`."),
        ("Announce", "For plugins."),
        ("Prepare", "For the agent."),
    ] {
        let section = page.split(&format!("\n### {member}\n")).nth(1).unwrap().split("\n#").next().unwrap();
        assert!(section.contains(who), "{member}: {section}");
    }
    let methods: usize = [&agent, &provider]
        .iter()
        .flat_map(|d| &d.interfaces)
        .map(|i| i.members.iter().filter(|m| m.kind == Kind::Method).count())
        .sum();
    assert_eq!(page.matches(" For ").count(), methods);
}
