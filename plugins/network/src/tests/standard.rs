//! What is declared, against the standard's tables.

use cwmp_model::facets::Facets;
use cwmp_model::standard::{Library, Requires};
use cwmp_plugin_sdk::{Declared, Node};

use crate::plugin::NetworkPlugin;

fn nodes() -> &'static [Node] {
    NetworkPlugin::ABOUT.nodes
}

#[test]
fn every_node_is_the_standard_s() {
    let library = Library::embedded();
    for node in nodes() {
        let path = node.path();
        if path.ends_with('.') {
            let object = library.object(path, None).unwrap().unwrap_or_else(|| panic!("no {path}"));
            assert_eq!(object.table, node.is_table(), "{path}");
            assert!(object.writable || !node.is_writable(), "{path}");
            continue;
        }
        let standard = library.parameter(path, None).unwrap().unwrap_or_else(|| panic!("no {path}"));
        let kind = node.kind().map(|kind| format!("{kind:?}"));
        assert_eq!(kind, Some(format!("{:?}", standard.kind)), "{path}");
        assert!(standard.is_writable() || !node.is_writable(), "{path}");
        if path.ends_with("Forwarding.{i}.Type") {
            // The kernel's main table delivers nothing to the device itself.
            let (ours, theirs) = (node.facet_text(), standard.facets.as_str());
            let (ours, theirs) = (Facets::parse(ours).unwrap(), Facets::parse(theirs).unwrap());
            let narrower = theirs.enumeration.iter().filter(|value| *value != "Receive");
            assert_eq!(ours.enumeration, narrower.cloned().collect::<Vec<_>>());
        } else {
            assert_eq!(node.facet_text(), standard.facets, "{path}");
        }
    }
}

#[test]
fn the_baseline_is_complete() {
    let library = Library::embedded();
    let model = library.models().into_iter().find(|model| model.to_string() == "Device:2.19").unwrap();
    let profiles = library.profiles(&model).unwrap();
    let baseline = profiles.iter().find(|profile| profile.name == "Baseline:4").unwrap();
    let ours = ["Device.InterfaceStack.", "Device.DNS."];
    let wanted = baseline.requirements.iter().filter(|r| ours.iter().any(|root| r.path.starts_with(root)));
    let mut count = 0;
    for requirement in wanted.filter(|r| !r.path.ends_with("NumberOfEntries")) {
        let node = nodes().iter().find(|node| node.path() == requirement.path);
        let node = node.unwrap_or_else(|| panic!("no {}", requirement.path));
        let set = matches!(requirement.access, Requires::ReadWrite | Requires::CreateDelete);
        assert!(node.is_writable() || !set, "{}", requirement.path);
        count += 1;
    }
    assert_eq!(count, 14);
}
