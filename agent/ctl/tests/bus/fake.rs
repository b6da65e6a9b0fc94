//! An agent with a small tree in memory. A test holds its interfaces against the contract.
// What the bus gives belongs to the member, and a member has a `self`, whether it needs them or not.
#![allow(clippy::needless_pass_by_value, clippy::unused_self)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use cwmp_bus::{names, BusError};
use cwmp_model::{path, Fault, FaultCode};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use crate::private_bus::PrivateBus;

pub(crate) type Faults = Vec<(String, u32, String)>;
type Options = HashMap<String, OwnedValue>;

/// A parameter.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) writable: bool,
}

/// What the agent holds.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) parameters: BTreeMap<String, Parameter>,
    pub(crate) tables: BTreeSet<String>,
    pub(crate) notifications: BTreeMap<String, u32>,
    /// What was asked, where that leaves no other trace.
    pub(crate) calls: Vec<String>,
    /// Changing calls are refused as a whole, with this.
    pub(crate) refusal: Option<BusError>,
    /// The plugin of everything is away.
    pub(crate) is_away: bool,
    /// Reload is never answered.
    pub(crate) stuck: bool,
    /// The numbers of the jobs that are told of.
    pub(crate) jobs: Vec<u64>,
}

pub(crate) type Shared = Arc<Mutex<State>>;

/// The agent; gone when dropped.
pub(crate) struct Fake {
    pub(crate) state: Shared,
    pub(crate) connection: zbus::Connection,
}

impl Fake {
    /// Takes the agent's name on the bus.
    pub(crate) async fn start(bus: &PrivateBus) -> Self {
        let state = Shared::default();
        {
            let mut s = state.lock().unwrap();
            let mut add = |path: &str, kind, value: &str, writable| {
                s.parameters.insert(path.to_owned(), Parameter { kind, value: value.to_owned(), writable });
            };
            add("Device.DeviceInfo.SerialNumber", "string", "SN1", false);
            add("Device.DeviceInfo.UpTime", "unsignedInt", "42", false);
            add("Device.DeviceInfo.ProvisioningCode", "string", "", true);
            add("Device.X_CWMPD_Demo.Label", "string", "a", true);
            add("Device.X_CWMPD_Demo.Level", "unsignedInt", "1", true);
            add("Device.X_CWMPD_Demo.Password", "string", "", true);
            add("Device.X_CWMPD_Demo.Lamp.1.Name", "string", "first", true);
            add("Device.X_CWMPD_Demo.Lamp.2.Name", "string", "second", true);
            s.tables.insert("Device.X_CWMPD_Demo.Lamp.".to_owned());
        }
        let connection = zbus::connection::Builder::address(bus.address())
            .unwrap()
            .serve_at(names::PATH, DataModel(state.clone()))
            .unwrap()
            .serve_at(names::PATH, Agent(state.clone()))
            .unwrap()
            .name(names::SERVICE)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { state, connection }
    }

    /// Changes a value and says so.
    pub(crate) async fn change(&self, path: &str, value: &str) {
        let new = value.to_owned();
        self.state.lock().unwrap().parameters.get_mut(path).unwrap().value = new;
        self.signal("Changed", &[path]).await;
    }

    pub(crate) async fn signal(&self, member: &str, paths: &[&str]) {
        let body = (paths,);
        let to: Option<&str> = None;
        self.connection.emit_signal(to, names::PATH, names::DATA_MODEL, member, &body).await.unwrap();
    }
}

fn fault(path: &str, code: FaultCode) -> (String, u32, String) {
    (path.to_owned(), u32::from(code.number()), code.meaning().to_owned())
}

impl State {
    /// The parameters at or below a path.
    fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a String, &'a Parameter)> {
        let hit = move |name: &str| name == path || (path::is_partial(path) && path::is_under(name, path));
        self.parameters.iter().filter(move |(name, _)| hit(name))
    }

    fn exists(&self, path: &str) -> bool {
        self.below(path).next().is_some() || self.tables.contains(path)
    }

    fn refuse(&self) -> Result<(), BusError> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    fn check(&self, path: &str) -> Option<(String, u32, String)> {
        match self.parameters.get(path) {
            None => Some(fault(path, FaultCode::InvalidParameterName)),
            Some(parameter) if !parameter.writable => Some(fault(path, FaultCode::NotWritable)),
            Some(_) => None,
        }
    }
}

struct DataModel(Shared);

#[zbus::interface(name = "org.cwmpd1.DataModel")]
impl DataModel {
    #[zbus(out_args("values", "faults"))]
    fn get(&self, paths: Vec<String>, options: Options) -> (Vec<(String, String, String)>, Faults) {
        assert!(options.is_empty());
        let state = self.0.lock().unwrap();
        let mut values = Vec::new();
        let mut faults = Vec::new();
        for path in &paths {
            if !state.exists(path) {
                faults.push(fault(path, FaultCode::InvalidParameterName));
            }
            values.extend(
                state.below(path).map(|(name, p)| (name.clone(), p.kind.to_owned(), p.value.clone())),
            );
        }
        (values, faults)
    }

    #[zbus(out_args("value"))]
    fn get_value(&self, path: &str) -> Result<String, BusError> {
        let state = self.0.lock().unwrap();
        let found = state.parameters.get(path).ok_or(Fault::of(FaultCode::InvalidParameterName))?;
        Ok(found.value.clone())
    }

    #[zbus(out_args("status", "faults"))]
    fn set(&self, values: Vec<(String, String)>, options: Options) -> Result<(u32, Faults), BusError> {
        assert!(options.is_empty());
        let mut state = self.0.lock().unwrap();
        state.refuse()?;
        let faults: Faults = values.iter().filter_map(|(path, _)| state.check(path)).collect();
        if !faults.is_empty() {
            return Ok((0, faults));
        }
        let later = values.iter().any(|(_, value)| value == "later");
        state.calls.push(format!("Set {}", values.len()));
        for (path, value) in values {
            state.parameters.get_mut(&path).unwrap().value = value;
        }
        Ok((u32::from(later), faults))
    }

    #[zbus(out_args("status"))]
    fn set_value(&self, path: String, value: String) -> Result<u32, BusError> {
        Ok(self.set(vec![(path, value)], Options::new())?.0)
    }

    #[zbus(out_args("number", "status", "faults"))]
    fn add(&self, table: String, values: Vec<(String, String)>) -> Result<(u32, u32, Faults), BusError> {
        let mut state = self.0.lock().unwrap();
        state.refuse()?;
        if !state.tables.contains(&table) {
            return Ok((0, 0, vec![fault(&table, FaultCode::InvalidParameterName)]));
        }
        if let Some((name, _)) = values.iter().find(|(name, _)| name != "Name") {
            return Ok((0, 0, vec![fault(&format!("{table}3.{name}"), FaultCode::InvalidParameterName)]));
        }
        let value = values.first().map(|(_, value)| value.clone()).unwrap_or_default();
        state
            .parameters
            .insert(format!("{table}3.Name"), Parameter { kind: "string", value, writable: true });
        Ok((3, 0, Vec::new()))
    }

    #[zbus(out_args("status"))]
    fn delete(&self, row: String) -> Result<u32, BusError> {
        let mut state = self.0.lock().unwrap();
        state.refuse()?;
        if path::split_row(&row).is_none() || !state.exists(&row) {
            return Err(Fault::of(FaultCode::InvalidParameterName).into());
        }
        state.parameters.retain(|name, _| !name.starts_with(&row));
        Ok(0)
    }

    #[zbus(out_args("names"))]
    fn list(&self, path: &str, next_level: bool) -> Result<Vec<(String, bool)>, BusError> {
        let state = self.0.lock().unwrap();
        if state.is_away {
            return Err(Fault::new(FaultCode::InternalError, "the plugin is away").into());
        }
        if !state.exists(path) {
            return Err(Fault::of(FaultCode::InvalidParameterName).into());
        }
        if next_level && !path::is_partial(path) {
            return Err(Fault::of(FaultCode::InvalidArguments).into());
        }
        let mut all = BTreeMap::new();
        for (name, parameter) in state.below(path) {
            all.insert(name.clone(), parameter.writable);
            let mut object = path::parent(name);
            while !object.is_empty() && object.len() >= path.len() {
                let writable = state.tables.contains(object) || path::split_row(object).is_some();
                all.insert(object.to_owned(), writable);
                object = path::parent(object);
            }
        }
        if next_level {
            all.retain(|name, _| path::parent(name) == path && name != path);
        }
        Ok(all.into_iter().collect())
    }

    #[zbus(out_args("nodes", "faults"))]
    #[allow(clippy::type_complexity)]
    fn describe(
        &self,
        paths: Vec<String>,
        options: Options,
    ) -> (Vec<(String, String, String, HashMap<String, Value<'static>>)>, Faults) {
        assert!(options.is_empty());
        let state = self.0.lock().unwrap();
        let mut nodes = BTreeMap::new();
        let mut faults = Vec::new();
        for path in &paths {
            if !state.exists(path) {
                faults.push(fault(path, FaultCode::InvalidParameterName));
            }
            for (name, parameter) in state.below(path) {
                let access = if parameter.writable { "readWrite" } else { "readOnly" };
                let facets = if parameter.kind == "unsignedInt" { "range=0:100" } else { "" };
                let details = HashMap::from([
                    ("access".to_owned(), Value::from(access)),
                    ("facets".to_owned(), Value::from(facets)),
                    ("provider".to_owned(), Value::from("demo")),
                    ("secret".to_owned(), Value::from(false)),
                    ("pushed".to_owned(), Value::from(true)),
                    ("later".to_owned(), Value::from(7u32)),
                ]);
                nodes.insert(path::schema_path(name), (parameter.kind, details));
            }
        }
        let told = |(path, (kind, details)): (String, (&str, _))| {
            (path, "parameter".to_owned(), kind.to_owned(), details)
        };
        (nodes.into_iter().map(told).collect(), faults)
    }

    #[zbus(out_args("job"))]
    async fn invoke(
        &self,
        command: String,
        arguments: BTreeMap<String, OwnedValue>,
        options: Options,
        #[zbus(object_server)] server: &zbus::ObjectServer,
    ) -> Result<OwnedObjectPath, BusError> {
        self.0.lock().unwrap().refuse()?;
        if !command.ends_with("Blink()") {
            return Err(Fault::of(FaultCode::InvalidParameterName).into());
        }
        let text = |value: &OwnedValue| value.downcast_ref::<&str>().unwrap().to_owned();
        let arguments: BTreeMap<_, _> =
            arguments.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        let deadline = options.get("deadline_ms").map(|v| v.downcast_ref::<u32>().unwrap());
        self.0.lock().unwrap().calls.push(format!("Invoke {arguments:?} {deadline:?}"));
        let path = format!("{}1", names::JOB_PREFIX);
        let job = Job { state: self.0.clone(), arguments, asked: Mutex::new(0) };
        server.at(path.as_str(), job).await.unwrap();
        Ok(path.try_into().unwrap())
    }

    #[zbus(out_args("attributes", "faults"))]
    fn get_attributes(&self, paths: Vec<String>) -> (Vec<(String, u32, Vec<String>)>, Faults) {
        let state = self.0.lock().unwrap();
        let mut attributes = Vec::new();
        let mut faults = Vec::new();
        for path in &paths {
            if !state.exists(path) {
                faults.push(fault(path, FaultCode::InvalidParameterName));
            }
            for (name, _) in state.below(path) {
                let level = state.notifications.get(name).copied().unwrap_or_default();
                attributes.push((name.clone(), level, vec!["Subscriber".to_owned()]));
            }
        }
        (attributes, faults)
    }

    #[zbus(out_args("faults"))]
    fn set_attributes(
        &self,
        changes: Vec<(String, bool, u32, bool, Vec<String>)>,
    ) -> Result<Faults, BusError> {
        let mut state = self.0.lock().unwrap();
        state.refuse()?;
        let wrong = changes.iter().filter(|(path, ..)| !state.exists(path));
        let faults: Faults = wrong.map(|(path, ..)| fault(path, FaultCode::InvalidParameterName)).collect();
        if faults.is_empty() {
            state.calls.push(format!("SetAttributes {}", changes.len()));
            for (path, change, level, change_list, list) in changes {
                assert!(change && !change_list && list.is_empty());
                state.notifications.insert(path, level);
            }
        }
        Ok(faults)
    }

    #[zbus(signal)]
    async fn changed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        paths: Vec<String>,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn instances_changed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        tables: Vec<String>,
    ) -> zbus::Result<()>;
}

struct Agent(Shared);

#[zbus::interface(name = "org.cwmpd1.Agent")]
impl Agent {
    fn inform(&self, options: Options) -> Result<(), BusError> {
        assert!(options.is_empty());
        let mut state = self.0.lock().unwrap();
        state.refuse()?;
        state.calls.push("Inform".to_owned());
        Ok(())
    }

    async fn reload(&self) -> Result<(), BusError> {
        let stuck = {
            let mut state = self.0.lock().unwrap();
            state.refuse()?;
            state.calls.push("Reload".to_owned());
            state.stuck
        };
        if stuck {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    #[zbus(property)]
    fn version(&self) -> String {
        "0.1.0".to_owned()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        "waiting".to_owned()
    }

    #[zbus(property)]
    fn acs_url(&self) -> String {
        "https://acs.example/".to_owned()
    }

    #[zbus(property)]
    fn last_inform(&self) -> String {
        "2024-05-01T00:00:00Z".to_owned()
    }

    #[zbus(property)]
    fn last_result(&self) -> String {
        "the ACS closed the connection".to_owned()
    }

    #[zbus(property)]
    fn next_inform(&self) -> String {
        String::new()
    }

    #[zbus(property)]
    fn retry_count(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn pending_events(&self) -> Vec<(String, String)> {
        vec![("1 BOOT".to_owned(), String::new()), ("M Reboot".to_owned(), "key".to_owned())]
    }

    #[zbus(property)]
    fn pending_changes(&self) -> Vec<String> {
        vec!["Device.X_CWMPD_Demo.Label".to_owned()]
    }

    #[zbus(property)]
    fn providers(&self) -> Vec<(String, String, String, String, Vec<String>)> {
        let one = |name: &str, state: &str, version: &str, cause: &str, root: &str| {
            (name.to_owned(), state.to_owned(), version.to_owned(), cause.to_owned(), vec![root.to_owned()])
        };
        vec![
            one("demo", "ready", "1.0", "", "Device.X_CWMPD_Demo."),
            one("wifi", "failed", "", "its library cannot be loaded", "Device.WiFi."),
        ]
    }

    #[zbus(property)]
    fn jobs(&self) -> Vec<OwnedObjectPath> {
        let jobs = &self.0.lock().unwrap().jobs;
        jobs.iter().map(|n| format!("{}{n}", names::JOB_PREFIX).try_into().unwrap()).collect()
    }

    #[zbus(signal)]
    async fn job_began(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        job: zbus::zvariant::ObjectPath<'_>,
    ) -> zbus::Result<()>;

    #[zbus(property)]
    fn store(&self) -> String {
        "ok".to_owned()
    }

    #[zbus(property)]
    fn identity(&self) -> (String, String, String, String) {
        ("Acme".to_owned(), "A0B1C2".to_owned(), "Box".to_owned(), "SN1".to_owned())
    }
}

/// What a plugin began by itself, as it is for ever, or as it is until somebody has looked often enough.
struct Begun {
    end: &'static str,
    looks: Mutex<u32>,
}

impl Fake {
    /// Shows a job that a plugin began: it runs for two looks, then it has come to `end`.
    pub(crate) async fn show_job(&self, number: u64, end: &'static str) {
        let path = format!("{}{number}", names::JOB_PREFIX);
        let job = Begun { end, looks: Mutex::new(0) };
        self.connection.object_server().at(path, job).await.unwrap();
        self.state.lock().unwrap().jobs.push(number);
    }
}

#[zbus::interface(name = "org.cwmpd1.Job")]
impl Begun {
    #[zbus(out_args("state", "code", "text", "outputs"))]
    fn result(&self) -> (String, u32, String, BTreeMap<String, String>) {
        let text = if self.end == "failed" { "/dev/sdb is gone" } else { "" };
        (self.end.to_owned(), 0, text.to_owned(), BTreeMap::new())
    }

    #[zbus(property)]
    fn command(&self) -> String {
        String::new()
    }

    #[zbus(property)]
    fn object(&self) -> String {
        "Device.Services.StorageService.1.LogicalVolume.1.".to_owned()
    }

    #[zbus(property)]
    fn provider(&self) -> String {
        "storage".to_owned()
    }

    #[zbus(property)]
    fn started(&self) -> String {
        "2026-01-02T03:04:05Z".to_owned()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        if *looks > 2 {
            self.end.to_owned()
        } else {
            "running".to_owned()
        }
    }

    #[zbus(property)]
    fn progress(&self) -> i32 {
        -1 + i32::from(self.end != "failed") * 501
    }
}

/// A command that gets on whenever somebody looks. `End=failed` makes it fail, `End=never` makes it wait for a cancel.
struct Job {
    state: Shared,
    arguments: BTreeMap<String, String>,
    asked: Mutex<i32>,
}

#[zbus::interface(name = "org.cwmpd1.Job")]
impl Job {
    fn cancel(&self) {
        self.state.lock().unwrap().calls.push("Cancel".to_owned());
    }

    #[zbus(out_args("state", "code", "text", "outputs"))]
    fn result(&self) -> (String, u32, String, BTreeMap<String, String>) {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        let end = self.arguments.get("End").map_or("done", String::as_str);
        let is_cancelled = self.state.lock().unwrap().calls.iter().any(|c| c == "Cancel");
        let told = |state: &str, code, text: &str| (state.to_owned(), code, text.to_owned(), BTreeMap::new());
        match (*asked, end) {
            _ if is_cancelled => told("cancelled", 0, ""),
            (1..=2, _) | (_, "never") => told("running", 0, "blinking"),
            (_, "failed") => told("failed", 9004, "the lamp is broken"),
            _ => ("done".to_owned(), 0, String::new(), self.arguments.clone()),
        }
    }

    #[zbus(property)]
    fn command(&self) -> String {
        "Device.X_CWMPD_Demo.Blink()".to_owned()
    }

    #[zbus(property)]
    fn object(&self) -> String {
        "Device.X_CWMPD_Demo.".to_owned()
    }

    #[zbus(property)]
    fn provider(&self) -> String {
        "demo".to_owned()
    }

    #[zbus(property)]
    fn started(&self) -> String {
        "2026-01-02T03:04:05Z".to_owned()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.result().0
    }

    #[zbus(property)]
    fn progress(&self) -> i32 {
        *self.asked.lock().unwrap() * 250 - 500
    }
}
