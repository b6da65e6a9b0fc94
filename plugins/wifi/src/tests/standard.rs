//! What is declared, against the standard's tables.

use cwmp_model::standard::{Library, Requires};
use cwmp_plugin_sdk::{AsyncDeclared, Node};

use crate::plugin::WiFi;

/// What the README says is left out of the profiles, with the reasons.
const LEFT_OUT: [&str; 2] =
    ["Device.WiFi.AccessPoint.{i}.Security.WEPKey", "Device.WiFi.EndPoint.{i}.Profile.{i}.Security.WEPKey"];

/// Every parameter of the profiles is there, and can be set where they say so.
#[test]
fn the_profiles_are_complete() {
    let library = Library::embedded();
    let model = library.models().into_iter().find(|model| model.to_string() == "Device:2.19").unwrap();
    let profiles = library.profiles(&model).unwrap();
    let nodes: &[Node] = WiFi::ABOUT.nodes;
    let mut left_out = 0;
    for name in ["WiFiRadio:1", "WiFiSSID:2", "WiFiAccessPoint:2", "WiFiEndPoint:1"] {
        let profile = profiles.iter().find(|profile| profile.name == name).unwrap();
        for requirement in &profile.requirements {
            let path = requirement.path.as_str();
            // The agent counts rows and names them.
            if path.ends_with("NumberOfEntries") || path.ends_with(".Alias") {
                continue;
            }
            if LEFT_OUT.contains(&path) {
                left_out += 1;
                continue;
            }
            let node =
                nodes.iter().find(|node| node.path() == path).unwrap_or_else(|| panic!("{name}: no {path}"));
            let set = matches!(requirement.access, Requires::ReadWrite | Requires::CreateDelete);
            assert!(node.is_writable() || !set, "{name}: {path}");
        }
    }
    assert_eq!(left_out, LEFT_OUT.len());
}

#[test]
fn every_key_is_a_secret() {
    let secrets: Vec<&str> =
        WiFi::ABOUT.nodes.iter().filter(|node| node.is_secret()).map(Node::path).collect();
    // Commands in the form of a parameter read as nothing, too.
    let secrets: Vec<&str> = secrets.into_iter().filter(|path| !path.ends_with("Reset")).collect();
    let keys = ["Passphrase", "PreSharedKey", "Secret"];
    let named = |path: &str| keys.iter().any(|key| path.ends_with(key));
    let all: Vec<&str> = WiFi::ABOUT.nodes.iter().map(Node::path).filter(|path| named(path)).collect();
    assert_eq!(secrets, all);
    assert_eq!(all.len(), 8);
}
