//! Names on the bus, written once.

/// The agent's bus name.
pub const SERVICE: &str = "org.cwmpd1";
/// The agent's object.
pub const PATH: &str = "/org/cwmpd1";
/// The merged tree.
pub const DATA_MODEL: &str = "org.cwmpd1.DataModel";
/// The agent's state.
pub const AGENT: &str = "org.cwmpd1.Agent";
/// What a provider may ask of the agent.
pub const REGISTRY: &str = "org.cwmpd1.Registry";
/// A command that runs, or has run.
pub const JOB: &str = "org.cwmpd1.Job";
/// The start of a job's object; its number follows.
pub const JOB_PREFIX: &str = "/org/cwmpd1/job/";
/// What a provider serves.
pub const PROVIDER: &str = "org.cwmpd1.Provider";
/// A provider's object.
pub const PROVIDER_PATH: &str = "/org/cwmpd1/Provider";
/// The start of a provider's bus name; its own name follows.
pub const PROVIDER_PREFIX: &str = "org.cwmpd1.Provider.";
/// The start of every error name.
pub const ERROR_PREFIX: &str = "org.cwmpd1.Error.";
/// The group whose members may read.
pub const READ_GROUP: &str = "cwmp-read";
/// The group whose members may change.
pub const ADMIN_GROUP: &str = "cwmp-admin";
/// The longest name of a provider, in characters.
pub const MAX_PROVIDER: usize = 64;

/// The bus name of a provider, if its name can be part of one: letters, digits and `_`, not starting with a digit.
pub fn provider_service(name: &str) -> Option<String> {
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let good =
        starts && name.len() <= MAX_PROVIDER && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    good.then(|| format!("{PROVIDER_PREFIX}{name}"))
}

/// The provider behind a bus name.
pub fn provider_of(service: &str) -> Option<&str> {
    let name = service.strip_prefix(PROVIDER_PREFIX)?;
    provider_service(name).map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_a_plain_name() {
        assert_eq!(provider_service("device_info").as_deref(), Some("org.cwmpd1.Provider.device_info"));
        assert_eq!(provider_of("org.cwmpd1.Provider.demo"), Some("demo"));
        for bad in ["", "1a", "a.b", "a-b", "ä", &"a".repeat(MAX_PROVIDER + 1)] {
            assert_eq!(provider_service(bad), None, "{bad}");
        }
        assert_eq!(provider_of("org.cwmpd1.Provider.a.b"), None);
        assert_eq!(provider_of("org.cwmpd1"), None);
    }
}
