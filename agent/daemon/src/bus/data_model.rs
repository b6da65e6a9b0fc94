//! `org.cwmpd1.DataModel`: the merged tree.

use std::collections::HashMap;
use std::sync::Arc;

use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use zbus::message::Header;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::rights::{Rights, Wish};
use crate::core::jobs;
use crate::core::{AttributeRequest, Core, Declared, NewValue, WriteError, MAX_ANSWER, MAX_LISTED};
use crate::provider::Origin;

type Options = HashMap<String, OwnedValue>;
type Faults = Vec<(String, u32, String)>;
type Nodes = Vec<(String, String, String, HashMap<&'static str, Value<'static>>)>;

pub(super) struct DataModel {
    core: Arc<Core>,
    rights: Rights,
}

impl DataModel {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, rights: Rights::default() }
    }

    /// Checks the caller. A provider that would wait for itself, or calls inside its own transaction, is sent away.
    async fn admit(&self, header: &Header<'_>, wish: Wish, paths: &[&str]) -> Result<(), BusError> {
        few(paths)?;
        let sender = header.sender().map(zbus::names::UniqueName::as_str).unwrap_or_default();
        if let Some(provider) = self.core.provider_of(sender) {
            if self.core.would_wait_for(provider.name(), paths) {
                return Err(BusError::Busy);
            }
        }
        self.rights.check(self.core.bus(), header, wish).await
    }
}

/// The most paths of one call, as of one message of the ACS.
const MAX_PATHS: usize = 65_536;

fn few<T>(paths: &[T]) -> Result<(), BusError> {
    if paths.len() <= MAX_PATHS {
        return Ok(());
    }
    let text = format!("{} paths in one call, {MAX_PATHS} are allowed", paths.len());
    Err(Fault::new(FaultCode::ResourcesExceeded, text).into())
}

fn too_much() -> BusError {
    Fault::new(FaultCode::ResourcesExceeded, "the answer is too large: ask for less at once").into()
}

fn wire(faults: Vec<(String, Fault)>) -> Faults {
    faults.into_iter().map(|(path, f)| (path, u32::from(f.code.number()), f.text.into_owned())).collect()
}

fn new_values(values: Vec<(String, String)>) -> Vec<NewValue> {
    values.into_iter().map(|(name, text)| NewValue { name, declared: Declared::Nothing, text }).collect()
}

/// Faults of single parameters go into the reply; anything else is the error of the call.
fn split(error: WriteError) -> Result<Faults, BusError> {
    match error {
        WriteError::Busy => Err(BusError::Busy),
        WriteError::Fault(fault, parameters) if parameters.is_empty() => Err(fault.into()),
        WriteError::Fault(_, parameters) => Ok(wire(parameters)),
    }
}

/// The only fault there is, as an error that names its parameter.
fn single(faults: Faults) -> BusError {
    let (_, code, text) = faults.into_iter().next().unwrap_or_default();
    let code = FaultCode::from_number(code).unwrap_or(FaultCode::InternalError);
    BusError::Fault(Fault::new(code, text))
}

#[zbus::interface(name = "org.cwmpd1.DataModel")]
impl DataModel {
    #[zbus(out_args("values", "faults"))]
    async fn get(
        &self,
        paths: Vec<String>,
        options: Options,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<(String, String, String)>, Faults), BusError> {
        let _ = options;
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        self.admit(&header, Wish::Read, &paths).await?;
        let reading = self.core.read(&paths, Origin::Bus).await;
        if reading.size() > MAX_ANSWER {
            return Err(too_much());
        }
        let mut values = Vec::with_capacity(reading.len());
        reading.for_each(|name, kind, text| {
            values.push((name.to_owned(), kind.name().to_owned(), text.to_owned()));
        });
        Ok((values, wire(reading.faults)))
    }

    #[zbus(out_args("value"))]
    async fn get_value(&self, path: &str, #[zbus(header)] header: Header<'_>) -> Result<String, BusError> {
        if cwmp_model::path::is_partial(path) {
            let text = format!("{path} is no parameter: Get reads partial paths");
            return Err(Fault::new(FaultCode::InvalidParameterName, text).into());
        }
        self.admit(&header, Wish::Read, &[path]).await?;
        let mut reading = self.core.read(&[path], Origin::Bus).await;
        if let Some((_, fault)) = reading.faults.pop() {
            return Err(fault.into());
        }
        let mut value = None;
        reading.for_each(|_, _, text| value = Some(text.to_owned()));
        value.ok_or_else(|| Fault::from(FaultCode::InternalError).into())
    }

    #[zbus(out_args("status", "faults"))]
    async fn set(
        &self,
        values: Vec<(String, String)>,
        options: Options,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(u32, Faults), BusError> {
        let _ = options;
        let paths: Vec<&str> = values.iter().map(|(path, _)| path.as_str()).collect();
        self.admit(&header, Wish::Change, &paths).await?;
        match self.core.set(&new_values(values), Origin::Bus, None).await {
            Ok(applied) => Ok((u32::from(applied.later), Vec::new())),
            Err(error) => Ok((0, split(error)?)),
        }
    }

    #[zbus(out_args("status"))]
    async fn set_value(
        &self,
        path: String,
        value: String,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u32, BusError> {
        self.admit(&header, Wish::Change, &[&path]).await?;
        match self.core.set(&new_values(vec![(path, value)]), Origin::Bus, None).await {
            Ok(applied) => Ok(u32::from(applied.later)),
            Err(error) => Err(single(split(error)?)),
        }
    }

    #[zbus(out_args("number", "status", "faults"))]
    async fn add(
        &self,
        table: &str,
        values: Vec<(String, String)>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(u32, u32, Faults), BusError> {
        self.admit(&header, Wish::Change, &[table]).await?;
        match self.core.add(table, &new_values(values), Origin::Bus, None).await {
            Ok(applied) => Ok((applied.number, u32::from(applied.later), Vec::new())),
            Err(error) => Ok((0, 0, split(error)?)),
        }
    }

    #[zbus(out_args("status"))]
    async fn delete(&self, row: &str, #[zbus(header)] header: Header<'_>) -> Result<u32, BusError> {
        self.admit(&header, Wish::Change, &[row]).await?;
        match self.core.delete(row, Origin::Bus, None).await {
            Ok(applied) => Ok(u32::from(applied.later)),
            Err(error) => Err(single(split(error)?)),
        }
    }

    #[zbus(out_args("names"))]
    async fn list(
        &self,
        path: &str,
        next_level: bool,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<(String, bool)>, BusError> {
        self.admit(&header, Wish::Read, &[path]).await?;
        Ok(self.core.list(path, next_level, Origin::Bus).await?)
    }

    #[zbus(out_args("nodes", "faults"))]
    async fn describe(
        &self,
        paths: Vec<String>,
        options: Options,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Nodes, Faults), BusError> {
        let _ = options;
        self.admit(&header, Wish::Read, &[]).await?;
        few(&paths)?;
        let mut nodes = Nodes::new();
        let mut faults = Vec::new();
        for path in &paths {
            match self.core.describe(path) {
                Ok(found) => nodes.extend(found.into_iter().map(|node| {
                    let access = if node.writable { "readWrite" } else { "readOnly" };
                    let details = HashMap::from([
                        ("access", Value::from(access)),
                        ("facets", Value::from(node.facets)),
                        ("provider", Value::from(node.provider)),
                        ("secret", Value::from(node.secret)),
                        ("pushed", Value::from(node.pushed)),
                    ]);
                    (node.path, node.kind.to_owned(), node.type_name.to_owned(), details)
                })),
                Err(fault) => faults.push((path.clone(), fault)),
            }
            if nodes.len() > MAX_LISTED {
                return Err(too_much());
            }
        }
        Ok((nodes, wire(faults)))
    }

    #[zbus(out_args("job"))]
    async fn invoke(
        &self,
        command: &str,
        arguments: Options,
        options: Options,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedObjectPath, BusError> {
        self.admit(&header, Wish::Change, &[jobs::object(command)?]).await?;
        super::job::start(&self.core, command, arguments, &options).await
    }

    #[zbus(out_args("attributes", "faults"))]
    async fn get_attributes(
        &self,
        paths: Vec<String>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<(String, u32, Vec<String>)>, Faults), BusError> {
        let asked: Vec<&str> = paths.iter().map(String::as_str).collect();
        self.admit(&header, Wish::Read, &asked).await?;
        let (attributes, faults) = self.core.attributes(&asked, Origin::Bus).await;
        let attributes = attributes.into_iter().map(|(name, level, list)| (name, u32::from(level), list));
        Ok((attributes.collect(), wire(faults)))
    }

    #[zbus(out_args("faults"))]
    async fn set_attributes(
        &self,
        changes: Vec<(String, bool, u32, bool, Vec<String>)>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Faults, BusError> {
        let paths: Vec<&str> = changes.iter().map(|(path, ..)| path.as_str()).collect();
        self.admit(&header, Wish::Change, &paths).await?;
        let requests: Vec<AttributeRequest> = changes
            .into_iter()
            .map(|(name, change, level, change_list, list)| AttributeRequest {
                name,
                notification: change.then_some(level),
                access_list: change_list.then_some(list),
            })
            .collect();
        match self.core.set_attributes(&requests, Origin::Bus).await {
            Ok(()) => Ok(Vec::new()),
            Err(faults) => Ok(wire(faults)),
        }
    }

    #[zbus(signal)]
    async fn changed(emitter: &zbus::object_server::SignalEmitter<'_>, paths: &[String]) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn instances_changed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        tables: &[String],
    ) -> zbus::Result<()>;
}
