//! Every parameter of the standard, from the ACS through SOAP, agent and bus to a provider and back.
//!
//! The providers are twins made from the tables: they serve every object with one row in each table, declare names, types and
//! access, and leave everything else to the agent. What they keep is text.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_e2e::native::{Native, PathFaults, PathIndexFaults, Serve, Step, Tables, Values};
use cwmp_e2e::Device;
use cwmp_model::facets::Giver;
use cwmp_model::standard::{Library, ModelName};
use cwmp_model::{Facets, NodeFlags};
use cwmp_test_values::{bad, good};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/model/models");
/// How many values are made for each parameter beside its edges and enumeration.
const COUNT: usize = 50;
/// How many values that a provider must not give are tried for each parameter.
const LIES: usize = 6;

/// A parameter of the standard.
#[derive(Debug, Clone)]
struct Parameter {
    /// Its name, every row being the first.
    name: String,
    kind: ValueType,
    writable: bool,
    secret: bool,
    facets: Facets,
}

/// What a twin keeps, by name.
type Kept = Arc<Mutex<HashMap<String, String>>>;

/// A provider of some objects.
struct Twin {
    nodes: Vec<(String, u8, u32, String)>,
    parameters: BTreeMap<String, ValueType>,
    tables: Vec<String>,
    kept: Kept,
    prepared: Mutex<HashMap<u64, Vec<(String, String)>>>,
}

impl Serve for Twin {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        self.nodes.clone()
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        let kept = self.kept.lock().unwrap();
        let mut values = Values::new();
        for path in paths {
            let mut all = self.parameters.range(path.clone()..);
            while let Some((name, kind)) = all.next().filter(|(name, _)| name.starts_with(path)) {
                values.push((name.clone(), kind.number(), kept.get(name).cloned().unwrap_or_default()));
                if !path.ends_with('.') {
                    break;
                }
            }
        }
        (values, Vec::new())
    }

    fn instances(&self) -> Tables {
        self.tables.iter().map(|table| (table.clone(), vec![(1, String::new(), 0)])).collect()
    }

    fn changes(&self, txn: u64, changes: &[(u32, u8, String, String)]) {
        let sets = changes.iter().map(|(_, _, path, value)| (path.clone(), value.clone()));
        self.prepared.lock().unwrap().insert(txn, sets.collect());
    }

    fn prepare(&self, _: zbus::Connection, _: u64, _: Vec<String>) -> Step<PathIndexFaults> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn commit(&self, txn: u64) -> Step<u32> {
        for (name, value) in self.prepared.lock().unwrap().remove(&txn).unwrap_or_default() {
            self.kept.lock().unwrap().insert(name, value);
        }
        Box::pin(async { Ok(0) })
    }
}

/// A whole model behind a device: twins that serve it, and the parameters that they have.
struct World {
    acs: Acs,
    parameters: Vec<Parameter>,
    kept: Kept,
    _natives: Vec<Native>,
    device: Device,
}

/// Whether the agent serves a node itself: a twin may not.
fn is_the_agents(path: &str) -> bool {
    let fixed = [
        "Device.RootDataModelVersion",
        "Device.DeviceInfo.Description",
        "Device.DeviceInfo.HardwareVersion",
        "Device.DeviceInfo.Manufacturer",
        "Device.DeviceInfo.ManufacturerOUI",
        "Device.DeviceInfo.ModelName",
        "Device.DeviceInfo.ProductClass",
        "Device.DeviceInfo.ProvisioningCode",
        "Device.DeviceInfo.SerialNumber",
    ];
    path.starts_with("Device.ManagementServer.")
        || path.starts_with("Device.DeviceInfo.SupportedDataModel.")
        || fixed.contains(&path)
        || path.ends_with("{i}.Alias")
}

impl World {
    /// Starts a device with twins that serve a model.
    fn new(model: &str) -> Self {
        let library = Library::open(Path::new(MODELS)).unwrap();
        let model = ModelName::parse(model).unwrap();
        let objects: Vec<_> = library.objects(&model).unwrap().map(Result::unwrap).collect();
        let mut counts = Vec::new();
        let mut parts: BTreeMap<String, Twin> = BTreeMap::new();
        let mut roots: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut parameters = Vec::new();
        let kept = Kept::default();
        for object in &objects {
            counts.extend(object.count.iter().map(|count| {
                let above = object.path.trim_end_matches("{i}.").trim_end_matches('.');
                format!("{}{count}", &above[..=above.rfind('.').unwrap()])
            }));
        }
        for object in objects.iter().filter(|object| !object.extension) {
            let root = root_of(&object.path);
            let mut own = Vec::new();
            let mut node = |path: String, kind: u8, flags: NodeFlags, root: String| {
                // More roots than one manifest may have.
                let name = if (root.as_bytes()[7] | 32) < b'i' { "one" } else { "two" };
                let known = roots.entry(name.to_owned()).or_default();
                if !known.contains(&root) {
                    known.push(root);
                }
                own.push((name, path, kind, flags));
            };
            if object.path != "Device." && object.path != "Device.DeviceInfo." && !is_the_agents(&object.path)
            {
                let mut flags = NodeFlags::OBJECT;
                if object.table {
                    flags = flags.with(NodeFlags::TABLE);
                }
                if object.writable {
                    flags = flags.with(NodeFlags::WRITABLE);
                }
                node(object.path.clone(), 0, flags, root.clone());
            }
            for parameter in &object.parameters {
                let path = format!("{}{}", object.path, parameter.name);
                if is_the_agents(&path)
                    || counts.contains(&path)
                    || parameter.name.ends_with("NumberOfEntries")
                {
                    continue;
                }
                let alone = object.path == "Device." || object.path == "Device.DeviceInfo.";
                let flags = if parameter.is_writable() { NodeFlags::WRITABLE } else { NodeFlags(0) };
                node(
                    path.clone(),
                    parameter.kind.number(),
                    flags,
                    if alone { path.clone() } else { root.clone() },
                );
                let name = path.replace("{i}", "1");
                let facets = Facets::parse(&parameter.facets).unwrap();
                let first = good(parameter.kind, &facets, Giver::Device, 1, 1);
                kept.lock().unwrap().insert(name.clone(), first.first().cloned().unwrap_or_default());
                parameters.push(Parameter {
                    name,
                    kind: parameter.kind,
                    writable: parameter.is_writable(),
                    secret: parameter.flags.has(NodeFlags::SECRET),
                    facets,
                });
            }
            for (name, path, kind, flags) in own {
                let twin = parts.entry(name.to_owned()).or_insert_with(|| Twin {
                    nodes: Vec::new(),
                    parameters: BTreeMap::new(),
                    tables: Vec::new(),
                    kept: Arc::clone(&kept),
                    prepared: Mutex::default(),
                });
                if let Some(table) = path.strip_suffix("{i}.") {
                    twin.tables.push(table.replace("{i}", "1"));
                }
                if let Some(kind) = ValueType::from_number(kind) {
                    twin.parameters.insert(path.replace("{i}", "1"), kind);
                }
                twin.nodes.push((path, kind, flags.0, String::new()));
            }
        }
        let acs = Acs::start(Options::default());
        let mut builder = Device::builder().acs(acs.url()).config("[inform]\nperiodic = false\n");
        for (name, roots) in &roots {
            let roots: Vec<String> = roots.iter().map(|root| format!("'{root}'")).collect();
            builder = builder.manifest(
                name,
                &format!(
                    "name = '{name}'\nroots = [{}]\nmodels = ['{model}']\n\
                     [deadlines]\nget_ms = 20000\nprepare_ms = 20000\ncommit_ms = 20000\nhard_ms = 30000\n",
                    roots.join(", ")
                ),
            );
        }
        let device = builder.start();
        acs.session().end();
        let mut natives = Vec::new();
        for (name, twin) in parts {
            let (native, announced) = Native::start(device.bus.address(), &name, twin);
            announced.unwrap();
            device.ready(&name);
            natives.push(native);
        }
        let complaints: Vec<String> =
            device.log().lines().filter(|line| line.contains("left out")).map(str::to_owned).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        Self { acs, parameters, kept, _natives: natives, device }
    }

    fn session(&self) -> Session {
        self.device.client().inform().unwrap();
        self.acs.session()
    }

    /// What the ACS reads of these parameters.
    fn read(session: &mut Session, parameters: &[&Parameter]) -> HashMap<String, (ValueType, String)> {
        let names: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
        let values = session.get(&names).unwrap();
        assert_eq!(values.len(), names.len());
        values.into_iter().map(|(name, value)| (name, (value.kind, value.text))).collect()
    }

    /// What an ACS can set. Values that must stand in another parameter have a test of their own.
    fn writable(&self) -> Vec<Parameter> {
        let free = |p: &&Parameter| p.writable && p.facets.values_from.is_none();
        self.parameters.iter().filter(free).cloned().collect()
    }

    /// Every value that an ACS may set arrives at the provider, and comes back as it was.
    fn good_values_round_trip(&self) -> usize {
        let parameters = self.writable();
        let all: Vec<Vec<String>> = (1_u64..)
            .zip(&parameters)
            .map(|(seed, p)| good(p.kind, &p.facets, Giver::Client, COUNT, seed))
            .collect();
        let mut session = self.session();
        let mut tried = 0;
        for round in 0..all.iter().map(Vec::len).max().unwrap_or(0) {
            let turn: Vec<(&Parameter, &str)> =
                parameters.iter().zip(&all).filter_map(|(p, v)| Some((p, v.get(round)?.as_str()))).collect();
            let sets: Vec<_> = turn.iter().map(|(p, v)| (p.name.as_str(), p.kind, *v)).collect();
            session.set(&sets, "").unwrap_or_else(|fault| panic!("round {round}: {fault:?}"));
            {
                let kept = self.kept.lock().unwrap();
                for (p, value) in &turn {
                    assert_eq!(kept[&p.name], *value, "{} at the provider", p.name);
                }
            }
            let asked: Vec<&Parameter> = turn.iter().map(|(p, _)| *p).collect();
            let read = Self::read(&mut session, &asked);
            for (p, value) in &turn {
                let (kind, text) = &read[&p.name];
                let shown = if p.secret { "" } else { value };
                assert_eq!((*kind, text.as_str()), (p.kind, shown), "{} at the ACS", p.name);
            }
            tried += turn.len();
        }
        session.end();
        tried
    }

    /// Every value that a provider may give comes to the ACS as it is.
    fn reported_values_arrive(&self) -> usize {
        let parameters: Vec<&Parameter> = self.parameters.iter().filter(|p| !p.secret).collect();
        let all: Vec<Vec<String>> = (1_u64..)
            .zip(&parameters)
            .map(|(seed, p)| good(p.kind, &p.facets, Giver::Device, COUNT, seed))
            .collect();
        let mut session = self.session();
        let mut tried = 0;
        for round in 0..all.iter().map(Vec::len).max().unwrap_or(0) {
            let turn: Vec<(&Parameter, &str)> =
                parameters.iter().zip(&all).filter_map(|(p, v)| Some((*p, v.get(round)?.as_str()))).collect();
            for (p, value) in &turn {
                self.kept.lock().unwrap().insert(p.name.clone(), (*value).to_owned());
            }
            let asked: Vec<&Parameter> = turn.iter().map(|(p, _)| *p).collect();
            let read = Self::read(&mut session, &asked);
            for (p, value) in &turn {
                assert_eq!(read[&p.name], (p.kind, (*value).to_owned()), "{}", p.name);
            }
            tried += turn.len();
        }
        session.end();
        tried
    }

    /// Every value that an ACS may not set draws its fault, and nothing changes.
    fn bad_values_are_refused(&self) -> usize {
        let parameters = self.writable();
        let all: Vec<Vec<cwmp_test_values::Bad>> = (1_u64..)
            .zip(&parameters)
            .map(|(seed, p)| {
                let values = bad(p.kind, &p.facets, Giver::Client, COUNT, seed);
                values.into_iter().filter(|bad| bad.sendable).collect()
            })
            .collect();
        let before = self.kept.lock().unwrap().clone();
        let mut session = self.session();
        let mut tried = 0;
        for round in 0..all.iter().map(Vec::len).max().unwrap_or(0) {
            let turn: Vec<_> =
                parameters.iter().zip(&all).filter_map(|(p, v)| Some((p, v.get(round)?))).collect();
            let sets: Vec<_> = turn.iter().map(|(p, b)| (p.name.as_str(), p.kind, b.text.as_str())).collect();
            let fault = session.set(&sets, "").expect_err("no value is good");
            assert_eq!(fault.code, 9003);
            let codes: HashMap<&str, (u32, &str)> =
                fault.parameters.iter().map(|(n, c, t)| (n.as_str(), (*c, t.as_str()))).collect();
            for (p, bad) in &turn {
                let drawn = codes.get(p.name.as_str());
                assert_eq!(
                    drawn.map(|d| d.0),
                    Some(u32::from(bad.fault.number())),
                    "{} = {:?}",
                    p.name,
                    bad.text
                );
                assert!(drawn.is_some_and(|d| d.1.len() > p.name.len()), "the text says what would be right");
            }
            tried += turn.len();
        }
        session.end();
        assert_eq!(*self.kept.lock().unwrap(), before, "nothing changed");
        tried
    }

    /// A value that a provider may not give does not come to the ACS.
    fn lies_are_not_passed_on(&self) -> usize {
        let parameters: Vec<&Parameter> = self.parameters.iter().filter(|p| !p.secret).collect();
        let all: Vec<Vec<String>> = (1_u64..)
            .zip(&parameters)
            .map(|(seed, p)| {
                let values = bad(p.kind, &p.facets, Giver::Device, LIES, seed);
                // The bus carries no zero byte; a twin cannot even say it.
                values
                    .into_iter()
                    .map(|bad| bad.text)
                    .filter(|text| !text.contains('\0'))
                    .take(LIES)
                    .collect()
            })
            .collect();
        let mut session = self.session();
        let mut tried = 0;
        for round in 0..LIES {
            let turn: Vec<_> =
                parameters.iter().zip(&all).filter_map(|(p, v)| Some((*p, v.get(round)?))).collect();
            for (p, value) in &turn {
                self.kept.lock().unwrap().insert(p.name.clone(), (*value).clone());
            }
            let told: HashMap<String, String> = session
                .get(&["Device."])
                .unwrap()
                .into_iter()
                .map(|(name, value)| (name, value.text))
                .collect();
            for (p, value) in &turn {
                assert_eq!(told.get(&p.name), None, "{} lies {value:?}", p.name);
            }
            let (first, _) = turn[round % turn.len()];
            assert_eq!(session.get(&[&first.name]).unwrap_err().code, 9002);
            tried += turn.len();
        }
        session.end();
        assert!(self.device.log().contains(" lies: "), "the log names the provider");
        tried
    }
}

/// The object right below `Device.`, or below those that are the agent's or hold models.
fn root_of(path: &str) -> String {
    let depth =
        if path.starts_with("Device.DeviceInfo.") || path.starts_with("Device.Services.") { 3 } else { 2 };
    let mut parts = path.split_inclusive('.').take(depth);
    parts.by_ref().collect()
}

fn all_values_of(model: &str) {
    let world = World::new(model);
    let set = world.good_values_round_trip();
    let refused = world.bad_values_are_refused();
    let reported = world.reported_values_arrive();
    let lies = world.lies_are_not_passed_on();
    println!(
        "{model}: {} parameters; {set} values set, {refused} refused, {reported} reported, {lies} lies held back",
        world.parameters.len()
    );
}

/// C104, C107, C142, C143, C144, C147: types, ranges, sizes, enumerations, patterns and lists of every parameter hold.
#[test]
fn every_value_of_the_root_model_is_judged_by_its_definition() {
    all_values_of("Device:2.19");
}

/// C104, C107: the same for the model of set-top boxes.
#[test]
fn every_value_of_the_set_top_box_model_is_judged_by_its_definition() {
    all_values_of("STBService:1.4");
}

/// C104, C107: the same for the model of storage.
#[test]
fn every_value_of_the_storage_model_is_judged_by_its_definition() {
    all_values_of("StorageService:1.3");
}

/// C104, C107: the same for both versions of the model of voice, which the manifest chooses.
#[test]
fn every_value_of_the_voice_models_is_judged_by_its_definition() {
    all_values_of("VoiceService:2.0");
    all_values_of("VoiceService:1.1");
}
