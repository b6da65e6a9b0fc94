use std::path::Path;
use std::time::Duration;

use zbus::zvariant::Value;
use zbus::{Connection, Message};

use crate::back_end::Failure;
use crate::control::printable;

const SERVICE: &str = "NFS-Ganesha";
const NAME: &str = "org.ganesha.nfsd";
const PATH: &str = "/org/ganesha/nfsd/ExportMgr";
const INTERFACE: &str = "org.ganesha.nfsd.exportmgr";
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// The most exports that are believed.
const MAX_EXPORTS: usize = 10_000;

/// The exports of the server while it runs.
#[derive(Debug, Clone)]
pub(super) struct Exports {
    bus: Connection,
}

impl Exports {
    pub(super) fn new(bus: &Connection) -> Self {
        Self { bus: bus.clone() }
    }

    /// The numbers of all.
    pub(super) async fn list(&self) -> Result<Vec<u16>, Failure> {
        let answer = self.ask("ShowExports", &()).await?;
        let body = answer.body();
        // The time, and of each export its number and what differs from version to version.
        let values: zbus::zvariant::Structure<'_> = body.deserialize().map_err(|error| nonsense(&error))?;
        let Some(Value::Array(all)) = values.fields().get(1) else {
            return Err(Failure::Nonsense(SERVICE, "a list of exports that is none".to_owned()));
        };
        let number = |export: &Value<'_>| match export {
            Value::Structure(fields) => match fields.fields().first() {
                Some(Value::U16(number)) => Some(*number),
                _ => None,
            },
            _ => None,
        };
        if all.len() > MAX_EXPORTS {
            return Err(Failure::Nonsense(SERVICE, "too many exports".to_owned()));
        }
        Ok(all.iter().filter_map(number).collect())
    }

    /// Adds the one of this number that is in a file.
    pub(super) async fn add(&self, file: &Path, number: u16) -> Result<(), Failure> {
        let file = file.display().to_string();
        self.ask("AddExport", &(file.as_str(), format!("EXPORT(Export_Id={number})").as_str())).await?;
        // It says that all is well, too, when it has found nothing.
        if self.list().await?.contains(&number) {
            return Ok(());
        }
        Err(Failure::Nonsense(SERVICE, format!("the export {number} is not there")))
    }

    /// Removes one: who has something open of it finds that gone.
    pub(super) async fn remove(&self, number: u16) -> Result<(), Failure> {
        self.ask("RemoveExport", &(number,)).await?;
        if self.list().await?.contains(&number) {
            return Err(Failure::Nonsense(SERVICE, format!("the export {number} is still there")));
        }
        Ok(())
    }

    async fn ask<B>(&self, method: &str, body: &B) -> Result<Message, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let called = self.bus.call_method(Some(NAME), PATH, Some(INTERFACE), method, body);
        match tokio::time::timeout(ANSWER, called).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(zbus::Error::MethodError(name, text, _))) => match name.as_str() {
                "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NoReply" => {
                    Err(Failure::Away(SERVICE))
                }
                _ => Err(Failure::Refused(format!("{SERVICE}: {}", printable(&text.unwrap_or_default())))),
            },
            _ => Err(Failure::Away(SERVICE)),
        }
    }
}

fn nonsense(error: &zbus::Error) -> Failure {
    Failure::Nonsense(SERVICE, printable(&error.to_string()))
}
