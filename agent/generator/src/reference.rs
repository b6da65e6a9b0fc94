//! Where a path in a definition leads (TR-106 A.2.3.4).
//!
//! `Device.A.` is a whole path, `.A.` begins at the root or the service, each `#` goes up by an object from the one that has
//! the parameter, anything else begins at that object.

use std::collections::BTreeSet;

/// The paths that exist: objects, tables with `{i}.` at the end, parameters; of all models.
#[derive(Debug, Default)]
pub struct Known {
    paths: BTreeSet<String>,
}

impl Known {
    /// Adds a path.
    pub fn add(&mut self, path: String) {
        self.paths.insert(path);
    }

    /// The schema path that a text means in an object of a model whose paths begin at `root`, if there is such a path.
    pub fn resolve(&self, root: &str, object: &str, text: &str) -> Option<String> {
        let roots: &[&str] = if root == "Device." { &["Device."] } else { &[root, "Device."] };
        let climbed = text.trim_start_matches('#');
        let up = text.len() - climbed.len();
        let candidates: Vec<String> = if text.starts_with("Device.") {
            vec![text.to_owned()]
        } else if up > 0 {
            let mut above = object;
            for _ in 0..up {
                above = parent(above);
            }
            vec![format!("{above}{}", climbed.trim_start_matches('.'))]
        } else if let Some(rest) = text.strip_prefix('.') {
            roots.iter().map(|root| format!("{root}{rest}")).collect()
        } else {
            vec![format!("{object}{text}")]
        };
        // A table is meant with its rows.
        let forms = candidates.into_iter().flat_map(|path| [format!("{path}{{i}}."), path]);
        forms.into_iter().find(|path| self.paths.contains(path))
    }
}

/// The object above; a row stands right below the object that has its table.
fn parent(path: &str) -> &str {
    let path = path.strip_suffix("{i}.").unwrap_or(path);
    let path = path.strip_suffix('.').unwrap_or(path);
    path.rfind('.').map_or("", |dot| &path[..=dot])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_from_the_root_from_above_and_from_here() {
        let mut known = Known::default();
        for path in
            ["Device.", "Device.IP.Interface.{i}.", "Device.B.F.{i}.", "Device.B.P.{i}.", "Device.B.S"]
        {
            known.add(path.to_owned());
        }
        let find = |text| known.resolve("Device.", "Device.B.F.{i}.", text);
        assert_eq!(find(".IP.Interface.").as_deref(), Some("Device.IP.Interface.{i}."));
        assert_eq!(find("##.IP.Interface.").as_deref(), Some("Device.IP.Interface.{i}."));
        assert_eq!(find("#.P.").as_deref(), Some("Device.B.P.{i}."));
        assert_eq!(find("#.S").as_deref(), Some("Device.B.S"));
        assert_eq!(find("##").as_deref(), Some("Device."));
        assert_eq!(find("P."), None);
    }

    #[test]
    fn a_service_looks_below_itself_first() {
        let mut known = Known::default();
        for path in ["Device.A.{i}.", "Device.Services.S.{i}.A.{i}.", "Device.B.{i}."] {
            known.add(path.to_owned());
        }
        let root = "Device.Services.S.{i}.";
        let find = |text| known.resolve(root, "Device.Services.S.{i}.C.", text);
        assert_eq!(find(".A.").as_deref(), Some("Device.Services.S.{i}.A.{i}."));
        assert_eq!(find(".B.").as_deref(), Some("Device.B.{i}."));
    }
}
