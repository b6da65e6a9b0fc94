//! `Device.DeviceInfo.SupportedDataModel.`: a row for each model of which the tree serves something, and the device type
//! document that its URL leads to. Both are made from the tree as it is.

use std::fmt::Write as _;
use std::sync::Arc;

use cwmp_model::schema::{Declaration, NodeId};
use cwmp_model::standard::{Library, ModelName};
use cwmp_model::{path, NodeFlags, NodeKind, ValueType};
use md5::{Digest as _, Md5};

use super::standard::Standard;
use super::tree::Tree;
use super::{lock, Core};
use crate::provider::{ReportedRow, Tables};

/// The table.
pub(crate) const TABLE: &str = "Device.DeviceInfo.SupportedDataModel.";
/// The name space of the device type schema (TR-106, annex B).
const NAME_SPACE: &str = "urn:broadband-forum-org:cwmp:devicetype-1-4";
/// Where service models lie.
const SERVICES: &str = "Device.Services.";

/// The agent's declarations of the table.
pub(crate) fn declarations() -> impl Iterator<Item = Declaration<'static>> {
    const R: NodeFlags = NodeFlags(0);
    let uuid = "size=36:36";
    let nodes = [
        ("Device.DeviceInfo.SupportedDataModel.{i}.", None, NodeFlags::OBJECT.with(NodeFlags::TABLE), ""),
        (
            "Device.DeviceInfo.SupportedDataModel.{i}.Alias",
            Some(ValueType::String),
            NodeFlags::WRITABLE,
            super::tree::ALIAS_FACETS,
        ),
        ("Device.DeviceInfo.SupportedDataModel.{i}.URL", Some(ValueType::String), R, "size=:2048"),
        ("Device.DeviceInfo.SupportedDataModel.{i}.UUID", Some(ValueType::String), R, uuid),
        ("Device.DeviceInfo.SupportedDataModel.{i}.URN", Some(ValueType::String), R, "size=:256"),
        ("Device.DeviceInfo.SupportedDataModel.{i}.Features", Some(ValueType::String), R, "list=:"),
    ];
    nodes.into_iter().map(|(path, kind, flags, facets)| Declaration { path, kind, flags, facets })
}

/// A model that the device supports.
#[derive(Debug)]
pub(crate) struct Supported {
    name: ModelName,
    urn: String,
    uuid: String,
}

impl Supported {
    /// The last part of its document's URL.
    fn file(&self) -> String {
        format!("{}-{}.xml", self.name.file_stem(), self.uuid)
    }
}

/// The models of one tree.
pub(super) type Known = Option<(Arc<Tree>, Arc<Vec<Supported>>)>;

impl Core {
    /// The models of which the tree serves something. Made when somebody asks for the first time.
    fn supported(&self) -> Arc<Vec<Supported>> {
        let tree = self.tree();
        if let Some((of, models)) = &*lock(&self.supported) {
            if Arc::ptr_eq(of, &tree) {
                return Arc::clone(models);
            }
        }
        let named = self.providers().iter().flat_map(|p| p.manifest.models.clone()).collect::<Vec<_>>();
        let chosen = self.standard.chosen(&named);
        let models = Arc::new(models(&tree, &self.standard, &chosen, &self.device_type()));
        *lock(&self.supported) = Some((tree, Arc::clone(&models)));
        models
    }

    /// The rows of the agent's own table.
    pub(super) async fn own_tables(&self) -> Result<Tables, cwmp_model::Fault> {
        let models = self.supported();
        let keys: Vec<String> = models.iter().map(|m| m.name.to_string()).collect();
        let numbers = self.numbers_for(TABLE, &keys, |table| table == TABLE).await?;
        let row = |number| ReportedRow { number, alias: String::new(), deletable: false };
        let mut rows: Vec<ReportedRow> = numbers.into_iter().map(row).collect();
        rows.sort_unstable_by_key(|row| row.number);
        Ok(Tables::from([(TABLE.to_owned(), rows)]))
    }

    /// The value of a parameter in a row of the table, if that is one of its models.
    pub(super) fn supported_value(&self, name: &str) -> Option<String> {
        let (table, number) = path::split_row(path::parent(name))?;
        if table != TABLE {
            return None;
        }
        let key = {
            let state = self.persist.read();
            state.tables.get(TABLE)?.rows.get(&number)?.key.clone()?
        };
        let models = self.supported();
        let model = models.iter().find(|m| m.name.to_string() == key)?;
        Some(match path::last_part(name) {
            "URL" => self.document_url(model),
            "UUID" => model.uuid.clone(),
            "URN" => model.urn.clone(),
            "Features" => String::new(),
            _ => return None,
        })
    }

    /// The ACS puts the host of the connection request URL in the place of `localhost`.
    fn document_url(&self, model: &Supported) -> String {
        let status = lock(&self.status);
        let url = status.connection_request_url.as_str();
        // `http://HOST:PORT/PATH`, where the host may have colons; empty while nothing listens.
        let port_and_path = url.rsplit_once(':').map_or("", |(_, rest)| rest);
        if port_and_path.is_empty() {
            return String::new();
        }
        format!("http://localhost:{port_and_path}/{}", model.file())
    }

    /// The device type document of this name.
    pub(crate) fn device_type_document(&self, file: &str) -> Option<String> {
        if !self.truth(crate::local::ENABLE_CWMP) {
            return None;
        }
        let models = self.supported();
        let model = models.iter().find(|m| m.file() == file)?;
        let library = self.standard.library()?;
        Some(document(&self.tree(), library, model, &self.device_type()))
    }

    /// What all devices of this kind share.
    fn device_type(&self) -> String {
        let kind = self.identity.as_ref().map(crate::identity::Identity::device_type).unwrap_or_default();
        format!("urn:x-cwmpd:device-type:{kind}")
    }
}

fn models(tree: &Tree, standard: &Standard, chosen: &[String], device_type: &str) -> Vec<Supported> {
    let Some(library) = standard.library() else { return Vec::new() };
    let mut found: Vec<ModelName> = Vec::new();
    for model in library.models() {
        // A manifest says which of several versions of a model it is; otherwise the newest, which comes first.
        let name = format!("{}:", model.name);
        let other = chosen.iter().any(|c| c.starts_with(&name)) && !chosen.contains(&model.to_string());
        let is_known = found.iter().any(|known| known.name == model.name);
        if other || is_known || root(tree, &model).is_none() {
            continue;
        }
        found.push(model);
    }
    found
        .into_iter()
        .map(|name| {
            let urn = library.urn(&name).unwrap_or_default().to_owned();
            let mut model = Supported { name, urn, uuid: String::new() };
            // RFC 4122 wants one that differs whenever the text does.
            let text = document(tree, library, &model, device_type);
            model.uuid = uuid_of(&text);
            model
        })
        .collect()
}

/// The object in the tree that a model begins with.
fn root(tree: &Tree, model: &ModelName) -> Option<NodeId> {
    if model.name == "Device" {
        return tree.schema.find("Device.");
    }
    let table = tree.schema.find(&format!("{SERVICES}{}.", model.name))?;
    tree.schema.child(table, "{i}")
}

/// Describes what the tree serves of a model. What vendors add is no part of the model, and not in it.
fn document(tree: &Tree, library: &Library, model: &Supported, device_type: &str) -> String {
    let file = model.urn.rsplit(':').next().unwrap_or_default();
    let (name, urn) = (&model.name, &model.urn);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <dt:document xmlns:dt=\"{NAME_SPACE}\" deviceType=\"{device_type}\" uuid=\"{}\">\n\
         <import file=\"{file}.xml\" spec=\"{urn}\"><model name=\"{name}\"/></import>\n\
         <model ref=\"{name}\">\n",
        model.uuid
    );
    let is_service = model.name.name != "Device";
    if is_service {
        let _ = writeln!(out, "<parameter ref=\"{}NumberOfEntries\" access=\"readOnly\"/>", model.name.name);
    }
    for id in root(tree, &model.name).into_iter().flat_map(|root| tree.schema.below(root)) {
        let node = tree.schema.node(id);
        let full = tree.schema.path_of(id);
        let of_a_service = full.strip_prefix(SERVICES).filter(|rest| !rest.is_empty());
        // The path of a table itself is that of no object; its rows' is.
        if node.kind != NodeKind::Object || path::is_vendor(&full) || of_a_service.is_some() != is_service {
            continue;
        }
        let known = library.object(&full, Some(&name.to_string())).ok().flatten();
        let Some(known) = known.filter(|object| !object.extension) else { continue };
        let row = full.ends_with("{i}.");
        let writable = row && tree.schema.node(tree.schema.parent(id)).is_writable();
        let access = if writable { "createDelete" } else { "readOnly" };
        let least = if row { known.min_entries } else { 1 };
        let most = match known.max_entries {
            _ if !row => "1".to_owned(),
            Some(most) => most.to_string(),
            None => "unbounded".to_owned(),
        };
        let shown = of_a_service.unwrap_or(&full);
        let _ = writeln!(
            out,
            "<object ref=\"{shown}\" access=\"{access}\" minEntries=\"{least}\" maxEntries=\"{most}\">"
        );
        for child in tree.schema.children_of(id) {
            let node = tree.schema.node(child);
            if node.value_type().is_none() || path::is_vendor(node.name()) {
                continue;
            }
            let access = if node.is_writable() { "readWrite" } else { "readOnly" };
            let denies = if node.flags.has(NodeFlags::PASSIVE) { " activeNotify=\"willDeny\"" } else { "" };
            let _ = writeln!(out, "<parameter ref=\"{}\" access=\"{access}\"{denies}/>", node.name());
        }
        out.push_str("</object>\n");
    }
    out.push_str("</model>\n</dt:document>\n");
    out
}

/// The UUID that follows from a text (RFC 4122, version 3).
fn uuid_of(text: &str) -> String {
    let mut bytes: [u8; 16] = Md5::digest(text.as_bytes()).into();
    bytes[6] = bytes[6] & 0x0f | 0x30;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut uuid = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&i) {
            uuid.push('-');
        }
        // Writing to a text does not fail.
        let _ = write!(uuid, "{byte:02x}");
    }
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_follows_from_the_text() {
        let (one, other) = (uuid_of("a"), uuid_of("b"));
        assert_eq!((one.len(), &one[14..15]), (36, "3"));
        assert!("89ab".contains(&one[19..20]));
        assert_eq!(one, uuid_of("a"));
        assert_ne!(one, other);
    }
}
