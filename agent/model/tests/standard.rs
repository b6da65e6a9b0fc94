//! The tables of the standard's data models, as they are checked in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cwmp_model::facets::{Giver, MAX_TEXT};
use cwmp_model::schema::{Declaration, NodeFlags, Schema};
use cwmp_model::standard::{
    write_model, Library, LibraryError, ModelName, Object, Profile, Requirement, Requires, Status, Version,
    MAX_BLOCK, MAX_FILE,
};
use cwmp_model::{Facets, ValueType};
use proptest::prelude::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

fn library() -> Library {
    Library::open(&folder()).unwrap()
}

fn objects(library: &Library, model: &ModelName) -> Vec<Object> {
    library.objects(model).unwrap().collect::<Result<_, _>>().unwrap()
}

fn name(text: &str) -> ModelName {
    ModelName::parse(text).unwrap()
}

/// What the Broadband Forum publishes: objects, tables, tables that take rows, parameters, parameters that can be set.
#[test]
fn the_tables_have_as_many_nodes_as_the_standard() {
    let library = library();
    let names: Vec<String> = library.models().iter().map(ToString::to_string).collect();
    let wanted =
        ["Device:2.19", "STBService:1.4", "StorageService:1.3", "VoiceService:2.0", "VoiceService:1.1"];
    assert_eq!(names, wanted);
    for (model, objects_there, parameters_there) in [
        ("Device:2.19", 860, 7210),
        ("STBService:1.4", 99, 519),
        ("StorageService:1.3", 19, 126),
        ("VoiceService:2.0", 113, 849),
        ("VoiceService:1.1", 43, 350),
    ] {
        let objects = objects(&library, &name(model));
        assert_eq!(objects.iter().filter(|o| !o.extension).count(), objects_there, "{model}");
        assert_eq!(objects.iter().map(|o| o.parameters.len()).sum::<usize>(), parameters_there, "{model}");
        assert_eq!(objects.iter().filter(|o| o.extension).count(), usize::from(model != "Device:2.19"));
    }
    let device = objects(&library, &name("Device:2.19"));
    let tables: Vec<&Object> = device.iter().filter(|o| o.table).collect();
    assert_eq!(tables.len(), 439);
    assert_eq!(tables.iter().filter(|o| o.writable).count(), 191);
    assert_eq!(device.iter().flat_map(|o| &o.parameters).filter(|p| p.is_writable()).count(), 2644);
}

#[test]
fn every_object_is_found_by_its_path() {
    let library = library();
    for model in library.models() {
        let mut paths = Vec::new();
        for object in objects(&library, &model) {
            if !object.extension {
                let choice = model.to_string();
                assert_eq!(
                    library.object(&object.path, Some(&choice)).unwrap().as_ref(),
                    Some(&with_services(&library, &object))
                );
            }
            let names: Vec<&String> = object.parameters.iter().map(|p| &p.name).collect();
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{}: sorted", object.path);
            paths.push(object.path);
        }
        assert!(paths.windows(2).all(|pair| pair[0] < pair[1]), "{model}: sorted");
        for path in &paths {
            // What lies between two paths is not there.
            for other in [format!("{path}!"), format!("{path}~."), path.trim_end_matches('.').to_owned()] {
                assert_eq!(library.object(&other, None).unwrap(), None, "{other}");
            }
        }
    }
    for nothing in ["", ".", "Device", "Device.Nothing.", "InternetGatewayDevice.", "\u{10ffff}", "\0"] {
        assert_eq!(library.object(nothing, None).unwrap(), None, "{nothing}");
    }
}

/// The object that holds the services has their counts too.
fn with_services(library: &Library, object: &Object) -> Object {
    if object.path == "Device.Services." {
        return library.object("Device.Services.", None).unwrap().unwrap();
    }
    object.clone()
}

#[test]
fn a_service_adds_its_count_to_the_object_above_it() {
    let library = library();
    let services = library.object("Device.Services.", None).unwrap().unwrap();
    assert!(!services.extension);
    let names: Vec<&str> = services.parameters.iter().map(|p| p.name.as_str()).collect();
    let wanted =
        ["STBServiceNumberOfEntries", "StorageServiceNumberOfEntries", "VoiceServiceNumberOfEntries"];
    assert_eq!(names, wanted);
    let count = library.parameter("Device.Services.VoiceServiceNumberOfEntries", None).unwrap().unwrap();
    assert_eq!(count.kind, ValueType::UnsignedInt);
    assert_eq!(library.parameter("Device.Services.", None).unwrap(), None);
    assert_eq!(library.parameter("Device", None).unwrap(), None);
}

#[test]
fn where_two_versions_have_a_path_the_newest_counts_unless_one_is_chosen() {
    let library = library();
    let path = "Device.Services.VoiceService.{i}.Alias";
    assert!(library.parameter(path, None).unwrap().is_some());
    let shared = "Device.Services.VoiceService.{i}.";
    let newest = library.object(shared, None).unwrap().unwrap();
    assert_eq!(newest, library.object(shared, Some("VoiceService:2.0")).unwrap().unwrap());
    let chosen = library.object(shared, Some("VoiceService:1.1")).unwrap().unwrap();
    assert_ne!(newest, chosen);
    // A path that only one of them has is found without a choice, and not in the other.
    let old = "Device.Services.VoiceService.{i}.VoiceProfile.{i}.";
    assert!(library.object(old, None).unwrap().is_some());
    assert_eq!(library.object(old, Some("VoiceService:2.0")).unwrap(), None);
    // A choice among one model's versions says nothing about other models.
    assert!(library.object("Device.DeviceInfo.", Some("VoiceService:1.1")).unwrap().is_some());
    for unknown in ["VoiceService:3.0", "VoiceService", ""] {
        assert!(matches!(library.object(shared, Some(unknown)), Err(LibraryError::Unknown(_))));
    }
}

/// C107, C136: a declaration made of a table's line is taken by the schema, which checks default against type and facets.
#[test]
fn every_node_of_every_model_can_be_declared() {
    let library = library();
    for model in library.models() {
        let mut schema = Schema::new();
        for object in objects(&library, &model) {
            let mut flags = NodeFlags::OBJECT;
            for (is_so, flag) in [(object.table, NodeFlags::TABLE), (object.writable, NodeFlags::WRITABLE)] {
                flags = if is_so { flags.with(flag) } else { flags };
            }
            let facets = object.facets.as_str();
            schema.declare(1, &Declaration { path: &object.path, kind: None, flags, facets }).unwrap();
            for parameter in &object.parameters {
                assert!(parameter.facets.len() <= MAX_TEXT);
                let facets = Facets::parse(&parameter.facets).unwrap();
                assert_eq!(facets.to_string(), parameter.facets, "written as it is read");
                if let Some(value) = &facets.factory {
                    let value = parameter.kind.canonical(value).unwrap();
                    facets.check(parameter.kind, &value, Giver::Device).unwrap();
                }
                let path = format!("{}{}", object.path, parameter.name);
                if schema.find(&path).is_some() {
                    continue; // A count that its table brought.
                }
                let declaration = Declaration {
                    path: &path,
                    kind: Some(parameter.kind),
                    flags: parameter.flags,
                    facets: &parameter.facets,
                };
                schema.declare(1, &declaration).unwrap();
            }
        }
    }
}

/// C144, C145: what keys, counts and references name is there.
#[test]
fn every_name_that_facets_have_is_a_node() {
    let library = library();
    let mut paths = BTreeSet::new();
    for object in library.models().iter().flat_map(|model| objects(&library, model)) {
        paths.extend(object.parameters.iter().map(|p| format!("{}{}", object.path, p.name)));
        paths.insert(object.path);
    }
    for object in library.models().iter().flat_map(|model| objects(&library, model)) {
        let facets = Facets::parse(&object.facets).unwrap();
        let keys = facets.unique_keys.iter().chain(&facets.permanent_keys).flatten();
        for leaf in keys.chain(&facets.enable) {
            assert!(object.parameters.iter().any(|p| p.name == *leaf), "{}{leaf}", object.path);
        }
        let above = object.path.trim_end_matches("{i}.").trim_end_matches('.').rsplit_once('.');
        let above = above.map_or("", |(above, _)| above);
        if let Some(leaf) = &object.count {
            assert!(paths.contains(&format!("{above}.{leaf}")), "{above}.{leaf}");
        }
        for parameter in &object.parameters {
            let facets = Facets::parse(&parameter.facets).unwrap();
            for path in facets.references.iter().chain(&facets.values_from) {
                assert!(paths.contains(path), "{}{}: {path}", object.path, parameter.name);
            }
            for value in &parameter.optional {
                let known = facets.enumeration.contains(value) || facets.device_only.contains(value);
                assert!(known, "{}{}: {value}", object.path, parameter.name);
            }
        }
    }
}

/// C146: what is secured is secret, what starts something is a command; C75, C129: forced Informs and notifications.
#[test]
fn some_parameters_are_what_the_standard_says() {
    let library = library();
    let get = |path: &str| library.parameter(path, None).unwrap().unwrap();
    let url = get("Device.ManagementServer.URL");
    assert_eq!((url.kind, url.is_writable()), (ValueType::String, true));
    assert_eq!(url.facets, "size=:2048");
    assert_eq!(url.data_type.as_deref(), Some("URL"));
    assert!(get("Device.ManagementServer.Password").flags.has(NodeFlags::SECRET));
    assert!(get("Device.ManagementServer.ConnectionRequestURL").flags.has(NodeFlags::FORCED_DEFAULT));
    assert!(get("Device.DeviceInfo.ProvisioningCode").flags.has(NodeFlags::FORCED));
    assert!(get("Device.ManagementServer.ConnectionRequestURL").flags.has(NodeFlags::INFORM));
    assert!(get("Device.DeviceInfo.SoftwareVersion").flags.has(NodeFlags::INFORM));
    assert!(get("Device.DeviceInfo.UpTime").flags.has(NodeFlags::PASSIVE));
    let interval = get("Device.ManagementServer.PeriodicInformInterval");
    assert_eq!((interval.kind, interval.facets.as_str()), (ValueType::UnsignedInt, "range=1:"));
    assert_eq!(interval.units.as_deref(), Some("seconds"));
    let state = get("Device.IP.Diagnostics.IPPing.DiagnosticsState");
    let facets = Facets::parse(&state.facets).unwrap();
    assert_eq!(facets.enumeration, ["Requested", "Canceled"]);
    assert!(facets.device_only.contains(&"Error_CannotResolveHostName".to_owned()));
    assert!(state.optional.contains(&"Canceled".to_owned()));
    let mapping = library.object("Device.NAT.PortMapping.{i}.", None).unwrap().unwrap();
    assert!(mapping.table && mapping.writable);
    assert_eq!(mapping.count.as_deref(), Some("PortMappingNumberOfEntries"));
    let facets = Facets::parse(&mapping.facets).unwrap();
    assert_eq!(facets.enable.as_deref(), Some("Enable"));
    assert_eq!(facets.unique_keys, [["RemoteHost", "ExternalPort", "Protocol"]]);
    assert_eq!(facets.permanent_keys, [["Alias"]]);
    // What the model for this protocol makes of a row's handle.
    assert!(get("Device.NAT.PortMapping.{i}.Alias").is_writable());
    assert_eq!(get("Device.DeviceInfo.Processor.{i}.Architecture").since, Version { major: 2, minor: 1 });
    assert_eq!(get("Device.WiFi.Radio.{i}.Enable").status, Status::Current);
    assert!(get("Device.WiFi.SSID.{i}.Stats.Reset").flags.has(NodeFlags::COMMAND));
}

/// The patterns of all models: each compiles here, takes what it should and refuses what it should not.
#[test]
fn every_pattern_takes_what_is_meant_and_refuses_the_rest() {
    let examples: BTreeMap<&str, (&[&str], &[&str])> = include!("standard/patterns.rs").into_iter().collect();
    let library = library();
    let mut seen = BTreeSet::new();
    for object in library.models().iter().flat_map(|model| objects(&library, model)) {
        for parameter in &object.parameters {
            let facets = Facets::parse(&parameter.facets).unwrap();
            seen.extend(facets.patterns.iter().map(|p| p.as_str().to_owned()));
        }
    }
    for pattern in &seen {
        let (good, bad) =
            examples.get(pattern.as_str()).unwrap_or_else(|| panic!("no examples of {pattern}"));
        let pattern = cwmp_model::facets::Pattern::new(pattern).unwrap();
        for value in *good {
            assert!(pattern.matches(value), "{} takes {value}", pattern.as_str());
        }
        for value in *bad {
            assert!(!pattern.matches(value), "{} refuses {value}", pattern.as_str());
        }
        assert!(!good.is_empty() && !bad.is_empty());
    }
    let unused: Vec<_> = examples.keys().filter(|p| !seen.contains(**p)).collect();
    assert_eq!(unused, Vec::<&&str>::new(), "examples of patterns that are not there");
}

#[test]
fn a_profile_has_what_it_inherits() {
    let library = library();
    let profiles = library.profiles(&name("Device:2.19")).unwrap();
    let get = |name: &str| profiles.iter().find(|p| p.name == name);
    let baseline = get("Baseline:4").unwrap();
    let requires = |profile: &Profile, path: &str| {
        profile.requirements.iter().find(|r| r.path == path).map(|r| r.access)
    };
    for (path, access) in [
        ("Device.RootDataModelVersion", Requires::ReadOnly),
        ("Device.InterfaceStackNumberOfEntries", Requires::ReadOnly),
        ("Device.DeviceInfo.ProvisioningCode", Requires::ReadWrite),
        ("Device.DeviceInfo.UpTime", Requires::ReadOnly),
        ("Device.InterfaceStack.{i}.HigherLayer", Requires::ReadOnly),
        ("Device.DNS.Client.Enable", Requires::ReadWrite),
        ("Device.DNS.Client.Server.{i}.", Requires::CreateDelete),
        ("Device.ManagementServer.PeriodicInformInterval", Requires::ReadWrite),
        ("Device.ManagementServer.UpgradesManaged", Requires::ReadWrite),
    ] {
        assert_eq!(requires(baseline, path), Some(access), "{path}");
    }
    // Deleted ones, and those that only others build on, are not there.
    assert!(get("Baseline:1").is_none() && get("_Baseline:4").is_none());
    let stb = library.profiles(&name("STBService:1.4")).unwrap();
    assert!(stb.iter().all(|p| !p.name.starts_with('_')));
    for model in library.models() {
        let profiles = library.profiles(&model).unwrap();
        assert!(!profiles.is_empty());
        for profile in profiles {
            for requirement in &profile.requirements {
                let path = &requirement.path;
                let there = match path.strip_suffix('.') {
                    Some(_) => library.object(path, Some(&model.to_string())).unwrap().is_some(),
                    None => library.parameter(path, Some(&model.to_string())).unwrap().is_some(),
                };
                assert!(there, "{}: {path}", profile.name);
            }
            let places: Vec<_> = profile.requirements.iter().map(Requirement::place).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{}: sorted, each once", profile.name);
        }
    }
}

#[cfg(feature = "embedded-models")]
#[test]
fn the_models_inside_the_program_are_those_of_the_folder() {
    let (inside, outside) = (Library::embedded(), library());
    assert_eq!(inside.models(), outside.models());
    for model in inside.models() {
        assert_eq!(objects(&inside, &model), objects(&outside, &model));
        assert_eq!(inside.profiles(&model).unwrap(), outside.profiles(&model).unwrap());
        for object in objects(&inside, &model).iter().filter(|o| !o.extension) {
            let choice = model.to_string();
            let found = inside.object(&object.path, Some(&choice)).unwrap();
            assert_eq!(found, outside.object(&object.path, Some(&choice)).unwrap());
        }
    }
}

/// Reads everything there is in a model and its profiles; an error is as good as an answer.
fn read_all(model: &[u8], profiles: &[u8], paths: &[&str]) -> Result<(), LibraryError> {
    let library = Library::in_memory(model.to_vec(), profiles.to_vec())?;
    for path in paths {
        let _ = library.object(path, None);
    }
    for model in library.models() {
        library.objects(&model)?.try_for_each(|object| object.map(|_| ()))?;
        library.profiles(&model)?;
    }
    Ok(())
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("X-1.0.model")).unwrap();
    file.set_len(MAX_FILE + 1).unwrap();
    assert!(matches!(Library::open(folder.path()), Err(LibraryError::Malformed { .. })));
    let profiles = tempfile::tempdir().unwrap();
    std::fs::copy(self::folder().join("STBService-1.4.model"), profiles.path().join("S.model")).unwrap();
    let file = std::fs::File::create(profiles.path().join("S.profiles")).unwrap();
    file.set_len(MAX_FILE + 1).unwrap();
    let library = Library::open(profiles.path()).unwrap();
    assert!(matches!(library.profiles(&name("STBService:1.4")), Err(LibraryError::Malformed { .. })));
}

#[test]
fn an_object_that_is_too_long_is_refused() {
    let parameter = "\tX\tstring\n".repeat(MAX_BLOCK / 10 + CHUNK);
    let text = format!("cwmp-model 1\tX:1.0\tDevice.\turn:x\nDevice.A.\t1.0\n{parameter}");
    let error = read_all(text.as_bytes(), b"", &["Device.A."]).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

/// More than is read at once.
const CHUNK: usize = 4096;

#[test]
fn a_folder_without_profiles_has_none_and_one_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(self::folder().join("STBService-1.4.model"), folder.path().join("S.model")).unwrap();
    let library = Library::open(folder.path()).unwrap();
    assert_eq!(library.profiles(&name("STBService:1.4")).unwrap(), []);
    assert!(matches!(library.profiles(&name("Device:2.19")), Err(LibraryError::Unknown(_))));
    assert!(matches!(Library::open(&folder.path().join("x")), Err(LibraryError::Read { .. })));
}

#[test]
fn a_table_with_a_line_end_in_a_facet_cannot_be_written() {
    let object = Object { path: "Device.".into(), facets: "default=a\nb".into(), ..Object::default() };
    assert_eq!(write_model(&name("X:1.0"), "Device.", "urn:x", &[object]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A file that was cut, shuffled or overwritten is an error or another model: no panic, no endless search.
    #[test]
    fn a_damaged_file_is_read_to_an_end(
        cut in 0usize..40_000,
        moved in proptest::collection::vec((0usize..40_000, 0usize..40_000), 0..4),
        written in proptest::collection::vec((0usize..40_000, any::<u8>()), 0..40),
    ) {
        let damage = |file: &str| {
            let mut bytes = std::fs::read(folder().join(file)).unwrap();
            for (from, to) in &moved {
                let (from, to) = (from % bytes.len(), to % bytes.len());
                bytes[from.min(to)..].rotate_left(from.abs_diff(to));
            }
            for (at, byte) in &written {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            bytes.truncate(cut);
            bytes
        };
        let paths = ["Device.Services.STBService.{i}.", "Device.Services.STBService.{i}.Components.", "Device."];
        let _ = read_all(&damage("STBService-1.4.model"), &damage("STBService-1.4.profiles"), &paths);
    }

    #[test]
    fn rubbish_is_read_to_an_end(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\t'), Just(b'.'), any::<u8>()], 0..600),
        path in "[ -~]{0,20}",
    ) {
        let mut model = b"cwmp-model 1\tX:1.0\tD.\turn:x\n".to_vec();
        model.extend_from_slice(&bytes);
        let _ = read_all(&model, &bytes, &["D.", &path, &format!("D.{path}")]);
        let _ = read_all(&bytes, &bytes, &["D."]);
    }
}
