//! A description against the tables of the standard: what a plugin serves of it must be in it, and may narrow it.

use std::path::Path;

use cwmp_model::standard::{Library, Object, Parameter, Status};
use cwmp_model::{command, path, Facets, NodeFlags, ValueType};

use super::report::{Part, Report};
use crate::description::Described;

/// Where an installation has the tables.
pub(super) const MODELS: &str = "/usr/share/cwmpd/models";
/// Where the sources of cwmpd have them.
const MODELS_IN_SOURCES: &str = "agent/model/models";

/// What the standard says of a parameter must be said by the plugin too: an ACS relies on it.
const KEPT: [(NodeFlags, &str); 3] =
    [(NodeFlags::SECRET, "secret"), (NodeFlags::FORCED, "forced"), (NodeFlags::INFORM, "inform")];

/// The tables, if there are any.
pub(super) struct Standard {
    library: Option<Library>,
    /// Which version of a model to take, where several have a path; otherwise the newest.
    models: Vec<String>,
}

impl Standard {
    /// The tables of a folder. Without a folder that was named, those of the installation, if it has any. `models` are
    /// those that the manifest names.
    pub(super) fn open(folder: Option<&Path>, models: &[String], report: &Report) -> Self {
        let library = match Library::open(folder.unwrap_or(Path::new(MODELS))) {
            Ok(library) => Some(library),
            Err(error) if folder.is_some() => {
                report.bad(Part::Standard, None, &error.to_string());
                None
            }
            Err(_) => {
                let text = format!(
                    "the tables of the standard are not in {MODELS}: name them with --models, in the sources of cwmpd {MODELS_IN_SOURCES}"
                );
                report.skipped(Part::Standard, &text);
                None
            }
        };
        let known: Vec<String> =
            library.iter().flat_map(Library::models).map(|model| model.to_string()).collect();
        for model in models.iter().filter(|model| library.is_some() && !known.contains(model)) {
            report.bad(Part::Manifest, None, &format!("models: there is no data model '{model}'"));
        }
        Self { library, models: models.to_vec() }
    }

    /// Compares every node that is not a vendor's own.
    pub(super) fn compare(&self, nodes: &[Described], report: &Report) {
        let Some(library) = &self.library else { return };
        let mut failures = 0;
        let mut known = 0;
        for node in
            nodes.iter().filter(|node| !path::is_vendor(&node.path) && !command::is_schema_path(&node.path))
        {
            let found = self.look(library, node);
            let wrong = match &found {
                Err(error) => vec![error.clone()],
                Ok(None) => vec!["is not in the standard; a vendor's own begins with X_".to_owned()],
                Ok(Some(Found::Object(object))) => judge_object(node, object),
                Ok(Some(Found::Parameter(parameter))) => judge_parameter(node, parameter),
            };
            known += 1;
            failures += wrong.len();
            for why in wrong {
                report.bad(Part::Standard, Some(&node.path), &format!("{}: {why}", node.path));
            }
            let status = match found {
                Ok(Some(Found::Object(object))) => object.status,
                Ok(Some(Found::Parameter(parameter))) => parameter.status,
                _ => Status::Current,
            };
            if status == Status::Obsoleted {
                report.note(Part::Standard, Some(&node.path), &format!("{}: is obsolete", node.path));
            }
        }
        if failures == 0 {
            report.good(Part::Standard, &format!("standard: {known} nodes as the tables have them"));
        }
    }

    /// The facets that hold for a parameter: the plugin's, within those of the standard.
    pub(super) fn facets(&self, node: &Described) -> Facets {
        let own = Facets::parse(&node.facets).unwrap_or_default();
        let Some(library) = self.library.as_ref().filter(|_| !path::is_vendor(&node.path)) else {
            return own;
        };
        match self.look(library, node) {
            Ok(Some(Found::Parameter(parameter))) => match Facets::parse(&parameter.facets) {
                Ok(standard) => own.within(&standard).0,
                Err(_) => own,
            },
            _ => own,
        }
    }

    /// What the standard has at a path, by the rule that the agent has, too.
    fn look(&self, library: &Library, node: &Described) -> Result<Option<Found>, String> {
        let choice = library.chosen(&self.models, &node.path);
        let found = if path::is_partial(&node.path) {
            library.object(&node.path, choice).map(|found| found.map(Found::Object))
        } else {
            library.parameter(&node.path, choice).map(|found| found.map(Found::Parameter))
        };
        found.map_err(|error| error.to_string())
    }
}

enum Found {
    Object(Object),
    Parameter(Parameter),
}

fn judge_object(node: &Described, object: &Object) -> Vec<String> {
    let flags = NodeFlags(node.flags);
    let mut wrong = Vec::new();
    if flags.has(NodeFlags::TABLE) != object.table {
        let (is, should) = if object.table { ("an object", "a table") } else { ("a table", "an object") };
        wrong.push(format!("is declared as {is}, the standard has {should}"));
    }
    if flags.has(NodeFlags::WRITABLE) && !object.writable {
        wrong.push("takes rows, which the standard does not allow".to_owned());
    }
    wrong
}

fn judge_parameter(node: &Described, parameter: &Parameter) -> Vec<String> {
    let flags = NodeFlags(node.flags);
    let mut wrong = Vec::new();
    let kind = u8::try_from(node.kind).ok().and_then(ValueType::from_number);
    if kind != Some(parameter.kind) {
        let is = kind.map_or("of no type", ValueType::name);
        wrong.push(format!("is {is}, the standard has {}", parameter.kind));
    }
    if flags.has(NodeFlags::WRITABLE) && !parameter.is_writable() {
        wrong.push("can be set, which the standard does not allow".to_owned());
    }
    for (flag, name) in KEPT {
        if parameter.flags.has(flag) && !flags.has(flag) {
            wrong.push(format!("lacks the flag '{name}', which the standard has"));
        }
    }
    match (Facets::parse(&node.facets), Facets::parse(&parameter.facets)) {
        (Ok(own), Ok(standard)) => {
            let (_, wider) = own.within(&standard);
            wrong.extend(wider.into_iter().map(|key| {
                format!("its facet '{key}' allows more than the standard's: {}", parameter.facets)
            }));
        }
        // What the plugin wrote was refused before; what the table has is the table's own matter.
        (Err(_), _) | (_, Err(_)) => {}
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The real tables.
    fn standard() -> Standard {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
        Standard { library: Some(Library::open(&folder).unwrap()), models: Vec::new() }
    }

    fn judge(path: &str, kind: u32, flags: u32, facets: &str) -> Vec<String> {
        let all = standard();
        let node = Described { path: path.into(), kind, flags, facets: facets.into() };
        match all.look(all.library.as_ref().unwrap(), &node).unwrap() {
            Some(Found::Object(object)) => judge_object(&node, &object),
            Some(Found::Parameter(parameter)) => judge_parameter(&node, &parameter),
            None => vec!["unknown".to_owned()],
        }
    }

    #[test]
    fn what_fits_the_standard_or_narrows_it_is_good() {
        for (path, kind, flags, facets) in [
            ("Device.Users.", 0, 1, ""),
            ("Device.Users.User.{i}.Password", 1, 4 | 8, "size=:4"),
            // Read-only is less than writable, a table without new rows less than one with.
            ("Device.Users.User.{i}.Password", 1, 8, ""),
            ("Device.Users.User.{i}.", 0, 3, ""),
            ("Device.Users.User.{i}.", 0, 7, ""),
            ("Device.Ethernet.Interface.{i}.Status", 1, 64, "enum=Up|Down"),
            ("Device.Ethernet.Interface.{i}.MaxBitRate", 2, 4, "range=100:1000"),
        ] {
            assert_eq!(judge(path, kind, flags, facets), [""; 0], "{path}");
        }
    }

    #[test]
    fn what_the_standard_does_not_have_is_named() {
        for (path, kind, flags, facets, why) in [
            ("Device.Users.Nothing", 1, 0, "", "unknown"),
            ("Device.Nothing.", 0, 1, "", "unknown"),
            ("Device.Ethernet.Interface.{i}.Status", 3, 0, "", "is unsignedInt, the standard has string"),
            ("Device.Ethernet.Interface.{i}.Status", 1, 4, "", "can be set"),
            (
                "Device.Ethernet.Interface.{i}.Status",
                1,
                0,
                "enum=Up|Sideways",
                "its facet 'enum' allows more",
            ),
            ("Device.Users.User.{i}.Password", 1, 4, "", "lacks the flag 'secret'"),
            ("Device.Ethernet.Interface.{i}.", 0, 7, "", "takes rows"),
            ("Device.Ethernet.Interface.{i}.MaxBitRate", 2, 4, "range=-2:", "its facet 'range'"),
        ] {
            let wrong = judge(path, kind, flags, facets);
            assert!(wrong.len() == 1 && wrong[0].contains(why), "{path}: {wrong:?}");
        }
        assert!(
            path::is_vendor("Device.X_A.B")
                && path::is_vendor("Device.A.X_B_C")
                && !path::is_vendor("Device.AX_.B")
        );
    }
}
