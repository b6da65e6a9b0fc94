//! What is declared, against the standard's tables.

use cwmp_model::standard::{Library, Requires};
use cwmp_plugin_sdk::{AsyncDeclared, Node};

use crate::plugin::Storage;

/// Every parameter of the profiles is there, and can be set where they say so.
#[test]
fn the_profiles_are_complete() {
    let library = Library::embedded();
    let model = library.models().into_iter().find(|model| model.to_string() == "StorageService:1.3").unwrap();
    let profiles = library.profiles(&model).unwrap();
    let nodes: &[Node] = Storage::ABOUT.nodes;
    for name in
        ["Baseline:2", "UserAccess:2", "VolumeConfig:1", "VolumeThresh:1", "NetServer:1", "FTPServer:1"]
    {
        let profile = profiles.iter().find(|profile| profile.name == name).unwrap();
        for requirement in &profile.requirements {
            let path = requirement.path.as_str();
            // The agent counts rows, and has the object above.
            if path.ends_with("NumberOfEntries") || path == "Device.Services." {
                continue;
            }
            let node =
                nodes.iter().find(|node| node.path() == path).unwrap_or_else(|| panic!("{name}: no {path}"));
            let set = matches!(requirement.access, Requires::ReadWrite | Requires::CreateDelete);
            assert!(node.is_writable() || !set, "{name}: {path}");
        }
    }
}

#[test]
fn the_password_is_the_secret() {
    let secrets = Storage::ABOUT.nodes.iter().filter(|node| node.is_secret()).map(Node::path);
    let secrets: Vec<&str> = secrets.collect();
    assert_eq!(secrets, ["Device.Services.StorageService.{i}.UserAccount.{i}.Password"]);
}
