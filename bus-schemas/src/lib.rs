//! The contract on the bus: names, the introspection XML, errors by name, and the manifests.
//!
//! The XML in `xml/` is the source, and is installed on the box.
#![forbid(unsafe_code)]

pub mod command;
pub mod error;
pub mod manifest;
pub mod names;

pub use error::BusError;
pub use manifest::Manifest;

/// The introspection XML of what the agent serves.
pub const AGENT_XML: &str = include_str!("../xml/org.cwmpd1.xml");
/// The introspection XML of what a provider serves.
pub const PROVIDER_XML: &str = include_str!("../xml/org.cwmpd1.Provider.xml");

/// The bus policy of a provider: who may own its name, and who may call it. Made from the template in `policy/`.
pub fn provider_policy(name: &str, user: &str) -> String {
    let template = include_str!("../policy/org.cwmpd1.Provider.NAME.conf.in");
    template.replace("@NAME@", name).replace("@USER@", user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_provider_names_it_and_its_user() {
        let policy = provider_policy("lamp", "cwmp-lamp");
        assert!(policy.contains("<allow own=\"org.cwmpd1.Provider.lamp\"/>"));
        assert!(policy.contains("<policy user=\"cwmp-lamp\">"));
        assert!(!policy.contains('@'));
    }

    #[test]
    fn every_name_is_in_the_xml() {
        for interface in [names::DATA_MODEL, names::AGENT, names::REGISTRY, names::JOB] {
            assert!(AGENT_XML.contains(&format!("<interface name=\"{interface}\">")), "{interface}");
        }
        assert!(PROVIDER_XML.contains(&format!("<interface name=\"{}\">", names::PROVIDER)));
        assert!(AGENT_XML.contains(&format!("<node name=\"{}\">", names::PATH)));
        assert!(PROVIDER_XML.contains(&format!("<node name=\"{}\">", names::PROVIDER_PATH)));
    }
}
