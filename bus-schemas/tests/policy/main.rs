//! The policy files, in a real `dbus-daemon`, against real users: root may do everything, so nothing is shown by tests that
//! run as root and stay it. Needs root, to become the users that `tests/users` makes; skipped otherwise.

mod bus;
mod client;

use std::collections::BTreeSet;

use cwmp_bus::{names, AGENT_XML, PROVIDER_XML};

use bus::{Receiver, SystemBus, PLUGIN_TEMPLATE, POLICY};
use client::{Action, Client};

const NOBODY: &str = "nobody";
const READER: &str = "cwmp-test-read";
const ADMIN: &str = "cwmp-test-admin";
const PLUGIN: &str = "cwmp-test-plugin";
const AGENT: &str = "cwmpd";
const ROOT: &str = "root";
const EVERYBODY: [&str; 6] = [NOBODY, READER, ADMIN, PLUGIN, AGENT, ROOT];

/// The name of the plugin whose policy is made from the template.
const DEMO: &str = "org.cwmpd1.Provider.demo";
const ALLOWED: &str = "allowed";
const DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";

/// Whether this test cannot run here, which it says.
fn cannot_run() -> bool {
    let is_root = client::status_of_this_process("Uid:").first().is_some_and(|uid| uid == "0");
    if !is_root {
        eprintln!("skipped: needs root");
    }
    !is_root
}

/// The members of introspection XML: interface and name.
fn methods(xml: &str) -> Vec<(String, String)> {
    let mut interface = String::new();
    let mut found = Vec::new();
    for line in xml.lines().map(str::trim) {
        let name =
            || line.split("name=\"").nth(1).and_then(|l| l.split('"').next()).unwrap_or_default().to_owned();
        if line.starts_with("<interface ") {
            interface = name();
        } else if line.starts_with("<method ") {
            found.push((interface.clone(), name()));
        }
    }
    found
}

/// Who may call a member of the agent.
fn who_may(interface: &str, member: &str) -> &'static [&'static str] {
    match (interface, member) {
        ("org.cwmpd1.DataModel", "Get" | "GetValue" | "List" | "Describe" | "GetAttributes")
        | ("org.freedesktop.DBus.Properties", "Get" | "GetAll")
        | ("org.freedesktop.DBus.Introspectable", _)
        | ("org.freedesktop.DBus.Peer", "GetMachineId") => &[READER, ADMIN, ROOT],
        // The agent's watchdog calls the agent.
        ("org.freedesktop.DBus.Peer", "Ping") => &[READER, ADMIN, ROOT, AGENT],
        ("org.cwmpd1.DataModel", "Set" | "SetValue" | "Add" | "Delete" | "SetAttributes" | "Invoke")
        | ("org.cwmpd1.Agent", "Inform" | "Reload")
        | ("org.cwmpd1.Job", _) => &[ADMIN, ROOT],
        ("org.cwmpd1.Registry", _) => &[PLUGIN, ROOT],
        ("org.freedesktop.DBus.Properties", "Set") => &[ROOT],
        _ => panic!("say here who may call {interface}.{member}"),
    }
}

fn standard_members() -> Vec<(String, String)> {
    [
        ("org.freedesktop.DBus.Properties", "Get"),
        ("org.freedesktop.DBus.Properties", "GetAll"),
        ("org.freedesktop.DBus.Properties", "Set"),
        ("org.freedesktop.DBus.Introspectable", "Introspect"),
        ("org.freedesktop.DBus.Peer", "Ping"),
    ]
    .map(|(interface, member)| (interface.to_owned(), member.to_owned()))
    .to_vec()
}

#[tokio::test]
async fn each_member_of_the_agent_is_open_to_those_who_may_call_it() {
    if cannot_run() {
        return;
    }
    let members: Vec<_> = methods(AGENT_XML).into_iter().chain(standard_members()).collect();
    assert!(members.len() >= 20, "{members:?}");
    let buses = SystemBus::start_both(PLUGIN);
    for (bus, user) in buses.iter().flat_map(|bus| EVERYBODY.map(|user| (bus, user))) {
        let agent = Receiver::start(bus, names::SERVICE).await;
        // By the agent's name and by the unique name of its connection, which is the same to the policy.
        for destination in [names::SERVICE, &agent.unique_name()] {
            let calls = members
                .iter()
                .map(|(interface, member)| Action::call(destination, names::PATH, interface, member));
            let results = bus.run(user, calls.collect()).await;
            for ((interface, member), result) in members.iter().zip(results) {
                let expected = if who_may(interface, member).contains(&user) { ALLOWED } else { DENIED };
                assert_eq!(result, expected, "{user} calls {interface}.{member} of {destination}");
            }
        }
    }
}

/// A message may leave out its interface; then no rule that names one may let it in.
#[tokio::test]
async fn a_call_without_an_interface_opens_nothing() {
    if cannot_run() {
        return;
    }
    let bus = SystemBus::start(PLUGIN);
    let _agent = Receiver::start(&bus, names::SERVICE).await;
    for user in [NOBODY, READER, PLUGIN] {
        let results = bus.run(user, vec![Action::call(names::SERVICE, names::PATH, "", "SetValue")]).await;
        assert_eq!(results, [DENIED], "{user}");
    }
}

#[tokio::test]
async fn names_are_owned_by_those_who_are_trusted_with_them() {
    if cannot_run() {
        return;
    }
    let [bus, open] = SystemBus::start_both(PLUGIN);
    for (name, owners) in [
        (names::SERVICE, &[AGENT, ROOT][..]),
        (DEMO, &[PLUGIN]),
        ("org.cwmpd1.Provider.unknown", &[]),
        ("org.cwmpd1.Provider", &[]),
        ("org.cwmpd1.Other", &[]),
    ] {
        for user in EVERYBODY {
            let expected = if owners.contains(&user) { ALLOWED } else { DENIED };
            for bus in [&bus, &open] {
                assert_eq!(bus.run(user, vec![Action::own(name)]).await, [expected], "{user} owns {name}");
            }
        }
    }
}

#[tokio::test]
async fn only_the_agent_calls_a_plugin() {
    if cannot_run() {
        return;
    }
    // This process is root, and serves the plugin.
    let buses = SystemBus::start_both(ROOT);
    let members = methods(PROVIDER_XML);
    assert!(members.len() > 8, "{members:?}");
    for (bus, user) in buses.iter().flat_map(|bus| EVERYBODY.map(|user| (bus, user))) {
        let plugin = Receiver::start(bus, DEMO).await;
        for destination in [DEMO, &plugin.unique_name()] {
            let calls = members.iter().map(|(interface, member)| {
                Action::call(destination, names::PROVIDER_PATH, interface, member)
            });
            let expected = if [AGENT, ROOT].contains(&user) { ALLOWED } else { DENIED };
            for (result, (_, member)) in bus.run(user, calls.collect()).await.iter().zip(&members) {
                assert_eq!(result, expected, "{user} calls {member} of {destination}");
            }
        }
    }
}

#[tokio::test]
async fn everybody_hears_the_signals_of_the_agent() {
    if cannot_run() {
        return;
    }
    let bus = SystemBus::start(PLUGIN);
    let agent = Receiver::start(&bus, names::SERVICE).await;
    for user in [NOBODY, READER, ADMIN] {
        let listening = Action::receive(names::SERVICE, names::DATA_MODEL, "Changed");
        let mut client = Client::start(&bus, user, vec![listening]);
        client.is_ready().await;
        agent.broadcast(names::PATH, names::DATA_MODEL, "Changed").await;
        assert_eq!(client.results().await, [ALLOWED], "{user}");
    }
}

/// What is sent to the agent alone costs it time, so strangers may not; those who broadcast are nobody's business here.
#[tokio::test]
async fn only_plugins_send_signals_to_the_agent() {
    if cannot_run() {
        return;
    }
    let bus = SystemBus::start(PLUGIN);
    let mut agent = Receiver::start(&bus, names::SERVICE).await;
    agent.listen_to("com.example.Stranger").await;
    let signal = |interface: &str| Action::signal(names::SERVICE, names::PROVIDER_PATH, interface, "Changed");
    let last = |user: &str| {
        // Something that arrives, after which what did not arrive will not.
        let broadcast = Action::signal("", "/", "com.example.Stranger", "Done");
        (user.to_owned(), broadcast)
    };
    for (user, arrives) in [(NOBODY, false), (READER, false), (ADMIN, false), (PLUGIN, true)] {
        let (user, done) = last(user);
        bus.run(&user, vec![signal(names::PROVIDER), signal(names::DATA_MODEL), done]).await;
        let seen = agent.signals_until("Done").await;
        let expected: &[String] = &[format!("{}.Changed", names::PROVIDER)];
        assert_eq!(seen, if arrives { expected } else { &[] }, "{user}");
    }
}

/// A policy that denies what is sent to the agent must leave it the answers to its own calls.
#[tokio::test]
async fn the_agent_gets_the_answers_to_its_own_calls() {
    if cannot_run() {
        return;
    }
    let bus = SystemBus::start(PLUGIN);
    let agent = Receiver::start(&bus, names::SERVICE).await;
    let mut service = Client::start(&bus, NOBODY, vec![Action::serve("com.example.Service")]);
    service.is_ready().await;
    let answer = agent.call("com.example.Service", "/", "com.example.Service", "Hello").await;
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(service.results().await, [ALLOWED]);
}

/// A group or user that the bus does not know is only a warning in its log, and the rules for it vanish.
#[test]
fn the_users_and_groups_of_the_policy_exist() {
    if cannot_run() {
        return;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let named = |file: &str, name: &str| file.lines().any(|l| l.split(':').next() == Some(name));
    let after = |attribute: &str| {
        let mut found = BTreeSet::new();
        for text in [POLICY, PLUGIN_TEMPLATE] {
            let parts = text.split(attribute).skip(1);
            found.extend(parts.filter_map(|p| p.split('"').next()).map(str::to_owned));
        }
        found
    };
    let in_groups = after("<policy group=\"");
    assert_eq!(in_groups.iter().collect::<Vec<_>>(), [names::ADMIN_GROUP, names::READ_GROUP]);
    for group in in_groups {
        assert!(named(&groups, &group), "there is no group {group}: run tests/users");
    }
    let users = after("<policy user=\"");
    assert_eq!(users.iter().collect::<Vec<_>>(), ["@USER@", AGENT, ROOT]);
    for user in users.iter().map(String::as_str).filter(|u| *u != "@USER@").chain(EVERYBODY) {
        assert!(named(&passwd, user), "there is no user {user}: run tests/users");
    }
}

/// The other side of the rule above, so that it is known what the bus does.
#[tokio::test]
async fn rules_for_an_unknown_group_vanish_with_a_warning() {
    if cannot_run() {
        return;
    }
    let bus = SystemBus::with_policy(&POLICY.replace("cwmp-read", "cwmp-no-such-group"), PLUGIN);
    let _agent = Receiver::start(&bus, names::SERVICE).await;
    let get = || vec![Action::call(names::SERVICE, names::PATH, names::DATA_MODEL, "Get")];
    assert_eq!(bus.run(READER, get()).await, [DENIED]);
    assert!(bus.log().contains("cwmp-no-such-group"), "{}", bus.log());
    let bus = SystemBus::start(PLUGIN);
    let _agent = Receiver::start(&bus, names::SERVICE).await;
    assert_eq!(bus.run(READER, get()).await, [ALLOWED]);
    assert!(!bus.log().contains("cwmp"), "{}", bus.log());
}

#[test]
fn the_template_has_no_other_gaps_than_name_and_user() {
    let filled = bus::plugin_policy("demo", PLUGIN);
    assert!(!filled.contains('@'), "{filled}");
    assert!(filled.contains("<deny own=\"org.cwmpd1.Provider.demo\"/>"));
    assert!(filled.contains("<policy user=\"cwmp-test-plugin\">"));
}
