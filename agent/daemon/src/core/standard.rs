//! What providers declare, held against the standard's tables before it becomes part of the tree.
//!
//! A node of the standard is as the standard has it: what does not exist there, or exists otherwise, is left out, and what a
//! provider leaves unsaid comes from the tables. Vendors' nodes (`X_...`, C148) are theirs to declare.

use std::path::Path;

use cwmp_model::facets::Facets;
use cwmp_model::standard::{Library, Object, Parameter};
use cwmp_model::{path, NodeFlags};

use super::tree::{DeclaredNode, ALIAS};

/// How many complaints about one provider are logged one by one.
const NAMED: usize = 10;

/// The tables, if the box has them.
#[derive(Debug, Default)]
pub(crate) struct Standard {
    library: Option<Library>,
}

impl Standard {
    /// Opens the tables in a folder. Without them a provider's word counts.
    pub(crate) fn open(folder: &Path) -> Self {
        match Library::open(folder) {
            Ok(library) if !library.models().is_empty() => Self { library: Some(library) },
            Ok(_) => {
                tracing::warn!("{}: there is no data model, the word of providers counts", folder.display());
                Self::default()
            }
            Err(error) => {
                tracing::warn!("data models: {error}, the word of providers counts");
                Self::default()
            }
        }
    }

    /// The tables.
    pub(super) fn library(&self) -> Option<&Library> {
        self.library.as_ref()
    }

    /// Those of the models that a manifest names which are at hand. A box may have newer tables than a plugin was made with:
    /// of a version that it has not, the newest counts.
    pub(super) fn chosen(&self, models: &[String]) -> Vec<String> {
        let known = self.library.as_ref().map(Library::models).unwrap_or_default();
        models.iter().filter(|model| known.iter().any(|k| k.to_string() == **model)).cloned().collect()
    }

    /// The nodes that may become part of the tree, as the standard has them. `models` says which version of a model a
    /// provider follows where there are several. What is left out is logged.
    pub(crate) fn judge(
        &self,
        provider: &str,
        models: &[String],
        nodes: &[DeclaredNode],
    ) -> Vec<DeclaredNode> {
        let Some(library) = &self.library else { return nodes.to_vec() };
        let mut look = Look { library, models, object: String::new(), found: None };
        let mut complaints = 0;
        let mut complain = |path: &str, why: &str| {
            complaints += 1;
            if complaints <= NAMED {
                tracing::error!("provider {provider}: {}: {why}", crate::provider::words(path));
            }
        };
        let mut good = Vec::with_capacity(nodes.len());
        for node in nodes {
            if path::is_vendor(&node.path) {
                good.push(node.clone());
                continue;
            }
            match look.judge(node, &mut complain) {
                Ok(node) => {
                    let alias = look.alias(&node);
                    good.push(node);
                    good.extend(alias);
                }
                Err(why) => complain(&node.path, &format!("{why}; it is left out")),
            }
        }
        if complaints > NAMED {
            tracing::error!(
                "provider {provider}: {} more of its nodes are not as the standard has them",
                complaints - NAMED
            );
        }
        good
    }
}

/// Look-ups in the tables: a provider's nodes come object by object, and an object is read once.
struct Look<'a> {
    library: &'a Library,
    models: &'a [String],
    object: String,
    found: Option<Object>,
}

impl Look<'_> {
    fn object(&mut self, path: &str) -> Result<Option<&Object>, String> {
        if self.object != path {
            let choice = self.library.chosen(self.models, path);
            self.found = self.library.object(path, choice).map_err(|error| error.to_string())?;
            path.clone_into(&mut self.object);
        }
        Ok(self.found.as_ref())
    }

    fn judge(
        &mut self,
        node: &DeclaredNode,
        complain: &mut impl FnMut(&str, &str),
    ) -> Result<DeclaredNode, String> {
        let Some(kind) = node.kind else {
            if node.flags.has(NodeFlags::COMMAND) {
                return Err("a command of the standard is none of CWMP".to_owned());
            }
            let object = self.object(&node.path)?.ok_or("the standard has no such object")?;
            if object.table != node.flags.has(NodeFlags::TABLE) {
                return Err(if object.table { "is a table" } else { "is no table" }.to_owned());
            }
            if node.flags.has(NodeFlags::WRITABLE) && !object.writable {
                return Err("the standard lets nobody add rows to it".to_owned());
            }
            let facets = laid_over(node, &object.facets, complain)?;
            return Ok(DeclaredNode { facets, ..node.clone() });
        };
        let missing = "the standard has no such parameter";
        let name = path::last_part(&node.path);
        let object = self.object(path::parent(&node.path))?.ok_or(missing)?;
        let known = object.parameters.binary_search_by(|p| p.name.as_str().cmp(name));
        let parameter: &Parameter = &object.parameters[known.map_err(|_| missing)?];
        if parameter.kind != kind {
            return Err(format!("is {}, in the standard it is {}", kind.name(), parameter.kind.name()));
        }
        if node.flags.has(NodeFlags::WRITABLE) && !parameter.is_writable() {
            return Err("can be set, in the standard it is read-only".to_owned());
        }
        let mut flags = node.flags;
        for given in [NodeFlags::FORCED, NodeFlags::FORCED_DEFAULT, NodeFlags::SECRET] {
            if parameter.flags.has(given) {
                flags = flags.with(given);
            }
        }
        // C129: only what the standard says so of may refuse active notification.
        if flags.has(NodeFlags::PASSIVE) && !parameter.flags.has(NodeFlags::PASSIVE) {
            flags = NodeFlags(flags.0 & !NodeFlags::PASSIVE.0);
        }
        let facets = laid_over(node, &parameter.facets, complain)?;
        Ok(DeclaredNode { flags, facets, ..node.clone() })
    }
}

impl Look<'_> {
    /// The alias of the rows of a table, where the standard has one: the agent keeps it, so no provider declares it.
    fn alias(&mut self, node: &DeclaredNode) -> Option<DeclaredNode> {
        let path = node.path.as_str();
        let object = self.object(path).ok()?.filter(|object| node.kind.is_none() && object.table)?;
        let alias = object.parameters.iter().find(|parameter| parameter.name == ALIAS)?;
        Some(DeclaredNode {
            path: format!("{path}{ALIAS}"),
            kind: Some(alias.kind),
            flags: NodeFlags::WRITABLE,
            facets: alias.facets.clone(),
        })
    }
}

/// The facets that hold: those of the standard, narrowed by the provider.
fn laid_over(
    node: &DeclaredNode,
    standard: &str,
    complain: &mut impl FnMut(&str, &str),
) -> Result<String, String> {
    if node.facets.is_empty() || node.facets == standard {
        return Ok(standard.to_owned());
    }
    let own = Facets::parse(&node.facets).map_err(|error| error.to_string())?;
    let standard = Facets::parse(standard).map_err(|error| format!("the tables are damaged: {error}"))?;
    let (laid, wider) = own.within(&standard);
    for key in wider {
        complain(&node.path, &format!("'{key}' allows more than the standard, whose '{key}' holds"));
    }
    Ok(laid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cwmp_model::ValueType;

    fn standard() -> Standard {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/models");
        let standard = Standard::open(&models);
        assert!(standard.library.is_some());
        standard
    }

    fn node(path: &str, kind: Option<ValueType>, flags: NodeFlags, facets: &str) -> DeclaredNode {
        DeclaredNode { path: path.into(), kind, flags, facets: facets.into() }
    }

    fn judged(node: DeclaredNode) -> Option<DeclaredNode> {
        standard().judge("p", &[], &[node]).into_iter().next()
    }

    const TEXT: Option<ValueType> = Some(ValueType::String);
    const NONE: NodeFlags = NodeFlags(0);

    #[test]
    fn what_the_standard_does_not_have_is_left_out() {
        let table = NodeFlags::OBJECT.with(NodeFlags::TABLE);
        for wrong in [
            node("Device.DeviceInfo.Nonsense", TEXT, NONE, ""),
            node("Device.Nonsense.", None, NodeFlags::OBJECT, ""),
            node("Device.Nonsense.Name", TEXT, NONE, ""),
            node("Device.DeviceInfo.UpTime", TEXT, NONE, ""),
            node("Device.DeviceInfo.UpTime", Some(ValueType::UnsignedInt), NodeFlags::WRITABLE, ""),
            node("Device.DeviceInfo.Processor.{i}.", None, table.with(NodeFlags::WRITABLE), ""),
            node("Device.DeviceInfo.", None, table, ""),
            node("Device.Ethernet.Interface.{i}.", None, NodeFlags::OBJECT, ""),
            node("Device.Reboot()", None, NodeFlags::COMMAND, ""),
        ] {
            assert_eq!(judged(wrong.clone()), None, "{wrong:?}");
        }
    }

    /// C148: a vendor's nodes are the vendor's, also below objects of the standard.
    #[test]
    fn a_vendors_nodes_are_as_they_are_declared() {
        for own in [
            node("Device.X_ACME_House.Lamp.{i}.Colour", TEXT, NodeFlags::WRITABLE, "enum=Red"),
            node("Device.WiFi.X_ACME_Mesh", TEXT, NONE, ""),
        ] {
            assert_eq!(judged(own.clone()), Some(own));
        }
    }

    #[test]
    fn what_is_not_said_comes_from_the_tables() {
        let said = node("Device.DeviceInfo.ProvisioningCode", TEXT, NodeFlags::WRITABLE, "");
        let full = judged(said).unwrap();
        assert_eq!(full.facets, "size=:64");
        // C129: active notification of it cannot be turned off, whatever its provider says.
        assert!(full.flags.has(NodeFlags::FORCED));
        let mac = judged(node("Device.Ethernet.Interface.{i}.MACAddress", TEXT, NONE, "")).unwrap();
        assert!(mac.facets.contains("pattern="), "{}", mac.facets);
    }

    #[test]
    fn facets_narrow_and_do_not_widen() {
        let path = "Device.DeviceInfo.ProvisioningCode";
        assert_eq!(judged(node(path, TEXT, NONE, "size=:8")).unwrap().facets, "size=:8");
        assert_eq!(judged(node(path, TEXT, NONE, "size=:99")).unwrap().facets, "size=:64");
    }

    /// C129: active notification may be refused where the standard says so, and nowhere else.
    #[test]
    fn active_notification_is_refused_only_where_the_standard_allows_it() {
        let counter = "Device.Ethernet.Interface.{i}.Stats.BytesSent";
        let kept = judged(node(counter, Some(ValueType::UnsignedLong), NodeFlags::PASSIVE, "")).unwrap();
        assert!(kept.flags.has(NodeFlags::PASSIVE));
        let lost = judged(node(
            "Device.Ethernet.Interface.{i}.Enable",
            Some(ValueType::Boolean),
            NodeFlags::PASSIVE,
            "",
        ));
        assert!(!lost.unwrap().flags.has(NodeFlags::PASSIVE));
    }

    /// What a device finds has an alias as well as what an ACS adds, wherever the standard says so.
    #[test]
    fn every_table_has_the_alias_that_the_standard_gives_it() {
        let table = NodeFlags::OBJECT.with(NodeFlags::TABLE);
        let paths = |path: &str| {
            let judged = standard().judge("p", &[], &[node(path, None, table, "")]);
            judged.into_iter().map(|node| node.path).collect::<Vec<_>>()
        };
        let radios = "Device.WiFi.Radio.{i}.";
        assert_eq!(paths(radios), [radios.to_owned(), format!("{radios}Alias")]);
        let processes = "Device.DeviceInfo.ProcessStatus.Process.{i}.";
        assert_eq!(paths(processes), [processes], "the standard has none");
    }

    /// Where two versions of a model own the same paths, the manifest says which it is.
    #[test]
    fn a_provider_follows_the_version_of_its_manifest() {
        let old = node(
            "Device.Services.VoiceService.{i}.VoiceProfile.{i}.",
            None,
            NodeFlags::OBJECT.with(NodeFlags::TABLE),
            "",
        );
        assert!(!standard().judge("v", &[], std::slice::from_ref(&old)).is_empty());
        let models = ["VoiceService:2.0".to_owned()];
        assert_eq!(standard().judge("v", &models, std::slice::from_ref(&old)).len(), 0);
        let models = ["VoiceService:1.1".to_owned()];
        assert!(!standard().judge("v", &models, &[old]).is_empty());
    }

    /// A newer image has newer tables: a provider does not lose its part of the tree for that.
    #[test]
    fn a_version_that_is_not_at_hand_is_the_newest() {
        let name = node("Device.DeviceInfo.ProvisioningCode", TEXT, NodeFlags::WRITABLE, "");
        let models = ["Device:2.16".to_owned(), "VoiceService:1.1".to_owned()];
        let judged = standard().judge("p", &models, std::slice::from_ref(&name));
        assert_eq!(judged, standard().judge("p", &[], &[name]));
        assert_eq!(judged.len(), 1);
        assert_eq!(standard().chosen(&models), ["VoiceService:1.1"]);
    }

    /// What the agent serves itself is as the standard has it, with the same facets.
    #[test]
    fn the_agents_own_nodes_are_those_of_the_standard() {
        let own = crate::local::declarations().chain(super::super::supported::declarations());
        for declared in own {
            let node = node(declared.path, declared.kind, declared.flags, declared.facets);
            let bare = judged(DeclaredNode { facets: String::new(), ..node.clone() });
            let bare = bare.unwrap_or_else(|| panic!("{} is not in the standard", declared.path));
            let (own, standard) =
                (Facets::parse(&node.facets).unwrap(), Facets::parse(&bare.facets).unwrap());
            let (laid, wider) = own.within(&standard);
            assert_eq!(wider, Vec::<&str>::new(), "{}", declared.path);
            let judged = judged(node.clone()).unwrap();
            assert_eq!(judged.flags, node.flags, "{}", declared.path);
            let of_values = |f: &Facets| (f.ranges.clone(), f.sizes.clone(), f.enumeration.clone());
            let parsed = Facets::parse(&node.facets).unwrap();
            assert_eq!(
                of_values(&laid),
                of_values(&parsed),
                "{}: the agent says less than the standard",
                declared.path
            );
        }
    }

    #[test]
    fn without_tables_the_word_of_a_provider_counts() {
        let odd = [node("Device.Nonsense.Name", TEXT, NONE, "")];
        let none = Standard::open(Path::new("/nonexistent"));
        assert_eq!(none.judge("p", &[], &odd), odd);
    }
}
