//! How much of a profile a device serves.

use std::collections::HashMap;

use super::{Profile, Requirement, Requires};

/// What a device serves: schema paths, those of tables ending in `{i}.`, and whether each can be set or takes rows.
pub type Served = HashMap<String, bool>;

/// A profile held against what a device serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// How many of its requirements are met.
    pub met: usize,
    /// Those that are not.
    pub missing: Vec<&'a Requirement>,
}

impl Coverage<'_> {
    /// Whether the device may say that it implements the profile.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// How many requirements there are.
    pub fn required(&self) -> usize {
        self.met + self.missing.len()
    }
}

impl Profile {
    /// Holds the profile against what a device serves.
    pub fn coverage<'a>(&'a self, served: &Served) -> Coverage<'a> {
        let mut coverage = Coverage { profile: self, met: 0, missing: Vec::new() };
        for requirement in &self.requirements {
            let writable = served.get(&requirement.path);
            let met = match requirement.access {
                Requires::Nothing => continue,
                Requires::Present | Requires::ReadOnly => writable.is_some(),
                _ => writable == Some(&true),
            };
            if met {
                coverage.met += 1;
            } else {
                coverage.missing.push(requirement);
            }
        }
        coverage
    }

    /// The name without its version, and the version: `Baseline` and 4.
    pub fn family(&self) -> (&str, u32) {
        let (name, version) = self.name.rsplit_once(':').unwrap_or((&self.name, ""));
        (name, version.parse().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standard::{Status, Version};

    fn profile() -> Profile {
        let requirement = |path: &str, access| Requirement { path: path.to_owned(), access };
        Profile {
            name: "Lamps:12".to_owned(),
            since: Version { major: 2, minor: 0 },
            status: Status::Current,
            requirements: vec![
                requirement("Device.", Requires::Nothing),
                requirement("Device.Lamp.{i}.", Requires::CreateDelete),
                requirement("Device.Lamp.{i}.Colour", Requires::ReadWrite),
                requirement("Device.Lamp.{i}.Status", Requires::ReadOnly),
                requirement("Device.Lamps.", Requires::Present),
            ],
        }
    }

    fn missing(served: &[(&str, bool)]) -> Vec<String> {
        let served: Served = served.iter().map(|(path, writable)| ((*path).to_owned(), *writable)).collect();
        let profile = profile();
        let coverage = profile.coverage(&served);
        assert_eq!(coverage.required(), 4, "what requires nothing does not count");
        coverage.missing.iter().map(|r| r.path.clone()).collect()
    }

    #[test]
    fn every_requirement_counts() {
        let all = [
            ("Device.Lamp.{i}.", true),
            ("Device.Lamp.{i}.Colour", true),
            ("Device.Lamp.{i}.Status", false),
            ("Device.Lamps.", false),
        ];
        assert_eq!(missing(&all), Vec::<String>::new());
        for (left_out, (path, _)) in all.iter().enumerate() {
            let rest: Vec<_> =
                all.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, n)| *n).collect();
            assert_eq!(missing(&rest), [*path]);
        }
    }

    #[test]
    fn what_must_be_writable_must_be() {
        let read_only =
            ["Device.Lamp.{i}.", "Device.Lamp.{i}.Colour", "Device.Lamp.{i}.Status", "Device.Lamps."];
        assert_eq!(missing(&read_only.map(|path| (path, false))), read_only[..2]);
    }

    #[test]
    fn a_family_is_a_name_and_a_version() {
        assert_eq!(profile().family(), ("Lamps", 12));
    }
}
