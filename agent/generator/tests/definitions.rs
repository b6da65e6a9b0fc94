//! The checked-in tables against the definitions they are made from.
//!
//! The definitions are not part of the project: where they are absent the tests say "skipped". `CWMP_DEFINITIONS` names
//! their folder; without it they are sought beside the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cwmp_generator::document::Documents;
use cwmp_generator::flat::{self, version, Flat};
use cwmp_generator::syntax::Syntax;
use cwmp_generator::{generate, models};
use cwmp_model::schema::NodeFlags;
use cwmp_model::standard::{Library, ModelName, Object, Status, Version};
use cwmp_model::{Facets, ValueType};

/// The definitions, if they are there.
fn definitions() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bbf");
    let folder = std::env::var_os("CWMP_DEFINITIONS").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the definitions of the Broadband Forum are not here");
    None
}

fn tables() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/models")
}

#[test]
fn the_tables_are_what_the_generator_makes() {
    let Some(folder) = definitions() else { return };
    let generated = generate(&folder).unwrap();
    assert_eq!(generated.len(), 5);
    for made in generated {
        for (extension, text) in [("model", &made.model), ("profiles", &made.profiles)] {
            let path = tables().join(format!("{}.{extension}", made.name.file_stem()));
            let there = std::fs::read_to_string(&path).unwrap();
            let differs = there.lines().zip(text.lines()).find(|(a, b)| a != b);
            assert!(there == *text, "{} is not what the generator makes: {differs:?}", path.display());
        }
        assert_eq!(made.remarks, Vec::<String>::new(), "{}: what was not taken over", made.name);
    }
}

/// Counters whose type the definition of the interface overrides. The list has that of the component they come from.
const OVERRIDDEN: [&str; 8] = [
    "Device.Cellular.Interface.{i}.Stats.DiscardPacketsReceived",
    "Device.Cellular.Interface.{i}.Stats.DiscardPacketsSent",
    "Device.Cellular.Interface.{i}.Stats.ErrorsReceived",
    "Device.Cellular.Interface.{i}.Stats.ErrorsSent",
    "Device.Cellular.Interface.{i}.Stats.UnknownProtoPacketsReceived",
    "Device.DOCSIS.Interface.{i}.Stats.DiscardPacketsReceived",
    "Device.DOCSIS.Interface.{i}.Stats.DiscardPacketsSent",
    "Device.DOCSIS.Interface.{i}.Stats.UnknownProtoPacketsReceived",
];

/// A line of a flattened list that another program made from the same definitions.
struct Line<'a> {
    access: &'a str,
    kind: &'a str,
    status: &'a str,
    forced_inform: bool,
    active_notify: &'a str,
    flags: Vec<&'a str>,
    version: Option<Version>,
}

fn lines(text: &str) -> BTreeMap<&str, Line<'_>> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [path, access, kind, status, forced, notify, flags, version] = columns[..] else {
            panic!("eight columns: {line}")
        };
        let line = Line {
            access,
            kind,
            status,
            forced_inform: forced == "true",
            active_notify: notify,
            flags: flags.split(',').filter(|f| !f.is_empty()).collect(),
            version: flat::version(version),
        };
        (path, line)
    })
    .collect()
}

/// The lists, and what stands before their paths in the tables.
const LISTS: [(&str, &str, &str); 5] = [
    ("Device:2.19", "device-2.19.tsv", ""),
    ("STBService:1.4", "stbservice-1.4.tsv", "Device.Services."),
    ("VoiceService:2.0", "voiceservice-2.0.tsv", "Device.Services."),
    ("VoiceService:1.1", "voiceservice-1.1.tsv", "Device.Services."),
    ("StorageService:1.3", "storageservice-1.3.tsv", "Device.Services."),
];

/// The version that stands at an element is that of the list. The tables have the one that counts: an element is not older
/// than the component it came with.
#[test]
fn the_versions_at_the_elements_are_those_of_the_list() {
    let Some(folder) = definitions() else { return };
    for ((documents, document), (_, file, prefix)) in models::load(&folder).unwrap().iter().zip(LISTS) {
        let text = std::fs::read_to_string(folder.join("derived").join(file)).unwrap();
        let wanted = lines(&text);
        let flat = Flat::new(documents, *document).unwrap();
        for (path, object) in &flat.objects {
            let path = path.strip_prefix(prefix).unwrap();
            let own =
                |attributes: &BTreeMap<&str, &str>| attributes.get("version").map(|v| version(v).unwrap());
            if let Some(line) = wanted.get(path) {
                assert_eq!(own(&object.attributes), line.version, "{path}");
            }
            for (name, parameter) in &object.parameters {
                let path = format!("{path}{name}");
                assert_eq!(own(&parameter.attributes), wanted[path.as_str()].version, "{path}");
            }
        }
    }
}

/// Every object and parameter has the path, access, type, status, forced inform, notification rule and flags of the list.
#[test]
fn the_tables_say_what_another_program_read_from_the_definitions() {
    let Some(folder) = definitions() else { return };
    let library = Library::open(&tables()).unwrap();
    for (model, file, prefix) in LISTS {
        let text = std::fs::read_to_string(folder.join("derived").join(file)).unwrap();
        let mut wanted = lines(&text);
        for object in library.objects(&ModelName::parse(model).unwrap()).unwrap() {
            let object = object.unwrap();
            if !object.extension {
                let path = object.path.strip_prefix(prefix).unwrap();
                let line = wanted.remove(path).unwrap_or_else(|| panic!("{path} is not in the list"));
                compare_object(&object, &line);
            }
            for parameter in &object.parameters {
                let path = format!("{}{}", object.path, parameter.name);
                let line = wanted.remove(path.strip_prefix(prefix).unwrap());
                let line = line.unwrap_or_else(|| panic!("{path} is not in the list"));
                compare_parameter(&object, parameter, &path, &line);
            }
        }
        assert_eq!(wanted.keys().collect::<Vec<_>>(), Vec::<&&str>::new(), "{model}: missing");
    }
}

fn compare_object(object: &Object, line: &Line<'_>) {
    let path = &object.path;
    assert_eq!(line.kind, "object", "{path}");
    assert_eq!(object.writable, line.access == "readWrite", "{path}");
    assert_eq!(object.table, line.flags.contains(&"table"), "{path}");
    assert_eq!(status(object.status), line.status, "{path}");
    assert!(line.version.is_none_or(|v| object.since >= v), "{path}: {}", object.since);
}

fn compare_parameter(
    object: &Object,
    parameter: &cwmp_model::standard::Parameter,
    path: &str,
    line: &Line<'_>,
) {
    let has = |flag| parameter.flags.has(flag);
    assert_eq!(has(NodeFlags::WRITABLE), line.access != "readOnly", "{path}");
    let facets = Facets::parse(&parameter.facets).unwrap();
    let is_list = facets.list.is_some();
    // A list by its named type, which the flattened list does not look into.
    let is_named_list = parameter.data_type.as_deref() == Some("MocaBand");
    assert_eq!(is_list, line.flags.contains(&"list") || is_named_list, "{path}");
    let wanted = if OVERRIDDEN.contains(&path) { "dataType:StatsCounter64" } else { line.kind };
    match wanted.strip_prefix("dataType:") {
        Some(name) => assert_eq!(parameter.data_type.as_deref(), Some(name), "{path}"),
        None => {
            let base = if is_list { facets.item.unwrap_or(ValueType::String) } else { parameter.kind };
            assert_eq!(base.name(), wanted, "{path}");
            assert_eq!(parameter.data_type, None, "{path}");
        }
    }
    assert_eq!(status(parameter.status), line.status, "{path}");
    assert_eq!(has(NodeFlags::INFORM), line.forced_inform, "{path}");
    let notify = match () {
        () if has(NodeFlags::FORCED) => "forceEnabled",
        () if has(NodeFlags::FORCED_DEFAULT) => "forceDefaultEnabled",
        () if has(NodeFlags::PASSIVE) => "canDeny",
        () => "",
    };
    assert_eq!(notify, line.active_notify, "{path}");
    let secret = line.flags.iter().any(|f| matches!(*f, "hidden" | "secured"));
    assert_eq!(has(NodeFlags::SECRET), secret, "{path}");
    assert_eq!(has(NodeFlags::COMMAND), line.flags.contains(&"command"), "{path}");
    // A parameter is as old as it says, but not older than what it came with.
    let own = line.version.unwrap_or_default();
    assert!(parameter.since >= own.max(object.since), "{path}: {}", parameter.since);
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Current => "current",
        Status::Deprecated => "deprecated",
        Status::Obsoleted => "obsoleted",
    }
}

/// Models that are not shipped are flattened by the same rules.
#[test]
fn other_models_have_the_nodes_of_their_lists() {
    let Some(folder) = definitions() else { return };
    for (document, file) in [
        ("tr-181-2-17-0-cwmp-full.xml", "device-2.17.tsv"),
        ("tr-181-1-7-0-full.xml", "device-1.14.tsv"),
        ("tr-098-1-8-0-full.xml", "igd-1.14.tsv"),
    ] {
        let mut documents = Documents::new(&folder.join("dm"));
        let number = documents.load(document).unwrap();
        let flat = Flat::new(&documents, number).unwrap();
        let text = std::fs::read_to_string(folder.join("derived").join(file)).unwrap();
        let mut wanted = lines(&text);
        for (path, object) in &flat.objects {
            wanted.remove(path.as_str()).unwrap_or_else(|| panic!("{path} is not in {file}"));
            for (name, parameter) in &object.parameters {
                let path = format!("{path}{name}");
                let line = wanted.remove(path.as_str()).unwrap_or_else(|| panic!("{path} is not in {file}"));
                let access = parameter.attributes.get("access").copied().unwrap_or("readOnly");
                assert_eq!(access, line.access, "{path}");
                let syntax = Syntax::new(&documents, &path, &parameter.syntaxes).unwrap();
                let kind = match &syntax.data_type {
                    Some(name) => format!("dataType:{name}"),
                    None => syntax.base,
                };
                assert_eq!(kind, line.kind, "{path}");
            }
        }
        assert_eq!(wanted.keys().collect::<Vec<_>>(), Vec::<&&str>::new(), "{file}: missing");
    }
}
