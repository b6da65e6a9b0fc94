//! Profiles with all that they inherit.

use std::collections::{BTreeMap, BTreeSet};

use cwmp_model::standard::{Profile, Requirement, Requires, Status, Version};

use crate::flat::{version, Flat};
use crate::GeneratorError;

/// The profiles of a model, sorted by name and number. Those that are deleted, and those that only others build on, are not
/// among them; nor is what they require of nodes that the model does not have any more.
pub fn profiles(flat: &Flat<'_>) -> Result<Vec<Profile>, GeneratorError> {
    let mut paths = BTreeSet::new();
    for (path, object) in &flat.objects {
        paths.insert(path.clone());
        paths.extend(object.parameters.keys().map(|name| format!("{path}{name}")));
    }
    let mut profiles = Vec::new();
    for (name, parts) in &flat.profiles {
        let attribute = |key: &str| parts.iter().find_map(|(_, part)| part.element.get(key));
        let status = match attribute("status") {
            Some("deleted") => continue,
            Some("deprecated") => Status::Deprecated,
            Some("obsoleted") => Status::Obsoleted,
            _ => Status::Current,
        };
        if name.starts_with('_') {
            continue;
        }
        let since = attribute("version").or_else(|| attribute("dmr:version")).and_then(version);
        let mut required = BTreeMap::new();
        collect(flat, name, &mut required, 0)?;
        required.retain(|path, _| paths.contains(path));
        let requirements = required.into_iter().map(|(path, access)| Requirement { path, access });
        let mut requirements: Vec<Requirement> = requirements.collect();
        requirements.sort_by(|a, b| a.place().cmp(&b.place()));
        profiles.push(Profile {
            name: (*name).to_owned(),
            since: since.unwrap_or(Version { minor: 0, ..flat.version() }),
            status,
            requirements,
        });
    }
    profiles.sort_by_key(|p| {
        let (name, number) = p.name.split_once(':').unwrap_or((&p.name, ""));
        (name.to_owned(), number.parse::<u32>().unwrap_or(0))
    });
    Ok(profiles)
}

/// How long a chain of profiles may be.
const MAX_DEPTH: usize = 16;

/// First what a profile builds on, then what it says itself.
fn collect(
    flat: &Flat<'_>,
    name: &str,
    required: &mut BTreeMap<String, Requires>,
    depth: usize,
) -> Result<(), GeneratorError> {
    let wrong = |what: String| GeneratorError::Node { path: name.to_owned(), what };
    let parts = flat.profiles.get(name).filter(|_| depth < MAX_DEPTH);
    for (prefix, part) in parts.ok_or_else(|| wrong("there is no such profile".to_owned()))? {
        let profile = part.element;
        for key in ["base", "extends"] {
            for other in profile.get(key).unwrap_or_default().split_whitespace() {
                let mut inherited = BTreeMap::new();
                collect(flat, other, &mut inherited, depth + 1)?;
                for (path, access) in inherited {
                    let strongest = required.get(&path).copied().unwrap_or(access).max(access);
                    required.insert(path, strongest);
                }
            }
        }
        for child in &profile.children {
            let reference = child.get("ref").unwrap_or_default();
            let path = format!("{prefix}{reference}");
            let elements: Vec<(String, &crate::element::Element)> = match child.name.as_str() {
                "object" => {
                    let inside = child
                        .all("parameter")
                        .map(|p| (format!("{path}{}", p.get("ref").unwrap_or_default()), p));
                    inside.chain([(path.clone(), child)]).collect()
                }
                "parameter" => vec![(path, child)],
                _ => continue,
            };
            for (path, element) in elements {
                if element.is_deleted() {
                    required.retain(|known, _| {
                        *known != path && !(path.ends_with('.') && known.starts_with(&path))
                    });
                    continue;
                }
                let word = element.get("requirement").unwrap_or("notSpecified").trim();
                let access = Requires::from_name(word);
                let access = access.ok_or_else(|| wrong(format!("{path}: requires {word}")))?;
                required.insert(path, access);
            }
        }
    }
    Ok(())
}
