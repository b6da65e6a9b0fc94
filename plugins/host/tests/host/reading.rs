//! Description, values and rows of a plugin that does everything right.

use std::fmt::Write as _;

use crate::agent::Said;
use crate::world::{Fault, Triple, World};
use cwmp_bus::PROVIDER_XML;

type Line = (String, u8, u32, String);
type Tables = Vec<(String, Vec<(u32, String, u32)>)>;

fn names(values: &[Triple]) -> Vec<&str> {
    values.iter().map(|(name, ..)| name.as_str()).collect()
}

#[tokio::test]
async fn what_is_served_is_what_the_contract_says() {
    let world = World::serve("good", "").await;
    let reply = world
        .agent
        .bus
        .call_method(
            Some("org.cwmpd1.Provider.good"),
            "/org/cwmpd1/Provider",
            Some("org.freedesktop.DBus.Introspectable"),
            "Introspect",
            &(),
        )
        .await
        .unwrap();
    let served: String = reply.body().deserialize().unwrap();
    let from = served.find("<interface name=\"org.cwmpd1.Provider\">").unwrap();
    let served = &served[from..from + served[from..].find("</interface>").unwrap()];
    assert_eq!(members(served), members(PROVIDER_XML));
}

/// Methods and signals with the types of their arguments, in the order of their names.
fn members(xml: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in xml.lines().map(str::trim) {
        let value = |key: &str| {
            let (_, rest) = line.split_once(&format!(" {key}=\""))?;
            rest.split('"').next()
        };
        if line.starts_with("<method ") || line.starts_with("<signal ") {
            all.push(value("name").unwrap().to_owned());
        } else if line.starts_with("<arg ") {
            let direction = value("direction").unwrap_or("signal");
            // The library leaves out the name of a single result.
            let name = if direction == "out" { "" } else { value("name").unwrap() };
            let last: &mut String = all.last_mut().unwrap();
            write!(last, " {direction} {name}:{}", value("type").unwrap()).unwrap();
        }
    }
    all.sort();
    all
}

#[tokio::test]
async fn the_description_comes_with_version_and_build() {
    let world = World::serve("good", "").await;
    let reply = world.call("Describe", &()).await.unwrap();
    let (version, build, nodes): (String, String, Vec<Line>) = reply.body().deserialize().unwrap();
    assert_eq!((version.as_str(), build.as_str(), nodes.len()), ("1.0", "build 1", 14));
    assert!(nodes.contains(&("Device.X_T.Number".into(), 3, 4, "range=0:100;default=7".into())));
}

/// A partial path stands for everything below it; rows come from the plugin.
#[tokio::test]
async fn a_partial_path_is_expanded_with_the_rows_of_the_plugin() {
    let mut world = World::serve("good", "").await;
    let (values, faults) = world.get(&["Device.X_T.", "Device.X_T.Row.3."]).await;
    assert_eq!(faults, []);
    let expected = [
        "Device.X_T.Flag",
        "Device.X_T.Host.17.Mac",
        "Device.X_T.Host.41.Mac",
        "Device.X_T.Number",
        "Device.X_T.Origin",
        "Device.X_T.Password",
        "Device.X_T.Row.1.Name",
        "Device.X_T.Row.1.Part.2.Size",
        "Device.X_T.Row.1.State",
        "Device.X_T.Row.3.Name",
        "Device.X_T.Row.3.Part.2.Size",
        "Device.X_T.Row.3.State",
        "Device.X_T.Text",
        "Device.X_T.Row.3.Name",
        "Device.X_T.Row.3.Part.2.Size",
        "Device.X_T.Row.3.State",
    ];
    assert_eq!(names(&values), expected);
    let keys = vec!["mac-a".to_owned(), "mac-b".to_owned()];
    assert_eq!(world.agent.hear().await, Said::Allocate("Device.X_T.Host.".into(), keys));
}

#[tokio::test]
async fn a_value_leaves_in_its_canonical_form() {
    let world = World::serve("good", "").await;
    let (values, faults) = world.get(&["Device.X_T.Number", "Device.X_T.Flag", "Device.X_T.Text"]).await;
    assert_eq!(faults, []);
    let expected = [
        ("Device.X_T.Number".to_owned(), 3, "7".to_owned()),
        ("Device.X_T.Flag".to_owned(), 6, "true".to_owned()),
        ("Device.X_T.Text".to_owned(), 1, "hello".to_owned()),
    ];
    assert_eq!(values, expected);
}

/// C33: a secret reads as empty, whatever the plugin would answer.
#[tokio::test]
async fn a_secret_is_not_even_asked_for() {
    let world = World::serve("good", "").await;
    assert_eq!(world.value("Device.X_T.Password").await, "");
    let (values, _) = world.get(&["Device.X_T.Flag", "Device.X_T.Password", "Device.X_T.Text"]).await;
    let texts: Vec<_> = values.iter().map(|v| v.2.as_str()).collect();
    assert_eq!(texts, ["true", "", "hello"]);
}

#[tokio::test]
async fn what_does_not_exist_is_a_fault_of_its_path_alone() {
    let world = World::serve("good", "").await;
    let paths = [
        "Device.X_T.Nothing",
        "Device.X_T.Row.9.Name",
        "Device.X_T.Row.9.",
        "Device.X_T.Row.1.Alias",
        "Device.X_T.RowNumberOfEntries",
        "Device.X_T.Row.[a].Name",
        "Device.X_T",
        "Device.X_T.Text",
    ];
    let (values, faults) = world.get(&paths).await;
    assert_eq!(names(&values), ["Device.X_T.Text"]);
    let mut faulty: Vec<_> = faults.iter().map(|(path, code, _)| (path.as_str(), *code)).collect();
    faulty.sort_unstable();
    let mut expected: Vec<_> = paths[..7].iter().map(|p| (*p, 9005)).collect();
    expected.sort_unstable();
    assert_eq!(faulty, expected);
}

#[tokio::test]
async fn who_asks_and_until_when_reaches_the_plugin() {
    let world = World::serve("good", "").await;
    let options = std::collections::HashMap::from([
        ("origin", zbus::zvariant::Value::from("acs")),
        ("session", 77u64.into()),
        ("deadline_ms", 1500u32.into()),
        ("unknown", 1u8.into()),
    ]);
    let reply = world.call("Get", &(&["Device.X_T.Origin"][..], options)).await.unwrap();
    let (values, _): (Vec<Triple>, Vec<Fault>) = reply.body().deserialize().unwrap();
    assert_eq!(values[0].2, "1 77 1");
}

#[tokio::test]
async fn instances_tell_rows_with_alias_and_flags() {
    let world = World::serve("good", "").await;
    let paths = ["Device.X_T.", "Device.X_T.Row.8.", "Device.X_T.Text", "Device.X_T.Nothing."];
    let reply = world.call("Instances", &&paths[..]).await.unwrap();
    let (tables, faults): (Tables, Vec<Fault>) = reply.body().deserialize().unwrap();
    let row = |number, alias: &str, flags| (number, alias.to_owned(), flags);
    let expected: Tables = vec![
        ("Device.X_T.Host.".into(), vec![row(17, "", 0), row(41, "", 0)]),
        ("Device.X_T.Row.".into(), vec![row(1, "", 1), row(3, "third", 1)]),
        ("Device.X_T.Row.1.Part.".into(), vec![row(2, "", 0)]),
        ("Device.X_T.Row.3.Part.".into(), vec![row(2, "", 0)]),
    ];
    assert_eq!(tables, expected);
    let mut faulty: Vec<_> = faults.iter().map(|(path, code, _)| (path.as_str(), *code)).collect();
    faulty.sort_unstable();
    assert_eq!(
        faulty,
        [("Device.X_T.Nothing.", 9005), ("Device.X_T.Row.8.", 9005), ("Device.X_T.Text", 9005)]
    );
}

#[tokio::test]
async fn numbers_are_asked_for_once() {
    let mut world = World::serve("good", "").await;
    assert_eq!(world.value("Device.X_T.Host.41.Mac").await, "mac");
    world.get(&["Device.X_T.Host."]).await;
    assert!(matches!(world.agent.hear().await, Said::Allocate(..)));
    assert!(world.agent.said.try_recv().is_err());
}

#[tokio::test]
async fn the_configuration_of_the_manifest_reaches_the_plugin_as_json() {
    let mut world = World::serve("good", "[config]\ngreeting = 'hi'\n").await;
    world.host.logs(r#"{"greeting":"hi"} from=config"#).await;
}
